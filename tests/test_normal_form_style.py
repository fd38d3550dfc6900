"""SSMs in normal-form and linearising style: closed forms, published coefficients, the same set as in graph style."""

import warnings

import numpy as np
import pytest
import sympy
from scipy.linalg import block_diag
from synthetic import error_slope, pair, planted_network

import ssmsym
from ssmsym.errors import InputError, ResonanceError, SsmsymWarning

x, y, z = sympy.symbols("x y z")

MASTERS = {
    "node": [[-0.05]],
    "saddle": np.diag([0.06, -0.08]),
    "pair": pair(-0.06, 0.4),
    "pair and real mode": block_diag(pair(-0.06, 0.4), [[-0.15]]),
    "two pairs": block_diag(pair(-0.06, 0.4), pair(-0.04, 0.25)),
    "Jordan block": [[-0.05, 0.5], [0.0, -0.05]],
    "Jordan block of pairs": np.block(
        [[pair(-0.05, 0.4), 0.3 * np.eye(2)], [np.zeros((2, 2)), pair(-0.05, 0.4)]]
    ),
}


def normal_form(field, state, **options):
    return ssmsym.compute_ssm(field, state, style="normal form", **options)


@pytest.mark.parametrize("parameters", [(), ("u[0]",)], ids=["no parameter", "u[0]"])
@pytest.mark.parametrize("step", [None, 0.3], ids=["flow", "map"])
@pytest.mark.parametrize("name", MASTERS)
def test_invariance_error_falls_at_order_plus_one(name, step, parameters):
    master = np.asarray(MASTERS[name])
    field, state = planted_network(master)
    if step is not None:
        field = field.discretized(step)
    order = 3 if len(master) == 4 else 4
    ssm = normal_form(field, state, modes=len(master), order=order, parameters=parameters)
    assert error_slope(ssm) == pytest.approx(order + 1, abs=0.1)


@pytest.mark.parametrize("step", [None, 0.3], ids=["flow", "map"])
@pytest.mark.parametrize("name", ["pair", "pair and real mode", "Jordan block of pairs"])
def test_both_styles_trace_the_same_set(name, step):
    """The distance between a point of one and the point of the other with the same projection falls at K + 1."""
    master = np.asarray(MASTERS[name])
    field, state = planted_network(master)
    if step is not None:
        field = field.discretized(step)
    order = 3
    graph = ssmsym.compute_ssm(field, state, modes=len(master), order=order)
    normal = normal_form(field, state, modes=len(master), order=order)
    directions = np.random.default_rng(0).standard_normal((30, len(master)))
    directions /= np.linalg.norm(directions, axis=1)[:, None]

    def distance(radius):
        states = normal.lift(radius * directions)
        return np.linalg.norm(states - graph.lift(graph.project(states)), axis=1).max()

    radius = 0.05
    assert np.log2(distance(radius) / distance(radius / 2)) == pytest.approx(order + 1, abs=0.25)
    assert (
        np.abs(normal.reduced_dynamics.coefficients).sum() < np.abs(graph.reduced_dynamics.coefficients).sum()
    )


def test_only_resonant_terms_stay():
    field, state = planted_network(pair(-0.03, 0.4))
    ssm = normal_form(field, state, modes=2, order=7)
    form = ssmsym.complex_form(ssm)
    powers = form.exponents[np.abs(form.coefficients[:, 0]) > 0]
    assert {tuple(p) for p in powers.tolist()} == {(1, 0), (2, 1), (3, 2), (4, 3)}
    assert ssm.inner_tolerance == pytest.approx(0.2)


# -- closed forms -------------------------------------------------------------------------------------------


def test_the_logistic_equation_is_linearised_exactly():
    """x' = x^2 - x becomes p' = -p under x = p / (1 + p)."""
    ssm = ssmsym.compute_ssm(ssmsym.from_sympy({x: x**2 - x}), [0.0], modes=1, order=8, style="linearising")
    np.testing.assert_allclose(ssm.parametrization.coefficients[1:, 0], (-1.0) ** np.arange(8), atol=1e-12)
    np.testing.assert_allclose(ssm.reduced_dynamics.coefficients[:, 0], [0, -1, *[0] * 7], atol=1e-14)


def test_the_logistic_map_at_two_is_linearised_exactly():
    """x -> 2 x (1 - x) becomes p -> 2 p under x = (1 - exp(-2 p)) / 2 (Schroeder 1870)."""
    field = ssmsym.from_sympy({x: 2 * x * (1 - x)}, time="discrete")
    ssm = ssmsym.compute_ssm(field, [0.0], modes=1, order=7, style="linearising")
    wanted = [0] + [-((-2.0) ** k) / (2 * sympy.factorial(k)) for k in range(1, 8)]
    np.testing.assert_allclose(ssm.parametrization.coefficients[:, 0], np.array(wanted, float), atol=1e-12)
    np.testing.assert_allclose(ssm.reduced_dynamics.coefficients[:, 0], [0, 2, *[0] * 6], atol=1e-13)


def test_a_known_normal_form_is_found_again_through_a_change_of_coordinates():
    """w' = (a + i) w + (b + 2i) w |w|^2 seen in w = v + 0.3 v^2: its cubic coefficient is an invariant."""
    a, b = 0.02, -0.7
    u, v = sympy.symbols("u v", real=True)
    old = (u + sympy.I * v) + sympy.Rational(3, 10) * (u + sympy.I * v) ** 2
    rate = (a + sympy.I) * old + (b + 2 * sympy.I) * old * (old * sympy.conjugate(old))
    velocity = sympy.expand_complex(rate / (1 + sympy.Rational(6, 10) * (u + sympy.I * v)))
    field = ssmsym.from_sympy({u: sympy.re(velocity), v: sympy.im(velocity)})
    form = ssmsym.complex_form(normal_form(field, [0.0, 0.0], modes=2, order=3))
    # v = (1, -i) / sqrt 2 has unit length, so u + i v = sqrt 2 z and the coefficient doubles
    assert form.coefficient(0, (2, 1)) == pytest.approx(2 * (b + 2j), abs=1e-10)
    assert form.coefficient(0, (1, 0)) == pytest.approx(a + 1j, abs=1e-12)


def test_parameter_dependence_of_a_hopf_normal_form():
    """z' = (mu + i (1 + mu)) z - z |z|^2 with a shifted fixed point: lambda(mu) is read off R."""
    mu = sympy.Symbol("mu")
    u, v = x - mu / 5, y + mu**2 / 7
    field = ssmsym.from_sympy(
        {
            x: mu * u - (1 + mu) * v - u * (u**2 + v**2),
            y: (1 + mu) * u + mu * v - v * (u**2 + v**2),
        },
        parameters={mu: 0.0},
    )
    ssm = normal_form(field, [0.0, 0.0], modes=2, order=4, parameters=["mu"], parameter_order=2)
    form = ssmsym.complex_form(ssm)
    assert form.coefficient(0, (1, 0, 1)) == pytest.approx(1 + 1j, abs=1e-12)
    assert form.coefficient(0, (1, 0, 2)) == pytest.approx(0, abs=1e-12)
    assert form.coefficient(0, (2, 1, 0)) == pytest.approx(-2, abs=1e-12)
    for n in (1, 2):
        assert form.coefficient(0, (0, 0, n)) == 0  # the fixed point has gone into W
    np.testing.assert_allclose(ssm.lift([0.0, 0.0], [0.1]), [0.1 / 5, -(0.1**2) / 7], atol=1e-12)


# -- published coefficients ---------------------------------------------------------------------------------


def cubic(equations, state):
    ssm = normal_form(ssmsym.from_sympy(equations), state, modes=2, order=3)
    return ssm, ssmsym.complex_form(ssm).coefficient(0, (2, 1))


def test_matcont_adaptx():
    """B1: Re c1 = -3/10 at alpha = beta = 1 with |q| = 1."""
    _, c1 = cubic({x: y, y: z, z: -z - y - x + x**2}, [0.0] * 3)
    assert c1 == pytest.approx(-0.3 - 0.34444444j, abs=1e-8)


def test_shaw_pierre():
    """B7: 0.0270643i with unit eigenvectors."""
    x1, v1, x2, v2 = sympy.symbols("x1 v1 x2 v2")
    c, k, kappa = sympy.Rational(3, 100), 3, sympy.Rational(1, 2)
    equations = {
        x1: v1,
        x2: v2,
        v1: -c * (2 * v1 - v2) - k * (2 * x1 - x2) - kappa * x1**3,
        v2: -c * (2 * v2 - v1) - k * (2 * x2 - x1),
    }
    ssm, value = cubic(equations, [0.0] * 4)
    assert value == pytest.approx(0.0270643j, abs=5e-8)
    assert ssm.eigenvalues[0] == pytest.approx(-0.0150 + 1.7320j, abs=5e-5)


def test_oscillator_about_its_well():
    """B8: 0.05006 - 4.2459i where the eigenvector's first entry is 1."""
    ssm, value = cubic({x: y, y: x - x**3 - y / 10}, [1.0, 0.0])
    first = abs(ssm.right[0, 0] + 1j * ssm.right[0, 1]) / np.sqrt(2)
    assert value / first**2 == pytest.approx(0.05006 - 4.2459j, abs=2e-5)


def test_two_tanh_units():
    """A11: z' = (a - 1 + ib) z - (a + ib) / 4 z |z|^2 in z = x1 + i x2, sqrt 2 times the unit one."""
    a, b = sympy.Rational(11, 10), sympy.Rational(7, 10)
    _, value = cubic(
        {x: -x + a * sympy.tanh(x) - b * sympy.tanh(y), y: -y + b * sympy.tanh(x) + a * sympy.tanh(y)},
        [0.0, 0.0],
    )
    assert value == pytest.approx(-2 * (1.1 + 0.7j) / 4, abs=1e-10)


def test_lorenz_hopf_is_subcritical():
    """B5: at rho = 470 / 19, omega 9.6245301, the first Lyapunov coefficient is positive."""
    sigma, beta, rho = 10, sympy.Rational(8, 3), sympy.Rational(470, 19)
    s = float(sympy.sqrt(beta * (rho - 1)))
    equations = {x: sigma * (y - x), y: rho * x - y - x * z, z: x * y - beta * z}
    state = np.array([s, s, float(rho - 1)])
    ssm, value = cubic(equations, ssmsym.refine_fixed_point(ssmsym.from_sympy(equations), state))
    assert ssm.eigenvalues[0].imag == pytest.approx(9.6245301, abs=1e-6)
    assert value.real > 0


# -- what the style loses, and what it refuses -------------------------------------------------------------


def test_a_lost_neighbour_is_a_warning():
    """x' = x / 10 - x^3 / 30 has fixed points at +-sqrt 3, which p' = p / 10 has not."""
    field = ssmsym.from_sympy({x: x / 10 - x**3 / 30, y: -y})
    with pytest.warns(SsmsymWarning, match="lost 2 fixed point"):
        normal_form(field, [0.0, 0.0], modes=1, order=5, inner_tolerance=0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ssm = normal_form(field, [0.0, 0.0], modes=1, order=5)  # without a pair every term stays
    np.testing.assert_allclose(
        ssm.reduced_dynamics.coefficients[:, 0], [0, 0.1, 0, -1 / 30, 0, 0], atol=1e-14
    )


def test_an_inner_resonance_refuses_the_linearising_style():
    field = ssmsym.from_sympy({x: -x, y: -2 * y + x**2, z: -7 * z})
    with pytest.raises(ResonanceError, match="2 λ0 = λ1") as caught:
        ssmsym.compute_ssm(field, [0.0] * 3, modes=2, order=3, style="linearising")
    assert (caught.value.degree, caught.value.combination) == (2, (2, 0))


def test_wrong_options_are_refused():
    field = ssmsym.from_sympy({x: -x, y: -3 * y + x**2})
    with pytest.raises(InputError, match="'inner_tolerance' belongs to"):
        ssmsym.compute_ssm(field, [0.0, 0.0], inner_tolerance=0.1)
    for wrong in (-1.0, np.inf, np.nan):
        with pytest.raises(InputError, match="finite number of at least 0"):
            normal_form(field, [0.0, 0.0], inner_tolerance=wrong)
    with pytest.raises(InputError, match="'style' is one of"):
        ssmsym.compute_ssm(field, [0.0, 0.0], style="polar")


# -- use ----------------------------------------------------------------------------------------------------


def test_project_inverts_lift(tmp_path):
    field, state = planted_network(pair(-0.06, 0.4))
    ssm = normal_form(field, state, modes=2, order=5)
    p = 0.2 * np.random.default_rng(0).standard_normal((7, 2))
    np.testing.assert_allclose(ssm.project(ssm.lift(p)), p, atol=1e-12)
    np.testing.assert_allclose(ssm.project(ssm.lift(p[0])), p[0], atol=1e-12)
    ssmsym.save(ssm, tmp_path / "model.npz")
    again = ssmsym.load_model(tmp_path / "model.npz")
    assert (again.style, again.inner_tolerance) == ("normal form", ssm.inner_tolerance)
    np.testing.assert_array_equal(again.project(ssm.lift(p)), ssm.project(ssm.lift(p)))
    model = ssmsym.reduce(ssm)
    np.testing.assert_allclose(model.project(model.lift(p)), p, atol=1e-12)


def test_a_state_without_reduced_coordinates_is_an_error():
    """To order 2 the logistic equation has W(p) = p - p^2, which never exceeds 1/4."""
    ssm = ssmsym.compute_ssm(ssmsym.from_sympy({x: x**2 - x}), [0.0], modes=1, order=2, style="linearising")
    np.testing.assert_allclose(ssm.project([0.24]), [0.4], atol=1e-12)
    with pytest.raises(ssmsym.NotConvergedError, match="where the expansion is not to be trusted"):
        ssm.project([1.0])


def test_amplitude_and_phase_of_a_hopf_normal_form():
    """A13 up to degree 5: r' = mu r + a r^3 - r^5, theta' = omega + b r^2."""
    mu, a, omega, b = 0.05, 1.0, 1.0, 0.5
    square = x**2 + y**2
    growth = mu + a * square - square**2
    turning = omega + b * square
    field = ssmsym.from_sympy({x: growth * x - turning * y, y: turning * x + growth * y})
    polar = ssmsym.polar_form(normal_form(field, [0.0, 0.0], modes=2, order=5))
    r = sympy.Symbol("r", positive=True)
    theta = sympy.Symbol("theta", real=True)
    assert set(polar) == {r, theta}
    # the unit eigenvector is (1, -i) / sqrt 2, so the amplitude here is the model's over sqrt 2
    radius = np.linspace(0.1, 0.8, 5)
    full = np.sqrt(2) * radius
    found = [float(polar[r].subs(r, value)) for value in radius]
    np.testing.assert_allclose(found, (mu * full + a * full**3 - full**5) / np.sqrt(2), atol=1e-10)
    found = [float(polar[theta].subs(r, value)) for value in radius]
    np.testing.assert_allclose(found, omega + b * full**2, atol=1e-10)


@pytest.mark.parametrize("style", ["graph", "normal form"])
def test_views_say_what_the_real_equations_say(style):
    field, state = planted_network(block_diag(pair(-0.06, 0.4), [[-0.15]]))
    ssm = ssmsym.compute_ssm(field, state, modes=3, order=4, parameters=["u[0]"], style=style)
    form, polar = ssmsym.complex_form(ssm), ssmsym.polar_form(ssm)
    p, offset = np.array([0.2, -0.3, 0.1]), 0.05
    velocity = ssm.reduced_dynamics(np.append(p, offset))
    z1 = (p[0] - 1j * p[1]) / np.sqrt(2)
    values = dict(zip(form.variables, (z1, np.conj(z1), p[2], offset), strict=True))
    equations = {str(s): complex(e.subs(values)) for s, e in form.equations.items()}
    wanted = (velocity[0] - 1j * velocity[1]) / np.sqrt(2)
    assert equations["z"] == pytest.approx(wanted, abs=1e-13)
    assert equations["y"] == pytest.approx(velocity[2], abs=1e-13)
    numbers = {"r": abs(z1), "theta": np.angle(z1), "y": p[2], "delta_u[0]": offset}
    rates = {str(s): float(e.subs({v: numbers[str(v)] for v in e.free_symbols})) for s, e in polar.items()}
    turned = wanted * np.exp(-1j * np.angle(z1))
    assert rates["r"] == pytest.approx(turned.real, abs=1e-13)
    assert rates["theta"] == pytest.approx(turned.imag / abs(z1), abs=1e-12)
    assert rates["y"] == pytest.approx(velocity[2], abs=1e-13)


def test_views_refuse_what_they_cannot_show():
    field, state = planted_network([[-0.05, 0.5], [0.0, -0.05]])
    with pytest.raises(InputError, match="form a cluster"):
        ssmsym.complex_form(ssmsym.compute_ssm(field, state, modes=2, order=3))
    field, state = planted_network([[-0.05]])
    with pytest.raises(InputError, match="no complex pair"):
        ssmsym.polar_form(ssmsym.compute_ssm(field, state, modes=1, order=3))


# -- published Hopf points with their coefficients (MatCont's convention: |q| = 1, not divided by omega) -----


def hopf_coefficient(field, parameter, interval, value):
    """The Hopf point nearest to a value, its frequency and Re c1 from the normal form there."""
    found = ssmsym.branches(field, parameter, interval, starts=64).of_kind("hopf")
    point = min(found, key=lambda p: abs(p.parameter - value))
    member = field.at({parameter: point.parameter})
    refined = ssmsym.refine_fixed_point(member, point.state)
    form = ssmsym.complex_form(normal_form(member, refined, modes=2, order=3))
    return point.parameter, form.coefficient(0, (1, 0)).imag, form.coefficient(0, (2, 1)).real


def test_fast_morris_lecar():
    """B2: Hopf at y = 0.0756588, omega = 1.894304, Re c1 = 8.239."""
    v, w, current = sympy.symbols("v w y")
    m = (1 + sympy.tanh((v + 0.01) / 0.15)) / 2
    w_inf = (1 + sympy.tanh((v - 0.1) / 0.145)) / 2
    tau = sympy.cosh((v - 0.1) / 0.29)
    field = ssmsym.from_sympy(
        {v: current - (v + 0.5) / 2 - 2 * w * (v + 0.7) - m * (v - 1), w: 1.15 * (w_inf - w) * tau},
        parameters={current: 0.08},
    )
    value, omega, c1 = hopf_coefficient(field, "y", (0.06, 0.09), 0.0756588)
    assert value == pytest.approx(0.0756588, abs=5e-7)
    assert omega == pytest.approx(1.894304, abs=5e-6)
    assert c1 == pytest.approx(8.239, abs=5e-3)


@pytest.mark.parametrize(
    ("wanted", "omega", "c1"), [(1.0515575, 0.0507403, 10.701), (1.0409916, 0.0591061, 4.3314)]
)
def test_co_oxidation(wanted, omega, c1):
    """B3: both Hopf points in q2."""
    q2, s = sympy.symbols("q2 s")
    free = 1 - x - y - s
    field = ssmsym.from_sympy(
        {
            x: 5 * free**2 - 2 * x**2 - 10 * x * y,
            y: q2 * free - y / 10 - 10 * x * y,
            s: 0.0675 * (free - 0.4 * s),
        },
        parameters={q2: 1.05},
    )
    value, frequency, coefficient = hopf_coefficient(field, "q2", (1.02, 1.08), wanted)
    assert value == pytest.approx(wanted, abs=5e-7)
    assert frequency == pytest.approx(omega, abs=5e-7)
    assert coefficient == pytest.approx(c1, rel=1e-4)


def test_charney_devore():
    """B4: Hopf at z1* = 7.7043112 with omega = 3.6347634, Re c1 = -8.63691."""
    z1, z2, z3, z4, z5, z6, drive = sympy.symbols("z1 z2 z3 z4 z5 z6 drive")
    b, beta, gamma, damping = 0.5, 1.25, 1.0, 0.1
    root, pi = np.sqrt(2), np.pi

    def coefficients(m):
        a = 8 * root / pi * m**2 / (4 * m**2 - 1) * (b**2 + m**2 - 1) / (b**2 + m**2)
        own = gamma * 4 * m**3 / (4 * m**2 - 1) * root * b / (pi * (b**2 + m**2))
        return {
            "a": a,
            "b": beta * b**2 / (b**2 + m**2),
            "d": 64 * root / (15 * pi) * (b**2 - m**2 + 1) / (b**2 + m**2),
            "star": gamma * 4 * m / (4 * m**2 - 1) * root * b / pi,
            "g": own,
        }

    one, two = coefficients(1), coefficients(2)
    e = 16 * root / (5 * pi)
    field = ssmsym.from_sympy(
        {
            z1: one["star"] * z3 - damping * (z1 - drive),
            z2: -(one["a"] * z1 - one["b"]) * z3 - damping * z2 - one["d"] * z4 * z6,
            z3: (one["a"] * z1 - one["b"]) * z2 - one["g"] * z1 - damping * z3 + one["d"] * z4 * z5,
            z4: two["star"] * z6 - damping * (z4 + 0.4 * drive) + e * (z2 * z6 - z3 * z5),
            z5: -(two["a"] * z1 - two["b"]) * z6 - damping * z5 - two["d"] * z4 * z3,
            z6: (two["a"] * z1 - two["b"]) * z5 - two["g"] * z4 - damping * z6 + two["d"] * z4 * z2,
        },
        parameters={drive: 7.7},
    )
    value, omega, c1 = hopf_coefficient(field, "drive", (7.5, 7.9), 7.7043112)
    assert value == pytest.approx(7.7043112, abs=5e-7)
    assert omega == pytest.approx(3.6347634, abs=5e-6)
    assert c1 == pytest.approx(-8.63691, abs=5e-4)
