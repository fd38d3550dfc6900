"""Commands on trajectories: ``fit`` and ``verify``."""

from __future__ import annotations

import click

from ssmsym.commands import texts
from ssmsym.commands.common import refuse_existing


@click.command()
@click.argument("trajectories", type=click.Path(exists=True, dir_okay=False))
@click.option("--dim", required=True, type=click.IntRange(1), help="Number of reduced coordinates.")
@click.option("--order", required=True, type=click.IntRange(1), help="Highest degree of the polynomials.")
@click.option(
    "--derivative",
    type=click.Choice(["central", "local", "integral"]),
    default="central",
    show_default=True,
    help="How rates of change are taken from the data.",
)
@click.option("--window", type=click.IntRange(3), help="Samples that a rate of change is taken from.")
@click.option("--ridge", type=click.FloatRange(0.0), default=0.0, show_default=True, help="Regularisation.")
@click.option(
    "--along",
    "model",
    type=click.Path(exists=True, dir_okay=False),
    help="Take centre and projection from this model file.",
)
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False), help="Fit file to write (.npz)."
)
@click.option("--overwrite", is_flag=True, help="Replace the output file if it exists.")
def fit(
    trajectories: str,
    dim: int,
    order: int,
    derivative: str,
    window: int | None,
    ridge: float,
    model: str | None,
    output: str,
    overwrite: bool,
) -> None:
    """Fit an invariant manifold and its dynamics to TRAJECTORIES (.npz)."""
    from ssmsym.data.fit import fit_ssm
    from ssmsym.data.fit_file import save_fit
    from ssmsym.data.trajectories import load_trajectories
    from ssmsym.manifolds.model_file import load_model

    refuse_existing(output, overwrite)
    frame = None if model is None else load_model(model)
    found = fit_ssm(
        load_trajectories(trajectories),
        dim=dim,
        order=order,
        derivative=derivative,
        window=window,
        ridge=ridge,
        centre=None if frame is None else frame.fixed_point.state,
        projection=None if frame is None else frame.left,
    )
    save_fit(found, output, overwrite=overwrite)
    click.echo(repr(found))
    click.echo(f"written to {output}")


@click.command()
@click.argument("fit_file", metavar="FIT", type=click.Path(exists=True, dir_okay=False))
@click.option("--against", required=True, type=click.Path(exists=True, dir_okay=False), help="Model file.")
@click.option("--tolerance", default=1e-2, show_default=True, type=click.FloatRange(0.0, min_open=True))
@click.option("--degree", type=click.IntRange(1), help="Highest degree that decides the verdict.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def verify(fit_file: str, against: str, tolerance: float, degree: int | None, as_json: bool) -> None:
    """Compare a FIT with an analytic model, coefficient by coefficient."""
    from ssmsym.data.comparison import compare
    from ssmsym.data.fit_file import load_fit
    from ssmsym.manifolds.model_file import load_model

    comparison = compare(load_fit(fit_file), load_model(against), tolerance=tolerance, degree=degree)
    if as_json:
        texts.print_json(comparison.to_dict())
    else:
        click.echo(repr(comparison))
