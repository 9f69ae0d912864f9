"""How the CPU seconds of `hf-prefix` grow with documents, options, shots and the size of the model.

    python benchmarks/speed/growth.py [--parts documents options shots models]

One thread, float32, ARC-Easy as cloze; models of random weights in SmolLM2's shapes, the one of 135 million parameters where
the size is not what grows. Options are texts of other questions, so that each costs as much as a real one. The exponent is the
slope of log seconds over log of what grows: 1 is linear; that of tokens beside it says how much of it the questions are.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from eval_measure import Request, measure, requests, save_packaged, save_random

TASK = "mcqa_arc_easy_cloze"
DOCUMENTS = 50
PARTS = {
    "documents": (25, 100, 400),
    "options": (2, 4, 7, 10),
    "shots": (0, 1, 5, 10, 25),
    "models": ("30M", "135M", "360M"),
}


def with_options(items: list[Request], options: int) -> list[Request]:
    """Each question with so many of all options there are, its own first."""
    texts = [args[1] for _, args, *_ in items]
    questions: dict[int, list[Request]] = {}
    for item in items:
        questions.setdefault(item[3], []).append(item)
    built: list[Request] = []
    for number, (doc_id, own) in enumerate(questions.items()):
        kind, (context, _), task, _, _ = own[0]
        others = [text for text in np.roll(texts, -7 * number).tolist() if text not in {args[1] for _, args, *_ in own}]
        for index, text in enumerate([*(args[1] for _, args, *_ in own), *dict.fromkeys(others)][:options]):
            built.append((kind, (context, text), task, doc_id, index))
    return built


def asked(part: str, size: int) -> list[Request]:
    """The requests of a row, where `size` of `part` grows."""
    documents = size if part == "documents" else DOCUMENTS
    items = requests(TASK, size if part == "shots" else 0, documents)
    return with_options(items, size) if part == "options" else items


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        tokenizer = save_packaged(folder)
        for part in args.parts:
            print(f"| {part} | questions | requests | tokens | s | tokens a second | peak MB |")
            print("|---:|---:|---:|---:|---:|---:|---:|", flush=True)
            points = []
            for size in PARTS[part]:
                model = str(size) if part == "models" else "135M"
                checkpoint = folder / model
                if not checkpoint.exists():
                    save_random(folder, model, tokenizer)
                items = asked(part, 0 if part == "models" else int(size))
                figures = measure(folder, items, backend="hf-prefix", checkpoint=str(checkpoint), batch_size=1)
                seconds, tokens = figures["seconds"], figures["computed"]
                grows = float(model.rstrip("M")) if part == "models" else float(size)
                points.append((grows, seconds, tokens))
                cells = [size, len({item[3] for item in items}), len(items), f"{tokens:,}", f"{seconds:.1f}"]
                cells += [f"{tokens / seconds:.0f}", f"{figures['peak_mb']:.0f}"]
                print(f"| {' | '.join(map(str, cells))} |", flush=True)
            grown, seconds_of, tokens_of = np.log(np.array([point for point in points if point[0] > 0])).T
            slopes = [np.polyfit(grown, values, 1)[0] for values in (seconds_of, tokens_of)]
            print(f"\nExponent of {part}: {slopes[0]:.2f} in seconds, {slopes[1]:.2f} in tokens.\n", flush=True)


if __name__ == "__main__":
    main()
