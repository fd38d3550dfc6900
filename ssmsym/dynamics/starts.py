"""Starting states for the search of fixed points, and the units in which the search is made."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField

Array = NDArray[np.float64]

_RELAXATION_STEPS = 120
_RELAXED = 64
_SPREADS = (0.3, 1.0, 3.0)

_PROBES = np.logspace(-12, 6, 36)  # sizes from which runs are sent to learn the size of the states
_PROBE_STEPS = {"continuous": 100, "discrete": 800}
_SETTLED_TOGETHER = 8  # probes that must end within a decade; 2 or 3 do where nothing sets a size
_BASE = 16.0

_SAMPLED_BYTES = 16e6  # of Jacobians from which a typical rate is taken


def state_limits(field: VectorField, unit: float) -> Array | None:
    """Largest modulus of each state at a fixed point, (N,), where the field's metadata tells; None where not."""
    boxed = str(field.metadata.get("unit_box", "")).split()
    if not boxed:
        return None
    sizes = zip(field.block_names, field.program.sizes, strict=True)
    return np.concatenate([np.full(size, 1.0 if name in boxed else np.inf) for name, size in sizes]) / unit


class StartingStates:
    """A mixture of random states, states that the dynamics passes through, and points between those.

    Half are random, around 0 or the mean of the states that the dynamics reaches, with a third, once and
    three times their spread; a quarter lie on relaxing runs or on sample trajectories that came with the
    network; a quarter lie on the segments between such states, where saddles are. None exceeds the limits.
    """

    def __init__(self, field: VectorField, rng: np.random.Generator, limits: Array | None = None) -> None:
        self._rng = rng
        self._limits = limits
        self.visited = relaxing_states(field, rng)

    def draw(self, count: int) -> Array:
        """The next `count` states, (count, N)."""
        rng, visited = self._rng, self.visited
        n_random = count - 2 * (count // 4)
        centre = rng.integers(0, 2, (n_random, 1)) * visited.mean(axis=0)
        scale = (visited.std() + 1e-3) * rng.choice(_SPREADS, (n_random, 1))
        random = centre + scale * rng.standard_normal((n_random, visited.shape[1]))
        weight = rng.uniform(0.0, 1.0, (count // 4, 1))
        between = weight * self._pick(count // 4) + (1 - weight) * self._pick(count // 4)
        states = np.concatenate([random, self._pick(count // 4), between])
        return states if self._limits is None else np.clip(states, -self._limits, self._limits)

    def _pick(self, count: int) -> Array:
        return self.visited[self._rng.integers(len(self.visited), size=count)]


def relaxing_states(field: VectorField, rng: np.random.Generator) -> Array:
    """States on runs from random starts of size 1, and the network's own sample trajectories; finite ones."""
    states = rng.standard_normal((_RELAXED, field.n_states))
    kept = [states]
    with np.errstate(all="ignore"):
        advance = field if field.is_map else _runge_kutta(field, states)
        for i in range(_RELAXATION_STEPS):
            states = advance(states)
            if i % 10 == 9:
                kept.append(states)
    samples = field.metadata.get("trajectories")
    if samples is not None:
        kept.append(np.asarray(samples, dtype=float).reshape(-1, field.n_states))
    pool = np.concatenate(kept)
    limit = 1e3 * (1.0 + np.abs(kept[0]).max())
    return pool[np.isfinite(pool).all(axis=1) & (np.abs(np.nan_to_num(pool)).max(axis=1) < limit)]


def _runge_kutta(field: VectorField, states: Array) -> Callable[[Array], Array]:
    """Classical Runge-Kutta step at the edge of stability; only a rough path is wanted."""
    inside = states[np.isfinite(field(states)).all(axis=1)][:4]
    jacobians = _finite_jacobians(field, inside)
    norms = np.linalg.norm(jacobians, ord=2, axis=(-2, -1)) if len(jacobians) else np.ones(1)
    h = 1.0 / max(float(np.max(norms)), 1e-12)

    def advance(x: Array) -> Array:
        a = field(x)
        b = field(x + 0.5 * h * a)
        c = field(x + 0.5 * h * b)
        d = field(x + h * c)
        return x + h / 6.0 * (a + 2 * b + 2 * c + d)

    return advance


def _finite_jacobians(field: VectorField, states: Array) -> Array:
    n = field.n_states
    with np.errstate(all="ignore"):
        jacobians = np.broadcast_to(field.jacobian(states), (*states.shape, n))
    return jacobians[np.isfinite(jacobians).all(axis=(1, 2))]


def typical_rate(field: VectorField, states: Array) -> float:
    """Median Frobenius norm of the defect's Jacobian over (some of) the states; 1 if it is finite at none."""
    most = int(np.clip(_SAMPLED_BYTES / (8 * field.n_states**2), 4, 16))
    some = states[np.unique(np.linspace(0, len(states) - 1, most).round().astype(int))]
    jacobians = _finite_jacobians(field, some)
    if not len(jacobians):
        return 1.0
    if field.is_map:
        jacobians = jacobians - np.eye(field.n_states)
    return float(np.median(np.linalg.norm(jacobians, axis=(1, 2))))


# -- units -------------------------------------------------------------------------------------------------


class _InUnits:
    """The parts of a field that the search uses, for states in another unit: z' = f(scale z) / scale."""

    def __init__(self, field: VectorField, scale: float) -> None:
        self._field, self._scale = field, scale
        self.n_states, self.is_map, self.time = field.n_states, field.is_map, field.time

    def __call__(self, states: Array) -> Array:
        return np.asarray(self._field(self._scale * states) / self._scale)

    def jacobian(self, states: Array) -> Array:
        return self._field.jacobian(self._scale * states)

    @functools.cached_property
    def metadata(self) -> Mapping[str, Any]:
        samples = self._field.metadata.get("trajectories")
        return {} if samples is None else {"trajectories": np.asarray(samples, dtype=float) / self._scale}


def in_units(field: VectorField, scale: float) -> VectorField:
    """The field for states divided by a power of two, which rounds nothing."""
    return field if scale == 1.0 else cast(VectorField, _InUnits(field, scale))


def search_scale(field: VectorField, scale: float | None) -> float:
    """The unit of the search: the size given, or that of the states on which runs settle; a power of 16.

    Only its order of magnitude matters, and a power of two makes the change of units exact.
    """
    if scale is None:
        with np.errstate(all="ignore"):
            scale = _settled_size(field)
    elif isinstance(scale, bool) or not (0 < scale < np.inf):
        raise InputError(f"'scale' must be a positive number; found {scale!r}.")
    return float(_BASE ** np.round(np.clip(np.log(scale) / np.log(_BASE), -60, 60)))


def _settled_size(field: VectorField) -> float:
    """Size per coordinate of the states on which runs from 18 decades of sizes settle; 1 if they do not.

    Runs that end on attractors gather in one decade; of several such decades the highest counts. Where nothing
    sets a size (linear fields, runs that die out or grow) they stay apart or keep moving.
    """
    states = _PROBES[:, None] * np.random.default_rng(0).standard_normal((len(_PROBES), field.n_states))
    steps = _PROBE_STEPS[field.time]
    advance = field if field.is_map else _AdaptiveMidpoint(field, states)
    for _ in range(3 * steps // 4):
        states = advance(states)
    earlier = _sizes(states)
    for _ in range(steps - 3 * steps // 4):
        states = advance(states)
    sizes = _sizes(states)
    settled = sizes[np.isfinite(sizes) & (sizes > 0.5 * earlier) & (sizes < 2.0 * earlier)]
    for size in -np.sort(-settled):
        together = settled[(settled <= size) & (settled >= 0.1 * size)]
        if len(together) >= _SETTLED_TOGETHER:
            return float(np.median(together))
    return 1.0


def _sizes(states: Array) -> Array:
    return np.asarray(np.sqrt(np.mean(states**2, axis=1)))


class _AdaptiveMidpoint:
    """Midpoint steps, each run with a step of about 1 / |Df| along its path; no size enters."""

    def __init__(self, field: VectorField, states: Array) -> None:
        self._field = field
        slope = field(states)
        speed, size = np.linalg.norm(slope, axis=1), np.linalg.norm(states, axis=1)
        ahead = 1e-3 * (size / np.maximum(speed, 1e-300))
        bend = np.linalg.norm(field(states + ahead[:, None] * slope) - slope, axis=1) / (ahead * speed)
        self._h = 1.0 / np.maximum(np.nan_to_num(bend) + speed / size, 1e-300)

    def __call__(self, states: Array) -> Array:
        slope = self._field(states)
        middle = self._field(states + 0.5 * self._h[:, None] * slope)
        speed = np.maximum(np.linalg.norm(slope, axis=1), 1e-300)
        change = 2.0 * np.linalg.norm(middle - slope, axis=1) / speed
        taken = change <= 1.5
        moved = np.where(taken[:, None], states + self._h[:, None] * middle, states)
        self._h = self._h * np.nan_to_num(np.clip(1.0 / np.maximum(change, 0.1), 0.1, 2.0), nan=0.1)
        inside = np.isfinite(slope).all(axis=1, keepdims=True)
        return np.where(inside, moved, np.nan)
