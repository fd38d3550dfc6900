"""Normal-form coefficients from the reduced model on the centre directions.

The SSM over the critical modes in normal-form style, its reduced dynamics written in the critical eigenvectors'
coordinates. Nothing of it is shared with the multilinear forms but the lengths of the eigenvectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.fields.field import VectorField
from ssmsym.fields.parameters import locate
from ssmsym.manifolds.graph_style import expand
from ssmsym.manifolds.hessenberg import on_master_subspace
from ssmsym.manifolds.normal_form_style import TangentialEquation
from ssmsym.manifolds.preconditions import resonance_error
from ssmsym.manifolds.subspace import MasterSubspace
from ssmsym.normal_forms.critical_space import CriticalSpace
from ssmsym.normal_forms.series import Series, mixed, substituted
from ssmsym.series.monomials import monomial_table
from ssmsym.series.polynomial import Polynomial

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_OUTER = 1e-8  # distance at which an outer eigenvalue obstructs, as in compute_ssm


@dataclass(frozen=True, eq=False)
class CentreManifold:
    """The SSM over the critical modes.

    Attributes
    ----------
    subspace : MasterSubspace
    parametrization, reduced_dynamics : Polynomial
        W and R in d real coordinates p followed by q parameter offsets.
    """

    subspace: MasterSubspace
    parametrization: Polynomial
    reduced_dynamics: Polynomial

    def coordinates(self, right: Complex) -> Complex:
        """T with p = T w for x - x* = right w to first order, (d, d)."""
        return np.asarray(self.subspace.left.T @ right)


def centre_manifold(
    field: VectorField,
    state: Array,
    modes: tuple[int, ...],
    parameters: Sequence[str],
    order: int,
    resonant: float | None,
) -> CentreManifold:
    """The SSM over critical modes at a fixed point, with parameters as coordinates.

    Parameters
    ----------
    field : VectorField
    state : (N,) array
    modes : tuple of int
        Positions in the spectrum, leading first.
    parameters : sequence of str
    order : int
        Highest total degree.
    resonant : float or None
        Distance up to which a term is resonant and stays in R; None keeps all terms (graph style).

    Raises
    ------
    ResonanceError
        If an outer eigenvalue is a combination of critical ones.
    """
    located = [locate(name, field.values) for name in parameters]
    table = monomial_table(len(modes), len(located), order, order)

    def action(subspace: MasterSubspace) -> tuple[Array, Array]:
        tangential = None
        if resonant is not None:
            tangential = TangentialEquation(subspace, table, resonant, discrete=field.is_map)
        found = expand(field, state, subspace, table, located, _OUTER, tangential)
        if found.obstruction is not None:
            assert found.obstructed_degree is not None
            raise resonance_error(subspace, found.obstruction, found.obstructed_degree)
        return found.parametrization, found.reduced_dynamics

    subspace, (W, R) = on_master_subspace(
        field.jacobian(state), modes, action, spectrum=True, discrete=field.is_map
    )
    return CentreManifold(subspace, Polynomial.from_table(table, W), Polynomial.from_table(table, R))


def normal_form_terms(
    manifold: CentreManifold, space: CriticalSpace, n_parameters: int
) -> tuple[Series, ...]:
    """R in the coordinates w of the critical eigenvectors: for each coordinate, exponents to coefficients."""
    T = manifold.coordinates(space.right)
    inside = substituted(manifold.reduced_dynamics, T, n_parameters)
    return tuple(mixed(inside, np.linalg.inv(T)))
