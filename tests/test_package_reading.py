"""A package is used only whole, unaltered and ours; every digest is verified first."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_dbxgate.delivery import package, package_contents
from pytest_dbxgate.delivery.canonical import sha256
from pytest_dbxgate.delivery.model import Item, JobItem, Kind, Origin
from pytest_dbxgate.delivery.package import Package, PackageError
from pytest_dbxgate.delivery.placement import place
from pytest_dbxgate.delivery.receipt import PassedCheck
from support import ipynb, source

PY, IPYNB = source("a = 1").encode(), ipynb("b = 2").encode()
ORIGIN = Origin(commit="abc", branch="main", committed_at=5, build_url="https://example.invalid/1")
ROOT = package_contents.ROOT
JOB = JobItem(
    "j.yml#daily",
    {
        "name": "daily",
        "tasks": [
            {"task_key": "t", "notebook_task": {"notebook_path": f"{ROOT}/a"}},
            {"task_key": "w", "libraries": [{"whl": f"/Workspace{ROOT}/dist/w.whl"}]},
        ],
    },
    ({"user_name": "a@example.invalid", "permission_level": "IS_OWNER"},),
)


def items() -> tuple[Item, ...]:
    files = {"m.py": b"m = 1\n", "dist/w.whl": b"PK\x01\x02" * 5, "copy.py": b"m = 1\n"}
    return place({"a.py": PY, "b.ipynb": IPYNB}, files, edges=[("a.py", "m.py")]).items


def checks(*found: Item) -> list[PassedCheck]:
    return [
        PassedCheck(item.source, None, "syntax", item.sha256)
        for item in found
        if item.kind is Kind.NOTEBOOK
    ]


def built(**changes: Any) -> bytes:
    arguments: dict[str, Any] = {
        "jobs": {"prod": [JOB]},
        "settings": {"prod": {"root": "/Shared/shop", "keep": 5}, "dev": {}},
        "checks": checks(*items()),
        "origin": ORIGIN,
        "pipeline": "shop-ci",
        "build_id": "42",
        "tools": {"ruff": "0.16.0"},
        **changes,
    }
    return package.build("shop", items(), **arguments)


def loaded(tmp_path: Path, data: bytes, expected: str | None = None) -> Package:
    file = tmp_path / "p.zip"
    file.write_bytes(data)
    return package.read(file, sha256(data) if expected is None else expected)


def refused(tmp_path: Path, data: bytes, expected: str | None = None) -> PackageError:
    with pytest.raises(PackageError) as raised:
        loaded(tmp_path, data, expected)
    assert raised.value.next_step
    assert raised.value.exit_code == 20
    return raised.value


def test_a_package_comes_back_whole(tmp_path: Path) -> None:
    found = loaded(tmp_path, built())
    assert found.items == items()
    assert found.project == "shop"
    assert found.targets == ("dev", "prod")
    assert found.settings("prod") == {"root": "/Shared/shop", "keep": 5}
    assert found.origin.package_sha256 == sha256(built())
    assert (found.origin.commit, found.receipt.pipeline, found.receipt.build_id) == (
        "abc",
        "shop-ci",
        "42",
    )
    assert set(found.receipt.checks) == set(checks(*items()))


def test_the_bytes_depend_on_nothing_but_the_contents() -> None:
    data = built()
    assert built() == data
    assert built(checks=reversed(checks(*items()))) == data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert len(archive.namelist()) == 2 + len({item.sha256 for item in items()})


def test_jobs_get_the_root_of_the_target_when_they_are_published(tmp_path: Path) -> None:
    (job,) = loaded(tmp_path, built()).jobs("prod", "/Shared/shop")
    first, second = job.settings["tasks"]
    assert first["notebook_task"]["notebook_path"] == "/Shared/shop/a"
    assert second["libraries"] == [{"whl": "/Workspace/Shared/shop/dist/w.whl"}]
    assert job.permissions == JOB.permissions
    assert loaded(tmp_path, built()).jobs("dev", "/x") == ()


def test_a_target_it_was_not_made_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="only for: dev, prod"):
        loaded(tmp_path, built()).jobs("staging", "/x")


def test_a_digest_is_taken_in_any_case_and_with_blanks(tmp_path: Path) -> None:
    data = built()
    assert loaded(tmp_path, data, f" {sha256(data).upper()}\n").project == "shop"


@pytest.mark.parametrize("expected", ["", "0" * 64, "not hex", "\x1b[31m"])
def test_another_digest_is_refused_before_anything_is_read(tmp_path: Path, expected: str) -> None:
    error = refused(tmp_path, b"not a zip", expected)
    assert error.name == "package-altered"
    assert "\x1b" not in str(error)


def test_every_flipped_byte_is_refused(tmp_path: Path) -> None:
    data = built()
    for at in range(0, len(data), 97):
        altered = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        assert refused(tmp_path, altered, sha256(data)).name == "package-altered"


def repacked(change: Callable[[dict[str, bytes]], None]) -> bytes:
    """A package with other members, its digest given along: what an attacker could make who can
    also change the digest."""
    with zipfile.ZipFile(io.BytesIO(built())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def set_json(members: dict[str, bytes], name: str, change: Callable[[Any], None]) -> None:
    document = json.loads(members[name])
    change(document)
    members[name] = json.dumps(document).encode()


OBJECT = f"objects/{sha256(PY)}"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda m: m.pop("receipt.json"), "package-incomplete"),
        (lambda m: m.pop("contents.json"), "package-incomplete"),
        (lambda m: m.pop(OBJECT), "package-incomplete"),
        (lambda m: m.update({OBJECT: b"evil"}), "package-altered"),
        (lambda m: m.update({f"objects/{'0' * 64}": b"x"}), "package-foreign"),
        (lambda m: m.update({"conftest.py": b"x"}), "package-foreign"),
        (lambda m: m.update({"objects/../../x": b"x"}), "package-unsafe"),
        (lambda m: m.update({"/etc/x": b"x"}), "package-unsafe"),
        (lambda m: m.update({"objects\\x": b"x"}), "package-unsafe"),
        (lambda m: m.update({"receipt.json": b"{}"}), "package-foreign"),
        (lambda m: m.update({"receipt.json": b"\xff"}), "package-foreign"),
        (lambda m: m.update({"contents.json": b"[]"}), "package-foreign"),
        (lambda m: m.clear(), "package-incomplete"),
    ],
)
def test_other_members_are_refused(
    tmp_path: Path, change: Callable[[dict[str, bytes]], None], name: str
) -> None:
    assert refused(tmp_path, repacked(change)).name == name


def rebound(change: Callable[[Any], None]) -> bytes:
    """A package whose contents were changed and whose receipt binds the new list."""

    def both(members: dict[str, bytes]) -> None:
        set_json(members, "contents.json", change)

        def bind(statement: Any) -> None:
            for subject in statement["subject"]:
                if subject["name"] == "contents.json":
                    subject["digest"]["sha256"] = sha256(members["contents.json"])

        set_json(members, "receipt.json", bind)

    return repacked(both)


def set_item(**values: Any) -> Callable[[Any], None]:
    return lambda contents: contents["items"][0].update(values)


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        (set_item(place="../../x"), "package-foreign", 'holds ".."'),
        (set_item(place="/x"), "package-foreign", "is absolute"),
        (set_item(place=".dbxgate/pointer.json"), "package-foreign", "deployment itself"),
        (set_item(place="m.py"), "package-foreign", "place stands twice"),
        (set_item(source="m.py"), "package-foreign", "source stands twice"),
        (set_item(kind="file"), "package-foreign", "do not go together"),
        (set_item(format="AUTO"), "package-foreign", "do not go together"),
        (set_item(format="DBC"), "package-foreign", "format is"),
        (set_item(rank=-1), "package-foreign", "out of range"),
        (set_item(surprise=1), "package-foreign", "unknown field"),
        (set_item(sha256="0" * 64), "package-altered", "another objects"),
        (lambda c: c.update(project="mart"), "package-altered", "another project"),
        (lambda c: c.update(version=2), "package-newer", "version 2"),
        (lambda c: c["targets"]["prod"].update(settings={}), "package-altered", "settings"),
        (lambda c: c["targets"]["prod"].update(settings=[]), "package-foreign", "settings"),
        (lambda c: c["targets"]["prod"].update(jobs={}), "package-foreign", "jobs"),
        (lambda c: c["targets"].update(new={"settings": {}, "jobs": []}), "package-altered", ""),
    ],
)
def test_contents_that_do_not_fit_are_refused(
    tmp_path: Path, change: Callable[[Any], None], name: str, words: str
) -> None:
    error = refused(tmp_path, rebound(change))
    assert error.name == name
    assert words in str(error)


def test_contents_of_another_receipt_are_refused(tmp_path: Path) -> None:
    other = built(settings={"prod": {"root": "/Shared/other"}, "dev": {}})
    with zipfile.ZipFile(io.BytesIO(other)) as archive:
        listed = archive.read("contents.json")
    error = refused(tmp_path, repacked(lambda m: m.update({"contents.json": listed})))
    assert error.name == "package-altered"


def test_settings_without_bottom_are_refused(tmp_path: Path) -> None:
    def bury(members: dict[str, bytes]) -> None:
        deep = b'"keep":' + b"[" * 500 + b"]" * 500
        members["contents.json"] = members["contents.json"].replace(b'"keep":5', deep)

    error = refused(tmp_path, repacked(bury))
    assert error.name == "package-foreign"
    assert "nested too deeply" in str(error)


def test_a_number_without_end_is_refused(tmp_path: Path) -> None:
    def endless(members: dict[str, bytes]) -> None:
        text = members["contents.json"].replace(b'"keep":5', b'"keep":1e999')
        members["contents.json"] = text

    assert refused(tmp_path, repacked(endless)).name == "package-foreign"


def test_a_notebook_without_a_passed_check_is_not_packed(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"no check of b\.ipynb passed"):
        built(checks=checks(items()[0]))
    stale = [each._replace(sha256="0" * 64) for each in checks(*items())]
    with pytest.raises(PackageError, match="passed"):
        built(checks=stale)


def test_a_receipt_without_checks_is_refused(tmp_path: Path) -> None:
    def unprove(members: dict[str, bytes]) -> None:
        set_json(members, "receipt.json", lambda s: s["predicate"].update(checks=[]))

    assert refused(tmp_path, repacked(unprove)).name == "package-incomplete"


def test_a_member_of_an_archive_is_proved_by_its_own_check() -> None:
    sample = Path(__file__).parent.parent / "sample_notebooks" / "archive" / "legacy_reports.dbc"
    placed = place({"r.dbc": sample.read_bytes()}, {}).items
    proofs = [
        PassedCheck("r.dbc", item.source.partition("::")[2], "syntax", "0" * 64) for item in placed
    ]
    assert package.build("shop", placed, jobs={}, settings={}, checks=proofs, origin=ORIGIN)
    with pytest.raises(PackageError):
        package.build("shop", placed, jobs={}, settings={}, checks=proofs[:1], origin=ORIGIN)


# ---- the file itself


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x05\x06" + b"\0" * 17, built()[:-30]])
def test_what_is_no_zip_is_refused(tmp_path: Path, data: bytes) -> None:
    assert refused(tmp_path, data).name == "package-foreign"


def test_a_member_that_stands_twice_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO(built())
    with (
        zipfile.ZipFile(buffer, "a") as archive,
        pytest.warns(UserWarning, match="Duplicate name"),
    ):
        archive.writestr("receipt.json", b"{}")
    assert refused(tmp_path, buffer.getvalue()).name == "package-unsafe"


def test_a_compressed_package_is_refused(tmp_path: Path) -> None:
    assert loaded(tmp_path, repacked(lambda _: None)).project == "shop"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("receipt.json", b"0" * 10_000_000)
    assert refused(tmp_path, buffer.getvalue()).name == "package-unsafe"


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    data = bytearray(built())
    at = data.index(b"PK\x01\x02\x14")
    (flags,) = struct.unpack_from("<H", data, at + 8)
    struct.pack_into("<H", data, at + 8, flags | 1)
    assert refused(tmp_path, bytes(data)).name == "package-unsafe"


def test_a_comment_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO(built())
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"hello"
    assert refused(tmp_path, buffer.getvalue()).name == "package-foreign"


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    for file, name in (
        (tmp_path / "gone.zip", "package-incomplete"),
        (tmp_path, "package-foreign"),
    ):
        with pytest.raises(PackageError) as raised:
            package.read(file, "0" * 64)
        assert raised.value.name == name
        assert str(tmp_path) not in str(raised.value)


def test_an_oversized_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MAX_BYTES", 10)
    assert refused(tmp_path, built()).name == "package-unsafe"


def test_writing_tells_the_digest(tmp_path: Path) -> None:
    file = tmp_path / "out" / "p.zip"
    told = package.write(file, built())
    assert told == sha256(built())
    assert package.read(file, told).project == "shop"


def test_no_checkout_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    assert loaded(tmp_path, built()).items
