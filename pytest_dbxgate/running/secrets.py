"""The secrets of the projects whose notebooks run."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pytest_dbxgate.execution.secrets import resolved
from pytest_dbxgate.project.resolving import from_root
from pytest_dbxgate.running.batch import Batch
from pytest_dbxgate.workspace.credentials import Secret


def by_project(batch: Batch) -> dict[str, Mapping[str, Secret]]:
    """Folder of a project's settings -> ``scope/key`` -> its value.

    Raises :class:`~pytest_dbxgate.errors.ConfigurationError` and
    :class:`~pytest_dbxgate.errors.AuthenticationError` for secrets that cannot be had.
    """
    gate = batch.gate
    projects = {
        settings.folder: settings
        for settings in (gate.projects.of_key(key.notebook) for key in batch.planned)
    }
    return {
        folder: resolved(
            settings.run.secrets, os.environ, gate.root / from_root(settings, "."), batch.veil
        )
        for folder, settings in projects.items()
    }
