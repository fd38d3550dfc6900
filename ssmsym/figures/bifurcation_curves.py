"""Curves of bifurcations in the plane of two parameters, several diagrams over each other."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ssmsym.dynamics.diagram import BifurcationDiagram
from ssmsym.errors import InputError
from ssmsym.figures.canvas import ACCENT, REDUCED, STABLE, UNSTABLE, new_figure, save_figure

_COLOURS = {"fold": STABLE, "hopf": UNSTABLE, "flip": ACCENT, "neimark_sacker": REDUCED}
# the first diagram lies broad and pale under the others, so that curves that agree are both seen
_LINES: tuple[dict[str, Any], ...] = (
    {"ls": "-", "lw": 5.0, "alpha": 0.35},
    {"ls": (0, (4, 3)), "lw": 1.5},
    {"ls": ":", "lw": 1.8},
    {"ls": "-.", "lw": 1.5},
)
_ALONE = {"ls": "-", "lw": 1.6}
_MARKERS = {"cusp": "^", "bogdanov_takens": "s", "generalized_hopf": "o", "fold_hopf": "D"}


def plot_bifurcation_curves(
    diagrams: BifurcationDiagram | Mapping[str, BifurcationDiagram],
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
) -> None:
    """Write a PNG of one or several diagrams in the same two parameters.

    Colours stand for the kind of bifurcation, lines for the diagram, such as a network's and its reduced model's.

    Parameters
    ----------
    diagrams : BifurcationDiagram or mapping of label to BifurcationDiagram
        Of :func:`~ssmsym.trace_bifurcation_curves`; at most four.
    path : path
        The PNG file.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    InputError
        If a diagram has one parameter only, or they differ in their parameters.
    MissingExtraError
        If matplotlib is not installed.
    OutputError
        If the file exists or cannot be written.
    """
    if not isinstance(diagrams, (BifurcationDiagram, Mapping)):
        raise InputError(
            f"Give a diagram or a mapping of labels to diagrams; found {type(diagrams).__name__}."
        )
    chosen = {"": diagrams} if isinstance(diagrams, BifurcationDiagram) else dict(diagrams)
    if not 1 <= len(chosen) <= len(_LINES):
        raise InputError(f"One to {len(_LINES)} diagrams are drawn over each other; found {len(chosen)}.")
    names = {(d.parameter, d.second_parameter) for d in chosen.values()}
    if len(names) > 1 or None in next(iter(names)):
        raise InputError(
            f"The diagrams must be curves in the same two parameters; found {sorted(map(str, names))}."
        )
    figure, (axes,) = new_figure(1, 1, width=6.4, height=4.8)
    lines = _LINES if len(chosen) > 1 else (_ALONE,)
    for (label, diagram), line in zip(chosen.items(), lines, strict=False):
        _draw(axes, label, diagram, line)
    first = next(iter(chosen.values()))
    axes.set_xlabel(first.parameter)
    axes.set_ylabel(first.second_parameter)
    axes.set_xlim(first.interval)
    if first.second_interval is not None:
        axes.set_ylim(first.second_interval)
    _legend(axes)
    save_figure(figure, path, overwrite=overwrite)


def _draw(axes: Any, label: str, diagram: BifurcationDiagram, line: dict[str, Any]) -> None:
    prefix = f"{label}: " if label else ""
    for branch in diagram.branches:
        kind = branch.kind.removesuffix("_curve")
        name = prefix + kind.replace("_", "-")
        axes.plot(
            branch.parameter, branch.second_parameter, color=_COLOURS.get(kind, "k"), label=name, **line
        )
    for point in diagram.special_points:
        name = prefix + point.kind.replace("_", "-")
        marker = _MARKERS.get(point.kind, "x")
        place = (point.parameter, point.second_parameter)
        axes.plot(*place, marker, color="k", mfc="w", ms=7, zorder=3, label=name)


def _legend(axes: Any) -> None:
    """Each name once."""
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    if once:
        axes.legend(once.values(), once.keys(), fontsize=8, frameon=False)
