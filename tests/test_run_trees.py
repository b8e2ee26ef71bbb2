"""The copies of the repository that runs get."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_dbxgate.execution import trees
from pytest_dbxgate.execution.trees import Trees
from support import write

FILES = {"nb/a.py": "a", "nb/data.csv": "1", "src/lib.py": "b"}


def test_each_run_gets_a_copy_of_its_own(tmp_path: Path) -> None:
    write(tmp_path / "root", FILES)
    made = Trees(tmp_path / "root", FILES, tmp_path / "copies")
    one, two = made.make(), made.make()
    assert one != two
    (one / "nb" / "data.csv").write_text("changed")
    assert (two / "nb" / "data.csv").read_text() == "1"
    assert (tmp_path / "root" / "nb" / "data.csv").read_text() == "1"
    made.give_back(one)
    assert not one.exists()


def test_of_a_large_repository_all_share_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "MOST_FILES", 2)
    write(tmp_path / "root", FILES)
    made = Trees(tmp_path / "root", FILES, tmp_path / "copies")
    one = made.make()
    made.give_back(one)
    assert made.make() == one
    assert (one / "src" / "lib.py").read_text() == "b"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets not everybody make links")
def test_what_leads_out_of_the_repository_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "root", FILES)
    write(tmp_path, {"outside.txt": "secret"})
    (tmp_path / "root" / "link.txt").symlink_to(tmp_path / "outside.txt")
    (tmp_path / "root" / "loop.txt").symlink_to("loop.txt")
    paths = [*FILES, "link.txt", "loop.txt", "gone.py"]
    tree = Trees(tmp_path / "root", paths, tmp_path / "copies").make()
    copied = sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file())
    assert copied == sorted(FILES)
