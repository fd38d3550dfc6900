"""The README's Python and command-line examples run and print what they say."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def blocks(language):
    return [text for kind, text in BLOCK.findall(README.read_text()) if kind == language]


def test_python_examples_run(tmp_path):
    text = "\n".join(blocks("python"))
    assert "compute_ssm" in text
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", text], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    printed = [line.strip() for line in done.stdout.splitlines()]
    for promised in re.findall(r"^print\(.*\)  # (.*)$", text, re.MULTILINE):
        assert promised in printed


def commands():
    lines = [line for text in blocks("sh") for line in text.splitlines()]
    return [part for line in lines for part in line.split(" && ") if part.startswith("ssmsym ")]


def test_there_are_commands():
    assert {shlex.split(c)[1] for c in commands()} >= {"info", "fixed-points", "reduce"}


@pytest.mark.slow
def test_commands_run_in_order(tmp_path, monkeypatch):
    folder = Path(sys.executable).parent
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    networks = tmp_path / "ssmsym" / "networks"
    networks.parent.mkdir()
    networks.symlink_to(README.parent / "ssmsym" / "networks")
    for command in commands():
        done = subprocess.run(shlex.split(command), cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr)
        assert done.stdout
