"""`mcqa variance`: spread over draws, differences between variants, the generalisation gap, single templates, a figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mcqa_suite.analysis.variance import (
    Drawn,
    Draws,
    Gap,
    difference,
    gap,
    gap_refusal,
    refusal_of,
    same_documents,
    step_refusals,
    steps,
)
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.logs.settings import ASKED_DIFFERENTLY
from mcqa_suite.reporting.tables import Table, markdown, percent, percent_range, points_interval
from mcqa_suite.stats import Estimate

COLUMNS = ("what", "run", "task", "name", "value", "low", "high", "n")
SPREAD_NOTE = (
    "One draw is one instance of every template; the standard deviation is over draws. The 95 % interval of the mean, and of "
    "differences, is over templates (cluster-robust, Student's t). Difference: to {first}, paired by document; ≈ by template "
    "where the draws are not the same."
)
STEP_NOTE = (
    "Second minus first, paired by template, with the 95 % interval over templates; in brackets how many both have."
)
GAP_NOTE = (
    "Same: the GSM8K questions that the templates were made from; other: the rest of GSM8K's test set. Same minus symbolic is "
    "paired by template; other minus same compares different questions (Newcombe's interval)."
)


def variance_report(runs: Sequence[Drawn], worst: int = 20) -> str:
    """Markdown: every table for which there is data."""
    parts = [spread_table(runs), step_table(runs), gap_table(runs), *template_tables(runs, worst)]
    return "\n".join(markdown(table) for table in parts if table.rows or len(table.notes) > 1)


def _by_task(runs: Sequence[Drawn]) -> dict[str, list[Draws]]:
    """Each task with the runs that have it, in the order of the first run that does."""
    tasks = dict.fromkeys(task for run in runs for task in run.tasks)
    return {task: [run.tasks[task] for run in runs if task in run.tasks] for task in tasks}


def spread_table(runs: Sequence[Drawn]) -> Table:
    """A row a task and run: mean, interval, standard deviation, worst and best draw, difference to the first run."""
    header = ("task", "run", "templates x draws", "mean %", "95 %", "std", "draws %", "difference (points)", "unread %")
    rows, notes = [], [SPREAD_NOTE.format(first=runs[0].run)]
    for task, columns in _by_task(runs).items():
        for draws in columns:
            rates = draws.by_instance
            rows.append(
                (
                    task,
                    f"{draws.run}{' †' if draws.problems else ' ‡' if draws.warnings else ''}",
                    f"{len(draws.templates)} x {draws.right.shape[1]}",
                    percent(draws.mean.value),
                    percent_range(draws.mean),
                    percent(draws.std, 2),
                    f"{percent(float(rates.min()))} to {percent(float(rates.max()))}",
                    _change(columns[0], draws),
                    percent(draws.unread),
                )
            )
            notes += [f"† {line}." for line in draws.problems] + [f"‡ {line}." for line in draws.warnings]
            if draws.left_out:
                notes.append(f"{draws.run}, {task}: {draws.left_out} documents of incomplete draws left out.")
            if reason := refusal_of(columns[0], draws):
                notes.append(f"Asked differently, so not subtracted: {draws.run}, {task}: {reason}.")
    return Table("Spread over draws", header, rows, notes, left=2)


def _change(first: Draws, draws: Draws) -> str:
    if first is draws:
        return ""
    if first.problems or draws.problems:
        return "not valid"
    if refusal_of(first, draws):
        return ASKED_DIFFERENTLY
    try:
        value = difference(first, draws).value
    except DatasetError:
        return "no template in common"
    return ("" if same_documents(first, draws) else "≈ ") + points_interval(value)


def step_table(runs: Sequence[Drawn]) -> Table:
    """A row a family and step, a column a run."""
    rows, notes = [], [STEP_NOTE]
    for family in _families(*runs):
        reasons = [f"{run.run}: {reason}" for run in runs for reason in step_refusals(run, family)]
        notes += [f"Asked differently, so not subtracted: {'; '.join(reasons)}."] if reasons else []
        columns = [{(first, second): step for first, second, step in steps(run, family)} for run in runs]
        for pair in dict.fromkeys(pair for column in columns for pair in column):
            cells = [
                f"{points_interval(column[pair].value)} [{column[pair].templates}]" if pair in column else ""
                for column in columns
            ]
            rows.append((f"{family}: {pair[0]} → {pair[1]}", *cells))
    return Table("From variant to variant (points)", ("step", *(run.run for run in runs)), rows, notes)


def _families(*runs: Drawn) -> list[str]:
    return list(dict.fromkeys(draws.family for run in runs for draws in run.tasks.values()))


def gap_table(runs: Sequence[Drawn]) -> Table:
    """A row a run that holds GSM8K beside a task whose documents name their originals."""
    header = (
        *("run", "GSM-Symbolic %", "GSM8K same %", "GSM8K other %"),
        *("same - symbolic (points)", "other - same (points)"),
    )
    rows, notes = [], [GAP_NOTE]
    for run in runs:
        for draws in run.tasks.values():
            if draws.variant == "main" and (reason := gap_refusal(draws, run)):
                notes.append(f"Asked differently, so left out: {run.run}: {reason}.")
            if values := _gap(draws, run):
                other, same_to_other = values.other, values.same_to_other
                rows.append(
                    (
                        run.run,
                        f"{percent(values.symbolic.value)} ({percent_range(values.symbolic)})",
                        f"{percent(values.same.value)} ({percent_range(values.same)}), n {values.same.n}",
                        f"{percent(other.value)} ({percent_range(other)}), n {other.n}" if other else "",
                        points_interval(values.symbolic_to_same),
                        points_interval(same_to_other) if same_to_other else "",
                    )
                )
    return Table("Generalisation gap", header, rows, notes)


def _gap(draws: Draws, run: Drawn) -> Gap | None:
    """The gap of a task without changes, where GSM8K was asked in the same way."""
    return None if draws.variant != "main" or gap_refusal(draws, run) else gap(draws, run.gsm8k)


def template_tables(runs: Sequence[Drawn], worst: int) -> list[Table]:
    """A table a task: accuracy of each template, a column a run, the first run's worst on top."""
    tables = []
    for task, columns in _by_task(runs).items():
        first = _by_template(columns[0])
        names = sorted(first, key=lambda name: (first[name], name))
        shares = [_by_template(run.tasks[task]) if task in run.tasks else {} for run in runs]
        rows = [(name, *(percent(column.get(name)) for column in shares)) for name in names[:worst]]
        rest = (f"{len(names) - worst} better templates are in the CSV.",) if len(names) > worst else ()
        tables.append(Table(f"{task}: accuracy by template (%)", ("template", *(run.run for run in runs)), rows, rest))
    return tables


def _by_template(draws: Draws) -> dict[str, float]:
    return dict(zip(draws.templates, map(float, draws.by_template), strict=True))


def variance_records(runs: Sequence[Drawn]) -> list[dict[str, object]]:
    """Every figure as a record: what, run, task, name, value, low, high, n."""
    return [dict(zip(COLUMNS, row, strict=True)) for run in runs for row in _rows(run, runs[0])]


def _rows(run: Drawn, base: Drawn) -> Iterator[tuple[object, ...]]:
    for task, draws in run.tasks.items():
        draws_of_each = draws.right.shape[1]
        yield "mean", run.run, task, "", *_values(draws.mean)
        for what, lines in (("not valid", draws.problems), ("warning", draws.warnings)):
            for line in lines:
                yield what, run.run, task, line, None, None, None, None
        yield "std", run.run, task, "", draws.std, None, None, draws_of_each
        for number, rate in enumerate(draws.by_instance):
            yield "draw", run.run, task, str(number), float(rate), None, None, len(draws.templates)
        for name, rate in _by_template(draws).items():
            yield "template", run.run, task, name, rate, None, None, draws_of_each
        if values := _gap(draws, run):
            named = {"same": values.same, "other": values.other, "same - symbolic": values.symbolic_to_same}
            for name, value in {**named, "other - same": values.same_to_other}.items():
                if value is not None:
                    yield "gap", run.run, task, name, *_values(value)
    for family in _families(run):
        for first, second, step in steps(run, family):
            yield "step", run.run, family, f"{first} to {second}", *_values(step.value)
    for task, draws in run.tasks.items():
        first_draws = base.tasks.get(task)
        if first_draws in (None, draws) or refusal_of(first_draws, draws) or first_draws.problems or draws.problems:
            continue
        if len({*first_draws.templates} & {*draws.templates}) > 1:
            how = "document" if same_documents(first_draws, draws) else "template"
            yield "difference", run.run, task, f"to {base.run} by {how}", *_values(difference(first_draws, draws).value)


def _values(estimate: Estimate) -> tuple[float, float, float, float]:
    return estimate.value, estimate.low, estimate.high, estimate.n
