"""The report of an audit as Markdown, JSON and files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from mcqa_suite.analysis.compare.subset import Subset, as_json_text
from mcqa_suite.common.files import write_file
from mcqa_suite.questions.question import LETTERS
from mcqa_suite.reporting import tables
from mcqa_suite.reporting.tables import Table, p_value, percent
from mcqa_suite.stats import Estimate
from mcqa_suite.training_data.audit.checks import Balance, PairBaselines
from mcqa_suite.training_data.audit.engine import Audit
from mcqa_suite.training_data.audit.overlap import KINDS, Overlap

MOST = 12  # topics, and leaks, that a report lists
MOST_IDS = 5  # ids of rows with one defect that a report lists
COLUMNS = ("task", "doc_id", "item", "kind", "leak", "row", "share", "row_share", "rows")


def markdown(audit: Audit) -> str:
    """The report: leaks, checks of the rows, and the definition of each kind of overlap."""
    parts = [f"# Audit of {audit.checks.n:,} training rows\n", _summary(audit)]
    if audit.items:
        parts += [tables.markdown(_overlap_table(audit)), *_examples(audit)]
    parts.append(tables.markdown(_rows_table(audit)))
    if audit.items:
        lines = [f"- **{kind}**: {meaning}" for kind, meaning in KINDS.items()]
        parts.append("Kinds of overlap (words in lower case, without punctuation):\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _summary(audit: Audit) -> str:
    if not audit.items:
        return "Not compared with any evaluation task (`--against`).\n"
    n, clean = len(audit.items), len(audit.clean)
    rest = f"{n - clean:,} of {n:,} documents overlap in some way, {clean:,} are clean.\n"
    if leaks := len(audit.leaks):
        return f"**Leak**: {leaks:,} of {n:,} evaluation documents are in the training rows. {rest}"
    return f"No leak found in {n:,} evaluation documents. {rest}"


def _overlap_table(audit: Audit) -> Table:
    counts = Counter((overlap.task, overlap.kind) for overlap in audit.overlaps)
    leaks, clean = (Counter(item.task for item in items) for items in (audit.leaks, audit.clean))
    kinds = [kind for kind in KINDS if any(counts[task, kind] for task in audit.documents)]
    numbers = [
        (n, leaks[task], *(counts[task, kind] for kind in kinds), clean[task]) for task, n in audit.documents.items()
    ]
    names = [*audit.documents]
    if len(names) > 1:
        names.append("all")
        numbers.append(tuple(map(sum, zip(*numbers, strict=True))))
    rows = [[name, *map(str, line)] for name, line in zip(names, numbers, strict=True)]
    return Table("Overlap with evaluation documents", ("task", "documents", "leaks", *kinds, "clean"), rows)


def _examples(audit: Audit) -> list[str]:
    """The first leaks, a line each."""
    lines = [f"- {_described(overlap)}" for overlap in audit.leaks[:MOST]]
    if (more := len(audit.leaks) - MOST) > 0:
        lines.append(f"- and {more:,} more (all of them: `-o DIR`, overlaps.csv)")
    return ["\n".join(lines) + "\n"] if lines else []


def _described(leak: Overlap) -> str:
    share = "" if leak.share == 1 else f" ({percent(leak.share)} %)"
    rows = f" and {leak.rows - 1} more rows" if leak.rows > 1 else ""
    return f"{leak.task} document {leak.doc_id} ({leak.item}): {leak.kind}{share} in row {leak.row}{rows}"


def _rows_table(audit: Audit) -> Table:
    checks, lengths = audit.checks, audit.checks.lengths
    conflicts = [" / ".join(ids[:2]) for ids in checks.conflicting]
    rows = [
        ["rows", f"{checks.n}", ""],
        ["sources", f"{len(checks.sources)}", _counts(checks.sources)],
        ["topics", f"{len([name for name in checks.topics if name])}", _counts(checks.topics)],
        _defect("exact duplicates", checks.exact),
        _defect("duplicates but for case and punctuation", checks.normalised),
        _defect("prompts with different answers", conflicts),
        _defect("empty prompt or response", checks.empty),
        [f"longest row, {lengths.unit}", f"{lengths.longest}", f"median {lengths.median:g}"],
    ]
    if lengths.limit is not None:
        rows.append(_defect(f"rows over {lengths.limit} {lengths.unit}", lengths.over))
    rows += _pair_rows(checks.pairs) if checks.pairs else []
    rows += _balance_rows(checks.balance) if checks.balance else []
    return Table("The rows by themselves", ("what", "count", "which, or how it stands"), rows)


def _pair_rows(pairs: PairBaselines) -> list[list[str]]:
    baselines = {"always prefer the shorter": pairs.shorter, "always prefer the longer": pairs.longer}
    return [
        ["pairs", f"{pairs.n}", ""],
        _defect("pairs with chosen equal to rejected", pairs.equal),
        ["pairs of one length", f"{pairs.same_length}", "left out of the next two lines"],
        *(_baseline(name, share) for name, share in baselines.items() if share),
    ]


def _balance_rows(balance: Balance) -> list[list[str]]:
    letters = ", ".join(f"{letter} {n}" for letter, n in zip(LETTERS, balance.letters, strict=False))
    p = p_value(balance.p).replace("<", "< ")
    test = f"chi-square {balance.chi_square:.1f}, {len(balance.letters) - 1} df, p = {p}".replace("= <", "<")
    return [
        ["answers with a letter", f"{balance.share.n}", letters],
        ["gold position", test, balance.verdict],
        _baseline(f"always answer {balance.commonest}", balance.share),
    ]


def _baseline(name: str, share: Estimate) -> list[str]:
    interval = f"95 % interval {percent(share.low)} to {percent(share.high)}, n = {share.n}"
    return [name, f"{percent(share.value)} %", interval]


def _defect(name: str, ids: Sequence[str]) -> list[str]:
    more = f" and {len(ids) - MOST_IDS} more" if len(ids) > MOST_IDS else ""
    return [name, f"{len(ids)}", ", ".join(ids[:MOST_IDS]) + more]


def _counts(counts: dict[str, int]) -> str:
    shown = [f"{name or '(none)'} {n}" for name, n in list(counts.items())[:MOST]]
    return ", ".join(shown) + (f" and {len(counts) - MOST} more" if len(counts) > MOST else "")


def as_csv(audit: Audit) -> str:
    """One line an overlap."""
    records = [{**asdict(overlap), "leak": int(overlap.leak)} for overlap in audit.overlaps]
    return tables.csv_text([{key: record[key] for key in COLUMNS} for record in records], COLUMNS, digits=4)


def as_json(audit: Audit) -> str:
    """One object; shares are fractions."""
    whole = {
        "leaks": len(audit.leaks),
        "documents": audit.documents,
        "clean": len(audit.clean),
        "checks": asdict(audit.checks),
        "overlaps": [asdict(overlap) | {"leak": overlap.leak} for overlap in audit.overlaps],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


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
