"""Commands on models and trajectories: branches, export, tools, fit, verify."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import ssmsym
from ssmsym.cli import main
from ssmsym.demo import auto_is_installed


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def saddle():
    field = ssmsym.load(ssmsym.network_path("delay_n100_a"))
    points = [p for p in ssmsym.find_fixed_points(field) if p.index == 1]
    return field, min(points, key=lambda p: p.eigenvalues[0].real)


@pytest.fixture(scope="module")
def model(folder, saddle):
    field, point = saddle
    ssm = ssmsym.compute_ssm(field, point, modes=1, order=7, parameters=["u[0]"], parameter_order=3)
    ssmsym.save(ssm, folder / "model.npz")
    (folder / "model.json").write_text(ssmsym.model_to_json(ssmsym.reduce(ssm)))
    return folder / "model.npz"


@pytest.fixture(scope="module")
def trajectories(folder, saddle):
    field, point = saddle
    ssm = ssmsym.compute_ssm(field, point, modes=1, order=9)
    times = np.linspace(0.0, 20.0, 201)
    start = ssm.lift([[0.01], [0.06], [-0.01], [-0.06]])
    states = ssmsym.simulate(field, start, times, rtol=1e-10, atol=1e-12).states
    path = folder / "runs.npz"
    np.savez(path, trajectories=states, times=times)
    return path


def folds(document):
    return [p["parameter"] for p in document["special_points"] if p["kind"] == "fold"]


def test_branches_of_a_model(model, folder):
    result = run("branches", model, "--parameter", "u[0]", "--interval", -0.03, 0.03, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    np.testing.assert_allclose(folds(document), [-0.003525, 0.003762], atol=2e-6)
    assert all(p["confirmed"] for p in document["special_points"])
    assert "trusted" in " ".join(document["branches"][0]["ends"])


def test_branches_of_a_model_in_json(model, folder):
    result = run(
        "branches", folder / "model.json", "--parameter", "u[0]", "--interval", -0.01, 0.01, "--json"
    )
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    np.testing.assert_allclose(folds(document), [-0.003525, 0.003762], atol=2e-6)
    assert all(p["confirmed"] is None for p in document["special_points"])  # the network is not there to ask


def test_branches_of_a_network(folder):
    output = folder / "diagram.npz"
    result = run(
        *("branches", ssmsym.network_path("cdd_n100_a"), "--input", "context 1, no evidence"),
        *("--parameter", "u[0]", "--interval", -0.05, 0.05, "-o", output),
    )
    assert result.exit_code == 0, result.output
    with np.load(output) as stored:
        np.testing.assert_allclose(
            stored["special_parameters"], [-0.0176996, -0.0119228, 0.0103462, 0.0193881], atol=6e-8
        )
        assert stored["branch_0_states"].shape[1] == 100


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("--parameter", "u[9]", "--interval", -1, 1), "no parameter 'u[9]'"),
        (("--parameter", "u[0]", "--interval", 1, -1), "a lower and a higher value"),
        (("--parameter", "u[0]", "--interval", -1, 1, "--set", "u[0]=1"), "--set are for networks"),
    ],
)
def test_wrong_use_of_branches(model, extra, message):
    result = run("branches", model, *extra)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_export_writes_and_refuses(model, tmp_path):
    place = ("--parameter", "u[0]", "--interval", -0.01, 0.01)
    for language, suffix in (("fortran", "f90"), ("c", "c")):
        target = tmp_path / language
        result = run(
            "export", model, "--to", "auto07p", "-o", target, *place, "--option", f"language={language}"
        )
        assert result.exit_code == 0, result.output
        assert [p for p in target.iterdir() if p.suffix == f".{suffix}"]
    again = run("export", model, "--to", "auto07p", "-o", tmp_path / "c", *place, "--option", "language=c")
    assert again.exit_code == 1
    assert "exist" in again.stderr
    unknown = run("export", model, "--to", "auto-07p", "-o", tmp_path / "x")
    assert unknown.exit_code == 1
    assert "'auto07p'" in unknown.stderr
    assert not (tmp_path / "x").exists()
    half = run("export", model, "--to", "auto07p", "-o", tmp_path / "y", "--run")
    assert half.exit_code == 2
    assert "--parameter and --interval" in half.stderr


@pytest.mark.skipif(not auto_is_installed(), reason="AUTO-07p is not installed")
def test_export_runs_auto_and_confirms(model, tmp_path):
    result = run(
        *("export", model, "--to", "auto07p", "-o", tmp_path / "auto", "--parameter", "u[0]"),
        *("--interval", -0.01, 0.01, "--run", "--json"),
    )
    assert result.exit_code == 0, result.output
    diagram = json.loads(result.stdout)["diagram"]
    np.testing.assert_allclose(folds(diagram), [-0.003525, 0.003762], atol=2e-6)
    assert all(p["confirmed"] for p in diagram["special_points"])
    assert diagram["source"].startswith("auto07p")


def test_tools_lists_auto():
    result = run("tools", "--json")
    assert result.exit_code == 0, result.output
    (status,) = (s for s in json.loads(result.stdout) if s["name"] == "auto07p")
    assert status["installed"] == auto_is_installed()
    assert "apt-get install" in status["install_hint"]
    assert "auto07p" in run("tools").stdout


def test_fit_and_verify(model, trajectories, folder):
    fit = folder / "fit.npz"
    made = run("fit", trajectories, "--dim", 1, "--order", 5, "--along", model, "-o", fit)
    assert made.exit_code == 0, made.output
    verified = run("verify", fit, "--against", model, "--json")
    assert verified.exit_code == 0, verified.output
    assert json.loads(verified.stdout)["verdict"] == "true fit"
    assert "true fit" in run("verify", fit, "--against", model).stdout
    assert run("fit", trajectories, "--dim", 1, "--order", 5, "-o", fit).exit_code == 1


def test_verify_calls_another_network_wrong(trajectories, folder, saddle, model):
    field, point = saddle
    arrays = dict(field.arrays)
    other = ssmsym.rate_network(
        1.002 * arrays["J"], B=arrays["B"], b=arrays["b"][:, 0], tau=0.1, W=arrays["W"], c=arrays["c"][:, 0]
    )
    near = ssmsym.refine_fixed_point(other, point.state)
    ssmsym.save(ssmsym.compute_ssm(other, near, modes=1, order=7), folder / "other.npz")
    run("fit", trajectories, "--dim", 1, "--order", 5, "--along", model, "-o", folder / "fit2.npz")
    result = run("verify", folder / "fit2.npz", "--against", folder / "other.npz", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["verdict"] == "wrong fit"


def test_files_of_the_wrong_kind_are_named(model, trajectories, folder):
    for arguments in (
        ("verify", trajectories, "--against", model),
        ("fit", model, "--dim", 1, "--order", 3, "-o", folder / "x.npz"),
        ("export", trajectories, "--to", "auto07p", "-o", folder / "x"),
    ):
        result = run(*arguments)
        assert result.exit_code == 1, result.output
        assert result.stderr.startswith("Error: ")
        assert "Traceback" not in result.stderr
