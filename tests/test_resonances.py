"""Resonances, spectral quotients, smoothness and fractional members, against published and closed forms."""

import numpy as np
import pytest
import sympy
from scipy.integrate import solve_ivp
from synthetic import pair, planted_network
from truths import rank_one

import ssmsym
from ssmsym.errors import ResonanceError
from ssmsym.manifolds.resonances import resonance_report

x, y, v, w = sympy.symbols("x y v w")


def report(values, modes, order=5, **options):
    return resonance_report(np.array(values, dtype=complex), tuple(modes), order, **options)


def shaw_pierre():
    """The modified Shaw-Pierre system (Haller and Ponsioen 2016) with k = 3, c = 0.03, kappa = 1/2."""
    c, k, kappa = sympy.Rational(3, 100), 3, sympy.Rational(1, 2)
    return ssmsym.from_sympy(
        {
            x: v,
            y: w,
            v: -c * (2 * v - w) - k * (2 * x - y) - kappa * x**3,
            w: -c * (2 * w - v) - k * (2 * y - x),
        }
    )


# -- published quotients ---------------------------------------------------------------------------------------


def test_haller_ponsioen_example():
    found = report([-1.0, -np.sqrt(24)], [0])
    assert (found.outer_spectral_quotient, found.inner_spectral_quotient) == (4, 1)
    assert found.smoothness.unique_class == 5
    (member,) = found.fractional_members
    assert (member.mode, member.master) == (1, 0)
    assert member.exponent == pytest.approx(np.sqrt(24))
    assert found.worst_exact is None
    assert found.worst_near.combination == (5,)
    assert found.worst_near.distance == pytest.approx(5 - np.sqrt(24))
    assert found.worst_near.relative_distance == pytest.approx((5 - np.sqrt(24)) / 5)


def test_shaw_pierre_quotient_is_three_despite_rounding():
    found = ssmsym.compute_ssm(shaw_pierre(), np.zeros(4), modes=2, order=5).resonances
    assert found.outer_spectral_quotient == 3
    assert found.smoothness.unique_class == 4
    (member,) = found.fractional_members  # Re parts in ratio 3, but no a + b = 3 meets the frequency as well
    assert member.exponent == pytest.approx(3.0, abs=1e-12)
    cubic = [r for r in found.inner if r.degree == 3]
    assert {r.combination for r in cubic} == {(2, 1), (1, 2)}
    np.testing.assert_allclose([r.distance for r in cubic], 0.03, rtol=1e-9)  # 2 |Re lambda|


# -- fractional members ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [1.5, 2.5, 4.2])
def test_parabola_family_has_the_fractional_exponent_beta(beta):
    """x' = -x, y' = -beta y + x^2: every trajectory lies on y = x^2 / (beta - 2) + C |x|^beta."""
    field = ssmsym.from_sympy({x: -x, y: -beta * y + x**2})
    ssm = ssmsym.compute_ssm(field, [0.0, 0.0], modes=1, order=4)
    ((mode, exponent, master),) = ssm.resonances.fractional_members
    assert (mode, master) == (1, 0)
    assert exponent == pytest.approx(beta)
    assert ssm.resonances.outer_spectral_quotient == int(beta)
    run = solve_ivp(
        lambda t, s: [-s[0], -beta * s[1] + s[0] ** 2], (0, 2), [0.9, 1.3], rtol=1e-11, atol=1e-13
    )
    states = run.y[:, [0, -1]].T
    off = np.abs(states[:, 1] - ssm.lift(states[:, :1])[:, 1])
    measured = np.log(off[0] / off[1]) / np.log(states[0, 0] / states[1, 0])
    assert measured == pytest.approx(exponent, rel=1e-5)


def test_a_real_resonance_has_no_fractional_member():
    found = report([-1.0, -3.0, -3.5], [0])
    assert [(m.mode, round(m.exponent, 12)) for m in found.fractional_members] == [(2, 3.5)]
    with pytest.raises(ResonanceError):
        ssmsym.compute_ssm(ssmsym.from_sympy({x: -x, y: -2 * y + x**2}), [0.0, 0.0], order=2)


def test_a_resonant_pair_has_no_fractional_member():
    outer = 2 * (-0.1 + 1j) + (-0.1 - 1j)
    assert not report([-0.1 + 1j, -0.1 - 1j, outer, outer.conjugate()], [0, 1]).fractional_members
    (member,) = report([-0.1 + 1j, -0.1 - 1j, -0.3 + 0.9j, -0.3 - 0.9j], [0, 1]).fractional_members
    assert member.exponent == pytest.approx(3.0)


def test_map_exponents_are_those_of_the_flow():
    rates = np.array([-0.2, -0.7, -1.3])
    flow, discrete = report(rates, [0]), report(np.exp(rates), [0], discrete=True)
    np.testing.assert_allclose(
        [m.exponent for m in discrete.fractional_members], [m.exponent for m in flow.fractional_members]
    )
    assert discrete.outer_spectral_quotient == flow.outer_spectral_quotient == 6
    assert discrete.inner == ()


def test_map_resonance_is_a_product():
    found = report([0.8, 0.64, 0.1], [0], discrete=True)  # mu^2 = lam
    assert found.worst_exact.combination == (2,)
    assert found.worst_exact.mode == 1


# -- other kinds -----------------------------------------------------------------------------------------------


def test_unstable_manifold_is_unique_and_as_smooth_as_the_field():
    found = report([0.5, -1.0, -2.5], [0])
    assert found.smoothness.quotient == 0
    assert found.smoothness.unique_class == 1
    assert "unstable manifold" in str(found)
    assert "unique" in str(found)
    assert found.fractional_members == ()
    assert found.outer_spectral_quotient is None


def test_slow_growing_mode_is_judged_in_backward_time():
    found = report([0.9, 0.2, -1.0], [1])
    assert found.smoothness.quotient == 4
    assert "backward time" in str(found)
    assert [(m.mode, round(m.exponent, 12)) for m in found.fractional_members] == [(0, 4.5)]


def test_slow_decaying_mode_of_a_saddle_is_judged_inside_the_stable_manifold():
    found = report([0.9, -0.2, -1.0], [1])
    assert found.smoothness.quotient == 5
    assert "inside the stable manifold" in str(found)


def test_strong_stable_manifold_is_unique():
    found = report([-0.2, -1.0], [1])
    assert (found.outer_spectral_quotient, found.smoothness.unique_class) == (0, 1)
    assert found.fractional_members == ()


def test_mixed_and_centre_subspaces_promise_nothing():
    mixed = report([0.5, -1.0, -2.5], [0, 1])
    assert mixed.smoothness.kind == "mixed"
    assert mixed.smoothness.unique_class is None
    assert "no class" in str(mixed)
    centre = report([0.4j, -0.4j, -1.0], [0, 1])
    assert centre.smoothness.unique_class is None
    assert "neither unique nor" in str(centre)
    assert "Taylor series" in str(centre)


def test_whole_space_has_nothing_outside():
    found = report([-1.0, -2.0], [0, 1])
    assert found.nearest == ()
    assert "whole space" in str(found)
    assert found.inner[0].combination == (2, 0)
    assert found.inner[0].exact


# -- inner resonances ------------------------------------------------------------------------------------------


def test_hopf_point_keeps_the_radial_monomials():
    field, state = planted_network(pair(0.0, 0.4))
    inner = ssmsym.compute_ssm(field, state, modes=2, order=5).resonances.inner
    assert all(r.exact and r.inner for r in inner)
    assert {r.combination for r in inner} == {(2, 1), (1, 2), (3, 2), (2, 3)}  # z |z|^2, z |z|^4


def test_strong_resonance_of_two_frequencies():
    found = report([-0.01 + 1j, -0.01 - 1j, -0.02 + 3j, -0.02 - 3j, -1.0], [0, 1, 2, 3], order=3)
    combinations = {r.combination: r for r in found.inner}
    assert combinations[(3, 0, 0, 0)].mode == 2  # 1 : 3
    assert combinations[(3, 0, 0, 0)].distance == pytest.approx(0.01)
    assert not combinations[(3, 0, 0, 0)].exact


def test_bogdanov_takens_point_makes_every_quadratic_monomial_resonant():
    field, state = planted_network([[0.0, 1.0], [0.0, 0.0]])
    inner = ssmsym.compute_ssm(field, state, modes=2, order=2).resonances.inner
    assert {r.combination for r in inner} == {(2, 0), (1, 1), (0, 2)}


def test_double_zero_makes_every_monomial_resonant():
    found = report([1e-8j, -1e-8j, -1.0], [0, 1], order=2)
    assert {r.combination for r in found.inner} == {(2, 0), (1, 1), (0, 2)}
    assert all(r.exact for r in found.inner)


# -- exact and near outer ones ---------------------------------------------------------------------------------


def test_worst_combinations_are_found_among_many_exact_ones():
    """Rank one, m.n / N = 2/3: lambda = -1/3 and all others -1, so 3 lambda is exact in N - 1 ways."""
    *_, field, _ = rank_one(50)
    found = ssmsym.compute_ssm(field, np.zeros(50), modes=1, order=9).resonances
    assert found.worst_exact.combination == (3,)
    assert found.worst_near.combination in {(2,), (4,)}
    assert found.worst_near.distance == pytest.approx(1 / 3)
    assert "its right-hand side vanishes" in str(found)


def test_positions_are_named_in_the_text():
    text = str(report([0.9, -0.2, -1.0, -1.001], [1], order=5))
    assert "degree 5: 5 λ1 is 0.00e+00" in text
    assert "from mode 2" in text
    assert "1.00e-03" in text
