"""Everything that one notebook says about others."""

from __future__ import annotations

from pytest_dbxgate.notebook.model import Language, Notebook
from pytest_dbxgate.project import imports, runs, widgets
from pytest_dbxgate.project.facts import NotebookFacts
from pytest_dbxgate.project.trees import Trees

_CODE = frozenset({Language.PYTHON, Language.SQL, Language.SCALA, Language.R})


def facts_of(notebook: Notebook) -> NotebookFacts:
    """The facts of ``notebook``; none of a notebook that cannot be read."""
    if notebook.unreadable:
        return NotebookFacts(notebook.key, notebook.digest)
    trees = Trees(notebook)
    imported, paths = imports.find(notebook, trees)
    filled = widgets.find(notebook, trees)
    return NotebookFacts(
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


def _languages(notebook: Notebook) -> tuple[str, ...]:
    """In the order in which they first appear."""
    code = (cell for cell in notebook.cells if cell.language in _CODE and cell.code.strip())
    return tuple(dict.fromkeys(cell.language.value for cell in code))
