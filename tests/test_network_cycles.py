"""Cycles of a trained network: its reduced model continued in AUTO-07p, and the network itself simulated."""

import numpy as np
import pytest
from continuation_cases import needs_auto

import ssmsym
from ssmsym.exporters.running import continue_in

PERIODS, PER_PERIOD = 200, 200


def measured(network, model, value, state, period):
    """Period and amplitude of the network's own cycle, in the coordinates p; from a start a third outside."""
    rest = model.lift(np.zeros(2), {"u[1]": value})
    start = rest + 1.3 * (model.lift(state, {"u[1]": value}) - rest)
    times = np.linspace(0, PERIODS * period, PERIODS * PER_PERIOD + 1)
    run = ssmsym.simulate(network.at({"u[1]": value}), start, times)
    p = (run.states.reshape(len(times), -1) - model.state) @ model.ssm.left
    found = []
    for part in (slice(len(times) // 2, 3 * len(times) // 4), slice(3 * len(times) // 4, None)):
        wave, t = p[part, 0] - p[part, 0].mean(), times[part]
        rising = np.flatnonzero((wave[:-1] < 0) & (wave[1:] >= 0))
        crossing = t[rising] - wave[rising] * (t[1] - t[0]) / (wave[rising + 1] - wave[rising])
        found.append((np.diff(crossing).mean(), np.ptp(p[part], axis=0) / 2))
    (earlier, small), (later, large) = found
    assert earlier == pytest.approx(later, rel=1e-4)  # it has settled
    assert small == pytest.approx(large, rel=1e-3)
    return later, large


@pytest.mark.slow
@needs_auto
def test_cycles_of_the_sine_generator(shipped):
    network = shipped("sine_ode_n100_a").at(u=[1.0, 0.0, 0.0])
    (hopf,) = ssmsym.branches(network, "u[1]", (-0.1, 0.2), starts=64).of_kind("hopf")
    there = network.at({"u[1]": hopf.parameter})
    point = ssmsym.refine_fixed_point(there, hopf.state)
    ssm = ssmsym.compute_ssm(there, point, modes=2, order=7, parameters=["u[1]"], parameter_order=3)
    model = ssmsym.reduce(ssm)
    diagram = continue_in("auto07p", model, parameter="u[1]", interval=(0.04, 0.2), scenario="cycles")

    (found,) = ssmsym.confirm(diagram, model).of_kind("hopf")
    assert found.confirmed
    assert found.parameter == pytest.approx(hopf.parameter, abs=1e-6)
    (cycles,) = [branch for branch in diagram.branches if branch.kind == "periodic"]
    assert cycles.ends == ("Hopf point", "left the trust radius")
    assert cycles.periods[0] == pytest.approx(hopf.period, rel=1e-6)
    assert cycles.stable[1:].all()
    far = np.flatnonzero(cycles.parameter > hopf.parameter + 0.03)  # nearer by, cycles attract slowly
    for i in far[np.linspace(0, len(far) - 1, 4).astype(int)]:
        period, amplitudes = measured(
            network, model, cycles.parameter[i], cycles.orbit_points[i], cycles.periods[i]
        )
        assert cycles.periods[i] == pytest.approx(period, rel=0.01)
        assert cycles.amplitudes[i] == pytest.approx(amplitudes, rel=0.05)
