"""Exact SSMs of small networks with symbols for weights, biases and values of tanh."""

import numpy as np
import pytest
import sympy
from sympy import I, Rational, cos, pi, sqrt, tanh

import ssmsym

a, b, s, t = sympy.symbols("a b s t")
J0, J2 = sympy.symbols("J0 J2")
p = sympy.Symbol("p")
z, zbar = sympy.symbols("z zbar")
TANH = {1: Rational(1), 3: Rational(-1, 3), 5: Rational(2, 15), 7: Rational(-17, 315), 9: Rational(62, 2835)}


def same(found, wanted):
    return sympy.simplify(found - wanted) == 0


def two_units(time="continuous"):
    X = sympy.MatrixSymbol("X", 2, 1)
    right = sympy.Matrix([[a, -b], [b, a]]) * X.applyfunc(tanh)
    return ssmsym.from_sympy({X: right - X if time == "continuous" else right}, parameters=[a, b], time=time)


# tanh(u) + i tanh(v) for u + i v = z: with u = (z + zbar)/2 and v = (z - zbar)/(2 i)
SPIRAL = {1: z, 3: -(z**2 * zbar) / 4 - zbar**3 / 12}


def test_two_tanh_units_in_complex_form():
    form = ssmsym.compute_exact_ssm(two_units(), modes=[a - 1 + I * b], order=3).complex_form()
    assert same(form.equation, -z + (a + I * b) * (SPIRAL[1] + SPIRAL[3]))
    assert form.eigenvalue == a - 1 + I * b
    assert same(form.coefficient(2, 1), -(a + I * b) / 4)
    assert form.coefficient(7, 0) == 0
    p1, p2 = sympy.symbols("p1 p2")
    assert same(form.coordinate, p1 + I * p2)
    assert [same(e, w) for e, w in zip(form.eigenvector, (Rational(1, 2), -I / 2), strict=True)] == [True] * 2
    assert form.norm == Rational(1, 2)
    assert r"\dot{z} = " in form.latex()
    assert r"\bar{z}" in form.latex()


def test_two_tanh_units_as_a_map_in_complex_form():
    form = ssmsym.compute_exact_ssm(two_units("discrete"), modes=[a + I * b], order=3).complex_form()
    assert same(form.equation, (a + I * b) * (SPIRAL[1] + SPIRAL[3]))
    assert r"z \mapsto " in form.latex()
    assert "z ->" in repr(form)


def test_complex_form_is_conjugate_to_the_real_one():
    # a pair that is no rotation, with a slaved state: z(p(t)) must move as the complex form says
    x, y, w = sympy.symbols("x y w")
    field = ssmsym.from_sympy(
        {x: y + x * w, y: -2 * x - a * y + x**2, w: -b * w + x * y + y**2}, parameters=[a, b]
    )
    root = sqrt(8 - a**2)
    ssm = ssmsym.compute_exact_ssm(field, modes=[(-a + I * root) / 2], order=4)
    form = ssm.complex_form()
    at = {a: Rational(1, 3), b: Rational(7, 2)}
    point = dict(zip(ssm.symbols, (Rational(1, 5), Rational(-2, 7)), strict=True))
    moved = {q: sympy.N(e.subs(at).subs(point), 40) for q, e in ssm.equations.items()}
    value = sympy.N(form.coordinate.subs(at).subs(point), 40)
    speed = sympy.N(form.coordinate.subs(at).subs(moved), 40)  # linear in p1, p2
    found = form.equation.subs(at).subs({z: value, zbar: sympy.conjugate(value)})
    assert abs(sympy.N(found - speed, 30)) < 1e-25
    q = [sympy.N(e.subs(at), 40) for e in form.eigenvector]
    assert abs(sum(abs(e) ** 2 for e in q) - sympy.N(form.norm.subs(at), 40)) < 1e-30
    A = sympy.Matrix([[0, 1, 0], [-2, -at[a], 0], [0, 0, -at[b]]])
    rest = A * sympy.Matrix(q) - form.eigenvalue.subs(at) * sympy.Matrix(q)
    assert max(abs(complex(sympy.N(e))) for e in rest) < 1e-14


def test_complex_form_needs_one_complex_pair():
    x, y = sympy.symbols("x y")
    real = ssmsym.from_sympy({x: -x, y: -3 * y + x**2})
    for modes, match in ((1, "this manifold has 1"), (2, "real, not a complex pair")):
        with pytest.raises(ssmsym.InputError, match=match):
            ssmsym.compute_exact_ssm(real, modes=modes, order=2).complex_form()


def ring(n):
    X = sympy.MatrixSymbol("X", n, 1)
    J = sympy.Matrix(n, n, lambda i, j: (J0 + J2 * cos(2 * pi * (i - j) / n)) / n)
    return ssmsym.from_sympy({X: -X + J * X.applyfunc(tanh)}, parameters=[J0, J2])


def breaking_term(n):
    """Coefficient of the first term of z' that breaks the circle, by hand.

    J maps the Fourier modes +-1 to J2/2 of themselves, mode 0 to J0 and all others to 0. Even n: that of
    zbar^(n-1) in tanh. Odd n: of zbar^(2n-1), directly and through mode 0, which holds
    w = J0 t_n (z^n + zbar^n) / (n lambda + 1 - J0).
    """
    if n % 2 == 0:
        return J2 / 2 * TANH[n - 1]
    slaved = J0 * TANH[n] / (n * (J2 / 2 - 1) + 1 - J0)
    return J2 / 2 * (TANH[2 * n - 1] + n * TANH[n] * slaved)


@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_ring_is_equivariant_up_to_its_breaking_term(n):
    degree = n - 1 if n % 2 == 0 else 2 * n - 1
    exact = ssmsym.compute_exact_ssm(ring(n), modes=[J2 / 2 - 1], order=degree)
    assert exact.right.shape == (n, 2)
    assert all(same(v, J2 / 2 - 1) for v in exact.eigenvalues)
    # x_j = z w^j + zbar w^-j, and p1, p2 are x_0, x_1
    at = {J0: Rational(1, 3), J2: Rational(7, 5)}
    with_numbers = [sympy.N(e.subs(at), 40) for e in exact.equations.values()]
    wave = sympy.N(sympy.exp(2 * pi * I / n), 40)
    into = dict(zip(exact.symbols, (z + zbar, wave * z + zbar / wave), strict=True))
    first, second = (sympy.Poly(sympy.expand(e.subs(into)), z, zbar) for e in with_numbers)
    speed = (second - first * (1 / wave)) * (1 / (wave - 1 / wave))
    terms = {powers: complex(c) for powers, c in speed.terms()}
    assert abs(terms[1, 0] - complex((J2 / 2 - 1).subs(at))) < 1e-14
    cubic = terms[2, 1]  # J2/2 times -1/3 times 3
    assert abs(cubic + 0.7) < 1e-14
    broken = {powers: c for powers, c in terms.items() if powers[0] - powers[1] != 1 and abs(c) > 1e-14}
    assert set(broken) == {(0, degree)}
    assert broken[0, degree] == pytest.approx(complex(breaking_term(n).subs(at)), rel=1e-13)


def test_ring_of_three_units_in_the_symbols():
    # p1, p2, -(p1 + p2) in place of x: the cubic by hand, -J2/2 of tanh's projection on mode 1
    exact = ssmsym.compute_exact_ssm(ring(3), modes=[J2 / 2 - 1], order=3)
    p1, p2 = exact.symbols
    states = (p1, p2, -p1 - p2)
    for i, equation in enumerate(exact.equations.values()):
        projected = sum(Rational(2, 3) * cos(2 * pi * (i - j) / 3) * x**3 for j, x in enumerate(states))
        assert same(equation, (J2 / 2 - 1) * states[i] - J2 / 6 * projected)


W = sympy.symbols("w_ee w_ei w_ie w_ii")
U, V, TAU = sympy.symbols("theta_e theta_i tau")


def excitatory_inhibitory():
    e, i = sympy.symbols("e i")
    w_ee, w_ei, w_ie, w_ii = W
    return ssmsym.from_sympy(
        {e: -e + w_ee * tanh(e) - w_ei * tanh(i) + U, i: (-i + w_ie * tanh(e) - w_ii * tanh(i) + V) / TAU},
        parameters=[*W, U, V, TAU],
    )


def test_excitatory_inhibitory_pair_at_the_origin():
    w_ee, w_ei, w_ie, w_ii = W
    trace, gap = w_ee - 1 - (w_ii + 1) / TAU, w_ee - 1 + (w_ii + 1) / TAU
    pair = trace / 2 + I * sqrt(w_ei * w_ie / TAU - gap**2 / 4)
    exact = ssmsym.compute_exact_ssm(
        excitatory_inhibitory(), modes=[pair], order=5, values={"theta_e": 0, "theta_i": 0}
    )
    p1, p2 = exact.symbols  # the manifold is the plane
    series = [sum(c * q**k for k, c in TANH.items() if k < 6) for q in (p1, p2)]
    assert same(exact.equations[p1], -p1 + w_ee * series[0] - w_ei * series[1])
    assert same(exact.equations[p2], (-p2 + w_ie * series[0] - w_ii * series[1]) / TAU)


def test_excitatory_inhibitory_network_at_a_symbolic_point():
    # tanh(e*) = s, tanh(i*) = t as symbols; w_ei = 0 makes the slow manifold of -1 + w_ee (1 - s^2) closed
    w_ee, _, w_ie, w_ii = W
    point = [sympy.atanh(s), sympy.atanh(t)]
    biases = {
        "theta_e": point[0] - w_ee * s,
        "theta_i": point[1] - w_ie * s + w_ii * t,
        "w_ei": 0,
        "tau": 1,
    }
    rate = w_ee * (1 - s**2) - 1
    exact = ssmsym.compute_exact_ssm(excitatory_inhibitory(), point, modes=[rate], order=2, values=biases)
    assert same(exact.equations[p], rate * p - w_ee * s * (1 - s**2) * p**2)
    # i - i* = c1 p + c2 p^2 put in by hand
    gain_s, gain_t = 1 - s**2, 1 - t**2
    other = -1 - w_ii * gain_t
    c1 = w_ie * gain_s / (rate - other)
    assert same(exact.states[1].coeff(p, 1), c1)
    quadratic = -w_ie * s * gain_s + w_ii * t * gain_t * c1**2 + c1 * w_ee * s * gain_s
    assert same(exact.states[1].coeff(p, 2), quadratic / (2 * rate - other))


def test_symbolic_point_against_floats():
    w_ee, w_ei, w_ie, w_ii = W
    point = [sympy.atanh(s), sympy.atanh(t)]
    biases = {
        "theta_e": point[0] - w_ee * s + w_ei * t,
        "theta_i": point[1] - w_ie * s + w_ii * t,
        "tau": 2,
        "w_ei": 1,
        "w_ii": Rational(1, 2),
    }
    f11, f12 = w_ee * (1 - s**2) - 1, -(1 - t**2)
    f21, f22 = w_ie * (1 - s**2) / 2, (-1 - (1 - t**2) / 2) / 2
    real, square = (f11 + f22) / 2, (f11 - f22) ** 2 / 4 + f12 * f21
    exact = ssmsym.compute_exact_ssm(
        excitatory_inhibitory(), point, modes=[real + I * sqrt(-square)], order=3, values=biases
    )
    numbers = {"s": 0.3, "t": -0.2, "w_ee": 1.5, "w_ie": 2.25}
    _, R = exact.numeric(numbers)
    settings = {
        name: float(sympy.sympify(e).subs({**numbers, "w_ei": 1, "w_ii": 0.5})) for name, e in biases.items()
    }
    free = {k: v for k, v in numbers.items() if k.startswith("w")}
    field = excitatory_inhibitory().at({**settings, **free})
    state = np.arctanh([0.3, -0.2])
    for q in np.random.default_rng(0).normal(size=(5, 2)) * 1e-3:  # the manifold is the plane, p = x - x*
        assert np.linalg.norm(R(q) - field(state + q)) < 20 * np.linalg.norm(q) ** 4
    np.testing.assert_allclose(R.jacobian([0.0, 0.0]), field.jacobian(state), rtol=1e-13)


def test_rank_two_network_in_its_overlaps():
    # x' = -x + m1 (n1.tanh x) + m2 (n2.tanh x) with m1 = (1, 0, c), m2 = (0, 1, d): span(m1, m2) is invariant
    c, d, *n = sympy.symbols("c d n1:7")
    X = sympy.MatrixSymbol("X", 3, 1)
    M, N = sympy.Matrix([[1, 0], [0, 1], [c, d]]), sympy.Matrix(2, 3, n)
    field = ssmsym.from_sympy({X: -X + M * N * X.applyfunc(tanh)}, parameters=[c, d, *n])
    overlap = N * M
    trace, det = overlap.trace(), overlap.det()
    pair = [trace / 2 - 1 + sign * sqrt(trace**2 / 4 - det) for sign in (1, -1)]
    exact = ssmsym.compute_exact_ssm(field, modes=pair, order=3)
    p1, p2 = exact.symbols
    states = (p1, p2, c * p1 + d * p2)
    assert all(same(found, wanted) for found, wanted in zip(exact.states, states, strict=True))
    for k, (symbol, equation) in enumerate(exact.equations.items()):
        wanted = sum(n[3 * k + i] * (x - x**3 / 3) for i, x in enumerate(states))
        assert same(equation, -symbol + wanted)
    assert same(sum(exact.eigenvalues), trace - 2)


def test_values_may_hold_each_other():
    x = sympy.Symbol("x")
    field = ssmsym.from_sympy({x: -x + a * tanh(x) + b}, parameters=[a, b])
    values = {"b": sympy.atanh(s) - a * s, "a": 2}
    exact = ssmsym.compute_exact_ssm(field, [sympy.atanh(s)], modes=[1 - 2 * s**2], order=2, values=values)
    assert same(exact.equations[p], (1 - 2 * s**2) * p - 2 * s * (1 - s**2) * p**2)
    with pytest.raises(ssmsym.InputError, match=r"\['a', 'b'\] of 'values' are defined by each other"):
        ssmsym.compute_exact_ssm(field, modes=[-1], values={"a": b, "b": a})


def test_cubic_number_beside_symbols():
    # ring of 7: cos(2 pi / 7) has degree 3; z' = (J2/2 - 1) z - (J2/2) z abs(z)^2 + ... with x_j = z w^j + c.c.
    exact = ssmsym.compute_exact_ssm(ring(7), modes=[J2 / 2 - 1], order=3)
    at = {J0: Rational(1, 3), J2: Rational(7, 5)}
    wave = np.exp(2j * np.pi / 7)
    value = 0.3 - 0.2j
    point = dict(zip(exact.symbols, (2 * value.real, 2 * (value * wave).real), strict=True))
    first, second = (complex(e.subs(at).subs(point)) for e in exact.equations.values())
    speed = (second - first / wave) / (wave - 1 / wave)
    assert speed == pytest.approx(-0.3 * value - 0.7 * value * abs(value) ** 2, rel=1e-12)
    assert exact.right.shape == (7, 2)


def test_quotients_in_a_number_field_with_symbols():
    from ssmsym.manifolds.exact_linear import ExactField

    field = ExactField([cos(2 * pi / 7), a, sqrt(2)]).domain
    theta = field.convert(field.numbers.unit, field.numbers)
    element = theta * field.gens[0] + theta * theta + 3
    assert element * (1 / element) == field.one
    assert element**-2 * element**2 == 1
    assert field.from_number_field(field.to_number_field(element)) == element
    with pytest.raises(ZeroDivisionError):
        element / field.zero
