"""Order of the invariance error, for every kind of master subspace, and coefficients by an independent way."""

import itertools

import numpy as np
import pytest
import sympy
from synthetic import error_slope, pair, planted_network
from truths import TANH

import ssmsym

NODE = {
    1: [[-0.05]],
    2: np.diag([-0.05, -0.12]),
    3: np.diag([-0.05, -0.12, -0.2]),
    4: np.diag([-0.05, -0.1, -0.15, -0.2]),
}
SADDLE = {
    1: [[0.06]],
    2: np.diag([0.06, -0.08]),
    3: np.diag([0.09, 0.03, -0.08]),
    4: np.diag([0.09, 0.03, -0.08, -0.13]),
}


def blocks(*parts):
    n = sum(len(part) for part in parts)
    out = np.zeros((n, n))
    at = 0
    for part in parts:
        out[at : at + len(part), at : at + len(part)] = part
        at += len(part)
    return out


PAIRS = {
    2: pair(-0.06, 0.4),
    3: blocks(pair(-0.06, 0.4), [[-0.15]]),
    4: blocks(pair(-0.06, 0.4), pair(-0.12, 0.9)),
}
CASES = [
    *(pytest.param(master, id=f"node-{d}") for d, master in NODE.items()),
    *(pytest.param(master, id=f"saddle-{d}") for d, master in SADDLE.items()),
    *(pytest.param(master, id=f"pair-{d}") for d, master in PAIRS.items()),
]
PARAMETERS = [(), ("u[0]",), ("u[1]", "g")]


def order_for(d):
    return {1: 5, 2: 4, 3: 4, 4: 3}[d]


@pytest.mark.parametrize("parameters", PARAMETERS, ids=lambda p: "+".join(p) or "no-parameter")
@pytest.mark.parametrize("master", CASES)
def test_invariance_error_falls_at_order_plus_one(master, parameters):
    field, state = planted_network(master)
    d = len(master)
    order = order_for(d)
    ssm = ssmsym.compute_ssm(field, state, modes=d, order=order, parameters=parameters)
    wanted = np.sort_complex(np.linalg.eigvals(np.asarray(master, dtype=float)))
    np.testing.assert_allclose(np.sort_complex(ssm.eigenvalues), wanted, atol=1e-9)
    assert error_slope(ssm) == pytest.approx(order + 1, abs=0.1)


@pytest.mark.parametrize("parameter_order", [1, 2, 3])
def test_lower_parameter_order_limits_the_slope_in_the_parameter_only(parameter_order):
    field, state = planted_network(NODE[2])
    ssm = ssmsym.compute_ssm(
        field, state, modes=2, order=5, parameters=["u[0]"], parameter_order=parameter_order
    )
    assert error_slope(ssm) == pytest.approx(parameter_order + 1, abs=0.1)
    unit = np.array([[0.6, 0.8], [1.0, 0.0], [-0.8, 0.6]])
    errors = [ssm.invariance_error(r * unit).max() for r in (0.02, 0.04)]
    assert np.log2(errors[1] / errors[0]) == pytest.approx(6, abs=0.1)


def test_odd_field_gains_an_order():
    rng = np.random.default_rng(5)
    J = 0.4 * rng.standard_normal((60, 60)) / np.sqrt(60)
    q = np.linalg.qr(rng.standard_normal((60, 2)))[0]
    J += q @ (np.diag([0.95, 0.85]) - q.T @ J @ q) @ q.T - (J - q @ (q.T @ J)) @ q @ q.T
    ssm = ssmsym.compute_ssm(ssmsym.rate_network(J), np.zeros(60), modes=2, order=3)
    assert error_slope(ssm) == pytest.approx(5, abs=0.1)
    even = ssm.parametrization.exponents.sum(axis=1) % 2 == 0
    assert np.abs(ssm.parametrization.coefficients[even]).max() < 1e-15


def jordan_like(gap):
    """Eigenvalues -0.05, -0.05 - gap and -0.12 with coupling 0.5: eigenvectors at an angle of about gap."""
    return np.array([[-0.05, 0.5, 0.1], [0.0, -0.05 - gap, 0.2], [0.0, 0.0, -0.12]])


@pytest.mark.parametrize("parameters", PARAMETERS[:2], ids=["no-parameter", "u[0]"])
@pytest.mark.parametrize("gap", [1e-2, 1e-5, 1e-8, 0.0])
def test_nearly_defective_master_block(gap, parameters):
    field, state = planted_network(jordan_like(gap))
    ssm = ssmsym.compute_ssm(field, state, modes=3, order=4, parameters=parameters)
    assert error_slope(ssm) == pytest.approx(5, abs=0.1)
    if gap <= 1e-5:
        assert np.linalg.cond(ssm.right) < 1e2  # Schur vectors in place of parallel eigenvectors


def test_defective_pair_of_pairs():
    master = blocks(pair(-0.06, 0.4), pair(-0.06, 0.4))
    master[:2, 2:] = 0.5 * np.eye(2)
    field, state = planted_network(master)
    ssm = ssmsym.compute_ssm(field, state, modes=4, order=3, parameters=["u[0]"])
    assert error_slope(ssm) == pytest.approx(4, abs=0.1)


def test_mixed_modes_by_position():
    field, state = planted_network(SADDLE[4])
    ssm = ssmsym.compute_ssm(field, state, modes=[0, 2], order=4)
    np.testing.assert_allclose(ssm.eigenvalues, [0.09, -0.08], atol=1e-9)
    assert error_slope(ssm) == pytest.approx(5, abs=0.1)


def test_coordinates_are_the_projection():
    field, state = planted_network(PAIRS[3])
    ssm = ssmsym.compute_ssm(field, state, modes=3, order=4, parameters=["u[0]"])
    rng = np.random.default_rng(0)
    p, mu = 0.1 * rng.standard_normal((20, 3)), 0.01 * rng.standard_normal((20, 1))
    np.testing.assert_allclose(ssm.project(ssm.lift(p, mu)), p, atol=1e-14)
    np.testing.assert_array_equal(ssm.lift(np.zeros(3)), state)


def test_readout_series_is_the_readout_along_the_manifold():
    field, state = planted_network(NODE[2])
    ssm = ssmsym.compute_ssm(field, state, modes=2, order=5)
    unit = np.array([0.6, -0.8])
    errors = [np.abs(ssm.readout(r * unit) - field.readout(ssm.lift(r * unit))).max() for r in (0.05, 0.1)]
    assert errors[0] > 1e-13
    assert np.log2(errors[1] / errors[0]) == pytest.approx(6, abs=0.2)


def test_matrix_expression_that_no_constructor_makes():
    """x' = -x + J f(x) + (K x) o g(x) - a o x o x with user functions: the symbolic form drives everything."""
    n = 60
    rng = np.random.default_rng(7)
    x, a = sympy.MatrixSymbol("x", n, 1), sympy.MatrixSymbol("a", n, 1)
    J, K = sympy.MatrixSymbol("J", n, n), sympy.MatrixSymbol("K", n, n)
    t, f = sympy.Symbol("t"), sympy.Function("f")
    g = sympy.Lambda(t, sympy.cos(t) * t)
    product = sympy.HadamardProduct
    equation = -x + J * x.applyfunc(f) + product(K * x, x.applyfunc(g)) - product(a, x, x)
    weights = 0.5 * rng.standard_normal((n, n)) / np.sqrt(n)
    q = np.linalg.qr(rng.standard_normal((n, 2)))[0]
    weights += (
        q @ (np.diag([0.95, 0.85]) - q.T @ weights @ q) @ q.T - (weights - q @ (q.T @ weights)) @ q @ q.T
    )
    field = ssmsym.from_sympy(
        {x: equation},
        arrays={J: weights, K: rng.standard_normal((n, n)) / np.sqrt(n), a: rng.standard_normal(n)},
        functions={f: sympy.Lambda(t, sympy.sin(t) / (1 + t**2))},
    )
    ssm = ssmsym.compute_ssm(field, np.zeros(n), modes=2, order=4)
    np.testing.assert_allclose(ssm.eigenvalues, [-0.05, -0.15], atol=1e-10)
    assert error_slope(ssm) == pytest.approx(5, abs=0.1)


# -- an independent implementation: dictionaries of monomials, one dense linear system a degree -------------


def multiply(a, b, order):
    out = {}
    for (m, x), (n, y) in itertools.product(a.items(), b.items()):
        s = tuple(i + j for i, j in zip(m, n, strict=True))
        if sum(s) <= order:
            out[s] = out.get(s, 0) + x * y
    return out


def tanh_of(series, centre, order):
    """tanh of dictionaries of vectors, by the Taylor series of tanh at `centre` from its derivative polynomial."""
    t = np.tanh(centre)
    polynomial, derivatives = np.polynomial.Polynomial([0, 1]), []
    for _ in range(order + 1):
        derivatives.append(polynomial(t))
        polynomial = polynomial.deriv() * np.polynomial.Polynomial([1, 0, -1])
    zero = next(iter(series))
    zero = tuple(0 for _ in zero)
    shifted = {m: c for m, c in series.items() if m != zero}
    power, factorial = {zero: np.ones_like(t)}, 1.0
    out = {zero: t}
    for n in range(1, order + 1):
        power, factorial = multiply(power, shifted, order), factorial * n
        for m, c in power.items():
            out[m] = out.get(m, 0) + derivatives[n] * c / factorial
    return out


def brute_force_ssm(J, state, V, U, order):
    """Graph-style coefficients, all monomials of a degree at once by least squares."""
    n, d = V.shape
    A = J * (1 - np.tanh(state) ** 2) - np.eye(n)
    linear = U.T @ A @ V
    unit = [tuple(int(i == j) for j in range(d)) for i in range(d)]
    W = {tuple([0] * d): state} | {unit[i]: V[:, i] for i in range(d)}
    R = {unit[i]: linear[:, i] for i in range(d)}
    for k in range(2, order + 1):
        monomials = [m for m in itertools.product(range(k + 1), repeat=d) if sum(m) == k]
        F = {m: J @ c for m, c in tanh_of(W, state, k).items()}
        known = {m: F[m] for m in monomials}
        for (m, w), (r, v) in itertools.product(W.items(), R.items()):
            for i in range(d):
                s = tuple(m[j] + r[j] - (i == j) for j in range(d))
                if sum(m) >= 2 and sum(r) >= 2 and m[i] and s in known:
                    known[s] = known[s] - m[i] * v[i] * w
        action = np.zeros((len(monomials),) * 2)
        for col, m in enumerate(monomials):
            for i, j in itertools.product(range(d), repeat=2):
                s = tuple(m[q] - (q == i) + (q == j) for q in range(d))
                if m[i]:
                    action[monomials.index(s), col] += m[i] * linear[i, j]
        size = len(monomials)
        system = np.kron(np.eye(size), A) - np.kron(action, np.eye(n))
        constraint = np.kron(np.eye(size), U.T)
        for m in monomials:
            R[m] = U.T @ known[m]
        right = np.concatenate([V @ R[m] - known[m] for m in monomials])
        solution = np.linalg.lstsq(
            np.vstack([system, constraint]), np.concatenate([right, np.zeros(size * d)]), rcond=None
        )[0]
        W |= dict(zip(monomials, solution.reshape(size, n), strict=True))
    return W, R


@pytest.mark.parametrize(
    "master",
    [
        pytest.param(NODE[1], id="real"),
        pytest.param(PAIRS[2], id="pair"),
        pytest.param(PAIRS[3], id="pair+real"),
        pytest.param(jordan_like(1e-8)[:2, :2], id="jordan"),
    ],
)
def test_coefficients_equal_an_independent_implementation(master):
    field, state = planted_network(master, n=9, seed=2)
    d = len(master)
    ssm = ssmsym.compute_ssm(field, state, modes=d, order=4)
    W, R = brute_force_ssm(field.arrays["J"], state, ssm.right, ssm.left, 4)
    for row, m in enumerate(ssm.parametrization.exponents):
        key = tuple(int(i) for i in m)
        if not any(key):
            continue
        np.testing.assert_allclose(ssm.parametrization.coefficients[row], W[key], rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(ssm.reduced_dynamics.coefficients[row], R[key], rtol=1e-8, atol=1e-10)


def test_tanh_series_of_the_independent_implementation():
    series = tanh_of({(0,): np.zeros(1), (1,): np.ones(1)}, np.zeros(1), 9)
    for k, value in TANH.items():
        assert series[(k,)][0] == pytest.approx(value)
