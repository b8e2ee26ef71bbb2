"""Whose fault an error is: the notebook's, the engine's limits, or the platform's."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Collection, Iterator

from pytest_dbxgate.execution.kernel.signals import EngineError, NeedsClusterError
from pytest_dbxgate.execution.kernel.statements import limit_of
from pytest_dbxgate.execution.outcome import RunState
from pytest_dbxgate.project.known_packages import is_known

_TRACEBACK = "Traceback (most recent call last):"
_MOST_LINES = 20
_MOST_CHARACTERS = 2_000
_STACK = ("\n\nJVM stacktrace:", "\nJVM stacktrace:", "\n\tat org.apache.spark", "\n\tat scala.")
_ABSENT = {
    "NOT_IMPLEMENTED",
    "JVM_ATTRIBUTE_NOT_SUPPORTED",
    "ATTRIBUTE_NOT_SUPPORTED",
    "UNSUPPORTED_OPERATION",
    "ONLY_SUPPORTED_WITH_SPARK_CLASSIC",
    "CANNOT_CONFIGURE_SPARK_CONNECT_MASTER",
}
"""Spark's conditions that mean: Spark Connect has not what a cluster has."""
_CONDITION = re.compile(r"\[([A-Z][A-Z0-9]*_[A-Z0-9_.]+)\]")
_OF_DATABRICKS = re.compile(
    r"(?:configuration not found|SQL_CONF_NOT_FOUND).*\bspark\.databricks\."
)
_NO_SOURCE = re.compile(r"No data source found for: ([\w.-]+)")
_REQUIRED = re.compile(
    r"^(\w+) is required|optional dependency '(\w+)|name '\w+' from '(databricks)'"
)
_NO_VALUE = re.compile(r"Placeholder '(:\w+)' was not provided a value")
"""How Sail says that a parameter of SQL is missing."""
_GONE = (
    "StatusCode.UNAVAILABLE",
    "failed to connect to all addresses",
    "Connection refused",
    "Socket closed",
    "RETRIES_EXCEEDED",
)


def condition_of(error: BaseException) -> str:
    """Spark's own name for an error; empty where there is none."""
    if not _is_of_spark(error):
        return ""
    found = ""
    for name in ("getCondition", "getErrorClass"):
        getter = getattr(error, name, None)
        if not found and callable(getter):
            with contextlib.suppress(Exception):
                found = str(getter() or "")
    # Sail names the condition in the message alone.
    named = _CONDITION.search(str(error))
    return found or (named[1] if named else "")


def judged(error: BaseException, skipped: Collection[str]) -> tuple[RunState, str]:
    """The state that an error means, and its message. ``skipped`` are modules, in lower case, of
    packages that ``%pip`` did not install."""
    if isinstance(error, SystemExit):
        return RunState.FAILED, (
            f"the notebook called exit({'' if error.code is None else repr(error.code)}), which "
            "fails a run; dbutils.notebook.exit(value) ends it early"
        )
    message = _message(error)
    for seen in _causes(error):
        if isinstance(seen, NeedsClusterError):
            return RunState.UNSUPPORTED, message
        if isinstance(seen, ImportError) and _is_absent(seen, skipped):
            return RunState.UNSUPPORTED, f"{message}: it is not installed here"
        if isinstance(seen, EngineError) or _is_gone(seen):
            return RunState.PLATFORM, message
        if condition_of(seen) in _ABSENT:
            return RunState.UNSUPPORTED, f"{message} (it needs a cluster)"
        if _is_of_spark(seen) and _OF_DATABRICKS.search(str(seen)):
            return RunState.UNSUPPORTED, f"{message} (a cluster has this setting)"
        absent = _NO_SOURCE.search(str(seen)) if _is_of_spark(seen) else None
        if absent is not None:
            return RunState.UNSUPPORTED, f"the engine has no data source {absent[1]}"
        unbound = _NO_VALUE.search(str(seen)) if _is_of_spark(seen) else None
        if unbound is not None:
            name = unbound[1]
            return RunState.FAILED, f"no value for {name}: a widget or a parameter gives it"
        reason = limit_of(seen) if _is_of_spark(seen) else ""
        if reason:
            return RunState.UNSUPPORTED, f"{reason} ({message})"
    return RunState.FAILED, message


def _causes(error: BaseException) -> Iterator[BaseException]:
    """``error`` and what it was raised from."""
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        yield cause
        seen.append(cause)
        cause = cause.__cause__


def _is_absent(error: ImportError, skipped: Collection[str]) -> bool:
    """Whether a module is missing here that a cluster has, or would have installed."""
    module = error.name or ""
    if not isinstance(error, ModuleNotFoundError):
        # A library says so itself; of ``databricks`` many distributions have a part.
        found = _REQUIRED.search(str(error))
        return found is not None and is_known(next(each for each in found.groups() if each))
    top = module.partition(".")[0]
    known = is_known(module) and top not in sys.stdlib_module_names
    return known or top.lower() in skipped


def _is_of_spark(error: BaseException) -> bool:
    return type(error).__module__.startswith(("pyspark.", "grpc"))


def _is_gone(error: BaseException) -> bool:
    text = str(error) if _is_of_spark(error) else _TRACEBACK
    # What a Python function of the notebook's cannot reach is another matter.
    return _TRACEBACK not in text and any(each in text for each in _GONE)


def _message(error: BaseException) -> str:
    """What an error says, without the stack that Spark's server sends along."""
    if isinstance(error, SyntaxError):
        return error.msg or str(error)
    if isinstance(error, KeyError) and len(error.args) == 1:
        return repr(error.args[0])
    try:
        text = str(error)
    except Exception:
        # A notebook's own class, whose __str__ fails.
        return "its message cannot be shown"
    for mark in _STACK:
        text = text.partition(mark)[0]
    if _TRACEBACK in text and _is_of_spark(error):
        text = _of_function(text)
    lines = text.strip().split("\n")
    text = "\n".join([*lines[:_MOST_LINES], *(["..."] if len(lines) > _MOST_LINES else [])])
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + " ..."


def _of_function(text: str) -> str:
    """Of an error in a Python function of Spark's: the function's own error."""
    lines = text.rstrip().split("\n")
    frames = [number for number, line in enumerate(lines) if line.startswith("  ")]
    own = "\n".join(lines[frames[-1] + 1 :]) if frames else ""
    return f"in a Python function: {own}" if own else text
