"""Reduced models as readable JSON, with a published schema."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ssmsym.errors import FileFormatError
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
        "equations": {"type": "array", "items": {"type": "string"}},
        "evidence": {"type": "object"},
    },
}


def model_to_json(model: ReducedModel, *, indent: int | None = 1) -> str:
    """The model as JSON text that follows :data:`SCHEMA`.

    Parameters
    ----------
    model : ReducedModel
    indent : int, optional
        Spaces per level; None for one line.
    """
    document = {
        "format": FORMAT,
        "version": VERSION,
        "equations": [f"{symbol}' = {right}" for symbol, right in model.equations.items()],
        "order": model.order,
        "style": model.style,
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
        document = json.loads(text)
        if document["format"] != FORMAT or document["version"] > VERSION:
            raise FileFormatError(
                f"The text is no reduced model of version {VERSION} or earlier (format '{document['format']}')."
            )
        readout = document.get("readout")
        return ReducedModel(
            reduced_dynamics=_read_polynomial(document["reduced_dynamics"]),
            parametrization=_read_polynomial(document["parametrization"]),
            readout=None if readout is None else _read_polynomial(readout),
            left=np.array(document["left"], dtype=float),
            state=np.array(document["state"], dtype=float),
            eigenvalues=np.array([complex(re, im) for re, im in document["eigenvalues"]]),
            parameter_values={str(k): float(v) for k, v in document["parameters"].items()},
            order=int(document["order"]),
            style=str(document["style"]),
            evidence=dict(document.get("evidence") or {}),
        )
    except FileFormatError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileFormatError(f"The text is no reduced model: it lacks or garbles {error}.") from None


def _read_polynomial(document: dict[str, Any]) -> Polynomial:
    return Polynomial(document["exponents"], np.array(document["coefficients"], dtype=float))
