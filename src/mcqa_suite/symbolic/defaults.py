"""The values behind a template's defaults: `{n,twelve}` is 12. They give back the question that the template was made from."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from mcqa_suite.common.errors import TemplateError
from mcqa_suite.symbolic.expressions import Expression, compile_expression
from mcqa_suite.symbolic.parser import Parsed
from mcqa_suite.symbolic.search import Unit
from mcqa_suite.symbolic.values import is_labelled, number, plain, read_number, text
from mcqa_suite.symbolic.vocabulary import MOST_IN_WORDS, VOCABULARY, in_words

NUMBER_WORDS: dict[str, Any] = {
    **{entry[0].casefold(): entry[1] for words in VOCABULARY.values() for entry in words if isinstance(entry, tuple)},
    **{in_words(count): count for count in range(MOST_IN_WORDS + 1)},
    **{"third": Fraction(1, 3), "quarter": Fraction(1, 4), "three quarters": Fraction(3, 4)},
}


def values(parsed: Parsed, units: Sequence[Unit]) -> dict[str, Any]:
    """A value for every name: its slot's default; what no slot shows from an equation, else the first of its list."""
    pools = {name: one for one in units for name in one.init.names}
    shown: dict[str, Any] = {}
    for piece in parsed.body:
        if isinstance(piece, str) or piece.default is None or (name := piece.expression.source) in shown:
            continue
        one = pools[name]
        shown[name] = _read(piece.default, one.pool, one.init.counts)
        if shown[name] is None:
            raise TemplateError(
                f"{piece.expression.where}: default {piece.default!r} of {name} is no number; write one"
            )
    hidden = [name for name in pools if name not in shown]
    for name in hidden:
        shown[name] = _solved(name, parsed.conditions, shown)
    for name in hidden:
        if shown[name] is None:
            shown[name] = pools[name].pool[0]
    return shown


def _read(default: str, pool: Sequence[Any], counts: bool) -> Any:
    """As the list has it, else as a number where it counts, else as it is written; None for no number."""
    if not isinstance(pool, range):
        for value in pool:
            if (is_labelled(value) or isinstance(value, str)) and text(value).casefold() == default.casefold():
                return value
    found = read_number(default.replace("%", ""))
    if found is None:
        found = NUMBER_WORDS.get(default.casefold().removesuffix(" times"))
    if found is not None:
        return (default, found)
    return default if not counts or isinstance(pool[0], str) else None


def _solved(name: str, conditions: Sequence[Expression], known: dict[str, Any]) -> Any:
    """The root of the first equation that is linear in `name` and holds nothing else unknown; None where there is none."""
    for condition in conditions:
        tree = condition.tree
        equation = isinstance(tree, ast.Compare) and len(tree.ops) == 1 and isinstance(tree.ops[0], ast.Eq)
        if not equation or name not in condition.names or any(known.get(n) is None for n in condition.names - {name}):
            continue
        source = f"({ast.unparse(tree.left)}) - ({ast.unparse(tree.comparators[0])})"  # type: ignore[attr-defined]
        left = compile_expression(source, condition.where, condition.names)
        at = [Fraction(number(left({**known, name: value}))) for value in (0, 1, 2)]
        if at[0] != at[1] and at[2] - at[1] == at[1] - at[0]:
            return plain(at[0] / (at[0] - at[1]))
    return None
