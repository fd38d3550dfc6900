"""A reader of plain Julia functions: assignments and arithmetic, from the syntax tree of tree-sitter-julia.

It is independent of the printer that it checks: precedence, literals and names are what Julia's grammar says.
"""

import math
import operator
import re

import numpy as np
import tree_sitter
import tree_sitter_julia
from scipy import special

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_julia.language()))

BINARY = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
FUNCTIONS = {
    name: getattr(math, name) for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "sinh", "cosh")
}
FUNCTIONS |= {name: getattr(math, name) for name in ("asin", "acos", "asinh", "acosh", "atanh")}
FUNCTIONS |= {"abs": abs, "max": max, "min": min, "erf": special.erf, "erfc": special.erfc}
FUNCTIONS |= {"gamma": special.gamma, "loggamma": special.loggamma}
FUNCTIONS["atan"] = lambda y, x=None: math.atan(y) if x is None else math.atan2(y, x)


def parsed(text):
    """The root of the syntax tree; an error in it is an error here."""
    root = PARSER.parse(text.encode("ascii")).root_node
    if root.has_error:
        raise SyntaxError(f"no Julia: {_first_error(root)}")
    return root


def _single(text):
    """The tree of a text that holds one statement."""
    (node,) = parsed(text).named_children
    return node


def _first_error(node):
    if node.type == "ERROR" or node.is_missing:
        return f"line {node.start_point[0] + 1}: {node.text.decode()[:80]!r}"
    return next((found for child in node.children if child.has_error and (found := _first_error(child))), "")


class Module:
    """Functions and constants of the one module of a file.

    Statements are parsed one by one when they are needed, since the grammar's time grows with the square of a text's
    length. A line that is indented deeper than the first of a statement must belong to it by Julia's own rules: were
    it a statement by itself, the text would hold two.
    """

    def __init__(self, text):
        self.name = re.search(r"^module (\w+)$", text, re.MULTILINE)[1]
        self.functions = dict(re.findall(r"^function ([\w!]+)(\(.*?\n)end$", text, re.MULTILINE | re.DOTALL))
        self.constants = dict(re.findall(r"^const (\w+) = (.*?)\n(?=\S|\n)", text, re.MULTILINE | re.DOTALL))
        self.compiled = {}

    def _function(self, name):
        head, _, body = self.functions[name].partition("\n")
        call = _single(f"{name}{head}")
        arguments = []
        for argument in call.named_children[1].named_children:
            inner = argument.named_children
            arguments.append((inner[0] if inner else argument).text.decode())
        return arguments, [_statement(_single(part)) for part in re.split(r"\n(?=    \S)", body.strip("\n"))]

    def constant(self, name):
        """A constant of numbers or strings."""
        return _value(_single(self.constants[name]))({})

    def call(self, name, *arguments):
        """What a function of the module returns."""
        if name not in self.compiled:
            self.compiled[name] = self._function(name)
        names, statements = self.compiled[name]
        scope = dict(zip(names, arguments, strict=False))
        for statement in statements:
            result = statement(scope)
        return result


def _statement(node):
    """A function of the variables that does what a statement does; that of a return statement gives the value."""
    if node.type == "return_statement":
        return _value(node.named_children[0])
    if node.type == "call_expression" and node.named_children[0].text == b"fill!":
        array, value = (_value(n) for n in node.named_children[1].named_children)
        return lambda scope: array(scope).fill(value(scope))
    if node.type != "assignment":
        raise SyntaxError(f"unknown statement {node.type}: {node.text.decode()[:60]}")
    target, _, right = node.named_children
    value = _value(right)
    if target.type == "identifier":
        name = target.text.decode()
        return lambda scope: scope.__setitem__(name, value(scope))
    array, place = _place(target)
    return lambda scope: array(scope).__setitem__(place(scope), value(scope))


def _place(node):
    array, index = node.named_children
    places = [_value(n) for n in index.named_children]
    return _value(array), lambda scope: tuple(p(scope) - 1 for p in places)


def _value(node):
    """A function of the variables that computes an expression."""
    return globals()[f"_{node.type}"](node)


def _identifier(node):
    name = node.text.decode()
    return lambda scope: scope[name]


def _float_literal(node):
    number = float(node.text)
    return lambda scope: number


def _integer_literal(node):
    number = int(node.text)
    return lambda scope: number


def _string_literal(node):
    text = node.text.decode()[1:-1]
    return lambda scope: text


def _parenthesized_expression(node):
    (inner,) = node.named_children
    return _value(inner)


def _binary_expression(node):
    left, sign, right = node.named_children
    text = sign.text.decode()
    if text == "^" and _is_negation(
        left
    ):  # -(a)^2 is -(a^2) in Julia; this grammar takes the minus for a function
        base, power = _value(left.named_children[1].named_children[0]), _value(right)
        return lambda scope: -(base(scope) ** power(scope))
    first, second = _value(left), _value(right)
    if text == "&&":
        return lambda scope: first(scope) and second(scope)
    if text == "||":
        return lambda scope: first(scope) or second(scope)
    if text == "^" and right.type == "float_literal":
        return lambda scope: math.pow(
            first(scope), second(scope)
        )  # an error for a negative number, as in Julia
    compute = BINARY[text]
    return lambda scope: compute(first(scope), second(scope))


def _is_negation(node):
    return node.type == "call_expression" and node.named_children[0].text == b"-"


def _unary_expression(node):
    sign, inner = node.named_children
    compute = {"-": operator.neg, "+": operator.pos, "!": operator.not_}[sign.text.decode()]
    value = _value(inner)
    return lambda scope: compute(value(scope))


def _ternary_expression(node):
    condition, yes, no = (_value(child) for child in node.named_children)
    return lambda scope: yes(scope) if condition(scope) else no(scope)


def _call_expression(node):
    function, arguments = node.named_children
    compute = operator.neg if _is_negation(node) else FUNCTIONS[function.text.decode()]
    values = [_value(n) for n in arguments.named_children]
    return lambda scope: compute(*(v(scope) for v in values))


def _field_expression(node):
    owner, name = node.named_children
    value, key = _value(owner), name.text.decode()
    return lambda scope: value(scope)[key]


def _index_expression(node):
    array, place = _place(node)
    return lambda scope: array(scope)[place(scope)]


def _tuple_expression(node):
    if any(child.type == "named_field" for child in node.named_children):
        named = {c.named_children[0].text.decode(): _value(c.named_children[-1]) for c in node.named_children}
        return lambda scope: {key: value(scope) for key, value in named.items()}
    values = [_value(child) for child in node.named_children]
    return lambda scope: tuple(v(scope) for v in values)


def _vector_expression(node):
    values = [_value(child) for child in node.named_children]
    return lambda scope: np.array([v(scope) for v in values])
