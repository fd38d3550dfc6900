"""The algebra of adjoints: derivatives of w . f, or of w . Df q, by everything that f is made of, in one sweep.

Values and, for Df q, their rates along the direction q run forward through the program; adjoints run back from the
roots to states, parameters and arrays, constant subtrees included (reverse accumulation; Griewank and Walther,
Evaluating Derivatives, 2nd ed., 2008, section 3.2, over first-order Taylor numbers as in section 13.3).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import SmoothnessError
from ssmsym.fields.program import Node
from ssmsym.fields.values import Binding, numeric_function

Array = NDArray[Any]


@dataclass(frozen=True)
class Taylor:
    """A value and its rate along the direction; a rate of None is zero."""

    value: Array
    rate: Array | None = None

    def __mul__(self, other: Taylor) -> Taylor:
        return Taylor(
            self.value * other.value,
            _sum(
                None if self.rate is None else self.rate * other.value,
                None if other.rate is None else self.value * other.rate,
            ),
        )

    def __add__(self, other: Taylor) -> Taylor:
        return Taylor(self.value + other.value, _sum(self.rate, other.rate))

    def through(self, linear: Callable[[Array], Array]) -> Taylor:
        """The image under a linear map."""
        return Taylor(linear(self.value), None if self.rate is None else linear(self.rate))


def _sum(a: Array | None, b: Array | None) -> Array | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b


@dataclass(frozen=True, eq=False)
class Gradients:
    """Derivatives of one number by what a field is made of.

    Attributes
    ----------
    state : (N,) array
    parameters : dict of name to (n,) array
    arrays : dict of name to array
        Each of its array's shape, columns as vectors.
    """

    state: Array
    parameters: dict[str, Array]
    arrays: dict[str, Array]

    def __add__(self, other: Gradients) -> Gradients:
        return Gradients(
            self.state + other.state,
            {name: value + other.parameters[name] for name, value in self.parameters.items()},
            {name: value + other.arrays[name] for name, value in self.arrays.items()},
        )

    def __mul__(self, factor: float) -> Gradients:
        return Gradients(
            factor * self.state,
            {name: factor * value for name, value in self.parameters.items()},
            {name: factor * value for name, value in self.arrays.items()},
        )


class AdjointEvaluator:
    """Gradients of one set of nodes, prepared once.

    Parameters
    ----------
    binding : Binding
    roots : tuple of int
    arrays : bool
        Whether arrays get their derivatives too, or only the state and the active parameters do.
    """

    def __init__(self, binding: Binding, roots: tuple[int, ...], *, arrays: bool = True) -> None:
        self.binding = binding
        self.roots = roots
        self._whole = arrays
        program = binding.program
        self._main = program.reachable(roots)
        self._all = program.reachable(roots, derivatives=True)

    def gradients(
        self,
        state: list[Array],
        weights: list[Array],
        directions: list[Array] | None = None,
        active: Mapping[str, Array] | None = None,
    ) -> Gradients:
        """Derivatives of ``sum_i weights[i] . root_i``, or of its derivative along `directions`, at one state.

        Parameters
        ----------
        state : list of (n_block,) arrays
        weights : list of (rows,) arrays
            One a root.
        directions : list of (n_block,) arrays, optional
        active : mapping, optional
            Values (n,) of the binding's active parameters.
        """
        active = active or {}
        values = self.binding.run(state, active, self._all)
        rates = {} if directions is None else self._rates(values, directions)
        numbers = {i: Taylor(values[i], rates.get(i)) for i in self._all}
        adjoints: dict[int, Taylor] = {}
        for root, weight in zip(self.roots, weights, strict=True):
            _accumulate(adjoints, root, Taylor(np.array(weight, dtype=float)))
        for index in reversed(self._main):
            if index in adjoints:
                self._back(index, numbers, adjoints)
        return self._gradients(state, active, adjoints, along=directions is not None)

    # -- forward ------------------------------------------------------------------------------------------

    def _rates(self, values: dict[int, Array], directions: list[Array]) -> dict[int, Array]:
        """Rates of the nodes that vary with the state; slopes are values, so they are known beforehand."""
        rates: dict[int, Array] = {}
        for index in self._all:
            node = self.binding.program.nodes[index]
            if node.op == "state":
                rates[index] = np.asarray(directions[node.payload], dtype=float)
            elif any(i in rates for i in node.operands):
                rates[index] = self._rate(index, node, values, rates)
        return rates

    def _rate(self, index: int, node: Node, values: dict[int, Array], rates: dict[int, Array]) -> Array:
        operands = node.operands
        if node.op == "add":
            return sum((rates[i] for i in operands if i in rates), np.zeros(node.rows))
        if node.op == "multiply":
            return sum(
                (
                    math.prod((values[j] for k, j in enumerate(operands) if k != at), start=rates[i])
                    for at, i in enumerate(operands)
                    if i in rates
                ),
                np.zeros(node.rows),
            )
        if node.op == "linear":
            return np.asarray(values[operands[0]] @ rates[operands[1]])
        if node.op in ("apply", "power"):
            return np.asarray(self._slope(index, values) * rates[operands[0]])
        if node.op == "component":
            return rates[operands[0]][node.payload : node.payload + 1]
        if node.op == "stack":
            return np.concatenate([rates.get(i, np.zeros(self._rows(i))) for i in operands])
        if node.op == "data":
            gradient = self.binding.data[node.payload].jacobian(values[operands[0]])
            return np.asarray(gradient @ rates[operands[0]])
        raise AssertionError(f"operation '{node.op}' does not vary with the state by construction")

    def _rows(self, index: int) -> int:
        return self.binding.program.nodes[index].rows

    def _slope(self, index: int, values: dict[int, Array], order: int = 1) -> Array:
        """Derivative of a function node by its argument."""
        program = self.binding.program
        if order == 1 and index in program.derivatives:
            return values[program.derivatives[index]]
        node = program.nodes[index]
        return numeric_function(program.functions[node.payload], order)(values[node.operands[0]])

    # -- backward -----------------------------------------------------------------------------------------

    def _back(self, index: int, numbers: dict[int, Taylor], adjoints: dict[int, Taylor]) -> None:
        """Pass the adjoint of a node on to its operands."""
        node = self.binding.program.nodes[index]
        own = adjoints[index]
        operands = node.operands
        if node.op == "add":
            for i in operands:
                self._give(adjoints, i, own)
        elif node.op == "multiply":
            for at, i in enumerate(operands):
                others = [numbers[j] for k, j in enumerate(operands) if k != at]
                self._give(adjoints, i, math.prod(others, start=own))
        elif node.op == "linear":
            matrix, vector = (numbers[i] for i in operands)
            if self._whole:
                self._give(adjoints, operands[0], _outer(own, vector))
            self._give(adjoints, operands[1], own.through(lambda a: matrix.value.T @ a))
        elif node.op in ("apply", "power"):
            self._give(adjoints, operands[0], own * self._slope_number(index, numbers))
        elif node.op == "stack":
            ends = np.cumsum([self._rows(i) for i in operands])
            for i, end in zip(operands, ends, strict=True):
                here = slice(end - self._rows(i), end)
                self._give(adjoints, i, own.through(lambda a, here=here: a[here]))  # type: ignore[misc]
        elif node.op == "data":
            self._give(adjoints, operands[0], self._through_data(node, numbers[operands[0]], own))
        else:
            self._back_constant(node, numbers, adjoints, own)

    def _back_constant(
        self, node: Node, numbers: dict[int, Taylor], adjoints: dict[int, Taylor], own: Taylor
    ) -> None:
        """The operations that matrices are made by, and single entries."""
        shapes = [numbers[i].value.shape for i in node.operands]
        if node.op == "component":

            def placed(a: Array) -> Array:
                out = np.zeros(shapes[0])
                out[node.payload] = a[0]
                return out

            self._give(adjoints, node.operands[0], own.through(placed))
        elif node.op == "transpose":
            self._give(adjoints, node.operands[0], own.through(lambda a: self._matrix(a, node).T))
        elif node.op == "matmul":
            left, right = (
                self._matrix(numbers[i].value, self.binding.program.nodes[i]) for i in node.operands
            )
            self._give(adjoints, node.operands[0], own.through(lambda a: self._matrix(a, node) @ right.T))
            self._give(adjoints, node.operands[1], own.through(lambda a: left.T @ self._matrix(a, node)))
        elif node.op == "diagonal":
            self._give(adjoints, node.operands[0], own.through(np.diagonal))
        elif node.op == "explicit" and node.payload == "entries":
            for at, i in enumerate(node.operands):
                self._give(adjoints, i, own.through(lambda a, at=at: a.reshape(-1)[at : at + 1]))  # type: ignore[misc]

    @staticmethod
    def _matrix(value: Array, node: Node) -> Array:
        return value.reshape(node.rows, node.cols)

    def _slope_number(self, index: int, numbers: dict[int, Taylor]) -> Taylor:
        program = self.binding.program
        if index in program.derivatives:
            return numbers[program.derivatives[index]]
        argument = numbers[program.nodes[index].operands[0]]
        values = {program.nodes[index].operands[0]: argument.value}
        slope = self._slope(index, values)
        return Taylor(slope, None if argument.rate is None else self._slope(index, values, 2) * argument.rate)

    def _through_data(self, node: Node, argument: Taylor, own: Taylor) -> Taylor:
        data = self.binding.data[node.payload]
        gradient = data.jacobian(argument.value)
        back = own.through(lambda a: gradient.T @ a)
        if argument.rate is None:
            return back
        curvature = np.zeros_like(gradient)
        for variable in np.flatnonzero(argument.rate):
            curvature += argument.rate[variable] * data.derivative(int(variable)).jacobian(argument.value)
        return Taylor(back.value, _sum(back.rate, curvature.T @ own.value))

    def _give(self, adjoints: dict[int, Taylor], index: int, share: Taylor) -> None:
        """Add a share to a node's adjoint, summed over the entries along which the node was repeated."""
        if not self._whole and self.binding.is_constant(index):
            return
        node = self.binding.program.nodes[index]
        shape = (node.rows,) if node.cols == 1 else (node.rows, node.cols)

        def shaped(a: Array) -> Array:
            return a.sum(keepdims=True).reshape(1) if shape == (1,) else a.reshape(shape)

        _accumulate(adjoints, index, share.through(shaped))

    # -- results ------------------------------------------------------------------------------------------

    def _gradients(
        self, state: list[Array], active: Mapping[str, Array], adjoints: dict[int, Taylor], *, along: bool
    ) -> Gradients:
        blocks = [np.zeros(len(block)) for block in state]
        parameters: dict[str, Array] = {}
        arrays: dict[str, Array] = {}
        for index in self._main:
            node = self.binding.program.nodes[index]
            if node.op not in ("state", "parameter", "array"):
                continue
            if self.binding.is_constant(index):
                if not self._whole:
                    continue
                value = self.binding.constant(index)
            else:
                value = state[node.payload] if node.op == "state" else active[node.payload]
            found = adjoints.get(index)
            raw = None if found is None else (found.rate if along else found.value)
            gradient = np.zeros(value.shape) if raw is None else np.array(raw).reshape(value.shape)
            if not np.isfinite(gradient).all():
                raise SmoothnessError(
                    "The field has no derivative at this state; its gradient is not finite."
                )
            if node.op == "state":
                blocks[node.payload] = gradient
            else:
                (parameters if node.op == "parameter" else arrays)[node.payload] = gradient
        return Gradients(np.concatenate(blocks), parameters, arrays)


def _outer(a: Taylor, b: Taylor) -> Taylor:
    return Taylor(
        np.outer(a.value, b.value),
        _sum(
            None if a.rate is None else np.outer(a.rate, b.value),
            None if b.rate is None else np.outer(a.value, b.rate),
        ),
    )


def _accumulate(adjoints: dict[int, Taylor], index: int, share: Taylor) -> None:
    adjoints[index] = adjoints[index] + share if index in adjoints else share
