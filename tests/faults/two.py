"""Two deployments at once, one step at a time: which of them may send its next request is decided
here, so every order can be tried and none depends on chance."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

from faults.world import TARGET, Sides, World, outcome
from pytest_dbxgate.delivery.target import Target


class Turn:
    """Lets one of two threads run; the other waits before its next request."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._whose = -1
        self._left: list[float] = [0, 0]
        self._over = [False, False]
        self._idle = [False, False]
        """Waits before a request."""

    def give(self, who: int, requests: float) -> None:
        """The turn for as many requests; waits until they are sent or the thread has ended."""
        with self._changed:
            self._whose, self._left[who] = who, requests
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._over[who] or (self._left[who] <= 0 and self._idle[who])
            )

    def take(self, who: int) -> Callable[[], None]:
        """To be called before each request of a thread."""

        def before() -> None:
            with self._changed:
                self._idle[who] = True
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._whose == who and self._left[who] > 0)
                self._idle[who] = False
                self._left[who] -= 1

        return before

    def end(self, who: int) -> None:
        with self._changed:
            self._over[who] = True
            self._changed.notify_all()


class Both(NamedTuple):
    """How both ended: exit codes and what was said."""

    first: tuple[int, str]
    second: tuple[int, str]


def run_both(
    world: World,
    sides: tuple[Sides, Sides],
    *,
    first_sends: int,
    second_sends: int,
    target: Target = TARGET,
) -> Both:
    """The first sends so many requests, then the second so many, then the first goes on to its
    end, then the second."""
    turn = Turn()
    results: list[tuple[int, str]] = [(0, ""), (0, "")]

    def work(who: int) -> None:
        try:
            code, how = outcome(world, sides[who], before=turn.take(who), target=target)
            results[who] = code, str(how)
        except BaseException as error:
            results[who] = -1, repr(error)
        finally:
            turn.end(who)

    threads = [threading.Thread(target=work, args=(who,)) for who in (0, 1)]
    for thread in threads:
        thread.start()
    turn.give(0, first_sends)
    turn.give(1, second_sends)
    turn.give(0, float("inf"))
    turn.give(1, float("inf"))
    for thread in threads:
        thread.join()
    return Both(results[0], results[1])
