"""The one function every string from outside passes before it is printed, and its helpers.

Cell text, titles, paths and tools' messages come from whoever wrote the notebook. Printed as
they are they could move the cursor, reverse the reading order, or run as a logging command of
the pipeline that shows the log.
"""

from __future__ import annotations

import re
import unicodedata

MESSAGE_LIMIT = 500
"""Code points of a message that are shown."""

LINE_LIMIT = 300
"""Code points of a source line that are shown."""

TAB = "    "
"""What a tab is printed as where a caret has to stand below it."""

_UNSAFE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and newline, DEL, C1
    "\u00ad\u034f\u061c\u115f\u1160\u180e"  # soft hyphen and others nobody sees
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line separators, bidi
    "\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\ud800-\udfff"  # lone surrogates cannot be encoded
    "\U000e0000-\U000e0fff"
    "]"
)

_COMMAND = re.compile(r"(##(?:vso)?)\[", re.IGNORECASE)
"""Azure Pipelines' agent obeys ``##vso[...]`` and formats ``##[...]`` anywhere in a line."""

_STYLES = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}


def clean(text: str, *, newline: str = "\\n", tab: str = "\t", limit: int = 0) -> str:
    """``text`` with nothing left in it that a terminal or a pipeline would act on.

    A newline becomes ``newline`` (pass ``"\\n"`` to keep it), a tab becomes ``tab``; ``limit``
    is the most code points of ``text`` that are shown, 0 for all.
    """
    if limit:
        text = cut(text, 0, limit)
    if not text.isprintable() or not text.isascii():
        text = _UNSAFE.sub(_visible, text.replace("\r\n", "\n"))
        text = text.replace("\n", newline).replace("\t", tab)
    return _COMMAND.sub(r"\1\\[", text)


def _visible(match: re.Match[str]) -> str:
    number = ord(match.group())
    return f"\\x{number:02x}" if number < 0xA0 else f"<U+{number:04X}>"


def escape_json(document: str) -> str:
    """A JSON text in which the same characters stand as escapes: equal when read, inert when
    printed. Those characters occur inside strings only, where JSON allows an escape."""
    document = _UNSAFE.sub(_escape, document)
    return _COMMAND.sub(r"\1\\u005b", document)


def _escape(match: re.Match[str]) -> str:
    pairs = match.group().encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{pairs[at : at + 4]}" for at in range(0, len(pairs), 4))


def window_start(length: int, column: int, limit: int) -> int:
    """Where (0-based) to begin showing ``limit`` characters of a line so that the 1-based
    ``column`` is among them, with more to its right than to its left."""
    if length <= limit:
        return 0
    return max(0, min(column - 1 - limit // 3, length - limit))


def cut(text: str, start: int, limit: int) -> str:
    """``limit`` characters of ``text`` from ``start`` (0-based); an ellipsis takes the place of
    the first or last of them where something is left out, so that columns still count."""
    end = start + limit
    piece = text[start:end]
    if start and piece:
        piece = "…" + piece[1:]
    return piece[:-1] + "…" if end < len(text) else piece


def columns(text: str) -> int:
    """The terminal columns that cleaned ``text`` takes: two for a wide character, none for a
    combining one."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def paint(text: str, *styles: str, color: bool) -> str:
    """``text`` in ANSI ``styles`` if ``color``, else as it is."""
    if not color or not text:
        return text
    return f"\x1b[{';'.join(_STYLES[style] for style in styles)}m{text}\x1b[0m"
