"""Where sqlfluff's configuration of a notebook comes from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pytest_dbxgate.checks import configurations


class Folders:
    """Finds the folder that decides about a notebook, asking the disk once a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._deciding: dict[str, str] = {}

    def deciding(self, path: str) -> str:
        """The nearest folder above ``path`` (relative to the root, with ``/``) that configures
        sqlfluff, as an absolute path; the root where none does."""
        folder = path.rpartition("/")[0]
        if folder not in self._deciding:
            here = self._root / folder
            nearest = not folder or any(configured(here))
            self._deciding[folder] = str(here) if nearest else self.deciding(folder)
        return self._deciding[folder]


def configured(folder: Path) -> Iterator[Path]:
    """The files of ``folder`` that configure sqlfluff."""
    for name in configurations.SQLFLUFF:
        file = folder / name
        try:
            if file.is_file() and (name == ".sqlfluff" or b"sqlfluff" in file.read_bytes()):
                yield file
        except OSError:
            yield file  # let sqlfluff say what is wrong with it
