"""Limits of the work that an expression in a file may ask for: SymPy computes numbers as soon as it meets them."""

from __future__ import annotations

import math
from typing import Any

import sympy
from sympy.matrices.expressions.matexpr import MatrixElement

from ssmsym.errors import FileFormatError

_MAX_NODES = 200_000
_MAX_BITS = 2**13  # of a whole number
_MAX_DIGITS = 2468
_MAX_ROOT_BITS = 2**8  # of a whole number of which a root is taken: SymPy looks for its factors
_EXPONENTS = (-(2**14), 2**10)  # to base 2, of a number that is computed
_MAX_FACTORIAL = 1000
_FACTORIAL_LIKE = {"gamma", "loggamma", "digamma"}
_INFINITE = (sympy.nan, sympy.zoo, sympy.oo, -sympy.oo)


def digits(number: int) -> str:
    """The text of a whole number; only of one that can be read again."""
    if number.bit_length() > _MAX_BITS:
        raise FileFormatError("It holds a number with too many digits.")
    return str(number)


class Limits:
    """What one tree has asked for so far; each method raises FileFormatError where it is too much."""

    def __init__(self) -> None:
        self._left = _MAX_NODES
        self._bits: dict[Any, tuple[int, int]] = {}

    def spend(self, work: int = 1) -> None:
        """Count one node, or work that is worth `work` nodes."""
        self._left -= work
        if self._left < 0:
            raise FileFormatError("An expression in the file is too large.")

    def integer(self, text: Any) -> int:
        """The number that a text of digits stands for."""
        if not isinstance(text, str) or len(text) > _MAX_DIGITS:
            raise FileFormatError("An expression in the file holds a number with too many digits.")
        self.spend(len(text) // 16)
        return int(text)

    def power(self, base: Any, exponent: Any) -> None:
        """Refuse a power whose exact value, or that of a power it may turn into, has too many digits."""
        bits = self._size(base)[0]
        if exponent.is_Rational and not exponent.is_Integer:
            self.spend(bits // 4)
            if bits > _MAX_ROOT_BITS:
                raise FileFormatError(
                    "An expression in the file holds a root of a number with too many digits."
                )
        if exponent.has(sympy.log):  # exp(n log(a)) is a^n
            bits += self._size(exponent)[0]
        needed = bits * max(1, self._size(exponent)[1])
        if needed > _MAX_BITS:
            raise FileFormatError("An expression in the file holds a power with too many digits.")
        self.spend(needed // 32)

    def function(self, name: str, arguments: list[Any]) -> None:
        """Refuse functions whose exact value at a number takes long."""
        if name == "exp":
            self.power(sympy.E, arguments[0])
        most = _MAX_FACTORIAL if name in _FACTORIAL_LIKE else 2 ** _EXPONENTS[1]
        if any(a.is_Rational and max(abs(a.p), a.q) > most for a in arguments):
            raise FileFormatError(f"An expression in the file holds '{name}' of a number that is too large.")

    def result(self, value: Any) -> Any:
        """The value itself, unless it is a number that is not finite or far beyond double precision."""
        if value in _INFINITE:
            raise FileFormatError("An expression in the file holds a number that is not finite.")
        if isinstance(value, sympy.Rational):
            fits = self._size(value)[0] <= 2 * _MAX_BITS
        elif getattr(value, "is_number", False):
            fits = _within_range(value)
        else:
            fits = True
        if not fits:
            raise FileFormatError("An expression in the file holds a number that is too large.")
        return value

    def _size(self, e: Any) -> tuple[int, int]:
        """Most bits of a rational number in an expression (0 for 0, 1 and -1), and the largest modulus."""
        if e not in self._bits:
            if isinstance(e, sympy.Rational):
                p, q = abs(int(e.p)), int(e.q)
                bits = 0 if p <= 1 and q == 1 else max(p.bit_length(), q.bit_length())
                self._bits[e] = (bits, -(-p // q))
            elif isinstance(e, MatrixElement) or getattr(e, "is_Matrix", False):
                self._bits[e] = (0, 0)
            else:
                sizes = [self._size(a) for a in e.args]
                self._bits[e] = (max((s[0] for s in sizes), default=0), max((s[1] for s in sizes), default=0))
        return self._bits[e]


def _within_range(number: Any) -> bool:
    value = number if isinstance(number, sympy.Float) else number.evalf(15)
    if not isinstance(value, sympy.Float):
        try:
            return bool(math.isfinite(abs(complex(value))))
        except TypeError:  # a function that SymPy cannot evaluate: nothing is computed from it
            return True
    _, mantissa, exponent, bits = value._mpf_
    return not mantissa or _EXPONENTS[0] <= exponent + bits <= _EXPONENTS[1]
