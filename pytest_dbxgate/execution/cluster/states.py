"""What a state of a task means: the notebook's own failure, the platform's, or success. Pure.

Only SUCCESS is green. What is not known, a new state or a code of tomorrow, never is.
"""

from __future__ import annotations

import re

from pytest_dbxgate.execution.outcome import RunState
from pytest_dbxgate.workspace.run_model import RemoteState

_NOTEBOOK_CODES = frozenset({"RUN_EXECUTION_ERROR"})
"""Of ``termination_details``: the code that ran is to blame [sdk]."""

_UPSTREAM = frozenset({"UPSTREAM_FAILED", "UPSTREAM_CANCELED", "UPSTREAM_EVICTED", "EXCLUDED"})
_PLATFORM_WORDS = re.compile(
    r"unable to access the notebook|cluster .*(terminated|failed|not (found|usable))"
    r"|unexpected(ly)? (failure|terminated)|could not reach driver|driver .*(unresponsive|restart)"
    r"|cloud provider|internal error|quota|failed to (start|launch|create)",
    re.IGNORECASE,
)
"""For answers without ``termination_details`` [report]."""


def meaning(state: RemoteState) -> RunState:
    """What a state that has ended says of a notebook's run."""
    if state.result in _UPSTREAM or state.code in _UPSTREAM:
        return RunState.NOT_STARTED
    if state.life_cycle == "TERMINATED" and state.result == "SUCCESS":
        return RunState.PASSED
    if state.result == "TIMEDOUT":
        return RunState.TIMED_OUT
    if state.result == "CANCELED":
        return RunState.CANCELLED
    if state.result == "FAILED" and _is_of_the_notebook(state):
        return RunState.FAILED
    return RunState.PLATFORM


def _is_of_the_notebook(state: RemoteState) -> bool:
    """Whether a failure is the notebook's own. Serverless tells INTERNAL_ERROR as the life cycle
    state of a notebook that failed [live]: the code decides where there is one."""
    if state.code:
        return state.code in _NOTEBOOK_CODES
    if state.kind in ("INTERNAL_ERROR", "CLOUD_FAILURE"):
        return False
    return not _PLATFORM_WORDS.search(state.message)
