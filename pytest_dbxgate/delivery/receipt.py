"""The receipt of a green gate: an in-toto statement that binds bytes, settings and checks.

It proves nothing against code that ran in the gate's own job. Its worth lies in the digest of the
package, which travels outside the package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pytest_dbxgate.delivery import untrusted
from pytest_dbxgate.delivery.manifest import origin_document, origin_of
from pytest_dbxgate.delivery.model import Origin
from pytest_dbxgate.delivery.untrusted import BadDocumentError, Fields

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:pytest-dbxgate:receipt:v1"
CONTENTS = "contents.json"
"""The subject that lists everything else in a package."""

MAX_BYTES = 64_000_000
MAX_SUBJECTS = 100_000
MAX_CHECKS = 1_000_000


class PassedCheck(NamedTuple):
    """A check that passed."""

    path: str
    member: str | None
    check: str
    sha256: str
    """Of the bytes that were checked (``.dbc``: of the member's)."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a gate vouches for."""

    project: str
    contents: str
    """The digest of the list of contents, which holds the jobs too."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Digest of each object to be published, by its source."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Digest of the settings of each target."""
    checks: tuple[PassedCheck, ...] = ()
    origin: Origin = field(default_factory=Origin)
    pipeline: str = ""
    """What Azure calls the pipeline."""
    build_id: str = ""
    tools: Mapping[str, str] = field(default_factory=dict)
    """Versions by name."""


def to_bytes(receipt: Receipt) -> bytes:
    """The same bytes for equal receipts."""
    files = sorted(receipt.files.items())
    subjects = [(CONTENTS, receipt.contents), *files]
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subjects],
        "predicateType": PREDICATE,
        "predicate": {
            "project": receipt.project,
            "pipeline": receipt.pipeline,
            "build_id": receipt.build_id,
            "origin": origin_document(receipt.origin),
            "tools": dict(receipt.tools),
            "settings": dict(receipt.settings),
            "checks": [check._asdict() for check in sorted(receipt.checks, key=_order)],
        },
    }
    return untrusted.dump(statement)


def from_bytes(data: bytes) -> Receipt:
    """The receipt in ``data``. Raises :class:`BadDocumentError`."""
    fields = untrusted.load(data, most=MAX_BYTES)
    fields.only("_type", "subject", "predicateType", "predicate")
    if (fields.text("_type"), fields.text("predicateType")) != (STATEMENT, PREDICATE):
        raise BadDocumentError("it is a statement of another type")
    subjects = [_subject(each) for each in fields.items("subject", most=MAX_SUBJECTS)]
    if len(dict(subjects)) != len(subjects):
        raise BadDocumentError("a subject stands twice")
    files = dict(subjects)
    if CONTENTS not in files:
        raise BadDocumentError(f"it has no subject {CONTENTS}")
    predicate = fields.table("predicate")
    predicate.only("project", "pipeline", "build_id", "origin", "tools", "settings", "checks")
    return Receipt(
        project=predicate.text("project"),
        contents=files.pop(CONTENTS),
        files=files,
        settings=predicate.strings("settings", most=1000),
        checks=tuple(map(_check, predicate.items("checks", most=MAX_CHECKS))),
        origin=origin_of(predicate.table("origin")),
        pipeline=predicate.text("pipeline"),
        build_id=predicate.text("build_id"),
        tools=predicate.strings("tools", most=1000),
    )


def _subject(fields: Fields) -> tuple[str, str]:
    fields.only("name", "digest")
    digest = fields.table("digest")
    digest.only("sha256")
    return fields.text("name"), digest.sha256("sha256")


def _check(fields: Fields) -> PassedCheck:
    fields.only(*PassedCheck._fields)
    return PassedCheck(
        path=fields.text("path"),
        member=fields.text_or_none("member"),
        check=fields.text("check"),
        sha256=fields.sha256("sha256"),
    )


def _order(check: PassedCheck) -> tuple[Any, ...]:
    return check.path, check.member or "", check.check, check.sha256
