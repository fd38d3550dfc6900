"""Fixed points, spectra and slow points, against roots of scalar equations found by SciPy."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import brentq

import ssmsym
from ssmsym import (
    FixedPoint,
    FixedPoints,
    SlowPoint,
    find_fixed_points,
    find_slow_points,
    from_sympy,
    rate_network,
    refine_fixed_point,
)
from ssmsym.dynamics.fixed_points import fixed_point_at
from ssmsym.dynamics.newton import newton
from ssmsym.dynamics.spectrum import leading_eigenvalues, leading_order, sorted_eigenvalues
from ssmsym.errors import InputError, NotConvergedError

FLIPFLOP = Path(ssmsym.__file__).parent / "networks" / "flipflop_n50_a.npz"
x, y = sp.symbols("x y")


def roots(function, low: float, high: float, pieces: int = 4000) -> list[float]:
    """All simple roots of a scalar function on an interval, by bisection between sign changes."""
    grid = np.linspace(low, high, pieces)
    values = [function(v) for v in grid]
    brackets = [(a, b) for a, b, s, t in zip(grid, grid[1:], values, values[1:], strict=False) if s * t < 0]
    return [brentq(function, a, b, xtol=1e-15, rtol=1e-14) for a, b in brackets]


def tanh_unit(w: float, h: float):
    return rate_network([[w]], b=[h])


def tanh_roots(w: float, h: float) -> list[float]:
    return roots(lambda v: -v + w * np.tanh(v) + h, -w - abs(h) - 1, w + abs(h) + 1)


def states_of(points) -> np.ndarray:
    return np.array([p.state for p in points])


def assert_same_states(points, wanted, tolerance: float = 1e-10) -> None:
    """Equal as sets; the order of the list has its own test."""
    found, wanted = states_of(points), np.asarray(wanted)
    assert found.shape == wanted.shape
    distances = np.linalg.norm(found[:, None] - wanted[None], axis=2)
    assert sorted(distances.argmin(axis=1)) == list(range(len(wanted)))
    assert distances.min(axis=1).max() < tolerance


@pytest.fixture(scope="module")
def bistable_pair():
    """Two uncoupled tanh units and the nine products of their single-unit solutions."""
    field = rate_network(np.diag([2.0, 3.0]), b=[0.1, -0.2], tau=0.5)
    return field, list(itertools.product(tanh_roots(2.0, 0.1), tanh_roots(3.0, -0.2)))


# -- known solutions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("w", "h", "count"), [(0.7, 0.2, 1), (2.0, 0.0, 3), (2.0, 0.3, 3), (2.0, 1.0, 1)])
def test_one_tanh_unit(w, h, count):
    wanted = tanh_roots(w, h) if h else [-tanh_roots(w, 0.0)[-1], 0.0, tanh_roots(w, 0.0)[-1]]
    points = find_fixed_points(tanh_unit(w, h), starts=64)
    assert len(points) == count
    assert_same_states(points, np.array(wanted)[:, None])
    for point in points:
        slope = -1 + w / np.cosh(point.state[0]) ** 2
        np.testing.assert_allclose(point.eigenvalues, [slope], rtol=1e-9)
        assert (point.index, point.stable) == ((1, False) if slope > 0 else (0, True))
        assert point.residual < 1e-13 * (1 + w)


@pytest.mark.parametrize(("current", "count"), [(-3.5, 1), (-3.0, 3), (-2.6, 3), (-2.5, 1)])
def test_logistic_unit_has_three_states_between_its_folds(current, count):
    """Beer 1995: at w = 6 the folds are I = -3.415093 and -2.584907."""
    field = rate_network([[6.0]], b=[current], activation="logistic", form="state")
    shifted = from_sympy({y: -y + 6 / (1 + sp.exp(-(y + current)))})
    wanted = roots(lambda v: -v + 6 / (1 + np.exp(-(v + current))), -1.0, 7.0)
    assert len(wanted) == count
    assert_same_states(find_fixed_points(shifted, starts=64), np.array(wanted)[:, None])
    assert_same_states(find_fixed_points(field, starts=64), np.array(wanted)[:, None] + current)


def test_two_uncoupled_units_have_the_nine_products(bistable_pair):
    field, wanted = bistable_pair
    points = find_fixed_points(field, starts=128)
    assert len(wanted) == 9
    assert_same_states(points, wanted)
    assert [p.index for p in points] == [0, 0, 0, 0, 1, 1, 1, 1, 2]
    for point in points:
        slopes = -1 + np.array([2.0, 3.0]) / np.cosh(point.state) ** 2
        np.testing.assert_allclose(point.per_tau, sorted(slopes, reverse=True), rtol=1e-9)
        np.testing.assert_allclose(point.eigenvalues, point.per_tau / 0.5, rtol=1e-15)
    assert (points.index_sum, points.expected_index_sum, points.index_sum_fits) == (1, 1, True)


def test_rank_one_network_from_its_scalar_equation():
    """x' = -x + m n^T tanh(x): fixed points x = kappa m with kappa = n^T tanh(m kappa)."""
    rng = np.random.default_rng(3)
    m = rng.standard_normal(30)
    n = (2.5 * m + rng.standard_normal(30)) / 30
    field = rate_network((m[:, None], n[:, None]))
    positive = roots(lambda k: -k + n @ np.tanh(m * k), 1e-3, 20.0)
    assert positive
    points = find_fixed_points(field, starts=96)
    assert_same_states(points, [k * m for k in (*(-v for v in positive), 0.0, *positive)])
    for point in points:
        kappa = m @ point.state / (m @ m)
        inside = -1 + n @ (m / np.cosh(m * kappa) ** 2)
        wanted = np.sort(np.append(np.full(29, -1.0), inside))[::-1]
        np.testing.assert_allclose(point.eigenvalues, wanted, atol=1e-6)


def test_euler_map_has_the_same_points_with_multipliers_one_plus_dt_lambda(bistable_pair):
    field, wanted = bistable_pair
    step = field.discretized(0.1)
    points = find_fixed_points(step, starts=128)
    assert_same_states(points, wanted)
    for point in points:
        slopes = (-1 + np.array([2.0, 3.0]) / np.cosh(point.state) ** 2) / 0.5
        np.testing.assert_allclose(point.eigenvalues, sorted(1 + 0.1 * slopes, reverse=True), rtol=1e-9)
        assert point.index == (slopes > 0).sum()
        assert point.time == "discrete"
        assert point.per_tau is None
    assert (points.index_sum, points.expected_index_sum) == (1, 1)


def test_a_point_stable_for_the_flow_can_be_unstable_for_a_coarse_map():
    rotation = from_sympy({x: -x / 10 - 3 * y, y: 3 * x - y / 10})
    flow = fixed_point_at(rotation, [0.0, 0.0])
    step = fixed_point_at(rotation.discretized(0.1), [0.0, 0.0])
    np.testing.assert_allclose(flow.eigenvalues, [-0.1 + 3j, -0.1 - 3j], rtol=1e-14)
    np.testing.assert_allclose(step.eigenvalues, [0.99 + 0.3j, 0.99 - 0.3j], rtol=1e-14)
    assert (flow.index, flow.stable, step.index, step.stable) == (0, True, 2, False)


# -- order, hits, what may be missing ----------------------------------------------------------------------


def test_eigenvalues_are_ordered_by_real_part_or_modulus_with_pairs_upper_half_first():
    values = np.array([-3, -1 - 2j, 0.5, -1 + 2j, -1, -0.2 - 1j, -0.2 + 1j])
    assert values[leading_order(values)].tolist() == [0.5, -0.2 + 1j, -0.2 - 1j, -1 + 2j, -1 - 2j, -1, -3]
    discrete = values[leading_order(values, discrete=True)]
    assert discrete.tolist() == [-3, -1 + 2j, -1 - 2j, -0.2 + 1j, -0.2 - 1j, -1, 0.5]


def test_eigenvalues_of_a_block_matrix():
    matrix = np.zeros((5, 5))
    matrix[:2, :2] = [[-0.5, -2.0], [2.0, -0.5]]
    matrix[2:4, 2:4] = [[0.3, 1.0], [-1.0, 0.3]]
    matrix[4, 4] = -0.1
    np.testing.assert_allclose(sorted_eigenvalues(matrix), [0.3 + 1j, 0.3 - 1j, -0.1, -0.5 + 2j, -0.5 - 2j])
    by_modulus = sorted_eigenvalues(matrix, discrete=True)
    np.testing.assert_allclose(by_modulus, [-0.5 + 2j, -0.5 - 2j, 0.3 + 1j, 0.3 - 1j, -0.1])


def test_the_list_is_ordered_by_index_then_leading_eigenvalue_then_state():
    points = find_fixed_points(tanh_unit(2.0, 0.0), starts=64)
    assert [np.sign(p.state[0].round(12)) for p in points] == [-1, 1, 0]  # equal eigenvalues: by state

    tilted = find_fixed_points(tanh_unit(2.0, -0.3), starts=64)
    low, middle, high = tanh_roots(2.0, -0.3)
    assert 1 / np.cosh(high) > 1 / np.cosh(low)  # so the upper node decays more slowly
    np.testing.assert_allclose(states_of(tilted)[:, 0], [high, low, middle], rtol=1e-12)


def test_the_same_seed_gives_the_same_list(bistable_pair):
    field, _ = bistable_pair
    first, second = (find_fixed_points(field, starts=64, seed=5) for _ in range(2))
    np.testing.assert_array_equal(states_of(first), states_of(second))
    assert [p.hits for p in first] == [p.hits for p in second]


def test_hits_count_the_starts_that_ended_there():
    field = tanh_unit(2.0, 0.0)
    starts = np.array([[1.9], [2.0], [1.8], [-2.0], [0.01]])
    points = find_fixed_points(field, starts=starts, deflation=False)
    assert [p.hits for p in points] == [1, 3, 1]
    assert (points.starts, points.converged) == (5, 5)


def test_points_hit_once_and_twice_tell_how_many_are_missing():
    """Chao 1984: f1 (f1 - 1) / (2 (f2 + 1))."""
    field = rate_network(np.diag([2.0, 3.0]))
    (a, b) = (tanh_roots(w, 0.0)[-1] for w in (2.0, 3.0))
    once, twice = [[a, b], [a, -b], [-a, b]], [[-a, -b]]
    points = find_fixed_points(field, starts=np.array(once + twice * 2), deflation=False)
    assert len(points) == 4
    assert points.estimated_missing == 3 * 2 / (2 * 2)
    assert (points.index_sum, points.expected_index_sum, points.index_sum_fits) == (4, 1, False)


@pytest.mark.parametrize(
    ("activation", "expected"), [("tanh", 1), ("logistic", 1), ("relu", None), ("softplus", None)]
)
@pytest.mark.parametrize("form", ["state", "rate"])
def test_the_index_sum_is_known_for_bounded_activations_only(activation, expected, form):
    field = rate_network([[0.5, 0.2], [-0.1, 0.3]], b=[0.1, 0.2], activation=activation, form=form)
    assert find_fixed_points(field, starts=16).expected_index_sum == expected


def test_the_index_sum_of_a_map_counts_real_multipliers_above_one():
    def point(*multipliers):
        return FixedPoint(np.zeros(len(multipliers)), 0.0, np.array(multipliers, complex), time="discrete")

    points = [point(2.0, 0.5), point(-2.0, 0.5), point(1 + 1j, 1 - 1j), point(3.0, 2.0)]
    nothing = {"starts": 0, "converged": 0, "factorizations": 0, "estimated_missing": 0.0}
    signs = [FixedPoints([p], expected_index_sum=1, **nothing).index_sum for p in points]
    assert signs == [-1, 1, 1, 1]


def test_deflation_finds_what_starts_at_one_spot_miss():
    field = tanh_unit(2.0, 0.3)
    wanted = np.array(tanh_roots(2.0, 0.3))[:, None]
    spot = np.full((20, 1), wanted[2, 0] + 0.05)
    assert len(find_fixed_points(field, starts=spot, deflation=False)) == 1
    assert_same_states(find_fixed_points(field, starts=spot, deflation=True), wanted)


def test_deflated_newton_iteration_leaves_a_known_point_and_finds_another():
    field = from_sympy({x: (x - 1) * (x + 2), y: -y})
    start = np.array([[1.5, 0.2]])
    plain = newton(field, start, tolerance=1e-12)
    np.testing.assert_allclose(plain.states, [[1.0, 0.0]], atol=1e-9)
    deflated = newton(field, start, tolerance=1e-12, known=np.array([[1.0, 0.0]]))
    assert deflated.converged.all()
    np.testing.assert_allclose(deflated.states, [[-2.0, 0.0]], atol=1e-9)


def test_no_fixed_point_gives_an_empty_list():
    points = find_fixed_points(from_sympy({x: 1 + x**2}), starts=32)
    assert (len(points), points.converged, points.index_sum) == (0, 0, 0)


@pytest.mark.parametrize(
    ("starts", "fragments"),
    [
        (0, ["'starts'", "0"]),
        (np.zeros((3, 2)), ["(n, 1)", "(3, 2)"]),
        ([[np.nan]], ["'starts'", "not finite"]),
    ],
)
def test_wrong_starts_are_named(starts, fragments):
    with pytest.raises(InputError) as caught:
        find_fixed_points(tanh_unit(2.0, 0.0), starts=starts)
    assert all(fragment in str(caught.value) for fragment in fragments)


# -- part of the spectrum ----------------------------------------------------------------------------------


@pytest.mark.parametrize("discrete", [False, True])
def test_partial_spectrum_agrees_with_the_whole_and_completes_pairs(discrete):
    rng = np.random.default_rng(8)
    field = rate_network(rng.standard_normal((100, 100)) / 10)
    field = field.discretized(0.2) if discrete else field
    whole = np.linalg.eigvals(np.asarray(field.jacobian(np.zeros(100))))
    rate = np.abs(whole) if discrete else whole.real
    whole = whole[np.lexsort((-whole.imag, -rate.round(12)))]
    for count in range(1, 8):
        point = fixed_point_at(field, np.zeros(100), spectrum=count)
        cut = count + int(whole[count - 1].imag > 1e-12)
        np.testing.assert_allclose(point.eigenvalues, whole[:cut], atol=1e-8)
        assert not point.spectrum_complete
        assert f"among {cut} computed" in repr(point)
    assert any(whole[:7].imag > 1e-12)  # there was a pair to complete


def test_a_partial_spectrum_leaves_the_index_sum_undecided(bistable_pair):
    field, wanted = bistable_pair
    points = find_fixed_points(field, starts=64, spectrum=1)
    assert len(points) == len(wanted)
    assert all(len(p.eigenvalues) == 1 for p in points)
    assert points.index_sum_fits is None
    with pytest.raises(InputError, match=r"'spectrum'.*2 states.*found 3"):
        leading_eigenvalues(field, np.zeros(2), 3)


# -- refinement and slow points ----------------------------------------------------------------------------


def test_refining_a_guess():
    point = refine_fixed_point(tanh_unit(2.0, 0.3), [2.5])
    assert point.state[0] == pytest.approx(tanh_roots(2.0, 0.3)[2], abs=1e-13)
    assert point.residual < 1e-14
    with pytest.raises(ValueError, match="read-only"):
        point.state[0] = 1.0


def test_refining_where_no_fixed_point_exists_says_how_far_it_came():
    with pytest.raises(NotConvergedError, match=r"\|f\| = \d.*tolerance.*find_fixed_points") as caught:
        refine_fixed_point(from_sympy({x: 1 + x**2}), [0.7])
    residual = float(str(caught.value).split("|f| = ")[1].split(" ")[0])
    assert residual >= 1.0  # no smaller value exists


def test_past_a_fold_the_slow_point_is_found_and_is_no_fixed_point():
    field = from_sympy({x: sp.Float("1e-3") + x**2 - x**4 / 10, y: -y + x})
    fixed = find_fixed_points(field, starts=64)
    wanted = roots(lambda v: 1e-3 + v**2 - v**4 / 10, -5, 5)
    assert_same_states(fixed, [[v, v] for v in wanted])
    slow = find_slow_points(field, starts=64)
    assert len(slow) == 1
    np.testing.assert_allclose(slow[0].state, [0.0, 0.0], atol=1e-4)
    assert slow[0].speed == pytest.approx(1e-3, rel=1e-3)
    np.testing.assert_allclose(slow[0].eigenvalues, [0.0, -1.0], atol=1e-3)
    assert isinstance(slow[0], SlowPoint)


def test_the_same_slow_point_of_the_euler_map():
    field = from_sympy({x: sp.Float("1e-3") + x**2 - x**4 / 10, y: -y + x}).discretized(0.1)
    slow = find_slow_points(field, starts=64)
    assert len(slow) == 1
    assert slow[0].speed == pytest.approx(1e-4, rel=1e-3)
    np.testing.assert_allclose(slow[0].eigenvalues, [1.0, 0.9], atol=1e-3)


def test_no_slow_point_is_reported_where_only_fixed_points_exist(bistable_pair):
    assert find_slow_points(bistable_pair[0], starts=48) == []


def test_slow_points_faster_than_asked_are_dropped():
    field = from_sympy({x: sp.Float("1e-3") + x**2 - x**4 / 10, y: -y + x})
    assert find_slow_points(field, starts=32, max_speed=5e-4) == []


# -- a trained network -------------------------------------------------------------------------------------


def test_three_bit_flip_flop_has_twenty_seven_fixed_points():
    """27 = 3^3: 8 nodes, 12 and 6 saddles with one and two unstable directions, one with three."""
    with np.load(FLIPFLOP) as file:
        arrays = {name: file[name] for name in ("J", "B", "b", "W", "c", "tau")}
    J, tau = arrays.pop("J"), float(arrays.pop("tau"))
    points = find_fixed_points(rate_network(J, **arrays, tau=tau))
    assert [sum(p.index == i for p in points) for i in range(4)] == [8, 12, 6, 1]
    assert len(points) == 27
    assert (points.index_sum, points.expected_index_sum, points.index_sum_fits) == (1, 1, True)
    for point in points:
        right = -point.state + J @ np.tanh(point.state) + arrays["b"]
        assert np.linalg.norm(right) < 1e-12
    outputs = np.array([arrays["W"] @ np.tanh(p.state) + arrays["c"] for p in points if p.stable])
    assert len({tuple(z) for z in np.sign(outputs).tolist()}) == 8  # one memory for every combination of bits
