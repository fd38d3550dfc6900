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


def test_irrational_number_beside_a_symbol_splits_the_characteristic_polynomial():
    # A = [[1, r], [r, 0]] with r = sqrt(2): eigenvalues 2 and -1; left vector of -1 is (1, -r)/3
    field = ssmsym.from_sympy({x: x + sqrt(2) * y, y: sqrt(2) * x + a * x**2}, parameters=[a])
    exact = ssmsym.compute_exact_ssm(field, modes=[-1], order=2)
    assert exact.eigenvalues == (-1,)
    assert same(exact.states[1].coeff(p, 1), -sqrt(2))
    assert same(exact.equations[p], -p - sqrt(2) * a * p**2 / 3)


def test_fixed_point_with_a_radical_of_a_parameter():
    # at sqrt(mu): q' = -2 mu q - 3 sqrt(mu) q^2 - q^3 for x = sqrt(mu) + q, whatever y does
    field = ssmsym.from_sympy({x: mu * x - x**3, y: -y + x**2}, parameters=[mu])
    exact = ssmsym.compute_exact_ssm(field, [sqrt(mu), mu], modes=[-2 * mu], order=4)
    assert same(exact.equations[p], -2 * mu * p - 3 * sqrt(mu) * p**2 - p**3)
    slope = 2 * sqrt(mu) / (1 - 2 * mu)
    assert same(exact.states[1].coeff(p, 1), slope)
    assert same(exact.states[1].coeff(p, 2), (1 + 3 * sqrt(mu) * slope) / (1 - 4 * mu))


def test_radical_point_keeps_its_parameter_as_coordinate():
    field = ssmsym.from_sympy({x: mu - x**2, y: -y + x**2}, parameters=[mu])
    exact = ssmsym.compute_exact_ssm(field, [sqrt(mu), mu], modes=[-2 * sqrt(mu)], order=2, parameters=["mu"])
    offset = sympy.Symbol("delta_mu")
    assert same(exact.equations[p], offset - 2 * sqrt(mu) * p - p**2)


@pytest.mark.parametrize(
    ("modes", "dimension"),
    [
        ([Rational(-11, 2) + sqrt(1201) / 2], 1),
        ([Rational(-11, 2) + sqrt(1201) / 2, Rational(-8, 3)], 2),
        ([Rational(-11, 2) - sqrt(1201) / 2, Rational(-11, 2) + sqrt(1201) / 2], 2),
    ],
)
def test_irrational_eigenvalue_stands_for_itself_only(modes, dimension):
    field = ssmsym.from_sympy({x: 10 * (y - x), y: 28 * x - y - x * z, z: x * y - Rational(8, 3) * z})
    exact = ssmsym.compute_exact_ssm(field, modes=modes, order=2)
    assert exact.right.shape == (3, dimension)
    assert sorted(map(complex, exact.eigenvalues), key=abs) == pytest.approx(
        sorted(map(complex, modes), key=abs)
    )


def test_eigenvalue_with_a_root_of_positive_symbols_is_adjoined():
    # x' = y, y' = c x + x^3: unstable direction (1, sqrt(c)); p' = sqrt(c) p + p^3 / (2 sqrt(c))
    c = sympy.Symbol("c", positive=True)
    field = ssmsym.from_sympy({x: y, y: c * x + x**3}, parameters=[c])
    exact = ssmsym.compute_exact_ssm(field, modes=[sqrt(sympy.Symbol("c"))], order=3)
    assert same(exact.equations[p], sqrt(c) * p + p**3 / (2 * sqrt(c)))


def test_cubic_number_field():
    # lambda^3 = 3 lambda - 1 has the roots 2 cos(2 pi k / 9), k = 1, 2, 4
    field = ssmsym.from_sympy({x: y, y: z, z: 3 * y - x + x**2})
    by_count = ssmsym.compute_exact_ssm(field, modes=1, order=3)
    by_value = ssmsym.compute_exact_ssm(field, modes=[2 * sympy.cos(2 * sympy.pi / 9)], order=3)
    assert by_count.right.shape == by_value.right.shape == (3, 1)
    assert float(by_count.eigenvalues[0]) == pytest.approx(2 * np.cos(2 * np.pi / 9))
    ssm = ssmsym.compute_ssm(field, np.zeros(3), modes=1, order=3)
    assert_float_path_agrees(field, by_count, ssm, {})
    assert_float_path_agrees(field, by_value, ssm, {})


def test_whole_quintic_factor():
    states = sympy.symbols("x0:5")
    right = [*states[1:], -states[0] + states[1] + states[0] ** 2]
    field = ssmsym.from_sympy(dict(zip(states, right, strict=True)))
    exact = ssmsym.compute_exact_ssm(field, modes=5, order=2)
    assert all(same(exact.states[i], exact.symbols[i]) for i in range(5))
    assert sum(map(complex, exact.eigenvalues)) == pytest.approx(0, abs=1e-12)


def test_float_state_counts_as_rational():
    field = ssmsym.from_sympy({x: x - x**3, y: -3 * y + x - 1})
    exact = ssmsym.compute_exact_ssm(field, [1.0, 0.0], modes=[-2.0], order=3)
    assert exact.state == (1, 0)
    assert same(exact.equations[p], -2 * p - 3 * p**2 - p**3)
    assert not exact.states[1].atoms(sympy.Float)


def test_symbols_are_known_by_their_names():
    # x' = (-x + tanh(x) / 2) / tau, tau > 0: p' = -p / (2 tau) - p^3 / (6 tau)
    net = ssmsym.rate_network(np.array([[0.5]]), activation="tanh")
    tau = sympy.Symbol("tau")
    exact = ssmsym.compute_exact_ssm(net, modes=[-1 / (2 * tau)], order=3)
    _, R = exact.numeric({"tau": 0.1})
    np.testing.assert_allclose(R.coefficients.ravel(), [0, -5, 0, -5 / 3], rtol=1e-14)
    _, same_R = exact.numeric({tau: 0.1})
    np.testing.assert_array_equal(same_R.coefficients, R.coefficients)
    fixed = ssmsym.compute_exact_ssm(net, modes=[-1 / (2 * tau)], order=3, values={"tau": Rational(1, 10)})
    assert fixed.eigenvalues == (-5,)


def test_sine_and_cosine_of_one_symbol_are_dependent():
    # x' = sin(s) - sin(x) about s: p' = -cos(s) p + sin(s) p^2 / 2 + cos(s) p^3 / 6
    field = ssmsym.from_sympy({x: b - sympy.sin(x), y: -y + x - s}, parameters=[b, s])
    exact = ssmsym.compute_exact_ssm(
        field, [s, 0], modes=[-sympy.cos(s)], order=3, values={"b": sympy.sin(s)}
    )
    wanted = -sympy.cos(s) * p + sympy.sin(s) * p**2 / 2 + sympy.cos(s) * p**3 / 6
    assert same(exact.equations[p], wanted)
