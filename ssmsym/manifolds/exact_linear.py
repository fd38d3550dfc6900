"""Linear algebra over a field of exact numbers: eigenvalues by factoring, invariant subspaces, linear systems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from sympy.polys.matrices import DomainMatrix

from ssmsym.dynamics.spectrum import leading_order
from ssmsym.errors import InputError, SubspaceError

Objects = NDArray[Any]
_LAMBDA = sympy.Dummy("lambda")


@dataclass(frozen=True, eq=False)
class ExactSubspace:
    """A master subspace over a field.

    Attributes
    ----------
    domain : SymPy field
    eigenvalues : tuple of SymPy expressions
        Of the master subspace; a factor without roots in the domain gives its roots as expressions.
    right, left : (N, d) object arrays
    linear : (d, d) object array
        U^T A V.
    jacobian : (N, N) object array
    """

    domain: Any
    eigenvalues: tuple[Any, ...]
    right: Objects
    left: Objects
    linear: Objects
    jacobian: Objects

    @property
    def dimension(self) -> int:
        return int(self.right.shape[1])


def exact_subspace(jacobian: Objects, domain: Any, modes: Any) -> ExactSubspace:
    """The invariant subspace of the chosen eigenvalues.

    Parameters
    ----------
    jacobian : (N, N) object array of domain elements
    domain : SymPy field
    modes : int, expression, or sequence of expressions
        As for :func:`~ssmsym.compute_exact_ssm`.
    """
    factors = _characteristic_factors(jacobian, domain)
    chosen = _chosen_factors(factors, modes)
    n = len(jacobian)
    A = _matrix(jacobian, domain)
    product = DomainMatrix.eye(n, domain)
    for factor, multiplicity in chosen:
        for _ in range(multiplicity):
            product = product * _at_matrix(factor, A, domain)
    right = _null_space(product, domain)
    left = _null_space(product.transpose(), domain)
    V, L = _array(right).T, _array(left)
    gram = _matrix(L @ V, domain)
    U = _array(gram.inv() * _matrix(L, domain)).T
    linear = U.T @ (jacobian @ V)
    eigenvalues = tuple(root for factor, multiplicity in chosen for root in _roots(factor) * multiplicity)
    return ExactSubspace(domain, eigenvalues, V, U, linear, jacobian)


def splitting_number(jacobian: Objects, domain: Any, modes: Any) -> Any:
    """A real number that the domain lacks to separate the leading modes, or None.

    If a quadratic factor with real roots holds the last leading mode, its root has to be adjoined.
    """
    if not isinstance(modes, (int, np.integer)):
        return None
    factors = _characteristic_factors(jacobian, domain)
    if any(root.free_symbols for factor, _ in factors for root in _roots(factor)):
        return None
    for factor, _ in _containing(factors, int(modes)):
        if factor.degree() == 2 and all(root.is_real for root in _roots(factor)):
            return _roots(factor)[0]
    return None


def _containing(factors: list[tuple[Any, int]], count: int) -> list[tuple[Any, int]]:
    """Factors with a root among the leading modes, in the order of the modes; roots must be numbers."""
    values, owners = [], []
    for position, (factor, multiplicity) in enumerate(factors):
        for root in _roots(factor):
            values += [complex(root.evalf(30))] * multiplicity
            owners += [position] * multiplicity
    order = leading_order(np.array(values))
    if not 1 <= count <= len(order):
        raise InputError(f"'modes' must lie between 1 and the {len(order)} states; found {count}.")
    return [factors[i] for i in dict.fromkeys(owners[i] for i in order[:count])]


def _matrix(values: Objects, domain: Any) -> DomainMatrix:
    rows, cols = values.shape
    return DomainMatrix([list(row) for row in values], (rows, cols), domain)


def _array(matrix: DomainMatrix) -> Objects:
    rows, cols = matrix.shape
    out = np.empty((rows, cols), dtype=object)
    for i, row in enumerate(matrix.to_list()):
        for j, value in enumerate(row):
            out[i, j] = value
    return out


def _characteristic_factors(jacobian: Objects, domain: Any) -> list[tuple[Any, int]]:
    coefficients = _matrix(jacobian, domain).charpoly()
    polynomial = sympy.Poly([domain.to_sympy(c) for c in coefficients], _LAMBDA, domain=domain)
    try:
        return [(factor, multiplicity) for factor, multiplicity in polynomial.factor_list()[1]]
    except (NotImplementedError, sympy.polys.polyerrors.DomainError):
        roots = sympy.roots(polynomial.as_expr(), _LAMBDA)
        return [(sympy.Poly(_LAMBDA - root, _LAMBDA, domain="EX"), count) for root, count in roots.items()]


def _roots(factor: Any) -> list[Any]:
    expression = factor.as_expr()
    if factor.degree() == 1:
        return [sympy.factor(sympy.solve(expression, _LAMBDA)[0])]
    return list(sympy.roots(expression, _LAMBDA, multiple=True))


def _chosen_factors(factors: list[tuple[Any, int]], modes: Any) -> list[tuple[Any, int]]:
    if isinstance(modes, (int, np.integer)):
        return _leading_factors(factors, int(modes))
    wanted = list(modes) if isinstance(modes, (list, tuple)) else [modes]
    chosen: list[int] = []
    for value in wanted:
        position = next((i for i, (f, _) in enumerate(factors) if _is_root(f, value)), None)
        if position is None:
            known = ", ".join(str(r) for f, _ in factors for r in _roots(f))
            raise SubspaceError(f"'{value}' is no eigenvalue of the Jacobian; the eigenvalues are {known}.")
        if position not in chosen:
            chosen.append(position)
    return [factors[i] for i in chosen]


def _is_root(factor: Any, value: Any) -> bool:
    return bool(sympy.simplify(factor.as_expr().subs(_LAMBDA, sympy.sympify(value))) == 0)


def _leading_factors(factors: list[tuple[Any, int]], count: int) -> list[tuple[Any, int]]:
    """The factors that hold the leading eigenvalues, by number."""
    for factor, _ in factors:
        for root in _roots(factor):
            if root.free_symbols:
                raise InputError(
                    f"The eigenvalue {root} holds free symbols, so which modes lead is not known; give 'modes' as "
                    "expressions."
                )
    chosen = _containing(factors, count)
    if sum(factor.degree() * multiplicity for factor, multiplicity in chosen) != count:
        raise SubspaceError(
            f"{count} modes would cut a pair or a group of coinciding eigenvalues; ask for the whole group."
        )
    return chosen


def _at_matrix(factor: Any, A: DomainMatrix, domain: Any) -> DomainMatrix:
    """The polynomial at the matrix, by Horner's rule."""
    n = A.shape[0]
    total = DomainMatrix.zeros((n, n), domain)
    for coefficient in factor.all_coeffs():
        total = total * A + DomainMatrix.eye(n, domain) * domain.from_sympy(sympy.sympify(coefficient))
    return total


def _null_space(matrix: DomainMatrix, domain: Any) -> DomainMatrix:
    return matrix.nullspace().rref()[0]


def solve_exactly(matrix: Objects, right_side: Objects, domain: Any) -> Objects | None:
    """A solution of a linear system, free unknowns 0; None if there is none.

    Parameters
    ----------
    matrix : (m, n) object array
    right_side : (m,) object array
    """
    n = matrix.shape[1]
    augmented = np.concatenate([matrix, right_side[:, None]], axis=1)
    reduced, pivots = _matrix(augmented, domain).rref()
    if n in pivots:
        return None
    rows = _array(reduced)
    out = np.empty(n, dtype=object)
    out[:] = [domain.zero] * n
    for row, pivot in enumerate(pivots):
        out[pivot] = rows[row, n]
    return out
