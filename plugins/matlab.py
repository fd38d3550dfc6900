"""Plain functions for MATLAB and Octave: right-hand side, Jacobian, readout, start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ssmsym_plugins import matlab_octave
from ssmsym_plugins.continuation_request import check_file_name
from ssmsym_plugins.matlab_code import RESERVED, MatlabWriter, cells, column, file_text, wrapped
from ssmsym_plugins.programs import program

from ssmsym.exporters.contract import Array, Exporter, Installation, RightSideReader
from ssmsym.exporters.model import ExportModel

_ARGUMENTS = ("time", "state", "parameters", "value")


class Matlab(Exporter, RightSideReader):
    """Functions of time, state and parameters, for ``ode45`` and the like."""

    name = "matlab"
    description = "plain functions for MATLAB and GNU Octave"
    url = "https://www.mathworks.com/help/matlab/ref/ode45.html"
    verified = "evaluated in Octave 7.3: right-hand side, Jacobian, readout; MATLAB itself was not run"
    install_hint = "GNU Octave: apt-get install --no-install-recommends octave; MATLAB from mathworks.com."

    def render(
        self, model: ExportModel, *, name: str = "model", elementwise: bool = False, jacobian: bool = True
    ) -> Mapping[str, str]:
        """``NAME.m``, ``NAME_jacobian.m``, ``NAME_readout.m`` (of a model with readouts) and ``NAME_start.m``.

        Parameters
        ----------
        name : str
            Of the functions: letters, digits and underscores.
        elementwise : bool
            Whether the right-hand side takes many states at once, one a column (``Vectorized`` of ``odeset``).
        jacobian : bool
            Whether the Jacobian is written, too.

        Raises
        ------
        ExporterError
            If an option does not fit or MATLAB has no counterpart of a function.
        """
        check_file_name(name, RESERVED)
        reserved = (*_ARGUMENTS, name, *(f"{name}_{part}" for part in ("jacobian", "readout", "start")))
        scalar = MatlabWriter(model, reserved=reserved)
        sides = MatlabWriter(model, reserved=reserved, elementwise=elementwise)
        files = {f"{name}.m": _right_sides(sides, name)}
        if jacobian:
            files[f"{name}_jacobian.m"] = _jacobian(scalar, name)
        if model.readouts:
            files[f"{name}_readout.m"] = _readout(scalar, name)
        files[f"{name}_start.m"] = _start(scalar, name)
        return {file: file_text(text) for file, text in files.items()}

    def find(self) -> Installation | None:
        """Octave or MATLAB."""
        return program("octave-cli", "octave", "matlab")

    def evaluate(
        self, files: Mapping[str, str], model: ExportModel, states: Array, parameters: Array
    ) -> Array | None:
        """The function of the first file in Octave; None without it."""
        name = next(iter(files)).removesuffix(".m")
        return matlab_octave.at_points(files, f"{name}(0, x, p)", states, parameters)


def _right_sides(writer: MatlabWriter, name: str) -> list[str]:
    kind = "the derivative of the state" if writer.model.time == "continuous" else "the next state"
    return writer.ending(
        _function(
            writer,
            f"function value = {name}(time, state, parameters)",
            f"% {kind}; the time is not used",
            _size(writer),
            [(_entry(writer, i), e) for i, e in enumerate(writer.model.right_sides)],
        )
    )


def _size(writer: MatlabWriter) -> str:
    return f"{len(writer.model.states)}, {'size(state, 2)' if writer.elementwise else 1}"


def _entry(writer: MatlabWriter, i: int) -> str:
    return f"value({i + 1},:)" if writer.elementwise else f"value({i + 1})"


def _jacobian(writer: MatlabWriter, name: str) -> list[str]:
    n = len(writer.model.states)
    entries = [
        (f"value({i + 1},{j + 1})", e)
        for i, row in enumerate(writer.model.jacobian)
        for j, e in enumerate(row)
        if e != 0
    ]
    head = f"function value = {name}_jacobian(time, state, parameters)"
    return writer.ending(
        _function(writer, head, "% derivatives of the right-hand side by the state", f"{n}, {n}", entries)
    )


def _readout(writer: MatlabWriter, name: str) -> list[str]:
    entries = [(f"value({i + 1})", e) for i, e in enumerate(writer.model.readouts)]
    head = f"function value = {name}_readout(time, state, parameters)"
    return writer.ending(_function(writer, head, "% outputs at a state", f"{len(entries)}, 1", entries))


def _function(
    writer: MatlabWriter,
    head: str,
    purpose: str,
    size: str,
    entries: Sequence[tuple[str, Any]],
) -> Iterator[str]:
    yield head
    yield purpose
    yield from writer.head()
    yield f"value = zeros({size});"
    yield from writer.body(entries, states="state", parameters="parameters")
    yield "end"


def _start(writer: MatlabWriter, name: str) -> list[str]:
    model = writer.model
    return [
        f"function [x0, p0, state_names, parameter_names] = {name}_start()",
        "% a fixed point, the parameter values at which it is one, and the declared names",
        *wrapped(f"x0 = {column(model.initial_state.tolist())};"),
        *wrapped(f"p0 = {column(model.values)};"),
        *wrapped(f"state_names = {cells(model.state_names)};"),
        *wrapped(f"parameter_names = {cells(model.parameter_names)};"),
        "end",
    ]
