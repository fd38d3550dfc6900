"""Reduced models of whole slow manifolds in files, and the commands that take them.

With m = (1, 1, 1) and n = 1/2 each, a network of rank one has exactly kappa' = -kappa + 3/2 tanh(kappa) + u, so that
its folds lie at tanh(kappa)^2 = 1/3.
"""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.polynomial import chebyshev

import ssmsym
from ssmsym.cli import main
from ssmsym.errors import FileFormatError, InputError

KAPPA = np.arctanh(np.sqrt(1 / 3))
FOLD = 1.5 * np.tanh(KAPPA) - KAPPA  # u at kappa = -KAPPA; the other is its negative


def rate(kappa, u):
    return -kappa + 1.5 * np.tanh(kappa) + u


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "rank_one.npz"
    ones = np.ones((3, 1))
    np.savez(path, J=0.5 * ones @ ones.T, B=ones, W=ones.T / 3)
    return path


@pytest.fixture(scope="module")
def curve_file(network):
    path = network.with_name("curve.npz")
    run("slow-manifold", network, "-o", path)
    return path


@pytest.fixture(scope="module")
def family_file(network):
    path = network.with_name("family.npz")
    arguments = ("--parameter", "u[0]", "--interval", -0.3, 0.3, "--values", 13)
    result = run("slow-manifold", network, *arguments, "-o", path)
    assert "its reduced model" in result.output
    return path


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def kappas(low=-1.2, high=1.2):
    return np.linspace(low, high, 21)


def test_the_file_of_a_curve_is_a_model(curve_file):
    model = ssmsym.load_model(curve_file)
    p = np.sqrt(3) * kappas()[:, None]
    np.testing.assert_allclose(np.abs(model.lift(p)), np.abs(kappas()[:, None] * np.ones(3)), atol=1e-9)
    np.testing.assert_allclose(model.field(p)[:, 0] / np.sqrt(3), rate(kappas(), 0.0), atol=1e-9)
    found = ssmsym.find_fixed_points(model.field)
    assert sorted(p.stable for p in found) == [False, True, True]
    with np.load(curve_file) as file:  # the plain arrays are there too
        assert file["fixed_point_s"].shape == (3,)


def test_a_model_is_the_same_after_saving(family_file, tmp_path):
    model = ssmsym.load_model(family_file)
    ssmsym.save(model, tmp_path / "again.npz")
    again = ssmsym.load_model(tmp_path / "again.npz")
    read = ssmsym.model_from_json(ssmsym.model_to_json(model))
    p, values = [[0.3], [-1.1]], {"u[0]": 0.07}
    for other in (again, read):
        np.testing.assert_allclose(other.lift(p, values), model.lift(p, values), rtol=1e-14)
        ours, theirs = model.field.at(values), other.field.at(values)
        np.testing.assert_allclose(theirs(p), ours(p), rtol=1e-14)
        np.testing.assert_allclose(theirs.readout(p), ours.readout(p), rtol=1e-14)
        assert other.range == model.range
        assert other.parameter_range == model.parameter_range
        assert other.evidence == model.evidence
    assert again.network.n_states == 3
    with pytest.raises(InputError, match="write it with 'model_to_json'"):
        ssmsym.save(read, tmp_path / "third.npz")


def test_a_curve_by_arclength_is_the_same_after_saving(network, tmp_path):
    field = ssmsym.load(network)
    states = [[-1.3] * 3, [0.0] * 3, [1.3] * 3]
    points = [ssmsym.refine_fixed_point(field, state) for state in states]
    model = ssmsym.reduce(ssmsym.slow_manifold(field, points, arclength=True))
    ssmsym.save(model, tmp_path / "arc.npz")
    for other in (
        ssmsym.load_model(tmp_path / "arc.npz"),
        ssmsym.model_from_json(ssmsym.model_to_json(model)),
    ):
        place = other.project(0.7 * points[2].state)
        np.testing.assert_allclose(other.lift(place), 0.7 * points[2].state, atol=1e-9)
        np.testing.assert_allclose(place, model.project(0.7 * points[2].state), rtol=1e-14)


def test_the_json_can_be_read_without_ssmsym(family_file):
    """By its schema's description alone."""
    model = ssmsym.load_model(family_file)
    document = json.loads(ssmsym.model_to_json(model))
    data = {k: np.array(v) for k, v in document["rate"].items()}
    for kappa, u in ((0.31, 0.02), (-0.9, -0.25), (1.05, 0.3)):
        p = np.sqrt(3) * kappa
        piece = int(np.searchsorted(data["breaks"], p, side="right")) - 1
        a, b = data["breaks"][piece : piece + 2]
        low, high = data["box"][0] + document["parameters"]["u[0]"]
        at = (2 * p - a - b) / (b - a), (2 * u - low - high) / (high - low)
        value = sum(
            c[0] * np.prod([chebyshev.chebval(t, np.eye(k + 1)[k]) for t, k in zip(at, row, strict=True)])
            for c, row in zip(data["coefficients"][piece], data["degrees"], strict=True)
        )
        assert value == pytest.approx(np.sqrt(3) * rate(kappa, u), abs=1e-5)


def test_the_json_follows_its_schema(family_file):
    jsonschema = pytest.importorskip("jsonschema")
    from ssmsym.reduced.curve_json import SCHEMA

    jsonschema.validate(json.loads(ssmsym.model_to_json(ssmsym.load_model(family_file))), SCHEMA)


def test_branches_of_a_model_file(family_file):
    arguments = ("--parameter", "u[0]", "--interval", -0.3, 0.3, "--json")
    document = json.loads(run("branches", family_file, *arguments).stdout)
    folds = [p for p in document["special_points"] if p["kind"] == "fold"]
    np.testing.assert_allclose([f["parameter"] for f in folds], [-FOLD, FOLD], atol=1e-5)
    np.testing.assert_allclose([f["full_parameter"] for f in folds], [-FOLD, FOLD], atol=1e-10)
    assert all(f["confirmed"] for f in folds)


def test_the_normal_form_at_a_fold_of_a_whole_curve(family_file):
    """With p = sqrt(3) kappa, p' = sqrt(3) rate(p / sqrt(3)) has the quadratic coefficient -1/3 at the fold."""
    model = ssmsym.load_model(family_file)
    fold = ssmsym.branches(model, "u[0]", (-0.3, 0.3)).of_kind("fold")[0]
    form = ssmsym.normal_form(model, fold)
    assert form.kind == "fold"
    assert form.coefficients["a"].value == pytest.approx(-1 / 3, rel=1e-5)


def test_a_model_file_is_exported(family_file, tmp_path):
    arguments = ("--parameter", "u[0]", "--interval", -0.3, 0.3)
    run("export", family_file, "--to", "auto07p", "-o", tmp_path / "auto", *arguments)
    assert any((tmp_path / "auto").iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chart.rate.breaks": np.array([0.0, 0.0])}, "coefficients' has shape"),
        ({"chart.rate.box": np.array([[1.0, 0.0]])}, "'box' of a piecewise map must be finite and ascend"),
        ({"chart.rate.periodic": np.array(1)}, "not both of an angle"),
        ({"chart.states.degrees": np.array([[0, 10**6]])}, "coefficients' has shape|are no degrees"),
        ({"coordinate.directions": np.zeros((1, 3))}, "neither one unit direction nor two"),
        ({"chart.parameter_values": np.array([3.0])}, "are not those of its field"),
        ({"chart.rate.coefficients": None}, "lacks 'chart.rate.coefficients'"),
    ],
)
def test_damaged_files_are_refused(family_file, tmp_path, change, message):
    with np.load(family_file) as file:
        arrays = {**file, **change}
    path = tmp_path / "damaged.npz"
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    with pytest.raises(FileFormatError, match=message):
        ssmsym.load_model(path)
