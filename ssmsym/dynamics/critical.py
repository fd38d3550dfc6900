"""The line that eigenvalues cross at a bifurcation: the imaginary axis, or the unit circle of a map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.fields.field import VectorField

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class StabilityLimit:
    """Where eigenvalues l of the defect's Jacobian change stability in the map x -> x + step f(x).

    The multiplier of l is 1 + step l. Steps: 0 for a flow (the imaginary axis), 1 for a map, whose defect is
    f(x) - x (the unit circle), dt for the Euler map of a flow.

    Attributes
    ----------
    step : float
    """

    step: float

    @property
    def discrete(self) -> bool:
        """Whether it is a map's."""
        return self.step > 0.0

    @property
    def pair_kind(self) -> str:
        """What happens where a complex pair crosses."""
        return "neimark_sacker" if self.discrete else "hopf"

    def growth(self, eigenvalues: NDArray[Any]) -> Array:
        """Re l + step |l|^2 / 2, that is (|1 + step l|^2 - 1) / (2 step): positive where a direction grows."""
        return np.asarray(eigenvalues.real + 0.5 * self.step * np.abs(eigenvalues) ** 2)

    def reported(self, eigenvalues: NDArray[Any]) -> Complex:
        """Eigenvalues as results give them: multipliers for a map."""
        return np.asarray(1.0 + self.step * eigenvalues if self.discrete else eigenvalues, dtype=complex)

    def distance(self, eigenvalue: complex) -> float:
        """Distance of the reported eigenvalue from the line."""
        return abs(abs(1.0 + self.step * eigenvalue) - 1.0) if self.discrete else abs(eigenvalue.real)

    def period(self, eigenvalue: complex) -> float:
        """Of the oscillation of a critical eigenvalue; for a map in iterates."""
        if self.discrete:
            return float(2 * np.pi / abs(np.angle(1.0 + self.step * eigenvalue)))
        return float(2 * np.pi / abs(eigenvalue.imag))

    def unstable(self, eigenvalues: NDArray[Any]) -> int:
        """Number of growing directions."""
        return int((self.growth(eigenvalues) > 0).sum())

    def levels(self, eigenvalues: NDArray[Any], kind: str) -> Array:
        """Numbers, descending, that pass through 0 where an event of a kind happens.

        Real eigenvalues l (fold, branch point: l = 0), -2 - step l (flip: multiplier -1), or the growth of
        each pair (Hopf, Neimark-Sacker). The k-th of them is a continuous function of the matrix where no
        eigenvalues meet.
        """
        real = eigenvalues[eigenvalues.imag == 0].real
        if kind == "flip":
            found = -2.0 - self.step * real if self.discrete else real[:0]
        elif kind in ("hopf", "neimark_sacker"):
            found = self.growth(eigenvalues[eigenvalues.imag > 0])
        else:
            found = real
        return np.sort(found)[::-1]

    def crossed(self, eigenvalues: NDArray[Any], kind: str) -> int:
        """Number of eigenvalues (pairs) beyond the line on the side of an event's kind."""
        return int((self.levels(eigenvalues, kind) > 0).sum())

    def critical(self, eigenvalues: NDArray[Any], kind: str) -> complex:
        """The eigenvalue that is nearest to an event of a kind; NaN without a candidate."""
        target = -2.0 / self.step if kind == "flip" and self.discrete else 0.0
        if kind in ("hopf", "neimark_sacker"):
            candidates = eigenvalues[eigenvalues.imag > 0]
            offsets = np.abs(self.growth(candidates))
        else:
            candidates = eigenvalues[eigenvalues.imag == 0]
            offsets = np.abs(candidates.real - target)
        return complex(candidates[np.argmin(offsets)]) if len(candidates) else complex("nan")


FLOW, MAP = StabilityLimit(0.0), StabilityLimit(1.0)


def limit_of(field: VectorField) -> StabilityLimit:
    """The stability limit of a field."""
    return MAP if field.is_map else FLOW


def trained_limit(field: VectorField) -> StabilityLimit | None:
    """The limit of the Euler map as which a flow was trained; None if it was not."""
    step = field.metadata.get("trained_step")
    return StabilityLimit(float(step)) if step and not field.is_map else None
