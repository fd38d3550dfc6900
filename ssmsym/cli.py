"""The command line: ``ssmsym info``, ``ssmsym fixed-points``, ``ssmsym reduce``.

Exit code 0 on success, 2 for wrong use, 1 for a failure, each with its reason in one sentence. Results go to
standard output (as text, or with ``--json`` as JSON), progress and warnings to standard error.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from ssmsym import __version__, command_output
from ssmsym.errors import InputError, SsmsymError

if TYPE_CHECKING:
    from ssmsym.dynamics.fixed_points import FixedPoints
    from ssmsym.fields.field import VectorField


class _Group(click.Group):
    """Commands whose expected failures end as one sentence on standard error."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SsmsymError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ssmsym")
def main() -> None:
    """Reduced models of trained recurrent networks on spectral submanifolds."""


def network_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The argument and options that every command on a network takes."""
    for option in reversed(
        (
            click.argument("network", type=click.Path(exists=True, dir_okay=False)),
            click.option(
                "--as",
                "as_",
                type=click.Choice(["flow", "map"]),
                default="flow",
                show_default=True,
                help="The ODE, or the Euler map as which the network was trained.",
            ),
            click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text."),
        )
    ):
        command = option(command)
    return command


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that choose parameter values and control the search of fixed points."""
    for option in reversed(
        (
            click.option("--input", "condition", metavar="NAME", help="A named input condition of the file."),
            click.option(
                "--set",
                "settings",
                multiple=True,
                metavar="NAME=VALUE",
                help="Parameter value, such as u=0,0,1,0 or 'u[0]=0.1'; may be repeated.",
            ),
            click.option(
                "--starts", default=512, show_default=True, type=click.IntRange(1), help="Newton starts."
            ),
            click.option(
                "--seed",
                default=0,
                show_default=True,
                type=click.IntRange(0),
                help="Seed of the random starts.",
            ),
            click.option("--overwrite", is_flag=True, help="Replace the output file if it exists."),
        )
    ):
        command = option(command)
    return command


@main.command()
@network_options
def info(network: str, as_: str, as_json: bool) -> None:
    """Say what a NETWORK file holds: equation, size, inputs, readout, parameters."""
    field = _load(network, as_)
    facts = command_output.facts(field, network)
    if as_json:
        command_output.print_json(facts)
        return
    click.echo(f"{facts['name']}: {facts['time']} time, {field.n_states} states")
    for line in facts["equations"]:
        click.echo(f"  {line}")
    for line in facts["readout"]:
        click.echo(f"  z = {line}")
    click.echo(f"parameters: {command_output.assignments(field.parameters)}")
    if facts["conditions"]:
        click.echo("input conditions (--input):")
        for name, setting in facts["conditions"].items():
            click.echo(f"  {name!r}: " + ", ".join(f"{k} = {v}" for k, v in setting.items()))
    if facts["note"]:
        click.echo(facts["note"])
    if facts["other"]:
        click.echo(f"also in the file: {', '.join(facts['other'])}")


@main.command("fixed-points")
@network_options
@setting_options
@click.option("--spectrum", type=click.IntRange(1), help="Compute this many leading eigenvalues only.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write the points to this .npz file.")
def fixed_points(
    network: str,
    as_: str,
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
    from ssmsym.dynamics.point_file import save_fixed_points

    _refuse_existing(output, overwrite)
    field = _set(_load(network, as_), condition, settings)
    points = _search(field, starts, seed, spectrum)
    if output is not None:
        save_fixed_points(points, output, parameters=field.parameters, overwrite=overwrite)
    if as_json:
        command_output.print_json(command_output.points_document(field, points, output))
    else:
        command_output.print_points(field, points)
        if output is not None:
            click.echo(f"written to {output}")
    for line in command_output.stability_notes(field, points):
        click.echo(f"warning: {line}", err=True)


@main.command()
@network_options
@setting_options
@click.option(
    "--modes", default=1, show_default=True, type=click.IntRange(1), help="Number of leading modes."
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
@click.option("--style", type=click.Choice(["graph"]), default="graph", show_default=True)
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False), help="Model file to write (.npz)."
)
def reduce(
    network: str,
    as_: str,
    as_json: bool,
    condition: str | None,
    settings: tuple[str, ...],
    starts: int,
    seed: int,
    overwrite: bool,
    modes: int,
    order: int,
    position: int,
    parameters: tuple[str, ...],
    parameter_order: int | None,
    style: str,
    output: str,
) -> None:
    """Compute the spectral submanifold at a fixed point of a NETWORK and write the model."""
    from ssmsym.manifolds.model_file import save
    from ssmsym.manifolds.ssm import compute_ssm

    _refuse_existing(output, overwrite)
    field = _set(_load(network, as_), condition, settings)
    with _wrong_use():
        _check_parameters(field, parameters)
    points = _search(field, starts, seed, None)
    if position >= len(points):
        raise click.UsageError(
            f"There are {len(points)} fixed points, numbered from 0; --at {position} is none."
        )
    ssm = compute_ssm(
        field,
        points[position],
        modes=modes,
        order=order,
        parameters=parameters,
        parameter_order=parameter_order,
        style=style,
    )
    save(ssm, output, overwrite=overwrite)
    command_output.print_model(ssm, position, points[position], output, as_json)
    for line in command_output.stability_notes(field, points, only=position):
        click.echo(f"warning: {line}", err=True)


# -- steps ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _wrong_use() -> Iterator[None]:
    """Errors in what was asked for on the command line are wrong use."""
    try:
        yield
    except InputError as error:
        raise click.UsageError(str(error)) from None


def _refuse_existing(output: str | None, overwrite: bool) -> None:
    """Say so before a long computation, not after it."""
    from pathlib import Path

    from ssmsym.errors import OutputError

    if output is None:
        return
    if not output:
        raise click.UsageError("-o needs a file name.")
    try:
        exists = Path(output).exists()
    except OSError as error:
        raise OutputError(f"Cannot write '{output}': {error.strerror}; choose another name.") from None
    if exists and not overwrite:
        raise OutputError(f"'{output}' exists already; choose another name or add --overwrite.")
    if not Path(output).absolute().parent.is_dir():
        raise OutputError(f"The folder of '{output}' does not exist; create it first.")


def _load(network: str, as_: str) -> VectorField:
    from ssmsym.fields.network_file import load

    return load(network, as_=as_)


def _set(field: VectorField, condition: str | None, settings: tuple[str, ...]) -> VectorField:
    with _wrong_use():
        if condition is not None:
            if condition not in field.conditions:
                known = ", ".join(repr(name) for name in field.conditions) or "none"
                raise InputError(f"There is no input condition {condition!r}; the file has {known}.")
            field = field.at(dict(field.conditions[condition]))
        for setting in settings:
            name, equals, value = setting.partition("=")
            if not equals:
                raise InputError(f"--set takes NAME=VALUE; found {setting!r}.")
            field = field.at({name.strip(): _numbers(name, value)})
    return field


def _numbers(name: str, value: str) -> Any:
    try:
        numbers = [float(part) for part in value.split(",")]
    except ValueError:
        raise InputError(f"--set {name}: {value!r} is no number or list of numbers.") from None
    return numbers if len(numbers) > 1 else numbers[0]


def _check_parameters(field: VectorField, parameters: tuple[str, ...]) -> None:
    from ssmsym.fields.parameters import locate

    for name in parameters:
        locate(name, field.values)


def _search(field: VectorField, starts: int, seed: int, spectrum: int | None) -> FixedPoints:
    from rich.console import Console
    from rich.progress import Progress

    from ssmsym.dynamics.fixed_points import find_fixed_points

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("fixed points", total=None)
        return find_fixed_points(
            field,
            starts=starts,
            seed=seed,
            spectrum=spectrum,
            progress=lambda done, total: bar.update(task, completed=done, total=max(done, total)),
        )


if __name__ == "__main__":
    sys.exit(main())
