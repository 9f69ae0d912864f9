"""Vote over real solutions of GSM8K test questions by four models, and time a large vote.

python benchmarks/accuracy/vote_gsm.py

The solutions were published with GSM8K (four model outputs a question); the labelled corpus and the preference pairs of
$MCQA_SHARED hold many of them. Questions with fewer than four distinct solutions are left out and counted.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import numpy as np

from mcqa_suite.analysis.voting.ballots import Ballots, read_ballots
from mcqa_suite.analysis.voting.strategies import outcomes
from mcqa_suite.common.paths import hub_mirror
from mcqa_suite.extract import gold_number
from mcqa_suite.reporting.votes import failure_table, outcome_table

SAMPLES = 4


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def solutions(shared: Path) -> list[dict[str, object]]:
    """Rows for `mcqa vote`: id, question, gold, responses."""
    tests = lines(shared / "hub" / "openai" / "gsm8k" / "main" / "test.jsonl")
    by_question: dict[str, dict[str, None]] = {row["question"].strip(): {} for row in tests}
    for row in lines(shared / "corpora" / "numeric_gsm.jsonl"):
        by_question[tests[int(row["id"].split("/")[1])]["question"].strip()][row["text"]] = None
    for row in lines(shared / "data" / "gsm8k_preference_pairs.jsonl"):
        for text in (row["chosen"], row["rejected"]):
            by_question[row["prompt"].strip()][text] = None
    return [
        {
            "id": f"gsm8k/{number}",
            "question": row["question"],
            "solution": "",
            "gold": gold_number(row["answer"]),
            "responses": sorted(
                texts, key=lambda text: sha256(text.encode()).hexdigest()
            ),  # an order that does not depend on the content
        }
        for number, row in enumerate(tests)
        if (texts := by_question[row["question"].strip()])
    ]


def golds(shared: Path) -> None:
    for split in ("train", "test"):
        rows = lines(shared / "hub" / "openai" / "gsm8k" / "main" / f"{split}.jsonl")
        values = [gold_number(row["answer"]) for row in rows]
        commas = sum("," in row["answer"].rpartition("####")[2] for row in rows)
        print(f"GSM8K {split}: {len(values)} of {len(rows)} golds read, {commas} of them written with a comma")


def main() -> int:
    mirror = hub_mirror()
    if mirror is None or not (mirror / "openai" / "gsm8k").is_dir():
        print("needs the shared data (MCQA_SHARED)", file=sys.stderr)
        return 2
    shared = mirror.parent
    golds(shared)
    rows = solutions(shared)
    whole = [row for row in rows if len(row["responses"]) >= SAMPLES]  # type: ignore[arg-type]
    count = sum(len(row["responses"]) for row in rows)  # type: ignore[arg-type, misc]
    print(f"{count} distinct solutions of {len(rows)} questions; {len(whole)} questions have {SAMPLES} or more")
    print("(those come from the preference pairs, so each has a right and a wrong solution among its four)\n")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "solutions.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in whole), encoding="utf-8")
        start = time.process_time()
        ballots = read_ballots(path, "four models", n=SAMPLES)
        print(outcome_table(outcomes(ballots, [1, 2, 3, 4], {}), {}))
        print(failure_table(ballots, {}))
        print(f"read and voted in {time.process_time() - start:.2f} s of processor time\n")

    rng = np.random.default_rng(0)
    table = rng.integers(-1, 40, (1000, 64))
    large = Ballots("large", (), table, table == 0)
    start = time.process_time()
    outcomes(large, [1, 2, 4, 8, 16, 32, 64], {"reward": rng.normal(size=table.shape)})
    print(
        f"1,000 questions x 64 samples at 7 values of n, 3 strategies: {time.process_time() - start:.2f} s (bar: 3 s)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
