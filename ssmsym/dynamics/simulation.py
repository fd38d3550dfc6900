"""Trajectories of fields: single and many, with inputs, with noise, of flows and of maps."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field as dataclass_field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.ensemble import dormand_prince, integrate_ensemble
from ssmsym.dynamics.fixed_points import generator
from ssmsym.dynamics.inputs import InputSchedule, input_schedule
from ssmsym.dynamics.trajectory_source import integrator_source
from ssmsym.errors import InputError, NotConvergedError
from ssmsym.fields.compilation import compiled_module
from ssmsym.fields.field import VectorField
from ssmsym.fields.known_range import has_range, inside, range_text
from ssmsym.fields.symbolic import as_numbers
from ssmsym.threads import single_blas_thread

Array = NDArray[np.float64]

_BLOCK = 512  # members integrated together, so that their stages stay in the second-level cache
_MAX_STEPS = 1_000_000
_SHARE = 0.05  # of the fastest time scale: a noisy step
_STEPS_A_RATE = 20  # noisy steps after which the fastest rate is looked up again


@dataclass(frozen=True, eq=False)
class Simulation:
    """Trajectories at given times.

    Attributes
    ----------
    times : (M,) array
        In the field's unit of time; steps for a map.
    states : (M, N) or (n, M, N) array
        One trajectory, or many.
    field : VectorField
    """

    times: Array
    states: Array
    field: VectorField = dataclass_field(repr=False)

    @property
    def readout(self) -> Array:
        """z along the trajectories, (M, k) or (n, M, k), at the field's own parameter values."""
        flat = self.field.readout(self.states.reshape(-1, self.states.shape[-1]))
        return flat.reshape(*self.states.shape[:-1], -1)

    def __repr__(self) -> str:
        count = len(self.states) if self.states.ndim == 3 else 1
        first, last = self.times[0], self.times[-1]
        return f"Simulation({count} trajectories, {len(self.times)} times from {first:g} to {last:g})"


@single_blas_thread()
def simulate(
    field: VectorField,
    x0: ArrayLike,
    times: ArrayLike,
    *,
    inputs: Mapping[str, Any] | None = None,
    noise: float | ArrayLike | None = None,
    seed: int | None = None,
    step: float | None = None,
    rtol: float = 1e-7,
    atol: float = 1e-9,
    progress: Callable[[int, int], None] | None = None,
) -> Simulation:
    r"""Trajectories from one state or from many.

    One trajectory without inputs runs through a compiled adaptive integrator; many run together, each with
    its own adaptive step and one matrix product a stage (Dormand-Prince pair of order 5 in both). With noise,
    x' = f(x) + sigma xi(t), by the Heun scheme with a fixed step (strong order 1 for such additive noise;
    Kloeden and Platen, 1992, section 10.4). A map is iterated.

    Parameters
    ----------
    field : VectorField
    x0 : (N,) or (n, N) array
    times : (M,) array
        Increasing; the first is the time of `x0`. For a map, integers.
    inputs : mapping, optional
        Parameter name (``"u"``, ``"u[0]"``, ``"g"``) to values that change in time: an array (M - 1, ...) whose
        entry k holds from times[k] to times[k + 1], or a callable of the time.
    noise : float or (N,) array, optional
        sigma, in state per square root of time (for a map: the standard deviation added each step).
    seed : int, optional
        Of the noise; runs with the same seed and step are equal.
    step : float, optional
        With noise the fixed step, by default a twentieth of the fastest time scale met; without, the longest
        step, by default unlimited, but with callable inputs the shortest interval between output times.
    rtol, atol : float
        Tolerances of a step's error, relative and in units of the state.
    progress : callable, optional
        Called with trajectories done and wanted.

    Returns
    -------
    Simulation

    Raises
    ------
    InputError
        If an argument is misshapen, not finite or unknown.
    NotConvergedError
        If a trajectory leaves every bound, or the range over which piecewise equations are known, or needs too many
        steps.

    Examples
    --------
    >>> import numpy as np, sympy
    >>> from ssmsym import from_sympy
    >>> x = sympy.Symbol("x")
    >>> run = simulate(from_sympy({x: -x}), [1.0], [0.0, 1.0])
    >>> bool(abs(run.states[-1, 0] - np.exp(-1.0)) < 1e-6)
    True
    """
    states, grid = _checked(field, x0, times)
    schedule = input_schedule(field, inputs, grid)
    sigma = _checked_noise(field, noise)
    longest = _checked_steps(step, rtol, atol, grid, schedule)
    if field.is_map:
        found = _iterate(field, np.atleast_2d(states), grid, schedule, sigma, seed)
    elif sigma is not None:
        found = _stochastic(field, np.atleast_2d(states), grid, schedule, sigma, seed, step)
    else:
        settings = {"rtol": rtol, "atol": atol, "longest_step": longest, "max_steps": _MAX_STEPS}
        compiled = None
        if states.ndim == 1 and schedule is None:
            compiled = _single(field, states, grid, settings)
        found = (
            _many(field, np.atleast_2d(states), grid, schedule, settings, progress)
            if compiled is None
            else compiled
        )
    _check_inside(field, grid, found, schedule)
    return Simulation(grid, found[0] if states.ndim == 1 else found, field)


def _check_inside(field: VectorField, grid: Array, found: Array, schedule: InputSchedule | None) -> None:
    """Refuse trajectories that leave what is known of the equations, by their states at the output times."""
    if not has_range(field):
        return
    for k, t in enumerate(grid):
        member = field if schedule is None else schedule.member(min(k, len(grid) - 2), float(t))
        if not inside(member, found[:, k]).all():
            raise NotConvergedError(
                f"At t = {t:.6g} a trajectory is outside the range over which its equations are known "
                f"({range_text(field)}); shorten 'times', start elsewhere, or compute the model over a wider range."
            )


def _checked(field: VectorField, x0: ArrayLike, times: ArrayLike) -> tuple[Array, Array]:
    states = field.check_state(x0)
    if states.size == 0:
        raise InputError("'x0' holds no state.")
    grid = as_numbers("times", times)
    if not np.isfinite(states).all():
        raise InputError("'x0' holds numbers that are not finite.")
    if grid.ndim != 1 or len(grid) < 2 or not np.isfinite(grid).all() or not (np.diff(grid) > 0).all():
        raise InputError(
            f"'times' must be a one-dimensional array of at least 2 increasing times; found shape {grid.shape}."
        )
    if field.is_map and (grid != np.round(grid)).any():
        raise InputError("The times of a map are whole numbers of steps.")
    return states, grid


def _checked_noise(field: VectorField, noise: float | ArrayLike | None) -> Array | None:
    if noise is None:
        return None
    sigma = as_numbers("noise", noise)
    if sigma.shape not in ((), (field.n_states,)) or not (np.isfinite(sigma).all() and (sigma >= 0).all()):
        raise InputError(
            f"'noise' must be a number or an array ({field.n_states},) of numbers of at least 0; found shape "
            f"{sigma.shape}."
        )
    return sigma


def _checked_steps(
    step: float | None, rtol: float, atol: float, grid: Array, schedule: InputSchedule | None
) -> float:
    """The longest step."""
    for name, value in (("rtol", rtol), ("atol", atol)):
        if not (isinstance(value, (int, float)) and np.isfinite(value) and value >= 0):
            raise InputError(f"'{name}' must be a number of at least 0; found {value!r}.")
    if rtol + atol == 0:
        raise InputError("'rtol' and 'atol' cannot both be 0.")
    if step is not None:
        if not (isinstance(step, (int, float)) and np.isfinite(step) and step > 0):
            raise InputError(f"'step' must be positive; found {step!r}.")
        return float(step)
    return float(np.diff(grid).min()) if schedule is not None and schedule.functions else float("inf")


def fastest_rate(field: VectorField, states: Array) -> float:
    """Largest norm of the Jacobian at the states that move fastest, in 1/time."""
    with np.errstate(all="ignore"):
        speed = np.nan_to_num(np.linalg.norm(field(states), axis=1), nan=0.0)
        chosen = states[np.argsort(-speed)[:8]]
        norms = np.linalg.norm(field.jacobian(chosen), axis=(-2, -1))
    norms = norms[np.isfinite(norms)]
    return max(float(norms.max(initial=0.0)), 1e-12)


def _single(field: VectorField, state: Array, grid: Array, settings: dict[str, Any]) -> Array | None:
    """One trajectory by compiled code, (1, M, N); None if the field has no compiled form."""
    try:
        module, made = compiled_module(field, integrator_source)
    except InputError:
        return None
    table = dormand_prince()
    first = 0.1 / fastest_rate(field, state[None])
    tables = [np.ascontiguousarray(t, dtype=float) for t in (table.A, table.B, table.E, table.P)]
    out, reached, end = module.integrate(
        np.ascontiguousarray(state),
        grid,
        float(settings["rtol"]),
        float(settings["atol"]),
        first,
        float(settings["longest_step"]),
        _MAX_STEPS,
        *tables,
        *made.arguments,
    )
    if reached < len(grid) - 1:
        raise NotConvergedError(
            f"The trajectory could not be followed beyond t = {end:.6g}: its state grows without bound, or the "
            "tolerance is too small. Shorten 'times' or loosen 'rtol'."
        )
    return np.asarray(out)[None]


def _many(
    field: VectorField,
    states: Array,
    grid: Array,
    schedule: InputSchedule | None,
    settings: dict[str, Any],
    progress: Callable[[int, int], None] | None,
) -> Array:
    out = np.empty((len(states), len(grid), field.n_states))
    first = np.full(len(states), 0.1 / fastest_rate(field, states))
    for start in range(0, len(states), _BLOCK):
        block = slice(start, min(start + _BLOCK, len(states)))
        out[block] = _block(field, states[block], grid, schedule, settings, first[block])
        if progress is not None:
            progress(block.stop, len(states))
    return out


def _block(
    field: VectorField,
    states: Array,
    grid: Array,
    schedule: InputSchedule | None,
    settings: dict[str, Any],
    first: Array,
) -> Array:
    if schedule is None:
        return integrate_ensemble(lambda _, x: field(x), states, grid, first_step=first, **settings)[0]
    if not schedule.piecewise:
        return integrate_ensemble(schedule.right_side(0), states, grid, first_step=first, **settings)[0]
    parts, step = [states[:, None]], first
    for k in range(len(grid) - 1):
        ends, step = integrate_ensemble(
            schedule.right_side(k), parts[-1][:, -1], grid[k : k + 2], first_step=step, **settings
        )
        step = np.maximum(step, 0.1 * first)
        parts.append(ends[:, 1:])
    return np.concatenate(parts, axis=1)


def _stochastic(
    field: VectorField,
    states: Array,
    grid: Array,
    schedule: InputSchedule | None,
    sigma: Array,
    seed: int | None,
    step: float | None,
) -> Array:
    rng = generator(seed)
    out = np.empty((len(states), len(grid), field.n_states))
    out[:, 0] = x = states
    for k, (t0, t1) in enumerate(itertools.pairwise(grid)):
        f = (lambda _, y: field(y)) if schedule is None else schedule.right_side(k)
        t, left = t0, t1 - t0
        while left > 1e-12 * (t1 - t0):
            # without a given step, it follows the fastest rate among the states reached
            wanted = step if step is not None else _noisy_step(field, schedule, k, t, x, sigma, left)
            planned = max(1, int(np.ceil(left / wanted)))
            h = left / planned
            for _ in range(planned if step is not None else min(planned, _STEPS_A_RATE)):
                here = np.full(len(x), t)
                kick = sigma * np.sqrt(h) * rng.standard_normal(x.shape)
                with np.errstate(all="ignore"):
                    slope = f(here, x)
                    x = x + 0.5 * h * (slope + f(here + h, x + h * slope + kick)) + kick
                t += h
            left = t1 - t
        if not np.isfinite(x).all():
            raise NotConvergedError(
                f"A trajectory is no longer finite at t = {t1:.6g}; choose a smaller 'step'."
            )
        out[:, k + 1] = x
    return out


def _noisy_step(
    field: VectorField,
    schedule: InputSchedule | None,
    interval: int,
    t: float,
    x: Array,
    sigma: Array,
    longest: float,
) -> float:
    """A step short against the fastest rate at the states, and at those that the noise soon leads to."""
    member = field if schedule is None else schedule.member(interval, t)
    step = min(longest, _SHARE / fastest_rate(member, x))
    while True:
        kicked = x + 3.0 * np.sqrt(_STEPS_A_RATE * step) * np.broadcast_to(sigma, x.shape)
        wanted = _SHARE / fastest_rate(member, np.concatenate([kicked, 2 * x - kicked]))
        if step <= wanted:
            return step
        step = max(wanted, 0.5 * step)


def _iterate(
    field: VectorField,
    states: Array,
    grid: Array,
    schedule: InputSchedule | None,
    sigma: Array | None,
    seed: int | None,
) -> Array:
    rng = generator(seed)
    out = np.empty((len(states), len(grid), field.n_states))
    out[:, 0] = x = states
    for k, (t0, t1) in enumerate(itertools.pairwise(grid)):
        f = (lambda _, y: field(y)) if schedule is None else schedule.right_side(k)
        for i in range(int(t1 - t0)):
            with np.errstate(all="ignore"):
                x = f(np.full(len(x), t0 + i), x)
            if sigma is not None:
                x = x + sigma * rng.standard_normal(x.shape)
        if not np.isfinite(x).all():
            raise NotConvergedError(f"A trajectory is no longer finite at step {int(t1)}.")
        out[:, k + 1] = x
    return out
