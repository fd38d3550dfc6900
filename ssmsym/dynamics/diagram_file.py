"""Bifurcation diagrams in ``.npz`` files."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.diagram import BifurcationDiagram, Branch
from ssmsym.fields.files import write_arrays


def save_diagram(
    diagram: BifurcationDiagram, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    """Write a diagram: one set of arrays a branch, one row a special point.

    Arrays: ``parameter_name``, ``interval`` (2,), ``branch_K_parameter`` (M,), ``branch_K_states`` (M, n),
    ``branch_K_unstable`` (M,), ``special_kinds``, ``special_parameters``, ``special_full_parameters``,
    ``special_distances`` (n,), ``special_states`` (n, N). Branches of cycles and of bifurcations in two parameters
    also have ``branch_K_kind`` and ``branch_K_periods`` (M,), ``branch_K_minima``, ``branch_K_orbit_points`` (M, N) or
    ``branch_K_second_parameter`` (M,); with the latter go ``second_parameter_name``, ``second_interval`` (2,) and
    ``special_second_parameters`` (n,), NaN for points in one. Of a network that was trained as an Euler map and
    is analysed as its ODE also ``trained_step`` and ``euler_map_kinds``, ``euler_map_parameters``,
    ``euler_map_periods`` (m,) in iterates, ``euler_map_states`` (m, N).

    Parameters
    ----------
    diagram : BifurcationDiagram
    path : path
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If the file exists or cannot be written.
    """
    points = diagram.special_points
    arrays: dict[str, NDArray[np.generic]] = {
        "parameter_name": np.array(diagram.parameter),
        "interval": np.array(diagram.interval),
        "special_kinds": np.array([p.kind for p in points], dtype=str),
        "special_parameters": np.array([p.parameter for p in points], dtype=float),
        "special_states": np.array([p.state for p in points], dtype=float),
        "special_full_parameters": np.array([_or_nan(p.full_parameter) for p in points], dtype=float),
        "special_distances": np.array([_or_nan(p.distance) for p in points], dtype=float),
    }
    if diagram.second_parameter is not None and diagram.second_interval is not None:
        arrays["second_parameter_name"] = np.array(diagram.second_parameter)
        arrays["second_interval"] = np.array(diagram.second_interval)
        seconds = [_or_nan(p.second_parameter) for p in points]
        arrays["special_second_parameters"] = np.array(seconds, dtype=float)
    if diagram.trained_step:
        arrays |= _euler_map_arrays(diagram)
    for number, branch in enumerate(diagram.branches):
        arrays[f"branch_{number}_parameter"] = branch.parameter
        arrays[f"branch_{number}_states"] = branch.states
        arrays[f"branch_{number}_unstable"] = branch.unstable
        arrays |= _curve_arrays(f"branch_{number}", branch)
    write_arrays(path, arrays, overwrite=overwrite)


def _curve_arrays(prefix: str, branch: Branch) -> dict[str, NDArray[np.generic]]:
    if branch.kind == "equilibrium":
        return {}
    columns = {
        "periods": branch.periods,
        "minima": branch.minima,
        "orbit_points": branch.orbit_points,
        "second_parameter": branch.second_parameter,
    }
    arrays: dict[str, NDArray[np.generic]] = {f"{prefix}_kind": np.array(branch.kind)}
    arrays |= {f"{prefix}_{name}": column for name, column in columns.items() if column is not None}
    return arrays


def _euler_map_arrays(diagram: BifurcationDiagram) -> dict[str, NDArray[np.generic]]:
    points = diagram.euler_map_points
    n_states = diagram.branches[0].states.shape[1] if diagram.branches else 0
    return {
        "trained_step": np.array(diagram.trained_step),
        "euler_map_kinds": np.array([p.kind for p in points], dtype=str),
        "euler_map_parameters": np.array([p.parameter for p in points], dtype=float),
        "euler_map_periods": np.array([_or_nan(p.period) for p in points], dtype=float),
        "euler_map_states": np.array([p.state for p in points], dtype=float).reshape(len(points), n_states),
    }


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
