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
from ssmsym.fields.file_checks import one_line
from ssmsym.fields.files import read_arrays
from ssmsym.fields.symbolic import finite_array, rate_network

Arrays = Mapping[str, NDArray[Any]]

_NUMBERS = ("J", "m", "n", "B", "b", "W", "c", "tau", "input_conditions", "trajectories")
_RESERVED = {"name", "step", "trained_step"}  # metadata that ssmsym makes itself
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
    (C, n_in) with ``input_condition_names`` (C,), ``trajectories`` (..., N), ``integrator`` (how it was stepped
    in training, ``"euler"`` unless it says otherwise; the step counts only then). Only J is required. Others are
    kept as metadata; one called ``name``, ``step`` or ``trained_step`` under ``file.name`` and so on.

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
        raise InputError(f"'{source}': {one_line(error)}") from None
    if as_ == "flow":
        return field
    step = field.metadata.get("trained_step")
    if not step:
        raise InputError(
            f"'{source}' was not trained as an Euler map with a step 'dt'; use as_='flow' (--as flow)."
        )
    return field.discretized(step)


def _network(arrays: Arrays, source: Path) -> VectorField:
    weights = _recurrent_weights(arrays, source)
    _check_numbers(arrays)
    n = _check_size(weights)
    conditions = _conditions(arrays)
    metadata: dict[str, Any] = {"name": source.stem}
    step = _scalar(arrays, "dt", 0.0)
    if step < 0:
        raise InputError(f"'dt' is {step}; a step is positive, or 0 for an ODE.")
    if step and _text(arrays, "integrator", "euler") == "euler":
        metadata["trained_step"] = step
    _check_trajectories(arrays, n)
    for name, value in arrays.items():
        if name not in _KNOWN:
            metadata[f"file.{name}" if name in _RESERVED else name] = _plain(value)
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
    if "header" in arrays:
        raise FileFormatError(
            f"'{source}' is no network file with recurrent weights 'J', but the result of another command; give the "
            "network's own file, or read a model with 'load_model'."
        )
    found = ", ".join(f"'{name}'" for name in list(arrays)[:8]) or "nothing"
    cell = next((name for name in arrays if name.endswith("weight_hh_l0")), None)
    if cell is not None:
        raise FileFormatError(
            f"'{source}' holds a PyTorch cell ('{cell}'); this version reads rate networks, which need recurrent "
            "weights 'J'."
        )
    raise FileFormatError(
        f"'{source}' is no network file: it has no recurrent weights 'J' (N, N), nor factors 'm' and 'n' "
        f"(found {found}); give a network file."
    )


def _check_numbers(arrays: Arrays) -> None:
    for name in _NUMBERS:
        if name in arrays and arrays[name].dtype.kind not in "biuf":
            raise InputError(
                f"'{name}' must be an array of real numbers; found type {arrays[name].dtype}; check the source."
            )


def _check_size(weights: Any) -> int:
    """The number of neurons, as far as the weights' shape tells."""
    first = weights[0] if isinstance(weights, tuple) else weights
    if first.size == 0:
        name, expected = ("'m'", "(N, r)") if isinstance(weights, tuple) else ("'J'", "(N, N)")
        raise InputError(f"{name} has shape {first.shape}; expected {expected} with at least one neuron.")
    return len(np.atleast_1d(first))


def _check_trajectories(arrays: Arrays, n: int) -> None:
    if "trajectories" in arrays:
        shape = arrays["trajectories"].shape
        if len(shape) < 2 or shape[-1] != n:
            raise InputError(
                f"'trajectories' has shape {shape}; expected (trials, times, {n}), as the network has {n} neurons."
            )


def _conditions(arrays: Arrays) -> dict[str, dict[str, Any]]:
    if "input_conditions" not in arrays:
        return {}
    rows = np.atleast_2d(arrays["input_conditions"])
    if "B" not in arrays:
        raise InputError("'input_conditions' need input weights 'B' (N, n_in); add them or leave both out.")
    inputs = arrays["B"].shape
    if rows.ndim != 2 or (len(inputs) == 2 and rows.shape[1] != inputs[1]):
        raise InputError(
            f"'input_conditions' has shape {rows.shape}, 'B' has shape {inputs}; expected (C, n_in) and (N, n_in), "
            "with as many inputs in both."
        )
    rows = finite_array("input_conditions", rows, rows.shape)
    names = _condition_names(arrays, len(rows))
    return {name: {"u": row} for name, row in zip(names, rows, strict=True)}


def _condition_names(arrays: Arrays, count: int) -> list[str]:
    given = np.atleast_1d(arrays.get("input_condition_names", np.arange(count)))
    if given.shape != (count,):
        found = f"{given.size} entries" if given.ndim == 1 else f"shape {given.shape}"
        raise InputError(
            f"'input_condition_names' has {found} for {count} 'input_conditions'; both must agree."
        )
    names = [_decoded(name) for name in given]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"'input_condition_names' holds '{twice}' twice; the names must be distinct.")
    return names


def _scalar(arrays: Arrays, name: str, default: float) -> float:
    value = np.asarray(arrays.get(name, default))
    if value.size != 1 or value.dtype.kind not in "biuf" or not np.isfinite(value).all():
        raise InputError(f"'{name}' must be one finite number; found an array of shape {value.shape}.")
    return float(value.reshape(()))


def _text(arrays: Arrays, name: str, default: str) -> str:
    value = np.asarray(arrays.get(name, default))
    if value.size != 1 or value.dtype.kind not in "US":
        raise InputError(f"'{name}' must be one text; found an array of type {value.dtype}.")
    return _decoded(value.reshape(())[()])


def _decoded(text: Any) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


def _plain(value: NDArray[Any]) -> Any:
    return value.item() if value.size == 1 else value
