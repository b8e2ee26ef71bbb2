"""Running notebooks on this machine, or with their Spark elsewhere: a process for each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace

from pytest_dbxgate.execution.local import CONNECT, Local, Work
from pytest_dbxgate.execution.outcome import Outcome, RunKey, RunState
from pytest_dbxgate.execution.scheduling import run_all
from pytest_dbxgate.execution.trees import Trees
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.resolving import from_root
from pytest_dbxgate.running.batch import Batch, closure_of
from pytest_dbxgate.running.plan import PlannedRun, judged
from pytest_dbxgate.running.secrets import by_project
from pytest_dbxgate.session import Gate
from pytest_dbxgate.settings import Settings
from pytest_dbxgate.workspace.credentials import Secret


def run(batch: Batch, *, remote: str = "", connect: Mapping[str, str] | None = None) -> None:
    """Run a batch here. With ``remote`` or ``connect`` the notebooks' Spark is that one's.

    Raises :class:`~pytest_dbxgate.errors.ConfigurationError` and
    :class:`~pytest_dbxgate.errors.AuthenticationError` for secrets that cannot be had.
    """
    gate = batch.gate
    settings = gate.projects.of("")
    paths = [item.path for item in gate.discovery.notebooks] + list(gate.discovery.others)
    trees = Trees(gate.root, paths, batch.folder)
    secrets = by_project(batch)
    seen = settings.run.environment
    with Local(
        batch.folder / "local",
        engine=CONNECT if remote or connect else settings.run.engine,
        catalogs=_catalogs(batch, settings),
        pip=settings.run.pip,
        remote=remote,
        connect=connect,
        environment={name: os.environ[name] for name in seen if name in os.environ},
    ) as engine:

        def one(key: RunKey) -> Outcome:
            planned = batch.planned[key]
            outcome = judged(_attempt(engine, trees, batch, planned, secrets), planned)
            for attempt in range(planned.retries):
                if outcome.state not in (RunState.FAILED, RunState.TIMED_OUT, RunState.PLATFORM):
                    break
                if batch.cancelled():
                    break
                outcome = judged(_attempt(engine, trees, batch, planned, secrets), planned)
                outcome = replace(outcome, attempts=attempt + 2)
            return outcome

        run_all(
            {key: planned.needs for key, planned in batch.planned.items()},
            one,
            batch.done,
            lanes=settings.run.lanes or os.cpu_count() or 1,
            cancelled=batch.cancelled,
            group_of=lambda key: batch.planned[key].session,
        )


def _attempt(
    engine: Local,
    trees: Trees,
    batch: Batch,
    planned: PlannedRun,
    secrets: Mapping[str, Mapping[str, Secret]],
) -> Outcome:
    notebook = planned.key.notebook
    settings = batch.gate.projects.of_key(notebook)
    tree = trees.make()
    try:
        work = Work(
            planned.key,
            tree,
            notebook.path,
            notebook.member,
            digest=batch.digests.get(notebook, ""),
            parameters=planned.parameters,
            timeout=float(planned.timeout) if planned.timeout else None,
            workspace_roots=_roots(settings),
            workspace_path=_workspace_path(notebook),
            module_roots=_module_roots(settings),
            secrets={name: value.reveal() for name, value in secrets[settings.folder].items()},
            session=planned.session,
            reads_session=bool(planned.needs),
        )
        return engine.run(work, cancelled=batch.cancelled)
    finally:
        trees.give_back(tree)


def _module_roots(settings: Settings) -> tuple[str, ...]:
    """Those that lie in the copy: what stands above the root of the run is not in it."""
    roots = (from_root(settings, each) for each in settings.module_roots)
    return tuple(each for each in roots if each.split("/")[0] != "..")


def _roots(settings: Settings) -> dict[str, str]:
    return {
        folder: from_root(settings, inside) for folder, inside in settings.workspace_roots.items()
    }


def _workspace_path(notebook: NotebookKey) -> str:
    path = notebook.path.rpartition(".")[0]
    return (
        f"/Workspace/{path}" if notebook.member is None else f"/Workspace/{path}/{notebook.member}"
    )


def _catalogs(batch: Batch, settings: Settings) -> tuple[str, ...]:
    """The catalogs that the notebooks name, and those of the settings."""
    from pytest_dbxgate.execution.engines import catalogs_named

    named = catalogs_named(_sources(batch.gate, {key.notebook for key in batch.planned}))
    return tuple(dict.fromkeys((*settings.run.catalogs, *named)))


def _sources(gate: Gate, keys: Iterable[NotebookKey]) -> Iterable[str]:
    survey = gate.survey()
    everything = {each for key in keys for each in closure_of(gate, key)}
    for key in sorted(everything, key=str):
        notebook = survey.notebook(key)
        if notebook is not None:
            yield from (cell.source for cell in notebook.cells)
