"""ruff's rules for notebooks whose project does not configure ruff: what breaks a run.

Each code is named by itself, so that a new version of ruff adds nothing by surprise. The rules
that are errors of the compiler belong to the syntax check.
"""

from __future__ import annotations

from collections.abc import Mapping

DEFAULT_RULES: Mapping[str, str] = {
    "F501": "A `%` format string is malformed: ValueError.",
    "F502": "A `%` format with named fields gets something else than a mapping: TypeError.",
    "F503": "A `%` format with positional fields gets a mapping: TypeError.",
    "F505": "A `%` format names a field that its mapping lacks: KeyError.",
    "F506": "A `%` format mixes named and positional fields: TypeError or ValueError.",
    "F507": "A `%` format has more or fewer fields than values: TypeError.",
    "F508": "A `%` format with named fields uses `*`, which takes no name: ValueError.",
    "F509": "A `%` format has an unknown conversion character: ValueError.",
    "F521": "A `str.format` string is malformed: ValueError.",
    "F524": "A `str.format` string has a field without a value: IndexError or KeyError.",
    "F525": "A `str.format` string mixes numbered and automatic fields: ValueError.",
    "F631": "An `assert` of a non-empty tuple can never fail.",
    "F632": "`is` compares with a literal: true or false by chance.",
    "F633": "`print >> file` is Python 2: TypeError.",
    "F634": "An `if` on a non-empty tuple is always true.",
    "F822": "`__all__` names something undefined: `import *` fails.",
    "F823": "A local variable is read before it is assigned: UnboundLocalError.",
    "F901": "`raise NotImplemented` instead of `NotImplementedError`: TypeError.",
    "PLE0101": "`__init__` returns a value: TypeError.",
    "PLE0237": "An attribute that `__slots__` does not list is assigned: AttributeError.",
    "PLE0241": "A class names one base twice: TypeError.",
    "PLE0302": "A special method takes a number of parameters Python will not pass: TypeError.",
    "PLE0303": "`__len__` returns something else than an integer: TypeError.",
    "PLE0305": "`__index__` returns something else than an integer: TypeError.",
    "PLE0307": "`__str__` returns something else than a string: TypeError.",
    "PLE0308": "`__bytes__` returns something else than bytes: TypeError.",
    "PLE0309": "`__hash__` returns something else than an integer: TypeError.",
    "PLE0604": "`__all__` holds something else than strings: TypeError.",
    "PLE0605": "`__all__` is neither a list nor a tuple.",
    "PLE0643": "An index lies beyond the end of a literal: IndexError.",
    "PLE0704": "A bare `raise` outside of an `except` block: RuntimeError.",
    "PLE1132": "A keyword is passed twice in one call: TypeError.",
    "PLE1205": "A logging call has more values than fields: the message is lost.",
    "PLE1206": "A logging call has fewer values than fields: the message is lost.",
    "PLE1300": "A format string has an unknown conversion: ValueError.",
    "PLE1307": "A `%` format gets a literal of the wrong type: TypeError.",
    "PLE1507": "`os.getenv` gets something else than a string: TypeError.",
    "PLE1519": "`@singledispatch` on a method dispatches on `self`.",
    "PLE1520": "`@singledispatchmethod` on a function cannot be called as one.",
    "PLE2502": "Invisible characters make the code read in another order than it runs.",
    "B002": "`++n` and `--n` change nothing in Python.",
    "B016": "`raise` of a literal: TypeError.",
    "B020": "A loop's variable overwrites what the loop iterates over.",
    "B029": "`except ():` catches nothing.",
    "B030": "`except` of something that is no exception class: TypeError.",
    "B031": "A group of `itertools.groupby` is used again once it is exhausted.",
    "B032": "`x: 1` annotates a name where an assignment was meant.",
    "B035": "A dict comprehension with a constant key keeps one entry only.",
    "PLW0133": "An exception is created but not raised.",
    "PLW0245": "`super` without parentheses: AttributeError.",
    "PLW0711": "`except A or B` catches `A` only.",
    "RUF016": "A list, tuple or string is indexed with a literal of the wrong type: TypeError.",
    "T100": "A breakpoint stops a job until it times out.",
}
"""Code -> what goes wrong, one sentence each."""


_GLOBALS = """
    spark sc sqlContext sql table udf dbutils display displayHTML getArgument _sqldf
    get_ipython In Out _ __ ___
"""
GLOBALS = frozenset(_GLOBALS.split())
"""Names that exist in every Python cell on Databricks."""


def configuration() -> str:
    """The ruff.toml for notebooks that have none: these rules, ruff's own format."""
    codes = ", ".join(f'"{code}"' for code in DEFAULT_RULES)
    # Findings about these names are dropped in any case; here ruff need not even print them.
    names = ", ".join(f'"{name}"' for name in sorted(GLOBALS))
    # The oldest Python of a supported runtime: what the formatter writes runs on all of them.
    return (
        f'target-version = "py310"\nexclude = []\nextend-exclude = []\nbuiltins = [{names}]\n'
        f"[lint]\nselect = [{codes}]\n"
    )
