"""A comparison as GitHub's workflows show it: a summary in Markdown, and annotations."""

from __future__ import annotations

from collections.abc import Sequence

from mcqa_suite.analysis.compare import FAILED, NOT_JUDGED, PASSED, UNDECIDED, Comparison, Gate
from mcqa_suite.common.foreign_text import github_markdown, one_line, workflow_command
from mcqa_suite.common.masking import masked
from mcqa_suite.reporting.gate_cases import Case
from mcqa_suite.reporting.verdict_table import verdict_markdown

HEADINGS = {PASSED: "passed", FAILED: "failed", NOT_JUDGED: "cannot be judged", UNDECIDED: "undecided"}
LEVELS = {"failed": "error", "undecided": "error", "error": "error", "skipped": "warning", "passed": "notice"}
MOST_ANNOTATIONS = 10  # of each level that GitHub shows for a step
MOST_CHARACTERS = 60_000  # a comment on GitHub has at most 65,536


def summary(comparison: Comparison, gate: Gate | None) -> str:
    """The outcome of the gate with its reasons, the table of verdicts, and what could not be read or compared."""
    lines = [f"## Gate: {_outcome(comparison, gate)}", ""] if gate else []
    lines += [f"- {one_line(line)}" for line in gate.lines] if gate else []
    problems = dict.fromkeys([*comparison.problems, *(comparison.incomplete if gate else ())])
    lines += [f"- cannot be judged: {one_line(line)}" for line in problems]
    lines += ["", *verdict_markdown(comparison, more="").splitlines()]
    return _shortened(github_markdown(masked("\n".join(lines))).strip().splitlines())


def _outcome(comparison: Comparison, gate: Gate) -> str:
    return HEADINGS[NOT_JUDGED if comparison.problems or comparison.incomplete else gate.exit_code]


def _shortened(lines: Sequence[str]) -> str:
    """The first lines that fit into a comment."""
    size, shown = 0, list[str]()
    for line in lines:
        size += len(line) + 1
        if size > MOST_CHARACTERS:
            return "\n".join([*shown, "", f"Cut here: {len(lines) - len(shown)} more lines do not fit.\n"])
        shown.append(line)
    return "\n".join(shown) + "\n"


def annotation_commands(cases: Sequence[Case]) -> list[str]:
    """Workflow commands: an error for each case that is no pass, and a notice for each other one; the first ten of a level.

    Under a gate over several tasks the rows that pass have no notice of their own.
    """
    over_tasks = any(case.over_tasks for case in cases)
    commands: dict[str, list[str]] = {}
    for case in cases:
        if case.outcome == "passed" and over_tasks and not case.over_tasks:
            continue
        level = LEVELS[case.outcome]
        title = f"{case.variant}: {case.name}" if case.variant else "mcqa compare"
        text = "\n".join(dict.fromkeys(filter(None, (case.reason, case.detail))))
        commands.setdefault(level, []).append(workflow_command(level, masked(title), masked(text)))
    return [line for level, lines in commands.items() for line in _first_few(level, lines)]


def _first_few(level: str, lines: Sequence[str]) -> list[str]:
    if len(lines) <= MOST_ANNOTATIONS:
        return list(lines)
    rest = len(lines) - MOST_ANNOTATIONS + 1
    return [*lines[: MOST_ANNOTATIONS - 1], workflow_command(level, "mcqa compare", f"{rest} more in the summary")]
