"""``slow_surface``: the whole slow surface over a patch, at one parameter value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.fixed_points import FixedPoint
from ssmsym.errors import InputError, NotConvergedError
from ssmsym.fields.field import VectorField
from ssmsym.manifolds.ssm import SSM
from ssmsym.slow_manifolds.patch import Patch
from ssmsym.slow_manifolds.patch_axes import ChebyshevAxis, FourierAxis
from ssmsym.slow_manifolds.patch_outline import fitted_outline
from ssmsym.slow_manifolds.surface import SlowSurface
from ssmsym.slow_manifolds.surface_contraction import Contraction
from ssmsym.slow_manifolds.surface_plane import Guide, guide_to_surface
from ssmsym.slow_manifolds.surface_start import Plane, quasi_static_surface
from ssmsym.threads import single_blas_thread

Array = NDArray[np.float64]

_BEYOND = 0.05  # of their extent: how far a patch reaches beyond the states that it is led through
_ROUND_TIME = 4.0  # times the shortest time scale
_LOOKED_AT = 16  # states at which the shortest time scale is looked up
_MOST_HALVINGS = 3
_GROWN = 30.0  # times the smallest change so far: diverging
_PATIENCE = 12  # rounds without a smaller change
_STANDING = 1e-5  # of the surface's size: largest change that can pass for the noise of interpolation
_TRUSTED_SERIES = (
    0.1  # relative invariance error up to which a series is a better start than the quasi-static surface
)
_GRADED_TO = 1e-3  # of the radius: innermost element round a stable fixed point
_GRADING = 0.6
_CYCLE_GRADED_TO = 5e-3  # of the radius: elements beside a cycle
_CYCLE_GRADING = 0.4
_ELEMENTS = 4


@single_blas_thread()
def slow_surface(
    field: VectorField,
    through: SSM | FixedPoint | Sequence[FixedPoint] | ArrayLike,
    *,
    extent: tuple[tuple[float, float], tuple[float, float]] | None = None,
    radius: float | tuple[float, float] | None = None,
    hole: float = 0.0,
    outline: ArrayLike | None = None,
    directions: ArrayLike | None = None,
    margin: float = 0.25,
    elements: int | None = None,
    degree: int = 8,
    harmonics: int = 12,
    tolerance: float = 1e-10,
    max_rounds: int = 400,
    progress: Callable[[int, int], None] | None = None,
) -> SlowSurface:
    r"""The attracting invariant surface over a patch of two coordinates, at one parameter value.

    The surface is a graph over s = U^T (x - c). It starts from a series where one is given and good enough, otherwise
    from the quasi-static surface f(x) = V rho, U^T (x - c) = s, which needs no fixed point, and is contracted by the
    flow: every node is taken back along the reduced flow, put on the current surface and brought forward with the
    network (graph transform; Fenichel, Indiana Univ. Math. J. 21, 1971). In a margin round the patch the flow across
    the patch's edge is slowed down to nothing, parallel to the start, so that nothing has to be known beyond. Where
    the flow comes in from there the surface is not unique; see :func:`surface_band`.

    Parameters
    ----------
    field : VectorField
        A flow with three states or more, at its own parameter values.
    through : SSM, FixedPoint, sequence of FixedPoint, (n, N) states or (n, M, N) trajectories
        What leads to the surface. An SSM of two modes, or one fixed point with its two leading modes, gives U and V as
        left and right bases of its modes; states and trajectories give their first two principal directions about
        their mean.
    extent : ((low, high), (low, high)), optional
        A rectangle of s1 and s2; by default that of the states with a margin of a twentieth.
    radius : float or (float, float), optional
        A disk about s = 0 instead, or an ellipse with these semi-axes along s1 and s2.
    hole : float
        Share of the radius, from 0 to below 1, that is left out: an annulus.
    outline : (m, N) array, optional
        States round a closed curve, such as one turn of a limit cycle, whose shape the disk takes; `radius` is then in
        units of it, by default 1.1. Elements shrink towards it from both sides, since a surface is only finitely
        smooth at a stable cycle.
    directions : (N, 2) array, optional
        Spanning the plane, in place of principal directions or modes; made orthonormal in this order.
    margin : float
        Width of the margin, relative to the patch's width (of a disk: its radius).
    elements : int, optional
        Elements along each axis, or along the radius. By default 4; round a stable fixed point radii that shrink
        by 0.6, since a surface is only finitely smooth there.
    degree : int
        Of the Chebyshev polynomials on each element.
    harmonics : int
        Of the Fourier series round a disk.
    tolerance : float
        Of the surface's size: distance from the limit, as the last changes tell it, at which rounds end.
    max_rounds : int
    progress : callable, optional
        Called with the rounds done and the most allowed.

    Returns
    -------
    SlowSurface

    Raises
    ------
    InputError
        If an argument does not fit.
    SubspaceError
        If the two leading modes of a fixed point would cut a pair.
    NotConvergedError
        If the quasi-static surface is lost, or contraction does not come to rest; with the place and the rates there.

    Examples
    --------
    >>> import numpy as np, sympy
    >>> from ssmsym import from_sympy
    >>> x, y, z = sympy.symbols("x y z")
    >>> field = from_sympy({x: x / 10, y: y / 5, z: x * y - z})  # z = x y / 1.3
    >>> found = slow_surface(field, np.zeros(3), directions=np.eye(3)[:, :2], extent=((-1, 1), (-1, 1)))
    >>> bool(abs(found.sample([0.5, 0.8])[0, 2] - 0.4 / 1.3) < 1e-8)
    True
    """
    _check(field, margin, hole, elements, degree, harmonics, tolerance, max_rounds)
    guide = guide_to_surface(field, through, directions)
    count = _ELEMENTS if elements is None else elements
    if outline is not None:
        if extent is not None or hole or isinstance(radius, tuple):
            raise InputError("With an 'outline' the patch is that times a 'radius'; leave the others out.")
        patch = _outlined(
            field, guide.plane, outline, 1.1 if radius is None else radius, margin, degree, harmonics
        )
    elif radius is None:
        if hole:
            raise InputError("A 'hole' belongs to a disk; give its 'radius' too.")
        patch = _rectangle(guide, extent, margin, count, degree)
    else:
        if extent is not None:
            raise InputError("A patch is a rectangle ('extent') or a disk ('radius'); leave one of them out.")
        patch = _disk(field, guide.plane, radius, hole, margin, elements, degree, harmonics)
    start = _start(field, guide, patch)
    return contracted(field, guide.plane, patch, start, tolerance, max_rounds, progress)


@single_blas_thread()
def surface_band(surface: SlowSurface, s: ArrayLike) -> Array:
    """How far a surface is determined at coordinates s (m, 2): distance from one of another start.

    The other one has margins half as wide and starts flat. Where the flow comes in from outside the patch, invariant
    surfaces are not unique; they approach each other at the transverse rate.

    Parameters
    ----------
    surface : SlowSurface
    s : (2,) or (m, 2) array

    Returns
    -------
    (m,) array
        NaN outside the patch.

    Raises
    ------
    NotConvergedError
        If the second surface does not come to rest.
    """
    narrow = surface.patch.narrowed()
    middle = narrow.nodes[np.linalg.norm(narrow.nodes - narrow.nodes.mean(axis=0), axis=1).argmin()]
    state = surface.patch.evaluate(surface.start, middle[None])
    start = state + (narrow.nodes - middle) @ surface.plane.right.T
    again = contracted(surface.field, surface.plane, narrow, start, 1e-10, 400)
    return np.asarray(np.linalg.norm(surface.sample(s) - again.sample(s), axis=1))


def contracted(
    field: VectorField,
    plane: Plane,
    patch: Patch,
    start: Array,
    tolerance: float,
    max_rounds: int,
    progress: Callable[[int, int], None] | None = None,
) -> SlowSurface:
    """The surface that a start (nodes, N) contracts to, in rounds as long as they can be."""
    among = start[patch.contains(patch.nodes)]
    some = among[:: 1 + len(among) // _LOOKED_AT]
    fastest = float(np.median([np.linalg.norm(field.jacobian(x), 2) for x in some]))
    size = float(np.abs(start - plane.origin).max())
    reference = patch.coefficients(start)
    time = _ROUND_TIME / fastest
    for _ in range(_MOST_HALVINGS + 1):
        contraction = Contraction(field, plane, patch, reference, time, fastest)
        states, rounds, changes = _rounds(contraction, start, tolerance * size, max_rounds, progress)
        last = float(changes.max())
        if last <= _STANDING * size:
            return SlowSurface(
                field, plane, patch, patch.coefficients(states), reference, rounds, last / size
            )
        time *= 0.5
    raise NotConvergedError(_not_at_rest(field, plane, patch, start, changes, size))


def _rounds(
    contraction: Contraction,
    start: Array,
    target: float,
    most: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[Array, int, Array]:
    """States, number of rounds and the last changes of each node; ended by rest, by divergence or by patience."""
    states, best, since, previous = start, np.inf, 0, 0.0
    changes = np.full(len(start), np.inf)
    for count in range(1, most + 1):
        with np.errstate(all="ignore"):
            following = contraction.round(states)
            changes = np.linalg.norm(following - states, axis=1)
        change = float(changes.max())
        if not change < _GROWN * max(best, target):
            return states, count, np.where(np.isfinite(changes), changes, np.inf)
        states = following
        if progress is not None:
            progress(count, most)
        left = change / max(previous / change - 1.0, 1e-3)  # of a geometric series
        previous = change
        since = 0 if change < 0.9 * best else since + 1
        best = min(best, change)
        if left <= target or since >= _PATIENCE:
            return states, count, changes
    return states, most, changes


def _start(field: VectorField, guide: Guide, patch: Patch) -> Array:
    if guide.series is not None:
        states = guide.series.lift(patch.nodes)
        with np.errstate(over="ignore", invalid="ignore"):
            speed = np.linalg.norm(field(states), axis=1).max()
            if guide.series.invariance_error(patch.nodes).max() <= _TRUSTED_SERIES * speed:
                return states
    return quasi_static_surface(field, guide.plane, patch.nodes, guide.start)


def _rectangle(guide: Guide, extent: Any, margin: float, elements: int, degree: int) -> Patch:
    if extent is None:
        s = guide.plane.of(guide.states)
        low, high = s.min(axis=0), s.max(axis=0)
        if not (high > low).all():
            raise InputError(
                "The states do not tell how far the surface reaches; give an 'extent' or a 'radius'."
            )
        limits = np.column_stack([low - _BEYOND * (high - low), high + _BEYOND * (high - low)])
    else:
        try:
            limits = np.asarray(extent, dtype=float)
        except (TypeError, ValueError):
            limits = np.zeros(0)
        if limits.shape != (2, 2) or not np.isfinite(limits).all() or not (limits[:, 0] < limits[:, 1]).all():
            raise InputError(
                f"'extent' must be ((low, high), (low, high)), each lower end first; found {extent!r}."
            )
    axes = []
    for low, high in limits:
        width = margin * (high - low)
        breaks = np.concatenate([[low - width], np.linspace(low, high, elements + 1), [high + width]])
        axes.append(ChebyshevAxis(breaks, degree, (float(low), float(high))))
    return Patch((axes[0], axes[1]))


def _disk(
    field: VectorField,
    plane: Plane,
    radius: Any,
    hole: float,
    margin: float,
    elements: int | None,
    degree: int,
    harmonics: int,
) -> Patch:
    try:
        semi_axes = np.broadcast_to(np.asarray(radius, dtype=float), 2).copy()
    except (TypeError, ValueError):
        semi_axes = np.zeros(2)
    if not (np.isfinite(semi_axes).all() and (semi_axes > 0).all()):
        raise InputError(f"'radius' must be a positive number or two; found {radius!r}.")
    if elements is None and not hole and _is_sink(field, plane.origin):
        powers = np.arange(int(np.ceil(np.log(_GRADED_TO) / np.log(_GRADING))), -1, -1)
        breaks = np.append(0.0, _GRADING**powers)
    else:
        breaks = np.linspace(hole, 1.0, (_ELEMENTS if elements is None else elements) + 1)
    outer = [1.0 + 0.5 * margin, 1.0 + margin]
    inner = [hole * (1.0 - margin)] if hole else []
    radial = ChebyshevAxis(np.concatenate([inner, breaks, outer]), degree, (hole, 1.0))
    return Patch((radial, FourierAxis(harmonics)), semi_axes)


def _outlined(
    field: VectorField,
    plane: Plane,
    outline: ArrayLike,
    radius: float,
    margin: float,
    degree: int,
    harmonics: int,
) -> Patch:
    if not 1.0 < radius < 10.0:
        raise InputError(f"With an 'outline' the 'radius' is in units of it, above 1; found {radius!r}.")
    states = np.array(
        [field.check_state(x, batch=False) for x in np.atleast_2d(np.asarray(outline, dtype=float))]
    )
    shape = fitted_outline(plane.of(states), harmonics)
    steps = _CYCLE_GRADING ** np.arange(
        1, 1 + int(np.ceil(np.log(_CYCLE_GRADED_TO) / np.log(_CYCLE_GRADING)))
    )
    outside = steps[::-1][steps[::-1] < 0.6 * (radius - 1.0)]
    breaks = np.concatenate(
        [[0.0], 1.0 - steps, [1.0], 1.0 + outside, [radius, radius + 0.5 * margin, radius + margin]]
    )
    return Patch(
        (ChebyshevAxis(breaks, degree, (0.0, float(radius))), FourierAxis(harmonics)), np.ones(2), shape
    )


def _is_sink(field: VectorField, state: Array) -> bool:
    A = field.jacobian(state)
    at_rest = np.linalg.norm(field(state)) <= 1e-8 * np.linalg.norm(A, 2) * (1.0 + np.linalg.norm(state))
    return bool(at_rest and np.linalg.eigvals(A).real.max() < 0)


def _not_at_rest(
    field: VectorField, plane: Plane, patch: Patch, start: Array, changes: Array, size: float
) -> str:
    worst = int(np.argmax(changes))
    place, largest = patch.nodes[worst], float(changes[worst]) / size
    frame = np.linalg.qr(plane.right, mode="complete")[0]
    A = frame.T @ field.jacobian(start[worst]) @ frame
    inner, across = np.linalg.eigvals(A[:2, :2]).real, np.linalg.eigvals(A[2:, 2:]).real.max()
    return (
        f"The surface does not come to rest over this patch; the largest change, {largest:.1e} of its size, is at "
        f"s = ({place[0]:.3g}, {place[1]:.3g}), where the rates in the plane are {inner.min():.3g} and "
        f"{inner.max():.3g} and the leading one across it is {across:.3g}. A surface exists where it attracts faster "
        "than the flow contracts within it: take a smaller patch, a narrower 'margin' or other directions."
    )


def _check(
    field: VectorField,
    margin: float,
    hole: float,
    elements: int | None,
    degree: int,
    harmonics: int,
    tolerance: float,
    max_rounds: int,
) -> None:
    if field.is_map:
        raise InputError("Slow surfaces are computed for flows; load the network as a flow.")
    if field.n_states < 3:
        raise InputError(f"A surface needs three states or more; the field has {field.n_states}.")
    for name, value, low, high in (("margin", margin, 0.01, 2.0), ("hole", hole, 0.0, 0.99)):
        if not (isinstance(value, (int, float)) and low <= value <= high):
            raise InputError(f"'{name}' must lie between {low:g} and {high:g}; found {value!r}.")
    for name, number, least in (
        ("elements", 1 if elements is None else elements, 1),
        ("degree", degree, 3),
        ("harmonics", harmonics, 2),
        ("max_rounds", max_rounds, 1),
    ):
        if not isinstance(number, (int, np.integer)) or isinstance(number, bool) or number < least:
            raise InputError(f"'{name}' must be a whole number of at least {least}; found {number!r}.")
    if not (isinstance(tolerance, (int, float)) and 0 < tolerance < 1):
        raise InputError(f"'tolerance' must lie between 0 and 1; found {tolerance!r}.")
