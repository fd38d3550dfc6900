"""The search of fixed points in any units, at singular points, on continua, and the order of its list."""

import itertools

import numpy as np
import pytest
import sympy as sp

from ssmsym import find_fixed_points, find_slow_points, from_sympy, rate_network, refine_fixed_point
from ssmsym.dynamics.fixed_points import convergence_tolerance
from ssmsym.dynamics.starts import search_scale
from ssmsym.errors import InputError, NotConvergedError
from ssmsym.fields.bounds import index_sum

x, y, z = sp.symbols("x y z")
PARAMETER = sp.symbols("k")


def pitchfork(size: float):
    """Fixed points (0, 0), a saddle with eigenvalues 1 and -2, and (+-size, size / 2), nodes with -2 twice."""
    s = sp.Float(size)
    return from_sympy({x: x - x**3 / s**2, y: -2 * y + x**2 / s})


def assert_pitchfork(points, size: float) -> None:
    assert [p.index for p in points] == [0, 0, 1]
    states = np.array([p.state for p in points]) / size
    np.testing.assert_allclose(states, [[-1, 0.5], [1, 0.5], [0, 0]], atol=1e-9)
    assert not any(p.continuum for p in points)


def states_of(points) -> np.ndarray:
    return np.array([p.state for p in points])


# -- units -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [-9, -7, -5, -3, -1, 0, 1, 3, 4, 6, 9])
def test_three_points_in_any_unit(exponent):
    size = 10.0**exponent
    points = find_fixed_points(pitchfork(size))
    assert_pitchfork(points, size)
    assert points.converged == points.starts
    np.testing.assert_allclose(points[2].eigenvalues, [1, -2], rtol=1e-9)
    assert max(p.residual for p in points) < 1e-14 * size


@pytest.mark.parametrize("size", [3e-3, 3e4])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_three_points_for_other_seeds(size, seed):
    assert_pitchfork(find_fixed_points(pitchfork(size), seed=seed, starts=128), size)


@pytest.mark.parametrize("size", [1e-7, 1e-4, 1.0, 1e4, 1e7])
def test_the_euler_map_in_any_unit(size):
    points = find_fixed_points(pitchfork(size).discretized(0.1))
    assert_pitchfork(points, size)
    np.testing.assert_allclose(points[2].eigenvalues, [1.1, 0.8], rtol=1e-9)


@pytest.mark.parametrize("time_unit", [1e-6, 1e6])
def test_three_points_in_any_unit_of_time(time_unit):
    rate = sp.Float(1 / time_unit)
    field = from_sympy({x: rate * (x - x**3), y: rate * (-2 * y + x**2)})
    assert_pitchfork(find_fixed_points(field), 1.0)


@pytest.mark.parametrize("unit", [1e-6, 1e4])
def test_nine_products_of_two_tanh_units_in_any_unit(unit):
    u = sp.Float(unit)
    field = from_sympy({x: -x + 2 * u * sp.tanh(x / u) + u / 10, y: -y + 3 * u * sp.tanh(y / u) - u / 5})
    reference = find_fixed_points(rate_network(np.diag([2.0, 3.0]), b=[0.1, -0.2]))
    points = find_fixed_points(field)
    assert len(reference) == 9
    np.testing.assert_allclose(states_of(points) / unit, states_of(reference), atol=1e-9)
    assert points.index_sum_fits


def test_points_far_from_the_origin_and_near_one_another():
    """w = x - 1000 obeys w' = -w + 2 tanh(w), with the zeros 0 and +-1.91500804."""
    points = find_fixed_points(from_sympy({x: 1000 - x + 2 * sp.tanh(x - 1000)}))
    np.testing.assert_allclose(states_of(points)[:, 0] - 1000, [-1.9150080, 1.9150080, 0.0], atol=1e-6)


def test_the_scale_can_be_given():
    size = 1e-12  # too far from 1 for the search to learn it
    assert_pitchfork(find_fixed_points(pitchfork(size), scale=size), size)
    assert_pitchfork(find_fixed_points(pitchfork(1.0), scale=8.0), 1.0)


def test_what_is_listed_is_a_fixed_point_even_where_the_scale_is_far_off():
    size = 1e-12
    for point in find_fixed_points(pitchfork(size), scale=1.0, starts=32):
        distances = np.linalg.norm(point.state - size * np.array([[-1, 0.5], [1, 0.5], [0, 0]]), axis=1)
        assert distances.min() < 1e-9 * size


@pytest.mark.parametrize("scale", [0.0, -1.0, np.inf, np.nan, True])
def test_a_wrong_scale_is_refused(scale):
    for search in (find_fixed_points, find_slow_points):
        with pytest.raises(InputError, match="'scale' must be a positive number"):
            search(pitchfork(1.0), scale=scale)


@pytest.mark.parametrize("size", [1e-6, 1e-2, 1.0, 1e5])
def test_the_unit_is_the_size_of_the_states(size):
    assert 0.1 < search_scale(pitchfork(size), None) / size < 10
    assert search_scale(from_sympy({x: -size * x}), None) == 1.0  # nothing sets a size


def test_the_tolerance_goes_with_the_unit_of_the_states_and_of_time():
    states = np.random.default_rng(0).standard_normal((20, 2))
    one = convergence_tolerance(pitchfork(1.0), states)
    assert convergence_tolerance(pitchfork(1e-5), 1e-5 * states) == pytest.approx(1e-5 * one)
    assert convergence_tolerance(pitchfork(1e-5), states, scale=1e-5) > 0
    assert convergence_tolerance(from_sympy({x: -3 * x}), np.array([[2.0]])) == pytest.approx(6e-12)


@pytest.mark.parametrize("size", [1e-7, 1e6])
def test_refining_in_any_unit(size):
    point = refine_fixed_point(pitchfork(size), [0.9 * size, 0.4 * size])
    np.testing.assert_allclose(point.state / size, [1, 0.5], rtol=1e-12)


@pytest.mark.parametrize("size", [1e-5, 1e5])
def test_slow_points_in_any_unit(size):
    """u = x / size obeys u' = 1/1000 + u^2 - u^4/10: slow at u = 0."""
    s = sp.Float(size)
    field = from_sympy({x: s / 1000 + x**2 / s - x**4 / s**3 / 10, y: -y + x})
    slow = find_slow_points(field)
    assert len(slow) == 1
    np.testing.assert_allclose(slow[0].state / size, [0.0, 0.0], atol=1e-4)
    assert slow[0].speed == pytest.approx(1e-3 * size, rel=1e-3)


# -- singular points and continua --------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [-(x**3), -((x - 1) ** 3), sp.expand(-((x - 1) ** 3)), -(x**5)])
def test_a_multiple_zero_is_one_isolated_point(rate):
    (point,) = find_fixed_points(from_sympy({x: rate, y: -y}))
    assert point.state[0] == pytest.approx(float(sp.real_roots(rate)[0]), abs=1e-3)  # (1e-16)^(1/5)
    assert not point.continuum


def test_a_ghost_is_no_fixed_point():
    assert find_fixed_points(from_sympy({x: sp.Float("1e-8") + x**2, y: -y})) == []


@pytest.mark.parametrize("n", [4, 40])
@pytest.mark.parametrize("discrete", [False, True])
def test_a_line_of_fixed_points_of_an_identity_network(n, discrete):
    rng = np.random.default_rng(1)
    q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    J = q @ np.diag(np.r_[1.0, rng.uniform(-0.5, 0.5, n - 1)]) @ q.T
    b = J @ q[:, 1] - q[:, 1]  # the line goes through -q1 along q0
    field = rate_network(J, b=b, activation="identity")
    points = find_fixed_points(field.discretized(0.1) if discrete else field, starts=128)
    assert len(points) == 1
    (point,) = points
    assert point.continuum
    assert points.converged == 128
    assert points.estimated_missing == 0
    assert points.index_sum_fits is None
    along = point.state + q[:, 1]
    np.testing.assert_allclose(along - (along @ q[:, 0]) * q[:, 0], 0, atol=1e-9)
    assert point.eigenvalues[0] == (1.0 if discrete else 0.0)
    assert point.index == 0
    assert not point.stable
    assert "one of a continuum" in repr(point)


def test_parallel_lines_are_told_apart():
    field = from_sympy({x: 0 * x, y: -y * (y - sp.Rational(1, 10)) * (y + sp.Rational(1, 10))})
    points = find_fixed_points(field)
    np.testing.assert_allclose(sorted(states_of(points)[:, 1]), [-0.1, 0.0, 0.1], atol=1e-12)
    assert all(p.continuum for p in points)
    assert [p.index for p in points] == [0, 0, 1]


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_a_ring_and_its_centre(size):
    s = sp.Float(size)
    shrink = 1 - (x**2 + y**2) / s**2
    field = from_sympy({x: x * shrink, y: y * shrink})
    ring, centre = find_fixed_points(field)
    assert (ring.continuum, centre.continuum) == (True, False)
    assert np.linalg.norm(ring.state) == pytest.approx(size, rel=1e-12)
    np.testing.assert_allclose(ring.eigenvalues, [0, -2], atol=1e-9)
    np.testing.assert_allclose(centre.state, 0, atol=1e-12 * size)
    assert refine_fixed_point(field, [0.6 * size, 0.7 * size]).continuum


def test_a_sphere_of_fixed_points_is_one_continuum():
    shrink = 1 - x**2 - y**2 - z**2
    sphere, centre = find_fixed_points(from_sympy({v: v * shrink for v in (x, y, z)}))
    assert sphere.continuum
    np.testing.assert_allclose(sphere.eigenvalues, [0, 0, -2], atol=1e-9)
    assert centre.index == 3


# -- states without a value --------------------------------------------------------------------------------


def test_functions_that_are_not_real_everywhere():
    """x = sqrt(x) + 1 at the square of the golden ratio; x = log(x) + 3 at 0.0524690 and 4.5052415."""
    (point,) = find_fixed_points(from_sympy({x: -x + sp.sqrt(x) + 1}))
    golden = (1 + np.sqrt(5)) / 2
    assert point.state[0] == pytest.approx(golden**2, rel=1e-14)
    assert point.eigenvalues[0].real == pytest.approx(-1 + 1 / (2 * golden), rel=1e-12)
    points = find_fixed_points(from_sympy({x: -x + sp.log(x) + 3}))
    np.testing.assert_allclose(states_of(points)[:, 0], [4.5052415, 0.0524690], atol=1e-7)


def test_slow_points_of_a_function_that_is_not_real_everywhere():
    assert find_slow_points(from_sympy({x: -x + sp.sqrt(x) + 1})) == []


def test_a_field_without_a_value_at_any_start_gives_empty_lists():
    field = from_sympy({x: -x + sp.sqrt(x - 10**12)})
    assert find_fixed_points(field) == []
    assert find_slow_points(field) == []
    with pytest.raises(NotConvergedError):
        refine_fixed_point(field, [0.0])


# -- order and index sum -----------------------------------------------------------------------------------


def test_partners_under_a_symmetry_are_ordered_by_state_for_every_seed():
    """Eight nodes (+-a, +-a, +-a) with equal spectra up to rounding errors."""
    q = np.linalg.qr(np.random.default_rng(2).standard_normal((3, 3)))[0]
    u = [sp.Matrix(q.T).row(i).dot(sp.Matrix([x, y, z])) for i in range(3)]  # rotated coordinates
    rates = sp.Matrix(q) * sp.Matrix([v - v**3 for v in u])
    field = from_sympy(dict(zip((x, y, z), rates, strict=True)))
    lists = [find_fixed_points(field, seed=seed) for seed in range(3)]
    nodes = sorted((q @ np.array(c)).round(9).tolist() for c in itertools.product([-1, 1], repeat=3))
    for points in lists:
        assert [p.index for p in points] == [0] * 8 + [1] * 12 + [2] * 6 + [3]
        np.testing.assert_allclose(states_of(points)[:8], nodes, atol=1e-8)
        np.testing.assert_allclose(states_of(points), states_of(lists[0]), atol=1e-9)


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (2 * sp.tanh(x), 1),
        (sp.tanh(x**2) * sp.cos(x), 1),
        (sp.tanh(sp.Abs(x)), 1),
        (sp.atan(x / PARAMETER), 1),
        (sp.sign(x), None),
        (sp.tanh(sp.sign(x)), None),
        (sp.tanh(1 / x), None),
        (sp.tanh(sp.log(x)), None),
        (sp.tanh(sp.sqrt(x)), None),
        (sp.atan(sp.tan(x) + 1), None),
        (sp.sin(sp.atanh(x)), None),
    ],
)
def test_the_index_sum_needs_continuous_and_finite_functions(term, expected):
    """x' = -x + sign(x) has the two stable points +-1 and no third: the sum would be 2."""
    parameters = {PARAMETER: 2.0} if term.has(PARAMETER) else None
    assert index_sum(from_sympy({x: -x + term}, parameters=parameters)) == expected
