"""Results that cannot be written: one sentence, exit code 1, and the folder as it was."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from click.testing import CliRunner

from ssmsym import compute_ssm, find_fixed_points, from_sympy, save
from ssmsym.cli import main
from ssmsym.dynamics.point_file import save_fixed_points
from ssmsym.errors import OutputError, SsmsymError
from ssmsym.fields.files import write_text

x, y = sp.symbols("x y")
FIELD = from_sympy({x: -x, y: -3 * y + x**2})
SMALL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
{before}
resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
{action}
"""


@pytest.fixture(scope="module")
def ssm():
    return compute_ssm(FIELD, [0.0, 0.0], order=3)


@pytest.fixture(scope="module")
def points():
    return find_fixed_points(FIELD, starts=8)


@pytest.fixture
def writers(ssm, points):
    """Every function that writes a file, by name."""
    return {
        "save": lambda path, **options: save(ssm, path, **options),
        "save_fixed_points": lambda path, **options: save_fixed_points(points, path, **options),
        "write_text": lambda path, **options: write_text(path, "p' = -p\n", **options),
    }


WRITERS = ("save", "save_fixed_points", "write_text")


@pytest.fixture
def network(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, J=np.diag([0.5, 0.2]), activation=np.array("tanh"))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}


def assert_refused(call, *parts: str) -> None:
    with pytest.raises(OutputError) as caught:
        call()
    assert isinstance(caught.value, SsmsymError)
    assert isinstance(caught.value, OSError)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    for part in parts:
        assert part in message, message


def assert_command_fails(result, *parts: str) -> None:
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.endswith(".\n")
    assert result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr, result.stderr


def commands(network: Path, output: Path, *more: str) -> list[list[str]]:
    return [
        ["fixed-points", str(network), "--starts", "8", "-o", str(output), *more],
        ["reduce", str(network), "--starts", "8", "-o", str(output), *more],
    ]


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("name", WRITERS)
def test_an_existing_file_is_kept(tmp_path, writers, name):
    target = tmp_path / "result.npz"
    target.write_bytes(b"precious")
    assert_refused(lambda: writers[name](target), str(target), "exists already", "choose another name")
    assert contents(tmp_path) == {"result.npz": b"precious"}


def test_an_existing_file_ends_the_commands(tmp_path, network):
    target = tmp_path / "result.npz"
    target.write_bytes(b"precious")
    before = contents(tmp_path)
    for command in commands(network, target):
        result = CliRunner().invoke(main, command)
        assert_command_fails(result, str(target), "exists already", "--overwrite")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", WRITERS)
def test_a_missing_folder_is_named(tmp_path, writers, name):
    target = tmp_path / "absent" / "result.npz"
    assert_refused(lambda: writers[name](target), str(target), "choose another place")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_ends_the_commands(tmp_path, network):
    before = contents(tmp_path)
    for command in commands(network, tmp_path / "absent" / "result.npz"):
        assert_command_fails(CliRunner().invoke(main, command), "absent", "folder", "create")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_in_place_of_a_folder_is_named(tmp_path, writers, name):
    (tmp_path / "file").write_bytes(b"precious")
    target = tmp_path / "file" / "result.npz"
    assert_refused(lambda: writers[name](target), str(target), "choose another place")
    assert contents(tmp_path) == {"file": b"precious"}


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_in_place_of_the_file_is_named(tmp_path, writers, name):
    target = tmp_path / "result.npz"
    target.mkdir()
    for options in ({}, {"overwrite": True}):
        assert_refused(lambda options=options: writers[name](target, **options), str(target), "another")
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.npz"]
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("name", WRITERS)
def test_a_name_that_is_too_long_is_refused(tmp_path, writers, name):
    target = tmp_path / ("x" * 300 + ".npz")
    assert_refused(lambda: writers[name](target), "xxx", "choose another")
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_too_long_ends_the_commands(tmp_path, network):
    before = contents(tmp_path)
    for command in commands(network, tmp_path / ("x" * 300 + ".npz")):
        assert_command_fails(CliRunner().invoke(main, command), "xxx")
    assert contents(tmp_path) == before


def test_an_empty_name_does_not_count_as_existing(tmp_path, network, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    for command in commands(network, Path("x")):
        command[command.index("x")] = ""
        result = CliRunner().invoke(main, command)
        assert isinstance(result.exception, SystemExit)
        assert result.exit_code in (1, 2)
        assert "exists already" not in result.stderr
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_that_cannot_be_written_is_named(tmp_path, writers, name):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o500)
    try:
        if os.access(locked, os.W_OK):
            pytest.skip("this user can write everywhere")
        assert_refused(lambda: writers[name](locked / "result.npz"), "locked", "choose another place")
        assert list(locked.iterdir()) == []
    finally:
        locked.chmod(0o700)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_disk_that_fills_up_while_renaming_leaves_nothing(tmp_path, writers, monkeypatch, name, overwrite):
    target = tmp_path / "result.npz"
    if overwrite:
        target.write_bytes(b"precious")
    before = contents(tmp_path)
    monkeypatch.setattr(Path, "replace", full_disk)
    assert_refused(
        lambda: writers[name](target, overwrite=overwrite), str(target), "No space left", "free space"
    )
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["save", "save_fixed_points"])
def test_a_disk_that_fills_up_while_writing_leaves_nothing(tmp_path, writers, monkeypatch, name):
    def half_written(file, *_, **__):
        file.write(b"half")
        full_disk()

    target = tmp_path / "result.npz"
    target.write_bytes(b"precious")
    monkeypatch.setattr(np, "savez_compressed", half_written)
    assert_refused(
        lambda: writers[name](target, overwrite=True), str(target), "No space left", "Nothing was written"
    )
    assert contents(tmp_path) == {"result.npz": b"precious"}


def test_a_full_disk_ends_the_commands(tmp_path, network, monkeypatch):
    before = contents(tmp_path)
    monkeypatch.setattr(np, "savez_compressed", full_disk)
    for command in commands(network, tmp_path / "result.npz"):
        result = CliRunner().invoke(main, command)
        assert_command_fails(result, "result.npz", "No space left", "free space or choose another place")
    assert contents(tmp_path) == before


def test_an_interrupted_writer_leaves_nothing(tmp_path, writers, monkeypatch):
    def interrupted(file, *_, **__):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        writers["save"](tmp_path / "result.npz")
    assert list(tmp_path.iterdir()) == []


def on_a_small_disk(before: str, action: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in which no file can grow beyond 64 bytes from `action` on."""
    pytest.importorskip("resource")
    code = SMALL_DISK.format(before=before, action=action)
    return subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, timeout=60)


def test_a_truly_full_disk_is_reported_by_the_functions(tmp_path):
    target = tmp_path / "result.npz"
    before = f"""
import ssmsym, sympy
from ssmsym.dynamics.point_file import save_fixed_points
from ssmsym.fields.files import write_text
x, y = sympy.symbols("x y")
field = ssmsym.from_sympy({{x: -x, y: -3 * y + x**2}})
ssm = ssmsym.compute_ssm(field, [0.0, 0.0], order=3)
ssm.evidence.slope
points = ssmsym.find_fixed_points(field, starts=8)
target = {str(target)!r}
"""
    action = """
for write in (
    lambda: ssmsym.save(ssm, target),
    lambda: save_fixed_points(points, target),
    lambda: write_text(target, "text" * 1000),
):
    try:
        write()
    except ssmsym.OutputError as error:
        print(error)
"""
    done = on_a_small_disk(before, action)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3, done.stdout + done.stderr
    for line in lines:
        assert str(target) in line
        assert os.strerror(errno.EFBIG) in line
        assert "Nothing was written" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [0, 1], ids=["fixed-points", "reduce"])
def test_a_truly_full_disk_ends_the_commands(tmp_path, network, number):
    command = commands(network, tmp_path / "result.npz")[number]
    before = contents(tmp_path)
    done = on_a_small_disk("from ssmsym.cli import main", f"main({command!r})")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "result.npz" in done.stderr
    assert "free space" in done.stderr
    assert contents(tmp_path) == before
