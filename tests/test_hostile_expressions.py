"""Expression trees and reduced models in JSON that no program of ours wrote."""

from __future__ import annotations

import copy
import json
import subprocess
import sys

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings, strategies as st

from ssmsym import compute_ssm, from_sympy, model_from_json, model_to_json, reduce
from ssmsym.errors import FileFormatError
from ssmsym.fields.data_expression import DataExpression
from ssmsym.fields.expression_json import from_tree, to_tree

FUZZ = settings(max_examples=300, derandomize=True, deadline=None, database=None)
SYMBOL = ["symbol", "x", ""]
MATRIX = ["matrix_symbol", "A", 2, 3]
LONGEST = 20  # seconds


def integer(value: int) -> list[str]:
    return ["integer", str(value)]


def nested(depth: int, *name: str) -> list:
    tree: list = SYMBOL
    for _ in range(depth):
        tree = [*name, tree]
    return tree


def assert_refused(tree) -> None:
    with pytest.raises(FileFormatError) as caught:
        from_tree(tree)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")


REFUSED = {
    "nothing": None,
    "a text": "x",
    "a number": 5,
    "a mapping": {"symbol": "x"},
    "an empty list": [],
    "no name": [5, SYMBOL],
    "a list as name": [["symbol"], "x", ""],
    "unknown node": ["evaluate", "1 + 1"],
    "class": ["__class__"],
    "subclasses": ["__subclasses__", SYMBOL],
    "method of the reader": ["_all", [SYMBOL]],
    "name of a method": ["read", SYMBOL],
    "symbol unnamed": ["symbol"],
    "symbol empty": ["symbol", "", ""],
    "symbol a number": ["symbol", 5, ""],
    "symbol a list": ["symbol", ["x"], ""],
    "symbol endless": ["symbol", "x" * 1000, ""],
    "undefined a number": ["undefined", 5, SYMBOL],
    "rows negative": ["matrix_symbol", "A", -1, 2],
    "rows infinite": ["matrix_symbol", "A", float("inf"), 1],
    "rows NaN": ["ones", float("nan"), 1],
    "rows a list": ["zeros", [2], 1],
    "integer a word": ["integer", "ten"],
    "integer code": ["integer", "__import__('os')"],
    "integer endless": ["integer", "9" * 5000],
    "division by zero": ["rational", "1", "0"],
    "pole": ["power", integer(0), integer(-1)],
    "float a word": ["float", "fast"],
    "float too large": ["float", "0x1p99999"],
    "float infinite": ["float", "inf"],
    "float NaN": ["float", "nan"],
    "constant unknown": ["constant", "tau"],
    "constant a list": ["constant", []],
    "entry of a scalar": ["entry", SYMBOL, integer(0), integer(0)],
    "entry outside": ["entry", MATRIX, integer(5), integer(0)],
    "matrix short": ["matrix", 2, 2, integer(1)],
    "matrix endless": ["matrix", 10**9, 10**9],
    "matrix negative": ["matrix", -1, -1, integer(1)],
    "sum misshapen": ["matrix_add", MATRIX, ["matrix_symbol", "B", 3, 2]],
    "product misshapen": ["matrix_multiply", MATRIX, MATRIX],
    "square of a rectangle": ["power", MATRIX, integer(2)],
    "entries of scalars": ["entrywise_multiply", SYMBOL, SYMBOL],
    "lambda of a number": ["lambda", [integer(1)], SYMBOL],
    "lambda of nothing": ["lambda", 5, SYMBOL],
    "lambda twice": ["lambda", [SYMBOL, SYMBOL], SYMBOL],
    "function unknown": ["function", "eval", SYMBOL],
    "function hidden": ["function", "__class__", SYMBOL],
    "function a list": ["function", [], SYMBOL],
    "function of two": ["function", "tanh", SYMBOL, SYMBOL],
    "entrywise scalar": ["entrywise", SYMBOL, SYMBOL],
    "power of one": ["power", integer(1)],
    "data rows": ["data", "p", "x", SYMBOL],
    "data rows negative": ["data", "p", -2, SYMBOL],
    "diagonal of a number": ["diagonal", integer(3)],
    "many nodes": ["add", *[integer(1)] * 300_000],
    "deep": nested(100_000, "transpose"),
    "deep function": nested(100_000, "function", "tanh"),
    "deep lambda": nested(2_000, "lambda", [SYMBOL]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_hostile_tree_is_refused(case):
    assert_refused(REFUSED[case])


EXPENSIVE = {
    "power": ["power", integer(10), integer(10**10)],
    "tower": ["power", integer(9), ["power", integer(9), integer(9999999)]],
    "factorial": ["function", "gamma", integer(10**8)],
    "harmonic number": ["function", "digamma", integer(10**8)],
    "root": ["power", integer((10**30 + 57) * (10**31 + 33)), ["rational", "1", "3"]],
    "doubling": ["power", ["power", integer(2), integer(10**9)], integer(10**9)],
}
READ = """
import json, resource, sys
from ssmsym.errors import FileFormatError
from ssmsym.fields.expression_json import from_tree
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
try:
    from_tree(json.loads(sys.argv[1]))
except FileFormatError:
    pass
print("done")
"""


@pytest.fixture(scope="module")
def readers():
    """One process a tree, all at once, each with little memory."""
    pytest.importorskip("resource")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = {
        name: subprocess.Popen([sys.executable, "-c", READ, json.dumps(tree)], **pipes)
        for name, tree in EXPENSIVE.items()
    }
    yield running
    for process in running.values():
        process.kill()
        process.communicate()


@pytest.mark.parametrize("case", EXPENSIVE)
def test_a_short_tree_cannot_ask_for_endless_work(readers, case):
    try:
        out, error = readers[case].communicate(timeout=LONGEST / len(EXPENSIVE))
    except subprocess.TimeoutExpired:
        pytest.fail(f"{EXPENSIVE[case]} is still being worked on")
    assert out == "done\n", error


# -- mutated trees ------------------------------------------------------------------------------------------

x, t = sp.symbols("x t")
A, v, w = sp.MatrixSymbol("A", 2, 2), sp.MatrixSymbol("v", 2, 1), sp.MatrixSymbol("w", 2, 1)
SAMPLES = [
    -x + sp.Rational(1, 3) * sp.tanh(2 * x) ** 2 + sp.Float(0.25) * sp.pi,
    -v + A * v.applyfunc(sp.tanh) + sp.HadamardProduct(v, w),
    sp.Function("f")(x) * A[0, 1] + sp.gamma(x),
    v.applyfunc(sp.Lambda(t, t**3 - sp.sin(t))) + DataExpression("p", 2, x, v),
    sp.Identity(2) * v + sp.DiagMatrix(w) * v + A.T * sp.ZeroMatrix(2, 1) + sp.OneMatrix(2, 1),
]
TREES = [to_tree(e) for e in SAMPLES]
NAMES = sorted({"symbol", "integer", "lambda", "entrywise", "undefined", "identity", "constant", "float"})
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.floats(),
    st.sampled_from(
        ["", "0", "1", "2", "x", "__class__", "0x1p-3", "tanh", "exp", "log", "Abs", "pi", *NAMES]
    ),
    st.sampled_from([[], {}, SYMBOL, MATRIX, integer(2), ["transpose", MATRIX], ["function", "exp", SYMBOL]]),
)


def places(tree) -> list[tuple[int, ...]]:
    """Paths of all nodes below the root, as positions in nested lists."""
    found = []
    for i, child in enumerate(tree):
        found.append((i,))
        if isinstance(child, list):
            found += [(i, *rest) for rest in places(child)]
    return found


@st.composite
def mutated_trees(draw):
    tree = copy.deepcopy(draw(st.sampled_from(TREES)))
    for _ in range(draw(st.integers(1, 3))):
        paths = places(tree)
        if not paths:
            break
        *way, last = draw(st.sampled_from(paths))
        parent = tree
        for step in way:
            parent = parent[step]
        action = draw(st.sampled_from(["replace", "delete", "insert", "wrap", "move"]))
        if action == "replace":
            parent[last] = copy.deepcopy(draw(LEAVES))
        elif action == "delete":
            del parent[last]
        elif action == "insert":
            parent.insert(last, copy.deepcopy(draw(LEAVES)))
        elif action == "wrap":
            parent[last] = [draw(st.sampled_from(NAMES)), parent[last]]
        else:
            parent[last] = copy.deepcopy(draw(st.sampled_from(TREES)))
    return tree


@pytest.mark.filterwarnings("ignore::sympy.utilities.exceptions.SymPyDeprecationWarning")
def test_mutated_trees_are_read_or_refused():
    refused = []

    @FUZZ
    @given(mutated_trees())
    def check(tree):
        try:
            result = from_tree(tree)
        except FileFormatError:
            refused.append(tree)
        else:
            assert isinstance(result, (sp.Basic, sp.MatrixBase, sp.core.function.FunctionClass))

    check()
    assert len(refused) > 50  # the mutations do break trees


# -- reduced models as JSON ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document():
    y = sp.Symbol("y")
    field = from_sympy({x: -x + t, y: -3 * y + x**2}, parameters={t: 0.0}, readout=y)
    return json.loads(model_to_json(reduce(compute_ssm(field, [0, 0], order=2, parameters=["t"]))))


BAD_DOCUMENTS = {
    "format": {"format": "recipe"},
    "version": {"version": 99},
    "version text": {"version": "one"},
    "order text": {"order": "high"},
    "order 0": {"order": 0},
    "order infinite": {"order": float("inf")},
    "style a number": {"style": 3},
    "parameters a list": {"parameters": [1.0]},
    "parameter a text": {"parameters": {"t": "a"}},
    "another parameter": {"parameters": {"t": 0.0, "s": 0.0}},
    "eigenvalues of three": {"eigenvalues": [[1.0, 2.0, 3.0]]},
    "eigenvalues text": {"eigenvalues": "fast"},
    "state text": {"state": ["a", "b"]},
    "state NaN": {"state": [float("nan"), 0.0]},
    "state short": {"state": [0.0]},
    "left ragged": {"left": [[1.0], [1.0, 2.0]]},
    "left misshapen": {"left": [[1.0], [0.0], [0.0]]},
    "no polynomial": {"reduced_dynamics": None},
    "polynomial of rows": {"reduced_dynamics": {"exponents": [[1, 0]], "coefficients": [[1.0], [2.0]]}},
    "exponent half": {"reduced_dynamics": {"exponents": [[0.5, 0]], "coefficients": [[1.0]]}},
    "exponent negative": {"reduced_dynamics": {"exponents": [[-1, 0]], "coefficients": [[1.0]]}},
    "exponents of three": {"reduced_dynamics": {"exponents": [[1, 0, 0]], "coefficients": [[1.0]]}},
    "monomial twice": {"reduced_dynamics": {"exponents": [[1, 0], [1, 0]], "coefficients": [[1.0], [1.0]]}},
    "readout a list": {"readout": [1, 2]},
    "evidence a number": {"evidence": 3},
}


@pytest.mark.parametrize("case", BAD_DOCUMENTS)
def test_a_document_that_breaks_the_schema_is_refused(document, case):
    assert model_from_json(json.dumps(document)).order == 2
    with pytest.raises(FileFormatError) as caught:
        model_from_json(json.dumps({**document, **BAD_DOCUMENTS[case]}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "null", "3", '"x"', "[]", "{}", "[" * 100_000 + "]" * 100_000])
def test_text_that_is_no_model_is_refused(text):
    with pytest.raises(FileFormatError, match="no reduced model"):
        model_from_json(text)


@pytest.mark.parametrize(
    "name",
    ["format", "version", "reduced_dynamics", "parametrization", "left", "state", "eigenvalues", "order"],
)
def test_a_missing_part_is_named(document, name):
    rest = {key: value for key, value in document.items() if key != name}
    with pytest.raises(FileFormatError, match=f"'{name}'"):
        model_from_json(json.dumps(rest))


def test_coefficients_survive_exactly(document):
    model = model_from_json(json.dumps(document))
    assert np.array_equal(model.parametrization.coefficients, document["parametrization"]["coefficients"])
