"""The variables of a template: names that are drawn together, and the list that they are drawn from."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mcqa_suite.common.errors import TemplateError
from mcqa_suite.symbolic.expressions import compile_expression
from mcqa_suite.symbolic.values import ExpressionError, items

DRAWN = re.compile(r"(\$?\s*[A-Za-z_]\w*(?:\s*,\s*\$?\s*[A-Za-z_]\w*)*)\s*=(?!=)\s*(.+)")
SAMPLED = re.compile(r"(sample|sample_sequential)\s*\((.*)\)\s*$", re.DOTALL)


@dataclass(frozen=True)
class Unit:
    """`names` are drawn together from `pool`: one value, `count` different ones, or `count` consecutive ones.

    `counts` (a `$` before the name) marks the numbers of a story, as opposed to its people and things.
    """

    names: tuple[str, ...]
    pool: Sequence[Any]
    count: int | None
    sequential: bool
    counts: bool

    @property
    def width(self) -> int:
        """The largest number of different draws."""
        return len(self.pool) if self.count is None or self.sequential else len(self.pool) ** 2

    def candidates(self, rng: random.Random, limit: int) -> Iterator[tuple[Any, ...]]:
        """At most `limit` draws in random order; each once where there are no more than that."""
        size = len(self.pool)
        if self.count is not None and not self.sequential:
            for _ in range(limit):
                yield tuple(rng.sample(self.pool, self.count))
            return
        for start in rng.sample(range(size), min(limit, size)):
            if self.count is not None:
                yield tuple(self.pool[(start + offset) % size] for offset in range(self.count))
            else:
                yield (self.pool[start],) if len(self.names) == 1 else tuple(self.pool[start])


def read_unit(line: str, where: str) -> Unit:
    """An `#init` line without its dash: `name = list`, `name = sample(list)`, `$a, $b = sample_sequential(list, 2)`.

    TemplateError for any other line, and where there is nothing to draw from.
    """
    match = DRAWN.fullmatch(line)
    if not match:
        raise TemplateError(f"{where}: `{line[:60]}` does not draw a variable; write `- name = sample(list)`")
    names = tuple(name.strip().lstrip("$ ") for name in match[1].split(","))
    source, count, how = match[2].strip(), None, ""
    if sampled := SAMPLED.match(source):
        how = sampled[1]
        pool, *counts = compile_expression(f"({sampled[2]},)", where).tree.elts  # type: ignore[attr-defined]
        if len(counts) == 1 and isinstance(counts[0], ast.Constant) and type(counts[0].value) is int:
            count = counts[0].value
        if (counts or how == "sample_sequential") and count != len(names):
            raise TemplateError(f"{where}: {how} of {len(names)} names; write {how}(list, {len(names)})")
        source = ast.unparse(pool)
    return Unit(names, _pool(source, where, len(names), count), count, how == "sample_sequential", "$" in match[1])


def _pool(source: str, where: str, names: int, count: int | None) -> Sequence[Any]:
    """The values of a list; TemplateError where there are fewer than are drawn, or single values for several names."""
    try:
        pool: Sequence[Any] = items(compile_expression(source, where)({}))
        if len(pool) < (count or 1):
            raise ExpressionError(f"{count or 1} to be drawn from {len(pool)}")
        if names > 1 and count is None and not all(isinstance(v, (tuple, list)) and len(v) == names for v in pool):
            raise ExpressionError(f"{names} names for single values; write sample(list, {names})")
    except (ExpressionError, ZeroDivisionError) as error:
        raise TemplateError(f"{where}: {error} in `{source[:80]}`; change the #init line") from error
    return pool
