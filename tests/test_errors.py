"""Bad input and failing output: one sentence that names culprit and remedy, exit code 1 or 2, nothing half written."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ssmsym import (
    find_fixed_points,
    load,
    network_path,
)
from ssmsym.cli import main
from ssmsym.errors import (
    FileFormatError,
    InputError,
    SsmsymError,
)

N = 4
NETWORK = {
    "J": 0.3 * np.eye(N, k=1) - 0.2 * np.eye(N),
    "B": np.eye(N)[:, :2],
    "b": np.full(N, 0.1),
    "W": np.ones((1, N)),
    "c": np.zeros(1),
    "tau": np.array(0.1),
    "dt": np.array(0.02),
    "activation": np.array("tanh"),
}
A_NUMBER_IS_NAN = np.where(np.arange(N * N).reshape(N, N) == 6, np.nan, 0.1)


def network_file(folder: Path, name: str = "net.npz", **changes) -> Path:
    """The network above with some arrays changed, added, or (None) left out."""
    arrays = {key: value for key, value in {**NETWORK, **changes}.items() if value is not None}
    np.savez(folder / name, **arrays)
    return folder / name


def contents(folder: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}


def is_one_statement(message: str) -> bool:
    return "\n" not in message and message.endswith((".", "?")) and "Traceback" not in message


def assert_says(message: str, culprits, remedy: str) -> None:
    assert is_one_statement(message), message
    for culprit in culprits:
        assert culprit in message, message
    assert re.search(remedy, message), message


def assert_refused(call, kind, culprits, remedy: str):
    with pytest.raises(kind) as caught:
        call()
    assert isinstance(caught.value, SsmsymError)
    assert_says(str(caught.value), culprits, remedy)
    return caught.value


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def assert_fails(result, code: int, culprits=(), remedy: str = "") -> None:
    """The command ended with this code and one line of error, and printed no result."""
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == code, result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, result.stderr
    if code == 1:
        assert result.stderr == errors[0] + "\n"
    assert_says(errors[0].removeprefix("Error: "), culprits, remedy)


# -- arrays and names of a network file ---------------------------------------------------------------------

BAD_NETWORKS = {
    "no weights": ({"J": None}, FileFormatError, ["'J'", "(N, N)", "'B'"], "factors 'm' and 'n'"),
    "J not square": ({"J": np.ones((3, 4))}, InputError, ["'J'", "(3, 4)"], r"expected \(N, N\)"),
    "J of one axis": ({"J": np.ones(4)}, InputError, ["'J'", "(4,)"], r"expected \(N, N\)"),
    "J of no neurons": (
        {"J": np.ones((0, 0)), "B": None, "b": None, "W": None, "c": None},
        InputError,
        ["'J'", "(0, 0)"],
        "expected|at least",
    ),
    "NaN in J": ({"J": A_NUMBER_IS_NAN}, InputError, ["'J'", "1 number", "(1, 2)"], "check"),
    "text in J": ({"J": np.full((N, N), "a")}, InputError, ["'J'"], "number"),
    "complex J": ({"J": np.full((N, N), 1j)}, InputError, ["'J'"], "real|number"),
    "B misshapen": ({"B": np.ones((3, 2))}, InputError, ["'B'", "(3, 2)"], r"expected \(4, n_in\)"),
    "infinite B": ({"B": np.full((N, 2), np.inf)}, InputError, ["'B'", "8 number", "(0, 0)"], "check"),
    "text in B": ({"B": np.full((N, 2), "a")}, InputError, ["'B'"], "number"),
    "b misshapen": ({"b": np.ones(3)}, InputError, ["'b'", "(3,)"], r"expected \(4"),
    "NaN in b": ({"b": np.array([0, 0, np.nan, 0])}, InputError, ["'b'", "1 number", "(2"], "check"),
    "text in b": ({"b": np.array(list("abcd"))}, InputError, ["'b'"], "number"),
    "W misshapen": ({"W": np.ones((1, 5))}, InputError, ["'W'", "(1, 5)"], r"expected \(k, 4\)"),
    "NaN in W": ({"W": np.full((1, N), np.nan)}, InputError, ["'W'", "4 number"], "check"),
    "text in W": ({"W": np.full((1, N), "a")}, InputError, ["'W'"], "number"),
    "c misshapen": ({"c": np.ones(2)}, InputError, ["'c'", "(2,)"], r"expected \(1"),
    "c without W": ({"W": None}, InputError, ["'c'"], "'W'"),
    "tau of three": ({"tau": np.ones(3)}, InputError, ["'tau'", "(3,)"], r"expected \(4"),
    "tau zero": ({"tau": np.array(0.0)}, InputError, ["'tau'", "0.0"], "must be positive"),
    "tau NaN": ({"tau": np.array(np.nan)}, InputError, ["'tau'", "nan"], "must be positive and finite"),
    "tau text": ({"tau": np.array("fast")}, InputError, ["'tau'"], "number|must be"),
    "dt negative": ({"dt": np.array(-0.5)}, InputError, ["'dt'", "-0.5"], "positive, or 0"),
    "dt text": ({"dt": np.array("fast")}, InputError, ["'dt'"], "one finite number"),
    "dt of two": ({"dt": np.ones(2)}, InputError, ["'dt'", "(2,)"], "one finite number"),
    "activation": ({"activation": np.array("tanhh")}, InputError, ["'tanhh'"], "known are .*'tanh'"),
    "activation number": ({"activation": np.array(3)}, InputError, ["'activation'", "int"], "one text"),
    "out_activation": ({"out_activation": np.array("hat")}, InputError, ["'hat'"], "known are"),
    "form": ({"form": np.array("other")}, InputError, ["'form'", "'other'"], "'state' or 'rate'"),
    "factors differ": (
        {"J": None, "m": np.ones((4, 1)), "n": np.ones((4, 2))},
        InputError,
        ["m and n", "(4, 1)", "(4, 2)"],
        r"must both be \(N, r\)",
    ),
    "one factor": ({"J": None, "m": np.ones((4, 1))}, FileFormatError, ["'m'"], "factors 'm' and 'n'"),
    "NaN in m": (
        {"J": None, "m": np.full((4, 1), np.nan), "n": np.ones((4, 1))},
        InputError,
        ["'m'", "4 number"],
        "check",
    ),
    "text in n": (
        {"J": None, "m": np.ones((4, 1)), "n": np.full((4, 1), "a")},
        InputError,
        ["'n'"],
        "number",
    ),
    "conditions misshapen": (
        {"input_conditions": np.ones((2, 3))},
        InputError,
        ["'input_conditions'", "(2, 3)", "(4, 2)"],
        "as many inputs",
    ),
    "conditions of three axes": (
        {"input_conditions": np.ones((1, 2, 2))},
        InputError,
        ["'input_conditions'", "(1, 2, 2)"],
        "need|expected|must",
    ),
    "conditions text": (
        {"input_conditions": np.array([["a", "b"]])},
        InputError,
        ["'input_conditions'"],
        "number",
    ),
    "conditions without B": (
        {"B": None, "input_conditions": np.ones((1, 2))},
        InputError,
        ["'input_conditions'"],
        "'B'",
    ),
    "names of conditions": (
        {"input_conditions": np.ones((2, 2)), "input_condition_names": np.array(["go"])},
        InputError,
        ["'input_condition_names'", "1 ", "2 "],
        "both must agree",
    ),
    "one name twice": (
        {"input_conditions": np.ones((2, 2)), "input_condition_names": np.array(["go", "go"])},
        InputError,
        ["'go'"],
        "distinct|twice|differ",
    ),
    "half a PyTorch cell": (
        {"J": None, "rnn.weight_hh_l0": np.eye(4)},
        InputError,
        ["'rnn.weight_hh_l0'", "'rnn.weight_ih_l0'"],
        "check the source",
    ),
}


@pytest.mark.parametrize("case", BAD_NETWORKS)
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_a_bad_network_file_is_refused(tmp_path, case):
    changes, kind, culprits, remedy = BAD_NETWORKS[case]
    path = network_file(tmp_path, **changes)
    before = contents(tmp_path)
    assert_refused(lambda: load(path), kind, [str(path), *culprits], remedy)
    assert_fails(run("info", path), 1, [str(path), *culprits], remedy)
    assert_fails(run("reduce", path, "-o", tmp_path / "model.npz"), 1, culprits, remedy)
    assert contents(tmp_path) == before


def test_sample_trajectories_that_do_not_fit_are_named_with_both_shapes(tmp_path):
    path = network_file(tmp_path, trajectories=np.zeros((2, 3, 5)))
    assert_refused(
        lambda: find_fixed_points(load(path), starts=4), InputError, ["'trajectories'", "(2, 3, 5)", "4"], "."
    )
    assert_fails(run("fixed-points", path), 1, ["'trajectories'", "(2, 3, 5)", "4"])


def test_a_network_without_step_has_no_map(tmp_path):
    path = network_file(tmp_path, dt=None)
    assert_refused(lambda: load(path, as_="map"), InputError, ["'dt'", str(path)], "use .*flow")
    assert_fails(run("info", path, "--as", "map"), 1, ["'dt'", str(path)], "use .*flow")


def test_an_unknown_kind_of_time_is_refused():
    path = network_path("flipflop_n50_a")
    assert_refused(lambda: load(path, as_="flux"), InputError, ["'as_'", "'flux'"], "'flow' or 'map'")


def test_an_unknown_shipped_network_is_refused():
    assert_refused(lambda: network_path("flop"), InputError, ["'flop'"], "there are .*'flipflop_n50_a'")


# -- what is asked for on the command line ------------------------------------------------------------------

WRONG_USE = {
    "no file": (["info", "absent.npz"], ["absent.npz"], "does not exist"),
    "a folder": (["info", "."], ["'.'"], "is a directory"),
    "unknown command": (["reduse"], ["'reduse'"], "No such command"),
    "unknown option": (["info", "net.npz", "--colour"], ["--colour"], "No such option"),
    "no output": (["reduce", "net.npz"], ["'--output'"], "Missing"),
    "time": (["info", "net.npz", "--as", "flux"], ["'flux'"], "'flow', 'map'"),
    "no value": (["fixed-points", "net.npz", "--set", "u"], ["--set", "'u'"], "NAME=VALUE"),
    "no number": (["fixed-points", "net.npz", "--set", "u=a,b"], ["u", "'a,b'"], "number"),
    "three inputs": (["fixed-points", "net.npz", "--set", "u=1,2,3"], ["'u'", "3 "], "2 entries"),
    "NaN": (["fixed-points", "net.npz", "--set", "u=nan,0"], ["'u'", "nan"], "not finite"),
    "unknown name": (["fixed-points", "net.npz", "--set", "v=1"], ["'v'"], r"has 'u'"),
    "far entry": (["fixed-points", "net.npz", "--set", "u[7]=1"], ["'u[7]'"], r"has 'u\[0\]'"),
    "tau zero": (["fixed-points", "net.npz", "--set", "tau=0"], ["tau", "0"], "positive"),
    "tau negative": (["fixed-points", "net.npz", "--set", "tau=-1"], ["tau", "-1"], "positive"),
    "condition": (["fixed-points", "net.npz", "--input", "stop"], ["'stop'"], "has none"),
    "no starts": (["fixed-points", "net.npz", "--starts", "0"], ["'--starts'", "0"], "x>=1"),
    "negative seed": (["fixed-points", "net.npz", "--seed", "-1"], ["seed", "-1"], "x>=0|negative|least 0"),
    "order": (["reduce", "net.npz", "-o", "m.npz", "--order", "0"], ["'--order'", "0"], "x>=1"),
    "number of the point": (["reduce", "net.npz", "-o", "m.npz", "--at", "9"], ["--at 9"], "There are 1 "),
    "parameter": (["reduce", "net.npz", "-o", "m.npz", "--parameter", "q"], ["'q'"], r"has 'u\[0\]'"),
    "whole vector": (["reduce", "net.npz", "-o", "m.npz", "--parameter", "u"], ["'u'"], r"such as 'u\[0\]'"),
}


@pytest.mark.parametrize("case", WRONG_USE)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_wrong_use_ends_with_2(tmp_path, monkeypatch, case):
    arguments, culprits, remedy = WRONG_USE[case]
    network_file(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    assert_fails(run(*arguments), 2, culprits, remedy)
    assert contents(tmp_path) == before


FAILURES = {
    "modes": (["reduce", "net.npz", "-o", "m.npz", "--modes", "5"], ["'modes'", "5"], "between 1 and the 4"),
    "spectrum": (["fixed-points", "net.npz", "--spectrum", "5"], ["'spectrum'", "5"], "between 1 and the 4"),
    "parameter twice": (
        ["reduce", "net.npz", "-o", "m.npz", "--parameter", "u[0]", "--parameter", "u[0]"],
        ["u[0]"],
        "twice",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_failures_end_with_1_or_2(tmp_path, monkeypatch, case):
    arguments, culprits, remedy = FAILURES[case]
    network_file(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    result = run(*arguments)
    assert_fails(result, 2 if result.exit_code == 2 else 1, culprits, remedy)
    assert contents(tmp_path) == before


# -- mathematics that says no -------------------------------------------------------------------------------


def network_with_jacobian(jacobian, state):
    """Weights and bias of a tanh network that has this Jacobian at this fixed point (tau = 1)."""
    slopes = 1 - np.tanh(state) ** 2
    J = (np.asarray(jacobian) + np.eye(len(state))) / slopes
    return {"J": J, "b": state - J @ np.tanh(state), "B": None, "W": None, "c": None, "tau": None, "dt": None}


CUT = network_with_jacobian([[-0.5, -2.0, 0], [2.0, -0.5, 0], [0, 0, -0.9]], np.zeros(3))
RESONANT = network_with_jacobian([[-0.4, 0.0], [0.3, -0.8]], np.array([0.5, 0.3]))


def test_a_cut_pair_ends_the_command_with_1(tmp_path):
    path = network_file(tmp_path, **CUT)
    before = contents(tmp_path)
    result = run("reduce", path, "--modes", "1", "-o", tmp_path / "model.npz")
    assert_fails(result, 1, ["-0.5000+2.0000i", "modes 0, 1"], "for 2 modes")
    assert contents(tmp_path) == before
    assert run("reduce", path, "--modes", "2", "-o", tmp_path / "model.npz").exit_code == 0


def test_a_resonance_ends_the_command_with_1(tmp_path):
    path = network_file(tmp_path, **RESONANT)
    before = contents(tmp_path)
    result = run("reduce", path, "--order", "3", "-o", tmp_path / "model.npz")
    assert_fails(result, 1, ["degree 2", "2 λ0 = -0.8", "λ1"], "Add mode 1 .* below 2")
    assert contents(tmp_path) == before
    assert run("reduce", path, "--order", "1", "-o", tmp_path / "model.npz").exit_code == 0
