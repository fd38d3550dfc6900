"""The algebra of jets: the Taylor series of a field along a parametrization, one degree at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import SmoothnessError
from ssmsym.fields.program import Node
from ssmsym.fields.values import Binding, numeric_function
from ssmsym.series.data_series import data_series
from ssmsym.series.elementary import ELEMENTARY
from ssmsym.series.monomials import MonomialTable
from ssmsym.series.recurrences import (
    Component,
    Composition,
    Input,
    Integral,
    Linear,
    Operation,
    Product,
    Scale,
    Stack,
    Sum,
    len_of,
)
from ssmsym.series.ring import Ring

Array = NDArray[Any]
Convert = Callable[[Array], Array]

_KINK_DISTANCE = 1e-9


class Jets:
    """Series of the roots of a program when the state is a power series that becomes known degree by degree.

    For each degree call :meth:`advance`, which gives the part of the roots as far as lower degrees determine
    it, and then :meth:`correct` with the state's own part of that degree.

    Parameters
    ----------
    binding : Binding
        Program with constants; its active parameters are coordinates of the series.
    roots : tuple of int
        Nodes whose series are wanted.
    table : MonomialTable
    ring : Ring
    state : list of (n_block,) arrays
        Expansion point.
    active : dict
        Active parameter to a pair: values (n,) at the expansion point, and a list that gives for each entry
        the coordinate (position among the table's variables) that it is, or None if it does not vary.
    convert : callable, optional
        Brings constants and point values into the ring (identity for floats).
    """

    def __init__(
        self,
        binding: Binding,
        roots: tuple[int, ...],
        table: MonomialTable,
        ring: Ring,
        state: list[Array],
        active: Mapping[str, tuple[Array, Sequence[int | None]]],
        convert: Convert = lambda values: values,
    ) -> None:
        self.table = table
        self.ring = ring
        self._binding = binding
        self._convert = convert
        self._roots = roots
        program = binding.program
        main = program.reachable(roots)
        everything = self._ordered(main)
        point = binding.run(state, {name: value for name, (value, _) in active.items()}, everything)
        self._point = point
        self._check_weights(main)
        self._operations: dict[int, Operation] = {}

        self._parameters: list[Input] = []
        self._inputs: dict[int, Input] = {}
        for index in everything:
            if not binding.is_constant(index):
                self._operations[index] = self._operation(index, active)
        for index, operation in self._operations.items():
            if isinstance(operation, Integral):
                operation.differentiate(self._wide(program.derivatives[index], operation.width))
        self._schedule(main)

    @property
    def block_sizes(self) -> tuple[int, ...]:
        """Lengths of the state's blocks."""
        return self._binding.program.sizes

    # -- construction -------------------------------------------------------------------------------------

    def _ordered(self, main: list[int]) -> list[int]:
        """Main nodes and the nodes of all derivatives that a series needs, ascending."""
        program = self._binding.program
        wanted = set(main)
        waiting = [i for i in main if not self._binding.is_constant(i)]
        while waiting:
            index = waiting.pop()
            if index not in program.derivatives:
                continue
            for found in program.reachable((program.derivatives[index],)):
                if found not in wanted:
                    wanted.add(found)
                    if not self._binding.is_constant(found):
                        waiting.append(found)
        return sorted(wanted)

    def _check_weights(self, main: list[int]) -> None:
        """Refuse matrices that vary with an active parameter and are more than sums and products."""
        program = self._binding.program
        for index in main:
            node = program.nodes[index]
            if node.op == "linear" and not self._binding.is_constant(node.operands[0]):
                names = sorted(f"'{name}'" for _, name in program.leaves[node.operands[0]])
                raise SmoothnessError(
                    f"A weight matrix depends on the parameter(s) {', '.join(names)} in a form that has no series; "
                    "write it as a sum of constant matrices times parameters."
                )

    def _value(self, index: int) -> Array:
        return np.atleast_1d(self._convert(self._point[index]))

    def _operation(self, index: int, active: Mapping[str, tuple[Array, Sequence[int | None]]]) -> Operation:
        node = self._binding.program.nodes[index]
        value = self._value(index)
        if node.op == "state":
            operation = Input(self.table, self.ring, value)
            self._inputs[node.payload] = operation
            return operation
        if node.op == "parameter":
            return self._parameter(value, active[node.payload][1])
        if node.op == "add":
            varying = [i for i in node.operands if not self._binding.is_constant(i)]
            return Sum(self.table, self.ring, value, tuple(self._wide(i, node.rows) for i in varying))
        if node.op == "multiply":
            return self._product(node, value)
        if node.op == "linear":
            return self._linear(node, value)
        if node.op in ("apply", "power"):
            return self._function(index, node, value)
        operand = self._operations.get(node.operands[0])
        if node.op == "component":
            assert operand is not None
            return Component(self.table, self.ring, value, operand, node.payload)
        if node.op == "stack":
            return Stack(self.table, self.ring, value, tuple(self._series_of(i) for i in node.operands))
        if node.op == "data":
            source = self._series_of(node.operands[0])
            return data_series(self.table, self.ring, value, source, self._binding.data[node.payload])
        raise AssertionError(f"operation '{node.op}' has no series by construction")

    def _parameter(self, value: Array, coordinates: Sequence[int | None]) -> Input:
        operation = Input(self.table, self.ring, value)
        operation.keep()
        for entry, coordinate in enumerate(coordinates):
            if coordinate is not None:
                operation.series[1 + coordinate, entry] = self.ring.number(1)
        self._parameters.append(operation)
        return operation

    def _series_of(self, index: int) -> Operation:
        """Series of a node, a constant one included."""
        if index not in self._operations:
            return Input(self.table, self.ring, self._value(index))
        return self._operations[index]

    def _wide(self, index: int, rows: int) -> Operation:
        """Series of a node, widened from one column to `rows` where needed."""
        operation = self._series_of(index)
        if operation.width == rows:
            return operation
        if self._binding.is_constant(index):
            return Input(self.table, self.ring, np.repeat(operation.value, rows))
        ones = self.ring.zeros((rows,)) + self.ring.number(1)
        wide = Scale(self.table, self.ring, operation.value * ones, operation, ones)
        return wide

    def _product(self, node: Node, value: Array) -> Operation:
        constants = [self._value(i) for i in node.operands if self._binding.is_constant(i)]
        varying = [i for i in node.operands if not self._binding.is_constant(i)]
        first = self._series_of(varying[0]) if len(varying) == 1 else self._wide(varying[0], node.rows)
        current = first
        for i in varying[1:]:
            other = first if i == varying[0] else self._wide(i, node.rows)
            point = current.value * other.value
            current = Product(self.table, self.ring, point, (current, other))
        if not constants:
            return current
        factor = math.prod(constants[1:], start=constants[0])
        return Scale(self.table, self.ring, value, current, factor)

    def _linear(self, node: Node, value: Array) -> Operation:
        matrix_node, vector_node = node.operands
        nodes = self._binding.program.nodes
        shape = (nodes[matrix_node].rows, nodes[matrix_node].cols)
        matrix = self._convert(self._binding.constant(matrix_node).reshape(-1)).reshape(shape)
        return Linear(self.table, self.ring, value, self._wide(vector_node, shape[1]), matrix)

    def _function(self, index: int, node: Node, value: Array) -> Operation:
        operand = self._operations[node.operands[0]]
        entry = ELEMENTARY.get(node.payload) if node.op == "apply" else None
        if entry is not None and entry.kinks:
            self._check_kinks(node, entry.kinks)
        elif node.op == "power":
            self._check_kinks(node, (0.0,))
        if index in self._binding.program.derivatives:
            return Integral(self.table, self.ring, value, operand)
        if self._point[node.operands[0]].dtype == object:
            raise SmoothnessError(
                f"'{node.payload}' has no differential equation in known functions, so exact coefficients cannot be "
                "computed; write it in elementary functions."
            )
        head = self._binding.program.functions[node.payload]
        at = np.asarray(self._point[node.operands[0]], dtype=float)
        factorials = np.cumprod([1.0, *range(1, self.table.order + 1)])
        return Composition(
            self.table, self.ring, value, operand, lambda n: numeric_function(head, n)(at) / factorials[n]
        )

    def _check_kinks(self, node: Node, kinks: tuple[float, ...]) -> None:
        argument = self._point[node.operands[0]]
        if argument.dtype == object:
            return
        for kink in kinks:
            unit = int(np.argmin(np.abs(argument - kink)))
            if abs(argument[unit] - kink) < _KINK_DISTANCE:
                raise SmoothnessError(
                    f"'{node.op if node.op == 'power' else node.payload}' is not smooth at {kink:g}, where the "
                    f"argument of unit {unit} lies; no "
                    "Taylor expansion exists there. Choose another expansion point or a smooth activation."
                )

    def _schedule(self, main: list[int]) -> None:
        """Split the operations by when a degree's part of them can be known."""
        program = self._binding.program
        chain = self._chain_order()
        reached: set[Operation] = set()
        waiting = [self._operations[i] for i in main if i in self._operations]
        while waiting:
            operation = waiting.pop()
            if operation not in reached:
                reached.add(operation)
                waiting.extend(operation.operands)
        self._advanced = [o for o in chain if o in reached]
        self._closed = [o for o in chain if o not in reached]
        for operation in self._closed:
            for operand in operation.operands:
                if operand in reached:  # its completed part is needed
                    operand.keep()
        needed: set[Operation] = set()
        waiting = [o for o in chain if o.is_kept]
        while waiting:
            operation = waiting.pop()
            if operation not in needed:
                needed.add(operation)
                waiting.extend(operation.operands)
        self._corrected = [o for o in self._advanced if o in needed]
        self._results = [self._operations.get(root) for root in self._roots]
        self._rows = [program.nodes[root].rows for root in self._roots]

    def _chain_order(self) -> list[Operation]:
        """All operations, operands first."""
        done: dict[Operation, None] = {}

        def visit(operation: Operation) -> None:
            if operation not in done:
                for operand in operation.operands:
                    visit(operand)
                done[operation] = None

        for operation in self._operations.values():
            visit(operation)
        for operation in self._operations.values():
            if isinstance(operation, Integral):
                visit(operation.derivative)
        return list(done)

    # -- evaluation ---------------------------------------------------------------------------------------

    def advance(self, degree: int, state: list[Array] | None = None) -> Array:
        """Part of the roots of this degree, (M_k, rows), with the state's own part taken as `state` or as zero."""
        for block, given in self._inputs.items():
            given.feed(degree, None if state is None else state[block])
        for parameter in self._parameters:  # they are linear
            parameter.part = parameter.series[self.table.degree_slice(1)] if degree == 1 else None
        for operation in self._advanced:
            operation.advance(degree)
        if state is not None:
            self._close(degree)
        return self._collect(len_of(self.table, degree))

    def _collect(self, rows: int) -> Array:
        parts = []
        for operation, width in zip(self._results, self._rows, strict=True):
            part = None if operation is None else operation.part
            parts.append(self.ring.zeros((rows, width)) if part is None else part)
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def correct(self, degree: int, state: list[Array]) -> None:
        """Make the state's part of this degree known; ends the degree."""
        for block, given in self._inputs.items():
            given.update(degree, state[block])
        for parameter in self._parameters:
            parameter.delta = None
        for operation in self._corrected:
            operation.correct(degree)
        self._close(degree)

    def _close(self, degree: int) -> None:
        for operation in self._closed:
            operation.advance(degree)
