"""What fields refuse: each message names what is at fault, the shapes or numbers, and what to do."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from ssmsym import from_sympy, rate_network
from ssmsym.errors import InputError, SsmsymError

N = 3
X, J, V = sp.MatrixSymbol("x", N, 1), sp.MatrixSymbol("J", N, N), sp.MatrixSymbol("v", 2, 1)
y, z, g = sp.symbols("y z g")
F = sp.Function("f")
EYE = np.eye(N)


def with_nan(shape, where):
    array = np.zeros(shape)
    array[where] = np.nan
    return array


def network(**options):
    return rate_network(EYE, **options)


def task():
    return network(B=np.ones((N, 2)), gain=1.0, conditions={"left": {"u": [1.0, 0.0]}})


def assert_refused(call, fragments) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, SsmsymError)
    message = str(caught.value)
    assert message.endswith((".", "?"))
    for fragment in fragments:
        assert fragment in message, message


FROM_SYMPY = {
    "unknown symbol": (lambda: from_sympy({y: -y + g}), ["'g'", "'parameters'", "'arrays'", "'y'"]),
    "unknown array": (lambda: from_sympy({X: J * X}), ["'J'", "'arrays'"]),
    "misshapen array": (
        lambda: from_sympy({X: J * X}, arrays={J: np.ones((N, 2))}),
        ["'J'", "(3, 2)", "expected (3, 3)"],
    ),
    "misshapen SymPy array": (
        lambda: from_sympy({X: J * X}, arrays={J: sp.ones(N, 2)}),
        ["'J'", "(3, 2)", "(3, 3)"],
    ),
    "array with symbols": (
        lambda: from_sympy({X: J * X}, arrays={J: sp.ones(N, N) * g}),
        ["'J'", "numbers", "equations"],
    ),
    "NaN in an array": (
        lambda: from_sympy({X: J * X}, arrays={J: with_nan((N, N), (1, 2))}),
        ["'J'", "1 number", "(1, 2)", "not finite", "check"],
    ),
    "text for an array": (lambda: from_sympy({X: J * X}, arrays={J: "weights"}), ["'J'", "array of numbers"]),
    "shape of an equation": (
        lambda: from_sympy({X: V}, parameters={V: [1.0, 2.0]}),
        ["'x'", "(2, 1)", "(3, 1)", "agree"],
    ),
    "scalar for a vector": (lambda: from_sympy({X: y, y: -y}), ["'x'", "(1, 1)", "(3, 1)", "agree"]),
    "undefined function": (lambda: from_sympy({y: F(y)}), ["'f'", "functions={f: Lambda(x, ...)}"]),
    "function of two arguments": (lambda: from_sympy({y: sp.atan2(y, 2)}), ["atan2", "2 arguments"]),
    "infinite constant": (lambda: from_sympy({y: y + sp.oo}), ["not finite"]),
    "symbolic index": (
        lambda: from_sympy({X: -X, y: X[sp.Symbol("i", integer=True), 0] - y}),
        ["index", "integers"],
    ),
    "no equations": (lambda: from_sympy({}), ["at least one equation"]),
    "kind of time": (lambda: from_sympy({y: -y}, time="map"), ["'time'", "'map'", "'discrete'"]),
    "one name twice": (
        lambda: from_sympy({y: g * y}, parameters={g: 1.0, sp.Symbol("g", positive=True): 2.0}),
        ["same name", "'parameters'"],
    ),
    "length of a parameter": (
        lambda: from_sympy({X: -X, y: V[0, 0]}, parameters={V: [1.0, 2.0, 3.0]}),
        ["'v'", "(3,)", "(2, 1)"],
    ),
    "vector for a scalar parameter": (
        lambda: from_sympy({y: g * y}, parameters={g: [1.0, 2.0]}),
        ["'g'", "(2,)"],
    ),
    "text for a parameter": (lambda: from_sympy({y: g * y}, parameters={g: "fast"}), ["'g'", "number"]),
    "NaN parameter": (lambda: from_sympy({y: g * y}, parameters={g: float("nan")}), ["'g'", "not finite"]),
}

NETWORK = {
    "J not square": (lambda: rate_network(np.ones((N, 2))), ["'J'", "(3, 2)", "(N, N)"]),
    "J of one dimension": (lambda: rate_network(np.ones(N)), ["'J'", "(3,)", "(N, N)"]),
    "factors of J": (
        lambda: rate_network((np.ones((N, 2)), np.ones((N, 1)))),
        ["J", "(3, 2)", "(3, 1)", "(N, r)"],
    ),
    "NaN in J": (lambda: rate_network(with_nan((N, N), (2, 0))), ["'J'", "(2, 0)", "not finite", "check"]),
    "infinity in a factor": (
        lambda: rate_network((np.full((N, 1), np.inf), np.ones((N, 1)))),
        ["'m'", "3 number", "not finite"],
    ),
    "text for J": (lambda: rate_network("weights"), ["'J'", "array of numbers"]),
    "rows of B": (lambda: network(B=np.ones((2, 2))), ["'B'", "(2, 2)", "(3, n_in)", "fit J"]),
    "B of one dimension": (lambda: network(B=np.ones(N)), ["'B'", "(3,)", "(3, n_in)"]),
    "length of b": (lambda: network(b=np.ones(2)), ["'b'", "(2,)", "(3, 1)"]),
    "NaN in b": (lambda: network(b=with_nan(N, 1)), ["'b'", "not finite", "(1"]),
    "columns of W": (lambda: network(W=np.ones((1, 2))), ["'W'", "(1, 2)", "(k, 3)", "fit J"]),
    "length of c": (lambda: network(W=np.ones((1, N)), c=[1.0, 2.0]), ["'c'", "(2,)", "(1, 1)"]),
    "c without W": (lambda: network(c=[1.0]), ["'c'", "'W'"]),
    "length of u": (lambda: network(B=np.ones((N, 2)), u=[1.0]), ["'u'", "(1,)", "(2, 1)"]),
    "u without B": (lambda: network(u=[1.0]), ["'u'", "'B'"]),
    "length of tau": (lambda: network(tau=[1.0, 2.0]), ["'tau'", "(2,)", "(3, 1)"]),
    "negative tau": (lambda: network(tau=-0.5), ["'tau'", "positive", "-0.5"]),
    "zero in tau": (lambda: network(tau=[1.0, 0.0, 1.0]), ["'tau'", "positive", "0.0"]),
    "unknown activation": (lambda: network(activation="tanhh"), ["'tanhh'", "'tanh'", "known"]),
    "unknown out_activation": (
        lambda: network(W=np.ones((1, N)), out_activation="elu"),
        ["'elu'", "'softplus'", "known"],
    ),
    "unknown form": (lambda: network(form="current"), ["'form'", "'current'", "'state'", "'rate'"]),
}

PARAMETERS = {
    "unknown name": (lambda: task().at(gg=1.0), ["'gg'", "'g'"]),
    "close match": (lambda: task().at(tua=1.0), ["'tua'", "Did you mean 'tau'?"]),
    "entry out of range": (lambda: task().at({"u[2]": 1.0}), ["'u[2]'", "'u[0]'", "'u[1]'"]),
    "entry of a scalar": (lambda: task().at({"tau[0]": 1.0}), ["'tau[0]'", "'tau'"]),
    "length of a vector": (lambda: task().at(u=[1.0, 2.0, 3.0]), ["'u'", "2 entries", "3 were given"]),
    "vector for a scalar": (lambda: task().at(g=[1.0, 2.0]), ["'g'", "1 entries", "2 were given"]),
    "NaN": (lambda: task().at(g=np.nan), ["'g'", "nan", "not finite"]),
    "NaN in a vector": (lambda: task().at(u=[0.0, np.nan]), ["'u'", "nan", "not finite"]),
    "infinite entry": (lambda: task().at({"u[0]": np.inf}), ["'u[0]'", "inf", "not finite"]),
    "vector for an entry": (lambda: task().at({"u[0]": [1.0, 2.0]}), ["'u[0]'", "number"]),
    "unknown condition": (lambda: task().at(u="lefft"), ["'lefft'", "'left'"]),
    "condition of another parameter": (lambda: task().at(g="left"), ["'left'", "'g'"]),
    "path's name taken": (
        lambda: task().along("J", {"g": 0.0}, {"g": 1.0}),
        ["'J'", "already", "another name"],
    ),
    "path of an unknown name": (
        lambda: task().along("s", {"gain": 0.0}, {"g": 1.0}),
        ["'gain'", "'g'"],
    ),
    "map discretized": (lambda: task().discretized(0.1).discretized(0.1), ["map already", "flow"]),
    "state's length": (lambda: task()(np.zeros(4)), ["(3,)", "(n, 3)", "found (4,)"]),
    "state's dimensions": (lambda: task().jacobian(np.zeros((1, 1, 3))), ["(n, 3)", "found (1, 1, 3)"]),
    "operator at many states": (
        lambda: task().jacobian_operator(np.zeros((2, 3))),
        ["(3,)", "found (2, 3)"],
    ),
    "no readout": (lambda: task().readout(np.zeros(3)), ["no readout", "W"]),
}


@pytest.mark.parametrize("case", FROM_SYMPY)
def test_from_sympy_refuses(case):
    assert_refused(*FROM_SYMPY[case])


@pytest.mark.parametrize("case", NETWORK)
def test_rate_network_refuses(case):
    assert_refused(*NETWORK[case])


@pytest.mark.parametrize("case", PARAMETERS)
def test_parameters_and_states_are_checked(case):
    assert_refused(*PARAMETERS[case])


@pytest.mark.parametrize(
    "use", [lambda f: f([1.0]), lambda f: f.jacobian([1.0]), lambda f: f.jacobian_operator([1.0]) @ [1.0]]
)
def test_parameters_without_values_are_named_when_numbers_are_needed(use):
    field = from_sympy({y: -g * y + z}, parameters=[g, z])
    assert_refused(lambda: use(field), ["g", "z", "no value", "field.at("])
    assert_refused(lambda: use(field.at(g=2.0)), ["parameter(s) z have", "no value"])
    use(field.at(g=2.0, z=1.0))


def test_a_product_of_matrices_of_the_state_is_refused_with_a_remedy():
    varying = sp.HadamardProduct(J, X * X.T)
    assert_refused(
        lambda: from_sympy({X: varying * X}, arrays={J: EYE}), ["product", "state", "matrices times a vector"]
    )
