"""The algebra of tangents: derivatives of every node along the state, kept in the form in which they arise.

A node's tangent maps each state block to a :class:`Block`, a sum of a diagonal, of constant matrices with
scaled rows and columns, and of a dense rest; an absent block is zero. A weight matrix is touched once, when
the sum is formed. Seeding the state with given directions in place of the identity gives Jacobian times
vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.fields.program import Node
from ssmsym.fields.values import Binding, Evaluator, numeric_function

Array = NDArray[Any]


@dataclass(frozen=True)
class Scaled:
    """The matrix ``diag(rows) @ matrix @ diag(columns)``; `rows` None stands for ones."""

    matrix: Array
    rows: Array | None
    columns: Array

    def formed(self) -> Array:
        out = self.matrix * self.columns[..., None, :]
        if self.rows is None:
            return out
        if out.ndim <= self.rows.ndim:  # the rows have a batch that the columns have not
            return out * self.rows[..., :, None]
        out *= self.rows[..., :, None]
        return out


@dataclass(frozen=True)
class Block:
    """The sum ``diag(diagonal) + sum(scaled) + dense``; None and () stand for zero."""

    diagonal: Array | None = None
    scaled: tuple[Scaled, ...] = ()
    dense: Array | None = None

    def row_scaled(self, factor: Array) -> Block:
        """diag(factor) times the block; a factor of length 1 multiplies all of it."""
        if factor.shape[-1] == 1:
            scaled = tuple(Scaled(s.matrix, s.rows, s.columns * factor) for s in self.scaled)
        else:
            scaled = tuple(
                Scaled(s.matrix, factor if s.rows is None else s.rows * factor, s.columns)
                for s in self.scaled
            )
        return Block(
            None if self.diagonal is None else self.diagonal * factor,
            scaled,
            None if self.dense is None else self.dense * factor[..., :, None],
        )

    def times_from_left(self, matrix: Array) -> Block:
        """matrix times the block."""
        rest = Block(None, self.scaled, self.dense)
        dense = None if rest.is_zero else matrix @ rest.formed()
        scaled = () if self.diagonal is None else (Scaled(matrix, None, self.diagonal),)
        return Block(None, scaled, dense)

    @property
    def is_zero(self) -> bool:
        return self.diagonal is None and not self.scaled and self.dense is None

    @property
    def height(self) -> int:
        if self.diagonal is not None:
            return int(self.diagonal.shape[-1])
        return int((self.scaled[0].matrix if self.scaled else self.dense).shape[-2])  # type: ignore[union-attr]

    def formed(self) -> Array:
        """The block as one array (..., rows, columns)."""
        fresh: Array | None = None
        for scaled in self.scaled:
            term = scaled.formed()
            if fresh is not None and fresh.shape == term.shape:
                fresh += term
            else:
                fresh = term if fresh is None else fresh + term
        if self.dense is not None:
            fresh = np.array(self.dense) if fresh is None else fresh + self.dense
        if self.diagonal is None:
            assert fresh is not None
            return fresh
        n = self.diagonal.shape[-1]
        if fresh is None:
            fresh = np.zeros((*self.diagonal.shape, n))
        batch = np.broadcast_shapes(fresh.shape[:-2], self.diagonal.shape[:-1])
        if fresh.shape[:-2] != batch:
            fresh = np.array(np.broadcast_to(fresh, (*batch, *fresh.shape[-2:])))
        fresh[..., np.arange(n), np.arange(n)] += self.diagonal
        return fresh


Tangent = dict[int, Block]
_PARAMETER = -1  # the key that an active parameter has among the state's blocks


class TangentEvaluator:
    """Jacobian and Jacobian times directions of one set of nodes."""

    def __init__(self, binding: Binding, roots: tuple[int, ...]) -> None:
        self.binding = binding
        self.roots = roots
        program = binding.program
        main = program.reachable(roots)
        self._numeric_slopes: dict[int, Callable[[Array], Array]] = {}
        slopes = []
        for index in main:
            if program.nodes[index].op not in ("apply", "power") or binding.is_constant(index):
                continue
            if index in program.derivatives:
                slopes.append(program.derivatives[index])
            else:
                head = program.functions[program.nodes[index].payload]
                self._numeric_slopes[index] = numeric_function(head, 1)
        self._values = Evaluator(binding, tuple(dict.fromkeys((*roots, *slopes))))
        self._main = [i for i in main if not binding.is_constant(i)]

    def jacobian(self, state: list[Array]) -> Array:
        """Dense derivative of the roots, stacked, with respect to all blocks, stacked; (..., rows, N)."""
        tangents = self._tangents(state, [Block(np.ones(block.shape[-1])) for block in state])
        batch = state[0].shape[:-1]
        rows = [self.binding.program.nodes[i].rows for i in self.roots]
        cols = [block.shape[-1] for block in state]
        if len(rows) == 1 and len(cols) == 1 and tangents.get(self.roots[0]):
            formed = tangents[self.roots[0]][0].formed()
            if formed.shape[:-2] == batch:
                return formed
        return self._assembled(tangents, rows, cols, batch)

    def _assembled(
        self, tangents: dict[int, Tangent], rows: list[int], cols: list[int], batch: tuple[int, ...]
    ) -> Array:
        out = np.zeros((*batch, sum(rows), sum(cols)))
        row_ends, col_ends = np.cumsum(rows), np.cumsum(cols)
        for i, root in enumerate(self.roots):
            for j, block in tangents.get(root, {}).items():
                if j == _PARAMETER:
                    continue
                target = out[..., row_ends[i] - rows[i] : row_ends[i], col_ends[j] - cols[j] : col_ends[j]]
                target[...] = block.formed()
        return out

    def along(self, state: list[Array], directions: list[Array]) -> Array:
        """Jacobian times directions (n_block, c) at one state; shape (rows, c)."""
        tangents = self._tangents(state, [Block(dense=np.asarray(d)) for d in directions])
        columns = directions[0].shape[1]
        parts = []
        for root in self.roots:
            total = np.zeros((self.binding.program.nodes[root].rows, columns))
            for block in tangents.get(root, {}).values():
                total = total + block.formed()
            parts.append(total)
        return np.concatenate(parts)

    def with_parameter(
        self, state: list[Array], active: dict[str, Array], name: str, entry: int
    ) -> tuple[Array, Array, Array]:
        """Values (rows,), Jacobian (rows, N) and derivative along one active parameter (rows,) at one state."""
        seeds = [Block(np.ones(block.shape[-1])) for block in state]
        column = np.zeros((len(active[name]), 1))
        column[entry] = 1.0
        values = self._values.values(state, active)
        tangents = self._tangents(state, seeds, values, {name: Block(dense=column)})
        rows = [self.binding.program.nodes[i].rows for i in self.roots]
        jacobian = self._assembled(tangents, rows, [block.shape[-1] for block in state], ())
        slope = np.zeros(sum(rows))
        for root, end, size in zip(self.roots, np.cumsum(rows), rows, strict=True):
            if _PARAMETER in tangents.get(root, {}):
                slope[end - size : end] = tangents[root][_PARAMETER].formed()[:, 0]
        found = [np.broadcast_to(values[i], (size,)) for i, size in zip(self.roots, rows, strict=True)]
        return np.concatenate(found), jacobian, slope

    def _tangents(
        self,
        state: list[Array],
        seeds: list[Block],
        values: list[Any] | None = None,
        parameters: dict[str, Block] | None = None,
    ) -> dict[int, Tangent]:
        values = self._values.values(state) if values is None else values
        tangents: dict[int, Tangent] = {}
        nodes = self.binding.program.nodes
        for index in self._main:
            node = nodes[index]
            if node.op == "state":
                tangents[index] = {node.payload: seeds[node.payload]}
            elif node.op == "parameter":
                seed = (parameters or {}).get(node.payload)
                tangents[index] = {} if seed is None else {_PARAMETER: seed}
            else:
                tangents[index] = self._step(index, node, values, tangents)
        return tangents

    def _step(self, index: int, node: Node, values: list[Any], tangents: dict[int, Tangent]) -> Tangent:
        below = [tangents.get(i, {}) for i in node.operands]
        if node.op == "add":
            return _sum([_widened(t, node.rows) for t in below])
        if node.op == "multiply":
            return self._product(node, values, below)
        if node.op == "linear":
            return {b: t.times_from_left(values[node.operands[0]]) for b, t in below[1].items()}
        if node.op in ("apply", "power"):
            slope = self._slope(index, node, values)
            return {block: t.row_scaled(slope) for block, t in below[0].items()}
        if node.op == "component":
            at = slice(node.payload, node.payload + 1)
            return {block: Block(dense=t.formed()[..., at, :]) for block, t in below[0].items()}
        if node.op == "stack":
            return self._stacked(node, below)
        if node.op == "data":
            gradient = self.binding.data[node.payload].jacobian(values[node.operands[0]])
            return {block: t.times_from_left(gradient) for block, t in below[0].items()}
        raise AssertionError(f"operation '{node.op}' has no tangent by construction")

    def _slope(self, index: int, node: Node, values: list[Any]) -> Array:
        """Derivative of a function node at the values."""
        if index in self._numeric_slopes:
            return self._numeric_slopes[index](values[node.operands[0]])
        slope: Array = values[self.binding.program.derivatives[index]]
        return slope

    def _product(self, node: Node, values: list[Any], below: list[Tangent]) -> Tangent:
        terms = []
        for position, tangent in enumerate(below):
            if not tangent:
                continue
            others = [values[i] for j, i in enumerate(node.operands) if j != position]
            factor = others[0]
            for other in others[1:]:
                factor = factor * other
            widened = _widened(tangent, node.rows)
            terms.append({block: t.row_scaled(factor) for block, t in widened.items()})
        return _sum(terms)

    def _stacked(self, node: Node, below: list[Tangent]) -> Tangent:
        heights = [self.binding.program.nodes[i].rows for i in node.operands]
        out: Tangent = {}
        for block in {b for tangent in below for b in tangent}:
            dense = [None if block not in t else t[block].formed() for t in below]
            batch = np.broadcast_shapes(*(d.shape[:-2] for d in dense if d is not None))
            cols = next(d.shape[-1] for d in dense if d is not None)
            filled = [
                np.zeros((*batch, height, cols)) if d is None else np.broadcast_to(d, (*batch, height, cols))
                for d, height in zip(dense, heights, strict=True)
            ]
            out[block] = Block(dense=np.concatenate(filled, axis=-2))
        return out


def _widened(tangent: Tangent, rows: int) -> Tangent:
    """The tangent of a scalar repeated over the rows of a vector."""
    return {
        block: value if value.height == rows else Block(dense=np.repeat(value.formed(), rows, axis=-2))
        for block, value in tangent.items()
    }


def _sum(terms: list[Tangent]) -> Tangent:
    out: Tangent = {}
    for block in dict.fromkeys(b for term in terms for b in term):
        values = [term[block] for term in terms if block in term]
        out[block] = Block(
            _total([v.diagonal for v in values if v.diagonal is not None]),
            tuple(s for v in values for s in v.scaled),
            _total([v.dense for v in values if v.dense is not None]),
        )
    return out


def _total(arrays: Sequence[Array]) -> Array | None:
    total = None
    for array in arrays:
        total = array if total is None else total + array
    return total
