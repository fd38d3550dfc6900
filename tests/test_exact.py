"""Exact coefficients: closed forms with free symbols, and agreement with the float path."""

import numpy as np
import pytest
import sympy
from hypothesis import given, settings, strategies as st
from sympy import I, Rational, sqrt, tanh

import ssmsym

x, y, z = sympy.symbols("x y z")
a, b, beta, mu, lam, w, h, s = sympy.symbols("a b beta mu lambda w h s")
p = sympy.Symbol("p")


def same(found, wanted):
    return sympy.simplify(found - wanted) == 0


def test_haller_ponsioen_coefficients_are_algebraic_numbers():
    field = ssmsym.from_sympy({x: -x, y: -sqrt(24) * y + x**2 + x**3 + x**4 + x**5})
    exact = ssmsym.compute_exact_ssm(field, modes=1, order=8)
    wanted = sum(p**k / (sqrt(24) - k) for k in range(2, 6))
    assert same(exact.states[1], wanted)
    assert exact.states[0] == p


def test_parabola_with_free_rate():
    field = ssmsym.from_sympy({x: -x, y: -beta * y + x**2}, parameters=[beta])
    exact = ssmsym.compute_exact_ssm(field, modes=[-1], order=4)
    assert exact.states == (p, p**2 / (beta - 2))
    assert r"\frac{p^{2}}{\beta - 2}" in exact.latex()


def test_parabola_at_its_resonance_is_refused():
    field = ssmsym.from_sympy({x: -x, y: -beta * y + x**2}, parameters=[beta])
    with pytest.raises(ssmsym.ResonanceError, match="degree 2"):
        ssmsym.compute_exact_ssm(field, modes=[-1], order=3, values={"beta": 2})


def test_global_parabola_in_closed_form():
    field = ssmsym.from_sympy({x: mu * x, y: lam * (y - x**2)}, parameters=[mu, lam])
    exact = ssmsym.compute_exact_ssm(field, modes=[mu], order=6)
    assert same(exact.states[1], lam / (lam - 2 * mu) * p**2)
    assert exact.equations == {p: mu * p}


@pytest.mark.parametrize("n", [2, 3])
def test_rank_one_network_in_closed_form(n):
    X = sympy.MatrixSymbol("X", n, 1)
    m, nn = sympy.symbols(f"m1:{n + 1}"), sympy.symbols(f"n1:{n + 1}")
    right = -X + sympy.Matrix(m) * sympy.Matrix(nn).T * X.applyfunc(tanh) / n
    field = ssmsym.from_sympy({X: right}, parameters=[*m, *nn])
    eigenvalue = -1 + sum(i * j for i, j in zip(m, nn, strict=True)) / sympy.Integer(n)
    exact = ssmsym.compute_exact_ssm(field, modes=[eigenvalue], order=5)
    for state, weight in zip(exact.states, m, strict=True):
        assert same(state, p * weight / m[0])  # flat: x = m kappa with p = m1 kappa
    kappa = p / m[0]
    terms = {1: 1, 3: Rational(-1, 3), 5: Rational(2, 15)}
    moments = {k: sum(j * i**k for i, j in zip(m, nn, strict=True)) for k in terms}
    wanted = -kappa + sum(c * moments[k] * kappa**k for k, c in terms.items()) / n
    assert same(exact.equations[p], m[0] * wanted)
    assert r"m_{1}^{2}" in exact.latex()


def test_one_unit_pitchfork_in_closed_form():
    field = ssmsym.from_sympy({x: -x + w * tanh(x) + h}, parameters=[w, h])
    exact = ssmsym.compute_exact_ssm(
        field, modes=[w - 1], order=5, parameters=["h"], parameter_order=1, values={"h": 0}
    )
    wanted = sympy.Symbol("delta_h") + (w - 1) * p - w * p**3 / 3 + 2 * w * p**5 / 15
    assert same(exact.equations[p], wanted)


def test_one_unit_fold_in_closed_form():
    field = ssmsym.from_sympy({x: -x + w * tanh(x) + h}, parameters=[w, h])
    weight = 1 / (1 - s**2)
    fold = sympy.atanh(s) - weight * s  # h = -(w s - artanh s) with s = sqrt(1 - 1/w)
    exact = ssmsym.compute_exact_ssm(
        field,
        [sympy.atanh(s)],
        modes=[0],
        order=3,
        parameters=["h"],
        values={"w": weight, "h": fold},
    )
    wanted = sympy.Symbol("delta_h") - s * p**2 + (3 * s**2 - 1) * p**3 / 3
    assert same(exact.equations[p], wanted)


def test_wrong_fixed_point_is_named():
    field = ssmsym.from_sympy({x: -x + w * tanh(x) + h}, parameters=[w, h])
    with pytest.raises(ssmsym.InputError, match="component 0 of f is h"):
        ssmsym.compute_exact_ssm(field, modes=[w - 1], order=3)


def test_unknown_eigenvalue_is_named():
    field = ssmsym.from_sympy({x: -x, y: -beta * y + x**2}, parameters=[beta])
    with pytest.raises(ssmsym.SubspaceError, match=r"'-3' is no eigenvalue .* -beta"):
        ssmsym.compute_exact_ssm(field, modes=[-3], order=3)
    with pytest.raises(ssmsym.InputError, match="holds free symbols"):
        ssmsym.compute_exact_ssm(field, modes=1, order=3)


def test_two_tanh_units_keep_their_rotation():
    X = sympy.MatrixSymbol("X", 2, 1)
    field = ssmsym.from_sympy(
        {X: -X + sympy.Matrix([[a, -b], [b, a]]) * X.applyfunc(tanh)}, parameters=[a, b]
    )
    exact = ssmsym.compute_exact_ssm(field, modes=[a - 1 + I * b], order=3)
    p1, p2 = exact.symbols
    assert same(exact.equations[p1], (a - 1) * p1 - b * p2 - a * p1**3 / 3 + b * p2**3 / 3)
    assert same(exact.equations[p2], b * p1 + (a - 1) * p2 - b * p1**3 / 3 - a * p2**3 / 3)


def test_lorenz_over_an_algebraic_number_field():
    field = ssmsym.from_sympy({x: 10 * (y - x), y: 28 * x - y - x * z, z: x * y - Rational(8, 3) * z})
    exact = ssmsym.compute_exact_ssm(field, modes=1, order=3)
    assert same(exact.eigenvalues[0], (-11 + sqrt(1201)) / 2)
    v = exact.right[:, 0]
    wanted = v[0] * v[1] / (2 * exact.eigenvalues[0] + Rational(8, 3))
    assert same(exact.parametrization.coefficients[2, 2], wanted)


def assert_float_path_agrees(field, exact, ssm, values):
    W, R = exact.numeric(values, right=ssm.right)
    for found, wanted in ((ssm.parametrization, W), (ssm.reduced_dynamics, R)):
        np.testing.assert_array_equal(found.exponents, wanted.exponents)
        degrees = found.exponents.sum(axis=1)
        for degree in range(1, ssm.order + 1):
            here = degrees == degree
            scale = np.abs(wanted.coefficients[here]).max()
            error = np.abs(found.coefficients[here] - wanted.coefficients[here]).max()
            assert error <= 1e-10 * scale + 1e-14, degree


def test_float_path_agrees_on_the_rank_one_network():
    X = sympy.MatrixSymbol("X", 3, 1)
    m, nn = sympy.symbols("m1:4"), sympy.symbols("n1:4")
    values = dict(zip((*m, *nn), (0.9, -1.3, 0.4, 1.1, -0.7, 0.6), strict=True))
    right = -X + sympy.Matrix(m) * sympy.Matrix(nn).T * X.applyfunc(tanh) / 3
    field = ssmsym.from_sympy({X: right}, parameters=values)
    eigenvalue = -1 + sum(i * j for i, j in zip(m, nn, strict=True)) / sympy.Integer(3)
    exact = ssmsym.compute_exact_ssm(field, modes=[eigenvalue], order=5)
    ssm = ssmsym.compute_ssm(field, np.zeros(3), modes=1, order=5)
    assert_float_path_agrees(field, exact, ssm, values)


small = st.fractions(min_value=-2, max_value=2, max_denominator=4)


@settings(max_examples=15)
@given(st.lists(small, min_size=9, max_size=9), st.sampled_from([1, 2]))
def test_float_path_agrees_on_random_small_fields(numbers, modes):
    q = [Rational(n.numerator, n.denominator) for n in numbers]
    slow, fast = Rational(-1, 3), Rational(-9, 7)
    third = Rational(-5, 2)
    field = ssmsym.from_sympy(
        {
            x: slow * x + q[0] * x * y + q[1] * z**2 + q[2] * x**3,
            y: fast * y + q[3] * x**2 + q[4] * x * z + q[5] * tanh(x) ** 2,
            z: third * z + q[6] * x**2 + q[7] * x * y + mu * q[8],
        },
        parameters={mu: 0.0},
    )
    eigenvalues = [slow, fast][:modes]
    keep = {"parameters": ["mu"], "parameter_order": 2}
    exact = ssmsym.compute_exact_ssm(field, modes=eigenvalues, order=4, values={"mu": 0}, **keep)
    ssm = ssmsym.compute_ssm(field, np.zeros(3), modes=modes, order=4, **keep)
    assert_float_path_agrees(field, exact, ssm, {})
