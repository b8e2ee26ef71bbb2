"""``[tool.dbxgate]`` and ``dbxgate.toml`` as frozen, validated values."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from pytest_dbxgate.codes import RULES, Severity
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.notebook.model import NotebookKey

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RUNTIMES: Mapping[str, str] = {
    "13.3": "3.10",
    "14.3": "3.10",
    "15.4": "3.11",
    "16.4": "3.12",
    "17.3": "3.12",
}
"""Databricks Runtime (LTS) -> its Python, from the release notes of each runtime."""

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
"""Pythons that ``python`` may name."""

CHECKABLE_LANGUAGES = ("python", "sql", "scala", "r")
"""Languages that ``allow_unchecked`` may name."""

_CODE = re.compile(r"[A-Z]{1,10}[0-9]{0,5}|invalid-syntax")
_MISSPELT = re.compile(r"DBX[A-Za-z0-9]*")


@dataclass(frozen=True, slots=True)
class Policy:
    """``[tool.dbxgate.policy]``: what a team requires beyond what is right or wrong."""

    title_cell: bool = False
    owner: bool = False
    allowed_magics: tuple[str, ...] = ()
    allowed_languages: tuple[str, ...] = ()
    max_cells: int = 0
    """0: no limit."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one project. Paths and patterns are relative to ``folder``."""

    notebooks: tuple[str, ...] = ()
    """Patterns of the notebooks to gate; empty: all."""
    exclude: tuple[str, ...] = ()
    """Patterns of notebooks left alone."""
    runtime: str = ""
    """The Databricks Runtime the notebooks run on, such as ``15.4``; empty: unknown."""
    python: str = ""
    """The Python they run on, such as ``3.11``; beats ``runtime``."""
    globals: tuple[str, ...] = ()
    """Names that exist in every Python cell besides Databricks' own."""
    strict_sql: bool = False
    """One parser's vote is enough for an error."""
    sql_timeout: int = 20
    """Seconds one SQL cell may take."""
    allow_unchecked: tuple[str, ...] = ()
    """Languages whose cells may stay unchecked."""
    ignore: tuple[str, ...] = ()
    warn: tuple[str, ...] = ()
    block: tuple[str, ...] = ()
    baseline: str = ""
    """The file of known findings."""
    max_size_mb: int = 10
    """The largest notebook an import takes."""
    policy: Policy = field(default_factory=Policy)

    folder: str = "."
    """Where the settings stand, relative to the root of the run, with ``/``."""
    origin: str = ""
    """The file they were read from, for messages."""
    root_inside: str = ""
    """The root of the run relative to the settings' folder, where that stands above the root."""

    @property
    def python_version(self) -> str:
        """The Python to check for, or an empty string where it is unknown."""
        return self.python or RUNTIMES.get(self.runtime, "")

    def inside(self, path: str) -> str:
        """``path`` (relative to the root of the run) relative to this project's folder."""
        if self.root_inside:
            return f"{self.root_inside}/{path}"
        return path if self.folder == "." else path.removeprefix(self.folder + "/")

    def severity(self, code: str, path: str, default: Severity | None) -> Severity | None:
        """What a finding of ``code`` in ``path`` means; None: not reported.

        The most specific entry of ``ignore``, ``warn`` and ``block`` decides: a code beats a
        family, an entry with a path beats one without; on a tie the stricter one.
        """
        inside = self.inside(path)
        best: tuple[int, int] = (-1, -1)
        decided = default
        choices: tuple[tuple[int, tuple[str, ...], Severity | None], ...] = (
            (0, self.ignore, None),
            (1, self.warn, Severity.WARNING),
            (2, self.block, Severity.ERROR),
        )
        for strictness, entries, severity in choices:
            for entry in entries:
                weight = Selector.parse(entry).weight(code, inside)
                if weight >= 0 and (weight, strictness) > best:
                    best, decided = (weight, strictness), severity
        return decided


SettingsOf = Callable[[NotebookKey], Settings]
"""The settings of a notebook's project."""


@dataclass(frozen=True, slots=True)
class Selector:
    """An entry of ``ignore``, ``warn`` or ``block``: ``CODE``, ``FAMILY``, ``glob`` or
    ``glob:CODE``."""

    pattern: str
    code: str

    @classmethod
    def parse(cls, entry: str) -> Selector:
        head, colon, tail = entry.rpartition(":")
        if colon and _CODE.fullmatch(tail):
            return cls(pattern=head, code=tail)
        if _CODE.fullmatch(entry):
            return cls(pattern="", code=entry)
        return cls(pattern=entry, code="")

    def weight(self, code: str, path: str) -> int:
        """How specific the entry is about ``code`` in ``path``; -1 where it says nothing."""
        if self.pattern and not matches(path, self.pattern):
            return -1
        if not code.startswith(self.code):
            return -1
        return (100 if self.pattern else 0) + len(self.code)


def matches(path: str, pattern: str) -> bool:
    """Whether ``pattern`` covers ``path``: a file, a folder, or a glob (``*`` crosses ``/``)."""
    pattern = pattern.removeprefix("./").rstrip("/")
    if pattern in ("", "."):
        return True
    return (
        path == pattern
        or path.startswith(pattern + "/")
        or fnmatchcase(path, pattern)
        or ("**/" in pattern and fnmatchcase(path, pattern.replace("**/", "")))
    )


def parse(table: Mapping[str, Any], *, folder: str = ".", origin: str = "") -> Settings:
    """Validate the table of one project.

    Raises :class:`ConfigurationError` naming the file, the key and the nearest right one.
    """
    values = _typed(Settings, table, origin=origin, prefix="tool.dbxgate")
    settings = Settings(**values, folder=folder, origin=origin)
    _check_values(settings)
    return settings


def load(file: Path, *, folder: str = ".") -> Settings | None:
    """The settings in a ``pyproject.toml`` or ``dbxgate.toml``; None where it has none."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        if file.name == "dbxgate.toml" or _mentions_us(file):
            raise ConfigurationError(
                f"{file}: cannot be read: {error}", next_step="mend the file and run again"
            ) from None
        return None
    if file.name == "dbxgate.toml":
        table = document.get("tool", {}).get("dbxgate", document)
    else:
        table = document.get("tool", {}).get("dbxgate")
    if table is None:
        return None
    if not isinstance(table, dict):
        raise ConfigurationError(f"{file}: tool.dbxgate must be a table")
    return parse(table, folder=folder, origin=str(file))


def _mentions_us(file: Path) -> bool:
    try:
        return b"dbxgate" in file.read_bytes()
    except OSError:
        return False


_INTERNAL = frozenset({"folder", "origin", "root_inside"})


def _typed(kind: type, table: Mapping[str, Any], *, origin: str, prefix: str) -> dict[str, Any]:
    hints = get_type_hints(kind)
    known = [item.name for item in fields(kind) if item.name not in _INTERNAL]
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f'did you mean "{near[0]}"?' if near else f"known keys: {', '.join(known)}"
            raise ConfigurationError(f'{origin}: unknown key "{key}" in [{prefix}]', next_step=hint)
        values[key] = _value(hints[key], value, origin=origin, name=f"{prefix}.{key}")
    return values


def _value(hint: Any, value: Any, *, origin: str, name: str) -> Any:
    if hint is Policy and isinstance(value, dict):
        return Policy(**_typed(Policy, value, origin=origin, prefix=name))
    if get_origin(hint) is tuple and get_args(hint)[0] is str:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        expected = 'a list of strings, such as ["a", "b"]'
    elif hint is bool:
        if isinstance(value, bool):
            return value
        expected = "true or false"
    elif hint is int:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        expected = "a whole number from 0"
    elif hint is str:
        if isinstance(value, str):
            return value
        expected = 'a string, such as "a"'
    else:
        expected = "a table"
    raise ConfigurationError(f"{origin}: {name} is {value!r}", next_step=f"write {expected}")


def _check_values(settings: Settings) -> None:
    _one_of(settings, "runtime", settings.runtime, RUNTIMES)
    _one_of(settings, "python", settings.python, PYTHONS)
    for language in settings.allow_unchecked:
        _one_of(settings, "allow_unchecked", language, CHECKABLE_LANGUAGES)
    for key in ("ignore", "warn", "block"):
        for entry in getattr(settings, key):
            _check_selector(settings, key, entry)


def _one_of(settings: Settings, key: str, value: str, known: Any) -> None:
    if value and value not in known:
        near = difflib.get_close_matches(value, list(known), n=1, cutoff=0.4)
        hint = f'did you mean "{near[0]}"? ' if near else ""
        raise ConfigurationError(
            f'{settings.origin}: unknown value "{value}" of tool.dbxgate.{key}',
            next_step=f"{hint}known: {', '.join(known)}",
        )


def _check_selector(settings: Settings, key: str, entry: str) -> None:
    selector = Selector.parse(entry)
    code = selector.code or (selector.pattern if _MISSPELT.fullmatch(selector.pattern) else "")
    if code.startswith("DBX") and not any(known.startswith(code) for known in RULES):
        near = difflib.get_close_matches(code, list(RULES), n=1, cutoff=0.4)
        hint = f'did you mean "{near[0]}"?' if near else "docs/rules/ lists the codes"
        raise ConfigurationError(
            f'{settings.origin}: unknown code "{code}" in tool.dbxgate.{key}', next_step=hint
        )
