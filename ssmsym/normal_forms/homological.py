"""Normal-form coefficients of the full field from its multilinear forms, by the homological equation.

With x = x* + H(w, alpha), H = sum_nu h_nu (w, alpha)^nu, and w' = N(w, alpha), N_i = lambda_i w_i + sum g_i,nu w^nu,

    H_w N = f(H, alpha),        for a map   H(N, alpha) = f(H, alpha),

gives for each monomial (A - nu . lambda) h_nu = known terms + sum g_i,nu q_i, where the right-hand side of f is the sum
over all ways to write nu as a sum nu_1 + ... + nu_k of D^k f(h_nu_1, ..., h_nu_k), divided by the factorials of
repetitions. Where nu . lambda = lambda_i the system is singular; g_i,nu makes it solvable and h_nu is orthogonal to the
adjoint eigenvector (Kuznetsov, SIAM J. Numer. Anal. 36, 1999, 1104-1124; Beyn et al., Handbook of Dynamical Systems 2,
2002, section 4; parameters: Kuznetsov, Elements of Applied Bifurcation Theory, 3rd ed., section 8.7).
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError
from ssmsym.normal_forms.critical_space import CriticalSpace, bordered_solution, compositions
from ssmsym.normal_forms.multilinear import MultilinearForms
from ssmsym.normal_forms.series import Exponents, Series, product, unit

Complex = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class CriticalExpansion:
    """Coefficients of a normal form and of the manifold that carries it.

    Attributes
    ----------
    terms : tuple of dict
        For each of the d coordinates, exponents of (w, alpha) to coefficients, linear terms included.
    sizes : dict
        (coordinate, exponents) to the size of the terms that a coefficient is the sum of.
    manifold : dict
        Exponents to h_nu, (N + q,), with 1 among the last q for a parameter itself.
    """

    terms: tuple[Series, ...]
    sizes: Mapping[tuple[int, Exponents], float]
    manifold: Mapping[Exponents, Complex]


def critical_expansion(
    forms: MultilinearForms, space: CriticalSpace, degrees: Sequence[int]
) -> CriticalExpansion:
    """The resonant coefficients up to given degrees.

    Parameters
    ----------
    forms : MultilinearForms
        Of the full field, with q parameters.
    space : CriticalSpace
        Simple critical eigenvalues.
    degrees : sequence of int
        Highest degree in w of the terms of degree 0, 1, ... in alpha, each lower than the one before.

    Raises
    ------
    InputError
        If two critical eigenvalues are equal.
    """
    return _Solver(forms, space).run(degrees)


class _Solver:
    def __init__(self, forms: MultilinearForms, space: CriticalSpace) -> None:
        self._forms = forms
        self._space = space
        self._d, self._q = space.dimension, forms.n_parameters
        self._width = self._d + self._q
        self._h: dict[Exponents, Complex] = {}
        self._terms: list[Series] = []
        self._sizes: dict[tuple[int, Exponents], float] = {}
        for i in range(self._d):
            key = unit(i, self._width)
            self._h[key] = np.append(space.right[:, i], np.zeros(self._q)).astype(complex)
            self._terms.append({key: complex(space.eigenvalues[i])})

    def run(self, degrees: Sequence[int]) -> CriticalExpansion:
        for alpha_degree, highest in enumerate(degrees if self._q else degrees[:1]):
            for degree in range(0 if alpha_degree else 2, highest + 1):
                last = degree == highest and (alpha_degree + 1 == len(degrees) or not self._has_real())
                for own in _of_degree(self._d, degree):
                    for offsets in _of_degree(self._q, alpha_degree):
                        self._solve((*own, *offsets), coefficients_only=last)
        return CriticalExpansion(tuple(self._terms), self._sizes, self._h)

    def _has_real(self) -> bool:
        return any(partner == i for i, partner in enumerate(self._space.partners))

    def _mirrored(self, exponents: Exponents) -> Exponents:
        own = exponents[: self._d]
        return (*(own[p] for p in self._space.partners), *exponents[self._d :])

    def _resonant(self, exponents: Exponents) -> int | None:
        combined = self._space.combined(exponents)
        distances = np.abs(self._space.eigenvalues - combined)
        near = np.flatnonzero(distances <= self._space.resonant_width)
        if len(near) > 1:
            raise InputError(
                f"The critical eigenvalues {self._space.eigenvalues[near].tolist()} coincide; the normal form of such "
                "a point is not among those that are known here."
            )
        return int(near[0]) if len(near) else None

    def _solve(self, exponents: Exponents, *, coefficients_only: bool) -> None:
        mirrored = self._mirrored(exponents)
        if mirrored in self._h and mirrored != exponents:
            self._h[exponents] = _conjugate(self._h[mirrored])
        resonant = self._resonant(exponents)
        if exponents in self._h:
            if resonant is not None:
                self._mirror_term(resonant, exponents, mirrored)
            return
        if coefficients_only and resonant is None:
            return
        image, size = self._image(exponents)
        right_side = self._carried(exponents) - image
        matrix = self._space.shifted(self._space.combined(exponents))
        if resonant is None:
            h: Any = np.linalg.solve(matrix, right_side)
        else:
            q, p = self._space.right[:, resonant], self._space.left[:, resonant]
            coefficient = -complex(p.conj() @ right_side)
            self._terms[resonant][exponents] = coefficient
            self._sizes[resonant, exponents] = float(np.linalg.norm(p)) * size
            if coefficients_only:
                return
            h, _ = bordered_solution(matrix, q, p, right_side)
        parameters = np.zeros(self._q)
        if not any(exponents[: self._d]) and sum(exponents) == 1:
            parameters[exponents.index(1) - self._d] = 1.0
        if mirrored == exponents:
            h = h.real
        self._h[exponents] = np.append(h, parameters).astype(complex)

    def _mirror_term(self, resonant: int, exponents: Exponents, mirrored: Exponents) -> None:
        partner = self._space.partners[resonant]
        if mirrored in self._terms[partner]:
            self._terms[resonant][exponents] = self._terms[partner][mirrored].conjugate()
            self._sizes[resonant, exponents] = self._sizes[partner, mirrored]

    def _image(self, exponents: Exponents) -> tuple[Complex, float]:
        """The part of f(H) at a monomial without A h, and the size of its terms."""
        total = np.zeros(self._forms.n_states, dtype=complex)
        size = 0.0
        for parts in compositions(exponents):
            vectors = [self._h.get(part) for part in parts]
            if any(v is None for v in vectors):
                continue
            repetitions = math.prod(math.factorial(k) for k in Counter(parts).values())
            term = self._forms(*[v for v in vectors if v is not None]) / repetitions
            total += term
            size = max(size, float(np.linalg.norm(term)))
        if not any(exponents[: self._d]) and sum(exponents) == 1:
            direction = np.append(np.zeros(self._forms.n_states), exponents[self._d :])
            total = self._forms(direction)
            size = float(np.linalg.norm(total))
        return total, size

    def _carried(self, exponents: Exponents) -> Complex:
        """The part of H_w N (map: of H(N)) at a monomial that lower coefficients determine."""
        total = np.zeros(self._forms.n_states, dtype=complex)
        if self._space.discrete:
            for sigma, h in self._h.items():
                if sum(sigma) > 1 and sigma != exponents:
                    factor = self._power(sigma, exponents)
                    if factor:
                        total += factor * h[: self._forms.n_states]
            return total
        for i, terms in enumerate(self._terms):
            own = unit(i, self._width)
            for tau, value in terms.items():
                sigma = tuple(a - b + c for a, b, c in zip(exponents, tau, own, strict=True))
                if tau not in (own, exponents) and sigma in self._h:
                    total += sigma[i] * value * self._h[sigma][: self._forms.n_states]
        return total

    def _power(self, sigma: Exponents, exponents: Exponents) -> complex:
        """The coefficient of one monomial in N^sigma alpha^(rest of sigma)."""

        def below(key: Exponents) -> bool:
            return all(a <= b for a, b in zip(key, exponents, strict=True))

        out: Series = {(*([0] * self._d), *sigma[self._d :]): 1.0 + 0.0j}
        if not below(next(iter(out))):
            return 0.0
        for i in range(self._d):
            for _ in range(sigma[i]):
                out = product(out, self._terms[i], self._width, below)
        return out.get(exponents, 0.0)


def _conjugate(vector: Complex) -> Complex:
    return np.asarray(vector.conj())


def _of_degree(width: int, degree: int) -> list[Exponents]:
    rows = itertools.combinations_with_replacement(range(width), degree)
    if not width:
        return [()] if degree == 0 else []
    return [tuple(row.count(i) for i in range(width)) for row in rows]
