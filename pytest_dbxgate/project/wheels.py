"""Where a Python distribution keeps its packages, as far as its files say so.

No ``setup.py`` is ever executed: what stands in it as a literal counts, and the convention does.
"""

from __future__ import annotations

import configparser
import posixpath
import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILES = ("pyproject.toml", "setup.py", "setup.cfg")
"""Each of them may make its folder a distribution."""

_LARGEST = 1024 * 1024
_PACKAGE_DIR = re.compile(r"""package_dir\s*=\s*\{\s*(?:""|'')\s*:\s*["']([^"'\n]*)["']""")
_FIND = re.compile(
    r"""find(?:_namespace)?_packages\(\s*(?:where\s*=\s*)?["']([^"'\n]*)["']""",
)


def roots_of(root: Path, folder: str, files: Collection[str]) -> tuple[str, ...]:
    """The folders from which the distribution in ``folder`` takes its packages.

    ``files`` are those of :data:`FILES` that stand there. Paths are relative to ``root``, an
    empty string is ``root`` itself. Nothing where there is no distribution.
    """
    written: list[str] = []
    is_one = False
    for name in FILES:
        if name in files:
            text = _text(root / folder / name)
            found = _READERS[name](text)
            if found is not None:
                is_one = True
                written += found
    if not is_one:
        return ()
    inside = (posixpath.normpath(posixpath.join(folder, each)) for each in (*written, "src", "."))
    return tuple(
        dict.fromkeys("" if each == "." else each for each in inside if not each.startswith(".."))
    )


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > _LARGEST:
            return ""
        return file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return ""


def _of_pyproject(text: str) -> list[str] | None:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
    tool = document.get("tool")
    tool = tool if isinstance(tool, dict) else {}
    if not ("project" in document or "build-system" in document or "poetry" in tool):
        return None
    return list(_of_tools(tool))


def _of_tools(tool: dict[str, Any]) -> Iterator[str]:
    match tool.get("setuptools"):
        case {"package-dir": {"": str(folder)}}:
            yield folder
    match tool.get("setuptools"):
        case {"packages": {"find": {"where": list(folders)}}}:
            yield from (each for each in folders if isinstance(each, str))
    match tool.get("poetry"):
        case {"packages": list(packages)}:
            for package in packages:
                match package:
                    case {"from": str(folder)}:
                        yield folder
    match tool.get("hatch"):
        case {"build": {"targets": {"wheel": {"packages": list(folders)}}}}:
            yield from (posixpath.dirname(each) or "." for each in folders if isinstance(each, str))


def _of_setup_cfg(text: str) -> list[str] | None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    if not (parser.has_section("metadata") or parser.has_section("options")):
        return None
    found = [parser.get("options.packages.find", "where", fallback="").strip()]
    for line in parser.get("options", "package_dir", fallback="").splitlines():
        name, equals, folder = line.partition("=")
        if equals and not name.strip():
            found.append(folder.strip())
    return [each for each in found if each]


def _of_setup_py(text: str) -> list[str] | None:
    return [match[1] for pattern in (_PACKAGE_DIR, _FIND) for match in pattern.finditer(text)]


_READERS = {
    "pyproject.toml": _of_pyproject,
    "setup.py": _of_setup_py,
    "setup.cfg": _of_setup_cfg,
}
