"""Branches of fixed points against closed forms, published values and independently computed folds."""

import numpy as np
import pytest
import sympy

import ssmsym

a, beta, mu, lam, w, p, x, y, z, s = sympy.symbols("a beta mu lambda w p x y z s")


def cusp_field():
    return ssmsym.from_sympy({p: mu + lam * p - p**3}, parameters={mu: 0.0, lam: 1.0})


def bautin_field():
    square = x**2 + y**2
    growth, turn = mu + square - square**2, 1 + square / 2
    return ssmsym.from_sympy({x: growth * x - turn * y, y: turn * x + growth * y}, parameters={mu: -0.5})


def reactor(b):
    right = a * (1 - x) * sympy.exp(y)
    return ssmsym.from_sympy({x: -x + right, y: -y + b * right - 3 * y}, parameters={a: 0.0})


def oxidation():
    q1, q3, q4, q5, q6, k = 2.5, 10, 0.0675, 1, 0.1, 0.4
    free = 1 - x - y - s
    q2 = sympy.Symbol("q2")
    return ssmsym.from_sympy(
        {
            x: 2 * q1 * free**2 - 2 * q5 * x**2 - q3 * x * y,
            y: q2 * free - q6 * y - q3 * x * y,
            s: q4 * (free - k * s),
        },
        parameters={q2: 1.0},
    )


def values(diagram, kind):
    return [point.parameter for point in diagram.of_kind(kind)]


def assert_evidence(diagram, field):
    low, high = diagram.interval
    for point in diagram.special_points:
        here = field.at({diagram.parameter: point.parameter})
        assert low <= point.parameter <= high
        assert np.linalg.norm(here(point.state)) < 1e-9
        eigenvalues = np.linalg.eigvals(here.jacobian(point.state))
        assert np.abs(eigenvalues.real).min() < 1e-6


def test_folds_of_the_cubic():
    diagram = ssmsym.branches(cusp_field(), "mu", (-2.0, 2.0))
    truth = 2 / 3**1.5
    np.testing.assert_allclose(values(diagram, "fold"), [-truth, truth], atol=1e-10)
    np.testing.assert_allclose(
        [q.state[0] for q in diagram.of_kind("fold")], [3**-0.5, -(3**-0.5)], atol=1e-8
    )
    assert len(diagram.branches) == 1
    assert not diagram.rejected
    branch = diagram.branches[0]
    assert {branch.parameter[0], branch.parameter[-1]} == {-2.0, 2.0}
    exact = branch.parameter + branch.states[:, 0] - branch.states[:, 0] ** 3
    assert np.abs(exact).max() < 1e-10
    np.testing.assert_array_equal(branch.stable, np.abs(branch.states[:, 0]) > 3**-0.5)


def test_hopf_point_of_the_bautin_form():
    diagram = ssmsym.branches(bautin_field(), "mu", (-1.0, 0.5))
    (point,) = diagram.special_points
    assert point.kind == "hopf"
    assert point.parameter == pytest.approx(0.0, abs=1e-10)
    assert point.period == pytest.approx(2 * np.pi)
    assert point.critical_distance < 1e-10


@pytest.mark.parametrize("weight", [5.0, 6.0, 8.0])
def test_folds_of_one_logistic_unit(weight):
    current = sympy.Symbol("I")
    field = ssmsym.from_sympy(
        {y: -y + w / (1 + sympy.exp(-(y + current)))}, parameters={w: weight, current: -3.0}
    )
    diagram = ssmsym.branches(field, "I", (-8.0, 1.0))
    root = np.sqrt(weight * (weight - 4))
    shift = 2 * np.log((np.sqrt(weight) + np.sqrt(weight - 4)) / 2)
    truth = sorted([shift - (weight + root) / 2, -shift - (weight - root) / 2])
    np.testing.assert_allclose(values(diagram, "fold"), truth, atol=1e-10)


def test_hopf_point_of_adaptx():
    alpha = sympy.Symbol("alpha")
    field = ssmsym.from_sympy({x: y, y: z, z: -alpha * z - y - x + x**2}, parameters={alpha: 0.8})
    diagram = ssmsym.branches(field, "alpha", (0.2, 2.0), points=[np.zeros(3)])
    (point,) = diagram.special_points
    assert point.kind == "hopf"
    assert point.parameter == pytest.approx(1.0, abs=1e-10)
    assert point.period == pytest.approx(2 * np.pi, abs=1e-8)


def test_oxidation_folds_and_hopf_points():
    field = oxidation()
    states = np.random.default_rng(0).dirichlet(np.ones(4), 200)[:, :3]
    points = [q for q in ssmsym.find_fixed_points(field, starts=states) if q.state.min() > 0]
    diagram = ssmsym.branches(field, "q2", (0.5, 2.0), points=points)
    np.testing.assert_allclose(values(diagram, "fold"), [1.0420485, 1.0522003], atol=6e-8)
    np.testing.assert_allclose(values(diagram, "hopf"), [1.0409916, 1.0515575], atol=6e-8)
    frequencies = [2 * np.pi / q.period for q in diagram.of_kind("hopf")]
    np.testing.assert_allclose(frequencies, [0.0591061, 0.0507403], atol=6e-8)
    assert_evidence(diagram, field)


@pytest.mark.parametrize(
    ("b", "hopf", "folds"),
    [
        (14.0, [0.165042, 0.3365505], []),
        (18.0, [0.111153, 0.1838346], [2 * np.exp(-3), np.exp(-1.5) / 2]),
    ],
)
def test_auto_demo_ab(b, hopf, folds):
    field = reactor(b)
    diagram = ssmsym.branches(field, "a", (0.0, 0.5), points=[np.zeros(2)])
    np.testing.assert_allclose(values(diagram, "hopf"), hopf, atol=6e-7)
    np.testing.assert_allclose(values(diagram, "fold"), folds, atol=1e-10)
    assert_evidence(diagram, field)


def test_transcritical_and_pitchfork_are_branch_points():
    for right in (mu * x - x**2, mu * x - x**3):
        field = ssmsym.from_sympy({x: right}, parameters={mu: 0.3})
        diagram = ssmsym.branches(field, "mu", (-1.0, 1.0), points=[[0.0]])
        (point,) = diagram.special_points
        assert point.kind == "branch_point"
        assert point.parameter == pytest.approx(0.0, abs=1e-10)


def test_memory_network_has_six_folds(shipped):
    field = shipped("delay_n100_a")
    diagram = ssmsym.branches(field, "u[0]", (-0.03, 0.03))
    truth = [-0.017303, -0.009903, -0.003525, 0.003762, 0.010052, 0.016915]
    np.testing.assert_allclose(values(diagram, "fold"), truth, atol=6e-7)
    assert len(diagram.special_points) == 6
    assert_evidence(diagram, field)


@pytest.mark.slow
def test_decision_network_folds(shipped):
    field = shipped("cdd_n100_a").at(u="context 1, no evidence")
    diagram = ssmsym.branches(field, "u[0]", (-0.3, 0.3))
    truth = [-0.0176996, -0.0119228, 0.0103462, 0.0193881]
    np.testing.assert_allclose(values(diagram, "fold"), truth, atol=6e-8)
    assert_evidence(diagram, field)


def test_context_path_folds(shipped):
    field = shipped("cdd_n100_a").along("context", {"u": [0, 0, 1, 0]}, {"u": [0, 0, 0, 1]})
    diagram = ssmsym.branches(field, "context", (0.0, 1.0))
    truth = [0.0688589, 0.141654, 0.725403, 0.746029]
    np.testing.assert_allclose(values(diagram, "fold"), truth, atol=6e-7)


def test_sine_generator_hopf_of_the_ode(shipped):
    field = shipped("sine_ode_n100_a").at(u=[1.0, 0.0, 0.0])
    diagram = ssmsym.branches(field, "u[1]", (-0.5, 1.0), starts=64)
    assert values(diagram, "hopf") == pytest.approx([0.07157], abs=6e-6)


@pytest.mark.parametrize("order", [5, 9])
def test_reduced_folds_are_confirmed_on_the_network(shipped, order):
    field = shipped("delay_n100_a")
    saddle = min(
        (q for q in ssmsym.find_fixed_points(field) if q.index == 1), key=lambda q: q.eigenvalues[0].real
    )
    ssm = ssmsym.compute_ssm(field, saddle, modes=1, order=order, parameters=["u[0]"])
    diagram = ssmsym.branches(ssmsym.reduce(ssm), "u[0]", (-0.03, 0.03))
    full = [-0.003525, 0.003762]
    assert [q.confirmed for q in diagram.special_points] == [True, True]
    np.testing.assert_allclose([q.full_parameter for q in diagram.special_points], full, atol=6e-7)
    np.testing.assert_allclose(values(diagram, "fold"), full, atol=2e-6 if order == 5 else 6e-7)
    radius = ssm.evidence.trust_radius(1e-2)
    assert all(np.abs(branch.states).max() <= radius for branch in diagram.branches)
    assert any("trusted" in end for branch in diagram.branches for end in branch.ends)


def test_reduced_hopf_point_is_confirmed(shipped):
    field = shipped("sine_ode_n100_a").at(u=[1.0, 0.06, 0.0])
    (point,) = ssmsym.find_fixed_points(field, starts=64)
    ssm = ssmsym.compute_ssm(field, point, modes=2, order=5, parameters=["u[1]"], parameter_order=3)
    diagram = ssmsym.branches(ssmsym.reduce(ssm), "u[1]", (0.04, 0.1))
    (found,) = diagram.of_kind("hopf")
    assert found.confirmed
    assert found.full_parameter == pytest.approx(0.07157, abs=6e-6)
    assert found.parameter == pytest.approx(found.full_parameter, abs=1e-4)


def test_errors_name_the_culprit():
    field = cusp_field()
    with pytest.raises(ssmsym.InputError, match="no parameter 'nu'"):
        ssmsym.branches(field, "nu", (0.0, 1.0))
    with pytest.raises(ssmsym.InputError, match="a lower and a higher finite end"):
        ssmsym.branches(field, "mu", (1.0, -1.0))
    with pytest.raises(ssmsym.InputError, match="outside the interval"):
        ssmsym.branches(field, "mu", (1.0, 2.0), points=[[1.0]])
