"""Reduced models of whole slow manifolds as readable JSON, with a published schema."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ssmsym.errors import FileFormatError
from ssmsym.fields import file_checks as checks
from ssmsym.reduced.curve_model import STYLE, CurveModel, frame_of
from ssmsym.series.piecewise import PiecewiseChebyshev
from ssmsym.slow_manifolds.chart_file import coordinate_arrays, coordinate_of, json_ready

FORMAT = "ssmsym-curve-model"
VERSION = 1

_NUMBERS = {"type": "array", "items": {"type": "number"}}
_ROWS = {"type": "array", "items": _NUMBERS}
_MAP = {
    "type": ["object", "null"],
    "required": ["breaks", "box", "degrees", "coefficients", "periodic"],
    "properties": {
        "breaks": _NUMBERS,
        "box": _ROWS,
        "degrees": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
        "coefficients": {"type": "array", "items": _ROWS},
        "periodic": {"enum": [0, 1]},
    },
}

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "ssmsym reduced model of a whole slow manifold",
    "description": (
        "p' = r(p, mu), x = W(p, mu), z = Z(p, mu), each on pieces of p from one of 'breaks' to the next: the sum of "
        "the coefficients times T_k0(t) T_k1(v_1) ..., one row of 'degrees' a product, where t runs from -1 to 1 over "
        "the piece and v_j over row j of 'box', the ranges of the parameter offsets mu = theta - value. A periodic p "
        "is an angle. p of a state x is 'directions' (x - 'origin'), or with two directions the angle of the two; else "
        "the arclength of the curve through 'states' at 'knots' where its normal plane holds x."
    ),
    "type": "object",
    "required": ["format", "version", "rate", "states", "coordinate", "parameters"],
    "properties": {
        "format": {"const": FORMAT},
        "version": {"type": "integer", "maximum": VERSION},
        "rate": {**_MAP, "type": "object"},
        "states": {**_MAP, "type": "object"},
        "readout": _MAP,
        "coordinate": {
            "type": "object",
            "properties": {"directions": _ROWS, "origin": _NUMBERS, "knots": _NUMBERS, "states": _ROWS},
        },
        "parameters": {"type": "object", "additionalProperties": {"type": "number"}},
        "time": {"enum": ["continuous", "discrete"]},
        "equations": {"type": "array", "items": {"type": "string"}},
        "evidence": {"type": "object"},
    },
}


def curve_to_json(model: CurveModel, *, indent: int | None = 1) -> str:
    """The model as JSON text that follows :data:`SCHEMA`."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "equations": [model.text()],
        "time": model.time,
        "parameters": dict(model.parameter_values),
        "evidence": json_ready(model.evidence),
        "rate": _map(model.reduced_dynamics),
        "readout": None if model.readout is None else _map(model.readout),
        "coordinate": {name: a.tolist() for name, a in coordinate_arrays(model.coordinate).items()},
        "states": _map(model.parametrization),
    }
    return json.dumps(document, indent=indent, allow_nan=False)


def _map(data: PiecewiseChebyshev) -> dict[str, Any]:
    arrays = {name: getattr(data, name).tolist() for name in ("breaks", "box", "degrees", "coefficients")}
    return {**arrays, "periodic": int(data.periodic)}


def curve_from_document(document: dict[str, Any]) -> CurveModel:
    """The model of a parsed text.

    Raises
    ------
    FileFormatError
        If it does not follow the schema.
    """
    version = checks.whole_number(document, "version", 1)
    if version > VERSION:
        raise FileFormatError(
            f"Its format version is {version}; this ssmsym reads up to {VERSION}. Update ssmsym."
        )
    parameters = checks.part(document, "parameters", dict)
    values = checks.array({"parameters": list(parameters.values())}, "parameters", (len(parameters),))
    outputs = checks.array(checks.part(document, "states", dict), "coefficients", (None, None, None)).shape[2]
    coordinate = coordinate_of(checks.part(document, "coordinate", dict), outputs)
    left, state = frame_of(coordinate)
    variables = 1 + len(parameters)
    has_readout = document.get("readout") is not None
    time = document.get("time", "continuous")
    if time not in ("continuous", "discrete"):
        raise FileFormatError("The text's 'time' is neither 'continuous' nor 'discrete'.")
    rate = _read(document, "rate", variables, 1)
    if rate.periodic != coordinate.periodic:
        raise FileFormatError("Its rate and its coordinate are not both of an angle.")
    return CurveModel(
        coordinate=coordinate,
        reduced_dynamics=rate,
        parametrization=_read(document, "states", variables, len(state)),
        readout=_read(document, "readout", variables, None) if has_readout else None,
        left=left,
        state=state,
        eigenvalues=np.empty(0, dtype=complex),
        parameter_values=dict(zip(parameters, values.tolist(), strict=True)),
        order=int(rate.degrees[:, 0].max()),
        style=STYLE,
        evidence=checks.part({"evidence": {}, **document}, "evidence", dict),
        time=time,
    )


def _read(document: Any, name: str, variables: int, outputs: int | None) -> PiecewiseChebyshev:
    parts = dict(checks.part(document, name, dict))
    parts["periodic"] = np.array(checks.whole_number(parts, "periodic", 0, 1))
    if not parts.get("box"):
        parts["box"] = np.empty((0, 2))
    return checks.piecewise(parts, "%s", variables, outputs)
