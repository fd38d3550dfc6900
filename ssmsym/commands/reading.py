"""Options that say how a file of weights is to be read."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ssmsym.errors import InputError

if TYPE_CHECKING:
    from ssmsym.fields.field import VectorField


@dataclass(frozen=True)
class Reading:
    """How a file of weights is to be read; None where the file decides.

    Attributes
    ----------
    as_ : {"flow", "map"} or None
    maps : tuple of str
        Parts of a mapping, ``J=w_rec.T,B=w_in``.
    group, form, activation, out_activation : str or None
    tau, dt : float or None
    """

    as_: str | None = None
    maps: tuple[str, ...] = ()
    group: str | None = None
    form: str | None = None
    activation: str | None = None
    out_activation: str | None = None
    tau: float | None = None
    dt: float | None = None

    def given(self) -> list[str]:
        """Names of the options that were given."""
        values: dict[str, Any] = {
            "--as": self.as_,
            "--map": self.maps,
            "--group": self.group,
            "--form": self.form,
        }
        values |= {"--activation": self.activation, "--out-activation": self.out_activation}
        values |= {"--tau": self.tau, "--dt": self.dt}
        return [name for name, value in values.items() if value not in (None, ())]


_OPTIONS = (
    click.option(
        "--map",
        "maps",
        multiple=True,
        metavar="NAME=EXPRESSION,...",
        help="Which arrays of the file are J, B, b, W, c, ...: 'J=abs(w_rec)*mask,B=w_in.T'.",
    ),
    click.option("--group", metavar="NAME", help="Which of several networks in the file."),
    click.option(
        "--form",
        type=click.Choice(["state", "rate"]),
        help="tau x' = -x + J phi(x) + B u + b, or tau r' = -r + phi(J r + B u + b).",
    ),
    click.option("--activation", metavar="NAME", help="tanh, relu, logistic, softplus, ..."),
    click.option("--out-activation", metavar="NAME", help="Of the readout, where it is another."),
    click.option("--tau", type=float, help="Time constant."),
    click.option("--dt", type=float, help="Step of the Euler map as which the network was trained."),
    click.option(
        "--as",
        "as_",
        type=click.Choice(["flow", "map"]),
        help="The ODE, or the map as which the network was trained.  [default: PyTorch's cells are maps]",
    ),
)
_FIELDS = ("as_", "maps", "group", "form", "activation", "out_activation", "tau", "dt")


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options on how to read the file, which the command gets together as ``reading``."""

    @functools.wraps(command)
    def with_reading(*arguments: Any, **options: Any) -> Any:
        reading = Reading(**{name: options.pop(name) for name in _FIELDS})
        return command(*arguments, reading=reading, **options)

    wrapped: Callable[..., Any] = with_reading
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def load_network(network: str, reading: Reading, *, check: bool | None = None) -> VectorField:
    """The field of a file of weights.

    Raises
    ------
    click.UsageError
        If the options do not fit each other.
    """
    from ssmsym.importing.load import load
    from ssmsym.importing.mapping import parse_mapping

    try:
        mapping = parse_mapping(reading.maps)
    except InputError as error:
        raise click.UsageError(str(error)) from None
    return load(
        network,
        mapping=mapping,
        group=reading.group,
        form=reading.form,
        activation=reading.activation,
        out_activation=reading.out_activation,
        tau=reading.tau,
        dt=reading.dt,
        as_=reading.as_,
        check=check,
    )
