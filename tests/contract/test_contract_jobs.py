"""Jobs, their permissions, secrets, tokens."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError, InvalidParameterValue, PermissionDenied
from databricks.sdk.service.compute import ClusterSpec
from databricks.sdk.service.jobs import (
    JobAccessControlRequest,
    JobCluster,
    JobPermissionLevel,
    JobSettings,
    NotebookTask,
    Task,
    TaskDependency,
)

if TYPE_CHECKING:
    from conftest import Scratch

Make = Callable[..., int]


def notebook(path: str = "/Shared/none") -> NotebookTask:
    return NotebookTask(notebook_path=path)


@pytest.mark.grade("live")
def test_create_does_not_look_for_the_notebook(client: WorkspaceClient, make_job: Make) -> None:
    job_id = make_job(tasks=[Task(task_key="a", notebook_task=notebook())])
    settings = client.jobs.get(job_id).settings
    assert settings is not None and settings.tasks is not None
    assert settings.tasks[0].notebook_task == NotebookTask(
        notebook_path="/Shared/none", source=settings.tasks[0].notebook_task.source
    )


@pytest.mark.grade("doc")
def test_names_are_not_unique_and_found_in_any_case(
    client: WorkspaceClient, make_job: Make
) -> None:
    name = f"dbxgate Contract {uuid.uuid4().hex}"
    made = {make_job(name=name), make_job(name=name)}
    assert {job.job_id for job in client.jobs.list(name=name.upper())} == made
    assert not list(client.jobs.list(name=name[:-1]))


@pytest.mark.grade("doc")
def test_a_list_comes_in_pages(client: WorkspaceClient, make_job: Make) -> None:
    name = f"dbxgate contract {uuid.uuid4().hex}"
    made = {make_job(name=name) for _ in range(3)}
    assert {job.job_id for job in client.jobs.list(name=name, limit=1)} == made


@pytest.mark.grade("doc")
def test_more_than_a_hundred_tasks_come_in_pages(client: WorkspaceClient, make_job: Make) -> None:
    tasks = [Task(task_key=f"t{number}", notebook_task=notebook()) for number in range(150)]
    job_id = make_job(tasks=tasks)
    settings = client.jobs.get(job_id).settings
    assert settings is not None and settings.tasks is not None
    assert {one.task_key for one in settings.tasks} == {one.task_key for one in tasks}


@pytest.mark.grade("doc")
def test_reset_replaces_everything(client: WorkspaceClient, make_job: Make) -> None:
    job_id = make_job(tags={"a": "1"}, timeout_seconds=60)
    client.jobs.reset(job_id, JobSettings(name="dbxgate contract other"))
    settings = client.jobs.get(job_id).settings
    assert settings is not None
    assert settings.name == "dbxgate contract other"
    assert not settings.tags
    assert not settings.timeout_seconds


@pytest.mark.grade("doc")
def test_update_merges_tasks_by_key(client: WorkspaceClient, make_job: Make) -> None:
    job_id = make_job(tasks=[Task(task_key="a", notebook_task=notebook())], tags={"a": "1"})
    more = [Task(task_key="b", notebook_task=notebook())]
    client.jobs.update(job_id, new_settings=JobSettings(tasks=more), fields_to_remove=["tags"])
    settings = client.jobs.get(job_id).settings
    assert settings is not None and settings.tasks is not None
    assert {one.task_key for one in settings.tasks} == {"a", "b"}
    assert not settings.tags


REFUSED = {
    "cluster": (
        [Task(task_key="a", job_cluster_key="x", notebook_task=notebook())],
        "Job cluster 'x' is not defined in field 'job_clusters'.",
    ),
    "itself": (
        [Task(task_key="a", depends_on=[TaskDependency("a")], notebook_task=notebook())],
        "Invalid dependency graph, task 'a' can not reference itself.",
    ),
    "relative": (
        [Task(task_key="a", notebook_task=notebook("b/c"))],
        "Only absolute paths are currently supported. Paths must begin with '/'.",
    ),
}


@pytest.mark.grade("report")
@pytest.mark.parametrize("case", REFUSED)
def test_settings_that_make_no_sense_are_refused(make_job: Make, case: str) -> None:
    tasks, message = REFUSED[case]
    with pytest.raises(InvalidParameterValue) as caught:
        make_job(tasks=tasks)
    assert message in str(caught.value)


@pytest.mark.grade("doc")
def test_a_cluster_that_is_defined_is_accepted(make_job: Make) -> None:
    cluster = JobCluster("x", ClusterSpec(spark_version="16.4.x-scala2.12", num_workers=1))
    tasks = [Task(task_key="a", job_cluster_key="x", notebook_task=notebook())]
    assert make_job(tasks=tasks, job_clusters=[cluster])


@pytest.mark.grade("report")
def test_a_missing_job_is_told(client: WorkspaceClient) -> None:
    with pytest.raises(DatabricksError, match="Job 1234 does not exist"):
        client.jobs.get(1234)


@pytest.mark.grade("doc")
def test_a_new_job_belongs_to_its_creator(client: WorkspaceClient, make_job: Make) -> None:
    job_id = make_job()
    permissions = client.jobs.get_permissions(str(job_id))
    assert permissions.object_id == f"/jobs/{job_id}"
    owners = [
        entry.user_name or entry.service_principal_name
        for entry in permissions.access_control_list or []
        for level in entry.all_permissions or []
        if level.permission_level is JobPermissionLevel.IS_OWNER
    ]
    assert owners == [client.current_user.me().user_name]


@pytest.mark.grade("report")
def test_a_job_has_exactly_one_owner(client: WorkspaceClient, make_job: Make) -> None:
    job_id = make_job()
    viewers = [
        JobAccessControlRequest(group_name="users", permission_level=JobPermissionLevel.CAN_VIEW)
    ]
    with pytest.raises(DatabricksError, match="The job must have exactly one owner"):
        client.jobs.set_permissions(str(job_id), access_control_list=viewers)
    client.jobs.update_permissions(str(job_id), access_control_list=viewers)
    found = client.jobs.get_permissions(str(job_id)).access_control_list or []
    assert "users" in {entry.group_name for entry in found}


@pytest.mark.grade("doc")
def test_a_folder_keeps_its_permissions_when_its_objects_are_overwritten(
    scratch: Scratch,
) -> None:
    from databricks.sdk.service.workspace import (
        WorkspaceObjectAccessControlRequest,
        WorkspaceObjectPermissionLevel,
    )

    client = scratch.client
    number = str(client.workspace.get_status(scratch.folder).object_id)
    wanted = WorkspaceObjectAccessControlRequest(
        group_name="users", permission_level=WorkspaceObjectPermissionLevel.CAN_READ
    )
    client.workspace.update_permissions("directories", number, access_control_list=[wanted])
    scratch.put("a.txt", "1")
    scratch.put("a.txt", "2", overwrite=True)
    found = client.workspace.get_permissions("directories", number).access_control_list or []
    assert "users" in {entry.group_name for entry in found}


@pytest.mark.grade("doc")
def test_a_job_without_runs_has_none_active(client: WorkspaceClient, make_job: Make) -> None:
    assert not list(client.jobs.list_runs(job_id=make_job(), active_only=True))


@pytest.mark.grade("live")
def test_a_bad_token_is_refused(client: WorkspaceClient) -> None:
    stranger = WorkspaceClient(host=client.config.host, token="dapi0000", auth_type="pat")
    with pytest.raises(PermissionDenied, match="Invalid access token"):
        stranger.current_user.me()


@pytest.mark.grade("doc")
def test_a_secret_comes_back_in_base64(client: WorkspaceClient) -> None:
    scope = f"dbxgate-contract-{uuid.uuid4().hex}"
    client.secrets.create_scope(scope)
    try:
        client.secrets.put_secret(scope, "key", string_value="value")
        value = client.secrets.get_secret(scope, "key").value or ""
        assert base64.b64decode(value) == b"value"
        assert [one.key for one in client.secrets.list_secrets(scope)] == ["key"]
        (acl,) = client.secrets.list_acls(scope)
        assert acl.permission.value == "MANAGE"
    finally:
        client.secrets.delete_scope(scope)
