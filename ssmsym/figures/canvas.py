"""Figures without a window: making them and writing them."""

from __future__ import annotations

import os
from typing import Any

from ssmsym.errors import MissingExtraError
from ssmsym.fields.files import written_atomically

# Colours that stay apart for colour-blind readers (Okabe and Ito, 2008).
STABLE = "#0072B2"
UNSTABLE = "#D55E00"
REDUCED = "#009E73"
FULL = "#666666"
ACCENT = "#CC79A7"


def new_figure(rows: int, cols: int, *, width: float = 5.0, height: float = 3.8) -> tuple[Any, list[Any]]:
    """A figure and its axes, row by row; sizes of one panel in inches.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("Figures need matplotlib: pip install 'ssmsym[plot]'.") from None
    figure = Figure(figsize=(width * cols, height * rows), layout="constrained")
    axes = figure.subplots(rows, cols, squeeze=False)
    return figure, list(axes.ravel())


def save_figure(figure: Any, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a figure as PNG in one piece.

    Raises
    ------
    OutputError
        If the file exists or cannot be written.
    """
    with written_atomically(path, overwrite=overwrite) as temporary:
        figure.savefig(temporary, dpi=130, format="png")
