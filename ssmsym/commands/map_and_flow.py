"""The command ``map-against-flow``: the SSM of an ODE beside that of the Euler map that was trained."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ssmsym.commands import texts
from ssmsym.commands.common import check_parameters, network_options, search, with_settings, wrong_use
from ssmsym.commands.reading import Reading, load_network
from ssmsym.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssmsym.manifolds.map_and_flow import MapAndFlow


@click.command("map-against-flow")
@network_options
@click.option(
    "--at",
    "position",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Fixed point, by its number in the list of the ODE's.",
)
@click.option(
    "--modes",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Number of leading modes of the ODE.",
)
@click.option("--order", default=5, show_default=True, type=click.IntRange(1), help="Highest total degree.")
@click.option(
    "--parameter", "parameters", multiple=True, metavar="NAME", help="Parameter to keep, such as 'u[0]'."
)
@click.option("--parameter-order", type=click.IntRange(1), help="Highest degree in the parameters.")
@click.option(
    "--step",
    type=float,
    help="Step dt of the Euler map.  [default: the one that the network was trained with]",
)
@click.option("--input", "condition", metavar="NAME", help="A named input condition of the file.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Parameter value, such as u=0,0,1,0 or 'u[0]=0.1'; may be repeated.",
)
@click.option("--starts", default=512, show_default=True, type=click.IntRange(1), help="Newton starts.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0), help="Seed of the random starts."
)
def map_against_flow(
    network: str,
    reading: Reading,
    as_json: bool,
    position: int,
    modes: int,
    order: int,
    parameters: tuple[str, ...],
    parameter_order: int | None,
    step: float | None,
    condition: str | None,
    settings: tuple[str, ...],
    starts: int,
    seed: int,
) -> None:
    """Set the ODE of a NETWORK beside its Euler map: stability, and the SSM at one fixed point."""
    from ssmsym.manifolds.map_and_flow import compare_map_and_flow

    if reading.as_ == "map":
        raise click.UsageError("--as map does not fit here: the ODE and its Euler map are both looked at.")
    field = with_settings(load_network(network, replace(reading, as_="flow")), condition, settings)
    with wrong_use():
        check_parameters(field, parameters)
        if step is None and not field.metadata.get("trained_step"):
            raise InputError("The network was not trained as an Euler map; give the step with --step.")
        if step is not None and not (math.isfinite(step) and step > 0):
            raise InputError(f"--step must be a positive number; found {step:g}.")
    points = search(field, starts, seed, None)
    if position >= len(points):
        raise click.UsageError(
            f"There are {len(points)} fixed points, numbered from 0; --at {position} is none."
        )
    both = compare_map_and_flow(
        field,
        points[position],
        modes=modes,
        order=order,
        parameters=parameters,
        parameter_order=parameter_order,
        step=step,
    )
    if as_json:
        texts.print_json(_document(both, position))
        return
    click.echo(f"fixed point {position} of {len(points)}")
    click.echo(both.text())


def _document(both: MapAndFlow, position: int) -> dict[str, Any]:
    relative = both.relative_differences or {}
    return {
        "fixed_point": position,
        "step": both.step,
        "modes": list(both.modes),
        "eigenvalues": _pairs(both.eigenvalues),
        "multipliers": _pairs(both.multipliers),
        "identity_error": both.identity_error,
        "index_in_the_ode": both.flow_index,
        "index_in_the_euler_map": both.map_index,
        "agree_on_stability": both.agree_on_stability,
        "verdict": both.verdict,
        "parameters": list(both.parameters),
        "exponents": both.exponents.tolist(),
        "ode_rates": _rows(both.flow_rates),
        "euler_map_rates": _rows(both.map_rates),
        "differences": _rows(both.differences),
        "relative_differences": {
            str(degree): value if math.isfinite(value) else None for degree, value in relative.items()
        },
        "ode_trust_radius": both.flow_trust_radius,
        "euler_map_trust_radius": both.map_trust_radius,
        "ode_refusal": both.flow_refusal,
        "euler_map_refusal": both.map_refusal,
    }


def _pairs(values: NDArray[Any]) -> list[list[float]]:
    return [[value.real, value.imag] for value in values.tolist()]


def _rows(values: NDArray[Any] | None) -> list[list[float]] | None:
    return None if values is None else values.tolist()
