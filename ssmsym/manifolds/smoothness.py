"""How smooth and how unique an SSM is, from the rates inside and outside, and which other manifolds compete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_ON_AXIS = 1e-8  # of the largest rate: where a rate counts as 0
_SAME = 1e-8  # relative: where two numbers count as equal
_SHOWN = 4


class FractionalMember(NamedTuple):
    """A family of invariant manifolds y_mode = C |p_master|^exponent beside the SSM.

    Attributes
    ----------
    mode : int
        Position of the outer eigenvalue.
    exponent : float
        Its rate over the master mode's.
    master : int
        Position of the master eigenvalue.
    """

    mode: int
    exponent: float
    master: int


@dataclass(frozen=True)
class Smoothness:
    """What theory says of an SSM's existence and uniqueness.

    Attributes
    ----------
    kind : str
        ``stable``, ``unstable``, ``mixed`` or ``centre``: the master rates.
    quotient : int or None
        Int of the largest ratio of an outer to a master rate among the directions of the same sign; None if the
        master subspace is mixed or neutral. The SSM is unique among invariant manifolds of class
        C^(quotient + 1) tangent to the same subspace.
    statement : str
        That in a sentence, with its source.
    fractional_members : tuple of FractionalMember
        The others of the family, which are only finitely smooth, by exponent.
    """

    kind: str
    quotient: int | None
    statement: str
    fractional_members: tuple[FractionalMember, ...]

    @property
    def unique_class(self) -> int | None:
        """The r with which the SSM is the only invariant manifold of class C^r tangent to its subspace."""
        return None if self.quotient is None else self.quotient + 1

    def __str__(self) -> str:
        lines = [self.statement]
        if self.fractional_members:
            shown = ", ".join(
                f"{m.exponent:.4g} (mode {m.mode} over mode {m.master})"
                for m in self.fractional_members[:_SHOWN]
            )
            more = len(self.fractional_members) - _SHOWN
            rest = f" and {more} more" if more > 0 else ""
            lines.append(f"fractional members |p|^exponent: {shown}{rest}")
        return "\n".join(lines)


def rates_of(values: Complex, *, discrete: bool = False) -> Array:
    """Re lambda in 1/time, for a map log|mu| per step; multipliers of 0 give -inf."""
    if not discrete:
        return np.asarray(values.real)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.abs(values)))


def stability_kind(rates: Array, scale: float | None = None) -> str:
    """``stable``, ``unstable``, ``mixed``, or ``centre`` if a rate is neutral beside the largest, `scale`."""
    finite = np.abs(rates[np.isfinite(rates)])
    size = float(finite.max(initial=0.0)) if scale is None else scale
    if (np.abs(rates) <= _ON_AXIS * size).any():
        return "centre"
    return "stable" if (rates < 0).all() else "unstable" if (rates > 0).all() else "mixed"


def outer_quotient(own: Array, outer: Array) -> int | None:
    """Int[min Re(outer) / max Re(master)] of a stable spectrum, None of another (Haller and Ponsioen 2016, eq. 14)."""
    rates = np.concatenate([own, outer])
    if not len(outer) or not (rates < 0).all() or not np.isfinite(rates).all():
        return None
    return whole_part(float(outer.min() / own.max()))


def whole_part(ratio: float) -> int:
    """The integer part, a ratio that is an integer but for rounding errors counted as that."""
    nearest = round(ratio)
    return int(nearest) if abs(ratio - nearest) <= _SAME * max(1.0, abs(ratio)) else int(np.floor(ratio))


def smoothness(spectrum: Complex, modes: tuple[int, ...], *, discrete: bool = False) -> Smoothness:
    """The statement for one master subspace.

    Parameters
    ----------
    spectrum : (N,) complex
        In 1/time, for a map multipliers.
    modes : tuple of int
        Positions of the master eigenvalues.

    References
    ----------
    Haller and Ponsioen, Nonlinear Dyn. 86, 2016, theorem 3 (uniqueness in C^(sigma + 1)). Haller, Kaszas, Liu and
    Axas, Chaos 33, 2023 (fractional and mixed-mode SSMs).
    """
    rates = rates_of(spectrum, discrete=discrete)
    scale = float(np.abs(rates[np.isfinite(rates)]).max(initial=0.0))
    own = rates[list(modes)]
    outer = np.array([i for i in range(len(rates)) if i not in set(modes)], dtype=int)
    kind = stability_kind(own, scale)
    if not len(outer):
        return Smoothness(
            kind, None, "The master subspace is the whole space; nothing to be unique among.", ()
        )
    members = _members(spectrum, modes, outer, rates, _ON_AXIS * scale, discrete=discrete)
    if kind == "centre":
        return Smoothness(kind, None, _centre_statement(), ())
    if kind == "mixed":
        return Smoothness(kind, None, _mixed_statement(), members)
    quotient = _quotient_of_sign(own, rates[outer], _ON_AXIS * scale)
    if quotient is None:
        statement = (
            "A multiplier is 0: some directions are gone after one step and theory gives no class here."
        )
        return Smoothness(kind, None, statement, members)
    return Smoothness(kind, quotient, _statement(kind, own, rates[outer], quotient), members)


def _quotient_of_sign(own: Array, outer: Array, floor: float) -> int | None:
    """Among outer rates of the master's sign: any manifold tangent to it lies in W^s or W^u, where they live."""
    sign = np.sign(own[0])
    alike = sign * outer[sign * outer > floor]
    if not len(alike):
        return 0
    if not (np.isfinite(alike).all() and np.isfinite(own).all()):
        return None
    return whole_part(float(alike.max() / (sign * own).min()))


def _statement(kind: str, own: Array, outer: Array, quotient: int) -> str:
    alike = (outer < 0) if kind == "stable" else (outer > 0)
    unique = f"unique among invariant manifolds of class C^{quotient + 1} tangent to its subspace"
    outside = "" if alike.all() else " inside the " + ("un" if kind == "unstable" else "") + "stable manifold"
    if not alike.any():
        return f"It is the {kind} manifold of the fixed point: unique, and as smooth as the field."
    given = f"without outer resonances of degree 2 to {quotient}, " if quotient >= 2 else ""
    time = ", in backward time" if kind == "unstable" else ""
    return f"σ = {quotient}{outside}{time}: {given}the SSM is {unique}."


def _centre_statement() -> str:
    return (
        "A centre manifold: exists in class C^k for every finite k on a shrinking neighbourhood, has a unique Taylor "
        "series, and is itself neither unique nor, in general, analytic."
    )


def _mixed_statement() -> str:
    return (
        "Growing and decaying master modes: the Taylor series is unique without outer resonances, but theory gives "
        "no class in which this mixed-mode SSM is unique."
    )


def _members(
    spectrum: Complex,
    modes: tuple[int, ...],
    outer: NDArray[np.int64],
    rates: Array,
    floor: float,
    *,
    discrete: bool,
) -> tuple[FractionalMember, ...]:
    """Exponents above 1 of outer over master rates of one sign, resonant ones, which are smooth, left out."""
    found: dict[tuple[int, float], FractionalMember] = {}
    for master in modes:
        if spectrum[master].imag < 0 or abs(rates[master]) <= floor:
            continue
        for mode in outer:
            if spectrum[mode].imag < 0 or abs(rates[mode]) <= floor or not np.isfinite(rates[mode]):
                continue
            exponent = float(rates[mode] / rates[master])
            resonant = _resonant(spectrum[master], spectrum[mode], exponent, discrete=discrete)
            if exponent > 1.0 + _SAME and not resonant:
                found.setdefault(
                    (int(mode), round(exponent, 9)), FractionalMember(int(mode), exponent, master)
                )
    return tuple(sorted(found.values(), key=lambda member: (member.exponent, member.mode)))


def _resonant(master: complex, outer: complex, exponent: float, *, discrete: bool) -> bool:
    """Whether the outer eigenvalue is a whole combination of the master mode or pair."""
    degree = round(exponent)
    if abs(exponent - degree) > _SAME * max(1.0, abs(exponent)) or degree < 1:
        return False
    first = np.arange(degree + 1) if master.imag else np.array([degree])
    second = degree - first
    pair = (complex(master), complex(master).conjugate())
    values = pair[0] ** first * pair[1] ** second if discrete else pair[0] * first + pair[1] * second
    return bool(np.abs(values - outer).min() <= _SAME * abs(outer))
