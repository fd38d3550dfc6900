"""Weights from PyTorch's files, without PyTorch and without unpickling.

The format is the zip archive that ``torch.save`` writes since PyTorch 1.6: ``data.pkl`` describes the containers and
the tensors, ``data/0``, ``data/1``, ... hold the tensors' numbers (PyTorch documentation, "Serialization semantics").
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import FileFormatError
from ssmsym.fields.zip_checks import allowance, check_entries
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
# of tensors whose storage tells no type
_WIDER_KINDS = {f"torch.uint{bits}": f"u{bits // 8}" for bits in (16, 32, 64)}
_PARAMETERS = {"torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"}
_TENSORS = {"torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3", *_PARAMETERS}
# what checkpoints hold beside weights, and harmless because it is nothing but a name here
_HARMLESS = re.compile(
    r"torch\.(device|\w*int\d+|\w*float\w+|complex\d+|bool|[A-Z]\w+Storage)"
    r"|torch\._utils\._rebuild_(qtensor|sparse_tensor|sparse_csr_tensor|meta_tensor_no_storage)"
    r"|torch\._tensor\._rebuild_from_type_v2|torch\.serialization\._get_layout|_codecs\.encode"
    r"|collections\.(OrderedDict|defaultdict|Counter)|(builtins|__builtin__)\.(set|frozenset|complex|bytearray)"
    r"|numpy\.(dtype|ndarray)|numpy\.(_core|core)\.multiarray\.(scalar|_reconstruct)"
    r"|argparse\.Namespace|types\.SimpleNamespace|pathlib\.\w+|datetime\.\w+|omegaconf\.[\w.]+|__main__\.\w+"
    r"|(pytorch_lightning|lightning)\.[\w.]*AttributeDict"
)
_ORDERS = {"little": "<", "big": ">", "": "<"}
_LONGEST_NAME = 500
_MOST_AXES = 32
_LARGEST_CONTENTS = 64 * 2**20  # bytes of data.pkl


def read_torch(path: Path) -> Flattened:
    """Tensors, numbers and texts of a file that ``torch.save`` wrote, by dotted name.

    Raises
    ------
    FileFormatError
        If the file is damaged, of an older format, a compiled program, or a pickled object; the reason only.
    """
    if not zipfile.is_zipfile(path):
        raise FileFormatError(
            "it is damaged, or no archive of PyTorch's present format; load it with PyTorch and write it anew with "
            "torch.save(model.state_dict(), ...)"
        )
    with zipfile.ZipFile(path) as archive:
        check_entries(archive)
        return _Archive(archive, allowance(path.stat().st_size)).contents()


class _Bounded(Flattened):
    """References let a pickle of a few bytes name and repeat without end: what it becomes is counted."""

    def __init__(self, leaf: Callable[[Any], NDArray[Any] | str], most: int) -> None:
        super().__init__(leaf)
        self._left = most

    def add(self, name: str, value: Any, depth: int = 0) -> None:
        if len(name) > _LONGEST_NAME:
            raise FileFormatError(f"the name '{name[:40]}...' of one of its entries is too long")
        self.spend(8 + 4 * len(value) if isinstance(value, str) else 8)
        super().add(name, value, depth)

    def spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise FileFormatError("it would unpack to far more than it holds, as no weights do")


class _Archive:
    def __init__(self, archive: zipfile.ZipFile, most: int) -> None:
        self._zip = archive
        self._flat = _Bounded(self._leaf, most)
        names = archive.namelist()
        pickles = [name for name in names if name.rpartition("/")[2] == "data.pkl"]
        if len(pickles) != 1 or len(set(names)) != len(names):
            raise FileFormatError("it has not the one table of contents 'data.pkl' of a PyTorch file")
        self._root = pickles[0].removesuffix("data.pkl")
        if any(name.startswith(f"{self._root}code/") for name in names):
            raise FileFormatError("it is a compiled program (TorchScript); save its state_dict() instead")
        order = self._text("byteorder")
        if order not in _ORDERS:
            raise FileFormatError(f"its order of bytes is '{order[:20]}', neither little nor big")
        self._order = _ORDERS[order]
        self._storages: dict[str, bytes] = {}

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
        self._flat.add("" if isinstance(top, (dict, list, tuple)) else "tensor", top)
        return self._flat

    def _leaf(self, value: Any) -> NDArray[Any] | str:
        if isinstance(value, Called) and value.name in _TENSORS:
            return self._tensor(value)
        if isinstance(value, Called) and value.name == "torch.Size":
            return np.asarray(value.arguments[0], dtype=np.int64)
        if not isinstance(value, (Called, Named)):
            return "it is neither a tensor nor a number nor a text"
        if not _HARMLESS.fullmatch(value.name):
            raise FileFormatError(
                f"it holds a pickled object '{value.name[:80]}', which is not read; save model.state_dict() instead"
            )
        return f"it is a '{value.name}', which is not read"

    def _tensor(self, call: Called) -> NDArray[Any] | str:
        if call.name in _PARAMETERS:
            inner = call.arguments[0]
            if not isinstance(inner, Called) or inner.name not in _TENSORS - _PARAMETERS:
                return "it is a parameter that is no plain tensor"
            return self._tensor(inner)
        storage, offset, shape, strides = call.arguments[:4]
        _check_layout(offset, shape, strides)
        kind = _kind(storage, call)
        if kind is None:
            return "it is a tensor of numbers that are not read"
        flat = self._storage(storage, kind)
        last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
        size = math.prod(shape)
        if size and not last < len(flat):
            raise FileFormatError(f"it declares a tensor of shape {tuple(shape)} that it does not hold")
        self._flat.spend(size * flat.itemsize)
        if not size:
            return np.zeros(shape)
        view = np.lib.stride_tricks.as_strided(
            flat[offset:], shape, [s * flat.itemsize for s in strides], writeable=False
        )
        return _widened(np.array(view))

    def _storage(self, reference: Any, kind: str) -> NDArray[Any]:
        """The numbers of a storage as they are kept: bfloat16 as whole numbers of 16 bits."""
        key = reference.identifier[2]
        if not isinstance(key, str):
            raise FileFormatError("one of its tensors has a storage without a name")
        if key not in self._storages:
            try:
                self._storages[key] = self._zip.read(f"{self._root}data/{key}")
            except KeyError:
                raise FileFormatError(f"its entry 'data/{key[:80]}' is missing") from None
        data = self._storages[key]
        upper = [
            ("upper", f"{self._order}u2")
        ]  # NumPy has no bfloat16; the field tells it from whole numbers
        dtype = np.dtype(upper if kind == "bfloat16" else f"{self._order}{kind}")
        return np.frombuffer(data, dtype=dtype, count=len(data) // dtype.itemsize)


def _widened(array: NDArray[Any]) -> NDArray[Any]:
    """Floating-point numbers as those of 64 bits, which hold all others exactly."""
    if array.dtype.names:
        return (array["upper"].astype(np.uint32) << 16).view(np.float32).astype(float)
    return array.astype(float if array.dtype.kind == "f" else array.dtype.newbyteorder("="))


def _kind(reference: Any, call: Called) -> str | None:
    """How the numbers of a tensor are kept; None for numbers that are not read."""
    if not isinstance(reference, Persistent) or reference.identifier[0] != "storage":
        raise FileFormatError("one of its tensors has no storage")
    storage = reference.identifier[1]
    if not isinstance(storage, Named) or not _HARMLESS.fullmatch(
        storage.name.replace("torch.storage.", "torch.")
    ):
        raise FileFormatError("one of its tensors has a storage of unknown kind")
    if call.name.endswith("_v2"):
        metadata = call.arguments[6:7]  # such as a sign that is still to be applied
        return None if metadata and metadata[0] else _KINDS.get(storage.name.removeprefix("torch."))
    own = call.arguments[6]
    return _WIDER_KINDS.get(own.name) if isinstance(own, Named) else None


def _check_layout(offset: Any, shape: Any, strides: Any) -> None:
    numbers = [offset, *shape, *strides]
    fits = len(shape) == len(strides) <= _MOST_AXES
    if not fits or not all(type(n) is int and 0 <= n < 2**48 for n in numbers):
        raise FileFormatError("it declares a tensor of a shape that it does not hold")
