"""What a benchmark says: ratios against something measured in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """``value`` compared with ``against``; both in ``unit``."""

    name: str
    value: float
    against_name: str
    against: float
    goal: str = ""
    """What the project aims at; nothing fails when it is missed."""
    unit: str = "s"
    """Empty for what is counted."""

    @property
    def ratio(self) -> float:
        return self.value / self.against if self.against else float("nan")


def as_json(rows: Sequence[Row], facts: dict[str, Any]) -> dict[str, Any]:
    return {**facts, "rows": [{**asdict(row), "ratio": round(row.ratio, 3)} for row in rows]}


def as_text(rows: Sequence[Row]) -> str:
    lines = [("benchmark", "measured", "against", "measured", "ratio", "goal")]
    for row in rows:
        lines.append(
            (
                row.name,
                _figure(row.value, row.unit),
                row.against_name,
                _figure(row.against, row.unit),
                f"{row.ratio:.2f}",
                row.goal,
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    rule = tuple("-" * width for width in widths)
    texts = [
        "  ".join(
            cell.rjust(width) if column in (1, 3, 4) else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in (lines[0], rule, *lines[1:])
    ]
    return "\n".join(texts)


def _figure(value: float, unit: str) -> str:
    return f"{value:.2f} {unit}" if unit else f"{value:g}"
