"""Fields of exact numbers, and invariant subspaces over them: eigenvalues by factoring, null spaces."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from sympy.polys.matrices import DomainMatrix
from sympy.polys.polyerrors import CoercionFailed

from ssmsym.dynamics.spectrum import leading_order
from ssmsym.errors import InputError, SubspaceError

Objects = NDArray[Any]
Factors = list[tuple[Any, int]]
_LAMBDA = sympy.Symbol("lambda")
_HYPERBOLIC = (sympy.sinh, sympy.cosh, sympy.tanh, sympy.coth)


class ExactField:
    """The field that some expressions generate over the rationals.

    Algebraic numbers, then rational functions of generators that count as independent: symbols, functions
    of them, numbers such as log(2). A radical is a generator too; one symbol below it is written in terms of
    it, mu = sqrt(mu)**2, so that the field stays one of rational functions.

    Attributes
    ----------
    domain : SymPy field
    """

    def __init__(self, expressions: Iterable[Any]) -> None:
        given = [sympy.sympify(e) for e in expressions]
        heads = {type(f) for e in given for f in e.atoms(sympy.Function, sympy.exp)}
        self._to_exp = bool(heads & {sympy.sinh, sympy.cosh, sympy.coth}) or heads >= {sympy.exp, sympy.tanh}
        self._to_tan = heads >= {sympy.sin, sympy.cos}
        kernels: set[Any] = set()
        for e in given:
            _collect(self._canonical(e), kernels)
        algebraic = {k for k in kernels if k.is_number and k.is_algebraic}
        self._generators: dict[tuple[Any, Any], tuple[Any, int]] = {}  # base and exponent of a power
        self._definitions: dict[Any, tuple[Any, int, Any, Any]] = {}
        self._elements: dict[Any, Any] = {}
        free = self._power_generators(kernels - algebraic)
        self._define_below_radicals(free)
        self.gens = sorted(free - self._definitions.keys(), key=sympy.default_sort_key)
        numbers = sorted(algebraic, key=sympy.default_sort_key)
        self._numbers = sympy.QQ.algebraic_field(*numbers) if numbers else sympy.QQ
        constants = self._numbers if numbers else sympy.ZZ
        self.domain = constants.frac_field(*self.gens) if self.gens else self._numbers
        if self.gens:
            self._elements.update(zip(self.gens, self.domain.gens, strict=True))

    def _canonical(self, e: Any) -> Any:
        """Logarithms of primes, exponentials of single terms, one kind of trigonometric function."""
        e = e.replace(sympy.log, lambda x: sympy.expand_log(sympy.log(x)) if x.is_number else sympy.log(x))
        if self._to_exp:
            e = e.replace(lambda t: isinstance(t, _HYPERBOLIC), lambda t: t.rewrite(sympy.exp))
        if self._to_tan:
            e = sympy.expand_trig(e).rewrite([sympy.sin, sympy.cos], sympy.tan)
        return e.replace(sympy.exp, lambda x: sympy.expand_power_exp(sympy.exp(sympy.expand(x))))

    def _power_generators(self, kernels: set[Any]) -> set[Any]:
        """Generators: one for all rational powers of the same thing, and other kernels as they are."""
        waiting, powers = list(kernels), {}
        while waiting:
            kernel = waiting.pop()
            base, exponent = kernel.as_base_exp()
            rational, rest = exponent.as_coeff_Mul(rational=True)
            key = (base, rest)
            powers[key] = math.lcm(powers.get(key, 1), int(rational.q))
            if rest == 1 and rational.q > 1:  # a radical: what stands below it is in the field
                below: set[Any] = set()
                _collect(base, below)
                waiting += [k for k in below if not (k.is_number and k.is_algebraic)]
                kernels |= {k for k in below if k.is_number and k.is_algebraic}
        self._generators = {
            (base, rest): (base ** (rest / degree), degree) for (base, rest), degree in powers.items()
        }
        return {generator for generator, _ in self._generators.values()}

    def _define_below_radicals(self, free: set[Any]) -> None:
        radicals = [
            (base, *pair) for (base, rest), pair in self._generators.items() if rest == 1 and pair[1] > 1
        ]
        below = {base: {base} if base in free else _collect(base, set()) for base, _, _ in radicals}
        for base, generator, degree in sorted(radicals, key=lambda r: sympy.default_sort_key(r[0])):
            others = set().union(*(kernels for b, kernels in below.items() if b != base))
            for kernel in sorted(below[base], key=sympy.default_sort_key):
                mark = sympy.Dummy()
                marked = base.xreplace({kernel: mark})
                slope = sympy.simplify(marked.diff(mark))
                usable = not kernel.is_number and kernel not in others | self._definitions.keys()
                if usable and slope.is_finite is not False and not slope.has(mark) and slope != 0:
                    rest = sympy.simplify(marked.subs(mark, 0))
                    self._definitions[kernel] = (generator, degree, slope, rest)
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
        if e.is_number and e.is_algebraic:
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


def _collect(e: Any, found: set[Any]) -> set[Any]:
    """Add the parts of an expression that sums, products and whole powers are made of."""
    if e.is_Add or e.is_Mul or (e.is_Pow and e.exp.is_Integer):
        for part in e.args[:1] if e.is_Pow else e.args:
            _collect(part, found)
    elif not e.is_Rational:
        found.add(e)
    return found


@dataclass(frozen=True, eq=False)
class ExactSubspace:
    """A master subspace over a field.

    Attributes
    ----------
    domain : SymPy field
    eigenvalues : tuple of SymPy expressions
        Of the master subspace; a factor without roots in the domain gives its roots as expressions.
    outer : list of (Poly, int)
        Factors of the characteristic polynomial that hold the other eigenvalues, with multiplicity.
    right, left : (N, d) object arrays
    linear : (d, d) object array
        U^T A V.
    jacobian : (N, N) object array
    """

    domain: Any
    eigenvalues: tuple[Any, ...]
    outer: Factors
    right: Objects
    left: Objects
    linear: Objects
    jacobian: Objects

    @property
    def dimension(self) -> int:
        return int(self.right.shape[1])


def exact_subspace(jacobian: Objects, domain: Any, factors: Factors, chosen: list[int]) -> ExactSubspace:
    """The invariant subspace of the chosen factors of the characteristic polynomial."""
    n = len(jacobian)
    A = as_matrix(jacobian, domain)
    product = DomainMatrix.eye(n, domain)
    for factor, multiplicity in (factors[i] for i in chosen):
        for _ in range(multiplicity):
            product = product * _at_matrix(factor, A, domain)
    right = _null_space(product)
    left = _null_space(product.transpose())
    V, L = as_array(right).T, as_array(left)
    gram = as_matrix(L @ V, domain)
    U = as_array(gram.inv() * as_matrix(L, domain)).T
    linear = U.T @ (jacobian @ V)
    eigenvalues = tuple(root for i in chosen for root in roots(factors[i][0]) * factors[i][1])
    outer = [pair for i, pair in enumerate(factors) if i not in chosen]
    return ExactSubspace(domain, eigenvalues, outer, V, U, linear, jacobian)


def as_matrix(values: Objects, domain: Any) -> DomainMatrix:
    """Elements in an object array as a SymPy matrix."""
    return DomainMatrix([list(row) for row in values], values.shape, domain)


def as_array(matrix: DomainMatrix) -> Objects:
    """Elements of a SymPy matrix as an object array."""
    out = np.empty(matrix.shape, dtype=object)
    for i, row in enumerate(matrix.to_list()):
        for j, value in enumerate(row):
            out[i, j] = value
    return out


def _at_matrix(factor: Any, A: DomainMatrix, domain: Any) -> DomainMatrix:
    """The polynomial at the matrix, by Horner's rule."""
    n = A.shape[0]
    total = DomainMatrix.zeros((n, n), domain)
    for coefficient in factor.rep.to_list():
        total = total * A + DomainMatrix.eye(n, domain) * coefficient
    return total


def _null_space(matrix: DomainMatrix) -> DomainMatrix:
    return matrix.nullspace().rref()[0]


def characteristic_factors(jacobian: Objects, domain: Any) -> Factors:
    """Irreducible factors of the characteristic polynomial, with multiplicity."""
    coefficients = as_matrix(jacobian, domain).charpoly()
    polynomial = sympy.Poly.from_list(coefficients, _LAMBDA, domain=domain)
    return [(factor, multiplicity) for factor, multiplicity in polynomial.factor_list()[1]]


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


def choose(factors: Factors, field: ExactField, modes: Any) -> tuple[list[int], list[Any]]:
    """Positions of the factors that the modes ask for, and numbers that the field lacks to split them."""
    if isinstance(modes, (int, np.integer)):
        return _leading_factors(factors, int(modes))
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
        for value in values:
            kind = _kind(factor, value)
            if kind == "real":
                missing.append(value)
            elif kind == "unknown" or factor.degree() > 2:
                raise SubspaceError(
                    f"'{value}' cannot be separated from the other roots of {factor.as_expr()}, as its field does "
                    f"not split them{' and the signs of the symbols leave open which are real' * (kind != 'pair')}; "
                    f"give all {factor.degree()} roots, symbols declared real or positive, or use compute_ssm."
                )
    return list(asked), missing


def _position(factors: Factors, value: Any, field: ExactField) -> int:
    try:
        element = field(value)
    except CoercionFailed:
        element = None
    for position, (factor, _) in enumerate(factors):
        if element is not None and factor.degree() == 1:
            slope, constant = factor.rep.to_list()
            if slope * element + constant == field.domain.zero:
                return position
    position = next((i for i, (f, _) in enumerate(factors) if _is_root(f, value)), -1)
    if position < 0:
        shown = [r for f, _ in factors for r in roots(f) or [f"the roots of {f.as_expr()}"]]
        raise SubspaceError(
            f"'{value}' is no eigenvalue of the Jacobian; the eigenvalues are {', '.join(map(str, shown))}."
        )
    return position


def _is_root(factor: Any, value: Any) -> bool:
    rest = factor.as_expr().subs(_LAMBDA, value)
    if not rest.free_symbols:
        scale = sum(abs(complex(c)) for c in factor.all_coeffs()) * (1 + abs(complex(value))) ** factor.degree()
        return bool(abs(sympy.N(rest, 60, maxn=200)) < 1e-40 * scale)
    return bool(sympy.simplify(rest) == 0)


def _kind(factor: Any, value: Any) -> str:
    """Whether a root is 'real', one of a 'pair', or 'unknown', symbols being real numbers."""
    if not value.free_symbols and not factor.as_expr().free_symbols - {_LAMBDA}:
        return "real" if abs(sympy.im(value.evalf(30))) < 1e-20 else "pair"
    if value.has(sympy.I):
        return "pair"
    marks: dict[Any, Any] = {
        s: sympy.Dummy(s.name, real=True, positive=s.is_positive) for s in value.free_symbols
    }
    if value.xreplace(marks).is_real:
        return "real"
    if factor.degree() == 2:
        sign = sympy.factor(factor.discriminant())
        even = {p for p in sign.atoms(sympy.Pow) if p.exp.is_Rational and p.exp.q % 2 == 0}
        marks = {s: sympy.Dummy(real=True, positive=s.is_positive) for s in sign.free_symbols}
        sign = sign.xreplace({p: sympy.Dummy(positive=True) for p in even}).xreplace(marks)
        if sign.is_nonnegative or sign.is_nonpositive:
            return "real" if sign.is_nonnegative else "pair"
    return "unknown"


def _leading_factors(factors: Factors, count: int) -> tuple[list[int], list[Any]]:
    """The factors that hold the leading eigenvalues, by number."""
    for factor, _ in factors:
        if factor.as_expr().free_symbols - {_LAMBDA}:
            shown = next(iter(roots(factor)), None)
            raise InputError(
                f"The eigenvalue {shown or 'of ' + str(factor.as_expr())} holds free symbols, so which modes lead "
                "is not known; give 'modes' as expressions."
            )
    spread = [(v, i) for i, (f, multiplicity) in enumerate(factors) for v in numeric_roots(f) * multiplicity]
    order = leading_order(np.array([v for v, _ in spread]))
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
        found = [r for r in known if min(abs(complex(r.evalf(30)) - v) for v in taken) < 1e-12 * abs(taken[0])]
        if not found or (factor.degree() > 2 and not factor.domain.is_QQ):
            kind = "coinciding eigenvalues" if factor.degree() == 1 else f"roots of {factor.as_expr()}"
            kind = "complex pair, the " + kind if factor.degree() == whole == 2 else kind
            total = count - len(taken) + whole
            raise SubspaceError(
                f"{count} modes would cut the {whole} {kind}, which exact coefficients cannot separate; ask for "
                f"{total} modes or use compute_ssm."
            )
        missing += found
    return chosen, missing
