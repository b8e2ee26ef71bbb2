"""The default SQL rules and the page about them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlfluff.core import FluffConfig, Linter

from pytest_dbxgate.checks.sql.default_rules import DEFAULT_RULES, NEEDED_WORDS
from pytest_dbxgate.checks.sql.fluff import Tools

PAGE = Path(__file__).parent.parent / "docs" / "default-sql-rules.md"


def test_the_page_lists_them_with_their_reasons() -> None:
    rows = re.findall(r"^\| \[(\w+)\]\(\S+\) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.M)
    assert rows == list(DEFAULT_RULES.items())


def test_sqlfluff_knows_them_and_none_is_about_layout() -> None:
    linter = Linter(config=FluffConfig(overrides={"dialect": "databricks"}))
    groups = {rule.code: rule.groups for rule in linter.rule_tuples()}
    assert not [code for code in DEFAULT_RULES if "layout" in groups[code]]


def test_needed_words_name_default_rules_only() -> None:
    assert NEEDED_WORDS.keys() == DEFAULT_RULES.keys()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("AL08", "SELECT a AS x, b AS x FROM t"),
        ("AM07", "SELECT a FROM t UNION ALL SELECT a, b FROM u"),
        ("AM08", "SELECT t.a FROM t JOIN u"),
        ("CV05", "SELECT a FROM t WHERE a = NULL"),
        ("ST03", "WITH c AS (SELECT 1 AS a) SELECT a FROM t"),
    ],
)
def test_no_rule_is_passed_over_where_it_has_something_to_say(code: str, text: str) -> None:
    for spelling in (text, text.lower(), text.replace(" ", "\n")):
        remarks = Tools().of(".").parse(spelling).remarks()
        assert [remark.code for remark in remarks] == [code]
