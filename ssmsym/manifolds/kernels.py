"""Compiled solvers for many shifts of one quasi-triangular or Hessenberg matrix: bare arrays, no checks."""

from __future__ import annotations

import numpy as np
from numba import njit

_TINY = 1e-300  # what stands for a pivot that vanishes, so that nothing is divided by 0


@njit(cache=True)
def singular_pair(a, b, c, d, x, y, near):  # type: ignore[no-untyped-def]
    """Size of what is unsolvable of ``((a, b), (c, d)) (u, v) = (x, y)`` of rank 1, and the smallest (u, v).

    A matrix of size up to `near` counts as 0.
    """
    first = abs(a) ** 2 + abs(c) ** 2
    second = abs(b) ** 2 + abs(d) ** 2
    size = first + second
    if size <= max((2.0 * near) ** 2, _TINY):
        return max(abs(x), abs(y)), x * 0.0, y * 0.0
    height = abs(a * y - c * x) / np.sqrt(first) if first >= second else abs(d * x - b * y) / np.sqrt(second)
    u = (np.conj(a) * x + np.conj(c) * y) / size
    v = (np.conj(b) * x + np.conj(d) * y) / size
    return height, u, v


@njit(cache=True)
def substitute_rows(  # type: ignore[no-untyped-def]
    T, low, high, shifts, r, near, small, event, order, starts, sources, factors, places, mirrors, full
):
    """Solve ``(T - shift) x = r`` inside rows low..high, in place, one column of `r` a shift.

    Columns are taken in `order`; before, column s gains ``factors * full[sources]`` over starts[s]..starts[s + 1],
    where `full` holds what earlier columns gave for the row, at `places`, and their conjugates at `mirrors`, if not -1.
    A pivot nearer than `near` to singular is a resonance: where what cannot be solved of its right-hand side is at
    most `small` (harmless), the smallest solution is taken; elsewhere the row is noted in `event`.
    """
    k = high - 1
    while k >= low:
        is_pair = k > low and T[k, k - 1] != 0.0
        for position in range(order.size):
            s = order[position]
            y = r[k, s]
            x = y * 0.0
            for e in range(starts[s], starts[s + 1]):
                y += factors[e] * full[0, sources[e]]
            if is_pair:
                x = r[k - 1, s]
                for e in range(starts[s], starts[s + 1]):
                    x += factors[e] * full[1, sources[e]]
            d = T[k, k] - shifts[s]
            if is_pair:
                a = T[k - 1, k - 1] - shifts[s]
                b = T[k - 1, k]
                c = T[k, k - 1]
                determinant = a * d - b * c
                if abs(determinant) <= near[s] * (abs(a) + abs(b) + abs(c) + abs(d)):
                    height, x, y = singular_pair(a, b, c, d, x, y, near[s])
                    if height > small[s] and event[s] < 0:
                        event[s] = k
                else:
                    x, y = (d * x - b * y) / determinant, (a * y - c * x) / determinant
                r[k - 1, s] = x
            elif abs(d) <= near[s]:
                if abs(y) > small[s] and event[s] < 0:
                    event[s] = k
                y = y * 0.0
            else:
                y = y / d
            r[k, s] = y
            full[0, places[s]] = y
            full[1, places[s]] = x
            if mirrors[s] >= 0:
                full[0, mirrors[s]] = np.conj(y)
                full[1, mirrors[s]] = np.conj(x)
        first = k - 1 if is_pair else k
        for row in range(first, k + 1):
            solved = r[row]
            for t in range(low, first):
                c = T[t, row]
                target = r[t]
                for s in range(order.size):
                    target[s] -= c * solved[s]
        k = first - 1


@njit(cache=True, fastmath={"contract", "reassoc", "nsz"})
def solve_hessenberg(columns, shifts, groups, r, pivots):  # type: ignore[no-untyped-def]
    """Solve ``(H - shift_g) x = r[s]`` in place for the rows s of group g, by RQ rotations made on the fly.

    `columns` holds the columns of H as rows: each is read once for all shifts, no factor is stored. `pivots` gets the
    smallest diagonal entry of each R.
    """
    n = r.shape[1]
    count = shifts.size
    v = np.empty((count, n), r.dtype)
    cosines = np.empty((count, n), r.dtype)
    sines = np.empty((count, n))
    for g in range(count):
        for t in range(n):
            v[g, t] = columns[n - 1, t]
        v[g, n - 1] -= shifts[g]
        pivots[g] = np.inf
    for k in range(n - 1, 0, -1):
        u = columns[k - 1]
        for g in range(count):
            w = v[g]
            rho = np.sqrt(u[k] * u[k] + (w[k] * np.conj(w[k])).real)
            pivots[g] = min(pivots[g], rho)
            rho = max(rho, _TINY)
            a = w[k] / rho
            b = u[k] / rho
            cosines[g, k] = a
            sines[g, k] = b
            last = groups[g + 1] - 1
            for s in range(groups[g], last):
                x = r[s]
                x[k] /= rho
                p = x[k] * b
                q = x[k] * np.conj(a)
                for t in range(k):
                    x[t] -= p * u[t] + q * w[t]
                x[k - 1] += p * shifts[g]
            x = r[last]
            x[k] /= rho
            p = x[k] * b
            q = x[k] * np.conj(a)
            for t in range(k):
                ut = u[t]
                wt = w[t]
                x[t] -= p * ut + q * wt
                w[t] = a * ut - b * wt
            x[k - 1] += p * shifts[g]
            w[k - 1] -= a * shifts[g]
    for g in range(count):
        pivots[g] = min(pivots[g], abs(v[g, 0]))
        first = v[g, 0] if abs(v[g, 0]) > _TINY else v[g, 0] * 0.0 + _TINY
        for s in range(groups[g], groups[g + 1]):
            x = r[s]
            x[0] /= first
            for k in range(1, n):
                a = cosines[g, k]
                b = sines[g, k]
                above = x[k - 1]
                x[k - 1] = a * above + b * x[k]
                x[k] = np.conj(a) * x[k] - b * above


@njit(cache=True, fastmath={"contract", "reassoc", "nsz"})
def resolvent_traces(columns, shifts, traces):  # type: ignore[no-untyped-def]
    """``trace (shift - H)^-1`` for each shift, as the logarithmic derivative of det(H - shift).

    Hyman's recurrence with rotations, carried along with its derivative. The trace knows the eigenvalues only, not
    the eigenvectors.
    """
    n = columns.shape[0]
    count = shifts.size
    v = np.empty((count, n), np.complex128)
    derivative = np.zeros((count, n), np.complex128)
    for g in range(count):
        for t in range(n):
            v[g, t] = columns[n - 1, t]
        v[g, n - 1] -= shifts[g]
        derivative[g, n - 1] = -1.0
    for k in range(n - 1, 0, -1):
        u = columns[k - 1]
        for g in range(count):
            w = v[g]
            z = derivative[g]
            rho = max(np.sqrt(u[k] * u[k] + (w[k] * np.conj(w[k])).real), _TINY)
            a = w[k] / rho
            b = u[k] / rho
            c = z[k] / rho
            for t in range(k):
                ut = u[t]
                z[t] = c * ut - b * z[t]
                w[t] = a * ut - b * w[t]
            z[k - 1] -= a + c * shifts[g]
            w[k - 1] -= a * shifts[g]
    for g in range(count):
        traces[g] = derivative[g, 0] / v[g, 0] if abs(v[g, 0]) > _TINY else np.inf
