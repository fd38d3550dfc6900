"""An exporter for ssmsym: equations as JSON expression trees."""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np
import sympy

from ssmsym.exporters.contract import Array, Exporter, ExporterError, RightSideReader
from ssmsym.exporters.model import ExportModel

FUNCTIONS = ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "atan", "asinh", "erf", "erfc")


class JsonTree(Exporter, RightSideReader):
    """One JSON document: names, values and, for each equation, a tree of numbers, names and operations."""

    name = "json_tree"
    description = "equations as JSON expression trees"
    url = "https://www.json.org/"
    verified = "read back and evaluated by a reader of its own"

    def render(
        self, model: ExportModel, *, name: str = "model", indent: int | None = None
    ) -> Mapping[str, str]:
        """``NAME.json``.

        Parameters
        ----------
        name : str
            Of the file.
        indent : int, optional
            Spaces that each level is indented by; by default all is on one line.

        Raises
        ------
        ExporterError
            If the model holds a function that has no name here.
        """
        document = {
            "states": list(model.state_names),
            "parameters": dict(zip(model.parameter_names, model.values, strict=True)),
            "time": model.time,
            "initial_state": model.initial_state.tolist(),
            "right_sides": [tree(e) for e in model.right_sides],
            "readouts": [tree(e) for e in model.readouts],
        }
        return {f"{name}.json": json.dumps(document, indent=indent) + "\n"}

    def evaluate(
        self, files: Mapping[str, str], model: ExportModel, states: Array, parameters: Array
    ) -> Array:
        """The right-hand side of the rendered document."""
        (text,) = files.values()
        document = json.loads(text)
        names = [*document["states"], *document["parameters"]]
        out = []
        for state, values in zip(states, parameters, strict=True):
            known = dict(zip(names, (*state, *values), strict=True))
            out.append([value(node, known) for node in document["right_sides"]])
        return np.array(out)


def tree(e: Any) -> Any:
    """An expression as nested lists: operation first."""
    if e.is_Symbol:
        return e.name
    if e.is_number:
        return float(e)
    if e.is_Add or e.is_Mul:
        return ["add" if e.is_Add else "multiply", *(tree(a) for a in e.args)]
    if e.is_Pow:
        return ["power", tree(e.base), tree(e.exp)]
    if isinstance(e, (sympy.Max, sympy.Min)):
        return ["max" if isinstance(e, sympy.Max) else "min", *(tree(a) for a in e.args)]
    if type(e).__name__ in FUNCTIONS:
        return [type(e).__name__, tree(e.args[0])]
    raise ExporterError(f"The exporter 'json_tree' has no operation for '{type(e).__name__}'.")


def value(node: Any, known: Mapping[str, float]) -> float:
    """The number that a tree stands for."""
    if isinstance(node, str):
        return known[node]
    if isinstance(node, float):
        return node
    operation, *rest = node
    numbers = [value(n, known) for n in rest]
    if operation in ("add", "multiply"):
        return float(reduce(operator.add if operation == "add" else operator.mul, numbers))
    if operation == "power":
        return float(numbers[0] ** numbers[1])
    if operation in ("max", "min"):
        return max(numbers) if operation == "max" else min(numbers)
    return float(getattr(math, operation)(*numbers))
