"""Manifests and pointers survive the way there and back, and nothing else is believed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_dbxgate.delivery import manifest as manifests
from pytest_dbxgate.delivery.canonical import sha256
from pytest_dbxgate.delivery.manifest import ManifestError, Pointer
from pytest_dbxgate.delivery.model import Entry, JobEntry, Kind, Manifest, Origin, Release
from pytest_dbxgate.delivery.places import fault
from pytest_dbxgate.workspace.model import ImportFormat

SHA = "0" * 64
NAME = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
DIGEST = st.text("0123456789abcdef", min_size=64, max_size=64)


def entry(place: str = "etl/a") -> Entry:
    return Entry(place, Kind.NOTEBOOK, f"{place}.py", SHA, SHA, ImportFormat.SOURCE, "PYTHON")


def manifest(*places: str) -> Manifest:
    return Manifest(
        project="shop",
        release="20240101T000000-1",
        target="prod",
        created_at=1700000000.5,
        origin=Origin(commit="abc", branch="main", dirty=("a.py",), committed_at=5),
        entries={place: entry(place) for place in places},
        jobs={"j.yml#x": JobEntry("j.yml#x", 7, "x", SHA, SHA, paused=True)},
        override={"drift": "agreed"},
    )


def document(**changes: Any) -> bytes:
    value = json.loads(manifests.to_bytes(manifest("etl/a")))
    value.update(changes)
    return json.dumps(value).encode()


@settings(deadline=None)
@given(st.lists(st.lists(NAME, min_size=1, max_size=3).map("/".join), max_size=5), DIGEST)
def test_there_and_back(places: list[str], digest: str) -> None:
    places = [place for place in places if fault(place) == ""]
    entries = {place: entry(place)._replace(sha256=digest) for place in places}
    first = Manifest("shop", "r1", "prod", 12.0, entries=entries)
    data = manifests.to_bytes(first)
    assert manifests.from_bytes(data, project="shop", sha256=manifests.digest(first)) == first
    shuffled = Manifest("shop", "r1", "prod", 12, entries=dict(reversed(entries.items())))
    assert manifests.to_bytes(shuffled) == data


def test_every_field_survives() -> None:
    full = manifest("etl/a", "b")
    assert manifests.from_bytes(manifests.to_bytes(full), project="shop") == full


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (manifests.from_bytes, manifests.pointer_from_bytes):
        with pytest.raises(ManifestError):
            read(data, project="shop")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("../a", 'holds ".."'),
        ("a/../../b", 'holds ".."'),
        ("/etc/a", "is absolute"),
        ("", "is empty"),
        ("a//b", "holds an empty part"),
        ("./a", "holds an empty part"),
        (".dbxgate/pointer.json", "belongs to the deployment itself"),
        ("x/.DBXGATE/y", "belongs to the deployment itself"),
        ("a\\..\\b", "backslash"),
        ("a\u202eb", "cannot be printed"),
        ("a ", "begins or ends with a blank"),
        ("x" * 4097, "longer than 4096"),
    ],
)
def test_a_place_outside_the_root_is_refused(place: str, words: str) -> None:
    hostile = json.loads(document())
    hostile["entries"][0]["place"] = place
    with pytest.raises(ManifestError, match="cannot be used") as raised:
        manifests.from_bytes(json.dumps(hostile).encode(), project="shop")
    assert words in str(raised.value)
    assert raised.value.name == "manifest-corrupt"
    assert raised.value.exit_code == 20


@pytest.mark.parametrize(
    "change",
    [
        {"created_at": "today"},
        {"created_at": -1},
        {"created_at": True},
        {"version": 0},
        {"version": "1"},
        {"entries": {}},
        {"entries": [1]},
        {"entries": [{**entry()._asdict(), "kind": "notebook"}] * 2},
        {"entries": [{**entry()._asdict(), "sha256": "x"}]},
        {"entries": [{**entry()._asdict(), "kind": "folder"}]},
        {"entries": [{**entry()._asdict(), "language": "COBOL"}]},
        {"jobs": [{**JobEntry("k", 0, "n", SHA, SHA)._asdict()}]},
        {
            "jobs": [
                JobEntry("k", 3, "n", SHA, SHA)._asdict(),
                JobEntry("l", 3, "n", SHA, SHA)._asdict(),
            ]
        },
        {"jobs": [{**JobEntry("k", 3, "n", SHA, SHA)._asdict(), "paused": 1}]},
        {"release": "../x"},
        {"release": "a/b"},
        {"origin": None},
        {"origin": {}},
        {"override": {"drift": 3}},
        {"surprise": 1},
    ],
)
def test_a_wrong_field_is_refused_by_name(change: dict[str, Any]) -> None:
    with pytest.raises(ManifestError) as raised:
        manifests.from_bytes(document(**change), project="shop")
    assert raised.value.name == "manifest-corrupt"
    assert raised.value.next_step


@pytest.mark.parametrize(
    "data",
    [
        b'{"version": 1, "version": 2}',
        b'{"version": NaN}',
        b"[" * 100_000,
        b'"\\ud800"',
        b"\xff\xfe{}",
        b"null",
    ],
)
def test_json_that_others_read_differently_is_refused(data: bytes) -> None:
    with pytest.raises(ManifestError, match="cannot be used"):
        manifests.from_bytes(data, project="shop")


def test_a_newer_version_is_named_and_is_not_corrupt() -> None:
    with pytest.raises(ManifestError) as raised:
        manifests.from_bytes(document(version=2, news=[]), project="shop")
    assert raised.value.name == "manifest-newer"
    assert "version 2" in str(raised.value)


def test_another_project_is_named() -> None:
    with pytest.raises(ManifestError, match="belongs to the project shop, not to mart") as raised:
        manifests.from_bytes(document(), project="mart")
    assert raised.value.name == "foreign-project"


def test_an_altered_manifest_does_not_have_its_digest() -> None:
    data = manifests.to_bytes(manifest())
    with pytest.raises(ManifestError, match="digest"):
        manifests.from_bytes(data + b" ", project="shop", sha256=sha256(data))


def test_the_pointer_goes_there_and_back_and_keeps_the_last_releases() -> None:
    pointer: Pointer | None = None
    for number in range(8):
        release = Manifest("shop", f"r{number}", "prod", float(number))
        pointer = manifests.advanced(pointer, release, at=float(number - 1), keep=5)
    assert pointer is not None
    assert [each.release for each in pointer.previous] == ["r6", "r5", "r4", "r3", "r2"]
    assert pointer.previous[0] == Release("r6", pointer.previous[0].manifest, 6.0)
    data = manifests.pointer_to_bytes(pointer)
    assert manifests.pointer_from_bytes(data, project="shop") == pointer
    assert len(data) < 2000
