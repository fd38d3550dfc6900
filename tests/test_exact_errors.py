"""Exact coefficients: resonances, subspaces and arguments that are refused, by name and with a remedy."""

import numpy as np
import pytest
import sympy
from sympy import I, Rational, log, sqrt

import ssmsym

x, y, z = sympy.symbols("x y z")
a, b, beta, mu = sympy.symbols("a b beta mu")


def parabola():
    return ssmsym.from_sympy({x: -x, y: -beta * y + x**2}, parameters=[beta])


def companion(*coefficients):
    """A field whose characteristic polynomial has these lower coefficients, constant first."""
    states = sympy.symbols(f"x0:{len(coefficients)}")
    last = states[0] ** 2 - sum(c * s for c, s in zip(coefficients, states, strict=True))
    return ssmsym.from_sympy(dict(zip(states, [*states[1:], last], strict=True)))


def test_resonance_beside_an_irrational_number_is_found():
    # [[-4, r], [r, -3]] with r = sqrt(2) has the eigenvalues -2 and -5; -2 = 2 * (-1)
    field = ssmsym.from_sympy(
        {x: -x, y: -4 * y + sqrt(2) * z + a * x**2, z: sqrt(2) * y - 3 * z}, parameters=[a]
    )
    with pytest.raises(
        ssmsym.ResonanceError, match=r"degree 2: 2 \(-1\) equals the eigenvalue -2 "
    ) as caught:
        ssmsym.compute_exact_ssm(field, modes=[-1], order=3)
    error = caught.value
    assert (error.degree, error.mode, error.combination) == (2, 1, (2,))
    assert ssmsym.compute_exact_ssm(field, modes=[-5], order=3).right.shape == (3, 1)


@pytest.mark.parametrize("modes", [1, [-log(2)]])
def test_resonance_between_logarithms_is_found(modes):
    field = ssmsym.from_sympy({x: -log(2) * x, y: -log(4) * y + x**2})
    with pytest.raises(ssmsym.ResonanceError, match="degree 2"):
        ssmsym.compute_exact_ssm(field, modes=modes, order=3)
    harmless = ssmsym.from_sympy({x: -log(2) * x, y: -log(4) * y + x**3})
    exact = ssmsym.compute_exact_ssm(harmless, modes=modes, order=3)
    p = sympy.Symbol("p")
    assert sympy.simplify(exact.states[1] + p**3 / log(2)) == 0  # -3 log 2 c = -2 log 2 c + 1


def test_resonance_of_a_pair_names_its_combination():
    field = ssmsym.from_sympy({x: -x - y, y: x - y, z: -2 * z + x**2 + y**2})
    with pytest.raises(ssmsym.ResonanceError) as caught:
        ssmsym.compute_exact_ssm(field, modes=[-1 + I], order=3)
    assert (caught.value.combination, caught.value.mode) == ((1, 1), 2)


def test_resonance_position_is_open_with_free_symbols():
    field = ssmsym.from_sympy({x: -a * x, y: -2 * a * y + x**2}, parameters=[a])
    with pytest.raises(ssmsym.ResonanceError, match=r"the eigenvalue -2\*a") as caught:
        ssmsym.compute_exact_ssm(field, modes=[-a], order=3)
    assert caught.value.mode == -1


def test_parameter_that_moves_a_neutral_outer_mode():
    field = ssmsym.from_sympy({x: -x, y: mu}, parameters=[mu])
    with pytest.raises(ssmsym.ResonanceError, match=r"degree 1.*take no parameters"):
        ssmsym.compute_exact_ssm(field, modes=[-1], order=3, parameters=["mu"], values={"mu": 0})


@pytest.mark.parametrize(
    ("modes", "error", "match"),
    [
        (
            1,
            ssmsym.SubspaceError,
            r"cut the 5 roots of lambda\*\*5 - lambda \+ 1.*no closed form.*compute_ssm",
        ),
        (9, ssmsym.InputError, "between 1 and the 5 states; found 9"),
        ([-1], ssmsym.SubspaceError, r"'-1' is no eigenvalue .* the roots of lambda\*\*5"),
    ],
)
def test_quintic_without_closed_form(modes, error, match):
    with pytest.raises(error, match=match):
        ssmsym.compute_exact_ssm(companion(1, -1, 0, 0, 0), modes=modes, order=2)


def test_pair_of_a_cubic_cannot_be_split():
    root = sympy.cbrt(2)
    field = companion(-2, 0, 0)
    assert ssmsym.compute_exact_ssm(field, modes=[root], order=2).right.shape == (3, 1)
    with pytest.raises(ssmsym.SubspaceError, match=r"roots of lambda\*\*3 - 2; give all 3"):
        ssmsym.compute_exact_ssm(field, modes=[root * (-1 + sqrt(3) * I) / 2], order=2)


def test_groups_that_a_count_would_cut():
    jordan = ssmsym.from_sympy({x: -x + y, y: -y, z: -3 * z + x**2})
    with pytest.raises(ssmsym.SubspaceError, match="cut the 2 coinciding eigenvalues -1; ask for 2"):
        ssmsym.compute_exact_ssm(jordan, modes=1)
    pair = companion(3, 1)
    with pytest.raises(ssmsym.SubspaceError, match=r"cut the pair of roots of lambda\*\*2 \+ lambda \+ 3"):
        ssmsym.compute_exact_ssm(pair, modes=1)


def test_root_of_unknown_sign_is_refused():
    field = ssmsym.from_sympy({x: y, y: -x - 2 * a * y + x**3}, parameters=[a])
    real, conjugate = -a + sqrt(a**2 - 1), -a + I * sqrt(1 - a**2)
    with pytest.raises(ssmsym.SubspaceError, match="depends on the signs of symbols; give all 2 roots"):
        ssmsym.compute_exact_ssm(field, modes=[real], order=3)
    whole = ssmsym.compute_exact_ssm(field, modes=[real, -a - sqrt(a**2 - 1)], order=3)
    pair = ssmsym.compute_exact_ssm(field, modes=[conjugate], order=3)
    assert whole.right.shape == pair.right.shape == (2, 2)


def test_radical_that_no_substitution_removes():
    field = ssmsym.from_sympy({x: mu**2 + 1 - x**2}, parameters=[mu])
    with pytest.raises(ssmsym.InputError, match=r"sqrt\(mu\*\*2 \+ 1\).*choose 'values'"):
        ssmsym.compute_exact_ssm(field, [sqrt(mu**2 + 1)], modes=[-2 * sqrt(mu**2 + 1)])
    rational = {"mu": (a**2 - 1) / (2 * a)}
    root = (a**2 + 1) / (2 * a)
    exact = ssmsym.compute_exact_ssm(field, [root], modes=[-2 * root], order=2, values=rational)
    assert sympy.simplify(exact.eigenvalues[0] + 2 * root) == 0


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"order": 0}, "'order' must be an integer of at least 1; found 0"),
        ({"order": 2.5}, "'order' must be"),
        ({"parameter_order": 0}, "'parameter_order' must be an integer of at least 1; found 0"),
        ({"parameter_order": -1}, "'parameter_order' must be"),
        ({"parameters": ["beta", "beta"]}, "names one parameter twice"),
        ({"parameters": ["gamma"]}, "no parameter 'gamma'"),
        ({"modes": []}, r"'modes' is .*; found \[\]"),
        ({"modes": None}, "'modes' is .*; found None"),
        ({"modes": True}, "'modes' is .*; found True"),
        ({"modes": ["foo("]}, "Entry 0 of 'modes' must be"),
        ({"values": {"beta": None}}, "'beta' in 'values' must be .*; found None"),
        ({"values": {"beta": float("nan")}}, "'beta' in 'values' must be a finite number"),
        ({"values": {"beta": [1, 2]}}, "'beta' in 'values' must be"),
        ({"state": [0, None]}, "Entry 1 of 'state' must be"),
        ({"state": [0]}, "1 entries; this field has 2"),
        ({"state": [0.1, 0]}, "component 0 of f is -0.1 there"),
    ],
)
def test_arguments_are_checked(change, match):
    arguments = {"modes": [-1], "order": 2, **change}
    with pytest.raises(ssmsym.InputError, match=match):
        ssmsym.compute_exact_ssm(parabola(), arguments.pop("state", None), **arguments)


def test_numeric_values_are_checked():
    exact = ssmsym.compute_exact_ssm(parabola(), modes=[-1], order=2)
    for values, match in (
        ({}, "No value was given for beta"),
        ({"beta": None}, "'beta' in 'values' must be"),
        ({"beta": 2}, "no real number"),
    ):
        with pytest.raises(ssmsym.InputError, match=match):
            exact.numeric(values)
    with pytest.raises(ssmsym.InputError, match=r"shape \(1, 1\); expected \(2, 1\)"):
        exact.numeric({"beta": 3}, right=[[1.0]])
    W, _ = exact.numeric({"beta": Rational(5, 2)}, right=np.array([[2.0], [0.0]]))
    np.testing.assert_allclose(W.coefficients[2], [0, 8])  # y = 2 x^2 with x = 2 p


def test_leading_modes_need_numbers():
    field = ssmsym.from_sympy({x: y, y: z, z: -a * x - b * y - z + x**2}, parameters=[a, b])
    with pytest.raises(ssmsym.InputError, match=r"of a \+ b\*lambda .* holds free symbols"):
        ssmsym.compute_exact_ssm(field, modes=1)
