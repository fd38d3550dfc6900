"""The command ``slow-surface``: the two-dimensional slow manifold of a network over a patch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ssmsym.commands import texts
from ssmsym.commands.common import network_options, refuse_existing, search, setting_options, with_settings
from ssmsym.commands.reading import Reading, load_network

if TYPE_CHECKING:
    from ssmsym.slow_manifolds.surface import SlowSurface


@click.command("slow-surface")
@network_options
@setting_options
@click.option(
    "--at",
    "indices",
    multiple=True,
    type=click.IntRange(0),
    metavar="INDEX",
    help="Fixed point as numbered by 'fixed-points': one gives its two leading modes, several the plane of their "
    "first two principal directions. By default all.",
)
@click.option("--radius", type=float, help="Of a disk about the point, or about the mean of several.")
@click.option(
    "--extent",
    nargs=4,
    type=float,
    metavar="LOW1 HIGH1 LOW2 HIGH2",
    help="Of a rectangle, in place of a disk.",
)
@click.option("--figure", type=click.Path(dir_okay=False), help="Draw the surface into this .png file.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write the surface to this .npz file.")
def slow_surface(
    network: str,
    reading: Reading,
    as_json: bool,
    condition: str | None,
    settings: tuple[str, ...],
    starts: int,
    seed: int,
    overwrite: bool,
    indices: tuple[int, ...],
    radius: float | None,
    extent: tuple[float, float, float, float] | None,
    figure: str | None,
    output: str | None,
) -> None:
    """Compute the slow surface of a NETWORK over a patch of two coordinates, with its evidence."""
    from ssmsym.slow_manifolds.surface_building import slow_surface as compute
    from ssmsym.slow_manifolds.surface_file import save_slow_surface

    for path in (output, figure):
        refuse_existing(path, overwrite)
    field = with_settings(load_network(network, reading), condition, settings)
    points = search(field, starts, seed, None)
    if any(i >= len(points) for i in indices):
        raise click.UsageError(f"--at goes from 0 to {len(points) - 1}; found {max(indices)}.")
    chosen = [points[i] for i in indices] or list(points)
    rectangle = None if extent is None else ((extent[0], extent[1]), (extent[2], extent[3]))
    surface = compute(field, chosen, radius=radius, extent=rectangle)
    if output is not None:
        save_slow_surface(surface, output, overwrite=overwrite)
    if figure is not None:
        from ssmsym.figures.surface import plot_surface

        plot_surface(surface, figure, points=points, overwrite=overwrite)
    _print(surface, as_json, [path for path in (output, figure) if path is not None])


def _print(surface: SlowSurface, as_json: bool, written: list[str]) -> None:
    import numpy as np

    if not as_json:
        click.echo(surface.report())
        for path in written:
            click.echo(f"written to {path}")
        return
    l2, worst = surface.errors
    weakest = int(surface.rates.ratio.argmin())
    smallest = float(
        surface.rates.ratio[weakest]
    )  # infinite where nothing contracts within the surface: null
    texts.print_json(
        {
            "patch": surface.patch.describe(),
            "invariance_error": l2,
            "largest_pointwise_error": worst,
            "normally_attracting": surface.is_normally_attracting,
            "smallest_ratio": smallest if np.isfinite(smallest) else None,
            "smallest_ratio_at": surface.rates.s[weakest].tolist(),
            "rounds": surface.rounds,
            "last_change": surface.change,
            "written": written,
        }
    )
