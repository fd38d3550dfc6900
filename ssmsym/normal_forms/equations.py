"""Each normal form as a vector field in real coordinates, with the values for a diagram of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.fields.field import VectorField

Array = NDArray[np.float64]

# of codimension one: the coefficient c and the power k of |beta| = |Re c| |w|^k
LEADING = {
    "fold": ("a", 2),
    "transcritical": ("a", 1),
    "pitchfork": ("c", 2),
    "flip": ("c", 2),
    "hopf": ("c1", 2),
    "neimark_sacker": ("d", 2),
}


@dataclass(frozen=True, eq=False)
class OwnDiagram:
    """Where to start and how far to go to see a normal form's own bifurcation.

    Attributes
    ----------
    parameter : str
        The unfolding parameter to vary.
    interval : tuple of float
    values : mapping of str to float
        All unfolding parameters at the start, an end of the interval.
    state : (n,) array
        A fixed point at `values`.
    """

    parameter: str
    interval: tuple[float, float]
    values: Mapping[str, float]
    state: Array


def _pair(x: Any, y: Any, factor: tuple[Any, Any]) -> tuple[Any, Any]:
    """Real and imaginary part of (factor) (x + i y)."""
    return factor[0] * x - factor[1] * y, factor[0] * y + factor[1] * x


def equations(
    kind: str, c: Mapping[str, complex], frequencies: tuple[float, ...]
) -> tuple[dict[Any, Any], dict[Any, float]]:
    """The right-hand sides in SymPy symbols, and the unfolding parameters at 0.

    Parameters
    ----------
    kind : str
    c : mapping
        Coefficients by name.
    frequencies : tuple of float
        omega of each pair; theta0 of a map.
    """
    import sympy

    number = {name: (sympy.Float(v.real, 17), sympy.Float(complex(v).imag, 17)) for name, v in c.items()}
    real = {name: value[0] for name, value in number.items()}
    w, x, y, beta, beta1, beta2 = sympy.symbols("w x y beta beta1 beta2")
    omega = [sympy.Float(f, 17) for f in frequencies]
    r2 = x**2 + y**2
    if kind == "fold":
        return {w: beta + real["a"] * w**2}, {beta: 0.0}
    if kind == "transcritical":
        return {w: beta * w + real["a"] * w**2}, {beta: 0.0}
    if kind == "pitchfork":
        return {w: beta * w + real["c"] * w**3}, {beta: 0.0}
    if kind == "cusp":
        return {w: beta1 + beta2 * w + real["c"] * w**3}, {beta1: 0.0, beta2: 0.0}
    if kind == "flip":
        return {w: -(1 + beta) * w + real["c"] * w**3}, {beta: 0.0}
    if kind == "bogdanov_takens":
        w0, w1 = sympy.symbols("w0 w1")
        side = beta1 + beta2 * w1 + real["a"] * w0**2 + real["b"] * w0 * w1
        return {w0: w1, w1: side}, {beta1: 0.0, beta2: 0.0}
    if kind in ("hopf", "generalized_hopf"):
        quintic = number.get("c2", (sympy.S.Zero, sympy.S.Zero))
        first = beta if kind == "hopf" else beta1
        cubic = (number["c1"][0] if kind == "hopf" else beta2, number["c1"][1])
        factor = (
            first + cubic[0] * r2 + quintic[0] * r2**2,
            omega[0] + cubic[1] * r2 + quintic[1] * r2**2,
        )
        sides = _pair(x, y, factor)
        return dict(zip((x, y), sides, strict=True)), {
            s: 0.0 for s in (beta, beta1, beta2) if s in _free(sides)
        }
    if kind == "neimark_sacker":
        d = number["d"]
        growing = _pair(x, y, (1 + beta + d[0] * r2, d[1] * r2))
        turned = _pair(*growing, (sympy.cos(omega[0]), sympy.sin(omega[0])))
        return dict(zip((x, y), turned, strict=True)), {beta: 0.0}
    if kind == "fold_hopf":
        y, z = sympy.symbols("y z")
        r2 = y**2 + z**2
        side = beta1 + real["G200"] * x**2 + real["G011"] * r2 + real["G300"] * x**3 + real["G111"] * x * r2
        factor = tuple(
            base + number["G110"][i] * x + number["G210"][i] * x**2 + number["G021"][i] * r2
            for i, base in enumerate((beta2, omega[0]))
        )
        first, second = _pair(y, z, (factor[0], factor[1]))
        return {x: side, y: first, z: second}, {beta1: 0.0, beta2: 0.0}
    x1, y1, x2, y2 = sympy.symbols("x1 y1 x2 y2")
    a, b = x1**2 + y1**2, x2**2 + y2**2
    one = [base + number["G2100"][i] * a + number["G1011"][i] * b for i, base in enumerate((beta1, omega[0]))]
    two = [base + number["G1110"][i] * a + number["G0021"][i] * b for i, base in enumerate((beta2, omega[1]))]
    sides4 = (*_pair(x1, y1, (one[0], one[1])), *_pair(x2, y2, (two[0], two[1])))
    return dict(zip((x1, y1, x2, y2), sides4, strict=True)), {beta1: 0.0, beta2: 0.0}


def _free(sides: tuple[Any, ...]) -> set[Any]:
    return set().union(*(side.free_symbols for side in sides))


def normal_form_field(
    kind: str,
    c: Mapping[str, complex],
    frequencies: tuple[float, ...],
    diagram: OwnDiagram,
    *,
    discrete: bool,
) -> VectorField:
    """The normal form as a field, at the start of its own diagram."""
    from ssmsym.fields.symbolic import from_sympy

    sides, parameters = equations(kind, c, frequencies)
    values = {symbol: diagram.values[symbol.name] for symbol in parameters}
    return from_sympy(
        sides,
        parameters=values,
        time="discrete" if discrete else "continuous",
        metadata={"name": f"normal form: {kind.replace('_', ' ')}"},
    )


def own_diagram(kind: str, c: Mapping[str, complex], radius: float) -> OwnDiagram:
    """Start and interval of a normal form's own diagram, of amplitudes up to a radius."""
    real = {name: value.real for name, value in c.items()}
    if kind in ("fold", "bogdanov_takens", "fold_hopf"):
        square = real["G200" if kind == "fold_hopf" else "a"]
        cube = real.get("G300", 0.0)
        radius = min(radius, 0.1 * abs(square / cube)) if cube else radius
        width = abs(square) * radius**2
        first = -square * radius**2 - cube * radius**3
        name = "beta" if kind == "fold" else "beta1"
        state = np.zeros({"fold": 1, "bogdanov_takens": 2, "fold_hopf": 3}[kind])
        state[0] = radius
        values = {name: first} | ({} if kind == "fold" else {"beta2": 0.0})
        return OwnDiagram(name, (-1.2 * width, 1.2 * width), values, state)
    if kind == "cusp":
        cubic = real["c"]
        width = abs(cubic) * radius**3
        roots = np.roots([cubic, 0.0, -cubic * radius**2, -width])
        state = np.array([roots[np.argmin(np.abs(roots.imag))].real])
        values = {"beta1": -width, "beta2": -cubic * radius**2}
        return OwnDiagram("beta1", (-width, width), values, state)
    if kind == "generalized_hopf":
        width = abs(real["c2"]) * radius**4
        values = {"beta1": -width, "beta2": -real["c2"] * radius**2}
        return OwnDiagram("beta1", (-width, width), values, np.zeros(2))
    if kind == "double_hopf":
        width = max(abs(real[n]) for n in ("G2100", "G0021")) * radius**2
        return OwnDiagram("beta1", (-width, width), {"beta1": -width, "beta2": -width}, np.zeros(4))
    name, power = LEADING[kind]
    width = abs(real[name]) * radius**power
    return OwnDiagram(
        "beta", (-width, width), {"beta": -width}, np.zeros(2 if kind in ("hopf", "neimark_sacker") else 1)
    )
