"""State on disk: rows of a kind and a key in one SQLite file, one transaction a request.

A killed process loses nothing that was answered: the journal of SQLite is written ahead.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pytest_dbxgate.emulator.values import Json

_TABLE = """CREATE TABLE IF NOT EXISTS rows (
    kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (kind, key))"""


Rows = list[tuple[str, str, str, bytes]]
"""Kind, key, value and content."""


class StoreInUseError(Exception):
    """Another embedded workspace serves the same folder."""


class Row(NamedTuple):
    """A value with, for objects, their bytes."""

    key: str
    value: Json
    content: bytes = b""


class Store:
    """The rows. Every method is called with ``lock`` held."""

    def __init__(self, file: Path) -> None:
        self.lock = threading.RLock()
        self._before: dict[tuple[str, str], Row | None] = {}
        self._last: dict[tuple[str, str], Row | None] = {}
        # The lock makes the sharing between threads safe.
        self._data = sqlite3.connect(file, timeout=1, isolation_level=None, check_same_thread=False)
        try:
            self._data.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._data.execute("PRAGMA journal_mode = WAL")
            self._data.execute("PRAGMA synchronous = NORMAL")
            self._data.execute(_TABLE)
        except sqlite3.OperationalError as error:
            self._data.close()
            raise StoreInUseError(f"{file}: {error}") from None

    def close(self) -> None:
        self._data.close()

    @contextmanager
    def writing(self, *, aside: bool = False) -> Iterator[None]:
        """All of the changes or, after an exception, none.

        ``aside``: it is no request that changes something; a stale read does not see it either.
        """
        self._before = {}
        self._data.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._data.execute("ROLLBACK")
            raise
        self._data.execute("COMMIT")
        if aside:
            self._last = {**self._before, **self._last}
        elif self._before:
            self._last = self._before

    @contextmanager
    def as_before_the_last_write(self) -> Iterator[None]:
        """What a stale read sees: the state before the last request that changed something."""
        self._data.execute("BEGIN")
        try:
            for (kind, key), row in self._last.items():
                if row is None:
                    self._remove(kind, key)
                else:
                    self._put(kind, row)
            yield
        finally:
            self._data.execute("ROLLBACK")

    def get(self, kind: str, key: str) -> Row | None:
        found = self._data.execute(
            "SELECT key, value, content FROM rows WHERE kind = ? AND key = ?", (kind, key)
        ).fetchone()
        return _row(found) if found else None

    def all(
        self, kind: str, *, after: str = "", before: str = "", contents: bool = True
    ) -> list[Row]:
        """The rows of a kind by key, between two keys where they are given."""
        content = "content" if contents else "x''"
        found = self._data.execute(
            f"SELECT key, value, {content} FROM rows WHERE kind = ? AND key > ? "
            "AND (? = '' OR key < ?) ORDER BY key",
            (kind, after, before, before),
        )
        return [_row(row) for row in found]

    def put(self, kind: str, row: Row) -> None:
        self._remember(kind, row.key)
        self._put(kind, row)

    def remove(self, kind: str, key: str) -> None:
        self._remember(kind, key)
        self._remove(kind, key)

    def everything(self) -> Rows:
        """All rows, to be put back by :meth:`replace_everything`."""
        return self._data.execute("SELECT kind, key, value, content FROM rows").fetchall()

    def replace_everything(self, rows: Rows, *, counting: str = "") -> None:
        """Make the state what it was. The numbers of the kind ``counting`` are not given anew."""
        count = self.get("counter", counting)
        with self.writing():
            self._data.execute("DELETE FROM rows")
            self._data.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", rows)
            if count is not None:
                self._put("counter", count)
        self._last = {}

    def next_id(self, kind: str) -> int:
        """A number never given out before."""
        row = self.get("counter", kind)
        number = int(row.value["next"]) if row else 1000
        # Gaps, as the real ones have: nobody should count on successors.
        self._put("counter", Row(kind, {"next": number + 7}))
        return number

    def _remember(self, kind: str, key: str) -> None:
        self._before.setdefault((kind, key), self.get(kind, key))

    def _put(self, kind: str, row: Row) -> None:
        self._data.execute(
            "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)",
            (kind, row.key, json.dumps(row.value), row.content),
        )

    def _remove(self, kind: str, key: str) -> None:
        self._data.execute("DELETE FROM rows WHERE kind = ? AND key = ?", (kind, key))


def _row(found: tuple[str, str, bytes]) -> Row:
    key, value, content = found
    return Row(key, json.loads(value), content)
