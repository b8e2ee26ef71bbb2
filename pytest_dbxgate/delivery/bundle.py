"""Publishing by a bundle: where the target says ``publisher = "bundle"``, the Databricks CLI does.

A thin adapter: the plan is shown, the deployment started, its end checked. Which resources there
are, their state, lock, permissions and what is left after a failure are the bundle's; none of the
promises of our own publishing hold (no backups, no journal, no roll-back, no drift).

UNVERIFIED against the real CLI, which is not at hand: see ``bundle_cli``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from pytest_dbxgate.delivery import bundle_cli, bundle_host, bundle_plan
from pytest_dbxgate.delivery.bundle_cli import Access, Answer, Cli
from pytest_dbxgate.delivery.bundle_plan import BundlePlan
from pytest_dbxgate.errors import (
    ConfigurationError,
    IncompleteError,
    PlatformError,
    RefusedError,
)
from pytest_dbxgate.settings.targets import TargetSettings

PLAN_SECONDS = 900.0
DEPLOY_SECONDS = 7200.0

_DONE = re.compile(r"^(Deployment complete!|Resources: \d+ created\b)", re.MULTILINE)
"""How a deployment ends that did something: until 1.12, and from 1.13 on. A cancelled one ends
with status 0, too."""
_LOCKED = re.compile(r"deploy lock|deployment lock|--force-lock", re.IGNORECASE)

_BUNDLES_OWN = ("host", "root", "prune", "on_drift", "keep", "variables", "requires")
"""Keys of a target that a bundle decides itself, or that need our own manifest."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle on its way to one of its targets."""

    cli: Cli
    target: str
    fail_on_active_runs: bool = False

    def plan(self) -> BundlePlan:
        """What a deployment would do; changes nothing in the workspace.

        Raises PlatformError where the CLI fails or prints no plan.
        """
        answer = self.cli.run(
            "bundle", "plan", "-t", self.target, "-o", "json", timeout=PLAN_SECONDS
        )
        if answer.status:
            raise PlatformError(
                f"`databricks bundle plan -t {self.target}` ended with {answer.status}:\n"
                f"{self._quoted(answer)}",
                next_step="mend what it says; nothing was published",
            )
        return bundle_plan.parse(answer.stdout)

    def deploy(self, plan: BundlePlan, *, overridden: Collection[str] = ()) -> str:
        """Deploy what was planned; what the CLI said, fit to be shown.

        ``overridden``: names of refusals that may be passed over. Raises RefusedError where the
        plan or somebody's lock forbids it, and IncompleteError where the deployment failed.
        """
        for refusal in bundle_plan.refusals(plan, allowed=overridden):
            message = self.cli.shown(refusal.message)
            raise RefusedError(refusal.name, message, next_step=refusal.next_step)
        command = ["bundle", "deploy", "-t", self.target]
        if self.fail_on_active_runs:
            command.append("--fail-on-active-runs")
        # Without it the CLI, having no console, refuses to delete what holds data.
        if any(change.is_destructive for change in plan.changes):
            command.append("--auto-approve")
        answer = self.cli.run(*command, timeout=DEPLOY_SECONDS)
        if answer.status or not _DONE.search(answer.text):
            raise self._failed(answer, plan)
        return self.cli.shown(answer.text)

    def _failed(self, answer: Answer, plan: BundlePlan) -> RefusedError | IncompleteError:
        command = f"`databricks bundle deploy -t {self.target}`"
        if answer.status and _LOCKED.search(answer.text):
            return RefusedError(
                "locked",
                f"another deployment holds the bundle's lock:\n{self._quoted(answer)}",
                next_step="wait for it; if it is gone: databricks bundle deploy --force-lock "
                f"-t {self.target}",
            )
        how = f"ended with {answer.status}" if answer.status else "did not say that it deployed"
        keys = ", ".join(self.cli.shown(change.key) for change in plan.changes) or "files only"
        return IncompleteError(
            f"{command} {how}; what it had done by then stands (planned: {keys}):\n"
            f"{self._quoted(answer)}",
            next_step="mend what it says and run the same command again: a bundle has no roll-back",
        )

    def _quoted(self, answer: Answer) -> str:
        lines = answer.text.splitlines()[-40:] or ["it printed nothing"]
        return "\n".join(f"    {self.cli.shown(line)}" for line in lines)


def open_bundle(
    folder: Path,
    name: str,
    target: TargetSettings,
    access: Access,
    environ: Mapping[str, str],
    show: Callable[[str], str],
    cancelled: Callable[[], bool] = lambda: False,
) -> Bundle:
    """The bundle in ``folder`` for the target called ``name``, with a CLI that is new enough.

    ``show`` makes strings from outside fit to be shown; ``cancelled`` says whether this process is
    to stop. Raises ConfigurationError for settings
    that are the bundle's, RefusedError where the CLI is missing or too old.
    """
    check(name, target)
    goal = target.bundle_target or name
    named = bundle_host.host(folder, goal)
    if named and named != bundle_host.normal(access.host):
        raise ConfigurationError(
            f"the bundle's target {goal} goes to {show(named)}, the token is for {access.host}",
            next_step="take the host from the bundle alone",
        )
    cli = Cli(bundle_cli.find(), folder, access, environ, show, cancelled)
    bundle_cli.check_version(cli)
    return Bundle(cli, goal, target.on_active_runs == "refuse")


def check(name: str, target: TargetSettings) -> None:
    """Raise ConfigurationError for a key that a bundle would not obey."""
    defaults = {each.name: getattr(TargetSettings(), each.name) for each in fields(TargetSettings)}
    wrong = [key for key in _BUNDLES_OWN if getattr(target, key) != defaults[key]]
    if wrong:
        raise ConfigurationError(
            f'targets.{name}: with publisher = "bundle" {", ".join(f"`{w}`" for w in wrong)} '
            f"{'is' if len(wrong) == 1 else 'are'} the bundle's",
            next_step="remove it here and set it in databricks.yml",
        )
    if target.on_active_runs == "wait":
        raise ConfigurationError(
            f'targets.{name}: a bundle cannot wait for active runs (on_active_runs = "wait")',
            next_step='write "refuse" or "warn"',
        )
