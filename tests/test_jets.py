"""Taylor jets of functions of one variable, against mpmath, and where no jet exists."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from jet_helpers import ORDER, jets_of, mp_taylor, one_pass, path_series

from ssmsym import from_sympy, rate_network
from ssmsym.errors import InputError, SmoothnessError
from ssmsym.series.elementary import ELEMENTARY
from ssmsym.series.monomials import monomial_table

x_scalar, t = sp.symbols("x t")

FORMULAS = {
    "tanh": mp.tanh,
    "logistic": lambda x: 1 / (1 + mp.exp(-x)),
    "exp": mp.exp,
    "log": mp.log,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "asinh": mp.asinh,
    "atan": mp.atan,
    "atanh": mp.atanh,
    "erf": mp.erf,
    "softplus": lambda x: mp.log(1 + mp.exp(x)),
    "silu": lambda x: x / (1 + mp.exp(-x)),
    "gelu": lambda x: x * mp.ncdf(x),
    "relu": lambda x: x if x > 0 else mp.mpf(0),
    "step": lambda x: mp.mpf(1 if x > 0 else 0),
    "Abs": lambda x: x if x > 0 else -x,
    "sign": lambda x: mp.mpf(1 if x > 0 else -1),
}
DOMAINS = {"log": (0.4, 1.3, 5.0), "atanh": (-0.6, 0.11, 0.5)}
OUTSIDE = {
    "gamma": (sp.gamma, mp.gamma, 1.3),
    "loggamma": (sp.loggamma, mp.loggamma, 1.3),
    "airyai": (sp.airyai, mp.airyai, -0.7),
    "fresnels": (sp.fresnels, mp.fresnels, 0.6),
    "LambertW": (sp.LambertW, mp.lambertw, 0.3),
    "erfc": (sp.erfc, mp.erfc, 0.3),
    "acosh": (sp.acosh, mp.acosh, 2.1),
    "asin": (sp.asin, mp.asin, 0.3),
    "sec": (sp.sec, mp.sec, 0.4),
}


# -- functions of one variable -----------------------------------------------------------------------------


def test_every_function_of_the_table_has_a_formula_here():
    assert set(FORMULAS) == set(ELEMENTARY)


@pytest.mark.parametrize(
    ("name", "x0"), [(name, x0) for name in FORMULAS for x0 in DOMAINS.get(name, (-1.3, 0.37, 1.1))]
)
def test_series_of_elementary_functions_to_order_eight(name, x0):
    field = from_sympy({x_scalar: ELEMENTARY[name].function(x_scalar)})
    found = one_pass(field, monomial_table(1, 0, ORDER), path_series(x0))[:, 0]
    wanted = mp_taylor(FORMULAS[name], x0)
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-12 * np.abs(wanted).max())
    assert field.jacobian([x0])[0, 0] == pytest.approx(wanted[1], rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("name", OUTSIDE)
def test_series_of_sympy_functions_outside_the_table(name):
    head, formula, x0 = OUTSIDE[name]
    field = from_sympy({x_scalar: head(x_scalar)})
    found = one_pass(field, monomial_table(1, 0, ORDER), path_series(x0))[:, 0]
    wanted = mp_taylor(formula, x0)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-11 * np.abs(wanted).max())
    assert field.jacobian([x0])[0, 0] == pytest.approx(wanted[1], rel=1e-12)


@pytest.mark.parametrize(
    ("power", "x0"), [(-3, 0.7), (sp.Rational(-1, 2), 1.7), (sp.Rational(5, 2), 1.7), (7, -0.4), (2.5, 0.9)]
)
def test_series_of_powers(power, x0):
    field = from_sympy({x_scalar: x_scalar**power})
    found = one_pass(field, monomial_table(1, 0, ORDER), path_series(x0))[:, 0]
    wanted = mp_taylor(lambda v: v ** mp.mpf(float(power)), x0)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12 * np.abs(wanted).max())


@pytest.mark.parametrize("power", [2.0, 3.0])
def test_whole_powers_written_as_floats_are_smooth_at_zero(power):
    field = from_sympy({x_scalar: x_scalar**power})
    found = one_pass(field, monomial_table(1, 0, ORDER), path_series(0.0))[:, 0]
    np.testing.assert_allclose(found, mp_taylor(lambda v: v ** int(power), 0.0), atol=1e-14)
    assert field.jacobian([0.0]) == 0.0


def test_user_function_known_by_its_differential_equation_and_a_numeric_value():
    class saturation(sp.Function):  # noqa: N801
        _imp_ = staticmethod(np.tanh)

        def fdiff(self, argindex=1):
            return 1 - self**2

    field = from_sympy({x_scalar: saturation(x_scalar)})
    found = one_pass(field, monomial_table(1, 0, ORDER), path_series(0.4))[:, 0]
    np.testing.assert_allclose(found, mp_taylor(mp.tanh, 0.4), rtol=1e-12)


def test_user_function_without_a_numeric_value_is_named():
    class nameless(sp.Function):  # noqa: N801
        def fdiff(self, argindex=1):
            return 1 - self**2

    with pytest.raises(InputError, match=r"nameless.*(Lambda|_imp_|numeric)"):
        from_sympy({x_scalar: -x_scalar + nameless(x_scalar)})([0.3])


def test_user_function_without_a_derivative_is_named():
    class rough(sp.Function):  # noqa: N801
        _imp_ = staticmethod(np.tanh)

    field = from_sympy({x_scalar: -x_scalar + rough(x_scalar)})
    assert field([0.3])[0] == pytest.approx(math.tanh(0.3) - 0.3)
    with pytest.raises(SmoothnessError, match="rough"):
        field.jacobian([0.3])
    with pytest.raises(SmoothnessError, match="rough"):
        one_pass(field, monomial_table(1, 0, 3), path_series(0.3, 3))


def test_function_whose_derivatives_name_ever_new_functions():
    """s_k(x) = sin(x + k pi / 2), each the derivative of the one before, longer than the walk follows."""
    family: list = []
    for k in range(14):
        members = {
            "_imp_": staticmethod(lambda v, k=k: np.sin(v + k * np.pi / 2)),
            "fdiff": lambda self, argindex=1, k=k: family[k + 1](self.args[0]),
        }
        family.append(type(f"s_{k}", (sp.Function,), members))
    field = from_sympy({x_scalar: family[0](x_scalar)})
    found = one_pass(field, monomial_table(1, 0, 7), path_series(0.4, 7))[:, 0]
    np.testing.assert_allclose(found, mp_taylor(mp.sin, 0.4, 7), rtol=1e-12)


# -- where no series exists --------------------------------------------------------------------------------


def relu_network(form="state"):
    return rate_network(np.eye(3) * 0.5, b=[1.0, 2.0, 3.0], activation="relu", form=form)


def test_relu_on_its_kink_is_refused_and_the_unit_is_named():
    with pytest.raises(SmoothnessError, match=r"'relu' is not smooth at 0.*unit 2.*[Cc]hoose"):
        one_pass(relu_network(), monomial_table(1, 0, 2), np.array([[1.0, -1.0, 0.0]] + [[1.0] * 3] * 2))


def test_relu_away_from_its_kink_is_linear():
    series = np.array([[1.0, -1.0, 0.5], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]])
    found = one_pass(relu_network(), monomial_table(1, 0, 2), series)
    np.testing.assert_allclose(found[1:], series[1:] * (0.5 * np.array([1, 0, 1]) - 1), rtol=1e-15)


def test_the_kink_in_rate_form_lies_where_the_drive_vanishes():
    state = np.array([-2.0, 1.0, 1.0])  # unit 0 receives 0.5 * (-2) + 1 = 0
    with pytest.raises(SmoothnessError, match="unit 0"):
        one_pass(relu_network("rate"), monomial_table(1, 0, 1), np.array([state, np.ones(3)]))


@pytest.mark.parametrize(
    "expression",
    [sp.sqrt(x_scalar), x_scalar ** sp.Rational(3, 2), 1 / x_scalar, sp.log(x_scalar), sp.Abs(x_scalar)],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_no_series_at_a_singular_point(expression):
    with pytest.raises(SmoothnessError, match=r"smooth|singular|Taylor"):
        one_pass(from_sympy({x_scalar: expression}), monomial_table(1, 0, 3), path_series(0.0, 3))


def test_weights_that_hold_a_parameter_inside_a_product_say_how_to_be_rewritten():
    x, J, M, g = (
        sp.MatrixSymbol("x", 2, 1),
        sp.MatrixSymbol("J", 2, 2),
        sp.MatrixSymbol("M", 2, 2),
        sp.Symbol("g"),
    )
    field = from_sympy(
        {x: -x + sp.HadamardProduct(J, M + g * J) * x},
        arrays={J: np.eye(2), M: np.ones((2, 2))},
        parameters={g: 1.0},
    )
    with pytest.raises(SmoothnessError, match=r"'g'.*sum of constant matrices"):
        jets_of(field, monomial_table(1, 1, 2), np.zeros(2), {"g": (np.array([1.0]), [1])})
