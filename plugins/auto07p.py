"""AUTO-07p: equations in Fortran or C, a constants file, branches of fixed points run and read back."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from ssmsym_plugins import auto07p_compiled, auto07p_constants, auto07p_source
from ssmsym_plugins.auto07p_runs import (
    OUTPUT,
    USUAL_CURVE_POINTS,
    USUAL_POINTS,
    directions,
    read_job,
    run_name,
    special_points,
)

from ssmsym.exporters.contract import (
    Array,
    ExporterError,
    Installation,
    Job,
    RightSideReader,
    Runner,
    Trace,
)
from ssmsym.exporters.model import ExportModel
from ssmsym.exporters.options import (
    chosen,
    file_stem,
    interval_around,
    positive,
    refuse_map,
    second_parameter as checked_second,
    step_lengths,
    varied_parameter,
    whole,
)
from ssmsym.exporters.process import call, ending

_DEFAULT_FOLDER = "/usr/lib/auto-07p"
_MOST_POINTS = 9999  # AUTO counts points with four digits


class Auto07p(Runner, RightSideReader):
    """AUTO-07p by its Fortran or C interface; its Python layer is not used.

    Scenarios: ``equilibria`` (fixed points in one parameter, with folds, Hopf points and branch points), ``cycles``
    (from the Hopf points, with folds of cycles, period doublings and torus bifurcations), ``fold_curve`` and
    ``hopf_curve`` (in two parameters, with cusps, Bogdanov-Takens, generalized Hopf and fold-Hopf points). The
    last three have a constants file of their own beside that of the fixed points.
    """

    name = "auto07p"
    description = "AUTO-07p continuation: equations in Fortran or C with constants files"
    url = "https://github.com/auto-07p/auto-07p"
    verified = (
        "run (AUTO 0.9.2, Fortran and C): fixed points, folds, Hopf points, cycles with their folds and periods, "
        "curves of folds and Hopf points with cusps and generalized Hopf points"
    )
    install_hint = (
        "on Debian or Ubuntu: apt-get install --no-install-recommends auto-07p gfortran; elsewhere build it and "
        "set AUTO_DIR to its folder."
    )

    def render(
        self,
        model: ExportModel,
        *,
        name: str = "model",
        language: Literal["fortran", "c"] = "fortran",
        scenario: Literal["equilibria", "cycles", "fold_curve", "hopf_curve"] = "equilibria",
        parameter: str | None = None,
        interval: tuple[float, float] | None = None,
        second_parameter: str | None = None,
        second_interval: tuple[float, float] | None = None,
        step: float | None = None,
        max_step: float | None = None,
        points: int = USUAL_POINTS,
        curve_points: int = USUAL_CURVE_POINTS,
        mesh: int = 50,
        tolerance: float = 1e-10,
        event_tolerance: float = 1e-8,
    ) -> Mapping[str, str]:
        """``NAME.f90`` or ``NAME.c``, ``c.NAME``, and ``c.NAME_SCENARIO`` for other scenarios than equilibria.

        Parameters
        ----------
        name : str
            Of the files: letters, digits and underscores.
        language : {"fortran", "c"}
        scenario : {"equilibria", "cycles", "fold_curve", "hopf_curve"}
        parameter : str, optional
            The one to vary, by its declared name; the first by default.
        interval : tuple of float, optional
            Absolute values between which it stays; by default one unit to either side of its value.
        second_parameter, second_interval : str and tuple of float, optional
            Of a curve in two parameters, which needs the first.
        step : float, optional
            Of the first step, in arclength; its sign is the first direction. A fifth of `max_step` by default.
        max_step : float, optional
            By default a twentieth of the interval or of the trust radius (without one: of the state's size, at
            least 1), whichever is less.
        points : int
            Most points of a branch of fixed points, at most 9999.
        curve_points : int
            Most points of a branch of cycles or a curve in two parameters.
        mesh : int
            Mesh intervals of a cycle, with four collocation points in each.
        tolerance : float
            Relative, of parameter and state.
        event_tolerance : float
            Relative, of the place of a special point.

        Raises
        ------
        ExporterError
            If the model is a map or has no parameter, or an option does not fit.
        """
        refuse_map(model, "AUTO-07p")
        chosen("language", language, ("fortran", "c"))
        chosen("scenario", scenario, auto07p_constants.SCENARIOS)
        varied = varied_parameter(model, parameter)
        low, high = interval_around(model, varied, interval)
        second, between = checked_second(model, scenario, varied, second_parameter, second_interval)
        settings = auto07p_constants.Settings(
            name=file_stem(name),
            parameter=varied,
            interval=(low, high),
            second=second,
            second_interval=between,
            steps=step_lengths(model, high - low, step, max_step),
            points=whole("points", points, 2, _MOST_POINTS),
            curve_points=whole("curve_points", curve_points, 2, _MOST_POINTS),
            mesh=whole("mesh", mesh, 5, 1000),
            tolerances=(positive("tolerance", tolerance), positive("event_tolerance", event_tolerance)),
        )
        suffix = "f90" if language == "fortran" else "c"
        files = {
            f"{name}.{suffix}": auto07p_source.equations(model, language),
            f"c.{name}": auto07p_constants.constants(model, settings, "equilibria"),
        }
        if scenario != "equilibria":
            files[f"c.{name}_{scenario}"] = auto07p_constants.constants(model, settings, scenario)
        return files

    # -- running ------------------------------------------------------------------------------------------

    def find(self) -> Installation | None:
        """AUTO's folder ($AUTO_DIR or Debian's) if its objects and a compiler are there."""
        folder = Path(os.environ.get("AUTO_DIR") or _DEFAULT_FOLDER)
        if not (folder / "lib" / "main.o").is_file():
            return None
        if shutil.which("gfortran") is None and shutil.which("gcc") is None:
            return None
        return Installation(folder, _version())

    def run(self, job: Job) -> None:
        """Compile once, run from every start with either sign of the first step, then on from special points."""
        name = str(job.options.get("name", "model"))
        program = _build(job, name, str(job.options.get("language", "fortran")))
        written = (job.folder / f"c.{name}").read_text(encoding="ascii")
        for number, start in enumerate(job.starts):
            for direction in (1, -1):
                text = auto07p_constants.from_start(written, job.model, job.parameter, start, direction)
                _run(job, program, text, run_name("equilibria", number, direction))
        scenario = str(job.options.get("scenario", "equilibria"))
        if scenario == "equilibria":
            return
        written = (job.folder / f"c.{name}_{scenario}").read_text(encoding="ascii")
        for number, (label, run) in enumerate(special_points(job, scenario)):
            for direction in directions(scenario):
                text = auto07p_constants.from_label(written, label, run, direction)
                _run(job, program, text, run_name(scenario, number, direction))

    def read(self, job: Job) -> list[Trace]:
        """The traces in the b., s. and d. files of a finished job."""
        return read_job(job)

    def evaluate(
        self, files: Mapping[str, str], model: ExportModel, states: Array, parameters: Array
    ) -> Array | None:
        """FUNC of the rendered file, compiled by gfortran or gcc; None without the compiler."""
        return auto07p_compiled.right_sides(files, model, states, parameters)


def _run(job: Job, program: Path, constants: str, run: str) -> None:
    done = call([str(program)], job.folder, timeout=job.timeout, stdin=constants, check=False)
    if not (job.folder / "fort.7").is_file():
        raise ExporterError(f"AUTO-07p wrote no branch: {ending(done)}")
    for file, letter in OUTPUT:
        (job.folder / file).rename(job.folder / f"{letter}.{run}")


def _build(job: Job, name: str, language: str) -> Path:
    library = job.installation.path / "lib"
    objects = [str(path) for path in sorted(library.glob("*.o"))]
    program = job.folder / f"{name}.exe"
    compiler = "gfortran" if language == "fortran" else "gcc"
    if shutil.which(compiler) is None:
        other = "'c'" if language == "fortran" else "'fortran'"
        raise ExporterError(f"'{compiler}' is not installed; install it or ask for language {other}.")
    source = f"{name}.f90" if language == "fortran" else f"{name}.c"
    optimized = auto07p_compiled.optimization((job.folder / source).read_text(encoding="ascii"))
    if language == "fortran":
        command = [optimized, "-fopenmp", source, *objects]
    else:
        libraries = [str(library / "libauto_c.a"), "-l:libgfortran.so.5", "-lgomp", "-lm"]
        command = [optimized, *auto07p_compiled.include_option(), source, *objects, *libraries]
    call([compiler, *command, "-o", program.name], job.folder, timeout=job.timeout)
    return program


def _version() -> str:
    """Of Debian's package; AUTO itself does not say its version."""
    try:
        status = Path("/var/lib/dpkg/status").read_text(errors="replace")
    except OSError:
        return ""
    match = re.search(r"^Package: auto-07p\n(?:.+\n)*?Version: (\S+)", status, re.MULTILINE)
    return match[1] if match else ""
