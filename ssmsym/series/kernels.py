"""Compiled inner loops of series arithmetic: bare arrays in, bare arrays out, no checks."""

from __future__ import annotations

from numba import njit

_BLOCK = 256  # neurons at a time, so that the rows in use stay in the first-level cache


@njit(cache=True, fastmath=True)
def accumulate_products(out, a, b, left, right, target, weight):  # type: ignore[no-untyped-def]
    """Add ``weight * a[left] * b[right]`` to row `target` of `out`, neuron by neuron."""
    n_columns = out.shape[1]
    for start in range(0, n_columns, _BLOCK):
        stop = min(start + _BLOCK, n_columns)
        for pair in range(left.size):
            c = weight[pair]
            x = a[left[pair]]
            y = b[right[pair]]
            o = out[target[pair]]
            for i in range(start, stop):
                o[i] += c * x[i] * y[i]
