"""An SSM as a graph over a given linear projection of the state: exact series manipulations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError
from ssmsym.series.polynomial import Polynomial

Array = NDArray[np.float64]

_WORST_CONDITION = 1e8


def as_graph_over(
    parametrization: Polynomial, reduced_dynamics: Polynomial, projection: Array, order: int
) -> tuple[Polynomial, Polynomial]:
    """W and R of a flow in xi = T^T (x - x*), without parameter offsets.

    xi(p) = T^T (W(p) - x*) is reverted as a power series to p(xi); then W(p(xi)) and Dxi(p) R(p) at p(xi) are
    the parametrization and the dynamics in xi, exact up to the order.

    Parameters
    ----------
    parametrization, reduced_dynamics : Polynomial
        W (N outputs, x* its constant term) and R (d outputs) in p.
    projection : (N, d) array
        T.
    order : int

    Raises
    ------
    InputError
        If the tangent space cannot be told apart in these coordinates.
    """
    d = reduced_dynamics.n_outputs
    right = parametrization.jacobian(np.zeros(d))
    check_projection(projection, right)
    xi = _without_constant(parametrization.transformed(projection.T))
    rates = Polynomial.constant(np.zeros((1, d)), d)
    for i in range(d):
        rates = rates + xi.derivative(i) * reduced_dynamics.transformed(np.eye(d)[i : i + 1])
    inverse = xi.revert(order)
    return parametrization.compose(inverse, order), rates.truncate(order).compose(inverse, order)


def check_projection(projection: Array, right: Array) -> None:
    """Refuse a projection T (N, d) that does not see the tangent space of V (N, d)."""
    seen = projection.T @ right
    condition = np.linalg.cond(seen) if len(seen) else 1.0
    share = np.linalg.norm(seen, 2) / (np.linalg.norm(projection, 2) * np.linalg.norm(right, 2))
    if not condition < _WORST_CONDITION or share < 1.0 / _WORST_CONDITION:
        raise InputError(
            "The projection does not see the SSM's tangent space: T^T V has condition number "
            f"{condition:.1e} and relative size {share:.1e}. Choose another projection."
        )


def _without_constant(polynomial: Polynomial) -> Polynomial:
    keep = polynomial.exponents.sum(axis=1) > 0
    return Polynomial(polynomial.exponents[keep], polynomial.coefficients[keep])
