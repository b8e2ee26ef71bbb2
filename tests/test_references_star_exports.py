"""What star imports bring."""

from __future__ import annotations

import keyword
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.checks.references import star_exports
from pytest_dbxgate.checks.references.star_exports import known, original_column, written_out

TABLE = Path(star_exports.__file__).with_name("star_exports.txt")


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (
            "pyspark.sql.functions",
            {"col", "lit", "approxCountDistinct", "try_sum", "udf", "explode"},
        ),
        ("pyspark.sql.types", {"StringType", "StructField", "VariantType", "TimestampNTZType"}),
        ("pyspark.sql", {"SparkSession", "DataFrame", "Row", "Window"}),
        ("delta.tables", {"DeltaTable"}),
        ("dlt", {"table", "read_stream", "apply_changes"}),
        ("pyspark.pipelines", {"table", "materialized_view"}),
        ("math", {"sqrt", "pi"}),
        ("datetime", {"datetime", "timedelta"}),
        ("urllib.parse", {"quote"}),
        ("typing", {"Any", "Optional"}),
    ],
)
def test_known_modules(module: str, names: set[str]) -> None:
    found = known(module)
    assert found is not None
    assert names <= found


@pytest.mark.parametrize("module", ["tensorflow", "pyspark.nowhere", "tkinter", "", ".special"])
def test_unknown_modules(module: str) -> None:
    assert known(module) is None


def test_the_table_is_sorted_and_holds_names_alone() -> None:
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    rows = [line.partition(": ") for line in lines]
    assert [module for module, _, _ in rows] == sorted({module for module, _, _ in rows})
    for module, _, names in rows:
        words = names.split(" ")
        assert words == sorted(set(words)), module
        assert all(word.isidentifier() and not keyword.iskeyword(word) for word in words), module


def exports(module: str) -> list[str] | None:
    return {"a": ["one", "two"], "empty": [], "odd": ["class", "1x", "ok"]}.get(module)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from a import *", "one = two = None"),
        ("from a import*  # noqa", "one = two = None  # noqa"),
        ("try: from a import *\nexcept ImportError: pass", None),
        ("from empty import *", "pass"),
        ("from odd import *", "ok = None"),
        ("from b import *", "from b import *"),
        ("from a import one", "from a import one"),
        ("x.from a import *", "x.from a import *"),
    ],
)
def test_written_out(text: str, expected: str | None) -> None:
    changed, _ = written_out(text, exports)
    assert changed == (expected or text.replace("from a import *", "one = two = None"))


def test_columns_are_found_again() -> None:
    text = "from a import *; x; from a import *; y\nz"
    changed, shifts = written_out(text, exports)
    first, second = changed.split("\n")
    assert original_column(shifts, 1, first.index("x") + 1) == text.index("x") + 1
    assert original_column(shifts, 1, first.index("y") + 1) == text.index("y") + 1
    assert original_column(shifts, 2, second.index("z") + 1) == 1


@given(st.lists(st.sampled_from(["from a import *", "from b import *", "x", ";", "\n", " "])))
def test_lines_stay_and_names_behind_keep_their_places(parts: list[str]) -> None:
    text = "".join(parts)
    changed, shifts = written_out(text, exports)
    assert changed.count("\n") == text.count("\n")
    lines = zip(text.split("\n"), changed.split("\n"), strict=True)
    for number, (old, new) in enumerate(lines, start=1):
        if old.endswith("x"):
            assert original_column(shifts, number, len(new)) == len(old)


def test_home_of() -> None:
    assert star_exports.home_of("col") == "pyspark.sql.functions"
    assert star_exports.home_of("StringType") == "pyspark.sql.types"
    assert star_exports.home_of("DeltaTable") == "delta.tables"
    assert star_exports.home_of("sys") == star_exports.home_of("unheard") == ""
