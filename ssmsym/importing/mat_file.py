"""Weights from MATLAB's ``.mat`` files: version 4 by SciPy, versions 5 to 7 here, version 7.3 as HDF5.

SciPy's reader of versions 5 to 7 believes what a file declares and can end the whole process on a damaged one. The
format is simple, and public ("MAT-File Format", MathWorks): elements of a kind, a size and bytes, nested in matrices.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import FileFormatError
from ssmsym.fields.zip_checks import LARGEST_TOTAL, allowance
from ssmsym.importing.flattening import Flattened
from ssmsym.importing.hdf5_file import read_hdf5, squeezed

_DEEPEST = 40
_MOST_ELEMENTS = 500_000
_MOST_AXES = 32
_LONGEST_NAME = 500
_HEADER = 128
_MATRIX, _PACKED = 14, 15  # kinds of elements
_CELL, _STRUCT, _CHAR, _SPARSE = 1, 2, 4, 5  # classes of matrices
_COMPLEX, _LOGICAL = 0x800, 0x200  # flags of matrices
_TEXTS = {16: "utf-8", 17: "utf-16", 18: "utf-32"}
# NumPy's types of the kinds of elements, and of the classes of matrices
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CLASSES = dict(enumerate(("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"), start=6))

Elements = list[tuple[int, int, int]]


def read_mat(path: Path) -> Flattened:
    """Matrices, texts and structures by dotted name; rows and columns become vectors.

    Raises
    ------
    FileFormatError
        If the file is damaged, or declares matrices that it does not hold; the reason only.
    MissingExtraError
        If it is of version 7.3 and ``h5py`` is not installed.
    """
    from scipy.io import matlab

    try:
        level, _ = matlab.matfile_version(path)
        if level == 2:
            return read_hdf5(path, matlab=True)
        if path.stat().st_size > LARGEST_TOTAL:
            raise FileFormatError("it is too large")
        most = allowance(path.stat().st_size)
        contents = _Level5(path.read_bytes(), most).contents() if level else _level4(path, most)
    except (FileFormatError, ImportError):
        raise
    except Exception:  # damage is met as exceptions of many kinds
        raise FileFormatError("it is no .mat file, or it is damaged") from None
    flat = Flattened(_leaf)
    flat.add("", contents)
    return flat


def _level4(path: Path, most: int) -> dict[str, Any]:
    from scipy.io import loadmat, whosmat
    from scipy.sparse import issparse

    data = path.read_bytes()
    for name, shape, kind in whosmat(io.BytesIO(data)):
        if kind != "sparse" and math.prod(int(n) for n in shape) > len(data):
            raise FileFormatError(f"its matrix '{name[:80]}' declares a shape that it does not hold")
    contents: dict[str, Any] = {}
    for name, value in loadmat(io.BytesIO(data), mat_dtype=False).items():
        if name.startswith("__"):
            continue
        if issparse(value):
            most -= 8 * math.prod(value.shape)
            if most < 0:
                raise FileFormatError("it holds sparse matrices that are too large to be filled up")
            value = value.toarray()
        if value.dtype.kind in "iu":  # version 4 has no whole numbers, only short ways to store them
            value = value.astype(float)
        contents[name] = (
            np.asarray(str(value[0])) if value.dtype.kind == "U" and value.size == 1 else squeezed(value)
        )
    return contents


@dataclass(frozen=True)
class _NotRead:
    reason: str


def _leaf(value: Any) -> NDArray[Any] | str:
    if isinstance(value, _NotRead):
        return value.reason
    return value if isinstance(value, np.ndarray) and value.size else "it is empty"


class _Level5:
    """Reader of a file of level 5: what is declared is held against the bytes that are there."""

    def __init__(self, data: bytes, most: int) -> None:
        self._data = data
        self._left = most
        self._order = "<" if data[126:128] == b"IM" else ">"
        self._count = 0

    def contents(self) -> dict[str, Any]:
        """Variables by name: structures as mappings, cells and arrays of structures as lists."""
        found: dict[str, Any] = {}
        at = _HEADER
        while at < len(self._data):
            kind, size = self._numbers(self._data, at, "II")
            if at + 8 + size > len(self._data):
                raise FileFormatError("it ends too early")
            variable = self._data[at : at + 8 + size]
            at += 8 + size
            if kind == _PACKED:
                variable = self._inflated(variable[8:])
                kind, size = self._numbers(variable, 0, "II")
            if kind != _MATRIX or size + 8 != len(variable):
                raise FileFormatError("it holds something else than variables, or is damaged")
            name, value = self._matrix(variable, 8, len(variable), 0, 0)
            if name in found:
                raise FileFormatError(f"it holds two entries '{name[:80]}'")
            if name:  # MATLAB keeps what its functions need under no name
                found[name] = value
        if not found:
            raise FileFormatError("it holds no variables")
        return found

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise FileFormatError("it would unpack to far more than it holds, as no weights do")

    def _inflated(self, packed: bytes) -> bytes:
        unpacker = zlib.decompressobj()
        variable = unpacker.decompress(packed, self._left + 1)
        self._spend(len(variable))
        if not unpacker.eof:
            raise FileFormatError("one of its variables ends too early")
        return variable

    def _numbers(self, data: bytes, at: int, kinds: str) -> tuple[int, ...]:
        return struct.unpack_from(f"{self._order}{kinds}", data, at)

    def _elements(self, data: bytes, at: int, stop: int) -> Elements:
        """Kind, start and end of each element in a part of the file."""
        found = []
        while at < stop:
            kind, size = self._numbers(data, at, "II")
            start, following = at + 8, at + 8 + size + -size % 8
            if kind >> 16:  # a small element holds its size and four bytes in its tag
                kind, size, start, following = kind & 0xFFFF, kind >> 16, at + 4, at + 8
            self._count += 1
            if start + size > stop or self._count > _MOST_ELEMENTS:
                raise FileFormatError("its matrices declare sizes that they do not have, or are too many")
            found.append((kind, start, start + size))
            at = following
        return found

    def _matrix(self, data: bytes, at: int, stop: int, depth: int, length: int) -> tuple[str, Any]:
        """Name and value; `length` is that of the dotted name so far."""
        if depth > _DEEPEST or length > _LONGEST_NAME:
            raise FileFormatError("its structures are nested too deeply, or their names are too long")
        if at == stop:
            return "", _NotRead("it is empty")  # as MATLAB writes fields that were not set
        elements = self._elements(data, at, stop)
        (flags,) = self._numbers(data, elements[0][1], "I")
        kind = flags & 0xFF
        if kind not in (_CELL, _STRUCT, _CHAR, _SPARSE, *_CLASSES):
            # objects of the old kind are named like others, the rest are named first
            _, start, end = elements[2] if kind == 3 else elements[1]
            own = data[start:end].decode("ascii", "replace") if depth == 0 else ""
            return own, _NotRead("it is an object or a function, which is not read")
        _, start, end = elements[1]
        shape = self._numbers(data, start, f"{(end - start) // 4}i")
        if not 2 <= len(shape) <= _MOST_AXES or min(shape) < 0:
            raise FileFormatError("one of its matrices declares a shape that is none")
        name = data[elements[2][1] : elements[2][2]].decode("utf-8", "replace")
        length += len(name) + 8
        if kind == _CELL:
            return name, self._cell(data, elements[3:], shape, depth, length)
        if kind == _STRUCT:
            return name, self._struct(data, elements[3:], shape, depth, length)
        if kind == _SPARSE:
            return name, self._sparse(data, elements[3:], shape, flags)
        if kind == _CHAR:
            return name, self._texts(data, elements[3:], shape)
        return name, self._array(data, elements[3:], shape, flags)

    # -- matrices of matrices -------------------------------------------------------------------------------

    def _inner(self, elements: Elements, count: int) -> Elements:
        if len(elements) != count or any(kind != _MATRIX for kind, _, _ in elements):
            raise FileFormatError("one of its cells or structures declares a shape that it does not hold")
        return elements

    def _cell(self, data: bytes, elements: Elements, shape: tuple[int, ...], depth: int, length: int) -> Any:
        inner = self._inner(elements, math.prod(shape))
        parts = [self._matrix(data, start, end, depth + 1, length)[1] for _, start, end in inner]
        return parts[0] if len(parts) == 1 else parts or _NotRead("it is empty")

    def _struct(
        self, data: bytes, elements: Elements, shape: tuple[int, ...], depth: int, length: int
    ) -> Any:
        (width,) = self._numbers(data, elements[0][1], "i")
        _, start, end = elements[1]
        if width <= 0 or start == end:
            return _NotRead("it is a structure without fields")
        fields = [
            data[i : i + width].split(b"\0")[0].decode("utf-8", "replace") for i in range(start, end, width)
        ]
        if len(set(fields)) < len(fields):
            raise FileFormatError("one of its structures has two fields of one name")
        inner = iter(self._inner(elements[2:], math.prod(shape) * len(fields)))
        parts = []
        for _ in range(math.prod(shape)):
            part = {}
            for field in fields:
                _, start, end = next(inner)
                part[field] = self._matrix(data, start, end, depth + 1, length + len(field))[1]
            parts.append(part)
        return parts[0] if len(parts) == 1 else parts or _NotRead("it is empty")

    # -- matrices of numbers and letters --------------------------------------------------------------------

    def _stored(self, data: bytes, element: tuple[int, int, int]) -> NDArray[Any]:
        """Numbers as they are stored, in fewer bits than their class has if they fit."""
        kind, start, end = element
        if kind not in _STORED:
            raise FileFormatError("one of its matrices holds numbers of a kind that is not known")
        dtype = np.dtype(f"{self._order}{_STORED[kind]}")
        return np.frombuffer(data, dtype, (end - start) // dtype.itemsize, start)

    def _array(self, data: bytes, elements: Elements, shape: tuple[int, ...], flags: int) -> Any:
        if flags & _COMPLEX:
            return _NotRead("it holds complex numbers, which are not read")
        if len(elements) != 1:
            raise FileFormatError("one of its matrices holds something else than its numbers")
        stored = self._stored(data, elements[0])
        if len(stored) != math.prod(shape):
            raise FileFormatError(f"one of its matrices declares the shape {shape} that it does not hold")
        dtype = np.dtype(bool if flags & _LOGICAL else _CLASSES[flags & 0xFF])
        self._spend(len(stored) * dtype.itemsize)
        with np.errstate(invalid="ignore"):  # of numbers that are none, which are checked later
            return squeezed(stored.astype(dtype).reshape(shape, order="F"))

    def _texts(self, data: bytes, elements: Elements, shape: tuple[int, ...]) -> Any:
        if not elements:
            return _NotRead("it is empty")
        kind, start, end = elements[0]
        self._spend(4 * (end - start))
        if kind in _TEXTS:
            coding = _TEXTS[kind] if kind == 16 else _TEXTS[kind] + ("-le" if self._order == "<" else "-be")
            letters = data[start:end].decode(coding, "replace")
        else:
            letters = "".join(map(chr, self._stored(data, elements[0]).tolist()))
        if shape[0] == 1 and len(shape) == 2:
            return np.asarray(letters)
        if len(shape) != 2 or len(letters) != math.prod(shape) or not letters:
            return _NotRead("it holds letters in an array that is neither a text nor a list of texts")
        return np.asarray([letters[row :: shape[0]] for row in range(shape[0])])

    def _sparse(self, data: bytes, elements: Elements, shape: tuple[int, ...], flags: int) -> Any:
        if flags & _COMPLEX:
            return _NotRead("it holds complex numbers, which are not read")
        places, starts, values = (self._stored(data, element) for element in elements[:3])
        counts: NDArray[Any] = np.diff(starts.astype(np.int64))
        total = int(starts[-1])
        if len(shape) != 2 or len(counts) != shape[1] or min(counts, default=0) < 0 or starts[0] != 0:
            raise FileFormatError("one of its sparse matrices is damaged")
        rows = places[:total].astype(np.int64)
        if len(rows) != total or len(values) < total or not all((rows >= 0) & (rows < shape[0])):
            raise FileFormatError("one of its sparse matrices is damaged")
        self._spend(8 * math.prod(shape))
        array = np.zeros(shape, dtype=bool if flags & _LOGICAL else float)
        array[rows, np.repeat(np.arange(shape[1]), counts)] = values[:total]
        return squeezed(array)
