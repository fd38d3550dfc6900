"""The contract of an exporter as a test, for authors of plugins."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import sympy

from ssmsym.exporters.contract import (
    Exporter,
    ExporterError,
    Installation,
    RightSideReader,
    Runner,
    render_options,
)
from ssmsym.exporters.identifiers import quoted
from ssmsym.exporters.model import ExportModel, export_model
from ssmsym.exporters.writing import write_files
from ssmsym.fields.symbolic import from_sympy

_POINTS = 100
_ACCURACY = 1e-12  # relative, of the right-hand side read back


def check_exporter(exporter: Exporter) -> dict[str, float | None]:
    """Hold an exporter to its contract on small models with awkward names.

    Checked are the class attributes; explicit options; purity (the same text twice, nothing written, no change
    of folder or environment); plain relative file names; ASCII; every declared name, in declared order, in some
    file; and, for a :class:`~ssmsym.exporters.contract.RightSideReader`, that the rendered right-hand side equals
    the model's at 100 random points to 1e-12 relative. A right-hand side that its target evaluates also shows that
    the identifiers are legal there.

    Parameters
    ----------
    exporter : Exporter

    Returns
    -------
    dict of str to float or None
        Relative error of the round trip for each test model, None where it could not be made.

    Raises
    ------
    ExporterError
        Naming the part of the contract that is broken.
    """
    _check_attributes(exporter)
    render_options(exporter)
    errors: dict[str, float | None] = {}
    for title, model in sample_models().items():
        files = _rendered(exporter, model)
        _check_texts(exporter, model, files)
        errors[title] = round_trip_error(exporter, model, files)
        error = errors[title]
        if error is not None and not error <= _ACCURACY:
            raise ExporterError(
                f"The right-hand side of '{title}' that '{exporter.name}' renders differs from the model's by "
                f"{error:.1e} relative; at most {_ACCURACY:.0e} is allowed."
            )
    return errors


def sample_models() -> dict[str, ExportModel]:
    """Small models whose names and numbers are easily got wrong."""
    z, a, mu, big = sympy.symbols("z a mu Mu")
    order = from_sympy(
        {z: mu * z - z**3 + big * a, a: -a + sympy.Rational(1, 3) * z**2 * mu},
        parameters={mu: -0.5, big: 1e-3},
    )
    word, other, entry = sympy.Symbol("if"), sympy.Symbol("a_name_of_many_letters"), sympy.Symbol("u[0]")
    names = from_sympy(
        {word: entry - 3 * word + sympy.tanh(word), other: -2 * other + word}, parameters={entry: 0.1}
    )
    y, w = sympy.symbols("y w")
    gains = sympy.symbols("k0:12")
    called = y - sum(k * sympy.sin((i + 1) * y) for i, k in enumerate(gains))
    many = from_sympy(
        {y: -called + w, w: -w + sympy.exp(-(y**2)) - 1 + w / (1 + y**2)},
        parameters={k: 0.1 * (i + 1) / 7 for i, k in enumerate(gains)},
    )
    return {
        "declared order": export_model(order, state=[0.0, 0.0]),
        "awkward names": export_model(names, state=[0.0, 0.0]),
        "many parameters": export_model(many, state=[0.0, 0.0]),
    }


def round_trip_error(exporter: Exporter, model: ExportModel, files: Mapping[str, str]) -> float | None:
    """Largest error of the rendered right-hand side at 100 random points, relative to the sizes of its terms.

    None if the exporter cannot read back what it rendered, or lacks what that takes.
    """
    if not isinstance(exporter, RightSideReader):
        return None
    rng = np.random.default_rng(0)
    states = rng.uniform(-1.5, 1.5, size=(_POINTS, len(model.state_names)))
    own = np.array(model.values)
    parameters = own + rng.uniform(-0.5, 0.5, size=(_POINTS, len(own)))
    found = exporter.evaluate(files, model, states, parameters)
    if found is None:
        return None
    expected = np.array(
        [
            model.field.at(dict(zip(model.parameter_names, row.tolist(), strict=True)))(state)
            for state, row in zip(states, parameters, strict=True)
        ]
    )
    scale = np.maximum(np.abs(expected), np.abs(expected).max(axis=0))
    return float((np.abs(np.asarray(found) - expected) / scale).max())


def _check_attributes(exporter: Exporter) -> None:
    for attribute in ("name", "description", "url", "verified"):
        value = getattr(exporter, attribute, None)
        if not isinstance(value, str) or not value:
            raise ExporterError(f"{type(exporter).__name__} needs the class attribute '{attribute}', a text.")
    if not isinstance(exporter, Runner):
        return
    if not getattr(exporter, "install_hint", ""):
        raise ExporterError(f"'{exporter.name}' can run its tool and needs an 'install_hint'.")
    found = exporter.find()
    if found is not None and not isinstance(found, Installation):
        raise ExporterError(f"'find' of '{exporter.name}' must return an Installation or None.")


def _rendered(exporter: Exporter, model: ExportModel) -> Mapping[str, str]:
    before = Path.cwd(), dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="ssmsym-") as folder:
        os.chdir(folder)
        try:
            inside = Path.cwd()
            first = dict(exporter.render(model))
            second = dict(exporter.render(model))
            changed = Path.cwd() != inside or dict(os.environ) != before[1]
            written = sorted(path.name for path in Path(folder).iterdir())
        finally:
            os.chdir(before[0])
    if written:
        raise ExporterError(f"'render' of '{exporter.name}' wrote '{written[0]}'; it must only return texts.")
    if changed:
        raise ExporterError(f"'render' of '{exporter.name}' changed the current folder or the environment.")
    if list(first.items()) != list(second.items()):
        raise ExporterError(f"'render' of '{exporter.name}' gave two different results for the same model.")
    return first


def _check_texts(exporter: Exporter, model: ExportModel, files: Mapping[str, str]) -> None:
    if not files or not all(isinstance(text, str) and text for text in files.values()):
        raise ExporterError(f"'render' of '{exporter.name}' must return at least one file, each with a text.")
    for name, text in files.items():
        if not text.isascii():
            raise ExporterError(
                f"The file '{name}' of '{exporter.name}' holds characters that are not ASCII."
            )
    with tempfile.TemporaryDirectory(prefix="ssmsym-") as folder:
        write_files(files, Path(folder), overwrite=False)
    for declared in (model.state_names, model.parameter_names):
        if not any(_in_order(declared, text) for text in files.values()):
            listed = ", ".join(quoted(name) for name in declared)
            raise ExporterError(
                f"No file of '{exporter.name}' names {listed} in this order; write each declared name once, in "
                "a comment if the target needs another."
            )


def _in_order(names: tuple[str, ...], text: str) -> bool:
    """Whether the first mentions of some names, as whole words, stand in this order."""
    places = []
    for name in names:
        match = re.search(rf"(?<![\w\]]){re.escape(name)}(?![\w\[])", text)
        if match is None:
            return False
        places.append(match.start())
    return places == sorted(places)
