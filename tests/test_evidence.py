"""Evidence: radii, trust radius, reduced fixed points, held against independently computed facts."""

import numpy as np
import pytest
import sympy
from scipy.optimize import fsolve
from synthetic import pair, planted_network

import ssmsym
from ssmsym.manifolds.radius import estimate_radius


def middle_saddle(field):
    """The fixed point of the memory network with the slowest growing direction."""
    points = ssmsym.find_fixed_points(field, starts=256)
    return points, min((p for p in points if p.index == 1), key=lambda p: p.eigenvalues[0].real)


@pytest.fixture(scope="module")
def memory():
    field = ssmsym.load(ssmsym.network_path("delay_n100_a"))
    return field, *middle_saddle(field)


def test_geometric_series_has_its_radius():
    x, y = sympy.symbols("x y")
    field = ssmsym.from_sympy({x: -x, y: -60.5 * y + 1 / (1 - x / 2) - 1 - x / 2})
    evidence = ssmsym.compute_ssm(field, [0.0, 0.0], modes=1, order=30).evidence
    assert not evidence.parametrization_radius.shrinks
    assert evidence.radius == pytest.approx(2.0, rel=0.15)  # y_k = 2^-k / (60.5 - k)
    assert np.isinf(evidence.dynamics_radius.value)


@pytest.mark.parametrize("radius", [0.3, 1.0, 7.0])
def test_radius_of_algebraic_singularities(radius):
    for power in (-0.5, 0.5, 1.5):  # coefficients of (1 - x / radius)^power
        k = np.arange(1, 121)
        c = np.abs(np.cumprod((k - 1 - power) / k) * radius ** (-k.astype(float)))
        estimate = estimate_radius(c)
        assert not estimate.shrinks
        assert estimate.value == pytest.approx(radius, rel=0.15)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_factorial_growth_is_called_shrinking(exponent):
    k = np.arange(1, 16)
    heights = np.exp(exponent * np.cumsum(np.log(k)))
    assert estimate_radius(heights).shrinks


def test_polynomial_manifold_has_unlimited_radius():
    x, y = sympy.symbols("x y")
    field = ssmsym.from_sympy({x: -x, y: -5 * y + x**2})
    evidence = ssmsym.compute_ssm(field, [0.0, 0.0], modes=1, order=8).evidence
    assert np.isinf(evidence.radius)
    assert "unlimited" in repr(evidence)


def test_slope_and_trust_radius_follow_the_error():
    field, state = planted_network(np.diag([-0.05, -0.12]))
    ssm = ssmsym.compute_ssm(field, state, modes=2, order=5)
    evidence = ssm.evidence
    assert evidence.slope == pytest.approx(6, abs=0.15)
    tight, loose = evidence.trust_radius(1e-6), evidence.trust_radius(1e-3)
    assert 0 < tight < loose
    angle = np.linspace(0, 2 * np.pi, 200)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    speed = np.linalg.norm(ssm.full_velocity(ssm.coordinates(tight * circle)), axis=1).max()
    assert ssm.invariance_error(tight * circle).max() / speed == pytest.approx(1e-6, rel=0.3)


def test_errors_by_order_decrease_and_have_their_slopes():
    field, state = planted_network(pair(-0.06, 0.4))
    ssm = ssmsym.compute_ssm(field, state, modes=2, order=5)
    errors = ssm.evidence.errors_by_order
    assert errors.shape == (5, len(ssm.evidence.radii))
    clear = np.flatnonzero(errors[4] > 1e-12)[:4]
    assert len(clear) >= 3
    for order in range(1, 6):
        slope = np.polyfit(np.log(ssm.evidence.radii[clear]), np.log(errors[order - 1, clear]), 1)[0]
        assert slope == pytest.approx(order + 1, abs=0.5)
    assert (np.diff(errors[:, clear[0]]) < 0).all()


def test_truncation_equals_the_expansion_to_lower_order():
    field, state = planted_network(pair(-0.06, 0.4))
    high = ssmsym.compute_ssm(field, state, modes=2, order=6, parameters=["u[0]"], parameter_order=2)
    low = ssmsym.compute_ssm(field, state, modes=2, order=3, parameters=["u[0]"], parameter_order=2)
    cut = high.truncated(3)
    np.testing.assert_allclose(cut.parametrization.coefficients, low.parametrization.coefficients, atol=1e-14)


def test_drift_is_the_share_of_the_last_degree():
    x, y = sympy.symbols("x y")
    field = ssmsym.from_sympy({x: -x + x**3, y: -3 * y})
    ssm = ssmsym.compute_ssm(field, [0.0, 0.0], modes=1, order=3)
    assert ssm.evidence.drift(0.5) == pytest.approx(0.125 / 0.375)


def test_parameter_range_ends_where_the_error_does():
    field, state = planted_network([[-0.05]])
    ssm = ssmsym.compute_ssm(field, state, modes=1, order=4, parameters=["u[0]"])
    low, high = ssm.evidence.parameter_range("u[0]", 1e-3)
    assert low < field.parameters["u[0]"] < high
    inside, outside = (
        ssm.invariance_error([0.0], [u]) / np.linalg.norm(ssm.full_velocity(np.array([0.0, u])))
        for u in (0.5 * high, 3 * high)
    )
    assert inside < 1e-3 < outside


# -- the memory network: facts from independent code ---------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "neighbours", "digits"),
    [(5, (-1.8000, 1.7400), 4), (9, (-1.8076, 1.7471), 4), (13, (-1.8081, 1.7475), 4)],
)
def test_memory_network_neighbours_of_the_middle_saddle(memory, order, neighbours, digits):
    field, _, saddle = memory
    assert saddle.per_tau[0].real == pytest.approx(0.0108, abs=5e-5)
    evidence = ssmsym.compute_ssm(field, saddle, modes=1, order=order).evidence
    confirmed = sorted(float(f.p[0]) for f in evidence.fixed_points if f.status == "confirmed")
    near = [p for p in confirmed if abs(p) < 2]
    np.testing.assert_allclose(np.sort(np.abs(near)), np.sort(np.abs(neighbours)), atol=0.6 * 10**-digits)


def test_memory_network_radius(memory):
    field, _, saddle = memory
    evidence = ssmsym.compute_ssm(field, saddle, modes=1, order=13).evidence
    assert evidence.radius == pytest.approx(5, abs=1)


def test_confirmed_points_are_fixed_points_of_the_network(memory):
    field, points, saddle = memory
    evidence = ssmsym.compute_ssm(field, saddle, modes=1, order=9).evidence
    assert len(evidence.findings) == 2
    for found in evidence.findings:
        distances = [np.linalg.norm(found.point.state - p.state) for p in points]
        assert min(distances) < 1e-9
        assert np.linalg.norm(field(found.point.state)) < 1e-11
        assert found.distance < 0.01


@pytest.mark.parametrize(("order", "folds"), [(5, (-0.003524, 0.003761)), (9, (-0.003525, 0.003762))])
def test_memory_network_folds_of_the_reduced_equation(memory, order, folds):
    field, _, saddle = memory
    ssm = ssmsym.compute_ssm(field, saddle, modes=1, order=order, parameters=["u[0]"])
    R = ssm.reduced_dynamics
    slope = R.derivative(0)
    found = []
    for start in ([0.9, -0.0035], [-0.9, 0.0035]):
        p, u = fsolve(lambda z: [R(z)[0], 100 * slope(z)[0]], start, xtol=1e-13)
        assert abs(R([p, u])[0]) < 1e-10
        found.append(u)
    np.testing.assert_allclose(sorted(found), folds, atol=6e-7)


def test_reduced_model_is_a_field_with_the_same_numbers(memory):
    field, _, saddle = memory
    ssm = ssmsym.compute_ssm(field, saddle, modes=1, order=7, parameters=["u[0]"], parameter_order=2)
    model = ssmsym.reduce(ssm)
    at = model.field.at({"u[0]": 0.003})
    p = np.array([[-1.0], [0.2], [0.9]])
    np.testing.assert_allclose(at(p), ssm.reduced_dynamics(ssm.coordinates(p, [0.003])), rtol=1e-14)
    np.testing.assert_allclose(model.lift(p, {"u[0]": 0.003}), ssm.lift(p, [0.003]), rtol=1e-14)
    np.testing.assert_allclose(at.readout(p), ssm.readout(ssm.coordinates(p, [0.003])), rtol=1e-14)
    symbolic = model.equations[model.symbols[0]]
    value = symbolic.subs({model.symbols[0]: 0.2, model.parameter_symbols["u[0]"]: 0.003})
    assert float(value) == pytest.approx(float(at([0.2])[0]), rel=1e-12)


def test_reduced_model_at_a_nonzero_parameter_takes_absolute_values(memory):
    field, _, saddle = memory
    shifted = field.at({"u[0]": 0.001})
    point = ssmsym.refine_fixed_point(shifted, saddle.state)
    model = ssmsym.reduce(ssmsym.compute_ssm(shifted, point, modes=1, order=5, parameters=["u[0]"]))
    assert model.field.parameters["u[0]"] == 0.001
    assert abs(model.field([0.0])[0]) < 1e-12
    np.testing.assert_array_equal(model.lift([0.0], {"u[0]": 0.001}), point.state)
    assert "u_{0} - 0.001" in model.latex()


def test_reducing_a_reduced_model_gives_the_same_series(memory):
    field, _, saddle = memory
    ssm = ssmsym.compute_ssm(field, saddle, modes=1, order=6)
    again = ssmsym.compute_ssm(ssmsym.reduce(ssm).field, [0.0], modes=1, order=6)
    np.testing.assert_allclose(
        again.reduced_dynamics.coefficients, ssm.reduced_dynamics.coefficients, rtol=1e-11, atol=1e-16
    )


def test_two_dimensional_reduced_fixed_points():
    x, y, z = sympy.symbols("x y z")
    field = ssmsym.from_sympy({x: x - x**3, y: 0.5 * y - 0.5 * y**3, z: -4 * z + x * y})
    evidence = ssmsym.compute_ssm(field, np.zeros(3), modes=2, order=7).evidence
    confirmed = {tuple(np.round(f.p, 6) + 0.0) for f in evidence.fixed_points if f.status == "confirmed"}
    grid = {(a, b) for a in (-1.0, 0.0, 1.0) for b in (-1.0, 0.0, 1.0)} - {(0.0, 0.0)}
    assert confirmed == grid
