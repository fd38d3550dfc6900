"""Compiled inner loops of series arithmetic: bare arrays in, bare arrays out, no checks."""

from __future__ import annotations

import numpy as np
from numba import njit

_BLOCK = 128  # neurons at a time, so that the sum of a target's pairs stays in the first-level cache


@njit(cache=True, fastmath=True)
def accumulate_products(out, a, b, left, right, target, weight):  # type: ignore[no-untyped-def]
    """Add ``weight * a[left] * b[right]`` to row `target` of `out`, neuron by neuron; `target` ascends.

    Columns of `a` and `b` beyond those of `out` are not looked at.
    Pairs of one target are taken four at a time: a load of the sum for every four products.
    """
    n_columns = out.shape[1]
    n_pairs = left.size
    total = np.empty(_BLOCK)
    for start in range(0, n_columns, _BLOCK):
        width = min(_BLOCK, n_columns - start)
        stop = start + width
        pair = 0
        while pair < n_pairs:
            row = target[pair]
            for i in range(width):
                total[i] = 0.0
            while pair + 3 < n_pairs and target[pair + 3] == row:
                c0, c1, c2, c3 = weight[pair], weight[pair + 1], weight[pair + 2], weight[pair + 3]
                x0, y0 = a[left[pair], start:stop], b[right[pair], start:stop]
                x1, y1 = a[left[pair + 1], start:stop], b[right[pair + 1], start:stop]
                x2, y2 = a[left[pair + 2], start:stop], b[right[pair + 2], start:stop]
                x3, y3 = a[left[pair + 3], start:stop], b[right[pair + 3], start:stop]
                for i in range(width):
                    total[i] += (
                        c0 * x0[i] * y0[i] + c1 * x1[i] * y1[i] + c2 * x2[i] * y2[i] + c3 * x3[i] * y3[i]
                    )
                pair += 4
            while pair < n_pairs and target[pair] == row:
                c, x, y = weight[pair], a[left[pair], start:stop], b[right[pair], start:stop]
                for i in range(width):
                    total[i] += c * x[i] * y[i]
                pair += 1
            o = out[row, start:stop]
            for i in range(width):
                o[i] += total[i]
