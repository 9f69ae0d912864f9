"""`mcqa preferences sample | label | check`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import command
from mcqa_suite.common.errors import ConfigError

JUDGE = (
    "an OpenAI-compatible server, e.g. http://localhost:8000/v1; the key is read from MCQA_API_KEY or OPENAI_API_KEY"
)


def add(commands: Any) -> None:
    parser = command(
        commands,
        "preferences",
        "make preference pairs: sample responses, label and check them",
        "mcqa preferences sample prompts.jsonl --model runs/demo/checkpoints/sft -o responses.jsonl",
    )
    parts = parser.add_subparsers(dest="part", required=True, metavar="sample|label|check")
    _add_sample(parts)
    _add_label(parts)
    _add_check(parts)


def _add_sample(parts: Any) -> None:
    sample = command(
        parts,
        "sample",
        "sample n responses per prompt from a checkpoint or a server; rerun to resume",
        "mcqa preferences sample prompts.jsonl --model runs/demo/checkpoints/sft --n 4 -o responses.jsonl",
    )
    sample.add_argument("data", type=Path, metavar="DATA.jsonl", help="rows with a prompt, or questions")
    source = sample.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", metavar="FOLDER", help="a checkpoint")
    source.add_argument("--endpoint", metavar="URL", help=JUDGE)
    sample.add_argument("--endpoint-model", metavar="NAME", help="default: the one model that the server lists")
    sample.add_argument("--n", type=int, default=2, help="responses per prompt (default: 2)")
    sample.add_argument("--temperature", type=float, default=0.7, help="default: 0.7")
    sample.add_argument("--top-p", type=float, default=0.9, help="default: 0.9")
    sample.add_argument("--max-tokens", type=int, default=512, help="maximum tokens per response (default: 512)")
    sample.add_argument(
        "--stop", action="append", default=[], metavar="TEXT", help="stop a response at this text; may be repeated"
    )
    sample.add_argument("--seed", type=int, default=0, help="default: 0")
    sample.add_argument("--batch-size", type=int, default=16, help="for a checkpoint (default: 16)")
    sample.add_argument("--dtype", default="float32", help="for a checkpoint (default: float32)")
    sample.add_argument("--parallel", type=int, default=8, help="concurrent requests to a server (default: 8)")
    sample.add_argument(
        "--chat-template",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="for a checkpoint; default: as in its training, else used if its tokenizer has one",
    )
    sample.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    sample.set_defaults(run=run_sample, extra="server")


def _add_label(parts: Any) -> None:
    label = command(
        parts,
        "label",
        "label which response is better: by correctness, a judge or a human; rerun to resume",
        "mcqa preferences label responses.jsonl --by correctness -o labels.jsonl",
    )
    label.add_argument("file", type=Path, metavar="RESPONSES.jsonl", help="output of `mcqa preferences sample`")
    label.add_argument("--by", required=True, choices=["correctness", "judge", "human"])
    label.add_argument("--judge", metavar="URL", help=JUDGE)
    label.add_argument("--judge-model", metavar="NAME", help="default: the one model that the server lists")
    label.add_argument("--judge-prompt", type=Path, metavar="FILE", help="instructions with {prompt} {first} {second}")
    label.add_argument("--pairs-per-prompt", type=int, default=1, metavar="N", help="default: 1; 0 for all")
    label.add_argument("--parallel", type=int, default=8, help="concurrent requests (default: 8)")
    label.add_argument("--seed", type=int, default=0, help="seed for the order in which a human sees two responses")
    label.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    label.set_defaults(run=run_label, extra="server")


def _add_check(parts: Any) -> None:
    check = command(
        parts,
        "check",
        "check labels for missing, duplicate, tied or biased ones; exit 1 if they are not fit for training",
        "mcqa preferences check labels.jsonl --pairs pairs.jsonl",
    )
    check.add_argument("file", type=Path, metavar="LABELS.jsonl")
    check.add_argument(
        "--responses", type=Path, metavar="FILE", help="name the prompts of this file that have no label"
    )
    check.add_argument("--pairs", type=Path, metavar="FILE", help="write the decided rows as prompt, chosen, rejected")
    check.set_defaults(run=run_check)


def run_sample(args: argparse.Namespace) -> None:
    from mcqa_suite.api.preferences import sample_responses

    check_positive(parallel=args.parallel, batch_size=args.batch_size)
    written, prompts = sample_responses(
        args.data,
        args.output,
        model=args.model,
        endpoint=args.endpoint,
        endpoint_model=args.endpoint_model,
        n=args.n,
        temperature=args.temperature,
        top_p=args.top_p,
        max_tokens=args.max_tokens,
        seed=args.seed,
        stop=args.stop,
        chat_template=args.chat_template,
        dtype=args.dtype,
        batch_size=args.batch_size,
        parallel=args.parallel,
    )
    print(f"{args.output}: {written} responses written, {prompts} prompts x {args.n} in all")


def run_label(args: argparse.Namespace) -> None:
    check_positive(parallel=args.parallel)
    if (args.by == "judge") != bool(args.judge):
        raise ConfigError(f"--by {args.by}: {'give the URL of the --judge' if not args.judge else 'has no --judge'}")
    most = args.pairs_per_prompt or None
    if args.by == "human":
        from mcqa_suite.training_data.preferences.human import label_by_hand
        from mcqa_suite.training_data.preferences.pairs import pairs_of
        from mcqa_suite.training_data.preferences.responses import read_responses

        label_by_hand(pairs_of(read_responses(args.file), most), args.output, seed=args.seed)
        return
    from mcqa_suite.api.preferences import label_pairs

    written = label_pairs(
        args.file,
        args.output,
        by=args.by,
        judge=args.judge,
        judge_model=args.judge_model,
        judge_prompt=args.judge_prompt,
        pairs_per_prompt=most,
        parallel=args.parallel,
    )
    print(f"{args.output}: {written} pairs labelled")


def run_check(args: argparse.Namespace) -> int:
    from mcqa_suite.training_data.preferences.check import check, report, write_pairs
    from mcqa_suite.training_data.preferences.pairs import read_labels
    from mcqa_suite.training_data.preferences.responses import read_responses

    rows = read_labels(args.file)
    result = check(rows, read_responses(args.responses) if args.responses else ())
    print(report(result))
    if args.pairs:
        print(f"{args.pairs}: {write_pairs(rows, args.pairs)} pairs")
    return int(not result.fit)


def check_positive(**values: int) -> None:
    """ConfigError for a flag below 1."""
    for name, value in values.items():
        if value < 1:
            raise ConfigError(f"--{name.replace('_', '-')} {value}: expected at least 1")
