"""Weights from PyTorch's files, without PyTorch and without unpickling.

The format is the zip archive that ``torch.save`` writes since PyTorch 1.6: ``data.pkl`` describes the containers and
the tensors, ``data/0``, ``data/1``, ... hold the tensors' numbers (PyTorch documentation, "Serialization semantics").
"""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import FileFormatError
from ssmsym.fields.zip_checks import check_entries
from ssmsym.importing.flattening import Flattened
from ssmsym.importing.pickle_reader import Called, Named, Persistent, read_pickle

_KINDS = {
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "HalfStorage": "f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "b1",
}
_LARGEST_CONTENTS = 64 * 2**20  # bytes of data.pkl
_LARGEST_EXPANSION = 2**24  # entries that a tensor may have beyond its storage, by strides of 0


def read_torch(path: Path) -> Flattened:
    """Tensors, numbers and texts of a file that ``torch.save`` wrote, by dotted name.

    Raises
    ------
    FileFormatError
        If the file is damaged, of an older format, a compiled program, or a pickled object; the reason only.
    """
    if not zipfile.is_zipfile(path):
        raise FileFormatError(
            "it is no archive of PyTorch's present format; load it with PyTorch and write it anew with "
            "torch.save(model.state_dict(), ...)"
        )
    with zipfile.ZipFile(path) as archive:
        check_entries(archive)
        return _Archive(archive).contents()


class _Archive:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._zip = archive
        names = archive.namelist()
        pickles = [name for name in names if name.rpartition("/")[2] == "data.pkl"]
        if len(pickles) != 1 or len(set(names)) != len(names):
            raise FileFormatError("it has not the one table of contents 'data.pkl' of a PyTorch file")
        self._root = pickles[0].removesuffix("data.pkl")
        if any(name.startswith(f"{self._root}code/") for name in names):
            raise FileFormatError("it is a compiled program (TorchScript); save its state_dict() instead")
        self._order = ">" if self._text("byteorder") == "big" else "<"
        self._storages: dict[str, NDArray[Any]] = {}

    def _text(self, name: str) -> str:
        try:
            return self._zip.read(self._root + name).decode("ascii", "replace").strip()
        except KeyError:
            return ""

    def contents(self) -> Flattened:
        entry = self._zip.getinfo(f"{self._root}data.pkl")
        if entry.file_size > _LARGEST_CONTENTS:
            raise FileFormatError("its table of contents is too large")
        top = read_pickle(self._zip.read(entry))
        if isinstance(top, Called) and top.name not in _TENSORS:
            raise FileFormatError(
                f"it holds a pickled object '{top.name}', which is not read; save its state_dict() instead"
            )
        flat = Flattened(self._leaf)
        flat.add("" if isinstance(top, (dict, list, tuple)) else "tensor", top)
        return flat

    def _leaf(self, value: Any) -> NDArray[Any] | str:
        if isinstance(value, Called) and value.name in _TENSORS:
            return self._tensor(value)
        if isinstance(value, Called) and value.name == "torch.Size":
            return np.asarray(value.arguments[0], dtype=int)
        if isinstance(value, (Called, Named)):
            return f"it is a pickled object '{value.name}', which is not read"
        return "it is neither a tensor nor a number nor a text"

    def _tensor(self, call: Called) -> NDArray[Any] | str:
        if call.name == "torch._utils._rebuild_parameter":
            inner = call.arguments[0]
            return self._tensor(inner) if isinstance(inner, Called) else "it is damaged"
        if call.name != "torch._utils._rebuild_tensor_v2":
            return f"it is a tensor of a kind that is not read ({call.name})"
        storage, offset, shape, strides = call.arguments[:4]
        _check_layout(offset, shape, strides)
        flat = self._storage(storage)
        last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
        size = math.prod(shape)
        if size and not last < len(flat):
            raise FileFormatError(f"it declares a tensor of shape {tuple(shape)} that it does not hold")
        if size > len(flat) + _LARGEST_EXPANSION:
            raise FileFormatError(f"it declares a tensor of shape {tuple(shape)}, far more than it holds")
        if not size:
            return np.zeros(shape)
        view = np.lib.stride_tricks.as_strided(
            flat[offset:], shape, [s * flat.itemsize for s in strides], writeable=False
        )
        return np.array(view, dtype=float if flat.dtype.kind == "f" else None)

    def _storage(self, reference: Any) -> NDArray[Any]:
        if not isinstance(reference, Persistent):
            raise FileFormatError("one of its tensors has no storage")
        word, kind, key = reference.identifier[:3]
        name = kind.name.rpartition(".")[2] if isinstance(kind, Named) else ""
        if word != "storage" or name not in _KINDS or not isinstance(key, str):
            raise FileFormatError(f"one of its tensors has a storage of unknown kind '{name}'")
        if f"{name}/{key}" not in self._storages:
            try:
                data = self._zip.read(f"{self._root}data/{key}")
            except KeyError:
                raise FileFormatError(f"its entry 'data/{key}' is missing") from None
            self._storages[f"{name}/{key}"] = _numbers(data, _KINDS[name], self._order)
        return self._storages[f"{name}/{key}"]


_TENSORS = {
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_qtensor",
    "torch._utils._rebuild_sparse_tensor",
}


def _check_layout(offset: Any, shape: Any, strides: Any) -> None:
    numbers = [offset, *shape, *strides]
    if len(shape) != len(strides) or not all(type(n) is int and 0 <= n < 2**48 for n in numbers):
        raise FileFormatError(f"it declares a tensor of shape {tuple(shape)} and strides {tuple(strides)}")


def _numbers(data: bytes, kind: str, order: str) -> NDArray[Any]:
    if kind != "bfloat16":
        return np.frombuffer(data, dtype=np.dtype(f"{order}{kind}"))
    upper = np.frombuffer(data, dtype=np.dtype(f"{order}u2")).astype(np.uint32)
    return np.asarray((upper << 16).view(np.float32))
