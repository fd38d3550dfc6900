"""Multi-indices, product tables and polynomials, against brute force and SymPy's exact arithmetic."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings, strategies as st

from ssmsym import Polynomial
from ssmsym.errors import InputError
from ssmsym.series.monomials import monomial_table
from ssmsym.series.recurrences import truncated_product
from ssmsym.series.ring import FLOATS, ExactRing

SHAPES = [(1, 0, 7, None), (2, 0, 5, None), (3, 0, 4, None), (2, 1, 5, 2), (1, 2, 6, 3), (2, 2, 4, 0)]
PROFILE = settings(derandomize=True, max_examples=25, deadline=None)


def members(n_master: int, n_parameters: int, order: int, parameter_order: int | None) -> list[tuple]:
    """All allowed multi-indices in graded lexicographic order, x0 first, from the definition alone."""
    limit = order if parameter_order is None else parameter_order
    everything = itertools.product(range(order + 1), repeat=n_master + n_parameters)
    allowed = [m for m in everything if sum(m) <= order and sum(m[n_master:]) <= limit]
    return sorted(allowed, key=lambda m: (sum(m), tuple(-p for p in m)))


def dictionary_product(a: dict, b: dict, keep: set) -> dict:
    out: dict = defaultdict(int)
    for (m, x), (n, y) in itertools.product(a.items(), b.items()):
        target = tuple(np.add(m, n).tolist())
        if target in keep:
            out[target] += x * y
    return out


def integers_on(table, seed: int, width: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(-5, 6, (len(table), width)).astype(float)


def as_dictionary(table, column: np.ndarray) -> dict:
    return {tuple(m): int(c) for m, c in zip(table.exponents.tolist(), column, strict=True)}


def random_polynomial(rng, n_variables: int, n_outputs: int, order: int, *, constant: bool = True):
    """Every monomial up to the order, with small integer coefficients."""
    table = monomial_table(n_variables, 0, order)
    coefficients = rng.integers(-3, 4, (len(table), n_outputs)).astype(float)
    if not constant:
        coefficients[0] = 0
    return Polynomial.from_table(table, coefficients)


def exact(polynomial: Polynomial, variables) -> list[sp.Poly]:
    """The same polynomial over the rationals, built here and not with to_sympy."""
    columns = polynomial.coefficients.T
    return [
        sp.Poly.from_dict(
            {
                tuple(m): sp.Rational(Fraction(float(c)))
                for m, c in zip(polynomial.exponents.tolist(), column, strict=True)
            },
            *variables,
        )
        for column in columns
    ]


def truncated(poly: sp.Poly, order: int) -> sp.Poly:
    kept = {m: c for m, c in poly.as_dict().items() if sum(m) <= order}
    return sp.Poly.from_dict(kept or {(0,) * len(poly.gens): 0}, *poly.gens)


def substituted(outer: list[sp.Poly], inner: list[sp.Poly], variables, order: int) -> list[sp.Poly]:
    inside = [p.as_expr() for p in inner]
    return [
        truncated(
            sp.Poly(p.as_expr().subs(dict(zip(p.gens, inside, strict=True)), simultaneous=True), *variables),
            order,
        )
        for p in outer
    ]


def assert_same(found: Polynomial, wanted: list[sp.Poly], variables, tolerance: float = 0.0) -> None:
    assert found.n_outputs == len(wanted)
    for got, want in zip(exact(found, variables), wanted, strict=True):
        scale = max([1.0, *(abs(float(c)) for c in want.coeffs())])
        difference = (got - want).as_dict().values()
        assert max([0.0, *(abs(float(c)) for c in difference)]) <= tolerance * scale


# -- monomials ---------------------------------------------------------------------------------------------


def test_order_of_two_variables_is_graded_with_the_first_variable_first():
    table = monomial_table(2, 0, 2)
    assert table.exponents.tolist() == [[0, 0], [1, 0], [0, 1], [2, 0], [1, 1], [0, 2]]


@pytest.mark.parametrize("shape", SHAPES)
def test_table_holds_the_definition_s_members_in_order(shape):
    table = monomial_table(*shape)
    assert [tuple(m) for m in table.exponents.tolist()] == members(*shape)
    for degree in range(shape[2] + 1):
        assert (table.exponents[table.degree_slice(degree)].sum(axis=1) == degree).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_table_is_closed_under_division(shape):
    table = monomial_table(*shape)
    present = {tuple(m) for m in table.exponents.tolist()}
    for m in present:
        assert all(d in present for d in itertools.product(*(range(p + 1) for p in m)))


def test_parameter_order_limits_offsets_only():
    table = monomial_table(2, 2, 6, 2)
    assert table.exponents[:, 2:].sum(axis=1).max() == 2
    assert table.exponents[:, :2].sum(axis=1).max() == 6
    assert len(table) == sum(math.comb(j + 1, j) * math.comb(6 - j + 2, 2) for j in range(3))


@pytest.mark.parametrize("shape", SHAPES)
def test_position_finds_members_and_gives_minus_one_elsewhere(shape):
    table = monomial_table(*shape)
    assert table.position(table.exponents).tolist() == list(range(len(table)))
    candidates = list(itertools.product(range(-3, shape[2] + 2), repeat=table.n_variables))
    order = members(*shape)
    wanted = {m: i for i, m in enumerate(order)}
    found = table.position(np.array(candidates)).tolist()
    assert found == [wanted.get(m, -1) for m in candidates]


def test_tables_are_shared_and_read_only():
    assert monomial_table(2, 1, 4, 2) is monomial_table(2, 1, 4, 2)
    with pytest.raises(ValueError, match="read-only"):
        monomial_table(2, 1, 4, 2).exponents[0, 0] = 3


@pytest.mark.parametrize("shape", SHAPES)
def test_product_and_square_tables_match_dictionaries(shape):
    table = monomial_table(*shape)
    a, b = integers_on(table, 1), integers_on(table, 2)
    a[0] = b[0] = 0  # the tables leave out the constants
    keep = {tuple(m) for m in table.exponents.tolist()}
    product = dictionary_product(as_dictionary(table, a[:, 0]), as_dictionary(table, b[:, 0]), keep)
    square = dictionary_product(as_dictionary(table, a[:, 0]), as_dictionary(table, a[:, 0]), keep)
    for degree in range(1, shape[2] + 1):
        monomials = [tuple(m) for m in table.exponents[table.degree_slice(degree)].tolist()]
        pairs, squares = table.product(degree), table.square(degree)
        found = np.zeros(len(monomials))
        np.add.at(found, pairs.target, a[pairs.left, 0] * b[pairs.right, 0])
        assert found.tolist() == [product.get(m, 0) for m in monomials]
        found = np.zeros(len(monomials))
        np.add.at(found, squares.target, squares.weight * a[squares.left, 0] * a[squares.right, 0])
        assert found.tolist() == [square.get(m, 0) for m in monomials]
        assert (pairs.weight == table.exponents[pairs.left].sum(axis=1)).all()
        assert (np.diff(pairs.target) >= 0).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_convolution_table_is_the_inner_part_of_dw_times_r(shape):
    table = monomial_table(*shape)
    w, r = integers_on(table, 3), integers_on(table, 4, width=shape[0])
    monomials = [tuple(m) for m in table.exponents.tolist()]
    for degree in range(2, shape[2] + 1):
        wanted: dict = defaultdict(int)
        for (i, m), (j, n) in itertools.product(enumerate(monomials), repeat=2):
            if not (2 <= sum(m) <= degree - 1 and 2 <= sum(n) <= degree - 1):
                continue
            for c in range(shape[0]):
                target = list(np.add(m, n).tolist())
                target[c] -= 1
                if m[c] and sum(target) == degree and tuple(target) in monomials:
                    wanted[tuple(target)] += m[c] * w[i, 0] * r[j, c]
        terms = table.convolution(degree)
        found = np.zeros(len(monomials[table.degree_slice(degree)]))
        np.add.at(found, terms.target, terms.factor * w[terms.left, 0] * r[terms.right, terms.component])
        assert found.tolist() == [wanted.get(m, 0) for m in monomials[table.degree_slice(degree)]]


@pytest.mark.parametrize("ring", ["floats", "exact"])
def test_truncated_product_of_series_with_constants(ring):
    table = monomial_table(2, 1, 4, 2)
    a, b = integers_on(table, 5), integers_on(table, 6)
    keep = {tuple(m) for m in table.exponents.tolist()}
    wanted = dictionary_product(as_dictionary(table, a[:, 0]), as_dictionary(table, b[:, 0]), keep)
    if ring == "exact":
        algebra = ExactRing(sp.QQ)
        a, b = (np.vectorize(lambda v: sp.QQ(int(v), 1), otypes=[object])(v) for v in (a, b))
    else:
        algebra = FLOATS
    found = truncated_product(table, algebra, a, b)[:, 0]
    assert [int(v) for v in found] == [wanted.get(tuple(m), 0) for m in table.exponents.tolist()]


# -- polynomials -------------------------------------------------------------------------------------------


def test_monomials_are_brought_into_order_whatever_order_they_come_in():
    shuffled = Polynomial([[0, 2], [1, 0], [0, 0], [1, 1], [0, 1]], [[5.0], [2.0], [1.0], [4.0], [3.0]])
    assert shuffled.exponents.tolist() == [[0, 0], [1, 0], [0, 1], [1, 1], [0, 2]]
    assert shuffled.coefficients.ravel().tolist() == [1, 2, 3, 4, 5]
    assert (shuffled.order, shuffled.n_variables, shuffled.n_outputs) == (2, 2, 1)
    assert shuffled([2.0, 3.0]).tolist() == [1 + 4 + 9 + 24 + 45]


def test_values_at_one_point_and_at_many():
    rng = np.random.default_rng(0)
    f = random_polynomial(rng, 3, 2, 4)
    z = rng.integers(-3, 4, (6, 3)).astype(float)
    wanted = [[float(p.eval(tuple(int(v) for v in row))) for p in exact(f, sp.symbols("a b c"))] for row in z]
    assert f(z).tolist() == wanted
    assert f(z[2]).tolist() == wanted[2]
    assert f(z).shape == (6, 2)
    assert f(z[0]).shape == (2,)


@pytest.mark.parametrize("seed", range(4))
def test_arithmetic_is_sympy_s(seed):
    rng = np.random.default_rng(seed)
    variables = sp.symbols("a b c")
    f, g = random_polynomial(rng, 3, 2, 3), random_polynomial(rng, 3, 2, 2)
    one = random_polynomial(rng, 3, 1, 2)
    F, G, (S,) = exact(f, variables), exact(g, variables), exact(one, variables)
    pairs = list(zip(F, G, strict=True))
    assert_same(f + g, [p + q for p, q in pairs], variables)
    assert_same(f - g, [p - q for p, q in pairs], variables)
    assert_same(f * g, [p * q for p, q in pairs], variables)
    assert_same(f * one, [p * S for p in F], variables)
    assert_same(one * f, [p * S for p in F], variables)
    assert_same(-2.5 * f, [p * sp.Rational(-5, 2) for p in F], variables)
    assert_same(f.truncate(2), [truncated(p, 2) for p in F], variables)
    for i, v in enumerate(variables):
        assert_same(f.derivative(i), [p.diff(v) for p in F], variables)
    matrix = rng.integers(-2, 3, (3, 2)).astype(float)
    rows = [sum((int(m) * p for m, p in zip(row, F, strict=True)), 0 * F[0]) for row in matrix]
    assert_same(f.transformed(matrix), rows, variables)


def test_jacobian_is_the_matrix_of_partial_derivatives():
    rng = np.random.default_rng(7)
    variables = sp.symbols("a b c")
    f = random_polynomial(rng, 3, 2, 4)
    z = rng.integers(-2, 3, (5, 3)).astype(float)
    matrix = sp.Matrix([p.as_expr() for p in exact(f, variables)]).jacobian(variables)
    wanted = [np.array(matrix.subs(dict(zip(variables, row, strict=True)))).astype(float) for row in z]
    np.testing.assert_array_equal(f.jacobian(z), wanted)
    np.testing.assert_array_equal(f.jacobian(z[0]), wanted[0])


@pytest.mark.parametrize(("order", "constant"), [(None, False), (6, False), (2, False), (4, True), (9, True)])
def test_composition_is_sympy_s_substitution_truncated(order, constant):
    rng = np.random.default_rng(11)
    inner_variables, outer_variables = sp.symbols("s t"), sp.symbols("a b c")
    outer = random_polynomial(rng, 3, 2, 3)
    inner = random_polynomial(rng, 2, 3, 3, constant=constant)
    wanted = substituted(
        exact(outer, outer_variables),
        exact(inner, inner_variables),
        inner_variables,
        3 if order is None else order,
    )
    assert_same(outer.compose(inner, order), wanted, inner_variables)


def test_reversion_of_a_known_series():
    """Inverse of p + p^2 is the Catalan series p - p^2 + 2 p^3 - 5 p^4 + 14 p^5."""
    inverse = Polynomial([[1], [2]], [[1.0], [1.0]]).revert(6)
    wanted = [0.0] + [(-1) ** (n - 1) * math.comb(2 * n - 2, n - 1) / n for n in range(1, 7)]
    np.testing.assert_allclose(inverse.on_table(monomial_table(1, 0, 6))[:, 0], wanted, rtol=1e-13)


def test_on_table_drops_what_lies_outside():
    f = Polynomial([[0, 0], [1, 0], [0, 2], [3, 1]], [[1.0], [2.0], [3.0], [4.0]])
    assert f.on_table(monomial_table(2, 0, 2)).ravel().tolist() == [1, 2, 0, 0, 0, 3]
    assert f.on_table(monomial_table(1, 1, 4, 1)).ravel().tolist() == [1, 2, 0, 0, 0, 0, 0, 0, 4]


def test_closing_under_division_changes_no_value_and_adds_all_divisors():
    f = Polynomial([[3, 1], [0, 2]], [[2.0], [-1.0]])
    closed = f.closed_under_division()
    present = {tuple(m) for m in closed.exponents.tolist()}
    wanted = set(itertools.product(range(4), range(2))) | {(0, j) for j in range(3)}
    assert present == wanted
    z = np.random.default_rng(0).standard_normal((5, 2))
    np.testing.assert_allclose(closed(z), f(z), rtol=1e-14)
    parent, variable = closed.chains()
    for i in range(1, len(closed.exponents)):
        step = np.eye(2, dtype=int)[variable[i]]
        assert (closed.exponents[parent[i]] + step == closed.exponents[i]).all()


def test_to_sympy_leaves_out_zeros_and_keeps_every_digit():
    a, b = sp.symbols("a b")
    f = Polynomial([[0, 0], [1, 0], [1, 2]], [[0.0, 1.0], [0.1, 0.0], [-2.0, 1 / 3]])
    first, second = f.to_sympy([a, b])
    assert first.free_symbols == {a, b}
    assert sp.Poly(first, a, b).monoms() == [(1, 2), (1, 0)]
    assert sp.Poly(second, a, b).monoms() == [(1, 2), (0, 0)]
    assert float(first.coeff(a, 1).coeff(b, 0)) == 0.1
    assert float(second.coeff(a * b**2)) == 1 / 3


def test_polynomials_are_immutable_and_own_their_arrays():
    exponents, coefficients = np.array([[0], [1]]), np.array([[1.0], [2.0]])
    f = Polynomial(exponents, coefficients)
    coefficients[:] = 9.0
    assert f([1.0]).tolist() == [3.0]
    for array in (f.exponents, f.coefficients):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 5


# -- identities --------------------------------------------------------------------------------------------

seeds = st.integers(0, 10**6)


@PROFILE
@given(seeds, st.integers(1, 3), st.integers(2, 5))
def test_composition_is_associative_up_to_truncation(seed, n, order):
    rng = np.random.default_rng(seed)
    f, g, h = (random_polynomial(rng, n, n, 2, constant=False) for _ in range(3))
    left = f.compose(g, order).compose(h, order).on_table(monomial_table(n, 0, order))
    right = f.compose(g.compose(h, order), order).on_table(monomial_table(n, 0, order))
    np.testing.assert_array_equal(left, right)  # integers: no rounding


@PROFILE
@given(seeds, st.integers(1, 3), st.integers(1, 5))
def test_a_map_after_its_reversion_is_the_identity_and_the_other_way_round(seed, n, order):
    rng = np.random.default_rng(seed)
    f = random_polynomial(rng, n, n, 3, constant=False) * 0.2 + Polynomial.identity(n).transformed(
        np.eye(n) * 2 + np.triu(rng.standard_normal((n, n)), 1)
    )
    if abs(np.linalg.det(f.jacobian(np.zeros(n)))) < 0.2:
        return
    inverse = f.revert(order)
    table = monomial_table(n, 0, order)
    wanted = Polynomial.identity(n).on_table(table)
    scale = max(1.0, np.abs(inverse.coefficients).max())
    for one, other in ((f, inverse), (inverse, f)):
        np.testing.assert_allclose(one.compose(other, order).on_table(table), wanted, atol=1e-11 * scale**2)


@PROFILE
@given(seeds)
def test_chain_rule_and_evaluation_agree_with_composition(seed):
    rng = np.random.default_rng(seed)
    f, g = random_polynomial(rng, 2, 3, 2), random_polynomial(rng, 3, 2, 2)
    whole = f.compose(g, 4)  # the full degree: nothing is cut
    z = rng.standard_normal((4, 3))
    np.testing.assert_allclose(whole(z), f(g(z)), rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(whole.jacobian(z), f.jacobian(g(z)) @ g.jacobian(z), rtol=1e-9, atol=1e-8)


# -- errors ------------------------------------------------------------------------------------------------

LINE = Polynomial([[0], [1]], [[1.0], [2.0]])
PLANE = Polynomial([[1, 0], [0, 1]], [[1.0, 0.0], [0.0, 1.0]])


@pytest.mark.parametrize(
    ("call", "fragments"),
    [
        (lambda: Polynomial([[0], [1]], [[1.0]]), ["(2, 1)", "(1, 1)", "equal M"]),
        (lambda: Polynomial([0, 1], [[1.0], [1.0]]), ["(2,)", "(M, D)"]),
        (lambda: Polynomial([[1], [1]], [[1.0], [2.0]]), ["twice", "add"]),
        (lambda: LINE([1.0, 2.0]), ["(1,)", "(2,)"]),
        (lambda: PLANE(np.zeros((2, 2, 2))), ["(2, 2, 2)", "(n, 2)"]),
        (lambda: LINE + PLANE, ["1 variables", "2 variables"]),
        (lambda: LINE * PLANE, ["1 variables", "2 variables"]),
        (lambda: PLANE.compose(LINE), ["1 outputs", "2 variables"]),
        (lambda: LINE.revert(), ["constant term"]),
        (lambda: Polynomial([[1, 0]], [[1.0]]).revert(), ["square", "1 outputs"]),
        (lambda: Polynomial([[2]], [[1.0]]).revert(), ["invertible", "singular"]),
    ],
)
def test_wrong_shapes_are_named(call, fragments):
    with pytest.raises(InputError) as caught:
        call()
    for fragment in fragments:
        assert fragment in str(caught.value)
