"""Which settings hold for which notebook: the nearest ``[tool.dbxgate]`` above it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path

from pytest_dbxgate import settings as settings_module
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.settings import PolicyOrigin, Settings, matches

CONFIGURATION_NAMES = ("dbxgate.toml", "pyproject.toml")
"""Where settings may stand; in one folder the first wins."""


@dataclass(frozen=True)
class Projects:
    """The settings of a run, one for each folder that has its own."""

    by_folder: Mapping[str, Settings]
    default: Settings = field(default_factory=Settings)

    def of(self, path: str) -> Settings:
        """The settings of the nearest project above ``path``."""
        return self._nearest(path.rpartition("/")[0])

    @cached_property
    def _nearest(self) -> Callable[[str], Settings]:
        """The settings that hold in a folder; asked for every finding, so remembered."""

        @cache
        def nearest(folder: str) -> Settings:
            if folder in self.by_folder:
                return self.by_folder[folder]
            if not folder:
                return self.by_folder.get(".", self.default)
            return nearest(folder.rpartition("/")[0])

        return nearest

    def of_key(self, key: NotebookKey) -> Settings:
        return self.of(key.path)

    @property
    def policies(self) -> tuple[PolicyOrigin, ...]:
        """The policies of all projects, each once, in the order of the projects' folders."""
        found = (policy for _, each in sorted(self.by_folder.items()) for policy in each.policies)
        return tuple(dict.fromkeys(found))

    @property
    def missing_policies(self) -> tuple[str, ...]:
        """A message for each policy that is named and is not there."""
        return tuple(
            dict.fromkeys(
                each.missing_policy
                for _, each in sorted(self.by_folder.items())
                if each.missing_policy
            )
        )

    def wants(self, path: str, *, job: bool = False) -> bool:
        """Whether ``exclude`` of its project and, but for a job file, ``notebooks`` take ``path``
        in."""
        settings = self.of(path)
        inside = settings.inside(path)
        listed = any(matches(inside, each) for each in settings.notebooks)
        if settings.notebooks and not listed and not job:
            return False
        return not any(matches(inside, each) for each in settings.exclude)


def load(root: Path, files: Iterable[str]) -> Projects:
    """Read the settings that stand in ``files`` (relative to ``root``) and above ``root``.

    A project that names no policy obeys that of the project around it.
    Raises :class:`~pytest_dbxgate.errors.ConfigurationError` for settings that make no sense.
    """
    by_folder: dict[str, Settings] = {}
    above: Settings | None = None
    for folder in reversed(_up_to_repository(root)):
        found = _first(folder, CONFIGURATION_NAMES, ".", above)
        if found is not None:
            inside = root.relative_to(folder).as_posix()
            above = found if inside == "." else replace(found, root_inside=inside)
    if above is not None:
        by_folder["."] = above
    for inner, names in _files_by_folder(files):
        found = _first(root / inner, names, inner, _around(inner, by_folder))
        if found is not None:
            by_folder[inner] = found
    for each in by_folder.values():
        _check_roots(root, each)
    return Projects(by_folder)


def _check_roots(root: Path, settings: Settings) -> None:
    """A folder that ``workspace_roots`` names and that is not there would make every absolute path
    below it a missing notebook. What a policy names need not be in each repository."""
    if settings.policies:
        return
    folder = root / settings.folder
    for _ in filter(None, settings.root_inside.split("/")):
        folder = folder.parent
    for place, inside in settings.workspace_roots.items():
        if not (folder / inside.strip("/")).is_dir():
            names = [each.name for each in folder.iterdir() if each.is_dir()]
            near = get_close_matches(inside.strip("/"), sorted(names), n=1)
            raise ConfigurationError(
                f'{settings.origin}: workspace_roots: "{place}" = "{inside}": there is no such '
                "folder",
                next_step=f'did you mean "{near[0]}"?' if near else "name a folder of the project",
            )


def _first(
    folder: Path, names: Iterable[str], inside: str, around: Settings | None
) -> Settings | None:
    """The settings in the first of the files ``names`` that holds some."""
    for name in names:
        file = folder / name
        if file.is_file():
            found = settings_module.load(file, folder=inside, around=around)
            if found is not None:
                return found
    return None


def _files_by_folder(files: Iterable[str]) -> list[tuple[str, list[str]]]:
    """The names of the settings files in each folder below the root, outer folders first."""
    names: dict[str, list[str]] = {}
    for path in files:
        folder, _, name = path.rpartition("/")
        if folder and name in CONFIGURATION_NAMES:
            names.setdefault(folder, []).append(name)
    outer_first = sorted(names, key=lambda folder: (folder.count("/"), folder))
    return [(each, sorted(names[each], key=CONFIGURATION_NAMES.index)) for each in outer_first]


def _around(folder: str, known: Mapping[str, Settings]) -> Settings | None:
    """The settings of the nearest project around ``folder``."""
    while folder != ".":
        folder = folder.rpartition("/")[0] or "."
        if folder in known:
            return known[folder]
    return None


def _up_to_repository(root: Path) -> list[Path]:
    """``root`` and the folders above it, up to the top of its repository."""
    folders = [root]
    while not (folders[-1] / ".git").exists() and folders[-1].parent != folders[-1]:
        folders.append(folders[-1].parent)
    return folders
