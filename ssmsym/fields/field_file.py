"""A vector field as a JSON header and arrays, the part that every model file holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy.core.function import UndefinedFunction

from ssmsym.errors import FileFormatError
from ssmsym.fields.expression_json import from_tree, to_tree
from ssmsym.fields.field import VectorField
from ssmsym.series.polynomial import Polynomial

Arrays = dict[str, NDArray[Any]]

_PREFIX = "field."


def field_to_parts(field: VectorField) -> tuple[dict[str, Any], Arrays]:
    """Header (JSON) and arrays, by names that begin with ``field.``.

    Sample trajectories and other arrays in the metadata are left out.
    """
    arrays: Arrays = {}
    for name, value in field.arrays.items():
        arrays[f"{_PREFIX}array.{name}"] = np.asarray(value, dtype=float)
    for name, value in field.values.items():
        arrays[f"{_PREFIX}value.{name}"] = value
    for name, polynomial in field.data.items():
        arrays[f"{_PREFIX}exponents.{name}"] = polynomial.exponents
        arrays[f"{_PREFIX}coefficients.{name}"] = polynomial.coefficients
    header = {
        "equations": [[to_tree(s), to_tree(e)] for s, e in field.equations.items()],
        "arrays": [[name, to_tree(field.symbols[name])] for name in field.arrays],
        "parameters": [[name, to_tree(field.symbols[name])] for name in field.values],
        "data": list(field.data),
        "functions": [[f.__name__, to_tree(definition)] for f, definition in field.functions.items()],
        "readout": [to_tree(e) for e in field.readout_equations],
        "time": field.time,
        "conditions": {
            name: {key: np.asarray(value).tolist() for key, value in setting.items()}
            for name, setting in field.conditions.items()
        },
        "metadata": {k: v for k, v in field.metadata.items() if isinstance(v, (str, int, float, bool))},
    }
    return header, arrays


def field_from_parts(header: dict[str, Any], arrays: Arrays) -> VectorField:
    """The field of :func:`field_to_parts`.

    Raises
    ------
    FileFormatError
        If a part is missing or malformed.
    """
    try:
        symbols = {name: from_tree(tree) for name, tree in (*header["arrays"], *header["parameters"])}
        return VectorField(
            equations={from_tree(s): from_tree(e) for s, e in header["equations"]},
            symbols=symbols,
            arrays={name: arrays[f"{_PREFIX}array.{name}"] for name, _ in header["arrays"]},
            values={name: arrays[f"{_PREFIX}value.{name}"] for name, _ in header["parameters"]},
            data={
                name: Polynomial(
                    arrays[f"{_PREFIX}exponents.{name}"], arrays[f"{_PREFIX}coefficients.{name}"]
                )
                for name in header["data"]
            },
            functions={UndefinedFunction(name): from_tree(tree) for name, tree in header["functions"]},
            readout_equations=tuple(from_tree(tree) for tree in header["readout"]),
            time=header["time"],
            conditions=header["conditions"],
            metadata=header["metadata"],
        )
    except (KeyError, TypeError) as error:
        raise FileFormatError(f"The field in the file lacks or garbles {error}.") from None
