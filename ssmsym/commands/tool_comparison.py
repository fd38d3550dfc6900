"""The command ``compare-tools``."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import click

from ssmsym.commands import texts
from ssmsym.commands.common import check_parameters, wrong_use
from ssmsym.commands.models import load_reduced
from ssmsym.errors import InputError, SsmsymWarning

if TYPE_CHECKING:
    from ssmsym.dynamics.diagram import BifurcationDiagram
    from ssmsym.dynamics.diagram_comparison import DiagramComparison
    from ssmsym.reduced.model import ReducedModel


@click.command("compare-tools")
@click.argument("model", type=click.Path(exists=True, dir_okay=False))
@click.option("--parameter", required=True, metavar="NAME", help="Parameter to continue in, such as 'u[0]'.")
@click.option("--interval", required=True, nargs=2, type=float, metavar="LOW HIGH", help="Absolute values.")
@click.option(
    "--tool", "chosen", multiple=True, metavar="TOOL", help="Which tools; by default all that are installed."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def compare_tools(
    model: str, parameter: str, interval: tuple[float, float], chosen: tuple[str, ...], as_json: bool
) -> None:
    """Trace a MODEL here and in every installed continuation tool, and hold the special points side by side."""
    from ssmsym.dynamics.diagram_comparison import compare_diagrams

    reduced = load_reduced(model)
    with wrong_use():
        check_parameters(reduced.field, (parameter,))
        if not interval[0] < interval[1]:
            raise InputError(
                f"--interval takes a lower and a higher value; found {interval[0]:g} {interval[1]:g}."
            )
    names = chosen or _runnable()
    if not names:
        raise InputError("No continuation tool is installed here; see 'ssmsym tools'.")
    compared = compare_diagrams(_diagrams(reduced, parameter, interval, names))
    if as_json:
        texts.print_json(_document(compared))
        return
    click.echo(repr(compared))
    for row in compared.missing:
        lacking = ", ".join(label for label in compared.labels if label not in row.points)
        click.echo(f"note: the {row.kind.replace('_', ' ')} is missing in {lacking}")


def _runnable() -> tuple[str, ...]:
    """Exporters whose tool is installed and can trace branches."""
    from ssmsym.exporters.contract import Runner
    from ssmsym.exporters.discovery import get_exporter
    from ssmsym.exporters.running import tools

    installed = [status.name for status in tools() if status.installed]
    return tuple(name for name in installed if isinstance(get_exporter(name), Runner))


def _diagrams(
    model: ReducedModel, parameter: str, interval: tuple[float, float], names: tuple[str, ...]
) -> dict[str, BifurcationDiagram]:
    from ssmsym.exporters.contract import ExporterError
    from ssmsym.exporters.running import continue_in
    from ssmsym.reduced.branches import branches

    with warnings.catch_warnings():  # which Euler map was trained is no matter here
        warnings.simplefilter("ignore", SsmsymWarning)
        found = {"ssmsym": branches(model, parameter, interval)}
    for name in names:
        try:
            found[name] = continue_in(name, model, parameter=parameter, interval=interval)
        except ExporterError as error:  # one tool's failure must not hide the others
            click.echo(f"note: {name} failed: {error}", err=True)
    return found


def _document(compared: DiagramComparison) -> dict[str, Any]:
    return {
        "parameter": compared.parameter,
        "sources": list(compared.labels),
        "special_points": [
            {
                "kind": row.kind,
                "values": {label: point.parameter for label, point in row.points.items()},
                "spread": row.spread,
            }
            for row in compared.rows
        ],
        "largest_spread": compared.largest_spread,
    }
