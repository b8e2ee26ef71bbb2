"""The SQL checks as a whole: real workers, real parsers."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.sql import check as sql
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.errors import ToolError
from pytest_dbxgate.notebook.model import Cell, Format, Language, Notebook, NotebookKey
from pytest_dbxgate.settings import Settings

ALL = frozenset((Check.SYNTAX, Check.LINT, Check.FORMAT))


def notebook(
    *cells: str, path: str = "n.sql", language: Language = Language.SQL, magic: str = ""
) -> Notebook:
    return Notebook(
        path=path,
        format=Format.SOURCE,
        language=language,
        cells=tuple(
            Cell(
                number=number,
                language=language,
                source=magic + code,
                code=code,
                code_line=1 + magic.count("\n"),
                code_column=1 + len(magic) - (magic.rfind("\n") + 1),
            )
            for number, code in enumerate(cells, start=1)
        ),
        data=b"",
        digest="",
    )


def check(
    root: Path,
    *notebooks: Notebook,
    checks: frozenset[Check] = ALL,
    settings: Settings | None = None,
) -> list[Finding]:
    chosen = settings or Settings()
    return sql.check(notebooks, lambda key: chosen, root=root, checks=checks)


def brief(findings: list[Finding]) -> list[tuple[str, int | None, int | None, int | None]]:
    return [(item.code, item.cell, item.cell_line, item.cell_column) for item in findings]


CLEAN = [
    "",
    "-- nothing yet",
    "/* nothing */ ;",
    "SELECT 1; SELECT 2;;",
    "; SELECT 1",
    "SELECT * FROM ${db}.t WHERE a = :x AND b LIKE :y LIMIT :n",
    "SELECT * FROM cat_${env}.s.t_${x}_y",
    "SELECT * FROM IDENTIFIER(:c || '.' || :t) WHERE d = :d",
    "CREATE TABLE IF NOT EXISTS IDENTIFIER(:t) (a INT)",
    "SELECT IDENTIFIER(:f)(1)",
    "SELECT getArgument('p'), {{ q }}, $r, ?",
    "SELECT * FROM t TIMESTAMP AS OF :ts; SELECT * FROM t VERSION AS OF ${v}",
    "SELECT raw:a.b[0]::int, raw :c, `x y`:z FROM t",
    "${query}",
    "SELECT ${columns} FROM t ${where} ${limit}",
    "SELECT r'\\d', 'it\\'s', \"say \\\"x\\\"\" FROM delta.`/mnt/${p}`",
    "CREATE WIDGET TEXT state DEFAULT 'CA'; REMOVE WIDGET state",
    "CREATE OR REFRESH STREAMING TABLE a (CONSTRAINT x EXPECT (a > 1) ON VIOLATION DROP ROW) "
    "AS SELECT * FROM STREAM read_files('/x', format => 'json')",
    "CREATE OR REFRESH STREAMING LIVE TABLE a AS SELECT * FROM STREAM(live.b)",
    "APPLY CHANGES INTO live.t FROM STREAM(live.s) KEYS (id) SEQUENCE BY ts STORED AS SCD TYPE 2",
    "CREATE FLOW f AS AUTO CDC INTO t FROM STREAM(s) KEYS (id) SEQUENCE BY ts",
    "BEGIN\n  DECLARE x INT DEFAULT 1;\n  IF x > 1 THEN SELECT 1; END IF;\nEND;\nSELECT 2",
    "CREATE FUNCTION f(x STRING) RETURNS STRING LANGUAGE PYTHON AS $$\nreturn f'{x};'\n$$",
    "CREATE SHARE sales; SELECT 1",
    "COPY INTO t FROM '/raw' FILEFORMAT = CSV",
    "SET VAR x = NULL",
    "WITH recent AS (SELECT 1 AS ds) SELECT * FROM ai_forecast(TABLE(recent), horizon => 'x')",
]


def test_clean_cells(tmp_path: Path) -> None:
    assert check(tmp_path, notebook(*CLEAN)) == []


def test_two_votes_are_an_error(tmp_path: Path) -> None:
    cell = "SELECT 1;\n\nSELECT a b c FROM t;\nCREATE SHARE x;\nSELEC 1;\nSELECT * FROM t WHERE"
    found = check(tmp_path, notebook(cell, magic="%sql "))
    assert brief(found) == [("DBX501", 1, 3, 12), ("DBX501", 1, 5, 1), ("DBX501", 1, 6, 17)]
    assert [item.message for item in found] == [
        "SQL syntax error at `c`",
        "SQL syntax error at `SELEC`",
        "SQL syntax error at `WHERE`",
    ]
    assert {(item.severity, item.check) for item in found} == {(Severity.ERROR, Check.SYNTAX)}


def test_the_first_line_may_follow_the_magic(tmp_path: Path) -> None:
    assert brief(check(tmp_path, notebook("SELEC 1", magic="%sql "))) == [("DBX501", 1, 1, 6)]
    assert brief(check(tmp_path, notebook("\n  SELEC 1", magic="%sql"))) == [("DBX501", 1, 2, 3)]


def test_a_missing_semicolon_is_an_error(tmp_path: Path) -> None:
    assert brief(check(tmp_path, notebook("SELECT 1\nSELECT 2"))) == [("DBX501", 1, 2, 1)]


def test_one_vote_is_a_warning_unless_strict(tmp_path: Path) -> None:
    cell = "SELECT 1;\nINSERT INTO t VALUES (3 INT)"
    (found,) = check(tmp_path, notebook(cell))
    assert (found.code, found.severity) == ("DBX502", Severity.WARNING)
    assert (found.cell_line, found.cell_column) == (2, 25)
    assert found.message == "sqlfluff cannot read this SQL at `INT`; sqlglot does not object"
    (strict,) = check(tmp_path, notebook(cell), settings=Settings(strict_sql=True))
    assert (strict.code, strict.severity) == ("DBX501", Severity.ERROR)


def test_a_parameter_for_any_text_is_never_two_votes(tmp_path: Path) -> None:
    found = check(tmp_path, notebook("SELECT * FROM t WHERE a ${operator} 1"))
    assert brief(found) == [("DBX502", 1, 1, 25)]
    assert "`${operator}`" in found[0].message


def test_noqa(tmp_path: Path) -> None:
    assert check(tmp_path, notebook("SELECT a b c FROM t -- noqa: PRS")) == []
    assert check(tmp_path, notebook("SELECT a FROM t WHERE a = NULL -- noqa: CV05")) == []


def test_no_more_than_twenty_of_a_cell(tmp_path: Path) -> None:
    assert len(check(tmp_path, notebook("SELECT a b c;\n" * 30))) == 20


def test_limits_are_not_votes(tmp_path: Path) -> None:
    deep = "SELECT 1;\nSELECT " + "(" * 300 + "1" + ")" * 300
    wide = "INSERT INTO t VALUES " + ",\n".join(f"({n}, 'x', {n}, {n})" for n in range(26_000))
    found = check(tmp_path, notebook(deep, wide, "SELEC 1"))
    assert brief(found) == [("DBX171", 1, 2, 1), ("DBX171", 2, 1, 1), ("DBX501", 3, 1, 1)]
    assert [item.message for item in found[:2]] == [
        "the SQL could not be checked: it is nested too deeply for sqlfluff",
        "the SQL could not be checked: it is too large for sqlfluff",
    ]


def test_a_large_cell_is_checked_statement_by_statement(tmp_path: Path) -> None:
    (tmp_path / ".sqlfluff").write_text(
        "[sqlfluff]\nmax_parse_nodes = 100\nrules = CV05\n", encoding="utf-8"
    )
    found = check(tmp_path, notebook("SELECT a FROM t WHERE a = NULL;\n" * 9 + "SELEC 1"))
    assert brief(found) == [
        ("DBX501", 1, 10, 1),
        *(("CV05", 1, line, 25) for line in range(1, 10)),
    ]


def test_a_timeout_names_its_cell_and_spares_the_others(tmp_path: Path) -> None:
    slow = "SELECT " + " + ".join(["1"] * 60_000)
    found = check(tmp_path, notebook("SELEC 1", slow, "SELEC 2"), settings=Settings(sql_timeout=2))
    assert brief(found) == [("DBX501", 1, 1, 1), ("DBX171", 2, 1, 1), ("DBX501", 3, 1, 1)]
    assert found[1].message == (
        "the SQL could not be checked: sqlfluff took longer than 2 s (setting sql_timeout)"
    )


def test_odd_characters(tmp_path: Path) -> None:
    odd = notebook("SELECT '\ud800'", "SELECT '\x00', 'é\u00a0😀' AS x", "SELECT '😀' a b")
    assert ("DBX501", 3, 1, 14) in brief(check(tmp_path, odd))


def test_strings_in_python(tmp_path: Path) -> None:
    cell = (
        'x = 1\nspark.sql("""\n  SELECT a b c FROM t\n""")\n'
        'spark.sql("SELECT 1 FROM t WHERE a = NULL")'
    )
    found = check(tmp_path, notebook(cell, language=Language.PYTHON, path="n.py"))
    assert brief(found) == [("DBX501", 1, 3, 14)]
    assert found[0].language == "python"
    lint = frozenset((Check.LINT,))
    assert check(tmp_path, notebook(cell, language=Language.PYTHON), checks=lint) == []


def test_default_rules(tmp_path: Path) -> None:
    cells = (
        "SELECT a.id, b.id FROM a INNER JOIN b ON a.x = b.x",
        "SELECT a, b FROM t UNION ALL SELECT a FROM u",
        "SELECT * FROM a JOIN b",
        "SELECT a\nFROM t\nWHERE a = NULL",
        "WITH x AS (SELECT 1) SELECT 2",
        "select A,b   from t",
    )
    found = check(tmp_path, notebook(*cells))
    assert [(item.code, item.cell) for item in found] == [
        ("AL08", 1),
        ("AM07", 2),
        ("AM08", 3),
        ("CV05", 4),
        ("ST03", 5),
    ]
    assert {(item.check, item.severity) for item in found} == {(Check.LINT, Severity.ERROR)}
    assert (found[3].cell_line, found[3].cell_column) == (3, 9)
    assert (found[3].cell_end_line, found[3].cell_end_column) == (3, 10)


def test_lint_of_what_parses_in_a_broken_cell(tmp_path: Path) -> None:
    found = check(tmp_path, notebook("SELEC 1;\nSELECT a FROM t WHERE a = NULL"))
    assert brief(found) == [("DBX501", 1, 1, 1), ("CV05", 1, 2, 25)]


def test_only_the_checks_asked_for(tmp_path: Path) -> None:
    cell = "SELEC 1;\nSELECT a FROM t WHERE a = NULL"
    assert [f.code for f in check(tmp_path, notebook(cell), checks=frozenset((Check.LINT,)))] == [
        "CV05"
    ]
    assert check(tmp_path, notebook(cell), checks=frozenset((Check.FORMAT,))) == []


def test_the_same_cell_in_two_notebooks(tmp_path: Path) -> None:
    found = check(tmp_path, notebook("SELEC 1", path="a.sql"), notebook("SELEC 1", path="b.sql"))
    assert [item.path for item in found] == ["a.sql", "b.sql"]


def test_a_configuration_is_obeyed_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "c").mkdir()
    (tmp_path / "a" / ".sqlfluff").write_text(
        "[sqlfluff]\nrules = LT01, CP01\nwarnings = CP01\n", encoding="utf-8"
    )
    (tmp_path / "c" / "pyproject.toml").write_text(
        '[tool.sqlfluff.core]\nrules = "AL01"\n', encoding="utf-8"
    )
    cell = "SELECT a,b from t x WHERE a = NULL"
    found = check(
        tmp_path, *(notebook(cell, path=path) for path in ("a/b/n.sql", "c/n.sql", "n.sql"))
    )
    assert [(item.path, item.code, item.check, item.severity) for item in found] == [
        ("a/b/n.sql", "LT01", Check.FORMAT, Severity.ERROR),
        ("a/b/n.sql", "CP01", Check.LINT, Severity.WARNING),
        ("c/n.sql", "AL01", Check.LINT, Severity.ERROR),
        ("n.sql", "CV05", Check.LINT, Severity.ERROR),
    ]


def test_stand_ins_are_not_linted(tmp_path: Path) -> None:
    (tmp_path / ".sqlfluff").write_text(
        "[sqlfluff]\nrules = CP02, RF02, LT01\n"
        "[sqlfluff:rules:capitalisation.identifiers]\ncapitalisation_policy = upper\n",
        encoding="utf-8",
    )
    cell = "SELECT A FROM ${db}.T WHERE A = :p AND B = :q::INT"
    assert check(tmp_path, notebook(cell)) == []


EVIL = """
[sqlfluff]
templater = jinja
library_path = lib
[sqlfluff:templater:jinja]
library_path = lib
load_macros_from_path = macros.sql
[sqlfluff:templater:python:context]
x = 1
[sqlfluff:templater:jinja:macros]
m = {% macro m() %}{{ 1/0 }}{% endmacro %}
"""


def test_nothing_of_the_project_is_executed(tmp_path: Path) -> None:
    write = "open({!r}, 'w').close()\n".format(str(tmp_path / "executed"))
    (tmp_path / "lib").mkdir()
    for name in ("lib/__init__.py", "lib/filters.py", "sqlfluff.py", "sqlglot.py", "json.py"):
        (tmp_path / name).write_text(write, encoding="utf-8")
    (tmp_path / "sitecustomize.py").write_text(write, encoding="utf-8")
    (tmp_path / "macros.sql").write_text("{{ 1/0 }}", encoding="utf-8")
    (tmp_path / ".sqlfluff").write_text(EVIL, encoding="utf-8")
    found = check(tmp_path, notebook("SELEC 1", "SELECT {{ m() }}\n"))
    assert "DBX501" in {item.code for item in found}
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        (".sqlfluff", "nonsense\n", "File contains no section headers."),
        (".sqlfluff", "[sqlfluff]\ndialect = klingon\n", "there is no dialect klingon"),
        (".sqlfluff", "[sqlfluff]\nrules = XX99\n", "there is no rule XX99"),
        (".sqlfluff", "[sqlfluff]\nmax_parse_depth = x\n", "max_parse_depth"),
        ("pyproject.toml", "[tool.sqlfluff\n", "Failed to parse TOML config file"),
        ("setup.cfg", "[sqlfluff\n", "no section headers"),
    ],
)
def test_a_broken_configuration_names_its_file(
    tmp_path: Path, name: str, text: str, reason: str
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / name).write_text(text, encoding="utf-8")
    with pytest.raises(sql.BrokenConfigurationError) as caught:
        check(tmp_path, notebook("SELEC 1", path="a/n.sql"), notebook("SELEC 1", path="n.sql"))
    assert str(tmp_path / "a" / name) in str(caught.value)
    assert reason in str(caught.value)
    assert isinstance(caught.value, ToolError)
    assert [item.path for item in caught.value.findings] == ["a/n.sql", "n.sql"]


def layout(root: Path, *notebooks: Notebook) -> dict[NotebookKey, dict[int, str]]:
    changed = sql.layout(notebooks, lambda key: Settings(), root=root)
    return {key: dict(sources) for key, sources in changed.items()}


def test_layout_needs_a_configuration(tmp_path: Path) -> None:
    assert layout(tmp_path, notebook("SELECT a,b   FROM t")) == {}


def test_layout_fixes_blanks_only(tmp_path: Path) -> None:
    (tmp_path / ".sqlfluff").write_text("[sqlfluff]\ndialect = databricks\n", encoding="utf-8")
    given = notebook(
        "select a,b   from ${db}.t where x=:p",
        "SELECT a\nFROM t",
        "SELEC a,b",
        "SELECT 'a,b   c' AS x,{{ y }}\nFROM t",
        magic="%sql\n",
    )
    assert layout(tmp_path, given) == {
        given.key: {
            1: "%sql\nselect\n    a,\n    b\nfrom ${db}.t\nwhere x = :p",
            4: "%sql\nSELECT\n    'a,b   c' AS x,\n    {{ y }}\nFROM t",
        }
    }


def test_layout_keeps_the_blanks_around_a_cell(tmp_path: Path) -> None:
    (tmp_path / ".sqlfluff").write_text("[sqlfluff]\nrules = LT01\n", encoding="utf-8")
    given = notebook("\n  SELECT a,b FROM t  \n\n", magic="%sql")
    assert layout(tmp_path, given) == {given.key: {1: "%sql\n  SELECT a, b FROM t  \n\n"}}


def test_layout_never_makes_a_delimiter(tmp_path: Path) -> None:
    (tmp_path / ".sqlfluff").write_text("[sqlfluff]\nrules = LT02\n", encoding="utf-8")
    given = notebook("SELECT a\n   -- COMMAND ----------\nFROM t;\n   -- MAGIC x\nSELECT 2")
    assert layout(tmp_path, given) == {}
