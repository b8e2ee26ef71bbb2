"""One line for each of our failures in pytest's short summary.

On a build agent pytest writes the whole text of a failure there, as it does for an exception whose
message is one line. Ours are frames of source, and they stand above already.
"""

from __future__ import annotations

import pytest


class SummaryLinesPlugin:
    """Runs between pytest's section of failures and its short summary; reports to files have been
    written before."""

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for category in ("failed", "error"):
            for report in terminalreporter.stats.get(category, ()):
                if "dbx" in getattr(report, "keywords", {}) and isinstance(report.longrepr, str):
                    report.longrepr = report.longrepr.partition("\n")[0]
