"""The control API over HTTP, under ``/_emulator/``, with the workspace's own token."""

from __future__ import annotations

import base64
from typing import Any

from pytest_dbxgate.emulator import wire
from pytest_dbxgate.emulator.control import Control
from pytest_dbxgate.emulator.faults import Edit
from pytest_dbxgate.emulator.values import Answer, ApiError, Json, Raw, answer, failure

PREFIX = "/_emulator/"


def handle(control: Control, raw: Raw) -> Answer:
    """Answer a request whose token was checked."""
    action = f"{raw.method} {raw.path.removeprefix(PREFIX)}"
    try:
        return answer(_run(control, action, wire.body_of(raw)))
    except ApiError as error:
        return failure(error)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return failure(ApiError(400, "INVALID_PARAMETER_VALUE", f"Bad request: {error!r}"))


def _run(control: Control, action: str, body: Json) -> Any:
    match action:
        case "GET log":
            return [entry._asdict() for entry in control.log()]
        case "DELETE log":
            control.clear_log()
        case "GET dump":
            return _dumped(control)
        case "POST faults":
            control.add_faults(*body["rules"])
        case "DELETE faults":
            control.clear_faults()
        case "POST flush-late":
            control.flush_late()
        case "POST edit":
            edit = Edit.from_json(body)
            control.edit(edit.path, edit.content, delete=edit.delete)
        case "POST limits":
            control.limit(body.get("rates"), retry_after=str(body.get("retry_after", "")))
        case "POST clock":
            control.set_clock_offset(float(body["offset"]))
        case "POST tick":
            control.tick()
        case "POST runs":
            return {"run_id": control.add_run(int(body["job_id"]), body.get("state", "RUNNING"))}
        case "POST runs/end":
            control.end_run(int(body["run_id"]), body.get("result", "SUCCESS"))
        case _:
            raise ApiError(404, "ENDPOINT_NOT_FOUND", f"No control for '{action}'")
    return {}


def _dumped(control: Control) -> Json:
    dump = control.dump()
    return {
        "objects": {
            path: {
                "type": one.type,
                "object_id": one.object_id,
                "language": one.language,
                "format": one.format,
                "created_at": one.created_at,
                "modified_at": one.modified_at,
                "content": base64.b64encode(one.content).decode(),
            }
            for path, one in dump.objects.items()
        },
        "jobs": dict(dump.jobs),
        "permissions": dict(dump.permissions),
        "runs": dict(dump.runs),
    }
