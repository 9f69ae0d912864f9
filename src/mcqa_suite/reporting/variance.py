"""`mcqa variance`: spread over draws, what harder variants cost, the generalisation gap, and single templates."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from mcqa_suite.analysis.variance import Drawn, Draws, difference, gap, same_documents, spread, steps
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.reporting.tables import Table, markdown, percent, points
from mcqa_suite.stats import Estimate

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
    """Markdown: every table for which there is data. DatasetError where runs share no task."""
    parts = [spread_table(runs), step_table(runs), gap_table(runs), *template_tables(runs, worst)]
    return "\n".join(markdown(table) for table in parts if table.rows)


def _tasks(runs: Sequence[Drawn]) -> list[str]:
    """Tasks of all runs, in the order of the first that has them."""
    return list(dict.fromkeys(task for run in runs for task in run.tasks))


def spread_table(runs: Sequence[Drawn]) -> Table:
    """A row a task and run: mean, interval, standard deviation, worst and best draw, difference to the first run."""
    rows = []
    left_out = []
    for task in _tasks(runs):
        first = None
        for run in runs:
            if (draws := run.tasks.get(task)) is None:
                continue
            first = first or draws
            found = spread(draws)
            rows.append(
                (
                    task,
                    run.run,
                    f"{len(draws.templates)} x {draws.right.shape[1]}",
                    percent(found.mean.value),
                    _interval(found.mean),
                    percent(found.std, 2),
                    f"{percent(found.lowest)} to {percent(found.highest)}",
                    _change(first, draws),
                    percent(draws.unread),
                )
            )
            left_out += (
                [f"{run.run}, {task}: {draws.left_out} documents of incomplete draws left out."]
                if draws.left_out
                else []
            )
    header = ("task", "run", "templates x draws", "mean %", "95 %", "std", "draws %", "difference (points)", "unread %")
    return Table("Spread over draws", header, rows, (SPREAD_NOTE.format(first=runs[0].run), *left_out))


def _change(first: Draws, draws: Draws) -> str:
    if first is draws:
        return ""
    try:
        value = difference(first, draws).value
    except DatasetError:
        return "no template in common"
    return ("" if same_documents(first, draws) else "≈ ") + _points(value)


def step_table(runs: Sequence[Drawn]) -> Table:
    """A row a family and step, a column a run."""
    families = list(dict.fromkeys(draws.family for run in runs for draws in run.tasks.values()))
    rows = []
    for family in families:
        found = [{(a, b): step for a, b, step in steps(run, family)} for run in runs]
        for pair in dict.fromkeys(key for one in found for key in one):
            cells = [f"{_points(one[pair].value)} [{one[pair].templates}]" if pair in one else "" for one in found]
            rows.append((f"{family}: {pair[0]} → {pair[1]}", *cells))
    return Table("From variant to variant (points)", ("step", *(run.run for run in runs)), rows, (STEP_NOTE,))


def gap_table(runs: Sequence[Drawn]) -> Table:
    """A row a run that holds GSM8K beside a task whose documents name their originals."""
    rows = []
    for run in runs:
        for draws in run.tasks.values():
            if found := gap(draws, run.gsm8k) if draws.variant == "main" else None:
                other, further = found.other, found.same_to_other
                rows.append(
                    (
                        run.run,
                        f"{percent(found.symbolic.value)} ({_interval(found.symbolic)})",
                        f"{percent(found.same.value)} ({_interval(found.same)}), n {found.same.n}",
                        f"{percent(other.value)} ({_interval(other)}), n {other.n}" if other else "",
                        _points(found.symbolic_to_same),
                        _points(further) if further else "",
                    )
                )
    header = (
        "run",
        "GSM-Symbolic %",
        "GSM8K same %",
        "GSM8K other %",
        "same - symbolic (points)",
        "other - same (points)",
    )
    return Table("Generalisation gap", header, rows, (GAP_NOTE,))


def template_tables(runs: Sequence[Drawn], worst: int) -> list[Table]:
    """A table a task: accuracy of each template, a column a run, the first run's worst on top."""
    tables = []
    for task in _tasks(runs):
        columns = [_by_template(run.tasks.get(task)) for run in runs]
        first = next(column for column in columns if column)
        names = sorted(first, key=lambda name: (first[name], name))
        rows = [(name, *(percent(column.get(name)) for column in columns)) for name in names[:worst]]
        rest = (f"{len(names) - worst} better templates are in the CSV.",) if len(names) > worst else ()
        tables.append(Table(f"{task}: accuracy by template (%)", ("template", *(run.run for run in runs)), rows, rest))
    return tables


def _by_template(draws: Draws | None) -> dict[str, float]:
    return dict(zip(draws.templates, map(float, draws.by_template), strict=True)) if draws else {}


def variance_csv(runs: Sequence[Drawn]) -> str:
    """Everything in full precision, one figure a line: what, run, task, name, value, low, high, n."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["what", "run", "task", "name", "value", "low", "high", "n"])
    for run in runs:
        writer.writerows(_lines(run))
        for task, draws in run.tasks.items():
            base = runs[0].tasks.get(task)
            if base is not None and base is not draws and len({*base.templates} & {*draws.templates}) > 1:
                how = "document" if same_documents(base, draws) else "template"
                writer.writerow(
                    ["difference", run.run, task, f"to {runs[0].run} by {how}", *_values(difference(base, draws).value)]
                )
    return out.getvalue()


def _lines(run: Drawn) -> Iterable[list[object]]:
    for task, draws in run.tasks.items():
        found = spread(draws)
        yield ["mean", run.run, task, "", *_values(found.mean)]
        yield ["std", run.run, task, "", found.std, "", "", draws.right.shape[1]]
        for number, rate in enumerate(draws.by_instance):
            yield ["draw", run.run, task, str(number), float(rate), "", "", len(draws.templates)]
        for name, rate in _by_template(draws).items():
            yield ["template", run.run, task, name, rate, "", "", draws.right.shape[1]]
        if draws.variant == "main" and (held := gap(draws, run.gsm8k)):
            named = {"same": held.same, "other": held.other, "same - symbolic": held.symbolic_to_same}
            for name, value in {**named, "other - same": held.same_to_other}.items():
                if value is not None:
                    yield ["gap", run.run, task, name, *_values(value)]
    for family in dict.fromkeys(draws.family for draws in run.tasks.values()):
        for first, second, step in steps(run, family):
            yield ["step", run.run, family, f"{first} to {second}", *_values(step.value)]


def _values(estimate: Estimate) -> list[float]:
    return [estimate.value, estimate.low, estimate.high, estimate.n]


def _interval(estimate: Estimate) -> str:
    return f"{percent(max(0.0, estimate.low))} to {percent(min(1.0, estimate.high))}"


def _points(estimate: Estimate) -> str:
    return f"{points(estimate.value)} ({points(estimate.low)} to {points(estimate.high)})"
