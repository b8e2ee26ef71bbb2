"""Python cells as ruff must see them, and back.

IPython reads a cell more kindly than ruff does: it drops common indentation and prompts, it takes
``pip install x`` for a magic. ruff takes a cell that begins with such a word, or that holds ``%%``
at the start of a line, for something else and skips it without a word. :func:`prepare` levels
both, and remembers where every line came from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pytest_dbxgate.languages.python.tree import parse
from pytest_dbxgate.notebook.magics import PYTHON_BODIES
from pytest_dbxgate.notebook.model import Cell, Language

_PYTHON_BODIES = PYTHON_BODIES | {"python"}
"""Cell magics whose body is Python."""

_AUTOMAGICS = """
    alias alias_magic autoawait autocall automagic bookmark cd code_wrap colors conda config debug
    dhist dirs doctest_mode edit env gui history killbgscripts load load_ext loadpy logoff logon
    logstart logstate logstop lsmagic macro magic mamba matplotlib micromamba notebook page
    pastebin pdb pdef pdoc pfile pinfo pinfo2 pip popd pprint precision prun psearch psource pushd
    pwd pycat pylab quickref recall rehashx reload_ext rerun reset reset_selective run save sc
    set_env sx system tb time timeit unalias unload_ext who who_ls whos xdel xmode
"""
AUTOMAGIC_WORDS = frozenset(_AUTOMAGICS.split())
"""First words that make ruff skip a cell (``is_magic_cell`` in its notebook reader)."""

_ALIASES = "cat clear cp ldir less lf lk ll ls lx man mkdir more mv rm rmdir uv"
_COMMAND_WORDS = AUTOMAGIC_WORDS | frozenset(_ALIASES.split())
"""IPython's own magics and what it aliases to commands."""

_CELL_MAGIC = re.compile(r"[ \t]*%%([\w.-]*)[^\n]*(?:\n|\Z)")
_BLANK_LINES = re.compile(r"(?:[^\S\n]*\n)+")
_INDENT = re.compile(r"[ \t]+")
_PROMPT = re.compile(r"(?:>>>|\.\.\.)(?: |$)")
_FIRST_WORD = re.compile(r"\s*(\S+)")
_DOUBLE = re.compile(r"^([^\S\n]*)%%", re.MULTILINE)
_STRINGS = re.compile(
    r'"""(?:\\.|(?!""").)*(?:"""|\Z)'
    r"|'''(?:\\.|(?!''').)*(?:'''|\Z)"
    r'|"(?:\\.|[^"\\\n])*"?'
    r"|'(?:\\.|[^'\\\n])*'?"
    r"|\#[^\n]*",
    re.DOTALL,
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAGIC_LINE = re.compile(r"^([^\S\n]*)((?:%{1,2}[A-Za-z_]|!(?!=)|\?)[^\n]*)", re.MULTILINE)
_NAME = re.compile(r"[^\W\d]\w*")

_STAND_IN = "\ue0f0\ue0f1"
"""Stands for ``%%`` in a string: private characters of the same length and width."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A cell's Python as ruff reads it."""

    text: str
    head: str = ""
    """What stands ahead of ``text`` in ``Cell.code`` and is no business of ruff's."""
    rows: tuple[tuple[int, int], ...] = ()
    """For each line of ``text`` its line in ``Cell.code`` and how many characters of that line
    are not in ``text``; empty where ``text`` is ``Cell.code``."""
    guarded: bool = False
    """Whether ``text`` begins with a blank line that ``Cell.code`` does not have."""
    reversible: bool = True
    """Whether an edited ``text`` can be written back."""

    def position(self, line: int, column: int) -> tuple[int, int]:
        """Map a 1-based place in ``text`` to one in ``Cell.code``."""
        if not self.rows:
            return line, column
        row, removed = self.rows[min(max(line, 1), len(self.rows)) - 1]
        return row, column + removed

    def restore(self, text: str) -> str:
        """The cell's code once ``text`` has been edited."""
        if self.guarded:
            text = text.removeprefix("\n")
        return self.head + text.replace(_STAND_IN, "%%")


def prepare(cell: Cell) -> Prepared | None:
    """What ruff is to read of ``cell``; None where it holds no Python that ruff could read."""
    if cell.language is not Language.PYTHON or not cell.code.strip():
        return None
    code = cell.code
    if not _is_odd(cell, code):
        return Prepared(code)
    inline = cell.code_column > 1
    prepared = _prepare(code, inside=inline or cell.code_line > 1)
    # Code on the line of a magic is part of that line, which nothing may change.
    return replace(prepared, reversible=False) if prepared and inline else prepared


def _is_odd(cell: Cell, code: str) -> bool:
    return (
        code[0] in " \t\r\n"
        or cell.code_line > 1
        or cell.code_column > 1
        or "%%" in code
        or "\r" in code
        or ">>>" in code
        or _first_word(code) in _COMMAND_WORDS
        or not (code.isascii() or _is_encodable(code))
    )


def _is_encodable(code: str) -> bool:
    return not (_SURROGATE.search(code) or _STAND_IN[0] in code)


def _first_word(text: str) -> str:
    match = _FIRST_WORD.match(text)
    return match[1] if match else ""


def _prepare(code: str, *, inside: bool) -> Prepared | None:
    """``inside``: a magic stands ahead of ``code`` in its cell."""
    head = _head(code, inside=inside)
    if head is None:
        return None
    reversible = "\r" not in code and _is_encodable(code)
    body = _SURROGATE.sub("\ufffd", code[len(head) :])
    lines, rows = _split(body, head)
    reversible = _strip_prompts(lines, rows) and reversible
    _dedent(lines, rows)
    text = "\n".join(lines)
    if _is_automagic(text):
        return None
    plain = _hide_double_percent(text)
    if plain is None:
        return None
    # ruff looks for an automagic in the first line only; its formatter drops a blank one.
    guarded = _first_word(plain) in AUTOMAGIC_WORDS and not plain.startswith("\n")
    if guarded:
        plain = "\n" + plain
        rows.insert(0, rows[0])
    return Prepared(plain, head, tuple(rows), guarded=guarded, reversible=reversible)


def _head(code: str, *, inside: bool) -> str | None:
    """The cell magics that open ``code``, and the blank lines below them or below the magic
    ahead of it; None where a magic says that what follows is no Python."""
    end = 0
    while True:
        blank = _BLANK_LINES.match(code, end)
        start = blank.end() if blank else end
        magic = _CELL_MAGIC.match(code, start)
        if magic is None:
            return code[:start] if end or inside else ""
        if magic[1] not in _PYTHON_BODIES:
            return None
        end = magic.end()


def _split(body: str, head: str) -> tuple[list[str], list[tuple[int, int]]]:
    """The lines of ``body`` as Python counts them, with their places in the code."""
    number = head.count("\n") + 1
    removed = len(head) - (head.rfind("\n") + 1)
    lines: list[str] = []
    rows: list[tuple[int, int]] = []
    for line in body.split("\n"):
        # A lone carriage return ends a line for Python and ruff, though not for us.
        for part in line.removesuffix("\r").split("\r"):
            lines.append(part)
            rows.append((number, removed))
            removed += len(part) + 1
        number, removed = number + 1, 0
    return lines, rows


def _strip_prompts(lines: list[str], rows: list[tuple[int, int]]) -> bool:
    """Remove ``>>>`` where the code was pasted from a session; True where there was none."""
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if not lines[first].lstrip().startswith(">>>"):
        return True
    _dedent(lines, rows)
    for number, line in enumerate(lines):
        if match := _PROMPT.match(line):
            _cut(lines, rows, number, match.end())
    return False


def _dedent(lines: list[str], rows: list[tuple[int, int]]) -> None:
    """Drop the first line's indentation from every line that has it, as IPython does."""
    first = next((line for line in lines if line.strip()), "")
    match = _INDENT.match(first)
    if match is None:
        return
    for number, line in enumerate(lines):
        if line.startswith(match[0]):
            _cut(lines, rows, number, match.end())


def _cut(lines: list[str], rows: list[tuple[int, int]], number: int, length: int) -> None:
    lines[number] = lines[number][length:]
    row, removed = rows[number]
    rows[number] = (row, removed + length)


def _is_automagic(text: str) -> bool:
    """Whether IPython runs the cell as a magic without a percent sign.

    It does so with cells of a single line only; a comment above makes it a syntax error.
    """
    line = text.strip()
    if "\n" in line:
        return False
    word = _first_word(line)
    if word not in _COMMAND_WORDS:
        return False
    # On Databricks ``sc`` is the Spark context, which hides the magic of that name.
    return (line == word and word != "sc") or parse(line) is None


def _hide_double_percent(text: str) -> str | None:
    """Put a stand-in for each ``%%`` that begins a line of a string; None where one begins a
    line of code, which makes the cell another language's."""
    if "%%" not in text or not _DOUBLE.search(text):
        return text
    strings = [match.span() for match in _STRINGS.finditer(text)]
    for match in _DOUBLE.finditer(text):
        if not any(start < match.start() < end for start, end in strings):
            return None
    return _DOUBLE.sub(lambda match: match[1] + _STAND_IN, text)


def magic_lines(text: str) -> list[str]:
    """The lines of ``text`` that look like magics, without the blanks around them."""
    if "%" not in text and "!" not in text and "?" not in text:
        return []
    return [match[2].rstrip() for match in _MAGIC_LINE.finditer(text)]


def without_magics(text: str) -> str:
    """``text`` with every line that looks like a magic made a ``pass``; lines stay in place."""
    return _MAGIC_LINE.sub(r"\1pass", text)


def names_in(texts: Iterable[str]) -> frozenset[str]:
    """Every identifier that ``texts`` mention."""
    return frozenset(name for text in texts for name in _NAME.findall(text))


_CELL = '{"cell_type":"code","execution_count":null,"metadata":{},"outputs":[],"source":'


def synthetic(texts: Iterable[str]) -> bytes:
    """A notebook of Python cells, as ruff reads it."""
    cells = "},".join([_CELL + json.dumps(text) for text in texts])
    end = "}" if cells else ""
    return f'{{"cells":[{cells}{end}],"metadata":{{}},"nbformat":4,"nbformat_minor":4}}'.encode()
