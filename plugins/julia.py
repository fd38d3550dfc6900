"""Plain Julia functions."""

from __future__ import annotations

from collections.abc import Mapping

from ssmsym_plugins.julia_code import JuliaWriter
from ssmsym_plugins.programs import program

from ssmsym.exporters.contract import Exporter, Installation
from ssmsym.exporters.model import ExportModel


class Julia(Exporter):
    """A module with the right-hand side in place and out of place, for ``ODEProblem`` and the like."""

    name = "julia"
    description = "plain Julia functions, for DifferentialEquations.jl and others"
    url = "https://docs.sciml.ai/DiffEqDocs/stable/"
    verified = "syntax parsed by tree-sitter-julia, numbers by a reader of the syntax tree; Julia was not run"
    install_hint = "Julia from julialang.org/downloads."

    def render(self, model: ExportModel, *, name: str = "model", jacobian: bool = True) -> Mapping[str, str]:
        """``NAME.jl`` with one module, called NAME with a capital letter.

        It has ``right_side!(change, state, parameters, time)``, ``right_side(state, parameters, time)``, both
        Jacobians likewise, ``readout(state, parameters)``, ``initial_state`` and ``parameter_values``.

        Parameters
        ----------
        name : str
            Letters, digits and underscores.
        jacobian : bool
            Whether the Jacobian is written.

        Raises
        ------
        ExporterError
            If an option does not fit or Julia has no counterpart of a function.
        """
        return {f"{name}.jl": JuliaWriter(model, name).text(jacobian=jacobian)}

    def find(self) -> Installation | None:
        """The program julia."""
        return program("julia")
