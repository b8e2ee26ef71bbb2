"""From a settings file to the settings of its project."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_dbxgate.errors import ConfigurationError, MissingPolicyError
from pytest_dbxgate.files import read_regular
from pytest_dbxgate.settings.model import Settings
from pytest_dbxgate.settings.policies import Layer, chain, merged
from pytest_dbxgate.settings.toml import document_of, table_of
from pytest_dbxgate.settings.values import settings_of

OWN_FILE = "dbxgate.toml"
"""The file that holds our settings alone."""


def parse(
    table: Mapping[str, Any],
    *,
    folder: str = ".",
    origin: str = "",
    around: Settings | None = None,
) -> Settings:
    """Validate the table of one project and merge it with its policies.

    ``origin`` is the file it stands in; a policy's path counts from there. ``around`` are the
    settings of the project around this one, whose policy holds where this one names none.
    Raises :class:`ConfigurationError` naming the file, the key and the nearest right one; a
    policy that is not there is told in the settings.
    """
    own = Layer(origin, settings_of(table, origin))
    extend, extended_by = own.values.get("extend"), origin
    if extend is None and around is not None:
        extend, extended_by = around.extend, around.extended_by
    missing = ""
    try:
        found = chain(extend, extended_by) if extend else []
    except MissingPolicyError as error:
        found, missing = [], str(error)
    values = merged([own, *found])
    values["extend"] = extend or ""
    origins = tuple(layer.policy for layer in found if layer.policy is not None)
    return Settings(
        **values,
        folder=folder,
        origin=origin,
        extended_by=extended_by if extend else "",
        policies=origins,
        missing_policy=missing,
    )


def load(file: Path, *, folder: str = ".", around: Settings | None = None) -> Settings | None:
    """The settings in a ``pyproject.toml`` or ``dbxgate.toml``; None where it has none."""
    data = b""
    try:
        data = read_regular(file)
        document = document_of(data, str(file))
    except OSError as error:
        if file.name == OWN_FILE:
            raise ConfigurationError(
                f"{file}: cannot be read: {error}", next_step="mend the file and run again"
            ) from None
        return None
    except ConfigurationError:
        if file.name == OWN_FILE or b"dbxgate" in data:
            raise
        return None
    table = table_of(document, str(file), is_ours=file.name == OWN_FILE)
    if table is None:
        return None
    return parse(table, folder=folder, origin=str(file), around=around)
