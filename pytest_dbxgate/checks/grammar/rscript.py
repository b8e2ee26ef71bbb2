"""Parsing R with the R on this machine: ``parse()`` only, nothing is ever evaluated.

No package on PyPI carries a maintained R grammar of moderate size, so R answers for itself.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pytest_dbxgate import programs
from pytest_dbxgate.checks.grammar.parsing import Mistake, Unparsed, Verdict

SECONDS = 60.0
"""What all cells of a run may take together."""

OLDEST = (4, 2)
r"""Older ones reject what Databricks' R knows: ``|>``, ``\(x)`` and the placeholder ``_``."""

_INSTALL = 'install R so that Rscript is on the PATH, or set allow_unchecked = ["r"]'

_SCRIPT = r"""
cat("version", as.character(getRversion()), "\n")
for (name in list.files(".", pattern = "[.]cell$")) {
  answer <- tryCatch({
    text <- readLines(name, encoding = "UTF-8", warn = FALSE)
    parse(text = text, keep.source = FALSE, encoding = "UTF-8")
    "parses"
  }, error = function(mistake) conditionMessage(mistake))
  cat(sub("[.]cell$", "", name), " ", gsub("[\r\n]+", "\001", answer), "\n", sep = "")
  flush(stdout())
}
cat("end\n")
"""

_PLACE = re.compile(r"<text>:(\d+):(\d+): ([^\001]*)")
_OTHER_PLACE = re.compile(r" ?\(<\w+>:(\d+):(\d+)\)| (?:at|on) line (\d+)")
_LIMIT = re.compile(
    r"overflow|memory|nested too|C stack|protect\(|cannot (?:allocate|open)|connection"
)
"""What R says where it could not go on, whatever stands in the cell."""

_READABLE = {
    "INCOMPLETE_STRING": "end of the cell inside a string",
    "end of input": "end of the cell",
    "SPECIAL": "%operator%",
}


def parse(codes: Sequence[str]) -> list[Verdict] | Unparsed:
    """A verdict on each code, by one process; :class:`Unparsed` where there is no R to ask."""
    program = programs.find("Rscript")
    if program is None:
        return Unparsed("Rscript is not on the PATH", _INSTALL)
    with TemporaryDirectory(prefix="dbxgate-r-", ignore_cleanup_errors=True) as folder:
        _write(Path(folder), codes)
        answer, failure = _run(program, folder)
    lines = answer.split("\n")
    too_old = _too_old(lines)
    if too_old is not None:
        return too_old
    answers = dict(_answers(lines))
    unanswered = Unparsed(failure or "R gave no answer")
    return [
        _verdict(code, answers[number]) if number in answers else unanswered
        for number, code in enumerate(codes)
    ]


def _write(folder: Path, codes: Sequence[str]) -> None:
    (folder / "script.R").write_text(_SCRIPT, encoding="utf-8", newline="\n")
    for number, code in enumerate(codes):
        data = code.encode("utf-8", "replace")
        (folder / f"{number:08d}.cell").write_bytes(data + b"\n")


def _run(program: str, folder: str) -> tuple[str, str]:
    """What R printed, and why it stopped early (empty where it did not)."""
    command = [program, "--vanilla", "script.R"]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return _text(error.stdout), f"R took longer than {SECONDS:.0f} s"
    except OSError as error:
        return "", f"Rscript cannot be started: {error.strerror or error}"
    failure = f"R stopped with status {done.returncode}" if done.returncode else ""
    return _text(done.stdout), failure


def _text(data: bytes | str | None) -> str:
    if isinstance(data, str):
        return data
    return (data or b"").decode("utf-8", "replace").replace("\r\n", "\n")


def _environment(full: Mapping[str, str]) -> dict[str, str]:
    """No start-up file's name among it."""
    kept = programs.environment(full)
    kept |= {"R_DEFAULT_PACKAGES": "NULL", "LANGUAGE": "en"}
    locale = kept.get("LC_ALL") or kept.get("LC_CTYPE") or kept.get("LANG") or ""
    if "utf" not in locale.lower():
        # In the C locale R rejects names with other letters than ASCII's.
        kept["LC_ALL"] = "C.UTF-8"
    return kept


def _too_old(lines: Sequence[str]) -> Unparsed | None:
    for line in lines:
        word, _, version = line.partition(" ")
        if word != "version":
            continue
        numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
        if numbers < OLDEST:
            wanted = ".".join(map(str, OLDEST))
            return Unparsed(f"R {version.strip()} is older than {wanted}", _INSTALL)
    return None


def _answers(lines: Sequence[str]) -> list[tuple[int, str]]:
    found = []
    for line in lines:
        number, _, answer = line.partition(" ")
        if len(number) == 8 and number.isdecimal():
            found.append((int(number), answer))
    return found


def _verdict(code: str, answer: str) -> Verdict:
    if answer == "parses":
        return None
    match = _PLACE.match(answer)
    if match is None:
        return _without_place(code, answer)
    message = match[3].strip()
    for word, readable in _READABLE.items():
        message = message.replace(word, readable)
    return _mistake(code, message, int(match[1]), int(match[2]))


def _without_place(code: str, answer: str) -> Verdict:
    """A limit of R, or a mistake inside a word: its place, if any, stands at the end."""
    message = answer.partition("\001")[0]
    if not message or _LIMIT.search(message):
        return Unparsed(message[:100] or "R gave no reason")
    match = _OTHER_PLACE.search(message)
    if match is None:
        return Mistake(message[:200], 1, 1)
    line, column = int(match[1] or match[3]), int(match[2] or 1)
    return _mistake(code, _OTHER_PLACE.sub("", message)[:200], line, column)


def _mistake(code: str, message: str, line: int, column: int) -> Mistake:
    lines = code.rstrip().split("\n")
    if line > len(lines):
        # An unexpected end is told on the line below the last one.
        return Mistake(message, len(lines), len(lines[-1]) + 1)
    return Mistake(message, max(1, line), _code_points(lines[line - 1], column))


def _code_points(line: str, column: int) -> int:
    """R's column, which advances to a multiple of 8 at each tab, as a 1-based code point."""
    reached = 0
    for number, sign in enumerate(line, start=1):
        reached += 1
        if sign == "\t":
            reached = (reached + 7) // 8 * 8
        if reached >= column:
            return number
    return len(line) + 1
