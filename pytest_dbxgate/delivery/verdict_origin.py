"""The refusals that depend on where the bytes come from and where they go."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pytest_dbxgate.delivery.model import Manifest, Origin, Refusal
from pytest_dbxgate.delivery.places import listed, shown

PULL_REQUEST = "PullRequest"
"""Azure's reason for the build of a pull request."""


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """What a target asks of a run."""

    name: str
    shared: bool = False
    branches: tuple[str, ...] = ()
    """Patterns of the branches that may be published; empty: all."""
    reasons: tuple[str, ...] = ()
    """Reasons of a build, in Azure's words; empty: all."""
    requires: str = ""
    """The target that must hold the package before; empty: none."""
    requires_run: bool = False
    """Only what was run may be published."""
    overrides: frozenset[str] = frozenset()
    """The refusals that may be overridden."""


def origin_refusals(
    target: TargetFacts,
    origin: Origin,
    *,
    files: Collection[str] | None,
    previous: Origin | None,
    is_ancestor: bool | None,
    staged: bool,
    ran: bool,
) -> Iterator[Refusal]:
    """See :class:`pytest_dbxgate.delivery.verdict.RunFacts` for the arguments.

    The guards prevent accidents; whoever can change the pipeline can pass them.
    """
    yield from _build(target, origin)
    yield from _commit(target, origin, files)
    if previous is not None and _is_older(origin, previous, is_ancestor):
        yield Refusal(
            "older-commit",
            f"the commit {_short(origin)} is older than the published {_short(previous)}",
            "publish the latest commit; to go back use --dbx-rollback",
        )
    if target.requires_run and not ran:
        yield Refusal(
            "not-run",
            f"{shown(target.name)} takes only what was run, and no notebook was",
            "add --dbx-run local or cluster to the run that checks what is published",
        )
    if target.requires and not staged:
        yield Refusal(
            "not-staged",
            f"{shown(target.name)} takes only what {shown(target.requires)} already holds",
            f"publish the same package with --dbx-target {shown(target.requires)} first",
        )


def is_pull_request(origin: Origin) -> bool:
    return origin.reason == PULL_REQUEST or origin.branch.startswith("refs/pull/")


def was_published(manifest: Manifest | None, package_sha256: str) -> bool:
    """Whether a target's manifest records the deployment of this package."""
    return bool(
        manifest is not None
        and package_sha256
        and manifest.origin.package_sha256 == package_sha256.lower()
    )


def _build(target: TargetFacts, origin: Origin) -> Iterator[Refusal]:
    if target.shared and is_pull_request(origin):
        yield Refusal(
            "pull-request",
            f"the build of a pull request does not publish to the shared target {target.name}",
            "merge it first, or publish to a target of your own",
        )
    if target.branches and not any(_matches(origin.branch, each) for each in target.branches):
        yield Refusal(
            "branch",
            f"the branch {shown(origin.branch) or '(none: HEAD is detached)'} may not be published "
            f"to {target.name}, only {listed(list(target.branches))}",
            "publish from one of these branches",
        )
    if target.reasons and origin.reason not in target.reasons:
        yield Refusal(
            "reason",
            f"a build of the reason {shown(origin.reason) or '(unknown)'} may not publish to "
            f"{target.name}, only {listed(list(target.reasons))}",
            "start the pipeline in one of these ways",
        )


def _commit(
    target: TargetFacts, origin: Origin, files: Collection[str] | None
) -> Iterator[Refusal]:
    if not target.shared:
        return
    if not origin.commit:
        yield Refusal(
            "unknown-commit",
            f"nobody can tell from which commit {target.name} would be published",
            "publish from a git repository with at least one commit, or from a package",
        )
    dirty = [path for path in origin.dirty if files is None or path in files]
    if dirty:
        yield Refusal(
            "dirty",
            f"files to be published differ from the commit: {listed(dirty)}",
            "commit or undo the changes",
        )


def _is_older(origin: Origin, previous: Origin, is_ancestor: bool | None) -> bool:
    if not origin.commit or origin.commit == previous.commit:
        return False
    if is_ancestor is not None:
        return is_ancestor
    # Without the history the commits' own times decide.
    return 0 < origin.committed_at < previous.committed_at


def _matches(branch: str, pattern: str) -> bool:
    return bool(branch) and fnmatchcase(branch, pattern.removeprefix("refs/heads/"))


def _short(origin: Origin) -> str:
    return shown(origin.commit[:12]) or "(unknown)"
