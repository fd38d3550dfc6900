"""Spectral submanifolds of maps: closed forms, orders of convergence, the Euler map against its ODE."""

import numpy as np
import pytest
import sympy
from synthetic import error_slope, pair, planted_network

import ssmsym

x, y = sympy.symbols("x y")


def quadratic_map(slow, fast):
    """x -> mu x, y -> lambda y + x^2: y = x^2 / (mu^2 - lambda)."""
    return ssmsym.from_sympy({x: slow * x, y: fast * y + x**2}, time="discrete")


@pytest.mark.parametrize(("slow", "fast"), [(0.9, 0.3), (-0.8, 0.2), (1.2, 0.5), (0.9, -0.6)])
def test_quadratic_map_in_closed_form(slow, fast):
    ssm = ssmsym.compute_ssm(quadratic_map(slow, fast), [0.0, 0.0], modes=1, order=6)
    wanted = np.zeros((7, 2))
    wanted[1, 0], wanted[2, 1] = 1.0, 1 / (slow**2 - fast)
    np.testing.assert_allclose(ssm.parametrization.coefficients, wanted, atol=1e-13)
    np.testing.assert_allclose(ssm.reduced_dynamics.coefficients[:, 0], [0, slow, 0, 0, 0, 0, 0], atol=1e-13)


def test_resonance_of_the_quadratic_map_is_refused():
    with pytest.raises(ssmsym.ResonanceError) as caught:
        ssmsym.compute_ssm(quadratic_map(0.5, 0.25), [0.0, 0.0], modes=1, order=3)
    assert (caught.value.degree, caught.value.combination) == (2, (2,))


def test_polynomial_map_with_cubic_reduced_dynamics():
    """x -> a x + x^3, y -> b y + x^2: w_2 = 1 / (a^2 - b), w_4 = -2 a w_2 / (a^4 - b), by hand."""
    rate, fast = 0.9, 0.2
    field = ssmsym.from_sympy({x: rate * x + x**3, y: fast * y + x**2}, time="discrete")
    ssm = ssmsym.compute_ssm(field, [0.0, 0.0], modes=1, order=5)
    second = 1 / (rate**2 - fast)
    fourth = -2 * rate * second / (rate**4 - fast)
    np.testing.assert_allclose(
        ssm.parametrization.coefficients[:, 1], [0, 0, second, 0, fourth, 0], atol=1e-12
    )
    np.testing.assert_allclose(ssm.reduced_dynamics.coefficients[:, 0], [0, rate, 0, 1, 0, 0], atol=1e-13)


def blocks(*parts):
    n = sum(len(part) for part in parts)
    out, at = np.zeros((n, n)), 0
    for part in parts:
        out[at : at + len(part), at : at + len(part)] = part
        at += len(part)
    return out


MASTERS = {
    "node": [[-0.05]],
    "saddle": np.diag([0.06, -0.08]),
    "pair": pair(-0.06, 0.4),
    "pair+real": blocks(pair(-0.06, 0.4), [[-0.15]]),
    "jordan": [[-0.05, 0.5], [0.0, -0.05]],
}


@pytest.mark.parametrize("parameters", [(), ("u[0]",)], ids=["no-parameter", "u[0]"])
@pytest.mark.parametrize("name", MASTERS)
def test_invariance_error_of_the_euler_map(name, parameters):
    field, state = planted_network(MASTERS[name])
    euler = field.discretized(0.3)
    d = len(MASTERS[name])
    ssm = ssmsym.compute_ssm(euler, state, modes=d, order=4, parameters=parameters)
    multipliers = 1 + 0.3 * np.linalg.eigvals(np.asarray(MASTERS[name], dtype=float))
    np.testing.assert_allclose(
        np.sort_complex(ssm.eigenvalues), np.sort_complex(multipliers.astype(complex)), atol=1e-7
    )
    assert error_slope(ssm) == pytest.approx(5, abs=0.1)


def test_euler_map_approaches_the_flow():
    """Coefficients of the map's SSM differ from the flow's by O(dt), its rates (R - 1) / dt too."""
    field, state = planted_network([[-0.05]])
    flow = ssmsym.compute_ssm(field, state, modes=1, order=4)
    errors = []
    for dt in (0.02, 0.01):
        ssm = ssmsym.compute_ssm(field.discretized(dt), state, modes=1, order=4)
        rates = (ssm.reduced_dynamics.coefficients[:, 0] - [0, 1, 0, 0, 0]) / dt
        errors.append(
            [
                np.abs(ssm.parametrization.coefficients - flow.parametrization.coefficients).max(),
                np.abs(rates - flow.reduced_dynamics.coefficients[:, 0]).max(),
            ]
        )
    ratios = np.array(errors[0]) / np.array(errors[1])
    np.testing.assert_allclose(ratios, 2.0, atol=0.1)


def test_reduced_map_steps_with_the_network(tmp_path):
    field, state = planted_network(pair(-0.06, 0.4))
    euler = field.discretized(0.3)
    ssm = ssmsym.compute_ssm(euler, state, modes=2, order=7)
    model = ssmsym.reduce(ssm)
    assert model.field.is_map
    p = np.array([0.05, -0.03])
    steps = [0, 1, 20]
    reduced = ssmsym.simulate(model.field, p, steps).states
    full = ssmsym.simulate(euler, model.lift(p), steps).states
    np.testing.assert_allclose(model.lift(reduced), full, atol=1e-8)
    assert model.text(order=1).startswith("p1 -> ")
    assert r"\mapsto" in model.latex()
    ssmsym.save(ssm, tmp_path / "map.npz")
    again = ssmsym.load_model(tmp_path / "map.npz")
    np.testing.assert_array_equal(again.lift(p), ssm.lift(p))
    assert ssmsym.model_from_json(ssmsym.model_to_json(model)).field.is_map


def test_fixed_points_of_the_reduced_map_are_confirmed():
    field = ssmsym.load(ssmsym.network_path("delay_n100_a"), as_="map")
    points = [p for p in ssmsym.find_fixed_points(field) if p.index == 1]
    saddle = min(points, key=lambda p: abs(p.eigenvalues[0]))
    evidence = ssmsym.compute_ssm(field, saddle, modes=1, order=9).evidence
    found = sorted(float(f.p[0]) for f in evidence.fixed_points if f.status == "confirmed")
    near = [abs(p) for p in found if abs(p) < 2.5]
    # fixed points of map and ODE are the same, and so is the projection on the slow mode: p = -1.8081, 1.7475
    np.testing.assert_allclose(sorted(near), [1.7475, 1.8081], atol=2e-3)
