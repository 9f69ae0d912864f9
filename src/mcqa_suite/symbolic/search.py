"""Values that meet every condition, found by drawing variable after variable and looking back as early as can be."""

from __future__ import annotations

import ast
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mcqa_suite.common.errors import TemplateError
from mcqa_suite.symbolic.expressions import Expression
from mcqa_suite.symbolic.parser import Init
from mcqa_suite.symbolic.values import DrawError, ExpressionError, is_labelled, is_number, items, number

MOST_STEPS = 3_000_000  # nodes evaluated for one instance
PATIENCE = 60  # candidates of the first attempt, before it begins anew: a bad first choice costs little
GROWTH = 1.25  # of patience, attempt by attempt: in the end everything is tried
MOST_TRIED = 400  # candidates of one variable in one attempt


@dataclass(frozen=True)
class Unit:
    """Names that are drawn together, from what."""

    init: Init
    pool: Sequence[Any]

    @property
    def width(self) -> int:
        """How many draws there are, at most."""
        return len(self.pool) if self.init.count is None or self.init.sequential else len(self.pool) ** 2

    def candidates(self, chance: random.Random, most: int) -> Iterator[tuple[Any, ...]]:
        """Draws in random order, at most `most`, each once where there are no more than that."""
        size, count = len(self.pool), self.init.count
        if count is not None and not self.init.sequential:
            for _ in range(most):
                yield tuple(chance.sample(self.pool, count))
            return
        starts: Iterable[int] = chance.sample(range(size), min(most, size))
        for start in starts:
            if count is not None:
                yield tuple(self.pool[(start + offset) % size] for offset in range(count))
            elif len(self.init.names) == 1:
                yield (self.pool[start],)
            else:
                yield tuple(self.pool[start])


@dataclass(frozen=True)
class Step:
    """One unit in the order of the search: the conditions that can be judged once it is drawn, and, where one of them is
    `name == expression`, that expression."""

    unit: Unit
    checks: tuple[Expression, ...]
    solved: Expression | None


@dataclass
class Meter:
    """What a search may still cost, and which condition turned how many draws away."""

    until: float  # of time.monotonic
    steps: int = MOST_STEPS
    refused: Counter[str] = field(default_factory=Counter)
    calls: int = 0

    def spend(self, steps: int) -> None:
        self.steps -= steps
        self.calls += 1
        if self.steps < 0 or (self.calls % 32 == 0 and time.monotonic() > self.until):
            raise _ExhaustedError


class _ExhaustedError(Exception):
    """The meter is empty."""


class _ImpatientError(Exception):
    """This attempt has tried enough; the next one may be luckier."""


def unit(init: Init) -> Unit:
    """The init with its list worked out; TemplateError where there is nothing to draw from."""
    try:
        pool = items(init.pool({}))
        if len(pool) < (init.count or 1):
            raise ExpressionError(f"{init.count or 1} to be drawn from {len(pool)}")
        together = len(init.names) > 1 and init.count is None
        if together and not all(isinstance(v, (tuple, list)) and len(v) == len(init.names) for v in pool):
            raise ExpressionError(f"{len(init.names)} names for single values; write sample(list, {len(init.names)})")
    except (ExpressionError, DrawError) as error:
        raise TemplateError(
            f"{init.pool.where}: {error} in `{init.pool.source[:80]}`; change the #init line"
        ) from error
    return Unit(init, pool)


def plan(units: Sequence[Unit], conditions: Sequence[Expression]) -> tuple[Step, ...]:
    """An order in which conditions can be judged early: always the unit that completes a condition soonest, small ones first."""
    left, bound, waiting, steps = list(units), set[str](), list(conditions), []
    while left:
        chosen = min(left, key=lambda one: _urgency(one, bound, waiting))
        left.remove(chosen)
        bound |= set(chosen.init.names)
        ready = [condition for condition in waiting if condition.names <= bound]
        waiting = [condition for condition in waiting if condition not in ready]
        steps.append(Step(chosen, tuple(sorted(ready, key=lambda one: one.size)), _solution(chosen, ready)))
    return tuple(steps)


def _urgency(one: Unit, bound: set[str], waiting: Sequence[Expression]) -> tuple[bool, int, bool, int]:
    """Small is soon: units of a condition before free ones, short conditions first, what can be computed last of them."""
    names = set(one.init.names)
    missing = [len(condition.names - bound - names) for condition in waiting if condition.names & names]
    computed = any(_sides(condition, one) for condition in waiting)
    return not missing, min(missing, default=0), computed and min(missing, default=0) > 0, one.width


def _solution(one: Unit, ready: Sequence[Expression]) -> Expression | None:
    for condition in ready:
        if found := _sides(condition, one):
            return found
    return None


def _sides(condition: Expression, one: Unit) -> Expression | None:
    """The other side of `name == expression`, where the name is this unit's and the other side does without it."""
    from mcqa_suite.symbolic.expressions import compile_expression

    tree = condition.tree
    if not (isinstance(tree, ast.Compare) and len(tree.ops) == 1 and isinstance(tree.ops[0], ast.Eq)):
        return None
    if len(one.init.names) != 1 or one.init.count is not None:
        return None
    for side, other in ((tree.left, tree.comparators[0]), (tree.comparators[0], tree.left)):
        if isinstance(side, ast.Name) and side.id == one.init.names[0]:
            expression = compile_expression(ast.unparse(other), condition.where, condition.names)
            if side.id not in expression.names:
                return expression
    return None


def find(steps: Sequence[Step], chance: random.Random, until: float) -> dict[str, Any]:
    """Values for every name that meet every condition; TemplateError names the condition that no draw met, also where
    time (of `time.monotonic`) or steps run out."""
    meter = Meter(until)
    patience = float(PATIENCE)
    try:
        while True:
            values: dict[str, Any] = {}
            patience *= GROWTH
            attempt = _Attempt(steps, chance, meter, values, patience)
            try:
                if attempt.descend(0):
                    return values
            except _ImpatientError:
                continue
            if attempt.whole:
                raise TemplateError(_blame(meter, steps, "no values meet the conditions"))
    except _ExhaustedError:
        raise TemplateError(_blame(meter, steps, "no values found within the bounds of steps and time")) from None


class _Attempt:
    """One walk down the steps. `whole`: every candidate there is was tried."""

    def __init__(
        self, steps: Sequence[Step], chance: random.Random, meter: Meter, values: dict[str, Any], patience: float
    ) -> None:
        self.steps, self.chance, self.meter, self.values, self.patience = steps, chance, meter, values, patience
        self.tried, self.whole = 0, True

    def descend(self, depth: int) -> bool:
        """Whether the steps from `depth` on can be met; what meets them is left in `values`."""
        if depth == len(self.steps):
            return True
        step = self.steps[depth]
        names = step.unit.init.names
        for drawn in self._candidates(step):
            self.tried += 1
            self.meter.spend(1)
            if self.tried > self.patience:
                raise _ImpatientError
            self.values.update(zip(names, drawn, strict=True))
            if self._met(step.checks) and self.descend(depth + 1):
                return True
        return False

    def _candidates(self, step: Step) -> Iterable[tuple[Any, ...]]:
        if step.solved is not None:
            return self._computed(step)
        if step.unit.width > MOST_TRIED:
            self.whole = False
        return step.unit.candidates(self.chance, MOST_TRIED)

    def _computed(self, step: Step) -> list[tuple[Any, ...]]:
        assert step.solved is not None
        self.meter.spend(step.solved.size)
        try:
            wanted = step.solved(self.values)
        except DrawError:
            return []
        pool = step.unit.pool
        if isinstance(pool, range):
            inside = isinstance(wanted, int) and wanted in pool
            return [(wanted,)] if inside else self._refuse(step)
        found = [value for value in pool if _same(value, wanted)]
        return [(self.chance.choice(found),)] if found else self._refuse(step)

    def _refuse(self, step: Step) -> list[tuple[Any, ...]]:
        assert step.solved is not None
        self.meter.refused[step.solved.where] += 1
        return []

    def _met(self, checks: Sequence[Expression]) -> bool:
        for check in checks:
            self.meter.spend(check.size)
            try:
                if check(self.values):
                    continue
            except DrawError:
                pass
            self.meter.refused[check.where] += 1
            return False
        return True


def _same(value: Any, wanted: Any) -> bool:
    if is_number(wanted) or is_labelled(wanted):
        return (is_number(value) or is_labelled(value)) and number(value) == number(wanted)
    return bool(value == wanted)


def _blame(meter: Meter, steps: Sequence[Step], what: str) -> str:
    """The condition judged last of those that turned draws away, and how many."""
    order = [check for step in steps for check in step.checks]
    worst = max(
        (check for check in order if meter.refused[check.where]), key=lambda c: meter.refused[c.where], default=None
    )
    if worst is None:
        return f"{what}; loosen them"
    return f"{worst.where}: {what}: `{worst.source[:80]}` refused {meter.refused[worst.where]:,} draws; loosen it"
