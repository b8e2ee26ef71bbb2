"""From a plan's refusals to the error."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_dbxgate.delivery.model import Plan
from pytest_dbxgate.delivery.plan import DRIFT
from pytest_dbxgate.errors import DriftError, RefusedError


def refuse(made: Plan, override: Mapping[str, str]) -> None:
    """Raise RefusedError or DriftError where the plan holds a refusal that is not overridden."""
    counted = [each for each in made.refusals if each.name not in override]
    if not counted:
        return
    # The error has the name of the first; a report tells it before the message.
    others = (f"refused ({each.name}): {each.message}" for each in counted[1:])
    message = "\n".join((counted[0].message, *others))
    steps = "\n  next: ".join(dict.fromkeys(each.next_step for each in counted))
    if all(each.name == DRIFT for each in counted):
        raise DriftError(message, next_step=steps)
    raise RefusedError(counted[0].name, message, next_step=steps)
