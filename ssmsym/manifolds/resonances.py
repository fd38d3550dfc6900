"""Resonances, spectral quotients and smoothness of an SSM, from the spectrum alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.manifolds.smoothness import (
    FractionalMember,
    Smoothness,
    outer_quotient,
    rates_of,
    smoothness,
    whole_part,
)
from ssmsym.series.monomials import monomial_table

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_EXACT = 1e-8  # relative to the eigenvalue that is met
_ROUNDING = 1e-12  # of the largest eigenvalue
_SCATTER = 1e-7  # of the largest eigenvalue: how far rounding scatters a Jordan block's zeros
_NEAR = 0.1  # relative distance up to which an inner resonance is near


@dataclass(frozen=True)
class Resonance:
    """One combination of master eigenvalues near an eigenvalue outside (outer) or among themselves (inner).

    Attributes
    ----------
    combination : tuple of int
        Multiples m of the master eigenvalues.
    degree : int
        Sum of the multiples.
    mode : int
        Position of the eigenvalue that is met in the spectrum.
    value, eigenvalue : complex
        m . lambda (for a map the product) and the eigenvalue, in 1/time.
    masters : tuple of int
        Positions of the master eigenvalues; 0, 1, ... when not given.
    inner : bool
        Whether `mode` is a master mode.
    floor : float
        Distance that rounding errors of the eigenvalues can make, in 1/time.
    """

    combination: tuple[int, ...]
    degree: int
    mode: int
    value: complex
    eigenvalue: complex
    masters: tuple[int, ...] = ()
    inner: bool = False
    floor: float = 0.0

    @property
    def distance(self) -> float:
        """|m . lambda - eigenvalue|, in 1/time."""
        return abs(self.value - self.eigenvalue)

    @property
    def relative_distance(self) -> float:
        """`distance` over the larger modulus of the two; 0 if both vanish."""
        size = max(abs(self.value), abs(self.eigenvalue))
        return self.distance / size if size > self.floor else 0.0

    @property
    def exact(self) -> bool:
        """Whether the two agree to rounding; an outer one is harmless since the expansion exists."""
        return self.distance <= max(_EXACT * abs(self.eigenvalue), self.floor)

    def __str__(self) -> str:
        masters = self.masters or tuple(range(len(self.combination)))
        pairs = [(m, i) for m, i in zip(self.combination, masters, strict=True) if m]
        terms = " + ".join(f"{m} λ{i}" if m > 1 else f"λ{i}" for m, i in pairs)
        exact = ": exact, " + ("a normal form keeps it" if self.inner else "its right-hand side vanishes")
        return (
            f"degree {self.degree}: {terms} is {self.distance:.2e} ({self.relative_distance:.1e} relative) from mode "
            f"{self.mode} ({self.eigenvalue:.4g})" + (exact if self.exact else "")
        )


@dataclass(frozen=True)
class ResonanceReport:
    """What the spectrum says of existence, uniqueness, smoothness and conditioning of an SSM.

    ``str(report)`` gives it in a few lines.

    Attributes
    ----------
    nearest : tuple of Resonance
        Outer resonances of degree 2 to the order of the expansion, nearest first.
    outer_spectral_quotient, inner_spectral_quotient : int or None
        Int[min Re(outer) / max Re(master)] and Int[min Re(master) / max Re(master)] for a stable master
        subspace and spectrum (Haller and Ponsioen, Nonlinear Dyn. 86, 2016, equations 14 and 38); None if
        either is not stable. The SSM is unique among manifolds smoother than the outer quotient.
    inner : tuple of Resonance
        Exact and near (relative distance up to 0.1) resonances of the master eigenvalues among themselves, of the
        same degrees, nearest first: terms that the normal form keeps and the linearising style cannot remove.
    worst_exact, worst_near : Resonance or None
        Among all outer ones, the exact resonance of lowest degree and the nearest that is not exact.
    smoothness : Smoothness or None
        Class in which the SSM is unique, and the less smooth manifolds beside it.
    """

    nearest: tuple[Resonance, ...]
    outer_spectral_quotient: int | None
    inner_spectral_quotient: int | None
    inner: tuple[Resonance, ...] = ()
    worst_exact: Resonance | None = None
    worst_near: Resonance | None = None
    smoothness: Smoothness | None = None

    @property
    def fractional_members(self) -> tuple[FractionalMember, ...]:
        """(outer mode, exponent, master mode) of the invariant manifolds y = C |p|^exponent beside the SSM.

        Exponents are ratios of rates; resonant ones, whose members are smooth, are left out (Haller, Kaszas, Liu and
        Axas, Chaos 33, 2023). Data off the SSM approach it along these.
        """
        return () if self.smoothness is None else self.smoothness.fractional_members

    def __str__(self) -> str:
        exact = "none" if self.worst_exact is None else str(self.worst_exact)
        near = "none" if self.worst_near is None else str(self.worst_near)
        lines = [f"exact outer resonance: {exact}", f"nearest outer resonance: {near}"]
        shown = [f"inner resonance: {resonance}" for resonance in self.inner[:3]]
        lines += shown or ["inner resonances: none near"]
        quotients = (self.outer_spectral_quotient, self.inner_spectral_quotient)
        if quotients != (None, None):
            lines.append(f"spectral quotients: outer {quotients[0]}, inner {quotients[1]}")
        if self.smoothness is not None:
            lines.append(f"smoothness: {self.smoothness}")
        return "\n".join(lines)


def resonance_report(
    spectrum: Complex, modes: tuple[int, ...], order: int, *, count: int = 5, discrete: bool = False
) -> ResonanceReport:
    """Resonances up to an order, spectral quotients and smoothness.

    Parameters
    ----------
    spectrum : (N,) complex
        In 1/time, for a map multipliers.
    modes : tuple of int
        Positions of the master eigenvalues.
    order : int
        Highest degree of the combinations.
    count : int
        How many outer and how many inner resonances are kept.
    discrete : bool
        Whether the spectrum is that of a map.
    """
    outer = np.array([i for i in range(len(spectrum)) if i not in set(modes)], dtype=int)
    around = _Combinations(spectrum, modes, outer, order, discrete)
    among = _Combinations(spectrum, modes, np.array(modes, dtype=int), order, discrete).nearest(4 * count)
    rates = rates_of(spectrum, discrete=discrete)
    own = rates[list(modes)]
    quotient = outer_quotient(own, rates[outer])
    return ResonanceReport(
        nearest=tuple(around.nearest(count)),
        outer_spectral_quotient=quotient,
        inner_spectral_quotient=None if quotient is None else whole_part(float(own.min() / own.max())),
        inner=tuple([r for r in among if r.exact or r.relative_distance <= _NEAR][:count]),
        worst_exact=around.worst_exact(),
        worst_near=around.worst_near(),
        smoothness=smoothness(spectrum, modes, discrete=discrete),
    )


class _Combinations:
    """Combinations of degree 2 to `order` of the master eigenvalues, against some eigenvalues."""

    def __init__(
        self,
        spectrum: Complex,
        modes: tuple[int, ...],
        targets: NDArray[np.int64],
        order: int,
        discrete: bool,
    ) -> None:
        self._spectrum, self._modes, self._targets = spectrum, modes, targets
        table = monomial_table(len(modes), 0, max(order, 1))
        self._exponents = table.exponents[table.offsets[2] :]
        master = spectrum[list(modes)]
        powers = np.prod(master**self._exponents, axis=1) if discrete else self._exponents @ master
        self._values = powers.astype(complex)
        self._distances = np.abs(self._values[:, None] - spectrum[targets][None, :])
        self._inner = bool(np.isin(targets, modes).any())
        self._floor = (_SCATTER if self._inner else _ROUNDING) * float(np.abs(spectrum).max())

    def nearest(self, count: int) -> list[Resonance]:
        """Each combination with the eigenvalue nearest to it, nearest first."""
        if not self._distances.size:
            return []
        closest = np.argmin(self._distances, axis=1)
        smallest = self._distances[np.arange(len(closest)), closest]
        return [self._at(row, closest[row]) for row in np.argsort(smallest, kind="stable")[:count]]

    def worst_exact(self) -> Resonance | None:
        """The exact one of lowest degree."""
        rows, columns = np.nonzero(self._exact())
        return self._at(rows[0], columns[0]) if len(rows) else None

    def worst_near(self) -> Resonance | None:
        """The nearest that is not exact."""
        distances = np.where(self._exact(), np.inf, self._distances)
        if not np.isfinite(distances).any():
            return None
        return self._at(*np.unravel_index(int(np.argmin(distances)), distances.shape))

    def _exact(self) -> NDArray[np.bool_]:
        limits = np.maximum(_EXACT * np.abs(self._spectrum[self._targets]), self._floor)
        return np.asarray(self._distances <= limits)

    def _at(self, row: np.intp, column: np.intp) -> Resonance:
        mode = int(self._targets[column])
        combination = tuple(int(m) for m in self._exponents[row])
        return Resonance(
            combination=combination,
            degree=sum(combination),
            mode=mode,
            value=complex(self._values[row]),
            eigenvalue=complex(self._spectrum[mode]),
            masters=self._modes,
            inner=self._inner,
            floor=self._floor,
        )
