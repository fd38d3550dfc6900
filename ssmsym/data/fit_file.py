"""Fits in ``.npz`` files, with their data, so that they can be compared after loading."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.data.fit import FittedSSM
from ssmsym.data.regression import Regression
from ssmsym.data.trajectories import Trajectories
from ssmsym.errors import FileFormatError, SsmsymError
from ssmsym.fields.files import read_arrays, write_arrays
from ssmsym.series.polynomial import Polynomial

FORMAT = "ssmsym-fit"
VERSION = 1

_REGRESSION = tuple(Regression.__dataclass_fields__)
_NUMBERS = (
    *("order", "anchored", "derivative", "window", "ridge"),
    *("reconstruction_error", "derivative_residual"),
)


def save_fit(fit: FittedSSM, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a fit with its data to an ``.npz`` file.

    Parameters
    ----------
    fit : FittedSSM
    path : path
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If the file exists or cannot be written; nothing is left half written.
    """
    header = {"format": FORMAT, "version": VERSION, **{name: getattr(fit, name) for name in _NUMBERS}}
    arrays: dict[str, NDArray[Any]] = {
        "header": np.array(json.dumps(header)),
        "centre": fit.centre,
        "tangent": fit.tangent,
        "projection": fit.projection,
        "noise": fit.noise,
        "trajectories": fit.trajectories.states,
        "times": fit.trajectories.times,
        "parametrization.exponents": fit.parametrization.exponents,
        "parametrization.coefficients": fit.parametrization.coefficients,
        "reduced_dynamics.exponents": fit.reduced_dynamics.exponents,
        "reduced_dynamics.coefficients": fit.reduced_dynamics.coefficients,
    }
    for kind in ("parametrization_fit", "dynamics_fit"):
        arrays.update({f"{kind}.{name}": getattr(getattr(fit, kind), name) for name in _REGRESSION})
    arrays.update({f"metadata.{name}": np.asarray(v) for name, v in fit.trajectories.metadata.items()})
    write_arrays(path, arrays, overwrite=overwrite)


def load_fit(path: str | os.PathLike[str]) -> FittedSSM:
    """The fit of a file that :func:`save_fit` wrote.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged or no fit.
    """
    source = Path(path)
    arrays = read_arrays(source)
    try:
        header = json.loads(str(arrays["header"]))
        if header["format"] != FORMAT:
            raise FileFormatError(f"'{source}' is no file of a fit (format '{header['format']}').")
        if header["version"] > VERSION:
            raise FileFormatError(
                f"'{source}' has format version {header['version']}; this ssmsym reads up to {VERSION}. Update ssmsym."
            )
        return _from_parts(header, arrays)
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise FileFormatError(f"'{source}' is no file of a fit: it lacks or garbles {error}.") from None
    except SsmsymError as error:
        if str(source) in str(error):
            raise
        raise FileFormatError(f"'{source}' is no file of a fit: {error}") from None


def _from_parts(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> FittedSSM:
    metadata = {
        name.removeprefix("metadata."): value
        for name, value in arrays.items()
        if name.startswith("metadata.")
    }
    parts: dict[str, Any] = {name: header[name] for name in _NUMBERS}
    parts.update({name: arrays[name] for name in ("centre", "tangent", "projection", "noise")})
    parts.update(
        {
            name: Polynomial(arrays[f"{name}.exponents"], arrays[f"{name}.coefficients"])
            for name in ("parametrization", "reduced_dynamics")
        }
    )
    parts.update(
        {
            kind: Regression(**{name: arrays[f"{kind}.{name}"] for name in _REGRESSION})
            for kind in ("parametrization_fit", "dynamics_fit")
        }
    )
    data = Trajectories(arrays["trajectories"], arrays["times"], metadata)
    _check_shapes(arrays, data)
    return FittedSSM(**parts, trajectories=data)


def _check_shapes(arrays: dict[str, NDArray[Any]], data: Trajectories) -> None:
    n, d = data.n_states, arrays["projection"].shape[-1]
    expected = {
        "centre": (n,),
        "noise": (n,),
        "projection": (n, d),
        "tangent": (n, d),
        "parametrization.exponents": (len(arrays["parametrization.coefficients"]), d),
        "reduced_dynamics.exponents": (len(arrays["reduced_dynamics.coefficients"]), d),
        "parametrization.coefficients": (len(arrays["parametrization.exponents"]), n),
        "reduced_dynamics.coefficients": (len(arrays["reduced_dynamics.exponents"]), d),
        "parametrization_fit.coefficients": (len(arrays["reduced_dynamics.exponents"]), n),
        "dynamics_fit.coefficients": (len(arrays["reduced_dynamics.exponents"]), d),
    }
    for name, shape in expected.items():
        if arrays[name].shape != shape:
            raise FileFormatError(f"its '{name}' has shape {arrays[name].shape}, not {shape}.")
