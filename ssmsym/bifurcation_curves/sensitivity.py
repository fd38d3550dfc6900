"""How the parameter value of a bifurcation depends on every weight."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.bifurcation_curves.critical_gradient import bilinear_gradient
from ssmsym.bifurcation_curves.steady import check_steady
from ssmsym.dynamics.diagram import SpecialPoint
from ssmsym.errors import InputError
from ssmsym.fields.adjoints import AdjointEvaluator, Gradients
from ssmsym.fields.field import VectorField
from ssmsym.fields.parameters import locate
from ssmsym.normal_forms.critical_space import null_vectors
from ssmsym.threads import single_blas_thread

Array = NDArray[np.float64]

_FLOW_KINDS = ("fold", "hopf")
_MAP_KINDS = ("fold", "flip", "neimark_sacker")
_DEGENERATE = 1e-9  # of the sizes of its factors: a slope that counts as zero
_CRITICAL = 1e-5  # what a bordered system may leave where the Jacobian is singular, relative to its size


@dataclass(frozen=True)
class WeightDerivative:
    """One entry of a table of derivatives.

    Attributes
    ----------
    name : str
        Such as ``"J[3, 17]"``.
    weight : float
        The entry's value.
    derivative : float
        d(bifurcation value) / d(entry).
    """

    name: str
    weight: float
    derivative: float


@dataclass(frozen=True, eq=False)
class EventSensitivity:
    """Derivatives of a bifurcation's parameter value.

    Attributes
    ----------
    point : SpecialPoint
    parameter : str
        Whose value at the bifurcation is differentiated.
    arrays : dict of name to array
        By every entry of every array of the field, in its shape.
    parameters : dict of str to float
        By the other parameters.
    """

    point: SpecialPoint
    parameter: str
    arrays: dict[str, Array]
    parameters: dict[str, float]
    _weights: dict[str, Array]

    def ranked(
        self, n: int = 20, *, by: str = "derivative", array: str | None = None
    ) -> list[WeightDerivative]:
        """The entries that move the bifurcation most.

        Parameters
        ----------
        n : int
        by : {"derivative", "relative"}
            Largest derivative, or largest derivative times weight: the effect of a change in proportion.
        array : str, optional
            Of one array only.

        Raises
        ------
        InputError
            If there is no such array or order.
        """
        if by not in ("derivative", "relative"):
            raise InputError(f"'by' is 'derivative' or 'relative'; found {by!r}.")
        if array is not None and array not in self.arrays:
            raise InputError(f"There is no array '{array}'; this field has {', '.join(self.arrays)}.")
        chosen = list(self.arrays) if array is None else [array]
        found = itertools.chain.from_iterable(self._largest(name, n, by) for name in chosen)

        def size(entry: WeightDerivative) -> float:
            return abs(entry.derivative * (entry.weight if by == "relative" else 1.0))

        return sorted(found, key=size, reverse=True)[:n]

    def _largest(self, name: str, n: int, by: str) -> list[WeightDerivative]:
        derivatives, weights = self.arrays[name], self._weights[name]
        sizes = np.abs(derivatives * weights if by == "relative" else derivatives).reshape(-1)
        count = min(n, sizes.size)
        places = np.argsort(sizes)[sizes.size - count :]
        entries = []
        is_column = derivatives.shape[1:] == (1,) and len(derivatives) > 1
        for place in places:
            index = np.unravel_index(int(place), derivatives.shape)
            text = ", ".join(str(i) for i in (index[:1] if is_column else index))
            entries.append(
                WeightDerivative(f"{name}[{text}]", float(weights[index]), float(derivatives[index]))
            )
        return entries

    def __repr__(self) -> str:
        first = ", ".join(f"{e.name}: {e.derivative:.4g}" for e in self.ranked(3))
        return f"EventSensitivity({self.point.kind} at {self.parameter} = {self.point.parameter:.8g}; {first}, ...)"


@single_blas_thread()
def event_sensitivity(field: VectorField, point: SpecialPoint, parameter: str) -> EventSensitivity:
    r"""Derivatives of the parameter value of a bifurcation by all weights and other parameters.

    With theta the parameter, p and q the left and right critical vectors: at a fold
    d theta / dw = -(p . df/dw) / (p . df/dtheta). Elsewhere the critical eigenvalue moves by
    dl = p^H (D^2f(q, x_w) + (dA/dw) q), x_w = -A^-1 df/dw, and d theta / dw = -Re dl_w / Re dl_theta (map: of
    conj(l) dl); one more solve, with the transposed Jacobian, serves all weights at once (Govaerts, Numerical Methods
    for Bifurcations of Dynamical Equilibria, 2000, sections 4.1 and 4.3).

    Parameters
    ----------
    field : VectorField
        A flow or a map.
    point : SpecialPoint
        A fold or Hopf point of ``branches``; of a map a fold, flip or Neimark-Sacker point.
    parameter : str
        The one of the branch.

    Returns
    -------
    EventSensitivity

    Raises
    ------
    InputError
        If the point is of another kind, is not at a bifurcation, or does not move transversally with the parameter.

    Examples
    --------
    >>> import numpy as np, ssmsym
    >>> field = ssmsym.rate_network([[2.0]], B=[[1.0]], activation="tanh")
    >>> fold = ssmsym.branches(field, "u[0]", (-1.0, 1.0)).special_points[0]
    >>> found = event_sensitivity(field, fold, "u[0]")
    >>> s = np.sqrt(0.5)  # u = w s - artanh s at the fold, s = sqrt(1 - 1/w), so that du/dw = s
    >>> bool(abs(abs(found.arrays["J"][0, 0]) - s) < 1e-9)
    True
    """
    if not isinstance(field, VectorField):
        raise InputError(
            f"Weights are those of a field; found {type(field).__name__}. Give the network's field."
        )
    located = locate(parameter, field.values)
    here = field.at({parameter: point.parameter})
    state = here.check_state(point.state, batch=False)
    kinds = _MAP_KINDS if field.is_map else _FLOW_KINDS
    if point.kind not in kinds:
        raise InputError(
            f"A {point.kind.replace('_', ' ')} has no derivative by weights here; give a point of kind "
            f"{', '.join(repr(k) for k in kinds)}."
        )
    check_steady(here, state, f"The {point.kind} at {parameter} = {point.parameter:.6g}")
    gradients = _numerator(here, state, point)
    slope = float(gradients.parameters[located[0]][located[1]])
    size = max(float(np.abs(a).max(initial=0.0)) for a in (*gradients.arrays.values(), gradients.state))
    if not abs(slope) > _DEGENERATE * size:
        raise InputError(
            f"The {point.kind} at {parameter} = {point.parameter:.6g} does not move with '{parameter}' to first order "
            "(a degenerate point); its value has no derivative by the weights."
        )
    return EventSensitivity(
        point=point,
        parameter=parameter,
        arrays={
            name: -value.reshape(np.shape(here.arrays[name])) / slope
            for name, value in gradients.arrays.items()
        },
        parameters={
            name: value for name, value in _flat(gradients, slope, here).items() if name != parameter
        },
        _weights={name: np.asarray(value, dtype=float) for name, value in here.arrays.items()},
    )


def _numerator(field: VectorField, state: Array, point: SpecialPoint) -> Gradients:
    """Derivatives of what vanishes along the bifurcation, the change of the fixed point included."""
    evaluator = AdjointEvaluator(field.bind(), field.program.outputs)
    jacobian = field.jacobian(state)
    steady = jacobian - np.eye(len(state)) if field.is_map else jacobian
    critical = _critical_value(field, point)
    shift = critical.real if critical.imag == 0 else critical
    right, left, gap = null_vectors(jacobian - shift * np.eye(len(state)))
    curvature, _ = bilinear_gradient(evaluator, field, state, left, right)
    _check_critical(
        gap, jacobian, float(np.linalg.norm(curvature.state) * np.linalg.norm(state)), critical, point
    )
    if point.kind == "fold":
        return evaluator.gradients(field.split(state), field.split(left))
    left = left / np.conj(left.conj() @ right)
    if field.is_map:
        left = left * shift  # Re conj(l) dl in place of Re dl
    direct, _ = bilinear_gradient(evaluator, field, state, left, right)
    through_state: Array = np.linalg.solve(steady.T, -direct.state).astype(float)
    return direct + evaluator.gradients(field.split(state), field.split(through_state))


def _critical_value(field: VectorField, point: SpecialPoint) -> complex:
    if point.kind == "fold":
        return 1.0 + 0.0j if field.is_map else 0.0j
    if not len(point.eigenvalues):
        raise InputError(f"The {point.kind} point names no eigenvalues; take one from ssmsym.branches.")
    value = complex(point.eigenvalues[0])
    return complex(value.real, abs(value.imag))


def _check_critical(
    gap: float, jacobian: Array, response: float, critical: complex, point: SpecialPoint
) -> None:
    """Refuse a point at which the Jacobian less the critical eigenvalue is not singular.

    `response` is how much the eigenvalue changes when the state changes by its own size.
    """
    if not gap <= _CRITICAL * max(float(np.linalg.norm(jacobian, 2)), response):
        raise InputError(
            f"The field has no eigenvalue {critical:.4g} at the given {point.kind}: a bordered system leaves "
            f"{gap:.1e}. It is a point of another field or parameter; take it from branches of this field."
        )


def _flat(gradients: Gradients, slope: float, field: VectorField) -> dict[str, float]:
    out: dict[str, float] = {}
    for name, values in gradients.parameters.items():
        if field.values[name].ndim == 0:
            out[name] = float(-values[0] / slope)
        else:
            out.update({f"{name}[{i}]": float(-value / slope) for i, value in enumerate(values)})
    return out
