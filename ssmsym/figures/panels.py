"""Single panels, each drawn into given axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.data.fit import FittedSSM
from ssmsym.dynamics.diagram import BifurcationDiagram, Branch
from ssmsym.dynamics.fixed_points import FixedPoint
from ssmsym.figures.canvas import ACCENT, FULL, REDUCED, STABLE, UNSTABLE
from ssmsym.manifolds.ssm import SSM
from ssmsym.reduced.model import ReducedModel

Array = NDArray[np.float64]


def draw_fixed_points(axes: Any, ssm: SSM, points: Sequence[FixedPoint]) -> None:
    """Fixed points over the first reduced coordinate and the readout (or the distance from the manifold)."""
    field = ssm.field
    p = np.array([ssm.project(point.state)[0] for point in points])
    if field.n_outputs:
        height = np.array([field.readout(point.state)[0] for point in points])
        axes.set_ylabel("readout z")
    else:
        height = np.array([np.linalg.norm(point.state - ssm.fixed_point.state) for point in points])
        axes.set_ylabel("distance from the expansion point")
    stable = np.array([point.stable for point in points])
    axes.plot(p[stable], height[stable], "o", color=STABLE, label="stable")
    axes.plot(p[~stable], height[~stable], "o", mfc="white", color=UNSTABLE, label="unstable")
    axes.plot(0, field.readout(ssm.fixed_point.state)[0] if field.n_outputs else 0, "+", color="black", ms=14)
    axes.set_xlabel("slow coordinate p (+: expansion point)")
    axes.set_title(f"{len(points)} fixed points")
    axes.legend(frameon=False)


def draw_reduced_dynamics(axes: Any, model: ReducedModel, points: Sequence[FixedPoint]) -> None:
    """R(p) of a one-dimensional model with its zeros, the full network's fixed points and the trust radius."""
    assert model.ssm is not None
    evidence = model.ssm.evidence
    radius = evidence.trust_radius(1e-2)
    roots = [float(f.p[0]) for f in evidence.fixed_points if f.status == "confirmed"]
    reach = 1.25 * max([radius, *(abs(r) for r in roots)])
    p = np.linspace(-reach, reach, 400)
    axes.axhline(0, color="0.7", lw=0.8)
    axes.axvspan(-radius, radius, color=REDUCED, alpha=0.12, lw=0, label="trusted (1e-2)")
    axes.plot(p, model.field(p[:, None])[:, 0], color=REDUCED, label="reduced model")
    near = [q for q in model.project(np.array([point.state for point in points]))[:, 0] if abs(q) <= reach]
    axes.plot(near, np.zeros(len(near)), "k|", ms=14, label="network's fixed points")
    for root in roots:
        axes.plot(root, 0, "o", color=STABLE)
    axes.set_xlabel("p")
    axes.set_ylabel("p' (1/time)")
    axes.set_title("Reduced dynamics")
    axes.legend(frameon=False, fontsize=8)


def draw_invariance_error(axes: Any, ssm: SSM) -> None:
    """Invariance error against the radius, for every other order."""
    evidence = ssm.evidence
    orders = sorted({*range(1, ssm.order + 1, 2), ssm.order})
    shades = np.linspace(0.75, 0.0, len(orders))
    scale = np.maximum(evidence.speeds, evidence.rounding)
    for order, shade in zip(orders, shades, strict=True):
        relative = np.maximum(evidence.errors_by_order[order - 1] / scale, 1e-17)
        axes.loglog(evidence.radii, relative, color=str(shade), label=f"order {order}")
    axes.axhline(1e-2, color=REDUCED, lw=0.8, ls="--")
    axes.axvline(evidence.trust_radius(1e-2), color=REDUCED, lw=0.8, ls="--")
    axes.set_ylim(1e-16, 10)
    axes.set_xlabel("radius |p|")
    axes.set_ylabel("invariance error / speed")
    axes.set_title("How far the series can be believed")
    axes.legend(frameon=False, fontsize=8)


def draw_diagram(
    axes: Any, reduced: BifurcationDiagram, full: BifurcationDiagram, model: ReducedModel, other: str = ""
) -> None:
    """Reduced branches over the full network's, projected on the slow coordinate, with folds and Hopf points."""
    for branch in full.branches:
        _draw_branch(axes, branch, model.project(branch.states)[:, 0], FULL, FULL, 1.0)
    for branch in reduced.branches:
        _draw_branch(axes, branch, branch.states[:, 0], STABLE, UNSTABLE, 2.4)
    for point in full.special_points:
        axes.plot(point.parameter, model.project(point.state)[0], "s", color=FULL, ms=5, mfc="white")
    for point in reduced.special_points:
        axes.plot(point.parameter, point.state[0], "o", color=ACCENT, ms=6)
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel(reduced.parameter)
    axes.set_ylabel("p")
    axes.set_title(f"Branches: reduced (colour{other}) over full (grey)")


def _draw_branch(axes: Any, branch: Branch, height: Array, stable: str, unstable: str, width: float) -> None:
    for mask, colour, style in ((branch.stable, stable, "-"), (~branch.stable, unstable, "--")):
        shown = np.where(_widened(mask), height, np.nan)
        axes.plot(branch.parameter, shown, style, color=colour, lw=width)


def _widened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The points of a kind and their neighbours, so that lines of two kinds meet."""
    out = mask.copy()
    out[1:] |= mask[:-1]
    return out


def draw_trajectories(axes: Any, times: Array, reduced: Array, full: Array, label: str) -> None:
    """Reduced against full trajectories of one quantity; arrays (n, M)."""
    for i, (short, whole) in enumerate(zip(reduced, full, strict=True)):
        axes.plot(times, whole, color=FULL, lw=2.5, alpha=0.6, label="network" if i == 0 else None)
        axes.plot(times, short, color=REDUCED, lw=1.2, ls="--", label="reduced model" if i == 0 else None)
    axes.set_xlabel("time")
    axes.set_ylabel(label)
    axes.set_title("Reduced against full simulation")
    axes.legend(frameon=False)


def draw_fit(axes: Any, fit: FittedSSM, model: ReducedModel, verdict: str) -> None:
    """Fitted against analytic one-dimensional dynamics over the data's range (same projection)."""
    low, high = (float(v) for v in np.ravel(fit.eta_range)[:2])
    p = np.linspace(low, high, 200)[:, None]
    analytic, fitted = model.field(p)[:, 0], fit.reduced_dynamics(p)[:, 0]
    axes.plot(p[:, 0], analytic, color=FULL, lw=3, alpha=0.6, label="analytic")
    axes.plot(p[:, 0], fitted, color=ACCENT, lw=1.2, ls="--", label="fit to trajectories")
    axes.set_xlabel("p (range of the data)")
    axes.set_ylabel("p' (1/time)")
    axes.set_title(f"Data-driven fit: {verdict}")
    axes.legend(frameon=False)
