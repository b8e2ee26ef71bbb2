"""What Sail 0.7 makes of Databricks' statements, as a table; each row is held by a test.

A pattern is matched against the whole statement as one line of tokens (``Code.bare``): what a
row does not describe to its end it does not decide.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pytest_dbxgate.execution.sql.adapted import Adapted, Kind
from pytest_dbxgate.execution.sql.code import NAME, Code, literal
from pytest_dbxgate.execution.sql.settings import set_to
from pytest_dbxgate.execution.sql.tables import definitions, without_layout

Decision = Callable[[Code, "re.Match[str]"], Adapted | None]
"""None: the row does not apply after all."""


@dataclass(frozen=True, slots=True)
class Row:
    """A shape of statements and what becomes of it."""

    pattern: re.Pattern[str]
    decide: Decision


def _row(pattern: str, decide: Decision) -> Row:
    return Row(re.compile(pattern.replace("NAME", NAME), re.IGNORECASE | re.DOTALL), decide)


def _acknowledged(what: str, check: str = "") -> Decision:
    """``check`` is a statement with ``{table}`` and ``{column}`` that must not fail."""

    def decide(code: Code, match: re.Match[str]) -> Adapted:
        names = {name: code.matched(match, name) for name in match.groupdict()}
        text = check.format(**names) if all(names.values()) else ""
        return Adapted(Kind.ACKNOWLEDGE, text, f"{what} is not done here; it changes no rows")

    return decide


def _cannot(reason: str) -> Decision:
    return lambda code, match: Adapted(Kind.CANNOT, notice=f"Sail has no {reason}")


def _accepted(notice: str) -> Decision:
    return lambda code, match: Adapted(Kind.ACCEPT, code.text, notice)


def _as(text: str, notice: str = "") -> Decision:
    """``text`` with the groups of the match in its braces."""

    def decide(code: Code, match: re.Match[str]) -> Adapted:
        names = {name: code.matched(match, name) for name in match.groupdict()}
        return Adapted(Kind.REWRITE, text.format(**names).strip(), notice)

    return decide


def _use(code: Code, match: re.Match[str]) -> Adapted:
    catalog, schema = code.matched(match, "catalog"), code.matched(match, "schema")
    before = (f"USE CATALOG {catalog}",) if catalog else ()
    return Adapted(Kind.REWRITE, f"USE SCHEMA {schema}", before=before)


def _set(code: Code, match: re.Match[str]) -> Adapted:
    value = code.matched(match, "value")
    plain = literal(value)
    return set_to(
        re.sub(r"\s+", "", code.matched(match, "key")).strip("`"),
        value if plain is None else plain,
        "sail",
    )


def _time_zone(code: Code, match: re.Match[str]) -> Adapted:
    zone = literal(code.matched(match, "zone"))
    if zone is None:
        return Adapted(Kind.CANNOT, notice="Sail has no SET TIME ZONE but of a name")
    return Adapted(Kind.ACKNOWLEDGE, setting=("spark.sql.session.timeZone", zone))


def _create_table(code: Code, match: re.Match[str]) -> Adapted | None:
    text, left_out = without_layout(code.text)
    if not left_out:
        return None
    return Adapted(Kind.REWRITE, text, f"without {' and '.join(left_out)}; the rows are the same")


def _add_columns(code: Code, match: re.Match[str]) -> Adapted | None:
    """An empty MERGE that lets the table's schema evolve adds the columns, empty in every row."""
    table = code.matched(match, "table")
    at = code.token_at(match.start("columns"))
    end = len(code)
    if code.word(at) == "(" and code.closing(at) == end - 1:
        at, end = at + 1, end - 1
    added: list[str] = []
    for start, last in definitions(code, at, end):
        is_comment = code.tokens[last - 1].kind == "string" and code.word(last - 2) == "COMMENT"
        stop = last - 2 if is_comment else last
        words = {code.word(index) for index in code.level(start + 1, stop)}
        if words & {"NOT", "DEFAULT", "FIRST", "AFTER", "COMMENT", "MASK", "COLLATE"}:
            return Adapted(Kind.CANNOT, notice="Sail has no ALTER TABLE for such a column")
        if stop - start < 2 or code.word(start + 1) == ".":
            return Adapted(Kind.CANNOT, notice="Sail has no ALTER TABLE for fields of a struct")
        name, kind = code.slice(start, start + 1), code.slice(start + 1, stop)
        added.append(f"CAST(NULL AS {kind}) AS {name}")
    # Named once more as a column of its own it would be a second one: the engine refuses that.
    source = f"SELECT *, {', '.join(added)} FROM {table} WHERE false"
    merge = (
        f"MERGE WITH SCHEMA EVOLUTION INTO {table} USING ({source}) AS added ON false "
        "WHEN NOT MATCHED THEN INSERT *"
    )
    return Adapted(Kind.REWRITE, merge)


def _describe(code: Code, match: re.Match[str]) -> Adapted | None:
    more = "EXTENDED " if match["more"] else ""
    text = f"DESCRIBE TABLE {more}{code.matched(match, 'table')}"
    if Code(text).bare.upper() == code.bare.upper():
        return None
    return Adapted(Kind.REWRITE, text)


_TABLE = "EXPLAIN SELECT * FROM {table}"
_COLUMN = "EXPLAIN SELECT {column} FROM {table}"
_SCHEMA = "DESCRIBE SCHEMA {schema}"
_OWNER = r"(?:SET )?OWNER TO .+"
_TAGS = r"(?:SET|UNSET) TAGS \( .* \)"

ROWS: tuple[Row, ...] = (
    # maintenance
    _row(
        r"OPTIMIZE (?P<table>NAME)(?: FULL)?(?: WHERE .+?)?(?: ZORDER BY .+)?",
        _acknowledged("OPTIMIZE", _TABLE),
    ),
    _row(
        r"VACUUM (?P<table>NAME)(?: FULL| LITE)?(?: RETAIN [\w.: ]+ HOURS)?(?: DRY RUN)?",
        _acknowledged("VACUUM", _TABLE),
    ),
    _row(
        r"ANALYZE TABLE (?P<table>NAME)(?: PARTITION \(.*\))? COMPUTE (?:DELTA )?STATISTICS.*",
        _acknowledged("ANALYZE", _TABLE),
    ),
    _row(r"ANALYZE TABLES .+", _acknowledged("ANALYZE")),
    _row(r"REORG TABLE (?P<table>NAME) APPLY .+", _acknowledged("REORG", _TABLE)),
    _row(
        r"(?:MSCK )?REPAIR TABLE (?P<table>NAME)(?: (?:ADD|SYNC) .+)?",
        _acknowledged("REPAIR TABLE", _TABLE),
    ),
    _row(r"FSCK REPAIR TABLE (?P<table>NAME) DRY RUN", _acknowledged("FSCK", _TABLE)),
    _row(r"REFRESH (?:TABLE )?(?P<table>(?!FUNCTION )NAME)", _acknowledged("REFRESH", _TABLE)),
    _row(r"CACHE SELECT .+", _acknowledged("CACHE")),
    _row(
        r"CACHE (?:LAZY )?TABLE (?P<table>NAME)(?: OPTIONS \(.*\))?",
        _acknowledged("CACHE", _TABLE),
    ),
    _row(
        r"CACHE (?:LAZY )?TABLE (?P<table>NAME)(?: OPTIONS \(.*\))?(?: AS)? "
        r"(?P<query>(?:SELECT|WITH|VALUES|FROM) .+)",
        _as("CREATE TEMPORARY VIEW {table} AS {query}", "the view is not cached"),
    ),
    _row(r"UNCACHE TABLE (?P<table>(?!IF )NAME)", _acknowledged("UNCACHE", _TABLE)),
    _row(r"UNCACHE TABLE IF EXISTS NAME|CLEAR CACHE", _acknowledged("UNCACHE")),
    # privileges, owners, comments, tags
    _row(
        r"(?:GRANT|REVOKE|DENY) [\w, ]+? ON (?:(?:TABLE|VIEW) )?(?P<table>NAME) (?:TO|FROM) .+",
        _acknowledged("GRANT and REVOKE", _TABLE),
    ),
    _row(
        r"(?:GRANT|REVOKE|DENY) [\w, ]+? ON (?:SCHEMA|DATABASE) (?P<schema>NAME) (?:TO|FROM) .+",
        _acknowledged("GRANT and REVOKE", _SCHEMA),
    ),
    _row(r"(?:GRANT|REVOKE|DENY) .+", _acknowledged("GRANT and REVOKE")),
    _row(r"COMMENT ON (?:TABLE|VIEW) (?P<table>NAME) IS .+", _acknowledged("COMMENT ON", _TABLE)),
    _row(
        r"COMMENT ON (?:SCHEMA|DATABASE) (?P<schema>NAME) IS .+",
        _acknowledged("COMMENT ON", _SCHEMA),
    ),
    _row(
        r"COMMENT ON COLUMN (?P<table>(?:\w+|`q`)(?: \. (?:\w+|`q`))*?) \. "
        r"(?P<column>\w+|`q`) IS .+",
        _acknowledged("COMMENT ON", _COLUMN),
    ),
    _row(
        r"COMMENT ON (?:CATALOG|VOLUME|FUNCTION|CONNECTION|SHARE) .+ IS .+",
        _acknowledged("COMMENT ON"),
    ),
    _row(
        rf"ALTER (?:TABLE|VIEW) (?P<table>NAME) (?:{_OWNER}|{_TAGS}|CLUSTER BY .+"
        r"|(?:ENABLE|DISABLE|INHERIT) PREDICTIVE OPTIMIZATION)",
        _acknowledged("ALTER", _TABLE),
    ),
    _row(
        rf"ALTER TABLE (?P<table>NAME) (?:ALTER|CHANGE)(?: COLUMN)? (?P<column>\w+|`q`) "
        rf"(?:COMMENT ''|{_TAGS})",
        _acknowledged("ALTER", _COLUMN),
    ),
    _row(
        r"ALTER TABLE (?P<table>NAME) ADD (?:CONSTRAINT (?:\w+|`q`) )?"
        r"(?:PRIMARY|FOREIGN) KEY ?\(.*\).*",
        _acknowledged("A key is not enforced on Databricks either: ADD CONSTRAINT", _TABLE),
    ),
    _row(
        r"ALTER TABLE (?P<table>NAME) ALTER(?: COLUMN)? (?P<column>\w+|`q`) SET NOT NULL",
        _as(
            "ALTER TABLE {table} ADD CONSTRAINT {column} CHECK ({column} IS NOT NULL)",
            "as a CHECK constraint",
        ),
    ),
    _row(
        r"ALTER TABLE (?P<table>NAME) DROP (?:PRIMARY|FOREIGN) KEY.*",
        _acknowledged("DROP KEY", _TABLE),
    ),
    _row(
        rf"ALTER (?:SCHEMA|DATABASE) (?P<schema>NAME) (?:{_OWNER}|{_TAGS}"
        r"|SET (?:DB)?PROPERTIES .+|(?:ENABLE|DISABLE|INHERIT) PREDICTIVE OPTIMIZATION)",
        _acknowledged("ALTER SCHEMA", _SCHEMA),
    ),
    _row(
        rf"ALTER (?:CATALOG|VOLUME|FUNCTION) NAME (?:{_OWNER}|{_TAGS}"
        r"|(?:ENABLE|DISABLE|INHERIT) PREDICTIVE OPTIMIZATION)",
        _acknowledged("ALTER"),
    ),
    _row(
        r"CREATE CATALOG (?:IF NOT EXISTS )?(?:\w+|`q`)(?: MANAGED LOCATION '')?(?: COMMENT '')?",
        _acknowledged("CREATE CATALOG"),
    ),
    _row(
        r"CREATE VOLUME (?:IF NOT EXISTS )?NAME(?: COMMENT '')?",
        _acknowledged("CREATE VOLUME: a folder stands for it, and it"),
    ),
    # the session
    _row(r"USE (?:(?P<catalog>\w+|`q`) \. )?(?P<schema>\w+|`q`)", _use),
    _row(r"USE (?:SCHEMA|DATABASE|NAMESPACE) (?P<catalog>\w+|`q`) \. (?P<schema>\w+|`q`)", _use),
    _row(r"SET (?:VAR|VARIABLE) .+|DECLARE .+", _cannot("variables of a session")),
    _row(r"SET TIME ZONE (?P<zone>.+)", _time_zone),
    _row(r"SET (?P<key>(?!CATALOG )[\w`]+(?: (?:\.|-) \w+)*) = (?P<value>.+)", _set),
    _row(r"SET(?: (?!CATALOG )(?:- v|[\w`. -]+))?|RESET.*", _cannot("SET that shows settings")),
    _row(r"EXECUTE IMMEDIATE .+", _cannot("EXECUTE IMMEDIATE")),
    _row(r"BEGIN .+", _cannot("SQL scripts (BEGIN ... END)")),
    _row(r"CALL .+", _cannot("procedures")),
    # tables
    _row(r"TRUNCATE TABLE (?P<table>NAME)", _as("DELETE FROM {table}")),
    _row(r"TRUNCATE .+", _cannot("TRUNCATE of partitions")),
    _row(
        r"CREATE(?: OR REPLACE)?(?: EXTERNAL)? TABLE .+? (?:DEEP |SHALLOW )?CLONE .+",
        _cannot("CLONE"),
    ),
    _row(r"CREATE(?: OR REPLACE)?(?: EXTERNAL)? TABLE (?:IF NOT EXISTS )?NAME .+", _create_table),
    _row(
        r"(?P<schema>CREATE (?:SCHEMA|DATABASE) (?:IF NOT EXISTS )?NAME(?: COMMENT '')?) "
        r"MANAGED LOCATION ''",
        _as("{schema}", "without MANAGED LOCATION; the rows are the same"),
    ),
    _row(r"ALTER TABLE (?P<table>NAME) ADD COLUMNS? (?P<columns>.+)", _add_columns),
    _row(
        r"ALTER TABLE NAME (?:SET|UNSET) TBLPROPERTIES .+"
        r"|ALTER TABLE NAME ADD CONSTRAINT (?:\w+|`q`) CHECK .+"
        r"|ALTER TABLE NAME ALTER COLUMN NAME TYPE .+",
        lambda code, match: Adapted(Kind.ACCEPT, code.text),
    ),
    _row(
        r"ALTER TABLE .+ (?:SET|DROP) (?:MASK|ROW FILTER)\b.*",
        _cannot("row filters and column masks"),
    ),
    _row(r"ALTER TABLE .+", _cannot("ALTER TABLE of this kind")),
    _row(r"ALTER VIEW .+", _cannot("ALTER VIEW")),
    _row(r"COPY INTO .+", _cannot("COPY INTO")),
    _row(r"RESTORE .+", _cannot("RESTORE")),
    _row(r"UNDROP .+", _cannot("UNDROP")),
    _row(r"LOAD DATA .+", _cannot("LOAD DATA")),
    # what describes
    _row(
        r"DESC(?:RIBE)? (?:HISTORY|DETAIL) .+",
        _cannot("DESCRIBE HISTORY and DESCRIBE DETAIL"),
    ),
    _row(
        r"DESC(?:RIBE)?(?: TABLE)? (?:(?P<more>EXTENDED|FORMATTED) )?"
        r"(?P<table>(?!TABLE|EXTENDED|FORMATTED|SCHEMA|DATABASE|CATALOG|FUNCTION|QUERY|NAMESPACE)"
        r"NAME)",
        _describe,
    ),
    _row(
        r"SHOW (?:SCHEMAS|DATABASES|COLUMNS|CATALOGS|VIEWS)\b.*",
        _accepted("Sail gives further columns than Databricks does"),
    ),
    _row(r"SHOW CREATE TABLE .+", _cannot("SHOW CREATE TABLE")),
    # what only Databricks has
    _row(
        r"CREATE(?: OR REPLACE)?(?: TEMPORARY| TEMP)? FUNCTION .+",
        _cannot("functions written in SQL"),
    ),
    _row(
        r"(?:CREATE|ALTER|DROP|REFRESH)(?: OR REPLACE| OR REFRESH)?(?: PRIVATE)?"
        r"(?: TEMPORARY| TEMP)? (?:STREAMING|LIVE|INCREMENTAL|MATERIALIZED)\b.+"
        r"|APPLY CHANGES .+|CREATE(?: OR REFRESH)? FLOW .+",
        _cannot("streaming tables, materialized views and pipelines"),
    ),
    _row(
        r"(?:CREATE|ALTER|DROP|DESC|DESCRIBE|SHOW)(?: OR REPLACE)?(?: FOREIGN| ALL IN)? "
        r"(?:SHARES?|RECIPIENTS?|PROVIDERS?|CONNECTIONS?|EXTERNAL LOCATIONS?"
        r"|STORAGE CREDENTIALS?|VOLUMES?|GROUPS?|POLICY|POLICIES|GRANTS?|CATALOG|USERS)\b.*",
        _cannot("such objects of Unity Catalog"),
    ),
    _row(r"(?:LIST|GET|PUT|REMOVE) .+", _cannot("files of volumes")),
)


def decide(code: Code) -> Adapted | None:
    """What the table says; None where no row describes the statement."""
    for row in ROWS:
        match = row.pattern.fullmatch(code.bare)
        adapted = row.decide(code, match) if match else None
        if adapted is not None:
            return adapted
    return None
