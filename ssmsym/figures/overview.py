"""One page with the six panels of a demonstration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ssmsym.figures import panels
from ssmsym.figures.canvas import new_figure

if TYPE_CHECKING:
    from ssmsym.demo import Demonstration


def overview(done: Demonstration) -> Any:
    """The figure: fixed points, reduced dynamics, error, branches, trajectories, fit."""
    figure, axes = new_figure(2, 3)
    panels.draw_fixed_points(axes[0], done.ssm, done.points)
    panels.draw_reduced_dynamics(axes[1], done.model, done.points)
    panels.draw_invariance_error(axes[2], done.ssm)
    panels.draw_diagram(axes[3], done.reduced, done.full, done.model)
    field = done.ssm.field
    short, whole = (_readout(field, run) for run in (done.reduced_run, done.full_run))
    panels.draw_trajectories(axes[4], done.times, short, whole, "readout z")
    panels.draw_fit(axes[5], done.fit, done.model, done.comparison.verdict)
    figure.suptitle(f"{done.scenario.title}; {done.scenario.condition}")
    return figure


def _readout(field: Any, run: Any) -> Any:
    return field.readout(run.reshape(-1, run.shape[-1]))[:, 0].reshape(run.shape[:2])
