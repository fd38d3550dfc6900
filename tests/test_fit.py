"""Fits to trajectories against systems whose manifolds and reduced dynamics are known in closed form."""

import dataclasses

import numpy as np
import pytest

from ssmsym.data.derivatives import METHODS, noise_level, rate_equations
from ssmsym.data.fit import fit_ssm
from ssmsym.data.fit_file import load_fit, save_fit
from ssmsym.data.trajectories import Trajectories, load_trajectories, save_trajectories
from ssmsym.errors import FileFormatError, InputError, OutputError

TIMES = np.arange(0, 6.001, 0.05)
MU, LAM = -0.4, -3.0
RNG = np.random.default_rng(5)
CURVE = RNG.standard_normal((3, 5))  # x = c + a s + b s^2 + c s^3
CENTRE = RNG.standard_normal(5)


def parabola_data(starts=(1.0, -0.8)):
    """x' = mu x, y' = lam (y - x^2) on y = lam / (lam - 2 mu) x^2."""
    x = np.array(starts)[:, None] * np.exp(MU * TIMES)
    return np.stack([x, LAM / (LAM - 2 * MU) * x**2], axis=2)


def logistic(starts, times=TIMES):
    """s' = s - s^3."""
    s0 = np.array(starts)[:, None]
    return s0 * np.exp(times) / np.sqrt(1 + s0**2 * (np.exp(2 * times) - 1))


def dual(curve):
    """T with T.a = 1 and T.b = T.c = 0: eta = s."""
    return np.linalg.pinv(curve)[:, :1]


def curve_data(starts=(0.05, -0.1, 1.6)):
    s = logistic(starts)[..., None]
    return CENTRE + (s ** np.arange(1, 4)) @ CURVE


GROWTH, OMEGA, SHEAR, HEIGHT = 0.3, 1.2, 0.4, 0.7


def stuart_landau_data(starts=((0.05, 0.0), (1.0, 2.0))):
    """r' = mu r - r^3, theta' = omega + b r^2, z = a r^2."""
    out = []
    for r0, theta0 in starts:
        grown = (GROWTH - r0**2 + r0**2 * np.exp(2 * GROWTH * TIMES)) / GROWTH
        r = r0 * np.exp(GROWTH * TIMES) / np.sqrt(grown)
        theta = theta0 + OMEGA * TIMES + SHEAR * 0.5 * np.log(grown)
        out.append(np.stack([r * np.cos(theta), r * np.sin(theta), HEIGHT * r**2], axis=1))
    return np.array(out)


def coefficients(polynomial):
    return {
        tuple(m): row
        for m, row in zip(polynomial.exponents.tolist(), polynomial.coefficients.tolist(), strict=True)
    }


# -- closed forms -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("derivative", METHODS)
def test_global_parabola(derivative):
    fit = fit_ssm(
        parabola_data(),
        TIMES,
        dim=1,
        order=4,
        centre=[0, 0],
        projection=[[1.0], [0.0]],
        derivative=derivative,
        window=7,
    )
    expected = np.array([MU, 0, 0, 0])
    assert fit.reduced_dynamics.coefficients[:, 0] == pytest.approx(expected, abs=1e-6)
    height = LAM / (LAM - 2 * MU)
    W = np.array([[0, 0], [1, 0], [0, height], [0, 0], [0, 0]])
    assert fit.parametrization.coefficients == pytest.approx(W, abs=1e-11)
    assert fit.tangent == pytest.approx(np.array([[1.0], [0.0]]), abs=1e-11)
    assert fit.reconstruction_error < 1e-13


def test_parabola_seen_from_a_skewed_direction():
    # eta = x + 0.2 h x^2 =: x + k x^2, so that eta' = mu (x + 2 k x^2) = mu (eta + k eta^2 - 2 k^2 eta^3 + ...)
    fit = fit_ssm(
        parabola_data((0.04, -0.04)), TIMES, dim=1, order=5, centre=[0, 0], projection=[[1.0], [0.2]]
    )
    k = 0.2 * LAM / (LAM - 2 * MU)
    found = fit.reduced_dynamics.coefficients[:3, 0] / MU
    assert found == pytest.approx([1, k, -2 * k**2], abs=1e-4)
    assert found[:2] == pytest.approx([1, k], abs=1e-7)


@pytest.mark.parametrize(("derivative", "accuracy"), [("central", 1e-4), ("local", 2e-3), ("integral", 1e-4)])
def test_curve_in_five_dimensions(derivative, accuracy):
    fit = fit_ssm(
        curve_data(),
        TIMES,
        dim=1,
        order=3,
        centre=CENTRE,
        projection=dual(CURVE),
        derivative=derivative,
        window=7,
    )
    assert fit.reduced_dynamics.coefficients[:, 0] == pytest.approx([1, 0, -1], abs=accuracy)
    assert fit.parametrization.coefficients == pytest.approx(np.vstack([CENTRE, CURVE]), abs=1e-10)
    assert fit.lift([0.7]) == pytest.approx(CENTRE + 0.7 ** np.arange(1, 4) @ CURVE, abs=1e-10)
    assert fit.project(fit.lift([[0.7], [-0.2]])) == pytest.approx(np.array([[0.7], [-0.2]]), abs=1e-10)
    assert fit.field(np.array([0.5])) == pytest.approx([0.5 - 0.125], abs=accuracy)


def test_order_of_central_differences():
    """The error of the coefficients falls with the sixth power of the sampling step."""

    def error(step):
        times = np.arange(0, 4.8001, step)
        s = logistic((0.1, -0.2), times)[..., None]
        states = (s ** np.arange(1, 4)) @ CURVE
        fit = fit_ssm(states, times, dim=1, order=3, centre=np.zeros(5), projection=dual(CURVE))
        return np.abs(fit.reduced_dynamics.coefficients[:, 0] - [1, 0, -1]).max()

    slope = np.log2(error(0.2) / error(0.1))
    assert 5.3 < slope < 7.5


def test_uneven_sampling():
    times = np.sort(np.random.default_rng(1).uniform(0, 6, 90))
    s = logistic((0.1, -0.2, 1.5), times)[..., None]
    fit = fit_ssm(
        (s ** np.arange(1, 4)) @ CURVE, times, dim=1, order=3, centre=np.zeros(5), projection=dual(CURVE)
    )
    assert fit.reduced_dynamics.coefficients[:, 0] == pytest.approx([1, 0, -1], abs=1e-4)


@pytest.mark.parametrize("derivative", ["central", "integral"])
def test_stuart_landau(derivative):
    fit = fit_ssm(
        stuart_landau_data(),
        TIMES,
        dim=2,
        order=3,
        centre=np.zeros(3),
        projection=np.eye(3)[:, :2],
        derivative=derivative,
    )
    b = SHEAR
    truth = {
        (1, 0): [GROWTH, OMEGA],
        (0, 1): [-OMEGA, GROWTH],
        (3, 0): [-1, b],
        (2, 1): [-b, -1],
        (1, 2): [-1, b],
        (0, 3): [-b, -1],
    }
    for exponents, found in coefficients(fit.reduced_dynamics).items():
        assert found == pytest.approx(truth.get(exponents, [0, 0]), abs=1e-4), exponents
    heights = {m: row[2] for m, row in coefficients(fit.parametrization).items()}
    for exponents, found in heights.items():
        assert found == pytest.approx(HEIGHT * (exponents in ((2, 0), (0, 2))), abs=1e-10), exponents
    assert fit.eta_range.shape == (2, 2)


def test_principal_components_and_the_mean_as_centre():
    """Without hints the fit finds its own coordinates; the flow that it describes is the same."""
    fit = fit_ssm(
        stuart_landau_data(((0.3, 0.0), (0.5, 2.0), (0.8, 4.0))), TIMES, dim=2, order=5, derivative="central"
    )
    assert not fit.anchored
    assert fit.projection.T @ fit.projection == pytest.approx(np.eye(2), abs=1e-12)
    assert fit.projection.T @ fit.tangent == pytest.approx(np.eye(2), abs=1e-8)
    x = stuart_landau_data(((0.45, 1.0),))[0]
    r2 = x[:, 0] ** 2 + x[:, 1] ** 2
    velocity = np.stack(
        [
            GROWTH * x[:, 0] - OMEGA * x[:, 1] - r2 * (x[:, 0] + SHEAR * x[:, 1]),
            OMEGA * x[:, 0] + GROWTH * x[:, 1] - r2 * (x[:, 1] - SHEAR * x[:, 0]),
            HEIGHT * 2 * r2 * (GROWTH - r2),
        ],
        axis=1,
    )
    error = fit.reduced_dynamics(fit.project(x)) - velocity @ fit.projection
    assert np.abs(error).max() < 1e-3 * np.abs(velocity).max()


def test_tangent_gives_the_orthogonal_projection():
    data = curve_data()
    fit = fit_ssm(data, TIMES, dim=1, order=3, centre=CENTRE, tangent=2 * CURVE[:1].T)
    a = CURVE[0]
    assert fit.projection[:, 0] == pytest.approx(a / (2 * a @ a), abs=1e-12)


def test_ridge_draws_only_higher_terms():
    plain, drawn = (
        fit_ssm(curve_data(), TIMES, dim=1, order=3, centre=CENTRE, projection=dual(CURVE), ridge=r)
        for r in (0.0, 10.0)
    )
    assert abs(drawn.reduced_dynamics.coefficients[2, 0]) < 0.1
    assert plain.reduced_dynamics.coefficients[2, 0] == pytest.approx(-1, abs=1e-4)
    assert drawn.projection.T @ drawn.tangent == pytest.approx(np.eye(1), abs=1e-12)
    bias = drawn.dynamics_fit.coefficients - plain.dynamics_fit.coefficients
    assert drawn.dynamics_fit.shifts[1] == pytest.approx(bias)
    assert (drawn.dynamics_fit.systematic >= np.abs(bias) * (1 - 1e-9)).all()


# -- uncertainty --------------------------------------------------------------------------------------------


def test_standard_errors_are_the_scatter_of_repeated_fits():
    data = curve_data()
    rng = np.random.default_rng(0)
    found, claimed, levels = [], [], []
    for _ in range(60):
        noisy = data + 1e-3 * rng.standard_normal(data.shape)
        fit = fit_ssm(noisy, TIMES, dim=1, order=3, centre=CENTRE, projection=dual(CURVE))
        found.append(fit.parametrization_fit.coefficients)
        claimed.append(fit.parametrization_fit.standard_errors)
        levels.append(fit.noise)
    assert np.mean(levels, axis=0) == pytest.approx(np.full(5, 1e-3), rel=0.05)
    seen = ~np.isclose(np.std(found, axis=0), 0, atol=1e-7)
    ratio = (np.std(found, axis=0) / np.mean(claimed, axis=0))[seen]
    assert 0.6 < np.exp(np.mean(np.log(ratio))) < 1.4


def test_two_coordinates_that_always_move_together_are_undetermined():
    s = logistic((0.1, 0.3))
    states = np.stack([s, s, s**2], axis=2)
    fit = fit_ssm(states, TIMES, dim=2, order=2, centre=np.zeros(3), projection=np.eye(3)[:, :2])
    assert fit.condition_numbers["reduced_dynamics"] == np.inf
    assert np.isinf(fit.dynamics_fit.standard_errors).all()
    first, second = fit.reduced_dynamics.coefficients[:2]
    assert first == pytest.approx(second)


def test_noise_bias_is_announced():
    data = curve_data((0.05, -0.1, 1.6, 0.2, -0.4, -1.5))
    noisy = data + 0.05 * np.random.default_rng(2).standard_normal(data.shape)
    clean, found = (
        fit_ssm(x, TIMES, dim=1, order=3, centre=CENTRE, projection=dual(CURVE)) for x in (data, noisy)
    )
    assert clean.dynamics_fit.systematic.max() < 1e-3
    error = np.abs(found.dynamics_fit.coefficients[:, 0] - [1, 0, -1])
    allowed = found.dynamics_fit.systematic[:, 0] + 4 * found.dynamics_fit.standard_errors[:, 0]
    assert (error < allowed).all()
    assert error.max() > 5e-3


def test_rate_equations_are_exact_for_polynomials():
    times = np.sort(np.random.default_rng(0).uniform(0, 3, 30))
    for method, degree in (("central", 6), ("local", 4), ("integral", 6)):
        equations = rate_equations(times, method)
        c = np.random.default_rng(1).standard_normal(degree + 1)
        values, slopes = np.polyval(c, times), np.polyval(np.polyder(c), equations.states @ times)
        if method == "integral":
            slopes = np.polyval(np.polyder(c), times)
        assert equations.states @ values == pytest.approx(
            np.polyval(c, equations.states @ times), rel=1e-9, abs=1e-9
        )
        if method == "integral":  # the slope has degree 5, within reach of the seven-point rule
            assert equations.changes @ values == pytest.approx(values[6:] - values[:-6])
        assert equations.changes @ values == pytest.approx(equations.weights @ slopes, rel=1e-7, abs=1e-7)


def test_noise_level_of_a_smooth_signal():
    rng = np.random.default_rng(0)
    times = np.arange(0, 20, 0.1)
    clean = np.stack([np.sin(times), np.exp(-times)], axis=1)[None]
    assert noise_level(clean).max() < 1e-6
    noisy = clean + np.array([0.01, 0.1]) * rng.standard_normal((20, 200, 2))
    assert noise_level(noisy) == pytest.approx([0.01, 0.1], rel=0.05)


# -- files --------------------------------------------------------------------------------------------------


def test_fit_file_round_trip(tmp_path):
    data = Trajectories(curve_data(), TIMES, {"parameters": np.arange(3.0)[:, None]})
    fit = fit_ssm(data, dim=1, order=3, derivative="local", ridge=1e-9)
    save_fit(fit, tmp_path / "fit.npz")
    back = load_fit(tmp_path / "fit.npz")
    assert repr(back) == repr(fit)
    assert back.lift([0.3]) == pytest.approx(fit.lift([0.3]), abs=0)
    assert (back.dynamics_fit.standard_errors == fit.dynamics_fit.standard_errors).all()
    assert back.trajectories.metadata["parameters"].tolist() == [[0], [1], [2]]
    assert (back.anchored, back.window, back.ridge) == (fit.anchored, fit.window, fit.ridge)
    with pytest.raises(OutputError, match="exists"):
        save_fit(fit, tmp_path / "fit.npz")
    with pytest.raises(dataclasses.FrozenInstanceError):
        back.order = 2
    with pytest.raises(ValueError, match="read-only"):
        fit.centre[0] = 1


def test_damaged_fit_files_are_refused(tmp_path):
    fit = fit_ssm(curve_data(), TIMES, dim=1, order=3)
    save_fit(fit, tmp_path / "fit.npz")
    arrays = dict(np.load(tmp_path / "fit.npz"))
    for name, change, message in (
        ("lacking", {"times": None}, "lacks or garbles 'times'"),
        ("wrong", {"centre": np.zeros(4)}, r"'centre' has shape \(4,\), not \(5,\)"),
        ("other", {"header": np.array('{"format": "x", "version": 1}')}, "no file of a fit"),
        ("new", {"header": np.array('{"format": "ssmsym-fit", "version": 9}')}, "version 9"),
    ):
        changed = {k: v for k, v in {**arrays, **change}.items() if v is not None}
        np.savez(tmp_path / name, **changed)
        with pytest.raises(FileFormatError, match=message):
            load_fit(tmp_path / f"{name}.npz")


def test_trajectory_file_round_trip(tmp_path):
    data = Trajectories(curve_data(), TIMES, {"names": np.array(["a", "b"])})
    save_trajectories(data, tmp_path / "data.npz")
    back = load_trajectories(tmp_path / "data.npz")
    assert (back.states == data.states).all()
    assert (back.times == data.times).all()
    assert back.metadata["names"].tolist() == ["a", "b"]
    assert repr(back) == "Trajectories(3 of 121 samples of 5 state variables, times 0 to 6)"
    with pytest.raises(InputError, match="must not be called times"):
        save_trajectories(Trajectories(curve_data(), TIMES, {"times": TIMES}), tmp_path / "x.npz")


def test_network_file_as_trajectories():
    import ssmsym

    data = load_trajectories(ssmsym.network_path("delay_n100_a"))
    assert (len(data), data.n_states) == (8, 100)


def test_bad_trajectory_files_are_refused(tmp_path):
    np.savez(tmp_path / "none.npz", times=TIMES)
    with pytest.raises(FileFormatError, match="holds no 'trajectories'; found 'times'"):
        load_trajectories(tmp_path / "none.npz")
    np.savez(tmp_path / "short.npz", trajectories=curve_data(), times=TIMES[:-1])
    with pytest.raises(FileFormatError, match=r"short.npz.*need times of shape \(121,\); found \(120,\)"):
        load_trajectories(tmp_path / "short.npz")


# -- refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "times", "message"),
    [
        (np.zeros(3), TIMES, r"shape \(n, M, N\)"),
        (np.zeros((2, 0, 3)), [], r"shape \(n, M, N\)"),
        (np.zeros((2, 4, 3)), [0, 1, 2], r"need times of shape \(4,\); found \(3,\)"),
        (np.zeros((2, 3, 3)), [0, 1, 1], r"times\[1\] = 1 is followed by 1"),
        (np.zeros((2, 3, 3)), [0, np.nan, 1], "times hold values that are not finite"),
        ([[[1.0], [np.nan], [0.0]]], [0, 1, 2], "first in trajectory 0, sample 1, state variable 0"),
        ([[[1.0], [np.inf], [0.0]]], [0, 1, 2], "not finite"),
        ([[[1.0], [2.0]], [[1.0]]], [0, 1], "without ragged rows"),
        (np.array([[["a"]]]), [0], "real numbers"),
        (np.ones((1, 3, 2), dtype=complex), [0, 1, 2], "real numbers"),
    ],
)
def test_wrong_trajectories(states, times, message):
    with pytest.raises(InputError, match=message):
        Trajectories(states, times)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 6}, r"'dim' must be an integer from 1 to .* \(5\); found 6"),
        ({"dim": 0}, "'dim'"),
        ({"order": 0}, "'order' must be an integer of at least 1; found 0"),
        ({"order": 1.5}, "'order'"),
        ({"ridge": -1.0}, "'ridge'"),
        ({"derivative": "magic"}, "'central', 'local', 'integral'; found 'magic'"),
        ({"window": 4}, "odd number"),
        ({"window": 123}, "odd number"),
        ({"centre": np.zeros(4)}, r"'centre' must be 5 finite numbers; found an array of shape \(4,\)"),
        ({"centre": [np.nan] * 5}, "'centre'"),
        ({"tangent": np.ones((5, 2))}, r"'tangent' must be finite of shape \(5, 1\); found \(5, 2\)"),
        ({"projection": np.zeros((5, 1))}, "linearly dependent"),
        ({"projection": np.ones((5, 1)), "tangent": np.ones((5, 1))}, "either"),
        ({"order": 116}, "117 coefficients cannot be fitted to 115 samples"),
    ],
)
def test_wrong_options(options, message):
    data = curve_data((0.1,))
    with pytest.raises(InputError, match=message):
        fit_ssm(data, TIMES, **{"dim": 1, "order": 3, **options})


def test_data_without_the_asked_dimension():
    s = logistic((0.1, 0.3))
    with pytest.raises(InputError, match="span fewer than 2 directions"):
        fit_ssm(np.stack([s, 2 * s], axis=2), TIMES, dim=2, order=1)
    with pytest.raises(InputError, match="nothing to fit"):
        fit_ssm(np.ones((1, 9, 2)), np.arange(9), dim=1, order=1, centre=[1, 1])


def test_times_are_given_once():
    data = Trajectories(curve_data(), TIMES)
    with pytest.raises(InputError, match="has its own"):
        fit_ssm(data, TIMES, dim=1, order=2)
    with pytest.raises(InputError, match="'times' are needed"):
        fit_ssm(curve_data(), dim=1, order=2)
    with pytest.raises(InputError, match="at least 3 samples"):
        fit_ssm(curve_data()[:, :2], TIMES[:2], dim=1, order=1)
