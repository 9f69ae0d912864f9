"""What a mix is made of, by source and topic: as a Markdown table, and as an SVG."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from mcqa_suite.common.errors import DatasetError

MOST_TOPICS = 12  # a source's other topics are one entry
NO_SOURCE, NO_TOPIC = "no source", "no topic"
OTHERS = "other topics"
COLOUR = "#005fa8"
SETTINGS: Any = {"svg.fonttype": "none", "svg.hashsalt": "mcqa", "font.size": 8.5, "text.parse_math": False}


def composition(rows: Iterable[Mapping[str, str]]) -> dict[str, Counter[str]]:
    """Rows by source, in the mix's order, and topic; DatasetError for an empty mix."""
    made: dict[str, Counter[str]] = {}
    for row in rows:
        made.setdefault(row.get("source") or NO_SOURCE, Counter())[row.get("topic") or NO_TOPIC] += 1
    if not made:
        raise DatasetError("a mix without rows has no composition; give at least one row")
    return {source: _largest(topics) for source, topics in made.items()}


def _largest(topics: Counter[str]) -> Counter[str]:
    """The most frequent topics, those of equal number by name, and the rest as one."""
    ordered = sorted(topics.items(), key=lambda item: (-item[1], item[0]))
    kept = Counter(dict(ordered[:MOST_TOPICS]))
    if rest := sum(count for _, count in ordered[MOST_TOPICS:]):
        kept[f"{len(ordered) - MOST_TOPICS} {OTHERS}"] = rest
    return kept


def mix_table(rows: Iterable[Mapping[str, str]]) -> str:
    """Rows and shares of each source and of its topics."""
    made = composition(rows)
    total = sum(topics.total() for topics in made.values())
    lines = ["| source | topic | rows | % of the mix |", "|---|---|---:|---:|"]
    for source, topics in made.items():
        lines.append(f"| {source} | all | {topics.total()} | {100 * topics.total() / total:.1f} |")
        if set(topics) != {NO_TOPIC}:
            lines += [f"|  | {name} | {count} | {100 * count / total:.1f} |" for name, count in topics.items()]
    return "\n".join(lines) + "\n"


def mix_figure(rows: Iterable[Mapping[str, str]]) -> str:
    """The SVG text of two panels: rows by source, and rows by topic whatever their source. Needs matplotlib."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    rows = list(rows)
    sources = {source: topics.total() for source, topics in composition(rows).items()}
    topics = _largest(Counter(row.get("topic") or NO_TOPIC for row in rows))
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(7.4, 0.8 + 0.24 * max(len(sources), len(topics))), layout="constrained")
        for axes, bars, title in zip(figure.subplots(1, 2), (sources, topics), ("by source", "by topic"), strict=True):
            drawn = axes.barh(list(bars), list(bars.values()), color=COLOUR, height=0.7)
            axes.bar_label(drawn, fmt="{:,.0f}", padding=2)
            axes.set_title(title, loc="left", fontsize=9)
            axes.set_xlabel("rows")
            axes.margins(x=0.16)
            axes.invert_yaxis()
            axes.spines[["top", "right"]].set_visible(False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
