"""Compiled right-hand sides: equal to the formulas, structure only in the source, kept between processes."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import sympy
from scipy import special

from ssmsym.errors import InputError
from ssmsym.fields.compilation import compile_field
from ssmsym.fields.data_expression import DataExpression
from ssmsym.fields.source import field_source
from ssmsym.fields.symbolic import from_sympy, rate_network
from ssmsym.series.elementary import ACTIVATIONS, ELEMENTARY
from ssmsym.series.polynomial import Polynomial

FORMULAS = {
    "tanh": np.tanh,
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: np.where(x > 0, x, 0.0),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "gelu": lambda x: x * special.ndtr(x),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "swish": lambda x: x / (1 + np.exp(-x)),
    "erf": special.erf,
    "sin": np.sin,
    "exp": np.exp,
    "arctan": np.arctan,
    "identity": lambda x: x,
    "linear": lambda x: x,
}


@pytest.fixture(autouse=True, scope="module")
def cache_folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSMSYM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def assert_close(found, expected, tolerance=1e-14):
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def assert_compiled(field, x, expected=None):
    """The compiled field agrees with the walk on floats and, where given, with a formula."""
    compiled = compile_field(field)
    assert_close(compiled(x), field(x))
    if expected is not None:
        assert_close(compiled(x), expected)
    out = np.full(field.n_states, np.nan)
    compiled.fill(x, out)
    np.testing.assert_array_equal(out, compiled(x))
    return compiled


def column(name, n):
    return sympy.MatrixSymbol(name, n, 1)


# -- equal to the formulas --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["state", "rate"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_rate_networks(activation, form, rng):
    n = 7
    J, B, b = rng.normal(size=(n, n)), rng.normal(size=(n, 2)), rng.normal(size=n)
    u, x = rng.normal(size=2), rng.normal(size=n)
    field = rate_network(J, B=B, b=b, u=u, tau=0.3, activation=activation, form=form)
    phi = FORMULAS[activation]
    right = J @ phi(x) + B @ u + b if form == "state" else phi(J @ x + B @ u + b)
    assert_compiled(field, x, (-x + right) / 0.3)


@pytest.mark.parametrize("form", ["state", "rate"])
def test_low_rank_factors_time_constants_and_gain(form, rng):
    n = 9
    m, k, tau = rng.normal(size=(n, 2)), rng.normal(size=(n, 2)), rng.uniform(0.5, 2.0, n)
    x = rng.normal(size=n)
    field = rate_network((m, k), tau=tau, gain=1.7, form=form)
    right = m @ (k.T @ np.tanh(1.7 * x)) if form == "state" else np.tanh(1.7 * (m @ (k.T @ x)))
    compiled = assert_compiled(field, x, (-x + right) / tau)
    assert all(argument.size <= 2 * n for argument in compiled.arguments)


def test_rank_one_network(rng):
    n = 5
    m, k, x = rng.normal(size=(n, 1)), rng.normal(size=(n, 1)), rng.normal(size=n)
    assert_compiled(rate_network((m, k)), x, -x + m[:, 0] * (k[:, 0] @ np.tanh(x)))


def test_one_unit():
    assert_compiled(rate_network([[2.0]], b=[0.5]), np.array([0.3]), [-0.3 + 2 * math.tanh(0.3) + 0.5])


def test_user_functions_in_a_matrix_expression(rng):
    n = 6
    f, g, y = sympy.Function("f"), sympy.Function("g"), sympy.Symbol("y")
    x, a = column("x", n), sympy.Symbol("a")
    J, K = sympy.MatrixSymbol("J", n, n), sympy.MatrixSymbol("K", n, n)
    product = sympy.HadamardProduct(K * x, x.applyfunc(g))
    square = sympy.HadamardProduct(x, x)
    field = from_sympy(
        {x: -x + J * x.applyfunc(f) + product - a * square},
        arrays={J: (weights := rng.normal(size=(n, n))), K: (gate := rng.normal(size=(n, n)))},
        parameters={a: 0.4},
        functions={
            f: sympy.Lambda(y, sympy.tanh(2 * y) + y**3),
            g: sympy.Lambda(y, 1 / (1 + y**2)),
        },
    )
    s = rng.normal(size=n)
    expected = -s + weights @ (np.tanh(2 * s) + s**3) + (gate @ s) / (1 + s**2) - 0.4 * s**2
    assert_compiled(field, s, expected)


def test_scalar_blocks():
    x, y, z, sigma, rho, beta = sympy.symbols("x y z sigma rho beta")
    field = from_sympy(
        {x: sigma * (y - x), y: x * (rho - z) - y, z: x * y - beta * z},
        parameters={sigma: 10.0, rho: 28.0, beta: 8 / 3},
    )
    assert_compiled(field, np.array([1.0, 2.0, 3.0]), [10.0, 23.0, -6.0])


def test_vector_and_scalar_blocks(rng):
    n = 4
    x, w, s = column("x", n), column("w", n), sympy.Symbol("s")
    J, k = sympy.MatrixSymbol("J", n, n), column("k", n)
    weights, readout = rng.normal(size=(n, n)), rng.normal(size=n)
    field = from_sympy(
        {
            x: -x + J * x.applyfunc(sympy.tanh) + s * w,
            s: -s + (k.T * x)[0, 0] + sympy.sin(x[2, 0]) * w[0, 0],
            w: w * (x.T * x) - sympy.exp(-s) * x,
        },
        arrays={J: weights, k: readout},
    )
    v = rng.normal(size=2 * n + 1)
    a, b, c = v[:n], v[n], v[n + 1 :]
    expected = np.concatenate(
        [
            -a + weights @ np.tanh(a) + b * c,
            [-b + readout @ a + np.sin(a[2]) * c[0]],
            (a @ a) * c - np.exp(-b) * a,
        ]
    )
    assert_compiled(field, v, expected)


def test_outputs_that_are_states_constants_or_shared(rng):
    n = 3
    x, y, z, w, c = (column(name, n) for name in "xyzwc")
    s = sympy.Symbol("s")
    shared = x.applyfunc(sympy.tanh)
    constant = rng.normal(size=n)
    field = from_sympy({x: y, y: shared, z: shared, w: c, s: s}, arrays={c: constant})
    v = rng.normal(size=4 * n + 1)
    expected = np.concatenate([v[n : 2 * n], np.tanh(v[:n]), np.tanh(v[:n]), constant, v[-1:]])
    compiled = assert_compiled(field, v, expected)
    assert compiled.source.count("np.tanh") == 1


def test_explicit_small_matrices():
    x, g = column("x", 2), sympy.Symbol("g")
    rotation = sympy.Matrix([[0, -g], [g * x[0, 0], 1]])
    field = from_sympy({x: -x + rotation * x.applyfunc(sympy.tanh)}, parameters={g: 1.5})
    s = np.array([0.4, -0.7])
    t = np.tanh(s)
    assert_compiled(field, s, [-0.4 - 1.5 * t[1], 0.7 + 1.5 * 0.4 * t[0] + t[1]])


def test_block_matrix_of_entries_and_vectors(rng):
    x = column("x", 3)
    entries = sympy.Matrix([x[1, 0] * x[2, 0], sympy.sqrt(x[0, 0]), x[0, 0] ** sympy.Rational(7, 3)])
    s = rng.uniform(0.5, 1.5, 3)
    assert_compiled(from_sympy({x: entries}), s, [s[1] * s[2], s[0] ** 0.5, s[0] ** (7 / 3)])


@pytest.mark.parametrize("exponent", [-3, -1, sympy.Rational(-1, 2), sympy.Rational(1, 2), 4, 0.3, sympy.pi])
def test_powers(exponent, rng):
    x = column("x", 5)
    s = rng.uniform(0.5, 2.0, 5)
    field = from_sympy({x: sympy.HadamardPower(x, exponent) - x})
    assert_compiled(field, s, s ** float(exponent) - s)


@pytest.mark.parametrize("name", ELEMENTARY)
def test_every_elementary_function(name, rng):
    x = column("x", 6)
    s = rng.uniform(0.1, 0.9, 6)
    assert_compiled(from_sympy({x: x.applyfunc(ELEMENTARY[name].function)}), s)


def test_extreme_arguments_do_not_overflow_or_hide_nan():
    x = column("x", 4)
    s = np.array([-800.0, 800.0, 0.0, np.nan])
    for name in ("logistic", "softplus", "relu", "tanh", "silu"):
        compiled = compile_field(from_sympy({x: x.applyfunc(ACTIVATIONS[name])}))
        limits = {"logistic": [0, 1, 0.5], "tanh": [-1, 1, 0], "softplus": [0, 800, math.log(2)]}
        np.testing.assert_allclose(compiled(s), [*limits.get(name, [0, 800, 0]), np.nan], atol=1e-300)


def test_map(rng):
    J, x = rng.normal(size=(5, 5)), rng.normal(size=5)
    assert_compiled(rate_network(J).discretized(0.1), x, x + 0.1 * (-x + J @ np.tanh(x)))


def test_polynomials_given_as_data(rng):
    exponents = [[0, 0, 0], [1, 0, 0], [0, 2, 1], [0, 0, 3]]
    coefficients = rng.normal(size=(4, 2))
    x, mu = column("x", 2), sympy.Symbol("mu")
    field = from_sympy(
        {x: DataExpression("R", 2, x, mu) + x.applyfunc(sympy.tanh)},
        parameters={mu: 0.7},
        data={"R": Polynomial(exponents, coefficients)},
    )
    s = rng.normal(size=2)
    monomials = np.array([1.0, s[0], s[1] ** 2 * 0.7, 0.7**3])
    assert_compiled(field, s, monomials @ coefficients + np.tanh(s))


def test_polynomial_of_one_variable():
    p = column("p", 1)
    field = from_sympy({p: DataExpression("R", 1, p)}, data={"R": Polynomial([[1], [3]], [[2.0], [-1.0]])})
    assert_compiled(field, np.array([0.5]), [2 * 0.5 - 0.5**3])


def test_a_polynomial_that_does_not_fit_is_refused():
    x = column("x", 2)
    field = from_sympy({x: DataExpression("R", 2, x)}, data={"R": Polynomial([[1]], [[1.0]])})
    with pytest.raises(InputError, match=r"R\^2 to R\^2"):
        compile_field(field)


# -- the source holds the structure only --------------------------------------------------------------------


def test_source_is_equal_for_equal_structure(rng):
    def network(n, u, tau, gain):
        J, B = rng.normal(size=(n, n)), rng.normal(size=(n, 2))
        return rate_network(J, B=B, b=rng.normal(size=n), u=u, tau=tau, gain=gain)

    first = compile_field(network(5, [1.0, 0.0], 1.0, 1.0))
    second = compile_field(network(11, [0.2, -3.0], 0.7, 2.5))
    assert first.source == second.source
    assert first.function is second.function


def test_other_parameter_values_change_arguments_only(rng):
    J, B, x = rng.normal(size=(5, 5)), rng.normal(size=(5, 2)), rng.normal(size=5)
    field = rate_network(J, B=B)
    moved = field.at(u=[1.0, 2.0], tau=0.5)
    assert compile_field(field).source == compile_field(moved).source
    assert_compiled(moved, x, (-x + J @ np.tanh(x) + B @ [1.0, 2.0]) / 0.5)


def test_other_coefficients_of_a_polynomial_change_arguments_only(rng):
    def field(exponents):
        x = column("x", 2)
        polynomial = Polynomial(exponents, rng.normal(size=(len(exponents), 2)))
        return from_sympy({x: DataExpression("R", 2, x)}, data={"R": polynomial})

    assert (
        field_source(field([[1, 0], [0, 1]]).bind()).text
        == field_source(field([[3, 0], [1, 4], [0, 1]]).bind()).text
    )


def test_no_name_of_the_user_gets_into_the_source():
    unsafe = column("__import__('os').system('true')", 3)
    source = compile_field(from_sympy({unsafe: -unsafe.applyfunc(sympy.tanh)})).source
    assert "system" not in source


def test_a_vector_read_by_one_loop_gets_no_array(rng):
    field = rate_network(rng.normal(size=(4, 4)), form="rate")
    assert compile_field(field).source.count("np.empty") == 1


def test_arguments_are_contiguous_and_read_only(rng):
    compiled = compile_field(rate_network((rng.normal(size=(6, 2)), rng.normal(size=(6, 2)))))
    for argument in compiled.arguments:
        assert argument.flags.c_contiguous
        assert not argument.flags.writeable


# -- wrong use ----------------------------------------------------------------------------------------------


def test_a_function_without_compiled_form_is_named():
    x = sympy.Symbol("x")
    field = from_sympy({x: -x + sympy.erfc(x)})
    assert field([3.0])[0] == pytest.approx(-3.0 + math.erfc(3.0))
    with pytest.raises(InputError, match=r"'erfc' has no compiled form.*calling the field itself works"):
        compile_field(field)


def test_parameters_without_value_are_named():
    x, mu = sympy.symbols("x mu")
    with pytest.raises(InputError, match=r"mu have no value.*field\.at"):
        compile_field(from_sympy({x: mu - x**2}, parameters=[mu]))


def test_wrong_states_are_refused(rng):
    compiled = compile_field(rate_network(rng.normal(size=(4, 4))))
    with pytest.raises(InputError, match=r"shape \(4,\); found \(5,\)"):
        compiled(np.zeros(5))
    np.testing.assert_array_equal(compiled([0, 0, 0, 0]), np.zeros(4))


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="compiled code checks the types")
def test_wrong_types_are_refused(rng):
    compiled = compile_field(rate_network(rng.normal(size=(4, 4))))
    with pytest.raises(InputError, match="contiguous"):
        compiled.fill(np.zeros(8)[::2], np.zeros(4))
    with pytest.raises(InputError, match="int64"):
        compiled.fill(np.zeros(4, dtype=int), np.zeros(4))


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="about compiled code")
def test_the_function_is_called_from_compiled_code(rng):
    from numba import njit

    @njit
    def euler(function, x, step, n_steps, arguments):
        out = np.empty(x.size)
        for _ in range(n_steps):
            function(x, out, *arguments)
            x = x + step * out
        return x

    J, x = rng.normal(size=(5, 5)), rng.normal(size=5)
    compiled = compile_field(rate_network(J))
    found = euler(compiled.function, x, 0.1, 3, compiled.arguments)
    for _ in range(3):
        x = x + 0.1 * (-x + J @ np.tanh(x))
    assert_close(found, x)


# -- cache --------------------------------------------------------------------------------------------------

SCRIPT = """
import json
import numpy as np
from ssmsym.fields.compilation import compile_field
from ssmsym.fields.symbolic import rate_network

compiled = compile_field(rate_network(np.array({J}), activation="sin", form="rate"))
stats = compiled.function.stats
print(json.dumps({{
    "value": compiled([0.3, -0.2]).tolist(),
    "hits": sum(stats.cache_hits.values()),
    "misses": sum(stats.cache_misses.values()),
    "file": compiled.function.py_func.__code__.co_filename,
}}))
"""


def run_script(cache, J):
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(J=J)],
        env={**environment, "SSMSYM_CACHE": str(cache), "NUMBA_DISABLE_JIT": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_a_second_process_loads_compiled_code(tmp_path):
    cache = tmp_path / "cache"
    first = run_script(cache, [[0.0, 1.0], [-1.0, 0.0]])
    second = run_script(cache, [[0.5, 2.0], [-2.0, 0.5]])
    assert (first["hits"], first["misses"]) == (0, 1)
    assert (second["hits"], second["misses"]) == (1, 0)
    assert first["file"] == second["file"]
    assert first["file"].startswith(str(cache))
    assert_close(np.array(first["value"]), [-0.3 + math.sin(-0.2), 0.2 + math.sin(-0.3)])
    assert not list(cache.glob("*.tmp"))


def test_a_changed_module_in_the_cache_is_written_again(tmp_path):
    first = run_script(tmp_path, [[0.0, 1.0], [-1.0, 0.0]])
    (module,) = tmp_path.glob("*.py")
    text = module.read_text()
    module.write_text(text.replace("np.sin", "np.cos"))
    assert run_script(tmp_path, [[0.0, 1.0], [-1.0, 0.0]])["value"] == first["value"]
    assert module.read_text() == text


def test_a_folder_that_cannot_be_written_is_replaced_by_a_temporary_one(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    found = run_script(blocked / "cache", [[0.0, 1.0], [-1.0, 0.0]])
    assert_close(np.array(found["value"]), [-0.3 + math.sin(-0.2), 0.2 + math.sin(-0.3)])
    assert not os.path.exists(found["file"])


def test_numba_is_not_imported_before_it_is_needed():
    code = "import sys; import ssmsym.fields.compilation; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
