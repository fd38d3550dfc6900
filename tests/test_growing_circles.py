"""Unstable surfaces against surfaces, cycles and cubes that are known."""

import numpy as np
import pytest
import sympy

import ssmsym as ss

x, y, z = sympy.symbols("x y z")
HEIGHT = x * y / 2 + 3 * sympy.sin(x) / 10 + y**2 / 5
EXACT = sympy.lambdify((x, y), HEIGHT)


def above(right_x, right_y):
    """A field with the invariant surface z = HEIGHT(x, y), to which everything contracts at rate 2."""
    moved = sympy.diff(HEIGHT, x) * right_x + sympy.diff(HEIGHT, y) * right_y
    return ss.from_sympy({x: right_x, y: right_y, z: moved - 2 * (z - HEIGHT)})


def states_of(surface):
    states = surface.circles.reshape(-1, surface.circles.shape[2])
    return states[np.isfinite(states).all(axis=1)]


@pytest.fixture(scope="module")
def square():
    field = above(x - x**3, sympy.Rational(7, 10) * (y - y**3))
    points = ss.find_fixed_points(field, seed=0, starts=100)
    saddle = next(p for p in points if p.index == 2)
    return field, points, ss.unstable_surface(field, saddle, points=points)


def test_the_surface_is_the_one_known(square):
    _, _, surface = square
    states = states_of(surface)
    assert len(states) > 4000
    assert np.abs(states[:, 2] - EXACT(states[:, 0], states[:, 1])).max() < 1e-8
    assert np.abs(states[:, :2]).max() == pytest.approx(1.0, abs=0.02)
    assert surface.start_error < 1e-9


def test_its_parts_and_their_boundary_are_those_of_the_square(square):
    _, points, surface = square
    assert [part.kind for part in surface.parts] == ["fixed point"] * 4
    ends = np.round([part.leads_to.state[:2] for part in surface.parts])
    assert {tuple(e) for e in ends} == {(a, b) for a in (-1, 1) for b in (-1, 1)}
    assert all(points[part.index] is part.leads_to for part in surface.parts)
    sides = np.round([p.state[:2] for p in surface.boundary])
    assert {tuple(s + 0.0) for s in sides} == {(1, 0), (-1, 0), (0, 1), (0, -1)}
    for side, one, other in zip(sides, ends, np.roll(ends, -1, axis=0), strict=True):
        np.testing.assert_array_equal(side, 0.5 * (one + other))
    assert sum(part.high - part.low for part in surface.parts) == pytest.approx(2 * np.pi)


def test_neighbours_on_a_circle_are_near(square):
    _, _, surface = square
    closed = np.concatenate([surface.circles, surface.circles[:1]])
    gaps = np.linalg.norm(np.diff(closed, axis=0), axis=2)
    widths = np.diff(np.append(surface.angles, surface.angles[0] + 2 * np.pi))
    assert np.nanmax(gaps[widths > 1e-6]) < 0.25 + 1e-12  # a quarter of the distance 1 to the nearest saddle


def test_trajectories_are_the_networks(square):
    field, _, surface = square
    k = 5
    path = surface.trajectory(surface.angles[k], np.linspace(0, 30, 6001))
    circles = surface.circles[k][np.isfinite(surface.circles[k]).all(axis=1)]
    distances = np.linalg.norm(circles[:, None] - path, axis=2).min(axis=1)
    assert distances.max() < 0.005  # points of one curve, at other times
    start = path[0]
    assert start[2] == pytest.approx(EXACT(*start[:2]), abs=1e-9)
    assert field.n_states == 3


def test_a_spiral_leads_to_its_cycle():
    r2 = x**2 + y**2
    field = above(x / 5 - y - x / 5 * r2, x + y / 5 - y / 5 * r2)
    surface = ss.unstable_surface(field, ss.refine_fixed_point(field, np.zeros(3)))
    assert [part.kind for part in surface.parts] == ["cycle"]
    states = states_of(surface)
    assert np.abs(states[:, 2] - EXACT(states[:, 0], states[:, 1])).max() < 1e-8
    last = np.array([row[np.isfinite(row).all(axis=1)][-1] for row in surface.circles])
    assert np.abs(np.hypot(last[:, 0], last[:, 1]) - 1).max() < 5e-3


def test_what_grows_without_bound_is_said_to():
    field = above(x, sympy.Rational(1, 2) * y)
    surface = ss.unstable_surface(field, ss.refine_fixed_point(field, np.zeros(3)))
    assert [part.kind for part in surface.parts] == ["unbounded"]
    assert "unbounded" in surface.report()


def test_a_face_of_the_flip_flops_cube_has_its_corners_and_edges():
    field = ss.load(ss.network_path("flipflop_n50_a"))
    points = ss.find_fixed_points(field, seed=0)
    assert [sum(p.index == k for p in points) for k in range(4)] == [8, 12, 6, 1]
    face = next(p for p in points if p.index == 2)
    surface = ss.unstable_surface(field, face, points=points)
    bits = np.round(field.readout(face.state))
    corners = np.round([field.readout(part.leads_to.state) for part in surface.parts])
    edges = np.round([field.readout(p.state) for p in surface.boundary])
    assert len(corners) == len(edges) == 4
    fixed = int(np.flatnonzero(bits)[0])
    others = [k for k in range(3) if k != fixed]
    assert (corners[:, fixed] == bits[fixed]).all()
    assert (edges[:, fixed] == bits[fixed]).all()
    assert {tuple(c[others]) for c in corners} == {(a, b) for a in (-1, 1) for b in (-1, 1)}
    assert {tuple(e[others] + 0.0) for e in edges} == {(1, 0), (-1, 0), (0, 1), (0, -1)}
    assert all(p.index == 1 for p in surface.boundary)
    assert surface.start_error < 1e-8


def test_wrong_use_is_named(square):
    field, points, _ = square
    stable = next(p for p in points if p.stable)
    with pytest.raises(ss.InputError, match="0 unstable directions"):
        ss.unstable_surface(field, stable)
    saddle = next(p for p in points if p.index == 2)
    with pytest.raises(ss.InputError, match="'reach'"):
        ss.unstable_surface(field, saddle, reach=-1.0)
    with pytest.raises(ss.InputError, match="flow"):
        ss.unstable_surface(field.discretized(0.01), saddle)
