"""The composition of a mix by source and topic, as a table and as a figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from mcqa_suite.common.config import read_yaml
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.reporting import tables

MOST_TOPICS = 12  # all further topics of a source are one entry
NO_SOURCE, NO_TOPIC = "no source", "no topic"


def read_names(path: Path) -> dict[str, str]:
    """A YAML or JSON file of topic -> name; ConfigError where it is something else."""
    names = read_yaml(path)
    if bad := [topic for topic, name in names.items() if not isinstance(name, str)]:
        raise ConfigError(f"{path}: {bad[0]}: the name is no text; write topic: name")
    return {str(topic): name for topic, name in names.items()}


def named(rows: Iterable[Mapping[str, str]], names: Mapping[str, str]) -> list[Mapping[str, str]]:
    """The rows with the names of their topics; a topic without a name stays as it is."""
    return [{**row, "topic": names.get(topic := row.get("topic", ""), topic)} for row in rows]


def composition(rows: Iterable[Mapping[str, str]]) -> dict[str, Counter[str]]:
    """The number of rows by source, in the order of the mix, and by topic; DatasetError for an empty mix."""
    sources: dict[str, Counter[str]] = {}
    for row in rows:
        sources.setdefault(row.get("source") or NO_SOURCE, Counter())[row.get("topic") or NO_TOPIC] += 1
    if not sources:
        raise DatasetError("a mix without rows has no composition; give at least one row")
    return {source: _largest(topics) for source, topics in sources.items()}


def _largest(topics: Counter[str]) -> Counter[str]:
    """The most frequent topics (equal counts in order of name), and one entry for all others."""
    ordered = sorted(topics.items(), key=lambda item: (-item[1], item[0]))
    largest = Counter(dict(ordered[:MOST_TOPICS]))
    if rest := sum(count for _, count in ordered[MOST_TOPICS:]):
        largest[f"{len(ordered) - MOST_TOPICS} other topics"] = rest
    return largest


def mix_table(rows: Iterable[Mapping[str, str]]) -> str:
    """Rows and shares of each source and of its topics, as Markdown."""
    sources = composition(rows)
    total = sum(topics.total() for topics in sources.values())
    cells = []
    for source, topics in sources.items():
        shown = {} if set(topics) == {NO_TOPIC} else topics
        for name, topic, count in ((source, "all", topics.total()), *(("", *item) for item in shown.items())):
            cells.append((name, topic, f"{count}", tables.percent(count / total)))
    return tables.markdown(tables.Table("", ("source", "topic", "rows", "% of the mix"), cells, left=2))


def mix_figure(rows: Iterable[Mapping[str, str]]) -> str:
    """The SVG text of two panels: rows by source, and rows by topic of all sources."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from mcqa_suite.reporting.figures import style

    rows = list(rows)
    sources = {source: topics.total() for source, topics in composition(rows).items()}
    topics = _largest(Counter(row.get("topic") or NO_TOPIC for row in rows))
    with mpl.rc_context(style.SETTINGS):
        height = 0.8 + 0.24 * max(len(sources), len(topics))
        figure = Figure(figsize=(style.WIDTH, height), layout="constrained")
        for axes, bars, title in zip(figure.subplots(1, 2), (sources, topics), ("by source", "by topic"), strict=True):
            drawn = axes.barh(list(bars), list(bars.values()), color=style.BETTER, height=0.7)
            axes.bar_label(drawn, fmt="{:,.0f}", padding=2)
            axes.set_title(title)
            axes.set_xlabel("rows")
            axes.margins(x=0.16)
            axes.invert_yaxis()
    return style.svg(figure, "mix").decode()
