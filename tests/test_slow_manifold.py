"""Whole slow manifolds: curves that are known exactly, chains of trained networks, folds over an interval."""

import warnings

import numpy as np
import pytest
import sympy
from scipy.integrate import quad, solve_ivp

import ssmsym
from ssmsym.errors import InputError
from ssmsym.slow_manifolds.arc import Arc

x, y, z, u = sympy.symbols("x y z u")


# -- curves known in closed form ----------------------------------------------------------------------------


def test_trajectories_give_the_direction():
    """Their first principal direction, whatever the type of the array; here the x axis."""
    field = ssmsym.from_sympy({x: x / 10, y: -y})
    runs = [[[-1.0, 0.1], [0.0, -0.1]], [[0.5, 0.1], [1.0, -0.1]]]
    curve = ssmsym.slow_manifold(field, runs, extent=(-2.0, 2.0))
    assert abs(curve.coordinate.direction[0]) > 0.99
    np.testing.assert_allclose(curve.sample([-1.5, 0.5])[:, 1], 0, atol=1e-9)


def test_an_unstable_manifold_known_globally():
    """A3: x' = x / 10, y' = -(y - x^2) has y = x^2 / 1.2, far beyond any neighbourhood of the origin."""
    field = ssmsym.from_sympy({x: x / 10, y: -(y - x**2)})
    curve = ssmsym.slow_manifold(field, [[0.0, 0.0]], extent=(-6.0, 6.0))
    s = np.linspace(-6, 6, 101)
    states = curve.sample(s)
    np.testing.assert_allclose(states, np.column_stack([s, s**2 / 1.2]), atol=1e-8)
    np.testing.assert_allclose(curve.rate(s), s / 10, atol=1e-9)


def bistable(shape):
    """u' = u - u^3 with (y, z) attracted to a known curve: y = h1(u), z = h2(u) is invariant."""
    velocity = (x - x**3) / 4
    first, second = shape
    return ssmsym.from_sympy(
        {
            x: velocity,
            y: -2 * (y - first) + sympy.diff(first, x) * velocity,
            z: -3 * (z - second) + sympy.diff(second, x) * velocity,
        }
    )


def test_a_curved_chain_known_to_all_orders():
    shape = (sympy.sin(2 * x), x**2 / 2 + sympy.cos(x))
    field = bistable(shape)
    points = [
        ssmsym.refine_fixed_point(field, [a, float(shape[0].subs(x, a)), float(shape[1].subs(x, a))])
        for a in (-1.0, 0.0, 1.0)
    ]
    curve = ssmsym.slow_manifold(field, points, direction=[1.0, 0.0, 0.0])
    assert [p.source for p in curve.points] == [False, True, False]
    s = np.linspace(-1, 1, 201)
    states = curve.sample(s)
    wanted = np.column_stack([s, np.sin(2 * s), s**2 / 2 + np.cos(s)])
    assert np.abs(states - wanted).max() < 1e-8
    np.testing.assert_allclose(curve.rate(s), (s - s**3) / 4, atol=1e-8)
    assert curve.is_normally_attracting
    piece = next(p for p in curve.pieces if p.begin == "saddle")
    assert piece.rates.transverse[-1] == pytest.approx(-2, abs=1e-3)  # at its end, the node
    assert piece.rates.inner[-1] == pytest.approx(-0.5, abs=1e-3)


@pytest.mark.parametrize("rank", [1, 2])
def test_a_low_rank_network_is_flat(rank):
    """A8: the columns of m span an invariant subspace of x' = -x + m n^T tanh(x)."""
    rng = np.random.default_rng(3)
    n = 40
    m = rng.standard_normal((n, rank))
    overlap = 1.8 * m[:, :1] / n
    weights = np.hstack([overlap, 0.3 * rng.standard_normal((n, rank - 1)) / n])
    field = ssmsym.rate_network((m, weights))
    points = ssmsym.find_fixed_points(field, starts=64)
    curve = ssmsym.slow_manifold(field, points)
    states = curve.sample(np.linspace(*curve.extent, 50))
    inside = states[np.isfinite(states).all(axis=1)]
    basis = np.linalg.qr(m)[0]
    assert len(inside) > 40
    assert np.abs(inside - (inside @ basis) @ basis.T).max() < 1e-8


# -- trained networks ---------------------------------------------------------------------------------------

CHAIN = (-6.2, -3.82, -1.57, 0.00, 1.50, 3.79, 6.2)


@pytest.fixture(scope="module")
def memory():
    field = ssmsym.load(ssmsym.network_path("delay_n100_a"))
    points = ssmsym.find_fixed_points(field)
    return field, points


def test_the_memory_network_is_a_line_attractor(memory):
    field, points = memory
    curve = ssmsym.slow_manifold(field, points)
    assert len(curve.points) == 7
    assert [p.source for p in curve.points] == [False, True] * 3 + [False]
    assert max(piece.errors[0] for piece in curve.pieces) < 1e-6
    assert curve.is_normally_attracting
    rates = [abs(p.point.per_tau[0].real) for p in curve.points]
    for wanted in (0.0899, 0.0490, 0.0180, 0.0108, 0.0173, 0.0494):
        assert min(abs(rate - wanted) for rate in rates) < 6e-5
    text = curve.report()
    assert "7 fixed points" in text
    assert "Normally attracting" in text


def test_trajectories_stay_on_the_curve(memory):
    """SciPy's integrator, started on the curve, does not leave it."""
    field, points = memory
    curve = ssmsym.slow_manifold(field, points)
    low, high = curve.points[0].s, curve.points[-1].s
    start = curve.sample(np.array([0.3 * low, 0.45 * high, 0.8 * high]))
    for state in start:
        run = solve_ivp(lambda t, v: field(v), (0, 2.0), state, rtol=1e-11, atol=1e-12, method="DOP853")
        end = run.y[:, -1]
        distance = np.linalg.norm(end - curve.sample(curve.coordinate.of(end))[0])
        assert distance < 1e-7
        assert np.linalg.norm(end - state) > 0.01


@pytest.mark.slow
def test_all_folds_of_the_memory_network(memory):
    field, points = memory
    family = ssmsym.slow_manifold(field, points, parameter="u[0]", interval=(-0.03, 0.03), values=17)
    wanted = [-0.017303, -0.009903, -0.003525, 0.003762, 0.010052, 0.016915]
    assert len(family.folds) == 6
    np.testing.assert_allclose([f.parameter for f in family.folds], wanted, atol=6e-7)
    np.testing.assert_allclose([f.predicted for f in family.folds], wanted, atol=1e-5)
    assert all(f.confirmed and f.residual < 1e-11 for f in family.folds)
    assert family.errors.max() < 1e-6
    assert len(family.fixed_points(0.0)) == 7
    assert len(family.fixed_points(0.012)) == 3
    assert "both surfaces agree" in family.statement


@pytest.mark.slow
@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "folds"),
    [
        (
            "opdim_ctxt_n100_1",
            [-0.011387, -0.003918, -0.003438, -0.002988, -0.001445, 0.003802, 0.007564, 0.010246],
        ),
        (
            "opdim_ctxt_n100_3",
            [-0.040220, -0.013439, -0.012025, -0.000964, 0.008116, 0.016329, 0.020338],
        ),
    ],
)
def test_all_folds_of_the_context_networks(reference, name, folds):
    field = reference(name).at(u="context1")
    points = ssmsym.find_fixed_points(field)
    family = ssmsym.slow_manifold(field, points, parameter="u[0]", interval=(-0.06, 0.06), values=17)
    assert family.errors.max() < 1e-6
    np.testing.assert_allclose([f.parameter for f in family.folds], folds, atol=6e-7)
    np.testing.assert_allclose([f.predicted for f in family.folds], folds, atol=1e-5)


def test_the_decision_network_has_no_slow_curve(shipped):
    """Its saddles' rates are as large as the transverse ones: unstable manifolds, no line attractor."""
    field = shipped("cdd_n100_a").at(u="context 1, no evidence")
    points = ssmsym.find_fixed_points(field)
    curve = ssmsym.slow_manifold(field, points)
    assert not curve.is_normally_attracting
    assert "no normally attracting curve" in curve.report()


@pytest.fixture(scope="module")
def integrator():
    """The evidence integrator has one slow node and no saddle; the coordinate is its slow eigenvector."""
    field = ssmsym.load(ssmsym.network_path("cdi_n100_a")).at(u="context 1, no evidence")
    (node,) = ssmsym.find_fixed_points(field)
    return field, ssmsym.slow_manifold(field, node, extent=(-7.5, 8.5))


def test_a_line_with_one_slow_node_and_the_reason_for_its_ends(integrator):
    """Independent figures: -6.8 to 6.8 about the node with ratio above 3; the rates meet where the units saturate."""
    _, curve = integrator
    assert len(curve.points) == 1
    assert curve.points[0].point.per_tau[:2].real == pytest.approx([-0.0103, -0.376], abs=5e-4)
    assert curve.is_normally_attracting
    ((low, high),) = curve.attracting()
    assert low - curve.points[0].s == pytest.approx(-6.8, abs=0.6)
    assert high - curve.points[0].s == pytest.approx(6.8, abs=0.6)
    assert "It ends there because at s = -" in curve.report()
    band = ssmsym.curve_band(curve, curve.points[0].s + np.array([-5.0, -4.0, -2.0]))
    assert (np.diff(band) < 0).all()
    assert band[-1] < 1e-8


def test_reduced_motion_along_the_line_is_that_of_the_network(integrator):
    """Started 0.3 off the curve anywhere, over 20 time constants: mean normalised error below 2 percent."""
    field, curve = integrator
    rng = np.random.default_rng(0)
    times = np.linspace(0, 2.0, 41)
    for s in np.linspace(-5.5, 6.5, 5):
        direction = rng.standard_normal(100)
        start = curve.sample([s])[0] + 0.3 * direction / np.linalg.norm(direction)
        full = ssmsym.simulate(field, start, times).states
        _, reduced = curve.follow(float(curve.coordinate.of(start)), times)
        error = np.linalg.norm(full - reduced, axis=1).mean() / np.linalg.norm(full, axis=1).max()
        assert error < 0.02
    with pytest.raises(InputError, match="the curve covers"):
        curve.follow(20.0, times)


# -- arguments ----------------------------------------------------------------------------------------------


def test_wrong_arguments_are_refused():
    field = ssmsym.from_sympy({x: x / 10, y: -(y - x**2) + u}, parameters={u: 0.0})
    with pytest.raises(InputError, match="give an 'extent' around s = 0"):
        ssmsym.slow_manifold(field, [[0.0, 0.0]])
    for wrong in (3.0, "all", [["a", "b"]], [[0.0], [1.0, 2.0]]):
        with pytest.raises(InputError, match="must be fixed points or an array"):
            ssmsym.slow_manifold(field, wrong, extent=(-1, 1))
    with pytest.raises(InputError, match="expected fixed points, states"):
        ssmsym.slow_manifold(field, [[0.0, 0.0, 0.0]])
    with pytest.raises(InputError, match="'direction' must be a vector"):
        ssmsym.slow_manifold(field, [[0.0, 0.0]], extent=(-1, 1), direction=[0.0, 0.0])
    with pytest.raises(InputError, match="two finite numbers, the lower first"):
        ssmsym.slow_manifold(field, [[0.0, 0.0]], extent=(1, -1))
    with pytest.raises(InputError, match="needs an 'interval'"):
        ssmsym.slow_manifold(field, [[0.0, 0.0]], extent=(-1, 1), parameter="u")
    with pytest.raises(InputError, match="belongs to a 'parameter'"):
        ssmsym.slow_manifold(field, [[0.0, 0.0]], extent=(-1, 1), interval=(0, 1))
    with pytest.raises(InputError, match="no parameter 'v'"):
        ssmsym.slow_manifold(field, [[0.0, 0.0]], extent=(-1, 1), parameter="v", interval=(0, 1))
    with pytest.raises(InputError, match="are computed for flows"):
        ssmsym.slow_manifold(field.discretized(0.1), [[0.0, 0.0]], closed=True)


# -- closed curves ------------------------------------------------------------------------------------------


def test_a_limit_cycle_known_exactly():
    """r' = r (1 - r^2), theta' = 1 + y / 2 in a sheared third direction: radius 1, period 4 pi / sqrt 3."""
    square = x**2 + y**2
    shape = x * y
    horizontal = {x: x * (1 - square) - y * (1 + y / 2), y: y * (1 - square) + x * (1 + y / 2)}
    drift = sum(sympy.diff(shape, v) * horizontal[v] for v in (x, y))
    field = ssmsym.from_sympy({**horizontal, z: -4 * (z - shape) + drift})
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    through = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(12)])
    curve = ssmsym.slow_manifold(field, through, closed=True)
    (cycle,) = curve.pieces
    assert cycle.period == pytest.approx(4 * np.pi / np.sqrt(3), rel=1e-9)
    assert cycle.closing_error < 1e-9
    states = curve.sample(np.linspace(-3, 3, 50))
    np.testing.assert_allclose(np.hypot(states[:, 0], states[:, 1]), 1, atol=1e-8)
    np.testing.assert_allclose(states[:, 2], states[:, 0] * states[:, 1], atol=1e-8)
    assert "limit cycle of period 7.2551" in curve.report()


@pytest.fixture(scope="module")
def ring():
    field = ssmsym.load(ssmsym.network_path("ring_n100_a"))
    points = ssmsym.find_fixed_points(field, starts=1024)
    return field, [p for p in points if p.index <= 1]


@pytest.mark.slow
def test_the_ring_is_closed_and_holds_its_ten_fixed_points(ring):
    field, points = ring
    curve = ssmsym.slow_manifold(field, points, closed=True)
    assert len(curve.points) == 10
    assert sum(p.source for p in curve.points) == 5
    assert max(piece.errors[0] for piece in curve.pieces) < 1e-6
    assert min(piece.rates.ratio.min() for piece in curve.pieces) > 30
    assert {piece.end for piece in curve.pieces} == {"sink"}


@pytest.mark.slow
def test_the_ring_turns_under_velocity_input(ring):
    """The period is that of SciPy's integrator, by the return to a plane."""
    field, points = ring
    driven = field.at({"u[0]": 0.5})
    curve = ssmsym.slow_manifold(driven, points, closed=True)
    (cycle,) = curve.pieces
    assert cycle.errors[0] < 1e-6
    start = cycle.elements[-1].at(1.0)
    normal = driven(start)

    def returns(t, state):
        return (state - start) @ normal if t > 0.5 * cycle.period else 1.0

    returns.direction, returns.terminal = 1.0, True
    run = solve_ivp(
        lambda t, v: driven(v),
        (0, 2 * cycle.period),
        start,
        events=returns,
        rtol=1e-11,
        atol=1e-12,
        method="DOP853",
    )
    assert run.t_events[0][0] == pytest.approx(cycle.period, rel=1e-6)


def test_states_on_a_line_make_no_ring():
    field = ssmsym.from_sympy({x: -x, y: -2 * y})
    with pytest.raises(InputError, match="these lie on a line"):
        ssmsym.slow_manifold(field, [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]], closed=True)


# -- unstable manifolds -------------------------------------------------------------------------------------


def test_branches_of_a_saddle_known_exactly():
    """u' = u - u^3 with y = sin 2u: from 0 to the nodes at -1 and 1 along that graph."""
    field = bistable((sympy.sin(2 * x), sympy.cos(x)))
    points = [ssmsym.refine_fixed_point(field, [a, np.sin(2 * a), np.cos(a)]) for a in (-1.0, 0.0, 1.0)]
    branches = ssmsym.unstable_manifold(field, points[1], points=points)
    assert sorted(branch.index for branch in branches) == [0, 2]
    for branch in branches:
        assert branch.piece.end == "sink"
        for element in branch.piece.elements:
            states = element.at(np.linspace(-1, 1, 9))
            np.testing.assert_allclose(states[:, 1], np.sin(2 * states[:, 0]), atol=1e-8)
            np.testing.assert_allclose(states[:, 2], np.cos(states[:, 0]), atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("condition", "leads"),
    [
        (
            "context 1, no evidence",
            {-0.44991: (-0.99841, 0.00908), 0.65085: (0.00908, 1.00093)},
        ),
        (
            "context 2, no evidence",
            {-0.51047: (-1.00561, 0.00375), 0.54044: (0.00375, 0.99738)},
        ),
    ],
)
def test_where_the_saddles_of_the_decision_network_lead(shipped, condition, leads):
    """Ends found by an independent program; the undecided point is a focus into which branches spiral."""
    field = shipped("cdd_n100_a").at(u=condition)
    points = ssmsym.find_fixed_points(field)
    for saddle in (p for p in points if p.index == 1):
        z = float(field.readout(saddle.state)[0])
        wanted = next(ends for at, ends in leads.items() if abs(at - z) < 1e-4)
        branches = ssmsym.unstable_manifold(field, saddle, points=points)
        found = sorted(float(field.readout(b.leads_to.state)[0]) for b in branches)
        np.testing.assert_allclose(found, wanted, atol=1e-5)
        assert {b.piece.end == "sink" for b in branches} == {True, False}


def test_a_branch_that_leads_nowhere_is_said_to():
    field = ssmsym.from_sympy({x: x + x**3, y: -y})
    (saddle,) = [ssmsym.refine_fixed_point(field, [0.0, 0.0])]
    assert [b.leads_to for b in ssmsym.unstable_manifold(field, saddle)] == [None, None]
    with pytest.raises(InputError, match="0 unstable directions"):
        ssmsym.unstable_manifold(
            ssmsym.from_sympy({x: -x}), ssmsym.refine_fixed_point(ssmsym.from_sympy({x: -x}), [0.0])
        )


# -- maps ---------------------------------------------------------------------------------------------------


def test_a_maps_curve_known_exactly():
    """x -> x + (x - x^3) / 5 with y attracted to sin 2x: that graph is invariant."""
    after = x + (x - x**3) / 5
    field = ssmsym.from_sympy(
        {x: after, y: sympy.Rational(2, 5) * (y - sympy.sin(2 * x)) + sympy.sin(2 * after)}, time="discrete"
    )
    points = [ssmsym.refine_fixed_point(field, [a, np.sin(2 * a)]) for a in (-1.0, 0.0, 1.0)]
    curve = ssmsym.slow_manifold(field, points, direction=[1.0, 0.0])
    s = np.linspace(-1, 1, 101)
    np.testing.assert_allclose(curve.sample(s)[:, 1], np.sin(2 * s), atol=1e-9)
    np.testing.assert_allclose(curve.following(s), s + (s - s**3) / 5, atol=1e-12)
    with pytest.raises(InputError, match="covers s from -1 to 1"):
        curve.sample([1.1])


def test_map_and_ode_of_the_memory_network_have_different_curves(memory):
    """An independent program found the map's curve invariant to 3e-9; with the ODE's it shares the fixed points."""
    flow, points = memory
    euler = ssmsym.load(ssmsym.network_path("delay_n100_a"), as_="map")
    curve = ssmsym.slow_manifold(euler, points)
    assert curve.invariance_error() < 1e-8
    ode = ssmsym.slow_manifold(flow, points)
    s = np.linspace(*curve.extent, 300)
    distance = np.linalg.norm(curve.sample(s) - ode.sample(s), axis=1)
    assert 1e-6 < np.nanmax(distance) < 1e-3
    for on_curve in curve.points:
        np.testing.assert_allclose(curve.sample([on_curve.s])[0], on_curve.point.state, atol=1e-7)
    for state in curve.sample(s[::60]):
        after = state
        for _ in range(10):
            after = euler(after)
        again = curve.sample(curve.coordinate.of(after))[0]
        assert np.linalg.norm(after - again) < 1e-7


def test_a_map_without_stable_ends_needs_an_extent():
    after = sympy.Rational(11, 10) * x
    field = ssmsym.from_sympy({x: after, y: y / 2 + x**2}, time="discrete")
    with pytest.raises(InputError, match="Give an 'extent'"):
        ssmsym.slow_manifold(field, [[-1.0, 0.0], [1.0, 0.0]])
    curve = ssmsym.slow_manifold(field, [[-1.0, 0.0], [1.0, 0.0]], extent=(-2, 2))
    s = np.linspace(-2, 2, 41)
    np.testing.assert_allclose(curve.sample(s)[:, 1], s**2 / (1.21 - 0.5), atol=1e-9)


@pytest.fixture(scope="module")
def slow_map():
    """x -> x + (u + x - x^3) / 50 with y attracted to sin 2x at 1/5 a step: folds at u = -+2 / sqrt 27."""
    after = x + (u + x - x**3) / 50
    return ssmsym.from_sympy(
        {x: after, y: (y - sympy.sin(2 * x)) / 5 + sympy.sin(2 * after)}, parameters={u: 0.0}, time="discrete"
    )


def test_a_maps_curve_with_inflow_ends_known_exactly(slow_map):
    """Beyond the outer fixed points at -1 and 1 the motion comes in, and the curve is determined from there on."""
    states = [[a, np.sin(2 * a)] for a in (-1.0, 0.0, 1.0)]
    curve = ssmsym.slow_manifold(slow_map, states, direction=[1.0, 0.0], extent=(-1.4, 1.4))
    assert curve.extent == (-1.4, 1.4)
    s = np.linspace(-1.15, 1.15, 61)
    np.testing.assert_allclose(curve.sample(s)[:, 1], np.sin(2 * s), atol=1e-6)
    np.testing.assert_allclose(curve.rate(s), (s - s**3) / 50, atol=1e-12)
    outer = curve.sample(np.array([-1.38, 1.38]))  # farther out, a few steps lead to where it is determined
    for _ in range(40):
        outer = slow_map(outer)
    np.testing.assert_allclose(outer, curve.sample(outer[:, 0]), atol=1e-6)


def test_folds_of_a_map_over_an_interval(slow_map):
    states = [[a, np.sin(2 * a)] for a in (-1.0, 0.0, 1.0)]
    family = ssmsym.slow_manifold(
        slow_map,
        states,
        direction=[1.0, 0.0],
        extent=(-1.4, 1.4),
        parameter="u",
        interval=(-0.5, 0.5),
        values=5,
    )
    fold = 2 / np.sqrt(27)
    np.testing.assert_allclose([f.parameter for f in family.folds], [-fold, fold], atol=1e-12)
    np.testing.assert_allclose([f.predicted for f in family.folds], [-fold, fold], atol=1e-9)
    np.testing.assert_allclose([f.s for f in family.folds], [1 / np.sqrt(3), -1 / np.sqrt(3)], atol=1e-6)
    model = ssmsym.reduce(family)
    assert model.time == "discrete"
    np.testing.assert_allclose(model.field.at(u=0.2)([[0.3]]), 0.3 + (0.5 - 0.027) / 50, atol=1e-9)
    diagram = ssmsym.branches(model, "u", (-0.5, 0.5))
    np.testing.assert_allclose([f.parameter for f in diagram.of_kind("fold")], [-fold, fold], atol=1e-9)
    assert all(f.confirmed for f in diagram.of_kind("fold"))


def test_a_trained_map_without_fixed_points_has_a_slow_curve():
    """The memory network under an input at which all its fixed points are gone; the map's own steps stay on it."""
    euler = ssmsym.load(ssmsym.network_path("delay_n100_a"), as_="map").at({"u[0]": 0.03})
    chain = ssmsym.find_fixed_points(euler.at({"u[0]": 0.0}))
    curve = ssmsym.slow_manifold(euler, chain, extent=(-6.0, 6.0))
    assert curve.points == ()
    states = curve.sample(np.linspace(-3.0, 4.0, 12))
    after = states
    for _ in range(20):
        after = euler(after)
    moved = curve.coordinate.of(after) - curve.coordinate.of(states)
    assert moved.max() - moved.min() > 0.01
    assert np.abs(moved).min() > 0.05
    distance = np.linalg.norm(after - curve.sample(curve.coordinate.of(after)), axis=1)
    assert distance.max() < 1e-7


@pytest.mark.slow
def test_the_maps_of_the_memory_network_have_the_folds_of_its_ode(memory):
    euler = ssmsym.load(ssmsym.network_path("delay_n100_a"), as_="map")
    family = ssmsym.slow_manifold(euler, memory[1], parameter="u[0]", interval=(-0.006, 0.006), values=5)
    np.testing.assert_allclose([f.parameter for f in family.folds], [-0.003525, 0.003762], atol=6e-7)
    assert all(f.confirmed and f.residual < 1e-11 for f in family.folds)
    assert family.errors.max() < 1e-5


@pytest.mark.slow
def test_a_path_from_input_to_input_as_parameter(memory):
    """From the largest negative stimulus to the largest positive one; all six folds lie near its middle."""
    field, points = memory
    along = field.along("value", "value -0.5 on", "value +0.5 on")
    family = ssmsym.slow_manifold(along, points, parameter="value", interval=(0.0, 1.0), values=25)
    folds = [-0.017303, -0.009903, -0.003525, 0.003762, 0.010052, 0.016915]
    np.testing.assert_allclose([f.parameter - 0.5 for f in family.folds], folds, atol=6e-7)
    assert all(f.confirmed and f.residual < 1e-11 for f in family.folds)
    model = ssmsym.reduce(family)
    assert model.field.at(value=0.5)(np.array([0.0])) == pytest.approx(family.rate([0.0], 0.5), abs=1e-9)


# -- curves that are no graphs ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def winding():
    """y' = (y - y^3) / 4 with x attracted to 4/5 sin 3y: over 0.9 x + 0.3 y the curve turns back twice."""
    shape = sympy.Rational(4, 5) * sympy.sin(3 * y)
    velocity = (y - y**3) / 4
    field = ssmsym.from_sympy({x: -4 * (x - shape) + sympy.diff(shape, y) * velocity, y: velocity})
    return field, [ssmsym.refine_fixed_point(field, [0.8 * np.sin(3 * a), a]) for a in (-1.0, 0.0, 1.0)]


def test_a_curve_that_turns_back_is_taken_by_arclength(winding):
    field, points = winding
    with pytest.warns(ssmsym.SsmsymWarning, match="turns back"):
        curve = ssmsym.slow_manifold(field, points, direction=[0.9, 0.3])
    assert [p.source for p in curve.points] == [False, True, False]
    ends = curve.points[0].s, curve.points[-1].s
    length = quad(lambda a: np.hypot(2.4 * np.cos(3 * a), 1.0), -1, 1)[0]
    assert ends[1] - ends[0] == pytest.approx(length, rel=1e-4)  # its knots are joined by chords
    states = curve.sample(np.linspace(*ends, 101))
    assert (np.diff(states @ [0.9, 0.3]) > 0).any()
    assert (np.diff(states @ [0.9, 0.3]) < 0).any()
    np.testing.assert_allclose(states[:, 0], 0.8 * np.sin(3 * states[:, 1]), atol=1e-8)
    model = ssmsym.reduce(curve)
    run = ssmsym.simulate(model.field, model.project(model.lift([0.52 * ends[1]])), [0.0, 4.0])
    (_, first), (_, last) = model.lift(run.states)
    growth = first**2 / (1 - first**2) * np.exp(2.0)  # y^2 / (1 - y^2) grows as exp(t / 2)
    assert last == pytest.approx(np.sign(first) * np.sqrt(growth / (1 + growth)), abs=1e-6)


def test_arclength_of_states_beside_the_curve():
    """A circle of radius 2: s is twice the angle, whatever the distance; straight on beyond the ends."""
    angles = np.linspace(0, 3, 60)
    circle = Arc(2 * angles, 2 * np.column_stack([np.cos(angles), np.sin(angles)]))
    wanted = np.array([0.4, 1.7, 2.5])
    outward = np.column_stack([np.cos(wanted), np.sin(wanted)])
    around = np.column_stack([-np.sin(wanted), np.cos(wanted)])
    np.testing.assert_allclose(circle.of(2.6 * outward), 2 * wanted, atol=1e-5)
    np.testing.assert_allclose(circle.speed(2.6 * outward, 2.6 * around + outward), 2.0, atol=1e-3)
    np.testing.assert_allclose(circle.of(np.array([1.9, -0.7])), -0.7, atol=1e-5)


def test_arclength_asked_for(winding):
    field, points = winding
    curve = ssmsym.slow_manifold(field, points, direction=[0.0, 1.0], arclength=True)
    assert len(curve.points) == 3
    with pytest.raises(InputError, match="leave out 'parameter' and 'extent'"):
        ssmsym.slow_manifold(field, points, arclength=True, extent=(-1, 1))


@pytest.mark.slow
@pytest.mark.reference
@pytest.mark.parametrize("direction", ["input", "readout", "random"])
def test_any_direction_finds_the_chain_of_the_context_network(reference, direction):
    """Over an input the quasi-static curve has four turns, over some random directions ten."""
    field = reference("opdim_ctxt_n100_1").at(u="context1")
    e = {
        "input": field.arrays["B"][:, 0],
        "readout": field.arrays["W"][0],
        "random": np.random.default_rng(0).standard_normal(100),
    }[direction]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ssmsym.SsmsymWarning)
        curve = ssmsym.slow_manifold(field, ssmsym.find_fixed_points(field), direction=e)
    assert len(curve.points) == 9
    assert max(piece.errors[0] for piece in curve.pieces) < 1e-6
    assert {piece.end for piece in curve.pieces} == {"sink"}


def test_a_curve_past_a_focus_is_no_slow_manifold():
    """Every curve spirals into the focus of x' = -x/10 - y, y' = x - y/10, so none over a line passes through it."""
    x, y, z = sympy.symbols("x y z")
    field = ssmsym.from_sympy({x: -x / 10 - y, y: x - y / 10, z: -z})
    with pytest.raises(ssmsym.InputError, match="complex pair"):
        ssmsym.slow_manifold(field, [[0, 0, 0.0]], extent=(-1, 1))
    curve = ssmsym.slow_manifold(field, [[0, 0, 0.0]], extent=(-1, 1), direction=[1.0, 0.0, 0.0])
    assert not curve.is_normally_attracting
    assert "no smooth curve through" in curve.report()
    with pytest.raises(ssmsym.InputError, match="passes by"):
        ssmsym.reduce(curve)


def test_motion_round_a_cycle_is_followed_for_several_turns():
    """On r = 1 the angle of this field obeys a' = 1 + cos(a)/2, whose period is 2 pi / sqrt(3/4)."""
    x, y, z = sympy.symbols("x y z")
    r2 = x**2 + y**2
    field = ssmsym.from_sympy(
        {x: 3 * x * (1 - r2) - y * (1 + x / 2), y: 3 * y * (1 - r2) + x * (1 + x / 2), z: -9 * z}
    )
    angles = np.linspace(0.0, 2 * np.pi, 40, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    curve = ssmsym.slow_manifold(field, ring, closed=True)
    period = 2 * np.pi / np.sqrt(0.75)
    s, states = curve.follow(2.5, np.array([0.0, period, 3 * period]))
    assert np.abs(states - states[0]).max() < 1e-5
    assert s[2] - s[0] == pytest.approx(6 * np.pi, abs=1e-5)
    assert "at every angle" in curve.report()


def test_a_ring_that_attracts_in_part_says_where():
    """r = 1 with transverse rate -2 k and inner rate 0.8 cos(angle): it attracts in part, whatever lies at the cut."""
    x, y, z = sympy.symbols("x y z")
    k = sympy.Rational(1, 10) + 4 * ((1 - x) / 2) ** 8
    r2, turn = x**2 + y**2, 1 + sympy.Rational(4, 5) * y
    field = ssmsym.from_sympy({x: k * x * (1 - r2) - y * turn, y: k * y * (1 - r2) + x * turn, z: -9 * z})
    angles = np.linspace(0.0, 2 * np.pi, 40, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    curve = ssmsym.slow_manifold(field, ring, closed=True)
    ranges = curve.attracting()
    # at angle 0.3 the transverse rate is -0.2 and the inner one 0.76; at -pi/2 the inner one is 0
    assert not any(low < 0.3 < high for low, high in ranges)
    assert any(low < -np.pi / 2 < high for low, high in ranges)


def test_maps_without_a_slow_curve_are_refused():
    """Along a strong direction beside multiplier 0.9, and where the leading multiplier, -0.9, turns the curve over."""
    x, y = sympy.symbols("x y")
    strong = ssmsym.from_sympy({x: x / 4, y: sympy.Rational(9, 10) * y + x**2}, time="discrete")
    with pytest.raises(ssmsym.NotConvergedError):
        ssmsym.slow_manifold(strong, [[0, 0.0]], extent=(-1, 1), direction=[1.0, 0.0])
    turning = ssmsym.from_sympy({x: -sympy.Rational(9, 10) * x, y: y / 4 + x**2}, time="discrete")
    with pytest.raises(ssmsym.NotConvergedError, match="turns it over"):
        ssmsym.slow_manifold(turning, [[0, 0.0]], extent=(-1, 1))


def test_one_state_is_refused():
    with pytest.raises(ssmsym.InputError, match="two states"):
        ssmsym.slow_manifold(ssmsym.rate_network([[2.0]]), [[0.0]], extent=(-1, 1))
