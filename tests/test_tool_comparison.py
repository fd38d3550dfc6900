"""Diagrams side by side, and the command that runs every installed tool."""

import json
from dataclasses import replace

import numpy as np
import pytest
import sympy
from click.testing import CliRunner

import ssmsym
from ssmsym.cli import main
from ssmsym.exporters.running import tools

x, mu = sympy.symbols("x mu")
EXACT = 2 * 3**-1.5  # folds of x' = mu + x - x^3


@pytest.fixture
def cubic():
    return ssmsym.from_sympy({x: mu + x - x**3}, parameters={mu: 0.0})


def test_matching_by_kind_and_place(cubic):
    diagram = ssmsym.branches(cubic, "mu", (-1.0, 1.0))
    left, right = diagram.special_points
    moved = replace(diagram, special_points=(replace(right, parameter=right.parameter + 1e-3),))
    compared = ssmsym.compare_diagrams({"a": diagram, "b": moved})
    assert [sorted(row.points) for row in compared.rows] == [["a"], ["a", "b"]]
    assert compared.largest_spread == pytest.approx(1e-3, rel=1e-9)
    (alone,) = compared.missing
    assert alone.points["a"] is left
    assert "1.0e-03" in repr(compared)


def test_points_at_one_value_but_of_other_branches_are_not_matched(cubic):
    diagram = ssmsym.branches(cubic, "mu", (-1.0, 1.0))
    (first, _) = diagram.special_points
    other = replace(diagram, special_points=(replace(first, state=first.state + 1.0),))
    assert len(ssmsym.compare_diagrams({"a": diagram, "b": other}).rows) == 3


def test_wrong_input(cubic):
    diagram = ssmsym.branches(cubic, "mu", (-1.0, 1.0))
    with pytest.raises(ssmsym.InputError, match="Two diagrams"):
        ssmsym.compare_diagrams({"a": diagram})
    with pytest.raises(ssmsym.InputError, match="same parameters"):
        ssmsym.compare_diagrams({"a": diagram, "b": replace(diagram, parameter="nu")})


def test_second_parameters_count(cubic):
    t = sympy.Symbol("t")
    field = ssmsym.from_sympy({x: mu + t * x - x**3}, parameters={mu: 0.0, t: 1.0})
    folds = ssmsym.branches(field, "mu", (-1.0, 1.0)).special_points
    diagram = ssmsym.trace_bifurcation_curves(field, folds, ("mu", "t"), (-1.0, 1.0), (-0.5, 1.5))
    (cusp,) = diagram.special_points
    near, far = (replace(diagram, special_points=(replace(cusp, second_parameter=v),)) for v in (0.01, 0.7))
    assert ssmsym.compare_diagrams({"a": diagram, "b": near}).largest_spread == pytest.approx(0.01, rel=1e-6)
    assert len(ssmsym.compare_diagrams({"a": diagram, "b": far}).missing) == 2


def test_every_installed_tool_finds_the_folds(cubic, tmp_path):
    installed = [s.name for s in tools() if s.installed and s.name in ("auto07p", "xppaut", "bifpy")]
    if not installed:
        pytest.skip("no continuation tool is installed")
    ssm = ssmsym.compute_ssm(cubic, [0.0], modes=1, order=3, parameters=["mu"])
    model = str(tmp_path / "cubic.npz")
    ssmsym.save(ssm, model)
    chosen = [part for name in installed for part in ("--tool", name)]
    arguments = ["compare-tools", model, "--parameter", "mu", "--interval", "-1", "1", *chosen]
    result = CliRunner().invoke(main, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    folds = [row for row in document["special_points"] if row["kind"] == "fold"]
    assert len(folds) == 2
    for row in folds:
        assert set(row["values"]) == {"ssmsym", *installed}
        assert np.abs(np.abs(list(row["values"].values())) - EXACT).max() < 1e-8
    assert "fold" in CliRunner().invoke(main, arguments).stdout
