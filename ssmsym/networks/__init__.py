"""Trained networks that ship with ssmsym; ``README.md`` beside this file says what each is."""

from __future__ import annotations

from pathlib import Path

from ssmsym.errors import InputError


def network_path(name: str) -> Path:
    """Path of a shipped network file.

    Parameters
    ----------
    name : str
        Such as ``"delay_n100_a"``.

    Raises
    ------
    InputError
        If no such network ships with ssmsym.
    """
    folder = Path(__file__).parent
    path = folder / f"{name}.npz"
    if not path.is_file():
        known = ", ".join(f"'{p.stem}'" for p in sorted(folder.glob("*.npz")))
        raise InputError(f"No network '{name}' ships with ssmsym; there are {known}.")
    return path
