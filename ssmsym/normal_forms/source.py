"""What a normal form is computed of: a field at a point, or a reduced model with the network that it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.diagram import SpecialPoint
from ssmsym.dynamics.fixed_points import FixedPoint
from ssmsym.dynamics.newton import defect
from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.fields.parameters import locate
from ssmsym.fields.polynomial_field import polynomial_field
from ssmsym.manifolds.ssm import SSM
from ssmsym.reduced.model import ReducedModel
from ssmsym.series.polynomial import Polynomial

Array = NDArray[np.float64]
_RESIDUAL = 1e-7
_NO_RATE = 1e-6  # a Jacobian below is that of a field that is critical as a whole

Point = FixedPoint | SpecialPoint | ArrayLike | None


@dataclass(frozen=True, eq=False)
class Source:
    """The field of each route and the way from the reduced coordinates to states.

    Attributes
    ----------
    field, state : VectorField, (N,) array
        Of the multilinear forms.
    reduced_field, reduced_state : VectorField, (n,) array
        Of the reduced model; the same pair for a plain field.
    parametrization : Polynomial or None
        From the reduced coordinates and parameter offsets to states; None for a plain field.
    parameters : mapping of str to float
        Parameters of the normal form with their values at the point.
    order : int
        Highest total degree that the source has.
    """

    field: VectorField
    state: Array
    reduced_field: VectorField
    reduced_state: Array
    parametrization: Polynomial | None
    parameters: Mapping[str, float]
    order: int

    @property
    def embedding(self) -> Array | None:
        """Linear part of the way from the reduced field's states to the network's."""
        if self.parametrization is None:
            return None
        return self.parametrization.jacobian(self._point(self.reduced_state))[:, : len(self.reduced_state)]

    @property
    def embedding_of_forms(self) -> Array | None:
        """The same for the field of the multilinear forms."""
        return self.embedding if self.field is self.reduced_field else None

    def lifted(self, states: Array, offsets: Array) -> Array:
        """States of the network, (n, N), from states of the reduced field at parameter offsets."""
        if self.parametrization is None:
            return states
        points = np.array([self._point(s) for s in states])
        names = list(self.parameters)
        if names:
            points[:, -len(self._names) :] += _spread(offsets, names, self._names)
        return self.parametrization(points)

    @property
    def _names(self) -> list[str]:
        return list(self.reduced_field.parameters)

    def _point(self, state: Array) -> Array:
        assert self.parametrization is not None
        count = self.parametrization.n_variables - len(state)
        shifts = [self.reduced_field.parameters[n] - self._origin[n] for n in self._names] if count else []
        return np.concatenate([state, shifts])

    @property
    def _origin(self) -> Mapping[str, float]:
        origin: Mapping[str, float] = self.reduced_field.metadata["expansion_values"]
        return origin


def _spread(offsets: Array, given: Sequence[str], names: Sequence[str]) -> Array:
    out = np.zeros(len(names))
    for name, offset in zip(given, offsets, strict=True):
        out[list(names).index(name)] = offset
    return out


def source_of(
    of: VectorField | SSM | ReducedModel, point: Point, parameters: Sequence[str] | None, order: int
) -> Source:
    """The fields, states and parameters of both routes.

    Raises
    ------
    InputError
        If an argument does not fit.
    """
    if isinstance(parameters, str):
        raise InputError(f"'parameters' is a sequence of names; write ['{parameters}'].")
    if not isinstance(order, (int, np.integer)) or order < 3:
        raise InputError(f"'order' must be an integer of at least 3; found {order!r}.")
    if isinstance(of, VectorField):
        if point is None:
            raise InputError("A field needs the state of its bifurcation: give 'point'.")
        names = tuple(parameters or ())
        field, state = _placed(of, point, names)
        values = _values(field, names)
        return Source(field, state, field, state, None, values, int(order))
    if isinstance(of, (SSM, ReducedModel)):
        return _of_model(of, point, parameters, int(order))
    raise InputError(
        f"Normal forms are those of a field, an SSM or a reduced model; found {type(of).__name__}."
    )


def _of_model(of: SSM | ReducedModel, point: Point, parameters: Sequence[str] | None, order: int) -> Source:
    if isinstance(of, SSM):
        ssm: SSM | None = of
        origin = dict(zip(of.parameters, of.parameter_values.tolist(), strict=True))
        time = of.field.time
    else:
        ssm, origin, time = of.ssm, dict(of.parameter_values), of.time
    names = tuple(origin) if parameters is None else tuple(parameters)
    model = polynomial_field(
        of.reduced_dynamics, parameters=origin, time=time, metadata={"expansion_values": origin}
    )
    if of.order < 3:
        raise InputError(f"The reduced model has order {of.order}; a normal form needs at least 3.")
    order = min(order, of.order)
    W = of.parametrization
    d = of.reduced_dynamics.n_outputs
    if point is None:
        start = np.zeros(d)
        values = _values(model, names)
        if ssm is not None:
            return Source(ssm.field, ssm.fixed_point.state, model, start, W, values, order)
        return Source(model, start, model, start, W, values, order)
    moved, state = _placed(model, point, names)
    return Source(moved, state, moved, state, W, _values(moved, names), order)


def _placed(field: VectorField, point: Point, names: Sequence[str]) -> tuple[VectorField, Array]:
    """The field at a point's parameter value, and the state, checked."""
    if isinstance(point, SpecialPoint):
        if not names:
            raise InputError(
                "A point of a bifurcation diagram needs its parameter: name it first in 'parameters'."
            )
        field = field.at({names[0]: point.parameter})
        if point.second_parameter is not None:
            if len(names) < 2:
                raise InputError(
                    "A point of a diagram in two parameters needs both: name them first in 'parameters', in its order."
                )
            field = field.at({names[1]: point.second_parameter})
        point = point.state
    assert point is not None
    state = field.check_state(point.state if isinstance(point, FixedPoint) else point, batch=False)
    _check_fixed_point(field, state)
    return field, state


def _check_fixed_point(field: VectorField, state: Array) -> None:
    """By the residual, since at a singular Jacobian a Newton step says nothing of the distance."""
    jacobian = field.jacobian(state)
    rate = float(np.linalg.norm(jacobian)) / len(state) ** 0.5
    residual = float(np.linalg.norm(defect(field, state)))
    allowed = _RESIDUAL * (rate if rate > _NO_RATE else 1.0) * max(float(np.linalg.norm(state)), 0.1)
    if not residual <= allowed:
        raise InputError(
            f"The given state is no fixed point: |f| = {residual:.1e} there (allowed: {allowed:.1e}). Locate the "
            "bifurcation with branches."
        )


def _values(field: VectorField, names: Sequence[str]) -> dict[str, float]:
    for name in names:
        locate(name, field.values)
    if len(set(names)) < len(names):
        raise InputError(f"'parameters' names one parameter twice: {list(names)}.")
    return {name: field.parameters[name] for name in names}
