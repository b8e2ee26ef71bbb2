"""The catalogs that notebooks name."""

from __future__ import annotations

import pytest

from pytest_dbxgate.execution.engines.catalogs import ALWAYS, catalogs_named, default_catalog


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("USE CATALOG dev", ["dev"]),
        ("use catalog `my-dev`;", ["my-dev"]),
        ("SET CATALOG prod", ["prod"]),
        ("CREATE CATALOG IF NOT EXISTS lab COMMENT 'x'", ["lab"]),
        ("SELECT * FROM dev.silver.orders o JOIN other.gold.`days` d", ["dev", "other"]),
        ("MERGE INTO dev . s . t USING `b-c`.s.u", ["dev", "b-c"]),
        ("CREATE SCHEMA IF NOT EXISTS lab.bronze", ["lab"]),
        ("USE lab.bronze", ["lab"]),
        ('spark.table("dev.silver.orders")', ["dev"]),
        ('spark.table(f"dev.{schema}.orders")', ["dev"]),
        ('spark.catalog.setCurrentCatalog("dev")', ["dev"]),
        ('catalog = "dev"', ["dev"]),
        ('dbutils.widgets.text("catalog_name", "dev")', ["dev"]),
        ("CREATE WIDGET TEXT catalog DEFAULT 'dev'", ["dev"]),
        ("SELECT a.b.c FROM silver.orders", []),
        ("from pyspark.sql.functions import col", []),
        ('spark.conf.get("spark.sql.ansi.enabled")', []),
        ("SELECT * FROM system.billing.usage", []),
        ("SELECT * FROM main.a.b", []),
        ("x" * 100_000 + "`" * 1000, []),
    ],
)
def test_named(source: str, expected: list[str]) -> None:
    found = [name for name in catalogs_named([source]) if name not in ALWAYS]
    assert found == expected


def test_names_come_once_and_are_not_without_end() -> None:
    sources = [f"USE CATALOG c{number % 500}" for number in range(1000)]
    found = catalogs_named(sources)
    assert len(found) == len(set(found)) == 64


def test_the_default_is_main() -> None:
    assert default_catalog(catalogs_named([])) == "main"
    assert default_catalog(["dev"]) == "dev"
    assert default_catalog([]) == "main"
