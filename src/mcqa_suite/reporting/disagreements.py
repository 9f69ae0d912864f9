"""Responses on which readers of answers disagree, as Markdown and as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from mcqa_suite.analysis.disagreements import LISTED, OUTCOMES, disagreement, outcomes_by_reader
from mcqa_suite.logs.responses import Answer, ReadResponse
from mcqa_suite.questions.question import option_label
from mcqa_suite.reporting.html import policy
from mcqa_suite.reporting.tables import Table, markdown, percent
from mcqa_suite.reporting.templating import clean, source, template

EXAMPLES = 3  # of each kind of disagreement in the terminal
MOST_ON_PAGE = 300
TAIL, PAGE_TAIL = 200, 3000  # characters at the end of a response that are shown
SELECTED = (
    "By your labels. The responses are those on which readers disagree, so these are no shares of all responses; "
    "fp: an answer is read where the response gives no single one."
)
NOTE = "Where only mcqa reads an answer, a response is listed if no other reader has one."


def counts(responses: Sequence[ReadResponse]) -> Table:
    """A row for each reader: in how many responses it reads the same, something else, or nothing."""
    rows = [
        (reader, str(count.total()), *(str(count[name]) for name in OUTCOMES))
        for reader, count in outcomes_by_reader(responses).items()
    ]
    return Table("", ("reader", "responses", *OUTCOMES), rows, (_summary(responses),))


def _summary(responses: Sequence[ReadResponse]) -> str:
    kinds = Counter(filter(None, map(disagreement, responses)))
    listed = ", ".join(f"{kinds[kind]} {kind}" for kind in LISTED)
    return f"{kinds.total()} of {len(responses)} responses are listed: {listed}. {NOTE}"


def text(responses: Sequence[ReadResponse]) -> str:
    """The table of counts, and examples of each kind of disagreement."""
    parts = [markdown(counts(responses))]
    for kind in LISTED:
        examples = [response for response in responses if disagreement(response) == kind][:EXAMPLES]
        if examples:
            parts.append(f"### {kind}\n\n" + "\n".join(map(_example, examples)))
    return "\n".join(parts)


def _example(response: ReadResponse) -> str:
    readers = "; ".join(f"{name}: {shown(answer)}" for name, answer in response.readers.items())
    return f"- {response.id}\n  {readers}\n  {tail(' '.join(response.text.split()), TAIL)}\n"


def scores_table(scores: Mapping[str, Counter[str]]) -> Table:
    """A row for each reader: ok, wrong and none in % of the responses with an answer, fp in % of those without."""
    header = ("reader", "with an answer", "ok %", "wrong %", "none %", "without", "fp %")
    rows = []
    for reader, count in scores.items():
        labelled, without = (
            sum(count[name] for name in names) for names in (("ok", "wrong", "none"), ("fp", "silent"))
        )
        shares = [percent(count[name] / labelled) if labelled else "-" for name in ("ok", "wrong", "none")]
        fp = percent(count["fp"] / without) if without else "-"
        rows.append((reader, str(labelled), *shares, str(without), fp))
    return Table("", header, rows, (SELECTED,))


def shown(answer: Answer) -> str:
    return "-" if answer is None else answer


def tail(response: str, most: int) -> str:
    """The end of a response, without characters that could repaint a terminal."""
    return clean(response if len(response) <= most else f"... {response[-most:]}")


def page(responses: Sequence[ReadResponse]) -> str:
    """The counts and the listed responses as one HTML file that loads nothing."""
    from mcqa_suite.reporting.figures import css_variables

    listed = [(kind, response) for response in responses if (kind := disagreement(response))]
    listed.sort(key=lambda item: LISTED.index(item[0]))
    style = css_variables() + source("page.css")
    return template("disagreements.html.j2").render(
        table=counts(responses),
        listed=listed[:MOST_ON_PAGE],
        total=len(listed),
        style=style,
        policy=policy([style], []),
        tail=lambda response: tail(response, PAGE_TAIL),
        shown=shown,
        label=option_label,
    )
