"""Claims made into findings: where they stand in the file, and what the reader sees there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence

from pytest_dbxgate.checks import suppression
from pytest_dbxgate.checks.finding import Finding, in_cell, in_file
from pytest_dbxgate.checks.locating import Locator, in_text
from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.codes import RULES, Check, Severity
from pytest_dbxgate.notebook.model import Notebook, NotebookKey
from pytest_dbxgate.secrets.redact import Redactor
from pytest_dbxgate.settings import SettingsOf


def placed(
    claims: Iterable[Claim],
    read: Callable[[NotebookKey], Notebook | None],
    text_of: Callable[[str], str],
    settings: SettingsOf,
    *,
    whole: Collection[NotebookKey] = (),
) -> dict[NotebookKey, list[Finding]]:
    """The findings by notebook or job file, without those that a comment silences.

    ``read`` gives a notebook, and None for a job file, whose text ``text_of`` gives. In the
    notebooks of ``whole``, of which everything was checked, silencers that silence nothing are
    found besides.
    """
    by_key: dict[NotebookKey, list[Claim]] = defaultdict(list)
    for claim in claims:
        by_key[claim.key].append(claim)
    found: dict[NotebookKey, list[Finding]] = {}
    for key in whole:
        by_key.setdefault(key, [])
    for key, own in by_key.items():
        notebook = read(key)
        if notebook is None:
            found[key] = _in_file(own, text_of(key.path))
        else:
            unsilenceable = settings(key).is_unsilenceable
            found[key] = _in_notebook(notebook, own, unsilenceable, whole=key in whole)
    return found


def _in_notebook(
    notebook: Notebook,
    claims: Sequence[Claim],
    unsilenceable: Callable[[str], bool],
    *,
    whole: bool,
) -> list[Finding]:
    findings = [
        in_cell(
            notebook,
            notebook.cell(claim.spot.cell),
            _check(claim),
            claim.code,
            claim.message,
            line=claim.spot.line,
            column=claim.spot.column,
            end_line=claim.spot.end_line or None,
            end_column=claim.spot.end_column or None,
            severity=_severity(claim),
            hint=claim.hint,
        )
        for claim in claims
        if 1 <= claim.spot.cell <= len(notebook.cells)
    ]
    findings += [
        in_file(
            notebook,
            _check(claim),
            claim.code,
            claim.message,
            severity=_severity(claim),
            hint=claim.hint,
        )
        for claim in claims
        if claim.spot.cell == 0
    ]
    left = suppression.apply_between(notebook, findings, unsilenceable=unsilenceable, whole=whole)
    return sorted(map(Locator(notebook).place, left), key=lambda each: each.order)


def _in_file(claims: Sequence[Claim], text: str) -> list[Finding]:
    findings = [
        Finding(
            path=claim.key.path,
            check=_check(claim),
            code=claim.code,
            message=claim.message,
            severity=_severity(claim),
            hint=claim.hint,
            line=claim.spot.line,
            column=claim.spot.column,
            end_line=claim.spot.end_line or None,
            end_column=claim.spot.end_column or None,
        )
        for claim in claims
    ]
    redactor = Redactor(text)
    return sorted((in_text(each, redactor) for each in findings), key=lambda each: each.order)


def _check(claim: Claim) -> Check:
    return RULES[claim.code].check if claim.code in RULES else Check.REFERENCES


def _severity(claim: Claim) -> Severity:
    if claim.severity is not None:
        return claim.severity
    if claim.code not in RULES:
        return Severity.ERROR
    # A rule that is off by default warns where the settings switch it on.
    return RULES[claim.code].severity or Severity.WARNING
