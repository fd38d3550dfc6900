"""What AUTO-07p writes: fort.7 (branch), fort.8 (labelled solutions), fort.9 (diagnostics)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.exporters.contract import ExporterError, Trace, TracedEvent

KINDS = {1: "branch_point", 2: "fold", 3: "hopf"}
_NOT_CONVERGED = -9
_LOST_E = re.compile(r"(?<=[0-9.])([+-]\d{3,})$")  # Fortran drops the E of a three-digit exponent
_EIGENVALUE = re.compile(r"^\s*(-?\d+)\s+(-?\d+)\s+Eigenvalue\s+(\d+):\s+(\S+)\s+(\S+)")
_HEADER_LENGTH = 12  # integers of a solution's header line that are read


def number(word: str) -> float:
    """A number as Fortran writes it.

    Examples
    --------
    >>> number("-3.7500000000E-001"), number("1.0-100"), number("2.5D+03")
    (-0.375, 1e-100, 2500.0)
    """
    return float(_LOST_E.sub(r"E\1", word.upper().replace("D", "E")))


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
    state : (n,) array
    parameters : (NPAR,) array
    """

    label: int
    state: NDArray[np.float64]
    parameters: NDArray[np.float64]


def solutions(text: str) -> list[Solution]:
    """The labelled solutions of fort.8, fixed points only."""
    lines = text.splitlines()
    out, i = [], 0
    while i < len(lines):
        header = [int(word) for word in lines[i].split()]
        if len(header) < _HEADER_LENGTH:
            break
        width, length, count = header[7], header[8], header[11]
        words = [word for line in lines[i + 1 : i + 1 + length] for word in line.split()]
        state = np.array([number(word) for word in words[1:width]])
        out.append(Solution(header[3], state, np.array([number(word) for word in words[-count:]])))
        i += 1 + length
    return out


def spectra(text: str) -> dict[int, NDArray[np.complex128]]:
    """Eigenvalues of each point in fort.9, leading first; of a point's iterations the last."""
    found: dict[int, dict[int, complex]] = {}
    for line in text.splitlines():
        match = _EIGENVALUE.match(line)
        if match:
            place, real, imaginary = int(match[3]), number(match[4]), number(match[5])
            found.setdefault(abs(int(match[2])), {})[place] = complex(real, imaginary)
    return {
        point: np.array(sorted(values.values(), key=lambda v: (-v.real, -v.imag)))
        for point, values in found.items()
    }


def trace(
    branch: str,
    labelled: str,
    diagnostics: str,
    *,
    place: int,
    n_states: int,
    start: int,
    direction: int,
    most: int,
) -> Trace:
    """One run, whose every point is labelled.

    Parameters
    ----------
    branch, labelled, diagnostics : str
        Texts of fort.7, fort.8 and fort.9.
    place : int
        Number of the branch parameter in PAR.
    n_states : int
    start, direction : int
        Passed on.
    most : int
        Number of points at which AUTO was told to stop.

    Raises
    ------
    ExporterError
        If the files do not belong together.
    """
    points = rows(branch)
    by_label = {solution.label: solution for solution in solutions(labelled)}
    missing = [row.label for row in points if row.label not in by_label]
    if missing:
        raise ExporterError(
            f"AUTO-07p's solution file has no label {missing[0]}; it was cut short. Run it again."
        )
    states = np.array([by_label[row.label].state for row in points]).reshape(-1, n_states)
    parameter = np.array([by_label[row.label].parameters[place - 1] for row in points])
    eigenvalues = spectra(diagnostics)
    unstable = [_unstable(eigenvalues.get(row.point), n_states) for row in points]
    events = tuple(
        TracedEvent(KINDS[row.code], i, eigenvalues.get(row.point, np.empty(0, dtype=complex)))
        for i, row in enumerate(points)
        if row.code in KINDS
    )
    end = ""
    if points and points[-1].code == _NOT_CONVERGED:
        end = "no convergence"
    elif points and points[-1].point >= most:
        end = f"{most} points"
    return Trace(
        start=start,
        direction=direction,
        parameter=parameter,
        states=states,
        stable=np.array([row.stable for row in points], dtype=bool),
        unstable=np.array(unstable, dtype=np.int64),
        events=events,
        end=end,
    )


def _unstable(eigenvalues: NDArray[np.complex128] | None, n_states: int) -> int:
    if eigenvalues is None or len(eigenvalues) != n_states:
        return -1
    return int((eigenvalues.real > 0).sum())
