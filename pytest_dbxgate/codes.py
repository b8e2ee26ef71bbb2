"""The checks, and the table of this project's own codes.

ruff's and sqlfluff's codes are not listed: they pass through unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


class Check(str, Enum):
    """The checks of a notebook; each is one test item."""

    SYNTAX = "syntax"
    LINT = "lint"
    FORMAT = "format"
    METADATA = "metadata"
    REFERENCES = "references"
    SECRETS = "secrets"
    RUN = "run"


STATIC = frozenset(Check) - {Check.RUN}
"""The checks that execute nothing: every notebook has them."""


class Severity(str, Enum):
    """Errors fail their item, warnings are shown."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Rule:
    """One code: its name in the documentation, the item it fails, what it does by default."""

    code: str
    name: str
    check: Check
    severity: Severity | None
    """None: off until a policy or ``warn``/``block`` asks for it."""
    summary: str
    unchecked: bool = False
    """True: a finding means that something was not checked, which is neither passed nor failed."""


_ERROR, _WARNING = Severity.ERROR, Severity.WARNING
_SYNTAX, _LINT, _FORMAT, _METADATA = Check.SYNTAX, Check.LINT, Check.FORMAT, Check.METADATA
_REFERENCES, _SECRETS, _RUN = Check.REFERENCES, Check.SECRETS, Check.RUN

_ALL = (
    # 10x: the file cannot be read as a notebook
    Rule("DBX100", "unreadable-file", _SYNTAX, _ERROR, "the file cannot be read"),
    Rule("DBX101", "not-utf-8", _SYNTAX, _ERROR, "the file is not UTF-8"),
    Rule("DBX102", "byte-order-mark", _METADATA, _ERROR, "the file begins with a byte-order mark"),
    Rule("DBX103", "header-near-miss", _METADATA, _ERROR, "line 1 is almost the header"),
    Rule("DBX104", "late-header", _METADATA, _ERROR, "the header stands below line 1"),
    Rule("DBX105", "missing-header", _METADATA, _ERROR, "cell delimiters but no header"),
    Rule("DBX106", "repeated-header", _METADATA, _WARNING, "the header stands twice"),
    Rule("DBX107", "broken-link", _SYNTAX, _ERROR, "a symbolic link that leads nowhere"),
    Rule("DBX108", "git-lfs-pointer", _SYNTAX, _ERROR, "a Git LFS pointer, not a notebook"),
    Rule("DBX109", "nul-bytes", _SYNTAX, _ERROR, "the file holds NUL bytes"),
    # 11x: .ipynb
    Rule("DBX110", "invalid-json", _SYNTAX, _ERROR, "the .ipynb is not JSON"),
    Rule("DBX111", "not-nbformat-4", _SYNTAX, _ERROR, "not a notebook of nbformat 4"),
    Rule("DBX112", "invalid-nbformat", _METADATA, _ERROR, "the .ipynb breaks nbformat's schema"),
    Rule("DBX113", "unknown-language", _METADATA, _ERROR, "a language Databricks does not know"),
    # 12x: .dbc
    Rule("DBX120", "damaged-archive", _SYNTAX, _ERROR, "the .dbc cannot be opened"),
    Rule("DBX121", "oversized-archive", _SYNTAX, _ERROR, "the .dbc unpacks to too much"),
    Rule("DBX122", "unsafe-member", _SYNTAX, _ERROR, "a member's name leaves the archive"),
    Rule("DBX123", "damaged-member", _SYNTAX, _ERROR, "a member is not a notebook"),
    # 13x-14x: structure of cells
    Rule("DBX130", "delimiter-near-miss", _METADATA, _ERROR, "a line is almost a delimiter"),
    Rule("DBX131", "unprefixed-line", _METADATA, _WARNING, "a plain line among MAGIC lines"),
    Rule("DBX132", "delimiter-blanks", _METADATA, _WARNING, "blanks follow a delimiter"),
    Rule("DBX140", "mixed-magics", _METADATA, _WARNING, "several languages in one cell"),
    Rule("DBX150", "unformatted-cell", _FORMAT, _ERROR, "the cell is not formatted"),
    # 16x-17x: syntax of cells
    Rule("DBX161", "newer-python-syntax", _SYNTAX, _WARNING, "not every runtime knows this syntax"),
    Rule("DBX165", "scala-syntax", _SYNTAX, _ERROR, "the Scala cell does not parse"),
    Rule("DBX166", "r-syntax", _SYNTAX, _ERROR, "the R cell does not parse"),
    Rule("DBX170", "language-not-checked", _SYNTAX, _WARNING, "no checker for the language", True),
    Rule("DBX171", "cell-not-checked", _SYNTAX, _WARNING, "a tool reached its own limit", True),
    Rule("DBX180", "unused-silencer", _LINT, _WARNING, "a silencer that silences nothing"),
    # 20x: what does not belong into git
    Rule("DBX201", "stored-outputs", _METADATA, _WARNING, "outputs are stored in the notebook"),
    Rule("DBX202", "execution-counts", _METADATA, None, "execution counts are stored"),
    Rule("DBX203", "widget-current-value", _METADATA, _WARNING, "one person's widget value"),
    Rule("DBX204", "archived-results", _METADATA, _WARNING, "the .dbc holds results"),
    Rule("DBX205", "archived-user", _METADATA, _WARNING, "the .dbc names people"),
    Rule("DBX206", "volatile-metadata", _METADATA, None, "cell metadata that changes at each run"),
    # 21x: what the workspace or a checkout will refuse
    Rule("DBX210", "over-import-size", _METADATA, _ERROR, "larger than an import may be"),
    Rule("DBX211", "name-collision", _METADATA, _ERROR, "two items of one name in one folder"),
    Rule("DBX212", "windows-name", _METADATA, _WARNING, "a name Windows refuses"),
    Rule("DBX213", "workspace-name", _METADATA, _ERROR, "a name the workspace refuses"),
    # 22x: cells
    Rule("DBX220", "trailing-empty-cell", _METADATA, None, "an empty cell at the end"),
    Rule("DBX221", "empty-cell", _METADATA, None, "an empty cell"),
    Rule("DBX222", "empty-notebook", _METADATA, _WARNING, "a notebook without a cell"),
    Rule("DBX223", "misplaced-title", _METADATA, _WARNING, "DBTITLE is not a cell's first line"),
    Rule("DBX224", "pip-after-code", _METADATA, _WARNING, "%pip installs after code ran"),
    # 23x: policies of a team
    Rule("DBX230", "title-cell-required", _METADATA, None, "no title cell"),
    Rule("DBX231", "owner-required", _METADATA, None, "no owner named"),
    Rule("DBX232", "magic-not-allowed", _METADATA, None, "a magic the policy forbids"),
    Rule("DBX233", "language-not-allowed", _METADATA, None, "a language the policy forbids"),
    Rule("DBX234", "too-many-cells", _METADATA, None, "more cells than the policy allows"),
    # 30x: %run and dbutils.notebook.run
    Rule("DBX301", "run-not-alone", _REFERENCES, _ERROR, "%run is not alone in its cell"),
    Rule("DBX302", "missing-target", _REFERENCES, _ERROR, "the notebook that is run is not there"),
    Rule("DBX303", "target-is-a-file", _REFERENCES, _ERROR, "what is run is no notebook"),
    Rule("DBX304", "target-with-extension", _REFERENCES, _ERROR, "a target carries a file ending"),
    Rule("DBX305", "target-case", _REFERENCES, _ERROR, "a target differs in upper and lower case"),
    Rule("DBX306", "run-cycle", _REFERENCES, _ERROR, "notebooks run one another in a circle"),
    Rule("DBX307", "runs-itself", _REFERENCES, _ERROR, "a notebook runs itself"),
    Rule("DBX308", "run-without-path", _REFERENCES, _ERROR, "%run names no notebook"),
    Rule("DBX309", "run-unclosed-quote", _REFERENCES, _ERROR, "a quote of %run is not closed"),
    Rule("DBX310", "unverifiable-target", _REFERENCES, None, "a target outside the repository"),
    # 32x-33x: names and modules
    Rule("DBX321", "used-before-definition", _REFERENCES, _ERROR, "a later cell defines the name"),
    Rule("DBX322", "lost-by-restart", _REFERENCES, _ERROR, "Python restarts after its definition"),
    Rule("DBX330", "missing-module", _REFERENCES, _ERROR, "a module that is not there"),
    Rule("DBX331", "missing-module-name", _REFERENCES, _ERROR, "the module lacks the name"),
    Rule("DBX332", "imported-notebook", _REFERENCES, _ERROR, "a notebook is imported as a module"),
    # 40x: parameters and widgets
    Rule("DBX401", "unknown-parameter", _REFERENCES, _WARNING, "nobody reads what is passed"),
    Rule("DBX402", "undeclared-widget", _REFERENCES, _WARNING, "a widget that nobody declares"),
    Rule("DBX403", "undeclared-sql-parameter", _REFERENCES, _WARNING, "nobody fills it in"),
    Rule("DBX404", "unread-widget", _REFERENCES, _WARNING, "nobody reads the widget"),
    Rule("DBX405", "default-not-a-choice", _REFERENCES, _ERROR, "the default is no choice"),
    Rule("DBX406", "value-not-a-string", _REFERENCES, _ERROR, "a parameter's value is no string"),
    Rule("DBX407", "parameter-needs-runtime", _REFERENCES, _ERROR, "the runtime lacks the syntax"),
    Rule("DBX408", "oversized-default", _REFERENCES, _ERROR, "a widget's default is too long"),
    # 42x-44x: job files
    Rule("DBX420", "unreadable-job-file", _REFERENCES, _ERROR, "the job file cannot be read"),
    Rule("DBX421", "duplicate-key", _REFERENCES, _ERROR, "a key stands twice"),
    Rule("DBX422", "unknown-field", _REFERENCES, _WARNING, "a field the Jobs API does not know"),
    Rule("DBX423", "missing-notebook", _REFERENCES, _ERROR, "the task's notebook is not there"),
    Rule("DBX424", "unknown-task-type", _REFERENCES, _ERROR, "a task of no kind, or of several"),
    Rule("DBX425", "duplicate-task-key", _REFERENCES, _ERROR, "two tasks share a key"),
    Rule("DBX426", "missing-dependency", _REFERENCES, _ERROR, "a dependency that is not there"),
    Rule("DBX427", "dependency-cycle", _REFERENCES, _ERROR, "tasks wait for one another"),
    Rule("DBX428", "undefined-job-cluster", _REFERENCES, _ERROR, "a job cluster nobody defines"),
    Rule("DBX429", "several-computes", _REFERENCES, _ERROR, "more than one kind of compute"),
    Rule("DBX430", "git-source-path", _REFERENCES, _ERROR, "a path git_source cannot use"),
    Rule("DBX431", "invalid-schedule", _REFERENCES, _ERROR, "a wrong cron expression or time zone"),
    Rule("DBX432", "over-job-limit", _REFERENCES, _ERROR, "more than a job may hold"),
    Rule("DBX433", "undefined-variable", _REFERENCES, _ERROR, "a bundle variable nobody defines"),
    Rule("DBX434", "bundle-include", _REFERENCES, _ERROR, "an include that leads nowhere or back"),
    Rule("DBX435", "wrong-type", _REFERENCES, _ERROR, "a field's value is of the wrong type"),
    # 5xx: SQL
    Rule("DBX501", "sql-syntax", _SYNTAX, _ERROR, "two parsers reject the SQL"),
    Rule("DBX502", "sql-syntax-suspect", _SYNTAX, _WARNING, "one parser of two rejects the SQL"),
    # 60x: secrets
    Rule("DBX601", "databricks-token", _SECRETS, _ERROR, "a token of Databricks"),
    Rule("DBX602", "azure-storage-key", _SECRETS, _ERROR, "a key of an Azure storage account"),
    Rule("DBX603", "azure-sas", _SECRETS, _ERROR, "a shared access signature"),
    Rule("DBX604", "connection-string", _SECRETS, _ERROR, "a connection string with its key"),
    Rule("DBX605", "client-secret", _SECRETS, _ERROR, "the secret of a service principal"),
    Rule("DBX606", "aws-key", _SECRETS, _ERROR, "a key of Amazon Web Services"),
    Rule("DBX607", "private-key", _SECRETS, _ERROR, "a private key"),
    Rule("DBX608", "password", _SECRETS, _ERROR, "a password"),
    Rule("DBX609", "json-web-token", _SECRETS, _ERROR, "a JSON Web Token"),
    Rule("DBX610", "other-token", _SECRETS, _ERROR, "a token of another service"),
    # 62x: leaks
    Rule("DBX620", "printed-secret", _SECRETS, _ERROR, "what a secret scope returned is shown"),
    # 70x: running
    Rule("DBX701", "cell-failed", _RUN, _ERROR, "a cell ended with an error"),
    Rule("DBX702", "run-timed-out", _RUN, _ERROR, "the notebook did not end in time"),
    Rule("DBX703", "needs-a-cluster", _RUN, _ERROR, "the engine cannot do what it asks"),
    Rule("DBX704", "platform-failed", _RUN, _ERROR, "the platform failed, not the notebook"),
    Rule("DBX705", "run-not-started", _RUN, _ERROR, "something it depends on is not green"),
    Rule("DBX706", "run-cancelled", _RUN, _ERROR, "it was stopped before it ended"),
    Rule("DBX707", "unexpected-end", _RUN, _ERROR, "it ended otherwise than expected"),
)

RULES: MappingProxyType[str, Rule] = MappingProxyType({rule.code: rule for rule in _ALL})

UNCHECKED_CODES = frozenset(rule.code for rule in _ALL if rule.unchecked)

INVALID_SYNTAX = "invalid-syntax"
"""ruff's own name for a Python syntax error."""

UNDEFINED_NAME = "F821"
"""ruff's code for a name that nothing defines; here decided across ``%run``."""
