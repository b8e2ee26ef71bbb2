"""Findings an old repository starts with: recorded once, so that only new ones fail.

The file keeps where each finding was and a keyed hash of the text it was about, never the text.
Line numbers are not kept: a finding is known by its text wherever it moves in its notebook, and
in another notebook once its own is gone.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.codes import UNCHECKED_CODES, Check, Severity
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.files import write_report
from pytest_dbxgate.notebook.model import NotebookKey

VERSION = 1

_WHOLE_CELL = "DBX150"
"""The finding about a cell's layout: any edit of the cell makes it a new one."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run looked at, without which "no longer found" means nothing."""

    checked: Mapping[NotebookKey, frozenset[Check]]
    """The checks that ran on each notebook and whose tools worked."""
    existing: frozenset[NotebookKey]
    """Every notebook there is to gate, selected in this run or not."""
    cell_source: Callable[[NotebookKey, int], str]
    """The source of a cell by its number; asked for cells that are not formatted."""

    @property
    def complete(self) -> bool:
        """Whether every notebook was looked at; if not, what is missing may have moved."""
        return self.existing <= self.checked.keys()


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """Equal findings of one notebook, and how many there are."""

    path: str
    member: str
    """Empty where the notebook is a file of its own."""
    code: str
    check: str
    fingerprint: str
    count: int = 1

    @property
    def key(self) -> NotebookKey:
        return NotebookKey(self.path, self.member or None)

    @property
    def identity(self) -> tuple[str, str, str]:
        return self.code, self.check, self.fingerprint


@dataclass(frozen=True, slots=True)
class Match:
    """The findings of a run beside a baseline."""

    new: tuple[Finding, ...]
    known: tuple[Finding, ...]
    removable: tuple[Entry, ...]
    """What was recorded and is not found any more; ``count`` says how many."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Recorded findings. ``key`` (hex) is random for each file and goes into its hashes."""

    key: str
    entries: tuple[Entry, ...] = ()

    @classmethod
    def of(
        cls, findings: Iterable[Finding], scope: Scope, *, previous: Baseline | None = None
    ) -> Baseline:
        """Record ``findings``. What ``previous`` holds about notebooks and checks outside the
        scope stays, and so does its key, which keeps the difference between the two small."""
        key = previous.key if previous else secrets.token_hex(16)
        counts = Counter(
            _entry(finding, scope, key)
            for finding in findings
            if finding.code not in UNCHECKED_CODES
        )
        entries = [replace(entry, count=count) for entry, count in counts.items()]
        kept = previous.entries if previous else ()
        entries += [entry for entry in kept if not _is_judged(entry, scope)]
        return cls(key, tuple(sorted(entries)))

    @classmethod
    def load(cls, file: Path) -> Baseline:
        """Raises :class:`ConfigurationError` naming the file, the line and the next step."""
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or error
            raise ConfigurationError(
                f"baseline {file}: cannot be read: {why}", next_step=_WRITE_ANEW
            ) from None
        return _parse(file, text)

    def write(self, file: Path) -> None:
        """Replace ``file``. Raises :class:`ConfigurationError` where it cannot be written."""
        # A lone surrogate (an undecodable file name) becomes the escape JSON has for it.
        write_report(file, self._text().encode("utf-8", "backslashreplace"), name="baseline")

    def match(self, findings: Sequence[Finding], scope: Scope) -> Match:
        """Tell new findings from known ones.

        A finding is known by an entry of its own notebook, or else by one whose notebook is gone;
        each entry serves as often as its count says.
        """
        own = Counter({replace(entry, count=1): entry.count for entry in self.entries})
        gone = _Gone(own, scope)
        known: set[int] = set()
        waiting: list[tuple[int, Entry]] = []
        for index in sorted(range(len(findings)), key=lambda at: findings[at].order):
            if findings[index].code in UNCHECKED_CODES:
                continue
            entry = _entry(findings[index], scope, self.key)
            if own[entry] > 0:
                own[entry] -= 1
                known.add(index)
            else:
                waiting.append((index, entry))
        known |= {index for index, entry in waiting if gone.take(entry)}
        blind = _blind(findings)
        return Match(
            new=tuple(item for at, item in enumerate(findings) if at not in known),
            known=tuple(item for at, item in enumerate(findings) if at in known),
            removable=tuple(
                replace(entry, count=count)
                for entry, count in sorted(own.items())
                if count > 0 and _is_judged(entry, scope) and (entry.key, entry.check) not in blind
            ),
        )

    def _text(self) -> str:
        entries = ",\n".join(_dump(entry) for entry in self.entries)
        body = f"[\n{entries}\n]" if entries else "[]"
        return f'{{\n"version": {VERSION},\n"key": "{self.key}",\n"entries": {body}\n}}\n'


def fingerprint(finding: Finding, source: str, key: str) -> str:
    """What a finding is known by: 32 hex digits over its code, its check and the text it is
    about, blanks evened out. ``source`` is that of its cell, for the codes that mean all of it.
    """
    line = finding.excerpt[-1] if finding.excerpt else ""
    text = " ".join((source if finding.code == _WHOLE_CELL else line).split())
    message = "\0".join((finding.code, finding.check.value, text))
    return hmac.new(
        key.encode("ascii"), message.encode("utf-8", "surrogatepass"), "sha256"
    ).hexdigest()[:32]


class _Gone:
    """Entries whose notebook is gone, to be used up by findings elsewhere."""

    def __init__(self, left: Counter[Entry], scope: Scope) -> None:
        self._left = left
        self._by_identity: dict[tuple[str, str, str], list[Entry]] = {}
        for entry in sorted(left, reverse=True):
            if entry.key not in scope.existing and entry.key not in scope.checked:
                self._by_identity.setdefault(entry.identity, []).append(entry)

    def take(self, wanted: Entry) -> bool:
        entries = self._by_identity.get(wanted.identity, [])
        while entries:
            if self._left[entries[-1]] > 0:
                self._left[entries[-1]] -= 1
                return True
            entries.pop()
        return False


def _entry(finding: Finding, scope: Scope, key: str) -> Entry:
    source = ""
    if finding.code == _WHOLE_CELL and finding.cell is not None:
        source = scope.cell_source(finding.key, finding.cell)
    return Entry(
        path=finding.path,
        member=finding.member or "",
        code=finding.code,
        check=finding.check.value,
        fingerprint=fingerprint(finding, source, key),
    )


def _is_judged(entry: Entry, scope: Scope) -> bool:
    """Whether the run would have found what ``entry`` records, were it still there."""
    checks = scope.checked.get(entry.key)
    if checks is not None:
        return Check(entry.check) in checks
    if entry.key in scope.existing or not scope.complete:
        return False
    return any(entry.check in checks for checks in scope.checked.values())


def _blind(findings: Iterable[Finding]) -> set[tuple[NotebookKey, str]]:
    """The checks of notebooks in which something was left out: lint and layout skip cells that do
    not parse, and whatever else could not be checked may still hold what was recorded."""
    blind: set[tuple[NotebookKey, str]] = set()
    for finding in findings:
        unchecked = finding.code in UNCHECKED_CODES
        if unchecked or (finding.check is Check.SYNTAX and finding.severity is Severity.ERROR):
            blind |= {(finding.key, check.value) for check in Check}
    return blind


_WRITE_ANEW = "write it with `pytest --dbx-gate --dbx-write-baseline FILE`"
_FIELDS = {"path": str, "code": str, "check": str, "fingerprint": str, "count": int}


def _dump(entry: Entry) -> str:
    row: dict[str, Any] = {"path": entry.path}
    if entry.member:
        row["member"] = entry.member
    row |= {"code": entry.code, "check": entry.check, "count": entry.count}
    row["fingerprint"] = entry.fingerprint
    return json.dumps(row, ensure_ascii=False)


def _parse(file: Path, text: str) -> Baseline:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise _broken(file, error.lineno, _why_not_json(text, error)) from None
    except (ValueError, RecursionError):
        raise _broken(file, 1, "not the JSON of a baseline") from None
    if not isinstance(document, dict):
        raise _broken(file, 1, "not the JSON of a baseline")
    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        raise ConfigurationError(
            f"baseline {file}, line {_line_of(text, 'version')}: version {version} is newer than "
            f"the {VERSION} this pytest-dbxgate reads",
            next_step="update pytest-dbxgate",
        )
    if version != VERSION or isinstance(version, bool):
        raise _broken(file, _line_of(text, "version"), f'"version" is not {VERSION}')
    key, rows = document.get("key"), document.get("entries")
    if not isinstance(key, str) or not key or not key.isascii():
        raise _broken(file, _line_of(text, "key"), '"key" is not a string of hex digits')
    if not isinstance(rows, list):
        raise _broken(file, _line_of(text, "entries"), '"entries" is not a list')
    counts: dict[Entry, int] = {}
    for number, row in enumerate(rows, 1):
        why = _why_not_entry(row)
        if why:
            raise _broken(file, _line_of_row(text, row), f"entry {number}: {why}")
        entry = Entry(
            row["path"], row.get("member") or "", row["code"], row["check"], row["fingerprint"]
        )
        # A merge of two branches may leave an entry twice.
        counts[entry] = max(row["count"], counts.get(entry, 0))
    return Baseline(
        key, tuple(sorted(replace(entry, count=count) for entry, count in counts.items()))
    )


def _broken(file: Path, line: int, why: str) -> ConfigurationError:
    return ConfigurationError(f"baseline {file}, line {line}: {why}", next_step=_WRITE_ANEW)


def _why_not_json(text: str, error: json.JSONDecodeError) -> str:
    line = text.split("\n")[error.lineno - 1]
    if line.startswith(("<<<<<<<", "=======", ">>>>>>>")):
        return "a merge conflict is not resolved"
    return f"not JSON ({error.msg}, column {error.colno})"


def _why_not_entry(row: object) -> str:
    if not isinstance(row, dict):
        return "not an object"
    for name, kind in _FIELDS.items():
        if name not in row:
            return f'"{name}" is missing'
        if not isinstance(row[name], kind) or isinstance(row[name], bool):
            return f'"{name}" is not a {"string" if kind is str else "whole number"}'
    if not isinstance(row.get("member", ""), str):
        return '"member" is not a string'
    if row["count"] < 1:
        return '"count" is less than 1'
    if row["check"] not in {check.value for check in Check}:
        return f'unknown check "{row["check"]}"'
    return ""


def _line_of(text: str, name: str) -> int:
    lines = enumerate(text.split("\n"), 1)
    return next((number for number, line in lines if f'"{name}"' in line), 1)


def _line_of_row(text: str, row: object) -> int:
    """The line of an entry; 1 where the file was laid out anew and entries span lines."""
    return next((number for number, found in _rows(text) if found == row), 1)


def _rows(text: str) -> Iterator[tuple[int, object]]:
    for number, line in enumerate(text.split("\n"), 1):
        try:
            yield number, json.loads(line.strip().rstrip(","))
        except (ValueError, RecursionError):
            continue
