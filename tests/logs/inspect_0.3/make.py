"""Make the logs of this folder again with Inspect and its mock model: `python tests/logs/inspect_0.3/make.py`.

Twelve sums, as a multiple-choice task (`base.eval`, `variant.json`) and as a match task in two epochs (`sums.eval`).
"""

from __future__ import annotations

from pathlib import Path

from inspect_ai import Task, eval, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import read_eval_log, write_eval_log
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import choice, match
from inspect_ai.solver import generate, multiple_choice

FOLDER = Path(__file__).parent
SUMS = [(3 * number, number + 4) for number in range(12)]
BASE = ["A", "B", "C", "D", "A", "B", "C", "D", "A", "B", "X", "-"]  # X names no option, - writes nothing
VARIANT = ["A", "B", "C", "D", "B", "A", "C", "D", "A", "B", "C", "D"]


@task
def sums_choice(level: str = "easy") -> Task:
    """The right option of question n is the n-th letter, counted in a circle."""
    samples = [
        Sample(
            id=f"sum-{number}",
            input=f"What is {a} + {b}?",
            choices=[str(a + b + option - number % 4) for option in range(4)],
            target="ABCD"[number % 4],
            metadata={"subject": "small" if a + b < 20 else "large"},
        )
        for number, (a, b) in enumerate(SUMS)
    ]
    return Task(dataset=MemoryDataset(samples, name="sums"), solver=multiple_choice(), scorer=choice())


@task
def sums_match() -> Task:
    samples = [Sample(input=f"What is {a} + {b}?", target=str(a + b)) for a, b in SUMS]
    return Task(dataset=MemoryDataset(samples, name="sums"), solver=generate(), scorer=match(numeric=True))


def run(made_up: Task, texts: list[str], file: str, **settings: object) -> None:
    """Evaluate with these responses, and write the log without what tells of this machine."""
    outputs = [ModelOutput.from_content("mockllm/model", text) for text in texts]
    for output in outputs:
        output.usage = ModelUsage()  # the mock model would count tokens with a table that it downloads
    model = get_model("mockllm/model", custom_outputs=outputs)
    options = {"log_dir": str(FOLDER / "new"), "display": "none", "max_samples": 1, "max_connections": 1}
    [log] = eval(made_up, model=model, **options, **settings)
    log = read_eval_log(log.location)
    log.eval.revision, log.eval.task_file, log.eval.model_args = None, None, {}
    log.eval.model = f"mockllm/{file.partition('.')[0]}"
    for sample in log.samples or ():
        sample.events, sample.attachments, sample.events_data = [], {}, None
    write_eval_log(log, str(FOLDER / file))


if __name__ == "__main__":
    config = {"temperature": 0.0, "max_tokens": 64}
    for name, letters in (("base.eval", BASE), ("variant.json", VARIANT)):
        texts = [{"X": "I cannot say.", "-": ""}.get(letter, f"ANSWER: {letter}") for letter in letters]
        run(sums_choice(), texts, name, **config)
    answers = [
        f"The sum is {a + b + (number % 3 == 0) * epoch}." for epoch in (0, 1) for number, (a, b) in enumerate(SUMS)
    ]
    run(sums_match(), answers, "sums.eval", epochs=2, **config)
