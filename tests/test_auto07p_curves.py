"""AUTO-07p: cycles and curves in two parameters, run from exported Fortran and C."""

import math

import numpy as np
import pytest
import sympy
from continuation_cases import (
    CUSP,
    check_cycle_fold,
    check_cycles,
    check_fold_curve,
    cusp,
    hopf,
    needs_auto,
)

from ssmsym import from_sympy
from ssmsym.dynamics.diagram_file import save_diagram
from ssmsym.exporters.discovery import get_exporter
from ssmsym.exporters.model import export_model
from ssmsym.exporters.profiles import extremes
from ssmsym.exporters.running import continue_in

languages = pytest.mark.parametrize("language", ["fortran", "c"])


@needs_auto
@languages
def test_fold_curve_with_its_cusp(language, tmp_path):
    diagram = continue_in(
        "auto07p",
        cusp(),
        parameter="mu",
        interval=(-2, 2),
        scenario="fold_curve",
        second_parameter="lambda",
        second_interval=(-1, 2),
        language=language,
    )
    check_fold_curve(diagram)
    (point,) = diagram.of_kind("cusp")
    assert (point.parameter, point.second_parameter) == pytest.approx((0, 0), abs=CUSP)
    assert point.critical_distance < 1e-6
    curve = diagram.branches[point.branch]
    assert curve.ends == ("left the interval", "left the interval")
    assert curve.second_parameter.max() == pytest.approx(2.0, abs=1e-5)
    save_diagram(diagram, tmp_path / "diagram.npz")
    with np.load(tmp_path / "diagram.npz") as file:
        assert str(file["second_parameter_name"]) == "lambda"
        assert np.array_equal(file[f"branch_{point.branch}_second_parameter"], curve.second_parameter)
        kinds, seconds = file["special_kinds"], file["special_second_parameters"]
        assert np.array_equal(np.isnan(seconds), kinds == "fold")


@needs_auto
@languages
def test_cycles_with_their_fold(language):
    diagram = continue_in(
        "auto07p", hopf(), parameter="mu", interval=(-2, 0.5), scenario="cycles", language=language
    )
    check_cycles(diagram)
    check_cycle_fold(diagram)
    (cycles,) = [branch for branch in diagram.branches if branch.kind == "periodic"]
    assert cycles.ends == ("Hopf point", "left the interval")
    assert cycles.parameter.max() == pytest.approx(0.5, abs=1e-5)


def test_constants_of_each_scenario():
    model = export_model(hopf(), state=[0.0, 0.0])
    files = get_exporter("auto07p").render(model, scenario="cycles", parameter="mu")
    assert list(files) == ["model.f90", "c.model", "c.model_cycles"]
    lines = files["c.model_cycles"].splitlines()
    assert "ICP=['mu', 11]" in lines
    assert any(line.startswith("parnames=") and line.endswith("11: 'period'}") for line in lines)
    assert any("IPS=2, IRS='HB1'" in line for line in lines)
    assert lines[-1] == "s='model'"
    files = get_exporter("auto07p").render(
        model, scenario="hopf_curve", parameter="mu", second_parameter="b", second_interval=(0, 1)
    )
    lines = files["c.model_hopf_curve"].splitlines()
    assert "ICP=['mu', 'b']" in lines
    assert "UZSTOP={'mu': [-1.5, 0.5], 'b': [0.0, 1.0]}" in lines
    assert any("IPS=1, IRS='HB1'" in line for line in lines)
    assert any("ISW=2" in line for line in lines)


@needs_auto
@languages
def test_hopf_curve_with_its_generalized_hopf_point(language):
    """The first Lyapunov coefficient of the quintic form is a, whatever mu is: it vanishes at a = 0."""
    diagram = continue_in(
        "auto07p",
        hopf(),
        parameter="mu",
        interval=(-2, 0.5),
        scenario="hopf_curve",
        second_parameter="a",
        second_interval=(-1, 2),
        language=language,
    )
    (point,) = diagram.of_kind("generalized_hopf")
    assert (point.parameter, point.second_parameter) == pytest.approx((0, 0), abs=1e-6)
    assert point.period == pytest.approx(2 * math.pi, rel=1e-6)
    (curve,) = [branch for branch in diagram.branches if branch.kind == "hopf_curve"]
    assert np.abs(curve.parameter).max() < 1e-8
    assert sorted(curve.second_parameter[[0, -1]]) == pytest.approx([-1, 2], abs=1e-5)


@needs_auto
def test_bogdanov_takens_point():
    """x' = y, y' = b1 + b2 y + x^2 + x y: folds at b1 = 0, Hopf points at b1 = -b2^2, both through the origin.

    Kuznetsov, Elements of Applied Bifurcation Theory, section 8.4, with s = 1 and b2 y in place of b2 x.
    """
    x, y, b1, b2 = sympy.symbols("x y b1 b2")
    field = from_sympy({x: y, y: b1 + b2 * y + x**2 + x * y}, parameters={b1: -1.0, b2: 0.5})
    common = {
        "parameter": "b1",
        "interval": (-2, 1),
        "second_parameter": "b2",
        "second_interval": (-0.5, 1),
        "state": [[1.0, 0.0]],
    }
    folds = continue_in("auto07p", field, scenario="fold_curve", **common)
    (point,) = folds.of_kind("bogdanov_takens")
    assert (point.parameter, point.second_parameter) == pytest.approx((0, 0), abs=1e-6)
    hopf_points = continue_in("auto07p", field, scenario="hopf_curve", **common)
    curve = next(branch for branch in hopf_points.branches if branch.kind == "hopf_curve")
    beyond = curve.second_parameter > 1e-3
    assert curve.parameter[beyond] == pytest.approx(-(curve.second_parameter[beyond] ** 2), abs=1e-7)


@needs_auto
def test_cycles_between_two_hopf_points_are_traced_once():
    u1, u2, a = sympy.symbols("u1 u2 a")
    rate = a * (1 - u1) * sympy.exp(u2)
    reactor = from_sympy({u1: -u1 + rate, u2: -u2 + 14 * rate - 3 * u2}, parameters={a: 0.0})
    diagram = continue_in("auto07p", reactor, parameter="a", interval=(0, 0.5), scenario="cycles")
    (cycles,) = [branch for branch in diagram.branches if branch.kind == "periodic"]
    assert cycles.ends == ("Hopf point", "Hopf point")
    assert sorted(cycles.parameter[[0, -1]]) == pytest.approx([0.165042, 0.3365505], abs=2e-4)
    assert not diagram.of_kind("cycle_branch_point")


def test_extremes_between_mesh_points():
    times = np.linspace(0, 2 * math.pi, 4 * 25 + 1)
    states = np.column_stack([3 * np.cos(times - 0.01), np.sin(times)])
    largest, smallest, reach = extremes(times, states, 4)
    assert largest == pytest.approx([3, 1], abs=1e-5)
    assert smallest == pytest.approx([-3, -1], abs=1e-5)
    assert reach == pytest.approx(3, abs=1e-4)
