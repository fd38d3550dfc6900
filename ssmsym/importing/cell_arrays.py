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
        layers.append(CellLayer(**_with_all_axes({part: arrays[name] for part, name in found.items()})))
        used |= set(found.values())
    first = f"{prefix}weight_ih{'_l0' if numbered else ''}"
    return CellArrays(_kind(layers[0], prefix), prefix, tuple(layers), frozenset(used), first)


def _with_all_axes(parts: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Matrices with one column and vectors of one entry, as not every format keeps an axis of length 1."""
    whole = dict(parts)
    for name in ("input_weights", "recurrent_weights"):
        if whole[name].ndim < 2:
            whole[name] = whole[name].reshape(-1, 1)
    if "projection" in whole and whole["projection"].ndim < 2:
        whole["projection"] = whole["projection"].reshape(whole["recurrent_weights"].shape[1], -1)
    for name in ("input_bias", "recurrent_bias"):
        if name in whole and whole[name].ndim == 0:
            whole[name] = whole[name].reshape(1)
    return whole


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


_NO_READOUT = re.compile(r"emb|enc|norm|(^|[._])(ln|bn)\d*[._]")


def readout_candidates(arrays: Arrays, cell: CellArrays) -> list[str]:
    """Names ``*.weight`` of arrays (k, H), or (H,), that may read the last layer's h.

    Embeddings, encoders and normalisations are left out, and a first layer of several: one whose k outputs another
    array takes as its inputs.
    """
    outputs = cell.layers[-1].recurrent_weights.shape[1]
    fitting = [
        name
        for name, value in arrays.items()
        if name not in cell.used
        and name.rpartition(".")[2] == "weight"
        and value.dtype.kind == "f"
        and not _NO_READOUT.search(name.lower())
        and (
            (value.ndim == 2 and value.shape[1] == outputs) or (value.ndim == 1 and value.shape == (outputs,))
        )
    ]
    return [name for name in fitting if not _feeds_another(name, arrays, cell)]


def _feeds_another(name: str, arrays: Arrays, cell: CellArrays) -> bool:
    own = arrays[name]
    later = list(arrays)[list(arrays).index(name) + 1 :]
    return own.ndim == 2 and any(
        other.rpartition(".")[2] == "weight"
        and other not in cell.used
        and arrays[other].ndim == 2
        and arrays[other].shape[1] == own.shape[0]
        for other in later
    )


def strangers(arrays: Arrays, cell: CellArrays) -> list[str]:
    """Arrays beside the cell's own, under its prefix, that no such cell has: it may be one of the user's own."""
    beside = [
        name
        for name in arrays
        if name.startswith(cell.prefix)
        and "." not in name.removeprefix(cell.prefix)
        and name not in cell.used
    ]
    return [name for name in beside if _STRANGE.search(name.removeprefix(cell.prefix))]


# a bare state dict lies beside everything else in its file: only what looks like part of a cell counts
_STRANGE = re.compile(r"^(weight|bias)|alpha|leak|decay|gate|mask|norm|tau_")
