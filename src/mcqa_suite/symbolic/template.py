"""A template of word problems and the instances drawn from it."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from mcqa_suite.common.errors import TemplateError
from mcqa_suite.questions.gsm8k import without_calculations
from mcqa_suite.symbolic import defaults
from mcqa_suite.symbolic.parser import Parsed, Piece, parse
from mcqa_suite.symbolic.search import Step, find, plan
from mcqa_suite.symbolic.values import (
    ExpressionError,
    in_calculation,
    is_labelled,
    is_number,
    numeric_text,
    text,
)
from mcqa_suite.symbolic.verify import GOLDS_DIFFER, NOT_WHOLE, gold_problem

MOST_MISSES = 300  # consecutive draws without a new instance
# Time of the processor that a sample may take, plus SECONDS_EACH per instance: about a hundred times the usual time.
MOST_SECONDS = 30.0
SECONDS_EACH = 0.5
PERSISTENT = 50  # draws with a decimal answer, before any with a whole one, after which decimals are accepted
SENTENCE_START = re.compile(r"(?:^|[.?!:]\s+|\n\s*)$")
THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+")
Split = Literal["train", "test"]


@dataclass(frozen=True)
class Instance:
    """One question with its worked answer, which ends in `#### gold`; its numbers determine the `split`."""

    template: str
    number: int
    question: str
    answer: str
    gold: str
    split: Split

    @property
    def solution(self) -> str:
        """The worked answer without the marks of calculations and of the gold."""
        return without_calculations(self.answer.rpartition("####")[0])


@dataclass(frozen=True, eq=False)
class Template:
    """A parsed template; `id` is the folder and the name of its file, and a part of the random seed."""

    id: str
    parsed: Parsed
    steps: tuple[Step, ...] = field(repr=False)

    @classmethod
    def load(cls, path: str | Path) -> Template:
        """Read a template file in either format; TemplateError names file and line."""
        parsed = parse(Path(path))
        absolute = Path(path).absolute()
        return cls(f"{absolute.parent.name}/{absolute.stem}", parsed, plan(parsed.units, parsed.conditions))

    @property
    def story(self) -> str:
        """The file's name, which all variants of a story share."""
        return self.id.rpartition("/")[2]

    def sample(self, n: int, *, seed: int = 0, split: Split | None = None) -> list[Instance]:
        """Draw `n` different instances of a `split` (None: of both); TemplateError where there are fewer.

        The same seed gives the same instances, and a longer sample begins with them.
        """
        return self.sample_counted(n, seed=seed, split=split)[0]

    def sample_counted(
        self, n: int, *, seed: int = 0, split: Split | None = None
    ) -> tuple[list[Instance], Counter[str]]:
        """`sample`, and the number of rejected draws by reason."""
        rng = random.Random(f"mcqa:{seed}:{self.id}")  # noqa: S311
        instances: dict[str, Instance] = {}  # by question
        rejected: Counter[str] = Counter()
        misses, decimals = 0, False
        until = time.thread_time() + MOST_SECONDS + SECONDS_EACH * n
        while len(instances) < n:
            drawn = self._instance(find(self.steps, rng, until), len(instances), decimals)
            if isinstance(drawn, Instance):
                if drawn.question not in instances and split in (None, drawn.split):
                    instances[drawn.question] = drawn
                    misses = 0
                    continue
                drawn = "duplicates" if drawn.question in instances else "of the other split"
            rejected[drawn] += 1
            misses += 1
            decimals = decimals or (not instances and rejected[NOT_WHOLE] >= PERSISTENT)
            if misses > MOST_MISSES:
                why = ", ".join(f"{count} {reason}" for reason, count in rejected.most_common(3))
                raise TemplateError(
                    f"{self.parsed.result.where}: {len(instances)} of {n} instances, then {misses} draws gave none ({why}); "
                    f"{'correct #answer' if GOLDS_DIFFER in rejected else 'widen the lists'}"
                )
        return list(instances.values()), rejected

    def default(self) -> Instance:
        """The instance with the defaults of the slots; values without a slot are computed from the conditions.

        TemplateError where the default of a number cannot be read, or the two golds differ.
        """
        values = defaults.values(self.parsed)
        instance = self._instance(values, 0, decimals=True, as_written=True)
        if not isinstance(instance, Instance):
            raise TemplateError(f"{self.parsed.path}: the slots' defaults give {instance}; correct the template")
        return instance

    def _instance(
        self, values: dict[str, Any], number: int, decimals: bool, as_written: bool = False
    ) -> Instance | str:
        """The instance of these values, or the reason why there is none."""
        try:
            result = self.parsed.result(values)
            question = _rendered(self.parsed.body, values, as_written).strip()
            answer = _rendered(self.parsed.solution, values, False).strip()
        except ZeroDivisionError:
            return "ended in a division by zero"
        problem = gold_problem(answer, result, decimals)
        return problem or Instance(self.id, number, question, answer, numeric_text(result), self._split(values))

    def _split(self, values: dict[str, Any]) -> Split:
        """The split, by a hash of the story's name and its first two numbers.

        Instances with other people, and variants with further numbers, get the same split.
        """
        counts = [name for unit in self.parsed.units if unit.counts for name in unit.names][:2]
        numbers = [
            f"{name}={numeric_text(value) if is_number(value) or is_labelled(value) else repr(value)}"
            for name, value in ((name, values[name]) for name in counts)
        ] or [repr(sorted(values.items()))]
        digest = blake2b("|".join([self.story, *numbers]).encode("utf-8", "replace"), digest_size=1).digest()
        return "train" if digest[0] % 2 else "test"


def load_all(folder: str | Path) -> list[Template]:
    """Every template of a folder, by name; TemplateError where there is none."""
    paths = sorted(path for path in Path(folder).glob("*") if path.suffix in (".json", ".txt"))
    if not paths:
        raise TemplateError(f"{folder}: no template (*.json or *.txt); give a folder of templates")
    return [Template.load(path) for path in paths]


def _rendered(pieces: Sequence[Piece], values: dict[str, Any], as_written: bool) -> str:
    """Fill the slots of a text: numbers between << and >>, words elsewhere, a capital at the start of a sentence."""
    written = ""
    for piece in pieces:
        if isinstance(piece, str):
            written += piece
            continue
        if as_written and piece.default is not None:
            shown = piece.default
        else:
            value = piece.expression(values)
            calculated = written.rfind("<<") > written.rfind(">>")
            try:
                shown = in_calculation(value) if calculated else text(value)
            except ExpressionError as error:
                raise TemplateError(f"{piece.expression.where}: {error} in a slot; change the template") from error
            if piece.default and THOUSANDS.fullmatch(piece.default) and shown.isdigit():
                shown = f"{int(shown):,}"
        if shown[:1].islower() and SENTENCE_START.search(written[-8:]):
            shown = shown[0].upper() + shown[1:]
        written += shown
    return written
