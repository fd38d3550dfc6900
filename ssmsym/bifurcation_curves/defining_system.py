"""The equations of a bifurcation in two parameters: f = 0 and g = 0, g from a bordered matrix.

With M = A - mu I, mu the critical eigenvalue, g of ((M, b), (c^H, 0)) (v, g) = (0, 1) vanishes exactly where M is
singular, and dg = -w^H dM v with w from the conjugate transposed system (Govaerts, Numerical Methods for Bifurcations
of Dynamical Equilibria, 2000, sections 4.1.2 and 4.3.2). For a pair, mu = i omega (map: exp(i theta)) and the
frequency is one more unknown, the imaginary part of g one more equation.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from ssmsym.bifurcation_curves.critical_gradient import bilinear_gradient
from ssmsym.fields.adjoints import AdjointEvaluator
from ssmsym.fields.field import VectorField
from ssmsym.fields.parameters import locate
from ssmsym.fields.tangents import TangentEvaluator
from ssmsym.normal_forms.critical_space import null_vectors

Array = NDArray[np.float64]

REAL_EIGENVALUES = {"fold": 0.0, "flip": -2.0}  # of Df, of a map of Df - 1


@dataclass(frozen=True, eq=False)
class Critical:
    """Unit right and left null vectors of the critical matrix, and the Jacobian of f (of a map of f - x)."""

    right: NDArray[Any]
    left: NDArray[Any]
    jacobian: Array


class DefiningSystem:
    """Equations of one kind of bifurcation of a field, in z = (x, first parameter, frequency of a pair).

    The second parameter is the one that continuation calls the value.

    Parameters
    ----------
    field : VectorField
    kind : {"fold", "hopf", "flip", "neimark_sacker"}
    parameters : (str, str)
    """

    def __init__(self, field: VectorField, kind: str, parameters: tuple[str, str]) -> None:
        self.field = field
        self.kind = kind
        self.parameters = parameters
        self.has_frequency = kind not in REAL_EIGENVALUES
        self._places = [locate(name, field.values) for name in parameters]
        self._border: tuple[NDArray[Any], NDArray[Any]] | None = None

    @functools.cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(name for name, _ in self._places)

    @functools.cached_property
    def _tangents(self) -> TangentEvaluator:
        return TangentEvaluator(self.field.bind(self._names), self.field.program.outputs)

    @functools.cached_property
    def _adjoints(self) -> AdjointEvaluator:
        return AdjointEvaluator(self.field.bind(self._names), self.field.program.outputs, arrays=False)

    @property
    def n_unknowns(self) -> int:
        """Length of z."""
        return self.field.n_states + 1 + int(self.has_frequency)

    def settings(self, z: Array, value: float) -> dict[str, float]:
        return dict(zip(self.parameters, (float(z[self.field.n_states]), float(value)), strict=True))

    def _active(self, z: Array, value: float) -> dict[str, Array]:
        active = {name: np.array(np.atleast_1d(self.field.values[name])) for name in self._names}
        for (name, entry), number in zip(self._places, self.settings(z, value).values(), strict=True):
            active[name][entry] = number
        return active

    def _matrix(self, jacobian: Array, z: Array) -> NDArray[Any]:
        """M; `jacobian` is that of f, of a map of f - x."""
        critical = self.critical_values(z)[0]
        shift = critical if self.has_frequency else critical.real
        return jacobian - shift * np.eye(len(jacobian))

    def critical_values(self, z: Array) -> tuple[complex, ...]:
        """The critical eigenvalues of the Jacobian of f, of a map of f - x."""
        if not self.has_frequency:
            return (complex(REAL_EIGENVALUES[self.kind]),)
        value = np.exp(1j * z[-1]) - 1.0 if self.field.is_map else 1j * z[-1]
        return complex(value), complex(value).conjugate()

    def linearised(self, z: Array, value: float) -> tuple[Array, Array, Array]:
        """f (map: f - x), its Jacobian, and its derivatives along both parameters, (N,), (N, N), (N, 2)."""
        x, active = z[: self.field.n_states], self._active(z, value)
        slopes = []
        for name, entry in self._places:
            f, jacobian, slope = self._tangents.with_parameter(self.field.split(x), active, name, entry)
            slopes.append(slope)
        if self.field.is_map:
            f, jacobian = f - x, jacobian - np.eye(len(x))
        return f, jacobian, np.stack(slopes, axis=1)

    def critical(self, z: Array, value: float) -> Critical:
        """The critical vectors at a point of the curve, which become the borders from there on."""
        _, jacobian, _ = self.linearised(z, value)
        right, left, _ = null_vectors(self._matrix(jacobian, z))
        self._border = (left, right)
        return Critical(right, left, jacobian)

    def defect(self, z: Array, value: float) -> tuple[Array, Array, Array]:
        """Residual, its derivative by z and by the second parameter."""
        n = self.field.n_states
        if self._border is None:
            self.critical(z, value)
        assert self._border is not None
        f, jacobian, slopes = self.linearised(z, value)
        b, c = self._border
        matrix = self._matrix(jacobian, z)
        bordered = np.zeros((n + 1, n + 1), dtype=matrix.dtype)
        bordered[:n, :n], bordered[:n, n], bordered[n, :n] = matrix, b, c.conj()
        last = np.zeros(n + 1)
        last[n] = 1.0
        factors = scipy.linalg.lu_factor(bordered, overwrite_a=True, check_finite=False)
        forward, backward = (
            scipy.linalg.lu_solve(factors, last, trans=way, check_finite=False) for way in (0, 2)
        )
        v, w = forward[:n], backward[:n]
        real, imaginary = bilinear_gradient(self._adjoints, self.field, z[:n], w, v, self._active(z, value))
        rows = [real] if imaginary is None else [real, imaginary]
        g = [forward[n].real] if imaginary is None else [forward[n].real, forward[n].imag]
        by_z = np.zeros((self.n_unknowns, self.n_unknowns))
        by_value = np.zeros(self.n_unknowns)
        by_z[:n, :n], by_z[:n, n], by_value[:n] = jacobian, slopes[:, 0], slopes[:, 1]
        for row, gradient in enumerate(rows, start=n):
            by_parameters = [-gradient.parameters[name][entry] for name, entry in self._places]
            by_z[row, :n], by_z[row, n], by_value[row] = -gradient.state, by_parameters[0], by_parameters[1]
        if self.has_frequency:
            rate = 1j * np.exp(1j * z[-1]) if self.field.is_map else 1j
            moved = rate * (w.conj() @ v)  # -w^H dM v with dM = -rate
            by_z[n, -1], by_z[n + 1, -1] = moved.real, moved.imag
        return np.concatenate([f, g]), by_z, by_value
