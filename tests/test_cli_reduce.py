"""``ssmsym reduce`` on networks that ship with ssmsym, against facts that other programs computed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from ssmsym import load_model, network_path
from ssmsym.cli import main

FLIPFLOP, DELAY, SINE = (str(network_path(n)) for n in ("flipflop_n50_a", "delay_n100_a", "sine_n100_a"))
NEIGHBOURS = {5: (-1.8000, 1.7400), 9: (-1.8076, 1.7471), 13: (-1.8081, 1.7475)}
FOLDS = {5: (-0.003524, 0.003761), 9: (-0.003525, 0.003762)}


def run(*arguments, code: int = 0):
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def run_json(*arguments):
    result = run(*arguments, "--json")
    return json.loads(result.stdout, parse_constant=pytest.fail), result.stderr


@pytest.fixture(scope="module")
def middle_saddle() -> str:
    """Number, in the list of fixed points, of the saddle with leading eigenvalue +0.0108 per tau."""
    points = run_json("fixed-points", DELAY)[0]["fixed_points"]
    with np.load(DELAY) as file:
        leading = [p["eigenvalues"][0][0] * float(file["tau"]) for p in points]
    (number,) = [i for i, value in enumerate(leading) if abs(value - 0.0108) < 6e-5]
    return str(number)


@pytest.mark.parametrize("order", NEIGHBOURS)
def test_the_middle_saddle_reaches_its_neighbours(tmp_path, middle_saddle, order):
    path = tmp_path / "model.npz"
    document, errors = run_json("reduce", DELAY, "--at", middle_saddle, "--order", order, "-o", path)
    assert errors == ""
    assert document["order"] == order
    assert document["model"] == str(path)
    found = [p for p in document["evidence"]["reduced_fixed_points"] if 1.5 < abs(p["p"][0]) < 2.0]
    places = sorted(p["p"][0] for p in found)
    expected = NEIGHBOURS[order]
    assert len(places) == 2
    assert places == pytest.approx(expected, abs=6e-5) or places == pytest.approx(
        [-expected[1], -expected[0]], abs=6e-5
    )
    assert document["evidence"]["invariance_error_slope"] > order + 0.9  # order + 2 for an odd field
    assert list(document["equations"]) == ["p"]
    ssm = load_model(path)
    assert (ssm.order, ssm.dimension, ssm.parameters) == (order, 1, ())
    assert ssm.fixed_point.state.tolist() == document["fixed_point"]["state"]
    assert ssm.lift([0.0]).tolist() == document["fixed_point"]["state"]


@pytest.mark.parametrize("order", FOLDS)
def test_a_parameter_carries_the_model_through_its_folds(tmp_path, middle_saddle, order):
    path = tmp_path / "model.npz"
    arguments = ("--at", middle_saddle, "--order", order, "--parameter", "u[0]", "-o", path)
    document, _ = run_json("reduce", DELAY, *arguments)
    low, high = document["evidence"]["parameter_range"]["u[0]"]
    assert low < 0.0 < high
    ssm = load_model(path)
    assert ssm.parameters == ("u[0]",)
    assert ssm.parameter_order == order
    p = np.linspace(-2.2, 2.2, 4001)

    def roots(mu: float) -> int:
        rates = ssm.reduced_dynamics(np.stack([p, np.full_like(p, mu)], axis=1))[:, 0]
        return int((rates[1:] * rates[:-1] < 0).sum())

    below, above = FOLDS[order]
    for mu, inside in ((below, above), (above, below)):
        step = 1.5e-6 * np.sign(mu)
        assert roots(mu - step) - roots(mu + step) == 2, (mu, inside)


def test_a_model_as_text(tmp_path, middle_saddle):
    path = tmp_path / "model.npz"
    result = run("reduce", DELAY, "--at", middle_saddle, "--order", "9", "-o", path)
    for part in ("+0.0108", "order 9", "p' = ", "trust radius", "nearest outer resonance", str(path)):
        assert part in result.stdout
    assert result.stderr == ""


def test_the_slow_pair_of_a_focus(tmp_path):
    path = tmp_path / "model.npz"
    arguments = ("--input", "freq 0.5, gate 1", "--modes", "2", "--order", "3", "-o", path)
    document, errors = run_json("reduce", SINE, *arguments)
    assert errors == ""
    ssm = load_model(path)
    with np.load(SINE) as file:
        pair = ssm.eigenvalues * float(file["tau"])
        u = file["input_conditions"][file["input_condition_names"].tolist().index("freq 0.5, gate 1")]
    assert pair == pytest.approx([0.0987 + 0.9593j, 0.0987 - 0.9593j], abs=1e-4)
    assert ssm.left.T @ ssm.right == pytest.approx(np.eye(2), abs=1e-12)
    assert list(document["equations"]) == ["p1", "p2"]
    assert ssm.field.values["u"].tolist() == u.tolist()


def test_a_warning_about_stability_goes_to_standard_error(tmp_path):
    arguments = ("--set", "u=1,0.5,0", "--modes", "2", "--order", "1", "-o", tmp_path / "model.npz")
    document, errors = run_json("reduce", SINE, *arguments)
    assert document["fixed_point"]["stable"]
    assert "0 unstable directions in the ODE and 2 in the Euler map" in errors


def test_the_document_names_the_fixed_point_by_the_number_that_was_asked_for(tmp_path):
    document, _ = run_json("reduce", FLIPFLOP, "--at", "8", "--order", "1", "-o", tmp_path / "model.npz")
    points = run_json("fixed-points", FLIPFLOP)[0]["fixed_points"]
    assert document["fixed_point"]["state"] == points[8]["state"]
    assert document["fixed_point"]["number"] == 8


def test_the_origin_of_the_flip_flop(tmp_path):
    path = tmp_path / "model.npz"
    document, _ = run_json("reduce", FLIPFLOP, "--at", "26", "--modes", "3", "--order", "3", "-o", path)
    assert document["fixed_point"]["index"] == 3
    assert load_model(path).dimension == 3


def test_the_same_seed_gives_the_same_model(tmp_path, middle_saddle):
    models = []
    for name in ("one.npz", "two.npz"):
        run("reduce", DELAY, "--at", middle_saddle, "--seed", "0", "-o", tmp_path / name)
        models.append(load_model(tmp_path / name))
    for part in ("parametrization", "reduced_dynamics", "readout"):
        one, two = (getattr(model, part).coefficients for model in models)
        assert np.array_equal(one, two)


def test_a_model_is_replaced_only_when_asked(tmp_path):
    path = tmp_path / "model.npz"
    run("reduce", FLIPFLOP, "--order", "1", "-o", path)
    before = path.read_bytes()
    refused = run("reduce", FLIPFLOP, "--order", "2", "-o", path, code=1)
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1
    assert "--overwrite" in refused.stderr
    assert path.read_bytes() == before
    run("reduce", FLIPFLOP, "--order", "2", "-o", path, "--overwrite")
    assert load_model(path).order == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.npz"]
