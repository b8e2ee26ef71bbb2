"""One process of the bare sqlfluff run: ``python bare_sqlfluff.py TASKS NUMBER OF``.

``TASKS`` is a JSON list of [folder, text, whether to lint]; this process takes every ``OF``-th
from ``NUMBER``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sqlfluff.core import Linter
from sqlfluff.core.rules import RulePack

from pytest_dbxgate.checks.sql.fluff import Tools


def main(tasks: str, number: str, of: str) -> int:
    tools = Tools()  # how a folder is configured is the product's; calling sqlfluff is not
    work: list[tuple[str, str, bool]] = json.loads(Path(tasks).read_text(encoding="utf-8"))
    for folder, text, linted in work[int(number) :: int(of)]:
        tool = tools.of(folder)
        _check(tool.linter, tool.rules if linted else None, text)
    return 0


def _check(linter: Linter, rules: RulePack | None, text: str) -> None:
    try:
        parsed = linter.parse_string(text + "\n")
        if rules is not None:
            linter.lint_parsed(parsed, rules).get_violations()
    except (RecursionError, ValueError):
        return  # a limit of sqlfluff's own; the gate reports it


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
