"""The language an ``.ipynb`` says it is written in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pytest_dbxgate.notebook.model import Language, Problem

NOTEBOOK_KEY = "application/vnd.databricks.v1+notebook"
"""Where Databricks keeps what it knows about a notebook, in the notebook's metadata."""

_LANGUAGES = {
    "python": Language.PYTHON,
    "ipython": Language.PYTHON,
    "pyspark": Language.PYTHON,
    "sql": Language.SQL,
    "sparksql": Language.SQL,
    "scala": Language.SCALA,
    "spark": Language.SCALA,
    "r": Language.R,
    "ir": Language.R,
    "sparkr": Language.R,
}
_VERSION = re.compile(r"[\d.]*$")


def find_language(metadata: Mapping[str, Any]) -> tuple[Language, Problem | None]:
    """The language of the notebook's plain cells, and the problem with it if there is one.

    Databricks' own key decides, then the kernel's language, then its name; a notebook that
    names none is Python. One in a language Databricks does not have is ``OTHER``: its cells
    cannot be checked.
    """
    kernel = _table(metadata, "kernelspec")
    named = [
        _table(metadata, NOTEBOOK_KEY).get("language"),
        _table(metadata, "language_info").get("name"),
        kernel.get("language"),
    ]
    names = [name for name in named if isinstance(name, str) and name]
    for name in names:
        language = _known(name)
        if language is not None:
            return language, None
    if not names:
        return _of_kernel(kernel.get("name")), None
    return Language.OTHER, Problem(
        code="DBX113",
        message=f"the notebook's language is {names[0][:40]!a}",
        hint="Databricks knows python, sql, scala and r; convert the notebook or exclude it",
    )


def _known(name: str) -> Language | None:
    return _LANGUAGES.get(_VERSION.sub("", name.strip().lower()))


def _of_kernel(name: object) -> Language:
    """Kernels carry free names (``my-env``), so an unknown one means nothing."""
    if not isinstance(name, str):
        return Language.PYTHON
    for word in re.split(r"[^a-z0-9]+", name.lower()):
        language = _known(word.removesuffix("kernel"))
        if language is not None:
            return language
    return Language.PYTHON


def _table(metadata: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = metadata.get(key)
    return value if isinstance(value, dict) else {}
