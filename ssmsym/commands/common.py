"""Options and steps that several commands share."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from ssmsym.commands.reading import reading_options
from ssmsym.errors import InputError, SsmsymWarning

if TYPE_CHECKING:
    from ssmsym.dynamics.fixed_points import FixedPoints
    from ssmsym.fields.field import VectorField


def network_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The argument and options that every command on a network takes."""
    command = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(command)
    return click.argument("network", type=click.Path(exists=True, dir_okay=False))(reading_options(command))


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


@contextlib.contextmanager
def wrong_use() -> Iterator[None]:
    """Errors in what was asked for on the command line are wrong use."""
    try:
        yield
    except InputError as error:
        raise click.UsageError(str(error)) from None


def refuse_existing(output: str | None, overwrite: bool) -> None:
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


def with_settings(field: VectorField, condition: str | None, settings: tuple[str, ...]) -> VectorField:
    """The field at the parameter values that the options give."""
    with wrong_use():
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


def check_parameters(field: VectorField, parameters: tuple[str, ...]) -> None:
    """Unknown parameters are wrong use."""
    from ssmsym.fields.parameters import locate

    for name in parameters:
        locate(name, field.values)


def search(field: VectorField, starts: int, seed: int, spectrum: int | None) -> FixedPoints:
    """Fixed points, with a progress bar on standard error."""
    from rich.console import Console
    from rich.progress import Progress

    from ssmsym.dynamics.fixed_points import find_fixed_points

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("fixed points", total=None)
        with warnings.catch_warnings():  # the commands print it as a note
            warnings.simplefilter("ignore", SsmsymWarning)
            return find_fixed_points(
                field,
                starts=starts,
                seed=seed,
                spectrum=spectrum,
                progress=lambda done, total: bar.update(task, completed=done, total=max(done, total)),
            )
