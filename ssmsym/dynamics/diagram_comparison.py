"""The special points of several diagrams of one model side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ssmsym.dynamics.diagram import BifurcationDiagram, SpecialPoint
from ssmsym.errors import InputError

_NEAR = (
    0.02  # distance in units of the interval and of the states' size within which points are taken for one
)


@dataclass(frozen=True, eq=False)
class ComparedPoint:
    """One special point in all diagrams that have it.

    Attributes
    ----------
    kind : str
    points : dict of label to SpecialPoint
    spread : float
        Largest difference of a parameter between two diagrams; 0 for one alone.
    """

    kind: str
    points: dict[str, SpecialPoint]

    @property
    def spread(self) -> float:
        first = [point.parameter for point in self.points.values()]
        second = [point.second_parameter or 0.0 for point in self.points.values()]
        return float(max(np.ptp(first), np.ptp(second)))


@dataclass(frozen=True, eq=False)
class DiagramComparison:
    """Special points of several diagrams.

    Attributes
    ----------
    parameter : str
    labels : tuple of str
    rows : tuple of ComparedPoint
        By kind, then by parameter.
    """

    parameter: str
    labels: tuple[str, ...]
    rows: tuple[ComparedPoint, ...]

    @property
    def missing(self) -> tuple[ComparedPoint, ...]:
        """Points that some diagram lacks."""
        return tuple(row for row in self.rows if len(row.points) < len(self.labels))

    @property
    def largest_spread(self) -> float:
        """Largest difference of a parameter value among points that two diagrams have."""
        return max((row.spread for row in self.rows), default=0.0)

    def __repr__(self) -> str:
        width = max(len("special point"), *(len(row.kind) for row in self.rows)) if self.rows else 13
        columns = [max(len(label), 16) for label in self.labels]
        head = "  ".join(label.rjust(size) for label, size in zip(self.labels, columns, strict=True))
        lines = [f"{'special point':<{width}}  {head}    spread"]
        for row in self.rows:
            cells = [
                f"{row.points[label].parameter:.12g}".rjust(size) if label in row.points else "-".rjust(size)
                for label, size in zip(self.labels, columns, strict=True)
            ]
            lines.append(f"{row.kind.replace('_', ' '):<{width}}  {'  '.join(cells)}    {row.spread:.1e}")
        return "\n".join(lines)


def compare_diagrams(diagrams: Mapping[str, BifurcationDiagram]) -> DiagramComparison:
    """The special points of several diagrams of one model, matched by kind and place.

    Parameters
    ----------
    diagrams : mapping of label to BifurcationDiagram
        Such as of ssmsym and of continuation tools, over the same parameter.

    Returns
    -------
    DiagramComparison

    Raises
    ------
    InputError
        If there are fewer than two diagrams, or their parameters or numbers of states differ.

    Examples
    --------
    >>> import sympy, ssmsym
    >>> x, mu = sympy.symbols("x mu")
    >>> field = ssmsym.from_sympy({x: mu + x - x**3}, parameters={mu: 0.0})
    >>> coarse, fine = (ssmsym.branches(field, "mu", (-1.0, 1.0), largest_step=h) for h in (0.1, 0.02))
    >>> compared = compare_diagrams({"coarse": coarse, "fine": fine})
    >>> len(compared.rows), compared.missing, compared.largest_spread < 1e-12
    (2, (), True)
    """
    if not isinstance(diagrams, Mapping):
        raise InputError(f"Give a mapping of labels to diagrams; found {type(diagrams).__name__}.")
    if len(diagrams) < 2:
        raise InputError(f"Two diagrams or more are compared; found {len(diagrams)}.")
    names = {(d.parameter, d.second_parameter) for d in diagrams.values()}
    if len(names) > 1:
        raise InputError(f"The diagrams must be over the same parameters; found {sorted(map(str, names))}.")
    first = next(iter(diagrams.values()))
    sizes = {len(p.state) for d in diagrams.values() for p in d.special_points}
    if len(sizes) > 1:
        raise InputError(f"The diagrams must be of one model; their states have {sorted(sizes)} entries.")
    widths = _widths(list(diagrams.values()))
    states = [np.abs(p.state).max(initial=0.0) for d in diagrams.values() for p in d.special_points]
    size = max(states, default=1.0) or 1.0
    groups: list[dict[str, SpecialPoint]] = []
    for label, diagram in diagrams.items():
        for point in diagram.special_points:
            group = _nearest(groups, label, point, widths, float(size))
            if group is None:
                groups.append({label: point})
            else:
                group[label] = point
    rows = [ComparedPoint(next(iter(group.values())).kind, group) for group in groups]
    rows.sort(key=lambda row: (row.kind, next(iter(row.points.values())).parameter))
    return DiagramComparison(first.parameter, tuple(diagrams), tuple(rows))


def _widths(diagrams: list[BifurcationDiagram]) -> tuple[float, float]:
    """Of the intervals; 1 for a second parameter that there is not."""
    first = max(d.interval[1] - d.interval[0] for d in diagrams)
    second = [d.second_interval[1] - d.second_interval[0] for d in diagrams if d.second_interval]
    return first, max(second, default=1.0)


def _nearest(
    groups: list[dict[str, SpecialPoint]],
    label: str,
    point: SpecialPoint,
    widths: tuple[float, float],
    size: float,
) -> dict[str, SpecialPoint] | None:
    """The group of the same kind nearest to a point that has none of its diagram yet."""
    found, nearest = None, _NEAR
    for group in groups:
        other = next(iter(group.values()))
        if label in group or other.kind != point.kind:
            continue
        aside = abs((other.second_parameter or 0.0) - (point.second_parameter or 0.0)) / widths[1]
        distance = max(abs(other.parameter - point.parameter) / widths[0], aside, _apart(other, point) / size)
        if distance < nearest:
            found, nearest = group, distance
    return found


def _apart(a: SpecialPoint, b: SpecialPoint) -> float:
    """Distance of states; of points on cycles, whose states may lie anywhere on them, of periods."""
    if a.kind.startswith("cycle") or a.kind in ("period_doubling", "torus"):
        return abs((a.period or 0.0) - (b.period or 0.0))
    return float(np.abs(a.state - b.state).max(initial=0.0))
