"""Radius of convergence from the sizes of a series' homogeneous parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SHRINKING_EXPONENT = 0.3
_FIT_MARGIN = 0.3  # how much better growth without bound must fit than bounded growth
_FIT_ERROR = 0.05
_FEWEST = 5  # nonzero parts
_SHIFTS = (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)


@dataclass(frozen=True)
class RadiusEstimate:
    """Root-test estimate of a radius of convergence.

    Attributes
    ----------
    value : float
        Smallest of `by_degree` in the later half of the degrees; inf if all parts there vanish.
    by_degree : (K,) array
        ``height(k)^(-1/k)`` of each degree, inf where the part vanishes.
    conclusive : bool
        Whether there are enough nonzero parts to judge whether the radius shrinks.
    shrinks : bool
        Whether the growth from degree to degree rises like a power of the degree: the estimate then tends
        to 0 and the series is at best asymptotic.
    """

    value: float
    by_degree: Array
    shrinks: bool
    conclusive: bool

    def __str__(self) -> str:
        if self.shrinks:
            return f"shrinking to 0 with the order ({self.value:.3g} at this one)"
        return "unlimited" if np.isinf(self.value) else f"{self.value:.4g}"


def estimate_radius(heights: Array) -> RadiusEstimate:
    """The estimate from the sizes of the parts of degree 1, 2, ..., K (0 where a part vanishes).

    Parameters
    ----------
    heights : (K,) array
    """
    degrees = np.arange(1, len(heights) + 1)
    with np.errstate(divide="ignore"):
        by_degree = np.where(heights > 0, heights, np.nan) ** (-1.0 / degrees)
    by_degree = np.where(np.isnan(by_degree), np.inf, by_degree)
    used = (heights > 0) & (degrees >= 2)
    late = degrees >= (len(heights) + 1) / 2
    value = float(np.min(by_degree[late & used], initial=np.inf))
    conclusive = int(used.sum()) >= _FEWEST
    shrinks = conclusive and _shrinks(degrees[used], heights[used])
    return RadiusEstimate(value, by_degree, shrinks, conclusive)


def _shrinks(degrees: NDArray[np.int64], heights: Array) -> bool:
    """Compare growth c (k + s)^a, whose radius is 0, with a + b / (k + s), that of a finite radius.

    The second is the form of Domb and Sykes (Proc. R. Soc. A 240, 1957, section 2) with their shift.
    """
    growth = np.exp(np.diff(np.log(heights)) / np.diff(degrees))
    k = degrees[1:].astype(float)
    power = min((_power_fit(k + shift, growth) for shift in _SHIFTS), key=lambda fit: fit[1])
    bounded_error = min(_bounded_error(k + shift, growth) for shift in _SHIFTS)
    exponent, power_error = power
    return bool(
        exponent > _SHRINKING_EXPONENT
        and power_error < _FIT_ERROR
        and power_error < _FIT_MARGIN * bounded_error
    )


def _power_fit(k: Array, growth: Array) -> tuple[float, float]:
    exponent, intercept = np.polyfit(np.log(k), np.log(growth), 1)
    return float(exponent), float(np.std(np.log(growth) - exponent * np.log(k) - intercept))


def _bounded_error(k: Array, growth: Array) -> float:
    fitted = np.polyval(np.polyfit(1.0 / k, growth, 1), 1.0 / k)
    return float(np.std((growth - fitted) / growth))
