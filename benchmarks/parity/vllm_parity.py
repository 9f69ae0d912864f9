"""The same questions asked of the same model through `hf` and through vLLM, which lives in a second environment.

    python benchmarks/parity/vllm_parity.py --vllm VLLM_ENV/bin/python [--gptq DIR...] [--tasks mcqa_generated] [--limit 100]

VLLM_ENV holds vLLM's CPU build and `mcqa-suite[server]`; the harness asks for a distribution of the name `vllm`. The model is
evaluated here with `--model hf`, behind `vllm serve` with `--model local-completions`, and there with `--model vllm`: whole, with
tensor_parallel_size=2, and with data_parallel_size=2 (which takes `ray`); the sample logs are compared document by document.
Every checkpoint of `--gptq` is tried in vLLM in each of `--dtypes`, and compared with `hf` in the same dtype where it runs.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from server_parity import ENVIRONMENT, REPOSITORY, Agreement, agreement, evaluate, evaluation, serving

ABSENT = 2  # the exit code where the second environment is none
TASKS = ("mcqa_generated", "mcqa_generated_cloze", "mcqa_generated_cot", "mcqa_epfl", "mcqa_epfl_cloze")
THERE = {
    **{name: value for name, value in ENVIRONMENT.items() if name != "CUDA_VISIBLE_DEVICES"},
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_NO_USAGE_STATS": "1",
    # The harness runs copies as Ray tasks that each want a GPU, and without one they would wait for ever.
    "RAY_OVERRIDE_RESOURCES": '{"CPU": 2, "GPU": 2}',
}
ASK = """
import importlib.metadata as found, json, torch
names = "vllm", "mcqa-suite", "lm_eval", "torch", "transformers"
print(json.dumps([torch.backends.cpu.get_cpu_capability(), {name: found.version(name) for name in names}]))
"""
WAYS = {"in process": "", "two parts": ",tensor_parallel_size=2", "two copies": ",data_parallel_size=2"}
# What vLLM says first when it cannot run a checkpoint, less what it adds for its own developers.
FIRST_ERROR = re.compile(r"(?:\w*Error:|Value error,) (.+?)(?:\. |, please check| \[type=|$)", re.MULTILINE)


@dataclass(frozen=True)
class Asked:
    """What is asked of every model."""

    tasks: list[str]
    limit: int
    vllm: Path

    def with_hf(self, model: Path, dtype: str, output: Path) -> float:
        flags = ["--model", "hf", "--model_args", f"pretrained={model},dtype={dtype}"]
        return evaluate([*flags, "--device", "cpu", "--batch_size", "1"], self.tasks, self.limit, output)

    def served(self, model: Path, dtype: str, output: Path) -> float:
        """The server from the second environment, the client from this one."""
        code = "import sys; from vllm.entrypoints.cli.main import main; sys.exit(main())"
        flags = ["--dtype", dtype, "--enforce-eager", "--max-model-len", "1024"]
        with serving([self.vllm, "-c", code, "serve", model, *flags], THERE) as url:
            told = f"model={model},tokenizer={model},base_url={url},num_concurrent=8"
            return evaluate(["--model", "local-completions", "--model_args", told], self.tasks, self.limit, output)

    def with_vllm(self, model: Path, dtype: str, output: Path, more: str = "") -> subprocess.CompletedProcess[str]:
        told = f"pretrained={model},dtype={dtype},enforce_eager=True,max_model_len=1024{more}"
        flags = ["--model", "vllm", "--model_args", told, "--batch_size", "auto"]
        program = (self.vllm, "-m", "mcqa_suite.cli.main")
        return evaluation(flags, self.tasks, self.limit, output, program=program, environment=THERE)


def second_environment(python: Path) -> str:
    """Its versions and what its processor can do, in a line; ends the program where vLLM or this suite is not in it."""
    try:
        done = subprocess.run([python, "-c", ASK], capture_output=True, text=True, check=False)
    except OSError as error:
        done = subprocess.CompletedProcess([], 1, "", str(error))
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        print(f"{python}: not an environment with vLLM and mcqa-suite ({reason})", file=sys.stderr)
        sys.exit(ABSENT)
    capability, versions = json.loads(done.stdout)
    return f"{', '.join(f'{name} {version}' for name, version in versions.items())}; torch computes with {capability}"


def parity(asked: Asked, model: Path, made: Path) -> None:
    """The first table: `hf` against each way through vLLM, in float32."""
    asked.with_hf(model, "float32", made / "hf")
    asked.served(model, "float32", made / "served")
    failed = {}
    for name, more in WAYS.items():
        if (done := asked.with_vllm(model, "float32", made / name, more)).returncode:
            failed[name] = gist(done.stdout)
    print(HEAD.format(f"hf, {model.name} in float32, against"))
    for task in asked.tasks:
        for name in ("served", *WAYS):
            if name not in failed:
                print(row(task, name, agreement(made / "hf", made / name, task)))
    for name, reason in failed.items():
        print(f"\n{name}: did not run: {reason}")


HEAD = """
| task | {} | questions | same answer | largest difference | same text | acc % hf | acc % vLLM |
|---|---|---:|---:|---:|---:|---:|---:|"""


def row(task: str, other: str, both: Agreement) -> str:
    apart = "" if both.largest is None else f"{both.largest:.1e}"
    text = "" if both.same_text is None else str(both.same_text)
    return f"| {task} | {other} | {both.n} | {both.same_answer} | {apart} | {text} | {both.acc[0]:.1f} | {both.acc[1]:.1f} |"


def gist(said: str) -> str:
    first = FIRST_ERROR.search(said)
    return first[1].strip() if first else "no error was printed"


def bits_of(folder: Path) -> int:
    return int(json.loads((folder / "config.json").read_text(encoding="utf-8"))["quantization_config"]["bits"])


def quantised(asked: Asked, folders: list[Path], dtypes: list[str], made: Path) -> None:
    """The second table: which GPTQ checkpoints vLLM runs; the third: those against `hf`."""
    print("\n| GPTQ checkpoint | dtype | in vLLM |\n|---|---|---|")
    compared = []
    for folder in folders:
        for dtype in dtypes:
            bits = f"{bits_of(folder)} bits"
            done = asked.with_vllm(folder, dtype, made / f"vllm {folder.name} {dtype}")
            print(f"| {bits} | {dtype} | {f'fails: {gist(done.stdout)}' if done.returncode else 'runs'} |", flush=True)
            if done.returncode == 0:
                asked.with_hf(folder, dtype, made / f"hf {folder.name} {dtype}")
                compared.append((folder, dtype, bits))
    if not compared:
        print("\nNone runs here, so none is compared with hf.")
        return
    print(HEAD.format("hf against vLLM"))
    for folder, dtype, bits in compared:
        for task in asked.tasks:
            both = agreement(made / f"hf {folder.name} {dtype}", made / f"vllm {folder.name} {dtype}", task)
            print(row(task, f"{bits}, {dtype}", both))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vllm", type=Path, required=True, help="the Python of the environment with vLLM")
    parser.add_argument("--model", type=Path, default=REPOSITORY / "training" / "base")
    parser.add_argument("--gptq", type=Path, nargs="+", default=[], help="checkpoints of training/gptq.py")
    parser.add_argument("--dtypes", nargs="+", default=["bfloat16", "float32"], help="of the GPTQ checkpoints in vLLM")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--limit", type=int, default=100)
    args = parser.parse_args()
    python = args.vllm.absolute()  # not resolved: a link is what makes it that environment's
    asked = Asked(args.tasks, args.limit, python)
    print(f"The environment with vLLM: {second_environment(python)}.", flush=True)
    with tempfile.TemporaryDirectory() as made:
        parity(asked, args.model.resolve(), Path(made))
        if args.gptq:
            quantised(asked, [folder.resolve() for folder in args.gptq], args.dtypes, Path(made))
    print("\nlargest difference: of an option's log-likelihood, where options are scored.")
    print("served: vllm serve and local-completions with num_concurrent=8; in process: --model vllm; two parts: with")
    print("tensor_parallel_size=2; two copies: with data_parallel_size=2, Ray being told of two GPUs.")


if __name__ == "__main__":
    main()
