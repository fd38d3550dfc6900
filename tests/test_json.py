"""Expressions and reduced models as JSON, and back."""

from __future__ import annotations

import json

import numpy as np
import pytest
import sympy as sp

from ssmsym import compute_ssm, from_sympy, model_from_json, model_to_json, reduce
from ssmsym.errors import FileFormatError, InputError
from ssmsym.fields.data_expression import DataExpression
from ssmsym.fields.expression_json import from_tree, to_tree
from ssmsym.reduced.model_json import SCHEMA
from ssmsym.series.elementary import ELEMENTARY

x, t, g = sp.symbols("x t g")
tau = sp.Symbol("tau", positive=True)
A, C = sp.MatrixSymbol("A", 3, 2), sp.MatrixSymbol("C", 3, 3)
v, w = sp.MatrixSymbol("v", 3, 1), sp.MatrixSymbol("w", 2, 1)
f, h = sp.Function("f"), sp.Function("h")
SPECIAL = (
    *("gamma", "loggamma", "digamma", "airyai", "airybi", "fresnels", "fresnelc", "erfc", "erfi", "LambertW"),
    *("acos", "asin", "acosh", "acot", "coth", "sech", "csch", "sinc", "Ei", "Si", "Ci", "Shi", "Chi"),
)

EXPRESSIONS = {
    "symbol": x,
    "positive symbol": tau,
    "real symbol": sp.Symbol("x", real=True),
    "name with an entry": sp.Symbol("u[0]"),
    "name in Greek": sp.Symbol("λ'"),
    "integer": sp.Integer(-3),
    "large integer": sp.Integer(7) ** 300,
    "rational": sp.Rational(-22, 7),
    "float": sp.Float(0.1, 17),
    "float of a user": sp.Float(0.1),
    "tiny float": sp.Float(5e-324, 17),
    "pi": sp.pi,
    "e": sp.E,
    "golden ratio": sp.GoldenRatio,
    "add": x + 2 * t - sp.Rational(1, 3),
    "multiply": -2 * x * t * g,
    "power": x ** sp.Rational(3, 2) + sp.sqrt(2),
    "quotient": (x - t) / tau,
    "matrix symbol": A,
    "matrix sum": v + A * w,
    "matrix product": 3 * A * w,
    "scaled product": x * C * A * w / tau,
    "entry": A[2, 1] + v[0, 0] ** 2,
    "transpose": A.T * v,
    "entrywise product": sp.HadamardProduct(v, A * w),
    "entrywise power": sp.HadamardPower(v, 3),
    "diagonal": sp.DiagMatrix(v) * C,
    "identity": C + sp.Identity(3),
    "ones": sp.OneMatrix(3, 1) + v,
    "zeros": sp.ZeroMatrix(3, 2),
    "explicit matrix": sp.ImmutableMatrix([[x, 1], [sp.tanh(t), sp.Rational(1, 2)]]),
    "lambda": sp.Lambda(t, t**2 + g),
    "lambda of two": sp.Lambda((t, x), t * sp.sin(x)),
    "entrywise function": v.applyfunc(sp.tanh),
    "entrywise lambda": (C * v).applyfunc(sp.Lambda(t, sp.exp(-(t**2)))),
    "undefined": f(x) + h(x, t),
    "data": DataExpression("R", 3, x, v, tau),
    "sum of data": DataExpression("R", 3, v) + v,
    **{f"function {name}": entry.function(x) for name, entry in ELEMENTARY.items()},
    **{f"function {name}": getattr(sp, name)(x) for name in SPECIAL},
    "rate network": (-v + C * v.applyfunc(sp.tanh) + A * w) / tau,
    "map": v + sp.Float(0.02, 17) * (-v + C * v.applyfunc(sp.tanh)) / tau,
    "deep": sp.tanh(1 + x * sp.tanh(2 + x * sp.tanh(3 + x * sp.tanh(4 + x * sp.tanh(5 * x))))),
}
NODES = {
    *("add", "multiply", "power", "matrix_add", "matrix_multiply", "entrywise_multiply", "entrywise_power"),
    *(
        "transpose",
        "diagonal",
        "symbol",
        "matrix_symbol",
        "integer",
        "rational",
        "float",
        "constant",
        "entry",
    ),
    *("lambda", "entrywise", "data", "identity", "ones", "zeros", "matrix", "undefined", "function"),
}


def undummied(expression):
    """SymPy's own bound variables, which differ from call to call, as symbols."""
    return expression.xreplace({d: sp.Symbol(d.name) for d in expression.atoms(sp.Dummy)})


def names(tree) -> set[str]:
    if not isinstance(tree, list) or not tree:
        return set()
    own = {tree[0]} if isinstance(tree[0], str) else set()
    return own.union(*(names(child) for child in tree))


@pytest.mark.parametrize("case", EXPRESSIONS)
def test_an_expression_is_the_same_after_json(case):
    expression = EXPRESSIONS[case]
    tree = to_tree(expression)
    again = from_tree(json.loads(json.dumps(tree)))
    assert again == undummied(expression)
    assert type(again) is type(expression)
    assert to_tree(again) == tree


def test_every_kind_of_node_is_among_the_examples():
    storable = [e for case, e in EXPRESSIONS.items() if not case.startswith("function")] + [sp.tanh(x)]
    found = set().union(*(names(to_tree(e)) for e in storable))
    assert found >= NODES


def test_assumptions_and_calls_survive():
    again = from_tree(to_tree(sp.sqrt(tau**2)))
    assert again == tau
    assert from_tree(to_tree(tau)).is_positive
    assert from_tree(to_tree(x)).is_positive is None
    assert from_tree(to_tree(sp.Lambda(t, f(t) + 1)))(3) == f(3) + 1


def test_a_bound_variable_does_not_capture_a_symbol_of_its_name():
    d = sp.Symbol("d")
    scaled = v.applyfunc(
        lambda argument: d * sp.tanh(argument)
    )  # SymPy binds a variable that prints as d too
    again = from_tree(json.loads(json.dumps(to_tree(scaled))))
    assert again.free_symbols == {d, v}
    assert sp.simplify(again.function(2) - d * sp.tanh(2)) == 0


@pytest.mark.parametrize("value", [0.1, -1e-300, 1.7976931348623157e308, 2**-1074, 1 / 3])
def test_floats_keep_every_bit(value):
    assert float(from_tree(json.loads(json.dumps(to_tree(sp.Float(value, 17)))))) == value


@pytest.mark.parametrize(
    "expression",
    [
        sp.Piecewise((x, x > 0), (0, True)),
        sp.Integral(x, x),
        sp.zoo,
        sp.nan,
        sp.oo,
        sp.I,
        sp.Derivative(f(x), x),
    ],
)
def test_what_has_no_place_in_a_file_is_refused(expression):
    with pytest.raises(InputError, match="cannot be stored") as caught:
        to_tree(x + expression)
    assert type(expression).__name__ in str(caught.value) or str(expression) in str(caught.value)


# -- reduced models -----------------------------------------------------------------------------------------


def errors_of(document, schema, where="document") -> list[str]:
    """Violations of the parts of JSON Schema that SCHEMA uses; other keywords are an error here."""
    known = {"$schema", "title", "description", "type", "required", "properties", "additionalProperties"}
    known |= {"items", "const", "enum", "minimum", "maximum", "minItems", "maxItems"}
    assert set(schema) <= known
    kinds = {
        "object": dict,
        "array": list,
        "string": str,
        "null": type(None),
        "number": (int, float),
        "integer": int,
    }
    wanted = schema.get("type", [])
    wanted = [wanted] if isinstance(wanted, str) else wanted
    if wanted and not any(isinstance(document, kinds[kind]) for kind in wanted):
        return [f"{where} is no {wanted}"]
    found = []
    if "const" in schema and document != schema["const"]:
        found.append(f"{where} is not {schema['const']}")
    if "enum" in schema and document not in schema["enum"]:
        found.append(f"{where} is none of {schema['enum']}")
    if isinstance(document, (int, float)):
        found += [f"{where} is too small"] if document < schema.get("minimum", document) else []
        found += [f"{where} is too large"] if document > schema.get("maximum", document) else []
    if isinstance(document, list):
        if not schema.get("minItems", 0) <= len(document) <= schema.get("maxItems", len(document)):
            found.append(f"{where} has {len(document)} items")
        for i, item in enumerate(document):
            found += errors_of(item, schema.get("items", {}), f"{where}[{i}]")
    if isinstance(document, dict):
        found += [f"{where} lacks {key}" for key in schema.get("required", ()) if key not in document]
        for key, value in document.items():
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            found += errors_of(value, inner, f"{where}.{key}")
    return found


def model_of(parameters=()):
    y, z = sp.symbols("y z")
    field = from_sympy(
        {x: -x - 2 * y + g, y: 2 * x - y, z: -5 * z + x**2 + g * y}, parameters={g: 0.0}, readout=[z, x * y]
    )
    return reduce(compute_ssm(field, [0, 0, 0], modes=2, order=3, parameters=parameters))


@pytest.mark.parametrize("parameters", [(), ("g",)])
def test_a_reduced_model_is_the_same_after_json(parameters):
    model = model_of(parameters)
    again = model_from_json(model_to_json(model))
    p = np.array([[0.1, -0.2], [0.3, 0.05], [0.0, 0.0]])
    values = dict.fromkeys(parameters, 0.07)
    states = model.lift(p, values)
    assert np.array_equal(again.lift(p, values), states)
    assert np.array_equal(again.project(states), model.project(states))
    assert np.array_equal(again.field.at(values)(p), model.field.at(values)(p))
    assert np.array_equal(again.field.readout(p), model.field.readout(p))
    assert np.array_equal(again.eigenvalues, model.eigenvalues)
    assert again.parameter_values == model.parameter_values
    assert again.equations == model.equations
    assert again.evidence == model.evidence
    assert repr(again) == repr(model)
    assert again.ssm is None
    assert model_to_json(again) == model_to_json(model)


@pytest.mark.parametrize("parameters", [(), ("g",)])
def test_the_json_follows_its_schema(parameters):
    document = json.loads(model_to_json(model_of(parameters)), parse_constant=pytest.fail)
    assert errors_of(document, SCHEMA) == []
    assert set(document) <= set(SCHEMA["properties"])
    assert errors_of({**document, "order": 0}, SCHEMA)
    assert errors_of({**document, "state": ["a"]}, SCHEMA)
    assert errors_of({**document, "time": "flow"}, SCHEMA)
    with pytest.raises(FileFormatError, match="'time'"):
        model_from_json(json.dumps({**document, "time": "flow"}))
    assert errors_of({key: value for key, value in document.items() if key != "left"}, SCHEMA)


def test_the_json_can_be_read_without_ssmsym():
    model = model_of(("g",))
    document = json.loads(model_to_json(model))
    point = np.array([0.2, -0.1, 0.03])
    rows = document["parametrization"]
    monomials = np.prod(point ** np.array(rows["exponents"]), axis=1)
    assert monomials @ np.array(rows["coefficients"]) == pytest.approx(
        model.lift(point[:2], {"g": point[2]}), rel=1e-14
    )
    first = sp.sympify(document["equations"][0].partition(" = ")[2])
    rates = document["reduced_dynamics"]
    expected = np.prod(point ** np.array(rates["exponents"]), axis=1) @ np.array(rates["coefficients"])
    numbers = dict(zip(sp.symbols("p1 p2 g"), point, strict=True))
    assert float(first.subs(numbers)) == pytest.approx(expected[0], rel=1e-13)
