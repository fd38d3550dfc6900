"""Elementary functions, each given by its value and by its differential equation dy/dx = G(x, y).

The differential equation is a SymPy expression; it may name other functions of this table (sine and cosine
name each other). One entry serves every algebra: values, derivatives, series, source text, bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

Array = NDArray[Any]


class logistic(sympy.Function):  # noqa: N801  (SymPy's functions are lower case)
    """1 / (1 + exp(-x))."""

    def fdiff(self, argindex: int = 1) -> Any:
        return self * (1 - self)

    def _eval_rewrite_as_exp(self, x: Any, **kwargs: Any) -> Any:
        return 1 / (1 + sympy.exp(-x))

    @classmethod
    def eval(cls, x: Any) -> Any:
        return sympy.Rational(1, 2) if x.is_zero else None


class softplus(sympy.Function):  # noqa: N801
    """log(1 + exp(x))."""

    def fdiff(self, argindex: int = 1) -> Any:
        return logistic(self.args[0])

    @classmethod
    def eval(cls, x: Any) -> Any:
        return sympy.log(2) if x.is_zero else None


class silu(sympy.Function):  # noqa: N801
    """x * logistic(x)."""

    def fdiff(self, argindex: int = 1) -> Any:
        (x,) = self.args
        return logistic(x) + self * (1 - logistic(x))

    @classmethod
    def eval(cls, x: Any) -> Any:
        return sympy.S.Zero if x.is_zero else None


class gelu(sympy.Function):  # noqa: N801
    """x * Phi(x), Phi the normal distribution function (no tanh approximation)."""

    def fdiff(self, argindex: int = 1) -> Any:
        (x,) = self.args
        density = sympy.exp(-(x**2) / 2) / sympy.sqrt(2 * sympy.pi)
        return (1 + sympy.erf(x / sympy.sqrt(2))) / 2 + x * density

    @classmethod
    def eval(cls, x: Any) -> Any:
        return sympy.S.Zero if x.is_zero else None


class step(sympy.Function):  # noqa: N801
    """0 for x <= 0, 1 for x > 0: the derivative of relu away from its kink."""

    def fdiff(self, argindex: int = 1) -> Any:
        return sympy.S.Zero


class relu(sympy.Function):  # noqa: N801
    """max(x, 0)."""

    def fdiff(self, argindex: int = 1) -> Any:
        return step(self.args[0])


@dataclass(frozen=True)
class Elementary:
    """What is known of one function y(x).

    Attributes
    ----------
    function : SymPy function class
    value : callable
        NumPy evaluation, entry by entry.
    derivative : callable
        ``derivative(x, y)`` gives dy/dx as a SymPy expression in the symbols x and y.
    source : str
        Python expression that numba compiles, with ``{x}`` for the argument.
    bounded : bool
        Whether the values stay in a bounded set for all real x.
    kinks : tuple of float
        Arguments at which the function has no Taylor series.
    """

    function: Any
    value: Callable[[Array], Array]
    derivative: Callable[[Any, Any], Any]
    source: str
    bounded: bool = False
    kinks: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        return str(self.function.__name__)


def _erf(x: Array) -> Array:
    from scipy.special import erf

    return np.asarray(erf(x))


def _logistic(x: Array) -> Array:
    from scipy.special import expit

    return np.asarray(expit(x))


def _gelu(x: Array) -> Array:
    return 0.5 * x * (1.0 + _erf(x / np.sqrt(2.0)))


_GAUSS = "math.erf(({x}) / 1.4142135623730951)"

_TABLE = (
    Elementary(sympy.tanh, np.tanh, lambda x, y: 1 - y**2, "np.tanh({x})", bounded=True),
    Elementary(logistic, _logistic, lambda x, y: y - y**2, "(1.0 / (1.0 + np.exp(-({x}))))", bounded=True),
    Elementary(sympy.exp, np.exp, lambda x, y: y, "np.exp({x})"),
    Elementary(sympy.log, np.log, lambda x, y: 1 / x, "np.log({x})", kinks=(0.0,)),
    Elementary(sympy.sin, np.sin, lambda x, y: sympy.cos(x), "np.sin({x})", bounded=True),
    Elementary(sympy.cos, np.cos, lambda x, y: -sympy.sin(x), "np.cos({x})", bounded=True),
    Elementary(sympy.tan, np.tan, lambda x, y: 1 + y**2, "np.tan({x})"),
    Elementary(sympy.sinh, np.sinh, lambda x, y: sympy.cosh(x), "np.sinh({x})"),
    Elementary(sympy.cosh, np.cosh, lambda x, y: sympy.sinh(x), "np.cosh({x})"),
    Elementary(sympy.asinh, np.arcsinh, lambda x, y: (1 + x**2) ** sympy.Rational(-1, 2), "np.arcsinh({x})"),
    Elementary(sympy.atan, np.arctan, lambda x, y: 1 / (1 + x**2), "np.arctan({x})", bounded=True),
    Elementary(sympy.atanh, np.arctanh, lambda x, y: 1 / (1 - x**2), "np.arctanh({x})"),
    Elementary(
        sympy.erf,
        _erf,
        lambda x, y: 2 / sympy.sqrt(sympy.pi) * sympy.exp(-(x**2)),
        "math.erf({x})",
        bounded=True,
    ),
    Elementary(
        softplus,
        lambda x: np.logaddexp(0.0, x),
        lambda x, y: logistic(x),
        "(max({x}, 0.0) + np.log1p(np.exp(-abs({x}))))",
    ),
    Elementary(
        silu,
        lambda x: x * _logistic(x),
        lambda x, y: logistic(x) + y - y * logistic(x),
        "(({x}) / (1.0 + np.exp(-({x}))))",
    ),
    Elementary(
        gelu,
        _gelu,
        lambda x, y: (
            (1 + sympy.erf(x / sympy.sqrt(2))) / 2 + x * sympy.exp(-(x**2) / 2) / sympy.sqrt(2 * sympy.pi)
        ),
        "(0.5 * ({x}) * (1.0 + " + _GAUSS + "))",
    ),
    Elementary(relu, lambda x: np.maximum(x, 0.0), lambda x, y: step(x), "max({x}, 0.0)", kinks=(0.0,)),
    Elementary(
        step,
        lambda x: (x > 0).astype(float),
        lambda x, y: sympy.S.Zero,
        "(1.0 if ({x}) > 0.0 else 0.0)",
        bounded=True,
        kinks=(0.0,),
    ),
    Elementary(
        sympy.Abs,
        np.abs,
        lambda x, y: sympy.sign(x),
        "abs({x})",
        kinks=(0.0,),
    ),
    Elementary(sympy.sign, np.sign, lambda x, y: sympy.S.Zero, "np.sign({x})", bounded=True, kinks=(0.0,)),
)

ELEMENTARY: dict[str, Elementary] = {entry.name: entry for entry in _TABLE}

ACTIVATIONS: dict[str, Any] = {
    "tanh": sympy.tanh,
    "logistic": logistic,
    "sigmoid": logistic,
    "relu": relu,
    "softplus": softplus,
    "gelu": gelu,
    "silu": silu,
    "swish": silu,
    "erf": sympy.erf,
    "sin": sympy.sin,
    "exp": sympy.exp,
    "arctan": sympy.atan,
    "identity": None,
    "linear": None,
}
