"""The check that belongs to an import: which one is made, and where its result is kept."""

from __future__ import annotations

import warnings
from dataclasses import replace

from ssmsym.errors import SsmsymWarning
from ssmsym.importing.import_check import ImportCheck, check_steps, check_trajectories
from ssmsym.importing.recognition import Network
from ssmsym.importing.torch_step import torch_is_installed, torch_is_loaded, torch_step


def checked(network: Network, *, check: bool | None) -> Network:
    """The network with the result of its import check in the metadata; a failed check is a warning."""
    if check is False:
        return network
    result = _check(network, use_torch=torch_is_installed() if check else torch_is_loaded())
    return network if result is None else with_check(network, result)


def with_check(network: Network, result: ImportCheck) -> Network:
    """The network with a check's result in its metadata, and a warning if it failed."""
    if not result.passed:
        warnings.warn(
            f"The import check of '{network.field.metadata['name']}' {result}: the network was not understood as it "
            "was meant; look at 'ssmsym info', and give activation, form, tau, dt or a mapping.",
            SsmsymWarning,
            stacklevel=3,
        )
    return replace(network, field=network.field.with_metadata({"import_check": str(result)}))


def _check(network: Network, *, use_torch: bool) -> ImportCheck | None:
    if network.cell is not None and use_torch:
        step = torch_step(network.cell, network.nonlinearity)
        if step is not None:
            return check_steps(network.field, step, against=f"PyTorch's {network.cell.title}")
    return check_trajectories(network.field, network.arrays)
