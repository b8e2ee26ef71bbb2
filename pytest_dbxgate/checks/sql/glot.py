"""sqlglot's vote on a statement that sqlfluff rejects."""

from __future__ import annotations

from typing import NamedTuple


class Vote(NamedTuple):
    """Whether sqlglot rejects a statement, and where (1-based; 0 where it does not say)."""

    rejects: bool
    line: int = 0
    column: int = 0
    near: str = ""


ABSTAINS = Vote(False)


def vote(statement: str) -> Vote:
    """Ask sqlglot. Its own limits, and statements it only passes on unread, are no rejection."""
    import sqlglot
    from sqlglot.errors import ErrorLevel, ParseError, SqlglotError

    try:
        sqlglot.parse(statement, dialect="databricks", error_level=ErrorLevel.RAISE)
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        near = str(first.get("highlight") or "")
        line, end = int(first.get("line") or 0), int(first.get("col") or 0)
        return Vote(True, line, max(1, end - len(near) + 1), near)
    except SqlglotError:
        return Vote(True)
    except Exception:
        return ABSTAINS
    return ABSTAINS
