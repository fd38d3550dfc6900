"""MatCont and MatContM files: every handle evaluated in Octave, the script run against stand-ins for MatCont."""

import itertools
import math
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import sympy
from exported_models import FOLD, SOURCES, error, exported, large, nested, points, truths, with_nested_pieces
from ssmsym_plugins import matcont_derivatives, matlab_code, matlab_octave
from ssmsym_plugins.matcont import Matcont

from ssmsym import from_sympy
from ssmsym.exporters.contract import ExporterError
from ssmsym.exporters.derivatives import derivative
from ssmsym.exporters.model import export_model
from ssmsym.exporters.testing import check_exporter
from ssmsym.exporters.writing import export

CI = bool(os.environ.get("CI"))  # there a missing tool is an error, not a reason to skip
needs_octave = pytest.mark.skipif(not CI and shutil.which("octave-cli") is None, reason="Octave is missing")
TOOL = Matcont()
SMALL = [name for name in SOURCES if name not in ("network", "reserved")]


@needs_octave
def test_contract():
    errors = check_exporter(TOOL)
    assert all(error is not None and error <= 1e-12 for error in errors.values())


@needs_octave
@pytest.mark.parametrize("name", SOURCES)
def test_right_sides_and_jacobians_equal_the_model(name):
    model = exported(name)
    files = TOOL.render(model)
    states, values = points(model, 20 if name == "network" else 100)
    assert error(TOOL.evaluate(files, model, states, values), truths(model, states, values)) <= 1e-12
    expected = truths(model, states[:20], values[:20], lambda field, state: field.jacobian(state))
    assert error(TOOL.handle(3, files, states[:20], values[:20]), expected) <= 1e-12


def by_sympy(model, states, values, tensor):
    """Entries of a tensor of derivatives, first index fastest, by SymPy's own derivatives."""
    entries = np.array(tensor, dtype=object).ravel(order="F")
    compiled = sympy.lambdify([*model.states, *model.parameters], list(entries), "numpy", cse=True)
    return np.array([np.array(compiled(*s, *v), dtype=float) for s, v in zip(states, values, strict=True)])


def tensor(model, *variables):
    """Nested lists [i][j]... of derivatives of equation i by each of the variables."""

    def nest(e, rest):
        return [nest(sympy.diff(e, s), rest[1:]) for s in rest[0]] if rest else e

    return [nest(side, variables) for side in model.right_sides]


@needs_octave
@pytest.mark.parametrize("name", SMALL)
def test_every_derivative(name):
    model = exported(name)
    highest = 3 if name == "parametric" else 4
    files = TOOL.render(model, derivatives=highest)
    states, values = points(model, 10)
    x, p = model.states, model.parameters
    for number, variables in ((4, (p,)), (5, (x, x)), (6, (x, p)), (7, (x,) * 3), (8, (x,) * 4))[
        : highest + 1
    ]:
        expected = by_sympy(model, states, values, tensor(model, *variables))
        found = TOOL.handle(number, files, states, values)
        assert found.shape == expected.shape
        assert error(found, expected) <= 1e-11


@needs_octave
def test_readouts_are_user_functions():
    model = exported("parametric")
    files = TOOL.render(model)
    states, values = points(model, 10)
    found = np.column_stack([TOOL.handle(number, files, states, values) for number in (10, 11)])
    assert error(found, truths(model, states, values, lambda field, state: field.readout(state))) <= 1e-12
    assert "contset(opt, 'Userfunctions', 1)" in files["run_model.m"]
    assert "Userfunctions', 1" not in TOOL.render(exported("cusp"))["run_model.m"]


def test_unwritten_handles_are_empty():
    for order, empty in ((0, range(3, 10)), (1, range(5, 10)), (3, (8, 9)), (5, ())):
        text = TOOL.render(exported("hopf"), derivatives=order)["model.m"]
        assert [k for k in range(1, 10) if f"out{{{k}}} = [];" in text] == list(empty)


@needs_octave
def test_init():
    model = exported("parametric")
    files = TOOL.render(model, name="cusp_1")
    ask = "[nthargout(1, getfield(cusp_1(), {1}){1})(:); nthargout(2, getfield(cusp_1(), {1}){1})(:)]"
    (found,) = matlab_octave.at_points(files, ask, np.zeros((1, 1)), np.zeros((1, 2)))
    assert found.tolist() == [0.0, 10.0, *model.initial_state.tolist()]


# -- A12 and A13: what the handles say about bifurcations -----------------------------------------------------

NEWTON = """
1;
function main()
h = model();
for guess = [0.4, -0.4; -0.3, 0.3]
  x = guess(1); mu = guess(2);
  for k = 1:20
    f = [h{2}(0, x, mu, 1); h{3}(0, x, mu, 1)];
    A = [h{3}(0, x, mu, 1), h{4}(0, x, mu, 1)(1); h{5}(0, x, mu, 1), h{6}(0, x, mu, 1)(1, 1, 1)];
    d = A \\ f; x -= d(1); mu -= d(2);
  end
  printf('%.17g %.17g %.17g\\n', x, mu, h{5}(0, x, mu, 1));
end
printf('%.17g ', h{2}(0, 0, 0, 0), h{3}(0, 0, 0, 0), h{5}(0, 0, 0, 0), h{7}(0, 0, 0, 0));
end
main()
"""


@needs_octave
def test_folds_and_cusp_from_the_handles(tmp_path):
    export(exported("cusp"), TOOL, tmp_path)
    (tmp_path / "newton.m").write_text(NEWTON)
    lines = matlab_octave.run(tmp_path, "newton.m").splitlines()
    folds = np.array([[float(word) for word in line.split()] for line in lines[:2]])
    assert sorted(folds[:, 1]) == pytest.approx([-FOLD, FOLD], abs=1e-12)
    assert np.abs(folds[:, 0]) == pytest.approx([3**-0.5] * 2, abs=1e-12)
    assert [float(word) for word in lines[2].split()] == [0, 0, 0, -6]


HOPF = """
1;
function main()
h = model();
p = {0, 1, 1, 0.5};
e = eig(h{3}(0, [0; 0], p{:}));
q = [1; -1i]/sqrt(2);
C = h{7}(0, [0; 0], p{:});
c = zeros(2, 1);
for j = 1:2, for k = 1:2, for l = 1:2
  c += C(:, j, k, l)*q(j)*q(k)*conj(q(l));
end, end, end
c1 = q'*c/2;
x = @(t) sqrt(0.5)*[cos(1.25*t); sin(1.25*t)];
worst = 0;
for t = 0:0.3:5
  worst = max(worst, norm(h{2}(0, x(t), -0.25, 1, 1, 0.5) - 1.25*[0, -1; 1, 0]*x(t)));
end
opt = odeset('RelTol', 1e-10, 'AbsTol', 1e-12);
[t, s] = ode45(@(t, s) h{2}(t, s, -0.25, 1, 1, 0.5), [0, 2*pi/1.25], x(0), opt);
m = num2cell(real(eig(h{3}(0, x(0), -0.25, 1, 1, 0.5) - 1.25*[0, -1; 1, 0])));
printf('%.17g ', real(e), abs(imag(e)), real(c1), imag(c1), worst, norm(s(end, :)' - x(0)), m{:});
end
main()
"""


@needs_octave
def test_hopf_point_and_fold_of_cycles_from_the_handles(tmp_path):
    export(exported("hopf"), TOOL, tmp_path, state=[0.0, 0.0])
    (tmp_path / "hopf.m").write_text(HOPF)
    found = [float(word) for word in matlab_octave.run(tmp_path, "hopf.m").split()]
    real, imaginary, c1, cycle, closed, exponents = (
        found[:2],
        found[2:4],
        found[4:6],
        found[6],
        found[7],
        found[8:],
    )
    assert real == pytest.approx([0, 0], abs=1e-12)
    assert imaginary == pytest.approx([1, 1], abs=1e-12)
    assert c1 == pytest.approx([2, 1], abs=1e-12)  # of z with |q| = 1: twice the coefficient of x + i y
    assert cycle <= 1e-12  # the circle r^2 = 1/2 is an orbit of period 2 pi/1.25
    assert closed <= 1e-6
    assert exponents == pytest.approx([0, 0], abs=1e-7)  # a double one: there the two cycles meet


# -- the run script -------------------------------------------------------------------------------------------

STAND_INS = """
1;
function opt = contset(varargin)
if nargin == 0, opt = struct(); return; end
opt = varargin{1};
opt.(varargin{2}) = varargin{3};
end
function say(name, system, x, p, ap)
h = system();
P = num2cell(p);
assert(size(x, 2) == 1 && size(p, 2) == 1 && numel(h{2}(0, x, P{:})) == numel(x));
printf('%s %s %s\\n', name, func2str(system), mat2str(ap));
end
function [x0, v0] = init_EP_EP(system, x, p, ap)
say('init_EP_EP', system, x, p, ap);
h = system();
P = num2cell(p);
assert(norm(h{2}(0, x, P{:})) < 1e-8);
x0 = [x; p(ap)]; v0 = [];
end
function [x0, v0] = init_FPm_FPm(system, x, p, ap, n)
say(sprintf('init_FPm_FPm(%d)', n), system, x, p, ap);
h = system();
P = num2cell(p);
assert(norm(h{2}(0, x, P{:}) - x) < 1e-8);
x0 = [x; p(ap)]; v0 = [];
end
function [x0, v0] = init_LP_LP(system, x, p, ap), say('init_LP_LP', system, x, p, ap); x0 = [x; p(ap)]; v0 = []; end
function [x0, v0] = init_H_H(system, x, p, ap), say('init_H_H', system, x, p, ap); x0 = [x; p(ap)]; v0 = []; end
function [x0, v0] = init_H_LC(system, x, p, ap, size_, ntst, ncol)
say(sprintf('init_H_LC(%g,%d,%d)', size_, ntst, ncol), system, x, p, ap); x0 = [x; p(ap)]; v0 = [];
end
function [x0, v0] = init_LPm_LPm(system, x, p, ap, n)
say(sprintf('init_LPm_LPm(%d)', n), system, x, p, ap); x0 = [x; p(ap)]; v0 = [];
end
function [x0, v0] = init_PDm_PDm(system, x, p, ap, n)
say(sprintf('init_PDm_PDm(%d)', n), system, x, p, ap); x0 = [x; p(ap)]; v0 = [];
end
function [x0, v0] = init_NSm_NSm(system, x, p, ap, n)
say(sprintf('init_NSm_NSm(%d)', n), system, x, p, ap); x0 = [x; p(ap)]; v0 = [];
end
function [x, v, s, h, f] = cont(curve, x0, v0, opt)
users = 0;
if isfield(opt, 'Userfunctions'), users = opt.Userfunctions; end
name = func2str(curve);
printf('cont %s backward %d users %d step %g points %d\\n', name, opt.Backward, users, opt.MaxStepsize, ...
  opt.MaxNumPoints);
x = repmat(x0, 1, 9); v = x; h = []; f = [];
x(end, 8) = 1e3;
labels = {'00', 'LP', 'H ', 'H ', 'PD', 'NS', 'NS', 'LP', '99'};
s = struct('index', {}, 'label', {}, 'data', {});
for k = 1:9
  s(k, 1) = struct('index', k, 'label', labels{k}, 'data', struct());
end
s(3).data.lyapunov = -0.5;
s(4).data.lyapunov = 'Neutral saddle';
s(6).data.c = -0.25;
s(7).data.mprocess_NS = 'Neutral saddle';
end
results = run_model();
for name = fieldnames(results)', printf('%s %d\\n', name{1}, numel(results.(name{1}))); end
"""


def script_output(tmp_path, model, **options):
    export(model, TOOL, tmp_path, **options)
    (tmp_path / "stand_ins.m").write_text(STAND_INS)
    curves = "equilibrium limitpoint hopf limitcycle fixedpointmap limitpointmap perioddoublingmap neimarksackermap"
    for curve in curves.split():
        (tmp_path / f"{curve}.m").write_text(f"function out = {curve}()\nout = {{}};\nend\n")
    return matlab_octave.run(tmp_path, "stand_ins.m").splitlines()


@needs_octave
def test_script_for_flows(tmp_path):
    said = script_output(
        tmp_path,
        exported("hopf"),
        parameter="mu",
        interval=(-1, 1),
        second_parameter="b",
        step=0.25,
        points=77,
    )
    fold = [
        line
        for back in (0, 1)
        for line in (
            "init_LP_LP model [1 4]",
            f"cont limitpoint backward {back} users 0 step 0.25 points 77",
        )
    ]
    hopf = [
        line
        for back in (0, 1)
        for line in ("init_H_H model [1 4]", f"cont hopf backward {back} users 0 step 0.25 points 77")
    ]
    cycle = ["init_H_LC(0.001,20,4) model 1", "cont limitcycle backward 0 users 0 step 0.25 points 77"]
    half = [
        [
            "init_EP_EP model 1",
            f"cont equilibrium backward {back} users 0 step 0.25 points 77",
            *fold,
            *hopf,
            *cycle,
        ]
        for back in (0, 1)
    ]
    assert said == [*half[0], *half[1], "equilibria 2", "folds 4", "hopfs 4", "cycles 2"]


@needs_octave
def test_script_for_maps(tmp_path):
    model = export_model(SOURCES["henon"]())
    said = script_output(tmp_path, model, parameter="b", step=0.05)
    assert said[:2] == [
        "init_FPm_FPm(1) model 2",
        "cont fixedpointmap backward 0 users 1 step 0.05 points 300",
    ]
    assert said.count("init_LPm_LPm(1) model [2 1]") == 4  # the point at 1000 is outside the interval
    assert said.count("init_PDm_PDm(1) model [2 1]") == 4
    assert said.count("init_NSm_NSm(1) model [2 1]") == 4
    assert said[-4:] == ["fixed_points 2", "folds 4", "flips 4", "neimark_sackers 4"]
    assert "MatContM" in TOOL.render(model)["run_model.m"]


@needs_octave
def test_script_for_a_map_of_one_state(tmp_path):
    x, a, b = sympy.symbols("x a b")
    field = from_sympy({x: a * x * (1 - x) + b}, parameters={a: 2.5, b: 0.0}, time="discrete")
    script_output(tmp_path, export_model(field, state=[0.6]))
    assert "contset(opt, 'IgnoreSingularity', 1)" in (tmp_path / "run_model.m").read_text()


@needs_octave
def test_script_with_one_parameter_and_awkward_names(tmp_path):
    x, entry = sympy.Symbol("if"), sympy.Symbol("u[0]")
    said = script_output(tmp_path, from_sympy({x: entry - x**3}, parameters={entry: 0.125}))
    assert said[-4:] == ["equilibria 2", "folds 0", "hopfs 0", "cycles 2"]


def test_script_knows_where_the_model_is_trusted():
    model = exported("parametric")
    text = TOOL.render(model)["run_model.m"]
    assert f"radius = {model.trust_radius!r};" in text
    assert "radius = Inf;" in TOOL.render(exported("cusp"))["run_model.m"]


@needs_octave
def test_points_beyond_a_whole_curve_are_not_followed(tmp_path):
    model = export_model(exported("cusp"), state=[1.0])
    assert "folds 4" in script_output(tmp_path / "inside", replace(model, trust_range=(-2.0, 1.0)))
    assert "folds 0" in script_output(tmp_path / "outside", replace(model, trust_range=(-2.0, 0.9)))
    assert "folds 0" in script_output(tmp_path / "far", replace(model, trust_radius=0.9))


# -- sizes ----------------------------------------------------------------------------------------------------


@needs_octave
@pytest.mark.slow
def test_large_model():
    model = export_model(large(), state=np.zeros(4))
    files = TOOL.render(model)
    assert max(len(line) for text in files.values() for line in text.splitlines()) <= 120
    assert "out{5} = [];" in files["model.m"]  # derivatives of that size are written on demand
    states, values = points(model, 20)
    assert error(TOOL.evaluate(files, model, states, values), truths(model, states, values)) <= 1e-12
    found = TOOL.handle(3, files, states[:5], values[:5])
    expected = truths(model, states[:5], values[:5], lambda field, state: field.jacobian(state))
    assert error(found, expected) <= 1e-12


def test_orders_that_stay_short():
    assert matcont_derivatives.usual_order(exported("cusp")) == 5
    assert matcont_derivatives.usual_order(exported("hopf")) == 5
    assert matcont_derivatives.usual_order(exported("network")) == 1


@needs_octave
def test_nested_pieces():
    model = with_nested_pieces()
    files = TOOL.render(model, derivatives=2)
    states, values = points(model)
    found = TOOL.evaluate(files, model, states, values)
    first = [3 * nested(*state, *row) + state[1] for state, row in zip(states, values, strict=True)]
    assert error(found[:, 0], np.array(first)) <= 1e-12
    slopes = TOOL.handle(3, files, states, values)[:, 0]
    ahead, behind = (
        np.array([3 * nested(x + h, y, k) for (x, y), (k,) in zip(states, values, strict=True)])
        for h in (1e-6, -1e-6)
    )
    assert slopes == pytest.approx((ahead - behind) / 2e-6, rel=1e-6, abs=1e-6)


def test_derivatives_of_expressions():
    x, y = sympy.symbols("x y", real=True)
    for e in (
        x**3 * y + 2.5 * x - 4,
        (x + y**2) ** 4 * sympy.tanh(3 * x - y) / (1 + x**2),
        sympy.exp(-(x**2)) * sympy.sin(x * y) ** 2 + sympy.sqrt(1 + x**2),
        sympy.Abs(x) * sympy.Max(x, y) + sympy.erf(x / 2) ** 3 + x**y,
        sympy.Piecewise((x**2 * y, x > y), (sympy.cosh(x) - 1, True)) * x,
    ):
        for symbol, point in itertools.product((x, y), ({x: 0.7, y: 0.3}, {x: -0.4, y: 1.1})):
            if e.has(sympy.Pow(x, y)) and point[x] < 0:
                continue
            expected = float(sympy.diff(e, symbol).subs(point))
            assert float(derivative(e, symbol).subs(point)) == pytest.approx(expected, rel=1e-13)
    assert derivative(x**2 + y, sympy.Symbol("z", real=True)) == 0


# -- refusals -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "a b"}, "'name' takes"),
        ({"name": "jacobian"}, "'name' takes"),
        ({"name": "function"}, "'name' takes"),
        ({"derivatives": 6}, "between 0 and 5; found 6"),
        ({"points": 1}, "'points' is at least 2"),
        ({"parameter": "nu"}, "no parameter 'nu'.*'mu', 'lambda'"),
        ({"second_parameter": "mu"}, "another than 'parameter'"),
        ({"interval": (1, 0)}, "lower to a higher"),
        ({"interval": (1, 2)}, "outside the interval"),
        ({"step": math.nan}, "'step' is a positive"),
        ({"stepp": 1}, "no option 'stepp'.*Did you mean 'step'"),
    ],
)
def test_options_that_do_not_fit(tmp_path, options, message):
    with pytest.raises(ExporterError, match=message):
        export(exported("cusp"), TOOL, tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_model_without_a_parameter_has_no_script():
    x = sympy.Symbol("x")
    model = export_model(from_sympy({x: -x}), state=[0.0])
    with pytest.raises(ExporterError, match="no parameter to vary"):
        TOOL.render(model)
    assert list(TOOL.render(model, script=False)) == ["model.m"]


def test_names_are_arguments_in_declared_order():
    model = exported("reserved")
    text = TOOL.render(model)["model.m"].replace(" ...\n    ", " ")
    names = matlab_code.MatlabWriter(model).parameter_names
    assert f"function value = fun_eval(time, state, {', '.join(names)})" in text
    assert names[6:] == ("V1", "for_2", "gain_2", "select_2", "local", "true_2")
