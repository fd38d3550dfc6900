"""Many trajectories at once by the Dormand-Prince pair: each member has its own step, stages are matrix products.

Coefficients and the interpolant are SciPy's (``scipy.integrate.RK45``; Dormand and Prince, J. Comput. Appl. Math.
6, 1980; Shampine, Math. Comput. 46, 1986).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import NotConvergedError

Array = NDArray[np.float64]
RightSide = Callable[[Array, Array], Array]

_SAFETY = 0.9
_SHRINK, _GROW = 0.2, 5.0


def dormand_prince() -> Any:
    """The class that holds the pair's tables A, B, C, E, P."""
    from scipy.integrate import RK45

    return RK45


def integrate_ensemble(
    right_side: RightSide,
    states: Array,
    times: Array,
    *,
    rtol: float,
    atol: float,
    first_step: Array,
    longest_step: float,
    max_steps: int,
) -> tuple[Array, Array]:
    """States of all members at all times.

    Parameters
    ----------
    right_side : callable
        ``right_side(t (n,), X (n, N))`` gives a fresh array (n, N).
    states : (n, N) array
    times : (M,) array, increasing
    first_step : (n,) array
    longest_step : float

    Returns
    -------
    trajectories : (n, M, N) array
    step : (n,) array
        The steps at the end, to go on with.

    Raises
    ------
    NotConvergedError
        If a member needs more than `max_steps` steps or its state is no longer finite.
    """
    from ssmsym.dynamics.kernels import error_norms, stage, take_accepted

    table = dormand_prince()
    X = np.array(states)
    out = np.empty((len(X), len(times), X.shape[1]))
    out[:, 0] = X
    t = np.full(len(X), times[0])
    h = np.minimum(first_step, min(longest_step, times[-1] - times[0]))
    reached = np.zeros(len(X), dtype=np.int64)  # last output written
    k = [right_side(t, X)]
    k += [np.zeros_like(X) for _ in range(6)]
    Y, norms = np.empty_like(X), np.empty(len(X))
    weights = [np.pad(np.asarray(row[: s + 1], float), (0, 5 - s)) for s, row in enumerate(table.A[1:])]
    weights.append(np.asarray(table.B, float))
    nodes = [*table.C[1:], 1.0]
    error_weights = np.asarray(table.E, float)
    for _ in range(max_steps):
        for s in range(6):
            stage(X, k[0], k[1], k[2], k[3], k[4], k[5], weights[s], h, Y)
            k[s + 1] = right_side(t + nodes[s] * h, Y)
        error_norms(X, Y, *k, error_weights, h, rtol, atol, norms)
        accepted = norms < 1.0
        _write_outputs(out, reached, X, k, t, h, times, accepted, table.P)
        t = np.where(accepted, t + h, t)
        take_accepted(X, Y, k[0], k[6], accepted)
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.clip(_SAFETY * norms**-0.2, _SHRINK, _GROW)
        h = np.where(np.isfinite(factor), h * factor, h * _SHRINK)
        if (reached == len(times) - 1).all():
            return out, h
        h = np.minimum(np.minimum(h, longest_step), np.maximum(times[-1] - t, 0.0))
        if not (h[reached < len(times) - 1] > 1e-14 * max(abs(times[-1]), 1e-300)).all():
            break
    late = int(np.argmin(reached))
    raise NotConvergedError(
        f"Trajectory {late} could not be followed beyond t = {t[late]:.6g} (step {h[late]:.1e}): its state grows "
        "without bound, or the tolerance is too small. Shorten 'times' or loosen 'rtol'."
    )


def _write_outputs(
    out: Array,
    reached: NDArray[np.int64],
    X: Array,
    k: list[Array],
    t: Array,
    h: Array,
    times: Array,
    accepted: NDArray[np.bool_],
    P: Array,
) -> None:
    """Interpolate the accepted steps at the output times that they pass; updates `reached`."""
    end = t + h
    margin = 1e-12 * (times[-1] - times[0])
    while True:
        following = np.minimum(reached + 1, len(times) - 1)
        members = np.flatnonzero(accepted & (reached < len(times) - 1) & (times[following] <= end + margin))
        if not len(members):
            return
        theta = np.clip((times[following[members]] - t[members]) / h[members], 0.0, 1.0)
        powers = theta[:, None] ** np.arange(1, 5)
        weights = powers @ P.T  # (members, 7)
        increment = sum(weights[:, s, None] * k[s][members] for s in range(7))
        out[members, following[members]] = X[members] + h[members, None] * increment
        reached[members] += 1
