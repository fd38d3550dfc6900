"""The algebra of values: right-hand side and readout, on floats (batched) or on SymPy expressions.

Constant subtrees are evaluated once, when a program is bound to its arrays and parameter values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError, SmoothnessError
from ssmsym.fields.program import Node, Program
from ssmsym.series.elementary import ELEMENTARY
from ssmsym.series.piecewise import DataMap

Array = NDArray[Any]


class Arithmetic(Protocol):
    """How numbers and functions are evaluated."""

    def number(self, payload: Any) -> Array: ...

    def apply(self, node: Node, argument: Array) -> Array: ...

    def power(self, node: Node, argument: Array) -> Array: ...


class FloatArithmetic:
    """Double precision."""

    def __init__(self, functions: Mapping[str, Any]) -> None:
        self._functions = functions
        self._compiled: dict[str, Callable[[Array], Array]] = {}

    def number(self, payload: Any) -> Array:
        return np.array([float(payload)])

    def apply(self, node: Node, argument: Array) -> Array:
        return self.function(node.payload)(argument)

    def power(self, node: Node, argument: Array) -> Array:
        return np.asarray(argument ** float(node.payload))

    def function(self, name: str) -> Callable[[Array], Array]:
        """NumPy version of a function, entry by entry."""
        if name in ELEMENTARY:
            return ELEMENTARY[name].value
        if name not in self._compiled:
            self._compiled[name] = numeric_function(self._functions[name], 0)
        return self._compiled[name]


class SymbolicArithmetic:
    """SymPy expressions in object arrays."""

    def __init__(self, functions: Mapping[str, Any]) -> None:
        self._functions = functions

    def number(self, payload: Any) -> Array:
        return _objects([payload])

    def apply(self, node: Node, argument: Array) -> Array:
        entry = ELEMENTARY.get(node.payload)
        head = entry.function if entry else self._functions[node.payload]
        return _objects([head(x) for x in argument])

    def power(self, node: Node, argument: Array) -> Array:
        return _objects([x**node.payload for x in argument])


def _objects(values: Iterable[Any]) -> Array:
    items = list(values)
    out = np.empty(len(items), dtype=object)
    out[:] = items
    return out


def numeric_function(head: Any, order: int) -> Callable[[Array], Array]:
    """The `order`-th derivative of a SymPy function as a NumPy function, for functions outside the table.

    NaN where the value is not real.
    """
    import sympy

    x = sympy.Dummy("x")
    expression = head(x) if order == 0 else head(x).diff(x, order)
    if expression.has(sympy.Derivative, sympy.Subs):
        raise SmoothnessError(
            f"The derivatives of '{head.__name__}' are not known; define it by a Lambda in 'functions', or give its "
            "class a method 'fdiff'."
        )
    function = sympy.lambdify(x, expression, modules=["scipy", "numpy"])

    def evaluate(values: Array) -> Array:
        try:
            found = np.asarray(function(values)) + np.zeros_like(values)
        except NameError:
            raise InputError(
                f"The function '{head.__name__}' has no numeric value; define it by a Lambda in 'functions', or give "
                "its class a NumPy implementation '_imp_'."
            ) from None
        return np.where(found.imag == 0, found.real, np.nan) if np.iscomplexobj(found) else found

    return evaluate


class Binding:
    """A program with values for its arrays and parameters; what is constant is evaluated once.

    Parameters
    ----------
    program : Program
    arrays : mapping of name to array
    parameters : mapping of name to (n,) array
    data : mapping of name to Polynomial or PiecewiseChebyshev
    arithmetic : Arithmetic
    active : set of str
        Parameters that vary (coordinates of a series) and are therefore not folded into constants.
    """

    def __init__(
        self,
        program: Program,
        arrays: Mapping[str, Array],
        parameters: Mapping[str, Array],
        data: Mapping[str, DataMap],
        arithmetic: Arithmetic,
        active: frozenset[str] = frozenset(),
    ) -> None:
        self.program = program
        self.data = data
        self.arithmetic = arithmetic
        self.active = active
        self._arrays = arrays
        self._parameters = parameters
        self._constancy = program.constancy(active)
        self.constants: dict[int, Array] = {}

    def is_constant(self, index: int) -> bool:
        """Whether a node depends on no state and on no active parameter."""
        return self._constancy[index]

    def constant(self, index: int) -> Array:
        """Value of a constant node, evaluated when first asked for."""
        if index not in self.constants:
            node = self.program.nodes[index]
            operands = [self.constant(i) for i in node.operands]
            self.constants[index] = self._constant(node, operands)
        return self.constants[index]

    def _constant(self, node: Node, operands: list[Array]) -> Array:
        if node.op == "array":
            value = np.asarray(self._arrays[node.payload])
            return value.reshape(-1) if node.cols == 1 else value
        if node.op == "parameter":
            return np.atleast_1d(self._parameters[node.payload])
        if node.op == "number":
            return self.arithmetic.number(node.payload)
        shapes = [(self.program.nodes[i].rows, self.program.nodes[i].cols) for i in node.operands]
        if node.op == "transpose":
            return _vector(operands[0].reshape(shapes[0]).T)
        if node.op == "matmul":
            return _vector(operands[0].reshape(shapes[0]) @ operands[1].reshape(shapes[1]))
        if node.op == "diagonal":
            return np.diag(operands[0])
        if node.op == "explicit":
            return self._explicit(node, operands)
        if node.op == "component" and isinstance(node.payload, tuple):
            return operands[0].reshape(shapes[0])[node.payload].reshape(1)
        return self.evaluate(node, operands)

    def _explicit(self, node: Node, operands: list[Array]) -> Array:
        if node.payload == "entries":
            return np.concatenate(operands).reshape(node.rows, node.cols)
        fill = self.arithmetic.number(1 if node.payload == "one" else 0)[0]
        return np.full((node.rows,) if node.cols == 1 else (node.rows, node.cols), fill)

    def evaluate(self, node: Node, operands: list[Array]) -> Array:
        """One operation on values of shape (..., rows)."""
        if node.op == "add":
            return _reduce(np.add, operands)
        if node.op == "multiply":
            return _reduce(np.multiply, operands)
        if node.op == "linear":
            return operands[1] @ operands[0].T
        if node.op == "apply":
            return self.arithmetic.apply(node, operands[0])
        if node.op == "power":
            return self.arithmetic.power(node, operands[0])
        if node.op == "component":
            return operands[0][..., node.payload : node.payload + 1]
        if node.op == "stack":
            batch = np.broadcast_shapes(*(value.shape[:-1] for value in operands))
            return np.concatenate([np.broadcast_to(v, (*batch, v.shape[-1])) for v in operands], axis=-1)
        if node.op == "data":
            return self.data[node.payload](operands[0])
        raise AssertionError(f"operation '{node.op}' is constant by construction")

    def run(self, state: list[Array], active: Mapping[str, Array], indices: list[int]) -> dict[int, Array]:
        """Values of the given nodes (ascending, closed under operands).

        Parameters
        ----------
        state : list of (..., n_block) arrays
        active : mapping
            Values of the active parameters, (n,) each.
        """
        values: dict[int, Array] = {}
        for index in indices:
            node = self.program.nodes[index]
            if self.is_constant(index):
                values[index] = self.constant(index)
            elif node.op == "state":
                values[index] = state[node.payload]
            elif node.op == "parameter":
                values[index] = active[node.payload]
            else:
                values[index] = self.evaluate(node, [values[i] for i in node.operands])
        return values


def _reduce(operation: Any, values: list[Array]) -> Array:
    total = values[0]
    for value in values[1:]:
        total = operation(total, value)
    return total


def _vector(value: Array) -> Array:
    return value.reshape(-1) if value.shape[1] == 1 else value


class Evaluator:
    """Values of one set of nodes, prepared once for fast repeated evaluation.

    Parameters
    ----------
    binding : Binding
    roots : tuple of int
    reuse : bool
        Whether sums and products may overwrite an operand that nothing else needs; then only the roots'
        values can be relied on.
    """

    def __init__(self, binding: Binding, roots: tuple[int, ...], *, reuse: bool = False) -> None:
        self.binding = binding
        self.roots = roots
        program = binding.program
        used = program.reachable(roots)
        self.varying = [i for i in used if not binding.is_constant(i)]
        self._fixed: list[Any] = [None] * len(program.nodes)
        for index in self._frontier(self.varying + list(roots)):
            self._fixed[index] = binding.constant(index)
        self._overwritten = self._reusable() if reuse else {}
        self._subtracted = self._negatives() if reuse else {}
        self._neutral = {
            i for i, v in enumerate(self._fixed) if v is not None and v.shape == (1,) and v[0] == 1.0
        }

    def _frontier(self, indices: Iterable[int]) -> set[int]:
        nodes = self.binding.program.nodes
        candidates = {j for i in indices for j in (i, *nodes[i].operands)}
        return {i for i in candidates if self.binding.is_constant(i)}

    def _reusable(self) -> dict[int, int]:
        """Sums and products to the operand whose array can hold the result."""
        nodes = self.binding.program.nodes
        uses = Counter(j for i in self.varying for j in nodes[i].operands) + Counter(self.roots)
        fresh = {i for i in self.varying if nodes[i].op in ("add", "multiply", "linear", "apply", "power")}
        found: dict[int, int] = {}
        for index in self.varying:
            node = nodes[index]
            if node.op in ("add", "multiply"):
                whole = [
                    j for j in node.operands if j in fresh and uses[j] == 1 and nodes[j].rows == node.rows
                ]
                if (
                    whole
                ):  # a matrix product rather than a multiple, which a sum can take in without forming it
                    found[index] = min(whole, key=lambda j: nodes[j].op == "multiply")
        return found

    def _negatives(self) -> dict[int, int]:
        """Nodes -v that only a sum in place uses, to v: they are subtracted without being formed."""
        nodes = self.binding.program.nodes
        uses = Counter(j for i in self.varying for j in nodes[i].operands) + Counter(self.roots)
        sums = [i for i in self._overwritten if nodes[i].op == "add"]
        found: dict[int, int] = {}
        for operand in (j for i in sums for j in nodes[i].operands if j != self._overwritten[i]):
            node = nodes[operand]
            if node.op == "multiply" and len(node.operands) == 2 and uses[operand] == 1:
                factor, rest = sorted(node.operands, key=lambda j: not self.binding.is_constant(j))
                constant = self.binding.is_constant(factor) and not self.binding.is_constant(rest)
                if constant and self.binding.constant(factor).tolist() == [-1.0]:
                    found[operand] = rest
        return found

    def values(self, state: list[Array], active: Mapping[str, Array] | None = None) -> list[Any]:
        """Values of all nodes needed, by node position; None elsewhere.

        `active` gives the values (n,) of the binding's active parameters.
        """
        values = self._fixed.copy()
        nodes = self.binding.program.nodes
        for index in self.varying:
            if index in self._subtracted:
                continue
            node = nodes[index]
            if node.op == "state":
                values[index] = state[node.payload]
            elif node.op == "parameter":
                values[index] = active[node.payload]  # type: ignore[index]
            elif index in self._overwritten:
                values[index] = self._in_place(index, node, values)
            else:
                values[index] = self.binding.evaluate(node, [values[i] for i in node.operands])
        return values

    def _in_place(self, index: int, node: Node, values: list[Any]) -> Array:
        kept = self._overwritten[index]
        total: Array = values[kept]
        operation = np.add if node.op == "add" else np.multiply
        for operand in node.operands:
            if operand in self._neutral and node.op == "multiply":
                continue
            if operand in self._subtracted:
                np.subtract(total, values[self._subtracted[operand]], out=total)
            elif operand != kept:
                operation(total, values[operand], out=total)
        return total
