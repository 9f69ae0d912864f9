"""Try wordings of the cot instruction on validation questions, and count what a model makes of each.

    python benchmarks/accuracy/cot_wordings.py --model MODEL [--limit 40] [--max_gen_toks 128] [--cache runs/cot_wordings]

Every wording is asked as `mcqa_*_cot` asks: greedy, zero-shot, read by the suite's own filter. A response is *read* if its
letter was found, *right* if that is the right one, and *copied* if it repeats the wording's placeholder in place of a letter,
or several of the sentences that the wording offers. *Commonest* is the share of the letter that is given most often, of all
that were read: a quarter where no letter is favoured. The questions are of validation splits, so that no test question decides
the wording. A finished part is kept in the cache, and its seconds are not counted again.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.evaluation.evaluate_checkpoint import load_model
from mcqa_suite.harness.docs import as_question
from mcqa_suite.harness.tasks import with_local_data
from mcqa_suite.questions import prompts

SETS = {
    "arc_easy": ("arc/_arc.yaml", "dataset_name: ARC-Easy\nprocess_docs: !function mcqa_suite.harness.docs.arc_easy\n"),
    "openbookqa": ("openbookqa/_openbookqa.yaml", ""),
}


@dataclass(frozen=True)
class Wording:
    """`before` stands above the question, `after` between the options and `tail`; `copied` finds the placeholder."""

    before: str
    after: str
    copied: str
    tail: str = "Answer:"


NO_PLACEHOLDER = r"(?!)"
CHOSEN = "head, bracketed"
WORDINGS = {
    "finish with X": Wording(
        "",
        'Think step by step, then finish with "The answer is X.", where X is the letter of one option.',
        r"answer is \W*X\b",
    ),
    "and the letter": Wording(
        "", 'Think step by step. Then write "The answer is" and the letter of the right option.', NO_PLACEHOLDER
    ),
    "last line LETTER": Wording(
        'Answer the following multiple-choice question. The last line of your response should be "Answer: LETTER", where '
        "LETTER is the letter of one option. Think step by step before answering.",
        "",
        r"LETTER",
    ),
    "head, and the letter": Wording(
        "Answer the following multiple-choice question. Think step by step, then give the letter of the right option.",
        "",
        NO_PLACEHOLDER,
    ),
    # its text depends on the options, see `text`; two of its sentences are a copy
    "each sentence": Wording("", "", r"(?s)answer is \W{0,2}([A-E])\b.*answer is \W{0,2}(?!\1)[A-E]\b"),
    "reason first": Wording(
        "", 'Give a short reason first. Then say which option is right: "The answer is" and its letter.', NO_PLACEHOLDER
    ),
    "say which": Wording(
        "", 'Think step by step. Then say which option is right: "The answer is" and its letter.', NO_PLACEHOLDER
    ),
    "end with the sentence": Wording(
        "",
        'Think step by step, and end with the sentence "The answer is" followed by the letter of the right option.',
        NO_PLACEHOLDER,
    ),
    CHOSEN: Wording(
        prompts.COT_INSTRUCTION,
        "",
        r"answer is \W*(?:the )?letter\b",
    ),
    "head, bracketed, think": Wording(
        'Answer the following multiple-choice question. Think step by step, then finish with "The answer is (letter)."',
        "",
        r"answer is \W*(?:the )?letter\b",
        "Answer: Let's think step by step.",
    ),
    "bracketed, think": Wording(
        "",
        'Think step by step, then finish with "The answer is (letter)".',
        r"answer is \W*(?:the )?letter\b",
        "Answer: Let's think step by step.",
    ),
    "head, last line": Wording(
        'Answer the following multiple-choice question. Think step by step. The last line of your response should be "The '
        'answer is" and the letter of the right option.',
        "",
        NO_PLACEHOLDER,
    ),
    "bracketed": Wording(
        "", 'Think step by step, then finish with "The answer is (letter)".', r"answer is \W*(?:the )?letter\b"
    ),
}


def text(name: str, doc: dict) -> str:
    """The prompt of a document in a wording."""
    question, wording = as_question(doc), WORDINGS[name]
    after = wording.after
    if name == "each sentence":
        sentences = [f'"The answer is {letter}."' for letter in question.letters]
        after = f"Think step by step, then finish with {', '.join(sentences[:-1])} or {sentences[-1]}"
    parts = [
        wording.before,
        f"Question: {question.stem}",
        f"Options:\n{prompts.options(question)}",
        after,
        wording.tail,
    ]
    return "\n\n".join(part for part in parts if part)


def tasks_of(folder: Path, names: list[str], max_gen_toks: int) -> list[str]:
    """Write a task for each set and wording; return their names."""
    lines = ["import sys", f"sys.path.insert(0, {str(Path(__file__).parent)!r})", "from cot_wordings import text"]
    tasks = []
    for number, name in enumerate(names):
        lines.append(f"def wording_{number}(doc): return text({name!r}, doc)")
        for data, (include, more) in SETS.items():
            task = f"wording_{number}_{data}"
            (folder / f"{task}.yaml").write_text(
                f"include: [{tasks_dir()}/{include}, {tasks_dir()}/_formats/cot.yaml]\ntask: {task}\n{more}"
                f"test_split: validation\ndoc_to_text: !function words.wording_{number}\n"
                f'generation_kwargs: {{until: ["\\nQuestion:"], do_sample: false, max_gen_toks: {max_gen_toks}}}\n',
                encoding="utf-8",
            )
            tasks.append(task)
    (folder / "words.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tasks


def responses(lm, name: str, args: argparse.Namespace, chat: bool) -> list[dict]:
    """Right, read, truncated and the text of every response to a wording, from the cache where they are there."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    folder = args.cache / f"{args.limit}-{args.max_gen_toks}{'-chat' if chat else ''}"
    path = folder / f"{re.sub('[^a-zA-Z]+', '_', name)}.json"
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as temporary:
        tasks = tasks_of(Path(temporary), [name], args.max_gen_toks)
        manager = with_local_data(TaskManager(include_path=temporary, include_defaults=False))
        results = simple_evaluate(
            lm(), tasks=tasks, task_manager=manager, limit=args.limit, apply_chat_template=chat, bootstrap_iters=0
        )
    rows = [
        {key: row[key] for key in ("acc", "parsed", "truncated")}
        | {"task": task, "answer": row["filtered_resps"][0][0].answer, "text": row["resps"][0][0]}
        for task in tasks
        for row in results["samples"][task]
    ]
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--limit", type=int, default=40, help="questions of each set")
    parser.add_argument("--max_gen_toks", type=int, default=128)
    parser.add_argument("--batch_size", type=int, default=80)
    parser.add_argument("--cache", type=Path, default=Path("runs/cot_wordings"))
    parser.add_argument("--wordings", nargs="+", default=list(WORDINGS), choices=list(WORDINGS))
    parser.add_argument("--chat", nargs="+", default=["yes", "no"], choices=["yes", "no"])
    args = parser.parse_args()
    loaded: list = []

    def lm():
        if not loaded:
            loaded.append(load_model(args.model, dtype="float32", batch_size=args.batch_size))
        return loaded[0]

    print(f"{', '.join(SETS)}: {args.limit} validation questions each, at most {args.max_gen_toks} tokens, greedy.")
    print(f"The tasks ask as {CHOSEN!r}.\n")
    print("| wording | chat template | n | read % | right % | truncated % | copied % | commonest % | mean words |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for chat in args.chat:
        for name in args.wordings:
            rows = responses(lm, name, args, chat == "yes")
            copied = [bool(re.search(WORDINGS[name].copied, row["text"])) for row in rows]
            shares = [100 * sum(row[key] for row in rows) / len(rows) for key in ("parsed", "acc", "truncated")]
            letters = Counter(row["answer"] for row in rows if row["answer"])
            commonest = 100 * max(letters.values(), default=0) / max(letters.total(), 1)
            words = sum(len(row["text"].split()) for row in rows) / len(rows)
            figures = " | ".join(f"{share:.1f}" for share in [*shares, 100 * sum(copied) / len(rows), commonest])
            print(f"| {name} | {chat} | {len(rows)} | {figures} | {words:.0f} |", flush=True)


if __name__ == "__main__":
    main()
