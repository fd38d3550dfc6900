"""What AUTO-07p writes: fort.7 (branch), fort.8 (labelled solutions), fort.9 (diagnostics)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.exporters.contract import ExporterError, Orbits, Trace, TracedEvent
from ssmsym.exporters.profiles import extremes

_KINDS = {1: "branch_point", 2: "fold", 3: "hopf"}
_OF_CYCLES = {5: "cycle_fold", 6: "cycle_branch_point", 7: "period_doubling", 8: "torus"}
_OF_FOLDS = {-1: "bogdanov_takens", -2: "cusp", -3: "fold_hopf"}
_OF_HOPF_POINTS = {-1: "bogdanov_takens", -2: "generalized_hopf", -3: "fold_hopf"}
_NOT_CONVERGED = -9
_PERIOD = 11  # its number in PAR
_LOST_E = re.compile(r"(?<=[0-9.])([+-]\d{3,})$")  # Fortran drops the E of a three-digit exponent
_EIGENVALUE = re.compile(r"^\s*(-?\d+)\s+(-?\d+)\s+Eigenvalue\s+(\d+):\s+(\S+)\s+(\S+)")
_MULTIPLIER = re.compile(r"^\s*(-?\d+)\s+(-?\d+)\s+Multiplier\s+(\d+)\s+(\S+)\s+(\S+)")
_WITHIN = re.compile(r"^\s*(-?\d+)\s+(-?\d+)\s+Multipliers:\s+Stable:\s+(\d+)")
_HEADER_LENGTH = 12  # integers of a solution's header line that are read


def number(word: str) -> float:
    """A number as Fortran writes it.

    Examples
    --------
    >>> number("-3.7500000000E-001"), number("1.0-100"), number("2.5D+03")
    (-0.375, 1e-100, 2500.0)
    """
    return float(_LOST_E.sub(r"E\1", word.upper().replace("D", "E")))


def numbers(words: list[str]) -> NDArray[np.float64]:
    """Many numbers as Fortran writes them."""
    try:
        return np.array(words, dtype=float)
    except ValueError:  # an exponent without its letter
        return np.array([number(word) for word in words])


@dataclass(frozen=True)
class Row:
    """A line of fort.7.

    Attributes
    ----------
    branch, point : int
        Without their signs.
    stable : bool
    code : int
        AUTO's TY.
    label : int
    values : tuple of float
        The first parameter, the norm, states, further parameters.
    """

    branch: int
    point: int
    stable: bool
    code: int
    label: int
    values: tuple[float, ...]


def rows(text: str) -> list[Row]:
    """The points of fort.7; lines of the header start with 0."""
    out = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 5 or words[0] == "0":
            continue
        branch, point, code, label = (int(word) for word in words[:4])
        values = tuple(number(word) for word in words[4:])
        out.append(Row(abs(branch), abs(point), point < 0, code, label, values))
    return out


@dataclass(frozen=True, eq=False)
class Solution:
    """A labelled solution of fort.8.

    Attributes
    ----------
    label : int
    profile : (K, 1 + n) array
        Time in periods and state at the mesh points; one row for a fixed point.
    collocation : int
        NCOL: mesh points in each mesh interval.
    parameters : (NPAR,) array
    """

    label: int
    profile: NDArray[np.float64]
    collocation: int
    parameters: NDArray[np.float64]


def solutions(text: str, n_states: int) -> list[Solution]:
    """The labelled solutions of fort.8."""
    lines = text.splitlines()
    out, i = [], 0
    while i < len(lines):
        header = [int(word) for word in lines[i].split()]
        if len(header) < _HEADER_LENGTH:
            break
        label, mesh, width, length, collocation, count = (header[k] for k in (3, 6, 7, 8, 10, 11))
        words = " ".join(lines[i + 1 : i + 1 + length]).split()
        if len(words) < max(mesh * width, count):
            break  # the file was cut short; the missing label is named by the caller
        profile = numbers(words[: mesh * width]).reshape(mesh, width)[:, : 1 + n_states]
        parameters = numbers(words[-count:])
        out.append(Solution(label, profile, collocation, parameters))
        i += 1 + length
    return out


def _values_by_point(text: str, pattern: re.Pattern[str]) -> dict[int, list[complex]]:
    found: dict[int, dict[int, complex]] = {}
    for line in text.splitlines():
        match = pattern.match(line)
        if match:
            place, real, imaginary = int(match[3]), number(match[4]), number(match[5])
            found.setdefault(abs(int(match[2])), {})[place] = complex(real, imaginary)
    return {point: list(values.values()) for point, values in found.items()}


def spectra(text: str) -> dict[int, NDArray[np.complex128]]:
    """Eigenvalues of each point in fort.9, leading first; of a point's iterations the last."""
    return {
        point: np.array(sorted(values, key=lambda v: (-v.real, -v.imag)))
        for point, values in _values_by_point(text, _EIGENVALUE).items()
    }


def multipliers(text: str) -> dict[int, NDArray[np.complex128]]:
    """Floquet multipliers of each point in fort.9, largest first."""
    return {
        point: np.array(sorted(values, key=lambda v: (-abs(v), -v.imag)))
        for point, values in _values_by_point(text, _MULTIPLIER).items()
    }


@dataclass(frozen=True)
class Run:
    """What a run was asked for.

    Attributes
    ----------
    kind : str
        Of the trace.
    start, direction : int
    n_states : int
    places : tuple of int
        Numbers of the varied parameters in PAR.
    most : int
        Number of points at which AUTO was told to stop.
    """

    kind: str
    start: int
    direction: int
    n_states: int
    places: tuple[int, ...]
    most: int


def trace(branch: str, labelled: str, diagnostics: str, run: Run) -> Trace:
    """One run, whose every point is labelled, from the texts of fort.7, fort.8 and fort.9.

    Raises
    ------
    ExporterError
        If the files do not belong together.
    """
    points = rows(branch)
    by_label = {solution.label: solution for solution in solutions(labelled, run.n_states)}
    missing = [row.label for row in points if row.label not in by_label]
    if missing:
        raise ExporterError(
            f"AUTO-07p's solution file has no label {missing[0]}; it was cut short. Run it again."
        )
    found = [by_label[row.label] for row in points]
    states = np.array([solution.profile[0, 1:] for solution in found]).reshape(-1, run.n_states)
    values = np.array([[s.parameters[place - 1] for place in run.places] for s in found])
    values = values.reshape(-1, len(run.places))
    of_cycles = run.kind == "periodic"
    unstable = _unstable(points, diagnostics, run)
    eigenvalues = multipliers(diagnostics) if of_cycles else spectra(diagnostics)
    orbits = _orbits(found) if of_cycles else None
    if orbits is not None:
        states = orbits[0]
    on_curve = run.kind in ("fold_curve", "hopf_curve")
    events = tuple(
        TracedEvent(kind, i, eigenvalues.get(row.point, np.empty(0, dtype=complex)))
        for i, row in enumerate(points)
        if (kind := _kind(row.code, run.kind)) is not None
    )
    return Trace(
        start=run.start,
        direction=run.direction,
        parameter=values[:, 0],
        states=states,
        stable=unstable == 0 if on_curve else np.array([row.stable for row in points], dtype=bool),
        unstable=unstable,
        events=events,
        end=_end(points, run.most),
        kind=run.kind,
        second=values[:, 1] if on_curve else None,
        orbits=None if orbits is None else orbits[1],
    )


def _kind(code: int, kind: str) -> str | None:
    """What AUTO's TY says; on curves in two parameters its tens say which curve it is."""
    if kind == "equilibrium":
        return _KINDS.get(code)
    if kind == "periodic":
        return _OF_CYCLES.get(code)
    units = -(abs(code) % 10) if code < 0 else 0
    return (_OF_FOLDS if kind == "fold_curve" else _OF_HOPF_POINTS).get(units)


def _end(points: list[Row], most: int) -> str:
    if points and points[-1].code == _NOT_CONVERGED:
        return "no convergence"
    return f"{most} points" if points and points[-1].point >= most else ""


def _orbits(found: list[Solution]) -> tuple[NDArray[np.float64], Orbits]:
    columns = [extremes(s.profile[:, 0], s.profile[:, 1:], s.collocation) for s in found]
    maxima, minima, reach = (np.array(column) for column in zip(*columns, strict=True))
    periods = np.array([s.parameters[_PERIOD - 1] for s in found])
    return maxima, Orbits(periods, minima, np.array([s.profile[0, 1:] for s in found]), reach)


def _unstable(points: list[Row], diagnostics: str, run: Run) -> NDArray[np.int64]:
    """Unstable directions of each point; on curves of bifurcations besides the critical ones."""
    if run.kind == "periodic":
        within = {}
        for line in diagnostics.splitlines():
            match = _WITHIN.match(line)
            if match:
                within[abs(int(match[2]))] = int(match[3])
        counts = [run.n_states - within[r.point] if r.point in within else -1 for r in points]
        return np.array(counts, dtype=np.int64)
    eigenvalues = spectra(diagnostics)
    critical = {"fold_curve": 1, "hopf_curve": 2}.get(run.kind, 0)
    out = []
    for row in points:
        values = eigenvalues.get(row.point)
        if values is None or len(values) != run.n_states:
            out.append(-1)
            continue
        others = values[np.argsort(np.abs(values.real), kind="stable")][critical:]
        out.append(int((others.real > 0).sum()))
    return np.array(out, dtype=np.int64)
