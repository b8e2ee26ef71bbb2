"""``dbutils`` as a notebook sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from pytest_dbxgate.execution.kernel.errors import NeedsClusterError, NotebookExit
from pytest_dbxgate.execution.kernel.files import FileSystem
from pytest_dbxgate.execution.kernel.telling import Teller
from pytest_dbxgate.execution.kernel.widgets import Widgets
from pytest_dbxgate.execution.spec import Spec

RunNotebook = Callable[[str, float, Mapping[str, str]], str]


class DBUtils:
    """What is here works as on Databricks; the rest says that it needs a cluster."""

    def __init__(
        self,
        spec: Spec,
        teller: Teller,
        widgets: Widgets,
        run: RunNotebook,
        restart: Callable[[], None],
    ) -> None:
        self.widgets = widgets
        self.fs = FileSystem(Path(spec.files))
        self.secrets = Secrets(spec.secrets)
        self.notebook = NotebookUtils(spec, run)
        self.jobs = Jobs(TaskValues(spec.task_values, teller))
        self.library = Library(restart)

    def __getattr__(self, name: str) -> NoReturn:
        raise NeedsClusterError(f"dbutils.{name} needs a cluster")

    def help(self, name: str = "") -> None:
        print(
            "dbutils here: fs, jobs.taskValues, library.restartPython, notebook, secrets, widgets"
        )


class SecretMetadata(NamedTuple):
    key: str


class SecretScope(NamedTuple):
    name: str


class Secrets:
    """``values``: ``scope/key`` -> value."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, scope: str, key: str) -> str:
        found = self._values.get(f"{scope}/{key}")
        if found is None:
            raise ValueError(
                f"Secret does not exist with scope: {scope} and key: {key}. On this machine it "
                f'comes from [tool.dbxgate.run.secrets]: "{scope}/{key}" = "env:NAME"'
            )
        return found

    def getBytes(self, scope: str, key: str) -> bytes:  # noqa: N802
        return self.get(scope, key).encode("utf-8")

    def list(self, scope: str) -> list[SecretMetadata]:
        names = [name.split("/", 1) for name in self._values]
        return [SecretMetadata(key) for found, key in names if found == scope]

    def listScopes(self) -> Any:  # noqa: N802
        names = dict.fromkeys(name.split("/", 1)[0] for name in self._values)
        return [SecretScope(name) for name in names]


class NotebookUtils:
    """``dbutils.notebook``."""

    def __init__(self, spec: Spec, run: RunNotebook) -> None:
        self._spec = spec
        self._run = run

    def run(
        self,
        path: str,
        timeout_seconds: float = 0,
        arguments: Mapping[str, str] | None = None,
        **more: Any,
    ) -> str:
        """Run another notebook in a process of its own; what it exits with."""
        arguments = more.get("__arguments", arguments) or {}
        return self._run(path, timeout_seconds, {k: str(v) for k, v in arguments.items()})

    def exit(self, value: object = "") -> NoReturn:
        raise NotebookExit(str(value))

    def getContext(self) -> Context:  # noqa: N802
        return Context(self._spec)

    @property
    def entry_point(self) -> Any:
        return _Chain(Context(self._spec))


class _Chain:
    """``entry_point.getDbutils().notebook().getContext()``."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def getDbutils(self) -> _Chain:  # noqa: N802
        return self

    def notebook(self) -> _Chain:
        return self

    def getContext(self) -> Context:  # noqa: N802
        return self._context


class Option:
    """Scala's ``Option``, as the context gives it."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def get(self) -> str:
        if self._value is None:
            raise ValueError("None.get")
        return self._value

    def getOrElse(self, other: Any) -> Any:  # noqa: N802
        if self._value is None:
            return other() if callable(other) else other
        return self._value

    def isDefined(self) -> bool:  # noqa: N802
        return self._value is not None


class Context:
    """What is known of the run: the notebook's path and, in a job, its ids."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec

    def notebookPath(self) -> Option:  # noqa: N802
        return Option(self._spec.workspace_path or None)

    def apiToken(self) -> NoReturn:  # noqa: N802
        raise NeedsClusterError("the context's API token needs a cluster")

    def __getattr__(self, name: str) -> Callable[[], Any]:
        values = self._spec.context
        if name in ("tags", "toJson", "safeToJson"):
            if name == "tags":
                return lambda: _Tags(values)
            import json

            return lambda: json.dumps({"tags": dict(values), "extraContext": {}})
        return lambda: Option(values.get(name))


class _Tags:
    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, name: str) -> Option:
        return Option(self._values.get(name))

    def apply(self, name: str) -> str:
        return Option(self._values.get(name)).get()


class Jobs(NamedTuple):
    taskValues: TaskValues  # noqa: N815


class TaskValues:
    """Values that tasks of one job hand on."""

    def __init__(self, known: Mapping[str, Mapping[str, Any]], teller: Teller) -> None:
        self._known = known
        self._teller = teller
        self._own: dict[str, Any] = {}

    def set(self, key: str, value: Any) -> None:
        self._own[key] = value
        self._teller.task_value(key, value)

    def get(
        self,
        taskKey: str,  # noqa: N803
        key: str,
        default: Any = None,
        debugValue: Any = None,  # noqa: N803
    ) -> Any:
        """As Databricks: outside a job ``debugValue``, without which it is an error."""
        values = self._known.get(taskKey)
        if values is not None and key in values:
            return values[key]
        if values is None and debugValue is not None:
            return debugValue
        if default is not None:
            return default
        if not self._known:
            raise TypeError("Must pass debugValue when calling get outside of a job context")
        raise ValueError(f"Task key {taskKey} and key {key} have no value")


class Library(NamedTuple):
    restart: Callable[[], None]

    def restartPython(self) -> None:  # noqa: N802
        self.restart()

    def __getattr__(self, name: str) -> NoReturn:
        raise NeedsClusterError(f"dbutils.library.{name} needs a cluster: write %pip install")
