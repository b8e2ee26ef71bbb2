"""The list of statements that the parsers do not know: each entry is still needed."""

from __future__ import annotations

import pytest

from pytest_dbxgate.checks.sql import gaps
from pytest_dbxgate.checks.sql.fluff import Tool, Tools
from pytest_dbxgate.checks.sql.gaps import GAPS, Gap

EXAMPLES = [pytest.param(gap, example, id=example[:40]) for gap in GAPS for example in gap.examples]


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Tool:
    return Tools().of(str(tmp_path_factory.mktemp("empty")))


@pytest.mark.parametrize(("gap", "example"), EXAMPLES)
def test_sqlfluff_rejects_it_still(gap: Gap, example: str, tool: Tool) -> None:
    assert tool.parse(example).rejections(), "sqlfluff has learnt it: remove it from the list"
    assert gaps.covering(example) is gap


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: gap.reason)
def test_every_gap_has_a_reason_and_an_example(gap: Gap) -> None:
    assert gap.reason
    assert gap.examples


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        "SELECT '|> COPY INTO'",
        "SELECT shares FROM copy",
        "VACUUM t KEEP",
        "CREATE TABLE t (a INT)",
        "CREATE WIDGET TEXT a DEFAULT 'x'",
        "ALTER TABLE t ADD COLUMN tags STRING",
    ],
)
def test_what_is_not_covered(statement: str) -> None:
    assert gaps.covering(statement) is None


def test_comments_and_case_do_not_matter() -> None:
    assert gaps.covering("copy /* the\n orders */ into t from 'x'") is not None
