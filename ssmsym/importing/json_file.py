"""Weights from ``.json`` files: nested objects, numbers, texts, and lists of numbers as arrays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import FileFormatError
from ssmsym.importing.flattening import Flattened

_LARGEST = 2**30  # bytes


class _Numbers:
    """A list that may be an array; kept from being flattened entry by entry."""

    def __init__(self, content: list[Any]) -> None:
        self.content = content


def read_json(path: Path) -> Flattened:
    """Arrays, numbers and texts of a JSON object, by dotted name.

    Raises
    ------
    FileFormatError
        If the file is no JSON object, uses a name twice, or is nested too deeply; the reason only.
    """
    if path.stat().st_size > _LARGEST:
        raise FileFormatError(f"it is larger than {_LARGEST // 2**30} GiB; store large arrays as .npz")
    try:
        document = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_unique)
    except UnicodeDecodeError:
        raise FileFormatError("it is no text in UTF-8") from None
    except json.JSONDecodeError as error:
        raise FileFormatError(f"it is no JSON (line {error.lineno}: {error.msg})") from None
    except RecursionError:
        raise FileFormatError("its contents are nested too deeply") from None
    except ValueError as error:
        raise FileFormatError(str(error)) from None
    if not isinstance(document, dict):
        raise FileFormatError("it holds no JSON object with named arrays")
    flat = Flattened(_array)
    flat.add("", _with_arrays(document))
    return flat


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FileFormatError(f"it holds two entries '{twice}'")
    return document


def _with_arrays(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_arrays(part) for key, part in value.items()}
    if isinstance(value, list) and any(isinstance(part, dict) for part in value):
        return [_with_arrays(part) for part in value]
    return _Numbers(value) if isinstance(value, list) else value


def _array(value: _Numbers) -> NDArray[Any] | str:
    try:
        array = np.array(value.content)
    except (ValueError, OverflowError):
        return "its lists have different lengths"
    return array if array.dtype.kind in "biufU" else "it holds something else than numbers or texts"
