"""The command ``slow-manifold``."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import ssmsym
from ssmsym.cli import main

DELAY = ssmsym.network_path("delay_n100_a")


def run(*arguments, code=0):
    result = CliRunner().invoke(main, ["slow-manifold", *(str(a) for a in arguments)])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def test_the_curve_of_the_memory_network(tmp_path):
    result = run(DELAY, "-o", tmp_path / "curve.npz")
    assert "7 fixed points, 8 pieces" in result.output
    assert "Normally attracting" in result.output
    with np.load(tmp_path / "curve.npz") as file:
        assert file["fixed_point_s"].shape == (7,)
        known = np.isfinite(file["states"]).all(axis=1)
        assert known.mean() > 0.95
        assert np.isfinite(file["rates"][known]).all()


def test_the_curve_of_the_trained_map(tmp_path):
    result = run(DELAY, "--as", "map", "-o", tmp_path / "curve.npz")
    assert "7 fixed points" in result.output
    with np.load(tmp_path / "curve.npz") as file:
        assert np.isfinite(file["states"]).all()
        assert (np.diff(file["following"]) > 0).all()


def test_the_curve_by_arclength(tmp_path):
    result = run(DELAY, "--arclength", "--json", "-o", tmp_path / "curve.npz")
    document = json.loads(result.stdout)
    assert len(document["fixed_points"]) == 7
    assert document["extent"][1] - document["extent"][0] > 12.54  # the ends' distance
    assert ssmsym.load_model(tmp_path / "curve.npz").range == pytest.approx(document["extent"])


@pytest.mark.slow
def test_folds_as_json():
    document = json.loads(
        run(DELAY, "--parameter", "u[0]", "--interval", -0.006, 0.006, "--values", 9, "--json").stdout
    )
    values = [fold["parameter"] for fold in document["folds"]]
    np.testing.assert_allclose(values, [-0.003525, 0.003762], atol=6e-7)
    assert all(fold["confirmed"] for fold in document["folds"])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--parameter", "u[0]"), 2, "belong together"),
        (("--parameter", "v", "--interval", 0, 1), 2, "'v'"),
        (("--as", "map", "--closed"), 1, "are computed for flows"),
    ],
)
def test_wrong_use(arguments, code, message):
    assert message in run(DELAY, *arguments, code=code).stderr
