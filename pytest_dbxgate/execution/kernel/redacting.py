"""Standard output without secrets, as Databricks shows it: ``[REDACTED]`` in each one's place."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TextIO

MASK = "[REDACTED]"
_SHORTEST = 4
"""A shorter value is found anywhere by chance."""


class Redacting(io.TextIOBase):
    """Writes to ``stream``. Of what may be the beginning of a secret it waits for the rest."""

    def __init__(self, stream: TextIO, secrets: Iterable[str]) -> None:
        self._stream = stream
        self._secrets = sorted({s for s in secrets if len(s) >= _SHORTEST}, key=len, reverse=True)
        self._held = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self._stream.errors

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, text: str) -> int:
        if not self._secrets:
            return self._stream.write(text)
        pending = self._held + text
        for secret in self._secrets:
            pending = pending.replace(secret, MASK)
        keep = max((_overlap(pending, secret) for secret in self._secrets), default=0)
        self._held = pending[len(pending) - keep :] if keep else ""
        self._stream.write(pending[: len(pending) - keep] if keep else pending)
        return len(text)

    def flush(self) -> None:
        if not self.closed:
            self._stream.flush()

    def end(self) -> None:
        """Write what was held back: no secret came of it."""
        self._stream.write(self._held)
        self._held = ""
        self._stream.flush()


def _overlap(text: str, secret: str) -> int:
    """How long the end of ``text`` is a beginning of ``secret``."""
    for length in range(min(len(secret) - 1, len(text)), 0, -1):
        if text.endswith(secret[:length]):
            return length
    return 0
