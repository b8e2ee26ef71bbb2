"""What was decided about a statement, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

Columns = Callable[[str], Sequence[tuple[str, str]]]
"""The name and the type of each column that a query gives, in order, without running it:
``lambda query: spark.sql(query, args).dtypes``. What it raises passes through: a table that is
not there is the notebook's failure, whatever becomes of the statement."""


class Kind(str, Enum):
    """What to do with a statement."""

    ACCEPT = "accept"
    """Give it to the engine as it is. The engine may still fail it: see ``limit_of``."""
    ACKNOWLEDGE = "acknowledge"
    """It changes no rows here or on a cluster: its result is empty, and the notice is shown."""
    REWRITE = "rewrite"
    """The engine lacks it; ``text`` gives the same rows."""
    CANNOT = "cannot"
    """The engine lacks it and nothing gives the same rows: the notice says why."""


@dataclass(frozen=True, slots=True)
class Adapted:
    """What to do with one statement."""

    kind: Kind
    text: str = ""
    """What to run. Of ACKNOWLEDGE a check, empty or a statement that fails where what is named
    does not exist, as the acknowledged one would; its result is of no use."""
    notice: str = ""
    """A sentence for the user, without a full stop; of CANNOT the reason, never empty there."""
    before: tuple[str, ...] = ()
    """Statements to run ahead of ``text``, in order and with the same arguments; their results
    are of no use."""
    setting: tuple[str, str] | None = None
    """A key and a value for ``spark.conf.set``, where the statement says ``SET``."""
