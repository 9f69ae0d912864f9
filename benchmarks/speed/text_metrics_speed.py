"""Seconds of BLEU and ROUGE on answers of GSM8K, and of our ROUGE and rouge-score's own on 10,000 rows.

    python benchmarks/speed/text_metrics_speed.py [--rows 10000]

In the first table an answer is the worked solution of the next question, once (as long as a solution) and five times (as long
as a verbose model writes). In the second, answers and references are windows of 60 and 300 words over all solutions. Prints
Markdown; the exit code is 1 if the metrics add more than 2 s at the length of a solution or the two ROUGE scores differ.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from itertools import chain, cycle, islice
from typing import Any

import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from mcqa_suite.harness.tasks import load, manager
from mcqa_suite.harness.text_metrics import corpus_bleu, rouge, text_scores
from mcqa_suite.logs.scoring import read_all
from mcqa_suite.questions.gsm8k import without_calculations

BAR = 2.0
KINDS = ["rouge1", "rouge2", "rougeL"]
SCORER = RougeScorer(KINDS)
Pair = tuple[str, str]  # answer, reference


def timed(work: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    """The seconds of the fastest of some runs, and the result."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def their_rouge(pairs: list[Pair]) -> list[dict[str, float]]:
    scores = (SCORER.score(reference, text) for text, reference in pairs)
    return [{kind: score[kind].fmeasure for kind in KINDS} for score in scores]


def their_bleu(pairs: list[Pair]) -> float:
    return float(sacrebleu.corpus_bleu([text for text, _ in pairs], [[reference for _, reference in pairs]]).score)


def added_seconds(references: list[str], copies: int) -> float:
    """Print the row of answers that hold a solution `copies` times; returns the seconds of our metrics."""
    pairs = [
        (" ".join([other] * copies), own)
        for own, other in zip(references, references[1:] + references[:1], strict=True)
    ]
    read, _ = timed(lambda: [read_all("numbers", [text], {}) for text, _ in pairs], 3)
    ours, _ = timed(lambda: corpus_bleu([text_scores(*pair)["bleu"] for pair in pairs]), 3)
    theirs, _ = timed(lambda: (their_rouge(pairs), their_bleu(pairs)), 3)
    words = sum(len(text.split()) for text, _ in pairs) / len(pairs)
    print(f"| {words:.0f} | {read:.2f} | {ours:.2f} | {theirs:.2f} |", flush=True)
    return ours


def windows(references: list[str], rows: int, length: int) -> list[Pair]:
    """Answers and references of `length` words each."""
    words = cycle(chain.from_iterable(text.split() for text in references))
    return [(" ".join(islice(words, length)), " ".join(islice(words, length))) for _ in range(rows)]


def same_rouge(pairs: list[Pair], length: int) -> bool:
    """Print the seconds of both ROUGE implementations; returns whether their scores are equal."""
    ours, scores = timed(lambda: [rouge(*pair) for pair in pairs])
    theirs, expected = timed(lambda: their_rouge(pairs))
    gap = max(abs(a[kind] - b[kind]) for a, b in zip(scores, expected, strict=True) for kind in KINDS)
    print(f"| {length} | {ours:.1f} | {theirs:.1f} | {gap:.0e} |", flush=True)
    return gap < 1e-9


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000, help="answers of the second table")
    args = parser.parse_args()
    docs = load(["mcqa_gsm8k"], manager())[0].test_docs()
    references = [without_calculations(doc["solution"]) for doc in docs]
    print("| words an answer | reading the number, s | BLEU and ROUGE, s | rouge-score and sacreBLEU, s |")
    print("|---:|---:|---:|---:|")
    seconds = [added_seconds(references, copies) for copies in (1, 5)]
    print(f"\n{len(references)} answers; bar: {BAR:g} s at the length of a solution\n")
    print("| words an answer | our ROUGE, s | rouge-score, s | largest difference |\n|---:|---:|---:|---:|")
    same = [same_rouge(windows(references, args.rows, length), length) for length in (60, 300)]
    print(f"\n{args.rows:,} answers")
    return int(seconds[0] > BAR or not all(same))


if __name__ == "__main__":
    sys.exit(main())
