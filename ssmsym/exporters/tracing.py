"""From a tool's traces to a bifurcation diagram: cut, join, drop repetitions, check every event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.diagram import BifurcationDiagram, Branch, RejectedEvent, SpecialPoint
from ssmsym.dynamics.newton import polish
from ssmsym.dynamics.spectrum import sorted_eigenvalues
from ssmsym.exporters.contract import Start, Trace, TracedEvent
from ssmsym.exporters.model import ExportModel
from ssmsym.fields.field import VectorField

Array = NDArray[np.float64]

_SLACK = 1e-6  # of the interval's width: tools end a run there to their own tolerance
_SAME = 1e-6  # distance of coinciding solutions, against their size
_RESIDUAL = 1e-6  # largest |f| at an event, against |Df| (1 + |x|)
_SAMPLES = 15  # points at which the size of Df is taken
_CRITICAL = 1e-3  # largest distance of the critical eigenvalue from the axis, against |Df|


def diagram(
    model: ExportModel,
    parameter: str,
    interval: tuple[float, float],
    starts: Sequence[Start],
    traces: Sequence[Trace],
    source: str,
) -> BifurcationDiagram:
    """The diagram that some traces of a model make up."""
    reading = _Reading(model, parameter, interval)
    for number, start in enumerate(starts):
        own = [trace for trace in traces if trace.start == number and len(trace.parameter)]
        if own and not any(reading.holds(branch, start) for branch in reading.branches):
            reading.add(own)
    points = sorted(reading.points, key=lambda p: (p.parameter, tuple(p.state)))
    return BifurcationDiagram(
        parameter, interval, tuple(reading.branches), tuple(points), tuple(reading.rejected), source
    )


@dataclass(frozen=True, eq=False)
class _Cut:
    """A trace up to where it leaves the interval or the trust radius, and the events beyond."""

    trace: Trace
    beyond: tuple[tuple[TracedEvent, float, Array], ...]
    reason: str


class _Reading:
    """Branches and events so far."""

    def __init__(self, model: ExportModel, parameter: str, interval: tuple[float, float]) -> None:
        self.model = model
        self.parameter = parameter
        self.interval = interval
        self.branches: list[Branch] = []
        self.points: list[SpecialPoint] = []
        self.rejected: list[RejectedEvent] = []

    def field(self, value: float) -> VectorField:
        return self.model.field.at({self.parameter: value})

    # -- branches ---------------------------------------------------------------------------------------

    def add(self, traces: list[Trace]) -> None:
        """Join the two directions from one start to a branch."""
        cuts = {trace.direction: self._cut(_opened(trace)) for trace in traces}
        forward, backward = cuts.get(1), cuts.get(-1)
        if forward is not None and forward.trace.end == "closed":
            backward = None
        branch = _joined(backward, forward)
        size = self._size(branch)
        for cut in (backward, forward):
            if cut is not None:
                self._note(cut, len(self.branches), size)
        self.branches.append(branch)

    def _size(self, branch: Branch) -> float:
        """A typical norm of Df along the branch: Df itself may vanish at a fold."""
        chosen = np.unique(np.linspace(0, len(branch) - 1, _SAMPLES).astype(int))
        norms = [
            np.linalg.norm(self.field(float(branch.parameter[i])).jacobian(branch.states[i])) for i in chosen
        ]
        return float(np.median(norms)) or 1.0

    def _cut(self, trace: Trace) -> _Cut:
        low, high = self.interval
        slack = _SLACK * (high - low)
        radius = np.inf if self.model.trust_radius is None else self.model.trust_radius
        outside = (trace.parameter < low - slack) | (trace.parameter > high + slack)
        far = np.linalg.norm(trace.states, axis=1) > radius
        leaving = np.flatnonzero(outside | far)
        if not len(leaving):
            at_end = min(abs(trace.parameter[-1] - low), abs(trace.parameter[-1] - high)) <= slack
            end_reason = "left the interval" if at_end else trace.end or "stopped"
            return _Cut(replace(trace, end=end_reason), (), "")
        end = int(leaving[0])
        reason = "left the trust radius" if far[end] else "left the interval"
        beyond = tuple(
            (event, float(trace.parameter[event.position]), trace.states[event.position])
            for event in trace.events
            if event.position >= end
        )
        return _Cut(_shortened(trace, end, reason), beyond, reason)

    def holds(self, branch: Branch, start: Start) -> bool:
        """Whether a start lies on a branch: Newton from where the branch passes its parameter value."""
        offsets = branch.parameter - start.parameter
        slack = _SLACK * (self.interval[1] - self.interval[0])
        passing = [branch.states[i] for i in np.flatnonzero(np.abs(offsets) <= slack)]
        for i in np.flatnonzero(offsets[:-1] * offsets[1:] < 0):
            weight = offsets[i] / (offsets[i] - offsets[i + 1])
            passing.append((1 - weight) * branch.states[i] + weight * branch.states[i + 1])
        field = self.field(start.parameter)
        return any(_close(polish(field, state)[0], start.state) for state in passing)

    # -- events -----------------------------------------------------------------------------------------

    def _note(self, cut: _Cut, number: int, size: float) -> None:
        trace = cut.trace
        for event in trace.events:
            point = self._point(event, float(trace.parameter[event.position]), trace.states[event.position])
            self._judge(replace(point, branch=number), size)
        for event, value, state in cut.beyond:
            where = "the trust radius" if "radius" in cut.reason else "the interval"
            self.rejected.append(RejectedEvent(event.kind, value, state, f"it lies outside {where}"))

    def _point(self, event: TracedEvent, value: float, state: Array) -> SpecialPoint:
        field = self.field(value)
        own = sorted_eigenvalues(field.jacobian(state))
        critical, frequency = _critical(event.kind, own)
        return SpecialPoint(
            kind=event.kind,
            parameter=value,
            state=state,
            eigenvalues=event.eigenvalues if len(event.eigenvalues) else own,
            residual=float(np.linalg.norm(field(state))),
            critical_distance=critical,
            period=2 * np.pi / frequency if event.kind == "hopf" and frequency > 0 else None,
        )

    def _judge(self, point: SpecialPoint, size: float) -> None:
        reason = ""
        if not point.residual <= _RESIDUAL * size * (1 + float(np.linalg.norm(point.state))):
            reason = f"|f| is {point.residual:.1e} there"
        elif not point.critical_distance <= _CRITICAL * size:
            reason = f"the critical eigenvalue is {point.critical_distance:.1e} from the imaginary axis"
        if reason:
            self.rejected.append(RejectedEvent(point.kind, point.parameter, point.state, reason))
            return
        width = self.interval[1] - self.interval[0]
        for other in self.points:
            same = abs(other.parameter - point.parameter) <= _SAME * width
            if same and other.kind == point.kind and _close(other.state, point.state, 100 * _SAME):
                return
        self.points.append(point)


def _critical(kind: str, eigenvalues: NDArray[np.complex128]) -> tuple[float, float]:
    """Distance of the critical eigenvalue (pair) from the axis, and its frequency."""
    if kind != "hopf":
        return float(np.abs(eigenvalues).min()), 0.0
    pairs = eigenvalues[eigenvalues.imag > 0]
    if not len(pairs):
        return float("inf"), 0.0
    nearest = pairs[np.argmin(np.abs(pairs.real))]
    return float(abs(nearest.real)), float(nearest.imag)


def _close(a: Array, b: Array, tolerance: float = _SAME) -> bool:
    return bool(np.linalg.norm(a - b) <= tolerance * (1.0 + np.linalg.norm(b)))


# -- traces -------------------------------------------------------------------------------------------------


def _shortened(trace: Trace, end: int, reason: str) -> Trace:
    return replace(
        trace,
        parameter=trace.parameter[:end],
        states=trace.states[:end],
        stable=trace.stable[:end],
        unstable=trace.unstable[:end],
        events=tuple(event for event in trace.events if event.position < end),
        end=reason,
    )


def _opened(trace: Trace) -> Trace:
    """A trace of a closed curve, cut where it passes its start again in the same sense."""
    points = np.column_stack([trace.parameter, trace.states])
    steps = np.diff(points, axis=0)
    if len(steps) < 4:
        return trace
    lengths = np.linalg.norm(steps, axis=1)
    along = ((points[0] - points[:-1]) * steps).sum(axis=1) / np.maximum(lengths, 1e-300) ** 2
    nearest = points[:-1] + np.clip(along, 0, 1)[:, None] * steps
    near = np.linalg.norm(nearest - points[0], axis=1) <= 0.05 * lengths
    same_sense = steps @ steps[0] > 0
    passing = np.flatnonzero(near & same_sense & (np.arange(len(steps)) > 2))
    return _shortened(trace, int(passing[0]) + 1, "closed") if len(passing) else trace


def _joined(backward: _Cut | None, forward: _Cut | None) -> Branch:
    parts = []
    if backward is not None:
        shared = forward is not None  # the start stands in both
        parts.append(tuple(column[shared:][::-1] for column in _columns(backward.trace)))
    if forward is not None:
        parts.append(_columns(forward.trace))
    parameter, states, stable, unstable = (np.concatenate(column) for column in zip(*parts, strict=True))
    first = "closed" if backward is None else backward.trace.end
    last_end = "" if forward is None else forward.trace.end
    return Branch(parameter, states, stable, unstable, ends=(first, last_end))


def _columns(trace: Trace) -> tuple[NDArray[Any], ...]:
    return trace.parameter, trace.states, trace.stable, trace.unstable
