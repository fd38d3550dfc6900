"""Rendered Python modules, run by Python in a process of their own.

Called as a program: ``python python_evaluation.py MODULE.py FUNCTION request.json answer.json``.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_TIMEOUT = 120.0


def evaluated(
    files: Mapping[str, str], function: str, states: Array, parameters: Array, *, shape: tuple[int, ...] = ()
) -> Array:
    """A function of a rendered module at m points, each call with one state and its parameters.

    Parameters
    ----------
    files : mapping
        The first file that ends in ``.py`` is the module.
    function : str
    states : (m, n) array
    parameters : (m, q) array
    shape : tuple of int
        Of each value; by default as the state.
    """
    from ssmsym.exporters.process import call

    name = next(name for name in files if name.endswith(".py"))
    request = [[x.tolist(), v.tolist()] for x, v in zip(states, parameters, strict=True)]
    with tempfile.TemporaryDirectory(prefix="ssmsym-") as folder:
        for file, text in files.items():
            (Path(folder) / file).write_text(text, encoding="ascii")
        (Path(folder) / "request.json").write_text(json.dumps(request), encoding="ascii")
        command = [sys.executable, "-P", __file__, name, function, "request.json", "answer.json"]
        call(command, Path(folder), timeout=_TIMEOUT)
        answer = json.loads((Path(folder) / "answer.json").read_text(encoding="ascii"))
    return np.array(answer, dtype=float).reshape(len(states), *(shape or np.shape(states)[1:]))


def main(module_file: str, function: str, request_file: str, answer_file: str) -> None:
    """Evaluate as the request says."""
    spec = importlib.util.spec_from_file_location("rendered", Path(module_file).resolve())
    if spec is None or spec.loader is None:
        raise ImportError(module_file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    points = json.loads(Path(request_file).read_text())
    values = [np.asarray(getattr(module, function)(x, v), dtype=float).tolist() for x, v in points]
    Path(answer_file).write_text(json.dumps(values))


if __name__ == "__main__":
    main(*sys.argv[1:])
