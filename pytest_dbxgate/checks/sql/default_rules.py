"""The sqlfluff rules that run where a project configures none."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

DEFAULT_RULES: Mapping[str, str] = MappingProxyType(
    {
        "AL08": "Two columns of one result share a name: it cannot be saved, and reading the "
        "column from `_sqldf` is ambiguous.",
        "AM07": "The queries of a UNION have different numbers of columns: it fails when it runs.",
        "AM08": "A JOIN without a condition multiplies its tables; CROSS JOIN says so on purpose.",
        "CV05": "A comparison with NULL by = or <> is never true; IS NULL was meant.",
        "ST03": "A common table expression that nothing reads is left over or misspelt.",
    }
)
"""Code -> why it is on. No layout rule is: none of them breaks a run, and each of them objects to
many notebooks that were never laid out by sqlfluff."""

NEEDED_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "AL08": r"(?s)\bselect\b.*,",
        "AM07": r"\b(?:union|intersect|except|minus)\b",
        "AM08": r"\bjoin\b",
        "CV05": r"\bnull\b",
        "ST03": r"\bwith\b",
    }
)
"""Code -> a pattern without which no text breaks the rule."""
