"""A limit cycle of the motion on a slow surface, by its return to a section."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.errors import InputError, NotConvergedError
from ssmsym.slow_manifolds.surface import SlowSurface

Array = NDArray[np.float64]

_MOST_RETURNS = 200
_SETTLED = 1e-11  # of the section's offset, relative to the size of the patch
_POINTS = 200


@dataclass(frozen=True, eq=False)
class SurfaceCycle:
    """A stable limit cycle of the reduced motion.

    Attributes
    ----------
    period : float
        In the field's unit of time.
    multiplier : float
        By which distances from the cycle within the surface shrink in one turn.
    s : (m, 2) array
        Coordinates round the cycle at equal times, the first again at the end.
    states : (m, N) array
    """

    period: float
    multiplier: float
    s: Array
    states: Array

    def __repr__(self) -> str:
        return f"SurfaceCycle(period {self.period:.10g}, multiplier {self.multiplier:.3g})"


def surface_cycle(surface: SlowSurface, start: ArrayLike) -> SurfaceCycle:
    """The limit cycle that the reduced motion on a surface approaches from a place.

    Parameters
    ----------
    surface : SlowSurface
    start : (2,) array
        Coordinates s of a place in its basin, not a fixed point.

    Returns
    -------
    SurfaceCycle

    Raises
    ------
    InputError
        If the start is outside the patch.
    NotConvergedError
        If the motion leaves the patch, does not return, or approaches a fixed point.
    """
    s, inside = np.asarray(start, dtype=float), surface.patch.contains(np.atleast_2d(start))
    if s.shape != (2,) or not inside.all():
        raise InputError(f"The start must be one place s (2,) of the patch; {surface.patch.describe()}.")
    size = float(np.abs(surface.patch.nodes).max())
    speed = float(np.linalg.norm(surface.rate(s)))
    if not speed > 0:
        raise InputError("The start is a fixed point of the reduced motion; start beside it.")
    normal = surface.rate(s)[0] / speed
    along = np.array([-normal[1], normal[0]])
    horizon = 100.0 * size / speed
    offsets, period = [0.0], np.nan
    for _ in range(_MOST_RETURNS):
        place = s + offsets[-1] * along
        period, returned = _return(surface, place, normal, horizon)
        offsets.append(float(along @ (returned - s)))
        if abs(offsets[-1] - offsets[-2]) <= _SETTLED * size:
            break
        if len(offsets) % 3 == 0:  # Aitken's extrapolation of the two returns since the last one
            first, second = offsets[-2] - offsets[-3], offsets[-1] - offsets[-2]
            if abs(second) < abs(first):
                offsets.append(offsets[-1] + second**2 / (first - second))
    else:
        raise NotConvergedError(
            f"The motion returns, but does not settle on a cycle within {_MOST_RETURNS} returns."
        )
    place = s + offsets[-1] * along
    shift = 1e-4 * size
    ends = [
        float(along @ (_return(surface, place + sign * shift * along, normal, horizon)[1] - s))
        for sign in (1, -1)
    ]
    found, states = surface.follow(place, np.linspace(0.0, period, _POINTS + 1))
    return SurfaceCycle(period, (ends[0] - ends[1]) / (2 * shift), found, states)


def _return(surface: SlowSurface, place: Array, normal: Array, horizon: float) -> tuple[float, Array]:
    """Time and place of the next passage through the line across the flow at a place, in the same sense."""
    from scipy.integrate import solve_ivp

    def section(t: float, s: Array) -> float:
        return float(normal @ (s - place)) if t > 0 else -1.0

    def leaves(t: float, s: Array) -> float:
        return 1.0 if surface.patch.contains(s[None])[0] else -1.0

    section.terminal, section.direction = 2, 1  # type: ignore[attr-defined]
    leaves.terminal = True  # type: ignore[attr-defined]
    run = solve_ivp(
        surface.velocity,
        (0.0, horizon),
        place,
        method="DOP853",
        rtol=1e-11,
        atol=1e-13,
        events=[section, leaves],
    )
    passages = [(t, y) for t, y in zip(run.t_events[0], run.y_events[0], strict=True) if t > 1e-6 * horizon]
    if not passages:
        why = "leaves the patch" if len(run.t_events[1]) else "does not return within a long time"
        raise NotConvergedError(f"The motion on the surface {why}: no limit cycle is approached from there.")
    return float(passages[0][0]), np.asarray(passages[0][1])
