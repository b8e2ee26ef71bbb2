"""What becomes of one SQL statement on an engine that is not Databricks: pure functions."""

from pytest_dbxgate.execution.sql.adapted import Adapted, Columns, Kind
from pytest_dbxgate.execution.sql.adapting import adapt
from pytest_dbxgate.execution.sql.binding import bound
from pytest_dbxgate.execution.sql.limits import limit_of
from pytest_dbxgate.execution.sql.settings import setting_limit
from pytest_dbxgate.languages.sql.lexing import Statement
from pytest_dbxgate.languages.sql.lexing import statements as split

__all__ = [
    "Adapted",
    "Columns",
    "Kind",
    "Statement",
    "adapt",
    "bound",
    "limit_of",
    "setting_limit",
    "split",
]
