"""Test networks of the benchmarks."""

import numpy as np

import ssmsym

MASTER = {
    1: np.array([[-0.03]]),
    2: np.diag([-0.03, -0.1]),
    3: np.array([[-0.03, 0, 0], [0, -0.08, 0.3], [0, -0.3, -0.08]]),
    4: np.array([[-0.03, 0.21, 0, 0], [-0.21, -0.03, 0, 0], [0, 0, -0.1, 0.37], [0, 0, -0.37, -0.1]]),
}


def planted_jacobian(bulk, master, rng):
    """A matrix with an invariant subspace of random orientation on which it acts as `master`."""
    q = np.linalg.qr(rng.standard_normal((len(bulk), len(master))))[0]
    return bulk - (bulk @ q) @ q.T + q @ master @ q.T


def gru_network(n, d, seed=0):
    """A GRU, with inputs, with d planted slow modes at a nonzero fixed point; returns the map and the point.

    At a fixed point the candidate state equals the state, so the update gate's weights do not enter the Jacobian,
    which is diag(z) + diag((1 - z)(1 - h^2)) (diag(r) W_hn + diag(c r (1 - r)) W_hr), c = W_hn h + b_hn.
    """
    rng = np.random.default_rng(seed)
    h = 0.4 * rng.standard_normal(n)
    h = np.clip(h, -0.9, 0.9)
    r, z = (1 / (1 + np.exp(-0.5 * rng.standard_normal(n))) for _ in range(2))
    c = 0.3 * rng.standard_normal(n)
    W_r, W_z = (0.5 * rng.standard_normal((n, n)) / np.sqrt(n) for _ in range(2))
    bulk = 0.5 * np.eye(n) + 0.25 * rng.standard_normal((n, n)) / np.sqrt(n)
    A = planted_jacobian(bulk, np.eye(d) + 0.5 * MASTER[d], rng)
    W_n = (A - np.diag(z)) / ((1 - z) * (1 - h**2))[:, None]
    W_n = (W_n - (c * r * (1 - r))[:, None] * W_r) / r[:, None]
    input_bias = np.concatenate(
        [np.log(r / (1 - r)) - W_r @ h, np.log(z / (1 - z)) - W_z @ h, np.arctanh(h) - r * c]
    )
    recurrent_bias = np.concatenate([np.zeros(2 * n), c - W_n @ h])
    layer = ssmsym.CellLayer(
        0.1 * rng.standard_normal((3 * n, 2)), np.concatenate([W_r, W_z, W_n]), input_bias, recurrent_bias
    )
    return ssmsym.recurrent_cell("gru", [layer]), h


def dense_network(n, d, seed=0):
    """A tanh network with d planted slow modes at a nonzero fixed point; returns the field and the point."""
    rng = np.random.default_rng(seed)
    state = 0.4 * rng.standard_normal(n)
    slope = 1 - np.tanh(state) ** 2
    bulk = 0.6 * rng.standard_normal((n, n)) / np.sqrt(n) - np.eye(n)
    J = (planted_jacobian(bulk, MASTER[d], rng) + np.eye(n)) / slope
    B = 0.2 * rng.standard_normal((n, 2))
    return ssmsym.rate_network(J, B=B, b=state - J @ np.tanh(state)), state


def multistable_network(n, seed=0):
    """A random tanh network with a few fixed points."""
    rng = np.random.default_rng(seed)
    J = 0.8 * rng.standard_normal((n, n)) / np.sqrt(n)
    q = np.linalg.qr(rng.standard_normal((n, 2)))[0]
    J = J - J @ q @ q.T + q @ np.diag([2.0, 1.7]) @ q.T
    return ssmsym.rate_network(J, b=0.02 * rng.standard_normal(n))
