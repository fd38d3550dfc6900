"""Fixed points in an ``.npz`` file."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.fixed_points import FixedPoints
from ssmsym.fields.files import write_arrays


def save_fixed_points(
    points: FixedPoints,
    path: str | os.PathLike[str],
    *,
    parameters: Mapping[str, float] | None = None,
    overwrite: bool = False,
) -> None:
    """Write the points found, in their order, with the parameter values they belong to.

    Arrays: ``states`` (n, N), ``residuals`` (n,), ``eigenvalues`` (n, k) complex (NaN where a point has
    fewer), ``indices`` (n,), ``hits`` (n,), ``parameter_names`` and ``parameter_values`` (q,),
    ``estimated_missing`` (), ``continuum`` (n,) bool.

    Parameters
    ----------
    points : FixedPoints
    path : path
    parameters : mapping of str to float, optional
        The field's parameter values, as ``field.parameters`` gives them.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If the file exists or cannot be written.
    """
    width = max((len(point.eigenvalues) for point in points), default=0)
    eigenvalues = np.full((len(points), width), np.nan, dtype=complex)
    for row, point in zip(eigenvalues, points, strict=True):
        row[: len(point.eigenvalues)] = point.eigenvalues
    given = dict(parameters or {})
    arrays: dict[str, NDArray[np.generic]] = {
        "states": np.array([point.state for point in points]),
        "residuals": np.array([point.residual for point in points]),
        "eigenvalues": eigenvalues,
        "indices": np.array([point.index for point in points], dtype=np.int64),
        "continuum": np.array([point.continuum for point in points], dtype=bool),
        "hits": np.array([point.hits for point in points], dtype=np.int64),
        "parameter_names": np.array(list(given), dtype=str),
        "parameter_values": np.array(list(given.values()), dtype=float),
        "estimated_missing": np.array(points.estimated_missing),
    }
    write_arrays(path, arrays, overwrite=overwrite)
