"""Customer segments by how often and how lately someone bought."""

from __future__ import annotations

LOYAL_ORDERS = 2
ACTIVE_DAYS = 30

SEGMENTS = (
    ("prospect", "{orders} = 0"),
    ("lapsed", "{days} > " + str(ACTIVE_DAYS)),
    ("loyal", "{orders} >= " + str(LOYAL_ORDERS)),
)
"""Segment and condition, the first that holds wins."""

OTHERWISE = "active"


def segment_expression(orders: str, days: str) -> str:
    """A SQL expression for the segment, given the names of two columns: the number of
    orders and the days since the last one."""
    branches = [
        f"WHEN {condition.format(orders=orders, days=days)} THEN '{segment}'"
        for segment, condition in SEGMENTS
    ]
    return f"CASE {' '.join(branches)} ELSE '{OTHERWISE}' END"
