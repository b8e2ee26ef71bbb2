"""sqlfluff, as the worker processes use it: configuration by folder, parsing, linting, layout.

Nothing of a project is executed: the templater is always ``raw``, so no macro, library or
context of the project's configuration is ever loaded.
"""

from __future__ import annotations

import fnmatch
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sqlfluff.core import FluffConfig, Linter
from sqlfluff.core.config.file import load_config_file_as_dict
from sqlfluff.core.config.loader import load_config_up_to_path
from sqlfluff.core.errors import SQLLintError
from sqlfluff.core.rules import RulePack

from pytest_dbxgate.checks.sql.config import configured
from pytest_dbxgate.checks.sql.default_rules import DEFAULT_RULES, NEEDED_WORDS

_TOO_DEEP = "it is nested too deeply for sqlfluff"
_TOO_LARGE = "it is too large for sqlfluff"
_LIMITS = {
    "Maximum parse depth exceeded": _TOO_DEEP,
    "Maximum parse node count exceeded": _TOO_LARGE,
    "Parser exceeded maximum iteration limit": _TOO_LARGE,
}


class BrokenConfigurationError(Exception):
    """sqlfluff refuses a project's configuration; ``file`` is the one to mend."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(reason)
        self.file = file
        self.reason = reason


class LimitError(Exception):
    """sqlfluff reached a limit of its own; ``str()`` says which."""


class Rejection(NamedTuple):
    """Where sqlfluff cannot go on (1-based), and the text it cannot read."""

    line: int
    column: int
    text: str


class Remark(NamedTuple):
    """One lint finding. Positions are 1-based, the end is exclusive."""

    code: str
    message: str
    line: int
    column: int
    end_line: int
    end_column: int
    layout: bool
    warning: bool


class Mask:
    """The ``noqa`` comments of a text."""

    def __init__(self, mask: Any) -> None:
        self._mask = mask

    def hides(self, code: str, line: int) -> bool:
        """Whether a comment silences ``code`` on the 1-based ``line``."""
        if self._mask is None:
            return False
        return not self._mask.ignore_masked_violations([_At(code, line)])


class _At:
    """As much of a violation as sqlfluff's mask looks at."""

    line_pos = 1

    def __init__(self, code: str, line: int) -> None:
        self.line_no = line
        self._code = code

    def rule_code(self) -> str:
        return self._code


@dataclass(frozen=True, slots=True)
class Parsed:
    """The outcome of a parse."""

    result: Any
    tool: Tool

    def rejections(self) -> list[Rejection]:
        """What could not be read, in order. Raises :class:`LimitError`."""
        found: list[Rejection] = []
        for violation in self.result.violations:
            for beginning, reason in _LIMITS.items():
                if violation.desc().startswith(beginning):
                    raise LimitError(reason)
            segment = getattr(violation, "segment", None)
            text = segment.raw if segment is not None else ""
            found.append(Rejection(violation.line_no, violation.line_pos, text))
        return sorted(found)

    def mask(self) -> Mask:
        nothing = RulePack([], self.tool.rules.reference_map)
        return Mask(self.tool.linter.lint_parsed(self.result, nothing).ignore_mask)

    def remarks(self) -> list[Remark]:
        """What the rules say. Raises :class:`LimitError`."""
        rules = _applicable(self.tool.rules, self.result.source_str)
        if not rules.rules:
            return []
        try:
            linted = self.tool.linter.lint_parsed(self.result, rules)
        except RecursionError:
            raise LimitError("it is nested too deeply for sqlfluff's rules") from None
        except Exception as error:
            raise LimitError(f"sqlfluff's rules failed on it: {_first_line(error)}") from None
        violations = linted.get_violations(filter_warning=False, types=SQLLintError)
        return [_remark(item) for item in violations]

    def laid_out(self) -> str:
        """The text after sqlfluff's layout fixes. Raises :class:`LimitError`."""
        try:
            linted = self.tool.linter.lint_parsed(self.result, self.tool.layout, fix=True)
            fixed, _ = linted.fix_string()
        except Exception as error:
            raise LimitError(f"sqlfluff failed on it: {_first_line(error)}") from None
        return str(fixed)


def _applicable(rules: RulePack, text: str) -> RulePack:
    """The rules that have anything to look at in ``text``.

    Each crawls the whole tree, which costs most where it cannot find anything.
    """
    return RulePack(
        [
            rule
            for rule in rules.rules
            if rule.code not in NEEDED_WORDS or re.search(NEEDED_WORDS[rule.code], text, re.I)
        ],
        rules.reference_map,
    )


@dataclass(frozen=True, slots=True)
class Tool:
    """sqlfluff with the configuration of one folder."""

    linter: Linter
    without_noqa: FluffConfig
    """The linter's configuration, for texts that hold no ``noqa``: it need not be looked for."""
    rules: RulePack
    layout: RulePack
    """The rules among them that are about layout."""
    problem: BrokenConfigurationError | None = None
    """Why the folder's own configuration is not used."""

    def parse(self, text: str) -> Parsed:
        """Parse SQL. Raises :class:`LimitError`."""
        most = self.linter.config.get("max_parse_nodes")
        if most and sum(map(text.count, ",()=")) > most:
            # Certain to be refused, but only after lexing it at a great cost.
            raise LimitError(_TOO_LARGE)
        try:
            return Parsed(self._parse(text + "\n"), self)
        except RecursionError:
            raise LimitError(_TOO_DEEP) from None
        except Exception as error:
            raise LimitError(f"sqlfluff failed on it: {_first_line(error)}") from None

    def _parse(self, text: str) -> Any:
        if "sqlfluff" in text:
            return self.linter.parse_string(text)  # it may configure itself in a comment
        # The same without copying the whole configuration, which takes an eighth of the time.
        config = self.linter.config if "noqa" in text.lower() else self.without_noqa
        return self.linter.parse_rendered(
            self.linter.render_string(text, "<string>", config, "utf-8")
        )


class Tools:
    """The :class:`Tool` of each folder. Folders with equal configuration share one."""

    def __init__(self) -> None:
        self._by_folder: dict[str, Tool] = {}
        self._by_content: dict[str, Tool] = {}

    def of(self, folder: str) -> Tool:
        """The tool for the files of ``folder``, an absolute path below the working directory."""
        if folder not in self._by_folder:
            self._by_folder[folder] = self._load(folder)
        return self._by_folder[folder]

    def _load(self, folder: str) -> Tool:
        path = str(Path(folder) / "notebook.sql")
        try:
            table = load_config_up_to_path(path=path)
            content = json.dumps(table, sort_keys=True, default=str)
            if content not in self._by_content:
                self._by_content[content] = _tool(table)
            return self._by_content[content]
        except Exception as error:
            return _tool({}, problem=_broken(folder, error))


def _tool(table: Any, problem: BrokenConfigurationError | None = None) -> Tool:
    core = table.get("core", {})
    overrides: dict[str, Any] = {
        # raw: what a project's templater configuration names is code, and is never loaded
        "templater": "raw",
        "large_file_skip_byte_limit": 0,
        "dialect": core.get("dialect") or "databricks",
    }
    if not table:
        overrides["rules"] = ",".join(DEFAULT_RULES)
    try:
        linter = Linter(config=FluffConfig(configs=table, overrides=overrides))
    except KeyError:
        raise ValueError(f"there is no dialect {overrides['dialect']}") from None
    rules = linter.get_rulepack()
    unknown = _unknown_rules(core, rules)
    if unknown:
        raise ValueError(f"there is no rule {unknown}")
    layout = RulePack([rule for rule in rules.rules if is_layout(rule)], rules.reference_map)
    without_noqa = linter.config.copy()
    without_noqa.set_value(["core", "disable_noqa"], True)
    return Tool(linter, without_noqa, rules, layout, problem)


def _unknown_rules(core: Any, rules: RulePack) -> str:
    """The first entry of ``rules`` that matches none: sqlfluff would quietly run no rule."""
    names = str(core.get("rules") or "all").strip("[]'\"")
    for name in (item.strip() for item in names.split(",")):
        if name and name != "all" and not fnmatch.filter(rules.reference_map, name):
            return name
    return ""


def is_layout(rule: Any) -> bool:
    return "layout" in rule.groups


def _broken(folder: str, error: Exception) -> BrokenConfigurationError:
    """Find the file that sqlfluff cannot read; the nearest one where each can be read alone."""
    nearest = folder
    for directory in (Path(folder), *Path(folder).parents):
        for file in configured(directory):
            nearest = str(file) if nearest == folder else nearest
            try:
                load_config_file_as_dict(str(file))
            except Exception as reason:
                return BrokenConfigurationError(str(file), _first_line(reason))
    return BrokenConfigurationError(nearest, _first_line(error))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]


def _remark(violation: Any) -> Remark:
    place = violation.segment.pos_marker.to_source_dict()
    return Remark(
        code=violation.rule_code(),
        message=violation.desc(),
        line=violation.line_no,
        column=violation.line_pos,
        end_line=place.get("end_line_no", violation.line_no),
        end_column=place.get("end_line_pos", violation.line_pos),
        layout=is_layout(violation.rule),
        warning=violation.warning,
    )
