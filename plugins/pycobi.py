"""PyCoBi: AUTO-07p's files and a script that runs them by way of PyCoBi."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from ssmsym_plugins import auto07p_constants
from ssmsym_plugins.auto07p import Auto07p
from ssmsym_plugins.auto07p_output import rows
from ssmsym_plugins.auto07p_runs import (
    USUAL_CURVE_POINTS,
    USUAL_POINTS,
    directions,
    read_job,
    run_name,
    special_points,
    texts,
)

from ssmsym.exporters.contract import Array, Installation, Job, RightSideReader, Runner, Trace
from ssmsym.exporters.identifiers import quoted
from ssmsym.exporters.model import ExportModel
from ssmsym.exporters.process import call, installed_package

_SCRIPT = Path(__file__).with_name("pycobi_run.py")


class Pycobi(Runner, RightSideReader):
    """The files of the exporter ``auto07p`` in Fortran, and a script with PyCoBi's calls.

    PyCoBi and AUTO's Python layer run in a process of their own. Scenarios as of ``auto07p``.
    """

    name = "pycobi"
    description = "PyCoBi: AUTO-07p's files and a Python script that runs them"
    url = "https://github.com/pyrates-neuroscience/PyCoBi"
    verified = (
        "run where installed (PyCoBi 1.1.0, AUTO 0.9.2): fixed points, folds, cycles, fold curves with cusps"
    )
    install_hint = (
        "apt-get install --no-install-recommends auto-07p gfortran make && pip install pycobi (GPL)."
    )

    def render(
        self,
        model: ExportModel,
        *,
        name: str = "model",
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
        """``NAME.f90``, ``c.NAME``, ``c.NAME_SCENARIO`` and ``NAME_pycobi.py``.

        Parameters
        ----------
        name, scenario, parameter, interval, second_parameter, second_interval
            As of the exporter ``auto07p``.
        step, max_step, points, curve_points, mesh, tolerance, event_tolerance
            As of the exporter ``auto07p``.

        Raises
        ------
        ExporterError
            If the model is a map or has no parameter, or an option does not fit.
        """
        files = Auto07p().render(
            model,
            name=name,
            scenario=scenario,
            parameter=parameter,
            interval=interval,
            second_parameter=second_parameter,
            second_interval=second_interval,
            step=step,
            max_step=max_step,
            points=points,
            curve_points=curve_points,
            mesh=mesh,
            tolerance=tolerance,
            event_tolerance=event_tolerance,
        )
        return {**files, f"{name}_pycobi.py": "\n".join([*_script(model, name, scenario), ""])}

    # -- running ------------------------------------------------------------------------------------------

    def find(self) -> Installation | None:
        """PyCoBi, which is looked for but not imported, if AUTO and what compiles for it are there."""
        found, auto = installed_package("pycobi"), Auto07p().find()
        if found is None or auto is None or shutil.which("gfortran") is None or shutil.which("make") is None:
            return None
        return Installation(found.path, f"{found.version}, AUTO {auto.version}")

    def run(self, job: Job) -> None:
        """Run from every start, then from the special points that were found."""
        name = str(job.options.get("name", "model"))
        written = (job.folder / f"c.{name}").read_text(encoding="ascii")
        runs = {}
        for number, start in enumerate(job.starts):
            for direction in (1, -1):
                run = run_name("equilibria", number, direction)
                runs[run] = auto07p_constants.from_start(written, job.model, job.parameter, start, direction)
        _call(job, name, runs)
        scenario = str(job.options.get("scenario", "equilibria"))
        if scenario == "equilibria":
            return
        written = (job.folder / f"c.{name}_{scenario}").read_text(encoding="ascii")
        runs = {}
        for number, (label, origin) in enumerate(special_points(job, scenario)):
            for direction in directions(scenario):
                run = run_name(scenario, number, direction)
                text = auto07p_constants.from_label(written, label, origin, direction)
                runs[f"{run}:{origin}:{_ordinal(job, scenario, label, origin)}"] = text
        _call(job, name, runs)

    def read(self, job: Job) -> list[Trace]:
        """The traces in AUTO's files of a finished job."""
        return read_job(job)

    def evaluate(
        self, files: Mapping[str, str], model: ExportModel, states: Array, parameters: Array
    ) -> Array | None:
        """FUNC of the rendered Fortran file, compiled by gfortran; None without it."""
        return Auto07p().evaluate(files, model, states, parameters)


def _call(job: Job, name: str, runs: Mapping[str, str]) -> None:
    for run, constants in runs.items():
        (job.folder / f"c.{run.partition(':')[0]}").write_text(constants, encoding="ascii")
    if runs:
        call([sys.executable, "-P", str(_SCRIPT), name, *runs], job.folder, timeout=job.timeout)


def _ordinal(job: Job, scenario: str, label: int, origin: str) -> str:
    """AUTO's other name of a labelled point, such as ``LP2``."""
    kind = auto07p_constants.FROM[scenario]
    codes = {"LP": 2, "HB": 3}
    labels = [row.label for row in rows(texts(job, origin)[0]) if row.code == codes[kind]]
    return f"{kind}{labels.index(label) + 1}"


def _script(model: ExportModel, name: str, scenario: str) -> Iterator[str]:
    yield f'"""{quoted(model.title)[1:-1]}: AUTO-07p by way of PyCoBi.'
    yield ""
    yield "AUTO_DIR names AUTO's folder, whose 'python' is on PYTHONPATH and whose 'cmds' is on PATH."
    yield '"""'
    yield ""
    yield "from pycobi import ODESystem"
    yield ""
    yield f'system = ODESystem(eq_file="{name}", working_dir=".")'
    yield f'points, fixed_points = system.run(c="{name}", name="fixed_points")'
    yield 'print(points[points["bifurcation"].isin(["LP", "HB", "BP"])])'
    if scenario != "equilibria":
        label = auto07p_constants.FROM[scenario]
        yield "curve, _ = system.run("
        yield f'    origin=fixed_points, starting_point="{label}1", c="{name}_{scenario}", name="{scenario}"'
        yield ")"
        yield 'print(curve[curve["bifurcation"] != "RG"])'
    yield "system.close_session(clear_files=False)"
