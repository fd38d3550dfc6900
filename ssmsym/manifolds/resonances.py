"""Outer resonances and spectral quotients of a master subspace."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.series.monomials import monomial_table

Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Resonance:
    """One combination of master eigenvalues near an outer eigenvalue.

    Attributes
    ----------
    combination : tuple of int
        Multiples m of the master eigenvalues.
    degree : int
        Sum of the multiples.
    mode : int
        Position of the outer eigenvalue in the spectrum.
    value, eigenvalue : complex
        m . lambda and the outer eigenvalue, in 1/time.
    """

    combination: tuple[int, ...]
    degree: int
    mode: int
    value: complex
    eigenvalue: complex

    @property
    def distance(self) -> float:
        """|m . lambda - eigenvalue|, in 1/time."""
        return abs(self.value - self.eigenvalue)

    @property
    def exact(self) -> bool:
        """Whether the two agree to rounding: a resonance, harmless since the expansion exists."""
        return self.distance <= 1e-8 * abs(self.eigenvalue)

    def __str__(self) -> str:
        terms = " + ".join(f"{m} λ{i}" if m > 1 else f"λ{i}" for i, m in enumerate(self.combination) if m)
        return (
            f"degree {self.degree}: {terms} is {self.distance:.2e} from mode {self.mode} "
            f"({self.eigenvalue:.4g})" + (": exact, its right-hand side vanishes" if self.exact else "")
        )


@dataclass(frozen=True)
class ResonanceReport:
    """What the spectrum says of existence, uniqueness and conditioning of an SSM.

    Attributes
    ----------
    nearest : tuple of Resonance
        Outer resonances of degree 2 to the order of the expansion, nearest first.
    outer_spectral_quotient, inner_spectral_quotient : int or None
        Int[min Re(outer) / max Re(master)] and Int[min Re(master) / max Re(master)] for a stable master
        subspace and spectrum (Haller and Ponsioen, Nonlinear Dyn. 86, 2016, equations 14 and 38); None if
        either is not stable. The SSM is unique among manifolds smoother than the outer quotient.
    """

    nearest: tuple[Resonance, ...]
    outer_spectral_quotient: int | None
    inner_spectral_quotient: int | None


def resonance_report(
    spectrum: Complex, modes: tuple[int, ...], order: int, *, count: int = 5, discrete: bool = False
) -> ResonanceReport:
    """The nearest outer resonances up to an order, and the spectral quotients."""
    outer = np.array([i for i in range(len(spectrum)) if i not in set(modes)], dtype=int)
    master = spectrum[list(modes)]
    if not len(outer):
        return ResonanceReport((), None, None)
    nearest: list[Resonance] = []
    if order >= 2:
        table = monomial_table(len(modes), 0, order)
        exponents = table.exponents[table.offsets[2] :]
        values = np.prod(master**exponents, axis=1) if discrete else exponents @ master
        distances = np.abs(values[:, None] - spectrum[outer][None, :])
        closest = np.argmin(distances, axis=1)
        for row in np.argsort(distances[np.arange(len(values)), closest], kind="stable")[:count]:
            mode = int(outer[closest[row]])
            combination = tuple(int(m) for m in exponents[row])
            nearest.append(
                Resonance(combination, sum(combination), mode, complex(values[row]), complex(spectrum[mode]))
            )
    outer_quotient = inner_quotient = None
    with np.errstate(divide="ignore"):
        rates = np.log(np.abs(spectrum)) if discrete else spectrum.real
    if (rates < 0).all() and np.isfinite(rates).all():
        own = rates[list(modes)]
        outer_quotient = int(rates[outer].min() / own.max())
        inner_quotient = int(own.min() / own.max())
    return ResonanceReport(tuple(nearest), outer_quotient, inner_quotient)
