"""One time step of PyTorch's own cells, for the check of an import."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.fields.cells import GATES
from ssmsym.importing.cell_arrays import CellArrays

Array = NDArray[np.float64]


def torch_is_loaded() -> bool:
    """Whether the process has imported PyTorch already, so that using it costs nothing."""
    return sys.modules.get("torch") is not None


def torch_is_installed() -> bool:
    """Whether PyTorch can be imported."""
    return torch_is_loaded() or ("torch" not in sys.modules and importlib.util.find_spec("torch") is not None)


def torch_step(cell: CellArrays, nonlinearity: str) -> Callable[[Array, Array], Array] | None:
    """The step of a PyTorch module in float64 that gets the cell's arrays under PyTorch's own names.

    None if PyTorch has no such module: layers of different sizes, or no inputs.
    """
    import torch

    first = cell.layers[0]
    size, outputs = first.recurrent_weights.shape[0] // GATES[cell.kind], first.recurrent_weights.shape[1]
    same = all(layer.recurrent_weights.shape == first.recurrent_weights.shape for layer in cell.layers)
    if not same or not first.input_weights.shape[1]:
        return None
    biased = any(b is not None for layer in cell.layers for b in (layer.input_bias, layer.recurrent_bias))
    options: dict[str, Any] = {"num_layers": len(cell.layers), "bias": biased}
    if cell.kind == "rnn":
        options["nonlinearity"] = nonlinearity
    if first.projection is not None:
        options["proj_size"] = outputs
    kind = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell.kind]
    module = kind(first.input_weights.shape[1], size, **options).double()
    state = {}
    for number, layer in enumerate(cell.layers):
        none = np.zeros(len(layer.recurrent_weights)) if biased else None
        for name, value in (
            ("weight_ih", layer.input_weights),
            ("weight_hh", layer.recurrent_weights),
            ("bias_ih", none if layer.input_bias is None else layer.input_bias),
            ("bias_hh", none if layer.recurrent_bias is None else layer.recurrent_bias),
            ("weight_hr", layer.projection),
        ):
            if value is not None:
                state[f"{name}_l{number}"] = torch.from_numpy(np.array(value, dtype=float))
    module.load_state_dict(state)
    return module_step(module)


def module_step(module: Any) -> Callable[[Array, Array], Array]:
    """The step of an ``nn.RNN``, ``nn.GRU``, ``nn.LSTM`` or one of their ``Cell`` kin, in the module's precision.

    Dropout between layers is off, as it is when a trained network runs.
    """
    import torch

    weights = next(module.parameters())

    def step(states: Array, inputs: Array) -> Array:
        x, u = (torch.from_numpy(np.ascontiguousarray(a)).to(weights) for a in (states, inputs))
        training = module.training
        module.eval()
        try:
            with torch.no_grad():
                after = (
                    _cell_step(module, x, u) if isinstance(module, _cells()) else _layers_step(module, x, u)
                )
        finally:
            module.train(training)
        return np.asarray(after.double().cpu().numpy())

    return step


def _cells() -> tuple[type, ...]:
    import torch

    return (torch.nn.RNNCell, torch.nn.GRUCell, torch.nn.LSTMCell)


def _cell_step(module: Any, x: Any, u: Any) -> Any:
    import torch

    if isinstance(module, torch.nn.LSTMCell):
        return torch.cat(module(u, tuple(x.chunk(2, dim=1))), dim=1)
    return module(u, x)


def _layers_step(module: Any, x: Any, u: Any) -> Any:
    """States are stacked as blocks h0, c0, h1, ...; PyTorch wants (layers, n, H) of each."""
    import torch

    layers, outputs = module.num_layers, module.proj_size or module.hidden_size
    sequence = u[:, None, :] if module.batch_first else u[None, :, :]
    if not isinstance(module, torch.nn.LSTM):
        h = torch.stack(x.split(outputs, dim=1))
        return torch.cat(list(module(sequence, h)[1]), dim=1)
    blocks = x.split([outputs, module.hidden_size] * layers, dim=1)
    h, c = (torch.stack(part) for part in (blocks[::2], blocks[1::2]))
    h, c = module(sequence, (h, c))[1]
    return torch.cat([block for pair in zip(h, c, strict=True) for block in pair], dim=1)
