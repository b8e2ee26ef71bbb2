"""Which handler answers which address."""

from __future__ import annotations

import re
from typing import NamedTuple

from pytest_dbxgate.emulator.jobs import Jobs
from pytest_dbxgate.emulator.objects import Objects
from pytest_dbxgate.emulator.permissions import Permissions
from pytest_dbxgate.emulator.runs import Runs
from pytest_dbxgate.emulator.scopes import Scopes
from pytest_dbxgate.emulator.values import Answer, ApiError, Call, Handler, answer


class Route(NamedTuple):
    """An endpoint. ``name`` is what rules, limits and the log call it."""

    method: str
    pattern: re.Pattern[str]
    name: str
    handler: Handler
    public: bool = False
    """True where no token is asked for."""

    @property
    def writes(self) -> bool:
        return self.method != "GET"


def table(
    objects: Objects, jobs: Jobs, runs: Runs, permissions: Permissions, scopes: Scopes
) -> tuple[Route, ...]:
    """All endpoints."""
    found = [
        _route("GET", "/.well-known/databricks-config", "well-known", _no_metadata)._replace(
            public=True
        ),
        _route("GET", "/api/2.0/preview/scim/v2/Me", "scim/me", _me),
        _route("POST", "/api/2.0/workspace/import", "workspace/import", objects.import_),
        _route("GET", "/api/2.0/workspace/export", "workspace/export", objects.export),
        _route("GET", "/api/2.0/workspace/list", "workspace/list", objects.list_),
        _route("GET", "/api/2.0/workspace/get-status", "workspace/get-status", objects.status),
        _route("POST", "/api/2.0/workspace/mkdirs", "workspace/mkdirs", objects.mkdirs),
        _route("POST", "/api/2.0/workspace/delete", "workspace/delete", objects.delete),
        _route("POST", "/api/2.[012]/jobs/create", "jobs/create", jobs.create),
        _route("GET", "/api/2.[012]/jobs/get", "jobs/get", jobs.get),
        _route("GET", "/api/2.[012]/jobs/list", "jobs/list", jobs.list_),
        _route("POST", "/api/2.[012]/jobs/reset", "jobs/reset", jobs.reset),
        _route("POST", "/api/2.[012]/jobs/update", "jobs/update", jobs.update),
        _route("POST", "/api/2.[012]/jobs/delete", "jobs/delete", jobs.delete),
        _route("GET", "/api/2.[012]/jobs/runs/list", "jobs/runs/list", runs.list_),
        _route("POST", "/api/2.[012]/jobs/run-now", "jobs/run-now", runs.run_now),
        _route("POST", "/api/2.[012]/jobs/runs/submit", "jobs/runs/submit", runs.submit),
        _route("GET", "/api/2.[012]/jobs/runs/get", "jobs/runs/get", runs.get),
        _route("GET", "/api/2.[012]/jobs/runs/get-output", "jobs/runs/get-output", runs.output),
        _route("GET", "/api/2.[012]/jobs/runs/export", "jobs/runs/export", runs.export),
        _route("POST", "/api/2.[012]/jobs/runs/cancel", "jobs/runs/cancel", runs.cancel),
        _route(
            "POST", "/api/2.[012]/jobs/runs/cancel-all", "jobs/runs/cancel-all", runs.cancel_all
        ),
        _route("POST", "/api/2.[012]/jobs/runs/repair", "jobs/runs/repair", runs.repair),
        _route("POST", "/api/2.[012]/jobs/runs/delete", "jobs/runs/delete", runs.delete),
        _route("POST", "/api/2.0/secrets/scopes/create", "secrets/scopes/create", scopes.create),
        _route("POST", "/api/2.0/secrets/scopes/delete", "secrets/scopes/delete", scopes.delete),
        _route("GET", "/api/2.0/secrets/scopes/list", "secrets/scopes/list", scopes.list_),
        _route("GET", "/api/2.0/secrets/acls/list", "secrets/acls/list", scopes.acls),
        _route("POST", "/api/2.0/secrets/put", "secrets/put", scopes.put_secret),
        _route("GET", "/api/2.0/secrets/get", "secrets/get", scopes.get_secret),
        _route("GET", "/api/2.0/secrets/list", "secrets/list", scopes.list_secrets),
        _route("POST", "/api/2.0/secrets/delete", "secrets/delete", scopes.delete_secret),
    ]
    for method, handler in (
        ("GET", permissions.get),
        ("PUT", permissions.put),
        ("PATCH", permissions.patch),
    ):
        address = "/api/2.0/permissions/([a-z-]+)/([^/]+)"
        found.append(_route(method, address, "permissions", handler))
    return tuple(found)


def find(routes: tuple[Route, ...], method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """The endpoint of an address, with what its placeholders stand for."""
    for route in routes:
        match = route.pattern.fullmatch(path) if route.method == method else None
        if match:
            return route, match.groups()
    return None


def _route(method: str, pattern: str, name: str, handler: Handler) -> Route:
    # The only special characters of the patterns are meant as such, but for the dot.
    return Route(method, re.compile(pattern.replace("2.", r"2\.")), name, handler)


def _no_metadata(call: Call) -> Answer:
    # The SDK only warns where it is missing [sdk].
    raise ApiError(404, "ENDPOINT_NOT_FOUND", "No API found for 'GET /.well-known'")


def _me(call: Call) -> Answer:
    return answer(
        {
            "id": "1000000000000001",
            "userName": call.user,
            "displayName": call.user,
            "active": True,
            "emails": [{"value": call.user, "type": "work", "primary": True}],
            "groups": [{"display": "users"}],
        }
    )
