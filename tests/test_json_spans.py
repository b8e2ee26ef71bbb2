"""Spans of JSON values."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.notebook.json_spans import JsonError, Lines, Node, load, scan

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=25,
)


def rebuilt(node: Node) -> object:
    if node.kind == "{":
        return {name: rebuilt(child) for name, child in node.members()}
    if node.kind == "[":
        return [rebuilt(child) for child in node.items()]
    return node.value()


@given(JSON, st.integers(0, 5), st.booleans(), st.sampled_from([None, 0, 1, "\t"]))
def test_every_span_holds_its_value(
    value: object, depth: int, ascii_only: bool, indent: int | str | None
) -> None:
    text = f" \r\n{json.dumps(value, ensure_ascii=ascii_only, indent=indent)}\t"
    root = scan(text, depth)
    assert rebuilt(root) == value
    assert json.loads(root.raw) == value
    assert (root.start, root.end) == (3, len(text) - 1)


@given(st.text(), st.booleans())
def test_runs_point_at_every_character_of_a_string(value: str, ascii_only: bool) -> None:
    text = f"[{json.dumps(value, ensure_ascii=ascii_only)}]"
    node = scan(text).items()[0]
    runs = node.runs()
    spans = []
    for index in range(len(value) + 1):
        run = [run for run in runs if run.decoded <= index][-1]
        spans.append(run.offset + index - run.decoded)
    assert spans[-1] == node.end - 1
    for character, start, end in zip(value, spans, spans[1:], strict=False):
        assert json.loads(f'"{text[start:end]}"') == character


@given(JSON, st.data())
def test_a_broken_text_breaks_for_load_and_scan_alike(value: object, data: st.DataObject) -> None:
    text = json.dumps(value, indent=1)
    at = data.draw(st.integers(0, len(text)))
    broken = text[:at] + data.draw(st.sampled_from(["", "]", "}", '"', ",", "\\", "\n", "x", "1"]))
    broken += text[at + data.draw(st.integers(0, 2)) :]
    try:
        expected = json.loads(broken)
    except json.JSONDecodeError:
        with pytest.raises(JsonError) as loading:
            load(broken)
        with pytest.raises(JsonError) as scanning:
            scan(broken)
        assert 0 <= loading.value.offset <= len(broken)
        assert 0 <= scanning.value.offset <= len(broken)
    else:
        assert load(broken) == expected
        assert scan(broken).value() == expected


def test_of_members_of_one_name_the_last_counts() -> None:
    root = scan('{"a": 1, "b": 2, "a": {"c": [3, 4]}}')
    assert [name for name, _ in root.members()] == ["a", "b", "a"]
    node = root.get("a", "c", 1)
    assert node is not None
    assert (node.start, node.end, node.value()) == (32, 33, 4)
    assert root.get("a", "c", 2) is None
    assert root.get("a", "x", "y") is None
    assert root.get("b", 0) is None


def test_names_with_escapes_are_decoded() -> None:
    root = scan('{"\\u0061\\/": 1}')
    node = root.get("a/")
    assert node is not None
    assert node.raw == "1"


def test_surrogate_pairs_count_as_one_character() -> None:
    node = scan(r'"x\ud83d\ude00\ud83dy\/"')
    assert node.value() == "x\U0001f600\ud83dy/"
    assert node.runs() == [(0, 1), (2, 14), (3, 20), (5, 23)]


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("", 0, "the text ends too early"),
        ('{"a": [1, 2', 11, "the text ends too early"),
        ('{"a": "bc', 9, "the text ends too early"),
        ('{"a"', 4, "the text ends too early"),
        ('{"a": 1 "b": 2}', 8, "',' or '}' expected"),
        ("[1 2]", 3, "',' or ']' expected"),
        ("{a: 1}", 1, "a name in double quotes expected"),
        ('{"a" 1}', 5, "':' expected"),
        ("[1] x", 4, "text after the end of the JSON value"),
    ],
)
def test_the_place_where_a_text_breaks(text: str, offset: int, message: str) -> None:
    with pytest.raises(JsonError) as caught:
        scan(text)
    assert (caught.value.offset, caught.value.message) == (offset, message)


@pytest.mark.parametrize("depth", [50_000, 100_000])
def test_deep_nesting_is_no_obstacle(depth: int) -> None:
    inner = '{"k\\u00e9": [1, -2.5e3, true, "x\\"]"], "n": {}, "o": []}'
    text = '{"a": ' + "[" * depth + inner + "]" * depth + ', "b": 1}'
    root = scan(text)
    assert root.end == len(text)
    node = root.get("a")
    assert node is not None
    assert node.end == len(text) - len(', "b": 1}')
    with pytest.raises(JsonError, match="nested too deeply"):
        node.value()
    with pytest.raises(JsonError, match="nested too deeply"):
        load(text)


@pytest.mark.parametrize(
    "inner", ["1 2", "{1: 2}", '{"a": }', '{"a", 1}', "]", "}", "[1,]x", "nul", '"\n"', ":", '"a']
)
def test_deep_nesting_that_breaks_inside(inner: str) -> None:
    head = "[" * 50_000
    with pytest.raises(JsonError) as caught:
        scan(head + inner + "]" * 50_000)
    assert len(head) <= caught.value.offset <= len(head) + len(inner) + 50_000


def test_long_integers_are_numbers_all_the_same() -> None:
    text = f"[{'9' * 5_000}, 1]"
    assert scan(text).items()[1].raw == "1"
    assert load(text) == [float("inf"), 1]


def test_lines_are_counted_from_one() -> None:
    lines = Lines("ab\r\n\nc\u2028d")
    places = [lines.place(offset) for offset in (0, 3, 4, 5, 7, 8)]
    assert places == [(1, 1), (1, 4), (2, 1), (3, 1), (3, 3), (3, 4)]
