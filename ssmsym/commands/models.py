"""Commands on model files: ``branches``, ``export``, ``tools``."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssmsym.commands import texts
from ssmsym.commands.common import check_parameters, refuse_existing, with_settings, wrong_use
from ssmsym.commands.reading import Reading, load_network, reading_options
from ssmsym.errors import FileFormatError, InputError, SsmsymWarning

if TYPE_CHECKING:
    from ssmsym.dynamics.diagram import BifurcationDiagram, SpecialPoint
    from ssmsym.fields.field import VectorField
    from ssmsym.reduced.model import ReducedModel


def load_reduced(path: str) -> ReducedModel:
    """The reduced model of a model file, or of a JSON file."""
    from ssmsym.reduced.model import ReducedModel, reduce
    from ssmsym.reduced.model_files import load_model
    from ssmsym.reduced.model_json import model_from_json

    if Path(path).suffix == ".json":
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise FileFormatError(f"'{path}' cannot be read as text: {error}.") from None
        return model_from_json(text)
    model = load_model(path)
    return model if isinstance(model, ReducedModel) else reduce(model)


def model_or_network(path: str, reading: Reading) -> ReducedModel | VectorField:
    """The reduced model of a model file, or the field of a file of weights."""
    try:
        return load_reduced(path)
    except FileFormatError as no_model:
        try:
            return load_network(path, reading)
        except FileFormatError:
            if Path(path).suffix == ".json" and not reading.given():
                raise no_model from None
            raise


@click.command()
@click.argument("source", metavar="MODEL|NETWORK", type=click.Path(exists=True, dir_okay=False))
@click.option("--parameter", required=True, metavar="NAME", help="Parameter to vary, such as 'u[0]'.")
@click.option("--interval", required=True, nargs=2, type=float, metavar="LOW HIGH", help="Absolute values.")
@reading_options
@click.option("--input", "condition", metavar="NAME", help="A named input condition (networks).")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Parameter value (networks).")
@click.option("--starts", default=256, show_default=True, type=click.IntRange(1), help="Newton starts.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Seed of the starts.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write the diagram to this .npz file.")
@click.option("--overwrite", is_flag=True, help="Replace the output file if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def branches(
    source: str,
    parameter: str,
    interval: tuple[float, float],
    reading: Reading,
    condition: str | None,
    settings: tuple[str, ...],
    starts: int,
    seed: int,
    output: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Trace the fixed points of a MODEL or a NETWORK over a parameter; list where stability changes.

    These are folds, branch points and Hopf points; of a map folds, branch points, flips and Neimark-Sacker
    points. For the ODE of a network that was trained as an Euler map, that map's are listed beside them.
    """
    from ssmsym.dynamics.diagram_file import save_diagram
    from ssmsym.dynamics.euler_map import diagram_note
    from ssmsym.fields.field import VectorField
    from ssmsym.reduced.branches import branches as trace

    refuse_existing(output, overwrite)
    of = model_or_network(source, reading)
    with wrong_use():
        if isinstance(of, VectorField):
            of = with_settings(of, condition, settings)
            check_parameters(of, (parameter,))
        elif condition is not None or settings:
            raise InputError("--input and --set are for networks; a model keeps the values it was made at.")
        elif reading.given():
            raise InputError(f"{reading.given()[0]} is for networks; a model stays as it was made.")
        else:
            check_parameters(of.field, (parameter,))
        if not interval[0] < interval[1]:
            raise InputError(
                f"--interval takes a lower and a higher value; found {interval[0]:g} {interval[1]:g}."
            )
    with warnings.catch_warnings():  # printed as a note below
        warnings.simplefilter("ignore", SsmsymWarning)
        diagram = trace(of, parameter, interval, starts=starts, seed=seed)
    note = diagram_note(diagram)
    if note is not None:
        click.echo(f"warning: {note}", err=True)
    if output is not None:
        save_diagram(diagram, output, overwrite=overwrite)
    if as_json:
        texts.print_json(diagram_document(diagram, output))
        return
    click.echo(repr(diagram))
    for number, branch in enumerate(diagram.branches):
        low, high = branch.parameter.min(), branch.parameter.max()
        click.echo(
            f"branch {number}: {len(branch)} points, {parameter} from {low:.6g} to {high:.6g}; ends: "
            f"{branch.ends[0]}, {branch.ends[1]}"
        )
    if output is not None:
        click.echo(f"written to {output}")


def diagram_document(diagram: BifurcationDiagram, output: str | None) -> dict[str, Any]:
    """A diagram's special points and branches, ready for JSON."""
    from ssmsym.dynamics.euler_map import diagram_note

    return {
        "parameter": diagram.parameter,
        "interval": list(diagram.interval),
        "second_parameter": diagram.second_parameter,
        "source": diagram.source,
        "special_points": [_special_document(point) for point in diagram.special_points],
        "trained_step": diagram.trained_step,
        "euler_map_points": [_special_document(point) for point in diagram.euler_map_points],
        "note": diagram_note(diagram),
        "rejected": [
            {"kind": event.kind, "parameter": event.parameter, "reason": event.reason}
            for event in diagram.rejected
        ],
        "branches": [
            {
                "kind": branch.kind,
                "points": len(branch),
                "parameter": [float(branch.parameter.min()), float(branch.parameter.max())],
                "second_parameter": _range(branch.second_parameter),
                "period": _range(branch.periods),
                "ends": list(branch.ends),
            }
            for branch in diagram.branches
        ],
        "output": output,
    }


def _special_document(point: SpecialPoint) -> dict[str, Any]:
    return {
        "kind": point.kind,
        "parameter": point.parameter,
        "second_parameter": _number(point.second_parameter),
        "state": point.state.tolist(),
        "eigenvalues": [[v.real, v.imag] for v in point.eigenvalues[:6].tolist()],
        "residual": _number(point.residual),
        "critical_distance": _number(point.critical_distance),
        "period": _number(point.period),
        "confirmed": point.confirmed,
        "distance": _number(point.distance),
        "full_parameter": _number(point.full_parameter),
    }


def _range(values: Any) -> list[float] | None:
    return None if values is None else [float(values.min()), float(values.max())]


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


@click.command()
@click.argument("model", type=click.Path(exists=True, dir_okay=False))
@click.option("--to", "tool", required=True, metavar="TOOL", help="Name of an exporter; see 'ssmsym tools'.")
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False), help="Folder to write to.")
@click.option("--parameter", metavar="NAME", help="Parameter to continue in, such as 'u[0]'.")
@click.option("--interval", nargs=2, type=float, metavar="LOW HIGH", help="Absolute values.")
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the exporter; may be repeated.",
)
@click.option("--run", is_flag=True, help="Run the tool too and read its branches back.")
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def export(
    model: str,
    tool: str,
    output: str,
    parameter: str | None,
    interval: tuple[float, float] | None,
    options: tuple[str, ...],
    run: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write a MODEL for a continuation tool, and run the tool if asked."""
    from ssmsym.exporters.running import continue_in
    from ssmsym.exporters.writing import export as write, options_from_text

    if run and (parameter is None or interval is None):
        raise click.UsageError("--run needs --parameter and --interval.")
    reduced = load_reduced(model)
    given = options_from_text(tool, options)
    place = {"parameter": parameter, "interval": interval}
    given.update({name: value for name, value in place.items() if value is not None})
    paths = write(reduced, tool, output, overwrite=overwrite, **given)
    diagram = None
    if run and parameter is not None and interval is not None:
        plain = {name: value for name, value in given.items() if name not in place}
        diagram = continue_in(tool, reduced, parameter=parameter, interval=interval, **plain)
        if reduced.network is not None:
            from ssmsym.bifurcation_curves.confirmation import confirm_in_plane
            from ssmsym.reduced.branches import confirm

            in_plane = diagram.second_parameter is not None
            diagram = confirm_in_plane(diagram, reduced) if in_plane else confirm(diagram, reduced)
    if as_json:
        document = {"files": [str(path) for path in paths]}
        found = None if diagram is None else diagram_document(diagram, None)
        texts.print_json({**document, "diagram": found})
        return
    click.echo("\n".join(str(path) for path in paths))
    if diagram is not None:
        click.echo(repr(diagram))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def tools(as_json: bool) -> None:
    """List the exporters, whether their tools are installed here, and how to install them."""
    import dataclasses

    from ssmsym.exporters.running import tools as statuses

    found = statuses()
    if as_json:
        texts.print_json([dataclasses.asdict(status) for status in found])
        return
    for status in found:
        state = "not looked for" if status.installed is None else "not installed"
        if status.installed:
            state = f"installed {status.version}".rstrip()
        click.echo(f"{status.name}: {status.description or status.problem}")
        click.echo(f"  {state}" + f"; to install: {status.install_hint}" * bool(status.install_hint))
        click.echo(f"  {status.url}")
        if status.verified:
            click.echo(f"  verified: {status.verified}")
