"""NumPy: a module with the right-hand side, its derivatives and the readout as plain functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ssmsym_plugins.python_evaluation import evaluated
from ssmsym_plugins.python_source import PythonSource

from ssmsym.exporters.contract import Array, Exporter, RightSideReader
from ssmsym.exporters.identifiers import quoted
from ssmsym.exporters.model import ExportModel
from ssmsym.exporters.options import file_stem

_TAKEN = ("right_side", "jacobian", "parameter_jacobian", "readout", "joined", "np")


class PlainNumpy(Exporter, RightSideReader):
    """A Python module that needs NumPy alone (SciPy where the model has error or gamma functions)."""

    name = "numpy"
    description = "NumPy functions: right-hand side, Jacobians, readout, for one state or many; maps too"
    url = "https://numpy.org"
    verified = "run: every function against the model at random points"

    def render(
        self, model: ExportModel, *, name: str = "model", derivatives: bool = True
    ) -> Mapping[str, str]:
        """``NAME.py``.

        Parameters
        ----------
        name : str
            Of the file: letters, digits and underscores.
        derivatives : bool
            Whether the Jacobians in states and in parameters are written.

        Raises
        ------
        ExporterError
            If NumPy has no counterpart of a function of the model.
        """
        source = PythonSource(model, "np", _TAKEN)
        return {f"{file_stem(name)}.py": "\n".join([*_lines(source, derivatives), ""])}

    def evaluate(
        self, files: Mapping[str, str], model: ExportModel, states: Array, parameters: Array
    ) -> Array | None:
        """The rendered module run by Python itself."""
        return evaluated(files, "right_side", states, parameters)


def _lines(source: PythonSource, derivatives: bool) -> Iterator[str]:
    model = source.model
    n, q = len(model.states), len(model.parameters)
    kind = "rates of change" if model.time == "continuous" else "next state"
    yield f'"""{quoted(model.title)[1:-1]}.'
    yield ""
    yield "The last axes of state and parameters run over their entries in declared order."
    yield '"""'
    yield ""
    yield "import numpy as np"
    if source.needs_special:
        yield "from scipy import special"
    yield ""
    yield from source.declarations()
    sides = {f"_r{i}": e for i, e in enumerate(model.right_sides)}
    yield from _function(source, "right_side", f"The {kind}, (..., {n}).", sides, (n,))
    if derivatives:
        by_state = {f"_a{i}_{j}": e for i, row in enumerate(model.jacobian) for j, e in enumerate(row)}
        yield from _function(
            source, "jacobian", f"Derivatives by the states, (..., {n}, {n}).", by_state, (n, n)
        )
        rows = model.parameter_jacobian
        by_parameter = {f"_a{i}_{j}": e for i, row in enumerate(rows) for j, e in enumerate(row)}
        text = f"Derivatives by the parameters, (..., {n}, {q})."
        if q:
            yield from _function(source, "parameter_jacobian", text, by_parameter, (n, q))
    if model.readouts:
        read = {f"_r{i}": e for i, e in enumerate(model.readouts)}
        shape = (len(read),)
        yield from _function(source, "readout", f"The readouts, (..., {len(read)}).", read, shape)
    yield from ("", "", "def joined(shape, *entries):")
    yield '    """The entries along new last axes."""'
    yield "    entries = np.broadcast_arrays(*entries)"
    yield "    return np.stack(entries, axis=-1).reshape(*entries[0].shape, *shape)"


def _function(
    source: PythonSource, name: str, text: str, targets: Mapping[str, Any], shape: tuple[int, ...]
) -> Iterator[str]:
    states, parameters = source.names
    places = {short: f"state[..., {i}]" for i, short in enumerate(states)}
    places |= {short: f"parameters[..., {i}]" for i, short in enumerate(parameters)}
    size = f"({shape[0]},)" if len(shape) == 1 else repr(shape)
    ending = [f"return joined({size}, np.zeros(state.shape[:-1]) + {next(iter(targets))}, "]
    ending[0] += ", ".join(list(targets)[1:]) + ")"
    lines = list(source.function(name, "(state, parameters=VALUES)", targets, ending, places))
    yield from ("", "", lines[0])
    yield f'    """{text}"""'
    yield "    state, parameters = np.asarray(state, dtype=float), np.asarray(parameters, dtype=float)"
    yield '    with np.errstate(all="ignore"):  # of two cases both are computed, and one is taken'
    yield from (f"    {line}" for line in lines[1:])
