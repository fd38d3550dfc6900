"""The SSM of an ODE beside that of its Euler map: closed forms, convergence, refusals, the command."""

import json

import numpy as np
import pytest
import sympy
from click.testing import CliRunner
from synthetic import pair, planted_network

import ssmsym
from ssmsym.cli import main

x, y, b, beta, mu = sympy.symbols("x y b beta mu")


def parabola(rate):
    """x' = -x, y' = -rate y + x^2: y = x^2 / (rate - 2); Euler map: y = dt x^2 / ((1 - dt)^2 - (1 - rate dt))."""
    return ssmsym.from_sympy({x: -x, y: -rate * y + x**2}, parameters={})


def coefficients(polynomial, degree):
    return polynomial.coefficients[polynomial.exponents.sum(axis=1) == degree]


@pytest.mark.parametrize(("rate", "dt"), [(3.0, 0.1), (5.0, 0.25), (1.5, 0.01)])
def test_parabola_in_closed_form(rate, dt):
    both = ssmsym.compare_map_and_flow(parabola(rate), [0.0, 0.0], modes=1, order=4, step=dt)
    np.testing.assert_allclose(both.eigenvalues, [-1, -rate], atol=1e-14)
    np.testing.assert_allclose(both.multipliers, [1 - dt, 1 - rate * dt], atol=1e-14)
    assert both.identity_error < 1e-14
    np.testing.assert_allclose(coefficients(both.flow.parametrization, 2), [[0, 1 / (rate - 2)]], atol=1e-12)
    by_hand = dt / ((1 - dt) ** 2 - (1 - rate * dt))
    np.testing.assert_allclose(coefficients(both.map.parametrization, 2), [[0, by_hand]], atol=1e-11)
    for rates in (both.flow_rates, both.map_rates):
        np.testing.assert_allclose(rates.ravel(), [0, -1, 0, 0, 0], atol=1e-12)
    assert (both.flow_index, both.map_index, both.agree_on_stability) == (0, 0, True)
    assert "is stable in both" in both.verdict


def test_reduced_dynamics_in_closed_form():
    """x' = -x + x y feels the parabola: -1/(3 - 2) in the ODE's cubic term, 1/(1 + dt) in the map's."""
    field = ssmsym.from_sympy({x: -x + x * y, y: -3 * y + x**2}, parameters={})
    both = ssmsym.compare_map_and_flow(field, [0.0, 0.0], modes=1, order=3, step=0.25)
    np.testing.assert_allclose(both.flow_rates.ravel(), [0, -1, 0, 1], atol=1e-12)
    np.testing.assert_allclose(both.map_rates.ravel(), [0, -1, 0, 0.8], atol=1e-12)
    np.testing.assert_allclose(both.differences.ravel(), [0, 0, 0, -0.2], atol=1e-12)
    assert both.relative_differences[3] == pytest.approx(0.2)
    assert 2 not in both.relative_differences
    assert both.flow_trust_radius == both.flow.evidence.trust_radius(1e-2)
    assert both.map_trust_radius == both.map.evidence.trust_radius(1e-2)


def three_modes():
    block = np.zeros((3, 3))
    block[:2, :2], block[2, 2] = pair(-0.2, 10.0), -0.1
    return planted_network(block)


PARAMETERS = pytest.mark.parametrize("parameters", [(), ("u[0]",)], ids=["no-parameter", "u[0]"])


@PARAMETERS
def test_both_are_in_the_same_coordinates(parameters):
    """The map sorts its modes in another order than the ODE: |1 + dt (-0.2 + 10i)| > 1 - 0.1 dt."""
    field, state = three_modes()
    both = ssmsym.compare_map_and_flow(
        field, state, modes=3, order=4, parameters=parameters, parameter_order=2, step=0.01
    )
    assert both.modes == (0, 1, 2)
    assert both.eigenvalues[0] == pytest.approx(-0.1, abs=1e-9)
    assert both.map.modes == (2, 0, 1)
    np.testing.assert_allclose(both.map.eigenvalues, 1 + 0.01 * both.flow.eigenvalues, atol=1e-12)
    assert (both.flow_index, both.map_index) == (0, 2)
    np.testing.assert_allclose(both.map.right, both.flow.right, atol=1e-9)
    np.testing.assert_allclose(both.map.left, both.flow.left, atol=1e-9)
    p = 0.05 * np.array([0.3, -0.5, 0.2])
    np.testing.assert_allclose(both.map.project(both.map.lift(p)), p, atol=1e-12)
    assert both.map.invariance_error(p) < 1e-5 * np.linalg.norm(both.map.motion(p[None]))
    low = both.exponents.sum(axis=1) <= 2
    assert np.abs(both.differences[low]).max() < 1e-10


@PARAMETERS
def test_differences_are_of_the_size_of_the_step(parameters):
    field, state = three_modes()
    sizes = []
    for dt in (4e-5, 2e-5):
        both = ssmsym.compare_map_and_flow(
            field, state, modes=3, order=4, parameters=parameters, parameter_order=2, step=dt
        )
        degrees = both.exponents.sum(axis=1)
        W = np.abs(both.map.parametrization.coefficients - both.flow.parametrization.coefficients)
        sizes.append([*(np.abs(both.differences[degrees == k]).max() for k in (3, 4)), W[degrees == 2].max()])
    np.testing.assert_allclose(np.array(sizes[0]) / np.array(sizes[1]), 2.0, atol=0.1)


@pytest.mark.parametrize(("rate", "refused"), [(2.0, "flow"), (1.9, "map")])
def test_one_refused_ssm_leaves_the_other(rate, refused):
    """2 l_1 = l_2 at rate 2, m_1^2 = m_2 at rate 2 - dt."""
    both = ssmsym.compare_map_and_flow(parabola(rate), [0.0, 0.0], modes=[0], order=3, step=0.1)
    given, reason = (both.map, both.flow_refusal) if refused == "flow" else (both.flow, both.map_refusal)
    assert getattr(both, refused) is None
    assert given is not None
    assert "resonance at degree 2" in reason
    assert both.differences is None
    assert both.relative_differences is None
    text = both.text()
    assert "is refused. Outer resonance at degree 2" in " ".join(text.split())
    assert max(len(line) for line in text.splitlines()) <= 100
    with pytest.raises(ssmsym.ResonanceError):
        ssmsym.compute_ssm(
            parabola(rate) if refused == "flow" else parabola(rate).discretized(0.1), [0, 0], order=3
        )


def test_trained_step_is_the_default(shipped):
    field = shipped("sine_n100_a").at(u=[1.0, 0.3, 0.0])
    with pytest.warns(ssmsym.SsmsymWarning, match="0 unstable directions in the ODE and 2 in the Euler map"):
        (point,) = ssmsym.find_fixed_points(field, starts=32)
    both = ssmsym.compare_map_and_flow(field, point, modes=2, order=3)
    assert both.step == 0.01
    assert (both.flow_index, both.map_index) == (0, 2)
    assert "disagree on stability" in both.verdict
    assert "0 unstable directions in the ODE and 2 in the map" in both.verdict
    direct = ssmsym.compute_ssm(field.discretized(0.01), point.state, modes=2, order=3)
    np.testing.assert_allclose(
        both.map.reduced_dynamics.coefficients, direct.reduced_dynamics.coefficients, atol=1e-11
    )
    text = both.text()
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "p1^2 p2" in text


def test_errors_name_the_culprit():
    field = parabola(3.0)
    with pytest.raises(ssmsym.InputError, match="give 'step'"):
        ssmsym.compare_map_and_flow(field, [0.0, 0.0])
    with pytest.raises(ssmsym.InputError, match="is a map already"):
        ssmsym.compare_map_and_flow(field.discretized(0.1), [0.0, 0.0], step=0.1)
    with pytest.raises(ssmsym.InputError, match="step"):
        ssmsym.compare_map_and_flow(field, [0.0, 0.0], step=-0.1)
    with pytest.raises(ssmsym.InputError, match="no fixed point"):
        ssmsym.compare_map_and_flow(field, [1.0, 0.0], step=0.1)


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


SINE = ("map-against-flow", ssmsym.network_path("sine_n100_a"), "--set", "u=1,0.3,0", "--starts", 32)


def test_command_prints_a_table():
    result = run(*SINE, "--modes", 2, "--order", 3)
    assert result.exit_code == 0, result.output
    assert "disagree on stability" in result.stdout
    assert "Trust radius" in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 100


def test_command_prints_json():
    result = run(*SINE, "--modes", 2, "--order", 3, "--parameter", "u[1]", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["index_in_the_ode"], document["index_in_the_euler_map"]) == (0, 2)
    assert document["step"] == 0.01
    assert not document["agree_on_stability"]
    assert document["identity_error"] < 1e-12
    first = np.array(document["ode_rates"]), np.array(document["euler_map_rates"])
    np.testing.assert_allclose(first[1] - first[0], document["differences"], atol=1e-15)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("--at", 1, "--modes", 2), "There are 1 fixed points"),
        (("--step", -1), "--step must be a positive number"),
        (("--parameter", "u[9]"), "no parameter 'u[9]'"),
    ],
)
def test_wrong_use_of_the_command(extra, message):
    result = run(*SINE, *extra)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_network_without_a_step_is_wrong_use():
    result = run("map-against-flow", ssmsym.network_path("sine_ode_n100_a"))
    assert result.exit_code == 2
    assert "give the step with --step" in result.stderr


def test_fixed_points_command_counts_unstable_directions_of_the_euler_map():
    where = ("fixed-points", ssmsym.network_path("sine_n100_a"), "--set", "u=1,0.3,0", "--starts", 32)
    (point,) = json.loads(run(*where, "--json").stdout)["fixed_points"]
    assert (point["index"], point["unstable_in_euler_map"]) == (0, 2)
    assert "unstable in the Euler map" in run(*where).stdout
    (point,) = json.loads(run(*where, "--as", "map", "--json").stdout)["fixed_points"]
    assert (point["index"], point["unstable_in_euler_map"]) == (2, None)
    assert "unstable in the Euler map" not in run(*where, "--as", "map").stdout


def test_pytorch_cell_beside_the_ode_of_which_it_is_the_euler_map():
    """A cell of relative step 1 is a map by definition; the flow x' = f(x) - x is what it is set beside."""
    result = run("map-against-flow", ssmsym.network_path("rnn_n64_a"), "--order", 3, "--starts", 64, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["step"] == 1.0
    refused = run("map-against-flow", ssmsym.network_path("rnn_n64_a"), "--as", "map")
    assert refused.exit_code == 2
    assert "--as map does not fit" in refused.stderr
