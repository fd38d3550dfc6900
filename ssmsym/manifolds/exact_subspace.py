"""Invariant subspaces over a field of exact numbers."""

from __future__ import annotations

import functools
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
    discrete: bool = False

    @functools.cached_property
    def annihilator(self) -> list[Any]:
        """Coefficients, leading first, of a polynomial of low degree that is 0 at the Jacobian outside."""
        powers = [multiplicity for _, multiplicity in self.outer]
        for i in range(len(powers)):
            while powers[i] > 1:
                powers[i] -= 1
                if not self._annihilates(powers):
                    powers[i] += 1
                    break
        out = [self.domain.one]
        for (factor, _), power in zip(self.outer, powers, strict=True):
            for _ in range(power):
                out = _polynomial_product(out, coefficients_in(factor, self.domain), self.domain.zero)
        return out

    def _annihilates(self, powers: list[int]) -> bool:
        n = len(self.jacobian)
        A = to_matrix(self.jacobian, self.domain)
        outside = DomainMatrix.eye(n, self.domain) - to_matrix(self.right @ self.left.T, self.domain)
        for (factor, _), power in zip(self.outer, powers, strict=True):
            for _ in range(power):
                outside = _at_matrix(factor, A, self.domain) * outside
        return bool(outside.is_zero_matrix)

    @property
    def dimension(self) -> int:
        return int(self.right.shape[1])


def exact_subspace(
    jacobian: Objects, domain: Any, factors: Factors, chosen: list[int], *, discrete: bool = False
) -> ExactSubspace:
    """The invariant subspace of the chosen factors of the characteristic polynomial."""
    n = len(jacobian)
    A = to_matrix(jacobian, domain)
    product = DomainMatrix.eye(n, domain)
    for factor, multiplicity in (factors[i] for i in chosen):
        for _ in range(multiplicity):
            product = product * _at_matrix(factor, A, domain)
    right = _null_space(product)
    left = _null_space(product.transpose())
    V, L = to_array(right).T, to_array(left)
    gram = to_matrix(L @ V, domain)
    U = to_array(gram.inv() * to_matrix(L, domain)).T
    linear = U.T @ (jacobian @ V)
    eigenvalues = tuple(root for i in chosen for root in roots(factors[i][0]) * factors[i][1])
    outer = [pair for i, pair in enumerate(factors) if i not in chosen]
    return ExactSubspace(domain, eigenvalues, outer, V, U, linear, jacobian, discrete)


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


def _null_space(matrix: DomainMatrix) -> DomainMatrix:
    return matrix.nullspace().rref()[0]
