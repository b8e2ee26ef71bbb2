"""What a secret scope returned, followed to what shows it."""

from __future__ import annotations

import pytest

from pytest_dbxgate.checks.secrets.check import check
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.settings import Settings
from support import source

GET = 'dbutils.secrets.get("a", "b")'


def leaks(*cells: str, suffix: str = ".py") -> list[tuple[int | None, int | None, str]]:
    (notebook,) = formats.parse("a" + suffix, source(*cells, suffix=suffix).encode())
    return [
        (finding.cell, finding.cell_line, finding.message.split("`")[1])
        for finding in check(notebook, Settings())
        if finding.code == "DBX620"
    ]


SHOWN = [
    f"print({GET})",
    f"x = {GET}\nprint(x)",
    f"x = {GET}\ny = x\nprint('is', y)",
    f"x = {GET}\nprint(f'is {{x}}')",
    f"x = {GET}\nprint('is ' + x)",
    f"x = {GET}\nprint('is %s' % x)",
    f"x = {GET}\nprint('is %s %s' % (1, x))",
    f"x = {GET}\nprint('is {{}}'.format(x))",
    f"x = {GET}\nprint(x.upper())",
    f"x = {GET}\nprint(' '.join(x))",
    f"x = {GET}\nprint(' '.join(c for c in x))",
    f"x = {GET}\nprint([c for c in x])",
    f"x = {GET}\nfor c in x:\n    print(c)",
    f"x = {GET}\nprint(x[::-1])",
    f"x = {GET}\nprint([x])",
    f"x = {GET}\nprint({{'a': x}})",
    f"x = {GET}\ny = ['a', x]\nprint(y)",
    f"x = {{'a': 1, 'b': {GET}}}\nprint(x)",
    f"x = {GET}\nprint(str(x))",
    f"x = {GET}\nprint(base64.b64encode(x.encode()))",
    f"x, y = 1, {GET}\nprint(y)",
    f"x = y = {GET}\nprint(x)",
    f"x: str = {GET}\nprint(x)",
    f"x = ''\nx += {GET}\nprint(x)",
    f"if (x := {GET}):\n    print(x)",
    f"if a:\n    x = {GET}\nelse:\n    x = 1\nprint(x)",
    f"try:\n    x = {GET}\nexcept E:\n    x = None\nprint(x)",
    f"def f():\n    print({GET})",
    f"def f():\n    return {GET}\nprint(f())",
    "f = lambda key: dbutils.secrets.get('a', key)\nprint(f('b'))",
    f"url = f'jdbc:x;password={{{GET}}}'\nprint(url)",
    f"x = {GET} or 'a'\nprint(x)",
    f"x = {GET}\nprint(dbutils.secrets.getBytes('a', 'b'))",
    f"%time\nx = {GET}\nprint(x)",
    f"%pip list\nx = {GET}\nprint(x)",
]
HIDDEN = [
    f"x = {{'a': 1, 'b': {GET}}}\nprint(x['a'])",
    f"x = [{GET}]\nx = [1]\nprint(x)",
    f"x = {GET}\nprint(len(x))",
    f"x = {GET}\nprint(x is None, x == 'a', bool(x))",
    f"x = {GET}\nprint(x.startswith('a'))",
    f"x = {GET}\nx = 1\nprint(x)",
    f"x = {GET}\ndel x\nprint(x)",
    f"x = {GET}\nconnect(password=x)",
    f"x = {GET}\nc = connect(x)\nprint(c)",
    f"x = {GET}\nspark.conf.set('a', x)\nprint('done')",
    f"df = spark.read.option('password', {GET}).load()\ndisplay(df)",
    f"x = {GET}\ndef f(x):\n    print(x)",
    f"x = {GET}\nfor x in y:\n    print(x)",
    f"x = {GET}\nwith open(y) as x:\n    print(x)",
    f"x = {GET}\nimport x\nprint(x)",
    f"x = {GET}\nif a:\n    x = 1\nelse:\n    x = 2\nprint(x)",
    f"config = {{'a': {GET}, 'host': 1}}\nprint(config['host'])",
    f"x = {GET}\nprint(x, file=f)",
    f"x = {GET}\nmath.log(x)",
    "print(dbutils.secrets.list('a'))",
    "# secrets.get\nprint(spark.conf.get('a'))",
    f"x = {GET}\nprint(",
]


@pytest.mark.parametrize("code", SHOWN)
def test_is_shown(code: str) -> None:
    assert [by for _, _, by in leaks(code)] == ["print"]


@pytest.mark.parametrize("code", HIDDEN)
def test_is_not_shown(code: str) -> None:
    assert leaks(code) == []


@pytest.mark.parametrize(
    ("call", "by"),
    [
        ("display(x)", "display"),
        ("displayHTML(f'<b>{x}</b>')", "displayHTML"),
        ("dbutils.notebook.exit(x)", "dbutils.notebook.exit"),
        ("logging.info('is %s', x)", "logging.info"),
        ("logger.warning(x)", "logger.warning"),
        ("self.log.error(x)", "log.error"),
        ("sys.stdout.write(x)", "sys.stdout.write"),
    ],
)
def test_what_shows(call: str, by: str) -> None:
    assert leaks(f"x = {GET}\n{call}") == [(1, 2, by)]


def test_across_cells_in_order() -> None:
    cells = [
        "print(x)",
        f"x = {GET}",
        "# MAGIC %sql\n# MAGIC SELECT 1",
        "print(x)",
        "x = 1",
        "print(x)",
    ]
    assert leaks(*cells) == [(4, 1, "print")]


def test_the_place_is_that_of_the_call() -> None:
    text = source(f"x = {GET}", "é = 1; print(x)")
    (notebook,) = formats.parse("a.py", text.encode())
    (finding,) = check(notebook, Settings())
    assert (finding.cell, finding.cell_line, finding.cell_column) == (2, 1, 8)
    assert finding.message == "`print` shows what `dbutils.secrets.get` returned"


SCALA_GET = 'dbutils.secrets.get(scope = "a", key = "b")'


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (f"println({SCALA_GET})", [1]),
        (f"val x = {SCALA_GET}\nprintln(x)", [2]),
        (f'val x = {SCALA_GET}\nprintln(s"is $x")', [2]),
        (f'val x = {SCALA_GET}\nprintln(s"is ${{x.reverse}}")', [2]),
        (f'val x = {SCALA_GET}\nval y = "is " + x\ndisplayHTML(y)', [3]),
        (f"val x: String = {SCALA_GET}\ndbutils.notebook.exit(x)", [2]),
        (f"val x = {SCALA_GET}\nprintln(x.length)", []),
        (f"val x = {SCALA_GET}\nprintln({SCALA_GET}.length)", []),
        (f'val x = {SCALA_GET}\nprintln("x")', []),
        (f"val x = {SCALA_GET}\nval y = connect(x)\nprintln(y)", []),
        (f"var x = {SCALA_GET}\nvar x = 1\nprintln(x)", []),
        (f"// println({SCALA_GET})", []),
    ],
)
def test_scala(code: str, expected: list[int]) -> None:
    assert [line for _, line, _ in leaks(code, suffix=".scala")] == expected
