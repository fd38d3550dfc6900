"""Model files of both kinds: an SSM, or a whole slow manifold with its maps."""

from __future__ import annotations

import os
from pathlib import Path

from ssmsym.errors import InputError
from ssmsym.fields.files import read_arrays
from ssmsym.manifolds import model_file
from ssmsym.manifolds.ssm import SSM
from ssmsym.reduced.curve_model import CurveModel, chart_behind, model_of
from ssmsym.reduced.model import ReducedModel
from ssmsym.slow_manifolds.chart_file import is_chart, load_chart, save_chart


def save(model: SSM | ReducedModel, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write an SSM or a reduced model, with its evidence in numbers and its field, to an ``.npz`` model file.

    Parameters
    ----------
    model : SSM or ReducedModel
        Of a reduced model of an SSM, the SSM is written. A slow manifold itself is written by
        :func:`~ssmsym.save_slow_manifold`.
    path : path
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    InputError
        If the model has no network, as one that was read from JSON.
    OutputError
        If the file exists or cannot be written; nothing is left half written.
    """
    if isinstance(model, CurveModel) and model.network is not None:
        save_chart(chart_behind(model), path, overwrite=overwrite)
        return
    ssm = model.ssm if isinstance(model, ReducedModel) else model
    if isinstance(ssm, SSM):
        model_file.save(ssm, path, overwrite=overwrite)
        return
    if isinstance(model, ReducedModel):
        raise InputError(
            "This model has no network, which a model file holds; write it with 'model_to_json'."
        )
    raise InputError(f"Only SSMs and reduced models are saved here; found {type(model).__name__}.")


def load_model(path: str | os.PathLike[str]) -> SSM | ReducedModel:
    """The SSM of a model file; of a slow manifold's file its reduced model.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged or no model file.
    """
    if is_chart(read_arrays(Path(path))):
        return model_of(load_chart(path))
    return model_file.load_model(path)
