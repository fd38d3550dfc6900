"""What shows that an event of a tool is one: residual and critical eigenvalues, computed afresh from the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.spectrum import sorted_eigenvalues
from ssmsym.errors import NotConvergedError
from ssmsym.fields.field import VectorField

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

ORBIT_KINDS = ("cycle_fold", "period_doubling", "torus", "cycle_branch_point")
_RELATIVE, _ABSOLUTE = 1e-10, 1e-12  # tolerances of the integration over one period


@dataclass(frozen=True, eq=False)
class EventEvidence:
    """Evidence of one event.

    Attributes
    ----------
    residual : float
        Norm of f; of an orbit, of what is missing after one period, against the largest multiplier.
    critical_distance : float
    eigenvalues : (n,) complex array
        Of an orbit the Floquet multipliers, from the integration.
    period : float or None
    """

    residual: float
    critical_distance: float
    eigenvalues: Complex
    period: float | None = None


def at_fixed_point(field: VectorField, kind: str, state: Array) -> EventEvidence:
    """Evidence of a fold, a Hopf point, or a point on a curve of those."""
    eigenvalues = sorted_eigenvalues(field.jacobian(state))
    distance, frequency = _critical(kind, eigenvalues)
    period = 2 * np.pi / frequency if frequency > 0 else None
    return EventEvidence(float(np.linalg.norm(field(state))), distance, eigenvalues, period)


def _critical(kind: str, eigenvalues: Complex) -> tuple[float, float]:
    """Distance of the critical eigenvalues from the axis, and the frequency of a critical pair."""
    near_zero = np.sort(np.abs(eigenvalues))
    if kind == "bogdanov_takens":
        return float(near_zero[1]) if len(near_zero) > 1 else float("inf"), 0.0
    if kind not in ("hopf", "generalized_hopf", "fold_hopf"):
        return float(near_zero[0]), 0.0
    pairs = eigenvalues[eigenvalues.imag > 0]
    if not len(pairs):
        return float("inf"), 0.0
    nearest = pairs[np.argmin(np.abs(pairs.real))]
    distance = float(abs(nearest.real))
    if kind == "fold_hopf":
        distance = max(distance, float(near_zero[0]))
    return distance, float(nearest.imag)


def on_orbit(field: VectorField, kind: str, state: Array, period: float) -> EventEvidence:
    """Evidence of a bifurcation of periodic orbits: the orbit and its variational equation integrated once round.

    Multipliers m: one is 1 along the orbit; of the others one more is 1 at a fold, -1 at a period doubling, and a
    pair has modulus 1 at a torus bifurcation (Kuznetsov, Elements of Applied Bifurcation Theory, section 5.3).
    """
    end, monodromy = _once_round(field, state, period)
    multipliers = np.linalg.eigvals(monodromy).astype(complex)
    multipliers = multipliers[np.argsort(-np.abs(multipliers), kind="stable")]
    others = np.delete(multipliers, np.argmin(np.abs(multipliers - 1)))
    if kind == "period_doubling":
        distances = np.abs(others + 1)
    elif kind == "torus":
        distances = np.abs(np.abs(others[others.imag != 0]) - 1)
    else:
        distances = np.abs(others - 1)
    largest = max(1.0, float(np.abs(multipliers[0])))
    residual = float(np.linalg.norm(end - state)) / largest
    return EventEvidence(residual, float(distances.min(initial=np.inf)), multipliers, period)


def _once_round(field: VectorField, state: Array, period: float) -> tuple[Array, Array]:
    from scipy.integrate import solve_ivp

    n = len(state)

    def rates(_: float, y: Array) -> Array:
        x, tangents = y[:n], y[n:].reshape(n, n)
        return np.concatenate([field(x), (field.jacobian(x) @ tangents).ravel()])

    first = np.concatenate([state, np.eye(n).ravel()])
    with np.errstate(over="ignore", invalid="ignore"):
        done = solve_ivp(rates, (0.0, period), first, method="DOP853", rtol=_RELATIVE, atol=_ABSOLUTE)
    last: Array = done.y[:, -1]
    if not done.success or not np.isfinite(last).all():
        raise NotConvergedError(f"The orbit of period {period:.6g} could not be followed once round.")
    return last[:n], last[n:].reshape(n, n)
