"""`mcqa score-pairs`."""

import argparse
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import add_style
from mcqa_suite.cli.terminal import print_markdown

EXAMPLES = (
    "mcqa score-pairs runs/smollm2/checkpoints/dpo pairs.jsonl",
    "mcqa score-pairs runs/smollm2/checkpoints/reward pairs.jsonl -o scores.jsonl",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a folder or hub name, also of a reward model")
    parser.add_argument("pairs", metavar="PAIRS", help="JSONL file of prompt, chosen and rejected")
    parser.add_argument(
        "--reference",
        metavar="CHECKPOINT|none",
        help="model whose log-probability is subtracted (default: the parent that the manifest names, if it lies beside the "
        "checkpoint); none: subtract nothing",
    )
    parser.add_argument(
        "--beta", type=float, default=0.1, help="what the difference is multiplied by: the beta of DPO (default: 0.1)"
    )
    parser.add_argument(
        "--source",
        choices=["evaluator", "epfl_raw", "persuasion", "solutions"],
        default="evaluator",
        help="form of the file (default: evaluator)",
    )
    parser.add_argument(
        "--chat-template",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="write the pairs with or without it (default: as the checkpoint is asked)",
    )
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16", "float16"])
    parser.add_argument("--batch-size", type=int, default=8, metavar="N", help="default: 8")
    add_style(parser, "csv", "json")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the scores of every pair as JSONL")
    parser.set_defaults(run=run, extra="eval")


def run(checkpoint: str, pairs: str, style: str | None, output: Path | None, **options: Any) -> None:
    from mcqa_suite.api.pair_scores import score_pairs

    result = score_pairs(checkpoint, pairs, **options)
    if output:
        result.save(output)
    print_markdown(result.text(style or "md"), style)
