"""The critical eigenvalues of a fixed point with their right and left eigenvectors, and bordered linear systems.

The bordered matrix ((A, b), (c^H, 0)) is regular where A has a one-dimensional kernel, and gives its null vectors and
the solutions that are orthogonal to the left one (Govaerts, Numerical Methods for Bifurcations of Dynamical
Equilibria, 2000, sections 3.1-3.3; Kuznetsov, Elements of Applied Bifurcation Theory, 3rd ed., section 5.4.1).
"""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from ssmsym.dynamics.fixed_points import format_eigenvalue
from ssmsym.errors import InputError
from ssmsym.manifolds.subspace import ordered_spectrum

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_RESONANT = 1e-3
_REFINEMENTS = 3
_DOUBLE_ZERO = 1e-4  # relative size of two eigenvalues whose sum and product say that they are 0 together


def null_vectors(matrix: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], float]:
    """Unit right and left null vectors of a matrix of rank n - 1, by bordered systems.

    Returns
    -------
    right, left : (n,)
        A right = 0, left^H A = 0.
    gap : float
        |g| of the last bordered system, which is 0 exactly where the matrix is singular.

    Raises
    ------
    InputError
        If the kernel has more than one dimension.
    """
    n = len(matrix)
    rng = np.random.default_rng(0)
    right = rng.standard_normal(n).astype(matrix.dtype)
    left = rng.standard_normal(n).astype(matrix.dtype)
    last = np.zeros(n + 1)
    last[n] = 1.0
    gap = np.inf
    for _ in range(_REFINEMENTS):
        right, left = right / np.linalg.norm(right), left / np.linalg.norm(left)
        factors = _factored(_bordered(matrix, left, right))
        forward, backward = (
            scipy.linalg.lu_solve(factors, last, trans=way, check_finite=False) for way in (0, 2)
        )
        right, left, gap = forward[:n], backward[:n], abs(forward[n])
    return right / np.linalg.norm(right), left / np.linalg.norm(left), float(gap)


def _factored(bordered: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int32]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", scipy.linalg.LinAlgWarning)
        factors = scipy.linalg.lu_factor(bordered, overwrite_a=True, check_finite=False)
    if not factors[0].diagonal().all():
        raise InputError("A critical eigenvalue has two eigenvectors here, where one is needed.")
    return factors


def _bordered(matrix: NDArray[Any], column: NDArray[Any], row: NDArray[Any]) -> NDArray[Any]:
    n = len(matrix)
    out = np.zeros((n + 1, n + 1), dtype=np.result_type(matrix, column, row))
    out[:n, :n], out[:n, n], out[n, :n] = matrix, column, row.conj()
    return out


def bordered_solution(
    matrix: NDArray[Any], right: NDArray[Any], left: NDArray[Any], right_side: NDArray[Any]
) -> tuple[NDArray[Any], complex]:
    """h and s with A h + s right = right_side, left^H h = 0; s = left^H right_side if left^H A = 0."""
    n = len(matrix)
    found = np.linalg.solve(_bordered(matrix, right, left), np.append(right_side, 0.0))
    return found[:n], complex(found[n])


@dataclass(frozen=True, eq=False)
class CriticalSpace:
    """The eigenspaces of the critical eigenvalues.

    Attributes
    ----------
    jacobian : (N, N) array
    eigenvalues : (d,) complex array
        A pair with positive imaginary part first; of a map the multipliers.
    right, left : (N, d) complex array
        q and p with A q = lambda q, A^T conj(p) = lambda conj(p), p_i^H q_j = delta_ij; real ones have their largest
        entry positive, so has the first of a pair.
    modes : tuple of int
        Positions in the spectrum, leading first.
    partners : tuple of int
        For each coordinate that of its complex conjugate, itself for a real one.
    scale : float
        The rate that critical eigenvalues are small against.
    discrete : bool
    """

    jacobian: Array
    eigenvalues: Complex
    right: Complex
    left: Complex
    modes: tuple[int, ...]
    partners: tuple[int, ...]
    scale: float
    discrete: bool

    @property
    def dimension(self) -> int:
        """Number d of critical eigenvalues."""
        return len(self.eigenvalues)

    @property
    def resonant_width(self) -> float:
        """Distance up to which a combination of critical eigenvalues counts as one of them: far below a frequency."""
        if self.discrete:
            return _RESONANT
        frequencies = self.eigenvalues.imag[self.eigenvalues.imag > 0]
        rate = float(frequencies.min()) if len(frequencies) else self.scale
        return _RESONANT * rate + 10 * float(np.abs(self.eigenvalues.real).max())

    def combined(self, exponents: tuple[int, ...]) -> complex:
        """m . lambda, of a map the product lambda^m."""
        powers = np.array(exponents[: self.dimension])
        return complex(
            np.prod(self.eigenvalues**powers) if self.discrete else np.sum(powers * self.eigenvalues)
        )

    def shifted(self, value: complex) -> NDArray[Any]:
        """A - value I, real for a real value."""
        shift = value.real if value.imag == 0 else value
        return self.jacobian - shift * np.eye(len(self.jacobian))


@dataclass(frozen=True)
class CriticalModes:
    """Which eigenvalues of a spectrum are critical.

    Attributes
    ----------
    spectrum : (N,) complex array
    zeros, flips, pairs : tuple of int
        Positions of eigenvalues 0 (multipliers 1), of multipliers -1, and of the first of each imaginary pair.
    scale : float
        The rate that they are small against.
    """

    spectrum: Complex
    zeros: tuple[int, ...]
    flips: tuple[int, ...]
    pairs: tuple[int, ...]
    scale: float


def critical_modes(jacobian: Array, tolerance: float, *, discrete: bool) -> CriticalModes:
    """The critical eigenvalues: within `tolerance`, relative to the largest modulus, of the imaginary axis.

    For a map, of the unit circle. Two eigenvalues of a defective double 0 lie apart by the square root of the error
    of the matrix; their sum and product decide.

    Raises
    ------
    InputError
        If none is critical.
    """
    spectrum = ordered_spectrum(jacobian, discrete=discrete)
    scale = _scale(jacobian, spectrum, tolerance, discrete=discrete)
    near = tolerance * scale
    offset = spectrum - 1.0 if discrete else spectrum
    zeros = _double_zero(offset, scale, near)
    if not zeros:
        zeros = tuple(int(i) for i in np.flatnonzero(np.abs(offset) <= near))
    rates = np.abs(np.abs(spectrum) - 1.0) if discrete else np.abs(spectrum.real)
    others = [i for i in np.flatnonzero(rates <= near).tolist() if i not in zeros]
    flips = tuple(i for i in others if discrete and abs(spectrum[i] + 1.0) <= near)
    pairs = tuple(i for i in others if i not in flips and spectrum[i].imag > 0)
    if not zeros and not flips and not pairs:
        i = int(np.argmin(rates))
        line = "unit circle" if discrete else "imaginary axis"
        raise InputError(
            f"The point is at no bifurcation: the eigenvalue nearest to the {line} is "
            f"{format_eigenvalue(complex(spectrum[i]))}, at a distance of {rates[i]:.1e} (allowed: {near:.1e}). Locate "
            "the bifurcation first, with branches, or raise 'tolerance'."
        )
    return CriticalModes(spectrum, zeros, flips, pairs, scale)


def _scale(jacobian: Array, spectrum: Complex, tolerance: float, *, discrete: bool) -> float:
    """The rate that eigenvalues are small against: 1 where nothing else than critical ones gives one."""
    largest = max(float(np.abs(spectrum).max()), float(np.linalg.norm(jacobian)) / len(jacobian) ** 0.5)
    if discrete:
        return max(largest, 1.0)
    return largest if largest > tolerance else 1.0


def _double_zero(offset: Complex, scale: float, near: float) -> tuple[int, ...]:
    """Two eigenvalues that are 0 together although neither is to the tolerance."""
    close = np.flatnonzero(np.abs(offset) <= _DOUBLE_ZERO * scale)
    if len(close) != 2:
        return ()
    total, both = complex(offset[close].sum()), complex(offset[close].prod())
    return tuple(close.tolist()) if abs(total) <= near and abs(both) <= near * scale else ()


def critical_space(
    jacobian: Array, found: CriticalModes, embedding: Array | None, *, discrete: bool
) -> CriticalSpace:
    """Right and left eigenvectors of simple critical eigenvalues.

    Parameters
    ----------
    jacobian : (N, N) array
    found : CriticalModes
    embedding : (M, N) array, optional
        |embedding q| = 1 instead of |q| = 1: the linear part of the way from a reduced model to its network.
    discrete : bool
    """
    values: list[complex] = []
    rights: list[NDArray[Any]] = []
    lefts: list[NDArray[Any]] = []
    modes: list[int] = []
    partners: list[int] = []
    for position in (*found.zeros, *found.flips):
        value = float(found.spectrum[position].real)
        q, p = eigenvectors(jacobian, value, embedding)
        partners.append(len(values))
        values, rights, lefts = [*values, value], [*rights, q], [*lefts, p]
        modes.append(position)
    for position in found.pairs:
        pair = complex(found.spectrum[position])
        q, p = eigenvectors(jacobian, pair, embedding)
        first = len(values)
        partners += [first + 1, first]
        values, rights, lefts = (
            [*values, pair, pair.conjugate()],
            [*rights, q, q.conj()],
            [*lefts, p, p.conj()],
        )
        modes += [position, position + 1]
    return CriticalSpace(
        jacobian=jacobian,
        eigenvalues=np.array(values, dtype=complex),
        right=np.stack(rights, axis=1).astype(complex),
        left=np.stack(lefts, axis=1).astype(complex),
        modes=tuple(modes),
        partners=tuple(partners),
        scale=found.scale,
        discrete=discrete,
    )


def eigenvectors(
    jacobian: Array, value: complex, embedding: Array | None = None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """q and p of a simple eigenvalue: |q| = 1 (or |embedding q| = 1), p^H q = 1."""
    shift = value.real if value.imag == 0 else value
    q, p, _ = null_vectors(jacobian - shift * np.eye(len(jacobian)))
    seen = q if embedding is None else embedding @ q
    largest = seen[int(np.argmax(np.round(np.abs(seen) / np.abs(seen).max(), 6)))]
    q = q * (np.conj(largest) / abs(largest) / np.linalg.norm(seen))
    return q, p / np.conj(p.conj() @ q)


@functools.cache
def compositions(exponents: tuple[int, ...]) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """All ways to write a multi-index as a sum of two or more, in any order, without regard to order."""

    def splits(rest: tuple[int, ...], largest: tuple[int, ...]) -> list[tuple[tuple[int, ...], ...]]:
        if not any(rest):
            return [()]
        found = []
        for part in _below(rest):
            if any(part) and part <= largest:
                remaining = tuple(a - b for a, b in zip(rest, part, strict=True))
                found += [(part, *tail) for tail in splits(remaining, part)]
        return found

    return tuple(s for s in splits(exponents, exponents) if len(s) > 1)


def _below(exponents: tuple[int, ...]) -> list[tuple[int, ...]]:
    out: list[tuple[int, ...]] = [()]
    for k in exponents:
        out = [(*head, i) for head in out for i in range(k + 1)]
    return out
