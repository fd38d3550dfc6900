"""A rate network from arrays with the names of a network file: ``J``, ``B``, ``b``, ``W``, ..."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.fields.symbolic import finite_array, rate_network

Arrays = Mapping[str, NDArray[Any]]

_NUMBERS = ("J", "m", "n", "B", "b", "W", "c", "tau", "input_conditions", "trajectories")
_RESERVED = {
    "name",
    "step",
    "trained_step",
    "cell",
    "layers",
    "unit_box",
    "understood",
    "import_check",
    "ignored",
}  # metadata that ssmsym makes itself
KNOWN = {
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


def has_weights(arrays: Arrays) -> bool:
    """Whether the arrays hold recurrent weights ``J``, or factors ``m`` and ``n`` of them."""
    return "J" in arrays or ("m" in arrays and "n" in arrays)


def rate_field(arrays: Arrays, name: str) -> VectorField:
    """The rate network of arrays with the names of a network file, as an ODE.

    Raises
    ------
    InputError
        If an array is misshapen or not finite, or a name is unknown; the message names it.
    """
    weights = arrays["J"] if "J" in arrays else (arrays["m"], arrays["n"])
    _check_numbers(arrays)
    n = _check_size(weights)
    arrays = _with_both_axes(arrays, n)
    conditions = conditions_of(arrays, "B")
    metadata: dict[str, Any] = {"name": name}
    step = _scalar(arrays, "dt", 0.0)
    if step < 0:
        raise InputError(f"'dt' is {step}; a step is positive, or 0 for an ODE.")
    if step and text_of(arrays, "integrator", "euler") == "euler":
        metadata["trained_step"] = step
    _check_trajectories(arrays, n)
    metadata.update(other_arrays(arrays, KNOWN))
    tau = np.asarray(arrays.get("tau", 1.0))
    return rate_network(
        weights,
        B=arrays.get("B"),
        b=arrays.get("b"),
        W=arrays.get("W"),
        c=arrays.get("c"),
        tau=float(tau.reshape(())) if tau.size == 1 else tau,
        activation=text_of(arrays, "activation", "tanh"),
        out_activation=text_of(arrays, "out_activation", "") or None,
        form=text_of(arrays, "form", "state"),
        conditions=conditions,
        metadata=metadata,
    )


def other_arrays(arrays: Arrays, known: Iterable[str]) -> dict[str, Any]:
    """What a network's arrays hold besides the known names, as metadata; names that ssmsym uses get a prefix."""
    return {
        f"file.{name}" if name in _RESERVED else name: value.item() if value.size == 1 else value
        for name, value in arrays.items()
        if name not in known
    }


def _check_numbers(arrays: Arrays) -> None:
    for name in _NUMBERS:
        if name in arrays and arrays[name].dtype.kind not in "biuf":
            raise InputError(
                f"'{name}' must be an array of real numbers; found type {arrays[name].dtype}; check the source."
            )


def _with_both_axes(arrays: Arrays, n: int) -> Arrays:
    """The weights of one input or one output as a column or a row, as not every format keeps an axis of length 1."""
    whole = dict(arrays)
    for name, shape in (("B", (n, 1)), ("W", (1, n))):
        if name in whole and whole[name].shape == (n,):
            whole[name] = whole[name].reshape(shape)
    return whole


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


def conditions_of(arrays: Arrays, weights: str) -> dict[str, dict[str, Any]]:
    """Named input conditions of a file, as many inputs in each as the input `weights` have columns."""
    if "input_conditions" not in arrays:
        return {}
    rows = np.atleast_2d(arrays["input_conditions"])
    if weights not in arrays:
        raise InputError(
            f"'input_conditions' need input weights '{weights}' (N, n_in); add them or leave both out."
        )
    inputs = arrays[weights].shape
    if rows.ndim != 2 or (len(inputs) == 2 and rows.shape[1] != inputs[1]):
        raise InputError(
            f"'input_conditions' has shape {rows.shape}, '{weights}' has shape {inputs}; expected (C, n_in) and "
            "(N, n_in), with as many inputs in both."
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


def text_of(arrays: Arrays, name: str, default: str) -> str:
    """The text of that name among the arrays; an InputError if it is something else."""
    value = np.asarray(arrays.get(name, default))
    if value.size != 1 or value.dtype.kind not in "US":
        raise InputError(f"'{name}' must be one text; found an array of type {value.dtype}.")
    return _decoded(value.reshape(())[()])


def _decoded(text: Any) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
