"""JUnit XML of a command that ran no test: one case, as pytest would have written it."""

from __future__ import annotations

from xml.etree import ElementTree

from pytest_dbxgate.delivery.published import Published
from pytest_dbxgate.reporting.published import headline, lines


def document(published: Published, *, seconds: float) -> bytes:
    """A test suite of one case, red where the command's exit code is not 0."""
    failed = bool(published.exit_code)
    suite = ElementTree.Element(
        "testsuite",
        name="pytest-dbxgate",
        tests="1",
        failures=str(int(failed)),
        errors="0",
        skipped="0",
        time=f"{seconds:.3f}",
    )
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname="dbx",
        name=f"{published.mode.value}[{published.target}]",
        time=f"{seconds:.3f}",
    )
    told = "\n".join(lines(published))
    if failed:
        failure = ElementTree.SubElement(case, "failure", message=headline(published))
        failure.text = told
    else:
        ElementTree.SubElement(case, "system-out").text = told
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    text: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return text
