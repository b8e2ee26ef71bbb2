"""Workspace paths: ``/Workspace/X`` and ``/X`` are one [doc]."""

from __future__ import annotations

import posixpath

from pytest_dbxgate.emulator.values import invalid


def canonical(path: str) -> str:
    """The path without ``/Workspace``, doubled slashes and a slash at the end.

    Raises :class:`~pytest_dbxgate.emulator.values.ApiError` for what does not begin with ``/``
    [report] or steps through ``..`` [fake].
    """
    if not path.startswith("/"):
        raise invalid(f"Path ({path}) doesn't start with '/'")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in path:
        raise invalid(f"Path ({path}) is not valid")
    if parts[:1] == ["Workspace"]:
        parts = parts[1:]
    return "/" + "/".join(parts)


def parent(path: str) -> str:
    return posixpath.dirname(path)


def name(path: str) -> str:
    return posixpath.basename(path)


def above(path: str) -> list[str]:
    """The folders above a path, the outermost first, without ``/``."""
    parts = path.strip("/").split("/")
    return ["/" + "/".join(parts[:count]) for count in range(1, len(parts))]
