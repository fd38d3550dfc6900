"""Exact coefficients of maps: closed forms, the invariance equation put in, resonances of multipliers."""

import numpy as np
import pytest
import sympy
from sympy import I, Rational, sqrt, tanh

import ssmsym

x, y, z = sympy.symbols("x y z")
a, b, mu, lam = sympy.symbols("a b mu lambda")
p = sympy.Symbol("p")


def same(found, wanted):
    return sympy.simplify(found - wanted) == 0


def a_map(equations, **more):
    return ssmsym.from_sympy(equations, time="discrete", **more)


def residuals(exact, equations, order):
    """Taylor coefficients to `order` of f(W) - W(R), by substitution."""
    states = list(equations)
    following = list(exact.symbols)
    following[: len(exact.equations)] = exact.equations.values()
    scale = sympy.Symbol("scale")
    into = {s: scale * s for s in exact.symbols}
    out = []
    for state, right in equations.items():
        outer = right.subs(dict(zip(states, exact.states, strict=True)), simultaneous=True)
        W = exact.states[states.index(state)]
        inner = W.subs(dict(zip(exact.symbols, following, strict=True)), simultaneous=True)
        difference = (outer - inner).subs(into, simultaneous=True)
        out += [sympy.simplify(difference.diff(scale, k).subs(scale, 0)) for k in range(order + 1)]
    return out


def test_parabola_of_a_map():
    field = a_map({x: mu * x, y: lam * y + x**2}, parameters=[mu, lam])
    exact = ssmsym.compute_exact_ssm(field, modes=[mu], order=7)
    assert same(exact.states[1], p**2 / (mu**2 - lam))
    assert exact.equations == {p: mu * p}
    assert r"p \mapsto \mu p" in exact.latex()
    assert "p -> mu*p" in repr(exact)


def test_resonance_of_multipliers_is_refused():
    field = a_map({x: mu * x, y: lam * y + x**2}, parameters=[mu, lam])
    with pytest.raises(ssmsym.ResonanceError, match=r"degree 2: \(mu\)\^2 equals the eigenvalue mu\*\*2"):
        ssmsym.compute_exact_ssm(field, modes=[mu], order=3, values={"lambda": mu**2})
    numbers = {"mu": Rational(-1, 2), "lambda": Rational(1, 4)}
    with pytest.raises(ssmsym.ResonanceError) as caught:
        ssmsym.compute_exact_ssm(field, modes=1, order=3, values=numbers)
    assert (caught.value.degree, caught.value.mode, caught.value.combination) == (2, 1, (2,))
    sums = {"mu": Rational(1, 2), "lambda": 1}  # 2 mu = lambda obstructs flows only
    assert same(ssmsym.compute_exact_ssm(field, modes=[mu], order=3, values=sums).states[1], -(p**2) * 4 / 3)


def test_sum_of_the_pair_is_no_resonance_of_a_map():
    # z -> i z / 2, |z|^2 -> |z|^2 / 4
    pair = {x: -y / 2, y: x / 2}
    with pytest.raises(ssmsym.ResonanceError) as caught:
        ssmsym.compute_exact_ssm(a_map({**pair, z: z / 4 + x**2 + y**2}), modes=2, order=2)
    assert caught.value.combination == (1, 1)
    exact = ssmsym.compute_exact_ssm(a_map({**pair, z: z / 5 + x**2 + y**2}), modes=2, order=2)
    p1, p2 = exact.symbols
    assert same(exact.states[2], 20 * (p1**2 + p2**2))


@pytest.mark.parametrize("degree", [2, 3])
def test_planted_curve_with_a_parameter(degree):
    # y = h(x, mu) is invariant by construction, x -> a x + x^2 + mu on it
    offset = sympy.Symbol("delta_mu")

    def h(at, by):
        return at**degree - 3 * at**4 + by * at + by**2

    step = a * x + x**2 + mu
    field = a_map({x: step, y: h(step, mu) + lam * (y - h(x, mu))}, parameters=[a, lam, mu])
    exact = ssmsym.compute_exact_ssm(field, modes=[a], order=5, parameters=["mu"], values={"mu": 0})
    assert same(exact.equations[p], a * p + p**2 + offset)
    assert same(exact.states[1], h(p, offset))


def test_neutral_outer_multiplier_forbids_the_parameter():
    field = a_map({x: x / 2, y: y + mu}, parameters=[mu])
    with pytest.raises(ssmsym.ResonanceError, match=r"degree 1: 1 equals the eigenvalue 1.*take no param"):
        ssmsym.compute_exact_ssm(field, modes=[Rational(1, 2)], order=2, parameters=["mu"], values={"mu": 0})


def test_rank_one_map_stays_flat():
    X = sympy.MatrixSymbol("X", 3, 1)
    m, n = sympy.symbols("m1:4"), sympy.symbols("n1:4")
    field = a_map({X: sympy.Matrix(m) * sympy.Matrix(n).T * X.applyfunc(tanh)}, parameters=[*m, *n])
    exact = ssmsym.compute_exact_ssm(field, modes=[sum(i * j for i, j in zip(m, n, strict=True))], order=5)
    kappa = p / m[0]
    wanted = sum(
        j * (kappa * i - (kappa * i) ** 3 / 3 + 2 * (kappa * i) ** 5 / 15) for i, j in zip(m, n, strict=True)
    )
    assert same(exact.equations[p], m[0] * wanted)
    assert all(same(s, i * kappa) for s, i in zip(exact.states, m, strict=True))


@pytest.mark.parametrize(
    ("equations", "modes", "more"),
    [
        ({x: y / 2, y: -x / 3 + y / 5 + z * x, z: z / 7 + x * y - a * x**2}, None, {"order": 4}),
        ({x: a * x - b * tanh(y), y: b * tanh(x) + a * y + x * y}, [a + I * b], {"order": 3}),
        ({x: a * x + y, y: a * y + x**2, z: b * z + x * y + x**3}, [a], {"order": 3}),
        (
            {x: y, y: -x + mu * y + y**2, z: z / 3 + sqrt(2) * x**2 + mu * x},
            [I],
            {"order": 4, "parameters": ["mu"], "parameter_order": 2, "values": {"mu": 0}},
        ),
        (
            {x: x + mu * y + x**2, y: y / 2 + mu + x * y, z: -z / 3 + a * x * y + mu**2},
            [1],
            {"order": 4, "parameters": ["mu"], "values": {"mu": 0}},
        ),
    ],
)
def test_invariance_equation_holds(equations, modes, more):
    free = sorted(set.union(*(e.free_symbols for e in equations.values())) - set(equations), key=str)
    if modes is None:
        t, det = Rational(1, 5), Rational(1, 6)
        modes = [t / 2 + I * sqrt(det - t**2 / 4)]
    exact = ssmsym.compute_exact_ssm(a_map(equations, parameters=free), modes=modes, **more)
    if "parameters" in more:
        equations = {s: e.subs(mu, sympy.Symbol("delta_mu")) for s, e in equations.items()}
    found = residuals(exact, equations, more["order"])
    if "parameter_order" in more:  # the expansion holds no offset to a higher power
        offset = sympy.Symbol("delta_mu")
        found = [sympy.series(e, offset, 0, 3).removeO() if e != 0 else e for e in found]
        found = [sympy.simplify(e) for e in found]
    assert all(e == 0 for e in found)


def test_leading_multiplier_is_the_largest():
    field = a_map({x: x / 3, y: -2 * y / 3 + x**2, z: z / 2})
    exact = ssmsym.compute_exact_ssm(field, modes=1, order=2)
    assert exact.eigenvalues == (Rational(-2, 3),)


def test_point_must_stay_where_it_is():
    with pytest.raises(ssmsym.InputError, match=r"component 0 of f\(x\) - x is 1 there"):
        ssmsym.compute_exact_ssm(a_map({x: x / 2 + 1, y: y / 3}), [0, 0], modes=1)


def test_euler_map_shares_the_linear_part():
    # the Euler map of x' = -x, y' = -4 y + x^2 has y = c p^2 with (1-h)^2 c = (1-4h) c + h
    flow = ssmsym.from_sympy({x: -x, y: -4 * y + x**2})
    exact = ssmsym.compute_exact_ssm(flow.discretized(0.125), modes=1, order=3)
    h = Rational(1, 8)
    assert same(exact.states[1], h / ((1 - h) ** 2 - (1 - 4 * h)) * p**2)
    W, R = exact.numeric()
    np.testing.assert_allclose(R.coefficients.ravel()[:2], [0, 0.875], rtol=1e-15)
    np.testing.assert_allclose(W.coefficients[2, 1], 8 / 17, rtol=1e-15)
