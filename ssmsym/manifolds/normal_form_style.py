"""The part of the cohomological equation along the master subspace, in normal-form style.

With W_k = V a_k + ..., a_k and R_k in modal coordinates, monomial by monomial,

    (lambda_i - m . lambda) a_im - R_im = g_im,        map: (lambda_i - lambda^m) a_im - R_im = g_im,

g_k = U^T (C_k - F_k). Where |m . lambda - lambda_i| is at most the tolerance, the term stays in R; elsewhere it goes
into a (Haller and Ponsioen, Nonlinear Dyn. 86, 2016, section 4; Jain and Haller, Nonlinear Dyn. 107, 2022, section
3.3). Parameter offsets count as coordinates with the eigenvalue 0 (map: 1), so that for a resonant pair m, i every
power of them is kept.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.newton import solve_batch
from ssmsym.errors import InputError, NotConvergedError, ResonanceError, SsmsymWarning
from ssmsym.manifolds.subspace import MasterSubspace
from ssmsym.series.monomials import MonomialTable
from ssmsym.series.polynomial import Polynomial

if TYPE_CHECKING:
    from ssmsym.manifolds.cohomological import CohomologicalSolver
    from ssmsym.manifolds.ssm import SSM

Array = NDArray[np.float64]
AnyArray = NDArray[Any]

_NEAR_REAL = 1e-6  # of the largest master eigenvalue: imaginary parts that do not count as a frequency
_WIDEST_FOR_MAPS = 0.25
_LINEARISING = 1e-8  # of the largest master eigenvalue
_NEWTON_STEPS = 50


def default_inner_tolerance(eigenvalues: NDArray[np.complex128], order: int, *, discrete: bool) -> float:
    """The distance up to which a combination of master eigenvalues counts as an inner resonance.

    Half of the lowest frequency of the master subspace: then the terms that an oscillation's phase does not average
    out are the resonant ones. Without any pair no term averages out, and all are kept.

    Parameters
    ----------
    eigenvalues : (d,) complex array
        Master eigenvalues in 1/time; multipliers of a map.
    order : int
    discrete : bool
        Whether the field is a map.
    """
    largest = float(np.abs(eigenvalues).max())
    frequencies = np.abs(eigenvalues - np.abs(eigenvalues)) if discrete else np.abs(eigenvalues.imag)
    frequencies = frequencies[np.abs(eigenvalues.imag) > _NEAR_REAL * largest]
    if len(frequencies):
        half = 0.5 * float(frequencies.min())
        return min(half, _WIDEST_FOR_MAPS) if discrete else half
    return float(largest**order + largest if discrete else (order + 1) * largest)


class TangentialEquation:
    """What stays in the reduced dynamics and what goes into the parametrization, degree by degree.

    Parameters
    ----------
    subspace : MasterSubspace
    table : MonomialTable
    tolerance : float
        Distance, in 1/time (map: of multipliers), up to which a term counts as resonant and stays.
    discrete : bool
        Whether the field is a map.
    """

    def __init__(
        self, subspace: MasterSubspace, table: MonomialTable, tolerance: float, *, discrete: bool
    ) -> None:
        if not (np.isfinite(tolerance) and tolerance >= 0):
            raise InputError(f"'inner_tolerance' must be a finite number of at least 0; found {tolerance!r}.")
        self.tolerance = tolerance
        self._subspace = subspace
        self._table = table
        self._neutral = 1.0 if discrete else 0.0

    def parameters(self, slopes: Array) -> tuple[Array, Array]:
        """Degree 1 in the parameter offsets.

        Parameters
        ----------
        slopes : (q, d)
            U^T df/dmu by parameter.

        Returns
        -------
        along, reduced : (q, d)
            a and R.
        """
        rows = -slopes @ self._subspace.to_modal.T
        shifts = np.full(len(rows), self._neutral, dtype=self._subspace.triangular.dtype)
        along, reduced = self._by_modes(rows, shifts)
        return self._real(along), self._real(reduced)

    def solve(self, solver: CohomologicalSolver, degree: int, right_side: Array) -> tuple[Array, Array]:
        """a and R of one degree, (M_k, d) each, from U^T (C_k - F_k), (M_k, d)."""
        form, shifts, levels = solver.form(degree), solver.shifts(degree), solver.levels(degree)
        rows = right_side @ self._subspace.to_modal.T
        if form.into is not None:
            rows = form.into @ rows
        along = np.zeros(rows.shape, dtype=np.result_type(rows, shifts))
        reduced = np.zeros_like(along)
        coupling = solver.coupling(degree)
        for level in np.unique(levels):
            members = np.flatnonzero(levels == level)
            here = rows[members] + coupling[members] @ along
            along[members], reduced[members] = self._by_modes(here, shifts[members])
        if form.back is not None:
            along, reduced = form.back @ along, form.back @ reduced
        return self._real(along), self._real(reduced)

    def _by_modes(self, rows: AnyArray, shifts: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Back substitution over the modes, from the last row of the triangular linear part up."""
        linear = self._subspace.triangular
        along = np.zeros(rows.shape, dtype=np.result_type(rows, shifts, linear))
        reduced = np.zeros_like(along)
        for i in range(len(linear) - 1, -1, -1):
            left = rows[:, i] - along[:, i + 1 :] @ linear[i, i + 1 :]
            gap = linear[i, i] - shifts
            resonant = np.abs(gap) <= self.tolerance
            reduced[resonant, i] = -left[resonant]
            along[~resonant, i] = left[~resonant] / gap[~resonant]
        return along, reduced

    def _real(self, modal: AnyArray) -> Array:
        return np.ascontiguousarray((modal @ self._subspace.from_modal.T).real)


def tangential_equation(
    subspace: MasterSubspace, table: MonomialTable, style: str, tolerance: float | None, discrete: bool
) -> TangentialEquation | None:
    """What decides between W and R in a style; nothing in graph style."""
    if style == "graph":
        if tolerance is not None:
            raise InputError(
                "'inner_tolerance' belongs to style='normal form'; graph style keeps every term."
            )
        return None
    values = subspace.eigenvalues
    if style == "linearising":
        tolerance = _LINEARISING * float(np.abs(values).max())
    elif tolerance is None:
        tolerance = default_inner_tolerance(values, table.order, discrete=discrete)
    return TangentialEquation(subspace, table, tolerance, discrete=discrete)


def check_linear(reduced: Array, table: MonomialTable, subspace: MasterSubspace, *, discrete: bool) -> None:
    """Refuse a linearising style in which a nonlinear term stays.

    Raises
    ------
    ResonanceError
        That names an inner resonance.
    """
    powers = table.exponents[:, : table.n_master].sum(axis=1)
    staying = np.flatnonzero((powers >= 2) & (np.abs(reduced).max(axis=1) > 0))
    if not len(staying):
        return
    degree = int(powers[staying].min())
    values = subspace.eigenvalues
    exponents = table.exponents[table.degree_slice(degree), : table.n_master]
    exponents = exponents[exponents.sum(axis=1) == degree]
    combined = np.prod(values**exponents, axis=1) if discrete else exponents @ values
    distances = np.abs(combined[:, None] - values[None, :])
    row, mode = np.unravel_index(int(distances.argmin()), distances.shape)
    raise ResonanceError(
        f"An inner resonance of degree {degree} keeps a nonlinear term in the reduced dynamics: "
        f"{' + '.join(f'{m} λ{i}' for i, m in zip(subspace.modes, exponents[row], strict=True) if m)} = "
        f"λ{subspace.modes[mode]}. Use style='normal form', or keep 'order' below {degree}.",
        degree=degree,
        mode=int(subspace.modes[mode]),
        combination=tuple(int(m) for m in exponents[row]),
        distance=float(distances[row, mode]),
    )


def coordinates_of(parametrization: Polynomial, left: Array, along: Array) -> Array:
    """p with U^T (W(p) - W(0)) = `along` at zero offsets, by Newton iteration from p = `along`.

    Parameters
    ----------
    parametrization : Polynomial
        W in the d reduced coordinates followed by the parameter offsets.
    left : (N, d)
    along : (d,) or (n, d)

    Raises
    ------
    NotConvergedError
        If the iteration does not settle at every point.
    """
    d = left.shape[1]
    tangential = parametrization.transformed(left.T)
    wanted = np.atleast_2d(along) + tangential(np.zeros(tangential.n_variables))
    z = np.zeros((len(wanted), tangential.n_variables))
    z[:, :d] = np.atleast_2d(along)
    with np.errstate(all="ignore"):
        for _ in range(_NEWTON_STEPS):
            step = solve_batch(tangential.jacobian(z)[..., :d], tangential(z) - wanted)
            z[:, :d] -= step
            p = z[:, :d]
            settled = np.abs(step).max(axis=1) <= 1e-13 * (1.0 + np.abs(p).max(axis=1))
            if settled.all():
                return p.reshape(np.shape(along))
    raise NotConvergedError(
        f"{int((~settled).sum())} of {len(p)} states have no reduced coordinates that Newton iteration finds: they lie "
        "where the expansion is not to be trusted. Stay nearer to the fixed point, or use style='graph'."
    )


def warn_of_lost_fixed_points(ssm: SSM) -> None:
    """Warn if the graph style has confirmed fixed points inside its trust radius that the normal form has not."""
    from ssmsym.manifolds.ssm import compute_ssm

    graph = compute_ssm(
        ssm.field, ssm.fixed_point, modes=ssm.modes, order=ssm.order, spectrum=ssm.has_spectrum
    )
    lost = []
    for finding in graph.evidence.findings:
        assert finding.point is not None
        try:
            p = ssm.project(finding.point.state)
        except NotConvergedError:
            lost.append(finding)
            continue
        speed = np.linalg.norm(ssm.reduced_dynamics(ssm.coordinates(p)) - (p if ssm.field.is_map else 0.0))
        linear = np.linalg.norm(p) * float(np.abs(ssm.eigenvalues - (1.0 if ssm.field.is_map else 0.0)).max())
        if speed > 0.1 * linear:
            lost.append(finding)
    if lost:
        warnings.warn(
            f"The normal form has lost {len(lost)} fixed point(s) that the graph style has inside its trust radius, "
            f"the nearest at p = {np.array2string(lost[0].p, precision=4)}: raise 'inner_tolerance' (now "
            f"{ssm.inner_tolerance:.3g}) or use style='graph'.",
            SsmsymWarning,
            stacklevel=3,
        )
