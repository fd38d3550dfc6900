"""Checks of the options that exporters for continuation programs share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ssmsym.exporters.contract import ExporterError
from ssmsym.exporters.identifiers import identifiers
from ssmsym.exporters.model import ExportModel


def refuse_map(model: ExportModel, tool: str) -> None:
    """Only flows go on.

    Raises
    ------
    ExporterError
        If the model is a map.
    """
    if model.time != "continuous":
        raise ExporterError(f"This model is a map; {tool} files are written for flows (load it as a flow).")


def chosen(option: str, value: str, known: Sequence[str]) -> str:
    """A value out of a list.

    Raises
    ------
    ExporterError
        If it is none of the list.
    """
    if value not in known:
        listed = " or ".join(f"'{name}'" for name in known)
        raise ExporterError(f"'{option}' is {listed}; found '{value}'.")
    return value


def file_stem(name: str) -> str:
    """The name of the files: letters, digits and underscores, a letter first.

    Raises
    ------
    ExporterError
        If it has other characters.
    """
    if identifiers([name]) != (name,):
        raise ExporterError(f"'name' takes letters, digits and underscores, a letter first; found {name!r}.")
    return name


def varied_parameter(model: ExportModel, parameter: str | None) -> str:
    """The parameter to continue in: the one that is asked for, else the first.

    Raises
    ------
    ExporterError
        If the model does not have it, or has none.
    """
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


def interval_around(
    model: ExportModel, parameter: str, interval: tuple[float, float] | None, *, option: str = "interval"
) -> tuple[float, float]:
    """The interval that is asked for, which holds the parameter's value; by default one unit to either side of it.

    Raises
    ------
    ExporterError
        If it is no interval or the value lies outside.
    """
    value = model.values[model.parameter_names.index(parameter)]
    if interval is None:
        return value - 1.0, value + 1.0
    try:
        low, high = (float(end) for end in interval)
    except (TypeError, ValueError):
        raise ExporterError(f"'{option}' is a pair of numbers; found {interval!r}.") from None
    if not (np.isfinite([low, high]).all() and low < high):
        raise ExporterError(
            f"'{option}' must run from a lower to a higher number; found ({low:g}, {high:g})."
        )
    if not low <= value <= high:
        raise ExporterError(
            f"The run starts at {parameter} = {value:g}, outside the interval ({low:g}, {high:g}); set the "
            "parameter, or widen the interval."
        )
    return low, high


def second_parameter(
    model: ExportModel,
    scenario: str,
    first: str,
    second: str | None,
    interval: tuple[float, float] | None,
) -> tuple[str | None, tuple[float, float] | None]:
    """The second parameter of a curve in two and its interval; None where the scenario has one parameter.

    Raises
    ------
    ExporterError
        If a curve in two parameters lacks its second, or a scenario in one is given a second.
    """
    if scenario not in ("fold_curve", "hopf_curve"):
        if second is not None or interval is not None:
            raise ExporterError(
                f"The scenario '{scenario}' has one parameter; 'second_parameter' and 'second_interval' belong "
                "to 'fold_curve' and 'hopf_curve'."
            )
        return None, None
    if second is None:
        others = ", ".join(f"'{name}'" for name in model.parameter_names if name != first) or "no other"
        raise ExporterError(
            f"The scenario '{scenario}' needs 'second_parameter'; besides '{first}' the model has {others}."
        )
    varied_parameter(model, second)
    if second == first:
        raise ExporterError(f"'second_parameter' must differ from 'parameter'; both are '{first}'.")
    return second, interval_around(model, second, interval, option="second_interval")


def positive(option: str, value: float) -> float:
    """A finite number above 0.

    Raises
    ------
    ExporterError
        If it is not.
    """
    if not (np.isfinite(value) and value > 0):
        raise ExporterError(f"'{option}' is a positive number; found {value}.")
    return float(value)


def whole(option: str, value: int, low: int, high: int) -> int:
    """A whole number between two others.

    Raises
    ------
    ExporterError
        If it is not.
    """
    if not (isinstance(value, int) and low <= value <= high):
        raise ExporterError(f"'{option}' lies between {low} and {high}; found {value}.")
    return value


def step_lengths(
    model: ExportModel, width: float, step: float | None, max_step: float | None
) -> tuple[float, float]:
    """First step, with its sign, and longest step of a run in arclength.

    By default the longest is a twentieth of the interval or of the trust radius (without one: of the state's size, at
    least 1), whichever is less; where the two are far apart, of a third of their geometric mean, as arclength is mostly
    that of the larger. The first is a fifth of it.

    Raises
    ------
    ExporterError
        If one does not fit.
    """
    size = model.trust_radius or max(1.0, float(np.linalg.norm(model.initial_state)))
    scale = max(min(width, size), (width * size) ** 0.5 / 3.0)
    longest = 0.05 * scale if max_step is None else positive("max_step", max_step)
    first = 0.2 * longest if step is None else float(step)
    if not (np.isfinite(first) and first != 0.0):
        raise ExporterError(f"'step' is a number other than 0; found {first}.")
    return first, max(longest, abs(first))
