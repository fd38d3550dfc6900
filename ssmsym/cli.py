"""The command line, entry point ``ssmsym``.

Exit code 0 on success, 2 for wrong use, 1 for a failure, each with its reason in one sentence. Results go to
standard output (as text, or with ``--json`` as JSON), progress and warnings to standard error.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from ssmsym import __version__
from ssmsym.commands import (
    bifurcations,
    data,
    demo,
    map_and_flow,
    models,
    networks,
    normal_form,
    slow_manifold,
    slow_surface,
    tool_comparison,
)
from ssmsym.errors import SsmsymError


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


for _command in (
    networks.info,
    networks.fixed_points,
    networks.reduce,
    slow_manifold.slow_manifold,
    slow_surface.slow_surface,
    map_and_flow.map_against_flow,
    models.branches,
    normal_form.normal_form,
    bifurcations.bifurcation_curves,
    bifurcations.sensitivity,
    bifurcations.input_gains,
    models.export,
    models.tools,
    tool_comparison.compare_tools,
    data.fit,
    data.verify,
    demo.demo,
):
    main.add_command(_command)


if __name__ == "__main__":
    sys.exit(main())
