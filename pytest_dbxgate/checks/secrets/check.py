"""The ``secrets`` item: secrets in plain text, and secrets that the code shows.

A finding names the kind of a secret, its place and its first two characters, never the secret.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import PurePosixPath

from pytest_dbxgate.checks.finding import Finding, in_cell
from pytest_dbxgate.checks.rules import at_cell, at_file, default_severity
from pytest_dbxgate.checks.secrets import printed, stored
from pytest_dbxgate.checks.secrets.hints import HINTS
from pytest_dbxgate.codes import RULES, Check
from pytest_dbxgate.notebook.model import Cell, Format, Language, Notebook
from pytest_dbxgate.secrets.detect import find
from pytest_dbxgate.secrets.model import Secret, named
from pytest_dbxgate.secrets.redact import masked, redact
from pytest_dbxgate.settings import Settings

_PROSE = frozenset({Language.MARKDOWN, Language.SHELL, Language.FS, Language.OTHER, Language.RUN})
"""Languages in which a value may stand without quotes."""

_QUOTED_FILES = frozenset({".json", ".jsonc", ".py"})


def check(notebook: Notebook, settings: Settings) -> list[Finding]:
    """Every secret in the decoded text of ``notebook``, and every leak of one.

    An unreadable notebook is searched as the file it is.
    """
    if notebook.unreadable is not None:
        if notebook.format is Format.DBC:
            return []
        return check_file(notebook.path, notebook.data)
    found = [finding for cell in notebook.cells for finding in _in_source(notebook, cell)]
    for text in stored.texts(notebook):
        found += _in_stored(notebook, text)
    return found + printed.check(notebook)


def check_file(path: str, data: bytes) -> list[Finding]:
    """Every secret in a file that is no notebook, such as a job file; positions are the file's.

    ``path`` is relative to the root of the run, with ``/``.
    """
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    bare = PurePosixPath(path).suffix.lower() not in _QUOTED_FILES
    places = _Places(text)
    return [
        Finding(
            path=path,
            check=Check.SECRETS,
            code=secret.code,
            message=_message(secret, text),
            severity=default_severity(secret.code),
            hint=HINTS[secret.code],
            line=places.line(secret.start),
            column=places.column(secret.start),
            end_line=places.line(secret.end),
            end_column=places.column(secret.end),
        )
        for secret in find(text, bare=bare)
    ]


def _in_source(notebook: Notebook, cell: Cell) -> Iterator[Finding]:
    text = cell.source
    found = find(text, bare=cell.language in _PROSE)
    if found:
        places = _Places(text)
        for secret in found:
            yield in_cell(
                notebook,
                cell,
                RULES[secret.code].check,
                secret.code,
                _message(secret, text),
                line=places.line(secret.start),
                column=places.column(secret.start),
                end_line=places.line(secret.end),
                end_column=places.column(secret.end),
                severity=default_severity(secret.code),
                hint=HINTS[secret.code],
            )


def _in_stored(notebook: Notebook, held: stored.Stored) -> Iterator[Finding]:
    """One finding for each secret, however often the text repeats it."""
    seen: set[str] = set()
    for secret in find(held.text, bare=True):
        value = held.text[secret.start : secret.end]
        if value in seen:
            continue
        seen.add(value)
        message = f"{_message(secret, held.text)} {redact(held.where)}"
        if held.cell is None:
            yield at_file(notebook, secret.code, message, hint=HINTS[secret.code])
        else:
            yield at_cell(notebook, held.cell, secret.code, message, hint=HINTS[secret.code])


def _message(secret: Secret, text: str) -> str:
    shown = masked(text[secret.start : secret.end].partition("\n")[0])
    return f"{named(secret.kind)} (`{shown}`)"


class _Places:
    """1-based lines and columns of offsets."""

    def __init__(self, text: str) -> None:
        self._starts = [0]
        self._starts += [at + 1 for at, character in enumerate(text) if character == "\n"]

    def line(self, offset: int) -> int:
        return bisect_right(self._starts, offset)

    def column(self, offset: int) -> int:
        return offset - self._starts[self.line(offset) - 1] + 1
