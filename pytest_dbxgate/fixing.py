"""Fixing notebooks: what would change, as values; and the writing of it, once and atomically."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_dbxgate.checks import engine
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.errors import RefusedEditError
from pytest_dbxgate.files import write_atomically
from pytest_dbxgate.notebook import formats, ipynb
from pytest_dbxgate.notebook.model import Format, Notebook
from pytest_dbxgate.session import Gate, Selection


@dataclass(frozen=True)
class Change:
    """The new bytes of one notebook file."""

    path: str
    before: Notebook
    after: Notebook

    @property
    def cells(self) -> dict[int, tuple[str, str]]:
        """The cells that differ: number -> source before and after."""
        pairs = zip(self.before.cells, self.after.cells, strict=True)
        return {old.number: (old.source, new.source) for old, new in pairs if old != new}


@dataclass(frozen=True)
class Fixes:
    """Changes, and a sentence for each notebook or tool that could not be fixed."""

    changes: tuple[Change, ...]
    refusals: tuple[str, ...]


def plan(gate: Gate, selection: Selection) -> Fixes:
    """Find every change that can be made without a doubt. Writes nothing."""
    notebooks = [
        item for item in gate.read(selection) if not item.unreadable and item.member is None
    ]
    checks = {item.key: _wanted(gate, item, selection[item.key]) for item in notebooks}
    errors: dict[str, str] = {}
    request = engine.Request(
        root=gate.root,
        notebooks=notebooks,
        checks=checks,
        settings=gate.projects.of_key,
        sources=gate.discovery.sources,
    )
    sources = engine.fixes(request, errors)
    changes: list[Change] = []
    refusals = list(errors.values())
    for notebook in notebooks:
        try:
            after = _fixed(notebook, sources.get(notebook.key, {}), checks[notebook.key])
        except RefusedEditError as error:
            refusals.append(f"{notebook.path}: not fixed: {error.message}")
            continue
        if after is not None:
            changes.append(Change(notebook.path, notebook, after))
    return Fixes(tuple(changes), tuple(refusals))


def apply(root: Path, changes: Sequence[Change]) -> list[str]:
    """Write the changes, each file at once or not at all.

    Returns a sentence for every file that was left alone: it changed meanwhile, or cannot be
    written.
    """
    refusals: list[str] = []
    for change in changes:
        file = root / change.path
        try:
            if file.is_symlink():
                refusals.append(f"{change.path}: not fixed: it is a symbolic link")
            elif file.read_bytes() != change.before.data:
                refusals.append(f"{change.path}: not fixed: it changed while it was checked")
            elif not file.stat().st_mode & stat.S_IWUSR:
                refusals.append(f"{change.path}: not fixed: it is read-only")
            else:
                write_atomically(file, change.after.data)
        except OSError as error:
            refusals.append(f"{change.path}: not fixed: {error.strerror or error}")
    return refusals


def _wanted(gate: Gate, notebook: Notebook, selected: frozenset[Check]) -> frozenset[Check]:
    """The selected checks whose fixes the project's settings do not switch off."""
    settings = gate.projects.of_key(notebook.key)

    def switched_off(code: str) -> bool:
        return settings.severity(code, notebook.path, Severity.ERROR) is None

    off = {
        Check.FORMAT: switched_off("DBX150"),
        Check.METADATA: switched_off("DBX201") and switched_off("DBX203"),
    }
    return frozenset(check for check in selected if not off.get(check, False))


def _fixed(
    notebook: Notebook, sources: Mapping[int, str], checks: frozenset[Check]
) -> Notebook | None:
    """The notebook after its fixes; None where nothing changes."""
    current = notebook
    if sources:
        current = _again(notebook, formats.rewrite(notebook, sources))
    if Check.METADATA in checks and notebook.format is Format.IPYNB:
        cleaned = ipynb.clean(current)
        if cleaned is not None:
            current = _again(notebook, cleaned)
    return None if current.data == notebook.data else current


def _again(notebook: Notebook, data: bytes) -> Notebook:
    return formats.parse(notebook.path, data)[0]
