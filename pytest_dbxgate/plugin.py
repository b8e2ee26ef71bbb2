"""pytest's entry point: options, markers and hook specifications.

Importing it loads nothing heavy. The gate itself is registered only when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_dbxgate import options

if TYPE_CHECKING:
    import pytest

_MARKERS = {
    "dbx": "a check of a Databricks notebook",
    "dbx_syntax": "the syntax of a notebook's cells",
    "dbx_lint": "lint rules on a notebook's cells",
    "dbx_format": "the formatting of a notebook's cells",
    "dbx_metadata": "the form of a notebook's file and what is stored in it",
    "dbx_references": "what a notebook or a job file means by the names of others",
    "dbx_secrets": "secrets that stand in a notebook or a job file",
    "dbx_tool": "whether a tool behind the checks worked",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    from pytest_dbxgate import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in _MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    chosen = options.read(config)
    if chosen.gate:
        from pytest_dbxgate.gateplugin import GatePlugin

        gate = GatePlugin(config, chosen)
        config.pluginmanager.register(gate, "dbxgate-session")
        if chosen.publishing is not None:
            from pytest_dbxgate.publishplugin import PublishPlugin

            # Later registered, earlier called: the reports tell what came of publishing.
            publish = PublishPlugin(config, chosen.publishing, gate)
            config.pluginmanager.register(publish, "dbxgate-publishing")
