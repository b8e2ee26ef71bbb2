"""What has changed in the working tree, and since when.

The rule is that of ``git diff main...``: what this branch did since it left the other, not what
the other did since. What is not committed, untracked files included, counts as changed.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.programs import git

OPTION, BASE_OPTION = "--dbx-changed", "--dbx-base"

_DEFAULT_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
_GITLINK = "160000"
_EVERYTHING = "run without " + OPTION


class Base(NamedTuple):
    """What the working tree is compared with."""

    commit: str
    """Its full name (of a tree, where there is no commit before the first)."""
    how: str
    """How it was found, for the user."""


def base_of(root: Path, ref: str | None, environ: Mapping[str, str]) -> Base:
    """Find the commit to compare the working tree of ``root`` with.

    With ``ref`` it is the merge base of that and HEAD. Without: in the build of a pull request by
    Azure DevOps the first parent of its merge commit, or the merge base with its target branch;
    anywhere else the merge base with the default branch. A build of the default branch itself is
    compared with the commit before, as nothing would be left to check otherwise; at a desk the
    default branch is compared with what is pushed.

    Raises :class:`ConfigurationError` where there is no repository, no such commit or not enough
    history.
    """
    head = _head(root)
    if ref:
        return _since(root, head, (ref, f"origin/{ref}"), f"`{ref}`")
    # A submodule has branches of its own: what Azure DevOps says is about the outer repository.
    builds = environ.get("TF_BUILD", "").lower() == "true" and not _output(
        root, "rev-parse", "--show-superproject-working-tree"
    )
    if builds and (target := _target_branch(environ)):
        if len(_parents(root, head)) == 2 and environ.get("BUILD_SOURCEBRANCH", "").endswith(
            "/merge"
        ):
            how = f"`{target}`, the target of the pull request (HEAD^1 of its merge commit)"
            return Base(_first_parent(root, head), how)
        names = (f"origin/{target}", target)
        return _since(root, head, names, f"`{target}`, the target of the pull request")
    base = _since(root, head, _DEFAULT_BRANCHES, "the default branch")
    if builds and base.commit == head:
        how = "the commit before (HEAD^1), as this builds the default branch itself"
        return Base(_first_parent(root, head), how)
    return base


def changed_files(root: Path, base: Base) -> frozenset[str]:
    """The files below ``root`` that differ from ``base`` or are untracked, deleted ones included,
    relative to ``root``, with ``/``. A renamed file is there with both names.

    Raises :class:`ConfigurationError` where git fails.
    """
    return frozenset(_changed(root, base.commit))


def _changed(folder: Path, commit: str) -> Iterator[str]:
    options = (
        *("--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff"),
        *("--relative", "--ignore-submodules=none"),
    )
    # With the index, too: what is staged counts even if the working tree has gone back.
    for where in ((), ("--cached",)):
        raw = _ask(folder, "diff", *options, *where, commit, "--")
        fields = raw.split("\0")
        for entry, path in zip(fields[::2], fields[1::2], strict=False):
            modes = entry.lstrip(":").split(" ")
            if _GITLINK in modes[:2] and (folder / path).is_dir():
                known = modes[2] if modes[0] == _GITLINK else ""
                yield from (f"{path}/{each}" for each in _in_submodule(folder / path, known))
            else:
                yield path
    for path in _ask(folder, "ls-files", "-z", "--others", "--exclude-standard").split("\0"):
        if path.endswith("/"):
            # A repository inside the repository, which this one does not know.
            yield from (f"{path}{each}" for each in _all_files(folder / path))
        elif path:
            yield path


def _in_submodule(folder: Path, commit: str) -> Iterator[str]:
    """What has changed in a submodule since ``commit``; all of it where that is not there."""
    if not (folder / ".git").exists():
        return iter(())
    known = commit and _output(folder, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
    return _changed(folder, commit) if known else _all_files(folder)


def _all_files(folder: Path) -> Iterator[str]:
    found = _ask(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return filter(None, found.split("\0"))


def _head(root: Path) -> str:
    """The commit of HEAD, once it is sure that there is a repository."""
    done = git(root, "rev-parse", "--is-inside-work-tree")
    if done is None:
        raise ConfigurationError(
            f"{OPTION} asks git, which is not installed or not on the PATH",
            next_step=f"install git, or {_EVERYTHING}",
        )
    if done.returncode or _text(done) != "true":
        message = _complaint(done)
        if not message or "not a git repository" in message:
            message = "not the working tree of a git repository"
        raise ConfigurationError(
            f"{OPTION}: {root}: {message}",
            next_step=f"run in a clone that git trusts, or {_EVERYTHING}",
        )
    head = _commit(root, "HEAD")
    if not head:
        raise ConfigurationError(
            f"{OPTION}: the repository has no commit yet", next_step=f"commit, or {_EVERYTHING}"
        )
    return head


def _target_branch(environ: Mapping[str, str]) -> str:
    """The branch that a pull request is to be merged into; empty where none is built."""
    return environ.get("SYSTEM_PULLREQUEST_TARGETBRANCH", "").removeprefix("refs/heads/")


def _since(root: Path, head: str, names: tuple[str, ...], what: str) -> Base:
    """The merge base of HEAD with the first of ``names`` that is there."""
    for name in names:
        other = _commit(root, name)
        if not other:
            continue
        common = _output(root, "merge-base", head, other).split("\n", 1)[0]
        if common:
            return Base(common, f"where this branch left {what} ({name}, {common[:10]})")
        if _is_shallow(root):
            raise _too_shallow(f"the clone does not reach back to where it left {what} ({name})")
        raise ConfigurationError(
            f"{OPTION}: HEAD and {what} ({name}) have no commit in common",
            next_step=f"name another commit with {BASE_OPTION}, or {_EVERYTHING}",
        )
    if _is_shallow(root):
        raise _too_shallow(f"the clone is shallow and lacks {what}")
    raise ConfigurationError(
        f"{OPTION}: {what} is not in this clone (looked for {', '.join(names)})",
        next_step=f"fetch it (git fetch origin), or name a commit or branch with {BASE_OPTION}",
    )


def _first_parent(root: Path, head: str) -> str:
    parents = _parents(root, head)
    if not parents:
        # The first commit of all: everything is new. This is the name of the empty tree.
        return _ask(root, "hash-object", "-t", "tree", "--stdin").strip()
    if not _commit(root, parents[0]):
        raise _too_shallow("the clone lacks the commit before HEAD", depth=2)
    return parents[0]


def _parents(root: Path, commit: str) -> list[str]:
    """The parents as the commit itself names them, even where a shallow clone lacks them."""
    lines = _output(root, "cat-file", "commit", commit).partition("\n\n")[0].split("\n")
    return [line.removeprefix("parent ") for line in lines if line.startswith("parent ")]


def _too_shallow(message: str, *, depth: int = 0) -> ConfigurationError:
    lines = ("fetch its history in the pipeline:", "steps:", "- checkout: self")
    enough = " # the whole history" if depth == 0 else f" # {depth} is enough here, 0 is all"
    return ConfigurationError(
        f"{OPTION}: {message}",
        next_step="\n".join((*lines, f"  fetchDepth: {depth}{enough}"))
        + "\n(elsewhere: git fetch --unshallow)",
    )


def _is_shallow(root: Path) -> bool:
    return _output(root, "rev-parse", "--is-shallow-repository") == "true"


def _commit(root: Path, name: str) -> str:
    """The full name of the commit that ``name`` means; empty where there is none."""
    if name.startswith("-"):
        return ""
    return _output(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")


def _output(root: Path, *arguments: str) -> str:
    """What git answers; empty where it fails."""
    done = git(root, *arguments)
    return "" if done is None or done.returncode else _text(done)


def _ask(root: Path, *arguments: str) -> str:
    done = git(root, *arguments)
    if done is None or done.returncode:
        message = "git cannot be started" if done is None else _complaint(done)
        raise ConfigurationError(
            f"{OPTION}: git {arguments[0]} failed in {root}: {message}",
            next_step=f"see what `git status` says there, or {_EVERYTHING}",
        )
    return os.fsdecode(done.stdout)


def _text(done: subprocess.CompletedProcess[bytes]) -> str:
    return os.fsdecode(done.stdout).strip()


def _complaint(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[0].removeprefix("fatal: ") if lines else ""
