"""The pages about publishing say what the code does."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_dbxgate
from pytest_dbxgate import errors
from pytest_dbxgate.delivery import (
    bundle,
    bundle_cli,
    job_files,
    manifest,
    package_zip,
    placement,
    verdict,
)
from pytest_dbxgate.delivery.model import Action
from pytest_dbxgate.settings.targets import ALLOWED, CREDENTIALS, METHODS, TargetSettings

ROOT = Path(__file__).resolve().parent.parent
DELIVERY = Path(pytest_dbxgate.__file__).parent / "delivery"


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def section(name: str, heading: str) -> str:
    """The text below a heading, up to the next of the same level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    found = re.search(
        rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{level}}} |\Z)",
        page(name),
        re.MULTILINE | re.DOTALL,
    )
    assert found is not None, heading
    return found[1]


def first_column(text: str) -> list[str]:
    """The words in backticks of a table's first column."""
    cells = re.findall(r"^\| (.+?) \|", text, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_every_key_of_a_target_is_documented_and_no_other() -> None:
    documented = re.findall(r"^### `([a-z_]+)`$", section("publishing.md", "## Targets"), re.M)
    assert documented == [field.name for field in dataclasses.fields(TargetSettings)]


def test_every_value_of_a_key_is_named() -> None:
    for key, known in ALLOWED.items():
        text = section("publishing.md", f"### `{key}`")
        assert [value for value in known if f'"{value}"' not in text] == []
    text = section("publishing.md", "### `credentials`")
    assert [name for name in CREDENTIALS if f"`{name}`" not in text] == []


@pytest.mark.parametrize("key", ["host", "root", "prune", "on_drift", "keep", "auth"])
def test_a_key_names_its_default(key: str) -> None:
    default = getattr(TargetSettings(), key)
    shown = {"": "`DATABRICKS_HOST`", True: "`true`", 5: "5"}.get(default, f'`"{default}"`')
    text = " ".join(section("publishing.md", f"### `{key}`").split())
    assert f"Default: {shown}." in text


def test_the_table_of_logins_knows_every_method_in_the_pipelines() -> None:
    used = set(re.findall(r'auth = "([a-z-]+)"', page("release.md")))
    assert used <= set(METHODS)


def refusals_in_the_code() -> Iterator[str]:
    """The names of all refusals, as far as they stand in the code as such."""
    for file in DELIVERY.glob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        constants = {
            node.targets[0].id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id not in ("Refusal", "RefusedError", "BadJobError") or not node.args:
                continue
            name = node.args[0]
            if isinstance(name, ast.Constant):
                yield str(name.value)
            elif isinstance(name, ast.Name) and name.id in constants:
                yield str(constants[name.id])
    yield from placement._WORDS
    yield from job_files._NEXT
    yield manifest.CORRUPT
    yield manifest.NEWER
    yield manifest.FOREIGN
    yield package_zip.ALTERED
    yield package_zip.FOREIGN
    yield package_zip.INCOMPLETE
    yield package_zip.NEWER
    yield package_zip.UNSAFE
    yield from (name for name, _, _ in verdict._CHECKS.values())


def test_every_refusal_is_documented_and_no_other() -> None:
    documented = first_column(section("publishing.md", "## Refusals"))
    assert sorted(documented) == sorted({*refusals_in_the_code()})


def test_what_can_never_be_passed_over_is_named() -> None:
    text = section("publishing.md", "## Passing over a refusal")
    named = set(re.findall(r"`([a-z]+-[a-z-]+)`", text))
    assert named >= verdict.NEVER_OVERRIDDEN


def test_every_word_of_a_plan_is_explained_and_no_other() -> None:
    rows = re.findall(r"^\| ([^|`-]+?) \|", section("publishing.md", "## The plan"), re.MULTILINE)
    assert rows == ["Word", *(action.value for action in Action)]


def test_the_exit_codes_are_those_of_the_errors() -> None:
    text = section("publishing.md", "## Exit codes")
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    known = (getattr(value, "exit_code", 0) for value in vars(errors).values())
    assert documented == {code for code in known if code >= 20}


def test_a_bundles_page_names_the_keys_and_versions_of_the_code() -> None:
    text = section("publishing.md", "## A bundle publishes")
    oldest = ".".join(map(str, bundle_cli.OLDEST)).removesuffix(".0")
    assert f"must be {oldest} or newer" in text
    errors_of_keys = next(line for line in text.split("\n- ") if "here they are an error" in line)
    keys = re.findall(r"`([a-z_]+)`", errors_of_keys.partition("are the bundle's")[0])
    assert sorted(keys) == sorted(bundle._BUNDLES_OWN)


def test_the_digest_step_of_the_page_is_that_of_the_pipeline() -> None:
    shown = re.search(r"^- bash: \|\n(.*?)^  name: digest$", page("azure-devops.md"), re.M | re.S)
    assert shown is not None
    pipeline = (ROOT / "azure-pipelines.yml").read_text(encoding="utf-8")
    for line in shown[1].splitlines()[:2]:
        assert line.strip() in pipeline


def test_every_pipeline_is_linked_from_both_pages() -> None:
    names = [file.name for file in (ROOT / "docs" / "pipelines").glob("*.yml")]
    for text in (page("azure-devops.md"), page("release.md")):
        assert [name for name in names if f"(pipelines/{name})" not in text] == []
