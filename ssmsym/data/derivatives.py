"""Linear equations between the samples of a solution and its vector field, without knowing the field.

Each method gives three sparse matrices over the M sampling times. With z = `states` @ eta the smoothed samples,
any solution of eta' = r(eta) satisfies ``changes @ eta = weights @ r(z)`` up to the error of the method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError

Array = NDArray[np.float64]

METHODS = {"central": 7, "local": 15, "integral": 7}  # with the number of samples they take at a time
_LOCAL_DEGREE = 4


@dataclass(frozen=True, eq=False)
class RateEquations:
    """The three matrices of one method at given times.

    Attributes
    ----------
    states : (L, M) sparse
        Samples to smoothed samples.
    changes : (K, M) sparse
        Samples to derivatives, or to differences over a window.
    weights : (K, L) sparse
        Values of the vector field to the same derivatives or differences.
    width : int
        Number of samples that one equation takes.
    """

    states: Any
    changes: Any
    weights: Any
    width: int


def rate_equations(times: Array, method: str, window: int | None = None) -> RateEquations:
    """The equations of one method.

    Parameters
    ----------
    times : (M,) array
    method : {"central", "local", "integral"}
        Derivative of the polynomial through `window` samples, at the middle one; derivative of the quartic
        fitted to `window` samples (Savitzky and Golay, Analytical Chemistry 36, 1964, for any spacing);
        difference over `window` samples against the integral of the polynomial through them (Newton-Cotes).
    window : int, optional
        Odd, at least 3; 7, 15 and 7 when not given, fewer if there are fewer samples.

    Raises
    ------
    InputError
        If the method is unknown or the window does not fit.
    """
    if method not in METHODS:
        known = ", ".join(f"'{name}'" for name in METHODS)
        raise InputError(f"'derivative' is one of {known}; found '{method}'.")
    samples = len(times)
    if samples < 3:
        raise InputError(f"Rates of change need at least 3 samples a trajectory; found {samples}.")
    width = min(METHODS[method], samples - 1 + samples % 2) if window is None else window
    if int(width) != width or width % 2 == 0 or not 3 <= width <= samples:
        raise InputError(
            f"'window' must be an odd number from 3 to the number of samples ({samples}); found {window}."
        )
    return _equations(times, method, int(width))


def _equations(times: Array, method: str, width: int) -> RateEquations:
    import scipy.sparse as sp

    degree = min(_LOCAL_DEGREE, width - 1) if method == "local" else width - 1
    count = len(times) - width + 1
    value, slope, area = (np.empty((count, width)) for _ in range(3))
    for first in range(count):
        value[first], slope[first], area[first] = _stencil(times[first : first + width], degree)
    columns = np.arange(count)[:, None] + np.arange(width)

    def matrix(rows: Array) -> Any:
        return sp.csr_matrix(
            (rows.ravel(), columns.ravel(), np.arange(0, rows.size + 1, width)), shape=(count, len(times))
        )

    if method == "integral":
        ends = np.zeros(width)
        ends[0], ends[-1] = -1.0, 1.0
        return RateEquations(
            sp.identity(len(times), format="csr"), matrix(np.tile(ends, (count, 1))), matrix(area), width
        )
    return RateEquations(matrix(value), matrix(slope), sp.identity(count, format="csr"), width)


def _stencil(times: Array, degree: int) -> tuple[Array, Array, Array]:
    """Weights of value and slope at the middle, and of the integral, of the fitted polynomial."""
    middle = times[len(times) // 2]
    unit = max(times[-1] - middle, middle - times[0])
    s = (times - middle) / unit
    fit = np.linalg.pinv(np.vander(s, degree + 1, increasing=True))
    powers = np.arange(1, degree + 2)
    integrals = (s[-1] ** powers - s[0] ** powers) / powers
    return fit[0], fit[1] / unit, unit * (integrals @ fit)


def noise_level(states: Array) -> Array:
    """Standard deviation of independent measurement noise in each state variable, shape (N,).

    From the highest differences, up to the sixth, that the (n, M, N) samples allow: they annihilate what is
    smooth on the scale of the sampling. Variation faster than that counts as noise.
    """
    from math import comb

    order = min(6, states.shape[1] - 1)
    if order < 2:
        return np.zeros(states.shape[2])
    differences = np.diff(states, n=order, axis=1)
    return np.asarray(np.sqrt(np.mean(differences**2, axis=(0, 1)) / comb(2 * order, order)))
