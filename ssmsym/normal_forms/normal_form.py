"""The normal form of a bifurcation, by two routes that must agree."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError, SsmsymWarning
from ssmsym.fields.field import VectorField
from ssmsym.fields.parameters import unknown
from ssmsym.manifolds.ssm import SSM
from ssmsym.normal_forms.equations import LEADING, OwnDiagram, normal_form_field, own_diagram
from ssmsym.normal_forms.invariance import believed_size
from ssmsym.normal_forms.prediction import Prediction, reach, solutions
from ssmsym.normal_forms.routes import Coefficient, Numbers, both_routes
from ssmsym.normal_forms.source import Point, Source, source_of
from ssmsym.reduced.model import ReducedModel
from ssmsym.threads import single_blas_thread

if TYPE_CHECKING:
    from ssmsym.normal_forms.verdict import HopfVerdict

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

AGREEMENT = 1e-8
_PHASES = 64
_BEYOND = 3.0  # of the range: solutions of the truncated form that are still reported, as out of range


@dataclass(frozen=True, eq=False)
class NormalForm:
    """The normal form of a bifurcation, with its coefficients, unfolding and predictions.

    Attributes
    ----------
    kind : str
        ``"fold"``, ``"cusp"``, ``"transcritical"``, ``"pitchfork"``, ``"hopf"``, ``"generalized_hopf"`` (Bautin),
        ``"bogdanov_takens"``, ``"fold_hopf"``, ``"double_hopf"``, of maps also ``"flip"`` and ``"neimark_sacker"``.
    equation : str
        With the names of coefficients and unfolding parameters.
    time : {"continuous", "discrete"}
    state : (N,) array
        The fixed point.
    parameters : mapping of str to float
        The parameters that unfold it, with their values there.
    eigenvalues : (d,) complex array
        Critical ones, in 1/time; of a map the multipliers.
    right : (N, d) complex array
        Their eigenvectors q; at a Bogdanov-Takens point q0 and q1.
    modes : tuple of int
        Their positions in the spectrum, as compute_ssm takes them.
    coefficients : mapping of str to Coefficient
        By both routes, with conventions.
    unfolding : mapping of str to mapping
        Derivative of each unfolding parameter by each parameter.
    frequency_slopes : mapping of str to mapping
        Derivative of each critical frequency by each parameter, in radians per time (map: per iterate).
    disagreement : float
        Largest relative difference between the routes, of coefficients and derivatives.
    order : int
        Highest degree of the normal form that predictions use.
    """

    kind: str
    equation: str
    time: str
    state: Array
    parameters: Mapping[str, float]
    eigenvalues: Complex
    right: Complex
    modes: tuple[int, ...]
    coefficients: Mapping[str, Coefficient]
    unfolding: Mapping[str, Mapping[str, float]]
    frequency_slopes: Mapping[str, Mapping[str, float]]
    disagreement: float
    order: int
    _source: Source
    _numbers: Numbers

    @property
    def agrees(self) -> bool:
        """Whether both routes agree to 1e-8."""
        return self.disagreement <= AGREEMENT

    @property
    def frequencies(self) -> tuple[float, ...]:
        """Critical frequencies omega in radians per time, of a map theta0 per iterate."""
        if self.kind == "bogdanov_takens":
            return ()
        positive = self.eigenvalues[self.eigenvalues.imag > 0]
        return tuple(float(np.angle(v)) if self.time == "discrete" else float(v.imag) for v in positive)

    def __getitem__(self, name: str) -> complex | float:
        """The value of a coefficient."""
        if name not in self.coefficients:
            known = ", ".join(f"'{n}'" for n in self.coefficients)
            raise InputError(f"This normal form has no coefficient '{name}'; it has {known}.")
        return self.coefficients[name].value

    # -- the normal form as a field -------------------------------------------------------------------------

    @functools.cached_property
    def range(self) -> float:
        """Size |w| up to which the next term is below a tenth of the leading one; infinite where none follows.

        Smaller where the truncated manifold is invariant only to a percent (of fixed points: a tenth) of the motion.
        """
        terms = self._numbers.terms
        return np.inf if terms is None else self.believed(reach(self.kind, terms))

    def believed(self, size: float) -> float:
        """A size |w|, halved until the truncated manifold can be believed there."""
        numbers = self._numbers
        return believed_size(
            self._source.reduced_field,
            numbers.manifold,
            numbers.coordinates,
            size,
            pair=bool(self.frequencies),
        )

    @property
    def parameter_ranges(self) -> dict[str, float]:
        """Offset of each parameter alone at which the leading prediction reaches `range`, of codimension one."""
        if self.kind not in LEADING:
            return {}
        name, power = LEADING[self.kind]
        extent = abs(self._values[name].real) * self.range**power
        slopes = self.unfolding["beta"]
        return {name: float(extent / abs(slope)) if slope else np.inf for name, slope in slopes.items()}

    @functools.cached_property
    def diagram(self) -> OwnDiagram:
        """Parameter, interval and start with which :attr:`field` shows its own bifurcation."""
        return own_diagram(self.kind, self._values, self.range if np.isfinite(self.range) else 1.0)

    @functools.cached_property
    def field(self) -> VectorField:
        """The normal form in real coordinates, its unfolding parameters at the start of :attr:`diagram`."""
        return normal_form_field(
            self.kind, self._values, self.frequencies, self.diagram, discrete=self.time == "discrete"
        )

    @property
    def _values(self) -> dict[str, complex]:
        return {name: complex(c.value) for name, c in self.coefficients.items()}

    # -- predictions ----------------------------------------------------------------------------------------

    def _offsets(self, parameters: Mapping[str, float]) -> Array:
        for name in parameters:
            if name not in self.parameters:
                raise unknown(name, self.parameters)
        values = np.array([float(parameters.get(n, v)) for n, v in self.parameters.items()])
        if not np.isfinite(values).all():
            raise InputError(f"The parameter values {dict(parameters)} are not finite.")
        return np.asarray(values - np.array(list(self.parameters.values())))

    def unfolding_at(self, parameters: Mapping[str, float]) -> dict[str, float]:
        """Unfolding parameters, to first order, at absolute values of some parameters; the others stay."""
        offsets = self._offsets(parameters)
        return {
            name: float(sum(slope * offset for slope, offset in zip(slopes.values(), offsets, strict=True)))
            for name, slopes in self.unfolding.items()
        }

    def predict(self, parameters: Mapping[str, float]) -> list[Prediction]:
        """Fixed points, period-2 orbits or cycles near the point at other parameter values.

        Solutions of the reduced route's normal form with all its terms to `order`, lifted to the network.

        Parameters
        ----------
        parameters : mapping
            Absolute values of some parameters; the others stay at the point's.

        Raises
        ------
        InputError
            If a parameter is unknown or the kind has no such predictions: use :attr:`field` with branches.
        """
        terms = self._numbers.terms
        if terms is None or len(terms.eigenvalues) > 2:
            raise InputError(
                f"A {self.kind.replace('_', '-')} point has no closed predictions; follow the branches of '.field'."
            )
        offsets = self._offsets(parameters)
        out = []
        for found in solutions(self.kind, terms, offsets, _BEYOND * self.range):
            w = self._orbit(found.coordinate)
            period = None if found.frequency is None else 2 * np.pi / abs(found.frequency)
            out.append(
                Prediction(
                    kind=self._solution_kind,
                    coordinate=found.coordinate,
                    states=self.lift(w, parameters),
                    stable=found.stable,
                    frequency=found.frequency,
                    period=period,
                    within_range=abs(found.coordinate) <= self.range,
                )
            )
        return out

    @property
    def _solution_kind(self) -> str:
        names = {"hopf": "cycle", "generalized_hopf": "cycle", "flip": "period-2 orbit"}
        return names.get(self.kind, "invariant circle" if self.kind == "neimark_sacker" else "fixed point")

    def _orbit(self, coordinate: float) -> Complex:
        if self.frequencies:
            phases = np.exp(2j * np.pi * np.arange(_PHASES) / _PHASES)
            return np.asarray(coordinate * np.stack([phases, phases.conj()], axis=1))
        points = [[coordinate], [-coordinate]] if self.kind == "flip" else [[coordinate]]
        return np.array(points, dtype=complex)

    def lift(self, w: NDArray[np.complexfloating] | Array, parameters: Mapping[str, float]) -> Array:
        """States of the network, (n, N), at coordinates (n, d) of the critical eigenvectors, a pair as w, conj(w)."""
        offsets = self._offsets(parameters)
        return self._source.lifted(self._on_manifold(w, offsets), offsets)

    @property
    def adjoint(self) -> Complex:
        """p of the first critical eigenvalue, (n,), in the states of :meth:`simulated_field`."""
        return self._numbers.left[:, 0]

    def simulated_field(self, parameters: Mapping[str, float]) -> VectorField:
        """The network, of a model without one the model, at parameter values."""
        self._offsets(parameters)
        return self._source.field.at(dict(parameters))

    def simulated_state(self, size: float, parameters: Mapping[str, float]) -> Array:
        """The state of that field at w = size on the manifold, (n,)."""
        w = np.full((1, len(self.eigenvalues)), size, dtype=complex)
        if self._source.field is not self._source.reduced_field:
            return np.asarray(self.lift(w, parameters)[0])
        return np.asarray(self._on_manifold(w, self._offsets(parameters))[0])

    def _on_manifold(self, w: NDArray[np.complexfloating] | Array, offsets: Array) -> Array:
        """States of the reduced route's field."""
        p = (np.asarray(w) @ self._numbers.coordinates.T).real
        tail = np.broadcast_to(offsets, (len(p), len(offsets)))
        return self._numbers.manifold.parametrization(np.concatenate([p, tail], axis=1))

    @functools.cached_property
    def verdict(self) -> HopfVerdict:
        """Whether a Hopf bifurcation is super- or subcritical, with what shows it; computed when first asked for."""
        from ssmsym.normal_forms.verdict import hopf_verdict

        return hopf_verdict(self)

    # -- texts ----------------------------------------------------------------------------------------------

    def text(self, digits: int = 10) -> str:
        """A table of the numbers, their conventions and both routes."""
        from ssmsym.normal_forms.report import table

        return table(self, digits)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name} = {_short(c.value)}" for name, c in self.coefficients.items())
        at = ", ".join(f"{name} = {value:.6g}" for name, value in self.parameters.items())
        return (
            f"NormalForm({self.kind}{f' at {at}' if at else ''}: {self.equation}; {numbers}; routes "
            f"{'agree' if self.agrees else 'DISAGREE'} to {self.disagreement:.1e})"
        )


def _short(value: complex | float) -> str:
    return f"{value:.6g}" if isinstance(value, complex) else f"{float(value):.6g}"


def normal_form(
    of: VectorField | SSM | ReducedModel,
    point: Point = None,
    *,
    parameters: Sequence[str] | None = None,
    kind: str | None = None,
    order: int = 5,
    tolerance: float = 1e-6,
) -> NormalForm:
    r"""The normal form at a bifurcation point, by the reduced model and by multilinear forms of the full field.

    The first route takes the SSM over the critical modes in normal-form style. The second solves the homological
    equation with bordered systems, from derivatives of the field along the critical eigenvectors (Kuznetsov, SIAM J.
    Numer. Anal. 36, 1999; Elements of Applied Bifurcation Theory, 3rd ed., sections 5.4 and 8.7). They must agree to
    1e-8.

    Parameters
    ----------
    of : VectorField, SSM or ReducedModel
        A flow or a map. Of a model that was expanded at the bifurcation, the multilinear forms are those of its
        network.
    point : FixedPoint, SpecialPoint or (N,) array, optional
        The bifurcation point. A SpecialPoint of branches also sets the first of `parameters` to its value. Without,
        the point at which a model was expanded.
    parameters : sequence of str, optional
        Parameters that unfold the bifurcation; those of a model by default.
    kind : str, optional
        Of :attr:`NormalForm.kind`; by default from the critical eigenvalues and the coefficients that vanish.
    order : int
        Degree to which the reduced route goes, in coordinates and parameters together, at least 3; a second Lyapunov
        coefficient needs 5. Not above a model's own.
    tolerance : float
        Distance of critical eigenvalues from the imaginary axis (map: the unit circle), relative to the largest
        modulus.

    Returns
    -------
    NormalForm

    Raises
    ------
    InputError
        If the point is no fixed point or at no bifurcation, or an argument does not fit.
    ResonanceError
        If an outer eigenvalue is a combination of the critical ones.

    Warns
    -----
    SsmsymWarning
        If the routes disagree, or parameters that do not unfold the bifurcation are given.

    Examples
    --------
    >>> import sympy
    >>> from ssmsym import from_sympy
    >>> x, y, mu = sympy.symbols("x y mu")
    >>> field = from_sympy({x: mu - x * y, y: -y + x}, parameters={mu: 0.0})
    >>> form = normal_form(field, [0.0, 0.0], parameters=["mu"])
    >>> form.kind, round(form["a"] * form.unfolding["beta"]["mu"], 10)
    ('fold', -1.0)
    """
    source = source_of(of, point, parameters, order)
    with single_blas_thread():
        numbers = both_routes(source, kind, tolerance)
    names = list(source.parameters)
    state = source.state
    if source.parametrization is not None and source.field is source.reduced_field:
        state = source.lifted(state[None, :], np.zeros(len(names)))[0]
    form = NormalForm(
        kind=numbers.kind,
        equation=numbers.equation,
        time=source.field.time,
        state=_read_only(state),
        parameters=dict(source.parameters),
        eigenvalues=_read_only(numbers.eigenvalues),
        right=_read_only(numbers.right),
        modes=numbers.modes,
        coefficients={c.name: c for c in numbers.coefficients},
        unfolding={n: _by_name(names, row) for n, row in numbers.unfolding.items()},
        frequency_slopes={n: _by_name(names, row) for n, row in numbers.frequency_slopes.items()},
        disagreement=max([numbers.slope_difference, *(c.difference for c in numbers.coefficients)]),
        order=source.order,
        _source=source,
        _numbers=numbers,
    )
    _warn(form)
    return form


def _read_only(values: NDArray[Any]) -> NDArray[Any]:
    copy = np.array(values)
    copy.setflags(write=False)
    return copy


def _by_name(names: Sequence[str], row: Array) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, row, strict=True)}


def _warn(form: NormalForm) -> None:
    if not form.agrees:
        worst = max(form.coefficients.values(), key=lambda c: c.difference)
        warnings.warn(
            f"The two routes to the normal form disagree by {form.disagreement:.1e} (allowed: {AGREEMENT:.0e}); worst "
            f"coefficient: {worst.name} = {_short(worst.value)} by multilinear forms, {_short(worst.reduced)} by the "
            "reduced model. Locate the point more accurately, and trust no digit beyond.",
            SsmsymWarning,
            stacklevel=3,
        )
    wanted = min(len(form.parameters), len(form.unfolding))
    if form._numbers.rank < wanted:
        warnings.warn(
            f"The parameter(s) {', '.join(form.parameters)} unfold this {form.kind.replace('_', '-')} point in "
            f"{form._numbers.rank} of {len(form.unfolding)} directions: predictions over them mean little.",
            SsmsymWarning,
            stacklevel=3,
        )
