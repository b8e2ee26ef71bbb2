"""Queries of Databricks that Sail does not read, as queries that give the same rows.

Each rewriting replaces a piece of the text and leaves the rest. Where one is not exact in every
case it is made so that the engine refuses the others: a wrong row is never the result.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from pytest_dbxgate.execution.sql.adapted import Columns
from pytest_dbxgate.execution.sql.code import Code, listed, name_of, quoted
from pytest_dbxgate.execution.sql.laterals import replaced as without_alias
from pytest_dbxgate.execution.sql.laterals import uses as uses_of_aliases
from pytest_dbxgate.execution.sql.scopes import Select, ctes, enclosing, is_star_except

_MOST = 100
"""Rewritings of one statement; more would be an endless loop."""

_KEPT = "__dbx_kept"

_AGGREGATES = frozenset(
    re.findall(
        r"\w+",
        """
    ANY ANY_VALUE APPROX_COUNT_DISTINCT APPROX_PERCENTILE APPROX_TOP_K ARRAY_AGG AVG BIT_AND BIT_OR
    BIT_XOR BOOL_AND BOOL_OR COLLECT_LIST COLLECT_SET CORR COUNT COUNT_IF COUNT_MIN_SKETCH COVAR_POP
    COVAR_SAMP EVERY FIRST FIRST_VALUE GROUPING GROUPING_ID HISTOGRAM_NUMERIC HLL_SKETCH_AGG
    HLL_UNION_AGG KURTOSIS LAST LAST_VALUE LISTAGG MAX MAX_BY MEAN MEDIAN MIN MIN_BY MODE PERCENTILE
    PERCENTILE_APPROX PERCENTILE_CONT PERCENTILE_DISC REGR_AVGX REGR_AVGY REGR_COUNT REGR_INTERCEPT
    REGR_R2 REGR_SLOPE REGR_SXX REGR_SXY REGR_SYY SCHEMA_OF_JSON_AGG SKEWNESS SOME STD STDDEV
    STDDEV_POP STDDEV_SAMP STRING_AGG SUM TRY_AVG TRY_SUM VAR_POP VAR_SAMP VARIANCE
        """,
    )
)


class CannotError(Exception):
    """Nothing gives the same rows; ``str()`` says why."""


Step = Callable[[Code, Columns | None], str | None]
"""One rewriting: the whole statement with one more piece replaced, None where there is none."""


def rewritten(text: str, columns: Columns | None, steps: Sequence[Step] | None = None) -> str:
    """``text`` for Sail, or with ``steps`` alone; as it is where there is nothing to do.

    Raises CannotError, and what ``columns`` raises.
    """
    for _ in range(_MOST):
        code = Code(text)
        changed = next(filter(None, (step(code, columns) for step in steps or _STEPS)), None)
        if changed is None:
            return text
        text = changed
    raise CannotError("it nests too deeply")


def _version(code: Code, _: Columns | None) -> str | None:
    """``t@v4``: ``t VERSION AS OF 4``."""
    for index in range(1, len(code)):
        if code.word(index) == "@" and re.fullmatch(r"V\d+", code.word(index + 1)):
            number = code.word(index + 1)[1:]
            return code.replaced(index, index + 2, f" VERSION AS OF {number}")
    return None


def _pivot(code: Code, _: Columns | None) -> str | None:
    """``FOR name IN`` of a PIVOT: ``FOR (name) IN``."""
    for index in range(len(code)):
        if not code.says(index, "PIVOT", "("):
            continue
        for at in code.level(index + 2, code.closing(index + 1)):
            if code.word(at) == "FOR" and code.word(at + 1) != "(" and code.word(at + 2) == "IN":
                return code.replaced(at + 1, at + 2, f"({code.tokens[at + 1].text})")
    return None


def _group_by_all(code: Code, columns: Columns | None) -> str | None:
    for index in range(len(code)):
        if not code.says(index, "GROUP", "BY", "ALL") or code.word(index + 3) in (".", "(", ","):
            continue
        select = enclosing(code, index)
        if select is None:
            continue
        expanded = _star_of_list(code, select, columns)
        if expanded is not None:
            return expanded
        items = code.items(select.list_start, select.list_end)
        if any(code.word(at) == "OVER" for start, end in items for at in range(start, end)):
            raise CannotError("GROUP BY ALL with window functions")
        keys = [
            str(number)
            for number, (start, end) in enumerate(items, start=1)
            if not _aggregates(code, start, end)
        ]
        return code.replaced(index, index + 3, f"GROUP BY {', '.join(keys)}" if keys else "")
    return None


def _aggregates(code: Code, start: int, end: int) -> bool:
    at = start
    while at < end:
        if code.word(at) == "(" and code.word(at + 1) in ("SELECT", "WITH"):
            at = code.closing(at)
        elif code.word(at) in _AGGREGATES and code.word(at + 1) == "(":
            return True
        at += 1
    return False


def _order_by_all(code: Code, columns: Columns | None) -> str | None:
    for index in range(len(code)):
        if not code.says(index, "ORDER", "BY", "ALL") or code.word(index + 3) in (".", "(", ","):
            continue
        select = enclosing(code, index)
        if select is None or select.order > index:
            continue
        expanded = _star_of_list(code, select, columns)
        if expanded is not None:
            return expanded
        end = index + 3
        while code.word(end) in ("ASC", "DESC", "NULLS", "FIRST", "LAST"):
            end += 1
        how = code.slice(index + 3, end)
        count = len(code.items(select.list_start, select.list_end))
        keys = ", ".join(f"{number} {how}".rstrip() for number in range(1, count + 1))
        return code.replaced(index, end, f"ORDER BY {keys}")
    return None


def _star_of_list(code: Code, select: Select, columns: Columns | None) -> str | None:
    """The statement with the first star of a select list written out; None without one."""
    for start, end in code.items(select.list_start, select.list_end):
        if code.word(end - 1) == "*" and code.word(end - 2) in (".", ",", "SELECT", "DISTINCT"):
            return _written_out(code, select, (start, end), (), columns)
    return None


def _star_except(code: Code, columns: Columns | None) -> str | None:
    for index in range(len(code)):
        if not is_star_except(code, index):
            continue
        select = enclosing(code, index)
        if select is None:
            continue
        start = index
        while code.word(start - 1) == ".":
            start -= 2
        closing = code.closing(index + 2)
        left_out: list[str] = []
        for first, last in code.items(index + 3, closing):
            if last - first != 1:
                raise CannotError("* EXCEPT of a field of a struct")
            left_out.append(name_of(code.tokens[first]))
        return _written_out(code, select, (start, closing + 1), left_out, columns)
    return None


def _written_out(
    code: Code,
    select: Select,
    star: tuple[int, int],
    left_out: Sequence[str],
    columns: Columns | None,
) -> str:
    """The statement with a star, ``a.*`` or ``*``, replaced by the columns it stands for."""
    start, end = star
    qualifier = code.slice(start, start + 2) if code.word(start + 1) == "." else ""
    while qualifier and code.word(start + 3) == "." and start + 4 < end:
        start += 2
        qualifier += code.slice(start, start + 2)
    relation = code.slice(*select.relation) if select.relation else ""
    names = _columns_of(code, select, f"SELECT {qualifier}* {relation}", columns)
    # A column that is not there is named all the same: the engine then fails as Databricks does.
    unknown = [name for name in left_out if _folded(name) not in map(_folded, names)]
    kept = [name for name in names if _folded(name) not in map(_folded, left_out)]
    if len(set(map(_folded, kept))) < len(kept):
        raise CannotError("a star over columns that share a name")
    if not kept:
        raise CannotError("* EXCEPT of every column")
    return code.replaced(*star, listed([*kept, *unknown], qualifier))


def _columns_of(code: Code, select: Select, query: str, columns: Columns | None) -> list[str]:
    if columns is None:
        raise CannotError("a star over a table whose columns are not known")
    known = ctes(code, select.start)
    prefix = f"WITH {', '.join(known)} " if known else ""
    return [name for name, _ in columns(rewritten(prefix + query, columns))]


def _folded(name: str) -> str:
    return name.casefold()


def _aliases_used_again(code: Code, columns: Columns | None) -> str | None:
    """``SELECT a + 1 AS b, b * 2``: ``SELECT a + 1 AS b, (a + 1) * 2``."""
    if columns is None:
        return None
    for index in range(len(code)):
        select = enclosing(code, index) if code.word(index) == "SELECT" else None
        found = uses_of_aliases(code, select) if select is not None else []
        if select is None or not found:
            continue
        relation = code.slice(*select.relation) if select.relation else ""
        query = f"SELECT * {relation}" if relation else "SELECT 1"
        known = set(map(_folded, _columns_of(code, select, query, columns)))
        for use in found:
            if use.name not in known:
                return without_alias(code, use)
    return None


def qualify(code: Code, columns: Columns | None) -> str | None:
    """``QUALIFY`` is a filter over the query without it, with the condition as a column."""
    for index in range(len(code)):
        select = enclosing(code, index) if code.word(index) == "QUALIFY" else None
        if select is None or select.qualify is None or select.qualify[0] != index:
            continue
        start, end = select.qualify
        relation = code.slice(*select.relation) if select.relation else ""
        shown = code.slice(select.list_start, select.list_end)
        rest = code.slice(select.list_end, start)
        names = _columns_of(code, select, f"SELECT {shown} {rest}", columns)
        if len(set(map(_folded, names))) < len(names):
            raise CannotError("QUALIFY over columns that share a name")
        sources = _columns_of(code, select, f"SELECT * {relation}", columns) if relation else []
        condition = _without_aliases(code, select, sources)
        distinct = code.slice(select.start + 1, select.list_start)
        inner = f"SELECT {shown}, {condition} AS {_KEPT} {rest}"
        outer = f"{f'SELECT {distinct}'.rstrip()} {listed(names)} FROM ({inner}) WHERE {_KEPT}"
        return code.replaced(select.start, end, outer)
    return None


def _without_aliases(code: Code, select: Select, sources: Sequence[str]) -> str:
    """The condition of QUALIFY with what the select list names instead of the names."""
    aliases: dict[str, str] = {}
    for start, end in code.items(select.list_start, select.list_end):
        if end - start > 2 and code.word(end - 2) == "AS":
            aliases[_folded(name_of(code.tokens[end - 1]))] = code.slice(start, end - 2)
        elif end - start > 1 and code.word(end - 2) in (")", "END"):
            aliases[_folded(name_of(code.tokens[end - 1]))] = code.slice(start, end - 1)
    known = set(map(_folded, sources))
    for alias in [alias for alias, value in aliases.items() if _folded(value) == alias]:
        del aliases[alias]
    assert select.qualify is not None
    start, end = select.qualify
    pieces: list[str] = []
    at = code.tokens[start].start + len("QUALIFY")
    for index in range(start + 1, end):
        token = code.tokens[index]
        name = _folded(name_of(token))
        if token.kind not in ("word", "quoted") or name not in aliases:
            continue
        if code.word(index - 1) == "." or code.word(index + 1) in (".", "("):
            continue
        if name in known:
            raise CannotError(f"QUALIFY by {quoted(name)}, an alias and a column")
        pieces += (code.text[at : token.start], f"({aliases[name]})")
        at = token.start + len(token.text)
    last = code.tokens[end - 1]
    pieces.append(code.text[at : last.start + len(last.text)])
    return "(" + "".join(pieces).strip() + ")"


_STEPS: tuple[Step, ...] = (
    _version,
    _pivot,
    _star_except,
    _aliases_used_again,  # first: what they stand for may be an aggregate
    _group_by_all,
    _order_by_all,
    qualify,
)
