"""The header of the source format, and what is almost one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from pytest_dbxgate.notebook.magics import comment_prefix, inside_string
from pytest_dbxgate.notebook.model import Language, Problem

BOM = "\ufeff"
_TEXT = "Databricks notebook source"
_DELIMITER = "COMMAND ----------"
_LAST_LATE_LINE = 20
"""Below this line a header is taken for a comment, unless delimiters show what the file is."""

_NEAR = re.compile(r"\s*(#+|--|//)\s*databricks\s*notebook\s*source(?P<rest>\s.*)?$", re.IGNORECASE)
_EXPORT = re.compile(r"\s*exported\s+at\b", re.IGNORECASE)


class Header(NamedTuple):
    """Where a file's cells begin, and what is wrong with its header."""

    body: int
    """How many lines stand ahead of the first cell: 1, or 0 where line 1 is no header."""
    problems: tuple[Problem, ...] = ()


def header_of(language: Language) -> str:
    """The one right first line of a source notebook."""
    return f"{comment_prefix(language)} {_TEXT}"


def delimiter_of(language: Language) -> str:
    """The line that separates two cells."""
    return f"{comment_prefix(language)} {_DELIMITER}"


def find_header(lines: Sequence[str], language: Language) -> Header | None:
    """Read the header from a file's first lines, without line ends; None if it is no notebook."""
    first = lines[0] if lines else ""
    problems: tuple[Problem, ...] = ()
    if first.startswith(BOM):
        first = first.removeprefix(BOM)
        problems = (
            Problem(
                "DBX102",
                "the file begins with a byte-order mark, so its first line is not the header",
                hint='save it as UTF-8 without "BOM"',
            ),
        )
    wanted = header_of(language)
    if first == wanted:
        return Header(1, problems)
    near = _near_miss(first, language)
    if near is not None:
        return Header(1, (*problems, near))
    other = _late_or_missing(lines, language)
    return None if other is None else Header(0, (*problems, other))


def _near_miss(first: str, language: Language) -> Problem | None:
    match = _NEAR.match(first)
    if match is None:
        return None
    wanted = header_of(language)
    hint = f'make line 1 exactly "{wanted}"'
    rest = match["rest"] or ""
    if match[1] != comment_prefix(language):
        return Problem(
            "DBX103",
            f'line 1 begins with "{match[1]}": that is not the header of a {language.value} file',
            hint=hint + ", or give the file the ending of its language",
            fatal=not match[1].startswith(comment_prefix(language)),
        )
    if not first.lstrip().startswith(wanted):
        what = "line 1 is spelt differently from the header"
    elif first[0].isspace():
        what = "a blank stands ahead of the header"
    elif not rest.strip():
        what = "a blank follows the header"
    elif _EXPORT.match(rest):
        what = 'the header is one of an old export ("exported at ...")'
    else:
        what = "text follows the header on its line"
    return Problem("DBX103", f"{what}, so Databricks takes the file for a plain file", hint=hint)


def _late_or_missing(lines: Sequence[str], language: Language) -> Problem | None:
    wanted = header_of(language)
    delimiter = _first_delimiter(lines, language)
    for index, line in enumerate(lines[:_LAST_LATE_LINE]):
        if index and line.rstrip() == wanted and not _in_string(lines[:index], language):
            if delimiter is None and any(map(_is_import, lines[:index])):
                return None
            return Problem(
                "DBX104",
                f"the header stands on line {index + 1}; on line 1 alone it makes a notebook",
                line=index + 1,
                hint=f'move "{wanted}" to line 1',
            )
    if delimiter is None:
        return None
    return Problem(
        "DBX105",
        f"the file has cell delimiters (first on line {delimiter}) but no header",
        line=delimiter,
        hint=f'put "{wanted}" on line 1, or remove the delimiters from a plain file',
    )


def _first_delimiter(lines: Sequence[str], language: Language) -> int | None:
    delimiter = delimiter_of(language)
    for index, line in enumerate(lines):
        if line.startswith(delimiter) and line.rstrip() == delimiter:
            return None if _in_string(lines[:index], language) else index + 1
    return None


def _in_string(lines: Sequence[str], language: Language) -> bool:
    return language in (Language.PYTHON, Language.SCALA) and inside_string(lines)


def _is_import(line: str) -> bool:
    return line.startswith(("import ", "from "))
