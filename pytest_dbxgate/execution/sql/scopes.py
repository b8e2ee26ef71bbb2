"""The parts of a ``SELECT``: where its list, its relation and its clauses stand."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_dbxgate.execution.sql.code import Code

_TWO_WORDS = frozenset({"GROUP", "ORDER", "SORT", "CLUSTER", "DISTRIBUTE"})
_SET_OPERATORS = frozenset({"UNION", "EXCEPT", "MINUS", "INTERSECT"})
_OPERANDS = frozenset({"SELECT", "VALUES", "TABLE", "FROM", "("})


@dataclass(frozen=True, slots=True)
class Select:
    """Indices of tokens; an end is that of the token after the last."""

    start: int
    list_start: int
    list_end: int
    relation: tuple[int, int] | None
    """``FROM`` with all that is joined; None without one."""
    qualify: tuple[int, int] | None
    order: int
    """Where what orders and limits the rows begins."""
    end: int

    @property
    def distinct(self) -> bool:
        """Whether a word stands between SELECT and the list."""
        return self.list_start > self.start + 1


def enclosing(code: Code, index: int) -> Select | None:
    """The ``SELECT`` that the token belongs to, through brackets that hold none."""
    at: int | None = index
    while at is not None:
        opening = _opening(code, at)
        depth = code.depths[at]
        for other in range(at, -1 if opening is None else opening, -1):
            if code.depths[other] == depth and code.word(other) == "SELECT":
                return _select(code, other)
        at = opening
    return None


def ctes(code: Code, index: int) -> list[str]:
    """The ``name AS (...)`` that a query at ``index`` may name, the outermost first."""
    found: list[str] = []
    at: int | None = index
    while at is not None:
        opening = _opening(code, at)
        start = 0 if opening is None else opening + 1
        here: list[str] = []
        for other in range(start, at):
            if code.depths[other] == code.depths[at] and code.word(other) == "WITH":
                here = _definitions(code, other + 1, at)
        found = here + found
        at = opening
    return found


def _definitions(code: Code, at: int, end: int) -> list[str]:
    found: list[str] = []
    if code.word(at) == "RECURSIVE":
        return found
    while at < end:
        start = at
        at += 1
        if code.word(at) == "(" and code.word(code.closing(at) + 1) in ("AS", "("):
            at = code.closing(at) + 1
        at += code.word(at) == "AS"
        if code.word(at) != "(" or code.closing(at) >= end:
            break
        at = code.closing(at) + 1
        found.append(code.slice(start, at))
        if code.word(at) != ",":
            break
        at += 1
    return found


def _opening(code: Code, index: int) -> int | None:
    for other in range(index - 1, -1, -1):
        if code.depths[other] < code.depths[index]:
            return other
    return None


def _select(code: Code, start: int) -> Select:
    first = start + 1
    first += code.word(first) in ("DISTINCT", "ALL")
    bounds: dict[str, int] = {}
    end = len(code)
    for index in range(first, len(code)):
        if code.depths[index] > code.depths[start]:
            continue
        if code.depths[index] < code.depths[start] or _ends_query(code, index):
            end = index
            break
        if (name := _clause(code, index)) and name not in bounds:
            bounds[name] = index
    order = bounds.get("order", end)
    qualify = bounds.get("qualify")
    rest = [where for where in (bounds.get("filter"), qualify, order, end) if where is not None]
    relation = bounds.get("FROM")
    return Select(
        start=start,
        list_start=first,
        list_end=min([*rest, *([relation] if relation is not None else [])]),
        relation=None if relation is None else (relation, min(rest)),
        qualify=None if qualify is None else (qualify, order),
        order=order,
        end=end,
    )


def _ends_query(code: Code, index: int) -> bool:
    word = code.word(index)
    if word == ";":
        return True
    following = index + 1 + (code.word(index + 1) in ("ALL", "DISTINCT"))
    if word not in _SET_OPERATORS or code.word(index - 1) == ".":
        return False
    if word == "EXCEPT" and is_star_except(code, index - 1):
        return False
    return code.word(following) in _OPERANDS or code.says(index + 1, "BY", "NAME")


def is_star_except(code: Code, index: int) -> bool:
    """Whether ``* EXCEPT (columns)`` begins at ``index``."""
    return (
        code.says(index, "*", "EXCEPT", "(")
        and code.word(index + 3) not in _OPERANDS
        and code.word(index + 3) != "WITH"
    )


def _clause(code: Code, index: int) -> str:
    word = code.word(index)
    if code.word(index - 1) == ".":
        return ""
    if word == "FROM" and not (
        code.word(index - 1) == "DISTINCT" and code.word(index - 2) in ("IS", "NOT")
    ):
        return "FROM"
    if word in _TWO_WORDS and code.word(index + 1) == "BY":
        return "filter" if word == "GROUP" else "order"
    if word in ("WHERE", "HAVING"):
        return "filter"
    if word == "QUALIFY" and code.word(index - 1) not in (",", "SELECT", "AS"):
        return "qualify"
    if word == "WINDOW" and code.word(index + 2) == "AS" and code.word(index + 3) == "(":
        return "filter"
    if word in ("LIMIT", "OFFSET") and code.word(index + 1) not in ("", ",", ".", "=", ")"):
        return "order"
    return ""
