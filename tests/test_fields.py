"""Fields made from matrix expressions and as rate networks: values, Jacobians, parameters, texts."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import sympy as sp

from ssmsym import from_sympy, rate_network
from ssmsym.errors import InputError
from ssmsym.series.elementary import ACTIVATIONS

N = 5
PHI = {  # written so that complex arguments work
    "tanh": np.tanh,
    "logistic": lambda v: 1 / (1 + np.exp(-v)),
    "sigmoid": lambda v: 1 / (1 + np.exp(-v)),
    "relu": lambda v: v * (np.real(v) > 0),
    "softplus": lambda v: np.log(1 + np.exp(v)),
    "gelu": lambda v: v * (1 + scipy.special.erf(v / np.sqrt(2))) / 2,
    "silu": lambda v: v / (1 + np.exp(-v)),
    "swish": lambda v: v / (1 + np.exp(-v)),
    "erf": scipy.special.erf,
    "sin": np.sin,
    "exp": np.exp,
    "arctan": np.arctan,
    "identity": lambda v: v,
    "linear": lambda v: v,
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def complex_step(formula, x: np.ndarray) -> np.ndarray:
    """Derivative of a formula that accepts complex states, exact to rounding."""
    h = 1e-30
    columns = [np.imag(formula(x + 1j * h * e)) / h for e in np.eye(len(x))]
    return np.array(columns).T


def assert_close(found, wanted, rtol: float = 1e-13) -> None:
    wanted = np.asarray(wanted)
    assert np.shape(found) == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=0, atol=rtol * max(1e-300, np.abs(wanted).max()))


def assert_field_is(field, formula, states: np.ndarray) -> None:
    """Values and Jacobians, one state and many, dense and matrix-free, against one plain formula."""
    assert_close(field(states), [formula(x) for x in states])
    assert_close(field(states[0]), formula(states[0]))
    derivatives = np.array([complex_step(formula, x) for x in states])
    assert_close(field.jacobian(states[0]), derivatives[0])
    assert_close(np.broadcast_to(field.jacobian(states), derivatives.shape), derivatives)
    operator = field.jacobian_operator(states[1])
    identity = np.eye(field.n_states)
    assert_close(operator @ identity, derivatives[1])
    assert_close(operator @ identity[:, 0], derivatives[1][:, 0])


def columns(*names_and_rows):
    return [sp.MatrixSymbol(name, rows, 1) for name, rows in names_and_rows]


def squares(names: str, n: int = N):
    return [sp.MatrixSymbol(name, n, n) for name in names.split()]


# -- rate networks -----------------------------------------------------------------------------------------


def network_arrays(rng):
    J, B, b = rng.standard_normal((N, N)), rng.standard_normal((N, 2)), rng.standard_normal(N)
    return J, B, b, np.array([0.3, -0.7])


@pytest.mark.parametrize("form", ["state", "rate"])
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_rate_network_of_every_activation(rng, form, activation):
    J, B, b, u = network_arrays(rng)
    field = rate_network(J, B=B, b=b, u=u, tau=0.4, gain=1.3, activation=activation, form=form)

    def formula(x):
        phi = PHI[activation]
        if form == "state":
            return (-x + J @ phi(1.3 * x) + B @ u + b) / 0.4
        return (-x + phi(1.3 * (J @ x + B @ u + b))) / 0.4

    assert field.n_states == N
    assert field.time == "continuous"
    assert_field_is(field, formula, 0.8 * rng.standard_normal((4, N)))


@pytest.mark.parametrize("form", ["state", "rate"])
@pytest.mark.parametrize("options", ["plain", "vector tau", "low rank", "low rank, vector tau"])
def test_rate_network_variants(rng, form, options):
    J, _, b, _ = network_arrays(rng)
    tau = rng.uniform(0.2, 2.0, N) if "vector tau" in options else 1.0
    m, n = rng.standard_normal((N, 2)), rng.standard_normal((N, 2))
    low_rank = "low rank" in options
    weights = m @ n.T if low_rank else J
    field = rate_network((m, n) if low_rank else J, b=b, tau=tau, form=form)

    def formula(x):
        right = weights @ np.tanh(x) + b if form == "state" else np.tanh(weights @ x + b)
        return (right - x) / tau

    assert_field_is(field, formula, rng.standard_normal((3, N)))
    assert ("J" in field.arrays) != low_rank  # factors stay factored
    assert ("tau" in field.parameters) == ("vector tau" not in options)


def test_readouts_of_both_forms(rng):
    J, _, _, _ = network_arrays(rng)
    W, c, x = rng.standard_normal((2, N)), rng.standard_normal(2), rng.standard_normal((3, N))
    state = rate_network(J, W=W, c=c)
    rate = rate_network(J, W=W, c=c, form="rate")
    other = rate_network(J, W=W, form="rate", out_activation="logistic")
    assert_close(state.readout(x), np.tanh(x) @ W.T + c)
    assert_close(state.readout(x[0]), W @ np.tanh(x[0]) + c)
    assert_close(rate.readout(x), x @ W.T + c)
    assert_close(other.readout(x), (1 / (1 + np.exp(-x))) @ W.T)
    assert state.n_outputs == 2


def test_parameters_are_named_and_have_values(rng):
    J, B, b, u = network_arrays(rng)
    field = rate_network(J, B=B, b=b, u=u, tau=0.4, gain=1.3)
    assert dict(field.parameters) == {"g": 1.3, "u[0]": 0.3, "u[1]": -0.7, "tau": 0.4}


# -- matrix expressions ------------------------------------------------------------------------------------


def test_expression_with_user_functions(rng):
    (x, a), (J, K), t = columns(("x", N), ("a", N)), squares("J K"), sp.Symbol("t")
    f, g = sp.Function("f"), sp.Lambda(t, sp.sin(t) * t)
    expression = (
        -x + J * x.applyfunc(f) + sp.HadamardProduct(K * x, x.applyfunc(g)) - sp.HadamardProduct(a, x, x)
    )
    A, B, c = rng.standard_normal((N, N)), rng.standard_normal((N, N)), rng.standard_normal(N)
    field = from_sympy(
        {x: expression}, arrays={J: A, K: B, a: c}, functions={f: sp.Lambda(t, sp.tanh(t) / (1 + t**2))}
    )

    def formula(v):
        return -v + A @ (np.tanh(v) / (1 + v**2)) + (B @ v) * np.sin(v) * v - c * v**2

    assert_field_is(field, formula, rng.standard_normal((4, N)))


X, G = sp.MatrixSymbol("x", N, 1), sp.Symbol("g")
J_, K_, M_ = squares("J K M")
PHI_X = X.applyfunc(sp.tanh)
MATRIX_CASES = {
    "transposed": (J_.T * PHI_X, lambda v, J, K, M: J.T @ np.tanh(v)),
    "masked": (sp.HadamardProduct(J_, M_) * X, lambda v, J, K, M: (J * M) @ v),
    "masked, transposed": (sp.HadamardProduct(J_, M_).T * PHI_X, lambda v, J, K, M: (J * M).T @ np.tanh(v)),
    "sum with a parameter": ((J_ + G * K_) * PHI_X, lambda v, J, K, M: (J + 0.7 * K) @ np.tanh(v)),
    "sum, transposed": (-X + (J_ + G * K_).T * PHI_X, lambda v, J, K, M: -v + (J + 0.7 * K).T @ np.tanh(v)),
    "masked sum": (sp.HadamardProduct(M_, J_ + G * K_) * X, lambda v, J, K, M: (M * (J + 0.7 * K)) @ v),
    "product": (J_ * K_ * PHI_X, lambda v, J, K, M: J @ K @ np.tanh(v)),
    "two layers": (J_ * (K_ * X).applyfunc(sp.tanh) - 2 * X, lambda v, J, K, M: J @ np.tanh(K @ v) - 2 * v),
    "explicit diagonal": (sp.diag(*[G] * N) * X - sp.Identity(N) * X, lambda v, J, K, M: (0.7 - 1) * v),
    "diagonal of a vector": (sp.DiagMatrix(PHI_X) * J_ * X, lambda v, J, K, M: np.tanh(v) * (J @ v)),
    "powers": (sp.HadamardPower(X, 3) + sp.OneMatrix(N, 1), lambda v, J, K, M: v**3 + 1),
    "bilinear": (X * (X.T * J_ * X), lambda v, J, K, M: v * (v @ J @ v)),
    "norm": (J_ * PHI_X * (X.T * X) / G, lambda v, J, K, M: J @ np.tanh(v) * (v @ v) / 0.7),
}


@pytest.mark.parametrize("case", MATRIX_CASES)
def test_matrices_transposed_masked_summed_and_scaled(rng, case):
    expression, formula = MATRIX_CASES[case]
    arrays = {s: rng.standard_normal((N, N)) for s in (J_, K_, M_)}
    field = from_sympy({X: expression}, arrays=arrays, parameters={G: 0.7})
    assert_field_is(field, lambda v: formula(v, *arrays.values()), rng.standard_normal((3, N)))


def test_bilinear_forms_beside_scalars(rng):
    (x, n), (Q,), s = columns(("x", N), ("n", N)), squares("Q"), sp.Symbol("s")
    A, c = rng.standard_normal((N, N)), rng.standard_normal(N)
    right = (x.T * Q * x)[0, 0] - s + s**2 * (n.T * x.applyfunc(sp.tanh))[0, 0]
    field = from_sympy({x: -x + s * n, s: right}, arrays={Q: A, n: c})

    def formula(v):
        y, z = v[:N], v[N]
        return np.concatenate([-y + z * c, [y @ A @ y - z + z**2 * (c @ np.tanh(y))]])

    assert_field_is(field, formula, rng.standard_normal((3, N + 1)))


def test_lorenz_from_scalars(rng):
    x, y, z, sigma, rho, beta = sp.symbols("x y z sigma rho beta")
    equations = {x: sigma * (y - x), y: x * (rho - z) - y, z: x * y - beta * z}
    field = from_sympy(equations, parameters={sigma: 10.0, rho: 28.0, beta: 8 / 3})

    def formula(v):
        return np.array([10 * (v[1] - v[0]), v[0] * (28 - v[2]) - v[1], v[0] * v[1] - 8 / 3 * v[2]])

    assert field.block_names == ("x", "y", "z")
    assert_field_is(field, formula, 10 * rng.standard_normal((4, 3)))


def test_vector_and_scalar_blocks_keep_their_declared_order(rng):
    (x, m, n), s = columns(("x", 3), ("m", 3), ("n", 3)), sp.Symbol("s")
    M, K = rng.standard_normal(3), rng.standard_normal(3)
    equations = {s: -s + (n.T * x.applyfunc(sp.tanh))[0, 0], x: -x + s * m}
    field = from_sympy(equations, arrays={m: M, n: K})

    def formula(v):
        return np.concatenate([[-v[0] + K @ np.tanh(v[1:])], -v[1:] + v[0] * M])

    assert field.block_names == ("s", "x")
    assert_field_is(field, formula, rng.standard_normal((3, 4)))


def test_explicit_matrices_with_parameters_and_states(rng):
    (x,), a, b = columns(("x", 2)), *sp.symbols("a b")
    rotation = sp.Matrix([[a, -b], [b, a]])
    field = from_sympy({x: -x + rotation * x.applyfunc(sp.tanh)}, parameters={a: 1.2, b: 0.5})
    states = rng.standard_normal((3, 2))
    R = np.array([[1.2, -0.5], [0.5, 1.2]])
    assert_field_is(field, lambda v: -v + R @ np.tanh(v), states)
    varying = from_sympy({x: sp.Matrix([[a, x[0, 0]], [0, x[1, 0] ** 2]]) * x}, parameters={a: 1.2})
    assert_field_is(varying, lambda v: np.array([1.2 * v[0] + v[0] * v[1], v[1] ** 3]), states)
    column = from_sympy({x: sp.Matrix([x[1, 0], sp.sin(x[0, 0]) - a])}, parameters={a: 1.2})
    assert_field_is(column, lambda v: np.array([v[1], np.sin(v[0]) - 1.2]), states)


@pytest.mark.parametrize(("power", "slope"), [(2.0, 0.0), (3.0, 0.0), (sp.Rational(3, 2), 0.0), (1.0, 1.0)])
def test_jacobian_of_powers_at_zero(power, slope):
    x = sp.Symbol("x")
    assert from_sympy({x: x**power}).jacobian([0.0]).tolist() == [[slope]]


def test_a_constant_equation_has_zero_jacobian():
    x, y = sp.symbols("x y")
    field = from_sympy({x: sp.Integer(1), y: x})
    assert field.jacobian([3.0, 4.0]).tolist() == [[0, 0], [1, 0]]
    assert field(np.zeros((4, 2))).tolist() == [[1, 0]] * 4


def named_function(name: str, value):
    """A user's SymPy function with a numeric value and no other property."""
    return type(name, (sp.Function,), {"_imp_": staticmethod(value)})


@pytest.mark.parametrize(
    ("functions", "wanted"),
    [
        ([named_function("f", np.tanh), named_function("f", np.sin)], np.tanh(1.0) + np.sin(1.0)),
        ([named_function("relu", lambda v: v + 5.0)], 6.0),
    ],
    ids=["two of one name", "name of a built-in"],
)
def test_functions_are_not_mistaken_for_others_of_the_same_name(functions, wanted):
    x = sp.Symbol("x")
    try:
        value = from_sympy({x: sum(f(x) for f in functions)})([1.0])
    except InputError as refusal:
        assert f"'{functions[0].__name__}'" in str(refusal)  # noqa: PT017  (either outcome is right)
    else:
        assert_close(value, [wanted])


def test_complex_values_are_not_cut_to_their_real_part():
    x = sp.Symbol("x")
    try:
        value = from_sympy({x: sp.LambertW(x)})([-1.0])  # -0.318 + 1.337 i
    except (InputError, ArithmeticError):
        return
    assert np.isnan(value).all()


# -- changed copies ----------------------------------------------------------------------------------------


@pytest.fixture
def task(rng):
    """A network with inputs and named conditions, and its formula."""
    J, B, b, u = network_arrays(rng)
    conditions = {"left": {"u": [1.0, 0.0]}, "right": {"u": [0.0, 1.0]}}
    field = rate_network(J, B=B, b=b, u=u, tau=0.4, gain=1.3, conditions=conditions)

    def formula(x, u=u, tau=0.4, g=1.3):
        return (-x + J @ np.tanh(g * x) + B @ np.asarray(u) + b) / tau

    return field, formula


def test_at_sets_vectors_entries_conditions_and_scalars(task, rng):
    field, formula = task
    x = rng.standard_normal(N)
    assert_close(field.at(u=[0.1, 0.2])(x), formula(x, u=[0.1, 0.2]))
    assert_close(field.at({"u[1]": 0.5})(x), formula(x, u=[0.3, 0.5]))
    assert_close(field.at({"u[1]": 0.5, "u[0]": -1.0, "tau": 2.0})(x), formula(x, u=[-1.0, 0.5], tau=2.0))
    assert_close(field.at(u="right")(x), formula(x, u=[0.0, 1.0]))
    assert_close(field.at(g=0.3)(x), formula(x, g=0.3))
    assert_close(field(x), formula(x))  # the original is as it was
    assert field.parameters["u[1]"] == -0.7


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_along_is_the_straight_path_between_settings(task, rng, weight):
    field, formula = task
    x = rng.standard_normal(N)
    path = field.along("context", {"u": "left", "tau": 0.4}, {"u": [0.2, 0.6], "tau": 1.0})
    u, tau = [1 - 0.8 * weight, 0.6 * weight], 0.4 + 0.6 * weight
    moved = path.at(context=weight)
    assert_close(moved(x), formula(x, u=u, tau=tau))
    assert_close(moved(x), field.at(u=u, tau=tau)(x))
    assert_close(moved.jacobian(x), complex_step(lambda v: formula(v, u=u, tau=tau), x))
    assert set(path.parameters) == {"g", "context"}
    assert path.parameters["context"] == 0


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_along_one_scalar_and_along_one_entry(task, rng, weight):
    field, formula = task
    x = rng.standard_normal(N)
    scalar = field.along("s", {"g": 0.1}, {"g": 1.7}).at(s=weight)
    assert_close(scalar(x), formula(x, g=0.1 + 1.6 * weight))
    entry = field.along("s", {"u[0]": -1.0}, {"u[0]": 1.0}).at(s=weight)
    assert_close(entry(x), formula(x, u=[-1 + 2 * weight, -0.7]))


def test_discretized_is_the_euler_map(task, rng):
    field, formula = task
    step = field.discretized(0.05)
    assert (step.time, step.is_map, field.is_map) == ("discrete", True, False)
    assert_field_is(step, lambda v: v + 0.05 * formula(v), rng.standard_normal((3, N)))
    assert_close(step.at(u="left")(np.ones(N)), 1 + 0.05 * formula(np.ones(N), u=[1.0, 0.0]))


# -- texts and immutability --------------------------------------------------------------------------------


def test_texts_name_symbols_and_are_not_expanded_into_entries(task):
    field, _ = task
    text, latex = repr(field), field.latex()
    assert "flow, 5 states" in text
    assert "tanh.(g*x)" in text
    assert "u[1]=-0.7" in text
    assert "x' =" in text
    for symbol in ("J", "B", "u", "b", "x", r"\tanh_{\circ}", r"\dot{x} = ", r"\tau"):
        assert symbol in latex
    for written_out in (text, latex):
        assert "x[0" not in written_out
        assert "x_{0" not in written_out
        assert len(written_out) < 400
    assert r"x \mapsto" in field.discretized(0.1).latex()
    assert "map" in repr(field.discretized(0.1))
    assert "context" in repr(field.along("context", {"u": "left"}, {"u": "right"}))


@pytest.mark.parametrize("name", ["tanh", "logistic", "relu", "exp", "gelu", "erf"])
def test_latex_prints_functions_entry_by_entry_by_name(name):
    x = sp.MatrixSymbol("x", 3, 1)
    latex = from_sympy({x: x.applyfunc(ACTIVATIONS[name])}).latex()
    assert name in latex.split(r"_{\circ}")[0].split("=")[1]
    assert latex.endswith(r"_{\circ}\!\left(x\right)")


def test_fields_are_immutable(task):
    field, _ = task
    for array in (field.arrays["J"], field.values["u"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
    with pytest.raises(TypeError):
        field.parameters["g"] = 1.0
    with pytest.raises(TypeError):
        field.arrays["J"] = np.eye(N)
    with pytest.raises(AttributeError):
        field.time = "discrete"


def test_results_and_arguments_are_independent_of_the_field(rng):
    J = rng.standard_normal((N, N))
    field = rate_network(J)
    x = rng.standard_normal(N)
    before, jacobian = field(x), field.jacobian(x)
    J[:] = 0
    field.jacobian(x)[:] = 7
    field(x)[:] = 7
    assert_close(field(x), before)
    assert_close(field.jacobian(x), jacobian)
