"""COCO: vectorised functions with their derivatives, and a script of its 'ep' and 'po' toolboxes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ssmsym_plugins import matlab_octave
from ssmsym_plugins.continuation_request import Request, check_file_name, continuation_request
from ssmsym_plugins.matlab_code import (
    RESERVED,
    MatlabWriter,
    cells,
    column,
    file_text,
    free_prefix,
    row,
    signed,
    text,
    wrapped,
)

from ssmsym.exporters.contract import Array, Exporter, ExporterError, RightSideReader
from ssmsym.exporters.identifiers import identifiers
from ssmsym.exporters.model import ExportModel

_OWN = ("state", "parameters", "value", "prob", "data", "u")


class Coco(Exporter, RightSideReader):
    """Encodings for COCO's toolboxes of equilibria and periodic orbits."""

    name = "coco"
    description = "COCO: vectorised equations with derivatives and a run script"
    url = "https://sourceforge.net/projects/cocotools/"
    verified = (
        "functions evaluated in Octave 7.3 and the script run there against stand-ins for COCO's functions; COCO "
        "itself has not been run"
    )
    install_hint = "download COCO from its site and run its startup in MATLAB before the script."

    def render(
        self,
        model: ExportModel,
        *,
        name: str = "model",
        script: bool = True,
        parameter: str | None = None,
        interval: tuple[float, float] | None = None,
        second_parameter: str | None = None,
        second_interval: tuple[float, float] | None = None,
        step: float | None = None,
        points: int = 300,
    ) -> Mapping[str, str]:
        """``NAME.m``, ``NAME_dx.m``, ``NAME_dp.m``, ``NAME_readout.m`` (of a model with readouts), ``run_NAME.m``.

        Parameters
        ----------
        name : str
            Of the functions: letters, digits and underscores.
        script : bool
            Whether the run script is written, which needs a parameter.
        parameter : str, optional
            The one to vary, by its declared name; the first by default.
        interval : tuple of float, optional
            Absolute values between which it stays; by default one unit to either side of its value.
        second_parameter : str, optional
            Freed besides for the curves of folds and Hopf points; by default the first other parameter.
        second_interval : tuple of float, optional
            By default one unit to either side of its value.
        step : float, optional
            Largest; by default a twentieth of the interval or of the trust radius (without one: of the state's
            size, at least 1), whichever is less.
        points : int
            Most points of a curve in either direction.

        Raises
        ------
        ExporterError
            If the model is a map or has no parameter, or an option does not fit.
        """
        if model.time != "continuous":
            raise ExporterError("This model is a map; COCO files are written for flows (load it as a flow).")
        check_file_name(name, RESERVED)
        if points < 2:
            raise ExporterError(f"'points' is at least 2; found {points}.")
        taken = (*_OWN, *(f"{name}{part}" for part in ("", "_dx", "_dp", "_readout")))
        writer = MatlabWriter(model, elementwise=True, reserved=taken)
        files = {
            f"{name}.m": _function(writer, name, "the derivative of each state", *_sides(model)),
            f"{name}_dx.m": _function(writer, f"{name}_dx", "Jacobians", *_pages(model.jacobian)),
            f"{name}_dp.m": _function(
                writer, f"{name}_dp", "derivatives by the parameters", *_pages(model.parameter_jacobian)
            ),
        }
        if model.readouts:
            files[f"{name}_readout.m"] = _readout(writer, name)
        if script:
            wanted = continuation_request(
                model,
                parameter=parameter,
                interval=interval,
                second_parameter=second_parameter,
                second_interval=second_interval,
                step=step,
            )
            files[f"run_{name}.m"] = list(_script(writer, name, wanted, points))
        return {file: file_text(lines) for file, lines in files.items()}

    def evaluate(
        self, files: Mapping[str, str], model: ExportModel, states: Array, parameters: Array
    ) -> Array | None:
        """The function of the first file in Octave; None without it."""
        name = next(iter(files)).removesuffix(".m")
        return matlab_octave.at_points(files, f"{name}(x, p)", states, parameters)


_Entries = Sequence[tuple[str, Any]]


def _sides(model: ExportModel) -> tuple[tuple[int, ...], _Entries]:
    entries = [(f"value({i + 1},:)", e) for i, e in enumerate(model.right_sides)]
    return (len(entries),), entries


def _pages(rows: Sequence[Sequence[Any]]) -> tuple[tuple[int, ...], _Entries]:
    entries = [
        (f"value({i + 1},{j + 1},:)", e) for i, row_ in enumerate(rows) for j, e in enumerate(row_) if e != 0
    ]
    return (len(rows), len(rows[0])), entries


def _function(
    writer: MatlabWriter, name: str, purpose: str, shape: tuple[int, ...], entries: _Entries
) -> list[str]:
    return writer.ending(
        [
            f"function value = {name}(state, parameters)",
            f"% {purpose}, for many states and parameters at once, one a column",
            *writer.head(),
            f"value = zeros({', '.join(map(str, shape))}, size(state, 2));",
            *writer.body(entries, states="state", parameters="parameters"),
            "end",
        ]
    )


def _readout(writer: MatlabWriter, name: str) -> list[str]:
    model = writer.model
    n = len(model.states)
    entries = [(f"value({i + 1},:)", e) for i, e in enumerate(model.readouts)]
    return writer.ending(
        [
            f"function [data, value] = {name}_readout(prob, data, u)",
            "% outputs at a state, as a monitor function",
            *writer.head(),
            f"state = u(1:{n}, :);",
            f"parameters = u({n + 1}:end, :);",
            f"value = zeros({len(entries)}, size(state, 2));",
            *writer.body(entries, states="state", parameters="parameters"),
            "end",
        ]
    )


def _script(writer: MatlabWriter, name: str, wanted: Request, points: int) -> Iterator[str]:
    model = writer.model
    first = text(writer.parameter_names[wanted.parameter])
    yield f"function run_{name}()"
    yield "% Equilibria, folds, Hopf points and periodic orbits by COCO (the 'ep' and 'po' toolboxes), which must be on"
    yield f"% the path; its runs are called {name}_ep, {name}_sn1, {name}_hb1, {name}_po1 and so on."
    yield from writer.head()
    yield from wrapped(f"x0 = {column(model.initial_state.tolist())};")
    yield from wrapped(f"p0 = {column(model.values)};")
    yield from wrapped(f"names = {cells(writer.parameter_names)};")
    yield f"interval = {row(wanted.interval)};"
    yield ""
    yield "prob = settings();"
    yield f"prob = ode_isol2ep(prob, '', @{name}, @{name}_dx, @{name}_dp, x0, names, p0);"
    yield from _monitors(writer, name)
    yield f"curve = coco(prob, '{name}_ep', [], 1, {first}, interval);"
    if wanted.second is not None:
        yield ""
        yield f"second = {row(wanted.second_interval)};"
        pair = f"{{{first}, {text(writer.parameter_names[wanted.second])}}}, {{interval, second}}"
        yield from _from_points("SN", "ode_ep2SN", name, "sn", pair)
        yield from _from_points("HB", "ode_ep2HB", name, "hb", pair)
    yield ""
    yield from _from_points("HB", "ode_HB2po", name, "po", f"{{{first}, 'po.period'}}, interval")
    yield "end"
    yield ""
    yield "function prob = settings()"
    yield "prob = coco_prob();"
    yield "prob = coco_set(prob, 'ode', 'vectorized', true);"
    step = f"'h0', {signed(wanted.step / 5)}, 'h_max', {signed(wanted.step)}, 'PtMX', {points}"
    yield f"prob = coco_set(prob, 'cont', {step});"
    yield "end"
    if model.trust_radius or model.trust_range:
        yield ""
        yield "function [data, value] = size_of_state(prob, data, u)"
        yield "value = [norm(u); u(1)];"
        yield "end"


def _monitors(writer: MatlabWriter, name: str) -> Iterator[str]:
    model = writer.model
    trusted = bool(model.trust_radius or model.trust_range)
    if not (model.readouts or trusted):
        return
    yield "[data, uidx] = coco_get_func_data(prob, 'ep', 'data', 'uidx');"
    yield "states = uidx(data.ep_eqn.x_idx);"
    if model.readouts:
        prefix = free_prefix("z", (*writer.state_names, *writer.parameter_names))
        outputs = cells(f"{prefix}{i + 1}" for i in range(len(model.readouts)))
        yield "arguments_ = [states(:); reshape(uidx(data.ep_eqn.p_idx), [], 1)];"
        yield from wrapped(
            f"prob = coco_add_func(prob, 'readout', @{name}_readout, [], 'regular', {outputs}, 'uidx', arguments_);"
        )
    if trusted:
        own = cells(identifiers(["norm_x", "first_x"], reserved=writer.parameter_names))
        yield f"sizes = {own};"
        yield "prob = coco_add_func(prob, 'size', @size_of_state, [], 'regular', sizes, 'uidx', states);"
    if model.trust_radius:
        yield f"prob = coco_add_event(prob, 'TR', 'BP', sizes{{1}}, {signed(model.trust_radius)});"
    if model.trust_range:
        yield f"prob = coco_add_event(prob, 'TR', 'BP', sizes{{2}}, {row(model.trust_range)});"


def _from_points(label: str, start: str, name: str, run: str, arguments: str) -> Iterator[str]:
    yield f"labels = coco_bd_labs(curve, '{label}');"
    yield "for k = 1:numel(labels)"
    yield f"  prob = {start}(settings(), '', '{name}_ep', labels(k));"
    yield f"  coco(prob, sprintf('{name}_{run}%d', k), [], 1, {arguments});"
    yield "end"
