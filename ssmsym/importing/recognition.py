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
    strangers,
)
from ssmsym.importing.mapping import apply_mapping
from ssmsym.importing.proposal import Proposal, propose_mapping
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
# what is read of a file with a cell, besides the cell
_CELL_NAMES = {"W", "c", "dt", "input_conditions", "input_condition_names"}
_TARGETS = KNOWN | {
    "trajectories",
    "trajectory_times",
    "trajectory_conditions",
    "trajectory_inputs",
    "integrator",
}


class UnknownNamesError(FileFormatError):
    """No network under known names; a mapping is proposed.

    Attributes
    ----------
    proposal : Proposal
    """

    def __init__(self, proposal: Proposal, file: str | None = None) -> None:
        reason = f"it holds no network under known names; {proposal.sentence()}"
        super().__init__(reason if file is None else f"'{file}' cannot be read as a network: {reason}.")
        self.proposal = proposal

    def of_file(self, path: str) -> UnknownNamesError:
        """The same, said of a file."""
        return UnknownNamesError(self.proposal, path)


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
    scope = _in_group(arrays, group)
    mapped, used = apply_mapping(mapping or {}, scope)
    _check_targets(mapped)
    given = {key: np.asarray(value) for key, value in (settings or {}).items() if value is not None}
    text = ", ".join(f"{target} = {_shown(value)}" for target, value in (mapping or {}).items())
    kind, prefix = _base(mapped, arrays, group)
    if kind == "mapping":
        left = {key: value for key, value in scope.items() if key not in used}
        left = {key: value for key, value in left.items() if not _belongs(key, group) or group is None}
        kept = {key: value for key, value in left.items() if key in _KEPT or key.startswith(_ALWAYS_KEPT)}
        ignored = [key for key in left if key not in kept]
        merged = {**kept, **mapped}
        if has_weights(mapped):
            return _rate_network({**merged, **given}, name, text, ignored)
        return _cell_network(merged, "", name, text, ignored, given, used)
    if kind == "cell":
        other = KNOWN if has_weights(arrays) else set()  # names of a rate network in the same file
        beside = {key: value for key, value in arrays.items() if key not in other}
        return _cell_network(
            {**beside, **mapped}, prefix, name, text, sorted(other & set(arrays)), given, used
        )
    own = {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}
    if {"m", "n"} <= set(mapped):
        own.pop("J", None)
    own = {
        key: value for key, value in own.items() if key in mapped or key in KNOWN or prefix + key not in used
    }
    parts = [f"the arrays of '{prefix[:-1]}'"] if prefix else []
    ignored = [key for key in arrays if not key.startswith(prefix) and key not in used]
    return _rate_network(
        {**own, **mapped, **given}, name, ", ".join([*parts, text] if text else parts), ignored
    )


def _in_group(arrays: Arrays, group: str | None) -> dict[str, NDArray[Any]]:
    """The arrays by the names that a mapping may use: of a group with and without its own name in front."""
    if group is None:
        return dict(arrays)
    inside = {key: value for key, value in arrays.items() if key.startswith(f"{group}.")}
    if not inside:
        heads = list(dict.fromkeys(key.partition(".")[0] for key in arrays if "." in key))
        listed = ", ".join(f"'{head}'" for head in heads[:8]) or "none"
        raise FileFormatError(f"it has no network '{group}'; choose one of {listed} with group=... (--group)")
    return {**inside, **{key.removeprefix(f"{group}."): value for key, value in inside.items()}}


def _shown(text: Any) -> str:
    return text if isinstance(text, str) else "a given array"


def _base(mapped: Arrays, arrays: Arrays, group: str | None) -> tuple[str, str]:
    """What a mapping changes: a network under known names, or (``"mapping"``) none, as it describes one by itself."""
    if cell_prefixes(mapped):
        return "mapping", ""
    if has_weights(mapped):
        inside = [p for kind, p in networks_among(arrays) if kind == "rate" and _belongs(p, group)]
        return ("rate", inside[0]) if len(inside) == 1 else ("mapping", "")
    return _only_network(arrays, group)


def _belongs(prefix: str, group: str | None) -> bool:
    return group is None or prefix.startswith(f"{group}.")


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
        found = [(kind, prefix) for kind, prefix in found if _belongs(prefix, group)]
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
    if found or (names and group is not None):
        listed = ", ".join(f"'{name}'" for name in names[:8])
        fault = f"it has no network '{group}'" if not found else f"it holds {len(found)} networks"
        raise FileFormatError(f"{fault}; choose one of {listed} with group=... (--group)")
    inside = {key: value for key, value in arrays.items() if _belongs(key, group)}
    raise UnknownNamesError(propose_mapping(inside))


def networks_among(arrays: Arrays) -> list[tuple[str, str]]:
    """Kind (``"rate"`` or ``"cell"``) and prefix of every network with known names."""
    prefixes = [key[:-1] for key in arrays if key.rpartition(".")[2] == "J"]
    prefixes += [key[:-1] for key in arrays if key.rpartition(".")[2] == "m" and f"{key[:-1]}n" in arrays]
    return [("rate", p) for p in dict.fromkeys(prefixes)] + [("cell", p) for p in cell_prefixes(arrays)]


def _rate_network(arrays: Arrays, name: str, understood: str, ignored: list[str]) -> Network:
    return Network(_noted(rate_field(arrays, name), understood, ignored), arrays)


def _cell_network(
    arrays: Arrays,
    prefix: str,
    name: str,
    mapped: str,
    ignored: list[str],
    given: Arrays,
    used: set[str],
) -> Network:
    cell = recognised_cell(arrays, prefix)
    _refuse_settings(given, cell)
    arrays = {**arrays, **given}
    told = "activation" in arrays and cell.kind == "rnn"
    nonlinearity = text_of(arrays, "activation", "tanh") if told else "tanh"
    W, c, readout = _cell_readout(arrays, cell)
    known = {*_CELL_NAMES, *cell.used, *readout, *used}
    field = recurrent_cell(
        cell.kind,
        cell.layers,
        nonlinearity=nonlinearity,
        W=W,
        c=c,
        conditions=conditions_of({**arrays, "input weights": cell.layers[0].input_weights}, "input weights"),
        metadata={"name": name, **_cell_metadata(arrays, cell, known)},
    )
    parts = [f"{cell.title} from '{cell.input_weights_name}, ...'"]
    if mapped:
        parts.append(f"with {mapped}")
    if "W" not in arrays:
        parts.append(f"readout from '{readout[0]}'" if readout else _no_readout(arrays, cell))
    if cell.kind == "rnn":
        guess = "" if told else " (assumed: the file does not tell; --activation relu for the other)"
        parts.append(f"nonlinearity {nonlinearity}{guess}")
    strange = strangers(arrays, cell)
    if strange:
        listed = ", ".join(f"'{key}'" for key in strange[:4])
        parts.append(
            f"DOUBTFUL: {listed} beside it belong to no {cell.title}; a network of one's own needs a mapping"
        )
    return Network(_noted(field, ", ".join(parts), ignored), arrays, cell, nonlinearity)


def _no_readout(arrays: Arrays, cell: CellArrays) -> str:
    found = readout_candidates(arrays, cell)
    if len(found) > 1:
        listed = ", ".join(f"'{key}'" for key in found[:4])
        return f"no readout, as {listed} might be it (map W and c to name one)"
    return "no linear readout recognised (map W and c to name one)"


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


def _refuse_settings(given: Arrays, cell: CellArrays) -> None:
    """Settings that were asked for and mean nothing for a cell; those of the file itself are mere metadata."""
    wrong = [key for key in ("tau", "form", "out_activation") if key in given]
    if wrong:
        raise InputError(
            f"This is an {cell.title}, which has no '{wrong[0]}'; do not give it, or map J, B and b to read the "
            "weights as a rate network."
        )
    if "activation" in given and cell.kind != "rnn":
        raise InputError(f"An {cell.title} has no choice of activation; do not give one.")


def _cell_readout(arrays: Arrays, cell: CellArrays) -> tuple[Any, Any, list[str]]:
    """Readout weights and bias, and the names that they were found under."""
    if "W" in arrays:
        return np.atleast_2d(arrays["W"]), arrays.get("c"), ["W", "c"]
    found = readout_candidates(arrays, cell)
    if len(found) != 1:
        return None, None, []
    W, bias = np.atleast_2d(arrays[found[0]]), f"{found[0].removesuffix('weight')}bias"
    if bias not in arrays or arrays[bias].size != len(W):
        return W, None, found
    return W, arrays[bias], [found[0], bias]
