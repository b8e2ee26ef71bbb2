"""The world that publishing meets: environment, signals, secrets to be masked, progress, files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_dbxgate import interrupts, targets
from pytest_dbxgate.delivery.means import Means
from pytest_dbxgate.delivery.published import Published
from pytest_dbxgate.files import write_report
from pytest_dbxgate.publish_options import Publishing
from pytest_dbxgate.publishing import World
from pytest_dbxgate.reporting import published as text
from pytest_dbxgate.reporting.progress import Progress
from pytest_dbxgate.targets import Surroundings

LOG = "publishing.log"
"""Below the working tree's own folder: what was done, step by step, run after run."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Where a run tells how far it is."""

    write: Callable[[str], None]
    is_terminal: bool


@contextmanager
def world(root: Path, wanted: Publishing, writer: Writer) -> Iterator[World]:
    """The real world, for as long as something is published."""
    progress = Progress(writer.write, is_terminal=writer.is_terminal)
    on_agent = os.environ.get("TF_BUILD", "").lower() == "true"

    def mask(secret: str) -> None:
        writer.write(f"##vso[task.setsecret]{_escaped(secret)}\n")

    around = Surroundings(
        environ=os.environ,
        folder=root,
        allowed_hosts=wanted.allowed_hosts,
        on_secret=mask if on_agent else None,
    )
    with interrupts.noted() as cancelled:
        yield World(around, Means(tell=progress, cancelled=cancelled))
    progress.end()


def kept(done: Published, root: Path, wanted: Publishing) -> Published:
    """Write the log, and the summary that was asked for."""
    notes = list(done.notes)
    if done.log:
        with suppress(OSError):
            file = targets.own_folder(root) / LOG
            with file.open("a", encoding="utf-8") as stream:
                stream.write(f"# {text.headline(done)}\n")
                stream.writelines(f"{line}\n" for line in done.log)
            here = Path.cwd()
            seen = file.relative_to(here) if file.is_relative_to(here) else file
            notes.append(f"what was done, step by step: {seen.as_posix()}")
    done = replace(done, notes=tuple(notes))
    if wanted.summary_file is not None:
        write_report(wanted.summary_file, text.markdown(done).encode("utf-8"), name="--dbx-summary")
    return done


def _escaped(value: str) -> str:
    """The value of a logging command of Azure Pipelines, on one line."""
    value = value.replace("%", "%AZP25")
    return value.replace("\r", "%0D").replace("\n", "%0A")
