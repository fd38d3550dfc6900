"""The rendered FUNC as a compiled function: the text itself is evaluated, by its own language."""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ssmsym_plugins.auto07p_source import parameter_numbers

from ssmsym.exporters.model import ExportModel
from ssmsym.exporters.process import call

Array = NDArray[np.float64]

_TIMEOUT = 300.0
_LONG = 100_000  # characters; compilers take minutes to optimise longer files of one routine
_DOUBLES = ctypes.POINTER(ctypes.c_double)


def right_sides(
    files: Mapping[str, str], model: ExportModel, states: Array, parameters: Array
) -> Array | None:
    """F at m points, (m, n); None without the compiler."""
    found = evaluate(files, model, states, parameters)
    return None if found is None else found[0]


def evaluate(
    files: Mapping[str, str], model: ExportModel, states: Array, parameters: Array
) -> tuple[Array, Array, Array] | None:
    """F (m, n), DFDU (m, n, n) and DFDP (m, n, q) of the rendered equations at m points.

    None if gfortran, or gcc for a C file, is not installed.
    """
    file = next(name for name in files if name.endswith((".f90", ".c")))
    in_fortran = file.endswith(".f90")
    compiler = shutil.which("gfortran" if in_fortran else "gcc")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory(prefix="ssmsym-") as name:
        folder = Path(name)
        (folder / file).write_text(files[file], encoding="ascii")
        command = [compiler, optimization(files[file]), "-shared", "-fPIC", file, "-o", "func.so"]
        if not in_fortran:
            command += [*include_option(), "-lm"]
        call(command, folder, timeout=_TIMEOUT)
        library = ctypes.CDLL(str(folder / "func.so"))
        function = library["func_"] if in_fortran else _of_table(library)
        return _evaluated(function, in_fortran, model, states, parameters)


def _of_table(library: ctypes.CDLL) -> Callable[..., object]:
    """The first entry of AUTO's table of user routines: its header makes the routines themselves private."""
    address = ctypes.c_void_p.in_dll(library, "user").value
    integer, doubles = ctypes.c_int, _DOUBLES
    icp = ctypes.POINTER(ctypes.c_int)
    kind = ctypes.CFUNCTYPE(integer, integer, doubles, icp, doubles, integer, doubles, doubles, doubles)
    return kind(address or 0)


def optimization(source: str) -> str:
    """The compiler's option for equations of that length."""
    return "-O1" if len(source) < _LONG else "-O0"


def include_option() -> list[str]:
    """Where a self-built AUTO has its header; Debian's is where the compiler looks anyway."""
    folder = os.environ.get("AUTO_DIR")
    return [f"-I{folder}/include"] if folder else []


def _evaluated(
    function: Callable[..., object],
    by_reference: bool,
    model: ExportModel,
    states: Array,
    parameters: Array,
) -> tuple[Array, Array, Array]:
    n, numbers = len(model.state_names), np.array(parameter_numbers(len(model.parameter_names)), dtype=int)
    length = max(36, *numbers, 0)
    m = len(states)
    states = np.asarray(states, dtype=float).reshape(m, n)
    parameters = np.asarray(parameters, dtype=float).reshape(m, len(numbers))
    f = np.full((m, n), np.nan)
    by_state, by_parameter = np.full((m, n, n), np.nan), np.full((m, n, len(numbers)), np.nan)
    size, mode = ctypes.c_int(n), ctypes.c_int(2)
    icp = (ctypes.c_int * 1)(1)
    for k in range(m):
        u, values = np.array(states[k], dtype=float), np.zeros(length)
        values[numbers - 1] = parameters[k]
        out, dfdu, dfdp = np.full(n, np.nan), np.full(n * n, np.nan), np.full(n * length, np.nan)
        pointers = [array.ctypes.data_as(_DOUBLES) for array in (u, values, out, dfdu, dfdp)]
        integers = [ctypes.byref(size), ctypes.byref(mode)] if by_reference else [size, mode]
        function(integers[0], pointers[0], icp, pointers[1], integers[1], *pointers[2:])
        f[k] = out
        by_state[k] = dfdu.reshape(n, n).T  # columns first, as in Fortran
        by_parameter[k] = dfdp.reshape(length, n).T[:, numbers - 1]
    return f, by_state, by_parameter
