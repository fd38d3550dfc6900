"""Reading and writing files: nothing is overwritten unasked, half written, unpickled or believed unchecked."""

from __future__ import annotations

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import FileFormatError, OutputError

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
    if target.exists() and not overwrite:
        raise OutputError(f"'{target}' exists already; choose another name or ask for it to be overwritten.")
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=target.suffix)
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
        np.savez_compressed(handle, allow_pickle=False, **dict(arrays))


def read_arrays(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """All arrays of an ``.npz`` file: numbers and text only.

    The declared shape of each is compared with the size of its entry before anything is allocated.

    Raises
    ------
    FileFormatError
        If the file is missing, no ``.npz`` file, damaged, or holds pickled objects.
    """
    source = Path(path)
    if not source.is_file():
        raise FileFormatError(f"There is no file '{source}'.")
    try:
        with zipfile.ZipFile(source) as archive:
            return {
                entry.filename.removesuffix(".npy"): _read(archive, entry) for entry in archive.infolist()
            }
    except zipfile.BadZipFile:
        raise FileFormatError(f"'{source}' is no .npz file, or it is damaged.") from None
    except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError) as error:
        if isinstance(error, FileFormatError):
            raise FileFormatError(f"'{source}' cannot be read: {error}") from None
        raise FileFormatError(f"'{source}' cannot be read: it is damaged or no .npz file.") from None


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(entry) as handle:
        version = np.lib.format.read_magic(handle)
        reader = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
        if version[0] not in reader:
            raise FileFormatError(f"its entry '{entry.filename}' has an unknown format version.")
        shape, _, dtype = reader[version[0]](handle)
    if dtype.kind not in _PLAIN_KINDS:
        raise FileFormatError(
            f"its entry '{entry.filename}' holds pickled objects, which are not read; store plain numbers or text."
        )
    size = int(np.prod([int(s) for s in shape], dtype=object)) * dtype.itemsize
    if size > entry.file_size or size > _LARGEST_ARRAY:
        raise FileFormatError(
            f"its entry '{entry.filename}' declares an array of shape {shape} that it does not hold."
        )
    with archive.open(entry) as handle:
        return np.lib.format.read_array(handle, allow_pickle=False)
