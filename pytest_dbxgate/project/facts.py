"""What one notebook says about others: values that are found once and kept with its digest.

Everything here is a tuple of plain values, so that it can be kept as JSON. Positions count in
``Cell.source`` and are 1-based; ends are exclusive, 0 where nobody knows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple

from pytest_dbxgate.notebook.model import NotebookKey


class Spot(NamedTuple):
    """A place in a cell. In a file that has no cells (a job file) ``cell`` is 0 and the line and
    column are those of the file."""

    cell: int
    line: int
    column: int
    end_line: int = 0
    end_column: int = 0


class Argument(NamedTuple):
    """One parameter that is passed."""

    name: str
    value: str | None
    """None where it is not known before the run."""
    spot: Spot
    is_string: bool = True
    """False where the value is known to be no string."""


class RunProblem(str, Enum):
    """What is wrong with the text of a ``%run``."""

    NO_PATH = "no path"
    UNCLOSED_QUOTE = "unclosed quote"
    NOT_ALONE = "not alone"


class Run(NamedTuple):
    """A ``%run``."""

    target: str
    """As written, without quotes; empty where there is none."""
    spot: Spot
    """Of the target, or of the magic where there is none."""
    parameters: tuple[Argument, ...] = ()
    problem: RunProblem | None = None


class NotebookRun(NamedTuple):
    """A call of ``dbutils.notebook.run``."""

    target: str | None
    """None where it is not a literal."""
    spot: Spot
    arguments: tuple[Argument, ...] | None = ()
    """None where they are not known before the run."""


class Name(NamedTuple):
    """A name that is taken from a module."""

    name: str
    spot: Spot


class Import(NamedTuple):
    """``import module`` (``names`` empty) or ``from module import names``."""

    module: str
    """Dotted; empty for ``from . import x``."""
    spot: Spot
    level: int = 0
    """The number of leading dots."""
    names: tuple[Name, ...] = ()
    star: bool = False
    uses: tuple[Name, ...] = ()
    """Of ``import module``: what is read of it as ``module.name``. Of ``from module import name``:
    what is read of the name, if that may be a module, as ``name.attribute``."""
    guarded: bool = False
    """Whether it stands in a ``try`` that catches its failure."""


class Widget(NamedTuple):
    """A widget that is declared."""

    name: str
    kind: str
    """``text``, ``dropdown``, ``combobox`` or ``multiselect``."""
    spot: Spot
    default: str | None = None
    """None where it is not known."""
    choices: tuple[str, ...] | None = None
    """None where they are not known, or the kind has none."""
    default_is_string: bool = True


class WidgetRead(NamedTuple):
    """A widget that is read."""

    name: str
    spot: Spot
    form: str
    """How: ``get``, ``getArgument``, ``:x``, ``${x}`` or ``$x``."""


class NotebookFacts(NamedTuple):
    """Everything that is known of a notebook without looking at another."""

    key: NotebookKey
    digest: str
    """SHA-256 of its bytes in hex."""
    runs: tuple[Run, ...] = ()
    notebook_runs: tuple[NotebookRun, ...] = ()
    imports: tuple[Import, ...] = ()
    search_paths: tuple[str, ...] = ()
    """Literals given to ``sys.path.append`` and ``sys.path.insert``."""
    widgets: tuple[Widget, ...] = ()
    reads: tuple[WidgetRead, ...] = ()
    reads_any: bool = False
    """Whether it may read a widget of any name (``getAll``, a name that is no literal)."""
    declares_any: bool = False
    """Whether it may declare a widget of any name."""
    languages: tuple[str, ...] = ()
    """The languages of its cells that are code."""
    holds_secret: bool = False
    """Whether a secret stands in these values. Such facts are not kept from run to run."""


def as_json(facts: NotebookFacts) -> list[Any]:
    """``facts`` without its key, ready for JSON. Not for facts that hold a secret."""
    return list(facts[1:-1])


def from_json(key: NotebookKey, row: Sequence[Any]) -> NotebookFacts:
    """The facts that :func:`as_json` was given. Raises TypeError, ValueError or IndexError."""
    digest, runs, notebook_runs, imports, paths, widgets, reads, reads_any, declares_any, langs = (
        row
    )
    return NotebookFacts(
        key,
        str(digest),
        tuple(map(_run, runs)),
        tuple(map(_notebook_run, notebook_runs)),
        tuple(map(_import, imports)),
        tuple(map(str, paths)),
        tuple(map(_widget, widgets)),
        tuple(WidgetRead(name, Spot(*spot), form) for name, spot, form in reads),
        bool(reads_any),
        bool(declares_any),
        tuple(map(str, langs)),
    )


def _argument(row: Sequence[Any]) -> Argument:
    name, value, spot, is_string = row
    return Argument(name, value, Spot(*spot), is_string)


def _run(row: Sequence[Any]) -> Run:
    target, spot, parameters, problem = row
    known = None if problem is None else RunProblem(problem)
    return Run(target, Spot(*spot), tuple(map(_argument, parameters)), known)


def _notebook_run(row: Sequence[Any]) -> NotebookRun:
    target, spot, arguments = row
    known = None if arguments is None else tuple(map(_argument, arguments))
    return NotebookRun(target, Spot(*spot), known)


def _names(rows: Sequence[Any]) -> tuple[Name, ...]:
    return tuple(Name(name, Spot(*spot)) for name, spot in rows)


def _import(row: Sequence[Any]) -> Import:
    module, spot, level, names, star, uses, guarded = row
    return Import(module, Spot(*spot), level, _names(names), star, _names(uses), guarded)


def _widget(row: Sequence[Any]) -> Widget:
    name, kind, spot, default, choices, is_string = row
    known = None if choices is None else tuple(choices)
    return Widget(name, kind, Spot(*spot), default, known, is_string)
