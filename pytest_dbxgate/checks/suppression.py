"""Silencing findings by comments: ``dbx: ignore[CODE]``, and ``noqa: DBX...`` for our own codes.

What a silencer covers, and when one that silences nothing is reported, is told in
``docs/silencing.md``. A finding that says "not checked" cannot be silenced here: what was not
checked must stay visible unless the settings allow it.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from pytest_dbxgate.checks.finding import Finding, in_cell
from pytest_dbxgate.codes import RULES, UNCHECKED_CODES, UNDEFINED_NAME, Check, Severity
from pytest_dbxgate.notebook.model import Cell, Language, Notebook

_MARKERS = {
    Language.PYTHON: "#",
    Language.SQL: "--",
    Language.SCALA: "//",
    Language.R: "#",
    Language.MARKDOWN: "<!--",
    Language.SHELL: "#",
}
_QUOTES = {Language.SQL: "'\"`", Language.SCALA: '"', Language.R: "'\"`"}
"""What opens a string that may hold a comment's marker."""

_IGNORE = r"\s*(dbx:\s*ignore(?![\w-])(?:\s*\[([^\]\n]*)\])?)"
_NOQA = r"\s*(noqa\s*:\s*([a-z]+[0-9]+(?:[,\s]+[a-z]+[0-9]+)*))"
_PATTERN = re.compile(r"[A-Z]{1,10}[0-9]{0,5}|invalid-syntax")

_OWN = "DBX180"
_UNSTEADY = frozenset(("DBX165", "DBX166", "DBX211", _OWN, *UNCHECKED_CODES))
"""Codes whose silencers are not judged by use: what raises the first two is not installed
everywhere, a collision depends on other files, our own is judged last, the others cannot be
silenced."""

_MOST_TOKENIZED = 200_000
"""Code points of a cell above which comments are looked for line by line."""


def apply(
    notebook: Notebook,
    findings: Sequence[Finding],
    checked: frozenset[Check],
    *,
    unsilenceable: Callable[[str], bool] = lambda code: False,
) -> list[Finding]:
    """``findings`` without the silenced ones, followed by those about the silencers themselves.

    ``checked`` holds the checks that ran on this notebook and whose tools worked;
    ``unsilenceable`` tells the codes that no comment silences. Findings about silencers know
    their place in the cell only.
    """
    if not any(_may_silence(cell.source) for cell in notebook.cells):
        return list(findings)
    index = _Index([item for cell in notebook.cells for item in _silencers(notebook, cell)])
    left = [
        finding
        for finding in findings
        if unsilenceable(finding.code) or not index.silences(finding)
    ]
    if Check.LINT in checked:
        about = index.complaints(notebook, _unproved_cells(findings), checked)
        left += [finding for finding in about if not index.silences(finding)]
        left += index.idle_excuses(notebook)
    return left


def apply_between(
    notebook: Notebook,
    findings: Sequence[Finding],
    *,
    unsilenceable: Callable[[str], bool],
    whole: bool,
) -> list[Finding]:
    """The same for what was found between notebooks. ``whole``: everything of this one parsed, so
    that a silencer nothing needed can be told."""
    if not any(_may_silence(cell.source) for cell in notebook.cells):
        return list(findings)
    index = _Index([item for cell in notebook.cells for item in _silencers(notebook, cell)])
    left = [each for each in findings if unsilenceable(each.code) or not index.silences(each)]
    if whole:
        left += [each for each in index.unused_between(notebook) if not index.silences(each)]
    return left


def covers(pattern: str, code: str) -> bool:
    """Whether a code or a family (``DBX2``, ``F8``, ``E``) as written names ``code``.

    A family of letters alone ends where the letters end, as ruff's do: ``E`` is not ``ERA001``.
    """
    if code == pattern:
        return True
    if not code.startswith(pattern):
        return False
    return pattern[-1].isdigit() or code[len(pattern)].isdigit() or pattern == "PL"


@dataclass(frozen=True, slots=True)
class _Comment:
    """A comment of a cell. ``first_line`` is where a string begins that ends on its line."""

    line: int
    column: int
    text: str
    marker: str
    alone: bool
    first_line: int


@dataclass(frozen=True, slots=True)
class _Silencer:
    cell: Cell
    comment: _Comment
    column: int
    end_column: int
    codes: tuple[str, ...]
    bad: tuple[str, ...]
    """What it names that is not a code, as written."""
    whole_cell: bool
    whole_notebook: bool
    """True: it covers findings about the notebook as a whole too."""

    def finding(self, notebook: Notebook, message: str, hint: str) -> Finding:
        return in_cell(
            notebook,
            self.cell,
            RULES[_OWN].check,
            _OWN,
            message,
            line=self.comment.line,
            column=self.column,
            end_line=self.comment.line,
            end_column=self.end_column,
            severity=RULES[_OWN].severity or Severity.WARNING,
            hint=hint,
        )


class _Index:
    """The silencers of a notebook by what they cover, and which of their codes were of use."""

    def __init__(self, silencers: Sequence[_Silencer]) -> None:
        self._all = silencers
        self._used: set[tuple[int, str]] = set()
        self._lines: dict[tuple[int, int], list[int]] = defaultdict(list)
        self._cells: dict[int | None, list[int]] = defaultdict(list)
        for number, silencer in enumerate(silencers):
            cell, comment = silencer.cell.number, silencer.comment
            if silencer.whole_notebook:
                self._cells[None].append(number)
            if silencer.whole_cell:
                self._cells[cell].append(number)
                continue
            for line in range(comment.first_line, comment.line + 1):
                self._lines[cell, line].append(number)

    def silences(self, finding: Finding) -> bool:
        if finding.code in UNCHECKED_CODES:
            return False
        candidates = list(self._cells.get(finding.cell, ()))
        if finding.cell is not None:
            candidates += self._lines.get((finding.cell, finding.cell_line or 1), ())
        used = {
            (number, pattern)
            for number in candidates
            for pattern in self._all[number].codes
            # A family that silences nothing must not silence the finding that says so.
            if (pattern == _OWN if finding.code == _OWN else covers(pattern, finding.code))
        }
        self._used |= used
        return bool(used)

    def complaints(
        self, notebook: Notebook, unproved: frozenset[int | None], checked: frozenset[Check]
    ) -> Iterator[Finding]:
        """What is wrong with the silencers, as far as this run can tell."""
        for number, silencer in enumerate(self._all):
            unused = []
            if not (unproved if silencer.whole_notebook else silencer.cell.number in unproved):
                unused = [
                    code
                    for code in silencer.codes
                    if (number, code) not in self._used
                    and code not in _UNSTEADY
                    and _needed_checks(code) <= checked
                ]
            for message, hint in _complaints(silencer, unused):
                yield silencer.finding(notebook, message, hint)

    def unused_between(self, notebook: Notebook) -> Iterator[Finding]:
        """Silencers of what lies between notebooks that silenced none of it."""
        for number, silencer in enumerate(self._all):
            unused = [
                code
                for code in silencer.codes
                if _lies_between(code) and (number, code) not in self._used
            ]
            if unused:
                yield silencer.finding(notebook, *_nothing_for(unused))

    def idle_excuses(self, notebook: Notebook) -> Iterator[Finding]:
        """Silencers of DBX180 itself that were not needed."""
        for number, silencer in enumerate(self._all):
            if any(map(_lies_between, silencer.codes)):
                continue  # It may be needed there.
            if _OWN in silencer.codes and (number, _OWN) not in self._used:
                yield silencer.finding(notebook, *_nothing_for([_OWN]))


def _may_silence(source: str) -> bool:
    return "dbx:" in source or "noqa" in source or "NOQA" in source


def _silencers(notebook: Notebook, cell: Cell) -> Iterator[_Silencer]:
    if not _may_silence(cell.source):
        return
    opening = _opening_lines(cell)
    for comment in _comments(cell, notebook.language):
        for match, is_noqa in _directives(comment):
            named = _named(match.group(2))
            if is_noqa:
                named = [name for name in named if name.startswith("DBX")]
                if not named:
                    continue
            opens = comment.line in opening and not is_noqa
            yield _Silencer(
                cell=cell,
                comment=comment,
                column=comment.column + match.start(1),
                end_column=comment.column + match.end(1),
                codes=tuple(name for name in named if _is_code(name)),
                bad=tuple(name for name in named if not _is_code(name)),
                whole_cell=opens and comment.alone,
                whole_notebook=opens and cell.number == 1,
            )


def _directives(comment: _Comment) -> Iterator[tuple[re.Match[str], bool]]:
    marker = re.escape(comment.marker)
    for match in re.finditer(marker + _IGNORE, comment.text):
        yield match, False
    for match in re.finditer(marker + _NOQA, comment.text, re.IGNORECASE):
        yield match, True


def _named(text: str | None) -> list[str]:
    names = re.split(r"[,\s]+", text or "")
    names = [name if name == "invalid-syntax" else name.upper() for name in names if name]
    return list(dict.fromkeys(names))


def _is_code(name: str) -> bool:
    if not _PATTERN.fullmatch(name):
        return False
    return not name.startswith("DBX") or any(covers(name, code) for code in RULES)


def _opening_lines(cell: Cell) -> frozenset[int]:
    """The cell's first line, and the first one after its magic word; blank lines not counted."""
    lines = cell.source.split("\n")
    code = cell.code.split("\n")
    first = next((at for at, line in enumerate(lines, 1) if line.strip()), 1)
    after = next((at for at, line in enumerate(code, cell.code_line) if line.strip()), first)
    return frozenset((first, after))


def _comments(cell: Cell, language: Language) -> Iterator[_Comment]:
    """The comments that may hold a silencer. What stands ahead of the cell's magic word is
    written in the notebook's ``language``."""
    outer = _MARKERS.get(language, "#")
    inner = _MARKERS.get(cell.language, outer)
    tokenized = _python_comments(cell) if cell.language is Language.PYTHON else None
    yield from tokenized or ()
    for number, line in enumerate(cell.source.split("\n"), 1):
        in_code = number >= cell.code_line
        if (in_code and tokenized is not None) or not _may_silence(line):
            continue
        begin = cell.code_column - 1 if number == cell.code_line else 0
        marker = inner if in_code else outer
        at = _comment_start(line, begin, marker, cell.language if in_code else language)
        if at is not None:
            alone = not line[begin:at].strip()
            yield _Comment(number, at + 1, line[at:], marker, alone, number)


def _comment_start(line: str, begin: int, marker: str, language: Language) -> int | None:
    """Where (0-based) a comment starts, strings that end on the same line left out."""
    quotes = _QUOTES.get(language)
    if quotes is None:
        blank = "" if language is Language.MARKDOWN else r"(?<!\S)"
        match = re.compile(blank + re.escape(marker)).search(line, begin)
        return match.start() if match else None
    quote = ""
    for match in re.compile(rf"\\.|[{quotes}]|{re.escape(marker)}").finditer(line, begin):
        text = match.group()
        if text == marker and not quote:
            return match.start()
        if quote:
            quote = "" if text == quote else quote
        elif text in quotes:
            quote = text
    return None


def _python_comments(cell: Cell) -> list[_Comment] | None:
    """The comments of a Python cell; None where it cannot be tokenized."""
    if len(cell.code) > _MOST_TOKENIZED:
        return None
    lines = cell.code.split("\n")
    found: list[_Comment] = []
    begun: dict[int, int] = {}
    opened: list[int] = []
    try:
        for kind, text, (line, column), (end, _), _ in tokenize.generate_tokens(
            io.StringIO(cell.code).readline
        ):
            name = tokenize.tok_name[kind]
            if name.endswith("STRING_START"):
                opened.append(line)
            elif name == "STRING" or name.endswith("STRING_END"):
                start = opened.pop() if opened and name != "STRING" else line
                begun[end] = min(begun.get(end, end), start)
            elif kind == tokenize.COMMENT and _may_silence(text):
                alone = not lines[line - 1][:column].strip()
                place = cell.code_place(line, column + 1)
                first = cell.code_line + begun.get(line, line) - 1
                found.append(_Comment(*place, text, "#", alone, first))
    except (tokenize.TokenError, SyntaxError, ValueError, IndexError):
        return None
    return found


def _needed_checks(pattern: str) -> frozenset[Check]:
    """The checks that must have run before a silencer of ``pattern`` is known to be unused."""
    # Lint and layout leave out cells that do not parse, and only the syntax check names those.
    if pattern.startswith("DBX"):
        own = {rule.check for code, rule in RULES.items() if covers(pattern, code)}
        return frozenset((Check.SYNTAX, *own))
    if covers(pattern, UNDEFINED_NAME):
        return frozenset((Check.SYNTAX, Check.LINT, Check.REFERENCES))
    return frozenset((Check.SYNTAX, Check.FORMAT if pattern.startswith("LT") else Check.LINT))


def _lies_between(pattern: str) -> bool:
    """Whether everything that ``pattern`` names is decided between notebooks."""
    own = {rule.check for code, rule in RULES.items() if covers(pattern, code)}
    return pattern == UNDEFINED_NAME or own == {Check.REFERENCES}


def _unproved_cells(findings: Iterable[Finding]) -> frozenset[int | None]:
    """Cells in which a check stopped early: nothing can be said about their silencers."""
    return frozenset(
        finding.cell
        for finding in findings
        if finding.code in UNCHECKED_CODES
        or (finding.check is Check.SYNTAX and finding.severity is Severity.ERROR)
    )


def _complaints(silencer: _Silencer, unused: list[str]) -> Iterator[tuple[str, str]]:
    """Messages and hints."""
    if not silencer.codes and not silencer.bad:
        hint = "name what it silences, such as `dbx: ignore[F821]`"
        yield "`dbx: ignore` names no code", hint
    for name in silencer.bad:
        near = get_close_matches(name, list(RULES), n=1, cutoff=0.6)
        hint = f"did you mean `{near[0]}`?" if near else "write codes such as `F821` or `DBX2`"
        yield f"`{name}` is not a code", hint
    for code in sorted(UNCHECKED_CODES.intersection(silencer.codes)):
        hint = "`allow_unchecked` in [tool.dbxgate] allows what cannot be checked"
        yield f"`{code}` cannot be silenced by a comment", hint
    if unused:
        yield _nothing_for(unused)


def _nothing_for(codes: Sequence[str]) -> tuple[str, str]:
    return (
        f"nothing to silence here for {', '.join(f'`{code}`' for code in codes)}",
        "remove it or move it: it covers its own line, or the whole cell where it stands alone "
        "on the first line",
    )
