"""The same questions asked of the same model in this process (`hf`) and behind an OpenAI-compatible server on loopback.

    python benchmarks/server_parity.py [--model training/base] [--tasks mcqa_generated_cot] [--limit 40]

Starts `transformers serve` (it needs `pip install 'transformers[serving]' 'lm_eval[api]'`), evaluates it with
`mcqa eval --model local-completions`, and compares the two sample logs answer by answer.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mcqa_suite.run_files import numbered_rows
from mcqa_suite.runs import read_log
from mcqa_suite.sample_values import flat, read_answer

REPOSITORY = Path(__file__).resolve().parents[1]
ENVIRONMENT = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "CUDA_VISIBLE_DEVICES": ""}


@contextmanager
def serving(model: Path) -> Iterator[str]:
    """The server's address, once it answers; the server's output goes to a temporary file that is shown if it dies."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "import sys; from transformers.cli.transformers import main; sys.exit(main())"
    flags = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    with tempfile.TemporaryFile() as said:
        command = [sys.executable, "-c", code, "serve", str(model), *flags]
        child = subprocess.Popen(command, env=ENVIRONMENT, stdout=said, stderr=subprocess.STDOUT)
        try:
            until = time.monotonic() + 180
            while not answers(f"http://127.0.0.1:{port}/health"):
                if child.poll() is not None or time.monotonic() > until:
                    said.seek(0)
                    sys.exit(f"the server did not start:\n{said.read().decode(errors='replace')[-2000:]}")
                time.sleep(1)
            yield f"http://127.0.0.1:{port}/v1/completions"
        finally:
            child.terminate()
            child.wait()


def answers(url: str) -> bool:
    try:
        return bool(urllib.request.urlopen(url, timeout=2).status == 200)
    except OSError:
        return False


def evaluate(flags: list[str], tasks: list[str], limit: int, output: Path) -> float:
    """Seconds of `mcqa eval` with these flags."""
    shared = ["--tasks", ",".join(tasks), "--limit", str(limit), "--gen_kwargs", "max_gen_toks=48,temperature=0"]
    command = [sys.executable, "-m", "mcqa_suite.cli", "eval", *flags, *shared]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, "--log_samples", "--output_path", str(output)],
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{' '.join(flags)}: exit code {done.returncode}\n{done.stdout[-3000:]}")
    return time.perf_counter() - start


def read(output: Path, task: str) -> dict[int, tuple[str, object]]:
    """By document: what the model wrote, and the answer that was read in it."""
    log = next(output.rglob(f"samples_{task}_*.jsonl"))
    return {
        row["doc_id"]: (str(next(flat(row["resps"]))), read_answer(next(flat(row["filtered_resps"]))))
        for _number, row in numbered_rows(log)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=REPOSITORY / "training" / "base")
    parser.add_argument("--tasks", nargs="+", default=["mcqa_generated_cot", "mcqa_epfl_cot"])
    parser.add_argument("--limit", type=int, default=40)
    args = parser.parse_args()
    model = args.model.resolve()
    with tempfile.TemporaryDirectory() as made:
        here, there = Path(made) / "hf", Path(made) / "server"
        shown = [f"pretrained={model},dtype=float32", "--device", "cpu", "--batch_size", "1"]
        alone = evaluate(["--model", "hf", "--model_args", *shown], args.tasks, args.limit, here)
        with serving(model) as url:
            told = f"model={model},tokenizer={model},base_url={url},tokenized_requests=False,num_concurrent=1"
            served = evaluate(["--model", "local-completions", "--model_args", told], args.tasks, args.limit, there)
        print("| task | questions | same answer | read | same text | acc % hf | acc % served |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for task in args.tasks:
            ours, theirs = read(here, task), read(there, task)
            assert ours.keys() == theirs.keys()
            letters = sum(ours[doc][1] == theirs[doc][1] for doc in ours)
            read_in = sum(ours[doc][1] == theirs[doc][1] is not None for doc in ours)
            texts = sum(ours[doc][0] == theirs[doc][0] for doc in ours)
            scores = [100 * read_log(folder).by_task[task].samples.scores["acc"].mean() for folder in (here, there)]
            print(f"| {task} | {len(ours)} | {letters} | {read_in} | {texts} | {scores[0]:.1f} | {scores[1]:.1f} |")
        print("\nread: an answer was found in the text, the same on both sides.")
        print(f"{alone:.0f} s with hf, {served:.0f} s served, both from the start of the command.")


if __name__ == "__main__":
    main()
