"""``/dbfs`` and ``/Volumes`` for Python's own functions on files.

What reads files by itself (Arrow's own readers, programs that are started) knows nothing of it.
"""

from __future__ import annotations

import builtins
import functools
import io
import os
import pathlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_dbxgate.execution.kernel.filesystem import FileSystem

_ROOTS = ("/dbfs/", "/Volumes/")
_ONE = (
    *("open", "stat", "lstat", "listdir", "scandir", "mkdir", "makedirs", "remove", "unlink"),
    *("rmdir", "access", "chmod", "utime", "walk"),
)
_TWO = ("rename", "replace", "link", "symlink")
_OF_PATH = ("exists", "isfile", "isdir", "getsize", "getmtime")


def install(files: FileSystem) -> None:
    """Lead paths below ``/dbfs`` and ``/Volumes`` into the run's folder, except where this
    machine has such folders itself."""
    roots = tuple(each for each in _ROOTS if not Path(each).exists())
    if files.folder is None or not roots:
        return

    def mapped(path: Any) -> Any:
        text = os.fspath(path) if isinstance(path, str | os.PathLike) else path
        if isinstance(text, str) and text.startswith(roots):
            return str(files.local(text))
        return path

    builtins.open = io.open = _first(builtins.open, mapped)
    for name in _ONE:
        setattr(os, name, _first(getattr(os, name), mapped))
    for name in _TWO:
        setattr(os, name, _both(getattr(os, name), mapped))
    for name in _OF_PATH:
        setattr(os.path, name, _first(getattr(os.path, name), mapped))
    _tell_pathlib()


def _tell_pathlib() -> None:
    """Python 3.10's pathlib has kept the functions that it began with."""
    accessor = getattr(pathlib, "_NormalAccessor", None)
    for name in (*_ONE, *_TWO) if accessor is not None else ():
        if hasattr(accessor, name):
            function = io.open if name == "open" else getattr(os, name)
            setattr(accessor, name, staticmethod(function))


def _first(function: Callable[..., Any], mapped: Callable[[Any], Any]) -> Any:
    @functools.wraps(function)
    def with_path(*args: Any, **kwargs: Any) -> Any:
        return function(*[mapped(each) for each in args[:1]], *args[1:], **kwargs)

    return with_path


def _both(function: Callable[..., Any], mapped: Callable[[Any], Any]) -> Any:
    @functools.wraps(function)
    def with_paths(*args: Any, **kwargs: Any) -> Any:
        return function(*[mapped(each) for each in args[:2]], *args[2:], **kwargs)

    return with_paths
