"""From files of any format to fields: recognition, mapping, groups, what is said about it, and the import check."""

import json

import numpy as np
import pytest
import scipy.io
from click.testing import CliRunner

import ssmsym
from ssmsym.cli import main
from ssmsym.errors import FileFormatError, InputError, SsmsymWarning
from ssmsym.importing import checked_import

N, INPUTS = 5, 2
RNG = np.random.default_rng(0)
RATE = {
    "J": RNG.standard_normal((N, N)),
    "B": RNG.standard_normal((N, INPUTS)),
    "b": RNG.standard_normal(N),
    "W": RNG.standard_normal((1, N)),
    "tau": np.array(0.2),
    "dt": np.array(0.05),
}
STATE = RNG.standard_normal(N)
WANTED = (-STATE + RATE["J"] @ np.tanh(STATE) + RATE["b"]) / 0.2
EULER = STATE + 0.05 * WANTED


def write_npz(path, arrays):
    np.savez(path, **arrays)


def write_safetensors(path, arrays):
    pytest.importorskip("safetensors.numpy").save_file(
        {k: np.array(v, order="C") for k, v in arrays.items()}, path
    )


def write_hdf5(path, arrays):
    with pytest.importorskip("h5py").File(path, "w") as file:
        for key, value in arrays.items():
            file[key.replace(".", "/")] = value


def write_mat(path, arrays):
    nested = {}
    for key, value in arrays.items():
        group, _, name = key.rpartition(".")
        (nested.setdefault(group, {}) if group else nested)[name] = value
    scipy.io.savemat(path, nested)


def write_json(path, arrays):
    path.write_text(json.dumps({key: np.asarray(value).tolist() for key, value in arrays.items()}))


def write_pt(path, arrays):
    torch = pytest.importorskip("torch")
    torch.save({key: torch.from_numpy(np.array(value)) for key, value in arrays.items()}, path)


WRITERS = {
    "npz": write_npz,
    "safetensors": write_safetensors,
    "h5": write_hdf5,
    "mat": write_mat,
    "json": write_json,
    "pt": write_pt,
}


@pytest.fixture(params=WRITERS)
def written(request, tmp_path):
    """A function that writes arrays in one of the formats."""

    def write(arrays):
        path = tmp_path / f"net.{request.param}"
        WRITERS[request.param](path, arrays)
        return path

    return write


def test_a_rate_network_is_the_same_from_every_format(written):
    path = written(RATE)
    flow, euler = ssmsym.load(path), ssmsym.load(path, as_="map")
    np.testing.assert_allclose(flow(STATE), WANTED, atol=1e-13)
    np.testing.assert_allclose(euler(STATE), EULER, atol=1e-13)
    assert (flow.n_outputs, len(flow.values["u"]), flow.is_map, euler.is_map) == (1, INPUTS, False, True)


def test_names_of_ones_own_from_every_format(written):
    path = written({"rec": RATE["J"].T, "inp": RATE["B"].T, "bias": RATE["b"], "epoch": np.array(3)})
    with pytest.raises(FileFormatError, match=r"--map 'J=rec.T,B=inp.T,b=bias'"):
        ssmsym.load(path)
    field = ssmsym.load(path, mapping={"J": "rec.T", "B": "inp.T", "b": "bias"}, tau=0.2, dt=0.05)
    np.testing.assert_allclose(field(STATE), WANTED, atol=1e-13)
    assert field.metadata["understood"] == "J = rec.T, B = inp.T, b = bias"
    assert field.metadata["ignored"] == "epoch"


def test_several_networks_in_a_file(written):
    other = {key: -value if key == "J" else value for key, value in RATE.items()}
    both = {f"{g}.{key}": value for g, net in (("one", RATE), ("two", other)) for key, value in net.items()}
    path = written(both)
    with pytest.raises(FileFormatError, match=r"holds 2 networks; choose one of 'one', 'two'"):
        ssmsym.load(path)
    np.testing.assert_allclose(ssmsym.load(path, group="one")(STATE), WANTED, atol=1e-13)
    mirrored = (-STATE - RATE["J"] @ np.tanh(STATE) + RATE["b"]) / 0.2
    np.testing.assert_allclose(ssmsym.load(path, group="two")(STATE), mirrored, atol=1e-13)
    with pytest.raises(FileFormatError, match="no network 'three'; choose one of 'one', 'two'"):
        ssmsym.load(path, group="three")


def test_a_cell_inside_a_checkpoint(written):
    gru = {
        "model.core.weight_ih_l0": RNG.standard_normal((9, 2)),
        "model.core.weight_hh_l0": RNG.standard_normal((9, 3)),
        "model.core.bias_ih_l0": RNG.standard_normal(9),
        "model.core.bias_hh_l0": RNG.standard_normal(9),
        "model.head.weight": RNG.standard_normal((2, 3)),
        "model.head.bias": RNG.standard_normal(2),
        "epoch": np.array(7),
    }
    field = ssmsym.load(written(gru))
    assert field.is_map
    assert field.metadata["cell"] == "gru"
    h = RNG.standard_normal(3)
    np.testing.assert_allclose(
        field.readout(h), gru["model.head.weight"] @ h + gru["model.head.bias"], atol=1e-14
    )


def test_a_checkpoint_with_settings_and_an_optimizer(tmp_path):
    """What training scripts store beside the weights is named and left aside."""
    import argparse

    torch = pytest.importorskip("torch")
    module = torch.nn.GRU(2, 3)
    optimizer = torch.optim.Adam(module.parameters())
    module(torch.zeros(4, 1, 2))[0].sum().backward()
    optimizer.step()
    checkpoint = {"model": module.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    torch.save({**checkpoint, "settings": argparse.Namespace(lr=0.1)}, tmp_path / "last.ckpt")
    field = ssmsym.load(tmp_path / "last.ckpt")
    h = RNG.standard_normal(3)
    wanted = ssmsym.from_torch(module)(h)
    np.testing.assert_allclose(field(h), wanted, atol=1e-7)
    assert "settings (it is a 'argparse.Namespace', which is not read)" in field.metadata["ignored"]


def test_one_input_and_one_output_survive_every_format(written):
    gru = {
        "rnn.weight_ih_l0": RNG.standard_normal((9, 1)),
        "rnn.weight_hh_l0": RNG.standard_normal((9, 3)),
        "fc.weight": RNG.standard_normal((1, 3)),
        "fc.bias": RNG.standard_normal(1),
    }
    field = ssmsym.load(written(gru))
    assert (field.n_states, len(field.values["u"]), field.n_outputs) == (3, 1, 1)


def test_settings_in_the_metadata_of_safetensors(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    settings = {"activation": "relu", "tau": "0.2", "framework": "pt"}
    library.save_file({"J": RATE["J"], "b": RATE["b"]}, tmp_path / "net.safetensors", metadata=settings)
    field = ssmsym.load(tmp_path / "net.safetensors")
    wanted = (-STATE + RATE["J"] @ np.maximum(STATE, 0) + RATE["b"]) / 0.2
    np.testing.assert_allclose(field(STATE), wanted, atol=1e-13)


def test_a_group_chooses_among_own_names(tmp_path):
    own = {"w_rec": RATE["J"], "w_in": RATE["B"], "b": RATE["b"]}
    both = {f"{g}.{k}": (1 if g == "n1" else -1) * v for g in ("n1", "n2") for k, v in own.items()}
    np.savez(tmp_path / "net.npz", **both)
    mapping = {"J": "w_rec", "B": "w_in", "b": "b"}
    field = ssmsym.load(tmp_path / "net.npz", group="n1", mapping=mapping, tau=0.2)
    np.testing.assert_allclose(field(STATE), WANTED, atol=1e-13)
    with pytest.raises(FileFormatError, match="no network 'n3'; choose one of 'n1', 'n2'"):
        ssmsym.load(tmp_path / "net.npz", group="n3", mapping=mapping)
    with pytest.raises(FileFormatError, match=r"J=n2\.w_rec"):
        ssmsym.load(tmp_path / "net.npz", group="n2")


def test_a_mapping_changes_a_network_under_known_names(tmp_path):
    mask = (RNG.random((N, N)) < 0.5).astype(float)
    np.savez(tmp_path / "net.npz", **RATE, mask=mask)
    field = ssmsym.load(tmp_path / "net.npz", mapping={"J": "J*mask"})
    wanted = (-STATE + (RATE["J"] * mask) @ np.tanh(STATE) + RATE["b"]) / 0.2
    np.testing.assert_allclose(field(STATE), wanted, atol=1e-13)
    assert (field.n_outputs, len(field.values["u"])) == (1, INPUTS)
    assert field.metadata["understood"] == "J = J*mask"


def test_a_group_with_a_cell_beside_a_rate_network(tmp_path):
    cell = {"rnn.weight_hh_l0": np.eye(8), "rnn.weight_ih_l0": np.ones((8, 2))}
    np.savez(tmp_path / "net.npz", **RATE, **cell)
    assert ssmsym.load(tmp_path / "net.npz").n_states == N
    assert ssmsym.load(tmp_path / "net.npz", group="rnn").n_states == 8


def test_an_assumed_nonlinearity_is_called_so(tmp_path):
    np.savez(tmp_path / "net.npz", weight_hh_l0=np.eye(2), weight_ih_l0=np.ones((2, 1)), tau=3.0)
    assert "tanh (assumed" in ssmsym.load(tmp_path / "net.npz").metadata["understood"]
    relu = ssmsym.load(tmp_path / "net.npz", activation="relu")
    assert relu([2.0, -1.0]).tolist() == [2.0, 0.0]
    assert "assumed" not in relu.metadata["understood"]


@pytest.mark.parametrize(
    "name", ["cdd_n100_a", "cdi_n100_a", "delay_n100_a", "flipflop_n50_a", "ring_n100_a"]
)
def test_sample_trajectories_check_the_import(name):
    text = ssmsym.load(ssmsym.network_path(name)).metadata["import_check"]
    assert text.startswith("holds")
    assert "sample trajectories" in text


@pytest.mark.parametrize("name", ["sine_n100_a", "sine_ode_n100_a"])
def test_the_check_knows_euler_from_heun(name, tmp_path):
    arrays = dict(np.load(ssmsym.network_path(name)))
    assert ssmsym.load(ssmsym.network_path(name)).metadata["import_check"].startswith("holds")
    arrays["integrator"] = np.array("euler" if name == "sine_ode_n100_a" else "heun")
    np.savez(tmp_path / "net.npz", **arrays)
    with pytest.warns(SsmsymWarning, match="FAILS"):
        ssmsym.load(tmp_path / "net.npz")


@pytest.mark.parametrize("name", ["rnn_n64_a", "gru_n64_a", "lstm_n32_a"])
def test_sample_trajectories_check_a_cell(name, monkeypatch, tmp_path):
    monkeypatch.setattr(checked_import, "torch_is_loaded", lambda: False)
    text = ssmsym.load(ssmsym.network_path(name)).metadata["import_check"]
    assert text.startswith("holds")
    assert "9 sample trajectories" in text
    arrays = dict(np.load(ssmsym.network_path(name)))
    gates = arrays["rnn.weight_hh_l0"].reshape(-1, *arrays["rnn.weight_hh_l0"].shape[1:])
    arrays["rnn.weight_hh_l0"] = np.roll(gates, 1, axis=0)
    np.savez(tmp_path / "net.npz", **arrays)
    with pytest.warns(SsmsymWarning, match="FAILS"):
        ssmsym.load(tmp_path / "net.npz")


@pytest.mark.parametrize("ending", [".pt", ".safetensors", ".npz"])
@pytest.mark.parametrize("name", ["rnn_n64_a", "gru_n64_a", "lstm_n32_a"])
def test_trained_cells_step_as_pytorch_does(name, ending):
    pytest.importorskip("torch")
    text = ssmsym.load(ssmsym.network_path(f"{name}{ending}"), check=True).metadata["import_check"]
    assert text.startswith("holds")
    assert "PyTorch's nn." in text
    assert "limit 1e-12" in text


@pytest.mark.parametrize(("kind", "gates"), [("gru", "rzn"), ("lstm", "ifgo")])
def test_a_wrong_order_of_gates_fails_the_check(kind, gates, monkeypatch):
    pytest.importorskip("torch")
    from ssmsym.fields import cells

    layer = cells._LayerEquations._affine

    def exchanged(self, position, *arguments):
        return layer(self, {0: 1, 1: 0}.get(position, position), *arguments)

    monkeypatch.setattr(cells._LayerEquations, "_affine", exchanged)
    name = {"gru": "gru_n64_a.pt", "lstm": "lstm_n32_a.pt"}[kind]
    with pytest.warns(SsmsymWarning, match="FAILS"):
        ssmsym.load(ssmsym.network_path(name), check=True)


def test_no_check_where_there_is_nothing_to_check_against(tmp_path, monkeypatch):
    monkeypatch.setattr(checked_import, "torch_is_loaded", lambda: False)
    assert "import_check" not in ssmsym.load(ssmsym.network_path("gru_n64_a.pt")).metadata
    assert "import_check" not in ssmsym.load(ssmsym.network_path("delay_n100_a"), check=False).metadata


def test_reading_without_pytorch_is_reading(monkeypatch):
    """A state dict is read from .pt by a process in which PyTorch cannot be imported."""
    import subprocess
    import sys

    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import ssmsym; field = ssmsym.load(ssmsym.network_path('gru_n64_a.pt')); print(field.n_states)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "64", done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"as_": "ode"}, "'as_' is 'flow' or 'map'"),
        ({"mapping": {"Q": "rec"}}, "'Q', which is no array of a network"),
        ({"mapping": {"J": "rec"}, "form": "leaky"}, "'form' is 'state' or 'rate'"),
        ({"mapping": {"J": "rec"}, "activation": "step"}, "no activation 'step'"),
        ({"mapping": {"J": "rec"}, "tau": -1.0}, "'tau' must be positive"),
        ({"mapping": {"J": "rec"}, "dt": -1.0}, "'dt' is -1.0"),
        ({"mapping": {"J": "rec", "B": "inp.T"}}, r"'B' has shape \(2, 5\)"),
        ({"mapping": {"J": "rec"}, "as_": "map"}, "was not trained as an Euler map"),
        ({"mapping": {"J": "nan"}}, "not finite"),
    ],
)
def test_what_does_not_fit_is_named_with_its_file(tmp_path, options, message):
    arrays = {"rec": RATE["J"], "inp": RATE["B"], "nan": np.full((N, N), np.nan)}
    np.savez(tmp_path / "net.npz", **arrays)
    with pytest.raises(InputError, match=message):
        ssmsym.load(tmp_path / "net.npz", **options)


# -- the command line ---------------------------------------------------------------------------------------


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_info_says_what_it_understood_of_a_cell():
    result = run("info", ssmsym.network_path("lstm_n32_a.pt"))
    assert result.exit_code == 0, result.output
    for part in (
        "discrete time, 64 states (h 32, c 32)",
        "f = logistic.(W_hf*h + W_if*u + b_hf + b_if)",
        "c -> ",
        "inputs: 3, outputs: 3",
        "read as: nn.LSTM from 'rnn.weight_ih_l0, ...', readout from 'readout.weight'",
        "import check: ",
    ):
        assert part in result.output, result.output


def test_info_proposes_a_mapping_that_works(tmp_path):
    arrays = {"rec.weight": RATE["J"], "in.weight": RATE["B"], "in.bias": RATE["b"], "junk": np.zeros(17)}
    np.savez(tmp_path / "net.npz", **arrays)
    result = run("info", tmp_path / "net.npz")
    assert result.exit_code == 0, result.output
    assert "J = rec.weight" in result.output
    assert "not used: junk" in result.output
    document = json.loads(run("info", tmp_path / "net.npz", "--json").stdout)
    assert document["proposed_mapping"] == {"J": "rec.weight", "B": "in.weight", "b": "in.bias"}
    option = document["option"].removeprefix("--map ").strip("'")
    facts = json.loads(run("info", tmp_path / "net.npz", "--map", option, "--tau", 0.2, "--json").stdout)
    assert (facts["n_states"], facts["n_inputs"], facts["time"]) == (N, INPUTS, "continuous")
    assert facts["ignored"] == "junk"


def test_commands_read_a_network_by_its_mapping(tmp_path):
    np.savez(tmp_path / "net.npz", rec=0.5 * np.diag([3.0, 0.1, 0.2]))
    options = ("--map", "J=rec", "--activation", "tanh", "--dt", 0.1)
    result = run("fixed-points", tmp_path / "net.npz", *options, "--json")
    assert len(json.loads(result.stdout)["fixed_points"]) == 3  # x = 1.5 tanh x
    result = run(
        "reduce", tmp_path / "net.npz", *options, "--as", "map", "--at", 2, "-o", tmp_path / "m.npz", "--json"
    )
    assert result.exit_code == 0, result.output
    assert ssmsym.load_model(tmp_path / "m.npz").field.is_map


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--map", "J"), 2, "NAME=EXPRESSION"),
        (("--map", "J=reck"), 1, "'reck', which is not in the file"),
        (("--group", "x"), 1, "it has no network 'x'"),
        (("--form", "leaky"), 2, "Invalid value for '--form'"),
    ],
)
def test_wrong_options_are_one_sentence(tmp_path, arguments, code, message):
    np.savez(tmp_path / "net.npz", rec=RATE["J"])
    result = run("fixed-points", tmp_path / "net.npz", *arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert "Traceback" not in result.output
