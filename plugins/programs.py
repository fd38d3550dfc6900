"""Whether programs that exporters write for are on this machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ssmsym.exporters.contract import Installation


def program(*names: str) -> Installation | None:
    """The first of some programs that is found."""
    for name in names:
        found = shutil.which(name)
        if found is not None:
            return Installation(Path(found))
    return None


def julia_package(name: str) -> Installation | None:
    """A package in one of Julia's depots; None without Julia."""
    if shutil.which("julia") is None:
        return None
    depots = os.environ.get("JULIA_DEPOT_PATH") or str(Path.home() / ".julia")
    for depot in depots.split(os.pathsep):
        folder = Path(depot) / "packages" / name
        if depot and folder.is_dir():
            return Installation(folder)
    return None
