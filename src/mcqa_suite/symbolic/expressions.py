"""Expressions of a template, read with Python's own parser and turned into closures over a white list of nodes.

Nothing is ever handed to eval, exec or getattr: a node, a name or a function that is not listed is an error at load.
Numbers are exact: 0.1 is a tenth.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mcqa_suite.common.errors import TemplateError
from mcqa_suite.symbolic.functions import FUNCTIONS
from mcqa_suite.symbolic.operators import BINARY, COMPARISONS
from mcqa_suite.symbolic.values import ExpressionError, items, number, plain
from mcqa_suite.symbolic.vocabulary import VOCABULARY

Environment = Mapping[str, Any]
Closure = Callable[[Environment], Any]
MOST_CHARACTERS = 2000
MOST_NODES = 500
MOST_DEPTH = 60


@dataclass(frozen=True)
class Expression:
    """`names`: the template's variables in it; `size`: its nodes, which is what one evaluation costs."""

    source: str
    where: str
    names: frozenset[str]
    size: int
    tree: ast.expr
    closure: Closure

    def __call__(self, values: Environment) -> Any:
        """Raises DrawError for a division by zero, TemplateError for what may not be."""
        try:
            return self.closure(values)
        except ExpressionError as error:
            raise TemplateError(f"{self.where}: {error} in `{_short(self.source)}`; change the template") from error
        except (TypeError, OverflowError, MemoryError, RecursionError) as error:
            raise TemplateError(f"{self.where}: `{_short(self.source)}` cannot be worked out: {error}") from error


def compile_expression(source: str, where: str, variables: Collection[str] = ()) -> Expression:
    """The expression in `source`; TemplateError names `where` and what is not allowed."""
    try:
        if len(source) > MOST_CHARACTERS:
            raise ExpressionError(f"more than {MOST_CHARACTERS} characters")
        tree = ast.parse(source.strip(), mode="eval").body
        size = _measure(tree)
        closure = _Compiler(frozenset(variables)).closure(tree)
    except ExpressionError as error:
        raise TemplateError(f"{where}: {error} in `{_short(source)}`; change the template") from error
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise TemplateError(f"{where}: `{_short(source)}` is no expression ({reason}); mend the template") from error
    names = frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in variables)
    return Expression(source.strip(), where, names, size, tree, closure)


def _measure(tree: ast.expr) -> int:
    """How many nodes; ExpressionError for too many or too deep."""
    count, level = 0, [(tree, 1)]
    while level:
        node, depth = level.pop()
        count += 1
        if count > MOST_NODES or depth > MOST_DEPTH:
            raise ExpressionError(f"more than {MOST_NODES} parts or {MOST_DEPTH} levels")
        level += [(child, depth + 1) for child in ast.iter_child_nodes(node)]  # type: ignore[misc]
    return count


class _Compiler:
    """One method a node; `variables` are the names that a draw gives."""

    def __init__(self, variables: frozenset[str]) -> None:
        self.variables = variables

    def closure(self, node: ast.AST) -> Closure:
        if (method := NODES.get(type(node))) is None:
            raise ExpressionError(f"{type(node).__name__} is not on the white list")
        return method(self, node)

    def _constant(self, node: ast.Constant) -> Closure:
        value: Any = node.value
        if isinstance(value, float):
            value = Fraction(repr(value)) if abs(value) < 1e300 else None
        if not isinstance(value, (int, str, Fraction)):
            raise ExpressionError(f"{type(node.value).__name__} constant; use numbers and text")
        ready = value if isinstance(value, (bool, str)) else plain(value)
        return lambda _values: ready

    def _name(self, node: ast.Name) -> Closure:
        name = node.id
        if name in self.variables:
            return lambda values: values[name]
        if name in VOCABULARY:
            words = VOCABULARY[name]
            return lambda _values: words
        raise ExpressionError(f"name {name!r} is neither a variable of the template nor on the white list")

    def _binop(self, node: ast.BinOp) -> Closure:
        left, right, act = self.closure(node.left), self.closure(node.right), BINARY.get(type(node.op))
        if act is None:
            raise ExpressionError(f"operator {type(node.op).__name__} is not on the white list")
        return lambda values: act(left(values), right(values))

    def _unaryop(self, node: ast.UnaryOp) -> Closure:
        operand = self.closure(node.operand)
        if isinstance(node.op, ast.Not):
            return lambda values: not operand(values)
        if isinstance(node.op, ast.Invert):
            raise ExpressionError("operator ~ is not on the white list")
        sign = -1 if isinstance(node.op, ast.USub) else 1
        return lambda values: sign * number(operand(values))

    def _boolop(self, node: ast.BoolOp) -> Closure:
        parts = [self.closure(part) for part in node.values]
        choose = all if isinstance(node.op, ast.And) else any
        return lambda values: choose(part(values) for part in parts)

    def _compare(self, node: ast.Compare) -> Closure:
        terms = [self.closure(term) for term in (node.left, *node.comparators)]
        tests = [COMPARISONS.get(type(op)) for op in node.ops]

        def compare(values: Environment) -> bool:
            left = terms[0](values)
            for test, term in zip(tests, terms[1:], strict=True):
                right = term(values)
                if not test(left, right):  # type: ignore[misc]
                    return False
                left = right
            return True

        if None in tests:
            raise ExpressionError("a comparison other than ==, !=, <, <=, >, >=, in, not in")
        return compare

    def _ifexp(self, node: ast.IfExp) -> Closure:
        test, yes, no = (self.closure(part) for part in (node.test, node.body, node.orelse))
        return lambda values: yes(values) if test(values) else no(values)

    def _list(self, node: ast.List | ast.Tuple) -> Closure:
        parts = [self.closure(part) for part in node.elts]
        make: Any = tuple if isinstance(node, ast.Tuple) else list
        inner: Any = (list, range, tuple) if isinstance(node, ast.Tuple) else (list, range)

        def build(values: Environment) -> Any:
            made = make(part(values) for part in parts)
            if any(isinstance(value, inner) for value in made):
                raise ExpressionError("a list inside a list")
            return made

        return build

    def _subscript(self, node: ast.Subscript) -> Closure:
        whole = self.closure(node.value)
        if isinstance(node.slice, ast.Slice):
            ends = [_end(part) for part in (node.slice.lower, node.slice.upper, node.slice.step)]
            return lambda values: items(whole(values))[ends[0] : ends[1] : ends[2]]
        index = _end(node.slice)
        if index is None:
            raise ExpressionError("a place in a list that is no whole number")
        return lambda values: _at(whole(values), index)

    def _call(self, node: ast.Call) -> Closure:
        name = ast.unparse(node.func) if isinstance(node.func, (ast.Name, ast.Attribute)) else "?"
        if name in ("sample", "sample_sequential"):
            raise ExpressionError(f"{name}(...) inside an expression; it stands alone on an #init line")
        if name not in FUNCTIONS or node.keywords:
            raise ExpressionError(f"function {name[:60]!r} is not on the white list")
        act, arguments = FUNCTIONS[name], [self.closure(argument) for argument in node.args]
        return lambda values: act(*[argument(values) for argument in arguments])


NODES: dict[type[ast.AST], Callable[[_Compiler, Any], Closure]] = {
    ast.BinOp: _Compiler._binop,
    ast.BoolOp: _Compiler._boolop,
    ast.Call: _Compiler._call,
    ast.Compare: _Compiler._compare,
    ast.Constant: _Compiler._constant,
    ast.IfExp: _Compiler._ifexp,
    ast.List: _Compiler._list,
    ast.Name: _Compiler._name,
    ast.Subscript: _Compiler._subscript,
    ast.Tuple: _Compiler._list,
    ast.UnaryOp: _Compiler._unaryop,
}


def _end(node: ast.expr | None) -> int | None:
    if node is None:
        return None
    value = node.operand if (negative := isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)) else node
    if not isinstance(value, ast.Constant) or type(value.value) is not int:
        raise ExpressionError("a place in a list that is no whole number")
    return -value.value if negative else value.value


def _at(whole: Any, index: int) -> Any:
    values = whole if isinstance(whole, (str, tuple)) else items(whole)
    if not -len(values) <= index < len(values):
        raise ExpressionError(f"place {index} of a list of {len(values)}")
    return values[index]


def _short(source: str) -> str:
    line = " ".join(source.split())
    return line if len(line) <= 80 else f"{line[:77]}..."
