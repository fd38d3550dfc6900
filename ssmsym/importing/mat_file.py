"""Weights from MATLAB's ``.mat`` files: versions 4 to 7 by SciPy, version 7.3 as HDF5."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import FileFormatError
from ssmsym.importing.flattening import Flattened
from ssmsym.importing.hdf5_file import read_hdf5, squeezed

_LARGEST_RATIO = 1100  # of numbers to bytes: what deflation can reach
_LARGEST_SPARSE = 2**27  # entries of a sparse matrix that is filled up


def read_mat(path: Path) -> Flattened:
    """Matrices, texts and structures by dotted name; rows and columns become vectors.

    Raises
    ------
    FileFormatError
        If the file is damaged, or declares matrices that it does not hold; the reason only.
    MissingExtraError
        If it is of version 7.3 and ``h5py`` is not installed.
    """
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import MatReadError

    try:
        declared = whosmat(path)
        limit = _LARGEST_RATIO * path.stat().st_size
        for name, shape, _ in declared:
            if math.prod(int(n) for n in shape) > limit:
                raise FileFormatError(
                    f"its matrix '{name}' declares the shape {tuple(shape)} that it does not hold"
                )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of objects that are not read, which are reported as such
            contents = loadmat(path, simplify_cells=False, struct_as_record=False)
    except NotImplementedError:
        return read_hdf5(path, matlab=True)
    except FileFormatError:
        raise
    except (MatReadError, Exception):  # SciPy meets damage with exceptions of many kinds
        raise FileFormatError("it is no .mat file, or it is damaged") from None
    flat = Flattened(_leaf)
    for name, value in contents.items():
        if not name.startswith("__"):
            flat.add(name, _plain(value, 0))
    return flat


def _plain(value: Any, depth: int) -> Any:
    """Structures as mappings, cells and arrays of structures as lists."""
    from scipy.io.matlab import mat_struct

    if depth > 40:
        raise FileFormatError("its structures are nested too deeply")
    if isinstance(value, mat_struct):
        return {name: _plain(getattr(value, name), depth + 1) for name in value._fieldnames}
    if isinstance(value, np.ndarray) and type(value) is np.ndarray and value.dtype == object:
        parts = [_plain(part, depth + 1) for part in value.ravel(order="F")]
        return parts[0] if len(parts) == 1 else parts
    return value


def _leaf(value: Any) -> NDArray[Any] | str:
    from scipy.sparse import issparse

    if issparse(value):
        if math.prod(value.shape) > _LARGEST_SPARSE:
            return f"it is a sparse matrix of shape {value.shape}, too large to be filled up"
        return np.asarray(value.toarray(), dtype=float)
    if type(value) is not np.ndarray or value.dtype.kind not in "biufU":
        return "it is an object or a function, which is not read"
    if value.dtype.kind == "U":
        return np.asarray(str(value[0])) if value.size == 1 else squeezed(value)
    if not value.size:
        return "it is empty"
    return squeezed(value)
