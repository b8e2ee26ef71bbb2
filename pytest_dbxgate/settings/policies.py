"""Policies: the chain that ``extend`` makes, what it locks, and how it merges with a project."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.files import read_regular
from pytest_dbxgate.settings.locating import Located, locate
from pytest_dbxgate.settings.model import CODE, Policy, PolicyOrigin, Selector
from pytest_dbxgate.settings.run import RunSettings
from pytest_dbxgate.settings.toml import TABLE, document_of, table_of, where
from pytest_dbxgate.settings.values import policy_of

EXTENDING = frozenset({"ignore", "warn", "block", "globals", "exclude", "unsilenceable"})
"""Lists that grow from policy to project; of all other keys the nearest value holds."""

_SEVERITIES = ("ignore", "warn", "block")
_LOOSENING = ("ignore", "warn")


@dataclass(frozen=True)
class Layer:
    """The values of one file: a policy, or the project itself."""

    file: str
    """For messages."""
    values: Mapping[str, Any]
    locked: tuple[str, ...] = ()
    policy: PolicyOrigin | None = None

    @property
    def keys(self) -> set[str]:
        """The keys it sets, those of the policy table dotted."""
        return {*self.values, *(f"policy.{key}" for key in self.values.get("policy", ()))}


def chain(extend: str, origin: str) -> list[Layer]:
    """The policies that ``extend`` in the file ``origin`` leads to, the nearest first.

    Raises :class:`ConfigurationError` for one that is not there, is wrong, or extends itself.
    """
    layers: list[Layer] = []
    seen: list[Path] = [Path(origin).resolve()]
    parent: Located | None = None
    while extend:
        found = locate(extend, origin, parent)
        if found.file.resolve() in seen:
            names = [layer.policy.origin for layer in layers if layer.policy]
            raise ConfigurationError(
                f"{where(origin, 'extend')}: {TABLE}.extend: a policy extends itself: "
                f"{' -> '.join([*names, found.name])}",
                next_step="remove one `extend` of the circle",
            )
        seen.append(found.file.resolve())
        layer = _read(found)
        layers.append(layer)
        extend, origin, parent = layer.values.get("extend", ""), layer.file, found
    return layers


def _read(found: Located) -> Layer:
    file = str(found.file)
    try:
        data = read_regular(found.file)
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error}") from None
    is_ours = found.file.name != "pyproject.toml"
    table = table_of(document_of(data, file), file, is_ours=is_ours)
    if table is None:
        raise ConfigurationError(
            f"{file}: holds no policy: it has no [{TABLE}]",
            next_step="name the file in which the policy stands",
        )
    about, values = policy_of(table, file)
    name = about.name or found.package or found.file.stem
    digest = hashlib.sha256(data).hexdigest()
    origin = PolicyOrigin(name, about.version, found.name, digest)
    return Layer(file, values, about.locked, origin)


def merged(layers: Sequence[Layer]) -> dict[str, Any]:
    """The values of a project and its policies, ``layers`` the nearest first.

    Raises :class:`ConfigurationError` where one loosens what another above it locked.
    """
    result: dict[str, Any] = {}
    above: list[Layer] = []
    for layer in reversed(layers):
        for guard in above:
            _check_locks(layer, guard)
        _add(result, layer.values)
        above.append(layer)
    _check_unsilenceable(result, layers)
    result["policy"] = Policy(**result.get("policy", {}))
    result["run"] = RunSettings(**result.get("run", {}))
    return result


def _add(result: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key in _SEVERITIES:
        # What the nearer file says of an entry beats what the farther one says of it.
        said = {each for other in _SEVERITIES if other != key for each in values.get(other, ())}
        if said and key in result:
            result[key] = tuple(each for each in result[key] if each not in said)
    for key, value in values.items():
        if key in EXTENDING:
            result[key] = tuple(dict.fromkeys((*result.get(key, ()), *value)))
        elif isinstance(value, Mapping):
            result[key] = {**result.get(key, {}), **value}
        else:
            result[key] = value


def _check_locks(layer: Layer, guard: Layer) -> None:
    policy = guard.policy
    title = f'the policy "{policy.title}" ({policy.origin})' if policy else ""
    for lock in guard.locked:
        if CODE.fullmatch(lock):
            for key, entry in _loosening(layer.values, lock):
                raise ConfigurationError(
                    f'{where(layer.file, key)}: {TABLE}.{key}: "{entry}" loosens {lock}, '
                    f"which {title} locks",
                    next_step=_way_out(entry),
                )
        elif lock in layer.keys:
            raise ConfigurationError(
                f"{where(layer.file, lock)}: {TABLE}.{lock} is locked by {title}",
                next_step="remove the key, or have the policy changed",
            )


def _loosening(values: Mapping[str, Any], lock: str) -> Iterable[tuple[str, str]]:
    """The entries that could ignore a code of ``lock`` or make it a warning."""
    for key in _LOOSENING:
        for entry in values.get(key, ()):
            code = Selector.parse(entry).code
            if code.startswith(lock) or lock.startswith(code):
                yield key, entry


def _way_out(entry: str) -> str:
    selector = Selector.parse(entry)
    if selector.code:
        return "remove the entry or name narrower codes, or have the policy changed"
    return f'name the codes, such as "{entry}:E501", or have the policy changed'


def _check_unsilenceable(result: Mapping[str, Any], layers: Iterable[Layer]) -> None:
    for code in result.get("unsilenceable", ()):
        for layer in layers:
            for entry in layer.values.get("ignore", ()):
                if Selector.parse(entry).code.startswith(code):
                    raise ConfigurationError(
                        f'{where(layer.file, "ignore")}: {TABLE}.ignore: "{entry}" is about '
                        f"{code}, which is unsilenceable{_by(code, layers)}",
                        next_step="remove the entry, and mend what is found",
                    )


def _by(code: str, layers: Iterable[Layer]) -> str:
    for layer in layers:
        if layer.policy and code in layer.values.get("unsilenceable", ()):
            return f' by the policy "{layer.policy.title}" ({layer.policy.origin})'
    return ""
