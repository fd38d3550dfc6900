"""PyTorch's recurrent cells among the arrays of a file: which there are, of which kind, and their layers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ssmsym.errors import InputError
from ssmsym.fields.cells import GATES, CellLayer

Arrays = Mapping[str, NDArray[Any]]

# nn.RNN and its kin number their layers; nn.RNNCell and its kin have one without number
_KEY = re.compile(r"(?P<prefix>(?:.*\.)?)weight_hh(?:_l0)?$")
_PARTS = {
    "input_weights": "weight_ih",
    "recurrent_weights": "weight_hh",
    "input_bias": "bias_ih",
    "recurrent_bias": "bias_hh",
    "projection": "weight_hr",
}
CELL_TARGET = re.compile(r"(weight|bias)_(ih|hh|hr)(_l\d+)?$")


@dataclass(frozen=True, eq=False)
class CellArrays:
    """A recognised cell.

    Attributes
    ----------
    kind : {"rnn", "gru", "lstm"}
    prefix : str
        What precedes the cell's own names, such as ``"rnn."``.
    layers : tuple of CellLayer
        From the input up.
    used : frozenset of str
        Names of the arrays that it is made of.
    input_weights_name : str
        The first of them.
    """

    kind: str
    prefix: str
    layers: tuple[CellLayer, ...]
    used: frozenset[str]
    input_weights_name: str

    @property
    def n_states(self) -> int:
        """Dimension of the cell's state: h of every layer and, of an LSTM, c."""
        weights = [layer.recurrent_weights for layer in self.layers]
        own = sum(w.shape[0] // GATES["lstm"] for w in weights) if self.kind == "lstm" else 0
        return int(sum(w.shape[1] for w in weights) + own)

    @property
    def title(self) -> str:
        """A name to print, such as ``nn.GRU with 2 layers``."""
        layers = f" with {len(self.layers)} layers" if len(self.layers) > 1 else ""
        return f"nn.{self.kind.upper()}{layers}"


def cell_prefixes(arrays: Arrays) -> list[str]:
    """Prefixes of the recurrent cells among the arrays."""
    matches = (_KEY.match(name) for name in arrays)
    return list(dict.fromkeys(match["prefix"] for match in matches if match))


def recognised_cell(arrays: Arrays, prefix: str) -> CellArrays:
    """The cell whose arrays begin with a prefix.

    Raises
    ------
    InputError
        If an array is missing, its shape fits no cell, or the cell is bidirectional.
    """
    if any(name.startswith(prefix) and name.endswith("_reverse") for name in arrays):
        raise InputError(
            f"The cell '{prefix}' is bidirectional: it reads its input in both directions of time and is no dynamical "
            "system; give a network that runs forward in time."
        )
    numbered = f"{prefix}weight_hh_l0" in arrays
    layers: list[CellLayer] = []
    used: set[str] = set()
    while not layers or (numbered and f"{prefix}weight_hh_l{len(layers)}" in arrays):
        suffix = f"_l{len(layers)}" if numbered else ""
        found = {part: f"{prefix}{key}{suffix}" for part, key in _PARTS.items()}
        found = {part: name for part, name in found.items() if name in arrays}
        if "input_weights" not in found:
            raise InputError(
                f"The cell has '{prefix}weight_hh{suffix}' but no '{prefix}weight_ih{suffix}'; check the source."
            )
        layers.append(CellLayer(**{part: arrays[name] for part, name in found.items()}))
        used |= set(found.values())
    first = f"{prefix}weight_ih{'_l0' if numbered else ''}"
    return CellArrays(_kind(layers[0], prefix), prefix, tuple(layers), frozenset(used), first)


def _kind(layer: CellLayer, prefix: str) -> str:
    """The kind of cell, from the ratio of its gates to its units."""
    shape = layer.recurrent_weights.shape
    if len(shape) == 2 and shape[1]:
        if layer.projection is not None:
            return "lstm"
        for kind, gates in GATES.items():
            if shape[0] == gates * shape[1]:
                return kind
    raise InputError(
        f"'{prefix}weight_hh' has shape {shape}, which is that of no cell of H units: (H, H) is an nn.RNN, (3H, H) an "
        "nn.GRU, (4H, H) an nn.LSTM."
    )


def readout_candidates(arrays: Arrays, cell: CellArrays) -> list[str]:
    """Names of arrays (k, H) that may read the cell's last layer, the likeliest spelling ``*.weight`` included."""
    outputs = cell.layers[-1].recurrent_weights.shape[1]
    return [
        name
        for name, value in arrays.items()
        if name not in cell.used
        and value.ndim == 2
        and value.dtype.kind == "f"
        and value.shape[1] == outputs
        and name.rpartition(".")[2] in ("weight", "W")
    ]
