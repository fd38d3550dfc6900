"""AUTO-07p: equations in Fortran or C, a constants file, branches of fixed points run and read back."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from ssmsym_plugins import auto07p_compiled, auto07p_constants, auto07p_output, auto07p_source

from ssmsym.exporters.contract import (
    Array,
    ExporterError,
    Installation,
    Job,
    RightSideReader,
    Runner,
    Trace,
)
from ssmsym.exporters.identifiers import identifiers
from ssmsym.exporters.model import ExportModel
from ssmsym.exporters.process import call, ending

_DEFAULT_FOLDER = "/usr/lib/auto-07p"
_USUAL_POINTS = 5000
_MOST_POINTS = 9999  # AUTO counts points with four digits
_OUTPUT = (("fort.7", "b"), ("fort.8", "s"), ("fort.9", "d"))


class Auto07p(Runner, RightSideReader):
    """AUTO-07p by its Fortran or C interface; its Python layer is not used.

    Scenarios, each one constants file: ``equilibria`` (a branch of fixed points in one parameter, with folds,
    Hopf points and branch points).
    """

    name = "auto07p"
    description = "AUTO-07p continuation: equations in Fortran or C with a constants file"
    url = "https://github.com/auto-07p/auto-07p"
    verified = "run: branches of fixed points, folds and Hopf points, from Fortran and from C (AUTO 0.9.2)"
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
        scenario: Literal["equilibria"] = "equilibria",
        parameter: str | None = None,
        interval: tuple[float, float] | None = None,
        step: float | None = None,
        max_step: float | None = None,
        points: int = _USUAL_POINTS,
        tolerance: float = 1e-10,
        event_tolerance: float = 1e-8,
    ) -> Mapping[str, str]:
        """``NAME.f90`` or ``NAME.c``, and ``c.NAME``.

        Parameters
        ----------
        name : str
            Of the files: letters, digits and underscores.
        language : {"fortran", "c"}
        scenario : {"equilibria"}
        parameter : str, optional
            The one to vary, by its declared name; the first by default.
        interval : tuple of float, optional
            Absolute values between which it stays; by default one unit to either side of its value.
        step : float, optional
            Of the first step, in arclength; its sign is the first direction. A fifth of `max_step` by default.
        max_step : float, optional
            By default a twentieth of the interval or of the trust radius (without one: of the state's size, at
            least 1), whichever is less.
        points : int
            Most points of a branch, at most 9999.
        tolerance : float
            Relative, of parameter and state.
        event_tolerance : float
            Relative, of the place of a special point.

        Raises
        ------
        ExporterError
            If the model is a map or has no parameter, or an option does not fit.
        """
        self._check(model, name, language, scenario)
        varied = self._varied(model, parameter)
        low, high = _interval(model, varied, interval)
        longest = _positive("max_step", max_step) or _longest(model, high - low)
        first = 0.2 * longest if step is None else float(step)
        if not (np.isfinite(first) and first != 0.0):
            raise ExporterError(f"'step' is a number other than 0; found {first}.")
        if not 2 <= points <= _MOST_POINTS:
            raise ExporterError(f"'points' lies between 2 and {_MOST_POINTS}; found {points}.")
        constants = auto07p_constants.equilibria(
            model,
            name,
            varied,
            (low, high),
            steps=(first, max(longest, abs(first))),
            points=points,
            tolerances=(
                _positive("tolerance", tolerance) or 0.0,
                _positive("event_tolerance", event_tolerance) or 0.0,
            ),
        )
        suffix = "f90" if language == "fortran" else "c"
        return {f"{name}.{suffix}": auto07p_source.equations(model, language), f"c.{name}": constants}

    def _check(self, model: ExportModel, name: str, language: str, scenario: str) -> None:
        if model.time != "continuous":
            raise ExporterError(
                "This model is a map; AUTO-07p files are written for flows (load it as a flow)."
            )
        if language not in ("fortran", "c"):
            raise ExporterError(f"'language' is 'fortran' or 'c'; found '{language}'.")
        if scenario != "equilibria":
            raise ExporterError(f"There is no scenario '{scenario}'; there is 'equilibria'.")
        if identifiers([name]) != (name,):
            raise ExporterError(
                f"'name' takes letters, digits and underscores, a letter first; found {name!r}."
            )

    def _varied(self, model: ExportModel, parameter: str | None) -> str:
        if not model.parameter_names:
            raise ExporterError(
                "This model has no parameter to vary; keep one with compute_ssm(..., parameters=['u[0]'])."
            )
        if parameter is None:
            return model.parameter_names[0]
        if parameter not in model.parameter_names:
            listed = ", ".join(f"'{n}'" for n in model.parameter_names)
            raise ExporterError(f"There is no parameter '{parameter}' in this model; it has {listed}.")
        return parameter

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
        """Compile once, then run from every start with either sign of the first step."""
        name = str(job.options.get("name", "model"))
        language = str(job.options.get("language", "fortran"))
        program = _build(job, name, language)
        written = (job.folder / f"c.{name}").read_text(encoding="ascii")
        for number, start in enumerate(job.starts):
            for direction in (1, -1):
                constants = auto07p_constants.from_start(written, job.model, job.parameter, start, direction)
                done = call([str(program)], job.folder, timeout=job.timeout, stdin=constants)
                if not (job.folder / "fort.7").is_file():
                    raise ExporterError(f"AUTO-07p wrote no branch: {ending(done)}")
                for file, letter in _OUTPUT:
                    (job.folder / file).rename(job.folder / f"{letter}.{_run_name(number, direction)}")

    def read(self, job: Job) -> list[Trace]:
        """The traces in the b., s. and d. files of a finished job."""
        position = job.model.parameter_names.index(job.parameter)
        place = auto07p_source.parameter_numbers(position + 1)[position]
        out = []
        for number in range(len(job.starts)):
            for direction in (1, -1):
                texts = [
                    (job.folder / f"{letter}.{_run_name(number, direction)}").read_text(errors="replace")
                    for _, letter in _OUTPUT
                ]
                out.append(
                    auto07p_output.trace(
                        texts[0],
                        texts[1],
                        texts[2],
                        place=place,
                        n_states=len(job.model.state_names),
                        start=number,
                        direction=direction,
                        most=int(job.options.get("points", _USUAL_POINTS)),
                    )
                )
        return out

    def evaluate(
        self, files: Mapping[str, str], model: ExportModel, states: Array, parameters: Array
    ) -> Array | None:
        """FUNC of the rendered file, compiled by gfortran or gcc; None without the compiler."""
        return auto07p_compiled.right_sides(files, model, states, parameters)


def _run_name(start: int, direction: int) -> str:
    return f"{start}{'p' if direction > 0 else 'm'}"


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


def _interval(
    model: ExportModel, parameter: str, interval: tuple[float, float] | None
) -> tuple[float, float]:
    value = model.values[model.parameter_names.index(parameter)]
    if interval is None:
        return value - 1.0, value + 1.0
    try:
        low, high = (float(end) for end in interval)
    except (TypeError, ValueError):
        raise ExporterError(f"'interval' is a pair of numbers; found {interval!r}.") from None
    if not (np.isfinite([low, high]).all() and low < high):
        raise ExporterError(
            f"'interval' must run from a lower to a higher number; found ({low:g}, {high:g})."
        )
    if not low <= value <= high:
        raise ExporterError(
            f"The run starts at {parameter} = {value:g}, outside the interval ({low:g}, {high:g}); set the "
            "parameter, or widen the interval."
        )
    return low, high


def _positive(name: str, value: float | None) -> float | None:
    if value is None:
        return None
    if not (np.isfinite(value) and value > 0):
        raise ExporterError(f"'{name}' is a positive number; found {value}.")
    return float(value)


def _longest(model: ExportModel, width: float) -> float:
    size = model.trust_radius or max(1.0, float(np.linalg.norm(model.initial_state)))
    return 0.05 * min(width, size)
