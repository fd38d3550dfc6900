"""Invariant subspaces over a field of exact numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy.polys.matrices import DomainMatrix

from ssmsym.manifolds.exact_linear import Factors, coefficients_in, roots

Objects = NDArray[Any]


@dataclass(frozen=True, eq=False)
class ExactSubspace:
    """A master subspace over a field.

    Attributes
    ----------
    domain : SymPy field
    eigenvalues : tuple of SymPy expressions
        Of the master subspace; a factor without roots in the domain gives its roots as expressions.
    outer : list of (Poly, int)
        Factors of the characteristic polynomial that hold the other eigenvalues, with multiplicity.
    right, left : (N, d) object arrays
    linear : (d, d) object array
        U^T A V.
    jacobian : (N, N) object array
    annihilator : list
        Coefficients, leading first, of a polynomial of low degree that is 0 at the Jacobian outside.
    discrete : bool
        Of a map: eigenvalues are multipliers.
    """

    domain: Any
    eigenvalues: tuple[Any, ...]
    outer: Factors
    right: Objects
    left: Objects
    linear: Objects
    jacobian: Objects
    annihilator: list[Any]
    discrete: bool = False

    @property
    def dimension(self) -> int:
        return int(self.right.shape[1])


def exact_subspace(
    jacobian: Objects, domain: Any, factors: Factors, chosen: list[int], *, discrete: bool = False
) -> ExactSubspace:
    """The invariant subspace of the chosen factors of the characteristic polynomial.

    It is the image of the other factors at the Jacobian, whose rank is its dimension: fewer steps of elimination
    than for the kernel of the chosen ones.
    """
    A = to_matrix(jacobian, domain)
    inner = [factors[i] for i in chosen]
    outer = [pair for i, pair in enumerate(factors) if i not in chosen]
    annihilating = [(factor, 1) for factor, _ in outer]
    image = _product_at(annihilating, A, domain)
    # one step each is enough if no Jordan blocks are outside, as for the many -1 of a network of low rank
    if annihilating != outer and not (image * _product_at(inner, A, domain)).is_zero_matrix:
        annihilating, image = outer, _product_at(outer, A, domain)
    V, L = _rows(image.transpose()).T, _rows(image)
    gram = to_matrix(L @ V, domain)
    U = to_array(gram.inv() * to_matrix(L, domain)).T
    return ExactSubspace(
        domain=domain,
        eigenvalues=tuple(root for factor, power in inner for root in roots(factor) * power),
        outer=outer,
        right=V,
        left=U,
        linear=U.T @ (jacobian @ V),
        jacobian=jacobian,
        annihilator=_coefficients(annihilating, domain),
        discrete=discrete,
    )


def _product_at(factors: Factors, A: DomainMatrix, domain: Any) -> DomainMatrix:
    """The product of some factors at the matrix."""
    product = DomainMatrix.eye(A.shape[0], domain)
    for factor, multiplicity in factors:
        step = _at_matrix(factor, A, domain)
        for _ in range(multiplicity):
            product = product * step
    return product


def _coefficients(factors: Factors, domain: Any) -> list[Any]:
    """Coefficients of the product of some factors, leading first."""
    out = [domain.one]
    for factor, multiplicity in factors:
        for _ in range(multiplicity):
            out = _polynomial_product(out, coefficients_in(factor, domain), domain.zero)
    return out


def _rows(matrix: DomainMatrix) -> Objects:
    """The row space in reduced row echelon form."""
    reduced, pivots = matrix.rref()
    return to_array(reduced)[: len(pivots)]


def to_matrix(values: Objects, domain: Any) -> DomainMatrix:
    """An array of domain elements as a matrix."""
    return DomainMatrix([list(row) for row in values], values.shape, domain)


def to_array(matrix: DomainMatrix) -> Objects:
    """A matrix as an array of domain elements."""
    out = np.empty(matrix.shape, dtype=object)
    for i, row in enumerate(matrix.to_list()):
        for j, value in enumerate(row):
            out[i, j] = value
    return out


def _at_matrix(factor: Any, A: DomainMatrix, domain: Any) -> DomainMatrix:
    """The polynomial at the matrix, by Horner's rule."""
    n = A.shape[0]
    total = DomainMatrix.zeros((n, n), domain)
    for coefficient in coefficients_in(factor, domain):
        total = total * A + DomainMatrix.eye(n, domain) * coefficient
    return total


def _polynomial_product(left: list[Any], right: list[Any], zero: Any) -> list[Any]:
    out = [zero] * (len(left) + len(right) - 1)
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            out[i + j] = out[i + j] + a * b
    return out
