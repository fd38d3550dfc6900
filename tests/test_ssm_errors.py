"""Modes that cannot be separated, resonances and options out of range: the numbers, and what to do instead."""

from __future__ import annotations

import re

import numpy as np
import pytest
import sympy as sp

from ssmsym import compute_exact_ssm, compute_ssm, find_fixed_points, from_sympy, refine_fixed_point
from ssmsym.errors import (
    InputError,
    NotConvergedError,
    ResonanceError,
    SmoothnessError,
    SsmsymError,
    SubspaceError,
)

x, y, z = sp.symbols("x y z")
SADDLE = from_sympy({x: -x, y: -3 * y + x**2})


def assert_refused(call, kind, culprits, remedy: str):
    """The call raises this error, whose message names the culprits and, as a pattern, the remedy."""
    with pytest.raises(kind) as caught:
        call()
    assert isinstance(caught.value, SsmsymError)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith((".", "?"))
    for culprit in culprits:
        assert culprit in message, message
    assert re.search(remedy, message), message
    return caught.value


def test_modes_that_split_a_pair_are_refused_with_the_pair():
    field = from_sympy({x: -x - 2 * y, y: 2 * x - y, z: -5 * z})
    for modes in (1, [0], [1], [1, 2]):
        error = assert_refused(
            lambda modes=modes: compute_ssm(field, [0, 0, 0], modes=modes),
            SubspaceError,
            ["-1.0000+2.0000i", "modes 0, 1"],
            "Ask for both or for neither",
        )
        assert error.modes == (0, 1)
    assert "for 2 modes" in str(assert_refused(lambda: compute_ssm(field, [0, 0, 0]), SubspaceError, [], "2"))
    assert compute_ssm(field, [0, 0, 0], modes=2).dimension == 2


def test_modes_that_split_a_group_are_refused_with_the_group():
    field = from_sympy({x: -x, y: -y + x**2, z: -3 * z})
    error = assert_refused(
        lambda: compute_ssm(field, [0, 0, 0]), SubspaceError, ["-1.0000", "modes 0, 1"], "Ask for all of them"
    )
    assert error.modes == (0, 1)
    assert compute_ssm(field, [0, 0, 0], modes=2).dimension == 2


def test_modes_that_split_a_nearly_defective_block_are_refused_with_the_projector():
    field = from_sympy({x: -x + y, y: -(1 + sp.Rational(1, 10**8)) * y})
    error = assert_refused(
        lambda: compute_ssm(field, [0, 0]), SubspaceError, ["[0]", "1.0e+08"], "Add the modes"
    )
    assert error.modes == (0,)


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_an_order_beyond_an_outer_resonance_is_refused_with_its_numbers(degree):
    field = from_sympy({x: -x, y: -degree * y + x**degree})
    error = assert_refused(
        lambda: compute_ssm(field, [0, 0], order=degree),
        ResonanceError,
        [f"degree {degree}", f"{degree} λ0 = {-degree}", "λ1"],
        f"Add mode 1 .* keep 'order' below {degree}",
    )
    assert (error.degree, error.mode, error.combination) == (degree, 1, (degree,))
    assert error.distance == pytest.approx(0.0, abs=1e-12)
    assert compute_ssm(field, [0, 0], order=degree - 1).order == degree - 1
    assert compute_ssm(field, [0, 0], order=degree, modes=2).order == degree
    exact = assert_refused(
        lambda: compute_exact_ssm(field, modes=[-1], order=degree),
        ResonanceError,
        [f"degree {degree}", f"{degree} (-1)"],
        f"keep 'order' below {degree}",
    )
    assert (exact.degree, exact.combination, exact.distance) == (degree, (degree,), 0.0)


@pytest.mark.parametrize("state", [[1.0, 1.0], [0.5, -0.25]])
def test_a_state_that_is_no_fixed_point_is_refused_with_its_speed(state):
    speed = np.hypot(state[0], 3 * state[1] - state[0] ** 2)
    assert_refused(
        lambda: compute_ssm(SADDLE, state),
        InputError,
        [f"{speed:.1e}"],
        "find_fixed_points, or refine_fixed_point",
    )


def test_a_state_that_is_not_finite_or_misshapen_is_refused():
    assert_refused(lambda: compute_ssm(SADDLE, [np.nan, 0]), InputError, ["nan"], "find_fixed_points|finite")
    assert_refused(lambda: compute_ssm(SADDLE, [0.0]), InputError, ["(1,)"], r"has shape \(2,\)")
    assert_refused(
        lambda: find_fixed_points(SADDLE, starts=[[np.nan, 0]]), InputError, ["'starts'"], "finite"
    )


def test_an_exact_mode_that_is_no_eigenvalue_is_refused_with_the_eigenvalues():
    assert_refused(lambda: compute_exact_ssm(SADDLE, modes=[-7]), SubspaceError, ["'-7'"], "are -1, -3")


def test_an_iteration_that_finds_nothing_says_how_far_it_came():
    assert_refused(
        lambda: refine_fixed_point(from_sympy({x: 1 + x**2}), [0.3]),
        NotConvergedError,
        ["|f| = ", "tolerance"],
        "start nearer|search",
    )


def test_a_kink_at_the_fixed_point_is_refused_with_the_function():
    field = from_sympy({x: -x / 2, y: -3 * y + sp.Abs(x)})
    assert_refused(
        lambda: compute_ssm(field, [0, 0]), SmoothnessError, ["Abs", "0"], "no .*(deriv|expan|series)"
    )


BAD_OPTIONS = {
    "order 0": ({"order": 0}, ["'order'", "0"], "at least 1"),
    "order 2.5": ({"order": 2.5}, ["'order'", "2.5"], "integer"),
    "order none": ({"order": None}, ["'order'", "None"], "integer"),
    "order NaN": ({"order": np.nan}, ["'order'", "nan"], "integer"),
    "parameter_order 0": ({"parameter_order": 0}, ["'parameter_order'", "0"], "at least 1"),
    "style": ({"style": "grid"}, ["'style'", "'grid'"], "'graph'"),
    "no modes": ({"modes": 0}, ["'modes'", "0"], "between 1 and the 2 states"),
    "far mode": ({"modes": [5]}, ["'modes'", "[5]"], "between 0 and 1"),
    "mode twice": ({"modes": [0, 0]}, ["'modes'", "[0, 0]"], "distinct"),
    "half a mode": ({"modes": 1.5}, ["'modes'", "1.5"], "integer|number|sequence"),
    "parameter": ({"parameters": ["q"]}, ["'q'"], "has none"),
}


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_options_out_of_range_are_refused(case):
    options, culprits, remedy = BAD_OPTIONS[case]
    assert_refused(lambda: compute_ssm(SADDLE, [0, 0], **options), InputError, culprits, remedy)


@pytest.mark.parametrize(
    ("options", "culprits", "remedy"),
    [
        ({"starts": 0}, ["'starts'", "0"], "at least 1"),
        ({"starts": np.ones((2, 3))}, ["(2, 3)"], r"\(n, 2\)"),
        ({"spectrum": 0}, ["'spectrum'", "0"], "between 1 and the 2"),
        ({"spectrum": 3}, ["'spectrum'", "3"], "between 1 and the 2"),
        ({"seed": -1}, ["seed", "-1"], "negative|at least 0"),
    ],
)
def test_a_search_with_bad_options_is_refused(options, culprits, remedy):
    assert_refused(lambda: find_fixed_points(SADDLE, **options), InputError, culprits, remedy)
