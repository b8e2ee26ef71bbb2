"""Whatever publishing writes, the secret is not in it: neither a credential nor what others say."""

from __future__ import annotations

import base64
import json
import random
import re
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from planted_secrets import some
from support import QUICK, git, ipynb, run_apart, source, write

TOKEN = "canary-" + some(random.Random(21), "abcdefghkm23456789", 24) + "!/+="
"""A credential that looks like none: only who was given it knows that it is one."""

KNOWN = "dapi" + some(random.Random(22), "0123456789abcdef", 32)
"""One that anybody recognises."""

LEAKY = '''
"""Sends what is meant for a workspace to the one on this machine, whose token is the canary."""
import os
from pathlib import Path
from pytest_dbxgate import publishing
from pytest_dbxgate.delivery import deploy
from pytest_dbxgate.emulator import server
from pytest_dbxgate.workspace import azure, client
from pytest_dbxgate.workspace.credentials import Secret

TOKEN = os.environ.pop("CANARY")
FAULT = os.environ.pop("FAULT", "")
original = client.Client
running = None

def here(host, credentials, **more):
    global running
    running = running or server.start(Path(".dbxgate/remote"), token=TOKEN)
    if FAULT in ("status", "hard"):
        words = f"you sent {TOKEN} and {os.environ['KNOWN']}"
        status = 400 if FAULT == "status" else 403
        running.add_faults({"do": "status", "status": status, "message": words,
                            "match": {"route": "workspace/import", "path": "*/nb/*"},
                            "nth": 2, "times": -1})
    return original(running.host, credentials, client.SdkTransport(running.host, "t"),
                    times=client.Times(lambda _: None, client.time.monotonic, lambda: 0.5))

client.connect = lambda host, credentials, **more: here(host, credentials)
azure.Azure.vault_secret = lambda self, vault, name, version: Secret(TOKEN)

def pytest_unconfigure(config):
    global running
    if running is not None:
        running.stop()
    running = None
'''

SEVERAL = """
import json, sys
import pytest

for number, command in enumerate(json.loads(sys.argv[1])):
    print(f"== {command[-1]}", flush=True)
    print(f"== {number} ends with {int(pytest.main(command))}", flush=True)
"""

BROKEN = """
def pytest_configure(config):
    from pytest_dbxgate import publishing, commands
    def fail(gate, evidence, order, world):
        raise KeyError("a bug of ours")
    publishing.publish = fail
"""

SETTINGS = """
project = "shop"
[targets.remote]
host = "https://adb-1.2.azuredatabricks.net"
root = "/Shared/shop"
auth = "pat"
overrides = ["branch"]
CREDENTIALS
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.delenv("TF_BUILD", raising=False)
    for name in (
        *("DATABRICKS_TOKEN", "DATABRICKS_CLIENT_SECRET", "ARM_CLIENT_SECRET"),
        *("AZURE_CLIENT_SECRET", "SYSTEM_ACCESSTOKEN", "CANARY"),
    ):
        monkeypatch.setenv(name, TOKEN)
    monkeypatch.setenv("KNOWN", KNOWN)
    job = {
        "name": "daily",
        "tasks": [{"task_key": "a", "notebook_task": {"notebook_path": "../nb/a.py"}}],
    }
    write(
        pytester.path,
        {
            "pytest.ini": "[pytest]\n",
            "leaky.py": LEAKY,
            "dbxgate.toml": SETTINGS.replace("CREDENTIALS", ""),
            "nb/a.py": source("x = 1", "print(x)"),
            "nb/b.ipynb": ipynb("y = 2\nprint(y)"),
            "jobs/daily.json": json.dumps(job),
            ".gitignore": "out\n.dbxgate\n.pytest_cache\n__pycache__\n",
        },
    )
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    git(pytester.path, "init", "--quiet", "--initial-branch=main")
    git(pytester.path, "add", ".")
    git(pytester.path, "commit", "--quiet", "--message=first")
    return pytester


def told(project: pytest.Pytester, *arguments: str) -> tuple[pytest.RunResult, str]:
    result = run_apart(project, *_shown("out"), *arguments)
    return result, "\n".join([*result.outlines, *result.errlines])


def told_by_all(project: pytest.Pytester, *commands: tuple[str, ...]) -> tuple[dict[str, int], str]:
    """What each of the commands ended with, and what they showed. One process runs all of them, and
    keeps the reports of each in a folder of its own."""
    given = [
        [*QUICK, *_shown(f"out/{number}"), *command] for number, command in enumerate(commands)
    ]
    result = project.run(sys.executable, "-c", SEVERAL, json.dumps(given))
    shown = "\n".join([*result.outlines, *result.errlines])
    codes = re.findall(r"^== (\d+) ends with (\d+)$", shown, re.MULTILINE)
    assert len(codes) == len(commands), shown
    return {commands[int(number)][0]: int(code) for number, code in codes}, shown


def _shown(folder: str) -> tuple[str, ...]:
    """Whatever makes a run tell more, with its reports in ``folder``."""
    names = (("junitxml", "junit.xml"), ("dbx-json", "r.json"), ("dbx-summary", "s.md"))
    reports = (f"--{option}={folder}/{name}" for option, name in names)
    return "-p", "leaky", *reports, "--showlocals", "--tb=long", "-rA", "-v"


def forms(secret: str) -> list[str]:
    data = secret.encode()
    found = [secret, quote(secret, safe=""), data.hex(), data.hex().upper()]
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + data).decode().rstrip("=")
        found.append(coded[(0, 2, 3)[offset] : (len(data) + offset) * 8 // 6])
    return found


def leaks(project: pytest.Pytester, shown: str, *secrets: str) -> list[str]:
    """Where one of the secrets stands, of everything that a run shows and keeps."""
    texts = {"terminal": shown}
    for folder in ("out", ".pytest_cache", ".dbxgate"):
        for file in (project.path / folder).rglob("*"):
            # The workspace itself keeps its own token, and what was published.
            if file.is_file() and "remote" not in file.parts:
                texts[str(file.relative_to(project.path))] = file.read_bytes().decode("latin-1")
    wanted = [form for secret in secrets for form in forms(secret)]
    return [name for name, text in texts.items() if any(form in text for form in wanted)]


def test_the_canary_is_the_token(project: pytest.Pytester) -> None:
    result, shown = told(project, "--dbx-deploy", "--dbx-target", "remote")
    assert result.ret == 0, shown
    assert "published release" in shown
    assert leaks(project, shown, TOKEN, KNOWN) == []
    assert (project.path / "out" / "junit.xml").exists()


@pytest.mark.parametrize("fault", ["", "status", "hard"])
def test_no_command_shows_a_credential(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    place = ("--dbx-target", "remote")
    reason = f"incident with {KNOWN}"
    assert told(project, "--dbx-deploy", *place)[0].ret == 0
    write(project.path, {f"nb/n{number}.py": source(f"x = {number}") for number in range(3)})
    monkeypatch.setenv("FAULT", fault)
    commands = (
        ("--dbx-plan", *place),
        ("--dbx-deploy", "--dbx-override", "branch", "--dbx-reason", reason, *place),
        ("--dbx-heal", *place),
        ("--dbx-rollback", *place),
        ("--dbx-unlock", *place),
        ("--dbx-doctor", *place),
        ("--dbx-write-package", "out/shop.zip", *place),
    )
    codes, shown = told_by_all(project, *commands)
    assert leaks(project, shown, TOKEN, KNOWN) == []
    assert ("you sent *** and da***" in shown) is (fault != "")
    failed = {"--dbx-deploy": 22, "--dbx-rollback": 20} if fault else {}
    assert codes == {**dict.fromkeys((command[0] for command in commands), 0), **failed}


def test_on_azure_a_secret_is_told_once_to_be_masked_and_nowhere_else(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SETTINGS.replace("CREDENTIALS", 'credentials = {token = "keyvault://teamvault/token"}')
    write(project.path, {"dbxgate.toml": text})
    monkeypatch.setenv("TF_BUILD", "True")
    result, shown = told(project, "--dbx-deploy", "--dbx-target", "remote")
    assert result.ret == 0, shown
    lines = [line for line in shown.split("\n") if TOKEN in line]
    assert [line.partition("]")[0] for line in lines] == ["##vso[task.setsecret"]
    rest = "\n".join(line for line in shown.split("\n") if "task.setsecret" not in line)
    assert leaks(project, rest, TOKEN, KNOWN) == []


def test_a_bug_of_ours_shows_no_credential(project: pytest.Pytester) -> None:
    write(project.path, {"conftest.py": BROKEN})
    result, shown = told(project, "--dbx-deploy", "--dbx-target", "remote")
    assert result.ret != 0
    assert "a bug of ours" in shown
    assert leaks(project, shown, TOKEN, KNOWN) == []


def test_a_notebook_or_job_with_a_secret_is_not_published(project: pytest.Pytester) -> None:
    output = json.loads(ipynb("print(1)"))
    output["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": [KNOWN]}]
    task = {"task_key": "a", "notebook_task": {"notebook_path": "../nb/a.py"}}
    job = {"name": "daily", "description": KNOWN, "tasks": [task]}
    write(
        project.path,
        {
            "nb/c.py": source(f'token = "{KNOWN}"'),
            "nb/d.ipynb": json.dumps(output),
            "jobs/daily.json": json.dumps(job),
        },
    )
    place = ("--dbx-target", "remote")
    commands = (("--dbx-deploy",), ("--dbx-plan",), ("--dbx-write-package", "out/p.zip"))
    codes, shown = told_by_all(project, *((*command, *place) for command in commands))
    assert all(codes.values())
    assert leaks(project, shown, TOKEN, KNOWN) == []
    assert not Path(project.path, "out", "p.zip").exists()
    for path in ("nb/c.py", "nb/d.ipynb", "jobs/daily.json"):
        assert shown.count(f"{path}::secrets FAILED") == 3
