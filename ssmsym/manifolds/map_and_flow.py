"""The SSM of an ODE beside that of its Euler map, at one fixed point and in the same reduced coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.critical import StabilityLimit
from ssmsym.dynamics.fixed_points import FixedPoint
from ssmsym.errors import InputError, ResonanceError, SubspaceError
from ssmsym.fields.field import VectorField
from ssmsym.manifolds.preconditions import expansion_point
from ssmsym.manifolds.ssm import SSM, compute_ssm
from ssmsym.manifolds.subspace import MasterSubspace, master_subspace, ordered_spectrum
from ssmsym.series.monomials import monomial_table
from ssmsym.series.polynomial import Polynomial

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_TRUST = 1e-2  # tolerance of the trust radii
_NOTHING = 1e-12  # coefficients below this share of the largest count as 0


@dataclass(frozen=True, eq=False)
class MapAndFlow:
    """One fixed point in the ODE x' = f(x) and in its Euler map x -> x + dt f(x).

    Both SSMs are in graph style over the same eigenvectors, with p = left.T @ (x - x*) of the ODE's bases.

    Attributes
    ----------
    step : float
        dt, in the ODE's unit of time.
    state : (N,) array
        The fixed point of both.
    modes : tuple of int
        Positions of the master eigenvalues in `eigenvalues`.
    eigenvalues : (N,) complex array
        l of the ODE in 1/time, leading first (descending real part).
    multipliers : (N,) complex array
        Of the Euler map, from its own Jacobian, each beside the eigenvalue l with multiplier 1 + dt l.
    flow_index, map_index : int
        Number of unstable directions in the ODE and in the map.
    flow, map : SSM or None
        None where a resonance, or modes that cannot be told apart, forbids the expansion.
    flow_refusal, map_refusal : str or None
        The reason then.
    parameters : tuple of str
        Parameters that are coordinates of both.
    exponents : (M, d + q) int array
        Monomials in p and the parameter offsets.
    flow_rates, map_rates : (M, d) array or None
        Coefficients of R of the ODE, and of (R - p) / dt of the map, in 1/time.
    """

    step: float
    state: Array
    modes: tuple[int, ...]
    eigenvalues: Complex
    multipliers: Complex
    flow_index: int
    map_index: int
    flow: SSM | None
    map: SSM | None
    flow_refusal: str | None
    map_refusal: str | None
    parameters: tuple[str, ...]
    exponents: NDArray[np.int64]
    flow_rates: Array | None
    map_rates: Array | None

    @property
    def identity_error(self) -> float:
        """Largest |m - (1 + dt l)|: rounding errors, if both spectra are right."""
        return float(np.abs(self.multipliers - (1.0 + self.step * self.eigenvalues)).max())

    @property
    def differences(self) -> Array | None:
        """`map_rates` - `flow_rates`, (M, d), in 1/time, of size dt from degree 3 on; None if one was refused."""
        if self.flow_rates is None or self.map_rates is None:
            return None
        return np.asarray(self.map_rates - self.flow_rates)

    @property
    def relative_differences(self) -> dict[int, float] | None:
        """Of each total degree the largest |difference| over the largest |coefficient| of the ODE.

        Degrees in which both vanish are left out; inf where the ODE has nothing. None if one was refused.
        """
        differences = self.differences
        if differences is None or self.flow_rates is None:
            return None
        degrees = self.exponents.sum(axis=1)
        floor = _NOTHING * float(np.abs(self.flow_rates).max())
        found = {}
        for degree in range(1, int(degrees.max()) + 1):
            largest, own = (
                float(np.abs(values[degrees == degree]).max()) for values in (differences, self.flow_rates)
            )
            if max(largest, own) > floor:
                found[degree] = largest / own if own > floor else float("inf")
        return found

    @property
    def flow_trust_radius(self) -> float | None:
        """|p| up to which the ODE's expansion is trusted (tolerance 1e-2)."""
        return None if self.flow is None else self.flow.evidence.trust_radius(_TRUST)

    @property
    def map_trust_radius(self) -> float | None:
        """|p| up to which the map's expansion is trusted (tolerance 1e-2)."""
        return None if self.map is None else self.map.evidence.trust_radius(_TRUST)

    @property
    def agree_on_stability(self) -> bool:
        """Whether the two have as many unstable directions."""
        return self.flow_index == self.map_index

    @property
    def verdict(self) -> str:
        """One sentence on stability."""
        if self.agree_on_stability:
            state = f"has {_directions(self.flow_index)}" if self.flow_index else "is stable"
            return (
                f"The ODE and its Euler map with step {self.step:g} agree on stability: the fixed point "
                f"{state} in both."
            )
        return (
            f"The ODE and its Euler map with step {self.step:g} disagree on stability: the fixed point has "
            f"{_directions(self.flow_index)} in the ODE and {self.map_index} in the map."
        )

    def text(self, degree: int = 3) -> str:
        """A table of at most 100 columns, with the reduced equations up to a total degree."""
        from ssmsym.manifolds.map_and_flow_text import comparison_text

        return comparison_text(self, degree)

    def __repr__(self) -> str:
        return (
            f"MapAndFlow({len(self.state)} states, {len(self.modes)} coordinates, step {self.step:g}, index "
            f"{self.flow_index} in the ODE, {self.map_index} in the map)"
        )


def _directions(count: int) -> str:
    return f"{count} unstable direction{'s' * (count != 1)}"


def compare_map_and_flow(
    field: VectorField,
    point: FixedPoint | ArrayLike,
    *,
    modes: int | Sequence[int] = 1,
    order: int = 5,
    parameters: Sequence[str] = (),
    parameter_order: int | None = None,
    step: float | None = None,
) -> MapAndFlow:
    """The SSM of an ODE beside that of its Euler map x -> x + dt f(x).

    The two have the same fixed points and eigenvectors; an eigenvalue l of the ODE is the multiplier 1 + dt l
    of the map. Their SSMs are tangent to each other and differ by O(dt) from degree 2 on; R of the ODE and
    (R - p) / dt of the map, of which degree k depends on W below degree k, differ from degree 3 on. The
    invariance equations are f(W) = DW R (Haller and Ponsioen, Nonlinear Dynamics 86, 2016, section 3) and
    W + dt f(W) = W(R) (Cabre, Fontich and de la Llave, Indiana Univ. Math. J. 52, 2003, theorem 1.1).

    Parameters
    ----------
    field : VectorField
        A flow.
    point : FixedPoint or (N,) array
        Fixed point of the flow.
    modes : int or sequence of int
        Number of leading modes of the ODE, or positions in its spectrum; the map's are those with the same
        eigenvectors.
    order : int
        Highest total degree.
    parameters : sequence of str
        Parameters that become coordinates, such as ``"u[0]"``.
    parameter_order : int, optional
        Highest degree in the parameter offsets together; `order` when not given.
    step : float, optional
        dt in the field's unit of time; by default the step with which the network was trained.

    Returns
    -------
    MapAndFlow

    Raises
    ------
    InputError
        If the field is a map, no step is known, or an argument does not fit.
    SubspaceError
        If the modes cut a pair or a group of eigenvalues of the ODE.

    Examples
    --------
    >>> import sympy
    >>> from ssmsym import from_sympy
    >>> x, y = sympy.symbols("x y")
    >>> field = from_sympy({x: -x + x * y, y: -3 * y + x**2})
    >>> both = compare_map_and_flow(field, [0.0, 0.0], modes=1, order=3, step=0.1)
    >>> both.flow_rates.ravel().round(6).tolist()  # y = x^2 / (3 - 2)
    [0.0, -1.0, 0.0, 1.0]
    >>> both.map_rates.ravel().round(6).tolist()  # y = 0.1 x^2 / (0.9^2 - 0.7)
    [0.0, -1.0, 0.0, 0.909091]
    """
    if field.is_map:
        raise InputError("The field is a map already; give the flow of which it is the Euler map.")
    dt = field.metadata.get("trained_step") if step is None else step
    if not dt:
        raise InputError(
            "The network was not trained as an Euler map with a step; give 'step' (dt in units of time)."
        )
    euler_map = field.discretized(dt)
    state, jacobian = expansion_point(field, point)
    subspace = master_subspace(jacobian, modes)
    spectrum = ordered_spectrum(euler_map.jacobian(state), discrete=True)
    partners = _partners(spectrum, 1.0 + dt * subspace.spectrum)
    positions = tuple(int(partners[i]) for i in subspace.modes)
    options = {"order": order, "parameters": parameters, "parameter_order": parameter_order}
    flow, flow_refusal = _expanded(field, state, subspace.modes, options)
    of_map, map_refusal = _expanded(euler_map, state, positions, options)
    if of_map is not None:
        of_map = _in_coordinates_of(subspace, of_map, positions)
    limit = order if parameter_order is None else parameter_order
    table = monomial_table(len(subspace.modes), len(tuple(parameters)), order, limit)
    map_rates = None
    if of_map is not None:
        map_rates = (
            of_map.reduced_dynamics.on_table(table) - _identity(table.exponents, len(positions))
        ) / dt
    return MapAndFlow(
        step=float(dt),
        state=state,
        modes=subspace.modes,
        eigenvalues=subspace.spectrum,
        multipliers=spectrum[partners],
        flow_index=StabilityLimit(0.0).unstable(subspace.spectrum),
        map_index=StabilityLimit(1.0).unstable(spectrum - 1.0),
        flow=flow,
        map=of_map,
        flow_refusal=flow_refusal,
        map_refusal=map_refusal,
        parameters=tuple(parameters),
        exponents=table.exponents,
        flow_rates=None if flow is None else flow.reduced_dynamics.on_table(table),
        map_rates=map_rates,
    )


def _expanded(
    field: VectorField, state: Array, modes: tuple[int, ...], options: dict[str, object]
) -> tuple[SSM | None, str | None]:
    try:
        return compute_ssm(field, state, modes=modes, **options), None  # type: ignore[arg-type]
    except (ResonanceError, SubspaceError) as error:
        return None, str(error)


def _partners(found: Complex, wanted: Complex) -> NDArray[np.int64]:
    """For each wanted eigenvalue the position of the found one that belongs to it."""
    from scipy.optimize import linear_sum_assignment

    return np.asarray(linear_sum_assignment(np.abs(wanted[:, None] - found[None, :]))[1])


def _identity(exponents: NDArray[np.int64], d: int) -> Array:
    """Coefficients of the map (p, mu) -> p."""
    linear = exponents.sum(axis=1) == 1
    return np.asarray(np.where(linear[:, None], exponents[:, :d], 0), dtype=float)


def _in_coordinates_of(subspace: MasterSubspace, ssm: SSM, positions: tuple[int, ...]) -> SSM:
    """An SSM over the same subspace in the reduced coordinates of other bases: p_own = T p.

    A map sorts its modes by modulus, so that its coordinates may come in another order.
    """
    d, q = ssm.dimension, len(ssm.parameters)
    T = ssm.left.T @ subspace.right
    change = np.eye(d + q)
    change[:d, :d] = T
    inner = Polynomial.identity(d + q).transformed(change)
    table = monomial_table(d, q, ssm.order, ssm.parameter_order)

    def changed(polynomial: Polynomial) -> Polynomial:
        return Polynomial.from_table(table, polynomial.compose(inner, ssm.order).on_table(table))

    return replace(
        ssm,
        modes=positions,
        right=subspace.right,
        left=np.asarray(ssm.left @ np.linalg.inv(T).T),
        parametrization=changed(ssm.parametrization),
        reduced_dynamics=changed(ssm.reduced_dynamics).transformed(np.linalg.inv(T)),
    )
