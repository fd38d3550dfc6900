"""XPPAUT: exported .ode files read by its own parser, run in its AUTO and integrated by the program."""

import importlib.util
import math
import os
import shutil
import subprocess

import numpy as np
import pytest
import sympy
from continuation_cases import check_cycle_fold, check_cycles, check_fold_curve, cusp, hopf, needs
from ssmsym_plugins import python_source, xppaut_source
from ssmsym_plugins.xppaut import Xppaut

from ssmsym import from_sympy
from ssmsym.exporters.code import CodePrinter
from ssmsym.exporters.contract import ExporterError
from ssmsym.exporters.model import export_model
from ssmsym.exporters.running import continue_in
from ssmsym.exporters.splitting import Splitter
from ssmsym.exporters.writing import export

needs_xpplab = needs(importlib.util.find_spec("xpplab"), reason="xpplab is missing")
needs_xppaut = needs(shutil.which("xppaut"), reason="xppaut is missing")


@needs_xpplab
def test_fold_curve():
    diagram = continue_in(
        "xppaut",
        cusp(),
        parameter="mu",
        interval=(-2, 2),
        scenario="fold_curve",
        second_parameter="lambda",
        second_interval=(-1, 2),
    )
    check_fold_curve(diagram)
    assert len(diagram.branches) == 2  # seven starts lie on one branch, both folds on one curve
    branch = diagram.branches[0]
    assert sorted(branch.parameter[[0, -1]]) == [-2, 2]
    inside = np.abs(3 * branch.states[:, 0] ** 2 - 1) > 1e-3
    assert np.array_equal(branch.stable[inside], 3 * branch.states[inside, 0] ** 2 > 1)
    assert diagram.source.startswith("xppaut xpplab")


@needs_xpplab
def test_cycles_with_their_fold():
    diagram = continue_in("xppaut", hopf(), parameter="mu", interval=(-2, 0.5), scenario="cycles")
    check_cycles(diagram)
    check_cycle_fold(diagram)


@needs_xpplab
def test_hopf_curve():
    diagram = continue_in(
        "xppaut",
        hopf(),
        parameter="mu",
        interval=(-2, 0.5),
        scenario="hopf_curve",
        second_parameter="a",
        second_interval=(-1, 2),
    )
    (curve,) = [branch for branch in diagram.branches if branch.kind == "hopf_curve"]
    assert np.abs(curve.parameter).max() < 1e-7
    assert np.ptp(curve.second_parameter) > 2.5


def integrated(folder, field, **options):
    """Rows (t, states, readouts) that the program writes, in single precision."""
    export(field, "xppaut", folder, name="case", **options)
    environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    done = subprocess.run(
        ["xppaut", "-silent", "case.ode"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout + done.stderr
    assert not [word for word in ("ERROR", "llegal", "uplicate", "Error") if word in said], said[-500:]
    return np.loadtxt(folder / "output.dat")


@needs_xppaut
def test_the_program_integrates_the_file(tmp_path):
    """From a fixed point at mu = 0.2 that is moved a little, the quintic form goes to its stable cycle."""
    model = export_model(hopf().at(mu=0.2), state=[0.0, 0.0])
    moved = model.moved(model.values, [0.9, 0.0])
    rows = integrated(tmp_path, moved, parameter="mu", interval=(-1, 1), time_step=0.02)
    assert rows.shape[1] == 3
    square = (1 + math.sqrt(1 + 4 * 0.2)) / 2
    assert rows[-200:, 1] ** 2 + rows[-200:, 2] ** 2 == pytest.approx(square, abs=1e-5)
    angle = np.unwrap(np.arctan2(rows[-200:, 2], rows[-200:, 1]))
    assert np.polyfit(rows[-200:, 0], angle, 1)[0] == pytest.approx(1 + 0.5 * square, rel=1e-5)


@needs_xppaut
@pytest.mark.parametrize("name", ["large", "reserved", "pieces", "network", "henon"])
def test_the_program_reads_every_model(tmp_path, name):
    from exported_models import SOURCES, large

    source = {**SOURCES, "large": large}[name]()
    model = export_model(source, find=False)
    rows = integrated(tmp_path, model)
    assert rows.shape[1] == 1 + len(model.states) + len(model.readouts)
    assert np.isfinite(rows[:2]).all()


def test_lines_and_names_are_short():
    from exported_models import large, reserved

    for field in (large(), reserved()):
        model = export_model(field, find=False)
        (text,) = Xppaut().render(model).values()
        assert max(map(len, text.splitlines())) <= 720
        names = [name.lower() for group in xppaut_source.names(model) for name in group]
        assert len(set(names)) == len(names)
        assert all(len(name) <= 10 for name in names)
        lefts = [line.split("=")[0].removesuffix("'") for line in text.splitlines() if line[0] not in "@#pi"]
        assert len({left.lower() for left in lefts}) == len(lefts)


def test_splitting_keeps_the_value():
    """A sum, a function of it and conditions on it, in Python's own language, which computes the helpers."""
    x, y = sympy.symbols("x y", real=True)
    rng = np.random.default_rng(0)
    terms = [float(c) * x**i * sympy.sin(y * i) for i, c in enumerate(rng.normal(size=40))]
    inner = sympy.Piecewise(
        (sympy.Add(*terms), x > 0.5),
        (sympy.exp(-x) + sympy.Add(*terms[:20]), x > 0.1),
        (sympy.Add(*terms[5:25]) * y, x > -0.3),
        (sympy.cos(x), y > 0),
        (sympy.Add(*terms[3:30]), True),
    )
    whole = sympy.tanh(inner * sympy.Add(*terms)) + inner
    splitter = Splitter(CodePrinter(python_source.dialect("np"), {x: "x", y: "y"}), 120, "h{}".format)
    last = splitter.short(whole)
    statements = [*splitter.helpers, ("value", last)]
    assert max(len(text) for _, text in statements) <= 120
    assert len(splitter.helpers) > 20
    states = rng.uniform(-1, 1, size=(200, 2))
    found = {"np": np, "x": states[:, 0], "y": states[:, 1]}
    for name, text in statements:
        exec(f"{name} = {text}", found)
    expected = sympy.lambdify((x, y), whole, "numpy")(states[:, 0], states[:, 1])
    assert found["value"] == pytest.approx(expected, rel=1e-12, abs=1e-13)


def test_what_cannot_be_split():
    x = sympy.Symbol("x")
    narrow = Splitter(CodePrinter(xppaut_source.DIALECT, {x: "x" * 60}), 50, "h{}".format)
    with pytest.raises(ExporterError, match="takes 61 characters in one piece; XPPAUT reads at most 50"):
        narrow.short(-x)


def test_refusals(tmp_path):
    x, m = sympy.symbols("x m")
    with pytest.raises(ExporterError, match="'gamma' of this model has no counterpart in XPPAUT"):
        export(
            from_sympy({x: sympy.gamma(x + 2) - 1 + m}, parameters={m: 0.0}), "xppaut", tmp_path, state=[0.0]
        )
    logistic = from_sympy({x: m * x * (1 - x)}, parameters={m: 2.0}, time="discrete")
    if importlib.util.find_spec("xpplab"):
        with pytest.raises(ExporterError, match="This model is a map"):
            continue_in("xppaut", logistic, parameter="m", interval=(1, 3))
    export(logistic, "xppaut", tmp_path, state=[0.5])
    text = (tmp_path / "model.ode").read_text()
    assert "x(t+1)=" in text
    assert "meth=discrete" in text
    with pytest.raises(ExporterError, match="'scenario' is"):
        export(logistic, "xppaut", tmp_path, overwrite=True, scenario="folds")
