"""Normal forms as text and as JSON documents."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from ssmsym.fields.files import write_text

if TYPE_CHECKING:
    from ssmsym.normal_forms.normal_form import NormalForm

FORMAT = "ssmsym-normal-form"
VERSION = 1

_SHOWN = 0.25  # of the range in a parameter: where predictions are shown


def number(value: complex | float, digits: int) -> str:
    """A real or complex number with some significant digits."""
    if isinstance(value, complex):
        return f"{value.real:.{digits}g}{value.imag:+.{digits}g}i"
    return f"{float(value):.{digits}g}"


def table(form: NormalForm, digits: int) -> str:
    """Coefficients with conventions and both routes, unfolding and range."""
    at = ", ".join(f"{name} = {value:.10g}" for name, value in form.parameters.items())
    lines = [f"{form.kind.replace('_', '-')} point{f' at {at}' if at else ''}: {form.equation}"]
    unit = "multiplier" if form.time == "discrete" else "eigenvalue"
    critical = ", ".join(number(_real_if_it_is(complex(v)), digits) for v in form.eigenvalues if v.imag >= 0)
    lines.append(f"critical {unit}s: {critical}")
    for c in form.coefficients.values():
        lines.append(f"  {c.name} = {number(c.value, digits)}  ({c.convention})")
        lines.append(
            f"      by the reduced model {number(c.reduced, digits)}, relative difference {c.difference:.1e}"
        )
    for title, rows in (("unfolding", form.unfolding), ("frequency", form.frequency_slopes)):
        for name, slopes in rows.items():
            terms = [
                f"{slope:+.{digits}g} {_offset(parameter, form.parameters[parameter])}"
                for parameter, slope in slopes.items()
            ]
            if terms:
                left = name if title == "unfolding" else f"change of {name}"
                lines.append(f"  {title}: {left} = {' '.join(terms)}")
    lines.append(
        f"routes {'agree' if form.agrees else 'DISAGREE'}: largest relative difference {form.disagreement:.1e}"
    )
    if np.isfinite(form.range):
        lines.append(
            f"range: |w| up to {form.range:.4g}, where the next term stays small and the manifold invariant"
        )
        for parameter, width in form.parameter_ranges.items():
            if np.isfinite(width):
                lines.append(
                    f"  that is {_offset(parameter, form.parameters[parameter])} up to {width:.4g} in size"
                )
                lines += _predictions(form, parameter, _SHOWN * width)
    return "\n".join(lines)


def _predictions(form: NormalForm, parameter: str, offset: float) -> list[str]:
    """What is predicted at an offset of a parameter to either side."""
    lines = []
    for value in (form.parameters[parameter] - offset, form.parameters[parameter] + offset):
        found = form.predict({parameter: value})
        texts = []
        for p in found:
            period = "" if p.period is None else f", period {p.period:.6g}"
            stability = "stable" if p.stable else "unstable"
            texts.append(f"{p.kind} w = {p.coordinate:.5g}{period}, {stability}")
        lines.append(f"  predicted at {parameter} = {value:.8g}: {'; '.join(texts) or 'none'}")
    return lines


def _offset(name: str, value: float) -> str:
    """A parameter less its value at the point, in brackets."""
    if not value:
        return f"({name})"
    return f"({name} {'-' if value > 0 else '+'} {abs(value):.10g})"


def _real_if_it_is(value: complex) -> complex | float:
    return value if value.imag else value.real


def document(form: NormalForm) -> dict[str, Any]:
    """The same numbers as a JSON document; complex ones as [real, imaginary], infinite ones as null."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "kind": form.kind,
        "equation": form.equation,
        "time": form.time,
        "parameters": dict(form.parameters),
        "eigenvalues": [_plain(complex(v)) for v in form.eigenvalues],
        "modes": list(form.modes),
        "coefficients": {
            c.name: {
                "multilinear": _plain(c.value),
                "reduced": _plain(c.reduced),
                "difference": c.difference,
                "convention": c.convention,
            }
            for c in form.coefficients.values()
        },
        "unfolding": {name: dict(slopes) for name, slopes in form.unfolding.items()},
        "frequency_slopes": {name: dict(slopes) for name, slopes in form.frequency_slopes.items()},
        "disagreement": form.disagreement,
        "agrees": form.agrees,
        "order": form.order,
        "range": _plain(form.range),
        "parameter_ranges": {name: _plain(value) for name, value in form.parameter_ranges.items()},
        "state": form.state.tolist(),
        "eigenvectors": [[_plain(complex(v)) for v in column] for column in form.right.T],
    }


def _plain(value: complex | float) -> Any:
    if isinstance(value, complex):
        return [value.real, value.imag]
    return float(value) if np.isfinite(value) else None


def save_normal_form(form: NormalForm, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a normal form's numbers as a JSON file, described in docs/files.md.

    Parameters
    ----------
    form : NormalForm
    path : path
        Ends in ``.json``.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        If the file exists already or cannot be written.
    """
    write_text(path, json.dumps(document(form), indent=1, allow_nan=False) + "\n", overwrite=overwrite)
