"""What it costs to know the whole project: how it grows, and what it adds to the gate."""

from __future__ import annotations

import trees
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
    took = setup.medians_of({_name(size): lambda size=size: once(size) for size in SIZES})
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
    other = setup.beside("without").bench
    bench.items()  # warms the disk's cache

    def cold(*, whole: bool) -> float:
        chosen = bench if whole else other
        chosen.forget()
        return warm(whole=whole)

    def warm(*, whole: bool) -> float:
        return (bench.gate() if whole else other.gate(*WITHOUT)).seconds

    took = setup.medians_of(
        {
            "cold": lambda: cold(whole=True),
            "cold without": lambda: cold(whole=False),
            "warm": lambda: warm(whole=True),
            "warm without": lambda: warm(whole=False),
        }
    )
    without = "without references and secrets"
    return [
        Row("cold", took["cold"], without, took["cold without"], "at most 1.25"),
        Row("warm", took["warm"], without, took["warm without"], "at most 1.10"),
    ]
