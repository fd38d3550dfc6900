"""Reduced models as readable JSON, with a published schema."""

from __future__ import annotations

import json
from typing import Any

from ssmsym.errors import FileFormatError, SsmsymError
from ssmsym.fields import file_checks as checks
from ssmsym.reduced.curve_json import FORMAT as CURVE_FORMAT, curve_from_document, curve_to_json
from ssmsym.reduced.curve_model import CurveModel
from ssmsym.reduced.model import ReducedModel
from ssmsym.series.polynomial import Polynomial

FORMAT = "ssmsym-reduced-model"
VERSION = 1

_NUMBERS = {"type": "array", "items": {"type": "number"}}
_ROWS = {"type": "array", "items": _NUMBERS}
_POLYNOMIAL = {
    "type": ["object", "null"],
    "required": ["exponents", "coefficients"],
    "properties": {
        "exponents": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
        "coefficients": _ROWS,
    },
}

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "ssmsym reduced model",
    "description": (
        "p' = R(p, mu), x = W(p, mu), z = Z(p, mu). Polynomials hold one row a monomial: exponents of the reduced "
        "coordinates followed by the parameter offsets mu = theta - value, and one coefficient an output."
    ),
    "type": "object",
    "required": [
        "format",
        "version",
        "reduced_dynamics",
        "parametrization",
        "left",
        "state",
        "eigenvalues",
        "parameters",
        "order",
        "style",
    ],
    "properties": {
        "format": {"const": FORMAT},
        "version": {"type": "integer", "maximum": VERSION},
        "reduced_dynamics": {**_POLYNOMIAL, "type": "object"},
        "parametrization": {**_POLYNOMIAL, "type": "object"},
        "readout": _POLYNOMIAL,
        "left": _ROWS,
        "state": _NUMBERS,
        "eigenvalues": {"type": "array", "items": {**_NUMBERS, "minItems": 2, "maxItems": 2}},
        "parameters": {"type": "object", "additionalProperties": {"type": "number"}},
        "order": {"type": "integer", "minimum": 1},
        "style": {"type": "string"},
        "time": {"enum": ["continuous", "discrete"]},
        "equations": {"type": "array", "items": {"type": "string"}},
        "evidence": {"type": "object"},
    },
}


def model_to_json(model: ReducedModel, *, indent: int | None = 1) -> str:
    """The model as JSON text that follows :data:`SCHEMA`; of a whole slow manifold that of ``curve_json``.

    Parameters
    ----------
    model : ReducedModel
    indent : int, optional
        Spaces per level; None for one line.
    """
    if isinstance(model, CurveModel):
        return curve_to_json(model, indent=indent)
    arrow = " ->" if model.time == "discrete" else "' ="
    document = {
        "format": FORMAT,
        "version": VERSION,
        "equations": [f"{symbol}{arrow} {right}" for symbol, right in model.equations.items()],
        "order": model.order,
        "style": model.style,
        "time": model.time,
        "parameters": dict(model.parameter_values),
        "eigenvalues": [[float(v.real), float(v.imag)] for v in model.eigenvalues],
        "reduced_dynamics": _polynomial(model.reduced_dynamics),
        "readout": None if model.readout is None else _polynomial(model.readout),
        "evidence": dict(model.evidence),
        "state": model.state.tolist(),
        "left": model.left.tolist(),
        "parametrization": _polynomial(model.parametrization),
    }
    return json.dumps(document, indent=indent, allow_nan=False)


def _polynomial(polynomial: Polynomial) -> dict[str, Any]:
    return {"exponents": polynomial.exponents.tolist(), "coefficients": polynomial.coefficients.tolist()}


def model_from_json(text: str) -> ReducedModel:
    """The model of JSON text made by :func:`model_to_json`.

    Raises
    ------
    FileFormatError
        If the text is no JSON or does not follow the schema.
    """
    try:
        document = _document(text)
        if document["format"] == CURVE_FORMAT:
            return curve_from_document(document)
        return _from_document(document)
    except SsmsymError as error:
        raise _no_model(checks.one_line(error)) from None
    except Exception as error:  # NumPy and Python meet numbers that are none in many ways
        raise _no_model("Its parts make no sense together.") from error


def _no_model(reason: str) -> FileFormatError:
    return FileFormatError(f"The text is no reduced model. {reason} Give a text that 'model_to_json' made.")


def _no_number(name: str) -> float:
    raise ValueError(f"JSON has no number {name}.")


def _document(text: str) -> Any:
    try:
        document = json.loads(text, parse_constant=_no_number)
    except (ValueError, TypeError, RecursionError):
        raise FileFormatError("It is no JSON.") from None
    if checks.part(document, "format", str) not in (FORMAT, CURVE_FORMAT):
        raise FileFormatError(f"Its format is '{document['format']}', not '{FORMAT}'.")
    version = checks.whole_number(document, "version", 1)
    if version > VERSION:
        raise FileFormatError(
            f"Its format version is {version}; this ssmsym reads up to {VERSION}. Update ssmsym."
        )
    return document


def _from_document(document: dict[str, Any]) -> ReducedModel:
    state = checks.array(document, "state", (None,))
    eigenvalues = checks.array(document, "eigenvalues", (None, 2))
    parameters = _parameters(document)
    n, d = len(state), len(eigenvalues)
    order = checks.whole_number(document, "order", 1)
    variables = d + len(parameters)
    has_readout = document.get("readout") is not None
    return ReducedModel(
        reduced_dynamics=_polynomial_of(document, "reduced_dynamics", variables, d, order),
        parametrization=_polynomial_of(document, "parametrization", variables, n, order),
        readout=_polynomial_of(document, "readout", variables, None, order) if has_readout else None,
        left=checks.array(document, "left", (n, d)),
        state=state,
        eigenvalues=eigenvalues.view(complex)[:, 0],
        parameter_values=parameters,
        order=order,
        style=checks.part(document, "style", str),
        time=_time(document),
        evidence=_evidence(document),
    )


def _parameters(document: Any) -> dict[str, float]:
    found = checks.part(document, "parameters", dict)
    values = checks.array({"parameters": list(found.values())}, "parameters", (len(found),))
    return dict(zip(found, values.tolist(), strict=True))


def _polynomial_of(document: Any, name: str, variables: int, outputs: int | None, order: int) -> Polynomial:
    found = checks.part(document, name, dict)
    polynomial = checks.polynomial(found, "exponents", "coefficients", variables, outputs)
    if polynomial.order > order:
        raise FileFormatError(f"Its '{name}' has terms of order {polynomial.order}, above its order {order}.")
    return polynomial


def _evidence(document: Any) -> dict[str, Any]:
    evidence = checks.part({"evidence": {}, **document}, "evidence", dict)
    radii = evidence.get("trust_radius", {})
    if not isinstance(radii, dict) or not all(
        isinstance(r, (int, float, type(None))) for r in radii.values()
    ):
        raise FileFormatError("Its 'evidence' has a garbled 'trust_radius'.")
    return evidence


def _time(document: dict[str, Any]) -> str:
    time = document.get("time", "continuous")
    if time not in ("continuous", "discrete"):
        raise FileFormatError("The text's 'time' is neither 'continuous' nor 'discrete'.")
    return str(time)
