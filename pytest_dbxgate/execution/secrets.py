"""The secrets that notebooks of this machine are given, from where the settings say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.workspace import vault
from pytest_dbxgate.workspace.azure import Azure
from pytest_dbxgate.workspace.credentials import Secret, Veil

_ENV, _FILE, _FAKE = "env:", "file:", "fake:"


def resolved(
    places: Mapping[str, str],
    environ: Mapping[str, str],
    folder: Path,
    veil: Veil,
    azure: Azure | None = None,
) -> dict[str, Secret]:
    """``scope/key`` -> its value, each known to ``veil``. A relative file counts from ``folder``.

    A variable that is not set gives none: then the scope has no such key. Raises
    :class:`ConfigurationError` for a file that cannot be read, and
    :class:`~pytest_dbxgate.errors.AuthenticationError` where a vault does not give a secret.
    """
    found: dict[str, Secret] = {}
    for name, place in places.items():
        if place.startswith(_ENV):
            secret = Secret(environ.get(place.removeprefix(_ENV), ""))
        elif place.startswith(_FILE):
            secret = _read(folder / place.removeprefix(_FILE), name)
        elif place.startswith(_FAKE):
            secret = Secret(place.removeprefix(_FAKE))
        else:
            reference = vault.parse(place)
            assert reference is not None, "checked with the settings"
            secret = vault.fetch(reference, azure or Azure(), veil)
        if secret:
            found[name] = veil.add(secret)
    return found


def _read(file: Path, name: str) -> Secret:
    try:
        return Secret(file.read_text(encoding="utf-8").rstrip("\r\n"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(
            f"the file of the secret {name} cannot be read: {file}: {reason}",
            next_step="write it, or name another place in run.secrets",
        ) from None
