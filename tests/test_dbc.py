"""Reading ``.dbc`` archives."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import struct
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.notebook import dbc
from pytest_dbxgate.notebook.model import Format, Language, Magic, Notebook, Problem

pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name")


def command(text: object, position: object = 1.0, **more: object) -> dict[str, object]:
    return {"version": "CommandV1", "command": text, "position": position, **more}


def notebook(*commands: object, language: object = "python", **more: object) -> bytes:
    document = {"version": "NotebookV1", "name": "n", "language": language, **more}
    return json.dumps({**document, "commands": list(commands)}).encode()


def archive(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as file:
        for name, body in entries:
            info = zipfile.ZipInfo("x")
            info.filename = name
            info.compress_type = method
            file.writestr(info, body)
    return stream.getvalue()


def read(*entries: tuple[str, bytes]) -> tuple[Notebook, ...]:
    return checked(archive(*entries))


def checked(data: bytes) -> tuple[Notebook, ...]:
    found = dbc.read("x.dbc", data)
    assert dbc.members(data) == tuple(each.member for each in found if each.member is not None)
    assert {each.path for each in found} == {"x.dbc"}
    assert {each.format for each in found} == {Format.DBC}
    return found


def refused(data: bytes) -> Problem:
    """The problem of an archive that cannot be read."""
    (found,) = checked(data)
    assert (found.member, found.cells, found.data) == (None, (), data)
    assert found.unreadable is not None
    return found.unreadable


def unread(*entries: tuple[str, bytes]) -> Problem:
    """The problem of an archive's one member."""
    (found,) = read(*entries)
    assert found.member is not None
    assert found.cells == ()
    assert found.unreadable is not None
    return found.unreadable


def test_an_archive_as_databricks_writes_it() -> None:
    plain = notebook(command("a"), globalVars={"k": "v"})
    found = read(
        ("lib/", b'{"version": "FolderV1"}'),
        ("lib/utils.python", plain),
        ("lib/Deep dir/q.sql", notebook(command("select 1"), language="sql")),
        ("b.scala", notebook(language="scala")),
        ("c.r", notebook(command("x <- 1"), language="r")),
        ("manifest.mf", b"version,Manifest"),
        ("__MACOSX/lib/._utils.python", b"\0\5"),
    )
    assert [(each.member, each.language, len(each.cells)) for each in found] == [
        ("b", Language.SCALA, 0),
        ("c", Language.R, 1),
        ("lib/Deep dir/q", Language.SQL, 1),
        ("lib/utils", Language.PYTHON, 1),
    ]
    last = found[3]
    assert last.data == plain
    assert last.digest == hashlib.sha256(plain).hexdigest()
    assert last.text == ""
    assert last.problems == ()
    assert last.metadata == {
        "version": "NotebookV1",
        "name": "n",
        "language": "python",
        "globalVars": {"k": "v"},
    }


def test_commands_are_sorted_and_split() -> None:
    commands = [
        command("third", 2.5),
        command("first", 1.0, commandTitle="Load", showCommandTitle=True),
        command("follows first", None),
        command("\n%sql\r\nselect 1", 2, commandTitle="hidden", showCommandTitle=False),
        command("follows too", float("nan")),
        command("equal", 2.5, commandTitle="", showCommandTitle=True),
    ]
    (found,) = read(("a.python", notebook(*commands)))
    assert [(c.number, c.source, c.language, c.title) for c in found.cells] == [
        (1, "first", Language.PYTHON, "Load"),
        (2, "follows first", Language.PYTHON, None),
        (3, "\n%sql\nselect 1", Language.SQL, None),
        (4, "follows too", Language.PYTHON, None),
        (5, "third", Language.PYTHON, None),
        (6, "equal", Language.PYTHON, None),
    ]
    third = found.cell(3)
    assert (third.code, third.code_line, third.line) == ("select 1", 3, 1)
    assert third.magic == Magic("sql", "", 2)


def test_stored_runs_are_noted_and_dropped() -> None:
    kept = command(
        "a",
        guid="g",
        commandType="auto",
        results={"type": "table", "data": [["x"] * 100]},
        error="boom",
        errorSummary=None,
        latestUser="someone",
        latestUserId=7,
        startTime=0,
        finishTime=12,
        width="auto",
    )
    empty = command("b", 2.0, results={"type": "raw", "data": []}, latestUser="", error=None)
    (found,) = read(("a.python", notebook(kept, empty)))
    assert found.cell(1).metadata == {
        "guid": "g",
        "commandType": "auto",
        "results": True,
        "error": True,
        "latestUser": True,
        "latestUserId": True,
        "finishTime": True,
    }
    assert found.cell(2).metadata == {}


def test_damaged_commands_are_counted() -> None:
    (found,) = read(("a.python", notebook(3, command(None), command("c"))))
    assert [c.source for c in found.cells] == ["", "", "c"]
    assert [(p.code, p.cell, p.fatal) for p in found.problems] == [
        ("DBX123", 1, False),
        ("DBX123", 2, False),
    ]


@pytest.mark.parametrize(
    ("language", "expected", "codes"),
    [
        ("sql", Language.SQL, []),
        (None, Language.SCALA, []),
        ("", Language.SCALA, []),
        ("cobol", Language.OTHER, ["DBX113"]),
    ],
)
def test_the_language(language: object, expected: Language, codes: list[str]) -> None:
    (found,) = read(("a.scala", notebook(command("x"), language=language)))
    assert (found.language, found.cell(1).language) == (expected, expected)
    assert [problem.code for problem in found.problems] == codes


@pytest.mark.parametrize("wrap", [gzip.compress, base64.b64encode])
def test_wrapped_members_are_unwrapped(wrap: Any) -> None:
    body = wrap(notebook(command("x")))
    (found,) = read(("a.python", body))
    assert [c.source for c in found.cells] == ["x"]
    assert found.data == body
    (found,) = read(("a.python", base64.encodebytes(gzip.compress(notebook(command("x"))))))
    assert [c.source for c in found.cells] == ["x"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "it is not JSON: the text ends too early"),
        (b"plain text", "it is not JSON: expecting value"),
        (b"\xff\xfe{", "it is neither JSON nor packed JSON"),
        (b'{"version": "DashboardV1"}', "it is not a notebook: 'DashboardV1'"),
        (b"[]", "it is not a notebook"),
        (b'{"commands": {}}', "it is not a notebook"),
        (gzip.compress(notebook(), mtime=0)[:-9], "its gzip stream ends too early"),
        (b"[" * 50_000 + b"]" * 50_000, "it is not JSON: nested too deeply"),
    ],
)
def test_members_that_are_no_notebooks(body: bytes, message: str) -> None:
    problem = unread(("a.python", body))
    assert (problem.code, problem.message) == ("DBX123", f"the member cannot be read: {message}")
    assert problem.hint


def test_one_damaged_member_leaves_the_others() -> None:
    found = read(("b.python", b"?"), ("a.python", notebook(command("x"))))
    assert [(each.member, each.unreadable is None) for each in found] == [("a", True), ("b", False)]


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("../a.python", "../a"),
        ("a/../../b.sql", "a/../../b"),
        ("/etc/a.python", "/etc/a"),
        ("C:/a.python", "C:/a"),
        ("c:a.python", "c:a"),
        ("a\\b.python", "a\\b"),
        ("a\x1b[31m.python", "a\ufffd[31m"),
    ],
)
def test_unsafe_names(name: str, member: str) -> None:
    found = read((name, notebook(command("x"))), ("good.python", notebook()))
    unsafe = next(each for each in found if each.member != "good")
    assert (unsafe.member, unsafe.cells, unsafe.data) == (member, (), b"")
    assert unsafe.unreadable is not None
    assert unsafe.unreadable.code == "DBX122"


def test_colons_in_titles_are_no_drive_letters() -> None:
    found = read(("A: intro.python", notebook()), ("Part 2: b.python", notebook()))
    assert [(each.member, each.problems) for each in found] == [("A: intro", ()), ("Part 2: b", ())]


def test_repeated_names_are_told_apart() -> None:
    found = read(
        ("a.python", notebook(command("1"))),
        ("a.python", notebook(command("2"))),
        ("a.python", notebook(command("3"))),
        ("b.python", notebook(command("4"))),
        ("b.sql", notebook(command("5"), language="sql")),
        ("d/.python", notebook(command("6"))),
    )
    assert [(each.member, each.cell(1).source) for each in found] == [
        ("a", "1"),
        ("a (2)", "2"),
        ("a (3)", "3"),
        ("b.python", "4"),
        ("b.sql", "5"),
        ("d/.python", "6"),
    ]
    assert [[problem.code for problem in each.problems] for each in found] == [
        [],
        ["DBX123"],
        ["DBX123"],
        [],
        [],
        [],
    ]


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        (b"", "DBX120", "the file is empty"),
        (b"no zip at all", "DBX120", "the file is not a zip archive"),
        (archive(("manifest.mf", b"x")), "DBX120", "the archive holds no notebook"),
        (archive(("a.python", notebook()))[:-30], "DBX120", "the archive is truncated or damaged"),
        (b"version https://git-lfs.github.com/spec/v1\n", "DBX108", "the file is a Git LFS point"),
    ],
)
def test_what_is_no_archive(data: bytes, code: str, message: str) -> None:
    problem = refused(data)
    assert problem.code == code
    assert problem.message.startswith(message)
    assert problem.hint


def flagged(data: bytes, name: bytes, offset: int, value: bytes) -> bytes:
    """``data`` with a field of an entry's record in the central directory overwritten."""
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(name)) + offset
    return data[:at] + value + data[at + len(value) :]


def test_encrypted_archives_and_members() -> None:
    data = archive(("a.python", notebook()), ("b.python", notebook()))
    one = flagged(data, b"a.python", 8, b"\x01\x00")
    first, second = checked(one)
    assert first.unreadable is not None
    assert first.unreadable.code == "DBX120"
    assert second.unreadable is None
    assert refused(flagged(one, b"b.python", 8, b"\x01\x00")).message == "the archive is encrypted"


def test_a_member_whose_bytes_are_damaged() -> None:
    data = archive(("a.python", notebook()), method=zipfile.ZIP_STORED)
    (found,) = checked(data.replace(b"NotebookV1", b"NotebookV2"))
    assert found.unreadable is not None
    assert found.unreadable.code == "DBX123"
    (found,) = checked(flagged(data, b"a.python", 10, b"\x63\x00"))
    assert found.unreadable is not None
    assert found.unreadable.message.endswith("compression method 99 is not known")


def test_a_bomb_is_refused_by_what_it_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbc, "MAX_BYTES", 3_000)
    data = archive(("a.python", b" " * 2_000), ("b.python", b" " * 2_000))
    assert refused(data).message == "the archive unpacks to 4000 bytes; at most 3000 are read"
    monkeypatch.setattr(dbc, "MAX_BYTES", 10_000)
    monkeypatch.setattr(dbc, "RATIO_FROM", 3_000)
    monkeypatch.setattr(dbc, "MAX_RATIO", 4)
    problem = refused(data)
    assert problem.code == "DBX121"
    assert problem.message.endswith("times its size; at most 4 times is read")
    monkeypatch.setattr(dbc, "RATIO_FROM", 30_000)
    monkeypatch.setattr(dbc, "MAX_MEMBERS", 1)
    assert refused(data).message == "the archive unpacks to 2 notebooks; at most 1 are read"
    many = archive(*((f"{n}.python", b"") for n in range(3)))
    assert refused(many).message == "the archive unpacks to more than 1 entries"


def test_a_bomb_is_refused_by_what_it_inflates_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbc, "MAX_MEMBER_BYTES", 1_000)
    large = unread(("a.python", b" " * 1_001))
    assert (large.code, large.message) == (
        "DBX121",
        "the member cannot be read: it unpacks to more than 1000 bytes",
    )
    packed = unread(("a.python", gzip.compress(b" " * 100_000)))
    assert packed.code == "DBX121"


def test_a_bomb_that_lies_about_its_size_is_not_inflated() -> None:
    data = archive(("a.python", b"[" * 5_000_000))
    (found,) = checked(flagged(data, b"a.python", 24, struct.pack("<I", 50)))
    assert found.unreadable is not None
    assert found.unreadable.code == "DBX123"


SOUND = archive(
    ("d/a.python", notebook(command("%sql\nx", 2.0), command("1"))),
    ("b.scala", notebook(command("val x = 1"), language="scala")),
)


@given(st.integers(0, len(SOUND) - 1), st.integers(0, 4), st.binary(max_size=4))
def test_damage_anywhere_is_survived(at: int, cut: int, put: bytes) -> None:
    assert checked(SOUND[:at] + put + SOUND[at + cut :])
