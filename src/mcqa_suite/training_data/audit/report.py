"""An audit as Markdown, JSON and files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from mcqa_suite.analysis.compare.subset import Subset, as_json_text
from mcqa_suite.reporting import tables
from mcqa_suite.reporting.tables import Table, p_value, percent
from mcqa_suite.stats import Estimate
from mcqa_suite.training_data.audit.checks import MOST, Balance, Pairs
from mcqa_suite.training_data.audit.engine import Audit, by_task
from mcqa_suite.training_data.audit.overlap import KINDS, Overlap

SHOWN = 12  # topics, and leaks of a task, that a report lists
COLUMNS = ("task", "doc_id", "item", "kind", "leak", "row", "share", "row_share", "rows")


def markdown(audit: Audit) -> str:
    """Leaks first, then the rows by themselves, then how an overlap was told."""
    parts = [f"# Audit of {audit.checks.n:,} training rows\n", _verdict(audit)]
    if audit.items:
        parts += [tables.markdown(_overlap_table(audit)), *_examples(audit)]
    parts.append(tables.markdown(_rows_table(audit)))
    if audit.items:
        lines = [f"- **{kind}**: {meaning}" for kind, meaning in KINDS.items()]
        parts.append("How an overlap is told (words in lower case, without punctuation):\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _verdict(audit: Audit) -> str:
    if not audit.items:
        return "Not compared with any evaluation task (`--against`).\n"
    leaks, touched = len(audit.leaks), len(audit.items) - len(audit.clean)
    rest = f"{touched:,} of {len(audit.items):,} documents overlap in some way, {len(audit.clean):,} are clean.\n"
    if leaks:
        return f"**Leak**: {leaks:,} of {len(audit.items):,} evaluation documents are in the training rows. {rest}"
    return f"No leak found in {len(audit.items):,} evaluation documents. {rest}"


def _overlap_table(audit: Audit) -> Table:
    counts, leaks = by_task(audit), dict.fromkeys(audit.documents, 0)
    clean = dict(leaks)
    for one in audit.leaks:
        leaks[one.task] += 1
    for item in audit.clean:
        clean[item.task] += 1
    kinds = [kind for kind in KINDS if any(found[kind] for found in counts.values())]
    lines = [
        [task, f"{n}", f"{leaks[task]}", *(f"{counts[task][kind]}" for kind in kinds), f"{clean[task]}"]
        for task, n in audit.documents.items()
    ]
    if len(lines) > 1:
        lines.append(["all", *(f"{sum(int(line[place]) for line in lines)}" for place in range(1, len(lines[0])))])
    return Table("Overlap with evaluation documents", ("task", "documents", "leaks", *kinds, "clean"), lines)


def _examples(audit: Audit) -> list[str]:
    """The first leaks, a line each."""
    if not audit.leaks:
        return []
    lines = [f"- {_told(one)}" for one in audit.leaks[:SHOWN]]
    more = len(audit.leaks) - SHOWN
    return [
        "\n".join(lines) + (f"\n- and {more:,} more (all of them: `-o DIR`, overlaps.csv)" if more > 0 else "") + "\n"
    ]


def _told(one: Overlap) -> str:
    share = "" if one.share == 1 else f" ({percent(one.share)} %)"
    rows = f" and {one.rows - 1} more rows" if one.rows > 1 else ""
    return f"{one.task} document {one.doc_id} ({one.item}): {one.kind}{share} in row {one.row}{rows}"


def _rows_table(audit: Audit) -> Table:
    found = audit.checks
    limit = "" if found.lengths.limit is None else f" over {found.lengths.limit} {found.lengths.unit}"
    lines = [
        ["rows", f"{found.n}", ""],
        ["sources", f"{len(found.sources)}", _counts(found.sources)],
        ["topics", f"{len([name for name in found.topics if name])}", _counts(found.topics)],
        ["exact duplicates", f"{len(found.exact)}", _ids(found.exact)],
        ["duplicates but for case and punctuation", f"{len(found.normalised)}", _ids(found.normalised)],
        [
            "prompts with different answers",
            f"{len(found.conflicting)}",
            _ids([" / ".join(i[:2]) for i in found.conflicting]),
        ],
        ["empty prompt or response", f"{len(found.empty)}", _ids(found.empty)],
        [f"longest row, {found.lengths.unit}", f"{found.lengths.longest}", f"median {found.lengths.median:g}"],
    ]
    if limit:
        lines.append([f"rows{limit}", f"{len(found.lengths.over)}", _ids(found.lengths.over)])
    if found.pairs:
        lines += _pair_lines(found.pairs)
    if found.balance:
        lines += _balance_lines(found.balance)
    return Table("The rows by themselves", ("what", "count", "which, or how it stands"), lines)


def _pair_lines(pairs: Pairs) -> list[list[str]]:
    lines = [
        ["pairs", f"{pairs.n}", ""],
        ["pairs with chosen equal to rejected", f"{len(pairs.equal)}", _ids(pairs.equal)],
        ["pairs of one length", f"{pairs.same_length}", "left out of the next two lines"],
    ]
    for name, share in (("shorter", pairs.shorter), ("longer", pairs.longer)):
        if share:
            lines.append([f"always prefer the {name}", _share(share), _interval(share)])
    return lines


def _balance_lines(found: Balance) -> list[list[str]]:
    shares = ", ".join(f"{'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[i]} {n}" for i, n in enumerate(found.letters))
    test = f"chi-square {found.chi_square:.1f}, {len(found.letters) - 1} df, p = {p_value(found.p).lstrip('=')}"
    return [
        ["answers with a letter", f"{found.share.n}", shares],
        ["gold position", f"{test.replace('= <', '< ')}", found.verdict],
        [f"always answer {found.commonest}", _share(found.share), _interval(found.share)],
    ]


def _share(value: Estimate) -> str:
    return f"{percent(value.value)} %"


def _interval(value: Estimate) -> str:
    return f"95 % interval {percent(value.low)} to {percent(value.high)}, n = {value.n}"


def _ids(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more


def _counts(counts: dict[str, int]) -> str:
    shown = [f"{name or '(none)'} {n}" for name, n in list(counts.items())[:SHOWN]]
    return ", ".join(shown) + (f" and {len(counts) - SHOWN} more" if len(counts) > SHOWN else "")


def as_csv(audit: Audit) -> str:
    """One line an overlap."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in audit.overlaps:
        values = [one.task, one.doc_id, one.item, one.kind, int(one.leak), one.row]
        writer.writerow([*values, f"{one.share:.4g}", f"{one.row_share:.4g}", one.rows])
    return out.getvalue()


def as_json(audit: Audit) -> str:
    """One object; shares are fractions."""
    whole = {
        "leaks": len(audit.leaks),
        "documents": audit.documents,
        "clean": len(audit.clean),
        "checks": asdict(audit.checks),
        "overlaps": [asdict(one) | {"leak": one.leak} for one in audit.overlaps],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Audit], str]] = {"md": markdown, "json": as_json}


def subset_of(audit: Audit) -> Subset:
    """The clean documents of every task."""
    clean: dict[str, dict[int, str]] = {task: {} for task in audit.documents}
    for item in audit.clean:
        clean[item.task][item.doc_id] = item.doc_hash
    return Subset("clean.json", audit.documents, clean)


def save(audit: Audit, folder: Path) -> None:
    """report.md, report.json, overlaps.csv, and, where there were tasks, clean.json for `mcqa compare --subset`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.md").write_text(markdown(audit), encoding="utf-8")
    (folder / "report.json").write_text(as_json(audit), encoding="utf-8")
    (folder / "overlaps.csv").write_text(as_csv(audit), encoding="utf-8")
    if audit.items:
        (folder / "clean.json").write_text(as_json_text(subset_of(audit)), encoding="utf-8")
