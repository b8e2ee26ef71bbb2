"""What a cell binds, and what it does that nobody sees."""

from __future__ import annotations

import pytest

from pytest_dbxgate.checks.references.bindings import bound_at, function_of, may_run_later
from pytest_dbxgate.checks.references.opaque import binds_unseen, restart


@pytest.mark.parametrize(
    "text",
    [
        "x = 1",
        "a = x = 1",
        "a, (b, *x) = c",
        "x: int = 1",
        "x += 1",
        "import x",
        "import x.y",
        "import y as x",
        "from y import x",
        "from y import z as x",
        "def x(): ...",
        "async def x(): ...",
        "class x: ...",
        "for x in y: ...",
        "with y as x: ...",
        "if y:\n    pass\nelse:\n    x = 1",
        "try:\n    pass\nexcept E:\n    x = 1",
        "match y:\n    case {'a': x}: ...",
        "match y:\n    case [*x]: ...",
        "match y:\n    case {**x}: ...",
        "print(x := 1)",
        "def f():\n    global x\n    x = 1",
    ],
)
def test_bound(text: str) -> None:
    assert bound_at(text, "x") > 0


@pytest.mark.parametrize(
    "text",
    [
        "print(x)",
        "x.y = 1",
        "x[0] = 1",
        "x: int",
        "[x for x in y]",
        "def f(x):\n    x = 1",
        "class C:\n    x = 1",
        "import y.x",
        "'x = 1'",
        "x = (",
    ],
)
def test_not_bound(text: str) -> None:
    assert bound_at(text, "x") == 0


def test_the_first_line_counts() -> None:
    assert bound_at("%pip install x\n\nx = 1\nx = 2", "x") == 3


def test_functions() -> None:
    text = "class C:\n  def __init__(self):\n    a\n  def m(self):\n    b\ndef f():\n  c\nd"
    names = [function_of(text, line) for line in (3, 5, 7)]
    assert [(each.name, each.is_method) for each in names if each] == [
        ("C", False),
        ("m", True),
        ("f", False),
    ]
    assert function_of(text, 8) is None
    assert may_run_later(text, 3)
    assert not may_run_later(text, 8)
    assert may_run_later("f = lambda: x", 1)
    assert may_run_later("f = (", 1)


@pytest.mark.parametrize(
    "text",
    [
        "exec('x')",
        "globals()[name] = 1",
        "locals()['x'] = 1",
        "vars()['x'] = 1",
        "fill(globals())",
        "get_ipython().run_cell('x')",
        "get_ipython().user_ns['x'] = 1",
        "get_ipython().run_line_magic(name, '')",
        "setattr(builtins, 'x', 1)",
        "sys.modules[__name__].x = 1",
        "import __main__",
        "%pylab inline",
        "%store -r x",
        "exec(",
    ],
)
def test_binds_unseen(text: str) -> None:
    assert binds_unseen(text)


@pytest.mark.parametrize(
    "text",
    [
        "executor.exec('x')",
        "'x' not in globals()",
        "globals()['x']",
        "for name in globals(): ...",
        "print(locals())",
        "'%(x)s' % locals()",
        "eval('x', globals())",
        "vars(namespace)",
        "get_ipython().kernel",
        "builtins.print(1)",
        "%load_ext sql",
    ],
)
def test_binds_nothing_unseen(text: str) -> None:
    assert not binds_unseen(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%restart_python", False),
        ("%pip install x\n%restart_python\n# done", False),
        ("dbutils.library.restartPython()", False),
        ("dbutils.library.restartPython()\nimport x", True),
        ("dbutils.library.restartPython()\nx = 1\n%restart_python", False),
        ("%pip install x", None),
        ("# %restart_python", None),
        ("x = '''\n%restart_python\n'''", None),
        ("if x:\n    %restart_python", None),
        ("restart = (", None),
    ],
)
def test_restart(text: str, expected: bool | None) -> None:
    assert restart(text) is expected
