"""The algebra of tangents: derivatives of every node along the state, kept zero, diagonal or dense.

A node's tangent maps each state block to ``Diagonal`` (entry by entry) or a dense array; an absent block is
zero. Seeding the state with given directions in place of the identity gives Jacobian times vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import SmoothnessError
from ssmsym.fields.program import Node
from ssmsym.fields.values import Binding, Evaluator

Array = NDArray[Any]


@dataclass(frozen=True)
class Diagonal:
    """The matrix diag(entries), entries of shape (..., n)."""

    entries: Array


Block = Diagonal | Array
Tangent = dict[int, Block]


class TangentEvaluator:
    """Jacobian and Jacobian times directions of one set of nodes."""

    def __init__(self, binding: Binding, roots: tuple[int, ...]) -> None:
        self.binding = binding
        self.roots = roots
        program = binding.program
        main = program.reachable(roots)
        slopes = []
        for index in main:
            if program.nodes[index].op in ("apply", "power") and not binding.is_constant(index):
                if index not in program.derivatives:
                    raise SmoothnessError(
                        f"The derivative of '{program.nodes[index].payload}' is not known in closed form."
                    )
                slopes.append(program.derivatives[index])
        self._values = Evaluator(binding, tuple(dict.fromkeys((*roots, *slopes))))
        self._main = [i for i in main if not binding.is_constant(i)]

    def jacobian(self, state: list[Array]) -> Array:
        """Dense derivative of the roots, stacked, with respect to all blocks, stacked; (..., rows, N)."""
        seeds = [Diagonal(np.ones(block.shape[-1])) for block in state]
        tangents = self._tangents(state, seeds)
        batch = state[0].shape[:-1]
        rows = [self.binding.program.nodes[i].rows for i in self.roots]
        cols = [block.shape[-1] for block in state]
        if len(rows) == 1 and len(cols) == 1:
            block = tangents.get(self.roots[0], {}).get(0)
            if isinstance(block, np.ndarray) and block.shape[:-2] == batch:
                return block
        out = np.zeros((*batch, sum(rows), sum(cols)))
        row_ends, col_ends = np.cumsum(rows), np.cumsum(cols)
        for i, root in enumerate(self.roots):
            for j, block in tangents.get(root, {}).items():
                target = out[..., row_ends[i] - rows[i] : row_ends[i], col_ends[j] - cols[j] : col_ends[j]]
                target[...] = _dense(block)
        return out

    def along(self, state: list[Array], directions: list[Array]) -> Array:
        """Jacobian times directions (n_block, c) at one state; shape (rows, c)."""
        tangents = self._tangents(state, [np.asarray(d) for d in directions])
        columns = directions[0].shape[1]
        parts = []
        for root in self.roots:
            total = np.zeros((self.binding.program.nodes[root].rows, columns))
            for block in tangents.get(root, {}).values():
                total = total + block  # seeds are dense, so every block is
            parts.append(total)
        return np.concatenate(parts)

    def _tangents(self, state: list[Array], seeds: list[Block]) -> dict[int, Tangent]:
        values = self._values.values(state)
        tangents: dict[int, Tangent] = {}
        nodes = self.binding.program.nodes
        for index in self._main:
            node = nodes[index]
            if node.op == "state":
                tangents[index] = {node.payload: seeds[node.payload]}
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
            return {block: _matrix_times(values[node.operands[0]], t) for block, t in below[1].items()}
        if node.op in ("apply", "power"):
            slope = values[self.binding.program.derivatives[index]]
            slope = np.broadcast_to(slope, np.broadcast_shapes(slope.shape, values[index].shape))
            return {block: _row_scaled(slope, t) for block, t in below[0].items()}
        if node.op == "component":
            return {b: _dense(t)[..., node.payload : node.payload + 1, :] for b, t in below[0].items()}
        if node.op == "stack":
            return self._stacked(node, below)
        if node.op == "data":
            gradient = self.binding.data[node.payload].jacobian(values[node.operands[0]])
            return {block: _matrix_times(gradient, t) for block, t in below[0].items()}
        raise AssertionError(f"operation '{node.op}' has no tangent by construction")

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
            terms.append({block: _row_scaled(factor, t) for block, t in widened.items()})
        return _sum(terms)

    def _stacked(self, node: Node, below: list[Tangent]) -> Tangent:
        heights = [self.binding.program.nodes[i].rows for i in node.operands]
        out: Tangent = {}
        for block in {b for tangent in below for b in tangent}:
            dense = [None if block not in t else _dense(t[block]) for t in below]
            batch = np.broadcast_shapes(*(d.shape[:-2] for d in dense if d is not None))
            cols = next(d.shape[-1] for d in dense if d is not None)
            filled = [
                np.zeros((*batch, height, cols))
                if d is None
                else np.broadcast_to(d, (*batch, height, cols))
                for d, height in zip(dense, heights, strict=True)
            ]
            out[block] = np.concatenate(filled, axis=-2)
        return out


def _dense(block: Block) -> Array:
    if not isinstance(block, Diagonal):
        return block
    n = block.entries.shape[-1]
    out = np.zeros((*block.entries.shape, n))
    out[..., np.arange(n), np.arange(n)] = block.entries
    return out


def _widened(tangent: Tangent, rows: int) -> Tangent:
    """The tangent of a scalar repeated over the rows of a vector."""
    if rows == 1 or not tangent:
        return tangent
    return {block: _repeat(value, rows) for block, value in tangent.items()}


def _repeat(block: Block, rows: int) -> Block:
    height = block.entries.shape[-1] if isinstance(block, Diagonal) else block.shape[-2]
    return block if height == rows else np.repeat(_dense(block), rows, axis=-2)


def _row_scaled(factor: Array, block: Block) -> Block:
    if isinstance(block, Diagonal):
        return Diagonal(block.entries * factor)
    return block * factor[..., :, None]


def _matrix_times(matrix: Array, block: Block) -> Array:
    return matrix * block.entries[..., None, :] if isinstance(block, Diagonal) else matrix @ block


def _sum(terms: list[Tangent]) -> Tangent:
    out: Tangent = {}
    for block in {b for term in terms for b in term}:
        values = [term[block] for term in terms if block in term]
        diagonals = [v.entries for v in values if isinstance(v, Diagonal)]
        dense = [v for v in values if not isinstance(v, Diagonal)]
        out[block] = _plus(_total(dense), _total(diagonals))
    return out


def _total(arrays: list[Array]) -> Array | None:
    total = None
    for array in arrays:
        total = array if total is None else total + array
    return total


def _plus(dense: Array | None, diagonal: Array | None) -> Block:
    if diagonal is None:
        assert dense is not None
        return dense
    if dense is None:
        return Diagonal(diagonal)
    batch = np.broadcast_shapes(dense.shape[:-2], diagonal.shape[:-1])
    out = np.array(np.broadcast_to(dense, (*batch, *dense.shape[-2:])))
    n = out.shape[-1]
    out[..., np.arange(n), np.arange(n)] += diagonal
    return out
