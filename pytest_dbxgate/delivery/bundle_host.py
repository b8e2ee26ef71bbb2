"""Where a bundle goes, read from its files before anything is started.

The CLI sends its token to whatever host they name. So the host is known, and can be held against
the list of hosts that may have a credential, before there is a token at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.project.jobs.bundle import ROOT_NAMES
from pytest_dbxgate.project.jobs.nodes import Table, items, string
from pytest_dbxgate.project.jobs.reading import read


def root_file(folder: Path) -> Path | None:
    """The root file of the bundle in ``folder``, in the CLI's order; None where there is none."""
    return next((folder / name for name in ROOT_NAMES if (folder / name).is_file()), None)


def host(folder: Path, target: str) -> str:
    """The host that the bundle in ``folder`` names for ``target``, with ``https://`` and without a
    slash at its end; empty where it names none, and the environment decides.

    Raises ConfigurationError where there is no bundle, where one of its files cannot be read, or
    where the host is not certain: a variable, a profile, or two of them.
    """
    tables = list(_tables(folder))
    found = {
        name
        for table in tables
        for part in ("targets", "environments")
        if (name := _setting(table, target, part, target, "workspace", "host"))
    }
    found = found or {
        name for table in tables if (name := _setting(table, target, "workspace", "host"))
    }
    found = {normal(name) for name in found}
    if len(found) > 1:
        raise _uncertain(target, f"the bundle names {len(found)} hosts")
    for table in tables:
        for place in (("workspace",), ("targets", target, "workspace")):
            if _setting(table, target, *place, "profile"):
                raise _uncertain(target, "the bundle names a profile of somebody's machine")
    return found.pop() if found else ""


def normal(name: str) -> str:
    """A host in the one form that can be compared."""
    name = name.partition("?")[0].rstrip("/")
    return name.lower() if "://" in name else f"https://{name.lower()}"


def _tables(folder: Path) -> Iterator[Table]:
    """The root file and what it includes."""
    root = root_file(folder)
    if root is None:
        raise ConfigurationError(
            f"{folder.name}: there is no databricks.yml, so no bundle can publish it",
            next_step='leave out publisher = "bundle" for this target',
        )
    first = _table(root)
    yield first
    for node in items(first.get("include")):
        # Go's wildcards take less than Python's; one file too many makes nothing less certain.
        pattern = (string(node) or "").replace("[^", "[!")
        try:
            files = sorted(folder.glob(pattern)) if pattern else []
        except (ValueError, NotImplementedError, OSError):
            continue  # The CLI refuses it, too.
        yield from (_table(file) for file in files if file.is_file() and file != root)


def _setting(table: Table, target: str, *path: str) -> str:
    text = string(table.get(*path)) or ""
    if "${" in text:
        raise _uncertain(target, f"`{'.'.join(path)}` of the bundle holds a variable")
    return text


def _table(file: Path) -> Table:
    try:
        node, _ = read(file.name, file.read_bytes())
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(
            f"{file.name} cannot be read: {reason}", next_step="mend its permissions"
        ) from None
    if not isinstance(node, Table):
        raise ConfigurationError(
            f"{file.name} is no mapping, so where the bundle goes is not known",
            next_step="mend the file: `databricks bundle validate` says more",
        )
    return node


def _uncertain(target: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"where the bundle's target {target} goes is not certain: {reason}",
        next_step=f"write the address at targets.{target}.workspace.host of databricks.yml",
    )
