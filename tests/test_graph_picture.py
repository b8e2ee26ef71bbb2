"""The picture of a project: where things stand, and that any name survives."""

from __future__ import annotations

import random
import re
from itertools import combinations, pairwise
from unicodedata import east_asian_width
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_dbxgate.reporting import graph_mermaid, graph_svg
from pytest_dbxgate.reporting.graph import (
    Edge,
    Node,
    Picture,
    completed,
    findings,
    missing,
    shortened,
    summary,
)
from pytest_dbxgate.reporting.graph_columns import columns, components
from pytest_dbxgate.reporting.graph_hubs import taken_apart
from pytest_dbxgate.reporting.graph_layout import Box, layout, node_width, shown_label

SVG = "{http://www.w3.org/2000/svg}"


def notebook(path: str, errors: int = 0, warnings: int = 0) -> Node:
    folder, _, name = path.rpartition("/")
    return Node(path, name, "notebook", folder, "python", errors, warnings)


def runs(*pairs: tuple[str, str], kind: str = "run") -> tuple[Edge, ...]:
    return tuple(Edge(source, target, kind) for source, target in pairs)


SMALL = Picture(
    "shop",
    (
        Node("jobs/nightly.yml", "nightly.yml", "job", "jobs"),
        notebook("etl/run_all", errors=2, warnings=1),
        notebook("etl/orders", warnings=3),
        notebook("setup"),
        notebook("alone"),
        Node("src/shop/dates.py", "shop.dates", "module", "src/shop"),
    ),
    (
        Edge("jobs/nightly.yml", "etl/run_all", "task"),
        Edge("etl/run_all", "etl/orders", "notebook_run"),
        Edge("etl/run_all", "etl/gone", "run", broken=True),
        Edge("etl/orders", "setup", "run"),
        Edge("etl/orders", "src/shop/dates.py", "import"),
    ),
)


def many(number: int, seed: int) -> Picture:
    """A project of ``number`` notebooks in ten folders that run one another at random."""
    choose = random.Random(seed)
    nodes = [notebook(f"folder{choose.randrange(10)}/n{each:03d}") for each in range(number)]
    edges = {
        Edge(one.id, choose.choice(nodes).id, choose.choice(["run", "notebook_run"]))
        for one in nodes
        if choose.random() < 0.8
    }
    return Picture("many", tuple(nodes), tuple(sorted(edges)))


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def test_columns_are_jobs_then_notebooks_then_modules() -> None:
    whole = completed(SMALL)
    connected = {node.id: node.kind for node in whole.nodes if node.id != "alone"}
    assert columns(connected, [(edge.source, edge.target) for edge in whole.edges]) == {
        "jobs/nightly.yml": 0,
        "etl/run_all": 1,
        "etl/orders": 2,
        "etl/gone": 2,
        "setup": 3,
        "src/shop/dates.py": 4,
    }


def test_who_is_run_by_nobody_stands_beside_what_it_runs() -> None:
    kinds = dict.fromkeys("abcd", "notebook")
    assert columns(kinds, [("a", "b"), ("b", "c"), ("d", "c")])["d"] == 1


def test_circles_are_survived() -> None:
    kinds = dict.fromkeys("abc", "notebook")
    pairs = [("a", "b"), ("b", "c"), ("c", "a"), ("a", "a")]
    assert columns(kinds, pairs) == {"a": 0, "b": 1, "c": 2}


def test_a_chain_of_thousands_is_survived() -> None:
    names = [f"n{number:04d}" for number in range(5000)]
    found = columns(dict.fromkeys(names, "notebook"), list(pairwise(names)))
    assert found["n4999"] == 4999


def test_components() -> None:
    assert components("abcde", [("d", "b"), ("e", "c")]) == [["a"], ["b", "d"], ["c", "e"]]


@pytest.mark.parametrize("number", [6, 60, 300])
@pytest.mark.parametrize("seed", [1, 2])
def test_no_box_lies_on_another(number: int, seed: int) -> None:
    picture, _ = taken_apart(completed(many(number, seed)))
    found = layout(picture)
    assert set(found.nodes) == {node.id for node in picture.nodes}
    for box in found.nodes.values():
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= found.width
        assert box.y + box.height <= found.height
    assert [pair for pair in combinations(found.nodes.values(), 2) if overlap(*pair)] == []


def test_every_node_lies_in_its_folder() -> None:
    picture = completed(many(60, 5))
    found = layout(picture)
    for node in picture.nodes:
        box = found.nodes[node.id]
        around = [each for folder, each in found.folders if folder == node.folder]
        assert any(
            each.x <= box.x
            and each.y <= box.y
            and box.x + box.width <= each.x + each.width
            and box.y + box.height <= each.y + each.height
            for each in around
        )


def test_edges_begin_and_end_at_their_nodes() -> None:
    found = layout(completed(SMALL))
    for edge, route in found.routes.items():
        source, target = found.nodes[edge.source], found.nodes[edge.target]
        assert route[0] == (source.x + source.width, source.y + source.height / 2)
        assert route[-1] == (target.x, target.y + target.height / 2)


def test_crossings_are_undone() -> None:
    """Eight callers of eight targets, in an order that crosses everywhere."""
    nodes = [notebook(f"a/{number}") for number in range(8)]
    nodes += [notebook(f"b/{number}") for number in range(8)]
    pairs = [(f"a/{number}", f"b/{7 - number}") for number in range(8)]
    pairs += [(f"a/{number}", f"b/{8 - number}") for number in range(1, 8)]
    found = layout(completed(Picture("x", tuple(nodes), runs(*pairs))))
    places = sorted((found.nodes[one].y, found.nodes[other].y) for one, other in pairs)
    assert [y for _, y in places] == sorted(y for _, y in places)


def test_what_all_use_is_drawn_once_and_referred_to() -> None:
    callers = [notebook(f"demo{number % 4}/{number}") for number in range(24)]
    nodes = (*callers, notebook("setup"), notebook("config"))
    edges = runs(*((each.id, "setup") for each in callers), ("setup", "config"))
    picture, references = taken_apart(completed(Picture("x", nodes, edges)))
    assert len(references) == 4
    assert set(references.values()) == {"setup"}
    assert {edge.target for edge in picture.edges} == {*references, "config"}
    label = next(node.label for node in picture.nodes if node.id == "setup")
    assert label == "setup (used 24 times)"
    drawn = graph_svg.render(Picture("x", nodes, edges))
    assert drawn.count(">SEE<") == 1 + 4
    assert "drawn in full elsewhere" in drawn


def test_a_picture_does_not_depend_on_the_order_it_is_given_in() -> None:
    picture = many(60, 7)
    turned = Picture(picture.title, picture.nodes[::-1], (*picture.edges[::-1], picture.edges[0]))
    assert graph_svg.render(turned) == graph_svg.render(picture)
    assert graph_mermaid.render(turned) == graph_mermaid.render(picture)


def test_svg_says_what_is_found_in_words_too() -> None:
    root = ElementTree.fromstring(graph_svg.render(SMALL))
    titles = [element.text for element in root.iter(f"{SVG}title")]
    assert "etl/run_all\npython, 2 errors, 1 warning" in titles
    assert "etl/orders\npython, 3 warnings" in titles
    assert "setup\npython, no findings" in titles
    assert "etl/gone\nfile, not there" in titles
    assert "run_all → orders (dbutils.notebook.run)" in titles
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert {"\u00d72", "!1", "!3", "Without connections", "etl", "(root)"} <= set(texts)
    assert texts[:2] == [
        "shop",
        "4 notebooks, 1 module, 1 job, 1 file; 1 with errors, 1 with warnings only",
    ]


def test_svg_is_one_plain_file() -> None:
    drawn = graph_svg.render(SMALL)
    root = ElementTree.fromstring(drawn)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        *("svg", "title", "style", "defs", "marker", "path", "rect", "text", "g")
    }
    assert not re.search(r"href|url\((?!#)|@import|\son\w+=", drawn)
    background = root.find(f"{SVG}rect")
    assert background is not None
    assert background.get("fill") == "#ffffff"
    assert background.get("width") == root.get("width")


def test_a_dashed_line_is_drawn_once_where_edges_share_their_way() -> None:
    names = ["a", "b", "c"]
    nodes = (*map(notebook, names), notebook("m"), notebook("n"))
    edges = runs(*((each, "m") for each in names), ("m", "n"))
    imports = runs(*((each, "x.py") for each in names), kind="import")
    whole = Picture("x", (*nodes, Node("x.py", "x", "module")), (*edges, *imports))
    paths = re.findall(r'class="edge import"[^>]* d="([^"]*)"', graph_svg.render(whole))
    legs = [leg for path in paths[:3] for leg in path.split("M")[1:]]
    assert len(legs) == len(set(legs)) > 3


@pytest.mark.parametrize(
    "picture",
    [
        Picture("empty", ()),
        Picture("", (notebook("a"),)),
        Picture("self", (notebook("a"),), runs(("a", "a"))),
        Picture("circle", (), runs(("a", "b"), ("b", "a"))),
        Picture("odd", (Node("a", "a", "dashboard"),), (Edge("a", "b", "mail"),)),
    ],
)
def test_odd_pictures_are_drawn(picture: Picture) -> None:
    ElementTree.fromstring(graph_svg.render(picture))
    check_mermaid(graph_mermaid.render(picture))


def test_mermaid() -> None:
    assert graph_mermaid.render(SMALL).split("  classDef")[0] == (
        "---\n"
        'title: "shop: 4 notebooks, 1 module, 1 job, 1 file; 1 with errors, 1 with warnings only"\n'
        "---\n"
        "flowchart LR\n"
        '  n0("alone"):::clean\n'
        '  n5("setup"):::clean\n'
        '  subgraph f1["etl"]\n'
        '    n1["gone"]:::missing\n'
        '    n2("orders<br/>3 warnings"):::warnings\n'
        '    n3("run#95;all<br/>2 errors, 1 warning"):::errors\n'
        "  end\n"
        '  subgraph f2["jobs"]\n'
        '    n4{{"nightly.yml"}}:::job\n'
        "  end\n"
        '  subgraph f3["src/shop"]\n'
        '    n6[["shop.dates"]]:::module\n'
        "  end\n"
        "  n2 --> n5\n"
        "  n2 --o n6\n"
        "  n3 --x n1\n"
        "  n3 -.-> n2\n"
        "  n4 ==> n3\n"
        "  linkStyle 2 stroke:#b42318,stroke-width:2px\n"
    )


LABEL = r'"(?:[^"#&<>`\\{}\[\]%*_|~;]|#\d+;|<br/>)*"'
LINES = [
    rf"  (?:  )?n\d+(?:\({LABEL}\)|\[{LABEL}\]|\[\[{LABEL}\]\]|\{{\{{{LABEL}\}}\}}):::[a-z]+",
    rf"  subgraph f\d+\[{LABEL}\]",
    r"  end",
    r"  n\d+ (?:-->|--x|--o|-\.->|-\.-x|==>|==x) n\d+",
    r"  linkStyle [\d,]+ stroke:#[0-9a-f]{6},stroke-width:2px",
    r"  classDef [a-z]+ [a-z0-9:#, -]+",
]


def check_mermaid(text: str) -> None:
    """Every line is of a form that Mermaid takes."""
    first, title, second, head, *lines = text.removesuffix("\n").split("\n")
    assert (first, second, head) == ("---", "---", "flowchart LR")
    assert re.fullmatch(r'title: "(?:[^"\\\n]|\\["\\/bfnrt]|\\u[0-9a-f]{4})*"', title)
    for line in lines:
        assert any(re.fullmatch(form, line) for form in LINES), line


NAMES = st.text(max_size=60) | st.sampled_from(
    ['"]; click n0 "javascript:alert(1)"', "%%{init: {}}%%", "</title><script>", "]]>&amp;#38;"]
)


@settings(deadline=None, max_examples=60)
@given(st.text(), st.lists(st.tuples(NAMES, NAMES, st.booleans()), max_size=8))
def test_any_name_is_drawn(title: str, pairs: list[tuple[str, str, bool]]) -> None:
    nodes = tuple(Node(one, one, "notebook", other, one, 1) for one, other, _ in pairs)
    edges = tuple(Edge(one, other, "run", broken) for one, other, broken in pairs)
    picture = Picture(title, nodes, edges)
    drawn = graph_svg.render(picture)
    drawn.encode("utf-8")
    root = ElementTree.fromstring(drawn)
    assert not [element for element in root.iter() if element.tag == f"{SVG}script"]
    check_mermaid(graph_mermaid.render(picture))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=40))
def test_any_graph_is_drawn(pairs: list[tuple[int, int]]) -> None:
    nodes = tuple(notebook(f"f{each % 3}/n{each}") for each in range(13))
    edges = runs(*((nodes[one].id, nodes[other].id) for one, other in pairs))
    picture = completed(Picture("any", nodes, edges))
    found = layout(picture)
    assert not any(overlap(*pair) for pair in combinations(found.nodes.values(), 2))
    assert set(found.routes) == set(picture.edges)
    for route in found.routes.values():
        columns_passed = [x for x, _ in route]
        assert columns_passed == sorted(columns_passed) or len(route) == 2
    ElementTree.fromstring(graph_svg.render(picture))


def test_what_is_missing_stands_beside_what_looks_for_it() -> None:
    picture = completed(Picture("x", (notebook("etl/a"),), (Edge("etl/a", "gone", "run", True),)))
    assert missing(picture) == {"gone"}
    assert next(node.folder for node in picture.nodes if node.id == "gone") == "etl"


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [("abcdef", 6, "abcdef"), ("abcdefg", 6, "abc…fg"), ("abcdefgh", 5, "ab…gh")],
)
def test_long_names_are_cut_in_the_middle(text: str, limit: int, expected: str) -> None:
    assert shortened(text, limit) == expected
    assert len(expected) <= limit


def test_summaries() -> None:
    assert summary(Picture("x", ())) == "nothing; no findings"
    assert summary(Picture("x", (notebook("a", 0, 2),))) == "1 notebook; 1 with warnings"
    assert findings(notebook("a")) == ""


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("nightly", "nightly"),
        ("[PROD] CUSTOMER WAREHOUSE: MONTHLY MERGE", 34),
        ("W" * 60, 30),
        ("顧客データ統合ジョブ夜間バッチ処理本番環境向け定期実行", 20),
    ],
)
@pytest.mark.parametrize("errors", [0, 100])
def test_no_name_leaves_its_frame(label: str, shown: str | int, errors: int) -> None:
    node = Node("j", label, "job", errors=errors)
    text = shown_label(node)
    assert text == shown if isinstance(shown, str) else 10 < len(text) <= shown
    widest = sum(
        13.4 if east_asian_width(each) == "W" else 9.0 if each.isupper() else 6.7 for each in text
    )
    room = node_width(node) - 44 - (22 + 6 * len(str(errors)) if errors else 0)
    assert widest <= room + 0.1
    assert f">{text}</text>" in graph_svg.render(Picture("p", (node,)))
