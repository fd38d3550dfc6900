"""Leading eigenvalues without the others: Krylov-Schur iteration, and an integral that shows whether one is missed."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from ssmsym.dynamics.spectrum import leading_order
from ssmsym.manifolds.subspace import reordered, schur_eigenvalues

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_SMALL = 32  # states up to which the Schur form costs nothing
_CONVERGED = 4e-15  # residual of an invariant subspace, of the norm of the matrix on the Krylov space
_PRODUCTS = 300  # with the matrix, after which the Schur form is cheaper
_NODES = (16, 32, 64, 128)  # of the contour integral, on the whole contour
_NEAREST = 1e-6  # of the root mean square of B: mean distance from the contour, so that rounding errors do not decide
_VANISHING = 0.03  # Fourier coefficients that count as 0; an eigenvalue beyond the contour gives about 1


class SpectrumNeeded(Exception):  # noqa: N818  (a change of route, no error)
    """The leading eigenvalues alone do not decide; the whole spectrum must be computed."""


def leading_subspace(jacobian: Array, count: int, *, discrete: bool) -> tuple[Array, Array]:
    """An orthonormal basis of the invariant subspace of the `count` leading eigenvalues, as far as can be seen.

    Arnoldi iteration can miss eigenvalues; :func:`is_complete` tells.

    Parameters
    ----------
    jacobian : (N, N)
    count : int
        At most N - 1.
    discrete : bool
        Whether the largest moduli lead, in place of the largest real parts.

    Returns
    -------
    form : (count, count)
        Quasi-triangular Schur form on the subspace.
    basis : (N, count)

    Raises
    ------
    SpectrumNeeded
        If the iteration does not converge soon, or `count` cuts a pair.

    References
    ----------
    Stewart, A Krylov-Schur algorithm for large eigenproblems, SIAM J. Matrix Anal. Appl. 23, 2002.
    """
    n = len(jacobian)
    if n <= _SMALL or count > n // 4:
        T, Z = scipy.linalg.schur(jacobian, output="real", check_finite=False)
        T, Z = _leading_first(T, Z, count, discrete)
        return T[:count, :count], Z[:, :count]
    return _krylov_schur(jacobian, count, discrete)


def _leading_first(T: Array, Z: Array, count: int, discrete: bool) -> tuple[Array, Array]:
    """Schur form with the leading eigenvalues first."""
    values = schur_eigenvalues(T)
    order = leading_order(values, discrete=discrete)
    inside, following = values[order[count - 1]], values[order[count]]
    if inside.imag > 0 and following == inside.conjugate():
        raise SpectrumNeeded
    moved = reordered(T, Z, order[:count])
    if moved is None:
        raise SpectrumNeeded
    return moved


def _krylov_schur(jacobian: Array, count: int, discrete: bool) -> tuple[Array, Array]:
    n = len(jacobian)
    size = min(n - 1, max(40, 4 * count))
    V = np.zeros((size + 1, n))  # rows: the Krylov basis
    H = np.zeros((size, size))
    start = np.random.default_rng(0).standard_normal(n)
    V[0] = start / np.linalg.norm(start)
    kept, products = 0, 0
    while products < _PRODUCTS:
        last = _extend(jacobian, V, H, kept)
        products += size - kept
        T, S = scipy.linalg.schur(H, output="real", check_finite=False)
        wanted = _uncut(T, count, discrete)
        T, S = _leading_first(T, S, wanted, discrete)
        residual = last * S[-1]
        if np.linalg.norm(residual[:wanted]) <= _CONVERGED * np.linalg.norm(H, 2):
            if wanted > count:
                raise SpectrumNeeded  # a pair is cut
            return T[:count, :count], np.ascontiguousarray(V[:size].T @ S[:, :count])
        kept = _uncut(T, wanted + (size - wanted) // 2, discrete)
        T, S = _leading_first(T, S, kept, discrete)
        V[:kept] = S[:, :kept].T @ V[:size]
        V[kept] = V[size]
        H[:] = 0.0
        H[:kept, :kept] = T[:kept, :kept]
        H[kept, :kept] = last * S[-1, :kept]
    raise SpectrumNeeded


def _uncut(T: Array, count: int, discrete: bool) -> int:
    """`count`, or one more if it cuts a pair."""
    values = schur_eigenvalues(T)
    value = values[leading_order(values, discrete=discrete)]
    return count + int(value[count - 1].imag > 0 and value[count] == value[count - 1].conjugate())


def _extend(jacobian: Array, V: Array, H: Array, kept: int) -> float:
    """Arnoldi steps from `kept` basis vectors to all; the norm of the last residual."""
    size = len(H)
    for j in range(kept, size):
        w = jacobian @ V[j]
        known = V[: j + 1]
        h = known @ w
        w -= h @ known
        again = known @ w
        w -= again @ known
        H[: j + 1, j] = h + again
        length = float(np.linalg.norm(w))
        if length <= np.finfo(float).tiny or length <= 1e-14 * np.linalg.norm(h):
            raise SpectrumNeeded  # the start lies in an invariant subspace
        V[j + 1] = w / length
        if j + 1 < size:
            H[j + 1, j] = length
    return length


def is_complete(columns: Array, bound: float, known: Complex, *, discrete: bool) -> bool:
    """Whether all eigenvalues of a Hessenberg matrix B, known ones aside, have rates below `bound`.

    With w = z / bound (flow: z = bound + s (w - 1) / (w + 1)), the sum of w / (w - w_j) over the unknown eigenvalues,
    which comes from trace (z - B)^-1, has on the unit circle no Fourier coefficients of positive order if all lie
    inside, and their number as the one of order 0; an eigenvalue outside adds -w_j^-m to order m. Coefficients from
    equidistant nodes converge at a geometric rate. Nodes are doubled until a quarter of the orders is as it must be.

    Parameters
    ----------
    columns : (M, M)
        Columns of B as rows.
    bound : float
        Real part (map: modulus).
    known : (k,) complex
        Eigenvalues of B that are left out.
    discrete : bool
        Whether rates are moduli.

    Returns
    -------
    bool
        False also if the coefficients do not settle: eigenvalues lie too near the contour.

    References
    ----------
    Trefethen and Weideman, The exponentially convergent trapezoidal rule, SIAM Review 56, 2014, sections 11 and 12.
    """
    unknown = len(columns) - len(known)
    if not unknown:
        return True
    scale = bound if discrete else bound - float((np.trace(columns) - known.sum().real) / unknown)
    if not scale > _NEAREST * np.linalg.norm(columns) / np.sqrt(len(columns)):
        return False
    values: dict[float, complex] = {}
    for nodes in _NODES:
        angles = [2 * i / nodes for i in range(nodes // 2 + 1)]
        new = [angle for angle in angles if angle not in values]
        w = np.exp(1j * np.pi * np.array(new))
        summed = _on_circle(columns, scale, w) if discrete else _on_line(columns, bound, scale, w)
        images = known / scale if discrete else (scale + known - bound) / (scale - known + bound)
        summed = summed - (w[:, None] / (w[:, None] - images)).sum(axis=1)
        values.update(zip(new, summed.tolist(), strict=True))
        series = np.fft.hfft([values[angle] for angle in angles], nodes) / nodes
        series[0] -= unknown
        if np.abs(series[: nodes // 4 + 1]).max() <= _VANISHING:
            return True
    return False


def _on_circle(columns: Array, radius: float, w: Complex) -> Complex:
    z = radius * w
    return np.asarray(z * _traces(columns, z))


def _on_line(columns: Array, bound: float, scale: float, w: Complex) -> Complex:
    n = len(columns)
    finite = np.abs(w + 1.0) > 1e-9
    far = (n * (scale + bound) - np.trace(columns)) / (2.0 * scale)
    out = np.full(len(w), far, dtype=complex)  # the limit at w = -1, where z is infinite
    v = w[finite]
    z = bound + 1j * scale * ((v - 1.0) / (v + 1.0)).imag
    out[finite] = v / (v + 1.0) * (n + 2.0 * scale / (v + 1.0) * _traces(columns, z))
    return out


def _traces(columns: Array, shifts: NDArray[Any]) -> Complex:
    from ssmsym.manifolds.kernels import resolvent_traces

    traces = np.empty(len(shifts), dtype=complex)
    resolvent_traces(columns, shifts, traces)
    return traces
