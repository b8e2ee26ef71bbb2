"""Reading, placing and editing ``.ipynb``."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.errors import RefusedEditError
from pytest_dbxgate.notebook import ipynb
from pytest_dbxgate.notebook.model import Format, Language, Magic, Notebook, Place, Problem

DATABRICKS = "application/vnd.databricks.v1+notebook"
CELL = "application/vnd.databricks.v1+cell"


def cell(source: object, kind: str = "code", **more: object) -> dict[str, object]:
    own: dict[str, object] = {"cell_type": kind, "metadata": {}, "source": source}
    if kind == "code":
        own |= {"execution_count": None, "outputs": []}
    return own | more


def document(*cells: object, **metadata: object) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 0}


def data(
    *cells: object, indent: int | None = 1, ascii_only: bool = False, **metadata: Any
) -> bytes:
    text = json.dumps(document(*cells, **metadata), indent=indent, ensure_ascii=ascii_only)
    return f"{text}\n".encode()


def read(*cells: object, **metadata: object) -> Notebook:
    return ipynb.read("a.ipynb", data(*cells, **metadata))


def fatal(content: bytes) -> Problem:
    notebook = ipynb.read("a.ipynb", content)
    assert notebook.cells == ()
    assert notebook.data == content
    assert notebook.unreadable is not None
    assert ipynb.rewrite(notebook, {}) == content
    assert ipynb.clean(notebook) is None
    assert ipynb.validate(notebook) == ()
    return notebook.unreadable


# Reading


def test_the_cells_of_a_databricks_notebook() -> None:
    titled = {CELL: {"title": "Load", "showTitle": True}}
    hidden = {CELL: {"title": "Load", "showTitle": False}}
    notebook = read(
        cell(["# Title\n", "text"], "markdown"),
        cell(["-- note\n", "%python\n", "x = 1"], metadata=titled),
        cell("select 1", metadata=hidden),
        cell("plain", "raw"),
        cell([]),
        **{DATABRICKS: {"language": "sql"}},
    )
    assert notebook.format is Format.IPYNB
    assert notebook.language is Language.SQL
    assert notebook.problems == ()
    assert notebook.metadata == {DATABRICKS: {"language": "sql"}}
    assert [(c.number, c.language, c.source, c.title) for c in notebook.cells] == [
        (1, Language.MARKDOWN, "# Title\ntext", None),
        (2, Language.PYTHON, "-- note\n%python\nx = 1", "Load"),
        (3, Language.SQL, "select 1", None),
        (4, Language.OTHER, "plain", None),
        (5, Language.SQL, "", None),
    ]
    second = notebook.cell(2)
    assert (second.code, second.code_line, second.code_column) == ("x = 1", 3, 1)
    assert second.magic == Magic("python", "", 2)
    assert "source" not in second.metadata
    assert second.metadata["metadata"] == titled
    assert {c.line for c in notebook.cells} == {1}


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({}, Language.PYTHON),
        ({DATABRICKS: {"language": "scala"}, "language_info": {"name": "python"}}, Language.SCALA),
        ({DATABRICKS: {"language": "R"}}, Language.R),
        ({DATABRICKS: "damaged", "kernelspec": 1, "language_info": None}, Language.PYTHON),
        ({"kernelspec": {"name": "ir", "language": "R"}}, Language.R),
        ({"kernelspec": {"name": "sage", "language": "sage"}, "language_info": {"name": "python"}},
         Language.PYTHON),
        ({"kernelspec": {"name": "apache_toree_scala"}}, Language.SCALA),
        ({"kernelspec": {"name": "sparkkernel"}}, Language.SCALA),
        ({"kernelspec": {"name": "synapse_pyspark"}}, Language.PYTHON),
        ({"kernelspec": {"name": "conda-env-mine-py"}}, Language.PYTHON),
    ],
)  # fmt: skip
def test_the_language(metadata: dict[str, object], language: Language) -> None:
    notebook = read(cell("x"), **metadata)
    assert (notebook.language, notebook.cell(1).language) == (language, language)
    assert notebook.problems == ()


def test_an_unknown_language_leaves_the_cells_unchecked() -> None:
    notebook = read(cell("using Plots"), cell("%sql\nselect 1"), language_info={"name": "julia"})
    assert [(p.code, p.message, p.fatal) for p in notebook.problems] == [
        ("DBX113", "the notebook's language is 'julia'", False)
    ]
    assert [c.language for c in notebook.cells] == [Language.OTHER, Language.SQL]


def test_line_ends_and_half_pairs_are_shown_as_an_editor_shows_them() -> None:
    notebook = ipynb.read("a.ipynb", data(cell(["a\r\n", "b\rc", "\ud83d"]), ascii_only=True))
    assert notebook.cell(1).source == "a\nb\nc\ufffd"
    assert [(p.code, p.cell) for p in notebook.problems] == [("DBX112", 1)]


@pytest.mark.parametrize(
    ("content", "code", "line", "column"),
    [
        (b"", "DBX110", 1, 1),
        (b" \n", "DBX110", 1, 1),
        (b'{"cells": [\n', "DBX110", 2, 1),
        (b'{\n "cells": [\n  {"a" 1}\n]}', "DBX110", 3, 8),
        ('{\n"é": x}'.encode(), "DBX110", 2, 6),
        (b'{\n<<<<<<< HEAD\n"a": 1}', "DBX110", 2, 1),
        (b"[" * 50_000 + b"]" * 50_000, "DBX110", 1, 1),
        (b'{"a":\n "\0"}', "DBX109", 2, 3),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "DBX108", 1, 1),
        ('{"cells": []}'.encode("utf-16"), "DBX101", 1, 1),
        ('{"cells": []}'.encode("utf-16-be"), "DBX101", 1, 1),
        (b'{\n"\xc3\xa9\xe9": 1}', "DBX101", 2, 3),
        (b"[]", "DBX111", 1, 1),
        (b"{}", "DBX111", 1, 1),
        (b'{"nbformat": 3, "worksheets": [], "metadata": {}}', "DBX111", 1, 1),
        (b'{"nbformat": 5, "cells": [], "metadata": {}}', "DBX111", 1, 1),
        (b'{"nbformat": true, "cells": [], "metadata": {}}', "DBX111", 1, 1),
        (b'{"nbformat": 4, "metadata": {}}', "DBX111", 1, 1),
        (b'{"nbformat": 4, "cells": []}', "DBX111", 1, 1),
        (b'{"nbformat": 4, "cells": {}, "metadata": {}}', "DBX111", 1, 1),
    ],
)
def test_what_is_no_notebook(content: bytes, code: str, line: int, column: int) -> None:
    problem = fatal(content)
    assert (problem.code, problem.line, problem.column) == (code, line, column)
    assert problem.hint


def test_messages_say_what_is_wrong() -> None:
    assert fatal(b"").message == "the file is empty"
    assert fatal(b'{"a": 1').message == "the file is not JSON: the text ends too early"
    assert fatal(b'{"nbformat": 3}').message == "the notebook is of nbformat 3, not 4"
    assert fatal(b'{"nbformat": 4}').message == 'the notebook\'s "cells" is missing'
    assert fatal(b"{\n<<<<<<< HEAD\n}").hint.startswith("resolve the merge conflict")


def test_a_byte_order_mark_is_reported_and_kept() -> None:
    content = b"\xef\xbb\xbf" + data(cell("a"))
    notebook = ipynb.read("a.ipynb", content)
    assert [(p.code, p.fatal) for p in notebook.problems] == [("DBX102", False)]
    assert notebook.text == content.decode("utf-8-sig")
    assert ipynb.rewrite(notebook, {1: "b"}) == b"\xef\xbb\xbf" + data(cell("b"))


def test_damaged_cells_are_counted_and_named() -> None:
    notebook = read("text", cell(3), cell(["a", 1]), cell("x", "heading"), cell("y"))
    assert [c.number for c in notebook.cells] == [1, 2, 3, 4, 5]
    assert [(p.code, p.cell, p.line, p.column, p.fatal) for p in notebook.problems] == [
        ("DBX112", 1, 3, 3, False),
        ("DBX112", 2, 4, 3, False),
        ("DBX112", 3, 11, 3, False),
        ("DBX112", 4, 21, 3, False),
    ]
    assert [p.message for p in notebook.problems] == [
        "the cell is not a JSON object",
        "the cell's source is neither a string nor a list of strings",
        "the cell's source is neither a string nor a list of strings",
        "the cell's type is 'heading'; known: code, markdown, raw",
    ]
    assert [ipynb.place(notebook, c, 1, 1) for c in notebook.cells[:2]] == [(3, 3), (4, 3)]
    for number in (1, 2, 3, 6, 0):
        with pytest.raises(RefusedEditError):
            ipynb.rewrite(notebook, {number: "z"})


# Places


def test_places_in_the_two_kinds_of_source() -> None:
    text = """{"nbformat": 4, "metadata": {},
 "cells": [
  {"cell_type": "code", "source": ["a = \\"b\\"\\r\\n",
    "\\u00e9 = 'é\\ud83d\\ude00x'"]},
  {"cell_type": "code", "source": "a\\n\\nb"},
  {"cell_type": "code", "source": []},
  {"cell_type": "code", "source": ""}]}"""
    notebook = ipynb.read("a.ipynb", text.encode())
    first, second, third, fourth = notebook.cells
    assert first.source == "a = \"b\"\n\u00e9 = 'é\U0001f600x'"
    lines = text.split("\n")
    for line, column, raw in [
        (1, 1, "a = "),
        (1, 5, '\\"b'),
        (1, 6, 'b\\"'),
        (1, 7, '\\"\\r\\n'),
        (1, 8, '\\r\\n",'),
        (1, 99, '\\r\\n",'),
        (2, 1, "\\u00e9 ="),
        (2, 2, " = 'é"),
        (2, 6, "é\\ud83d"),
        (2, 7, "\\ud83d\\ude00x"),
        (2, 8, "x'\"]"),
        (2, 10, '"]}'),
        (7, 1, "\\u00e9 ="),
        (0, 0, "a = "),
    ]:
        place = ipynb.place(notebook, first, line, column)
        assert lines[place.line - 1][place.column - 1 :].startswith(raw), (line, column)
    assert [ipynb.place(notebook, second, line, 1) for line in (1, 2, 3)] == [
        Place(5, 36),
        Place(5, 39),
        Place(5, 41),
    ]
    assert ipynb.place(notebook, third, 1, 1) == Place(6, 35)
    assert ipynb.place(notebook, fourth, 1, 1) == Place(7, 36)


def test_the_place_in_an_unreadable_notebook_is_its_beginning() -> None:
    notebook = ipynb.read("a.ipynb", b"{")
    some = read(cell("a")).cell(1)
    assert ipynb.place(notebook, some, 3, 3) == Place(1, 1)


SOURCES = st.text(
    st.sampled_from("ab\n\n\t\"\\/é\u2028\x0c\x7f\U0001f600'") | st.characters(codec="utf-8"),
    max_size=30,
).map(lambda text: text.replace("\r", ""))


def pieces(source: str, style: int) -> object:
    if style == 0:
        return source
    if style == 1:
        return source.splitlines(keepends=True)
    if style == 2:
        return [source]
    return list(source)


@st.composite
def notebooks(draw: st.DrawFn) -> bytes:
    style = st.integers(0, 3)
    cells = [
        cell(pieces(draw(SOURCES), draw(style)), draw(st.sampled_from(["code", "markdown", "raw"])))
        for _ in range(draw(st.integers(1, 4)))
    ]
    text = json.dumps(
        document(*cells),
        indent=draw(st.sampled_from([None, 0, 1, 2, "\t"])),
        ensure_ascii=draw(st.booleans()),
    )
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"]))).encode()


@given(notebooks())
def test_the_text_at_a_place_decodes_to_the_character(content: bytes) -> None:
    notebook = ipynb.read("a.ipynb", content)
    lines = notebook.text.split("\n")
    for each in notebook.cells:
        for number, line in enumerate(each.source.split("\n"), start=1):
            for column, character in enumerate(line, start=1):
                place = ipynb.place(notebook, each, number, column)
                rest = lines[place.line - 1][place.column - 1 :]
                assert json.loads(f'"{rest[: _width(rest)]}"') == character


def _width(raw: str) -> int:
    if raw[0] != "\\":
        return 1
    if raw[1] != "u":
        return 2
    return 12 if raw[2:4].lower() in ("d8", "d9", "da", "db") else 6


# Rewriting


@given(notebooks(), st.data())
def test_rewriting_changes_one_source_and_nothing_else(content: bytes, draw: st.DataObject) -> None:
    notebook = ipynb.read("a.ipynb", content)
    assert ipynb.rewrite(notebook, {}) == content
    assert ipynb.rewrite(notebook, {c.number: c.source for c in notebook.cells}) == content
    number = draw.draw(st.integers(1, len(notebook.cells)))
    new = draw.draw(SOURCES)
    try:
        after = ipynb.rewrite(notebook, {number: new})
    except RefusedEditError:
        return
    expected, found = json.loads(content), json.loads(after)
    source = found["cells"][number - 1].pop("source")
    old = expected["cells"][number - 1].pop("source")
    assert "".join(source) == new
    assert type(source) is type(old)
    assert found == expected


LINES = st.lists(st.sampled_from(["a\n", "b é\n", "\U0001f600\n", '"\\"\n', "\n"]), max_size=6)


@given(LINES, LINES, st.sampled_from(["", "end"]))
def test_a_rewritten_list_is_what_jupyter_writes(old: list[str], new: list[str], end: str) -> None:
    others = [cell(["x\n", "y"]), cell("z é \U0001f600")]
    lines = [*new, end] if end else new
    after = ipynb.rewrite(read(cell(old), *others), {1: "".join(lines)})
    assert after == data(cell(lines), *others)


def test_the_raw_text_of_kept_lines_stays() -> None:
    raw = (
        '{"cells": [{"cell_type": "code", "metadata": {}, "source": ['
        '"\\u0061\\/\\n",   "b\\n",\n"c\\n", "\\u00E9\\n", "d"]}],\n'
        '"metadata": {}, "nbformat": 4}'
    )
    notebook = ipynb.read("a.ipynb", raw.encode())
    assert notebook.cell(1).source == "a/\nb\nc\né\nd"
    after = ipynb.rewrite(notebook, {1: "a/\nb\nnew é\né\nd"})
    assert after.decode() == raw.replace(',\n"c\\n", ', ',   "new \\u00E9\\n",   ')


def test_a_string_source_keeps_the_escapes_of_kept_lines() -> None:
    raw = (
        '{"cells": [{"cell_type": "code", "metadata": {}, "source": '
        '"\\u0061\\nb\\r\\nc\\r\\n\\/"}], "metadata": {}, "nbformat": 4}'
    )
    notebook = ipynb.read("a.ipynb", raw.encode())
    after = ipynb.rewrite(notebook, {1: "a\nB\nb\n/"})
    assert after.decode() == raw.replace("b\\r\\nc\\r\\n", "B\\r\\nb\\r\\n")


def test_characters_are_escaped_where_the_file_escapes_them() -> None:
    for ascii_only in (True, False):
        content = data(cell(["a"]), cell(["é"]), ascii_only=ascii_only)
        after = ipynb.rewrite(ipynb.read("a.ipynb", content), {1: "ü\U0001f600"})
        assert after == data(cell(["ü\U0001f600"]), cell(["é"]), ascii_only=ascii_only)


def test_databricks_escapes_only_characters_above_ffff_in_capitals() -> None:
    content = data(cell(["a"]), cell(["é \\uXXXX"])).replace(b"\\\\uXXXX", b"\\uD83D\\uDE00")
    notebook = ipynb.read("a.ipynb", content)
    assert notebook.cell(2).source == "é \U0001f600"
    after = ipynb.rewrite(notebook, {1: "ü\U0001f680"})
    assert after == content.replace(b'"a"', '"ü\\uD83D\\uDE80"'.encode())


def test_lists_take_the_style_of_other_cells() -> None:
    content = data(cell([]), cell(["a"]), cell(["b\n", "c"]), indent=2)
    notebook = ipynb.read("a.ipynb", content)
    after = ipynb.rewrite(notebook, {1: "x\ny", 2: "a\nz\n"})
    assert after == data(cell(["x\n", "y"]), cell(["a\n", "z\n"]), cell(["b\n", "c"]), indent=2)
    assert ipynb.rewrite(ipynb.read("a.ipynb", after), {1: "", 2: "a"}) == content


def test_a_list_without_a_model_is_written_on_one_line() -> None:
    notebook = read(cell([]))
    after = ipynb.rewrite(notebook, {1: "x\ny"})
    assert after == data(cell([])).replace(b'"source": []', b'"source": ["x\\n", "y"]')


def test_a_cell_kept_in_one_element_stays_in_one() -> None:
    after = ipynb.rewrite(read(cell(["a\nb\nc"])), {1: "a\nx\nc\n"})
    assert after == data(cell(["a\nx\nc\n"]))


def test_the_last_of_two_sources_is_the_one() -> None:
    raw = b'{"cells": [{"cell_type": "raw", "source": "a", "source": "b"}], "metadata": {}, '
    raw += b'"nbformat": 4}'
    notebook = ipynb.read("a.ipynb", raw)
    assert notebook.cell(1).source == "b"
    assert ipynb.rewrite(notebook, {1: "c"}) == raw.replace(b'"b"', b'"c"')


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("%sql\nselect 1", "select 1"),
        ("select 1", "%sql\nselect 1"),
        ("%sql select 1", "%sql select 2"),
        ("%time\nx", "%%time\nx"),
        ("x", "x\r\n"),
        ("x", "\ud83d"),
    ],
)
def test_edits_of_more_than_code_are_refused(old: str, new: str) -> None:
    notebook = read(cell(old), cell("y"))
    if old == "%sql select 1":
        assert notebook.cell(1).language is Language.SQL
    with pytest.raises(RefusedEditError) as caught:
        ipynb.rewrite(notebook, {1: new})
    assert str(caught.value).startswith("a.ipynb: ")
    assert caught.value.next_step


def test_a_cell_with_half_a_pair_is_not_rewritten() -> None:
    notebook = ipynb.read("a.ipynb", data(cell("a\n\ud83d"), ascii_only=True))
    with pytest.raises(RefusedEditError, match="surrogate"):
        ipynb.rewrite(notebook, {1: "b\n\ufffd"})


def test_numbers_that_are_not_numbers_do_not_stop_an_edit() -> None:
    outputs = [{"output_type": "display_data", "metadata": {"x": float("nan")}, "data": {}}]
    after = ipynb.rewrite(read(cell("a"), cell("b", outputs=outputs)), {1: "c"})
    assert after == data(cell("c"), cell("b", outputs=outputs))


# Cleaning


def test_outputs_go_with_their_execution_counts() -> None:
    output = {"output_type": "stream", "name": "stdout", "text": ['1 ["]\n']}
    content = data(
        cell("a", outputs=[output, output], execution_count=7),
        cell("b", execution_count=8),
        cell("c", outputs=[output]),
        cell("d", "markdown"),
    )
    after = ipynb.clean(ipynb.read("a.ipynb", content))
    assert after == data(cell("a"), cell("b", execution_count=8), cell("c"), cell("d", "markdown"))
    assert ipynb.clean(ipynb.read("a.ipynb", after)) is None


def test_widgets_go_back_to_their_defaults() -> None:
    def widgets(*values: object) -> dict[str, Any]:
        infos: list[dict[str, Any]] = [
            {"widgetInfo": {"defaultValue": "dev"}},
            {"widgetInfo": {"defaultValue": "all"}},
            {"typedWidgetInfo": {"defaultValue": ["x"]}},
            {},
            {"widgetInfo": None},
        ]
        pairs = zip(values, infos, strict=True)
        own = {f"w{n}": {"currentValue": value, **info} for n, (value, info) in enumerate(pairs)}
        return {DATABRICKS: {"language": "python", "widgets": own}}

    content = data(cell("a"), **widgets("someone", "all", ["y"], "z", None))
    after = ipynb.clean(ipynb.read("a.ipynb", content))
    assert after is not None
    expected = data(cell("a"), **widgets("dev", "all", ["x"], "", None))
    assert json.loads(after) == json.loads(expected)
    assert ipynb.clean(ipynb.read("a.ipynb", expected)) is None


def test_strange_metadata_is_left_alone() -> None:
    for widgets in (None, [], {"w": 1}, {"w": {"currentValue": None}}):
        assert ipynb.clean(read(cell("a"), **{DATABRICKS: {"widgets": widgets}})) is None
    assert ipynb.clean(read("x", cell("a", outputs=3))) is None


# nbformat's schema


def test_a_notebook_as_databricks_writes_it_is_valid() -> None:
    notebook = read(cell("a", execution_count=0), **{DATABRICKS: {"language": "python"}})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ipynb.validate(notebook) == ()


def test_breaches_of_the_schema_are_named_and_placed() -> None:
    broken = cell("b", outputs=[{"output_type": "stream", "name": "stdout"}])
    notebook = read(cell("a"), broken, broken, cell(3))
    before = notebook.text
    assert [(p.code, p.message, p.cell, p.line, p.column) for p in ipynb.validate(notebook)] == [
        (
            "DBX112",
            "cells/1/outputs/0: 'text' is a required property (and 1 more like it)",
            2,
            16,
            5,
        )
    ]
    assert notebook.text == before
    assert [p.cell for p in notebook.problems] == [4]


def test_where_nbformat_itself_stumbles_is_a_problem_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr("nbformat.validator.iter_validate", stumble)
    assert [(p.code, p.message, p.line) for p in ipynb.validate(read(cell("a")))] == [
        ("DBX112", "the notebook: nbformat could not check it (RecursionError)", 1)
    ]


def test_an_output_of_no_kind_is_named() -> None:
    problems = ipynb.validate(read(cell("a", outputs=[{"cell_type": 3}])))
    assert [(p.cell, p.message[:9]) for p in problems] == [(1, "cells/0: ")]


def test_long_messages_of_the_schema_are_cut() -> None:
    notebook = read(cell("a"), kernelspec="k" * 1_000)
    problem = ipynb.validate(notebook)[0]
    assert len(problem.message) < 220
    assert problem.message.startswith("metadata/kernelspec: 'kkk")


def test_a_minor_version_that_is_no_number() -> None:
    raw = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": "x"}'
    problems = ipynb.validate(ipynb.read("a.ipynb", raw))
    assert [(p.message, p.line, p.column) for p in problems] == [
        ("nbformat_minor: it is not a whole number from 0", 1, 64)
    ]
