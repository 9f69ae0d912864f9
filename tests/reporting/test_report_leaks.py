"""The report's check of the training rows, read from the run folder of a ladder."""

from __future__ import annotations

from pathlib import Path

from helpers.report_runs import ladder

from mcqa_suite.analysis.compare import compare, read_folders
from mcqa_suite.common.manifest import Data, Hardware, Manifest, Parent, write_manifest
from mcqa_suite.reporting.audits import StageAudit, leak_table, read_audit, write_audit
from mcqa_suite.reporting.provenance import Cell, checklist, origin

CHECK = "test questions in training rows"


def record(folder: Path, kind: str, name: str, parent: str | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    made_from = Parent(parent, "0") if parent else None
    write_manifest(folder, Manifest(kind, name, made_from, {}, "0", 0, Hardware("cpu", 1), 1.0))


def audited(
    folder: Path, stage: str, leaks: str, left_out: tuple[int, ...], items: dict[str, int], n: int
) -> StageAudit:
    (folder / "audits").mkdir(exist_ok=True)
    audit = StageAudit(stage, leaks, (Data("arc", n - 8, "0"), Data("epfl", 8, "0")), left_out, items, {"math": 300})
    write_audit(folder, audit)
    return audit


def climbed(tmp_path: Path) -> dict[str, Path]:
    """base -> sft -> gptq2, and base -> gptq8: the manifests of the checkpoints and of two evaluations."""
    runs = ladder(tmp_path, 40)
    for name, kind, parent in (("base", "base", None), ("sft", "sft", "base"), ("gptq2", "gptq", "sft")):
        record(tmp_path / "checkpoints" / name, kind, name, parent)
    record(tmp_path / "checkpoints/gptq8", "gptq", "gptq8", "base")
    for name in ("gptq2", "gptq8"):
        record(runs[name], "evaluate", name, name)
    return runs


def checks(runs: dict[str, Path]) -> dict[str, list[Cell]]:
    base, *others = read_folders([str(runs[name]) for name in ("base", "gptq2", "gptq8")]).runs
    report = compare(base, others, leave_out=True)
    return checklist(report, base, others, {run.name: origin(run) for run in (base, *others)})


def test_the_checks_say_what_each_stage_of_a_rungs_lineage_left_out(tmp_path):
    runs = climbed(tmp_path)
    written = audited(tmp_path, "sft", "drop", (3, 5, 7), {"math": 2}, 4957)
    audited(tmp_path, "gptq2", "drop", (), {}, 128)
    assert read_audit(tmp_path, "sft") == written
    sft = ("good", "gptq2: none in 128 rows; sft: 3 of 4,957 rows left out")
    assert checks(runs)[CHECK] == [("", ""), sft, ("unknown", "not recorded")]


def test_allowed_leaks_fail_the_check(tmp_path):
    runs = climbed(tmp_path)
    audited(tmp_path, "sft", "allow", (), {"math": 2, "physics": 1}, 1000)
    audited(tmp_path, "gptq8", "drop", (1,), {"math": 1}, 128)
    cells = [("bad", "sft: 1,000 rows hold 3 questions, allowed"), ("good", "gptq8: 1 of 128 rows left out")]
    assert checks(runs)[CHECK] == [("", ""), *cells]


def test_the_table_of_leaks_has_each_task_and_stage(tmp_path):
    runs = climbed(tmp_path)
    audited(tmp_path, "sft", "drop", (3, 5), {"math": 2}, 4957)
    audited(tmp_path, "gptq2", "allow", (), {"math": 1}, 128)
    table = leak_table(read_folders([str(runs[name]) for name in ("base", "gptq2")]).readable)
    assert table.stages == (
        "sft: 2 of 4,957 rows left out (rule: drop)",
        "gptq2: 128 rows hold 1 questions, allowed (rule: allow)",
    )
    dropped, allowed = ("good", "2 of 300 questions, their rows dropped"), ("bad", "1 of 300 questions, allowed")
    assert table.tasks == table.others == {"math": (dropped, allowed)}
    assert not table.clean
    assert leak_table(read_folders([str(runs["base"])]).readable) is None
    audited(tmp_path, "gptq8", "drop", (), {}, 128)
    clean = leak_table(read_folders([str(runs["gptq8"])]).readable)
    assert (clean.clean, clean.others) == (clean.tasks, {})


def test_runs_without_recorded_audits_have_no_such_check(tmp_path):
    runs = climbed(tmp_path)
    (tmp_path / "audits").mkdir()
    (tmp_path / "audits/sft.json").write_text("{")
    assert CHECK not in checks(runs)
