"""The parsers that `fuzz.py` tests, each with small valid files."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests"))

from helpers import log_files as logs  # noqa: E402

from mcqa_suite import extract, grids  # noqa: E402
from mcqa_suite.analysis.voting import ballots  # noqa: E402
from mcqa_suite.common import checkpoints, manifest  # noqa: E402
from mcqa_suite.common.errors import McqaError  # noqa: E402
from mcqa_suite.grids import encoders  # noqa: E402
from mcqa_suite.ladder import recipe, stage_settings  # noqa: E402
from mcqa_suite.logs import runs  # noqa: E402
from mcqa_suite.logs.log_row import Columns  # noqa: E402
from mcqa_suite.logs.rescore import rescore_all  # noqa: E402
from mcqa_suite.logs.rows import read_rows  # noqa: E402
from mcqa_suite.questions import epfl  # noqa: E402
from mcqa_suite.reporting.browser import texts as browser_texts  # noqa: E402
from mcqa_suite.symbolic import Template  # noqa: E402
from mcqa_suite.training_data import sources  # noqa: E402
from mcqa_suite.training_data.audit import rows as audited  # noqa: E402
from mcqa_suite.training_data.preferences import check, correctness, pairs, sampling  # noqa: E402

LETTER_QUESTION = "Question: Which?\n\nOptions:\nA. one\nB. two\nC. three\nD. four\n\nAnswer:"
SMALL_RECIPE = b"name: small\nevaluate:\n  - {tasks: [mcqa_epfl], limit: 4}\n"
RECIPE = b"""
name: demo
base: ../base
dtype: float32
threads: 1
stages:
  - name: sft
    kind: sft
    parent: base
    settings:
      data:
        - {source: arc, n: 3600, seed: 1, style: letter}
      lora: {r: 16, lora_alpha: 32}
      trainer: {learning_rate: 1e-3}
    sweep: {learning_rate: [1e-3, 2e-3], r: [4, 8]}
    criterion: {task: mcqa_epfl, metric: acc}
  - {name: gptq8, kind: gptq, parent: {best: sft}, settings: {bits: 8, calibration: [{source: arc, n: 8}]}}
evaluate:
  - tasks: [mcqa_epfl, mcqa_epfl_cloze]
  - {tasks: [mcqa_epfl_cot], limit: 200, gen_kwargs: {max_gen_toks: 48}, metadata: {epfl_file: a.jsonl}}
"""


@dataclass(frozen=True)
class Target:
    """A parser: `read` gets the path of a file named `file`; `allowed` are the errors that it may raise."""

    name: str
    read: Callable[[Path], Any]
    seeds: tuple[bytes, ...]
    file: str = "input.jsonl"
    allowed: tuple[type[Exception], ...] = (McqaError,)


def lines(*rows: Any) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def whole(value: Any) -> bytes:
    return json.dumps(value).encode()


def written(path: str) -> bytes:
    return (REPOSITORY / path).read_bytes()


def _logs(path: Path) -> None:
    """Read a sample log in all ways."""
    log = runs.read_samples(path, multiple_choice=None, field="subject")
    for samples in log.values():
        for metric in samples.scores:
            samples.chose_gold(metric)
    for sample in read_rows(path):
        row = dict(sample.row)
        browser_texts.question(row, 4), browser_texts.reads(row), browser_texts.gold_text(row)


def _run(path: Path) -> None:
    rows = [logs.written_row("t", number, "B", 1) for number in range(2)]
    path.with_name(f"samples_t_{logs.STAMP}.jsonl").write_bytes(lines(*rows))
    read = runs.read_run(path)
    for run in read.tasks.values():
        run.chance, run.constant, run.unread, run.metrics  # noqa: B018


def _reread(path: Path) -> None:
    rescore_all([path], path.with_name("out.jsonl"), Columns(), lambda _line: None)


def _sections(content: bytes) -> dict[str, bytes]:
    """One input as several files of a folder: `=== name` before each."""
    parts = content.split(b"=== ")[1:]
    return {part.partition(b"\n")[0].decode("ascii", "replace"): part.partition(b"\n")[2] for part in parts}


def _folder(path: Path) -> None:
    folder = path.with_name("checkpoint")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    names = {"config.json", "adapter_config.json", "manifest.json", "model.safetensors", "tokenizer_config.json"}
    for name, content in _sections(path.read_bytes()).items():
        if name in names:
            (folder / name).write_bytes(content)
    for read in (
        checkpoints.check_complete,
        checkpoints.checkpoint_size,
        manifest.content_hash,
        manifest.read_manifest,
    ):
        try:
            read(folder)
        except McqaError:
            continue


def _manifest(path: Path) -> None:
    manifest.name_of(path.parent)
    manifest.read_manifest(path.parent)


def _stage(path: Path) -> None:
    for kind in stage_settings.SETTINGS:
        try:
            stage_settings.read_settings(kind, path)
        except McqaError:
            continue


def _template(path: Path) -> None:
    template = Template.load(path)
    template.default()


def _grid(path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="replace")
    for name in ("spaced", "plain+rows", "separator+shape", "json+shape+code", "plain+rows+shape+code"):
        form = encoders.encoder(name)
        encoders.read(text, form)
        try:
            form.decode(text)
        except ValueError:
            continue


def _form(path: Path) -> None:
    grids.encoder(path.read_text(encoding="utf-8", errors="replace"))


def _responses(path: Path) -> None:
    pairs.pairs_of(sampling.read_responses(path), None)


def _answers(path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="replace")
    extract.extract_choice(text, ["one", "two", "three", "four"])
    extract.extract_number(text)
    extract.extract_grid(text)


def _pairs(name: str) -> Callable[[Path], Any]:
    return lambda path: sources.rows(sources.PairSource(name, path=str(path)))


def _rows(name: str) -> Callable[[Path], Any]:
    return lambda path: sources.rows(sources.Source(name, path=str(path)))


def _asked(path: Path) -> None:
    for prompt in sampling.read_prompts(path):
        try:
            correctness.kind_and_doc(prompt.row, prompt.text)
        except ValueError:
            continue


def targets() -> Iterator[Target]:
    """Every parser, with small valid files."""
    edition = {"question": "Which?", "choices": ["a", "b", "c"], "answer": "B", "subject": "s", "explanation": "so"}
    exam = lines({"subject": "optics", "question": LETTER_QUESTION, "answer": "B"}, edition)
    choice = lines(*(logs.choice_row("t", i, [0.1, 0.4, -1.0, 0.2], 1, subject="s") for i in range(2)))
    text = lines(*(logs.written_row("t", i, "B", 1) for i in range(2)))
    responded = lines(*({"id": "x", "index": i, "prompt": "p", "response": f"r{i}", "finish": "stop"} for i in (0, 1)))
    label = {"id": "x", "pair": [0, 1], "prompt": "p", "a": "yes", "b": "no", "by": "judge", "label": "a"}
    raw = {"overall": "A", "criteria": {"correctness": "A"}, "A": "yes", "B": "no"}
    pair = {"prompt": "p", "chosen": "yes", "rejected": "no", "group": "g", "id": "i"}
    example = manifest.Manifest("sft", "a", manifest.Parent("base", "0"), {}, "0", 0, manifest.hardware(), 1.0)
    manifests = whole(dataclasses.asdict(example))
    header = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    weights = len(header).to_bytes(8, "little") + header + bytes(8)
    files = {
        "config.json": b'{"a": 1}',
        "adapter_config.json": b"{}",
        "manifest.json": manifests,
        "model.safetensors": weights,
    }
    checkpoint = b"".join(b"=== %s\n%s" % (name.encode(), content) for name, content in files.items())
    with tempfile.TemporaryDirectory() as folder:
        run = logs.write_run(Path(folder), {"t": [logs.written_row("t", 0, "B", 1)]}, groups={"g": ["t"]})
        results = next(run.glob("results_*.json")).read_bytes()
    local = REPOSITORY / "tasks" / "symbolic_local" / "templates"
    templates = [path.read_bytes() for path in sorted(local.rglob("*.txt"))[::7]]
    parts = templates[0].decode().split("#solution:\n")
    public = whole({"question_annotated": parts[0], "answer_annotated": parts[1], "id_orig": 1})
    grid = b"plain+rows\nshape: 2x2\n1 0 1\n2 1 0\n[[1, 0], [0, 1]]\n```grid\n10\n01\n```"
    speech = {"id": "a", "root": "r", "user": "u", "reply-to": "r", "text": "t", "meta": {"success": 1}}
    post = {**speech, "id": "r", "user": "v", "meta": {"success": None}}
    stages = sorted((REPOSITORY / "training/configs/stages").glob("*.yaml")) or [
        REPOSITORY / "training/configs/sft.yaml"
    ]
    yield Target(
        "EPFL questions", epfl.read_epfl, (exam, b"".join(written("tasks/epfl/sample.jsonl").splitlines(True)[:5]))
    )
    yield Target("EPFL questions, bad rows skipped", lambda path: epfl.read_epfl(path, skip_bad=True), (exam,))
    yield Target("sample logs", _logs, (choice, text))
    yield Target("sample logs, read again", _reread, (text,))
    yield Target("sample logs as ballots", lambda path: ballots.read_ballots(path, "run"), (text,))
    yield Target("results", _run, (results,), f"results_{logs.STAMP}.json")
    yield Target("recipes", recipe.read_recipe, (RECIPE, SMALL_RECIPE), "r.yaml")
    yield Target("settings of stages", _stage, tuple(path.read_bytes() for path in stages[:4]), "s.yaml")
    yield Target("templates, our text", _template, tuple(templates), "t.txt")
    yield Target("templates, public JSON", _template, (public,), "t.json")
    yield Target("grids as text", _grid, (grid, b"1 0\n0 1", b"json+code"), "g.txt")
    yield Target("names of grid forms", _form, (b"plain+rows+shape+code", b"json+code"), "n.txt")
    yield Target("manifests", _manifest, (manifests,), "manifest.json")
    yield Target("checkpoint folders", _folder, (checkpoint,), "c.bin")
    yield Target("responses", _responses, (responded,))
    yield Target(
        "labels", lambda path: check.check(pairs.read_labels(path)), (lines(label, {**label, "pair": [0, 2]}),)
    )
    yield Target(
        "prompts", _asked, (exam, lines({"question": "1+1?", "answer": "1+1=2\n#### 2"}, {"prompt": "p", "gold": "2"}))
    )
    yield Target("pairs: evaluator", _pairs("evaluator"), (lines(pair, pair), whole([pair])))
    yield Target("pairs: epfl_raw", _pairs("epfl_raw"), (lines({"question_complete": "q", "preference": [raw, raw]}),))
    yield Target("pairs: persuasion", _pairs("persuasion"), (lines(pair, {**label, "group": "g"}),))
    solved = {"question": "1+1?", "gold": "2", "responses": ["The answer is 2.", "The answer is 3."]}
    yield Target("pairs: solutions", _pairs("solutions"), (lines(solved),))
    yield Target("rows: epfl", _rows("epfl"), (exam,))
    yield Target("rows: convokit_cmv", _rows("convokit_cmv"), (lines(post, speech),))
    yield Target(
        "rows: persuasionforgood", _rows("persuasionforgood"), (b"Unit,Turn,B4,B2\nHello,0,0,d\nHi,0,1,d\n",), "d.csv"
    )
    chat = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    yield Target(
        "rows to audit", audited.read_training_rows, (lines({"prompt": "p", "completion": "c"}, pair, chat, edition),)
    )
    yield Target(
        "generated answers", _answers, (b"<think>hm</think> The answer is (B). \\boxed{12}\n1 0\n0 1",), "a.txt"
    )
