"""Systems whose spectral submanifolds are known in closed form."""

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial

import numpy as np
import sympy

import ssmsym

X, Y, Z = sympy.symbols("x y z")
TANH = {1: 1.0, 3: -1 / 3, 5: 2 / 15, 7: -17 / 315, 9: 62 / 2835}


@dataclass(frozen=True)
class Truth:
    """A field with its SSM: `parametrization(m)` and `dynamics(m)` give coefficients of a multi-index."""

    name: str
    field: ssmsym.VectorField
    modes: int
    order: int
    parametrization: Callable
    dynamics: Callable


def haller_ponsioen() -> Truth:
    """x' = -x, y' = -sqrt(24) y + x^2 + ... + x^5 (Haller and Ponsioen, Nonlinear Dyn. 86, 2016)."""
    field = ssmsym.from_sympy({X: -X, Y: -sympy.sqrt(24) * Y + X**2 + X**3 + X**4 + X**5})

    def parametrization(m):
        (k,) = m
        return [1.0 if k == 1 else 0.0, 1 / (np.sqrt(24) - k) if 2 <= k <= 5 else 0.0]

    return Truth("haller-ponsioen", field, 1, 8, parametrization, lambda m: [-1.0 if m == (1,) else 0.0])


def parabola(beta: float = 5.5) -> Truth:
    """x' = -x, y' = -beta y + x^2: y = x^2 / (beta - 2)."""
    field = ssmsym.from_sympy({X: -X, Y: -beta * Y + X**2})

    def parametrization(m):
        return [1.0 if m == (1,) else 0.0, 1 / (beta - 2) if m == (2,) else 0.0]

    return Truth("parabola", field, 1, 6, parametrization, lambda m: [-1.0 if m == (1,) else 0.0])


def global_parabola(mu: float = -0.05, lam: float = -1.0) -> Truth:
    """x' = mu x, y' = lam (y - x^2): y = lam / (lam - 2 mu) x^2, exact and global."""
    field = ssmsym.from_sympy({X: mu * X, Y: lam * (Y - X**2)})

    def parametrization(m):
        return [1.0 if m == (1,) else 0.0, lam / (lam - 2 * mu) if m == (2,) else 0.0]

    return Truth("global-parabola", field, 1, 7, parametrization, lambda m: [mu if m == (1,) else 0.0])


def asymptotic_centre_manifold() -> Truth:
    """x' = -x^3, y' = -y + x^2: a_2 = 1, a_(n+2) = n a_n; the series converges nowhere."""
    field = ssmsym.from_sympy({X: -(X**3), Y: -Y + X**2})
    coefficients = {2: 1.0}
    for n in range(2, 14, 2):
        coefficients[n + 2] = n * coefficients[n]

    def parametrization(m):
        return [1.0 if m == (1,) else 0.0, coefficients.get(m[0], 0.0)]

    return Truth("asymptotic", field, 1, 14, parametrization, lambda m: [-1.0 if m == (3,) else 0.0])


def quintic_centre_manifold() -> Truth:
    """x' = x^2 y - x^5, y' = -y + x^2: h = x^2 - 2 x^5 + 2 x^6 + 14 x^8 + ..."""
    field = ssmsym.from_sympy({X: X**2 * Y - X**5, Y: -Y + X**2})
    h = {2: 1.0, 5: -2.0, 6: 2.0, 8: 14.0}
    r = {4: 1.0, 5: -1.0, 7: -2.0, 8: 2.0}

    def parametrization(m):
        return [1.0 if m == (1,) else 0.0, h.get(m[0], 0.0)]

    return Truth("quintic", field, 1, 8, parametrization, lambda m: [r.get(m[0], 0.0)])


def factorial_graph(lam: float = -0.3, mu: float = -2.0) -> Truth:
    """x' = lam x, y' = mu y + sum x^k / k!: y_k = 1 / (k! (k lam - mu))."""
    order = 9
    field = ssmsym.from_sympy({X: lam * X, Y: mu * Y + sum(X**k / factorial(k) for k in range(2, 10))})

    def parametrization(m):
        (k,) = m
        return [1.0 if k == 1 else 0.0, 1 / (factorial(k) * (k * lam - mu)) if k >= 2 else 0.0]

    return Truth("factorial", field, 1, order, parametrization, lambda m: [lam if m == (1,) else 0.0])


def saddle(lam: float = 0.7, mu: float = -1.1) -> Truth:
    """The same with an unstable master direction."""
    truth = factorial_graph(lam, mu)
    return Truth("saddle", truth.field, 1, truth.order, truth.parametrization, truth.dynamics)


def oscillator() -> Truth:
    """z' = (alpha + i omega) z - (a + i b) z |z|^2, y' = mu y + kappa |z|^2, in x1 + i x2 = z.

    y = sum h_j |z|^(2j), h_1 = kappa / (2 alpha - mu), h_j = 2 a (j - 1) h_(j-1) / (2 alpha j - mu).
    """
    alpha, omega, a, b, mu, kappa = -0.1, 1.3, 0.4, 0.25, -1.7, 0.9
    square = X**2 + Y**2
    field = ssmsym.from_sympy(
        {
            X: alpha * X - omega * Y - square * (a * X - b * Y),
            Y: omega * X + alpha * Y - square * (b * X + a * Y),
            Z: mu * Z + kappa * square,
        }
    )
    h = {1: kappa / (2 * alpha - mu)}
    for j in (2, 3):
        h[j] = 2 * a * (j - 1) * h[j - 1] / (2 * alpha * j - mu)

    def parametrization(m):
        i, k = m
        radial = 0.0
        if i % 2 == 0 and k % 2 == 0 and i + k:
            j = (i + k) // 2
            radial = h[j] * factorial(j) / (factorial(i // 2) * factorial(k // 2))
        return [float(m == (1, 0)), -float(m == (0, 1)), radial]

    linear = {(1, 0): (alpha, -omega), (0, 1): (omega, alpha)}
    cubic = {(3, 0): (-a, b), (1, 2): (-a, b), (2, 1): (-b, -a), (0, 3): (-b, -a)}

    def dynamics(m):
        return list(linear.get(m, cubic.get(m, (0.0, 0.0))))

    return Truth("oscillator", field, 2, 7, parametrization, dynamics)


def rank_one(n: int = 50, overlap: float = 2.0 / 3.0, order: int = 9, seed: int = 1):
    """A rank-one network about 0; with overlap 2/3 the resonance 3 lambda = -1 is exact.

    Returns the factors, the field, and R_k for k = 1..order in the coordinate of the unit vector along m.
    """
    rng = np.random.default_rng(seed)
    m = rng.standard_normal(n)
    other = rng.standard_normal(n)
    other -= (other @ m) / (m @ m) * m
    nn = overlap * m / (m @ m) + other / n
    field = ssmsym.rate_network((m[:, None], nn[:, None]))
    length = np.linalg.norm(m)
    sign = np.sign(m[np.argmax(np.abs(m))])
    coefficients = [
        TANH.get(k, 0.0) * np.sum(nn * m**k) * (sign / length) ** k * sign * length - (k == 1)
        for k in range(1, order + 1)
    ]
    return m, nn, field, coefficients


TRUTHS = (
    haller_ponsioen(),
    parabola(),
    global_parabola(),
    asymptotic_centre_manifold(),
    quintic_centre_manifold(),
    factorial_graph(),
    saddle(),
    oscillator(),
)
