"""XPPAUT: an .ode file, run by XPPAUT's own parser and AUTO where xpplab is installed, and read back."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from ssmsym_plugins import xppaut_source

from ssmsym.exporters.contract import (
    Array,
    ExporterError,
    Installation,
    Job,
    Orbits,
    RightSideReader,
    Runner,
    Trace,
    TracedEvent,
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
from ssmsym.exporters.process import call, ending, installed_package
from ssmsym.exporters.profiles import extremes

_SCENARIOS = ("equilibria", "cycles", "fold_curve", "hopf_curve")
_COLLOCATION = 4
_TIMEOUT = 120.0
_SCRIPT = Path(__file__).with_name("xppaut_run.py")
_KINDS = {
    "equilibrium": {"LP": "fold", "HB": "hopf", "BP": "branch_point"},
    "periodic": {"LP": "cycle_fold", "PD": "period_doubling", "TR": "torus", "BP": "cycle_branch_point"},
}


class Xppaut(Runner, RightSideReader):
    """XPPAUT's .ode file with settings for its AUTO.

    XPPAUT itself opens the file in its windows (or integrates it with ``xppaut -silent``); its AUTO has no batch mode,
    so runs go through the Python package xpplab, XPPAUT's code without the windows, in a process of its own.
    Scenarios of a run: ``equilibria``, ``cycles``, ``fold_curve``, ``hopf_curve``.
    """

    name = "xppaut"
    description = "XPPAUT: equations and AUTO settings in one .ode file; maps too"
    url = "https://sites.pitt.edu/~phase/bard/bardware/xpp/xpp.html"
    verified = (
        "run (xpplab 0.1.2, XPPAUT 8.0's code): fixed points, folds, Hopf points, cycles with their folds and "
        "periods, curves of folds; read and integrated by XPPAUT 6.11"
    )
    install_hint = (
        "pip install xpplab (GPL; for runs from Python); the program with windows: apt-get install "
        "--no-install-recommends xppaut."
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
        points: int = 2000,
        curve_points: int = 300,
        mesh: int = 50,
        tolerance: float = 1e-9,
        event_tolerance: float = 1e-8,
        time_step: float | None = None,
    ) -> Mapping[str, str]:
        """``NAME.ode``.

        Parameters
        ----------
        name : str
            Of the file: letters, digits and underscores.
        scenario : {"equilibria", "cycles", "fold_curve", "hopf_curve"}
            What a run does; the file is the same.
        parameter, interval
            As in AUTO's settings of the file; by default the first, one unit to either side of its value.
        second_parameter, second_interval : str and tuple of float, optional
            Of a curve in two parameters.
        step, max_step : float, optional
            First and longest step in arclength; by default a hundredth and a twentieth of the interval or the trust
            radius.
        points, curve_points : int
            Most points of a branch of fixed points; of cycles or a curve in two parameters.
        mesh : int
            Mesh intervals of a cycle.
        tolerance, event_tolerance : float
            Relative, of the solution and of the place of a special point.
        time_step : float, optional
            Of integration; by default a twentieth of the fastest time constant at the fixed point.

        Raises
        ------
        ExporterError
            If XPPAUT cannot express the model or an option does not fit.
        """
        chosen("scenario", scenario, _SCENARIOS)
        lines = list(xppaut_source.equations(model))
        pace = _time_step(model) if time_step is None else positive("time_step", time_step)
        method = "runge-kutta" if model.time == "continuous" else "discrete"
        pace = pace if model.time == "continuous" else 1.0
        lines.append(f"@ total={1000 * pace!r}, dt={pace!r}, meth={method}, bound=1e6, maxstor=100000")
        if model.parameter_names and model.time == "continuous":
            varied = varied_parameter(model, parameter)
            low, high = interval_around(model, varied, interval)
            checked_second(model, scenario, varied, second_parameter, second_interval)
            first, longest = step_lengths(model, high - low, step, max_step)
            tight, place = positive("tolerance", tolerance), positive("event_tolerance", event_tolerance)
            radius = model.trust_radius
            lines += [
                f"# AUTO: the first parameter is to be {_short(model, varied)}",
                f"@ ntst={whole('mesh', mesh, 5, 1000)}, nmax={whole('points', points, 2, 9999)}, npr=9999, "
                f"ds={first!r}, dsmin={abs(first) * 1e-5!r}, dsmax={longest!r}",
                f"@ parmin={low!r}, parmax={high!r}, normmin=-1, normmax={1e10 if radius is None else radius!r}",
                f"@ epsl={tight!r}, epsu={tight!r}, epss={place!r}",
                f"@ autoxmin={low!r}, autoxmax={high!r}",
            ]
        whole("curve_points", curve_points, 2, 9999)
        return {f"{file_stem(name)}.ode": "\n".join([*lines, "done", ""])}

    # -- running ------------------------------------------------------------------------------------------

    def find(self) -> Installation | None:
        """The package xpplab, which is looked for but not imported."""
        found = installed_package("xpplab")
        return None if found is None else Installation(found.path, f"xpplab {found.version}")

    def run(self, job: Job) -> None:
        """Trace from every start, and on from special points, in one process."""
        refuse_map(job.model, "XPPAUT's AUTO")
        if job.installation.path.name != "xpplab":
            raise ExporterError(f"'{job.installation.path}' is no xpplab.")
        name = f"{job.options.get('name', 'model')}.ode"
        states, parameters, _ = xppaut_source.names(job.model)
        given = dict(zip(job.model.parameter_names, parameters, strict=True))
        second = job.options.get("second_parameter")
        step, _ = step_lengths(
            job.model,
            job.interval[1] - job.interval[0],
            job.options.get("step"),
            job.options.get("max_step"),
        )
        request = {
            "file": name,
            "states": states,
            "parameter": given[job.parameter],
            "second": None if second is None else given[second],
            "scenario": job.options.get("scenario", "equilibria"),
            "interval": job.interval,
            "step": abs(step),
            "most": job.options.get("points", 2000),
            "curve_most": job.options.get("curve_points", 300),
            "starts": [{"parameter": s.parameter, "state": s.state.tolist()} for s in job.starts],
        }
        file = job.folder / name
        file.write_text(file.read_text(encoding="ascii").replace("npr=9999", "npr=1"), encoding="ascii")
        _ask(request, job.folder, job.timeout)

    def read(self, job: Job) -> list[Trace]:
        """The traces in the answer of a finished job."""
        runs = json.loads((job.folder / "answer.json").read_text(encoding="ascii"))
        most = int(job.options.get("points", 2000))
        return [_trace(run, len(job.model.state_names), most) for run in runs]

    def evaluate(
        self, files: Mapping[str, str], model: ExportModel, states: Array, parameters: Array
    ) -> Array | None:
        """The rendered file read by XPPAUT's own parser; None without xpplab."""
        if self.find() is None:
            return None
        ((name, text),) = files.items()
        points = [[x.tolist(), v.tolist()] for x, v in zip(states, parameters, strict=True)]
        request = {"file": name, "points": points, "parameters": xppaut_source.names(model)[1]}
        with tempfile.TemporaryDirectory(prefix="ssmsym-") as folder:
            (Path(folder) / name).write_text(text, encoding="ascii")
            return np.array(_ask(request, Path(folder), _TIMEOUT), dtype=float).reshape(np.shape(states))


def _ask(request: Mapping[str, Any], folder: Path, timeout: float) -> Any:
    (folder / "request.json").write_text(json.dumps(request), encoding="ascii")
    command = [sys.executable, "-P", str(_SCRIPT), "request.json", "answer.json"]
    done = call(command, folder, timeout=timeout, check=False)
    answer = folder / "answer.json"
    if done.returncode or not answer.is_file():
        raise ExporterError(f"XPPAUT's code (xpplab) failed: {ending(done)}")
    return json.loads(answer.read_text(encoding="ascii"))


def _short(model: ExportModel, parameter: str) -> str:
    return xppaut_source.names(model)[1][model.parameter_names.index(parameter)]


def _time_step(model: ExportModel) -> float:
    """A twentieth of the fastest time constant, to two digits."""
    if model.time != "continuous":
        return 1.0
    fastest = float(np.abs(np.linalg.eigvals(model.field.jacobian(model.initial_state))).max(initial=0.0))
    return float(f"{0.05 / fastest:.2g}") if fastest > 0 else 0.05


def _trace(run: Mapping[str, Any], n_states: int, most: int) -> Trace:
    """One run as a trace; orbits without a stored solution are left out."""
    kind = run["kind"]
    points = [p for p in run["points"] if kind != "periodic" or p["orbit"]]
    states = np.array([p["state"] for p in points], dtype=float).reshape(-1, n_states)
    orbits = _orbits(points) if kind == "periodic" and points else None
    multipliers = [np.array([complex(*m) for m in p["multipliers"]]) for p in points]
    on_curve = kind in ("fold_curve", "hopf_curve")
    if orbits is not None:
        states = np.array([_extremes(p)[0] for p in points])
    kinds = _KINDS.get(kind, {})
    events = tuple(
        # of fixed points XPPAUT keeps exp(eigenvalue), which loses the frequency: they are computed afresh
        TracedEvent(kinds[p["type"]], i, multipliers[i] if kind == "periodic" else np.empty(0, dtype=complex))
        for i, p in enumerate(points)
        if p["type"] in kinds
    )
    unstable = np.array([_unstable(m, kind) for m in multipliers], dtype=np.int64)
    stable = unstable == 0 if on_curve else np.array([p["stable"] for p in points], dtype=bool)
    if kind == "equilibrium" and len(points) > 1:  # XPPAUT computes no eigenvalues of the first
        unstable[0], stable[0] = unstable[1], stable[1]
    return Trace(
        start=run["start"],
        direction=run["direction"],
        parameter=np.array([p["value"] for p in points]),
        states=states,
        stable=stable,
        unstable=unstable,
        events=events,
        end="no convergence" if points and points[-1]["type"] == "MX" else _end(len(points), most),
        kind=kind,
        second=np.array([p["second"] for p in points], dtype=float) if on_curve else None,
        orbits=orbits,
    )


def _end(count: int, most: int) -> str:
    return f"{most} points" if count >= most else ""


def _unstable(multipliers: Any, kind: str) -> int:
    """Unstable directions besides the critical ones."""
    if not np.isfinite(multipliers).all():
        return -1
    critical = {"periodic": 1, "fold_curve": 1, "hopf_curve": 2}.get(kind, 0)
    others = multipliers[np.argsort(np.abs(np.log(np.maximum(np.abs(multipliers), 1e-300))), kind="stable")]
    return int((np.abs(others[critical:]) > 1).sum())


def _extremes(point: Mapping[str, Any]) -> tuple[Array, Array, float]:
    orbit = np.array(point["orbit"], dtype=float)
    return extremes(orbit[:, 0], orbit[:, 1:], _COLLOCATION)


def _orbits(points: list[Any]) -> Orbits:
    columns = [_extremes(p) for p in points]
    return Orbits(
        periods=np.array([p["period"] for p in points]),
        minima=np.array([column[1] for column in columns]),
        points=np.array([p["orbit"][0][1:] for p in points]),
        reach=np.array([column[2] for column in columns]),
    )
