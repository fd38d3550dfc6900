"""Reading and writing files: nothing is overwritten unasked, half written, unpickled or believed unchecked."""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import FileFormatError, OutputError
from ssmsym.fields.zip_checks import check_entries

_LARGEST_ARRAY = 8 * 2**30  # bytes
_PLAIN_KINDS = "biufcUS"


@contextlib.contextmanager
def written_atomically(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends well and removed when it does not.

    Raises
    ------
    OutputError
        If `path` exists and `overwrite` is False, or writing fails.
    """
    target = Path(path)
    if os.path.isdir(target):  # unlike Path.is_dir, it raises nothing
        raise OutputError(f"'{target}' is a folder; choose another name.")
    if os.path.lexists(target) and not overwrite:
        raise OutputError(f"'{target}' exists already; choose another name or ask for it to be overwritten.")
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:32]}.")
        os.close(handle)
    except OSError as error:
        raise _failure(target, error) from None
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    except OSError as error:
        raise _failure(target, error) from None
    finally:
        temporary.unlink(missing_ok=True)


def _failure(target: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    return OutputError(
        f"Cannot write '{target}': {reason}. Nothing was written; free space or choose another place."
    )


def write_text(path: str | os.PathLike[str], text: str, *, overwrite: bool = False) -> None:
    """Write a text file in one piece."""
    with written_atomically(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_arrays(
    path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]], *, overwrite: bool = False
) -> None:
    """Write an ``.npz`` file in one piece."""
    with written_atomically(path, overwrite=overwrite) as temporary, temporary.open("wb") as handle:
        np.savez_compressed(handle, **dict(arrays))  # type: ignore[arg-type]


def read_arrays(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """All arrays of an ``.npz`` file: numbers and text only.

    The declared shape of each is compared with the size of its entry before anything is allocated, and an archive
    that would unpack to far more than it holds is not unpacked.

    Raises
    ------
    FileFormatError
        If the file is missing, no ``.npz`` file, damaged, a zip bomb, or holds pickled objects.
    """
    source = Path(path)
    if not os.path.isfile(source):
        raise FileFormatError(f"There is no file '{source}'; check its name and folder.")
    try:
        with zipfile.ZipFile(source) as archive:
            return _read_all(archive)
    except zipfile.BadZipFile:
        reason = "is no .npz file, or it is damaged"
    except FileFormatError as error:
        reason = f"cannot be read: {error}"
    except OSError as error:
        reason = f"cannot be read: {error.strerror or 'it is damaged'}"
    except Exception:  # zipfile, zlib, ast, tokenize and NumPy each meet damage with exceptions of their own
        reason = "cannot be read: it is damaged"
    raise FileFormatError(
        f"'{source}' {' '.join(reason.split())}; make it again, or copy it from its source."
    )


def _read_all(archive: zipfile.ZipFile) -> dict[str, NDArray[Any]]:
    check_entries(archive)
    arrays: dict[str, NDArray[Any]] = {}
    for entry in archive.infolist():
        name = entry.filename.removesuffix(".npy")
        if name in arrays:
            raise FileFormatError(f"it holds two entries '{entry.filename}'")
        arrays[name] = _read(archive, entry)
    return arrays


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(entry) as handle:
        version = np.lib.format.read_magic(handle)
        reader = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
        if version[0] not in reader:
            raise FileFormatError(f"its entry '{entry.filename}' has an unknown format version")
        shape, _, dtype = reader[version[0]](handle)
    if dtype.kind not in _PLAIN_KINDS:
        kind = "pickled objects, which are not read" if dtype.hasobject else f"data of type {dtype}"
        raise FileFormatError(f"its entry '{entry.filename}' holds {kind}; store plain numbers or text")
    size = math.prod(int(s) for s in shape) * dtype.itemsize
    if min(shape, default=0) < 0 or size > entry.file_size or size > _LARGEST_ARRAY:
        raise FileFormatError(
            f"its entry '{entry.filename}' declares an array of shape {shape} that it does not hold"
        )
    with archive.open(entry) as handle:
        return np.lib.format.read_array(handle, allow_pickle=False)
