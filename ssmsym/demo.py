"""The whole way on a shipped network: fixed points, SSM, branches, simulation, a data-driven fit, figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.data.comparison import Comparison, compare
from ssmsym.data.fit import FittedSSM, fit_ssm
from ssmsym.dynamics.diagram import BifurcationDiagram, SpecialPoint
from ssmsym.dynamics.fixed_points import FixedPoints, find_fixed_points
from ssmsym.dynamics.simulation import simulate
from ssmsym.errors import InputError, OutputError
from ssmsym.exporters.contract import Runner
from ssmsym.exporters.discovery import get_exporter
from ssmsym.exporters.running import continue_in
from ssmsym.exporters.writing import export
from ssmsym.fields.field import VectorField
from ssmsym.importing.load import load
from ssmsym.manifolds.model_file import save
from ssmsym.manifolds.ssm import SSM, compute_ssm
from ssmsym.networks import network_path
from ssmsym.reduced.branches import branches, trust_radius
from ssmsym.reduced.model import ReducedModel, reduce
from ssmsym.reduced.model_json import model_to_json

Array = NDArray[np.float64]
Report = Callable[[str], None]

_ORDER = 9
_PARAMETER_ORDER = 5
_FIT_ORDER = 5


@dataclass(frozen=True)
class Scenario:
    """What the demonstration does with one network.

    Attributes
    ----------
    network : str
        Name of the shipped file.
    condition : str
        Input condition.
    parameter : str
        Input that becomes a parameter of the reduced model.
    interval : (low, high)
    title : str
    """

    network: str
    condition: str
    parameter: str
    interval: tuple[float, float]
    title: str


def scenario(name: str, context: int = 1) -> Scenario:
    """The scenario ``memory``, or ``decision`` in context 1 or 2.

    Raises
    ------
    InputError
        If there is no such scenario.
    """
    if name == "memory":
        return Scenario(
            "delay_n100_a", "delay (no input)", "u[0]", (-0.02, 0.02), "analog working memory, 100 units"
        )
    if name == "decision" and context in (1, 2):
        evidence = "u[0]" if context == 1 else "u[1]"
        return Scenario(
            "cdd_n100_a",
            f"context {context}, no evidence",
            evidence,
            (-0.025, 0.025),
            f"context-dependent decision, 100 units, context {context}",
        )
    raise InputError(
        f"There is no demonstration '{name}' (context {context}); there are 'memory' and 'decision'."
    )


@dataclass(frozen=True, eq=False)
class Demonstration:
    """Everything that the demonstration computed.

    Attributes
    ----------
    scenario : Scenario
    points : FixedPoints
    ssm : SSM
    model : ReducedModel
    reduced, full : BifurcationDiagram
        By the built-in tracer.
    tool : BifurcationDiagram or None
        Of the reduced model by AUTO-07p, where it is installed.
    times : (M,) array
    reduced_run, full_run : (n, M, N) arrays
        Lifted reduced and full trajectories from the same states.
    fit : FittedSSM
    comparison : Comparison
    """

    scenario: Scenario
    points: FixedPoints
    ssm: SSM
    model: ReducedModel
    reduced: BifurcationDiagram
    full: BifurcationDiagram
    tool: BifurcationDiagram | None
    times: Array
    reduced_run: Array
    full_run: Array
    fit: FittedSSM
    comparison: Comparison

    @property
    def trajectory_error(self) -> float:
        """Largest distance of lifted reduced from full trajectories, relative to their largest excursion."""
        origin = self.ssm.fixed_point.state
        distance = np.linalg.norm(self.reduced_run - self.full_run, axis=2).max()
        return float(distance / np.linalg.norm(self.full_run - origin, axis=2).max())

    @property
    def tool_agreement(self) -> float | None:
        """Largest difference between AUTO-07p's and the built-in folds; None without AUTO, inf if numbers differ."""
        if self.tool is None:
            return None
        own = np.sort([p.parameter for p in self.reduced.of_kind("fold")])
        other = np.sort([p.parameter for p in self.tool.of_kind("fold")])
        if len(own) != len(other):
            return float("inf")
        return float(np.abs(own - other).max(initial=0.0))


def demonstrate(chosen: Scenario, report: Report = lambda _: None) -> Demonstration:
    """Run a scenario; `report` is told each step before it begins."""
    field = load(network_path(chosen.network)).at(u=chosen.condition)
    report("fixed points")
    points = find_fixed_points(field)
    report("spectral submanifold at the slowest saddle")
    saddle = min((p for p in points if p.index == 1), key=lambda p: float(p.eigenvalues[0].real))
    ssm = compute_ssm(
        field, saddle, modes=1, order=_ORDER, parameters=[chosen.parameter], parameter_order=_PARAMETER_ORDER
    )
    model = reduce(ssm)
    report("branches of the reduced model")
    reduced = branches(model, chosen.parameter, chosen.interval)
    report("branches of the full network")
    full = branches(field, chosen.parameter, chosen.interval)
    tool = None
    if auto_is_installed():
        report("branches by AUTO-07p")
        tool = continue_in("auto07p", model, parameter=chosen.parameter, interval=chosen.interval)
    report("reduced and full trajectories")
    times, reduced_run, full_run = _trajectories(field, model, ssm)
    report("fit to simulated trajectories")
    fit, comparison = _fit(field, ssm)
    return Demonstration(
        chosen, points, ssm, model, reduced, full, tool, times, reduced_run, full_run, fit, comparison
    )


def auto_is_installed() -> bool:
    """Whether AUTO-07p can be run here."""
    exporter = get_exporter("auto07p")
    return isinstance(exporter, Runner) and exporter.find() is not None


def _trajectories(field: VectorField, model: ReducedModel, ssm: SSM) -> tuple[Array, Array, Array]:
    """Runs from five points of the manifold, until one leaves the trust radius or all have settled."""
    radius = trust_radius(model) or 1.0
    start = radius * np.array([[-0.45], [-0.15], [0.03], [0.2], [0.5]])
    times = np.linspace(0.0, 8.0 / abs(float(ssm.eigenvalues[0].real)), 161)
    p = simulate(model.field, start, times).states
    left = np.flatnonzero((np.abs(p[:, :, 0]) > radius).any(axis=0))
    count = int(left[0]) if len(left) else len(times)
    times, p = times[:count], p[:, :count]
    lifted = model.lift(p.reshape(-1, 1)).reshape(*p.shape[:2], -1)
    full = simulate(field, model.lift(start), times).states
    return times, lifted, full


def _fit(field: VectorField, ssm: SSM) -> tuple[FittedSSM, Comparison]:
    """A fit to full trajectories that leave the saddle on both sides, in the SSM's own projection."""
    rate = abs(float(ssm.eigenvalues[0].real))
    reach = 0.35 * ssm.evidence.trust_radius(1e-2)
    plain = compute_ssm(field, ssm.fixed_point, modes=1, order=_ORDER)
    first = np.array([0.02, 0.12]) * reach
    start = np.concatenate([first, -first])[:, None]
    times = np.linspace(0.0, 2.2 / rate, 221)
    data = simulate(field, plain.lift(start), times, rtol=1e-10, atol=1e-12).states
    fit = fit_ssm(data, times, dim=1, order=_FIT_ORDER, centre=ssm.fixed_point.state, projection=ssm.left)
    return fit, compare(fit, plain)


def summary(done: Demonstration) -> str:
    """The results in a page of text."""
    lines = [
        f"{done.scenario.title}; {done.scenario.condition}",
        "",
        f"Fixed points: {len(done.points)} "
        f"({sum(p.stable for p in done.points)} stable), leading eigenvalues per tau "
        + ", ".join(f"{p.per_tau[0].real:+.4f}" for p in done.points if p.per_tau is not None),
        "",
        repr(done.ssm),
        f"  {done.model.text(order=3)}",
        *(f"  {line}" for line in repr(done.ssm.evidence).splitlines()),
        "",
        f"Branches over {done.scenario.parameter}, reduced model inside its trust radius:",
        *(f"  {point!r}" for point in done.reduced.special_points),
        "Folds and Hopf points of the full network, and whether the series reaches them:",
        *(f"  {_full_point(done, point)}" for point in done.full.special_points),
        _tool_line(done),
        "",
        f"Reduced against full trajectories over {done.times[-1]:.3g} units of time: largest error "
        f"{100 * done.trajectory_error:.2g} % of the excursion",
        "",
        "Data-driven fit:",
        *(f"  {line}" for line in repr(done.comparison).splitlines()),
    ]
    return "\n".join(lines)


def _full_point(done: Demonstration, point: SpecialPoint) -> str:
    head = f"{point.kind} at {point.parameter:+.8f}: "
    for own in done.reduced.special_points:
        near = own.full_parameter is not None and abs(own.full_parameter - point.parameter) < 1e-8
        if near:
            how = "predicted" if own.confirmed else "predicted only roughly,"
            return f"{head}{how} at {own.parameter:+.8f}"
    p, reach = abs(float(done.model.project(point.state)[0])), trust_radius(done.model) or 0.0
    return f"{head}not reached by the series (p = {p:.2f}, trusted to {reach:.2f})"


def _tool_line(done: Demonstration) -> str:
    if done.tool is None:
        return "AUTO-07p is not installed; its files are written, the branches are the built-in tracer's."
    return f"AUTO-07p ({done.tool.source}) agrees with the built-in folds to {done.tool_agreement:.1e}."


def overview(done: Demonstration) -> Any:
    """A figure of six panels: fixed points, reduced dynamics, error, branches, trajectories, fit."""
    from ssmsym.figures import panels
    from ssmsym.figures.canvas import new_figure

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


def _readout(field: VectorField, run: Array) -> Array:
    return field.readout(run.reshape(-1, run.shape[-1]))[:, 0].reshape(run.shape[:2])


def write(done: Demonstration, folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Model file, reduced model, exported files, summary and figures, in a folder.

    Raises
    ------
    OutputError
        If a file exists already or cannot be written.
    MissingExtraError
        If matplotlib is not installed.
    """
    from ssmsym.fields.files import write_text
    from ssmsym.figures.canvas import save_figure

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot make the folder '{folder}': {error.strerror}.") from None
    figure = overview(done)
    save(done.ssm, folder / "model.npz", overwrite=overwrite)
    write_text(folder / "model.json", model_to_json(done.model), overwrite=overwrite)
    write_text(folder / "summary.txt", summary(done) + "\n", overwrite=overwrite)
    save_figure(figure, folder / "overview.png", overwrite=overwrite)
    written = [folder / name for name in ("model.npz", "model.json", "summary.txt", "overview.png")]
    for language in ("fortran", "c"):
        written += export(
            done.model,
            "auto07p",
            folder / f"auto07p-{language}",
            overwrite=overwrite,
            language=language,
            parameter=done.scenario.parameter,
            interval=done.scenario.interval,
        )
    return written
