"""The quasi-static surface f(x) = V rho, U^T (x - c) = s over a patch: where the computation of a slow surface starts.

It passes exactly through every fixed point that it meets and needs none; it is no invariant surface.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import NotConvergedError
from ssmsym.fields.field import VectorField

Array = NDArray[np.float64]

_STEPS = 25
_SETTLED = 1e-9  # of a Newton step; the next one, its square, would be a rounding error
_BATCH = 64
_LONGEST = 3.0  # of a Newton step, relative to the size of a unit's state and 1
_MOST_HALVINGS = 5


@dataclass(frozen=True, eq=False)
class Plane:
    """Coordinates s = U^T (x - c) on state space.

    Attributes
    ----------
    origin : (N,) array c
    right, left : (N, 2) arrays V and U with U^T V = I
    """

    origin: Array
    right: Array
    left: Array

    def of(self, states: Array) -> Array:
        """s (m, 2) of states (m, N)."""
        return np.asarray((states - self.origin) @ self.left)


def quasi_static_surface(field: VectorField, plane: Plane, places: Array, start: Array) -> Array:
    """States (n, N) of the surface at places (n, 2), continued outwards from a state on or near it.

    Raises
    ------
    NotConvergedError
        If it is lost, with the place.
    """
    first = plane.of(start[None])
    states, _, settled = _held(field, plane, first, start[None])
    if not settled[0]:
        raise NotConvergedError(_lost(field, plane, first[0], start))
    order = np.argsort(np.linalg.norm(places - first, axis=1), kind="stable")
    known_places, known_states = first, states
    slopes = _slopes(field, plane, states)
    out = np.empty((len(places), field.n_states))
    done = 0
    while done < len(order):
        wanted = order[done : done + min(_BATCH, max(4, done // 2))]
        nearest = np.linalg.norm(places[wanted, None] - known_places, axis=2).argmin(axis=1)
        steps = places[wanted] - known_places[nearest]
        guesses = known_states[nearest] + np.einsum("ikj,ij->ik", slopes[nearest], steps)
        found, _, settled = _held(field, plane, places[wanted], guesses)
        for i in np.flatnonzero(~settled):
            near = int(nearest[i])
            found[i] = _continued(field, plane, known_places[near], known_states[near], places[wanted[i]])
        out[wanted] = found
        known_places = np.vstack([known_places, places[wanted]])
        known_states = np.vstack([known_states, found])
        slopes = np.concatenate([slopes, _slopes(field, plane, found)])
        done += len(wanted)
    return out


def _continued(
    field: VectorField, plane: Plane, here: Array, state: Array, there: Array, depth: int = 0
) -> Array:
    """The state at a place from one nearby, by halved steps."""
    guess = state + _slopes(field, plane, state[None])[0] @ (there - here)
    found, _, settled = _held(field, plane, there[None], guess[None])
    if settled[0]:
        return np.asarray(found[0])
    if depth >= _MOST_HALVINGS:
        raise NotConvergedError(_lost(field, plane, here, state))
    middle = 0.5 * (here + there)
    between = _continued(field, plane, here, state, middle, depth + 1)
    return _continued(field, plane, middle, between, there, depth + 1)


def _bordered(field: VectorField, plane: Plane, states: Array) -> Array:
    m, n = states.shape
    out = np.zeros((m, n + 2, n + 2))
    out[:, :n, :n] = field.jacobian(states)
    out[:, :n, n:] = -plane.right
    out[:, n:, :n] = plane.left.T
    return out


def _held(
    field: VectorField, plane: Plane, places: Array, guesses: Array
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """States and rho at places by Newton iteration in a batch, and which of them have settled."""
    n = field.n_states
    x = np.array(guesses)
    rho = field(x) @ plane.left
    longest = _LONGEST * (1.0 + np.linalg.norm(x, axis=1) / np.sqrt(n))
    settled = np.zeros(len(x), dtype=bool)
    for _ in range(_STEPS):
        active = np.flatnonzero(~settled & np.isfinite(x).all(axis=1))
        if not len(active):
            break
        residual = np.hstack(
            [field(x[active]) - rho[active] @ plane.right.T, plane.of(x[active]) - places[active]]
        )
        try:
            step = -np.linalg.solve(_bordered(field, plane, x[active]), residual[..., None])[..., 0]
        except np.linalg.LinAlgError:
            break
        lengths = np.linalg.norm(step[:, :n], axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.minimum(1.0, longest[active] / lengths)[:, None]
        x[active] += share * step[:, :n]
        rho[active] += share * step[:, n:]
        settled[active] = lengths <= _SETTLED * (1.0 + np.linalg.norm(x[active], axis=1))
    return x, rho, settled


def _slopes(field: VectorField, plane: Plane, states: Array) -> Array:
    """dx/ds (m, N, 2) on the surface."""
    m, n = states.shape
    sides = np.zeros((n + 2, 2))
    sides[n:] = np.eye(2)
    return np.linalg.solve(_bordered(field, plane, states), np.broadcast_to(sides, (m, n + 2, 2)))[:, :n]


def _lost(field: VectorField, plane: Plane, place: Array, state: Array) -> str:
    held = field.jacobian(state)
    across = held - plane.right @ (plane.left.T @ held)
    leading = float(np.sort(np.linalg.eigvals(across).real)[-3])  # two zeros belong to the held directions
    return (
        f"The surface was lost near s = ({place[0]:.4g}, {place[1]:.4g}): Newton iteration for the quasi-static state "
        f"does not settle there; the leading transverse rate is {leading:.3g}. Take a smaller patch, other directions, "
        "or start from another state."
    )
