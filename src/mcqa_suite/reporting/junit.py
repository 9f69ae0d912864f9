"""A comparison as JUnit XML, which CI servers show as test cases."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from mcqa_suite.common.foreign_text import xml_text
from mcqa_suite.common.masking import masked
from mcqa_suite.reporting.gate_cases import Case

ELEMENTS = {"failed": "failure", "undecided": "failure", "error": "error", "skipped": "skipped"}
OTHERS = "comparison"  # class and suite of what concerns no row


def junit_xml(cases: Sequence[Case]) -> str:
    """A test suite a variant and a test case a row. All characters outside ASCII are references."""
    root = Element("testsuites", {"name": "mcqa compare", **_counts(cases)})
    for key in dict.fromkeys((case.variant, case.parent) for case in cases):
        variant, parent = key
        own = [case for case in cases if (case.variant, case.parent) == key]
        name = f"{variant} against {parent}" if variant else OTHERS
        skipped = str(sum(case.outcome == "skipped" for case in own))
        suite = SubElement(root, "testsuite", {"name": _text(name), **_counts(own), "skipped": skipped, "time": "0"})
        for case in own:
            _add(suite, case)
    indent(root)
    document: bytes = tostring(root, encoding="us-ascii", xml_declaration=True)
    return document.decode("ascii") + "\n"


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    elements = [ELEMENTS.get(case.outcome) for case in cases]
    return {
        "tests": str(len(cases)),
        "failures": str(elements.count("failure")),
        "errors": str(elements.count("error")),
    }


def _add(suite: Element, case: Case) -> None:
    attributes = {"classname": _text(case.variant or OTHERS), "name": _text(case.name), "time": "0"}
    element = SubElement(suite, "testcase", attributes)
    if case.outcome == "passed":
        SubElement(element, "system-out").text = _text(case.detail)
        return
    problem = {"message": _text(case.reason), "type": case.outcome}
    lines = [case.reason, *([case.detail] if case.detail != case.reason else [])]
    SubElement(element, ELEMENTS[case.outcome], problem).text = _text("\n".join(filter(None, lines)))


def _text(text: str) -> str:
    return xml_text(masked(text))
