"""The walk: SymPy matrix and scalar expressions to a :class:`~ssmsym.fields.program.Program`.

Nothing is expanded into entries, except explicit small matrices whose entries hold parameters. Products of
matrices and vectors are kept right to left, so low-rank factors stay factored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixSymbol
from sympy.matrices.expressions.special import Identity, OneMatrix, ZeroMatrix

from ssmsym.errors import InputError
from ssmsym.fields.data_expression import DataExpression
from ssmsym.fields.program import Node, Program
from ssmsym.series.elementary import ELEMENTARY

_MAX_DERIVATIVE_CHAIN = 6
_ARGUMENT = sympy.Dummy("x")
_VALUE = sympy.Dummy("y")

Environment = tuple[tuple[Any, int], ...]


def lower(
    blocks: Mapping[Any, Any],
    parameters: Sequence[Any],
    arrays: Sequence[Any],
    functions: Mapping[Any, Any],
    readout: Sequence[Any] = (),
) -> Program:
    """The program of a right-hand side.

    Parameters
    ----------
    blocks : mapping
        State symbol (``Symbol`` or column ``MatrixSymbol``) to its expression, in declared order.
    parameters, arrays : sequences of Symbol and MatrixSymbol
        Symbols that stand for parameters (scalars or column vectors) and for constant arrays.
    functions : mapping
        Undefined function to the ``Lambda`` that defines it.
    readout : sequence of expressions

    Raises
    ------
    InputError
        If an expression holds an unknown symbol, a wrong shape or an operation that the walk does not know.
    """
    walk = _Walk(blocks, parameters, arrays, functions)
    outputs = tuple(walk.output(symbol, expression) for symbol, expression in blocks.items())
    readouts = tuple(walk.expression(expression, ()) for expression in readout)
    return Program(
        nodes=tuple(walk.nodes),
        outputs=outputs,
        readout=readouts,
        derivatives=walk.derivatives,
        sizes=tuple(_rows(symbol) for symbol in blocks),
        functions=walk.generic,
    )


def _rows(symbol: Any) -> int:
    return int(symbol.shape[0]) if isinstance(symbol, MatrixSymbol) else 1


def _is_matrix(expression: Any) -> bool:
    return bool(getattr(expression, "is_Matrix", False))


def _power_rule(exponent: Any) -> Any:
    """Derivative of x^a; finite at 0 where the derivative is."""
    if exponent == -1:
        return -(_VALUE**2)
    above_one = exponent.is_real and exponent > 1
    return exponent * _ARGUMENT ** (exponent - 1) if above_one else exponent * _VALUE / _ARGUMENT


class _Walk:
    def __init__(
        self, blocks: Mapping[Any, Any], parameters: Sequence[Any], arrays: Sequence[Any], functions: Any
    ) -> None:
        self.nodes: list[Node] = []
        self.derivatives: dict[int, int] = {}
        self.generic: dict[str, Any] = {}
        self._below: list[set[str]] = []  # kinds of varying leaves under each node
        self._known: dict[Any, int] = {}
        self._memo: dict[Any, int] = {}
        self._functions = dict(functions)
        self._chain = 0
        self._leaf: dict[Any, tuple[str, Any]] = {}
        for position, symbol in enumerate(blocks):
            self._leaf[symbol] = ("state", position)
        for symbol in parameters:
            self._leaf[symbol] = ("parameter", symbol.name)
        for symbol in arrays:
            self._leaf[symbol] = ("array", symbol.name)

    def node(self, op: str, operands: Sequence[int], payload: Any, rows: int, cols: int = 1) -> int:
        key = (op, tuple(operands), payload, rows, cols)
        if key not in self._known:
            self._known[key] = len(self.nodes)
            self.nodes.append(Node(op, tuple(operands), payload, rows, cols))
            own = {op} & {"state", "parameter"}
            self._below.append(own.union(*(self._below[i] for i in operands)))
        return self._known[key]

    def output(self, symbol: Any, expression: Any) -> int:
        index, rows = self.expression(expression, ()), _rows(symbol)
        shape = (self.nodes[index].rows, self.nodes[index].cols)
        if shape != (rows, 1):
            raise InputError(
                f"The equation of '{symbol}' has shape {shape}, its state has shape ({rows}, 1); both must agree."
            )
        return index

    # -- expressions of any shape -------------------------------------------------------------------------

    def expression(self, e: Any, env: Environment) -> int:
        key = (e, env)
        if key not in self._memo:
            self._memo[key] = self._matrix(e, env) if _is_matrix(e) else self._scalar(e, env)
        return self._memo[key]

    def _symbol(self, e: Any) -> int:
        if e not in self._leaf:
            known = ", ".join(f"'{s}'" for s in self._leaf)
            raise InputError(
                f"'{e}' in the equations is neither a state nor given: pass it in 'parameters' or 'arrays' "
                f"(known: {known})."
            )
        op, payload = self._leaf[e]
        rows, cols = (int(s) for s in e.shape) if isinstance(e, MatrixSymbol) else (1, 1)
        return self.node(op, (), payload, rows, cols)

    def _number(self, e: Any) -> int:
        if not e.is_finite or e.is_real is False:
            fault = "real" if e.is_finite else "finite"
            raise InputError(f"The equations hold the constant '{e}', which is not {fault}.")
        return self.node("number", (), e, 1)

    def _scalar(self, e: Any, env: Environment) -> int:
        bound = dict(env)
        if e in bound:
            return bound[e]
        if isinstance(e, sympy.Symbol):
            return self._symbol(e)
        if isinstance(e, MatrixElement):
            return self._entry(e, env)
        if not e.free_symbols and not e.has(AppliedUndef):
            return self._number(e)
        if isinstance(e, sympy.Add):
            return self.add([self.expression(a, env) for a in e.args])
        if isinstance(e, sympy.Mul):
            return self.multiply([self.expression(a, env) for a in e.args])
        if isinstance(e, sympy.Pow):
            return self.power(self.expression(e.base, env), e.exp, env)
        if isinstance(e, sympy.Function):
            if len(e.args) != 1:
                raise InputError(
                    f"'{e.func}' takes {len(e.args)} arguments; entry-by-entry functions take one."
                )
            return self.function(e.func, self.expression(e.args[0], env))
        raise InputError(
            f"The equations hold '{e}' ({type(e).__name__}), which is no known scalar operation."
        )

    def _entry(self, e: Any, env: Environment) -> int:
        parent, row, col = e.args
        if not (row.is_Integer and col.is_Integer):
            raise InputError(f"'{e}' has a symbolic index; indices in equations must be integers.")
        index = self.expression(parent, env)
        node = self.nodes[index]
        if node.cols == 1:
            return self.component(index, int(row))
        return self.node("component", (index,), (int(row), int(col)), 1)

    def component(self, index: int, row: int) -> int:
        node = self.nodes[index]
        if node.rows == 1:
            return index
        if node.op == "stack" and all(self.nodes[i].rows == 1 for i in node.operands):
            return node.operands[row]
        return self.node("component", (index,), row, 1)

    # -- entry-by-entry operations ------------------------------------------------------------------------

    def _broadcast(self, operands: Sequence[int], what: str) -> tuple[int, int]:
        shapes = {(self.nodes[i].rows, self.nodes[i].cols) for i in operands} - {(1, 1)}
        if len(shapes) > 1:
            raise InputError(f"A {what} in the equations joins the shapes {sorted(shapes)}; they must agree.")
        return shapes.pop() if shapes else (1, 1)

    def add(self, operands: Sequence[int]) -> int:
        if len(operands) == 1:
            return operands[0]
        return self.node("add", operands, None, *self._broadcast(operands, "sum"))

    def multiply(self, operands: Sequence[int]) -> int:
        if len(operands) == 1:
            return operands[0]
        return self.node("multiply", operands, None, *self._broadcast(operands, "product"))

    def power(self, base: int, exponent: Any, env: Environment) -> int:
        if exponent.is_Float and float(exponent).is_integer():
            exponent = sympy.Integer(int(exponent))
        if exponent.is_Integer and exponent == 0:
            return self._number(sympy.S.One)
        if exponent.is_Integer and exponent > 0:
            return self._integer_power(base, int(exponent))
        if exponent.is_Integer:
            return self._fractional_power(self._integer_power(base, -int(exponent)), sympy.S.NegativeOne)
        if not exponent.free_symbols:
            return self._fractional_power(base, exponent)
        if self.nodes[base].op == "number":
            logarithm = self._number(sympy.log(self.nodes[base].payload))
        else:
            logarithm = self.function(sympy.log, base)
        return self.function(sympy.exp, self.multiply([self.expression(exponent, env), logarithm]))

    def _integer_power(self, base: int, exponent: int) -> int:
        if exponent == 1:
            return base
        half = self._integer_power(base, exponent // 2)
        square = self.multiply([half, half])
        return square if exponent % 2 == 0 else self.multiply([square, base])

    def _fractional_power(self, base: int, exponent: Any) -> int:
        node = self.nodes[base]
        index = self.node("power", (base,), exponent, node.rows, node.cols)
        if index not in self.derivatives:
            self._derivative(index, base, _power_rule(exponent))
        return index

    def function(self, head: Any, argument: int) -> int:
        """A function, entry by entry: of the table, defined by a Lambda, or known by its derivatives."""
        if head in self._functions:
            head = self._functions[head]
        if isinstance(head, sympy.Lambda):
            (variable,) = head.variables
            return self.expression(head.expr, ((variable, argument),))
        node = self.nodes[argument]
        name = head.__name__
        entry = ELEMENTARY.get(name)
        if entry is None and issubclass(head, AppliedUndef):
            raise InputError(
                f"The function '{name}' is not defined; pass functions={{{name}: Lambda(x, ...)}}."
            )
        if (entry is not None and entry.function is not head and not issubclass(head, AppliedUndef)) or (
            self.generic.get(name, head) is not head
        ):
            raise InputError(f"Two functions in the equations are called '{name}'; rename one of them.")
        if entry is None:
            self.generic[name] = head
        index = self.node("apply", (argument,), name, node.rows, node.cols)
        if index not in self.derivatives:
            if entry is not None:
                self._derivative(index, argument, entry.derivative(_ARGUMENT, _VALUE))
            else:
                self._generic_derivative(index, argument, head)
        return index

    def _derivative(self, index: int, argument: int, rule: Any) -> None:
        self.derivatives[index] = -1  # reserved: the rule may lead back to this node
        env = ((_ARGUMENT, argument), (_VALUE, index))
        self.derivatives[index] = self.expression(sympy.sympify(rule), env)

    def _generic_derivative(self, index: int, argument: int, head: Any) -> None:
        """Follow a function's own derivative while it leads back to known functions, else expand by values."""
        rule = head(_ARGUMENT).diff(_ARGUMENT)
        wide = any(len(f.args) != 1 for f in rule.atoms(sympy.Function))
        if wide or self._chain >= _MAX_DERIVATIVE_CHAIN or rule.has(sympy.Derivative, sympy.Subs):
            return
        self._chain += 1
        self._derivative(index, argument, rule.xreplace({head(_ARGUMENT): _VALUE}))
        self._chain -= 1

    # -- matrices and vectors -----------------------------------------------------------------------------

    def _matrix(self, e: Any, env: Environment) -> int:
        if isinstance(e, MatrixSymbol):
            return self._symbol(e)
        rows, cols = (int(s) for s in e.shape)
        if isinstance(e, sympy.MatAdd):
            return self.add([self.expression(a, env) for a in e.args])
        if isinstance(e, HadamardProduct):
            return self.multiply([self.expression(a, env) for a in e.args])
        if isinstance(e, HadamardPower):
            return self.power(self.expression(e.base, env), e.exp, env)
        if isinstance(e, ElementwiseApplyFunction):
            return self.function(e.function, self.expression(e.expr, env))
        if isinstance(e, sympy.MatMul):
            return self._product(e, env)
        if isinstance(e, sympy.Transpose):
            inner = self.expression(e.arg, env)
            return inner if (rows, cols) == (1, 1) else self.node("transpose", (inner,), None, rows, cols)
        if isinstance(e, DataExpression):
            inputs = [self.expression(a, env) for a in e.inputs]
            return self.node("data", (self.stack(inputs),), e.name, rows)
        if isinstance(e, DiagMatrix):
            return self.node("diagonal", (self.expression(e.args[0], env),), None, rows, cols)
        if isinstance(e, Identity):
            return self.node("diagonal", (self.node("explicit", (), "one", rows),), None, rows, cols)
        if isinstance(e, (OneMatrix, ZeroMatrix)):
            return self.node("explicit", (), "one" if isinstance(e, OneMatrix) else "zero", rows, cols)
        if isinstance(e, sympy.matrices.MatrixBase):
            return self._explicit(e, env)
        raise InputError(
            f"The equations hold '{e}' ({type(e).__name__}), which is no known matrix operation."
        )

    def stack(self, operands: Sequence[int]) -> int:
        if len(operands) == 1:
            return operands[0]
        return self.node("stack", operands, None, sum(self.nodes[i].rows for i in operands))

    def _explicit(self, e: Any, env: Environment) -> int:
        rows, cols = e.shape
        entries = [self.expression(sympy.sympify(e[i, j]), env) for i in range(rows) for j in range(cols)]
        if cols == 1:
            return self.stack(entries)
        return self.node("explicit", entries, "entries", rows, cols)

    def _varies(self, index: int) -> bool:
        """Whether a node depends on a state or a parameter."""
        return bool(self._below[index])

    def _depends_on_state(self, index: int) -> bool:
        return "state" in self._below[index]

    def _product(self, e: Any, env: Environment) -> int:
        scalars, factors = ([a for a in e.args if _is_matrix(a) is kind] for kind in (False, True))
        if int(factors[-1].shape[1]) == 1:
            index = self.expression(factors[-1], env)
            for factor in reversed(factors[:-1]):
                index = self._times_vector(factor, index, env)
        else:
            index = self.expression(factors[0], env)
            for factor in factors[1:]:
                index = self._matmul(index, self.expression(factor, env))
        return self.multiply([*(self.expression(s, env) for s in scalars), index])

    def _matmul(self, left: int, right: int) -> int:
        if self._depends_on_state(left) or self._depends_on_state(right):
            raise InputError(
                "The equations hold a product of matrices that depends on the state and is not applied to a "
                "vector; write it as matrices times a vector."
            )
        return self.node("matmul", (left, right), None, self.nodes[left].rows, self.nodes[right].cols)

    def _times_vector(self, e: Any, vector: int, env: Environment) -> int:
        """The matrix expression `e` times a vector, without forming a matrix that depends on state or parameter."""
        rows, cols = (int(s) for s in e.shape)
        if (rows, cols) == (1, 1) or cols == 1:
            return self.multiply([self.expression(e, env), vector])
        if isinstance(e, sympy.MatMul):
            index = vector
            for factor in reversed([a for a in e.args if _is_matrix(a)]):
                index = self._times_vector(factor, index, env)
            return self.multiply([*(self.expression(a, env) for a in e.args if not _is_matrix(a)), index])
        if isinstance(e, sympy.Transpose) and int(e.arg.shape[1]) == 1:
            column = self.expression(e.arg, env)
            if self._varies(column):
                ones = self.node("explicit", (), "one", 1, cols)
                return self.node("linear", (ones, self.multiply([column, vector])), None, 1)
        if isinstance(e, Identity):
            return vector
        if isinstance(e, DiagMatrix):
            return self.multiply([self.expression(e.args[0], env), vector])
        matrix = self.expression(e, env)
        if not self._varies(matrix):
            return self.node("linear", (matrix, vector), None, rows)
        if isinstance(e, sympy.MatAdd):
            return self.add([self._times_vector(a, vector, env) for a in e.args])
        if isinstance(e, sympy.matrices.MatrixBase):
            return self._explicit_times_vector(e, vector, env)
        if self._depends_on_state(matrix):
            raise InputError(
                f"The matrix '{e}' depends on the state in a way the walk cannot apply to a vector; rewrite it as "
                "a sum or product of simpler matrices."
            )
        return self.node("linear", (matrix, vector), None, rows)

    def _explicit_times_vector(self, e: Any, vector: int, env: Environment) -> int:
        rows, cols = e.shape
        sums = []
        for i in range(rows):
            terms = []
            for j in range(cols):
                if e[i, j] != 0:
                    entry = self.expression(sympy.sympify(e[i, j]), env)
                    terms.append(self.multiply([entry, self.component(vector, j)]))
            sums.append(self.add(terms) if terms else self.node("number", (), sympy.S.Zero, 1))
        return self.stack(sums)
