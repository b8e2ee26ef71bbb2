"""Measure the gate and print ratios. Nothing here is a test: machines differ, ratios less so.

python benchmarks/run.py --tree DIR           a folder of notebooks, which is copied first
python benchmarks/run.py --synthesise 500     small notebooks of our own
python benchmarks/run.py --tree DIR --only gate --only memory --runs 5 --json result.json
python benchmarks/run.py --only planted       on a project of our own
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import scenarios
import table
import trees
from gate import Bench, BenchmarkError
from setup import Setup


def main(arguments: Sequence[str]) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    missing = set(options.only or scenarios.ALL) - scenarios.WITHOUT_TREE
    if missing and options.tree is None and options.synthesise is None:
        parser.error(f"--tree or --synthesise is needed for {', '.join(sorted(missing))}")
    with tempfile.TemporaryDirectory(prefix="dbxgate-benchmark-") as folder:
        scratch = Path(folder).resolve()
        tree = scratch / "tree"
        if options.tree:
            suffixes = tuple(f".{name.lstrip('.')}" for name in options.suffixes.split(","))
            trees.copy(options.tree, tree, suffixes=suffixes, exclude=options.exclude)
        elif options.synthesise is not None:
            trees.synthesise(tree, options.synthesise)
        setup = Setup(Bench(tree, scratch), options.runs, _say)
        rows: list[table.Row] = []
        failed = False
        for name in options.only or scenarios.ALL:
            _say(f"== {name}")
            try:
                rows += scenarios.ALL[name](setup)
            except BenchmarkError as error:
                failed = True
                _say(f"{name} could not be measured: {error}")
    print(table.as_text(rows))
    if options.json:
        text = json.dumps(table.as_json(rows, _facts(options)), indent=2) + "\n"
        options.json.write_text(text, encoding="utf-8")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--tree", type=_folder, help="folder of notebooks to measure on")
    source.add_argument("--synthesise", type=int, metavar="N", help="write N notebooks instead")
    parser.add_argument(
        "--suffixes",
        default=",".join(suffix[1:] for suffix in trees.NOTEBOOKS),
        help="endings of the files that are copied (default: %(default)s)",
    )
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="GLOB", help="leave paths out"
    )
    parser.add_argument(
        "--only", action="append", choices=list(scenarios.ALL), help="one benchmark of the list"
    )
    parser.add_argument("--runs", type=int, default=3, help="medians of this many (default: 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE as well")
    return parser


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return path


def _facts(options: argparse.Namespace) -> dict[str, Any]:
    names = ("pytest", "pytest-dbxgate", "ruff", "sqlfluff", "sqlglot")
    return {
        "runs": options.runs,
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in names},
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
