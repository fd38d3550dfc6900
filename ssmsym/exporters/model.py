"""The one thing that exporters see: a small model in scalars, in declared order."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field as dataclass_field, replace
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.fixed_points import find_fixed_points
from ssmsym.dynamics.newton import polish
from ssmsym.errors import InputError
from ssmsym.exporters.derivatives import derivative
from ssmsym.fields.data_expression import DataExpression
from ssmsym.fields.field import VectorField
from ssmsym.fields.scalar_form import scalar_form
from ssmsym.manifolds.ssm import SSM
from ssmsym.reduced.curve_model import CurveModel
from ssmsym.reduced.model import ReducedModel, reduce
from ssmsym.series import elementary
from ssmsym.series.piecewise import DataMap, PiecewiseChebyshev
from ssmsym.series.piecewise_expressions import expressions
from ssmsym.series.polynomial import Polynomial

Array = NDArray[np.float64]

_TRUSTED_ERROR = "0.01"  # relative invariance error at the trust radius
_FIXED = 1e-8  # largest |f| of a fixed point, against the size of its Jacobian times state
_STARTS = 64


@dataclass(frozen=True, eq=False)
class ExportModel:
    """A model written out in scalars, with a fixed point to start from.

    Made by :func:`export_model`.

    Attributes
    ----------
    title : str
    field : VectorField
        The same model, for numbers.
    state_names, parameter_names : tuple of str
        In declared order, such as ``p[0]`` and ``u[0]``.
    states, parameters : tuple of SymPy symbols
        Real symbols with these names.
    values : tuple of float
        Absolute parameter values.
    right_sides : tuple of SymPy expressions
        One a state; sums of polynomial models keep their order, by degree. Of a whole curve nested ``Piecewise``,
        continued linearly beyond the range.
    readouts : tuple of SymPy expressions
    initial_state : (n,) array
        A fixed point at `values`.
    trust_radius : float or None
        Norm of the state within which the model is trusted; None if it holds everywhere.
    trust_range : (low, high) or None
        Of the one state of a whole curve, which ends there.
    """

    title: str
    field: VectorField = dataclass_field(repr=False)
    state_names: tuple[str, ...]
    parameter_names: tuple[str, ...]
    states: tuple[Any, ...] = dataclass_field(repr=False)
    parameters: tuple[Any, ...] = dataclass_field(repr=False)
    values: tuple[float, ...]
    right_sides: tuple[Any, ...] = dataclass_field(repr=False)
    readouts: tuple[Any, ...] = dataclass_field(repr=False)
    initial_state: Array
    trust_radius: float | None = None
    trust_range: tuple[float, float] | None = None
    _data: DataMap | None = dataclass_field(default=None, repr=False)
    _variables: tuple[Any, ...] = dataclass_field(default=(), repr=False)  # of the data

    @property
    def time(self) -> str:
        """``"continuous"`` or ``"discrete"``."""
        return self.field.time

    @functools.cached_property
    def jacobian(self) -> tuple[tuple[Any, ...], ...]:
        """Derivatives of each right-hand side by each state, n x n."""
        return self._derivatives(0, self.states)

    @functools.cached_property
    def parameter_jacobian(self) -> tuple[tuple[Any, ...], ...]:
        """Derivatives of each right-hand side by each parameter, n x q."""
        return self._derivatives(len(self.states), self.parameters)

    def _derivatives(self, first: int, symbols: tuple[Any, ...]) -> tuple[tuple[Any, ...], ...]:
        data = self._data
        if data is None:
            return tuple(tuple(derivative(side, s) for s in symbols) for side in self.right_sides)
        places = range(first, first + len(symbols))
        if isinstance(data, PiecewiseChebyshev):
            columns = [expressions(data, self._variables, by=place) for place in places]
        else:
            columns = [_sums(*_derived(data, place), self._variables) for place in places]
        return tuple(tuple(column[i] for column in columns) for i in range(len(self.states)))

    def moved(self, values: Sequence[float], state: ArrayLike) -> ExportModel:
        """A copy that starts at other parameter values, from a fixed point there."""
        changed = dict(zip(self.parameter_names, (float(v) for v in values), strict=True))
        return replace(
            self,
            field=self.field.at(changed),
            values=tuple(changed.values()),
            initial_state=_read_only(state),
        )


def export_model(
    model: ReducedModel | SSM | VectorField | ExportModel,
    *,
    state: ArrayLike | None = None,
    title: str = "",
    find: bool = True,
) -> ExportModel:
    """The model in the form that exporters take.

    Parameters
    ----------
    model : ReducedModel, SSM or VectorField
        A field of at most 50 states.
    state : (n,) array, optional
        Where Newton's iteration for the initial fixed point begins. By default 0 for a reduced model; for a
        field the first that :func:`~ssmsym.find_fixed_points` finds.
    title : str
        For comments; by default one made from the model.
    find : bool
        Whether a fixed point is looked for where none is given; without, a field's initial state is 0.

    Returns
    -------
    ExportModel

    Raises
    ------
    InputError
        If the field is too large, a parameter has no value, or no fixed point is found.
    """
    if isinstance(model, ExportModel):
        return model if state is None else replace(model, initial_state=_fixed_point(model.field, state))
    if isinstance(model, SSM):
        model = reduce(model)
    if isinstance(model, ReducedModel):
        return _written_reduced(model, state, title)
    if isinstance(model, VectorField):
        written = _written(model, title or f"vector field of {model.n_states} states")
        if state is not None or find:
            start = _first_fixed_point(model) if state is None else _fixed_point(model, state)
            return replace(written, initial_state=start)
        return written
    raise InputError(f"Only models and fields are exported; found {type(model).__name__}.")


def _written_reduced(model: ReducedModel, state: ArrayLike | None, title: str) -> ExportModel:
    if isinstance(model, CurveModel):
        text = f"reduced model of {len(model.state)} states on a whole slow manifold"
        written = _written(model.field, title or text)
        start = _first_fixed_point(model.field) if state is None else _fixed_point(model.field, state)
        own = model.range
        radius = None if own is None else max(abs(end) for end in own)
        return replace(written, initial_state=start, trust_radius=radius, trust_range=own)
    radius = (model.evidence.get("trust_radius") or {}).get(_TRUSTED_ERROR)
    text = f"reduced model of {len(model.state)} states on a spectral submanifold, order {model.order}"
    start = _fixed_point(model.field, np.zeros(model.dimension) if state is None else state)
    written = _written(model.field, title or text)
    return replace(written, initial_state=start, trust_radius=None if radius is None else float(radius))


def _written(field: VectorField, title: str) -> ExportModel:
    names = tuple(field.parameters)
    parameters = tuple(sympy.Symbol(name, real=True) for name in names)
    values = tuple(field.parameters.values())
    data = _plain_data(field)
    variables: tuple[Any, ...] = ()
    if data is not None:
        n = field.n_states
        block = field.block_names[0]
        state_names = (block,) if n == 1 else tuple(f"{block}[{i}]" for i in range(n))
        states = tuple(sympy.Symbol(name, real=True) for name in state_names)
        ((_, side),) = field.equations.items()
        real = {sympy.Symbol(s.name): s for s in parameters}
        variables = (*states, *(offset.xreplace(real) for offset in side.inputs[1:]))
        right_sides = _outputs(data, variables)
        readout = field.data[field.readout_equations[0].name] if field.readout_equations else None
        readouts = () if readout is None else _outputs(readout, variables)
    else:
        form = scalar_form(field)
        state_names = form.state_names
        states = tuple(sympy.Symbol(name, real=True) for name in state_names)
        real = dict(zip((*form.states, *form.parameters), (*states, *parameters), strict=True))
        right_sides = tuple(_standard(e.xreplace(real)) for e in form.right_sides)
        readouts = tuple(_standard(e.xreplace(real)) for e in form.readouts)
    return ExportModel(
        title=title,
        field=field,
        state_names=state_names,
        parameter_names=names,
        states=states,
        parameters=parameters,
        values=values,
        right_sides=right_sides,
        readouts=readouts,
        initial_state=_read_only(np.zeros(field.n_states)),
        _data=data,
        _variables=variables,
    )


def _standard(e: Any) -> Any:
    """The expression with ssmsym's own functions written in functions that other programs have."""
    for function, written in _STANDARD.items():
        if e.has(function):
            e = e.replace(function, written)
    return e


_STANDARD: dict[Any, Callable[[Any], Any]] = {
    elementary.logistic: lambda x: 1 / (1 + sympy.exp(-x)),
    elementary.silu: lambda x: x / (1 + sympy.exp(-x)),
    elementary.gelu: lambda x: x * sympy.erfc(-x / sympy.sqrt(2)) / 2,
    elementary.softplus: lambda x: sympy.Max(x, 0) + sympy.log(1 + sympy.exp(-sympy.Abs(x))),
    elementary.relu: lambda x: sympy.Max(x, 0),
    elementary.step: lambda x: sympy.Heaviside(x, 0),
}


# -- models whose terms are data: SymPy would take a minute to sort and derive large ones --------------------


def _outputs(data: DataMap, variables: tuple[Any, ...]) -> tuple[Any, ...]:
    if isinstance(data, PiecewiseChebyshev):
        return expressions(data, variables)
    return _sums(data.exponents, data.coefficients, variables)


def _plain_data(field: VectorField) -> DataMap | None:
    """R of a field p' = R(p, mu - mu0), else None."""
    if len(field.equations) != 1 or len(field.readout_equations) > 1:
        return None
    ((state, side),) = field.equations.items()
    if not isinstance(side, DataExpression) or side.inputs[0] != state:
        return None
    own = [field.symbols[name] for name in field.values]
    if len(side.inputs) != 1 + len(own) or not all(map(_is_offset, side.inputs[1:], own)):
        return None
    for readout in field.readout_equations:
        if not isinstance(readout, DataExpression) or readout.inputs != side.inputs:
            return None
    return field.data[side.name]


def _is_offset(given: Any, symbol: Any) -> bool:
    return isinstance(symbol, sympy.Symbol) and bool((given - symbol).is_Number)


def _derived(polynomial: Polynomial, variable: int) -> tuple[NDArray[np.int64], Array]:
    present = polynomial.exponents[:, variable] > 0
    exponents = np.array(polynomial.exponents[present])
    coefficients: Array = polynomial.coefficients[present] * exponents[:, variable, None]
    exponents[:, variable] -= 1
    return exponents, coefficients


def _sums(exponents: NDArray[Any], coefficients: Array, variables: Sequence[Any]) -> tuple[Any, ...]:
    monomials = [
        [v**k for v, k in zip(variables, row, strict=True) if k] for row in exponents.astype(int).tolist()
    ]
    out = []
    for column in coefficients.T.tolist():
        terms = [
            sympy.Mul(sympy.Float(c, 17), *m, evaluate=False) if m else sympy.Float(c, 17)
            for c, m in zip(column, monomials, strict=True)
            if c
        ]
        out.append(sympy.Add(*terms, evaluate=False) if len(terms) > 1 else (terms or [sympy.S.Zero])[0])
    return tuple(out)


# -- the fixed point ----------------------------------------------------------------------------------------


def _fixed_point(field: VectorField, state: ArrayLike) -> Array:
    given = field.check_state(state, batch=False)
    found, residual = polish(field, given, max_steps=50)
    scale = 1.0 + float(np.linalg.norm(field.jacobian(found))) * float(np.linalg.norm(found))
    if not residual <= _FIXED * scale:
        raise InputError(
            f"Newton's iteration from the given state ends at |f| = {residual:.1e}, no fixed point; give a "
            "state nearer to one."
        )
    return _read_only(found)


def _first_fixed_point(field: VectorField) -> Array:
    found = search(field)
    if not found:
        raise InputError(
            f"No fixed point of this field was found from {_STARTS} starts; give one with 'state' or choose "
            "other parameter values."
        )
    return _read_only(found[0])


def search(field: VectorField, starts: Array | None = None) -> list[Array]:
    """Fixed points from some starts, without a word about those whose iteration overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = find_fixed_points(
            field, starts=_STARTS if starts is None else starts, deflation=starts is None
        )
    return [point.state for point in found]


def _read_only(state: ArrayLike) -> Array:
    copy = np.array(state, dtype=float)
    copy.setflags(write=False)
    return copy
