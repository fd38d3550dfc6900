"""From named arrays to a network: a rate network, a PyTorch cell, or what a mapping makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import FileFormatError, InputError
from ssmsym.fields.cells import recurrent_cell
from ssmsym.fields.field import VectorField
from ssmsym.importing.cell_arrays import (
    CELL_TARGET,
    CellArrays,
    cell_prefixes,
    readout_candidates,
    recognised_cell,
)
from ssmsym.importing.mapping import apply_mapping
from ssmsym.importing.proposal import propose_mapping
from ssmsym.importing.rate_arrays import (
    KNOWN,
    conditions_of,
    has_weights,
    other_arrays,
    rate_field,
    text_of,
)

Arrays = Mapping[str, NDArray[Any]]

# of a file with names of its own, these keep their meaning although no mapping names them
_KEPT = KNOWN - {"J", "m", "n", "B", "b", "W", "c"}
_ALWAYS_KEPT = ("trajector", "initial_state", "integrator")
_TARGETS = KNOWN | {
    "trajectories",
    "trajectory_times",
    "trajectory_conditions",
    "trajectory_inputs",
    "integrator",
}


@dataclass(frozen=True, eq=False)
class Network:
    """A network recognised among arrays.

    Attributes
    ----------
    field : VectorField
        A rate network as its ODE, a cell as its map.
    arrays : mapping of str to array
        Under the names of a network file.
    cell : CellArrays or None
    nonlinearity : str
        Of a cell.
    """

    field: VectorField
    arrays: Arrays
    cell: CellArrays | None = None
    nonlinearity: str = "tanh"

    def as_wanted(self, as_: str | None) -> VectorField:
        """The network as a flow or as the map as which it was trained."""
        if self.cell is not None:
            step = float(self.arrays["dt"]) if "dt" in self.arrays else 1.0
            return self.field.as_flow(step) if as_ == "flow" else self.field
        if as_ != "map":
            return self.field
        step = self.field.metadata.get("trained_step", 0.0)
        if not step:
            raise InputError(
                "the network was not trained as an Euler map with a step 'dt'; give dt=... (--dt), or use as_='flow' "
                "(--as flow)."
            )
        return self.field.discretized(step)


def recognise(
    arrays: Arrays,
    *,
    name: str,
    mapping: Mapping[str, Any] | None = None,
    group: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Network:
    """The network that arrays hold.

    Parameters
    ----------
    arrays : mapping of str to array
    name : str
        Of the network, for its metadata.
    mapping : mapping, optional
        Names of a network file or of PyTorch's cells to arrays or expressions.
    group : str, optional
        Which of several networks: the beginning of its arrays' names.
    settings : mapping, optional
        ``form``, ``activation``, ``out_activation``, ``tau``, ``dt``, in place of the file's.

    Raises
    ------
    FileFormatError
        If no network, or more than one, is found.
    InputError
        If an array, a mapping or a setting does not fit.
    """
    mapped, used = apply_mapping(mapping or {}, arrays)
    _check_targets(mapped)
    settings = {key: np.asarray(value) for key, value in (settings or {}).items() if value is not None}
    if _is_whole(mapped):
        left = {key: value for key, value in arrays.items() if key not in used}
        kept = {key: value for key, value in left.items() if key in _KEPT or key.startswith(_ALWAYS_KEPT)}
        merged = {**kept, **mapped, **settings}
        understood = ", ".join(f"{target} = {_shown(text)}" for target, text in (mapping or {}).items())
        ignored = [key for key in left if key not in kept]
        return _built(merged, "", name, understood, ignored)
    kind, prefix = _only_network(arrays, group)
    if kind == "cell":
        return _built({**arrays, **mapped, **settings}, prefix, name, "", [])
    own = {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}
    if {"m", "n"} <= set(mapped):
        own.pop("J", None)
    ignored = [key for key in arrays if not key.startswith(prefix)]
    understood = f"the arrays of '{prefix[:-1]}'" if prefix else ""
    return _built({**own, **mapped, **settings}, "", name, understood, ignored)


def _shown(text: Any) -> str:
    return text if isinstance(text, str) else "a given array"


def _is_whole(mapped: Arrays) -> bool:
    """Whether a mapping gives recurrent weights, and so describes a network by itself."""
    return has_weights(mapped) or bool(cell_prefixes(mapped))


def _check_targets(mapped: Arrays) -> None:
    for target in mapped:
        if target not in _TARGETS and not CELL_TARGET.match(target):
            raise InputError(
                f"The mapping gives '{target}', which is no array of a network; names are J, m, n, B, b, W, c, tau, "
                "dt, trajectories, or PyTorch's weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0."
            )


def _only_network(arrays: Arrays, group: str | None) -> tuple[str, str]:
    """Kind and prefix of the one network among the arrays, or of the one in the group."""
    found = networks_among(arrays)
    top = [network for network in found if not network[1]]
    if group is not None:
        found = [(kind, prefix) for kind, prefix in found if prefix.startswith(f"{group}.")]
    elif top:
        found = top
    if len(found) == 1:
        return found[0]
    if "header" in arrays:
        raise FileFormatError(
            "it is no network file with recurrent weights 'J', but the result of another command; give the network's "
            "own file, or read a model with 'load_model'"
        )
    names = [prefix.rstrip(".") for _, prefix in (found or networks_among(arrays))]
    if names:
        listed = ", ".join(f"'{name}'" for name in names[:8])
        fault = f"it has no network '{group}'" if not found else f"it holds {len(found)} networks"
        raise FileFormatError(f"{fault}; choose one of {listed} with group=... (--group)")
    raise FileFormatError(f"it holds no network under known names; {propose_mapping(arrays).sentence()}")


def networks_among(arrays: Arrays) -> list[tuple[str, str]]:
    """Kind (``"rate"`` or ``"cell"``) and prefix of every network with known names."""
    prefixes = [key[:-1] for key in arrays if key.rpartition(".")[2] == "J"]
    prefixes += [key[:-1] for key in arrays if key.rpartition(".")[2] == "m" and f"{key[:-1]}n" in arrays]
    return [("rate", p) for p in dict.fromkeys(prefixes)] + [("cell", p) for p in cell_prefixes(arrays)]


def _built(arrays: Arrays, prefix: str, name: str, understood: str, ignored: list[str]) -> Network:
    if has_weights(arrays):
        field = rate_field(arrays, name)
        return Network(_noted(field, understood, ignored), arrays)
    cell = recognised_cell(arrays, prefix)
    _refuse_settings(arrays, cell)
    nonlinearity = text_of(arrays, "activation", "tanh")
    W, c, readout = _cell_readout(arrays, cell)
    field = recurrent_cell(
        cell.kind,
        cell.layers,
        nonlinearity=nonlinearity,
        W=W,
        c=c,
        conditions=conditions_of(arrays, cell.input_weights_name),
        metadata={"name": name, **_cell_metadata(arrays, cell, {*KNOWN, *cell.used, *readout})},
    )
    parts = [f"{cell.title} from {understood or repr(cell.input_weights_name + ', ...')}"]
    parts.append(
        f"readout from '{readout[0]}'" if readout else "no readout recognised (map W and c to name one)"
    )
    if cell.kind == "rnn":
        parts.append(f"nonlinearity {nonlinearity}")
    return Network(_noted(field, ", ".join(parts), ignored), arrays, cell, nonlinearity)


def _cell_metadata(arrays: Arrays, cell: CellArrays, known: set[str]) -> dict[str, Any]:
    """Other arrays; trajectories serve as starting states only where they hold the whole state (an LSTM's c too)."""
    metadata = other_arrays(arrays, known)
    samples = metadata.pop("trajectories", None)
    if samples is not None:
        whole = np.ndim(samples) == 3 and np.shape(samples)[-1] == cell.n_states
        metadata["trajectories" if whole else "file.trajectories"] = samples
    return metadata


def _noted(field: VectorField, understood: str, ignored: list[str]) -> VectorField:
    notes = {"understood": understood, "ignored": ", ".join(ignored)}
    return field.with_metadata({key: text for key, text in notes.items() if text})


def _refuse_settings(arrays: Arrays, cell: CellArrays) -> None:
    wrong = [key for key in ("tau", "form", "out_activation") if key in arrays]
    if wrong:
        raise InputError(
            f"The file holds an {cell.title}, which has no '{wrong[0]}'; leave it out, or map J, B and b to read the "
            "weights as a rate network."
        )
    if "activation" in arrays and cell.kind != "rnn":
        raise InputError(f"An {cell.title} has no choice of activation; leave it out.")


def _cell_readout(arrays: Arrays, cell: CellArrays) -> tuple[Any, Any, list[str]]:
    """Readout weights and bias, and the names that they were found under."""
    if "W" in arrays:
        return arrays["W"], arrays.get("c"), ["W", "c"]
    found = readout_candidates(arrays, cell)
    if len(found) != 1:
        return None, None, []
    bias = f"{found[0].removesuffix('weight')}bias"
    if bias not in arrays or arrays[bias].shape != arrays[found[0]].shape[:1]:
        return arrays[found[0]], None, found
    return arrays[found[0]], arrays[bias], [found[0], bias]
