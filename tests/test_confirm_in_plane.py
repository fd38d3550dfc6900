"""Special points of a reduced model in two parameters, from AUTO-07p, held against the full field."""

from dataclasses import replace

import numpy as np
import pytest
import sympy
from continuation_cases import needs_auto

import ssmsym
from ssmsym.errors import InputError
from ssmsym.exporters.running import continue_in

X, Y, MU, LAM = sympy.symbols("x y mu lambda")


def slaved():
    """At fixed points y = (x^2 + mu/2)/3, and mu + lambda x + x^2/10 - x^3 + x y/5 = 0 is a cubic in x alone."""
    sides = {X: MU + LAM * X + X**2 / 10 - X**3 + X * Y / 5, Y: -3 * Y + X**2 + MU / 2}
    return ssmsym.from_sympy(sides, parameters={MU: 0.0, LAM: 0.05})


def folds_of(model):
    return continue_in(
        "auto07p",
        model,
        parameter="mu",
        interval=(-0.2, 0.2),
        scenario="fold_curve",
        second_parameter="lambda",
        second_interval=(-0.1, 0.3),
    )


@needs_auto
def test_cusp_is_confirmed_on_the_full_field():
    """Where the cubic, its slope and its curvature vanish: x = 1/28, mu = 1/23520, lambda = -1/280 - 1/705600."""
    model = ssmsym.reduce(
        ssmsym.compute_ssm(
            slaved(), [0.0, 0.0], modes=1, order=9, parameters=["mu", "lambda"], parameter_order=3
        )
    )
    diagram = folds_of(model)
    confirmed = ssmsym.confirm_in_plane(diagram, model)
    assert [p.confirmed for p in confirmed.special_points] == [True, True, True]
    (cusp,) = confirmed.of_kind("cusp")
    assert cusp.full_parameter == pytest.approx(1 / 23520, abs=1e-9)
    assert cusp.parameter == pytest.approx(1 / 23520, abs=1e-9)
    assert cusp.second_parameter == pytest.approx(-1 / 280 - 1 / 705600, abs=1e-7)
    assert model.lift(cusp.state, {"mu": cusp.parameter, "lambda": cusp.second_parameter})[
        0
    ] == pytest.approx(1 / 28, abs=1e-3)
    assert cusp.distance < 1e-6
    points = tuple(replace(p, kind="bogdanov_takens") if p is cusp else p for p in confirmed.special_points)
    other = ssmsym.confirm_in_plane(replace(diagram, special_points=points), model)
    (absent,) = other.of_kind("bogdanov_takens")
    assert absent.confirmed is False
    assert np.isinf(absent.distance)


def test_a_diagram_in_one_parameter_is_refused():
    field = slaved()
    model = ssmsym.reduce(ssmsym.compute_ssm(field, [0.0, 0.0], modes=1, order=5, parameters=["mu"]))
    with pytest.raises(InputError, match="has one parameter; use 'confirm'"):
        ssmsym.confirm_in_plane(ssmsym.branches(model, "mu", (-0.1, 0.1)), model)
