"""SSM coefficients against closed forms and published values."""

import numpy as np
import pytest
import sympy
from truths import TANH, TRUTHS, asymptotic_centre_manifold, oscillator, rank_one

import ssmsym
from ssmsym import Polynomial

TOLERANCE = 1e-10  # of the largest coefficient of a degree


def expected(table_of, exponents):
    return np.array([table_of(tuple(int(k) for k in m)) for m in exponents])


def assert_equal_by_degree(found, wanted, exponents):
    degrees = exponents.sum(axis=1)
    for degree in range(1, degrees.max() + 1):
        here = degrees == degree
        scale = np.abs(wanted[here]).max()
        error = np.abs(found[here] - wanted[here]).max()
        assert error <= TOLERANCE * (scale or 1.0), f"degree {degree}: error {error:.1e}, scale {scale:.1e}"


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda t: t.name)
def test_coefficients_equal_the_closed_form(truth):
    ssm = ssmsym.compute_ssm(
        truth.field, np.zeros(truth.field.n_states), modes=truth.modes, order=truth.order
    )
    W, R = ssm.parametrization, ssm.reduced_dynamics
    np.testing.assert_array_equal(W.exponents, R.exponents)
    assert_equal_by_degree(W.coefficients, expected(truth.parametrization, W.exponents), W.exponents)
    assert_equal_by_degree(R.coefficients, expected(truth.dynamics, R.exponents), R.exponents)


def test_outer_spectral_quotient_of_haller_and_ponsioen():
    ssm = ssmsym.compute_ssm(TRUTHS[0].field, [0.0, 0.0], modes=1, order=5)
    assert ssm.resonances.outer_spectral_quotient == 4


@pytest.mark.parametrize("n", [2, 3, 50, 200])
def test_rank_one_network_is_flat_and_its_harmless_resonance_passes(n):
    m, _, field, coefficients = rank_one(n)
    ssm = ssmsym.compute_ssm(field, np.zeros(n), modes=1, order=9)
    assert 3 * ssm.eigenvalues[0].real == pytest.approx(-1.0, abs=1e-12)
    assert np.abs(ssm.parametrization.coefficients[2:]).max() < 1e-13
    np.testing.assert_allclose(
        ssm.right[:, 0], m / np.linalg.norm(m) * np.sign(m[np.argmax(abs(m))]), rtol=1e-12
    )
    found = ssm.reduced_dynamics.coefficients[1:, 0]
    for value, truth in zip(found, coefficients, strict=True):
        assert value == pytest.approx(truth, rel=1e-10, abs=1e-13)


def test_one_unit_with_input_expands_through_its_pitchfork():
    x, w, h = sympy.symbols("x w h")
    field = ssmsym.from_sympy({x: -x + w * sympy.tanh(x) + h}, parameters={w: 1.0, h: 0.0})
    ssm = ssmsym.compute_ssm(field, [0.0], modes=1, order=6, parameters=["w", "h"])
    R = {
        tuple(m): c
        for m, c in zip(ssm.reduced_dynamics.exponents, ssm.reduced_dynamics.coefficients[:, 0], strict=True)
    }
    wanted = {(0, 0, 1): 1.0, (1, 1, 0): 1.0, (3, 0, 0): -1 / 3, (3, 1, 0): -1 / 3}
    wanted |= {(5, 0, 0): TANH[5], (5, 1, 0): TANH[5]}
    for m, value in R.items():
        assert value == pytest.approx(wanted.get(m, 0.0), abs=1e-14), m


def test_fold_of_one_unit_lies_where_the_closed_form_says():
    x, w, h = sympy.symbols("x w h")
    weight = 2.5
    s = np.sqrt(1 - 1 / weight)
    fold = weight * s - np.arctanh(s)
    field = ssmsym.from_sympy({x: -x + w * sympy.tanh(x) + h}, parameters={w: weight, h: -fold})
    ssm = ssmsym.compute_ssm(field, [np.arctanh(s)], modes=1, order=3, parameters=["h"])
    R = ssm.reduced_dynamics.coefficients[:, 0]
    assert R[0] == 0.0
    assert abs(R[1]) < 1e-14  # the linear term vanishes at the fold
    assert R[2] == pytest.approx(1.0)  # d/dh
    assert R[3] == pytest.approx(-s, rel=1e-12)  # f''/2 = -w s (1 - s^2) = -s


def test_lorenz_origin():
    x, y, z = sympy.symbols("x y z")
    field = ssmsym.from_sympy({x: 10 * (y - x), y: 28 * x - y - x * z, z: x * y - sympy.Rational(8, 3) * z})
    ssm = ssmsym.compute_ssm(field, np.zeros(3), modes=1, order=8)
    root = np.sqrt(1201)
    np.testing.assert_allclose(ssm.spectrum, [(-11 + root) / 2, -8 / 3, (-11 - root) / 2], rtol=1e-13)
    # degree 2 by hand: z_2 = v_x v_y / (2 lambda + 8/3)
    v = ssm.right[:, 0]
    lam = (-11 + root) / 2
    assert ssm.parametrization.coefficients[2, 2] == pytest.approx(v[0] * v[1] / (2 * lam + 8 / 3), rel=1e-12)


def test_linear_field_has_no_higher_terms():
    rng = np.random.default_rng(3)
    x = sympy.MatrixSymbol("x", 6, 1)
    A = sympy.MatrixSymbol("A", 6, 6)
    matrix = rng.standard_normal((6, 6)) - 4 * np.eye(6)
    field = ssmsym.from_sympy({x: A * x}, arrays={A: matrix})
    spectrum = sorted(np.linalg.eigvals(matrix), key=lambda v: -v.real)
    modes = 2 if spectrum[0].imag or not spectrum[1].imag else 3
    ssm = ssmsym.compute_ssm(field, np.zeros(6), modes=modes, order=5)
    linear = ssm.parametrization.exponents.sum(axis=1) == 1
    assert (ssm.parametrization.coefficients[~linear] == 0).all()
    assert (ssm.reduced_dynamics.coefficients[~linear] == 0).all()
    found = np.linalg.eigvals(ssm.reduced_dynamics.jacobian(np.zeros(modes)))
    np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(ssm.eigenvalues), rtol=1e-12)


CHANGE = sympy.Matrix([[2, 1, 0], [-1, 1, 1], [0, sympy.Rational(1, 2), 3]])


@pytest.mark.parametrize("truth", [*TRUTHS[:2], *TRUTHS[4:]], ids=lambda t: t.name)
def test_coefficients_transform_under_a_linear_change_of_state(truth):
    symbols = list(truth.field.equations)
    n = len(symbols)
    T = CHANGE[:n, :n]
    new = list(sympy.symbols(f"y1:{n + 1}"))
    into = dict(zip(symbols, T * sympy.Matrix(new), strict=True))
    old_right = sympy.Matrix([truth.field.equations[s].subs(into, simultaneous=True) for s in symbols])
    changed = ssmsym.from_sympy(dict(zip(new, sympy.expand(T.inv() * old_right), strict=True)))
    plain = ssmsym.compute_ssm(truth.field, np.zeros(n), modes=truth.modes, order=5)
    moved = ssmsym.compute_ssm(changed, np.zeros(n), modes=truth.modes, order=5)
    matrix = np.array(T, dtype=float)
    basis = plain.left.T @ matrix @ moved.right  # p = basis q
    coordinates = Polynomial.identity(truth.modes).transformed(basis)
    wanted_W = plain.parametrization.compose(coordinates).transformed(np.linalg.inv(matrix))
    wanted_R = plain.reduced_dynamics.compose(coordinates).transformed(np.linalg.inv(basis))
    exponents = moved.parametrization.exponents
    assert_equal_by_degree(moved.parametrization.coefficients, wanted_W.coefficients, exponents)
    assert_equal_by_degree(moved.reduced_dynamics.coefficients, wanted_R.coefficients, exponents)


def test_resonant_parabola_is_refused_and_says_what_to_do():
    x, y = sympy.symbols("x y")
    field = ssmsym.from_sympy({x: -x, y: -2 * y + x**2})
    with pytest.raises(ssmsym.ResonanceError, match=r"Add mode 1 .* or keep 'order' below 2") as caught:
        ssmsym.compute_ssm(field, [0.0, 0.0], modes=1, order=4)
    assert (caught.value.degree, caught.value.mode, caught.value.combination) == (2, 1, (2,))
    assert ssmsym.compute_ssm(field, [0.0, 0.0], modes=1, order=1).order == 1
    both = ssmsym.compute_ssm(field, [0.0, 0.0], modes=2, order=4)
    assert both.dimension == 2


def test_divergent_series_is_reported_as_shrinking():
    truth = asymptotic_centre_manifold()
    evidence = ssmsym.compute_ssm(truth.field, [0.0, 0.0], modes=1, order=14).evidence
    assert evidence.parametrization_radius.shrinks
    assert evidence.radius == 0.0
    estimates = evidence.parametrization_radius.by_degree[3::2]  # degrees 4, 6, ...
    assert (np.diff(estimates) < 0).all()
    assert "shrinking to 0" in repr(evidence)


def test_pair_basis_follows_the_convention():
    truth = oscillator()
    change = np.array([[1.0, 0.4, 0.2], [0.0, 1.0, -0.3], [0.1, 0.0, 1.0]])
    x = sympy.MatrixSymbol("x", 3, 1)
    A = sympy.MatrixSymbol("A", 3, 3)
    matrix = np.linalg.inv(change) @ truth.field.jacobian(np.zeros(3)) @ change
    field = ssmsym.from_sympy({x: A * x}, arrays={A: matrix})
    ssm = ssmsym.compute_ssm(field, np.zeros(3), modes=2, order=1)
    v = (ssm.right[:, 0] + 1j * ssm.right[:, 1]) / np.sqrt(2)
    np.testing.assert_allclose(matrix @ v, ssm.eigenvalues[0] * v, atol=1e-13)
    assert np.linalg.norm(v) == pytest.approx(1.0)
    assert v.real @ v.imag == pytest.approx(0.0, abs=1e-14)
    assert np.linalg.norm(v.real) >= np.linalg.norm(v.imag)
    np.testing.assert_allclose(ssm.left.T @ ssm.right, np.eye(2), atol=1e-14)


def test_pair_resonance_is_judged_by_the_resonant_part():
    """w' = (-0.2 - 2i) w + forcing with z' = (-0.1 - i) z: z^2 is resonant, conj(z)^2 is not: w = conj(z)^2 / 4i."""
    x, y, u, v = sympy.symbols("x y u v")
    master = {x: -x / 10 + y, y: -x - y / 10}

    def field(sign):
        return ssmsym.from_sympy(
            {**master, u: -u / 5 + 2 * v + x**2 - y**2, v: -2 * u - v / 5 + sign * 2 * x * y}
        )

    ssm = ssmsym.compute_ssm(field(-1), np.zeros(4), modes=2, order=3)
    for z in (0.3 + 0.2j, 0.1 - 0.4j):
        state = ssm.lift(ssm.project([z.real, z.imag, 0.0, 0.0]))
        w = np.conj(z) ** 2 / 4j
        assert state == pytest.approx([z.real, z.imag, w.real, w.imag], abs=1e-12)
    with pytest.raises(ssmsym.ResonanceError) as caught:
        ssmsym.compute_ssm(field(1), np.zeros(4), modes=2, order=3)
    assert caught.value.degree == 2
