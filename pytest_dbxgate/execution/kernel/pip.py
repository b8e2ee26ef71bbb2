"""``%pip``: what is there passes, what is not follows the policy of the run."""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

_WITH_VALUE = frozenset(
    {
        *("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "-c", "--constraint"),
        *("-t", "--target", "--trusted-host", "--proxy", "--timeout", "--retries", "--cert"),
        *("--platform", "--python-version", "--prefix", "--root", "--src", "--no-binary"),
        *("--only-binary", "--progress-bar", "--config-settings", "--upgrade-strategy"),
    }
)


class PipError(Exception):
    """A requirement cannot be had."""


class Policy(NamedTuple):
    """What becomes of a requirement that is not satisfied."""

    name: str
    """``skip``, ``install`` or ``fail``."""
    folder: Path
    """Where ``install`` installs into."""
    notice: Callable[[str], None]


def run(line: str, policy: Policy) -> None:
    """What stands behind ``%pip``. Raises :class:`PipError`."""
    words = shlex.split(line, comments=True, posix=os.name != "nt")
    if not words or words[0] != "install":
        policy.notice(f"%pip {line.strip()} was passed over")
        return
    missing = [each for each in _requirements(words[1:]) if not _is_satisfied(each)]
    if not missing:
        return
    listed = ", ".join(missing)
    if policy.name == "skip":
        policy.notice(f"%pip: not installed and passed over: {listed}")
    elif policy.name == "fail":
        raise PipError(
            f"not installed: {listed}. Install it beside pytest-dbxgate, or set "
            'pip = "install" or "skip" in [tool.dbxgate.run]'
        )
    else:
        _install(words[1:], policy.folder)


def _requirements(words: list[str]) -> Iterator[str]:
    """The requirements, those of ``-r`` files included."""
    rest = iter(words)
    for word in rest:
        if word in ("-r", "--requirement"):
            yield from _of_file(next(rest, ""))
        elif word.startswith(("--requirement=", "-r")) and len(word) > 2:
            yield from _of_file(word.partition("=")[2] or word[2:])
        elif word in ("-e", "--editable"):
            yield next(rest, "")
        elif word in _WITH_VALUE:
            next(rest, None)
        elif not word.startswith("-"):
            yield word


def _of_file(name: str) -> Iterator[str]:
    try:
        text = Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise PipError(f"the requirements file {name} cannot be read: {error.strerror}") from None
    for line in text.splitlines():
        words = shlex.split(line, comments=True, posix=os.name != "nt")
        yield from _requirements(words)


def _is_satisfied(text: str) -> bool:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        if text.endswith(".whl"):
            name, version, *_ = parse_wheel_filename(Path(text).name)
            return importlib.metadata.version(name) == str(version)
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate():
            return True
        installed = importlib.metadata.version(requirement.name)
        return requirement.specifier.contains(installed, prereleases=True)
    except (InvalidRequirement, InvalidWheelFilename, importlib.metadata.PackageNotFoundError):
        return False


def _install(words: list[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder)]
    command += ["--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        raise PipError(f"pip could not install {' '.join(words)}: {last}")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
