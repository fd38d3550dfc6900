"""bifpy and PyCoBi: AUTO's engine by way of Python packages, run on what is exported."""

import importlib.util
import shutil
import subprocess
import sys

import pytest
from continuation_cases import (
    AUTO,
    CUSP,
    check_cycle_fold,
    check_cycles,
    check_fold_curve,
    cusp,
    hopf,
    needs,
)

from ssmsym.exporters.running import continue_in
from ssmsym.exporters.writing import export

needs_bifpy = needs(importlib.util.find_spec("bifpy"), reason="bifpy is missing")
needs_pycobi = pytest.mark.skipif(
    not (importlib.util.find_spec("pycobi") and AUTO.is_file() and shutil.which("gfortran")),
    reason="PyCoBi, AUTO-07p or gfortran is missing",  # CI installs no PyCoBi
)
TOOLS = [pytest.param("bifpy", marks=needs_bifpy), pytest.param("pycobi", marks=needs_pycobi)]


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
def test_fold_curve_with_its_cusp(tool):
    diagram = continue_in(
        tool,
        cusp(),
        parameter="mu",
        interval=(-2, 2),
        scenario="fold_curve",
        second_parameter="lambda",
        second_interval=(-1, 2),
        state=[1.0],
    )
    check_fold_curve(diagram)
    (point,) = diagram.of_kind("cusp")
    assert (point.parameter, point.second_parameter) == pytest.approx((0, 0), abs=CUSP)


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
def test_cycles_with_their_fold(tool):
    diagram = continue_in(
        tool, hopf(), parameter="mu", interval=(-2, 0.5), scenario="cycles", state=[0.0, 0.0]
    )
    check_cycles(diagram)
    check_cycle_fold(diagram)


@pytest.mark.parametrize("tool", TOOLS)
def test_the_script_runs_by_itself(tool, tmp_path):
    paths = export(cusp(), tool, tmp_path, state=[1.0], parameter="mu", interval=(-2, 2), step=-0.02)
    script = next(path for path in paths if path.suffix == ".py")
    if tool == "pycobi":
        compile(script.read_text(), script.name, "exec")  # it needs AUTO's Python layer, mended for new NumPy
        return
    done = subprocess.run(
        [sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    folds = [float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("FOLD")]
    assert sorted(folds) == pytest.approx([-0.3849001794597505, 0.3849001794597505], abs=1e-8)
