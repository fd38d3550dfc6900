"""Files that are damaged or made to do harm: each is refused as a file, and nothing in it is run."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from click.testing import CliRunner
from hypothesis import given, settings, strategies as st

from ssmsym import compile_field, compute_ssm, from_sympy, load, load_model, network_path, save
from ssmsym.cli import main
from ssmsym.errors import FileFormatError, SsmsymError
from ssmsym.fields.files import read_arrays

FUZZ = settings(max_examples=200, derandomize=True, deadline=None, database=None)
READERS = {"load": load, "load_model": load_model}


def network_bytes(writer=np.savez) -> bytes:
    buffer = io.BytesIO()
    writer(buffer, J=np.diag([0.5, 0.2]), b=np.array([0.1, 0.0]), activation=np.array("tanh"))
    return buffer.getvalue()


def npy_bytes(shape, data: bytes = b"", dtype: str = "<f8") -> bytes:
    """A .npy entry whose header says what we want it to say."""
    header = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return np.lib.format.magic(1, 0) + len(header).to_bytes(2, "little") + header + data


def zipped(path: Path, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(f"{name}.npy", data)
    return path


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    x = sp.MatrixSymbol("x", 2, 1)
    A = sp.MatrixSymbol("A", 2, 2)
    g, t = sp.symbols("g t")
    f = sp.Function("f")
    field = from_sympy(
        {x: -x + g * A * x.applyfunc(sp.Lambda(t, sp.tanh(t) + sp.Rational(1, 3) * f(t)))},
        arrays={A: np.array([[0.5, 0.1], [0.0, 0.2]])},
        parameters={g: 0.7},
        functions={f: sp.Lambda(t, t**2)},
        readout=x[0, 0],
    )
    path = tmp_path_factory.mktemp("model") / "model.npz"
    save(compute_ssm(field, [0.0, 0.0], order=3, parameters=["g"]), path)
    return path


@pytest.fixture
def remade(model_file, tmp_path):
    """A function that writes the model file with another header or other arrays."""
    arrays = read_arrays(model_file)
    own = json.loads(str(arrays["header"]))

    def make(header=None, field=None, **changes):
        if not isinstance(header, str):
            header = json.dumps({**own, **(header or {}), "field": {**own["field"], **(field or {})}})
        changed = {**arrays, "header": np.array(header), **changes}
        path = tmp_path / "remade.npz"
        np.savez(path, **{key: value for key, value in changed.items() if value is not None})
        return path

    return make


def assert_no_file(read, path, *parts: str) -> None:
    with pytest.raises(FileFormatError) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    for part in (str(path), *parts):
        assert part in message, message


# -- the container ------------------------------------------------------------------------------------------


def damaged(kind: str) -> bytes:
    whole = network_bytes()
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("readme.txt", "no arrays here")
    single = io.BytesIO()
    np.save(single, np.eye(2))
    return {
        "empty": b"",
        "text": b"J = 1 2 3\n" * 50,
        "half": whole[: len(whole) // 2],
        "last byte missing": whole[:-1],
        "front missing": whole[40:],
        "other zip": other.getvalue(),
        "one array": single.getvalue(),
        "pickle": b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94.",
    }[kind]


KINDS = ["empty", "text", "half", "last byte missing", "front missing", "other zip", "one array", "pickle"]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_refused(tmp_path, reader, kind):
    path = tmp_path / "net.npz"
    path.write_bytes(damaged(kind))
    assert_no_file(READERS[reader], path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_ends_the_command(tmp_path, kind):
    path = tmp_path / "net.npz"
    path.write_bytes(damaged(kind))
    result = CliRunner().invoke(main, ["reduce", str(path), "-o", str(tmp_path / "model.npz")])
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: '{path}'")
    assert result.stderr.count("\n") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.npz"]


@pytest.mark.parametrize("reader", READERS)
def test_a_missing_file_and_a_folder_are_named(tmp_path, reader):
    for path in (tmp_path / "absent.npz", tmp_path):
        assert_no_file(READERS[reader], path, "There is no file")


class Harmful:
    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("reader", READERS)
def test_pickled_objects_are_named_and_not_run(tmp_path, reader):
    marker, path = tmp_path / "executed", tmp_path / "net.npz"
    for name in ("J", "header"):
        np.savez(path, **{name: np.array([Harmful(marker)], dtype=object)})
        assert_no_file(
            READERS[reader], path, f"'{name}.npy'", "pickled objects", "store plain numbers or text"
        )
        result = CliRunner().invoke(main, ["info", str(path)])
        assert result.exit_code == 1
        assert "pickled objects" in result.stderr
        assert not marker.exists()
    np.load(path, allow_pickle=True)["header"]
    assert marker.exists()  # the trap works


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("shape", [(10**6, 10**6), (2**62,), (10**30,), (2**32, 2**32), (4, 2)])
def test_a_shape_that_the_file_does_not_hold_is_refused(tmp_path, reader, shape):
    path = zipped(tmp_path / "net.npz", J=npy_bytes(shape, np.zeros(3).tobytes()))
    assert_no_file(READERS[reader], path)


@pytest.mark.parametrize("shape", [(-1, 4), (2.5,), "(2,)", None, [2, 2]])
def test_a_shape_that_is_none_is_refused(tmp_path, shape):
    path = zipped(tmp_path / "net.npz", J=npy_bytes(shape, np.zeros(4).tobytes()))
    assert_no_file(load, path)


@pytest.mark.parametrize("dtype", ["O", "<M8[s]", "V8", "[('a', '<f8')]", "nonsense", "|O8"])
def test_types_other_than_numbers_and_text_are_refused(tmp_path, dtype):
    path = zipped(tmp_path / "net.npz", J=npy_bytes((1,), bytes(8), dtype))
    assert_no_file(load, path)


# -- one kind of file for another ---------------------------------------------------------------------------


def test_a_model_is_no_network_and_a_network_no_model(model_file):
    assert_no_file(load, model_file, "no network file", "'J'")
    assert_no_file(load_model, network_path("flipflop_n50_a"), "no SSM model file", "'header'")


def test_a_model_ends_the_network_commands(model_file):
    result = CliRunner().invoke(main, ["info", str(model_file)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no network file" in result.stderr


def test_a_model_of_a_later_version_asks_for_an_update(remade):
    assert_no_file(load_model, remade({"version": 99}), "99", "up to 1", "Update ssmsym")


SYMBOL = ["symbol", "x", ""]
BAD_HEADERS = {
    "not JSON": "{'format'",
    "empty": "",
    "a list": "[]",
    "a number": "3",
    "null": "null",
    "deeply nested": "[" * 100_000 + "]" * 100_000,
    "other format": {"format": "recipe"},
    "version text": {"version": "one"},
    "modes a number": {"modes": 5},
    "modes a text": {"modes": "ab"},
    "modes outside": {"modes": [17]},
    "order text": {"order": "high"},
    "order negative": {"order": -3},
    "unknown parameter": {"parameters": ["nothing"]},
    "residual text": {"residual": "small"},
}
BAD_FIELDS = {
    "metadata a list": {"metadata": [1, 2]},
    "conditions a number": {"conditions": 3},
    "function unnamed": {"functions": [[5, ["integer", "1"]]]},
    "function undefined": {"functions": [["f"]]},
    "array without symbol": {"arrays": [["A"]]},
    "array absent": {"arrays": [["Q", SYMBOL]]},
    "parameter a number": {"parameters": 1},
    "no equations": {"equations": []},
    "equation a number": {"equations": [5]},
    "equation of a number": {"equations": [[["integer", "1"], ["integer", "1"]]]},
    "equation of a stranger": {"equations": [[SYMBOL, ["symbol", "stranger", ""]]]},
    "equation transposed": {"equations": [[SYMBOL, ["transpose", SYMBOL]]]},
    "equation without meaning": {"equations": [[SYMBOL, ["add", SYMBOL, ["matrix_symbol", "A", 2, 2]]]]},
    "data absent": {"data": ["nothing"]},
    "time unknown": {"time": "never"},
    "readout a number": {"readout": 5},
}
BAD_ARRAYS = {
    "right absent": {"right": None},
    "right misshapen": {"right": np.ones((3, 2))},
    "right text": {"right": np.array([["a"], ["b"]])},
    "right NaN": {"right": np.full((2, 1), np.nan)},
    "left misshapen": {"left": np.ones((2, 2))},
    "spectrum text": {"spectrum": np.array(["a", "b"])},
    "spectrum short": {"spectrum": np.ones(1)},
    "exponents text": {"exponents": np.array([["a", "b"]])},
    "rows differ": {"parametrization": np.ones((2, 2))},
    "outputs differ": {"parametrization": np.ones((10, 7))},
    "coefficients text": {"reduced_dynamics": np.array([["a"]] * 10)},
    "state misshapen": {"fixed_point.state": np.ones(7)},
    "values misshapen": {"parameter_values": np.ones(3)},
    "weights misshapen": {"field.array.A": np.ones((3, 3))},
    "weights text": {"field.array.A": np.array([["a", "b"], ["c", "d"]])},
}


@pytest.mark.parametrize("case", BAD_HEADERS)
def test_a_bad_header_is_refused(remade, case):
    assert_no_file(load_model, remade(BAD_HEADERS[case]))


@pytest.mark.parametrize("case", BAD_FIELDS)
def test_a_bad_field_in_a_model_is_refused(remade, case):
    assert_no_file(load_model, remade(field=BAD_FIELDS[case]))


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_arrays_in_a_model_are_refused(remade, case):
    assert_no_file(load_model, remade(**BAD_ARRAYS[case]))


def test_a_hostile_name_is_a_name_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    marker = tmp_path / "executed"
    name = f"__import__('os').mkdir({str(marker)!r})"
    x = sp.Symbol(name)
    save(compute_ssm(from_sympy({x: -x + sp.tanh(x) / 2}), [0.0], order=3), "model.npz")
    field = load_model("model.npz").field
    expected = -0.3 + np.tanh(0.3) / 2
    assert field([0.3])[0] == pytest.approx(expected, rel=1e-14)
    assert compile_field(field)([0.3])[0] == pytest.approx(expected, rel=1e-14)
    assert repr(field)
    assert field.latex()
    assert not marker.exists()


# -- mutated files ------------------------------------------------------------------------------------------


@st.composite
def mutated(draw, whole: bytes, *, most: int = 4) -> bytes:
    """The bytes with some changed, cut out, doubled, or the end cut off."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, most))):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1))
        action = draw(st.sampled_from(["flip", "set", "delete", "double", "truncate"]))
        length = draw(st.integers(1, 12))
        if action == "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif action == "set":
            data[at] = draw(st.integers(0, 255))
        elif action == "delete":
            del data[at : at + length]
        elif action == "double":
            data[at:at] = data[at : at + length]
        else:
            del data[at:]
    return bytes(data)


def assert_read_or_refused(read, path: Path, kinds=FileFormatError) -> None:
    try:
        result = read(path)
    except kinds as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert result is not None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("writer", [np.savez, np.savez_compressed])
def test_mutated_network_files_are_read_or_refused(tmp_path, writer):
    path = tmp_path / "net.npz"

    @FUZZ
    @given(mutated(network_bytes(writer)))
    def check(data):
        path.write_bytes(data)
        assert_read_or_refused(load, path, SsmsymError)

    check()


@pytest.mark.filterwarnings("ignore")
def test_mutated_array_headers_are_read_or_refused(tmp_path):
    path = tmp_path / "net.npz"

    @FUZZ
    @given(mutated(npy_bytes((2, 2), np.eye(2).tobytes())[:128]))
    def check(data):
        zipped(path, J=data + np.eye(2).tobytes())
        assert_read_or_refused(load, path, SsmsymError)

    check()


@pytest.mark.filterwarnings("ignore")
def test_mutated_model_files_are_read_or_refused(tmp_path, model_file):
    path = tmp_path / "model.npz"

    @FUZZ
    @given(mutated(model_file.read_bytes()))
    def check(data):
        path.write_bytes(data)
        assert_read_or_refused(load_model, path)

    check()


@pytest.mark.filterwarnings("ignore")
def test_mutated_model_headers_are_read_or_refused(model_file, remade):
    header = str(read_arrays(model_file)["header"]).encode()

    @FUZZ
    @given(mutated(header))
    def check(data):
        assert_read_or_refused(load_model, remade(data.decode("latin-1").replace("\x00", " ")))

    check()
