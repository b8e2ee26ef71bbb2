"""What ``from module import *`` brings, where it can be known without importing anything.

``star_exports.txt`` lists the names of what notebooks import this way: PySpark's modules over all
supported runtimes, Delta Lake's, and modules of Python's own that have no source in Python. A name
too many hides an error, a name too few makes one up, so every release's names are in it.
"""

from __future__ import annotations

import keyword
import re
import sys
import sysconfig
from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pytest_dbxgate.project import module_text

_STAR = re.compile(r"(?<![\w.])from[^\S\n]+(\.*[\w.]*)[^\S\n]+import[^\S\n]*\*")

Exports = Callable[[str], Collection[str] | None]
"""The names that a star import of a module brings; None where that is not known."""


_BORROWED = frozenset({"reduce", "cast", "overload"})
"""What PySpark itself imports from elsewhere."""


class Shift(NamedTuple):
    """A line of a text that has become longer."""

    line: int
    column: int
    """The first column (1-based) behind what is new."""
    added: int
    """How many characters it has more."""


def modules_in(text: str) -> list[str]:
    """The modules of all star imports, as they are written."""
    return _STAR.findall(text) if "import" in text else []


def written_out(text: str, exports: Exports) -> tuple[str, tuple[Shift, ...]]:
    """``text`` with every star import of a known module made an assignment to all its names.

    An assignment, because nobody is to be told that an import of most of them is unused.
    """
    parts: list[str] = []
    shifts: list[Shift] = []
    end = 0
    for match in _STAR.finditer(text):
        names = exports(match[1])
        if names is None:
            continue
        new = _assignment(names)
        line_start = text.rfind("\n", 0, match.start()) + 1
        before = sum(shift.added for shift in shifts if shift.line == _line(text, line_start))
        added = len(new) - len(match[0])
        column = match.end() - line_start + 1 + before + added
        shifts.append(Shift(_line(text, line_start), column, added))
        parts += [text[end : match.start()], new]
        end = match.end()
    return "".join([*parts, text[end:]]), tuple(shifts)


def original_column(shifts: tuple[Shift, ...], line: int, column: int) -> int:
    """The column in the text that :func:`written_out` was given."""
    return column - sum(
        shift.added for shift in shifts if shift.line == line and shift.column <= column
    )


def _line(text: str, start: int) -> int:
    return text.count("\n", 0, start) + 1


def _assignment(names: Collection[str]) -> str:
    valid = sorted(name for name in names if name.isidentifier() and not keyword.iskeyword(name))
    return " = ".join([*valid, "None"]) if valid else "pass"


@cache
def known(module: str) -> frozenset[str] | None:
    """The names of a module that is listed or Python's own."""
    listed = _listed().get(module)
    return listed if listed is not None else _standard(module)


def home_of(name: str) -> str:
    """The module of PySpark's or Delta Lake's that ``name`` most likely is to be called from;
    empty if none."""
    if name in sys.stdlib_module_names or name in _BORROWED:
        return ""
    for module in ("pyspark.sql.types", "pyspark.sql.window", "pyspark.sql.functions"):
        if name in _listed()[module]:
            return module
    return "delta.tables" if name == "DeltaTable" else ""


@cache
def _listed() -> Mapping[str, frozenset[str]]:
    table = Path(__file__).with_name("star_exports.txt").read_text(encoding="utf-8")
    rows = (line.partition(": ") for line in table.splitlines())
    return {module: frozenset(names.split()) for module, _, names in rows}


def _standard(module: str) -> frozenset[str] | None:
    """The names of a module of the standard library, from its source."""
    parts = module.split(".")
    if parts[0] not in sys.stdlib_module_names:
        return None
    stem = Path(sysconfig.get_path("stdlib"), *parts)
    for file in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        return _public(module_text.read(text))
    return None


def _public(found: module_text.ModuleText) -> frozenset[str] | None:
    if found.open_list:
        # ``__all__ += other.__all__``: what it lists and what is bound beside it.
        return None if any(item.star for item in found.imports) else _unlisted(found)
    if found.listed is not None:
        return found.listed
    return None if any(item.star for item in found.imports) else _unlisted(found)


def _unlisted(found: module_text.ModuleText) -> frozenset[str]:
    public = (name for name in found.names if not name.startswith("_"))
    return frozenset(public) | (found.listed or frozenset())
