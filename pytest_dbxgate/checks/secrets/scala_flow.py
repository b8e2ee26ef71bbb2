"""Where the values of a secret scope go in Scala, as far as single lines tell."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_dbxgate.checks.secrets.flow import Leak

_READ = re.compile(r"\bdbutils\.secrets\.get(?:Bytes)?\s*\(")
_VALUE = re.compile(r"^\s*(?:lazy\s+)?va[lr]\s+(\w+)\s*(?::\s*\w+\s*)?=\s*(.*)$")
_SHOW = re.compile(r"(?<![\w.])(println|print|display|displayHTML|dbutils\.notebook\.exit)\s*\(")
_STRING = re.compile(r"\b[sf]?\"\"\".*?\"\"\"|\b[sf]\"(?:\\.|[^\"\\])*\"|\"(?:\\.|[^\"\\])*\"")
_FIELD = re.compile(r"\$\{([^}]*)\}|\$(\w+)")
_NO_TEXT = r"\s*\.\s*(?:length|size|isEmpty|nonEmpty|hashCode)|\s*[!=]="
_COMMENT = re.compile(r"^\s*(?://|\*|/\*)")


class ScalaFlow:
    """The names that hold secrets, from cell to cell."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def leaks(self, code: str) -> Iterator[Leak]:
        """Columns are counted from 1, as lines are."""
        for number, line in enumerate(code.split("\n"), start=1):
            if _COMMENT.match(line):
                continue
            for shown in _SHOW.finditer(line):
                if self._holds(_argument(line, shown.end())):
                    yield Leak(shown[1], number, shown.start() + 1)
            value = _VALUE.match(line)
            if value:
                self._names.discard(value[1])
                if self._is_text(value[2]):
                    self._names.add(value[1])

    def _is_text(self, expression: str) -> bool:
        """Whether the expression is a secret or a text made of one, not a call that takes it."""
        read = _READ.match(expression)
        if read or re.match(r"[sf]?\"|\w+\s*(?:\+|$|\.\w+$)", expression):
            return self._holds(expression)
        return False

    def _holds(self, expression: str) -> bool:
        read = _READ.search(expression)
        if read:
            after = read.end() + len(_argument(expression, read.end())) + 1
            if not re.match(_NO_TEXT, expression[after:]):
                return True
        if not self._names:
            return False
        code = _STRING.sub(_fields, expression)
        names = "|".join(map(re.escape, sorted(self._names)))
        return re.search(rf"(?<![\w.])(?:{names})\b(?!{_NO_TEXT}|\s*\()", code) is not None


def _fields(string: re.Match[str]) -> str:
    """The code that an interpolated string holds."""
    if string[0][0] not in "sf":
        return '""'
    return " ".join(code or name for code, name in _FIELD.findall(string[0]))


def _argument(line: str, start: int) -> str:
    """What stands up to the bracket that closes the one before ``start``."""
    depth = 1
    for at in range(start, len(line)):
        depth += (line[at] == "(") - (line[at] == ")")
        if depth == 0:
            return line[start:at]
    return line[start:]
