"""What ends a cell, or the run, without being a failure of the notebook's code."""

from __future__ import annotations

from pytest_dbxgate.execution.outcome import CellFailure, RunState


class NeedsClusterError(NotImplementedError):
    """The notebook asks for what only a cluster has; the message says what."""


class EngineError(RuntimeError):
    """There is no Spark to be reached; the notebook did nothing wrong."""


class NotebookExit(BaseException):
    """``dbutils.notebook.exit``. ``except Exception`` does not catch it.

    In the target of a ``%run`` it ends the whole run [report]: the target's cells run as if they
    stood in the caller.
    """

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


class PythonRestart(BaseException):
    """``dbutils.library.restartPython`` ends the cell that calls it."""


class CellError(Exception):
    """A cell ended the run."""

    def __init__(self, state: RunState, failure: CellFailure) -> None:
        super().__init__(failure.message)
        self.state = state
        self.failure = failure


class RunCancelled(BaseException):
    """Somebody asked this process to end."""
