"""What releases of lm_eval write, and what this project reads of it.

    python benchmarks/parity/harness_releases.py [--write --environments FOLDER [--share SITE_PACKAGES] [--releases 0.4.0 ...]]

Without arguments, read every run of tests/logs/releases and print a table. With `--write`, write them again: each release of
lm_eval is installed in an environment of its own below FOLDER and evaluates two tasks on local questions with `--model dummy`,
offline: one multiple-choice task, one generated answer that two filters read. SITE_PACKAGES is a folder that holds torch, which
is then not installed again. The report on the machine that lm_eval adds to its results is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

from mcqa_suite.common.errors import McqaError
from mcqa_suite.logs.runs import Run, read_run

CORPUS = Path(__file__).resolve().parents[2] / "tests" / "logs" / "releases"
# Release -> libraries of its time, where newer ones break it.
OLD = ("transformers<4.46", "datasets<3", "setuptools<80")
RELEASES: dict[str, Sequence[str]] = {
    "0.4.0": OLD,
    "0.4.2": OLD,
    "0.4.3": OLD,
    "0.4.5": OLD,
    "0.4.7": OLD,
    "0.4.9": OLD,
    "0.4.11": (),
    "0.4.13": (),
}
AS_FILE = ("0.4.2", "0.4.5", "0.4.13")  # also run with `--output_path base.json`
INSIDE = ("0.4.2", "0.4.13")  # also as a dump of what `simple_evaluate` returns
QUESTIONS = [
    {"question": "Which is a metal?", "choices": ["iron", "oxygen", "neon"], "answer": 0, "word": "lol"},
    {"question": "Which is a gas?", "choices": ["iron", "salt", "neon"], "answer": 2, "word": "neon"},
    {"question": "Which is a noble gas?", "choices": ["oxygen", "neon", "hydrogen"], "answer": 1, "word": "lol"},
]
SHARED = """
dataset_path: json
dataset_kwargs: {data_files: {test: rows.jsonl}}
test_split: test
doc_to_text: "{{question}}\\nAnswer:"
num_fewshot: 0
metadata: {version: 1.0}
"""
TASKS = {
    "choice": f"""task: choice
output_type: multiple_choice
doc_to_choice: "{{{{choices}}}}"
doc_to_target: answer
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
  - {{metric: acc_norm, aggregation: mean, higher_is_better: true}}
{SHARED}""",
    "written": f"""task: written
output_type: generate_until
doc_to_target: word
generation_kwargs: {{until: ["\\n"], do_sample: false, temperature: 0.0}}
filter_list:
  - name: strict-match
    filter: [{{function: regex, regex_pattern: "#### (\\\\w+)"}}, {{function: take_first}}]
  - name: flexible-extract
    filter: [{{function: regex, regex_pattern: "(\\\\w+)"}}, {{function: take_first}}]
metric_list:
  - {{metric: exact_match, aggregation: mean, higher_is_better: true}}
{SHARED}""",
}
# lm_eval to 0.4.2 asks the hub for this metric when it is imported; `evaluate` takes a folder of that name before the hub.
EXACT_MATCH = """import datasets
import evaluate

class ExactMatch(evaluate.Metric):
    def _info(self):
        text = datasets.Value("string")
        features = datasets.Features({"predictions": text, "references": text})
        return evaluate.MetricInfo(description="", citation="", features=features)

    def _compute(self, predictions, references, **_):
        return {"exact_match": sum(map(str.__eq__, predictions, references)) / len(predictions)}
"""
# What a release is asked to do in its own environment: the command for each output, then a dump of what its function returns.
EVALUATE = """import json, sys
import lm_eval
from lm_eval.__main__ import cli_evaluate
from lm_eval.models.dummy import DummyLM

DummyLM.generate_until = lambda self, requests, **_: ["lol"] * len(requests)  # that of 0.4.3 and 0.4.4 cannot generate
DummyLM.tokenizer = None  # that of 0.4.11 is the hub's
outputs, inside = sys.argv[1].split(), sys.argv[2:]
for output in outputs:
    sys.argv = ["lm_eval", "--model", "dummy", "--model_args", "pretrained=org/dummy", "--tasks", "choice,written"]
    sys.argv += ["--include_path", "tasks", "--log_samples", "--output_path", output]
    cli_evaluate()
for file in inside:
    manager = lm_eval.tasks.TaskManager(include_path="tasks")
    results = lm_eval.simple_evaluate("dummy", "pretrained=org/dummy", ["choice", "written"], task_manager=manager)
    json.dump(results, open(file, "w"), default=str)
"""
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--environments", type=Path, metavar="FOLDER")
    parser.add_argument("--share", type=Path, metavar="SITE_PACKAGES")
    parser.add_argument("--releases", nargs="+", choices=RELEASES, default=list(RELEASES))
    args = parser.parse_args()
    if args.write:
        if args.environments is None:
            parser.error("--write needs --environments FOLDER")
        for release in args.releases:
            write(release, environment(args.environments / release, release, args.share))
        return
    print(table())


def environment(folder: Path, release: str, share: Path | None) -> Path:
    """The Python of an environment with a release of lm_eval, which is installed where it is not there yet."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        if share is not None:
            [site] = folder.glob("lib/python*/site-packages")
            (site / "share.pth").write_text(f"{share}\n", encoding="utf-8")
    install = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
        f"lm_eval=={release}",
        *RELEASES[release],
    ]
    subprocess.run(install, check=True)
    return python


def write(release: str, python: Path) -> None:
    """Evaluate both tasks with a release, and put what it writes into the corpus in place of what is there."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "tasks").mkdir()
        (work / "exact_match").mkdir()
        (work / "exact_match" / "exact_match.py").write_text(EXACT_MATCH, encoding="utf-8")
        (work / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS), encoding="utf-8")
        for task, text in TASKS.items():
            (work / "tasks" / f"{task}.yaml").write_text(text, encoding="utf-8")
        (work / "runs" / "inside").mkdir(parents=True)
        outputs = "runs/folder" + (" runs/file/base.json" if release in AS_FILE else "")
        dumps = ["runs/inside/run.json"] if release in INSIDE else []
        variables = {**os.environ, **OFFLINE, "HF_HOME": str(work / "hub"), "PYTHONPATH": ""}
        command = [str(python), "-c", EVALUATE, outputs, *dumps]
        done = subprocess.run(command, cwd=work, env=variables, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"lm_eval {release} failed:\n{done.stderr[-3000:]}")
        shutil.rmtree(CORPUS / release, ignore_errors=True)
        for file in filter(Path.is_file, sorted((work / "runs").rglob("*"))):
            target = CORPUS / release / file.relative_to(work / "runs")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(without_machine(file), encoding="utf-8")


def without_machine(file: Path) -> str:
    """The text of a file of the harness; of a results file without the report on the machine."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".json":
        return text
    content = json.loads(text)
    for key in ("pretty_env_info", "git_hash", "upper_git_hash"):
        content.pop(key, None)
    return json.dumps(content, indent=2 if "\n" in text else None, ensure_ascii=False)


def table() -> str:
    """A row for each task of each run: its documents, filters and metrics, and whether it was read."""
    lines = ["| lm_eval | written to | task | documents | filters | metrics | |", "|---|---|---|---|---|---|---|"]
    for folder in runs():
        start = f"| {folder.parent.name} | {folder.name} |"
        try:
            lines += [f"{start} {row}" for row in rows(read_run(folder))]
        except McqaError as error:
            lines.append(f"{start} | | | | {error} |")
    return "\n".join(lines)


def rows(result: Run) -> Iterator[str]:
    for task in result.task_names:
        filters = {name: of_filter for (name_of_task, name), of_filter in result.tasks.items() if name_of_task == task}
        scores = [
            f"{metric} {100 * of_filter.samples.scores[metric].mean():.1f} ({name})"
            for name, of_filter in filters.items()
            for metric in of_filter.metrics
        ]
        faults = [fault.detail for of_filter in filters.values() for fault in of_filter.faults]
        documents = "/".join(str(of_filter.n) for of_filter in filters.values())
        yield f"{task} | {documents} | {', '.join(filters)} | {', '.join(scores)} | {'; '.join(faults) or 'read'} |"
    for problem in result.problems:
        yield f" | | | | {problem} |"


def runs() -> list[Path]:
    """The folders of the corpus, each one run, in the order of the releases."""
    order = list(RELEASES)
    folders = [folder for folder in CORPUS.glob("*/*") if folder.is_dir()]
    return sorted(folders, key=lambda folder: (order.index(folder.parent.name), folder.name))


if __name__ == "__main__":
    main()
