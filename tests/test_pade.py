"""Padé resummation against closed forms: beyond the radius of convergence, poles, spurious poles; no evidence."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
import sympy
from scipy.optimize import brentq

import ssmsym
from ssmsym.errors import InputError, SsmsymWarning
from ssmsym.manifolds.model_file import evidence_summary
from ssmsym.manifolds.pade import pade_approximant

x, y, z = sympy.symbols("x y z")
BUMP = ssmsym.from_sympy({x: -x, y: -5 * y + x**2 / (1 + x**2)})


def bump_manifold(t):
    """y = x^2/3 - x^4 - x^5 arctan x solves -x y' = -5 y + x^2 / (1 + x^2); its series has radius 1."""
    return t**2 / 3 - t**4 - t**5 * np.arctan(t)


def test_manifold_beyond_its_radius():
    ssm = ssmsym.compute_ssm(BUMP, [0.0, 0.0], modes=1, order=20)
    ray = ssm.evidence.pade()
    t = np.array([0.5, 0.9, 1.2, 1.5])
    truth = bump_manifold(t)
    resummed = np.abs(ray.lift(t)[:, 1] / truth - 1)
    series = np.abs(ssm.lift(t[:, None])[:, 1] / truth - 1)
    assert (resummed < [1e-8, 1e-6, 2e-5, 3e-4]).all()
    assert (resummed < 1e-2 * series).all()
    np.testing.assert_allclose(ray.lift(-t)[:, 1], bump_manifold(-t), rtol=1e-3)
    np.testing.assert_allclose(ray.dynamics(t)[:, 0], -t, rtol=1e-12)


def test_invariance_error_of_the_resummed_manifold_is_that_of_finite_differences():
    ssm = ssmsym.compute_ssm(BUMP, [0.0, 0.0], modes=1, order=14)
    ray = ssm.evidence.pade([-1.0])
    t, h = np.array([0.7, 1.1, 1.4]), 1e-6
    slopes = (ray.lift(t + h) - ray.lift(t - h)) / (2 * h)
    residual = BUMP(ray.lift(t)) + slopes * ray.dynamics(t)  # p = -t
    np.testing.assert_allclose(ray.invariance_error(t), np.linalg.norm(residual, axis=1), atol=1e-8)


def test_one_unit_reaches_its_fixed_point_beyond_the_radius():
    """x' = -x + 2 tanh x: fixed point 1.915 lies beyond the radius pi / 2 of the series about 0."""
    field = ssmsym.from_sympy({x: -x + 2 * sympy.tanh(x)})
    truth = brentq(lambda s: -s + 2 * np.tanh(s), 1.0, 3.0)
    assert truth > np.pi / 2
    for order, tolerance in ((5, 3e-2), (9, 5e-5), (13, 1e-7)):
        ssm = ssmsym.compute_ssm(field, [0.0], modes=1, order=order)
        ray = ssm.evidence.pade()
        assert brentq(lambda t, ray=ray: ray.dynamics(t)[0], 1.0, 3.0) == pytest.approx(truth, abs=tolerance)
        assert not any(abs(abs(f.p[0]) - truth) < 0.2 for f in ssm.evidence.fixed_points)


def test_poles_of_tanh():
    ssm = ssmsym.compute_ssm(ssmsym.from_sympy({x: -x + 2 * sympy.tanh(x)}), [0.0], modes=1, order=13)
    poles = ssm.evidence.pade().poles
    np.testing.assert_allclose(np.abs(poles[:2].imag), np.pi / 2, rtol=1e-8)
    np.testing.assert_allclose(poles[:2].real, 0.0, atol=1e-8)


def test_ray_of_a_two_dimensional_manifold():
    """x' = -x, y' = -y, z' = -a z + a h(s) - s h'(s), s = x + y: z = h(s); here h = log(1 + s) - s, radius 1."""
    s = sympy.Symbol("s")
    h = sympy.log(1 + s) - s
    field = ssmsym.from_sympy({x: -x, y: -y, z: -30.5 * z + (30.5 * h - s * sympy.diff(h, s)).subs(s, x + y)})
    ssm = ssmsym.compute_ssm(field, np.zeros(3), modes=2, order=14)
    direction = np.linalg.solve(ssm.right[:2], [1.0, 1.0])
    ray = ssm.evidence.pade(direction)
    t = np.array([0.3, 1.0, 3.0])
    states = ray.lift(t)
    at = states[:, 0] + states[:, 1]
    np.testing.assert_allclose(at, np.sqrt(2) * t, rtol=1e-12)
    np.testing.assert_allclose(states[:, 2], np.log1p(at) - at, rtol=1e-4)
    assert abs(ssm.lift(t[-1] * ray.direction)[2]) > 1e6
    assert ray.poles[0].real < -1 / np.sqrt(2)  # on the branch cut s < -1
    with pytest.raises(InputError, match="one coordinate"):
        ray.invariance_error(1.0)


def test_a_pole_on_the_ray_is_named():
    field = ssmsym.from_sympy({x: -x / (1 - x / 2), y: -9 * y})
    ssm = ssmsym.compute_ssm(field, [0.0, 0.0], modes=1, order=12)
    ray = ssm.evidence.pade()
    assert ray.nearest_pole_ahead == pytest.approx(2.0, rel=1e-9)
    assert ray.dynamics(5.0)[0] == pytest.approx(-5 / (1 - 2.5), rel=1e-9)
    assert "not rigorous" in str(ray)
    assert "on the ray at t = " in str(ray)
    assert np.isinf(ssm.evidence.pade([-1.0]).nearest_pole_ahead)


def test_a_map_has_its_own_equation():
    """x -> x/2, y -> y/5 + x^2 / (1 + x^2)."""
    field = ssmsym.from_sympy({x: x / 2, y: y / 5 + x**2 / (1 + x**2)}, time="discrete")
    ssm = ssmsym.compute_ssm(field, [0.0, 0.0], modes=1, order=16)
    ray = ssm.evidence.pade()
    t = np.array([0.8, 1.5])
    images = np.array([t / 2, ray.lift(t)[:, 1] / 5 + t**2 / (1 + t**2)]).T
    np.testing.assert_allclose(
        ray.invariance_error(t), np.linalg.norm(images - ray.lift(t / 2), axis=1), atol=1e-14
    )
    assert ray.invariance_error(1.5) < 1e-2 * ssm.invariance_error([1.5])


def test_rounding_errors_of_a_network_do_not_hide_an_even_series():
    """The bump with errors of 1e-16 in every coefficient, as sums over many units leave them (and no warning)."""
    ssm = ssmsym.compute_ssm(BUMP, [0.0, 0.0], modes=1, order=20)
    W = ssm.parametrization
    noise = 1e-16 * np.random.default_rng(1).standard_normal(W.coefficients.shape)
    noisy = replace(ssm, parametrization=ssmsym.Polynomial(W.exponents, W.coefficients + noise))
    t = np.array([0.3, 0.9, 1.5])
    np.testing.assert_allclose(noisy.evidence.pade().lift(t), ssm.evidence.pade().lift(t), rtol=1e-6)


# -- approximants ----------------------------------------------------------------------------------------------


def series_of(numerator, denominator, count):
    """c with sum_j b_j c_(k-j) = a_k."""
    c = []
    for k in range(count):
        known = sum(denominator[j] * c[k - j] for j in range(1, min(k, len(denominator) - 1) + 1))
        c.append(((numerator[k] if k < len(numerator) else 0.0) - known) / denominator[0])
    return np.array(c)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_rational_functions_are_found_again(scale):
    a, b = np.array([1.0, 2.0]), np.array([1.0, -1.0, 3.0])
    found = pade_approximant(series_of(a, b, 13) * scale ** np.arange(13))
    np.testing.assert_allclose(found.numerator, a * scale ** np.arange(2), rtol=1e-9)
    np.testing.assert_allclose(found.denominator, b * scale ** np.arange(3), rtol=1e-9)
    np.testing.assert_allclose(
        np.sort_complex(found.poles), np.sort_complex(np.roots([3.0, -1.0, 1.0]) / scale), rtol=1e-9
    )
    assert not len(found.doublets)


def test_exponential_is_the_classical_approximant():
    """[3/3] of exp: numerator 1 + t/2 + t^2/10 + t^3/120 (Padé 1892)."""
    c = 1 / np.cumprod([1, 1, 2, 3, 4, 5, 6.0])
    found = pade_approximant(c)
    np.testing.assert_allclose(found.numerator, [1, 1 / 2, 1 / 10, 1 / 120], rtol=1e-9)
    np.testing.assert_allclose(found.denominator, [1, -1 / 2, 1 / 10, -1 / 120], rtol=1e-9)
    t = np.array([-1.0, 0.5, 2.0])
    np.testing.assert_allclose(found.derivative(t), np.exp(t), rtol=8e-3)


@pytest.mark.parametrize("c", [[0.0], [2.0], [0.0, 0.0, 0.0], [1.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0]])
def test_polynomials_stay_what_they_are(c):
    found = pade_approximant(c)
    t = np.array([-2.0, 0.3, 5.0])
    np.testing.assert_allclose(found(t), np.polynomial.polynomial.polyval(t, c), rtol=1e-12)
    assert not len(found.poles)


def noisy_field(noise):
    """The geometric series in y, each coefficient off by a relative error: Froissart's example."""
    off = 1 + noise * np.random.default_rng(0).standard_normal(21)
    return ssmsym.from_sympy(
        {x: -x, y: -60.5 * y + sum((60.5 - k) * float(off[k]) * x**k for k in range(2, 21))}
    )


def test_spurious_poles_warn_and_a_tolerance_removes_them():
    ssm = ssmsym.compute_ssm(noisy_field(1e-6), [0.0, 0.0], modes=1, order=20)
    with pytest.warns(SsmsymWarning, match="Froissart doublets"):
        noisy = ssm.evidence.pade()
    assert len(noisy.doublets)
    assert "spurious" in str(noisy)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clean = ssm.evidence.pade(tolerance=1e-4)
    assert not len(clean.doublets)
    np.testing.assert_allclose(clean.poles, [1.0], rtol=1e-4)
    assert clean.lift(-5.0)[1] == pytest.approx(25 / 6, rel=1e-3)  # t^2 / (1 - t)


def test_wrong_arguments_are_refused():
    two = ssmsym.compute_ssm(
        ssmsym.from_sympy({x: -x, y: -1.5 * y, z: -9 * z + x * y}), np.zeros(3), modes=2, order=3
    )
    for direction in (None, [1.0], [0.0, 0.0], [np.nan, 1.0]):
        with pytest.raises(InputError, match="'direction'"):
            two.evidence.pade(direction)
    for c in ([np.inf, 1.0], [], [[1.0]]):
        with pytest.raises(InputError, match="'coefficients'"):
            pade_approximant(c)


def test_resummation_is_no_evidence():
    field = ssmsym.from_sympy({x: -x + 2 * sympy.tanh(x)})
    untouched = ssmsym.compute_ssm(field, [0.0], modes=1, order=9)
    ssm = ssmsym.compute_ssm(field, [0.0], modes=1, order=9)
    ray = ssm.evidence.pade()
    assert "no evidence" in str(ray)
    assert json.dumps(evidence_summary(ssm)) == json.dumps(evidence_summary(untouched))
    assert ssm.evidence.findings == ()
