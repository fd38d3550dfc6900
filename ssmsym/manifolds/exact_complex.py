"""Exact reduced dynamics of one complex pair in the complex coordinate of its mode."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy

from ssmsym.errors import InputError
from ssmsym.manifolds.exact_expressions import Expressions
from ssmsym.manifolds.exact_linear import ExactField, objects
from ssmsym.series.polynomial import Polynomial

if TYPE_CHECKING:
    from ssmsym.manifolds.exact import ExactSSM

Terms = dict[tuple[int, ...], Any]
Pair = tuple[Any, Any]  # u, v of u + v iota with iota = i omega


@dataclass(frozen=True, eq=False)
class ExactComplexForm:
    """Reduced dynamics z' = g(z, zbar) of a complex pair, for a map z -> g(z, zbar).

    Attributes
    ----------
    eigenvalue : SymPy expression
        Of z; its imaginary part is `frequency`.
    frequency : SymPy expression
        A square root; another sign of it exchanges z and zbar.
    coordinate : SymPy expression
        z in the reduced coordinates: z = p1 + i (combination of p1 and p2), so that p1 = Re z.
    eigenvector : tuple of SymPy expressions
        q, (N,), with x - x* = q z + conj(q) zbar to first order.
    norm : SymPy expression
        abs(q)^2, positive.
    right : Polynomial
        g in z, zbar and the q parameter offsets, one output with complex coefficients.
    symbols : tuple
        z, zbar, then the offsets.
    discrete : bool
        Of a map.
    """

    eigenvalue: Any
    frequency: Any
    coordinate: Any
    eigenvector: tuple[Any, ...]
    norm: Any
    right: Polynomial
    symbols: tuple[Any, ...]
    discrete: bool

    @property
    def equation(self) -> Any:
        """g as an expression in `symbols`."""
        return self.right.to_sympy(self.symbols)[0]

    def coefficient(self, *powers: int) -> Any:
        """The coefficient of z^a zbar^b (and of powers of the offsets, 0 where not given)."""
        wanted = [*powers, *[0] * (len(self.symbols) - len(powers))]
        rows = np.flatnonzero((self.right.exponents == wanted).all(axis=1))
        return self.right.coefficients[rows[0], 0] if len(rows) else sympy.Integer(0)

    def latex(self) -> str:
        """The equation of z in LaTeX."""
        left = r"z \mapsto " if self.discrete else r"\dot{z} = "
        return left + sympy.latex(self.equation)

    def __repr__(self) -> str:
        arrow = "z ->" if self.discrete else "z' ="
        text = f"ExactComplexForm({arrow} {self.equation})"
        return text if len(text) < 400 else text[:396] + "...)"


def complex_form(ssm: ExactSSM) -> ExactComplexForm:
    """The reduced dynamics of a complex pair in its complex coordinate; see :class:`ExactComplexForm`."""
    pair = PairCoordinates(ssm)
    frequency = pair.frequency
    p1, p2 = ssm.symbols[:2]
    q, norm = pair.eigenvector()
    return ExactComplexForm(
        eigenvalue=pair.expression((pair.growth, pair.one)),
        frequency=frequency,
        coordinate=p1 + sympy.I * (pair.real(pair.tilt) * p1 - pair.real(pair.r12) * p2) / frequency,
        eigenvector=tuple(pair.expression(entry) for entry in q),
        norm=pair.real(norm),
        right=Polynomial(list(pair.terms), _column(pair.expression(value) for value in pair.terms.values())),
        symbols=(*sympy.symbols("z zbar"), *ssm.symbols[2:]),
        discrete=ssm.field.is_map,
    )


def _column(values: Iterable[Any]) -> Any:
    return objects(values).reshape(-1, 1)


class PairCoordinates:
    """The change from p1, p2 to z, zbar over the field K of the coefficients, to which iota = i omega is added.

    z = p1 + i y with omega y = (alpha - R11) p1 - R12 p2, so that p1 = (z + zbar)/2 and
    p2 = ((alpha - R11) p1 + iota (z - zbar)/2) / R12; iota^2 = -omega^2 lies in K.
    """

    def __init__(self, ssm: ExactSSM) -> None:
        if ssm.right.shape[1] != 2:
            raise InputError(
                f"A complex form needs the two coordinates of one pair; this manifold has {ssm.right.shape[1]}."
            )
        R = ssm.reduced_dynamics
        self._exponents = R.exponents
        entries = [*R.coefficients.ravel(), *ssm.right]
        field = ExactField(entries)
        self.domain = field.domain
        self.one = self.domain.one
        self._expressions = Expressions(self.domain)
        elements = [field(e) for e in entries]
        self._R = objects(elements[: R.coefficients.size]).reshape(R.coefficients.shape)
        self._V = objects(elements[R.coefficients.size :]).reshape(ssm.right.shape)
        first = {tuple(row): i for i, row in enumerate(R.exponents.tolist())}
        offsets = R.n_variables - 2
        r1, r2 = (self._R[first[(*unit, *[0] * offsets)]] for unit in ((1, 0), (0, 1)))
        half = self.one / self.domain(2)
        self.r12 = r2[0]
        self.growth = (r1[0] + r2[1]) * half
        self.tilt = self.growth - r1[0]
        self.square = self.growth * self.growth - (r1[0] * r2[1] - r2[0] * r1[1])  # iota^2
        self._half = half
        self.frequency = self._frequency()

    def _frequency(self) -> Any:
        square = self.real(-self.square)
        if square.is_number and not square.is_positive:
            raise InputError("The two eigenvalues are real, not a complex pair, so there is no complex form.")
        root = square_root(square)
        if root.has(sympy.I) or self.r12 == self.domain.zero:
            raise InputError("The two eigenvalues are real, not a complex pair, so there is no complex form.")
        return root

    def real(self, element: Any) -> Any:
        """An element of K as an expression."""
        return self._expressions(element)

    def expression(self, pair: Pair) -> Any:
        """u + v iota as an expression."""
        imaginary = sympy.factor(self.real(pair[1]) * self.frequency)
        return sympy.factor_terms(self.real(pair[0]) + sympy.I * imaginary)

    def times(self, a: Pair, b: Pair) -> Pair:
        """Product of two pairs."""
        return a[0] * b[0] + a[1] * b[1] * self.square, a[0] * b[1] + a[1] * b[0]

    def eigenvector(self) -> tuple[list[Pair], Any]:
        """q = V r with p = r z + conj(r) zbar, and abs(q)^2."""
        u2, v2 = self.tilt * self._half / self.r12, self._half / self.r12
        q = [(row[0] * self._half + row[1] * u2, row[1] * v2) for row in self._V]
        total = self.domain.zero
        for entry in q:
            total = total + self._size(entry)
        return q, total

    def cubic_coefficient(self) -> Pair:
        """c1 of z' = i omega z + c1 z abs(z)^2 with this z (Kuznetsov, 3rd ed., equation 3.18)."""
        zero, two = self.domain.zero, self.domain(2)
        offsets = (0,) * (self._exponents.shape[1] - 2)
        g20, g11, g02, g21 = (
            self.terms.get((*powers, *offsets), (zero, zero)) for powers in ((2, 0), (1, 1), (0, 2), (2, 1))
        )
        g20, g02 = (g20[0] * two, g20[1] * two), (g02[0] * two, g02[1] * two)
        product = self.times(g20, g11)
        sizes = product[0] - two * self._size(g11) - self._size(g02) / self.domain(3)
        rotated = self.times((sizes, product[1]), (zero, -self._half / self.square))  # by i / (2 omega)
        return rotated[0] + g21[0], rotated[1] + g21[1]

    def _size(self, pair: Pair) -> Any:
        return pair[0] * pair[0] - pair[1] * pair[1] * self.square

    @functools.cached_property
    def terms(self) -> dict[tuple[int, ...], Pair]:
        """Coefficients of z' = p1' - iota ((alpha - R11) p1' - R12 p2') / iota^2 over z, zbar and the offsets."""
        zero = self.domain.zero
        u2, v2 = self.tilt * self._half / self.r12, self._half / self.r12
        first: Terms = {(1, 0): (self._half, zero), (0, 1): (self._half, zero)}
        second: Terms = {(1, 0): (u2, v2), (0, 1): (u2, -v2)}
        highest = int(self._exponents.sum(axis=1).max())
        powers = [self._powers(base, highest) for base in (first, second)]
        out: dict[tuple[int, ...], Pair] = {}
        for row, (c1, c2) in zip(self._exponents.tolist(), self._R, strict=True):
            weight = (c1, (self.r12 * c2 - self.tilt * c1) / self.square)
            if weight == (zero, zero):
                continue
            product = self._product(powers[0][row[0]], powers[1][row[1]])
            for (a, b), value in product.items():
                key = (a, b, *row[2:])
                out[key] = _sum(out.get(key), self.times(value, weight))
        kept = {key: value for key, value in out.items() if value != (zero, zero)}
        return kept or {(0,) * self._exponents.shape[1]: (zero, zero)}

    def _powers(self, base: Terms, highest: int) -> list[Terms]:
        out: list[Terms] = [{(0, 0): (self.one, self.domain.zero)}]
        for _ in range(highest):
            out.append(self._product(out[-1], base))
        return out

    def _product(self, left: Terms, right: Terms) -> Terms:
        out: Terms = {}
        for (a, b), x in left.items():
            for (c, d), y in right.items():
                key = (a + c, b + d)
                out[key] = _sum(out.get(key), self.times(x, y))
        return out


def _sum(old: Pair | None, new: Pair) -> Pair:
    return new if old is None else (old[0] + new[0], old[1] + new[1])


def square_root(expression: Any) -> Any:
    """The square root of a product, whole factors taken out; symbols in those count as positive."""
    top, bottom = sympy.together(expression).as_numer_denom()
    constant, factors = sympy.factor_list(top)
    divisor, below = sympy.factor_list(bottom)
    constant = constant / divisor
    outside = sympy.Mul(*(f ** (power // 2) for f, power in factors))
    outside /= sympy.Mul(*(f ** (power // 2) for f, power in below))
    numerator = [f for f, power in factors if power % 2]
    denominator = [f for f, power in below if power % 2]
    for side in (denominator, numerator):  # a sign in front of all goes into a difference
        for i, factor in enumerate(side):
            if (
                constant.is_negative
                and factor.is_Add
                and any(t.could_extract_minus_sign() for t in factor.args)
            ):
                constant, side[i] = -constant, -factor
    return sympy.sqrt(constant) * sympy.sqrt(sympy.Mul(*numerator) / sympy.Mul(*denominator)) * outside
