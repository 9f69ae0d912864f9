"""The command lines that `fuzz_commands.py` tests, each with a valid file of which it changes parts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from fuzz_targets import RECIPE, lines, whole
from helpers import log_files as logs
from helpers.checkpoints import as_stage

from mcqa_suite.backend.random_model import Shape, write_random_model
from mcqa_suite.cli.main import main as mcqa

GRID = '{"answer": [[1]], "status": "answered", "rule": "x", "span": null}'
RUN = [logs.written_row("t", i, "B", i % 2) for i in range(4)]
SHAPE = Shape(hidden_size=32, intermediate_size=32, max_position_embeddings=1024)
ANSWER = {"choices": [{"message": {"content": "Topic: sums. VERDICT: A. The answer is B."}, "finish_reason": "stop"}]}
SERVER = (
    "SERVER"  # in words: the address of a server, which answers with the file where the file's name is this one too
)
TASK = "mcqa_openbookqa_cloze"


@dataclass(frozen=True)
class CommandLine:
    """The words of a command that reads foreign files, and one of them, a path in the working directory, with valid content."""

    title: str
    words: str
    file: str
    valid: bytes
    weight: int = 1  # share of the time


def write_folder(folder: Path) -> None:
    """Everything else that the commands read: runs, responses, and checkpoints."""
    logs.write_run(folder / "ok", {"t": RUN})
    logs.write_run(folder / "run", {"t": RUN}, groups={"g": ["t"]})
    logs.write_run(folder / "orders", {"mcqa_perm": _rotated()})
    logs.write_run(folder / "drawn", {f"mcqa_symbolic_local_{name}": _drawn(name) for name in ("main", "p1")})
    (folder / "ok.jsonl").write_bytes(_responses("1", "2"))
    (folder / "pairs.jsonl").write_bytes(lines(*[PAIR] * 2))
    (folder / "rows.jsonl").write_bytes(lines(ROW, PAIR))
    write_random_model(folder / "model", SHAPE)
    as_stage(folder / "model", folder / "made" / "checkpoints" / "sft")
    import lm_eval.evaluator

    lm_eval.evaluator.add_env_info = lambda storage: None  # else pip and nvidia-smi are run for every evaluation
    words = f"eval --model_args pretrained=model --tasks {TASK} --limit 2 -o asked --apply_chat_template false"
    if mcqa(words.split()):
        raise SystemExit("the random model cannot be evaluated")
    (run,) = (path.parent for path in Path("asked").rglob("results_*.json"))
    run.rename(folder / "answered")
    shutil.rmtree("asked")


PAIR = {"prompt": "p", "chosen": "yes", "rejected": "no", "group": "g", "id": "i"}
ROW = {"prompt": "p", "completion": "c", "topic": "t", "id": "1", "group": "g"}
LABEL = {"id": "q0", "pair": [0, 1], "prompt": "p", "a": "yes", "b": "no", "by": "judge", "label": "a", "verdicts": []}
QUESTIONS = (
    {"question": "1+1?", "answer": "#### 2"},
    {"prompt": "p", "gold": "2"},
    {"stem": "s", "choices": ["a", "b"], "gold": [0]},
)


def command_lines(folder: Path) -> Iterator[CommandLine]:
    """Commands for the files in a folder that `write_folder` filled."""
    results, log = f"results_{logs.STAMP}.json", f"samples_t_{logs.STAMP}.jsonl"
    result, text = (folder / "run" / results).read_bytes(), lines(*RUN)
    yield CommandLine("table, log", "table run ok --format md", f"run/{log}", text)
    yield CommandLine("table, results", "table run ok --format csv", f"run/{results}", result)
    subset = {
        "form": "mcqa-subset 1",
        "tasks": {"t": {"documents": 4, "doc_ids": [1], "doc_hashes": [RUN[1]["doc_hash"]]}},
    }
    yield CommandLine("table, subset", "table run --subset s.json", "s.json", whole(subset))
    yield CommandLine("compare, log", "compare ok run --full", f"run/{log}", text)
    yield CommandLine("compare, results", "compare ok run --format latex", f"run/{results}", result)
    yield CommandLine("compare as JSON", "compare ok run --format json", f"run/{log}", text)
    yield CommandLine("report, log", "report run ok -o report.html", f"run/{log}", text)
    yield CommandLine("report, results", "report run --base ok -o report.html", f"run/{results}", result)
    yield CommandLine("extract", "extract samples_t.jsonl --output new.jsonl", "samples_t.jsonl", text)
    yield CommandLine("vote", "vote samples_t.jsonl -o votes", "samples_t.jsonl", text)
    yield CommandLine("orders", "orders orders", f"orders/samples_mcqa_perm_{logs.STAMP}.jsonl", lines(*_rotated()))
    drawn = f"drawn/samples_mcqa_symbolic_local_p1_{logs.STAMP}.jsonl"
    yield CommandLine("variance", "variance drawn -o spread", drawn, lines(*_drawn("p1")))
    yield CommandLine("grids vote", "grids vote s.jsonl --submission sub.json", "s.jsonl", lines(_grid()))
    yield CommandLine("pack", "pack run -o packed", f"run/{results}", result)
    yield CommandLine("export", "export run -o exported", f"run/{log}", text)
    yield from _preferences(folder)
    yield from _training(folder)
    yield from _checkpoints(folder)
    yield from _servers()


def _preferences(folder: Path) -> Iterator[CommandLine]:
    sampled, by_answer = (folder / "ok.jsonl").read_bytes(), LABEL | {"by": "correctness"}
    label = "preferences label ok.jsonl --by correctness -o l.jsonl"
    yield CommandLine(
        "preferences check", "preferences check l.jsonl", "l.jsonl", lines(LABEL, LABEL | {"pair": [0, 2]})
    )
    yield CommandLine("preferences label", label, "ok.jsonl", sampled)
    yield CommandLine("preferences label, labels", label, "l.jsonl", lines(by_answer))
    yield CommandLine("preferences contrast", "preferences contrast ok.jsonl -o p.jsonl", "ok.jsonl", sampled)
    sample = "preferences sample p.jsonl --model model --n 1 --max-tokens 2 -o q.jsonl"
    yield CommandLine("preferences sample", sample, "p.jsonl", lines(*QUESTIONS))
    sample = sample.replace("p.jsonl", "rows.jsonl")
    yield CommandLine("preferences sample, tokenizer", sample, "model/tokenizer.json", _of(folder, "tokenizer.json"))


def _training(folder: Path) -> Iterator[CommandLine]:
    recipe = yaml.safe_load(RECIPE.replace(b"3600", b"36").replace(b"e-3", b".0e-3").replace(b"../base", b"model"))
    recipe["evaluate"][1].pop("metadata")
    estimate = "run recipe.yaml --estimate --tflops 1"
    yield CommandLine("data, rows", "data rows.jsonl", "rows.jsonl", lines(ROW, PAIR))
    yield CommandLine("data, recipe", "data stage.yaml", "stage.yaml", whole(recipe))
    yield CommandLine("audit", "audit rows.jsonl -o audit", "rows.jsonl", lines(ROW, PAIR))
    yield CommandLine("run, recipe", estimate, "recipe.yaml", whole(recipe))
    yield CommandLine("run, recipe as text", estimate, "recipe.yaml", yaml.safe_dump(recipe).encode())
    yield CommandLine("score-pairs", "score-pairs model pairs.jsonl --reference none", "pairs.jsonl", lines(PAIR, PAIR))
    pairs = {"checkpoint": "model", "pairs": "pairs.jsonl", "reference": "model"}
    yield CommandLine("evaluator", "evaluator evaluator.yaml", "evaluator.yaml", whole(pairs))


def _checkpoints(folder: Path) -> Iterator[CommandLine]:
    evaluated = f"eval --model_args pretrained=model --tasks {TASK} --limit 1"
    for name in ("config.json", "tokenizer_config.json", "generation_config.json"):
        yield CommandLine(f"eval, {name}", evaluated, f"model/{name}", _of(folder, name), weight=3)
    settings = {"model_args": {"pretrained": "model", "dtype": "float32"}, "tasks": [TASK], "limit": 1, "seed": [0] * 4}
    yield CommandLine("eval, settings", "eval --config eval.yaml", "eval.yaml", whole(settings), weight=3)
    manifest = (folder / "made/checkpoints/sft/manifest.json").read_bytes()
    stage, name = "made/checkpoints/sft", "made/checkpoints/sft/manifest.json"
    yield CommandLine("card", f"card {stage}", name, manifest)
    yield CommandLine("push --dry-run", f"push {stage} --to jane/tiny --dry-run", name, manifest)
    if find_spec("captum"):
        words = f"explain answered --checkpoint model --task {TASK} --doc 0"
        (log,) = (folder / "answered").glob("samples_*.jsonl")
        yield CommandLine("explain", words, f"answered/{log.name}", log.read_bytes())


def _servers() -> Iterator[CommandLine]:
    endpoint = f"--endpoint {SERVER} --endpoint-model m"
    yield CommandLine("rank", f"rank a=r.jsonl b=ok.jsonl --judge {SERVER}", "r.jsonl", _responses("1", "3"))
    annotate = f"preferences annotate q.jsonl --what topic {endpoint} -o topics.jsonl"
    yield CommandLine("preferences annotate", annotate, "q.jsonl", lines(*QUESTIONS))
    sample = f"preferences sample pairs.jsonl {endpoint} --n 1 -o q.jsonl"
    yield CommandLine("preferences sample, a server's answer", sample, SERVER, whole(ANSWER))
    yield CommandLine("rank, a server's answer", f"rank a=ok.jsonl b=ok.jsonl --judge {SERVER}", SERVER, whole(ANSWER))
    address = f"base_url={SERVER}/chat/completions,model=m,max_retries=1,num_concurrent=2"
    task = "--tasks mcqa_openbookqa_cot --limit 2 --apply_chat_template"
    words = f"eval --model local-chat-completions --model_args {address} {task}"
    yield CommandLine("eval, a server's answer", words, SERVER, whole(ANSWER), weight=3)


def _of(folder: Path, name: str) -> bytes:
    return (folder / "model" / name).read_bytes()


def _responses(*texts: str) -> bytes:
    rows: list[dict[str, Any]] = [
        {
            "id": f"q{i}",
            "index": k,
            "prompt": "p",
            "response": f"It is {text}.",
            "finish": "stop",
            "data": {"gold": "1"},
        }
        for i in range(2)
        for k, text in enumerate(texts)
    ]
    return lines(*rows)


def _rotated() -> list[dict[str, Any]]:
    """Two questions in the four rotations of their options."""
    rows = []
    for number in range(8):
        values = np.roll([0.0, 1.0, 2.0, 3.0], -number)
        row = logs.choice_row("mcqa_perm", number, list(values), -number % 4)
        row["doc"] |= {"question_id": f"q{number // 4}", "rotation": number % 4}
        rows.append(row)
    return rows


def _drawn(name: str) -> list[dict[str, Any]]:
    """Two instances of two templates."""
    rows = []
    for number in range(4):
        row = logs.written_row(name, number, "B", number % 2)
        template = {"template": number // 2, "instance": number % 2, "original": f"gsm8k/{number // 2}"}
        row["doc"] = {"id": f"{name}/{number}", "question": f"{number}?", "gold": "7", **template}
        row["filtered_resps"] = [json.dumps({"answer": "7", "status": "answered", "rule": None, "span": None})]
        rows.append(row)
    return rows


def _grid() -> dict[str, Any]:
    names = {"id": "arc_agi_1/007bbfb7/0", "task_id": "007bbfb7", "text": "1", "encoder": "spaced"}
    doc = {**names, "output": [[1]], "train": []}
    return {**logs.written_row("t", 0, "B", 1), "filtered_resps": [[GRID]], "doc": doc}
