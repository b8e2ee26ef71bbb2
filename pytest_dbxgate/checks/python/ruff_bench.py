"""ruff at work on notebooks: one mirror tree, one process for each of its commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_dbxgate.checks.python import default_rules, ruff, ruff_mirror
from pytest_dbxgate.checks.python.default_rules import GLOBALS
from pytest_dbxgate.checks.python.ruff_mirror import Mirror
from pytest_dbxgate.codes import INVALID_SYNTAX
from pytest_dbxgate.errors import ToolError
from pytest_dbxgate.languages.python.cells import Prepared, magic_lines, names_in, prepare
from pytest_dbxgate.notebook.model import Cell, Format, Language, Notebook, NotebookKey
from pytest_dbxgate.settings import SettingsOf

Broken = frozenset[tuple[NotebookKey, int]]

_FILE_RULES = re.compile(r"INP001|N999|A005|EXE\d+")
"""Rules about a module's name or mode on disk, which a notebook does not have."""

NOT_IN_NOTEBOOKS = frozenset(
    ("B015", "B018", "D100", "E402", "E703", "F704", "F821", "INP001", "N999", "PLE1142", "W292")
)
"""What ruff finds in a module though not in the same place of a notebook, and what is decided
between notebooks: a ``noqa`` for one of these is not an unused one."""

_UNDEFINED = re.compile(r"(?:Undefined name )?`([^`]+)`")
_QUOTED = re.compile(r"`([A-Z]+[0-9]+)`")


class Page:
    """A notebook and what ruff reads of its cells."""

    def __init__(self, notebook: Notebook, cells: dict[int, Prepared], known: frozenset[str]):
        self.notebook = notebook
        self.cells = cells
        """By cell number; cells that are no Python or broken are missing."""
        self._known = known
        self._hidden: frozenset[str] | None = None

    def texts(self) -> list[str]:
        """What ruff reads: as many cells as the notebook has."""
        return [
            self.cells[cell.number].text if cell.number in self.cells else ""
            for cell in self.notebook.cells
        ]

    def defines(self, name: str) -> bool:
        """Whether Databricks, the project, or a cell or magic that ruff does not read may bring
        ``name`` about."""
        if name in self._known:
            return True
        if self._hidden is None:
            unread = [
                cell.code
                for cell in self.notebook.cells
                if cell.language is Language.PYTHON and cell.number not in self.cells
            ]
            heads = [self._ahead(number) + item.head for number, item in self.cells.items()]
            magics = [line for item in self.cells.values() for line in magic_lines(item.text)]
            self._hidden = names_in([*unread, *heads, *magics])
        return name in self._hidden

    def source(self, number: int, text: str) -> str:
        """``Cell.source`` once ``text`` has taken the place of what ruff read."""
        return self._ahead(number) + self.cells[number].restore(text)

    def _ahead(self, number: int) -> str:
        """What stands in a cell ahead of its code."""
        cell = self.notebook.cell(number)
        return cell.source[: len(cell.source) - len(cell.code)]

    def edit(self, number: int, text: str) -> bool:
        """Give a cell a new text; False, and nothing done, where it does not fit the cell."""
        cell, old = self.notebook.cell(number), self.cells[number]
        if not may_replace(old, text):
            return False
        edited = replace(cell, source=self.source(number, text), code=old.restore(text))
        prepared = prepare(edited)
        if prepared is None:
            return False
        self.put(edited, prepared)
        return True

    def put(self, cell: Cell, prepared: Prepared) -> None:
        cells = self.notebook.cells
        cells = (*cells[: cell.number - 1], cell, *cells[cell.number :])
        self.notebook = replace(self.notebook, cells=cells)
        self.cells[cell.number] = prepared

    @property
    def is_writable(self) -> bool:
        """Nothing writes the members of an archive."""
        return self.notebook.format is not Format.DBC


def may_replace(prepared: Prepared, text: str) -> bool:
    """Whether ``text`` differs and keeps every magic line, in the same order."""
    return (
        prepared.reversible
        and text != prepared.text
        and magic_lines(text) == magic_lines(prepared.text)
    )


@dataclass(slots=True)
class Bench:
    """ruff, the mirror and the pages in it."""

    mirror: Mirror
    tool: ruff.Ruff
    pages: dict[NotebookKey, Page]

    def page(self, file: str) -> Page:
        return self.pages[self.mirror.keys[file]]

    def check(
        self, keys: Sequence[NotebookKey], aborted: Callable[[Page], None]
    ) -> Iterator[ruff.Diagnostic]:
        """Everything ruff finds in the notebooks, in its order."""
        return self.tool.check(
            self._files(keys),
            *self.options,
            folder=self.mirror.folder,
            aborted=lambda file: aborted(self.page(file)),
        )

    def format(
        self, keys: Sequence[NotebookKey], aborted: Callable[[Page], None]
    ) -> dict[NotebookKey, dict[int, str]]:
        """The whole new ``Cell.source`` of each cell that the formatter changes."""
        changes: dict[NotebookKey, dict[int, str]] = {}
        found = self.tool.format(
            self._files(keys),
            *self.options,
            folder=self.mirror.folder,
            aborted=lambda file: aborted(self.page(file)),
        )
        for diff in found:
            page = self.page(diff.file)
            prepared = page.cells.get(diff.cell)
            if prepared is None:
                continue
            try:
                text = diff.apply(prepared.text)
            except ValueError as error:
                message = f"ruff format: {page.notebook.key}: {error}"
                raise ToolError("ruff", message, next_step="run it again") from None
            if may_replace(prepared, text):
                source = page.source(diff.cell, text)
                if source != page.notebook.cell(diff.cell).source:
                    changes.setdefault(page.notebook.key, {})[diff.cell] = source
        return changes

    def reported(self, found: Iterator[ruff.Diagnostic]) -> Iterator[ruff.Diagnostic]:
        """Those of ``found`` that are meant for a notebook."""
        known: set[tuple[str, int]] = set()
        for item in found:
            if item.code == INVALID_SYNTAX:
                # Cells that do not parse are not here. What is left is syntax that the user's
                # own target-version does not know: told once for each cell, as ruff would.
                place = (item.file, item.cell)
                if self.mirror.keys[item.file] not in self.mirror.configured or place in known:
                    continue
                known.add(place)
            if self.is_meant(item):
                yield item

    def is_meant(self, item: ruff.Diagnostic) -> bool:
        """Whether a finding holds for a notebook on Databricks as it does for a module."""
        if _FILE_RULES.fullmatch(item.code):
            return False
        if item.code == "RUF100":
            codes = unused_codes(item)
            return not codes or not codes <= NOT_IN_NOTEBOOKS
        if item.code in ("F821", "F405"):
            match = _UNDEFINED.match(item.message)
            return match is None or not self.page(item.file).defines(match[1])
        return True

    @property
    def options(self) -> tuple[str, ...]:
        extensions = self.mirror.extensions
        return ("--force-exclude", *(("--extension", extensions) if extensions else ()))

    def _files(self, keys: Sequence[NotebookKey]) -> list[str]:
        return [self.mirror.files[key] for key in keys]


def unused_codes(item: ruff.Diagnostic) -> frozenset[str]:
    """The codes that a finding of RUF100 calls unused."""
    return frozenset(_QUOTED.findall(item.message))


@contextmanager
def opened(
    notebooks: Sequence[Notebook],
    settings: SettingsOf,
    *,
    root: Path,
    sources: Sequence[str],
    broken: Broken,
) -> Iterator[Bench | None]:
    """A bench with every notebook that has Python cells; None where none has.

    Errors of ruff name the user's own files instead of the mirror's.
    """
    pages = _pages(notebooks, settings, broken)
    if not pages:
        yield None
        return
    with ruff.scratch_folder() as scratch:
        mirror = _mirror(scratch / "mirror", pages, root=root, sources=sources)
        try:
            yield Bench(mirror, ruff.Ruff(ruff.find(), scratch), pages)
        except ToolError as error:
            raise _explained(error, mirror) from None


@dataclass(frozen=True, slots=True)
class Table:
    """ruff, and synthetic notebooks that nobody will fix or format."""

    mirror: Mirror
    tool: ruff.Ruff

    def check(
        self, *options: str, aborted: Callable[[NotebookKey], None]
    ) -> Iterator[tuple[NotebookKey, ruff.Diagnostic]]:
        """What ruff finds in all of them, those it is told to exclude included."""
        extensions = self.mirror.extensions
        found = self.tool.check(
            list(self.mirror.keys),
            *(("--extension", extensions) if extensions else ()),
            *options,
            folder=self.mirror.folder,
            aborted=lambda file: aborted(self.mirror.keys[file]),
        )
        return ((self.mirror.keys[item.file], item) for item in found)


@contextmanager
def laid(
    contents: Sequence[tuple[Notebook, bytes]], *, root: Path, sources: Sequence[str]
) -> Iterator[Table]:
    """A table with synthetic notebooks, each under the path and member of its notebook.

    Errors of ruff name the user's own files instead of the mirror's.
    """
    with ruff.scratch_folder() as scratch:
        folder = scratch / "mirror"
        folder.mkdir()
        mirror = ruff_mirror.build(
            folder,
            [notebook for notebook, _ in contents],
            root=root,
            sources=sources,
            default=default_rules.configuration(),
        )
        for notebook, data in contents:
            ruff_mirror.write(mirror.files[notebook.key], data)
        try:
            yield Table(mirror, ruff.Ruff(ruff.find(), scratch))
        except ToolError as error:
            raise _explained(error, mirror) from None


def _mirror(
    folder: Path, pages: Mapping[NotebookKey, Page], *, root: Path, sources: Sequence[str]
) -> Mirror:
    folder.mkdir()
    mirror = ruff_mirror.build(
        folder,
        [page.notebook for page in pages.values()],
        root=root,
        sources=sources,
        default=default_rules.configuration(),
    )
    for key, page in pages.items():
        mirror.put(key, page.texts())
    return mirror


def _pages(
    notebooks: Sequence[Notebook], settings: SettingsOf, broken: Broken
) -> dict[NotebookKey, Page]:
    pages: dict[NotebookKey, Page] = {}
    for notebook in notebooks:
        key = notebook.key
        cells = {
            cell.number: prepared
            for cell in notebook.cells
            if (key, cell.number) not in broken and (prepared := prepare(cell)) is not None
        }
        if cells:
            pages[key] = Page(notebook, cells, GLOBALS.union(settings(key).globals))
    return pages


def _explained(error: ToolError, mirror: Mirror) -> ToolError:
    """What ruff says about a configuration, in one line that names the user's own file."""
    if error.next_step:
        return error
    lines = [line.strip() for line in mirror.original(error.message).splitlines()]
    lines = [re.sub(r"^(?:ruff: )?(?:ruff failed|Cause: )", "", line).strip() for line in lines]
    told = [_shortened(line) for line in lines if line and not re.match(r"\d* ?\|", line)]
    message = "; ".join(told) or "it failed without a word"
    files = [str(file) for file in mirror.configurations]
    named = [file for file in files if file in message]
    if not named and files:
        named = files[:3]
        message = f"{message} (configured in {', '.join(named)})"
    where = named[0] if named else "ruff's configuration"
    return ToolError("ruff", message, next_step=f"mend {where} and run again")


def _shortened(line: str) -> str:
    """ruff lists every option it knows after one that it does not."""
    return line if len(line) <= 400 else f"{line[:200].rstrip()} ..."
