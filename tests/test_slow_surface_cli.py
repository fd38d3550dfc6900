"""The command ``slow-surface`` and its figure."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import ssmsym
from ssmsym.cli import main


def run(*arguments, code=0):
    result = CliRunner().invoke(main, ["slow-surface", *(str(a) for a in arguments)])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Rank two, with two equally strong directions: the surface is the plane of m."""
    m = np.linalg.qr(np.random.default_rng(0).standard_normal((12, 2)))[0]
    path = tmp_path_factory.mktemp("network") / "rank_two.npz"
    arrays = {"B": np.zeros((12, 1)), "b": np.zeros(12), "tau": 1.0, "dt": 0.0, "activation": "tanh"}
    np.savez(path, J=2.0 * m @ m.T, **arrays)
    return path, m


def test_the_surface_of_a_network_file(network, tmp_path):
    path, m = network
    files = tmp_path / "surface.npz", tmp_path / "surface.png"
    result = run(path, "--extent", -1, 1, -1, 1, "-o", files[0], "--figure", files[1])
    assert "Normally attracting everywhere" in result.output
    with np.load(files[0]) as data:
        off = data["states"] - data["states"] @ m @ m.T
        assert np.abs(off).max() < 1e-12
        assert data["invariance_errors"].max() < 1e-9
    assert files[1].read_bytes()[:4] == b"\x89PNG"
    run(path, "-o", files[0], code=1)


def test_one_fixed_point_and_json(network):
    path, _ = network
    origin = len(ssmsym.find_fixed_points(ssmsym.load(path), seed=0)) - 1  # of the highest index
    found = json.loads(run(path, "--at", origin, "--radius", 0.5, "--json").output)
    assert found["normally_attracting"]
    assert found["invariance_error"] < 1e-9
    assert found["patch"] == "|s| up to radius 0.5"


def test_wrong_use(network):
    path, _ = network
    assert "found 99" in run(path, "--at", 99, code=2).output
    assert "leave one" in run(path, "--radius", 1, "--extent", -1, 1, -1, 1, code=1).output
