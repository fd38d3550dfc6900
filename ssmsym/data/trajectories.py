"""Sampled trajectories of a system, and their files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field as dataclass_field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.errors import FileFormatError, InputError
from ssmsym.fields.files import read_arrays, write_arrays

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trajectories:
    """Trajectories of one autonomous system, all sampled at the same times.

    Attributes
    ----------
    states : (n, M, N) array
        n trajectories of M samples of N state variables; one trajectory may be given as (M, N).
    times : (M,) array
        Strictly increasing.
    metadata : mapping of str to array
        Whatever else is kept with them, such as ``parameters`` (n, q).

    Raises
    ------
    InputError
        If shapes do not fit, a number is not finite, or the times do not increase.
    """

    states: Array
    times: Array
    metadata: Mapping[str, NDArray[Any]] = dataclass_field(default_factory=dict, repr=False)

    def __init__(
        self, states: ArrayLike, times: ArrayLike, metadata: Mapping[str, NDArray[Any]] | None = None
    ) -> None:
        x, t = _numbers(states, "trajectories"), _numbers(times, "times")
        if x.ndim == 2:
            x = x[None]
        if x.ndim != 3 or 0 in x.shape:
            raise InputError(f"Trajectories have shape (n, M, N), none of them 0; found {x.shape}.")
        if t.shape != (x.shape[1],):
            raise InputError(
                f"Trajectories of shape {x.shape} need times of shape ({x.shape[1]},); found {t.shape}."
            )
        if not np.isfinite(t).all():
            raise InputError("The times hold values that are not finite.")
        if not np.isfinite(x).all():
            n, m, i = np.argwhere(~np.isfinite(x))[0].tolist()
            raise InputError(
                f"The trajectories hold values that are not finite, first in trajectory {n}, sample {m}, state "
                f"variable {i}. Leave out or cut such trajectories."
            )
        if not (np.diff(t) > 0).all():
            first = int(np.flatnonzero(np.diff(t) <= 0)[0])
            raise InputError(
                f"The times must increase strictly; times[{first}] = {t[first]:g} is followed by {t[first + 1]:g}."
            )
        x.setflags(write=False)
        t.setflags(write=False)
        object.__setattr__(self, "states", x)
        object.__setattr__(self, "times", t)
        object.__setattr__(self, "metadata", dict(metadata or {}))

    @property
    def n_states(self) -> int:
        """Number N of state variables."""
        return int(self.states.shape[2])

    def __len__(self) -> int:
        return len(self.states)

    def __repr__(self) -> str:
        n, m, width = self.states.shape
        return (
            f"Trajectories({n} of {m} samples of {width} state variables, times {self.times[0]:g} to "
            f"{self.times[-1]:g})"
        )


def _numbers(values: ArrayLike, name: str) -> Array:
    try:
        raw = np.asarray(values)
        if raw.dtype.kind not in "biuf":
            raise TypeError
        return np.array(raw, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"'{name}' must be an array of real numbers, without ragged rows.") from None


def load_trajectories(path: str | os.PathLike[str]) -> Trajectories:
    """Trajectories of an ``.npz`` file with ``trajectories`` (n, M, N) and ``times`` (M,).

    A network file's ``trajectories`` with ``trajectory_times`` are read as well. Other entries become metadata.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged or lacks them, or they are no valid trajectories.
    """
    source = Path(path)
    arrays = read_arrays(source)
    clock = "times" if "times" in arrays else "trajectory_times"
    missing = [f"'{name}'" for name in ("trajectories", clock) if name not in arrays]
    if missing:
        found = ", ".join(f"'{name}'" for name in sorted(arrays)) or "nothing"
        wanted = " and ".join(missing).replace("'trajectory_times'", "'times'")
        raise FileFormatError(f"'{source}' holds no {wanted}; found {found}.")
    rest = {name: value for name, value in arrays.items() if name not in ("trajectories", clock)}
    try:
        return Trajectories(arrays["trajectories"], arrays[clock], rest)
    except InputError as error:
        raise FileFormatError(f"'{source}' holds no valid trajectories: {error}") from None


def save_trajectories(
    trajectories: Trajectories, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    """Write trajectories and their metadata to an ``.npz`` file.

    Parameters
    ----------
    trajectories : Trajectories
    path : path
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    InputError
        If metadata have the name of one of the two arrays.
    OutputError
        If the file exists or cannot be written; nothing is left half written.
    """
    taken = {"trajectories", "times"} & set(trajectories.metadata)
    if taken:
        raise InputError(f"The metadata must not be called {' or '.join(sorted(taken))}; rename them.")
    arrays = {name: np.asarray(value) for name, value in trajectories.metadata.items()}
    arrays.update(trajectories=trajectories.states, times=trajectories.times)
    write_arrays(path, arrays, overwrite=overwrite)
