"""The vector field: symbolic equations of named state blocks, with arrays and parameter values."""

from __future__ import annotations

import functools
import types
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.errors import InputError
from ssmsym.fields import parameters as names, printing
from ssmsym.fields.lowering import lower
from ssmsym.fields.program import Program
from ssmsym.fields.tangents import TangentEvaluator
from ssmsym.fields.values import Binding, Evaluator, FloatArithmetic
from ssmsym.series.piecewise import DataMap

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class VectorField:
    """A flow ``x' = f(x; theta)`` or a map ``x -> f(x; theta)`` given by symbolic equations.

    Calling the field at a state ``(N,)`` or at many ``(n, N)`` gives f there (for a map: the next state).
    Made by :func:`~ssmsym.rate_network`, :func:`~ssmsym.from_sympy` or :func:`~ssmsym.load`; never changed,
    :meth:`at` and its siblings give changed copies.

    Attributes
    ----------
    equations : mapping
        State symbol (a scalar or a column vector) to its SymPy expression, in declared order.
    arrays : mapping of str to array
        Values of the array symbols (weights, biases, masks), read-only.
    symbols : mapping of str to symbol
        Symbol of every parameter and array, by name.
    values : mapping of str to array
        Values of the parameter symbols: () for a scalar, (n,) for a vector.
    data : mapping of str to Polynomial or PiecewiseChebyshev
        Maps that the equations name.
    functions : mapping
        Undefined functions in the equations to the Lambda that defines each.
    readout_equations : tuple of expressions
        The readout z = g(x), empty if there is none.
    time : {"continuous", "discrete"}
    conditions : mapping of str to mapping
        Named parameter settings, such as a task's input conditions.
    metadata : mapping
        Whatever else is known: ``name``, ``tau`` (scale for eigenvalues), ``trained_step``, samples, ``unit_box``
        (names of the blocks whose entries lie in [-1, 1] at every fixed point, where the others are bounded).
    """

    equations: Mapping[Any, Any]
    symbols: Mapping[str, Any]
    arrays: Mapping[str, Any]
    values: Mapping[str, Array]
    data: Mapping[str, DataMap] = field(default_factory=dict)
    functions: Mapping[Any, Any] = field(default_factory=dict)
    readout_equations: tuple[Any, ...] = ()
    time: str = "continuous"
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    _program: Program | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in (
            "equations",
            "symbols",
            "arrays",
            "values",
            "data",
            "functions",
            "conditions",
            "metadata",
        ):
            object.__setattr__(self, name, types.MappingProxyType(dict(getattr(self, name))))
        for value in (*self.arrays.values(), *self.values.values()):
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    # -- shape and parameters -----------------------------------------------------------------------------

    @property
    def n_states(self) -> int:
        """Dimension N of the state."""
        return sum(self.program.sizes)

    @property
    def block_names(self) -> tuple[str, ...]:
        """Names of the state's blocks, in order."""
        return tuple(str(symbol) for symbol in self.equations)

    @property
    def n_outputs(self) -> int:
        """Dimension of the readout, 0 without one."""
        return sum(self.program.nodes[i].rows for i in self.program.readout)

    @property
    def parameters(self) -> Mapping[str, float]:
        """Scalar parameters by name, ``u[0]`` for an entry of a vector, with their values."""
        return types.MappingProxyType(names.flatten(self.values))

    @property
    def is_map(self) -> bool:
        """Whether time is discrete."""
        return self.time == "discrete"

    @functools.cached_property
    def program(self) -> Program:
        """The operations that the walk over the equations gives."""
        if self._program is not None:
            return self._program
        return lower(
            self.equations,
            [self.symbols[name] for name in self.values],
            [self.symbols[name] for name in self.arrays],
            self.functions,
            self.readout_equations,
        )

    def bind(self, active: frozenset[str] = frozenset()) -> Binding:
        """The program with this field's arrays and parameter values; `active` parameters stay free."""
        if active not in self._bindings:
            arithmetic = FloatArithmetic(self.program.functions)
            self._bindings[active] = Binding(
                self.program, self._numeric_arrays, self.values, self.data, arithmetic, active
            )
        return self._bindings[active]

    @functools.cached_property
    def _bindings(self) -> dict[frozenset[str], Binding]:
        return {}

    @functools.cached_property
    def _numeric_arrays(self) -> dict[str, Array]:
        return {name: np.asarray(value, dtype=float) for name, value in self.arrays.items()}

    @functools.cached_property
    def _binding(self) -> Binding:
        missing = [name for name, value in self.parameters.items() if np.isnan(value)]
        if missing:
            raise InputError(
                f"The parameter(s) {', '.join(missing)} have no value; give them with 'field.at(...)' or keep "
                "them symbolic with 'compute_exact_ssm'."
            )
        return self.bind()

    # -- evaluation ---------------------------------------------------------------------------------------

    @functools.cached_property
    def _evaluator(self) -> Evaluator:
        return Evaluator(self._binding, self.program.outputs, reuse=True)

    @functools.cached_property
    def _tangents(self) -> TangentEvaluator:
        return TangentEvaluator(self._binding, self.program.outputs)

    @functools.cached_property
    def _readout(self) -> Evaluator:
        return Evaluator(self._binding, self.program.readout)

    def check_state(self, x: ArrayLike, *, batch: bool = True) -> Array:
        """The state as an array ``(N,)`` or ``(n, N)``.

        Raises
        ------
        InputError
            If the shape does not fit.
        """
        try:
            state = np.asarray(x, dtype=float)
        except (TypeError, ValueError):
            raise InputError(f"A state is an array of numbers; found {type(x).__name__}.") from None
        if state.ndim not in ((1, 2) if batch else (1,)) or state.shape[-1] != self.n_states:
            shapes = f"({self.n_states},)" + (f" or (n, {self.n_states})" if batch else "")
            raise InputError(f"A state of this field has shape {shapes}; found {state.shape}.")
        return state

    def split(self, x: Array) -> list[Array]:
        """The state's blocks."""
        sizes = self.program.sizes
        if len(sizes) == 1:
            return [x]
        ends = np.cumsum(sizes)
        return [x[..., end - size : end] for end, size in zip(ends, sizes, strict=True)]

    def _gather(self, values: list[Any], roots: tuple[int, ...], batch: tuple[int, ...]) -> Array:
        if len(roots) == 1 and self._binding.program.nodes[roots[0]].op in ("add", "multiply"):
            only = values[roots[0]]
            if only.shape == (*batch, self.program.nodes[roots[0]].rows) and not self._binding.is_constant(
                roots[0]
            ):
                return np.asarray(only)  # a fresh array
        parts = [np.broadcast_to(values[i], (*batch, self.program.nodes[i].rows)) for i in roots]
        return np.array(parts[0]) if len(parts) == 1 else np.concatenate(parts, axis=-1)

    def __call__(self, x: ArrayLike) -> Array:
        """f at one state ``(N,)`` or at many ``(n, N)``, in 1/time (a map: the next state)."""
        state = self.check_state(x)
        values = self._evaluator.values(self.split(state))
        return self._gather(values, self.program.outputs, state.shape[:-1])

    def readout(self, x: ArrayLike) -> Array:
        """z = g(x) at one state ``(N,)`` or at many ``(n, N)``; shape ``(k,)`` or ``(n, k)``."""
        if not self.program.readout:
            raise InputError("This field has no readout; give W, or readout expressions, when it is made.")
        state = self.check_state(x)
        values = self._readout.values(self.split(state))
        return self._gather(values, self.program.readout, state.shape[:-1])

    def jacobian(self, x: ArrayLike) -> Array:
        """Df at one state, ``(N, N)``, or at many, ``(n, N, N)``."""
        return self._tangents.jacobian(self.split(self.check_state(x)))

    def jacobian_operator(self, x: ArrayLike) -> Any:
        """Df at one state as a ``scipy.sparse.linalg.LinearOperator``; no N x N array is formed."""
        from scipy.sparse.linalg import LinearOperator

        state = self.split(self.check_state(x, batch=False))

        def times(directions: Array) -> Array:
            columns = directions.reshape(self.n_states, -1)
            rows = self.split(np.ascontiguousarray(columns.T))
            return self._tangents.along(state, [block.T for block in rows])

        return LinearOperator(
            (self.n_states, self.n_states),
            matvec=lambda v: times(v)[:, 0],
            matmat=times,
            dtype=float,
        )

    # -- changed copies -----------------------------------------------------------------------------------

    def at(self, settings: Mapping[str, Any] | None = None, /, **more: Any) -> VectorField:
        """A copy with other parameter values.

        Parameters
        ----------
        settings, **more
            Parameter name to value: a number, a sequence for a vector, ``"u[0]"`` for one entry, or the
            name of an input condition for a vector parameter.

        Raises
        ------
        InputError
            If a name is unknown or a value does not fit.
        """
        changes = names.resolve({**(settings or {}), **more}, self.values, self.conditions)
        for name, value in changes.items():
            if self.symbols[name].is_positive and not (value > 0).all():
                raise InputError(f"'{name}' must be positive; found {value.tolist()}.")
        return self._copy(values={**self.values, **changes})

    def along(self, name: str, start: Mapping[str, Any] | str, end: Mapping[str, Any] | str) -> VectorField:
        """A copy in which the straight path between two settings is one scalar parameter.

        The new parameter `name` is 0 at `start` and 1 at `end` and has the value 0; the parameters that
        the settings mention are replaced by it. A setting may be the name of an input condition.
        """
        import sympy

        start, end = ({"u": s} if isinstance(s, str) else s for s in (start, end))
        if name in self.symbols or name in self.block_names:
            raise InputError(f"'{name}' is already a symbol of this field; choose another name for the path.")
        first = names.resolve(start, self.values, self.conditions)
        last = names.resolve(end, self.values, self.conditions)
        path = sympy.Symbol(name)
        symbols, arrays = dict(self.symbols), dict(self.arrays)
        symbols[name] = path
        replacements = {}
        for moved in dict.fromkeys((*first, *last)):
            begin = first.get(moved, self.values[moved])
            difference = last.get(moved, self.values[moved]) - begin
            if begin.ndim == 0:
                replacements[self.symbols[moved]] = _exact(begin) + path * _exact(difference)
                continue
            ends = []
            for suffix, value in (("start", begin), ("change", difference)):
                symbol = sympy.MatrixSymbol(f"{moved}_{suffix}", len(value), 1)
                symbols[symbol.name], arrays[symbol.name] = symbol, value
                ends.append(symbol)
            replacements[self.symbols[moved]] = ends[0] + path * ends[1]
            del symbols[moved]
        values = {key: value for key, value in self.values.items() if key not in (*first, *last)}
        return self._copy(
            equations={s: e.xreplace(replacements) for s, e in self.equations.items()},
            readout_equations=tuple(e.xreplace(replacements) for e in self.readout_equations),
            symbols={k: s for k, s in symbols.items() if s not in replacements},
            arrays=arrays,
            values={**values, name: np.zeros(())},
            conditions={},
            _program=None,
        )

    def discretized(self, dt: float) -> VectorField:
        """The Euler map ``x -> x + dt f(x)`` of a flow; `dt` in the field's unit of time."""
        if self.is_map:
            raise InputError("This field is a map already; only a flow can be discretized.")
        _check_step(dt)
        step = _exact(float(dt))
        return self._copy(
            equations={s: s + step * e for s, e in self.equations.items()},
            time="discrete",
            metadata={**self.metadata, "step": float(dt)},
            _program=None,
        )

    def as_flow(self, dt: float = 1.0) -> VectorField:
        """The ODE ``x' = (f(x) - x) / dt`` of which this map is the Euler map with step `dt`.

        It shares the map's fixed points and eigenvectors, not its stability: a multiplier m of the map is the
        eigenvalue (m - 1) / dt of the ODE. A rate cell x -> tanh(J x + b) gives x' = -x + tanh(J x + b).
        """
        if not self.is_map:
            raise InputError(
                "This field is a flow already; only a map has an ODE of which it is the Euler map."
            )
        _check_step(dt)
        rate = 1 / _exact(float(dt))
        return self._copy(
            equations={s: rate * (e - s) for s, e in self.equations.items()},
            time="continuous",
            metadata={**self.metadata, "trained_step": float(dt)},
            _program=None,
        )

    def with_metadata(self, more: Mapping[str, Any]) -> VectorField:
        """A copy that knows more: metadata added to its own."""
        return self._copy(metadata={**self.metadata, **more})

    def _copy(self, **changes: Any) -> VectorField:
        changes.setdefault("_program", self.__dict__.get("program", self._program))
        return replace(self, **changes)

    # -- texts --------------------------------------------------------------------------------------------

    def latex(self) -> str:
        """The equations in LaTeX, one line a block; of a gated cell the gates first."""
        equations, gates = printing.named_gates(self.equations)
        lines = [f"{printing.latex(symbol)} = {printing.latex(gate)}" for symbol, gate in gates.items()]
        for symbol, expression in equations.items():
            name = printing.latex(symbol)
            left = f"{name} \\mapsto " if self.is_map else f"\\dot{{{name}}} = "
            lines.append(left + printing.latex(expression))
        return " \\\\ ".join(lines)

    def __repr__(self) -> str:
        lines = printing.equation_lines(self.equations, is_map=self.is_map)
        lines = [line if len(line) <= 100 else line[:97] + "..." for line in lines[:8]]
        kind = "map" if self.is_map else "flow"
        shown = list(self.parameters.items())
        parameters = ", ".join(f"{name}={value:.6g}" for name, value in shown[:8])
        more = f", ... {len(shown) - 8} more" if len(shown) > 8 else ""
        return (
            f"VectorField ({kind}, {self.n_states} states)\n  "
            + "\n  ".join(lines)
            + (f"\n  parameters: {parameters}{more}" if shown else "")
        )


def _check_step(dt: Any) -> None:
    if not isinstance(dt, (int, float, np.number)) or not (np.isfinite(dt) and dt > 0):
        raise InputError(f"The step 'dt' of the Euler map must be positive and finite; found {dt!r}.")


def _exact(value: Any) -> Any:
    """A SymPy number with the value of a float."""
    import sympy

    number = float(value)
    return sympy.Integer(int(number)) if number.is_integer() else sympy.Float(number, 17)
