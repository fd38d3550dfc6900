"""Weights from ``.safetensors`` files, by the ``safetensors`` library without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import FileFormatError, MissingExtraError
from ssmsym.importing.flattening import Flattened

_KINDS = {
    **{f"F{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
    **{f"I{bits}": f"<i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"U{bits}": f"<u{bits // 8}" for bits in (8, 16, 32, 64)},
    "BOOL": "?",
}


_SETTINGS = ("form", "activation", "out_activation", "integrator", "tau", "dt")


def read_safetensors(path: Path) -> Flattened:
    """Tensors of a file by name, and the settings of a network among its metadata.

    The library holds declared shapes against the bytes that are there.

    Raises
    ------
    FileFormatError
        If the file is damaged; the reason only.
    MissingExtraError
        If ``safetensors`` is not installed.
    """
    try:
        from safetensors import SafetensorError, deserialize, safe_open
    except ImportError:
        raise MissingExtraError(
            "Files of '.safetensors' need the package safetensors: pip install 'ssmsym[safetensors]'."
        ) from None
    try:
        entries = deserialize(path.read_bytes())
        with safe_open(path, "np") as file:
            texts = file.metadata() or {}
    except SafetensorError as error:
        raise FileFormatError(f"it is damaged ({error})") from None
    flat = Flattened(lambda entry: _numbers(entry.content))
    for name, entry in sorted(entries):
        flat.add(name, _Tensor(entry))
    for name, text in sorted(texts.items()):
        if name in _SETTINGS and name not in flat.arrays:  # the format holds no texts but in its metadata
            flat.add(name, _number_or_text(text))
    return flat


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


class _Tensor:
    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content


def _numbers(entry: dict[str, Any]) -> NDArray[Any] | str:
    shape, kind = entry["shape"], entry["dtype"]
    if kind == "BF16":
        upper = np.frombuffer(entry["data"], dtype="<u2").astype(np.uint32) << 16
        return upper.view(np.float32).astype(float).reshape(shape)
    if kind not in _KINDS:
        return f"it holds numbers of type {kind}, which is not read"
    array = np.frombuffer(entry["data"], dtype=_KINDS[kind]).reshape(shape)
    return np.array(array, dtype=float if array.dtype.kind == "f" else None)
