"""Right-hand sides as exporters write them, evaluated by the target or a small reader, for models of every kind."""

import functools
import importlib.util
import shutil
from dataclasses import replace

import numpy as np
import pytest
import sympy
from continuation_cases import CI, cusp, hopf, needs
from exported_models import (
    error,
    exported,
    large,
    nested,
    points,
    truths,
    with_nested_pieces,
)
from ssmsym_plugins import plain_c, python_evaluation
from ssmsym_plugins.pydstool_reader import value as specified
from ssmsym_plugins.sbml import Sbml

from ssmsym import from_sympy, from_torch, load, network_path, normal_form
from ssmsym.errors import InputError
from ssmsym.exporters.contract import ExporterError
from ssmsym.exporters.discovery import get_exporter
from ssmsym.exporters.model import export_model
from ssmsym.exporters.testing import check_exporter
from ssmsym.exporters.writing import export

TOOLS = ["auto07p", "xppaut", "bifpy", "pycobi", "pydstool", "jaxcont", "numpy", "c", "sbml"]
OF_MAPS = ["xppaut", "numpy", "c"]
PRESENT = {
    "auto07p": shutil.which("gfortran"),
    "pycobi": shutil.which("gfortran"),
    "c": shutil.which("gcc"),
    "xppaut": importlib.util.find_spec("xpplab"),
}
every_tool = pytest.mark.parametrize(
    "tool",
    [
        pytest.param(tool, marks=needs(PRESENT.get(tool, True), reason="what evaluates it is missing"))
        for tool in TOOLS
    ],
)


@functools.cache
def case(name):
    """A model, 100 points, and the values of its field there."""
    if name == "cell map":
        rng = np.random.default_rng(5)
        n = 4
        weights = {
            "weight_ih_l0": rng.normal(size=(3 * n, 2)),
            "weight_hh_l0": rng.normal(size=(3 * n, n)),
            "bias_ih_l0": rng.normal(size=3 * n),
            "bias_hh_l0": rng.normal(size=3 * n),
        }
        model = export_model(from_torch(weights), find=False)
    elif name == "normal form":
        x, y, a, b = sympy.symbols("x y a b")
        sides = {x: -x + a * sympy.tanh(x) - b * sympy.tanh(y), y: -y + b * sympy.tanh(x) + a * sympy.tanh(y)}
        units = from_sympy(sides, parameters={a: 1.0, b: 2.0})
        model = export_model(normal_form(units, [0.0, 0.0], parameters=["a"]).field, find=False)
    else:
        model = export_model(large(), state=np.zeros(4)) if name == "large" else exported(name)
    states, values = points(model, spread=0.8)
    return model, states, values, truths(model, states, values)


def evaluated(tool, model, states, values):
    exporter = get_exporter(tool)
    return exporter.evaluate(exporter.render(model), model, states, values)


@every_tool
@pytest.mark.parametrize("name", ["cusp", "hopf", "parametric", "normal form", "reserved", "pieces"])
def test_right_side_equals_the_model(tool, name):
    model, states, values, expected = case(name)
    assert error(evaluated(tool, model, states, values), expected) <= 1e-12


@pytest.mark.slow
@every_tool
@pytest.mark.parametrize("name", ["large", "network"])
def test_right_side_of_large_models(tool, name):
    """Four states to order 9, and fifty units; PyCoBi's equations are those of the exporter auto07p."""
    model, states, values, expected = case(name)
    if tool == "pycobi":
        own, other = get_exporter("pycobi").render(model), get_exporter("auto07p").render(model)
        assert own["model.f90"] == other["model.f90"]
        return
    assert error(evaluated(tool, model, states, values), expected) <= 1e-12


@every_tool
def test_nested_conditions(tool):
    model = with_nested_pieces()
    states, values = points(model, spread=1.5)
    expected = np.array(
        [
            [3 * nested(x, y, k) + y, max(x, y, 0) + np.sign(x)]
            for (x, y), (k,) in zip(states, values, strict=True)
        ]
    )
    assert error(evaluated(tool, model, states, values), expected) <= 1e-12


@every_tool
def test_conditions_where_they_meet(tool):
    """Which case holds at the very bound."""
    x, y = sympy.symbols("x y", real=True)
    first = sympy.Piecewise(
        (1, x < 0), (2, x <= 1), (3, sympy.Eq(x, 2)), (4, sympy.Not(sympy.Ne(x, 3))), (5, True)
    )
    second = sympy.Piecewise(
        (1, y > 1), (2, y >= 0), (3, sympy.Or(y > 9, sympy.And(y < -1, x > 5))), (4, True)
    )
    model = replace(with_nested_pieces(), right_sides=(first, second))
    states = np.array([[-1, 2], [0, 1], [1, 0.5], [2, 0], [3, -1], [4, -2], [6, -2], [6, -1]], dtype=float)
    expected = [[1, 1], [2, 2], [2, 2], [3, 2], [4, 4], [5, 4], [5, 3], [5, 4]]
    found = evaluated(tool, model, states, np.full((len(states), 1), 0.5))
    assert found.tolist() == expected


@pytest.mark.parametrize("name", ["henon", "cell map"])
@every_tool
def test_maps_or_a_refusal(tool, name):
    model, states, values, expected = case(name)
    if tool in OF_MAPS:
        assert error(evaluated(tool, model, states, values), expected) <= 1e-12
    else:
        with pytest.raises(ExporterError, match="This model is a map"):
            get_exporter(tool).render(model)


@every_tool
def test_contract(tool):
    errors = check_exporter(get_exporter(tool))
    assert all(found is not None and found <= 1e-12 for found in errors.values())


@pytest.mark.parametrize("tool", TOOLS)
def test_large_fields_are_refused(tool, tmp_path):
    with pytest.raises(InputError, match="50"):
        export(load(network_path("delay_n100_a")), tool, tmp_path, state=np.zeros(100))


# -- derivatives and readouts ---------------------------------------------------------------------------------


def jacobian(field, state):
    return field.jacobian(state).T  # truths flattens by columns


def by_parameters(model):
    def derivative(field, state):
        step = 1e-6
        columns = []
        for name, own in field.parameters.items():
            ahead, behind = (field.at({name: own + s})(state) for s in (step, -step))
            columns.append((ahead - behind) / (2 * step))
        return np.array(columns)

    return derivative


@pytest.mark.parametrize("name", ["parametric", "pieces", "hopf", "henon"])
@pytest.mark.parametrize("tool", ["numpy", pytest.param("c", marks=needs(PRESENT["c"], reason="no gcc"))])
def test_derivatives_and_readouts_of_plain_functions(tool, name):
    model, states, values, _ = case(name)
    files = get_exporter(tool).render(model)
    n, q, k = len(model.states), len(model.parameters), len(model.readouts)
    evaluate = python_evaluation.evaluated if tool == "numpy" else plain_c.evaluated

    def found(function, shape):
        return evaluate(files, function, states, values, shape=shape).reshape(len(states), -1)

    assert error(found("jacobian", (n, n)), truths(model, states, values, jacobian)) <= 1e-12
    assert (
        error(found("parameter_jacobian", (n, q)), truths(model, states, values, by_parameters(model))) < 1e-6
    )
    if k:
        expected = truths(model, states, values, lambda field, state: field.readout(state))
        assert error(found("readout", (k,)), expected) <= 1e-12


def test_numpy_functions_take_many_states(tmp_path):
    export(hopf(), "numpy", tmp_path, state=[0.0, 0.0], name="two")
    spec = importlib.util.spec_from_file_location("two", tmp_path / "two.py")
    two = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(two)
    states = np.random.default_rng(0).normal(size=(5, 3, 2))
    field = hopf()
    assert two.right_side(states).shape == (5, 3, 2)
    assert two.right_side(states)[2, 1] == pytest.approx(field(states[2, 1]), rel=1e-13)
    assert two.jacobian(states)[2, 1] == pytest.approx(field.jacobian(states[2, 1]), rel=1e-13)
    changed = two.right_side(states, [0.3, 1.0, 2.0, 0.5])
    assert changed[0, 0] == pytest.approx(field.at(mu=0.3, omega=2.0)(states[0, 0]), rel=1e-13)
    assert two.STATES == ("x", "y")
    assert two.VALUES == (-0.5, 1.0, 1.0, 0.5)


# -- SBML -----------------------------------------------------------------------------------------------------


@needs(importlib.util.find_spec("libsbml"), reason="libSBML is missing")
@pytest.mark.parametrize("name", ["cusp", "parametric", "reserved", "pieces", "nested"])
def test_sbml_is_consistent(name):
    import libsbml

    model = with_nested_pieces() if name == "nested" else case(name)[0]
    document = libsbml.readSBMLFromString(Sbml().render(model)["model.xml"])
    document.setConsistencyChecks(libsbml.LIBSBML_CAT_UNITS_CONSISTENCY, False)
    document.setConsistencyChecks(libsbml.LIBSBML_CAT_MODELING_PRACTICE, False)
    assert document.checkConsistency() == 0, document.getErrorLog().toString()
    rules = document.getModel().getListOfRules()
    assert len(rules) == len(model.right_sides) + len(model.readouts)
    named = [p.getName() for p in document.getModel().getListOfParameters()]
    assert tuple(named[: len(model.states)]) == model.state_names


def test_sbml_refuses_what_it_has_no_function_for():
    x = sympy.Symbol("x")
    model = export_model(from_sympy({x: sympy.erf(x) - x}), state=[0.0])
    with pytest.raises(ExporterError, match="'erf' of this model has no counterpart in SBML"):
        Sbml().render(model)


def test_specifications_are_read_and_not_run():
    assert specified("if(x > 1, log(x), -x**2)", {"x": -3.0}) == -9.0
    with pytest.raises(ValueError, match="Attribute"):
        specified("x.real", {"x": 1.0})
    with pytest.raises(KeyError):
        specified("__import__('os')", {})


def test_ci_has_every_tool():
    """A tool that the CI script installs must be found there."""
    if not CI:
        pytest.skip("outside CI a tool may be missing")
    missing = [tool for tool in ("auto07p", "xppaut", "bifpy") if get_exporter(tool).find() is None]
    missing += [program for program in ("xppaut", "gcc", "gfortran", "make") if shutil.which(program) is None]
    missing += [module for module in ("libsbml",) if importlib.util.find_spec(module) is None]
    assert not missing


@pytest.mark.parametrize("tool", ["bifpy", "jaxcont", "pydstool", "xppaut"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parameter": "nu"}, "no parameter 'nu'"),
        ({"interval": (1, 0)}, "lower to a higher"),
        ({"step": 0.0}, "'step'"),
        ({"points": 1}, "'points' lies between"),
        ({"tolerance": -1.0}, "'tolerance' is a positive"),
        ({"name": "a b"}, "'name' takes letters"),
    ],
)
def test_options_that_do_not_fit(tool, options, message, tmp_path):
    with pytest.raises(ExporterError, match=message):
        export(cusp(), tool, tmp_path, state=[1.0], **options)
    assert not list(tmp_path.iterdir())
