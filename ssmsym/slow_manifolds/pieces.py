"""Pieces of an invariant curve with their rates and errors; of a cycle, its period."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.fields.field import VectorField
from ssmsym.slow_manifolds.coordinate import Coordinate
from ssmsym.slow_manifolds.elements import Element, complement

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rates:
    """Rates along a piece, at the middle of each element.

    Attributes
    ----------
    s : (m,) array
    inner : (m,) array
        d ln|f| / dt along the curve, in 1/time.
    transverse : (m,) array
        Largest real part of the eigenvalues of the Jacobian across the curve, in 1/time.
    """

    s: Array
    inner: Array
    transverse: Array

    @property
    def ratio(self) -> Array:
        """-transverse / |inner|: normal attraction, where it is well above 1."""
        return -self.transverse / np.maximum(np.abs(self.inner), np.finfo(float).tiny)


@dataclass(frozen=True, eq=False)
class CurvePiece:
    """A piece of the curve from where the flow comes to where it ends.

    Attributes
    ----------
    elements : tuple of Element
        In the order of the flow.
    begin, end : str
        ``"saddle"``, ``"inflow"``; ``"sink"``, ``"left the extent"``, ``"lost: ..."``.
    begins_at, ends_at : int or None
        Positions of the fixed points in the curve's list.
    field : VectorField
    coordinate : Coordinate
    """

    elements: tuple[Element, ...]
    begin: str
    end: str
    begins_at: int | None
    ends_at: int | None
    field: VectorField
    coordinate: Coordinate

    @property
    def extent(self) -> tuple[float, float]:
        """Coordinates of its first and last point, in the order of the flow."""
        first, last = self.elements[0].at(-1.0), self.elements[-1].at(1.0)
        return float(self.coordinate.of(first)), float(self.coordinate.of(last))

    @functools.cached_property
    def rates(self) -> Rates:
        """Inner and transverse rates, from the eigenvalues of one Jacobian an element."""
        s, inner, transverse = [], [], []
        for element in self.elements:
            x = element.at(0.0)
            velocity = self.field(x)
            t = velocity / np.linalg.norm(velocity)
            A = self.field.jacobian(x)
            Q = complement(t)
            s.append(float(self.coordinate.of(x)))
            inner.append(float(t @ A @ t))
            transverse.append(float(np.linalg.eigvals(Q.T @ A @ Q).real.max()))
        return Rates(np.array(s), np.array(inner), np.array(transverse))

    @functools.cached_property
    def _closing(self) -> tuple[int, float, float]:
        """Where a cycle meets its own end: element, place in it, and the distance by which it fails to close."""
        end = self.elements[-1].at(1.0)
        places = [_place(element, end) for element in self.elements[:3]]
        distances = [
            float(np.linalg.norm(element.at(t) - end))
            for element, t in zip(self.elements[:3], places, strict=True)
        ]
        first = int(np.argmin(distances))
        return first, places[first], distances[first]

    @property
    def closing_error(self) -> float:
        """Distance by which a cycle fails to close."""
        return self._closing[2]

    @functools.cached_property
    def period(self) -> float:
        """Time of one turn round a cycle, in the field's unit of time."""
        first, place, _ = self._closing
        times = [_time(element, self.field, -1.0) for element in self.elements[first + 1 :]]
        return _time(self.elements[first], self.field, place) + sum(times)

    @functools.cached_property
    def errors(self) -> tuple[float, float]:
        """Invariance error relative to the speed: its L2 norm over the piece, and the largest pointwise value."""
        above = below = worst = 0.0
        t = np.cos(np.pi * (np.arange(24) + 0.5) / 24)
        for element in self.elements:
            states, tangents = element.at(t), element.tangent(t)
            velocities = self.field(states)
            lengths = np.linalg.norm(tangents, axis=1)
            unit = tangents / lengths[:, None]
            across = velocities - unit * (velocities * unit).sum(axis=1)[:, None]
            error, speed = np.linalg.norm(across, axis=1), np.linalg.norm(velocities, axis=1)
            above += float((error**2 * lengths).sum())
            below += float((speed**2 * lengths).sum())
            worst = max(worst, float((error / speed).max()))
        return float(np.sqrt(above / below)), worst


def _place(element: Element, state: Array) -> float:
    """t of the point of an element that lies nearest to a state."""
    grid = np.linspace(-1, 1, 201)
    t = float(grid[np.argmin(np.linalg.norm(element.at(grid) - state, axis=1))])
    for _ in range(8):
        offset, tangent = element.at(t) - state, element.tangent(t)
        t = float(np.clip(t - (offset @ tangent) / (tangent @ tangent), -1.0, 1.0))
    return t


def _time(element: Element, field: VectorField, start: float) -> float:
    """Time from t = start to the end of an element: the integral of |dx/dt| / |f|, by Gauss's rule."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    t = 0.5 * (1.0 + start) + 0.5 * (1.0 - start) * nodes
    speeds = np.linalg.norm(field(element.at(t)), axis=1)
    return float(0.5 * (1.0 - start) * (weights * np.linalg.norm(element.tangent(t), axis=1) / speeds).sum())
