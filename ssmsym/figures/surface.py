"""The figure of a slow surface: the motion on it, how invariant it is, and where it attracts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.fixed_points import FixedPoint
from ssmsym.errors import InputError
from ssmsym.figures.canvas import FULL, STABLE, UNSTABLE, new_figure, save_figure
from ssmsym.slow_manifolds.surface import SlowSurface

Array = NDArray[np.float64]

_GRID = 81
_ON_IT = 1e-3  # of the surface's size: distance of fixed points that lie on it


def plot_surface(
    surface: SlowSurface,
    path: str | os.PathLike[str],
    *,
    points: Sequence[FixedPoint] = (),
    overwrite: bool = False,
) -> None:
    """Write a PNG of a slow surface.

    Left, the reduced motion with the fixed points on the surface; middle, the invariance error relative to the largest
    speed; right, the ratio of the transverse rate to the fastest inner contraction.

    Parameters
    ----------
    surface : SlowSurface
    path : path
        The PNG file.
    points : sequence of FixedPoint, optional
        Those that lie on the surface are shown.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    InputError
        If it is no slow surface.
    MissingExtraError
        If matplotlib is not installed.
    OutputError
        If the file exists or cannot be written.
    """
    if not isinstance(surface, SlowSurface):
        raise InputError(f"Only slow surfaces are drawn here; found {type(surface).__name__}.")
    figure, (left, middle, right) = new_figure(1, 3, width=4.6, height=4.2)
    first, second = (np.linspace(low, high, _GRID) for low, high in surface.patch.bounds())
    s = np.column_stack([a.ravel() for a in np.meshgrid(first, second)])
    rates = surface.rate(s).reshape(_GRID, _GRID, 2)
    speeds = np.linalg.norm(rates, axis=2)
    left.streamplot(
        first,
        second,
        rates[..., 0],
        rates[..., 1],
        color=np.ma.masked_invalid(speeds),
        cmap="Blues",
        density=1.3,
    )
    _draw_points(left, surface, points)
    left.set_title("Motion on the surface")
    errors = surface.invariance_error(s)
    size = np.nanmax(np.linalg.norm(surface.field(surface.patch_states()), axis=1))
    relative = np.log10(np.maximum(errors / size, 1e-16)).reshape(_GRID, _GRID)
    shown = middle.pcolormesh(first, second, relative, cmap="viridis", shading="nearest")
    figure.colorbar(shown, ax=middle, shrink=0.8)
    middle.set_title("log10 of invariance error / speed")
    _draw_ratio(figure, right, surface)
    for axes in (left, middle, right):
        axes.set_aspect("equal")
        axes.set_xlim(first[0], first[-1])
        axes.set_ylim(second[0], second[-1])
        axes.set_xlabel("s1")
        axes.set_ylabel("s2")
    figure.suptitle(repr(surface), fontsize=8, color=FULL, wrap=True)
    save_figure(figure, path, overwrite=overwrite)


def _draw_points(axes: Any, surface: SlowSurface, points: Sequence[FixedPoint]) -> None:
    for point in points:
        s = surface.project(point.state)
        height = np.linalg.norm(surface.sample(s)[0] - point.state)
        if height < _ON_IT * np.abs(surface.patch_states() - surface.plane.origin).max():
            face = STABLE if point.stable else "white"
            axes.plot(*s[0], "o", mfc=face, color=STABLE if point.stable else UNSTABLE, ms=8, zorder=3)


def _draw_ratio(figure: Any, axes: Any, surface: SlowSurface) -> None:
    rates = surface.rates
    ratio = np.clip(rates.ratio, 0.0, 10.0)
    shown = axes.scatter(
        *rates.s.T, c=ratio, cmap="RdYlBu", vmin=0.0, vmax=4.0, s=60, edgecolors="0.4", lw=0.4
    )
    figure.colorbar(shown, ax=axes, shrink=0.8, extend="max")
    weak = rates.ratio <= 1.0
    axes.plot(*rates.s[weak].T, "x", color="black", ms=5, label="1 or less: no surface")
    axes.set_title("Normal attraction: ratio of rates")
    if weak.any():
        axes.legend(frameon=False, fontsize=8, loc="upper left")
