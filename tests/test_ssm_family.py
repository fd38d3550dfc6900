"""SSMs over a parameter interval: closed forms, and agreement with the expansion in the parameter."""

import numpy as np
import pytest
import sympy
from scipy.linalg import block_diag
from synthetic import pair, planted_network

import ssmsym
from ssmsym.errors import InputError, NotConvergedError

x, y, beta = sympy.symbols("x y beta")


def test_a_coefficient_that_is_known_at_every_value():
    """A2: y = x^2 / (beta - 2) along beta."""
    field = ssmsym.from_sympy({x: -x, y: -beta * y + x**2}, parameters={beta: 3.0})
    family = ssmsym.compute_ssm_family(field, [0.0, 0.0], "beta", (2.5, 6.0), order=3)
    for value in (2.5, 2.81, 4.4, 6.0):
        W = family.parametrization_at(value)
        np.testing.assert_allclose(W.coefficients[:, 1], [0, 0, 1 / (value - 2), 0], atol=1e-9)
        np.testing.assert_allclose(family.eigenvalues(value), [-1.0], atol=1e-10)
    assert family.tail < 1e-10


def test_a_fixed_point_that_moves():
    """x' = beta - x, y' = -3 (y - x^2): the fixed point is (beta, beta^2)."""
    field = ssmsym.from_sympy({x: beta - x, y: -4 * (y - x**2)}, parameters={beta: 0.5})
    family = ssmsym.compute_ssm_family(field, [0.5, 0.25], "beta", (-1.0, 2.0), order=3)
    for value in (-1.0, 0.123, 2.0):
        np.testing.assert_allclose(family.fixed_point(value), [value, value**2], atol=1e-10)


@pytest.mark.parametrize("master", [[[-0.05]], pair(-0.06, 0.4), block_diag(pair(-0.06, 0.4), [[-0.15]])])
def test_family_and_joint_expansion_agree_to_their_order(master):
    """Their distance falls at K + 1 as coordinates and offset shrink together."""
    order = 3
    field, state = planted_network(master)
    d = len(master)
    family = ssmsym.compute_ssm_family(field, state, "u[0]", (-0.2, 0.2), modes=d, order=order)
    joint = ssmsym.compute_ssm(field, state, modes=d, order=order, parameters=["u[0]"])
    np.testing.assert_allclose(family.left, joint.left, atol=1e-12)
    direction = np.random.default_rng(0).standard_normal(d + 1)

    def differences(size):
        p, offset = size * direction[:d], size * direction[d]
        states = joint.lift(p, [offset])
        own = family.project(states, offset)
        shift = family.fixed_point(offset) - state
        assert np.allclose(own + shift @ family.left, p)
        velocity = joint.reduced_dynamics(np.append(p, offset)) - family.reduced_dynamics_at(offset)(own)
        return np.array([np.linalg.norm(states - family.lift(own, offset)), np.linalg.norm(velocity)])

    slopes = np.log2(differences(0.08) / differences(0.04))
    np.testing.assert_allclose(slopes, order + 1, atol=0.3)


def test_invariance_between_the_nodes(shipped):
    """On the memory network's middle saddle the error at a value between nodes is that of an SSM made there."""
    field = shipped("delay_n100_a")
    saddle = ssmsym.find_fixed_points(field)[6]
    family = ssmsym.compute_ssm_family(field, saddle, "u[0]", (-0.0015, 0.0015), order=5, tolerance=1e-9)
    value, p = 0.00072, np.array([[0.2], [-0.3]])
    member = field.at({"u[0]": value})
    point = ssmsym.refine_fixed_point(member, family.fixed_point(value))
    np.testing.assert_allclose(point.state, family.fixed_point(value), atol=1e-7)
    ssm = ssmsym.compute_ssm(member, point, modes=1, order=5)
    ours = family.invariance_error(p, value)
    own = ssm.invariance_error(ssm.project(family.lift(p, value)))
    assert (ours < 2 * own + 1e-8).all()


def test_a_fold_inside_the_interval_is_refused(shipped):
    field = shipped("delay_n100_a")
    saddle = ssmsym.find_fixed_points(field)[6]
    with pytest.raises(NotConvergedError, match="as at a fold"):
        ssmsym.compute_ssm_family(field, saddle, "u[0]", (-0.02, 0.02), order=3)


def test_wrong_intervals_are_refused():
    field = ssmsym.from_sympy({x: -x, y: -beta * y + x**2}, parameters={beta: 3.0})
    for interval in ((4.0, 5.0), (3.0, 3.0), (2.0, np.inf)):
        with pytest.raises(InputError, match="around the field's own beta = 3"):
            ssmsym.compute_ssm_family(field, [0.0, 0.0], "beta", interval)
    with pytest.raises(InputError, match="no parameter 'gamma'"):
        ssmsym.compute_ssm_family(field, [0.0, 0.0], "gamma", (0, 1))
    family = ssmsym.compute_ssm_family(field, [0.0, 0.0], "beta", (2.9, 3.1), order=2)
    with pytest.raises(InputError, match="outside the family's interval"):
        family.lift([0.1], 3.2)
