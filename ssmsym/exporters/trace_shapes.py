"""Traces of tools as curves: shortened, opened where they are closed, joined to branches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.diagram import Branch
from ssmsym.exporters.contract import Orbits, Trace

Array = NDArray[np.float64]

AT_HOPF = "Hopf point"
PASSING = 0.05  # distance from a polyline that counts as on it, against its piece's length
_SHRUNK = 0.02  # size of a cycle, against the largest before it, from which on it shrinks to a fixed point


def distances(points: Array, steps: Array, target: Array) -> tuple[Array, Array]:
    """Distance of a point from each piece of a polyline, and the pieces' lengths."""
    lengths: Array = np.linalg.norm(steps, axis=1)
    along = ((target - points[:-1]) * steps).sum(axis=1) / np.maximum(lengths, 1e-300) ** 2
    nearest = points[:-1] + np.clip(along, 0, 1)[:, None] * steps
    distance: Array = np.linalg.norm(nearest - target, axis=1)
    return distance, lengths


def shortened(trace: Trace, end: int, reason: str) -> Trace:
    """The first so many points, and why they end there."""
    return replace(
        trace,
        parameter=trace.parameter[:end],
        states=trace.states[:end],
        stable=trace.stable[:end],
        unstable=trace.unstable[:end],
        second=None if trace.second is None else trace.second[:end],
        orbits=None if trace.orbits is None else trace.orbits.first(end),
        events=tuple(event for event in trace.events if event.position < end),
        end=reason,
    )


def opened(trace: Trace) -> Trace:
    """A trace of a closed curve, cut where it passes its start again; of cycles, where they shrink to a point."""
    if trace.orbits is not None:
        trace = _unshrunk(trace, trace.orbits)
    columns = [trace.parameter, trace.states]
    if trace.second is not None:
        columns.append(trace.second)
    if trace.orbits is not None:
        columns.append(trace.orbits.periods)
    points = np.column_stack(columns)
    steps = np.diff(points, axis=0)
    if len(steps) < 4:
        return trace
    distance, lengths = distances(points, steps, points[0])
    near = distance <= PASSING * lengths
    same_sense = steps @ steps[0] > 0
    passing = np.flatnonzero(near & same_sense & (np.arange(len(steps)) > 2))
    return shortened(trace, int(passing[0]) + 1, "closed") if len(passing) else trace


def _unshrunk(trace: Trace, orbits: Orbits) -> Trace:
    """Cycles up to where they shrink to a fixed point, at which tools turn round and see a branch point."""
    sizes = np.linalg.norm(trace.states - orbits.minima, axis=1)
    small = sizes < _SHRUNK * np.maximum.accumulate(sizes)
    turning = np.flatnonzero(small[:-1] & (sizes[1:] > sizes[:-1]))
    if len(turning):
        trace = shortened(trace, int(turning[0]) + 1, AT_HOPF)
    events = tuple(event for event in trace.events if not small[event.position])
    return replace(trace, events=events)


def joined(backward: Trace | None, forward: Trace | None) -> Branch:
    """One branch of the traces in both directions from a start."""
    parts = []
    if backward is not None:
        shared = forward is not None  # the start stands in both
        parts.append({name: column[shared:][::-1] for name, column in _columns(backward).items()})
    if forward is not None:
        parts.append(_columns(forward))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    first = "closed" if backward is None else backward.end
    last_end = "" if forward is None else forward.end
    kind = next(trace for trace in (forward, backward) if trace is not None).kind
    if kind == "periodic":
        first = AT_HOPF
    return Branch(**columns, kind=kind, ends=(first, last_end))


def _columns(trace: Trace) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {
        "parameter": trace.parameter,
        "states": trace.states,
        "stable": trace.stable,
        "unstable": trace.unstable,
    }
    if trace.second is not None:
        columns["second_parameter"] = trace.second
    if trace.orbits is not None:
        columns["periods"] = trace.orbits.periods
        columns["minima"] = trace.orbits.minima
        columns["orbit_points"] = trace.orbits.points
    return columns
