"""COCO encodings: functions evaluated in Octave, the script run against stand-ins for COCO."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import sympy
from exported_models import (
    FOLD,
    SOURCES,
    error,
    exported,
    large,
    nested,
    points,
    truths,
    with_nested_pieces,
)
from ssmsym_plugins import matlab_code, matlab_octave
from ssmsym_plugins.coco import Coco

from ssmsym import from_sympy
from ssmsym.exporters.contract import ExporterError
from ssmsym.exporters.model import export_model
from ssmsym.exporters.testing import check_exporter
from ssmsym.exporters.writing import export

CI = bool(os.environ.get("CI"))  # there a missing tool is an error, not a reason to skip
needs_octave = pytest.mark.skipif(not CI and shutil.which("octave-cli") is None, reason="Octave is missing")
TOOL = Coco()
FLOWS = [name for name in SOURCES if name != "henon"]


@needs_octave
def test_contract():
    errors = check_exporter(TOOL)
    assert all(error is not None and error <= 1e-12 for error in errors.values())


def many(model, function, states, values):
    """A rendered function called once with all states and parameters as columns."""
    rows = [matlab_code.row(row) for row in (*states.T, *values.T)]
    n = len(model.states)
    both = f"[{'; '.join(rows[:n])}], [{'; '.join(rows[n:])}]"
    (found,) = matlab_octave.at_points(
        TOOL.render(model), f"{function}({both})", np.zeros((1, 1)), np.zeros((1, 1))
    )
    return found.reshape(len(states), -1)


@needs_octave
@pytest.mark.parametrize("name", FLOWS)
def test_functions_of_many_states_equal_the_model(name):
    model = exported(name)
    states, values = points(model, 5 if name == "network" else 100)
    assert error(many(model, "model", states, values), truths(model, states, values)) <= 1e-12
    expected = truths(model, states, values, lambda field, state: field.jacobian(state))
    assert error(many(model, "model_dx", states, values), expected) <= 1e-12


@needs_octave
@pytest.mark.parametrize("name", [name for name in FLOWS if name not in ("network", "pieces")])
def test_derivatives_by_parameters(name):
    model = exported(name)
    states, values = points(model, 10)
    columns = [[sympy.diff(side, p) for side in model.right_sides] for p in model.parameters]
    entries = [e for column in columns for e in column]
    compiled = sympy.lambdify([*model.states, *model.parameters], entries, "numpy")
    expected = np.array([compiled(*s, *v) for s, v in zip(states, values, strict=True)], dtype=float)
    assert error(many(model, "model_dp", states, values), expected) <= 1e-12


@needs_octave
def test_readout_is_a_monitor_function():
    model = exported("parametric")
    files = TOOL.render(model)
    states, values = points(model, 10)
    found = matlab_octave.at_points(files, "nthargout(2, @model_readout, [], [], [x; p])", states, values)
    assert error(found, truths(model, states, values, lambda field, state: field.readout(state))) <= 1e-12


@needs_octave
def test_folds_of_the_cusp_are_singular():
    model = exported("cusp")
    states = np.array([[3**-0.5], [-(3**-0.5)]])
    values = np.array([[-FOLD, 1.0], [FOLD, 1.0]])
    assert np.abs(many(model, "model", states, values)).max() <= 1e-15
    assert np.abs(many(model, "model_dx", states, values)).max() <= 1e-15
    assert many(model, "model_dp", states, values) == pytest.approx(np.array([[1, 3**-0.5], [1, -(3**-0.5)]]))


@needs_octave
def test_nested_pieces():
    model = with_nested_pieces()
    states, values = points(model)
    found = many(model, "model", states, values)
    first = [3 * nested(*state, *row) + state[1] for state, row in zip(states, values, strict=True)]
    assert error(found[:, 0], np.array(first)) <= 1e-12


@needs_octave
@pytest.mark.slow
def test_large_model():
    model = export_model(large(), state=np.zeros(4))
    files = TOOL.render(model)
    assert max(len(line) for text in files.values() for line in text.splitlines()) <= 120
    states, values = points(model, 20)
    assert error(many(model, "model", states, values), truths(model, states, values)) <= 1e-12
    expected = truths(model, states, values, lambda field, state: field.jacobian(state))
    assert error(many(model, "model_dx", states, values), expected) <= 1e-12


# -- the run script -------------------------------------------------------------------------------------------

STAND_INS = """
1;
function prob = coco_prob(), prob = struct('calls', {{}}); end
function prob = coco_set(prob, toolbox, varargin)
for k = 1:2:numel(varargin), printf('set %s %s %g\\n', toolbox, varargin{k}, varargin{k+1}); end
end
function prob = ode_isol2ep(prob, oid, f, fx, fp, x0, names, p0)
n = numel(x0); q = numel(p0); X = repmat(x0, 1, 3); P = repmat(p0, 1, 3);
assert(size(x0, 2) == 1 && size(p0, 2) == 1 && numel(names) == q);
assert(isequal(size(f(X, P)), [n, 3]) && norm(f(x0, p0)) < 1e-8);
assert(isequal(size(fx(X, P)), size(zeros(n, n, 3))) && isequal(size(fp(X, P)), size(zeros(n, q, 3))));
printf('isol2ep %s\\n', strjoin(names, ' '));
end
function [data, uidx] = coco_get_func_data(prob, id, varargin)
data.ep_eqn = struct('x_idx', (1:1)', 'p_idx', (2:3)');
uidx = (11:13)';
end
function prob = coco_add_func(prob, id, f, data, kind, names, key, uidx)
[data, value] = f(prob, data, 0.1*ones(numel(uidx), 1));
if ~iscell(names), names = {names}; end
assert(numel(value) == numel(names));
printf('func %s %s %s %s\\n', id, kind, strjoin(names, ' '), mat2str(uidx'));
end
function prob = coco_add_event(prob, name, kind, parameter, value)
printf('event %s %s %s', name, kind, parameter);
printf(' %g', value);
printf('\\n');
end
function bd = coco(prob, run, problem, dimension, names, intervals)
if ~iscell(names), names = {names}; end
if ~iscell(intervals), intervals = {intervals}; end
printf('coco %s %d %s', run, dimension, strjoin(names, ' '));
printf(' %s', cellfun(@mat2str, intervals, 'UniformOutput', false){:});
printf('\\n');
bd = run;
end
function labels = coco_bd_labs(bd, label), labels = [3, 5]; printf('labels %s %s\\n', bd, label); end
function prob = ode_ep2SN(prob, oid, run, label), printf('ep2SN %s %d\\n', run, label); end
function prob = ode_ep2HB(prob, oid, run, label), printf('ep2HB %s %d\\n', run, label); end
function prob = ode_HB2po(prob, oid, run, label), printf('HB2po %s %d\\n', run, label); end
run_model();
"""


def script_output(tmp_path, model, **options):
    export(model, TOOL, tmp_path, **options)
    (tmp_path / "stand_ins.m").write_text(STAND_INS)
    said = matlab_octave.run(tmp_path, "stand_ins.m").splitlines()
    return [line for line in said if not line.startswith("set")], [
        line for line in said if line.startswith("set")
    ]


@needs_octave
def test_script(tmp_path):
    said, settings = script_output(
        tmp_path, exported("hopf"), interval=(-1, 1), second_parameter="b", step=0.25, points=77
    )
    assert said == [
        "isol2ep mu a omega b",
        "coco model_ep 1 mu [-1 1]",
        "labels model_ep SN",
        *(
            line
            for k, label in ((1, 3), (2, 5))
            for line in (f"ep2SN model_ep {label}", f"coco model_sn{k} 1 mu b [-1 1] [-0.5 1.5]")
        ),
        "labels model_ep HB",
        *(
            line
            for k, label in ((1, 3), (2, 5))
            for line in (f"ep2HB model_ep {label}", f"coco model_hb{k} 1 mu b [-1 1] [-0.5 1.5]")
        ),
        "labels model_ep HB",
        *(
            line
            for k, label in ((1, 3), (2, 5))
            for line in (f"HB2po model_ep {label}", f"coco model_po{k} 1 mu po.period [-1 1]")
        ),
    ]
    assert settings[:4] == [
        "set ode vectorized 1",
        "set cont h0 0.05",
        "set cont h_max 0.25",
        "set cont PtMX 77",
    ]
    assert len(settings) == 7 * 4


@needs_octave
def test_script_has_the_readout_and_ends_at_the_trust_radius(tmp_path):
    model = exported("parametric")
    said, _ = script_output(tmp_path, model)
    assert said[1] == "func readout regular z1 z2 [11 12 13]"
    assert said[2] == "func size regular norm_x first_x 11"
    assert said[3] == f"event TR BP norm_x {model.trust_radius:g}"


@needs_octave
def test_script_ends_where_a_whole_curve_does(tmp_path):
    x, m = sympy.symbols("x norm_x")
    model = export_model(from_sympy({x: m - x**3}, parameters={m: 0.125}))
    said, settings = script_output(tmp_path, replace(model, trust_range=(-0.5, 1.5)))
    assert said[1] == "func size regular norm_x_2 first_x 11"
    assert said[2] == "event TR BP first_x -0.5 1.5"
    assert settings[2] == "set cont h_max 0.05"


@needs_octave
def test_script_with_one_parameter_and_awkward_names(tmp_path):
    x, entry = sympy.Symbol("if"), sympy.Symbol("u[0]")
    said, _ = script_output(tmp_path, from_sympy({x: entry - x**3}, parameters={entry: 0.125}))
    assert said[:3] == ["isol2ep u_0", "coco model_ep 1 u_0 [-0.875 1.125]", "labels model_ep HB"]


# -- refusals -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "a b"}, "'name' takes"),
        ({"name": "end"}, "'name' takes"),
        ({"points": 1}, "'points' is at least 2"),
        ({"parameter": "nu"}, "no parameter 'nu'.*'mu', 'lambda'"),
        ({"second_parameter": "mu"}, "another than 'parameter'"),
        ({"interval": (1, 0)}, "lower to a higher"),
        ({"second_interval": (2, 3)}, "lambda = 1, outside"),
        ({"step": 0.0}, "'step' is a positive"),
        ({"stepp": 1}, "no option 'stepp'.*Did you mean 'step'"),
    ],
)
def test_options_that_do_not_fit(tmp_path, options, message):
    with pytest.raises(ExporterError, match=message):
        export(exported("cusp"), TOOL, tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_models_that_cannot_be_expressed():
    x = sympy.Symbol("x")
    with pytest.raises(ExporterError, match="is a map"):
        TOOL.render(exported("henon"))
    model = export_model(from_sympy({x: -x}), state=[0.0])
    with pytest.raises(ExporterError, match="no parameter to vary"):
        TOOL.render(model)
    assert "run_model.m" not in TOOL.render(model, script=False)
