"""Least squares on monomials, with what the data determine of each coefficient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError

Array = NDArray[np.float64]

_RANK = 1e-13  # singular values below this share of the largest are rounding errors
_IN_NULL_SPACE = 1e-6


@dataclass(frozen=True, eq=False)
class Regression:
    """Coefficients of a least-squares fit and their uncertainty.

    Attributes
    ----------
    coefficients : (M, k) array
        Of M monomials in k outputs.
    inverse_gram : (M, M) array
        Covariance of one output's coefficients over that output's `variance`.
    null : (M, r) array
        Directions of coefficients that the data say nothing about.
    units : (M,) array
        Natural size of each coefficient: one over its monomial's largest value.
    variance : (k,) array
        Of the residuals, raised where successive residuals are correlated.
    shifts : (s, M, k) array
        Estimated systematic errors, one kind a slice: discretisation, noise in the regressors.
    singular_values : (M,) array
        Of the design with every monomial scaled to at most 1 over the data.
    residual : (k,) array
        Root mean square of the residuals.
    """

    coefficients: Array
    inverse_gram: Array
    null: Array
    units: Array
    variance: Array
    shifts: Array
    singular_values: Array
    residual: Array

    @property
    def condition(self) -> float:
        """Condition number of the scaled design; inf if it is singular."""
        smallest = float(self.singular_values[-1])
        return float(self.singular_values[0]) / smallest if smallest > 0 else np.inf

    def mapped(self, matrix: Array) -> Regression:
        """The coefficients in another basis, c -> matrix @ c, with (M', M) matrix."""
        from dataclasses import replace

        return replace(
            self,
            coefficients=matrix @ self.coefficients,
            inverse_gram=matrix @ self.inverse_gram @ matrix.T,
            null=matrix @ self.null,
            units=np.abs(matrix) @ self.units,
            shifts=np.einsum("ij,sjk->sik", matrix, self.shifts),
        )

    @property
    def standard_errors(self) -> Array:
        """(M, k); inf where the data do not determine a coefficient."""
        errors = np.sqrt(np.outer(np.maximum(np.diag(self.inverse_gram), 0.0), self.variance))
        errors[self.undetermined] = np.inf
        return errors

    @property
    def undetermined(self) -> NDArray[np.bool_]:
        """(M,): whether the data leave a coefficient open altogether."""
        if not self.null.size:
            return np.zeros(len(self.coefficients), dtype=bool)
        return np.asarray(np.linalg.norm(self.null, axis=1) > _IN_NULL_SPACE * self.units)

    @property
    def systematic(self) -> Array:
        """(M, k): sum of the magnitudes of the estimated systematic errors."""
        return np.asarray(np.abs(self.shifts).sum(axis=0))


def solve(
    design: Array, targets: Array, scales: Array, penalised: NDArray[np.bool_], ridge: float, length: int
) -> Regression:
    """Ridge regression of targets on a design whose rows come in runs of consecutive samples.

    Minimises the mean squared residual plus `ridge` times the squared scaled coefficients of the penalised
    columns.

    Parameters
    ----------
    design : (S, M) array
    targets : (S, k) array
    scales : (M,) array
        Largest size of each monomial over the data.
    penalised : (M,) bool array
    ridge : float
    length : int
        Rows a trajectory.

    Raises
    ------
    InputError
        If there are fewer rows than columns.
    """
    rows, columns = design.shape
    if rows < columns:
        raise InputError(
            f"{columns} coefficients cannot be fitted to {rows} samples; give more data or a lower 'order' or "
            "'dim'."
        )
    scaled, values = design / scales, targets
    if ridge:
        penalty = np.diag(np.where(penalised, np.sqrt(ridge * rows), 0.0))
        scaled = np.concatenate([scaled, penalty])
        values = np.concatenate([values, np.zeros((columns, targets.shape[1]))])
    left, singular, right = np.linalg.svd(scaled, full_matrices=False)
    kept = singular > _RANK * max(rows, columns) * singular[0]
    inverse = right[kept].T / singular[kept]
    coefficients = inverse @ (left[:, kept].T @ values) / scales[:, None]
    residuals = targets - design @ coefficients
    freedom = max(rows - int(kept.sum()), 1)
    variance = np.sum(residuals**2, axis=0) / freedom * _correlation(residuals, length)
    open_directions = right[~kept].T
    if rows == columns:  # nothing is left over to judge the noise by
        open_directions = np.eye(columns)
    unscaled = inverse / scales[:, None]
    return Regression(
        coefficients=coefficients,
        inverse_gram=unscaled @ unscaled.T,
        null=open_directions / scales[:, None],
        units=1.0 / scales,
        variance=variance,
        shifts=np.zeros((0, *coefficients.shape)),
        singular_values=np.where(kept, singular, 0.0),
        residual=np.sqrt(np.mean(residuals**2, axis=0)),
    )


def _correlation(residuals: Array, length: int) -> Array:
    """Factor by which correlation of successive residuals raises the variance of a mean, at least 1.

    Newey and West, Econometrica 55, 1987, with lags up to a quarter of a trajectory, pooled over trajectories.
    """
    runs = residuals.reshape(-1, length, residuals.shape[1])
    total = np.sum(runs**2, axis=(0, 1))
    lags = length // 4
    factor = np.ones(residuals.shape[1])
    for lag in range(1, lags + 1):
        product = np.sum(runs[:, lag:] * runs[:, :-lag], axis=(0, 1))
        share = np.divide(product, total, out=np.zeros_like(total), where=total > 0)
        factor += 2.0 * (1.0 - lag / (lags + 1)) * share
    return np.maximum(factor, 1.0)
