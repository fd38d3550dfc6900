"""Model files: an SSM with its field, so that lifting and evidence work after loading."""

from __future__ import annotations

import hashlib
import json
import os
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.fixed_points import FixedPoint, time_constant
from ssmsym.errors import FileFormatError, SsmsymError
from ssmsym.fields import file_checks as checks
from ssmsym.fields.field import VectorField
from ssmsym.fields.field_file import field_from_parts, field_to_parts
from ssmsym.fields.files import read_arrays, write_arrays
from ssmsym.fields.parameters import locate
from ssmsym.manifolds.resonances import ResonanceReport
from ssmsym.manifolds.ssm import SSM, STYLES

FORMAT = "ssmsym-ssm"
VERSION = 1


def save(ssm: SSM, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write an SSM, its evidence in numbers and its field to an ``.npz`` model file.

    Parameters
    ----------
    ssm : SSM
    path : path
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If the file exists or cannot be written; nothing is left half written.
    """
    field_header, arrays = field_to_parts(ssm.field)
    arrays.update(
        {
            "fixed_point.state": ssm.fixed_point.state,
            "fixed_point.eigenvalues": ssm.fixed_point.eigenvalues,
            "spectrum": ssm.spectrum,
            "right": ssm.right,
            "left": ssm.left,
            "parameter_values": ssm.parameter_values,
            "exponents": ssm.parametrization.exponents,
            "parametrization": ssm.parametrization.coefficients,
            "reduced_dynamics": ssm.reduced_dynamics.coefficients,
        }
    )
    header = {
        "format": FORMAT,
        "version": VERSION,
        "style": ssm.style,
        "inner_tolerance": ssm.inner_tolerance,
        "order": ssm.order,
        "parameter_order": ssm.parameter_order,
        "modes": list(ssm.modes),
        "eigenvalues": len(ssm.spectrum),
        "parameters": list(ssm.parameters),
        "residual": ssm.fixed_point.residual,
        "hits": ssm.fixed_point.hits,
        "evidence": evidence_summary(ssm),
        "digest": _digest(arrays),
        "field": field_header,
    }
    arrays["header"] = np.array(json.dumps(header))
    write_arrays(path, arrays, overwrite=overwrite)


def evidence_summary(ssm: SSM) -> dict[str, Any]:
    """The main numbers of an SSM's evidence, ready for JSON (inf and nan as null)."""
    evidence = ssm.evidence
    return {
        "invariance_error_slope": evidence.slope,
        "radius_of_parametrization": _number(evidence.parametrization_radius.value),
        "radius_of_reduced_dynamics": _number(evidence.dynamics_radius.value),
        "radius_shrinks_with_order": bool(
            evidence.parametrization_radius.shrinks or evidence.dynamics_radius.shrinks
        ),
        "trust_radius": {f"{t:g}": _number(evidence.trust_radius(t)) for t in (1e-3, 1e-2)},
        "parameter_range": {name: list(evidence.parameter_range(name)) for name in ssm.parameters},
        "radii": evidence.radii.tolist(),
        "invariance_errors": [_number(e) for e in evidence.errors],
        "relative_errors": [_number(e) for e in evidence.relative_errors],
        "speeds": [_number(e) for e in evidence.speeds],
        "invariance_errors_by_order": [[_number(e) for e in row] for row in evidence.errors_by_order],
        "worst_direction": evidence.worst_direction(),
        "reduced_fixed_points": [
            {
                "p": found.p.tolist(),
                "status": found.status,
                "distance": _number(found.distance),
                "inside_trust_radius": found.inside,
            }
            for found in evidence.fixed_points
        ],
        "computed_eigenvalues": len(ssm.spectrum),
        "nearest_outer_resonances": [str(r) for r in ssm.resonances.nearest],
        "outer_spectral_quotient": ssm.resonances.outer_spectral_quotient,
        **resonance_summary(ssm.resonances),
    }


def resonance_summary(report: ResonanceReport) -> dict[str, Any]:
    """The other numbers of a resonance report, ready for JSON."""
    members = [
        {"mode": m.mode, "master": m.master, "exponent": m.exponent} for m in report.fractional_members
    ]
    worst = {"worst_exact_resonance": report.worst_exact, "worst_near_resonance": report.worst_near}
    return {
        "inner_spectral_quotient": report.inner_spectral_quotient,
        "inner_resonances": [str(r) for r in report.inner],
        **{name: None if found is None else str(found) for name, found in worst.items()},
        "smoothness": None if report.smoothness is None else report.smoothness.statement,
        "fractional_members": members,
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _digest(arrays: dict[str, NDArray[Any]]) -> str:
    """SHA-256 of the field's arrays, by which a model can be matched to its network."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        if name.startswith("field."):
            sha.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return sha.hexdigest()


def load_model(path: str | os.PathLike[str]) -> SSM:
    """The SSM of a model file.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged or no model file.
    """
    source = Path(path)
    arrays = read_arrays(source)
    try:
        header = _header(arrays)
        version = checks.whole_number(header, "version", 1)
        if version <= VERSION:
            return _from_parts(header, arrays)
    except SsmsymError as error:
        raise _no_model(source, checks.one_line(error)) from None
    except Exception as error:  # equations that make no sense meet SymPy and NumPy in many ways
        raise _no_model(source, "Its parts make no sense together.") from error
    raise FileFormatError(
        f"'{source}' has format version {version}; this ssmsym reads up to {VERSION}. Update ssmsym."
    )


def _no_model(source: Path, reason: str) -> FileFormatError:
    return FileFormatError(f"'{source}' is no SSM model file. {reason} Give a file that 'save' has written.")


def _header(arrays: dict[str, NDArray[Any]]) -> Any:
    found = checks.part(arrays, "header", np.ndarray)
    try:
        header = json.loads(str(found))
    except (ValueError, RecursionError):
        raise FileFormatError("Its 'header' is no JSON.") from None
    if checks.part(header, "format", str) != FORMAT:
        raise FileFormatError(f"Its format is '{header['format']}', not '{FORMAT}'.")
    return header


def _from_parts(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> SSM:
    field = field_from_parts(checks.part(header, "field", dict), arrays)
    n = field.n_states
    order = checks.whole_number(header, "order", 1)
    parameter_order = checks.whole_number(header, "parameter_order", 0, order)
    parameters = checks.names(header, "parameters")
    spectrum = _spectrum(header, arrays, n)
    modes = _modes(header, len(spectrum))
    d, q = len(modes), len(parameters)
    polynomials = {
        name: checks.polynomial(arrays, "exponents", name, d + q, outputs)
        for name, outputs in (("parametrization", n), ("reduced_dynamics", d))
    }
    _check_exponents(polynomials["parametrization"].exponents, d, order, parameter_order)
    ssm = SSM(
        field=field,
        fixed_point=_fixed_point(header, arrays, field),
        modes=modes,
        spectrum=spectrum,
        right=checks.array(arrays, "right", (n, d)),
        left=checks.array(arrays, "left", (n, d)),
        **polynomials,
        order=order,
        parameter_order=parameter_order,
        style=checks.part(header, "style", str),
        parameters=tuple(parameters),
        parameter_values=checks.array(arrays, "parameter_values", (q,)),
        inner_tolerance=_inner_tolerance(header),
    )
    _check_use(ssm)
    return ssm


def _inner_tolerance(header: Any) -> float | None:
    """Of an SSM in normal form; files of graph style may lack it."""
    value = header.get("inner_tolerance")
    if value is not None and not (type(value) is float and 0 <= value < np.inf):
        raise FileFormatError(f"Its 'inner_tolerance' is {value!r}.")
    return value


def _spectrum(header: Any, arrays: dict[str, NDArray[Any]], n: int) -> NDArray[np.complex128]:
    """All eigenvalues, or as many leading ones as the header says."""
    count = checks.whole_number(header, "eigenvalues", 1, n) if "eigenvalues" in header else n
    return checks.array(arrays, "spectrum", (count,), "numbers")


def _modes(header: Any, n: int) -> tuple[int, ...]:
    modes = checks.part(header, "modes", list)
    if not modes or any(type(m) is not int or not 0 <= m < n for m in modes) or len(set(modes)) < len(modes):
        raise FileFormatError(f"Its 'modes' are no positions among {n} eigenvalues.")
    return tuple(modes)


def _fixed_point(header: Any, arrays: dict[str, NDArray[Any]], field: VectorField) -> FixedPoint:
    residual = float(checks.part(header, "residual", (int, float)))
    if not 0 <= residual < np.inf:
        raise FileFormatError(f"Its 'residual' is {residual}.")
    eigenvalues = checks.array(arrays, "fixed_point.eigenvalues", (None,), "numbers")
    if len(eigenvalues) > field.n_states:
        raise FileFormatError("Its 'fixed_point.eigenvalues' are more than the states.")
    return FixedPoint(
        checks.array(arrays, "fixed_point.state", (field.n_states,)),
        residual,
        eigenvalues,
        checks.whole_number(header, "hits", 0),
        field.time,
        time_constant(field),
    )


def _check_exponents(exponents: NDArray[np.int64], d: int, order: int, parameter_order: int) -> None:
    """Compare the exponents, which are different, with the table of the orders."""
    q = exponents.shape[1] - d
    total, offsets = exponents.sum(axis=1), exponents[:, d:].sum(axis=1)
    fits = total.max() == order and offsets.max(initial=0) <= parameter_order
    degrees = range(min(parameter_order, order) + 1) if q else (0,)
    size = sum(comb(max(q, 1) + k - 1, k) * comb(d + order - k, d) for k in degrees) if fits else 0
    if len(exponents) != size:
        raise FileFormatError(f"Its 'exponents' are not those of order {order}.")


def _check_use(ssm: SSM) -> None:
    """Whether the parts fit in meaning: style, time, parameters, and a field with values."""
    field = ssm.field
    if ssm.style not in STYLES:
        raise FileFormatError(f"It holds an SSM in the unknown style '{ssm.style}'.")
    located = [locate(name, field.values) for name in ssm.parameters]
    values = np.array([np.atleast_1d(field.values[name])[entry] for name, entry in located])
    if not np.array_equal(values, ssm.parameter_values):
        raise FileFormatError("Its 'parameter_values' are not those of its field.")
    with np.errstate(all="ignore"):
        if not np.isfinite(field(ssm.fixed_point.state)).all():
            raise FileFormatError("Its field has no finite value at its fixed point.")
