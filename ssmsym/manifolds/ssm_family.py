"""The SSMs along a branch of fixed points: recomputed at Chebyshev nodes of a parameter, interpolated between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.fixed_points import FixedPoint, refine_fixed_point
from ssmsym.errors import InputError, NotConvergedError, SubspaceError
from ssmsym.fields.family import ParameterFamily
from ssmsym.fields.field import VectorField
from ssmsym.manifolds.preconditions import expansion_point
from ssmsym.manifolds.projected import as_graph_over
from ssmsym.manifolds.ssm import compute_ssm
from ssmsym.manifolds.subspace import ordered_spectrum
from ssmsym.series.polynomial import Polynomial
from ssmsym.threads import single_blas_thread

Array = NDArray[np.float64]

_FIRST_NODES = 9
_MOST_NODES = 129
_LONGEST_MOVE = 0.25  # of the interval, from one fixed point to the next
_MOST_HALVINGS = 12
_ALIGNED = 0.5  # smallest share of the followed subspace that its successor must hold


@dataclass(frozen=True, eq=False)
class SSMFamily:
    """SSMs of a flow over an interval of one parameter, as graphs over one fixed projection of the state.

    p = left.T @ (x - x*(value)); coefficients are Chebyshev series in the parameter.

    Attributes
    ----------
    field : VectorField
    parameter : str
    interval : (low, high)
        Absolute values.
    left : (N, d) array
        The left basis U at the parameter value where the family was begun.
    exponents : (M, d) int array
    parametrization : (n, M, N) array
        Chebyshev coefficients of W's coefficients, the fixed point x* among them.
    reduced_dynamics : (n, M, d) array
        Those of R, in 1/time.
    order : int
    tail : float
        Size of the last Chebyshev coefficients relative to the largest: what interpolation may be wrong by.
    """

    field: VectorField
    parameter: str
    interval: tuple[float, float]
    left: Array
    exponents: NDArray[np.int64]
    parametrization: Array
    reduced_dynamics: Array
    order: int
    tail: float

    @property
    def dimension(self) -> int:
        """Number d of reduced coordinates."""
        return int(self.left.shape[1])

    def _at(self, series: Array, value: float) -> Polynomial:
        low, high = self.interval
        if not low <= value <= high:
            raise InputError(
                f"{self.parameter} = {value:g} is outside the family's interval {low:g} to {high:g}."
            )
        place = (2 * value - low - high) / (high - low)
        return Polynomial(self.exponents, chebyshev.chebval(place, series))

    def parametrization_at(self, value: float) -> Polynomial:
        """W at one parameter value."""
        return self._at(self.parametrization, value)

    def reduced_dynamics_at(self, value: float) -> Polynomial:
        """R at one parameter value."""
        return self._at(self.reduced_dynamics, value)

    def fixed_point(self, value: float) -> Array:
        """x* at one parameter value, (N,)."""
        return self.parametrization_at(value)(np.zeros(self.dimension))

    def eigenvalues(self, value: float) -> NDArray[np.complex128]:
        """Master eigenvalues at one parameter value, (d,), in 1/time, by descending real part."""
        linear = self.reduced_dynamics_at(value).jacobian(np.zeros(self.dimension))
        values = np.linalg.eigvals(linear).astype(complex)
        return values[np.lexsort((-values.imag, -values.real))]

    def lift(self, p: ArrayLike, value: float) -> Array:
        """States W(p), (N,) or (n, N), at reduced coordinates (d,) or (n, d)."""
        return self.parametrization_at(value)(p)

    def project(self, x: ArrayLike, value: float) -> Array:
        """Reduced coordinates of states (N,) or (n, N)."""
        return (self.field.check_state(x) - self.fixed_point(value)) @ self.left

    def invariance_error(self, p: ArrayLike, value: float) -> Array:
        """Norm of f(W) - DW R at points (d,) or (n, d), in 1/time."""
        W, R = self.parametrization_at(value), self.reduced_dynamics_at(value)
        along = np.einsum("...ij,...j->...i", W.jacobian(p), R(p))
        velocity = self.field.at({self.parameter: value})(W(p))
        return np.asarray(np.linalg.norm(velocity - along, axis=-1))

    def __repr__(self) -> str:
        low, high = self.interval
        return (
            f"SSMFamily({self.dimension} coordinates, order {self.order}, {self.parameter} from {low:g} to {high:g}, "
            f"{len(self.parametrization)} nodes, tail {self.tail:.1e})"
        )


@single_blas_thread()
def compute_ssm_family(
    field: VectorField,
    point: FixedPoint | ArrayLike,
    parameter: str,
    interval: tuple[float, float],
    *,
    modes: int | Sequence[int] = 1,
    order: int = 5,
    nodes: int | None = None,
    tolerance: float = 1e-10,
    progress: Callable[[int, int], None] | None = None,
) -> SSMFamily:
    """The SSM over the same modes of a fixed point that moves with a parameter.

    The fixed point and its master subspace are followed to Chebyshev nodes of the interval; there the SSM is computed
    anew and brought to one projection of the state, in which all coefficients are smooth in the parameter. Unlike an
    expansion with the parameter as a coordinate (``compute_ssm(parameters=[...])``) it does not pass through folds,
    and its accuracy does not fall off with the distance from one parameter value.

    Parameters
    ----------
    field : VectorField
        A flow, at a parameter value inside the interval.
    point : FixedPoint or (N,) array
        A fixed point at that value.
    parameter : str
    interval : (low, high)
        Absolute values.
    modes : int or sequence of int
        As for :func:`~ssmsym.compute_ssm`, at the field's own parameter value.
    order : int
        Highest degree in the reduced coordinates.
    nodes : int, optional
        Number of Chebyshev nodes; by default 9, 17, 33, ... until the series' tail is below the tolerance.
    tolerance : float
        On the tail, relative to the largest coefficient.
    progress : callable, optional
        Called with the numbers of nodes done and planned.

    Returns
    -------
    SSMFamily

    Raises
    ------
    InputError
        If an argument does not fit, or the field is a map.
    NotConvergedError
        If the fixed point cannot be followed, as at a fold, or the tail does not fall below the tolerance.
    SubspaceError
        If the master subspace cannot be followed, as where its eigenvalues meet others.
    ResonanceError
        If an outer resonance obstructs the expansion at a node.
    """
    low, high = _checked(field, parameter, interval)
    start = float(field.parameters[parameter])
    state, _ = expansion_point(field, point)
    begun = compute_ssm(field, state, modes=modes, order=1)
    branch = _Branch(field, parameter, high - low, start, state, begun.right, begun.left, begun.modes)
    counts = [nodes] if nodes is not None else _doubling()
    for count in counts:
        values = 0.5 * (low + high) + 0.5 * (high - low) * chebyshev.chebpts1(count)
        rows = []
        for done, value in enumerate(values):
            if progress is not None:
                progress(done, count)
            rows.append(branch.expansion(float(value), order))
        W, R = (chebyshev_coefficients(np.array([row[k].coefficients for row in rows])) for k in (0, 1))
        tail = max(_tail(W), _tail(R))
        if nodes is not None or tail <= tolerance:
            return SSMFamily(
                field, parameter, (low, high), begun.left, rows[0][0].exponents, W, R, order, tail
            )
    raise NotConvergedError(
        f"With {_MOST_NODES} nodes the Chebyshev series still ends at {tail:.1e} of its largest coefficient (tolerance "
        f"{tolerance:.1e}): an end of the interval lies near a fold or a meeting of eigenvalues; take a narrower one."
    )


def _checked(field: VectorField, parameter: str, interval: tuple[float, float]) -> tuple[float, float]:
    if field.is_map:
        raise InputError(
            "Families are computed for flows; expand a map's SSM with the parameter as a coordinate."
        )
    if parameter not in field.parameters:
        known = ", ".join(f"'{name}'" for name in field.parameters) or "none"
        raise InputError(f"There is no parameter '{parameter}' in this field; it has {known}.")
    low, high = (float(v) for v in interval)
    value = field.parameters[parameter]
    if not (np.isfinite([low, high]).all() and low < high and low <= value <= high):
        raise InputError(
            f"The interval must have a lower and a higher finite end around the field's own {parameter} = {value:g}; "
            f"found ({low:g}, {high:g})."
        )
    return low, high


def _doubling() -> list[int]:
    counts = [_FIRST_NODES]
    while counts[-1] < _MOST_NODES:
        counts.append(2 * counts[-1] - 1)
    return counts


def chebyshev_coefficients(values: Array) -> Array:
    """Chebyshev coefficients of functions given at the points ``chebpts1(n)`` along the first axis."""
    n = len(values)
    points = chebyshev.chebpts1(n)
    basis = chebyshev.chebvander(points, n - 1) * (2.0 / n)
    basis[:, 0] *= 0.5
    return np.tensordot(basis.T, values, axes=1)


def _tail(series: Array) -> float:
    largest = float(np.abs(series).max())
    return float(np.abs(series[-2:]).max()) / largest if largest else 0.0


class _Branch:
    """Fixed points and master subspaces met so far along the parameter; new ones start from the nearest."""

    def __init__(
        self,
        field: VectorField,
        parameter: str,
        width: float,
        start: float,
        state: Array,
        right: Array,
        left: Array,
        modes: tuple[int, ...],
    ) -> None:
        self._family = ParameterFamily(field, parameter)
        self._width = width
        self._left = left
        self._known: dict[float, tuple[Array, Array, Array, tuple[int, ...]]] = {
            start: (state, right, left, modes)
        }
        self._expansions: dict[tuple[float, int], tuple[Polynomial, Polynomial]] = {}

    def expansion(self, value: float, order: int) -> tuple[Polynomial, Polynomial]:
        """W and R over the fixed projection at one parameter value."""
        if (value, order) not in self._expansions:
            state, _, _, modes = self._reach(value, 0)
            ssm = compute_ssm(self._family.at(value), state, modes=modes, order=order)
            self._expansions[value, order] = as_graph_over(
                ssm.parametrization, ssm.reduced_dynamics, self._left, order
            )
        return self._expansions[value, order]

    def _reach(self, value: float, depth: int) -> tuple[Array, Array, Array, tuple[int, ...]]:
        if value in self._known:
            return self._known[value]
        near = min(self._known, key=lambda known: abs(known - value))
        found = self._step(near, value) if abs(value - near) <= _LONGEST_MOVE * self._width else None
        if found is None:
            if depth >= _MOST_HALVINGS:
                raise NotConvergedError(
                    f"The fixed point could not be followed from {self._family.parameter} = {near:g} to {value:g}, as "
                    "at a fold; take a narrower interval, or expand with the parameter as a coordinate."
                )
            self._reach(0.5 * (near + value), depth + 1)
            return self._reach(value, depth + 1)
        self._known[value] = found
        return found

    def _step(self, near: float, value: float) -> tuple[Array, Array, Array, tuple[int, ...]] | None:
        """The fixed point and its modes at a value from those at a known one; None if the step is too long."""
        state, _, left, _ = self._known[near]
        _, jacobian, slope = self._family.defect(state, near)
        move = -(value - near) * np.linalg.lstsq(jacobian, slope, rcond=None)[0]
        member = self._family.at(value)
        try:
            arrived = refine_fixed_point(member, state + move, spectrum=None).state
        except NotConvergedError:
            return None
        if np.linalg.norm(arrived - state - move) > 0.5 * np.linalg.norm(move) + 1e-9 * (
            1 + np.linalg.norm(state)
        ):
            return None
        modes = _followed_modes(member.jacobian(arrived), left)
        ssm = compute_ssm(member, arrived, modes=modes, order=1)
        return arrived, ssm.right, ssm.left, ssm.modes


def _followed_modes(jacobian: Array, left: Array) -> tuple[int, ...]:
    """Positions in the ordered spectrum of the modes that lie nearest to the subspace dual to `left`."""
    d = left.shape[1]
    values, vectors = np.linalg.eig(jacobian)
    seen = np.linalg.norm(np.linalg.qr(left)[0].T @ vectors, axis=0)
    spectrum = ordered_spectrum(jacobian)
    chosen: list[int] = []
    for i in np.argsort(-seen, kind="stable"):
        if len(chosen) == d:
            break
        distances = np.abs(spectrum - values[i])
        distances[chosen] = np.inf
        chosen.append(int(np.argmin(distances)))
    if seen[np.argsort(-seen, kind="stable")[d - 1]] < _ALIGNED * seen.max() / d:
        raise SubspaceError(
            "The master subspace cannot be followed along the parameter: its eigenvalues have met others. Take a "
            "narrower interval or more modes."
        )
    return tuple(sorted(chosen))
