"""The command ``slow-manifold``: the whole slow curve of a network, and its folds over a parameter."""

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
from ssmsym.commands.reading import Reading, load_network
from ssmsym.errors import SsmsymWarning

if TYPE_CHECKING:
    from ssmsym.slow_manifolds.curve import SlowManifold
    from ssmsym.slow_manifolds.interval import SlowManifoldFamily
    from ssmsym.slow_manifolds.map_curve import MapSlowManifold


@click.command("slow-manifold")
@network_options
@setting_options
@click.option("--parameter", metavar="NAME", help="Parameter to vary, such as 'u[0]'.")
@click.option("--interval", nargs=2, type=float, metavar="LOW HIGH", help="Absolute values of the parameter.")
@click.option(
    "--values",
    default=33,
    show_default=True,
    type=click.IntRange(3),
    help="Parameter values at which curves are computed.",
)
@click.option("--extent", nargs=2, type=float, metavar="LOW HIGH", help="Of the coordinate along the curve.")
@click.option("--closed", is_flag=True, help="The curve is closed: a ring or a cycle.")
@click.option("--arclength", is_flag=True, help="Measure along the curve, which may turn back.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    help="Write the curve and its reduced model to this .npz file.",
)
def slow_manifold(
    network: str,
    reading: Reading,
    as_json: bool,
    condition: str | None,
    settings: tuple[str, ...],
    starts: int,
    seed: int,
    overwrite: bool,
    parameter: str | None,
    interval: tuple[float, float] | None,
    values: int,
    extent: tuple[float, float] | None,
    closed: bool,
    arclength: bool,
    output: str | None,
) -> None:
    """Compute the whole slow curve through the fixed points of a NETWORK; over a parameter, all its folds too."""
    from ssmsym.slow_manifolds.curve_file import save_slow_manifold
    from ssmsym.slow_manifolds.interval import SlowManifoldFamily
    from ssmsym.slow_manifolds.map_curve import MapSlowManifold
    from ssmsym.slow_manifolds.slow_manifold import slow_manifold as compute

    refuse_existing(output, overwrite)
    if (parameter is None) != (interval is None):
        raise click.UsageError("--parameter and --interval belong together.")
    field = with_settings(load_network(network, reading), condition, settings)
    if parameter is not None:
        with wrong_use():
            check_parameters(field, (parameter,))
    points = search(field, starts, seed, None)
    chosen = [p for p in points if p.index <= 1] if closed else list(points)
    with _progress() as report, warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always", SsmsymWarning)
        found = compute(
            field,
            chosen,
            parameter=parameter,
            interval=interval,
            values=values,
            extent=extent,
            closed=closed,
            arclength=arclength,
            progress=report,
        )
    for warning in raised:
        click.echo(f"warning: {warning.message}", err=True)
    has_model = output is not None and save_slow_manifold(found, output, overwrite=overwrite)
    if isinstance(found, SlowManifoldFamily):
        _print_family(found, as_json, output)
    elif isinstance(found, MapSlowManifold):
        _print_map_curve(found, as_json, output)
    else:
        _print_curve(found, as_json, output)
    if output is not None and not as_json:
        model = ", with its reduced model, which 'branches' and 'export' take" if has_model else ""
        click.echo(f"written to {output}{model}")


def _progress() -> Any:
    """A progress bar on standard error, as a context that gives the function to report to."""
    import contextlib

    from rich.console import Console
    from rich.progress import Progress

    @contextlib.contextmanager
    def bar() -> Any:
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as shown:
            task = shown.add_task("curves", total=None)
            yield lambda done, total: shown.update(task, completed=done, total=total)

    return bar()


def _print_curve(curve: SlowManifold, as_json: bool, output: str | None) -> None:
    if as_json:
        texts.print_json(
            {
                "extent": list(curve.extent),
                "normally_attracting": curve.is_normally_attracting,
                "attracting_ranges": [list(r) for r in curve.attracting()],
                "fixed_points": [
                    {"s": p.s, "source": p.source, "index": p.point.index, "state": p.point.state.tolist()}
                    for p in curve.points
                ],
                "pieces": [
                    {
                        "from": piece.extent[0],
                        "to": piece.extent[1],
                        "begin": piece.begin,
                        "end": piece.end,
                        "invariance_error": piece.errors[0],
                        "smallest_ratio": float(piece.rates.ratio.min()),
                        "period": piece.period if piece.begin == "cycle" else None,
                    }
                    for piece in curve.pieces
                ],
                "output": output,
            }
        )
        return
    click.echo(curve.report())


def _print_map_curve(curve: MapSlowManifold, as_json: bool, output: str | None) -> None:
    if as_json:
        texts.print_json(
            {
                "extent": list(curve.extent),
                "invariance_error": curve.invariance_error(),
                "fixed_points": [
                    {"s": p.s, "source": p.source, "state": p.point.state.tolist()} for p in curve.points
                ],
                "output": output,
            }
        )
        return
    click.echo(curve.report())


def _print_family(family: SlowManifoldFamily, as_json: bool, output: str | None) -> None:
    if as_json:
        texts.print_json(
            {
                "parameter": family.parameter,
                "interval": list(family.interval),
                "folds": [
                    {
                        "parameter": f.parameter,
                        "predicted": f.predicted,
                        "s": f.s,
                        "confirmed": f.confirmed,
                        "residual": f.residual,
                    }
                    for f in family.folds
                ],
                "largest_invariance_error": float(family.errors.max()),
                "statement": family.statement,
                "output": output,
            }
        )
        return
    click.echo(repr(family))
    for fold in family.folds:
        verdict = "confirmed" if fold.confirmed else "not confirmed"
        click.echo(
            f"  fold at {family.parameter} = {fold.parameter:.9g}, s = {fold.s:+.4g}: predicted "
            f"{fold.predicted:.9g}, {verdict}, |f| = {fold.residual:.1e}"
        )
    click.echo(f"largest invariance error of all pieces: {family.errors.max():.1e}")
    click.echo(family.statement)
