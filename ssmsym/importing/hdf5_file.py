"""Weights from HDF5 files, MATLAB's version 7.3 included, by h5py; links out of the file are not followed.

The layout of MATLAB's files is that of MAT-File level 7.3: arrays with their axes reversed, the class of each in the
attribute ``MATLAB_class``, cells and arrays of structures as references into the group ``#refs#``.
"""

from __future__ import annotations

import math
import mmap
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import FileFormatError, MissingExtraError
from ssmsym.fields.zip_checks import HARMLESS, LARGEST_RATIO, allowance
from ssmsym.importing.flattening import Flattened

_DEEPEST = 40
_LONGEST_NAME = 500
_MOST_TEXTS = 1000
_DEFLATE, _SHUFFLE, _CHECKSUM, _LZF = 1, 2, 3, 32000
_FURTHEST_DEFLATION = 1032  # bytes from one
_LARGEST_LZF_CHUNK = 16 * 2**20
_SLACK = 1024  # bytes by which packing may lengthen what does not compress
_HEAP = b"GCOL\x01\0\0\0"  # start of a store of texts
_SMALLEST_HEAP = 4096
_NOT_FOLLOWED = "it is a link, which is not followed"


def read_hdf5(path: Path, *, matlab: bool = False) -> Flattened:
    """Datasets and attributes by dotted name: a dataset ``net1/J`` is ``net1.J``.

    Parameters
    ----------
    path : Path
    matlab : bool
        Whether MATLAB wrote it: axes are then reversed, and texts stored as numbers.

    Raises
    ------
    FileFormatError
        If the file is damaged, or declares arrays that it does not hold; the reason only.
    MissingExtraError
        If ``h5py`` is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("HDF5 files need the package h5py: pip install 'ssmsym[hdf5]'.") from None
    try:
        with h5py.File(path, "r") as file:
            _check_heaps(path, file.id.get_create_plist().get_sizes())
            reader = _Reader(h5py, file, matlab, path.stat().st_size)
            reader.group(file, "", 0)
            reader.attributes()
            return reader.flat
    except FileFormatError:
        raise
    except Exception as error:  # h5py meets damage with exceptions of many kinds
        raise FileFormatError(f"it is no HDF5 file, or it is damaged ({type(error).__name__})") from None


def _check_heaps(path: Path, sizes: tuple[int, int]) -> None:
    """Refuse stores of texts on whose entries the HDF5 library would step in place for ever.

    The layout is that of a global heap ("HDF5 File Format Specification", III.E): entries of an index, a size and
    bytes, where index 0 is free space.
    """
    if sizes != (8, 8):
        raise FileFormatError("it uses addresses that are not of 64 bits")
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = data.find(_HEAP)
        while start >= 0:
            _check_heap(data, start)
            start = data.find(_HEAP, start + 1)


def _check_heap(data: mmap.mmap, start: int) -> None:
    if start + 16 > len(data):
        return
    (size,) = struct.unpack_from("<Q", data, start + 8)
    if size < _SMALLEST_HEAP or start + size > len(data):
        return  # the library refuses it
    at, stop = start + 16, start + size
    while at + 16 <= stop:
        index, _, _, length = struct.unpack_from("<HHIQ", data, at)
        step = 16 + length + -length % 8 if index else length
        if step < 16 or at + step > stop:
            raise FileFormatError("its texts are damaged")
        at += step


class _Reader:
    def __init__(self, h5py: Any, file: Any, matlab: bool, size: int) -> None:
        self._h5py = h5py
        self._file = file
        self._matlab = matlab
        self._size = size
        self._left = allowance(size)
        self._names: dict[Any, str] = {}  # of groups and datasets by address
        self._with_attributes: list[tuple[str, Any]] = []
        self.flat = Flattened(lambda dataset: self._numbers(dataset))

    def spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise FileFormatError("it would unpack to far more than it holds, as no weights do")

    # -- groups ---------------------------------------------------------------------------------------------

    def group(self, group: Any, prefix: str, depth: int) -> None:
        """Add what a group holds, and what is in its groups."""
        if depth > _DEEPEST:
            raise FileFormatError("its groups are nested too deeply")
        if not self._matlab:
            self._with_attributes.append((prefix, group))
        for key in group:
            if self._matlab and key.startswith("#"):
                continue  # MATLAB's own store of cells and objects
            name = f"{prefix}.{key}" if prefix else key
            if len(name) > _LONGEST_NAME:
                raise FileFormatError(f"the name '{name[:40]}...' of one of its entries is too long")
            if isinstance(group.get(key, getlink=True), self._h5py.HardLink):
                self._item(group.get(key), name, depth)
            else:  # a link within the file may lead to one that leaves it
                self.flat.ignored[name] = _NOT_FOLLOWED

    def _item(self, item: Any, name: str, depth: int) -> None:
        address = self._h5py.h5o.get_info(item.id).addr
        if address in self._names and not self._matlab:
            self.flat.ignored[name] = f"it is another name of '{self._names[address]}'"
            return
        self._names[address] = name
        if self._matlab:
            self._matlab_item(item, name, depth)
        elif isinstance(item, self._h5py.Group):
            self.group(item, name, depth + 1)
        elif isinstance(item, self._h5py.Dataset):
            self.flat.add(name, item)
            self._with_attributes.append((name, item))
        else:
            self.flat.ignored[name] = "it is neither an array nor a group"

    def attributes(self) -> None:
        """Add numbers and texts that are attached to groups and arrays, unless an array has their name."""
        for prefix, item in self._with_attributes:
            for key in item.attrs:
                name = f"{prefix}.{key}" if prefix else key
                if name not in self.flat.arrays:
                    self._attribute(item.attrs.get_id(key), item.attrs, key, name)

    def _attribute(self, declared: Any, attributes: Any, key: str, name: str) -> None:
        plain = declared.dtype.kind in "biufSU" or self._h5py.check_string_dtype(declared.dtype)
        if not plain or len(name) > _LONGEST_NAME or math.prod(declared.shape) > _MOST_TEXTS:
            self.flat.ignored[name] = "it is neither a number nor a short text"
            return
        self.spend(math.prod(declared.shape) * declared.dtype.itemsize)
        value = np.asarray(attributes[key])
        text = self._texts(value) if value.dtype.kind == "O" else value
        if text.dtype.kind in "biufSU":
            self.flat.arrays[name] = text

    # -- arrays ---------------------------------------------------------------------------------------------

    def _numbers(self, dataset: Any) -> NDArray[Any] | str:
        if dataset.is_virtual or dataset.external:
            return "it lies in another file, which is not opened"
        if dataset.shape is None:
            return "it is empty"
        if self._h5py.check_string_dtype(dataset.dtype) and dataset.dtype.kind == "O":
            if dataset.size > _MOST_TEXTS:
                return "it holds too many texts"
        elif dataset.dtype.kind not in "biufS":
            return f"it holds data of type '{str(dataset.dtype)[:80]}', which is not read"
        self._check_size(dataset)
        reason = self._badly_packed(dataset)
        if reason:
            return reason
        if dataset.dtype.kind == "O":
            return self._texts(np.asarray(dataset[()]))
        return np.asarray(dataset[()])

    def _check_size(self, dataset: Any) -> None:
        declared = math.prod(int(n) for n in dataset.shape) * dataset.dtype.itemsize
        stored = dataset.id.get_storage_size()
        if stored > self._size or declared > HARMLESS + LARGEST_RATIO * stored:
            raise FileFormatError(
                f"its array '{dataset.name}' declares the shape {dataset.shape} and holds {stored} bytes"
            )
        self.spend(declared)

    def _badly_packed(self, dataset: Any) -> str:
        """Why an array of packed chunks is not unpacked: HDF5's filters believe what they unpack to any size."""
        if dataset.chunks is None:
            return ""
        chunk = math.prod(int(n) for n in dataset.chunks) * dataset.dtype.itemsize
        if chunk > allowance(self._size):
            raise FileFormatError(f"its array '{dataset.name}' declares chunks far larger than the file")
        created = dataset.id.get_create_plist()
        filters = [created.get_filter(i)[0] for i in range(created.get_nfilters())]
        packers = [f for f in filters if f not in (_SHUFFLE, _CHECKSUM)]
        if packers not in ([], [_DEFLATE], [_LZF]) or (packers == [_LZF] and chunk > _LARGEST_LZF_CHUNK):
            return "it is packed in a way that is not read"
        if packers:
            self._check_chunks(dataset, chunk, filters, packers == [_DEFLATE])
        return ""

    def _check_chunks(self, dataset: Any, chunk: int, filters: list[int], deflated: bool) -> None:
        infos: list[Any] = []
        dataset.id.chunk_iter(infos.append)
        for info in infos:
            longest = chunk + chunk // 8 + _SLACK
            if info.size > longest:
                raise FileFormatError(f"its array '{dataset.name}' holds more than it declares")
            if not deflated or info.size * _FURTHEST_DEFLATION <= HARMLESS:
                continue
            mask, packed = dataset.id.read_direct_chunk(info.chunk_offset)
            if mask >> filters.index(_DEFLATE) & 1:
                continue
            if len(zlib.decompressobj().decompress(packed, longest + 1)) > longest:
                raise FileFormatError(f"its array '{dataset.name}' would unpack to more than it declares")

    def _texts(self, array: NDArray[Any]) -> NDArray[Any]:
        """Texts of variable length as a NumPy array of texts, each as long as the longest."""
        entries = [
            e.decode("utf-8", "replace") if isinstance(e, bytes) else str(e) for e in array.ravel().tolist()
        ]
        self.spend(4 * len(entries) * max(map(len, entries), default=0))
        return np.asarray(entries, dtype=str).reshape(array.shape)

    # -- MATLAB ---------------------------------------------------------------------------------------------

    def _matlab_item(self, item: Any, name: str, depth: int) -> None:
        kind = item.attrs.get("MATLAB_class", b"")
        kind = kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
        if "MATLAB_sparse" in item.attrs and isinstance(item, self._h5py.Group):
            self._count(name, self._sparse(item))
        elif kind in ("function_handle", "string", "table", "datetime", "containers.Map"):
            self.flat.ignored[name] = f"it is an object '{kind}', which is not read"
        elif isinstance(item, self._h5py.Group):
            self.group(item, name, depth + 1)
        elif self._h5py.check_ref_dtype(item.dtype):
            self._references(item, name, depth, cell=kind == "cell")
        else:
            self._count(name, self._from_matlab(item, kind))

    def _count(self, name: str, value: NDArray[Any] | str) -> None:
        if isinstance(value, str):
            self.flat.ignored[name] = value
        elif name in self.flat.arrays:
            raise FileFormatError(f"it holds two entries '{name}'")
        else:
            self.flat.arrays[name] = value

    def _references(self, dataset: Any, name: str, depth: int, *, cell: bool) -> None:
        """What a cell refers to as ``name.0``, ...; of structures in an array ``prefix.0.field``, ..."""
        self._check_size(dataset)
        if self._badly_packed(dataset) or depth > _DEEPEST:
            self.flat.ignored[name] = "it is packed in a way that is not read"
            return
        prefix, _, field = name.rpartition(".")
        for i, reference in enumerate(
            np.asarray(dataset[()]).ravel()
        ):  # MATLAB's order, as axes are reversed
            self.spend(_SLACK)
            own = f"{name}.{i}" if cell else f"{prefix}.{i}.{field}"
            if reference and len(own) <= _LONGEST_NAME:
                self._item(self._file[reference], own, depth + 1)
            else:
                self.flat.ignored[own] = "it is empty"

    def _from_matlab(self, dataset: Any, kind: str) -> NDArray[Any] | str:
        if dataset.attrs.get("MATLAB_empty", 0):
            return "it is empty"
        array = self._numbers(dataset)
        if isinstance(array, str):
            return array
        if kind == "char":
            rows = array.T if array.ndim == 2 else array.reshape(1, -1)
            self.spend(4 * array.size)
            texts = ["".join(chr(int(code)) for code in row) for row in rows]
            return np.asarray(texts[0] if len(texts) == 1 else texts)
        return squeezed(array.T.astype(bool) if kind == "logical" else array.T)

    def _sparse(self, group: Any) -> NDArray[Any] | str:
        rows, starts = int(group.attrs["MATLAB_sparse"]), self._numbers(group["jc"])
        if "data" not in group or isinstance(starts, str):
            return "it is an empty sparse matrix"
        places, values = self._numbers(group["ir"]), self._numbers(group["data"])
        columns = len(starts) - 1
        if rows < 0 or isinstance(places, str) or isinstance(values, str):
            return "it is a sparse matrix of numbers that are not read"
        self.spend(8 * rows * columns)
        array = np.zeros((rows, columns))
        array[places.astype(int), np.repeat(np.arange(columns), np.diff(starts.astype(int)))] = values
        return squeezed(array)


def squeezed(array: NDArray[Any]) -> NDArray[Any]:
    """MATLAB's rows and columns as vectors, its 1 x 1 matrices as numbers."""
    return array.reshape(-1 if array.size != 1 else ()) if array.ndim == 2 and 1 in array.shape else array
