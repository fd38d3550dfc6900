"""AUTO-07p: exported files compared with the field, and run for real where AUTO is installed."""

import itertools
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy
from ssmsym_plugins import auto07p_compiled, auto07p_output, auto07p_source
from ssmsym_plugins.auto07p import Auto07p

from ssmsym import (
    compute_ssm,
    from_sympy,
    load,
    network_path,
    polynomial_field,
    rate_network,
    reduce,
    refine_fixed_point,
)
from ssmsym.errors import InputError, OutputError
from ssmsym.exporters.code import CodePrinter
from ssmsym.exporters.contract import ExporterError
from ssmsym.exporters.model import export_model
from ssmsym.exporters.running import continue_in
from ssmsym.exporters.testing import check_exporter, sample_models
from ssmsym.exporters.writing import export
from ssmsym.series.elementary import ACTIVATIONS
from ssmsym.series.polynomial import Polynomial

AUTO = Path(os.environ.get("AUTO_DIR") or "/usr/lib/auto-07p") / "lib" / "main.o"
CI = bool(os.environ.get("CI"))  # there a missing tool is an error, not a reason to skip
needs_auto = pytest.mark.skipif(
    not CI and not (AUTO.is_file() and shutil.which("gfortran")), reason="AUTO-07p or gfortran is missing"
)
needs_compilers = pytest.mark.skipif(
    not CI and not (shutil.which("gfortran") and shutil.which("gcc") and AUTO.is_file()),
    reason="gfortran, gcc or AUTO-07p's header is missing",
)
languages = pytest.mark.parametrize("language", ["fortran", "c"])
TOOL = Auto07p()

FOLD, HOPF = 1e-8, 1e-7


def cusp():
    p, mu, slope = sympy.symbols("p mu lambda")
    return from_sympy({p: mu + slope * p - p**3}, parameters={mu: 0.0, slope: 1.0})


def hopf():
    x, y, mu, a, om, b = sympy.symbols("x y mu a omega b")
    g, w = mu + a * (x**2 + y**2) - (x**2 + y**2) ** 2, om + b * (x**2 + y**2)
    return from_sympy({x: g * x - w * y, y: w * x + g * y}, parameters={mu: -0.5, a: 1, om: 1, b: 0.5})


def unit():
    y, current, w = sympy.symbols("y I w")
    return from_sympy({y: -y + w / (1 + sympy.exp(-(y + current)))}, parameters={current: -3.0, w: 6})


def reactor(b_value):
    u1, u2, a, b = sympy.symbols("u1 u2 a b")
    rate = a * (1 - u1) * sympy.exp(u2)
    return from_sympy({u1: -u1 + rate, u2: -u2 + b * rate - 3 * u2}, parameters={a: 0.0, b: b_value})


def parameters_of(diagram, kind):
    return [point.parameter for point in diagram.of_kind(kind)]


# -- run in AUTO ----------------------------------------------------------------------------------------------


@needs_auto
@languages
def test_folds_of_the_cusp(language):
    diagram = continue_in(TOOL, cusp(), parameter="mu", interval=(-2, 2), language=language)
    assert parameters_of(diagram, "fold") == pytest.approx(
        [-0.3849001794597505, 0.3849001794597505], abs=FOLD
    )
    assert len(diagram.special_points) == 2
    (branch,) = diagram.branches  # seven starts lie on one curve
    assert set(branch.ends) == {"left the interval"}
    assert sorted(branch.parameter[[0, -1]]) == pytest.approx([-2, 2], abs=1e-6)
    inside = np.abs(3 * branch.states[:, 0] ** 2 - 1) > 1e-3
    assert np.array_equal(branch.stable[inside], 3 * branch.states[inside, 0] ** 2 > 1)
    assert np.array_equal(branch.unstable[inside], (~branch.stable[inside]).astype(int))
    assert diagram.source.startswith("auto07p")
    assert all(point.residual < 1e-9 and point.critical_distance < 1e-6 for point in diagram.special_points)


@needs_auto
@languages
def test_hopf_point(language):
    diagram = continue_in(TOOL, hopf(), parameter="mu", interval=(-2, 0.5), language=language)
    (point,) = diagram.special_points
    assert point.kind == "hopf"
    assert point.parameter == pytest.approx(0.0, abs=HOPF)
    assert point.period == pytest.approx(2 * math.pi, rel=1e-6)
    assert sorted(point.eigenvalues.imag) == pytest.approx([-1, 1], abs=1e-5)
    assert len(diagram.branches) == 1


@needs_auto
@languages
def test_logistic_unit(language):
    diagram = continue_in(TOOL, unit(), parameter="I", interval=(-6, 0), language=language)
    w = 6.0
    folds = [
        sign * 2 * math.log((math.sqrt(w) + math.sqrt(w - 4)) / 2) - (w + sign * math.sqrt(w * (w - 4))) / 2
        for sign in (1, -1)
    ]
    assert parameters_of(diagram, "fold") == pytest.approx(folds, abs=FOLD)


@needs_auto
@languages
def test_demo_ab(language):
    diagram = continue_in(TOOL, reactor(14), parameter="a", interval=(0, 0.5), language=language)
    assert parameters_of(diagram, "hopf") == pytest.approx([0.165042, 0.3365505], abs=1e-6)
    assert len(diagram.branches) == 1
    diagram = continue_in(TOOL, reactor(18), parameter="a", interval=(0, 0.5), language=language)
    assert parameters_of(diagram, "fold") == pytest.approx([2 * math.exp(-3), math.exp(-1.5) / 2], abs=FOLD)
    assert parameters_of(diagram, "hopf") == pytest.approx([0.111153, 0.1838346], abs=1e-6)


@needs_auto
def test_from_given_states_and_branch_points():
    p, mu = sympy.symbols("p mu")
    field = from_sympy({p: mu * p - p**3}, parameters={mu: 0.5})
    only = continue_in(TOOL, field, parameter="mu", interval=(-1, 1), state=[0.0])
    assert len(only.branches) == 1
    assert parameters_of(only, "branch_point") == pytest.approx([0.0], abs=1e-6)
    both = continue_in(TOOL, field, parameter="mu", interval=(-1, 1), state=[[0.0], [0.7], [-0.7]])
    assert len(both.branches) == 2


@needs_auto
def test_closed_curve_is_traced_once():
    x, mu = sympy.symbols("x mu")
    diagram = continue_in(
        TOOL, from_sympy({x: 1 - x**2 - mu**2}, parameters={mu: 0.0}), parameter="mu", interval=(-2, 2)
    )
    (branch,) = diagram.branches
    assert branch.ends[1] == "closed"
    assert len(branch) < 400
    assert parameters_of(diagram, "fold") == pytest.approx([-1, 1], abs=FOLD)


@needs_auto
def test_reduced_model_stays_inside_its_trust_radius():
    network = load(network_path("delay_n100_a"))
    saddle = refine_fixed_point(network, np.zeros(network.n_states))
    model = reduce(compute_ssm(network, saddle, modes=1, order=9, parameters=["u[0]"], parameter_order=3))
    radius = model.evidence["trust_radius"]["0.01"]
    diagram = continue_in(TOOL, model, parameter="u[0]", interval=(-0.02, 0.02))
    assert all(np.linalg.norm(branch.states, axis=1).max() <= radius for branch in diagram.branches)
    assert parameters_of(diagram, "fold") == pytest.approx([-0.003525, 0.003762], abs=2e-6)
    for point in diagram.special_points:
        field = model.field.at({"u[0]": point.parameter})
        assert abs(field.jacobian(point.state)[0, 0]) < 1e-7
    assert "A1=" + repr(radius) in TOOL.render(export_model(model))["c.model"]


def large_polynomial():
    exponents = np.array([e for e in itertools.product(range(10), repeat=4) if sum(e) <= 9])
    order = np.lexsort([*exponents.T, exponents.sum(axis=1)])
    exponents = exponents[order]
    rng = np.random.default_rng(0)
    coefficients = 0.1 * rng.normal(size=(len(exponents), 4)) * 0.3 ** exponents.sum(axis=1)[:, None]
    coefficients[exponents.sum(axis=1) <= 1] = 0.0
    for i in range(4):
        coefficients[(exponents.sum(axis=1) == 1) & (exponents[:, i] == 1), i] = -1 - 0.3 * i
    offset = np.zeros((len(exponents), 1), dtype=int)
    exponents = np.vstack([np.hstack([exponents, offset]), [0, 0, 0, 0, 1]])
    coefficients = np.vstack([coefficients, [1, 0.5, 0.2, 0.1]])
    keys = (exponents.sum(axis=1), *(-exponents.T))
    rows = sorted(range(len(exponents)), key=lambda r: tuple(int(key[r]) for key in keys))
    return polynomial_field(Polynomial(exponents[rows], coefficients[rows]), parameters={"m": 0.25})


@pytest.mark.slow
@needs_auto
@languages
def test_large_polynomial_model(language):
    field = large_polynomial()
    files = TOOL.render(export_model(field, state=np.zeros(4)), language=language)
    assert max(len(line) for text in files.values() for line in text.splitlines()) <= 120
    diagram = continue_in(
        TOOL, field, parameter="m", interval=(-0.5, 0.5), state=np.zeros(4), language=language
    )
    (branch,) = diagram.branches
    assert sorted(branch.parameter[[0, -1]]) == pytest.approx([-0.5, 0.5], abs=1e-6)
    for value, state in zip(branch.parameter[::7], branch.states[::7], strict=True):
        assert np.abs(field.at(m=value)(state)).max() < 1e-8


# -- the text, compiled by itself -----------------------------------------------------------------------------


@needs_compilers
def test_contract():
    errors = check_exporter(TOOL)
    assert all(error is not None and error <= 1e-12 for error in errors.values())


def ramps():
    x, y, k = sympy.symbols("x y k")
    first = sympy.Abs(y) * sympy.sign(x) - k * sympy.erf(k * x) + sympy.sqrt(1 + x**2) ** 3
    second = sympy.atan(y) / 3 - sympy.pi * y - y / (2 + sympy.cos(x)) + (1 + y**2) ** sympy.Rational(-3, 2)
    return from_sympy({x: first, y: second}, parameters={k: 0.3})


def network(activation):
    rng = np.random.default_rng(2)
    J, B, b = rng.normal(size=(3, 3)), rng.normal(size=(3, 1)), rng.normal(size=3)
    return rate_network(J, B=B, b=b, activation=activation)


CASES = {
    "cusp": cusp,
    "hopf": hopf,
    "unit": unit,
    "reactor": lambda: reactor(14),
    "ramps": ramps,
    **{name: lambda model=model: model for name, model in sample_models().items()},
    **{name: lambda name=name: network(name) for name in sorted(ACTIVATIONS)},
}


@needs_compilers
@languages
@pytest.mark.parametrize("case", CASES)
def test_compiled_text_equals_the_field(case, language):
    model = export_model(CASES[case](), find=False)
    field = model.field
    rng = np.random.default_rng(1)
    states = rng.uniform(-1.5, 1.5, size=(100, len(model.state_names)))
    values = np.array(model.values) + rng.uniform(-0.3, 0.3, size=(100, len(model.values)))
    files = TOOL.render(model, language=language)
    f, by_state, by_parameter = auto07p_compiled.evaluate(files, model, states, values)
    for k in range(100):
        here = field.at(dict(zip(model.parameter_names, values[k].tolist(), strict=True)))
        assert f[k] == pytest.approx(here(states[k]), rel=1e-12, abs=1e-13)
        assert by_state[k] == pytest.approx(here.jacobian(states[k]), rel=1e-12, abs=1e-13)
        for j, name in enumerate(model.parameter_names[:3]):
            step = 1e-6
            ahead, behind = (here.at({name: values[k, j] + s})(states[k]) for s in (step, -step))
            assert by_parameter[k][:, j] == pytest.approx((ahead - behind) / (2 * step), rel=1e-6, abs=1e-7)


def test_text_is_the_same_in_another_process():
    code = (
        "import sympy; from ssmsym import from_sympy; from ssmsym.exporters.model import export_model\n"
        "from ssmsym.exporters.testing import sample_models\n"
        "from ssmsym_plugins.auto07p import Auto07p\n"
        "for m in sample_models().values(): print(dict(Auto07p().render(m)))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


# -- names ----------------------------------------------------------------------------------------------------


def test_names_are_short_unique_and_documented():
    names = ["if", "a_name_of_many_letters", "a_name_of_many_others", "u", "U", "period", "PAR"]
    symbols = [sympy.Symbol(name) for name in names]
    entry = sympy.Symbol("u[0]")
    field = from_sympy({s: entry - s for s in symbols}, parameters={entry: 0.5})
    model = export_model(field, state=np.zeros(7))
    states, parameters = auto07p_source.names(model)
    both = [*states, *parameters]
    assert len({name.lower() for name in both}) == len(both)
    assert all(len(name) <= 10 and name.isidentifier() for name in both)
    files = TOOL.render(model, parameter="u[0]")
    assert "! PAR(1): u_0 = 'u[0]'" in files["model.f90"]
    assert "! U(2): a_name_of_ = 'a_name_of_many_letters'" in files["model.f90"]


@needs_auto
def test_awkward_names_run():
    model = sample_models()["awkward names"]
    diagram = continue_in(TOOL, model, parameter="u[0]", interval=(-1, 1))
    assert diagram.parameter == "u[0]"
    assert diagram.branches[0].states.shape[1] == 2


@needs_auto
@languages
def test_more_than_nine_parameters_and_more_than_par_holds(language):
    x = sympy.Symbol("x")
    many = [sympy.Symbol(f"k{i}") for i in range(40)]
    weights = [(i + 1) / 100 for i in range(40)]
    field = from_sympy(
        {x: -x + sum(w * k for w, k in zip(weights, many, strict=True))}, parameters=dict.fromkeys(many, 0.1)
    )
    assert auto07p_source.parameter_numbers(11) == (1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16)
    assert "NPAR=45" in TOOL.render(export_model(field, state=[0.0]))["c.model"]
    for index in (0, 9, 39):
        diagram = continue_in(TOOL, field, parameter=f"k{index}", interval=(-1, 1), language=language)
        (branch,) = diagram.branches
        others = sum(weights) * 0.1 - weights[index] * 0.1
        assert branch.states[:, 0] == pytest.approx(others + weights[index] * branch.parameter, abs=1e-8)


@needs_auto
def test_a_state_of_many_entries_is_read_in_full():
    n = 12
    x = sympy.MatrixSymbol("x", n, 1)
    m = sympy.Symbol("m")
    J = np.diag(-np.arange(1.0, n + 1))
    b = sympy.MatrixSymbol("b", n, 1)
    a = sympy.MatrixSymbol("A", n, n)
    field = from_sympy({x: a * x + m * b}, arrays={a: J, b: np.ones(n)}, parameters={m: 0.5})
    diagram = continue_in(TOOL, field, parameter="m", interval=(-1, 1), state=np.zeros(n))
    (branch,) = diagram.branches
    expected = branch.parameter[:, None] / np.arange(1.0, n + 1)
    assert branch.states == pytest.approx(expected, abs=1e-8)


# -- refusals -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"language": "pascal"}, "'language' is 'fortran' or 'c'"),
        ({"scenario": "orbits"}, "'scenario' is .*'cycles'.*; found 'orbits'"),
        ({"scenario": "fold_curve"}, "needs 'second_parameter'; besides 'mu' the model has 'lambda'"),
        ({"scenario": "hopf_curve", "second_parameter": "mu"}, "must differ"),
        ({"second_parameter": "lambda"}, "has one parameter"),
        ({"scenario": "fold_curve", "second_parameter": "lambda", "second_interval": (2, 3)}, "outside"),
        ({"mesh": 1}, "'mesh' lies between 5"),
        ({"name": "a b"}, "'name' takes letters"),
        ({"parameter": "nu"}, "no parameter 'nu'.*'mu', 'lambda'"),
        ({"interval": (1, 0)}, "lower to a higher"),
        ({"interval": 3}, "pair of numbers"),
        ({"interval": (1, 2)}, "outside the interval"),
        ({"step": 0.0}, "'step'"),
        ({"max_step": -1.0}, "'max_step' is a positive"),
        ({"tolerance": float("nan")}, "'tolerance' is a positive"),
        ({"points": 10**6}, "between 2 and 9999"),
        ({"stepp": 0.1}, "no option 'stepp'; its options are 'name', 'language'.*Did you mean 'step'"),
    ],
)
def test_options_that_do_not_fit(tmp_path, options, message):
    with pytest.raises(ExporterError, match=message):
        export(cusp(), TOOL, tmp_path, state=[1.0], **options)
    assert not list(tmp_path.iterdir())


def test_models_that_cannot_be_expressed():
    x, m = sympy.symbols("x m")
    with pytest.raises(ExporterError, match="no parameter to vary"):
        TOOL.render(export_model(from_sympy({x: -x}), state=[0.0]))
    with pytest.raises(ExporterError, match="is a map"):
        TOOL.render(export_model(from_sympy({x: x / 2}, parameters={m: 1.0}, time="discrete"), state=[0.0]))
    printer = CodePrinter(auto07p_source.C, {x: "x"})
    with pytest.raises(ExporterError, match=r"'fresnels'.*no counterpart in C"):
        printer.text(sympy.fresnels(x))
    with pytest.raises(ExporterError, match="inf"):
        printer.text(sympy.Float("inf") * x)


@pytest.mark.parametrize(
    ("expression", "fortran", "c"),
    [
        ("-x", "-x", "-x"),
        ("x/3", "0.33333333333333331d0*x", "0.33333333333333331*x"),
        ("2*x**2/(1 + x)", "2d0*x**2/(1d0 + x)", "2.0*power(x, 2)/(1.0 + x)"),
        ("-1/x", "-1d0/x", "-1.0/x"),
        ("x**(-2)", "1d0/x**2", "1.0/power(x, 2)"),
        ("(x + 1)**(3/2)", "(1d0 + x)**1.5d0", "pow((1.0 + x), 1.5)"),
        ("sqrt(x)", "sqrt(x)", "sqrt(x)"),
        ("-(x - 2)*x", "x*(2d0 - x)", "x*(2.0 - x)"),
        ("exp(-x**2)", "exp(-x**2)", "exp(-power(x, 2))"),
        ("2**-100*x", "7.8886090522101181d-31*x", "7.8886090522101181e-31*x"),
        ("10**20*x", "1d20*x", "1e20*x"),
        ("Max(x, 0)", "max(0d0, x)", "fmax(0.0, x)"),
        (
            "sign(x)",
            "merge(1d0, merge(-1d0, (0d0), x < 0d0), x > 0d0)",
            "(x > 0.0 ? 1.0 : (x < 0.0 ? -1.0 : (0.0)))",
        ),
        (
            "Piecewise((x, And(x > 0, x < 1)), (0, True))",
            "merge(x, (0d0), (x > 0d0) .and. (x < 1d0))",
            "((x > 0.0) && (x < 1.0) ? x : (0.0))",
        ),
    ],
)
def test_expressions_as_code(expression, fortran, c):
    x = sympy.Symbol("x", real=True)
    e = sympy.sympify(expression, locals={"x": x})
    assert CodePrinter(auto07p_source.FORTRAN, {x: "x"}).text(e) == fortran
    assert CodePrinter(auto07p_source.C, {x: "x"}).text(e) == c


def test_refusal_to_overwrite(tmp_path):
    paths = export(cusp(), TOOL, tmp_path, state=[1.0])
    assert [path.name for path in paths] == ["model.f90", "c.model"]
    with pytest.raises(OutputError, match="exist"):
        export(cusp(), TOOL, tmp_path, state=[1.0])
    export(cusp(), TOOL, tmp_path, state=[1.0], overwrite=True)
    export(cusp(), TOOL, tmp_path, state=[1.0], name="other", language="c")
    assert {path.name for path in tmp_path.iterdir()} == {"model.f90", "c.model", "other.c", "c.other"}


def test_missing_auto(monkeypatch, tmp_path):
    monkeypatch.setenv("AUTO_DIR", str(tmp_path))
    assert TOOL.find() is None
    with pytest.raises(ExporterError, match="not installed; on Debian"):
        continue_in(TOOL, cusp(), parameter="mu", interval=(-1, 1))


@needs_auto
def test_missing_compiler(monkeypatch):
    found = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "gfortran" else found(name))
    with pytest.raises(ExporterError, match=r"'gfortran' is not installed.*language 'c'"):
        continue_in(TOOL, cusp(), parameter="mu", interval=(-1, 1))


@needs_auto
def test_time_limit():
    with pytest.raises(ExporterError, match="took longer than"):
        continue_in(TOOL, cusp(), parameter="mu", interval=(-1, 1), timeout=1e-4)


@needs_auto
def test_limit_of_points_is_told():
    diagram = continue_in(TOOL, cusp(), parameter="mu", interval=(-1, 1), state=[1.0], points=5)
    assert "5 points" in diagram.branches[0].ends


def test_discontinuous_interval_of_starts():
    with pytest.raises((ExporterError, InputError)):
        continue_in(TOOL, cusp(), parameter="mu", interval=(float("nan"), 1))


# -- output ---------------------------------------------------------------------------------------------------


def test_numbers_as_fortran_writes_them():
    words = ["1.0-100", "1.5E+000", "-2.5000000000E-103", "3.0D+02", "0.0", "7+123", "-1.0E-5"]
    assert [auto07p_output.number(w) for w in words] == [1e-100, 1.5, -2.5e-103, 300.0, 0.0, 7e123, -1e-5]


def test_cut_output_is_refused():
    row = "   1    -1   9    1  3.75E-001  1.29E+000 -1.29E+000\n"
    with pytest.raises(ExporterError, match="no label 1"):
        auto07p_output.trace(row, "", "", auto07p_output.Run("equilibrium", 0, 1, 1, (1,), 10))


def test_last_spectrum_of_a_point_counts():
    text = (
        "   1     2         Eigenvalue  1:  -3.0E+00   1.0-100\n"
        "   1     2         Eigenvalue  1:  -2.0E+00   0.0E+00\n"
        "   1     2         Eigenvalue  2:   1.0E+00  -5.0E-01\n"
    )
    assert auto07p_output.spectra(text)[2].tolist() == [1 - 0.5j, -2 + 0j]
