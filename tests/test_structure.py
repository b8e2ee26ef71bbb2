from __future__ import annotations

import pytest

from pytest_dbxgate.checks.metadata import structure
from pytest_dbxgate.notebook import source as reader
from pytest_dbxgate.notebook.model import Language
from support import source

_LANGUAGES = {".py": Language.PYTHON, ".sql": Language.SQL, ".scala": Language.SCALA}


def found(*cells: str, suffix: str = ".py") -> list[tuple[str, int | None, int | None]]:
    """Code, cell and cell line of each finding."""
    text = source(*cells, suffix=suffix)
    notebook = reader.read(f"a{suffix}", text.encode(), _LANGUAGES[suffix])
    return [(item.code, item.cell, item.cell_line) for item in structure.check(notebook)]


def messages(*cells: str, suffix: str = ".py") -> list[str]:
    text = source(*cells, suffix=suffix)
    notebook = reader.read(f"a{suffix}", text.encode(), _LANGUAGES[suffix])
    return [item.message for item in structure.check(notebook)]


def test_a_plain_notebook_is_clean() -> None:
    assert found("# MAGIC %md\n# MAGIC # Title", "# MAGIC %run ./helpers", "x = 1") == []


class TestEmptyCells:
    def test_the_last_cell(self) -> None:
        assert found("x = 1", "") == [("DBX220", 2, 1)]

    def test_several_last_cells_are_one_finding(self) -> None:
        assert messages("x = 1", "", " ") == ["the last 2 cells are empty"]

    def test_a_cell_in_between(self) -> None:
        assert found("x = 1", "", "y = 2") == [("DBX221", 2, 1)]

    @pytest.mark.parametrize("cells", [(), ("",), ("", "")])
    def test_nothing_at_all(self, cells: tuple[str, ...]) -> None:
        assert found(*cells) == [("DBX222", None, None)]


class TestMixedMagics:
    def test_another_language_further_down(self) -> None:
        assert found("x = 1\n# MAGIC %sql SELECT 1") == [("DBX140", 1, 2)]

    def test_the_message_names_both(self) -> None:
        assert messages("# MAGIC %sql\n# MAGIC SELECT 1\n# MAGIC %python") == [
            "%python inside SQL: only the magic that opens a cell counts"
        ]

    def test_one_finding_a_cell(self) -> None:
        assert len(found("x = 1\n# MAGIC %sql\n# MAGIC %fs ls")) == 1

    @pytest.mark.parametrize(
        "cell",
        [
            "# MAGIC %sql\n# MAGIC SELECT 1",
            "# MAGIC %python\n# MAGIC %time\n# MAGIC x = 1",
            "# MAGIC %md\n# MAGIC Then write\n# MAGIC %sql SELECT 1",
            "# MAGIC %md\n# MAGIC %md # Twice",
            "# MAGIC %sh\n# MAGIC %python",
            "# MAGIC %restart_python",
            "text = '''\n%sql\n'''",
        ],
    )
    def test_legal_cells(self, cell: str) -> None:
        assert found(cell) == []

    def test_code_below_a_lone_md(self) -> None:
        assert found("# MAGIC %md\n# MAGIC\n# MAGIC %scala\n# MAGIC val x = 1") == [
            ("DBX140", 1, 3)
        ]

    def test_a_block_comment_is_no_place_for_magics(self) -> None:
        assert found("/*\n%sh\n*/\nval x = 1", suffix=".scala") == []
        assert found("/* a */\nval x = 1\n%sh", suffix=".scala") == [("DBX140", 1, 3)]


class TestRun:
    def test_what_stands_beside_it_is_no_mixture(self) -> None:
        assert found("# MAGIC %run ./a\n# MAGIC %sql SELECT 1") == []


class TestTitles:
    def test_below_code(self) -> None:
        assert found("x = 1\n# DBTITLE 1,Late") == [("DBX223", 1, 2)]

    def test_in_its_place(self) -> None:
        assert found("# DBTITLE 1,Early\nx = 1", "# DBTITLE 0,Hidden\nx = 1") == []

    def test_as_content_of_a_magic(self) -> None:
        assert found("# MAGIC %md\n# MAGIC # DBTITLE 1,An example") == []

    def test_in_sql(self) -> None:
        assert found("SELECT 1\n-- DBTITLE 1,Late", suffix=".sql") == [("DBX223", 1, 2)]


class TestInstalls:
    def test_below_code(self) -> None:
        assert found("x = 1", "# MAGIC %pip install a") == [("DBX224", 2, 1)]
        assert messages("x = 1", "# MAGIC %pip install a") == ["%pip install after cell 1 ran code"]

    def test_automagic(self) -> None:
        assert found("x = 1", "pip install a") == [("DBX224", 2, 1)]
        assert found("x = 1", "# note\n\npip install a") == [("DBX224", 2, 3)]

    def test_only_the_first_is_told(self) -> None:
        assert found("x = 1", "# MAGIC %pip install a", "# MAGIC %pip install b") == [
            ("DBX224", 2, 1)
        ]

    def test_code_between_two_installs(self) -> None:
        cells = ("# MAGIC %pip install a", "x = 1", "# note\n# MAGIC %pip install b")
        assert found(*cells) == [("DBX224", 3, 2)]

    @pytest.mark.parametrize(
        "above",
        [
            "import os\nfrom a import (\n    b,\n)",
            '"""What this is."""',
            'dbutils.widgets.text(\n    "day",\n    "1",\n)',
            "dbutils.library.restartPython()",
            "# MAGIC %pip install other\n# MAGIC %restart_python",
            "# MAGIC %md\n# MAGIC text",
            "# MAGIC %sql\n# MAGIC SELECT 1",
            "# MAGIC %run ./setup",
            "!ls\npip install other",
        ],
    )
    def test_harmless_cells_above(self, above: str) -> None:
        assert found(above, "# MAGIC %pip install a") == []

    @pytest.mark.parametrize("argument", ["-r $path", "a=={version}", "${name}"])
    def test_what_the_code_above_worked_out(self, argument: str) -> None:
        assert found("path = 1", f"# MAGIC %pip install {argument}") == []

    def test_other_uses_of_pip(self) -> None:
        assert found("x = 1", "# MAGIC %pip list", "pipeline = 2") == []

    def test_code_that_does_not_parse_is_code(self) -> None:
        assert found("x = (", "# MAGIC %pip install a") == [("DBX224", 2, 1)]

    def test_deep_nesting_is_survived(self) -> None:
        deep = "(" * 5000 + ")" * 5000
        assert found(deep, "# MAGIC %pip install a") == [("DBX224", 2, 1)]

    def test_warnings_of_the_parser_are_not_ours(self) -> None:
        assert found(r'"\d"', "# MAGIC %pip install a") == []

    def test_other_languages_have_no_pip(self) -> None:
        assert found("SELECT 1", "-- MAGIC %python\n-- MAGIC x = 1", suffix=".sql") == []
