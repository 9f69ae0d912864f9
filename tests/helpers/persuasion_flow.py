"""The commands of docs/persuasion.md, run with a small model, a local judge and a scripted human."""

from __future__ import annotations

import csv
import re
import shlex
from collections.abc import Iterator
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path

import yaml

from helpers.locations import REPOSITORY, TOY
from helpers.model_server import prompt_of
from helpers.terminal import Terminal
from mcqa_suite.cli.main import main
from mcqa_suite.training_data.preferences.human import shown_first
from mcqa_suite.training_data.preferences.pairs import pairs_of
from mcqa_suite.training_data.preferences.sampling import read_responses

PAGE = REPOSITORY / "docs" / "persuasion.md"
RECIPE = Path("training/configs/persuasion.yaml")
BASE = TOY / "base"
JUDGE, ENCODER = "http://localhost:8000/v1", "sentence-transformers/all-MiniLM-L6-v2"


def documented_commands() -> list[str]:
    """The lines of the page's blocks that are commands, in order."""
    blocks = re.findall(r"^```\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line.startswith("mcqa ")]


def small(command: str, judge: str, prompts: dict[str, int], max_tokens: int, encoder: Path = BASE) -> list[str]:
    """The words of a documented command, with the judge's address, an encoder that is here, few prompts and short responses."""
    command = command.replace(JUDGE, judge).replace(ENCODER, str(encoder))
    command = re.sub(r"--pool (\w+) --n \d+", lambda pool: f"--pool {pool[1]} --n {prompts[pool[1]]}", command)
    words = shlex.split(command)[1:]
    if " sample " in command:
        words += ["--max-tokens", f"{max_tokens}"]
    # the judge here takes the longer response on purpose
    return words + (["--length-bias", "1"] if " check " in command else [])


def write_small_recipe(
    folder: Path,
    *,
    steps: int,
    base: Path = BASE,
    data: list[dict] | None = None,
    trainer: dict[str, dict] | None = None,
) -> None:
    """The recipe on a small base, for a few steps, without evaluation.

    `data` replaces the sources of SFT; `trainer` changes arguments of the trainers of a kind.
    """
    recipe = yaml.safe_load((REPOSITORY / RECIPE).read_text(encoding="utf-8"))
    recipe |= {"base": str(base), "dtype": "float32", "chat_template": False, "threads": 1, "evaluate": []}
    for stage in recipe["stages"]:
        settings = stage["settings"] = dict(stage["settings"])
        batch = {"max_steps": steps, "per_device_train_batch_size": 4, "gradient_accumulation_steps": 1}
        changes = (trainer or {}).get(stage["kind"], {})
        settings["trainer"] = (
            settings["trainer"] | batch | {"max_length": 2048, "gradient_checkpointing": False} | changes
        )
        settings["lora"] = settings["lora"] | {"target_modules": "all-linear"}
        if stage["kind"] == "sft":
            settings["data"] = data or settings["data"]
        else:
            settings["held_out"] = 0.5
    path = folder / RECIPE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")


def run_flow(
    folder: Path, judge: str, prompts: dict[str, int], max_tokens: int, encoder: Path = BASE
) -> Iterator[tuple[str, str]]:
    """Run the documented commands in `folder`; yields each with what it printed. The human quits once and goes on."""
    with chdir(folder):
        for command in documented_commands():
            words = small(command, judge, prompts, max_tokens, encoder)
            if words[:2] == ["preferences", "label"] and "human" in words:
                yield command, label_by_terminal(words)
                continue
            with redirect_stdout(StringIO()) as printed:
                code = main(words)
            assert code == 0, f"{command}: exit code {code}"
            yield command, printed.getvalue()


def label_by_terminal(words: list[str]) -> str:
    """Press one key for each pair, the longer response's; leave after the first pair, and resume."""
    pairs = [pair for pair in pairs_of(read_responses(Path(words[2]))) if pair.a.strip() != pair.b.strip()]
    keys = ["a" if ("a" if len(pair.a) > len(pair.b) else "b") == shown_first(pair, 0) else "b" for pair in pairs]
    screens = []
    for session, ending in (([*keys[:1], "q"], "left; written to"), (keys[1:], "all labelled")):
        terminal = Terminal(words)
        screens += [terminal.press(key) for key in session]
        screens.append(terminal.until(ending))
        assert terminal.end() == 0
    return "".join(screens)


def longer_wins(body: dict) -> str:
    """A judge that prefers the longer response."""
    first, second = prompt_of(body).split("[Response A]\n")[1].split("\n\n[End]")[0].split("\n\n[Response B]\n")
    lengths = len(first.strip()), len(second.strip())
    return "Verdict: " + ("C" if lengths[0] == lengths[1] else "A" if lengths[0] > lengths[1] else "B")


def write_dialogues(path: Path, n: int) -> None:
    """Made-up dialogues in the columns of PersuasionForGood, each with words of its own after a first turn that all have."""
    path.parent.mkdir(parents=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["", "Unit", "Turn", "B4", "B2"])
        for i in range(n):
            rows.writerow([0, "Hello there.", 0, 0, f"d{i}"])
            for turn in range(3):
                rows.writerow([0, f"I am number {i}, turn {turn}.", turn, 1, f"d{i}"])
                rows.writerow([0, f"Reason {turn} of {i}: every dollar counts.", turn + 1, 0, f"d{i}"])
