from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.errors import RefusedEditError
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.formats import Kind, classify
from pytest_dbxgate.notebook.model import Cell, Format, Language, Notebook, Place

HEADER = b"# Databricks notebook source\n"
BORDER = b"\n# COMMAND ----------\n"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.py", HEADER, Kind.NOTEBOOK),
        ("a.py", HEADER.strip(), Kind.NOTEBOOK),
        ("a.PY", HEADER.replace(b"\n", b"\r\n"), Kind.NOTEBOOK),
        ("a.R", HEADER, Kind.NOTEBOOK),
        ("a.sql", b"-- Databricks notebook source\n", Kind.NOTEBOOK),
        ("a.scala", b"// Databricks notebook source\n", Kind.NOTEBOOK),
        ("a.ipynb", b"", Kind.NOTEBOOK),
        ("a.IPYNB", POINTER, Kind.NOTEBOOK),
        ("a.dbc", b"PK", Kind.NOTEBOOK),
        ("a.designer.ipynb", b"{}", Kind.OTHER),
        ("a.dbquery.ipynb", b"{}", Kind.OTHER),
        ("a.py.tmpl", HEADER, Kind.OTHER),
        ("a", HEADER, Kind.OTHER),
        (".py", HEADER, Kind.NOTEBOOK),
        ("a.py", b"", Kind.OTHER),
        ("a.py", b"import os\n", Kind.OTHER),
        ("a.py", POINTER, Kind.OTHER),
        # near misses
        ("a.py", b"\xef\xbb\xbf" + HEADER, Kind.NEAR_MISS),
        ("a.py", b" " + HEADER, Kind.NEAR_MISS),
        ("a.py", HEADER.strip() + b" \n", Kind.NEAR_MISS),
        ("a.py", HEADER.strip() + b" exported at Thu\n", Kind.NEAR_MISS),
        ("a.py", HEADER.lower(), Kind.NEAR_MISS),
        ("a.py", b"# Licence\n\n" + HEADER, Kind.NEAR_MISS),
        ("a.py", b"import a\n" + HEADER + BORDER, Kind.NEAR_MISS),
        ("a.py", b"x = 1\n" + BORDER, Kind.NEAR_MISS),
        ("a.sql", HEADER, Kind.NEAR_MISS),
        ("a.py", HEADER.decode().encode("utf-16"), Kind.NEAR_MISS),
        # ordinary code that speaks of notebooks
        ("a.py", b"import a\n" + HEADER, Kind.OTHER),
        ("a.py", b"    " + b"x = 1\n    " + HEADER, Kind.OTHER),
        ("a.py", b'x = """\n' + HEADER + BORDER + b'"""\n', Kind.OTHER),
        ("a.py", b'H = "# Databricks notebook source"\n', Kind.OTHER),
        ("a.py", b"# Databricks notebook source_code\n", Kind.OTHER),
        ("a.py", b"x = 1\n" * 20 + HEADER, Kind.OTHER),
        ("a.py", b"x = 1\n    # COMMAND ----------\n", Kind.OTHER),
        ("a.py", b"x = '# COMMAND ----------'\n", Kind.OTHER),
    ],
)
def test_classify(name: str, head: bytes, kind: Kind) -> None:
    assert classify(name, head) is kind


def test_a_line_cut_at_the_end_of_the_head_decides_nothing() -> None:
    filler = b"#\n" + b"x = 1\n" * 679
    head = (filler + b"# COMMAND ---------- and more text")[: formats.HEAD_SIZE]
    assert head.endswith(b"# COMMAND ----------")
    assert classify("a.py", head) is Kind.OTHER


@given(st.binary(), st.sampled_from([b"", HEADER, BORDER]), st.sampled_from(["a.py", "b.sql"]))
def test_classify_survives_anything(head: bytes, start: bytes, name: str) -> None:
    assert classify(name, start + head) in Kind


def test_suffixes() -> None:
    assert sorted(formats.SUFFIXES) == [".dbc", ".ipynb", ".py", ".r", ".scala", ".sql"]
    assert formats.language_of_suffix(".R") is Language.R
    assert formats.language_of_suffix(".ipynb") is None


def test_a_source_notebook(tmp_path: Path) -> None:
    file = tmp_path / "a.SQL"
    file.write_bytes(b"-- Databricks notebook source\n-- MAGIC %md x\n")
    (book,) = formats.read(file, "etl/a.SQL")
    assert (book.path, book.format, book.language) == ("etl/a.SQL", Format.SOURCE, Language.SQL)
    assert formats.place(book, book.cell(1), 1, 5) == Place(2, 14)
    assert formats.rewrite(book, {1: "%md y"}) == b"-- Databricks notebook source\n-- MAGIC %md y\n"


def only_problem(file: Path) -> tuple[str, str]:
    (book,) = formats.read(file, file.name)
    (problem,) = book.problems
    assert problem.fatal
    assert book.cells == ()
    assert book.digest == hashlib.sha256(book.data).hexdigest()
    return problem.code, problem.message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert only_problem(tmp_path / "none.py")[0] == "DBX100"
    (tmp_path / "folder.py").mkdir()
    assert only_problem(tmp_path / "folder.py") == (
        "DBX100",
        "the file cannot be read: it is not a regular file",
    )
    assert only_problem(tmp_path / "a\0.py")[0] == "DBX100"


def test_the_system_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(HEADER)

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert only_problem(file) == ("DBX100", "the file cannot be read: Permission denied")


def symlink(link: Path, target: str) -> None:
    try:
        link.symlink_to(target)
    except (OSError, NotImplementedError):
        pytest.skip("no symbolic links here")


def test_broken_links(tmp_path: Path) -> None:
    symlink(tmp_path / "dangling.py", "gone.py")
    assert only_problem(tmp_path / "dangling.py") == (
        "DBX107",
        "the symbolic link leads to gone.py, which does not exist",
    )
    symlink(tmp_path / "loop.ipynb", "loop.ipynb")
    assert only_problem(tmp_path / "loop.ipynb") == (
        "DBX107",
        "the symbolic link leads back to itself",
    )


@pytest.mark.parametrize("name", ["a.py", "a.ipynb", "a.dbc"])
def test_large_files_and_pointers(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / name
    file.write_bytes(POINTER)
    assert only_problem(file)[0] == "DBX108"
    monkeypatch.setattr(formats, "MAX_SIZE", 10)
    assert only_problem(file) == ("DBX210", "the file is not checked: it has 0 MB, more than 0 MB")


def test_an_archive_is_never_edited() -> None:
    cell = Cell(number=1, language=Language.SQL, source="a\nb", code="a\nb")
    book = Notebook("a.dbc", Format.DBC, Language.SQL, (cell,), b"", "", member="x/y")
    assert formats.place(book, cell, 2, 1) == Place(2, 1)
    with pytest.raises(RefusedEditError) as caught:
        formats.rewrite(book, {1: "b"})
    assert caught.value.message == "a.dbc::x/y: a .dbc archive is never edited"
