"""Where a project's own paths lead, seen from the root of the run."""

from __future__ import annotations

import pytest

from pytest_dbxgate.project.resolving import from_root
from pytest_dbxgate.settings import Settings


@pytest.mark.parametrize(
    ("settings", "path", "expected"),
    [
        (Settings(), "src", "src"),
        (Settings(folder="team"), "src", "team/src"),
        (Settings(folder="team"), ".", "team"),
        # The settings stand above the root.
        (Settings(root_inside="notebooks"), ".", ".."),
        (Settings(root_inside="notebooks"), "notebooks/src", "src"),
    ],
)
def test_paths_of_the_settings_count_from_their_folder(
    settings: Settings, path: str, expected: str
) -> None:
    assert from_root(settings, path) == expected
