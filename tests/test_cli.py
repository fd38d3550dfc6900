"""The command line on the networks that ship with ssmsym, against facts that other programs computed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ssmsym import __version__, network_path
from ssmsym.cli import main

FLIPFLOP, DELAY, SINE, CDD = (
    str(network_path(name)) for name in ("flipflop_n50_a", "delay_n100_a", "sine_n100_a", "cdd_n100_a")
)
LAST_DIGIT = 6e-5  # the reference values have four decimals

NETWORK_OPTIONS = ["--as", "--json", "--help"]
SETTING_OPTIONS = ["--input", "--set", "--starts", "--seed", "--overwrite", "--output"]
OPTIONS = {
    "info": NETWORK_OPTIONS,
    "fixed-points": [*NETWORK_OPTIONS, *SETTING_OPTIONS, "--spectrum"],
    "reduce": [
        *NETWORK_OPTIONS,
        *SETTING_OPTIONS,
        *("--modes", "--order", "--at", "--parameter", "--parameter-order", "--style"),
    ],
}


def run(*arguments, code: int = 0):
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def run_json(*arguments):
    """The document on standard output, which holds nothing else, and the text on standard error."""
    result = run(*arguments, "--json")
    return json.loads(result.stdout, parse_constant=pytest.fail), result.stderr


def points_of(*arguments):
    return run_json("fixed-points", *arguments)[0]["fixed_points"]


def eigenvalues(point) -> np.ndarray:
    return np.array([complex(*pair) for pair in point["eigenvalues"]])


def per_tau(network: str, point, count: int) -> np.ndarray:
    with np.load(network) as file:
        return eigenvalues(point)[:count] * file["tau"]


def close(found, expected) -> bool:
    return bool(np.all(np.abs(np.asarray(found) - np.asarray(expected)) < LAST_DIGIT))


def assert_fixed_points(network: str, points, inputs) -> None:
    """Speed and spectrum of every point by the network's formulas, from the file's own arrays."""
    with np.load(network) as file:
        J, B, b, W, c, tau = (file[name] for name in ("J", "B", "b", "W", "c", "tau"))
    for point in points:
        x = np.array(point["state"])
        velocity = (-x + J @ np.tanh(x) + B @ inputs + b) / tau
        assert np.linalg.norm(velocity) < 1e-11
        assert point["residual"] < 1e-11
        jacobian = (-np.eye(len(x)) + J * (1 - np.tanh(x) ** 2)) / tau
        expected, found = np.linalg.eigvals(jacobian), eigenvalues(point)
        assert (np.diff(found.real) <= 1e-9).all()
        for own, other in ((found, expected), (expected, found)):
            assert np.abs(own[:, None] - other).min(axis=1).max() < 1e-8
        assert point["index"] == (expected.real > 0).sum()
        assert point["stable"] == (point["index"] == 0)
        assert point["readout"] == pytest.approx(W @ np.tanh(x) + c, abs=1e-12)


# -- help ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_the_commands(flag):
    text = run(flag).stdout
    for command in OPTIONS:
        assert f"\n  {command} " in text


@pytest.mark.parametrize("command", OPTIONS)
def test_help_of_a_command_names_its_options(command):
    text = run(command, "--help").stdout
    assert f"{command} [OPTIONS] NETWORK" in text
    for option in OPTIONS[command]:
        if (command, option) != ("info", "--output"):
            assert f"{option} " in text or f"{option}\n" in text, option


def test_version():
    assert __version__ in run("--version").stdout


@pytest.mark.parametrize(
    "program", [[str(Path(sys.executable).with_name("ssmsym"))], [sys.executable, "-m", "ssmsym.cli"]]
)
def test_the_installed_program(program):
    done = subprocess.run(
        [*program, "fixed-points", SINE, "--set", "u=1,0.5,0", "--starts", "32", "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    document = json.loads(done.stdout)
    assert_fixed_points(SINE, document["fixed_points"], [1, 0.5, 0])
    assert done.stderr.startswith("warning: ")
    wrong = subprocess.run([*program, "info", "absent.npz"], capture_output=True, text=True, timeout=60)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "'absent.npz' does not exist" in wrong.stderr


# -- info ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", [FLIPFLOP, DELAY, SINE])
def test_info_as_json(network):
    document, errors = run_json("info", network)
    assert errors == ""
    with np.load(network) as file:
        assert document["n_states"] == len(file["J"])
        assert document["n_outputs"] == len(file["W"])
        assert document["trained_step"] == file["dt"]
        inputs = {f"u[{i}]": 0.0 for i in range(file["B"].shape[1])}
        assert document["parameters"] == {**inputs, "tau": float(file["tau"])}
        conditions = zip(
            file["input_condition_names"].tolist(), file["input_conditions"].tolist(), strict=True
        )
        assert document["conditions"] == {name: {"u": row} for name, row in conditions}
        ratio = file["dt"] / file["tau"]
    assert document["time"] == "continuous"
    assert document["file"] == network
    assert f"dt/tau = {ratio:g}" in document["note"]
    assert "--as map" in document["note"]
    (equation,) = document["equations"]
    for symbol in ("J", "tanh", "B", "u", "b", "tau"):
        assert symbol in equation
    assert "\\tau" in document["latex"]


@pytest.mark.parametrize("network", [FLIPFLOP, DELAY, SINE])
def test_info_as_text(network):
    text = run("info", network).stdout
    with np.load(network) as file:
        facts = [f"{len(file['J'])} states", "continuous", *map(repr, file["input_condition_names"].tolist())]
    for fact in (
        *facts,
        Path(network).stem,
        "tau = 0.1",
        "trained as the Euler map",
        "(--as map loads the map)",
    ):
        assert fact in text


def test_info_of_the_map():
    document, _ = run_json("info", DELAY, "--as", "map")
    assert document["time"] == "discrete"
    assert document["equations"][0].startswith("x ->")
    assert document["note"] == ""


# -- fixed points -------------------------------------------------------------------------------------------


def test_the_flip_flop_has_27_fixed_points():
    points = points_of(FLIPFLOP)
    assert Counter(p["index"] for p in points) == {0: 8, 1: 12, 2: 6, 3: 1}
    assert [p["number"] for p in points] == list(range(27))
    assert_fixed_points(FLIPFLOP, points, [0, 0, 0])
    innermost = min((p for p in points if p["stable"]), key=lambda p: np.linalg.norm(p["state"]))
    assert close(
        per_tau(FLIPFLOP, innermost, 4), [-0.5510, -0.6088 + 0.1076j, -0.6088 - 0.1076j, -0.6150 + 0.0438j]
    )
    corners = {tuple(np.sign(p["readout"]).astype(int)) for p in points if p["stable"]}
    assert len(corners) == 8


@pytest.mark.parametrize(
    ("name", "inputs", "counts", "leading"),
    [
        (
            "bit 1 pulse +1 held",
            [1, 0, 0],
            {0: 4, 1: 4, 2: 1},
            [-0.5246, -0.6491, -0.7096, -0.7424 + 0.3327j],
        ),
        (
            "bits 1,2 +0.2",
            [0.2, 0.2, 0],
            {0: 2, 1: 1},
            [-0.5292, -0.7263 + 0.2823j, -0.7263 - 0.2823j, -0.7401],
        ),
    ],
)
def test_the_flip_flop_under_input(name, inputs, counts, leading):
    points = points_of(FLIPFLOP, "--input", name)
    assert Counter(p["index"] for p in points) == counts
    assert_fixed_points(FLIPFLOP, points, inputs)
    innermost = min((p for p in points if p["stable"]), key=lambda p: np.linalg.norm(p["state"]))
    found = per_tau(FLIPFLOP, innermost, 4)
    assert close(found.real, np.real(leading))
    assert close(np.abs(found.imag), np.abs(np.imag(leading)))
    setting = "u=" + ",".join(map(str, inputs))
    assert points_of(FLIPFLOP, "--set", setting) == points


def test_the_delay_network_has_a_chain_of_seven():
    points = points_of(DELAY)
    assert_fixed_points(DELAY, points, [0, 0])
    states = np.array([p["state"] for p in points])
    along = np.linalg.svd(states - states.mean(axis=0))[2][0]
    chain = [per_tau(DELAY, points[i], 1)[0].real for i in np.argsort(states @ along)]
    known = [-0.0899, 0.0490, -0.0180, 0.0108, -0.0173, 0.0494]
    assert len(chain) == 7
    assert close(chain[:6], known) or close(chain[::-1][:6], known)
    assert max(per_tau(DELAY, p, 2)[1].real for p in points) < -0.335


def test_the_decision_network_by_name_and_by_value():
    points = points_of(CDD, "--input", "context 1, no evidence")
    assert points == points_of(CDD, "--set", "u=0,0,1,0")
    assert points == points_of(CDD, "--set", "u[2]=1", "--set", "u[0]=0")
    assert_fixed_points(CDD, points, [0, 0, 1, 0])
    table = [
        (-0.99841, 0, [-0.3458, -0.3593 + 0.4388j, -0.3593 - 0.4388j, -0.5025 + 0.5604j]),
        (-0.44991, 1, [+0.2930, -0.2129 + 0.5660j, -0.2129 - 0.5660j, -0.4338 + 0.6661j]),
        (+0.00908, 0, [-0.1449 + 0.4984j, -0.1449 - 0.4984j, -0.3653, -0.4513 + 0.7007j]),
        (+0.65085, 1, [+0.2456, -0.4301 + 0.3850j, -0.4301 - 0.3850j, -0.4394 + 0.7009j]),
        (+1.00093, 0, [-0.3334 + 0.2993j, -0.3334 - 0.2993j, -0.4451, -0.5977 + 0.3220j]),
    ]
    assert len(points) == len(table)
    ordered = sorted(points, key=lambda p: p["readout"][0])
    for point, (readout, index, leading) in zip(ordered, table, strict=True):
        assert point["readout"][0] == pytest.approx(readout, abs=6e-6)
        assert point["index"] == index
        assert close(per_tau(CDD, point, 4), leading)


def test_the_sine_generator_warns_unasked_where_ode_and_map_differ():
    arguments = (SINE, "--set", "u=1,0.5,0")  # between the map's Hopf point and the ODE's
    document, errors = run_json("fixed-points", *arguments)
    (point,) = document["fixed_points"]
    assert_fixed_points(SINE, [point], [1, 0.5, 0])
    with np.load(SINE) as file:
        step = float(file["dt"])
    multipliers = 1 + step * eigenvalues(point)
    assert point["stable"]
    assert (np.abs(multipliers) > 1).sum() == 2
    assert errors.startswith(
        "warning: fixed point 0 has 0 unstable directions in the ODE and 2 in the Euler map"
    )
    assert errors.count("\n") == 1
    assert len(document["notes"]) == 1
    text = run("fixed-points", *arguments)
    assert "warning" not in text.stdout
    assert text.stderr == errors
    document, errors = run_json("fixed-points", *arguments, "--as", "map")
    (as_map,) = document["fixed_points"]
    assert as_map["index"] == 2
    assert errors == ""
    assert np.abs(eigenvalues(as_map)[:, None] - multipliers).min(axis=1).max() < 1e-9
    assert (np.diff(np.abs(eigenvalues(as_map))) <= 1e-9).all()


@pytest.mark.parametrize(
    ("name", "index", "leading"),
    [
        ("freq 0.5, gate 1", 2, 0.0987 + 0.9593j),
        ("freq 0.5, gate 0.1 (near onset)", 2, 0.0115 + 0.8976j),
        ("freq 0.5, gate -0.3 (silent)", 0, -0.1410 + 0.3230j),
    ],
)
def test_the_sine_generator_does_not_warn_where_they_agree(name, index, leading):
    document, errors = run_json("fixed-points", SINE, "--input", name)
    (point,) = document["fixed_points"]
    assert point["index"] == index
    assert close(per_tau(SINE, point, 2), [leading, np.conj(leading)])
    assert errors == ""


def test_the_table_of_fixed_points():
    text = run("fixed-points", DELAY).stdout
    assert "7 fixed points" in text
    for value in ("-0.0899", "+0.0490", "-0.0180", "+0.0108", "-0.0173", "+0.0494"):
        assert value in text
    assert "index sum 1, as it must be" in text


def test_the_same_seed_gives_the_same_output():
    first, again, other = (run("fixed-points", DELAY, "--seed", seed, "--json").stdout for seed in (3, 3, 4))
    assert first == again
    states = [np.array([p["state"] for p in json.loads(text)["fixed_points"]]) for text in (first, other)]
    assert states[0] == pytest.approx(states[1], abs=1e-8)
    assert first != other


def test_a_part_of_the_spectrum():
    full, part = points_of(FLIPFLOP), points_of(FLIPFLOP, "--spectrum", "4")
    assert len(part) == len(full)
    for short, long in zip(part, full, strict=True):
        count = 5 if eigenvalues(long)[3].imag > 0 else 4  # a pair is not cut
        assert eigenvalues(short) == pytest.approx(eigenvalues(long)[:count], abs=1e-8)
        assert short["index"] == long["index"]


def test_fixed_points_are_written(tmp_path):
    path = tmp_path / "points.npz"
    document, _ = run_json("fixed-points", DELAY, "-o", path, "--input", "go")
    assert document["output"] == str(path)
    with np.load(path, allow_pickle=False) as file:
        assert file["states"].tolist() == [p["state"] for p in document["fixed_points"]]
        assert dict(zip(file["parameter_names"], file["parameter_values"], strict=True)) == {
            "u[0]": 0.0,
            "u[1]": 1.0,
            "tau": 0.1,
        }
    assert Counter(p["index"] for p in document["fixed_points"]) == {0: 3, 1: 2}
    run("fixed-points", DELAY, "-o", path, code=1)
    run("fixed-points", DELAY, "-o", path, "--overwrite")
    with np.load(path, allow_pickle=False) as file:
        assert len(file["states"]) == 7
