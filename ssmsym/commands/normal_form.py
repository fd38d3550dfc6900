"""The command ``normal-form``: bifurcations over a parameter with their normal forms, by two routes."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import click

from ssmsym.commands import texts
from ssmsym.commands.common import check_parameters, refuse_existing, with_settings, wrong_use
from ssmsym.commands.models import model_or_network
from ssmsym.commands.reading import Reading, reading_options
from ssmsym.errors import InputError, SsmsymWarning

if TYPE_CHECKING:
    from ssmsym.dynamics.diagram import SpecialPoint
    from ssmsym.fields.field import VectorField
    from ssmsym.normal_forms.normal_form import NormalForm
    from ssmsym.reduced.model import ReducedModel


@click.command("normal-form")
@click.argument("source", metavar="MODEL|NETWORK", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--parameter",
    "parameters",
    required=True,
    multiple=True,
    metavar="NAME",
    help="Parameter to vary, such as 'u[0]'; further ones join the unfolding.",
)
@click.option("--interval", required=True, nargs=2, type=float, metavar="LOW HIGH", help="Absolute values.")
@click.option("--near", type=float, metavar="VALUE", help="Only the bifurcation nearest to this value.")
@click.option("--order", default=5, show_default=True, type=click.IntRange(3), help="Of the normal form.")
@reading_options
@click.option("--input", "condition", metavar="NAME", help="A named input condition (networks).")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Parameter value (networks).")
@click.option("--starts", default=256, show_default=True, type=click.IntRange(1), help="Newton starts.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Seed of the starts.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), help="Write one normal form to this .json file."
)
@click.option("--overwrite", is_flag=True, help="Replace the output file if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def normal_form(
    source: str,
    parameters: tuple[str, ...],
    interval: tuple[float, float],
    near: float | None,
    order: int,
    reading: Reading,
    condition: str | None,
    settings: tuple[str, ...],
    starts: int,
    seed: int,
    output: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Find the bifurcations of a MODEL or a NETWORK over a parameter; print their normal forms.

    Each coefficient is computed by the reduced model and by multilinear forms of the full field, and printed with its
    convention. A Hopf point comes with a verdict: super- or subcritical, and short simulations on either side.
    """
    from ssmsym.normal_forms.report import save_normal_form

    refuse_existing(output, overwrite)
    of = model_or_network(source, reading)
    with wrong_use():
        of = _checked(of, condition, settings, parameters, interval)
    points = _points(of, parameters[0], interval, near, starts, seed)
    if output is not None and len(points) != 1:
        raise InputError(
            f"-o writes one normal form and {len(points)} bifurcations were found; choose one with --near."
        )
    documents = []
    for point in points:
        form = _form(of, point, parameters, order)
        if as_json:
            documents.append(_document(form))
        else:
            _print(form)
        if output is not None:
            save_normal_form(form, output, overwrite=overwrite)
    if as_json:
        texts.print_json({"normal_forms": documents, "output": output})
        return
    if not points:
        click.echo(f"no bifurcation for {parameters[0]} from {interval[0]:g} to {interval[1]:g}")
    if output is not None:
        click.echo(f"written to {output}")


def _checked(
    of: VectorField | ReducedModel,
    condition: str | None,
    settings: tuple[str, ...],
    parameters: tuple[str, ...],
    interval: tuple[float, float],
) -> VectorField | ReducedModel:
    from ssmsym.fields.field import VectorField

    if isinstance(of, VectorField):
        of = with_settings(of, condition, settings)
    elif condition is not None or settings:
        raise InputError("--input and --set are for networks; a model keeps the values it was made at.")
    check_parameters(of if isinstance(of, VectorField) else of.field, parameters)
    if not interval[0] < interval[1]:
        raise InputError(
            f"--interval takes a lower and a higher value; found {interval[0]:g} {interval[1]:g}."
        )
    return of


def _points(
    of: VectorField | ReducedModel,
    parameter: str,
    interval: tuple[float, float],
    near: float | None,
    starts: int,
    seed: int,
) -> list[SpecialPoint]:
    from ssmsym.reduced.branches import branches

    with warnings.catch_warnings():  # which Euler map was trained is no matter here
        warnings.simplefilter("ignore", SsmsymWarning)
        found = branches(of, parameter, interval, starts=starts, seed=seed).special_points
    if near is None or not found:
        return list(found)
    return [min(found, key=lambda p: abs(p.parameter - near))]


def _form(
    of: VectorField | ReducedModel, point: SpecialPoint, parameters: tuple[str, ...], order: int
) -> NormalForm:
    from ssmsym.normal_forms.normal_form import normal_form as compute

    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always", SsmsymWarning)
        form = compute(of, point, parameters=parameters, order=order)
    for warning in raised:
        click.echo(f"warning: {warning.message}", err=True)
    return form


def _print(form: NormalForm) -> None:
    click.echo(form.text())
    if form.kind == "hopf":
        click.echo(str(form.verdict))


def _document(form: NormalForm) -> dict[str, Any]:
    from ssmsym.normal_forms.report import document

    out = document(form)
    if form.kind == "hopf":
        verdict = form.verdict
        out["verdict"] = {
            "criticality": verdict.criticality,
            "clearness": verdict.clearness,
            "runs_as_predicted": [run.agrees for run in verdict.runs],
        }
    return out
