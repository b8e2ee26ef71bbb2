from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project import graph as graphs
from pytest_dbxgate.project.circles import circles
from pytest_dbxgate.project.facts import Import, NotebookFacts, NotebookRun, Run, RunProblem, Spot
from pytest_dbxgate.project.graph import Edge, EdgeKind, Graph
from pytest_dbxgate.project.jobs.model import NotebookTask
from pytest_dbxgate.project.modules import Modules
from pytest_dbxgate.project.project import Project
from pytest_dbxgate.project.resolving import Resolver
from pytest_dbxgate.settings import Settings

HERE = Spot(1, 1, 6)


class FakeModules(Modules):
    """Notebooks import what the test says, modules each other."""

    def __init__(self, inner: Mapping[str, Iterable[str]]) -> None:
        super().__init__(Path(), ())
        self._inner = inner

    def edges(self, facts: NotebookFacts, settings: Settings) -> Iterator[tuple[str, Spot]]:
        for item in facts.imports:
            yield f"{item.module}.py", item.spot

    def imported_by(self, path: str) -> Iterator[str]:
        yield from self._inner.get(path, ())


def key(name: str) -> NotebookKey:
    return NotebookKey(f"{name}.py")


def project(
    runs: Mapping[str, Iterable[str]],
    *,
    calls: Mapping[str, Iterable[str | None]] | None = None,
    imports: Mapping[str, Iterable[str]] | None = None,
    modules: Mapping[str, Iterable[str]] | None = None,
    tasks: Iterable[tuple[str, str | None]] = (),
) -> Project:
    notebooks = {
        key(name): NotebookFacts(
            key(name),
            "",
            runs=tuple(Run(target, HERE) for target in targets),
            notebook_runs=tuple(NotebookRun(each, HERE) for each in (calls or {}).get(name, ())),
            imports=tuple(Import(each, HERE) for each in (imports or {}).get(name, ())),
        )
        for name, targets in runs.items()
    }
    return Project(
        notebooks,
        frozenset(),
        lambda each: Settings(),
        FakeModules(modules or {}),
        tuple(
            NotebookTask(file, "job", "task", name, key(name) if name else None, (), HERE)
            for file, name in tasks
        ),
    )


def edges(subject: Project) -> tuple[Edge, ...]:
    return graphs.edges(subject, Resolver(subject.notebooks, (), subject.settings))


def shown(subject: Project) -> list[str]:
    return [f"{item.source.path} {item.kind.value} {item.target.path}" for item in edges(subject)]


def names(keys: Iterable[NotebookKey]) -> str:
    return " ".join(sorted(each.path.removesuffix(".py") for each in keys))


def chain(*pairs: str, kind: EdgeKind = EdgeKind.RUN) -> Graph:
    """``chain("ab", "bc")``: a runs b, b runs c."""
    return Graph(Edge(key(a), key(b), kind, HERE) for a, b in pairs)


class TestEdges:
    def test_of_all_kinds(self) -> None:
        subject = project(
            {"a": ["./b"], "b": [], "c": []},
            calls={"a": ["c", None]},
            imports={"c": ["m"]},
            modules={"m.py": ["n.py", "m.py"], "n.py": ["m.py"]},
            tasks=[("job.yml", "a"), ("job.yml", None)],
        )
        assert shown(subject) == [
            "a.py run b.py",
            "a.py notebook run c.py",
            "c.py import m.py",
            "m.py import n.py",
            "m.py import m.py",
            "n.py import m.py",
            "job.yml task a.py",
        ]

    def test_only_to_what_is_there(self) -> None:
        assert shown(project({"a": ["./x", "/b", ""]}, calls={"a": ["x"]})) == []

    def test_a_wrong_case_or_ending_still_tells_whom(self) -> None:
        assert shown(project({"a": ["./B", "./b.py"], "b": []})) == ["a.py run b.py"] * 2

    def test_a_target_that_is_no_path(self) -> None:
        subject = project({"$b": []})
        facts = NotebookFacts(key("a"), "", (Run("$b", HERE, (), RunProblem.NO_PATH),))
        more = replace(subject, notebooks={**subject.notebooks, key("a"): facts})
        assert edges(more) == ()

    def test_a_call_is_relative_to_whoever_brought_the_notebook_in(self) -> None:
        subject = project(
            {"main": ["./lib/setup"], "lib/setup": [], "load": []},
            calls={"lib/setup": ["./load"]},
        )
        assert shown(subject) == ["main.py run lib/setup.py", "lib/setup.py notebook run load.py"]


class TestGraph:
    def test_both_ends(self) -> None:
        graph = chain("ab", "ac", "bc")
        assert [each.target for each in graph.targets(key("a"))] == [key("b"), key("c")]
        assert [each.source for each in graph.callers(key("c"))] == [key("a"), key("b")]
        assert graph.targets(key("a"), EdgeKind.IMPORT) == ()
        assert graph.callers(key("x")) == ()

    def test_an_edge_counts_once(self) -> None:
        assert len(chain("ab", "ab").edges) == 1

    def test_closure_follows_runs_only(self) -> None:
        graph = Graph([*chain("ab", "bc").edges, *chain("cd", kind=EdgeKind.NOTEBOOK_RUN).edges])
        assert names(graph.closure([key("a")])) == "a b c"
        assert names(graph.running(key("c"))) == "a b c"
        assert names(graph.running(key("d"))) == "d"

    def test_affected_goes_backwards_over_all_kinds(self) -> None:
        graph = Graph(
            [
                *chain("ab", "xb").edges,
                *chain("bc", kind=EdgeKind.NOTEBOOK_RUN).edges,
                *chain("cm", kind=EdgeKind.IMPORT).edges,
                *chain("ja", kind=EdgeKind.TASK).edges,
            ]
        )
        assert names(graph.affected([key("m")])) == "a b c j m x"
        assert names(graph.affected([key("a")])) == "a j"

    def test_a_changed_job_affects_what_it_runs(self) -> None:
        graph = Graph([*chain("ja", "jb", kind=EdgeKind.TASK).edges, *chain("ac").edges])
        assert names(graph.affected([key("j")])) == "a b c j"
        assert names(graph.affected([key("b")])) == "b j"

    def test_5000_deep(self) -> None:
        nodes = [NotebookKey(str(number)) for number in range(5001)]
        pairs = list(pairwise(nodes))
        graph = Graph(Edge(a, b, EdgeKind.RUN, HERE) for a, b in pairs)
        assert len(graph.closure(nodes[:1])) == 5001
        assert len(graph.affected(nodes[-1:])) == 5001
        assert graph.cycles() == ()
        round_trip = Graph([*graph.edges, Edge(nodes[-1], nodes[0], EdgeKind.RUN, HERE)])
        assert [len(cycle) for cycle in round_trip.cycles()] == [5001]


class TestCycles:
    @pytest.mark.parametrize(
        ("pairs", "cycles"),
        [
            ("ab", []),
            ("ab ba", ["ab"]),
            ("ba ab", ["ab"]),
            ("aa", []),
            ("aa ab ba", ["ab"]),
            ("cb bd dc", ["bdc"]),
            ("ab bc ca ba", ["ab"]),
            ("ab ba cd dc bc", ["ab", "cd"]),
            ("xa ab bc cb", ["bc"]),
        ],
    )
    def test_each_component_once(self, pairs: str, cycles: list[str]) -> None:
        found = chain(*pairs.split()).cycles()
        assert [names_in_order(cycle) for cycle in found] == cycles

    def test_of_runs_only(self) -> None:
        assert chain("ab", "ba", kind=EdgeKind.NOTEBOOK_RUN).cycles() == ()

    @given(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=25))
    def test_like_a_slow_search(self, pairs: set[tuple[int, int]]) -> None:
        following = {node: sorted(b for a, b in pairs if a == node) for node in range(8)}
        reach = {node: _reach(following, node) for node in following}
        components = {
            frozenset(b for b in following if b in reach[a] and a in reach[b]) | {a}
            for a in following
        }
        expected = sorted(min(each) for each in components if len(each) > 1)
        found = circles(following, lambda node: node)
        assert [cycle[0] for cycle in found] == expected
        for cycle in found:
            assert len(set(cycle)) == len(cycle) > 1
            for a, b in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
                assert b in following[a]


def names_in_order(keys: Iterable[NotebookKey]) -> str:
    return "".join(each.path.removesuffix(".py") for each in keys)


def _reach(following: Mapping[int, list[int]], start: int) -> set[int]:
    seen: set[int] = set()
    waiting = [start]
    while waiting:
        for node in following[waiting.pop()]:
            if node not in seen:
                seen.add(node)
                waiting.append(node)
    return seen
