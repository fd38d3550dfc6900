"""Both routes to the numbers of a normal form, held against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.fields.polynomial_field import polynomial_field
from ssmsym.normal_forms.bogdanov_takens import BogdanovTakens, bogdanov_takens, jordan_vectors
from ssmsym.normal_forms.coefficients import DESCRIPTIONS, Quantity, Terms, frequency_slopes
from ssmsym.normal_forms.critical_space import CriticalModes, critical_modes, critical_space
from ssmsym.normal_forms.homological import CriticalExpansion, critical_expansion
from ssmsym.normal_forms.kinds import DEGREES, checked_kind, family_of
from ssmsym.normal_forms.multilinear import MultilinearForms
from ssmsym.normal_forms.reduced_route import CentreManifold, centre_manifold, normal_form_terms
from ssmsym.normal_forms.source import Source
from ssmsym.series.polynomial import Polynomial

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_FLOOR = 1e-6  # of the terms that a number is the sum of: below, it is not known to 1e-8 of itself
_ROUNDING = 1e-14  # of its terms: a derivative below is 0

BOGDANOV_TAKENS = "w0' = w1, w1' = beta1 + beta2 w1 + a w0^2 + b w0 w1"


@dataclass(frozen=True)
class Coefficient:
    """One number of a normal form.

    Attributes
    ----------
    name : str
    value : float or complex
        By the multilinear forms.
    reduced : float or complex
        By the reduced model.
    convention : str
        What the number is, and in whose convention.
    difference : float
        Of the two, relative to the larger, or to 1e-6 of the terms that they are sums of.
    """

    name: str
    value: complex | float
    reduced: complex | float
    convention: str
    difference: float


@dataclass(frozen=True, eq=False)
class Numbers:
    """What both routes give.

    Attributes
    ----------
    kind, equation : str
    coefficients : tuple of Coefficient
    unfolding : dict of str to (q,) array
        Derivatives of each unfolding parameter by the parameters, by the multilinear forms.
    frequency_slopes : dict of str to (q,) array
    slope_difference : float
        Largest relative difference of those derivatives between the routes.
    rank : int
        Number of unfolding parameters that the parameters move independently.
    eigenvalues : (d,) complex array
    modes : tuple of int
    right : (N, d) complex array
        Eigenvectors (generalised ones at a Bogdanov-Takens point) in the network's states.
    left : (n, d) complex array
        Their adjoints in the states of the field that the multilinear forms are those of.
    manifold : CentreManifold
    terms : Terms or None
        Of the reduced route; None at a Bogdanov-Takens point.
    coordinates : (n, d) complex array
        Linear map from w to the manifold's real coordinates.
    """

    kind: str
    equation: str
    coefficients: tuple[Coefficient, ...]
    unfolding: Mapping[str, Array]
    frequency_slopes: Mapping[str, Array]
    slope_difference: float
    rank: int
    eigenvalues: Complex
    modes: tuple[int, ...]
    right: Complex
    left: Complex
    manifold: CentreManifold
    terms: Terms | None
    coordinates: Complex


def both_routes(source: Source, kind: str | None, tolerance: float) -> Numbers:
    """The normal form of a source's point by both routes.

    Raises
    ------
    InputError
        If the point is at no bifurcation that is known here, or not at the wanted one.
    """
    jacobian = source.field.jacobian(source.state)
    discrete = source.field.is_map
    found = critical_modes(jacobian, tolerance, discrete=discrete)
    family = family_of(found, kind, discrete=discrete)
    if family == "double zero":
        return _bogdanov_takens(source, jacobian, found)
    reduced_jacobian, reduced_found = jacobian, found
    if source.reduced_field is not source.field:
        reduced_jacobian = source.reduced_field.jacobian(source.reduced_state)
        reduced_found = critical_modes(reduced_jacobian, tolerance, discrete=discrete)
        if family_of(reduced_found, None, discrete=discrete) != family:
            raise InputError(
                "The reduced model does not hold all critical modes of its network; compute it over modes "
                f"{sorted([*found.zeros, *found.flips, *found.pairs, *(i + 1 for i in found.pairs)])}."
            )
    space = critical_space(jacobian, found, source.embedding_of_forms, discrete=discrete)
    names = list(source.parameters)
    forms = MultilinearForms(source.field, source.state, names)
    expansion = critical_expansion(forms, space, _degrees(family, source.order))
    reduced_space = critical_space(reduced_jacobian, reduced_found, source.embedding, discrete=discrete)
    manifold = centre_manifold(
        source.reduced_field,
        source.reduced_state,
        reduced_space.modes,
        names,
        source.order,
        space.resonant_width,
    )
    terms = Terms(
        normal_form_terms(manifold, reduced_space, len(names)), space.eigenvalues, len(names), discrete
    )
    full = Terms(expansion.terms, space.eigenvalues, len(names), discrete)
    kind = checked_kind(kind, family, expansion, len(names), source.order)
    description = DESCRIPTIONS[kind]
    coefficients = tuple(
        _coefficient(a, b, expansion.sizes.get((a.source[0], full.exponents(a.source[1])), 0.0))
        for a, b in zip(description.quantities(full), description.quantities(terms), strict=True)
        if sum(a.source[1]) <= source.order
    )
    slopes, reduced_slopes = description.unfolding(full), description.unfolding(terms)
    frequencies, reduced_frequencies = frequency_slopes(full), frequency_slopes(terms)
    pairs = [*zip(slopes, reduced_slopes, strict=True)]
    pairs += [(frequencies[name], reduced_frequencies[name]) for name in frequencies]
    by_parameter = _sizes_by_parameter(expansion, space.dimension, len(names))
    return Numbers(
        kind=kind,
        equation=description.equation.replace("w' =", "w -> w +") if discrete else description.equation,
        coefficients=coefficients,
        unfolding={
            name: _without_rounding(row, by_parameter)
            for name, row in zip(description.unfolding_names, slopes, strict=True)
        },
        frequency_slopes={name: _without_rounding(row, by_parameter) for name, row in frequencies.items()},
        slope_difference=max(_difference(a, b, by_parameter) for a, b in pairs),
        rank=_rank(slopes, by_parameter),
        eigenvalues=space.eigenvalues,
        modes=space.modes,
        left=space.left,
        right=space.right if source.embedding_of_forms is None else source.embedding_of_forms @ space.right,
        manifold=manifold,
        terms=terms,
        coordinates=manifold.coordinates(reduced_space.right),
    )


def _degrees(family: str, order: int) -> tuple[int, int]:
    """Degrees of the multilinear forms, of total degree at most the order."""
    plain, with_parameter = DEGREES[family]
    return min(plain, order), min(with_parameter, order - 1)


def _coefficient(full: Quantity, reduced: Quantity, size: float) -> Coefficient:
    larger = max(abs(full.value), abs(reduced.value), _FLOOR * size)
    difference = abs(full.value - reduced.value)
    return Coefficient(
        full.name, full.value, reduced.value, full.convention, float(difference / larger) if larger else 0.0
    )


def _sizes_by_parameter(expansion: CriticalExpansion, d: int, q: int) -> Array:
    """Size of the largest terms that derivatives by each parameter are sums of, (q,)."""
    out = np.zeros(q)
    for (_, exponents), size in expansion.sizes.items():
        if sum(exponents[d:]) == 1:
            j = exponents[d:].index(1)
            out[j] = max(out[j], size)
    return out


def _difference(full: Array, reduced: Array, sizes: Array | float) -> float:
    """Largest relative difference of derivatives, (q,) each."""
    if not full.size:
        return 0.0
    larger = np.maximum(np.maximum(np.abs(full), np.abs(reduced)), _FLOOR * np.asarray(sizes))
    return float((np.abs(full - reduced) / np.where(larger > 0, larger, 1.0)).max())


def _without_rounding(slopes: Array, sizes: Array) -> Array:
    return np.where(np.abs(slopes) <= _ROUNDING * sizes, 0.0, slopes)


def _rank(slopes: Array, sizes: Array) -> int:
    """Number of unfolding parameters that the parameters can move independently."""
    if not slopes.size:
        return 0
    scaled = slopes / np.where(sizes > 0, sizes, 1.0)
    return int(np.linalg.matrix_rank(scaled, tol=_FLOOR))


def _bogdanov_takens(source: Source, jacobian: Array, found: CriticalModes) -> Numbers:
    names = list(source.parameters)
    vectors = jordan_vectors(jacobian, source.embedding_of_forms)
    full = bogdanov_takens(MultilinearForms(source.field, source.state, names), jacobian, vectors)
    modes = found.zeros
    if source.reduced_field is not source.field:
        reduced_jacobian = source.reduced_field.jacobian(source.reduced_state)
        modes = critical_modes(reduced_jacobian, 1e-6, discrete=False).zeros
    manifold = centre_manifold(source.reduced_field, source.reduced_state, modes, names, 3, None)
    reduced, coordinates = _on_plane(manifold, source, names)
    quantities = [
        (name, getattr(full, name), getattr(reduced, name), text)
        for name, text in (
            ("a", "coefficient of w0^2, |q0| = 1, <p1, q1> = 1"),
            ("b", "coefficient of w0 w1, |q0| = 1, <q0, q1> = 0"),
        )
    ]
    return Numbers(
        kind="bogdanov_takens",
        equation=BOGDANOV_TAKENS,
        coefficients=tuple(
            _coefficient(Quantity(name, a, text, (0, ())), Quantity(name, b, text, (0, ())), 0.0)
            for name, a, b, text in quantities
        ),
        unfolding=dict(zip(("beta1", "beta2"), full.unfolding, strict=True)),
        frequency_slopes={},
        slope_difference=max(
            _difference(a, b, np.abs(full.unfolding).max(axis=0, initial=0.0))
            for a, b in zip(full.unfolding, reduced.unfolding, strict=True)
        ),
        rank=_rank(full.unfolding, np.abs(full.unfolding).max(axis=0)),
        eigenvalues=found.spectrum[list(found.zeros)],
        modes=found.zeros,
        left=np.stack([vectors.p0, vectors.p1], axis=1).astype(complex),
        right=_embedded(source.embedding_of_forms, np.stack([vectors.q0, vectors.q1], axis=1)),
        manifold=manifold,
        terms=None,
        coordinates=coordinates,
    )


def _on_plane(
    manifold: CentreManifold, source: Source, names: Sequence[str]
) -> tuple[BogdanovTakens, Complex]:
    """The normal form of the reduced dynamics in two coordinates, and its generalised eigenvectors there."""
    R: Polynomial = manifold.reduced_dynamics
    plane: VectorField = polynomial_field(R, parameters=dict.fromkeys(names, 0.0))
    right = manifold.subspace.right
    metric = right if source.embedding is None else source.embedding @ right
    linear = plane.jacobian(np.zeros(2))
    vectors = jordan_vectors(linear, metric)
    found = bogdanov_takens(MultilinearForms(plane, np.zeros(2), names), linear, vectors)
    return found, np.stack([vectors.q0, vectors.q1], axis=1).astype(complex)


def _embedded(embedding: Array | None, vectors: Array) -> Complex:
    return (vectors if embedding is None else embedding @ vectors).astype(complex)
