"""Weights from HDF5 files, MATLAB's version 7.3 included, by h5py; links out of the file are not followed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import FileFormatError, MissingExtraError
from ssmsym.importing.flattening import Flattened

_SUSPICIOUS_SIZE = 64 * 2**20  # bytes from which on what is declared is held against what is stored
_LARGEST_RATIO = 200
_LARGEST_ARRAY = 8 * 2**30  # bytes


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
            reader = _Reader(h5py, matlab)
            reader.group(file, "", 0)
            return reader.flat
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise FileFormatError(f"it is no HDF5 file, or it is damaged ({type(error).__name__})") from None


class _Reader:
    def __init__(self, h5py: Any, matlab: bool) -> None:
        self._h5py = h5py
        self._matlab = matlab
        self.flat = Flattened(self._leaf)

    def group(self, group: Any, prefix: str, depth: int) -> None:
        if depth > 40:
            raise FileFormatError("its groups are nested too deeply")
        self._attributes(group, prefix)
        for key in group:
            name = f"{prefix}.{key}" if prefix else key
            if self._matlab and key.startswith("#"):
                continue  # MATLAB's own store of cells and objects
            link = group.get(key, getlink=True)
            if isinstance(link, self._h5py.ExternalLink):
                self.flat.ignored[name] = "it is a link to another file, which is not followed"
                continue
            item = group.get(key)
            if isinstance(item, self._h5py.Group):
                self.group(item, name, depth + 1)
            elif isinstance(item, self._h5py.Dataset):
                self.flat.add(name, item)
                self._attributes(item, name)
            else:
                self.flat.ignored[name] = "it is neither an array nor a group"

    def _attributes(self, item: Any, prefix: str) -> None:
        """Numbers and texts that are attached to a group or an array."""
        if self._matlab:
            return
        for key in item.attrs:
            name = f"{prefix}.{key}" if prefix else key
            try:
                value = np.asarray(item.attrs[key])
            except (OSError, TypeError, ValueError):
                self.flat.ignored[name] = "its type is not read"
                continue
            plain = _as_text(value) if value.dtype.kind == "O" else value
            if name not in self.flat.arrays and plain is not None and plain.dtype.kind in "biufUS":
                self.flat.arrays[name] = plain

    def _leaf(self, dataset: Any) -> NDArray[Any] | str:
        if dataset.is_virtual or dataset.external:
            return "it lies in another file, which is not opened"
        if dataset.shape is None:
            return "it is empty"
        declared = int(np.prod(dataset.shape, dtype=object)) * dataset.dtype.itemsize
        stored = dataset.id.get_storage_size()
        if declared > _LARGEST_ARRAY or declared > max(_SUSPICIOUS_SIZE, _LARGEST_RATIO * stored):
            raise FileFormatError(
                f"its array '{dataset.name}' declares the shape {dataset.shape} and holds {stored} bytes"
            )
        if dataset.dtype.kind == "O":
            text = _as_text(np.asarray(dataset[()])) if dataset.size <= 1000 else None
            return "it holds references or objects, which are not read" if text is None else text
        if dataset.dtype.kind not in "biufS":
            return f"it holds data of type {dataset.dtype}, which is not read"
        array = np.asarray(dataset[()])
        return self._from_matlab(array, dataset) if self._matlab else array

    def _from_matlab(self, array: NDArray[Any], dataset: Any) -> NDArray[Any] | str:
        kind = dataset.attrs.get("MATLAB_class", b"")
        if dataset.attrs.get("MATLAB_empty", 0):
            return "it is empty"
        if kind == b"char":
            return np.asarray("".join(chr(int(code)) for code in array.T.ravel(order="C")))
        if kind == b"logical":
            array = array.astype(bool)
        return squeezed(array.T)


def squeezed(array: NDArray[Any]) -> NDArray[Any]:
    """MATLAB's rows and columns as vectors, its 1 x 1 matrices as numbers."""
    return array.reshape(-1 if array.size != 1 else ()) if array.ndim == 2 and 1 in array.shape else array


def _as_text(array: NDArray[Any]) -> NDArray[Any] | None:
    """Texts of variable length as a NumPy array of texts; None for other objects."""
    entries = [e.decode("utf-8", "replace") if isinstance(e, bytes) else e for e in array.ravel().tolist()]
    if not all(isinstance(entry, str) for entry in entries):
        return None
    return np.asarray(entries, dtype=str).reshape(array.shape)
