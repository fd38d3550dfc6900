"""The spectral submanifold: its computation and the object that holds it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.fixed_points import FixedPoint, format_eigenvalue
from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.fields.jets import Jets
from ssmsym.fields.parameters import locate
from ssmsym.manifolds.graph_style import Expansion, active_parameters, expand
from ssmsym.manifolds.hessenberg import on_master_subspace, spectral_scale
from ssmsym.manifolds.hessenberg_report import partial_report
from ssmsym.manifolds.mode_choice import ModeChoice, chosen_modes
from ssmsym.manifolds.normal_form_style import (
    TangentialEquation,
    check_linear,
    coordinates_of,
    tangential_equation,
    warn_of_lost_fixed_points,
)
from ssmsym.manifolds.preconditions import described_point, expansion_point, resonance_error
from ssmsym.manifolds.resonances import ResonanceReport, resonance_report
from ssmsym.manifolds.subspace import MasterSubspace
from ssmsym.series.monomials import MonomialTable, monomial_table
from ssmsym.series.polynomial import Polynomial
from ssmsym.series.ring import FLOATS
from ssmsym.threads import single_blas_thread

if TYPE_CHECKING:
    from ssmsym.manifolds.evidence import Evidence

Array = NDArray[np.float64]

STYLES = ("graph", "normal form", "linearising")
_SMALL_SYSTEM = 600  # states up to which a second BLAS thread slows the factorisations down
_ON_AXIS = 1e-8  # relative to the largest eigenvalue


@dataclass(frozen=True, eq=False)
class SSM:
    """A spectral submanifold x = W(p, mu) with its reduced dynamics p' = R(p, mu), for a map p -> R(p, mu).

    Polynomials are in the d reduced coordinates followed by the q parameter offsets mu from
    `parameter_values`.

    Attributes
    ----------
    field : VectorField
    fixed_point : FixedPoint
    modes : tuple of int
        Positions of the master eigenvalues in the spectrum, leading first.
    spectrum : (k,) complex
        Computed eigenvalues, leading first: all N, or without the spectrum those up to the last master mode.
    right, left : (N, d)
        V and U, left.T @ right = I.
    parametrization, reduced_dynamics : Polynomial
        W (N outputs) and R (d outputs, in 1/time).
    order, parameter_order : int
        Highest total degree; highest degree in the offsets together.
    style : str
    parameters : tuple of str
        Names of the parameters that are coordinates, in the order of the offsets.
    parameter_values : (q,) array
        Their values at the expansion point.
    inner_tolerance : float or None
        In normal-form style, the distance up to which a term counted as resonant and stayed in R, in 1/time.
    """

    field: VectorField
    fixed_point: FixedPoint
    modes: tuple[int, ...]
    spectrum: NDArray[np.complex128]
    right: Array
    left: Array
    parametrization: Polynomial
    reduced_dynamics: Polynomial
    order: int
    parameter_order: int
    style: str
    parameters: tuple[str, ...]
    parameter_values: Array
    inner_tolerance: float | None = None

    @property
    def dimension(self) -> int:
        """Number d of reduced coordinates."""
        return int(self.right.shape[1])

    @property
    def eigenvalues(self) -> NDArray[np.complex128]:
        """Master eigenvalues, (d,), in 1/time."""
        return self.spectrum[list(self.modes)]

    @property
    def kind(self) -> str:
        """``stable``, ``unstable``, ``mixed``, or ``centre`` if a master eigenvalue is neutral."""
        rates = np.abs(self.eigenvalues) - 1.0 if self.field.is_map else self.eigenvalues.real
        if (np.abs(rates) < _ON_AXIS * self.spectral_scale).any():
            return "centre"
        return "stable" if (rates < 0).all() else "unstable" if (rates > 0).all() else "mixed"

    @property
    def has_spectrum(self) -> bool:
        """Whether `spectrum` holds all eigenvalues."""
        return len(self.spectrum) == self.field.n_states

    @functools.cached_property
    def spectral_scale(self) -> float:
        """Largest modulus among all eigenvalues, an estimate if only some are computed, in 1/time."""
        jacobian = None if self.has_spectrum else self.field.jacobian(self.fixed_point.state)
        return spectral_scale(self.spectrum, jacobian)

    @functools.cached_property
    def readout(self) -> Polynomial | None:
        """The readout z(p, mu) along the manifold; None if the field has none."""
        if not self.field.program.readout:
            return None
        table = self._table
        located = [locate(name, self.field.values) for name in self.parameters]
        active = active_parameters(self.field, located, self.dimension)
        roots = self.field.program.readout
        state = self.field.split(np.asarray(self.fixed_point.state))
        jets = Jets(self.field.bind(frozenset(active)), roots, table, FLOATS, state, active)
        W = self.parametrization.on_table(table)
        Z = np.zeros((len(table), self.field.n_outputs))
        Z[0] = self.field.readout(self.fixed_point.state)
        for degree in range(1, table.order + 1):
            here = table.degree_slice(degree)
            Z[here] = jets.advance(degree, self.field.split(np.ascontiguousarray(W[here])))
        return Polynomial.from_table(table, Z)

    @property
    def _table(self) -> MonomialTable:
        return monomial_table(self.dimension, len(self.parameters), self.order, self.parameter_order)

    @functools.cached_property
    def resonances(self) -> ResonanceReport:
        """Nearest outer resonances and spectral quotients, among the eigenvalues that are computed."""
        discrete, n = self.field.is_map, self.field.n_states
        if not self.has_spectrum:
            return partial_report(self.spectrum, self.modes, self.order, n, discrete=discrete)
        return resonance_report(self.spectrum, self.modes, self.order, discrete=discrete)

    @functools.cached_property
    def evidence(self) -> Evidence:
        """Invariance error, radii, drift and reduced fixed points; computed when first asked for."""
        from ssmsym.manifolds.evidence import Evidence

        return Evidence(self)

    # -- use ----------------------------------------------------------------------------------------------

    def coordinates(self, p: ArrayLike, mu: ArrayLike | None = None) -> Array:
        """Points (p, mu) as the polynomials take them, (d + q,) or (n, d + q); mu is 0 when not given."""
        reduced = np.asarray(p, dtype=float)
        if reduced.ndim not in (1, 2) or reduced.shape[-1] != self.dimension:
            raise InputError(
                f"Reduced coordinates have shape ({self.dimension},) or (n, {self.dimension}); found "
                f"{reduced.shape}."
            )
        q = len(self.parameters)
        offsets = np.zeros(q) if mu is None else np.asarray(mu, dtype=float)
        if offsets.ndim not in (1, 2) or offsets.shape[-1] != q:
            raise InputError(f"Parameter offsets have shape ({q},) or (n, {q}); found {offsets.shape}.")
        batch = np.broadcast_shapes(reduced.shape[:-1], offsets.shape[:-1])
        return np.concatenate(
            [np.broadcast_to(reduced, (*batch, self.dimension)), np.broadcast_to(offsets, (*batch, q))],
            axis=-1,
        )

    def lift(self, p: ArrayLike, mu: ArrayLike | None = None) -> Array:
        """States W(p, mu), (N,) or (n, N)."""
        return self.parametrization(self.coordinates(p, mu))

    def project(self, x: ArrayLike) -> Array:
        """Reduced coordinates of states (N,) or (n, N): p with U^T (W(p) - x*) = U^T (x - x*).

        In graph style that is U^T (x - x*) itself; in the other styles it is found by Newton iteration.

        Raises
        ------
        NotConvergedError
            If the iteration does not settle: the state lies where the expansion is not to be trusted.
        """
        along = (self.field.check_state(x) - self.fixed_point.state) @ self.left
        return along if self.style == "graph" else coordinates_of(self.parametrization, self.left, along)

    def invariance_error(self, p: ArrayLike, mu: ArrayLike | None = None) -> Array:
        """Norm of f(W) - DW R (map: f(W) - W(R)) at points (d,) or (n, d), in 1/time; a scalar array or (n,)."""
        z = self.coordinates(p, mu)
        velocity = self.full_velocity(z)
        if self.field.is_map:
            following = np.concatenate([self.reduced_dynamics(z), z[..., self.dimension :]], axis=-1)
            return np.asarray(np.linalg.norm(velocity - self.parametrization(following), axis=-1))
        along = np.einsum(
            "...ij,...j->...i",
            self.parametrization.jacobian(z)[..., : self.dimension],
            self.reduced_dynamics(z),
        )
        return np.asarray(np.linalg.norm(velocity - along, axis=-1))

    def motion(self, p: Array) -> Array:
        """f(W(p)), for a map f(W(p)) - W(p), at points (n, d) and zero offsets; shape (n, N)."""
        z = self.coordinates(p)
        velocity = self.full_velocity(z)
        return velocity - self.parametrization(z) if self.field.is_map else velocity

    def full_velocity(self, z: Array) -> Array:
        """f(W(p, mu); mu) of the full field (map: the next state) at points z = (p, mu), (d + q,) or (n, d + q)."""
        points = np.atleast_2d(z)
        states = self.parametrization(points)
        located = [locate(name, self.field.values) for name in self.parameters]
        binding = self.field.bind(frozenset(name for name, _ in located))
        settings: dict[str, Array] = {}
        for offset, (name, entry) in enumerate(located):
            base = np.atleast_1d(self.field.values[name])
            values = settings.setdefault(name, np.tile(base, (len(points), 1)))
            values[:, entry] += points[:, self.dimension + offset]
        roots = self.field.program.outputs
        found = binding.run(self.field.split(states), settings, self.field.program.reachable(roots))
        parts = [np.broadcast_to(found[i], (len(points), found[i].shape[-1])) for i in roots]
        velocity = np.concatenate(parts, axis=-1)
        return velocity[0] if np.ndim(z) == 1 else velocity

    def truncated(self, order: int) -> SSM:
        """The expansion to a lower order; in graph style lower coefficients do not depend on the order."""
        from dataclasses import replace

        if not 1 <= order <= self.order:
            raise InputError(f"'order' must lie between 1 and {self.order}; found {order}.")
        return replace(
            self,
            order=order,
            parameter_order=min(order, self.parameter_order),
            parametrization=self.parametrization.truncate(order),
            reduced_dynamics=self.reduced_dynamics.truncate(order),
        )

    def __repr__(self) -> str:
        values = ", ".join(format_eigenvalue(value) for value in self.eigenvalues)
        parameters = (
            f", parameters {', '.join(self.parameters)} to degree {self.parameter_order}"
            if self.parameters
            else ""
        )
        return (
            f"SSM({self.field.n_states} states, {self.dimension} coordinates, {self.kind}"
            f"{' manifold' if self.kind == 'centre' else ''}, {self.style} style, "
            f"order {self.order}{parameters}, eigenvalues {values})"
        )


def compute_ssm(
    field: VectorField,
    point: FixedPoint | ArrayLike,
    *,
    modes: ModeChoice = 1,
    order: int = 5,
    parameters: Sequence[str] = (),
    parameter_order: int | None = None,
    style: str = "graph",
    resonance_tolerance: float = 1e-8,
    inner_tolerance: float | None = None,
    spectrum: bool = True,
) -> SSM:
    """The spectral submanifold over some eigenspaces of a fixed point, as a Taylor expansion.

    Solves f(W(p, mu), mu) = DW(p, mu) R(p, mu), for a map f(W(p, mu), mu) = W(R(p, mu), mu), with W(0) = x*,
    D_p W(0) = V, order by order. Parameters are adjoined as coordinates that stay constant, so the expansion
    passes through folds.

    Parameters
    ----------
    field : VectorField
    point : FixedPoint or (N,) array
        Fixed point; an array must be one already.
    modes : int, sequence of int, SpectralWindow, LargestGap or "largest gap"
        Number of leading modes, positions in the spectrum (leading first), a window of rates, or what
        :func:`~ssmsym.manifolds.mode_choice.propose_modes` proposes. Stable, unstable, neutral and mixed ones are
        allowed; pairs and groups of coinciding eigenvalues only whole.
    order : int
        Highest total degree kept, at least 1.
    parameters : sequence of str
        Parameters that become coordinates, such as ``"u[0]"``.
    parameter_order : int, optional
        Highest degree in the parameter offsets together; `order` when not given.
    style : {"graph", "normal form", "linearising"}
        Parametrization style. Graph: left.T @ (W(p) - x*) = p. Normal form: R keeps only the terms of inner
        resonances, every power of the parameters included. Linearising: R is linear in p.
    resonance_tolerance : float
        Distance, relative to its own size, at which a combination of eigenvalues counts as an outer resonance.
    inner_tolerance : float, optional
        Normal form: distance |m . lambda - lambda_i| in 1/time (map: of multipliers) up to which a term stays in R; by
        default half of the lowest frequency among the master modes, and without any all terms stay.
    spectrum : bool
        Whether all eigenvalues are computed. Without, only the leading ones up to the last master mode are, and
        time roughly halves from 500 states on. A contour integral shows that none was missed; where it does
        not, a resonance may be met, or modes are chosen by rates, all are computed after all.

    Returns
    -------
    SSM

    Raises
    ------
    InputError
        If an argument is out of range or the point is no fixed point.
    SubspaceError
        If the modes cut a pair or a group that belongs together.
    ResonanceError
        If an outer resonance of degree at most `order` obstructs the expansion, or an inner one the linearising
        style. Outer resonances whose right-hand side vanishes are passed.

    Warns
    -----
    SsmsymWarning
        If fixed points that the graph style shows inside its trust radius are lost in normal form.

    Examples
    --------
    >>> import sympy
    >>> from ssmsym import from_sympy
    >>> x, y = sympy.symbols("x y")
    >>> field = from_sympy({x: -x, y: -3 * y + x**2})
    >>> ssm = compute_ssm(field, [0.0, 0.0], modes=1, order=3)
    >>> ssm.lift([0.5])
    array([0.5 , 0.25])

    References
    ----------
    Haller and Ponsioen, Nonlinear Dynamics 86, 2016. Jain and Haller, Nonlinear Dynamics 107, 2022.
    """
    _check_arguments(field, order, parameter_order, style)
    if isinstance(parameters, str):
        raise InputError(f"'parameters' is a sequence of names; write ['{parameters}'].")
    located = [locate(name, field.values) for name in parameters]
    if len(set(located)) < len(located):
        raise InputError(f"'parameters' names one parameter twice: {list(parameters)}.")
    state, jacobian = expansion_point(field, point)
    limit = order if parameter_order is None else parameter_order

    def expansion(subspace: MasterSubspace) -> tuple[MonomialTable, TangentialEquation | None, Expansion]:
        table = monomial_table(len(subspace.modes), len(located), order, limit)
        tangential = tangential_equation(subspace, table, style, inner_tolerance, field.is_map)
        found = expand(field, state, subspace, table, located, resonance_tolerance, tangential)
        return table, tangential, found

    threads = single_blas_thread() if field.n_states <= _SMALL_SYSTEM else contextlib.nullcontext()
    with threads:
        chosen = chosen_modes(jacobian, modes, discrete=field.is_map)
        subspace, (table, tangential, result) = on_master_subspace(
            jacobian, chosen, expansion, spectrum=spectrum or chosen is not modes, discrete=field.is_map
        )
    if style == "linearising":
        check_linear(result.reduced_dynamics, table, subspace, discrete=field.is_map)
    if result.obstruction is not None:
        assert result.obstructed_degree is not None
        raise resonance_error(subspace, result.obstruction, result.obstructed_degree)
    ssm = SSM(
        field=field,
        fixed_point=described_point(field, point, state, subspace),
        modes=subspace.modes,
        spectrum=subspace.spectrum,
        right=subspace.right,
        left=subspace.left,
        parametrization=Polynomial.from_table(table, result.parametrization),
        reduced_dynamics=Polynomial.from_table(table, result.reduced_dynamics),
        order=order,
        parameter_order=table.parameter_order,
        style=style,
        parameters=tuple(parameters),
        parameter_values=np.array([np.atleast_1d(field.values[n])[e] for n, e in located]),
        inner_tolerance=None if tangential is None else tangential.tolerance,
    )
    if style == "normal form":
        warn_of_lost_fixed_points(ssm)
    return ssm


def _check_arguments(field: VectorField, order: int, parameter_order: int | None, style: str) -> None:
    if style not in STYLES:
        raise InputError(f"'style' is one of {', '.join(repr(s) for s in STYLES)}; found '{style}'.")
    for name, value in (("order", order), ("parameter_order", parameter_order)):
        if value is None and name == "parameter_order":
            continue
        if not isinstance(value, (int, np.integer)) or value < 1:
            raise InputError(f"'{name}' must be an integer of at least 1; found {value!r}.")
