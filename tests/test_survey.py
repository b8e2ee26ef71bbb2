"""What lies between files: remembered as long as none of them changes, and no longer."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from pytest_dbxgate import survey as survey_module
from pytest_dbxgate.checks import engine
from pytest_dbxgate.checks.result import BrokenCells, State
from pytest_dbxgate.codes import Check
from pytest_dbxgate.notebook.model import Notebook, NotebookKey
from pytest_dbxgate.project import extract
from pytest_dbxgate.session import Gate, Outcome
from pytest_dbxgate.survey import Relations
from support import ipynb, source, write

BUNDLE = """\
bundle:
  name: retail
resources:
  jobs:
    daily:
      tasks:
        - task_key: load
          notebook_task:
            notebook_path: ./nb/load.py
            base_parameters:
              {parameter}: south
"""
FILES: dict[str, str | bytes] = {
    "nb/main.py": source('region = "north"', "# MAGIC %run ./child"),
    "nb/child.py": source("print(region)", "import prices", "prices.net(1)"),
    "nb/load.py": source('dbutils.widgets.text("region", "")', 'dbutils.widgets.get("region")'),
    "nb/prices.py": "def net(x): ...\n",
    "databricks.yml": BUNDLE.format(parameter="region"),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "project", FILES)
    return tmp_path / "project"


def run(root: Path, *only: str) -> Outcome:
    gate = Gate(root, cache_file=root.parent / "cache.json")
    files = [item for item in gate.files if not only or item.path in only]
    return gate.run(gate.select_all(files))


def told(outcome: Outcome) -> list[tuple[str, int, str]]:
    return sorted((each.path, each.line, each.code) for each in outcome.findings)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done that a cache is there to spare: reading, looking for facts, and checks."""
    done: list[str] = []

    def spy(owner: object, name: str, what: Callable[..., str]) -> None:
        original = getattr(owner, name)

        def called(*args: object, **kwargs: object) -> object:
            done.append(what(*args, **kwargs))
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, called)

    def read(root: Path, path: str) -> str:
        return f"read {path}"

    def facts(notebook: Notebook) -> str:
        return f"facts of {notebook.path}"

    def check(request: engine.Request, *_: object) -> str:
        return "check " + " ".join(sorted(item.path for item in request.notebooks))

    spy(survey_module.formats, "read", read)
    spy(extract, "facts_of", facts)
    spy(engine, "run", check)
    return done


def test_the_second_run_takes_everything_from_the_cache(root: Path, work: list[str]) -> None:
    write(root, {"nb/main.py": source("# MAGIC %run ./child")})
    first = run(root)
    assert told(first) == [("nb/child.py", 2, "F821")]
    assert "facts of nb/child.py" in work
    work.clear()
    second = run(root)
    assert work == []
    assert second.cached == 4
    assert second.results == first.results
    assert second.states == first.states


def test_facts_of_what_did_not_change_are_kept(root: Path, work: list[str]) -> None:
    run(root)
    work.clear()
    write(root, {"nb/load.py": source('dbutils.widgets.get("region")')})
    run(root)
    assert [each for each in work if each.startswith("facts")] == ["facts of nb/load.py"]
    assert [each for each in work if each.startswith("check")] == ["check nb/load.py"]


def test_a_changed_caller_changes_the_verdict_on_what_it_runs(root: Path) -> None:
    assert told(run(root)) == []
    write(root, {"nb/main.py": source('area = "north"', "# MAGIC %run ./child")})
    outcome = run(root)
    assert told(outcome) == [("nb/child.py", 2, "F821")]
    assert outcome.states[NotebookKey("nb/child.py")][Check.REFERENCES] is State.FAILED
    write(root, {"nb/main.py": FILES["nb/main.py"]})
    assert told(run(root)) == []


def test_a_new_caller_and_one_that_is_gone(root: Path) -> None:
    assert told(run(root)) == []
    write(root, {"nb/other.py": source("# MAGIC %run ./child")})
    assert told(run(root)) == [("nb/child.py", 2, "F821")]
    (root / "nb/other.py").unlink()
    assert told(run(root)) == []


def test_a_caller_may_use_what_the_notebook_imports(root: Path) -> None:
    write(
        root,
        {
            "ruff.toml": '[lint]\nselect = ["F401"]\n',
            "nb/child.py": source("import json"),
            "nb/main.py": source("# MAGIC %run ./child", "json.dumps(1)"),
        },
    )
    assert told(run(root)) == []
    write(root, {"nb/main.py": source("# MAGIC %run ./child", "print(1)")})
    assert told(run(root)) == [("nb/child.py", 2, "F401")]


def test_a_changed_module(root: Path) -> None:
    write(root, {"nb/child.py": source("from prices import net", "print(net(1))")})
    assert told(run(root)) == []
    write(root, {"nb/prices.py": "def gross(x): ...\n"})
    assert told(run(root)) == [("nb/child.py", 2, "DBX331")]
    (root / "nb/prices.py").unlink()
    write(root, {"nb/prices/__init__.py": "from nb.prices.parts import net\n"})
    assert told(run(root)) == []


def test_a_changed_job_file(root: Path) -> None:
    assert told(run(root)) == []
    write(root, {"databricks.yml": BUNDLE.format(parameter="regoin")})
    assert told(run(root)) == [("databricks.yml", 11, "DBX401")]


def test_a_job_file_feeds_a_widget(root: Path) -> None:
    write(root, {"nb/load.py": source('dbutils.widgets.get("region")')})
    assert told(run(root)) == []
    write(root, {"databricks.yml": BUNDLE.format(parameter="area")})
    assert ("nb/load.py", 2, "DBX402") in told(run(root))


def test_a_file_that_a_bundle_includes(root: Path) -> None:
    text = BUNDLE.format(parameter="region").replace("./nb/load.py", "${var.folder}/load.py")
    write(root, {"databricks.yml": f"{text}include:\n  - parts/*.yml\n"})
    write(root, {"parts/a.yml": "variables:\n  folder:\n    default: ./nb\n"})
    assert told(run(root)) == []
    write(root, {"parts/a.yml": "variables:\n  foldr:\n    default: ./nb\n"})
    assert [code for _, _, code in told(run(root))] == ["DBX433"]
    write(root, {"parts/a.yml": "variables:\n  folder:\n"})
    assert told(run(root)) == []


def test_a_setting_that_changes_what_is_known(root: Path) -> None:
    write(root, {"nb/main.py": source("# MAGIC %run ./child")})
    assert told(run(root)) == [("nb/child.py", 2, "F821")]
    write(root, {"dbxgate.toml": 'globals = ["region"]\n'})
    assert told(run(root)) == []


def test_a_part_is_told_what_the_whole_is(root: Path) -> None:
    write(root, {"nb/main.py": source("area = 1", "# MAGIC %run ./child")})
    assert told(run(root, "nb/child.py")) == [("nb/child.py", 2, "F821")]
    assert told(run(root, "nb/main.py")) == []
    assert told(run(root)) == [("nb/child.py", 2, "F821")]
    # Facts of files that nobody asked to check are kept, but count for no check.
    assert run(root).cached == 4


def test_the_survey_after_a_run_is_that_of_the_run(root: Path, work: list[str]) -> None:
    gate = Gate(root, cache_file=root.parent / "cache.json")
    before = gate.survey().subject
    assert sorted(map(str, before.project.notebooks)) == [
        "nb/child.py",
        "nb/load.py",
        "nb/main.py",
    ]
    gate.run(gate.select_all())
    work.clear()
    assert gate.survey().subject.graph.edges == before.graph.edges
    assert gate.survey().subject is gate.survey().subject
    assert work == []


def test_a_broken_configuration_of_one_folder_leaves_the_others_checked(root: Path) -> None:
    write(root, {"nb/main.py": source("# MAGIC %run ./child"), "team/a.py": source("print(gone)")})
    write(root, {"team/ruff.toml": "no-such-key = 1\n"})
    outcome = run(root)
    assert told(outcome) == [("nb/child.py", 2, "F821")]
    team = outcome.states[NotebookKey("team/a.py")]
    assert team[Check.REFERENCES] is State.SKIPPED
    assert outcome.states[NotebookKey("nb/load.py")][Check.REFERENCES] is State.PASSED
    assert outcome.states[NotebookKey("databricks.yml")][Check.REFERENCES] is State.PASSED
    assert "no-such-key" in outcome.error_of("ruff")
    # Nothing of a run in which a tool failed is remembered.
    (root / "team/ruff.toml").unlink()
    assert told(run(root)) == [("nb/child.py", 2, "F821"), ("team/a.py", 2, "F821")]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_that_cannot_be_written_down(root: Path) -> None:
    name = os.fsdecode(b"nb/\xff.py")
    write(root, {name: source("# MAGIC %run ./gone")})
    assert told(run(root)) == [(name, 2, "DBX302")]
    assert told(run(root)) == [(name, 2, "DBX302")]


def test_lint_alone_asks_for_no_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.py": source("# MAGIC %run ./b", "print(x)"), "b.py": source("x = 1")})

    def never(notebook: object) -> None:
        raise AssertionError(notebook)

    monkeypatch.setattr(extract, "facts_of", never)
    gate = Gate(tmp_path)
    lint = {key: frozenset({Check.LINT}) for key in gate.select_all()}
    assert gate.run(lint).findings == []


def test_lint_alone_knows_what_another_notebook_uses(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "ruff.toml": '[lint]\nselect = ["F401"]\n',
            "a.py": source("# MAGIC %run ./b", "print(os.name)"),
            "b.py": source("import os\nimport sys"),
        },
    )
    gate = Gate(tmp_path)
    lint = {key: frozenset({Check.LINT}) for key in gate.select_all()}
    found = gate.run(lint).findings
    assert [(each.path, each.code, each.line) for each in found] == [("b.py", "F401", 3)]


LINT = frozenset((Check.SYNTAX, Check.LINT))
UNUSED: dict[str, str | bytes] = {
    "ruff.toml": '[lint]\nselect = ["F401"]\n',
    "nb/alone.py": source("import os"),
    "nb/Child.py": source("import sys"),
}


@pytest.mark.parametrize(
    ("runner", "asked", "left"),
    [
        ({}, [], ["nb/Child.py", "nb/alone.py"]),
        ({"nb/a.py": source("# MAGIC %run ./child", "sys.path")}, ["nb/Child.py"], ["nb/alone.py"]),
        ({"nb/b.ipynb": ipynb('%run "./Child"', "sys.path")}, ["nb/Child.py"], ["nb/alone.py"]),
        ({"nb/c.dbc": b"no zip"}, ["nb/Child.py", "nb/alone.py"], ["nb/Child.py", "nb/alone.py"]),
    ],
)
def test_lint_alone_asks_the_project_about_what_may_be_run_only(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    runner: dict[str, str | bytes],
    asked: list[str],
    left: list[str],
) -> None:
    write(tmp_path, {**UNUSED, **runner})
    seen: list[str] = []
    relations = survey_module.Survey.relations

    def spy(
        self: survey_module.Survey, wanted: Collection[NotebookKey], broken: BrokenCells
    ) -> Relations:
        seen.extend(sorted(key.path for key in wanted))
        return relations(self, wanted, broken)

    monkeypatch.setattr(survey_module.Survey, "relations", spy)
    gate = Gate(tmp_path)
    outcome = gate.run(dict.fromkeys(gate.select_all(), LINT))
    assert seen == asked
    assert sorted(each.path for each in outcome.findings if each.code == "F401") == left
