"""Pages of a list: how many, and from where."""

from __future__ import annotations

from pytest_dbxgate.emulator.values import Call, Json, invalid


def limit(call: Call, most: int) -> int:
    asked = call.query.get("limit") or "20"
    if not asked.isdigit() or int(asked) > most:
        raise invalid(f"Invalid limit {asked}: it must be between 1 and {most}.")
    # 0 stands for the most [doc].
    return int(asked) or most


def start(call: Call) -> int:
    token = call.query.get("page_token") or call.query.get("offset") or "0"
    if not token.isdigit():
        raise invalid(f"Invalid page token: {token}")
    return int(token)


def listed(name: str, found: list[Json], first: int, size: int) -> Json:
    """The page of a list that begins at ``first``; one of nothing has no ``name`` [doc]."""
    page = found[first : first + size]
    result: Json = {name: page} if page else {}
    result["has_more"] = first + size < len(found)
    if result["has_more"]:
        result["next_page_token"] = str(first + size)
    return result
