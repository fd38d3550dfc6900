"""Comparison of a fit with an analytic SSM, coefficient by coefficient in the fit's own coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.data.coordinates import ProjectedSSM, extended, in_graph_style, project_ssm, recentring
from ssmsym.data.design import along_time
from ssmsym.data.fit import FittedSSM
from ssmsym.data.invariants import (
    MatchedFixedPoint,
    data_residual,
    field_error,
    matched_fixed_points,
    trajectory_error_analytic,
    trajectory_error_fitted,
)
from ssmsym.data.regression import Regression
from ssmsym.data.report import comparison_table, comparison_to_dict
from ssmsym.errors import InputError
from ssmsym.manifolds.ssm import SSM
from ssmsym.series.monomials import monomial_table
from ssmsym.series.polynomial import Polynomial
from ssmsym.threads import single_blas_thread

Array = NDArray[np.float64]

STANDARD_ERRORS = 4.0  # many coefficients are judged at once, so that two would often be exceeded by chance
_MORE_ORDERS = 4
_TRUST_TOLERANCE = 1e-2
_TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True, eq=False)
class ComparedCoefficient:
    """One coefficient of both expansions about the analytic fixed point, in the fit's coordinates.

    Attributes
    ----------
    quantity : {"R", "W"}
        Reduced dynamics, or parametrization (norms over the N states).
    exponents : tuple of int
    output : int or None
        Coordinate of R; None for W.
    fitted, analytic : float
        For W the norm of the coefficient, its fixed point subtracted.
    truncation : float
        Shift of the fitted coefficient by the analytic terms above the fit's order.
    difference : float
        |fitted - analytic - truncation|, over the largest effect (see :class:`Comparison`).
    uncertainty : float
        Four standard errors, systematic errors and unknown truncation together, over the same.
    standard_error : float
        Of `fitted`; inf if the data say nothing about it.
    determined : bool
        Whether the uncertainty is within the tolerance.
    verdict : {"agrees", "differs", "undetermined"}
    """

    quantity: str
    exponents: tuple[int, ...]
    output: int | None
    fitted: float
    analytic: float
    truncation: float
    difference: float
    uncertainty: float
    standard_error: float
    determined: bool
    verdict: str

    @property
    def degree(self) -> int:
        """Total degree of the monomial."""
        return sum(self.exponents)


@dataclass(frozen=True, eq=False)
class ComparedNumber:
    """A number that no coordinate change touches, of the fit and of the analytic SSM.

    Attributes
    ----------
    name : str
    fitted, analytic : complex
    difference, uncertainty : float
        Relative.
    verdict : {"agrees", "differs", "undetermined"}
    """

    name: str
    fitted: complex
    analytic: complex
    difference: float
    uncertainty: float
    verdict: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """A fit held against an analytic SSM.

    The effect of a coefficient is its size times its monomial at the largest distance of the data from the
    fixed point in each coordinate; differences are relative to the largest effect of a term of degree 1 or more
    in the fit or in the SSM, whichever is smaller. A coefficient `differs` if the difference exceeds the
    uncertainty by more than the tolerance, `agrees` if both are within the tolerance, and is `undetermined`
    otherwise.

    Attributes
    ----------
    verdict : {"true fit", "wrong fit", "undetermined"}
        Wrong if an eigenvalue, the data's law or a coefficient of degree up to `degree` differs; true if all
        these eigenvalues and coefficients agree. (Noise leaves the law undetermined long before the rest.)
    tolerance : float
    degree : int
    coefficients : tuple of ComparedCoefficient
    eigenvalues : tuple of ComparedNumber
    law : ComparedNumber
        Residual of the data in the SSM's network, relative to their rates of change; 0 for its own data.
    fixed_points : tuple of MatchedFixedPoint
    trajectory_error_fitted, trajectory_error_analytic : float
        Normalised mean trajectory errors over the data.
    field_error : float
        Of the reduced vector field at the data inside the trust radius; nan if none is.
    inside : float
        Share of the data inside the SSM's trust radius (tolerance 1e-2).
    analytic_order : int
        To which the SSM was carried; coefficients above it are not compared.
    fixed_point : (d,) array
        The analytic fixed point in the fit's coordinates.
    reasons : tuple of str
        What decided the verdict.
    """

    verdict: str
    tolerance: float
    degree: int
    coefficients: tuple[ComparedCoefficient, ...]
    eigenvalues: tuple[ComparedNumber, ...]
    law: ComparedNumber
    fixed_points: tuple[MatchedFixedPoint, ...]
    trajectory_error_fitted: float
    trajectory_error_analytic: float
    field_error: float
    inside: float
    analytic_order: int
    fixed_point: Array
    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """All numbers, ready for JSON (inf and nan as null)."""
        return comparison_to_dict(self)

    def __repr__(self) -> str:
        return comparison_table(self)


@single_blas_thread()
def compare(fit: FittedSSM, ssm: SSM, *, tolerance: float = 1e-2, degree: int | None = None) -> Comparison:
    """Judge a fit by an analytic SSM, in the fit's own coordinates.

    The SSM (at its own parameter values) is brought into the fit's coordinates exactly, by series reversion, and
    both are expanded about the SSM's fixed point. Analytic terms above the fit's order bias the regression; their
    effect on the fit's own samples is computed from the SSM, carried to four orders above the fit's, and taken
    into account.

    Parameters
    ----------
    fit : FittedSSM
    ssm : SSM
        Of as many coordinates in as many states.
    tolerance : float
        Relative difference that still counts as agreement; see :class:`Comparison`.
    degree : int, optional
        Highest degree whose coefficients decide the verdict; 3, or the lower of the two orders, when not given.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If dimensions differ, an option is out of range, or the fit's projection does not see the SSM.
    """
    _check(fit, ssm, tolerance, degree)
    ssm = in_graph_style(ssm)
    analytic = extended(ssm, fit.order + _MORE_ORDERS)
    projected = project_ssm(analytic, fit.centre, fit.projection)
    limit = min(fit.order, 3) if degree is None else int(degree)
    groups = _Groups(fit, projected, tolerance)
    rows = (*groups.rows("R"), *groups.rows("W"))
    eigenvalues = groups.eigenvalues()
    residual, uncertainty = data_residual(fit, ssm.field)
    law = ComparedNumber(
        "data in the network", residual, 0.0, residual, uncertainty, verdict(residual, uncertainty, tolerance)
    )
    trust = ssm.evidence.trust_radius(_TRUST_TOLERANCE)

    def trusted(states: Array) -> NDArray[np.bool_]:
        return np.asarray(np.linalg.norm((states - ssm.fixed_point.state) @ ssm.left, axis=-1) <= trust)

    inside = trusted(fit.trajectories.states)
    overall, reasons = _overall([r for r in rows if r.degree <= limit], eigenvalues, law)
    return Comparison(
        verdict=overall,
        tolerance=float(tolerance),
        degree=limit,
        coefficients=rows,
        eigenvalues=eigenvalues,
        law=law,
        fixed_points=matched_fixed_points(fit, projected, lambda x: bool(trusted(x))),
        trajectory_error_fitted=trajectory_error_fitted(fit),
        trajectory_error_analytic=trajectory_error_analytic(fit, ssm),
        field_error=field_error(fit, projected, inside),
        inside=float(inside.mean()),
        analytic_order=analytic.order,
        fixed_point=projected.eta,
        reasons=reasons,
    )


def _check(fit: FittedSSM, ssm: SSM, tolerance: float, degree: int | None) -> None:
    sizes = ((fit.dimension, ssm.dimension, "coordinates"), (len(fit.centre), ssm.field.n_states, "states"))
    for own, other, name in sizes:
        if own != other:
            raise InputError(f"The fit has {own} {name}, the SSM {other}; they cannot be compared.")
    if not 0 < tolerance < 1:
        raise InputError(f"'tolerance' must lie between 0 and 1; found {tolerance}.")
    if degree is not None and (int(degree) != degree or not 1 <= degree <= fit.order):
        raise InputError(
            f"'degree' must be an integer from 1 to the fit's order {fit.order}; found {degree}."
        )


def verdict(difference: float, uncertainty: float, tolerance: float) -> str:
    """The word for a relative difference known to within an uncertainty."""
    if difference - uncertainty > tolerance:
        return "differs"
    return "agrees" if max(difference, uncertainty) <= tolerance else "undetermined"


def _overall(
    rows: list[ComparedCoefficient], eigenvalues: tuple[ComparedNumber, ...], law: ComparedNumber
) -> tuple[str, tuple[str, ...]]:
    verdicts = [(f"{r.quantity} coefficient of {r.exponents}", r.verdict) for r in rows]
    verdicts += [(number.name, number.verdict) for number in eigenvalues]
    if law.verdict == "differs":
        verdicts.append((law.name, law.verdict))
    for word, result in (("differs", "wrong fit"), ("undetermined", "undetermined")):
        names = tuple(f"{name} {word}" for name, found in verdicts if found == word)
        if names:
            return result, names
    return "true fit", ("all coefficients and eigenvalues agree, and the data do not contradict the network",)


class _Groups:
    """Both expansions about the analytic fixed point, with the uncertainties of the fitted one."""

    def __init__(self, fit: FittedSSM, projected: ProjectedSSM, tolerance: float) -> None:
        self.tolerance = tolerance
        self.table = monomial_table(fit.dimension, 0, fit.order)
        self.compared = len(monomial_table(fit.dimension, 0, min(fit.order, projected.order)))
        shift = recentring(fit.design.exponents, projected.eta)
        distance = np.abs(fit.eta - projected.eta).max(axis=(0, 1))
        self.distance = np.where(distance > 0, distance, 1.0)
        self.sizes = np.prod(self.distance**self.table.exponents, axis=1)
        truncation = _truncation(fit, projected, projected.order)
        known = _truncation(fit, projected, max(projected.order - 2, fit.order))
        state = projected.parametrization(np.zeros(fit.dimension))
        self.parts: dict[str, tuple[Regression, Array, Array, Array]] = {}
        pairs = (
            ("R", fit.dynamics_fit, projected.reduced_dynamics, np.zeros(fit.dimension)),
            ("W", fit.parametrization_fit, projected.parametrization, state),
        )
        for index, (name, regression, polynomial, origin) in enumerate(pairs):
            mapped = regression.mapped(shift)
            if name == "W":
                mapped.coefficients[0] += fit.centre - state
            analytic = polynomial.on_table(self.table)
            analytic[0] -= origin
            biased, unknown = shift @ truncation[index], shift @ (truncation[index] - known[index])
            self.parts[name] = (mapped, analytic, biased, np.abs(unknown))

    def rows(self, name: str) -> tuple[ComparedCoefficient, ...]:
        """R output by output, W by norms over the states."""
        fitted, analytic, biased, unknown = self.parts[name]
        difference = fitted.coefficients - analytic - biased
        errors = fitted.standard_errors
        uncertainty = STANDARD_ERRORS * errors + fitted.systematic + unknown
        reference = self.reference(name)
        columns = range(analytic.shape[1]) if name == "R" else [None]
        out = []
        for k, exponents in enumerate(self.table.exponents.tolist()[: self.compared]):
            for column in columns:
                pick = slice(None) if column is None else slice(column, column + 1)
                effect = float(np.linalg.norm(difference[k, pick])) * self.sizes[k] / reference
                doubt = float(np.linalg.norm(uncertainty[k, pick])) * self.sizes[k] / reference
                numbers = [_size(a[k], column) for a in (fitted.coefficients, analytic, biased, errors)]
                word = verdict(effect, doubt, self.tolerance)
                out.append(
                    ComparedCoefficient(
                        quantity=name,
                        exponents=tuple(exponents),
                        output=column,
                        fitted=numbers[0],
                        analytic=numbers[1],
                        truncation=numbers[2],
                        difference=float(effect),
                        uncertainty=float(doubt),
                        standard_error=numbers[3],
                        determined=bool(doubt <= self.tolerance),
                        verdict=word,
                    )
                )
        return tuple(out)

    def reference(self, name: str) -> float:
        """The smaller of the largest effects of the two, so that a series far outside its radius hides nothing."""
        fitted, analytic, _, _ = self.parts[name]
        largest = [
            float((np.linalg.norm(values, axis=1) * self.sizes)[1:].max())
            for values in (fitted.coefficients, analytic)
        ]
        return max(min(largest), _TINY)

    def eigenvalues(self) -> tuple[ComparedNumber, ...]:
        """Eigenvalues of the linear parts, the fitted one without its truncation error."""
        from scipy.optimize import linear_sum_assignment

        fitted, analytic, biased, unknown = self.parts["R"]
        d = analytic.shape[1]
        rows = slice(1, 1 + d)
        doubt = (STANDARD_ERRORS * fitted.standard_errors + fitted.systematic + unknown)[rows].T
        values, right = np.linalg.eig((fitted.coefficients - biased)[rows].T)
        exact = np.linalg.eigvals(analytic[rows].T)
        left = np.linalg.pinv(right)
        rate = max(float(np.abs(exact).max()), self.reference("R") / float(self.distance.max()))
        mine, theirs = linear_sum_assignment(np.abs(values[:, None] - exact[None, :]))
        order = sorted(
            zip(mine, theirs, strict=True), key=lambda pair: (-exact[pair[1]].real, -exact[pair[1]].imag)
        )
        out: list[ComparedNumber] = []
        for i, j in order:
            spread = float(np.abs(left[i]) @ doubt @ np.abs(right[:, i])) / rate
            difference = float(abs(values[i] - exact[j])) / rate
            out.append(
                ComparedNumber(
                    f"eigenvalue {len(out)}",
                    complex(values[i]),
                    complex(exact[j]),
                    difference,
                    spread,
                    verdict(difference, spread, self.tolerance),
                )
            )
        return tuple(out)


def _size(row: Array, column: int | None) -> float:
    return float(np.linalg.norm(row)) if column is None else float(row[column])


def _truncation(fit: FittedSSM, projected: ProjectedSSM, order: int) -> tuple[Array, Array]:
    """Shift of the coefficients of R and of W by analytic terms from above the fit's order up to `order`."""

    def surplus(polynomial: Polynomial, points: Array) -> Array:
        rest = polynomial.truncate(order) - polynomial.truncate(fit.order)
        return rest(points.reshape(-1, points.shape[2])).reshape(*points.shape[:2], -1)

    xi = fit.eta - projected.eta
    rates = surplus(projected.reduced_dynamics, along_time(fit.design.equations.states, xi))
    return fit.design.response(fit.eta, rates, surplus(projected.parametrization, xi))
