"""The origin of what is published: by Azure's variables on an agent, by git elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_dbxgate.delivery.origin import (
    asking,
    build_url,
    is_ancestor,
    origin,
    without_credentials,
)
from support import git, write

AGENT = {
    "TF_BUILD": "True",
    "BUILD_SOURCEBRANCH": "refs/heads/main",
    "BUILD_REASON": "IndividualCI",
    "BUILD_BUILDID": "42",
    "SYSTEM_COLLECTIONURI": "https://dev.azure.com/acme/",
    "SYSTEM_TEAMPROJECT": "Data Platform",
    "BUILD_REPOSITORY_URI": "https://acme@dev.azure.com/acme/_git/shop",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "remote", "add", "origin", "https://user:secret@example.invalid/shop.git?x=1")
    write(tmp_path, {"nb/a.py": "a = 1\n", "nb/b.py": "b = 1\n", "top.py": "t = 1\n"})
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def head(root: Path) -> str:
    return git(root, "rev-parse", "HEAD").strip()


def test_git_tells_commit_branch_time_and_repository(repository: Path) -> None:
    found = origin({}, asking(repository))
    assert found.commit == head(repository)
    assert found.branch == "main"
    assert found.committed_at > 1_500_000_000
    assert found.repository == "https://example.invalid/shop.git"
    assert (found.reason, found.build_url, found.dirty) == ("", "", ())


def test_changed_tracked_files_are_told_relative_to_the_run(repository: Path) -> None:
    write(repository, {"nb/a.py": "a = 2\n", "top.py": "t = 2\n", "nb/new.py": "", "nb/ü.py": ""})
    git(repository, "add", "nb/ü.py")
    (repository / "nb/b.py").unlink()
    assert origin({}, asking(repository / "nb")).dirty == ("a.py", "b.py", "ü.py")
    assert "top.py" in origin({}, asking(repository)).dirty


def test_an_agent_s_variables_tell_the_branch_of_a_detached_commit(repository: Path) -> None:
    git(repository, "checkout", "-q", "--detach")
    found = origin({**AGENT, "BUILD_SOURCEVERSION": head(repository)}, asking(repository))
    assert found.branch == "main"
    assert found.reason == "IndividualCI"
    assert found.build_url == (
        "https://dev.azure.com/acme/Data%20Platform/_build/results?buildId=42"
    )
    assert found.repository == "https://dev.azure.com/acme/_git/shop"


def test_a_pull_request_keeps_its_ref(repository: Path) -> None:
    environ = {
        **AGENT,
        "BUILD_SOURCEVERSION": head(repository),
        "BUILD_SOURCEBRANCH": "refs/pull/7/merge",
        "BUILD_REASON": "PullRequest",
    }
    found = origin(environ, asking(repository))
    assert (found.branch, found.reason) == ("refs/pull/7/merge", "PullRequest")


def test_a_commit_that_azure_did_not_build_has_no_branch(repository: Path) -> None:
    found = origin({**AGENT, "BUILD_SOURCEVERSION": "0" * 40}, asking(repository))
    assert found.commit == head(repository)
    assert found.branch == ""


def test_off_an_agent_its_variables_do_not_count(repository: Path) -> None:
    found = origin({**AGENT, "TF_BUILD": ""}, asking(repository))
    assert (found.reason, found.build_url) == ("", "")


def test_without_git_an_agent_still_tells() -> None:
    found = origin({**AGENT, "BUILD_SOURCEVERSION": "ABC1234"}, lambda *_: None)
    assert (found.commit, found.branch, found.committed_at) == ("abc1234", "main", 0)


def test_without_either_nothing_is_known(tmp_path: Path) -> None:
    found = origin({}, lambda *_: None)
    assert (found.commit, found.branch, found.repository) == ("", "", "")


def test_a_repository_without_commits_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    found = origin({}, asking(tmp_path))
    assert (found.commit, found.branch) == ("", "main")


def test_where_git_cannot_tell_what_differs_the_commit_is_not_claimed() -> None:
    answers = {"rev-parse": "abc1234\n", "symbolic-ref": "main\n"}
    assert origin({}, lambda *words: answers.get(words[0])).commit == ""


def test_the_order_of_commits_is_known_where_the_history_is(repository: Path) -> None:
    first = head(repository)
    git(repository, "commit", "-q", "--allow-empty", "-m", "second")
    second = head(repository)
    ask = asking(repository)
    assert is_ancestor(ask, first, second) is True
    assert is_ancestor(ask, second, first) is False
    assert is_ancestor(ask, first, "0" * 40) is None
    assert is_ancestor(ask, first, "--output=x") is None


@pytest.mark.parametrize(
    ("address", "bare"),
    [
        ("https://u:p@example.invalid/x", "https://example.invalid/x"),
        ("https://example.invalid:8443/x?token=1#y", "https://example.invalid:8443/x"),
        ("git@example.invalid:acme/x.git", "git@example.invalid:acme/x.git"),
        ("ssh://git@example.invalid/x", "ssh://example.invalid/x"),
        ("/srv/git/x", "/srv/git/x"),
        ("https://[", ""),
        ("", ""),
    ],
)
def test_an_address_carries_no_credentials(address: str, bare: str) -> None:
    assert without_credentials(address) == bare


def test_a_build_without_its_variables_has_no_page() -> None:
    assert build_url({"BUILD_BUILDID": "1"}) == ""
