"""Where a network trained as an Euler map and the ODE of the same equation disagree on stability."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ssmsym.errors import SsmsymWarning
from ssmsym.fields.field import VectorField

if TYPE_CHECKING:
    from ssmsym.dynamics.fixed_points import FixedPoint


def stability_notes(
    field: VectorField, points: Sequence[FixedPoint], *, only: int | None = None
) -> list[str]:
    """Fixed points of a flow whose number of unstable directions differs in the trained Euler map.

    An eigenvalue l of the ODE is the multiplier 1 + dt l of the map. One sentence a point, by its position in the
    list; empty if the field was not trained as a map.

    Parameters
    ----------
    field : VectorField
    points : sequence of FixedPoint
    only : int, optional
        Look at this position alone.
    """
    step = field.metadata.get("trained_step")
    if not step or field.is_map:
        return []
    notes = []
    for number, point in enumerate(points):
        growing = int((abs(1 + step * point.eigenvalues) > 1).sum())
        if only in (None, number) and growing != point.index:
            notes.append(
                f"fixed point {number} has {point.index} unstable directions in the ODE and {growing} in the Euler map "
                f"with the training step {step:g}."
            )
    return notes


def warn_of_disagreement(field: VectorField, points: Sequence[FixedPoint]) -> None:
    """Warn if the stability of a fixed point depends on which of the two is looked at."""
    notes = stability_notes(field, points)
    if notes:
        warnings.warn(
            f"The network was trained as an Euler map and is analysed as its ODE: {notes[0]}"
            + (f" The same holds for {len(notes) - 1} more." if len(notes) > 1 else ""),
            SsmsymWarning,
            stacklevel=4,
        )
