"""``dbutils``: its parts that work without a cluster."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pytest_dbxgate.execution.kernel.context import Context, EntryPoint
from pytest_dbxgate.execution.kernel.dbutils_fs import FileUtils
from pytest_dbxgate.execution.kernel.redaction import Redactor
from pytest_dbxgate.execution.kernel.signals import NotebookExit, PythonRestart
from pytest_dbxgate.execution.kernel.telling import Teller
from pytest_dbxgate.execution.kernel.utility import Utility
from pytest_dbxgate.execution.kernel.widgets import Widgets
from pytest_dbxgate.execution.spec import Spec

_LARGEST_VALUE = 48 * 1024
"""Of a task value's JSON, in bytes [spec]."""

RunNotebook = Callable[[str, float, Mapping[str, str]], str]


class SecretMetadata(NamedTuple):
    """A secret, without its value."""

    key: str


class SecretScope(NamedTuple):
    """A scope of secrets."""

    name: str

    def getName(self) -> str:  # noqa: N802 - Databricks' name
        return self.name


class Secrets(Utility):
    """Secrets that the run was given."""

    def __init__(self, values: Mapping[str, str], redactor: Redactor) -> None:
        super().__init__("dbutils.secrets")
        self._values = values
        self._redactor = redactor

    def get(self, scope: str, key: str) -> str:
        """The value of a secret; printing it prints [REDACTED]."""
        value = self._values.get(f"{scope}/{key}")
        if value is None:
            raise ValueError(f"Secret does not exist with scope: {scope} and key: {key}")
        self._redactor.add(value)
        return value

    def getBytes(self, scope: str, key: str) -> bytes:  # noqa: N802
        """The value of a secret as bytes."""
        return self.get(scope, key).encode("utf-8")

    def list(self, scope: str) -> list[SecretMetadata]:
        """The keys of a scope."""
        keys = [name.partition("/") for name in sorted(self._values)]
        return [SecretMetadata(key) for found, _, key in keys if found == scope]

    def listScopes(self) -> Any:  # noqa: N802
        """The scopes."""
        return [SecretScope(each) for each in sorted({n.partition("/")[0] for n in self._values})]


class TaskValues(Utility):
    """Values that tasks of a job hand on."""

    def __init__(self, spec: Spec, teller: Teller) -> None:
        super().__init__("dbutils.jobs.taskValues")
        self._values = spec.task_values
        self._in_job = bool(spec.task_values or spec.context.get("jobId"))
        self._teller = teller

    def set(self, key: str, value: Any) -> None:
        """Hand a value on."""
        if not isinstance(key, str):
            raise TypeError("The key of a task value must be a string")
        text = json.dumps(value)
        if len(text.encode()) > _LARGEST_VALUE:
            raise ValueError(f"The value of {key} is larger than 48 KiB as JSON")
        self._teller.task_value(key, value)

    def get(self, taskKey: str, key: str, default: Any = None, debugValue: Any = None) -> Any:  # noqa: N803
        """The value that a task handed on; outside of a job the ``debugValue``."""
        if not self._in_job:
            if debugValue is None:
                raise TypeError(
                    "Must pass debugValue when calling get outside of a job context. "
                    "debugValue cannot be None."
                )
            return debugValue
        values = self._values.get(taskKey)
        if values is not None and key in values:
            return values[key]
        if default is not None:
            return default
        if values is None:
            raise ValueError(f"No task with the task key {taskKey} was found")
        raise ValueError(f"The task {taskKey} has no task value {key}")


class Jobs(Utility):
    """What a job's tasks have."""

    def __init__(self, values: TaskValues) -> None:
        super().__init__("dbutils.jobs")
        self.taskValues = values


class NotebookUtils(Utility):
    """Runs of notebooks."""

    def __init__(self, run: RunNotebook, context: Context) -> None:
        super().__init__("dbutils.notebook")
        self._run = run
        self._context = context
        self.entry_point = EntryPoint(context)

    def run(
        self,
        path: str,
        timeout_seconds: float = 0,
        arguments: Mapping[str, Any] | None = None,
    ) -> str:
        """Run a notebook in a process of its own; what it exited with."""
        given = {str(name): str(value) for name, value in (arguments or {}).items()}
        return self._run(path, timeout_seconds, given)

    def exit(self, value: Any = "") -> None:
        """End this run with a value."""
        raise NotebookExit("" if value is None else str(value))

    def getContext(self) -> Context:  # noqa: N802
        """What is known of this run."""
        return self._context


class Library(Utility):
    """Python's own state."""

    def __init__(self) -> None:
        super().__init__("dbutils.library")

    def restartPython(self) -> None:  # noqa: N802
        """Forget all names of Python; Spark's session and the widgets stay."""
        raise PythonRestart


class DBUtils(Utility):
    """``dbutils``."""

    def __init__(
        self,
        *,
        widgets: Widgets,
        fs: FileUtils,
        secrets: Secrets,
        jobs: Jobs,
        notebook: NotebookUtils,
    ) -> None:
        super().__init__("dbutils")
        self.widgets = widgets
        self.fs = fs
        self.secrets = secrets
        self.jobs = jobs
        self.notebook = notebook
        self.library = Library()
        self.data = Utility("dbutils.data")
        self.credentials = Utility("dbutils.credentials")
        self.entry_point = notebook.entry_point
