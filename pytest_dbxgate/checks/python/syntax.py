"""Does every Python cell compile? One synthetic notebook per distinct cell, one ruff process.

ruff's parser decides, isolated from the user's configuration and from ``noqa``, together with
the rules that are errors of Python's compiler.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_dbxgate.checks.finding import Finding, in_code
from pytest_dbxgate.checks.python import ruff
from pytest_dbxgate.checks.python.ruff_mirror import write
from pytest_dbxgate.codes import INVALID_SYNTAX, Check, Severity
from pytest_dbxgate.languages.python.cells import Prepared, prepare, synthetic
from pytest_dbxgate.notebook.model import Cell, Notebook
from pytest_dbxgate.settings import RUNTIMES, SettingsOf

COMPILE_ERRORS = (
    "F404",
    "F406",
    "F407",
    "F622",
    "F701",
    "F702",
    "F704",
    "F706",
    "F707",
    "PLE0115",
    "PLE0117",
    "PLE0118",
    "PLE1142",
    "PLE1700",
)
"""Rules whose every finding is a SyntaxError when the cell runs."""

NOT_CHECKED = "DBX171"
NEWER_SYNTAX = "DBX161"


@dataclass(frozen=True, slots=True)
class _Place:
    """One cell; several share a text."""

    notebook: Notebook
    cell: Cell
    prepared: Prepared


@dataclass(slots=True)
class _Verdicts:
    """What ruff said of each text: its first error, or that it could not tell."""

    errors: dict[str, ruff.Diagnostic] = field(default_factory=dict)
    aborted: set[str] = field(default_factory=set)


def check(notebooks: Sequence[Notebook], settings: SettingsOf) -> list[Finding]:
    """The first syntax error of every Python cell. Raises ``ToolError`` where ruff fails."""
    by_target: dict[str, dict[str, list[_Place]]] = defaultdict(lambda: defaultdict(list))
    for notebook in notebooks:
        target = settings(notebook.key).python_version
        for cell in notebook.cells:
            prepared = prepare(cell)
            if prepared is not None:
                by_target[target][prepared.text].append(_Place(notebook, cell, prepared))
    if not by_target:
        return []
    executable = ruff.find()
    found: list[Finding] = []
    with ruff.scratch_folder() as scratch:
        for number, (target, places) in enumerate(sorted(by_target.items())):
            folder = scratch / str(number)
            folder.mkdir()
            parser = _Parser(ruff.Ruff(executable, folder), folder, list(places))
            found += _known(parser, places, target) if target else _unknown(parser, places)
    return found


class _Parser:
    """The texts on disk, parsed for one version of Python after another."""

    def __init__(self, tool: ruff.Ruff, folder: Path, texts: Sequence[str]) -> None:
        self._tool = tool
        self._folder = folder
        self._texts: dict[str, str] = {}
        for number, text in enumerate(texts):
            file = f"{folder}{os.sep}{number}.ipynb"
            write(file, synthetic((text,)))
            self._texts[file] = text
        self._files = {text: file for file, text in self._texts.items()}

    def parse(self, target: str, texts: Iterable[str] | None = None) -> _Verdicts:
        """Parse all texts, or only some, for ``target`` such as ``3.11``."""
        files = list(self._texts) if texts is None else [self._files[text] for text in texts]
        verdicts = _Verdicts()
        options = (
            "--isolated",
            "--ignore-noqa",
            "--target-version",
            "py" + target.replace(".", ""),
            "--select",
            ",".join(COMPILE_ERRORS),
        )
        awaits: dict[str, set[ruff.Position]] = defaultdict(set)
        candidates: dict[str, list[ruff.Diagnostic]] = defaultdict(list)
        for item in self._tool.check(
            files,
            *options,
            folder=self._folder,
            aborted=lambda file: verdicts.aborted.add(self._texts[file]),
        ):
            text = self._texts[item.file]
            if item.code == "F704" and item.message.startswith("`await`"):
                # Legal: an await in a comprehension at the top level of a cell. PLE1142 is
                # wrong there too; in a function it comes without F704.
                awaits[text].add(item.start)
            elif item.code != INVALID_SYNTAX and item.code not in COMPILE_ERRORS:
                verdicts.aborted.add(text)
            elif len(candidates[text]) < 100:
                candidates[text].append(item)
        for text, items in candidates.items():
            errors = [
                item
                for item in items
                if item.code != "PLE1142" or item.start not in awaits.get(text, ())
            ]
            if errors:
                verdicts.errors[text] = min(errors, key=lambda item: item.start)
        return verdicts


def _known(parser: _Parser, places: Mapping[str, Sequence[_Place]], target: str) -> list[Finding]:
    verdicts = parser.parse(target)
    return [
        *_unchecked(verdicts, places),
        *(
            _error(place, error)
            for text, error in verdicts.errors.items()
            for place in places[text]
        ),
    ]


def _unknown(parser: _Parser, places: Mapping[str, Sequence[_Place]]) -> list[Finding]:
    """No runtime is named: an error is what every supported one rejects.

    Syntax is only ever added between these versions, so what the oldest accepts all do.
    """
    targets = sorted(set(RUNTIMES.values()), key=_version)
    oldest = parser.parse(targets[0])
    found = _unchecked(oldest, places)
    suspects = list(oldest.errors)
    rejecting: dict[str, list[str]] = {text: [targets[0]] for text in suspects}
    last = oldest
    for target in targets[1:]:
        last = parser.parse(target, suspects) if suspects else last
        for text in last.errors:
            rejecting[text].append(target)
    for text in suspects:
        for place in places[text]:
            if text in last.errors:
                found.append(_error(place, last.errors[text]))
            else:
                found.append(_newer(place, oldest.errors[text], rejecting[text]))
    return found


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _error(place: _Place, error: ruff.Diagnostic) -> Finding:
    return _finding(place, error, error.code, error.message)


def _newer(place: _Place, error: ruff.Diagnostic, targets: Sequence[str]) -> Finding:
    names = [name for name, python in RUNTIMES.items() if python in targets]
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    verb = "does" if len(names) == 1 else "do"
    return _finding(
        place,
        error,
        NEWER_SYNTAX,
        f"Databricks Runtime {listed} {verb} not know this syntax: {error.message}",
        severity=Severity.WARNING,
        hint="name the runtime in [tool.dbxgate]",
    )


def _finding(
    place: _Place,
    error: ruff.Diagnostic,
    code: str,
    message: str,
    *,
    severity: Severity = Severity.ERROR,
    hint: str = "",
) -> Finding:
    line, column = place.prepared.position(*error.start)
    end_line, end_column = place.prepared.position(*error.end)
    return in_code(
        place.notebook,
        place.cell,
        Check.SYNTAX,
        code,
        message,
        line=line,
        column=column,
        end_line=end_line,
        end_column=end_column,
        severity=severity,
        hint=hint,
    )


def _unchecked(verdicts: _Verdicts, places: Mapping[str, Sequence[_Place]]) -> list[Finding]:
    return [
        in_code(
            place.notebook,
            place.cell,
            Check.SYNTAX,
            NOT_CHECKED,
            "could not be checked: ruff aborts on this cell",
            severity=Severity.WARNING,
            hint="split the cell's longest expression",
        )
        for text in sorted(verdicts.aborted)
        for place in places[text]
    ]
