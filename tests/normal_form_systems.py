"""Fields with known normal forms: normal forms themselves after invertible changes of all coordinates."""

import itertools

import numpy as np

import ssmsym as ss


def disguised(right_side, n_stable, parameters, seed, *, order, discrete=False, size=0.3):
    """A known normal form, with decaying directions, in coordinates in which nothing of it shows.

    The states z = (w, y) with w' = right_side(w, parameters) and y' = -k y go through x = T (z + Q(z, parameters)) + L
    parameters, linear maps after random terms of degree 2 and 3; the field in x is exact to degree `order`. Returns
    it and T.

    Parameters
    ----------
    right_side : list of dict
        For each critical coordinate, exponents of (w, parameters) to coefficients.
    """
    rng = np.random.default_rng(seed)
    d, q = len(right_side), len(parameters)
    n, width = len(right_side) + n_stable, len(right_side) + n_stable + len(parameters)
    terms = [{(*key[:d], *[0] * n_stable, *key[d:]): c for key, c in side.items()} for side in right_side]
    for k in range(n_stable):
        rate = 0.3 / (k + 1) if discrete else -(1.0 + 0.7 * k)
        terms.append({tuple(int(i == d + k) for i in range(width)): rate})
    still = [{tuple(int(i == n + j) for i in range(width)): 1.0 if discrete else 0.0} for j in range(q)]
    G = polynomial([*terms, *still], width)
    linear = np.eye(width)
    linear[:n, :n] += 0.3 * rng.standard_normal((n, n))
    linear[:n, n:] = size * rng.standard_normal((n, q))
    change = ss.Polynomial.identity(width) + random_terms(rng, n, width, size)
    change = change.transformed(linear)
    back = change.revert(order)
    if discrete:
        moved = change.compose(G, order)
    else:
        columns = [change.derivative(j) * output(G, j) for j in range(n)]
        moved = columns[0]
        for column in columns[1:]:
            moved = moved + column
        moved = moved.truncate(order)
    field = ss.polynomial_field(
        moved.compose(back, order).transformed(np.eye(n, width)),
        parameters=parameters,
        time="discrete" if discrete else "continuous",
    )
    return field, linear[:n, :n]


def polynomial(outputs, width):
    exponents = sorted({key for side in outputs for key in side})
    return ss.Polynomial(exponents, [[side.get(key, 0.0) for side in outputs] for key in exponents])


def output(whole, j):
    return ss.Polynomial(whole.exponents, whole.coefficients[:, j : j + 1])


def random_terms(rng, n, width, size):
    """Random terms of degrees 2 and 3 in states and parameters, in the first n outputs."""
    keys = [
        tuple(row.count(i) for i in range(width))
        for degree in (2, 3)
        for row in itertools.combinations_with_replacement(range(width), degree)
    ]
    coefficients = np.zeros((len(keys), width))
    coefficients[:, :n] = size * rng.standard_normal((len(keys), n))
    return ss.Polynomial(keys, coefficients)


def pair_terms(factor, x, y):
    """The two equations z' = factor z, z = (variables x, y), factor a dict of exponents to complex numbers."""
    first, second = {}, {}
    for key, c in factor.items():
        for side, variable, value in (
            (first, x, c.real),
            (first, y, -c.imag),
            (second, y, c.real),
            (second, x, c.imag),
        ):
            raised = tuple(k + (i == variable) for i, k in enumerate(key))
            side[raised] = side.get(raised, 0.0) + value
    return [first, second]


def lengths(linear, *coordinates):
    """|q| of the disguised system's coordinates: a real one by number, signed, or a pair of numbers."""
    out = []
    for c in coordinates:
        if isinstance(c, int):
            column = linear[:, c]
            out.append(float(np.linalg.norm(column) * np.sign(column[np.argmax(np.abs(column))])))
        else:
            out.append(float(np.linalg.norm(linear[:, c[0]] - 1j * linear[:, c[1]]) / 2))
    return out
