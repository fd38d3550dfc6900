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
from ssmsym.fields.expression_limits import Limits, digits
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

_OWN_PRECISION = 60  # bits of sympy.Float(value, 17), with which ssmsym makes its own floats
_MAX_PRECISION = 2**12
_MAX_ROWS = 2**31
_MAX_ENTRIES = 2**28  # of a matrix of ones or zeros
_SIGNS = ("positive", "negative", "nonnegative", "nonpositive", "nonzero", "real")  # strongest first
_ASSUMPTIONS = {*_SIGNS, "integer"}


def to_tree(e: Any) -> Any:
    """The JSON tree of an expression: nested lists that begin with the node's name.

    Raises
    ------
    InputError
        If the expression holds something that has no place in a file.
    """
    try:
        tree = _write(e, {})
        from_tree(tree)
    except RecursionError:
        raise InputError("An expression cannot be stored in a file: it is nested too deeply.") from None
    except FileFormatError as error:
        raise InputError(f"An expression cannot be stored in a file. {error}") from None
    return tree


def _write(e: Any, bound: dict[Any, str]) -> Any:
    """The tree; `bound` names the Dummies that the Lambdas around the expression bind."""
    if isinstance(e, sympy.matrices.MatrixBase):
        return ["matrix", e.rows, e.cols, *(_write(sympy.sympify(entry), bound) for entry in e)]
    if isinstance(e, MatrixSymbol):
        return ["matrix_symbol", e.name, int(e.shape[0]), int(e.shape[1])]
    if isinstance(e, sympy.Symbol):
        return ["symbol", _symbol_name(e, bound), _assumptions(e)]
    if isinstance(e, sympy.Integer):
        return ["integer", digits(int(e))]
    if isinstance(e, sympy.Rational):
        return ["rational", digits(int(e.p)), digits(int(e.q))]
    if isinstance(e, sympy.Float):
        return _write_float(e)
    if e in _CONSTANT_NAMES:
        return ["constant", _CONSTANT_NAMES[e]]
    if isinstance(e, sympy.Lambda):
        bound = {**bound, **_names_of_dummies(e, bound)}
        return ["lambda", [_write(v, bound) for v in e.variables], _write(e.expr, bound)]
    name, texts, parts = _node(e)
    return [name, *texts, *(_write(part, bound) for part in parts)]


def _node(e: Any) -> tuple[str, tuple[Any, ...], tuple[Any, ...]]:
    """The node's name, the texts and numbers that follow it, and the expressions that follow them."""
    if isinstance(e, MatrixElement):
        return "entry", (), e.args
    if isinstance(e, ElementwiseApplyFunction):
        return "entrywise", (), (e.function, e.expr)
    if isinstance(e, DataExpression):
        return "data", (e.name, int(e.shape[0])), e.inputs
    for name, shape in _SHAPES.items():
        if isinstance(e, shape):
            return name, tuple(int(s) for s in e.shape), ()
    if isinstance(e, AppliedUndef):
        return "undefined", (e.func.__name__,), e.args
    if isinstance(e, sympy.polygamma) and e.args[0] == 0:
        return "function", ("digamma",), e.args[1:]
    name = type(e).__name__
    if isinstance(e, sympy.Function) and _FUNCTIONS.get(name) is type(e):
        return "function", (name,), e.args
    if type(e) in _NAMES:
        return _NAMES[type(e)], (), e.args
    raise InputError(f"'{e}' ({type(e).__name__}) cannot be stored in a file.")


def _symbol_name(e: Any, bound: dict[Any, str]) -> str:
    if e in bound:
        return bound[e]
    if isinstance(e, sympy.Dummy):
        raise InputError(
            f"The Dummy '{e}' cannot be stored in a file, where its name must be its own; use a Symbol."
        )
    return str(e.name)


def _names_of_dummies(e: Any, bound: dict[Any, str]) -> dict[Any, str]:
    """A name for each Dummy that a Lambda binds, different from every other name in it."""
    own = [v for v in e.variables if isinstance(v, sympy.Dummy)]
    others = e.atoms(sympy.Symbol) - set(own)
    taken = {bound.get(s, s.name) for s in others if s in bound or not isinstance(s, sympy.Dummy)}
    names = {}
    for dummy in own:
        choices = (dummy.name, *(f"{dummy.name}_{i}" for i in range(len(taken) + 1)))
        names[dummy] = next(name for name in choices if name not in taken)
        taken.add(names[dummy])
    return names


def _assumptions(e: Any) -> str:
    """Words such as ``positive integer`` from which a symbol's assumptions follow."""
    known = e.assumptions0
    words = [sign for sign in _SIGNS if known.get(sign)][:1] + ["integer"] * bool(known.get("integer"))
    if sympy.Symbol(e.name, **dict.fromkeys(words, True)).assumptions0 != known:
        given = ", ".join(name for name, value in known.items() if value)
        raise InputError(
            f"The assumptions of the symbol '{e}' ({given}) cannot be stored in a file; keep to "
            f"{', '.join(_SIGNS)} and integer."
        )
    return " ".join(words)


def _write_float(e: Any) -> list[Any]:
    if e._prec == _OWN_PRECISION and sympy.Float(float(e), 17) == e:
        return ["float", float(e).hex()]
    sign, mantissa, exponent, _ = e._mpf_
    return ["float", digits(int(-mantissa if sign else mantissa)), int(exponent), int(e._prec)]


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
    except Exception as error:  # SymPy meets nonsense with exceptions of every kind
        raise FileFormatError("An expression in the file is malformed.") from error


class _Reader:
    def __init__(self) -> None:
        self._limits = Limits()

    def read(self, tree: Any) -> Any:
        self._limits.spend()
        if not isinstance(tree, list) or not tree or not isinstance(tree[0], str):
            raise FileFormatError("An expression in the file is malformed.")
        name, *rest = tree
        if name in _OPERATIONS:
            return self._operation(name, self._all(rest))
        reader = getattr(self, f"_read_{name}", None)
        if reader is None:
            raise FileFormatError(f"An expression in the file holds '{name}', which is not known.")
        return reader(*rest)

    def _all(self, trees: list[Any]) -> list[Any]:
        return [self.read(tree) for tree in trees]

    def _operation(self, name: str, operands: list[Any]) -> Any:
        if name in ("add", "multiply", "power"):
            _check_scalars(operands)
        if name in ("power", "entrywise_power"):
            self._limits.power(*operands)
        return self._limits.result(_OPERATIONS[name](*operands))

    def _read_symbol(self, name: str, assumptions: str) -> Any:
        words = assumptions.split()
        if not _ASSUMPTIONS.issuperset(words):
            raise FileFormatError("A symbol in the file has assumptions that are not known.")
        return sympy.Symbol(_text(name), **dict.fromkeys(words, True))

    def _read_matrix_symbol(self, name: str, rows: int, cols: int) -> Any:
        return MatrixSymbol(_text(name), _size(rows), _size(cols))

    def _read_integer(self, text: str) -> Any:
        return sympy.Integer(self._limits.integer(text))

    def _read_rational(self, numerator: str, denominator: str) -> Any:
        p, q = (self._limits.integer(text) for text in (numerator, denominator))
        return self._limits.result(sympy.Rational(p, q))

    def _read_float(self, text: str, exponent: int = 0, precision: int = 0) -> Any:
        if not precision:
            return self._limits.result(sympy.Float(float.fromhex(text), 17))
        mantissa = self._limits.integer(text)
        bits = mantissa.bit_length()
        if type(exponent) is not int or not 0 < precision <= _MAX_PRECISION or bits > precision:
            raise FileFormatError("An expression in the file holds a malformed number.")
        if not mantissa:
            return sympy.Float(0, precision=precision)
        value = (int(mantissa < 0), abs(mantissa), exponent, bits)
        return self._limits.result(sympy.Float(value, precision=precision))

    def _read_constant(self, name: str) -> Any:
        return _CONSTANTS[name]

    def _read_entry(self, parent: Any, row: Any, col: Any) -> Any:
        return MatrixElement(*self._all([parent, row, col]))

    def _read_lambda(self, variables: list[Any], body: Any) -> Any:
        return sympy.Lambda(tuple(self._all(variables)), self.read(body))

    def _read_entrywise(self, function: Any, argument: Any) -> Any:
        return ElementwiseApplyFunction(self.read(function), self.read(argument))

    def _read_data(self, name: str, rows: int, *inputs: Any) -> Any:
        return DataExpression(_text(name), _size(rows), *self._all(list(inputs)))

    def _read_identity(self, rows: int, cols: int) -> Any:
        if rows != cols:
            raise FileFormatError("An identity matrix in the file is not square.")
        return Identity(_size(rows))

    def _read_ones(self, rows: int, cols: int) -> Any:
        return OneMatrix(*_constant_shape(rows, cols))

    def _read_zeros(self, rows: int, cols: int) -> Any:
        return ZeroMatrix(*_constant_shape(rows, cols))

    def _read_matrix(self, rows: int, cols: int, *entries: Any) -> Any:
        values = self._all(list(entries))
        _check_scalars(values)
        return sympy.ImmutableMatrix(_size(rows), _size(cols), values)

    def _read_undefined(self, name: str, *arguments: Any) -> Any:
        return UndefinedFunction(_text(name))(*self._all(list(arguments)))

    def _read_function(self, name: str, *arguments: Any) -> Any:
        values = self._all(list(arguments))
        _check_scalars(values)
        self._limits.function(name, values)
        return self._limits.result(_FUNCTIONS[name](*values))


def _check_scalars(values: list[Any]) -> None:
    if not all(isinstance(v, sympy.Expr) and not getattr(v, "is_Matrix", False) for v in values):
        raise FileFormatError("An expression in the file holds a matrix in place of a scalar.")


def _text(name: Any) -> str:
    if not isinstance(name, str) or not 0 < len(name) < 200:
        raise FileFormatError("A name in the file is not a short text.")
    return name


def _size(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _MAX_ROWS:
        raise FileFormatError("A matrix in the file has a size that is none.")
    return value


def _constant_shape(rows: Any, cols: Any) -> tuple[int, int]:
    if _size(rows) * _size(cols) > _MAX_ENTRIES:
        raise FileFormatError("A matrix in the file is too large.")
    return rows, cols
