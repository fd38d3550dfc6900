"""Hopf, fold and pitchfork coefficients as formulas: closed forms, published values, an independent computation."""

import itertools

import numpy as np
import pytest
import sympy
from sympy import I, Rational, sqrt, tanh
from sympy.parsing.sympy_parser import parse_expr

import ssmsym

x, y, z = sympy.symbols("x y z")
a, b, c, k, mu, w, h, s = sympy.symbols("a b c k mu w h s")
alpha, beta, sigma, rho = sympy.symbols("alpha beta sigma rho")


def same(found, wanted):
    return sympy.simplify(found - wanted) == 0


def kuznetsov(equations, point, values):
    """Re c1 with abs(q) = 1 from multilinear forms in floats (Kuznetsov, 3rd ed., equations 5.33 and 5.34)."""
    states = list(equations)
    f = [sympy.sympify(e).subs(values) for e in equations.values()]
    at = dict(zip(states, point, strict=True))
    n = len(states)

    def derivative(*order):
        return [float(sympy.diff(e, *(states[i] for i in order)).subs(at)) for e in f]

    A = np.array([derivative(i) for i in range(n)]).T
    B = {ij: np.array(derivative(*ij)) for ij in itertools.product(range(n), repeat=2)}
    C = {ijk: np.array(derivative(*ijk)) for ijk in itertools.product(range(n), repeat=3)}

    def form(table, *vectors):
        return sum(t * np.prod([v[i] for v, i in zip(vectors, key, strict=True)]) for key, t in table.items())

    values_, vectors = np.linalg.eig(A)
    chosen = int(np.argmin(np.abs(values_.real) + (values_.imag <= 0) * 1e3))
    omega, q = values_[chosen].imag, vectors[:, chosen]
    left, lefts = np.linalg.eig(A.T)
    p = lefts[:, int(np.argmin(np.abs(left + 1j * omega)))]
    p = p / np.conj(np.vdot(p, q))
    inverse = np.linalg.solve(A, form(B, q, q.conj()))
    second = np.linalg.solve(2j * omega * np.eye(n) - A, form(B, q, q))
    total = form(C, q, q, q.conj()) - 2 * form(B, q, inverse) + form(B, q.conj(), second)
    return omega, (np.vdot(p, total) / 2).real


def coupled_oscillator():
    """z' = i z + (a - 1) z abs(z)^2 + z y, y' = -2 k y + b abs(z)^2.

    By hand: y = h abs(z)^2 with h (d/dt) = 0 to this degree, so h = b / (2 k), Re c1 = a - 1 + b / (2 k) in z
    = x1 + i x2, in which abs(q)^2 = 1/2; abs(q) = 1 doubles it.
    """
    r = x**2 + y**2
    return {x: -y + (a - 1) * x * r + x * z, y: x + (a - 1) * y * r + y * z, z: -2 * k * z + b * r}


def test_hopf_that_changes_its_criticality():
    field = ssmsym.from_sympy(coupled_oscillator(), parameters=[a, b, k])
    hopf = ssmsym.exact_hopf_coefficient(field)
    assert hopf.frequency == 1
    assert same(hopf.real_part, 2 * (a - 1 + b / (2 * k)))
    (critical,) = sympy.solve(hopf.real_part, a)
    assert same(critical, 1 - b / (2 * k))
    numbers = {b: Rational(3, 5), k: Rational(3, 4)}
    for side in (-1, 1):
        values = {**numbers, a: critical.subs(numbers) + Rational(side, 10)}
        omega, found = kuznetsov(coupled_oscillator(), (0, 0, 0), values)
        assert np.sign(found) == side
        assert float(hopf.real_part.subs(values)) == pytest.approx(found, rel=1e-12)
        assert omega == pytest.approx(1)


def test_hopf_with_all_quadratic_terms():
    # Re c1 of x' = -w y + f, y' = w x + g in derivatives of f, g (Guckenheimer and Holmes, equation 3.4.11)
    names = sympy.symbols("f20 f11 f02 g20 g11 g02 f30 f12 g21 g03")
    f20, f11, f02, g20, g11, g02, f30, f12, g21, g03 = names
    f = f20 * x**2 / 2 + f11 * x * y + f02 * y**2 / 2 + f30 * x**3 / 6 + f12 * x * y**2 / 2
    g = g20 * x**2 / 2 + g11 * x * y + g02 * y**2 / 2 + g21 * x**2 * y / 2 + g03 * y**3 / 6
    field = ssmsym.from_sympy({x: -w * y + f, y: w * x + g}, parameters=[*names, w])
    hopf = ssmsym.exact_hopf_coefficient(field)
    wanted = f30 + f12 + g21 + g03
    wanted += (f11 * (f20 + f02) - g11 * (g20 + g02) - f20 * g20 + f02 * g02) / w
    assert same(hopf.real_part, 2 * wanted / 16)
    assert same(hopf.lyapunov, hopf.real_part / hopf.frequency)


def test_jerk_equation():
    # MatCont's adaptx: c1 = -0.3 - 0.34444 i at beta = 1
    equations = {x: y, y: z, z: -alpha * z - beta * y - x + x**2}
    field = ssmsym.from_sympy(equations, parameters=[alpha, beta])
    hopf = ssmsym.exact_hopf_coefficient(field, values={"alpha": 1 / beta})
    assert hopf.frequency == sqrt(beta)
    assert same(hopf.real_part.subs(beta, 1), -Rational(3, 10))
    assert complex(hopf.c1.subs(beta, 1)).imag == pytest.approx(-0.34444, abs=1e-5)
    omega, found = kuznetsov(equations, (0, 0, 0), {alpha: 1 / 2.5, beta: 2.5})
    assert float(hopf.real_part.subs(beta, 2.5)) == pytest.approx(found, rel=1e-12)
    assert float(hopf.lyapunov.subs(beta, 2.5)) == pytest.approx(found / omega, rel=1e-12)


def test_two_tanh_units():
    # c1 = -(1 + i b)/4 in z = x1 + i x2, twice that for abs(q) = 1
    X = sympy.MatrixSymbol("X", 2, 1)
    field = ssmsym.from_sympy(
        {X: -X + sympy.Matrix([[a, -b], [b, a]]) * X.applyfunc(tanh)}, parameters=[a, b]
    )
    hopf = ssmsym.exact_hopf_coefficient(field, values={"a": 1})
    assert same(hopf.c1, -(1 + I * b) / 2)
    given = ssmsym.exact_hopf_coefficient(field, eigenvalue=I * b, values={"a": 1})
    assert same(given.c1, hopf.c1)
    with pytest.raises(ssmsym.InputError, match=r"its real part is a - 1\..*'values'"):
        ssmsym.exact_hopf_coefficient(field, eigenvalue=a - 1 + I * b)


def test_lorenz_hopf_is_subcritical_in_closed_form():
    # in x / x*, y / x* the Hopf point is (1, 1, rho - 1), rational in the parameters
    hopf_rho = sigma * (sigma + beta + 3) / (sigma - beta - 1)
    equations = {x: sigma * (y - x), y: rho * x - y - x * z, z: beta * ((rho - 1) * x * y - z)}
    field = ssmsym.from_sympy(equations, parameters=[sigma, rho, beta])
    hopf = ssmsym.exact_hopf_coefficient(field, [1, 1, hopf_rho - 1], values={"rho": hopf_rho})
    for numbers in ({sigma: 10, beta: Rational(8, 3)}, {sigma: 5, beta: 1}, {sigma: 16, beta: 4}):
        at = {**numbers, rho: hopf_rho.subs(numbers)}
        omega, found = kuznetsov(equations, (1, 1, at[rho] - 1), at)
        assert float(hopf.real_part.subs(numbers)) == pytest.approx(found, rel=1e-9)
        assert float(hopf.frequency.subs(numbers)) == pytest.approx(omega, rel=1e-12)
        assert found > 0
    assert float(hopf.frequency.subs({sigma: 10, beta: Rational(8, 3)})) == pytest.approx(9.6245301)
    assert hopf.real_part.is_rational_function(sigma, beta)


def test_lorenz_hopf_in_its_own_units():
    equations = {x: 10 * (y - x), y: Rational(470, 19) * x - y - x * z, z: x * y - Rational(8, 3) * z}
    root = sqrt(Rational(8, 3) * Rational(451, 19))
    point = [root, root, Rational(451, 19)]
    hopf = ssmsym.exact_hopf_coefficient(ssmsym.from_sympy(equations), point)
    omega, found = kuznetsov(equations, point, {})
    assert hopf.real_part.is_Rational
    assert float(hopf.real_part) == pytest.approx(found, rel=1e-9)
    assert float(hopf.frequency) == pytest.approx(9.6245301) == omega


def test_excitatory_inhibitory_hopf_in_its_weights():
    # at the origin x' = -x + a tanh x - b tanh y, y' = -y + c tanh x - d tanh y, trace 0: a - d = 2
    d = sympy.Symbol("d")
    equations = {x: -x + a * tanh(x) - b * tanh(y), y: -y + c * tanh(x) - d * tanh(y)}
    field = ssmsym.from_sympy(equations, parameters=[a, b, c, d])
    hopf = ssmsym.exact_hopf_coefficient(field, values={"a": d + 2})
    assert same(hopf.frequency**2, b * c - (d + 1) ** 2)
    # c1 = -p^H M D q with D = diag(abs(q_i)^2); q p^H + its conjugate = 1, so Re c1 = -trace(M D) / 2, and
    # b c = omega^2 + (d + 1)^2 gives abs(q_x)^2 : abs(q_y)^2 = b : c
    assert same(hopf.real_part, -((d + 2) * b - d * c) / (2 * (b + c)))
    numbers = {b: 2, c: 3, d: Rational(1, 2)}
    _, found = kuznetsov(equations, (0, 0), {**numbers, a: Rational(5, 2)})
    assert float(hopf.real_part.subs(numbers)) == pytest.approx(found, rel=1e-12)


def test_hopf_arguments():
    field = ssmsym.from_sympy({x: -x, y: -3 * y + x**2})
    with pytest.raises(ssmsym.InputError, match=r"No pairs of eigenvalues are imaginary.*'values'"):
        ssmsym.exact_hopf_coefficient(field)
    as_map = ssmsym.from_sympy({x: x / 2}, time="discrete")
    for function in (
        ssmsym.exact_hopf_coefficient,
        ssmsym.exact_fold_coefficient,
        ssmsym.exact_pitchfork_coefficient,
    ):
        with pytest.raises(ssmsym.InputError, match="this field is a map"):
            function(as_map)


def test_fold_of_one_unit():
    # x' = -x + w tanh(x) + h at x = artanh s, w = 1/(1 - s^2): a = -s, b_h = 1, b_w = s
    field = ssmsym.from_sympy({x: -x + w * tanh(x) + h}, parameters=[w, h])
    weight = 1 / (1 - s**2)
    fold = ssmsym.exact_fold_coefficient(
        field,
        [sympy.atanh(s)],
        parameters=["h", "w"],
        values={"w": weight, "h": sympy.atanh(s) - weight * s},
    )
    assert same(fold.quadratic, -s)
    assert fold.unfolding == {"h": 1, "w": s}
    assert fold.direction == (1,)
    assert r"\delta_{h}" in fold.latex()


def test_fold_direction_and_length():
    # along (1, 2)/sqrt(5): with u = x, x' = mu + a x^2 - (y - 2 x) c, y' = 2 x' - (y - 2 x)
    step = mu + a * x**2 - c * (y - 2 * x)
    field = ssmsym.from_sympy({x: step, y: 2 * step - (y - 2 * x)}, parameters=[a, c, mu])
    fold = ssmsym.exact_fold_coefficient(field, parameters=["mu"], values={"mu": 0})
    assert [same(e * sqrt(5), v) for e, v in zip(fold.direction, (1, 2), strict=True)] == [True, True]
    assert same(fold.quadratic, a / sqrt(5))  # p = sqrt(5) x
    assert same(fold.unfolding["mu"], sqrt(5))


def test_fold_needs_a_simple_zero():
    field = ssmsym.from_sympy({x: y, y: x**2 + mu}, parameters=[mu])
    with pytest.raises(ssmsym.InputError, match="0 is an eigenvalue 2 times"):
        ssmsym.exact_fold_coefficient(field, values={"mu": 0})
    with pytest.raises(ssmsym.SubspaceError, match="'0' is no eigenvalue"):
        ssmsym.exact_fold_coefficient(ssmsym.from_sympy({x: -x}))


def test_pitchfork_of_the_rank_one_network():
    # kappa' = (overlap - 1) kappa - sum n_i m_i^3 kappa^3 / 3, abs(q) = 1 divides by abs(m)^2
    X = sympy.MatrixSymbol("X", 2, 1)
    m, n = sympy.symbols("m1:3"), sympy.symbols("n1:3")
    field = ssmsym.from_sympy(
        {X: -X + w * sympy.Matrix(m) * sympy.Matrix(n).T * X.applyfunc(tanh)}, parameters=[w, *m, *n]
    )
    overlap = m[0] * n[0] + m[1] * n[1]
    fork = ssmsym.exact_pitchfork_coefficient(field, parameters=["w"], values={"w": 1 / overlap})
    wanted = -(n[0] * m[0] ** 3 + n[1] * m[1] ** 3) / (3 * overlap * (m[0] ** 2 + m[1] ** 2))
    assert same(fork.cubic, wanted)
    assert same(fork.unfolding["w"], overlap)
    assert "p^{3}" in fork.latex()


def test_pitchfork_through_a_slaved_state():
    # y = h x^2 with h = b / k: x' = mu x + x y - x^3 has c = b/k - 1; the fixed point moves with mu along y
    field = ssmsym.from_sympy(
        {x: mu * x + x * y - x**3, y: -k * y + b * x**2 + c * mu}, parameters=[b, c, k, mu]
    )
    fork = ssmsym.exact_pitchfork_coefficient(field, parameters=["mu"], values={"mu": 0})
    assert same(fork.cubic, b / k - 1)
    assert same(fork.unfolding["mu"], 1 + c / k)


def test_pitchfork_needs_its_symmetry():
    field = ssmsym.from_sympy({x: h + mu * x + a * x**2 - x**3}, parameters=[a, h, mu])
    with pytest.raises(ssmsym.InputError, match=r"quadratic coefficient is a, not 0; see exact_fold"):
        ssmsym.exact_pitchfork_coefficient(field, values={"mu": 0, "h": 0})
    with pytest.raises(ssmsym.InputError, match=r"'h' moves the fixed point along the neutral mode"):
        ssmsym.exact_pitchfork_coefficient(field, parameters=["h"], values={"mu": 0, "h": 0, "a": 0})


def test_texts_hold_what_the_expressions_hold():
    equations = {x: y, y: z, z: -alpha * z - beta * y - x + x**2}
    field = ssmsym.from_sympy(equations, parameters=[alpha, beta])
    hopf = ssmsym.exact_hopf_coefficient(field, values={"alpha": 1 / beta})
    rng = np.random.default_rng(1)
    for e in (hopf.real_part, hopf.c1, hopf.form.equation, *hopf.ssm.equations.values(), *hopf.ssm.states):
        names = {s.name: s for s in e.free_symbols}
        read = parse_expr(str(e), local_dict=names)
        at = {s: rng.uniform(0.5, 2) for s in e.free_symbols}
        assert complex(read.subs(at)) == pytest.approx(complex(e.subs(at)), rel=1e-12)
    assert r"\operatorname{Re} c_{1} = - \frac{\beta^{2}" in hopf.latex()  # factored
    assert hopf.real_part.as_numer_denom()[1].is_Mul
