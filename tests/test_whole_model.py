"""Reduced models of whole slow manifolds: piecewise data as a field, curves known exactly, a trained line attractor."""

import math
import os

import numpy as np
import pytest
import sympy

import ssmsym
from ssmsym.errors import InputError, NotConvergedError, SmoothnessError
from ssmsym.exporters.discovery import get_exporter
from ssmsym.exporters.model import export_model
from ssmsym.fields.known_range import inside
from ssmsym.fields.polynomial_field import polynomial_field
from ssmsym.series.piecewise import PiecewiseChebyshev
from ssmsym.slow_manifolds.elements import lobatto

x, y, u = sympy.symbols("x y u")
BREAKS = np.array([-1.5, -0.4, 0.1, 0.6, 2.0])
BOX = np.array([[-0.3, 0.9]])


def interpolated(function, breaks=BREAKS, box=BOX, degree=14, periodic=False):
    """A smooth function of (s, v) through Lobatto points of each piece and of the box."""
    t, _, inverse = lobatto(degree)
    s = 0.5 * (breaks[:-1] + breaks[1:])[:, None] + 0.5 * np.diff(breaks)[:, None] * t
    v = 0.5 * box.sum() + 0.5 * (box[0, 1] - box[0, 0]) * t
    values = function(s[:, :, None], v)
    tensor = np.einsum("ki,mij,lj->mkl", inverse, values, inverse)[..., None]
    return PiecewiseChebyshev.from_tensor(breaks, box, tensor, periodic=periodic)


def wave(s, v):
    return np.sin(2 * s + v) * np.exp(v)


@pytest.fixture(scope="module")
def data():
    return interpolated(wave)


@pytest.fixture(scope="module")
def places():
    rng = np.random.default_rng(1)
    return np.column_stack([rng.uniform(-1.5, 2.0, 60), rng.uniform(-0.3, 0.9, 60)])


# -- the data -----------------------------------------------------------------------------------------------


def test_values_and_derivatives_of_piecewise_data(data, places):
    s, v = places.T
    np.testing.assert_allclose(data(places)[:, 0], wave(s, v), atol=1e-13)
    slope_s = 2 * np.cos(2 * s + v) * np.exp(v)
    slope_v = (np.cos(2 * s + v) + np.sin(2 * s + v)) * np.exp(v)
    np.testing.assert_allclose(data.jacobian(places)[:, 0], np.column_stack([slope_s, slope_v]), atol=1e-11)
    np.testing.assert_allclose(data.derivative(0)(places)[:, 0], slope_s, atol=1e-11)
    np.testing.assert_allclose(data.derivative(1)(places)[:, 0], slope_v, atol=1e-11)


def test_outside_its_range_the_first_variable_continues_linearly(data):
    inner, outer = np.array([2.0, 0.3]), np.array([5.0, 0.3])
    expected = data(inner) + 3.0 * data.jacobian(inner)[:, 0]
    np.testing.assert_allclose(data(outer), expected, atol=1e-12)
    np.testing.assert_allclose(data.jacobian(outer)[:, 0], data.jacobian(inner)[:, 0], atol=1e-12)
    assert data.inside([inner, outer, [0.0, 0.95]]).tolist() == [True, False, False]


def test_an_angle_goes_round():
    circle = interpolated(
        lambda s, v: np.cos(s) * (1 + v), breaks=np.linspace(-np.pi, np.pi, 9), periodic=True
    )
    angles = np.array([-17.0, -3.0, 0.4, 3.5, 40.0])
    points = np.column_stack([angles, np.full(5, 0.5)])
    np.testing.assert_allclose(circle(points)[:, 0], 1.5 * np.cos(angles), atol=1e-12)
    assert circle.inside(points).all()
    s, v = sympy.symbols("s v", real=True)
    written = sympy.lambdify((s, v), circle(np.array([s, v], dtype=object))[0])
    np.testing.assert_allclose([written(a, 0.5) for a in angles], 1.5 * np.cos(angles), atol=1e-12)


def test_every_algebra_gives_the_same(places):
    """Python, compiled code and SymPy, values and derivatives, inside and outside the range of s."""
    data = interpolated(wave, degree=6)
    field = polynomial_field(data, parameters={"u": 0.25})
    states = np.append(places[:, 0], [-2.5, 3.0])
    for offset in (-0.25, 0.4):
        member = field.at(u=0.25 + offset)
        wanted = data(np.column_stack([states, np.full(len(states), offset)]))[:, 0]
        compiled = ssmsym.compile_field(member)
        np.testing.assert_allclose([member([s])[0] for s in states], wanted, atol=1e-13)
        np.testing.assert_allclose([compiled([s])[0] for s in states], wanted, atol=1e-13)
        written = export_model(member, find=False)
        symbols = (*written.states, *written.parameters)
        slopes = data.jacobian(np.column_stack([states, np.full(len(states), offset)]))[:, 0]
        for side, column in (
            (written.right_sides[0], wanted),
            (written.jacobian[0][0], slopes[:, 0]),
            (written.parameter_jacobian[0][0], slopes[:, 1]),
        ):
            function = sympy.lambdify(symbols, side)
            found = [function(s, 0.25 + offset) for s in states]
            np.testing.assert_allclose(found, column, atol=1e-12 * np.abs(column).max())


def test_the_series_at_a_point_is_that_of_its_piece():
    """The Taylor coefficients of an SSM on x' = r(x), y' = -y + x are those of the function behind the data."""
    rate = interpolated(lambda s, v: np.sinh(s) / 2 + v * np.cos(s), box=np.array([[-0.5, 0.5]]))
    field = polynomial_field(rate, parameters={"u": 0.0})
    (point,) = [p for p in ssmsym.find_fixed_points(field) if p.index]
    np.testing.assert_allclose(point.state, 0, atol=1e-13)
    ssm = ssmsym.compute_ssm(field, point, modes=1, order=7, parameters=["u"], parameter_order=1)
    R = ssm.reduced_dynamics
    found = {tuple(e): c for e, c in zip(R.exponents.tolist(), R.coefficients[:, 0].tolist(), strict=True)}
    for k in (1, 3, 5):
        assert found[(k, 0)] == pytest.approx(0.5 / math.factorial(k), rel=1e-6)
        assert found[(k - 1, 1)] == pytest.approx((-1.0) ** ((k - 1) // 2) / math.factorial(k - 1), rel=1e-6)
    with pytest.raises(InputError, match="no Taylor series at"):
        rate.taylor([9.0, 0.0], 3)


def test_exact_coefficients_of_floats_are_refused(data):
    field = polynomial_field(data, parameters={"u": 0.0})
    with pytest.raises((SmoothnessError, InputError)):
        ssmsym.compute_exact_ssm(field, modes=[-1], order=3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"breaks": [0, 0, 1]}, "'breaks' of a piecewise map must be finite and ascend"),
        ({"box": [[1, 0]]}, "'box' of a piecewise map must be finite and ascend"),
        ({"degrees": [[0]]}, "degrees of 2 variables need shape"),
        ({"coefficients": np.zeros((3, 1, 1))}, r"needs coefficients \(2, 1, n\)"),
    ],
)
def test_misshapen_data_are_refused(change, message):
    parts = {"breaks": [0, 1, 2], "box": [[0, 1]], "degrees": [[0, 0]], "coefficients": np.zeros((2, 1, 1))}
    with pytest.raises(InputError, match=message):
        PiecewiseChebyshev(**{**parts, **change})


# -- curves known exactly -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def parabola():
    """A3: x' = x / 10, y' = -(y - x^2) has y = x^2 / 1.2; its readout is x + y."""
    field = ssmsym.from_sympy({x: x / 10, y: -(y - x**2)}, readout=[x + y])
    return ssmsym.reduce(ssmsym.slow_manifold(field, [[0.0, 0.0]], extent=(-6.0, 6.0)))


def test_the_model_of_a_curve_known_exactly(parabola):
    p = np.linspace(-6, 6, 41)[:, None]
    np.testing.assert_allclose(parabola.field(p), p / 10, atol=1e-9)
    np.testing.assert_allclose(parabola.lift(p), np.column_stack([p, p**2 / 1.2]), atol=1e-8)
    np.testing.assert_allclose(parabola.field.readout(p), p + p**2 / 1.2, atol=1e-8)
    np.testing.assert_allclose(parabola.project(parabola.lift(p)), p, atol=1e-12)
    assert parabola.range == (-6.0, 6.0)
    assert "p from -6 to 6" in parabola.text()
    run = ssmsym.simulate(parabola.field, [1.0], [0.0, 10.0])
    assert run.states[-1, 0] == pytest.approx(math.e, rel=1e-7)


def test_nothing_is_said_beyond_the_range(parabola):
    with pytest.raises(InputError, match="known for p from -6 to 6"):
        parabola.lift([6.1])
    with pytest.raises(NotConvergedError, match=r"At t = 20 a trajectory is outside .*\(-6 to 6\)"):
        ssmsym.simulate(parabola.field, [[1.0], [0.5]], [0.0, 10.0, 20.0])
    assert inside(parabola.field, np.array([[5.9], [6.1]])).tolist() == [True, False]


def sheared_fold(shape):
    """p' = u + p^2 / 2 - p^4 / 4 with y attracted to a known curve over p: folds at u = 0 and u = -1/4."""
    velocity = u + x**2 / 2 - x**4 / 4
    return ssmsym.from_sympy(
        {x: velocity, y: -6 * (y - shape) + sympy.diff(shape, x) * velocity}, parameters={u: 0.05}
    )


@pytest.fixture(scope="module")
def folding():
    field = sheared_fold(sympy.sin(2 * x))
    start = [[a, float(np.sin(2 * a))] for a in (-1.5, 0.0, 1.5)]
    return ssmsym.slow_manifold(
        field, start, direction=[1.0, 0.0], extent=(-1.6, 1.6), parameter="u", interval=(-0.3, 0.1), values=7
    )


def test_folds_of_a_sheared_curve_known_exactly(folding):
    assert len(folding.folds) == 3  # one of them where two pieces meet
    model = ssmsym.reduce(folding)
    for data in (model.reduced_dynamics, model.parametrization):  # no zero is lost in a jump
        tensor = data.tensor()
        ends = tensor.sum(axis=1), np.einsum("k,mk...->m...", (-1.0) ** np.arange(tensor.shape[1]), tensor)
        assert np.abs(ends[0][:-1] - ends[1][1:]).max() < 1e-15 * np.abs(tensor).max()
    p = np.linspace(-1.2, 1.2, 30)[:, None]  # farther out the curve depends on where it starts
    for value in (-0.21, 0.02):
        wanted = value + p**2 / 2 - p**4 / 4
        np.testing.assert_allclose(model.field.at(u=value)(p), wanted, atol=2e-6)
        np.testing.assert_allclose(model.lift(p, {"u": value})[:, 1], np.sin(2 * p[:, 0]), atol=1e-5)
    diagram = ssmsym.branches(model, "u", (-0.3, 0.1))
    folds = sorted((f.parameter, f.state[0]) for f in diagram.of_kind("fold"))
    np.testing.assert_allclose(folds, [(-0.25, -1.0), (-0.25, 1.0), (0.0, 0.0)], atol=1e-6)
    assert [f.confirmed for f in diagram.of_kind("fold")] == [True] * 3
    with pytest.raises(InputError, match=r"u from -0.3 to 0.1; found values outside"):
        model.lift([0.0], {"u": 0.2})


def test_branches_end_with_the_parameter_range(folding):
    model = ssmsym.reduce(folding)
    for interval, value in (((-0.3, 0.5), "0.5"), ((-0.4, 0.1), "-0.4")):
        with pytest.raises(InputError, match=f"At u = {value} the equations are not known"):
            ssmsym.branches(model, "u", interval)


def test_fixed_points_of_a_ring_are_listed_once():
    """theta' = -sin(2 theta) / 10 on the unit circle: two nodes on the x axis, two saddles on the y axis."""
    square = x**2 + y**2
    turning = -x * y / 5 / square
    field = ssmsym.from_sympy({x: x * (1 - square) - y * turning, y: y * (1 - square) + x * turning})
    angles = 0.2 + np.linspace(0, 2 * np.pi, 12, endpoint=False)
    curve = ssmsym.slow_manifold(field, np.column_stack([np.cos(angles), np.sin(angles)]), closed=True)
    model = ssmsym.reduce(curve)
    found = ssmsym.find_fixed_points(model.field)
    assert [p.stable for p in found] == [True, True, False, False]
    lifted = model.lift([p.state for p in found])
    np.testing.assert_allclose(np.abs(lifted), [[1, 0], [1, 0], [0, 1], [0, 1]], atol=1e-8)
    rates = [p.eigenvalues[0].real for p in found]
    np.testing.assert_allclose(rates, [-0.2, -0.2, 0.2, 0.2], rtol=1e-6)


def test_a_cycle_becomes_a_rotation():
    """r' = r (1 - r^2), theta' = 1 + sin(theta) / 2: the model's time for one turn is 4 pi / sqrt 3."""
    square = x**2 + y**2
    field = ssmsym.from_sympy({x: x * (1 - square) - y * (1 + y / 2), y: y * (1 - square) + x * (1 + y / 2)})
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    curve = ssmsym.slow_manifold(field, np.column_stack([np.cos(angles), np.sin(angles)]), closed=True)
    model = ssmsym.reduce(curve)
    assert model.range is None
    np.testing.assert_allclose(np.hypot(*model.lift(np.linspace(-9, 9, 40)[:, None]).T), 1, atol=1e-8)
    run = ssmsym.simulate(model.field, [0.3], [0.0, 4 * np.pi / np.sqrt(3)])
    turned = model.lift(run.states)
    np.testing.assert_allclose(turned[0], turned[1], atol=1e-6)
    assert abs(run.states[1, 0] - run.states[0, 0]) == pytest.approx(2 * np.pi, abs=1e-6)


# -- the trained line attractor -----------------------------------------------------------------------------

FOLDS = (-0.017303, -0.009903, -0.003525, 0.003762, 0.010052, 0.016915)


@pytest.fixture(scope="module")
def memory():
    field = ssmsym.load(ssmsym.network_path("delay_n100_a"))
    return field, ssmsym.find_fixed_points(field)


def test_the_model_has_the_fixed_points_of_its_network(memory):
    field, points = memory
    model = ssmsym.reduce(ssmsym.slow_manifold(field, points))
    found = ssmsym.find_fixed_points(model.field)
    lifted = model.lift([p.state for p in found])
    assert len(found) == 7
    for point, state in zip(found, lifted, strict=True):
        (own,) = [p for p in points if np.linalg.norm(p.state - state) < 1e-8]
        assert point.eigenvalues[0].real == pytest.approx(own.eigenvalues[0].real, rel=1e-4)
        assert point.stable == own.stable
    start = model.lift([0.5])
    times = np.linspace(0.0, 5.0, 6)
    reduced = ssmsym.simulate(model.field, [0.5], times).states
    full = ssmsym.simulate(field, start, times, rtol=1e-10).states
    np.testing.assert_allclose(model.lift(reduced), full, atol=1e-6)


@pytest.fixture(scope="module")
def memory_family(memory):
    field, points = memory
    return ssmsym.slow_manifold(field, points, parameter="u[0]", interval=(-0.03, 0.03), values=17)


@pytest.mark.slow
def test_all_six_folds_of_the_reduced_model(memory_family):
    model = ssmsym.reduce(memory_family)
    diagram = ssmsym.branches(model, "u[0]", (-0.03, 0.03))
    folds = diagram.of_kind("fold")
    np.testing.assert_allclose([f.parameter for f in folds], FOLDS, atol=6e-7)
    np.testing.assert_allclose([f.full_parameter for f in folds], FOLDS, atol=6e-7)
    assert all(f.confirmed for f in folds)
    predicted = [f.predicted for f in memory_family.folds]
    np.testing.assert_allclose([f.parameter for f in folds], predicted, atol=1e-10)


@pytest.mark.slow
@pytest.mark.skipif(
    not os.environ.get("CI") and get_exporter("auto07p").find() is None, reason="AUTO-07p is not installed"
)
def test_auto_traces_the_same_folds(memory_family):
    model = ssmsym.reduce(memory_family)
    diagram = ssmsym.continue_in("auto07p", model, parameter="u[0]", interval=(-0.03, 0.03), timeout=300)
    predicted = [f.predicted for f in memory_family.folds]
    np.testing.assert_allclose([p.parameter for p in diagram.of_kind("fold")], predicted, atol=1e-9)
    places = [p.state[0] for p in diagram.of_kind("fold")]
    np.testing.assert_allclose(places, [f.s for f in memory_family.folds], atol=1e-5)


def test_fixed_points_beyond_the_parameters_that_are_known_are_refused():
    x, y, u = sympy.symbols("x y u")
    field = ssmsym.from_sympy({x: (u + x - x**3) / 4, y: -3 * y + x}, parameters={u: 0.0})
    family = ssmsym.slow_manifold(
        field, [[-1, -0.3], [1, 0.3]], parameter="u", interval=(-0.1, 0.1), values=5
    )
    model = ssmsym.reduce(family)
    assert len(ssmsym.find_fixed_points(model.field)) == 3
    with pytest.raises(ssmsym.InputError, match="not known"):
        ssmsym.find_fixed_points(model.field.at({"u": 2.0}))
