"""The notebook that was probably meant by a path at which there is none."""

from __future__ import annotations

import difflib
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property

_MOST_CANDIDATES = 1000
"""A comparison costs microseconds."""
_MOST_SEARCHES = 300
"""Comparisons with every name of the tree: where more is missing, so is the repository."""
_MOST_LOOKS = 5000
"""Comparisons with the names of one folder."""
_ALIKE = 0.8
_SIMILAR = 0.6


class Nearness:
    """Finds the nearest of ``paths`` (workspace paths, with ``/``)."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = paths
        self._searches = self._looks = 0

    def of(self, path: str) -> str:
        """The nearest existing path; an empty string where none comes near."""
        folder, name = posixpath.split(path.replace("\\", "/"))
        self._looks += 1
        beside = self._by_folder.get(folder, ()) if self._looks <= _MOST_LOOKS else ()
        match = _close(name, beside, _ALIKE)
        if match:
            return posixpath.join(folder, match)
        moved = self._by_name.get(name.casefold(), ())
        if moved:
            return _closest(folder, moved)
        match = _close(name, beside, _SIMILAR)
        return posixpath.join(folder, match) if match else self._anywhere(folder, name)

    def _anywhere(self, folder: str, name: str) -> str:
        """Moved and renamed: within the same top folder, or nobody would believe it."""
        self._searches += 1
        if self._searches > _MOST_SEARCHES:
            return ""
        names: Sequence[str] = list(self._by_name)
        if len(names) > _MOST_CANDIDATES:
            names = [each for each in names if each[:1] == name[:1].casefold()]
        match = _close(name, names, _ALIKE)
        top = folder.partition("/")[0]
        known = [path for path in self._by_name.get(match, ()) if path.partition("/")[0] == top]
        return _closest(folder, known) if known else ""

    @cached_property
    def _by_folder(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for path in self._paths:
            folder, name = posixpath.split(path)
            found[folder].append(name)
        return dict(found)

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        """Casefolded base name -> paths."""
        found: dict[str, list[str]] = defaultdict(list)
        for path in self._paths:
            found[posixpath.basename(path).casefold()].append(path)
        return dict(found)


def _close(name: str, names: Sequence[str], cutoff: float) -> str:
    folded = {each.casefold(): each for each in reversed(names[:_MOST_CANDIDATES])}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=cutoff)
    return folded[close[0]] if close else ""


def _closest(folder: str, paths: Sequence[str]) -> str:
    """The one that is the fewest steps away from ``folder``."""
    return min(
        paths[:_MOST_CANDIDATES],
        key=lambda path: (posixpath.relpath(path, folder or ".").count("/"), path),
    )
