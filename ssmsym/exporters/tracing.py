"""From a tool's traces to a bifurcation diagram: cut, join, drop repetitions, check every event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.diagram import BifurcationDiagram, Branch, RejectedEvent, SpecialPoint
from ssmsym.dynamics.newton import polish
from ssmsym.errors import NotConvergedError
from ssmsym.exporters.contract import Start, Trace, TracedEvent
from ssmsym.exporters.event_evidence import ORBIT_KINDS, at_fixed_point, on_orbit
from ssmsym.exporters.model import ExportModel
from ssmsym.exporters.trace_shapes import AT_HOPF, PASSING, distances, joined, opened, shortened
from ssmsym.fields.field import VectorField

Array = NDArray[np.float64]

_SLACK = 1e-6  # of the interval's width: tools end a run there to their own tolerance
_SAME = 1e-6  # distance of coinciding solutions, against their size
_RESIDUAL = 1e-6  # largest |f| at an event, against |Df| (1 + |x|)
_SAMPLES = 15  # points at which the size of Df is taken
_MULTIPLIER = 1e-2  # largest distance of an orbit's critical multiplier from where it should be
_SAME_IN_PLANE = 1e-4  # of points in two parameters, which tools find along two curves
_CRITICAL = 1e-3  # largest distance of the critical eigenvalue from the axis, against |Df|


@dataclass(frozen=True)
class Plane:
    """The parameters of a diagram and their intervals.

    Attributes
    ----------
    parameter : str
    interval : tuple of float
    second, second_interval : str and tuple of float, or None
        Of curves in two parameters.
    """

    parameter: str
    interval: tuple[float, float]
    second: str | None = None
    second_interval: tuple[float, float] | None = None

    @property
    def width(self) -> float:
        """Of the first interval."""
        return self.interval[1] - self.interval[0]


def diagram(
    model: ExportModel, plane: Plane, starts: Sequence[Start], traces: Sequence[Trace], source: str
) -> BifurcationDiagram:
    """The diagram that some traces of a model make up."""
    reading = _Reading(model, plane)
    for number, start in enumerate(starts):
        own = [t for t in traces if t.kind == "equilibrium" and t.start == number and len(t.parameter)]
        holding = (k for k, branch in enumerate(reading.branches) if reading.holds(branch, start))
        known = next(holding, None)
        if own and known is None:
            reading.add(own)
        elif own:
            reading.add_events(own, known)
    curves: dict[tuple[str, int], list[Trace]] = {}
    for trace in traces:
        if trace.kind != "equilibrium" and len(trace.parameter):
            curves.setdefault((trace.kind, trace.start), []).append(trace)
    for own in curves.values():
        if not any(reading.passes(branch, own[0]) for branch in reading.branches):
            reading.add(own)
    points = sorted(reading.points, key=lambda p: (p.parameter, tuple(p.state)))
    return BifurcationDiagram(
        plane.parameter,
        plane.interval,
        tuple(reading.branches),
        tuple(points),
        tuple(reading.rejected),
        source,
        second_parameter=plane.second,
        second_interval=plane.second_interval,
    )


@dataclass(frozen=True, eq=False)
class _Cut:
    """A trace up to where it leaves the intervals or the trust radius, the events beyond, and why it ends."""

    trace: Trace
    beyond: tuple[tuple[TracedEvent, float, Array], ...]
    reason: str


class _Reading:
    """Branches and events so far."""

    def __init__(self, model: ExportModel, plane: Plane) -> None:
        self.model = model
        self.plane = plane
        self.branches: list[Branch] = []
        self.points: list[SpecialPoint] = []
        self.rejected: list[RejectedEvent] = []
        self.size = 0.0  # largest typical norm of Df along the branches of fixed points

    def field(self, value: float, second: float | None = None) -> VectorField:
        values = {self.plane.parameter: value}
        if second is not None and self.plane.second is not None:
            values[self.plane.second] = second
        return self.model.field.at(values)

    # -- branches ---------------------------------------------------------------------------------------

    def add(self, traces: list[Trace]) -> None:
        """Join the two directions from one start to a branch."""
        cuts = {trace.direction: self._cut(opened(trace)) for trace in traces}
        forward, backward = cuts.get(1), cuts.get(-1)
        if forward is not None and forward.trace.end == "closed":
            backward = None
        if not any(cut is not None and len(cut.trace.parameter) for cut in (forward, backward)):
            return
        branch = joined(*(None if cut is None else cut.trace for cut in (backward, forward)))
        size = self._size(branch)
        for cut in (backward, forward):
            if cut is not None:
                self._note(cut, len(self.branches), size)
        self.branches.append(branch)

    def add_events(self, traces: list[Trace], number: int | None) -> None:
        """The events of another run along a known branch: one that starts at a bifurcation does not see it."""
        branch = self.branches[number or 0]
        size, before = self._size(branch), len(self.rejected)
        for trace in traces:
            self._note(self._cut(opened(trace)), number or 0, size)
        del self.rejected[before:]

    def _size(self, branch: Branch) -> float:
        """A typical norm of Df along the branch: Df itself may vanish at a fold."""
        states = branch.states if branch.orbit_points is None else branch.orbit_points
        seconds = branch.second_parameter
        norms = []
        for i in np.unique(np.linspace(0, len(branch) - 1, _SAMPLES).astype(int)):
            second = None if seconds is None else float(seconds[i])
            norms.append(np.linalg.norm(self.field(float(branch.parameter[i]), second).jacobian(states[i])))
        own = float(np.median(norms))
        if branch.kind == "equilibrium":
            self.size = max(self.size, own)
        # along a curve of folds of one state Df vanishes everywhere
        return max(own, self.size if branch.kind != "equilibrium" else 0.0) or 1.0

    def _cut(self, trace: Trace) -> _Cut:
        outside = _beyond(trace.parameter, self.plane.interval)
        at_end = _ends_at(trace.parameter, self.plane.interval)
        if trace.second is not None and self.plane.second_interval is not None:
            outside |= _beyond(trace.second, self.plane.second_interval)
            at_end |= _ends_at(trace.second, self.plane.second_interval)
        radius = np.inf if self.model.trust_radius is None else self.model.trust_radius
        reach = np.linalg.norm(trace.states, axis=1) if trace.orbits is None else trace.orbits.reach
        far = reach > radius
        if self.model.trust_range is not None:
            far |= _beyond(trace.states[:, 0], self.model.trust_range)
        leaving = np.flatnonzero(outside | far)
        if not len(leaving):
            end_reason = "left the interval" if at_end else trace.end or "stopped"
            return _Cut(replace(trace, end=end_reason), (), "")
        end = int(leaving[0])
        reason = "left the trust radius" if far[end] else "left the interval"
        beyond = tuple(
            (event, float(trace.parameter[event.position]), trace.states[event.position])
            for event in trace.events
            if event.position >= end
        )
        short = shortened(trace, end, reason)
        if end and trace.kind == "equilibrium" and not far[end]:
            short = self._up_to_the_end(short, trace, end)
        return _Cut(short, beyond, reason)

    def _up_to_the_end(self, short: Trace, trace: Trace, end: int) -> Trace:
        """A cut trace with the fixed point at the end of the interval itself, which some tools step over."""
        before, after = float(trace.parameter[end - 1]), float(trace.parameter[end])
        last = self.plane.interval[0] if after < before else self.plane.interval[1]
        if abs(before - last) <= _SLACK * self.plane.width:
            return short
        weight = (last - before) / (after - before)
        guess = (1 - weight) * trace.states[end - 1] + weight * trace.states[end]
        state, residual = polish(self.field(last), guess)
        step = float(np.linalg.norm(trace.states[end] - trace.states[end - 1]))
        scale = 1 + float(np.linalg.norm(state))
        if not (residual <= _RESIDUAL * scale and np.linalg.norm(state - guess) <= step + _SAME * scale):
            return short
        return replace(
            short,
            parameter=np.append(short.parameter, last),
            states=np.vstack([short.states, state]),
            stable=np.append(short.stable, trace.stable[end]),
            unstable=np.append(short.unstable, trace.unstable[end]),
        )

    def holds(self, branch: Branch, start: Start) -> bool:
        """Whether a start lies on a branch: Newton from where the branch passes its parameter value."""
        offsets = branch.parameter - start.parameter
        if branch.kind != "equilibrium":
            return False
        slack = _SLACK * self.plane.width
        passing = [branch.states[i] for i in np.flatnonzero(np.abs(offsets) <= slack)]
        for i in np.flatnonzero(offsets[:-1] * offsets[1:] < 0):
            weight = offsets[i] / (offsets[i] - offsets[i + 1])
            passing.append((1 - weight) * branch.states[i] + weight * branch.states[i + 1])
        field = self.field(start.parameter)
        return any(_close(polish(field, state)[0], start.state) for state in passing)

    def passes(self, branch: Branch, trace: Trace) -> bool:
        """Whether a branch of the same kind passes the first point of a trace."""
        if branch.kind != trace.kind or len(branch) < 2:
            return False
        columns, first = [], []
        widths = [(branch.parameter, trace.parameter, self.plane.width)]
        if branch.second_parameter is not None and trace.second is not None:
            low, high = self.plane.second_interval or (0.0, 1.0)
            widths.append((branch.second_parameter, trace.second, high - low))
        spread = float(np.ptp(branch.states, axis=0).max()) or 1.0
        widths += [(branch.states[:, i], trace.states[:, i], spread) for i in range(branch.states.shape[1])]
        for own, other, width in widths:
            columns.append(own / width)
            first.append(other[0] / width)
        points, target = np.column_stack(columns), np.array(first)
        steps = np.diff(points, axis=0)
        distance, lengths = distances(points, steps, target)
        if branch.kind == "periodic":  # traces of cycles start at a Hopf point, and some end at another
            return branch.ends[1] == AT_HOPF and bool(distance[-1] <= 2 * lengths[-1])
        return bool((distance <= PASSING * np.maximum(lengths, 1e-3)).any())

    # -- events -----------------------------------------------------------------------------------------

    def _note(self, cut: _Cut, number: int, size: float) -> None:
        for event in cut.trace.events:
            try:
                point = self._point(event, cut.trace)
            except NotConvergedError as error:
                at = event.position
                value, state = float(cut.trace.parameter[at]), cut.trace.states[at]
                self.rejected.append(RejectedEvent(event.kind, value, state, str(error)))
                continue
            self._judge(replace(point, branch=number), size)
        for event, value, state in cut.beyond:
            where = "the trust radius" if "radius" in cut.reason else "the interval"
            self.rejected.append(RejectedEvent(event.kind, value, state, f"it lies outside {where}"))

    def _point(self, event: TracedEvent, trace: Trace) -> SpecialPoint:
        at = event.position
        value = float(trace.parameter[at])
        second = None if trace.second is None else float(trace.second[at])
        field = self.field(value, second)
        if trace.orbits is None:
            state = trace.states[at]
            evidence = at_fixed_point(field, event.kind, state)
        else:
            state = trace.orbits.points[at]
            evidence = on_orbit(field, event.kind, state, float(trace.orbits.periods[at]))
        return SpecialPoint(
            kind=event.kind,
            parameter=value,
            state=state,
            eigenvalues=event.eigenvalues if len(event.eigenvalues) else evidence.eigenvalues,
            residual=evidence.residual,
            critical_distance=evidence.critical_distance,
            period=evidence.period,
            second_parameter=second,
        )

    def _judge(self, point: SpecialPoint, size: float) -> None:
        of_orbit = point.kind in ORBIT_KINDS
        scale = 1.0 if of_orbit else size
        reason = ""
        if not point.residual <= _RESIDUAL * scale * (1 + float(np.linalg.norm(point.state))):
            what = "what is missing after one period" if of_orbit else "|f|"
            reason = f"{what} is {point.residual:.1e} there"
        elif not point.critical_distance <= (_MULTIPLIER if of_orbit else _CRITICAL * size):
            what, where = ("multiplier", "its place") if of_orbit else ("eigenvalue", "the imaginary axis")
            reason = f"the critical {what} is {point.critical_distance:.1e} from {where}"
        if reason:
            self.rejected.append(RejectedEvent(point.kind, point.parameter, point.state, reason))
            return
        if not any(self._same(point, other) for other in self.points):
            self.points.append(point)

    def _same(self, point: SpecialPoint, other: SpecialPoint) -> bool:
        in_plane = point.second_parameter is not None
        if other.kind != point.kind or in_plane != (other.second_parameter is not None):
            return False
        same = _SAME_IN_PLANE if in_plane else _SAME
        if abs(other.parameter - point.parameter) > same * self.plane.width:
            return False
        if point.second_parameter is not None and other.second_parameter is not None:
            low, high = self.plane.second_interval or (0.0, 1.0)
            if abs(other.second_parameter - point.second_parameter) > same * (high - low):
                return False
        return _close(other.state, point.state, 100 * same) or point.kind in ORBIT_KINDS


def _beyond(values: Array, interval: tuple[float, float]) -> NDArray[np.bool_]:
    low, high = interval
    slack = _SLACK * (high - low)
    out: NDArray[np.bool_] = (values < low - slack) | (values > high + slack)
    return out


def _ends_at(values: Array, interval: tuple[float, float]) -> bool:
    low, high = interval
    return bool(min(abs(values[-1] - low), abs(values[-1] - high)) <= _SLACK * (high - low))


def _close(a: Array, b: Array, tolerance: float = _SAME) -> bool:
    return bool(np.linalg.norm(a - b) <= tolerance * (1.0 + np.linalg.norm(b)))
