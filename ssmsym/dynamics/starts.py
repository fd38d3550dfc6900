"""Starting states for the search of fixed points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssmsym.fields.field import VectorField

Array = NDArray[np.float64]

_RELAXATION_STEPS = 120
_RELAXED = 64
_SPREADS = (0.3, 1.0, 3.0)


class StartingStates:
    """A mixture of random states, states that the dynamics passes through, and points between those.

    Half are random, around 0 or the mean of the states that the dynamics reaches, with a third, once and
    three times their spread; a quarter lie on relaxing runs or on sample trajectories that came with the
    network; a quarter lie on the segments between such states, where saddles are.
    """

    def __init__(self, field: VectorField, rng: np.random.Generator) -> None:
        self._rng = rng
        self._visited = relaxing_states(field, rng)

    def draw(self, count: int) -> Array:
        """The next `count` states, (count, N)."""
        rng, visited = self._rng, self._visited
        n_random = count - 2 * (count // 4)
        centre = rng.integers(0, 2, (n_random, 1)) * visited.mean(axis=0)
        scale = (visited.std() + 1e-3) * rng.choice(_SPREADS, (n_random, 1))
        random = centre + scale * rng.standard_normal((n_random, visited.shape[1]))
        weight = rng.uniform(0.0, 1.0, (count // 4, 1))
        between = weight * self._pick(count // 4) + (1 - weight) * self._pick(count // 4)
        return np.concatenate([random, self._pick(count // 4), between])

    def _pick(self, count: int) -> Array:
        return self._visited[self._rng.integers(len(self._visited), size=count)]


def relaxing_states(field: VectorField, rng: np.random.Generator) -> Array:
    """States on runs from random starts, and the network's own sample trajectories; finite ones only."""
    states = rng.standard_normal((_RELAXED, field.n_states))
    kept = [states]
    advance = field if field.is_map else _runge_kutta(field, states)
    for i in range(_RELAXATION_STEPS):
        with np.errstate(all="ignore"):
            states = advance(states)
        if i % 10 == 9:
            kept.append(states)
    samples = field.metadata.get("trajectories")
    if samples is not None:
        kept.append(np.asarray(samples, dtype=float).reshape(-1, field.n_states))
    pool = np.concatenate(kept)
    limit = 1e3 * (1.0 + np.abs(kept[0]).max())
    return pool[np.isfinite(pool).all(axis=1) & (np.abs(np.nan_to_num(pool)).max(axis=1) < limit)]


def _runge_kutta(field: VectorField, states: Array):  # type: ignore[no-untyped-def]
    """Classical Runge-Kutta step at the edge of stability; only a rough path is wanted."""
    norms = np.linalg.norm(field.jacobian(states[:4]), ord=2, axis=(-2, -1))
    h = 1.0 / max(float(np.max(norms)), 1e-12)

    def advance(x: Array) -> Array:
        a = field(x)
        b = field(x + 0.5 * h * a)
        c = field(x + 0.5 * h * b)
        d = field(x + h * c)
        return x + h / 6.0 * (a + 2 * b + 2 * c + d)

    return advance
