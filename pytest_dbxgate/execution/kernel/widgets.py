"""``dbutils.widgets``: what is declared, and the values that a run passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from pytest_dbxgate.execution.kernel.errors import InputWidgetNotDefined


class Widgets:
    """The widgets of one notebook. Values are strings."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = [dict(given)]
        self._declared: dict[str, str] = {}

    def text(self, name: str, defaultValue: str = "", label: str | None = None) -> None:  # noqa: N803
        self._declared[name] = _string(name, defaultValue)

    def dropdown(
        self,
        name: str,
        defaultValue: str,  # noqa: N803
        choices: Sequence[str],
        label: str | None = None,
    ) -> None:
        default = _string(name, defaultValue)
        if default not in [str(choice) for choice in choices]:
            raise ValueError(f"The default value {default!r} of the widget {name} is no choice")
        self._declared[name] = default

    def combobox(
        self,
        name: str,
        defaultValue: str,  # noqa: N803
        choices: Sequence[str] = (),
        label: str | None = None,
    ) -> None:
        self._declared[name] = _string(name, defaultValue)

    def multiselect(
        self,
        name: str,
        defaultValue: str,  # noqa: N803
        choices: Sequence[str],
        label: str | None = None,
    ) -> None:
        self.dropdown(name, defaultValue, choices, label)

    def get(self, name: str) -> str:
        """The value that the run passes, else the default.

        Raises :class:`InputWidgetNotDefined` where neither is there.
        """
        found = self.values().get(name)
        if found is None:
            raise InputWidgetNotDefined(f"No input widget named {name} is defined")
        return found

    def getArgument(self, name: str, defaultValue: str | None = None) -> str:  # noqa: N802, N803
        if defaultValue is None:
            return self.get(name)
        return self.values().get(name, str(defaultValue))

    def getAll(self) -> dict[str, str]:  # noqa: N802
        return {name: self.get(name) for name in {**self._declared, **self._given[-1]}}

    def remove(self, name: str) -> None:
        self._declared.pop(name, None)

    def removeAll(self) -> None:  # noqa: N802
        self._declared.clear()

    def values(self) -> dict[str, str]:
        """All that is known, by name."""
        merged = dict(self._declared)
        for layer in self._given:
            merged |= layer
        return merged

    @contextmanager
    def passing(self, parameters: Mapping[str, str]) -> Iterator[None]:
        """What ``%run`` passes, for as long as its target runs."""
        self._given.append(dict(parameters))
        try:
            yield
        finally:
            self._given.pop()


def _string(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"The default value of the widget {name} must be a string, not {value!r}")
    return value
