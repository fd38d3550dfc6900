"""A mapping proposed for a file with names of its own, from shapes first and names second."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]

_RECURRENT = re.compile(
    r"(^|[^a-z])(hh|h2h|rec|recurrent|w_?rec|j|w_?hh|w_?h|wrec|whh|w_?rr)([^a-z]|$)|recurrent"
)
_INPUT = re.compile(
    r"(^|[^a-z])(ih|i2h|x2h|in|inp|w_?in|win|b|w_?ih|w_?x|w_?i|wi|embed)([^a-z]|$)|input|encoder"
)
_OUTPUT = re.compile(
    r"(^|[^a-z])(out|w_?out|wout|ho|h2o|fc|w|head|w_?o|wo|z)([^a-z]|$)|output|readout|decoder"
)
_BIAS = re.compile(r"(^|[^a-z])(b|bias|b_?rec|brec|b_?h|bh|bias_(ih|hh))([^a-z]|$)|bias")
_STATE = re.compile(r"init|h0|x0|state|traj")
_MASK = re.compile(r"mask|connect|dale|sign")
_OWN = ("tau", "dt", "activation", "form", "input_condition", "trajector", "initial_state", "integrator")


@dataclass
class Proposal:
    """A mapping, why, and what is left over.

    Attributes
    ----------
    mapping : dict of str to str
        Empty if no array can be recurrent weights.
    reasons : list of str
        One sentence for each entry that was chosen among several, transposed, or combined.
    unused : list of str
        Names of arrays that the mapping does not use.
    """

    mapping: dict[str, str] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    def option(self) -> str:
        """The command-line option that gives this mapping."""
        return "--map '" + ",".join(f"{name}={text}" for name, text in self.mapping.items()) + "'"

    def sentence(self) -> str:
        """What to do with a file of such arrays, without its full stop."""
        if not self.mapping:
            found = ", ".join(f"'{name}'" for name in self.unused[:8]) or "nothing"
            return (
                f"no array of it has the shape of recurrent weights 'J' (N, N), nor has it factors 'm' and 'n' (found "
                f"{found}); give a network file"
            )
        return f"name its arrays, perhaps with {self.option()}"


def propose_mapping(arrays: Arrays) -> Proposal:
    """What the arrays of a file may be, as a mapping to a rate network.

    J is the square array that is named like recurrent weights, or whose size occurs most often among the others;
    then input weights, readout and biases must fit it. Where input weights are stored as (inputs, N), the source
    multiplies states from the left, and J and W are transposed too.
    """
    numeric = {k: v for k, v in arrays.items() if v.dtype.kind in "biuf" and not k.startswith(_OWN)}
    proposal = Proposal()
    square = {k: v for k, v in numeric.items() if v.ndim == 2 and v.shape[0] == v.shape[1] and len(v) > 1}
    weights = [k for k in square if not _is_factor(k, square[k])] or list(square)[:1]
    if not weights:
        proposal.unused = list(arrays)
        return proposal
    J = _recurrent(weights, square, numeric, proposal)
    n = len(square[J])
    rectangular = [
        k
        for k, v in numeric.items()
        if v.ndim == 2 and n in v.shape and k not in square and not _STATE.search(k.lower())
    ]
    B = _chosen(rectangular, _INPUT, numeric, n, rows_first=True)
    W = _chosen([k for k in rectangular if k != B], _OUTPUT, numeric, n, rows_first=False)
    from_left = B is not None and numeric[B].shape[0] != n
    transposed = ".T" if from_left else ""
    text = _factored(J, n, numeric, proposal)
    proposal.mapping["J"] = f"({text}).T" if transposed and text != J else text + transposed
    if B is not None:
        proposal.mapping["B"] = B + transposed
    if from_left:
        proposal.reasons.append(
            f"'{B}' is stored as (inputs, N): the source multiplies states from the left, so J is transposed too"
        )
    used = {J, B} | {name for name in numeric if name in text}
    used |= _biases(numeric, n, used, proposal)
    if W is not None:
        proposal.mapping["W"] = W if numeric[W].shape[1] == n else f"{W}.T"
        used.add(W)
        used |= _readout_bias(W, numeric, n, used, proposal)
    proposal.unused = [k for k in arrays if k not in used and not k.startswith(_OWN)]
    return proposal


def _is_factor(name: str, value: NDArray[Any]) -> bool:
    """Whether a square array looks like a mask or a diagonal of signs, not like weights."""
    diagonal = np.count_nonzero(value - np.diag(np.diagonal(value))) == 0
    return diagonal or bool(_MASK.search(name.lower())) or bool(np.isin(value, (0, 1)).all())


def _recurrent(weights: list[str], square: Arrays, numeric: Arrays, proposal: Proposal) -> str:
    named = [k for k in weights if _RECURRENT.search(k.lower())]
    pool = named or weights
    sizes = Counter(s for v in numeric.values() for s in v.shape)
    best = max(pool, key=lambda k: sizes[len(square[k])])
    if len(weights) > 1:
        others = ", ".join(f"'{k}'" for k in weights if k != best)
        why = "its name" if named else "how often its size occurs"
        proposal.reasons.append(f"'{best}' was taken for J by {why}; {others} have the shape of weights too")
    return best


def _chosen(
    names: list[str], pattern: re.Pattern[str], numeric: Arrays, n: int, *, rows_first: bool
) -> str | None:
    """The array that is named like what is looked for, else the first whose shape says so."""
    named = [k for k in names if pattern.search(k.lower())]
    if named:
        return named[0]
    other = _OUTPUT if rows_first else _INPUT
    fitting = [k for k in names if (numeric[k].shape[0] == n) == rows_first and not other.search(k.lower())]
    return fitting[0] if fitting else None


def _factored(J: str, n: int, numeric: Arrays, proposal: Proposal) -> str:
    """The weights times a mask of their shape and signs of their units, if the file has such."""
    text = J
    for name, value in numeric.items():
        is_mask = value.shape == (n, n) and name != J and bool(np.isin(value, (0, 1)).all())
        if is_mask and np.count_nonzero(value - np.diag(np.diagonal(value))):
            text += f"*{name}"
            proposal.reasons.append(f"'{name}' holds only 0 and 1 and is taken for a mask of J")
    for name, value in numeric.items():
        signs = np.diagonal(value) if value.shape == (n, n) and name != J else value
        is_signs = signs.shape == (n,) and set(np.unique(signs).tolist()) == {-1.0, 1.0}
        if is_signs and (value.ndim == 1 or np.count_nonzero(value - np.diag(signs)) == 0):
            text = text.replace(J, f"abs({J})", 1) + (f"*{name}" if value.ndim == 1 else f"@{name}")
            proposal.reasons.append(
                f"'{name}' holds signs and is taken for Dale's law: effective J = |J| times signs"
            )
    return text


def _biases(numeric: Arrays, n: int, used: set[str | None], proposal: Proposal) -> set[str]:
    fitting = [
        k
        for k, v in numeric.items()
        if v.shape in ((n,), (n, 1), (1, n)) and k not in used and _BIAS.search(k.lower())
        if not _STATE.search(k.lower())
    ]
    fitting = [k for k in fitting if not _OUTPUT.search(k.lower())] or fitting
    if fitting:
        proposal.mapping["b"] = "+".join(fitting)
    if len(fitting) > 1:
        proposal.reasons.append("the biases of the units are added")
    return set(fitting)


def _readout_bias(W: str, numeric: Arrays, n: int, used: set[str | None], proposal: Proposal) -> set[str]:
    outputs = numeric[W].shape[0] if numeric[W].shape[1] == n else numeric[W].shape[1]
    fitting = [
        k
        for k, v in numeric.items()
        if v.shape in ((outputs,), (outputs, 1), (1, outputs)) and k not in used and _BIAS.search(k.lower())
    ]
    near = [k for k in fitting if _OUTPUT.search(k.lower())] or fitting
    if not near:
        return set()
    proposal.mapping["c"] = near[0]
    return {near[0]}
