"""Exact numbers: the fields that hold them, and eigenvalues by factoring over such a field."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from sympy.polys.matrices import DomainMatrix
from sympy.polys.polyerrors import CoercionFailed

from ssmsym.dynamics.spectrum import leading_order
from ssmsym.errors import InputError, SubspaceError
from ssmsym.manifolds.exact_size import TermBudget
from ssmsym.manifolds.exact_tower import TowerField

Objects = NDArray[Any]
Factors = list[tuple[Any, int]]
_LAMBDA = sympy.Dummy("lambda")
_HYPERBOLIC = (sympy.sinh, sympy.cosh, sympy.tanh, sympy.coth)


def exact_number(value: Any) -> Any:
    """A number or expression with floats replaced by the rationals that they are."""
    e = sympy.sympify(value)
    return e.xreplace({f: _rational(f) for f in e.atoms(sympy.Float)})


def _rational(value: Any) -> Any:
    fraction = Fraction(float(value))
    return sympy.Rational(fraction.numerator, fraction.denominator)


def exact_expression(name: str, value: Any) -> Any:
    """An argument as an exact SymPy expression."""
    try:
        e = sympy.sympify(value)
    except (sympy.SympifyError, TypeError, AttributeError):
        e = None
    if not isinstance(e, sympy.Expr) or e.is_Matrix or e.has(sympy.zoo, sympy.nan, sympy.oo):
        raise InputError(f"{name} must be a finite number or an expression; found {value!r}.")
    return exact_number(e)


def exact_array(value: Any) -> Objects:
    """An array of numbers or expressions as exact expressions."""
    rows = np.array(value, dtype=object)
    return objects([exact_number(e) for e in rows.ravel()]).reshape(rows.shape)


def real_number(expression: Any, values: Mapping[str, Any]) -> float:
    """An expression as a float, with numbers in place of the symbols of these names."""
    named = {s: values[s.name] for s in expression.free_symbols if s.name in values}
    number = expression.subs(named).evalf(30)
    if number.free_symbols:
        missing = ", ".join(sorted(str(s) for s in number.free_symbols))
        raise InputError(f"No value was given for {missing}; pass it in 'values'.")
    found = complex(number) if number.is_finite else complex("nan")
    if not abs(found.imag) <= 1e-20 * abs(found):
        raise InputError(f"{expression} is {number} at the given values, no real number; choose others.")
    return found.real


def objects(values: Any) -> Objects:
    """A vector of objects."""
    items = list(values)
    out = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        out[i] = item
    return out


class ExactField:
    """The field that some expressions generate over the rationals.

    Algebraic numbers, then rational functions of generators that count as independent: symbols, functions
    of them, numbers such as log(2). A radical is a generator too; one symbol below it is written in terms of
    it, mu = sqrt(mu)**2, so that the field stays one of rational functions.

    Attributes
    ----------
    domain : SymPy field or TowerField
    """

    def __init__(self, expressions: Iterable[Any]) -> None:
        given = [sympy.sympify(e) for e in expressions]
        heads = {type(f) for e in given for f in e.atoms(sympy.Function, sympy.exp)}
        self._to_exp = bool(heads & {sympy.sinh, sympy.cosh, sympy.coth}) or heads >= {sympy.exp, sympy.tanh}
        self._to_tan = heads >= {sympy.sin, sympy.cos}
        kernels: set[Any] = set()
        waiting = [self._canonical(e) for e in given]
        while waiting:
            new = _collect(waiting.pop(), set()) - kernels
            kernels |= new
            waiting += [k.base for k in new if k.is_Pow and k.exp.is_Rational and not _is_algebraic(k)]
        algebraic = {k for k in kernels if _is_algebraic(k)}
        self._generators: dict[tuple[Any, Any], tuple[Any, int]] = {}  # base and exponent of a power
        self._definitions: dict[Any, tuple[Any, int, Any, Any]] = {}
        self._elements: dict[Any, Any] = {}
        free = self._power_generators(kernels - algebraic)
        self._define_below_radicals(free)
        self.gens = sorted(free - self._definitions.keys(), key=sympy.default_sort_key)
        numbers = sorted(algebraic, key=sympy.default_sort_key)
        self._numbers = sympy.QQ.algebraic_field(*numbers) if numbers else sympy.QQ
        self.domain: Any = self._numbers
        if self.gens:
            self.domain = TowerField(self._numbers, self.gens) if numbers else sympy.ZZ.frac_field(*self.gens)
        if self.gens:
            self._elements.update(zip(self.gens, self.domain.gens, strict=True))

    def _canonical(self, e: Any) -> Any:
        """Logarithms of primes, exponentials of single terms, one kind of trigonometric function."""
        e = e.replace(sympy.log, lambda x: sympy.expand_log(sympy.log(x)) if x.is_number else sympy.log(x))
        e = e.replace(
            lambda t: isinstance(t, _HYPERBOLIC) and (self._to_exp or (t.is_number and t.has(sympy.log))),
            lambda t: t.rewrite(sympy.exp),
        )
        if self._to_tan:
            e = sympy.expand_trig(e).rewrite([sympy.sin, sympy.cos], sympy.tan)
        return e.replace(sympy.exp, lambda x: sympy.expand_power_exp(sympy.exp(sympy.expand(x))))

    def _power_generators(self, kernels: set[Any]) -> set[Any]:
        """Generators: one for all rational powers of the same thing, and other kernels as they are."""
        powers: dict[tuple[Any, Any], int] = {}
        for kernel in kernels:
            base, exponent = kernel.as_base_exp()
            rational, rest = exponent.as_coeff_Mul(rational=True)
            powers[base, rest] = math.lcm(powers.get((base, rest), 1), int(rational.q))
        self._generators = {
            (base, rest): (base ** (rest / degree), degree) for (base, rest), degree in powers.items()
        }
        return {generator for generator, _ in self._generators.values()}

    def _define_below_radicals(self, free: set[Any]) -> None:
        radicals = [
            (base, *pair) for (base, rest), pair in self._generators.items() if rest == 1 and pair[1] > 1
        ]
        below = {base: _collect(base, set()) for base, _, _ in radicals}
        for base, generator, degree in sorted(radicals, key=lambda r: sympy.default_sort_key(r[0])):
            if below[base] == {base} and base.as_base_exp()[1] == 1:
                continue  # a power of the generator by itself
            others = set().union(*(kernels for b, kernels in below.items() if b != base))
            usable = below[base] & (free - others - self._definitions.keys())
            for kernel in sorted(usable, key=sympy.default_sort_key):
                mark = sympy.Dummy()
                marked = base.xreplace({kernel: mark})
                slope = sympy.simplify(marked.diff(mark))
                if slope != 0 and not slope.has(mark):
                    self._definitions[kernel] = (generator, degree, slope, marked.subs(mark, 0))
                    break
            else:
                raise InputError(
                    f"The radical {generator} cannot be computed with exactly, as no symbol below it stands there "
                    "alone and linearly; choose 'values' in which the root is rational, or use compute_ssm."
                )

    def __call__(self, expression: Any) -> Any:
        """The element that an expression stands for.

        Raises
        ------
        CoercionFailed
            If the field does not hold it.
        """
        return self._element(self._canonical(sympy.sympify(expression)))

    def _element(self, e: Any) -> Any:
        if e.is_Rational:
            return self.domain(int(e.p)) / self.domain(int(e.q))
        if e in self._elements:
            return self._elements[e]
        if e.is_Add or e.is_Mul:
            total = self._element(e.args[0])
            for term in e.args[1:]:
                total = total + self._element(term) if e.is_Add else total * self._element(term)
            return total
        if e.is_Pow and e.exp.is_Integer:
            return self._element(e.base) ** int(e.exp)
        self._elements[e] = self._kernel(e)
        return self._elements[e]

    def _kernel(self, e: Any) -> Any:
        if _is_algebraic(e):
            return self.domain.convert(self._numbers.from_sympy(e), self._numbers)
        if e in self._definitions:
            generator, degree, slope, rest = self._definitions[e]
            return (self._element(generator) ** degree - self._element(rest)) / self._element(slope)
        base, exponent = e.as_base_exp()
        rational, rest = exponent.as_coeff_Mul(rational=True)
        generator, degree = self._generators.get((base, rest), (None, 1))
        if generator is None or degree % rational.q or generator == e:
            raise CoercionFailed(f"{e} is not in the field")
        return self._element(generator) ** int(rational * degree)

    def expression(self, element: Any) -> Any:
        """An element as a SymPy expression."""
        return self.domain.to_sympy(element)


def _is_algebraic(e: Any) -> bool:
    return bool(e.is_number and e.is_algebraic)


def _collect(e: Any, found: set[Any]) -> set[Any]:
    """Add the parts of an expression that sums, products and whole powers are made of."""
    if e.is_Add or e.is_Mul or (e.is_Pow and e.exp.is_Integer):
        for part in e.args[:1] if e.is_Pow else e.args:
            _collect(part, found)
    elif not e.is_Rational:
        found.add(e)
    return found


def characteristic_factors(jacobian: Objects, domain: Any, budget: TermBudget | None = None) -> Factors:
    """Irreducible factors of the characteristic polynomial, with multiplicity; too long a one is refused."""
    coefficients = DomainMatrix([list(row) for row in jacobian], jacobian.shape, domain).charpoly()
    if budget is not None:
        budget.check_factoring(coefficients)
    if isinstance(domain, TowerField):
        coefficients = [domain.to_number_field(c) for c in coefficients]
        domain = domain.sympy_field
    polynomial = sympy.Poly.from_list(coefficients, _LAMBDA, domain=domain)
    return [(factor, multiplicity) for factor, multiplicity in polynomial.factor_list()[1]]


def coefficients_in(factor: Any, domain: Any) -> list[Any]:
    """The coefficients of a factor as domain elements, leading first."""
    found = factor.rep.to_list()
    return [domain.from_number_field(c) for c in found] if isinstance(domain, TowerField) else found


def shown(factor: Any) -> str:
    """A factor as text."""
    return str(factor.as_expr().subs(_LAMBDA, sympy.Symbol("lambda")))


def roots(factor: Any) -> list[Any]:
    """The roots of an irreducible factor as expressions; none if they have no closed form."""
    if factor.degree() == 1:
        slope, constant = factor.all_coeffs()
        return [sympy.factor(-constant / slope)]
    if factor.degree() > 2 and factor.domain.is_QQ:
        return list(sympy.Poly(factor.as_expr().subs(_LAMBDA, sympy.Symbol("x"))).all_roots())
    found = list(sympy.roots(factor.as_expr(), _LAMBDA, multiple=True))
    return found if len(found) == factor.degree() else []


def numeric_roots(factor: Any) -> list[complex]:
    """The roots of a factor whose coefficients are numbers, exact conjugates of each other."""
    coefficients = [c.evalf(40) for c in factor.all_coeffs()]
    found = sympy.Poly(coefficients, _LAMBDA).nroots(n=30, maxsteps=500)
    values = [complex(r) for r in found]
    real = [complex(v.real) for v in values if abs(v.imag) <= 1e-20 * abs(v)]
    upper = [v for v in values if v.imag > 1e-20 * abs(v)]
    return real + [w for v in upper for w in (v, v.conjugate())]


def choose(
    factors: Factors, field: ExactField, modes: Any, *, discrete: bool = False
) -> tuple[list[int], list[Any]]:
    """Positions of the factors that the modes ask for, and numbers that the field lacks to split them."""
    if isinstance(modes, (int, np.integer)):
        return _leading_factors(factors, int(modes), discrete)
    asked: dict[int, list[Any]] = {}
    for value in modes:
        values = asked.setdefault(_position(factors, value, field), [])
        if not any(sympy.simplify(value - other) == 0 for other in values):
            values.append(value)
    missing = []
    for position, values in asked.items():
        factor = factors[position][0]
        if len(values) == factor.degree():
            continue
        kinds = {_kind(factor, value) for value in values}
        if "unknown" in kinds:
            raise SubspaceError(
                f"Whether '{values[0]}' is real or one of a pair depends on the signs of symbols; give all "
                f"{factor.degree()} roots of {shown(factor)}, or declare symbols positive."
            )
        if "pair" in kinds and factor.degree() > 2:
            raise SubspaceError(
                f"The pair of '{values[0]}' cannot be separated exactly from the other roots of "
                f"{shown(factor)}; give all {factor.degree()} roots, or use compute_ssm."
            )
        missing += values if "real" in kinds else []
    return list(asked), missing


def _position(factors: Factors, value: Any, field: ExactField) -> int:
    try:
        element = field(value)
    except CoercionFailed:
        element = None
    for position, (factor, _) in enumerate(factors):
        if element is not None and factor.degree() == 1:
            slope, constant = coefficients_in(factor, field.domain)
            if slope * element + constant == field.domain.zero:
                return position
    position = next((i for i, (f, _) in enumerate(factors) if _is_root(f, value)), -1)
    if position < 0:
        known = [
            r for f, _ in factors for r in (roots(f) if f.degree() < 3 else [f"the roots of {shown(f)}"])
        ]
        raise SubspaceError(
            f"'{value}' is no eigenvalue of the Jacobian; the eigenvalues are {', '.join(map(str, known))}."
        )
    return position


def _is_root(factor: Any, value: Any) -> bool:
    rest = factor.as_expr().subs(_LAMBDA, value)
    if rest != 0 and not value.free_symbols and not factor.as_expr().free_symbols - {_LAMBDA}:
        size = sum(abs(complex(c)) for c in factor.all_coeffs())
        scale = size * (1 + abs(complex(value))) ** factor.degree()
        return bool(abs(sympy.N(rest, 60, maxn=200)) < 1e-40 * scale)
    return bool(sympy.simplify(rest) == 0)


def _kind(factor: Any, value: Any) -> str:
    """Whether a root is 'real', one of a 'pair', or 'unknown', symbols being real numbers."""
    if not value.free_symbols and not factor.as_expr().free_symbols - {_LAMBDA}:
        return "real" if abs(sympy.im(value.evalf(30))) < 1e-20 else "pair"
    if value.has(sympy.I):
        return "pair"
    if _with_real_symbols(value).is_real:
        return "real"
    if factor.degree() == 2:
        sign = sympy.factor(factor.discriminant())
        even = {p for p in sign.atoms(sympy.Pow) if p.free_symbols and p.exp.is_Rational and p.exp.q % 2 == 0}
        sign = _with_real_symbols(sign.xreplace({p: sympy.Dummy(positive=True) for p in even}))
        if sign.is_nonnegative or sign.is_nonpositive:
            return "real" if sign.is_nonnegative else "pair"
    return "unknown"


def _with_real_symbols(e: Any) -> Any:
    return e.xreplace(
        {s: sympy.Dummy(real=True, positive=s.is_positive, negative=s.is_negative) for s in e.free_symbols}
    )


def _leading_factors(factors: Factors, count: int, discrete: bool) -> tuple[list[int], list[Any]]:
    """The factors that hold the leading eigenvalues, by number."""
    for factor, _ in factors:
        if factor.as_expr().free_symbols - {_LAMBDA}:
            which = roots(factor)[0] if factor.degree() < 3 else f"of {shown(factor)}"
            raise InputError(
                f"The eigenvalue {which} holds free symbols, so which modes lead is not known; give 'modes' as "
                "expressions."
            )
    spread = [(v, i) for i, (f, multiplicity) in enumerate(factors) for v in numeric_roots(f) * multiplicity]
    order = leading_order(np.array([v for v, _ in spread]), discrete=discrete)
    if not 1 <= count <= len(order):
        raise InputError(f"'modes' must lie between 1 and the {len(order)} states; found {count}.")
    leading = [spread[i] for i in order[:count]]
    chosen = list(dict.fromkeys(i for _, i in leading))
    missing = []
    for i in chosen:
        factor, multiplicity = factors[i]
        taken = [v for v, owner in leading if owner == i]
        whole = factor.degree() * multiplicity
        if len(taken) == whole:
            continue
        known = [] if any(v.imag for v in taken) or factor.degree() == 1 else roots(factor)
        found = [
            r for r in known if min(abs(complex(r.evalf(30)) - v) for v in taken) < 1e-12 * abs(taken[0])
        ]
        if not found or (factor.degree() > 2 and not factor.domain.is_QQ):
            group = f"{whole} coinciding eigenvalues {roots(factor)[0]}"
            if factor.degree() == 2:
                group = f"pair of roots of {shown(factor)}"
            elif factor.degree() > 2:
                group = f"{whole} roots of {shown(factor)}, which have no closed form that separates them"
            raise SubspaceError(
                f"{count} modes would cut the {group}; ask for {count - len(taken) + whole} modes, or use compute_ssm."
            )
        missing += found
    return chosen, missing
