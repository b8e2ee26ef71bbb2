"""Running a command and measuring it: wall-clock seconds and the memory of its largest process."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Run:
    """One finished command."""

    seconds: float
    memory_mb: float
    """Of the largest process among it and its children; 0 where the system does not tell."""
    exit_code: int
    output: str


def run(
    command: Sequence[str | Path], *, folder: Path, extra_environment: Mapping[str, str]
) -> Run:
    """Run ``command`` in ``folder``. Its output goes to a file, as on a build agent."""
    with tempfile.TemporaryFile() as stream:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env={**os.environ, **extra_environment},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        memory_mb = _wait(process)
        seconds = time.perf_counter() - start
        stream.seek(0)
        output = stream.read().decode("utf-8", "replace")
    return Run(seconds, memory_mb, process.returncode, output)


def _wait(process: subprocess.Popen[bytes]) -> float:
    if not hasattr(os, "wait4"):
        process.wait()
        return 0.0
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    # Linux counts in KiB, macOS in bytes.
    return usage.ru_maxrss / (1 << 20 if os.uname().sysname == "Darwin" else 1 << 10)


def median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else float("nan")
