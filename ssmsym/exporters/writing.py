"""Writing what an exporter renders, and checking its options."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from numpy.typing import ArrayLike

from ssmsym.errors import OutputError
from ssmsym.exporters.contract import Exporter, ExporterError, render_options
from ssmsym.exporters.discovery import get_exporter
from ssmsym.exporters.model import ExportModel, export_model
from ssmsym.fields.field import VectorField
from ssmsym.fields.files import write_text
from ssmsym.manifolds.ssm import SSM
from ssmsym.reduced.model import ReducedModel


def export(
    model: ReducedModel | SSM | VectorField | ExportModel,
    tool: str | Exporter,
    directory: str | Path,
    *,
    overwrite: bool = False,
    state: ArrayLike | None = None,
    **options: Any,
) -> list[Path]:
    """Write a model as files for another program.

    Parameters
    ----------
    model : ReducedModel, SSM or VectorField
        Of at most 50 states.
    tool : str or Exporter
        Name of an installed exporter, such as ``"auto07p"``.
    directory : path
        Made if it does not exist. Nothing is written outside it, and nothing in it is deleted.
    overwrite : bool
        Whether files of the same names are replaced.
    state : (n,) array, optional
        Near the fixed point with which the files start.
    **options
        Those of the exporter's ``render``.

    Returns
    -------
    list of Path
        The files, in the exporter's order.

    Raises
    ------
    ExporterError
        If there is no such exporter or option.
    OutputError
        If a file exists and `overwrite` is False; then none is written.
    """
    exporter = get_exporter(tool) if isinstance(tool, str) else tool
    check_options(exporter, options)
    files = exporter.render(export_model(model, state=state), **options)
    return write_files(files, Path(directory), overwrite=overwrite)


def check_options(exporter: Exporter, options: Mapping[str, Any]) -> None:
    """Refuse options that ``render`` does not have.

    Raises
    ------
    ExporterError
        Listing the options that there are.
    """
    known = render_options(exporter)
    for name in options:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            listed = ", ".join(f"'{k}'" for k in known) or "none"
            raise ExporterError(
                f"The exporter '{exporter.name}' has no option '{name}'; its options are {listed}.{hint}"
            )


def write_files(files: Mapping[str, str], directory: Path, *, overwrite: bool) -> list[Path]:
    """Write rendered files below a folder; all names are checked before the first is written."""
    targets = {directory / _relative(name): text for name, text in files.items()}
    root = directory.resolve()
    for target in targets:
        if not target.resolve().is_relative_to(root):
            raise OutputError(f"'{target}' leads out of '{directory}' by a link; nothing was written.")
        if target.is_dir():
            raise OutputError(f"'{target}' is a folder; remove it or choose another folder to write to.")
    existing = [str(target) for target in targets if target.exists()]
    if existing and not overwrite:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise OutputError(
            f"'{existing[0]}'{more} exist(s) already; choose another folder or ask for overwriting."
        )
    for target, text in targets.items():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"Cannot make the folder '{target.parent}': {error.strerror}.") from None
        write_text(target, text, overwrite=overwrite)
    return list(targets)


def _relative(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or any(c in name for c in '\\:\0"'):
        raise ExporterError(f"The exporter names a file {name!r}, which is no plain relative name.")
    return path


def options_from_text(tool: str | Exporter, settings: Iterable[str]) -> dict[str, Any]:
    """Options given as ``name=value`` texts, by the type hints of ``render``.

    Raises
    ------
    ExporterError
        If an option is unknown or a value does not fit.

    Examples
    --------
    >>> options_from_text("auto07p", ["step=0.01", "interval=-1,1"])
    {'step': 0.01, 'interval': (-1.0, 1.0)}
    """
    exporter = get_exporter(tool) if isinstance(tool, str) else tool
    hints = typing.get_type_hints(type(exporter).render)
    out: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ExporterError(f"An option is given as name=value; found '{setting}'.")
        name = name.strip().replace("-", "_")
        check_options(exporter, {name: text})
        out[name] = _value(name, text.strip(), hints.get(name, str))
    return out


def _value(name: str, text: str, hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
    try:
        if typing.get_origin(hint) is tuple:
            return tuple(float(part) for part in text.split(","))
        if hint is bool:
            return {"true": True, "yes": True, "false": False, "no": False}[text.lower()]
        return hint(text) if hint in (int, float) else text
    except (ValueError, KeyError):
        kind = getattr(hint, "__name__", str(hint))
        raise ExporterError(f"The option '{name}' takes a value of type {kind}; found '{text}'.") from None
