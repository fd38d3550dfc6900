"""Fixed points of fields: search from many starts, merging, spectrum, and what may have been missed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.distinct import (
    RELATIVE_TOLERANCE,
    DistinctStates,
    is_fixed_point,
    on_continuum,
    polished,
)
from ssmsym.dynamics.euler_map import warn_of_disagreement
from ssmsym.dynamics.newton import defect, newton
from ssmsym.dynamics.spectrum import leading_eigenvalues, leading_order, sorted_eigenvalues, unstable_count
from ssmsym.dynamics.starts import StartingStates, in_units, search_scale, state_limits, typical_rate
from ssmsym.errors import InputError, NotConvergedError
from ssmsym.fields.bounds import index_sum
from ssmsym.fields.field import VectorField
from ssmsym.fields.known_range import once
from ssmsym.threads import single_blas_thread

Array = NDArray[np.float64]

_SMALLEST_ROUND = 8  # deflated starts
_MAX_ROUNDS = 12
_MAX_IDLE_ROUNDS = 4  # rounds without a new point, while the index sum says that one is missing
_EQUAL_RATES = 1e-9  # of the largest eigenvalue; and
_EQUAL_STATES = 1e-7  # of the typical size of a state: differences that do not decide the order of the list
_ZERO_EIGENVALUE = 1e-7  # of the largest, at a continuum


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """A zero of f (flow) or of f(x) - x (map).

    Attributes
    ----------
    state : (N,) array
    residual : float
        Norm of f (in 1/time), or of f(x) - x.
    eigenvalues : (k,) complex array
        Of Df, leading first: descending real part for flows (in 1/time), descending modulus for maps; a pair
        has its positive imaginary part first. k = N unless fewer were asked for. On a continuum those along
        it are exactly 0 (1 for maps).
    hits : int
        Number of starts that ended here.
    time : {"continuous", "discrete"}
    time_constant : float or None
        tau, where there is one.
    continuum : bool
        Whether the point is one of a whole curve (or surface) of fixed points, for which it stands.
    """

    state: Array
    residual: float
    eigenvalues: NDArray[np.complex128]
    hits: int = 1
    time: str = "continuous"
    time_constant: float | None = None
    continuum: bool = False

    @property
    def index(self) -> int:
        """Number of unstable directions (among the computed eigenvalues)."""
        return unstable_count(self.eigenvalues, discrete=self.time == "discrete")

    @property
    def stable(self) -> bool:
        """Whether every (computed) direction decays."""
        decaying = np.abs(self.eigenvalues) < 1 if self.time == "discrete" else self.eigenvalues.real < 0
        return bool(decaying.all())

    @property
    def spectrum_complete(self) -> bool:
        """Whether all N eigenvalues were computed."""
        return len(self.eigenvalues) == len(self.state)

    @property
    def per_tau(self) -> NDArray[np.complex128] | None:
        """Eigenvalues times the time constant, where the network has one."""
        return None if self.time_constant is None else self.eigenvalues * self.time_constant

    def __repr__(self) -> str:
        shown = self.eigenvalues if self.per_tau is None else self.per_tau
        unit = "" if self.per_tau is None else " per tau"
        leading = ", ".join(format_eigenvalue(value) for value in shown[:3])
        among = "" if self.spectrum_complete else f" among {len(self.eigenvalues)} computed"
        continuum = ", one of a continuum" if self.continuum else ""
        return (
            f"FixedPoint(index {self.index}{among}{continuum}, leading eigenvalues {leading}{unit}, "
            f"residual {self.residual:.1e}, {self.hits} hits)"
        )


def format_eigenvalue(value: complex) -> str:
    """A short text, ``-0.1449+0.4984i`` or ``+0.0490``."""
    return f"{value.real:+.4f}" + (f"{value.imag:+.4f}i" if value.imag else "")


class FixedPoints(list[FixedPoint]):
    """The fixed points found, with what is known of those that were not.

    Attributes
    ----------
    starts, converged, factorizations : int
        Newton starts made, how many of them ended at a fixed point, and Jacobians factorised.
    estimated_missing : float
        Estimate, from the points that were hit once or twice only, of how many more exist that such starts
        would reach (Chao, Scand. J. Statist. 11, 1984, bias-corrected form).
    index_sum : int
        Sum of the indices, +1 for an even and -1 for an odd number of unstable directions (maps: of real
        multipliers above 1).
    expected_index_sum : int or None
        What the sum must be, where the topology of the field fixes it.
    """

    def __init__(
        self,
        points: Iterable[FixedPoint],
        *,
        starts: int,
        converged: int,
        factorizations: int,
        estimated_missing: float,
        expected_index_sum: int | None,
    ) -> None:
        super().__init__(points)
        self.starts = starts
        self.converged = converged
        self.factorizations = factorizations
        self.estimated_missing = estimated_missing
        self.expected_index_sum = expected_index_sum

    @property
    def index_sum(self) -> int:
        return sum(_topological_index(point) for point in self)

    @property
    def index_sum_fits(self) -> bool | None:
        """Whether the index sum is as it must be.

        Necessary for a complete list, not sufficient: points whose indices cancel (a saddle and a node) can
        be missing together. None where nothing fixes the sum, where spectra are partial, and where a point
        stands for a continuum.
        """
        if self.expected_index_sum is None or not all(p.spectrum_complete and not p.continuum for p in self):
            return None
        return self.index_sum == self.expected_index_sum


def _topological_index(point: FixedPoint) -> int:
    if point.time == "discrete":
        real = point.eigenvalues[point.eigenvalues.imag == 0].real
        return 1 if (real > 1).sum() % 2 == 0 else -1
    return 1 if point.index % 2 == 0 else -1


@single_blas_thread()
def find_fixed_points(
    field: VectorField,
    *,
    starts: int | ArrayLike = 512,
    seed: int | None = 0,
    spectrum: int | None = None,
    deflation: bool = True,
    scale: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FixedPoints:
    """Fixed points by batched Newton iteration from many starts.

    Starts are random states, states on runs and sample trajectories, and points between those; then further
    starts with the points found deflated. Ends are merged, polished, tested; of a continuum one is kept.

    Parameters
    ----------
    field : VectorField
    starts : int or (n, N) array
        Number of starts, or the starts themselves.
    seed : int, optional
        Of the random starts; the same seed gives the same list.
    spectrum : int, optional
        Number of leading eigenvalues wanted at each point; all by default.
    deflation : bool
        Whether to make the further, deflated starts: rounds of `starts` / 32, until a round finds nothing
        new and the index sum, where topology fixes it, is right.
    scale : float, optional
        Order of magnitude of the distances between fixed points, per coordinate; by default that of the
        states on which runs from many sizes settle.
    progress : callable, optional
        Called with the numbers of starts done and planned.

    Returns
    -------
    FixedPoints
        Ordered by index, then by leading eigenvalue (descending), then by state.

    Warns
    -----
    SsmsymWarning
        If the network was trained as an Euler map in which the stability of a point differs.

    Raises
    ------
    InputError
        If `starts`, `seed` or `scale` does not fit.
    """
    rng = generator(seed)
    unit = search_scale(field, scale)
    scaled = in_units(field, unit)
    limits = state_limits(field, unit)
    source = StartingStates(scaled, rng, limits)
    first = _starting_points(field, starts, source, unit)
    batch = max(_SMALLEST_ROUND, len(first) // 32) if deflation else 0
    count = _Counter(len(first) + batch, progress)
    rate = typical_rate(scaled, source.visited)
    tolerance = RELATIVE_TOLERANCE * rate
    result = newton(scaled, first, tolerance=tolerance, limits=limits, progress=count)
    found = DistinctStates(scaled, rate, limits)
    found.add(result.states[result.converged])
    converged, missing = sum(found.hits), _estimate_missing(found.hits)
    factorizations = result.factorizations
    expected = index_sum(field)
    for round_number in range(_MAX_ROUNDS if batch else 0):
        again = source.draw(batch)
        known = np.array(found.states) if found.states else None
        deflated = newton(scaled, again, tolerance=tolerance, known=known, limits=limits, progress=count)
        factorizations += deflated.factorizations
        if not found.add(deflated.states[deflated.converged]) and (
            round_number >= _MAX_IDLE_ROUNDS or expected is None or found.index_sum in (expected, None)
        ):
            break
    points = [
        fixed_point_at(
            field,
            unit * found.states[i],
            spectrum=spectrum,
            hits=found.hits[i],
            residual=unit * found.residuals[i],
            continuum=found.continuum[i],
        )
        for i in range(len(found.states))
    ]
    kept = once(field, np.array([p.state for p in points]).reshape(-1, field.n_states))
    points = _ordered([p for p, listed in zip(points, kept, strict=True) if listed], unit)
    warn_of_disagreement(field, points)
    return FixedPoints(
        points,
        starts=len(first),
        converged=converged,
        factorizations=factorizations,
        estimated_missing=missing,
        expected_index_sum=expected,
    )


def _ordered(points: list[FixedPoint], unit: float) -> list[FixedPoint]:
    """By index, leading eigenvalue, state; differences of the size of rounding errors do not count."""
    largest = max((float(np.abs(point.eigenvalues).max()) for point in points), default=0.0)

    def key(point: FixedPoint) -> tuple[float, ...]:
        rate = _leading_rate(point) / (_EQUAL_RATES * largest) if largest else 0.0
        return (point.index, -np.round(rate), *np.round(point.state / (_EQUAL_STATES * unit)).tolist())

    return sorted(points, key=key)


def generator(seed: int | None) -> np.random.Generator:
    """The random generator of a seed; None asks the system for one."""
    if seed is not None and (isinstance(seed, bool) or int(seed) != seed or seed < 0):
        raise InputError(f"'seed' must be an integer of at least 0, or None; found {seed!r}.")
    return np.random.default_rng(seed)


class _Counter:
    def __init__(self, total: int, report: Callable[[int, int], None] | None) -> None:
        self.total, self.done, self.report = total, 0, report

    def __call__(self, more: int) -> None:
        self.done += more
        if self.report is not None:
            self.report(self.done, self.total)


def _leading_rate(point: FixedPoint) -> float:
    leading = point.eigenvalues[0]
    return float(abs(leading) if point.time == "discrete" else leading.real)


def _starting_points(
    field: VectorField, starts: int | ArrayLike, source: StartingStates, unit: float
) -> Array:
    if isinstance(starts, (int, np.integer)):
        if starts < 1:
            raise InputError(f"'starts' must be at least 1; found {starts}.")
        return source.draw(int(starts))
    states = np.atleast_2d(field.check_state(starts))
    if not np.isfinite(states).all():
        raise InputError("'starts' holds numbers that are not finite.")
    return states / unit


def convergence_tolerance(field: VectorField, states: Array, *, scale: float | None = None) -> float:
    """Norm of the defect below which Newton iteration stops: 1e-12 |A| L.

    |A| is the Jacobian's typical norm at the states and L their spread per coordinate (of one state alone its
    size; 1 if that is 0), unless given.
    """
    if scale is None:
        spread = float(np.sqrt(np.mean((states - states.mean(axis=0)) ** 2)))
        scale = spread or float(np.sqrt(np.mean(states**2))) or 1.0
    return RELATIVE_TOLERANCE * typical_rate(field, states) * scale


def _estimate_missing(hits: list[int]) -> float:
    once = sum(h == 1 for h in hits)
    twice = sum(h == 2 for h in hits)
    return once * (once - 1) / (2.0 * (twice + 1))


def fixed_point_at(
    field: VectorField,
    state: ArrayLike,
    *,
    spectrum: int | None = None,
    hits: int = 1,
    residual: float | None = None,
    continuum: bool = False,
) -> FixedPoint:
    """The :class:`FixedPoint` at a state that is one already; no iteration is made."""
    x = field.check_state(state, batch=False)
    if spectrum is None:
        eigenvalues = sorted_eigenvalues(field.jacobian(x), discrete=field.is_map)
    else:
        eigenvalues = leading_eigenvalues(field, x, spectrum)
    if continuum:
        eigenvalues = _neutral(eigenvalues, discrete=field.is_map)
    if residual is None:
        residual = float(np.linalg.norm(defect(field, x)))
    x = np.array(x)
    x.setflags(write=False)
    return FixedPoint(x, residual, eigenvalues, hits, field.time, time_constant(field), continuum)


def _neutral(eigenvalues: NDArray[np.complex128], *, discrete: bool) -> NDArray[np.complex128]:
    """Eigenvalues along a continuum made exactly 0 (maps: 1), as rounding errors would decide their sign."""
    neutral = 1.0 if discrete else 0.0
    rates = np.abs(eigenvalues - neutral)
    exact = np.where(rates <= _ZERO_EIGENVALUE * rates.max(initial=0.0), neutral, eigenvalues)
    return exact[leading_order(exact, discrete=discrete)]


def time_constant(field: VectorField) -> float | None:
    """tau of a rate network with a scalar time constant, for eigenvalues per tau; None otherwise."""
    if "tau" not in field.metadata or field.is_map:
        return None
    return field.parameters.get("tau")


@single_blas_thread()
def refine_fixed_point(field: VectorField, guess: ArrayLike, *, spectrum: int | None = None) -> FixedPoint:
    """The fixed point to which Newton iteration leads from one guess.

    Parameters
    ----------
    field : VectorField
    guess : (N,) array
    spectrum : int, optional
        Number of leading eigenvalues wanted; all by default.

    Returns
    -------
    FixedPoint

    Raises
    ------
    NotConvergedError
    """
    start = field.check_state(guess, batch=False)[None]
    unit = search_scale(field, None)
    scaled = in_units(field, unit)
    start = start / unit
    rate = typical_rate(scaled, start)
    result = newton(scaled, start, tolerance=RELATIVE_TOLERANCE * rate)
    state, residual = polished(scaled, result.states[0]) if result.converged[0] else (start[0], np.inf)
    if not (result.converged[0] and is_fixed_point(scaled, state, rate)):
        raise NotConvergedError(
            f"Newton iteration stopped at |f| = {unit * result.residuals[0]:.1e} (tolerance "
            f"{unit * RELATIVE_TOLERANCE * rate:.1e}) from the given state; start nearer to a fixed point or "
            "search with find_fixed_points."
        )
    continuum = on_continuum(scaled, state, rate)
    return fixed_point_at(
        field, unit * state, spectrum=spectrum, residual=unit * residual, continuum=continuum
    )
