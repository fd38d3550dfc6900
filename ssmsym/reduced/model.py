"""The reduced model: the dynamics on an SSM as a vector field of its own, with the way back to the network."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field as dataclass_field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.fixed_points import format_eigenvalue
from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.fields.polynomial_field import polynomial_field
from ssmsym.manifolds.model_file import evidence_summary
from ssmsym.manifolds.normal_form_style import coordinates_of
from ssmsym.manifolds.ssm import SSM
from ssmsym.series.polynomial import Polynomial
from ssmsym.slow_manifolds.curve import SlowManifold
from ssmsym.slow_manifolds.interval import SlowManifoldFamily
from ssmsym.slow_manifolds.map_curve import MapSlowManifold

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ReducedModel:
    """A d-dimensional polynomial model p' = R(p, theta) of a network's flow near a fixed point.

    Attributes
    ----------
    reduced_dynamics, parametrization : Polynomial
        R and W in the d reduced coordinates followed by the parameter offsets.
    readout : Polynomial or None
        z in the same variables.
    left : (N, d) array
        U of the projection p = U^T (x - x*) (in normal form: of U^T (x - x*) = U^T (W(p) - x*)).
    state : (N,) array
        The fixed point x*.
    eigenvalues : (d,) complex array
        In 1/time.
    parameter_values : mapping of str to float
        The parameters and their values at zero offset.
    order : int
    style : str
    evidence : mapping
        Numbers of :func:`~ssmsym.manifolds.model_file.evidence_summary`.
    time : {"continuous", "discrete"}
        Discrete for the model of a map, p -> R(p).
    ssm : SSM or None
        Where the model came from; None for a model read from JSON, or of a whole curve.
    network : VectorField or None
        The field that was reduced; None for a model read from JSON.
    """

    reduced_dynamics: Polynomial
    parametrization: Polynomial
    readout: Polynomial | None
    left: Array
    state: Array
    eigenvalues: NDArray[np.complex128]
    parameter_values: Mapping[str, float]
    order: int
    style: str
    evidence: Mapping[str, Any]
    time: str = "continuous"
    ssm: SSM | None = dataclass_field(default=None, repr=False)
    network: VectorField | None = dataclass_field(default=None, repr=False)

    @property
    def dimension(self) -> int:
        """Number d of reduced coordinates."""
        return self.reduced_dynamics.n_outputs

    @functools.cached_property
    def field(self) -> VectorField:
        """The model as a field in p; parameters by their names and absolute values."""
        return polynomial_field(
            self.reduced_dynamics,
            parameters=self.parameter_values,
            readout=self.readout,
            time=self.time,
        )

    def lift(self, p: ArrayLike, parameters: Mapping[str, float] | None = None) -> Array:
        """States of the network, (N,) or (n, N), at reduced coordinates (d,) or (n, d).

        Parameters
        ----------
        parameters : mapping, optional
            Absolute values of some of the model's parameters; the others stay at their own.

        Raises
        ------
        InputError
            If a parameter is unknown or the coordinates are misshapen.
        """
        points = np.asarray(p, dtype=float)
        if points.ndim not in (1, 2) or points.shape[-1] != self.dimension:
            raise InputError(
                f"Reduced coordinates have shape ({self.dimension},) or (n, {self.dimension}); found "
                f"{points.shape}."
            )
        given = dict(parameters or {})
        unknown = [name for name in given if name not in self.parameter_values]
        if unknown:
            known = ", ".join(f"'{name}'" for name in self.parameter_values) or "none"
            raise InputError(f"There is no parameter '{unknown[0]}' in this model; it has {known}.")
        offsets = [given.get(name, value) - value for name, value in self.parameter_values.items()]
        tail = np.broadcast_to(np.array(offsets), (*points.shape[:-1], len(offsets)))
        return self.parametrization(np.concatenate([points, tail], axis=-1))

    def project(self, x: ArrayLike) -> Array:
        """Reduced coordinates of states (N,) or (n, N): U^T (x - x*) in graph style, else by Newton iteration."""
        states = np.asarray(x, dtype=float)
        if states.shape[-1:] != self.state.shape:
            raise InputError(f"A state has shape ({len(self.state)},); found {states.shape}.")
        along = (states - self.state) @ self.left
        return along if self.style == "graph" else coordinates_of(self.parametrization, self.left, along)

    # -- symbols ------------------------------------------------------------------------------------------

    @functools.cached_property
    def symbols(self) -> tuple[Any, ...]:
        """SymPy symbols of the reduced coordinates, ``p`` or ``p1``, ``p2``, ..."""
        import sympy

        if self.dimension == 1:
            return (sympy.Symbol("p"),)
        return tuple(sympy.Symbol(f"p{i}") for i in range(1, self.dimension + 1))

    @property
    def parameter_symbols(self) -> dict[str, Any]:
        """SymPy symbols of the parameters, by name (absolute values)."""
        import sympy

        return {name: sympy.Symbol(name) for name in self.parameter_values}

    def _variables(self) -> list[Any]:
        import sympy

        offsets = [
            symbol - sympy.Float(self.parameter_values[name], 17) if self.parameter_values[name] else symbol
            for name, symbol in self.parameter_symbols.items()
        ]
        return [*self.symbols, *offsets]

    @functools.cached_property
    def equations(self) -> dict[Any, Any]:
        """Each reduced coordinate's symbol to its right-hand side, a SymPy polynomial."""
        right_sides = self.reduced_dynamics.to_sympy(self._variables())
        return dict(zip(self.symbols, right_sides, strict=True))

    @functools.cached_property
    def readout_equations(self) -> tuple[Any, ...]:
        """The readouts as SymPy polynomials; empty without a readout."""
        return () if self.readout is None else tuple(self.readout.to_sympy(self._variables()))

    def latex(self, digits: int = 5) -> str:
        """The equations in LaTeX, by ascending degree, coefficients rounded to `digits` significant digits."""
        lines = [
            (rf"{name} \mapsto {terms}" if self.time == "discrete" else rf"\dot{{{name}}} = {terms}")
            for name, terms in zip(
                [_latex_name(str(s)) for s in self.symbols], self._terms(digits, latex=True), strict=True
            )
        ]
        return " \\\\ ".join(lines)

    def text(self, digits: int = 5, *, order: int | None = None) -> str:
        """The equations as plain text, one line each, by ascending degree.

        Parameters
        ----------
        digits : int
            Significant digits of the coefficients.
        order : int, optional
            Show terms up to this total degree and say how many follow.
        """
        lines = [
            f"{symbol}{' ->' if self.time == 'discrete' else chr(39) + ' ='} {terms}"
            for symbol, terms in zip(self.symbols, self._terms(digits, latex=False, order=order), strict=True)
        ]
        return "\n".join(lines)

    def _terms(self, digits: int, *, latex: bool, order: int | None = None) -> list[str]:
        names = [str(v) for v in self.symbols]
        offsets = [
            (_latex_name(name) if latex else name, value) for name, value in self.parameter_values.items()
        ]
        if latex:
            names = [_latex_name(name) for name in names]
        shifted = [
            name if not value else f"({name} {'-' if value > 0 else '+'} {abs(value):.{digits}g})"
            for name, value in offsets
        ]
        R = self.reduced_dynamics
        shown = R if order is None else R.truncate(order)
        left_out = len(R.exponents) - len(shown.exponents)
        more = f" + ... ({left_out} more)" if left_out else ""
        return [
            _sum_of_terms(shown, i, [*names, *shifted], digits, latex=latex) + more
            for i in range(self.dimension)
        ]

    def __repr__(self) -> str:
        values = ", ".join(format_eigenvalue(value) for value in self.eigenvalues)
        trust = (self.evidence.get("trust_radius") or {}).get("0.01")
        radius = "" if trust is None else f", trust radius {trust:.3g}"
        names = f", parameters {', '.join(self.parameter_values)}" if self.parameter_values else ""
        return (
            f"ReducedModel({self.dimension} coordinates of {len(self.state)} states, order {self.order}"
            f"{names}, eigenvalues {values}{radius})"
        )


def _latex_name(name: str) -> str:
    base, _, entry = name.partition("[")
    if entry:
        return f"{base}_{{{entry.rstrip(']')}}}"
    import sympy

    return str(sympy.latex(sympy.Symbol(base)))


def _sum_of_terms(polynomial: Polynomial, output: int, names: list[str], digits: int, *, latex: bool) -> str:
    out = ""
    column = polynomial.coefficients[:, output].tolist()
    for exponents, value in zip(polynomial.exponents.tolist(), column, strict=True):
        if value == 0:
            continue
        powers = [_power(name, k, latex) for name, k in zip(names, exponents, strict=True) if k]
        number = _latex_number(abs(value), digits) if latex else f"{abs(value):.{digits}g}"
        sign = ("-" if value < 0 else "") if not out else (" - " if value < 0 else " + ")
        out += sign + " ".join([number, *powers])
    return out or "0"


def _power(name: str, exponent: int, latex: bool) -> str:
    if exponent == 1:
        return name
    return f"{name}^{{{exponent}}}" if latex else f"{name}^{exponent}"


def _latex_number(value: float, digits: int) -> str:
    mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
    return mantissa if not exponent else rf"{mantissa} \cdot 10^{{{int(exponent)}}}"


def reduce(of: SSM | SlowManifold | SlowManifoldFamily | MapSlowManifold) -> ReducedModel:
    """The reduced model of an SSM or of a whole slow manifold, with the numbers of its evidence.

    Parameters
    ----------
    of : SSM, SlowManifold, SlowManifoldFamily or MapSlowManifold
        Of a slow manifold the model is p' = r(p, theta) over the whole curve, given on pieces: see
        :class:`~ssmsym.reduced.curve_model.CurveModel`.

    Returns
    -------
    ReducedModel

    Raises
    ------
    InputError
        If the argument is none of these, or a curve does not cover its extent.

    Examples
    --------
    >>> import sympy
    >>> from ssmsym import compute_ssm, from_sympy
    >>> x, y = sympy.symbols("x y")
    >>> field = from_sympy({x: x - x * y, y: -3 * y + x**2})
    >>> model = reduce(compute_ssm(field, [0.0, 0.0], modes=1, order=3))
    >>> print(model.text())
    p' = 1 p - 0.2 p^3
    """
    if isinstance(of, SSM):
        return _model_of(of)
    if isinstance(of, SlowManifold | SlowManifoldFamily | MapSlowManifold):
        from ssmsym.reduced.curve_model import reduce_curve

        return reduce_curve(of)
    raise InputError(
        f"'reduce' takes an SSM, as compute_ssm gives it, or a slow manifold; found {type(of).__name__}."
    )


def _model_of(ssm: SSM) -> ReducedModel:
    return ReducedModel(
        reduced_dynamics=ssm.reduced_dynamics,
        parametrization=ssm.parametrization,
        readout=ssm.readout,
        left=ssm.left,
        state=ssm.fixed_point.state,
        eigenvalues=ssm.eigenvalues,
        parameter_values=dict(zip(ssm.parameters, ssm.parameter_values.tolist(), strict=True)),
        order=ssm.order,
        style=ssm.style,
        evidence=evidence_summary(ssm),
        time=ssm.field.time,
        ssm=ssm,
        network=ssm.field,
    )
