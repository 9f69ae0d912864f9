"""The expressions of a template, parsed by Python's `ast` and compiled to closures.

Only the nodes, names and functions listed here are allowed; any other is an error when the template is loaded. Nothing is
passed to eval, exec or getattr. Numbers are exact: 0.1 is a tenth.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mcqa_suite.common.errors import TemplateError
from mcqa_suite.symbolic.functions import BINARY, COMPARISONS, FUNCTIONS
from mcqa_suite.symbolic.values import ExpressionError, items, number, plain
from mcqa_suite.symbolic.vocabulary import VOCABULARY

Environment = Mapping[str, Any]
Closure = Callable[[Environment], Any]
MOST_CHARACTERS = 2000
MOST_NODES = 500
MOST_DEPTH = 60


@dataclass(frozen=True)
class Expression:
    """A compiled expression; `names` are its variables, `size` (the number of nodes) is the cost of one evaluation."""

    source: str
    where: str
    names: frozenset[str]
    size: int
    tree: ast.expr
    closure: Closure

    def __call__(self, values: Environment) -> Any:
        """The value; ZeroDivisionError where other values must be drawn, TemplateError for what is not allowed."""
        try:
            return self.closure(values)
        except ExpressionError as error:
            raise TemplateError(f"{self.where}: {error} in `{_short(self.source)}`; change the template") from error
        except (TypeError, OverflowError, MemoryError, RecursionError) as error:
            raise TemplateError(f"{self.where}: `{_short(self.source)}` cannot be evaluated: {error}") from error


def compile_expression(source: str, where: str, variables: Collection[str] = ()) -> Expression:
    """Compile the expression in `source`; TemplateError names `where` and what is not allowed."""
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
        raise TemplateError(
            f"{where}: `{_short(source)}` is not an expression ({reason}); correct the template"
        ) from error
    names = frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in variables)
    return Expression(source.strip(), where, names, size, tree, closure)


def equation(condition: Expression) -> tuple[ast.expr, ast.expr] | None:
    """Both sides of a condition `left == right`; None for any other condition."""
    tree = condition.tree
    if isinstance(tree, ast.Compare) and len(tree.ops) == 1 and isinstance(tree.ops[0], ast.Eq):
        return tree.left, tree.comparators[0]
    return None


def _measure(tree: ast.expr) -> int:
    """The number of nodes; ExpressionError where there are too many or they are nested too deeply."""
    count, level = 0, [(tree, 1)]
    while level:
        node, depth = level.pop()
        count += 1
        if count > MOST_NODES or depth > MOST_DEPTH:
            raise ExpressionError(f"more than {MOST_NODES} parts or {MOST_DEPTH} levels")
        level += [(child, depth + 1) for child in ast.iter_child_nodes(node)]  # type: ignore[misc]
    return count


@dataclass(frozen=True)
class _Compiler:
    """Turns nodes into closures; `variables` are the names that are drawn."""

    variables: frozenset[str]

    def closure(self, node: ast.expr) -> Closure:
        match node:
            case ast.Constant(value):
                constant = _constant(value)
                return lambda _values: constant
            case ast.Name(name):
                return self._name(name)
            case ast.BinOp(left, op, right):
                return self._binary(BINARY.get(type(op)), left, right, f"operator {type(op).__name__}")
            case ast.UnaryOp(ast.Not(), operand):
                condition = self.closure(operand)
                return lambda values: not condition(values)
            case ast.UnaryOp(ast.USub() | ast.UAdd() as op, operand):
                term, sign = self.closure(operand), -1 if isinstance(op, ast.USub) else 1
                return lambda values: sign * number(term(values))
            case ast.BoolOp(op, nodes):
                parts, choose = self._all(nodes), all if isinstance(op, ast.And) else any
                return lambda values: choose(part(values) for part in parts)
            case ast.Compare(left, ops, nodes):
                terms = [left, *nodes]
                tests = [
                    self._binary(COMPARISONS.get(type(op)), before, after, f"comparison {type(op).__name__}")
                    for op, before, after in zip(ops, terms, nodes, strict=False)
                ]
                return tests[0] if len(tests) == 1 else lambda values: all(test(values) for test in tests)
            case ast.IfExp(test, body, orelse):
                choice, yes, no = self._all([test, body, orelse])
                return lambda values: yes(values) if choice(values) else no(values)
            case ast.List(nodes) | ast.Tuple(nodes):
                return self._list(nodes, tuple if isinstance(node, ast.Tuple) else list)
            case ast.Subscript(value, ast.Slice(lower, upper, step)):
                whole, bounds = self.closure(value), slice(*[part and _index(part) for part in (lower, upper, step)])
                return lambda values: items(whole(values))[bounds]
            case ast.Subscript(value, place):
                whole, index = self.closure(value), _index(place)
                return lambda values: _at(whole(values), index)
            case ast.Call(ast.Name() | ast.Attribute() as function, nodes, []):
                return self._call(ast.unparse(function), nodes)
        raise ExpressionError(f"{type(node).__name__} is not allowed")

    def _all(self, nodes: list[ast.expr]) -> list[Closure]:
        return [self.closure(node) for node in nodes]

    def _name(self, name: str) -> Closure:
        if name in self.variables:
            return lambda values: values[name]
        if name in VOCABULARY:
            words = VOCABULARY[name]
            return lambda _values: words
        raise ExpressionError(f"name {name!r} is neither a variable of the template nor a word list")

    def _binary(self, act: Callable[[Any, Any], Any] | None, left: ast.expr, right: ast.expr, what: str) -> Closure:
        first, second = self.closure(left), self.closure(right)
        if act is None:
            raise ExpressionError(f"{what} is not allowed")
        return lambda values: act(first(values), second(values))

    def _list(self, nodes: list[ast.expr], make: type[list[Any]] | type[tuple[Any, ...]]) -> Closure:
        parts, nested = self._all(nodes), (list, range) if make is list else (list, range, tuple)

        def build(values: Environment) -> Any:
            result = make(part(values) for part in parts)
            if any(isinstance(value, nested) for value in result):
                raise ExpressionError("a list inside a list")
            return result

        return build

    def _call(self, name: str, nodes: list[ast.expr]) -> Closure:
        if name in ("sample", "sample_sequential"):
            raise ExpressionError(f"{name}(...) inside an expression; write it alone on an #init line")
        if name not in FUNCTIONS:
            raise ExpressionError(f"function {name[:60]!r} is not allowed")
        act, arguments = FUNCTIONS[name], self._all(nodes)
        return lambda values: act(*[argument(values) for argument in arguments])


def _constant(value: Any) -> Any:
    """The value of a constant; a decimal as an exact fraction."""
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, float) and abs(value) < 1e300:
        return plain(Fraction(repr(value)))
    if isinstance(value, int):
        return plain(value)
    raise ExpressionError(f"{type(value).__name__} constant; use numbers and text")


def _index(node: ast.expr) -> int:
    value = node.operand if (negative := isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)) else node
    if not isinstance(value, ast.Constant) or type(value.value) is not int:
        raise ExpressionError("an index that is not a whole number")
    return -value.value if negative else value.value


def _at(whole: Any, index: int) -> Any:
    values = whole if isinstance(whole, (str, tuple)) else items(whole)
    if not -len(values) <= index < len(values):
        raise ExpressionError(f"index {index} of a list of {len(values)}")
    return values[index]


def _short(source: str) -> str:
    line = " ".join(source.split())
    return line if len(line) <= 80 else f"{line[:77]}..."
