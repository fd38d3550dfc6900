"""The commands ``bifurcation-curves``, ``sensitivity`` and ``input-gains``."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import ssmsym
from ssmsym.cli import main


@pytest.fixture
def network(tmp_path):
    """One unit x' = -x + 1.7 tanh x + u: folds at u = +-(w s - artanh s), s = sqrt(1 - 1/w)."""
    path = tmp_path / "unit.npz"
    np.savez(path, J=[[1.7]], B=[[1.0]], b=[0.1], W=[[1.0]], tau=1.0)
    return str(path)


def run(*arguments):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_sensitivity_as_text_json_and_file(network, tmp_path):
    output = str(tmp_path / "all.npz")
    arguments = ("sensitivity", network, "--parameter", "u[0]", "--interval", "-1", "1")
    text = run(*arguments, "-o", output)
    assert text.count("fold at u[0]") == 2
    document = json.loads(run(*arguments, "--json"))
    s = np.sqrt(1 - 1 / 1.7)
    for fold in document["bifurcations"]:
        weights = {entry["name"]: entry["derivative"] for entry in fold["weights"]}
        assert weights["b[0, 0]"] == pytest.approx(-1.0, rel=1e-8)
        assert abs(weights["J[0, 0]"]) == pytest.approx(s, rel=1e-8)
    stored = np.load(output)
    assert sorted(np.abs(stored["d_J"]).ravel()) == pytest.approx([s, s], rel=1e-8)


def test_curves_of_a_reduced_model(tmp_path):
    import sympy

    p, mu, lam = sympy.symbols("p mu lambda")
    field = ssmsym.from_sympy({p: mu + lam * p - p**3}, parameters={mu: 0.0, lam: 1.0})
    ssm = ssmsym.compute_ssm(field, [0.0], modes=1, order=3, parameters=["mu", "lambda"])
    model, output = str(tmp_path / "model.npz"), str(tmp_path / "curves.npz")
    ssmsym.save(ssm, model)
    arguments = ("--parameters", "mu", "lambda", "--interval", "-1", "1", "--second-interval", "-0.5", "1.5")
    figure = tmp_path / "curves.png"
    text = run("bifurcation-curves", model, *arguments, "-o", output, "--figure", str(figure))
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert "2 bifurcations over mu lie on 1 curves" in text
    assert "cusp at mu" in text
    document = json.loads(run("bifurcation-curves", model, *arguments, "--json"))
    assert document["special_points"][0]["second_parameter"] == pytest.approx(0.0, abs=1e-8)
    assert "curves.npz" in text


def test_input_gains(network):
    document = json.loads(run("input-gains", network, "--json"))
    assert document["inputs"] == ["u[0]"]
    for point in document["points"]:
        assert np.hypot(*point["gains"][0][0]) == pytest.approx(1.0)
    assert "eigenvalue" in run("input-gains", network)


def test_wrong_use(network):
    result = CliRunner().invoke(main, ["sensitivity", network, "--parameter", "v", "--interval", "-1", "1"])
    assert result.exit_code == 2
    result = CliRunner().invoke(
        main, ["sensitivity", network, "--parameter", "u[0]", "--interval", "1", "-1"]
    )
    assert result.exit_code == 2


def test_diagrams_in_one_parameter_are_not_drawn(tmp_path):
    field = ssmsym.rate_network([[1.7]], B=[[1.0]])
    diagram = ssmsym.branches(field, "u[0]", (-1.0, 1.0))
    with pytest.raises(ssmsym.InputError, match="two parameters"):
        ssmsym.plot_bifurcation_curves(diagram, tmp_path / "figure.png")
