"""Derivatives of bifurcation values by weights: closed forms, and bifurcations located anew on perturbed networks."""

import numpy as np
import pytest
import sympy
from scipy.optimize import newton

import ssmsym
from ssmsym.fields.adjoints import AdjointEvaluator
from ssmsym.threads import single_blas_thread


@pytest.fixture(autouse=True)
def one_thread():
    """Small systems, which a second thread slows down."""
    with single_blas_thread():
        yield


def special(field, parameter, interval, kind, **options):
    return [
        p for p in ssmsym.branches(field, parameter, interval, **options).special_points if p.kind == kind
    ]


@pytest.mark.parametrize("seed", range(3))
def test_gradients_are_those_of_complex_steps(seed):
    """w . f and w . Df q of a network by every weight, against differences of complex steps of a NumPy formula."""
    rng = np.random.default_rng(seed)
    n = 4
    J, B, b = rng.standard_normal((n, n)), rng.standard_normal((n, 2)), rng.standard_normal(n)
    x, w, q, u = (rng.standard_normal(k) for k in (n, n, n, 2))
    field = ssmsym.rate_network(J, B=B, b=b).at({"u": u})
    evaluator = AdjointEvaluator(field.bind(), field.program.outputs)

    def number(J, B, b, x, eps):
        return (
            w @ (-x + J @ np.tanh(x + 0) + B @ u + b) if eps is None else w @ (-q + J @ (q / np.cosh(x) ** 2))
        )

    for direction in (None, q):
        found = evaluator.gradients([x], [w], None if direction is None else [direction])
        arguments = {"J": J, "B": B, "b": b, "x": x}
        for name, value in arguments.items():
            for place in np.ndindex(value.shape):
                moved = {key: v.astype(complex) for key, v in arguments.items()}
                moved[name][place] += 1e-30j
                expected = number(**moved, eps=direction).imag / 1e-30
                given = found.state if name == "x" else found.arrays[name].reshape(value.shape)
                assert given[place] == pytest.approx(expected, rel=1e-12, abs=1e-13)


def test_fold_of_one_unit():
    """u = w s - artanh s with s = sqrt(1 - 1/w) at the fold of x' = -x + w tanh x + u, so du/dw = s, du/db = -1."""
    w = 1.7
    field = ssmsym.rate_network([[w]], B=[[1.0]], b=[0.0])
    s = np.sqrt(1 - 1 / w)
    for point in special(field, "u[0]", (-1.0, 1.0), "fold"):
        found = ssmsym.event_sensitivity(field, point, "u[0]")
        assert found.arrays["J"][0, 0] == pytest.approx(np.sign(point.parameter) * s, rel=1e-8)
        assert found.arrays["b"].item() == pytest.approx(-1.0, rel=1e-8)
        assert found.arrays["B"][0, 0] == pytest.approx(-point.parameter, rel=1e-8)


def test_flip_and_neimark_sacker_of_maps():
    """x -> r x (1 - x) + s x flips at r + s = 3; x -> r x (1 - y) + s x, y -> x turns at r + s = 2."""
    x, y, r, s = sympy.symbols("x y r s")
    logistic = ssmsym.from_sympy({x: r * x * (1 - x) + s * x}, parameters={r: 2.5, s: 0.2}, time="discrete")
    (flip,) = special(logistic, "r", (2.4, 3.4), "flip", points=[[1.7 / 2.5]])
    assert flip.parameter == pytest.approx(2.8, abs=1e-9)
    assert ssmsym.event_sensitivity(logistic, flip, "r").parameters["s"] == pytest.approx(-1.0, rel=1e-7)
    delayed = ssmsym.from_sympy(
        {x: r * x * (1 - y) + s * x, y: x}, parameters={r: 1.5, s: 0.2}, time="discrete"
    )
    (turn,) = special(delayed, "r", (1.4, 2.2), "neimark_sacker", points=[[0.7 / 1.5] * 2])
    assert turn.parameter == pytest.approx(1.8, abs=1e-9)
    assert ssmsym.event_sensitivity(delayed, turn, "r").parameters["s"] == pytest.approx(-1.0, rel=1e-7)


def test_gate_of_a_composed_function():
    """A matrix expression with scaled, transposed and explicit parts, against the fold located anew."""
    rng = np.random.default_rng(3)
    x = sympy.MatrixSymbol("x", 3, 1)
    A, D = sympy.MatrixSymbol("A", 3, 3), sympy.MatrixSymbol("D", 3, 1)
    mu, g = sympy.symbols("mu g")
    arrays = {
        A: np.diag([1.6, 0.3, 0.2]) + 0.1 * rng.standard_normal((3, 3)),
        D: np.array([[1.0], [0.2], [-0.1]]),
    }
    side = -x + g * A.T * x.applyfunc(sympy.tanh) + mu * D

    def field(matrix):
        return ssmsym.from_sympy({x: side}, parameters={mu: 0.0, g: 1.1}, arrays={**arrays, A: matrix})

    def fold(matrix):
        return max(p.parameter for p in special(field(matrix), "mu", (-0.6, 0.6), "fold"))

    point = max(special(field(arrays[A]), "mu", (-0.6, 0.6), "fold"), key=lambda p: p.parameter)
    found = ssmsym.event_sensitivity(field(arrays[A]), point, "mu")
    for place in ((0, 0), (1, 0), (2, 1)):
        step = np.zeros((3, 3))
        step[place] = 1e-3
        slopes = [(fold(arrays[A] + h * step) - fold(arrays[A] - h * step)) / (2e-3 * h) for h in (1.0, 0.5)]
        assert found.arrays["A"][place] == pytest.approx((4 * slopes[1] - slopes[0]) / 3, rel=1e-5, abs=1e-8)


def located_fold(J, B, b, x, u, v):
    """Value of u[0] at the fold near a guess: Newton on f = 0, A v = 0, |v| = 1, written for tanh networks."""
    n = len(x)
    y = np.concatenate([x, [u], v])
    for _ in range(5):
        x, u, v = y[:n], y[n], y[n + 1 :]
        t = np.tanh(x)
        A = -np.eye(n) + J * (1 - t**2)
        residual = np.concatenate([-x + J @ t + B[:, 0] * u + b, A @ v, [v @ v - 1]])
        derivative = np.zeros((2 * n + 1, 2 * n + 1))
        derivative[:n, :n], derivative[:n, n] = A, B[:, 0]
        derivative[n : 2 * n, :n] = J * (-2 * t * (1 - t**2) * v)
        derivative[n : 2 * n, n + 1 :], derivative[-1, n + 1 :] = A, 2 * v
        y = y - np.linalg.solve(derivative, residual)
    return y[n]


def perturbed(arrays, name, place, h):
    moved = {key: np.array(value) for key, value in arrays.items()}
    moved[name][place] += h
    return moved


def extrapolated(value, h):
    """Derivative at 0 from central differences at h and h/2."""
    coarse, fine = ((value(k) - value(-k)) / (2 * k) for k in (h, h / 2))
    return (4 * fine - coarse) / 3


def test_six_folds_of_the_memory_network():
    """Ten weights of each fold, the largest of J, B and b, against folds of the perturbed network: 1e-5 relative."""
    field = ssmsym.load(ssmsym.network_path("delay_n100_a"))
    points = special(field, "u[0]", (-0.03, 0.03), "fold")
    assert len(points) == 6
    arrays = {
        name: np.asarray(field.arrays[name]).reshape(np.shape(field.arrays[name])) for name in ("J", "B", "b")
    }
    arrays["b"] = arrays["b"].reshape(-1)
    for point in points:
        found = ssmsym.event_sensitivity(field, point, "u[0]")
        null = np.linalg.svd(-np.eye(100) + arrays["J"] * (1 - np.tanh(point.state) ** 2))[2][-1]
        entries = [*found.ranked(6, array="J"), *found.ranked(2, array="B"), *found.ranked(2, array="b")]
        for entry in entries:
            name, _, rest = entry.name.partition("[")
            place = tuple(int(i) for i in rest.rstrip("]").split(","))

            def value(h, name=name, place=place, point=point, null=null):
                return located_fold(
                    **perturbed(arrays, name, place, h), x=point.state, u=point.parameter, v=null
                )

            assert entry.derivative == pytest.approx(extrapolated(value, 1e-3), rel=1e-5)


def hopf_value(J, B, b, settings, x, gate, omega, vector):
    """Gate at which a pair of a tanh network crosses: secant method, fixed point and eigenvalue followed."""
    n = len(x)

    def growth(g):
        y = x.copy()
        for _ in range(4):
            t = np.tanh(y)
            y = y - np.linalg.solve(
                -np.eye(n) + J * (1 - t**2), -y + J @ t + B @ np.array([settings[0], g, settings[2]]) + b
            )
        A, value, v = -np.eye(n) + J * (1 - np.tanh(y) ** 2), omega * 1j, vector
        for _ in range(4):
            w = np.linalg.solve(A - value * np.eye(n), v)
            value, v = value + (v.conj() @ v) / (v.conj() @ w), w / np.linalg.norm(w)
        return value.real

    return newton(growth, gate, x1=gate + 1e-5, tol=1e-13)


def test_a_hopf_point_of_the_sine_generator():
    field = ssmsym.load(ssmsym.network_path("sine_ode_n100_a")).at({"u": [1.0, 0.0, 0.0]})
    (point,) = special(field, "u[1]", (0.0, 0.2), "hopf", starts=8)
    found = ssmsym.event_sensitivity(field, point, "u[1]")
    arrays = {name: np.array(field.arrays[name], dtype=float) for name in ("J", "B", "b")}
    arrays["b"] = arrays["b"].reshape(-1)
    entries = [*found.ranked(6, array="J"), *found.ranked(2, array="B"), *found.ranked(2, array="b")]
    slopes_matrix = -np.eye(100) + arrays["J"] * (1 - np.tanh(point.state) ** 2)
    values, vectors = np.linalg.eig(slopes_matrix)
    critical = int(np.argmin(np.abs(values - 1j * 12.64007955 * 0.1)))  # the network's tau is 0.1 s
    start = {"omega": values[critical].imag, "vector": vectors[:, critical]}
    guess = {"settings": np.array([1.0, 0.0, 0.0]), "x": point.state, "gate": point.parameter, **start}
    for entry in entries:
        name, _, rest = entry.name.partition("[")
        place = tuple(int(i) for i in rest.rstrip("]").split(","))

        def value(h, name=name, place=place):
            return hopf_value(**perturbed(arrays, name, place, h), **guess)

        h = 1e-4 / max(1.0, abs(entry.derivative))
        assert entry.derivative == pytest.approx(extrapolated(value, h), rel=1e-5)


def test_wrong_points_are_refused():
    field = ssmsym.rate_network([[1.7]], B=[[1.0]])
    point = special(field, "u[0]", (-1.0, 1.0), "fold")[0]
    regular = ssmsym.SpecialPoint(
        kind="fold", parameter=0.0, state=np.zeros(1), eigenvalues=np.zeros(1, complex)
    )
    with pytest.raises(ssmsym.InputError, match="no eigenvalue"):
        ssmsym.event_sensitivity(field, regular, "u[0]")
    with pytest.raises(ssmsym.InputError, match="no parameter"):
        ssmsym.event_sensitivity(field, point, "v")
    found = ssmsym.event_sensitivity(field, point, "u[0]")
    with pytest.raises(ssmsym.InputError, match="no array"):
        found.ranked(array="Q")


def test_points_of_other_settings_are_refused():
    """The Jacobian of a rate network does not know its inputs, so the residual must tell."""
    field = ssmsym.rate_network([[1.7, 0.2], [-0.3, 0.9]], B=np.eye(2))
    point = special(field, "u[0]", (-1.0, 1.0), "fold")[0]
    with pytest.raises(ssmsym.InputError, match="no fixed point"):
        ssmsym.event_sensitivity(field, point, "u[1]")
    with pytest.raises(ssmsym.InputError, match="no fixed point"):
        ssmsym.event_sensitivity(field.at({"u[1]": 0.4}), point, "u[0]")


def test_low_rank_with_input_along_its_own_vector():
    """x' = -x + (A + w v^T) tanh(x) + u w: w stands in a matrix and beside it; against folds located anew."""
    n, rng = 4, np.random.default_rng(5)
    X, A = sympy.MatrixSymbol("X", n, 1), sympy.MatrixSymbol("A", n, n)
    w, v, u = sympy.MatrixSymbol("w", n, 1), sympy.MatrixSymbol("v", n, 1), sympy.Symbol("u")
    first = rng.standard_normal((n, 1))
    arrays = {A: 0.2 * rng.standard_normal((n, n)), w: first, v: 1.6 * first / (first**2).sum()}

    def field(column):
        side = -X + (A + w * v.T) * X.applyfunc(sympy.tanh) + u * w
        return ssmsym.from_sympy({X: side}, parameters={u: 0.0}, arrays={**arrays, w: column})

    def fold(column):
        return max(special(field(column), "u", (-1.0, 1.0), "fold"), key=lambda p: p.parameter)

    found = ssmsym.event_sensitivity(field(first), fold(first), "u").arrays["w"]
    for i in range(n):
        step = np.zeros((n, 1))
        step[i] = 1e-3
        slopes = [
            (fold(first + h * step).parameter - fold(first - h * step).parameter) / (2e-3 * h)
            for h in (1, 0.5)
        ]
        assert found[i, 0] == pytest.approx((4 * slopes[1] - slopes[0]) / 3, rel=1e-5, abs=1e-8)


def test_gains_of_defective_modes_are_refused():
    rng = np.random.default_rng(0)
    T = rng.standard_normal((3, 3))
    A = T @ np.array([[-1.0, 1, 0], [0, -1, 0], [0, 0, -2]]) @ np.linalg.inv(T)
    X, M, u = sympy.MatrixSymbol("X", 3, 1), sympy.MatrixSymbol("M", 3, 3), sympy.Symbol("u")
    ones = sympy.MatrixSymbol("e", 3, 1)
    field = ssmsym.from_sympy(
        {X: M * X + u * ones}, parameters={u: 0.0}, arrays={M: A, ones: np.ones((3, 1))}
    )
    with pytest.raises(ssmsym.SubspaceError, match="defective"):
        ssmsym.input_gains(field, np.zeros(3), modes=2)
    with pytest.raises(ssmsym.InputError, match="no fixed point"):
        ssmsym.input_gains(field, np.ones(3), modes=1)


def test_gains_shift_the_fixed_point():
    """The fixed point of a linear field moves by sum_i shift_i q_i = -A^-1 b, of a map by (1 - A)^-1 b."""
    rng = np.random.default_rng(2)
    A, b = np.diag([-1.0, -0.4, -2.0]) + 0.3 * rng.standard_normal((3, 3)), rng.standard_normal((3, 1))
    X, M, e, u = (
        sympy.MatrixSymbol("X", 3, 1),
        sympy.MatrixSymbol("M", 3, 3),
        sympy.MatrixSymbol("e", 3, 1),
        sympy.Symbol("u"),
    )
    for time, solution in (
        ("continuous", -np.linalg.solve(A, b)),
        ("discrete", np.linalg.solve(np.eye(3) - A, b)),
    ):
        field = ssmsym.from_sympy({X: M * X + u * e}, parameters={u: 0.0}, arrays={M: A, e: b}, time=time)
        found = ssmsym.input_gains(field, np.zeros(3), modes=3)
        # sizes of the parts of the solution along the eigenvectors
        values, vectors = np.linalg.eig(A)
        parts = np.linalg.solve(vectors, solution)[:, 0]
        expected = {complex(np.round(value, 8)): abs(part) for value, part in zip(values, parts, strict=True)}
        for value, shift in zip(found.eigenvalues, found.shifts[:, 0], strict=True):
            assert abs(shift) == pytest.approx(expected[complex(np.round(value, 8))], rel=1e-9)


def test_a_fold_that_does_not_move_is_refused():
    """At the cusp of x' = mu + lambda x - x^3 the fold does not move with lambda."""
    x, mu, lam = sympy.symbols("x mu lambda")
    field = ssmsym.from_sympy({x: mu + lam * x - x**3}, parameters={mu: 0.0, lam: 0.0})
    point = ssmsym.SpecialPoint(
        kind="fold", parameter=0.0, state=np.zeros(1), eigenvalues=np.zeros(1, complex)
    )
    with pytest.raises(ssmsym.InputError, match="does not move"):
        ssmsym.event_sensitivity(field, point, "lambda")
