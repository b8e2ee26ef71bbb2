"""The word that was probably meant."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

_MOST_WORDS = 200
_MOST_SEARCHES = 100
"""A comparison costs microseconds, and a job may have thousands of wrong words."""


class Words:
    """The words that would have been right."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = known
        self._answers: dict[str, str] = {}

    def closest(self, word: str) -> str:
        """The nearest word; an empty string where none comes near."""
        if word not in self._answers:
            if len(self._answers) >= _MOST_SEARCHES:
                return ""
            self._answers[word] = self._search(word.casefold())
        return self._answers[word]

    def _search(self, wanted: str) -> str:
        words = list(self._folded)
        if len(words) > _MOST_WORDS:
            words = self._by_start[wanted[:2]]
        found = difflib.get_close_matches(wanted, words[:_MOST_WORDS], n=1, cutoff=0.7)
        return self._folded[found[0]] if found else ""

    @cached_property
    def _folded(self) -> dict[str, str]:
        return {each.casefold(): each for each in sorted(self._known, reverse=True)}

    @cached_property
    def _by_start(self) -> defaultdict[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for word in self._folded:
            found[word[:2]].append(word)
        return found


def closest_word(word: str, known: Iterable[str]) -> str:
    """The nearest of ``known``; an empty string where none comes near."""
    return Words(known).closest(word)
