"""XPPAUT by way of xpplab, run as a program of its own: ``python xppaut_run.py request.json answer.json``.

xpplab is under the GPL, so this file is never imported by ssmsym; it exchanges JSON files.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

_SAME = 1e-6  # of the interval: special points that several runs find
_ACTIONS = {
    "cycles": ("HB", "periodic"),
    "fold_curve": ("LP", "two-parameter"),
    "hopf_curve": ("HB", "two-parameter"),
}


def main(request_file: str, answer_file: str) -> None:
    """Evaluate right-hand sides, or trace branches, as the request says."""
    request = json.loads(Path(request_file).read_text())
    model = importlib.import_module("xpplab").load(request["file"])
    answer = evaluated(model, request) if "points" in request else traced(model, request)
    Path(answer_file).write_text(json.dumps(answer))


def evaluated(model: Any, request: dict[str, Any]) -> list[list[float]]:
    """The right-hand side at each point."""
    out = []
    for state, values in request["points"]:
        for name, value in zip(request["parameters"], values, strict=True):
            model.parameters[name] = value
        out.append([float(x) for x in model.rhs(state)])
    return out


def traced(model: Any, request: dict[str, Any]) -> list[dict[str, Any]]:
    """Branches from every start either way, then on from their special points."""
    runs: list[dict[str, Any]] = []
    seen: list[tuple[float, list[float]]] = []
    for number, start in enumerate(request["starts"]):
        for direction in (1, -1):
            model.parameters[request["parameter"]] = start["parameter"]
            for name, value in zip(request["states"], start["state"], strict=True):
                model.initial_conditions[name] = value
            model.auto.reset()
            diagram = model.auto.equilibria(
                request["parameter"], ds=direction * request["step"], nmax=request["most"]
            )
            runs.append(_run("equilibrium", number, direction, diagram, request))
            if request["scenario"] in _ACTIONS:
                runs += _further(model, request, diagram, seen)
    return runs


def _further(
    model: Any, request: dict[str, Any], diagram: Any, seen: list[tuple[float, list[float]]]
) -> list[dict[str, Any]]:
    label, action = _ACTIONS[request["scenario"]]
    low, high = request["interval"]
    runs = []
    for point in diagram.special(label):
        state = _state(point.u0, request)
        if point.periodic or not low <= point.value <= high or _known(point.value, state, seen, high - low):
            continue
        seen.append((point.value, state))
        number = len(seen) - 1
        for direction in (1,) if action == "periodic" else (1, -1):
            settings = {"ds": direction * request["step"], "nmax": request["curve_most"]}
            second = {"second": request["second"]} if action == "two-parameter" else {}
            further = model.auto.continue_from(point, action, **second, **settings)
            kind = "periodic" if action == "periodic" else request["scenario"]
            run = _run(kind, number, direction, further, request)
            if kind == "periodic":
                for entry, orbit_point in zip(run["points"], further.points, strict=True):
                    entry["orbit"] = _orbit(model, orbit_point, request)
            runs.append(run)
    return runs


def _known(value: float, state: list[float], seen: list[tuple[float, list[float]]], width: float) -> bool:
    def close(a: list[float], b: list[float]) -> bool:
        return all(abs(x - y) <= 100 * _SAME * (1 + abs(y)) for x, y in zip(a, b, strict=True))

    return any(abs(value - other) <= _SAME * width and close(state, at) for other, at in seen)


def _state(values: dict[str, float], request: dict[str, Any]) -> list[float]:
    return [float(values[name.upper()]) for name in request["states"]]


def _run(kind: str, start: int, direction: int, diagram: Any, request: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": kind,
        "start": start,
        "direction": direction,
        "points": [_point(point, request) for point in diagram.points],
    }


def _point(point: Any, request: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": point.type,
        "value": float(point.value),
        "second": None if point.value2 is None else float(point.value2),
        "stable": bool(point.stable),
        "state": _state(point.u0, request),
        "period": float(point.period),
        "multipliers": [[float(m.real), float(m.imag)] for m in point.multipliers],
    }


def _orbit(model: Any, point: Any, request: dict[str, Any]) -> list[list[float]] | None:
    """Time and states along an orbit, one row a mesh point; None where XPPAUT keeps no solution."""
    if not point.label:
        return None
    trajectory = model.auto.orbit(point)
    columns = [trajectory.t, *(trajectory[name.upper()] for name in request["states"])]
    return [[float(x) for x in row] for row in zip(*columns, strict=True)]


if __name__ == "__main__":
    main(*sys.argv[1:])
