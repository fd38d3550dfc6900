"""Gradients of a critical eigenvalue by states, parameters and weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.fields.adjoints import AdjointEvaluator, Gradients
from ssmsym.fields.field import VectorField

Array = NDArray[np.float64]


def bilinear_gradient(
    evaluator: AdjointEvaluator,
    field: VectorField,
    state: Array,
    left: NDArray[Any],
    right: NDArray[Any],
    active: Mapping[str, Array] | None = None,
) -> tuple[Gradients, Gradients | None]:
    """Real and imaginary part of the derivatives of ``left^H Df right``; None where all is real.

    Parameters
    ----------
    left, right : (N,) arrays, real or complex
    active : mapping, optional
        Values of the evaluator's active parameters.
    """
    split = field.split

    def sweep(weights: Array, direction: Array) -> Gradients:
        return evaluator.gradients(split(state), split(weights), split(direction), active)

    if not np.iscomplexobj(left) and not np.iscomplexobj(right):
        return sweep(left, right), None
    real = sweep(left.real, right.real) + sweep(left.imag, right.imag)
    return real, sweep(left.real, right.imag) + sweep(left.imag, right.real) * -1.0
