"""Syntax of Python cells, read as IPython reads them."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.python import ruff
from pytest_dbxgate.checks.python import syntax as python_syntax
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.errors import ToolError
from pytest_dbxgate.languages.python.cells import Prepared, prepare
from pytest_dbxgate.notebook.magics import split_cell
from pytest_dbxgate.notebook.model import Cell, Format, Language, Notebook
from pytest_dbxgate.settings import Settings


def cell(source: str, number: int = 1, language: Language = Language.PYTHON) -> Cell:
    found = split_cell(source, language)
    return Cell(number, found.language, source, found.code, found.code_line, found.code_column)


def notebook(*sources: str, path: str = "a.py", language: Language = Language.PYTHON) -> Notebook:
    cells = tuple(cell(source, number, language) for number, source in enumerate(sources, start=1))
    return Notebook(path, Format.SOURCE, language, cells, b"", "")


def check(*notebooks: Notebook, python: str = "3.11") -> list[Finding]:
    return python_syntax.check(notebooks, lambda key: Settings(python=python))


def places(findings: Sequence[Finding]) -> list[tuple[int | None, str, int | None, int | None]]:
    return sorted((item.cell, item.code, item.cell_line, item.cell_column) for item in findings)


LEGAL = (
    "await something()",
    "[await x for x in y]",
    "async with a as b:\n    pass",
    "x = !ls -l",
    "%time foo( )",
    "%pip install a b\nimport a",
    "if x:\n    %pip install y\n    !ls\n    x?",
    "for x in y:\n    %run ./z",
    "?foo",
    "foo??",
    "!pip install x; ls",
    "y = %sql select 1",
    "%sql select 1",
    "  x = 1\n  y = 2",
    "\t# indented\n\tif x:\n\t\ty = '''\n\tz'''",
    "\n\n    x = 1\ny = 2",
    ">>> x = 1\n>>> for y in x:\n...     print(y)\n",
    "pip install x",
    "\n  pip install x --upgrade\n\n",
    "ls /tmp",
    "cd /tmp",
    "mkdir -p a/b",
    "ls",
    "sc",
    "config",
    "time.sleep(1)",
    "load = 3",
    "%%time\n\nx = 1",
    "%%capture out\n%%time\nx = 1",
    "# comment\n%%time\nx = 1",
    "%%bash\nfor x in y; do",
    "%%writefile a.txt\n(((",
    "%%time\n%%html\n<p>",
    "x = '''\n%%sql\n'''",
    "\ufeffx = 1",
    "x = 1\ry = 2\r\nz = 3",
    "# only a comment",
    "x = 1  # why?",
    "def f():\n    global z\n    z = 1",
    "from __future__ import annotations",
    "lambda: (yield)",
    "x = 'lone \ud800 surrogate'",
    "%python x = 1",
    "%py\n  x = 1\n  y = 2",
)


@pytest.mark.parametrize("python", ["3.10", "3.14"])
def test_what_ipython_takes_is_legal(python: str) -> None:
    assert check(notebook(*LEGAL), python=python) == []


WRONG = (
    # (cell, code, line, column): the place in the cell as the editor shows it
    ("x = (1", "invalid-syntax", 1, 7),
    ("x = 1\ndel = 400", "invalid-syntax", 2, 5),
    ("sc\nx = (", "invalid-syntax", 2, 6),
    ("config (1)\ny = 1 +", "invalid-syntax", 2, 8),
    ("pip install x\ny = 1", "invalid-syntax", 1, 5),
    ("# comment\npip install x", "invalid-syntax", 2, 5),
    ("x = '''\n%%sql\n'''\ny = = 1", "invalid-syntax", 4, 5),
    ("x = '''\n  %%sql\n'''\ny = = 1", "invalid-syntax", 4, 5),
    ("  x = 1\n  y = = 2", "invalid-syntax", 2, 7),
    ("\n\n  y = = 2", "invalid-syntax", 3, 7),
    ("%%time\n\nx = = 1", "invalid-syntax", 3, 5),
    ("%%capture a\n%%time\n  x = = 1", "invalid-syntax", 3, 7),
    ("%python x = = 1", "invalid-syntax", 1, 13),
    ("%python\nx = = 1", "invalid-syntax", 2, 5),
    ("%python\n\n  x = = 1", "invalid-syntax", 3, 7),
    ("%python sc\nx = = 1", "invalid-syntax", 2, 5),
    (">>> x = = 1", "invalid-syntax", 1, 9),
    ("x = '😀é'; y = = 1", "invalid-syntax", 1, 15),
    ("x = 1\ry = = 2\nz", "invalid-syntax", 1, 11),
    ("x = 1\r\ny = = 2", "invalid-syntax", 2, 5),
    ("print 'hello'", "invalid-syntax", 1, 7),
    ("x = <FILL_IN>", "invalid-syntax", 1, 5),
    ("x = 1\n  y = 2", "invalid-syntax", 2, 1),
    ("def f():\n    await g()", "PLE1142", 2, 5),
    ("return 3", "F706", 1, 1),
    ("class A:\n    return 3", "F706", 2, 5),
    ("x = yield", "F704", 1, 5),
    ("break", "F701", 1, 1),
    ("if x:\n    continue", "F702", 2, 5),
    ("def f():\n    from x import *", "F406", 2, 5),
    ("x = 1\nfrom __future__ import annotations", "F404", 2, 1),
    ("from __future__ import nothing", "F407", 1, 24),
    ("a, *b, *c = x", "F622", 1, 1),
    ("try:\n    pass\nexcept:\n    pass\nexcept E:\n    pass", "F707", 3, 1),
    ("def f():\n    global z\n    nonlocal z", "PLE0115", 2, 12),
    ("def f():\n    nonlocal z", "PLE0117", 2, 14),
    ("def f():\n    z = 1\n    global z", "PLE0118", 2, 5),
    ("async def f():\n    yield from x", "PLE1700", 2, 5),
    ("def f(a, a):\n    pass", "invalid-syntax", 1, 10),
    ("return 3  # noqa: F706", "F706", 1, 1),
    ("return 1\nx = (", "invalid-syntax", 2, 6),
)


def test_first_error_of_each_cell_at_its_place() -> None:
    found = check(notebook(*(source for source, *_ in WRONG)))
    assert places(found) == [
        (number, code, line, column)
        for number, (_, code, line, column) in enumerate(WRONG, start=1)
    ]
    assert {item.check for item in found} == {Check.SYNTAX}
    assert {item.severity for item in found} == {Severity.ERROR}


def test_rules_counted_as_syntax_are_errors_of_the_compiler() -> None:
    for source, code, *_ in WRONG:
        if code != "invalid-syntax":
            with pytest.raises(SyntaxError):
                compile(source, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert {code for _, code, *_ in WRONG} - {"invalid-syntax"} == set(python_syntax.COMPILE_ERRORS)


def test_message_is_ruffs() -> None:
    (found,) = check(notebook("x = 1", "x = (1,\ny", "y = 2"))
    assert found.message == "unexpected EOF while parsing"
    assert (found.path, found.cell, found.language) == ("a.py", 2, "python")
    assert (found.cell_line, found.cell_column) == (2, 2)


def test_only_python_is_looked_at() -> None:
    sources = ("SELECT FROM WHERE", "%scala\nval x =", "%md x = (", "%python\nx = (", "%sh\n((")
    found = check(notebook(*sources, path="a.sql", language=Language.SQL))
    assert places(found) == [(4, "invalid-syntax", 2, 6)]


def test_equal_cells_are_told_of_each_notebook() -> None:
    found = check(notebook("x = ("), notebook("y", "x = ("), notebook("  x = ("))
    assert [(item.cell, item.cell_column) for item in found] == [(1, 6), (2, 6), (1, 8)]


def test_nothing_to_check_needs_no_ruff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ruff, "find", lambda: pytest.fail("ruff was looked for"))
    assert check() == []
    assert check(notebook("", "  \n", "%md x")) == []


def test_each_project_has_its_own_python() -> None:
    source = "def f[T](x: T):\n    pass"
    old, new = notebook(source, path="old/a.py"), notebook(source, path="new/a.py")
    found = python_syntax.check(
        [old, new], lambda key: Settings(runtime="15.4" if key.path == "old/a.py" else "16.4")
    )
    assert [(item.path, item.message) for item in found] == [
        (
            "old/a.py",
            "Cannot use type parameter lists on Python 3.11 (syntax was added in Python 3.12)",
        )
    ]


def test_unknown_runtime_warns_of_syntax_that_only_some_know() -> None:
    found = check(
        notebook(
            "def f[T](x: T):\n    pass",
            "try:\n    pass\nexcept* E:\n    pass",
            "match x:\n    case 1:\n        pass",
            "x = 1",
            "type X = int\ny = (",
        ),
        python="",
    )
    by_cell = {item.cell: item for item in found}
    assert sorted(number for number in by_cell if number) == [1, 2, 5]
    assert (by_cell[1].code, by_cell[1].severity) == ("DBX161", Severity.WARNING)
    assert by_cell[1].message == (
        "Databricks Runtime 13.3, 14.3 and 15.4 do not know this syntax: Cannot use type "
        "parameter lists on Python 3.10 (syntax was added in Python 3.12)"
    )
    assert by_cell[2].message.startswith("Databricks Runtime 13.3 and 14.3 do not know this")
    assert (by_cell[2].cell_line, by_cell[2].cell_column) == (3, 7)
    assert (by_cell[5].code, by_cell[5].severity) == ("invalid-syntax", Severity.ERROR)
    assert by_cell[5].cell_line == 2


def test_cell_that_aborts_ruff_is_named_and_the_others_are_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # With ruff's usual stack this aborts it; with ours it is nothing special.
    deep = "x = " + "1 + " * 20_000 + "1"
    sources = ["x = 1", deep, "y = (", *(f"z = {number}" for number in range(20)), "w = ("]
    assert [item.cell for item in check(notebook(*sources))] == [3, 24]
    monkeypatch.setattr(ruff, "_STACK", "1048576")
    found = check(notebook(*sources))
    assert [(item.cell, item.code) for item in sorted(found, key=lambda item: item.cell or 0)] == [
        (2, "DBX171"),
        (3, "invalid-syntax"),
        (24, "invalid-syntax"),
    ]
    (unchecked,) = (item for item in found if item.code == "DBX171")
    assert unchecked.message == "could not be checked: ruff aborts on this cell"
    assert unchecked.severity is Severity.WARNING


def test_missing_ruff(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing() -> str:
        raise FileNotFoundError

    monkeypatch.setattr("ruff.find_ruff_bin", nothing)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolError) as caught:
        check(notebook("x"))
    assert str(caught.value) == "ruff: it is not installed\n  next: python -m pip install ruff"


def test_hanging_ruff_is_an_error(tmp_path: Path) -> None:
    tool = ruff.Ruff(ruff.find(), tmp_path, timeout=0.0001)
    with pytest.raises(ToolError, match=r"ruff check did not end within 0\.0001 s"):
        list(tool.check([str(tmp_path / "x.ipynb")], folder=tmp_path, aborted=pytest.fail))


def test_executable_that_cannot_be_started(tmp_path: Path) -> None:
    tool = ruff.Ruff(str(tmp_path / "gone"), tmp_path)
    with pytest.raises(ToolError, match="gone cannot be started"):
        list(tool.check(["x.ipynb"], folder=tmp_path, aborted=pytest.fail))


def test_output_that_is_not_ruffs_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "output").write_text('{"filename": 3}\n', encoding="utf-8")
    run = ruff.Run([], tmp_path / "output", "")
    monkeypatch.setattr(ruff.Ruff, "runs", lambda *args, **options: iter([run]))
    tool = ruff.Ruff("ruff", tmp_path)
    with pytest.raises(ToolError, match="its output is not understood"):
        list(tool.check(["x"], folder=tmp_path, aborted=pytest.fail))


def prepared(source: str) -> Prepared:
    result = prepare(cell(source))
    assert result is not None
    return result


@pytest.mark.parametrize(
    ("source", "text", "head"),
    [
        ("x = 1", "x = 1", ""),
        ("sc", "\nsc", ""),
        ("  sc\n  x", "\nsc\nx", ""),
        ("%%time\n\nx", "x", "\n"),
        ("%%capture a\n%%time\nx", "x", "%%time\n"),
        ("%python\n\nx", "x", "\n"),
        ("%python x", "x", ""),
        ("a\n'''\n%%b'''", "a\n'''\n\ue0f0\ue0f1b'''", ""),
    ],
)
def test_preparation_and_its_way_back(source: str, text: str, head: str) -> None:
    item, result = cell(source), prepared(source)
    assert (result.text, result.head) == (text, head)
    if not source.startswith(" "):
        assert result.restore(result.text) == item.code
    # The formatter drops leading blank lines, the one that guards a cell included.
    assert result.restore(result.text.lstrip("\n")) in (item.code, "sc\nx")


ALPHABET = st.text(st.sampled_from("x=1+( \t\n'\"#%!?>.\r\\é😀s"), max_size=40)


@given(st.sampled_from(["", "%python\n", "%python ", "%%time\n", "  ", "sc\n", ">>> "]), ALPHABET)
def test_every_place_of_the_text_has_its_place_in_the_code(start: str, rest: str) -> None:
    item = cell(start + rest)
    result = prepare(item)
    if result is None:
        return
    lines = item.code.split("\n")
    for row, line in enumerate(result.text.split("\n"), start=1):
        if row == 1 and result.guarded:
            continue
        for column, character in enumerate(line, start=1):
            code_line, code_column = result.position(row, column)
            found = lines[code_line - 1][code_column - 1]
            assert found == character or (found, character) in (("%", "\ue0f0"), ("%", "\ue0f1"))


def test_a_lone_notebook_has_the_same_stack_as_many() -> None:
    """20,000 chained operators abort ruff on its main thread."""
    assert check(notebook("x = " + " + ".join(["1"] * 20_000))) == []
