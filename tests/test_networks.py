"""Trained networks: facts computed by independent code."""

from collections import Counter

import numpy as np
import pytest

import ssmsym

CHAIN = [  # readout and leading eigenvalue per tau, from end to end
    (-1.0629, -0.1151),
    (-0.7161, +0.0131),
    (-0.6025, -0.0082),
    (-0.2695, +0.0043),
    (0.0012, -0.0494),
    (0.1487, +0.0210),
    (0.5534, -0.0126),
    (0.8387, +0.0303),
    (1.0300, -0.1684),
]


@pytest.mark.parametrize("name", ["flipflop_n50_a", "flipflop_n100_a"])
def test_flip_flop_has_27_fixed_points(shipped, name):
    points = ssmsym.find_fixed_points(shipped(name))
    assert Counter(p.index for p in points) == {0: 8, 1: 12, 2: 6, 3: 1}
    assert points.index_sum == points.expected_index_sum == 1
    assert max(p.residual for p in points) < 1e-11


def test_memory_network_is_a_chain_of_seven(shipped):
    points = ssmsym.find_fixed_points(shipped("delay_n100_a"))
    values = [p.per_tau[0].real for p in points]
    assert len(points) == 7
    for wanted in (-0.0899, 0.0490, -0.0180, 0.0108, -0.0173, 0.0494):
        assert min(abs(v - wanted) for v in values) < 6e-5


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        (
            "context 1, no evidence",
            [
                (-0.99841, -0.3458),
                (-0.44991, 0.2930),
                (0.00908, -0.1449),
                (0.65085, 0.2456),
                (1.00093, -0.3334),
            ],
        ),
        (
            "context 2, no evidence",
            [
                (-1.00561, -0.3233),
                (-0.51047, 0.2496),
                (0.00375, -0.1197),
                (0.54044, 0.1983),
                (0.99738, -0.2071),
            ],
        ),
    ],
)
def test_decision_network_has_five_fixed_points(shipped, condition, wanted):
    field = shipped("cdd_n100_a").at(u=condition)
    points = sorted(ssmsym.find_fixed_points(field), key=lambda p: field.readout(p.state)[0])
    assert len(points) == 5
    for point, (z, leading) in zip(points, wanted, strict=True):
        assert field.readout(point.state)[0] == pytest.approx(z, abs=6e-6)
        assert point.per_tau[0].real == pytest.approx(leading, abs=6e-5)


@pytest.mark.slow
def test_ring_network_has_thirteen_fixed_points(shipped):
    field = shipped("ring_n100_a")
    points = ssmsym.find_fixed_points(field, starts=1024)
    assert Counter(p.index for p in points) == {0: 5, 1: 5, 2: 2, 3: 1}


def test_ode_and_euler_map_share_fixed_points(shipped):
    flow = shipped("sine_n100_a").at(u=[1.0, 0.3, 0.0])
    euler = ssmsym.load(ssmsym.network_path("sine_n100_a"), as_="map").at(u=[1.0, 0.3, 0.0])
    with pytest.warns(ssmsym.SsmsymWarning, match="2 in the Euler map"):
        (a,) = ssmsym.find_fixed_points(flow, starts=64)
    (b,) = ssmsym.find_fixed_points(euler, starts=64)
    np.testing.assert_allclose(a.state, b.state, atol=1e-10)
    step = flow.metadata["trained_step"]
    multipliers = 1 + step * a.eigenvalues
    np.testing.assert_allclose(np.sort_complex(multipliers), np.sort_complex(b.eigenvalues), atol=1e-10)
    assert a.stable
    assert not b.stable  # between the Hopf points of the map (0.05791) and of the ODE (0.72122)


@pytest.fixture
def chain(reference):
    field = reference("opdim_ctxt_n100_1").at(u="context1")
    points = ssmsym.find_fixed_points(field)
    return field, sorted(points, key=lambda p: field.readout(p.state)[0])


@pytest.mark.reference
def test_context_network_is_a_chain_of_nine(chain):
    field, points = chain
    assert len(points) == 9
    for point, (z, leading) in zip(points, CHAIN, strict=True):
        assert field.readout(point.state)[0] == pytest.approx(z, abs=6e-5)
        assert point.per_tau[0].real == pytest.approx(leading, abs=6e-5)


@pytest.mark.reference
@pytest.mark.parametrize("position", [1, 5, 7])
def test_saddles_of_the_context_network_find_a_neighbour(chain, position):
    field, points = chain
    neighbours = [points[position - 1].state, points[position + 1].state]
    ssm = ssmsym.compute_ssm(field, points[position], modes=1, order=15)
    found = [f for f in ssm.evidence.fixed_points if f.status == "confirmed"]
    assert found
    distance = min(np.linalg.norm(f.point.state - n) for f in found for n in neighbours)
    assert distance < 1e-8


@pytest.mark.reference
def test_saddle_with_neighbours_beyond_the_radius_claims_none(chain):
    field, points = chain
    ssm = ssmsym.compute_ssm(field, points[3], modes=1, order=15)
    distances = [abs(ssm.project(points[i].state)[0]) for i in (2, 4)]
    assert min(distances) > ssm.evidence.radius
    assert not ssm.evidence.findings


@pytest.mark.reference
@pytest.mark.parametrize("position", [0, 4, 8])
def test_strong_nodes_of_the_context_network_invent_fixed_points(chain, position):
    field, points = chain
    ssm = ssmsym.compute_ssm(field, points[position], modes=1, order=15)
    statuses = []
    for order in (3, 5, 7, 9, 11, 13, 15):
        evidence = ssm.truncated(order).evidence
        statuses += [f.status for f in evidence.fixed_points]
        assert not evidence.findings
    assert len(statuses) >= 5
    assert set(statuses) == {"spurious"}
    assert ssm.evidence.radius < 0.7


@pytest.mark.reference
def test_factored_weights_stay_factored(reference):
    field = reference("selvec_cdm_rank1_n512")
    assert set(field.arrays) == {"m", "n", "B", "b", "W", "c"}
    points = ssmsym.find_fixed_points(field.at(u="context 1, no evidence"), starts=24)
    assert sorted(p.index for p in points) == [0, 0, 1]
    leading = max(p.per_tau[0].real for p in points if p.stable)
    assert leading == pytest.approx(-0.2164, abs=6e-5)
    assert points[0].per_tau[-1].real == pytest.approx(-1.0, abs=1e-9)
