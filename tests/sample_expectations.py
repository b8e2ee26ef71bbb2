"""What a sample is expected to be found guilty of, read from comments in it.

A comment of any language, in any cell or job file, says it:

``# expect: F821``
    the codes are found on this line;
``# expect-next: DBX501``
    on the line below;
``# expect-cell: DBX150``
    on any line of this cell;
``# expect-file: DBX103, DBX220``
    anywhere in the file, or in this member of an archive.

JSON has no comments. What is expected of ``load.json`` stands in ``load.json.expected`` beside it,
each line of the form ``line 7: DBX423``.

This module shares no code with the product: it finds cells by the plainest means.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

END = sys.maxsize
"""The last line of a range that has no end."""

_CODE = r"(?:[A-Z]+[0-9]+|invalid-syntax)"
_COMMENT = re.compile(
    rf"(?:#|--|//)[ \t]*expect(?P<scope>|-next|-cell|-file):[ \t]*"
    rf"(?P<codes>{_CODE}(?:,[ \t]*{_CODE})*)"
)
_BESIDE = re.compile(rf"line (?P<line>\d+): (?P<codes>{_CODE}(?:, {_CODE})*)")
_DELIMITER = re.compile(r"(?:#|--|//) COMMAND -{10}[ \t]*")


class Expectation(NamedTuple):
    """One code on one of the lines ``first`` to ``last``, both included, from 1.

    Lines are those of the file where ``cell`` is None, and those of the cell otherwise.
    """

    code: str
    first: int
    last: int
    cell: int | None = None
    member: str | None = None


class Found(NamedTuple):
    """Where one finding stands; ``cell_line`` counts in the cell, ``line`` in the file."""

    code: str
    line: int
    cell: int | None = None
    cell_line: int | None = None
    member: str | None = None


class Difference(NamedTuple):
    """Both are empty where a sample was found guilty of exactly what it should be."""

    missing: list[Expectation]
    unexpected: list[Found]


def expected(path: Path) -> set[Expectation]:
    """The expectations in one file. A file without a readable comment expects nothing."""
    data = path.read_bytes()
    if path.suffix == ".ipynb":
        return set(_in_ipynb(data))
    if path.suffix == ".dbc":
        return set(_in_dbc(path))
    if path.suffix == ".json":
        return set(_beside(path.with_name(path.name + ".expected")))
    lines = re.split(r"\r\n|\n", data.decode("utf-8", errors="replace"))
    return set(_in_lines(lines, _cell_ranges(lines)))


def difference(wanted: Iterable[Expectation], found: Iterable[Found]) -> Difference:
    """Compare in both directions. One expectation covers every finding of its code and place."""
    want, have = set(wanted), set(found)
    return Difference(
        missing=sorted((e for e in want if not any(_covers(e, f) for f in have)), key=repr),
        unexpected=sorted((f for f in have if not any(_covers(e, f) for e in want)), key=repr),
    )


def _covers(expectation: Expectation, found: Found) -> bool:
    if (expectation.code, expectation.member) != (found.code, found.member):
        return False
    if expectation.cell is None:
        return expectation.first <= found.line <= expectation.last
    return (
        expectation.cell == found.cell
        and found.cell_line is not None
        and expectation.first <= found.cell_line <= expectation.last
    )


def _in_lines(
    lines: list[str], cells: list[tuple[int, int]], cell: int | None = None
) -> Iterator[Expectation]:
    for number, line in enumerate(lines, start=1):
        for match in _COMMENT.finditer(line):
            first, last = _range(match["scope"], number, cells)
            where = None if match["scope"] == "-file" else cell
            for code in re.findall(_CODE, match["codes"]):
                yield Expectation(code, first, last, where)


def _range(scope: str, number: int, cells: list[tuple[int, int]]) -> tuple[int, int]:
    if scope == "-file":
        return 1, END
    if scope == "-cell":
        return next((first, last) for first, last in cells if first <= number <= last)
    return (number + 1, number + 1) if scope == "-next" else (number, number)


def _cell_ranges(lines: list[str]) -> list[tuple[int, int]]:
    borders = [n for n, line in enumerate(lines, start=1) if _DELIMITER.fullmatch(line)]
    return list(zip([1, *borders], [*borders, END], strict=True))


def _in_ipynb(data: bytes) -> Iterator[Expectation]:
    try:
        cells = json.loads(data)["cells"]
    except (ValueError, KeyError, TypeError):
        return
    for number, cell in enumerate(cells, start=1):
        source = cell["source"]
        text = source if isinstance(source, str) else "".join(source)
        yield from _in_lines(text.split("\n"), [(1, END)], number)


def _beside(path: Path) -> Iterator[Expectation]:
    """Raises ValueError for a line that says nothing."""
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        match = _BESIDE.fullmatch(text)
        if match is None:
            raise ValueError(f"{path.name}: {text}")
        line = int(match["line"])
        for code in re.findall(_CODE, match["codes"]):
            yield Expectation(code, line, line)


def _in_dbc(path: Path) -> Iterator[Expectation]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith((".python", ".sql", ".scala", ".r")):
                yield from _in_member(json.loads(archive.read(name)), name.rpartition(".")[0])


def _in_member(notebook: Any, member: str) -> Iterator[Expectation]:
    commands = sorted(notebook["commands"], key=lambda command: float(command["position"]))
    for number, command in enumerate(commands, start=1):
        lines = command["command"].split("\n")
        for expectation in _in_lines(lines, [(1, END)], number):
            yield expectation._replace(member=member)
