"""Curves of bifurcations in two parameters and branch switching against closed forms."""

import numpy as np
import pytest
import sympy

import ssmsym
from ssmsym.bifurcation_curves.defining_system import DefiningSystem

x, y, s, t = sympy.symbols("x y s t")


@pytest.mark.parametrize("kind", ["fold", "hopf"])
def test_derivatives_of_the_defining_system(kind):
    """Against central differences, away from any bifurcation."""
    field = ssmsym.from_sympy(
        {x: s * x - y + t * x**2 + x * y - 0.3 * y**3, y: x + s * y - t * x * y}, parameters={s: 0.1, t: 0.2}
    )
    system = DefiningSystem(field, kind, ("s", "t"))
    z = np.array([0.1, 0.2, 0.15, 0.9][: system.n_unknowns])
    _, by_z, by_value = system.defect(z, 0.2)
    h = 1e-6
    columns = [
        (system.defect(z + h * e, 0.2)[0] - system.defect(z - h * e, 0.2)[0]) / (2 * h)
        for e in np.eye(len(z))
    ]
    assert np.allclose(by_z, np.transpose(columns), atol=1e-8)
    assert np.allclose(
        by_value, (system.defect(z, 0.2 + h)[0] - system.defect(z, 0.2 - h)[0]) / (2 * h), atol=1e-8
    )


def test_folds_of_the_cusp():
    """A12: mu^2 = 4 (lambda / 3)^3, cusp at (0, 0)."""
    field = ssmsym.from_sympy({x: s + t * x - x**3}, parameters={s: 0.0, t: 1.0})
    folds = ssmsym.branches(field, "s", (-1.0, 1.0)).special_points
    found = ssmsym.trace_bifurcation_curves(field, folds, ("s", "t"), (-1.0, 1.0), (-0.5, 1.5))
    (branch,) = found.branches  # one curve holds both folds
    assert branch.kind == "fold_curve"
    assert np.abs(branch.parameter**2 - 4 * (branch.second_parameter / 3) ** 3).max() < 1e-12
    assert branch.second_parameter.max() == pytest.approx(1.5)
    assert (branch.unstable == 0).all()
    (cusp,) = found.special_points
    assert cusp.kind == "cusp"
    assert np.hypot(cusp.parameter, cusp.second_parameter) < 1e-9


def test_cusp_of_a_logistic_unit():
    """A10: the cusp of y' = -y + w / (1 + exp(-(y + I))) lies at w = 4, I = -2."""
    field = ssmsym.from_sympy({x: -x + t / (1 + sympy.exp(-(x + s)))}, parameters={s: -3.0, t: 6.0})
    folds = ssmsym.branches(field, "s", (-4.0, -2.0)).special_points
    found = ssmsym.trace_bifurcation_curves(field, folds[0], ("s", "t"), (-6.0, 0.0), (3.0, 7.0))
    (cusp,) = [p for p in found.special_points if p.kind == "cusp"]
    assert (cusp.parameter, cusp.second_parameter) == (
        pytest.approx(-2.0, abs=1e-8),
        pytest.approx(4.0, abs=1e-8),
    )
    (branch,) = found.branches
    w = branch.second_parameter
    both = [
        2 * np.log((np.sqrt(w) + np.sqrt(w - 4)) / 2) - 0.5 * (w + r * np.sqrt(w * (w - 4))) for r in (1, -1)
    ]
    other = [
        -2 * np.log((np.sqrt(w) + np.sqrt(w - 4)) / 2) - 0.5 * (w - r * np.sqrt(w * (w - 4))) for r in (1, -1)
    ]
    nearest = np.min(np.abs(np.array([*both, *other]) - branch.parameter), axis=0)
    assert nearest[w > 4.001].max() < 1e-9


def test_bogdanov_takens_normal_form():
    """x' = y, y' = s + t x + x^2 - x y: folds s = t^2 / 4, Hopf points s = 0, t < 0, which end at (0, 0)."""
    field = ssmsym.from_sympy({x: y, y: s + t * x + x**2 - x * y}, parameters={s: -1.0, t: -1.0})
    special = ssmsym.branches(field, "s", (-0.5, 0.5)).special_points
    found = ssmsym.trace_bifurcation_curves(field, special, ("s", "t"), (-0.5, 0.5), (-1.2, 1.0))
    fold, hopf = (next(b for b in found.branches if b.kind == f"{kind}_curve") for kind in ("fold", "hopf"))
    assert np.abs(fold.parameter - fold.second_parameter**2 / 4).max() < 1e-10
    assert np.abs(hopf.parameter).max() < 1e-10
    assert "Bogdanov-Takens point" in hopf.ends
    (point,) = [p for p in found.special_points if p.kind == "bogdanov_takens"]
    assert np.hypot(point.parameter, point.second_parameter) < 1e-8


def rotated(field_parts, mix=0.3):
    """The same system after a nonlinear change of coordinates, w = y + mix x^2, so that nothing is in normal form."""
    u, w = sympy.symbols("u w")
    fx, fy = (e.subs({x: u, y: w - mix * u**2}, simultaneous=True) for e in field_parts)
    return {u: sympy.expand(fx), w: sympy.expand(fy + 2 * mix * u * fx)}


def test_bautin_point_of_a13():
    """A13 with a free: Hopf at mu = 0 for every a, l1 ~ a, so that the Bautin point lies at a = 0."""
    r2 = x**2 + y**2
    growth, turn = s + t * r2 - r2**2, 1 + r2 / 2
    field = ssmsym.from_sympy(
        rotated((growth * x - turn * y, growth * y + turn * x)), parameters={s: -0.5, t: 1.0}
    )
    (hopf,) = ssmsym.branches(field, "s", (-0.6, 0.4), points=[[0.0, 0.0]]).special_points
    found = ssmsym.trace_bifurcation_curves(field, hopf, ("s", "t"), (-1.0, 1.0), (-1.0, 2.0))
    (branch,) = found.branches
    assert np.abs(branch.parameter).max() < 1e-12
    (point,) = found.special_points
    assert point.kind == "generalized_hopf"
    assert np.hypot(point.parameter, point.second_parameter) < 1e-9
    assert point.period == pytest.approx(2 * np.pi, rel=1e-9)


def test_fold_hopf_point():
    """A fold z' = t - z^2 beside a pair with growth s - z: Hopf points s = z, det A = 0 at (0, 0)."""
    z = sympy.Symbol("z")
    field = ssmsym.from_sympy(
        {x: (s - z) * x - y - x * (x**2 + y**2), y: (s - z) * y + x - y * (x**2 + y**2), z: t - z**2},
        parameters={s: 0.0, t: 0.25},
    )
    hopf = ssmsym.branches(field, "s", (-1.0, 1.0), points=[[0.0, 0.0, 0.5]]).special_points
    found = ssmsym.trace_bifurcation_curves(field, hopf, ("s", "t"), (-1.0, 1.0), (-0.5, 0.6))
    branch = found.branches[0]
    assert np.abs(branch.second_parameter - branch.parameter**2).max() < 1e-10
    (point,) = found.special_points
    assert point.kind == "fold_hopf"
    assert np.hypot(point.parameter, point.second_parameter) < 1e-7


def test_first_lyapunov_coefficient_has_a_pole_at_a_fold_hopf_point():
    """With a (x^2 + y^2) in z', Re c1 = -1 - a / (2 z): zero at z = -a/2 and a pole, no Bautin point, at z = 0."""
    z, a = sympy.Symbol("z"), 0.5
    r2 = x**2 + y**2
    field = ssmsym.from_sympy(
        {x: (s - z) * x - y - x * r2, y: (s - z) * y + x - y * r2, z: t - z**2 + a * r2},
        parameters={s: 0.0, t: 0.25},
    )
    hopf = ssmsym.branches(field, "s", (-1.0, 1.0), points=[[0.0, 0.0, 0.5]]).special_points
    found = ssmsym.trace_bifurcation_curves(field, hopf, ("s", "t"), (-1.0, 1.0), (-0.5, 0.6))
    assert sorted(p.kind for p in found.special_points) == ["fold_hopf", "generalized_hopf"]
    (bautin,) = found.of_kind("generalized_hopf")
    assert bautin.parameter == pytest.approx(-a / 2, abs=1e-8)
    assert bautin.second_parameter == pytest.approx(a**2 / 4, abs=1e-8)


def test_neimark_sacker_curve_ends_at_strong_resonances():
    """x -> y, y -> -s x + t y + ...: a pair on the unit circle at s = 1, angle arccos(t/2), until t = 2 and t = -2."""
    field = ssmsym.from_sympy(
        {x: y, y: -s * x + t * y - 0.3 * y**3 + 0.2 * x**2}, parameters={s: 0.5, t: 0.3}, time="discrete"
    )
    special = ssmsym.branches(field, "s", (0.2, 2.0), points=[[0.0, 0.0]]).special_points
    (turn,) = [p for p in special if p.kind == "neimark_sacker"]
    found = ssmsym.trace_bifurcation_curves(field, turn, ("s", "t"), (0.2, 2.0), (-3.0, 3.0))
    (branch,) = found.branches
    assert np.abs(branch.parameter - 1.0).max() < 1e-10
    assert branch.second_parameter.min() == pytest.approx(-2.0, abs=0.02)
    assert branch.second_parameter.max() == pytest.approx(2.0, abs=0.02)
    assert set(branch.ends) == {"1:1 resonance", "1:2 resonance"}


def test_curves_of_maps():
    """Henon's map x' = 1 + y - a x^2, y' = b x: fold a = -(1 - b)^2 / 4, flip a = 3 (1 - b)^2 / 4."""
    field = ssmsym.from_sympy({x: 1 + y - s * x**2, y: t * x}, parameters={s: 0.1, t: 0.3}, time="discrete")
    special = ssmsym.branches(field, "s", (-0.3, 0.6)).special_points
    found = ssmsym.trace_bifurcation_curves(field, special, ("s", "t"), (-2.0, 3.0), (-0.6, 0.6))
    for branch in found.branches:
        factor = {"fold_curve": -0.25, "flip_curve": 0.75}[branch.kind]
        assert np.abs(branch.parameter - factor * (1 - branch.second_parameter) ** 2).max() < 1e-9
    assert {b.kind for b in found.branches} == {"fold_curve", "flip_curve"}


def test_neimark_sacker_curve():
    """x -> r x (1 - y) + q x, y -> x has a pair on the unit circle at r + q = 2, angle arccos(1/2)."""
    field = ssmsym.from_sympy(
        {x: s * x * (1 - y) + t * x, y: x}, parameters={s: 1.5, t: 0.2}, time="discrete"
    )
    (turn,) = [
        p
        for p in ssmsym.branches(field, "s", (1.4, 2.2), points=[[0.7 / 1.5] * 2]).special_points
        if p.kind == "neimark_sacker"
    ]
    found = ssmsym.trace_bifurcation_curves(field, turn, ("s", "t"), (1.0, 3.0), (-0.5, 0.5))
    (branch,) = found.branches
    assert np.abs(branch.parameter + branch.second_parameter - 2.0).max() < 1e-9


def test_reduced_and_full_folds_overlay():
    """Two folds of the memory network in its two inputs: model over the saddle between, network, and located alone."""
    field = ssmsym.load(ssmsym.network_path("delay_n100_a"))
    saddle = min(ssmsym.find_fixed_points(field), key=lambda p: abs(p.eigenvalues[0] - 0.0108 / 0.1))
    ssm = ssmsym.compute_ssm(field, saddle, modes=1, order=9, parameters=["u[0]", "u[1]"])
    model = ssmsym.reduce(ssm)
    intervals = ((-0.008, 0.008), (-0.004, 0.004))
    folds = [
        p
        for p in ssmsym.branches(model, "u[0]", (-0.006, 0.006)).special_points
        if p.kind == "fold" and p.confirmed
    ]
    reduced = ssmsym.trace_bifurcation_curves(model, folds, ("u[0]", "u[1]"), *intervals)
    full_folds = ssmsym.branches(field, "u[0]", (-0.006, 0.006), points=[saddle]).special_points
    full = ssmsym.trace_bifurcation_curves(field, full_folds, ("u[0]", "u[1]"), *intervals)
    assert len(reduced.branches) == len(full.branches) == 2
    for of_model in reduced.branches:
        order = np.argsort(of_model.second_parameter)
        distances = []
        for of_network in full.branches:
            at = np.interp(
                of_network.second_parameter, of_model.second_parameter[order], of_model.parameter[order]
            )
            near = np.abs(of_network.second_parameter) < 0.001
            distances.append(np.abs(at - of_network.parameter)[near].max())
        assert min(distances) < 2e-5


@pytest.mark.slow
def test_one_thousand_units():
    """Independent units, one with folds that are known, mixed by a reflection: x = Q y, y_i' = -y_i + w_i tanh y_i."""
    n, w = 1000, 1.5
    rng = np.random.default_rng(0)
    reflector = rng.standard_normal(n)
    reflector /= np.linalg.norm(reflector)
    Q = np.eye(n) - 2 * np.outer(reflector, reflector)
    X, Y = sympy.MatrixSymbol("X", n, 1), sympy.MatrixSymbol("Q", n, n)
    D, e = sympy.MatrixSymbol("D", n, 1), sympy.MatrixSymbol("e", n, 1)
    gains = np.full((n, 1), 0.3)
    gains[0] = 0.0
    first = np.zeros((n, 1))
    first[0] = 1.0
    inner = Y.T * X
    tanh = inner.applyfunc(sympy.tanh)
    side = -X + Y * (sympy.HadamardProduct(D + t * e, tanh) + s * e)
    field = ssmsym.from_sympy({X: side}, parameters={s: 0.0, t: w}, arrays={Y: Q, D: gains, e: first})
    root = np.sqrt(1 - 1 / w)
    start = np.zeros(n)
    start[0] = np.arctanh(root)
    fold = ssmsym.SpecialPoint(
        kind="fold",
        parameter=-(w * root - np.arctanh(root)),
        state=Q @ start,
        eigenvalues=np.zeros(1, complex),
    )
    found = ssmsym.trace_bifurcation_curves(field, fold, ("s", "t"), (-1.0, 1.0), (1.2, 1.8), max_points=5)
    (branch,) = found.branches
    inner_root = np.sqrt(1 - 1 / branch.second_parameter)
    exact = -(branch.second_parameter * inner_root - np.arctanh(inner_root))
    assert len(branch) > 3
    assert np.abs(branch.parameter - exact).max() < 1e-9
    assert (branch.unstable == -1).all()


@pytest.mark.parametrize("mix", [0.0, 0.3])
def test_switching_at_a_transcritical_point(mix):
    """x' = s x - x^2 beside a fast direction: branches x = 0 and x = s."""
    field = ssmsym.from_sympy(rotated((s * x - x**2, -2 * y + x * y), mix), parameters={s: -0.5})
    (crossing,) = ssmsym.branches(field, "s", (-1.0, 1.0), points=[[0.0, 0.0]]).special_points
    found = ssmsym.switch_branches(field, crossing, "s", (-1.0, 1.0))
    lines = sorted(found.branches, key=lambda b: np.abs(b.states[:, 0]).max())
    assert len(lines) == 2
    assert np.abs(lines[0].states[:, 0]).max() < 1e-10
    assert np.abs(lines[1].states[:, 0] - lines[1].parameter).max() < 1e-10
    assert [p.kind for p in found.special_points] == ["branch_point"]


@pytest.mark.parametrize("seed", range(8))
def test_switching_of_a_scalar_field(seed):
    """x' = (s - a)(x - b) - (x - b)^2, whose matrix at the branch point is zero up to rounding."""
    a, b = np.random.default_rng(seed).uniform(-0.4, 0.4, 2)
    field = ssmsym.from_sympy({x: (s - a) * (x - b) - (x - b) ** 2}, parameters={s: -0.5})
    special = ssmsym.branches(field, "s", (-1.0, 1.0), points=[[b]]).special_points
    found = ssmsym.switch_branches(field, special[0], "s", (-1.0, 1.0))
    assert min(np.abs(c.states[:, 0] - b).max() for c in found.branches) < 1e-9
    assert min(np.abs(c.states[:, 0] - b - (c.parameter - a)).max() for c in found.branches) < 1e-9


def test_a_hopf_curve_that_leaves_the_interval_has_not_met_a_bogdanov_takens_point():
    field = ssmsym.from_sympy({x: y, y: s + t * x + x**2 - x * y}, parameters={s: -1.0, t: -1.0})
    hopf = [p for p in ssmsym.branches(field, "s", (-0.5, 0.5)).special_points if p.kind == "hopf"]
    for end in (-0.274, -0.09, -0.03):
        found = ssmsym.trace_bifurcation_curves(field, hopf, ("s", "t"), (-0.5, 0.5), (-1.2, end))
        (branch,) = found.branches
        assert branch.ends == ("end of the interval", "end of the interval")
        assert found.special_points == ()


def test_wrong_input_is_refused():
    field = ssmsym.from_sympy({x: s + t * x - x**3}, parameters={s: 0.0, t: 1.0})
    fold = ssmsym.branches(field, "s", (-1.0, 1.0)).special_points[0]
    with pytest.raises(ssmsym.InputError, match="two different parameters"):
        ssmsym.trace_bifurcation_curves(field, fold, ("s", "s"), (-1.0, 1.0), (0.0, 1.0))
    with pytest.raises(ssmsym.InputError, match="low < high"):
        ssmsym.trace_bifurcation_curves(field, fold, ("s", "t"), (1.0, -1.0), (0.0, 1.0))
    with pytest.raises(ssmsym.InputError, match="outside"):
        ssmsym.trace_bifurcation_curves(field, fold, ("s", "t"), (-1.0, 1.0), (2.0, 3.0))
    with pytest.raises(ssmsym.InputError, match="none of this field"):
        ssmsym.trace_bifurcation_curves(field.at({"t": 0.2}), fold, ("s", "t"), (-1.0, 1.0), (0.0, 1.0))
    with pytest.raises(ssmsym.InputError, match="branch point"):
        ssmsym.switch_branches(field, fold, "s", (-1.0, 1.0))
    for wrong in ((-1, 1, 2), None, ("a", "b")):
        with pytest.raises(ssmsym.InputError, match="'interval'"):
            ssmsym.trace_bifurcation_curves(field, fold, ("s", "t"), wrong, (0.0, 1.0))
    with pytest.raises(ssmsym.InputError, match="special points"):
        ssmsym.trace_bifurcation_curves(field, [1], ("s", "t"), (-1.0, 1.0), (0.0, 1.0))
    with pytest.raises(ssmsym.InputError, match="outside"):
        ssmsym.trace_bifurcation_curves(field, fold, ("s", "t"), (0.5, 1.0), (0.0, 1.0))
