"""One-sided runs along a curve of bifurcations, and why they stop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ssmsym.bifurcation_curves.defining_system import DefiningSystem
from ssmsym.bifurcation_curves.points_on_curve import BifurcationCurve, BifurcationPoint
from ssmsym.bifurcation_curves.request import Request
from ssmsym.dynamics.arclength import Trace, trace

Array = NDArray[np.float64]

BOGDANOV_TAKENS = "Bogdanov-Takens point"
ONE_TO_ONE, ONE_TO_TWO = "1:1 resonance", "1:2 resonance"

_SMALLEST_STEP = 1e-6
_AT_ORIGIN = 1e-6  # size of a state that gives no scale
_SLOW = 1e-3  # frequency, relative to the largest so far, at which a Hopf curve is about to end


def scaled_curve(system: DefiningSystem, z: Array, value: float, request: Request) -> BifurcationCurve:
    """The curve in units of the intervals, of the frequency and of the size of the state."""
    n = system.field.n_states
    size = float(np.linalg.norm(z[:n]))
    state = size if size > _AT_ORIGIN else 1.0
    scale = np.full(n, state)
    frequency = [abs(float(z[-1]))] if system.has_frequency else []
    whole = np.concatenate([scale, [request.widths[0]], frequency, [request.widths[1]]])
    return BifurcationCurve(system, whole, with_eigenvalues=request.with_eigenvalues)


def unit_tangent(curve: BifurcationCurve, y: Array) -> Array:
    """The unit tangent, found without knowing a direction that it has a part along."""
    for axis in (-1, curve.system.field.n_states):
        orientation = np.eye(len(y))[axis]
        tangent = curve.tangent(y, orientation)
        if np.isfinite(tangent).all() and abs(tangent @ orientation) > 1e-3:
            return tangent
    _, derivative = curve._system(y)
    return np.asarray(np.linalg.svd(derivative)[2][-1])


def run_along(curve: BifurcationCurve, y: Array, tangent: Array, request: Request) -> Trace:
    """Points from y on along a tangent, until the curve leaves what was asked for or a Hopf curve ends."""
    system, slowest = curve.system, {"largest": 0.0}

    def inside(z: Array) -> bool:
        if not request.contains(z):
            return False
        if system.has_frequency:
            slowest["largest"] = max(slowest["largest"], abs(float(z[-1])))
            highest = np.pi * (1.0 - _SLOW) if system.field.is_map else np.inf
            return bool(_SLOW * slowest["largest"] < z[-1] < highest)
        return True

    run = trace(
        curve,
        curve.point(y, tangent),
        request.second_interval,
        first_step=0.2 * request.largest_step,
        largest_step=request.largest_step,
        smallest_step=_SMALLEST_STEP,
        max_points=request.max_points,
        simple_change=lambda a, b: True,
        inside=inside,
    )
    end = _end(run, system, request)
    last = _landed(curve, run, request) if end == "end of the interval" != run.end else None
    return replace(run, points=run.points if last is None else [*run.points, last], end=end)


def _landed(curve: BifurcationCurve, run: Trace, request: Request) -> BifurcationPoint | None:
    """The point at which a curve leaves the first parameter's interval; None if it does so farther ahead."""
    n = request.field.n_states
    last = run.points[-1]
    bound = request.interval[0] if last.tangent[n] < 0 else request.interval[1]
    axis = np.eye(len(last.tangent))[n]
    y = curve.y_of(last)
    guess = y + (bound / curve._scale[n] - y[n]) / last.tangent[n] * last.tangent
    corrected = curve.correct(guess, axis)
    if corrected is None or np.linalg.norm(corrected[0] - y) > 2.0 * request.largest_step:
        return None
    return curve.point(corrected[0], curve.tangent(corrected[0], last.tangent))


def _end(run: Trace, system: DefiningSystem, request: Request) -> str:
    """Why a run stopped, in terms of what was given."""
    last = run.points[-1]
    n = system.field.n_states
    if run.end in ("end of the interval", "closed curve"):
        return run.end
    if system.has_frequency and len(run.points) > 1:
        frequency, before = float(last.state[-1]), float(run.points[-2].state[-1])
        if frequency < max(2.0 * (before - frequency), 10 * _SLOW * float(run.points[0].state[-1])):
            return ONE_TO_ONE if system.field.is_map else BOGDANOV_TAKENS
        if system.field.is_map and np.pi - frequency < max(2.0 * (frequency - before), 10 * _SLOW):
            return ONE_TO_TWO
    if run.end != "edge of the trusted region":
        return run.end
    ahead = last.state[n] + np.sign(last.tangent[n]) * request.largest_step * request.widths[0]
    leaves = not request.interval[0] <= ahead <= request.interval[1]
    return "end of the interval" if leaves else run.end


def run_points(run: Trace) -> list[BifurcationPoint]:
    """The points of a run, from its start on."""
    return [p for p in run.points if isinstance(p, BifurcationPoint)]
