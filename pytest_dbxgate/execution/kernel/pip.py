"""``%pip``: what is installed passes, for the rest there is a policy."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pytest_dbxgate.execution.spec import Spec

_WITH_VALUE = frozenset(
    {
        *("-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-f", "--find-links"),
        *("--trusted-host", "--proxy", "--timeout", "--retries", "--cert", "-t", "--target"),
        *("--platform", "--python-version", "--implementation", "--abi", "--upgrade-strategy"),
        *("--no-binary", "--only-binary", "--progress-bar", "--config-settings", "--prefix"),
        *("--root", "--src", "--cache-dir", "--log", "--report", "--global-option"),
    }
)
_FILES = ("-r", "--requirement")
_EDITABLE = ("-e", "--editable")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_PLACE = re.compile(r"^(?:\.{0,2}/|[A-Za-z]:[\\/]|~|file:|dbfs:|https?:|git\+|\.{1,2}$)|\.whl$")
_WHEEL = re.compile(r"(?:^|/)(?P<name>[\w.]+)-(?P<version>[\w.!+]+)-[^/]*\.whl$")


class PipError(Exception):
    """``%pip`` failed."""


@dataclass(slots=True)
class _Asked:
    """What a line asks pip for."""

    requirements: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


class Pip:
    """Runs the lines of ``%pip``."""

    def __init__(
        self, spec: Spec, notice: Callable[[str], None], local: Callable[[str], Path]
    ) -> None:
        self._spec = spec
        self._notice = notice
        self._local = local
        self.skipped: set[str] = set()
        """Names that modules of what was skipped may have."""

    def __call__(self, line: str) -> None:
        """Do what follows ``%pip``. Raises PipError."""
        try:
            words = _words(_COMMENT.sub("", line))
        except ValueError as error:
            raise PipError(f"%pip {line}: {error}") from None
        command = words[0] if words else ""
        if command == "install":
            self._install(words[1:])
        elif command == "uninstall":
            self._notice(f"%pip {line} was skipped: nothing is uninstalled on this machine")
        else:
            self._pip(words)

    def _install(self, words: list[str]) -> None:
        wanted = self._wanted(words)
        missing = [each for each in wanted if not satisfied(each)]
        if not wanted:
            raise PipError("%pip install: it names nothing to install")
        if not missing:
            print(f"Requirement already satisfied: {', '.join(wanted)}")
            return
        names = ", ".join(missing)
        if self._spec.pip == "fail":
            raise PipError(f"%pip install: {names} is not installed here; install it beforehand")
        if self._spec.pip != "install":
            self.skipped |= {_module(each) for each in missing}
            self._notice(f"%pip install {names} was skipped: it is not installed here")
            return
        target = Path(self._spec.packages)
        target.mkdir(parents=True, exist_ok=True)
        quiet = ["--disable-pip-version-check", "--no-input", "--upgrade"]
        self._pip(["install", "--target", str(target), *quiet, *self._mapped(words)])
        if str(target) not in sys.path:
            sys.path.insert(1, str(target))
        importlib.invalidate_caches()

    def _wanted(self, words: list[str]) -> list[str]:
        asked = _asked(words)
        for name in asked.files:
            asked.requirements += self._read(name)
        return asked.requirements

    def _read(self, name: str) -> list[str]:
        file = self._local(name)
        try:
            lines = file.read_text(encoding="utf-8").replace("\\\n", " ").split("\n")
        except OSError as error:
            raise PipError(f"%pip: {name} cannot be read: {error.strerror}") from None
        found: list[str] = []
        for line in lines:
            text = _COMMENT.sub("", line).strip()
            if text.startswith("-"):
                asked = _asked(_words(text))
                found += asked.requirements
                for other in asked.files:
                    found += self._read(str(file.parent / other))
            elif text:
                found.append(re.sub(r"\s+--hash=\S+", "", text))
        return found

    def _mapped(self, words: list[str]) -> list[str]:
        """The words with paths of the workspace as this machine has them."""
        known = ("/Workspace/", "/Volumes/", "/dbfs/", "dbfs:/")
        return [str(self._local(each)) if each.startswith(known) else each for each in words]

    def _pip(self, words: list[str]) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "pip", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        print(done.stdout, end="")
        if done.returncode:
            errors = [each for each in done.stdout.split("\n") if each.startswith("ERROR")]
            raise PipError(errors[-1] if errors else f"pip ended with exit code {done.returncode}")


def _words(text: str) -> list[str]:
    # A path of Windows keeps its backslashes.
    return shlex.split(text.replace("\\", "\\\\") if sys.platform == "win32" else text)


def satisfied(requirement: str) -> bool:
    """Whether what is asked for is installed."""
    from packaging.requirements import InvalidRequirement, Requirement

    wheel = _WHEEL.search(requirement)
    if wheel is not None:
        requirement = f"{wheel['name']}=={wheel['version']}"
    elif _PLACE.search(requirement):
        return False
    try:
        parsed = Requirement(requirement)
    except InvalidRequirement:
        return False
    if parsed.marker is not None and not parsed.marker.evaluate():
        return True
    try:
        version = importlib.metadata.version(parsed.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return parsed.specifier.contains(version, prereleases=True)


def _module(requirement: str) -> str:
    """What a module of a requirement may be called, in lower case."""
    wheel = _WHEEL.search(requirement)
    name = wheel["name"] if wheel else re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "_", name).lower()


def _asked(words: list[str]) -> _Asked:
    found = _Asked()
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name in _FILES:
            found.files.append(value if equals else next(rest, ""))
        elif word.startswith("-r"):
            found.files.append(word[2:])
        elif name in _EDITABLE:
            found.requirements.append(value if equals else next(rest, ""))
        elif word in _WITH_VALUE:
            next(rest, "")
        elif not word.startswith("-"):
            found.requirements.append(word)
    return found
