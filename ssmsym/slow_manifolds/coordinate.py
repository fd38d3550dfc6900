"""Coordinates along a curve in state space: a straight direction, or an angle in a plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Coordinate(Protocol):
    """A scalar s(x); level sets are hyperplanes e(s) . x = level(s)."""

    @property
    def periodic(self) -> bool: ...

    def of(self, states: Array) -> Array:
        """s at states (..., N)."""
        ...

    def speed(self, states: Array, velocities: Array) -> Array:
        """ds/dt at states (..., N) that move with velocities (..., N)."""
        ...

    def level_set(self, s: float) -> tuple[Array, float]:
        """Unit normal e (N,) and level of the hyperplane at s."""
        ...

    def projected(self, coefficients: Array) -> tuple[Array, Coordinate]:
        """Series (n + 1, N) in the one or two directions that count, and the same coordinate of those."""
        ...


@dataclass(frozen=True, eq=False)
class Line:
    """s = e . (x - origin).

    Attributes
    ----------
    direction : (N,) unit vector e
    origin : (N,) array
    """

    direction: Array
    origin: Array
    periodic: bool = False

    def of(self, states: Array) -> Array:
        return np.asarray((states - self.origin) @ self.direction)

    def speed(self, states: Array, velocities: Array) -> Array:
        return np.asarray(velocities @ self.direction)

    def level_set(self, s: float) -> tuple[Array, float]:
        return self.direction, float(s + self.direction @ self.origin)

    def projected(self, coefficients: Array) -> tuple[Array, Line]:
        return coefficients @ self.direction[:, None], Line(
            np.ones(1), np.array([self.origin @ self.direction])
        )


@dataclass(frozen=True, eq=False)
class Angle:
    """The angle about a centre in the plane of two orthonormal vectors, from -pi to pi.

    Attributes
    ----------
    centre : (N,) array
    plane : (2, N) array
    """

    centre: Array
    plane: Array
    periodic: bool = True

    def of(self, states: Array) -> Array:
        a, b = np.moveaxis((states - self.centre) @ self.plane.T, -1, 0)
        return np.asarray(np.arctan2(b, a))

    def speed(self, states: Array, velocities: Array) -> Array:
        a, b = np.moveaxis((states - self.centre) @ self.plane.T, -1, 0)
        u, v = np.moveaxis(velocities @ self.plane.T, -1, 0)
        return np.asarray((a * v - b * u) / (a**2 + b**2))

    def level_set(self, s: float) -> tuple[Array, float]:
        normal = np.cos(s) * self.plane[1] - np.sin(s) * self.plane[0]
        return normal, float(normal @ self.centre)

    def projected(self, coefficients: Array) -> tuple[Array, Angle]:
        return coefficients @ self.plane.T, Angle(self.plane @ self.centre, np.eye(2))
