"""Continuing a model's fixed points in another program, and what programs there are."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.diagram import BifurcationDiagram
from ssmsym.dynamics.newton import polish
from ssmsym.errors import InputError
from ssmsym.exporters.contract import Exporter, ExporterError, Job, Runner, Start, render_options
from ssmsym.exporters.discovery import exporter_names, get_exporter
from ssmsym.exporters.model import ExportModel, export_model, search
from ssmsym.exporters.tracing import Plane, diagram
from ssmsym.exporters.writing import check_options, write_files
from ssmsym.fields.field import VectorField
from ssmsym.fields.known_range import check_interval
from ssmsym.fields.parameters import unknown
from ssmsym.manifolds.ssm import SSM
from ssmsym.reduced.model import ReducedModel

_STARTS = 64  # Newton starts at each parameter value
_SAME_START = 1e-6


@dataclass(frozen=True)
class ToolStatus:
    """What is known of one exporter and its tool on this machine.

    Attributes
    ----------
    name, description, url : str
    installed : bool or None
        Whether the tool was found; None where it is not looked for.
    version : str
        Of the tool; empty if it is not installed or does not say.
    install_hint : str
        How to install it.
    verified : str
        What the exporter's tests do with the tool.
    problem : str
        Why the exporter itself cannot be used; empty if it can.
    """

    name: str
    description: str = ""
    url: str = ""
    installed: bool | None = None
    version: str = ""
    install_hint: str = ""
    verified: str = ""
    problem: str = ""


def tools() -> list[ToolStatus]:
    """Every installed exporter, by name, with the state of its tool; a broken exporter is listed as such."""
    return [_status(name) for name in exporter_names(refresh=True)]


def _status(name: str) -> ToolStatus:
    try:
        exporter = get_exporter(name)
    except ExporterError as error:
        return ToolStatus(name, problem=str(error))
    try:
        looked_for = type(exporter).find is not Exporter.find
        found = exporter.find()
        return ToolStatus(
            name,
            exporter.description,
            exporter.url,
            installed=found is not None if looked_for else None,
            version="" if found is None else found.version,
            install_hint=exporter.install_hint,
            verified=exporter.verified,
        )
    except Exception as error:  # one plugin's fault must not hide the other tools
        return ToolStatus(name, problem=f"looking for its tool failed: {type(error).__name__}: {error}")


def continue_in(
    tool: str | Exporter,
    model: ReducedModel | SSM | VectorField | ExportModel,
    *,
    parameter: str,
    interval: tuple[float, float],
    state: ArrayLike | None = None,
    timeout: float = 60.0,
    **options: Any,
) -> BifurcationDiagram:
    """Branches of a model's fixed points, cycles and bifurcations, traced by another program.

    The files that :func:`export` would write are rendered into a temporary folder, the program is run on
    them from every starting point in both directions, and its output is read back. A branch of a reduced
    model ends where it leaves the trust radius, every branch where it leaves the interval. Special points keep
    the program's numbers; the residual and the distance of the critical eigenvalue from the axis are
    computed here, and an event that fails them, or lies outside, is listed as rejected.

    Parameters
    ----------
    tool : str or Exporter
        Name of an installed exporter that can run its tool, such as ``"auto07p"``.
    model : ReducedModel, SSM or VectorField
        A flow of at most 50 states.
    parameter : str
        Such as ``"u[0]"``.
    interval : tuple of float
        Absolute values.
    state : (n,) or (k, n) array, optional
        Starting states at the model's own parameter values, each near a fixed point. By default all fixed
        points found at both ends and in the middle of the interval and at the model's own value.
    timeout : float
        Seconds that each process may take.
    **options
        Those of the exporter's ``render``, but `parameter` and `interval`: where it has them, ``scenario="cycles"``
        goes on from the Hopf points, ``scenario="fold_curve"`` and ``"hopf_curve"`` with `second_parameter` and
        `second_interval` from the folds and Hopf points in two parameters.

    Returns
    -------
    BifurcationDiagram

    Raises
    ------
    ExporterError
        If the tool is not installed or fails, or an option is unknown.
    InputError
        If the parameter or the interval does not fit, or no fixed point is found to start from.
    """
    exporter = get_exporter(tool) if isinstance(tool, str) else tool
    if not isinstance(exporter, Runner):
        raise ExporterError(f"The exporter '{exporter.name}' only writes files; write them with 'export'.")
    if not {"parameter", "interval"} <= set(render_options(exporter)):
        raise ExporterError(f"The exporter '{exporter.name}' takes no parameter and interval to continue in.")
    check_options(exporter, options)
    installation = exporter.find()
    if installation is None:
        raise ExporterError(
            f"The tool of the exporter '{exporter.name}' is not installed; {exporter.install_hint}"
        )
    low, high = _checked(interval)
    written = _written(model, state)
    _check_parameter(written, parameter)
    check_interval(written.field, parameter, (low, high))
    starts = _starts(written, parameter, (low, high), state)
    first = written.moved(_values(written, parameter, starts[0].parameter), starts[0].state)
    with tempfile.TemporaryDirectory(prefix="ssmsym-") as folder:
        job = Job(first, parameter, (low, high), starts, options, Path(folder), installation, timeout)
        files = exporter.render(first, parameter=parameter, interval=(low, high), **options)  # type: ignore[call-arg]
        write_files(files, job.folder, overwrite=False)
        exporter.run(job)
        traces = exporter.read(job)
    source = f"{exporter.name} {installation.version}".rstrip()
    second = options.get("second_parameter")
    plane = Plane(parameter, (low, high), second, options.get("second_interval") if second else None)
    return diagram(written, plane, starts, traces, source)


def _written(model: Any, state: ArrayLike | None) -> ExportModel:
    """The model; a field's own fixed point is looked for with the starts, not here."""
    if not isinstance(model, VectorField):
        return export_model(model)
    if state is not None:
        return export_model(model, state=np.atleast_2d(np.asarray(state, dtype=float))[0])
    return export_model(model, find=False)


def _checked(interval: Sequence[float]) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in interval)
    except (TypeError, ValueError):
        raise InputError(f"'interval' is a pair of numbers; found {interval!r}.") from None
    if not (np.isfinite([low, high]).all() and low < high):
        raise InputError(f"'interval' must run from a lower to a higher number; found ({low:g}, {high:g}).")
    return low, high


def _check_parameter(model: ExportModel, parameter: str) -> None:
    if parameter not in model.parameter_names:
        if model.parameter_names:
            raise unknown(parameter, model.parameter_names)
        raise InputError(
            f"This model has no parameter, so '{parameter}' cannot be varied; keep one with "
            f"compute_ssm(..., parameters=['{parameter}'])."
        )


def _values(model: ExportModel, parameter: str, value: float) -> list[float]:
    own = dict(zip(model.parameter_names, model.values, strict=True))
    return list({**own, parameter: value}.values())


def _starts(
    model: ExportModel, parameter: str, interval: tuple[float, float], state: ArrayLike | None
) -> tuple[Start, ...]:
    low, high = interval
    own = model.values[model.parameter_names.index(parameter)]
    if state is not None:
        if not low <= own <= high:
            raise InputError(
                f"The states belong to {parameter} = {own:g}, outside the interval ({low:g}, {high:g}); set the "
                "parameter of the field, or widen the interval."
            )
        rows = np.atleast_2d(np.asarray(state, dtype=float))
        return tuple(Start(own, export_model(model, state=row).initial_state) for row in rows)
    found: list[Start] = []
    for value in dict.fromkeys((own, low, 0.5 * (low + high), high)):
        if low <= value <= high:
            found += _found_at(model, parameter, value)
    if not found:
        within = "" if model.trust_radius is None else f" within the trust radius {model.trust_radius:.3g}"
        raise InputError(
            f"No fixed point{within} was found at either end, in the middle of ({low:g}, {high:g}) or at "
            f"{parameter} = {own:g}; give one with 'state' or choose another interval."
        )
    return tuple(found)


def _found_at(model: ExportModel, parameter: str, value: float) -> list[Start]:
    field = model.field.at({parameter: value})
    radius = np.inf if model.trust_radius is None else model.trust_radius
    rng = np.random.default_rng(0)
    n = field.n_states
    states = search(field)
    if np.isfinite(radius):
        # what the search takes for a typical state may be far outside a small trust radius
        tries = rng.uniform(-radius, radius, size=(_STARTS, n))
        states += search(field, tries)
    out: list[Start] = []
    for state in states:
        polished, _ = polish(field, state)
        if np.linalg.norm(polished) > radius or not _in_range(model, polished):
            continue
        scale = 1.0 + float(np.linalg.norm(polished))
        if all(np.linalg.norm(polished - other.state) > _SAME_START * scale for other in out):
            out.append(Start(value, polished))
    return out


def _in_range(model: ExportModel, state: NDArray[np.float64]) -> bool:
    return model.trust_range is None or model.trust_range[0] <= state[0] <= model.trust_range[1]
