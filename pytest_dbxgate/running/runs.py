"""The runs of one session: started in the background, asked for one by one. Free of pytest."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from pytest_dbxgate.checks.result import State
from pytest_dbxgate.codes import Check
from pytest_dbxgate.errors import GateError
from pytest_dbxgate.execution.outcome import Outcome, RunKey, RunState
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.running import plan
from pytest_dbxgate.running.batch import Batch, Ended, Way, closure_of
from pytest_dbxgate.running.findings import findings_of
from pytest_dbxgate.running.plan import Planned
from pytest_dbxgate.secrets.redact import redact
from pytest_dbxgate.session import Gate
from pytest_dbxgate.session import Outcome as Checked
from pytest_dbxgate.workspace.credentials import Veil


class Runs:
    """The runs of one session. ``way`` runs them; ``done`` gets each run as it ends, in another
    thread."""

    def __init__(
        self,
        gate: Gate,
        planned: Planned,
        way: Way,
        *,
        done: Callable[[Ended], None] = lambda ended: None,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._gate = gate
        self._planned = planned
        self._way = way
        self._tell_done = done
        self._tell = tell
        self._ended: dict[RunKey, Ended] = {}
        self._turn = threading.Condition()
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None
        self._folder: Path | None = None
        self._veil = Veil()
        self._began = 0.0
        self.took = 0.0
        """Seconds from the start to the last end."""
        self.total = 0
        self.error: GateError | None = None
        """Why no notebook could be run at all."""

    # -- from the main thread --------------------------------------------------------------

    def start(self, selected: Iterable[RunKey], checked: Checked) -> None:
        """Begin with ``selected`` and what they need. Those that do not parse are not started."""
        wanted = plan.closure(self._planned, selected)
        self.total = len(wanted)
        self._began = time.monotonic()
        ready: dict[RunKey, plan.PlannedRun] = {}
        for key in wanted:
            broken = self._broken(key.notebook, checked)
            if broken is None:
                ready[key] = self._planned[key]
            else:
                message = (
                    f"{broken} does not parse" if broken != key.notebook else "it does not parse"
                )
                self._end(Outcome(key, RunState.NOT_STARTED, message=message))
        if ready:
            digests = {key.notebook: checked.results[key.notebook].digest for key in ready}
            self._folder = Path(tempfile.mkdtemp(prefix="dbxgate-run-"))
            given = (self._folder, ready, digests)
            self._thread = threading.Thread(target=self._run, args=given, daemon=True)
            self._thread.start()

    def wait(self, key: RunKey, seconds: float) -> Ended | None:
        """The run's end; None where it has not come within ``seconds``."""
        with self._turn:
            self._turn.wait_for(lambda: key in self._ended, seconds)
            return self._ended.get(key)

    def stop(self) -> None:
        """Cancel what has not ended, and wait until nothing is left; not for longer than until
        somebody interrupts: then what runs ends with this process."""
        self._cancel.set()
        if self._thread is not None:
            try:
                self._thread.join()
            except KeyboardInterrupt:
                self._clear()
            self._thread = None

    @property
    def ended(self) -> Mapping[RunKey, Ended]:
        with self._turn:
            return dict(self._ended)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began

    # -- in the background -----------------------------------------------------------------

    def _run(self, folder: Path, ready: Planned, digests: Mapping[NotebookKey, str]) -> None:
        batch = Batch(
            self._gate,
            ready,
            digests,
            folder,
            self._veil,
            self._cancel.is_set,
            self._end,
            self._tell,
        )
        message = "it was not reached"
        try:
            self._way(batch)
        except GateError as error:
            self.error = error
            message = str(error)
        except Exception as error:
            # In this thread nobody would see it, and the items would wait for ever.
            message = f"{type(error).__name__}: {error}"
        finally:
            self._clear()
        for key in ready:
            if key not in self.ended:
                self._end(Outcome(key, RunState.PLATFORM, message=message))

    def _clear(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self, outcome: Outcome) -> None:
        outcome = _veiled(outcome, self._veil)
        settings = self._gate.projects.of_key(outcome.key.notebook)
        found = findings_of(
            outcome,
            self._gate.survey().notebook,
            may_skip=settings.run.unsupported == "skip",
        )
        ended = Ended(outcome, found)
        self._tell_done(ended)
        with self._turn:
            self._ended[outcome.key] = ended
            self.took = self.seconds
            self._turn.notify_all()

    def _broken(self, key: NotebookKey, checked: Checked) -> NotebookKey | None:
        """The notebook that does not parse: this one, or one that it brings in by ``%run``."""
        for each in (key, *sorted(closure_of(self._gate, key) - {key}, key=str)):
            state = checked.states.get(each, {}).get(Check.SYNTAX)
            if state is State.FAILED:
                return each
        return None


def _veiled(outcome: Outcome, veil: Veil) -> Outcome:
    """``outcome`` without the secrets that the notebook was given."""

    def show(text: str) -> str:
        return redact(veil(text))

    failure = outcome.failure
    if failure is not None:
        failure = replace(
            failure,
            message=show(failure.message),
            traceback=tuple(map(show, failure.traceback)),
        )
    value = outcome.exit_value
    return replace(
        outcome,
        message=show(outcome.message),
        failure=failure,
        exit_value=None if value is None else show(value),
        output=show(outcome.output),
        notices=tuple(map(show, outcome.notices)),
    )
