from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.checks.finding import Finding, in_cell, in_file
from pytest_dbxgate.checks.suppression import apply, covers
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.notebook.model import Cell, Format, Language, Magic, Notebook

ALL = frozenset(Check)
UNUSED_HINT = (
    "remove it or move it: it covers its own line, or the whole cell where it stands alone on the "
    "first line"
)


def notebook(*cells: Cell, language: Language = Language.PYTHON) -> Notebook:
    return Notebook("a.py", Format.SOURCE, language, cells, b"", "")


def cell(source: str, language: Language = Language.PYTHON, number: int = 1) -> Cell:
    return Cell(number, language, source, source)


def magic_cell(
    source: str, language: Language, *, number: int = 1, line: int = 1, word: str
) -> Cell:
    """A cell whose code follows ``word``, which opens its line ``line``."""
    lines = source.split("\n")
    code = "\n".join([lines[line - 1].removeprefix(word), *lines[line:]])
    return Cell(
        number,
        language,
        source,
        code,
        code_line=line,
        code_column=len(word) + 1,
        magic=Magic(word.strip("%"), "", line),
    )


def at(
    book: Notebook, line: int | None, code: str = "F821", check: Check = Check.LINT, cell: int = 1
) -> Finding:
    return in_cell(book, book.cell(cell), check, code, "m", line=line or 1)


def left(book: Notebook, *findings: Finding, checked: frozenset[Check] = ALL) -> list[str]:
    """``CODE line`` of what is left."""
    return [
        f"{finding.code} {finding.cell_line}: {finding.message}"
        if finding.code == "DBX180"
        else f"{finding.code} {finding.cell_line}"
        for finding in apply(book, findings, checked)
    ]


@pytest.mark.parametrize(
    ("language", "line"),
    [
        (Language.PYTHON, "x = y  # dbx: ignore[F821] made by the caller"),
        (Language.PYTHON, "x = y  # type: ignore  # dbx: ignore[F821]"),
        (Language.PYTHON, "x = y  #dbx:ignore[f821]"),
        (Language.PYTHON, "x = y  # dbx: ignore[E711, F821 , E712]"),
        (Language.PYTHON, "x = y  # dbx: ignore[F8]"),
        (Language.PYTHON, "%pip install x  # dbx: ignore[F821]"),
        (Language.PYTHON, "!echo it's  # dbx: ignore[F821]"),
        (Language.SQL, "SELECT 'it''s -- it' -- dbx: ignore[F821]"),
        (Language.SQL, "SELECT 1 -- don't -- dbx: ignore[F821]"),
        (Language.SCALA, "val x = 'y // dbx: ignore[F821]"),
        (Language.SCALA, 'val x = "a\\"b" // dbx: ignore[F821]'),
        (Language.R, "x <- y # dbx: ignore[F821]"),
        (Language.SHELL, "rm it's # dbx: ignore[F821]"),
        (Language.MARKDOWN, "text <!-- dbx: ignore[F821] -->"),
        (Language.OTHER, "anything # dbx: ignore[F821]"),
    ],
)
def test_silencer_covers_its_own_line(language: Language, line: str) -> None:
    book = notebook(cell(f"first\n{line}\nlast", language))
    kept = left(book, at(book, 1), at(book, 2), at(book, 3), checked=frozenset())
    assert kept == ["F821 1", "F821 3"]


@pytest.mark.parametrize(
    ("language", "line"),
    [
        (Language.PYTHON, 'x = "# dbx: ignore[F821]"'),
        (Language.PYTHON, "x = f'{y} # dbx: ignore[F821]'"),
        (Language.PYTHON, "# write dbx: ignore[F821] to silence"),
        (Language.PYTHON, "x = y  # dbx: ignored[F821]"),
        (Language.PYTHON, "x = y  -- dbx: ignore[F821]"),
        (Language.SQL, "SELECT '-- dbx: ignore[F821]'"),
        (Language.SQL, 'SELECT "\\"-- dbx: ignore[F821]"'),
        (Language.SQL, "SELECT 1 # dbx: ignore[F821]"),
        (Language.SCALA, 'val url = "http:// dbx: ignore[F821]"'),
        (Language.R, "x <- '# dbx: ignore[F821]'"),
        (Language.SHELL, "echo $#dbx: ignore[F821]"),
    ],
)
def test_what_is_no_silencer(language: Language, line: str) -> None:
    book = notebook(cell(f"first\n{line}\nlast", language))
    assert left(book, at(book, 2)) == ["F821 2"]


def test_python_that_cannot_be_tokenized_is_read_by_lines() -> None:
    book = notebook(cell("x = (\n'''open\ny = z  # dbx: ignore[F821]\na# dbx: ignore[F821]"))
    kept = left(book, at(book, 3), at(book, 4), checked=frozenset())
    assert kept == ["F821 4"]


def test_silencer_inside_a_long_python_string_is_text() -> None:
    book = notebook(cell('"""\n# dbx: ignore[F821]\n"""\nx = y'))
    assert left(book, at(book, 2)) == ["F821 2"]


def test_silencer_after_a_long_string_covers_all_of_it() -> None:
    source = 'a\nspark.sql("""\nSELECT\n""")  # dbx: ignore[DBX501]\nb'
    book = notebook(cell(source))
    findings = [at(book, line, "DBX501", Check.SYNTAX) for line in range(1, 6)]
    assert left(book, *findings) == ["DBX501 1", "DBX501 5"]


def test_f_strings_are_covered_alike() -> None:
    book = notebook(cell('x = f"""\n{y}\n"""  # dbx: ignore[F821]'))
    assert left(book, at(book, 2)) == []


@pytest.mark.parametrize(
    "source",
    [
        "# dbx: ignore[F821] widgets\nx\ny",
        "\n\n  # dbx: ignore[F821]\ny",
    ],
)
def test_comment_on_the_first_line_covers_the_cell(source: str) -> None:
    book = notebook(cell(source), cell("x", number=2))
    assert left(book, at(book, 1), at(book, 4), at(book, 1, cell=2)) == ["F821 1"]


def test_comment_after_code_on_the_first_line_covers_the_line() -> None:
    book = notebook(cell("x  # dbx: ignore[F821]\ny"))
    assert left(book, at(book, 1), at(book, 2)) == ["F821 2"]


def test_comment_alone_on_a_later_line_covers_that_line() -> None:
    book = notebook(cell("x\n# dbx: ignore[E501]\ny"))
    assert left(book, at(book, 2, "E501"), at(book, 3, "E501")) == ["E501 3"]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("%sql\n-- dbx: ignore[LT01]\nSELECT 1\n,2", 1),
        ("%sql -- dbx: ignore[LT01]\nSELECT 1\n,2", 1),
        ("# dbx: ignore[LT01]\n%sql\nSELECT 1\n,2", 2),
    ],
)
def test_first_line_of_a_cell_with_a_magic(source: str, line: int) -> None:
    book = notebook(magic_cell(source, Language.SQL, line=line, word="%sql"))
    assert left(book, at(book, 4, "LT01", Check.FORMAT)) == []


def test_run_cell_is_commented_in_the_language_of_the_notebook() -> None:
    source = "-- dbx: ignore[DBX301]\n%run ./a\nSELECT 1"
    run = magic_cell(source, Language.RUN, line=2, word="%run")
    book = notebook(run, language=Language.SQL)
    assert left(book, at(book, 3, "DBX301", Check.REFERENCES)) == []


def test_python_cell_of_a_sql_notebook() -> None:
    source = "-- dbx: ignore[DBX140]\n%python\nx  # dbx: ignore[F821]"
    python = magic_cell(source, Language.PYTHON, line=2, word="%python")
    book = notebook(python, language=Language.SQL)
    assert left(book, at(book, 3), at(book, 2, "DBX140", Check.METADATA)) == []


def test_markdown_title_cell_silences_findings_about_the_notebook() -> None:
    title = magic_cell("%md <!-- dbx: ignore[DBX2] -->\n# T", Language.MARKDOWN, word="%md")
    book = notebook(title, cell("# dbx: ignore[DBX102]\nx", number=2))
    outputs = in_file(book, Check.METADATA, "DBX201", "m")
    mark = in_file(book, Check.METADATA, "DBX102", "m")
    assert apply(book, [outputs, mark], frozenset()) == [mark]


def test_notebook_without_a_silencer_is_left_as_it_is() -> None:
    book = notebook(cell("x = 1"))
    findings = [at(book, 1), in_file(book, Check.METADATA, "DBX201", "m")]
    assert apply(book, findings, ALL) == findings


@pytest.mark.parametrize(
    ("language", "line", "kept"),
    [
        (Language.PYTHON, "x  # noqa: DBX203", []),
        (Language.PYTHON, "x  # NOQA:F401,dbx203", []),
        (Language.PYTHON, "x  # noqa: F401 DBX203 because", []),
        (Language.SQL, "x  -- noqa: DBX203", []),
        (Language.PYTHON, "x  # noqa", ["DBX203 1"]),
        (Language.PYTHON, "x  # noqa: F401", ["DBX203 1"]),
        (Language.PYTHON, "x  # noqa: F401 see DBX203", ["DBX203 1"]),
        (Language.PYTHON, "x  # ruff: noqa: DBX203", ["DBX203 1"]),
    ],
)
def test_noqa_counts_for_our_codes(language: Language, line: str, kept: list[str]) -> None:
    book = notebook(cell(line, language))
    assert left(book, at(book, 1, "DBX203", Check.METADATA)) == kept


def test_noqa_silences_no_code_of_the_tools() -> None:
    book = notebook(cell("x  # noqa: F821, DBX203"))
    kept = left(book, at(book, 1), at(book, 1, "DBX203", Check.METADATA))
    assert kept == ["F821 1"]


def test_noqa_on_the_first_line_covers_that_line_only() -> None:
    book = notebook(cell("# noqa: DBX131\nx"))
    kept = left(book, at(book, 1, "DBX131", Check.METADATA), at(book, 2, "DBX131", Check.METADATA))
    assert kept == ["DBX131 2"]


def test_unused_silencer_is_reported_where_it_stands() -> None:
    book = notebook(cell("x = 1\ny = z  # why  # dbx: ignore[E711, F821, W291]"))
    assert apply(book, [at(book, 2)], ALL) == [
        Finding(
            path="a.py",
            check=Check.LINT,
            code="DBX180",
            message="nothing to silence here for `E711`, `W291`",
            severity=Severity.WARNING,
            hint=UNUSED_HINT,
            language="python",
            cell=1,
            cell_line=2,
            cell_column=17,
            cell_end_line=2,
            cell_end_column=46,
        )
    ]


@pytest.mark.parametrize(
    ("code", "enough"),
    [
        ("F401", {Check.SYNTAX, Check.LINT}),
        ("LT01", {Check.SYNTAX, Check.LINT, Check.FORMAT}),
        ("DBX150", {Check.SYNTAX, Check.LINT, Check.FORMAT}),
        ("DBX203", {Check.SYNTAX, Check.LINT, Check.METADATA}),
        ("DBX501", {Check.SYNTAX, Check.LINT}),
        ("DBX601", {Check.SYNTAX, Check.LINT, Check.SECRETS}),
        ("DBX302", {Check.SYNTAX, Check.LINT, Check.REFERENCES}),
        ("F821", {Check.SYNTAX, Check.LINT, Check.REFERENCES}),
        ("F8", {Check.SYNTAX, Check.LINT, Check.REFERENCES}),
        ("DBX1", {Check.SYNTAX, Check.LINT, Check.FORMAT, Check.METADATA}),
    ],
)
def test_unused_is_reported_only_if_all_that_matters_ran(code: str, enough: set[Check]) -> None:
    book = notebook(cell(f"x  # dbx: ignore[{code}]"))
    message = f"DBX180 1: nothing to silence here for `{code}`"
    assert left(book, checked=frozenset(enough)) == [message]
    for missing in enough:
        assert left(book, checked=frozenset(enough - {missing})) == []


def test_cell_with_a_syntax_error_cannot_tell_what_is_unused() -> None:
    book = notebook(cell("x  # dbx: ignore[F401]"), cell("y  # dbx: ignore[F401]", number=2))
    broken = at(book, 1, "invalid-syntax", Check.SYNTAX)
    assert left(book, broken) == [
        "invalid-syntax 1",
        "DBX180 1: nothing to silence here for `F401`",
    ]
    assert [item.cell for item in apply(book, [broken], ALL)] == [1, 2]


@pytest.mark.parametrize("code", ["DBX165", "DBX166", "DBX211"])
def test_codes_that_depend_on_more_than_the_notebook_are_never_called_unused(code: str) -> None:
    book = notebook(cell(f"// dbx: ignore[{code}]", Language.SCALA))
    assert left(book) == []


@pytest.mark.parametrize(
    ("comment", "message", "hint"),
    [
        (
            "# dbx: ignore",
            "`dbx: ignore` names no code",
            "name what it silences, such as `dbx: ignore[F821]`",
        ),
        (
            "# dbx: ignore[]",
            "`dbx: ignore` names no code",
            "name what it silences, such as `dbx: ignore[F821]`",
        ),
        (
            "# dbx: ignore[F821",
            "`dbx: ignore` names no code",
            "name what it silences, such as `dbx: ignore[F821]`",
        ),
        ("# dbx: ignore[DBX182]", "`DBX182` is not a code", "did you mean `DBX180`?"),
        (
            "# dbx: ignore[undefined-name]",
            "`UNDEFINED-NAME` is not a code",
            "write codes such as `F821` or `DBX2`",
        ),
        (
            "# dbx: ignore[DBX171]",
            "`DBX171` cannot be silenced by a comment",
            "`allow_unchecked` in [tool.dbxgate] allows what cannot be checked",
        ),
    ],
)
def test_silencers_that_cannot_work(comment: str, message: str, hint: str) -> None:
    book = notebook(cell(f"x\ny  {comment}"))
    found = apply(book, [at(book, 2)], frozenset((Check.LINT,)))
    assert [(item.code, item.message, item.hint) for item in found[1:]] == [
        ("DBX180", message, hint)
    ]
    assert found[0].code == "F821"


def test_what_was_not_checked_stays_visible() -> None:
    book = notebook(cell("# dbx: ignore[DBX171, DBX]\nx"))
    assert left(book, at(book, 2, "DBX171", Check.SYNTAX), checked=frozenset()) == ["DBX171 2"]


def test_unused_silencer_may_be_excused_by_name() -> None:
    book = notebook(cell("x\ny  # dbx: ignore[F401, DBX180]"))
    assert left(book) == []
    whole = notebook(cell("# dbx: ignore[DBX180]\ny  # dbx: ignore[F401]"))
    assert left(whole) == []


def test_idle_excuse_is_reported_and_a_family_is_none() -> None:
    book = notebook(cell("x\ny  # dbx: ignore[DBX180]\nz  # dbx: ignore[DBX1]"))
    assert left(book) == [
        "DBX180 3: nothing to silence here for `DBX1`",
        "DBX180 2: nothing to silence here for `DBX180`",
    ]


def test_syntax_errors_can_be_silenced_by_name() -> None:
    book = notebook(cell("# dbx: ignore[invalid-syntax] exercise\nx = FILL IN"))
    assert left(book, at(book, 2, "invalid-syntax", Check.SYNTAX)) == []


@pytest.mark.parametrize(
    ("pattern", "code", "expected"),
    [
        ("F821", "F821", True),
        ("F8", "F821", True),
        ("F", "F821", True),
        ("F8", "F401", False),
        ("E", "ERA001", False),
        ("D", "DBX150", False),
        ("D", "DTZ001", False),
        ("DBX", "DBX150", True),
        ("PL", "PLE1142", True),
        ("PLE", "PLE1142", True),
        ("LT", "LT01", True),
        ("L", "LT01", False),
        ("F8211", "F821", False),
        ("invalid-syntax", "invalid-syntax", True),
        ("I", "invalid-syntax", False),
    ],
)
def test_families(pattern: str, code: str, expected: bool) -> None:
    assert covers(pattern, code) is expected


PIECES = ["#", "--", "//", "<!--", " ", "\n", "'", '"""', "f'{", "(", "\\", "%sql", "x\x0c\r"]
WORDS = ["dbx: ignore", "[F821]", "[DBX9", "noqa: DBX203", "NOQA:"]


@given(
    st.lists(
        st.sampled_from([*PIECES, *WORDS]),
        max_size=25,
    ).map("".join),
    st.sampled_from(list(Language)),
)
def test_no_text_is_too_odd(source: str, language: Language) -> None:
    book = notebook(cell(source, language))
    for finding in apply(book, [at(book, 1), at(book, 2)], ALL):
        if finding.code == "DBX180":
            line = source.split("\n")[(finding.cell_line or 0) - 1]
            rest = line[(finding.cell_column or 0) - 1 :]
            assert rest.lower().startswith(("dbx:", "noqa"))


def test_a_finding_without_a_line_stands_on_the_first() -> None:
    book = notebook(cell("x  # dbx: ignore[DBX220]"))
    assert apply(book, [replace(at(book, 1, "DBX220"), cell_line=None)], ALL) == []


def test_very_long_python_is_read_by_lines() -> None:
    book = notebook(cell("x = 1\n" * 40_000 + "y  # dbx: ignore[F821]"))
    assert left(book, at(book, 40_001)) == []
