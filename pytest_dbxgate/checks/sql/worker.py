"""The child process that runs sqlfluff: a job a line on its input, an answer a line on its output.

Jobs and answers are JSON objects. The first line it writes is ``{"ready": true}``, or
``{"fatal": "..."}`` where sqlfluff cannot be loaded.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
from typing import Any, BinaryIO


def main() -> None:
    """Serve until the input ends."""
    output = _own_output()
    logging.disable(logging.CRITICAL)
    try:
        from pytest_dbxgate.checks.sql import fluff
    except Exception as error:
        _write(output, {"fatal": f"{type(error).__name__}: {error}"})
        return
    tools = fluff.Tools()
    _collect_seldom()
    _write(output, {"ready": True})
    for line in sys.stdin.buffer:
        _write(output, _answer(tools, json.loads(line)))
    output.close()
    os._exit(0)  # nothing is left to save, and taking the parser down takes a while


def _collect_seldom() -> None:
    """What is loaded stays, and a parse tree is soon gone: looking for garbage finds little."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _own_output() -> BinaryIO:
    """Keep the pipe for answers alone: whatever is printed goes nowhere."""
    output = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return output


def _write(output: BinaryIO, answer: dict[str, Any]) -> None:
    output.write(json.dumps(answer).encode("ascii") + b"\n")
    output.flush()


def _answer(tools: Any, job: dict[str, Any]) -> dict[str, Any]:
    from pytest_dbxgate.checks.sql import judge

    try:
        tool = tools.of(job["folder"])
        answer: dict[str, Any] = {}
        if job["task"] == "layout":
            answer["laid_out"] = judge.lay_out(job["text"], tool)
        else:
            answer.update(judge.check(job["text"], tool, lint=job["task"] == "lint").as_json())
    except BaseException as error:  # a panic of the Rust parser is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        return {"failed": f"{type(error).__name__}: {error}"[:200]}
    if tool.problem is not None:
        answer["broken"] = [tool.problem.file, tool.problem.reason]
    return answer


if __name__ == "__main__":
    main()
