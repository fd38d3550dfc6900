"""Checks of what a file holds: each part is returned as what it must be, or named in a FileFormatError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import FileFormatError
from ssmsym.series.polynomial import Polynomial

Shape = tuple[int | None, ...]

_KINDS: dict[str, tuple[str, type]] = {
    "real numbers": ("biuf", np.float64),
    "numbers": ("biufc", np.complex128),
    "whole numbers": ("iu", np.int64),
}
_LARGEST_EXPONENT = 1000


def part(document: Any, name: str, kind: type | tuple[type, ...]) -> Any:
    """The entry of a mapping, which must be of a type."""
    if not isinstance(document, Mapping) or name not in document:
        raise FileFormatError(f"It lacks '{name}'.")
    value = document[name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise FileFormatError(f"Its '{name}' is garbled.")
    return value


def pairs(document: Any, name: str) -> list[tuple[Any, Any]]:
    """The entry of a mapping, which must be a list of pairs."""
    found = part(document, name, list)
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in found):
        raise FileFormatError(f"Its '{name}' is garbled.")
    return [(first, second) for first, second in found]


def names(document: Any, name: str) -> list[str]:
    """The entry of a mapping, which must be a list of different names."""
    found = part(document, name, list)
    if not all(isinstance(text, str) and text for text in found) or len(set(found)) < len(found):
        raise FileFormatError(f"Its '{name}' is no list of different names.")
    return found


def whole_number(document: Any, name: str, least: int, most: int | None = None) -> int:
    """The entry of a mapping, which must be an int between two bounds."""
    value = part(document, name, int)
    if value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"between {least} and {most}"
        raise FileFormatError(f"Its '{name}' is {value}, not a whole number {bounds}.")
    return int(value)


def array(found: Any, name: str, shape: Shape, kind: str = "real numbers") -> NDArray[Any]:
    """A finite array of a shape (None: any length) and a kind of numbers."""
    value = np.asarray(found)
    kinds, dtype = _KINDS[kind]
    if value.dtype.kind not in kinds:
        raise FileFormatError(f"Its '{name}' is no array of {kind}.")
    if value.ndim != len(shape) or any(w not in (None, n) for n, w in zip(value.shape, shape, strict=True)):
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise FileFormatError(f"Its '{name}' has shape {value.shape}; expected ({wanted}).")
    if not np.isfinite(value).all():
        raise FileFormatError(f"Its '{name}' holds numbers that are not finite.")
    return value.astype(dtype)


def polynomial(
    exponents: Any, coefficients: Any, names: tuple[str, str], n_variables: int | None, n_outputs: int | None
) -> Polynomial:
    """A polynomial of arrays with the two names."""
    powers = array(exponents, names[0], (None, n_variables), "whole numbers")
    values = array(coefficients, names[1], (len(powers), n_outputs))
    if not len(powers) or powers.min(initial=0) < 0 or powers.max(initial=0) > _LARGEST_EXPONENT:
        raise FileFormatError(f"Its '{names[0]}' are no exponents of a polynomial.")
    return Polynomial(powers, values)


def one_line(error: Exception) -> str:
    """The message of an error in one line."""
    return " ".join(str(error).split())
