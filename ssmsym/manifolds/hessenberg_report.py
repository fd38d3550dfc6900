"""What can be said of resonances when only some eigenvalues are computed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ssmsym.manifolds.resonances import ResonanceReport, resonance_report


@dataclass(frozen=True)
class PartialReport(ResonanceReport):
    """Resonances among the computed eigenvalues; quotients and smoothness need the others and are None.

    Attributes
    ----------
    computed, total : int
        Number of computed eigenvalues and of all.
    """

    computed: int = 0
    total: int = 0

    def __str__(self) -> str:
        among = f"among {self.computed} computed of {self.total} eigenvalues"
        lines = [f"{among}: {line}" for line in super().__str__().splitlines()]
        return "\n".join(
            [*lines, "spectral quotients, smoothness: not known without the spectrum (spectrum=True)"]
        )


def partial_report(
    spectrum: NDArray[np.complex128], modes: tuple[int, ...], order: int, total: int, *, discrete: bool
) -> PartialReport:
    """As :func:`~ssmsym.manifolds.resonances.resonance_report`, for k leading of `total` eigenvalues, (k,)."""
    known = replace(
        resonance_report(spectrum, modes, order, discrete=discrete),
        outer_spectral_quotient=None,
        inner_spectral_quotient=None,
        smoothness=None,
    )
    parts = {name: getattr(known, name) for name in known.__dataclass_fields__}
    return PartialReport(**parts, computed=len(spectrum), total=total)
