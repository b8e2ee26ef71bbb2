"""What the cells of a notebook say about widgets, language by language."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from pytest_dbxgate.project.facts import Spot, Widget, WidgetRead

KINDS = frozenset({"text", "dropdown", "combobox", "multiselect"})
"""The kinds of widgets that code declares."""

STORED = "stored"
"""The kind of a widget that only the notebook's metadata know of: somebody added it by hand."""

SETTING = "setting"
"""The kind of a Spark setting without a dot in its name. It is no widget, but SQL reads it as
``${name}`` all the same. The name ``*`` stands for one that is not known before the run."""

OPTIONAL = "optional"
"""The form of a read that can do without a widget: it has a default, its failure is caught, or it
stands in a text that may be anything."""


SQL_CALL = "sql getArgument"
"""The form of ``getArgument('x')`` in SQL."""


class WidgetFacts(NamedTuple):
    """The widgets of one notebook; the fields of ``NotebookFacts`` of the same names."""

    widgets: tuple[Widget, ...] = ()
    reads: tuple[WidgetRead, ...] = ()
    reads_any: bool = False
    declares_any: bool = False


@dataclass
class Found:
    """Collects what is found, cell by cell."""

    widgets: list[Widget] = field(default_factory=list)
    reads: list[WidgetRead] = field(default_factory=list)
    reads_any: bool = False
    declares_any: bool = False

    def read(self, name: str, spot: Spot, form: str) -> None:
        self.reads.append(WidgetRead(name, spot, form))

    def setting(self, name: str, spot: Spot) -> None:
        self.widgets.append(Widget(name, SETTING, spot))

    def anything(self) -> None:
        """From here on nobody can tell which widgets there are and who reads them."""
        self.reads_any = self.declares_any = True

    def facts(self) -> WidgetFacts:
        return WidgetFacts(
            tuple(self.widgets), tuple(self.reads), self.reads_any, self.declares_any
        )
