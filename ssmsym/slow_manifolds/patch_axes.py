"""Axes of a patch: pieces of Chebyshev polynomials, or one Fourier series round a circle."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_EDGE = 1e-9  # of an axis: what lies so little beyond its inner end belongs to the patch, not to its margin


class Axis(Protocol):
    """One coordinate t of a patch, with the nodes and basis functions on each of its elements."""

    @property
    def n_elements(self) -> int: ...

    @property
    def points(self) -> Array:
        """Nodes (n_elements, K)."""
        ...

    @property
    def to_coefficients(self) -> Array:
        """(K, K), from the values at an element's nodes."""
        ...

    def locate(self, t: Array) -> Integers:
        """The element of each t (m,)."""
        ...

    def basis(self, t: Array, element: Integers) -> Array:
        """Basis functions (m, K) of the elements at t."""
        ...

    def basis_slope(self, t: Array, element: Integers) -> Array:
        """Their derivatives with respect to t."""
        ...

    def held_back(self, t: Array, speed: Array) -> Array:
        """What inward speeds lose in the margins: nothing inside, all at the outer ends."""
        ...

    def limits(self, *, margin: bool) -> tuple[float, float]:
        """The ends, with or without the margins."""
        ...

    def spread(self, count: int) -> Array:
        """Evenly spaced t (count,) without the margins."""
        ...

    def narrowed(self) -> Axis:
        """With margins half as wide."""
        ...


@dataclass(frozen=True, eq=False)
class ChebyshevAxis:
    """Elements between breaks; nodes are Chebyshev's of the first kind, so that no end is a node.

    Attributes
    ----------
    breaks : (m + 1,) array, ascending
    degree : int
    inner : (low, high)
        Where the margins begin; an end without a margin coincides with that of the breaks.
    """

    breaks: Array
    degree: int
    inner: tuple[float, float]

    @property
    def n_elements(self) -> int:
        return len(self.breaks) - 1

    @functools.cached_property
    def _local_points(self) -> Array:
        k = self.degree + 1
        return -np.cos(np.pi * (np.arange(k) + 0.5) / k)

    @functools.cached_property
    def points(self) -> Array:
        middles, halves = 0.5 * (self.breaks[1:] + self.breaks[:-1]), 0.5 * np.diff(self.breaks)
        return np.asarray(middles[:, None] + halves[:, None] * self._local_points)

    @functools.cached_property
    def to_coefficients(self) -> Array:
        return np.asarray(np.linalg.inv(chebyshev.chebvander(self._local_points, self.degree)))

    def locate(self, t: Array) -> Integers:
        found = np.clip(np.searchsorted(self.breaks, t, side="right") - 1, 0, self.n_elements - 1)
        last = int(np.searchsorted(self.breaks, self.inner[1], side="left")) - 1
        return np.where(
            t <= self.inner[1] + _EDGE * (self.breaks[-1] - self.breaks[0]), np.minimum(found, last), found
        )

    def basis(self, t: Array, element: Integers) -> Array:
        return np.asarray(chebyshev.chebvander(self._local(t, element), self.degree), dtype=float)

    def basis_slope(self, t: Array, element: Integers) -> Array:
        slopes = chebyshev.chebder(np.eye(self.degree + 1), axis=0)
        lower = chebyshev.chebvander(self._local(t, element), self.degree - 1) @ slopes
        return np.asarray(lower * (2.0 / np.diff(self.breaks)[element])[:, None])

    def _local(self, t: Array, element: Integers) -> Array:
        low, high = self.breaks[element], self.breaks[element + 1]
        return np.asarray(2.0 * (t - low) / (high - low) - 1.0)

    def held_back(self, t: Array, speed: Array) -> Array:
        low, high = self.inner
        out = np.zeros(len(t))
        rows = np.flatnonzero((t < low) & (speed > 0))
        if len(rows):
            out[rows] = speed[rows] * (_smooth_step((t[rows] - self.breaks[0]) / (low - self.breaks[0])) - 1)
        rows = np.flatnonzero((t > high) & (speed < 0))
        if len(rows):
            width = self.breaks[-1] - high
            out[rows] = speed[rows] * (_smooth_step((self.breaks[-1] - t[rows]) / width) - 1)
        return out

    def limits(self, *, margin: bool) -> tuple[float, float]:
        return (float(self.breaks[0]), float(self.breaks[-1])) if margin else self.inner

    def spread(self, count: int) -> Array:
        return np.linspace(*self.inner, count)

    def narrowed(self) -> ChebyshevAxis:
        low, high = self.inner
        breaks = np.where(self.breaks < low, 0.5 * (self.breaks + low), self.breaks)
        return ChebyshevAxis(np.where(breaks > high, 0.5 * (breaks + high), breaks), self.degree, self.inner)


@dataclass(frozen=True, eq=False)
class FourierAxis:
    """An angle from -pi to pi, by a Fourier series with `harmonics` cosines and sines."""

    harmonics: int

    @property
    def n_elements(self) -> int:
        return 1

    @functools.cached_property
    def points(self) -> Array:
        k = 2 * self.harmonics + 1
        return np.asarray(2.0 * np.pi * (np.arange(k) - self.harmonics) / k)[None]

    @functools.cached_property
    def to_coefficients(self) -> Array:
        return np.asarray(np.linalg.inv(self.basis(self.points[0], np.zeros(0, dtype=np.int64))))

    def locate(self, t: Array) -> Integers:
        return np.zeros(len(t), dtype=np.int64)

    def basis(self, t: Array, element: Integers) -> Array:
        angles = np.outer(t, np.arange(1, self.harmonics + 1))
        return np.column_stack([np.ones(len(t)), np.cos(angles), np.sin(angles)])

    def basis_slope(self, t: Array, element: Integers) -> Array:
        k = np.arange(1, self.harmonics + 1)
        angles = np.outer(t, k)
        return np.column_stack([np.zeros(len(t)), -k * np.sin(angles), k * np.cos(angles)])

    def held_back(self, t: Array, speed: Array) -> Array:
        return np.zeros(len(t))

    def limits(self, *, margin: bool) -> tuple[float, float]:
        return -np.pi, np.pi

    def spread(self, count: int) -> Array:
        return np.linspace(-np.pi, np.pi, count, endpoint=False)

    def narrowed(self) -> FourierAxis:
        return self


def _smooth_step(u: Array) -> Array:
    """From 0 at u = 0 to 1 at u = 1, with four vanishing derivatives at both ends."""
    u = np.clip(u, 0.0, 1.0)
    return np.asarray(u**5 * (126.0 - 420.0 * u + 540.0 * u**2 - 315.0 * u**3 + 70.0 * u**4))
