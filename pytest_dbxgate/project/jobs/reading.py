"""The bytes of a job file as a tree."""

from __future__ import annotations

from pytest_dbxgate.project.jobs import json_reader, yaml_reader
from pytest_dbxgate.project.jobs.nodes import Mark, Node, Trouble
from pytest_dbxgate.project.jobs.yaml_reader import BrokenError

MAX_BYTES = 10_000_000


def read(file: str, data: bytes) -> tuple[Node | None, tuple[Trouble, ...]]:
    """The tree of ``file`` (None where it has none) and what is wrong with it. Never raises."""
    troubles: list[Trouble] = []
    try:
        return _read(file, data, troubles), tuple(troubles)
    except BrokenError as error:
        return None, (*troubles, error.trouble)


def _read(file: str, data: bytes, troubles: list[Trouble]) -> Node | None:
    if len(data) > MAX_BYTES:
        raise BrokenError(
            Trouble(
                "DBX420",
                Mark(file, 1, 1),
                f"{len(data) / 1e6:.1f} MB; job files of more than 10 MB are not read",
                "split the file",
            )
        )
    text = _decode(file, data)
    if file.lower().endswith(".json"):
        return json_reader.read(file, text, troubles)
    return yaml_reader.read(file, text, troubles)


def _decode(file: str, data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        trouble = Trouble(
            "DBX420", Mark(file, line, 1), "the file is not UTF-8", "save the file as UTF-8"
        )
        raise BrokenError(trouble) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")
