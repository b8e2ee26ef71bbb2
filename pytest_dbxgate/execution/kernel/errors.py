"""What ends a notebook, as exceptions of this process."""

from __future__ import annotations

from pytest_dbxgate.execution.outcome import CellFailure, RunState


class NotebookExit(BaseException):
    """``dbutils.notebook.exit``. No ``Exception``: a notebook's own handlers must not catch it."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


class NeedsClusterError(Exception):
    """What was asked for is not to be had here. Says why, and ends a run as unsupported."""


class InputWidgetNotDefined(Exception):  # noqa: N818 - Databricks' own name
    """A widget that nobody has declared is read."""


class NotebookRunError(Exception):
    """A notebook that ``dbutils.notebook.run`` started did not end well."""


class CellEnded(BaseException):
    """A cell ended the run; what is to be told of it is known."""

    def __init__(self, state: RunState, failure: CellFailure | None, message: str = "") -> None:
        super().__init__(message)
        self.state = state
        self.failure = failure
        self.message = message
