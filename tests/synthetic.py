"""Networks with a prescribed fixed point and prescribed leading eigenvalues."""

import numpy as np

import ssmsym


def pair(real, imaginary):
    return np.array([[real, imaginary], [-imaginary, real]])


def planted_network(master, *, n=60, seed=0, chain=0.35, bulk=0.3, inputs=2):
    """A strongly non-normal tanh network whose Jacobian at its fixed point has `master` as a diagonal block.

    The bulk is random plus a feedforward chain. Parameters: inputs u, gain g and tau.

    Returns the field and the fixed point.
    """
    rng = np.random.default_rng(seed)
    master = np.atleast_2d(np.asarray(master, dtype=float))
    d = len(master)
    state = 0.4 * rng.standard_normal(n)
    slope = 1 - np.tanh(state) ** 2
    A = bulk * rng.standard_normal((n, n)) / np.sqrt(n) - np.eye(n)
    A += chain * np.diag(np.ones(n - 1), 1) * (np.arange(n) % 12 < 11)
    Q = np.linalg.qr(rng.standard_normal((n, d)))[0]
    A = A - A @ Q @ Q.T + Q @ master @ Q.T  # Q spans an invariant subspace, with block `master`
    J = (A + np.eye(n)) / slope
    B = 0.2 * rng.standard_normal((n, inputs))
    b = state - J @ np.tanh(state)
    return ssmsym.rate_network(J, B=B, b=b, gain=1.0, W=rng.standard_normal((2, n))), state


def joint_directions(d, q, count=40, seed=0):
    directions = np.random.default_rng(seed).standard_normal((count, d + q))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def error_slope(ssm, level=1e-9):
    """Log-log slope of the largest invariance error on spheres of (p, mu) of radius r / 2 and r.

    r is where the error is `level`: far above rounding, far below the size of the field.
    """
    d = ssm.dimension
    unit = joint_directions(d, len(ssm.parameters))

    def error(r):
        return ssm.invariance_error(r * unit[:, :d], r * unit[:, d:]).max()

    low, high = 1e-6, 10.0
    for _ in range(60):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if error(middle) < level else (low, middle)
    return np.log2(error(low) / error(low / 2))


def planted_blocks(master, complement, *, n=40, seed=0, coupling=0.3):
    """A tanh network whose Jacobian at its fixed point has two prescribed diagonal blocks, above a random rest.

    In an orthonormal basis the Jacobian is block upper triangular: `master`, then `complement`, then the rest
    with eigenvalues near -1.5; what stands above the blocks is random of size `coupling`. Thus the eigenvectors of
    `complement` are as parallel as those of that matrix.

    Returns the field and the fixed point.
    """
    rng = np.random.default_rng(seed)
    blocks = [np.atleast_2d(np.asarray(block, dtype=float)) for block in (master, complement)]
    state = 0.4 * rng.standard_normal(n)
    T = np.triu(coupling * rng.standard_normal((n, n)) / np.sqrt(n))
    at = 0
    for block in blocks:
        T[at : at + len(block), at : at + len(block)] = block
        at += len(block)
    T[at:, at:] += -1.5 * np.eye(n - at)
    Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    J = (Q @ T @ Q.T + np.eye(n)) / (1 - np.tanh(state) ** 2)
    field = ssmsym.rate_network(
        J, B=0.2 * rng.standard_normal((n, 2)), b=state - J @ np.tanh(state), gain=1.0
    )
    return field, state
