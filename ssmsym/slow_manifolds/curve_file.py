"""Slow manifolds as ``.npz`` files: plain arrays for other programs, and the maps of the reduced model."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError
from ssmsym.fields.files import write_arrays
from ssmsym.slow_manifolds.chart import chart_of
from ssmsym.slow_manifolds.chart_file import chart_to_parts
from ssmsym.slow_manifolds.curve import SlowManifold
from ssmsym.slow_manifolds.interval import SlowManifoldFamily
from ssmsym.slow_manifolds.map_curve import MapSlowManifold

_SAMPLES = 401


def save_slow_manifold(
    curve: SlowManifold | SlowManifoldFamily | MapSlowManifold,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
) -> bool:
    """Write a slow manifold: arrays to be plotted, and what its reduced model needs.

    Where the curve covers its extent, :func:`~ssmsym.load_model` reads its reduced model from the file, network
    included. Arrays of one curve: ``s`` (m,), ``states`` (m, N) and ``rates`` (m,) on it (NaN where it is not covered),
    ``fixed_point_s``, ``fixed_point_states``, ``fixed_point_is_source``, ``errors`` of the pieces; of a map's
    ``following`` (m,), s after one step, in place of rates and errors. Of a family:
    ``parameter_name``, ``interval``, ``breaks`` and ``rate_coefficients`` (m, n_u, n_s; Chebyshev, in u and s),
    ``fold_parameters``, ``fold_predicted``, ``fold_s``, ``fold_states``.

    Parameters
    ----------
    curve : SlowManifold, SlowManifoldFamily or MapSlowManifold
    path : path
        Of an ``.npz`` file.
    overwrite : bool
        Whether an existing file is replaced.

    Returns
    -------
    bool
        Whether the file holds a reduced model; not so if the curve has a gap.

    Raises
    ------
    OutputError
        If the file exists and `overwrite` is False, or writing fails.
    """
    if isinstance(curve, SlowManifoldFamily):
        arrays = _family_arrays(curve)
    elif isinstance(curve, MapSlowManifold):
        arrays = _map_arrays(curve)
    elif isinstance(curve, SlowManifold):
        arrays = _curve_arrays(curve)
    else:
        raise InputError(f"Only slow manifolds are written here; found {type(curve).__name__}.")
    try:
        chart = chart_of(curve)
    except InputError:
        chart = None
    if chart is not None:
        arrays.update(chart_to_parts(chart))
    write_arrays(path, arrays, overwrite=overwrite)
    return chart is not None


def _curve_arrays(curve: SlowManifold) -> dict[str, NDArray[Any]]:
    s = np.linspace(*curve.extent, _SAMPLES)
    return {
        "s": s,
        "states": curve.sample(s),
        "rates": curve.rate(s),
        "fixed_point_s": np.array([p.s for p in curve.points]),
        "fixed_point_states": np.array([p.point.state for p in curve.points]),
        "fixed_point_is_source": np.array([p.source for p in curve.points], dtype=bool),
        "errors": np.array([piece.errors[0] for piece in curve.pieces]),
    }


def _map_arrays(curve: MapSlowManifold) -> dict[str, NDArray[Any]]:
    s = np.linspace(*curve.extent, _SAMPLES)
    return {
        "s": s,
        "states": curve.sample(s),
        "following": curve.following(s),
        "fixed_point_s": np.array([p.s for p in curve.points]),
        "fixed_point_states": np.array([p.point.state for p in curve.points]),
        "fixed_point_is_source": np.array([p.source for p in curve.points], dtype=bool),
    }


def _family_arrays(family: SlowManifoldFamily) -> dict[str, NDArray[Any]]:
    folds = family.folds
    return {
        "parameter_name": np.array(family.parameter),
        "interval": np.array(family.interval),
        "breaks": family.rate.breaks,
        "rate_coefficients": family.rate.coefficients,
        "fold_parameters": np.array([f.parameter for f in folds]),
        "fold_predicted": np.array([f.predicted for f in folds]),
        "fold_s": np.array([f.s for f in folds]),
        "fold_states": np.array([f.state for f in folds]),
    }
