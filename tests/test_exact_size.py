"""Exact expansions that would not end are refused by an estimate."""

import pytest
import sympy
from sympy import tanh

import ssmsym
from ssmsym.manifolds.exact_size import TermBudget, term_count

x, y, z = sympy.symbols("x y z")
w = sympy.symbols("w0:25")


def triangular():
    right = {
        x: -x + w[0] * tanh(x) + w[1] * tanh(y) + w[2] * tanh(z),
        y: -y + w[3] * tanh(y) + w[4] * tanh(z),
        z: -z + w[5] * tanh(z),
    }
    return ssmsym.from_sympy(right, parameters=w[:6])


def refused(field, **arguments):
    with pytest.raises(ssmsym.InputError) as caught:
        ssmsym.compute_exact_ssm(field, **arguments)
    return str(caught.value)


def test_growth_from_degree_to_degree_is_foreseen():
    text = refused(triangular(), modes=[w[5] - 1], order=15)
    assert text.startswith("Degree ")
    assert "(limit 5e3)" in text
    for remedy in ("lower 'order'", "'values'", "raise 'max_terms'"):
        assert remedy in text


def test_the_same_network_with_numbers_or_a_lower_order_is_computed():
    exact = ssmsym.compute_exact_ssm(triangular(), modes=[w[5] - 1], order=3)
    assert sympy.simplify(exact.equations[sympy.Symbol("p")].coeff(sympy.Symbol("p"), 1) - w[5] + 1) == 0
    numbers = {"w0": sympy.Rational(1, 2), "w1": 2, "w2": -1, "w3": sympy.Rational(1, 3), "w4": 1}
    exact = ssmsym.compute_exact_ssm(triangular(), modes=[w[5] - 1], order=9, values=numbers)
    assert exact.order == 9


def test_limit_is_the_callers():
    text = refused(triangular(), modes=[w[5] - 1], order=5, max_terms=100)
    assert "(limit 100)" in text
    with pytest.raises(ssmsym.InputError, match="'max_terms' must be an integer of at least 1; found 0"):
        ssmsym.compute_exact_ssm(triangular(), modes=[w[5] - 1], order=3, max_terms=0)


def test_one_degree_that_explodes_at_once():
    # (sum of 12 symbols times x)^8 holds comb(19, 8) = 75582 terms, without a lower degree that shows it
    names = sympy.symbols("c0:12")
    field = ssmsym.from_sympy({x: -x, y: -20 * y + (sum(names) * x + z) ** 8, z: -5 * z}, parameters=names)
    assert "Degree 8 would hold about" in refused(field, modes=[-1], order=8)


def test_long_characteristic_polynomial():
    X = sympy.MatrixSymbol("X", 5, 1)
    field = ssmsym.from_sympy({X: -X + sympy.Matrix(5, 5, w) * X.applyfunc(tanh)}, parameters=w)
    text = refused(field, modes=[-1], order=3, max_terms=2000)
    assert "characteristic polynomial holds" in text
    assert "(limit 500, a fourth of 'max_terms')" in text


def test_estimate_follows_a_power_law():
    # a polynomial in 6 symbols of degree 2 k has comb(2 k + 6, 6) terms
    import math

    import numpy as np

    ring = sympy.ZZ.frac_field(*sympy.symbols("a0:6"))
    sizes = {k: math.comb(2 * k + 6, 6) for k in range(2, 9)}
    element = (sum(ring.gens) + 1) ** 4
    assert term_count(element) == sizes[2] + 1  # the denominator is 1
    budget = TermBudget(sizes[8] * 2, 8)
    budget.end(2, np.array([element]))
    budget.end(3, np.array([(sum(ring.gens) + 1) ** 6]))
    short = TermBudget(sizes[8] // 3, 8)
    short.end(2, np.array([element]))
    with pytest.raises(ssmsym.InputError, match=r"Degree [78] would hold about"):
        short.end(3, np.array([(sum(ring.gens) + 1) ** 6]))
