"""The default values in a template's slots, such as 12 in `{n,twelve}`; they give the original question."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from mcqa_suite.common.errors import TemplateError
from mcqa_suite.symbolic.expressions import Expression, compile_expression, equation
from mcqa_suite.symbolic.parser import Parsed
from mcqa_suite.symbolic.values import is_labelled, plain, read_number, text
from mcqa_suite.symbolic.values import number as to_number
from mcqa_suite.symbolic.vocabulary import MOST_IN_WORDS, VOCABULARY, in_words

NUMBER_WORDS: dict[str, Any] = {
    **{entry[0].casefold(): entry[1] for words in VOCABULARY.values() for entry in words if isinstance(entry, tuple)},
    **{in_words(count): count for count in range(MOST_IN_WORDS + 1)},
    **{"third": Fraction(1, 3), "quarter": Fraction(1, 4), "three quarters": Fraction(3, 4)},
}


def values(parsed: Parsed) -> dict[str, Any]:
    """A value for every name: the default in its slot, else the solution of an equation, else the first value of its list."""
    pools = {name: unit for unit in parsed.units for name in unit.names}
    shown: dict[str, Any] = {}
    for piece in parsed.body:
        if isinstance(piece, str) or piece.default is None or (name := piece.expression.source) in shown:
            continue
        shown[name] = _read(piece.default, pools[name].pool, pools[name].counts)
        if shown[name] is None:
            raise TemplateError(
                f"{piece.expression.where}: the default {piece.default!r} of {name} is not a number; write a number"
            )
    hidden = [name for name in pools if name not in shown]
    for name in hidden:
        shown[name] = _solved(name, parsed.conditions, shown)
    for name in hidden:
        if shown[name] is None:
            shown[name] = pools[name].pool[0]
    return shown


def _read(default: str, pool: Sequence[Any], counts: bool) -> Any:
    """The member of the list with this text, else a number, else the text; None where a number is needed."""
    if not isinstance(pool, range):
        for value in pool:
            if (is_labelled(value) or isinstance(value, str)) and text(value).casefold() == default.casefold():
                return value
    number = read_number(default.replace("%", ""))
    if number is None:
        number = NUMBER_WORDS.get(default.casefold().removesuffix(" times"))
    if number is not None:
        return (default, number)
    return default if not counts or isinstance(pool[0], str) else None


def _solved(name: str, conditions: Sequence[Expression], values: dict[str, Any]) -> Any:
    """Solve the first equation that is linear in `name` and has no other unknown; None without such an equation."""
    for condition in conditions:
        sides, others = equation(condition), condition.names - {name}
        if not sides or name not in condition.names or any(values.get(other) is None for other in others):
            continue
        source = f"({ast.unparse(sides[0])}) - ({ast.unparse(sides[1])})"
        difference = compile_expression(source, condition.where, condition.names)
        at = [Fraction(to_number(difference({**values, name: value}))) for value in (0, 1, 2)]
        if at[0] != at[1] and at[2] - at[1] == at[1] - at[0]:
            return plain(at[0] / (at[0] - at[1]))
    return None
