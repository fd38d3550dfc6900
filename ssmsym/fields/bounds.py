"""The algebra of bounds: whether a field points inward far out, which fixes the sum of its indices."""

from __future__ import annotations

import numpy as np

from ssmsym.fields.field import VectorField
from ssmsym.fields.program import Node, Program
from ssmsym.fields.values import Binding
from ssmsym.series.elementary import ELEMENTARY

_CONTINUOUS = frozenset(ELEMENTARY) - {
    "log",
    "tan",
    "atanh",
    "step",
    "sign",
}  # finite and continuous everywhere


def index_sum(field: VectorField) -> int | None:
    """Sum of (-1)^index over all fixed points, +1, if every equation is a decay plus a bounded continuous term.

    Then x' points inward on a large sphere (a map brings a large ball into itself) and the sum is the degree
    of -f there (of x - f), which is 1 (Poincare-Hopf). The same holds of gated cells, which say by ``unit_box`` in
    their metadata that they keep a box. None if this cannot be read off the equations.
    """
    if field.metadata.get("unit_box"):
        return 1
    program = field.program
    binding = field.bind()
    bounded = _bounded_nodes(program, binding)
    limit = 1.0 if field.is_map else 0.0
    for block, root in enumerate(program.outputs):
        decay = _decay(program, binding, bounded, root, block)
        if decay is None or not (np.all(decay < limit) and (not field.is_map or np.all(decay > -1.0))):
            return None
    return 1


def _continuous_nodes(program: Program, binding: Binding) -> list[bool]:
    """Nodes that are finite and continuous at every state, as far as the table of functions tells."""
    continuous: list[bool] = []
    for index, node in enumerate(program.nodes):
        below = all(continuous[i] for i in node.operands if i < index)
        if binding.is_constant(index):
            continuous.append(bool(np.isfinite(binding.constant(index)).all()))
        elif node.op == "apply":
            continuous.append(below and node.payload in _CONTINUOUS)
        elif node.op == "power":
            exponent = node.payload
            continuous.append(below and bool(exponent.is_Integer and exponent.is_positive))
        else:
            continuous.append(below)
    return continuous


def _bounded_nodes(program: Program, binding: Binding) -> list[bool]:
    continuous = _continuous_nodes(program, binding)
    bounded: list[bool] = []
    for index, node in enumerate(program.nodes):
        if not continuous[index]:
            bounded.append(False)
            continue
        if binding.is_constant(index):
            bounded.append(True)
        elif node.op == "apply":
            entry = ELEMENTARY.get(node.payload)
            bounded.append(entry is not None and entry.bounded)
        elif node.op in ("add", "multiply", "linear", "component", "stack"):
            bounded.append(all(bounded[i] for i in node.operands))
        else:
            bounded.append(False)
    return bounded


def _decay(
    program: Program, binding: Binding, bounded: list[bool], index: int, block: int
) -> np.ndarray | None:
    """Diagonal factor d such that the node is d * x_block + bounded; None if it has no such form."""
    node: Node = program.nodes[index]
    if bounded[index]:
        return np.zeros(1)
    if node.op == "state":
        return np.ones(1) if node.payload == block else None
    if node.op == "add":
        total = np.zeros(node.rows)
        for i in node.operands:
            part = _decay(program, binding, bounded, i, block)
            if part is None:
                return None
            total = total + part
        return total
    if node.op == "multiply":
        varying = [i for i in node.operands if not binding.is_constant(i)]
        if len(varying) != 1:
            return None
        inner = _decay(program, binding, bounded, varying[0], block)
        if inner is None:
            return None
        for i in node.operands:
            if i != varying[0]:
                inner = inner * binding.constant(i)
        return inner
    return None
