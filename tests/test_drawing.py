"""``--dbx-graph`` through pytest: the project that was gated, drawn into a file."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pytest_dbxgate import drawing
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.reporting.graph import Edge, Node, Picture
from pytest_dbxgate.session import Gate
from support import XDIST, run, source, write

SVG = "{http://www.w3.org/2000/svg}"
BUNDLE = """\
bundle:
  name: retail
resources:
  jobs:
    daily:
      tasks:
        - task_key: load
          notebook_task:
            notebook_path: ./nb/main.py
        - task_key: gone
          notebook_task:
            notebook_path: ./nb/gone.py
"""
FILES: dict[str, str | bytes] = {
    "pyproject.toml": "[tool.pytest.ini_options]\n",
    "databricks.yml": BUNDLE,
    "nb/main.py": source("# MAGIC %run ./setup", "# MAGIC %run ./setpu"),
    "nb/setup.py": source("x = 1\n# DBTITLE 1,Late", "from prices import net"),
    "nb/query.sql": source("-- MAGIC %python\n-- MAGIC print(1)", "SELECT 1", suffix=".sql"),
    "nb/start.py": source('dbutils.notebook.run("./set_up", 60)'),
    "nb/prices.py": "def net(x): ...\n",
    "nb/unused.py": "def gross(x): ...\n",
}


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    write(pytester.path, FILES)
    return pytester


def texts(file: Path) -> set[str]:
    """Every text in an SVG; raises ParseError where it is not well-formed."""
    root = ElementTree.parse(file).getroot()
    assert root.tag == f"{SVG}svg"
    return {(each.text or "").strip() for each in root.iter()}


def picture(root: Path) -> Picture:
    gate = Gate(root)
    outcome = gate.run(gate.select_all())
    return drawing.picture(gate.survey().subject, outcome.findings)


def test_what_is_drawn(tmp_path: Path) -> None:
    write(tmp_path / "retail", FILES)
    drawn = picture(tmp_path / "retail")
    assert drawn.title == "retail"
    assert sorted(drawn.nodes) == [
        Node("databricks.yml", "databricks.yml", "job", "", "", 1, 0),
        Node("databricks.yml -> ./nb/gone.py", "./nb/gone.py", "file", "", "", 1, 0),
        Node("nb/main.py", "main.py", "notebook", "nb", "python", 1, 0),
        Node("nb/main.py -> nb/setpu", "nb/setpu", "file", "", "", 1, 0),
        Node("nb/prices.py", "prices.py", "module", "nb", "", 0, 0),
        Node("nb/query.sql", "query.sql", "notebook", "nb", "sql", 0, 0),
        Node("nb/setup.py", "setup.py", "notebook", "nb", "python", 0, 1),
        Node("nb/start.py", "start.py", "notebook", "nb", "python", 1, 0),
        Node("nb/start.py -> nb/set_up", "nb/set_up", "file", "", "", 1, 0),
    ]
    assert sorted(drawn.edges) == [
        Edge("databricks.yml", "databricks.yml -> ./nb/gone.py", "task", broken=True),
        Edge("databricks.yml", "nb/main.py", "task"),
        Edge("nb/main.py", "nb/main.py -> nb/setpu", "run", broken=True),
        Edge("nb/main.py", "nb/setup.py", "run"),
        Edge("nb/setup.py", "nb/prices.py", "import"),
        Edge("nb/start.py", "nb/start.py -> nb/set_up", "notebook_run", broken=True),
    ]


@XDIST
def test_svg(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    result = run(project, "--dbx-only", "--dbx-graph", "out/project.SVG", *workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    shown = texts(project.path / "out" / "project.SVG")
    assert {"main.py", "setup.py", "query.sql", "prices.py", "databricks.yml"} <= shown
    assert "unused.py" not in shown


@pytest.mark.parametrize("name", ["project.mmd", "project.md"])
def test_mermaid(project: pytest.Pytester, name: str) -> None:
    # The option implies the gate.
    run(project, "--dbx-graph", name)
    lines = (project.path / name).read_text(encoding="utf-8").splitlines()
    if name.endswith(".md"):
        assert lines.pop(0) == "```mermaid"
        assert lines.pop() == "```"
    assert "flowchart LR" in lines
    assert [line for line in lines if "```" in line] == []
    assert any('"main.py<br/>1 error"' in line for line in lines)
    assert any(" ==> " in line for line in lines)


def test_a_warm_run_draws_the_same(project: pytest.Pytester) -> None:
    run(project, "--dbx-only", "--dbx-graph=cold.svg")
    run(project, "--dbx-only", "--dbx-graph=warm.svg")
    cold, warm = ((project.path / f"{name}.svg").read_bytes() for name in ("cold", "warm"))
    assert warm == cold


def test_a_part_of_the_project_is_drawn_with_all_around_it(project: pytest.Pytester) -> None:
    run(project, "--dbx-only", "--dbx-graph=part.svg", "nb/query.sql")
    assert {"main.py", "query.sql", "databricks.yml"} <= texts(project.path / "part.svg")


def test_nothing_is_drawn_where_nothing_runs(project: pytest.Pytester) -> None:
    result = run(project, "--dbx-only", "--dbx-graph=out.svg", "--co", "-q")
    assert result.ret == pytest.ExitCode.OK
    assert not (project.path / "out.svg").exists()


def test_no_notebook_at_all(pytester: pytest.Pytester) -> None:
    run(pytester, "--dbx-gate", "--dbx-graph=out.svg")
    texts(pytester.path / "out.svg")


HOSTILE = ["</text><script>1</script>&.py", 'a"b];--x`.py', "```.py", "a\x1b[31m##vso[x]\u202e.py"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("name", [*HOSTILE, os.fsdecode(b"\xff.py")])
def test_names_are_text_and_nothing_else(tmp_path: Path, name: str) -> None:
    root = tmp_path / "r"
    gone = name.removesuffix(".py").replace("\x1b", "") + "-gone"
    caller = source(f'# MAGIC %run "./{gone}"').encode("utf-8", "replace")
    write(root, {f"nb{name}": source("x = 1"), "caller.py": caller})
    gate = Gate(root)
    findings = gate.run(gate.select_all()).findings
    for ending in (".svg", ".mmd", ".md"):
        drawing.write(tmp_path / f"out{ending}", gate.survey().subject, findings)
    tags = {each.tag for each in ElementTree.parse(tmp_path / "out.svg").iter()}
    assert not {tag for tag in tags if "script" in str(tag)}
    for ending in (".svg", ".mmd", ".md"):
        text = (tmp_path / f"out{ending}").read_text(encoding="utf-8")
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "<script" not in text
    text = (tmp_path / "out.md").read_text(encoding="utf-8")
    assert text.count("```") == 2
    assert text.startswith("```mermaid\n")
    assert text.endswith("\n```\n")


@pytest.mark.parametrize("name", ["out.png", "out", "svg"])
def test_a_wrong_ending_is_a_usage_error(project: pytest.Pytester, name: str) -> None:
    result = run(project, "--dbx-only", "--dbx-graph", name)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: --dbx-graph {name}: name a file that ends in .svg, .mmd, .md"]
    )
    assert not (project.path / name).exists()


def test_a_file_that_cannot_be_written(project: pytest.Pytester) -> None:
    write(project.path, {"taken": "a file, not a folder"})
    result = run(project, "--dbx-only", "--dbx-graph=taken/out.svg", "nb/query.sql")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["--dbx-graph *out.svg: cannot be written*"])
    gate = Gate(project.path)
    with pytest.raises(ConfigurationError, match=r"--dbx-graph .*cannot be written"):
        drawing.write(project.path / "taken" / "out.svg", gate.survey().subject, [])
