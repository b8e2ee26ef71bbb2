"""The names of the files that configure the tools."""

from __future__ import annotations

RUFF = (".ruff.toml", "ruff.toml", "pyproject.toml")
"""In the order ruff prefers them: the first of a folder wins."""

SQLFLUFF = ("setup.cfg", "tox.ini", "pep8.ini", ".sqlfluff", "pyproject.toml")
"""sqlfluff reads all of a folder's."""

ALL = frozenset((*RUFF, *SQLFLUFF))
