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


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("case", KINDS)
def test_single_precision_is_checked_in_single_precision(case, layers):
    field = ssmsym.from_torch(made(case, layers, double=False))
    assert field.metadata["import_check"].startswith("holds")
    assert "(float32)" in field.metadata["import_check"]
    assert "limit 1e-06" in field.metadata["import_check"]


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
