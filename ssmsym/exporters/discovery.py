"""Exporters by entry point: found at first use, loaded when asked for."""

from __future__ import annotations

import difflib
import functools
import importlib.metadata

from ssmsym.exporters.contract import Exporter, ExporterError, render_options

GROUP = "ssmsym.exporters"


@functools.cache
def _entries() -> dict[str, tuple[importlib.metadata.EntryPoint, ...]]:
    found: dict[str, dict[tuple[str, str], importlib.metadata.EntryPoint]] = {}
    for entry in importlib.metadata.entry_points(group=GROUP):
        found.setdefault(entry.name, {})[_distribution(entry), entry.value] = entry
    return {name: tuple(found[name].values()) for name in sorted(found)}


def _distribution(entry: importlib.metadata.EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value


def exporter_names(*, refresh: bool = False) -> tuple[str, ...]:
    """Names of the installed exporters; none is loaded.

    Parameters
    ----------
    refresh : bool
        Look again at what is installed.
    """
    if refresh:
        _entries.cache_clear()
        _load.cache_clear()
    return tuple(_entries())


def get_exporter(name: str) -> Exporter:
    """The exporter of that name.

    Raises
    ------
    ExporterError
        If none has that name, two distributions claim it, or it cannot be loaded.
    """
    if name not in _entries():
        raise _unknown(name)
    return _load(name)


def _unknown(name: str) -> ExporterError:
    known = list(_entries())
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    listed = ", ".join(f"'{k}'" for k in known) or "none"
    return ExporterError(f"No exporter is called '{name}'. Installed: {listed}.{hint}")


@functools.cache
def _load(name: str) -> Exporter:
    claims = _entries()[name]
    if len(claims) > 1:
        owners = " and ".join(f"'{_distribution(entry)}' ({entry.value})" for entry in claims)
        raise ExporterError(f"The exporter '{name}' is claimed by {owners}; uninstall all but one.")
    (entry,) = claims
    where = f"The exporter '{name}' of '{_distribution(entry)}' ({entry.value})"
    try:
        exporter = entry.load()()
        own = getattr(exporter, "name", None)
        texts = [getattr(exporter, attribute, "") for attribute in ("description", "url", "verified")]
    except (Exception, SystemExit) as error:  # whatever a plugin does wrong, the message must name it
        reason = str(error).splitlines()[0] if str(error) else ""
        raise ExporterError(
            f"{where} cannot be loaded: {type(error).__name__}{f': {reason}' if reason else ''}. Mend or "
            "uninstall it."
        ) from error
    if not isinstance(exporter, Exporter):
        raise ExporterError(f"{where} is no ssmsym.exporters.contract.Exporter; mend or uninstall it.")
    if own != name:
        raise ExporterError(f"{where} calls itself '{own}'; mend or uninstall it.")
    if not all(isinstance(text, str) for text in texts):
        raise ExporterError(
            f"{where} has a 'description', 'url' or 'verified' that is no text; mend or uninstall it."
        )
    render_options(exporter)
    return exporter
