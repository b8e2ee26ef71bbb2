from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.notebook.magics import comment_prefix, inside_string, line_magics, split_cell
from pytest_dbxgate.notebook.model import Cell, Language, Magic

PY, SQL, MD, OTHER = Language.PYTHON, Language.SQL, Language.MARKDOWN, Language.OTHER


def cell_of(source: str, language: Language = PY) -> Cell:
    code = split_cell(source, language)
    return Cell(
        number=1,
        language=code.language,
        source=source,
        code=code.code,
        code_line=code.code_line,
        code_column=code.code_column,
        magic=code.magic,
    )


@pytest.mark.parametrize(
    ("source", "language", "code", "line", "column"),
    [
        ("%md # T", MD, "# T", 1, 5),
        ("%md\n# T", MD, "# T", 2, 1),
        ("%md-sandbox\n<b>", MD, "<b>", 2, 1),
        ("%sql SELECT 1\nFROM t", SQL, "SELECT 1\nFROM t", 1, 6),
        ("%sql   \n\nSELECT 1", SQL, "\nSELECT 1", 2, 1),
        ("%sql--x\nSELECT 1", SQL, "--x\nSELECT 1", 1, 5),
        ("%%sql\nSELECT 1", SQL, "SELECT 1", 2, 1),
        ("%py\nx", PY, "x", 2, 1),
        ("%python x", PY, "x", 1, 9),
        ("%scala\nval x = 1", Language.SCALA, "val x = 1", 2, 1),
        ("%r\nx <- 1", Language.R, "x <- 1", 2, 1),
        ("%sh ls", Language.SHELL, "ls", 1, 5),
        ("%fs ls /", Language.FS, "ls /", 1, 5),
        ('%run ./a $x="1"', Language.RUN, './a $x="1"', 1, 6),
        ("\n# why\n\n%sql\nSELECT 1", SQL, "SELECT 1", 5, 1),
        ("  %sql SELECT 1", SQL, "SELECT 1", 1, 8),
        ("%sql", SQL, "", 1, 5),
        ("%sql\n", SQL, "", 2, 1),
        ("%md日本", MD, "日本", 1, 4),
        ("%%time\nx", PY, "x", 2, 1),
        ("%%time -n 3\nx", PY, "x", 2, 1),
        ("%%python\nx", PY, "x", 2, 1),
        ("%python\n%%time\nx", PY, "x", 3, 1),
        ("%python\n%%third_party\nx", OTHER, "x", 3, 1),
        ("%python\n%pip install x", PY, "%pip install x", 2, 1),
        ("%%writefile a.txt\nx", OTHER, "x", 2, 1),
        ("%%third_party\nx", OTHER, "x", 2, 1),
        ("%%bash\nls", OTHER, "ls", 2, 1),
        ("%skip\nx", OTHER, "x", 2, 1),
        ('%environment\n"client": "1"', OTHER, '"client": "1"', 2, 1),
    ],
)
def test_a_magic_says_what_the_rest_is(
    source: str, language: Language, code: str, line: int, column: int
) -> None:
    found = split_cell(source, PY)
    assert (found.language, found.code, found.code_line, found.code_column) == (
        language,
        code,
        line,
        column,
    )
    assert found.magic is not None


@pytest.mark.parametrize(
    "source",
    [
        "%pip install x",
        "# first\n%restart_python",
        "%run_all x",
        "%sql_helper",
        "%load_ext autoreload\n%autoreload 2",
        "%env A=1",
        "%time x = 1",
    ],
)
def test_other_line_magics_leave_a_whole_python_cell(source: str) -> None:
    found = split_cell(source, PY)
    assert (found.language, found.code, found.code_line, found.code_column) == (PY, source, 1, 1)
    assert found.magic is not None


@pytest.mark.parametrize(
    "source",
    ["", "x = 1", "x = '''\n%sql\n'''", "a\n%sql", "# %sql", '"%s" % x', "% sql", "x = (a\n%b)"],
)
def test_only_the_first_line_of_code_can_be_the_magic(source: str) -> None:
    assert split_cell(source, PY) == (PY, source, 1, 1, None)


def test_comments_are_those_of_the_notebook() -> None:
    assert split_cell("-- why\n%python\nx", SQL).code == "x"
    assert split_cell("// why\n%sql\nx", Language.SCALA).language is SQL
    assert split_cell("-- why\n%sql\nx", PY).magic is None


def test_comments_of_another_language_are_no_part_of_a_python_cell() -> None:
    found = split_cell("-- why\n%pip install x\ny", SQL)
    assert (found.language, found.code, found.code_line) == (PY, "%pip install x\ny", 2)


def test_a_thousand_magics_on_end() -> None:
    found = split_cell("%python\n" * 5000 + "%%time\nx", PY)
    assert (found.language, found.code_line) == (PY, 2)


def test_a_cell_magic_of_ipython_means_nothing_to_sql() -> None:
    assert split_cell("%%time\nx", SQL).language is OTHER


def test_the_magic_itself() -> None:
    assert split_cell("\n%%capture  out  \nx", PY).magic == Magic("capture", "out", 2, double=True)
    assert split_cell("%run ./a", PY).magic == Magic("run", "./a", 1)


@given(
    st.lists(
        st.sampled_from(["%", "sql", "python", "\n", " ", "#", "-- ", "x", "time", "\r", "é"])
    ).map("".join),
    st.sampled_from([PY, SQL, Language.SCALA, Language.R]),
)
def test_code_is_a_slice_that_reaches_to_the_end(source: str, language: Language) -> None:
    found = split_cell(source, language)
    lines = source.split("\n")
    offset = sum(len(line) + 1 for line in lines[: found.code_line - 1]) + found.code_column - 1
    assert source[offset:] == found.code
    assert 1 <= found.code_line <= len(lines)


def names(source: str, language: Language = PY) -> list[tuple[str, int]]:
    return [(magic.name, magic.line) for magic in line_magics(cell_of(source, language))]


def test_line_magics_in_order() -> None:
    source = "import a\nif a:\n    %pip install b\nelse:\n  %%x\n%restart_python"
    assert names(source) == [("pip", 3), ("x", 5), ("restart_python", 6)]


def test_line_magics_of_other_languages() -> None:
    assert names("%md\n# T\n%sql\nSELECT 1") == [("md", 1), ("sql", 3)]
    assert names("%sh\necho \"'''\"\n%run x") == [("sh", 1), ("run", 3)]


@pytest.mark.parametrize(
    "source",
    [
        'x = """\n%sql\n"""',
        "x = '''a\n%sql\n'''",
        "x = (a\n  %b)",
        "x = a \\\n  %b",
        'x = [  # "(\n %b,\n]',
        "x = '\\'[' + (\n%b)",
        "x = 1",
        "",
    ],
)
def test_no_line_magics_inside_strings_and_brackets(source: str) -> None:
    assert names(source) == []


@pytest.mark.parametrize(
    "source", ['x = "it\'s"\n%pip a', "# it's (\n%pip a", "x = '''a'''\n%pip a", "s = ')'\n%pip a"]
)
def test_closed_strings_hide_nothing(source: str) -> None:
    assert names(source) == [("pip", 2)]


def test_inside_string() -> None:
    assert inside_string(['x = """', "# y"])
    assert not inside_string(['x = """', '"""'])
    assert not inside_string(["# it's", "'a"])


def test_comment_prefixes() -> None:
    languages = (PY, SQL, Language.SCALA, Language.R, Language.SHELL)
    assert [comment_prefix(language) for language in languages] == ["#", "--", "//", "#", "#"]
