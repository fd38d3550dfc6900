"""Points of a curve of bifurcations, with the numbers whose signs change at its special points."""

from __future__ import annotations

from dataclasses import dataclass, field as dataclass_field

import numpy as np
from numpy.typing import NDArray

from ssmsym.bifurcation_curves.critical_gradient import bilinear_gradient
from ssmsym.bifurcation_curves.defining_system import Critical, DefiningSystem
from ssmsym.dynamics.arclength import Curve, CurvePoint
from ssmsym.fields.adjoints import AdjointEvaluator
from ssmsym.normal_forms.multilinear import MultilinearForms

Array = NDArray[np.float64]

_NO_EIGENVALUES = np.zeros(0, dtype=complex)


@dataclass(frozen=True, eq=False)
class BifurcationPoint(CurvePoint):
    """One point of a curve of bifurcations; `state` is z = (x, first parameter, frequency of a pair).

    Attributes
    ----------
    tests : dict of str to float
        By kind of special point, a number that changes sign there.
    critical : Critical
    """

    tests: dict[str, float] = dataclass_field(default_factory=dict)
    critical: Critical | None = None


class BifurcationCurve(Curve):
    """Points and tangents of a defining system in scaled coordinates.

    Parameters
    ----------
    system : DefiningSystem
    scale : (n,) array
        Of the unknowns z, then of the second parameter.
    with_eigenvalues : bool
        Whether all eigenvalues are computed at every point.
    """

    def __init__(self, system: DefiningSystem, scale: Array, *, with_eigenvalues: bool) -> None:
        self.system = system
        self.family = system  # type: ignore[assignment]
        self._scale = scale
        self._with_eigenvalues = with_eigenvalues
        self._reference: Critical | None = None

    def point(self, y: Array, tangent: Array) -> BifurcationPoint:
        """The point with its test numbers; its critical vectors are borders of the points that follow."""
        point = y * self._scale
        z, value = point[:-1], float(point[-1])
        residual = float(np.linalg.norm(self.system.linearised(z, value)[0]))
        critical = _aligned(self.system.critical(z, value), self._reference)
        self._reference = critical
        eigenvalues = np.linalg.eigvals(critical.jacobian) if self._with_eigenvalues else _NO_EIGENVALUES
        return BifurcationPoint(
            state=z,
            value=value,
            tangent=tangent,
            eigenvalues=eigenvalues.astype(complex),
            residual=residual,
            orientation=1.0,
            tests=test_numbers(self.system, z, value, critical),
            critical=critical,
        )


def _aligned(critical: Critical, reference: Critical | None) -> Critical:
    """Null vectors with the signs of those before, so that test numbers are continuous."""
    if reference is None or np.iscomplexobj(critical.right):
        return critical
    right = critical.right * (np.sign(critical.right @ reference.right) or 1.0)
    left = critical.left * (np.sign(critical.left @ reference.left) or 1.0)
    return Critical(right, left, critical.jacobian)


def test_numbers(system: DefiningSystem, z: Array, value: float, critical: Critical) -> dict[str, float]:
    """What vanishes at each kind of special point of the curve.

    Cusp: p . B(q, q). Bogdanov-Takens: p . q, of unit vectors, along folds. Generalized Hopf: Re c1; fold-Hopf: the
    sign of det A along Hopf points (Kuznetsov, Elements of Applied Bifurcation Theory, 3rd ed., sections 8.1, 8.2 and
    10.2).
    """
    n = system.field.n_states
    if system.kind == "fold":
        q, p = critical.right, critical.left
        field = system.field.at(system.settings(z, value))
        evaluator = AdjointEvaluator(field.bind(), field.program.outputs, arrays=False)
        tests = {"cusp": float(bilinear_gradient(evaluator, field, z[:n], p, q)[0].state @ q)}
        return tests if system.field.is_map else {**tests, "bogdanov_takens": float(p @ q)}
    if system.kind == "hopf":
        sign = float(np.linalg.slogdet(critical.jacobian)[0])
        return {
            "generalized_hopf": first_coefficient(system, z, value, critical).real,
            "fold_hopf": sign,
        }
    return {}


def first_coefficient(system: DefiningSystem, z: Array, value: float, critical: Critical) -> complex:
    """c1 of a Hopf point, |q| = 1 (Kuznetsov, Elements of Applied Bifurcation Theory, 3rd ed., eq. (5.39))."""
    n = system.field.n_states
    field = system.field.at(system.settings(z, value))
    forms = MultilinearForms(field, z[:n])
    omega, A = z[-1], critical.jacobian
    q = critical.right / np.linalg.norm(critical.right)
    p = critical.left / np.conj(critical.left.conj() @ q)
    mean = np.linalg.solve(A, forms(q, q.conj()))
    double = np.linalg.solve(2j * omega * np.eye(n) - A, forms(q, q))
    cubic = forms(q, q, q.conj()) - 2 * forms(q, mean) + forms(q.conj(), double)
    return complex(0.5 * (p.conj() @ cubic))
