"""Commands on network files: ``info``, ``fixed-points``, ``reduce``."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from ssmsym.dynamics.fixed_points import FixedPoint
    from ssmsym.fields.field import VectorField
    from ssmsym.manifolds.mode_choice import ModeProposal


@click.command()
@network_options
def info(network: str, reading: Reading, as_json: bool) -> None:
    """Say what a NETWORK file holds: equation, size, inputs, readout, parameters.

    A file with names of its own gets a mapping proposed. Where PyTorch is installed, its cells are checked
    against it.
    """
    from ssmsym.importing.recognition import UnknownNamesError

    try:
        field = load_network(network, reading, check=True)
    except UnknownNamesError as error:
        if not error.proposal.mapping:
            raise
        if as_json:
            texts.print_json(texts.proposal_document(error.proposal, network))
        else:
            texts.print_proposal(error.proposal, network)
        return
    facts = texts.facts(field, network)
    if as_json:
        texts.print_json(facts)
    else:
        texts.print_facts(field, facts)


@click.command("fixed-points")
@network_options
@setting_options
@click.option("--spectrum", type=click.IntRange(1), help="Compute this many leading eigenvalues only.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write the points to this .npz file.")
def fixed_points(
    network: str,
    reading: Reading,
    as_json: bool,
    condition: str | None,
    settings: tuple[str, ...],
    starts: int,
    seed: int,
    overwrite: bool,
    spectrum: int | None,
    output: str | None,
) -> None:
    """Find the fixed points of a NETWORK and their eigenvalues."""
    from ssmsym.dynamics.euler_map import stability_notes
    from ssmsym.dynamics.point_file import save_fixed_points

    refuse_existing(output, overwrite)
    field = with_settings(load_network(network, reading), condition, settings)
    points = search(field, starts, seed, spectrum)
    if output is not None:
        save_fixed_points(points, output, parameters=field.parameters, overwrite=overwrite)
    if as_json:
        texts.print_json(texts.points_document(field, points, output))
    else:
        texts.print_points(field, points)
        if output is not None:
            click.echo(f"written to {output}")
    for line in stability_notes(field, points):
        click.echo(f"warning: {line}", err=True)


@click.command()
@network_options
@setting_options
@click.option(
    "--modes",
    default="1",
    show_default=True,
    metavar="NUMBER|POSITIONS|auto",
    help="Number of leading modes; positions such as 0,2 in the spectrum; or auto: where the largest gap is.",
)
@click.option("--order", default=5, show_default=True, type=click.IntRange(1), help="Highest total degree.")
@click.option(
    "--at",
    "position",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Fixed point, by its number.",
)
@click.option(
    "--parameter", "parameters", multiple=True, metavar="NAME", help="Parameter to keep, such as 'u[0]'."
)
@click.option("--parameter-order", type=click.IntRange(1), help="Highest degree in the parameters.")
@click.option(
    "--style",
    type=click.Choice(["graph", "normal form", "linearising"]),
    default="graph",
    show_default=True,
    help="Parametrization style.",
)
@click.option("--figure", type=click.Path(dir_okay=False), help="Draw the evidence into this PNG file.")
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False), help="Model file to write (.npz)."
)
def reduce(
    network: str,
    reading: Reading,
    as_json: bool,
    condition: str | None,
    settings: tuple[str, ...],
    starts: int,
    seed: int,
    overwrite: bool,
    modes: str,
    order: int,
    position: int,
    parameters: tuple[str, ...],
    parameter_order: int | None,
    style: str,
    figure: str | None,
    output: str,
) -> None:
    """Compute the spectral submanifold at a fixed point of a NETWORK and write the model."""
    from ssmsym.dynamics.euler_map import stability_notes
    from ssmsym.figures.evidence import plot_evidence
    from ssmsym.manifolds.model_file import save
    from ssmsym.manifolds.ssm import compute_ssm

    chosen = _modes(modes)
    refuse_existing(output, overwrite)
    refuse_existing(figure, overwrite)
    field = with_settings(load_network(network, reading), condition, settings)
    with wrong_use():
        check_parameters(field, parameters)
    points = search(field, starts, seed, None)
    if position >= len(points):
        raise click.UsageError(
            f"There are {len(points)} fixed points, numbered from 0; --at {position} is none."
        )
    proposal = None if chosen else _proposed(field, points[position])
    ssm = compute_ssm(
        field,
        points[position],
        modes=proposal.modes if proposal is not None else chosen,
        order=order,
        parameters=parameters,
        parameter_order=parameter_order,
        style=style,
    )
    save(ssm, output, overwrite=overwrite)
    if figure is not None:
        plot_evidence(ssm, figure, overwrite=overwrite)
    texts.print_model(ssm, position, points[position], output, as_json, proposal)
    for line in stability_notes(field, points, only=position):
        click.echo(f"warning: {line}", err=True)


def _modes(text: str) -> int | list[int]:
    """A number of modes, or positions; an empty list for ``auto``."""
    if text == "auto":
        return []
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = [-1]
    if min(numbers) < 0 or (len(numbers) == 1 and numbers[0] < 1):
        raise click.UsageError(
            f"--modes takes a number from 1, positions from 0 such as 0,2, or auto; found {text!r}."
        )
    return numbers if len(numbers) > 1 else numbers[0]


def _proposed(field: VectorField, point: FixedPoint) -> ModeProposal:
    from ssmsym.manifolds.mode_choice import propose_modes
    from ssmsym.manifolds.subspace import ordered_spectrum

    spectrum = ordered_spectrum(field.jacobian(point.state), discrete=field.is_map)
    with wrong_use():
        return propose_modes(spectrum, discrete=field.is_map)
