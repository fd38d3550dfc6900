"""Trained networks that ship with ssmsym; ``README.md`` beside this file says what each is."""

from __future__ import annotations

from pathlib import Path

from ssmsym.errors import InputError


def network_path(name: str) -> Path:
    """Path of a shipped network file.

    Parameters
    ----------
    name : str
        Such as ``"delay_n100_a"``, or with the ending, ``"gru_n64_a.pt"``.

    Raises
    ------
    InputError
        If no such network ships with ssmsym.
    """
    folder = Path(__file__).parent
    known = sorted(p.name for p in folder.iterdir() if p.suffix in (".npz", ".pt", ".safetensors"))
    path = folder / (name if name in known else f"{name}.npz")
    if path.name not in known:
        names = ", ".join(f"'{file.removesuffix('.npz')}'" for file in known)
        raise InputError(f"No network '{name}' ships with ssmsym; there are {names}.")
    return path
