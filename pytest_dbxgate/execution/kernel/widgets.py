"""Widgets: values from the run's parameters, from ``%run`` and from their own defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pytest_dbxgate.execution.kernel.utility import Utility

_CREATE = re.compile(
    r"""\s*CREATE\s+WIDGET\s+(?P<kind>TEXT|DROPDOWN|COMBOBOX|MULTISELECT)\s+
        (?P<name>`[^`]+`|'[^']+'|"[^"]+"|[\w.-]+)
        (?:\s+DEFAULT\s+(?P<default>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[\w.-]+))?
        (?:\s+CHOICES\s+(?P<choices>.*))?\s*\Z""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_REMOVE = re.compile(
    r"\s*REMOVE\s+WIDGET\s+(?P<name>`[^`]+`|'[^']+'|\"[^\"]+\"|[\w.-]+)\s*\Z", re.IGNORECASE
)


class InputWidgetNotDefined(Exception):  # noqa: N818 - Databricks' name
    """There is no widget of a name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"No input widget named {name} is defined")


class WidgetValues:
    """The values of widgets. A parameter of the run needs no widget, as in a job."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._given = [dict(parameters)]
        self._defaults: dict[str, str] = {}

    def find(self, name: str) -> str | None:
        """The value; None where there is no such widget."""
        for given in reversed(self._given):
            if name in given:
                return given[name]
        return self._defaults.get(name)

    def get(self, name: str) -> str:
        """The value. Raises InputWidgetNotDefined."""
        value = self.find(name)
        if value is None:
            raise InputWidgetNotDefined(name)
        return value

    def argument(self, name: str, default: str | None = None) -> str:
        """The value, or the default where there is no widget."""
        value = self.find(name)
        if value is None and default is not None:
            return str(default)
        return self.get(name)

    def all(self) -> dict[str, str]:
        """All values by name."""
        found = dict(self._defaults)
        for given in self._given:
            found |= given
        return found

    def define(self, name: str, default: Any) -> None:
        """Make a widget. One that is there keeps its value."""
        self._defaults.setdefault(str(name), "" if default is None else str(default))

    def remove(self, name: str) -> None:
        """Take a widget away; the run's parameters stay. Raises InputWidgetNotDefined."""
        if name not in self._defaults and self.find(name) is None:
            raise InputWidgetNotDefined(name)
        self._defaults.pop(name, None)

    def clear(self) -> None:
        """Take all widgets away; the run's parameters stay."""
        self._defaults.clear()

    @contextmanager
    def given(self, parameters: Mapping[str, str]) -> Iterator[None]:
        """Within the block, as in the target of a ``%run``, these values come first."""
        self._given.append(dict(parameters))
        try:
            yield
        finally:
            self._given.pop()

    def execute(self, statement: str) -> bool:
        """``CREATE WIDGET`` and ``REMOVE WIDGET``; False for any other statement."""
        created, removed = _CREATE.match(statement), _REMOVE.match(statement)
        if created is not None:
            self.define(_bare(created["name"]), _bare(created["default"] or ""))
        elif removed is not None:
            self.remove(_bare(removed["name"]))
        return created is not None or removed is not None


class Widgets(Utility):
    """``dbutils.widgets``."""

    def __init__(self, values: WidgetValues) -> None:
        super().__init__("dbutils.widgets")
        self._values = values

    def text(self, name: str, defaultValue: str = "", label: str | None = None) -> None:  # noqa: N803
        """Make a widget."""
        self._values.define(name, defaultValue)

    def dropdown(
        self,
        name: str,
        defaultValue: str,  # noqa: N803
        choices: Sequence[str],
        label: str | None = None,
    ) -> None:
        """Make a widget that offers choices; the default must be one of them."""
        if str(defaultValue) not in map(str, choices):
            raise ValueError(
                f"The default value of the widget {name} must be one of its choices: "
                f"{defaultValue!r} is none of {list(choices)}"
            )
        self._values.define(name, defaultValue)

    multiselect = dropdown

    def combobox(
        self,
        name: str,
        defaultValue: str,  # noqa: N803
        choices: Sequence[str],
        label: str | None = None,
    ) -> None:
        """Make a widget that offers choices and takes others."""
        self._values.define(name, defaultValue)

    def get(self, name: str) -> str:
        """The value of a widget or of a parameter."""
        return self._values.get(name)

    def getArgument(self, name: str, defaultValue: str | None = None) -> str:  # noqa: N802, N803
        """The value, or the default where there is no widget."""
        return self._values.argument(name, defaultValue)

    def getAll(self) -> dict[str, str]:  # noqa: N802
        """All values by name."""
        return self._values.all()

    def remove(self, name: str) -> None:
        """Take a widget away."""
        self._values.remove(name)

    def removeAll(self) -> None:  # noqa: N802
        """Take all widgets away."""
        self._values.clear()


def _bare(text: str) -> str:
    if text[:1] in "'\"`" and text[:1] == text[-1:] and len(text) > 1:
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text
