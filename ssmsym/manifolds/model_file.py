"""Model files: an SSM with its field, so that lifting and evidence work after loading."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.fixed_points import FixedPoint, time_constant
from ssmsym.errors import FileFormatError, SsmsymError
from ssmsym.fields.field_file import field_from_parts, field_to_parts
from ssmsym.fields.files import read_arrays, write_arrays
from ssmsym.manifolds.ssm import SSM
from ssmsym.series.polynomial import Polynomial

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
        "order": ssm.order,
        "parameter_order": ssm.parameter_order,
        "modes": list(ssm.modes),
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
        "reduced_fixed_points": [
            {
                "p": found.p.tolist(),
                "status": found.status,
                "distance": _number(found.distance),
                "inside_trust_radius": found.inside,
            }
            for found in evidence.fixed_points
        ],
        "nearest_outer_resonances": [str(r) for r in ssm.resonances.nearest],
        "outer_spectral_quotient": ssm.resonances.outer_spectral_quotient,
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
        header = json.loads(str(arrays["header"]))
        if header["format"] != FORMAT:
            raise FileFormatError(f"'{source}' is no SSM model file (format '{header['format']}').")
        if header["version"] > VERSION:
            raise FileFormatError(
                f"'{source}' has format version {header['version']}; this ssmsym reads up to {VERSION}. Update ssmsym."
            )
        return _from_parts(header, arrays)
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise FileFormatError(f"'{source}' is no SSM model file: it lacks or garbles {error}.") from None
    except SsmsymError as error:
        if str(source) in str(error):
            raise
        raise FileFormatError(f"'{source}' is no SSM model file: {error}") from None


def _from_parts(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> SSM:
    field = field_from_parts(header["field"], arrays)
    point = FixedPoint(
        arrays["fixed_point.state"],
        header["residual"],
        arrays["fixed_point.eigenvalues"],
        header["hits"],
        field.time,
        time_constant(field),
    )
    return SSM(
        field=field,
        fixed_point=point,
        modes=tuple(header["modes"]),
        spectrum=arrays["spectrum"],
        right=arrays["right"],
        left=arrays["left"],
        parametrization=Polynomial(arrays["exponents"], arrays["parametrization"]),
        reduced_dynamics=Polynomial(arrays["exponents"], arrays["reduced_dynamics"]),
        order=header["order"],
        parameter_order=header["parameter_order"],
        style=header["style"],
        parameters=tuple(header["parameters"]),
        parameter_values=arrays["parameter_values"],
    )
