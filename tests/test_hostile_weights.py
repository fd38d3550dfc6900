"""Files of weights that are damaged or made to do harm: nothing in them runs, and memory is bounded."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings, strategies as st

from ssmsym.errors import FileFormatError, SsmsymError
from ssmsym.importing.containers import read_weights

FUZZ = settings(max_examples=200, derandomize=True, deadline=None, database=None)
BOUND = 200 * 2**20  # bytes that no small file may need
J = np.random.default_rng(3).standard_normal((6, 6))


# -- files made by hand -------------------------------------------------------------------------------------


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    return pickle.dumps(value, 2)[2:-1]


def numbers(values) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def tensor(key="0", offset=0, size=(6, 6), strides=(6, 1), kind="FloatStorage", count=36) -> bytes:
    """The opcodes that torch.save writes for a tensor."""
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(("
        + text("storage")
        + f"ctorch\n{kind}\n".encode()
        + text(key)
        + text("cpu")
        + number(count)
        + b"tQ"
        + number(offset)
        + numbers(size)
        + numbers(strides)
        + b"\x89ccollections\nOrderedDict\n)RtR"
    )


def archive(path: Path, contents: bytes, storages=None, **changes: bytes) -> Path:
    """A file of torch.save around a pickle."""
    entries = {"data.pkl": contents, "byteorder": b"little", "version": b"3\n", **changes}
    for key, data in (storages or {"0": J.astype("<f4").tobytes()}).items():
        entries[f"data/{key}"] = data
    with zipfile.ZipFile(path, "w") as target:
        for name, data in entries.items():
            target.writestr(f"net/{name}", data)
    return path


def state_dict(**entries: bytes) -> bytes:
    return b"\x80\x02}(" + b"".join(text(name) + value for name, value in entries.items()) + b"u."


def whole(suffix: str) -> bytes:
    buffer = io.BytesIO()
    if suffix == ".npz":
        np.savez(buffer, J=J, activation=np.array("tanh"))
    elif suffix == ".pt":
        with zipfile.ZipFile(buffer, "w") as target:
            contents = state_dict(J=tensor(), tau=b"G" + struct.pack(">d", 0.5), name=text("net"))
            target.writestr("net/data.pkl", contents)
            target.writestr("net/byteorder", b"little")
            target.writestr("net/data/0", J.astype("<f4").tobytes())
    elif suffix == ".safetensors":
        entry = {"dtype": "F32", "shape": [6, 6], "data_offsets": [0, 144]}
        header = json.dumps({"__metadata__": {"kind": "rnn"}, "J": entry}).encode()
        buffer.write(len(header).to_bytes(8, "little") + header + J.astype("<f4").tobytes())
    elif suffix == ".h5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(buffer, "w") as file:
            file["net/J"] = J
            file.create_dataset("packed", data=np.tile(J, (4, 4)), chunks=(8, 8), compression="gzip")
            file["name"] = "net"
            file.attrs["tau"] = 0.5
    elif suffix == ".mat":
        scipy.io.savemat(buffer, {"J": J, "net": {"b": J[0], "kind": "rate"}}, do_compression=True)
    else:
        buffer.write(json.dumps({"net": {"J": J.tolist(), "tau": 0.5}, "kind": "rate"}).encode())
    return buffer.getvalue()


FORMATS = [".npz", ".pt", ".safetensors", ".h5", ".mat", ".json"]


def assert_refused(path: Path, *parts: str, most: int | None = None) -> None:
    """One sentence that names the file; `most` bounds the bytes that are allocated meanwhile."""
    if most is not None:
        tracemalloc.start()
    try:
        with pytest.raises(FileFormatError) as caught:
            read_weights(path)
        assert most is None or tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    assert len(message) < 1000, len(message)
    for part in (str(path), *parts):
        assert part in message, message


def read_or_refuse(path: Path) -> None:
    try:
        read_weights(path)
    except SsmsymError as error:
        assert "\n" not in str(error)  # noqa: PT017


# -- damage -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_cut_short_is_refused(tmp_path, suffix):
    data = whole(suffix)
    path = tmp_path / f"net{suffix}"
    path.write_bytes(data)
    assert len(read_weights(path).arrays) >= 1
    for eighth in range(8):
        path.write_bytes(data[: len(data) * eighth // 8])
        assert_refused(path)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("data", [b"", b"\x00" * 600, b"J = 1 2 3\n" * 50, b"\x80\x04\x8c\x02os\x94."])
def test_other_contents_are_refused(tmp_path, suffix, data):
    path = tmp_path / f"net{suffix}"
    path.write_bytes(data)
    assert_refused(path)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("other", FORMATS)
def test_one_format_under_the_ending_of_another_is_refused(tmp_path, suffix, other):
    if suffix == other:
        return
    path = tmp_path / f"net{suffix}"
    path.write_bytes(whole(other))
    if (suffix, other) == (".mat", ".h5"):
        read_or_refuse(path)  # level 7.3 is HDF5
    else:
        assert_refused(path)


@st.composite
def mutated(draw, data: bytes) -> bytes:
    """The bytes with some changed, cut out, doubled, or the end cut off."""
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        if not changed:
            break
        at = draw(st.integers(0, len(changed) - 1))
        action = draw(st.sampled_from(["flip", "set", "delete", "double", "truncate"]))
        length = draw(st.integers(1, 12))
        if action == "flip":
            changed[at] ^= 1 << draw(st.integers(0, 7))
        elif action == "set":
            changed[at] = draw(st.integers(0, 255))
        elif action == "delete":
            del changed[at : at + length]
        elif action == "double":
            changed[at:at] = changed[at : at + length]
        else:
            del changed[at:]
    return bytes(changed)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", [s for s in FORMATS if s != ".h5"])
def test_mutated_files_are_read_or_refused(tmp_path, suffix):
    path = tmp_path / f"net{suffix}"

    @FUZZ
    @given(mutated(whole(suffix)))
    def check(data):
        path.write_bytes(data)
        read_or_refuse(path)

    check()


def test_mutated_contents_of_torch_files_are_read_or_refused(tmp_path):
    contents = state_dict(
        J=tensor(), h=tensor(kind="HalfStorage", strides=(1, 6)), tau=number(3), name=text("net")
    )

    @FUZZ
    @given(mutated(contents))
    def check(data):
        read_or_refuse(archive(tmp_path / "net.pt", data))

    check()


@pytest.mark.filterwarnings("ignore")
def test_mutated_matlab_files_behind_their_compression_are_read_or_refused(tmp_path):
    buffer = io.BytesIO()
    scipy.io.savemat(
        buffer, {"J": J, "net": {"b": J[0], "kind": "rate"}, "cells": np.array([J, "a"], dtype=object)}
    )

    @FUZZ
    @given(mutated(buffer.getvalue()))
    def check(data):
        (tmp_path / "net.mat").write_bytes(data)
        read_or_refuse(tmp_path / "net.mat")

    check()


@pytest.mark.filterwarnings("ignore")
def test_mutated_hdf5_files_are_read_or_refused_in_a_process_of_their_own(tmp_path):
    """The HDF5 library is not ours; should it crash, it must not take the other tests with it."""
    pytest.importorskip("h5py")
    source, target = tmp_path / "whole.bin", tmp_path / "net.h5"
    source.write_bytes(whole(".h5"))
    done = subprocess.run(
        [sys.executable, "-c", MUTATE_HDF5, str(source), str(target)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["200"]


MUTATE_HDF5 = """
import sys
from pathlib import Path
import numpy as np
from ssmsym.errors import SsmsymError
from ssmsym.importing.containers import read_weights

data, target, random, done = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]), np.random.default_rng(5), 0
for _ in range(200):
    changed = bytearray(data)
    for at in random.integers(0, len(changed), random.integers(1, 5)):
        changed[at] = random.integers(0, 256)
    target.write_bytes(changed)
    try:
        read_weights(target)
    except SsmsymError as error:
        assert "\\n" not in str(error)
    done += 1
print(done)
"""


# -- code ---------------------------------------------------------------------------------------------------


class Harmful:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


HARM = {
    "posix.mkdir": lambda marker: pickle.dumps({"J": Harmful(marker)}, 2),
    "os.system": lambda marker: b"\x80\x02cos\nsystem\n(" + text(f"mkdir {marker}") + b"tR.",
    "builtins.eval": lambda marker: (
        b"\x80\x02}"
        + text("J")
        + b"cbuiltins\neval\n("
        + text(f"__import__('os').mkdir({str(marker)!r})")
        + b"tRs."
    ),
    "builtins.exec": lambda marker: (
        b"\x80\x04\x8c\x08builtins\x8c\x04exec\x93(" + text(f"import os; os.mkdir({str(marker)!r})") + b"tR."
    ),
    "builtins.getattr": lambda marker: (
        b"\x80\x02cbuiltins\ngetattr\n(cos\nsystem\n"
        + text("__call__")
        + b"tR("
        + text(f"mkdir {marker}")
        + b"tR."
    ),
}


@pytest.mark.parametrize("name", HARM)
@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt"])
def test_code_in_a_pickle_is_named_and_not_run(tmp_path, name, suffix):
    marker = tmp_path / "executed"
    data = HARM[name](marker)
    assert_refused(archive(tmp_path / f"net{suffix}", data), name, "state_dict")
    assert not marker.exists()
    pickle.loads(data)
    assert marker.exists()  # the trap works


def test_a_pickle_without_an_archive_is_not_run(tmp_path):
    marker, path = tmp_path / "executed", tmp_path / "net.pt"
    path.write_bytes(HARM["posix.mkdir"](marker))
    assert_refused(path, "torch.save")
    assert not marker.exists()


def test_harm_in_the_attributes_of_a_state_dict_is_not_run(tmp_path):
    marker = tmp_path / "executed"
    contents = (
        b"\x80\x02ccollections\nOrderedDict\n)R"
        + text("J")
        + tensor()
        + b"s}"
        + text("_metadata")
        + b"cos\nmkdir\n("
        + text(str(marker))
        + b"tRsb."
    )
    found = read_weights(archive(tmp_path / "net.pt", contents)).arrays
    assert set(found) == {"J"}  # the attributes are not looked at
    assert not marker.exists()


def test_pickled_objects_in_an_npz_are_not_run(tmp_path):
    marker, path = tmp_path / "executed", tmp_path / "net.npz"
    np.savez(path, J=np.array([Harmful(marker)], dtype=object))
    assert_refused(path, "pickled objects")
    assert not marker.exists()


# -- tensors that are not there -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layout",
    [
        {"size": (7, 6)},
        {"offset": 1},
        {"offset": 2**62},
        {"offset": -1},
        {"size": (-1, 6)},
        {"strides": (-6, 1)},
        {"strides": (2**61, 1)},
        {"size": (2**31, 2**31), "strides": (0, 0)},
        {"size": (10**5, 10**5), "strides": (0, 0)},
        {"size": (2**40,), "strides": (1,)},
        {"size": (10**40, 6)},
        {"size": (6,), "strides": (6, 1)},
        {"size": (1,) * 70, "strides": (1,) * 70},
        {"key": "1"},
        {"key": "../../net/data/0"},
        {"kind": "DoubleStorage"},
        {"kind": "Storage"},
    ],
    ids=str,
)
def test_a_tensor_that_the_file_does_not_hold_is_refused(tmp_path, layout):
    path = archive(tmp_path / "net.pt", state_dict(J=tensor(**layout)))
    assert_refused(path, most=BOUND)


def test_the_hand_made_file_is_right(tmp_path):
    path = archive(tmp_path / "net.pt", state_dict(J=tensor(), T=tensor(strides=(1, 6))))
    found = read_weights(path).arrays
    assert np.array_equal(found["J"], J.astype(np.float32))
    assert np.array_equal(found["T"], J.T.astype(np.float32))


def test_numbers_that_are_not_finite_pass(tmp_path):
    values = np.full((6, 6), np.nan, dtype="<f4")
    path = archive(tmp_path / "net.pt", state_dict(J=tensor()), {"0": values.tobytes()})
    assert np.isnan(read_weights(path).arrays["J"]).all()


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 144]},
        {"dtype": "F32", "shape": [2**63, 2], "data_offsets": [0, 144]},
        {"dtype": "F32", "shape": [-6, -6], "data_offsets": [0, 144]},
        {"dtype": "F32", "shape": [6, 6], "data_offsets": [0, 2**50]},
        {"dtype": "F32", "shape": [6, 6], "data_offsets": [144, 0]},
        {"dtype": "F99", "shape": [6, 6], "data_offsets": [0, 144]},
    ],
)
def test_a_safetensor_that_the_file_does_not_hold_is_refused(tmp_path, entry):
    pytest.importorskip("safetensors")
    header = json.dumps({"J": entry}).encode()
    path = tmp_path / "net.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(144))
    assert_refused(path, most=BOUND)


@pytest.mark.parametrize("shape", [(2**31,), (10**6, 10**6), (2**62,)])
def test_a_dataset_that_the_file_does_not_hold_is_refused(tmp_path, shape):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file.create_dataset("J", shape, "u1", chunks=(1,) * len(shape), compression="gzip")
    assert_refused(tmp_path / "net.h5", most=BOUND)


def test_many_datasets_that_the_file_does_not_hold_are_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "net.h5", "w") as file:
        for i in range(40):
            file.create_dataset(f"J{i}", (2**25,), "u1", chunks=(2**20,))
    assert_refused(tmp_path / "net.h5", most=2 * BOUND)


def test_a_group_in_itself_ends(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file["net/J"] = J
        for i in range(5):
            file[f"net/again{i}"] = file["net"]
    file = read_weights(tmp_path / "net.h5")
    assert set(file.arrays) == {"net.J"}
    assert file.ignored["net.again0"] == "it is another name of 'net'"


def test_one_long_text_many_times_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    values = np.array(["a" * 50_000] + [""] * 20_000, dtype=object)
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file["names"] = values
    assert "names" in read_weights(tmp_path / "net.h5").ignored


def test_texts_on_which_the_hdf5_library_would_hang_are_refused(tmp_path):
    data = bytearray(whole(".h5"))
    at = data.index(b"GCOL") + 16
    (length,) = struct.unpack_from("<Q", data, at + 8)
    free = at + 16 + length + -length % 8
    data[free : free + 16] = bytes(16)  # free space of no size
    (tmp_path / "net.h5").write_bytes(data)
    assert_refused(tmp_path / "net.h5", "texts are damaged")


def test_a_chunk_that_unpacks_to_far_more_than_it_declares_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(400)) + packer.flush()
    with h5py.File(tmp_path / "net.h5", "w") as file:
        dataset = file.create_dataset("J", (2**20,), "u1", chunks=(2**20,), compression="gzip")
        dataset.id.write_direct_chunk((0,), packed)
    assert_refused(tmp_path / "net.h5", "unpack", most=BOUND)


def test_chunks_far_larger_than_the_file_are_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file.create_dataset("J", (4,), "u1", maxshape=(None,), chunks=(2**31,))
    assert_refused(tmp_path / "net.h5", "chunks")


def matlab(data: bytes, *, dims=(6, 6), kind=6, name=b"J") -> bytes:
    """A variable of a MAT-file of level 5."""

    def element(number: int, content: bytes) -> bytes:
        return struct.pack("<II", number, len(content)) + content + b"\0" * (-len(content) % 8)

    body = element(6, struct.pack("<II", kind, 0)) + element(5, struct.pack(f"<{len(dims)}i", *dims))
    return element(14, body + element(1, name) + data)


def matlab_file(path: Path, *variables: bytes) -> Path:
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + b"".join(variables))
    return path


DOUBLES = struct.pack("<II", 9, 288) + J.T.tobytes()


def test_the_hand_made_matlab_file_is_right(tmp_path):
    path = matlab_file(
        tmp_path / "net.mat", matlab(DOUBLES), matlab(matlab(DOUBLES), dims=(1, 1), kind=1, name=b"c")
    )
    found = read_weights(path).arrays
    assert np.array_equal(found["J"], J)


def test_a_matlab_matrix_that_says_it_is_complex_and_is_not(tmp_path):
    """SciPy's reader ends the process on it."""
    inner = matlab(DOUBLES, kind=0x806) + matlab(DOUBLES)
    path = matlab_file(tmp_path / "net.mat", matlab(inner, dims=(2, 1), kind=1, name=b"c"))
    file = read_weights(path)
    assert (set(file.arrays), set(file.ignored)) == ({"c.1"}, {"c.0"})


@pytest.mark.parametrize("dims", [(2**30, 1), (2**31 - 1, 2**31 - 1), (-6, -6), (7, 6)])
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("kind", [1, 6])
def test_a_matlab_matrix_that_the_file_does_not_hold_is_refused(tmp_path, dims, inside, kind):
    variable = matlab(DOUBLES, dims=dims, kind=kind)
    if inside:
        variable = matlab(variable, dims=(1, 1), kind=1, name=b"c")
    path = matlab_file(tmp_path / "net.mat", variable)
    assert_refused(path, most=BOUND)


def test_a_deeply_nested_matlab_cell_is_refused(tmp_path):
    variable = matlab(DOUBLES)
    for _ in range(2_000):
        variable = matlab(variable, dims=(1, 1), kind=1, name=b"")
    assert_refused(matlab_file(tmp_path / "net.mat", variable))


def test_a_matlab_variable_that_unpacks_to_far_more_is_refused(tmp_path):
    size = 600 * 2**20
    packer = zlib.compressobj(9)
    head = matlab(b"", dims=(size // 8, 1)) + struct.pack("<II", 9, size)
    head = struct.pack("<II", 14, len(head) - 8 + size) + head[8:]
    packed = packer.compress(head)
    for _ in range(600):
        packed += packer.compress(bytes(2**20))
    packed += packer.flush()
    path = matlab_file(tmp_path / "net.mat", struct.pack("<II", 15, len(packed)) + packed)
    assert_refused(path, most=2 * BOUND)


# -- bombs --------------------------------------------------------------------------------------------------


def zeros_entry(target: zipfile.ZipFile, name: str, head: bytes, size: int) -> None:
    with target.open(name, "w", force_zip64=True) as handle:
        handle.write(head)
        for _ in range(size // 2**20):
            handle.write(bytes(2**20))


def npy_head(size: int) -> bytes:
    header = repr({"descr": "|u1", "fortran_order": False, "shape": (size,)}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return np.lib.format.magic(1, 0) + len(header).to_bytes(2, "little") + header


@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.parametrize("suffix", [".npz", ".pt"])
def test_a_zip_bomb_is_not_unpacked(tmp_path, suffix, count):
    path, size = tmp_path / f"net{suffix}", 480 * 2**20 // count
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        if suffix == ".pt":
            names = [f"J{i}" for i in range(count)]
            layout = {"size": (size,), "strides": (1,), "kind": "ByteStorage", "count": size}
            contents = state_dict(**{name: tensor(key=str(i), **layout) for i, name in enumerate(names)})
            target.writestr("net/data.pkl", contents)
        for i in range(count):
            name = f"J{i}.npy" if suffix == ".npz" else f"net/data/{i}"
            zeros_entry(target, name, npy_head(size) if suffix == ".npz" else b"", size)
    assert path.stat().st_size < 4 * 2**20
    assert_refused(path, "fold", most=BOUND)


def test_entries_that_share_their_bytes_are_refused(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, J=J, K=J)
    data = bytearray(path.read_bytes())
    first, second = (i for i in range(len(data)) if data[i : i + 4] == b"PK\x01\x02")
    data[second + 42 : second + 46] = data[first + 42 : first + 46]
    path.write_bytes(data)
    assert_refused(path, "overlaps")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("suffix", [".npz", ".pt"])
def test_two_entries_of_one_name_are_refused(tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    path.write_bytes(whole(suffix))
    with zipfile.ZipFile(path, "a") as target:
        name = target.namelist()[-1]
        target.writestr(name, target.read(name))
    assert_refused(path, "two entries")


def test_a_sparse_array_is_read_however_well_it_compresses(tmp_path):
    np.savez_compressed(tmp_path / "net.npz", J=np.zeros((1000, 1000)))
    assert not read_weights(tmp_path / "net.npz").arrays["J"].any()


def laughs(levels: int, width: int, leaf: bytes) -> bytes:
    """Lists of references to the list before: width**levels leaves in a few bytes."""
    data = b"\x80\x02" + leaf + b"r" + struct.pack("<I", 0) + b"0"
    for level in range(1, levels + 1):
        data += (
            b"](" + (b"j" + struct.pack("<I", level - 1)) * width + b"er" + struct.pack("<I", level) + b"0"
        )
    return data + b"}" + text("J") + b"j" + struct.pack("<I", levels) + b"s."


@pytest.mark.parametrize("leaf", [number(1), text("lol" * 3000), text("x"), b"N", tensor()], ids=range(5))
@pytest.mark.parametrize(("levels", "width"), [(9, 10), (30, 2)])
def test_a_list_of_lists_of_lists_is_refused(tmp_path, leaf, levels, width):
    path = archive(tmp_path / "net.pt", laughs(levels, width, leaf))
    assert_refused(path, most=2 * BOUND)


def test_long_names_through_references_are_refused(tmp_path):
    key = text("k" * 100_000) + b"r" + struct.pack("<I", 0)
    inner = b"}" + key + number(1) + b"s"
    contents = b"\x80\x02" + inner + b"r" + struct.pack("<I", 1) + b"0]("
    contents += (b"j" + struct.pack("<I", 1)) * 20_000 + b"e."
    path = archive(tmp_path / "net.pt", contents)
    assert_refused(path, most=BOUND)


@pytest.mark.parametrize(
    "contents",
    [
        b"\x80\x02]r\x00\x00\x00\x00j\x00\x00\x00\x00a.",
        b"\x80\x02}r\x00\x00\x00\x00" + text("a") + b"j\x00\x00\x00\x00s.",
        b"\x80\x02" + b"]" * 5000 + b"a" * 4999 + b".",
        b"\x80\x02" + b"]" + b"\x85" * 100_000 + b".",
        b"\x80\x02" + b"(" * 200_000 + b".",
        b"\x80\x02" + number(1) * 200_000 + b".",
        b"\x80\x02N" + b"Nq\x000" * 3_000_000 + b".",
    ],
    ids=["list in itself", "dict in itself", "lists", "tuples", "marks", "stack", "opcodes"],
)
def test_a_pickle_without_end_is_refused(tmp_path, contents):
    path = archive(tmp_path / "net.pt", contents)
    assert_refused(path, most=BOUND)


@pytest.mark.parametrize(
    "contents",
    [
        b"\x80\x02.",
        b"\x80\x02j\x07\x00\x00\x00.",
        b"\x80\x02}u.",
        b"\x80\x02Na.",
        b"\x80\x02)R.",
        b"\x80\x02}",
        b"",
        b".",
    ],
    ids=range(8),
)
def test_a_pickle_without_meaning_is_refused(tmp_path, contents):
    assert_refused(archive(tmp_path / "net.pt", contents))


@pytest.mark.parametrize("byteorder", [b"middle", b"\xff\xff", b"little" * 1000])
def test_an_unknown_order_of_bytes_is_refused(tmp_path, byteorder):
    assert_refused(archive(tmp_path / "net.pt", state_dict(J=tensor()), byteorder=byteorder))


@pytest.mark.parametrize(
    "document",
    [
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        '{"a":' * 500 + "1" + "}" * 500,
        '{"J": [1], "J": [2]}',
        '{"a": {"b": 1, "b": 2}}',
        '{"a.b": 1, "a": {"b": 2}}',
        '{"J": 1' + "0" * 100_000 + "}",
        '{"J": [1, 2}',
        "{'J': 1}",
        '"text"',
        '{"J": 1} {"K": 2}',
        "\ud800",
    ],
    ids=range(12),
)
def test_a_document_without_meaning_is_refused(tmp_path, document):
    path = tmp_path / "net.json"
    path.write_bytes(document.encode("utf-8", "surrogatepass"))
    assert_refused(path, most=BOUND)


def test_names_cannot_break_a_message(tmp_path):
    name = "J\nTraceback (most recent call last)\x1b[31m" + "x" * 10_000
    path = tmp_path / "net.json"
    path.write_text(json.dumps({name: 1})[:-1] + ", " + json.dumps({name: 2})[1:], encoding="utf-8")
    assert_refused(path)
