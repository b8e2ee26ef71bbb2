"""What became of a deployment, judged from the store of the embedded workspace alone."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from faults.world import ROOT
from pytest_dbxgate.emulator.control import Dump

OWN = f"{ROOT}/.dbxgate"
MARKER = "edited by a person"
KEY_TAG = "dbxgate_key"


class End(Enum):
    """The state that stands in the end."""

    OLD = "old"
    NEW = "new"
    PENDING = "new, clean-up pending"
    MIXED = "mixed"


class Picture(NamedTuple):
    """What counts of a state. Objects by place: type, language, content. Jobs by name: settings
    without ids, and permissions."""

    objects: Mapping[str, tuple[str, str, bytes]]
    jobs: Mapping[str, Any]
    foreign: Any


def picture(dump: Dump, foreign_places: Sequence[str]) -> Picture:
    """A state as the oracle sees it; ``foreign_places`` below the root belong to others."""
    objects, foreign = {}, {}
    for path, found in dump.objects.items():
        kept = (found.type, found.language, found.content)
        if path.startswith(f"{OWN}/") or path in (OWN, ROOT):
            continue
        place = path.removeprefix(f"{ROOT}/")
        if path.startswith(f"{ROOT}/") and place not in foreign_places:
            if found.type != "DIRECTORY":
                objects[place] = kept
        else:
            foreign[path] = (*kept, found.object_id)
    jobs: dict[str, Any] = {}
    for number, job in dump.jobs.items():
        settings = job["settings"]
        tags = settings.get("tags", {})
        acl = dump.permissions.get(f"/jobs/{number}")
        if KEY_TAG not in tags:
            foreign[number] = (settings, acl)
            continue
        shown = {name: value for name, value in tags.items() if name != "dbxgate_operation"}
        jobs.setdefault(settings["name"], []).append({**settings, "tags": shown, "acl": acl})
    return Picture(objects, jobs, foreign)


class Judge(NamedTuple):
    """Knows the old picture and the new one."""

    old: Picture
    new: Picture

    def end(self, now: Picture) -> tuple[End, list[str]]:
        """How it ended, and what differs from old and from new where it is mixed. What a person
        edited counts as neither."""
        from_old = list(_differences(self.old, now))
        from_new = list(_differences(self.new, now))
        if not from_new:
            return End.NEW, []
        if not from_old:
            return End.OLD, []
        if all(self._is_pending(name, now) for name in from_new):
            return End.PENDING, from_new
        return End.MIXED, sorted({*from_old} & {*from_new} | {*from_old})

    def _is_pending(self, name: str, now: Picture) -> bool:
        if name.startswith("job "):
            key = name.removeprefix("job ")
            if key not in self.new.jobs:
                return bool(now.jobs.get(key) == self.old.jobs.get(key))
            wanted = json.dumps(self.new.jobs[key]).replace("UNPAUSED", "PAUSED")
            return json.dumps(now.jobs.get(key)) == wanted
        return name not in self.new.objects and now.objects.get(name) == self.old.objects.get(name)


def _differences(wanted: Picture, now: Picture) -> Iterator[str]:
    for place in sorted({*wanted.objects, *now.objects}):
        found = now.objects.get(place)
        if found is not None and MARKER.encode() in found[2]:
            continue
        if found != wanted.objects.get(place):
            yield place
    for name in sorted({*wanted.jobs, *now.jobs}):
        if now.jobs.get(name) != wanted.jobs.get(name):
            yield f"job {name}"


def marker_survives(dump: Dump, marker: str) -> bool:
    """Whether a person's edit is in the workspace or in a backup."""
    wanted = marker.encode()
    for path, found in dump.objects.items():
        if not path.startswith(f"{OWN}/") and wanted in found.content:
            return True
        if path.endswith(".backup"):
            with zipfile.ZipFile(io.BytesIO(found.content)) as archive:
                if any(wanted in archive.read(name) for name in archive.namelist()):
                    return True
    return False


def named_by_open_journals(dump: Dump) -> set[str]:
    """Everything that an open journal names."""
    named: set[str] = set()
    closed = [path for path in dump.objects if path.endswith((".done.json", ".undone.json"))]
    for path, found in dump.objects.items():
        name = path.removeprefix(f"{OWN}/journals/")
        if name == path or "." in name.removesuffix(".json"):
            continue
        stem = path.removesuffix(".json")
        if any(each.startswith(f"{stem}.") for each in closed):
            continue
        document = json.loads(found.content)
        named.update(change["place"] for change in document["changes"])
        named.update(f"job {change['name']}" for change in document["jobs"])
    return named


def duplicates(now: Picture) -> list[str]:
    """Jobs that are there more than once."""
    return [name for name, jobs in now.jobs.items() if len(jobs) > 1]
