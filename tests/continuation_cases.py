"""Problems with exact answers on which continuation tools are tried, and which tools must be there."""

import math
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import sympy

from ssmsym import from_sympy

CI = bool(os.environ.get("CI"))  # there a missing tool is an error, not a reason to skip
AUTO = Path(os.environ.get("AUTO_DIR") or "/usr/lib/auto-07p") / "lib" / "main.o"

FOLD, HOPF, PERIOD, CUSP = 1e-8, 1e-7, 1e-6, 1e-7
CUSP_FOLD = 2 * (1 / 3) ** 1.5
CYCLE_FOLD, CYCLE_FOLD_PERIOD = -0.25, 2 * math.pi / 1.25


def needs(*found, reason):
    """Skip where a tool is missing, but not where everything is installed by a script of ours."""
    return pytest.mark.skipif(not CI and not all(found), reason=reason)


needs_auto = needs(AUTO.is_file(), shutil.which("gfortran"), reason="AUTO-07p or gfortran is missing")


def cusp():
    """p' = mu + lambda p - p^3: folds at mu = +-2 (lambda/3)^(3/2), a cusp at 0, 0."""
    p, mu, slope = sympy.symbols("p mu lambda")
    return from_sympy({p: mu + slope * p - p**3}, parameters={mu: 0.0, slope: 1.0})


def hopf():
    """z' = (mu + a r^2 - r^4) z + i (omega + b r^2) z: on cycles mu = r^4 - a r^2, T = 2 pi/(omega + b r^2)."""
    x, y, mu, a, om, b = sympy.symbols("x y mu a omega b")
    g, w = mu + a * (x**2 + y**2) - (x**2 + y**2) ** 2, om + b * (x**2 + y**2)
    return from_sympy({x: g * x - w * y, y: w * x + g * y}, parameters={mu: -0.5, a: 1, om: 1, b: 0.5})


def check_folds(diagram):
    """The folds of :func:`cusp`."""
    folds = [point.parameter for point in diagram.of_kind("fold")]
    assert folds == pytest.approx([-CUSP_FOLD, CUSP_FOLD], abs=FOLD)


def check_fold_curve(diagram, least=20):
    """One curve through the cusp of :func:`cusp`."""
    check_folds(diagram)
    (curve,) = [branch for branch in diagram.branches if branch.kind == "fold_curve"]
    assert len(curve) > least
    assert curve.parameter.min() < -0.5
    assert curve.parameter.max() > 0.5
    exact = 2 * (np.maximum(curve.second_parameter, 0) / 3) ** 1.5
    assert np.abs(np.abs(curve.parameter) - exact).max() < FOLD
    assert np.abs(3 * curve.states[:, 0] ** 2 - curve.second_parameter).max() < 1e-7


def check_cycles(diagram):
    """The Hopf point and the cycles of :func:`hopf`, stable beyond the fold."""
    (point,) = diagram.of_kind("hopf")
    assert point.parameter == pytest.approx(0.0, abs=HOPF)
    (cycles,) = [branch for branch in diagram.branches if branch.kind == "periodic"]
    square = cycles.amplitudes[:, 0] ** 2
    assert square.max() > 1
    assert cycles.parameter == pytest.approx(square**2 - square, abs=1e-6)
    assert cycles.periods == pytest.approx(2 * math.pi / (1 + 0.5 * square), rel=PERIOD)
    inside = np.abs(square - 0.5) > 1e-3
    assert np.array_equal(cycles.stable[inside], square[inside] > 0.5)
    assert np.linalg.norm(cycles.orbit_points, axis=1) ** 2 == pytest.approx(square, abs=1e-6)


def check_cycle_fold(diagram):
    """The fold of the cycles of :func:`hopf`, labelled by the tool."""
    (fold,) = diagram.of_kind("cycle_fold")
    assert fold.parameter == pytest.approx(CYCLE_FOLD, abs=FOLD)
    assert fold.period == pytest.approx(CYCLE_FOLD_PERIOD, rel=PERIOD)
    assert float(fold.state @ fold.state) == pytest.approx(0.5, abs=1e-6)
    assert fold.residual < 1e-6
    assert fold.critical_distance < 1e-2
