"""Fields from PyTorch modules and state dicts in memory."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.errors import FileFormatError, InputError
from ssmsym.fields.field import VectorField
from ssmsym.fields.file_checks import one_line
from ssmsym.importing.checked_import import checked, with_check
from ssmsym.importing.import_check import check_steps
from ssmsym.importing.recognition import Network, recognise
from ssmsym.importing.torch_step import module_step

Array = NDArray[np.float64]


def from_torch(
    module: Any,
    *,
    mapping: Mapping[str, Any] | None = None,
    group: str | None = None,
    form: str | None = None,
    activation: str | None = None,
    out_activation: str | None = None,
    tau: Any = None,
    dt: float | None = None,
    as_: str | None = None,
    step: Callable[[Array, Array], ArrayLike] | None = None,
) -> VectorField:
    """The field of a PyTorch module, or of a state dict, in memory.

    A module that contains an ``nn.RNN``, ``nn.GRU``, ``nn.LSTM`` (or one of their ``Cell`` kin) gives that cell, and
    the one ``nn.Linear`` that fits its output as readout; any other needs a mapping. Weights of float32 are widened
    exactly.

    Parameters
    ----------
    module : nn.Module, or mapping of str to tensor or array
    mapping, group, form, activation, out_activation, tau, dt, as_ : optional
        As for :func:`~ssmsym.load`.
    step : callable, optional
        One step of the source network, from states (n, N) and inputs (n, n_in) to the next states (n, N); the field
        is checked against it. Cells are checked against the module itself.

    Returns
    -------
    VectorField

    Warns
    -----
    SsmsymWarning
        If the check fails.

    Raises
    ------
    InputError
        If the module holds no network, or several, or an argument does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> weights = {"weight_ih_l0": np.eye(2), "weight_hh_l0": 0.5 * np.eye(2)}
    >>> from_torch(weights)
    VectorField (map, 2 states)
      h -> tanh.(W_h*h + W_i*u)
      parameters: u[0]=0, u[1]=0
    """
    arrays = _arrays(module)
    kind = type(module).__name__
    settings = {
        "form": form,
        "activation": activation,
        "out_activation": out_activation,
        "tau": tau,
        "dt": dt,
    }
    if activation is None and not _gives_weights(mapping):
        settings["activation"] = _nonlinearity(module, group)
    try:
        network = recognise(arrays, name=kind, mapping=mapping, group=group, settings=settings)
        if step is not None:
            precision = "float32" if _is_single(module) else "float64"
            network = with_check(network, check_steps(network.as_wanted("map"), step, precision=precision))
        elif network.cell is not None and hasattr(module, "named_modules") and not _gives_weights(mapping):
            network = _checked_against(module, network)
        else:
            network = checked(network, check=None)
        return network.as_wanted(as_)
    except (InputError, FileFormatError) as error:
        raise InputError(f"The given {kind}: {one_line(error).rstrip('.')}.") from None


def _gives_weights(mapping: Mapping[str, Any] | None) -> bool:
    """Whether a mapping describes a network by itself, whatever the module is."""
    return any(target in ("J", "m", "n") or target.startswith("weight_hh") for target in mapping or {})


def _entries(module: Any) -> Mapping[Any, Any]:
    entries = module.state_dict() if hasattr(module, "state_dict") else module
    if not isinstance(entries, Mapping):
        raise InputError(
            f"from_torch takes a module or a state dict; found {type(module).__name__}. A file is read by 'load'."
        )
    return entries


def _is_single(module: Any) -> bool:
    return any(str(getattr(value, "dtype", "")).endswith("float32") for value in _entries(module).values())


def _arrays(module: Any) -> dict[str, NDArray[Any]]:
    """State dict as arrays; recurrent weights that are computed from others (parametrizations) as they are used."""
    entries = dict(_entries(module))
    for prefix, inner in _recurrent_modules(module).items():
        names = getattr(inner, "_flat_weights_names", ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        for name in names:
            value = getattr(inner, name, None)
            if value is not None:
                entries[prefix + name] = value
    arrays = {}
    for name, value in entries.items():
        if hasattr(value, "detach"):
            value = value.detach().cpu()
            value = (value.double() if value.is_floating_point() else value).numpy()
        arrays[str(name)] = np.asarray(value)
    return arrays


def _recurrent_modules(module: Any) -> dict[str, Any]:
    """The recurrent modules inside a module by the beginning of their arrays' names."""
    if not hasattr(module, "named_modules"):
        return {}
    import torch

    kinds = (torch.nn.RNNBase, torch.nn.RNNCellBase)
    return {f"{name}." if name else "": m for name, m in module.named_modules() if isinstance(m, kinds)}


def _nonlinearity(module: Any, group: str | None) -> str | None:
    """The nonlinearity of the module's one plain recurrent layer, which its state dict does not tell."""
    found = {
        getattr(m, "nonlinearity", None)
        for name, m in _recurrent_modules(module).items()
        if group is None or name.startswith(f"{group}.")
    }
    return found.pop() if len(found) == 1 else None


def _checked_against(module: Any, network: Network) -> Network:
    """One step of the module's own cell, as a copy in double precision: then the limit is 1e-12 whatever it is in."""
    cell = network.cell
    assert cell is not None
    inner = _recurrent_modules(module).get(cell.prefix)
    if inner is None:
        raise InputError(
            f"'{cell.prefix}weight_hh' belongs to no nn.RNN, nn.GRU or nn.LSTM of the module, so that its equations "
            "are not known; give a mapping to J, B, b, ..., and 'step', which checks it"
        )
    step = module_step(copy.deepcopy(inner).double())
    return with_check(
        network,
        check_steps(network.field, step, against=f"the given {type(inner).__name__} in double precision"),
    )
