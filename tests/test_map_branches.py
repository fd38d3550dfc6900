"""Branches of maps against closed forms; the trained Euler map beside the ODE along the same branches."""

import dataclasses
import json
import warnings

import numpy as np
import pytest
import sympy
from click.testing import CliRunner
from test_branches import values

import ssmsym
from ssmsym.cli import main
from ssmsym.dynamics.diagram_file import save_diagram
from ssmsym.dynamics.euler_map import branch_notes

r, a, x, y, mu = sympy.symbols("r a x y mu")
GATE = (-0.5, 1.0)

# network, frequency input: Hopf points of the ODE and of the Euler map with step 0.01 over the gate input, from
# an independent continuation that ends at the first fold; a search of all branches finds more
TABLE = {
    ("sine_n100_a", 0.0): ([-0.00988, 0.01831], [-0.01138, 0.01864]),
    ("sine_n100_a", 0.5): ([0.03258], [-0.05425]),
    ("sine_n100_a", 1.0): ([0.72122], [0.05791]),
    ("sine_ode_n100_a", 0.0): ([-0.00406, 0.02846], [-0.00560, 0.02853]),
    ("sine_ode_n100_a", 0.5): ([-0.03970], [-0.05866]),
    ("sine_ode_n100_a", 1.0): ([0.07157], [-0.07271]),
}
FOLDS = {
    ("sine_n100_a", 0.0): [0.02176, 0.02279],
    ("sine_n100_a", 0.5): [-0.07644, -0.04806],
    ("sine_n100_a", 1.0): [],
    ("sine_ode_n100_a", 0.0): [0.01703, 0.02942],
    ("sine_ode_n100_a", 0.5): [-0.06014, -0.02344],
    ("sine_ode_n100_a", 1.0): [],
}


def a_map(equations, parameters):
    return ssmsym.from_sympy(equations, parameters=parameters, time="discrete")


def logistic():
    return a_map({x: r * x * (1 - x)}, {r: 2.0})


def delayed_logistic():
    return a_map({x: a * x * (1 - y), y: x}, {a: 1.5})


def quietly(field, parameter, interval, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ssmsym.SsmsymWarning)
        return ssmsym.branches(field, parameter, interval, **options)


def parameters(points, kind):
    return [point.parameter for point in points if point.kind == kind]


def assert_contains(found, wanted, tolerance):
    for value in wanted:
        assert min(abs(np.array(found) - value), default=np.inf) < tolerance, (value, found)


def test_logistic_map():
    diagram = ssmsym.branches(logistic(), "r", (0.5, 3.5))
    assert [p.kind for p in diagram.special_points] == ["branch_point", "flip"]
    np.testing.assert_allclose([p.parameter for p in diagram.special_points], [1.0, 3.0], atol=1e-10)
    flip = diagram.special_points[1]
    assert flip.eigenvalues == pytest.approx([-1.0])
    assert (flip.critical_distance, flip.period) == (pytest.approx(0.0, abs=1e-9), 2.0)
    assert flip.residual < 1e-12
    for branch in diagram.branches:  # multipliers r (1 - 2 x)
        multipliers = branch.parameter * (1 - 2 * branch.states[:, 0])
        clear = np.abs(np.abs(multipliers) - 1) > 1e-9
        np.testing.assert_array_equal(branch.stable[clear], np.abs(multipliers[clear]) < 1)
        np.testing.assert_array_equal(branch.unstable[clear], np.abs(multipliers[clear]) > 1)


def test_neimark_sacker_point_of_the_delayed_logistic_map():
    diagram = ssmsym.branches(delayed_logistic(), "a", (1.2, 2.5))
    (point,) = diagram.of_kind("neimark_sacker")
    assert point.parameter == pytest.approx(2.0, abs=1e-10)
    np.testing.assert_allclose(point.state, [0.5, 0.5], atol=1e-10)
    assert point.period == pytest.approx(6.0, abs=1e-8)  # angle pi / 3
    assert point.eigenvalues[0] == pytest.approx(np.exp(1j * np.pi / 3), abs=1e-9)
    assert point.critical_distance < 1e-9


@pytest.mark.parametrize("b", [0.3, -0.4])
def test_fold_and_flip_of_the_henon_map(b):
    henon = a_map({x: 1 - a * x**2 + y, y: b * x}, {a: 0.1})
    diagram = ssmsym.branches(
        henon, "a", (-1.0, 1.6), max_points=200
    )  # at a = 0 branches run off to infinity
    np.testing.assert_allclose(values(diagram, "fold"), [-((1 - b) ** 2) / 4], atol=1e-10)
    np.testing.assert_allclose(values(diagram, "flip"), [3 * (1 - b) ** 2 / 4], atol=1e-10)
    assert len(diagram.special_points) == 2
    (fold,) = diagram.of_kind("fold")
    assert abs(fold.eigenvalues[0] - 1) < 1e-6
    assert fold.period is None


@pytest.mark.parametrize("limit", ["flow", "map"])
def test_two_hopf_points_between_two_steps_are_found(limit):
    """The growth rate (mu - 0.3)^2 - 1e-4 is negative from 0.29 to 0.31 only, a seventh of a step."""
    growth = (mu - sympy.Rational(3, 10)) ** 2 - sympy.Rational(1, 10**4)
    if limit == "flow":
        kind = "hopf"
        field = ssmsym.from_sympy({x: growth * x - y, y: x + growth * y}, parameters={mu: 0.0})
    else:
        kind, radius = "neimark_sacker", 1 + growth
        field = a_map({x: radius * (3 * x - 4 * y) / 5, y: radius * (4 * x + 3 * y) / 5}, {mu: 0.0})
    diagram = ssmsym.branches(field, "mu", (-1.0, 1.0), points=[[0.0, 0.0]])
    np.testing.assert_allclose(values(diagram, kind), [0.29, 0.31], atol=1e-9)


@pytest.mark.parametrize(("name", "frequency"), TABLE)
def test_sine_generators_as_ode_and_as_euler_map(shipped, name, frequency):
    """All values of the table, and the Euler map's are those of the map itself, and of the ODE's own branches."""
    flow = shipped(name).at(u=[frequency, 0.0, 0.0])
    hopf, of_map = TABLE[name, frequency]
    diagram = quietly(flow, "u[1]", GATE, starts=64)
    assert_contains(values(diagram, "hopf"), hopf, 1e-5)
    np.testing.assert_allclose(values(diagram, "fold"), FOLDS[name, frequency], atol=1e-5)
    assert not diagram.rejected
    euler = ssmsym.branches(flow.discretized(0.01), "u[1]", GATE, starts=64)
    assert_contains(values(euler, "neimark_sacker"), of_map, 1e-5)
    np.testing.assert_allclose(values(euler, "fold"), values(diagram, "fold"), atol=1e-9)
    if name == "sine_ode_n100_a":  # trained as an ODE: there is no map to hold beside it
        assert diagram.trained_step is None
        assert not diagram.euler_map_points
        return
    assert diagram.trained_step == 0.01
    found = parameters(diagram.euler_map_points, "neimark_sacker")
    np.testing.assert_allclose(found, values(euler, "neimark_sacker"), atol=1e-9)
    for mine, own in zip(diagram.euler_map_points, euler.of_kind("neimark_sacker"), strict=True):
        np.testing.assert_allclose(mine.state, own.state, atol=1e-8)
        assert mine.eigenvalues[0] == pytest.approx(own.eigenvalues[0], abs=1e-9)
        assert mine.period == pytest.approx(own.period)
        assert max(mine.critical_distance, own.critical_distance, mine.residual, own.residual) < 1e-9


def test_map_loaded_as_such_has_the_points_of_the_flow(shipped):
    flow = quietly(shipped("sine_n100_a").at(u=[1.0, 0.0, 0.0]), "u[1]", GATE, starts=32)
    field = ssmsym.load(ssmsym.network_path("sine_n100_a"), as_="map").at(u=[1.0, 0.0, 0.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error", ssmsym.SsmsymWarning)
        diagram = ssmsym.branches(field, "u[1]", GATE, starts=32)
    assert not diagram.euler_map_points
    (point,) = diagram.special_points
    assert point.parameter == pytest.approx(flow.euler_map_points[0].parameter, abs=1e-9)


def test_flip_of_a_stiff_euler_map():
    """x' = -k x: the Euler map with step 0.1 flips at k = 20, which the ODE knows nothing of."""
    k = sympy.Symbol("k")
    flow = dataclasses.replace(
        ssmsym.from_sympy({x: -k * x}, parameters={k: 5.0}), metadata={"trained_step": 0.1}
    )
    with pytest.warns(ssmsym.SsmsymWarning, match=r"the Euler map has a flip at k = 20\.0+, the ODE nothing"):
        diagram = ssmsym.branches(flow, "k", (1.0, 30.0))
    assert not diagram.special_points
    (flip,) = diagram.euler_map_points
    assert (flip.kind, flip.parameter) == ("flip", pytest.approx(20.0, abs=1e-9))
    assert diagram.branches[0].stable.all()


def test_disagreement_is_said_unasked(shipped, tmp_path):
    field = shipped("sine_n100_a").at(u=[1.0, 0.0, 0.0])
    sentence = (
        r"trained as the Euler map with step 0\.01 and is analysed as its ODE: the ODE has its Hopf point at "
        r"u\[1\] = 0\.72122, the Euler map its Neimark-Sacker point at u\[1\] = 0\.05791\."
    )
    with pytest.warns(ssmsym.SsmsymWarning, match=sentence):
        diagram = ssmsym.branches(field, "u[1]", GATE, starts=32)
    assert "Euler map with the training step 0.01" in repr(diagram)
    assert "neimark_sacker at 0.0579094" in repr(diagram)
    save_diagram(diagram, tmp_path / "diagram.npz")
    with np.load(tmp_path / "diagram.npz") as stored:
        assert stored["trained_step"] == 0.01
        assert stored["euler_map_kinds"].tolist() == ["neimark_sacker"]
        np.testing.assert_array_equal(stored["euler_map_states"], [diagram.euler_map_points[0].state])
        np.testing.assert_array_equal(stored["euler_map_parameters"], [diagram.euler_map_points[0].parameter])


def test_several_disagreements_are_counted(shipped):
    field = shipped("sine_n100_a").at(u=[0.0, 0.0, 0.0])
    with pytest.warns(ssmsym.SsmsymWarning, match="; 2 more such differences") as caught:
        diagram = ssmsym.branches(field, "u[1]", GATE, starts=64)
    assert len(caught) == 1
    notes = branch_notes(diagram)
    assert len(notes) == 3
    assert "-0.00988" in notes[0]  # the largest difference first
    assert "-0.01138" in notes[0]


def test_agreement_is_not_commented(shipped):
    """Along the memory network's branches stability changes at folds only, which the two share."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ssmsym.SsmsymWarning)
        diagram = ssmsym.branches(shipped("delay_n100_a"), "u[0]", (-0.01, 0.01), starts=64)
    assert diagram.of_kind("fold")
    assert not diagram.euler_map_points


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


SINE = ("branches", ssmsym.network_path("sine_n100_a"), "--set", "u=1,0,0", "--starts", 32)
OVER_GATE = ("--parameter", "u[1]", "--interval", *GATE)


def test_branches_command_gives_ode_and_euler_map():
    result = run(*SINE, *OVER_GATE)
    assert result.exit_code == 0, result.output
    assert "hopf at 0.7212239" in result.stdout
    assert "Euler map with the training step 0.01 has 1 special point:" in result.stdout
    assert "neimark_sacker at 0.0579094" in result.stdout
    assert result.stderr.startswith("warning: The network was trained as the Euler map with step 0.01")
    document = json.loads(run(*SINE, *OVER_GATE, "--json").stdout)
    (point,) = document["euler_map_points"]
    assert (point["kind"], point["parameter"]) == ("neimark_sacker", pytest.approx(0.0579095, abs=1e-6))
    assert document["trained_step"] == 0.01
    assert "0.72122" in document["note"]


def test_branches_command_takes_the_map():
    result = run(*SINE, *OVER_GATE, "--as", "map", "--json")
    assert result.exit_code == 0, result.output
    assert not result.stderr
    document = json.loads(result.stdout)
    (point,) = document["special_points"]
    assert (point["kind"], point["parameter"]) == ("neimark_sacker", pytest.approx(0.0579095, abs=1e-6))
    assert document["euler_map_points"] == []


def reduced(field, point, modes, parameter, order=7, parameter_order=None):
    ssm = ssmsym.compute_ssm(
        field, point, modes=modes, order=order, parameters=[parameter], parameter_order=parameter_order
    )
    return ssmsym.reduce(ssm)


@pytest.mark.parametrize(
    ("value", "kind", "interval", "truth"),
    [
        (0.36, "flip", (0.3, 0.4), 3 * 0.7**2 / 4),
        (-0.12, "fold", (-0.2, -0.1), -(0.7**2) / 4),
    ],
)
def test_events_of_a_reduced_map_are_confirmed(value, kind, interval, truth):
    henon = a_map({x: 1 - a * x**2 + y, y: 0.3 * x}, {a: value})
    (point,) = [p for p in ssmsym.find_fixed_points(henon) if p.stable]
    diagram = ssmsym.branches(reduced(henon, point, 1, "a"), "a", interval)
    (event,) = diagram.special_points
    assert (event.kind, event.confirmed) == (kind, True)
    assert event.parameter == pytest.approx(truth, abs=1e-6)
    assert event.full_parameter == pytest.approx(truth, abs=1e-9)
    assert event.distance < 1e-6


def test_folds_of_a_reduced_network_map_are_confirmed():
    field = ssmsym.load(ssmsym.network_path("delay_n100_a"), as_="map")
    points = [p for p in ssmsym.find_fixed_points(field) if p.index == 1]
    saddle = min(points, key=lambda p: abs(p.eigenvalues[0]))
    model = reduced(field, saddle, 1, "u[0]", parameter_order=3)
    diagram = ssmsym.branches(model, "u[0]", (-0.03, 0.03))
    np.testing.assert_allclose(values(diagram, "fold"), [-0.003525, 0.003762], atol=2e-6)
    assert [event.confirmed for event in diagram.special_points] == [True, True]
    np.testing.assert_allclose(
        [event.full_parameter for event in diagram.special_points], [-0.003525, 0.003762], atol=6e-7
    )
    radius = model.ssm.evidence.trust_radius(1e-2)
    assert all(np.abs(branch.states).max() <= radius for branch in diagram.branches)


@pytest.mark.parametrize("as_", ["flow", "map"])
def test_neimark_sacker_point_of_a_reduced_model_is_confirmed(tmp_path, as_):
    """Of the model of the map; of the model of the ODE, as a point of its Euler map that is looked up on that map."""
    field = ssmsym.load(ssmsym.network_path("sine_n100_a"), as_=as_).at(u=[1.0, 0.05, 0.0])
    (point,) = ssmsym.find_fixed_points(field, starts=32)
    model = reduced(field, point, 2, "u[1]", order=5, parameter_order=3)
    diagram = quietly(model, "u[1]", (0.03, 0.09))
    (event,) = diagram.of_kind("neimark_sacker") if as_ == "map" else diagram.euler_map_points
    assert (event.kind, event.confirmed) == ("neimark_sacker", True)
    assert event.parameter == pytest.approx(0.0579095, abs=1e-5)
    assert event.full_parameter == pytest.approx(0.057909473, abs=1e-8)
    assert event.period == pytest.approx(2 * np.pi / 0.12635, rel=1e-3)
    ssmsym.save(model.ssm, tmp_path / "model.npz")
    result = run("branches", tmp_path / "model.npz", "--parameter", "u[1]", "--interval", 0.03, 0.09)
    assert result.exit_code == 0, result.output
    assert "neimark_sacker at 0.05790" in result.stdout
    assert "full network: confirmed at 0.05790" in result.stdout
    refused = run(
        *("branches", tmp_path / "model.npz", "--parameter", "u[1]", "--interval", 0.03, 0.09, "--as", "map")
    )
    assert refused.exit_code == 2
    assert "--as is for networks" in refused.stderr


def test_branches_command_takes_a_pytorch_cell_as_the_map_that_it_is():
    where = ("--parameter", "u[0]", "--interval", -0.2, 0.2, "--starts", 32, "--json")
    result = run("branches", ssmsym.network_path("rnn_n64_a"), *where)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    field = ssmsym.load(ssmsym.network_path("rnn_n64_a"))
    assert field.is_map
    assert document["trained_step"] is None
    assert document["special_points"]
    for point in document["special_points"]:
        state = np.array(point["state"])
        here = field.at({"u[0]": point["parameter"]})
        assert np.linalg.norm(here(state) - state) < 1e-9
        assert np.abs(np.abs(np.linalg.eigvals(here.jacobian(state))) - 1).min() < 1e-6
