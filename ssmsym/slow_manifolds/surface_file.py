"""Slow surfaces as ``.npz`` files of plain arrays, to be plotted or read by other programs."""

from __future__ import annotations

import os

import numpy as np

from ssmsym.errors import InputError
from ssmsym.fields.files import write_arrays
from ssmsym.slow_manifolds.surface import SlowSurface

_PLACES = 61  # along each axis


def save_slow_surface(surface: SlowSurface, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a slow surface.

    On a grid of the patch, along the second axis (of a disk: the angle) fastest: ``s`` (m, 2), ``states`` (m, N),
    ``rates`` (m, 2), ``invariance_errors`` (m,) and ``grid`` (2,), the numbers of places along both axes. Of the
    coordinates s = U^T (x - c): ``origin`` c (N,), ``left`` U and ``right`` V (N, 2). Of normal attraction:
    ``rate_s`` (k, 2), ``inner_rates`` (k, 2) real parts, ``transverse_rates`` (k,).

    Parameters
    ----------
    surface : SlowSurface
    path : path
        Of an ``.npz`` file.
    overwrite : bool
        Whether an existing file is replaced.

    Raises
    ------
    OutputError
        If the file exists and `overwrite` is False, or writing fails.
    """
    if not isinstance(surface, SlowSurface):
        raise InputError(f"Only slow surfaces are written here; found {type(surface).__name__}.")
    s = surface.patch.sampled(_PLACES)
    write_arrays(
        path,
        {
            "s": s,
            "grid": np.array([_PLACES, _PLACES]),
            "states": surface.sample(s),
            "rates": surface.rate(s),
            "invariance_errors": surface.invariance_error(s),
            "origin": surface.plane.origin,
            "left": surface.plane.left,
            "right": surface.plane.right,
            "rate_s": surface.rates.s,
            "inner_rates": surface.rates.inner.real,
            "transverse_rates": surface.rates.transverse,
        },
        overwrite=overwrite,
    )
