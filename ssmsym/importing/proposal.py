"""A mapping proposed for a file with names of its own, from shapes and names together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]

# whole words of a name; "W_hh.weight" has the words w, hh, weight
_RECURRENT = {
    "hh",
    "h2h",
    "rec",
    "recurrent",
    "recur",
    "wrec",
    "whh",
    "wh",
    "rr",
    "wrr",
    "wr",
    "j",
    "hid2hid",
}
_INPUT = {"ih", "i2h", "x2h", "in", "inp", "input", "inputs", "win", "wih", "wxh", "xh", "wx", "wi", "ir"}
_OUTPUT = {"out", "output", "outputs", "wout", "ho", "h2o", "h2y", "hy", "why", "fc", "readout", "decoder"}
_OUTPUT |= {"head", "wo", "wy", "dense", "linear", "ro"}
_BIAS = {"b", "bias", "biases", "bh", "brec", "bhh", "bih", "br", "bx", "by", "bo", "bout"}
_OUTER_BIAS = {"by", "bo", "bout", "y", "o"}
_NORM = {"ln", "bn", "norm", "layernorm", "batchnorm", "running"}
_STATE = {"h0", "x0", "r0", "init", "initial", "traj", "trajectories", "state"}
_TRAINING = re.compile(r"(^|[./])(optim|lr_sched|sched|amp|scaler)|exp_avg|momentum_buffer", re.IGNORECASE)
_OWN = ("activation", "out_activation", "form", "input_condition", "trajector", "initial_state", "integrator")
_PARTS = ("weight", "bias", "kernel", "kernel:0", "bias:0")  # last parts of a name that belong to a layer
_PLAIN = re.compile(r"[A-Za-z_][\w.]*")


@dataclass
class Proposal:
    """A mapping, why, and what is left over.

    Attributes
    ----------
    mapping : dict of str to str
        Empty if no array can be recurrent weights.
    reasons : list of str
        What was chosen among several, transposed, combined or is in doubt.
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
        return f"name its arrays, perhaps with mapping={self.mapping} or {self.option()}"


def propose_mapping(arrays: Arrays) -> Proposal:
    """What the arrays of a file may be, as a mapping to a rate network; to be read before it is used.

    J is the square array that is named like recurrent weights, or whose size occurs most often among the others.
    Input weights, readout and biases must fit it; names decide between them, then shapes, and arrays of J's own
    layer or group come first. Where input weights are stored as (inputs, N), the source presumably multiplies states
    from the left, and J and W are transposed too.
    """
    names = [k for k, v in arrays.items() if v.dtype.kind in "biuf" and not _TRAINING.search(k)]
    numeric = {k: arrays[k] for k in names if not k.rpartition(".")[2].startswith(_OWN)}
    search = _Search(numeric)
    proposal = Proposal(unused=[k for k in arrays if not _TRAINING.search(k)])
    if search.J is None:
        return proposal
    search.find()
    proposal.mapping, proposal.reasons = search.mapping, search.reasons
    texts = [k for k, v in arrays.items() if v.dtype.kind in "US" and v.size == 1 and "activ" in k.lower()]
    proposal.reasons += [
        f"'{k}' says '{arrays[k].reshape(())[()]}': give it as the activation" for k in texts
    ]
    proposal.unused = [k for k in proposal.unused if k not in search.used and not k.startswith(_OWN)]
    return proposal


def _words(name: str) -> set[str]:
    parts = re.split(r"[^A-Za-z0-9]+", name)
    humps = [w for part in parts for w in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", part)]
    return {w.lower() for w in (*parts, *humps) if w}


def _container(name: str) -> str:
    """The group that a name's layer lies in: ``model.w_in.weight`` and ``model.w_in`` lie in ``model.``."""
    parts = re.split(r"([./])", name)
    inner = 4 if parts[-1] in _PARTS and len(parts) > 2 else 2
    return "".join(parts[: max(0, len(parts) - inner + 1)])


class _Search:
    """Which array is what, decided one after the other."""

    def __init__(self, numeric: Arrays) -> None:
        self.arrays = numeric
        self.mapping: dict[str, str] = {}
        self.reasons: list[str] = []
        self.used: set[str] = set()
        self.J = self._recurrent()
        self.group = _container(self.J) if self.J is not None else ""
        self.n = len(numeric[self.J]) if self.J is not None else 0

    def words(self, name: str) -> set[str]:
        return _words(name.removeprefix(self.group))

    def find(self) -> None:
        assert self.J is not None
        self.used.add(self.J)
        self._warn_of_rivals()
        B = self._input()
        W = self._readout_weights(B)
        from_left = self._from_left(B, W)
        self.mapping["J"] = self._factored(from_left)
        if B is not None:
            self._add("B", B, self.arrays[B].shape[0] != self.n or (from_left and self._is_square(B)))
        self._biases()
        if W is not None:
            self._add("W", W, self.arrays[W].shape[1] != self.n or (from_left and self._is_square(W)))
            self._readout_bias(W)
        self._time_constants()
        norms = [k for k in self.arrays if self.words(k) & _NORM and k.startswith(self.group)]
        if norms:
            self.reasons.append(
                f"'{norms[0]}' looks like a normalisation, which no rate network has: it is left out"
            )

    def _add(self, target: str, name: str, transposed: bool) -> None:
        self.mapping[target] = _quoted(name) + (".T" if transposed else "")
        self.used.add(name)

    def _is_square(self, name: str) -> bool:
        return self.arrays[name].shape == (self.n, self.n)

    # -- recurrent weights ------------------------------------------------------------------------------------

    def _recurrent(self) -> str | None:
        square = [k for k, v in self.arrays.items() if v.ndim == 2 and v.shape[0] == v.shape[1] and v.size]
        named = [k for k in square if _words(k) & _RECURRENT]
        several = [k for k in square if len(self.arrays[k]) > 1]
        weights = [k for k in several if not _is_factor(k, self.arrays[k])] or several[:1]
        pool = [k for k in weights if k in named] or weights or named
        if not pool:
            return None
        sizes = Counter(s for v in self.arrays.values() for s in v.shape)
        outer = {k: bool(_words(k) & (_INPUT | _OUTPUT) and not _words(k) & _RECURRENT) for k in pool}
        self._weights = weights
        return max(pool, key=lambda k: (not outer[k], sizes[len(self.arrays[k])]))

    def _warn_of_rivals(self) -> None:
        assert self.J is not None
        named = bool(_words(self.J) & _RECURRENT)
        rivals = [k for k in self._weights if k != self.J and not _words(k) & (_INPUT | _OUTPUT)]
        if rivals:
            why = "its name" if named else "how often its size occurs"
            others = ", ".join(f"'{k}'" for k in rivals[:4])
            self.reasons.append(
                f"'{self.J}' was taken for J by {why}; {others} have the shape of weights too"
            )
        elif not named:
            self.reasons.append(f"no name tells that '{self.J}' is recurrent; it is the one square array")

    def _factored(self, from_left: bool) -> str:
        """The weights times a mask of their shape and signs of the sending units, if the file has such."""
        assert self.J is not None
        text = _quoted(self.J)
        for name in self._inside(lambda v: v.shape == (self.n, self.n) and bool(np.isin(v, (0, 1)).all())):
            if np.count_nonzero(self.arrays[name] - np.diag(np.diagonal(self.arrays[name]))):
                text += f"*{_quoted(name)}"
                self.used.add(name)
                self.reasons.append(f"'{name}' holds only 0 and 1 and is taken for a mask of J")
        if from_left:
            text = f"({text}).T" if "*" in text else f"{text}.T"
        for name in self._inside(lambda v: _signs(v, self.n) is not None):
            vector = self.arrays[name].ndim == 1
            text = f"abs({text})" + (f"*{_quoted(name)}" if vector else f"@{_quoted(name)}")
            self.used.add(name)
            self.reasons.append(
                f"'{name}' holds signs and is taken for Dale's law: those of the sending units, the columns of J"
            )
            break
        return text

    def _beside(self, test: Any) -> list[str]:
        return [k for k, v in self.arrays.items() if k not in self.used and test(v)]

    def _inside(self, test: Any) -> list[str]:
        """Those of J's own group, or of none."""
        return [k for k in self._beside(test) if k.startswith(self.group) or not _container(k)]

    # -- inputs and outputs -------------------------------------------------------------------------------

    def _candidates(self) -> list[str]:
        def fits(name: str, value: NDArray[Any]) -> bool:
            words = self.words(name)
            if value.ndim != 2 or self.n not in value.shape or name in self.used:
                return False
            return not words & (_STATE | _NORM) and not (1 in value.shape and words & _BIAS)

        return [k for k, v in self.arrays.items() if fits(k, v) and not _is_factor(k, v)]

    def _near(self, name: str) -> int:
        """Whether an array lies in J's own layer, group, or elsewhere."""
        assert self.J is not None
        layer = self.J.rpartition(".")[0] or self.J.rpartition("/")[0]
        return 2 * name.startswith(self.group) + (bool(layer) and name.startswith(layer))

    def _input(self) -> str | None:
        def score(name: str) -> int:
            words = self.words(name)
            shape = self.arrays[name].shape
            named = bool(words & _INPUT) or name.removeprefix(self.group) == "B"
            other = bool(words & (_OUTPUT | _RECURRENT)) or name.removeprefix(self.group) == "W"
            layer = self._near(name) % 2 == 1 and "kernel" in words  # of Keras, beside the recurrent kernel
            return (
                8 * (named or layer) - 8 * (other and not named) + 2 * (shape[0] == self.n) + self._near(name)
            )

        found = [k for k in self._candidates() if not self._is_square(k) or self.words(k) & _INPUT]
        found = [k for k in found if score(k) >= 8 or (self.arrays[k].shape[0] == self.n and score(k) > 0)]
        return max(found, key=score, default=None)

    def _readout_weights(self, B: str | None) -> str | None:
        def score(name: str) -> int:
            words = self.words(name)
            shape = self.arrays[name].shape
            named = bool(words & _OUTPUT) or name.removeprefix(self.group) == "W"
            other = bool(words & (_INPUT | _RECURRENT))
            return 8 * named - 8 * (other and not named) + 2 * (shape[1] == self.n) + self._near(name) // 2

        found = [k for k in self._candidates() if k != B]
        found = [k for k in found if not self._is_square(k) or self.words(k) & _OUTPUT]
        found = [k for k in found if score(k) >= 8 or (self.arrays[k].shape[1] == self.n and score(k) > 0)]
        return max(found, key=score, default=None)

    def _from_left(self, B: str | None, W: str | None) -> bool:
        """Whether the source multiplies states from the left, as far as the shapes tell."""
        if B is not None and not self._is_square(B):
            from_left, sign = self.arrays[B].shape[0] != self.n, f"'{B}' is stored as (inputs, N)"
        elif W is not None and not self._is_square(W):
            from_left, sign = self.arrays[W].shape[1] != self.n, f"'{W}' is stored as (N, outputs)"
        else:
            return False
        if from_left:
            self.reasons.append(
                f"{sign}: the source presumably multiplies states from the left, so J is transposed too; if it "
                "computes J @ x, leave out that .T"
            )
        return from_left

    # -- vectors and scalars ------------------------------------------------------------------------------

    def _biases(self) -> None:
        fitting = [k for k in self._vectors(self.n) if not self.words(k) & (_OUTPUT | _OUTER_BIAS)]
        near = [k for k in fitting if k.startswith(self.group)] or [k for k in fitting if not _container(k)]
        if near:
            self.mapping["b"] = "+".join(_quoted(k) for k in near)
            self.used |= set(near)
        if len(near) > 1:
            self.reasons.append("the biases of the units are added")

    def _readout_bias(self, W: str) -> None:
        shape = self.arrays[W].shape
        fitting = self._vectors(shape[0] if shape[1] == self.n else shape[1])
        layer = W.rpartition(".")[0] or W.rpartition("/")[0]
        named = [k for k in fitting if self.words(k) & (_OUTPUT | _OUTER_BIAS)]
        near = [k for k in fitting if layer and k.startswith(layer)] or named or fitting
        if near:
            self.mapping["c"] = _quoted(near[0])
            self.used.add(near[0])

    def _vectors(self, size: int) -> list[str]:
        shapes = ((size,), (size, 1), (1, size))
        found = self._beside(lambda v: v.shape in shapes)
        return [k for k in found if self.words(k) & _BIAS and not self.words(k) & (_NORM | _STATE)]

    def _time_constants(self) -> None:
        for target in ("tau", "dt"):
            found = [
                k for k in self._beside(lambda v: v.size == 1) if _words(k.rpartition(".")[2]) == {target}
            ]
            if found and found[0] != target:
                self.mapping[target] = _quoted(found[0])
                self.used.add(found[0])
        shares = [k for k in self._beside(lambda v: v.size == 1) if "alpha" in _words(k)]
        if shares:
            self.reasons.append(f"'{shares[0]}' may be dt / tau: give tau and dt, or it is an ODE")


def _quoted(name: str) -> str:
    """A name as an expression may hold it."""
    return name if _PLAIN.fullmatch(name) else f'"{name}"'


def _signs(value: NDArray[Any], n: int) -> NDArray[Any] | None:
    """The signs that a vector, or the diagonal of a matrix, holds; None if it holds others."""
    if value.shape == (n, n) and not np.count_nonzero(value - np.diag(np.diagonal(value))):
        value = np.diagonal(value)
    return value if value.shape == (n,) and set(np.unique(value).tolist()) == {-1.0, 1.0} else None


def _is_factor(name: str, value: NDArray[Any]) -> bool:
    """Whether a square array looks like a mask or a diagonal of signs, not like weights."""
    if value.shape[0] != value.shape[1]:
        return False
    diagonal = np.count_nonzero(value - np.diag(np.diagonal(value))) == 0
    named = bool(re.search(r"mask|connect|dale|sign", name.lower()))
    return diagonal or named or bool(np.isin(value, (0, 1)).all())
