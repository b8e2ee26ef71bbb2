"""``[tool.dbxgate]`` and ``dbxgate.toml`` as frozen, validated values."""

from __future__ import annotations

from pytest_dbxgate.settings.loading import load, parse
from pytest_dbxgate.settings.model import (
    CHECKABLE_LANGUAGES,
    PYTHONS,
    RUNTIMES,
    Policy,
    PolicyOrigin,
    Selector,
    Settings,
    SettingsOf,
    matches,
)
from pytest_dbxgate.settings.run import CaseSettings, RunSettings
from pytest_dbxgate.settings.targets import LOCAL, TargetSettings

__all__ = [
    "CHECKABLE_LANGUAGES",
    "LOCAL",
    "PYTHONS",
    "RUNTIMES",
    "CaseSettings",
    "Policy",
    "PolicyOrigin",
    "RunSettings",
    "Selector",
    "Settings",
    "SettingsOf",
    "TargetSettings",
    "load",
    "matches",
    "parse",
]
