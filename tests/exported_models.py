"""Models of every kind that exporters take, with right-hand sides that are known without them."""

import functools
from dataclasses import replace

import numpy as np
import sympy

from ssmsym import compute_ssm, from_sympy, normal_form, polynomial_field, rate_network, reduce
from ssmsym.exporters.model import export_model
from ssmsym.series.monomials import monomial_table
from ssmsym.series.piecewise import PiecewiseChebyshev
from ssmsym.series.polynomial import Polynomial

FOLD = 2 * (1 / 3) ** 1.5


def cusp():
    """p' = mu + lambda p - p^3: folds at mu = +-2 (lambda/3)^(3/2)."""
    p, mu, slope = sympy.symbols("p mu lambda")
    return from_sympy({p: mu + slope * p - p**3}, parameters={mu: 0.0, slope: 1.0})


def hopf():
    """z' = (mu + a r^2 - r^4) z + i (omega + b r^2) z: Hopf point at mu = 0, fold of cycles at -a^2/4."""
    x, y, mu, a, om, b = sympy.symbols("x y mu a omega b")
    g, w = mu + a * (x**2 + y**2) - (x**2 + y**2) ** 2, om + b * (x**2 + y**2)
    return from_sympy({x: g * x - w * y, y: w * x + g * y}, parameters={mu: -0.5, a: 1, om: 1, b: 0.5})


def parametric():
    """A reduced model with two parameters, as offsets from values that are not 0, and a readout."""
    x, y, m, k = sympy.symbols("x y m k")
    field = from_sympy(
        {x: m + x - x**3 + k * y, y: -3 * y + x**2}, parameters={m: 0.0, k: 0.5}, readout=[x + y, x * y]
    )
    return reduce(compute_ssm(field, [0.0, 0.0], modes=1, order=7, parameters=["m", "k"]))


def unfolding():
    """The normal form of that Hopf point, with its unfolding parameter."""
    return normal_form(hopf().at(mu=0.0), [0.0, 0.0]).field


def large():
    """Four states, order 9: 715 monomials of each equation, and a parameter."""
    table = monomial_table(4, 1, 9, 1)
    exponents = np.array(table.exponents)
    degree = exponents.sum(axis=1)
    rng = np.random.default_rng(0)
    coefficients = rng.normal(size=(len(exponents), 4)) * 0.3 ** degree[:, None]
    coefficients[(exponents[:, 4] > 0) & (degree > 1)] = 0.0
    coefficients[0] = 0.0
    return polynomial_field(Polynomial(exponents, coefficients), parameters={"m": 0.25})


def network():
    """Fifty tanh units in rate form, two inputs, two readouts."""
    rng = np.random.default_rng(3)
    n = 50
    return rate_network(
        0.8 * rng.normal(size=(n, n)) / n**0.5,
        B=rng.normal(size=(n, 2)),
        b=0.1 * rng.normal(size=n),
        W=rng.normal(size=(2, n)),
        activation="tanh",
    )


def henon():
    """The Henon map: a map with a readout."""
    x, y, a, b = sympy.symbols("x y a b")
    return from_sympy(
        {x: 1 - a * x**2 + y, y: b * x}, parameters={a: 0.2, b: 0.3}, readout=x - y, time="discrete"
    )


def reserved():
    """Names that mean something in MATLAB, Octave or Julia, long ones, and pairs that differ only in case."""
    names = [
        "end",
        "function",
        "e",
        "pi",
        "i",
        "E",
        "PI",
        "v1",
        "f1",
        "state",
        "value",
        "time",
        "begin",
        "module",
    ]
    names += [
        "a" * 40 + "b" * 40,
        "a" * 40 + "c" * 40,
        "gain",
        "Gain",
        "GAIN",
        "x y",
        "2nd",
        "it's",
        "5%",
        "$n",
    ]
    states = [sympy.Symbol(name) for name in names]
    inputs = [sympy.Symbol(f"u[{i}]") for i in range(6)]
    inputs += [sympy.Symbol(n) for n in ("V1", "for", "gain_2", "select", "local", "true")]
    equations = {
        s: -(i + 1) * s + states[i - 1] * inputs[i % 12] + sympy.tanh(s) for i, s in enumerate(states)
    }
    return from_sympy(equations, parameters={u: 0.01 * (i + 1) for i, u in enumerate(inputs)})


def pieces():
    """A piecewise map of a state and a parameter, as whole curves are given."""
    degrees = [[0, 0], [1, 0], [2, 0], [3, 0], [0, 1], [1, 1], [2, 2]]
    coefficients = np.random.default_rng(4).normal(size=(5, len(degrees), 1))
    data = PiecewiseChebyshev([-1, -0.4, 0, 0.3, 0.9, 1.5], [[-1, 1]], degrees, coefficients)
    return polynomial_field(data, parameters={"mu": 0.1}, readout=data)


SOURCES = {
    "cusp": cusp,
    "hopf": hopf,
    "parametric": parametric,
    "unfolding": unfolding,
    "network": network,
    "henon": henon,
    "reserved": reserved,
    "pieces": pieces,
}


@functools.cache
def exported(name):
    """One of these models in the form that exporters take; no fixed point is looked for but for reduced ones."""
    return export_model(SOURCES[name](), find=False)


def points(model, count=100, spread=1.0):
    """Random states and absolute parameter values."""
    rng = np.random.default_rng(1)
    states = rng.uniform(-spread, spread, size=(count, len(model.states)))
    values = np.array(model.values) + rng.uniform(-0.3, 0.3, size=(count, len(model.values)))
    return states, values


def truths(model, states, values, what=lambda field, state: field(state)):
    """Values of the model itself at these points."""
    out = []
    for state, row in zip(states, values, strict=True):
        here = model.field.at(dict(zip(model.parameter_names, row.tolist(), strict=True)))
        out.append(np.ravel(what(here, state), order="F"))
    return np.array(out)


def error(found, expected):
    """Largest difference, relative to the size of each entry's values."""
    scale = np.maximum(np.abs(expected), np.abs(expected).max(axis=0))
    return float((np.abs(found - expected) / np.where(scale > 0, scale, 1.0)).max())


X, Y, K = (sympy.Symbol(name, real=True) for name in ("x", "y", "k"))
NESTED = sympy.Piecewise(
    (X**2 - Y, sympy.And(X > 0, Y < 1)),
    (
        sympy.Piecewise((sympy.log(-X), X < -0.5), (K * X, sympy.Or(Y > 0.5, X <= -0.1)), (sympy.S(2), True)),
        True,
    ),
)


def nested(x, y, k):
    """NESTED in plain numbers."""
    if x > 0 and y < 1:
        return x**2 - y
    if x < -0.5:
        return np.log(-x)
    return k * x if y > 0.5 or x <= -0.1 else 2.0


def with_nested_pieces():
    """A model whose first right-hand side is NESTED; its field does not know."""
    x, y, k = sympy.symbols("x y k")
    model = export_model(from_sympy({x: -x, y: -y}, parameters={k: 0.5}), state=[0.0, 0.0])
    return replace(model, right_sides=(3 * NESTED + Y, sympy.Max(X, Y, 0) + sympy.sign(X)))
