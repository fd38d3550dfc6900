"""Commands on bifurcations: ``bifurcation-curves``, ``sensitivity``, ``input-gains``."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import click

from ssmsym.commands import texts
from ssmsym.commands.common import (
    check_parameters,
    network_options,
    refuse_existing,
    search,
    setting_options,
    with_settings,
    wrong_use,
)
from ssmsym.commands.models import diagram_document, model_or_network
from ssmsym.commands.reading import Reading, load_network, reading_options
from ssmsym.errors import InputError, SsmsymWarning

if TYPE_CHECKING:
    from collections.abc import Callable

    from ssmsym.bifurcation_curves.sensitivity import EventSensitivity
    from ssmsym.dynamics.diagram import BifurcationDiagram, SpecialPoint
    from ssmsym.fields.field import VectorField

_STARTING = ("fold", "hopf", "flip", "neimark_sacker")


def _interval(name: str, value: tuple[float, float]) -> None:
    if not value[0] < value[1]:
        raise InputError(f"{name} takes a lower and a higher value; found {value[0]:g} {value[1]:g}.")


def _progress_bar(title: str) -> tuple[Any, Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task(title, total=None)
    return bar, lambda done, total: bar.update(task, completed=done, total=max(done, total))


def _starting_points(
    of: Any, parameter: str, interval: tuple[float, float], starts: int, seed: int
) -> list[Any]:
    from ssmsym.reduced.branches import branches

    bar, report = _progress_bar("branches")
    with bar, warnings.catch_warnings():  # which Euler map was trained is no matter here
        warnings.simplefilter("ignore", SsmsymWarning)
        diagram = branches(of, parameter, interval, starts=starts, seed=seed, progress=report)
    return [p for p in diagram.special_points if p.kind in _STARTING and p.confirmed is not False]


@click.command("bifurcation-curves")
@click.argument("source", metavar="MODEL|NETWORK", type=click.Path(exists=True, dir_okay=False))
@click.option("--parameters", required=True, nargs=2, metavar="NAME NAME", help="Such as 'u[0]' 'u[1]'.")
@click.option("--interval", required=True, nargs=2, type=float, metavar="LOW HIGH", help="Of the first.")
@click.option(
    "--second-interval", required=True, nargs=2, type=float, metavar="LOW HIGH", help="Of the second."
)
@reading_options
@click.option("--input", "condition", metavar="NAME", help="A named input condition (networks).")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Parameter value (networks).")
@click.option("--starts", default=256, show_default=True, type=click.IntRange(1), help="Newton starts.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Seed of the starts.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write the diagram to this .npz file.")
@click.option("--figure", type=click.Path(dir_okay=False), help="Draw the curves into this PNG file.")
@click.option("--overwrite", is_flag=True, help="Replace the output file if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def bifurcation_curves(
    source: str,
    parameters: tuple[str, str],
    interval: tuple[float, float],
    second_interval: tuple[float, float],
    reading: Reading,
    condition: str | None,
    settings: tuple[str, ...],
    starts: int,
    seed: int,
    output: str | None,
    figure: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Trace folds and Hopf points of a MODEL or a NETWORK in two parameters.

    They are found over the first parameter, then followed in both; cusps, Bogdanov-Takens, Bautin and fold-Hopf
    points on the curves are listed. Of a map: folds, flips and Neimark-Sacker points.
    """
    from ssmsym.bifurcation_curves.tracing import trace_bifurcation_curves
    from ssmsym.dynamics.diagram_file import save_diagram
    from ssmsym.fields.field import VectorField

    for path in (output, figure):
        refuse_existing(path, overwrite)
    of = model_or_network(source, reading)
    with wrong_use():
        if isinstance(of, VectorField):
            of = with_settings(of, condition, settings)
        elif condition is not None or settings:
            raise InputError("--input and --set are for networks; a model keeps the values it was made at.")
        check_parameters(of if isinstance(of, VectorField) else of.field, parameters)
        _interval("--interval", interval)
        _interval("--second-interval", second_interval)
        if parameters[0] == parameters[1]:
            raise InputError(f"--parameters takes two different names; found '{parameters[0]}' twice.")
    points = _starting_points(of, parameters[0], interval, starts, seed)
    bar, report = _progress_bar("curves")
    with bar:
        diagram = trace_bifurcation_curves(of, points, parameters, interval, second_interval, progress=report)
    if output is not None:
        save_diagram(diagram, output, overwrite=overwrite)
    if figure is not None:
        from ssmsym.figures.bifurcation_curves import plot_bifurcation_curves

        plot_bifurcation_curves(diagram, figure, overwrite=overwrite)
    if as_json:
        texts.print_json(diagram_document(diagram, output))
        return
    _print_curves(diagram, len(points))
    for path in (output, figure):
        if path is not None:
            click.echo(f"written to {path}")


def _print_curves(diagram: BifurcationDiagram, n_points: int) -> None:
    first, second = diagram.parameter, diagram.second_parameter
    click.echo(f"{n_points} bifurcations over {first} lie on {len(diagram.branches)} curves")
    for number, branch in enumerate(diagram.branches):
        assert branch.second_parameter is not None
        ranges = [
            f"{name} from {values.min():.6g} to {values.max():.6g}"
            for name, values in ((first, branch.parameter), (second, branch.second_parameter))
        ]
        click.echo(
            f"curve {number}: {branch.kind.removesuffix('_curve').replace('_', ' ')}, {len(branch)} points, "
            f"{', '.join(ranges)}; ends: {branch.ends[0]}, {branch.ends[1]}"
        )
    for point in diagram.special_points:
        click.echo(
            f"{point.kind.replace('_', ' ')} at {first} = {point.parameter:.8g}, {second} = "
            f"{point.second_parameter:.8g}, on curve {point.branch}"
        )


@click.command()
@network_options
@setting_options
@click.option("--parameter", required=True, metavar="NAME", help="Parameter that is varied, such as 'u[0]'.")
@click.option("--interval", required=True, nargs=2, type=float, metavar="LOW HIGH", help="Absolute values.")
@click.option(
    "--top", default=10, show_default=True, type=click.IntRange(1), help="Weights listed a bifurcation."
)
@click.option("--relative", is_flag=True, help="Rank by derivative times weight.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), help="Write all derivatives to this .npz file."
)
def sensitivity(
    network: str,
    reading: Reading,
    condition: str | None,
    settings: tuple[str, ...],
    starts: int,
    seed: int,
    overwrite: bool,
    as_json: bool,
    parameter: str,
    interval: tuple[float, float],
    top: int,
    relative: bool,
    output: str | None,
) -> None:
    """Say which weights move the folds and Hopf points of a NETWORK, and by how much."""
    from ssmsym.bifurcation_curves.sensitivity import event_sensitivity

    refuse_existing(output, overwrite)
    field = with_settings(load_network(network, reading), condition, settings)
    with wrong_use():
        check_parameters(field, (parameter,))
        _interval("--interval", interval)
    points = _starting_points(field, parameter, interval, starts, seed)
    found = []
    for point in points:
        try:
            found.append(event_sensitivity(field, point, parameter))
        except InputError as error:  # one degenerate point must not hide the others
            click.echo(f"note: {error}", err=True)
    by = "relative" if relative else "derivative"
    if output is not None:
        _write_sensitivities(found, output, overwrite)
    if as_json:
        texts.print_json(
            {"parameter": parameter, "bifurcations": [_sensitivity_document(s, top, by) for s in found]}
        )
        return
    if not found:
        click.echo(f"no fold or Hopf point over {parameter} from {interval[0]:g} to {interval[1]:g}")
    for one in found:
        click.echo(f"{_name(one.point)} at {parameter} = {one.point.parameter:.8g}")
        for entry in one.ranked(top, by=by):
            click.echo(f"  {entry.name:<16} weight {entry.weight:+.5f}   derivative {entry.derivative:+.6g}")
    if output is not None:
        click.echo(f"written to {output}")


def _name(point: SpecialPoint) -> str:
    return point.kind.replace("_", " ")


def _sensitivity_document(found: EventSensitivity, top: int, by: str) -> dict[str, Any]:
    return {
        "kind": found.point.kind,
        "value": found.point.parameter,
        "weights": [
            {"name": e.name, "weight": e.weight, "derivative": e.derivative} for e in found.ranked(top, by=by)
        ],
        "parameters": found.parameters,
    }


def _write_sensitivities(found: list[EventSensitivity], output: str, overwrite: bool) -> None:
    import numpy as np

    from ssmsym.fields.files import write_arrays

    arrays: dict[str, Any] = {
        "kinds": np.array([s.point.kind for s in found]),
        "values": np.array([s.point.parameter for s in found]),
    }
    for name in found[0].arrays if found else ():
        arrays[f"d_{name}"] = np.stack([s.arrays[name] for s in found])
    write_arrays(output, arrays, overwrite=overwrite)


@click.command("input-gains")
@network_options
@setting_options
@click.option(
    "--modes", default=3, show_default=True, type=click.IntRange(1), help="Leading modes a fixed point."
)
def input_gains(
    network: str,
    reading: Reading,
    condition: str | None,
    settings: tuple[str, ...],
    starts: int,
    seed: int,
    overwrite: bool,
    as_json: bool,
    modes: int,
) -> None:
    """Say how strongly each input drives the leading modes at every fixed point of a NETWORK."""
    from ssmsym.bifurcation_curves.input_gains import input_gains as gains
    from ssmsym.dynamics.fixed_points import format_eigenvalue

    field: VectorField = with_settings(load_network(network, reading), condition, settings)
    inputs = [name for name in field.parameters if name.startswith("u[")] or list(field.parameters)
    points = search(field, starts, seed, None)
    found = [gains(field, point, modes=min(modes, field.n_states), parameters=inputs) for point in points]
    if as_json:
        rows = [
            {
                "eigenvalues": [[v.real, v.imag] for v in one.eigenvalues.tolist()],
                "gains": [[[g.real, g.imag] for g in row] for row in one.gains.tolist()],
                "shifts": [[[g.real, g.imag] for g in row] for row in one.shifts.tolist()],
                "state": point.state.tolist(),
            }
            for one, point in zip(found, points, strict=True)
        ]
        texts.print_json({"inputs": inputs, "points": rows})
        return
    for number, one in enumerate(found):
        click.echo(f"fixed point {number}")
        for value, row in zip(one.eigenvalues, one.gains, strict=True):
            sizes = "  ".join(f"{name} {abs(gain):.4g}" for name, gain in zip(inputs, row, strict=True))
            click.echo(f"  eigenvalue {format_eigenvalue(value)}: {sizes}")
