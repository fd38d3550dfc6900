"""How far the truncated manifold of a normal form can be believed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssmsym.fields.field import VectorField
from ssmsym.normal_forms.reduced_route import CentreManifold

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_CYCLES, _POINTS = 0.01, 0.1  # allowed errors
_HALVINGS = 30


def believed_size(
    field: VectorField, manifold: CentreManifold, coordinates: Complex, size: float, *, pair: bool
) -> float:
    """A size |w|, halved until the manifold is invariant to a percent (of fixed points: a tenth) of the motion on it.

    Parameters
    ----------
    field : VectorField
        The manifold's.
    manifold : CentreManifold
    coordinates : (d, 1) or (d, 2) complex array
        From w to the manifold's coordinates.
    size : float
        Returned as it is if infinite.
    pair : bool
        Whether w is that of a complex pair.
    """
    for _ in range(_HALVINGS if np.isfinite(size) else 0):
        if _error(field, manifold, coordinates, size, pair) <= (_CYCLES if pair else _POINTS):
            break
        size *= 0.5
    return size


def _error(
    field: VectorField, manifold: CentreManifold, coordinates: Complex, size: float, pair: bool
) -> float:
    """Largest |f(W) - DW R| / |f(W)| at the bifurcation and a size; of maps |f(W) - W(R)| / |f(W) - W|."""
    phases = np.exp(2j * np.pi * np.arange(8) / 8) if pair else np.array([1.0, -1.0])
    w = size * (np.stack([phases, phases.conj()], axis=1) if pair else phases[:, None])
    p = (w @ coordinates.T).real
    W, R = manifold.parametrization, manifold.reduced_dynamics
    d = p.shape[1]
    z = np.concatenate([p, np.zeros((len(p), W.n_variables - d))], axis=1)
    with np.errstate(all="ignore"):
        velocity = field(W(z))
        if field.is_map:
            error = velocity - W(np.concatenate([R(z), z[:, d:]], axis=1))
            motion = velocity - W(z)
        else:
            error = velocity - np.einsum("nij,nj->ni", W.jacobian(z)[:, :, :d], R(z))
            motion = velocity
        relative = np.linalg.norm(error, axis=1) / np.linalg.norm(motion, axis=1)
    return float(np.nan_to_num(relative, nan=np.inf).max())
