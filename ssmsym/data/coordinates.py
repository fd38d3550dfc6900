"""An analytic SSM in the coordinates of a fit, and a fit about another point: exact series manipulations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.errors import InputError, ResonanceError
from ssmsym.manifolds.projected import as_graph_over
from ssmsym.manifolds.ssm import SSM, compute_ssm
from ssmsym.series.monomials import monomial_table
from ssmsym.series.polynomial import Polynomial

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ProjectedSSM:
    """An SSM as a graph over xi = T^T (x - x*), at the SSM's own parameter values.

    Attributes
    ----------
    eta : (d,) array
        The fixed point in the coordinates eta = T^T (x - centre), so that xi = eta - this.
    parametrization, reduced_dynamics : Polynomial
        W and R in xi; T^T (W(xi) - x*) = xi.
    order : int
    """

    eta: Array
    parametrization: Polynomial
    reduced_dynamics: Polynomial
    order: int


def project_ssm(ssm: SSM, centre: ArrayLike, projection: ArrayLike) -> ProjectedSSM:
    """Bring an SSM into the coordinates eta = projection.T @ (x - centre).

    See :func:`~ssmsym.manifolds.projected.as_graph_over`; exact up to the SSM's order.

    Parameters
    ----------
    ssm : SSM
    centre : (N,) array
    projection : (N, d) array
        T.

    Raises
    ------
    InputError
        If the SSM is a map's, shapes do not fit, or the tangent space cannot be told apart in these coordinates.
    """
    if ssm.field.is_map:
        raise InputError(
            "The SSM is a map's; fits and their comparison are for flows (load the network as a flow)."
        )
    c, T = np.asarray(centre, dtype=float), np.asarray(projection, dtype=float)
    n, d = ssm.right.shape
    if c.shape != (n,) or T.shape != (n, d):
        raise InputError(
            f"An SSM of {d} coordinates in {n} states needs a centre ({n},) and a projection ({n}, {d}); found "
            f"{c.shape} and {T.shape}."
        )
    W, R = (at_own_parameters(ssm, q) for q in (ssm.parametrization, ssm.reduced_dynamics))
    parametrization, dynamics = as_graph_over(W, R, T, ssm.order)
    return ProjectedSSM(
        eta=T.T @ (W(np.zeros(d)) - c),
        parametrization=parametrization,
        reduced_dynamics=dynamics,
        order=ssm.order,
    )


def at_own_parameters(ssm: SSM, polynomial: Polynomial) -> Polynomial:
    """A polynomial of an SSM at zero parameter offsets, in p alone."""
    d = ssm.dimension
    own = polynomial.exponents[:, d:].sum(axis=1) == 0
    return Polynomial(polynomial.exponents[own, :d], polynomial.coefficients[own])


def extended(ssm: SSM, order: int) -> SSM:
    """The SSM at its own parameter values to at least this order, or as far as resonances allow."""
    if ssm.order >= order:
        return ssm
    try:
        return compute_ssm(ssm.field, ssm.fixed_point, modes=ssm.modes, order=order)
    except ResonanceError as error:
        reached = error.degree - 1
        if reached <= ssm.order:
            return ssm
        return compute_ssm(ssm.field, ssm.fixed_point, modes=ssm.modes, order=reached)


def in_graph_style(ssm: SSM) -> SSM:
    """The same manifold in graph style: there p is a linear projection of the state, as in a fit."""
    if ssm.style == "graph":
        return ssm
    return compute_ssm(
        ssm.field,
        ssm.fixed_point,
        modes=ssm.modes,
        order=ssm.order,
        parameters=ssm.parameters,
        parameter_order=ssm.parameter_order,
    )


def recentring(exponents: NDArray[np.int64], origin: Array) -> Array:
    """The matrix that takes coefficients in eta to coefficients in xi = eta - origin.

    Parameters
    ----------
    exponents : (M, d) int
    origin : (d,) array

    Returns
    -------
    (M', M) array
        Rows in the order of ``monomial_table(d, 0, order)``, the constant first.
    """
    d = exponents.shape[1]
    monomials = Polynomial(exponents, np.eye(len(exponents)))
    shifted = Polynomial.identity(d) + Polynomial.constant(origin[None], d)
    table = monomial_table(d, 0, monomials.order)
    return np.asarray(monomials.compose(shifted).on_table(table))
