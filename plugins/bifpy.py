"""bifpy: AUTO's engine on Python functions; a script, run in a process of its own and read back."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from ssmsym_plugins.auto07p_runs import USUAL_CURVE_POINTS, read_job
from ssmsym_plugins.auto07p_source import parameter_numbers
from ssmsym_plugins.python_evaluation import evaluated
from ssmsym_plugins.python_source import PythonSource

from ssmsym.exporters.contract import Array, Installation, Job, RightSideReader, Runner, Trace
from ssmsym.exporters.identifiers import quoted
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
from ssmsym.exporters.process import call, installed_package

_SCENARIOS = ("equilibria", "cycles", "fold_curve", "hopf_curve")
_SCRIPT = Path(__file__).with_name("bifpy_run.py")
_USUAL_PARAMETERS = 36
_UNBOUNDED = 1e10
_TAKEN = ("right_side", "equation", "starting_point", "main", "np", "auto", "values", "time")


class Bifpy(Runner, RightSideReader):
    """A Python script for bifpy, which compiles AUTO-07p and calls Python functions from it.

    Scenarios: ``equilibria``, ``cycles``, ``fold_curve``, ``hopf_curve``, as of the exporter ``auto07p``.
    """

    name = "bifpy"
    description = "bifpy: a Python script that runs AUTO-07p's engine on Python functions"
    url = "https://pypi.org/project/bifpy/"
    verified = (
        "run (bifpy 0.3.0): fixed points, folds, cycles with their folds and periods, fold curves with cusps"
    )
    install_hint = (
        "apt-get install gfortran make && pip install bifpy (it compiles AUTO when it is installed)."
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
        points: int = 1000,
        curve_points: int = USUAL_CURVE_POINTS,
        mesh: int = 30,
        tolerance: float = 1e-10,
        event_tolerance: float = 1e-8,
    ) -> Mapping[str, str]:
        """``NAME.py``, a script that traces fixed points when it is run, and goes on if the scenario says so.

        Parameters
        ----------
        name : str
            Of the file: letters, digits and underscores.
        scenario : {"equilibria", "cycles", "fold_curve", "hopf_curve"}
        parameter, interval
            By default the first, one unit to either side of its value.
        second_parameter, second_interval : str and tuple of float, optional
            Of a curve in two parameters.
        step, max_step : float, optional
            First and longest step in arclength; by default a hundredth and a twentieth of the interval or the trust
            radius.
        points, curve_points : int
            Most points of a branch of fixed points; of cycles or a curve in two parameters.
        mesh : int
            Mesh intervals of a cycle, with four collocation points in each.
        tolerance, event_tolerance : float
            Relative, of the solution and of the place of a special point.

        Raises
        ------
        ExporterError
            If the model is a map or has no parameter, or an option does not fit.
        """
        refuse_map(model, "bifpy")
        chosen("scenario", scenario, _SCENARIOS)
        varied = varied_parameter(model, parameter)
        low, high = interval_around(model, varied, interval)
        second, _ = checked_second(model, scenario, varied, second_parameter, second_interval)
        first, longest = step_lengths(model, high - low, step, max_step)
        numbers = parameter_numbers(len(model.parameters))
        tight, place = positive("tolerance", tolerance), positive("event_tolerance", event_tolerance)
        settings = {
            "ndim": len(model.states),
            "npar": max(_USUAL_PARAMETERS, *numbers),
            "ilp": 1,
            "isp": 2,
            "jac": 0,
            "iid": 2,
            "ntst": whole("mesh", mesh, 5, 1000),
            "ncol": 4,
            "iad": 3,
            "nmx": whole("points", points, 2, 9999),
            "npr": 0,
            "itmx": 9,
            "itnw": 7,
            "nwtn": 3,
            "epsl": tight,
            "epsu": tight,
            "epss": place,
            "ds": first,
            "dsmin": abs(first) * 1e-5,
            "dsmax": longest,
            "iads": 1,
            "rl0": low,
            "rl1": high,
            "a0": 0.0,
            "a1": _UNBOUNDED if model.trust_radius is None else model.trust_radius,
        }
        places = {"first": numbers[model.parameter_names.index(varied)]}
        places["second"] = 0 if second is None else numbers[model.parameter_names.index(second)]
        further = {"scenario": scenario, "curve_points": whole("curve_points", curve_points, 2, 9999)}
        source = PythonSource(model, "np", _TAKEN)
        lines = _lines(source, settings, {**places, **further})
        return {f"{file_stem(name)}.py": "\n".join([*lines, ""])}

    # -- running ------------------------------------------------------------------------------------------

    def find(self) -> Installation | None:
        """The package bifpy, which is looked for but not imported."""
        return installed_package("bifpy")

    def run(self, job: Job) -> None:
        """Trace from every start, and on from special points; AUTO's files stay in the folder."""
        starts = [
            {"values": [*_moved(job, start.parameter)], "state": start.state.tolist()} for start in job.starts
        ]
        request = {
            "module": f"{job.options.get('name', 'model')}.py",
            "starts": starts,
            "interval": job.interval,
        }
        (job.folder / "request.json").write_text(json.dumps(request), encoding="ascii")
        call([sys.executable, "-P", str(_SCRIPT), "request.json"], job.folder, timeout=job.timeout)

    def read(self, job: Job) -> list[Trace]:
        """The traces in AUTO's files of a finished job."""
        return read_job(job)

    def evaluate(
        self, files: Mapping[str, str], model: ExportModel, states: Array, parameters: Array
    ) -> Array | None:
        """The rendered function run by Python itself."""
        return evaluated(files, "right_side", states, parameters)


def _moved(job: Job, value: float) -> Iterator[float]:
    for name, own in zip(job.model.parameter_names, job.model.values, strict=True):
        yield value if name == job.parameter else own


def _lines(
    source: PythonSource, settings: Mapping[str, float], further: Mapping[str, object]
) -> Iterator[str]:
    model = source.model
    numbers = parameter_numbers(len(model.parameters))
    yield f'"""{quoted(model.title)[1:-1]}."""'
    yield ""
    yield "import numpy as np"
    if source.needs_special:
        yield "from scipy import special"
    yield ""
    yield from source.declarations()
    yield f"# AUTO's numbers of the parameters: it keeps 10 to 14 for itself\nNUMBERS = {numbers!r}"
    yield f"SETTINGS = {dict(settings)!r}"
    yield f"REQUEST = {dict(further)!r}"
    states, parameters = source.names
    places = {short: f"state[{i}]" for i, short in enumerate(states)}
    places |= {short: f"parameters[{i}]" for i, short in enumerate(parameters)}
    targets = {f"_r{i}": e for i, e in enumerate(model.right_sides)}
    ending = [f"return [{', '.join(f'float({name})' for name in targets)}]"]
    lines = list(source.function("right_side", "(state, parameters=VALUES)", targets, ending, places))
    yield from ("", "", lines[0])
    yield '    """The rates of change; parameters in declared order."""'
    yield "    state, parameters = np.asarray(state, dtype=float), np.asarray(parameters, dtype=float)"
    yield '    with np.errstate(all="ignore"):  # of two cases both are computed, and one is taken'
    yield from (f"    {line}" for line in lines[1:])
    yield from _TAIL


_TAIL = '''

def equation(state, parameters):
    """The same as AUTO's engine calls it."""
    return right_side(state, [parameters[number - 1] for number in NUMBERS])


def starting_point(state, parameters, time):
    """The fixed point from which the run starts."""
    for number, value in zip(NUMBERS, VALUES):
        parameters[number - 1] = value
    for i, value in enumerate(FIXED_POINT):
        state[i] = value


def main():
    """Trace the fixed points, go on from the first special point, and print the special points."""
    from bifpy import auto

    def shown(result):
        for branch in result.branches:
            for point in branch.labeled_points:
                print(point.point_type.name, point.all_parameters[REQUEST["first"] - 1], tuple(point.state))

    settings = dict(SETTINGS, ips=auto.IPS_EQUILIBRIUM, isw=1)
    found = auto.run(equation, starting_point, settings, icu=[REQUEST["first"]])
    shown(found)
    wanted = "FOLD" if REQUEST["scenario"] == "fold_curve" else "HOPF_BIFURCATION"
    points = [p for b in found.branches for p in b.labeled_points if p.point_type.name == wanted]
    if REQUEST["scenario"] == "equilibria" or not points:
        return
    settings = dict(SETTINGS, nmx=REQUEST["curve_points"], ips=auto.IPS_EQUILIBRIUM)
    if REQUEST["scenario"] == "cycles":
        settings["ips"] = auto.IPS_PERIODIC_ORBIT
        icu, isw = [REQUEST["first"], 11], 1
    else:
        icu, isw = [REQUEST["first"], REQUEST["second"]], 2
    shown(auto.restart(equation, settings, points[0], icu=icu, isw=isw, source_ips=auto.IPS_EQUILIBRIUM))


if __name__ == "__main__":
    main()'''.splitlines()
