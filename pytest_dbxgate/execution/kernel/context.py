"""What a notebook can learn of its run: ``dbutils.notebook.getContext()``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pytest_dbxgate.execution.kernel.utility import Utility, needs_cluster


class Option:
    """Scala's ``Option``, as notebooks see it."""

    def __init__(self, value: Any, what: str) -> None:
        self._value = value
        self._what = what

    def get(self) -> Any:
        """The value; what is not known here needs a cluster."""
        if self._value is None:
            needs_cluster(self._what)
        return self._value

    def getOrElse(self, default: Any) -> Any:  # noqa: N802 - Scala's name
        return default if self._value is None else self._value

    def isDefined(self) -> bool:  # noqa: N802
        return self._value is not None

    def isEmpty(self) -> bool:  # noqa: N802
        return self._value is None

    def __str__(self) -> str:
        return "None" if self._value is None else f"Some({self._value})"

    __repr__ = __str__


class Tags:
    """The context's tags."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, name: str) -> Option:
        return Option(self._values.get(name), f"the tag {name} of the context")

    def apply(self, name: str) -> str:
        return str(self.get(name).get())

    def contains(self, name: str) -> bool:
        return name in self._values

    def __str__(self) -> str:
        return str(dict(self._values))


class Context:
    """Each getter gives an :class:`Option`."""

    def __init__(self, values: Mapping[str, str], path: str) -> None:
        self._values = {**values, "notebookPath": path}
        known = ("jobId", "runId", "taskKey", "user", "browserHostName", "clusterId", "orgId")
        self._tags = {name: str(values[name]) for name in known if name in values}
        self._tags["notebook_path"] = path

    def notebookPath(self) -> Option:  # noqa: N802
        return self._option("notebookPath")

    def currentRunId(self) -> Option:  # noqa: N802
        return Option(self._values.get("runId"), "the context's currentRunId")

    def userName(self) -> Option:  # noqa: N802
        return Option(self._values.get("user"), "the context's userName")

    def tags(self) -> Tags:
        return Tags(self._tags)

    def apiToken(self) -> Option:  # noqa: N802
        """There is none: a run on this machine gets no token."""
        return Option(None, "the context's apiToken")

    def toJson(self) -> str:  # noqa: N802
        """All that is known."""
        return json.dumps(
            {
                "extraContext": {"notebook_path": self._values["notebookPath"]},
                "currentRunId": self._values.get("runId"),
                "tags": self._tags,
            }
        )

    safeToJson = toJson  # noqa: N815

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda: self._option(name)

    def _option(self, name: str) -> Option:
        return Option(self._values.get(name), f"the context's {name}")


class EntryPoint(Utility):
    """The way to the context that notebooks know: ``entry_point.getDbutils().notebook()``."""

    def __init__(self, context: Context) -> None:
        super().__init__("dbutils.notebook.entry_point")
        self._context = context

    def getDbutils(self) -> EntryPoint:  # noqa: N802
        """The utilities, as the cluster's side has them."""
        return self

    def notebook(self) -> EntryPoint:
        """The notebook's part of them."""
        return self

    def getContext(self) -> Context:  # noqa: N802
        """What is known of this run."""
        return self._context
