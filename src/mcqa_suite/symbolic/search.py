"""Search for values that meet all conditions: draw one variable after the other and check each condition as early as possible."""

from __future__ import annotations

import ast
import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mcqa_suite.common.errors import TemplateError
from mcqa_suite.symbolic.expressions import Expression, compile_expression, equation
from mcqa_suite.symbolic.units import Unit
from mcqa_suite.symbolic.values import is_labelled, is_number, number

MOST_STEPS = 3_000_000  # nodes evaluated for one instance
PATIENCE = 60  # candidates of the first attempt; then the search starts again, in case its first choices were bad
GROWTH = 1.25  # factor of the patience from one attempt to the next, so that finally every candidate is tried
MOST_TRIED = 400  # candidates of one variable in one attempt


@dataclass(frozen=True)
class Step:
    """One unit in the order of the search.

    `checks` are the conditions that can be evaluated once it is drawn. Where one of them is `name == expression`, `solved` is
    that expression, and the value is computed and not drawn.
    """

    unit: Unit
    checks: tuple[Expression, ...]
    solved: Expression | None


class _ExhaustedError(Exception):
    """The search has used its steps or its time."""


class _ImpatientError(Exception):
    """The attempt has tried its number of candidates; a new attempt starts."""


def plan(units: Sequence[Unit], conditions: Sequence[Expression]) -> tuple[Step, ...]:
    """Order the units: the next one is the unit that needs the fewest others to complete a condition; small units first."""
    left, bound, waiting, steps = list(units), set[str](), list(conditions), []
    while left:
        chosen = min(left, key=lambda candidate: _urgency(candidate, bound, waiting))
        left.remove(chosen)
        bound |= set(chosen.names)
        ready = [condition for condition in waiting if condition.names <= bound]
        waiting = [condition for condition in waiting if condition not in ready]
        solved = next((side for condition in ready if (side := _other_side(condition, chosen))), None)
        steps.append(Step(chosen, tuple(sorted(ready, key=lambda condition: condition.size)), solved))
    return tuple(steps)


def _urgency(unit: Unit, bound: set[str], waiting: Sequence[Expression]) -> tuple[bool, int, bool, int]:
    """Sort key (smaller is earlier): units in conditions, then few missing names, then units to draw before units to compute."""
    names = set(unit.names)
    missing = [len(condition.names - bound - names) for condition in waiting if condition.names & names]
    computable = any(_other_side(condition, unit) for condition in waiting)
    return not missing, min(missing, default=0), computable and min(missing, default=0) > 0, unit.width


def _other_side(condition: Expression, unit: Unit) -> Expression | None:
    """The expression in `name == expression`, where the unit draws only this name and the expression does not contain it."""
    sides = equation(condition)
    if sides is None or len(unit.names) != 1 or unit.count is not None:
        return None
    for side, other in (sides, sides[::-1]):
        if isinstance(side, ast.Name) and side.id == unit.names[0]:
            expression = compile_expression(ast.unparse(other), condition.where, condition.names)
            if side.id not in expression.names:
                return expression
    return None


def find(steps: Sequence[Step], rng: random.Random, until: float) -> dict[str, Any]:
    """Find a value for every name so that all conditions hold.

    TemplateError names the condition that failed most often where there are no such values, and where the steps or the time
    (`until`, of `time.thread_time`) run out.
    """
    search, patience = _Search(steps, rng, until), float(PATIENCE)
    try:
        while True:
            patience *= GROWTH
            if search.attempt(patience):
                return search.values
            if search.complete:
                raise TemplateError(search.failure("no values meet the conditions"))
    except _ExhaustedError:
        raise TemplateError(search.failure("no values found within the bounds of steps and time")) from None


class _Search:
    """A depth-first search through the steps; `complete`: the last attempt tried every candidate."""

    def __init__(self, steps: Sequence[Step], rng: random.Random, until: float) -> None:
        self.steps, self.rng, self.until = steps, rng, until
        self.budget, self.calls, self.refused = MOST_STEPS, 0, Counter[str]()
        self.values: dict[str, Any] = {}
        self.candidates_left, self.complete = 0.0, False

    def attempt(self, patience: float) -> bool:
        self.values, self.candidates_left, self.complete = {}, patience, True
        try:
            return self._descend(0)
        except _ImpatientError:
            self.complete = False
            return False

    def _descend(self, depth: int) -> bool:
        """Whether values exist for the steps from `depth` on; they are then in `values`."""
        if depth == len(self.steps):
            return True
        step = self.steps[depth]
        for candidate in self._candidates(step):
            self.candidates_left -= 1
            self._spend(1)
            if self.candidates_left < 0:
                raise _ImpatientError
            self.values.update(zip(step.unit.names, candidate, strict=True))
            if all(map(self._meets, step.checks)) and self._descend(depth + 1):
                return True
        return False

    def _spend(self, steps: int) -> None:
        self.budget -= steps
        self.calls += 1
        if self.budget < 0 or (self.calls % 32 == 0 and time.thread_time() > self.until):
            raise _ExhaustedError

    def _candidates(self, step: Step) -> Iterable[tuple[Any, ...]]:
        if step.solved is not None:
            return self._computed(step.unit.pool, step.solved)
        if step.unit.width > MOST_TRIED:
            self.complete = False
        return step.unit.candidates(self.rng, MOST_TRIED)

    def _computed(self, pool: Sequence[Any], solved: Expression) -> list[tuple[Any, ...]]:
        self._spend(solved.size)
        try:
            value = solved(self.values)
        except ZeroDivisionError:
            return []
        if isinstance(pool, range):
            matches = [value] if isinstance(value, int) and value in pool else []
        else:
            matches = [member for member in pool if _same(member, value)]
            matches = [self.rng.choice(matches)] if matches else []
        self.refused[solved.where] += not matches
        return [(match,) for match in matches]

    def _meets(self, check: Expression) -> bool:
        self._spend(check.size)
        try:
            met = bool(check(self.values))
        except ZeroDivisionError:
            met = False
        self.refused[check.where] += not met
        return met

    def failure(self, what: str) -> str:
        """The message about a failed search, with the condition that refused most draws."""
        checks = [check for step in self.steps for check in step.checks if self.refused[check.where]]
        if not checks:
            return f"{what}; loosen them"
        worst = max(checks, key=lambda check: self.refused[check.where])
        return f"{worst.where}: {what}: `{worst.source[:80]}` refused {self.refused[worst.where]:,} draws; loosen it"


def _same(value: Any, other: Any) -> bool:
    numeric = all(is_number(each) or is_labelled(each) for each in (value, other))
    return bool(number(value) == number(other) if numeric else value == other)
