"""The kinds of defects that are planted: between notebooks, in parameters and in secrets."""

from __future__ import annotations

import posixpath
import re

import planted_job_kinds
from planting import (
    CALLS,
    Draft,
    Kind,
    any_of,
    bound_names,
    marked,
    misspelt,
    other,
    slip,
    swap,
)
from project_files import MARK, render

_ENTRY = r"/0[134]_[a-z]+\.(?:py|ipynb)$"
"""Notebooks that nobody runs by ``%run``."""


def _renamed(word: str, draft: Draft) -> str:
    return draft.rng.choice((f"{word}_v2", f"new_{word}", "handle_it", misspelt(word, draft.rng)))


def _renamed_widget(draft: Draft) -> None:
    """Renamed where it is declared, and nowhere else. Nobody passes the one of ``00_config``."""
    place = draft.pick(
        r'widgets\.(?:text|dropdown)\("(\w+)"|^CREATE WIDGET \w+ (\w+)',
        r"/(?:0[1-5]_\w+|00_config)\.\w+$",
    )
    draft.put(place, draft.rng.choice((misspelt(place.word, draft.rng), "chosen_value")))
    draft.mark(rf'(?:"|:){place.word}\b', re.escape(place.path))
    draft.mark(rf"\${place.word}=")


def _moved_target(draft: Draft) -> None:
    place = draft.pick(r'^%run "?\./([\w/]+)')
    _move_notebook(draft, _file_of(draft, place.word))


def _move_notebook(draft: Draft, path: str) -> None:
    stem, ending = posixpath.splitext(posixpath.basename(path))
    name = draft.rng.choice((f"moved/{stem}", f"{stem}_old", f"common/helpers/{stem}"))
    draft.mark(rf"{CALLS}.*[/\"]{stem}\b")
    draft.move(path, f"{draft.area.folder}/{name}{ending}")


def _file_of(draft: Draft, target: str) -> str:
    """The notebook whose path ends like ``target``."""
    stem = target.rpartition("/")[2]
    found = (path for path in draft.python() if posixpath.basename(path).startswith(f"{stem}."))
    return next(found)


def _moved_task(draft: Draft) -> None:
    place = draft.pick(r'notebook_?[pP]ath"?: .*/(\w+)(?:\.\w+)?"?,?$')
    stem = place.word
    _move_notebook(draft, next(p for p in draft.files if f"{draft.area.folder}/{stem}." in p))


def _header_lost(draft: Draft) -> None:
    """The target is a plain file now."""
    place = draft.pick(r'^%run "?\./([\w/]+)')
    path = _file_of(draft, place.word)
    stem = posixpath.splitext(posixpath.basename(path))[0]
    draft.mark(rf"{CALLS}.*[/\"]{stem}\b")
    text = render("x.py", draft.notebook(path)).partition("\n")[2]
    del draft.files[path]
    draft.files[f"{posixpath.splitext(path)[0]}.py"] = re.sub(
        r"(?m)^# (?:MAGIC|COMM).*\n", "", text
    )


def _cycle(draft: Draft) -> None:
    """``utils/dates`` runs one of those that need it."""
    dates = _file_of(draft, "dates")
    callers = ["./tables", "../01_ingest", "../04_quality"]
    target = draft.rng.choice(callers)
    draft.insert(dates, draft.rng.randrange(1, 3), f"%run {target}{MARK}")
    draft.mark(r"%run.*/(?:dates|tables)\b", rf"/tables\.|{target.lstrip('./')}\.")


def _renamed_definition(draft: Draft) -> None:
    place = draft.pick(r"^def (\w+)", r"/(?:00_config|tables|dates)\.\w+$")
    while not draft.places(rf"^(?!def).*\b{place.word}\b", r"/notebooks/|^notebooks/"):
        place = draft.pick(r"^def (\w+)", r"/(?:00_config|tables|dates)\.\w+$")
    draft.put(place, _renamed(place.word, draft), mark=False)
    draft.mark(rf"\b{place.word}\b", "^notebooks/")


def _removed_import(draft: Draft) -> None:
    notebooks = "|".join(map(re.escape, draft.python()))
    place = draft.pick(r"^((?:from [\w.]+ )?import [^\n]+)", rf"^(?:{notebooks})$")
    draft.put(place, "", mark=False)
    draft.mark(rf"^(?!from|import|%|#).*{any_of(bound_names(place.word))}", "^notebooks/")


def _reordered(draft: Draft) -> None:
    """A cell goes below the first that needs it when it runs."""
    choices = []
    for path in draft.python():
        cells = draft.notebook(path).cells
        for start, cell in enumerate(cells):
            needs = rf"^(?![ %]|def|import|from).*{any_of(bound_names(cell))}"
            users = (n for n in range(start + 1, len(cells)) if re.search(needs, cells[n], re.M))
            end = next(users, 0)
            if end:
                choices.append((path, start, end))
    path, start, end = draft.rng.choice(choices)
    cells = draft.notebook(path).cells
    uses = any_of(bound_names(cells[start]))
    passed = tuple(marked(each, uses) for each in cells[start + 1 : end + 1])
    draft.cells(path, (*cells[:start], *passed, cells[start], *cells[end + 1 :]))


def _restart(draft: Draft) -> None:
    """Python restarts below what is needed further on."""
    path = draft.rng.choice([path for path in draft.python() if re.search(_ENTRY, path)])
    cells = draft.notebook(path).cells
    brought = set[str]().union(*(_names_of(draft, each) for each in draft.python() if each != path))
    above = max(number for number, cell in enumerate(cells) if cell.startswith("%run"))
    at = draft.rng.randrange(above + 1, len(cells))
    own = set[str]().union(*(bound_names(cell) for cell in cells[:at]))
    lost = brought | own
    while not any(re.search(any_of(lost), cell) for cell in cells[at:]):
        at -= 1
    restart = draft.rng.choice(("%restart_python", "dbutils.library.restartPython()"))
    below = tuple(marked(cell, any_of(lost)) for cell in cells[at:])
    draft.cells(path, (*cells[:at], restart, *below))


def _names_of(draft: Draft, path: str) -> set[str]:
    return set[str]().union(*map(bound_names, draft.notebook(path).cells))


def _renamed_in_module(draft: Draft) -> None:
    place = draft.pick(r"^def (\w+)", "^src/")
    draft.put(place, _renamed(place.word, draft), mark=False)
    draft.mark(rf"import.*\b{place.word}\b|texts?\.{place.word}\b", "^notebooks/")


def _moved_module(draft: Draft) -> None:
    name = draft.rng.choice(("rules", "text"))
    folder = f"src/{draft.area.package}"
    target = draft.rng.choice((f"common/{name}", f"{name}_of_rows", f"_{name}"))
    draft.move(f"{folder}/{name}.py", f"{folder}/{target}.py")
    package = draft.area.package
    draft.mark(rf"from {package} import {name}|(?:from|import) {package}\.{name}", "^notebooks/")


def _printed_secret(draft: Draft) -> None:
    place = draft.pick(r"^(\w+) = dbutils\.secrets\.get\(")
    name = place.word
    shown = draft.rng.choice(
        (
            f"print({name}){MARK}",
            f'print(f"token: {{{name}}}"){MARK}',
            f"key = {name}\nprint(key[:4]){MARK}",
            f'parts = ["Bearer", {name}]\nprint(parts){MARK}',
            f"dbutils.notebook.exit({name}){MARK}",
        )
    )
    draft.insert(place.path, place.cell + draft.rng.randrange(1, 4), shown)


def _pasted_token(draft: Draft) -> None:
    token = "dapi" + "".join(draft.rng.choice("0123456789abcdef") for _ in range(32))
    path = draft.rng.choice([*draft.python(), f"{draft.area.folder}/02_clean.sql"])
    lines = [
        f"%sql\nSELECT '{token}' AS token{MARK}",
        f"%md\nUse `{token}` by hand{MARK}",
    ]
    if not path.endswith(".sql"):
        lines.append(f'host = "adb-1.azuredatabricks.net"\nkey = "{token}"{MARK}')
    draft.insert(path, 1, draft.rng.choice(lines))


def _no_string(draft: Draft) -> None:
    place = draft.pick(r'widgets\.text\("\w+", ("\w+")|notebook\.run\(.*: ("\d+")')
    draft.put(place, str(draft.rng.randrange(100)))


KINDS = (
    Kind("renamed widget", ("DBX401", "DBX402", "DBX403", "DBX404"), _renamed_widget),
    Kind("misspelt widget read", ("DBX402",), swap(r'dbutils\.widgets\.get\("(\w+)"\)', slip)),
    Kind("misspelt :parameter", ("DBX403",), swap(r"= :(\w+)", slip)),
    Kind("wrong %run parameter", ("DBX401",), swap(r"^%run [^\n]*\$(\w+)=", other)),
    Kind("misspelt %run parameter", ("DBX401",), swap(r"^%run [^\n]*\$(\w+)=", slip)),
    Kind(
        "wrong notebook.run argument",
        ("DBX401",),
        swap(r'notebook\.run\([^\n]*\{"(\w+)"', other),
    ),
    Kind(
        "default outside its choices",
        ("DBX405",),
        swap(r"\.dropdown\(\"\w+\", \"(\w+)\"|DROPDOWN \w+ DEFAULT '(\w+)'", other),
    ),
    Kind("value that is no string", ("DBX406",), _no_string),
    Kind("moved %run target", ("DBX302",), _moved_target),
    Kind("%run target that lost its header", ("DBX303", "DBX423"), _header_lost),
    Kind(
        "%run with extension",
        ("DBX304",),
        swap(r'^%run "?\S*?/(\w+)(?=["\s]|$)', lambda word, _: f"{word}.py"),
    ),
    Kind(
        "%run case mismatch",
        ("DBX305",),
        swap(r'^%run "?\S*?/(\w+)(?=["\s]|$)', lambda word, _: word.title()),
    ),
    Kind("%run cycle", ("DBX306",), _cycle),
    Kind("renamed definition in a %run target", ("F821",), _renamed_definition),
    Kind("misspelt call", ("F821",), swap(r"^[^%\n]*?(?<![.\w]) (\w{5,})\((?=\w)", slip)),
    Kind("removed import", ("F821",), _removed_import),
    Kind("reordered cells", ("DBX321",), _reordered),
    Kind("name lost by a restart", ("DBX322",), _restart),
    Kind("renamed module function", ("DBX331",), _renamed_in_module),
    Kind("moved module", ("DBX330", "DBX331"), _moved_module),
    Kind("printed secret", ("DBX620",), _printed_secret),
    Kind("pasted token", ("DBX601",), _pasted_token),
    Kind("notebook moved away under a task", ("DBX423",), _moved_task),
    *planted_job_kinds.KINDS,
)
