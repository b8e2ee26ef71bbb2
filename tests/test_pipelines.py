"""The pipelines for Azure DevOps: valid, alike, and careful with what they hand on."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_dbxgate import __version__
from support import git, source, write
from test_repository import plugin_options

ROOT = Path(__file__).resolve().parent.parent
MAIN = ROOT / "azure-pipelines.yml"
VARIANTS = sorted((ROOT / "docs" / "pipelines").glob("*.yml"))
GATE = ROOT / "docs" / "pipelines" / "gate.yml"
RELEASING = [MAIN, *(file for file in VARIANTS if file != GATE)]
ALL = [MAIN, *VARIANTS]
RELEASES = ["staging", "production"]

each_pipeline = pytest.mark.parametrize("file", ALL, ids=lambda file: file.name)
each_releasing = pytest.mark.parametrize("file", RELEASING, ids=lambda file: file.name)


def pipeline(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def stages(file: Path) -> dict[str, dict[str, Any]]:
    return {stage["stage"]: stage for stage in pipeline(file)["stages"]}


def job(file: Path, stage: str) -> dict[str, Any]:
    (only,) = stages(file)[stage]["jobs"]
    return only  # type: ignore[no-any-return]


def release_steps(file: Path, stage: str) -> list[dict[str, Any]]:
    return job(file, stage)["strategy"]["runOnce"]["deploy"]["steps"]  # type: ignore[no-any-return]


def text_of(step: dict[str, Any]) -> str:
    """What a step runs."""
    return str(
        step.get("script") or step.get("bash") or step.get("inputs", {}).get("inlineScript") or ""
    )


def pytest_steps(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (step for step in steps if "--dbx-" in text_of(step))


@each_pipeline
def test_it_is_valid_for_azure_pipelines(file: Path) -> None:
    pytest.importorskip("check_jsonschema")
    command = ["check_jsonschema", "--builtin-schema", "vendor.azure-pipelines"]
    done = subprocess.run(
        # The schema holds patterns that only the older regular expressions of JavaScript take.
        [sys.executable, "-m", *command, "--regex-variant", "nonunicode", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


@each_pipeline
def test_it_uses_only_options_that_exist(file: Path) -> None:
    used = set(re.findall(r"--dbx-[a-z0-9-]*[a-z0-9]", file.read_text(encoding="utf-8")))
    assert used <= set(plugin_options())
    assert "--dbx-only" in used


@each_pipeline
def test_what_shows_a_notebooks_text_cannot_steer_the_agent(file: Path) -> None:
    steps = list(pytest_steps(job(file, "build")["steps"]))
    if file.name != "service-connection.yml":  # The schema knows no target on a task.
        for stage in set(stages(file)) - {"build"}:
            steps += pytest_steps(release_steps(file, stage))
    assert steps
    for step in steps:
        assert step["target"] == {
            "container": "host",
            "commands": "restricted",
            "settableVariables": "none",
        }


@each_releasing
@pytest.mark.parametrize("stage", RELEASES)
def test_nothing_beside_the_package_configures_its_release(file: Path, stage: str) -> None:
    commands = [text_of(step) for step in pytest_steps(release_steps(file, stage))]
    assert commands
    for command in commands:
        # As a word of its own it would be a path to pytest, which reads the settings beside it.
        assert '--dbx-package="$(Pipeline.Workspace)/' in command


@each_releasing
def test_the_gate_is_the_same_everywhere(file: Path) -> None:
    assert stages(file)["build"] == stages(MAIN)["build"]


def test_the_pipeline_of_pull_requests_gates_and_does_no_more() -> None:
    steps = job(GATE, "build")["steps"]
    released = job(MAIN, "build")["steps"]
    (gate,) = pytest_steps(steps)
    assert list(stages(GATE)) == ["build"]
    assert "package" not in text_of(gate)
    gate["script"] += " $(package)"
    assert steps == released[: len(steps)]


@each_releasing
def test_a_pull_request_leaves_no_package_and_publishes_nothing(file: Path) -> None:
    variables = pipeline(file)["variables"]
    assert variables["${{ else }}"] == {"package": ""}
    not_for_pull_requests = "ne(variables['Build.Reason'], 'PullRequest')"
    assert not_for_pull_requests in next(key for key in variables if key.startswith("${{ if"))
    for step in job(file, "build")["steps"][-2:]:
        assert not_for_pull_requests in step["condition"]
    for name in RELEASES:
        condition = stages(file)[name]["condition"]
        assert not_for_pull_requests in condition
        assert condition.startswith("and(succeeded(),")
        assert "eq(variables['Build.SourceBranch'], 'refs/heads/main')" in condition


@each_releasing
def test_the_digest_travels_as_an_output_of_the_build(file: Path) -> None:
    *_, digest, package = job(file, "build")["steps"]
    assert digest["name"] == "digest"
    assert "target" not in digest
    assert "isOutput=true" in digest["bash"]
    assert package["publish"].endswith("/notebooks.zip")
    for name in RELEASES:
        assert "build" in stages(file)[name]["dependsOn"]
        given = {each.get("name"): each.get("value") for each in job(file, name)["variables"]}
        assert given["sha256"] == "$[ stageDependencies.build.gate.outputs['digest.sha256'] ]"
        for step in pytest_steps(release_steps(file, name)):
            assert '--dbx-package-sha256 "$(sha256)"' in text_of(step)


@pytest.mark.skipif(sys.platform == "win32", reason="the step is for bash")
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (f"{'a' * 64}\n", 0),
        (f"{'a' * 64}  notebooks.zip\n", 0),
        ("", 1),
        (f"{'A' * 64}\n", 1),
        (f"{'a' * 63}\n", 1),
        (f"{'a' * 64}]x\n", 1),
    ],
    ids=["bare", "as sha256sum", "empty", "upper", "short", "more"],
)
def test_the_digest_step_takes_digests_only(tmp_path: Path, written: str, expected: int) -> None:
    script = job(MAIN, "build")["steps"][-2]["bash"]
    script = script.replace("$(Build.ArtifactStagingDirectory)", str(tmp_path))
    script = script.replace("$(System.JobAttempt)", "1")
    (tmp_path / "notebooks.zip.sha256").write_text(written, encoding="utf-8")
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == expected, done.stderr
    if expected == 0:
        prefix = "##vso[task.setvariable variable="
        assert done.stdout.splitlines() == [
            f"{prefix}sha256;isOutput=true;isReadOnly=true]{'a' * 64}",
            f"{prefix}artifact;isOutput=true;isReadOnly=true]package-1",
        ]


class Agent:
    """Runs the scripts of steps as an agent would, with its variables filled in."""

    def __init__(self, folder: Path) -> None:
        self.variables = {
            "Build.ArtifactStagingDirectory": str(folder / "staging"),
            "Pipeline.Workspace": str(folder / "workspace"),
            "System.JobAttempt": "1",
            "dbxgate": str(folder / "temporary" / "dbxgate"),
        }
        for name in ("staging", "workspace", "temporary/dbxgate/run", "temporary/dbxgate/venv/bin"):
            (folder / name).mkdir(parents=True)
        program = folder / "temporary" / "dbxgate" / "venv" / "bin" / "pytest"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pytest "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        self._path = os.pathsep.join([str(program.parent), os.environ["PATH"]])

    def filled(self, text: str) -> str:
        while match := re.search(r"\$\(([\w.]+)\)", text):
            text = text.replace(match[0], self.variables[match[1]])
        return text

    def run(self, step: dict[str, Any], folder: Path) -> str:
        given = {name: str(text) for name, text in step.get("env", {}).items() if "$" not in text}
        done = subprocess.run(
            ["bash", "-c", self.filled(text_of(step))],
            cwd=self.filled(step.get("workingDirectory", str(folder))),
            env={**os.environ, **given, "PATH": self._path, "TF_BUILD": "True"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def obey(self, output: str) -> None:
        """Take over the variables that a step has set."""
        for name, value in re.findall(
            r"^##vso\[task.setvariable variable=(\w+);.*?\](.*)$", output, re.M
        ):
            self.variables[name] = value


@pytest.mark.skipif(sys.platform == "win32", reason="the steps are for bash")
def test_the_commands_of_the_pipeline_work_as_they_stand(tmp_path: Path) -> None:
    """From the gate to the workspace, with the embedded one in place of staging."""
    pytest.importorskip("starlette")
    repository = tmp_path / "repository"
    pytest.importorskip("pysail", reason="the extra local is not installed")
    write(
        repository,
        {
            "dbxgate.toml": '[run]\nnotebooks = ["sample_notebooks"]\n',
            "sample_notebooks/a.py": source("x = 1\nprint(x)"),
        },
    )
    git(repository, "init", "-q")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "one")
    agent = Agent(tmp_path)
    agent.variables["package"] = next(
        value["package"]
        for name, value in pipeline(MAIN)["variables"].items()
        if name.startswith("${{ if")
    )
    (gate,) = pytest_steps(job(MAIN, "build")["steps"])
    agent.run(gate, repository)
    agent.obey(agent.run(job(MAIN, "build")["steps"][-2], repository))
    artifact = Path(agent.filled("$(Pipeline.Workspace)/$(artifact)"))
    artifact.mkdir()
    shutil.copy(agent.filled(job(MAIN, "build")["steps"][-1]["publish"]), artifact)
    publish, heal = (
        {**step, "bash": step["bash"].replace("--dbx-target staging", "--dbx-target local")}
        for step in pytest_steps(release_steps(MAIN, "staging"))
    )
    assert "published release" in agent.run(publish, tmp_path)
    assert "nothing to publish" in agent.run(publish, tmp_path)
    assert "nothing to heal" in agent.run(heal, tmp_path)
    shown = next(
        step for step in release_steps(MAIN, "staging") if "summary.md" in text_of(step)[:20]
    )
    assert "##vso[task.uploadsummary]" in agent.run(shown, tmp_path)


@each_releasing
@pytest.mark.parametrize("stage", RELEASES)
def test_a_release_runs_nothing_of_the_repository(file: Path, stage: str) -> None:
    steps = release_steps(file, stage)
    assert steps[0] == {"checkout": "none"}
    for step in pytest_steps(steps):
        command = text_of(step)
        where = step.get("workingDirectory") or step["inputs"]["workingDirectory"]
        assert where == "$(dbxgate)/run"
        assert command.startswith('"$(dbxgate)/venv/bin/pytest" -p pytest_dbxgate.plugin ')
        assert "--noconftest -p no:cacheprovider" in command
        assert step["env"]["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] == "1"


@each_releasing
@pytest.mark.parametrize("stage", RELEASES)
def test_a_release_locks_its_environment_and_heals_in_any_case(file: Path, stage: str) -> None:
    deployment = job(file, stage)
    assert stages(file)[stage]["lockBehavior"] == "sequential"
    assert deployment["environment"] == f"databricks-{stage}"
    assert int(deployment["cancelTimeoutInMinutes"]) > 5
    publish, heal = pytest_steps(release_steps(file, stage))
    assert f"--dbx-deploy --dbx-target {stage} " in text_of(publish)
    assert "condition" not in publish
    assert f"--dbx-heal --dbx-target {stage} " in text_of(heal)
    assert heal["condition"] == "always()"
    assert heal["env"] == publish["env"]
    (results,) = (s for s in release_steps(file, stage) if s.get("task") == "PublishTestResults@2")
    assert results["condition"] == "succeededOrFailed()"


@each_releasing
def test_both_environments_are_published_to_in_the_same_way(file: Path) -> None:
    staging, production = (json.dumps(job(file, name)) for name in RELEASES)
    assert staging.replace("staging", "production") == production


@each_releasing
def test_the_variants_differ_in_credentials_alone(file: Path) -> None:
    def without(pipeline_file: Path) -> list[tuple[str, object]]:
        found: list[tuple[str, object]] = []
        for step in release_steps(pipeline_file, "staging"):
            if step.get("task") != "AzureKeyVault@2":
                found.append((str(step.get("displayName", "")), text_of(step)))
        return found

    assert without(file) == without(MAIN)


@each_releasing
def test_secrets_are_mapped_into_the_steps_that_need_them(file: Path) -> None:
    for stage in RELEASES:
        for step in release_steps(file, stage):
            names = set(step.get("env", {})) - {"PYTEST_DISABLE_PLUGIN_AUTOLOAD"}
            assert not names or "--dbx-" in text_of(step)
            assert not [name for name in names if re.search("SECRET|TOKEN", text_of(step))]
    assert "env" not in pipeline(file)
    assert not [step for step in job(file, "build")["steps"] if "env" in step]


@each_releasing
def test_the_version_that_publishes_is_pinned(file: Path) -> None:
    assert pipeline(file)["variables"]["gate"] == f"pytest-dbxgate[azure]=={__version__}"
