"""The settings of a project as frozen values, and what they say about a finding."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

from pytest_dbxgate.codes import Severity
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.settings.run import RunSettings
from pytest_dbxgate.settings.targets import TargetSettings

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

CODE = re.compile(r"[A-Z]{1,10}[0-9]{0,5}|invalid-syntax")
"""A code or a family of codes."""


@dataclass(frozen=True, slots=True)
class Policy:
    """``[tool.dbxgate.policy]``: what a team requires beyond what is right or wrong."""

    title_cell: bool = False
    owner: bool = False
    allowed_magics: tuple[str, ...] = ()
    allowed_languages: tuple[str, ...] = ()
    max_cells: int = 0
    """0: no limit."""


class PolicyOrigin(NamedTuple):
    """A policy that a project obeys, for the header and the reports."""

    name: str
    version: str
    """Empty where it names none."""
    origin: str
    """``package:resource``, or its path relative to the folder whose settings name it, with
    ``/``."""
    sha256: str
    """Of the policy file, in hex."""

    @property
    def title(self) -> str:
        """Its name and version: ``acme 2.1``."""
        return f"{self.name} {self.version}".rstrip()

    def __str__(self) -> str:
        return f"{self.title} ({self.origin}, sha256 {self.sha256[:12]})"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one project, merged with the policies it extends. Paths and patterns are
    relative to ``folder``."""

    extend: str = ""
    """The policy: ``package:resource``, or a path relative to the file that names it."""
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
    unsilenceable: tuple[str, ...] = ()
    """Codes and families that are always reported."""
    baseline: str = ""
    """The file of known findings."""
    max_size_mb: int = 10
    """The largest notebook an import takes."""
    workspace_roots: Mapping[str, str] = field(default_factory=dict)
    """Folder of the workspace -> the folder of the project that is deployed there."""
    module_roots: tuple[str, ...] = (".", "src")
    """Folders from which the notebooks import modules."""
    policy: Policy = field(default_factory=Policy)
    project: str = ""
    """What the project is called in the workspace; empty: as its repository is."""
    publish: tuple[str, ...] = ()
    """Patterns of plain files to publish besides the modules that notebooks import."""
    targets: Mapping[str, TargetSettings] = field(default_factory=dict)
    """Where it is published, by name."""
    run: RunSettings = field(default_factory=RunSettings)
    """Which notebooks are run, and how."""

    folder: str = "."
    """Where the settings stand, relative to the root of the run, with ``/``."""
    origin: str = ""
    """The file they were read from, for messages."""
    root_inside: str = ""
    """The root of the run relative to the settings' folder, where that stands above the root."""
    extended_by: str = ""
    """The file that names the policy: this project's own, or that of one around it."""
    policies: tuple[PolicyOrigin, ...] = ()
    """What ``extend`` led to, the nearest first."""
    missing_policy: str = ""
    """Why there is none though ``extend`` names one: then these are the project's own values."""

    @property
    def python_version(self) -> str:
        """The Python to check for, or an empty string where it is unknown."""
        return self.python or RUNTIMES.get(self.runtime, "")

    def inside(self, path: str) -> str:
        """``path`` (relative to the root of the run) relative to this project's folder."""
        if self.root_inside:
            return f"{self.root_inside}/{path}"
        return path if self.folder == "." else path.removeprefix(self.folder + "/")

    def is_unsilenceable(self, code: str) -> bool:
        """Whether findings of ``code`` are reported whatever a comment, ``ignore``, the baseline
        or a hook says."""
        return any(code.startswith(each) for each in self.unsilenceable)

    def severity(self, code: str, path: str, default: Severity | None) -> Severity | None:
        """What a finding of ``code`` in ``path`` means; None: not reported.

        The most specific entry of ``ignore``, ``warn`` and ``block`` decides: a code beats a
        family, an entry with a path beats one without; on a tie the stricter one.
        ``ignore`` says nothing about a code that is unsilenceable.
        """
        inside = self.inside(path)
        best: tuple[int, int] = (-1, -1)
        decided = default
        choices: tuple[tuple[int, tuple[str, ...], Severity | None], ...] = (
            (0, () if self.is_unsilenceable(code) else self.ignore, None),
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
        if colon and CODE.fullmatch(tail):
            return cls(pattern=head, code=tail)
        if CODE.fullmatch(entry):
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
