"""Which folder decides about the SQL of a notebook."""

from __future__ import annotations

from pathlib import Path

from pytest_dbxgate.checks.sql.config import Folders, configured


def test_the_nearest_configured_folder_decides(tmp_path: Path) -> None:
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    (tmp_path / "a" / ".sqlfluff").touch()
    (tmp_path / "a" / "b" / "pyproject.toml").write_text("[tool.other]\n", encoding="utf-8")
    folders = Folders(tmp_path)
    assert folders.deciding("a/b/c/n.sql") == str(tmp_path / "a")
    assert folders.deciding("x/n.sql") == str(tmp_path)
    assert folders.deciding("n.sql") == str(tmp_path)


def test_files_that_configure(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text("[sqlfluff]\n", encoding="utf-8")
    (tmp_path / "tox.ini").write_text("[tox]\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").mkdir()
    assert [file.name for file in configured(tmp_path)] == ["setup.cfg"]
