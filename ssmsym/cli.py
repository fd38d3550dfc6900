"""The command line: ``ssmsym info``, ``ssmsym fixed-points``, ``ssmsym reduce``.

Exit code 0 on success, 2 for wrong use, 1 for a failure, each with its reason in one sentence. Results go to
standard output (as text, or with ``--json`` as JSON), progress and warnings to standard error.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from ssmsym import __version__
from ssmsym.errors import InputError, SsmsymError

if TYPE_CHECKING:
    from ssmsym.dynamics.fixed_points import FixedPoint, FixedPoints
    from ssmsym.fields.field import VectorField
    from ssmsym.manifolds.ssm import SSM


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
            click.option("--seed", default=0, show_default=True, help="Seed of the random starts."),
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
    facts = _facts(field, network)
    if as_json:
        _print_json(facts)
        return
    click.echo(f"{facts['name']}: {facts['time']} time, {field.n_states} states")
    for line in facts["equations"]:
        click.echo(f"  {line}")
    for line in facts["readout"]:
        click.echo(f"  z = {line}")
    click.echo(f"parameters: {_assignments(field.parameters)}")
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
        _print_json(_points_document(field, points, output))
    else:
        _print_points(field, points)
        if output is not None:
            click.echo(f"written to {output}")
    for line in _stability_notes(field, points):
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
    _print_model(ssm, points[position], output, as_json)


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
    if Path(output).exists() and not overwrite:
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


# -- output -----------------------------------------------------------------------------------------------


def _print_json(document: Any) -> None:
    click.echo(json.dumps(document, indent=1, allow_nan=False))


def _assignments(values: Any) -> str:
    return ", ".join(f"{name} = {value:g}" for name, value in values.items()) or "none"


def _facts(field: VectorField, network: str) -> dict[str, Any]:
    from ssmsym.fields import printing

    step, tau = field.metadata.get("trained_step"), field.metadata.get("tau")
    note = ""
    if step and not field.is_map:
        relative = f" (dt/tau = {step / tau:g})" if tau else ""
        note = (
            f"trained as the Euler map with step dt = {step:g}{relative}; loaded as the ODE, whose fixed points are "
            "the same and whose stability may differ (--as map loads the map)"
        )
    known = {"name", "tau", "form", "activation", "trained_step", "step"}
    return {
        "file": network,
        "name": field.metadata.get("name", network),
        "time": field.time,
        "n_states": field.n_states,
        "equations": [
            f"{s}{' ->' if field.is_map else chr(39) + ' ='} {printing.text(e)}"
            for s, e in field.equations.items()
        ],
        "latex": field.latex(),
        "readout": [printing.text(e) for e in field.readout_equations],
        "n_outputs": field.n_outputs,
        "parameters": dict(field.parameters),
        "conditions": {
            name: {key: [float(v) for v in value] for key, value in setting.items()}
            for name, setting in field.conditions.items()
        },
        "trained_step": step,
        "note": note,
        "other": [key for key in field.metadata if key not in known],
    }


def _points_document(field: VectorField, points: FixedPoints, output: str | None) -> dict[str, Any]:
    return {
        "parameters": dict(field.parameters),
        "fixed_points": [_point_document(field, i, point) for i, point in enumerate(points)],
        "starts": points.starts,
        "converged": points.converged,
        "estimated_missing": points.estimated_missing,
        "index_sum": points.index_sum,
        "expected_index_sum": points.expected_index_sum,
        "notes": _stability_notes(field, points),
        "output": output,
    }


def _point_document(field: VectorField, number: int, point: FixedPoint) -> dict[str, Any]:
    return {
        "number": number,
        "index": point.index,
        "stable": point.stable,
        "residual": point.residual,
        "hits": point.hits,
        "eigenvalues": [[v.real, v.imag] for v in point.eigenvalues.tolist()],
        "readout": field.readout(point.state).tolist() if field.n_outputs else [],
        "state": point.state.tolist(),
    }


def _print_points(field: VectorField, points: FixedPoints) -> None:
    from rich.table import Table

    from ssmsym.dynamics.fixed_points import format_eigenvalue

    unit = " per tau" if points and points[0].per_tau is not None else ""
    name = "multipliers" if field.is_map else f"leading eigenvalues{unit}"
    table = Table(title=f"{len(points)} fixed points", title_justify="left")
    for column in ("#", "unstable", name, "readout", "residual", "hits"):
        table.add_column(column, justify="left" if column in (name, "readout") else "right", no_wrap=True)
    for number, point in enumerate(points):
        values = point.eigenvalues if point.per_tau is None else point.per_tau
        readout = field.readout(point.state).tolist() if field.n_outputs else []
        table.add_row(
            str(number),
            str(point.index),
            "  ".join(format_eigenvalue(v) for v in values[:3]),
            " ".join(f"{z:+.4f}" for z in readout[:4]),
            f"{point.residual:.1e}",
            str(point.hits),
        )
    _print_table(table)
    click.echo(f"{points.converged} of {points.starts} starts converged; " + _completeness(points))


def _completeness(points: FixedPoints) -> str:
    missing = f"about {points.estimated_missing:.1f} more expected from the hit counts"
    if points.complete_by_index is None:
        return missing
    fits = (
        "as it must be"
        if points.complete_by_index
        else f"must be {points.expected_index_sum}: some are missing"
    )
    return f"{missing}; index sum {points.index_sum}, {fits}"


def _print_table(table: Any) -> None:
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=140)
    console.print(table)


def _stability_notes(field: VectorField, points: FixedPoints) -> list[str]:
    """Fixed points whose stability differs between the ODE and the Euler map that was trained."""
    step = field.metadata.get("trained_step")
    if not step or field.is_map:
        return []
    notes = []
    for number, point in enumerate(points):
        growing = int((abs(1 + step * point.eigenvalues) > 1).sum())
        if growing != point.index:
            notes.append(
                f"fixed point {number} has {point.index} unstable directions in the ODE and {growing} in the Euler map "
                f"with the training step {step:g}."
            )
    return notes


def _print_model(ssm: SSM, point: FixedPoint, output: str, as_json: bool) -> None:
    from ssmsym.manifolds.model_file import evidence_summary
    from ssmsym.reduced.model import reduce as reduced_model

    model = reduced_model(ssm)
    if as_json:
        _print_json(
            {
                "model": output,
                "fixed_point": _point_document(ssm.field, -1, point),
                "equations": {str(s): str(e) for s, e in model.equations.items()},
                "latex": model.latex(),
                "order": ssm.order,
                "evidence": evidence_summary(ssm),
            }
        )
        return
    click.echo(repr(point))
    click.echo(repr(ssm))
    for symbol, right in model.equations.items():
        click.echo(f"  {symbol}' = {_rounded(right)}")
    click.echo(repr(ssm.evidence))
    for name in ssm.parameters:
        low, high = ssm.evidence.parameter_range(name)
        click.echo(f"  {name} trusted from {low:.4g} to {high:.4g} (tolerance 1e-2)")
    if ssm.resonances.nearest:
        click.echo(f"nearest outer resonance: {ssm.resonances.nearest[0]}")
    click.echo(f"written to {output}")


def _rounded(expression: Any) -> str:
    import sympy

    text = str(expression.xreplace({n: sympy.Float(n, 5) for n in expression.atoms(sympy.Float)}))
    return text.replace("**", "^")


if __name__ == "__main__":
    sys.exit(main())
