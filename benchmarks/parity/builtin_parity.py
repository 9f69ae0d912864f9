"""Compare our documents and scores with the harness's own tasks, document by document.

    python benchmarks/parity/builtin_parity.py --model training/base [--limit N]

The harness's built-in MMLU (19 STEM subjects), ARC and OpenBookQA tasks run beside ours, which use the built-in prompt here.
Prompts, log-likelihoods and the score of every document must be equal.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.harness.tasks import with_local_data

PROMPTS = """
def letter(doc):
    lines = [f"{label}. {text}" for label, text in zip("ABCD", doc["choices"])]
    return "\\n".join([doc["stem"], *lines, "Answer:"])

def arc(doc):
    return f"Question: {doc['stem']}\\nAnswer:"
"""


@dataclass(frozen=True)
class Parity:
    """One task pair: the number of documents, and in how many the prompt, log-likelihoods or scores differ."""

    task: str
    n: int
    prompts: int
    values: int
    scores: int
    largest: float

    @property
    def equal(self) -> bool:
        return self.n > 0 and not (self.prompts or self.values or self.scores)


def pairs() -> dict[str, tuple[str, str]]:
    """Built-in task -> (name of ours, YAML of ours with the built-in prompt)."""
    root = tasks_dir()
    subjects = sorted(path.stem for path in (root / "mmlu_stem" / "letter").glob("[a-z]*.yaml"))
    out = {}
    for subject in subjects:
        words = subject.replace("_", " ")
        out[f"mmlu_{subject}"] = (
            f"parity_{subject}",
            f"include: {root}/mmlu_stem/letter/{subject}.yaml\n"
            f'description: "The following are multiple choice questions (with answers) about {words}.\\n\\n"\n'
            "doc_to_text: !function parity_prompts.letter\n",
        )
    for name in ("arc_easy", "arc_challenge"):
        text = f"include: {root}/arc/{name}_cloze.yaml\ndoc_to_text: !function parity_prompts.arc\n"
        out[name] = (f"parity_{name}", text)
    out["openbookqa"] = ("parity_openbookqa", f"include: {root}/openbookqa/openbookqa_cloze.yaml\ndoc_to_text: stem\n")
    return out


def compare(model: str, limit: int | None) -> list[Parity]:
    """Run every pair with the same model object, `limit` documents of each task."""
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    task_pairs = pairs()
    builtin = resources.files("lm_eval") / "tasks"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "parity_prompts.py").write_text(PROMPTS, encoding="utf-8")
        for name, text in task_pairs.values():
            (Path(folder) / f"{name}.yaml").write_text(f"{text}task: {name}\n", encoding="utf-8")
        folders = [str(builtin / name) for name in ("mmlu/default", "arc", "openbookqa")]
        lm = HFLM(model, device="cpu", dtype="float32", batch_size=16, logits_cache=False)
        tasks = with_local_data(TaskManager(include_path=[*folders, folder], include_defaults=False))
        names = [name for builtin_name, (mine, _) in task_pairs.items() for name in (builtin_name, mine)]
        results = simple_evaluate(model=lm, tasks=names, task_manager=tasks, limit=limit, bootstrap_iters=0)
    samples = results["samples"]
    return [_pair(name, samples[name], samples[mine]) for name, (mine, _) in task_pairs.items()]


def _pair(task: str, theirs: list[dict], ours: list[dict]) -> Parity:
    prompts = values = scores = 0
    largest = 0.0
    for a, b in zip(theirs, ours, strict=True):
        prompts += a["arguments"] != b["arguments"]
        first, second = ([float(value) for value, _ in row["filtered_resps"]] for row in (a, b))
        gap = max(abs(x - y) for x, y in zip(first, second, strict=True))
        largest = max(largest, gap)
        values += gap > 1e-4
        scores += any(a[metric] != b[metric] for metric in ("acc", "acc_norm") if metric in a and metric in b)
    return Parity(task, len(ours), prompts, values, scores, largest)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(Path(__file__).resolve().parents[2] / "training" / "base"))
    parser.add_argument("--limit", type=int)
    args = parser.parse_args()
    table = compare(args.model, args.limit)
    print("| built-in task | documents | other prompt | other log-likelihood | other score | largest difference |")
    print("|---|---:|---:|---:|---:|---:|")
    for row in table:
        print(f"| {row.task} | {row.n} | {row.prompts} | {row.values} | {row.scores} | {row.largest:.1e} |")
    print(f"\n{sum(row.n for row in table)} documents, {sum(not row.equal for row in table)} tasks that differ")


if __name__ == "__main__":
    main()
