"""Fits held against analytic SSMs: true ones, wrong ones, and ones that the data cannot decide."""

import json

import numpy as np
import pytest
import sympy
from scipy.integrate import solve_ivp
from synthetic import pair, planted_network

import ssmsym
from ssmsym.data.comparison import compare, verdict
from ssmsym.data.coordinates import extended, project_ssm, recentring
from ssmsym.data.fit import fit_ssm
from ssmsym.data.fit_file import load_fit, save_fit
from ssmsym.errors import InputError
from ssmsym.series.polynomial import Polynomial


def run(field, starts, times):
    """Trajectories of the full field, by an integrator that knows nothing of manifolds."""
    return np.array(
        [
            solve_ivp(
                lambda _, x: field(x),
                (0, times[-1]),
                x0,
                method="DOP853",
                t_eval=times,
                rtol=1e-10,
                atol=1e-12,
            ).y.T
            for x0 in starts
        ]
    )


@pytest.fixture(scope="module")
def network():
    return ssmsym.load(ssmsym.network_path("delay_n100_a"))


def middle_saddle(field):
    saddles = [point for point in ssmsym.find_fixed_points(field) if point.index == 1]
    return min(saddles, key=lambda point: point.eigenvalues[0].real)


@pytest.fixture(scope="module")
def saddle(network):
    return middle_saddle(network)


@pytest.fixture(scope="module")
def ssm(network, saddle):
    assert saddle.eigenvalues[0].real == pytest.approx(0.108, abs=1e-3)
    return ssmsym.compute_ssm(network, saddle, modes=1, order=9)


TIMES = np.arange(0, 20.01, 0.1)


@pytest.fixture(scope="module")
def data(network, ssm):
    return run(network, ssm.lift([[-0.08], [0.05], [0.09], [-0.05]]), TIMES)


@pytest.fixture(scope="module")
def fit(data, saddle):
    return fit_ssm(data, TIMES, dim=1, order=5, centre=saddle.state)


def changed(network, J):
    return ssmsym.rate_network(J, B=network.arrays["B"], b=network.arrays["b"], tau=network.parameters["tau"])


@pytest.fixture(scope="module")
def perturbed(network):
    """Every weight changed by 5 %."""
    J = network.arrays["J"]
    return changed(network, J * (1 + 0.05 * np.random.default_rng(0).standard_normal(J.shape)))


def relative_differences(found, truth, size):
    """Differences of the coefficients of degree 1, 2, ..., each times the largest |eta|^k of the data, over the
    largest such effect of the truth."""
    effect = size ** np.arange(1, len(truth) + 1)
    return np.linalg.norm(found - truth, axis=1) * effect / (np.linalg.norm(truth, axis=1) * effect).max()


# -- the true fit -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("order", "samples", "reach"), [(3, 101, 0.25), (4, 101, 0.25), (5, 201, 0.7)])
@pytest.mark.parametrize("derivative", ["central", "local", "integral"])
def test_coefficients_near_the_saddle(order, samples, reach, derivative, data, ssm, saddle):
    """With T = U the fit's coordinates are the SSM's own: nothing of the comparison is used."""
    fit = fit_ssm(
        data[:, :samples],
        TIMES[:samples],
        dim=1,
        order=order,
        centre=saddle.state,
        projection=ssm.left,
        derivative=derivative,
    )
    size = np.abs(fit.eta).max()
    assert 0.9 * reach < size < 1.1 * reach
    found, truth = fit.reduced_dynamics.coefficients, ssm.reduced_dynamics.coefficients
    assert relative_differences(found[:3], truth[1:4], size).max() < 1e-3
    found, truth = fit.parametrization.coefficients, ssm.parametrization.coefficients
    assert relative_differences(found[1:4], truth[1:4], size).max() < 1e-3


def test_fit_of_its_own_network_is_true(fit, ssm):
    found = compare(fit, ssm, tolerance=1e-3)
    assert found.verdict == "true fit"
    low = [c for c in found.coefficients if c.degree <= 3]
    assert max(c.difference for c in low) < 1e-6
    assert max(abs(c.truncation) for c in low) > 1e-7
    assert all(c.verdict == "agrees" and c.determined for c in found.coefficients)
    assert found.eigenvalues[0].fitted.real == pytest.approx(ssm.eigenvalues[0].real, rel=1e-6)
    assert found.law.verdict == "agrees"
    assert found.inside == 1.0
    assert found.field_error < 1e-5
    assert found.trajectory_error_fitted < 1e-5
    assert found.trajectory_error_analytic < 1e-5
    (zero,) = found.fixed_points
    assert zero.distance < 1e-9


def test_centre_beside_the_fixed_point(data, ssm):
    """With the mean of the data as centre, the fit must find the fixed point by itself."""
    fit = fit_ssm(data, TIMES, dim=1, order=5, tangent=ssm.right)
    found = compare(fit, ssm, tolerance=1e-3)
    assert np.abs(found.fixed_point).max() > 1e-3
    assert found.verdict == "true fit"
    (zero,) = found.fixed_points
    assert zero.fitted == pytest.approx(zero.analytic, abs=1e-6)
    assert zero.distance < 1e-6


def test_low_order_fit_far_out_is_true_because_truncation_is_known(network, ssm, saddle):
    """Order 3 out to |p| = 1.5: the Taylor coefficient is missed by 12 %, what order 3 can find is not."""
    data = run(network, ssm.lift([[-0.4], [0.3], [0.5], [-0.2]]), TIMES)
    fit = fit_ssm(data, TIMES, dim=1, order=3, centre=saddle.state, projection=ssm.left)
    found = compare(fit, ssm.truncated(3), tolerance=3e-2)
    cubic = next(c for c in found.coefficients if c.quantity == "R" and c.exponents == (3,))
    assert abs(cubic.fitted / cubic.analytic - 1) > 0.1
    assert cubic.fitted == pytest.approx(cubic.analytic + cubic.truncation, rel=5e-3)
    assert found.verdict == "true fit"


@pytest.mark.parametrize("master", [np.diag([0.1, -0.08]), pair(0.05, 0.8)], ids=["saddle", "focus"])
def test_two_coordinates(master):
    field, state = planted_network(master, n=30)
    ssm = ssmsym.compute_ssm(field, state, modes=2, order=7)
    angles = np.linspace(0, 2 * np.pi, 9)[:-1]
    starts = 0.1 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    times = np.arange(0, 8.01, 0.1)
    fit = fit_ssm(run(field, ssm.lift(starts), times), times, dim=2, order=4, centre=state)
    found = compare(fit, ssm, tolerance=1e-3)
    assert found.verdict == "true fit"
    assert [n.fitted for n in found.eigenvalues] == pytest.approx(list(ssm.eigenvalues), abs=1e-5)
    assert len(repr(found).splitlines()) <= 40
    other, moved = planted_network(1.05 * master, n=30)
    assert moved == pytest.approx(state)
    wrong = compare(fit, ssmsym.compute_ssm(other, moved, modes=2, order=7))
    assert wrong.verdict == "wrong fit"
    assert all(n.verdict == "differs" for n in wrong.eigenvalues)


def test_comparison_after_loading(fit, ssm, tmp_path):
    save_fit(fit, tmp_path / "fit.npz")
    ssmsym.save(ssm, tmp_path / "model.npz")
    again = compare(load_fit(tmp_path / "fit.npz"), ssmsym.load_model(tmp_path / "model.npz"))
    assert repr(again) == repr(compare(fit, ssm))


def test_parameters_of_the_ssm_stay_at_their_values(fit, network, saddle):
    with_input = ssmsym.compute_ssm(network, saddle, modes=1, order=5, parameters=["u[0]"], parameter_order=2)
    assert compare(fit, with_input, tolerance=1e-3).verdict == "true fit"


# -- the wrong fit ------------------------------------------------------------------------------------------


def test_fit_against_a_perturbed_network_is_wrong(fit, perturbed):
    other = ssmsym.compute_ssm(perturbed, middle_saddle(perturbed), modes=1, order=9)
    found = compare(fit, other)
    assert found.verdict == "wrong fit"
    assert found.law.verdict == "differs"
    assert found.eigenvalues[0].verdict == "differs"
    linear = next(c for c in found.coefficients if c.quantity == "R" and c.exponents == (1,))
    assert linear.verdict == "differs"
    assert found.trajectory_error_analytic > 100 * found.trajectory_error_fitted


def test_fit_to_a_perturbed_network_is_wrong(perturbed, ssm):
    saddle = middle_saddle(perturbed)
    own = ssmsym.compute_ssm(perturbed, saddle, modes=1, order=9)
    times = TIMES[:151]
    data = run(perturbed, own.lift([[-0.08], [0.05], [0.09], [-0.05]]), times)
    fit = fit_ssm(data, times, dim=1, order=5, centre=saddle.state)
    assert compare(fit, own).verdict == "true fit"
    assert compare(fit, ssm).verdict == "wrong fit"


def test_another_eigenvalue_is_wrong(fit, network, data, saddle):
    """Weights grown by 0.2 % move the eigenvalue by 19 % and hardly anything else."""
    stronger = changed(network, 1.002 * network.arrays["J"])
    found = compare(fit, ssmsym.compute_ssm(stronger, middle_saddle(stronger), modes=1, order=9))
    assert found.verdict == "wrong fit"
    differing = [c for c in found.coefficients if c.verdict == "differs"]
    assert [(c.quantity, c.exponents) for c in differing] == [("R", (1,))]
    assert found.eigenvalues[0].difference > 0.1


def test_other_trained_network_is_wrong(fit, saddle):
    other = ssmsym.load(ssmsym.network_path("ring_n100_a"))
    points = ssmsym.find_fixed_points(other, starts=64)
    near = min(points, key=lambda p: np.linalg.norm(p.state - saddle.state))
    assert compare(fit, ssmsym.compute_ssm(other, near, modes=1, order=5)).verdict == "wrong fit"


def test_wrong_clock_is_wrong(data, ssm, saddle):
    fit = fit_ssm(data, 1.03 * TIMES, dim=1, order=5, centre=saddle.state)
    found = compare(fit, ssm)
    assert found.verdict == "wrong fit"
    assert found.eigenvalues[0].verdict == "differs"
    assert all(c.verdict == "agrees" for c in found.coefficients if c.quantity == "W")


# -- undetermined -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("derivative", ["central", "local", "integral"])
@pytest.mark.parametrize("noise", [3e-3, 3e-2])
def test_noise_leaves_it_undetermined(noise, derivative, data, ssm, saddle):
    for seed in range(4):
        noisy = data + noise * np.random.default_rng(seed).standard_normal(data.shape)
        fit = fit_ssm(noisy, TIMES, dim=1, order=5, centre=saddle.state, derivative=derivative)
        found = compare(fit, ssm)
        assert found.verdict == "undetermined"
        assert all(c.verdict != "differs" for c in found.coefficients)


def test_enough_noisy_data_decide(data, ssm, saddle, perturbed):
    """A lower order asks less of the data: at the same noise the same verdicts as without."""
    noisy = data + 1e-4 * np.random.default_rng(0).standard_normal(data.shape)
    fit = fit_ssm(noisy, TIMES, dim=1, order=3, centre=saddle.state, derivative="local")
    assert compare(fit, ssm, tolerance=2e-2).verdict == "true fit"
    other = ssmsym.compute_ssm(perturbed, middle_saddle(perturbed), modes=1, order=7)
    assert compare(fit, other, tolerance=2e-2).verdict == "wrong fit"


def test_few_noisy_samples_are_undetermined(data, ssm, saddle):
    few = data[:1, 60:75] + 1e-5 * np.random.default_rng(0).standard_normal((1, 15, 100))
    found = compare(fit_ssm(few, TIMES[60:75], dim=1, order=3, centre=saddle.state), ssm)
    assert found.verdict == "undetermined"
    assert any(c.quantity == "R" and not c.determined for c in found.coefficients)


def test_as_many_equations_as_coefficients_are_undetermined(data, ssm, saddle):
    fit = fit_ssm(data[:1, :11], TIMES[:11], dim=1, order=5, centre=saddle.state)
    found = compare(fit, ssm)
    assert found.verdict == "undetermined"
    assert all(not c.determined for c in found.coefficients if c.quantity == "R" and c.degree)


def test_coarse_sampling_is_undetermined_not_wrong():
    """Five samples a period: central differences err by far more than the residuals show."""
    field, state = planted_network(pair(0.05, 0.8), n=30)
    ssm = ssmsym.compute_ssm(field, state, modes=2, order=5)
    times = np.arange(0, 30, 1.6)
    data = run(field, ssm.lift([[0.02, 0.0], [0.0, 0.03]]), times)
    found = compare(fit_ssm(data, times, dim=2, order=2, centre=state, projection=ssm.left), ssm)
    assert found.eigenvalues[0].difference > 0.01
    assert found.verdict == "undetermined"


def test_ridge_is_undetermined_not_wrong(data, ssm, saddle):
    fit = fit_ssm(data, TIMES, dim=1, order=3, centre=saddle.state, ridge=10.0)
    found = compare(fit, ssm)
    assert max(c.difference for c in found.coefficients) > 0.01
    assert found.verdict == "undetermined"


def test_words():
    assert verdict(0.02, 0.005, 0.01) == "differs"
    assert verdict(0.008, 0.005, 0.01) == "agrees"
    assert verdict(0.012, 0.005, 0.01) == "undetermined"
    assert verdict(0.0, 0.02, 0.01) == "undetermined"
    assert verdict(1.0, np.inf, 0.01) == "undetermined"


# -- coordinates --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("order", [3, 5])
def test_ssm_in_skewed_coordinates(d, order):
    """eta = T^T (W(p) - c) evaluated at points: both maps agree there up to the order of truncation."""
    field, state = planted_network(np.diag([0.1, -0.2])[:d, :d], n=20)
    ssm = ssmsym.compute_ssm(field, state, modes=d, order=order)
    rng = np.random.default_rng(3)
    T = ssm.left + 0.5 * rng.standard_normal(ssm.left.shape)
    centre = state + 0.1 * rng.standard_normal(20)
    projected = project_ssm(ssm, centre, T)
    assert projected.eta == pytest.approx(T.T @ (state - centre), abs=1e-12)
    radius = {3: 0.02, 5: 0.1}[order]
    unit = rng.standard_normal((30, d))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)

    def errors(distance):
        p = distance * unit
        states = ssm.lift(p)
        xi = (states - centre) @ T - projected.eta
        DW = ssm.parametrization.jacobian(p)
        rates = np.einsum("nij,nj->ni", DW, ssm.reduced_dynamics(p)) @ T
        return (
            np.abs(projected.reduced_dynamics(xi) - rates).max(),
            np.abs(projected.parametrization(xi) - states).max(),
        )

    for small, large in zip(errors(0.5 * radius), errors(radius), strict=True):
        assert large > 1e-12
        assert order + 0.7 < np.log2(large / small) < order + 3
    assert project_ssm(ssm, state, ssm.left).reduced_dynamics.coefficients == pytest.approx(
        ssm.reduced_dynamics.coefficients, abs=1e-10
    )


def test_parabola_in_skewed_coordinates_by_hand():
    x, y = sympy.symbols("x y")
    field = ssmsym.from_sympy({x: -x, y: -5.5 * y + x**2})
    ssm = ssmsym.compute_ssm(field, [0.0, 0.0], modes=1, order=3)
    # eta = x + k x^2 with k = 2 / 3.5; eta' = -(eta + k eta^2 - 2 k^2 eta^3)
    k = 2 / 3.5
    projected = project_ssm(ssm, [0.0, 0.0], [[1.0], [2.0]])
    assert projected.reduced_dynamics.coefficients[:, 0] == pytest.approx([0, -1, -k, 2 * k**2])
    assert projected.parametrization.coefficients[:, 0] == pytest.approx([0, 1, -k, 2 * k**2])


def test_recentring_is_an_exact_shift():
    rng = np.random.default_rng(0)
    polynomial = Polynomial.identity(2) * 0.5 + Polynomial(
        [[0, 0], [2, 1], [0, 3]], rng.standard_normal((3, 2))
    )
    origin = np.array([0.4, -1.3])
    coefficients = recentring(polynomial.exponents, origin) @ polynomial.coefficients
    points = rng.standard_normal((5, 2))
    powers = [(i, k - i) for k in range(4) for i in range(k, -1, -1)]
    for point, value in zip(points, polynomial(points), strict=True):
        xi = point - origin
        terms = np.array([xi[0] ** i * xi[1] ** j for i, j in powers])
        assert terms @ coefficients == pytest.approx(value)


# -- limits and refusals ------------------------------------------------------------------------------------


def test_resonance_limits_the_comparison():
    """y' = -3 y + x^3 resonates at degree 3: degrees 0 to 2 are compared, the fit's third is not."""
    x, y = sympy.symbols("x y")
    field = ssmsym.from_sympy({x: -x, y: -3 * y + x**2 + x**3})
    ssm = ssmsym.compute_ssm(field, [0.0, 0.0], modes=1, order=2)
    assert extended(ssm, 7).order == 2
    times = np.arange(0, 4, 0.1)
    data = run(field, [[0.05, 0.0025], [-0.05, 0.0025]], times)
    found = compare(fit_ssm(data, times, dim=1, order=3, centre=[0, 0], projection=[[1.0], [0.0]]), ssm)
    assert found.analytic_order == 2
    assert max(c.degree for c in found.coefficients) == 2


def test_json_and_table(fit, ssm, perturbed):
    wrong = compare(fit, ssmsym.compute_ssm(perturbed, middle_saddle(perturbed), modes=1, order=5))
    for found in (compare(fit, ssm), wrong):
        table = repr(found)
        assert table.startswith(f"Comparison: {found.verdict}\n")
        assert "0.01" in table
        assert max(map(len, table.splitlines())) <= 120
        record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        assert record["verdict"] == found.verdict
        assert record["coefficients"][1]["fitted"] == found.coefficients[1].fitted
        assert record["eigenvalues"][0]["analytic"] == [found.eigenvalues[0].analytic.real, 0.0]


def test_what_cannot_be_compared(fit, ssm, network, saddle):
    plane = ssmsym.compute_ssm(network, saddle, modes=3, order=2)
    with pytest.raises(InputError, match="1 coordinates, the SSM 3"):
        compare(fit, plane)
    small, state = planted_network([[-0.1]], n=20)
    with pytest.raises(InputError, match="100 states, the SSM 20"):
        compare(fit, ssmsym.compute_ssm(small, state, modes=1, order=2))
    with pytest.raises(InputError, match=r"a map's; .* as a flow"):
        compare(fit, ssmsym.compute_ssm(network.discretized(0.02), saddle, modes=1, order=2))
    for tolerance in (0.0, 1.0, np.nan):
        with pytest.raises(InputError, match="'tolerance'"):
            compare(fit, ssm, tolerance=tolerance)
    for degree in (0, 6, 1.5):
        with pytest.raises(InputError, match="'degree'"):
            compare(fit, ssm, degree=degree)


def test_projection_that_does_not_see_the_manifold(ssm, saddle):
    blind = np.eye(100)[:, :1] - ssm.right @ (ssm.right.T @ np.eye(100)[:, :1])
    with pytest.raises(InputError, match="does not see the SSM's tangent space"):
        project_ssm(ssm, saddle.state, blind)
    with pytest.raises(InputError, match=r"centre \(100,\) and a projection \(100, 1\)"):
        project_ssm(ssm, saddle.state[:5], blind)
