"""Test networks of the benchmarks."""

import numpy as np

import ssmsym

MASTER = {
    1: np.array([[-0.03]]),
    2: np.diag([-0.03, -0.1]),
    3: np.array([[-0.03, 0, 0], [0, -0.08, 0.3], [0, -0.3, -0.08]]),
    4: np.array([[-0.03, 0.21, 0, 0], [-0.21, -0.03, 0, 0], [0, 0, -0.1, 0.37], [0, 0, -0.37, -0.1]]),
}


def dense_network(n, d, seed=0):
    """A tanh network with d planted slow modes at a nonzero fixed point; returns the field and the point."""
    rng = np.random.default_rng(seed)
    state = 0.4 * rng.standard_normal(n)
    slope = 1 - np.tanh(state) ** 2
    A = 0.6 * rng.standard_normal((n, n)) / np.sqrt(n) - np.eye(n)
    q = np.linalg.qr(rng.standard_normal((n, d)))[0]
    A = A - (A @ q) @ q.T + q @ MASTER[d] @ q.T
    J = (A + np.eye(n)) / slope
    return ssmsym.rate_network(J, b=state - J @ np.tanh(state)), state


def multistable_network(n, seed=0):
    """A random tanh network with a few fixed points."""
    rng = np.random.default_rng(seed)
    J = 0.8 * rng.standard_normal((n, n)) / np.sqrt(n)
    q = np.linalg.qr(rng.standard_normal((n, 2)))[0]
    J = J - J @ q @ q.T + q @ np.diag([2.0, 1.7]) @ q.T
    return ssmsym.rate_network(J, b=0.02 * rng.standard_normal(n))
