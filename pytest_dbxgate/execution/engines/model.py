"""What an engine is to the rest of the program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class Running(Protocol):
    """A server that answers. It ends with this process, however that ends."""

    @property
    def remote(self) -> str:
        """Its Spark Connect address, of this machine only: ``sc://127.0.0.1:43219``."""

    @property
    def version(self) -> str:
        """What it is: ``sail 0.7.2``."""

    @property
    def default_catalog(self) -> str:
        """The catalog that names without one are looked up in."""

    def is_alive(self) -> bool:
        """False once the process has ended, whatever the reason."""

    def last_words(self) -> str:
        """The last lines that it wrote, to tell why it ended."""

    def stop(self) -> None:
        """End it and what it started, within seconds. May be called again."""


class Engine(Protocol):
    """A kind of server."""

    def start(
        self, folder: Path, catalogs: Sequence[str], *, paths: Sequence[Path] = ()
    ) -> Running:
        """Start one that keeps its own files in ``folder``, which is made where it is missing.

        ``catalogs`` are those that exist from the start; ``paths`` are where the workers of
        Python functions import modules from. Raises ConfigurationError where what it needs is
        not installed, PlatformError where it does not come up.
        """
