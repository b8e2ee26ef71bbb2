"""``/api/2.0/permissions``: who may do what with jobs, folders, notebooks and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_dbxgate.emulator.store import Row, Store
from pytest_dbxgate.emulator.tree import Tree
from pytest_dbxgate.emulator.values import Answer, Call, Json, answer, invalid, missing

_WHO = ("user_name", "group_name", "service_principal_name")
_TYPES = {
    "jobs": "job",
    "directories": "directory",
    "notebooks": "notebook",
    "files": "file",
}
_LEVELS = {
    "jobs": ("CAN_VIEW", "CAN_MANAGE_RUN", "CAN_MANAGE", "IS_OWNER"),
    "directories": ("CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"),
}


class Permissions:
    """The handlers, and the direct entries they keep."""

    def __init__(self, store: Store, tree: Tree) -> None:
        self._store = store
        self._tree = tree

    def create(self, object_id: str, owner: str, wanted: list[Json]) -> None:
        """The entries of a new job: its creator owns it."""
        own = {"user_name": owner, "permission_level": "IS_OWNER"}
        entries = [own] if not wanted else _checked("jobs", wanted)
        self._save(object_id, entries)

    def forget(self, object_id: str) -> None:
        self._store.remove("acl", object_id)

    def get(self, call: Call) -> Answer:
        return answer(self._described(*self._object(call)))

    def put(self, call: Call) -> Answer:
        """Replace the direct entries."""
        kind, object_id = self._object(call)
        entries = _checked(kind, call.rows("access_control_list"))
        self._save(object_id, entries)
        return answer(self._described(kind, object_id))

    def patch(self, call: Call) -> Answer:
        """Add entries, or change the level of those who have one."""
        kind, object_id = self._object(call)
        merged = {_who(entry): entry for entry in self._entries(object_id)}
        merged |= {_who(one): one for one in call.rows("access_control_list")}
        self._save(object_id, _checked(kind, list(merged.values())))
        return answer(self._described(kind, object_id))

    def _object(self, call: Call) -> tuple[str, str]:
        kind, number = call.arguments
        if kind not in _TYPES:
            raise invalid(f"'{kind}' is not a supported object type.")
        if not number.isdigit():
            raise invalid(f"{number} is not a valid id.")
        if kind == "jobs":
            if self._store.get("job", f"{int(number):020}") is None:
                raise missing(f"Job {number} does not exist.")
        else:
            found = self._tree.by_id(int(number))
            if found is None or found.kind != kind:
                raise missing(f"{_TYPES[kind].capitalize()} {number} does not exist.")
        return kind, f"/{kind}/{number}"

    def _entries(self, object_id: str) -> list[Json]:
        row = self._store.get("acl", object_id)
        return list(row.value["entries"]) if row else []

    def _save(self, object_id: str, entries: list[Json]) -> None:
        self._store.put("acl", Row(object_id, {"entries": entries}))

    def _described(self, kind: str, object_id: str) -> Json:
        entries = [_shown(entry, inherited=False) for entry in self._entries(object_id)]
        admins = {"group_name": "admins", "permission_level": "CAN_MANAGE"}
        return {
            "object_id": object_id,
            "object_type": _TYPES[kind],
            "access_control_list": [*entries, _shown(admins, inherited=True)],
        }


def _checked(kind: str, entries: Sequence[Mapping[str, Any]]) -> list[Json]:
    for entry in entries:
        if sum(name in entry for name in _WHO) != 1 or "permission_level" not in entry:
            raise invalid("Each entry needs one principal and a permission_level.")
        levels = _LEVELS.get(kind)
        if levels and entry["permission_level"] not in levels:
            raise invalid(f"'{entry['permission_level']}' is not a permission level of {kind}.")
    owners = [entry for entry in entries if entry["permission_level"] == "IS_OWNER"]
    if kind == "jobs" and len(owners) != 1:
        raise invalid("The job must have exactly one owner.")
    if any("group_name" in entry for entry in owners):
        raise invalid("Groups can not be owners of jobs.")
    return [dict(entry) for entry in entries]


def _who(entry: Mapping[str, Any]) -> str:
    return next((f"{name}:{entry[name]}" for name in _WHO if name in entry), "")


def _shown(entry: Mapping[str, Any], *, inherited: bool) -> Json:
    name = next(name for name in _WHO if name in entry)
    level: Json = {"permission_level": entry["permission_level"], "inherited": inherited}
    if inherited:
        level["inherited_from_object"] = ["/"]
    return {name: entry[name], "all_permissions": [level]}
