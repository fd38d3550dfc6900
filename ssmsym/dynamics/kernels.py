"""Compiled inner loops of the ensemble integrator: bare arrays, no checks."""

from __future__ import annotations

import math

from numba import njit


@njit(cache=True, fastmath=True)
def stage(X, k0, k1, k2, k3, k4, k5, weights, h, Y):  # type: ignore[no-untyped-def]
    """Y = X + h (weights . k), each member with its own step h; zero weights cost nothing."""
    n_members, n = X.shape
    for r in range(n_members):
        a0 = h[r] * weights[0]
        a1 = h[r] * weights[1]
        a2 = h[r] * weights[2]
        a3 = h[r] * weights[3]
        a4 = h[r] * weights[4]
        a5 = h[r] * weights[5]
        for i in range(n):
            Y[r, i] = X[r, i] + a0 * k0[r, i]
        if a1 != 0.0:
            for i in range(n):
                Y[r, i] += a1 * k1[r, i]
        if a2 != 0.0:
            for i in range(n):
                Y[r, i] += a2 * k2[r, i]
        if a3 != 0.0:
            for i in range(n):
                Y[r, i] += a3 * k3[r, i]
        if a4 != 0.0:
            for i in range(n):
                Y[r, i] += a4 * k4[r, i]
        if a5 != 0.0:
            for i in range(n):
                Y[r, i] += a5 * k5[r, i]


@njit(cache=True, fastmath={"reassoc", "contract", "arcp", "nsz"})  # keeps NaN and inf as they are
def error_norms(X, Y, k0, k1, k2, k3, k4, k5, k6, weights, h, rtol, atol, out):  # type: ignore[no-untyped-def]
    """Root mean square of the error estimate over atol + rtol max(|X|, |Y|), member by member."""
    n_members, n = X.shape
    for r in range(n_members):
        total = 0.0
        for i in range(n):
            error = (
                weights[0] * k0[r, i]
                + weights[1] * k1[r, i]
                + weights[2] * k2[r, i]
                + weights[3] * k3[r, i]
                + weights[4] * k4[r, i]
                + weights[5] * k5[r, i]
                + weights[6] * k6[r, i]
            )
            value = h[r] * error / (atol + rtol * max(abs(X[r, i]), abs(Y[r, i])))
            total += value * value
        out[r] = math.sqrt(total / n)


@njit(cache=True)
def take_accepted(X, Y, k0, k6, accepted):  # type: ignore[no-untyped-def]
    """Move the accepted members on: X = Y, and the last stage is the next step's first."""
    n_members, n = X.shape
    for r in range(n_members):
        if accepted[r]:
            for i in range(n):
                X[r, i] = Y[r, i]
                k0[r, i] = k6[r, i]
