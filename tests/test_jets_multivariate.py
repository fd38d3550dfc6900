"""Taylor jets of whole fields in several variables, parameters among them, against mpmath."""

from __future__ import annotations

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from jet_helpers import assert_close, jets_of, mp_coefficients, mp_matrix_times, one_pass, polynomial_state

from ssmsym import DataExpression, Polynomial, from_sympy, rate_network
from ssmsym.series.monomials import monomial_table
from ssmsym.series.recurrences import Composition, Input
from ssmsym.series.ring import FLOATS

t = sp.Symbol("t")
N = 3


def matrix_field(rng):
    """-x + J f(x) + (K x) o g(x) - a o x o x, f and g given by the user, and its mpmath formula."""
    x, a = sp.MatrixSymbol("x", N, 1), sp.MatrixSymbol("a", N, 1)
    J, K = sp.MatrixSymbol("J", N, N), sp.MatrixSymbol("K", N, N)
    f, g = sp.Function("f"), sp.Lambda(t, sp.sin(t) * t)
    expression = (
        -x + J * x.applyfunc(f) + sp.HadamardProduct(K * x, x.applyfunc(g)) - sp.HadamardProduct(a, x, x)
    )
    values = {J: rng.standard_normal((N, N)), K: rng.standard_normal((N, N)), a: rng.standard_normal(N)}
    field = from_sympy({x: expression}, arrays=values, functions={f: sp.Lambda(t, sp.tanh(t) / (1 + t**2))})

    def formula(v):
        fv = mp_matrix_times(values[J], [mp.tanh(e) / (1 + e**2) for e in v])
        kv = mp_matrix_times(values[K], v)
        return [
            -e + p + q * mp.sin(e) * e - mp.mpf(c) * e**2
            for e, p, q, c in zip(v, fv, kv, values[a], strict=True)
        ]

    return field, formula


def network_field(rng, form):
    J, B, b = rng.standard_normal((N, N)), rng.standard_normal((N, 2)), rng.standard_normal(N)
    field = rate_network(J, B=B, b=b, u=[0.3, -0.2], tau=0.7, gain=1.2, form=form)

    def formula(v, gain=1.2, tau=0.7, u0=0.3):
        drive = [mp.mpf(c) + w for c, w in zip(b, mp_matrix_times(B, [u0, mp.mpf(-0.2)]), strict=True)]
        if form == "state":
            return [
                (-e + p + q) / tau
                for e, p, q in zip(v, mp_matrix_times(J, [mp.tanh(gain * e) for e in v]), drive, strict=True)
            ]
        return [
            (-e + mp.tanh(gain * (p + q))) / tau
            for e, p, q in zip(v, mp_matrix_times(J, v), drive, strict=True)
        ]

    return field, formula


def random_series(rng, table, width=N, size=0.4):
    series = size * rng.standard_normal((len(table), width))
    series[0] = rng.standard_normal(width)
    return series


def test_matrix_expression_with_user_functions_in_two_variables():
    rng = np.random.default_rng(1)
    field, formula = matrix_field(rng)
    table = monomial_table(2, 0, 5)
    series = random_series(rng, table)
    wanted = mp_coefficients(lambda *z: formula(polynomial_state(series, table, z)), table, (0, 0))
    assert_close(one_pass(field, table, series), wanted, 1e-13)


@pytest.mark.parametrize("form", ["state", "rate"])
@pytest.mark.parametrize("limits", [(4, 4), (4, 1), (3, 2)])
def test_gain_time_constant_and_input_as_coordinates(form, limits):
    rng = np.random.default_rng(2)
    field, formula = network_field(rng, form)
    table = monomial_table(1, 3, *limits)
    series = random_series(rng, table)
    active = {
        "g": (np.array([1.2]), [1]),
        "tau": (np.array([0.7]), [2]),
        "u": (np.array([0.3, -0.2]), [3, None]),
    }

    def along(p, g, tau, u0):
        return formula(
            polynomial_state(series, table, (p, g, tau, u0)),
            mp.mpf(1.2) + g,
            mp.mpf(0.7) + tau,
            mp.mpf(0.3) + u0,
        )

    found = one_pass(field, table, series, active)
    for i, m in enumerate(table.exponents.tolist()):
        unit = i % N
        derivative = mp.diff(lambda *z, unit=unit: along(*z)[unit], (0, 0, 0, 0), tuple(m))
        wanted = float(derivative / math.prod(math.factorial(k) for k in m))
        assert found[i, unit] == pytest.approx(wanted, rel=1e-11, abs=1e-12 * np.abs(found).max())


@pytest.mark.parametrize("make", ["matrix", "state", "rate", "state with parameters", "blocks", "linear use"])
def test_two_passes_completed_by_the_jacobian_equal_one_pass(make):
    rng = np.random.default_rng(3)
    active = None
    if make == "matrix":
        field, _ = matrix_field(rng)
    elif make == "linear use":  # functions that appear in their own derivative and in no product
        x = sp.MatrixSymbol("x", N, 1)
        field = from_sympy({x: -x + x.applyfunc(sp.exp) + x.applyfunc(sp.sin) - x.applyfunc(sp.erf)})
    elif make == "blocks":
        x, s = sp.MatrixSymbol("x", 2, 1), sp.Symbol("s")
        right = -s + sp.tanh(x[0, 0]) * x[1, 0] + s**3
        field = from_sympy({x: -x + s * sp.HadamardPower(x, 2).applyfunc(sp.exp), s: right})
    else:
        field, _ = network_field(rng, make.split()[0])
    if "parameters" in make:
        active = {"tau": (np.array([0.7]), [2]), "g": (np.array([1.2]), [3])}
    table = monomial_table(2, 2, 5, 3) if active else monomial_table(2, 0, 6)
    series = random_series(rng, table, size=0.2)
    whole = one_pass(field, table, series, active)
    jets, A = jets_of(field, table, series[0], active), field.jacobian(series[0])
    for degree in range(1, table.order + 1):
        here = table.degree_slice(degree)
        lower = jets.advance(degree)
        np.testing.assert_allclose(lower + series[here] @ A.T, whole[here], atol=1e-12 * np.abs(whole).max())
        jets.correct(degree, field.split(series[here]))


def test_without_the_state_s_part_the_first_degree_is_the_parameter_s_alone():
    field, _ = network_field(np.random.default_rng(4), "state")
    table, x0 = monomial_table(1, 1, 2), np.array([0.3, -0.1, 0.5])
    first = jets_of(field, table, x0, {"tau": (np.array([0.7]), [1])}).advance(1)
    np.testing.assert_allclose(first, [np.zeros(3), -field(x0) / 0.7], atol=1e-14)


# -- polynomials as data -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "exponents", [[[0, 0, 0], [2, 1, 0], [0, 0, 3], [1, 0, 0]], [[0, 2, 2], [1, 1, 1]], [[0, 0, 0]]]
)
def test_polynomial_as_data_composed_with_a_series(exponents):
    rng = np.random.default_rng(5)
    polynomial = Polynomial(exponents, rng.integers(-4, 5, (len(exponents), 2)).astype(float))
    x, mu = sp.MatrixSymbol("x", 2, 1), sp.Symbol("mu")
    field = from_sympy({x: DataExpression("P", 2, x, mu)}, parameters={mu: 2.0}, data={"P": polynomial})
    table = monomial_table(1, 1, 5)
    series = rng.integers(-3, 4, (len(table), 2)).astype(float)
    found = one_pass(field, table, series, {"mu": (np.array([2.0]), [1])})
    p, m = sp.symbols("p m")
    state = [
        sum(int(c) * p**i * m**j for c, (i, j) in zip(col, table.exponents.tolist(), strict=True))
        for col in series.T
    ]
    inputs = [*state, 2 + m]
    for output in range(2):
        terms = [
            int(polynomial.coefficients[k, output])
            * sp.prod([v ** int(e) for v, e in zip(inputs, row, strict=True)])
            for k, row in enumerate(polynomial.exponents)
        ]
        wanted = sp.Poly(sum(terms), p, m).as_dict()
        for i, monomial in enumerate(table.exponents.tolist()):
            assert found[i, output] == float(wanted.get(tuple(monomial), 0))


def test_polynomial_as_data_inside_an_expression_in_two_passes():
    rng = np.random.default_rng(6)
    rows = [m for m in itertools.product(range(4), repeat=2) if sum(m) <= 3]
    polynomial = Polynomial(rows, rng.standard_normal((len(rows), 2)))
    x, K = sp.MatrixSymbol("x", 2, 1), sp.MatrixSymbol("K", 2, 2)
    expression = -x + K * DataExpression("P", 2, x.applyfunc(sp.tanh)).applyfunc(sp.sin)
    weights = rng.standard_normal((2, 2))
    field = from_sympy({x: expression}, arrays={K: weights}, data={"P": polynomial})
    table = monomial_table(2, 0, 4)
    series = random_series(rng, table, 2)

    def formula(*z):
        v = polynomial_state(series, table, z)
        image = polynomial_state(polynomial.coefficients, polynomial, [mp.tanh(e) for e in v])
        return [q - e for q, e in zip(mp_matrix_times(weights, [mp.sin(e) for e in image]), v, strict=True)]

    wanted = mp_coefficients(formula, table, (0, 0))
    assert_close(one_pass(field, table, series), wanted, 1e-12)
    jets, A = jets_of(field, table, series[0]), field.jacobian(series[0])
    for degree in range(1, 5):
        here = table.degree_slice(degree)
        assert_close(jets.advance(degree) + series[here] @ A.T, wanted[here], 1e-12)
        jets.correct(degree, field.split(series[here]))


def test_composition_by_derivatives_in_two_variables():
    table, rng = monomial_table(2, 0, 6), np.random.default_rng(0)
    series = 0.2 * rng.standard_normal((len(table), 1))
    series[0] = 1.7
    derivatives = [float(c) for c in mp.taylor(mp.gamma, 1.7, 6)]
    inner = Input(table, FLOATS, series[0])
    outer = Composition(
        table, FLOATS, np.array(derivatives[:1]), inner, lambda n: np.array(derivatives[n : n + 1])
    )
    outer.keep()
    for degree in range(1, 7):
        inner.feed(degree, series[table.degree_slice(degree)])
        outer.advance(degree)
    wanted = mp_coefficients(lambda *z: [mp.gamma(*polynomial_state(series, table, z))], table, (0, 0))
    assert_close(outer.series, wanted, 1e-12)
