"""The family of errors a user sees: a sentence, a next step and an exit code each."""

from __future__ import annotations

from typing import ClassVar


class GateError(Exception):
    """Something the user can mend; ``str()`` is the whole message.

    ``exit_code`` is the process's exit code when nothing but this went wrong.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message}\n  next: {self.next_step}" if self.next_step else self.message


class ConfigurationError(GateError):
    """A setting or an option that makes no sense; pytest's usage error."""

    exit_code: ClassVar[int] = 4


class MissingPolicyError(ConfigurationError):
    """The policy that ``extend`` names is not there. What it does not decide is still checked."""


class ToolError(GateError):
    """A tool (ruff, sqlfluff, a grammar) is missing, crashed, hung or refused its configuration."""

    exit_code: ClassVar[int] = 1

    def __init__(self, tool: str, message: str, *, next_step: str = "") -> None:
        super().__init__(f"{tool}: {message}", next_step=next_step)
        self.tool = tool


class RefusedEditError(GateError):
    """A fix that would change more of a notebook than its cells' code."""

    exit_code: ClassVar[int] = 1


class RefusedError(GateError):
    """Publishing was refused before anything changed; ``name`` is that of the refusal."""

    exit_code: ClassVar[int] = 20

    def __init__(self, name: str, message: str, *, next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.name = name


class DriftError(GateError):
    """The workspace holds edits that publishing would overwrite."""

    exit_code: ClassVar[int] = 21
    name: ClassVar[str] = "drift"
    """That of the refusal."""


class RolledBackError(GateError):
    """A deployment failed and the earlier state stands again."""

    exit_code: ClassVar[int] = 22


class IncompleteError(GateError):
    """A deployment failed and could not be rolled back; the message names what remains."""

    exit_code: ClassVar[int] = 23


class AuthenticationError(GateError):
    """No valid credential for the workspace or the vault."""

    exit_code: ClassVar[int] = 24


class PlatformError(GateError):
    """The platform throttles, fails or cannot be reached."""

    exit_code: ClassVar[int] = 25
