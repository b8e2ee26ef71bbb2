"""Jobs of the repository become settings that the workspace takes, found again by our tag."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_dbxgate.delivery.job_files import PublishedJobs, jobs_of, targets
from pytest_dbxgate.delivery.job_settings import activated, is_to_run, paused, tagged, untagged
from pytest_dbxgate.delivery.model import JobItem
from pytest_dbxgate.delivery.package_contents import ROOT as PACKED
from pytest_dbxgate.delivery.package_contents import at_root
from pytest_dbxgate.delivery.placement import place
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.jobs import loading
from pytest_dbxgate.settings import Settings
from support import source, write

ROOT = "/Shared/shop"
PY = source("a = 1")
SAMPLES = Path(__file__).parent.parent / "sample_notebooks"


def published(
    root: Path,
    *job_files: str,
    settings: Settings | None = None,
    base: str = ".",
    root_path: str = ROOT,
    **options: Any,
) -> PublishedJobs:
    notebooks: dict[str, bytes] = {}
    files: dict[str, bytes] = {}
    for file in sorted(root.rglob("*")):
        if not file.is_file():
            continue
        path, data = file.relative_to(root).as_posix(), file.read_bytes()
        kind = formats.classify(path, data[: formats.HEAD_SIZE])
        (notebooks if kind is formats.Kind.NOTEBOOK else files)[path] = data
    own = settings or Settings()
    keys = [NotebookKey(path) for path in notebooks]
    jobs = loading.load(root, job_files, keys, list(files), lambda _: own)
    placed = place(notebooks, files, base=base)
    assert not placed.refusals
    return jobs_of(jobs, placed.items, root=root_path, base=base, **options)


def names(found: PublishedJobs) -> list[str]:
    return [refusal.name for refusal in found.refusals]


def only(found: PublishedJobs) -> JobItem:
    assert not found.refusals
    (job,) = found.jobs
    return job


def paths(job: JobItem) -> dict[str, str]:
    return {t["task_key"]: t["notebook_task"]["notebook_path"] for t in job.settings["tasks"]}


def test_a_job_of_the_api_gets_absolute_paths_without_ending(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "etl/a.py": PY,
            "b.py": PY,
            "jobs/daily.json": """{"name": "daily", "tasks": [
                {"task_key": "a", "notebook_task": {"notebook_path": "etl/a"}},
                {"task_key": "b", "notebook_task": {"notebook_path": "../b"}},
                {"task_key": "c", "notebook_task": {"notebook_path": "/Repos/other/c"}},
                {"task_key": "l", "for_each_task": {"inputs": "[1]", "task":
                    {"task_key": "i", "notebook_task": {"notebook_path": "./etl/a"}}}}]}""",
        },
    )
    job = only(published(tmp_path, "jobs/daily.json"))
    assert job.key == "jobs/daily.json#daily"
    assert [
        task.get("notebook_task", {}).get("notebook_path") for task in job.settings["tasks"]
    ] == [
        "/Shared/shop/etl/a",
        "/Shared/shop/b",
        "/Repos/other/c",
        None,
    ]
    inner = job.settings["tasks"][3]["for_each_task"]["task"]
    assert inner["notebook_task"]["notebook_path"] == "/Shared/shop/etl/a"


def test_a_path_of_the_deployed_project_moves_to_the_target(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "etl/a.py": PY,
            "j.yml": "name: j\ntasks:\n- task_key: a\n  notebook_task:\n"
            "    notebook_path: /Workspace/Live/shop/etl/a\n",
        },
    )
    settings = Settings(workspace_roots={"/Workspace/Live/shop": "."})
    assert paths(only(published(tmp_path, "j.yml", settings=settings))) == {
        "a": "/Shared/shop/etl/a"
    }


def test_what_comes_from_git_is_left_alone(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a.py": PY,
            "j.yml": "name: j\ngit_source: {git_url: u, git_provider: p, git_branch: main}\n"
            "tasks:\n- task_key: a\n  notebook_task: {notebook_path: a}\n"
            "- task_key: b\n  notebook_task: {notebook_path: a, source: WORKSPACE}\n",
        },
    )
    assert paths(only(published(tmp_path, "j.yml"))) == {"a": "a", "b": "/Shared/shop/a"}


@pytest.mark.parametrize("path", ["gone", "./etl/gone", "m.py"])
def test_a_path_to_nothing_is_refused(tmp_path: Path, path: str) -> None:
    text = f"name: j\ntasks:\n- task_key: a\n  notebook_task: {{notebook_path: {path}}}\n"
    write(tmp_path, {"etl/a.py": PY, "m.py": "m = 1\n", "j.yml": text})
    found = published(tmp_path, "j.yml")
    assert names(found) == ["job-path"]
    assert "j.yml:4: nothing is published from" in found.refusals[0].message


def test_files_and_wheels_are_opened_below_workspace(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "src/main.py": "print(1)\n",
            "dist/w.whl": b"PK",
            "q.sql": "select 1",
            "j.yml": """\
name: j
tasks:
- task_key: a
  spark_python_task: {python_file: src/main.py}
  libraries: [{whl: ./dist/w.whl}, {pypi: {package: x}}, {jar: "dbfs:/x.jar"}]
- task_key: q
  sql_task: {file: {path: q.sql}, warehouse_id: w}
environments:
- environment_key: e
  spec: {client: "1", dependencies: [requests, ./dist/w.whl]}
""",
        },
    )
    settings = only(published(tmp_path, "j.yml")).settings
    first, second = settings["tasks"]
    assert first["spark_python_task"]["python_file"] == "/Workspace/Shared/shop/src/main.py"
    assert first["libraries"] == [
        {"whl": "/Workspace/Shared/shop/dist/w.whl"},
        {"pypi": {"package": "x"}},
        {"jar": "dbfs:/x.jar"},
    ]
    assert second["sql_task"]["file"]["path"] == "/Workspace/Shared/shop/q.sql"
    spec = settings["environments"][0]["spec"]
    assert spec["dependencies"] == ["requests", "/Workspace/Shared/shop/dist/w.whl"]


BUNDLE = """\
bundle: {name: shop}
variables:
  level: {default: "1"}
  cluster: {default: {num_workers: 2}}
  folder: {default: etl}
targets:
  dev: {default: true}
  prod: {variables: {level: "9"}}
resources:
  jobs:
    daily:
      name: daily ${bundle.target}
      schedule: {quartz_cron_expression: "0 0 1 * * ?", timezone_id: UTC}
      permissions:
        - {level: CAN_VIEW, group_name: users}
        - {level: IS_OWNER, service_principal_name: abc}
      tasks:
        - task_key: a
          new_cluster: ${var.cluster}
          notebook_task:
            notebook_path: ./etl/a.py
            base_parameters: {level: "${var.level}", run: "{{job.run_id}}"}
        - task_key: b
          notebook_task: {notebook_path: "${workspace.file_path}/etl/a"}
        - task_key: c
          notebook_task: {notebook_path: "./${var.folder}/a.py"}
"""


def test_a_bundle_gives_the_jobs_of_one_target(tmp_path: Path) -> None:
    write(tmp_path, {"nb/etl/a.py": PY, "nb/databricks.yml": BUNDLE})
    found = published(tmp_path, "nb/databricks.yml", base="nb", bundle_target="prod")
    job = only(found)
    assert job.key == "nb/databricks.yml#daily"
    assert job.name == "daily prod"
    assert set(paths(job).values()) == {"/Shared/shop/etl/a"}
    first = job.settings["tasks"][0]
    assert first["notebook_task"]["base_parameters"] == {"level": "9", "run": "{{job.run_id}}"}
    assert first["new_cluster"] == {"num_workers": 2}
    assert job.permissions == (
        {"group_name": "users", "permission_level": "CAN_VIEW"},
        {"service_principal_name": "abc", "permission_level": "IS_OWNER"},
    )
    assert "permissions" not in job.settings


def test_the_target_s_own_variables_win(tmp_path: Path) -> None:
    write(tmp_path, {"etl/a.py": PY, "new/a.py": PY, "databricks.yml": BUNDLE})
    given = {"level": "7", "folder": "new"}
    job = only(published(tmp_path, "databricks.yml", bundle_target="dev", variables=given))
    assert job.settings["tasks"][0]["notebook_task"]["base_parameters"]["level"] == "7"
    assert paths(job)["c"] == "/Shared/shop/new/a"


def test_the_targets_are_told(tmp_path: Path) -> None:
    write(tmp_path, {"databricks.yml": BUNDLE})
    jobs = loading.load(tmp_path, ["databricks.yml"], [], ["databricks.yml"], lambda _: Settings())
    assert targets(jobs) == ("dev", "prod")


@pytest.mark.parametrize(
    ("target", "words"), [("stage", "no target stage: dev, prod"), (None, "several targets")]
)
def test_a_bundle_without_the_target_is_not_passed_over(
    tmp_path: Path, target: str | None, words: str
) -> None:
    write(tmp_path, {"etl/a.py": PY, "databricks.yml": BUNDLE})
    found = published(tmp_path, "databricks.yml", bundle_target=target)
    assert names(found) == ["bundle-target"]
    assert words in found.refusals[0].message


def bundle_job(**job: str) -> str:
    lines = "".join(f"      {name}: {value}\n" for name, value in job.items())
    return f"bundle: {{name: shop}}\nresources:\n  jobs:\n    j:\n{lines}"


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (bundle_job(name="${var.gone}"), "unknown-reference"),
        (bundle_job(name="${workspace.current_user.userName}"), "unknown-reference"),
        (bundle_job(name="x ${resources.jobs.y.id}"), "unknown-reference"),
        (bundle_job(name='""'), "bad-job"),
        (bundle_job(name="n" * 5000), "bad-job"),
        (bundle_job(name="n", tasks="1"), "bad-job"),
        (
            bundle_job(name="n", tags="{" + ", ".join(f"t{n}: x" for n in range(23)) + "}"),
            "bad-job",
        ),
        (bundle_job(name="n", permissions="[{level: CAN_RUN, user_name: a}]"), "job-permission"),
        (bundle_job(name="n", permissions="[{level: CAN_VIEW}]"), "job-permission"),
        (bundle_job(name="n", permissions="[1]"), "job-permission"),
        (
            bundle_job(name="n", permissions="[{level: IS_OWNER, group_name: g}]"),
            "job-permission",
        ),
        (
            bundle_job(
                name="n",
                permissions="[{level: IS_OWNER, user_name: a}, {level: IS_OWNER, user_name: b}]",
            ),
            "job-permission",
        ),
    ],
)
def test_a_job_that_cannot_be_published_is_named(tmp_path: Path, text: str, refusal: str) -> None:
    write(tmp_path, {"databricks.yml": text})
    found = published(tmp_path, "databricks.yml")
    assert names(found) == [refusal]
    assert not found.jobs
    assert "databricks.yml" in found.refusals[0].message
    assert found.refusals[0].next_step


def test_whole_references_can_be_given(tmp_path: Path) -> None:
    write(tmp_path, {"databricks.yml": bundle_job(name="${workspace.current_user.userName}")})
    given = {"workspace.current_user.userName": "a@example.invalid"}
    assert only(published(tmp_path, "databricks.yml", variables=given)).name == "a@example.invalid"


def test_what_is_given_is_taken_as_it_stands(tmp_path: Path) -> None:
    cluster = "{job_cluster_key: c, new_cluster: {spark_env_vars: {P: '${P}:x'}}}"
    text = f"name: j\njob_clusters:\n- {cluster}\n"
    text += "tasks:\n- {task_key: a, notebook_task: {notebook_path: a}}\n"
    write(tmp_path, {"a.py": PY, "j.yml": text})
    assert names(published(tmp_path, "j.yml")) == ["unknown-reference"]
    job = only(published(tmp_path, "j.yml", variables={"P": "${P}"}))
    given = job.settings["job_clusters"][0]["new_cluster"]
    assert given["spark_env_vars"] == {"P": "${P}:x"}


def test_a_packaged_job_is_the_job_once_it_has_its_root(tmp_path: Path) -> None:
    write(tmp_path, {"nb/etl/a.py": PY, "nb/databricks.yml": BUNDLE})
    options: dict[str, Any] = {"base": "nb", "bundle_target": "prod"}
    direct = only(published(tmp_path, "nb/databricks.yml", **options))
    packed = only(published(tmp_path, "nb/databricks.yml", root_path=PACKED, **options))
    assert set(paths(packed).values()) == {f"{PACKED}/etl/a"}
    assert at_root(packed.settings, ROOT) == direct.settings


def test_references_in_a_circle_end(tmp_path: Path) -> None:
    text = "variables: {a: {default: 'x${var.b}'}, b: {default: '${var.a}y'}}\n"
    write(tmp_path, {"databricks.yml": text + bundle_job(name="${var.a}")})
    assert names(published(tmp_path, "databricks.yml")) == ["unknown-reference"]


def test_a_tree_of_aliases_is_not_unfolded_without_end(tmp_path: Path) -> None:
    text = "name: j\nx0: &x0 [1, 1, 1, 1, 1, 1, 1, 1]\n"
    for number in range(1, 8):
        text += f"x{number}: &x{number} [{', '.join([f'*x{number - 1}'] * 8)}]\n"
    write(tmp_path, {"j.yml": text + "tasks: []\nmax_concurrent_runs: 1\n"})
    found = published(tmp_path, "j.yml")
    assert names(found) in (["job-too-large"], [])
    assert not found.jobs


def test_two_jobs_of_one_key_are_refused(tmp_path: Path) -> None:
    job = "name: j\ntasks:\n- {task_key: a, notebook_task: {notebook_path: a}}\n"
    write(tmp_path, {"a.py": PY, "j.yml": job, "k.yml": job})
    assert [each.key for each in published(tmp_path, "j.yml", "k.yml").jobs] == [
        "j.yml#j",
        "k.yml#j",
    ]


def test_the_sample_project_s_jobs_are_published() -> None:
    files = (
        "databricks.yml",
        "jobs/full_load.job.yml",
        "jobs/monthly_reports.yml",
        "jobs/nightly_quality.json",
    )
    settings = Settings(workspace_roots={"/Workspace/Shared/retail_lakehouse": "."})
    found = published(SAMPLES, *files, settings=settings, bundle_target="prod")
    assert not found.refusals
    assert [job.name for job in found.jobs] == [
        "retail_daily",
        "retail_full_load_prod",
        "retail_monthly_reports",
        "retail_nightly_quality",
    ]
    assert paths(found.jobs[0])["ingest_customers"] == "/Shared/shop/bronze/02_ingest_customers"
    assert paths(found.jobs[3]) == {"expectations": "/Shared/shop/quality/30_expectations"}


# ---- tags and pausing

SCHEDULED = {"name": "j", "schedule": {"quartz_cron_expression": "x", "pause_status": "UNPAUSED"}}


def test_tags_are_added_to_those_of_the_file_and_taken_off_again() -> None:
    settings = {"name": "j", "tags": {"cost": "1"}}
    sent = tagged(settings, project="shop", key="j.yml#j")
    assert sent["tags"]["dbxgate_project"] == "shop"
    assert sent["tags"]["dbxgate_key"].startswith("j-yml-j-")
    assert sent["tags"]["cost"] == "1"
    assert untagged(sent) == settings
    assert untagged(tagged({"name": "j"}, project="shop", key="k")) == {"name": "j"}


@pytest.mark.parametrize("starter", ["schedule", "trigger", "continuous"])
@pytest.mark.parametrize(
    ("status", "runs", "after"),
    [(None, True, "UNPAUSED"), ("UNPAUSED", True, "UNPAUSED"), ("PAUSED", False, "PAUSED")],
)
def test_a_new_job_starts_nothing_until_it_is_activated(
    starter: str, status: str | None, runs: bool, after: str
) -> None:
    wanted: dict[str, Any] = {
        "name": "j",
        starter: {"x": 1, **({"pause_status": status} if status else {})},
    }
    sent = paused(wanted)
    assert sent[starter]["pause_status"] == "PAUSED"
    assert wanted[starter].get("pause_status") == status
    assert is_to_run(wanted) is runs
    assert activated(sent, wanted)[starter] == {"x": 1, "pause_status": after}


def test_a_job_without_a_schedule_is_left_as_it_is() -> None:
    assert paused({"name": "j"}) == {"name": "j"} == activated({"name": "j"}, SCHEDULED)
    assert not is_to_run({"name": "j"})
