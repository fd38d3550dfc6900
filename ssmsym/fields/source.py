"""The algebra of source text: a right-hand side as one Python function that numba compiles.

The text depends on the structure of the equations only. Weights, parameter values and coefficients are
arguments, numbers of units are read from the arguments' shapes, and names are ``v0``, ``v1``, ... by order of
the operations, so that no text of the user's gets into the source.

Vectors that are computed entry by entry are fused: a loop fills one array and computes whatever only this
loop needs as local numbers. A vector becomes an array of its own where an operation needs all its entries
(a matrix product, a polynomial, ...), where two loops read it, and where it is an output.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError
from ssmsym.fields.program import Node
from ssmsym.fields.values import Binding
from ssmsym.series.elementary import ELEMENTARY
from ssmsym.series.piecewise import DataMap, PiecewiseChebyshev

_ENTRYWISE = ("add", "multiply", "apply", "power")
_POWERS = {-1.0: "1.0 / {x}", 0.5: "np.sqrt({x})", -0.5: "1.0 / np.sqrt({x})"}

_MODULE = '''\
"""The right-hand side of a vector field, written by ssmsym and read back when needed; safe to delete."""

import math

import numpy as np
from numba import njit, types
{imports}
VECTOR = types.Array(types.float64, 1, "C", readonly=True)
MATRIX = types.Array(types.float64, 2, "C", readonly=True)
POSITIONS = types.Array(types.int64, 1, "C", readonly=True)
EXPONENTS = types.Array(types.int64, 2, "C", readonly=True)
RESULT = types.Array(types.float64, 1, "C")


@njit(types.void({types}), cache=True, error_model="numpy")
def right_side({names}):
{body}
'''
_IMPORTS = {
    "evaluate_polynomial": "from ssmsym.fields.polynomial_kernel import evaluate_polynomial\n",
    "evaluate_piecewise": "from ssmsym.fields.piecewise_kernel import evaluate_piecewise\n",
}


@dataclass(frozen=True, eq=False)
class FieldSource:
    """Source text of ``right_side(x, out, *arguments)`` and the constants to call it with.

    Attributes
    ----------
    text : str
        A Python module; equal for equal structure of the equations.
    arguments : tuple of read-only arrays
        Positions of the blocks in the state (n_blocks + 1,) int64, scalar constants (n,), then vectors (n,),
        matrices (r, n) and the arrays of maps given as data, such as a polynomial's exponents (M, D) int64 and
        coefficients (M, n); all C-contiguous, float64 unless said otherwise.
    """

    text: str
    arguments: tuple[NDArray[Any], ...]


def field_source(binding: Binding) -> FieldSource:
    """The right-hand side of a bound program as source text.

    The function ``right_side(x, out, *arguments)`` reads the state x (N,) and fills out (N,), another array,
    with f(x) (for a map: the next state). What is constant under the binding's parameter values is evaluated
    here and becomes an argument; other parameter values give other arguments and the same text.

    Parameters
    ----------
    binding : Binding
        Without active parameters, in double precision.

    Returns
    -------
    FieldSource

    Raises
    ------
    InputError
        If the equations hold a function that has no compiled form, or an array or polynomial whose shape
        does not fit them.
    """
    writer = _Writer(binding)
    return FieldSource(writer.text(), tuple(writer.arguments.values()))


def _kernel_arrays(data: DataMap) -> tuple[str, dict[str, tuple[NDArray[Any], str]]]:
    """The kernel that evaluates a map given as data, and its arrays with their types; coefficients come last."""
    if isinstance(data, PiecewiseChebyshev):
        period = data.breaks[-1] - data.breaks[0] if data.periodic else 0.0
        return "evaluate_piecewise", {
            "breaks": (data.breaks, "VECTOR"),
            "frame": (np.concatenate([[period], data.box.ravel()]), "VECTOR"),
            "degrees": (data.degrees, "EXPONENTS"),
            "coefficients": (data.coefficients.reshape(-1, data.n_outputs), "MATRIX"),
        }
    return "evaluate_polynomial", {
        "exponents": (data.exponents, "EXPONENTS"),
        "coefficients": (data.coefficients.astype(np.float64), "MATRIX"),
    }


class _Writer:
    def __init__(self, binding: Binding) -> None:
        self.binding = binding
        program = binding.program
        self.nodes = program.nodes
        self.outputs = program.outputs
        used = program.reachable(self.outputs)
        self.varying = [i for i in used if not binding.is_constant(i)]
        constants = self._frontier()
        self._names = {index: f"v{k}" for k, index in enumerate(sorted({*self.varying, *constants}))}
        self.arguments: dict[str, NDArray[Any]] = {}
        self._types: dict[str, str] = {}
        self._data_numbers: dict[str, int] = {}
        self._kernels: set[str] = set()
        self._lines: list[str] = []
        self._in_place: set[int] = set()
        self._targets = {index: block for block, index in reversed(list(enumerate(self.outputs)))}
        self._pass_constants(constants)
        self._loops = self._members(self._homes())

    def text(self) -> str:
        """The module."""
        self._lines += [f"{self._names[i]} = scalars[{k}]" for k, i in enumerate(self._scalars)]
        for index in self.varying:
            self._statement(index)
        self._copy_outputs()
        imports = [line for name, line in _IMPORTS.items() if name in self._kernels]
        return _MODULE.format(
            imports="".join(["\n", *imports]) if imports else "",
            types=", ".join(["VECTOR", "RESULT", *self._types.values()]),
            names=", ".join(["x", "out", *self._types]),
            body="\n".join(f"    {line}" for line in self._lines),
        )

    # -- constants ----------------------------------------------------------------------------------------

    def _frontier(self) -> set[int]:
        """Constants that a varying node or an output reads."""
        read = {*self.outputs, *(j for i in self.varying for j in self.nodes[i].operands)}
        return {i for i in read if self.binding.is_constant(i)}

    def _pass_constants(self, constants: Iterable[int]) -> None:
        ordered = sorted(constants)
        self._scalars = [i for i in ordered if (self.nodes[i].rows, self.nodes[i].cols) == (1, 1)]
        ends = np.cumsum([0, *self.binding.program.sizes])
        self._pass("offsets", ends.astype(np.int64), "POSITIONS")
        scalars = [self._constant(i)[0] for i in self._scalars]
        self._pass("scalars", np.array(scalars, dtype=np.float64), "VECTOR")
        for index in ordered:
            if index not in self._scalars:
                value = self._constant(index)
                self._pass(self._names[index], value, "VECTOR" if value.ndim == 1 else "MATRIX")

    def _constant(self, index: int) -> NDArray[np.float64]:
        node = self.nodes[index]
        value = np.asarray(self.binding.constant(index), dtype=np.float64)
        # Compiled code does not check bounds, so that a wrong shape must not get there.
        expected = (node.rows,) if node.cols == 1 else (node.rows, node.cols)
        if value.shape != expected:
            raise InputError(f"An array of the equations has shape {value.shape}; expected {expected}.")
        return value

    def _pass(self, name: str, value: NDArray[Any], kind: str) -> None:
        argument = np.ascontiguousarray(value).view()
        argument.setflags(write=False)
        self.arguments[name] = argument
        self._types[name] = kind

    def _pass_data(self, node: Node) -> tuple[str, list[str]]:
        """The kernel of a map given as data, and the names of its arrays among the arguments."""
        data = self.binding.data[node.payload]
        shape = (self.nodes[node.operands[0]].rows, node.rows)
        if (data.n_variables, data.n_outputs) != shape:
            raise InputError(
                f"{data!r} does not fit its place in the equations, a map from R^{shape[0]} to R^{shape[1]}."
            )
        kernel, arrays = _kernel_arrays(data)
        known = node.payload in self._data_numbers
        position = self._data_numbers.setdefault(node.payload, len(self._data_numbers))
        if not known:
            self._kernels.add(kernel)
            for name, (array, kind) in arrays.items():
                self._pass(f"{name}{position}", array, kind)
        return kernel, [f"{name}{position}" for name in arrays]

    # -- fusion -------------------------------------------------------------------------------------------

    def _fusible(self, index: int) -> bool:
        node = self.nodes[index]
        return node.op in _ENTRYWISE and node.rows > 1

    def _homes(self) -> dict[int, int]:
        """For each entry-by-entry vector the one that is filled by the loop in which it is computed."""
        homes: dict[int, int] = {}
        whole = set(self.outputs)
        readers: defaultdict[int, set[int]] = defaultdict(set)
        for index in reversed(self.varying):
            operands = self.nodes[index].operands
            if not self._fusible(index):
                whole.update(operands)
                continue
            shared = index in whole or len(readers[index]) != 1
            homes[index] = index if shared else next(iter(readers[index]))
            for operand in operands:
                readers[operand].add(homes[index])
        return homes

    def _members(self, homes: dict[int, int]) -> dict[int, list[int]]:
        """The vectors of each loop, in order of computation; the last is the one that the loop fills."""
        loops: defaultdict[int, list[int]] = defaultdict(list)
        for index in sorted(homes):
            loops[homes[index]].append(index)
        self._local = {index for index, home in homes.items() if index != home}
        return dict(loops)

    # -- statements ---------------------------------------------------------------------------------------

    def _statement(self, index: int) -> None:
        node = self.nodes[index]
        if index in self._local:
            return
        if index in self._loops:
            self._loop(index)
        elif node.op in _ENTRYWISE:
            self._lines.append(f"{self._names[index]} = {self._expression(node)}")
        elif node.op == "state":
            self._lines.append(f"{self._names[index]} = {self._block('x', node.payload, node.rows)}")
        elif node.op == "component":
            self._lines.append(f"{self._names[index]} = {self._names[node.operands[0]]}[{node.payload}]")
        elif node.op == "linear":
            self._linear(index, node)
        elif node.op == "stack":
            self._stack(index, node)
        elif node.op == "data":
            self._data(index, node)
        else:
            raise AssertionError(f"operation '{node.op}' is constant by construction")

    def _block(self, array: str, block: int, rows: int) -> str:
        stop = "" if rows == 1 else f":offsets[{block + 1}]"
        return f"{array}[offsets[{block}]{stop}]"

    def _linear(self, index: int, node: Node) -> None:
        matrix, vector = (self._names[i] for i in node.operands)
        if node.rows == 1:
            self._lines.append(f"{self._names[index]} = np.dot({matrix}[0], {vector})")
            return
        self._allocate(index, f"{matrix}.shape[0]")
        self._lines.append(f"np.dot({matrix}, {vector}, {self._names[index]})")

    def _stack(self, index: int, node: Node) -> None:
        name = self._names[index]
        vectors = [self._names[i] for i in node.operands if self.nodes[i].rows > 1]
        sizes = [str(len(node.operands) - len(vectors)), *(f"{v}.size" for v in vectors)]
        self._allocate(index, " + ".join(sizes))
        self._lines.append("start = 0")
        for operand in node.operands:
            entry = self._names[operand]
            if self.nodes[operand].rows == 1:
                self._lines += [f"{name}[start] = {entry}", "start += 1"]
            else:
                self._lines += [f"{name}[start:start + {entry}.size] = {entry}", f"start += {entry}.size"]

    def _data(self, index: int, node: Node) -> None:
        kernel, arrays = self._pass_data(node)
        constants = ", ".join(arrays)
        argument, result = self._names[node.operands[0]], self._names[index]
        if self.nodes[node.operands[0]].rows == 1:
            self._lines += [f"{result}_at = np.empty(1)", f"{result}_at[0] = {argument}"]
            argument = f"{result}_at"
        if node.rows > 1:
            self._allocate(index, f"{arrays[-1]}.shape[1]")
            self._lines.append(f"{kernel}({constants}, {argument}, {result})")
            return
        self._lines += [
            f"{result}_whole = np.empty(1)",
            f"{kernel}({constants}, {argument}, {result}_whole)",
            f"{result} = {result}_whole[0]",
        ]

    def _allocate(self, index: int, size: str) -> None:
        """An array for a vector: its place in the result if it is an output, else a fresh one."""
        block = self._targets.get(index)
        if block is None:
            where = f"np.empty({size})"
        else:
            where = self._block("out", block, self.nodes[index].rows)
            self._in_place.add(block)
        self._lines.append(f"{self._names[index]} = {where}")

    def _loop(self, index: int) -> None:
        members = self._loops[index]
        read = [j for i in members for j in self.nodes[i].operands if j not in self._local]
        vector = next(j for j in read if self.nodes[j].rows > 1)
        self._allocate(index, f"{self._names[vector]}.size")
        self._lines.append(f"for i in range({self._names[index]}.size):")
        for member in members:
            self._lines.append(f"    {self._entry(member)} = {self._expression(self.nodes[member])}")

    def _copy_outputs(self) -> None:
        """Outputs that were not computed in place: scalars, states, constants, repetitions."""
        for block, index in enumerate(self.outputs):
            if block not in self._in_place:
                place = self._block("out", block, self.nodes[index].rows)
                self._lines.append(f"{place} = {self._names[index]}")

    # -- expressions --------------------------------------------------------------------------------------

    def _entry(self, index: int) -> str:
        """A number, or one entry of a vector inside a loop."""
        name = self._names[index]
        return name if self.nodes[index].rows == 1 or index in self._local else f"{name}[i]"

    def _expression(self, node: Node) -> str:
        # One operation a statement: a function's text may name its argument more than once, and Python
        # limits the depth of parentheses.
        entries = [self._entry(i) for i in node.operands]
        if node.op == "add":
            return " + ".join(entries)
        if node.op == "multiply":
            return " * ".join(entries)
        if node.op == "power":
            exponent = float(node.payload)
            return _POWERS.get(exponent, f"{{x}} ** {exponent!r}").format(x=entries[0])
        return self._function(node.payload).format(x=entries[0])

    def _function(self, name: str) -> str:
        if name not in ELEMENTARY:
            raise InputError(
                f"The function '{name}' has no compiled form, so that this field cannot be compiled; calling "
                "the field itself works."
            )
        return ELEMENTARY[name].source
