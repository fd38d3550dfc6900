"""The float path against the exact path on random small fields."""

import itertools

import numpy as np
import pytest
import sympy
from hypothesis import Phase, given, settings, strategies as st
from sympy import I, Rational, tanh

import ssmsym

ORDER = 5
mu = sympy.Symbol("mu")
# leading first; pairs are (real part, imaginary part)
FLOWS = [Rational(-1, 7), Rational(-13, 10), Rational(-47, 10), Rational(-81, 10)]
MAPS = [Rational(-9, 10), Rational(3, 5), Rational(-2, 7), Rational(1, 11)]
PAIR = {"continuous": (Rational(-1, 6), Rational(3, 2)), "discrete": (Rational(2, 3), Rational(5, 9))}


@st.composite
def fields(draw, time, n, modes, pair, with_parameter):
    """A field with its exact eigenvalues: a mixed linear part, quadratic, cubic and tanh terms, one parameter."""
    diagonal = sympy.diag(*(FLOWS if time == "continuous" else MAPS)[:n])
    leading = [diagonal[i, i] for i in range(modes)]
    if pair:
        real, imaginary = PAIR[time]
        diagonal[:2, :2] = sympy.Matrix([[real, -imaginary], [imaginary, real]])
        leading[:2] = [real + I * imaginary]
    half = st.integers(-2, 2).map(lambda k: Rational(k, 2))
    mix = sympy.eye(n) + sympy.Matrix(n, n, lambda i, j: draw(half) if i < j else 0)
    A = mix * diagonal * mix.inv()
    states = sympy.symbols(f"x0:{n}")
    small = st.fractions(-1, 1, max_denominator=4).map(lambda q: Rational(q.numerator, q.denominator))
    monomials = [sympy.prod(c) for k in (2, 3) for c in itertools.combinations_with_replacement(states, k)]
    right = list(A * sympy.Matrix(states))
    for i in range(n):
        chosen = draw(st.lists(st.sampled_from(monomials), min_size=1, max_size=3, unique_by=str))
        right[i] += sum(draw(small) * m for m in chosen)
        right[i] += draw(small) * tanh(draw(st.sampled_from(states))) ** 2
    if with_parameter:
        right[draw(st.integers(0, n - 1))] += mu * (1 + draw(small) * states[0])
    field = ssmsym.from_sympy(
        dict(zip(states, right, strict=True)), parameters={mu: 0.0} if with_parameter else {}, time=time
    )
    return field, leading


def compare(field, leading, modes, with_parameter):
    keep = {"parameters": ["mu"], "parameter_order": 2} if with_parameter else {}
    values = {"mu": 0} if with_parameter else {}
    exact = ssmsym.compute_exact_ssm(field, modes=leading, order=ORDER, values=values, **keep)
    ssm = ssmsym.compute_ssm(field, np.zeros(field.n_states), modes=modes, order=ORDER, **keep)
    assert ssm.dimension == exact.right.shape[1] == modes
    found = (ssm.parametrization, ssm.reduced_dynamics)
    for floats, wanted in zip(found, exact.numeric(right=ssm.right), strict=True):
        np.testing.assert_array_equal(floats.exponents, wanted.exponents)
        degrees = floats.exponents.sum(axis=1)
        for degree in range(1, ORDER + 1):
            here = degrees == degree
            scale = np.abs(wanted.coefficients[here]).max()
            error = np.abs(floats.coefficients[here] - wanted.coefficients[here]).max()
            yield degree, error, scale


# states, modes, whether the first two modes are a pair
SHAPES = [(2, 1, False), (3, 1, False), (3, 2, False), (4, 2, False), (4, 3, False)]
SHAPES += [(2, 2, True), (3, 2, True), (4, 2, True), (4, 3, True)]


@pytest.mark.parametrize("with_parameter", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("time", ["continuous", "discrete"])
def test_float_path_agrees_with_exact_coefficients(time, shape, with_parameter):
    n, modes, pair = shape

    @settings(max_examples=3, phases=[Phase.generate])  # shrinking a failure would take many minutes
    @given(fields(time, n, modes, pair, with_parameter))
    def check(case):
        field, leading = case
        for degree, error, scale in compare(field, leading, modes, with_parameter):
            assert error <= 1e-12 * scale + 1e-15, (degree, error / scale)

    check()
