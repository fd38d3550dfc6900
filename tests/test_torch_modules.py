"""Modules and state dicts of PyTorch in memory: one step, the Jacobian, and the check that belongs to each import."""

import warnings

import numpy as np
import pytest

import ssmsym
from ssmsym.errors import InputError, SsmsymWarning

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn

KINDS = {
    "RNN": (nn.RNN, {}),
    "RNN relu": (nn.RNN, {"nonlinearity": "relu"}),
    "GRU": (nn.GRU, {}),
    "LSTM": (nn.LSTM, {}),
    "LSTM projected": (nn.LSTM, {"proj_size": 3}),
    "GRU without bias": (nn.GRU, {"bias": False}),
    "GRU with dropout": (nn.GRU, {"dropout": 0.4, "batch_first": True}),
}


def made(case, layers, *, double=True):
    torch.manual_seed(3)
    kind, options = KINDS[case]
    if layers == 1:
        options = {k: v for k, v in options.items() if k != "dropout"}
    module = kind(2, 5, num_layers=layers, **options)
    return module.double() if double else module


def torch_map(module, u):
    """One step of a module as a function of the stacked state, written apart from ssmsym's own."""
    is_lstm = isinstance(module, nn.LSTM)
    h_size = module.proj_size or module.hidden_size
    sizes = [h_size, module.hidden_size] if is_lstm else [h_size]
    sequence = u.reshape(1, 1, -1)

    def step(x):
        blocks = torch.split(x, sizes * module.num_layers)
        h = torch.stack(blocks[:: len(sizes)])[:, None]
        if not is_lstm:
            return torch.cat([row[0] for row in module(sequence, h)[1]])
        c = torch.stack(blocks[1::2])[:, None]
        h, c = module(sequence, (h, c))[1]
        return torch.cat([part[0] for pair in zip(h, c, strict=True) for part in pair])

    return step


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("case", KINDS)
def test_step_and_jacobian_are_those_of_the_module(case, layers):
    module = made(case, layers).eval()
    rng = np.random.default_rng(0)
    u = rng.standard_normal(2)
    field = ssmsym.from_torch(module).at(u=u)
    x = rng.uniform(-1, 1, field.n_states)
    step = torch_map(module, torch.from_numpy(u))
    np.testing.assert_allclose(field(x), step(torch.from_numpy(x)).detach().numpy(), atol=1e-14)
    jacobian = torch.autograd.functional.jacobian(step, torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(field.jacobian(x), jacobian, atol=1e-12)
    assert field.metadata["import_check"].startswith("holds")


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("case", KINDS)
def test_lower_precision_is_checked_in_a_double_copy(case, kind):
    """The weights are widened exactly, so that the limit is that of float64; the module itself is not changed."""
    module = made(case, 2, double=False).to(kind)
    field = ssmsym.from_torch(module)
    assert field.metadata["import_check"].startswith("holds")
    assert "limit 1e-12" in field.metadata["import_check"]
    assert next(module.parameters()).dtype == kind


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("case", KINDS)
def test_single_precision_agrees_to_its_own_rounding(case, layers):
    module = made(case, layers, double=False).eval()
    u = np.array([0.3, -0.2])
    field = ssmsym.from_torch(module).at(u=u)
    x = np.random.default_rng(0).uniform(-1, 1, field.n_states).astype(np.float32)
    step = torch_map(module, torch.from_numpy(u.astype(np.float32)))
    np.testing.assert_allclose(field(x), step(torch.from_numpy(x)).detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("cell", [nn.RNNCell, nn.GRUCell, nn.LSTMCell])
def test_cells_without_a_sequence(cell):
    torch.manual_seed(0)
    field = ssmsym.from_torch(cell(3, 4).double())
    assert field.n_states == (8 if cell is nn.LSTMCell else 4)
    assert "holds" in field.metadata["import_check"]
    assert "float64" in field.metadata["import_check"]


class FlipFlop(nn.Module):
    def __init__(self):
        super().__init__()
        self.core = nn.GRU(3, 6, batch_first=True)
        self.read = nn.Linear(6, 2)


def test_a_module_around_a_cell_gives_its_readout():
    torch.manual_seed(1)
    module = FlipFlop().double()
    field = ssmsym.from_torch(module)
    h = np.random.default_rng(0).standard_normal(6)
    wanted = module.read(torch.from_numpy(h)).detach().numpy()
    np.testing.assert_allclose(field.readout(h), wanted, atol=1e-14)
    assert "nn.GRU" in field.metadata["understood"]
    assert "'read.weight'" in field.metadata["understood"]


class TwoCores(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.GRU(3, 4)
        self.decoder = nn.RNN(4, 5, nonlinearity="relu")


def test_one_of_two_cells_is_chosen_by_its_group():
    torch.manual_seed(1)
    module = TwoCores().double()
    with pytest.raises(InputError, match="2 networks; choose one of 'encoder', 'decoder'"):
        ssmsym.from_torch(module)
    assert ssmsym.from_torch(module, group="encoder").n_states == 4
    field = ssmsym.from_torch(module, group="decoder")
    assert "nonlinearity relu" in field.metadata["understood"]
    assert "holds" in field.metadata["import_check"]
    with pytest.raises(InputError, match="no network 'core'"):
        ssmsym.from_torch(module, group="core")


class RateNetwork(nn.Module):
    """A leaky rate network as one would write it, with names of its own."""

    def __init__(self):
        super().__init__()
        self.w_in = nn.Linear(2, 8)
        self.w_rec = nn.Linear(8, 8, bias=False)
        self.out = nn.Linear(8, 1)

    def step(self, x, u):
        return x + 0.2 * (-x + self.w_rec(torch.tanh(x)) + self.w_in(u))


MAPPING = {"J": "w_rec.weight", "B": "w_in.weight", "b": "w_in.bias", "W": "out.weight", "c": "out.bias"}


def numpy_step(module):
    kind = next(module.parameters()).dtype
    return lambda x, u: (
        module.step(torch.from_numpy(x).to(kind), torch.from_numpy(u).to(kind)).detach().numpy()
    )


def test_a_module_with_names_of_its_own_is_checked_against_its_step():
    torch.manual_seed(2)
    module = RateNetwork().double()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        field = ssmsym.from_torch(module, mapping=MAPPING, tau=0.1, dt=0.02, step=numpy_step(module))
    assert not field.is_map
    assert field.metadata["import_check"].startswith("holds")
    single = module.float()
    field = ssmsym.from_torch(single, mapping=MAPPING, tau=0.1, dt=0.02, as_="map", step=numpy_step(single))
    assert field.is_map
    assert "float32" in field.metadata["import_check"]


@pytest.mark.parametrize(
    "wrong",
    [{"activation": "relu"}, {"form": "rate"}, {"dt": 0.01}, {"mapping": {**MAPPING, "J": "w_rec.weight.T"}}],
)
def test_a_misunderstood_network_fails_its_check(wrong):
    torch.manual_seed(2)
    module = RateNetwork().double()
    options = {"mapping": MAPPING, "tau": 0.1, "dt": 0.02, **wrong}
    with pytest.warns(SsmsymWarning, match="FAILS"):
        field = ssmsym.from_torch(module, step=numpy_step(module), **options)
    assert field.metadata["import_check"].startswith("FAILS")


def test_without_a_mapping_one_is_proposed():
    with pytest.raises(
        InputError, match=r"--map 'J=w_rec.weight,B=w_in.weight,b=w_in.bias,W=out.weight,c=out.bias'"
    ):
        ssmsym.from_torch(RateNetwork())


class Encoded(nn.Module):
    """An RNN with several linear layers about it: which is the readout must be said."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(3, 8, nonlinearity="relu")
        self.fc1 = nn.Linear(8, 4)
        self.fc2 = nn.Linear(8, 2)


def test_a_mapped_readout_keeps_the_modules_nonlinearity_and_check():
    torch.manual_seed(5)
    module = Encoded().double()
    field = ssmsym.from_torch(module, mapping={"W": "fc1.weight", "c": "fc1.bias"})
    assert "nonlinearity relu" in field.metadata["understood"]
    assert "with W = fc1.weight" in field.metadata["understood"]
    assert "the given RNN" in field.metadata["import_check"]
    h = np.random.default_rng(0).standard_normal(8)
    wanted = torch_map(module.rnn, torch.zeros(3, dtype=torch.double))(torch.from_numpy(h))
    np.testing.assert_allclose(field(h), wanted.detach().numpy(), atol=1e-14)
    assert field.n_outputs == 4
    assert "'fc1.weight', 'fc2.weight' might be it" in ssmsym.from_torch(module).metadata["understood"]


class OwnCell(nn.Module):
    """Leaky, with the names of PyTorch's cells: no nn.RNNCell."""

    def __init__(self):
        super().__init__()
        self.weight_ih = nn.Parameter(torch.randn(4, 2))
        self.weight_hh = nn.Parameter(torch.randn(4, 4))
        self.bias = nn.Parameter(torch.randn(4))


def test_an_own_cell_with_pytorchs_names_is_not_taken_for_one(tmp_path):
    module = OwnCell().double()
    with pytest.raises(InputError, match=r"belongs to no nn\.RNN"):
        ssmsym.from_torch(module)
    torch.save(module.state_dict(), tmp_path / "own.pt")
    assert "DOUBTFUL: 'bias'" in ssmsym.load(tmp_path / "own.pt").metadata["understood"]


def test_parametrized_weights_are_those_that_are_used():
    torch.manual_seed(6)
    module = nn.GRU(2, 3).double()
    nn.utils.parametrizations.orthogonal(module, "weight_hh_l0")
    field = ssmsym.from_torch(module)
    assert field.metadata["import_check"].startswith("holds")


def test_embeddings_and_hidden_layers_are_no_readout():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb = nn.Embedding(20, 8)
            self.gru = nn.GRU(8, 8)
            self.mlp = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 2))

    field = ssmsym.from_torch(Net().double())
    assert field.n_outputs == 0
    assert "no linear readout recognised" in field.metadata["understood"]


@pytest.mark.parametrize(
    "weights",
    [
        {"weight_hh_l0": np.eye(3), "weight_ih_l0": np.ones((3, 2)), "bias_ih_l0": np.ones(3)},
        {
            "weight_hh_l0": np.eye(3),
            "weight_ih_l0": np.ones((3, 2)),
            "weight_hh_l1": np.eye(2),
            "weight_ih_l1": np.ones((2, 3)),
        },
        {"weight_hh_l0": np.eye(1), "weight_ih_l0": np.ones((1, 1))},
    ],
    ids=["one bias", "sizes that differ", "one unit"],
)
def test_cells_that_pytorch_would_not_make_are_cells(weights):
    field = ssmsym.from_torch(weights)
    h = np.random.default_rng(0).standard_normal(field.n_states)
    below, wanted = np.zeros(weights["weight_ih_l0"].shape[1]), []
    for layer, block in enumerate(field.split(h)):
        drive = weights[f"weight_ih_l{layer}"] @ below + weights[f"weight_hh_l{layer}"] @ block
        below = np.tanh(drive + weights.get(f"bias_ih_l{layer}", 0.0))
        wanted.append(below)
    np.testing.assert_allclose(field(h), np.concatenate(wanted), atol=1e-14)


def test_gates_of_all_layers_have_names():
    lines = repr(ssmsym.from_torch(nn.GRU(2, 3, num_layers=2).double())).splitlines()
    assert "  h0 -> (h0 - n_0)∘z_0 + n_0" in lines
    assert "  r_1 = logistic.(W_hr_1*h1 + W_ir_1*h0_new + b_hr_1 + b_ir_1)" in lines
    assert "  h1 -> (h1 - n_1)∘z_1 + n_1" in lines


def test_bidirectional_cells_are_refused():
    with pytest.raises(InputError, match="both directions of time"):
        ssmsym.from_torch(nn.GRU(2, 3, bidirectional=True))


def test_settings_of_rate_networks_are_refused_for_cells():
    with pytest.raises(InputError, match="has no 'tau'"):
        ssmsym.from_torch(nn.GRU(2, 3), tau=1.0)
    with pytest.raises(InputError, match="no choice of activation"):
        ssmsym.from_torch(nn.LSTM(2, 3), activation="relu")


def test_what_is_no_module_is_refused():
    with pytest.raises(InputError, match="takes a module or a state dict; found str"):
        ssmsym.from_torch("network.pt")


def test_gates_of_a_users_own_cell_are_stacked_by_a_mapping():
    """A GRU written with one matrix a gate: the mapping puts them above one another in PyTorch's order r, z, n."""
    torch.manual_seed(4)
    module = nn.GRU(2, 3).double()
    own = {}
    for key, value in module.state_dict().items():
        for gate, rows in zip("rzn", value.numpy().reshape(3, 3, -1).squeeze(), strict=True):
            own[f"{key.removesuffix('_l0')}_{gate}"] = rows
    mapping = {
        f"{kind}_{side}_l0": "[" + "; ".join(f"{kind}_{side}_{gate}" for gate in "rzn") + "]"
        for kind in ("weight", "bias")
        for side in ("ih", "hh")
    }
    field = ssmsym.from_torch(own, mapping=mapping)
    wanted = ssmsym.from_torch(module)
    x = np.random.default_rng(0).standard_normal(3)
    np.testing.assert_array_equal(field(x), wanted(x))
