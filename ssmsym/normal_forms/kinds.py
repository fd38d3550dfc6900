"""Which bifurcation a critical fixed point is."""

from __future__ import annotations

import numpy as np

from ssmsym.errors import InputError
from ssmsym.normal_forms.coefficients import DESCRIPTIONS
from ssmsym.normal_forms.critical_space import CriticalModes
from ssmsym.normal_forms.homological import CriticalExpansion
from ssmsym.normal_forms.series import unit

KINDS = (*DESCRIPTIONS, "bogdanov_takens")

VANISHING = 1e-6  # a coefficient, relative to the terms that it is made of and to the next one's
_STRONG = 4  # highest order q of a resonance exp(i q theta0) = 1 that destroys the Neimark-Sacker normal form

_FAMILIES = {
    "zero": ("fold", "transcritical", "pitchfork", "cusp"),
    "pair": ("hopf", "generalized_hopf"),
    "double zero": ("bogdanov_takens",),
    "zero and pair": ("fold_hopf",),
    "two pairs": ("double_hopf",),
    "flip": ("flip",),
    "map pair": ("neimark_sacker",),
}
# highest degrees in w of the terms of degree 0 and 1 in the parameters that the multilinear forms compute
DEGREES = {
    "zero": (5, 1),
    "pair": (5, 3),
    "zero and pair": (3, 1),
    "two pairs": (3, 1),
    "flip": (5, 1),
    "map pair": (3, 1),
}


def family_of(found: CriticalModes, kind: str | None, *, discrete: bool) -> str:
    """The spectral type of a point, and whether a wanted kind fits it.

    Raises
    ------
    InputError
        If no normal form here has such a spectrum, or not the wanted one.
    """
    counts = (len(found.zeros), len(found.flips), len(found.pairs))
    flows = {(1, 0, 0): "zero", (0, 0, 1): "pair", (2, 0, 0): "double zero", (1, 0, 1): "zero and pair"}
    flows[0, 0, 2] = "two pairs"
    maps = {(1, 0, 0): "zero", (0, 1, 0): "flip", (0, 0, 1): "map pair"}
    family = (maps if discrete else flows).get(counts)
    if family is None:
        zero, line = ("1", "on the unit circle") if discrete else ("0", "imaginary")
        flips = f", {counts[1]} equal to -1" if discrete else ""
        raise InputError(
            f"{counts[0]} critical eigenvalues are {zero}{flips}, and {counts[2]} pairs are {line}; no normal form of "
            f"such a {'map' if discrete else 'flow'} is known here."
        )
    if kind is not None and kind not in KINDS:
        raise InputError(f"'kind' is one of {', '.join(repr(k) for k in KINDS)}; found {kind!r}.")
    if kind is not None and kind not in _FAMILIES[family]:
        fitting = " or ".join(f"'{k}'" for k in _FAMILIES[family])
        raise InputError(f"The critical eigenvalues are those of {fitting}, not of '{kind}'.")
    if family == "two pairs":
        _refuse_resonant_pairs(*(float(found.spectrum[i].imag) for i in found.pairs))
    if family == "map pair":
        _refuse_strong_resonance(complex(found.spectrum[found.pairs[0]]))
    return family


def _refuse_resonant_pairs(first: float, second: float) -> None:
    """Where k omega1 = l omega2 with k + l <= 4, terms of degree up to 3 stay that the normal form has not."""
    ratio = max(first, second) / min(first, second)
    for order in (1, 2, 3):
        if abs(ratio - order) < 1e-2:
            raise InputError(
                f"The frequencies {first:.6g} and {second:.6g} are in strong resonance 1:{order}, where this double "
                "Hopf normal form does not hold."
            )


def _refuse_strong_resonance(multiplier: complex) -> None:
    angle = float(np.angle(multiplier))
    for order in range(1, _STRONG + 1):
        if abs(np.exp(1j * order * angle) - 1.0) < 1e-2:
            raise InputError(
                f"The multipliers exp(+-{angle:.6g} i) are in strong resonance 1:{order}, where there is no "
                "Neimark-Sacker normal form."
            )


def checked_kind(
    kind: str | None, family: str, expansion: CriticalExpansion, n_parameters: int, order: int
) -> str:
    """The kind within a spectral family, from the coefficients that vanish, or the wanted one if it may be.

    Raises
    ------
    InputError
        If the wanted kind needs a coefficient to vanish that does not, or too many vanish.
    """
    if family not in ("zero", "pair"):
        return _FAMILIES[family][0]
    lowest, following = ((2,), (3,)) if family == "zero" else ((2, 1), (3, 2))
    value = expansion.terms[0].get((*lowest, *[0] * n_parameters), 0.0).real
    vanishing = _vanishes(expansion, lowest, following, n_parameters)
    if vanishing and kind != "hopf":
        _refuse_degenerate(family, expansion, following, n_parameters, order)
    if family == "pair":
        if kind == "generalized_hopf" and not vanishing:
            raise InputError(f"At a Bautin point Re c1 is 0; it is {value:.3g} here.")
        return kind or ("generalized_hopf" if vanishing else "hopf")
    moves = any(
        abs(expansion.terms[0].get((0, *unit(j, n_parameters)), 0.0))
        > VANISHING * expansion.sizes.get((0, (0, *unit(j, n_parameters))), np.inf)
        for j in range(n_parameters)
    )
    if kind in ("cusp", "pitchfork") and not vanishing:
        raise InputError(f"At a {kind} the coefficient of w^2 is 0; it is {value:.3g} here.")
    if kind in ("fold", "transcritical") and vanishing:
        raise InputError(
            f"At a {kind} point the coefficient of w^2 is not 0, as it is here: see 'cusp', 'pitchfork'."
        )
    if kind in ("transcritical", "pitchfork") and moves:
        raise InputError(
            f"A parameter moves the fixed point along the critical direction and so breaks the {kind} point; leave it "
            "out."
        )
    if vanishing:
        return kind or ("cusp" if moves or not n_parameters else "pitchfork")
    return kind or ("fold" if moves or not n_parameters else "transcritical")


def _refuse_degenerate(
    family: str, expansion: CriticalExpansion, following: tuple[int, ...], n_parameters: int, order: int
) -> None:
    """Refuse a point at which the next coefficient vanishes too, or is not computed."""
    if sum(following) > order:
        raise InputError(f"Re c1 vanishes here, and the next coefficient needs 'order' 5; found {order}.")
    key = (*following, *[0] * n_parameters)
    value = abs(expansion.terms[0].get(key, 0.0).real)
    if value <= VANISHING * expansion.sizes.get((0, key), 0.0):
        names = "w^2 and w^3" if family == "zero" else "w |w|^2 and w |w|^4 (real parts)"
        raise InputError(
            f"The coefficients of {names} vanish: the point is more degenerate than the normal forms here."
        )


def _vanishes(
    expansion: CriticalExpansion, powers: tuple[int, ...], following: tuple[int, ...], n_parameters: int
) -> bool:
    """Whether a coefficient is 0 to the accuracy of the point (of a complex one the real part)."""
    zeros = (0,) * n_parameters
    value = abs(expansion.terms[0].get((*powers, *zeros), 0.0).real)
    size = expansion.sizes.get((0, (*powers, *zeros)), 0.0)
    following_value = abs(expansion.terms[0].get((*following, *zeros), 0.0))
    return value <= VANISHING * max(size, following_value)
