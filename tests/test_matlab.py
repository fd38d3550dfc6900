"""Plain functions for MATLAB, evaluated in Octave."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import sympy
from exported_models import SOURCES, error, exported, large, nested, points, truths, with_nested_pieces
from ssmsym_plugins import matlab_code, matlab_octave
from ssmsym_plugins.matlab import Matlab

from ssmsym import from_sympy, simulate
from ssmsym.exporters.code import CodePrinter
from ssmsym.exporters.contract import ExporterError
from ssmsym.exporters.model import export_model
from ssmsym.exporters.testing import check_exporter
from ssmsym.exporters.writing import export

CI = bool(os.environ.get("CI"))  # there a missing tool is an error, not a reason to skip
needs_octave = pytest.mark.skipif(not CI and shutil.which("octave-cli") is None, reason="Octave is missing")
TOOL = Matlab()


@needs_octave
def test_contract():
    errors = check_exporter(TOOL)
    assert all(error is not None and error <= 1e-12 for error in errors.values())


@needs_octave
@pytest.mark.parametrize("elementwise", [False, True])
@pytest.mark.parametrize("name", SOURCES)
def test_functions_equal_the_model(name, elementwise):
    model = exported(name)
    files = TOOL.render(model, elementwise=elementwise)
    states, values = points(model, 20 if name == "network" else 100)
    found = TOOL.evaluate(files, model, states, values)
    assert error(found, truths(model, states, values)) <= 1e-12
    if elementwise:
        return
    found = matlab_octave.at_points(files, "model_jacobian(0, x, p)", states[:20], values[:20])
    expected = truths(model, states[:20], values[:20], lambda field, state: field.jacobian(state))
    assert error(found, expected) <= 1e-12


@needs_octave
@pytest.mark.parametrize("name", ["parametric", "network", "henon", "pieces"])
def test_readout_equals_the_model(name):
    model = exported(name)
    states, values = points(model, 20)
    found = matlab_octave.at_points(TOOL.render(model), "model_readout(0, x, p)", states, values)
    expected = truths(model, states, values, lambda field, state: field.readout(state))
    assert error(found, expected) <= 1e-12


@needs_octave
def test_start():
    model = exported("parametric")
    files = TOOL.render(model)
    ask = "[model_start()(:); nthargout(2, @model_start)(:); cellfun(@double, nthargout(4, @model_start))(:)]"
    (found,) = matlab_octave.at_points(files, ask, model.initial_state[None], np.array([model.values]))
    assert found[:3].tolist() == [*model.initial_state.tolist(), *model.values]
    assert bytes(found[3:].astype(int).tolist()).decode() == "mk"


@needs_octave
def test_integration_in_octave_equals_the_simulation(tmp_path):
    model = exported("hopf")
    export(model, TOOL, tmp_path)
    (tmp_path / "integrate.m").write_text(
        "[x, p] = model_start();\n"
        "opt = odeset('RelTol', 1e-10, 'AbsTol', 1e-12);\n"
        "[t, y] = ode45(@(t, y) model(t, y, p), [0 3], x + 0.1, opt);\n"
        "printf('%.17g ', y(end, :));\n"
    )
    found = [float(word) for word in matlab_octave.run(tmp_path, "integrate.m").split()]
    run = simulate(model.field, model.initial_state + 0.1, [0.0, 3.0], rtol=1e-11, atol=1e-13)
    assert found == pytest.approx(run.states[-1], rel=1e-7)


@needs_octave
@pytest.mark.slow
def test_large_model():
    model = export_model(large(), state=np.zeros(4))
    assert all(len(side.args) > 710 for side in model.right_sides)
    files = TOOL.render(model)
    assert max(len(line) for text in files.values() for line in text.splitlines()) <= 120
    states, values = points(model, 20)
    assert error(TOOL.evaluate(files, model, states, values), truths(model, states, values)) <= 1e-12
    found = matlab_octave.at_points(files, "model_jacobian(0, x, p)", states[:5], values[:5])
    expected = truths(model, states[:5], values[:5], lambda field, state: field.jacobian(state))
    assert error(found, expected) <= 1e-12


@needs_octave
@pytest.mark.parametrize("elementwise", [False, True])
def test_nested_pieces(elementwise):
    model = with_nested_pieces()
    files = TOOL.render(model, elementwise=elementwise, jacobian=False)
    states, values = points(model)
    found = TOOL.evaluate(files, model, states, values)
    first = [3 * nested(*state, *row) + state[1] for state, row in zip(states, values, strict=True)]
    assert error(found[:, 0], np.array(first)) <= 1e-12
    assert error(found[:, 1], np.maximum(states.max(axis=1), 0) + np.sign(states[:, 0])) <= 1e-12


@needs_octave
@pytest.mark.parametrize("elementwise", [False, True])
def test_piece_that_does_not_hold_may_overflow(elementwise):
    x = sympy.Symbol("x", real=True)
    plain = export_model(from_sympy({sympy.Symbol("x"): -sympy.Symbol("x")}), state=[0.0])
    side = sympy.Piecewise((sympy.exp(x), x < 1), (sympy.sqrt(x), True))
    files = TOOL.render(replace(plain, right_sides=(side,)), elementwise=elementwise, jacobian=False)
    states = np.array([[-4.0], [0.0], [4.0], [1e4]])
    found = matlab_octave.at_points(
        files, "[model(0, x, p); isreal(model(0, x, p))]", states, np.zeros((4, 0))
    )
    assert found.tolist() == [[pytest.approx(np.exp(-4), rel=1e-14), 1], [1, 1], [2, 1], [100, 1]]


@needs_octave
def test_many_states_at_once():
    for model in (exported("hopf"), exported("pieces"), with_nested_pieces()):
        files = TOOL.render(model, elementwise=True, jacobian=False)
        states, values = points(model, 7)
        one = TOOL.evaluate(files, model, states, np.repeat(values[:1], 7, axis=0))
        flat = ", ".join(matlab_code.signed(v) for v in states.ravel())
        together = f"model(0, reshape([{flat}], {len(model.states)}, 7), p)"
        (found,) = matlab_octave.at_points(files, together, states[:1], values[:1])
        assert np.array_equal(found.reshape(7, -1), one)


# -- names and numbers ----------------------------------------------------------------------------------------


def test_names_are_legal_unique_and_in_order():
    model = exported("reserved")
    writer = matlab_code.MatlabWriter(model)
    both = (*writer.state_names, *writer.parameter_names)
    assert len(set(both)) == len(both)
    assert not {name.lower() for name in both} & {word.lower() for word in matlab_code.RESERVED}
    assert all(name.isidentifier() and name.isascii() and len(name) <= 63 for name in both)
    kept = {"gain": 16, "Gain": 17, "GAIN": 18, "begin": 12, "module": 13}
    assert all(both[place] == name for name, place in kept.items())
    assert writer.helper == "v_"
    assert writer.side == "f_"


def test_declared_order_is_kept():
    z, a, q, b = sympy.symbols("z a q b")
    field = from_sympy({z: -z * q, a: -a * b}, parameters={q: 1.0, b: 2.0})
    text = TOOL.render(export_model(field, state=[0, 0]))["model_start.m"]
    assert "state_names = {'z', 'a'};" in text
    assert "parameter_names = {'q', 'b'};" in text
    assert "p0 = [1.0; 2.0];" in text


@pytest.mark.parametrize(
    ("expression", "scalar", "elementwise"),
    [
        ("-x", "-x", "-x"),
        ("x/3", "0.3333333333333333*x", "0.3333333333333333.*x"),
        ("2*x**2/(1 + x)", "2.0*x^2/(1.0 + x)", "2.0.*x.^2./(1.0 + x)"),
        ("x**(-2)", "1.0/x^2", "1.0./x.^2"),
        ("sqrt(1 + x**2)**3", "(1.0 + x^2)^1.5", "(1.0 + x.^2).^1.5"),
        ("1e-20*x", "1e-20*x", "1e-20.*x"),
        (
            "Piecewise((x, And(x > 0, x < 1)), (0, True))",
            "select((x > 0.0) && (x < 1.0), x, (0.0))",
            "select((x > 0.0) & (x < 1.0), x, (0.0))",
        ),
    ],
)
def test_expressions_as_code(expression, scalar, elementwise):
    x = sympy.Symbol("x", real=True)
    e = sympy.sympify(expression, locals={"x": x})
    assert CodePrinter(matlab_code.SCALAR, {x: "x"}).text(e) == scalar
    assert CodePrinter(matlab_code.ELEMENTWISE, {x: "x"}).text(e) == elementwise


def test_refusals(tmp_path):
    model = exported("cusp")
    for name in ("a b", "end", "2x", "x" * 60, ""):
        with pytest.raises(ExporterError, match="'name' takes up to 50 letters"):
            TOOL.render(model, name=name)
    with pytest.raises(ExporterError, match="no option 'jacobians'"):
        export(model, TOOL, tmp_path, jacobians=False)
    x = sympy.Symbol("x")
    with pytest.raises(ExporterError, match=r"'fresnels'.*no counterpart in MATLAB"):
        CodePrinter(matlab_code.SCALAR, {x: "x"}).text(sympy.fresnels(x))


@needs_octave
def test_failing_function_says_why():
    with pytest.raises(ExporterError, match="undefined"):
        matlab_octave.at_points({}, "no_such_function(x)", np.zeros((1, 1)), np.zeros((1, 1)))


def test_without_octave(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    model = exported("cusp")
    assert TOOL.evaluate(TOOL.render(model), model, np.zeros((1, 1)), np.zeros((1, 2))) is None
