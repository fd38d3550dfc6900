r"""Contraction of a surface over a patch onto the invariant one, by the flow itself.

In the patch's margin the flow that comes in from outside is slowed down: g(x) = f(x) + W0_s(s) l(s), s = U^T (x - c),
with l the loss of velocity in the plane, 0 on the patch and the whole inward part at the margin's outer edge, and W0
the start. So under g no state comes from beyond the edge, and a start that is invariant stays; where l = 0 an invariant
surface of g is one of f. No inflow condition is needed. Outward motion is left alone: it needs none.

Each round takes every node s back along the reduced flow for a while, starts on the current surface there, and comes
forward with g. The surface converges at the transverse rates (graph transform; Fenichel, Indiana Univ. Math. J. 21,
1971). Fixed steps of the Runge-Kutta method of order 8 by Dormand and Prince (SciPy's DOP853), all nodes in one matrix.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ssmsym.fields.field import VectorField
from ssmsym.slow_manifolds.patch import Patch
from ssmsym.slow_manifolds.surface_start import Plane

Array = NDArray[np.float64]

_STAGES = 12
_STEP = 0.7  # times the largest singular value of the Jacobian
_BACKWARD_STEPS = 12  # of order 4: errors of the foot count squared


def runge_kutta_8(right_side: Callable[[Array], Array], x: Array, time: float, steps: int) -> Array:
    """States after a time, by equal steps of order 8."""
    from scipy.integrate import DOP853

    h = time / steps
    for _ in range(steps):
        slopes: list[Array] = []
        for row in DOP853.A[:_STAGES]:
            y = x
            for weight, slope in zip(row, slopes, strict=False):
                if weight:
                    y = y + (h * weight) * slope
            slopes.append(right_side(y))
        for weight, slope in zip(DOP853.B, slopes, strict=True):
            if weight:
                x = x + (h * weight) * slope
    return x


class Contraction:
    """Rounds of the graph transform on one patch.

    Parameters
    ----------
    field : VectorField
    plane : Plane
    patch : Patch
    time : float
        Of one round.
    fastest : float
        Largest singular value of the Jacobian, in 1/time.
    """

    def __init__(
        self,
        field: VectorField,
        plane: Plane,
        patch: Patch,
        reference: Array,
        time: float,
        fastest: float,
    ) -> None:
        self._field = field
        self._plane = plane
        self._patch = patch
        self._reference = reference
        self._time = time
        self._steps = max(1, int(np.ceil(time * fastest / _STEP)))

    def round(self, states: Array) -> Array:
        """The surface's states at the nodes after one round."""
        patch, plane = self._patch, self._plane
        surface = patch.coefficients(states)
        feet = self._feet(states)
        arrived = runge_kutta_8(self._slowed, patch.evaluate(surface, feet), self._time, self._steps)
        missing = patch.nodes - plane.of(arrived)
        moved = arrived + np.einsum("ikj,ij->ik", patch.gradient(surface, patch.nodes), missing)
        return np.asarray(moved + (patch.nodes - plane.of(moved)) @ plane.right.T)

    def _slowed(self, x: Array) -> Array:
        velocity = self._field(x)
        s = self._plane.of(x)
        loss = self._patch.held_back(s, velocity @ self._plane.left)
        rows = np.flatnonzero(loss.any(axis=1))
        if len(rows):
            slopes = self._patch.gradient(self._reference, self._patch.clipped(s[rows]))
            velocity[rows] += np.einsum("ikj,ij->ik", slopes, loss[rows])
        return velocity

    def _feet(self, states: Array) -> Array:
        """Where the reduced flow was one round's time ago, for every node."""
        patch = self._patch
        rates = patch.coefficients(self._field(states) @ self._plane.left)

        def backward(s: Array) -> Array:
            inside = patch.clipped(s)
            rate = patch.evaluate(rates, inside)
            return np.asarray(-rate - patch.held_back(inside, rate))

        h = self._time / _BACKWARD_STEPS
        s = patch.nodes
        for _ in range(_BACKWARD_STEPS):
            k1 = backward(s)
            k2 = backward(s + 0.5 * h * k1)
            k3 = backward(s + 0.5 * h * k2)
            k4 = backward(s + h * k3)
            s = s + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        return patch.clipped(s)
