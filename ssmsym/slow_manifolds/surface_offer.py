"""What can be had where no slow curve exists: at which fixed points two leading modes allow a slow surface."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ssmsym.dynamics.fixed_points import FixedPoint, format_eigenvalue

_LEAST_RATIO = 1.5  # of the third rate to the second


def offered_surface(points: Sequence[FixedPoint]) -> str:
    """The fixed point whose two leading modes stand out most, with numbers and the call to make, in a sentence."""
    ratios = [_ratio(point) for point in points]
    if not ratios or max(ratios) < _LEAST_RATIO:
        best = (
            f" (the third rate is at most {max(ratios):.2g} times the second)"
            if max(ratios, default=0) > 0
            else ""
        )
        return (
            f"No fixed point on it has two leading modes that stand out{best}, so no slow surface is offered."
        )
    k = int(np.argmax(ratios))
    values = points[k].eigenvalues
    return (
        f"A surface may hold what no curve does: at fixed point {k} the two leading modes, "
        f"{format_eigenvalue(values[0])} and {format_eigenvalue(values[1])}, stand out from the next, "
        f"{format_eigenvalue(values[2])}, by a ratio of {ratios[k]:.2g}; "
        f"ssmsym.slow_surface(field, curve.points[{k}].point, radius=...) computes it over a disk, to be widened as "
        "long as its report allows."
    )


def _ratio(point: FixedPoint) -> float:
    """Third rate over second; 0 where two modes would cut a pair, or the third does not contract."""
    values = point.eigenvalues
    if len(values) < 3 or (values[1].imag != 0) != (values[0].imag != 0) or not values[2].real < 0:
        return 0.0
    return float("inf") if values[1].real >= 0 else float(values[2].real / values[1].real)
