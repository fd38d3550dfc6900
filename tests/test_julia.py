"""Julia modules and BifurcationKit scripts, read by a grammar of Julia and evaluated by a reader of its tree."""

from dataclasses import replace

import numpy as np
import pytest
import sympy
from exported_models import SOURCES, error, exported, large, nested, points, truths, with_nested_pieces
from julia_reader import Module, parsed
from ssmsym_plugins import julia_code
from ssmsym_plugins.bifurcationkit import BifurcationKit
from ssmsym_plugins.julia import Julia

from ssmsym import from_sympy
from ssmsym.exporters.code import CodePrinter
from ssmsym.exporters.contract import ExporterError, RightSideReader
from ssmsym.exporters.model import export_model
from ssmsym.exporters.testing import check_exporter

FLOWS = [name for name in SOURCES if name != "henon"]
TOOL, KIT = Julia(), BifurcationKit()


def values_of(module, function, model, states, values):
    """A function of the module at points, an entry a column."""
    out = []
    names = julia_code.JuliaWriter(model, "model").parameter_names
    for state, row in zip(states, values, strict=True):
        given = dict(zip(names, row, strict=True))
        if function == "jacobian!":
            matrix = np.full((len(state), len(state)), np.nan)
            out.append(np.ravel(module.call(function, matrix, state, given), order="F"))
        else:
            out.append(module.call(function, state, given))
    return np.array(out)


class Reading(RightSideReader):
    def evaluate(self, files, model, states, parameters):
        return values_of(Module(next(iter(files.values()))), "equations", model, states, parameters)


@pytest.mark.parametrize("exporter", [Julia, BifurcationKit])
def test_contract(exporter):
    reading = type("Reading", (exporter, Reading), {})()
    errors = check_exporter(reading)
    assert all(error is not None and error <= 1e-12 for error in errors.values())


@pytest.mark.parametrize("name", SOURCES)
def test_functions_equal_the_model(name):
    model = exported(name)
    module = Module(TOOL.render(model)["model.jl"])
    states, values = points(model, 20 if name == "network" else 100)
    assert (
        error(values_of(module, "equations", model, states, values), truths(model, states, values)) <= 1e-12
    )
    found = values_of(module, "jacobian!", model, states[:20], values[:20])
    expected = truths(model, states[:20], values[:20], lambda field, state: field.jacobian(state))
    assert error(found, expected) <= 1e-12


@pytest.mark.parametrize("name", ["parametric", "network", "henon", "pieces"])
def test_readout_equals_the_model(name):
    model = exported(name)
    module = Module(TOOL.render(model)["model.jl"])
    states, values = points(model, 20)
    expected = truths(model, states, values, lambda field, state: field.readout(state))
    assert error(values_of(module, "outputs", model, states, values), expected) <= 1e-12


@pytest.mark.slow
def test_large_model():
    model = export_model(large(), state=np.zeros(4))
    text = TOOL.render(model)["model.jl"]
    assert max(len(line) for line in text.splitlines()) <= 120
    module = Module(text)
    states, values = points(model, 5)
    assert (
        error(values_of(module, "equations", model, states, values), truths(model, states, values)) <= 1e-12
    )
    found = values_of(module, "jacobian!", model, states[:2], values[:2])
    expected = truths(model, states[:2], values[:2], lambda field, state: field.jacobian(state))
    assert error(found, expected) <= 1e-12


def test_nested_pieces_compute_only_the_piece_that_holds():
    model = with_nested_pieces()
    module = Module(TOOL.render(model)["model.jl"])
    states, values = points(model)
    found = values_of(module, "equations", model, states, values)
    first = [3 * nested(*state, *row) + state[1] for state, row in zip(states, values, strict=True)]
    assert error(found[:, 0], np.array(first)) <= 1e-12
    assert error(found[:, 1], np.maximum(states.max(axis=1), 0) + np.sign(states[:, 0])) <= 1e-12


def test_constants():
    z, a, q, b = sympy.symbols("z a q b")
    field = from_sympy({z: -z * q, a: -a * b + 1e-5}, parameters={q: 1.0, b: 2.0})
    model = export_model(field, state=[0, 0])
    module = Module(TOOL.render(model, name="odd_name")["odd_name.jl"])
    assert module.name == "Odd_name"
    assert module.constant("state_names") == ("z", "a")
    assert list(module.constant("parameter_values").items()) == [("q", 1.0), ("b", 2.0)]
    assert module.constant("initial_state").tolist() == model.initial_state.tolist()
    (single,) = export_model(from_sympy({z: -z}), state=[0.0]).state_names
    assert Module(TOOL.render(export_model(from_sympy({z: -z}), state=[0.0]))["model.jl"]).constant(
        "state_names"
    ) == (single,)


def test_names_are_legal_unique_and_in_order():
    model = exported("reserved")
    writer = julia_code.JuliaWriter(model, "model")
    both = (*writer.state_names, *writer.parameter_names)
    assert len(set(both)) == len(both)
    assert not {name.lower() for name in both} & {word.lower() for word in julia_code.RESERVED}
    assert all(name.isidentifier() and name.isascii() for name in both)
    assert both[16:19] == ("gain", "Gain", "GAIN")
    text = TOOL.render(model)["model.jl"]
    assert Module(text).constant("state_names")[-1] == "\\$n"  # a plain dollar sign would insert a variable
    assert "time_2 = state[12]" in text


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("-x**2", "-x^2"),
        ("x/3", "0.3333333333333333 * x"),
        ("2*x**2/(1 + x)", "2.0 * x^2 / (1.0 + x)"),
        ("sqrt(1 + x**2)**3", "(1.0 + x^2)^1.5"),
        ("atan2(x, 1 - x)", "atan(x, 1.0 - x)"),
        ("Piecewise((x, And(x > 0, x < 1)), (0, True))", "((x > 0.0) && (x < 1.0) ? x : (0.0))"),
    ],
)
def test_expressions_as_code(expression, expected):
    x = sympy.Symbol("x", real=True)
    e = sympy.sympify(expression, locals={"x": x})
    assert CodePrinter(julia_code.DIALECT, {x: "x"}).text(e) == expected


def test_special_functions_are_imported():
    x = sympy.Symbol("x")
    text = TOOL.render(export_model(from_sympy({x: -sympy.erf(x)}), state=[0.0]))["model.jl"]
    assert "using SpecialFunctions: erf" in text
    assert "SpecialFunctions" not in TOOL.render(exported("cusp"))["model.jl"]


# -- BifurcationKit -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FLOWS)
def test_files_are_julia(name):
    model = exported(name)
    files = KIT.render(model)
    assert list(files) == ["model.jl", "run_model.jl"]
    assert files["model.jl"] == TOOL.render(model)["model.jl"]
    parsed(files["run_model.jl"])
    lines = [line for text in files.values() for line in text.splitlines() if not line.startswith("#")]
    assert max(map(len, lines)) <= 120
    if name != "network":  # whose long text takes the grammar minutes; its statements are parsed above
        parsed(files["model.jl"])


def test_the_grammar_finds_errors():
    text = KIT.render(exported("hopf"))["run_model.jl"]
    with pytest.raises(SyntaxError, match="no Julia"):
        parsed(text.replace("ContinuationPar(", "ContinuationPar((", 1))


def calls(text, function):
    """Argument lists of the calls of a function: positional texts and keywords."""
    found = []

    def visit(node):
        if node.type == "call_expression" and node.named_children[0].text.decode() == function:
            plain, named = [], {}
            for argument in node.named_children[1].named_children:
                if argument.type in ("assignment", "named_argument"):
                    named[argument.named_children[0].text.decode()] = argument.named_children[
                        -1
                    ].text.decode()
                else:
                    plain.append(argument.text.decode())
            found.append((plain, named))
        for child in node.children:
            visit(child)

    visit(parsed(text))
    return found


def test_script_asks_for_what_it_should():
    text = KIT.render(
        exported("hopf"),
        parameter="mu",
        interval=(-1, 0.5),
        second_parameter="b",
        second_interval=(0, 2),
        step=0.05,
    )["run_model.jl"]
    ((plain, named),) = calls(text, "BifurcationProblem")
    assert plain[1:] == ["Model.initial_state", "Model.parameter_values", "(@optic _.mu)"]
    assert named["J"] == "(x, p) -> Model.jacobian(x, p)"
    first, second = calls(text, "ContinuationPar")
    assert (first[1]["p_min"], first[1]["p_max"], first[1]["dsmax"], first[1]["nev"]) == (
        "-1.0",
        "0.5",
        "0.05",
        "2",
    )
    assert (second[1]["p_min"], second[1]["p_max"]) == ("0.0", "2.0")
    assert len(calls(text, "continuation")) == 4  # equilibria, folds, Hopf points, periodic orbits
    assert text.count("(@optic _.b)") == 2
    ((plain, _),) = calls(text, "PeriodicOrbitOCollProblem")
    assert plain == ["30", "4"]


def test_record_has_the_readout_and_branches_stay_inside_the_trust_radius():
    model = exported("parametric")
    text = KIT.render(model)["run_model.jl"]
    assert "merge(Model.parameter_values, (m = value,))" in text
    assert "(p = state[1], z1 = outputs[1], z2 = outputs[2])" in text
    assert f"norm(z.u) <= {model.trust_radius!r}" in text
    assert "finalise_solution = trusted" in text
    whole = replace(exported("cusp"), trust_range=(-1.0, 2.0))
    assert "trusted(z, tau, step, branch; k...) = -1.0 <= z.u[1] <= 2.0" in KIT.render(whole)["run_model.jl"]
    assert "trusted" not in KIT.render(exported("cusp"))["run_model.jl"]


def test_one_parameter_needs_no_curves_in_two():
    x, m = sympy.symbols("x m")
    model = export_model(from_sympy({x: m - x**2}, parameters={m: 1.0}))
    text = KIT.render(model)["run_model.jl"]
    assert "codim2" not in text
    with pytest.raises(ExporterError, match="'second_interval' needs a second parameter"):
        KIT.render(model, second_interval=(0, 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parameter": "nu"}, "no parameter 'nu'.*'mu', 'lambda'"),
        ({"parameter": "mu", "second_parameter": "mu"}, "another than 'parameter'"),
        ({"interval": (1, 0)}, "lower to a higher"),
        ({"interval": 3}, "pair of numbers"),
        ({"interval": (1, 2)}, "outside the interval"),
        ({"second_interval": (2, 3)}, "lambda = 1, outside"),
        ({"step": -1.0}, "'step' is a positive"),
        ({"points": 1}, "'points' is at least 2"),
        ({"name": "end"}, "'name' takes"),
        ({"name": "bifurcationKit"}, "'name' takes"),
        ({"name": "a b"}, "'name' takes"),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ExporterError, match=message):
        KIT.render(exported("cusp"), **options)


def test_models_that_cannot_be_expressed():
    x = sympy.Symbol("x")
    with pytest.raises(ExporterError, match="no parameter to vary"):
        KIT.render(export_model(from_sympy({x: -x}), state=[0.0]))
    with pytest.raises(ExporterError, match="is a map"):
        KIT.render(exported("henon"))
    with pytest.raises(ExporterError, match=r"'fresnels'.*no counterpart in Julia"):
        CodePrinter(julia_code.DIALECT, {x: "x"}).text(sympy.fresnels(x))
