from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.errors import RefusedEditError
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.layout import split_lines
from pytest_dbxgate.notebook.model import Language, Notebook
from pytest_dbxgate.notebook.rewriting import rewrite
from pytest_dbxgate.notebook.source import read

PY, SQL, SCALA = Language.PYTHON, Language.SQL, Language.SCALA
HEADER = "# Databricks notebook source\n"
BORDER = "\n\n# COMMAND ----------\n\n"


def notebook(text: str, language: Language = PY) -> Notebook:
    return read("a/b.py", text.encode(), language)


def sources(text: str, language: Language = PY) -> list[str]:
    return [cell.source for cell in notebook(text, language).cells]


def codes(text: str, language: Language = PY) -> list[tuple[str, int]]:
    return [(problem.code, problem.line) for problem in notebook(text, language).problems]


def edited(text: str, changes: Mapping[int, str], language: Language = PY) -> str:
    return rewrite(notebook(text, language), changes).decode()


def assert_positions(book: Notebook) -> None:
    lines = split_lines(book.text)
    for cell in book.cells:
        for index, line in enumerate(cell.source.split("\n"), start=1):
            place = formats.place(book, cell, index, 1)
            assert lines[place.line - 1][place.column - 1 :] == line


# --- cells ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEADER, []),
        (HEADER.strip(), []),
        (HEADER + "\n\n", []),
        (HEADER + "x = 1\n", ["x = 1"]),
        (HEADER + "x = 1", ["x = 1"]),
        (HEADER + "\nx = 1\n", ["x = 1"]),
        (HEADER + "a" + BORDER + "b\n", ["a", "b"]),
        (HEADER + "a" + BORDER, ["a", ""]),
        (HEADER + "a" + BORDER.rstrip("\n"), ["a", ""]),
        (HEADER + "\n# COMMAND ----------\n\nb", ["", "b"]),
        (HEADER + "a\n# COMMAND ----------\nb\n", ["a", "b"]),
        (HEADER + "a\n\n" + BORDER + "\n\nb\n\n", ["a\n\n", "\n\nb\n"]),
        (HEADER + "a" + BORDER + "\n# COMMAND ----------\n\nc", ["a", "", "c"]),
        (HEADER + "a\n# COMMAND ----------\n# COMMAND ----------\nc", ["a", "", "c"]),
        (HEADER + "# /// script\n# [x]\n# ///\nx = 1\n", ["# /// script\n# [x]\n# ///\nx = 1"]),
        (HEADER + "x = '\x0c\u2028\x85'\n", ["x = '\x0c\u2028\x85'"]),
    ],
)
def test_cells(text: str, expected: list[str]) -> None:
    book = notebook(text)
    assert [cell.source for cell in book.cells] == expected
    assert [cell.number for cell in book.cells] == list(range(1, len(expected) + 1))
    assert book.problems == ()
    assert_positions(book)


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends(end: str) -> None:
    text = (HEADER + "a\nb" + BORDER + "# MAGIC %md\n# MAGIC x\n").replace("\n", end)
    book = notebook(text)
    assert [cell.source for cell in book.cells] == ["a\nb", "%md\nx"]
    assert book.text == text
    assert_positions(book)


def test_mixed_line_ends_count_once() -> None:
    book = notebook("# Databricks notebook source\r\na\nb\r\nc\rd")
    assert book.cell(1).source == "a\nb\nc\nd"
    assert formats.place(book, book.cell(1), 4, 1) == (5, 1)


@pytest.mark.parametrize(
    ("body", "expected", "margins"),
    [
        ("# MAGIC %md\n# MAGIC   x", "%md\n  x", (8, 8)),
        ("# MAGIC\n# MAGIC \n# MAGIC %md", "\n\n%md", (7, 8, 8)),
        ("#MAGIC %md", "%md", (7,)),
        (" #MAGIC %md x", "%md x", (8,)),
        ("  # MAGIC %md", "%md", (10,)),
        ("# MAGIC%md", "%md", (7,)),
        ("# MAGIC # MAGIC %md", "# MAGIC %md", (8,)),
        ("# MAGIC %md\n\n# MAGIC x", "%md\n\nx", (8, 0, 8)),
        ("# why\n# MAGIC %sql\n# MAGIC x", "# why\n%sql\nx", (0, 8, 8)),
        ("# MAGIC %md\n# MAGIC # COMMAND ----------", "%md\n# COMMAND ----------", (8, 8)),
        ("# MAGICAL = 1\n# MAGIC_X", "# MAGICAL = 1\n# MAGIC_X", ()),
        ("%pip install x", "%pip install x", ()),
        ("# why\n%pip install x", "# why\n%pip install x", ()),
    ],
)
def test_magic_lines(body: str, expected: str, margins: tuple[int, ...]) -> None:
    book = notebook(HEADER + body)
    assert (book.cell(1).source, book.cell(1).margins) == (expected, margins)
    assert book.problems == ()
    assert_positions(book)


def test_each_language_has_its_comment() -> None:
    text = "-- Databricks notebook source\nSELECT 1\n\n-- COMMAND ----------\n\n-- MAGIC %py\n"
    assert [cell.language for cell in notebook(text, SQL).cells] == [SQL, PY]
    text = text.replace("--", "//").replace("----------", "").replace("//////////", "----------")
    book = notebook(text.replace("COMMAND //", "COMMAND --"), SCALA)
    assert [cell.language for cell in book.cells] == [SCALA, PY]


@pytest.mark.parametrize(
    ("body", "title", "title_line", "source", "line"),
    [
        ("# DBTITLE 1,A, b\nx", "A, b", 2, "x", 3),
        ("# DBTITLE 0,hidden\nx", "hidden", 2, "x", 3),
        ("# DBTITLE 1,\nx", "", 2, "x", 3),
        ("# DBTITLE 1,T\n# MAGIC %sql\n# MAGIC x", "T", 2, "%sql\nx", 3),
        ("# DBTITLE 1,T\n\nx", "T", 2, "\nx", 3),
        ("\n\n# DBTITLE 1,T\nx", "T", 4, "x", 5),
        ("# DBTITLE 1,T", "T", 2, "", 2),
        ("# c\n# DBTITLE 1,T\nx", "T", 3, "# c\n# DBTITLE 1,T\nx", 2),
        ("x\n# DBTITLE 1,T", None, None, "x\n# DBTITLE 1,T", 2),
        ("# DBTITLE T\nx", None, None, "# DBTITLE T\nx", 2),
    ],
)
def test_titles(
    body: str, title: str | None, title_line: int | None, source: str, line: int
) -> None:
    book = notebook(HEADER + body)
    cell = book.cell(1)
    assert (cell.title, cell.title_line, cell.source, cell.line) == (
        title,
        title_line,
        source,
        line,
    )
    assert_positions(book)


def test_where_an_empty_cell_stands() -> None:
    book = notebook(HEADER + "a" + BORDER + "\n# COMMAND ----------\n# COMMAND ----------\n")
    assert [(cell.source, cell.line) for cell in book.cells] == [
        ("a", 2),
        ("", 5),
        ("", 7),
        ("", 8),
    ]
    assert_positions(book)


# --- what is wrong with a file ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ("\ufeff# Databricks notebook source", "DBX102"),
        (" # Databricks notebook source", "DBX103"),
        ("# Databricks notebook source ", "DBX103"),
        ("# Databricks notebook source - mine", "DBX103"),
        ("# Databricks notebook source exported at Thu, 1 Jan 2015 05:00:57 UTC", "DBX103"),
        ("# databricks notebook source", "DBX103"),
        ("#Databricks notebook source", "DBX103"),
        ("# Databricks  notebook source", "DBX103"),
        ("## Databricks notebook source", "DBX103"),
    ],
)
def test_header_near_misses_are_read(first: str, code: str) -> None:
    text = first + "\nx" + BORDER + "y\n"
    assert codes(text) == [(code, 1)]
    assert sources(text) == ["x", "y"]


def test_the_messages_of_near_misses() -> None:
    def message(first: str) -> str:
        return notebook(first + "\nx").problems[0].message

    tail = ", so Databricks takes the file for a plain file"
    assert message(" # Databricks notebook source") == "a blank stands ahead of the header" + tail
    assert message("# Databricks notebook source ") == "a blank follows the header" + tail
    assert message("# Databricks notebook source x") == (
        "text follows the header on its line" + tail
    )
    assert message("# databricks notebook source") == (
        "line 1 is spelt differently from the header" + tail
    )


def test_the_header_of_another_language() -> None:
    book = notebook("-- Databricks notebook source\nSELECT 1\n")
    assert book.cells == ()
    assert book.unreadable is not None
    assert book.unreadable.code == "DBX103"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# Licence\n\n" + HEADER + "x\n", 3),
        ('"""Docs."""\n' + HEADER + "x\n", 2),
        ("import a\n" + HEADER + "x" + BORDER + "y\n", 2),
    ],
)
def test_late_headers(text: str, line: int) -> None:
    assert codes(text) == [("DBX104", line)]
    assert_positions(notebook(text))


def test_delimiters_without_a_header() -> None:
    text = "a" + BORDER + "b\n"
    assert codes(text) == [("DBX105", 3)]
    assert sources(text) == ["a", "b"]
    assert sources("\n# COMMAND ----------\n\nb\n") == ["b"]


@pytest.mark.parametrize("text", ["", "x = 1\n", "import a\n" + HEADER, f'x = """\n{HEADER}"""\n'])
def test_no_notebook_at_all(text: str) -> None:
    book = notebook(text)
    assert book.cells == ()
    assert book.unreadable is not None
    assert book.unreadable.message == "not a notebook: no header"


def test_a_repeated_header() -> None:
    assert codes(HEADER + "x\n" + HEADER + "y\n") == [("DBX106", 3)]
    assert codes(HEADER + "# MAGIC " + HEADER) == []


@pytest.mark.parametrize(
    "line",
    [
        "# COMMAND  ----------",
        "# COMMAND ---------",
        "# COMMAND -----------",
        " # COMMAND ----------",
        "#COMMAND ----------",
        "-- COMMAND ----------",
        "# COMMAND ---------- x",
    ],
)
def test_delimiter_near_misses_do_not_split(line: str) -> None:
    text = f"{HEADER}a\n\n{line}\n\nb\n"
    (problem,) = notebook(text).problems
    assert (problem.code, problem.line, problem.cell) == ("DBX130", 4, 1)
    assert len(sources(text)) == 1


def test_blanks_after_a_delimiter_still_split() -> None:
    text = HEADER + "a\n\n# COMMAND ---------- \t\n\nb\n"
    (problem,) = notebook(text).problems
    assert (problem.code, problem.line, problem.column) == ("DBX132", 4, 21)
    assert sources(text) == ["a", "b"]


def test_thousands_of_near_misses_take_no_longer_than_they_should() -> None:
    book = notebook(HEADER + "# COMMAND -----\n" * 20_000)
    assert [problem.cell for problem in book.problems] == [1] * 20_000


@pytest.mark.parametrize(
    "body", ["x = '''\n  # COMMAND ----------\n'''", "# start COMMAND -----", "# COMMAND x"]
)
def test_no_delimiter_near_misses(body: str) -> None:
    assert codes(HEADER + body) == []


def test_plain_lines_after_magic_lines() -> None:
    text = HEADER + "# MAGIC %md\nx\ny" + BORDER + "# c\n# MAGIC %md\n\n# MAGIC z\n"
    (problem,) = notebook(text).problems
    assert (problem.code, problem.line, problem.cell) == ("DBX131", 3, 1)
    assert sources(text) == ["%md\nx\ny", "# c\n%md\n\nz"]


@pytest.mark.parametrize(
    ("data", "code", "line", "column", "message"),
    [
        (
            HEADER.encode() + b"\xc3\xa9 = '\xe9'",
            "DBX101",
            2,
            6,
            "the file is not UTF-8: byte 0xe9 on line 2",
        ),
        (HEADER.encode("utf-16"), "DBX101", 1, 1, "the file is UTF-16, not UTF-8"),
        (HEADER.encode("utf-16-le"), "DBX101", 1, 1, "the file is UTF-16, not UTF-8"),
        (HEADER.encode("utf-16-be"), "DBX101", 1, 1, "the file is UTF-16, not UTF-8"),
        (HEADER.encode("utf-32"), "DBX101", 1, 1, "the file is UTF-32, not UTF-8"),
        (HEADER.encode() + b"a\n\nbc\0", "DBX109", 4, 3, "a NUL byte on line 4"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "DBX108",
            1,
            1,
            "the file is a Git LFS pointer, the notebook itself was not checked out",
        ),
    ],
)
def test_unreadable_bytes(data: bytes, code: str, line: int, column: int, message: str) -> None:
    book = read("a.py", data, PY)
    (problem,) = book.problems
    assert problem.fatal
    assert (problem.code, problem.line, problem.column, problem.message) == (
        code,
        line,
        column,
        message,
    )
    assert (book.cells, book.data) == ((), data)
    assert rewrite(book, {}) == data


# --- writing ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "changes", "expected"),
    [
        ("a\nb\nc", {1: "a\nB\nc"}, "a\nB\nc"),
        ("a\nb", {1: "a\nb\nc"}, "a\nb\nc"),
        ("a" + BORDER + "b\n", {2: "", 1: "A"}, "A" + BORDER),
        ("a" + BORDER + "b\n", {1: ""}, BORDER[1:] + "b\n"),
        ("a" + BORDER, {2: "b"}, "a" + BORDER + "b\n"),
        ("a" + BORDER + BORDER[1:], {2: "b"}, "a" + BORDER + "b" + BORDER),
        ("a\n# COMMAND ----------\nb\n", {1: "a\n"}, "a\n\n\n# COMMAND ----------\nb\n"),
        ("a\n# COMMAND ----------\nb\n", {2: "\nb"}, "a\n# COMMAND ----------\n\n\nb\n"),
        (
            "# MAGIC %md\n# MAGIC x",
            {1: "%md\nx\n\ny"},
            "# MAGIC %md\n# MAGIC x\n# MAGIC\n# MAGIC y",
        ),
        (" #MAGIC %md\n #MAGIC x", {1: "%md\nx\ny"}, " #MAGIC %md\n #MAGIC x\n #MAGIC y"),
        (
            "# MAGIC %md\n# MAGIC \n# MAGIC x",
            {1: "%md\n\nx\n\ny"},
            "# MAGIC %md\n# MAGIC \n# MAGIC x\n# MAGIC \n# MAGIC y",
        ),
        ("# MAGIC %md\nx", {1: "%md\ny"}, "# MAGIC %md\ny"),
        ("# why\n# MAGIC %md\n# MAGIC x", {1: "# WHY\n%md\nx"}, "# WHY\n# MAGIC %md\n# MAGIC x"),
        ("# MAGIC\n# MAGIC %md", {1: "%md"}, "# MAGIC %md"),
        ("# DBTITLE 1,T\nx", {1: "y"}, "# DBTITLE 1,T\ny"),
        ("# DBTITLE 1,T\nx", {1: "\ny"}, "# DBTITLE 1,T\n\ny"),
        ("x\r\ny\r\n", {1: "x\nY\nz"}, "x\r\nY\r\nz\r\n"),
        ("# MAGIC %sql\n# MAGIC a", {1: "%sql\n-- COMMAND"}, "# MAGIC %sql\n# MAGIC -- COMMAND"),
    ],
)
def test_only_what_differs_is_written(body: str, changes: dict[int, str], expected: str) -> None:
    header = HEADER.replace("\n", "\r\n") if "\r" in body else HEADER
    assert edited(header + body, changes) == header + expected


def test_line_ends_and_odd_prefixes_stay() -> None:
    text = (
        HEADER + "a\r\nb\n\n#COMMAND\r\nc  \n\n# COMMAND ---------- \r\n  #MAGIC %md\r\n# MAGIC x"
    )
    assert edited(text, {2: "%md\ny"}) == text[:-1] + "y"


@pytest.mark.parametrize(
    ("body", "changes", "reason"),
    [
        ("a", {2: "b"}, "there is no cell 2"),
        ("a", {1: ""}, "1 cells would become 0"),
        ("a", {1: "a\n# COMMAND ----------\nb"}, "1 cells would become 2"),
        ("a", {1: "# DBTITLE 1,T\na"}, "the title of cell 1 would change"),
        ("# MAGIC %md\n# MAGIC x", {1: "%sql\nx"}, "a magic of cell 1 would change"),
        ("# MAGIC %md\n# MAGIC x", {1: "x"}, "a magic of cell 1 would change"),
        ("a\n%pip install b", {1: "a\n%pip install c"}, "a magic of cell 1 would change"),
        ("%time\nb", {1: "b"}, "a magic of cell 1 would change"),
        ("a", {1: "# MAGIC b"}, "cell 1 would not read back as written"),
        ("a", {1: "a\rb"}, "cell 1 would not read back as written"),
        ("a" + BORDER + "b", {1: "a\n" + HEADER}, "the header would change"),
    ],
)
def test_refused_edits(body: str, changes: dict[int, str], reason: str) -> None:
    with pytest.raises(RefusedEditError) as caught:
        edited(HEADER + body, changes)
    assert caught.value.message == f"a/b.py: not fixed: {reason}"


def test_a_file_without_a_header_can_be_edited() -> None:
    assert edited("a" + BORDER + "b", {1: "\nc"}) == "\nc" + BORDER + "b"
    assert edited("# COMMAND ----------\nb\n", {1: "\nb"}) == "# COMMAND ----------\n\n\nb\n"


def test_an_unreadable_notebook_has_no_cells_to_write() -> None:
    with pytest.raises(RefusedEditError):
        rewrite(read("a.py", b"\xff", PY), {1: "x"})


# --- properties ------------------------------------------------------------------------------

LINES = st.one_of(
    st.sampled_from(["", "x = 1", "    y", "# c", "é = '\u00a0\u2028'", "-- x", "\tz", "%s x"]),
    st.text(
        st.characters(exclude_characters="\r\n\0%", exclude_categories=["Cs"]), max_size=8
    ).filter(lambda line: "MAGIC" not in line and line.strip() == line),
)
PLAIN = st.lists(LINES.filter(lambda line: "%" not in line), min_size=1, max_size=5).map("\n".join)
MAGIC = st.tuples(st.sampled_from(["%md", "%sql", "%sh x", "%pip install y"]), PLAIN).map("\n".join)
TITLES = st.none() | st.sampled_from(["T", "a, b", "é"])
CELLS = st.lists(
    st.tuples(TITLES, PLAIN.map(lambda source: (False, source)) | MAGIC.map(lambda s: (True, s))),
    min_size=1,
    max_size=5,
)


def rendered(cells: list[tuple[str | None, tuple[bool, str]]], newline: str) -> str:
    parts = []
    for title, (magic, source) in cells:
        lines = [f"# MAGIC {line}" if magic else line for line in source.split("\n")]
        parts.append("\n".join([f"# DBTITLE 1,{title}", *lines] if title else lines))
    return (HEADER + "\n" + BORDER.join(parts) + "\n").replace("\n", newline)


@given(CELLS, st.sampled_from(["\n", "\r\n"]))
def test_what_is_written_is_read(
    cells: list[tuple[str | None, tuple[bool, str]]], newline: str
) -> None:
    book = notebook(rendered(cells, newline))
    wanted = [(title, source) for title, (_, source) in cells]
    if not (len(wanted) == 1 and wanted[0][0] is None and not wanted[0][1].strip()):
        assert [(cell.title, cell.source) for cell in book.cells] == wanted
    assert_positions(book)
    assert rewrite(book, {cell.number: cell.source for cell in book.cells}) == book.data


@given(CELLS, PLAIN, st.data(), st.sampled_from(["\n", "\r\n"]))
def test_any_plain_edit_is_possible(
    cells: list[tuple[str | None, tuple[bool, str]]], new: str, data: st.DataObject, newline: str
) -> None:
    text = rendered(cells, newline)
    book = notebook(text if data.draw(st.booleans()) else text.removesuffix(newline))
    plain = [cell.number for cell in book.cells if cell.magic is None]
    if not plain or not new.strip():
        return
    number = data.draw(st.sampled_from(plain))
    after = read(book.path, rewrite(book, {number: new}), PY)
    wanted = [new if cell.number == number else cell.source for cell in book.cells]
    assert [cell.source for cell in after.cells] == wanted
    assert ("\r" in after.text) == (newline == "\r\n")


FRAGMENTS = st.sampled_from(
    [
        HEADER,
        "# COMMAND ----------",
        "# COMMAND -----",
        "# MAGIC ",
        " #MAGIC",
        "# DBTITLE 1,T",
        "%md",
        "%%x",
        "\n",
        "\r\n",
        "\r",
        " ",
        "x",
        '"""',
        "\ufeff",
        "\0",
        "é",
    ]
)


@given(
    st.sampled_from(["", HEADER]),
    st.lists(FRAGMENTS).map("".join),
    st.sampled_from([PY, SQL, SCALA, Language.R]),
)
def test_any_text_is_survived(head: str, text: str, language: Language) -> None:
    book = notebook(head + text, language)
    assert rewrite(book, {}) == book.data
    assert rewrite(book, {cell.number: cell.source for cell in book.cells}) == book.data
    if book.cells:
        assert_positions(book)
    for cell in book.cells:
        try:
            after = read(book.path, rewrite(book, {cell.number: cell.source + "\nz"}), language)
        except RefusedEditError:
            continue
        assert after.cell(cell.number).source == cell.source + "\nz"


@given(st.binary(), st.sampled_from([b"", HEADER.encode()]))
def test_any_bytes_are_survived(data: bytes, head: bytes) -> None:
    book = read("a.py", head + data, PY)
    assert rewrite(book, {}) == head + data
