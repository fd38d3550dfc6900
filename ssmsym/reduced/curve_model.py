"""The reduced model of a whole slow manifold: the motion along an invariant curve, on pieces of its coordinate."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field as dataclass_field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.errors import InputError
from ssmsym.reduced.model import ReducedModel
from ssmsym.series.piecewise import PiecewiseChebyshev
from ssmsym.series.piecewise_expressions import expressions
from ssmsym.slow_manifolds.arc import Arc
from ssmsym.slow_manifolds.chart import CurveChart, chart_of
from ssmsym.slow_manifolds.coordinate import Angle, Coordinate, Line
from ssmsym.slow_manifolds.curve import SlowManifold
from ssmsym.slow_manifolds.interval import SlowManifoldFamily
from ssmsym.slow_manifolds.map_curve import MapSlowManifold

Array = NDArray[np.float64]

STYLE = "whole curve"


@dataclass(frozen=True, eq=False, repr=False)
class CurveModel(ReducedModel):
    """p' = r(p, theta) along a whole slow manifold, with x = W(p, theta); of a map p -> r(p).

    As other reduced models, but its maps are piecewise Chebyshev series, and it holds over a range of p (and of the
    parameters) in place of a neighbourhood: :attr:`range`. Beyond that range the field is continued linearly, lest
    iterations get lost; :meth:`lift` refuses, :func:`~ssmsym.simulate` stops with an error, and fixed points and
    branches are listed inside only.

    Attributes
    ----------
    coordinate : Coordinate
        p of a state: along a straight direction, an angle, or an arclength.
    reduced_dynamics, parametrization : PiecewiseChebyshev
        r and W in p followed by the parameter offsets.
    readout : PiecewiseChebyshev or None
    left, state : arrays
        (N, 1) direction and (N,) origin of a straight coordinate, (N, 2) plane and centre of an angle; of an arclength
        (N, 0) and the beginning of the curve.
    eigenvalues : (0,) array
        There is no one fixed point that it belongs to.
    parameter_values : mapping of str to float
        The parameters and their values at zero offset.
    order : int
        Highest degree of a piece in p.
    style : str
        ``"whole curve"``.
    evidence : mapping
        Numbers, see :class:`~ssmsym.slow_manifolds.chart.CurveChart`.
    time : {"continuous", "discrete"}
    ssm : None
    network : VectorField or None
        None for a model read from JSON.
    """

    reduced_dynamics: PiecewiseChebyshev  # type: ignore[assignment]
    parametrization: PiecewiseChebyshev  # type: ignore[assignment]
    readout: PiecewiseChebyshev | None  # type: ignore[assignment]
    coordinate: Coordinate = dataclass_field(kw_only=True)

    @property
    def range(self) -> tuple[float, float] | None:
        """Lowest and highest p of the curve; None if it is closed."""
        return None if self.reduced_dynamics.periodic else self.reduced_dynamics.extent

    @property
    def parameter_range(self) -> dict[str, tuple[float, float]]:
        """Absolute parameter values over which the model was computed."""
        box = self.reduced_dynamics.box.tolist()
        own = self.parameter_values.items()
        return {name: (low + v, high + v) for (name, v), (low, high) in zip(own, box, strict=True)}

    def lift(self, p: ArrayLike, parameters: Mapping[str, float] | None = None) -> Array:
        """States of the network, (N,) or (n, N), at coordinates (1,) or (n, 1) inside the range.

        Raises
        ------
        InputError
            If a coordinate or a parameter lies outside the range.
        """
        given = dict(parameters or {})
        offsets = [given.get(name, value) - value for name, value in self.parameter_values.items()]
        points = np.asarray(p, dtype=float)
        if points.ndim in (1, 2) and points.shape[-1] == 1:
            tail = np.broadcast_to(np.array(offsets), (*points.shape[:-1], len(offsets)))
            if not self.reduced_dynamics.inside(np.concatenate([points, tail], axis=-1)).all():
                raise InputError(f"The curve is known for {self._ranges()}; found values outside.")
        return super().lift(p, parameters)

    def project(self, x: ArrayLike) -> Array:
        """Coordinates (1,) or (n, 1) of states (N,) or (n, N)."""
        states = np.asarray(x, dtype=float)
        if states.shape[-1:] != self.state.shape:
            raise InputError(f"A state has shape ({len(self.state)},); found {states.shape}.")
        return np.asarray(self.coordinate.of(states))[..., None]

    @functools.cached_property
    def equations(self) -> dict[Any, Any]:
        """The coordinate's symbol to its right-hand side, a SymPy Piecewise of polynomials."""
        sides = expressions(self.reduced_dynamics, self._variables())
        return dict(zip(self.symbols, sides, strict=True))

    @functools.cached_property
    def readout_equations(self) -> tuple[Any, ...]:
        """The readouts as SymPy Piecewise expressions; empty without a readout."""
        return () if self.readout is None else expressions(self.readout, self._variables())

    def latex(self, digits: int = 5) -> str:
        """That the rate is a piecewise series, in LaTeX; its coefficients are data."""
        import sympy

        names = ", ".join(sympy.latex(s) for s in (*self.symbols, *self.parameter_symbols.values()))
        left = r"p \mapsto" if self.time == "discrete" else r"\dot{p} ="
        return rf"{left} r\left({names}\right)"

    def text(self, digits: int = 5, *, order: int | None = None) -> str:
        """What the rate is given by, and where."""
        names = ", ".join(["p", *self.parameter_values])
        left = "p ->" if self.time == "discrete" else "p' ="
        r = self.reduced_dynamics
        return (
            f"{left} r({names}), {len(r.breaks) - 1} pieces of degree {self.order} for {self._ranges(digits)}"
        )

    def _ranges(self, digits: int = 5) -> str:
        own = self.range
        parts = ["every angle p" if own is None else f"p from {own[0]:.{digits}g} to {own[1]:.{digits}g}"]
        parts += [
            f"{name} from {low:.{digits}g} to {high:.{digits}g}"
            for name, (low, high) in self.parameter_range.items()
        ]
        return " and ".join(parts)

    def __repr__(self) -> str:
        error = self.evidence.get("invariance_error")
        number = "" if error is None else f", invariance error at most {error:.1e}"
        return f"ReducedModel({STYLE} of {len(self.state)} states, {self._ranges()}{number})"


def reduce_curve(curve: SlowManifold | SlowManifoldFamily | MapSlowManifold) -> CurveModel:
    """The reduced model of a whole slow manifold.

    Raises
    ------
    InputError
        If the curve does not cover its extent.
    """
    return model_of(chart_of(curve))


def chart_behind(model: CurveModel) -> CurveChart:
    """The maps that a model with its network was made of."""
    assert model.network is not None
    return CurveChart(
        model.network,
        model.coordinate,
        model.reduced_dynamics,
        model.parametrization,
        model.readout,
        model.parameter_values,
        model.evidence,
    )


def frame_of(coordinate: Coordinate) -> tuple[Array, Array]:
    """`left` and `state` of a model with this coordinate."""
    if isinstance(coordinate, Angle):
        return coordinate.plane.T, coordinate.centre
    if isinstance(coordinate, Arc):
        return np.empty((coordinate.states.shape[1], 0)), coordinate.states[0]
    assert isinstance(coordinate, Line)
    return coordinate.direction[:, None], coordinate.origin


def model_of(chart: CurveChart) -> CurveModel:
    """The reduced model of a slow manifold's maps."""
    left, state = frame_of(chart.coordinate)
    return CurveModel(
        coordinate=chart.coordinate,
        reduced_dynamics=chart.rate,
        parametrization=chart.states,
        readout=chart.readout,
        left=left,
        state=state,
        eigenvalues=np.empty(0, dtype=complex),
        parameter_values=chart.parameters,
        order=int(chart.rate.degrees[:, 0].max()),
        style=STYLE,
        evidence=chart.evidence,
        time=chart.field.time,
        network=chart.field,
    )
