"""Lint, layout and safe fixes of Python cells."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from pytest_dbxgate.checks.python import ruff, ruff_fixes
from pytest_dbxgate.checks.python import style as python_style
from pytest_dbxgate.checks.python.default_rules import DEFAULT_RULES, configuration
from pytest_dbxgate.checks.python.ruff_bench import Page
from pytest_dbxgate.checks.python.style import StyleResult
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.notebook.magics import split_cell
from pytest_dbxgate.notebook.model import Cell, Format, Language, Notebook, NotebookKey
from pytest_dbxgate.settings import Settings

PLAIN = Settings()
DOCS = Path(__file__).parent.parent / "docs"


def notebook(
    *sources: str,
    path: str = "a.py",
    language: Language = Language.PYTHON,
    kind: Format = Format.SOURCE,
) -> Notebook:
    cells = []
    for number, source in enumerate(sources, start=1):
        found = split_cell(source, language)
        cells.append(
            Cell(number, found.language, source, found.code, found.code_line, found.code_column)
        )
    return Notebook(path, kind, language, tuple(cells), b"", "")


def check(
    root: Path,
    *notebooks: Notebook,
    broken: Sequence[int] = (),
    lint: bool = True,
    format: bool = False,
    settings: Settings = PLAIN,
) -> StyleResult:
    return python_style.check(
        notebooks,
        lambda key: settings,
        root=root,
        sources=(),
        broken=frozenset((item.key, number) for item in notebooks for number in broken),
        lint=lint,
        format=format,
    )


def lint(
    root: Path, *sources: str, broken: Sequence[int] = (), settings: Settings = PLAIN
) -> list[tuple[int | None, str, int | None, int | None]]:
    found = check(root, notebook(*sources), broken=broken, settings=settings).findings
    return sorted((item.cell, item.code, item.cell_line, item.cell_column) for item in found)


def formatted(root: Path, *sources: str, broken: Sequence[int] = ()) -> Mapping[int, str]:
    result = check(root, notebook(*sources), broken=broken, lint=False, format=True)
    changes = result.formatted.get(NotebookKey("a.py"), {})
    assert sorted(changes) == [item.cell for item in result.findings]
    return changes


def fixed(root: Path, *sources: str, lint: bool = True, format: bool = False) -> Mapping[int, str]:
    item = notebook(*sources)
    keys = frozenset([item.key])
    changes = python_style.fixes(
        [item],
        lambda key: Settings(),
        root=root,
        sources=(),
        broken=frozenset(),
        lint=keys if lint else frozenset(),
        format=keys if format else frozenset(),
    )
    return changes.get(item.key, {})


def configure(root: Path, *codes: str, more: str = "") -> None:
    listed = ", ".join(f'"{code}"' for code in codes)
    (root / "ruff.toml").write_text(f"{more}[lint]\nselect = [{listed}]\n", encoding="utf-8")


BAD = {
    "F501": "'%(x' % {'x': 1}",
    "F502": "'%(x)s' % (1,)",
    "F503": "'%s %s' % {'x': 1}",
    "F505": "'%(x)s' % {'y': 1}",
    "F506": "'%s %(x)s' % {'x': 1}",
    "F507": "'%s %s' % (1,)",
    "F508": "'%(x)*s' % {'x': 1}",
    "F509": "'%j' % 1",
    "F521": "'{'.format(1)",
    "F524": "'{} {}'.format(1)",
    "F525": "'{} {1}'.format(1, 2)",
    "F631": "assert (1, 'message')",
    "F632": "1 is 2",
    "F633": "import sys\nprint >> sys.stderr, 'x'",
    "F634": "if (1, 2):\n    pass",
    "F822": "__all__ = ['nothing_here']",
    "F823": "import time as clock\ndef f():\n    clock.time()\n    clock = 1",
    "F901": "raise NotImplemented",
    "PLE0101": "class A:\n    def __init__(self):\n        return 1",
    "PLE0237": "class A:\n    __slots__ = ('x',)\n    def __init__(self):\n        self.y = 1",
    "PLE0241": "class B:\n    pass\nclass A(B, B):\n    pass",
    "PLE0302": "class A:\n    def __str__(self, more):\n        return ''",
    "PLE0303": "class A:\n    def __len__(self):\n        return ''",
    "PLE0305": "class A:\n    def __index__(self):\n        return ''",
    "PLE0307": "class A:\n    def __str__(self):\n        return 1",
    "PLE0308": "class A:\n    def __bytes__(self):\n        return 1",
    "PLE0309": "class A:\n    def __hash__(self):\n        return ''",
    "PLE0604": "__all__ = [1]",
    "PLE0605": "__all__ = 'x'",
    "PLE0643": "[1, 2][5]",
    "PLE0704": "def f():\n    raise",
    "PLE1132": "dict(a=1, **{'a': 2})",
    "PLE1205": "import logging\nlogging.info('%s', 1, 2)",
    "PLE1206": "import logging\nlogging.info('%s %s', 1)",
    "PLE1300": "'{:y}'.format(1)",
    "PLE1307": "'%d' % 'x'",
    "PLE1507": "import os\nos.getenv(1)",
    "PLE1519": (
        "import functools\nclass A:\n    @functools.singledispatch\n"
        "    def f(self, x):\n        pass"
    ),
    "PLE1520": "import functools\n@functools.singledispatchmethod\ndef f(x):\n    pass",
    "PLE2502": "x = '\u202e'",
    "B002": "n = 1\n++n",
    "B016": "raise 1",
    "B020": "x = [1]\nfor x in x:\n    pass",
    "B029": "try:\n    pass\nexcept ():\n    pass",
    "B030": "try:\n    pass\nexcept 1:\n    pass",
    "B031": (
        "import itertools\nfor key, group in itertools.groupby([1]):\n"
        "    for n in range(2):\n        list(group)"
    ),
    "B032": "d = {}\nd['x']: 1",
    "B035": "{'x': n for n in range(3)}",
    "PLW0133": "ValueError('x')",
    "PLW0245": "class A:\n    def f(self):\n        return super.f()",
    "PLW0711": "try:\n    pass\nexcept ValueError or KeyError:\n    pass",
    "RUF016": "[1, 2]['x']",
    "T100": "breakpoint()",
}


def test_every_default_rule_finds_its_example(tmp_path: Path) -> None:
    assert list(BAD) == list(DEFAULT_RULES)
    notebooks = [notebook(source, path=f"{code}.py") for code, source in BAD.items()]
    found = check(tmp_path, *notebooks).findings
    silent = [code for code in BAD if (f"{code}.py", code) not in {(f.path, f.code) for f in found}]
    assert silent == []


def test_default_rules_leave_the_style_of_a_notebook_alone(tmp_path: Path) -> None:
    assert (
        lint(
            tmp_path,
            "import os, sys\nfrom pyspark.sql.functions import *",
            "df = spark.table('x'); display(df)",
            "df.filter(col('a') == None)\ndf",
            "import os\n\n\ndef f(x=[]):\n    try:\n        unused = 1\n    except:\n        pass",
            "'" + "long " * 40 + "'",
            "l = lambda: 1\nl == True\n'\\d'\nf'nothing'",
            "from __future__ import annotations",
        )
        == []
    )


def test_default_rules_are_documented() -> None:
    text = (DOCS / "default-rules.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| \[`(\w+)`\]\([^)]+\) \| (.+) \|$", text, re.MULTILINE))
    assert rows == dict(DEFAULT_RULES)


def test_default_rules_link_to_the_page_of_their_own_rule() -> None:
    text = (DOCS / "default-rules.md").read_text(encoding="utf-8")
    linked = re.findall(
        r"^\| \[`(\w+)`\]\(https://docs\.astral\.sh/ruff/rules/([\w-]+)/\)", text, re.M
    )
    for code, name in linked[:: len(linked) // 4]:
        done = subprocess.run(
            [ruff.find(), "rule", code], capture_output=True, check=True, encoding="utf-8"
        )
        assert done.stdout.startswith(f"# {name} ({code})")
    assert len(linked) == len(DEFAULT_RULES)


def test_default_configuration_lists_exactly_the_default_rules() -> None:
    assert re.findall(r'"(\w+\d+)"', configuration())[1:] == list(DEFAULT_RULES)


def test_globals_of_databricks_and_of_the_project_are_known(tmp_path: Path) -> None:
    names = (
        "(spark, sc, sqlContext, sql, table, udf, dbutils, display, displayHTML)",
        "(getArgument, _sqldf, get_ipython, In, Out, _, __, ___)",
    )
    configure(tmp_path, "F405")
    star = "from x import *"
    assert lint(tmp_path, star, *names) == []
    assert lint(tmp_path, star, "house_global") == [(2, "F405", 1, 1)]
    house = Settings(globals=("house_global",))
    assert lint(tmp_path, star, "house_global", settings=house) == []


def test_globals_are_known_whatever_the_user_selects(tmp_path: Path) -> None:
    configure(tmp_path, "F", more='builtins = ["own"]\n')
    found = lint(tmp_path, "from x import *", "spark.sql(own)", "other")
    assert found == [(1, "F403", 1, 1), (3, "F405", 1, 1)]


def test_names_of_magics_and_of_broken_cells_may_exist(tmp_path: Path) -> None:
    configure(tmp_path, "F405")
    assert (
        lint(
            tmp_path,
            "from x import *",
            "%%capture printed\nx = 1",
            "%time timed = f_of(x)",
            "import broken_import as pd\n(",
            "printed, timed, pd",
            broken=[4],
        )
        == []
    )
    assert lint(tmp_path, "from x import *", "timed") == [(2, "F405", 1, 1)]


def test_broken_cell_does_not_silence_the_others(tmp_path: Path) -> None:
    sources = ("1 is 2", "x = (", "1 is 2", "%sql\nSELECT", "1 is 2")
    assert lint(tmp_path, *sources, broken=[2]) == [
        (1, "F632", 1, 1),
        (3, "F632", 1, 1),
        (5, "F632", 1, 1),
    ]


def test_undefined_names_are_not_for_one_notebook_to_tell(tmp_path: Path) -> None:
    configure(tmp_path, "F821", "F632")
    assert lint(tmp_path, "missing", "1 is missing") == [(2, "F632", 1, 1)]


def test_places_are_those_of_the_cell(tmp_path: Path) -> None:
    found = lint(
        tmp_path,
        "  x = 1\n  1 is 2",
        "%%time\n\n1 is 2",
        "run (1 is 2)",
        "%python  1 is 2",
        "'''\n%%sql\n'''\n1 is 2",
        "'😀'; 1 is 2",
    )
    assert found == [
        (1, "F632", 2, 3),
        (2, "F632", 3, 1),
        (3, "F632", 1, 6),
        (4, "F632", 1, 10),
        (5, "F632", 4, 1),
        (6, "F632", 1, 6),
    ]


def test_place_of_another_cell_in_a_message(tmp_path: Path) -> None:
    configure(tmp_path, "F811")
    found = check(tmp_path, notebook("%%time\nimport os", "%python\nimport os\nos")).findings
    assert [item.message for item in found] == [
        "Redefinition of unused `os` from cell 1, line 2: `os` redefined here"
    ]


def test_finding_tells_what_ruff_would_do(tmp_path: Path) -> None:
    configure(tmp_path, "F401", "B016")
    fixable, plain = check(tmp_path, notebook("import os", "raise 1")).findings
    assert (fixable.check, fixable.severity) == (Check.LINT, Severity.ERROR)
    assert fixable.hint == "Remove unused import: `os`"
    assert plain.hint == "https://docs.astral.sh/ruff/rules/raise-literal"
    assert (fixable.cell_end_line, fixable.cell_end_column) == (1, 10)


def test_noqa_is_obeyed_and_not_called_unused_for_what_notebooks_never_raise(
    tmp_path: Path,
) -> None:
    configure(tmp_path, "F", "E", "RUF100")
    assert lint(
        tmp_path,
        "missing  # noqa: F821",
        "import os  # noqa: E402, F401",
        "x = 1\nimport sys  # noqa: E402\nsys",
        "%pip install a",
        "import json  # noqa: E402\njson",
        "y = 1  # noqa: E501",
    ) == [(6, "RUF100", 1, 8)]


def test_rules_about_a_modules_place_are_dropped(tmp_path: Path) -> None:
    configure(tmp_path, "INP", "N999", "EXE", "A005")
    item = notebook("#!/bin/sh\nx = 1", path="no package/01-My Book.py")
    assert check(tmp_path, item, notebook("x = 1", path="json.py")).findings == ()


def test_syntax_newer_than_the_users_target_is_told_once_a_cell(tmp_path: Path) -> None:
    configure(tmp_path, "F401", more='target-version = "py38"\n')
    source = "match x:\n    case 1:\n        pass\n"
    found = lint(tmp_path, f"import os\n{source}{source}", source)
    assert found == [
        (1, "F401", 1, 8),
        (1, "invalid-syntax", 2, 1),
        (2, "invalid-syntax", 1, 1),
    ]


def test_many_findings_of_a_cell_are_cut(tmp_path: Path) -> None:
    item = notebook("\n".join(f"1 is {number}" for number in range(5000)), "1 is 2")
    found = check(tmp_path, item).findings
    assert len(found) == 202
    assert [item.message for item in found if "shown" in item.message] == [
        "4,800 more findings in this cell are not shown"
    ]
    assert found[200].cell == 2


def test_notebook_that_aborts_ruff_is_named_and_the_others_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ruff.Ruff._run

    def crash(
        tool: ruff.Ruff, command: Sequence[str], files: Sequence[str], folder: Path
    ) -> ruff.Run | None:
        if any(file.endswith("deep.py") for file in files):
            return None
        return run(tool, command, files, folder)

    monkeypatch.setattr(ruff.Ruff, "_run", crash)
    notebooks = [notebook(f"1 is {number}", path=f"{number}.py") for number in range(5)]
    notebooks.insert(3, notebook("x=1", path="deep.py"))
    found = check(tmp_path, *notebooks, format=True).findings
    assert sorted((item.path, item.code, item.check.value) for item in found) == [
        *((f"{number}.py", "F632", "lint") for number in range(5)),
        ("deep.py", "DBX171", "format"),
        ("deep.py", "DBX171", "lint"),
    ]


def test_nothing_to_do(tmp_path: Path) -> None:
    empty = StyleResult((), {})
    assert check(tmp_path, format=True) == empty
    assert check(tmp_path, notebook("%md x", "", "%sql select"), format=True) == empty
    assert check(tmp_path, notebook("x=1"), lint=False, format=False) == empty


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x=1", "x = 1"),
        ("x = 1\n", "x = 1"),
        ("  x=1\n  y=2", "x = 1\ny = 2"),
        ("sc.stop( )", "sc.stop()"),
        ("run ( 1 )", "run(1)"),
        ("%python\n\nx=1", "%python\n\nx = 1"),
        ("%%time\n\nx=1", "%%time\n\nx = 1"),
        ("# why\n%%capture out\n%%time\nx=1", "# why\n%%capture out\n%%time\nx = 1"),
        ("x=1\n%pip   install  z\ny=2", "x = 1\n%pip   install  z\ny = 2"),
        ("if x :\n  !ls   -l\n  y?", "if x:\n    !ls   -l\n    y?"),
        ("x='''\n%%sql\n'''", 'x = """\n%%sql\n"""'),
        ("x = [1,\n  2 %y]", "x = [1, 2 % y]"),
        ("try: f()\nexcept (A,B): pass", "try:\n    f()\nexcept (A, B):\n    pass"),
    ],
)
def test_layout(tmp_path: Path, source: str, expected: str) -> None:
    assert formatted(tmp_path, "a = 1", source) == {2: expected}
    assert formatted(tmp_path, "a = 1", expected) == {}


@pytest.mark.parametrize(
    "source",
    [
        "pip   install x",
        "%md  x=1",
        "%%bash\nx=1",
        ">>> x=1",
        "x=1\ry=2",
        "# fmt: off\nx=1",
        "%python x=1\ny=2",
        "x = (\n    a\n    %name\n)",
        "",
        "sc",
        "config",
    ],
)
def test_cells_whose_layout_is_left_alone(tmp_path: Path, source: str) -> None:
    assert formatted(tmp_path, source) == {}


def test_broken_cells_and_archives_are_not_laid_out(tmp_path: Path) -> None:
    assert formatted(tmp_path, "x = (", "y=1", broken=[1]) == {2: "y = 1"}
    archive = notebook("x=1", path="a.dbc", kind=Format.DBC)
    assert check(tmp_path, archive, format=True) == StyleResult((), {})


def test_unformatted_cell_is_one_finding_at_its_first_difference(tmp_path: Path) -> None:
    (found,) = check(tmp_path, notebook("x = 1\ny=2\nz=3"), format=True).findings
    assert (found.check, found.code, found.severity) == (Check.FORMAT, "DBX150", Severity.ERROR)
    assert (found.cell, found.cell_line, found.cell_column) == (1, 2, 1)
    assert found.message == "the cell is not formatted"
    assert found.hint == "--dbx-fix formats it"


def test_users_own_layout_is_obeyed(tmp_path: Path) -> None:
    (tmp_path / "ruff.toml").write_text(
        'exclude = ["left.py"]\n[format]\nquote-style = "single"\n', encoding="utf-8"
    )
    result = check(
        tmp_path,
        notebook('x="a"'),
        notebook('x="a"', path="left.py"),
        lint=False,
        format=True,
    )
    assert result.formatted == {NotebookKey("a.py"): {1: "x = 'a'"}}


def test_layout_of_python_in_a_notebook_of_another_language(tmp_path: Path) -> None:
    item = notebook("SELECT  1", "%python\nx=1", path="q.sql", language=Language.SQL)
    result = check(tmp_path, item, lint=False, format=True)
    assert result.formatted == {item.key: {2: "%python\nx = 1"}}


def test_safe_fixes_then_layout(tmp_path: Path) -> None:
    configure(tmp_path, "E714", "I")
    sources = ("import sys\nimport os", "x = not a is  b", "y = 1", "z=1")
    assert fixed(tmp_path, *sources) == {
        1: "import os\nimport sys",
        2: "x = a is not b",
    }
    assert fixed(tmp_path, *sources, format=True) == {
        1: "import os\nimport sys",
        2: "x = a is not b",
        4: "z = 1",
    }
    assert fixed(tmp_path, *sources, lint=False, format=True) == {
        2: "x = not a is b",
        4: "z = 1",
    }
    assert fixed(tmp_path, *sources, lint=False) == {}


def test_names_that_a_caller_may_need_are_kept(tmp_path: Path) -> None:
    configure(tmp_path, "F")
    assert fixed(tmp_path, "import os\nimport os", "def f():\n    x = 1", "f'none'") == {
        3: "'none'"
    }


def test_unsafe_fixes_are_not_made(tmp_path: Path) -> None:
    configure(tmp_path, "E711", "PLR1722")
    assert fixed(tmp_path, "x == None\nexit()") == {}


def test_imports_stay_in_their_cell_and_on_their_side_of_a_magic(tmp_path: Path) -> None:
    configure(tmp_path, "I")
    sources = ("import sys", "import os", "import sys\n\n%pip install z\nimport os")
    assert fixed(tmp_path, *sources) == {}
    assert fixed(tmp_path, "import os\nimport io\n%pip install z\nimport sys\nimport re") == {
        1: "import io\nimport os\n\n%pip install z\nimport re\nimport sys"
    }


def test_fix_that_reaches_into_another_cell_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "ruff.toml").write_text(
        'target-version = "py38"\n[lint]\nselect = ["FA102", "PLR1722", "E714"]\n'
        'extend-safe-fixes = ["FA102", "PLR1722"]\n',
        encoding="utf-8",
    )
    # ruff would import sys, or annotations from the future, in the first cell.
    sources = ("import os\nos.name", "x = not a is b\nexit()", "def f(x: list[int]):\n    pass")
    assert fixed(tmp_path, *sources) == {2: "x = a is not b\nexit()"}
    assert fixed(tmp_path, "x = 1", "import re\n\nexit()") == {
        2: "import re\nimport sys\n\nsys.exit()"
    }


def test_required_import_is_not_put_into_a_cell_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "ruff.toml").write_text(
        '[lint]\nselect = ["I002"]\nisort.required-imports = ["import os"]\n', encoding="utf-8"
    )
    assert fixed(tmp_path, "%md title", "x = 1") == {}


def test_fixes_keep_what_stands_around_the_code(tmp_path: Path) -> None:
    configure(tmp_path, "E714", "W291", "UP")
    assert fixed(
        tmp_path,
        "%python\n\nx = not a is b",
        "%%time\nx = not a is b",
        "sc  \nx = not a is b\n",
        "'''\n%%sql\n'''\nx = not a is b",
        "%python x = not a is b",
        "%time  x\nx = not a is b",
        "x = not a is b\r",
    ) == {
        1: "%python\n\nx = a is not b",
        2: "%%time\nx = a is not b",
        3: "sc\nx = a is not b\n",
        4: "'''\n%%sql\n'''\nx = a is not b",
        6: "%time  x\nx = a is not b",
    }


def test_unused_noqa_of_what_notebooks_never_raise_is_kept(tmp_path: Path) -> None:
    configure(tmp_path, "RUF100", "E")
    assert fixed(
        tmp_path,
        "import a  # noqa: E402",
        "import b  # noqa: E402, E711",
        "import c  # noqa: E711",
        "missing()  # noqa: F821",
    ) == {3: "import c"}


def test_fixes_go_on_until_nothing_is_left(tmp_path: Path) -> None:
    configure(tmp_path, "UP", "I", more='target-version = "py310"\n')
    assert fixed(
        tmp_path, "from typing import Optional, Dict\nx: Optional[Dict[str, int]] = {}"
    ) == {1: "from typing import Dict, Optional\n\nx: dict[str, int] | None = {}"}


def test_fixes_that_break_a_cell_are_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, "E714")
    real = ruff_fixes._fixed

    def broken(page: Page, fixes: Sequence[ruff_fixes._Fix]) -> dict[int, str]:
        return {
            number: text if number == 2 else "x = (" for number, text in real(page, fixes).items()
        }

    monkeypatch.setattr(ruff_fixes, "_fixed", broken)
    assert fixed(tmp_path, "x = not a is b", "x = not a is b", format=True) == {2: "x = a is not b"}


def test_fixes_leave_archives_alone(tmp_path: Path) -> None:
    configure(tmp_path, "E714")
    item = notebook("x = not a is b", path="a.dbc", kind=Format.DBC)
    keys = frozenset([item.key])
    changes = python_style.fixes(
        [item],
        lambda key: PLAIN,
        root=tmp_path,
        sources=(),
        broken=frozenset(),
        lint=keys,
        format=keys,
    )
    assert changes == {}
