"""AUTO-07p by way of PyCoBi, run as a program of its own: ``python pycobi_run.py EQUATIONS RUN RUN ...``.

PyCoBi is under the GPL, so this file is never imported by ssmsym. Each run has a constants file ``c.RUN`` in the
current folder; AUTO's output is kept as ``b.RUN``, ``s.RUN`` and ``d.RUN``. A run that goes on from another is given as
``RUN:ORIGIN:LABEL``, such as ``cycles:fixed_points:HB1``; the other is made once more in this process.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np


def main(equations: str, *runs: str) -> None:
    """Run each constants file in turn."""
    folder = Path.cwd()
    auto_folder = os.environ.setdefault("AUTO_DIR", "/usr/lib/auto-07p")
    os.environ["PATH"] = f"{auto_folder}/cmds:{os.environ['PATH']}"
    os.environ.setdefault("MPLBACKEND", "Agg")
    sys.path.insert(0, f"{auto_folder}/python")
    _mend_reading()
    pycobi = importlib.import_module("pycobi")
    origins: dict[str, tuple[Any, Any]] = {}
    for text in runs:
        run, origin, label = (*text.split(":"), "", "")[:3]
        first = origin or run
        if first not in origins:
            # a system of its own each: one system merges its runs, in a time that grows with their square
            system = pycobi.ODESystem(eq_file=equations, working_dir=str(folder))
            origins[first] = system, system.run(c=first, name=first)[1]
        if origin:
            system, handle = origins[first]
            system.run(origin=handle, starting_point=label, c=run, name=run)
        for file, letter in (("fort.7", "b"), ("fort.8", "s"), ("fort.9", "d")):
            shutil.copy(folder / file, folder / f"{letter}.{run}")


class _Row(np.ndarray[Any, Any]):
    """An array that is never equal to a list: AUTO 0.9 asks whether one is ``[]``, which NumPy no longer answers."""

    def __eq__(self, other: object) -> Any:
        return False if isinstance(other, list) else np.ndarray.__eq__(self, other)

    __hash__ = None


def _mend_reading() -> None:
    points: Any = importlib.import_module("auto.Points")
    points.importnumpy()
    points.fromstring = lambda text, dtype=float, sep=" ": np.array(
        [float(word) for word in text.split()], dtype
    ).view(_Row)


if __name__ == "__main__":
    main(*sys.argv[1:])
