"""The report of an audit as Markdown, JSON and files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mcqa_suite.analysis.compare.subset import Subset, as_json_text
from mcqa_suite.common.files import write_file
from mcqa_suite.common.lists import first_of
from mcqa_suite.questions.question import option_label
from mcqa_suite.reporting import tables
from mcqa_suite.reporting.tables import Table, p_value, percent
from mcqa_suite.stats import Estimate
from mcqa_suite.training_data.audit import Audit
from mcqa_suite.training_data.audit.overlap import CANNOT_FIND, KINDS, Overlap

MOST = 12  # topics, and leaks, that a report lists
MOST_IDS = 5  # ids of rows with one defect that a report lists
COMPARED = (
    "words in lower case, without punctuation, as a reader sees them: tags, entities, invisible characters, accents, look-alike "
    "letters and hyphens at line ends make no difference"
)
COLUMNS = ("task", "doc_id", "item", "kind", "leak", "row", "share", "row_share", "rows")


def markdown(audit: Audit, note: str = "") -> str:
    """The report: leaks with a `note` on what was done about them, checks of the rows, the definition of each kind of overlap."""
    parts = [f"# Audit of {audit.checks.n:,} training rows\n"]
    if audit.items:
        parts += [_summary(audit), *filter(None, [note]), tables.markdown(_overlap_table(audit)), *_examples(audit)]
    else:
        parts += ["Not compared with any evaluation task (`--against`).\n", *filter(None, [note])]
    parts.append(
        tables.markdown(Table("The rows by themselves", ("what", "count", "which, or how it stands"), _rows(audit)))
    )
    if audit.items:
        lines = [f"- **{kind}**: {meaning}" for kind, meaning in KINDS.items()]
        parts.append(f"Kinds of overlap ({COMPARED}):\n\n" + "\n".join(lines) + "\n")
        parts.append(f"What an audit cannot find: {CANNOT_FIND}.\n")
    return "\n".join(parts)


def _summary(audit: Audit) -> str:
    n, clean = len(audit.items), len(audit.clean)
    rest = f"{n - clean:,} of {n:,} documents overlap in some way, {clean:,} are clean.\n"
    if sources := sorted({item.source for item in audit.items if item.source}):
        rest += f"Public questions: {', '.join(sources)}.\n"
    if leaks := len(audit.leaks):
        return f"**Leak**: {leaks:,} of {n:,} evaluation documents are in the training rows. {rest}"
    return f"No leak found in {n:,} evaluation documents; below is what an audit cannot find. {rest}"


def left_out_table(rows: Sequence[tuple[str, Sequence[Overlap]]], audit: Audit) -> str:
    """What was left out: the id of each row, and the items that it holds; a row without items was left out by an earlier run."""
    n = audit.checks.n
    cells = [
        [row, item, kind, ", ".join(tasks)]
        for row, overlaps in rows
        for (item, kind), tasks in (_by_item(overlaps) or {("", "by an earlier run"): []}).items()
    ]
    note = (
        f"{len(rows):,} of {n:,} rows are left out, {n - len(rows):,} are seen; in these, a second audit finds no leak."
    )
    return tables.markdown(Table("Rows that are left out", ("row", "item", "kind", "tasks"), cells, (note,), left=4))


def _by_item(overlaps: Sequence[Overlap]) -> dict[tuple[str, str], list[str]]:
    """The tasks that ask each item, by the item's id and the kind of overlap."""
    tasks: dict[tuple[str, str], list[str]] = {}
    for overlap in overlaps:
        tasks.setdefault((overlap.item, overlap.kind), []).append(overlap.task)
    return tasks


def _overlap_table(audit: Audit) -> Table:
    counts = Counter((overlap.task, overlap.kind) for overlap in audit.overlaps)
    leaks, clean = (Counter(item.task for item in items) for items in (audit.leaks, audit.clean))
    kinds = [kind for kind in KINDS if any(counts[task, kind] for task in audit.documents)]
    numbers = {
        task: (n, leaks[task], *(counts[task, kind] for kind in kinds), clean[task])
        for task, n in audit.documents.items()
    }
    if len(numbers) > 1:
        numbers["all"] = tuple(map(sum, zip(*numbers.values(), strict=True)))
    rows = [[name, *map(str, line)] for name, line in numbers.items()]
    return Table("Overlap with evaluation documents", ("task", "documents", "leaks", *kinds, "clean"), rows)


def _examples(audit: Audit) -> list[str]:
    """The first leaks, a line each."""
    lines = []
    for leak in audit.leaks[:MOST]:
        share = "" if leak.share == 1 else f" ({percent(leak.share)} %)"
        more = f" and {leak.rows - 1} more rows" if leak.rows > 1 else ""
        lines.append(f"- {leak.task} document {leak.doc_id} ({leak.item}): {leak.kind}{share} in row {leak.row}{more}")
    if (unlisted := len(audit.leaks) - MOST) > 0:
        lines.append(f"- and {unlisted:,} more (all of them: `-o DIR`, overlaps.csv)")
    return ["\n".join(lines) + "\n"] if lines else []


def _rows(audit: Audit) -> list[list[str]]:
    """The lines of the table of defects, lengths and baselines."""
    checks, lengths, pairs, balance = audit.checks, audit.checks.lengths, audit.checks.pairs, audit.checks.balance
    rows = [
        ["rows", f"{checks.n}", ""],
        ["sources", f"{len(checks.sources)}", _counts(checks.sources)],
        ["topics", f"{len([name for name in checks.topics if name])}", _counts(checks.topics)],
        _defect("exact duplicates", checks.exact),
        _defect("duplicates but for case and punctuation", checks.normalised),
        _defect("prompts with different answers", [" / ".join(ids[:2]) for ids in checks.conflicting]),
        _defect("empty prompt or response", checks.empty),
        [f"longest row, {lengths.unit}", f"{lengths.longest}", f"median {lengths.median:g}"],
    ]
    if lengths.limit is not None:
        rows.append(_defect(f"rows over {lengths.limit} {lengths.unit}", lengths.over))
    if pairs:
        rows += [
            ["pairs", f"{pairs.n}", ""],
            _defect("pairs with chosen equal to rejected", pairs.equal),
            ["pairs of one length", f"{pairs.same_length}", "left out of the next two lines"],
        ]
        rows += [_baseline("always prefer the shorter", pairs.shorter)] if pairs.shorter else []
        rows += [_baseline("always prefer the longer", pairs.longer)] if pairs.longer else []
    if balance:
        letters = ", ".join(f"{option_label(position)} {n}" for position, n in enumerate(balance.letters))
        p = f"p = {p_value(balance.p)}".replace("= <", "< ")
        rows += [
            ["answers with a letter", f"{balance.share.n}", letters],
            [
                "gold position",
                f"chi-square {balance.chi_square:.1f}, {len(balance.letters) - 1} df, {p}",
                balance.verdict,
            ],
            _baseline(f"always answer {balance.commonest}", balance.share),
        ]
    return rows


def _baseline(name: str, share: Estimate) -> list[str]:
    interval = f"95 % interval {percent(share.low)} to {percent(share.high)}, n = {share.n}"
    return [name, f"{percent(share.value)} %", interval]


def _defect(name: str, ids: Sequence[str]) -> list[str]:
    return [name, f"{len(ids)}", first_of(ids, MOST_IDS)]


def _counts(counts: dict[str, int]) -> str:
    return first_of([f"{name or '(none)'} {n}" for name, n in counts.items()], MOST)


def as_csv(audit: Audit) -> str:
    """One line an overlap."""
    records = [_fields(overlap) | {"leak": int(overlap.leak)} for overlap in audit.overlaps]
    return tables.csv_text(records, COLUMNS, digits=4)


def as_json(audit: Audit) -> str:
    """One object; shares are fractions."""
    whole = {
        "leaks": len(audit.leaks),
        "documents": audit.documents,
        "clean": len(audit.clean),
        "cannot_find": CANNOT_FIND,
        "checks": asdict(audit.checks),
        "overlaps": [_fields(overlap) for overlap in audit.overlaps],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _fields(overlap: Overlap) -> dict[str, Any]:
    return {name: getattr(overlap, name) for name in COLUMNS}


FORMATS: dict[str, Callable[[Audit], str]] = {"md": markdown, "json": as_json}


def save(audit: Audit, folder: Path) -> None:
    """Write report.md, report.json, overlaps.csv, and, where there were tasks, clean.json for `mcqa compare --subset`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "report.md", markdown(audit))
    write_file(folder / "report.json", as_json(audit))
    write_file(folder / "overlaps.csv", as_csv(audit))
    if audit.items:
        clean: dict[str, dict[int, str]] = {task: {} for task in audit.documents}
        for item in audit.clean:
            clean[item.task][item.doc_id] = item.doc_hash
        write_file(folder / "clean.json", as_json_text(Subset("clean.json", audit.documents, clean)))
