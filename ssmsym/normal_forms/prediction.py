"""What a normal form says of the solutions near its point: fixed points, cycles, their size, period and stability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.normal_forms.coefficients import Terms
from ssmsym.normal_forms.series import at_offsets

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_REAL = 1e-9
_NONE = 1e-12  # of the leading term: the next one is a rounding error
_NEXT_TERM = 0.1  # share of the leading nonlinear term that the next one may have inside the range
_LEADING = {"fold": 2, "transcritical": 2, "pitchfork": 3, "cusp": 3, "flip": 3}
_PAIRS = ("hopf", "generalized_hopf", "neimark_sacker")


@dataclass(frozen=True, eq=False)
class Prediction:
    """One solution near a bifurcation.

    Attributes
    ----------
    kind : {"fixed point", "period-2 orbit", "cycle", "invariant circle"}
    coordinate : float
        w, or |w| of a cycle.
    states : (n, N) array
        The fixed point, both points of a period-2 orbit, or points along a cycle at equal phases.
    stable : bool
        Within the critical directions.
    frequency, period : float or None
        Of a cycle, in radians per time and in time; of an invariant circle per iterate and in iterates.
    within_range : bool
        Whether the next term of the normal form is below a tenth of the leading one.
    """

    kind: str
    coordinate: float
    states: Array
    stable: bool
    frequency: float | None
    period: float | None
    within_range: bool

    def __repr__(self) -> str:
        period = "" if self.period is None else f", period {self.period:.6g}"
        return (
            f"Prediction({self.kind}, |w| = {abs(self.coordinate):.6g}{period}, "
            f"{'stable' if self.stable else 'unstable'}{'' if self.within_range else ', out of range'})"
        )


@dataclass(frozen=True)
class Solution:
    """A solution of a normal form in its own coordinate."""

    coordinate: float
    stable: bool
    frequency: float | None = None


def reach(kind: str, terms: Terms) -> float:
    """The size |w| up to which the next term stays below a tenth of the leading one; infinite without a next one.

    Of a cycle the modulus of the next term against the real part of the leading one.
    """
    if kind in _PAIRS:
        leading, following, power = terms(0, 2, 1), terms(0, 3, 2), 0.5
        if kind == "neimark_sacker":
            turn = complex(terms.eigenvalues[0]).conjugate()
            leading, following = turn * leading, turn * following
        if kind == "generalized_hopf":
            return np.inf
    elif kind in _LEADING:
        degree = _LEADING[kind]
        step = 1 if degree == 2 else 2
        leading, following, power = terms(0, degree), terms(0, degree + step), 1.0 / step
    else:
        return np.inf
    if abs(following) <= _NONE * abs(leading):
        return np.inf
    return float((_NEXT_TERM * abs(leading.real) / abs(following)) ** power)


def solutions(kind: str, terms: Terms, offsets: Array, largest: float) -> list[Solution]:
    """Fixed points or cycles of the truncated normal form at parameter offsets, of size |w| at most `largest`."""
    return _cycles(terms, offsets, largest) if kind in _PAIRS else _points(kind, terms, offsets, largest)


def _points(kind: str, terms: Terms, offsets: Array, largest: float) -> list[Solution]:
    series = at_offsets(terms.series[0], 1, offsets.tolist())
    degree = max((k for (k,) in series), default=0)
    polynomial = np.zeros(degree + 1)
    for (k,), value in series.items():
        polynomial[k] = value.real
    balanced = polynomial.copy()
    if terms.discrete:
        balanced[1] -= -1.0 if kind == "flip" else 1.0
    derivative = np.polynomial.polynomial.polyder(polynomial)
    found = []
    for w in _real_roots(balanced):
        if abs(w) > largest or (kind == "flip" and w <= 0):
            continue
        rate = float(np.polynomial.polynomial.polyval(w, derivative))
        found.append(Solution(w, abs(rate) < 1 if terms.discrete else rate < 0))
    return found


def _cycles(terms: Terms, offsets: Array, largest: float) -> list[Solution]:
    series = at_offsets(terms.series[0], 2, offsets.tolist())
    degree = max(b for _, b in series)
    rates = np.array([series.get((k + 1, k), 0.0) for k in range(degree + 1)], dtype=complex)
    radial = rates.real
    if terms.discrete:
        radial = np.polynomial.polynomial.polymul(rates, rates.conj()).real
        radial[0] -= 1.0
    slope = np.polynomial.polynomial.polyder(radial)
    found = []
    for square in _real_roots(radial):
        if not 0 < square <= largest**2:
            continue
        rate = complex(np.polynomial.polynomial.polyval(square, rates))
        frequency = float(np.angle(rate)) if terms.discrete else rate.imag
        stable = float(np.polynomial.polynomial.polyval(square, slope)) < 0
        found.append(Solution(float(np.sqrt(square)), stable, frequency))
    return found


def _real_roots(polynomial: Array) -> list[float]:
    roots = np.polynomial.polynomial.polyroots(np.trim_zeros(polynomial, "b"))
    return sorted(float(r.real) for r in np.atleast_1d(roots) if abs(r.imag) <= _REAL * max(abs(r), 1e-300))
