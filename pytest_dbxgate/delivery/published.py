"""What came of a run's order to publish, for every report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from pytest_dbxgate.delivery.deploy import Deployment
from pytest_dbxgate.delivery.heal import Healed
from pytest_dbxgate.delivery.model import Origin, Plan, Refusal
from pytest_dbxgate.delivery.plan import DRIFT
from pytest_dbxgate.errors import DriftError, GateError, RefusedError


class Mode(str, Enum):
    """What is to be done with the target."""

    DEPLOY = "deploy"
    PLAN = "plan"
    PACKAGE = "package"
    ROLLBACK = "rollback"
    HEAL = "heal"
    UNLOCK = "unlock"


@dataclass(frozen=True, slots=True)
class Published:
    """What came of it."""

    target: str
    mode: Mode
    host: str = ""
    root: str = ""
    project: str = ""
    origin: Origin = Origin()  # noqa: RUF009 - immutable
    refusals: tuple[Refusal, ...] = ()
    overridden: Mapping[str, str] = field(default_factory=dict)
    plan: Plan | None = None
    deployment: Deployment | None = None
    healed: tuple[Healed, ...] = ()
    error: GateError | None = None
    log: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences for the user about what was done besides."""

    @property
    def exit_code(self) -> int:
        """20 to 25, or 0; where pytest itself would not say 0, that counts."""
        if self.error is not None:
            return self.error.exit_code
        if self.refusals:
            return RefusedError.exit_code
        if self.plan is not None and self.plan.refusals:
            drifted = all(each.name == DRIFT for each in self.plan.refusals)
            return DriftError.exit_code if drifted else RefusedError.exit_code
        return 23 if self.deployment is not None and self.deployment.pending else 0
