from __future__ import annotations

from pathlib import Path

import pytest

from pytest_dbxgate import projects, settings
from pytest_dbxgate.codes import Severity
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.settings import Settings, matches


def parse(**table: object) -> Settings:
    return settings.parse(table, origin="pyproject.toml")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"notebook": []},
            'pyproject.toml: unknown key "notebook" in [tool.dbxgate]\n'
            '  next: did you mean "notebooks"?',
        ),
        (
            {"strict_sql": "yes"},
            "pyproject.toml: tool.dbxgate.strict_sql is 'yes'\n  next: write true or false",
        ),
        (
            {"notebooks": "a"},
            "pyproject.toml: tool.dbxgate.notebooks is 'a'\n"
            '  next: write a list of strings, such as ["a", "b"]',
        ),
        (
            {"max_size_mb": True},
            "pyproject.toml: tool.dbxgate.max_size_mb is True\n  next: write a whole number from 0",
        ),
        (
            {"warn": ["DBX99"]},
            'pyproject.toml: unknown code "DBX99" in tool.dbxgate.warn\n'
            "  next: docs/rules/ lists the codes",
        ),
        (
            {"ignore": ["DBX2O1"]},
            'pyproject.toml: unknown code "DBX2O1" in tool.dbxgate.ignore\n'
            '  next: did you mean "DBX201"?',
        ),
        (
            {"policy": {"owners": True}},
            'pyproject.toml: unknown key "owners" in [tool.dbxgate.policy]\n'
            '  next: did you mean "owner"?',
        ),
        (
            {"allow_unchecked": ["scalla"]},
            'pyproject.toml: unknown value "scalla" of tool.dbxgate.allow_unchecked\n'
            '  next: did you mean "scala"? known: python, sql, scala, r',
        ),
    ],
)
def test_a_wrong_setting_names_the_right_one(table: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(**table)
    assert str(caught.value) == message


def test_runtime_decides_the_python() -> None:
    assert parse(runtime="15.4").python_version == "3.11"
    assert parse(runtime="15.4", python="3.12").python_version == "3.12"
    assert parse().python_version == ""


@pytest.mark.parametrize(
    ("table", "code", "path", "expected"),
    [
        ({}, "F821", "a.py", Severity.ERROR),
        ({"warn": ["F"]}, "F821", "a.py", Severity.WARNING),
        ({"warn": ["F"], "block": ["F821"]}, "F821", "a.py", Severity.ERROR),
        ({"ignore": ["F821"], "block": ["F"]}, "F821", "a.py", None),
        ({"warn": ["F821"], "block": ["F821"]}, "F821", "a.py", Severity.ERROR),
        ({"warn": ["legacy/**"]}, "F821", "legacy/x/a.py", Severity.WARNING),
        ({"warn": ["legacy/**"]}, "F821", "new/a.py", Severity.ERROR),
        ({"ignore": ["legacy:DBX2"]}, "DBX201", "legacy/a.py", None),
        ({"ignore": ["legacy:DBX2"]}, "F821", "legacy/a.py", Severity.ERROR),
        ({"block": ["F821"], "warn": ["legacy:F"]}, "F821", "legacy/a.py", Severity.WARNING),
        ({"warn": ["invalid-syntax"]}, "invalid-syntax", "a.py", Severity.WARNING),
    ],
)
def test_severity_is_decided_by_the_most_specific_entry(
    table: dict[str, object], code: str, path: str, expected: Severity | None
) -> None:
    assert parse(**table).severity(code, path, Severity.ERROR) is expected


def test_paths_count_from_the_folder_of_the_settings() -> None:
    inner = settings.parse({"ignore": ["etl/*.py"]}, folder="team", origin="x")
    assert inner.severity("F821", "team/etl/a.py", Severity.ERROR) is None
    assert inner.severity("F821", "etl/a.py", Severity.ERROR) is None
    assert inner.severity("F821", "team/other/a.py", Severity.ERROR) is Severity.ERROR


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("a/b.py", "a", True),
        ("a/b.py", "a/", True),
        ("a/b.py", "./a", True),
        ("ab/b.py", "a", False),
        ("a/b/c.py", "a/*.py", True),
        ("a/b.py", "**/b.py", True),
        ("b.py", "**/b.py", True),
        ("b.py", ".", True),
        ("b.sql", "*.py", False),
    ],
)
def test_patterns(path: str, pattern: str, expected: bool) -> None:
    assert matches(path, pattern) is expected


def test_a_file_without_our_table_has_no_settings(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text("[tool.other]\n", encoding="utf-8")
    assert settings.load(file) is None


def test_somebody_elses_broken_file_is_not_our_business(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text("[tool.other\n", encoding="utf-8")
    assert settings.load(file) is None


def test_our_broken_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "dbxgate.toml"
    file.write_text("notebooks = [\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"dbxgate\.toml: cannot be read: "):
        settings.load(file)


def test_dbxgate_toml_needs_no_table_name(tmp_path: Path) -> None:
    file = tmp_path / "dbxgate.toml"
    file.write_text('runtime = "16.4"\n', encoding="utf-8")
    loaded = settings.load(file)
    assert loaded is not None
    assert loaded.python_version == "3.12"


RUN = """
[run]
notebooks = ["etl"]
engine = "pyspark"
parameters = { day = "1" }
needs = { "gold" = ["silver"] }

[[run.cases]]
notebook = "etl/a.py"
name = "june"
expect_exit = "5"
retries = 2
"""


def test_what_is_run_is_read(tmp_path: Path) -> None:
    (tmp_path / "dbxgate.toml").write_text(RUN, encoding="utf-8")
    found = settings.load(tmp_path / "dbxgate.toml")
    assert found is not None
    run = found.run
    assert (run.notebooks, run.engine, run.timeout, run.pip) == (("etl",), "pyspark", 600, "skip")
    assert (run.parameters, run.needs) == ({"day": "1"}, {"gold": ("silver",)})
    (case,) = run.cases
    assert (case.notebook, case.name, case.expect_exit, case.retries) == (
        "etl/a.py",
        "june",
        "5",
        2,
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[run]\nengine = "sale"', 'unknown value "sale" of tool.dbxgate.run.engine'),
        ('[run]\nnotebok = ["a"]', 'unknown key "notebok" in [tool.dbxgate.run]'),
        ('[run]\nneeds = { a = "b" }', "tool.dbxgate.run.needs.a is 'b'"),
        ("[run]\ncases = 1", "tool.dbxgate.run.cases is 1"),
        ('[[run.cases]]\nname = "a"', "names no notebook"),
        ('[[run.cases]]\nnotebook = "a"\nname = "x]"', "holds one of [ ] : /"),
        ('[[run.cases]]\nnotebook = "a"\n[[run.cases]]\nnotebook = "a"', "stands twice"),
        ('[targets.x]\ncompute = { nodes = "2" }', 'unknown value "nodes"'),
    ],
)
def test_what_is_wrong_with_running_is_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "dbxgate.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as told:
        settings.load(tmp_path / "dbxgate.toml")
    assert words in str(told.value)


@pytest.mark.parametrize(
    ("inside", "hint"),
    [("nowhere", "name a folder of the project"), ("notebook", 'did you mean "notebooks"?')],
)
def test_a_folder_of_workspace_roots_that_is_not_there(
    tmp_path: Path, inside: str, hint: str
) -> None:
    (tmp_path / "notebooks").mkdir()
    file = tmp_path / "dbxgate.toml"
    file.write_text('workspace_roots = { "/a" = ".", "/b" = "notebooks" }\n', encoding="utf-8")
    assert projects.load(tmp_path, []).of("a.py").workspace_roots == {"/a": ".", "/b": "notebooks"}
    file.write_text(f'workspace_roots = {{ "/b" = "{inside}" }}\n', encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        projects.load(tmp_path, [])
    assert f'workspace_roots: "/b" = "{inside}": there is no such folder' in str(caught.value)
    assert hint in str(caught.value)
