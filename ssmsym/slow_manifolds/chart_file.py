"""The maps of a slow manifold in a file, with the field, so that lifting and looking up work after loading."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import FileFormatError, SsmsymError
from ssmsym.fields import file_checks as checks
from ssmsym.fields.field import VectorField
from ssmsym.fields.field_file import data_arrays, field_from_parts, field_to_parts
from ssmsym.fields.files import read_arrays, write_arrays
from ssmsym.slow_manifolds.arc import Arc
from ssmsym.slow_manifolds.chart import CurveChart
from ssmsym.slow_manifolds.coordinate import Angle, Coordinate, Line

FORMAT = "ssmsym-slow-manifold"
VERSION = 1

Arrays = dict[str, NDArray[Any]]


def chart_to_parts(chart: CurveChart) -> Arrays:
    """The header (JSON text) and arrays of a chart."""
    field_header, arrays = field_to_parts(chart.field)
    arrays.update({f"coordinate.{name}": a for name, a in coordinate_arrays(chart.coordinate).items()})
    for name, data in (("rate", chart.rate), ("states", chart.states), ("readout", chart.readout)):
        if data is not None:
            arrays.update(data_arrays(data, f"chart.{name}.%s"))
    arrays["chart.parameter_values"] = np.array(list(chart.parameters.values()), dtype=float)
    header = {
        "format": FORMAT,
        "version": VERSION,
        "parameters": list(chart.parameters),
        "has_readout": chart.readout is not None,
        "evidence": json_ready(chart.evidence),
        "field": field_header,
    }
    arrays["header"] = np.array(json.dumps(header, allow_nan=False))
    return arrays


def json_ready(value: Any) -> Any:
    """The same with None for what is not finite."""
    if isinstance(value, Mapping):
        return {name: json_ready(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(part) for part in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def save_chart(chart: CurveChart, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a chart to an ``.npz`` file."""
    write_arrays(path, chart_to_parts(chart), overwrite=overwrite)


def is_chart(arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Whether the arrays of a file are those of a slow manifold with its maps."""
    try:
        header = json.loads(str(arrays["header"]))
    except (KeyError, ValueError, RecursionError):
        return False
    return isinstance(header, dict) and header.get("format") == FORMAT


def load_chart(path: str | os.PathLike[str]) -> CurveChart:
    """The chart of a file.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged or holds no chart.
    """
    source = Path(path)
    arrays = read_arrays(source)
    if not is_chart(arrays):
        raise FileFormatError(
            f"'{source}' holds no maps of a slow manifold; give a file of 'slow-manifold -o'."
        )
    try:
        header = json.loads(str(arrays["header"]))
        version = checks.whole_number(header, "version", 1)
        if version <= VERSION:
            return _from_parts(header, arrays)
    except SsmsymError as error:
        raise FileFormatError(f"'{source}' is no slow manifold. {checks.one_line(error)}") from None
    except Exception as error:  # equations that make no sense meet SymPy and NumPy in many ways
        raise FileFormatError(f"'{source}' is no slow manifold: its parts make no sense together.") from error
    raise FileFormatError(
        f"'{source}' has format version {version}; this ssmsym reads up to {VERSION}. Update ssmsym."
    )


def _from_parts(header: Any, arrays: Arrays) -> CurveChart:
    field = field_from_parts(checks.part(header, "field", dict), arrays)
    n = field.n_states
    names = checks.names(header, "parameters")
    values = checks.array(arrays, "chart.parameter_values", (len(names),))
    _check_parameters(field, names, values)
    variables = 1 + len(names)
    has_readout = checks.part(header, "has_readout", bool)
    prefix = "coordinate."
    parts = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
    coordinate = coordinate_of(parts, n)
    chart = CurveChart(
        field,
        coordinate,
        checks.piecewise(arrays, "chart.rate.%s", variables, 1),
        checks.piecewise(arrays, "chart.states.%s", variables, n),
        checks.piecewise(arrays, "chart.readout.%s", variables, None) if has_readout else None,
        dict(zip(names, values.tolist(), strict=True)),
        checks.part(header, "evidence", dict),
    )
    for data in (chart.rate, chart.states, chart.readout):
        if data is not None and data.periodic != coordinate.periodic:
            raise FileFormatError("Its maps and its coordinate are not both of an angle.")
    with np.errstate(all="ignore"):
        if not np.isfinite(field(chart.states.coefficients[0, 0])).all():
            raise FileFormatError("Its field has no finite value near the curve.")
    return chart


def coordinate_arrays(coordinate: Coordinate) -> Arrays:
    """What :func:`coordinate_of` makes a coordinate of."""
    if isinstance(coordinate, Angle):
        return {"directions": coordinate.plane, "origin": coordinate.centre}
    if isinstance(coordinate, Arc):
        return {"knots": coordinate.knots, "states": coordinate.states}
    assert isinstance(coordinate, Line)
    return {"directions": coordinate.direction[None], "origin": coordinate.origin}


def coordinate_of(parts: Mapping[str, Any], n: int) -> Coordinate:
    """A straight coordinate along one unit direction, the angle in the plane of two, or an arclength.

    Of states (n,); the parts are ``directions`` (1, n) or (2, n) and ``origin`` (n,), or ``knots`` (m,) and ``states``
    (m, n).

    Raises
    ------
    FileFormatError
        If they are neither.
    """
    if "knots" in parts:
        knots = checks.array(parts, "knots", (None,))
        states = checks.array(parts, "states", (len(knots), n))
        if len(knots) < 2 or not (np.diff(knots) > 0).all():
            raise FileFormatError("Its coordinate has no 'knots' that ascend.")
        return Arc(knots, states)
    directions = checks.array(parts, "directions", (None, n))
    origin = checks.array(parts, "origin", (n,))
    orthonormal = np.abs(directions @ directions.T - np.eye(len(directions))).max(initial=0.0) < 1e-8
    if len(directions) not in (1, 2) or not orthonormal:
        raise FileFormatError("Its coordinate has neither one unit direction nor two that are orthonormal.")
    return Line(directions[0], origin) if len(directions) == 1 else Angle(origin, directions)


def _check_parameters(field: VectorField, names: list[str], values: NDArray[np.float64]) -> None:
    unknown = [name for name in names if name not in field.parameters]
    if unknown:
        raise FileFormatError(f"Its field has no parameter '{unknown[0]}'.")
    if any(field.parameters[name] != value for name, value in zip(names, values.tolist(), strict=True)):
        raise FileFormatError("Its 'chart.parameter_values' are not those of its field.")
