"""Files of weights against truth that the reader did not make: PyTorch, h5py, SciPy, and the writers of the files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from ssmsym.errors import FileFormatError, MissingExtraError
from ssmsym.importing.containers import SUFFIXES, read_weights

RNG = np.random.default_rng(11)
J = RNG.standard_normal((4, 4))
B = RNG.standard_normal((4, 2))
b = RNG.standard_normal(4)


def assert_same(found, expected) -> None:
    assert set(found) == set(expected)
    for name, value in expected.items():
        value = np.asarray(value)
        assert found[name].shape == value.shape, name
        assert np.array_equal(found[name], value), name


# -- what every format shares -------------------------------------------------------------------------------


@pytest.fixture
def cell_file():
    folder = os.environ.get("SSMSYM_REFERENCE_NETWORKS")
    if not folder:
        pytest.skip("SSMSYM_REFERENCE_NETWORKS names no folder of reference networks")
    return lambda name: Path(folder).parent / name


@pytest.mark.parametrize("name", ["rnn_n64_a", "gru_n64_a", "lstm_n32_a"])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_one_cell_in_three_formats(cell_file, name, suffix):
    truth = read_weights(cell_file(f"{name}.npz")).arrays
    found = read_weights(cell_file(f"{name}{suffix}")).arrays
    assert len(found) == 6
    assert_same(found, {key: truth[key] for key in found})


def test_the_ending_tells_the_format_in_either_case(tmp_path):
    np.savez(tmp_path / "NET.NPZ.npz", J=J)
    path = (tmp_path / "NET.NPZ.npz").rename(tmp_path / "NET.NPZ")
    file = read_weights(str(path))
    assert file.path == path
    assert_same(file.arrays, {"J": J})
    assert file.ignored == {}


def test_an_unknown_ending_names_the_known_ones(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"anything")
    with pytest.raises(FileFormatError) as caught:
        read_weights(path)
    for suffix in SUFFIXES:
        assert suffix in str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_missing_file_and_a_folder_are_named(tmp_path, suffix):
    folder = tmp_path / f"folder{suffix}"
    folder.mkdir()
    for path in (tmp_path / f"absent{suffix}", folder):
        with pytest.raises(FileFormatError, match="There is no file"):
            read_weights(path)


@pytest.mark.parametrize(
    ("suffix", "package"), [(".safetensors", "safetensors"), (".h5", "h5py"), (".hdf5", "h5py")]
)
def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch, suffix, package):
    path = tmp_path / f"net{suffix}"
    path.write_bytes(b"anything")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ssmsym\[(safetensors|hdf5)\]'") as caught:
        read_weights(path)
    assert "\n" not in str(caught.value)


def test_reading_needs_no_torch_and_loads_no_library_early():
    code = (
        "import sys; sys.modules['torch'] = None; import ssmsym.importing.containers\n"
        "print(sorted({'h5py', 'safetensors', 'scipy.io'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -- PyTorch ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("protocol", [2, 4])
def test_state_dicts_are_as_torch_reads_them(torch, tmp_path, kind, layers, protocol):
    cell = getattr(torch.nn, kind)(3, 5, num_layers=layers)
    torch.save(cell.state_dict(), tmp_path / "net.pt", pickle_protocol=protocol)
    # torch's own weights-only reader knows protocol 2 alone
    truth = torch.load(tmp_path / "net.pt", weights_only=True) if protocol == 2 else cell.state_dict()
    file = read_weights(tmp_path / "net.pt")
    assert_same(file.arrays, {name: value.double().numpy() for name, value in truth.items()})
    assert all(value.dtype == np.float64 for value in file.arrays.values())
    assert not file.ignored


def torch_cases(torch):
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    shared = torch.randn(5)
    return {
        "transposed": base.T,
        "rows": base[1:3],
        "columns": base[:, 2:5:2],
        "permuted": torch.randn(2, 3, 4).permute(2, 0, 1),
        "expanded": torch.tensor([0.5]).expand(7),
        "first": shared,
        "second": shared,
        "scalar": torch.tensor(2.5),
        "none_in_it": torch.empty(0, 3),
        "parameter": torch.nn.Parameter(torch.randn(2, 2)),
        "double": torch.randn(3, dtype=torch.float64),
        "half": torch.tensor([1.0, 6e-8, 65504.0, -0.1], dtype=torch.float16),
        "bfloat16": torch.tensor([1.0, 3e38, -0.1, 1e-40], dtype=torch.bfloat16),
        "not_finite": torch.tensor([float("nan"), float("inf"), -float("inf")]),
        "long": torch.tensor([2**62, -1]),
        "int": torch.tensor([2**31 - 1], dtype=torch.int32),
        "short": torch.tensor([-300], dtype=torch.int16),
        "char": torch.tensor([-128], dtype=torch.int8),
        "byte": torch.tensor([255], dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
    }


def test_tensors_of_every_kind_are_as_torch_reads_them(torch, tmp_path):
    torch.save(torch_cases(torch), tmp_path / "net.pth")
    truth = torch.load(tmp_path / "net.pth", weights_only=True)
    found = read_weights(tmp_path / "net.pth").arrays
    assert set(found) == set(truth)
    for name, value in truth.items():
        value = value.detach()
        expected = value.double().numpy() if value.is_floating_point() else value.numpy()
        assert found[name].shape == expected.shape, name
        assert found[name].dtype == expected.dtype, name
        assert np.array_equal(found[name], expected, equal_nan=name == "not_finite"), name


def test_a_checkpoint_is_flattened(torch, tmp_path):
    model = torch.nn.GRU(2, 3)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(4, 1, 2))[0].sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 5])
    torch.save(
        {
            "epoch": 7,
            "loss": 0.25,
            "done": True,
            "name": "flip-flop",
            "nothing": None,
            "model_state_dict": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
            "hidden": torch.nn.Parameter(torch.ones(2)),
            "device": torch.device("cpu"),
            "size": torch.Size([3, 2]),
        },
        tmp_path / "net.ckpt",
    )
    file = read_weights(tmp_path / "net.ckpt")
    for name, value in model.state_dict().items():
        assert np.array_equal(file.arrays[f"model_state_dict.{name}"], value.double().numpy())
    for name, expected in (("epoch", 7), ("loss", 0.25), ("done", True), ("name", "flip-flop")):
        assert file.arrays[name] == expected
        assert file.arrays[name].shape == ()
    state = optimizer.state_dict()["state"][1]["exp_avg"]
    assert np.array_equal(file.arrays["optimizer.state.1.exp_avg"], state.double().numpy())
    assert {"nothing", "device"} <= set(file.ignored)


def test_a_list_and_a_tensor_alone_have_names(torch, tmp_path):
    torch.save([torch.ones(2), torch.zeros(3)], tmp_path / "list.pt")
    assert_same(read_weights(tmp_path / "list.pt").arrays, {"0": np.ones(2), "1": np.zeros(3)})
    torch.save(torch.ones(2), tmp_path / "alone.pt")
    assert_same(read_weights(tmp_path / "alone.pt").arrays, {"tensor": np.ones(2)})


def test_big_endian_numbers(torch, tmp_path):
    torch.save({"J": torch.tensor(J), "h": torch.tensor([1.5], dtype=torch.bfloat16)}, tmp_path / "net.pt")
    with zipfile.ZipFile(tmp_path / "net.pt") as source, zipfile.ZipFile(tmp_path / "big.pt", "w") as target:
        for entry in source.namelist():
            data = source.read(entry)
            if entry.endswith("byteorder"):
                data = b"big"
            elif entry.endswith("data/0"):
                data = np.frombuffer(data, "<f8").astype(">f8").tobytes()
            elif entry.endswith("data/1"):
                data = data[::-1]
            target.writestr(entry, data)
    assert_same(read_weights(tmp_path / "big.pt").arrays, {"J": J, "h": [1.5]})


def test_other_things_that_torch_writes_say_how_to_save_again(torch, tmp_path):
    linear = torch.nn.Linear(2, 2)
    torch.save(linear, tmp_path / "module.pt")
    torch.save(linear.state_dict(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    torch.jit.script(linear).save(str(tmp_path / "script.pt"))
    for name, part in (
        ("module", "torch.nn.modules.linear.Linear"),
        ("old", "torch.save"),
        ("script", "TorchScript"),
    ):
        with pytest.raises(FileFormatError, match="state_dict") as caught:
            read_weights(tmp_path / f"{name}.pt")
        assert part in str(caught.value)
        assert "\n" not in str(caught.value)


# -- safetensors --------------------------------------------------------------------------------------------


def test_safetensors_of_every_kind(tmp_path):
    numpy_side = pytest.importorskip("safetensors.numpy")
    arrays = {
        "net.J": J,
        "single": J.astype(np.float32),
        "half": b.astype(np.float16),
        "long": np.array([2**62, -1]),
        "byte": np.array([[255]], dtype=np.uint8),
        "bool": np.array([True, False]),
        "scalar": np.array(2.5),
        "none_in_it": np.zeros((0, 3)),
        "not_finite": np.array([np.inf, -np.inf]),
    }
    numpy_side.save_file(arrays, tmp_path / "net.safetensors", metadata={"kind": "rnn"})
    found = read_weights(tmp_path / "net.safetensors").arrays
    assert_same(found, arrays)
    assert found["half"].dtype == found["single"].dtype == np.float64
    assert found["bool"].dtype == bool


def test_safetensors_of_bfloat16(tmp_path):
    pytest.importorskip("safetensors")
    values = np.array([1.0, -2.5, 3e38], dtype=np.float32)
    upper = values.view(np.uint32) >> 16
    header = json.dumps({"h": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}}).encode()
    data = len(header).to_bytes(8, "little") + header + upper.astype("<u2").tobytes()
    (tmp_path / "net.safetensors").write_bytes(data)
    expected = (upper << 16).view(np.float32).astype(float)
    assert_same(read_weights(tmp_path / "net.safetensors").arrays, {"h": expected})


# -- HDF5 ---------------------------------------------------------------------------------------------------


@pytest.fixture
def h5py():
    return pytest.importorskip("h5py")


def test_groups_datasets_and_attributes_of_hdf5(h5py, tmp_path):
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file["netA/J"] = J
        file["netB/J"] = J.T
        file["netA/cell/B"] = B.astype(np.float32)
        file.create_dataset("packed", data=np.tile(b, 100), compression="gzip", shuffle=True)
        file.create_dataset("half", data=b.astype(np.float16))
        file.create_dataset("big_endian", data=b.astype(">f8"))
        file["activation"] = "tanh"
        file["names"] = ["left", "right"]
        file["flags"] = np.array([True, False])
        file["tau"] = 0.5
        file.attrs["dt"] = 0.1
        file.attrs["tau"] = 99.0  # the dataset wins
        file["netA"].attrs["kind"] = "rate"
        file["netA/J"].attrs["gains"] = [1.0, 2.0]
        file["complex"] = np.array([1j])
        file["nothing"] = h5py.Empty("f8")
    file = read_weights(tmp_path / "net.h5")
    assert_same(
        file.arrays,
        {
            "netA.J": J,
            "netB.J": J.T,
            "netA.cell.B": B.astype(np.float32),
            "packed": np.tile(b, 100),
            "half": b.astype(np.float16),
            "big_endian": b,
            "activation": "tanh",
            "names": ["left", "right"],
            "flags": [True, False],
            "tau": 0.5,
            "dt": 0.1,
            "netA.kind": "rate",
            "netA.J.gains": [1.0, 2.0],
        },
    )
    assert set(file.ignored) == {"complex", "nothing"}
    for name in ("netA.cell.B", "half", "big_endian"):
        assert file.arrays[name].dtype == np.dtype(float), name


def test_what_lies_outside_an_hdf5_file_is_not_followed(h5py, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["J"] = J
    (tmp_path / "secret.bin").write_bytes(J.tobytes())
    with h5py.File(tmp_path / "net.hdf5", "w") as file:
        file["B"] = B
        file["link"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/J")
        file["soft"] = h5py.SoftLink("/link")
        file["broken"] = h5py.SoftLink("/nowhere")
        file.create_dataset("raw", (4, 4), "f8", external=[(str(tmp_path / "secret.bin"), 0, 128)])
        layout = h5py.VirtualLayout((4, 4), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "J", (4, 4))
        file.create_virtual_dataset("virtual", layout)
    file = read_weights(tmp_path / "net.hdf5")
    assert_same(file.arrays, {"B": B})
    assert set(file.ignored) == {"link", "soft", "broken", "raw", "virtual"}
    assert all(file.ignored.values())


# -- MATLAB -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compressed", [False, True])
def test_matlab_5_as_scipy_writes_it(tmp_path, compressed):
    nets = np.zeros(2, dtype=[("J", object), ("name", object)])
    nets[0] = (J, "first")
    nets[1] = (J.T, "second")
    cells = np.empty(2, dtype=object)
    cells[:] = [J, "text"]
    scipy.io.savemat(
        tmp_path / "net.mat",
        {
            "J": J,
            "row": b[None, :],
            "column": b[:, None],
            "tau": 0.5,
            "three": np.arange(24.0).reshape(2, 3, 4),
            "whole": np.array([[1.0, 2.0], [3.0, 4.0]]),
            "int": np.array([[1, 2], [3, -4]], dtype=np.int16),
            "single": J.astype(np.float32),
            "flags": np.array([[True, False], [False, True]]),
            "activation": "tanh",
            "sparse": scipy.sparse.csc_matrix(np.diag([1.0, 0.0, 2.0])),
            "net": {"J": J, "inner": {"B": B, "kind": "rate"}},
            "nets": nets,
            "cells": cells,
            "complex": np.array([[1j, 2.0]]),
        },
        do_compression=compressed,
    )
    file = read_weights(tmp_path / "net.mat")
    assert_same(
        file.arrays,
        {
            "J": J,
            "row": b,
            "column": b,
            "tau": 0.5,
            "three": np.arange(24.0).reshape(2, 3, 4),
            "whole": [[1.0, 2.0], [3.0, 4.0]],
            "int": [[1, 2], [3, -4]],
            "single": J.astype(np.float32),
            "flags": [[True, False], [False, True]],
            "activation": "tanh",
            "sparse": np.diag([1.0, 0.0, 2.0]),
            "net.J": J,
            "net.inner.B": B,
            "net.inner.kind": "rate",
            "nets.0.J": J,
            "nets.0.name": "first",
            "nets.1.J": J.T,
            "nets.1.name": "second",
            "cells.0": J,
            "cells.1": "text",
        },
    )
    assert set(file.ignored) == {"complex"}
    assert all(file.arrays[name].dtype == np.float64 for name in ("single", "whole"))


def test_flags_of_matlab_are_flags_and_whole_numbers_keep_their_class(tmp_path):
    values = {
        "flag": np.array([[True, False]]),
        "int": np.array([[1, -2]], dtype=np.int16),
        "z": np.array([[1j]]),
    }
    scipy.io.savemat(tmp_path / "net.mat", values)
    file = read_weights(tmp_path / "net.mat")
    assert {name: value.dtype for name, value in file.arrays.items()} == {"flag": bool, "int": np.int16}
    assert set(file.ignored) == {"z"}


def test_matlab_4_as_scipy_writes_it(tmp_path):
    scipy.io.savemat(tmp_path / "net.mat", {"J": J, "b": b, "activation": "relu"}, format="4")
    assert_same(read_weights(tmp_path / "net.mat").arrays, {"J": J, "b": b, "activation": "relu"})


def matlab_dataset(file, name, values, kind, **attributes):
    dataset = file.create_dataset(name, data=values)
    dataset.attrs["MATLAB_class"] = np.bytes_(kind)
    for key, value in attributes.items():
        dataset.attrs[key] = value
    return dataset


def test_matlab_7_3_with_its_axes_texts_and_structures(h5py, tmp_path):
    """As MATLAB lays it out (MAT-File level 7.3): columns first, texts as character codes, structures as groups."""
    path = tmp_path / "net.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        matlab_dataset(file, "J", J.T, "double")
        matlab_dataset(file, "row", b[:, None], "double")
        matlab_dataset(file, "tau", np.array([[0.5]]), "double")
        matlab_dataset(file, "three", np.arange(24.0).reshape(2, 3, 4).T, "double")
        codes = np.array([[ord(letter)] for letter in "tanh"], dtype=np.uint16)
        matlab_dataset(file, "activation", codes, "char", MATLAB_int_decode=2)
        matlab_dataset(file, "flag", np.array([[1]], dtype=np.uint8), "logical", MATLAB_int_decode=1)
        net = file.create_group("net")
        net.attrs["MATLAB_class"] = np.bytes_("struct")
        matlab_dataset(net, "B", B.T, "double")
        matlab_dataset(file, "empty", np.array([0, 0], dtype=np.uint64), "double", MATLAB_empty=1)
        kept = matlab_dataset(file, "#refs#/a", J.T, "double")
        cell = file.create_dataset("cells", (1, 1), dtype=h5py.ref_dtype)
        cell[0, 0] = kept.ref
        cell.attrs["MATLAB_class"] = np.bytes_("cell")
    with path.open("r+b") as handle:
        handle.write(b"MATLAB 7.3 MAT-file, made by hand".ljust(116) + bytes(8) + b"\x00\x02IM")
    file = read_weights(path)
    found = dict(file.arrays)
    found.pop("cells.0", None)
    assert_same(
        found,
        {
            "J": J,
            "row": b,
            "tau": 0.5,
            "three": np.arange(24.0).reshape(2, 3, 4),
            "activation": "tanh",
            "flag": True,
            "net.B": B,
        },
    )
    assert "cells" in file.ignored or np.array_equal(file.arrays["cells.0"], J)


# -- JSON ---------------------------------------------------------------------------------------------------


def test_json_is_flattened(tmp_path):
    document = {
        "net": {"J": J.tolist(), "b": b.tolist(), "deep": {"tau": 0.5}},
        "layers": [{"W": [[1, 2], [3, 4]]}, {"W": [[5.5]]}],
        "names": ["left", "right"],
        "activation": "tanh",
        "steps": 100,
        "flag": True,
        "flags": [True, False],
        "mixed": [1, 2.5],
        "not_finite": [float("nan"), float("inf")],
        "ragged": [[1, 2], [3]],
        "nothing": None,
        "huge": 10**30,
        "unlike": [1, "a"],
        "holes": [1.0, None],
    }
    (tmp_path / "net.json").write_text(json.dumps(document), encoding="utf-8")
    file = read_weights(tmp_path / "net.json")
    found = dict(file.arrays)
    assert np.array_equal(found.pop("not_finite"), [np.nan, np.inf], equal_nan=True)
    assert_same(
        found,
        {
            "net.J": J,
            "net.b": b,
            "net.deep.tau": 0.5,
            "layers.0.W": [[1, 2], [3, 4]],
            "layers.1.W": [[5.5]],
            "names": ["left", "right"],
            "activation": "tanh",
            "steps": 100,
            "flag": True,
            "flags": [True, False],
            "mixed": [1, 2.5],
        },
    )
    assert set(file.ignored) == {"ragged", "nothing", "huge", "unlike", "holes"}
