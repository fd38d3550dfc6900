"""The invariance error by order, radius and direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.fixed_points import format_eigenvalue
from ssmsym.errors import InputError
from ssmsym.threads import single_blas_thread

if TYPE_CHECKING:
    from ssmsym.manifolds.ssm import SSM

Array = NDArray[np.float64]

_SHOWN_RADII = 8
_SHOWN_ORDERS = 7
_ROUNDING = 1e-12  # of the speed: invariance errors below this are rounding errors
_MINOR = 0.05  # share of a direction below which a mode is not named


@dataclass(frozen=True, eq=False)
class ErrorTable:
    """Invariance errors of the expansions to several orders; ``str(table)`` prints the relative ones.

    Attributes
    ----------
    orders : (K,) int
    radii : (n,)
        |p|.
    directions : (m, d)
        Unit vectors p / |p|.
    errors : (K, n, m)
        |f(W) - DW R|, for a map |f(W) - W(R)|, in 1/time, at zero parameter offsets.
    speeds : (n,)
        Largest |f(W)| (map: |f(W) - W|) of the highest order up to each radius.
    names : tuple of str
        Each direction in modal coordinates.
    rounding : (n,)
        Size of rounding errors; smaller errors mean nothing.
    """

    orders: NDArray[np.int64]
    radii: Array
    directions: Array
    errors: Array
    speeds: Array
    names: tuple[str, ...]
    rounding: Array

    @property
    def relative_errors(self) -> Array:
        """`errors` over `speeds`, (K, n, m); where both are rounding errors, of that size."""
        scale = np.maximum(self.speeds, self.rounding)
        return np.asarray(self.errors / np.maximum(scale, np.finfo(float).tiny)[None, :, None])

    @property
    def worst(self) -> NDArray[np.intp]:
        """Position of the direction with the largest error, by order and radius, (K, n)."""
        return np.argmax(np.where(np.isnan(self.errors), np.inf, self.errors), axis=2)

    def worst_direction(self, order: int | None = None, radius: float | None = None) -> str:
        """The worst direction in modal coordinates, at the highest order and largest radius when not given.

        Raises
        ------
        InputError
            If the table has no such order.
        """
        row = len(self.orders) - 1
        if order is not None:
            found = np.flatnonzero(self.orders == order)
            if not len(found):
                raise InputError(f"The table has no order {order}; it has {self.orders.tolist()}.")
            row = int(found[0])
        column = len(self.radii) - 1 if radius is None else int(np.argmin(np.abs(self.radii - radius)))
        return self.names[int(self.worst[row, column])]

    def __str__(self) -> str:
        rows = _spread(len(self.radii), _SHOWN_RADII)
        columns = _spread(len(self.orders), _SHOWN_ORDERS)
        largest = np.where(np.isnan(self.relative_errors), np.inf, self.relative_errors).max(axis=2)
        orders = [f"order {self.orders[k]}" for k in columns]
        lines = ["  radius |p|" + "".join(f"{text:>10s}" for text in orders) + "   worst direction"]
        for i in rows:
            numbers = "".join(f"{largest[k, i]:10.1e}" for k in columns)
            lines.append(f"  {self.radii[i]:10.4g}{numbers}   {self.names[int(self.worst[-1, i])]}")
        return "\n".join(lines)


@single_blas_thread()
def error_table(
    ssm: SSM, radii: ArrayLike, directions: ArrayLike, orders: Sequence[int] | None = None
) -> ErrorTable:
    """Invariance errors of an SSM and of its truncations.

    Parameters
    ----------
    ssm : SSM
    radii : (n,)
        Positive radii |p|.
    directions : (m, d)
        Directions of p, of any length but 0.
    orders : sequence of int, optional
        1 to the order of the expansion when not given.

    Raises
    ------
    InputError
        If an argument has the wrong shape or range.
    """
    lengths = _radii(radii)
    unit = _directions(directions, ssm.dimension)
    chosen = list(range(1, ssm.order + 1)) if orders is None else sorted({int(k) for k in orders})
    if not chosen:
        raise InputError("'orders' is empty; name at least one.")
    points = lengths[:, None, None] * unit
    flat = points.reshape(-1, ssm.dimension)
    shape = points.shape[:2]
    with np.errstate(over="ignore", invalid="ignore"):
        errors = [ssm.truncated(k).invariance_error(flat).reshape(shape) for k in chosen]
        speeds = np.linalg.norm(ssm.motion(flat), axis=1).reshape(shape).max(axis=1)
    order = np.argsort(lengths)
    inside = np.empty_like(speeds)
    inside[order] = np.maximum.accumulate(speeds[order])
    return ErrorTable(
        orders=np.array(chosen),
        radii=lengths,
        directions=unit,
        errors=np.array(errors),
        speeds=inside,
        names=tuple(direction_name(ssm, direction) for direction in unit),
        rounding=rounding_errors(ssm, lengths, inside),
    )


def rounding_errors(ssm: SSM, radii: Array, speeds: Array) -> Array:
    """Size of rounding errors of the invariance error on spheres, in 1/time."""
    rate = ssm.spectral_scale
    reach = radii + float(np.linalg.norm(ssm.fixed_point.state))
    return np.asarray(_ROUNDING * np.maximum(speeds, rate * reach))


def direction_name(ssm: SSM, direction: Array) -> str:
    """A direction of p in modal coordinates: ``+0.80 mode 0 (+0.0108)``, pairs with amplitude and phase."""
    spectrum = ssm.eigenvalues
    parts: list[tuple[float, str]] = []
    i = 0
    while i < ssm.dimension:
        value = spectrum[i]
        if value.imag and i + 1 < ssm.dimension and np.isclose(spectrum[i + 1], value.conjugate()):
            size = float(np.hypot(*direction[i : i + 2]))
            phase = np.degrees(np.arctan2(direction[i + 1], direction[i]))
            modes = f"modes {ssm.modes[i]}, {ssm.modes[i + 1]}"
            text = f"{size:.2f} at {phase:+.0f}° {modes} ({value.real:+.4f}±{abs(value.imag):.4f}i)"
            parts.append((size, text))
            i += 2
        else:
            text = f"{direction[i]:+.2f} mode {ssm.modes[i]} ({format_eigenvalue(value)})"
            parts.append((abs(float(direction[i])), text))
            i += 1
    return "; ".join(text for size, text in parts if size >= _MINOR)


def _radii(radii: ArrayLike) -> Array:
    lengths = np.atleast_1d(np.asarray(radii, dtype=float))
    if lengths.ndim != 1 or not len(lengths) or not np.isfinite(lengths).all() or (lengths <= 0).any():
        raise InputError(f"'radii' are positive numbers, (n,); found {np.asarray(radii)!r}.")
    return lengths


def _directions(directions: ArrayLike, d: int) -> Array:
    vectors = np.atleast_2d(np.asarray(directions, dtype=float))
    if vectors.ndim != 2 or vectors.shape[1] != d or not len(vectors):
        raise InputError(f"'directions' have shape (m, {d}); found {np.shape(directions)}.")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        raise InputError("'directions' must be finite and none the zero vector.")
    return np.asarray(vectors / lengths)


def _spread(count: int, shown: int) -> list[int]:
    """Positions spread over 0..count - 1, the first and last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, shown)).round().astype(int)).tolist()
