"""Every code has a page of one form, and the examples on the pages are what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_dbxgate.checks.grammar import check as grammar
from pytest_dbxgate.checks.grammar import scala
from pytest_dbxgate.checks.grammar.parsing import Unparsed
from pytest_dbxgate.checks.metadata import check as metadata
from pytest_dbxgate.codes import RULES, Check, Rule
from pytest_dbxgate.notebook import source
from pytest_dbxgate.notebook.model import Language
from pytest_dbxgate.session import Gate
from pytest_dbxgate.settings import Policy, Settings
from support import write

PAGES = Path(__file__).resolve().parent.parent / "docs" / "rules"
HEADINGS = ["Why", "Bad", "Good", "How to silence it"]
LANGUAGES = {"python": Language.PYTHON, "scala": Language.SCALA}
HEADERS = {"python": "# Databricks notebook source", "scala": "// Databricks notebook source"}
POLICIES = {
    "DBX230": Policy(title_cell=True),
    "DBX231": Policy(owner=True),
    "DBX232": Policy(allowed_magics=("md", "sql", "run", "pip")),
    "DBX233": Policy(allowed_languages=("python", "sql")),
}
WHOLE_FILES = {"DBX103", "DBX104", "DBX105", "DBX106", "DBX222", "DBX230"}
"""Their examples are whole files, header or not; the others are cells."""
EXAMPLES = sorted(
    {*WHOLE_FILES, *POLICIES, "DBX130", "DBX131", "DBX140", "DBX165"}
    | {"DBX220", "DBX221", "DBX223", "DBX224"}
)
BESIDE: dict[str, dict[str, str | bytes]] = {
    "DBX321": {},
    "DBX322": {},
    "DBX330": {"team/__init__.py": "", "team/orders.py": "def clean(orders): ...\n"},
    "DBX331": {"orders.py": "def clean(orders): ...\n"},
    "DBX332": {"shared.py": f"{HEADERS['python']}\ndef load_orders(): ...\n"},
    "DBX401": {
        "load.py": f"{HEADERS['python']}\n"
        'dbutils.widgets.text("country", "NL")\nprint(dbutils.widgets.get("country"))\n'
    },
    **{code: {} for code in ("DBX402", "DBX403", "DBX404", "DBX405", "DBX406")},
    "DBX407": {"dbxgate.toml": 'runtime = "14.3"\n'},
    **{code: {} for code in ("DBX604", "DBX608", "DBX620")},
}
"""The examples that are run through the whole gate, with the files that stand beside them."""
ELSEWHERE = {
    **{f"DBX{number}": "test_references_runs.py runs it" for number in range(301, 311)},
    **{f"DBX{number}": "test_jobs_pages.py runs it" for number in range(420, 436)},
    "DBX408": "too long for a page: test_references_parameters.py",
    **{
        f"DBX{number}": "shortened, as no token may stand here: test_secrets_detect.py plants it"
        for number in (601, 602, 603, 605, 606, 607, 609, 610)
    },
}


def page(code: str) -> str:
    return (PAGES / f"{code}.md").read_text(encoding="utf-8")


def default(rule: Rule) -> str:
    if rule.unchecked:
        return "not checked"
    return rule.severity.value if rule.severity else "off"


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_page_for_each_code(rule: Rule) -> None:
    lines = page(rule.code).splitlines()
    assert lines[0] == f"# {rule.code} {rule.name}"
    assert lines[2] == (
        f"{rule.summary[0].upper()}{rule.summary[1:]}. "
        f"Item `::{rule.check.value}`, by default: {default(rule)}."
    )
    assert [line[3:] for line in lines if line.startswith("## ")] == HEADINGS
    assert 15 <= len(lines) <= 45
    assert sum(line.startswith("```") for line in lines) % 2 == 0
    for heading in HEADINGS:
        assert section(rule.code, heading)


def test_no_page_without_a_code() -> None:
    assert {file.stem for file in PAGES.glob("*.md")} == {*RULES, "README"}


def test_the_index_lists_all_in_order() -> None:
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    rows = [line for line in index.splitlines() if line.startswith("| [DBX")]
    assert rows == [
        f"| [{rule.code}]({rule.code}.md) | {rule.name} | {rule.summary} "
        f"| `::{rule.check.value}` | {default(rule)} |"
        for rule in RULES.values()
    ]


@pytest.mark.parametrize("file", sorted(PAGES.glob("*.md")), ids=lambda file: file.stem)
def test_links_lead_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", file.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            assert (file.parent / target).exists(), target


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_examples_are_what_they_say(code: str) -> None:
    if code == "DBX165" and isinstance(scala.parse([""]), Unparsed):
        pytest.skip("the extra languages is not installed")
    assert code in found(code, example(code, "Bad"))
    good = found(code, example(code, "Good"))
    assert code not in good
    # Nothing that a page recommends may be an error of another rule.
    assert not [other for other in good if other not in POLICIES]


@pytest.mark.parametrize("code", BESIDE)
def test_the_examples_are_what_they_say_to_the_whole_gate(tmp_path: Path, code: str) -> None:
    bad, good = (
        gated(tmp_path / heading, code, example(code, heading)) for heading in ("Bad", "Good")
    )
    assert code in bad
    assert not [other for other in good if other.startswith("DBX")]


def test_the_examples_of_what_lies_between_notebooks_are_all_run_or_excused() -> None:
    checks = (Check.REFERENCES, Check.SECRETS)
    codes = {code for code, rule in RULES.items() if rule.check in checks}
    assert codes == BESIDE.keys() | ELSEWHERE.keys()
    assert not BESIDE.keys() & ELSEWHERE.keys()


def section(code: str, heading: str) -> str:
    return page(code).partition(f"## {heading}\n")[2].partition("\n## ")[0].strip()


def example(code: str, heading: str) -> tuple[str, str]:
    """The language and the text of the first notebook shown below a heading."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", section(code, heading), re.MULTILINE | re.DOTALL)
    for language, text in blocks:
        if language in LANGUAGES:
            return language, text
    # A page of a policy may show a setting as the good example.
    assert code in POLICIES
    return "python", "x = 1\n"


def gated(root: Path, code: str, shown: tuple[str, str]) -> set[str]:
    """The codes that the whole gate finds in an example and in what stands beside it."""
    language, text = shown
    write(root, {**BESIDE[code], "example.py": f"{HEADERS[language]}\n{text}"})
    gate = Gate(root)
    selection = {
        key: checks & {Check.REFERENCES, Check.SECRETS} for key, checks in gate.select_all().items()
    }
    return {finding.code for finding in gate.run(selection).findings}


def found(code: str, shown: tuple[str, str]) -> set[str]:
    language, text = shown
    if code not in WHOLE_FILES:
        text = f"{HEADERS[language]}\n{text}"
    notebook = source.read("a", text.encode(), LANGUAGES[language])
    settings = Settings(policy=POLICIES.get(code, Policy()))
    findings = metadata.check(notebook, settings)
    findings += grammar.check([notebook])
    return {finding.code for finding in findings}
