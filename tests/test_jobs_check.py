"""Job files on disk: what is found wrong with them, and where."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent, indent
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.checks.references.jobs import check
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.facts import Argument, Spot
from pytest_dbxgate.project.jobs.loading import Jobs, load
from pytest_dbxgate.project.jobs.model import JobFile, JobKind
from pytest_dbxgate.project.jobs.recognise import SUFFIXES, kind_of
from pytest_dbxgate.settings import Settings
from support import source, write

NOTEBOOK = source("x = 1")
PROJECT: Any = SimpleNamespace()


def loaded(
    root: Path, files: Mapping[str, str], settings: Settings | None = None
) -> tuple[Jobs, list[Claim]]:
    write(root, dict(files))
    notebooks = [NotebookKey(path) for path, text in files.items() if text == NOTEBOOK]
    others = [path for path in files if NotebookKey(path) not in notebooks]
    paths = [
        path
        for path in others
        if Path(path).suffix in SUFFIXES and kind_of(path, files[path].encode())
    ]
    jobs = load(root, paths, notebooks, others, lambda path: settings or Settings())
    return jobs, check(jobs, PROJECT, set(jobs.files))


def found(
    root: Path, files: Mapping[str, str], settings: Settings | None = None
) -> list[tuple[str, int, int, str]]:
    """Code, line, column and message of what is found in the only file that has findings."""
    _, claims = loaded(root, files, settings)
    assert len({claim.key.path for claim in claims}) < 2
    assert all(claim.hint and claim.spot.cell == 0 for claim in claims)
    return [(each.code, each.spot.line, each.spot.column, each.message) for each in claims]


def bundle(tasks: str, rest: str = "") -> str:
    """A bundle with one job; its tasks begin on line 7."""
    body = indent(dedent(tasks).strip("\n"), " " * 8)
    head = "bundle:\n  name: b\nresources:\n  jobs:\n    j:\n      tasks:\n"
    return f"{head}{body}\n{dedent(rest)}"


TASK = "- task_key: a\n  notebook_task:\n    notebook_path: {}\n"


class TestNotebooks:
    def in_bundle(self, root: Path, path: str) -> list[tuple[str, int, int, str]]:
        files = {
            "b/databricks.yml": bundle(TASK.format(path)),
            "b/src/etl.py": NOTEBOOK,
            "b/src/plain.py": "x = 1\n",
        }
        return found(root, files)

    @pytest.mark.parametrize(
        "path",
        [
            "./src/etl.py",
            "src/etl.py",
            "${workspace.file_path}/src/etl",
            "${workspace.root_path}/files/src/etl",
            "/Workspace/${workspace.file_path}/src/etl",
            "/Shared/elsewhere",
            "/Users/${workspace.current_user.userName}/x",
            "${workspace.root_path}/x",
            "${var.nobody_knows}",
        ],
    )
    def test_right_or_unknown(self, tmp_path: Path, path: str) -> None:
        rest = "variables:\n  nobody_knows:\n    description: x\n"
        files = {
            "b/databricks.yml": bundle(TASK.format(path), rest),
            "b/src/etl.py": NOTEBOOK,
        }
        assert found(tmp_path, files) == []

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("./src/elt.py", "there is no notebook `./src/elt.py`"),
            ("./src/etl", "`./src/etl` lacks the file's ending, which a bundle wants"),
            ("./src/Etl.py", "`./src/Etl.py` differs from the file in upper and lower case"),
            ("./src/etl.sql", "there is no notebook `./src/etl.sql`"),
            ("./src/plain.py", "`./src/plain.py` is a plain file, no notebook"),
        ],
    )
    def test_wrong(self, tmp_path: Path, path: str, message: str) -> None:
        assert self.in_bundle(tmp_path, path) == [("DBX423", 9, 28, message)]

    def test_the_hint_is_the_path_to_write(self, tmp_path: Path) -> None:
        files = {"b/databricks.yml": bundle(TASK.format("./src/elt.py")), "b/src/etl.py": NOTEBOOK}
        _, claims = loaded(tmp_path, files)
        assert [claim.hint for claim in claims] == ["did you mean `./src/etl.py`?"]

    def test_below_the_uploaded_folder(self, tmp_path: Path) -> None:
        files = {
            "b/databricks.yml": bundle(TASK.format("${workspace.file_path}/src/elt")),
            "b/src/etl.py": NOTEBOOK,
        }
        _, claims = loaded(tmp_path, files)
        assert [claim.hint for claim in claims] == [
            "did you mean `${workspace.file_path}/src/etl`?"
        ]

    def test_sync_paths_move_the_uploaded_folder(self, tmp_path: Path) -> None:
        files = {
            "x/b/databricks.yml": bundle(
                TASK.format("${workspace.file_path}/lib/etl"), "sync:\n  paths: [., ../lib]\n"
            ),
            "x/lib/etl.py": NOTEBOOK,
        }
        jobs, claims = loaded(tmp_path, files)
        assert claims == []
        assert [task.notebook for task in jobs.tasks] == [NotebookKey("x/lib/etl.py")]

    def test_workspace_roots(self, tmp_path: Path) -> None:
        text = json.dumps({"name": "j", "notebook_task": {"notebook_path": "/Shared/p/elt"}})
        files = {"job.json": text, "src/etl.py": NOTEBOOK, "other.py": NOTEBOOK}
        settings = Settings(workspace_roots={"/Workspace/Shared/p": "src"})
        _, claims = loaded(tmp_path, files, settings)
        assert [(claim.code, claim.hint) for claim in claims] == [
            ("DBX423", "did you mean `/Shared/p/etl`?")
        ]
        assert found(tmp_path, files) == []

    def test_relative_paths_of_the_jobs_api(self, tmp_path: Path) -> None:
        text = json.dumps({"name": "j", "notebook_task": {"notebook_path": "src/etl"}})
        assert found(tmp_path, {"x/job.json": text, "src/etl.py": NOTEBOOK}) == []
        assert [each[0] for each in found(tmp_path, {"x/job.json": text})] == ["DBX423"]

    @pytest.mark.parametrize(
        ("path", "code", "hint"),
        [
            ("src/etl", "", ""),
            ("lib/x", "", ""),
            ("src/elt", "DBX423", "did you mean `src/etl`?"),
            ("src/etl.py", "DBX430", "write `src/etl`"),
            ("./src/etl", "DBX430", "write `src/etl`"),
            ("/src/etl", "DBX430", "write `src/etl`"),
        ],
    )
    def test_git_source(self, tmp_path: Path, path: str, code: str, hint: str) -> None:
        job = {
            "name": "j",
            "git_source": {"git_url": "u", "git_provider": "gitHub", "git_branch": "main"},
            "notebook_task": {"notebook_path": path},
        }
        files = {"jobs/job.json": json.dumps(job), "src/etl.py": NOTEBOOK, "src/x/y.py": NOTEBOOK}
        _, claims = loaded(tmp_path, files)
        assert [(claim.code, claim.hint) for claim in claims] == ([(code, hint)] if code else [])

    def test_git_source_of_a_run_below_the_top(self, tmp_path: Path) -> None:
        job = {
            "name": "j",
            "git_source": {"git_url": "u", "git_provider": "gitHub"},
            "tasks": [{"task_key": "a", "notebook_task": {"notebook_path": "part/src/etl"}}],
        }
        files = {"job.json": json.dumps(job), "src/etl.py": NOTEBOOK}
        (tmp_path / "part").mkdir()
        jobs, claims = loaded(tmp_path / "part", files)
        assert claims == []
        assert [task.notebook for task in jobs.tasks] == [NotebookKey("src/etl.py")]


TASKS = {
    "unknown field": (
        TASK.format("/a") + "  timeout_second: 1\n",
        ("DBX422", 10, 11, "`timeout_second` is no field of a task"),
    ),
    "no type": ("- task_key: a\n", ("DBX424", 7, 21, "the task `a` does nothing")),
    "misspelt type": (
        "- task_key: a\n  notebok_task:\n    notebook_path: /a\n",
        ("DBX424", 8, 11, "`notebok_task` is no type of task"),
    ),
    "two types": (
        TASK.format("/a") + "  pipeline_task:\n    pipeline_id: x\n",
        ("DBX424", 10, 11, "the task `a` is both `notebook_task` and `pipeline_task`"),
    ),
    "same key": (
        TASK.format("/a") + TASK.format("/b"),
        ("DBX425", 10, 21, "two tasks are called `a`; line 7 has the other"),
    ),
    "no such task": (
        TASK.format("/a") + "  depends_on:\n    - task_key: b\n",
        ("DBX426", 11, 25, "there is no task `b`"),
    ),
    "itself": (
        TASK.format("/a") + "  depends_on: [{task_key: a}]\n",
        ("DBX427", 10, 35, "waits for itself: a -> a"),
    ),
    "the second of one name is in no circle": (
        TASK.format("/a")
        + "- task_key: b\n  depends_on: [{task_key: a}]\n  notebook_task: {notebook_path: /b}\n"
        + "- task_key: a\n  depends_on: [{task_key: b}]\n  notebook_task: {notebook_path: /c}\n",
        ("DBX425", 13, 21, "two tasks are called `a`; line 7 has the other"),
    ),
    "no such cluster": (
        TASK.format("/a") + "  job_cluster_key: small\n",
        ("DBX428", 10, 28, "no job cluster `small` is defined"),
    ),
    "two computes": (
        TASK.format("/a") + "  existing_cluster_id: x\n  environment_key: y\n",
        (
            "DBX429",
            11,
            11,
            "a task has one kind of compute, not both `existing_cluster_id` and `environment_key`",
        ),
    ),
    "a list": (
        TASK.format("/a") + "  depends_on: a\n",
        ("DBX435", 10, 23, "`depends_on` is a list, not `a`"),
    ),
    "a name where a mapping is": (
        TASK.format("/a") + "  depends_on: [b]\n",
        ("DBX435", 10, 24, "an element of `depends_on` is a mapping, not `b`"),
    ),
    "nothing where a mapping is": (
        TASK.format("/a") + "- \n",
        ("DBX435", 10, 10, "an element of `tasks` is a mapping, not null"),
    ),
    "a number": (
        TASK.format("/a") + "  max_retries: many\n",
        ("DBX435", 10, 24, "`max_retries` is a whole number, not `many`"),
    ),
    "a text": (
        TASK.format("/a") + "  description: [x]\n",
        ("DBX435", 10, 24, "`description` is a text, not a list"),
    ),
    "within for_each_task": (
        "- task_key: a\n  for_each_task:\n    inputs: '[1]'\n    task:\n      task_key: b\n"
        "      notebook_task:\n        notebook_pat: /a\n",
        ("DBX422", 13, 17, "`notebook_pat` is no field of `notebook_task`"),
    ),
}


@pytest.mark.parametrize("name", TASKS)
def test_tasks(tmp_path: Path, name: str) -> None:
    tasks, expected = TASKS[name]
    assert found(tmp_path, {"databricks.yml": bundle(tasks)}) == [expected]


def test_what_is_right(tmp_path: Path) -> None:
    tasks = """
        - task_key: a
          environment_key: default
          spark_python_task: {python_file: ./x.py}
          max_retries: "2"
          retry_on_timeout: yes
        - task_key: b
          depends_on: [{task_key: a, outcome: "true"}]
          run_if: ALL_DONE
          job_cluster_key: small
          existing_cluster_id:
          notebook_task:
            notebook_path: /x
            base_parameters: {a: 1}
        - task_key: ${var.any}
          sql_task: {warehouse_id: "${var.any}", query: {query_id: x}}
        """
    rest = """
          environments: [{environment_key: default, spec: {environment_version: "2"}}]
          job_clusters: [{job_cluster_key: small, new_cluster: {num_workers: 1}}]
          permissions: [{level: CAN_VIEW, group_name: users}]
          max_concurrent_runs: ${var.any}
          tags: {a: b}
          schedule: {quartz_cron_expression: 0 0 4 * * ?, timezone_id: UTC}
        """
    rest = indent(dedent(rest), " " * 6) + "variables:\n  any: {}\n"
    text = bundle(tasks) + rest
    assert found(tmp_path, {"databricks.yml": text}) == []


def test_schedule(tmp_path: Path) -> None:
    job = "name: j\nschedule:\n  quartz_cron_expression: 0 4 * * *\n  timezone_id: Europe/Berln\n"
    tasks = "tasks:\n  - task_key: a\n    notebook_task: {notebook_path: /a}\n"
    assert found(tmp_path, {"j.yml": job + tasks}) == [
        ("DBX431", 3, 27, "`0 4 * * *`: 5 fields where Quartz wants 6 or 7"),
        ("DBX431", 4, 16, "there is no time zone `Europe/Berln`"),
    ]


def test_limits(tmp_path: Path) -> None:
    job: dict[str, Any] = {
        "name": "n" * 4097,
        "tags": {f"t{number}": "" for number in range(26)},
        "parameters": [{"name": "p", "default": "x" * 10_000}],
        "tasks": [
            {
                "task_key": f"t{number}",
                "notebook_task": {
                    "notebook_path": "/a",
                    "base_parameters": {"a": "x" * (0 if number else 1_000_000)},
                },
            }
            for number in range(1001)
        ],
    }
    messages = [each[3] for each in found(tmp_path, {"j.json": json.dumps(job)})]
    assert sorted(messages) == [
        "1,001 tasks; a job takes 1,000",
        "26 tags; a job takes 25",
        "a name of 4,097 bytes; a job takes 4,096",
        "base parameters of 1,000,009 bytes; a job takes 1,000,000",
        "job parameters of 10,009 bytes; a job takes 10,000",
    ]


def test_placeholders_of_other_tools_are_unknown(tmp_path: Path) -> None:
    job = {
        "name": "<NAME>",
        "max_concurrent_runs": "__RUNS__",
        "schedule": {"quartz_cron_expression": "$(CRON)", "timezone_id": "#{zone}#"},
        "tasks": [
            {"task_key": "a", "notebook_task": {"notebook_path": "${PATH}"}, "max_retries": "{{n}}"}
        ],
    }
    assert found(tmp_path, {"j.json": json.dumps(job)}) == []


class TestBundles:
    def test_includes_targets_and_variables(self, tmp_path: Path) -> None:
        root = """
            bundle: {name: b}
            include: [resources/*.yml]
            variables:
              folder: {default: ../src}
              cluster: {type: complex, default: {num_workers: 1, spark_versio: x}}
            targets:
              dev: {}
              prod:
                variables: {folder: ../lib}
                resources:
                  jobs:
                    j:
                      tasks:
                        - task_key: a
                          max_retries: 1
            """
        job = """
            resources:
              jobs:
                j:
                  tasks:
                    - task_key: a
                      new_cluster: ${var.cluster}
                      notebook_task:
                        notebook_path: ${var.folder}/${bundle.name}.py
                        base_parameters: {env: "${bundle.target}", day: "{{job.start_time}}"}
            """
        files = {
            "databricks.yml": dedent(root).lstrip(),
            "resources/j.yml": dedent(job).lstrip(),
            "src/b.py": NOTEBOOK,
        }
        jobs, claims = loaded(tmp_path, files)
        assert [(each.key.path, each.code, each.spot.line) for each in claims] == [
            ("databricks.yml", "DBX422", 5),
            ("resources/j.yml", "DBX423", 8),
        ]
        assert claims[1].message == "there is no notebook `../lib/b.py`"
        assert claims[1].hint == "did you mean `../src/b.py`?"
        assert [(task.target, task.notebook) for task in jobs.tasks] == [
            ("../src/b.py", NotebookKey("src/b.py")),
            ("../lib/b.py", None),
        ]
        assert jobs.tasks[0].arguments == (
            Argument("env", "dev", Spot(0, 9, 31, 9, 34)),
            Argument("day", None, Spot(0, 9, 56, 9, 59)),
        )
        assert {path: file.kind for path, file in jobs.files.items()} == {
            "databricks.yml": JobKind.BUNDLE,
            "resources/j.yml": JobKind.BUNDLE,
        }

    def test_the_same_finding_is_not_repeated_for_each_target(self, tmp_path: Path) -> None:
        text = bundle(TASK.format("./a.py"), "targets: {dev: {}, test: {}, prod: {}}\n")
        assert len(found(tmp_path, {"databricks.yml": text})) == 1
        jobs, _ = loaded(tmp_path, {"databricks.yml": text})
        assert len(jobs.tasks) == 1

    def test_a_file_that_only_an_include_leads_to(self, tmp_path: Path) -> None:
        text = "bundle: {name: b}\ninclude: [odd.yml]\n"
        odd = "resources:\n  volumes: {v: {name: '${var.missing}'}}\n"
        jobs, claims = loaded(tmp_path, {"databricks.yml": text, "odd.yml": odd})
        assert isinstance(jobs.files["odd.yml"], JobFile)
        assert len(jobs.files["odd.yml"].digest) == 64
        assert [(claim.key.path, claim.code, claim.spot) for claim in claims] == [
            ("odd.yml", "DBX433", Spot(0, 2, 24, 2, 38))
        ]

    def test_undefined_variable(self, tmp_path: Path) -> None:
        text = bundle(TASK.format("/a/${var.catalg}"), "variables: {catalog: {default: x}}\n")
        _, claims = loaded(tmp_path, {"databricks.yml": text})
        assert [(claim.code, claim.hint) for claim in claims] == [
            ("DBX433", "did you mean `${var.catalog}`?")
        ]

    def test_variables_of_a_lone_fragment_are_unknown(self, tmp_path: Path) -> None:
        text = bundle(TASK.format("/a/${var.x}")).partition("\n")[2].partition("\n")[2]
        assert found(tmp_path, {"x/job.yml": text}) == []

    def test_variables_that_hold_one_another_end(self, tmp_path: Path) -> None:
        rest = "variables: {a: {default: '${var.b}'}, b: {default: 'x${var.a}${var.a}'}}\n"
        text = bundle(TASK.format("${var.a}"), rest)
        assert found(tmp_path, {"databricks.yml": text}) == []

    @pytest.mark.parametrize(
        ("include", "message", "hint"),
        [
            ("databricks.yml", "the bundle includes itself", "remove the entry"),
            ("a.yml", "`a.yml` matches no file", "name a file that is there, or remove it"),
            (
                "resources/job.yml",
                "`resources/job.yml` matches no file",
                "did you mean `resources/jobs.yml`?",
            ),
            ("resorces/*.yml", "`resorces/*.yml` matches no file", "did you mean `resources/*`?"),
            (
                "resources",
                "`resources` leads to no job file",
                "an include is a YAML or JSON file; of a folder write `folder/*.yml`",
            ),
            (
                "/etc/x.yml",
                "`/etc/x.yml` is absolute",
                "write it relative to the bundle's root file",
            ),
        ],
    )
    def test_includes(self, tmp_path: Path, include: str, message: str, hint: str) -> None:
        files = {
            "databricks.yml": f"bundle:\n  name: b\ninclude:\n  - {include}\n",
            "resources/jobs.yml": "resources: {}\n",
        }
        _, claims = loaded(tmp_path, files)
        assert [(each.code, each.spot.line, each.message, each.hint) for each in claims] == [
            ("DBX434", 4, message, hint)
        ]

    @pytest.mark.parametrize("include", ["*.yml", "resources/*.yml", "none/*.yml", "../x.yml"])
    def test_includes_that_may_match_nothing(self, tmp_path: Path, include: str) -> None:
        files = {"databricks.yml": f"bundle: {{name: b}}\ninclude: ['{include}']\n"}
        assert found(tmp_path, files) == []

    def test_an_included_file_that_includes(self, tmp_path: Path) -> None:
        files = {
            "databricks.yml": "bundle: {name: b}\ninclude: [a.yml]\n",
            "a.yml": "resources: {}\ninclude: [databricks.yml]\n",
        }
        assert found(tmp_path, files) == [
            ("DBX434", 2, 1, "`include` counts in the bundle's root file alone")
        ]

    def test_a_broken_include_leaves_the_rest_checked(self, tmp_path: Path) -> None:
        files = {
            "databricks.yml": bundle(TASK.format("./a.py"), "include: [v.yml]\n"),
            "v.yml": "variables:\n\tx: 1\n",
        }
        _, claims = loaded(tmp_path, files)
        assert [(claim.key.path, claim.code, claim.spot.line) for claim in claims] == [
            ("databricks.yml", "DBX423", 9),
            ("v.yml", "DBX420", 2),
        ]

    def test_python_may_change_jobs(self, tmp_path: Path) -> None:
        tasks = TASK.format("/a") + "  job_cluster_key: x\n  depends_on: [{task_key: z}]\n"
        rest = "python: {mutators: ['m:f']}\n"
        assert found(tmp_path, {"databricks.yml": bundle(tasks, rest)}) == []

    def test_a_file_that_vanished(self, tmp_path: Path) -> None:
        jobs = load(tmp_path, ["databricks.yml"], [], ["databricks.yml"], lambda path: Settings())
        claims = check(jobs, PROJECT, ["databricks.yml"])
        assert [claim.code for claim in claims] == ["DBX420"]


def test_arguments_of_a_job(tmp_path: Path) -> None:
    text = """
        name: j
        parameters:
          - {name: day, default: "1"}
          - name: env
            default: "{{job.id}}"
        tasks:
          - task_key: a
            notebook_task:
              notebook_path: /a
              base_parameters:
                day: "2"
                top: 10
                who: ${WHO}
        """
    jobs, _ = loaded(tmp_path, {"j.yml": dedent(text).lstrip()})
    (task,) = jobs.tasks
    assert (task.file, task.job, task.task, task.target) == ("j.yml", "j", "a", "/a")
    assert task.spot == Spot(0, 9, 22, 9, 24)
    assert task.shared == {"day", "env"}
    assert task.arguments == (
        Argument("day", "1", Spot(0, 3, 12, 3, 15)),
        Argument("top", "10", Spot(0, 12, 9, 12, 12), is_string=False),
        Argument("who", None, Spot(0, 13, 9, 13, 12)),
        Argument("env", None, Spot(0, 4, 11, 4, 14)),
    )


def test_arguments_that_another_file_adds(tmp_path: Path) -> None:
    root = """
        bundle: {name: b}
        include: [j.yml]
        targets:
          dev:
            resources:
              jobs:
                j:
                  tasks:
                    - task_key: a
                      notebook_task: {base_parameters: {x: "1"}}
        """
    job = "resources:\n  jobs:\n    j:\n      tasks:\n        - task_key: a\n"
    job += "          notebook_task: {notebook_path: /a, base_parameters: {y: '2'}}\n"
    jobs, claims = loaded(tmp_path, {"databricks.yml": dedent(root).lstrip(), "j.yml": job})
    assert claims == []
    (task,) = jobs.tasks
    assert (task.file, task.spot) == ("j.yml", Spot(0, 6, 42, 6, 44))
    assert task.arguments == (
        Argument("y", "2", Spot(0, 6, 64, 6, 65)),
        Argument("x", "1", task.spot),
    )


def test_arguments_nobody_knows(tmp_path: Path) -> None:
    tasks = TASK.format("/a") + "    base_parameters: ${var.all}\n"
    text = bundle(tasks, "variables: {all: {type: complex}}\n")
    jobs, claims = loaded(tmp_path, {"databricks.yml": text})
    assert [task.arguments for task in jobs.tasks] == [None]
    assert claims == []


class TestPipelines:
    def activity(self, name: str, path: Any, **rest: Any) -> dict[str, Any]:
        return {
            "name": name,
            "type": "DatabricksNotebook",
            "typeProperties": {"notebookPath": path, "baseParameters": rest},
        }

    def pipeline(self, *activities: Any) -> str:
        return json.dumps({"name": "p", "properties": {"activities": activities}}, indent=1)

    def test_notebooks_however_deep(self, tmp_path: Path) -> None:
        expression = {"value": "@pipeline().parameters.x", "type": "Expression"}
        literal = {"value": "/Shared/p/etl", "type": "Expression"}
        inner = {"name": "each", "type": "ForEach", "typeProperties": {}}
        inner["typeProperties"] = {
            "activities": [
                {
                    "name": "switch",
                    "type": "Switch",
                    "typeProperties": {
                        "cases": [{"activities": [self.activity("a", literal, day=expression)]}],
                        "defaultActivities": [self.activity("b", "/Shared/p/elt", day="1")],
                    },
                }
            ]
        }
        files = {"p.json": self.pipeline(inner, self.activity("c", expression))}
        files["src/etl.py"] = NOTEBOOK
        settings = Settings(workspace_roots={"/Shared/p": "src"})
        jobs, claims = loaded(tmp_path, files, settings)
        assert {task.task: (task.target, task.notebook) for task in jobs.tasks} == {
            "a": ("/Shared/p/etl", NotebookKey("src/etl.py")),
            "b": ("/Shared/p/elt", None),
            "c": (None, None),
        }
        values = {task.task: task.arguments for task in jobs.tasks}
        assert values["a"] is not None
        assert [each.value for each in values["a"]] == [None]
        assert [(claim.code, claim.hint) for claim in claims] == [
            ("DBX423", "did you mean `/Shared/p/etl`?")
        ]

    def test_names_and_dependencies(self, tmp_path: Path) -> None:
        first = {**self.activity("a", "/a"), "dependsOn": [{"activity": "b"}]}
        second = {**self.activity("b", "/b"), "dependsOn": [{"activity": "a"}, {"activity": "x"}]}
        text = self.pipeline(first, second, self.activity("b", "/c"))
        assert [each[0] + " " + each[3] for each in found(tmp_path, {"p.json": text})] == [
            "DBX427 waits for itself: a -> b -> a",
            "DBX426 there is no activity `x`",
            "DBX425 two activities are called `b`; line 19 has the other",
        ]


@pytest.mark.parametrize("wrong", [False, True])
def test_many_tasks_in_linear_time(tmp_path: Path, wrong: bool) -> None:
    rows = [
        f"- task_key: t{number}\n  job_cluster_key: {'none' if wrong else 'c'}{number % 7}\n"
        f"  depends_on: [{{task_key: {'x' if wrong else 't'}{number - 1}}}]\n"
        f"  notebook_task: {{notebook_path: ./a.py}}"
        for number in range(1, 2_001)
    ]
    rest = "      job_clusters:\n" + "".join(
        f"        - {{job_cluster_key: c{number}, new_cluster: {{}}}}\n" for number in range(7)
    )
    text = bundle("- task_key: t0\n  notebook_task: {notebook_path: ./a.py}\n" + "\n".join(rows))
    begun = time.perf_counter()
    codes = [each[0] for each in found(tmp_path, {"databricks.yml": text + rest, "a.py": NOTEBOOK})]
    assert time.perf_counter() - begun < 20
    assert set(codes) == ({"DBX426", "DBX428", "DBX432"} if wrong else {"DBX432"})


def test_a_long_chain_and_a_long_circle(tmp_path: Path) -> None:
    def job(last: str) -> str:
        tasks = [
            {"task_key": f"t{n}", "depends_on": [{"task_key": f"t{n + 1}"}], "sql_task": {}}
            for n in range(900)
        ]
        end: dict[str, Any] = {"task_key": "t900", "sql_task": {}}
        if last:
            end["depends_on"] = [{"task_key": last}]
        return json.dumps({"name": "j", "tasks": [*tasks, end]})

    assert found(tmp_path, {"j.json": job("")}) == []
    (only,) = found(tmp_path, {"j.json": job("t0")})
    assert only[3] == "waits for itself: t0 -> t1 -> t2 -> t3 -> t4 -> t5 -> t6 -> ... -> t0"


class TestShapes:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("resources: []\n", [(1, 12, "`resources` takes a mapping")]),
            ("resources:\n  jobs: nightly\n", [(2, 9, "`resources.jobs` takes a mapping")]),
            (
                "resources:\n  jobs:\n    a: [x]\n    b: {name: b}\n",
                [(3, 8, "`resources.jobs.a` takes a mapping")],
            ),
            ("targets: dev\n", [(1, 10, "`targets` takes a mapping")]),
            (
                "targets:\n  dev:\n    resources:\n      jobs: 5\n",
                [(4, 13, "`targets.dev.resources.jobs` takes a mapping")],
            ),
            ("include: more/*.yml\n", [(1, 10, "`include` takes a list")]),
            ("sync:\n  paths: ../lib\n", [(2, 10, "`sync.paths` takes a list")]),
        ],
    )
    def test_above_the_jobs(
        self, tmp_path: Path, text: str, expected: list[tuple[int, int, str]]
    ) -> None:
        files = {"databricks.yml": "bundle:\n  name: b\n" + text}
        assert found(tmp_path, files) == [
            ("DBX435", line + 2, column, message) for line, column, message in expected
        ]

    def test_nothing_and_what_a_variable_may_be(self, tmp_path: Path) -> None:
        text = "bundle:\n  name: b\nresources:\ntargets:\n  dev:\n  prod:\n    resources: ${x.y}\n"
        assert found(tmp_path, {"databricks.yml": text}) == []
