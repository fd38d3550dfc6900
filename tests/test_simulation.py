"""Trajectories against closed forms, SciPy's integrators, and orders of convergence."""

import numpy as np
import pytest
import sympy
from scipy.integrate import solve_ivp

import ssmsym

x, y, g = sympy.symbols("x y g")


def oscillating_network(n=20, seed=0):
    rng = np.random.default_rng(seed)
    J = 0.5 * rng.standard_normal((n, n)) / np.sqrt(n)
    q = np.linalg.qr(rng.standard_normal((n, 2)))[0]
    J = J - J @ q @ q.T + q @ np.array([[1.5, 0.8], [-0.8, 1.5]]) @ q.T
    return ssmsym.rate_network(J, B=rng.standard_normal((n, 2)), b=0.1 * rng.standard_normal(n), tau=0.5)


def reference(f, start, times):
    run = solve_ivp(f, (times[0], times[-1]), start, method="DOP853", rtol=1e-11, atol=1e-12, t_eval=times)
    return run.y.T


def test_logistic_growth_in_closed_form():
    field = ssmsym.from_sympy({x: x * (1 - x)})
    times = np.linspace(0.0, 8.0, 33)
    starts = np.array([[0.01], [0.3], [2.0]])
    exact = starts / (starts + (1 - starts) * np.exp(-times))
    one = ssmsym.simulate(field, starts[0], times)
    many = ssmsym.simulate(field, starts, times)
    np.testing.assert_allclose(one.states[:, 0], exact[0], atol=1e-6)
    np.testing.assert_allclose(many.states[:, :, 0], exact, atol=1e-6)


@pytest.mark.parametrize("members", [1, 7])
def test_network_agrees_with_scipy(members):
    field = oscillating_network()
    times = np.linspace(0.0, 10.0, 41)
    starts = np.random.default_rng(1).standard_normal((members, 20))
    run = ssmsym.simulate(field, starts if members > 1 else starts[0], times, rtol=1e-9, atol=1e-11)
    states = run.states if members > 1 else run.states[None]
    for start, found in zip(starts, states, strict=True):
        np.testing.assert_allclose(found, reference(lambda _, s: field(s), start, times), atol=3e-7)


def test_error_follows_the_tolerance():
    field = oscillating_network()
    start = np.random.default_rng(2).standard_normal(20)
    times = np.array([0.0, 5.0])
    truth = reference(lambda _, s: field(s), start, times)[-1]
    errors = [
        np.abs(ssmsym.simulate(field, start, times, rtol=r, atol=r).states[-1] - truth).max()
        for r in (1e-5, 1e-7, 1e-9)
    ]
    assert errors[0] > 10 * errors[1] > 100 * errors[2]
    assert errors[2] < 1e-8


def test_an_ensemble_equals_its_members():
    field = oscillating_network()
    times = np.linspace(0.0, 4.0, 9)
    starts = np.random.default_rng(3).standard_normal((600, 20))  # more than one block
    tight = {"rtol": 1e-10, "atol": 1e-12}  # roundings may change a step, so both are held to a tolerance
    many = ssmsym.simulate(field, starts, times, **tight)
    for i in (0, 511, 512, 599):
        one = ssmsym.simulate(field, starts[i], times, **tight)
        np.testing.assert_allclose(many.states[i], one.states, rtol=0, atol=1e-8)


def test_trajectories_stored_with_a_network(shipped):
    field = shipped("delay_n100_a")
    samples, ends = field.metadata["trajectories"], field.metadata["trajectory_ends_ode"]
    times = np.array([0.0, field.metadata["trajectory_times"][-1]])
    names = list(field.conditions)
    for row, condition in enumerate(field.metadata["trajectory_conditions"]):
        member = field.at(u=names[condition])
        run = ssmsym.simulate(member, samples[row, 0], times, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(run.states[-1], ends[row], atol=1e-6)


def test_euler_map_reproduces_the_trained_steps(shipped):
    euler = ssmsym.load(ssmsym.network_path("delay_n100_a"), as_="map")
    samples, times = euler.metadata["trajectories"], euler.metadata["trajectory_times"]
    steps = np.round(times / euler.metadata["trained_step"])
    names = list(euler.conditions)
    for row, condition in enumerate(euler.metadata["trajectory_conditions"]):
        run = ssmsym.simulate(euler.at(u=names[condition]), samples[row, 0], steps)
        np.testing.assert_allclose(run.states, samples[row], atol=1e-9)


def test_piecewise_constant_inputs():
    field = oscillating_network()
    rng = np.random.default_rng(4)
    times = np.linspace(0.0, 3.0, 7)
    u = rng.standard_normal((6, 2))
    start = rng.standard_normal(20)
    run = ssmsym.simulate(field, start, times, inputs={"u": u}, rtol=1e-9, atol=1e-11)
    state = start
    for k in range(6):
        member = field.at(u=u[k])
        state = reference(lambda _, s, f=member: f(s), state, times[k : k + 2])[-1]
        np.testing.assert_allclose(run.states[k + 1], state, atol=1e-7)


def test_time_dependent_input_in_closed_form():
    field = ssmsym.from_sympy({x: -x + g}, parameters={g: 0.0})
    times = np.linspace(0.0, 5.0, 11)
    run = ssmsym.simulate(field, [[0.0], [1.0]], times, inputs={"g": np.sin}, rtol=1e-10, atol=1e-12)
    particular = 0.5 * (np.sin(times) - np.cos(times))
    for start, found in zip((0.0, 1.0), run.states[:, :, 0], strict=True):
        np.testing.assert_allclose(found, particular + (start + 0.5) * np.exp(-times), atol=1e-8)


def test_noise_has_the_stationary_variance_and_a_seed():
    field = ssmsym.from_sympy({x: -2 * x})
    starts = np.zeros((20_000, 1))
    run = ssmsym.simulate(field, starts, [0.0, 3.0], noise=0.6, seed=1, step=0.01)
    variance = run.states[:, -1].var()
    exact = 0.6**2 / 4 * (1 - np.exp(-12.0))
    assert variance == pytest.approx(exact, rel=5 * np.sqrt(2 / 20_000))
    again = ssmsym.simulate(field, starts, [0.0, 3.0], noise=0.6, seed=1, step=0.01)
    other = ssmsym.simulate(field, starts, [0.0, 3.0], noise=0.6, seed=2, step=0.01)
    np.testing.assert_array_equal(run.states, again.states)
    assert np.abs(run.states - other.states).max() > 0.1


def test_drift_of_the_noisy_scheme_is_second_order():
    field = oscillating_network(6)
    start, times = np.ones(6), np.array([0.0, 1.0])
    truth = reference(lambda _, s: field(s), start, times)[-1]
    errors = [
        np.abs(ssmsym.simulate(field, start, times, noise=0.0, seed=0, step=h).states[-1] - truth).max()
        for h in (0.02, 0.01)
    ]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.15)


def test_reduced_model_follows_the_network(shipped):
    field = shipped("delay_n100_a")
    saddle = min(
        (q for q in ssmsym.find_fixed_points(field) if q.index == 1), key=lambda q: q.eigenvalues[0].real
    )
    ssm = ssmsym.compute_ssm(field, saddle, modes=1, order=9)
    model = ssmsym.reduce(ssm)
    times = np.linspace(0.0, 20.0, 41)  # 200 time constants
    p0 = np.array([[0.1], [-0.3], [0.8]])
    reduced = ssmsym.simulate(model.field, p0, times)
    full = ssmsym.simulate(field, model.lift(p0), times)
    error = np.abs(model.lift(reduced.states.reshape(-1, 1)).reshape(full.states.shape) - full.states).max()
    assert error < 2e-3 * np.abs(full.states - saddle.state).max()


def test_readout_along_a_run(shipped):
    field = shipped("flipflop_n50_a")
    run = ssmsym.simulate(field, np.zeros((3, 50)), [0.0, 0.1, 0.2])
    W, c = field.arrays["W"], field.arrays["c"][:, 0]
    np.testing.assert_allclose(run.readout, np.tanh(run.states) @ W.T + c, rtol=1e-12)
    assert run.readout.shape == (3, 3, 3)
    assert "3 trajectories" in repr(run)


def test_a_field_without_compiled_form_still_runs():
    field = ssmsym.from_sympy({x: -sympy.airyai(x)})
    run = ssmsym.simulate(field, [0.5], [0.0, 1.0])
    from scipy.special import airy

    truth = reference(lambda _, s: -airy(s)[0], [0.5], np.array([0.0, 1.0]))[-1]
    np.testing.assert_allclose(run.states[-1], truth, atol=1e-6)


@pytest.mark.parametrize("start", [[2.0], [[2.0], [0.1]]])
def test_blow_up_is_reported(start):
    field = ssmsym.from_sympy({x: x**2})
    with pytest.raises(ssmsym.NotConvergedError, match=r"beyond t = 0\.5.*without bound"):
        ssmsym.simulate(field, start, [0.0, 1.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x0": [1.0, 2.0, 3.0]}, "shape"),
        ({"x0": [np.nan, 0.0]}, "not finite"),
        ({"times": [0.0]}, "at least 2 increasing"),
        ({"times": [0.0, 1.0, 0.5]}, "increasing"),
        ({"inputs": {"v": [1.0, 2.0]}}, "no parameter 'v'"),
        ({"inputs": {"g": [1.0, 2.0, 3.0]}}, r"'g' has shape \(3,\); expected \(2, 1\)"),
        ({"inputs": {"g": lambda t: [t, t]}}, r"'g' gives shape \(2,\)"),
        ({"noise": [1.0, -1.0]}, "'noise'"),
        ({"noise": 0.1, "seed": -1}, "'seed'"),
        ({"noise": 0.1, "step": 0.0}, "'step'"),
    ],
)
def test_wrong_arguments_are_named(change, message):
    field = ssmsym.from_sympy({x: -x + g, y: -y}, parameters={g: 0.0})
    given = {"x0": [1.0, 0.0], "times": [0.0, 0.5, 1.0]} | change
    with pytest.raises(ssmsym.InputError, match=message):
        ssmsym.simulate(field, given.pop("x0"), given.pop("times"), **given)


def test_the_times_of_a_map_are_whole():
    field = ssmsym.from_sympy({x: x / 2}, time="discrete")
    np.testing.assert_array_equal(ssmsym.simulate(field, [8.0], [0, 1, 3]).states[:, 0], [8.0, 4.0, 1.0])
    with pytest.raises(ssmsym.InputError, match="whole numbers"):
        ssmsym.simulate(field, [8.0], [0.0, 0.5])
