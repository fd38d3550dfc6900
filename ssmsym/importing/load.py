"""``load``: the vector field of a file of weights."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ssmsym.errors import FileFormatError, InputError
from ssmsym.fields.field import VectorField
from ssmsym.fields.file_checks import one_line
from ssmsym.importing.checked_import import checked
from ssmsym.importing.containers import read_weights
from ssmsym.importing.recognition import UnknownNamesError, recognise


def load(
    path: str | os.PathLike[str],
    *,
    mapping: Mapping[str, Any] | None = None,
    group: str | None = None,
    form: str | None = None,
    activation: str | None = None,
    out_activation: str | None = None,
    tau: Any = None,
    dt: float | None = None,
    as_: str | None = None,
    check: bool | None = None,
) -> VectorField:
    """The network of a file of weights.

    ``.npz``, ``.h5``, ``.mat``, ``.json``, ``.pt`` (read without PyTorch; nothing is unpickled) and
    ``.safetensors``. Recognised are rate networks with the names of a network file (docs/files.md) and PyTorch's
    ``nn.RNN``, ``nn.GRU`` and ``nn.LSTM``; other names need a mapping.

    Parameters
    ----------
    path : path
    mapping : mapping, optional
        Names ``J``, ``B``, ``b``, ``W``, ``c``, ``tau``, ``dt``, ... of a rate network, or ``weight_ih_l0`` and so on
        of a cell, to arrays or to expressions in the file's names: ``{"J": "abs(w_rec)*mask*signs", "B": "w_in.T"}``
        (see :func:`~ssmsym.importing.mapping.apply_mapping`).
    group : str, optional
        Which of several networks in the file: the beginning of its arrays' names.
    form, activation, out_activation, tau, dt : optional
        In place of what the file says; see :func:`~ssmsym.rate_network`. `dt` is the step of the Euler map as which
        the network was trained.
    as_ : {"flow", "map"}, optional
        The ODE, or the map as which the network was trained; by default rate networks are ODEs and PyTorch's cells
        maps. The two share fixed points and eigenvectors, but neither stability nor SSM coefficients.
    check : bool, optional
        Whether the import is checked with PyTorch: True where it is installed, None (default) where the process has
        imported it already. Otherwise the file's sample trajectories serve, unless False. The result is kept as
        ``field.metadata["import_check"]``.

    Returns
    -------
    VectorField

    Warns
    -----
    SsmsymWarning
        If the check fails.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged, or holds no network, or several; what to do is said.
    InputError
        If an array is misshapen or not finite, or a name is unknown; the message names it.
    MissingExtraError
        If the format needs a package that is not installed.
    """
    if as_ not in ("flow", "map", None):
        raise InputError(f"'as_' is 'flow' or 'map'; found '{as_}'.")
    file = read_weights(path)
    settings = {
        "form": form,
        "activation": activation,
        "out_activation": out_activation,
        "tau": tau,
        "dt": dt,
    }
    name = file.path.stem if group is None else f"{file.path.stem}.{group}"
    try:
        network = recognise(file.arrays, name=name, mapping=mapping, group=group, settings=settings)
        network = checked(network, check=check)
        return _with_unread(network.as_wanted(as_), file.ignored)
    except UnknownNamesError as error:
        raise error.of_file(str(file.path)) from None
    except FileFormatError as error:
        raise FileFormatError(
            f"'{file.path}' cannot be read as a network: {one_line(error).rstrip('.')}."
        ) from None
    except InputError as error:
        raise InputError(f"'{file.path}': {one_line(error)}") from None


def _with_unread(field: VectorField, unread: Mapping[str, str]) -> VectorField:
    """Entries of the file that could not be read are ignored ones too, with their reason."""
    if not unread:
        return field
    known = [field.metadata["ignored"]] if "ignored" in field.metadata else []
    more = [f"{name} ({reason})" for name, reason in unread.items()]
    return field.with_metadata({"ignored": ", ".join([*known, *more])})
