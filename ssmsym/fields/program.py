"""The vector field as a list of operations: what the walk over SymPy expressions produces.

A node names its operation, its operands (positions of earlier nodes) and its shape; equal subexpressions
are one node. Column vectors have ``cols == 1``; scalars are vectors of length 1 and act entry by entry on
longer ones. Every algebra (values, tangents, series, source text, bounds) reads this list and nothing else.

Operations
----------
``state``, ``parameter``, ``array``, ``number``
    Leaves; payload is the block's position, the parameter's name, the array's name, a SymPy number.
``add``, ``multiply``
    Entry by entry, any number of operands.
``linear``
    First operand, a matrix that does not depend on the state, times the second, a vector.
``apply``, ``power``
    A function entry by entry; payload is the function's name or the SymPy exponent. The derivative is
    another node, in :attr:`Program.derivatives`.
``stack``, ``component``
    Vectors above one another; one entry.
``data``
    A named polynomial of the operand.
``transpose``, ``matmul``, ``diagonal``, ``explicit``
    Matrices that do not depend on the state.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Node:
    """One operation."""

    op: str
    operands: tuple[int, ...]
    payload: Any
    rows: int
    cols: int = 1


@dataclass(frozen=True)
class Program:
    """Nodes in an order in which operands come first, except for derivatives that refer back.

    Attributes
    ----------
    nodes : tuple of Node
    outputs : tuple of int
        Right-hand side of each block.
    readout : tuple of int
        Readout expressions.
    derivatives : dict
        Node of a function to the node of its derivative; a function without an entry is expanded by its
        derivatives at the point (the payload is then its SymPy class).
    sizes : tuple of int
        Length of each state block.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]
    readout: tuple[int, ...]
    derivatives: dict[int, int]
    sizes: tuple[int, ...]
    functions: dict[str, Any] = field(default_factory=dict)

    @functools.cached_property
    def leaves(self) -> tuple[frozenset[tuple[str, Any]], ...]:
        """States and parameters on which each node depends, as ``("state", block)``, ``("parameter", name)``."""
        found: list[frozenset[tuple[str, Any]]] = []
        for node in self.nodes:
            below = frozenset().union(*(found[i] for i in node.operands))
            if node.op in ("state", "parameter"):
                below |= {(node.op, node.payload)}
            found.append(below)
        return tuple(found)

    def constancy(self, active: frozenset[str]) -> tuple[bool, ...]:
        """Whether each node depends on no state and on none of these parameters."""
        if active not in self._constancies:
            self._constancies[active] = tuple(
                not any(kind == "state" or name in active for kind, name in leaves) for leaves in self.leaves
            )
        return self._constancies[active]

    @functools.cached_property
    def _constancies(self) -> dict[frozenset[str], tuple[bool, ...]]:
        return {}

    def reachable(self, roots: tuple[int, ...], *, derivatives: bool = False) -> list[int]:
        """Nodes from which the roots are computed, ascending; optionally with all derivatives' nodes."""
        seen: set[int] = set()
        waiting = list(roots)
        while waiting:
            index = waiting.pop()
            if index in seen:
                continue
            seen.add(index)
            waiting.extend(self.nodes[index].operands)
            if derivatives and index in self.derivatives:
                waiting.append(self.derivatives[index])
        return sorted(seen)
