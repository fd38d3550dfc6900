"""Mappings from a user's own array names to those of a network, such as ``J=abs(w_rec)*mask*signs``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError

Array = NDArray[Any]

_FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "abs": np.abs,
    "relu": lambda a: np.maximum(a, 0.0),
    "diag": np.diag,
}
_NUMBER = re.compile(r"\d+(\.\d*)?([eE][+-]?\d+)?")
_WORD = re.compile(r"[\w./\[\]:-]+")
_DEEPEST = 50


def parse_mapping(texts: Sequence[str]) -> dict[str, str]:
    """The mapping that command-line options give: ``["J=w.T,B=in", "b=bias"]`` to name and expression.

    Raises
    ------
    InputError
        If a part is not NAME=EXPRESSION, or a name occurs twice.
    """
    mapping: dict[str, str] = {}
    for part in (part for text in texts for part in _parts(text)):
        name, equals, expression = (piece.strip() for piece in part.partition("="))
        if not equals or not name or not expression:
            raise InputError(f"A mapping consists of NAME=EXPRESSION, separated by commas; found '{part}'.")
        if name in mapping:
            raise InputError(f"The mapping gives '{name}' twice; give it once.")
        mapping[name] = expression
    return mapping


def _parts(text: str) -> list[str]:
    """The text cut at its commas, but for those in quotes."""
    return [part for part in re.findall(r"(?:'[^']*'|\"[^\"]*\"|[^,])+", text) if part.strip()]


def apply_mapping(
    mapping: Mapping[str, Any], arrays: Mapping[str, Array]
) -> tuple[dict[str, Array], set[str]]:
    """Arrays under their new names, and the old names that were used.

    A value of the mapping is an array, a number, or an expression: names of arrays (in quotes, if they hold
    unusual signs) joined by ``+``, ``-``, ``*`` and ``/`` (entry by entry, shapes as in NumPy: a vector of N signs
    scales the columns of an (N, N) matrix), ``@`` (matrix product), ``.T`` (transpose), ``abs()``, ``relu()``,
    ``diag()``, ``[a; b]`` (rows above one another) and numbers. Nothing is evaluated as Python.

    Raises
    ------
    InputError
        If an expression cannot be read, names an unknown array, or joins shapes that do not fit.
    """
    out: dict[str, Array] = {}
    used: set[str] = set()
    for name, value in mapping.items():
        if isinstance(value, str):
            parser = _Parser(name, value, arrays)
            out[name] = parser.result()
            used |= parser.used
        else:
            out[name] = np.asarray(value)
    return out, used


class _Parser:
    """Recursive descent over one expression; names are matched against those of the file, the longest first."""

    def __init__(self, target: str, text: str, arrays: Mapping[str, Array]) -> None:
        self.target, self.text, self.arrays = target, text, arrays
        self.names = sorted(arrays, key=len, reverse=True)
        self.position = self.depth = 0
        self.used: set[str] = set()

    def result(self) -> Array:
        value = self._sum()
        if self._peek():
            raise self._error(f"'{self.text[self.position :]}' cannot be read")
        return value

    def _error(self, reason: str) -> InputError:
        return InputError(
            f"The mapping '{self.target}={self.text}': {reason}; join array names by + - * / @ .T abs() relu() diag() "
            "and [a; b]."
        )

    def _peek(self) -> str:
        while self.position < len(self.text) and self.text[self.position].isspace():
            self.position += 1
        return self.text[self.position : self.position + 1]

    def _accept(self, signs: str) -> str:
        found = self._peek()
        if found and found in signs:
            self.position += 1
            return found
        return ""

    def _expect(self, sign: str) -> None:
        if not self._accept(sign):
            raise self._error(f"'{sign}' is missing at '{self.text[self.position :]}'")

    def _sum(self) -> Array:
        value = self._product()
        while sign := self._accept("+-"):
            value = self._joined(sign, value, self._product())
        return value

    def _product(self) -> Array:
        value = self._factor()
        while sign := self._accept("*@/"):
            value = self._joined(sign, value, self._factor())
        return value

    def _joined(self, sign: str, left: Array, right: Array) -> Array:
        operation = {"+": np.add, "-": np.subtract, "*": np.multiply, "@": np.matmul, "/": np.divide}[sign]
        try:
            with np.errstate(all="ignore"):  # numbers that are not finite are reported with the array's name
                return np.asarray(operation(left, right))
        except (ValueError, TypeError):
            raise self._error(f"'{sign}' joins shapes {np.shape(left)} and {np.shape(right)}") from None

    def _factor(self) -> Array:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._error("it is nested too deeply")
        value = -self._factor() if self._accept("-") else self._atom()
        while self._peek() and self.text.startswith(".T", self.position):
            self.position += 2
            value = value.T
        self.depth -= 1
        return value

    def _atom(self) -> Array:
        first = self._peek()
        if first == "(":
            return self._in_brackets()
        if first == "[":
            return self._stacked()
        if first in ("'", '"') and first:
            return self._quoted(first)
        for name, function in _FUNCTIONS.items():
            if self.text.startswith(f"{name}(", self.position):
                self.position += len(name)
                return np.asarray(function(self._in_brackets()))
        name = next((n for n in self.names if self._is_here(n)), "")
        number = _NUMBER.match(self.text, self.position)
        if name and not (number and number.group() == name):
            self.position += len(name)
            return self._array(name)
        if number:
            self.position = number.end()
            return np.asarray(float(number.group()))
        raise self._unknown()

    def _is_here(self, name: str) -> bool:
        if not self.text.startswith(name, self.position):
            return False
        rest = self.text[self.position + len(name) :]
        return not rest or rest.startswith(".T") or not re.match(r"[\w.]", rest)

    def _unknown(self) -> InputError:
        word = _WORD.match(self.text, self.position)
        if not word:
            return self._error(f"an array is missing at '{self.text[self.position :]}'")
        return self._no_array(word.group().removesuffix(".T"))

    def _no_array(self, name: str) -> InputError:
        close = difflib.get_close_matches(name, list(self.arrays), n=3, cutoff=0.4) or list(self.arrays)[:6]
        known = ", ".join(f"'{n}'" for n in close) or "nothing"
        return InputError(
            f"The mapping '{self.target}={self.text}' names '{name}', which is not in the file; it holds {known}"
            f"{' and others' if len(self.arrays) > len(close) else ''}."
        )

    def _array(self, name: str) -> Array:
        value = self.arrays[name]
        if value.dtype.kind not in "biuf":
            raise self._error(f"'{name}' holds no real numbers")
        self.used.add(name)
        return np.asarray(value, dtype=float)

    def _in_brackets(self) -> Array:
        self._expect("(")
        value = self._sum()
        self._expect(")")
        return value

    def _stacked(self) -> Array:
        self._expect("[")
        parts = [self._sum()]
        while self._accept(";"):
            parts.append(self._sum())
        self._expect("]")
        try:
            return np.concatenate(parts)
        except ValueError:
            raise self._error(f"[ ; ] joins shapes {[np.shape(part) for part in parts]}") from None

    def _quoted(self, quote: str) -> Array:
        end = self.text.find(quote, self.position + 1)
        if end < 0:
            raise self._error("a quotation mark is missing")
        name = self.text[self.position + 1 : end]
        self.position = end + 1
        if name not in self.arrays:
            raise self._no_array(name)
        return self._array(name)
