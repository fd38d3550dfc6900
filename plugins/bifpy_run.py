"""A rendered bifpy script from many starts, run as a program of its own: ``python bifpy_run.py request.json``.

AUTO's output files of each run are kept in the current folder, named as those of the exporter ``auto07p``.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import shutil
import sys
from pathlib import Path
from typing import Any

_SAME = 1e-6  # of the interval: special points that several runs find
_WANTED = {"cycles": "HOPF_BIFURCATION", "hopf_curve": "HOPF_BIFURCATION", "fold_curve": "FOLD"}


def main(request_file: str) -> None:
    """Trace as the request says."""
    request = json.loads(Path(request_file).read_text())
    spec = importlib.util.spec_from_file_location("rendered", Path(request["module"]).resolve())
    if spec is None or spec.loader is None:
        raise ImportError(request["module"])
    model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)
    auto = importlib.import_module("bifpy.auto")
    scenario, first = model.REQUEST["scenario"], model.REQUEST["first"]
    seen: list[tuple[float, list[float]]] = []
    for number, start in enumerate(request["starts"]):

        def starting_point(state: Any, parameters: Any, time: float, start: Any = start) -> None:
            for place, value in zip(model.NUMBERS, start["values"], strict=True):
                parameters[place - 1] = value
            for i, value in enumerate(start["state"]):
                state[i] = value

        for direction in (1, -1):
            settings = _settings(model, direction, ips=auto.IPS_EQUILIBRIUM, isw=1)
            stops = {first: list(request["interval"])}
            found = auto.run(
                model.equation, starting_point, settings, icu=[first], uzstop=stops, keep_output=True
            )
            _keep(found, "equilibria", number, direction)
            if scenario in _WANTED:
                _further(auto, model, request, found, seen)


def _settings(model: Any, direction: int, **changes: Any) -> dict[str, Any]:
    return {**model.SETTINGS, "npr": 1, "ds": direction * abs(model.SETTINGS["ds"]), **changes}


def _further(
    auto: Any, model: Any, request: dict[str, Any], found: Any, seen: list[tuple[float, list[float]]]
) -> None:
    scenario, first = model.REQUEST["scenario"], model.REQUEST["first"]
    low, high = request["interval"]
    cycles = scenario == "cycles"
    for point in (p for branch in found.branches for p in branch.labeled_points):
        value, state = float(point.all_parameters[first - 1]), [float(x) for x in point.state]
        if point.point_type.name != _WANTED[scenario] or not low <= value <= high:
            continue
        if sum(x * x for x in state) > model.SETTINGS["a1"] ** 2 or _known(value, state, seen, high - low):
            continue
        seen.append((value, state))
        for direction in (1,) if cycles else (1, -1):
            changes = {"nmx": model.REQUEST["curve_points"]}
            changes["ips"] = auto.IPS_PERIODIC_ORBIT if cycles else auto.IPS_EQUILIBRIUM
            result = auto.restart(
                model.equation,
                _settings(model, direction, **changes),
                point,
                icu=[first, 11 if cycles else model.REQUEST["second"]],
                isw=1 if cycles else 2,
                source_ips=auto.IPS_EQUILIBRIUM,
                uzstop={first: list(request["interval"])},
                keep_output=True,
            )
            _keep(result, scenario, len(seen) - 1, direction)


def _known(value: float, state: list[float], seen: list[tuple[float, list[float]]], width: float) -> bool:
    def close(a: list[float], b: list[float]) -> bool:
        return all(abs(x - y) <= 100 * _SAME * (1 + abs(y)) for x, y in zip(a, b, strict=True))

    return any(abs(value - other) <= _SAME * width and close(state, at) for other, at in seen)


def _keep(result: Any, scenario: str, number: int, direction: int) -> None:
    folder = Path(result.output_directory)
    for file, letter in (("fort.7", "b"), ("fort.8", "s"), ("fort.9", "d")):
        shutil.copy(folder / file, f"{letter}.{scenario}_{number}{'p' if direction > 0 else 'm'}")
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
