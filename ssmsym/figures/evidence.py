"""The figure of an SSM's evidence: how far the series can be believed, and what the root test says."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError
from ssmsym.figures.canvas import ACCENT, FULL, REDUCED, STABLE, UNSTABLE, new_figure, save_figure
from ssmsym.manifolds.evidence import Evidence
from ssmsym.manifolds.radius import RadiusEstimate
from ssmsym.manifolds.ssm import SSM

Array = NDArray[np.float64]

_FLOOR = 1e-17
_MOST_CURVES = 6
_TOLERANCE = 1e-2


def plot_evidence(
    ssm: SSM,
    path: str | os.PathLike[str],
    *,
    orders: Sequence[int] | None = None,
    tolerance: float = _TOLERANCE,
    overwrite: bool = False,
) -> None:
    """Write a PNG of an SSM's evidence.

    Left, the largest invariance error on |p| = r over the largest speed inside, against r, for several orders,
    with the trust radius at `tolerance` and the root-test radius of convergence. Right, the root test of W and R by
    degree, whose floor is that radius.

    Parameters
    ----------
    ssm : SSM
    path : path
        The PNG file.
    orders : sequence of int, optional
        Orders of the curves; about six from 1 to the order of the expansion when not given.
    tolerance : float
        Relative error that defines the trust radius.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    InputError
        If an order is none of the expansion's, or the tolerance is not positive.
    MissingExtraError
        If matplotlib is not installed.
    OutputError
        If the file exists or cannot be written.
    """
    chosen = _orders(ssm, orders)
    if not tolerance > 0:
        raise InputError(f"'tolerance' must be positive; found {tolerance}.")
    figure, (left, right) = new_figure(1, 2, width=5.4, height=4.6)
    draw_errors(left, ssm.evidence, chosen, tolerance)
    draw_root_test(right, ssm.evidence)
    figure.suptitle(repr(ssm), fontsize=8, color=FULL, wrap=True)
    save_figure(figure, path, overwrite=overwrite)


def draw_errors(axes: Any, evidence: Evidence, orders: Sequence[int], tolerance: float) -> None:
    """Relative invariance error against the radius, one curve an order, with both radii marked."""
    from matplotlib import colormaps

    radii = evidence.radii
    floor = np.maximum(evidence.rounding, np.finfo(float).tiny)
    scale = np.maximum(evidence.speeds, floor)
    shades = colormaps["viridis_r"](np.linspace(0.12, 1.0, len(orders)))
    for order, shade in zip(orders, shades, strict=True):
        errors = evidence.errors_by_order[order - 1]
        shown = np.where(np.isfinite(errors), np.maximum(errors / scale, _FLOOR), np.nan)
        axes.loglog(radii, shown, color=shade, lw=1.6, label=f"order {order}")
    rounding = floor / scale
    axes.fill_between(radii, _FLOOR, rounding, color="0.9", lw=0, zorder=0)
    axes.text(radii[0] * 1.15, 2 * _lowest(evidence, scale), "rounding errors", fontsize=7, color=FULL)
    trust = evidence.trust_radius(tolerance)
    axes.axhline(tolerance, color=REDUCED, lw=0.9, ls=":")
    if trust > 0:
        axes.axvline(trust, color=REDUCED, lw=1.4, label=f"trust radius {trust:.3g} (at {tolerance:g})")
    if np.isfinite(evidence.radius) and evidence.radius > 0:
        label = f"radius of convergence ≈ {evidence.radius:.3g}"
        axes.axvline(evidence.radius, color=UNSTABLE, lw=1.4, ls="--", label=label)
    axes.set_xlim(radii[0], radii[-1])
    axes.set_ylim(_lowest(evidence, scale), 30)
    axes.set_xlabel("radius |p|")
    axes.set_ylabel("invariance error / speed")
    axes.set_title(_slope_title(evidence))
    _legend_below(axes)


def draw_root_test(axes: Any, evidence: Evidence) -> None:
    """``height(k)^(-1/k)`` of W and R against the degree k, with the estimates."""
    rows = (
        ("W", evidence.parametrization_radius, STABLE, "o"),
        ("R", evidence.dynamics_radius, ACCENT, "s"),
    )
    for name, estimate, colour, marker in rows:
        degrees = np.arange(1, len(estimate.by_degree) + 1)
        shown = np.isfinite(estimate.by_degree) & (degrees >= 2)
        axes.plot(
            degrees[shown], estimate.by_degree[shown], marker, color=colour, label=f"{name}: {estimate}"
        )
        if np.isfinite(estimate.value) and not estimate.shrinks:
            axes.axhline(estimate.value, color=colour, lw=0.9, ls="--")
    axes.set_xlim(1.5, max(evidence.errors_by_order.shape[0], 2) + 0.5)
    axes.set_ylim(0.0, _root_test_height([row[1] for row in rows]))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("degree k")
    axes.set_ylabel("(size of degree k)$^{-1/k}$")
    axes.set_title("Radius of convergence by the root test")
    _legend_below(axes)


def _legend_below(axes: Any) -> None:
    axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncol=3)


def _root_test_height(estimates: Sequence[RadiusEstimate]) -> float:
    """Top of the panel: low degrees far above the radius are left out."""
    finite = np.concatenate([e.by_degree[1:][np.isfinite(e.by_degree[1:])] for e in estimates])
    late = [e.value for e in estimates if np.isfinite(e.value)]
    if not len(finite):
        return 1.0
    return 1.08 * min(float(finite.max()), 4.0 * max(late, default=float(finite.max())))


def _slope_title(evidence: Evidence) -> str:
    slope = evidence.slope
    return "Invariance error" + ("" if slope is None else f" (slope {slope:.2f} at the highest order)")


def _lowest(evidence: Evidence, scale: Array) -> float:
    """A decade below the smallest error shown, but not below rounding errors of no interest."""
    relative = evidence.errors_by_order / scale
    smallest = float(np.min(relative[np.isfinite(relative) & (relative > 0)], initial=1.0))
    return max(smallest / 10.0, 1e-16)


def _orders(ssm: SSM, orders: Sequence[int] | None) -> list[int]:
    if orders is None:
        spread = np.linspace(1, ssm.order, min(ssm.order, _MOST_CURVES))
        return [int(k) for k in np.unique(spread.round())]
    chosen = sorted(set(orders))
    if not chosen or chosen[0] < 1 or chosen[-1] > ssm.order:
        raise InputError(f"'orders' must lie between 1 and {ssm.order}; found {list(orders)}.")
    return chosen
