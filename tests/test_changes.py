"""What has changed and since when, asked of real clones."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_dbxgate import changes
from pytest_dbxgate.changes import Base, base_of, changed_files
from pytest_dbxgate.errors import ConfigurationError
from support import git, write

PULL_REQUEST = {
    "TF_BUILD": "True",
    "BUILD_REASON": "PullRequest",
    "BUILD_SOURCEBRANCH": "refs/pull/7/merge",
    "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main",
}
BUILD = {"TF_BUILD": "True", "BUILD_SOURCEBRANCH": "refs/heads/main"}


@pytest.fixture(autouse=True)
def _files_may_be_submodules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.file.allow")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "always")


def commit(root: Path, files: dict[str, str | bytes], message: str = "work") -> str:
    write(root, files)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message)
    return git(root, "rev-parse", "HEAD").strip()


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """main: a, b, c; topic: leaves main at b, with two commits; refs/pull/7/merge joins them."""
    root = tmp_path / "origin"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    commit(root, {"a.py": "1\n", "etl/old.py": "x = 1\ny = 2\nz = 3\n"})
    commit(root, {"b.py": "1\n"})
    git(root, "checkout", "-q", "-b", "topic")
    commit(root, {"etl/new.py": "1\n"})
    commit(root, {"b.py": "2\n"})
    git(root, "checkout", "-q", "main")
    commit(root, {"c.py": "1\n"})
    git(root, "checkout", "-q", "-b", "merge")
    git(root, "merge", "-q", "--no-ff", "-m", "merge", "topic")
    git(root, "update-ref", "refs/pull/7/merge", "HEAD")
    git(root, "checkout", "-q", "main")
    git(root, "branch", "-q", "-D", "merge")
    return root


def name(root: Path, ref: str) -> str:
    return git(root, "rev-parse", ref).strip()


def clone(origin: Path, ref: str = "refs/heads/main", *, depth: int = 0) -> Path:
    """A clone as Azure DevOps makes it: one ref fetched, HEAD detached."""
    root = origin.parent / "clone"
    root.mkdir()
    git(root, "init", "-q", "-b", "unused")
    git(root, "remote", "add", "origin", origin.as_uri())
    local = ref.replace("refs/heads/", "refs/remotes/origin/").replace("pull", "remotes/pull")
    specs = [f"+{ref}:{local}"]
    if depth:
        git(root, "fetch", "-q", f"--depth={depth}", "origin", *specs)
    else:
        git(root, "fetch", "-q", "origin", "+refs/heads/*:refs/remotes/origin/*", *specs)
    git(root, "checkout", "-q", "--detach", local)
    return root


def changed(root: Path, ref: str | None = None, **environ: str) -> set[str]:
    return set(changed_files(root, base_of(root, ref, environ)))


def refusal(root: Path, ref: str | None = None, **environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        base_of(root, ref, environ)
    return str(caught.value)


@pytest.mark.parametrize("depth", [0, 2, 3])
def test_a_pull_request_is_compared_with_its_target(origin: Path, depth: int) -> None:
    root = clone(origin, "refs/pull/7/merge", depth=depth)
    base = base_of(root, None, PULL_REQUEST)
    assert base == Base(
        name(origin, "main"), "`main`, the target of the pull request (HEAD^1 of its merge commit)"
    )
    assert changed_files(root, base) == {"etl/new.py", "b.py"}


def test_a_pull_request_at_depth_1(origin: Path) -> None:
    root = clone(origin, "refs/pull/7/merge", depth=1)
    assert refusal(root, **PULL_REQUEST) == (
        "--dbx-changed: the clone lacks the commit before HEAD\n"
        "  next: fetch its history in the pipeline:\n"
        "steps:\n"
        "- checkout: self\n"
        "  fetchDepth: 2 # 2 is enough here, 0 is all\n"
        "(elsewhere: git fetch --unshallow)"
    )


def test_a_pull_request_whose_head_is_built(origin: Path) -> None:
    root = clone(origin, "refs/heads/topic")
    environ = {**PULL_REQUEST, "BUILD_SOURCEBRANCH": "refs/heads/topic"}
    base = base_of(root, None, environ)
    assert base.commit == name(origin, "topic~2")
    assert base.how.startswith("where this branch left `main`, the target of the pull request (ori")
    assert changed_files(root, base) == {"etl/new.py", "b.py"}


def test_a_branch_in_a_shallow_clone(origin: Path) -> None:
    root = clone(origin, "refs/heads/topic", depth=1)
    environ = {"TF_BUILD": "True", "BUILD_SOURCEBRANCH": "refs/heads/topic"}
    assert refusal(root, **environ) == (
        "--dbx-changed: the clone is shallow and lacks the default branch\n"
        "  next: fetch its history in the pipeline:\n"
        "steps:\n"
        "- checkout: self\n"
        "  fetchDepth: 0 # the whole history\n"
        "(elsewhere: git fetch --unshallow)"
    )
    git(root, "fetch", "-q", "--depth=1", "origin", "+refs/heads/main:refs/remotes/origin/main")
    assert "the clone does not reach back to where it left the default branch" in refusal(root)


def test_a_branch_in_a_full_clone(origin: Path) -> None:
    root = clone(origin, "refs/heads/topic")
    assert changed(root) == {"etl/new.py", "b.py"}
    assert changed(root, "topic~1") == {"b.py"}
    assert changed(root, "HEAD~1") == {"b.py"}
    # A branch that is only at the remote.
    assert changed(root, "main") == {"etl/new.py", "b.py"}
    assert changed(root, "origin/main") == {"etl/new.py", "b.py"}


@pytest.mark.parametrize("depth", [0, 2])
def test_a_build_of_the_default_branch(origin: Path, depth: int) -> None:
    root = clone(origin, depth=depth)
    base = base_of(root, None, BUILD)
    assert base == Base(
        name(origin, "main~1"),
        "the commit before (HEAD^1), as this builds the default branch itself",
    )
    assert changed_files(root, base) == {"c.py"}


def test_a_build_of_the_default_branch_at_depth_1(origin: Path) -> None:
    root = clone(origin, depth=1)
    assert "  fetchDepth: 2 # 2 is enough here, 0 is all\n" in refusal(root, **BUILD)


def test_a_build_of_the_first_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, {"a.py": "1\n", "sub/b.py": "1\n"})
    assert changed(tmp_path, **BUILD) == {"a.py", "sub/b.py"}
    assert changed(tmp_path) == set()


def test_what_is_not_committed_counts(origin: Path) -> None:
    git(origin, "mv", "etl/old.py", "etl/moved.py")
    write(origin, {"a.py": "2\n", "new folder/ü.py": "1\n", "ignored.py": "1\n"})
    write(origin, {".gitignore": "ignored.py\n", "b.py": "staged\n"})
    git(origin, "add", "b.py")
    write(origin, {"b.py": "1\n"})
    (origin / "c.py").unlink()
    assert changed(origin) == {
        *(".gitignore", "a.py", "b.py", "c.py", "etl/moved.py", "etl/old.py"),
        "new folder/ü.py",
    }


def test_a_rename_gives_both_names(origin: Path) -> None:
    git(origin, "mv", "etl/old.py", "old.py")
    git(origin, "commit", "-q", "-m", "move")
    assert changed(origin, "HEAD~1") == {"etl/old.py", "old.py"}


def test_below_the_top_of_the_repository(origin: Path) -> None:
    write(origin, {"etl/x.py": "1\n", "y.py": "1\n", "etl/old.py": "2\n", "a.py": "2\n"})
    assert changed(origin / "etl") == {"x.py", "old.py"}


def test_the_configuration_of_git_changes_nothing(origin: Path) -> None:
    for key, value in {
        "diff.renames": "copies",
        "diff.relative": "true",
        "diff.noprefix": "true",
        "diff.external": "false",
        "diff.ignoreSubmodules": "all",
        "status.showUntrackedFiles": "no",
    }.items():
        git(origin, "config", key, value)
    git(origin, "mv", "etl/old.py", "old.py")
    write(origin, {"new.py": "1\n"})
    assert changed(origin) == {"etl/old.py", "old.py", "new.py"}


def test_in_a_worktree(origin: Path) -> None:
    tree = origin.parent / "tree"
    git(origin, "worktree", "add", "-q", str(tree), "topic")
    write(tree, {"more.py": "1\n"})
    assert changed(tree) == {"etl/new.py", "b.py", "more.py"}
    assert changed(origin) == set()


@pytest.fixture
def outer(origin: Path, tmp_path: Path) -> Path:
    """A repository with ``origin`` at main as its submodule ``inner/lib``."""
    root = tmp_path / "outer"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    git(root, "submodule", "--quiet", "add", origin.as_uri(), "inner/lib")
    commit(root, {"top.py": "1\n"})
    return root


def test_in_a_submodule(outer: Path) -> None:
    lib = outer / "inner" / "lib"
    git(lib, "checkout", "-q", "origin/topic")
    write(lib, {"more.py": "1\n"})
    assert changed(lib) == {"etl/new.py", "b.py", "more.py"}
    # Its own branches count: the pull request is one of the outer repository.
    assert changed(lib, **PULL_REQUEST) == {"etl/new.py", "b.py", "more.py"}


def test_a_submodule_that_moved(outer: Path) -> None:
    lib = outer / "inner" / "lib"
    assert changed(outer) == set()
    git(lib, "checkout", "-q", "origin/topic")
    write(lib, {"more.py": "1\n"})
    expected = {"inner/lib/etl/new.py", "inner/lib/b.py", "inner/lib/c.py", "inner/lib/more.py"}
    assert changed(outer) == expected
    git(outer, "add", "inner/lib")
    git(outer, "commit", "-q", "-m", "move")
    assert changed(outer, "HEAD~1") == expected
    assert changed(outer / "inner", "HEAD~1") == {each.partition("/")[2] for each in expected}


def test_a_submodule_that_is_new(outer: Path) -> None:
    git(outer, "commit", "-q", "--allow-empty", "-m", "more")
    found = changed(outer, **BUILD)
    assert found == set()
    git(outer, "reset", "-q", "--soft", "HEAD~1")
    (first,) = git(outer, "rev-list", "HEAD").split()
    found = set(changed_files(outer, Base(git(outer, "mktree", "--missing").strip(), first)))
    assert found == {
        *(".gitmodules", "top.py", "inner/lib/a.py", "inner/lib/b.py", "inner/lib/c.py"),
        "inner/lib/etl/old.py",
    }


def test_a_repository_that_is_not_tracked(origin: Path) -> None:
    inner = origin / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    write(inner, {"x.py": "1\n"})
    assert changed(origin) == {"inner/x.py"}


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert refusal(tmp_path) == (
        f"--dbx-changed: {tmp_path}: not the working tree of a git repository\n"
        "  next: run in a clone that git trusts, or run without --dbx-changed"
    )


def test_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "git", lambda *_: None)
    assert refusal(tmp_path) == (
        "--dbx-changed asks git, which is not installed or not on the PATH\n"
        "  next: install git, or run without --dbx-changed"
    )


def test_no_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert "has no commit yet" in refusal(tmp_path)


@pytest.mark.parametrize("ref", ["nowhere", "--all", "-q", "HEAD~100", "main^{tree}"])
def test_an_unknown_base(origin: Path, ref: str) -> None:
    assert refusal(origin, ref) == (
        f"--dbx-changed: `{ref}` is not in this clone (looked for {ref}, origin/{ref})\n"
        "  next: fetch it (git fetch origin), or name a commit or branch with --dbx-base"
    )


def test_no_default_branch(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "work")
    commit(tmp_path, {"a.py": "1\n"})
    assert refusal(tmp_path).startswith(
        "--dbx-changed: the default branch is not in this clone (looked for origin/HEAD, "
    )


def test_no_merge_base(origin: Path) -> None:
    git(origin, "checkout", "-q", "--orphan", "other")
    commit(origin, {"a.py": "other\n"})
    assert refusal(origin) == (
        "--dbx-changed: HEAD and the default branch (main) have no commit in common\n"
        "  next: name another commit with --dbx-base, or run without --dbx-changed"
    )


def test_a_base_that_is_gone(origin: Path) -> None:
    with pytest.raises(ConfigurationError, match="git diff failed"):
        changed_files(origin, Base("0" * 40, ""))
