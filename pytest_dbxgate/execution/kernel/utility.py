"""What the parts of ``dbutils`` have in common."""

from __future__ import annotations

from typing import Any, NoReturn

from pytest_dbxgate.execution.kernel.signals import NeedsClusterError


class Utility:
    """A part of ``dbutils``; what it lacks needs a cluster."""

    def __init__(self, name: str) -> None:
        self._name = name

    def help(self, command: str = "") -> None:
        """Print what there is."""
        print(f"{self._name} in a run on this machine:")
        for each in sorted(name for name in dir(self) if not name.startswith("_")):
            if command in ("", each):
                text = getattr(type(self), each, None).__doc__ or ""
                print(f"  {each}: {text.strip().partition(chr(10))[0]}".rstrip(": "))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        needs_cluster(f"{self.__dict__.get('_name', 'dbutils')}.{name}")


def needs_cluster(what: str) -> NoReturn:
    """Raise NeedsClusterError."""
    raise NeedsClusterError(f"{what} needs a cluster")
