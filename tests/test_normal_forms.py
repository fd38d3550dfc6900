"""Normal forms of codimension one: published and exact coefficients, by both routes."""

import json
import warnings

import numpy as np
import pytest
import sympy
from normal_form_systems import disguised, lengths, pair_terms

import ssmsym
from ssmsym import normal_form
from ssmsym.errors import InputError, OutputError, SsmsymWarning

X, Y, Z = sympy.symbols("x y z")
EQUAL = 1e-8


def both(form, name):
    """A coefficient by both routes."""
    return form.coefficients[name].value, form.coefficients[name].reduced


def hopf(field, parameter, interval, value):
    """The normal form at the Hopf point nearest to a parameter value."""
    found = ssmsym.branches(field, parameter, interval, starts=64).of_kind("hopf")
    point = min(found, key=lambda p: abs(p.parameter - value))
    assert point.parameter == pytest.approx(value, abs=6e-7)
    form = normal_form(field, point, parameters=[parameter])
    assert form.kind == "hopf"
    assert form.disagreement < EQUAL
    return form


def adaptx():
    alpha, beta = sympy.symbols("alpha beta")
    return ssmsym.from_sympy(
        {X: Y, Y: Z, Z: -alpha * Z - beta * Y - X + X**2}, parameters={alpha: 1.0, beta: 1.0}
    )


def test_adaptx():
    """B1, in all conventions."""
    form = normal_form(adaptx(), [0.0, 0.0, 0.0], parameters=["alpha"])
    assert form.kind == "hopf"
    assert form.disagreement < EQUAL
    for c1 in both(form, "c1"):
        assert c1 == pytest.approx(-0.3 - 0.31j / 0.9, rel=1e-12)
    assert form["Re c1"] == pytest.approx(-0.3, rel=1e-12)
    assert form["l1"] == pytest.approx(-0.3, rel=1e-12)
    assert form["G21"].real == pytest.approx(-0.6, rel=1e-12)
    assert "MatCont" in form.coefficients["Re c1"].convention
    assert "Kuznetsov" in form.coefficients["l1"].convention
    assert "BifurcationKit" in form.coefficients["G21"].convention
    # lambda^3 + alpha lambda^2 + beta lambda + 1 = 0: d lambda / d alpha = -lambda^2 / (3 lambda^2 + 2 lambda + 1) at i
    slope = 1 / (-2 + 2j)
    assert form.unfolding["beta"]["alpha"] == pytest.approx(slope.real, rel=1e-12)
    assert form.frequency_slopes["omega"]["alpha"] == pytest.approx(slope.imag, rel=1e-12)
    assert form.verdict.criticality == "supercritical"


def test_fast_morris_lecar():
    """B2."""
    v, w, current = sympy.symbols("v w y")
    m = (1 + sympy.tanh((v + 0.01) / 0.15)) / 2
    w_inf = (1 + sympy.tanh((v - 0.1) / 0.145)) / 2
    tau = sympy.cosh((v - 0.1) / 0.29)
    field = ssmsym.from_sympy(
        {v: current - (v + 0.5) / 2 - 2 * w * (v + 0.7) - m * (v - 1), w: 1.15 * (w_inf - w) * tau},
        parameters={current: 0.08},
    )
    form = hopf(field, "y", (0.06, 0.09), 0.0756588)
    assert form.frequencies[0] == pytest.approx(1.894304, abs=5e-6)
    for value in both(form, "Re c1"):
        assert value == pytest.approx(8.239, abs=5e-3)
    assert form["l1"] == pytest.approx(8.239 / 1.894304, rel=1e-3)
    assert form.verdict.criticality == "subcritical"


@pytest.mark.parametrize(
    ("wanted", "omega", "c1"), [(1.0515575, 0.0507403, 10.701), (1.0409916, 0.0591061, 4.3314)]
)
def test_co_oxidation(wanted, omega, c1):
    """B3: both Hopf points in q2."""
    q2, s = sympy.symbols("q2 s")
    free = 1 - X - Y - s
    field = ssmsym.from_sympy(
        {
            X: 5 * free**2 - 2 * X**2 - 10 * X * Y,
            Y: q2 * free - Y / 10 - 10 * X * Y,
            s: 0.0675 * (free - 0.4 * s),
        },
        parameters={q2: 1.05},
    )
    form = hopf(field, "q2", (1.02, 1.08), wanted)
    assert form.frequencies[0] == pytest.approx(omega, abs=5e-7)
    for value in both(form, "Re c1"):
        assert value == pytest.approx(c1, rel=1e-4)


def charney_devore():
    z1, z2, z3, z4, z5, z6, drive = sympy.symbols("z1 z2 z3 z4 z5 z6 drive")
    b, beta, gamma, damping = 0.5, 1.25, 1.0, 0.1
    root, pi = np.sqrt(2), np.pi

    def a(m):
        return 8 * root / pi * m**2 / (4 * m**2 - 1) * (b**2 + m**2 - 1) / (b**2 + m**2)

    def rotation(m):
        return beta * b**2 / (b**2 + m**2)

    def d(m):
        return 64 * root / (15 * pi) * (b**2 - m**2 + 1) / (b**2 + m**2)

    def star(m):
        return gamma * 4 * m / (4 * m**2 - 1) * root * b / pi

    def g(m):
        return gamma * 4 * m**3 / (4 * m**2 - 1) * root * b / (pi * (b**2 + m**2))

    e = 16 * root / (5 * pi)
    one, two = a(1) * z1 - rotation(1), a(2) * z1 - rotation(2)
    return ssmsym.from_sympy(
        {
            z1: star(1) * z3 - damping * (z1 - drive),
            z2: -one * z3 - damping * z2 - d(1) * z4 * z6,
            z3: one * z2 - g(1) * z1 - damping * z3 + d(1) * z4 * z5,
            z4: star(2) * z6 - damping * (z4 + 0.4 * drive) + e * (z2 * z6 - z3 * z5),
            z5: -two * z6 - damping * z5 - d(2) * z4 * z3,
            z6: two * z5 - g(2) * z4 - damping * z6 + d(2) * z4 * z2,
        },
        parameters={drive: 7.7},
    )


def test_charney_devore():
    """B4."""
    form = hopf(charney_devore(), "drive", (7.5, 7.9), 7.7043112)
    assert form.frequencies[0] == pytest.approx(3.6347634, abs=5e-6)
    for value in both(form, "Re c1"):
        assert value == pytest.approx(-8.63691, abs=5e-5)


def test_lorenz_is_subcritical():
    """B5."""
    rho = sympy.Symbol("rho")
    field = ssmsym.from_sympy(
        {X: 10 * (Y - X), Y: X * (rho - Z) - Y, Z: X * Y - sympy.Rational(8, 3) * Z},
        parameters={rho: 470 / 19},
    )
    r = np.sqrt(8 / 3 * (470 / 19 - 1))
    form = normal_form(field, [r, r, 470 / 19 - 1], parameters=["rho"])
    assert form.kind == "hopf"
    assert form.disagreement < EQUAL
    assert form.frequencies[0] == pytest.approx(9.6245301, abs=5e-8)
    assert min(both(form, "Re c1")) > 0
    assert form.verdict.criticality == "subcritical"


@pytest.mark.parametrize(("b", "points"), [(14.0, (0.165042, 0.3365505)), (18.0, (0.111153, 0.1838346))])
def test_auto_demo_ab(b, points):
    """B6: Hopf points in a; the folds of b = 18, 2 exp(-3) and exp(-1.5) / 2."""
    u1, u2, a = sympy.symbols("u1 u2 a")
    rate = a * (1 - u1) * sympy.exp(u2)
    field = ssmsym.from_sympy({u1: -u1 + rate, u2: b * rate - 4 * u2}, parameters={a: 0.1})
    for value in points:
        hopf(field, "a", (0.05, 0.4), value)
    for value in (2 * np.exp(-3), np.exp(-1.5) / 2) if b == 18 else ():
        found = ssmsym.branches(field, "a", (0.05, 0.4), starts=64).of_kind("fold")
        point = min(found, key=lambda p: abs(p.parameter - value))
        form = normal_form(field, point, parameters=["a"])
        assert form.kind == "fold"
        assert form.disagreement < EQUAL
        assert form.parameters["a"] == pytest.approx(value, rel=1e-9)
        # on which side of the fold there are two fixed points
        side = np.sign(-form["a"] * form.unfolding["beta"]["a"])
        near = form.predict({"a": point.parameter + side * 1e-7})
        assert len(near) == 2
        assert not form.predict({"a": point.parameter - side * 1e-7})
        for prediction in near:
            member = field.at({"a": point.parameter + side * 1e-7})
            true = ssmsym.refine_fixed_point(member, prediction.states[0])
            assert np.linalg.norm(true.state - prediction.states[0]) < 1e-6


# -- exact cases --------------------------------------------------------------------------------------------


def tanh_unit():
    w, h = sympy.symbols("w h")
    return ssmsym.from_sympy({X: -X + w * sympy.tanh(X) + h}, parameters={w: 1.0, h: 0.0})


def test_pitchfork_of_a_tanh_unit():
    """A9: cubic coefficient -w/3, the next 2 w / 15."""
    form = normal_form(tanh_unit(), [0.0], parameters=["w"])
    assert form.kind == "pitchfork"
    assert both(form, "c") == pytest.approx((-1 / 3, -1 / 3), rel=1e-12)
    assert both(form, "e") == pytest.approx((2 / 15, 2 / 15), rel=1e-12)
    assert form.unfolding["beta"] == pytest.approx({"w": 1.0})
    assert form.parameter_ranges["w"] == pytest.approx(form.range**2 / 3, rel=1e-12)
    stable = [p for p in form.predict({"w": 1.001}) if p.stable]
    true = ssmsym.refine_fixed_point(tanh_unit().at(w=1.001), [0.05]).state[0]
    assert [p.coordinate for p in stable] == pytest.approx([-true, true], rel=1e-6)


def test_cusp_of_a_tanh_unit():
    """A9 with its input as second parameter."""
    form = normal_form(tanh_unit(), [0.0], parameters=["h", "w"])
    assert form.kind == "cusp"
    assert form.unfolding["beta1"] == pytest.approx({"h": 1.0, "w": 0.0}, abs=1e-15)
    assert form.unfolding["beta2"] == pytest.approx({"h": 0.0, "w": 1.0}, abs=1e-15)


def test_cusp_and_folds_of_a_logistic_unit():
    """A10: y' = -y + w s(y + I), cusp at w = 4, I = -2, where y = 2; s''' = -1/8 there. Folds at w = 6."""
    w, current = sympy.symbols("w I")
    field = ssmsym.from_sympy(
        {Y: -Y + w / (1 + sympy.exp(-(Y + current)))}, parameters={w: 4.0, current: -2.0}
    )
    form = normal_form(field, [2.0], parameters=["I", "w"])
    assert form.kind == "cusp"
    assert form.disagreement < EQUAL
    assert both(form, "c") == pytest.approx((-1 / 12, -1 / 12), rel=1e-12)
    assert form.unfolding["beta1"] == pytest.approx({"I": 1.0, "w": 0.5}, rel=1e-12)
    assert form.unfolding["beta2"] == pytest.approx({"I": 0.0, "w": 0.25}, abs=1e-12)
    found = ssmsym.branches(field.at(w=6.0), "I", (-4.0, -2.0)).of_kind("fold")
    assert [p.parameter for p in found] == pytest.approx([-3.415093, -2.584907], abs=5e-7)
    for point, share in zip(found, ((3 + np.sqrt(3)) / 6, (3 - np.sqrt(3)) / 6), strict=True):
        fold = normal_form(field.at(w=6.0), point, parameters=["I"])
        assert fold.kind == "fold"
        slope = share * (1 - share) * (1 - 2 * share)  # s''
        assert both(fold, "a") == pytest.approx((3 * slope, 3 * slope), rel=1e-5)
        assert fold.unfolding["beta"]["I"] == pytest.approx(1.0, rel=1e-6)


def test_two_tanh_units():
    """A11: z = x1 + i x2, z' = (a - 1 + i b) z - (a + i b) / 4 z |z|^2; |q| = 1 doubles the coefficient."""
    a, b = sympy.symbols("a b")
    field = ssmsym.from_sympy(
        {
            X: -X + a * sympy.tanh(X) - b * sympy.tanh(Y),
            Y: -Y + b * sympy.tanh(X) + a * sympy.tanh(Y),
        },
        parameters={a: 1.0, b: 0.7},
    )
    form = normal_form(field, [0.0, 0.0], parameters=["a", "b"])
    for c1 in both(form, "c1"):
        assert c1 / 2 == pytest.approx(-(1 + 0.7j) / 4, rel=1e-12)
    assert form.disagreement < EQUAL
    assert form.unfolding["beta"] == pytest.approx({"a": 1.0, "b": 0.0}, abs=1e-14)
    assert form.frequency_slopes["omega"] == pytest.approx({"a": 0.0, "b": 1.0}, abs=1e-14)
    (cycle, *_) = form.predict({"a": 1.001})
    radii = np.linalg.norm(cycle.states, axis=1)
    assert (radii**2).mean() == pytest.approx(4 * 0.001, rel=2e-3)


def test_fold_and_cusp_of_the_cubic():
    """A12: p' = mu + lambda p - p^3."""
    mu, lam = sympy.symbols("mu lambda")
    field = ssmsym.from_sympy({X: mu + lam * X - X**3}, parameters={mu: 0.0, lam: 0.0})
    form = normal_form(field, [0.0], parameters=["mu", "lambda"])
    assert form.kind == "cusp"
    assert both(form, "c") == pytest.approx((-1.0, -1.0))
    at = {"mu": -0.3849001794597505, "lambda": 1.0}
    fold = normal_form(field.at(at), [1 / np.sqrt(3)], parameters=["mu"])
    assert fold.kind == "fold"
    assert both(fold, "a") == pytest.approx((-np.sqrt(3), -np.sqrt(3)), rel=1e-8)
    assert both(fold, "c") == pytest.approx((-1.0, -1.0))
    assert [p.coordinate for p in fold.predict({"mu": at["mu"] + 0.01})] == pytest.approx(
        sorted(np.roots([-1, 0, 1, at["mu"] + 0.01]).real - 1 / np.sqrt(3))[1:], rel=1e-9
    )


@pytest.mark.parametrize(("a", "kind"), [(1.0, "hopf"), (0.0, "generalized_hopf")])
def test_hopf_with_a_second_coefficient(a, kind):
    """A13: z' = (mu + a r^2 - r^4) z + i (om + b r^2) z; |q| = 1 means r^2 = 2 |w|^2."""
    mu, second = sympy.symbols("mu a")
    r2 = X**2 + Y**2
    growth, turning = mu + second * r2 - r2**2, 1 + r2 / 2
    field = ssmsym.from_sympy(
        {X: growth * X - turning * Y, Y: turning * X + growth * Y}, parameters={mu: 0.0, second: a}
    )
    form = normal_form(field, [0.0, 0.0], parameters=["mu", "a"])
    assert form.kind == kind
    assert form.disagreement < EQUAL
    for c1, c2 in zip(both(form, "c1"), both(form, "c2"), strict=True):
        assert c1 == pytest.approx(2 * (a + 0.5j), rel=1e-12)
        assert c2 == pytest.approx(-4.0, rel=1e-12)
    if (
        kind == "hopf"
    ):  # both cycles: r^2 = (1 +- sqrt(1 + 4 mu)) / 2; at mu = -1/4 they meet, with period 2 pi / 1.25
        outer = form.predict({"mu": -0.2})[1]
        square = (1 + np.sqrt(0.2)) / 2
        np.testing.assert_allclose((outer.states**2).sum(axis=1), square, rtol=1e-12)
        assert outer.period == pytest.approx(2 * np.pi / (1 + square / 2), rel=1e-12)
        assert outer.stable
    else:
        assert form.unfolding["beta2"]["a"] == pytest.approx(2.0, rel=1e-12)


def test_transcritical():
    """x' = mu x - x^2 + x y, y' = -y + x^2: on the manifold a = -1, the cubic 1."""
    mu = sympy.Symbol("mu")
    field = ssmsym.from_sympy({X: mu * X - X**2 + X * Y, Y: -Y + X**2}, parameters={mu: 0.0})
    form = normal_form(field, [0.0, 0.0], parameters=["mu"])
    assert form.kind == "transcritical"
    assert both(form, "a") == pytest.approx((-1.0, -1.0))
    assert both(form, "c") == pytest.approx((1.0, 1.0))
    assert form.unfolding["beta"] == pytest.approx({"mu": 1.0})
    found = form.predict({"mu": 0.01})
    assert [p.stable for p in found][:2] == [False, True]
    assert found[1].coordinate == pytest.approx(0.01, rel=0.02)


# -- maps ---------------------------------------------------------------------------------------------------


def test_flip_of_the_logistic_map():
    """x -> r x (1 - x) at r = 3: -w - 3 w^2 after the shift, so c = 9; the period-2 orbit in closed form."""
    r = sympy.Symbol("r")
    field = ssmsym.from_sympy({X: r * X * (1 - X)}, parameters={r: 3.0}, time="discrete")
    form = normal_form(field, [2 / 3], parameters=["r"])
    assert form.kind == "flip"
    assert both(form, "c") == pytest.approx((9.0, 9.0), rel=1e-12)
    assert form.unfolding["beta"] == pytest.approx({"r": 1.0})
    (orbit,) = form.predict({"r": 3.001})
    true = (4.001 + np.array([1, -1]) * np.sqrt(3.001**2 - 2 * 3.001 - 3)) / (2 * 3.001)
    np.testing.assert_allclose(np.sort(orbit.states.ravel()), np.sort(true), atol=1e-5)
    assert orbit.stable


def test_neimark_sacker_of_the_delayed_logistic_map():
    """Kuznetsov, example 4.2: x -> r x (1 - y), y -> x at r = 2: theta0 = pi / 3 and a(0) = -2 for |q|^2 = 2."""
    r = sympy.Symbol("r")
    field = ssmsym.from_sympy({X: r * X * (1 - Y), Y: X}, parameters={r: 2.0}, time="discrete")
    form = normal_form(field, [0.5, 0.5], parameters=["r"])
    assert form.kind == "neimark_sacker"
    assert form.disagreement < EQUAL
    assert form["theta0"] == pytest.approx(np.pi / 3, rel=1e-12)
    assert both(form, "Re d") == pytest.approx((-1.0, -1.0), rel=1e-12)
    # multipliers of lambda^2 - lambda + r - 1 have modulus sqrt(r - 1)
    assert form.unfolding["beta"]["r"] == pytest.approx(0.5, rel=1e-12)
    circle = form.predict({"r": 2.002})[0]
    member = field.at(r=2.002)
    states = ssmsym.simulate(member, circle.states[0], np.arange(20001)).states[-2000:]
    sizes = np.linalg.norm(states - states.mean(axis=0), axis=1)
    predicted = np.linalg.norm(circle.states - circle.states.mean(axis=0), axis=1)
    assert np.sqrt((sizes**2).mean()) == pytest.approx(np.sqrt((predicted**2).mean()), rel=5e-3)


def test_fold_of_a_map():
    """x -> x + mu + x^2."""
    mu = sympy.Symbol("mu")
    field = ssmsym.from_sympy({X: X + mu + X**2}, parameters={mu: 0.0}, time="discrete")
    form = normal_form(field, [0.0], parameters=["mu"])
    assert form.kind == "fold"
    assert form.equation == "w -> w + beta + a w^2"
    assert form["a"] == pytest.approx(1.0)
    found = form.predict({"mu": -0.01})
    assert [p.coordinate for p in found] == pytest.approx([-0.1, 0.1], rel=1e-12)
    assert [p.stable for p in found] == [True, False]


def test_disguised_flip():
    c = 0.8
    field, T = disguised([{(1, 0): -1.0, (3, 0): c, (1, 1): -0.6}], 2, {"a": 0.0}, 5, order=3, discrete=True)
    form = normal_form(field, np.zeros(3), parameters=["a"], order=3)
    (s,) = lengths(T, 0)
    assert form.kind == "flip"
    assert form.disagreement < EQUAL
    assert form["c"] == pytest.approx(c / s**2, rel=1e-9)
    assert form.unfolding["beta"]["a"] == pytest.approx(0.6, rel=1e-9)


def test_disguised_neimark_sacker():
    turn, d = np.exp(1.1j), -0.4 + 0.7j
    factor = {(0, 0, 0): turn, (2, 0, 0): turn * d, (0, 2, 0): turn * d, (0, 0, 1): turn * (0.6 - 0.3j)}
    field, T = disguised(pair_terms(factor, 0, 1), 2, {"a": 0.0}, 6, order=3, discrete=True)
    form = normal_form(field, np.zeros(4), parameters=["a"], order=3)
    (s,) = lengths(T, (0, 1))
    assert form.kind == "neimark_sacker"
    assert form.disagreement < EQUAL
    assert form["d"] == pytest.approx(d / s**2, rel=1e-9)
    assert form.unfolding["beta"]["a"] == pytest.approx(0.6, rel=1e-9)
    assert form.frequency_slopes["theta0"]["a"] == pytest.approx(-0.3, rel=1e-9)


# -- each normal form is a field ----------------------------------------------------------------------------


def test_fields_show_their_own_bifurcation():
    """Traced over its own interval, the normal form has its bifurcation at 0."""
    cases = [
        (adaptx(), [0.0, 0.0, 0.0], ["alpha"], "hopf"),
        (tanh_unit(), [0.0], ["w"], "branch_point"),
        (tanh_unit().at(w=1.5, h=-0.0776155), [0.6], ["h"], "fold"),
    ]
    for field, state, parameters, event in cases:
        if event == "fold":
            s = np.arctanh(np.sqrt(1 / 3))
            field, state = field.at(h=float(s - 1.5 * np.sqrt(1 / 3))), [s]
        form = normal_form(field, state, parameters=parameters)
        own = form.diagram
        assert np.linalg.norm(form.field(own.state)) < 1e-12
        found = ssmsym.branches(form.field, own.parameter, own.interval, points=[own.state])
        assert event in [p.kind for p in found.special_points]
        (point,) = found.of_kind(event)
        assert point.parameter == pytest.approx(0.0, abs=1e-9)
        written = ssmsym.export_model(form.field, state=own.state)
        assert written.parameter_names == ("beta",)
        again = normal_form(form.field.at(beta=0.0), np.zeros(form.field.n_states), parameters=["beta"])
        assert again.kind == form.kind
        assert again.unfolding["beta"]["beta"] == pytest.approx(1.0, rel=1e-12)


def test_field_of_a_hopf_form_has_the_predicted_cycle():
    form = normal_form(adaptx(), [0.0, 0.0, 0.0], parameters=["alpha"])
    beta = 0.2 * form.diagram.interval[1]
    field = form.field.at(beta=beta)
    roots = np.roots([form["Re c2"], form["Re c1"], beta])
    square = roots[roots > 0].min()
    start = np.array([np.sqrt(square), 0.0])
    omega = form.frequencies[0] + form["c1"].imag * square + form["c2"].imag * square**2
    run = ssmsym.simulate(field, start, [0.0, np.pi / omega, 2 * np.pi / omega], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(run.states[1:], [-start, start], atol=1e-8)


# -- what is refused and what is reported ----------------------------------------------------------------------


def test_refusals_say_what_is_wrong():
    field = tanh_unit()
    with pytest.raises(InputError, match="at no bifurcation: the eigenvalue nearest"):
        normal_form(field.at(w=0.9), [0.0], parameters=["w"])
    with pytest.raises(InputError, match="no fixed point"):
        normal_form(field.at(h=0.3), [0.0], parameters=["w"])
    with pytest.raises(InputError, match="no parameter 'v'"):
        normal_form(field, [0.0], parameters=["v"])
    with pytest.raises(InputError, match=r"write \['w'\]"):
        normal_form(field, [0.0], parameters="w")
    with pytest.raises(InputError, match="not of 'hopf'"):
        normal_form(field, [0.0], kind="hopf")
    with pytest.raises(InputError, match="'kind' is one of"):
        normal_form(field, [0.0], kind="Hopf")
    with pytest.raises(InputError, match="coefficient of w\\^2 is not 0"):
        normal_form(field, [0.0], kind="fold")
    with pytest.raises(InputError, match="breaks the pitchfork point"):
        normal_form(field, [0.0], kind="pitchfork", parameters=["h"])
    parabola = ssmsym.from_sympy({X: X**2})
    with pytest.raises(InputError, match="At a cusp the coefficient"):
        normal_form(parabola, [0.0], kind="cusp")
    with pytest.raises(InputError, match=r"At a Bautin point Re c1 is 0; it is -0\.3"):
        normal_form(adaptx(), [0.0, 0.0, 0.0], kind="generalized_hopf")
    with pytest.raises(InputError, match="needs the state"):
        normal_form(field)
    with pytest.raises(InputError, match="at least 3"):
        normal_form(field, [0.0], order=2)
    with pytest.raises(InputError, match="field, an SSM or a reduced model"):
        normal_form(3.0)
    form = normal_form(field, [0.0], parameters=["w"])
    with pytest.raises(InputError, match="no coefficient 'l1'"):
        form["l1"]
    with pytest.raises(InputError, match="no parameter 'h'"):
        form.predict({"h": 0.1})
    with pytest.raises(InputError, match="verdict is given on Hopf points"):
        _ = form.verdict


def test_unknown_spectra_are_refused():
    zero = ssmsym.from_sympy({X: X**2, Y: Y**2 - X * Y})
    with pytest.raises(InputError, match="two eigenvectors"):
        normal_form(zero, [0.0, 0.0])
    triple = ssmsym.from_sympy({X: Y, Y: Z, Z: X**2})
    with pytest.raises(InputError, match="3 critical eigenvalues are 0"):
        normal_form(triple, [0.0, 0.0, 0.0])
    with pytest.raises(InputError, match="more degenerate"):
        normal_form(ssmsym.from_sympy({X: Y, Y: -X}), [0.0, 0.0])
    with pytest.raises(InputError, match="more degenerate"):
        normal_form(ssmsym.from_sympy({X: X**4}), [0.0])
    with pytest.raises(InputError, match="needs 'order' 5"):
        normal_form(ssmsym.from_sympy({X: Y, Y: -X - X**3}), [0.0, 0.0], order=3)
    w = sympy.Symbol("w")
    two = ssmsym.from_sympy({X: -Y + X**3, Y: X, Z: -2 * w, w: 2 * Z})
    with pytest.raises(InputError, match="strong resonance 1:2"):
        normal_form(two, np.zeros(4))
    resonant = ssmsym.from_sympy({X: -Y + X**2, Y: X}, time="discrete")
    with pytest.raises(InputError, match="strong resonance 1:4"):
        normal_form(resonant, [0.0, 0.0])


def test_parameters_that_do_not_unfold_are_reported():
    mu = sympy.Symbol("mu")
    field = ssmsym.from_sympy({X: X**2, Y: -Y + mu}, parameters={mu: 0.0})
    with pytest.warns(SsmsymWarning, match="in 0 of 1 directions"):
        form = normal_form(field, [0.0, 0.0], parameters=["mu"], kind="fold")
    assert form.unfolding["beta"]["mu"] == 0.0


def test_routes_that_disagree_are_reported(monkeypatch):
    from ssmsym.normal_forms import homological

    true = homological.MultilinearForms.__call__
    monkeypatch.setattr(
        homological.MultilinearForms, "__call__", lambda self, *v: true(self, *v) * (1 + 1e-6 * (len(v) == 2))
    )
    with pytest.warns(SsmsymWarning, match="disagree by"):
        form = normal_form(adaptx(), [0.0, 0.0, 0.0])
    assert not form.agrees
    assert "DISAGREE" in form.text()
    assert form.coefficients["c1"].difference > 1e-7


def test_a_run_that_moves_the_other_way_leaves_the_verdict_open(monkeypatch):
    from ssmsym.normal_forms import verdict

    def growing(field, start, times, **options):
        states = np.outer(1 + np.asarray(times) / times[-1], start)
        return ssmsym.Simulation(np.asarray(times), states, field)

    monkeypatch.setattr(verdict, "simulate", growing)
    found = normal_form(adaptx(), [0.0, 0.0, 0.0], parameters=["alpha"]).verdict
    assert found.criticality == "undecided"
    assert [run.agrees for run in found.runs] == [True, False, False]


def test_text_and_file(tmp_path):
    form = normal_form(adaptx(), [0.0, 0.0, 0.0], parameters=["alpha"])
    text = form.text()
    for part in (
        "Re c1 = -0.3 ",
        "MatCont",
        "Kuznetsov",
        "BifurcationKit",
        "routes agree",
        "unfolding: beta",
    ):
        assert part in text
    path = tmp_path / "hopf.json"
    ssmsym.save_normal_form(form, path)
    document = json.loads(path.read_text())
    assert document["kind"] == "hopf"
    assert document["coefficients"]["Re c1"]["multilinear"] == pytest.approx(-0.3)
    assert document["unfolding"] == {"beta": {"alpha": pytest.approx(-0.25)}}
    with pytest.raises(OutputError, match="exists already"):
        ssmsym.save_normal_form(form, path)


def test_large_dense_field():
    """A11 hidden by a rotation among 300 states: the same coefficient."""
    rng = np.random.default_rng(0)
    n = 300
    J = 0.3 * rng.standard_normal((n, n)) / np.sqrt(n)
    J[:2], J[:, :2] = 0.0, 0.0
    J[:2, :2] = [[1.0, -0.7], [0.7, 1.0]]
    order = rng.permutation(n)
    field = ssmsym.rate_network(J[np.ix_(order, order)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        form = normal_form(field, np.zeros(n), order=3)
    for c1 in both(form, "c1"):
        assert c1 / 2 == pytest.approx(-(1 + 0.7j) / 4, rel=1e-9)


def test_the_range_ends_where_the_manifold_is_not_invariant():
    """y' = -y + x^2 / (1 - 50 x^2): the manifold is lost near |x| = 0.14, far inside what x' = mu x - x^3 tells."""
    mu = sympy.Symbol("mu")
    narrow = ssmsym.from_sympy(
        {X: mu * X - X**3 - X**5 / 100, Y: -Y + X**2 / (1 - 50 * X**2)}, parameters={mu: 0.0}
    )
    form = normal_form(narrow, [0.0, 0.0], parameters=["mu"])
    assert 0.01 < form.range < 0.14
    wide = ssmsym.from_sympy({X: mu * X - X**3 - X**5 / 100, Y: -Y}, parameters={mu: 0.0})
    assert normal_form(wide, [0.0, 0.0], parameters=["mu"]).range == pytest.approx(np.sqrt(10.0))
