"""Distinct fixed points among the ends of many iterations: merging, the test of each, and continua of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.newton import defect, defect_jacobian, polish, solve_batch
from ssmsym.fields.field import VectorField

Array = NDArray[np.float64]

RELATIVE_TOLERANCE = 1e-12  # of |A| L, on the defect

_MERGING_DISTANCE = 1e-6
_LARGEST_STEP = 1e-7
_ROUNDING = 1e-13
_NOISE = 4e-15  # of the terms of f: what is left of them at a fixed point
_ZERO_RATE = 1e-7
_NEIGHBOUR = 0.1
_POLISHING_STEPS = 100  # at most, where Newton iteration is slow as the Jacobian is singular
_BENDING = 0.25  # of the distance of two points: how far a continuum may leave the straight line between them


class DistinctStates:
    """The fixed points met so far, one for each continuum of them; states in units of their typical size.

    Each is polished when it is first met and dropped unless it proves to be a fixed point within the limits: beyond
    them a saturated gate holds any state.
    """

    def __init__(self, field: VectorField, rate: float, limits: Array | None = None) -> None:
        self._field = field
        self._rate = rate
        self._limits = limits
        self.states: list[Array] = []
        self.residuals: list[float] = []
        self.hits: list[int] = []
        self.continuum: list[bool] = []
        self._members: list[list[Array]] = []  # all that it stands for, where the Jacobian is singular

    @property
    def index_sum(self) -> int | None:
        """Sum of the signs of det(-A); None where one stands for a continuum."""
        if any(self.continuum):
            return None
        signs = (np.linalg.slogdet(-defect_jacobian(self._field, state))[0] for state in self.states)
        return sum(int(sign) for sign in signs)

    def add(self, ends: Array) -> int:
        """Record the ends of an iteration; returns how many new points they hold."""
        known = list(self.states)
        left = ends
        if self._limits is not None:
            left = ends[(np.abs(ends) <= self._limits * (1.0 + _MERGING_DISTANCE)).all(axis=1)]
        for i, state in enumerate(known):
            near = _near(left, state)
            self.hits[i] += int(near.sum())
            left = left[~near]
        while len(left):
            state, residual = polished(self._field, left[0])
            near = _near(left, state)
            near[0] = True
            if is_fixed_point(self._field, state, self._rate):
                self._record(state, residual, int(near.sum()))
            left = left[~near]
        return sum(all(state is not other for other in known) for state in self.states)

    def _record(self, state: Array, residual: float, hits: int) -> None:
        for i, other in enumerate(self.states):
            if _near(state[None], other)[0]:
                self.hits[i] += hits
                return
        joined = [i for i, members in enumerate(self._members) if members and self._joins(members, state)]
        if joined:
            first = joined[0]
            self.hits[first] += hits
            self._members[first].append(state)
            for i in reversed(joined[1:]):
                self._unite(first, i)
            return
        self.states.append(state)
        self.residuals.append(residual)
        self.hits.append(hits)
        vector = _null_vector(self._field, state, self._rate)
        self.continuum.append(vector is not None and _extends(self._field, state, vector, self._rate))
        self._members.append([] if vector is None else [state])

    def _unite(self, first: int, other: int) -> None:
        self.hits[first] += self.hits.pop(other)
        self._members[first] += self._members.pop(other)
        self.continuum[first] |= self.continuum.pop(other)
        del self.states[other], self.residuals[other]

    def _joins(self, members: list[Array], state: Array) -> bool:
        """Whether fixed points lie all along the way from the nearest of the members to the state."""
        distances = np.linalg.norm(np.array(members) - state, axis=1)
        nearest = int(distances.argmin())
        for part in (0.5, 0.25, 0.75):
            between = (1 - part) * members[nearest] + part * state
            found = _corrected(self._field, between, self._rate)
            if found is None or np.linalg.norm(found - between) > _BENDING * distances[nearest]:
                return False
        return True


def _near(states: Array, state: Array) -> NDArray[np.bool_]:
    distance = np.linalg.norm(states - state, axis=1)
    return np.asarray(distance <= _MERGING_DISTANCE * (1.0 + float(np.linalg.norm(state))))


def polished(field: VectorField, state: Array) -> tuple[Array, float]:
    """The state and its residual after Newton steps down to rounding errors."""
    state, residual = polish(field, state)
    A = np.asarray(defect_jacobian(field, state))
    if residual > 1e-2 * _ROUNDING * float(np.linalg.norm(A)) * (1.0 + float(np.linalg.norm(state))):
        state, residual = polish(field, state, max_steps=_POLISHING_STEPS)
    return state, residual


def is_fixed_point(field: VectorField, state: Array, rate: float) -> bool:
    """Whether a further Newton step is short, or, where the Jacobian is singular, f is a rounding error.

    Parameters
    ----------
    field : VectorField
        For states in units of their typical size.
    state : (N,) array
    rate : float
        Typical norm of its Jacobian.
    """
    f, A = defect(field, state), np.asarray(defect_jacobian(field, state))
    if not (np.isfinite(f).all() and np.isfinite(A).all()):
        return False
    size, residual = 1.0 + float(np.linalg.norm(state)), float(np.linalg.norm(f))
    # tight, because a saturated gate makes a map stand still to almost this much without a fixed point
    if residual <= _NOISE * (1.0 if field.is_map else rate + float(np.linalg.norm(A))) * size:
        return True
    step = solve_batch(A[None], f[None])[0]
    explained = np.linalg.norm(A @ step - f) <= 0.5 * residual
    return bool(explained and np.linalg.norm(step) <= _LARGEST_STEP * size)


def on_continuum(field: VectorField, state: Array, rate: float) -> bool:
    """Whether the Jacobian is singular and the neighbours along its null vector are fixed points too."""
    vector = _null_vector(field, state, rate)
    return vector is not None and _extends(field, state, vector, rate)


def _extends(field: VectorField, state: Array, vector: Array, rate: float) -> bool:
    distance = _NEIGHBOUR * (1.0 + float(np.linalg.norm(state)))
    for sign in (1.0, -1.0):
        neighbour = _corrected(field, state + sign * distance * vector, rate)
        if neighbour is not None and 0.5 < np.linalg.norm(neighbour - state) / distance < 2.0:
            return True
    return False


def _null_vector(field: VectorField, state: Array, rate: float) -> Array | None:
    """Unit vector v with |A v| below 1e-7 |A|, if there is one; one solve tells where there is none."""
    A = np.asarray(defect_jacobian(field, state))
    trial = np.random.default_rng(0).standard_normal(len(A))
    try:
        amplified = float(np.linalg.norm(np.linalg.solve(A, trial)))
    except np.linalg.LinAlgError:
        amplified = np.inf
    if amplified * max(float(np.linalg.norm(A)), rate) < 1e-2 / _ZERO_RATE:
        return None
    _, values, rows = np.linalg.svd(A)
    return rows[-1] if values[-1] <= _ZERO_RATE * max(values[0], rate) else None


def _corrected(field: VectorField, state: Array, rate: float) -> Array | None:
    """A fixed point near the state by Gauss-Newton steps of least length; None if they do not reach one."""
    tolerance = RELATIVE_TOLERANCE * rate * (1.0 + float(np.linalg.norm(state)))
    for _ in range(8):
        f = defect(field, state)
        if not np.isfinite(f).all():
            return None
        if np.linalg.norm(f) <= tolerance:
            return state
        A = np.asarray(defect_jacobian(field, state))
        if not np.isfinite(A).all():
            return None
        left, values, rows = np.linalg.svd(A)
        used = values > 1e-6 * max(values[0], rate)
        state = state - rows[used].T @ ((left.T @ f)[used] / values[used])
    return None
