"""Publishing among people who mean harm: options of the repository, globs, and a forged record."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_dbxgate.delivery import journal, manifest
from pytest_dbxgate.delivery.canonical import sha256
from pytest_dbxgate.delivery.deploy import Request, deploy
from pytest_dbxgate.delivery.job_digest import KEY_TAG, PROJECT_TAG, tag_value, told_digest
from pytest_dbxgate.delivery.journal import JobChange, Journal
from pytest_dbxgate.delivery.locks import heal_target
from pytest_dbxgate.delivery.means import Means
from pytest_dbxgate.delivery.model import (
    Action,
    Item,
    JobEntry,
    JobItem,
    Kind,
    Manifest,
    Origin,
)
from pytest_dbxgate.delivery.state import scope
from pytest_dbxgate.delivery.target import Target
from pytest_dbxgate.emulator.server import Running, start
from pytest_dbxgate.errors import GateError
from pytest_dbxgate.settings.targets import from_values
from pytest_dbxgate.workspace.client import Client, connect
from pytest_dbxgate.workspace.credentials import Secret, Veil, fixed
from pytest_dbxgate.workspace.model import ImportFormat
from support import git, run, source, write

ROOT = "/Shared/staging"
OWN = f"{ROOT}/.dbxgate"
TARGET = Target(name="staging", root=ROOT)
MEANS = Means(sleep=lambda _: None)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with start(tmp_path / "workspace") as running:
        yield running


@pytest.fixture
def client(running: Running) -> Client:
    credentials = fixed("local", "a test", Secret(running.token), veil=Veil())
    return connect(running.host, credentials, sleep=lambda _: None)


def put(client: Client, name: str, data: bytes) -> None:
    path = f"{OWN}/{name}"
    client.mkdirs(path.rpartition("/")[0])
    client.import_object(path, data, format=ImportFormat.AUTO, overwrite=True)


def publish(client: Client, text: str, *jobs: JobItem) -> None:
    data = text.encode()
    item = Item("a.txt", "a.txt", Kind.FILE, ImportFormat.AUTO, data, sha256(data))
    deploy(client, TARGET, Request((item,), jobs, Origin()), project="shop", means=MEANS)


def others_job(client: Client, key: str = "daily") -> int:
    """A job of the same key that the same tool published to production."""
    tags = {PROJECT_TAG: scope("shop", "/Shared/prod"), KEY_TAG: tag_value(key)}
    settings = {"name": "prod daily", "tags": tags, "max_concurrent_runs": 1}
    return client.create_job(settings, operation="1")


def told(client: Client, job_id: int) -> dict[str, Any]:
    job = client.job(job_id)
    assert job is not None
    return dict(job.settings)


def release(client: Client) -> str:
    pointer = manifest.pointer_from_bytes(client.export(f"{OWN}/pointer.json"), project="shop")
    return pointer.release


def test_a_forged_journal_resets_no_job_of_another_target(client: Client) -> None:
    publish(client, "one")
    job_id = others_job(client)
    settings = told(client, job_id)
    evil = {"name": "evil", "tags": {PROJECT_TAG: scope("shop", ROOT), KEY_TAG: "x"}}
    forged = Journal(
        "00000009-forged",
        "shop",
        "staging",
        previous=release(client),
        jobs=(JobChange(Action.CHANGE, "daily", "daily", job_id, "", evil, settings),),
    )
    put(client, "journals/00000009-forged.json", journal.to_bytes(forged))
    heal_target(client, TARGET, project="shop", means=MEANS, owner="me")
    assert told(client, job_id) == settings


@pytest.mark.parametrize("tagged", [True, False])
def test_a_forged_manifest_takes_no_job_of_others(client: Client, tagged: bool) -> None:
    publish(client, "one")
    job_id = others_job(client) if tagged else client.create_job({"name": "hers"}, operation="1")
    settings = told(client, job_id)
    entry = JobEntry("daily", job_id, "daily", "0" * 64, told_digest(settings), False)
    forged = Manifest("shop", release(client), "staging", 1.0, Origin(), {}, {"daily": entry}, {})
    put(client, f"manifests/{manifest.digest(forged)}.json", manifest.to_bytes(forged))
    pointer = manifest.Pointer("shop", manifest.digest(forged), forged.release)
    put(client, "pointer.json", manifest.pointer_to_bytes(pointer))
    for jobs in ([JobItem("daily", {"name": "evil"}, ())], []):
        with contextlib.suppress(GateError):
            publish(client, "one", *jobs)
        assert told(client, job_id) == settings


def test_a_forged_release_starts_no_job_of_others(client: Client) -> None:
    publish(client, "one")
    schedule = {"quartz_cron_expression": "0 0 6 * * ?", "timezone_id": "UTC"}
    hers = {"name": "hers", "schedule": {**schedule, "pause_status": "PAUSED"}}
    job_id = client.create_job(hers, operation="1")
    settings = told(client, job_id)
    name = "00000009-forged"
    entry = JobEntry("daily", job_id, "daily", "0" * 64, "0" * 64, True)
    forged = Manifest("shop", name, "staging", 1.0, Origin(), {}, {"daily": entry}, {})
    put(client, f"manifests/{manifest.digest(forged)}.json", manifest.to_bytes(forged))
    pointer = manifest.Pointer("shop", manifest.digest(forged), name)
    put(client, "pointer.json", manifest.pointer_to_bytes(pointer))
    after = {"schedule": {**schedule, "pause_status": "UNPAUSED"}}
    change = JobChange(Action.ADD, "daily", "daily", None, "op", None, after)
    record = Journal(name, "shop", "staging", jobs=(change,))
    put(client, f"journals/{name}.json", journal.to_bytes(record))
    with contextlib.suppress(GateError):
        heal_target(client, TARGET, project="shop", means=MEANS, owner="me")
    assert told(client, job_id) == settings


@pytest.mark.parametrize("name", [".done.json", "..done.json", "...done.json"])
def test_tidying_deletes_only_what_a_deployment_left(
    client: Client, running: Running, name: str
) -> None:
    publish(client, "one")
    put(client, f"journals/{name}", b"{}")
    put(client, "backups/kept/part-1.backup", b"kept")
    for text in ("two", "three"):
        publish(client, text)
    assert f"{OWN}/backups/kept/part-1.backup" in running.dump().objects
    assert f"{OWN}/pointer.json" in running.dump().objects


def repository(pytester: pytest.Pytester, files: dict[str, str | bytes]) -> pytest.Pytester:
    write(pytester.path, {"nb/a.py": source("x = 1", "print(x)"), **files})
    git(pytester.path, "init", "--quiet", "--initial-branch=main")
    git(pytester.path, "add", "nb")
    git(pytester.path, "commit", "--quiet", "--message=first")
    return pytester


@pytest.mark.parametrize(
    ("smuggled", "typed"),
    [
        ("--dbx-allow-host evil.example", ("--dbx-allow-host", "good.example")),
        ("--dbx-allow-host=evil.example", ("--dbx-allow-host=good.example",)),
        (
            "--dbx-override dirty",
            ("--dbx-override", "branch", "--dbx-reason", "why"),
        ),
        ("--dbx-reason other", ("--dbx-override", "branch")),
        ("--dbx-package-sha256 00", ("--dbx-package", "x.zip")),
    ],
)
@pytest.mark.parametrize("where", ["ini", "environment"])
def test_the_repository_adds_nothing_to_what_was_typed(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    smuggled: str,
    typed: tuple[str, ...],
    where: str,
) -> None:
    ini = {"pytest.ini": f"[pytest]\naddopts = {smuggled}\n"}
    if where == "environment":
        monkeypatch.setenv("PYTEST_ADDOPTS", smuggled)
        ini = {}
    repository(pytester, dict(ini))
    result = run(pytester, "--dbx-deploy", *typed)
    assert result.ret == pytest.ExitCode.USAGE_ERROR, result.outlines
    result.stderr.fnmatch_lines(["ERROR: --dbx-* has effects outside the working tree*"])
    assert not (pytester.path / ".dbxgate").exists()


@pytest.mark.parametrize("pattern", ["**/*", ".git/config", "**/config"])
def test_what_git_and_the_tool_keep_is_never_published(
    pytester: pytest.Pytester, pattern: str
) -> None:
    repository(pytester, {"dbxgate.toml": f'project = "shop"\npublish = ["{pattern}"]\n'})
    run(pytester, "--dbx-deploy")
    with start(pytester.path / ".dbxgate" / "workspace") as running:
        found = [path for path in running.dump().objects if "/shop/" in path]
    assert not [path for path in found if "/.git" in path or "/shop/.dbxgate/workspace" in path]


@pytest.mark.parametrize("link", [".git/config", "/etc/hostname", "../outside.txt"])
def test_a_link_to_what_is_no_file_of_the_repository_is_refused(
    pytester: pytest.Pytester, link: str
) -> None:
    settings = 'project = "shop"\npublish = ["data.txt"]\n'
    repository(pytester, {"dbxgate.toml": settings, "../outside.txt": "outside"})
    (pytester.path / "data.txt").symlink_to(link)
    result = run(pytester, "--dbx-deploy")
    with start(pytester.path / ".dbxgate" / "workspace") as running:
        assert not [path for path in running.dump().objects if path.endswith("data.txt")]
    assert result.ret != 0


@pytest.mark.parametrize(
    "values",
    [
        {"on_drift": "x"},
        {"on_active_runs": ""},
        {"auth": "local"},
        {"publisher": "x"},
        {"keep": -5},
    ],
)
def test_a_package_brings_no_setting_that_no_file_could_hold(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is"):
        from_values(values)


@pytest.fixture
def packed(pytester: pytest.Pytester) -> tuple[Path, str]:
    """A package in a folder of its own with its digest, and an empty folder to publish from."""
    repository(pytester, {"dbxgate.toml": 'project = "shop"\n'})
    assert run(pytester, "--dbx-write-package", "artifact/shop.zip").ret == 0
    digest = (pytester.path / "artifact/shop.zip.sha256").read_text(encoding="utf-8").split()[0]
    for name in ("artifact", "empty"):
        pytester.path.parent.joinpath(f"{pytester.path.name}-{name}").mkdir()
    package = pytester.path.parent / f"{pytester.path.name}-artifact" / "shop.zip"
    (pytester.path / "artifact" / "shop.zip").rename(package)
    pytester.chdir()
    os.chdir(pytester.path.parent / f"{pytester.path.name}-empty")
    return package, digest


def test_a_package_is_published_from_the_folder_of_the_run(
    pytester: pytest.Pytester, packed: tuple[Path, str]
) -> None:
    package, digest = packed
    named = ("--dbx-package", str(package), "--dbx-package-sha256", digest)
    result = run(pytester, "--dbx-deploy", *named)
    assert result.ret == 0, result.outlines
    assert sorted(each.name for each in Path(".dbxgate").iterdir()) == [
        ".gitignore",
        "publishing.log",
        "workspace",
    ]
    assert not (Path.cwd().parent / ".dbxgate").exists()


def test_settings_beside_a_package_do_not_count(
    pytester: pytest.Pytester, packed: tuple[Path, str]
) -> None:
    package, digest = packed
    evil = {"pytest.ini": "[pytest]\naddopts = -p evil\npythonpath = .\n"}
    write(package.parent, {**evil, "evil.py": "raise RuntimeError('loaded')\n"})
    result = run(
        pytester, "--dbx-deploy", f"--dbx-package={package}", "--dbx-package-sha256", digest
    )
    assert result.ret == 0, result.errlines


def test_settings_beside_a_package_that_would_count_are_refused(
    pytester: pytest.Pytester, packed: tuple[Path, str]
) -> None:
    package, digest = packed
    write(package.parent, {"pytest.ini": "[pytest]\naddopts = -v\n"})
    named = ("--dbx-package", str(package), "--dbx-package-sha256", digest)
    result = run(pytester, "--dbx-deploy", *named)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: the settings of *pytest.ini* came with the package*: write --dbx-package=FILE*"]
    )
    assert not Path(".dbxgate").exists()
