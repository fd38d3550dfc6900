"""A vector field as a JSON header and arrays, the part that every model file holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Lambda, MatrixSymbol, Symbol
from sympy.core.function import UndefinedFunction

from ssmsym.errors import FileFormatError
from ssmsym.fields import file_checks as checks
from ssmsym.fields.expression_json import from_tree, to_tree
from ssmsym.fields.field import VectorField
from ssmsym.series.piecewise import DataMap, PiecewiseChebyshev

Arrays = dict[str, NDArray[Any]]

_PREFIX = "field."
_PLAIN = (str, int, float, bool)  # kinds of metadata that are kept


def field_to_parts(field: VectorField) -> tuple[dict[str, Any], Arrays]:
    """Header (JSON) and arrays, by names that begin with ``field.``.

    Sample trajectories and other arrays in the metadata are left out.
    """
    arrays: Arrays = {}
    for name, value in field.arrays.items():
        arrays[f"{_PREFIX}array.{name}"] = np.asarray(value, dtype=float)
    for name, value in field.values.items():
        arrays[f"{_PREFIX}value.{name}"] = value
    for name, data in field.data.items():
        arrays.update(data_arrays(data, f"{_PREFIX}%s.{name}"))
    header = {
        "equations": [[to_tree(s), to_tree(e)] for s, e in field.equations.items()],
        "arrays": [[name, to_tree(field.symbols[name])] for name in field.arrays],
        "parameters": [[name, to_tree(field.symbols[name])] for name in field.values],
        "data": list(field.data),
        "piecewise": [n for n, data in field.data.items() if isinstance(data, PiecewiseChebyshev)],
        "functions": [[f.__name__, to_tree(definition)] for f, definition in field.functions.items()],
        "readout": [to_tree(e) for e in field.readout_equations],
        "time": field.time,
        "conditions": {
            name: {key: np.asarray(value).tolist() for key, value in setting.items()}
            for name, setting in field.conditions.items()
        },
        "metadata": {k: v for k, v in field.metadata.items() if isinstance(v, _PLAIN)},
    }
    return header, arrays


def field_from_parts(header: Any, arrays: Arrays) -> VectorField:
    """The field of :func:`field_to_parts`, with its program, every part checked.

    Raises
    ------
    FileFormatError
        If a part is missing, malformed, or does not fit the others.
    InputError
        If an equation holds what the field does not know.
    """
    symbols: dict[str, Any] = {}
    values: dict[str, Arrays] = {"array": {}, "value": {}}
    for part, kind in (("arrays", "array"), ("parameters", "value")):
        for name, tree in checks.pairs(header, part):
            symbol = from_tree(tree)
            if getattr(symbol, "name", None) != name or name in symbols:
                raise FileFormatError(f"Its '{part}' do not fit their symbols.")
            symbols[name] = symbol
            values[kind][name] = _value(symbol, arrays, kind)
    field = VectorField(
        equations=_equations(header, symbols),
        symbols=symbols,
        arrays=values["array"],
        values=values["value"],
        data=_data(header, arrays),
        functions=_functions(header),
        readout_equations=tuple(from_tree(tree) for tree in checks.part(header, "readout", list)),
        time=_time(header),
        conditions=_conditions(header),
        metadata=_metadata(header),
    )
    _check_program(field)
    return field


def _value(symbol: Any, arrays: Arrays, kind: str) -> NDArray[Any]:
    shape: tuple[int, ...] = ()
    if isinstance(symbol, MatrixSymbol):
        shape = tuple(int(s) for s in symbol.shape)
    if (kind == "array" and not shape) or (kind == "value" and shape and shape[1] != 1):
        raise FileFormatError(f"Its '{symbol}' is neither an array nor a parameter.")
    value = checks.array(arrays, f"{_PREFIX}{kind}.{symbol.name}", shape if kind == "array" else shape[:1])
    if symbol.is_positive and not (value > 0).all():
        raise FileFormatError(f"Its '{symbol}' must be positive; found {value.tolist()}.")
    return value


def _equations(header: Any, symbols: dict[str, Any]) -> dict[Any, Any]:
    equations: dict[Any, Any] = {}
    for left, right in checks.pairs(header, "equations"):
        state = from_tree(left)
        is_column = isinstance(state, MatrixSymbol) and state.shape[0] > 0 and state.shape[1] == 1
        if not (is_column or isinstance(state, Symbol)) or state in equations or state in symbols.values():
            raise FileFormatError(f"Its equation of '{state}' is none of a state.")
        equations[state] = from_tree(right)
    if not equations:
        raise FileFormatError("It has no equations.")
    return equations


def data_arrays(data: DataMap, pattern: str) -> Arrays:
    """The arrays of a map given as data; `pattern` holds ``%s`` where their names go."""
    if not isinstance(data, PiecewiseChebyshev):
        coefficients = np.asarray(data.coefficients, dtype=float)
        return {pattern % "exponents": data.exponents, pattern % "coefficients": coefficients}
    arrays = {pattern % name: getattr(data, name) for name in ("breaks", "box", "degrees", "coefficients")}
    return {**arrays, pattern % "periodic": np.array(int(data.periodic))}


def _data(header: Any, arrays: Arrays) -> dict[str, DataMap]:
    piecewise = checks.names(header, "piecewise") if "piecewise" in header else []
    found: dict[str, DataMap] = {}
    for name in checks.names(header, "data"):
        pattern = f"{_PREFIX}%s.{name}"
        if name in piecewise:
            found[name] = checks.piecewise(arrays, pattern, None, None)
        else:
            found[name] = checks.polynomial(
                arrays, pattern % "exponents", pattern % "coefficients", None, None
            )
    return found


def _functions(header: Any) -> dict[Any, Any]:
    functions = {}
    for name, tree in checks.pairs(header, "functions"):
        definition = from_tree(tree)
        if not isinstance(name, str) or not isinstance(definition, Lambda) or len(definition.variables) != 1:
            raise FileFormatError("Its 'functions' are garbled.")
        functions[UndefinedFunction(name)] = definition
    return functions


def _time(header: Any) -> str:
    time = checks.part(header, "time", str)
    if time not in ("continuous", "discrete"):
        raise FileFormatError(f"Its 'time' is '{time}', neither 'continuous' nor 'discrete'.")
    return str(time)


def _conditions(header: Any) -> dict[str, dict[str, Any]]:
    conditions = checks.part(header, "conditions", dict)
    for setting in conditions.values():
        for value in setting.values() if isinstance(setting, dict) else (None,):
            if np.asarray(value).dtype.kind not in "biuf":
                raise FileFormatError("Its 'conditions' are garbled.")
    return dict(conditions)


def _metadata(header: Any) -> dict[str, Any]:
    metadata = checks.part(header, "metadata", dict)
    if not all(isinstance(value, _PLAIN) for value in metadata.values()):
        raise FileFormatError("Its 'metadata' are garbled.")
    return dict(metadata)


def _check_program(field: VectorField) -> None:
    """Build the program and compare it with numbers and data, which it takes on trust."""
    for node in field.program.nodes:
        if node.op == "number" and not np.isfinite(float(node.payload)):
            raise FileFormatError(f"Its equations hold the number {node.payload}, which is not finite.")
        if node.op == "data":
            found, (source,) = field.data.get(node.payload), node.operands
            if found is None:
                raise FileFormatError(f"Its equations name the data '{node.payload}', which it lacks.")
            if (found.n_outputs, found.n_variables) != (node.rows, field.program.nodes[source].rows):
                raise FileFormatError(f"Its data '{node.payload}' do not fit the equations.")
