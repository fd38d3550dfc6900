"""MatCont and MatContM: a system file with written-out derivatives, and a script that runs it."""

from __future__ import annotations

from collections.abc import Mapping

from ssmsym_plugins import matcont_derivatives, matcont_script, matcont_system, matlab_octave
from ssmsym_plugins.continuation_request import check_file_name, continuation_request
from ssmsym_plugins.matlab_code import RESERVED, MatlabWriter

from ssmsym.exporters.contract import Array, Exporter, ExporterError, RightSideReader
from ssmsym.exporters.model import ExportModel


class Matcont(Exporter, RightSideReader):
    """MatCont's system files for flows, MatContM's for maps."""

    name = "matcont"
    description = "MatCont (flows) and MatContM (maps): system file and run script"
    url = "https://sourceforge.net/projects/matcont/"
    verified = (
        "every handle evaluated in Octave 7.3 and the script run there against stand-ins for MatCont's functions; "
        "this version has not been run in MatCont"
    )
    install_hint = (
        "download MatCont 7 (for maps MatContM) from its site and run its init in MATLAB or Octave "
        "before the script."
    )

    def render(
        self,
        model: ExportModel,
        *,
        name: str = "model",
        derivatives: int | None = None,
        script: bool = True,
        parameter: str | None = None,
        interval: tuple[float, float] | None = None,
        second_parameter: str | None = None,
        step: float | None = None,
        points: int = 300,
    ) -> Mapping[str, str]:
        """``NAME.m``, the system file, and ``run_NAME.m``.

        Parameters
        ----------
        name : str
            Of the system: letters, digits and underscores.
        derivatives : int, optional
            Highest order of the derivatives by the state that are written, 0 to 5. By default as many as stay
            short, at least the Jacobian; MatCont takes differences for the others.
        script : bool
            Whether the run script is written, which needs a parameter.
        parameter : str, optional
            The one to vary, by its declared name; the first by default.
        interval : tuple of float, optional
            Absolute values between which special points are followed; by default one unit to either side.
        second_parameter : str, optional
            Freed besides for the curves of folds, Hopf points, flips and Neimark-Sacker points; by default the
            first other parameter.
        step : float, optional
            Largest; by default a twentieth of the interval or of the trust radius (without one: of the state's
            size, at least 1), whichever is less.
        points : int
            Most points of a curve.

        Raises
        ------
        ExporterError
            If the model has no parameter, or an option does not fit.
        """
        check_file_name(name, (*RESERVED, *matcont_system.RESERVED))
        if points < 2:
            raise ExporterError(f"'points' is at least 2; found {points}.")
        order = self._order(model, derivatives)
        readouts = (matcont_system.user_function(i) for i in range(len(model.readouts)))
        writer = MatlabWriter(model, reserved=(*matcont_system.RESERVED, name, *readouts))
        files = {f"{name}.m": matcont_system.system_file(writer, name, order)}
        if script:
            wanted = continuation_request(
                model,
                parameter=parameter,
                interval=interval,
                second_parameter=second_parameter,
                second_interval=None,
                step=step,
            )
            files[f"run_{name}.m"] = matcont_script.run_script(writer, name, wanted, points)
        return files

    def _order(self, model: ExportModel, derivatives: int | None) -> int:
        if derivatives is None:
            return matcont_derivatives.usual_order(model)
        if not 0 <= derivatives <= matcont_derivatives.HIGHEST:
            raise ExporterError(
                f"'derivatives' lies between 0 and {matcont_derivatives.HIGHEST}; found {derivatives}."
            )
        return derivatives

    def evaluate(
        self, files: Mapping[str, str], model: ExportModel, states: Array, parameters: Array
    ) -> Array | None:
        """The handle of the right-hand side in Octave; None without it."""
        return self.handle(2, files, states, parameters)

    def handle(self, number: int, files: Mapping[str, str], states: Array, parameters: Array) -> Array | None:
        """Values of one handle at m points, (m, entries), first index fastest; None without Octave."""
        name = next(iter(files)).removesuffix(".m")
        return matlab_octave.at_points(
            files, f"feval(getfield({name}(), {{{number}}}){{1}}, 0, x, P{{:}})", states, parameters
        )
