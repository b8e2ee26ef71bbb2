"""Whatever is put into a document, reading it gives a value or one of our errors."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_dbxgate.delivery import manifest as manifests
from pytest_dbxgate.delivery import package_contents, package_zip, receipt
from pytest_dbxgate.delivery.manifest import ManifestError, Pointer
from pytest_dbxgate.delivery.model import Release
from pytest_dbxgate.delivery.package_zip import PackageError
from pytest_dbxgate.delivery.places import fault
from pytest_dbxgate.delivery.untrusted import BadDocumentError
from test_delivery_manifest import manifest
from test_package_reading import built

PACKAGE = built()
with zipfile.ZipFile(io.BytesIO(PACKAGE)) as archive:
    CONTENTS, RECEIPT = archive.read("contents.json"), archive.read("receipt.json")
POINTER = manifests.pointer_to_bytes(
    Pointer("shop", "0" * 64, "r2", (Release("r1", "1" * 64, 3.0),))
)


def read_manifest(data: bytes) -> None:
    found = manifests.from_bytes(data, project="shop")
    assert not any(map(fault, found.entries))
    assert manifests.from_bytes(manifests.to_bytes(found), project="shop") == found


def read_pointer(data: bytes) -> None:
    found = manifests.pointer_from_bytes(data, project="shop")
    again = manifests.pointer_to_bytes(found)
    assert manifests.pointer_from_bytes(again, project="shop") == found


def read_contents(data: bytes) -> None:
    found = package_contents.from_bytes(data)
    assert not any(fault(item.place) for item in found.items)
    for target in found.jobs:
        package_contents.at_root([job.settings for job in found.jobs[target]], "/x")


def read_receipt(data: bytes) -> None:
    written = receipt.to_bytes(receipt.from_bytes(data))
    assert receipt.to_bytes(receipt.from_bytes(written)) == written


READERS: dict[str, tuple[bytes, Callable[[bytes], None]]] = {
    "manifest": (manifests.to_bytes(manifest("etl/a", "b")), read_manifest),
    "pointer": (POINTER, read_pointer),
    "contents": (CONTENTS, read_contents),
    "receipt": (RECEIPT, read_receipt),
}
STRANGE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["../x", "/x", ".dbxgate/x", "0" * 64, "a\0b", "\ud800", "x" * 5000])
)
VALUES = STRANGE | st.lists(STRANGE, max_size=3) | st.dictionaries(st.text(max_size=4), STRANGE)


def slots(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of the document with each of its keys."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from slots(value[key])


@pytest.mark.parametrize("name", READERS)
@settings(deadline=None)
@given(data=st.data())
def test_any_value_anywhere_is_taken_or_refused(name: str, data: st.DataObject) -> None:
    document, read = READERS[name]
    changed = json.loads(document)
    for _ in range(data.draw(st.integers(1, 2))):
        places = list(slots(changed))
        holder, key = places[data.draw(st.integers(0, len(places) - 1))]
        if isinstance(holder, dict) and data.draw(st.booleans()):
            del holder[key]
        else:
            holder[key] = data.draw(VALUES)
    try:
        read(json.dumps(changed).encode("utf-8", "surrogatepass"))
    except (ManifestError, BadDocumentError) as error:
        assert str(error).isprintable() or "\n  next: " in str(error)


@pytest.mark.parametrize("name", READERS)
@settings(deadline=None)
@given(data=st.data())
def test_cut_and_spliced_bytes_are_taken_or_refused(name: str, data: st.DataObject) -> None:
    document, read = READERS[name]
    start = data.draw(st.integers(0, len(document)))
    end = data.draw(st.integers(start, len(document)))
    spliced = document[:start] + data.draw(st.binary(max_size=5)) + document[end:]
    with contextlib.suppress(ManifestError, BadDocumentError):
        read(spliced)


@settings(deadline=None)
@given(data=st.data())
def test_a_damaged_archive_gives_members_or_is_refused(data: st.DataObject) -> None:
    altered = bytearray(PACKAGE)
    for _ in range(data.draw(st.integers(1, 4))):
        # Damage near the directory at the end is the most interesting.
        back = data.draw(st.integers(1, 900))
        altered[-back] = data.draw(st.integers(0, 255))
    try:
        members = package_zip.unpack(bytes(altered))
    except PackageError:
        return
    assert all(isinstance(content, bytes) for content in members.values())
    assert sum(map(len, members.values())) <= len(altered)
