"""pytest's entry point: options, markers and hook specifications.

Importing it loads nothing heavy. The gate itself is registered only when it is asked for.
"""

from __future__ import annotations

import os
import sys

import pytest

from pytest_dbxgate import options, publish_options

_MARKERS = {
    "dbx": "a check of a Databricks notebook",
    "dbx_syntax": "the syntax of a notebook's cells",
    "dbx_lint": "lint rules on a notebook's cells",
    "dbx_format": "the formatting of a notebook's cells",
    "dbx_metadata": "the form of a notebook's file and what is stored in it",
    "dbx_references": "what a notebook or a job file means by the names of others",
    "dbx_secrets": "secrets that stand in a notebook or a job file",
    "dbx_run": "a run of a notebook",
    "dbx_tool": "whether a tool behind the checks worked",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    from pytest_dbxgate import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    known = early_config.known_args_namespace
    if publish_options.stands_alone(known):
        # What is done to a workspace runs no code of a repository.
        known.noconftest = True


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    option = config.option
    if not publish_options.stands_alone(option) or option.help or option.version:
        return None
    chosen = options.read(config)
    if chosen.publishing is None:
        return None
    from pytest_dbxgate import commands, outside

    def write(told: str) -> None:
        sys.stdout.write(told)
        sys.stdout.flush()

    is_terminal = sys.stdout.isatty() and "CI" not in os.environ
    return commands.run(
        publish_options.folder(config),
        chosen.publishing,
        chosen.json_file,
        outside.Writer(write, is_terminal=is_terminal),
    )


def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in _MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    chosen = options.read(config)
    if chosen.gate:
        from pytest_dbxgate.gateplugin import GatePlugin
        from pytest_dbxgate.passing import PassingPlugin
        from pytest_dbxgate.summary_lines import SummaryLinesPlugin

        gate = GatePlugin(config, chosen)
        config.pluginmanager.register(gate, "dbxgate-session")
        config.pluginmanager.register(PassingPlugin(config), "dbxgate-passing")
        config.pluginmanager.register(SummaryLinesPlugin(), "dbxgate-summary")
        if chosen.publishing is not None:
            from pytest_dbxgate.publishplugin import PublishPlugin

            # Later registered, earlier called: the reports tell what came of publishing.
            publish = PublishPlugin(config, chosen.publishing, gate)
            config.pluginmanager.register(publish, "dbxgate-publishing")
