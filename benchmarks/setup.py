"""What every benchmark is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gate import Bench
from measure import median


@dataclass(frozen=True)
class Setup:
    """What every benchmark is given."""

    bench: Bench
    runs: int
    say: Callable[[str], None]

    def median_of(self, name: str, action: Callable[[], float]) -> float:
        """The median of ``runs`` results of ``action``."""
        return self.medians_of({name: action})[name]

    def medians_of(self, actions: Mapping[str, Callable[[], float]]) -> dict[str, float]:
        """The median of ``runs`` results of each action. They take turns: a machine that is
        shared slows down and recovers within minutes, which must not favour one of them."""
        values: dict[str, list[float]] = {name: [] for name in actions}
        for number in range(self.runs):
            for name, action in actions.items():
                values[name].append(action())
                self.say(f"{name} {number + 1}/{self.runs}: {values[name][-1]:.2f}")
        return {name: median(each) for name, each in values.items()}

    def on(self, name: str) -> Setup:
        """The same on a tree of its own, called ``name``, which is still to be filled."""
        scratch = self.bench.scratch / f"scratch-{name}"
        scratch.mkdir(parents=True)
        return replace(self, bench=Bench(self.bench.scratch / name, scratch))

    def beside(self, name: str, *always: str) -> Setup:
        """The same on the same tree, with caches and arguments of its own."""
        scratch = self.bench.scratch / f"scratch-{name}"
        scratch.mkdir(parents=True)
        return replace(self, bench=replace(self.bench, scratch=scratch, always=always))
