"""Network files: ``.npz`` with the arrays of a rate network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import FileFormatError, InputError
from ssmsym.fields.field import VectorField
from ssmsym.fields.files import read_arrays
from ssmsym.fields.symbolic import rate_network

Arrays = Mapping[str, NDArray[Any]]

_KNOWN = {
    "J",
    "m",
    "n",
    "B",
    "b",
    "W",
    "c",
    "tau",
    "dt",
    "activation",
    "out_activation",
    "form",
    "input_conditions",
    "input_condition_names",
}


def load(path: str | os.PathLike[str], *, as_: str = "flow") -> VectorField:
    """The rate network of a network file.

    Arrays of the file: ``J`` (N, N), or factors ``m``, ``n`` (N, r) of J = m n^T; ``B`` (N, n_in), ``b`` (N,),
    ``W`` (k, N), ``c`` (k,), ``tau``, ``dt`` (step with which the network was trained; absent or 0 for an
    ODE), ``activation``, ``form`` (``"state"`` or ``"rate"``), ``out_activation``, ``input_conditions``
    (C, n_in) with ``input_condition_names`` (C,). Only J is required. Others are kept as metadata.

    Parameters
    ----------
    path : path
    as_ : {"flow", "map"}
        The ODE, or the Euler map with step ``dt`` as which it was trained. They share fixed points and
        eigenvectors, but neither stability nor SSM coefficients.

    Returns
    -------
    VectorField

    Raises
    ------
    FileFormatError
        If the file is missing, damaged, or holds no rate network.
    InputError
        If an array is misshapen or not finite, or a name is unknown; the message names it.
    """
    if as_ not in ("flow", "map"):
        raise InputError(f"'as_' is 'flow' or 'map'; found '{as_}'.")
    source = Path(path)
    arrays = read_arrays(source)
    try:
        field = _network(arrays, source)
    except InputError as error:
        raise InputError(f"'{source}': {error}") from None
    if as_ == "flow":
        return field
    step = field.metadata.get("trained_step")
    if not step:
        raise InputError(f"'{source}' has no training step 'dt', so there is no map to load; use as_='flow'.")
    return field.discretized(step)


def _network(arrays: Arrays, source: Path) -> VectorField:
    weights = _recurrent_weights(arrays, source)
    conditions = _conditions(arrays)
    metadata: dict[str, Any] = {"name": source.stem}
    step = _scalar(arrays, "dt", 0.0)
    if step < 0:
        raise InputError(f"'dt' is {step}; a step is positive, or 0 for an ODE.")
    if step:
        metadata["trained_step"] = step
    metadata.update({name: _plain(value) for name, value in arrays.items() if name not in _KNOWN})
    tau = np.asarray(arrays.get("tau", 1.0))
    return rate_network(
        weights,
        B=arrays.get("B"),
        b=arrays.get("b"),
        W=arrays.get("W"),
        c=arrays.get("c"),
        tau=float(tau.reshape(())) if tau.size == 1 else tau,
        activation=_text(arrays, "activation", "tanh"),
        out_activation=_text(arrays, "out_activation", "") or None,
        form=_text(arrays, "form", "state"),
        conditions=conditions,
        metadata=metadata,
    )


def _recurrent_weights(arrays: Arrays, source: Path) -> Any:
    if "J" in arrays:
        return arrays["J"]
    if "m" in arrays and "n" in arrays:
        return arrays["m"], arrays["n"]
    found = ", ".join(f"'{name}'" for name in list(arrays)[:8]) or "nothing"
    cell = next((name for name in arrays if name.endswith("weight_hh_l0")), None)
    if cell is not None:
        raise FileFormatError(
            f"'{source}' holds a PyTorch cell ('{cell}'); this version reads rate networks, which need recurrent "
            "weights 'J'."
        )
    raise FileFormatError(
        f"'{source}' is no network file: it has no recurrent weights 'J' (N, N), nor factors 'm' and 'n' "
        f"(found {found})."
    )


def _conditions(arrays: Arrays) -> dict[str, dict[str, Any]]:
    if "input_conditions" not in arrays:
        return {}
    rows = np.atleast_2d(arrays["input_conditions"])
    names = [str(name) for name in np.atleast_1d(arrays.get("input_condition_names", range(len(rows))))]
    if len(names) != len(rows):
        raise InputError(
            f"'input_condition_names' has {len(names)} entries for {len(rows)} 'input_conditions'; both must agree."
        )
    if "B" in arrays and arrays["B"].ndim == 2 and rows.shape[1] != arrays["B"].shape[1]:
        raise InputError(
            f"'input_conditions' has shape {rows.shape}, 'B' has shape {arrays['B'].shape}; both need as many inputs."
        )
    return {name: {"u": row} for name, row in zip(names, rows, strict=True)}


def _scalar(arrays: Arrays, name: str, default: float) -> float:
    value = np.asarray(arrays.get(name, default))
    if value.size != 1 or value.dtype.kind not in "biuf" or not np.isfinite(value).all():
        raise InputError(f"'{name}' must be one finite number; found an array of shape {value.shape}.")
    return float(value.reshape(()))


def _text(arrays: Arrays, name: str, default: str) -> str:
    value = np.asarray(arrays.get(name, default))
    if value.size != 1 or value.dtype.kind not in "US":
        raise InputError(f"'{name}' must be one text; found an array of type {value.dtype}.")
    return str(value.reshape(()))


def _plain(value: NDArray[Any]) -> Any:
    return value.item() if value.size == 1 else value
