"""PyTorch's cells: values and derivatives against PyTorch, fixed points of the trained ones, their SSMs."""

import itertools
from collections import Counter

import mpmath as mp
import numpy as np
import pytest
from jet_helpers import ORDER, assert_close, one_pass
from synthetic import error_slope

import ssmsym
from ssmsym import CellLayer, recurrent_cell
from ssmsym.errors import InputError
from ssmsym.series.monomials import monomial_table

TRAINED = ["rnn_n64_a", "gru_n64_a", "lstm_n32_a"]
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def load_cell(name, ending=".npz"):
    return ssmsym.load(ssmsym.network_path(f"{name}{ending}"))


def layers_of(kind, sizes, rng, scale=0.6):
    """Layers with random weights; sizes are (inputs, H of each layer)."""
    gates = GATES[kind]
    return [
        CellLayer(
            scale * rng.standard_normal((gates * size, below)),
            scale * rng.standard_normal((gates * size, size)),
            scale * rng.standard_normal(gates * size),
            scale * rng.standard_normal(gates * size),
        )
        for below, size in itertools.pairwise(sizes)
    ]


def logistic(a):
    return 1 / (1 + np.exp(-a))


def by_hand(kind, layers, blocks, u, tanh=np.tanh, logistic=logistic):
    """One step of a cell, written from PyTorch's documentation."""
    after = []
    for number, layer in enumerate(layers):
        size = layer.recurrent_weights.shape[1]
        h = blocks[2 * number] if kind == "lstm" else blocks[number]
        from_input = np.split(layer.input_weights @ u + layer.input_bias, GATES[kind])
        from_itself = np.split(layer.recurrent_weights @ h + layer.recurrent_bias, GATES[kind])
        if kind == "rnn":
            u = tanh(from_input[0] + from_itself[0])
            after.append(u)
        elif kind == "gru":
            r, z = (logistic(from_input[k] + from_itself[k]) for k in (0, 1))
            n = tanh(from_input[2] + r * from_itself[2])
            u = (1 - z) * n + z * h
            after.append(u)
        else:
            i, f, g, o = (a + b for a, b in zip(from_input, from_itself, strict=True))
            c = logistic(f) * blocks[2 * number + 1] + logistic(i) * tanh(g)
            u = logistic(o) * tanh(c)
            after += [u, c]
        assert len(u) == size
    return np.concatenate(after)


@pytest.mark.parametrize("sizes", [(2, 5), (3, 4, 6)], ids=["1 layer", "2 layers"])
@pytest.mark.parametrize("kind", GATES)
def test_a_step_is_that_of_the_documented_equations(kind, sizes):
    rng = np.random.default_rng(1)
    layers = layers_of(kind, sizes, rng)
    u = rng.standard_normal(sizes[0])
    field = recurrent_cell(kind, layers).at(u=u)
    x = rng.standard_normal(field.n_states)
    np.testing.assert_allclose(field(x), by_hand(kind, layers, field.split(x), u), atol=1e-14)
    assert field.is_map
    assert field.block_names[0] == ("h0" if len(layers) > 1 else "h")


@pytest.mark.parametrize("kind", GATES)
def test_jacobian_of_a_step_by_complex_differentiation(kind):
    rng = np.random.default_rng(2)
    layers = layers_of(kind, (2, 4, 3), rng)
    u = rng.standard_normal(2)
    field = recurrent_cell(kind, layers).at(u=u)
    x = 0.5 * rng.standard_normal(field.n_states)
    wanted = np.array(
        [
            by_hand(kind, layers, field.split(x + 1e-30j * direction), u).imag / 1e-30
            for direction in np.eye(field.n_states)
        ]
    ).T
    np.testing.assert_allclose(field.jacobian(x), wanted, atol=1e-13)


@pytest.mark.parametrize("sizes", [(1, 3), (1, 2, 2)], ids=["1 layer", "2 layers"])
@pytest.mark.parametrize("kind", GATES)
def test_jets_of_a_cell_to_order_eight(kind, sizes):
    """Along a line through a state, against mpmath's Taylor coefficients of the documented equations."""
    rng = np.random.default_rng(5)
    layers = layers_of(kind, sizes, rng)
    field = recurrent_cell(kind, layers).at(u=[0.3])
    series = np.zeros((ORDER + 1, field.n_states))
    series[:2] = rng.standard_normal((2, field.n_states))
    found = one_pass(field, monomial_table(1, 0, ORDER), series)
    tanh = np.frompyfunc(mp.tanh, 1, 1)
    exact_logistic = np.frompyfunc(lambda a: 1 / (1 + mp.exp(-a)), 1, 1)

    def along(t):
        x = np.array([mp.mpf(a) + t * mp.mpf(b) for a, b in series[:2].T], dtype=object)
        return by_hand(kind, layers, field.split(x), np.array([mp.mpf(0.3)]), tanh, exact_logistic)

    for entry in range(field.n_states):
        wanted = [float(c) for c in mp.taylor(lambda t, e=entry: along(t)[e], 0, ORDER)]
        assert_close(found[:, entry], np.array(wanted), 1e-12)


@pytest.mark.parametrize("ending", [".npz", ".pt", ".safetensors"])
@pytest.mark.parametrize("name", TRAINED)
def test_trained_flip_flop_cells_have_27_fixed_points(name, ending):
    field = load_cell(name, ending)
    points = ssmsym.find_fixed_points(field)
    assert Counter(p.index for p in points) == {0: 8, 1: 12, 2: 6, 3: 1}
    assert points.index_sum == points.expected_index_sum == 1
    assert max(p.residual for p in points) < 1e-14
    corners = {tuple(np.sign(field.readout(p.state)).astype(int)) for p in points if p.stable}
    assert len(corners) == 8


@pytest.mark.parametrize("seed", range(5))
def test_saturated_gates_hide_no_fixed_point_and_invent_none(seed):
    points = ssmsym.find_fixed_points(load_cell("gru_n64_a"), seed=seed)
    assert len(points) == 27
    assert max(np.abs(p.state).max() for p in points) < 1


@pytest.mark.parametrize("order", [3, 5])
@pytest.mark.parametrize("position", [8, 20, 26], ids=["index 1", "index 2", "index 3"])
@pytest.mark.parametrize("name", ["gru_n64_a", "lstm_n32_a"])
def test_invariance_error_at_saddles_of_gated_cells(name, position, order):
    field = load_cell(name)
    saddle = ssmsym.find_fixed_points(field)[position]
    ssm = ssmsym.compute_ssm(field, saddle, modes=saddle.index, order=order)
    assert error_slope(ssm) == pytest.approx(order + 1, abs=0.1)


def test_the_unstable_manifold_of_a_gru_saddle_reaches_its_neighbours():
    """On the reduced map the iterates leave the saddle as those of the network do."""
    field = load_cell("gru_n64_a")
    saddle = ssmsym.find_fixed_points(field)[8]
    ssm = ssmsym.compute_ssm(field, saddle, modes=1, order=11)
    model = ssmsym.reduce(ssm)
    p = np.array([1e-3])
    steps = range(15)
    reduced = model.lift(ssmsym.simulate(model.field, p, steps).states)
    full = ssmsym.simulate(field, model.lift(p), steps).states
    moved = np.linalg.norm(full[-1] - full[0])
    assert moved > 0.05
    assert np.linalg.norm(reduced - full, axis=1).max() < 1e-6 * moved


def test_a_cell_and_its_ode_share_fixed_points():
    cell = load_cell("rnn_n64_a")
    flow = ssmsym.load(ssmsym.network_path("rnn_n64_a"), as_="flow")
    assert flow.metadata["trained_step"] == 1
    points = ssmsym.find_fixed_points(cell)
    for point in points[::9]:
        np.testing.assert_allclose(flow(point.state), 0, atol=1e-14)
        eigenvalues = np.linalg.eigvals(flow.jacobian(point.state))
        np.testing.assert_allclose(
            np.sort_complex(1 + eigenvalues), np.sort_complex(point.eigenvalues), atol=1e-9
        )


def test_euler_map_of_the_flow_is_the_map_again():
    cell = load_cell("lstm_n32_a").at(u=[0.3, -0.2, 0.1])
    x = np.random.default_rng(0).standard_normal(cell.n_states)
    np.testing.assert_allclose(cell.as_flow(0.25).discretized(0.25)(x), cell(x), atol=1e-14)
    np.testing.assert_allclose(cell.as_flow(0.25)(x), (cell(x) - x) / 0.25, atol=1e-14)


def test_a_saved_model_of_a_gru_lifts_as_before(tmp_path):
    field = load_cell("gru_n64_a")
    ssm = ssmsym.compute_ssm(field, ssmsym.find_fixed_points(field)[8], modes=1, order=5)
    ssmsym.save(ssm, tmp_path / "gru.npz")
    again = ssmsym.load_model(tmp_path / "gru.npz")
    np.testing.assert_array_equal(again.lift([0.1]), ssm.lift([0.1]))
    assert again.field.metadata["cell"] == "gru"
    assert "holds" in again.field.metadata["import_check"]


BAD_LAYERS = {
    "gates": (CellLayer(np.ones((6, 1)), np.ones((6, 3))), r"\(6, 3\)"),
    "inputs": (CellLayer(np.ones((5, 1)), np.ones((6, 2))), r"\(5, 1\); expected \(6, 1\)"),
    "bias": (CellLayer(np.ones((6, 1)), np.ones((6, 2)), np.ones(5)), r"input bias of shape \(5,\)"),
    "projection": (CellLayer(np.ones((6, 1)), np.ones((6, 2)), projection=np.ones((2, 2))), "only an LSTM"),
    "one axis": (CellLayer(np.ones(6), np.ones((6, 2))), "input weights of shape"),
    "not finite": (CellLayer(np.full((6, 1), np.nan), np.ones((6, 2))), "not finite"),
}


@pytest.mark.parametrize("case", BAD_LAYERS)
def test_layers_that_do_not_fit_are_named(case):
    layer, message = BAD_LAYERS[case]
    with pytest.raises(InputError, match=message):
        recurrent_cell("gru", [layer])


def test_unknown_cells_are_named():
    with pytest.raises(InputError, match="'elman'"):
        recurrent_cell("elman", [CellLayer(np.ones((2, 1)), np.ones((2, 2)))])
