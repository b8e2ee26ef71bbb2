"""A project: every notebook's facts, the modules beside them, the jobs that run them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.facts import NotebookFacts
from pytest_dbxgate.project.jobs.model import NotebookTask
from pytest_dbxgate.project.modules import Modules
from pytest_dbxgate.settings import SettingsOf


@dataclass(frozen=True)
class Project:
    """All that is known of what stands below one root. Paths are relative to it, with ``/``."""

    notebooks: Mapping[NotebookKey, NotebookFacts]
    others: frozenset[str]
    """Every file that is no notebook."""
    settings: SettingsOf
    modules: Modules
    tasks: tuple[NotebookTask, ...] = ()
    """The tasks of all job files that run a notebook."""
