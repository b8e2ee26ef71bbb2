"""Where the file stands that ``extend`` names. Nothing of a package is imported or run."""

from __future__ import annotations

import importlib.util
import os
import re
import site
import sys
import sysconfig
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import NamedTuple

from pytest_dbxgate.errors import ConfigurationError, MissingPolicyError
from pytest_dbxgate.settings.toml import TABLE, where

# One letter before the colon is a drive of Windows.
_PACKAGED = re.compile(r"([A-Za-z_][\w.-]+):([^\\].*)")


class Located(NamedTuple):
    """A policy file that is there."""

    file: Path
    package: str
    """The package it belongs to; empty for a file that was named by its path."""
    root: Path
    """The folder that its name counts from: the package's, or the project's."""

    @property
    def name(self) -> str:
        """What to call it in messages and reports: the same on every machine."""
        try:
            path = Path(os.path.relpath(self.file, self.root)).as_posix()
        except ValueError:  # another drive of Windows
            path = self.file.as_posix()
        return f"{self.package}:{path}" if self.package else path


def locate(extend: str, origin: str, parent: Located | None = None) -> Located:
    """The file that ``extend`` in the file ``origin`` means; ``parent`` is that file where it is
    itself a policy. Raises :class:`ConfigurationError` where there is none."""
    if found := _PACKAGED.fullmatch(extend):
        return _in_package(found[1], found[2], origin)
    folder = parent.file.parent if parent else Path(origin).parent
    file = Path(os.path.normpath(folder / extend))
    if not file.is_file():
        raise MissingPolicyError(
            f'{where(origin, "extend")}: {TABLE}.extend: there is no file "{extend}"',
            next_step=f"it is looked for as {file}; a policy in a package is written "
            '"package:policy.toml"',
        )
    inside = parent and parent.package and file.is_relative_to(parent.root)
    if parent and inside:
        return Located(file, parent.package, parent.root)
    return Located(file, "", Path(origin).parent if parent is None else parent.root)


def _in_package(package: str, resource: str, origin: str) -> Located:
    place = f"{where(origin, 'extend')}: {TABLE}.extend"
    top, *inner = package.split(".")
    spec = _spec(top) if all(part.isidentifier() for part in (top, *inner)) else None
    if spec is None or not spec.submodule_search_locations:
        raise MissingPolicyError(
            f'{place}: the package "{package}" is not installed',
            next_step=f"pip install {top.replace('_', '-')}, or what else brings that package; "
            "its name is that of an import, with _ for -",
        )
    parts = resource.split("/")
    if any(part in ("", ".", "..") or "\\" in part for part in parts):
        raise ConfigurationError(
            f'{place}: "{resource}" is no resource of a package',
            next_step='name a file inside the package, such as "policies/strict.toml"',
        )
    for location in spec.submodule_search_locations:
        root = Path(location, *inner)
        if (file := root.joinpath(*parts)).is_file():
            return Located(file, package, root)
    raise MissingPolicyError(
        f'{place}: the package "{package}" has no file "{resource}"',
        next_step="correct the name, or pip install --upgrade the package that holds it",
    )


def _spec(name: str) -> ModuleSpec | None:
    """The specification of a top-level package, which is found without importing it.

    What is installed comes first: a folder of the same name in the working tree, which
    ``python -m pytest`` puts on the path, must not take the place of the policy.
    """
    paths = sysconfig.get_paths()
    installed = [paths["purelib"], paths["platlib"], *site.getsitepackages()]
    if site.ENABLE_USER_SITE:
        installed.append(site.getusersitepackages())
    try:
        found = PathFinder.find_spec(name, [each for each in sys.path if each in installed])
        return found or importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
