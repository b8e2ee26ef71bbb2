"""The default SQL rules and the page about them."""

from __future__ import annotations

import re
from pathlib import Path

from sqlfluff.core import FluffConfig, Linter

from pytest_dbxgate.checks.sql.default_rules import DEFAULT_RULES

PAGE = Path(__file__).parent.parent / "docs" / "default-sql-rules.md"


def test_the_page_lists_them_with_their_reasons() -> None:
    rows = re.findall(r"^\| \[(\w+)\]\(\S+\) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.M)
    assert rows == list(DEFAULT_RULES.items())


def test_sqlfluff_knows_them_and_none_is_about_layout() -> None:
    linter = Linter(config=FluffConfig(overrides={"dialect": "databricks"}))
    groups = {rule.code: rule.groups for rule in linter.rule_tuples()}
    assert not [code for code in DEFAULT_RULES if "layout" in groups[code]]
