"""In which order runs are started, and what becomes of those that need one that failed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from pytest_dbxgate.execution.outcome import Outcome, RunKey, RunState


def run_all(
    needs: Mapping[RunKey, Sequence[RunKey]],
    run: Callable[[RunKey], Outcome],
    done: Callable[[Outcome], None],
    *,
    lanes: int,
    cancelled: Callable[[], bool],
    group_of: Callable[[RunKey], str],
) -> None:
    """Run every key of ``needs``, ``lanes`` at once, those that are needed first, and never two
    of one group at once.

    A run that needs one which did not pass is not started. ``run`` and ``done`` are called in
    other threads; what ``run`` raises is told as a failure of the platform. Needs that are no key
    themselves count as met; there must be no circle.
    """
    states: dict[RunKey, RunState] = {}
    busy: set[str] = set()
    waiting = list(needs)
    turn = threading.Condition()

    def take() -> tuple[RunKey, RunKey | None] | None:
        """The next run, with the need that failed where there is one."""
        with turn:
            while waiting:
                for key in waiting:
                    own = [need for need in needs[key] if need in needs]
                    failed = [each for each in own if states.get(each, RunState.PASSED).is_red]
                    ready = all(need in states for need in own) and group_of(key) not in busy
                    if failed or ready:
                        waiting.remove(key)
                        busy.add(group_of(key))
                        return key, failed[0] if failed else None
                turn.wait()
            return None

    def work() -> None:
        while (taken := take()) is not None:
            key, failed = taken
            if cancelled():
                outcome = Outcome(key, RunState.CANCELLED, message="it was cancelled")
            elif failed is not None:
                outcome = Outcome(
                    key, RunState.NOT_STARTED, message=f"it needs {failed}: not green"
                )
            else:
                outcome = _guarded(run, key)
            with turn:
                states[key] = outcome.state
                busy.discard(group_of(key))
                turn.notify_all()
            done(outcome)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(lanes, len(needs)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _guarded(run: Callable[[RunKey], Outcome], key: RunKey) -> Outcome:
    try:
        return run(key)
    except Exception as error:
        # A lane must not end with what one run raised: the others would wait for ever.
        return Outcome(key, RunState.PLATFORM, message=f"{type(error).__name__}: {error}")
