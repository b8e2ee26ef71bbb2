"""What a check says about a notebook. Small immutable values that know nothing of output."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.notebook.model import Cell, Notebook, NotebookKey


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. A check fills in where it stands in the cell; the engine adds the place in
    the file (``line`` ... ``excerpt``). Lines and columns are 1-based, ends are exclusive."""

    path: str
    check: Check
    code: str
    message: str
    severity: Severity = Severity.ERROR
    hint: str = ""
    member: str | None = None
    language: str | None = None
    cell: int | None = None
    cell_title: str | None = None
    cell_line: int | None = None
    cell_column: int | None = None
    cell_end_line: int | None = None
    cell_end_column: int | None = None
    line: int = 1
    column: int = 1
    end_line: int | None = None
    end_column: int | None = None
    excerpt: tuple[str, ...] = ()
    """The line of the finding, and the one above it first where there is one."""

    @property
    def key(self) -> NotebookKey:
        return NotebookKey(self.path, self.member)

    @property
    def order(self) -> tuple[str, str, int, int, int, int, str, str]:
        """Findings sorted by it stand as a reader meets them, whatever the order of the run."""
        return (
            self.path,
            self.member or "",
            self.line,
            self.column,
            self.cell or 0,
            self.cell_line or 0,
            self.code,
            self.message,
        )


def in_cell(
    notebook: Notebook,
    cell: Cell,
    check: Check,
    code: str,
    message: str,
    *,
    line: int = 1,
    column: int = 1,
    end_line: int | None = None,
    end_column: int | None = None,
    severity: Severity = Severity.ERROR,
    hint: str = "",
) -> Finding:
    """A finding at a 1-based position of ``cell.source``."""
    return Finding(
        path=notebook.path,
        member=notebook.member,
        check=check,
        code=code,
        message=message,
        severity=severity,
        hint=hint,
        language=cell.language.value,
        cell=cell.number,
        cell_title=cell.title,
        cell_line=line,
        cell_column=column,
        cell_end_line=end_line,
        cell_end_column=end_column,
    )


def in_code(
    notebook: Notebook,
    cell: Cell,
    check: Check,
    code: str,
    message: str,
    *,
    line: int = 1,
    column: int = 1,
    end_line: int | None = None,
    end_column: int | None = None,
    severity: Severity = Severity.ERROR,
    hint: str = "",
) -> Finding:
    """A finding at a 1-based position of ``cell.code``."""
    start = cell.code_place(line, column)
    end: tuple[int | None, int | None] = (None, None)
    if end_line is not None and end_column is not None:
        end = cell.code_place(end_line, end_column)
    return in_cell(
        notebook,
        cell,
        check,
        code,
        message,
        line=start[0],
        column=start[1],
        end_line=end[0],
        end_column=end[1],
        severity=severity,
        hint=hint,
    )


def in_file(
    notebook: Notebook,
    check: Check,
    code: str,
    message: str,
    *,
    line: int = 1,
    column: int = 1,
    severity: Severity = Severity.ERROR,
    hint: str = "",
) -> Finding:
    """A finding about the file as a whole, at a 1-based position of it."""
    return Finding(
        path=notebook.path,
        member=notebook.member,
        check=check,
        code=code,
        message=message,
        severity=severity,
        hint=hint,
        language=notebook.language.value,
        line=line,
        column=column,
    )
