"""What one would write without ssmsym: the same expansion by simple loops, and by SymPy."""

import itertools
import math

import numpy as np
import sympy


def monomials(d, degree):
    """Exponents of all monomials of one degree."""
    chosen = itertools.combinations_with_replacement(range(d), degree)
    return [tuple(c.count(i) for i in range(d)) for c in map(list, chosen)]


def tanh_taylor(values, order):
    """Derivatives of tanh over n!, at each value, n = 0..order."""
    t, polynomial, out = np.tanh(values), np.polynomial.Polynomial([0, 1]), []
    for n in range(order + 1):
        out.append(polynomial(t) / math.factorial(n))
        polynomial = polynomial.deriv() * np.polynomial.Polynomial([1, 0, -1])
    return out


def add(series, key, value):
    series[key] = series[key] + value if key in series else value


def known_convolution(W, R, degree):
    """The part of DW R of one degree that holds neither W_1, W_k nor R_1."""
    out = {}
    for (m, w), (n, r) in itertools.product(W.items(), R.items()):
        if sum(m) < 2 or sum(n) < 2 or sum(m) + sum(n) - 1 != degree:
            continue
        for j in np.flatnonzero(m):
            add(
                out,
                tuple(a + b - (i == j) for i, (a, b) in enumerate(zip(m, n, strict=True))),
                m[j] * w * r[j],
            )
    return out


def composed(taylor, W, degree):
    """tanh of the series of every neuron, by Horner's scheme, to one degree."""
    d = len(next(iter(W)))
    out = {}
    for n in range(degree, 0, -1):
        add(out, (0,) * d, taylor[n])
        product = {}
        for (a, x), (b, y) in itertools.product(out.items(), W.items()):
            if sum(a) + sum(b) <= degree:
                add(product, tuple(i + j for i, j in zip(a, b, strict=True)), x * y)
        out = product
    return out


class DenseSolver:
    """One dense solve a monomial; the master directions are moved away so that only the rest can resonate."""

    def __init__(self, A, V, U, rates):
        self.V, self.U, self.rates = V, U, rates
        away = -3.0 * np.linalg.norm(A, 2)
        self.A = A + V @ (away * np.eye(len(rates)) - np.diag(rates)) @ U.T

    def solve(self, exponents, right_side):
        right_side = right_side - self.V @ (self.U.T @ right_side)
        shift = np.dot(exponents, self.rates)
        w = np.linalg.solve(self.A - shift * np.eye(len(self.A)), right_side)
        return w - self.V @ (self.U.T @ w)


def per_monomial(J, state, V, U, rates, order):
    """Graph-style SSM of x' = -x + J tanh(x) + b for real, simple master modes, which are given.

    Parameters
    ----------
    J : (N, N)
    state : (N,)
        Fixed point.
    V, U : (N, d)
        Right and left eigenvectors with U^T V = I.
    rates : (d,)
        Real eigenvalues.
    order : int

    Returns
    -------
    W, R : dict
        Coefficients, (N,) and (d,), by exponents.
    """
    d, taylor = len(rates), tanh_taylor(state, order)
    solver = DenseSolver(J * taylor[1] - np.eye(len(J)), V, U, rates)
    unit = [tuple(int(i == j) for i in range(d)) for j in range(d)]
    W = {unit[j]: V[:, j] for j in range(d)}
    R = {unit[j]: np.eye(d)[j] * rates[j] for j in range(d)}
    for degree in range(2, order + 1):
        series = composed(taylor, W, degree)
        known = known_convolution(W, R, degree)
        for m in monomials(d, degree):
            F = J @ series[m]
            R[m] = U.T @ F
            W[m] = solver.solve(m, known.get(m, 0.0) - F)
    return W, R


def by_sympy(J, state, V, U, rates, order):
    """As :func:`per_monomial`, the tanh of every neuron expanded by SymPy in the master coordinates."""
    d, taylor = len(rates), tanh_taylor(state, order)
    solver = DenseSolver(J * taylor[1] - np.eye(len(J)), V, U, rates)
    p = sympy.symbols(f"p0:{d}")
    unit = [tuple(int(i == j) for i in range(d)) for j in range(d)]
    W = {unit[j]: V[:, j] for j in range(d)}
    R = {unit[j]: np.eye(d)[j] * rates[j] for j in range(d)}
    for degree in range(2, order + 1):
        wanted = monomials(d, degree)
        values = {m: np.zeros(len(J)) for m in wanted}
        for i in range(len(J)):
            terms = (c[i] * sympy.prod(a**b for a, b in zip(p, m, strict=True)) for m, c in W.items())
            shift = sympy.Add(*terms)
            expanded = sympy.expand(sum(taylor[n][i] * shift**n for n in range(1, degree + 1)))
            coefficients = sympy.Poly(expanded, *p).as_dict()
            for m in wanted:
                values[m][i] = float(coefficients.get(m, 0.0))
        known = known_convolution(W, R, degree)
        for m in wanted:
            F = J @ values[m]
            R[m] = U.T @ F
            W[m] = solver.solve(m, known.get(m, 0.0) - F)
    return W, R
