"""The Bogdanov-Takens point: a double eigenvalue 0 with one eigenvector.

    w0' = w1,    w1' = beta1 + beta2 w1 + a w0^2 + b w0 w1

with A q0 = 0, A q1 = q0, A^T p1 = 0, A^T p0 = p1, <p0, q0> = <p1, q1> = 1, <p0, q1> = <p1, q0> = 0, and

    a = <p1, B(q0, q0)> / 2,    b = <p1, B(q0, q1)> + <p0, B(q0, q0)>

(Kuznetsov, Elements of Applied Bifurcation Theory, 3rd ed., section 8.4; SIAM J. Numer. Anal. 36, 1999, section 3.3).
Parameters to first order as in Kuznetsov, Meijer, Al-Hdaibat and Govaerts, Int. J. Bifurcation Chaos 24, 2014, with
<p0, h11> = 0, a choice that moves multiples of beta1 into beta2, where they are of higher order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError
from ssmsym.normal_forms.critical_space import null_vectors
from ssmsym.normal_forms.multilinear import MultilinearForms

Array = NDArray[np.float64]

_JORDAN = 1e-6


@dataclass(frozen=True, eq=False)
class JordanVectors:
    """q0, q1 and p0, p1 of a double eigenvalue 0, (N,) each; |q0| = 1, <q0, q1> = 0, largest entry of q0 positive."""

    q0: Array
    q1: Array
    p0: Array
    p1: Array


def jordan_vectors(jacobian: Array, embedding: Array | None = None) -> JordanVectors:
    """Generalised eigenvectors of a double eigenvalue 0 by bordered systems.

    Raises
    ------
    InputError
        If the eigenvalue has two eigenvectors.
    """
    q0, p1, _ = null_vectors(jacobian)
    metric = np.eye(len(jacobian)) if embedding is None else embedding.T @ embedding
    seen = q0 if embedding is None else embedding @ q0
    q0 = q0 * np.sign(seen[int(np.argmax(np.round(np.abs(seen) / np.abs(seen).max(), 6)))])
    q0 = q0 / np.linalg.norm(seen)
    if not abs(p1 @ q0) <= _JORDAN * float(np.linalg.norm(q0)):
        raise InputError(
            f"The eigenvalue 0 is simple or has two eigenvectors (<p, q> = {abs(p1 @ q0):.1e}): no Bogdanov-Takens "
            "point."
        )
    q1 = _bordered(jacobian, p1, q0, q0)
    q1 = q1 - (q0 @ metric @ q1) * q0
    p1 = p1 / (p1 @ q1)
    p0 = _bordered(jacobian.T, q0, p1, p1)
    p0 = p0 - (p0 @ q1) * p1
    return JordanVectors(q0, q1, p0, p1)


def _bordered(matrix: Array, left: Array, right: Array, right_side: Array) -> Array:
    """A solution of a singular consistent system, orthogonal to `right`."""
    n = len(matrix)
    bordered = np.block([[matrix, left[:, None]], [right[None, :], np.zeros((1, 1))]])
    return np.asarray(np.linalg.solve(bordered, np.append(right_side, 0.0))[:n])


@dataclass(frozen=True, eq=False)
class BogdanovTakens:
    """Coefficients a, b and the derivatives of beta1, beta2 by each parameter, (2, q)."""

    a: float
    b: float
    unfolding: Array


def bogdanov_takens(forms: MultilinearForms, jacobian: Array, vectors: JordanVectors) -> BogdanovTakens:
    """Coefficients and linear unfolding at a Bogdanov-Takens point.

    Parameters
    ----------
    forms : MultilinearForms
        Of the field, with its q parameters.
    jacobian : (N, N) array
    vectors : JordanVectors

    Raises
    ------
    InputError
        If parameters are given and a = 0, where no such unfolding exists.
    """
    q0, q1, p0, p1 = vectors.q0, vectors.q1, vectors.p0, vectors.p1
    q = forms.n_parameters

    def form(*states: Array) -> Array:
        return np.asarray(forms(*[np.append(v, np.zeros(q)) for v in states]).real)

    B00, B01, B11 = form(q0, q0), form(q0, q1), form(q1, q1)
    a = 0.5 * float(p1 @ B00)
    b = float(p1 @ B01 + p0 @ B00)
    if not q:
        return BogdanovTakens(a, b, np.zeros((2, 0)))
    if not abs(a) > _JORDAN * float(np.linalg.norm(p1) * np.linalg.norm(B00)):
        raise InputError(f"a = {a:.1e} vanishes at this Bogdanov-Takens point; its unfolding needs a not 0.")
    h20 = _along(jacobian, vectors, 2 * a * q1 - B00, float(p0 @ B01 + 0.5 * p1 @ B11))
    h11 = _along(jacobian, vectors, b * q1 + h20 - B01, 0.0)
    columns = [_parameter(forms, jacobian, vectors, j, a, (h11, B11)) for j in range(q)]
    return BogdanovTakens(a, b, np.array(columns).T)


def _along(jacobian: Array, vectors: JordanVectors, right_side: Array, component: float) -> Array:
    """h with A h = right_side and <p0, h> = component."""
    h = _bordered(jacobian, vectors.p1, vectors.q0, right_side)
    return np.asarray(h + (component - vectors.p0 @ h) * vectors.q0)


def _parameter(
    forms: MultilinearForms,
    jacobian: Array,
    vectors: JordanVectors,
    j: int,
    a: float,
    quadratic: tuple[Array, Array],
) -> tuple[float, float]:
    """d beta1 and d beta2 by one parameter."""
    q0, q1, p0, p1 = vectors.q0, vectors.q1, vectors.p0, vectors.p1
    h11, B11 = quadratic
    step = np.zeros(len(q0) + forms.n_parameters)
    step[len(q0) + j] = 1.0

    def both(first: Array, second: Array) -> Array:
        zeros: Any = np.zeros(forms.n_parameters)
        return np.asarray(forms(np.append(first, zeros), np.append(second, zeros) + step).real)

    beta1 = float(p1 @ forms(step).real)
    h = _along(jacobian, vectors, beta1 * q1 - forms(step).real, 0.0)
    # no term w0 beta in w1': fixes the part of h along q0
    excess = float(p1 @ (both(q0, h) - beta1 * h11))
    h = h - excess / (2 * a) * q0
    slope = both(q0, h)
    beta2 = float(p1 @ both(q1, h) - p0 @ (beta1 * h11 - slope) - p0 @ (2 * h11 - B11) * beta1)
    return beta1, beta2
