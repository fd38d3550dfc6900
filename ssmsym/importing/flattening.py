"""Nested containers of a file as one level of names, ``{"net": {"J": ...}}`` as ``net.J``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import FileFormatError

_DEEPEST = 40
_MOST_ENTRIES = 100_000
_LONGEST_TEXT = 10_000

Leaf = Callable[[Any], "NDArray[Any] | str"]


class Flattened:
    """Arrays and texts by name, and what was left aside with the reason.

    Attributes
    ----------
    arrays : dict of str to array
    ignored : dict of str to str
    """

    def __init__(self, leaf: Leaf) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}
        self.ignored: dict[str, str] = {}
        self._leaf = leaf
        self._count = 0

    def add(self, name: str, value: Any, depth: int = 0) -> None:
        """Add a value, all its entries if it is a container.

        Raises
        ------
        FileFormatError
            If containers are nested too deeply or hold too much, as when they hold themselves; or a name is used
            twice.
        """
        self._count += 1
        if depth > _DEEPEST or self._count > _MOST_ENTRIES:
            raise FileFormatError("its contents are nested too deeply or are too many")
        if isinstance(value, Mapping):
            for key, part in value.items():
                self.add(f"{name}.{key}" if name else str(key), part, depth + 1)
        elif isinstance(value, (list, tuple)):
            for i, part in enumerate(value):
                self.add(f"{name}.{i}" if name else str(i), part, depth + 1)
        else:
            self._add_leaf(name, value)

    def _add_leaf(self, name: str, value: Any) -> None:
        result = _plain(value)
        if result is None:
            result = self._leaf(value)
        if isinstance(result, str):
            self.ignored[name] = result
        elif name in self.arrays:
            raise FileFormatError(f"it holds two entries '{name}'")
        else:
            self.arrays[name] = result


def _plain(value: Any) -> NDArray[Any] | str | None:
    """Numbers and short texts as arrays of no axis; None for what is neither."""
    if value is None:
        return "it is empty"
    if isinstance(value, (bool, float)) or (isinstance(value, int) and abs(value) < 2**63):
        return np.asarray(value)
    if isinstance(value, str):
        return np.asarray(value) if len(value) <= _LONGEST_TEXT else "it is a long text"
    if isinstance(value, int):
        return "it is too large a number"
    return None
