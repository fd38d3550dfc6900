"""Choosing master modes by their rates: a window of rates, or the largest relative spectral gap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.fixed_points import format_eigenvalue
from ssmsym.dynamics.spectrum import leading_order
from ssmsym.errors import InputError
from ssmsym.manifolds.smoothness import outer_quotient, rates_of, stability_kind
from ssmsym.manifolds.subspace import ordered_spectrum

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

LARGEST_GAP = "largest gap"
_NEUTRAL = 1e-6  # of the largest rate: where a rate counts as 0, a Jordan block's scattered zeros included
_TOGETHER = 1e-4  # relative gap below which eigenvalues count as one cluster
_TIE = 1e-9  # relative: gaps that differ by less are equal, and the smaller model is proposed
_CLEAR = 1.0  # gap at which the next rate is twice the fastest master rate


@dataclass(frozen=True)
class SpectralWindow:
    """Master modes by rate: those with fastest <= Re lambda <= slowest, for maps of log|mu|.

    Attributes
    ----------
    slowest : float or None
        Highest rate taken, in 1/time (map: per step); without it all growing directions belong.
    fastest : float or None
        Lowest rate taken; without it all faster decaying directions belong.

    Examples
    --------
    >>> SpectralWindow(fastest=-0.2).positions([0.03, -0.1 + 1j, -0.1 - 1j, -4.0])
    (0, 1, 2)
    """

    slowest: float | None = None
    fastest: float | None = None

    def __post_init__(self) -> None:
        for name in ("slowest", "fastest"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise InputError(f"'{name}' of a spectral window is a finite rate; found {value}.")
        if self.slowest is None and self.fastest is None:
            raise InputError("A spectral window needs 'slowest', 'fastest' or both; found neither.")
        if self.slowest is not None and self.fastest is not None and self.fastest > self.slowest:
            raise InputError(
                f"'fastest' = {self.fastest:g} lies above 'slowest' = {self.slowest:g}; rates are signed, decaying "
                "ones negative. Exchange them."
            )

    def positions(self, spectrum: Sequence[complex] | Complex, *, discrete: bool = False) -> tuple[int, ...]:
        """Positions of the modes inside, in a spectrum ordered leading first.

        Raises
        ------
        InputError
            If there is none.
        """
        values = np.asarray(spectrum, dtype=complex)
        rates = rates_of(values, discrete=discrete)
        margin = 1e-9 * _largest_rate(rates)
        high = np.inf if self.slowest is None else self.slowest
        low = -np.inf if self.fastest is None else self.fastest
        inside = np.flatnonzero((rates >= low - margin) & (rates <= high + margin))
        if not len(inside):
            outside = np.maximum(low - rates, rates - high)
            nearest = rates[int(np.argmin(outside))]
            raise InputError(
                f"No mode has its rate in the window from {low:g} to {high:g}; the nearest has {nearest:.4g}. "
                "Widen the window."
            )
        return tuple(int(i) for i in inside)


@dataclass(frozen=True)
class LargestGap:
    """The number of leading modes with the largest relative spectral gap, of at most `most`.

    Attributes
    ----------
    most : int
        Largest number of modes considered.
    """

    most: int = 6

    def __post_init__(self) -> None:
        _check_most(self.most)


ModeChoice = int | Sequence[int] | str | SpectralWindow | LargestGap


@dataclass(frozen=True)
class ModeCandidate:
    """One number of leading modes, with what the spectrum says of it.

    Attributes
    ----------
    modes : int
    kind : str
        ``stable``, ``unstable``, ``mixed`` or ``centre``.
    fastest, next_rate : float
        Lowest master rate and highest outer rate, Re lambda in 1/time (map: log|mu| per step).
    gap : float
        (fastest - next_rate) / |fastest|; inf if the fastest master rate is neutral.
    outer_spectral_quotient : int or None
        As in :class:`~ssmsym.manifolds.resonances.ResonanceReport`.
    whole : bool
        Whether no pair or cluster is cut; others are never proposed.
    """

    modes: int
    kind: str
    fastest: float
    next_rate: float
    gap: float
    outer_spectral_quotient: int | None
    whole: bool


@dataclass(frozen=True)
class ModeProposal:
    """A proposed number of leading modes.

    Attributes
    ----------
    modes : int
    reasons : tuple of str
        Why, in sentences.
    candidates : tuple of ModeCandidate
    """

    modes: int
    reasons: tuple[str, ...]
    candidates: tuple[ModeCandidate, ...]

    def __str__(self) -> str:
        lines = [f"{_count(self.modes)} proposed. " + " ".join(self.reasons)]
        lines.append("  modes  kind      fastest rate   next rate  relative gap  outer quotient")
        for c in self.candidates:
            quotient = "-" if c.outer_spectral_quotient is None else str(c.outer_spectral_quotient)
            note = "  <-" if c.modes == self.modes else "" if c.whole else "  cuts a pair or cluster"
            lines.append(
                f"  {c.modes:5d}  {c.kind:8s}  {c.fastest:+12.4g}  {c.next_rate:+10.4g}  {c.gap:12.4g}  "
                f"{quotient:>14s}{note}"
            )
        return "\n".join(lines)


def propose_modes(
    spectrum: Sequence[complex] | Complex, *, most: int = 6, discrete: bool = False
) -> ModeProposal:
    """The number of leading modes after which the largest relative spectral gap lies.

    The gap after d modes is (r_d - r_(d+1)) / |r_d|, with r the rates Re lambda (map: log|mu|) in descending
    order: how much faster the first left-out direction contracts than anything inside. It counts as infinite after
    neutral modes, so that at a bifurcation the centre directions, with all growing ones, are proposed.

    Parameters
    ----------
    spectrum : (N,) complex
        All eigenvalues in 1/time (map: multipliers), or the leading ones, at least one more than `most`.
    most : int
        Largest number of modes considered.
    discrete : bool
        Whether they are multipliers of a map.

    Returns
    -------
    ModeProposal

    Raises
    ------
    InputError
        If the spectrum is empty or not finite, or every number up to `most` cuts a pair or cluster.

    Examples
    --------
    >>> propose_modes([0.01, -0.3 + 1j, -0.3 - 1j, -0.5]).modes
    1

    References
    ----------
    Spectral gap and normal attraction: Fenichel, Indiana Univ. Math. J. 21, 1971; Haller and Ponsioen, Nonlinear
    Dyn. 86, 2016, equation 14.
    """
    _check_most(most)
    values = np.asarray(spectrum, dtype=complex)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise InputError(
            f"'spectrum' must be (N,) finite eigenvalues; found an array of shape {values.shape}."
        )
    values = values[leading_order(values, discrete=discrete)]
    candidates = tuple(
        _candidate(values, d, discrete=discrete) for d in range(1, min(most, len(values) - 1) + 1)
    )
    whole = [c for c in candidates if c.whole]
    if not whole:
        if len(values) > most:
            raise InputError(
                f"Every number of leading modes up to {most} cuts a pair or cluster of {len(values)} eigenvalues. "
                "Raise 'most', or give 'modes' yourself."
            )
        reason = "All modes belong together, so the whole state space is taken; nothing is reduced."
        return ModeProposal(len(values), (reason,), candidates)
    largest = max(c.gap for c in whole)
    best = next(c for c in whole if c.gap >= (1.0 - _TIE) * largest)
    return ModeProposal(best.modes, _reasons(values, best, whole), candidates)


def chosen_modes(jacobian: Array, modes: ModeChoice, *, discrete: bool = False) -> int | Sequence[int]:
    """A number of leading modes or their positions, whatever way they were asked for."""
    if not isinstance(modes, (str, SpectralWindow, LargestGap)):
        return modes
    if isinstance(modes, str) and modes != LARGEST_GAP:
        raise InputError(
            f"'modes' as text must be '{LARGEST_GAP}'; found '{modes}'. Give that, an integer, positions or a "
            "SpectralWindow."
        )
    if not np.isfinite(jacobian).all():
        return 1  # refused with its reason when the subspace is made
    spectrum = ordered_spectrum(jacobian, discrete=discrete)
    if isinstance(modes, SpectralWindow):
        return modes.positions(spectrum, discrete=discrete)
    most = modes.most if isinstance(modes, LargestGap) else LargestGap().most
    return propose_modes(spectrum, most=most, discrete=discrete).modes


def _check_most(most: int) -> None:
    if not isinstance(most, (int, np.integer)) or most < 1:
        raise InputError(f"'most' must be an integer of at least 1; found {most!r}.")


def _largest_rate(rates: Array) -> float:
    return float(np.abs(rates[np.isfinite(rates)]).max(initial=np.finfo(float).tiny))


def _candidate(values: Complex, d: int, *, discrete: bool) -> ModeCandidate:
    rates = rates_of(values, discrete=discrete)
    rates = np.where(np.abs(rates) <= _NEUTRAL * _largest_rate(rates), 0.0, rates)
    last, following = float(rates[d - 1]), float(rates[d])
    step = last - following if last > following else 0.0
    gap = math.inf if step and (not last or math.isinf(step)) else step / abs(last) if step else 0.0
    return ModeCandidate(
        modes=d,
        kind=stability_kind(rates[:d]),
        fastest=last,
        next_rate=following,
        gap=gap,
        outer_spectral_quotient=outer_quotient(rates[:d], rates[d:]),
        whole=_whole(values, d, gap),
    )


def _whole(values: Complex, d: int, gap: float) -> bool:
    """Whether neither a conjugate pair nor a cluster lies across the cut."""
    inner, outer = values[:d], values[d:]
    if inner[-1].imag > 0 and outer[0] == inner[-1].conjugate():
        return False
    nearest = float(np.abs(inner[:, None] - outer[None, :]).min())
    together = nearest <= _TOGETHER * float(np.abs(inner[-1])) or nearest <= _NEUTRAL * np.abs(values).max()
    return not together and gap > 0.0


def _reasons(values: Complex, best: ModeCandidate, whole: list[ModeCandidate]) -> tuple[str, ...]:
    inside = ", ".join(format_eigenvalue(v) for v in values[: best.modes])
    left_out = format_eigenvalue(values[best.modes])
    if math.isinf(best.gap) and best.kind == "centre":
        size = "neutral directions lie inside and none outside: the gap is infinite"
    else:
        size = f"the relative gap {best.gap:.3g} is the largest"
    reasons = [f"After {inside} comes {left_out}: {size}."]
    others = sorted((c for c in whole if c is not best), key=lambda c: c.gap, reverse=True)
    if others and others[0].gap > 0.5 * best.gap:
        reasons.append(f"{_count(others[0].modes)} has nearly as large a gap, {others[0].gap:.3g}.")
    if best.gap < _CLEAR:
        reasons.append("No gap is clear: the left-out directions are hardly faster than the ones kept.")
    return tuple(reasons)


def _count(modes: int) -> str:
    return f"{modes} mode" + ("s" if modes > 1 else "")
