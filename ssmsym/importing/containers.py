"""Files of weights as named arrays, whatever their format; nothing is unpickled or evaluated."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import FileFormatError
from ssmsym.fields.file_checks import one_line
from ssmsym.fields.files import read_arrays
from ssmsym.importing.flattening import Flattened
from ssmsym.importing.hdf5_file import read_hdf5
from ssmsym.importing.json_file import read_json
from ssmsym.importing.mat_file import read_mat
from ssmsym.importing.safetensors_file import read_safetensors
from ssmsym.importing.torch_archive import read_torch

_READERS: dict[str, Callable[[Path], Flattened]] = {
    ".pt": read_torch,
    ".pth": read_torch,
    ".ckpt": read_torch,
    ".safetensors": read_safetensors,
    ".h5": read_hdf5,
    ".hdf5": read_hdf5,
    ".mat": read_mat,
    ".json": read_json,
}
SUFFIXES = (".npz", *_READERS)
_LONGEST_REASON = 400


@dataclass(frozen=True, eq=False)
class WeightFile:
    """What a file holds.

    Attributes
    ----------
    path : Path
    arrays : mapping of str to array
        Numbers and texts by name; names inside groups and structures are joined by dots.
    ignored : mapping of str to str
        Entries that were not read, with the reason.
    """

    path: Path
    arrays: Mapping[str, NDArray[Any]]
    ignored: Mapping[str, str]


def read_weights(path: str | os.PathLike[str]) -> WeightFile:
    """The arrays of a file, in the format that its ending names.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged, made to do harm, or of an unknown ending.
    MissingExtraError
        If the format needs a package that is not installed.
    """
    source = Path(path)
    ending = source.suffix.lower()
    if ending not in _READERS:
        if ending == ".npz" or not os.path.isfile(source):
            return _weights(source, read_arrays(source), {})
        return _of_unknown_ending(source)
    if not os.path.isfile(source):
        raise FileFormatError(f"There is no file '{source}'; check its name and folder.")
    try:
        flat = _READERS[ending](source)
    except FileFormatError as error:
        reason = _shortened(one_line(error))
    except OSError as error:
        reason = error.strerror or "it is damaged"
    except (ImportError, KeyboardInterrupt):
        raise
    except Exception:  # zip archives and decoders meet damage with exceptions of their own
        reason = "it is damaged"
    else:
        return _weights(source, flat.arrays, flat.ignored)
    remedy = "" if "; " in reason else "; make it again, or copy it from its source"
    raise FileFormatError(f"'{source}' cannot be read: {reason.rstrip('.')}{remedy}.")


def _shortened(text: str) -> str:
    """Printable characters only, and not too many: names in a file may be made to deceive."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return plain if len(plain) <= _LONGEST_REASON else f"{plain[: _LONGEST_REASON - 100]} ... {plain[-90:]}"


def _weights(source: Path, arrays: Mapping[str, NDArray[Any]], ignored: Mapping[str, str]) -> WeightFile:
    """Numbers and texts of the types that the rest of ssmsym computes with."""
    kept: dict[str, NDArray[Any]] = {}
    left = dict(ignored)
    for name, value in arrays.items():
        if (
            value.dtype.kind == "c" and source.suffix.lower() != ".npz"
        ):  # there, a network's own message names it
            left[name] = "it holds complex numbers, which are not read"
        elif value.dtype.kind == "S":
            kept[name] = np.char.decode(value, "utf-8", "replace")
        elif value.dtype.kind == "f":
            with np.errstate(invalid="ignore"):  # of numbers that are none, which are checked later
                kept[name] = value.astype(np.float64, copy=False)
        else:
            kept[name] = value.astype(value.dtype.newbyteorder("="), copy=False)
    return WeightFile(source, kept, left)


def _of_unknown_ending(source: Path) -> WeightFile:
    try:
        return _weights(source, read_arrays(source), {})
    except FileFormatError:
        known = ", ".join(SUFFIXES)
        raise FileFormatError(
            f"'{source}' has an ending that tells no format; files of weights end in {known}."
        ) from None
