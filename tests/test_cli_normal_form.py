"""The command ``normal-form``."""

import json

import pytest
import sympy
from click.testing import CliRunner

import ssmsym
from ssmsym.cli import main

SINE = ssmsym.network_path("sine_ode_n100_a")


def run(*arguments, code=0):
    result = CliRunner().invoke(main, ["normal-form", *(str(a) for a in arguments)])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def two_folds(tmp_path):
    """A model file of p' = mu + p - p^3, with folds at +-2 / (3 sqrt 3)."""
    x, mu = sympy.symbols("x mu")
    field = ssmsym.from_sympy({x: mu + x - x**3}, parameters={mu: 0.0})
    path = tmp_path / "model.npz"
    ssmsym.save(ssmsym.compute_ssm(field, [0.0], modes=1, order=3, parameters=["mu"]), path)
    return path


def test_hopf_point_of_a_network(tmp_path):
    path = tmp_path / "hopf.json"
    at = ("--set", "u=1,0.06,0", "--parameter", "u[1]", "--interval", 0.05, 0.1, "--starts", 16)
    result = run(SINE, *at, "-o", path)
    for part in (
        "MatCont",
        "Kuznetsov",
        "BifurcationKit",
        "routes agree",
        "supercritical",
        "unfolding: beta",
        "predicted at u[1]",
        "cycle w = ",
    ):
        assert part in result.output
    document = json.loads(path.read_text())
    assert document["format"] == "ssmsym-normal-form"
    assert document["parameters"]["u[1]"] == pytest.approx(0.07157, abs=6e-6)
    assert document["coefficients"]["Re c1"]["multilinear"] < 0


def test_json_of_a_hopf_model(tmp_path):
    """MatCont's adaptx: alpha = 1, Re c1 = -0.3."""
    x, y, z, alpha = sympy.symbols("x y z alpha")
    field = ssmsym.from_sympy({x: y, y: z, z: -alpha * z - y - x + x**2}, parameters={alpha: 1.0})
    ssm = ssmsym.compute_ssm(field, [0.0, 0.0, 0.0], modes=2, order=5, parameters=["alpha"])
    ssmsym.save(ssm, tmp_path / "model.npz")
    at = ("--parameter", "alpha", "--interval", 0.9, 1.1)
    (form,) = json.loads(run(tmp_path / "model.npz", *at, "--json").stdout)["normal_forms"]
    assert form["parameters"]["alpha"] == pytest.approx(1.0, abs=1e-9)
    assert form["coefficients"]["Re c1"]["multilinear"] == pytest.approx(-0.3, rel=1e-6)
    assert form["verdict"]["criticality"] == "supercritical"


def test_several_points_need_a_choice(two_folds, tmp_path):
    at = (two_folds, "--parameter", "mu", "--interval", -0.5, 0.5)
    output = run(*at, "-o", tmp_path / "fold.json", code=1).output
    assert "2 bifurcations were found" in output
    run(*at, "-o", tmp_path / "fold.json", "--near", 0.3)
    document = json.loads((tmp_path / "fold.json").read_text())
    assert document["parameters"]["mu"] == pytest.approx(2 / 27**0.5, rel=1e-9)
    assert abs(document["coefficients"]["a"]["multilinear"]) == pytest.approx(3**0.5, rel=1e-6)
    assert "exists already" in run(*at, "-o", tmp_path / "fold.json", "--near", 0.3, code=1).output


def test_wrong_use_and_nothing_found(two_folds):
    assert "no parameter 'nu'" in run(two_folds, "--parameter", "nu", "--interval", 0, 1, code=2).output
    assert "lower and a higher" in run(two_folds, "--parameter", "mu", "--interval", 1, 0, code=2).output
    assert "no bifurcation" in run(two_folds, "--parameter", "mu", "--interval", -0.1, 0.1).output
    output = run(two_folds, "--parameter", "mu", "--interval", 0, 1, "--set", "u=1", code=2).output
    assert "are for networks" in output
