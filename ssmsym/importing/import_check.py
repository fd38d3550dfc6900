"""Whether an imported network does what its source does: steps against PyTorch, or against trajectories in the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField

Array = NDArray[np.float64]
Arrays = Mapping[str, NDArray[Any]]

TOLERANCES = {"float64": 1e-12, "float32": 1e-6}
_SAMPLES = 32
_FEW_UNITS = 64  # beyond which rounding errors of single precision grow with the square root of their number
_TRANSITIONS = 4  # of each sample trajectory


@dataclass(frozen=True)
class ImportCheck:
    """One comparison of a field with its source.

    Attributes
    ----------
    against : str
        What the field was compared with.
    error : float
        Largest difference, relative to the largest state where that exceeds 1.
    tolerance : float
    """

    against: str
    error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        return bool(self.error <= self.tolerance)

    def __str__(self) -> str:
        verdict = "holds" if self.passed else "FAILS"
        return (
            f"{verdict}: largest difference {self.error:.1e} from {self.against} (limit {self.tolerance:.0e})"
        )


def _difference(found: Array, wanted: Array) -> float:
    if found.shape != wanted.shape:
        return float("inf")
    if not found.size:
        return 0.0
    error = np.abs(found - wanted).max() / max(1.0, float(np.abs(wanted).max()))
    return float(error) if np.isfinite(error) else float("inf")


def check_steps(
    field: VectorField,
    step: Callable[[Array, Array], ArrayLike],
    *,
    against: str = "the given function",
    precision: str = "float64",
    seed: int = 0,
) -> ImportCheck:
    """Compare one step of a map with a function, on 32 random states and inputs.

    Parameters
    ----------
    field : VectorField
        A map, with its inputs as the parameter ``u`` if it has any.
    step : callable
        Takes states (n, N) and inputs (n, n_in); returns the next states (n, N).
    against : str
        What the function is, for the report.
    precision : {"float64", "float32"}
        In which the function computes: the limit is 1e-12 or 1e-6.
    seed : int

    Returns
    -------
    ImportCheck

    Raises
    ------
    InputError
        If the field is a flow, or the precision has no limit.
    """
    if precision not in TOLERANCES:
        raise InputError(f"'precision' is 'float64' or 'float32'; found '{precision}'.")
    if not field.is_map:
        raise InputError("Steps are compared with a map; load the network with as_='map', or discretize it.")
    rng = np.random.default_rng(seed)
    states = rng.uniform(-1.0, 1.0, (_SAMPLES, field.n_states))
    inputs = rng.standard_normal((_SAMPLES, len(field.values.get("u", ()))))
    if precision == "float32":
        states, inputs = (a.astype(np.float32).astype(float) for a in (states, inputs))
    wanted = np.asarray(step(states, inputs), dtype=float)
    found = np.array([_at(field, u)(x) for x, u in zip(states, inputs, strict=True)])
    text = f"one step of {against} at {_SAMPLES} random states and inputs ({precision})"
    limit = TOLERANCES[precision] * max(
        1.0, np.sqrt(field.n_states / _FEW_UNITS) if precision == "float32" else 1.0
    )
    return ImportCheck(text, _difference(found, wanted), float(limit))


def _at(field: VectorField, u: Array) -> VectorField:
    return field.at(u=u) if len(u) else field


def check_trajectories(field: VectorField, arrays: Arrays) -> ImportCheck | None:
    """Compare a network with the sample trajectories that its file holds; None if it holds none that can be stepped.

    A cell starts at 0 and follows ``trajectory_inputs`` (n, M, n_in); ``trajectories`` (n, M, H) hold the last
    layer's h after each step. A rate network takes its training steps ``dt`` (``integrator`` euler or heun)
    between ``trajectory_times`` (M,) under ``input_conditions[trajectory_conditions]``.

    Parameters
    ----------
    field : VectorField
        The cell as a map, or the rate network as an ODE.
    arrays : mapping of str to array
        Of the file.
    """
    if "trajectories" not in arrays or arrays["trajectories"].ndim != 3:
        return None
    if field.is_map:
        return _cell_trajectories(field, arrays)
    return _rate_trajectories(field, arrays)


def _cell_trajectories(field: VectorField, arrays: Arrays) -> ImportCheck | None:
    wanted = arrays["trajectories"]
    inputs = arrays.get("trajectory_inputs")
    if inputs is None or inputs.shape[:2] != wanted.shape[:2] or inputs.shape[2] != len(field.values["u"]):
        return None
    last = max(i for i, name in enumerate(field.block_names) if name.startswith("h"))
    found = np.empty((*wanted.shape[:2], field.program.sizes[last]))
    for n, drive in enumerate(inputs):
        state = np.zeros(field.n_states)
        for m, u in enumerate(drive):
            state = field.at(u=u)(state)
            found[n, m] = field.split(state)[last]
    error = _difference(found, wanted)
    return ImportCheck(f"{len(wanted)} sample trajectories of the file", error, _tolerance(wanted))


def _rate_trajectories(field: VectorField, arrays: Arrays) -> ImportCheck | None:
    wanted, dt = arrays["trajectories"], float(np.asarray(arrays.get("dt", 0.0)).reshape(-1)[0])
    times = np.asarray(arrays.get("trajectory_times", ()), dtype=float)
    if dt <= 0 or times.shape != wanted.shape[1:2] or len(times) < 2:
        return None
    counts = np.diff(times) / dt
    if (counts < 0.5).any() or np.abs(counts - np.round(counts)).max() > 1e-6:
        return None
    euler = str(np.asarray(arrays.get("integrator", "euler")).reshape(-1)[0]) == "euler"
    error = 0.0
    for n, member in enumerate(_members(field, arrays, len(wanted))):
        for m, count in enumerate(counts[:_TRANSITIONS]):
            state = np.asarray(wanted[n, m], dtype=float)
            for _ in range(round(count)):
                slope = member(state)
                ahead = state + dt * slope
                state = ahead if euler else state + 0.5 * dt * (slope + member(ahead))
            error = max(error, _difference(state, np.asarray(wanted[n, m + 1], dtype=float)))
    text = f"the first steps of {len(wanted)} sample trajectories of the file"
    return ImportCheck(text, error, _tolerance(wanted))


def _members(field: VectorField, arrays: Arrays, count: int) -> list[VectorField]:
    chosen, rows = arrays.get("trajectory_conditions"), arrays.get("input_conditions")
    if chosen is None or rows is None or "u" not in field.values or chosen.shape != (count,):
        return [field] * count
    if chosen.dtype.kind not in "iu" or (chosen < 0).any() or (chosen >= len(rows)).any():
        raise InputError(
            f"'trajectory_conditions' must name rows of 'input_conditions', 0 to {len(rows) - 1}; check the source."
        )
    return [field.at(u=rows[row]) for row in chosen]


def _tolerance(wanted: NDArray[Any]) -> float:
    return TOLERANCES["float32" if wanted.dtype.itemsize < 8 else "float64"]
