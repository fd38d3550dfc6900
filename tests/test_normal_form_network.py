"""The Hopf point of a trained network: both routes, and the normal form's cycles against the network's own."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import ssmsym

GATE = "u[1]"


@pytest.fixture(scope="module")
def hopf():
    """The network and its Hopf point in the gate, at the frequency input 1."""
    field = ssmsym.load(ssmsym.network_path("sine_ode_n100_a")).at(u=[1.0, 0.06, 0.0])
    (point,) = ssmsym.find_fixed_points(field, starts=16, seed=0)
    (found,) = ssmsym.branches(field, GATE, (0.05, 0.1), points=[point]).of_kind("hopf")
    assert found.parameter == pytest.approx(0.07157, abs=6e-6)  # found by independent code
    return field, found


def cycle(field, start, period):
    """The cycle near a state by single shooting: 64 states at equal times, and the period; to about 1e-11."""
    n = len(start)

    def flow(x0, time, columns, rtol, samples=None):
        def velocity(_, y):
            Y = y.reshape(n, -1)
            x = Y[:, 0]
            return np.column_stack(
                [field(x), field.jacobian(x) @ Y[:, 1:]] if columns else [field(x)]
            ).ravel()

        y0 = np.column_stack([x0, np.eye(n)] if columns else [x0]).ravel()
        return solve_ivp(velocity, (0, time), y0, method="DOP853", rtol=rtol, atol=rtol, t_eval=samples)

    phase = field(start) / np.linalg.norm(field(start))
    end = flow(start, period, True, 1e-5).y[:, -1].reshape(n, -1)
    matrix = np.zeros((n + 1, n + 1))
    matrix[:n, :n], matrix[:n, n], matrix[n, :n] = end[:, 1:] - np.eye(n), field(end[:, 0]), phase
    x, time = start, period
    for _ in range(30):
        residual = flow(x, time, False, 1e-12).y[:, -1] - x
        step = np.linalg.solve(matrix, np.append(residual, phase @ (x - start)))
        x, time = x - step[:n], time - step[n]
        if np.linalg.norm(step) < 1e-11:
            break
    assert np.linalg.norm(residual) < 1e-9
    states = flow(x, time, False, 1e-12, samples=time * np.arange(64) / 64).y.T
    return states, time


def spread(states):
    """Root mean square distance from the mean of states at equal times."""
    return float(np.sqrt(((states - states.mean(axis=0)) ** 2).sum(axis=1).mean()))


def test_both_routes_agree_and_the_verdict_is_supercritical(hopf):
    field, point = hopf
    form = ssmsym.normal_form(field, point, parameters=[GATE], order=7)
    assert form.kind == "hopf"
    assert form.modes == (0, 1)
    assert form.parameters[GATE] == point.parameter
    assert form.disagreement < 1e-8
    assert form.frequencies[0] * field.metadata["tau"] == pytest.approx(1.2640, abs=5e-5)
    assert form.verdict.criticality == "supercritical"
    assert len(form.verdict.runs) == 3
    assert all(run.agrees for run in form.verdict.runs)
    # one step of the gate either way: the eigenvalue moves as the unfolding says
    h = 1e-4
    rates = []
    for gate in (point.parameter - h, point.parameter + h):
        member = field.at({GATE: gate})
        rates.append(ssmsym.refine_fixed_point(member, point.state).eigenvalues[0])
    slope = (rates[1] - rates[0]) / (2 * h)
    assert form.unfolding["beta"][GATE] == pytest.approx(slope.real, rel=1e-6)
    assert form.frequency_slopes["omega"][GATE] == pytest.approx(slope.imag, rel=1e-6)


def test_cycles_converge_at_the_order_of_the_truncation(hopf):
    """Neglected terms of relative size delta^k: frequency errors of order k + 1, amplitude errors of order k."""
    field, point = hopf
    orders, offsets = (3, 5, 7), np.array([0.005, 0.01, 0.02])
    forms = {order: ssmsym.normal_form(field, point, parameters=[GATE], order=order) for order in orders}
    errors = {order: [] for order in orders}
    for offset in offsets:
        gate = {GATE: point.parameter + offset}
        best = forms[7].predict(gate)[0]
        states, period = cycle(field.at(gate), best.states[0], best.period)
        for order, form in forms.items():
            found = form.predict(gate)[0]
            assert found.stable
            frequency = abs(found.frequency * period / (2 * np.pi) - 1)
            errors[order].append((frequency, abs(spread(found.states) / spread(states) - 1)))
    for order in orders:
        slopes = np.polyfit(np.log(offsets), np.log(errors[order]), 1)[0]
        assert slopes == pytest.approx([(order + 1) / 2, (order - 1) / 2], abs=0.25)
    assert errors[7][-1][0] < 2e-6
    assert errors[7][-1][1] < 1e-4


def test_model_expanded_at_the_hopf_point(hopf):
    """The model with the gate as parameter: its normal form is the network's, and it exports."""
    field, point = hopf
    form = ssmsym.normal_form(field, point, parameters=[GATE])
    member = field.at({GATE: point.parameter})
    ssm = ssmsym.compute_ssm(member, form.state, modes=form.modes, order=7, parameters=[GATE])
    model = ssmsym.reduce(ssm)
    for of in (ssm, model):
        again = ssmsym.normal_form(of)
        assert again.disagreement < 1e-8
        for name, coefficient in form.coefficients.items():
            assert again.coefficients[name].reduced == pytest.approx(coefficient.value, rel=1e-8)
        gate = {GATE: point.parameter + 0.02}
        np.testing.assert_allclose(again.predict(gate)[0].states, form.predict(gate)[0].states, atol=2e-3)
    written = ssmsym.export_model(model)
    assert written.parameter_names == (GATE,)
    np.testing.assert_allclose(written.initial_state, 0.0, atol=1e-9)


def test_model_read_from_json(hopf):
    """Without its network, both routes are those of the model's equations."""
    field, point = hopf
    member = field.at({GATE: point.parameter})
    ssm = ssmsym.compute_ssm(member, point.state, modes=2, order=5, parameters=[GATE])
    model = ssmsym.model_from_json(ssmsym.model_to_json(ssmsym.reduce(ssm)))
    form = ssmsym.normal_form(model)
    true = ssmsym.normal_form(field, point, parameters=[GATE])
    assert form.disagreement < 1e-8
    assert form["c1"] == pytest.approx(true["c1"], rel=1e-8)
    assert form.unfolding["beta"][GATE] == pytest.approx(true.unfolding["beta"][GATE], rel=1e-8)
    assert form.verdict.criticality == "supercritical"


def test_neimark_sacker_point_of_the_euler_map(hopf):
    """The map's own bifurcation: its multiplier moves with the gate as the unfolding says."""
    field, _ = hopf
    step = 0.1 * field.metadata["tau"]  # as in training
    euler = field.at({GATE: -0.07271}).discretized(step)
    (start,) = ssmsym.find_fixed_points(euler, starts=16, seed=0)
    (point,) = ssmsym.branches(euler, GATE, (-0.1, -0.05), points=[start]).of_kind("neimark_sacker")
    assert point.parameter == pytest.approx(-0.07271, abs=6e-6)  # found by independent code
    form = ssmsym.normal_form(euler, point, parameters=[GATE])
    assert form.kind == "neimark_sacker"
    assert form.disagreement < 1e-8
    h = 1e-6
    sizes = []
    for gate in (point.parameter - h, point.parameter + h):
        member = euler.at({GATE: gate})
        sizes.append(abs(ssmsym.refine_fixed_point(member, point.state).eigenvalues[0]))
    assert form.unfolding["beta"][GATE] == pytest.approx((sizes[1] - sizes[0]) / (2 * h), rel=1e-6)
    # an invariant circle is where orbits of the map end
    assert form["Re d"] < 0
    gate = {GATE: point.parameter + 0.3 * form.parameter_ranges[GATE]}
    circle = form.predict(gate)[0]
    assert circle.stable
    orbit = ssmsym.simulate(euler.at(gate), circle.states[0], np.arange(4001)).states[-1000:]
    assert spread(orbit) == pytest.approx(spread(circle.states), rel=1e-3)
