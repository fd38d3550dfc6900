"""The comparison of an ODE with its Euler map as a table in plain text."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ssmsym.manifolds.map_and_flow import MapAndFlow

_WIDTH = 100
_SHOWN = 6  # eigenvalues, besides the master modes


def comparison_text(both: MapAndFlow, degree: int) -> str:
    """Spectra, reduced equations, differences and trust radii in lines of at most 100 columns."""
    lines = [*_wrapped(both.verdict), "", *_spectrum(both), "", *_equations(both, degree)]
    return "\n".join([*lines, "", *_summary(both)])


def _wrapped(sentence: str) -> list[str]:
    return textwrap.wrap(sentence, _WIDTH, subsequent_indent="  ", break_long_words=True)


def _complex(value: complex) -> str:
    return f"{value.real:+.6f}" + (f"{value.imag:+.6f}i" if value.imag else "")


def _spectrum(both: MapAndFlow) -> list[str]:
    head = f"{'':2}{'mode':>5}  {'eigenvalue l of the ODE':<27}{'multiplier m of the map':<27}{'|m|':>10}"
    lines = [f"{head}  {'|m - (1 + dt l)|':>17}"]
    shown = [i for i in range(len(both.eigenvalues)) if i < _SHOWN or i in both.modes]
    for i in shown:
        eigenvalue, multiplier = complex(both.eigenvalues[i]), complex(both.multipliers[i])
        error = abs(multiplier - (1.0 + both.step * eigenvalue))
        lines.append(
            f"{'*' if i in both.modes else '':2}{i:>5}  {_complex(eigenvalue):<27}{_complex(multiplier):<27}"
            f"{abs(multiplier):>10.6f}  {error:>17.1e}"
        )
    hidden = len(both.eigenvalues) - len(shown)
    rest = f"; {hidden} more not shown" if hidden else ""
    lines.append(f"* modes of the manifold; unstable: Re l > 0 in the ODE, |m| > 1 in the map{rest}")
    return lines


def _names(both: MapAndFlow) -> list[str]:
    d = len(both.modes)
    own = ["p"] if d == 1 else [f"p{i}" for i in range(1, d + 1)]
    return [*own, *(f"d{name}" for name in both.parameters)]


def _term(powers: NDArray[np.int64], names: list[str]) -> str:
    return " ".join(
        name if power == 1 else f"{name}^{power}"
        for name, power in zip(names, powers.tolist(), strict=True)
        if power
    )


def _equations(both: MapAndFlow, degree: int) -> list[str]:
    names = _names(both)
    lines = ["Reduced dynamics as rates: R of the ODE beside (R - p) / dt of the map"]
    if both.parameters:
        lines += _wrapped("d... : offset of a parameter from its value at the fixed point")
    shown = [i for i, powers in enumerate(both.exponents) if 1 <= powers.sum() <= degree]
    for coordinate in range(len(both.modes)):
        head = f"{names[coordinate]}'"
        lines.append(f"  {head:<32}{'ODE':>18}{'Euler map':>18}{'difference':>18}")
        for i in shown:
            row = [
                None if rates is None else float(rates[i, coordinate])
                for rates in (both.flow_rates, both.map_rates, both.differences)
            ]
            if any(row[:2]):
                numbers = "".join(f"{'refused' if v is None else format(v, '+.8g'):>18}" for v in row)
                lines.append(f"    {_term(both.exponents[i], names)[:30]:<30}{numbers}")
    top = int(both.exponents.sum(axis=1).max())
    return lines if degree >= top else [*lines, f"  and terms of degree {degree + 1} to {top}"]


def _summary(both: MapAndFlow) -> list[str]:
    lines = []
    relative = both.relative_differences
    if relative is not None:
        listed = ", ".join(f"degree {k}: {value:.1e}" for k, value in relative.items())
        lines += _wrapped(f"Largest difference relative to the ODE's largest coefficient: {listed}.")
    radii = [
        f"{name} {'refused' if radius is None else format(radius, '.4g')}"
        for name, radius in (("ODE", both.flow_trust_radius), ("Euler map", both.map_trust_radius))
    ]
    lines.append(f"Trust radius |p| (tolerance 1e-2): {', '.join(radii)}.")
    for name, refusal in (("ODE", both.flow_refusal), ("Euler map", both.map_refusal)):
        if refusal is not None:
            lines += _wrapped(f"The expansion of the {name} is refused. {refusal}")
    return lines
