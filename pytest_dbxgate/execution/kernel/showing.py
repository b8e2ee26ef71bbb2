"""``display`` and ``displayHTML``: what a person reads of a log, the first rows as text."""

from __future__ import annotations

import html
import re
from typing import Any

MOST_ROWS = 20
_WIDEST = 40
_MOST_HTML = 1000
_TAG = re.compile(r"<[^<>]*>")


def display(*values: Any, **_: Any) -> None:
    """Show values. Charts and options are passed over."""
    for value in values:
        if hasattr(value, "isStreaming") and hasattr(value, "show"):
            if value.isStreaming:
                print("(a stream is not shown)")
            else:
                value.show(MOST_ROWS, _WIDEST)
        elif hasattr(value, "to_string") and hasattr(value, "head"):
            print(value.head(MOST_ROWS).to_string())
        else:
            print(value if isinstance(value, str) else repr(value))


def display_html(text: str) -> None:
    words = html.unescape(_TAG.sub(" ", str(text))).split()
    print(" ".join(words)[:_MOST_HTML])
