from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.notebook import source as reader
from pytest_dbxgate.notebook.model import Language, Notebook
from pytest_dbxgate.project.facts import Argument, NotebookRun, Run, RunProblem, Spot
from pytest_dbxgate.project.runs import find_notebook_runs, find_runs
from pytest_dbxgate.project.trees import Trees
from support import source

_LANGUAGES = {
    ".py": Language.PYTHON,
    ".sql": Language.SQL,
    ".scala": Language.SCALA,
    ".r": Language.R,
}


def notebook(*cells: str, suffix: str = ".py") -> Notebook:
    return reader.read(f"a{suffix}", source(*cells, suffix=suffix).encode(), _LANGUAGES[suffix])


def runs(*cells: str, suffix: str = ".py") -> tuple[Run, ...]:
    book = notebook(*cells, suffix=suffix)
    return find_runs(book, Trees(book))


def run(line: str) -> Run:
    (found,) = runs(line)
    return found


def calls(*cells: str, suffix: str = ".py") -> tuple[NotebookRun, ...]:
    book = notebook(*cells, suffix=suffix)
    return find_notebook_runs(book, Trees(book))


class TestTarget:
    @pytest.mark.parametrize(
        ("line", "target", "column"),
        [
            ("%run ./helpers", "./helpers", 6),
            ("%run   ./helpers  ", "./helpers", 8),
            ("  %run ./helpers", "./helpers", 8),
            ("%%run ./helpers", "./helpers", 7),
            ('%run "./my helpers"', "./my helpers", 7),
            ("%run './my helpers'", "./my helpers", 7),
            ("%run ./my helpers", "./my helpers", 6),
            ("%run ./Bob's helpers $x=1", "./Bob's helpers", 6),
            ("%run /Workspace/Shared/a.b", "/Workspace/Shared/a.b", 6),
            ("%run ./helpers # loads all", "./helpers", 6),
            ('%run "./helpers" // loads $all', "./helpers", 7),
        ],
    )
    def test_as_written_and_where(self, line: str, target: str, column: int) -> None:
        found = run(line)
        assert found.target == target
        assert found.spot == Spot(1, 1, column, 1, column + len(target))

    def test_the_spot_counts_in_the_cell(self) -> None:
        assert runs("x = 1", "# why\n# MAGIC %run ./a") == (Run("./a", Spot(2, 2, 6, 2, 9)),)

    @pytest.mark.parametrize("suffix", [".py", ".sql", ".scala", ".r"])
    def test_in_every_language(self, suffix: str) -> None:
        assert runs("%run ./a", suffix=suffix) == (Run("./a", Spot(1, 1, 6, 1, 9)),)

    @pytest.mark.parametrize(
        "cell",
        [
            "# MAGIC %md\n# MAGIC %run ./a",
            "# MAGIC %sh\n# MAGIC %run ./a",
            "# MAGIC %skip\n# MAGIC\n# MAGIC %run ./a",
            "text = '''\n%run ./a\n'''",
            "x = 7\n%runner ./a",
            "# %run ./a",
        ],
    )
    def test_what_only_looks_like_it(self, cell: str) -> None:
        assert runs(cell) == ()

    def test_a_block_comment(self) -> None:
        assert runs("/*\n%run ./a\n*/\nval x = 1", suffix=".scala") == ()


class TestParameters:
    def test_quoted_bare_and_passed_on(self) -> None:
        found = run("""%run ./a $name="Jo Do" $flag=false $x=$y $z='' $w = 1""")
        assert found.parameters == (
            Argument("name", "Jo Do", Spot(1, 1, 10, 1, 23)),
            Argument("flag", "false", Spot(1, 1, 24, 1, 35)),
            Argument("x", None, Spot(1, 1, 36, 1, 41)),
            Argument("z", "", Spot(1, 1, 42, 1, 47)),
            Argument("w", "1", Spot(1, 1, 48, 1, 54)),
        )

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("$x", None),
            ("$x=", ""),
            ('$x="${y}"', None),
            ("""$x='{"a": 1}'""", '{"a": 1}'),
            ("$x=a/b", "a/b"),
        ],
    )
    def test_what_is_known_of_a_value(self, text: str, value: str | None) -> None:
        assert [item.value for item in run(f"%run ./a {text}").parameters] == [value]

    def test_after_a_quoted_target(self) -> None:
        found = run('%run "./my a" $x=1')
        assert found.target == "./my a"
        assert [item.name for item in found.parameters] == ["x"]


class TestProblems:
    @pytest.mark.parametrize(
        ("line", "target", "spot"),
        [
            ("%run", "", Spot(1, 1, 1, 1, 5)),
            ('%run ""', "", Spot(1, 1, 1, 1, 8)),
            ("%run $x=1", "", Spot(1, 1, 1, 1, 10)),
            ("%run $path", "$path", Spot(1, 1, 6, 1, 11)),
            ("%run ./$env/a", "./$env/a", Spot(1, 1, 6, 1, 14)),
            ("%run ./{env}/a", "./{env}/a", Spot(1, 1, 6, 1, 15)),
        ],
    )
    def test_no_path(self, line: str, target: str, spot: Spot) -> None:
        found = run(line)
        assert (found.target, found.spot, found.problem) == (target, spot, RunProblem.NO_PATH)

    @pytest.mark.parametrize(
        ("line", "target"),
        [
            ('%run "./a', "./a"),
            ("%run './a", "./a"),
            ('%run ./a"', "./a"),
            ('%run "./a $x=1', "./a"),
            ('%run ./a $x="1', "./a"),
        ],
    )
    def test_unclosed_quote(self, line: str, target: str) -> None:
        found = run(line)
        assert (found.target, found.problem) == (target, RunProblem.UNCLOSED_QUOTE)

    @pytest.mark.parametrize(
        ("cell", "line"),
        [
            ("# MAGIC %run ./a\n# MAGIC print(1)", 1),
            ("x = 1\n# MAGIC %run ./a", 2),
            ("if x:\n    %run ./a", 2),
        ],
    )
    def test_not_alone(self, cell: str, line: int) -> None:
        (found,) = runs(cell)
        assert (found.target, found.spot.line) == ("./a", line)
        assert found.problem is RunProblem.NOT_ALONE

    def test_several_in_a_cell_are_told_once(self) -> None:
        found = runs("# MAGIC %run ./a\n# MAGIC %run ./b\n# MAGIC %run ./c")
        assert [(each.target, each.problem) for each in found] == [
            ("./a", None),
            ("./b", RunProblem.NOT_ALONE),
            ("./c", None),
        ]

    def test_comments_do_no_harm(self) -> None:
        assert run("# helpers\n# MAGIC %run ./helpers\n# and more").problem is None

    @given(st.text(alphabet=" \"'$={}\\/.#-ab\t", max_size=20))
    def test_any_line_is_survived(self, text: str) -> None:
        line = f"%run {text}"
        found = run(line)
        assert 1 <= found.spot.column < found.spot.end_column <= len(line) + 2
        if found.target:
            assert line[found.spot.column - 1 : found.spot.end_column - 1] == found.target


class TestPythonCalls:
    def test_a_literal_path(self) -> None:
        assert calls('x = 1\ndbutils.notebook.run("./a", 60)') == (
            NotebookRun("./a", Spot(1, 2, 22, 2, 27)),
        )

    def test_arguments(self) -> None:
        (found,) = calls('dbutils.notebook.run("a", 60, {"x": "1", "n": 2, "v": day, "s": f"{n}"})')
        assert found.arguments == (
            Argument("x", "1", Spot(1, 1, 32, 1, 40)),
            Argument("n", None, Spot(1, 1, 42, 1, 48), is_string=False),
            Argument("v", None, Spot(1, 1, 50, 1, 58)),
            Argument("s", None, Spot(1, 1, 60, 1, 71)),
        )

    def test_by_keyword(self) -> None:
        text = 'dbutils.notebook.run(path="a", timeout_seconds=60, arguments=dict(x="1", y=None))'
        (found,) = calls(text)
        assert found.target == "a"
        assert found.arguments is not None
        assert [(each.name, each.value, each.is_string) for each in found.arguments] == [
            ("x", "1", True),
            ("y", None, False),
        ]

    @pytest.mark.parametrize(
        "path", ["path", "f'./{name}'", "'./' + name", "*paths", "prefix + './a'"]
    )
    def test_a_path_that_is_worked_out(self, path: str) -> None:
        assert [each.target for each in calls(f"dbutils.notebook.run({path})")] == [None]

    @pytest.mark.parametrize(
        "text",
        [
            "dbutils.notebook.run('a', 60, given)",
            "dbutils.notebook.run('a', 60, {'x': '1', **given})",
            "dbutils.notebook.run('a', 60, {name: '1'})",
            "dbutils.notebook.run('a', *rest)",
            "dbutils.notebook.run('a', **rest)",
        ],
    )
    def test_unknown_arguments(self, text: str) -> None:
        assert [(each.target, each.arguments) for each in calls(text)] == [("a", None)]

    @pytest.mark.parametrize(
        "text",
        [
            "notebook.run('a')",
            "papermill.notebook.run('a')",
            "# dbutils.notebook.run('a')",
            "dbutils.notebook.run = f",
            "dbutils.notebook.run('a'",
        ],
    )
    def test_other_calls(self, text: str) -> None:
        assert calls(text) == ()

    def test_a_handle_that_belongs_to_something(self) -> None:
        assert [each.target for each in calls("self._dbutils.notebook.run('a')")] == ["a"]

    def test_in_order(self) -> None:
        first = "dbutils.notebook.run('a', 1, {'x': dbutils.notebook.run('b')})"
        found = calls(f"{first}\ndbutils.notebook.run('c')")
        assert [each.target for each in found] == ["a", "b", "c"]


class TestTextCalls:
    def test_scala(self) -> None:
        text = 'val x = dbutils.notebook.run("./a", 60, Map("k" -> "v", "n" -> 2, "d" -> day))'
        assert calls(text, suffix=".scala") == (
            NotebookRun(
                "./a",
                Spot(1, 1, 30, 1, 35),
                (
                    Argument("k", "v", Spot(1, 1, 45, 1, 55)),
                    Argument("n", None, Spot(1, 1, 57, 1, 65), is_string=False),
                    Argument("d", None, Spot(1, 1, 67, 1, 77)),
                ),
            ),
        )

    def test_r(self) -> None:
        (found,) = calls('dbutils.notebook.run("a", 60L, list(k = "v", "m" = "w"))', suffix=".r")
        assert found.target == "a"
        assert found.arguments is not None
        assert [(each.name, each.value) for each in found.arguments] == [("k", "v"), ("m", "w")]

    def test_over_several_lines(self) -> None:
        (found,) = calls('dbutils.notebook.run(\n  "a",\n  60)', suffix=".scala")
        assert found == NotebookRun("a", Spot(1, 2, 3, 2, 6))

    @pytest.mark.parametrize("path", ["path", 's"./$name"', '"a" + b', '"""a"""', '"a\\tb"'])
    def test_a_path_that_is_worked_out(self, path: str) -> None:
        (found,) = calls(f"dbutils.notebook.run({path}, 60)", suffix=".scala")
        assert (found.target, found.arguments) == (None, None)

    @pytest.mark.parametrize(
        "rest", [", 60, given", ', 60, Map(k -> "v")', ', 60, Map("k" -> f(1))']
    )
    def test_unknown_arguments(self, rest: str) -> None:
        (found,) = calls(f'dbutils.notebook.run("a"{rest})', suffix=".scala")
        assert (found.target, found.arguments) == ("a", None)

    def test_comments(self) -> None:
        assert calls('// dbutils.notebook.run("a", 1)', suffix=".scala") == ()
        assert calls('/* dbutils.notebook.run("a", 1) */', suffix=".scala") == ()
        assert calls('# dbutils.notebook.run("a", 1)', suffix=".r") == ()

    def test_a_scala_cell_of_a_python_notebook(self) -> None:
        (found,) = calls('# MAGIC %scala\n# MAGIC dbutils.notebook.run("a", 1)')
        assert found == NotebookRun("a", Spot(1, 2, 22, 2, 25))

    @given(st.text(alphabet='dbutils.notebook.run("a",Map->) \n1', max_size=60))
    def test_any_text_is_survived(self, text: str) -> None:
        calls(f'dbutils.notebook.run("a", 1, Map({text}', suffix=".scala")
