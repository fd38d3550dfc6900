"""Starting a tool: in its folder, on one thread, with a time limit, and with its own words when it fails."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ssmsym.exporters.contract import ExporterError, Installation

_SHOWN = 1500  # characters of a failed program's output


def call(
    command: Sequence[str], folder: Path, *, timeout: float, stdin: str = "", check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end.

    Parameters
    ----------
    command : sequence of str
    folder : Path
        Its current folder.
    timeout : float
        Seconds.
    stdin : str
        Text on its standard input.
    check : bool
        Whether an exit code other than 0 is an error.

    Raises
    ------
    ExporterError
        If it cannot be started, takes too long or fails.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            list(command),
            cwd=folder,
            input=stdin,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ExporterError(
            f"'{name}' took longer than {timeout:g} s; raise 'timeout' or ask for less."
        ) from None
    except OSError as error:
        raise ExporterError(f"'{name}' cannot be started: {error.strerror or error}; install it.") from None
    if check and done.returncode:
        raise ExporterError(f"'{name}' failed with exit code {done.returncode}: {ending(done)}")
    return done


def installed_package(name: str) -> Installation | None:
    """A Python package of this environment, found without importing it."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        return None
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        version = ""
    return Installation(Path(found.origin).parent, version)


def ending(done: subprocess.CompletedProcess[str]) -> str:
    """The end of what a program said, for a message."""
    said = (done.stderr.strip() or done.stdout.strip())[-_SHOWN:]
    return said or "it said nothing."
