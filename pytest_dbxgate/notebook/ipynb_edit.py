"""Editing an ``.ipynb``: new sources and mechanical clean-up, by splicing the JSON text.

Nothing is serialised again: what an edit does not name stays byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pytest_dbxgate.errors import RefusedEditError
from pytest_dbxgate.notebook.ipynb_language import NOTEBOOK_KEY
from pytest_dbxgate.notebook.ipynb_layout import Layout, has_half_pair, layout
from pytest_dbxgate.notebook.ipynb_reader import BOM, read
from pytest_dbxgate.notebook.ipynb_source import Edit, splice
from pytest_dbxgate.notebook.json_spans import Node, scan
from pytest_dbxgate.notebook.model import Cell, Language, Notebook

_NEXT_STEP = "change the cell by hand"


def rewrite(notebook: Notebook, sources: Mapping[int, str]) -> bytes:
    """The notebook's bytes with the sources of some cells, by number, replaced.

    Raises :class:`RefusedEditError` where a cell cannot be edited, or where the edit would
    change anything but the cells' code: their number, a magic, a title, another cell.
    """
    changed = {
        number: source
        for number, source in sources.items()
        if not 0 < number <= len(notebook.cells) or notebook.cell(number).source != source
    }
    if not changed:
        return notebook.data
    edits = [_source_edit(notebook, number, source) for number, source in changed.items()]
    data = _applied(notebook, edits)
    try:
        _check_result(notebook, read(notebook.path, data), changed)
    except RecursionError:
        raise _refused(notebook, "the notebook is nested too deeply") from None
    return data


def clean(notebook: Notebook) -> bytes | None:
    """The notebook's bytes without what belongs to one person's run; None if there is none.

    Stored outputs of code cells go, and with them the execution counts; a widget's
    ``currentValue`` becomes its default value.
    """
    if notebook.unreadable:
        return None
    found = layout(notebook.text)
    edits = [*_output_edits(found), *_widget_edits(found)]
    if not edits:
        return None
    data = _applied(notebook, edits)
    after = read(notebook.path, data)
    if [_code(cell) for cell in after.cells] != [_code(cell) for cell in notebook.cells]:
        raise _refused(notebook, "the clean-up would change the code of a cell")
    return data


def _source_edit(notebook: Notebook, number: int, source: str) -> Edit:
    if notebook.unreadable or not 0 < number <= len(notebook.cells):
        raise _refused(notebook, f"there is no cell {number} that could be edited")
    if has_half_pair(source) or "\r" in source:
        raise _refused(notebook, f"the new source of cell {number} cannot be written")
    found = layout(notebook.text)
    old = found.source_map(number)
    edit = splice(found, number, source)
    if old is None or edit is None:
        raise _refused(notebook, f"cell {number} has no source that could be edited")
    if has_half_pair(old.text):
        raise _refused(notebook, f"cell {number} holds half of a surrogate pair")
    return edit


def _output_edits(found: Layout) -> Iterator[Edit]:
    for cell in found.cells:
        kind = cell.get("cell_type")
        if kind is None or kind.value() != "code":
            continue
        stored = [node for name, node in cell.members() if name == "outputs" and node.items()]
        yield from (Edit(node.start, node.end, "[]") for node in stored)
        count = cell.get("execution_count")
        if stored and count is not None and count.raw != "null":
            yield Edit(count.start, count.end, "null")


def _widget_edits(found: Layout) -> Iterator[Edit]:
    widgets = found.root.get("metadata", NOTEBOOK_KEY, "widgets")
    for _, widget in widgets.members() if widgets else ():
        current = widget.get("currentValue")
        if current is None or current.raw == "null":
            continue
        default = _default(widget)
        if default.value() != current.value():
            yield Edit(current.start, current.end, default.raw)


def _default(widget: Node) -> Node:
    for info in ("widgetInfo", "typedWidgetInfo"):
        default = widget.get(info, "defaultValue")
        if default is not None:
            return default
    return scan('""')


def _applied(notebook: Notebook, edits: Iterable[Edit]) -> bytes:
    parts: list[str] = []
    at = 0
    for edit in sorted(edits):
        parts += (notebook.text[at : edit.start], edit.replacement)
        at = edit.end
    text = "".join((*parts, notebook.text[at:]))
    return (BOM if notebook.data.startswith(BOM) else b"") + text.encode("utf-8")


def _check_result(before: Notebook, after: Notebook, sources: Mapping[int, str]) -> None:
    if after.unreadable or len(after.cells) != len(before.cells):
        raise _refused(before, "the edit would change the number of cells")
    if after.metadata != before.metadata:
        raise _refused(before, "the edit would change the notebook's metadata")
    for old, new in zip(before.cells, after.cells, strict=True):
        if old.number not in sources:
            if new != old:
                raise _refused(before, f"the edit would change cell {old.number} too")
        elif new.source != sources[old.number] or _frame(new) != _frame(old):
            raise _refused(before, f"the edit would change more of cell {old.number} than its code")


def _frame(cell: Cell) -> tuple[object, ...]:
    """What an edit of a cell's code must not change."""
    argument = cell.magic and cell.magic.argument
    if cell.language is Language.RUN:
        # The path is all the code there is.
        argument = None
    magic = cell.magic and (cell.magic.name, argument, cell.magic.double)
    return cell.language, magic, cell.title, cell.metadata


def _code(cell: Cell) -> tuple[object, ...]:
    return cell.source, cell.language, cell.title


def _refused(notebook: Notebook, reason: str) -> RefusedEditError:
    return RefusedEditError(f"{notebook.path}: {reason}", next_step=_NEXT_STEP)
