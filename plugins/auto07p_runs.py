"""Runs of AUTO's engine whose output files were kept: their names, what is read from them, where they go on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ssmsym_plugins import auto07p_constants, auto07p_output, auto07p_source

from ssmsym.exporters.contract import Array, Job, Trace

USUAL_POINTS = 5000
USUAL_CURVE_POINTS = 300
OUTPUT = (("fort.7", "b"), ("fort.8", "s"), ("fort.9", "d"))
_SAME = 1e-6  # distance of coinciding special points, against the interval
_KIND = {"cycles": "periodic", "fold_curve": "fold_curve", "hopf_curve": "hopf_curve"}
_LABELLED = {"HB": "hopf", "LP": "fold"}


def run_name(scenario: str, start: int, direction: int) -> str:
    """The part of the files' names that tells a run from others."""
    return f"{scenario}_{start}{'p' if direction > 0 else 'm'}"


def directions(scenario: str) -> tuple[int, ...]:
    """Signs of the first step with which a scenario starts."""
    return (1,) if scenario == "cycles" else (1, -1)  # cycles leave a Hopf point one way


def texts(job: Job, run: str) -> tuple[str, str, str]:
    """What AUTO wrote of a run: fort.7, fort.8 and fort.9."""
    branch, labelled, diagnostics = (
        (job.folder / f"{letter}.{run}").read_text(errors="replace") for _, letter in OUTPUT
    )
    return branch, labelled, diagnostics


def special_points(job: Job, scenario: str) -> list[tuple[int, str]]:
    """Labels, each with its run, of the different points inside the interval from which a scenario goes on."""
    kind = _LABELLED[auto07p_constants.FROM[scenario]]
    low, high = job.interval
    found: list[tuple[float, Array]] = []
    out = []
    for trace in read_all(job, "equilibria", len(job.starts), (1, -1)):
        run = run_name("equilibria", trace.start, trace.direction)
        labels = [row.label for row in auto07p_output.rows(texts(job, run)[0])]
        for event in trace.events:
            value, state = float(trace.parameter[event.position]), trace.states[event.position]
            if event.kind != kind or not low <= value <= high:
                continue
            if job.model.trust_radius is not None and np.linalg.norm(state) > job.model.trust_radius:
                continue
            known = any(
                abs(value - other) <= _SAME * (high - low)
                and np.linalg.norm(state - at) <= 100 * _SAME * (1 + np.linalg.norm(at))
                for other, at in found
            )
            if not known:
                found.append((value, state))
                out.append((labels[event.position], run))
    return out


def read_all(job: Job, scenario: str, starts: int, ways: Sequence[int]) -> list[Trace]:
    """The traces of all runs of a scenario."""
    names = [job.parameter]
    if scenario in ("fold_curve", "hopf_curve"):
        names.append(str(job.options["second_parameter"]))
    numbers = auto07p_source.parameter_numbers(len(job.model.parameter_names))
    of_points = scenario == "equilibria"
    most = (
        job.options.get("points", USUAL_POINTS)
        if of_points
        else job.options.get("curve_points", USUAL_CURVE_POINTS)
    )
    out = []
    for start in range(starts):
        for direction in ways:
            run = auto07p_output.Run(
                kind=_KIND.get(scenario, "equilibrium"),
                start=start,
                direction=direction,
                n_states=len(job.model.state_names),
                places=tuple(numbers[job.model.parameter_names.index(name)] for name in names),
                most=int(most),
            )
            out.append(auto07p_output.trace(*texts(job, run_name(scenario, start, direction)), run))
    return out


def read_job(job: Job) -> list[Trace]:
    """The traces of a finished job: of its starts, and of what went on from special points."""
    scenario = str(job.options.get("scenario", "equilibria"))
    out = read_all(job, "equilibria", len(job.starts), (1, -1))
    if scenario != "equilibria":
        out += read_all(job, scenario, len(special_points(job, scenario)), directions(scenario))
    return out
