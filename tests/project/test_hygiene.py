"""Files from outside are read and never run, paths that lead out of a folder are refused, and no file holds a secret."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from helpers.locations import REPOSITORY
from helpers.log_files import STAMP, write_run, written_row

from mcqa_suite.backend.endpoint import Endpoint
from mcqa_suite.common import config
from mcqa_suite.common.checkpoints import HUB_FILES
from mcqa_suite.common.errors import McqaError
from mcqa_suite.harness import tasks
from mcqa_suite.logs.runs import read_run

FILES = sorted(path for folder in ("src", "training", "docs/cloud") for path in (REPOSITORY / folder).rglob("*.py"))
UNSAFE_MODULES = {
    "pickle",
    "cPickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
    "sqlitedict",
    "tarfile",
    "zipfile",
}
# The archive has the checksum that the package names, and zipfile keeps its members inside the folder (a test tries).
# The one place that loads models for others: it says both itself, unless the user of `mcqa eval` says otherwise.
EXPECTED = {
    "corpora.py": ["import zipfile"],
    "pretrained.py": [
        f"cls.from_pretrained without {words}" for words in ("use_safetensors=True", "trust_remote_code=False")
    ],
}
CALLS = {"eval", "exec", "compile", "__import__"}
ATTRIBUTES = {
    "torch.load": "reads pickles",
    "os.system": "a shell string",
    "os.popen": "a shell string",
    "subprocess.getoutput": "a shell string",
    "yaml.unsafe_load": "runs what the file says",
    "yaml.full_load": "builds objects",
    "builtins.eval": "runs what the file says",
    "numpy.load": "may read pickles",
    "np.load": "may read pickles",
}
FORBIDDEN_VALUES = {
    "shell": True,
    "trust_remote_code": True,
    "allow_pickle": True,
    "verify": False,
    "weights_only": False,
}
SAFE_LOADERS = {"yaml.BaseLoader", "yaml.SafeLoader", "yaml.CSafeLoader", "_Loader", "_Names"}
NO_WEIGHTS = (
    "AutoConfig",
    "AutoTokenizer",
    "GenerationConfig",
    "PeftModel",
)  # PeftModel reads the files of an adapter that a stage wrote


def offences(source: str) -> list[str]:
    """Each construct of a file that could run, unpickle or pass to a shell what somebody else wrote."""
    problems = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            problems += [f"import {name}" for name in names if name.split(".")[0] in UNSAFE_MODULES]
        if isinstance(node, ast.Call):
            problems += _call(node)
    return problems


def _call(node: ast.Call) -> list[str]:
    name = ast.unparse(node.func)
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    problems = [f"{name}()"] if name in CALLS or name in ATTRIBUTES else []
    for key, value in FORBIDDEN_VALUES.items():
        if key in keywords and isinstance(keywords[key], ast.Constant) and keywords[key].value is value:
            problems.append(f"{key}={value}")
    if (
        name in ("yaml.load", "yaml.load_all")
        and ast.unparse(keywords.get("Loader", ast.Constant(None))) not in SAFE_LOADERS
    ):
        problems.append(f"{name} without a safe loader")
    if name.endswith(".from_pretrained") and not name.removeprefix("transformers.").startswith(NO_WEIGHTS):
        safe = keywords.get("use_safetensors")
        if not (isinstance(safe, ast.Constant) and safe.value is True):
            problems.append(f"{name} without use_safetensors=True")
    if name.endswith(".from_pretrained") and not name.startswith(("PeftModel", "GenerationConfig")):
        without_code = keywords.get("trust_remote_code")
        if not (isinstance(without_code, ast.Constant) and without_code.value is False):
            problems.append(f"{name} without trust_remote_code=False")
    return problems


def test_the_search_covers_the_whole_package():
    assert len(FILES) > 100


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_file_runs_or_unpickles_its_input(path):
    assert offences(path.read_text(encoding="utf-8")) == EXPECTED.get(path.name, [])


@pytest.mark.parametrize(
    "source",
    [
        "eval(text)",
        "exec(text)",
        "import pickle",
        "from pickle import loads",
        "import torch\ntorch.load(path)",
        "subprocess.run(command, shell=True)",
        "os.system('ls')",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.Loader)",
        "yaml.unsafe_load(text)",
        "AutoModel.from_pretrained(name, use_safetensors=True, trust_remote_code=True)",
        "AutoModelForCausalLM.from_pretrained(name, trust_remote_code=False)",
        "AutoTokenizer.from_pretrained(name)",
        "numpy.load(path)",
        "session.get(url, verify=False)",
    ],
)
def test_each_unsafe_construct_is_reported(source):
    assert offences(source)


def test_safe_constructs_are_not_reported():
    assert not offences(
        "model.eval()\nast.literal_eval(text)\nyaml.safe_load(text)\nAutoTokenizer.from_pretrained(name, trust_remote_code=False)"
    )


def test_our_yaml_loaders_are_safe():
    safe = (yaml.SafeLoader, yaml.CSafeLoader)
    assert issubclass(config._Loader, safe)
    assert issubclass(tasks._Names, safe)


def test_a_hub_download_takes_no_pickles_and_no_code():
    assert not [
        pattern for pattern in HUB_FILES if pattern.endswith((".bin", ".pt", ".pth", ".py", ".pkl", ".ckpt", "*"))
    ]


# Nine lists, each nine times the one before: 9 ** 9 values in as many lines.
LAUGHS = "b0: &b0 [x]\n" + "".join(f"b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 9)}]\n" for n in range(1, 10))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: !!python/object/apply:os.system [ls]", "not valid YAML"),
        ("name: 2001-99-99", "not valid YAML"),
        ("name: !!timestamp x", "not valid YAML"),
        ("name: !!bool maybe", "not valid YAML"),
        ("name: " + "9" * 5000, "not valid YAML"),
        ("[" * 3000, "brackets nested more than 100 deep"),
        ("- " * 3000, "not valid YAML"),
        (LAUGHS, "aliases"),
        ("a: &a [*a]", "not valid YAML"),
        ("a: " + "x" * 1_000_001, "characters"),
    ],
    ids=["tag", "date", "timestamp", "bool", "digits", "brackets", "nesting", "laughs", "itself", "size"],
)  # fmt: skip
def test_a_hostile_yaml_is_refused_in_one_line(tmp_path, text, words):
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(McqaError, match=words) as refused:
        config.read_yaml(path)
    assert "\n" not in str(refused.value)


def test_aliases_within_reason_are_read(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("a: &a {x: 1}\nc: [*a, *a]\n", encoding="utf-8")
    assert config.read_yaml(path) == {"a": {"x": 1}, "c": [{"x": 1}, {"x": 1}]}


@pytest.mark.parametrize("task", ["../outside/t", "/t", "a/b", "t\0"])
def test_a_task_name_in_results_leads_to_no_file_elsewhere(tmp_path, task):
    folder = write_run(tmp_path / "run", {"t": [written_row("t", 0, "B", 1)]})
    path = folder / f"results_{STAMP}.json"
    results = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(results | {"configs": {task: results["configs"]["t"]}}), encoding="utf-8")
    outside = tmp_path / "outside" / f"t_{STAMP}.jsonl"
    outside.parent.mkdir()
    (folder / "samples_..").mkdir()
    outside.write_text(json.dumps(written_row("t", 0, "B", 1)) + "\n", encoding="utf-8")
    with pytest.raises(McqaError, match="cannot be in a file name"):
        read_run(folder)


def test_a_url_with_a_password_is_refused():
    with pytest.raises(McqaError, match="MCQA_API_KEY") as refused:
        Endpoint("http://me:hunter2@localhost:1/v1", "m")
    assert "hunter2" not in str(refused.value)


@pytest.mark.slow  # imports the trainers
@pytest.mark.parametrize("trainer", ["{trust_remote_code: true}", "{model_init_kwargs: {trust_remote_code: true}}"])
@pytest.mark.parametrize("kind", ["sft", "dpo"])
def test_no_recipe_can_run_the_code_of_a_checkpoint(tmp_path, kind, trainer):
    source = {"sft": "{source: symbolic_local, n: 4}", "dpo": "{source: arc, n: 4}"}[kind]
    path = tmp_path / "stage.yaml"
    path.write_text(f"data: [{source}]\ntrainer: {trainer}\n", encoding="utf-8")
    command = [sys.executable, str(REPOSITORY / "training" / f"{kind}.py"), "--check", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "trainer: unknown key" in done.stderr


SECRETS = {
    name: f"marker-{name.lower()}-5f1c" for name in ("HF_TOKEN", "OPENAI_API_KEY", "MCQA_API_KEY", "WANDB_API_KEY")
}
RECIPE = """
name: tiny
base: random-model
chat_template: false
threads: 1
stages:
  - name: sft
    kind: sft
    parent: base
    settings:
      allow_leaks: true
      data: [{source: symbolic_local, n: 8, seed: 1}]
      lora: {r: 2}
      trainer: {max_steps: 1, per_device_train_batch_size: 2}
evaluate:
  - {tasks: [mcqa_epfl], limit: 2}
"""


@pytest.mark.slow
def test_no_secret_of_the_environment_is_in_a_file_or_the_output_of_a_run(tmp_path):
    (tmp_path / "tiny.yaml").write_text(RECIPE, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "mcqa_suite.cli.main",
        "run",
        str(tmp_path / "tiny.yaml"),
        "--output",
        str(tmp_path / "run"),
    ]
    done = subprocess.run(
        command, env={**os.environ, **SECRETS, "HF_HUB_OFFLINE": "1"}, capture_output=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    written = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    names = {path.name for path in written}
    assert {"manifest.json", "rung.json", "model.safetensors", "sft.log"} <= names
    assert any(name.startswith("results_") for name in names)
    texts = {str(path): path.read_bytes() for path in written} | {"output": done.stdout + done.stderr}
    assert not [
        (file, name) for file, text in texts.items() for name, secret in SECRETS.items() if secret.encode() in text
    ]
    assert not [path for path in Path(tmp_path / "run").rglob("*") if path.suffix in (".bin", ".pt", ".pkl", ".pth")]
