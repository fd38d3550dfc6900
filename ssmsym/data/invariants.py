"""What a fit and an analytic SSM must share whatever their coordinates: zeros, predictions, the data's law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.data.coordinates import ProjectedSSM, at_own_parameters
from ssmsym.data.derivatives import rate_equations
from ssmsym.data.design import along_time
from ssmsym.data.fit import FittedSSM
from ssmsym.data.trajectories import Trajectories
from ssmsym.dynamics.fixed_points import convergence_tolerance
from ssmsym.dynamics.newton import newton
from ssmsym.fields.field import VectorField
from ssmsym.fields.polynomial_field import polynomial_field
from ssmsym.manifolds.ssm import SSM
from ssmsym.series.polynomial import Polynomial

Array = NDArray[np.float64]

_STARTS = 200


@dataclass(frozen=True, eq=False)
class MatchedFixedPoint:
    """A zero of one reduced model inside the data's range and the nearest zero of the other.

    Attributes
    ----------
    fitted, analytic : (d,) array or None
        In the fit's coordinates eta; None if that model has none there.
    distance : float or None
        Between the lifted states, over the extent of the data.
    """

    fitted: Array | None
    analytic: Array | None
    distance: float | None


def zeros_in_box(dynamics: Polynomial, low: Array, high: Array) -> list[Array]:
    """Zeros of a polynomial field inside a box, sorted by their first coordinate."""
    slack = 1e-9 * (high - low)
    if dynamics.n_variables == 1:
        column = np.zeros(dynamics.order + 1)
        column[dynamics.exponents[:, 0]] = dynamics.coefficients[:, 0]
        roots = np.roots(np.trim_zeros(column[::-1], "f"))
        found = [np.array([r.real]) for r in roots if abs(r.imag) <= 1e-9 * (high - low)[0]]
    else:
        field = polynomial_field(dynamics)
        starts = np.random.default_rng(0).uniform(low, high, (_STARTS, len(low)))
        ends = newton(field, starts, tolerance=convergence_tolerance(field, starts))
        found = []
        for eta in ends.states[ends.converged]:
            if all(np.linalg.norm(eta - other) > 1e-6 * np.linalg.norm(high - low) for other in found):
                found.append(eta)
    inside = [eta for eta in found if (eta >= low - slack).all() and (eta <= high + slack).all()]
    return sorted(inside, key=lambda eta: tuple(eta.tolist()))


def matched_fixed_points(
    fit: FittedSSM, projected: ProjectedSSM, trusted: Callable[[Array], bool]
) -> tuple[MatchedFixedPoint, ...]:
    """Zeros of both models inside the data's range, the analytic ones also inside the trust radius.

    Parameters
    ----------
    fit : FittedSSM
    projected : ProjectedSSM
    trusted : callable
        Whether the analytic SSM can be believed at a state.
    """
    low, high = fit.eta_range.T
    origin = projected.eta
    analytic = [
        xi + origin
        for xi in zeros_in_box(projected.reduced_dynamics, low - origin, high - origin)
        if trusted(projected.parametrization(xi))
    ]
    extent = data_extent(fit)
    out, free = [], list(analytic)
    for eta in zeros_in_box(fit.reduced_dynamics, low, high):
        state = fit.lift(eta)
        distances = [float(np.linalg.norm(state - projected.parametrization(a - origin))) for a in free]
        if not distances:
            out.append(MatchedFixedPoint(eta, None, None))
            continue
        nearest = int(np.argmin(distances))
        out.append(MatchedFixedPoint(eta, free.pop(nearest), distances[nearest] / extent))
    return (*out, *(MatchedFixedPoint(None, eta, None) for eta in free))


def data_extent(fit: FittedSSM) -> float:
    """Largest distance of the data from the fit's centre."""
    return float(np.linalg.norm(fit.trajectories.states - fit.centre, axis=2).max())


def trajectory_error_fitted(fit: FittedSSM) -> float:
    """Normalised mean trajectory error of the fitted model over its own data."""
    starts = fit.eta[:, 0]
    return _trajectory_error(fit, fit.reduced_dynamics, fit.parametrization, starts)


def trajectory_error_analytic(fit: FittedSSM, ssm: SSM) -> float:
    """Normalised mean trajectory error of the analytic SSM over the fit's data."""
    starts = (fit.trajectories.states[:, 0] - ssm.fixed_point.state) @ ssm.left
    return _trajectory_error(
        fit,
        at_own_parameters(ssm, ssm.reduced_dynamics),
        at_own_parameters(ssm, ssm.parametrization),
        starts,
    )


def _trajectory_error(fit: FittedSSM, R: Polynomial, W: Polynomial, starts: Array) -> float:
    """Mean of |x(t) - W(eta(t))| over the largest |x - centre|, eta from the first sample of each trajectory."""
    from scipy.integrate import solve_ivp

    n, d = starts.shape
    limit = 10.0 * max(float(np.abs(starts).max()), float(np.abs(fit.eta).max()))

    def velocity(_: float, flat: Array) -> Array:
        points = flat.reshape(n, d)
        inside = np.abs(points).max(axis=1, keepdims=True) < limit  # one that diverges must not stop the rest
        return np.asarray(np.where(inside, R(np.where(inside, points, 0.0)), 0.0)).ravel()

    times = fit.trajectories.times
    run = solve_ivp(velocity, (times[0], times[-1]), starts.ravel(), t_eval=times, rtol=1e-7, atol=1e-9)
    if not run.success:
        return float("inf")
    states = W(run.y.T.reshape(-1, d)).reshape(len(times), n, -1).transpose(1, 0, 2)
    errors = np.linalg.norm(states - fit.trajectories.states, axis=2)
    return float(errors.mean() / data_extent(fit))


def field_error(fit: FittedSSM, projected: ProjectedSSM, inside: NDArray[np.bool_]) -> float:
    """Root mean square difference of the two reduced fields at the data inside the trust radius, over the fit's own."""
    eta = fit.eta[inside]
    if not len(eta):
        return float("nan")
    fitted = fit.reduced_dynamics(eta)
    difference = fitted - projected.reduced_dynamics(eta - projected.eta)
    return float(np.linalg.norm(difference) / max(float(np.linalg.norm(fitted)), np.finfo(float).tiny))


def data_residual(fit: FittedSSM, field: VectorField, seed: int = 0) -> tuple[float, float]:
    """How far the data are from obeying the network's own equation, relative to their rates of change.

    Returns
    -------
    residual : float
        Root mean square of x' - f(x), without the part that the measured noise explains.
    uncertainty : float
        What noise and discretisation may contribute.
    """
    data = fit.trajectories
    raw = _residual(data, field, fit.derivative, fit.window)
    narrow = raw if fit.window == 3 else _residual(data, field, fit.derivative, fit.window - 2)
    noise = fit.noise * np.random.default_rng(seed).standard_normal(data.states.shape)
    noisier = _residual(Trajectories(data.states + noise, data.times), field, fit.derivative, fit.window)
    size = max(_rms(along_time(fit.design.equations.changes, data.states)), np.finfo(float).tiny)
    explained = np.sqrt(max(noisier**2 - raw**2, 0.0))
    left = np.sqrt(max(raw**2 - explained**2, 0.0))
    return float(left / size), float((explained + abs(raw - narrow)) / size)


def _residual(data: Trajectories, field: VectorField, method: str, window: int) -> float:
    equations = rate_equations(data.times, method, window)
    states = along_time(equations.states, data.states)
    velocity = field(states.reshape(-1, data.n_states)).reshape(states.shape)
    return _rms(along_time(equations.changes, data.states) - along_time(equations.weights, velocity))


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.sum(values**2, axis=-1))))
