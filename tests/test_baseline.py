from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.checks.baseline import Baseline, Entry, Match, Scope, fingerprint
from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.codes import Check
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.notebook.model import NotebookKey

ALL = frozenset(Check)
KEY = "00112233445566778899aabbccddeeff"


def finding(path: str, text: str, *, code: str = "F821", line: int = 3) -> Finding:
    return Finding(
        path,
        Check.LINT,
        code,
        f"message {line}",
        cell=1,
        cell_line=line,
        line=line,
        excerpt=("above", text),
    )


def no_cell(key: NotebookKey, number: int) -> str:
    raise AssertionError(f"{key} cell {number} was asked for")


def scope(*paths: str, existing: Iterable[str] = (), checks: frozenset[Check] = ALL) -> Scope:
    keys = {NotebookKey(path): checks for path in paths}
    return Scope(keys, frozenset((*keys, *map(NotebookKey, existing))), no_cell)


def removable(match: Match) -> list[tuple[str, str, int]]:
    return [(entry.path, entry.code, entry.count) for entry in match.removable]


def test_recorded_findings_are_known() -> None:
    findings = [finding("a.py", "x = y"), finding("b.py", "x = y")]
    here = scope("a.py", "b.py")
    match = Baseline.of(findings, here).match(findings, here)
    assert match == Match(new=(), known=tuple(findings), removable=())


def test_another_finding_is_new() -> None:
    here = scope("a.py")
    old = finding("a.py", "x = y")
    others = [
        finding("a.py", "x = z"),
        finding("a.py", "x = y", code="F401"),
        replace(old, check=Check.FORMAT),
    ]
    match = Baseline.of([old], here).match(others, here)
    assert (match.new, removable(match)) == (tuple(others), [("a.py", "F821", 1)])


def test_moved_and_indented_lines_and_new_wording_stay_known() -> None:
    here = scope("a.py")
    moved = replace(finding("a.py", "    x  =\ty", line=90), cell=7, message="reworded")
    assert Baseline.of([finding("a.py", "x = y")], here).match([moved], here).new == ()


def test_two_equal_findings_need_a_count_of_two() -> None:
    here = scope("a.py")
    one, two = finding("a.py", "x = y"), finding("a.py", "x = y", line=9)
    assert Baseline.of([one, two], here).entries[0].count == 2
    assert Baseline.of([one], here).match([two, one], here) == Match((two,), (one,), ())
    assert removable(Baseline.of([one, two], here).match([two], here)) == [("a.py", "F821", 1)]


def test_renamed_notebook_stays_known() -> None:
    old = [finding("old.py", "x = y"), finding("old.py", "x = z")]
    new = [replace(each, path="new.py") for each in old]
    baseline = Baseline.of(old, scope("old.py"))
    assert baseline.match(new, scope("new.py")) == Match((), tuple(new), ())


def test_copied_notebook_is_new() -> None:
    old = finding("a.py", "x = y")
    copy = replace(old, path="copy.py")
    here = scope("a.py", "copy.py")
    assert Baseline.of([old], scope("a.py")).match([old, copy], here).new == (copy,)
    partial = scope("copy.py", existing=["a.py"])
    assert Baseline.of([old], scope("a.py")).match([copy], partial) == Match((copy,), (), ())


def test_renamed_member_and_archive_stay_known() -> None:
    keys = [NotebookKey("a.dbc", "x/y"), NotebookKey("b.dbc", "x/y"), NotebookKey("a.dbc", "z")]
    scopes = [Scope({key: ALL}, frozenset((key,)), no_cell) for key in keys]
    findings = [replace(finding(key.path, "x = y"), member=key.member) for key in keys]
    baseline = Baseline.of(findings[:1], scopes[0])
    for here, found in zip(scopes, findings, strict=True):
        assert baseline.match([found], here).known == (found,)


def test_checks_and_notebooks_that_were_not_looked_at_are_not_removable() -> None:
    old = [finding("a.py", "x = y"), finding("b.py", "x = y")]
    baseline = Baseline.of(old, scope("a.py", "b.py"))
    assert removable(baseline.match([], scope("a.py", "b.py"))) == [
        ("a.py", "F821", 1),
        ("b.py", "F821", 1),
    ]
    assert removable(baseline.match([], scope("a.py", existing=["b.py"]))) == [("a.py", "F821", 1)]
    syntax_only = scope("a.py", "b.py", checks=frozenset((Check.SYNTAX,)))
    assert removable(baseline.match([], syntax_only)) == []


def test_entries_of_a_deleted_notebook_are_removable_once_all_were_looked_at() -> None:
    baseline = Baseline.of([finding("gone.py", "x = y")], scope("gone.py"))
    assert removable(baseline.match([], scope("a.py"))) == [("gone.py", "F821", 1)]
    assert removable(baseline.match([], scope("a.py", existing=["b.py"]))) == []


def test_nothing_is_removable_where_a_cell_did_not_parse() -> None:
    here = scope("a.py")
    baseline = Baseline.of([finding("a.py", "x = y")], here)
    broken = replace(finding("a.py", "x = ("), check=Check.SYNTAX, code="invalid-syntax")
    assert baseline.match([broken], here) == Match((broken,), (), ())


def test_what_was_not_checked_is_neither_recorded_nor_known() -> None:
    here = scope("a.py")
    unchecked = finding("a.py", "x = y", code="DBX171")
    assert Baseline.of([unchecked], here).entries == ()
    assert Baseline.of([finding("a.py", "x = y")], here).match([unchecked], here).known == ()


def layout(path: str = "a.py") -> Finding:
    return Finding(path, Check.FORMAT, "DBX150", "m", cell=2, cell_line=1, excerpt=("x=1",))


def test_unformatted_cell_is_known_by_all_of_its_text() -> None:
    def reading(sources: Mapping[int, str]) -> Scope:
        keys = {NotebookKey("a.py"): ALL}
        return Scope(keys, frozenset(keys), lambda _, number: sources[number])

    baseline = Baseline.of([layout()], reading({2: "x=1\ny=2"}))
    assert baseline.match([layout()], reading({2: "x=1\n\n  y=2\n"})).new == ()
    assert baseline.match([layout()], reading({2: "x=1\ny=3"})).new == (layout(),)


def test_fingerprint_is_keyed_and_stable() -> None:
    old = finding("a.py", "password = 'hunter2'")
    assert fingerprint(old, "", KEY) == "a0f2a795fe0d30696e73171512b86308"
    assert fingerprint(old, "", KEY[::-1]) != fingerprint(old, "", KEY)
    assert fingerprint(replace(old, path="b.py", excerpt=()), "", KEY) != fingerprint(old, "", KEY)


def test_odd_text_has_a_fingerprint() -> None:
    assert len(fingerprint(finding("a.py", "\ud800"), "", KEY)) == 32


def test_every_file_has_its_own_key() -> None:
    here = scope("a.py")
    assert Baseline.of([], here).key != Baseline.of([], here).key


def test_writing_anew_keeps_the_key_and_what_was_not_looked_at() -> None:
    first = Baseline.of([finding("a.py", "x = y"), finding("b.py", "x = z")], scope("a.py", "b.py"))
    again = Baseline.of([finding("a.py", "new")], scope("a.py", existing=["b.py"]), previous=first)
    assert again.key == first.key
    assert [entry.path for entry in again.entries] == ["a.py", "b.py"]
    assert again.entries[1] == first.entries[1]
    full = Baseline.of([finding("a.py", "new")], scope("a.py"), previous=again)
    assert [entry.path for entry in full.entries] == ["a.py"]


def test_file_in_full(tmp_path: Path) -> None:
    entries = (
        Entry("a/größe.py", "", "F821", "lint", "ab" * 16, 2),
        Entry("a.dbc", "x/y", "DBX501", "syntax", "cd" * 16),
    )
    file = tmp_path / "new" / "baseline.json"
    Baseline(KEY, entries).write(file)
    assert file.read_bytes().decode("utf-8") == (
        "{\n"
        '"version": 1,\n'
        f'"key": "{KEY}",\n'
        '"entries": [\n'
        '{"path": "a/größe.py", "code": "F821", "check": "lint", "count": 2, '
        f'"fingerprint": "{"ab" * 16}"}},\n'
        '{"path": "a.dbc", "member": "x/y", "code": "DBX501", "check": "syntax", "count": 1, '
        f'"fingerprint": "{"cd" * 16}"}}\n'
        "]\n"
        "}\n"
    )
    assert Baseline.load(file) == Baseline(KEY, tuple(sorted(entries)))


def test_the_file_holds_no_text(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    secret = replace(
        finding("a.py", "password = 'hunter2'"), message="hunter2", cell_title="hunter"
    )
    Baseline.of([secret], scope("a.py")).write(file)
    assert "hunter" not in file.read_text(encoding="utf-8")


def test_empty_baseline(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    Baseline(KEY).write(file)
    assert json.loads(file.read_bytes()) == {"version": 1, "key": KEY, "entries": []}
    assert Baseline.load(file) == Baseline(KEY)


def test_path_that_is_not_utf_8(tmp_path: Path) -> None:
    baseline = Baseline(KEY, (Entry("a\udce9.py", "", "F821", "lint", "ab"),))
    baseline.write(tmp_path / "baseline.json")
    assert Baseline.load(tmp_path / "baseline.json") == baseline


GOOD = '{"path": "a.py", "code": "F821", "check": "lint", "count": 1, "fingerprint": "ab"}'
ANEW = "write it with `pytest --dbx-gate --dbx-write-baseline FILE`"


def document(*rows: str) -> str:
    return f'{{\n"version": 1,\n"key": "ab",\n"entries": [\n{",".join(rows)}\n]\n}}\n'


@pytest.mark.parametrize(
    ("text", "line", "why", "step"),
    [
        ("", 1, "not JSON (Expecting value, column 1)", ANEW),
        ("[]", 1, "not the JSON of a baseline", ANEW),
        ("[" * 100_000, 1, "not the JSON of a baseline", ANEW),
        ('{\n"version": 1,\n', 3, None, ANEW),
        (
            '{\n"version": 1,\n<<<<<<< HEAD\n"key": "a"',
            3,
            "a merge conflict is not resolved",
            ANEW,
        ),
        (
            '{\n"version": 2}',
            2,
            "version 2 is newer than the 1 this pytest-dbxgate reads",
            "update pytest-dbxgate",
        ),
        ('{"version": true}', 1, '"version" is not 1', ANEW),
        ('{"version": 1}', 1, '"key" is not a string of hex digits', ANEW),
        ('{"version": 1,\n"key": 7}', 2, '"key" is not a string of hex digits', ANEW),
        ('{"version": 1, "key": "a"}', 1, '"entries" is not a list', ANEW),
        (document(GOOD, "\n7"), 6, "entry 2: not an object", ANEW),
        (
            document(GOOD, "\n" + GOOD.replace('"path"', '"file"')),
            6,
            'entry 2: "path" is missing',
            ANEW,
        ),
        (
            document(GOOD.replace(": 1", ": true")),
            5,
            'entry 1: "count" is not a whole number',
            ANEW,
        ),
        (document(GOOD.replace(": 1", ": 0")), 5, 'entry 1: "count" is less than 1', ANEW),
        (document(GOOD.replace('"ab"', "7")), 5, 'entry 1: "fingerprint" is not a string', ANEW),
        (document(GOOD.replace("lint", "spelling")), 5, 'entry 1: unknown check "spelling"', ANEW),
        (
            document(GOOD.replace("{", '{"member": 1, ')),
            5,
            'entry 1: "member" is not a string',
            ANEW,
        ),
    ],
)
def test_broken_file(tmp_path: Path, text: str, line: int, why: str | None, step: str) -> None:
    file = tmp_path / "baseline.json"
    file.write_bytes(text.encode())
    with pytest.raises(ConfigurationError) as caught:
        Baseline.load(file)
    assert caught.value.next_step == step
    assert caught.value.message.startswith(f"baseline {file}, line {line}: ")
    if why is not None:
        assert caught.value.message == f"baseline {file}, line {line}: {why}"


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "baseline.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        Baseline.load(file)
    assert caught.value.message.startswith(f"baseline {file}: cannot be read: ")
    assert caught.value.next_step == ANEW


def test_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        Baseline(KEY).write(tmp_path / "file" / "baseline.json")


def test_entry_left_twice_by_a_merge_counts_once(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(document(GOOD, GOOD.replace(": 1", ": 3"), GOOD), encoding="utf-8")
    assert [entry.count for entry in Baseline.load(file).entries] == [3]


FINDINGS = st.lists(
    st.builds(
        finding,
        st.sampled_from(["a.py", "b.py", "dir/c.py"]),
        st.sampled_from(["x = y", "x = z", "print(y)", ""]),
        code=st.sampled_from(["F821", "F401"]),
        line=st.integers(1, 50),
    ),
    max_size=12,
)
HERE = scope("a.py", "b.py", "dir/c.py")


@given(FINDINGS, st.data())
def test_any_order_and_any_lines_are_all_known(
    findings: list[Finding], data: st.DataObject
) -> None:
    baseline = Baseline.of(findings, HERE)
    moved = [
        replace(each, line=line, cell_line=line, cell=line)
        for each in data.draw(st.permutations(findings))
        for line in [data.draw(st.integers(1, 99))]
    ]
    assert baseline.match(moved, HERE) == Match((), tuple(moved), ())


@given(FINDINGS, st.permutations(["p.py", "q.py", "r/a.py"]))
def test_renaming_every_notebook_leaves_all_known(
    findings: list[Finding], names: list[str]
) -> None:
    names_of = dict(zip(["a.py", "b.py", "dir/c.py"], names, strict=True))
    moved = [replace(each, path=names_of[each.path]) for each in findings]
    match = Baseline.of(findings, HERE).match(moved, scope(*names))
    assert match == Match((), tuple(moved), ())


@given(FINDINGS, FINDINGS, st.data())
def test_known_and_new_are_what_counting_says(
    before: list[Finding], after: list[Finding], data: st.DataObject
) -> None:
    def counted(findings: Iterable[Finding]) -> Counter[tuple[str, str, str]]:
        return Counter((each.path, each.code, each.excerpt[-1]) for each in findings)

    baseline = Baseline.of(before, HERE)
    match = baseline.match(after, HERE)
    assert counted(match.new) == counted(after) - counted(before)
    assert counted(match.known) == counted(after) & counted(before)
    assert sum(entry.count for entry in match.removable) == sum(
        (counted(before) - counted(after)).values()
    )
    shuffled = baseline.match(data.draw(st.permutations(after)), HERE)
    assert Counter(shuffled.new) == Counter(match.new)
    assert shuffled.removable == match.removable


@given(FINDINGS)
def test_write_and_load_give_the_same(
    tmp_path_factory: pytest.TempPathFactory, findings: list[Finding]
) -> None:
    file = tmp_path_factory.getbasetemp() / "baseline.json"
    baseline = Baseline.of(findings, HERE)
    baseline.write(file)
    assert Baseline.load(file) == baseline


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "odd.json"
    file.write_bytes(text.encode("utf-8", "replace"))
    with pytest.raises(ConfigurationError):
        Baseline.load(file)
