"""Job files as trees: YAML and JSON, right and wrong, with places."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.project.jobs import reading
from pytest_dbxgate.project.jobs.nodes import (
    Entry,
    Mark,
    Node,
    Scalar,
    Sequence,
    Table,
    strings_below,
)
from pytest_dbxgate.project.jobs.reading import read


def plain(node: Node | None) -> object:
    if isinstance(node, Table):
        return {name: plain(entry.value) for name, entry in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(each) for each in node.items]
    return node.value if isinstance(node, Scalar) else None


def trouble(file: str, text: str | bytes) -> tuple[str, int, int, str]:
    data = text if isinstance(text, bytes) else text.encode()
    _, troubles = read(file, data)
    assert len(troubles) == 1
    found = troubles[0]
    assert found.mark.file == file
    assert found.hint
    return found.code, found.mark.line, found.mark.column, found.message


def test_yaml_is_read_as_the_cli_reads_it() -> None:
    text = (
        "on: yes\nn: 007\nf: 1.5\nt: true\nz: ~\nd: 2024-06-30\nq: '5'\ns: !!str 5\ntime: 10:30\n"
    )
    tree, troubles = read("a.yml", text.encode())
    assert plain(tree) == {
        "on": "yes",
        "n": 7,
        "f": 1.5,
        "t": True,
        "z": None,
        "d": "2024-06-30",
        "q": "5",
        "s": "5",
        "time": "10:30",
    }
    assert troubles == ()


def test_places_in_yaml() -> None:
    tree, _ = read("a.yml", b"a:\n  - 'x'\n  - b: |\n      text\n")
    assert isinstance(tree, Table)
    items = tree.get("a")
    assert isinstance(items, Sequence)
    assert items.items[0].mark == Mark("a.yml", 2, 5, 2, 8)
    inner = items.items[1]
    assert isinstance(inner, Table)
    assert inner.entries["b"].key == Mark("a.yml", 3, 5, 3, 6)
    assert inner.entries["b"].value.mark == Mark("a.yml", 3, 8)


def test_places_in_json_with_tabs() -> None:
    tree, _ = read("a.json", b'{\n\t"a": [1,\r\n\t\t"x"]\n}')
    assert isinstance(tree, Table)
    entry = tree.entries["a"]
    assert isinstance(entry, Entry)
    assert entry.key == Mark("a.json", 2, 2, 2, 5)
    assert isinstance(entry.value, Sequence)
    assert entry.value.items[1].mark == Mark("a.json", 3, 3, 3, 6)


def test_merge_keys_and_anchors() -> None:
    text = "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz:\n  <<: [*x, *y]\n  a: 0\n"
    assert plain(read("a.yml", text.encode())[0]) == {
        "x": {"a": 1, "b": 2},
        "y": {"b": 3, "c": 4},
        "z": {"a": 0, "b": 2, "c": 4},
    }


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("a.yml", "a: 1\n\tb: 2\n", ("DBX420", 2, 1, "a tab where YAML takes blanks alone")),
        ("a.yml", "a:\n\t- b\n", ("DBX420", 2, 1, "a tab where YAML takes blanks alone")),
        ("a.yml", "a: &x {b: *x}\n", ("DBX420", 1, 11, "the anchor `x` holds itself")),
        ("a.yml", "a: *y\n", ("DBX420", 1, 4, "the anchor `y` is not defined above")),
        (
            "a.yml",
            "a: 1\nb: 2\na: 3\n",
            ("DBX421", 3, 1, "`a` stands twice; line 1 has it already"),
        ),
        ("a.yml", "? [a]\n: b\n", ("DBX420", 1, 3, "a key that is no string")),
        ("a.yml", "[" * 5000, ("DBX420", 1, 101, "nested more than 100 deep")),
        ("a.yml", "é:\n - ['[', " + "[" * 5000, ("DBX420", 2, 107, "nested more than 100 deep")),
        ("a.yml", b"a: b\nc: \xff", ("DBX420", 2, 1, "the file is not UTF-8")),
        (
            "a.yml",
            "a: \x01",
            ("DBX420", 1, 4, "no valid YAML: a character that YAML does not allow"),
        ),
        (
            "a.json",
            '{"a": 1,\n\t"a": 2}',
            ("DBX421", 2, 2, "`a` stands twice; line 1 has it already"),
        ),
        (
            "a.json",
            '{"a": 1,}',
            (
                "DBX420",
                1,
                9,
                "no valid JSON: expecting property name enclosed in double quotes",
            ),
        ),
        ("a.json", "[" * 200 + "]" * 200, ("DBX420", 1, 101, "no valid JSON: nested too deeply")),
        ("a.json", "", ("DBX420", 1, 1, "no valid JSON: the text ends too early")),
    ],
)
def test_what_cannot_be_read(
    file: str, text: str | bytes, expected: tuple[str, int, int, str]
) -> None:
    assert trouble(file, text) == expected


def test_a_file_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 10)
    code, line, _, message = trouble("a.yml", "a: 123456789\n")
    assert (code, line) == ("DBX420", 1)
    assert message.endswith("job files of more than 10 MB are not read")


def test_aliases_of_aliases_cost_nothing() -> None:
    rows = ["a0: &a0 [x, y]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    begun = time.perf_counter()
    tree, troubles = read("a.yml", "\n".join(rows).encode())
    assert isinstance(tree, Table)
    assert [each.value for each in strings_below(tree)] == ["y", "x"]
    assert troubles == ()
    assert time.perf_counter() - begun < 5


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(json_values, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_json_is_read_as_json_reads_it(
    value: object, indent: int | str | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    if "\ud800" <= max(text, default="") <= "\udfff":
        return
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return
    tree, troubles = read("a.json", data)
    assert troubles == ()
    assert plain(tree) == json.loads(text)
    lines = text.split("\n")
    if tree is not None:
        for scalar in strings_below(tree):
            line = lines[scalar.mark.line - 1]
            written = line[scalar.mark.column - 1 : scalar.mark.end_column - 1]
            assert json.loads(written) == scalar.value


@given(st.text() | st.text(alphabet="ab:-[]{}&*<!|>'\"#,? \n\t%@"))
def test_no_text_raises(text: str) -> None:
    data = text.encode(errors="replace")
    for file in ("a.yml", "a.json"):
        tree, troubles = read(file, data)
        assert tree is not None or troubles or not text.strip() or file == "a.yml"
        for each in troubles:
            assert each.mark.line >= 1
            assert each.mark.column >= 1


@given(st.binary())
def test_no_bytes_raise(data: bytes) -> None:
    read("a.yml", data)
    read("a.json", data)
