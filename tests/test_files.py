"""What is written and read again is the same: networks, models, fields, expressions, fixed points."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from ssmsym import (
    compute_ssm,
    find_fixed_points,
    from_sympy,
    load,
    load_model,
    network_path,
    polynomial_field,
    rate_network,
    save,
)
from ssmsym.dynamics.point_file import save_fixed_points
from ssmsym.errors import InputError, OutputError
from ssmsym.series.polynomial import Polynomial

RNG = np.random.default_rng(7)
N = 5
SHIPPED = "cdd_n100_a cdi_n100_a delay_n100_a flipflop_n100_a flipflop_n50_a ring_n100_a sine_n100_a sine_ode_n100_a"
WEIGHTS = {
    "J": RNG.standard_normal((N, N)) / np.sqrt(N),
    "B": RNG.standard_normal((N, 2)),
    "b": 0.1 * RNG.standard_normal(N),
    "W": RNG.standard_normal((3, N)),
    "c": RNG.standard_normal(3),
}
STATES = RNG.standard_normal((4, N))
U = np.array([0.3, -0.7])
SLOW_SADDLE = 0.0108  # leading eigenvalue, per tau, of the middle saddle of delay_n100_a


def network_file(path, **changes):
    np.savez(path, **{k: v for k, v in {**WEIGHTS, **changes}.items() if v is not None})
    return path


def drive():
    return WEIGHTS["B"] @ U + WEIGHTS["b"]


# -- network files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHIPPED.split())
def test_shipped_networks_load_with_their_own_numbers(name):
    path = network_path(name)
    field = load(path)
    with np.load(path) as file:
        for key in ("J", "B", "W"):
            assert np.array_equal(field.arrays[key], file[key])
        for key in ("b", "c"):
            assert np.array_equal(field.arrays[key][:, 0], file[key])
        assert field.parameters["tau"] == file["tau"]
        trained_as_map = str(file["integrator"]) == "euler"
        assert field.metadata.get("trained_step") == (file["dt"] if trained_as_map else None)
        assert list(field.conditions) == file["input_condition_names"].tolist()
        assert np.array_equal(field.metadata["trajectories"], file["trajectories"])
        x = file["initial_state"]
        expected = (-x + file["J"] @ np.tanh(x) + file["b"]) / file["tau"]
    assert field(x) == pytest.approx(expected, rel=1e-12)


def test_no_array_of_a_field_can_be_changed(tmp_path):
    field = load(network_file(tmp_path / "net.npz"))
    for array in field.arrays.values():
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        field.values["u"][0] = 1.0
    mine = WEIGHTS["J"].copy()
    field = rate_network(mine)
    before = field(STATES)
    mine[:] = 0.0
    assert np.array_equal(field(STATES), before)


@pytest.mark.parametrize(
    ("activation", "phi"),
    [
        ("tanh", np.tanh),
        ("relu", lambda v: np.maximum(v, 0)),
        ("sigmoid", lambda v: 1 / (1 + np.exp(-v))),
        ("identity", lambda v: v),
    ],
)
@pytest.mark.parametrize("form", ["state", "rate", None])
def test_form_and_activation_of_a_file(tmp_path, form, activation, phi):
    options = {} if form is None else {"form": np.array(form)}
    path = network_file(tmp_path / "net.npz", tau=np.array(2.0), activation=np.array(activation), **options)
    field = load(path).at(u=U)
    x, J = STATES.T, WEIGHTS["J"]
    right = phi(J @ x + drive()[:, None]) if form == "rate" else J @ phi(x) + drive()[:, None]
    assert field(STATES) == pytest.approx(((right - x) / 2.0).T, rel=1e-12)
    outputs = x if form == "rate" else phi(x)
    assert field.readout(STATES) == pytest.approx((WEIGHTS["W"] @ outputs).T + WEIGHTS["c"], rel=1e-12)
    assert field.time == "continuous"


def test_out_activation_of_a_file(tmp_path):
    field = load(network_file(tmp_path / "net.npz", out_activation=np.array("identity")))
    assert field.readout(STATES) == pytest.approx(STATES @ WEIGHTS["W"].T + WEIGHTS["c"], rel=1e-12)
    assert np.allclose(field(STATES), -STATES + np.tanh(STATES) @ WEIGHTS["J"].T + WEIGHTS["b"], atol=1e-13)


def test_the_least_network_file(tmp_path):
    field = load(network_file(tmp_path / "net.npz", B=None, b=None, W=None, c=None))
    assert field(STATES) == pytest.approx(-STATES + np.tanh(STATES) @ WEIGHTS["J"].T, rel=1e-12)
    assert dict(field.parameters) == {"tau": 1.0}
    assert field.n_outputs == 0


def test_time_constants_of_their_own(tmp_path):
    tau = np.linspace(0.5, 2.0, N)
    field = load(network_file(tmp_path / "net.npz", tau=tau)).at(u=U)
    expected = (-STATES + np.tanh(STATES) @ WEIGHTS["J"].T + drive()) / tau
    assert field(STATES) == pytest.approx(expected, rel=1e-12)


def test_factors_stay_factored(tmp_path):
    size = 300
    m, n = RNG.standard_normal((2, size, 2)) / np.sqrt(size)
    np.savez(tmp_path / "net.npz", m=m, n=n)
    field = load(tmp_path / "net.npz")
    assert set(field.arrays) == {"m", "n"}
    assert max(array.size for array in field.arrays.values()) == 2 * size
    (equation,) = field.equations.values()
    inner = [node for node in sp.preorder_traversal(equation) if getattr(node, "is_Matrix", False)]
    assert all(size * size != int(sp.prod(node.shape)) for node in inner if node.is_symbol)
    states = RNG.standard_normal((3, size))
    assert field(states) == pytest.approx(-states + np.tanh(states) @ (m @ n.T).T, rel=1e-11)
    save(compute_ssm(field, np.zeros(size), modes=2, order=1), tmp_path / "model.npz")
    again = load_model(tmp_path / "model.npz").field
    assert {key: value.shape for key, value in again.arrays.items()} == {"m": (size, 2), "n": (size, 2)}
    with np.load(tmp_path / "model.npz") as file:
        assert all(file[key].size <= 2 * size for key in file.files if key.startswith("field."))


@pytest.mark.parametrize("step", [None, 0.0])
def test_no_step_means_an_ode(tmp_path, step):
    changes = {} if step is None else {"dt": np.array(step)}
    path = network_file(tmp_path / "net.npz", **changes)
    assert "trained_step" not in load(path).metadata
    with pytest.raises(InputError, match="'dt'"):
        load(path, as_="map")


def test_as_a_map_it_is_the_euler_map(tmp_path):
    path = network_file(tmp_path / "net.npz", tau=np.array(0.4), dt=np.array(0.1))
    field = load(path, as_="map").at(u=U)
    expected = STATES + 0.1 / 0.4 * (-STATES + np.tanh(STATES) @ WEIGHTS["J"].T + drive())
    assert field.time == "discrete"
    assert field(STATES) == pytest.approx(expected, rel=1e-12)
    slopes = 1 - np.tanh(STATES[0]) ** 2
    assert field.jacobian(STATES[0]) == pytest.approx(
        0.75 * np.eye(N) + 0.25 * WEIGHTS["J"] * slopes, abs=1e-13
    )
    assert load(path).time == "continuous"


def test_conditions_by_name(tmp_path):
    rows = np.array([[1.0, 0.0], [0.0, -2.0]])
    path = network_file(
        tmp_path / "net.npz", input_conditions=rows, input_condition_names=np.array(["go", "stop"])
    )
    field = load(path)
    assert list(field.conditions) == ["go", "stop"]
    for name, row in zip(("go", "stop"), rows, strict=True):
        assert np.array_equal(field.at(u=name)(STATES), field.at(u=row)(STATES))
        assert dict(field.at(u=name).parameters) == {"u[0]": row[0], "u[1]": row[1], "tau": 1.0}
    unnamed = load(network_file(tmp_path / "unnamed.npz", input_conditions=rows))
    assert np.array_equal(unnamed.at(u="1").values["u"], rows[1])


def test_unknown_keys_are_kept(tmp_path):
    path = network_file(
        tmp_path / "net.npz", accuracy=np.array(0.97), author=np.array("A. Nobody"), seeds=np.arange(3)
    )
    metadata = load(path).metadata
    assert metadata["accuracy"] == 0.97
    assert metadata["author"] == "A. Nobody"
    assert metadata["seeds"].tolist() == [0, 1, 2]
    assert metadata["name"] == "net"


@pytest.mark.parametrize("key", ["trained_step", "step"])
def test_unknown_keys_take_no_part_in_the_equations(tmp_path, key):
    path = network_file(tmp_path / "net.npz", dt=np.array(0.1), **{key: np.array([0.7, 0.9])})
    assert load(path).metadata["trained_step"] == 0.1
    expected = STATES + 0.1 * (-STATES + np.tanh(STATES) @ WEIGHTS["J"].T + WEIGHTS["b"])
    assert load(path, as_="map")(STATES) == pytest.approx(expected, rel=1e-12)


# -- model files --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def middle_saddle():
    field = load(network_path("delay_n100_a"))
    points = find_fixed_points(field)
    (saddle,) = [p for p in points if abs(p.per_tau[0] - SLOW_SADDLE) < 5e-5]
    return field, saddle


def assert_same_ssm(ssm, again) -> None:
    p = np.linspace(-1.0, 1.0, 3)[:, None] * np.ones(ssm.dimension)
    mu = 1e-3 * np.ones(len(ssm.parameters)) if ssm.parameters else None
    x = ssm.lift(p, mu)
    assert np.array_equal(again.lift(p, mu), x)
    assert np.array_equal(again.project(x), ssm.project(x))
    assert np.array_equal(again.invariance_error(p, mu), ssm.invariance_error(p, mu))
    assert np.array_equal(again.field(x), ssm.field(x))
    assert np.array_equal(again.field.jacobian(x[0]), ssm.field.jacobian(x[0]))
    for name in ("eigenvalues", "spectrum", "right", "left", "parameter_values"):
        assert np.array_equal(getattr(again, name), getattr(ssm, name)), name
    for name in ("parametrization", "reduced_dynamics", "readout"):
        mine, other = getattr(ssm, name), getattr(again, name)
        assert (mine is None) == (other is None)
        if mine is not None:
            assert np.array_equal(mine.exponents, other.exponents)
            assert np.array_equal(mine.coefficients, other.coefficients)
    for name in ("modes", "order", "parameter_order", "style", "parameters"):
        assert getattr(again, name) == getattr(ssm, name)
    assert repr(again) == repr(ssm)
    assert repr(again.field) == repr(ssm.field)
    assert repr(again.fixed_point) == repr(ssm.fixed_point)
    assert dict(again.field.parameters) == dict(ssm.field.parameters)
    assert again.field.latex() == ssm.field.latex()


@pytest.mark.parametrize("parameters", [(), ("u[0]",), ("u[1]", "tau")])
def test_an_ssm_of_a_network_is_the_same_after_loading(tmp_path, middle_saddle, parameters):
    field, saddle = middle_saddle
    ssm = compute_ssm(
        field, saddle, order=4, parameters=parameters, parameter_order=2 if parameters else None
    )
    assert ssm.readout is not None
    save(ssm, tmp_path / "model.npz")
    again = load_model(tmp_path / "model.npz")
    assert_same_ssm(ssm, again)
    assert again.field.metadata["trained_step"] == field.metadata["trained_step"]
    assert np.array_equal(again.field.at(u="go").values["u"], field.at(u="go").values["u"])
    assert repr(again.evidence) == repr(ssm.evidence)


def functions_field():
    v, w, A = sp.MatrixSymbol("v", 2, 1), sp.MatrixSymbol("w", 2, 1), sp.MatrixSymbol("A", 2, 2)
    t, g = sp.symbols("t g")
    f = sp.Function("f")
    bent = sp.Lambda(t, sp.tanh(t) + sp.Rational(1, 7) * f(t))
    return from_sympy(
        {v: -v + g * A * v.applyfunc(bent), w: -3 * w + sp.HadamardProduct(v, v)},
        arrays={A: np.array([[0.2, 0.1], [0.0, -0.3]])},
        parameters={g: 0.5},
        functions={f: sp.Lambda(t, t**2 * sp.exp(-t))},
        readout=[v[0, 0], w],
    )


def test_a_field_with_functions_of_its_own_is_the_same_after_loading(tmp_path):
    field = functions_field()
    ssm = compute_ssm(field, np.zeros(4), modes=1, order=4, parameters=["g"])
    save(ssm, tmp_path / "model.npz")
    again = load_model(tmp_path / "model.npz")
    assert_same_ssm(ssm, again)
    x = np.array([0.3, -0.2, 0.1, 0.5])
    bent = np.tanh(x[:2]) + x[:2] ** 2 * np.exp(-x[:2]) / 7
    A = np.array([[0.2, 0.1], [0.0, -0.3]])
    expected = np.concatenate([-x[:2] + 0.8 * A @ bent, -3 * x[2:] + x[:2] ** 2])
    assert again.field.at(g=0.8)(x) == pytest.approx(expected, rel=1e-13)


def test_a_parameter_named_like_a_bound_variable_is_the_same_after_loading(tmp_path):
    v, d = sp.MatrixSymbol("v", 2, 1), sp.Symbol("d")
    field = from_sympy({v: -v + v.applyfunc(lambda s: d * sp.tanh(s))}, parameters={d: 0.5})
    save(compute_ssm(field, [0.0, 0.0], modes=2, order=2), tmp_path / "model.npz")
    x = np.array([0.4, -1.0])
    assert load_model(tmp_path / "model.npz").field(x) == pytest.approx(-x + 0.5 * np.tanh(x), rel=1e-14)


def test_a_reduced_model_reduced_again_is_the_same_after_loading(tmp_path):
    R = Polynomial([[1, 0], [0, 1], [2, 0], [1, 1]], [[-1.0, 0.0], [0.0, -3.5], [0.2, 1.0], [0.0, 0.5]])
    ssm = compute_ssm(polynomial_field(R), [0.0, 0.0], order=4)
    save(ssm, tmp_path / "model.npz")
    assert_same_ssm(ssm, load_model(tmp_path / "model.npz"))


def test_a_model_is_replaced_only_when_asked(tmp_path):
    x, y = sp.symbols("x y")
    path = tmp_path / "model.npz"
    for order, overwrite in ((2, False), (4, True)):
        save(
            compute_ssm(from_sympy({x: -x, y: -3 * y + x**2}), [0, 0], order=order), path, overwrite=overwrite
        )
        assert load_model(path).order == order
    with pytest.raises(OutputError, match="exists already"):
        save(load_model(path).truncated(1), path)
    assert load_model(path).order == 4
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.npz"]


# -- fixed points -------------------------------------------------------------------------------------------


def test_fixed_points_in_a_file(tmp_path):
    x, g = sp.symbols("x g")
    field = from_sympy({x: g * x - x**3}, parameters={g: 2.0})
    points = find_fixed_points(field, starts=32)
    save_fixed_points(points, tmp_path / "points.npz", parameters=field.parameters)
    with np.load(tmp_path / "points.npz", allow_pickle=False) as file:
        states = file["states"]
        assert np.sort(states[:, 0]) == pytest.approx([-np.sqrt(2), 0.0, np.sqrt(2)], abs=1e-12)
        assert file["eigenvalues"][:, 0] == pytest.approx(2.0 - 3 * states[:, 0] ** 2)
        assert file["indices"].tolist() == [int(2.0 - 3 * s**2 > 0) for s in states[:, 0]]
        assert (file["residuals"] < 1e-12).all()
        assert file["hits"].tolist() == [p.hits for p in points]
        assert file["parameter_names"].tolist() == ["g"]
        assert file["parameter_values"].tolist() == [2.0]
        assert float(file["estimated_missing"]) == points.estimated_missing
