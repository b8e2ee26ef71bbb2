"""What is written to the workspace and into packages obeys the published schemas."""

from __future__ import annotations

import io
import json
import zipfile
from importlib import resources
from typing import Any

import jsonschema
import pytest

from pytest_dbxgate.delivery import manifest as manifests
from pytest_dbxgate.delivery.model import Manifest
from test_delivery_manifest import manifest
from test_package_reading import built

NAMES = ("contents", "manifest", "pointer", "receipt")


def schema(name: str) -> dict[str, Any]:
    file = resources.files("pytest_dbxgate.delivery") / "schemas" / f"{name}.schema.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def validate(name: str, data: bytes) -> None:
    jsonschema.Draft202012Validator(schema(name)).validate(json.loads(data))


@pytest.mark.parametrize("name", NAMES)
def test_each_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))


def test_a_manifest_obeys_its_schema() -> None:
    validate("manifest", manifests.to_bytes(manifest("etl/a", "b")))
    validate("manifest", manifests.to_bytes(Manifest("shop", "r", "prod", 0.0)))


def test_a_pointer_obeys_its_schema() -> None:
    first = manifests.advanced(None, manifest(), at=0, keep=5)
    validate("pointer", manifests.pointer_to_bytes(first))
    second = manifests.advanced(first, Manifest("shop", "r2", "prod", 2.0), at=1.0, keep=5)
    validate("pointer", manifests.pointer_to_bytes(second))


@pytest.mark.parametrize("name", ["receipt", "contents"])
def test_a_package_obeys_its_schemas(name: str) -> None:
    with zipfile.ZipFile(io.BytesIO(built())) as archive:
        validate(name, archive.read(f"{name}.json"))


@pytest.mark.parametrize(
    "place", ["../a", "a/../b", "/a", "a//b", "./a", "a/.", "a/", "", "a\\b", "."]
)
def test_the_schema_keeps_places_inside_the_root(place: str) -> None:
    document = json.loads(manifests.to_bytes(manifest("etl/a")))
    document["entries"][0]["place"] = place
    with pytest.raises(jsonschema.ValidationError):
        validate("manifest", json.dumps(document).encode())
