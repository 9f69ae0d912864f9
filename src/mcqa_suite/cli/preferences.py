"""`mcqa preferences prompts | sample | label | contrast | annotate | check`."""

import argparse
from pathlib import Path
from typing import Any, Literal

from mcqa_suite.cli.arguments import JUDGE, add_judge, command

EXAMPLES = (
    "mcqa preferences sample prompts.jsonl --model runs/demo/checkpoints/sft -o responses.jsonl",
    "mcqa preferences check pairs.jsonl",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(required=True, metavar="prompts|sample|label|contrast|annotate|check")
    _add_prompts(parts)
    _add_sample(parts)
    _add_label(parts)
    _add_contrast(parts)
    _add_annotate(parts)
    _add_check(parts)


def _add_prompts(parts: Any) -> None:
    prompts = command(
        parts,
        "prompts",
        "write the prompts of a pool that a recipe's SFT stages leave aside",
        "mcqa preferences prompts training/configs/persuasion.yaml --pool ai --n 2150 -o ai_prompts.jsonl",
        "mcqa preferences prompts training/configs/persuasion.yaml --pool held_out -o held_out_prompts.jsonl",
    )
    prompts.add_argument("recipe", type=Path, metavar="RECIPE", help="YAML; its SFT sources with a `pool` are divided")
    prompts.add_argument("--pool", required=True, metavar="NAME", help="e.g. ai, human or held_out")
    prompts.add_argument("--n", type=int, help="draw this many prompts (default: all)")
    prompts.add_argument("--seed", type=int, default=0, help="seed of the draw (default: 0)")
    prompts.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write")
    prompts.set_defaults(run=run_prompts)


def _add_sample(parts: Any) -> None:
    sample = command(
        parts,
        "sample",
        "sample n responses per prompt from a checkpoint or a server; rerun to resume",
        "mcqa preferences sample prompts.jsonl --model runs/demo/checkpoints/sft --n 4 -o responses.jsonl",
        "mcqa preferences sample prompts.jsonl --endpoint http://localhost:8000/v1 -o responses.jsonl",
    )
    sample.add_argument("data", type=Path, metavar="DATA.jsonl", help="rows with a prompt, or questions")
    source = sample.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", metavar="FOLDER", help="a checkpoint")
    source.add_argument("--endpoint", metavar="URL", help=JUDGE)
    sample.add_argument("--endpoint-model", metavar="NAME", help="default: the one model that the server lists")
    sample.add_argument("--n", type=int, default=2, help="responses per prompt (default: 2)")
    sample.add_argument("--temperature", type=float, default=0.7, help="temperature of the sampling (default: 0.7)")
    sample.add_argument(
        "--top-p", type=float, default=0.9, help="share of the probability that is sampled from (default: 0.9)"
    )
    sample.add_argument("--max-tokens", type=int, default=512, help="maximum tokens per response (default: 512)")
    sample.add_argument(
        "--stop", action="append", default=[], metavar="TEXT", help="stop a response at this text; may be repeated"
    )
    sample.add_argument("--seed", type=int, default=0, help="seed of the sampling (default: 0)")
    sample.add_argument("--batch-size", type=int, default=16, help="for a checkpoint (default: 16)")
    sample.add_argument("--dtype", default="float32", help="for a checkpoint (default: float32)")
    sample.add_argument("--parallel", type=int, default=8, help="concurrent requests to a server (default: 8)")
    sample.add_argument(
        "--chat-template",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="for a checkpoint (default: as its manifest says for written answers, else if its tokenizer has one)",
    )
    sample.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write")
    sample.set_defaults(run=run_sample, extra="server")


def _add_label(parts: Any) -> None:
    label = command(
        parts,
        "label",
        "label which response is better: by correctness, a judge or a human; rerun to resume",
        "mcqa preferences label responses.jsonl --by correctness -o labels.jsonl",
        "mcqa preferences label responses.jsonl --by judge --judge http://localhost:8000/v1 -o labels.jsonl",
    )
    label.add_argument("file", type=Path, metavar="RESPONSES.jsonl", help="output of `mcqa preferences sample`")
    label.add_argument(
        "--by", required=True, choices=["correctness", "judge", "human"], help="who or what decides which is better"
    )
    add_judge(label)
    label.add_argument("--judge-prompt", type=Path, metavar="FILE", help="instructions with {prompt} {first} {second}")
    label.add_argument(
        "--pairs-per-prompt", type=int, default=1, metavar="N", help="pairs of each prompt (default: 1; 0: all)"
    )
    label.add_argument("--seed", type=int, default=0, help="seed for the order in which a human sees two responses")
    label.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write")
    label.set_defaults(run=run_label, extra="server")


def _add_contrast(parts: Any) -> None:
    contrast = command(
        parts,
        "contrast",
        "pair the data's own answers with sampled responses that are not right; exit 1 if length tells them apart",
        "mcqa preferences contrast responses.jsonl -o pairs.jsonl",
        "mcqa preferences contrast responses.jsonl --pairs-per-prompt 0 -o pairs.jsonl",
    )
    contrast.add_argument("file", type=Path, metavar="RESPONSES.jsonl", help="output of `mcqa preferences sample`")
    contrast.add_argument(
        "--pairs-per-prompt", type=int, default=1, metavar="N", help="pairs of each prompt (default: 1; 0: all)"
    )
    _add_length_bias(contrast)
    contrast.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write")
    contrast.set_defaults(run=run_contrast)


def _add_length_bias(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--length-bias",
        type=float,
        default=0.8,
        metavar="SHARE",
        help="exit 1 where the longer, or the shorter, answer is chosen in more than this share (default: 0.8; 1: never)",
    )


def _add_annotate(parts: Any) -> None:
    annotate = command(
        parts,
        "annotate",
        "add a topic or an explanation to questions, by a model behind a URL; rerun to resume",
        "mcqa preferences annotate questions.jsonl --what topic --endpoint http://localhost:8000/v1 -o topics.jsonl",
        "mcqa preferences annotate questions.jsonl --what explanation --endpoint http://localhost:8000/v1 -o explained.jsonl",
    )
    annotate.add_argument("data", type=Path, metavar="DATA.jsonl", help="rows with a prompt, or questions")
    annotate.add_argument(
        "--what", required=True, choices=["topic", "explanation"], help="what is added to each question"
    )
    annotate.add_argument("--endpoint", required=True, metavar="URL", help=JUDGE)
    annotate.add_argument("--endpoint-model", metavar="NAME", help="default: the one model that the server lists")
    annotate.add_argument("--topics", metavar="A,B,...", help="the topics to choose from (default: any)")
    annotate.add_argument("--parallel", type=int, default=8, help="concurrent requests (default: 8)")
    annotate.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write")
    annotate.set_defaults(run=run_annotate, extra="server")


def _add_check(parts: Any) -> None:
    check = command(
        parts,
        "check",
        "check labels for missing, duplicate, tied or biased ones; exit 1 if they are not fit for training",
        "mcqa preferences check labels.jsonl --pairs pairs.jsonl",
        "mcqa preferences check labels.jsonl --responses responses.jsonl",
    )
    check.add_argument("file", type=Path, metavar="LABELS.jsonl")
    check.add_argument(
        "--responses", type=Path, metavar="FILE", help="name the prompts of this file that have no label"
    )
    check.add_argument("--pairs", type=Path, metavar="FILE", help="write the decided rows as pairs for training")
    _add_length_bias(check)
    check.set_defaults(run=run_check)


def run_prompts(recipe: Path, output: Path, pool: str, n: int | None, seed: int) -> None:
    from mcqa_suite.api.preferences import pool_prompts

    result = pool_prompts(recipe, output, pool=pool, n=n, seed=seed)
    groups = len({row["group"] for row in result.rows})
    print(
        f"{output}: {len(result.rows)} prompts of {groups} groups (dialogues, threads), from {result.in_pool} in pool {pool!r}"
    )
    if result.shared:
        print(f"left out: {result.shared} prompts that several groups have, such as the beginning of a dialogue")


def run_sample(data: Path, output: Path, n: int, **options: Any) -> None:
    from mcqa_suite.api.preferences import sample_responses

    written, prompts = sample_responses(data, output, n=n, **options)
    print(f"{output}: {written} responses written, {prompts} prompts x {n} in all")


def run_label(
    file: Path, output: Path, by: Literal["correctness", "judge", "human"], pairs_per_prompt: int, **options: Any
) -> None:
    from mcqa_suite.api.preferences import label_pairs

    labelled = label_pairs(file, output, by=by, pairs_per_prompt=pairs_per_prompt or None, **options)
    if by != "human":
        print(f"{output}: {labelled} pairs labelled")


def run_contrast(file: Path, output: Path, pairs_per_prompt: int, length_bias: float) -> int:
    from mcqa_suite.api.preferences import contrast_pairs
    from mcqa_suite.training_data.preferences.check import biased_by_length, length_words, longer_share
    from mcqa_suite.training_data.preferences.pairs import left_out_text

    pairs = contrast_pairs(file, output, pairs_per_prompt=pairs_per_prompt or None)
    share = longer_share((row["chosen"], row["rejected"]) for row in pairs.rows)
    print(f"{output}: {len(pairs.rows)} pairs; left out: {left_out_text(pairs.left_out) or 'none'}")
    print(length_words(share, length_bias))
    return int(biased_by_length(share, length_bias))


def run_annotate(data: Path, output: Path, topics: str | None, **options: Any) -> None:
    from mcqa_suite.api.preferences import annotate_questions

    chosen = [topic.strip() for topic in topics.split(",")] if topics else []
    written, without = annotate_questions(data, output, topics=chosen, **options)
    print(f"{output}: {written} rows written; {without} of all have no {options['what']}")


def run_check(file: Path, responses: Path | None, pairs: Path | None, length_bias: float) -> int:
    from mcqa_suite.common.errors import naming
    from mcqa_suite.training_data.preferences.check import biased_by_length, check, report, write_pairs
    from mcqa_suite.training_data.preferences.pairs import left_out_text, read_labels
    from mcqa_suite.training_data.preferences.sampling import read_responses

    rows = read_labels(file)
    result = check(rows, read_responses(responses) if responses else ())
    print(report(result, length_bias))
    if pairs:
        with naming(file):
            written = write_pairs(rows, pairs)
        print(f"{pairs}: {len(written.rows)} pairs; left out: {left_out_text(written.left_out) or 'none'}")
    return int(not result.fit or biased_by_length(result.longer_share, length_bias))
