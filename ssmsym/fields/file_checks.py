"""Checks of what a file holds: each part is returned as what it must be, or named in a FileFormatError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import FileFormatError, InputError
from ssmsym.series.piecewise import PiecewiseChebyshev
from ssmsym.series.polynomial import Polynomial

Shape = tuple[int | None, ...]

_KINDS: dict[str, tuple[str, type]] = {
    "real numbers": ("biuf", np.float64),
    "numbers": ("biufc", np.complex128),
    "whole numbers": ("iu", np.int64),
}
_LARGEST_EXPONENT = 1000
_MOST_PRODUCTS = 10**5  # of a piecewise map


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


def array(document: Any, name: str, shape: Shape, kind: str = "real numbers") -> NDArray[Any]:
    """The entry of a mapping, which must be a finite array of a shape (None: any length)."""
    kinds, dtype = _KINDS[kind]
    given = part(document, name, (list, np.ndarray))
    try:
        found = np.asarray(given)
    except ValueError:  # rows of different lengths
        raise _no_array(name, kind) from None
    if found.dtype.kind not in kinds:
        raise _no_array(name, kind)
    if found.ndim != len(shape) or any(w not in (None, n) for n, w in zip(found.shape, shape, strict=True)):
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise FileFormatError(f"Its '{name}' has shape {found.shape}; expected ({wanted}).")
    values: NDArray[Any] = found.astype(dtype)
    if not np.isfinite(values).all():
        raise FileFormatError(f"Its '{name}' holds numbers that are not finite.")
    return values


def _no_array(name: str, kind: str) -> FileFormatError:
    return FileFormatError(f"Its '{name}' is no array of {kind}.")


def polynomial(
    document: Any, exponents: str, coefficients: str, n_variables: int | None, n_outputs: int | None
) -> Polynomial:
    """A polynomial whose exponents and coefficients are two entries of a mapping."""
    powers = array(document, exponents, (None, n_variables), "whole numbers")
    values = array(document, coefficients, (len(powers), n_outputs))
    if not len(powers) or powers.min(initial=0) < 0 or powers.max(initial=0) > _LARGEST_EXPONENT:
        raise FileFormatError(f"Its '{exponents}' are no exponents of a polynomial.")
    return Polynomial(powers, values)


def piecewise(
    document: Any, pattern: str, n_variables: int | None, n_outputs: int | None
) -> PiecewiseChebyshev:
    """A piecewise Chebyshev map whose arrays are entries of a mapping; `pattern` holds ``%s`` where their names go."""
    breaks = array(document, pattern % "breaks", (None,))
    degrees = array(document, pattern % "degrees", (None, n_variables), "whole numbers")
    box = array(document, pattern % "box", (degrees.shape[1] - 1, 2))
    name = pattern % "coefficients"
    values = array(document, name, (max(len(breaks) - 1, 0), len(degrees), n_outputs))
    periodic = array(document, pattern % "periodic", (), "whole numbers")
    sizes = degrees.max(axis=0, initial=0) + 1.0
    if (
        len(breaks) < 2
        or not len(degrees)
        or sizes.max() > _LARGEST_EXPONENT
        or sizes.prod() > _MOST_PRODUCTS
    ):
        raise FileFormatError(f"Its '{pattern % 'degrees'}' are no degrees of a piecewise map.")
    try:
        return PiecewiseChebyshev(breaks, box, degrees, values, bool(periodic))
    except InputError as error:
        raise FileFormatError(one_line(error)) from None


def one_line(error: Exception) -> str:
    """The message of an error in one line."""
    return " ".join(str(error).split())
