"""The SQL checks: syntax by two parsers, lint and layout by sqlfluff."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pytest_dbxgate.checks.finding import Finding, in_code
from pytest_dbxgate.checks.sql import pool as sql_pool
from pytest_dbxgate.checks.sql.config import Folders
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.errors import ToolError
from pytest_dbxgate.languages.sql import lexing, literals
from pytest_dbxgate.notebook.model import Cell, Language, Notebook, NotebookKey
from pytest_dbxgate.settings import SettingsOf


class BrokenConfigurationError(ToolError):
    """sqlfluff refuses a project's configuration. ``findings`` is what could be found all the
    same: everything elsewhere, and the syntax of the notebooks under that configuration."""

    def __init__(self, message: str, findings: Sequence[Finding], *, next_step: str) -> None:
        super().__init__("sqlfluff", message, next_step=next_step)
        self.findings = list(findings)


class _Task(NamedTuple):
    """What is asked once, however many cells hold it."""

    name: str
    text: str
    folder: str


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of SQL in a cell; ``line`` and ``column`` are where it begins in the code."""

    notebook: Notebook
    cell: Cell
    text: str
    line: int
    column: int
    string: literals.SqlString | None = None

    def place(self, line: int, column: int) -> tuple[int, int]:
        """Map a 1-based position of the text to one of the cell's code."""
        column += self.column - 1 if line == 1 else 0
        line += self.line - 1
        return self.string.place(line, column) if self.string else (line, column)


def check(
    notebooks: Sequence[Notebook],
    settings: SettingsOf,
    *,
    root: Path,
    checks: frozenset[Check],
    workers: int | None = None,
) -> list[Finding]:
    """Check the SQL of ``notebooks``; each distinct cell once.

    Raises :class:`ToolError` where sqlfluff cannot be run, and its
    :class:`BrokenConfigurationError`, which carries the findings, where it refuses a project's
    configuration.
    """
    lint = bool(checks & {Check.LINT, Check.FORMAT})
    kinds = {True: "parse", False: "lint" if lint else "parse"}
    with sql_pool.Pool(root=root, workers=sql_pool.size(_most(notebooks, checks), workers)) as pool:
        asked = _asked(notebooks, root, kinds, strings=Check.SYNTAX in checks)
        answers = _answers(asked, settings, pool)
    found: list[Finding] = []
    for piece, task in asked:
        strict = settings(piece.notebook.key).strict_sql
        found += _findings(piece, answers[task], checks, strict=strict)
    _raise_if_broken(answers.values(), found)
    return found


def layout(
    notebooks: Sequence[Notebook],
    settings: SettingsOf,
    *,
    root: Path,
    workers: int | None = None,
) -> Mapping[NotebookKey, Mapping[int, str]]:
    """New sources of the SQL cells (by number) that the configured layout rules change.

    Blanks and line ends change and nothing else. Raises :class:`ToolError` as :func:`check`.
    """
    count = sql_pool.size(_most(notebooks, frozenset()), workers)
    with sql_pool.Pool(root=root, workers=count) as pool:
        asked = _asked(notebooks, root, {False: "layout"}, strings=False)
        answers = _answers(asked, settings, pool)
    _raise_if_broken(answers.values(), [])
    changed: dict[NotebookKey, dict[int, str]] = {}
    for piece, task in asked:
        answer = answers[task]
        laid_out = None if isinstance(answer, sql_pool.Failure) else answer["laid_out"]
        if laid_out is not None and not _opens_cells(piece.text, laid_out):
            source = _replaced(piece, laid_out)
            changed.setdefault(piece.notebook.key, {})[piece.cell.number] = source
    return changed


def _most(notebooks: Sequence[Notebook], checks: frozenset[Check]) -> int:
    """At least as many cells as there is SQL to look at."""
    languages = {Language.SQL, Language.PYTHON} if Check.SYNTAX in checks else {Language.SQL}
    return sum(
        cell.language is Language.SQL or literals.may_be_in(cell.code)
        for notebook in notebooks
        for cell in notebook.cells
        if cell.language in languages
    )


def _asked(
    notebooks: Sequence[Notebook], root: Path, names: Mapping[bool, str], *, strings: bool
) -> list[tuple[_Piece, _Task]]:
    """What to ask about each piece; ``names`` has the task of cells (False) and strings (True)."""
    folders = Folders(root)
    return [
        (
            piece,
            _Task(
                names[piece.string is not None],
                piece.text,
                folders.deciding(piece.notebook.path),
            ),
        )
        for piece in _pieces(notebooks, strings=strings)
    ]


def _pieces(notebooks: Sequence[Notebook], *, strings: bool) -> Iterator[_Piece]:
    for notebook in notebooks:
        for cell in notebook.cells:
            if cell.language is Language.SQL:
                yield from _stripped(notebook, cell, cell.code, None)
            elif strings and cell.language is Language.PYTHON:
                for string in literals.find(cell.code):
                    yield from _stripped(notebook, cell, string.text, string)


def _stripped(
    notebook: Notebook, cell: Cell, code: str, string: literals.SqlString | None
) -> Iterator[_Piece]:
    text = code.strip()
    if text:
        line, column = lexing.place(code, code.index(text))
        yield _Piece(notebook, cell, text, line, column, string)


def _answers(
    asked: Sequence[tuple[_Piece, _Task]], settings: SettingsOf, pool: sql_pool.Pool
) -> dict[_Task, Any]:
    timeouts: dict[_Task, int] = {}
    for piece, task in asked:
        seconds = settings(piece.notebook.key).sql_timeout
        timeouts[task] = max(seconds, timeouts.get(task, 1))
    jobs = [
        sql_pool.Job({"task": task.name, "text": task.text, "folder": task.folder}, seconds)
        for task, seconds in timeouts.items()
    ]
    return dict(zip(timeouts, pool.run(jobs), strict=True))


def _findings(
    piece: _Piece, answer: Any, checks: frozenset[Check], *, strict: bool
) -> Iterator[Finding]:
    if isinstance(answer, sql_pool.Failure):
        if Check.SYNTAX in checks:
            yield _unchecked(piece, 1, 1, answer.reason)
        return
    if Check.SYNTAX in checks:
        for both, line, column, near in answer["rejected"]:
            yield _rejected(piece, line, column, near, both=both, strict=strict)
        for line, column, reason in answer["unchecked"]:
            yield _unchecked(piece, line, column, reason)
    for code, message, line, column, end_line, end_column, is_layout, warning in answer["remarks"]:
        kind = Check.FORMAT if is_layout else Check.LINT
        if kind not in checks:
            continue
        start, end = piece.place(line, column), piece.place(end_line, end_column)
        yield in_code(
            piece.notebook,
            piece.cell,
            kind,
            code,
            message,
            line=start[0],
            column=start[1],
            end_line=end[0],
            end_column=end[1],
            severity=Severity.WARNING if warning else Severity.ERROR,
        )


def _rejected(
    piece: _Piece, line: int, column: int, near: str, *, both: bool, strict: bool
) -> Finding:
    at = f" at `{near}`" if near else ""
    line, column = piece.place(line, column)
    if both:
        code, message, hint = "DBX501", f"SQL syntax error{at}", ""
    else:
        code = "DBX501" if strict else "DBX502"
        message = f"sqlfluff cannot read this SQL{at}; sqlglot does not object"
        hint = "mend it, or silence the line with -- noqa: PRS if Databricks runs it"
    return in_code(
        piece.notebook,
        piece.cell,
        Check.SYNTAX,
        code,
        message,
        line=line,
        column=column,
        severity=Severity.ERROR if code == "DBX501" else Severity.WARNING,
        hint=hint,
    )


def _unchecked(piece: _Piece, line: int, column: int, reason: str) -> Finding:
    line, column = piece.place(line, column)
    return in_code(
        piece.notebook,
        piece.cell,
        Check.SYNTAX,
        "DBX171",
        f"the SQL could not be checked: {reason}",
        line=line,
        column=column,
        severity=Severity.WARNING,
        hint="split the statement into smaller ones",
    )


def _raise_if_broken(answers: Iterable[Any], found: Sequence[Finding]) -> None:
    broken: dict[str, str] = {}
    for answer in answers:
        if not isinstance(answer, sql_pool.Failure) and "broken" in answer:
            broken.setdefault(*answer["broken"])
    if broken:
        files = "; ".join(f"{file}: {reason}" for file, reason in sorted(broken.items()))
        raise BrokenConfigurationError(
            f"cannot read its configuration: {files}", found, next_step="mend the file, run again"
        )


def _replaced(piece: _Piece, text: str) -> str:
    """The cell's source with new SQL; the blanks around the old one stay."""
    source, code = piece.cell.source, piece.cell.code
    start = len(source) - len(code) + code.index(piece.text)
    return source[:start] + text + source[start + len(piece.text) :]


def _opens_cells(before: str, after: str) -> bool:
    """Whether a line could now be taken for a delimiter, a magic or a title."""
    return _marks(after) != _marks(before)


def _marks(text: str) -> list[str]:
    marks = ("-- COMMAND ---", "-- MAGIC", "-- DBTITLE", "%")
    return [line for line in text.split("\n") if line.startswith(marks)]
