"""Bifurcation diagrams: branches, special points with their evidence, and events that were turned down."""

from __future__ import annotations

from dataclasses import dataclass, field as dataclass_field

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.fixed_points import format_eigenvalue

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Branch:
    """One curve of solutions, in the order in which it was traced.

    Attributes
    ----------
    parameter : (M,) array
        Absolute parameter values.
    states : (M, n) array
        Fixed points; of periodic orbits the largest value of each coordinate.
    stable : (M,) bool array
    unstable : (M,) int array
        Number of unstable directions; -1 where the source does not say.
    kind : {"equilibrium", "periodic", "fold_curve", "hopf_curve", "flip_curve", "neimark_sacker_curve"}
        The last four are curves of bifurcations in two parameters.
    periods : (M,) array or None
        Of periodic orbits.
    second_parameter : (M,) array or None
        Of curves in two parameters, values of the diagram's second one.
    minima : (M, n) array or None
        Of periodic orbits, the smallest value of each coordinate.
    orbit_points : (M, n) array or None
        Of periodic orbits, a state on each.
    ends : tuple of str
        Why tracing stopped at the first and at the last point.
    """

    parameter: Array
    states: Array
    stable: NDArray[np.bool_]
    unstable: NDArray[np.int64]
    kind: str = "equilibrium"
    periods: Array | None = None
    ends: tuple[str, str] = ("", "")
    second_parameter: Array | None = None
    minima: Array | None = None
    orbit_points: Array | None = None

    def __len__(self) -> int:
        return len(self.parameter)

    @property
    def amplitudes(self) -> Array:
        """Half the range of each coordinate along each periodic orbit, (M, n); 0 for fixed points."""
        return np.zeros_like(self.states) if self.minima is None else 0.5 * (self.states - self.minima)


@dataclass(frozen=True, eq=False)
class SpecialPoint:
    """A bifurcation, with what shows that it is one.

    Attributes
    ----------
    kind : str
        ``"fold"``, ``"hopf"``, ``"branch_point"``; of periodic orbits ``"cycle_fold"``, ``"period_doubling"``,
        ``"torus"``, ``"cycle_branch_point"``; on curves in two parameters ``"cusp"``, ``"bogdanov_takens"``,
        ``"generalized_hopf"``, ``"fold_hopf"``; of maps also ``"flip"`` (a multiplier
        passes -1) and ``"neimark_sacker"`` (a pair of multipliers passes the unit circle).
    parameter : float
        Absolute value.
    state : (n,) array
        Of a periodic orbit a state on it.
    eigenvalues : (k,) complex array
        Nearest to the imaginary axis first, in 1/time; of a map the multipliers, nearest to the unit circle
        first; of a periodic orbit the Floquet multipliers; empty where the source gives none.
    residual : float
        Norm of f, or of f(x) - x for a map, or of the way left to the start after a period of an orbit; NaN
        where the source gives none.
    critical_distance : float
        Distance of the critical eigenvalue (pair) from the imaginary axis, in 1/time; of a map | |m| - 1 | of
        the critical multiplier m; of a periodic orbit that of its critical multiplier from 1, -1 or the unit
        circle; NaN where not known.
    branch : int
        Number of its branch.
    period : float or None
        2 pi / |Im| at a Hopf point; in iterates 2 pi / |arg m| at a Neimark-Sacker point and 2 at a flip; the
        period of a cycle.
    confirmed : bool or None
        Of a reduced model: whether the full network has the same bifurcation nearby; None if not asked.
    distance : float or None
        Norm of full state minus lifted state at the bifurcation.
    full_parameter : float or None
        Where the full network has it.
    second_parameter : float or None
        On a curve in two parameters, the value of the second.
    """

    kind: str
    parameter: float
    state: Array
    eigenvalues: NDArray[np.complex128]
    residual: float = float("nan")
    critical_distance: float = float("nan")
    branch: int = 0
    period: float | None = None
    confirmed: bool | None = None
    distance: float | None = None
    full_parameter: float | None = None
    second_parameter: float | None = None

    def __repr__(self) -> str:
        state = np.array2string(self.state, precision=5, threshold=4)
        leading = ", ".join(format_eigenvalue(v) for v in self.eigenvalues[:2])
        second = "" if self.second_parameter is None else f", {self.second_parameter:.8g}"
        text = f"{self.kind} at {self.parameter:.8g}{second}, state {state}"
        if leading:
            text += f", eigenvalues {leading}"
        if self.confirmed is not None:
            verdict = "confirmed" if self.confirmed else "not confirmed"
            where = "" if self.full_parameter is None else f" at {self.full_parameter:.8g}"
            far = "" if self.distance is None else f", distance {self.distance:.2g}"
            text += f"; full network: {verdict}{where}{far}"
        return text


@dataclass(frozen=True, eq=False)
class RejectedEvent:
    """A sign change that turned out not to be a bifurcation inside the interval.

    Attributes
    ----------
    kind : str
    parameter : float
    state : (n,) array
    reason : str
    """

    kind: str
    parameter: float
    state: Array
    reason: str


@dataclass(frozen=True, eq=False)
class BifurcationDiagram:
    """Branches of solutions over one parameter.

    Attributes
    ----------
    parameter : str
    interval : tuple of float
    branches : tuple of Branch
    special_points : tuple of SpecialPoint
        By parameter, ascending.
    rejected : tuple of RejectedEvent
    source : str
        What traced it: ``"ssmsym"`` or a tool with its version.
    trained_step : float or None
        Step dt of the Euler map as which a network was trained that is analysed as its ODE here.
    euler_map_points : tuple of SpecialPoint
        Where that Euler map changes stability along the same branches, as a map's points (``"neimark_sacker"``,
        ``"flip"``), by parameter: its multipliers are 1 + dt l for eigenvalues l of the ODE. Its folds and branch
        points are those of the ODE and not repeated. Empty without a trained step.
    second_parameter : str or None
        Of curves in two parameters.
    second_interval : tuple of float or None
    """

    parameter: str
    interval: tuple[float, float]
    branches: tuple[Branch, ...]
    special_points: tuple[SpecialPoint, ...]
    rejected: tuple[RejectedEvent, ...] = dataclass_field(default=())
    source: str = "ssmsym"
    trained_step: float | None = None
    euler_map_points: tuple[SpecialPoint, ...] = dataclass_field(default=())
    second_parameter: str | None = None
    second_interval: tuple[float, float] | None = None

    def of_kind(self, kind: str) -> tuple[SpecialPoint, ...]:
        """Special points of one kind."""
        return tuple(point for point in self.special_points if point.kind == kind)

    def __repr__(self) -> str:
        low, high = self.interval
        head = f"BifurcationDiagram({self.parameter} from {low:g} to {high:g}, {self.source}): "
        lines = [f"{head}{len(self.branches)} branches, {len(self.special_points)} special points"]
        lines += [f"  {point!r}" for point in self.special_points]
        if self.trained_step:
            count = len(self.euler_map_points)
            besides = (
                " besides folds and branch points"
                if self.of_kind("fold") or self.of_kind("branch_point")
                else ""
            )
            lines.append(
                f"  the Euler map with the training step {self.trained_step:g} has {count or 'no'} special "
                f"point{'s' * (count != 1)}{besides}" + ":" * (count > 0)
            )
            lines += [f"    {point!r}" for point in self.euler_map_points]
        lines += [f"  rejected: {e.kind} at {e.parameter:.6g}: {e.reason}" for e in self.rejected]
        return "\n".join(lines)
