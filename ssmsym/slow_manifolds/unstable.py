"""One-dimensional unstable manifolds of saddles: both branches, as far as they are smooth, and where they lead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.fixed_points import FixedPoint, fixed_point_at
from ssmsym.dynamics.newton import polish
from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.slow_manifolds.coordinate import Line
from ssmsym.slow_manifolds.marching import ARRIVED, March
from ssmsym.slow_manifolds.pieces import CurvePiece
from ssmsym.threads import single_blas_thread

Array = NDArray[np.float64]

_ELEMENTS = 6  # to the nearest other fixed point, at least
_ROUNDS = 60  # of following a trajectory, each for one slowest time of the saddle
_FAR = 30.0  # times the distance to the farthest known point: beyond it a branch counts as unbounded
_SAME = 1e-6


@dataclass(frozen=True, eq=False)
class UnstableBranch:
    """One of the two branches.

    Attributes
    ----------
    piece : CurvePiece or None
        The curve, from the saddle on; its ``end`` says whether it ends at a sink, or where it stops being a smooth
        curve over its own tangent, as in a spiral. None if not even its beginning was resolved.
    leads_to : FixedPoint or None
        The fixed point that trajectories on it approach; None if they approach none within the time followed.
    index : int or None
        The position of that point among those that were given.
    """

    piece: CurvePiece | None
    leads_to: FixedPoint | None
    index: int | None

    def __repr__(self) -> str:
        where = "no fixed point" if self.leads_to is None else repr(self.leads_to)
        number = "" if self.index is None else f" (number {self.index})"
        resolved = (
            "not resolved" if self.piece is None else f"{len(self.piece.elements)} elements, {self.piece.end}"
        )
        return f"UnstableBranch({resolved}; leads to {where}{number})"


@single_blas_thread()
def unstable_manifold(
    field: VectorField,
    saddle: FixedPoint,
    *,
    points: Sequence[FixedPoint] = (),
    degree: int = 10,
) -> tuple[UnstableBranch, UnstableBranch]:
    """Both branches of the unstable manifold of a saddle with one unstable direction.

    Elements along the flow are collocated from the saddle on (see :mod:`ssmsym.slow_manifolds.elements`); where a
    branch ends without a sink, as where it spirals into a focus, a trajectory is followed to see where it leads.

    Parameters
    ----------
    field : VectorField
        A flow.
    saddle : FixedPoint
        Of index 1.
    points : sequence of FixedPoint, optional
        Other fixed points; the stable ones among them end branches that reach them.
    degree : int
        Of the elements.

    Returns
    -------
    tuple of two UnstableBranch
        Along the unstable eigenvector with positive largest entry, and against it.

    Raises
    ------
    InputError
        If the field is a map, or the point has not exactly one unstable direction.
    """
    if field.is_map:
        raise InputError("Unstable manifolds are computed for flows; load the network as a flow.")
    if saddle.index != 1:
        raise InputError(
            f"The point has {saddle.index} unstable directions; an unstable manifold of one dimension belongs to a "
            "saddle with one."
        )
    values, vectors = np.linalg.eig(field.jacobian(saddle.state))
    v = vectors[:, np.argmax(values.real)].real
    v = v / np.linalg.norm(v)
    v = v * np.sign(v[np.argmax(np.abs(v))])
    others = [p for p in points if np.linalg.norm(p.state - saddle.state) > _SAME]
    sinks = [p for p in others if p.stable]
    reach = min((float(np.linalg.norm(p.state - saddle.state)) for p in others), default=1.0)
    far = _FAR * max((float(np.linalg.norm(p.state - saddle.state)) for p in others), default=1.0)

    def is_far(x: Array) -> bool:
        return not float(np.linalg.norm(x - saddle.state)) < far

    march = March(field, [p.state for p in sinks], reach / _ELEMENTS, is_far, degree)
    rate = float(values.real.max())
    branches = []
    for sign in (1.0, -1.0):
        run = march.from_source(saddle.state, sign * v)
        piece = None
        if run.elements:
            line = Line(sign * v, saddle.state)
            piece = CurvePiece(run.elements, "saddle", run.end, None, None, field, line)
        if run.end == ARRIVED and run.sink is not None:
            reached: FixedPoint | None = sinks[run.sink]
        else:
            start = run.elements[-1].at(1.0) if run.elements else saddle.state + 1e-3 * reach * sign * v
            reached = None if is_far(start) else _followed(field, start, sinks, rate, reach, is_far)
        branches.append(UnstableBranch(piece, reached, _number(reached, points)))
    return branches[0], branches[1]


def _followed(
    field: VectorField,
    state: Array,
    sinks: Sequence[FixedPoint],
    rate: float,
    reach: float,
    is_far: Callable[[Array], bool],
) -> FixedPoint | None:
    """The stable fixed point that a trajectory approaches; None if it has not in the time followed."""
    from scipy.integrate import solve_ivp

    def leaves(t: float, x: Array) -> float:
        return -1.0 if is_far(x) else 1.0

    leaves.terminal = True  # type: ignore[attr-defined]
    for _ in range(_ROUNDS):
        run = solve_ivp(
            lambda t, x: field(x),
            (0.0, 1.0 / rate),
            state,
            rtol=1e-8,
            atol=1e-10 * reach,
            method="LSODA",
            events=leaves,
        )
        state = run.y[:, -1]
        if run.status != 0 or not np.isfinite(state).all():
            return None
        near, residual = polish(field, state, max_steps=30)
        if np.linalg.norm(near - state) < 1e-3 * reach:
            known = next((p for p in sinks if np.linalg.norm(p.state - near) < _SAME * (1 + reach)), None)
            point = known or fixed_point_at(field, near, residual=residual)
            if point.stable:
                return point
    return None


def _number(reached: FixedPoint | None, points: Sequence[FixedPoint]) -> int | None:
    return next((i for i, p in enumerate(points) if p is reached), None)
