"""Where a network trained as an Euler map and the ODE of the same equation disagree on stability."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ssmsym.dynamics.critical import trained_limit
from ssmsym.errors import SsmsymWarning
from ssmsym.fields.field import VectorField

if TYPE_CHECKING:
    from ssmsym.dynamics.diagram import BifurcationDiagram, SpecialPoint
    from ssmsym.dynamics.fixed_points import FixedPoint

_SAME = 1e-6  # difference in parameter, relative to the interval, that is not worth a word
_NAMES = {"neimark_sacker": "Neimark-Sacker point", "flip": "flip"}


def unstable_in_euler_map(field: VectorField, point: FixedPoint) -> int | None:
    """Number of multipliers 1 + dt l beyond the unit circle in the trained Euler map of a flow; None if it has none."""
    limit = trained_limit(field)
    return None if limit is None else int(limit.unstable(point.eigenvalues))


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
    notes = []
    for number, point in enumerate(points):
        growing = unstable_in_euler_map(field, point)
        if growing is not None and only in (None, number) and growing != point.index:
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


def branch_notes(diagram: BifurcationDiagram) -> list[str]:
    """Where a diagram's ODE and the Euler map that was trained change stability at different parameter values.

    Each Hopf point is set beside the nearest Neimark-Sacker point of its branch. One sentence a place, the one
    with the largest difference first; empty if the field was not trained as a map.

    Parameters
    ----------
    diagram : BifurcationDiagram
    """
    if diagram.trained_step is None:
        return []
    left = list(diagram.euler_map_points)
    apart: list[tuple[float, str]] = []
    alone = []
    for hopf, twin in _pairs(diagram.of_kind("hopf"), [p for p in left if p.kind == "neimark_sacker"]):
        left = [p for p in left if p is not twin]
        if twin is None:
            alone.append(f"the ODE has a Hopf point at {_place(diagram, hopf)}, the Euler map none beside it")
        elif abs(hopf.parameter - twin.parameter) > _SAME * (diagram.interval[1] - diagram.interval[0]):
            text = (
                f"the ODE has its Hopf point at {_place(diagram, hopf)}, the Euler map its Neimark-Sacker point at "
                f"{_place(diagram, twin)}"
            )
            apart.append((abs(hopf.parameter - twin.parameter), text))
    alone += [
        f"the Euler map has a {_NAMES[point.kind]} at {_place(diagram, point)}, the ODE nothing beside it"
        for point in left
    ]
    return [*alone, *(text for _, text in sorted(apart, key=lambda item: -item[0]))]


def _pairs(
    hopf: Sequence[SpecialPoint], others: Sequence[SpecialPoint]
) -> list[tuple[SpecialPoint, SpecialPoint | None]]:
    """Each Hopf point with the nearest point of its branch that no nearer one has taken."""
    near = sorted(
        (abs(a.parameter - b.parameter), i, j)
        for i, a in enumerate(hopf)
        for j, b in enumerate(others)
        if a.branch == b.branch
    )
    taken: dict[int, int] = {}
    for _, i, j in near:
        if i not in taken and j not in taken.values():
            taken[i] = j
    return [(point, others[taken[i]] if i in taken else None) for i, point in enumerate(hopf)]


def _place(diagram: BifurcationDiagram, point: SpecialPoint) -> str:
    decimals = max(0, 5 - math.floor(math.log10(diagram.interval[1] - diagram.interval[0])))
    return f"{diagram.parameter} = {point.parameter:.{decimals}f}"


def diagram_note(diagram: BifurcationDiagram) -> str | None:
    """One sentence that says where ODE and trained Euler map differ along the branches; None where they agree."""
    notes = branch_notes(diagram)
    if not notes:
        return None
    more = "" if len(notes) == 1 else f"; {len(notes) - 1} more such difference{'s' * (len(notes) > 2)}"
    return (
        f"The network was trained as the Euler map with step {diagram.trained_step:g} and is analysed as its ODE: "
        f"{notes[0]}{more}."
    )
