"""Any master subspace: order of the error at bifurcations and Jordan blocks, windows of rates, proposed modes."""

import numpy as np
import pytest
import sympy
from scipy.linalg import block_diag
from synthetic import error_slope, pair, planted_blocks, planted_network
from truths import quintic_centre_manifold

import ssmsym
from ssmsym import LargestGap, SpectralWindow, propose_modes
from ssmsym.errors import InputError, SubspaceError

x, y, z = sympy.symbols("x y z")


def jordan(value, size, coupling=0.5):
    return value * np.eye(size) + coupling * np.diag(np.ones(size - 1), 1)


def jordan_of_pairs(block, coupling=0.5):
    out = block_diag(block, block)
    out[:2, 2:] = coupling * np.eye(2)
    return out


# -- centre directions -----------------------------------------------------------------------------------------

CENTRES = {
    "fold": ([[0.0]], 5),
    "Hopf": (pair(0.0, 0.4), 4),
    "Bogdanov-Takens": ([[0.0, 1.0], [0.0, 0.0]], 4),
    "fold-Hopf": (block_diag([[0.0]], pair(0.0, 0.7)), 3),
    "double Hopf": (block_diag(pair(0.0, 0.4), pair(0.0, 0.9)), 3),
    "triple zero": (jordan(0.0, 3), 3),
    "fold beside a growing direction": (np.diag([0.1, 0.0]), 4),
}


@pytest.mark.parametrize("parameters", [(), ("u[0]",)], ids=["no-parameter", "u[0]"])
@pytest.mark.parametrize("name", CENTRES)
def test_centre_manifolds_have_their_order(name, parameters):
    master, order = CENTRES[name]
    field, state = planted_network(master)
    ssm = ssmsym.compute_ssm(field, state, modes=len(master), order=order, parameters=parameters)
    scatter = np.finfo(float).eps ** (1 / 3) if name == "triple zero" else 1e-7
    np.testing.assert_allclose(
        np.sort(ssm.eigenvalues.real), np.sort(np.linalg.eigvals(np.asarray(master)).real), atol=3 * scatter
    )
    assert error_slope(ssm) == pytest.approx(order + 1, abs=0.1)


def test_bogdanov_takens_keeps_its_jordan_block():
    field, state = planted_network([[0.0, 1.0], [0.0, 0.0]])
    ssm = ssmsym.compute_ssm(field, state, modes=2, order=2)
    linear = ssm.reduced_dynamics.jacobian(np.zeros(2))
    assert ssm.kind == "centre"
    assert np.linalg.norm(linear) == pytest.approx(1.0, abs=1e-7)
    np.testing.assert_allclose(linear @ linear, 0.0, atol=1e-7)
    with pytest.raises(SubspaceError):
        ssmsym.compute_ssm(field, state, modes=1)


def test_centre_manifold_and_reduced_equation_of_the_quintic_example():
    truth = quintic_centre_manifold()
    ssm = ssmsym.compute_ssm(truth.field, [0.0, 0.0], modes="largest gap", order=8)
    assert ssm.kind == "centre"
    np.testing.assert_allclose(
        ssm.parametrization.coefficients[:, 1], [0, 0, 1, 0, 0, -2, 2, 0, 14], rtol=1e-12, atol=1e-13
    )
    np.testing.assert_allclose(
        ssm.reduced_dynamics.coefficients[:, 0], [0, 0, 0, 0, 1, -1, 0, -2, 2], rtol=1e-12, atol=1e-13
    )


def test_bogdanov_takens_normal_form_with_a_slaved_direction():
    """x' = y, y' = x^2 + x y, z' = -z + x^2; z = h solves h + h_x y + h_y (x^2 + x y) = x^2."""
    field = ssmsym.from_sympy({x: y, y: x**2 + x * y, z: -z + x**2})
    ssm = ssmsym.compute_ssm(field, np.zeros(3), modes=2, order=4)
    h = sympy.Integer(0)
    for _ in range(12):  # the operator on the right is nilpotent up to any degree
        h = sympy.expand(x**2 - sympy.diff(h, x) * y - sympy.diff(h, y) * (x**2 + x * y))
        h = sum(c * x**i * y**j for (i, j), c in sympy.Poly(h, x, y).terms() if i + j <= 4)
    found = ssm.lift(np.array([[0.11, -0.07], [0.05, 0.2], [-0.2, 0.1]]))
    wanted = sympy.lambdify((x, y), h)(found[:, 0], found[:, 1])
    np.testing.assert_allclose(found[:, 2], wanted, rtol=1e-9)


# -- repeated and defective eigenvalues, several pairs ---------------------------------------------------------

MASTERS = {
    "double": (np.diag([-0.1, -0.1]), 4),
    "Jordan block of three": (jordan(-0.1, 3), 4),
    "two Jordan blocks": (block_diag(jordan(0.05, 2), jordan(-0.1, 2)), 3),
    "double pair": (block_diag(pair(-0.06, 0.4), pair(-0.06, 0.4)), 3),
    "defective pair": (jordan_of_pairs(pair(-0.06, 0.4)), 3),
    "three pairs, one growing": (block_diag(pair(0.04, 0.9), pair(-0.06, 0.4), pair(-0.1, 1.7)), 3),
    "six real": (np.diag([0.1, 0.05, -0.04, -0.08, -0.1, -0.13]), 2),
}


@pytest.mark.parametrize("name", MASTERS)
def test_repeated_defective_and_mixed_masters_have_their_order(name):
    master, order = MASTERS[name]
    field, state = planted_network(master)
    ssm = ssmsym.compute_ssm(field, state, modes=len(master), order=order)
    assert error_slope(ssm) == pytest.approx(order + 1, abs=0.1)
    assert np.linalg.cond(ssm.right) < 1e2


COMPLEMENTS = {
    "condition 1e8": [[-0.6, 1.0], [0.0, -0.6 - 1e-8]],
    "Jordan block of three": jordan(-0.6, 3, 1.0),
    "defective pair": jordan_of_pairs(pair(-0.7, 0.5)),
    "double pair": block_diag(pair(-0.7, 0.5), pair(-0.7, 0.5)),
    "zero of a growing Jordan block": jordan(0.15, 2),
}


@pytest.mark.parametrize(("master", "order"), [([[-0.05]], 5), (pair(-0.06, 0.4), 4), (jordan(-0.05, 2), 4)])
@pytest.mark.parametrize("name", COMPLEMENTS)
def test_defective_complements_do_not_lower_the_order(name, master, order):
    complement = np.asarray(COMPLEMENTS[name])
    field, state = planted_blocks(master, complement)
    if name == "condition 1e8":
        assert np.linalg.cond(np.linalg.eig(complement)[1]) > 0.9e8
    spectrum = np.linalg.eigvals(field.jacobian(state))
    first = int((spectrum.real > np.max(np.real(np.linalg.eigvals(np.asarray(master)))) + 1e-3).sum())
    ssm = ssmsym.compute_ssm(field, state, modes=[first + i for i in range(len(master))], order=order)
    wanted = np.sort(np.linalg.eigvals(np.asarray(master, dtype=float)).real)
    np.testing.assert_allclose(np.sort(ssm.eigenvalues.real), wanted, atol=1e-6)
    assert error_slope(ssm) == pytest.approx(order + 1, abs=0.1)


def test_half_a_jordan_block_is_refused():
    field, state = planted_blocks(jordan(-0.05, 2), [[-0.9]])
    with pytest.raises(SubspaceError):
        ssmsym.compute_ssm(field, state, modes=1)


# -- windows of rates ------------------------------------------------------------------------------------------

SPECTRUM = [0.3, 0.1 + 2j, 0.1 - 2j, -0.2, -0.5 + 1j, -0.5 - 1j, -3.0]


@pytest.mark.parametrize(
    ("window", "positions"),
    [
        (SpectralWindow(fastest=-0.2), (0, 1, 2, 3)),
        (SpectralWindow(slowest=0.1, fastest=-0.2), (1, 2, 3)),
        (SpectralWindow(slowest=0.0), (3, 4, 5, 6)),
        (SpectralWindow(slowest=-0.5, fastest=-0.5), (4, 5)),
    ],
)
def test_windows_take_the_modes_whose_rates_lie_inside(window, positions):
    assert window.positions(SPECTRUM) == positions
    multipliers = np.exp(np.array(SPECTRUM))
    assert window.positions(multipliers, discrete=True) == positions


def test_a_window_selects_the_modes_of_a_network():
    field, state = planted_network(np.diag([0.1, 0.027, -0.08, -0.145]))
    ssm = ssmsym.compute_ssm(field, state, modes=SpectralWindow(slowest=0.05, fastest=-0.1), order=3)
    np.testing.assert_allclose(ssm.eigenvalues, [0.027, -0.08], atol=1e-9)
    assert error_slope(ssm) == pytest.approx(4, abs=0.1)


@pytest.mark.parametrize(
    ("make", "culprit"),
    [
        (lambda: SpectralWindow(), "neither"),
        (lambda: SpectralWindow(slowest=-1.0, fastest=-0.1), "Exchange"),
        (lambda: SpectralWindow(fastest=np.nan), "nan"),
        (lambda: SpectralWindow(fastest=1.0).positions(SPECTRUM), "nearest has 0.3"),
        (lambda: SpectralWindow(slowest=-4.0).positions(SPECTRUM), "nearest has -3"),
        (lambda: LargestGap(most=0), "'most'"),
        (lambda: propose_modes([]), "shape"),
        (lambda: propose_modes([np.nan, -1.0]), "finite"),
        (lambda: propose_modes([-1.0] * 8), "Raise 'most'"),
        (lambda: propose_modes([-0.1, -0.1 - 1e-9, -0.3], most=1), "cuts a pair or cluster"),
        (lambda: ssmsym.compute_ssm(quintic_centre_manifold().field, [0, 0], modes="slow"), "largest gap"),
    ],
)
def test_wrong_choices_are_refused(make, culprit):
    with pytest.raises(InputError, match=culprit):
        make()


# -- proposed modes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spectrum", "modes"),
    [
        ([0.0108, -0.34, -0.36], 1),
        ([0.0108, -0.018, -0.34, -0.36], 2),
        ([5.0, -0.01, -1.0], 2),
        ([-0.01, -0.3 + 1j, -0.3 - 1j, -8.0], 1),
        ([-0.01, -0.3 + 1j, -0.3 - 1j, -9.0], 1),  # both gaps are 29: the smaller model
        ([-0.1 + 1j, -0.1 - 1j, -0.12, -4.0, -4.1], 3),
        ([0.0, -0.001, -5.0], 1),
        ([0.2, 1e-9j, -1e-9j, -0.5], 3),
        ([-0.1, -0.1 - 1e-9, -0.12, -3.0], 3),
        ([-1.0, -1.0], 2),
        ([-1.0], 1),
    ],
)
def test_the_largest_gap_is_found(spectrum, modes):
    assert propose_modes(spectrum).modes == modes
    assert propose_modes(spectrum[::-1]).modes == modes
    assert propose_modes(np.exp(np.array(spectrum, dtype=complex)), discrete=True).modes == modes


def test_a_proposal_never_cuts_a_pair_or_cluster():
    proposal = propose_modes([-0.1 + 1j, -0.1 - 1j, -0.2, -0.2, -5.0], most=3)
    assert [c.modes for c in proposal.candidates if c.whole] == [2]
    assert proposal.modes == 2


def test_gaps_and_quotients_are_those_of_the_definitions():
    first, second = propose_modes([-1.0, -np.sqrt(24), -40.0], most=2).candidates
    assert first.gap == pytest.approx(np.sqrt(24) - 1)
    assert second.gap == pytest.approx(40 / np.sqrt(24) - 1)
    assert (first.outer_spectral_quotient, second.outer_spectral_quotient) == (40, 40)


def test_a_proposal_explains_itself():
    text = str(propose_modes([0.0108, -0.34, -0.36]))
    assert "1 mode proposed" in text
    assert "+0.0108" in text
    assert "-0.3400" in text
    assert "No gap is clear" in str(propose_modes([-1.0, -1.3, -1.7]))


def test_superstable_multipliers_are_left_out():
    assert propose_modes([0.9, 0.5, 0.0, 0.0], discrete=True).modes == 2


def test_the_largest_gap_drives_the_expansion():
    field, state = planted_network(pair(-0.02, 0.4))
    by_text = ssmsym.compute_ssm(field, state, modes="largest gap", order=3)
    by_object = ssmsym.compute_ssm(field, state, modes=LargestGap(most=4), order=3)
    assert by_text.modes == by_object.modes == (0, 1)
    assert error_slope(by_text) == pytest.approx(4, abs=0.1)


def test_the_memory_network_is_proposed_one_mode(shipped):
    field = shipped("delay_n100_a")
    point = ssmsym.refine_fixed_point(field, np.zeros(field.n_states))
    ssm = ssmsym.compute_ssm(field, point, modes="largest gap", order=1)
    assert ssm.dimension == 1
