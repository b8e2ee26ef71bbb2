"""What it costs to know the whole project: how it grows, and what it adds to the gate."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import trees
from gate import Bench
from setup import Setup
from table import Row

SIZES = (2500, 5000, 10_000)
"""Notebooks of the projects that are measured."""
REFERENCES = ("-m", "dbx_references")
WITHOUT = ("-m", "not dbx_references and not dbx_secrets")


def of_growth(setup: Setup) -> list[Row]:
    """References alone, cold, in projects of several sizes."""
    setups = {size: setup.on(f"project-{size}") for size in SIZES}
    memory: dict[str, float] = {}

    def once(size: int) -> float:
        bench = setups[size].bench
        bench.forget()
        done = bench.gate(*REFERENCES)
        memory[_name(size)] = max(done.memory_mb, memory.get(_name(size), 0))
        return done.seconds

    for size in SIZES:
        trees.synthesise_project(setups[size].bench.tree, size)
    took = setup.medians_of({_name(size): partial(once, size) for size in SIZES})
    small, *larger = SIZES
    rows = [
        Row(
            f"references, {_name(size)}",
            took[_name(size)],
            _name(small),
            took[_name(small)],
            f"about {size / small:g}",
        )
        for size in larger
    ]
    largest = _name(SIZES[-1])
    if memory[largest]:
        goal = "under 1,000 MB"
        base = memory[_name(small)]
        rows.append(
            Row(f"largest process, {largest}", memory[largest], _name(small), base, goal, "MB")
        )
    return rows


def _name(size: int) -> str:
    return f"{size:,} notebooks"


def on_the_tree(setup: Setup) -> list[Row]:
    """What references and secrets add to the gate on the tree that was given, if one was."""
    bench = setup.bench
    if not bench.tree.exists():
        setup.say("no --tree: what references and secrets add to the gate was not measured")
        return []
    # A cache of its own for each: the results of the one are no results of the other.
    less = setup.beside("without", *WITHOUT).bench
    took = setup.medians_of(
        {
            f"{name}{suffix}": partial(action, each)
            for name, action in _ACTIONS.items()
            for suffix, each in (("", bench), (" without", less))
        }
    )
    without = "without references and secrets"
    # Two more items a notebook have their price in pytest, whatever they do.
    items = took["empty"] - took["empty without"]
    same = "without them, as many items"
    return [
        Row("cold", took["cold"], without, took["cold without"], "at most 1.25"),
        Row("warm", took["warm"], without, took["warm without"], "at most 1.10"),
        Row("warm", took["warm"], same, took["warm without"] + items),
    ]


def _cold(bench: Bench) -> float:
    bench.forget()
    return bench.gate().seconds


_ACTIONS: dict[str, Callable[[Bench], float]] = {
    "empty": lambda bench: bench.empty().seconds,
    "cold": _cold,
    "warm": lambda bench: bench.gate().seconds,
}
