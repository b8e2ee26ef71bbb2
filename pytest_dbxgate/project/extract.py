"""Everything that one notebook says about others."""

from __future__ import annotations

from collections import defaultdict

from pytest_dbxgate.notebook.model import Language, Notebook
from pytest_dbxgate.project import imports, runs, widgets
from pytest_dbxgate.project.facts import NotebookFacts
from pytest_dbxgate.project.trees import Trees
from pytest_dbxgate.secrets.redact import Redactor

_CODE = frozenset({Language.PYTHON, Language.SQL, Language.SCALA, Language.R})
_SHORTEST_SECRET = 4
"""A shorter value gives nothing away."""


def facts_of(notebook: Notebook) -> NotebookFacts:
    """The facts of ``notebook``; none of a notebook that cannot be read."""
    if notebook.unreadable:
        return NotebookFacts(notebook.key, notebook.digest)
    trees = Trees(notebook)
    imported, paths = imports.find(notebook, trees)
    filled = widgets.find(notebook, trees)
    found = NotebookFacts(
        key=notebook.key,
        digest=notebook.digest,
        runs=runs.find_runs(notebook, trees),
        notebook_runs=runs.find_notebook_runs(notebook, trees),
        imports=imported,
        search_paths=paths,
        widgets=filled.widgets,
        reads=filled.reads,
        reads_any=filled.reads_any,
        declares_any=filled.declares_any,
        languages=_languages(notebook),
    )
    return found._replace(holds_secret=_holds_secret(notebook, found))


def _holds_secret(notebook: Notebook, found: NotebookFacts) -> bool:
    """Whether a value taken from the notebook is a secret, by itself or where it stands."""
    arguments = [each for run in found.runs for each in run.parameters]
    arguments += [each for run in found.notebook_runs for each in run.arguments or ()]
    by_cell: dict[int, list[str]] = defaultdict(list)
    for run in found.runs:
        by_cell[run.spot.cell].append(run.target)
    for call in found.notebook_runs:
        by_cell[call.spot.cell].append(call.target or "")
    for each in arguments:
        by_cell[each.spot.cell] += (each.name, each.value or "")
    for widget in found.widgets:
        by_cell[widget.spot.cell] += (widget.name, widget.default or "", *(widget.choices or ()))
    by_cell[0] += found.search_paths
    for cell, values in by_cell.items():
        text = "\n".join(value for value in values if len(value) >= _SHORTEST_SECRET)
        source = notebook.cell(cell).source if 1 <= cell <= len(notebook.cells) else ""
        if text and Redactor(source)(text) != text:
            return True
    return False


def _languages(notebook: Notebook) -> tuple[str, ...]:
    """In the order in which they first appear."""
    code = (cell for cell in notebook.cells if cell.language in _CODE and cell.code.strip())
    return tuple(dict.fromkeys(cell.language.value for cell in code))
