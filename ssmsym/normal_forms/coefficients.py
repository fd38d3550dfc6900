"""What each normal form is: its coefficients with their conventions, and its unfolding by the parameters.

Poincare normal forms with x - x* = sum w_i q_i + ... and eigenvectors of length 1 (Kuznetsov, Elements of Applied
Bifurcation Theory, 3rd ed.: fold and cusp 5.4 and 8.2, Hopf 5.4 and 8.3, fold-Hopf 8.5, double Hopf 8.6, maps 5.4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.normal_forms.series import Exponents, Series, unit

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Terms:
    """Coefficients of one route.

    Attributes
    ----------
    series : tuple of dict
        For each critical coordinate, exponents of (w, alpha) to coefficients.
    eigenvalues : (d,) complex array
    n_parameters : int
    discrete : bool
    """

    series: tuple[Series, ...]
    eigenvalues: Complex
    n_parameters: int
    discrete: bool

    def exponents(self, powers: tuple[int, ...], parameter: int | None = None) -> Exponents:
        """Powers of w, and 1 for a parameter."""
        offsets = unit(-1 if parameter is None else parameter, self.n_parameters)
        return (*powers, *offsets)

    def __call__(self, i: int, *powers: int, parameter: int | None = None) -> complex:
        """The coefficient of a monomial in the i-th equation, 0 where there is none."""
        return self.series[i].get(self.exponents(powers, parameter), 0.0)

    def slopes(self, i: int, *powers: int) -> Complex:
        """The derivatives of a coefficient by the parameters, (q,)."""
        values = [self(i, *powers, parameter=j) for j in range(self.n_parameters)]
        return np.array(values, dtype=complex)


@dataclass(frozen=True)
class Quantity:
    """A number of a normal form.

    Attributes
    ----------
    name : str
    value : float or complex
    convention : str
    source : tuple of int and exponents
        The coefficient that it comes from, for the size of its terms.
    """

    name: str
    value: complex | float
    convention: str
    source: tuple[int, tuple[int, ...]]


@dataclass(frozen=True)
class Description:
    """One kind of bifurcation.

    Attributes
    ----------
    equation : str
    unfolding_names : tuple of str
    quantities : callable
        Terms to quantities.
    unfolding : callable
        Terms to the derivatives of the unfolding parameters by the parameters, (m, q).
    """

    equation: str
    unfolding_names: tuple[str, ...]
    quantities: Callable[[Terms], list[Quantity]]
    unfolding: Callable[[Terms], Array]


_INVARIANT = (
    "the cubic combination that no change of coordinates or time moves, Re(G210 + G110 (Re G021/G011 - 3/2 G300/G200 + "
    "G111/(2 G011)) - G021 G200/G011)"
)
_UNIT = "|q| = 1, <p, q> = 1"


def _scalar(*wanted: tuple[str, int]) -> Callable[[Terms], list[Quantity]]:
    def quantities(terms: Terms) -> list[Quantity]:
        return [
            Quantity(name, terms(0, k).real, f"coefficient of w^{k}, {_UNIT}", (0, (k,)))
            for name, k in wanted
        ]

    return quantities


def _scalar_slopes(*powers: int) -> Callable[[Terms], Array]:
    return lambda terms: np.array([terms.slopes(0, k).real for k in powers])


def _pair(terms: Terms) -> list[Quantity]:
    omega = float(terms.eigenvalues[0].imag)
    c1, c2 = terms(0, 2, 1), terms(0, 3, 2)
    cubic, quintic = (0, (2, 1)), (0, (3, 2))
    return [
        Quantity("c1", c1, f"coefficient of w |w|^2, {_UNIT}", cubic),
        Quantity("Re c1", c1.real, "first Lyapunov coefficient as MatCont prints it, |q| = 1", cubic),
        Quantity("l1", c1.real / omega, "Kuznetsov's first Lyapunov coefficient, Re c1 / omega", cubic),
        Quantity("G21", 2 * c1, "BifurcationKit's coefficient of w |w|^2 / 2, that is 2 c1", cubic),
        Quantity("c2", c2, f"coefficient of w |w|^4, {_UNIT}", quintic),
        Quantity("Re c2", c2.real, "second Lyapunov coefficient as MatCont prints it, |q| = 1", quintic),
        Quantity("l2", c2.real / omega, "Re c2 / omega, Kuznetsov's l2 where l1 = 0", quintic),
    ]


def _growth(terms: Terms) -> Array:
    return np.array([terms.slopes(0, 1, 0).real])


def _bautin_unfolding(terms: Terms) -> Array:
    return np.array([terms.slopes(0, 1, 0).real, terms.slopes(0, 2, 1).real])


def _fold_hopf(terms: Terms) -> list[Quantity]:
    wanted = [
        ("G200", 0, (2, 0, 0), "x^2 in x'"),
        ("G011", 0, (0, 1, 1), "|z|^2 in x'"),
        ("G300", 0, (3, 0, 0), "x^3 in x'"),
        ("G111", 0, (1, 1, 1), "x |z|^2 in x'"),
        ("G110", 1, (1, 1, 0), "x z in z'"),
        ("G210", 1, (2, 1, 0), "x^2 z in z'"),
        ("G021", 1, (0, 2, 1), "z |z|^2 in z'"),
    ]
    out = []
    for name, i, powers, text in wanted:
        value = terms(i, *powers)
        out.append(
            Quantity(name, value.real if i == 0 else value, f"coefficient of {text}, {_UNIT}", (i, powers))
        )
    by_name = {q.name: q.value for q in out}
    square, mixed = by_name["G200"].real, by_name["G011"].real
    if square:
        out.append(
            Quantity("s", float(np.sign(square * mixed)), "Kuznetsov's s = sign(G200 G011)", (0, (2, 0, 0)))
        )
        theta = by_name["G110"].real / square
        out.append(Quantity("theta", theta, "Kuznetsov's theta(0) = Re G110 / G200", (1, (1, 1, 0))))
    if square and mixed:
        cubic = by_name["G210"].real - by_name["G021"].real * square / mixed
        cubic += by_name["G110"].real * (
            by_name["G021"].real / mixed
            - 1.5 * by_name["G300"].real / square
            + by_name["G111"].real / (2 * mixed)
        )
        out.append(Quantity("E", cubic, _INVARIANT, (1, (2, 1, 0))))
    return out


def _fold_hopf_unfolding(terms: Terms) -> Array:
    """x' = beta1 + ..., z' = (beta2 + i omega) z + ... after the shift of x that leaves no term beta x.

    Without G200 there is no such shift.
    """
    beta1 = terms.slopes(0, 0, 0, 0).real
    if not terms.n_parameters or not terms(0, 2, 0, 0).real:
        return np.array([beta1, terms.slopes(1, 0, 1, 0).real])
    shift = -terms.slopes(0, 1, 0, 0).real / (2 * terms(0, 2, 0, 0).real)
    beta2 = terms.slopes(1, 0, 1, 0).real + terms(1, 1, 1, 0).real * shift
    return np.array([beta1, beta2])


def _double_hopf(terms: Terms) -> list[Quantity]:
    wanted = [
        ("G2100", 0, (2, 1, 0, 0), "z1 |z1|^2 in z1'"),
        ("G1011", 0, (1, 0, 1, 1), "z1 |z2|^2 in z1'"),
        ("G1110", 2, (1, 1, 1, 0), "z2 |z1|^2 in z2'"),
        ("G0021", 2, (0, 0, 2, 1), "z2 |z2|^2 in z2'"),
    ]
    out = [
        Quantity(name, terms(i, *powers), f"coefficient of {text}, {_UNIT}", (i, powers))
        for name, i, powers, text in wanted
    ]
    p11, p12, p21, p22 = (q.value.real for q in out)
    if p11 and p22:
        out.append(
            Quantity("theta", p12 / p22, "Kuznetsov's theta = p12 / p22, p_ij real parts", out[1].source)
        )
        out.append(
            Quantity("delta", p21 / p11, "Kuznetsov's delta = p21 / p11, p_ij real parts", out[2].source)
        )
    return out


def _double_growth(terms: Terms) -> Array:
    return np.array([terms.slopes(0, 1, 0, 0, 0).real, terms.slopes(2, 0, 0, 1, 0).real])


def _flip_growth(terms: Terms) -> Array:
    return np.array([-terms.slopes(0, 1).real])


def _neimark_sacker(terms: Terms) -> list[Quantity]:
    multiplier = complex(terms.eigenvalues[0])
    c1 = terms(0, 2, 1)
    relative = c1 * multiplier.conjugate() / abs(multiplier)
    cubic = (0, (2, 1))
    return [
        Quantity("theta0", float(np.angle(multiplier)), "argument of the critical multiplier", (0, (1, 0))),
        Quantity("c1", c1, f"coefficient of w |w|^2, {_UNIT}", cubic),
        Quantity("d", relative, "Kuznetsov's d(0) = exp(-i theta0) c1", cubic),
        Quantity("Re d", relative.real, "Kuznetsov's a(0): negative if supercritical, |q| = 1", cubic),
    ]


def _modulus_growth(terms: Terms) -> Array:
    turn = complex(terms.eigenvalues[0]).conjugate()
    return np.array([(turn * terms.slopes(0, 1, 0)).real])


DESCRIPTIONS: Mapping[str, Description] = {
    "fold": Description("w' = beta + a w^2", ("beta",), _scalar(("a", 2), ("c", 3)), _scalar_slopes(0)),
    "transcritical": Description(
        "w' = beta w + a w^2", ("beta",), _scalar(("a", 2), ("c", 3)), _scalar_slopes(1)
    ),
    "pitchfork": Description(
        "w' = beta w + c w^3", ("beta",), _scalar(("c", 3), ("e", 5)), _scalar_slopes(1)
    ),
    "cusp": Description(
        "w' = beta1 + beta2 w + c w^3",
        ("beta1", "beta2"),
        _scalar(("c", 3), ("e", 5)),
        _scalar_slopes(0, 1),
    ),
    "hopf": Description("z' = (beta + i omega) z + c1 z |z|^2 + c2 z |z|^4", ("beta",), _pair, _growth),
    "generalized_hopf": Description(
        "z' = (beta1 + i omega) z + (beta2 + i Im c1) z |z|^2 + c2 z |z|^4",
        ("beta1", "beta2"),
        _pair,
        _bautin_unfolding,
    ),
    "fold_hopf": Description(
        "x' = beta1 + G200 x^2 + G011 |z|^2 + G300 x^3 + G111 x |z|^2, "
        "z' = (beta2 + i omega) z + G110 x z + G210 x^2 z + G021 z |z|^2",
        ("beta1", "beta2"),
        _fold_hopf,
        _fold_hopf_unfolding,
    ),
    "double_hopf": Description(
        "z1' = (beta1 + i omega1) z1 + G2100 z1 |z1|^2 + G1011 z1 |z2|^2, "
        "z2' = (beta2 + i omega2) z2 + G1110 z2 |z1|^2 + G0021 z2 |z2|^2",
        ("beta1", "beta2"),
        _double_hopf,
        _double_growth,
    ),
    "flip": Description("w -> -(1 + beta) w + c w^3", ("beta",), _scalar(("c", 3), ("e", 5)), _flip_growth),
    "neimark_sacker": Description(
        "z -> exp(i theta0) (1 + beta + d |z|^2) z", ("beta",), _neimark_sacker, _modulus_growth
    ),
}


def frequency_slopes(terms: Terms) -> dict[str, Array]:
    """Derivatives of the critical frequencies by the parameters: omega' (map: theta'), (q,) each."""
    out: dict[str, Array] = {}
    firsts = [i for i, v in enumerate(terms.eigenvalues) if v.imag > 0]
    for number, i in enumerate(firsts, start=1):
        slopes: Any = terms.slopes(i, *unit(i, len(terms.eigenvalues)))
        value = complex(terms.eigenvalues[i])
        along = slopes / value if terms.discrete else slopes
        name = "theta0" if terms.discrete else "omega"
        out[name if len(firsts) == 1 else f"{name}{number}"] = along.imag
    return out
