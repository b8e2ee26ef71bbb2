"""``display`` and ``displayHTML``: what a notebook shows, as text."""

from __future__ import annotations

from typing import Any

ROWS = 20


def display(value: Any = None, *others: Any, **options: Any) -> None:
    """Print the first rows of a table, or what else there is to see of a value."""
    for each in (value, *others):
        _show(each)


def displayHTML(html: Any = "") -> None:  # noqa: N802 - Databricks' name
    """Nothing is drawn here."""
    print(f"[HTML, {len(str(html))} characters, is not shown]")


def _show(value: Any) -> None:
    module = type(value).__module__.partition(".")[0]
    if module == "pyspark" and callable(getattr(value, "show", None)):
        if getattr(value, "isStreaming", False):
            print("[a streaming table is not shown]")
        else:
            value.show(ROWS)
    elif module == "pandas":
        _show_pandas(value)
    elif module in ("matplotlib", "plotly", "seaborn", "bokeh", "altair"):
        print(f"[a plot of {module} is not shown]")
    elif isinstance(value, list) and value and isinstance(value[0], tuple):
        for each in value[:ROWS]:
            print(each)
        _say_more(len(value))
    elif value is not None:
        print(value)


def _show_pandas(value: Any) -> None:
    head = value.head(ROWS) if hasattr(value, "head") else value
    print(head.to_string() if hasattr(head, "to_string") else head)
    _say_more(len(value))


def _say_more(count: int) -> None:
    if count > ROWS:
        print(f"only showing top {ROWS} of {count} rows")
