"""`mcqa preferences sample | label | check` and `mcqa rank`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import ConfigError

JUDGE = (
    "an OpenAI-compatible server, e.g. http://localhost:8000/v1; the key is read from MCQA_API_KEY or OPENAI_API_KEY"
)


def add(commands: Any) -> None:
    preferences = commands.add_parser("preferences", help="preference pairs: sample responses, label and check them")
    parts = preferences.add_subparsers(dest="part", required=True, metavar="PART")
    _add_sample(parts.add_parser("sample", help="n responses a prompt, from a checkpoint or a server; resumes"))
    _add_label(parts.add_parser("label", help="which response is better: by correctness, a judge or a human; resumes"))
    check = parts.add_parser(
        "check", help="what is missing, doubled, tied or biased; exit 1 if it is not fit to train on"
    )
    check.add_argument("file", type=Path, metavar="LABELS.jsonl")
    check.add_argument(
        "--responses", type=Path, metavar="FILE", help="name the prompts of this file that have no label"
    )
    check.add_argument("--pairs", type=Path, metavar="FILE", help="write the decided rows as prompt, chosen, rejected")
    check.set_defaults(run=_check)
    _add_rank(commands.add_parser("rank", help="rank models by a judge's verdicts on their responses"))


def _add_sample(sample: argparse.ArgumentParser) -> None:
    sample.add_argument("data", type=Path, metavar="DATA.jsonl", help="rows with a prompt, or questions")
    source = sample.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", metavar="FOLDER", help="a checkpoint")
    source.add_argument("--endpoint", metavar="URL", help=JUDGE)
    sample.add_argument("--endpoint-model", metavar="NAME", help="default: the one model that the server lists")
    sample.add_argument("--n", type=int, default=2, help="responses a prompt (default: 2)")
    sample.add_argument("--temperature", type=float, default=0.7, help="default: 0.7")
    sample.add_argument("--top-p", type=float, default=0.9, help="default: 0.9")
    sample.add_argument("--max-tokens", type=int, default=512, help="of a response (default: 512)")
    sample.add_argument("--stop", action="append", default=[], metavar="TEXT", help="ends a response; may be repeated")
    sample.add_argument("--seed", type=int, default=0)
    sample.add_argument("--batch-size", type=int, default=16, help="of a checkpoint (default: 16)")
    sample.add_argument("--dtype", default="float32", help="of a checkpoint (default: float32)")
    sample.add_argument("--parallel", type=int, default=8, help="requests to a server at a time (default: 8)")
    sample.add_argument(
        "--chat-template",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="of a checkpoint; default: as it was trained, else where its tokenizer has one",
    )
    sample.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    sample.set_defaults(run=_sample)


def _add_label(label: argparse.ArgumentParser) -> None:
    label.add_argument("file", type=Path, metavar="RESPONSES.jsonl", help="of `mcqa preferences sample`")
    label.add_argument("--by", required=True, choices=["correctness", "judge", "human"])
    label.add_argument("--judge", metavar="URL", help=JUDGE)
    label.add_argument("--judge-model", metavar="NAME", help="default: the one model that the server lists")
    label.add_argument("--judge-prompt", type=Path, metavar="FILE", help="instructions with {prompt} {first} {second}")
    label.add_argument("--pairs-per-prompt", type=int, default=1, metavar="N", help="default: 1; 0 for all")
    label.add_argument("--parallel", type=int, default=8, help="requests at a time (default: 8)")
    label.add_argument("--seed", type=int, default=0, help="of the order in which a human sees two responses")
    label.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    label.set_defaults(run=_label)


def _add_rank(rank: argparse.ArgumentParser) -> None:
    rank.add_argument(
        "responses", nargs="+", metavar="RESPONSES", help="FILE or NAME=FILE of `mcqa preferences sample`"
    )
    rank.add_argument("--judge", required=True, metavar="URL", help=JUDGE)
    rank.add_argument("--judge-model", metavar="NAME", help="default: the one model that the server lists")
    rank.add_argument("--listwise", action="store_true", help="all responses at once, instead of two at a time")
    rank.add_argument("--embedding", metavar="MODEL", help="an encoder, for the similarity to the reference")
    rank.add_argument("--parallel", type=int, default=8, help="requests at a time (default: 8)")
    rank.add_argument("--seed", type=int, default=0, help="of the order in which responses are shown")
    rank.add_argument("-o", "--output", type=Path, default=Path("ranking"), metavar="DIR", help="default: ranking")
    rank.set_defaults(run=_rank)


def _sample(args: argparse.Namespace) -> None:
    from mcqa_suite.backend.generation import Sampling
    from mcqa_suite.training_data.preferences.asked import read_prompts
    from mcqa_suite.training_data.preferences.responses import sample

    _positive(parallel=args.parallel, batch_size=args.batch_size)
    settings = Sampling(args.temperature, args.top_p, args.max_tokens, args.seed, tuple(args.stop))
    prompts = read_prompts(args.data)
    if args.endpoint:
        from mcqa_suite.backend.endpoint import Endpoint

        server = Endpoint(args.endpoint, args.endpoint_model)
        name, generate = server.model, server.generate(settings, args.parallel)
    else:
        from mcqa_suite.backend.sampling import Sampler

        sampler = Sampler(args.model, chat=args.chat_template, dtype=args.dtype, batch_size=args.batch_size)
        name, generate = sampler.identity, sampler.generator(settings)
    written = sample(prompts, args.n, settings, name, generate, args.output)
    print(f"{args.output}: {written} responses written, {len(prompts)} prompts x {args.n} in all")


def _label(args: argparse.Namespace) -> None:
    from mcqa_suite.training_data.preferences.correctness import BY, by_correctness, decided_first
    from mcqa_suite.training_data.preferences.pairs import label, pairs_of
    from mcqa_suite.training_data.preferences.responses import read_responses

    _positive(parallel=args.parallel)
    if (args.by == "judge") != bool(args.judge):
        raise ConfigError(f"--by {args.by}: {'give the URL of the --judge' if not args.judge else 'has no --judge'}")
    responses, most = read_responses(args.file), args.pairs_per_prompt or None
    if args.by == "correctness":
        written = label(decided_first(pairs_of(responses, None), most), BY, by_correctness, args.output)
    elif args.by == "human":
        from mcqa_suite.training_data.preferences.human import label_by_hand

        label_by_hand(pairs_of(responses, most), args.output, seed=args.seed)
        return
    else:
        from mcqa_suite.backend.endpoint import Endpoint
        from mcqa_suite.training_data.preferences.judge import JudgeLabels, read_template

        template = read_template(args.judge_prompt)
        judge = JudgeLabels(Endpoint(args.judge, args.judge_model), template, args.parallel)
        written = label(pairs_of(responses, most), judge.by, judge, args.output)
    print(f"{args.output}: {written} pairs labelled")


def _check(args: argparse.Namespace) -> int:
    from mcqa_suite.training_data.preferences.check import check, report, write_pairs
    from mcqa_suite.training_data.preferences.pairs import read_labels
    from mcqa_suite.training_data.preferences.responses import read_responses

    rows = read_labels(args.file)
    found = check(rows, read_responses(args.responses) if args.responses else ())
    print(report(found))
    if args.pairs:
        print(f"{args.pairs}: {write_pairs(rows, args.pairs)} pairs")
    return int(not found.fit)


def _rank(args: argparse.Namespace) -> None:
    from mcqa_suite.analysis.ranking import rank
    from mcqa_suite.backend.endpoint import Endpoint
    from mcqa_suite.reporting.ranking import csv_table, figure, markdown
    from mcqa_suite.training_data.preferences.ranking import judged
    from mcqa_suite.training_data.preferences.ranking_entries import read_entries

    _positive(parallel=args.parallel)
    entries, alone = read_entries(args.responses)
    if alone:
        print(f"mcqa: {len(alone)} prompts left out, which not every model answered ({alone[0]}, ...)", file=sys.stderr)
    near = _similarity(entries, args.embedding)
    judge = Endpoint(args.judge, args.judge_model)
    verdicts = args.output / "verdicts.jsonl"
    rows = judged(entries, judge, verdicts, listwise=args.listwise, seed=args.seed, parallel=args.parallel)
    found = rank(rows, near, args.seed)
    table = markdown(found)
    for name, text in (("ranking.md", table + "\n"), ("ranking.csv", csv_table(found))):
        (args.output / name).write_text(text, encoding="utf-8")
    figure(found, args.output / "ranking.svg")
    print(f"{table}\n\n{args.output}: ranking.md, ranking.csv, ranking.svg, verdicts.jsonl")


def _similarity(entries: Any, embedding: str | None) -> dict[str, list[float]] | None:
    """Of each model's responses to the references, prompt by prompt."""
    referenced = [entry for entry in entries if entry.reference]
    if not embedding:
        print("mcqa: no --embedding, so no similarity to the references", file=sys.stderr)
        return None
    if not referenced:
        raise ConfigError(
            "--embedding: no row has a reference to compare with; add a column 'reference' to the prompts"
        )
    from mcqa_suite.backend.embedding import Encoder

    encoder, references = Encoder(embedding), [entry.reference for entry in referenced]
    return {
        name: encoder.similarity([entry.responses[name] for entry in referenced], references)
        for name in entries[0].responses
    }


def _positive(**given: int) -> None:
    for name, value in given.items():
        if value < 1:
            raise ConfigError(f"--{name.replace('_', '-')} {value}: expected at least 1")
