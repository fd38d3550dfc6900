"""Damped Newton iteration from many starts at once, plain or deflated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.fields.field import VectorField
from ssmsym.threads import single_blas_thread

Array = NDArray[np.float64]

_CHUNK_BYTES = 16e6  # of Jacobians in one batched solve
_MAX_HALVINGS = 8
_SUFFICIENT_DECREASE = 1e-4
_PATIENCE = 12  # steps within which the defect must fall by a tenth


@dataclass(frozen=True)
class NewtonResult:
    """End states of an iteration.

    Attributes
    ----------
    states : (n, N) array
    residuals : (n,) array
        Norm of f, or of f(x) - x for a map.
    converged : (n,) bool array
    factorizations : int
        Jacobians factorised, over all starts.
    """

    states: Array
    residuals: Array
    converged: NDArray[np.bool_]
    factorizations: int


def defect(field: VectorField, states: Array) -> Array:
    """f, or f(x) - x for a map: what is zero at a fixed point."""
    return field(states) - states if field.is_map else field(states)


def defect_jacobian(field: VectorField, states: Array) -> Array:
    """Derivative of :func:`defect`."""
    jacobian = field.jacobian(states)
    if field.is_map:
        n = field.n_states
        jacobian = np.array(np.broadcast_to(jacobian, (*states.shape, n)))
        jacobian[..., np.arange(n), np.arange(n)] -= 1.0
    return jacobian


def newton(
    field: VectorField,
    starts: Array,
    *,
    tolerance: float,
    max_steps: int = 60,
    known: Array | None = None,
    limits: Array | None = None,
    progress: Callable[[int], None] | None = None,
) -> NewtonResult:
    """Newton iteration with step halving, all starts together in batches.

    With `known` fixed points the iteration is deflated: it runs on M(x) f(x) with
    M = prod(1 + 1/|x - x_i|^2), which has no zero at the known points; the deflated step is a multiple of the
    plain one and needs no further factorisation (Farrell, Birkisson and Funke, SIAM J. Sci. Comput. 37,
    2015, equations 3.2 and 4.4).

    Parameters
    ----------
    starts : (n, N) array
    tolerance : float
        On the norm of the defect, in 1/time.
    known : (m, N) array, optional
    limits : (N,) array, optional
        Largest moduli of the states; a step that leads beyond is cut off there.
    progress : callable, optional
        Told the number of starts that have ended.
    """
    states = np.array(starts, dtype=float)
    residuals = np.full(len(states), np.inf)
    chunk = max(1, int(_CHUNK_BYTES / (8 * field.n_states**2)))
    factorizations = 0
    # far from any fixed point, functions may overflow; such members are dropped for not being finite
    with single_blas_thread(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for first in range(0, len(states), chunk):
            members = slice(first, min(first + chunk, len(states)))
            batch = _Batch(field, states[members], known, limits)
            factorizations += batch.run(tolerance, max_steps)
            states[members], residuals[members] = batch.states, batch.norms
            if progress is not None:
                progress(members.stop - first)
    return NewtonResult(states, residuals, residuals <= tolerance, factorizations)


class _Batch:
    """Starts that share batched factorisations; members leave as they converge or fail."""

    def __init__(self, field: VectorField, states: Array, known: Array | None, limits: Array | None) -> None:
        self.field = field
        self.limits = limits
        self.states = states.copy()
        self.known = known
        self.defects = defect(field, self.states)
        self.norms = np.linalg.norm(self.defects, axis=1)

    def run(self, tolerance: float, max_steps: int) -> int:
        active = np.flatnonzero(np.isfinite(self.norms) & (self.norms > tolerance))
        factorizations = 0
        checkpoint = self.norms.copy()
        for iteration in range(max_steps):
            if not len(active):
                break
            steps = self._steps(active)
            factorizations += len(active)
            self._move(active, steps, tolerance)
            norms = self.norms[active]
            active = active[np.isfinite(norms) & (norms > tolerance)]
            if iteration % _PATIENCE == _PATIENCE - 1:
                active = active[self.norms[active] < 0.9 * checkpoint[active]]
                checkpoint[active] = self.norms[active]
        return factorizations

    def _steps(self, active: NDArray[np.int64]) -> Array:
        jacobians = defect_jacobian(self.field, self.states[active])
        steps = -solve_batch(jacobians, self.defects[active])
        if self.known is not None and len(self.known):
            slope = np.einsum("ij,ij->i", self._log_deflation_gradient(self.states[active]), steps)
            factor = 1.0 / (1.0 - slope)
            steps *= np.clip(np.nan_to_num(factor, nan=1.0), -10.0, 10.0)[:, None]
        return steps

    def _log_deflation_gradient(self, states: Array) -> Array:
        offsets = states[:, None, :] - self.known[None, :, :]  # type: ignore[index]
        squares = np.maximum((offsets**2).sum(axis=2), 1e-300)
        weights = -2.0 / (squares * (squares + 1.0))
        return np.einsum("ik,ikj->ij", weights, offsets)

    def _deflation(self, states: Array) -> Array:
        if self.known is None or not len(self.known):
            return np.ones(len(states))
        squares = ((states[:, None, :] - self.known[None, :, :]) ** 2).sum(axis=2)
        return np.prod(1.0 + 1.0 / np.maximum(squares, 1e-300), axis=1)

    def _move(self, active: NDArray[np.int64], steps: Array, tolerance: float) -> None:
        """Take each step, halved until the (deflated) defect falls.

        Where it never does, the shortest step is taken all the same: it often leaves a minimum of |f|.
        """
        merit = self.norms[active] * self._deflation(self.states[active])
        length = np.ones(len(active))
        pending = np.arange(len(active))
        for halving in range(_MAX_HALVINGS):
            trial = self.states[active[pending]] + length[pending, None] * steps[pending]
            if self.limits is not None:
                trial = np.clip(trial, -self.limits, self.limits)
            defects = defect(self.field, trial)
            norms = np.linalg.norm(defects, axis=1)
            bound = (1.0 - _SUFFICIENT_DECREASE * length[pending]) * merit[pending]
            good = (norms * self._deflation(trial) <= bound) | (norms <= tolerance)
            if halving == _MAX_HALVINGS - 1:
                good[:] = True
            taken = active[pending[good]]
            self.states[taken], self.defects[taken], self.norms[taken] = (
                trial[good],
                defects[good],
                norms[good],
            )
            pending = pending[~good]
            if not len(pending):
                break
            length[pending] *= 0.5


def solve_batch(matrices: Array, vectors: Array) -> Array:
    """Solutions of a batch of linear systems; members with a singular matrix get a least-squares solution."""
    try:
        solutions = np.linalg.solve(matrices, vectors[..., None])[..., 0]
    except np.linalg.LinAlgError:
        solutions = np.full(vectors.shape, np.nan)
    for member in np.flatnonzero(~np.isfinite(solutions).all(axis=1)):
        if np.isfinite(matrices[member]).all() and np.isfinite(vectors[member]).all():
            solutions[member] = np.linalg.lstsq(matrices[member], vectors[member], rcond=None)[0]
    return np.asarray(solutions)


def polish(field: VectorField, state: Array, *, max_steps: int = 10) -> tuple[Array, float]:
    """Full Newton steps from one state until the defect no longer falls.

    Returns
    -------
    state : (N,) array
    residual : float
    """
    best = np.array(state, dtype=float)
    residual = float(np.linalg.norm(defect(field, best)))
    with single_blas_thread():
        for _ in range(max_steps):
            step = solve_batch(defect_jacobian(field, best[None]), defect(field, best[None]))[0]
            trial = best - step
            norm = float(np.linalg.norm(defect(field, trial)))
            if not norm < residual:
                break
            best, residual = trial, norm
    return best, residual
