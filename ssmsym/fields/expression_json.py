"""SymPy expressions as JSON trees of whitelisted nodes; nothing is ever evaluated as text."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.core.function import AppliedUndef, UndefinedFunction
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixSymbol
from sympy.matrices.expressions.special import Identity, OneMatrix, ZeroMatrix

from ssmsym.errors import FileFormatError, InputError
from ssmsym.fields.data_expression import DataExpression
from ssmsym.series.elementary import ELEMENTARY

_OPERATIONS: dict[str, Any] = {
    "add": sympy.Add,
    "multiply": sympy.Mul,
    "power": sympy.Pow,
    "matrix_add": sympy.MatAdd,
    "matrix_multiply": sympy.MatMul,
    "entrywise_multiply": HadamardProduct,
    "entrywise_power": HadamardPower,
    "transpose": sympy.Transpose,
    "diagonal": DiagMatrix,
}
_NAMES = {operation: name for name, operation in _OPERATIONS.items()}

_CONSTANTS: dict[str, Any] = {"pi": sympy.pi, "e": sympy.E, "golden_ratio": sympy.GoldenRatio}
_CONSTANT_NAMES = {value: name for name, value in _CONSTANTS.items()}

_SPECIAL = (
    *("gamma", "loggamma", "digamma", "airyai", "airybi", "fresnels", "fresnelc", "erfc", "erfi", "LambertW"),
    *("acos", "asin", "acosh", "acot", "coth", "sech", "csch", "sinc", "Ei", "Si", "Ci", "Shi", "Chi"),
)
_FUNCTIONS: dict[str, Any] = {
    **{name: getattr(sympy, name) for name in _SPECIAL},
    **{name: entry.function for name, entry in ELEMENTARY.items()},
}
_SHAPES = {"identity": Identity, "ones": OneMatrix, "zeros": ZeroMatrix}
_MAX_NODES = 200_000


def to_tree(e: Any) -> Any:
    """The JSON tree of an expression: nested lists that begin with the node's name.

    Raises
    ------
    InputError
        If the expression holds something that has no place in a file.
    """
    if isinstance(e, MatrixSymbol):
        return ["matrix_symbol", e.name, int(e.shape[0]), int(e.shape[1])]
    if isinstance(e, sympy.Symbol):
        return ["symbol", e.name, "positive" if e.is_positive else ""]
    if isinstance(e, sympy.Integer):
        return ["integer", str(int(e))]
    if isinstance(e, sympy.Rational):
        return ["rational", str(e.p), str(e.q)]
    if isinstance(e, sympy.Float):
        return ["float", float(e).hex()]
    if e in _CONSTANT_NAMES:
        return ["constant", _CONSTANT_NAMES[e]]
    if isinstance(e, MatrixElement):
        return ["entry", *map(to_tree, e.args)]
    if isinstance(e, sympy.Lambda):
        return ["lambda", [to_tree(v) for v in e.variables], to_tree(e.expr)]
    if isinstance(e, ElementwiseApplyFunction):
        return ["entrywise", to_tree(e.function), to_tree(e.expr)]
    if isinstance(e, DataExpression):
        return ["data", e.name, int(e.shape[0]), *map(to_tree, e.inputs)]
    for name, shape in _SHAPES.items():
        if isinstance(e, shape):
            return [name, *(int(s) for s in e.shape)]
    if isinstance(e, sympy.matrices.MatrixBase):
        return ["matrix", e.rows, e.cols, *(to_tree(sympy.sympify(entry)) for entry in e)]
    if isinstance(e, AppliedUndef):
        return ["undefined", e.func.__name__, *map(to_tree, e.args)]
    name = type(e).__name__
    if isinstance(e, sympy.Function) and _FUNCTIONS.get(name) is type(e):
        return ["function", name, *map(to_tree, e.args)]
    if type(e) in _NAMES:
        return [_NAMES[type(e)], *map(to_tree, e.args)]
    raise InputError(f"'{e}' ({type(e).__name__}) cannot be stored in a file.")


def from_tree(tree: Any) -> Any:
    """The expression of a JSON tree.

    Raises
    ------
    FileFormatError
        If the tree is not one that :func:`to_tree` makes.
    """
    try:
        return _Reader().read(tree)
    except FileFormatError:
        raise
    except (TypeError, ValueError, IndexError, KeyError, AttributeError, RecursionError):
        raise FileFormatError("An expression in the file is malformed.") from None


class _Reader:
    def __init__(self) -> None:
        self._count = 0

    def read(self, tree: Any) -> Any:
        self._count += 1
        if self._count > _MAX_NODES or not isinstance(tree, list) or not tree or not isinstance(tree[0], str):
            raise FileFormatError("An expression in the file is malformed or too large.")
        name, *rest = tree
        if name in _OPERATIONS:
            return _OPERATIONS[name](*self._all(rest))
        reader = getattr(self, f"_read_{name}", None)
        if reader is None:
            raise FileFormatError(f"An expression in the file holds '{name}', which is not known.")
        return reader(*rest)

    def _all(self, trees: list[Any]) -> list[Any]:
        return [self.read(tree) for tree in trees]

    def _read_symbol(self, name: str, positive: str) -> Any:
        return sympy.Symbol(_text(name), positive=True) if positive else sympy.Symbol(_text(name))

    def _read_matrix_symbol(self, name: str, rows: int, cols: int) -> Any:
        return MatrixSymbol(_text(name), int(rows), int(cols))

    def _read_integer(self, digits: str) -> Any:
        return sympy.Integer(int(digits))

    def _read_rational(self, numerator: str, denominator: str) -> Any:
        return sympy.Rational(int(numerator), int(denominator))

    def _read_float(self, digits: str) -> Any:
        return sympy.Float(float.fromhex(digits), 17)

    def _read_constant(self, name: str) -> Any:
        return _CONSTANTS[name]

    def _read_entry(self, parent: Any, row: Any, col: Any) -> Any:
        return MatrixElement(*self._all([parent, row, col]))

    def _read_lambda(self, variables: list[Any], body: Any) -> Any:
        return sympy.Lambda(tuple(self._all(variables)), self.read(body))

    def _read_entrywise(self, function: Any, argument: Any) -> Any:
        return ElementwiseApplyFunction(self.read(function), self.read(argument))

    def _read_data(self, name: str, rows: int, *inputs: Any) -> Any:
        return DataExpression(_text(name), int(rows), *self._all(list(inputs)))

    def _read_identity(self, rows: int, cols: int) -> Any:
        return Identity(int(rows))

    def _read_ones(self, rows: int, cols: int) -> Any:
        return OneMatrix(int(rows), int(cols))

    def _read_zeros(self, rows: int, cols: int) -> Any:
        return ZeroMatrix(int(rows), int(cols))

    def _read_matrix(self, rows: int, cols: int, *entries: Any) -> Any:
        return sympy.ImmutableMatrix(int(rows), int(cols), self._all(list(entries)))

    def _read_undefined(self, name: str, *arguments: Any) -> Any:
        return UndefinedFunction(_text(name))(*self._all(list(arguments)))

    def _read_function(self, name: str, *arguments: Any) -> Any:
        return _FUNCTIONS[name](*self._all(list(arguments)))


def _text(name: Any) -> str:
    if not isinstance(name, str) or not 0 < len(name) < 200:
        raise FileFormatError("A name in the file is not a short text.")
    return name
