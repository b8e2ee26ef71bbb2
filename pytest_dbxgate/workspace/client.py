"""The client of a workspace: what :class:`~pytest_dbxgate.workspace.model.Workspace` promises.

Imports are JSON, never multipart: after a repeated multipart upload a notebook can be empty while
everything looks well (databricks-sdk-py#796).
"""

from __future__ import annotations

import base64
import random as chance
import time
from collections.abc import Mapping, Sequence

import pytest_dbxgate
from pytest_dbxgate.workspace import folders, hosts, paths
from pytest_dbxgate.workspace.calls import Caller
from pytest_dbxgate.workspace.credentials import Credentials, Secret
from pytest_dbxgate.workspace.failures import Cause
from pytest_dbxgate.workspace.jobs import Jobs
from pytest_dbxgate.workspace.model import (
    ImportFormat,
    Json,
    NotFoundError,
    ObjectType,
    RemoteJob,
    RemoteObject,
)
from pytest_dbxgate.workspace.retry import Budget, Clock, Random, Sleep, Times
from pytest_dbxgate.workspace.run_model import RemoteRun, TaskOutput
from pytest_dbxgate.workspace.runs import Runs
from pytest_dbxgate.workspace.transport import SdkTransport, Transport

_API = "/api/2.0/workspace"


def connect(
    host: str,
    credentials: Credentials,
    *,
    sleep: Sleep = time.sleep,
    clock: Clock = time.monotonic,
    random: Random = chance.random,
    budget: Budget = Budget(),  # noqa: B008
    allowed: Sequence[str] = (),
) -> Client:
    """A client for the workspace at ``host``. Nothing is sent yet.

    ``allowed``: hosts that the command line or the pipeline named (see ``hosts``). Raises
    :class:`~pytest_dbxgate.errors.ConfigurationError` where credentials must not go there.
    """
    address = hosts.approved(host, method=credentials.method, allowed=allowed)
    agent = f"pytest-dbxgate/{pytest_dbxgate.__version__}"
    times = Times(sleep, clock, random)
    return Client(address, credentials, SdkTransport(address, agent), times=times, budget=budget)


class Client:
    """A workspace. Safe to use from several threads."""

    def __init__(
        self,
        host: str,
        credentials: Credentials,
        transport: Transport,
        *,
        times: Times,
        budget: Budget = Budget(),  # noqa: B008
    ) -> None:
        self._caller = Caller(host, credentials, transport, times=times, budget=budget)
        self._jobs = Jobs(self._caller)
        self._runs = Runs(self._caller)
        self._user = ""

    def __repr__(self) -> str:
        return f"<client of {self.host}>"

    @property
    def host(self) -> str:
        return self._caller.host

    def server_time(self) -> float | None:
        return self._caller.server_time

    def user_name(self) -> str:
        if not self._user:
            path = "/api/2.0/preview/scim/v2/Me"
            answer = self._caller.get(path, "ask who this is", endpoint="scim/me", query={})
            self._user = str((answer or {}).get("userName") or "")
        return self._user

    def status(self, path: str) -> RemoteObject | None:
        path = paths.canonical(path)
        answer = self._caller.get(
            f"{_API}/get-status",
            f"look at {paths.shown(path)}",
            endpoint="workspace/get-status",
            query={"path": path},
        )
        return None if answer is None else _object(answer)

    def list(self, path: str) -> Sequence[RemoteObject]:
        path = paths.canonical(path)
        answer = self._caller.get(
            f"{_API}/list",
            f"list {paths.shown(path)}",
            endpoint="workspace/list",
            query={"path": path},
        )
        found = [_object(one) for one in (answer or {}).get("objects") or ()]
        # Asked for a file, the workspace lists the file itself.
        return [one for one in found if one.path != path]

    def export(self, path: str, *, jupyter: bool = False) -> bytes:
        path = paths.canonical(path)
        answer = folders.single(self._caller, path, "JUPYTER" if jupyter else "SOURCE")
        if answer is None:
            raise NotFoundError(
                f"{self.host}: export {paths.shown(path)}: nothing stands there",
                next_step="look at the folder: somebody may have moved or deleted it",
            )
        return folders.content(answer)

    def export_folder(self, path: str) -> Mapping[str, bytes]:
        return folders.export(self._caller, paths.canonical(path), self.list)

    def import_object(
        self,
        path: str,
        data: bytes,
        *,
        format: ImportFormat,
        language: str | None = None,
        overwrite: bool,
    ) -> None:
        path = paths.canonical(path)
        body = {
            "path": path,
            "format": format.value,
            "content": base64.b64encode(data).decode("ascii"),
            "overwrite": overwrite,
            **({"language": language} if language else {}),
        }
        what = f"import {paths.shown(path)}"
        self._caller.post(f"{_API}/import", what, endpoint="workspace/import", body=body)

    def mkdirs(self, path: str) -> None:
        path = paths.canonical(path)
        what = f"make the folder {paths.shown(path)}"
        body = {"path": path}
        self._caller.post(f"{_API}/mkdirs", what, endpoint="workspace/mkdirs", body=body)

    def delete(self, path: str, *, recursive: bool = False) -> None:
        path = paths.canonical(path)
        body = {"path": path, "recursive": recursive}
        outcome = self._caller.call(
            "POST", f"{_API}/delete", endpoint="workspace/delete", body=body
        )
        if outcome.failure is not None and outcome.failure.cause is not Cause.MISSING:
            raise self._caller.error(outcome, f"delete {paths.shown(path)}")

    def put_secret(self, scope: str, key: str, value: Secret) -> None:
        """Put a secret into a scope, which is made where it is missing."""
        outcome = self._caller.call(
            "POST",
            "/api/2.0/secrets/scopes/create",
            endpoint="secrets/scopes/create",
            body={"scope": scope},
        )
        if outcome.failure is not None and outcome.failure.cause is not Cause.EXISTS:
            raise self._caller.error(outcome, f"make the secret scope {scope}")
        self._caller.post(
            "/api/2.0/secrets/put",
            f"put the secret {scope}/{key}",
            endpoint="secrets/put",
            body={"scope": scope, "key": key, "string_value": value.reveal()},
        )

    def jobs_tagged(self, tag: str, value: str) -> Sequence[RemoteJob]:
        return self._jobs.tagged(tag, value)

    def job(self, job_id: int) -> RemoteJob | None:
        return self._jobs.get(job_id)

    def create_job(self, settings: Json, *, operation: str) -> int:
        return self._jobs.create(settings, operation)

    def reset_job(self, job_id: int, settings: Json) -> None:
        self._jobs.reset(job_id, settings)

    def delete_job(self, job_id: int) -> None:
        self._jobs.delete(job_id)

    def active_runs(self, job_id: int) -> int:
        return self._jobs.active_runs(job_id)

    def job_permissions(self, job_id: int) -> Sequence[Json]:
        return self._jobs.permissions(job_id)

    def set_job_permissions(self, job_id: int, entries: Sequence[Json]) -> None:
        self._jobs.set_permissions(job_id, entries)

    def run_now(
        self, job_id: int, *, token: str, parameters: Mapping[str, str] | None = None
    ) -> int:
        return self._runs.run_now(job_id, token, parameters)

    def run(self, run_id: int, *, history: bool = False) -> RemoteRun | None:
        return self._runs.run(run_id, history=history)

    def active_run_ids(self, job_id: int) -> Sequence[int]:
        return self._runs.active(job_id)

    def task_output(self, task_run_id: int) -> TaskOutput:
        return self._runs.output(task_run_id)

    def export_run(self, task_run_id: int) -> str:
        return self._runs.export(task_run_id)

    def cancel_run(self, run_id: int) -> None:
        self._runs.cancel(run_id)

    def repair_run(self, run_id: int, tasks: Sequence[str]) -> int:
        return self._runs.repair(run_id, tasks)


def _object(value: Json) -> RemoteObject:
    kind = str(value.get("object_type"))
    known = kind in ObjectType.__members__
    return RemoteObject(
        paths.canonical(str(value["path"])),
        ObjectType(kind) if known else ObjectType.OTHER,
        value.get("language"),
    )
