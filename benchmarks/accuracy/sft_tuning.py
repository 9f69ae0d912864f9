"""Fine-tune the packaged model with several settings, and score each on validation questions.

    python benchmarks/accuracy/sft_tuning.py [--rows 400] [--variants lr2e-4 lr5e-4] [--cache runs/sft_tuning]

Each variant is SFT of the base on training rows of OpenBookQA and ARC; the validation splits of ARC-Easy and OpenBookQA are
asked as `mcqa_*_cloze` and as `mcqa_*` (letter) ask. The settings of training/configs/smollm2.yaml were chosen so, and no
test question had a part in it. A finished variant is kept in the cache.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml

from mcqa_suite.backend.gguf_conversion import convert
from mcqa_suite.common.manifest import MANIFEST, read_manifest
from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.evaluation.evaluate_checkpoint import load_model
from mcqa_suite.harness.tasks import with_local_data
from mcqa_suite.stats.paired import PairedTable, paired_difference

SFT = Path(__file__).parents[2] / "training" / "sft.py"
# Task -> its metric, and the YAMLs that it is made from.
TASKS = {
    "arc_easy_cloze": ("acc", "arc/arc_easy_cloze.yaml"),
    "openbookqa_cloze": ("acc_norm", "openbookqa/openbookqa_cloze.yaml"),
    "arc_easy": ("acc", "arc/arc_easy.yaml"),
    "openbookqa": ("acc", "openbookqa/openbookqa.yaml"),
}
TRAINER = {
    "learning_rate": 5e-4,
    "num_train_epochs": 1,
    "per_device_train_batch_size": 16,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 0.03,
    "max_length": 256,
    "train_sampling_strategy": "group_by_length",
}


def variants(n: int) -> dict[str, tuple[list[dict], dict]]:
    """Name -> sources, and what differs from TRAINER; `n` rows of each data set in one format."""

    def rows(style: str, share: float = 1.0) -> list[dict]:
        return [{"source": s, "split": "train", "n": round(n * share), "style": style} for s in ("openbookqa", "arc")]

    cloze, letter = rows("cloze"), rows("letter")
    return {
        "lr 2e-4": (cloze, {"learning_rate": 2e-4}),
        "lr 5e-4": (cloze, {}),
        "lr 1e-3": (cloze, {"learning_rate": 1e-3}),
        "letter alone": (letter, {}),
        "cloze and letter": (rows("cloze", 0.5) + rows("letter", 0.5), {}),
    }


def train(name: str, n: int, parent: Path, folder: Path) -> Path:
    """The checkpoint of a variant, made where it is not there."""
    checkpoint = folder / name.replace(" ", "_")
    if (checkpoint / MANIFEST).is_file():
        return checkpoint
    data, changes = variants(n)[name]
    config = folder / f"{checkpoint.name}.yaml"
    settings = {"data": data, "lora": {"r": 16, "lora_alpha": 32}, "trainer": TRAINER | changes}
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    command = [sys.executable, SFT, "--config", config, "--parent", parent, "--output", checkpoint]
    subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr)
    return checkpoint


def scores(checkpoint: Path, tasks: list[str]) -> dict[str, list[float]]:
    """Task -> the score of every validation question, from the cache where it is there."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    path = checkpoint.with_suffix(".json")
    score_lists = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if missing := [task for task in tasks if task not in score_lists]:
        with tempfile.TemporaryDirectory() as folder:
            for task in missing:
                text = f"include: {tasks_dir() / TASKS[task][1]}\ntask: validation_{task}\ntest_split: validation\n"
                (Path(folder) / f"{task}.yaml").write_text(text, encoding="utf-8")
            results = simple_evaluate(
                load_model(str(checkpoint), dtype="float32", batch_size=32),
                tasks=[f"validation_{task}" for task in missing],
                task_manager=with_local_data(TaskManager(include_path=folder, include_defaults=False)),
                bootstrap_iters=0,
            )
        for task in missing:
            rows = sorted(results["samples"][f"validation_{task}"], key=lambda row: row["doc_id"])
            score_lists[task] = [row[TASKS[task][0]] for row in rows]
        path.write_text(json.dumps(score_lists), encoding="utf-8")
    return score_lists


def cell(base: list[float], variant: list[float]) -> str:
    first, second = np.array(base) > 0, np.array(variant) > 0
    change = paired_difference(PairedTable.of(first, second))
    return f"{100 * second.mean():.1f} ({100 * change.low:+.1f} to {100 * change.high:+.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400, help="of each data set")
    parser.add_argument("--variants", nargs="+", default=list(variants(1)), choices=list(variants(1)))
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--cache", type=Path, default=Path("runs/sft_tuning"))
    args = parser.parse_args()

    parent = args.cache / "base"
    args.cache.mkdir(parents=True, exist_ok=True)
    if not (parent / MANIFEST).is_file():
        convert("smollm2-135m-instruct", parent)
    base = scores(parent, args.tasks)
    counts = ", ".join(f"{task} {len(base[task])}" for task in args.tasks)
    print(
        f"Validation questions: {counts}. {args.rows} training rows of each data set; cloze of OpenBookQA by acc_norm."
    )
    print("In %; in brackets the 95 % interval of the difference to the base, in points.\n")
    print("| variant | steps | s | " + " | ".join(args.tasks) + " |")
    print("|---|---:|---:|" + "---:|" * len(args.tasks))
    print("| base | | | " + " | ".join(f"{100 * np.mean(base[task]):.1f}" for task in args.tasks) + " |", flush=True)
    for name in args.variants:
        folder = train(name, args.rows, parent, args.cache)
        manifest, start = read_manifest(folder), time.perf_counter()
        cells = [cell(base[task], scores(folder, args.tasks)[task]) for task in args.tasks]
        print(f"| {name} | {manifest.metrics['steps']} | {manifest.seconds:.0f} | {' | '.join(cells)} |", flush=True)
        print(f"{name}: scored in {time.perf_counter() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
