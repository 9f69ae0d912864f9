"""`mcqa ask`."""

import argparse
from pathlib import Path
from typing import Any

EXAMPLES = (
    "mcqa ask runs/demo/checkpoints/base --compare runs/demo/checkpoints/gptq4",
    "mcqa ask OWNER/NAME --task mcqa_openbookqa --space space",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from mcqa_suite.api.ask import PORT, TASK

    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a folder or hub name")
    parser.add_argument("--compare", metavar="CHECKPOINT", help="a second model, which gets the same questions")
    parser.add_argument("--task", default=TASK, help=f"the task from which questions are drawn (default: {TASK})")
    parser.add_argument(
        "--port", type=int, default=PORT, help=f"port of this machine that serves the page (default: {PORT})"
    )
    parser.add_argument(
        "--space",
        type=Path,
        metavar="DIR",
        help="write the folder of a Space of the Hugging Face hub, and serve nothing",
    )
    parser.set_defaults(run=run, extra="ask")


def run(checkpoint: str, space: Path | None, port: int, **options: Any) -> None:
    from mcqa_suite.api.ask import ask, ask_space

    if space is None:
        ask(checkpoint, port=port, **options)
        return
    ask_space(space, checkpoint, **options)
    print(f"{space}: app.py, requirements.txt, README.md; try it with `python {space}/app.py`")
