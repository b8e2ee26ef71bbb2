"""Workspace paths in one form: absolute, with ``/``, without ``/Workspace`` in front. Pure."""

from __future__ import annotations

import unicodedata

from pytest_dbxgate.errors import ConfigurationError

ALIAS = "/Workspace"
"""``/Workspace/X`` and ``/X`` are one path [doc]."""


def canonical(path: str) -> str:
    """``path`` in the form that this package compares and sends.

    ``//``, ``.``, ``..`` and a trailing slash are resolved. Raises :class:`ConfigurationError`
    where it is no absolute path, or leads above the workspace's root.
    """
    if not path.startswith("/"):
        raise _refused(path, "it is no absolute path", "begin it with /Workspace/")
    if "\\" in path or any(unicodedata.category(letter) == "Cc" for letter in path):
        raise _refused(path, "it holds a backslash or a control character", "take it out")
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                raise _refused(path, "it leads above the workspace's root", "take the .. out")
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    if parts and parts[0] == ALIAS[1:]:
        del parts[0]
    return "/" + "/".join(parts)


def join(folder: str, relative: str) -> str:
    """The path of ``relative`` in ``folder``; raises as :func:`canonical`, and where it leaves
    the folder."""
    base = canonical(folder)
    joined = canonical(f"{base}/{relative}")
    if not is_inside(joined, base):
        raise _refused(relative, f"it leads out of {base}", "take the .. out")
    return joined


def parent(path: str) -> str:
    """The folder that holds ``path`` (canonical)."""
    return path.rpartition("/")[0] or "/"


def name(path: str) -> str:
    """The last part of ``path`` (canonical)."""
    return path.rpartition("/")[2]


def is_inside(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder`` or below it; both canonical."""
    return path == folder or folder == "/" or path.startswith(f"{folder}/")


def shown(path: str) -> str:
    """As people know it."""
    return path if path.startswith(f"{ALIAS}/") else f"{ALIAS}{path}".rstrip("/")


def _refused(path: str, why: str, next_step: str) -> ConfigurationError:
    return ConfigurationError(f"{path!r} is no path in a workspace: {why}", next_step=next_step)
