"""The tools behind a run: their versions, and everything a result depends on but the notebook."""

from __future__ import annotations

import hashlib
import os
import posixpath
import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path

from pytest_dbxgate import __version__
from pytest_dbxgate.checks import configurations
from pytest_dbxgate.checks.python import ruff_mirror
from pytest_dbxgate.checks.result import ToolStatus
from pytest_dbxgate.discovery import Discovery
from pytest_dbxgate.projects import Projects

_PACKAGES = ("ruff", "sqlfluff", "sqlglot", "nbformat", "tree-sitter-scala", "tree-sitter-r")
POLICY = "policy"
"""The status of the policies; there is one only where a policy is missing."""

_REPORTED = {"ruff": "ruff", "sqlfluff": "sqlfluff", "grammar": "tree-sitter-scala"}


@cache
def versions() -> Mapping[str, str]:
    """Installed versions by package; packages that are not installed are left out."""
    found: dict[str, str] = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def statuses(errors: Mapping[str, str], policies: Sequence[str] = ()) -> tuple[ToolStatus, ...]:
    """One status for each tool whose failure is an item of its own, and one for the ``policies``
    that are not there."""
    tools = tuple(
        ToolStatus(name, versions().get(package, ""), errors.get(name, ""))
        for name, package in _REPORTED.items()
    )
    return (*tools, ToolStatus(POLICY, "", "\n".join(policies))) if policies else tools


def environment(root: Path, discovery: Discovery, projects: Projects) -> str:
    """A digest of all that decides a result besides the notebook's bytes.

    Tools, settings, the files that configure a tool for some notebook, and the names of the
    repository's modules (ruff's first-party imports).
    """
    digest = hashlib.sha256()

    def add(*parts: object) -> None:
        digest.update("\0".join(map(repr, parts)).encode("utf-8", "surrogateescape"))

    add(__version__, sys.version_info[:2], sorted(versions().items()), shutil.which("Rscript"))
    add(sorted(projects.by_folder.items()), projects.default)
    for path in discovery.others:
        if path.endswith(".py"):
            add(path)
    for file in sorted(_configurations(root, discovery)):
        # A checkout that moves keeps its cache.
        inside = file.is_relative_to(root)
        add(str(file.relative_to(root) if inside else file), _bytes(file))
    return digest.hexdigest()


def _configurations(root: Path, discovery: Discovery) -> set[Path]:
    """The files that configure a tool beside a notebook, above it, for the user, or because
    another extends them. That git ignores one is nothing to the tools."""
    inside = {""}
    for item in discovery.notebooks:
        folder = posixpath.dirname(item.path)
        while folder not in inside:
            inside.add(folder)
            folder = posixpath.dirname(folder)
    home = Path("~").expanduser()
    user = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "sqlfluff"
    places = [*(root / folder for folder in inside), *root.parents, home, user]
    found = [
        Path(file)
        for place in places
        for name in configurations.ALL
        if os.path.isfile(file := os.path.join(place, name))  # noqa: PTH113, PTH118 - many, fast
    ]
    return {*found, *ruff_mirror.with_extended(each for each in found if each.suffix == ".toml")}


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
