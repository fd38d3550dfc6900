"""Slow surfaces against surfaces known in closed form."""

import numpy as np
import pytest
import sympy
from scipy.integrate import solve_ivp

import ssmsym as ss

x, y, z, w = sympy.symbols("x y z w")
PLANE = np.eye(4)[:, :2]


def growing():
    """Both directions in the plane grow, so that no state comes in from outside: one surface only."""
    field = ss.from_sympy({x: x / 10, y: y / 5, z: x * y + x**2 / 2 - z, w: 2 * y**3 - 2 * w})
    return field, lambda s: np.column_stack(
        [s[:, 0] * s[:, 1] / 1.3 + s[:, 0] ** 2 / 2.4, 2 * s[:, 1] ** 3 / 2.6]
    )


def oscillator():
    """Hopf normal form with cycle of radius 1 and period 2 pi / 0.9, below two sheared fast states."""
    r2 = x**2 + y**2
    right = {
        x: x / 5 - y - (x / 5 - y / 10) * r2,
        y: x + y / 5 - (y / 5 + x / 10) * r2,
    }
    heights = (sympy.Rational(3, 10) * (x**2 - y**2) + sympy.sin(x) / 5, sympy.cos(x * y) / 3)
    moved = [sum(sympy.diff(h, v) * right[v] for v in (x, y)) for h in heights]
    field = ss.from_sympy({**right, z: moved[0] - 3 * (z - heights[0]), w: moved[1] - 4 * (w - heights[1])})
    exact = sympy.lambdify((x, y), heights)
    return field, lambda s: np.column_stack(exact(*s.T))


def places(radius, count=200, seed=0):
    rng = np.random.default_rng(seed)
    angle, r = rng.uniform(-np.pi, np.pi, count), radius * np.sqrt(rng.uniform(0, 1, count))
    return np.column_stack([r * np.cos(angle), r * np.sin(angle)])


@pytest.fixture(scope="module")
def hopf():
    field, exact = oscillator()
    start = np.append([0.0, 0.0], exact(np.zeros((1, 2))))
    surface = ss.slow_surface(
        field, start, directions=PLANE, radius=1.3, margin=0.6, elements=6, harmonics=14
    )
    return surface, exact


def test_an_overflowing_patch_has_its_surface_to_rounding_errors():
    field, exact = growing()
    surface = ss.slow_surface(
        field, np.zeros(4), directions=PLANE, extent=((-1, 1), (-0.8, 1)), elements=2, margin=0.2
    )
    s = np.random.default_rng(1).uniform([-1, -0.8], 1, (300, 2))
    states = surface.sample(s)
    assert np.abs(states[:, :2] - s).max() < 1e-13
    assert np.abs(states[:, 2:] - exact(s)).max() < 1e-9
    np.testing.assert_allclose(surface.rate(s), s * [0.1, 0.2], atol=1e-13)
    np.testing.assert_allclose(
        surface.jacobian(s[:2]), np.broadcast_to(np.diag([0.1, 0.2]), (2, 2, 2)), atol=1e-12
    )
    assert surface.errors[1] < 1e-8
    assert ss.surface_band(surface, s).max() < 1e-9
    assert surface.is_normally_attracting
    assert np.isnan(surface.sample([2.0, 0.0])).all()


def test_a_rank_two_network_has_a_flat_surface():
    n = 30
    rng = np.random.default_rng(3)
    m, k = rng.standard_normal((2, n, 2))
    k = 2.2 * np.linalg.pinv(m).T + 0.1 * (k - m @ np.linalg.lstsq(m, k, rcond=None)[0])
    field = ss.rate_network(m @ k.T)
    off = rng.standard_normal(n) - 0.5
    E = np.linalg.qr(m)[0]
    states = rng.uniform(-1, 1, (20, 2)) @ m.T
    surface = ss.slow_surface(field, states, extent=((-2, 2), (-2, 2)), elements=2, degree=6)
    s = rng.uniform(-2, 2, (50, 2))
    found = surface.sample(s)
    assert np.abs(found - found @ E @ E.T).max() < 1e-12 * n
    kappa = np.linalg.lstsq(m, found.T, rcond=None)[0].T
    reduced = -kappa + np.tanh(kappa @ m.T) @ k
    np.testing.assert_allclose(surface.rate(s), (reduced @ m.T) @ surface.plane.left, atol=1e-12)
    assert np.linalg.norm(off - off @ E @ E.T) > 1  # the plane is not all there is


def test_a_sheared_rank_two_network_has_its_sheared_surface():
    q = sympy.symbols("q0:5")
    rng = np.random.default_rng(5)
    m, k = np.linalg.qr(rng.standard_normal((5, 2)))[0], rng.standard_normal((5, 2))
    k = 1.6 * m + 0.2 * k
    E = np.linalg.qr(np.column_stack([m, rng.standard_normal((5, 3))]))[0]
    E[:, :2] = m
    flat = sympy.Matrix(q)
    s = sympy.Matrix(m.T) * flat
    bend = 0.2 * s[0] ** 2 - 0.15 * s[0] * s[1] + 0.1 * s[1] ** 3
    normal = sympy.Matrix(E[:, 2])
    straight = flat - normal * bend  # x = straight + normal bend(s), s unchanged
    right = -straight + sympy.Matrix(m) * (sympy.Matrix(k.T) * straight.applyfunc(sympy.tanh))
    along = sympy.Matrix(m.T) * right
    a, b = sympy.symbols("a b")
    shape = 0.2 * a**2 - 0.15 * a * b + 0.1 * b**3
    slopes = [sympy.diff(shape, v).subs({a: s[0], b: s[1]}, simultaneous=True) for v in (a, b)]
    whole = right + normal * (slopes[0] * along[0] + slopes[1] * along[1])
    field = ss.from_sympy(dict(zip(q, whole, strict=True)))
    surface = ss.slow_surface(
        field, np.zeros(5), directions=m, radius=0.8, elements=2, degree=10, harmonics=8, margin=0.15
    )
    t = places(0.8)
    exact = t @ m.T + np.outer(0.2 * t[:, 0] ** 2 - 0.15 * t[:, 0] * t[:, 1] + 0.1 * t[:, 1] ** 3, E[:, 2])
    assert np.abs(surface.sample(t) - exact).max() < 1e-8


def test_an_oscillator_from_its_centre_to_its_cycle(hopf):
    surface, exact = hopf
    s = places(0.9)
    assert np.abs(surface.sample(s)[:, 2:] - exact(s)).max() < 1e-7
    inner = places(0.7)
    assert np.abs(surface.sample(inner)[:, 2:] - exact(inner)).max() < 1e-8
    cycle = ss.surface_cycle(surface, [0.5, 0.1])
    assert cycle.period == pytest.approx(2 * np.pi / 0.9, abs=1e-9)
    assert cycle.multiplier == pytest.approx(np.exp(-0.4 * 2 * np.pi / 0.9), abs=1e-6)
    np.testing.assert_allclose(np.linalg.norm(cycle.s, axis=1), 1.0, atol=1e-9)
    assert np.abs(cycle.states[:, 2:] - exact(cycle.s)).max() < 1e-6


def test_following_the_surface_is_following_the_network(hopf):
    surface, exact = hopf
    times = np.linspace(0, 12, 7)
    _, states = surface.follow([0.1, -0.2], times)
    start = np.append([0.1, -0.2], exact(np.array([[0.1, -0.2]])))
    run = solve_ivp(lambda t, v: surface.field(v), (0, 12), start, "DOP853", times, rtol=1e-11, atol=1e-13)
    assert np.abs(states - run.y.T).max() < 1e-7
    with pytest.raises(ss.InputError, match="place"):
        surface.follow([3.0, 0.0], times)


def test_the_band_says_where_the_surface_is_not_determined(hopf):
    surface, exact = hopf
    s = places(1.3)
    band = ss.surface_band(surface, s)
    error = np.linalg.norm(surface.sample(s)[:, 2:] - exact(s), axis=1)
    outside, inside = np.linalg.norm(s, axis=1) > 1.1, np.linalg.norm(s, axis=1) < 0.8
    assert band[inside].max() < 1e-8 < 1e-6 < band[outside].max()
    assert (error < 10 * band + 1e-7).all()


def test_a_series_leads_to_the_surface_that_it_expands():
    field = ss.from_sympy({x: -x / 10, y: -y / 5, z: x * y + x**2 / 2 - z})
    ssm = ss.compute_ssm(field, np.zeros(3), modes=2, order=3)
    surface = ss.slow_surface(field, ssm, extent=((-2, 2), (-2, 2)), elements=2, degree=5)
    s = np.random.default_rng(2).uniform(-2, 2, (50, 2))
    assert np.abs(surface.sample(s)[:, 2] - s[:, 0] * s[:, 1] / 0.7 - s[:, 0] ** 2 / 1.6).max() < 1e-9
    quasi = ss.slow_surface(field, np.zeros(3), directions=np.eye(3)[:, :2], extent=((-2, 2), (-2, 2)))
    assert np.abs(quasi.sample(s) - surface.sample(s)).max() > 1e-3  # others exist: the flow comes in


def test_the_undecided_focus_of_the_decision_network():
    field = ss.load(ss.network_path("cdd_n100_a")).at(u=[0, 0, 1, 0])
    focus = next(p for p in ss.find_fixed_points(field, seed=0, starts=64) if p.stable)
    assert focus.per_tau[0] == pytest.approx(-0.1449 + 0.4984j, abs=1e-4)
    surface = ss.slow_surface(field, focus, radius=0.2, elements=5, degree=5, harmonics=5, tolerance=1e-8)
    assert surface.errors[0] < 1e-6
    middle = surface.rates_at([0.0, 0.0])
    assert middle.transverse[0] == pytest.approx(-3.653, abs=1e-3)  # 1/s; tau = 0.1 s
    assert middle.ratio[0] == pytest.approx(3.653 / 1.449, abs=1e-3)
    times = np.linspace(0, 0.5, 6)
    _, states = surface.follow([0.15, 0.1], times)
    full = ss.simulate(field, states[0], times, rtol=1e-11, atol=1e-13).states
    assert np.abs(full - states).max() < 1e-5


def test_a_surface_is_written_as_plain_arrays(hopf, tmp_path):
    surface, _ = hopf
    ss.save_slow_surface(surface, tmp_path / "surface.npz")
    with np.load(tmp_path / "surface.npz") as data:
        assert data["states"].shape == (len(data["s"]), 4)
        assert data["grid"].prod() == len(data["s"])
        np.testing.assert_allclose((data["states"] - data["origin"]) @ data["left"], data["s"], atol=1e-12)
    with pytest.raises(ss.OutputError, match="exists"):
        ss.save_slow_surface(surface, tmp_path / "surface.npz")
    assert "Normally attracting everywhere" in surface.report()


@pytest.mark.parametrize(
    ("through", "options", "message"),
    [
        (np.zeros(4), {"radius": 1.0}, "pair|modes|group"),
        (np.ones(4), {"radius": 1.0}, "no fixed point"),
        (np.outer([0, 1, 2], np.ones(4)), {}, "on a line"),
        (np.zeros((3, 5)), {}, "has shape"),
        (np.full((3, 4), np.nan), {}, "not finite"),
        ("points", {}, "must be"),
        (np.zeros(4), {"directions": PLANE}, "how far"),
        (np.zeros(4), {"directions": PLANE, "radius": -1}, "positive"),
        (np.zeros(4), {"directions": PLANE, "radius": 1, "extent": ((0, 1), (0, 1))}, "leave one"),
        (np.zeros(4), {"directions": PLANE, "extent": ((1, 0), (0, 1))}, "lower end first"),
        (np.zeros(4), {"directions": PLANE[:, [0, 0]], "radius": 1}, "parallel"),
        (np.zeros(4), {"directions": PLANE[:2], "radius": 1}, "two columns"),
        (np.zeros(4), {"directions": PLANE, "radius": 1, "degree": 2.5}, "degree"),
        (np.zeros(4), {"directions": PLANE, "hole": 0.5}, "radius"),
    ],
)
def test_wrong_use_is_named(through, options, message):
    cut = ss.from_sympy({x: -x - 2 * y, y: 2 * x - y, z: z / 2, w: -3 * w})
    with pytest.raises((ss.InputError, ss.SubspaceError), match=message):
        ss.slow_surface(cut, through, **options)


def test_no_surface_where_the_plane_contracts_faster_than_the_rest():
    field = ss.from_sympy({x: -3 * x, y: -3 * y, z: z * (1 - z**2) + sympy.sin(3 * x)})
    with pytest.raises(ss.NotConvergedError, match="rate"):
        ss.slow_surface(
            field, np.zeros(3), directions=np.eye(3)[:, :2], extent=((-1, 1), (-1, 1)), max_rounds=60
        )


def test_a_refused_curve_offers_the_surface_and_the_call():
    field = ss.load(ss.network_path("cdd_n100_a")).at(u=[0, 0, 1, 0])
    curve = ss.slow_manifold(field, ss.find_fixed_points(field, starts=64, seed=0))
    assert not curve.is_normally_attracting
    k = next(i for i, p in enumerate(curve.points) if abs(p.s + 0.499) < 0.01)  # the undecided focus
    text = curve.report()
    assert f"slow_surface(field, curve.points[{k}].point, radius=...)" in text
    assert "ratio of 2.5" in text
    assert "-1.4488+4.9841i" in text


def test_a_disk_takes_the_outline_of_a_closed_curve():
    field, exact = oscillator()
    angle = np.linspace(-np.pi, np.pi, 60)
    bent = (1 + 0.1 * np.cos(2 * angle))[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    start = np.append([0.0, 0.0], exact(np.zeros((1, 2))))
    surface = ss.slow_surface(
        field,
        start,
        directions=PLANE,
        outline=np.column_stack([bent, exact(bent)]),
        radius=1.2,
        margin=0.3,
        degree=6,
        harmonics=10,
    )
    s = places(0.7)
    assert np.abs(surface.sample(s)[:, 2:] - exact(s)).max() < 1e-6
    shifted = [surface.sample(s + d) for d in ([1e-5, 0], [-1e-5, 0], [0, 1e-5], [0, -1e-5])]
    slopes = np.stack([shifted[0] - shifted[1], shifted[2] - shifted[3]], axis=2) / 2e-5
    assert np.abs(surface.tangents(s) - slopes).max() < 1e-8
    assert np.isfinite(surface.sample([1.31, 0.0])).all()
    assert np.isnan(surface.sample([0.0, 1.1])).all()
    for outline, message in ((bent[:10], "gap"), (bent + np.array([2.0, 0.0]), "gap|no single radius")):
        with pytest.raises(ss.InputError, match=message):
            ss.slow_surface(
                field, start, directions=PLANE, outline=np.column_stack([outline, exact(outline)])
            )
    with pytest.raises(ss.InputError, match="units of it"):
        ss.slow_surface(
            field, start, directions=PLANE, outline=np.column_stack([bent, exact(bent)]), radius=0.5
        )


@pytest.mark.slow
def test_the_trained_sine_generator_up_to_its_cycle():
    """Its cycle near onset: period by the return of the full network's trajectory (DOP853, rtol 1e-11)."""
    field = ss.load(ss.network_path("sine_ode_n100_a")).at(u=[0.5, 0.1, 0])
    focus = next(p for p in ss.find_fixed_points(field, seed=0, starts=64) if p.index == 2)
    start = focus.state + 0.01 * np.random.default_rng(0).standard_normal(100)
    times = np.append(np.linspace(0, 24, 2), np.linspace(25, 25.7162, 144))
    cycle = ss.simulate(field, start, times, rtol=1e-10, atol=1e-12).states[2:]
    surface = ss.slow_surface(
        field, cycle, outline=cycle, radius=1.15, margin=0.3, degree=6, harmonics=12, tolerance=1e-8
    )
    found = ss.surface_cycle(surface, 0.95 * surface.project(cycle[0])[0])
    assert found.period == pytest.approx(0.71626374628699, abs=1e-8)
    distances = np.linalg.norm(found.states[:, None] - cycle[None], axis=2).min(axis=1)
    assert distances.max() < 0.1  # of states 2.3 and more from the centre, 0.1 apart along the cycle
    assert surface.is_normally_attracting
