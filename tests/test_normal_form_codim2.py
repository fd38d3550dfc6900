"""Normal forms of codimension two, on known ones in disguise: what no change of coordinates may move is recovered."""

import numpy as np
import pytest
import sympy
from normal_form_systems import disguised, lengths, pair_terms

import ssmsym
from ssmsym import export_model, normal_form
from ssmsym.errors import InputError

BETA1, BETA2 = np.array([0.7, -0.4]), np.array([0.3, 0.9])  # derivatives by the two parameters
PARAMETERS = {"a": 0.0, "b": 0.0}
EQUAL = 1e-8


def slopes(form, name):
    return np.array(list(form.unfolding[name].values()))


def added(series, beta, key, width):
    """Terms beta(a, b) times a monomial of the critical coordinates."""
    d = width - 2
    series[(*key, 1, 0)] = series.get((*key, 1, 0), 0.0) + beta[0]
    series[(*key, 0, 1)] = series.get((*key, 0, 1), 0.0) + beta[1]
    assert len(key) == d
    return series


def check_own_field(form, **factors):
    """The form as a field: a fixed point at its start, and its own normal form; z = x + i y has |q|^2 = 1/2."""
    own = form.diagram
    assert np.linalg.norm(form.field(own.state)) < 1e-12 * max(1.0, abs(own.interval[1]))
    at_zero = form.field.at(dict.fromkeys(form.unfolding, 0.0))
    again = normal_form(
        at_zero, np.zeros(at_zero.n_states), parameters=list(form.unfolding), order=form.order
    )
    assert again.kind == form.kind
    for name, factor in factors.items():
        assert again[name] == pytest.approx(form[name] * factor, rel=1e-9, abs=1e-12)
    for name, row in again.unfolding.items():
        size = factors["c1"] if name == "beta2" and form.kind == "generalized_hopf" else 1.0
        assert row == pytest.approx({other: size * (other == name) for other in row}, abs=1e-9)
    assert export_model(form.field, state=own.state).parameter_names == tuple(form.unfolding)


def test_bogdanov_takens():
    a, b = 0.6, -0.8
    second = {(2, 0, 0, 0): a, (1, 1, 0, 0): b}
    added(second, BETA1, (0, 0), 4)
    added(second, BETA2, (0, 1), 4)
    field, T = disguised([{(0, 1, 0, 0): 1.0}, second], 3, PARAMETERS, 0, order=3)
    form = normal_form(field, np.zeros(5), parameters=["a", "b"])
    (s,) = lengths(T, 0)
    assert form.kind == "bogdanov_takens"
    assert form.disagreement < EQUAL
    assert form["a"] == pytest.approx(a / s, rel=1e-10)
    assert form["b"] == pytest.approx(b / s, rel=1e-10)
    np.testing.assert_allclose(slopes(form, "beta1"), s * BETA1, rtol=1e-9)
    along = np.array([0.4, 0.7])  # beta1 = 0: there beta2 has a meaning of its own
    assert along @ slopes(form, "beta2") == pytest.approx(along @ BETA2, rel=1e-9)
    check_own_field(form, a=1, b=1)
    with pytest.raises(InputError, match="no closed predictions"):
        form.predict({"a": 0.1})


def test_fold_hopf():
    square, mixed, cube, third = 0.7, -0.5, 0.2, 0.3
    linear, rate2, cubic = 0.4 - 0.2j, -0.6 + 0.1j, -0.3 + 0.5j
    first = {(2, 0, 0, 0, 0): square, (0, 2, 0, 0, 0): mixed, (0, 0, 2, 0, 0): mixed, (3, 0, 0, 0, 0): cube}
    first |= {(1, 2, 0, 0, 0): third, (1, 0, 2, 0, 0): third}
    added(first, BETA1, (0, 0, 0), 5)
    factor = {(0, 0, 0, 0, 0): 1.3j, (1, 0, 0, 0, 0): linear, (2, 0, 0, 0, 0): rate2}
    factor |= {(0, 2, 0, 0, 0): cubic, (0, 0, 2, 0, 0): cubic}
    added(factor, BETA2 + 0j, (0, 0, 0), 5)
    field, T = disguised([first, *pair_terms(factor, 1, 2)], 2, PARAMETERS, 1, order=3)
    form = normal_form(field, np.zeros(5), parameters=["a", "b"])
    s0, s1 = lengths(T, 0, (1, 2))
    assert form.kind == "fold_hopf"
    assert form.disagreement < EQUAL
    assert form["G200"] == pytest.approx(square / s0, rel=1e-10)
    assert form["G011"] == pytest.approx(mixed * s0 / s1**2, rel=1e-10)
    assert form["G110"] == pytest.approx(linear / s0, rel=1e-10)
    assert form["s"] == -1
    assert form["theta"] == pytest.approx(linear.real / square, rel=1e-10)
    invariant = rate2.real + linear.real * (cubic.real / mixed - 1.5 * cube / square + third / (2 * mixed))
    invariant -= cubic.real * square / mixed
    assert form["E"] == pytest.approx(invariant / s0**2, rel=1e-9)
    np.testing.assert_allclose(slopes(form, "beta1"), s0 * BETA1, rtol=1e-9)
    along = np.array([0.4, 0.7])  # beta1 = 0
    assert along @ slopes(form, "beta2") == pytest.approx(along @ BETA2, rel=1e-9)
    check_own_field(form, G200=1, G011=2, G300=1, G111=2, G110=1, G210=1, G021=2)


def test_double_hopf():
    G = {"G2100": -0.5 + 0.2j, "G1011": 0.7 - 0.1j, "G1110": -0.4 + 0.3j, "G0021": 0.6 + 0.5j}
    zero = (0, 0, 0, 0)
    squares = [tuple(2 * (i == j) for i in range(4)) for j in range(4)]

    def factor(frequency, one, two, beta):
        terms = {(*zero, 0, 0): frequency * 1j}
        terms |= {(*key, 0, 0): c for key, c in zip(squares, (one, one, two, two), strict=True)}
        return added(terms, beta + 0j, zero, 6)

    first = pair_terms(factor(1.9, G["G2100"], G["G1011"], BETA1 + 0.5j), 0, 1)
    second = pair_terms(factor(1.0, G["G1110"], G["G0021"], BETA2), 2, 3)
    field, T = disguised([*first, *second], 1, PARAMETERS, 2, order=3)
    form = normal_form(field, np.zeros(5), parameters=["a", "b"], order=3)
    s1, s2 = lengths(T, (0, 1), (2, 3))
    sizes = {"G2100": s1, "G1011": s2, "G1110": s1, "G0021": s2}
    assert form.kind == "double_hopf"
    assert form.disagreement < EQUAL
    assert form.frequencies == pytest.approx((1.9, 1.0), rel=1e-12)
    for name, c in G.items():
        assert form[name] == pytest.approx(c / sizes[name] ** 2, rel=1e-9)
    assert form["theta"] == pytest.approx(0.7 / 0.6, rel=1e-9)
    assert form["delta"] == pytest.approx(0.4 / 0.5, rel=1e-9)
    np.testing.assert_allclose(slopes(form, "beta1"), BETA1, rtol=1e-9)
    np.testing.assert_allclose(slopes(form, "beta2"), BETA2, rtol=1e-9)
    assert form.frequency_slopes["omega1"]["a"] == pytest.approx(0.5, rel=1e-9)
    check_own_field(form, G2100=2, G1011=2, G1110=2, G0021=2)


def test_bautin():
    c1, c2 = 0.4j, -0.6 + 0.2j
    factor = {(0, 0, 0, 0): 1.1j, (2, 0, 0, 0): c1, (0, 2, 0, 0): c1}
    factor |= {(4, 0, 0, 0): c2, (2, 2, 0, 0): 2 * c2, (0, 4, 0, 0): c2}
    added(factor, BETA1 + 0j, (0, 0), 4)
    for key in ((2, 0), (0, 2)):
        added(factor, BETA2 + 0j, key, 4)
    field, T = disguised(pair_terms(factor, 0, 1), 2, PARAMETERS, 3, order=5)
    form = normal_form(field, np.zeros(4), parameters=["a", "b"])
    (s,) = lengths(T, (0, 1))
    assert form.kind == "generalized_hopf"
    assert form["c1"] == pytest.approx(c1 / s**2, abs=1e-11)
    assert form["Re c2"] == pytest.approx(c2.real / s**4, rel=1e-9)
    np.testing.assert_allclose(slopes(form, "beta1"), BETA1, rtol=1e-9)
    along = np.array([0.4, 0.7])  # beta1 = 0
    assert along @ slopes(form, "beta2") == pytest.approx(along @ BETA2 / s**2, rel=1e-8)
    assert form.disagreement < EQUAL
    check_own_field(form, c1=2, c2=4)


def test_cusp():
    c = -0.7
    side = {(3, 0, 0): c}
    added(side, BETA1, (0,), 3)
    added(side, BETA2, (1,), 3)
    field, T = disguised([side], 3, PARAMETERS, 4, order=3)
    form = normal_form(field, np.zeros(4), parameters=["a", "b"], order=3)
    (s,) = lengths(T, 0)
    assert form.kind == "cusp"
    assert form["c"] == pytest.approx(c / s**2, rel=1e-9)
    np.testing.assert_allclose(slopes(form, "beta1"), s * BETA1, rtol=1e-9)
    along = np.array([0.4, 0.7])
    assert along @ slopes(form, "beta2") == pytest.approx(along @ BETA2, rel=1e-9)
    assert form.disagreement < EQUAL
    check_own_field(form, c=1)


def test_a_point_of_a_diagram_in_two_parameters_sets_both():
    """x' = y, y' = s + t x + x^2 - x y: located by its curves, a = 1 and b = -1 at (0, 0)."""
    x, y, s, t = sympy.symbols("x y s t")
    field = ssmsym.from_sympy({x: y, y: s + t * x + x**2 - x * y}, parameters={s: -1.0, t: -1.0})
    special = ssmsym.branches(field, "s", (-0.5, 0.5)).special_points
    diagram = ssmsym.trace_bifurcation_curves(field, special, ("s", "t"), (-0.5, 0.5), (-1.2, 1.0))
    (point,) = diagram.of_kind("bogdanov_takens")
    form = ssmsym.normal_form(field, point, parameters=["s", "t"])
    assert form.kind == "bogdanov_takens"
    assert form.agrees
    assert (form["a"], form["b"]) == (pytest.approx(1.0, rel=1e-8), pytest.approx(-1.0, rel=1e-8))
    with pytest.raises(ssmsym.InputError, match="needs both"):
        ssmsym.normal_form(field, point, parameters=["s"])
