"""Read and write notebooks of the source format: ``.py``, ``.sql``, ``.scala``, ``.r``."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pytest_dbxgate.notebook.header import find_header, header_of
from pytest_dbxgate.notebook.layout import Region, find_regions, margin_of, split_lines
from pytest_dbxgate.notebook.magics import split_cell
from pytest_dbxgate.notebook.model import Cell, Format, Language, Notebook, Problem

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1"

_BYTE_ORDER_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


def read(path: str, data: bytes, language: Language) -> Notebook:
    """Read a notebook whose language its file's ending tells. Never raises."""
    notebook = Notebook(
        path=path,
        format=Format.SOURCE,
        language=language,
        cells=(),
        data=data,
        digest=hashlib.sha256(data).hexdigest(),
    )
    text = _decode(data)
    if isinstance(text, Problem):
        return replace(notebook, problems=(text,))
    lines = split_lines(text)
    header = find_header(lines, language)
    if header is None:
        return replace(notebook, text=text, problems=(_no_notebook(language),))
    if any(problem.fatal for problem in header.problems):
        return replace(notebook, text=text, problems=header.problems)
    regions, near_delimiters = find_regions(lines, header.body, language)
    cells = tuple(
        _cell(number, lines, region, language) for number, region in enumerate(regions, start=1)
    )
    starts = [region.start for region in regions]
    problems = (
        *header.problems,
        *_repeated_headers(text, lines, language, header.problems),
        *(_in_its_cell(problem, starts) for problem in near_delimiters),
        *_unprefixed_lines(lines, regions, cells),
    )
    return replace(notebook, text=text, cells=cells, problems=problems)


def _cell(number: int, lines: Sequence[str], region: Region, language: Language) -> Cell:
    body = lines[region.start : region.end]
    source = "\n".join(body)
    line = region.start + 1
    margins: tuple[int, ...] = ()
    if not body:
        # The cell has no line of its own: it stands at the end of the line that opens it.
        line = max(1, region.start)
        margins = _unless_zero((len(lines[region.start - 1]),))
    elif "MAGIC" in source:
        margins = _unless_zero(tuple(margin_of(text, language) for text in body))
        if margins:
            source = "\n".join(text[margin:] for text, margin in zip(body, margins, strict=True))
    code = split_cell(source, language)
    return Cell(
        number=number,
        language=code.language,
        source=source,
        code=code.code,
        code_line=code.code_line,
        code_column=code.code_column,
        magic=code.magic,
        title=region.title,
        title_line=None if region.title_index is None else region.title_index + 1,
        line=line,
        margins=margins,
    )


def _unless_zero(margins: tuple[int, ...]) -> tuple[int, ...]:
    return margins if any(margins) else ()


def _decode(data: bytes) -> str | Problem:
    if data.startswith(LFS_POINTER):
        return lfs_problem()
    encoding = _wide_encoding(data)
    if encoding:
        message = f"the file is {encoding}, not UTF-8"
        return Problem("DBX101", message, hint="save it as UTF-8", fatal=True)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place_of_byte(data, error.start)
        message = f"the file is not UTF-8: byte 0x{data[error.start]:02x} on line {line}"
        hint = "save it as UTF-8; it may be in Windows-1252 or Latin-1"
        return Problem("DBX101", message, line=line, column=column, hint=hint, fatal=True)
    nul = data.find(b"\0")
    if nul >= 0:
        line, column = _place_of_byte(data, nul)
        message = f"a NUL byte on line {line}"
        hint = "remove it; the file may be damaged"
        return Problem("DBX109", message, line=line, column=column, hint=hint, fatal=True)
    return text


def lfs_problem() -> Problem:
    """What a pointer of Git LFS in place of a notebook is reported as."""
    message = "the file is a Git LFS pointer, the notebook itself was not checked out"
    return Problem("DBX108", message, hint="run: git lfs pull", fatal=True)


def _wide_encoding(data: bytes) -> str:
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return name
    even, odd = data[0:40:2], data[1:40:2]
    if odd and ((all(even) and not any(odd)) or (all(odd) and not any(even))):
        return "UTF-16"
    return ""


def _place_of_byte(data: bytes, offset: int) -> tuple[int, int]:
    """The 1-based line and column of a byte; everything ahead of it must be UTF-8."""
    lines = data[:offset].decode("utf-8").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return len(lines), len(lines[-1]) + 1


def _no_notebook(language: Language) -> Problem:
    hint = f'a notebook begins with the line "{header_of(language)}"'
    return Problem("DBX105", "not a notebook: no header", hint=hint, fatal=True)


def _repeated_headers(
    text: str, lines: Sequence[str], language: Language, found: Sequence[Problem]
) -> Iterator[Problem]:
    wanted = header_of(language)
    if text.count(wanted) < 2 and not any(problem.code == "DBX103" for problem in found):
        return
    expected = {problem.line for problem in found if problem.code == "DBX104"} | {1}
    for number, line in enumerate(lines, start=1):
        if line.startswith(wanted) and line.rstrip() == wanted and number not in expected:
            hint = "remove the line"
            yield Problem("DBX106", "the header stands here again", line=number, hint=hint)


def _in_its_cell(problem: Problem, starts: Sequence[int]) -> Problem:
    """The problem with the number of the last cell that begins at or above it."""
    number = bisect_right(starts, problem.line - 1)
    return replace(problem, cell=number or None)


def _unprefixed_lines(
    lines: Sequence[str], regions: Sequence[Region], cells: Sequence[Cell]
) -> Iterator[Problem]:
    """The first plain line after MAGIC lines of each cell that has one."""
    for region, cell in zip(regions, cells, strict=True):
        if 0 not in cell.margins or region.start == region.end:
            continue
        prefixed = False
        for offset, margin in enumerate(cell.margins):
            prefixed = prefixed or margin > 0
            line = lines[region.start + offset]
            if prefixed and not margin and line.strip():
                yield Problem(
                    "DBX131",
                    "a line without the MAGIC prefix follows lines that have it",
                    line=region.start + offset + 1,
                    cell=cell.number,
                    hint="prefix it too, or begin a new cell",
                )
                break
