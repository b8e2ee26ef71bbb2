"""The reader of expectation comments, and what the samples promise about themselves."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from pytest_dbxgate.codes import RULES
from sample_expectations import END, Difference, Expectation, Found, difference, expected
from samples import build_dbc, generate

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "tests" / "samples"
SUFFIXES = {".py", ".sql", ".scala", ".r", ".ipynb", ".dbc", ".yml", ".json"}

NOT_SHOWN = {
    "DBX170",  # depends on the grammars that are installed
    "DBX171",  # these two only in what write_large_inputs makes, which takes seconds
    "DBX121",
    "DBX210",
    "DBX100",  # where permissions keep this user out
    "DBX107",  # where the system lets a user make links
    "DBX212",  # where the system takes names that Windows refuses
    # No secret stands in the repository: planted_secrets.py makes them up when it is asked.
    *(f"DBX{number}" for number in range(601, 611)),
    # What only a run finds: test_run_plugin.py runs such notebooks.
    *(f"DBX{number}" for number in range(701, 708)),
}


def _sample(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_bytes(text.encode())
    return file


@pytest.mark.parametrize(
    ("name", "comment"),
    [
        ("a.py", "# expect: F821"),
        ("a.py", "print(x)  # expect: F821"),
        ("a.py", "# MAGIC -- expect: F821"),
        ("a.sql", "SELECT 1 -- expect: F821"),
        ("a.scala", "val a = 1 // expect: F821"),
        ("a.r", "# MAGIC <!-- expect: F821 -->"),
    ],
)
def test_a_comment_of_any_language_speaks_of_its_line(
    tmp_path: Path, name: str, comment: str
) -> None:
    file = _sample(tmp_path, name, f"header\n{comment}\nlast\n")
    assert expected(file) == {Expectation("F821", 2, 2)}


def test_the_line_below(tmp_path: Path) -> None:
    file = _sample(tmp_path, "a.py", "one\n# expect-next: invalid-syntax, DBX150\n")
    assert expected(file) == {Expectation("invalid-syntax", 3, 3), Expectation("DBX150", 3, 3)}


def test_the_cell(tmp_path: Path) -> None:
    text = (
        "one\n# COMMAND ----------\n# expect-cell: F401\n# COMMAND ---------- \n# expect-cell: F402"
    )
    file = _sample(tmp_path, "a.py", text)
    assert expected(file) == {Expectation("F401", 2, 4), Expectation("F402", 4, END)}


def test_the_whole_file(tmp_path: Path) -> None:
    file = _sample(tmp_path, "a.sql", "one\n-- expect-file: DBX103, DBX220\n")
    assert expected(file) == {Expectation("DBX103", 1, END), Expectation("DBX220", 1, END)}


def test_line_ends_of_windows(tmp_path: Path) -> None:
    file = _sample(tmp_path, "a.py", "one\r\ntwo  # expect: F821\r\n")
    assert expected(file) == {Expectation("F821", 2, 2)}


@pytest.mark.parametrize(
    "text", ["expect: F821", "# expect F821", "# expect: nothing", "# expects: F821"]
)
def test_what_is_no_expectation(tmp_path: Path, text: str) -> None:
    assert expected(_sample(tmp_path, "a.py", text)) == set()


def test_an_ipynb_counts_cells_and_their_lines(tmp_path: Path) -> None:
    cells = [
        {"source": ["one\n", "two  # expect: F821\n"]},
        {"source": "# expect-cell: DBX150\n# expect-file: DBX112"},
    ]
    file = _sample(tmp_path, "a.ipynb", json.dumps({"cells": cells}))
    assert expected(file) == {
        Expectation("F821", 2, 2, cell=1),
        Expectation("DBX150", 1, END, cell=2),
        Expectation("DBX112", 1, END),
    }


def test_an_unreadable_ipynb_expects_nothing(tmp_path: Path) -> None:
    assert expected(_sample(tmp_path, "a.ipynb", '{"cells": [')) == set()


def test_a_job_file_in_yaml(tmp_path: Path) -> None:
    text = "name: a # expect: DBX432\ntasks:\n  # expect-next: DBX422\n  - x: 1\n"
    file = _sample(tmp_path, "a.yml", text)
    assert expected(file) == {Expectation("DBX432", 1, 1), Expectation("DBX422", 4, 4)}


def test_a_job_file_in_json(tmp_path: Path) -> None:
    file = _sample(tmp_path, "a.json", '{"note": "# expect: DBX432"}')
    assert expected(file) == set()
    _sample(tmp_path, "a.json.expected", "line 1: DBX422, DBX435\nline 7: DBX423\n")
    assert expected(file) == {
        Expectation("DBX422", 1, 1),
        Expectation("DBX435", 1, 1),
        Expectation("DBX423", 7, 7),
    }
    _sample(tmp_path, "a.json.expected", "DBX422\n")
    with pytest.raises(ValueError, match=r"a\.json\.expected: DBX422"):
        expected(file)


def test_a_dbc_names_its_members_and_sorts_their_cells(tmp_path: Path) -> None:
    commands = [
        {"position": 2.0, "command": "# expect-next: F821"},
        {"position": 1.5, "command": "# expect-file: DBX204"},
    ]
    with zipfile.ZipFile(tmp_path / "a.dbc", "w") as archive:
        archive.writestr("folder/", "")
        archive.writestr("folder/name.python", json.dumps({"commands": commands}))
    assert expected(tmp_path / "a.dbc") == {
        Expectation("F821", 2, 2, cell=2, member="folder/name"),
        Expectation("DBX204", 1, END, member="folder/name"),
    }


def test_the_difference_goes_both_ways() -> None:
    wanted = {Expectation("F821", 2, 2), Expectation("DBX103", 1, END)}
    found = [Found("F821", 3), Found("DBX103", 1), Found("DBX103", 7)]
    assert difference(wanted, found) == Difference(
        missing=[Expectation("F821", 2, 2)], unexpected=[Found("F821", 3)]
    )


def test_a_finding_in_a_cell_is_held_against_its_line_in_the_cell() -> None:
    wanted = {Expectation("F821", 2, 2, cell=3)}
    right = Found("F821", 40, cell=3, cell_line=2)
    assert difference(wanted, [right]) == Difference([], [])
    assert difference(wanted, [right._replace(cell=2)]).unexpected
    assert difference(wanted, [right._replace(cell_line=None)]).unexpected
    assert difference(wanted, [right._replace(member="other")]).unexpected


def test_one_expectation_covers_repeated_findings() -> None:
    wanted = {Expectation("DBX150", 4, 9)}
    assert difference(wanted, [Found("DBX150", 5), Found("DBX150", 6)]) == Difference([], [])


def test_pytest_itself_would_collect_no_sample() -> None:
    names = [file.name for file in SAMPLES.rglob("*.py")]
    assert not [name for name in names if name.startswith("test_") or name.endswith("_test.py")]
    assert not {"conftest.py", "__init__.py"} & set(names)


@pytest.mark.parametrize("path", sorted(build_dbc.ARCHIVES))
def test_an_archive_is_what_its_builder_builds(path: str) -> None:
    assert (ROOT / path).read_bytes() == build_dbc.build(build_dbc.ARCHIVES[path])


def test_every_rule_has_a_sample(tmp_path: Path) -> None:
    shown = {expectation.code for file in _samples() for expectation in expected(file)}
    shown |= frozenset().union(*generate.write_bad_inputs(tmp_path).values())
    assert set(RULES) - shown - NOT_SHOWN == set()


def test_samples_called_clean_expect_nothing() -> None:
    clean = [file for file in _samples() if "clean" in str(file.relative_to(SAMPLES))]
    assert len(clean) >= 15
    assert [file.name for file in clean if expected(file)] == []


def test_the_traps_are_not_sprung_by_writing_them(tmp_path: Path) -> None:
    notebooks = generate.write_traps(tmp_path)
    assert all((tmp_path / name).read_bytes().startswith(b"# Databricks") for name in notebooks)
    assert not (tmp_path / "__init__.py").read_bytes().startswith(b"# Databricks")


def test_awkward_names_are_written(tmp_path: Path) -> None:
    assert all((tmp_path / name).is_file() for name in generate.write_names(tmp_path))


def _samples() -> list[Path]:
    tools = {SAMPLES / "build_dbc.py", SAMPLES / "generate.py"}
    return sorted(
        file for file in SAMPLES.rglob("*") if file.suffix.lower() in SUFFIXES and file not in tools
    )
