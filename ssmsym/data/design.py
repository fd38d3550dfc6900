"""The regressions of one fit: from states to reduced coordinates, monomials and rates of change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.data.derivatives import RateEquations
from ssmsym.data.regression import Regression, solve
from ssmsym.series.monomials import monomial_table
from ssmsym.series.polynomial import Polynomial

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Design:
    """What is regressed on what.

    Attributes
    ----------
    centre : (N,) array
    projection : (N, d) array
        T of eta = T^T (x - centre).
    order : int
    anchored : bool
        Whether the centre is a fixed point: then neither regression has a constant term.
    equations : RateEquations
    ridge : float
        Weight of the squared scaled coefficients of degree 2 and more.
    """

    centre: Array
    projection: Array
    order: int
    anchored: bool
    equations: RateEquations
    ridge: float

    @property
    def exponents(self) -> NDArray[np.int64]:
        """Monomials of both regressions, (M, d)."""
        exponents = monomial_table(self.projection.shape[1], 0, self.order).exponents
        return exponents[1:] if self.anchored else exponents

    def coordinates(self, states: Array) -> Array:
        """Reduced coordinates (n, M, d) of states (n, M, N)."""
        return (states - self.centre) @ self.projection

    def monomials(self, eta: Array) -> Array:
        """Values (..., M) at reduced coordinates (..., d)."""
        exponents = self.exponents
        polynomial = Polynomial(exponents, np.zeros((len(exponents), 1)))
        return polynomial.monomials(eta.reshape(-1, eta.shape[-1])).reshape(*eta.shape[:-1], -1)

    def parametrization(self, states: Array) -> Regression:
        """Regression of x - centre on the monomials of eta."""
        eta = self.coordinates(states)
        targets = (states - self.centre).reshape(-1, states.shape[2])
        return self._solve(self.monomials(eta), targets, eta, 1.0)

    def dynamics(self, states: Array) -> Regression:
        """Regression of rates of change, or differences, on the monomials or their integrals."""
        eta = self.coordinates(states)
        targets = along_time(self.equations.changes, eta)
        return self._solve(self.rates_design(eta), targets.reshape(-1, eta.shape[2]), eta, self._span)

    def rates_design(self, eta: Array) -> Array:
        """Left-hand side (n, K, M) of the dynamics' regression."""
        return along_time(self.equations.weights, self.monomials(along_time(self.equations.states, eta)))

    def response(self, eta: Array, surplus_rates: Array, surplus_states: Array) -> tuple[Array, Array]:
        """Coefficients that both regressions would find in what is added to the data.

        Parameters
        ----------
        eta : (n, M, d) array
        surplus_rates : (n, L, d) array
            Added to the vector field at the smoothed samples.
        surplus_states : (n, M, N) array
            Added to the states, seen by the parametrization only.

        Returns
        -------
        dynamics (M, d), parametrization (M, N)
        """
        rates = along_time(self.equations.weights, surplus_rates)
        dynamics = self._solve(self.rates_design(eta), rates.reshape(-1, rates.shape[2]), eta, self._span)
        states = surplus_states.reshape(-1, surplus_states.shape[2])
        return dynamics.coefficients, self._solve(self.monomials(eta), states, eta, 1.0).coefficients

    @property
    def _span(self) -> float:
        """Mean length of the windows over which the rates are integrated; 1 for derivatives."""
        return float(self.equations.weights.sum() / self.equations.weights.shape[0])

    def _solve(self, design: Array, targets: Array, eta: Array, unit: float) -> Regression:
        exponents = self.exponents
        largest = np.abs(eta).max(axis=(0, 1))
        scales = unit * np.prod(np.where(largest > 0, largest, 1.0) ** exponents, axis=1)
        penalised = exponents.sum(axis=1) > 1
        rows = design.reshape(-1, design.shape[2])
        return solve(rows, targets, scales, penalised, self.ridge, design.shape[1])


def along_time(matrix: object, values: Array) -> Array:
    """A sparse (K, M) matrix applied to the time axis of (n, M, k) values: (n, K, k)."""
    n, samples, width = values.shape
    flat = values.transpose(1, 0, 2).reshape(samples, n * width)
    out = np.asarray(matrix @ flat)  # type: ignore[operator]
    return np.ascontiguousarray(out.reshape(-1, n, width).transpose(1, 0, 2))
