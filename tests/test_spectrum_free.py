"""SSMs without the spectrum: against the Schur form, closed forms, dense least squares and eigenvalue counts."""

import numpy as np
import pytest
import scipy.linalg
import sympy
from synthetic import error_slope, pair, planted_network
from test_convergence import NODE, PAIRS, SADDLE, brute_force_ssm, jordan_like
from truths import rank_one

import ssmsym
from ssmsym.manifolds import hessenberg
from ssmsym.manifolds.hessenberg_leading import SpectrumNeeded, is_complete, leading_subspace

x, y = sympy.symbols("x y")


@pytest.fixture
def schur_forms(monkeypatch):
    """Counts how often the whole spectrum was computed after all."""
    calls = []
    original = hessenberg.master_subspace

    def counted(*arguments, **options):
        calls.append(arguments)
        return original(*arguments, **options)

    monkeypatch.setattr(hessenberg, "master_subspace", counted)
    return calls


def differences(a, b):
    """Largest relative difference of W and R by degree."""
    degrees = a.parametrization.exponents.sum(axis=1)
    out = []
    for one, two in ((a.parametrization, b.parametrization), (a.reduced_dynamics, b.reduced_dynamics)):
        for k in range(1, a.order + 1):
            here = degrees == k
            size = np.linalg.norm(one.coefficients[here])
            error = np.linalg.norm(one.coefficients[here] - two.coefficients[here])
            out.append(error / size if size else error)
    return max(out)


def euler(field, state, step=0.2):
    """The Euler map of x' = -x + J tanh(x) + B u + b, written as a map of its own."""
    n = len(state)
    s, u = sympy.MatrixSymbol("s", n, 1), sympy.MatrixSymbol("u", 2, 1)
    J, B, b = sympy.MatrixSymbol("J", n, n), sympy.MatrixSymbol("B", n, 2), sympy.MatrixSymbol("b", n, 1)
    arrays = {J: step * field.arrays["J"], B: step * field.arrays["B"]}
    arrays[b] = step * (state - field.arrays["J"] @ np.tanh(state))
    return ssmsym.from_sympy(
        {s: (1 - step) * s + J * s.applyfunc(sympy.tanh) + B * u + b},
        arrays=arrays,
        parameters={u: np.zeros(2)},
        time="discrete",
    )


MASTERS = {
    "real": NODE[1],
    "node": NODE[2],
    "saddle": SADDLE[3],
    "pair": PAIRS[2],
    "pair+real": PAIRS[3],
    "pairs": PAIRS[4],
}


@pytest.mark.parametrize("discrete", [False, True], ids=["flow", "map"])
@pytest.mark.parametrize("parameters", [(), ("u[0]", "u[1]")], ids=["no-parameter", "parameters"])
@pytest.mark.parametrize("master", MASTERS.values(), ids=MASTERS.keys())
def test_coefficients_are_those_of_the_schur_form(master, parameters, discrete, schur_forms):
    field, state = planted_network(master, n=70)
    if discrete:
        field = euler(field, state)
    settings = {"modes": len(master), "order": 5, "parameters": parameters, "parameter_order": 2}
    full = ssmsym.compute_ssm(field, state, **settings)
    schur_forms.clear()
    found = ssmsym.compute_ssm(field, state, **settings, spectrum=False)
    assert not schur_forms
    assert len(found.spectrum) == len(master)
    assert not found.has_spectrum
    np.testing.assert_allclose(found.spectrum, full.spectrum[: len(master)], rtol=1e-11)
    assert differences(full, found) < 1e-11
    assert found.kind == full.kind


@pytest.mark.parametrize("style", ["normal form", "linearising"])
def test_other_styles(style, schur_forms):
    field, state = planted_network(PAIRS[3], n=70)
    full = ssmsym.compute_ssm(field, state, modes=3, order=4, style=style)
    schur_forms.clear()
    found = ssmsym.compute_ssm(field, state, modes=3, order=4, style=style, spectrum=False)
    assert not schur_forms
    assert differences(full, found) < 1e-11


@pytest.mark.parametrize("parameters", [(), ("u[1]", "g")], ids=["no-parameter", "parameters"])
@pytest.mark.parametrize(
    "master", [NODE[3], PAIRS[4], jordan_like(1e-8)], ids=["node", "pairs", "nearly-jordan"]
)
def test_invariance_error_falls_at_order_plus_one(master, parameters, schur_forms):
    field, state = planted_network(master, n=70)
    ssm = ssmsym.compute_ssm(field, state, modes=len(master), order=4, parameters=parameters, spectrum=False)
    assert not schur_forms
    assert error_slope(ssm) == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize("gap", [1e-5, 1e-8, 0.0])
def test_manifold_over_a_cluster_is_that_of_the_schur_form(gap, schur_forms):
    """Bases of a cluster may differ, so the manifolds are compared as sets."""
    field, state = planted_network(jordan_like(gap), n=70)
    full = ssmsym.compute_ssm(field, state, modes=3, order=9)
    schur_forms.clear()
    found = ssmsym.compute_ssm(field, state, modes=3, order=9, spectrum=False)
    assert not schur_forms
    points = full.lift(1e-2 * np.random.default_rng(0).standard_normal((20, 3)))
    np.testing.assert_allclose(found.lift(found.project(points)), points, atol=1e-12)


@pytest.mark.parametrize("master", [NODE[1], PAIRS[2], PAIRS[3]], ids=["real", "pair", "pair+real"])
def test_coefficients_equal_dense_least_squares(master, schur_forms):
    field, state = planted_network(master, n=9, seed=2)
    ssm = ssmsym.compute_ssm(field, state, modes=len(master), order=4, spectrum=False)
    assert not schur_forms
    W, R = brute_force_ssm(field.arrays["J"], state, ssm.right, ssm.left, 4)
    for row, m in enumerate(ssm.parametrization.exponents[1:], 1):
        key = tuple(int(i) for i in m)
        np.testing.assert_allclose(ssm.parametrization.coefficients[row], W[key], rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(ssm.reduced_dynamics.coefficients[row], R[key], rtol=1e-8, atol=1e-10)


# -- complements that no diagonalisation stands ---------------------------------------------------------------


def network_of(master, complement, seed=0):
    """A tanh network whose Jacobian is block triangular, [[master, random], [0, complement]], in a random basis."""
    rng = np.random.default_rng(seed)
    d, n = len(master), len(master) + len(complement)
    A = scipy.linalg.block_diag(master, complement)
    A[:d, d:] = 0.3 * rng.standard_normal((d, n - d)) / np.sqrt(n)
    Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    state = 0.4 * rng.standard_normal(n)
    J = (Q @ A @ Q.T + np.eye(n)) / (1 - np.tanh(state) ** 2)
    return ssmsym.rate_network(J, b=state - J @ np.tanh(state)), state


def jordan_blocks():
    return scipy.linalg.block_diag(
        *[(-1.0 - 0.05 * i) * np.eye(10) + 0.5 * np.eye(10, k=1) for i in range(20)]
    )


def ill_conditioned():
    chain = np.diag(-1.0 - 0.02 * np.arange(100)) + 0.22 * np.eye(100, k=1)
    assert 1e7 < np.linalg.cond(np.linalg.eig(chain)[1]) < 1e10
    return chain


@pytest.mark.parametrize("complement", [jordan_blocks, ill_conditioned], ids=["jordan", "condition-1e8"])
@pytest.mark.parametrize("master", [NODE[2], PAIRS[2]], ids=["node", "pair"])
def test_defective_complements(master, complement, schur_forms):
    field, state = network_of(np.asarray(master), complement())
    full = ssmsym.compute_ssm(field, state, modes=2, order=5)
    schur_forms.clear()
    found = ssmsym.compute_ssm(field, state, modes=2, order=5, spectrum=False)
    assert not schur_forms
    assert differences(full, found) < 1e-11
    assert error_slope(found) == pytest.approx(6, abs=0.1)


# -- resonances -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outer", [-2.0, -2.0 - 1e-12])
def test_obstructing_resonance_is_refused(outer):
    field = ssmsym.from_sympy({x: -x, y: outer * y + x**2})
    with pytest.raises(ssmsym.ResonanceError) as caught:
        ssmsym.compute_ssm(field, [0.0, 0.0], modes=1, order=3, spectrum=False)
    assert (caught.value.degree, caught.value.combination, caught.value.mode) == (2, (2,), 1)


@pytest.mark.parametrize("beta", [1.9, 2.1, 5.5])
def test_quadratic_manifold_in_closed_form(beta):
    """x' = -x, y' = -beta y + x^2: y = x^2 / (beta - 2)."""
    field = ssmsym.from_sympy({x: -x, y: -beta * y + x**2})
    ssm = ssmsym.compute_ssm(field, [0.0, 0.0], modes=1, order=4, spectrum=False)
    assert len(ssm.spectrum) == 1
    np.testing.assert_allclose(ssm.parametrization.coefficients[2], [0, 1 / (beta - 2)], atol=1e-12)


@pytest.mark.parametrize("position", [0, 7, 58], ids=["leading", "middle", "last"])
def test_resonance_inside_a_large_network_is_refused(position):
    outer = np.diag(-0.5 - 0.03 * np.arange(59))
    outer[0, 0] = -0.1  # = 2 (-0.05)
    order = np.roll(np.arange(59), position)
    master = np.array([[-0.05]])
    field, state = network_of(master, outer[np.ix_(order, order)] + 0.2 * np.triu(np.ones((59, 59)), 1) / 8)
    with pytest.raises(ssmsym.ResonanceError) as caught:
        ssmsym.compute_ssm(field, state, modes=1, order=3, spectrum=False)
    assert (caught.value.degree, caught.value.combination, caught.value.mode) == (2, (2,), 1)


@pytest.mark.parametrize("n", [3, 50, 200])
def test_harmless_resonance_of_a_rank_one_network_passes(n):
    _, _, field, coefficients = rank_one(n)
    ssm = ssmsym.compute_ssm(field, np.zeros(n), modes=1, order=9, spectrum=False)
    assert np.abs(ssm.parametrization.coefficients[2:]).max() < 1e-13
    for value, truth in zip(ssm.reduced_dynamics.coefficients[1:, 0], coefficients, strict=True):
        assert value == pytest.approx(truth, rel=1e-10, abs=1e-13)


def test_symmetry_needs_no_spectrum_at_a_resonance_of_even_degree(schur_forms):
    """About 0 a tanh network is odd: right-hand sides of degree 2 are exactly 0."""
    J = np.eye(60) + np.diag([-0.05, -0.1, *np.linspace(-1.03, -2.01, 58)])
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((60, 60)))[0]
    ssm = ssmsym.compute_ssm(ssmsym.rate_network(Q @ J @ Q.T), np.zeros(60), modes=1, order=3, spectrum=False)
    assert not schur_forms
    assert error_slope(ssm) == pytest.approx(5, abs=0.1)


# -- which eigenvalues lead -----------------------------------------------------------------------------------


@pytest.mark.parametrize("discrete", [False, True], ids=["flow", "map"])
@pytest.mark.parametrize("seed", range(20))
def test_eigenvalues_beyond_a_bound_are_noticed(seed, discrete):
    rng = np.random.default_rng(seed)
    bulk = rng.standard_normal((80, 80)) / 9 + np.triu(rng.standard_normal((80, 80)), 1) / 20
    matrix = scipy.linalg.block_diag(pair(1.7, 0.4), [[2.1]], bulk)
    matrix[:3, 3:] = rng.standard_normal((3, 80)) / 9
    values = np.linalg.eigvals(matrix)
    rates = np.abs(values) if discrete else values.real
    values, rates = values[np.argsort(-rates)], np.sort(rates)[::-1]
    rotation = np.linalg.qr(rng.standard_normal((83, 83)))[0]
    columns = np.ascontiguousarray(scipy.linalg.hessenberg(rotation.T @ matrix @ rotation).T)
    none = np.zeros(0, dtype=complex)
    assert is_complete(columns, rates[0] + 0.3, none, discrete=discrete)
    assert is_complete(columns, 0.5 * (rates[2] + rates[3]), values[:3], discrete=discrete)
    for beyond in range(1, 12):
        bound = 0.5 * (rates[beyond - 1] + rates[beyond])
        assert not is_complete(columns, bound, none, discrete=discrete)
        assert not is_complete(columns, bound, values[1:beyond], discrete=discrete)
        assert not is_complete(columns, bound, values[: beyond - 1], discrete=discrete)


@pytest.mark.parametrize("discrete", [False, True], ids=["flow", "map"])
def test_leading_subspace_is_invariant_and_leads(discrete):
    rng = np.random.default_rng(3)
    A = rng.standard_normal((200, 200)) / 30 + np.diag(np.r_[1.4, 1.1, -1.3, np.zeros(197)])
    form, basis = leading_subspace(A, 2, discrete=discrete)
    values = np.linalg.eigvals(A)
    leading = values[np.argsort(-(np.abs(values) if discrete else values.real))[:2]]
    np.testing.assert_allclose(np.sort(np.linalg.eigvals(form)), np.sort(leading.real), rtol=1e-12)
    np.testing.assert_allclose(A @ basis, basis @ form, atol=1e-13)


@pytest.mark.parametrize("missed", [0, 1])
def test_missed_leading_eigenvalues_are_noticed(missed, monkeypatch, schur_forms):
    field, state = planted_network(NODE[3], n=70)
    wanted = ssmsym.compute_ssm(field, state, modes=2, order=3)

    def forgetful(jacobian, count, *, discrete):
        form, basis = leading_subspace(jacobian, 3, discrete=discrete)
        kept = [i for i in range(3) if i != missed]
        T, Z = scipy.linalg.schur(form, output="real")
        order = np.argsort(-np.diag(T))
        select = np.isin(np.arange(3), order[kept]).astype(np.int32)
        T, Z = scipy.linalg.lapack.dtrsen(select, T, Z, job="N")[:2]
        return T[:2, :2], basis @ Z[:, :2]

    monkeypatch.setattr(hessenberg, "leading_subspace", forgetful)
    schur_forms.clear()
    found = ssmsym.compute_ssm(field, state, modes=2, order=3, spectrum=False)
    assert len(schur_forms) == 1
    assert found.has_spectrum
    np.testing.assert_array_equal(found.parametrization.coefficients, wanted.parametrization.coefficients)


def test_disc_without_slow_modes_gives_the_leading_ones():
    """Arnoldi iteration is known to return wrong pairs here."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        J = 0.9 * rng.standard_normal((150, 150)) / np.sqrt(150)
        values = np.linalg.eigvals(J - np.eye(150))
        leading = values[np.lexsort((-values.imag, -values.real))]
        number = 2 if leading[0].imag else 1
        ssm = ssmsym.compute_ssm(ssmsym.rate_network(J), np.zeros(150), modes=number, order=2, spectrum=False)
        np.testing.assert_allclose(np.sort_complex(ssm.eigenvalues), np.sort_complex(leading[:number]))


def test_modes_by_position(schur_forms):
    field, state = planted_network(SADDLE[4], n=70)
    full = ssmsym.compute_ssm(field, state, modes=[0, 2], order=4)
    schur_forms.clear()
    found = ssmsym.compute_ssm(field, state, modes=[0, 2], order=4, spectrum=False)
    assert not schur_forms
    np.testing.assert_allclose(found.spectrum, [0.09, 0.03, -0.08], atol=1e-12)
    assert found.modes == (0, 2)
    assert differences(full, found) < 1e-11


@pytest.mark.parametrize(("master", "modes"), [(PAIRS[3], 1), (jordan_like(0.0), 1), (PAIRS[4], [0, 2, 3])])
def test_cuts_are_refused_as_with_the_spectrum(master, modes):
    field, state = planted_network(master, n=70)
    with pytest.raises(ssmsym.SubspaceError) as wanted:
        ssmsym.compute_ssm(field, state, modes=modes, order=2)
    with pytest.raises(ssmsym.SubspaceError) as found:
        ssmsym.compute_ssm(field, state, modes=modes, order=2, spectrum=False)
    assert str(found.value) == str(wanted.value)


def test_all_modes_and_modes_out_of_range():
    field, state = planted_network(NODE[2], n=6)
    assert ssmsym.compute_ssm(field, state, modes=6, order=2, spectrum=False).has_spectrum
    for modes in (0, 7, [6], [0, 0]):
        with pytest.raises(ssmsym.InputError):
            ssmsym.compute_ssm(field, state, modes=modes, order=2, spectrum=False)


# -- what is said of the spectrum -----------------------------------------------------------------------------


def test_reports_say_that_they_are_partial():
    field, state = planted_network(PAIRS[3], n=70)
    report = ssmsym.compute_ssm(field, state, modes=3, order=3, spectrum=False).resonances
    assert "among 3 computed of 70 eigenvalues" in str(report)
    assert (report.outer_spectral_quotient, report.inner_spectral_quotient) == (None, None)
    assert report.smoothness is None
    assert (report.nearest, report.fractional_members) == ((), ())
    by_position = ssmsym.compute_ssm(field, state, modes=[2], order=3, spectrum=False).resonances
    assert {r.mode for r in by_position.nearest} <= {0, 1}


def test_neutral_modes_are_a_centre_manifold():
    field, state = planted_network([[0.0]], n=70)
    ssm = ssmsym.compute_ssm(field, state, modes=1, order=3, spectrum=False)
    assert not ssm.has_spectrum
    assert ssm.kind == "centre"


def test_model_files(tmp_path):
    field, state = planted_network(PAIRS[3], n=70)
    ssm = ssmsym.compute_ssm(field, state, modes=3, order=3, spectrum=False)
    ssmsym.save(ssm, tmp_path / "model.npz")
    loaded = ssmsym.load_model(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.spectrum, ssm.spectrum)
    assert not loaded.has_spectrum
    assert (loaded.kind, loaded.modes, str(loaded.resonances)) == (ssm.kind, ssm.modes, str(ssm.resonances))
    p = 0.1 * np.ones(3)
    np.testing.assert_array_equal(loaded.lift(p), ssm.lift(p))


def test_evidence_needs_no_spectrum():
    field, state = planted_network(NODE[2], n=70)
    full = ssmsym.compute_ssm(field, state, modes=2, order=5)
    found = ssmsym.compute_ssm(field, state, modes=2, order=5, spectrum=False)
    assert found.evidence.trust_radius(1e-2) == pytest.approx(full.evidence.trust_radius(1e-2), rel=1e-3)
    assert found.evidence.slope == pytest.approx(6, abs=0.1)


def test_pair_cut_at_the_last_computed_mode_needs_the_spectrum():
    field, state = planted_network(PAIRS[3], n=70)
    with pytest.raises(SpectrumNeeded):
        hessenberg.hessenberg_subspace(field.jacobian(state), 1)


def test_modes_chosen_by_rates_need_the_spectrum():
    field, state = planted_network(PAIRS[3], n=70)
    ssm = ssmsym.compute_ssm(field, state, modes="largest gap", order=2, spectrum=False)
    assert (ssm.has_spectrum, ssm.dimension) == (True, 3)


@pytest.mark.parametrize("seed", range(6))
def test_feedforward_chains_keep_the_accuracy_of_their_triangular_form(seed):
    """Eigenvalues are known exactly from the diagonal, but not after a rotation: condition numbers reach 1e20."""
    rng = np.random.default_rng(seed)
    J = np.diag(rng.uniform(-0.5, 0.8, 60)) + 0.5 * np.eye(60, k=1)
    state = 0.3 * rng.standard_normal(60)
    field = ssmsym.rate_network(J, b=state - J @ np.tanh(state))
    full = ssmsym.compute_ssm(field, state, modes=1, order=3)
    found = ssmsym.compute_ssm(field, state, modes=1, order=3, spectrum=False)
    assert differences(full, found) < 1e-6


@pytest.mark.parametrize("n", [5, 50])
def test_cluster_reaching_beyond_the_modes_is_refused(n):
    """A rank-two network has N - 2 eigenvalues -1, of which two are asked for."""
    rng = np.random.default_rng(94)
    J = rng.standard_normal((n, 2)) @ rng.standard_normal((2, n)) / n
    count = 2 + int((np.linalg.eigvals(J).real > 1e-6).sum())
    with pytest.raises(ssmsym.SubspaceError, match="coinciding"):
        ssmsym.compute_ssm(ssmsym.rate_network(J), np.zeros(n), modes=count, order=2, spectrum=False)


def test_eigenvalues_on_the_bound_but_for_rounding_are_not_below_it():
    none = np.zeros(0, dtype=complex)
    columns = -(1.0 + 1e-15) * np.eye(3)
    assert not is_complete(columns, -1.0, none, discrete=False)
    assert is_complete(columns, -0.9, none, discrete=False)
    assert not is_complete(columns, 1.0 + 1e-12, none, discrete=True)
    assert is_complete(columns, 1.2, none, discrete=True)
