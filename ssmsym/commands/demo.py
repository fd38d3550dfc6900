"""The command ``demo``: the whole way on a shipped network."""

from __future__ import annotations

import time
from pathlib import Path

import click

from ssmsym.errors import OutputError


@click.command()
@click.option(
    "--network",
    type=click.Choice(["memory", "decision"]),
    default="memory",
    show_default=True,
    help="Analog working memory, or context-dependent decision.",
)
@click.option(
    "--context", type=click.IntRange(1, 2), default=1, show_default=True, help="Of the decision network."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False),
    default="ssmsym-demo",
    show_default=True,
    help="Folder.",
)
@click.option("--overwrite", is_flag=True, help="Replace files of an earlier run.")
def demo(network: str, context: int, output: str, overwrite: bool) -> None:
    """Reduce a trained network and show what the reduced model says, with figures."""
    from rich.console import Console
    from rich.status import Status

    from ssmsym.demo import demonstrate, scenario, summary, write
    from ssmsym.figures.canvas import new_figure

    folder = Path(output)
    if (folder / "summary.txt").exists() and not overwrite:
        raise OutputError(
            f"'{folder}' holds an earlier run; choose another folder with -o or add --overwrite."
        )
    new_figure(1, 1)  # a missing extra is reported before the work, not after it
    console = Console(stderr=True)
    start = time.perf_counter()
    with Status("starting", console=console) as status:

        def report(step: str) -> None:
            console.print(f"[{time.perf_counter() - start:5.1f} s] {step}", highlight=False, markup=False)
            status.update(step)

        done = demonstrate(scenario(network, context), report)
        report("files and figures")
        written = write(done, folder, overwrite=overwrite)
    click.echo(summary(done))
    click.echo("")
    click.echo(f"written to {folder}: " + ", ".join(str(path.relative_to(folder)) for path in written))
