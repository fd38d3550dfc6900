"""Values of PyDSTool's specifications: Python's expressions, but for ``if(condition, a, b)``."""

from __future__ import annotations

import ast
import functools
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

_CHOICE = "choice_of"
_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{
        name: getattr(math, name)
        for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan")
    },
    **{name: getattr(math, name) for name in ("atan2", "sinh", "cosh", "tanh")},
    **{f"special_{name}": getattr(math, name) for name in ("erf", "erfc", "gamma")},
    "special_gammaln": math.lgamma,
    "abs": abs,
    "max": max,
    "min": min,
}


def value(specification: str, numbers: Mapping[str, float]) -> float:
    """The number that a specification stands for, with these numbers for its names."""
    return float(_value(_parsed(specification), numbers))


@functools.lru_cache(maxsize=64)
def _parsed(specification: str) -> ast.expr:
    return ast.parse(re.sub(r"\bif\(", f"{_CHOICE}(", specification), mode="eval").body


def _value(node: ast.expr, numbers: Mapping[str, float]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return numbers[node.id]
    if isinstance(node, ast.UnaryOp):
        return _OPERATORS[type(node.op)](_value(node.operand, numbers))
    if isinstance(node, ast.BinOp):
        return _sum_or_product(node, numbers)
    if isinstance(node, ast.BoolOp):
        together = all if isinstance(node.op, ast.And) else any
        return together(_value(part, numbers) for part in node.values)
    if isinstance(node, ast.Compare):
        return _OPERATORS[type(node.ops[0])](_value(node.left, numbers), _value(node.comparators[0], numbers))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == _CHOICE:
            condition, first, second = node.args
            return _value(first if _value(condition, numbers) else second, numbers)
        return _FUNCTIONS[node.func.id](*(_value(argument, numbers) for argument in node.args))
    raise ValueError(f"A specification holds {type(node).__name__}, which PyDSTool does not read.")


def _sum_or_product(node: ast.BinOp, numbers: Mapping[str, float]) -> Any:
    """From left to right without recursion: sums have hundreds of terms."""
    rest: list[tuple[ast.operator, ast.expr]] = []
    first: ast.expr = node
    while isinstance(first, ast.BinOp):
        rest.append((first.op, first.right))
        first = first.left
    total = _value(first, numbers)
    for sign, term in reversed(rest):
        total = _OPERATORS[type(sign)](total, _value(term, numbers))
    return total
