"""Seconds that BLEU and ROUGE add to scoring the 1,319 answers of GSM8K, beside rouge-score's own ROUGE.

    python benchmarks/speed/text_metrics_speed.py

An answer is the worked solution of the next question, once (as long as a solution) and five times over (as long as a verbose
model writes). Prints a Markdown table; exit code 1 where the metrics add more than 2 s at the length of a solution.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rouge_score.rouge_scorer import RougeScorer

from mcqa_suite.harness.tasks import load, manager
from mcqa_suite.harness.text_metrics import corpus_bleu, reference_text, text_scores
from mcqa_suite.logs.scoring import read_all

BAR = 2.0
Pair = tuple[str, str]


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """The best of some runs: others share the machine."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> int:
    docs = list(load(["mcqa_gsm8k"], manager())[0].test_docs())
    references = [reference_text(doc["solution"]) for doc in docs]
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"])
    added = []
    print("| words an answer | reading the number, s | BLEU and ROUGE, s | rouge-score and sacreBLEU, s |")
    print("|---:|---:|---:|---:|")
    for times in (1, 5):
        pairs: list[Pair] = [
            (" ".join([other] * times), own)
            for own, other in zip(references, [*references[1:], references[0]], strict=True)
        ]
        read = seconds(lambda pairs=pairs: [read_all("numbers", [text], {}) for text, _ in pairs])
        ours = seconds(lambda pairs=pairs: corpus_bleu([text_scores(*pair)["bleu"] for pair in pairs]))
        theirs = seconds(lambda pairs=pairs: library(scorer, pairs))
        words = sum(len(text.split()) for text, _ in pairs) / len(pairs)
        print(f"| {words:.0f} | {read:.2f} | {ours:.2f} | {theirs:.2f} |")
        added.append(ours)
    print(f"\n{len(references)} answers; bar: {BAR:g} s at the length of a solution")
    return int(added[0] > BAR)


def library(scorer: RougeScorer, pairs: list[Pair]) -> float:
    """The same numbers by the two libraries alone."""
    import sacrebleu

    for text, reference in pairs:
        scorer.score(reference, text)
    return float(sacrebleu.corpus_bleu([text for text, _ in pairs], [[reference for _, reference in pairs]]).score)


if __name__ == "__main__":
    sys.exit(main())
