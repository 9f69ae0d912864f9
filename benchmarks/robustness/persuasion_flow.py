"""The commands of docs/persuasion.md from dialogues to the ranking, on the tests' toy with a local judge.

    python benchmarks/record.py benchmarks/results/persuasion_flow.md -- python benchmarks/robustness/persuasion_flow.py

Needs PersuasionForGood (MCQA_SHARED). It shows that the flow works, not that persuasion was learned: the model has 0.6 million
parameters, and the judge and the scripted human prefer the longer response.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests"))

from helpers.model_server import serving  # noqa: E402
from helpers.persuasion_flow import longer_wins, run_flow, small, write_small_recipe  # noqa: E402

PROMPTS = {"ai": 24, "human": 12, "held_out": 24}
TOKENS = 16
# 120 rows that fit the context of the toy
DATA = [{"source": "persuasionforgood", "pool": "sft", "n": 120, "seed": 9}]
TRAINER = {kind: {"learning_rate": 3e-3, "per_device_train_batch_size": 2} for kind in ("sft", "dpo")}
STEPS = 10
LABEL = f"""The documented commands (docs/persuasion.md) with the tests' toy as base: {DATA[0]["n"]} rows of SFT,
{STEPS} steps of each stage, {PROMPTS["ai"]} prompts for the judge, {PROMPTS["human"]} for the human and
{PROMPTS["held_out"]} held out, and responses of at most {TOKENS} tokens. **The judge and the scripted human prefer the longer
response, and the model is tiny: this shows that the flow works, not that persuasion was learned.** The encoder of the
similarity is the toy itself.
"""
SHOWN = ("prompts", "label", "check", "rank")


def main() -> None:
    with TemporaryDirectory() as folder, serving(longer_wins) as served:
        write_small_recipe(Path(folder), steps=STEPS, data=DATA, trainer=TRAINER)
        print(LABEL)
        for command, printed in run_flow(Path(folder), served.url, PROMPTS, TOKENS):
            words = small(command, "URL", PROMPTS, TOKENS)
            print(f"    mcqa {' '.join(words).replace(str(REPOSITORY), '.')}\n")
            if words[1] == "label" and "human" in words:
                print(printed.splitlines()[-1] + "\n")
            elif words[0] == "rank":
                print(printed.strip())
            elif set(SHOWN) & set(words):
                print(f"```\n{printed.strip()}\n```\n")


if __name__ == "__main__":
    main()
