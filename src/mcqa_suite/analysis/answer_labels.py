"""Labels by a human: which answer a response gives; and how often each reader of answers agrees with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from mcqa_suite.analysis.disagreements import disagreement, same_answer
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.jsonl import Journal, Row, journal
from mcqa_suite.common.terminal import QUIT, require_terminal, section, single_keys, typed_text
from mcqa_suite.extract import gold_number
from mcqa_suite.logs.responses import Answer, ReadResponse, read_response
from mcqa_suite.questions.question import LETTERS, option_label

COMMANDS = {"n": "none", "s": "skip", "u": "undo", **dict.fromkeys(QUIT, "quit")}
HELP = "n: no single answer   s: skip   u: undo   q: quit"
NEEDED = ("--label", "run it in one")
NUMBER_START = "0123456789+-."
TAIL = 2000  # characters at the end of a question or a response that are shown

Labelled = tuple[ReadResponse, Answer]  # the label; None where the response gives no single answer


def label_by_hand(items: Sequence[tuple[ReadResponse, Row]], output: Path) -> tuple[list[Labelled], int]:
    """Show the responses without a label in `output`, until none is left or `q` is pressed; each label is written at once.

    Returns all labelled responses of `output`, and how many have no label. Skipped ones come again the next time. ConfigError
    where there is no terminal to ask at.
    """
    if not output.exists():
        require_terminal(*NEEDED)
    with journal(output) as file:
        labelled = _labelled(file)
        done = {response.id for response, _ in labelled}
        left = {response.id: (response, row) for response, row in items if response.id not in done}
        if left:
            require_terminal(*NEEDED)
            _ask(left, file)
        return _labelled(file), len(left)


def _ask(left: dict[str, tuple[ReadResponse, Row]], file: Journal) -> None:
    """Ask about each response; `left` loses those that get a label."""
    queue, given = list(left.values())[::-1], list[tuple[ReadResponse, Row]]()  # the next response is the last
    with single_keys() as read_key:
        while queue:
            response, row = queue[-1]
            print(screen(response, len(queue)), flush=True)
            command, answer = read_answer(response, read_key)
            if command == "quit":
                break
            if command == "undo":
                if given:
                    file.undo()
                    queue.append(given.pop())
                    left[queue[-1][0].id] = queue[-1]
                continue
            queue.pop()
            if command != "skip":
                given.append((response, row))
                file.append({**row, "class": disagreement(response), "label": answer, "by": "human"})
                del left[response.id]


def read_answer(response: ReadResponse, read_key: Callable[[], str]) -> tuple[str, Answer]:
    """A command of COMMANDS, or "answer" and the letter or number.

    A capital letter is an option where the question has that option, so that N and S can be chosen too.
    """
    while True:
        key = read_key()
        if response.kind == "mcq" and key.upper() in _labels(response) and (key.isupper() or key not in COMMANDS):
            return "answer", key.upper()
        if key.lower() in COMMANDS:
            return COMMANDS[key.lower()], None
        if response.kind == "numeric" and key in NUMBER_START:
            text = typed_text(key, read_key)
            try:
                return "answer", gold_number(text)
            except ValueError:
                print(f"{text!r} is not one number; type a number such as -3, 0.5 or 3/4", flush=True)
        print(f"\r{_help(response)}", flush=True)


def screen(response: ReadResponse, left: int) -> str:
    """The text that shows a response: its question, its end, and the answer of each reader."""
    options = "".join(f"\n{option_label(i)}. {text}" for i, text in enumerate(response.choices) if text)
    readers = "\n".join(f"{name}: {'-' if answer is None else answer}" for name, answer in response.readers.items())
    end = f"THE LAST {TAIL:,} CHARACTERS OF THE RESPONSE" if len(response.text) > TAIL else "RESPONSE"
    parts = [
        section("QUESTION", response.question[-TAIL:] + options),
        section(end, response.text[-TAIL:]),
        section("READERS", readers),
    ]
    return "\n\n".join([f"\n=== {left} left: {response.id} ===", *parts, _help(response)])


def _help(response: ReadResponse) -> str:
    if response.kind == "numeric":
        return f"Which answer does it give?   a number and Enter   {HELP}"
    return f"Which answer does it give?   A to {_labels(response)[-1]}: that option   {HELP}"


def _labels(response: ReadResponse) -> str:
    return LETTERS[: len(response.choices)]


def _labelled(file: Journal) -> list[Labelled]:
    return [_label_of(row, f"{file.path}:{number}") for number, row in enumerate(file.rows, start=1)]


def _label_of(row: Row, where: str) -> Labelled:
    """The response and the label of a labelled row; DatasetError names `where`."""
    try:
        response, label = read_response(row), row.get("label", "")
        if label is not None and response.kind == "numeric":
            label = gold_number(str(label))
        elif label is not None and label not in list(_labels(response)):
            raise ValueError(f"label {label!r} is no option")
    except ValueError as error:
        raise DatasetError(f"{where}: not a labelled row ({error}); correct it or choose another --output") from error
    return response, label


def scores_by_reader(labelled: Iterable[Labelled]) -> dict[str, Counter[str]]:
    """For each reader the number of responses that it reads ok, wrong, none (no answer), fp (an answer where the label is none)
    and silent (no answer there)."""
    scores: dict[str, Counter[str]] = {}
    for response, label in labelled:
        for reader, answer in response.readers.items():
            scores.setdefault(reader, Counter())[_score(response.kind, answer, label)] += 1
    return scores


def _score(kind: str, answer: Answer, label: Answer) -> str:
    if label is None:
        return "silent" if answer is None else "fp"
    return "none" if answer is None else "ok" if same_answer(kind, answer, label) else "wrong"
