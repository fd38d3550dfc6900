"""Weights from ``.json`` files: nested objects, numbers, texts, and lists of numbers as arrays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import FileFormatError
from ssmsym.importing.flattening import Flattened

_LARGEST = 256 * 2**20  # bytes; Python's numbers take some ten times as many
_LONGEST_NAME = 500
_LONGEST_TEXTS = 10**6  # characters of a list of texts, each as long as the longest
_MOST_AXES = 32


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
        raise FileFormatError(f"it is larger than {_LARGEST // 2**20} MiB; store large arrays as .npz")
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
    flat.add("", _with_arrays(document, 0))
    return flat


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise FileFormatError(f"it holds two entries '{twice[:80]}'")
    return document


def _with_arrays(value: Any, length: int) -> Any:
    """The document with lists that may be arrays marked; `length` is that of the dotted name so far."""
    if length > _LONGEST_NAME:
        raise FileFormatError("the names of its entries are too long")
    if isinstance(value, dict):
        return {key: _with_arrays(part, length + len(key) + 1) for key, part in value.items()}
    if isinstance(value, list) and any(isinstance(part, dict) for part in value):
        return [_with_arrays(part, length + 8) for part in value]
    return _Numbers(value) if isinstance(value, list) else value


def _array(value: _Numbers) -> NDArray[Any] | str:
    leaves = value.content
    shape = [len(leaves)]
    while leaves and all(isinstance(part, list) for part in leaves):
        if any(len(part) != len(leaves[0]) for part in leaves) or len(shape) > _MOST_AXES:
            return "its lists have different lengths"
        shape.append(len(leaves[0]))
        leaves = [leaf for part in leaves for leaf in part]
    kinds = {type(leaf) for leaf in leaves}
    if kinds == {str} and len(leaves) * max(map(len, leaves)) > _LONGEST_TEXTS:
        return "it holds long texts"
    if list in kinds:
        return "its lists have different lengths"
    if (len(kinds) == 1 and kinds <= {str, bool}) or kinds <= {int, float}:
        return _of_type(leaves, shape)
    return "it holds something else than numbers or texts, or a mixture of them"


def _of_type(leaves: list[Any], shape: list[int]) -> NDArray[Any] | str:
    if not leaves:
        return np.zeros(shape)
    try:
        array = np.array(leaves)
    except OverflowError:
        return "it holds too large a number"
    return array.reshape(shape) if array.dtype.kind in "bifU" else "it holds too large a number"
