"""What one notebook's or job's own widgets and values tell without looking at another."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.codes import Severity
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.facts import Argument, NotebookFacts, Widget
from pytest_dbxgate.project.jobs.model import NotebookTask

MAX_DEFAULT = 2048
"""Bytes a widget's default may have."""

_MARKERS_SINCE = (15, 2)
_MOST_SHOWN = 40


def check(facts: NotebookFacts, runtime: str) -> Iterator[Claim]:
    """Defaults of widgets, values that are passed on, and what the runtime knows.

    ``runtime`` is such as ``14.3``; empty where it is not known.
    """
    for widget in facts.widgets:
        yield from _of_widget(facts.key, widget)
    for call in facts.notebook_runs:
        for argument in call.arguments or ():
            if not argument.is_string:
                yield Claim(
                    facts.key,
                    "DBX406",
                    f"the value of `{argument.name}` is no string",
                    argument.spot,
                    "pass a string: dbutils.notebook.run fails with anything else",
                )
    if runtime and _version(runtime) < _MARKERS_SINCE:
        yield from _newer(facts, runtime)


def of_tasks(tasks: Iterable[NotebookTask], keys: frozenset[NotebookKey]) -> Iterator[Claim]:
    """Values in job files that are no strings; what several tasks share is named once."""
    seen = set()
    for task in tasks:
        key = NotebookKey(task.file)
        for argument in task.arguments or ():
            if key in keys and not argument.is_string and (key, argument.spot) not in seen:
                seen.add((key, argument.spot))
                yield _of_argument(key, argument)


def _of_argument(key: NotebookKey, argument: Argument) -> Claim:
    message = f"the value of `{argument.name}` is no string"
    if key.path.lower().endswith(".json"):
        return Claim(key, "DBX406", message, argument.spot, "put it in quotes")
    # A bundle makes text of it, if not always the one that was written.
    hint = "put it in quotes: YAML may read it in another way than it looks"
    return Claim(key, "DBX406", message, argument.spot, hint, Severity.WARNING)


def _of_widget(key: NotebookKey, widget: Widget) -> Iterator[Claim]:
    if not widget.default_is_string:
        yield Claim(
            key,
            "DBX406",
            f"the default of the widget `{widget.name}` is no string",
            widget.spot,
            "put it in quotes, and convert what dbutils.widgets.get returns",
        )
    if widget.default is None:
        return
    size = len(widget.default.encode("utf-8", "surrogatepass"))
    if size > MAX_DEFAULT:
        yield Claim(
            key,
            "DBX408",
            f"the default of the widget `{widget.name}` has {size:,} bytes",
            widget.spot,
            f"shorten it: {MAX_DEFAULT:,} bytes are the most",
        )
    wrong = _no_choice(widget)
    if wrong is not None and widget.choices is not None:
        near = difflib.get_close_matches(wrong, widget.choices, n=1, cutoff=0.6)
        choices = _short(", ".join(f"`{each}`" for each in widget.choices))
        yield Claim(
            key,
            "DBX405",
            f"the default `{_short(wrong)}` of the widget `{widget.name}` is none of its choices",
            widget.spot,
            f"did you mean `{_short(near[0])}`?" if near else f"choices: {choices}",
        )


def _no_choice(widget: Widget) -> str | None:
    """What of the default is no choice. A combobox takes anything, a multiselect several."""
    if widget.choices is None or widget.default is None or widget.default in widget.choices:
        return None
    if widget.kind == "dropdown":
        return widget.default
    if widget.kind == "multiselect" and widget.default:
        several = (each.strip() for each in widget.default.split(","))
        return next((each for each in several if each not in widget.choices), None)
    return None


def _newer(facts: NotebookFacts, runtime: str) -> Iterator[Claim]:
    for read in facts.reads:
        if read.form == ":x":
            yield Claim(
                facts.key,
                "DBX407",
                f"`:{read.name}` needs runtime 15.2, the setting `runtime` says {runtime}",
                read.spot,
                f"write `${{{read.name}}}` there, or run on a newer runtime",
            )


def _version(runtime: str) -> tuple[int, ...]:
    return tuple(int(part) for part in runtime.split(".") if part.isdigit())


def _short(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"
