"""Reduced dynamics in complex modal coordinates and, for oscillations, in polar ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from ssmsym.errors import InputError
from ssmsym.manifolds.cohomological import linear_power
from ssmsym.manifolds.ssm import SSM
from ssmsym.reduced.model import ReducedModel
from ssmsym.series.monomials import monomial_table

Complex = NDArray[np.complex128]

_ZERO = 1e-13  # of the largest coefficient of a degree: terms that are rounding errors


@dataclass(frozen=True, eq=False)
class ComplexForm:
    """Reduced dynamics in one complex coordinate z for each pair and a real one for each real mode.

    With the unit eigenvector v of a pair the state is x* + z v + conj(z) conj(v) + ..., so p = sqrt(2) (Re z, -Im z).

    Attributes
    ----------
    variables : tuple of SymPy symbols
        Of all modal coordinates, conjugates included (``z1``, ``zbar1``), then of the parameter offsets.
    exponents : (M, d + q) int array
    coefficients : (M, n) complex array
        Of z' (map: of the next z), one column for each pair and real mode.
    eigenvalues : (n,) complex array
        One for each column.
    time : {"continuous", "discrete"}
    """

    variables: tuple[Any, ...]
    exponents: NDArray[np.int64]
    coefficients: Complex
    eigenvalues: Complex
    time: str

    def coefficient(self, equation: int, powers: Sequence[int]) -> complex:
        """The coefficient of one monomial in one equation; ``(2, 1)`` is z^2 conj(z)."""
        wanted = np.asarray(powers)
        if wanted.shape != self.exponents.shape[1:]:
            raise InputError(
                f"A monomial here has {self.exponents.shape[1]} exponents; found {list(powers)}."
            )
        row = np.flatnonzero((self.exponents == wanted).all(axis=1))
        return complex(self.coefficients[row[0], equation]) if len(row) else 0j

    @property
    def own(self) -> tuple[int, ...]:
        """Positions among the variables of the coordinates that have an equation: all but the conjugates."""
        names = [str(v) for v in self.variables]
        coordinates = [i for i, name in enumerate(names) if not name.startswith("zbar")]
        return tuple(coordinates[: self.coefficients.shape[1]])

    @property
    def equations(self) -> dict[Any, Any]:
        """Each coordinate's symbol to its right-hand side; conjugate equations are left out."""
        out = {}
        for column, position in enumerate(self.own):
            terms = [
                sympy.sympify(complex(value))
                * sympy.Mul(*(v ** int(k) for v, k in zip(self.variables, row, strict=True)))
                for value, row in zip(self.coefficients[:, column], self.exponents, strict=True)
                if value
            ]
            out[self.variables[position]] = sympy.Add(*terms)
        return out

    def latex(self) -> str:
        """The equations in LaTeX."""
        arrow = r"{} \mapsto {}" if self.time == "discrete" else r"\dot{{{}}} = {}"
        return r" \\ ".join(arrow.format(sympy.latex(s), sympy.latex(e)) for s, e in self.equations.items())


def complex_form(of: SSM | ReducedModel) -> ComplexForm:
    """The reduced dynamics in complex modal coordinates.

    Raises
    ------
    InputError
        If the modes form a cluster, which has no coordinate of each mode's own.
    """
    d = of.dimension
    R = of.reduced_dynamics
    q = R.n_variables - d
    linear = R.jacobian(np.zeros(d + q))[:, :d]
    names, into = _modal_coordinates(linear)
    if isinstance(of, SSM):
        parameters, time = list(of.parameters), of.field.time
    else:
        parameters, time = list(of.parameter_values), of.time
    table = monomial_table(d, q, R.order)
    real = R.on_table(table)
    back = np.linalg.inv(into)
    modal = np.zeros((len(table), d), dtype=complex)
    for degree in range(table.order + 1):
        here = table.degree_slice(degree)
        block = real[here].astype(complex)
        if degree:
            block = linear_power(table, back, degree).T @ block
        block = block @ into.T
        block[np.abs(block) <= _ZERO * np.abs(block).max(initial=0.0)] = 0.0
        modal[here] = block
    used = np.flatnonzero(np.abs(modal).max(axis=1) > 0)
    columns = [i for i, name in enumerate(names) if "bar" not in name]
    diagonal = np.diag(into @ linear @ back)
    return ComplexForm(
        variables=tuple(sympy.Symbol(n) for n in (*names, *(f"delta_{p}" for p in parameters))),
        exponents=table.exponents[used],
        coefficients=modal[used][:, columns],
        eigenvalues=diagonal[columns].astype(complex),
        time=time,
    )


def _modal_coordinates(linear: NDArray[np.float64]) -> tuple[list[str], Complex]:
    """Names and the map q = into p, read off the block structure of the linear part."""
    d = len(linear)
    floor = 1e-9 * max(float(np.abs(linear).max()), np.finfo(float).tiny)
    into = np.zeros((d, d), dtype=complex)
    names: list[str] = []
    i = pairs = reals = 0
    while i < d:
        block = 2 if i + 1 < d and abs(linear[i, i + 1]) > floor else 1
        here = slice(i, i + block)
        rest = np.delete(linear[here], np.arange(i, i + block), axis=1)
        is_pair = block == 1 or (
            abs(linear[i, i] - linear[i + 1, i + 1]) <= floor
            and abs(linear[i, i + 1] + linear[i + 1, i]) <= floor
        )
        if np.abs(rest).max(initial=0.0) > floor or not is_pair:
            raise InputError(
                "The master modes form a cluster, which has no complex coordinate for each mode; use the real "
                "equations."
            )
        if block == 2:
            pairs += 1
            names += [f"z{pairs}", f"zbar{pairs}"]
            into[here, here] = np.array([[1, -1j], [1, 1j]]) / np.sqrt(2.0)
        else:
            reals += 1
            names.append(f"y{reals}")
            into[i, i] = 1.0
        i += block
    single = {"z1": "z", "zbar1": "zbar"} if pairs == 1 else {}
    single |= {"y1": "y"} if reals == 1 else {}
    return [single.get(name, name) for name in names], into


def polar_form(of: SSM | ReducedModel) -> dict[Any, Any]:
    """The reduced dynamics of a flow's pairs in amplitude and phase, z = r exp(i theta).

    In normal form with one pair r' and theta' depend on r and the parameters alone; terms that depend on phases are
    kept as cosines and sines where an inner resonance or another style leaves them.

    Returns
    -------
    dict
        Symbol (``r``, ``theta``, numbered if there are several pairs; ``y`` of real modes) to its right-hand side.

    Raises
    ------
    InputError
        If the model is a map, has no pair, or its modes form a cluster.
    """
    form = complex_form(of)
    if form.time == "discrete":
        raise InputError("Amplitude and phase of a map are not given by polynomials; use complex_form.")
    pairs = [v for v in form.variables if str(v).startswith("zbar")]
    if not pairs:
        raise InputError(
            "There is no complex pair among the master modes; the real equations are all there is."
        )
    radii, phases = {}, {}
    for bar in pairs:
        number = str(bar)[4:]
        radii[number] = sympy.Symbol(f"r{number}", positive=True)
        phases[number] = sympy.Symbol(f"theta{number}", real=True)
    out: dict[Any, Any] = {}
    for column, position in enumerate(form.own):
        name = str(form.variables[position])
        if name.startswith("y"):
            out[form.variables[position]] = _polar_sum(form, column, radii, phases, None)[0]
            continue
        radial, angular = _polar_sum(form, column, radii, phases, name[1:])
        out[radii[name[1:]]] = radial
        out[phases[name[1:]]] = sympy.expand(angular / radii[name[1:]])
    return out


def _polar_sum(
    form: ComplexForm, column: int, radii: dict[str, Any], phases: dict[str, Any], own: str | None
) -> tuple[Any, Any]:
    """Real and imaginary part of z' exp(-i theta) of the pair `own`, or of y' itself."""
    real, imaginary = sympy.S.Zero, sympy.S.Zero
    for value, row in zip(form.coefficients[:, column], form.exponents.tolist(), strict=True):
        if not value:
            continue
        size, angle = sympy.S.One, sympy.S.Zero if own is None else -phases[own]
        for variable, power in zip(form.variables, row, strict=True):
            name = str(variable)
            if name.startswith("zbar"):
                size, angle = size * radii[name[4:]] ** power, angle - power * phases[name[4:]]
            elif name.startswith("z"):
                size, angle = size * radii[name[1:]] ** power, angle + power * phases[name[1:]]
            else:
                size = size * variable**power
        a, b = sympy.Float(value.real, 17), sympy.Float(value.imag, 17)
        real += size * (a * sympy.cos(angle) - b * sympy.sin(angle))
        imaginary += size * (a * sympy.sin(angle) + b * sympy.cos(angle))
    return sympy.expand(real), sympy.expand(imaginary)
