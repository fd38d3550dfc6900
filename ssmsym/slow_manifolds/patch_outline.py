"""The outline of a patch that is no ellipse: a closed curve R(angle) about s = 0, such as a limit cycle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError
from ssmsym.slow_manifolds.patch_axes import FourierAxis

Array = NDArray[np.float64]

_NOTHING = np.zeros(0, dtype=np.int64)
_CLOSE = 1e-2  # of the radius: largest distance of the series from the curve that it is fitted to


@dataclass(frozen=True, eq=False)
class Outline:
    """R(angle) by a Fourier series; 1 for a circle.

    Attributes
    ----------
    coefficients : (2 h + 1,) array
    """

    coefficients: Array

    @property
    def _axis(self) -> FourierAxis:
        return FourierAxis(len(self.coefficients) // 2)

    def radius(self, angles: Array) -> Array:
        """R (m,)."""
        return self._axis.basis(angles, _NOTHING) @ self.coefficients

    def slope(self, angles: Array) -> Array:
        """dR/d angle (m,)."""
        return self._axis.basis_slope(angles, _NOTHING) @ self.coefficients

    @property
    def largest(self) -> float:
        """Largest R."""
        return float(self.radius(np.linspace(-np.pi, np.pi, 400)).max())


CIRCLE = Outline(np.ones(1))


def fitted_outline(s: Array, harmonics: int) -> Outline:
    """The outline through places s (m, 2) on a closed curve.

    Raises
    ------
    InputError
        If the curve is not star-shaped about s = 0, or given at too few places.
    """
    angles, radii = np.arctan2(s[:, 1], s[:, 0]), np.hypot(s[:, 0], s[:, 1])
    gaps = np.diff(np.sort(np.append(angles, angles.min() + 2 * np.pi)))
    if not gaps.max() < np.pi / harmonics:
        raise InputError(
            f"The 'outline' must go round s = 0 in steps below {180 / harmonics:.3g} degrees for {harmonics} "
            f"harmonics; found a gap of {np.degrees(gaps.max()):.3g}. Give more states on it, or take another centre."
        )
    basis = FourierAxis(harmonics).basis(angles, _NOTHING)
    outline = Outline(np.asarray(np.linalg.lstsq(basis, radii, rcond=None)[0], dtype=float))
    off = float(np.abs(outline.radius(angles) - radii).max())
    if not (off < _CLOSE * radii.min() and outline.radius(np.linspace(-np.pi, np.pi, 400)).min() > 0):
        raise InputError(
            f"The 'outline' has no single radius in every direction from s = 0 (a Fourier series misses it by "
            f"{off:.2g}); take another centre or plane, or give one turn of a settled cycle."
        )
    return outline
