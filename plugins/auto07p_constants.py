"""The constants files of AUTO-07p: fixed points, cycles, curves of folds and Hopf points."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ssmsym_plugins.auto07p_source import names, parameter_numbers

from ssmsym.exporters.contract import Start
from ssmsym.exporters.identifiers import quoted
from ssmsym.exporters.model import ExportModel

SCENARIOS = ("equilibria", "cycles", "fold_curve", "hopf_curve")
FROM = {"cycles": "HB", "fold_curve": "LP", "hopf_curve": "HB"}  # AUTO's label of the point to start from

_USUAL_PARAMETERS = 36  # length of PAR unless NPAR says otherwise
_PERIOD = 11  # AUTO keeps the period there
_COLLOCATION = 4
_STEP = re.compile(r"^DS=(\S+),", re.MULTILINE)
_UNBOUNDED = 1e10


@dataclass(frozen=True)
class Settings:
    """Numbers of the constants files.

    Attributes
    ----------
    name : str
        Of the equations file.
    parameter : str
    interval : tuple of float
    second, second_interval : str and tuple of float, or None
    steps : tuple of float
        First step with its sign, and the longest.
    points, curve_points : int
        Most of a branch of fixed points; of cycles or a curve in two parameters.
    mesh : int
        Mesh intervals of a cycle.
    tolerances : tuple of float
        Of the solution, and of the place of special points.
    """

    name: str
    parameter: str
    interval: tuple[float, float]
    second: str | None
    second_interval: tuple[float, float] | None
    steps: tuple[float, float]
    points: int
    curve_points: int
    mesh: int
    tolerances: tuple[float, float]


def constants(model: ExportModel, settings: Settings, scenario: str) -> str:
    """One constants file; those but of fixed points start at the first special point of a run named like the file."""
    states, parameters = names(model)
    numbers = parameter_numbers(len(parameters))
    places = [model.parameter_names.index(settings.parameter)]
    ends = [settings.interval]
    if scenario in ("fold_curve", "hopf_curve") and settings.second and settings.second_interval:
        places.append(model.parameter_names.index(settings.second))
        ends.append(settings.second_interval)
    varied = [f"'{parameters[place]}'" for place in places]
    low, high = (_real(end) for end in settings.interval)
    first, longest = settings.steps
    solution, place_tolerance = (_real(t) for t in settings.tolerances)
    radius = model.trust_radius
    bound = _real(_UNBOUNDED if radius is None else radius)
    total = max(_USUAL_PARAMETERS, *numbers)
    of_cycles, of_points = scenario == "cycles", scenario == "equilibria"
    stops = (f"{name}: [{_real(a)}, {_real(b)}]" for name, (a, b) in zip(varied, ends, strict=True))
    named = list(zip(numbers, parameters, strict=True))
    lines = [
        f"# {quoted(model.title)[1:-1]}",
        f"# {_TITLES[scenario]} over {quoted(settings.parameter)} from {low} to {high}",
    ]
    if len(places) > 1:
        second_low, second_high = (_real(end) for end in ends[1])
        lines.append(f"# and over {quoted(str(settings.second))} from {second_low} to {second_high}")
    if radius is not None:
        lines.append(f"# A1 bounds the norm of the state: the model is trusted up to {bound}")
    lines += [
        f"e='{settings.name}'",
        f"NDIM={len(states)}, IPS={2 if of_cycles else 1}, IRS={0 if of_points else _first(scenario)}, ILP=1, "
        f"JAC=1, NPAR={total}",
        *_table("unames", enumerate(states, start=1)),
        *_table("parnames", [*named, (_PERIOD, "period")] if of_cycles else named),
        f"ICP=[{', '.join([*varied, *(['11'] if of_cycles else [])])}]",
        f"NTST={settings.mesh}, NCOL={_COLLOCATION}, IAD=3",
        f"ISP=2, ISW={2 if len(places) > 1 else 1}, NMX={settings.points if of_points else settings.curve_points}, "
        "NPR=0, MXBF=0, IID=2, ITMX=9, ITNW=7, NWTN=3",
        f"EPSL={solution}, EPSU={solution}, EPSS={place_tolerance}",
        f"DS={_real(first)}, DSMIN={_real(abs(first) * 1e-5)}, DSMAX={_real(longest)}, IADS=1",
        f"RL0={low}, RL1={high}, A0=0.0, A1={bound}",
        f"UZSTOP={{{', '.join(stops)}}}",
    ]
    if not of_points:
        lines.append(f"s='{settings.name}'")
    return "\n".join([*lines, ""])


_TITLES = {
    "equilibria": "fixed points",
    "cycles": "cycles from a Hopf point",
    "fold_curve": "folds",
    "hopf_curve": "Hopf points",
}


def _first(scenario: str) -> str:
    return f"'{FROM[scenario]}1'"


def from_start(constants: str, model: ExportModel, parameter: str, start: Start, direction: int) -> str:
    """The same constants for one run: where it starts, which way, and with every point labelled."""
    position = model.parameter_names.index(parameter)
    place = parameter_numbers(position + 1)[position]
    state = ((i, _real(x)) for i, x in enumerate(start.state.tolist(), start=1))
    own = [f"PAR={{{place}: {_real(start.parameter)}}}", *_braced("U", (f"{i}: {x}" for i, x in state)), ""]
    return _directed(constants, direction) + "\n".join(own)


def from_label(constants: str, label: int, run: str, direction: int) -> str:
    """The same constants, started at a label of an earlier run."""
    text = re.sub(r"IRS='[A-Z]+1'", f"IRS={label}", _directed(constants, direction))
    return re.sub(r"^s='.*'$", f"s='{run}'", text, flags=re.MULTILINE)


def _directed(constants: str, direction: int) -> str:
    match = _STEP.search(constants)
    if match is None:
        raise ValueError("These constants have no DS.")
    step = direction * abs(float(match[1]))
    return _STEP.sub(f"DS={_real(step)},", constants).replace("NPR=0", "NPR=1")


def _real(value: float) -> str:
    return repr(float(value))  # the shortest text that gives the same double


def _table(constant: str, entries: Iterable[tuple[int, str]]) -> list[str]:
    return _braced(constant, (f"{i}: '{name}'" for i, name in entries))


def _braced(constant: str, entries: Iterable[str]) -> list[str]:
    return [f"{constant}={{{', '.join(entries)}}}"]
