"""The demonstration, as a user runs it, against facts known from elsewhere."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import ssmsym
from ssmsym.cli import main
from ssmsym.demo import auto_is_installed, demonstrate, scenario, summary

MEMORY_FOLDS = [-0.017303, -0.009903, -0.003525, 0.003762, 0.010052, 0.016915]
DECISION_FOLDS = {
    1: [-0.0176996, -0.0119228, 0.0103462, 0.0193881],
    2: [-0.0159587, -0.00991356, 0.00988883, 0.0202559],
}


@pytest.fixture(scope="module")
def memory():
    steps = []
    return demonstrate(scenario("memory"), steps.append), steps


def parameters(diagram, kind="fold"):
    return [point.parameter for point in diagram.of_kind(kind)]


def test_memory_network_facts(memory):
    done, steps = memory
    assert len(done.points) == 7
    np.testing.assert_allclose(parameters(done.full), MEMORY_FOLDS, atol=6e-7)
    np.testing.assert_allclose(parameters(done.reduced), MEMORY_FOLDS[2:4], atol=6e-7)
    assert all(point.confirmed for point in done.reduced.special_points)
    found = sorted(float(f.p[0]) for f in done.ssm.evidence.findings)
    np.testing.assert_allclose(np.abs(found), [1.8076, 1.7471], atol=6e-5)
    assert len(steps) >= 7


def test_memory_reduced_model_follows_the_network(memory):
    done, _ = memory
    assert done.trajectory_error < 2e-3
    assert done.times[-1] > 50.0


def test_memory_fit_is_called_true(memory):
    done, _ = memory
    assert done.comparison.verdict == "true fit"


@pytest.mark.skipif(not auto_is_installed(), reason="AUTO-07p is not installed")
def test_auto_agrees_with_the_built_in_tracer(memory):
    done, _ = memory
    assert done.tool_agreement < 1e-7


def test_summary_says_what_the_series_does_not_reach(memory):
    text = summary(memory[0])
    assert text.count("not reached by the series") == 4
    assert text.count("predicted at") == 2
    assert "true fit" in text


@pytest.mark.slow
@pytest.mark.parametrize("context", [1, 2])
def test_decision_network(context):
    done = demonstrate(scenario("decision", context))
    assert len(done.points) == 5
    np.testing.assert_allclose(parameters(done.full), DECISION_FOLDS[context], atol=6e-8)
    confirmed = [p.full_parameter for p in done.reduced.special_points if p.confirmed]
    assert confirmed
    for value in confirmed:
        assert min(abs(value - fold) for fold in DECISION_FOLDS[context]) < 6e-8
    assert done.comparison.verdict == "true fit"


@pytest.mark.slow
def test_command_writes_everything_once(tmp_path):
    folder = tmp_path / "out"
    first = CliRunner().invoke(main, ["demo", "-o", str(folder)])
    assert first.exit_code == 0, first.output
    assert "7 (4 stable)" in first.stdout
    assert (folder / "overview.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((folder / "model.json").read_text())["format"] == "ssmsym-reduced-model"
    assert ssmsym.load_model(folder / "model.npz").dimension == 1
    assert (folder / "summary.txt").read_text().strip() in first.stdout
    assert list((folder / "auto07p-fortran").glob("*.f90"))
    assert list((folder / "auto07p-c").glob("*.c"))
    again = CliRunner().invoke(main, ["demo", "-o", str(folder)])
    assert again.exit_code == 1
    assert "earlier run" in again.stderr


def test_unknown_scenario():
    with pytest.raises(ssmsym.InputError, match="'memory' and 'decision'"):
        scenario("vision")
