"""The tables of one settings file, validated: types, known keys, known values, known codes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from operator import eq
from typing import Any, get_args, get_origin, get_type_hints

from pytest_dbxgate.codes import RULES
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.settings.model import (
    CHECKABLE_LANGUAGES,
    CODE,
    PYTHONS,
    RUNTIMES,
    Policy,
    Selector,
    Settings,
)
from pytest_dbxgate.settings.run import (
    COMPUTE,
    ENGINES,
    PIP,
    SECRET_SOURCES,
    UNSUPPORTED,
    RunSettings,
)
from pytest_dbxgate.settings.targets import (
    ALLOWED,
    CREDENTIALS,
    SECRET_CREDENTIALS,
    TargetSettings,
)
from pytest_dbxgate.settings.toml import TABLE, where

INTERNAL = frozenset(
    {"folder", "origin", "root_inside", "extended_by", "policies", "missing_policy"}
)
"""Fields of :class:`Settings` that no file sets."""

KEYS = tuple(item.name for item in fields(Settings) if item.name not in INTERNAL)
POLICY_KEYS = tuple(f"policy.{item.name}" for item in fields(Policy))

_MISSPELT = re.compile(r"DBX[A-Za-z0-9]*")


@dataclass(frozen=True)
class About:
    """The keys that only a policy file has."""

    name: str = ""
    version: str = ""
    locked: tuple[str, ...] = ()


ABOUT_KEYS = tuple(item.name for item in fields(About))


def settings_of(table: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """The validated values of a settings table. Raises :class:`ConfigurationError` naming the
    file, the key and the nearest right one."""
    for key in ABOUT_KEYS:
        if key in table:
            raise ConfigurationError(
                f'{where(origin, key)}: "{key}" belongs in a policy, not in [{TABLE}] of a project',
                next_step="write it into the file that `extend` names",
            )
    values = _typed(Settings, table, origin=origin, prefix=TABLE)
    _check_values(values, origin)
    return values


def policy_of(table: Mapping[str, Any], origin: str) -> tuple[About, dict[str, Any]]:
    """The same for the table of a policy file."""
    about = {key: value for key, value in table.items() if key in ABOUT_KEYS}
    rest = {key: value for key, value in table.items() if key not in ABOUT_KEYS}
    described = About(**_typed(About, about, origin=origin, prefix=TABLE))
    for entry in described.locked:
        _check_lock(entry, origin)
    return described, settings_of(rest, origin)


def _typed(kind: type, table: Mapping[str, Any], *, origin: str, prefix: str) -> dict[str, Any]:
    hints = get_type_hints(kind)
    known = [item.name for item in fields(kind) if item.name not in INTERNAL]
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            hint = _nearest(key, known) or f"known keys: {', '.join(known)}"
            place = where(origin, _below_the_table(f"{prefix}.{key}"))
            raise ConfigurationError(f'{place}: unknown key "{key}" in [{prefix}]', next_step=hint)
        values[key] = _value(hints[key], value, origin=origin, name=f"{prefix}.{key}")
    return values


def _value(hint: Any, value: Any, *, origin: str, name: str) -> Any:
    if hint in (Policy, RunSettings) and isinstance(value, dict):
        return _typed(hint, value, origin=origin, prefix=name)
    if get_origin(hint) is Mapping and get_args(hint)[1] is TargetSettings:
        return _targets(value, origin=origin, name=name)
    if get_origin(hint) is tuple and get_args(hint)[0] is str:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        expected = 'a list of strings, such as ["a", "b"]'
    elif get_origin(hint) is tuple:
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            kind = get_args(hint)[0]
            return tuple(kind(**_typed(kind, item, origin=origin, prefix=name)) for item in value)
        expected = f"a table [[{name}]] for each"
    elif get_origin(hint) is Mapping and get_args(hint)[1] is not str:
        if isinstance(value, dict):
            inner = get_args(hint)[1]
            return {
                key: _value(inner, each, origin=origin, name=f"{name}.{key}")
                for key, each in value.items()
            }
        expected = 'a table of lists of strings, such as { "a" = ["b"] }'
    elif get_origin(hint) is Mapping:
        if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
            return dict(value)
        expected = 'a table of strings, such as { "/Repos/team/project" = "." }'
    elif hint is bool:
        if isinstance(value, bool):
            return value
        expected = "true or false"
    elif hint in (int, int | None):
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        expected = "a whole number from 0"
    elif hint in (str, str | None):
        if isinstance(value, str):
            return value
        expected = f'a string, such as "{value if isinstance(value, (int, float)) else "a"}"'
    else:
        expected = "a table"
    place = where(origin, _below_the_table(name))
    raise ConfigurationError(f"{place}: {name} is {value!r}", next_step=f"write {expected}")


def _targets(value: Any, *, origin: str, name: str) -> dict[str, TargetSettings]:
    if not isinstance(value, dict) or not all(isinstance(each, dict) for each in value.values()):
        place = where(origin, _below_the_table(name))
        raise ConfigurationError(
            f"{place}: {name} is {value!r}", next_step=f"write a table [{name}.NAME] for each"
        )
    targets: dict[str, TargetSettings] = {}
    for key, table in value.items():
        prefix = f"{name}.{key}"
        targets[key] = TargetSettings(**_typed(TargetSettings, table, origin=origin, prefix=prefix))
        for field_name, known in ALLOWED.items():
            _one_of(
                _below_the_table(f"{prefix}.{field_name}"), table.get(field_name, ""), known, origin
            )
        for part in targets[key].compute:
            _one_of(_below_the_table(f"{prefix}.compute"), part, COMPUTE, origin)
        for credential, text in targets[key].credentials.items():
            _one_of(_below_the_table(f"{prefix}.credentials"), credential, CREDENTIALS, origin)
            if credential in SECRET_CREDENTIALS and not text.startswith("keyvault://"):
                place = where(origin, _below_the_table(f"{prefix}.credentials"))
                raise ConfigurationError(
                    f"{place}: {prefix}.credentials.{credential} holds a secret",
                    next_step="take it out of the repository (and revoke it), and name where it "
                    'is kept: "keyvault://VAULT/SECRET", or leave the key out and set the '
                    "environment variable",
                )
    for key, target in targets.items():
        _one_of(_below_the_table(f"{name}.{key}.requires"), target.requires, targets, origin)
        _check_roots(key, targets, origin=origin, name=name)
    return targets


def _check_roots(
    key: str, targets: Mapping[str, TargetSettings], *, origin: str, name: str
) -> None:
    """No target may lie in another, or in the same place."""
    own = targets[key]
    for other, target in targets.items():
        if other == key or not own.host or target.host != own.host:
            continue
        inner, outer = (
            each.root.replace("{target}", called).rstrip("/") + "/"
            for called, each in ((key, own), (other, target))
        )
        if inner.startswith(outer):
            raise ConfigurationError(
                f"{where(origin, _below_the_table(f'{name}.{key}.root'))}: the root of {key} is "
                f"that of {other}, or lies in it",
                next_step="give each target of a workspace a root of its own, side by side; "
                "{target} in it is filled in",
            )


def _below_the_table(name: str) -> str:
    return name.removeprefix(f"{TABLE}.")


def _check_values(values: Mapping[str, Any], origin: str) -> None:
    _one_of("runtime", values.get("runtime", ""), RUNTIMES, origin)
    _one_of("python", values.get("python", ""), PYTHONS, origin)
    _check_run(values.get("run", {}), origin)
    for language in values.get("allow_unchecked", ()):
        _one_of("allow_unchecked", language, CHECKABLE_LANGUAGES, origin)
    for key in ("ignore", "warn", "block"):
        for entry in values.get(key, ()):
            selector = Selector.parse(entry)
            misspelt = "" if selector.code else selector.pattern
            _check_code(selector.code or misspelt, key, origin)
    for entry in values.get("unsilenceable", ()):
        if not CODE.fullmatch(entry) and not _MISSPELT.fullmatch(entry):
            raise ConfigurationError(
                f'{where(origin, "unsilenceable")}: "{entry}" in {TABLE}.unsilenceable is no code',
                next_step='write codes or families, such as "DBX6"',
            )
        _check_code(entry, "unsilenceable", origin)


def _check_run(run: Mapping[str, Any], origin: str) -> None:
    for key, known in (("engine", ENGINES), ("pip", PIP), ("unsupported", UNSUPPORTED)):
        _one_of(f"run.{key}", run.get(key, ""), known, origin)
    seen: set[tuple[str, str]] = set()
    for case in run.get("cases", ()):
        if not case.notebook:
            raise ConfigurationError(
                f"{where(origin, 'run.cases')}: a case of {TABLE}.run.cases names no notebook",
                next_step='add notebook = "PATH"',
            )
        if (case.notebook, case.name) in seen or set("[]:/\\").intersection(case.name):
            raise ConfigurationError(
                f'{where(origin, "run.cases")}: the name "{case.name}" of a case of '
                f"{case.notebook} stands twice, or holds one of [ ] : / \\",
                next_step="give each case of a notebook a name of its own",
            )
        seen.add((case.notebook, case.name))
    for name, place in run.get("secrets", {}).items():
        if name.count("/") != 1 or not place.startswith(SECRET_SOURCES):
            raise ConfigurationError(
                f'{where(origin, "run.secrets")}: {TABLE}.run.secrets: "{name}" is not '
                "SCOPE/KEY, or its value says no place",
                next_step='write "scope/key" = "env:NAME", "file:PATH" or '
                '"keyvault://VAULT/SECRET"; a secret itself does not belong here, a made-up value '
                'is "fake:VALUE"',
            )


def _one_of(key: str, value: str, known: Iterable[str], origin: str) -> None:
    names = list(known)
    if value and value not in names:
        near = _nearest(value, names, cutoff=0.4)
        raise ConfigurationError(
            f'{where(origin, key)}: unknown value "{value}" of {TABLE}.{key}',
            next_step=f"{near} known: {', '.join(names)}".strip(),
        )


def _check_code(code: str, key: str, origin: str) -> None:
    if not _MISSPELT.fullmatch(code) or any(known.startswith(code) for known in RULES):
        return
    hint = _nearest_code(code) or "docs/rules/ lists the codes"
    place = where(origin, key)
    raise ConfigurationError(f'{place}: unknown code "{code}" in {TABLE}.{key}', next_step=hint)


def _check_lock(entry: str, origin: str) -> None:
    if CODE.fullmatch(entry) or _MISSPELT.fullmatch(entry):
        _check_code(entry, "locked", origin)
        return
    known = [*(key for key in KEYS if key != "extend"), *POLICY_KEYS]
    if entry not in known:
        raise ConfigurationError(
            f'{where(origin, "locked")}: "{entry}" in {TABLE}.locked is neither a key nor a code',
            next_step=_nearest(entry, known) or f"known keys: {', '.join(known)}",
        )


def _nearest(word: str, known: list[str], *, cutoff: float = 0.5) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=cutoff)
    return f'did you mean "{near[0]}"?' if near else ""


def _nearest_code(code: str) -> str:
    """The nearest code of the same hundred: one of another says something else altogether."""
    digits = code.replace("O", "0")
    known = [each for each in RULES if each[:4] == digits[:4]]
    near = difflib.get_close_matches(digits, known, n=20, cutoff=0.6)
    best = max(near, key=lambda each: sum(map(eq, each, digits)), default="")
    return f'did you mean "{best}"?' if best else ""
