"""C: a file with the right-hand side, its derivatives and the readout as plain functions."""

from __future__ import annotations

import ctypes
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ssmsym_plugins.auto07p_compiled import optimization
from ssmsym_plugins.auto07p_source import C, nonzero
from ssmsym_plugins.statements import assignments

from ssmsym.exporters.contract import Array, Exporter, Installation, RightSideReader
from ssmsym.exporters.identifiers import quoted
from ssmsym.exporters.model import ExportModel
from ssmsym.exporters.options import file_stem
from ssmsym.exporters.process import call

_TIMEOUT = 300.0
_POWER = """static double power(double x, int n) {
  double y = x;
  while (--n > 0) y *= x;
  return y;
}"""


class PlainC(Exporter, RightSideReader):
    """A C file that needs the mathematical library alone, and its header."""

    name = "c"
    description = "C functions: right-hand side, Jacobians, readout; maps too"
    url = "https://en.cppreference.com/w/c"
    verified = "compiled by gcc and run: every function against the model at random points"
    install_hint = "any C compiler; on Debian or Ubuntu: apt-get install gcc libc6-dev."

    def render(
        self, model: ExportModel, *, name: str = "model", derivatives: bool = True
    ) -> Mapping[str, str]:
        """``NAME.c`` and ``NAME.h``.

        Parameters
        ----------
        name : str
            Of the files, and before the functions' names: letters, digits and underscores.
        derivatives : bool
            Whether the Jacobians in states and in parameters are written.

        Raises
        ------
        ExporterError
            If C has no counterpart of a function of the model.
        """
        functions = list(_functions(model, file_stem(name), derivatives))
        head = list(_head(model))
        declared = [f"{function.declaration};" for function in functions]
        guard = f"{name.upper()}_H"
        header = [*head, f"#ifndef {guard}", f"#define {guard}", "", *declared, "", "#endif", ""]
        body = [*head, "#include <math.h>", f'#include "{name}.h"', "", _POWER]
        for function in functions:
            body += ["", f"{function.declaration} {{", *function.lines, "}"]
        return {f"{name}.c": "\n".join([*body, ""]), f"{name}.h": "\n".join(header)}

    def find(self) -> Installation | None:
        """The compiler gcc."""
        found = shutil.which("gcc")
        return None if found is None else Installation(Path(found))

    def evaluate(
        self, files: Mapping[str, str], model: ExportModel, states: Array, parameters: Array
    ) -> Array | None:
        """The rendered function compiled by gcc; None without it."""
        return evaluated(files, "right_side", states, parameters, np.shape(states)[1:])


def evaluated(
    files: Mapping[str, str], function: str, states: Array, parameters: Array, shape: tuple[int, ...]
) -> Array | None:
    """A rendered function at m points, (m, *shape); None without gcc."""
    compiler = shutil.which("gcc")
    if compiler is None:
        return None
    (source,) = (name for name in files if name.endswith(".c"))
    stem = source.removesuffix(".c")
    doubles = ctypes.POINTER(ctypes.c_double)
    with tempfile.TemporaryDirectory(prefix="ssmsym-") as name:
        folder = Path(name)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="ascii")
        command = [
            compiler,
            optimization(files[source]),
            "-Wall",
            "-Werror",
            "-Wno-unused-function",
            "-shared",
        ]
        call([*command, "-fPIC", source, "-o", "model.so", "-lm"], folder, timeout=_TIMEOUT)
        compiled = ctypes.CDLL(str(folder / "model.so"))[f"{stem}_{function}"]
        out = np.full((len(states), *shape), np.nan)
        for k, (state, values) in enumerate(zip(states, parameters, strict=True)):
            arrays = [np.ascontiguousarray(a, dtype=float) for a in (state, values)]
            row = np.full(shape, np.nan)
            compiled(*(a.ctypes.data_as(doubles) for a in (*arrays, row)))
            out[k] = row
    return out


class _Function:
    """A function and its body."""

    def __init__(
        self, model: ExportModel, name: str, targets: Iterable[tuple[str, Any]], zeros: int = 0
    ) -> None:
        self.declaration = f"void {name}(const double *state, const double *parameters, double *out)"
        symbols = {s: f"state[{i}]" for i, s in enumerate(model.states)}
        symbols |= {s: f"parameters[{i}]" for i, s in enumerate(model.parameters)}
        pairs = list(assignments(C, symbols, list(targets), "h[{}]".format))
        calls = sum(target.startswith("h[") for target, _ in pairs)
        lines = [f"  double h[{calls}];"] if calls else []
        if zeros:
            lines.append(f"  for (int i = 0; i < {zeros}; i++) out[i] = 0.0;")
        self.lines = [*lines, *(f"  {target} = {text};" for target, text in pairs)]


def _functions(model: ExportModel, name: str, derivatives: bool) -> Iterator[_Function]:
    n, q = len(model.states), len(model.parameters)
    yield _Function(model, f"{name}_right_side", ((f"out[{i}]", e) for i, e in enumerate(model.right_sides)))
    if derivatives:
        rows = ((f"out[{i * n + j}]", e) for i, j, e in nonzero(model.jacobian))
        yield _Function(model, f"{name}_jacobian", rows, n * n)
        rows = ((f"out[{i * q + j}]", e) for i, j, e in nonzero(model.parameter_jacobian))
        if q:
            yield _Function(model, f"{name}_parameter_jacobian", rows, n * q)
    if model.readouts:
        yield _Function(model, f"{name}_readout", ((f"out[{i}]", e) for i, e in enumerate(model.readouts)))


def _head(model: ExportModel) -> Iterator[str]:
    kind = "rates of change" if model.time == "continuous" else "next state"
    yield f"/* {quoted(model.title)[1:-1]}"
    for place, names in (("state", model.state_names), ("parameters", model.parameter_names)):
        for i, name in enumerate(names):
            yield f" * {place}[{i}] = {quoted(name)}"
    yield f" * right_side gives the {kind}; Jacobians are stored row by row."
    yield f" * At parameters {{{', '.join(map(repr, model.values))}}} this is fixed:"
    yield f" * {{{', '.join(map(repr, model.initial_state.tolist()))}}} */"
