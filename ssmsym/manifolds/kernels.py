"""Compiled back substitution for many shifts of one quasi-triangular matrix: bare arrays, no checks."""

from __future__ import annotations

from numba import njit


@njit(cache=True)
def substitute_rows(T, low, high, shifts, r, near, small, event, size):  # type: ignore[no-untyped-def]
    """Solve ``(T - shift) x = r`` inside rows low..high, in place, one column of `r` a shift.

    A pivot nearer than `near` to singular is a resonance: the unknown is set to 0 where its right-hand side is at
    most `small` (harmless); elsewhere the row is noted in `event` with the size of the right-hand side.
    """
    for s in range(shifts.size):
        k = high - 1
        while k >= low:
            if k > low and T[k, k - 1] != 0.0:
                a = T[k - 1, k - 1] - shifts[s]
                b = T[k - 1, k]
                c = T[k, k - 1]
                d = T[k, k] - shifts[s]
                determinant = a * d - b * c
                x = r[k - 1, s]
                y = r[k, s]
                if abs(determinant) <= near[s] * (abs(a) + abs(b) + abs(c) + abs(d)):
                    height = max(abs(x), abs(y))
                    if height > small[s] and event[s] < 0:
                        event[s] = k
                        size[s] = height
                    x = x * 0.0
                    y = y * 0.0
                else:
                    x, y = (d * x - b * y) / determinant, (a * y - c * x) / determinant
                r[k - 1, s] = x
                r[k, s] = y
                for t in range(low, k - 1):
                    r[t, s] -= T[t, k - 1] * x + T[t, k] * y
                k -= 2
            else:
                pivot = T[k, k] - shifts[s]
                x = r[k, s]
                if abs(pivot) <= near[s]:
                    if abs(x) > small[s] and event[s] < 0:
                        event[s] = k
                        size[s] = abs(x)
                    x = x * 0.0
                else:
                    x = x / pivot
                r[k, s] = x
                for t in range(low, k):
                    r[t, s] -= T[t, k] * x
                k -= 1
