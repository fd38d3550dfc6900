"""Pieces of an invariant curve, marched element by element along the flow from where it comes to where it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.fields.field import VectorField
from ssmsym.slow_manifolds.elements import Element, FrozenJacobian, collocate, lobatto

Array = NDArray[np.float64]

_RESOLVED = 1e-8  # of an element's length: largest tail that is accepted
_GENEROUS = 1e-10  # tail below which the next element may be longer
_GROWTH = 1.6
_APPROACH = 1.5  # lengths from a sink at which elements begin to halve
_ARRIVED = 3e-4  # of the longest element: distance at which the last one takes the sink as its end
_SHORTEST = 1e-6  # of the longest element
_MOST_ELEMENTS = 600
_NOISE = 1e-13  # of rate times size of the state: rounding errors of f
_TRAJECTORY_STEPS = 4000

ARRIVED, LEFT, LOST = "sink", "left the extent", "lost: there is no smooth curve over its own tangent"


@dataclass(frozen=True, eq=False)
class Run:
    """Elements in the order of the flow, and how they ended."""

    elements: tuple[Element, ...]
    end: str
    sink: int | None = None


class March:
    """Marching on one field towards some sinks.

    Parameters
    ----------
    field : VectorField
        A flow.
    sinks : sequence of (N,) arrays
    longest : float
        Largest length of an element.
    leaves : callable
        Whether a state is outside the extent.
    degree : int
        Of the elements.
    """

    def __init__(
        self,
        field: VectorField,
        sinks: Sequence[Array],
        longest: float,
        leaves: Callable[[Array], bool],
        degree: int,
    ) -> None:
        self._field = field
        self._sinks = sinks
        self._longest = longest
        self._leaves = leaves
        self._degree = degree
        self._frozen = FrozenJacobian()

    def from_source(self, state: Array, direction: Array) -> Run:
        """From a saddle or source along a unit eigenvector."""
        return self._run(state, direction, 0.5 * self._longest)

    def from_inflow(self, state: Array) -> Run:
        """From a state where the flow comes in; the first element is short, as the curve is not smooth there."""
        return self._run(state, None, self._longest / 16)

    def _run(self, x: Array, direction: Array | None, length: float) -> Run:
        elements: list[Element] = []
        while len(elements) < _MOST_ELEMENTS:
            velocity = self._field(x)
            nearest = None if direction is not None else self._approached(x, velocity, length)
            e = direction if direction is not None else velocity / np.linalg.norm(velocity)
            end = None
            if nearest is not None:
                offset = self._sinks[nearest] - x
                distance = float(np.linalg.norm(offset))
                e, length = offset / distance, 0.5 * distance
                if distance < _ARRIVED * self._longest:
                    length, end = distance, self._sinks[nearest]
            element, length, arrived = self._element(x, e, length, end)
            if element is None:
                return Run(tuple(elements), LOST)
            elements.append(element)
            x, direction = element.at(1.0), None
            if arrived:
                return Run(tuple(elements), ARRIVED, nearest)
            if self._leaves(x):
                return Run(tuple(elements), LEFT)
            if nearest is None and element.tail < _GENEROUS * length:
                length = min(self._longest, _GROWTH * length)
        return Run(tuple(elements), LOST)

    def _approached(self, x: Array, velocity: Array, length: float) -> int | None:
        """The sink that lies ahead within reach."""
        for k, sink in enumerate(self._sinks):
            offset = sink - x
            distance = float(np.linalg.norm(offset))
            ahead = offset @ velocity > 0.3 * distance * float(np.linalg.norm(velocity))
            if distance < _APPROACH * length and ahead:
                return k
        return None

    def _element(
        self, x: Array, e: Array, length: float, end: Array | None
    ) -> tuple[Element | None, float, bool]:
        """The longest element that resolves the curve; its length, and whether it ends in the sink."""
        A = self._field.jacobian(x)
        rate = float(np.sqrt(np.linalg.norm(A, 1) * np.linalg.norm(A, np.inf)))  # at least the spectral norm
        noise = _NOISE * rate * float(np.linalg.norm(x))
        while length >= _SHORTEST * self._longest:
            for guess in self._guesses(x, e, length, rate, straight=end is not None):
                element = collocate(
                    self._field, x, e, length, guess, noise=noise, end=end, frozen=self._frozen
                )
                if element is not None and (end is not None or element.tail < _RESOLVED * length):
                    return element, length, end is not None
            length, end = 0.5 * length, None
        return None, length, False

    def _guesses(self, x: Array, e: Array, length: float, rate: float, *, straight: bool) -> Iterator[Array]:
        """A straight line, and where Newton iteration does not settle from there, a trajectory."""
        points = 0.5 * length * (1.0 + lobatto(self._degree)[0])
        yield x + np.outer(points, e)
        if not straight:
            trajectory = self._trajectory(x, e, points, 0.3 / rate)
            if trajectory is not None:
                yield trajectory

    def _trajectory(self, x: Array, e: Array, points: Array, dt: float) -> Array | None:
        """States of a trajectory from x at the given advances along e; None if it turns back or takes too long."""
        from scipy.interpolate import CubicSpline

        field, start = self._field, x
        advances, states = [0.0], [x]
        for _ in range(_TRAJECTORY_STEPS):
            k1 = field(x)
            k2 = field(x + 0.5 * dt * k1)
            k3 = field(x + 0.5 * dt * k2)
            x = x + dt / 6.0 * (k1 + 2 * k2 + 2 * k3 + field(x + dt * k3))
            advance = float(e @ (x - start))
            if not advance > advances[-1]:
                return None
            advances.append(advance)
            states.append(x)
            if advance > points[-1]:
                return np.asarray(CubicSpline(advances, states)(points))
        return None
