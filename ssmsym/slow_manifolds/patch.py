"""Patches of a plane: rectangles, disks and annuli, with functions on them as tensor products by elements."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.slow_manifolds.patch_axes import Axis
from ssmsym.slow_manifolds.patch_outline import CIRCLE, Outline

Array = NDArray[np.float64]

_CENTRE = 1e-3  # of a disk's radius: inside, derivatives are taken from its rim


@dataclass(frozen=True, eq=False)
class Patch:
    """A region of the plane of s = (s1, s2), divided into elements along two axes.

    Attributes
    ----------
    axes : (Axis, Axis)
        Of s1 and s2, or of radius and angle.
    semi_axes : (2,) array, optional
        Of an ellipse about s = 0: s = r R(angle) (a cos(angle), b sin(angle)). None for a rectangle.
    outline : Outline
        R; 1 for an ellipse.
    """

    axes: tuple[Axis, Axis]
    semi_axes: Array | None = None
    outline: Outline = CIRCLE

    @property
    def polar(self) -> bool:
        """Whether the axes are radius and angle."""
        return self.semi_axes is not None

    @functools.cached_property
    def nodes(self) -> Array:
        """Nodes (n, 2) in the plane, by element and within it."""
        first, second = self.axes
        a = np.broadcast_to(first.points[:, None, :, None], self._shape).ravel()
        b = np.broadcast_to(second.points[None, :, None, :], self._shape).ravel()
        return self._plane(a, b)

    @property
    def _shape(self) -> tuple[int, int, int, int]:
        first, second = self.axes
        return first.n_elements, second.n_elements, first.points.shape[1], second.points.shape[1]

    def coefficients(self, values: Array) -> Array:
        """Tensor coefficients (elements, K1 K2, n) of values (nodes, n)."""
        first, second = self.axes
        m1, m2, k1, k2 = self._shape
        by_element = values.reshape(m1 * m2, k1, k2, -1)
        along_first = np.einsum("ij,ejkn->eikn", first.to_coefficients, by_element, optimize=True)
        both = np.einsum("kl,eiln->eikn", second.to_coefficients, along_first, optimize=True)
        return np.ascontiguousarray(both.reshape(m1 * m2, k1 * k2, -1))

    def evaluate(self, coefficients: Array, s: Array) -> Array:
        """Values (m, n) at places s (m, 2) of the patch."""
        a, b = self._axes_of(s)
        first, second = self.axes
        i, j = first.locate(a), second.locate(b)
        return self._summed(coefficients, i, j, first.basis(a, i), second.basis(b, j))

    def gradient(self, coefficients: Array, s: Array) -> Array:
        """Derivatives (m, n, 2) with respect to s."""
        if self.semi_axes is None:
            return self._slopes(coefficients, *self._axes_of(s))
        a, b = self._axes_of(s)
        radius = _CENTRE * self.axes[0].limits(margin=False)[1]
        out = self._polar_gradient(coefficients, np.maximum(a, radius), b)
        inner = np.flatnonzero(a < radius)
        if len(inner):  # there derivatives along the angle drown in rounding errors: a line across the centre
            behind = self._polar_gradient(coefficients, np.full(len(inner), radius), _opposite(b[inner]))
            share = 0.5 * (1.0 + a[inner] / radius)[:, None, None]
            out[inner] = share * out[inner] + (1.0 - share) * behind
        return np.asarray(out / self.semi_axes)

    def _slopes(self, coefficients: Array, a: Array, b: Array) -> Array:
        """Derivatives (m, n, 2) with respect to the axes."""
        first, second = self.axes
        i, j = first.locate(a), second.locate(b)
        along_a = self._summed(coefficients, i, j, first.basis_slope(a, i), second.basis(b, j))
        along_b = self._summed(coefficients, i, j, first.basis(a, i), second.basis_slope(b, j))
        return np.stack([along_a, along_b], axis=2)

    def _polar_gradient(self, coefficients: Array, a: Array, b: Array) -> Array:
        along_a, along_b = np.moveaxis(self._slopes(coefficients, a, b), 2, 0)
        R, bend = self.outline.radius(b)[:, None], self.outline.slope(b)[:, None]
        cos, sin = np.cos(b)[:, None], np.sin(b)[:, None]
        outward, round_it = along_a / R, (along_b / a[:, None] - along_a * bend / R) / R
        return np.stack([cos * outward - sin * round_it, sin * outward + cos * round_it], axis=2)

    def held_back(self, s: Array, velocities: Array) -> Array:
        """What the velocities (m, 2) at places s lose: in a margin, more and more of the motion in from outside."""
        a, b = self._axes_of(s)
        if self.semi_axes is None:
            parts = (axis.held_back(t, v) for axis, t, v in zip(self.axes, (a, b), velocities.T, strict=True))
            return np.column_stack(list(parts))
        R, bend = self.outline.radius(b), self.outline.slope(b)
        cos, sin = np.cos(b), np.sin(b)
        v, w = (velocities / self.semi_axes).T
        speed = (cos * v + sin * w - (cos * w - sin * v) * bend / R) / R
        lost = R * self.axes[0].held_back(a, speed)
        return np.asarray(self.semi_axes * np.column_stack([cos * lost, sin * lost]))

    def contains(self, s: Array, *, margin: bool = False) -> NDArray[np.bool_]:
        """Whether places (m, 2) lie in the patch proper, or in its margin too."""
        inside = np.asarray(np.isfinite(s).all(axis=1))
        for axis, t in zip(self.axes, self._axes_of(s), strict=True):
            limits = axis.limits(margin=margin)
            slack = 1e-9 * (limits[1] - limits[0])
            inside = inside & (t >= limits[0] - slack) & (t <= limits[1] + slack)
        return np.asarray(inside)

    def clipped(self, s: Array) -> Array:
        """The places themselves, those beyond the margin moved to its edge."""
        moved = []
        for axis, t in zip(self.axes, self._axes_of(s), strict=True):
            moved.append(np.clip(t, *axis.limits(margin=True)))
        return self._plane(moved[0], moved[1])

    def sampled(self, per_axis: int) -> Array:
        """A grid of places (per_axis^2, 2) of the patch proper, evenly spaced along the axes, ends included."""
        first, second = (axis.spread(per_axis) for axis in self.axes)
        a, b = np.meshgrid(first, second, indexing="ij")
        return self._plane(a.ravel(), b.ravel())

    def narrowed(self) -> Patch:
        """With margins half as wide."""
        return Patch((self.axes[0].narrowed(), self.axes[1].narrowed()), self.semi_axes, self.outline)

    def bounds(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The rectangle of s round the patch proper."""
        first, second = (axis.limits(margin=False) for axis in self.axes)
        if self.semi_axes is None:
            return first, second
        a, b = (float(v) for v in first[1] * self.outline.largest * self.semi_axes)
        return (-a, a), (-b, b)

    def describe(self) -> str:
        """The patch proper in words."""
        first, second = (axis.limits(margin=False) for axis in self.axes)
        if self.semi_axes is None:
            return f"s1 from {first[0]:.4g} to {first[1]:.4g}, s2 from {second[0]:.4g} to {second[1]:.4g}"
        if self.outline is not CIRCLE:
            return (
                f"r up to {first[1]:.4g} times the outline, whose radius is up to {self.outline.largest:.4g}"
            )
        inner, outer = first[0] * self.semi_axes, first[1] * self.semi_axes
        shape = (
            f"radius {outer[0]:.4g}"
            if outer[0] == outer[1]
            else f"semi-axes {outer[0]:.4g} and {outer[1]:.4g}"
        )
        hole = f", without the part inside {inner[0]:.4g}" if inner[0] > 0 else ""
        return f"|s| up to {shape}{hole}"

    def _summed(
        self, coefficients: Array, i: NDArray[np.int64], j: NDArray[np.int64], B: Array, C: Array
    ) -> Array:
        """Sums over products of basis functions, one matrix product an element."""
        out = np.empty((len(B), coefficients.shape[2]))
        element = i * self.axes[1].n_elements + j
        order = np.argsort(element, kind="stable")
        bounds = np.searchsorted(element[order], np.arange(len(coefficients) + 1))
        for e in range(len(coefficients)):
            rows = order[bounds[e] : bounds[e + 1]]
            if len(rows):
                products = (B[rows, :, None] * C[rows, None, :]).reshape(len(rows), -1)
                out[rows] = products @ coefficients[e]
        return out

    def _plane(self, a: Array, b: Array) -> Array:
        if self.semi_axes is None:
            return np.column_stack([a, b])
        r = a * self.outline.radius(b)
        return np.column_stack([r * np.cos(b), r * np.sin(b)]) * self.semi_axes

    def _axes_of(self, s: Array) -> tuple[Array, Array]:
        if self.semi_axes is None:
            return s[:, 0], s[:, 1]
        x, y = (s / self.semi_axes).T
        b = np.arctan2(y, x)
        return np.hypot(x, y) / self.outline.radius(b), b


def _opposite(angles: Array) -> Array:
    return np.where(angles > 0, angles - np.pi, angles + np.pi)
