"""The constants file of AUTO-07p."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ssmsym_plugins.auto07p_source import names, parameter_numbers

from ssmsym.exporters.contract import Start
from ssmsym.exporters.identifiers import quoted
from ssmsym.exporters.model import ExportModel

_USUAL_PARAMETERS = 36  # length of PAR unless NPAR says otherwise
_STEP = re.compile(r"^DS=(\S+),", re.MULTILINE)
_UNBOUNDED = 1e10


def equilibria(
    model: ExportModel,
    name: str,
    parameter: str,
    interval: tuple[float, float],
    *,
    steps: tuple[float, float],
    points: int,
    tolerances: tuple[float, float],
) -> str:
    """Constants for a branch of fixed points.

    Parameters
    ----------
    steps : tuple of float
        First step with its sign, and the longest.
    tolerances : tuple of float
        Of the solution, and of the place of special points.
    """
    states, parameters = names(model)
    numbers = parameter_numbers(len(parameters))
    varied = model.parameter_names.index(parameter)
    low, high = (_real(end) for end in interval)
    first, longest = steps
    solution, place = (_real(t) for t in tolerances)
    radius = model.trust_radius
    bound = _real(_UNBOUNDED if radius is None else radius)
    total = max(_USUAL_PARAMETERS, *numbers)
    lines = [
        f"# {quoted(model.title)[1:-1]}",
        f"# fixed points over {quoted(parameter)} from {low} to {high}",
    ]
    if radius is not None:
        lines.append(f"# A1 bounds the norm of the state: the model is trusted up to {bound}")
    return "\n".join(
        [
            *lines,
            f"e='{name}'",
            f"NDIM={len(states)}, IPS=1, IRS=0, ILP=1, JAC=1, NPAR={total}",
            *_table("unames", enumerate(states, start=1)),
            *_table("parnames", zip(numbers, parameters, strict=True)),
            f"ICP=['{parameters[varied]}']",
            f"ISP=2, ISW=1, NMX={points}, NPR=0, MXBF=0, IID=2, ITMX=9, ITNW=7, NWTN=3",
            f"EPSL={solution}, EPSU={solution}, EPSS={place}",
            f"DS={_real(first)}, DSMIN={_real(abs(first) * 1e-5)}, DSMAX={_real(longest)}, IADS=1",
            f"RL0={low}, RL1={high}, A0=0.0, A1={bound}",
            f"UZSTOP={{'{parameters[varied]}': [{low}, {high}]}}",
            "",
        ]
    )


def from_start(constants: str, model: ExportModel, parameter: str, start: Start, direction: int) -> str:
    """The same constants for one run: where it starts, which way, and with every point labelled."""
    match = _STEP.search(constants)
    if match is None:
        raise ValueError("These constants have no DS.")
    position = model.parameter_names.index(parameter)
    place = parameter_numbers(position + 1)[position]
    step = direction * abs(float(match[1]))
    state = ((i, _real(x)) for i, x in enumerate(start.state.tolist(), start=1))
    text = _STEP.sub(f"DS={_real(step)},", constants).replace("NPR=0", "NPR=1")
    own = [f"PAR={{{place}: {_real(start.parameter)}}}", *_braced("U", (f"{i}: {x}" for i, x in state)), ""]
    return text + "\n".join(own)


def _real(value: float) -> str:
    return repr(float(value))  # the shortest text that gives the same double


def _table(constant: str, entries: Iterable[tuple[int, str]]) -> list[str]:
    return _braced(constant, (f"{i}: '{name}'" for i, name in entries))


def _braced(constant: str, entries: Iterable[str]) -> list[str]:
    return [f"{constant}={{{', '.join(entries)}}}"]
