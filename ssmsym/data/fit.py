"""Data-driven spectral submanifolds: parametrization and reduced dynamics from trajectories."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field as dataclass_field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.data.derivatives import noise_level, rate_equations
from ssmsym.data.design import Design, along_time
from ssmsym.data.regression import Regression
from ssmsym.data.trajectories import Trajectories
from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.fields.polynomial_field import polynomial_field
from ssmsym.series.polynomial import Polynomial
from ssmsym.threads import single_blas_thread

Array = NDArray[np.float64]

_NOISE_COPIES = 4
_NO_NOISE = 1e-9  # of the size of the data: rounding and integration errors


@dataclass(frozen=True, eq=False)
class FittedSSM:
    """An invariant manifold x = W(eta) with reduced dynamics eta' = R(eta), fitted to trajectories.

    Attributes
    ----------
    centre : (N,) array
        Origin of the coordinates, eta = projection.T @ (x - centre).
    tangent : (N, d) array
        Linear coefficients of W at the centre, projection.T @ tangent = I.
    projection : (N, d) array
    parametrization, reduced_dynamics : Polynomial
        W (N outputs, the centre included) and R (d outputs, in 1/time), in eta.
    order : int
    anchored : bool
        Whether W(0) = centre and R(0) = 0 were imposed.
    derivative : str
        How rates of change were taken.
    window : int
        Number of samples that one rate of change takes.
    ridge : float
    parametrization_fit, dynamics_fit : Regression
        Coefficients (of W without the centre), covariances, systematic errors, singular values.
    noise : (N,) array
        Standard deviation of measurement noise in each state variable, from high differences in time.
    reconstruction_error : float
        Mean of |x - W(eta)| over the largest |x - centre| of the data.
    derivative_residual : float
        Root mean square of the rate equations' residuals over that of their left-hand sides.
    trajectories : Trajectories
        The data.
    """

    centre: Array
    tangent: Array
    projection: Array
    parametrization: Polynomial
    reduced_dynamics: Polynomial
    order: int
    anchored: bool
    derivative: str
    window: int
    ridge: float
    parametrization_fit: Regression = dataclass_field(repr=False)
    dynamics_fit: Regression = dataclass_field(repr=False)
    noise: Array = dataclass_field(repr=False)
    reconstruction_error: float
    derivative_residual: float
    trajectories: Trajectories = dataclass_field(repr=False)

    @property
    def dimension(self) -> int:
        """Number d of reduced coordinates."""
        return int(self.projection.shape[1])

    @functools.cached_property
    def eta(self) -> Array:
        """Reduced coordinates of the data, (n, M, d)."""
        return self.project(self.trajectories.states)

    @property
    def eta_range(self) -> Array:
        """Smallest and largest value of each reduced coordinate in the data, (d, 2)."""
        return np.stack([self.eta.min(axis=(0, 1)), self.eta.max(axis=(0, 1))], axis=1)

    @property
    def condition_numbers(self) -> dict[str, float]:
        """Of the two designs, each monomial scaled to at most 1 over the data; inf if singular."""
        return {
            "parametrization": self.parametrization_fit.condition,
            "reduced_dynamics": self.dynamics_fit.condition,
        }

    @functools.cached_property
    def field(self) -> VectorField:
        """The reduced dynamics as a vector field."""
        return polynomial_field(self.reduced_dynamics, state="eta")

    @functools.cached_property
    def design(self) -> Design:
        """The regressions that made this fit."""
        equations = rate_equations(self.trajectories.times, self.derivative, self.window)
        return Design(self.centre, self.projection, self.order, self.anchored, equations, self.ridge)

    def lift(self, eta: ArrayLike) -> Array:
        """States W(eta), (N,) or (n, N), at reduced coordinates (d,) or (n, d)."""
        return self.parametrization(np.asarray(eta, dtype=float))

    def project(self, x: ArrayLike) -> Array:
        """Reduced coordinates T^T (x - centre) of states (..., N)."""
        states = np.asarray(x, dtype=float)
        if states.shape[-1:] != self.centre.shape:
            raise InputError(f"A state has shape ({len(self.centre)},); found {states.shape}.")
        return (states - self.centre) @ self.projection

    def __repr__(self) -> str:
        n, m, width = self.trajectories.states.shape
        conditions = self.condition_numbers
        ranges = ", ".join(f"[{low:.4g}, {high:.4g}]" for low, high in self.eta_range)
        return (
            f"FittedSSM({width} states, {self.dimension} coordinates, order {self.order}, from {n} x {m} samples)\n"
            f"  range of eta: {ranges}\n"
            f"  reconstruction error {self.reconstruction_error:.2e}, residual of rates "
            f"{self.derivative_residual:.2e} ({self.derivative}, window {self.window})\n"
            f"  condition numbers {conditions['parametrization']:.1e} (W), "
            f"{conditions['reduced_dynamics']:.1e} (R)"
        )


@single_blas_thread()
def fit_ssm(
    trajectories: Trajectories | ArrayLike,
    times: ArrayLike | None = None,
    *,
    dim: int,
    order: int,
    centre: ArrayLike | None = None,
    tangent: ArrayLike | None = None,
    projection: ArrayLike | None = None,
    anchored: bool | None = None,
    derivative: str = "central",
    window: int | None = None,
    ridge: float = 0.0,
    seed: int = 0,
) -> FittedSSM:
    """Fit a d-dimensional invariant manifold and its reduced dynamics to trajectories.

    The reduced coordinates are a linear projection of the state, eta = T^T (x - centre). Two polynomial
    regressions follow: of the states on eta, and of the rates of change of eta on eta. Transients towards the
    manifold must be cut from the data. Standard errors come from the residuals (raised for their correlation in
    time); estimates of systematic errors from refits with a narrower window and with the measured noise added
    once more.

    Parameters
    ----------
    trajectories : Trajectories or (n, M, N) or (M, N) array
    times : (M,) array, optional
        Sampling times, when `trajectories` is an array.
    dim : int
        Number of reduced coordinates.
    order : int
        Highest total degree of both polynomials.
    centre : (N,) array, optional
        Origin of the coordinates, ideally the fixed point; the mean of the data when not given.
    tangent : (N, dim) array, optional
        Basis of a subspace; eta are the components of the orthogonal projection onto it.
    projection : (N, dim) array, optional
        T itself, an oblique projection such as an SSM's `left`. Without `tangent` and `projection`, the leading
        principal components of the data about the centre.
    anchored : bool, optional
        Whether the centre is a fixed point on the manifold, so that constant terms are left out. True when a
        centre is given.
    derivative : {"central", "local", "integral"}
        Central differences of high order, for clean data; local quartic fits (Savitzky-Golay), or the integral
        form of the equations, for noisy data.
    window : int, optional
        Samples that one rate takes, odd; 7, 15 and 7 when not given.
    ridge : float
        Weight of the squared coefficients of degree 2 and more, monomials scaled to 1 over the data, relative to
        the mean squared residual.
    seed : int
        Of the noise that is added to estimate its effect.

    Returns
    -------
    FittedSSM

    Raises
    ------
    InputError
        If shapes do not fit, numbers are not finite, an option is out of range, or there are fewer samples than
        monomials.

    References
    ----------
    Cenedese, Axås, Bäuerlein, Avila and Haller, Nature Communications 13, 872, 2022 (Methods: the regressions for
    parametrization and reduced dynamics, and the normalised mean trajectory error). Cook and Stefanski, Journal of
    the American Statistical Association 89, 1994 (adding noise to see its bias).
    """
    data = _as_trajectories(trajectories, times)
    _check_options(data, dim, order, ridge)
    origin = data.states.mean(axis=(0, 1)) if centre is None else _vector(centre, data.n_states)
    T = _projection(data, origin, dim, tangent, projection)
    fixed = centre is not None if anchored is None else bool(anchored)
    design = Design(
        origin, T, int(order), fixed, rate_equations(data.times, derivative, window), float(ridge)
    )
    noise = noise_level(data.states)
    shifts_W, shifts_R = _systematic(design, data, derivative, noise, seed)
    param = replace(design.parametrization(data.states), shifts=shifts_W)
    dynamics = replace(design.dynamics(data.states), shifts=shifts_R)
    W = Polynomial(design.exponents, param.coefficients) + Polynomial.constant(origin[None], dim)
    R = Polynomial(design.exponents, dynamics.coefficients)
    changes = along_time(design.equations.changes, design.coordinates(data.states))
    size = float(np.sqrt(np.mean(changes**2, axis=(0, 1)).sum()))
    return FittedSSM(
        centre=_frozen(origin),
        tangent=_frozen(param.coefficients[design.exponents.sum(axis=1) == 1].T),
        projection=_frozen(T),
        parametrization=W,
        reduced_dynamics=R,
        order=int(order),
        anchored=fixed,
        derivative=derivative,
        window=design.equations.width,
        ridge=float(ridge),
        parametrization_fit=param,
        dynamics_fit=dynamics,
        noise=noise,
        reconstruction_error=_reconstruction_error(data, W, design),
        derivative_residual=float(np.linalg.norm(dynamics.residual)) / max(size, np.finfo(float).tiny),
        trajectories=data,
    )


def _frozen(array: Array) -> Array:
    out = np.array(array, dtype=float)
    out.setflags(write=False)
    return out


def _as_trajectories(trajectories: Trajectories | ArrayLike, times: ArrayLike | None) -> Trajectories:
    if isinstance(trajectories, Trajectories):
        if times is not None:
            raise InputError("'times' belong to arrays; a Trajectories object has its own.")
        return trajectories
    if times is None:
        raise InputError("'times' are needed when the trajectories are given as an array.")
    return Trajectories(trajectories, times)


def _check_options(data: Trajectories, dim: int, order: int, ridge: float) -> None:
    if int(dim) != dim or not 1 <= dim <= data.n_states:
        raise InputError(
            f"'dim' must be an integer from 1 to the number of state variables ({data.n_states}); found {dim}."
        )
    if int(order) != order or order < 1:
        raise InputError(f"'order' must be an integer of at least 1; found {order}.")
    if not (np.isfinite(ridge) and ridge >= 0):
        raise InputError(f"'ridge' must be a number of at least 0; found {ridge}.")


def _vector(values: ArrayLike, size: int) -> Array:
    out = np.array(values, dtype=float)
    if out.shape != (size,) or not np.isfinite(out).all():
        raise InputError(f"'centre' must be {size} finite numbers; found an array of shape {out.shape}.")
    return out


def _projection(
    data: Trajectories, origin: Array, dim: int, tangent: ArrayLike | None, projection: ArrayLike | None
) -> Array:
    if tangent is not None and projection is not None:
        raise InputError("Give either 'tangent' or 'projection'; a projection defines its own tangent.")
    given = tangent if projection is None else projection
    if given is None:
        return _principal_components(data, origin, dim)
    name = "tangent" if projection is None else "projection"
    basis = np.array(given, dtype=float)
    if basis.shape != (data.n_states, dim) or not np.isfinite(basis).all():
        raise InputError(f"'{name}' must be finite of shape ({data.n_states}, {dim}); found {basis.shape}.")
    if np.linalg.matrix_rank(basis) < dim:
        raise InputError(f"The columns of '{name}' are linearly dependent.")
    return basis if projection is not None else np.linalg.pinv(basis).T


def _principal_components(data: Trajectories, origin: Array, dim: int) -> Array:
    points = (data.states - origin).reshape(-1, data.n_states)
    if len(points) < dim:
        raise InputError(f"{dim} principal components need at least {dim} samples; found {len(points)}.")
    size = float(np.abs(points).max())
    if size == 0:
        raise InputError("All states equal the centre; there is nothing to fit.")
    _, singular, right = np.linalg.svd(points / size, full_matrices=False)
    if singular[dim - 1] <= 1e-12 * singular[0]:
        raise InputError(f"The data span fewer than {dim} directions about the centre; lower 'dim'.")
    T = right[:dim].T
    return T * np.sign(T[np.abs(T).argmax(axis=0), np.arange(dim)])


def _systematic(
    design: Design, data: Trajectories, derivative: str, noise: Array, seed: int
) -> tuple[Array, Array]:
    """Changes of the coefficients of W and of R under the refits that show systematic errors."""
    W, R = (r.coefficients for r in (design.parametrization(data.states), design.dynamics(data.states)))
    shifts_W, shifts_R = [], []
    if design.equations.width > 3:
        narrow = rate_equations(data.times, derivative, design.equations.width - 2)
        shifts_R.append(R - replace(design, equations=narrow).dynamics(data.states).coefficients)
    if design.ridge:
        free = replace(design, ridge=0.0)
        shifts_W.append(W - free.parametrization(data.states).coefficients)
        shifts_R.append(R - free.dynamics(data.states).coefficients)
    if np.linalg.norm(noise) > _NO_NOISE * np.abs(data.states - design.centre).max():
        rng = np.random.default_rng(seed)
        noisier = [data.states + noise * rng.standard_normal(data.states.shape) for _ in range(_NOISE_COPIES)]
        shifts_W.append(np.mean([design.parametrization(x).coefficients for x in noisier], axis=0) - W)
        shifts_R.append(np.mean([design.dynamics(x).coefficients for x in noisier], axis=0) - R)
    return np.array(shifts_W).reshape(-1, *W.shape), np.array(shifts_R).reshape(-1, *R.shape)


def _reconstruction_error(data: Trajectories, W: Polynomial, design: Design) -> float:
    points = data.states.reshape(-1, data.n_states)
    errors = points - W((points - design.centre) @ design.projection)
    largest = np.linalg.norm(points - design.centre, axis=1).max()
    return float(np.linalg.norm(errors, axis=1).mean() / max(largest, np.finfo(float).tiny))
