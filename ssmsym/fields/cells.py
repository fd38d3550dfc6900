"""PyTorch's recurrent cells as maps: equations with named state blocks, one or two a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.fields.symbolic import as_numbers, from_sympy
from ssmsym.series.elementary import logistic, relu

Array = NDArray[np.float64]

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
NONLINEARITIES = {"tanh": sympy.tanh, "relu": relu}


@dataclass(frozen=True, eq=False)
class CellLayer:
    """Weights of one layer, its gates above one another as PyTorch stores them.

    Attributes
    ----------
    input_weights : (gates * H, inputs) array
    recurrent_weights : (gates * H, P) array
        P = H unless the layer has a projection.
    input_bias, recurrent_bias : (gates * H,) array or None
    projection : (P, H) array or None
        Of an LSTM with ``proj_size`` P.
    """

    input_weights: Any
    recurrent_weights: Any
    input_bias: Any = None
    recurrent_bias: Any = None
    projection: Any = None


def recurrent_cell(
    kind: str,
    layers: Sequence[CellLayer],
    *,
    nonlinearity: str = "tanh",
    W: Any = None,
    c: Any = None,
    conditions: Mapping[str, Mapping[str, Any]] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> VectorField:
    r"""An ``nn.RNN``, ``nn.GRU`` or ``nn.LSTM`` of any number of layers, as the map of one time step.

    With s the logistic function and a = W_i u + b_i + W_h h + b_h for each gate (PyTorch 2, documentation of
    ``torch.nn``):

    RNN: h -> tanh(a) or relu(a);
    GRU: h -> (1 - z) n + z h, r = s(a_r), z = s(a_z), n = tanh(W_in u + b_in + r (W_hn h + b_hn));
    LSTM: c -> s(a_f) c + s(a_i) tanh(a_g), h -> s(a_o) tanh(c) with the new c; h -> W_hr s(a_o) tanh(c) with a
    projection.

    The input u of a layer is the new h of the layer below. State blocks are ``h`` and, of an LSTM, ``c``; of
    several layers ``h0``, ``c0``, ``h1``, ...

    Parameters
    ----------
    kind : {"rnn", "gru", "lstm"}
    layers : sequence of CellLayer
        From the input up.
    nonlinearity : {"tanh", "relu"}
        Of an RNN.
    W, c : (k, H) and (k,) arrays, optional
        Readout z = W h + c of the last layer.
    conditions, metadata : mapping, optional
        As for :func:`~ssmsym.from_sympy`.

    Returns
    -------
    VectorField
        A map; its inputs are the parameters ``u[0]``, ``u[1]``, ...

    Raises
    ------
    InputError
        If a name is unknown, shapes do not fit, or numbers are not finite.
    """
    if kind not in GATES or nonlinearity not in NONLINEARITIES or not layers:
        raise InputError(
            f"There is no cell '{kind}' with {len(layers)} layers and nonlinearity '{nonlinearity}'; cells are 'rnn', "
            "'gru' and 'lstm', nonlinearities 'tanh' and 'relu'."
        )
    shape = np.shape(layers[0].input_weights)
    if len(shape) != 2:
        raise InputError(f"Layer 0 has input weights of shape {shape}; expected (gates * H, inputs).")
    u = sympy.MatrixSymbol("u", shape[1], 1)
    below: Any = u
    equations: dict[Any, Any] = {}
    arrays: dict[Any, Any] = {}
    for number, layer in enumerate(layers):
        builder = _LayerEquations(kind, layer, number, str(number) if len(layers) > 1 else "", below)
        below = builder.add_to(equations, NONLINEARITIES[nonlinearity])
        arrays.update(builder.arrays)
    known: dict[str, Any] = {"cell": kind, "layers": len(layers)}
    if nonlinearity == "tanh" and all(layer.projection is None for layer in layers):
        known["unit_box"] = " ".join(str(s) for s in equations if str(s).startswith("h"))
    return from_sympy(
        equations,
        arrays=arrays,
        parameters={u: np.zeros(shape[1])},
        readout=_readout(builder.h, W, c, arrays),
        time="discrete",
        conditions=conditions,
        metadata={**known, **(metadata or {})},
    )


class _LayerEquations:
    """The equations of one layer and the arrays that they name."""

    def __init__(self, kind: str, layer: CellLayer, number: int, suffix: str, below: Any) -> None:
        self.kind, self.layer, self.suffix, self.below = kind, layer, suffix, below
        self.arrays: dict[Any, Any] = {}
        self.size, outputs = _check_shapes(kind, number, layer, int(below.shape[0]))
        self.h = sympy.MatrixSymbol(f"h{suffix}", outputs, 1)

    def add_to(self, equations: dict[Any, Any], nonlinearity: Any) -> Any:
        """Add the layer's equations; returns the expression of its new h."""
        if self.kind == "rnn":
            equations[self.h] = self._gate(0, "", nonlinearity)
        elif self.kind == "gru":
            equations[self.h] = self._gru()
        else:
            c = sympy.MatrixSymbol(f"c{self.suffix}", self.size, 1)
            cell, hidden = self._lstm(c)
            equations[self.h], equations[c] = hidden, cell
        return equations[self.h]

    def _gru(self) -> Any:
        r, z = self._gate(0, "r", logistic), self._gate(1, "z", logistic)
        reset = sympy.HadamardProduct(r, self._from_itself(2, "n"))
        n = sympy.MatAdd(self._from_below(2, "n"), reset).applyfunc(sympy.tanh)
        return n + sympy.HadamardProduct(z, self.h - n)

    def _lstm(self, c: Any) -> tuple[Any, Any]:
        i, f = self._gate(0, "i", logistic), self._gate(1, "f", logistic)
        g, o = self._gate(2, "g", sympy.tanh), self._gate(3, "o", logistic)
        cell = sympy.HadamardProduct(f, c) + sympy.HadamardProduct(i, g)
        hidden = sympy.HadamardProduct(o, cell.applyfunc(sympy.tanh))
        if self.layer.projection is None:
            return cell, hidden
        return cell, self._symbol("W_hr", as_numbers("projection", self.layer.projection)) * hidden

    def _gate(self, position: int, name: str, function: Any) -> Any:
        terms = (self._from_below(position, name), self._from_itself(position, name))
        return sympy.MatAdd(*terms).doit().applyfunc(function)

    def _from_below(self, position: int, name: str) -> Any:
        return self._affine(position, f"i{name}", self.layer.input_weights, self.layer.input_bias, self.below)

    def _from_itself(self, position: int, name: str) -> Any:
        return self._affine(
            position, f"h{name}", self.layer.recurrent_weights, self.layer.recurrent_bias, self.h
        )

    def _affine(self, position: int, name: str, weights: Any, bias: Any, vector: Any) -> Any:
        rows = slice(position * self.size, (position + 1) * self.size)
        product = self._symbol(f"W_{name}", as_numbers("weights", weights)[rows]) * vector
        if bias is None:
            return product
        return product + self._symbol(f"b_{name}", as_numbers("bias", bias)[rows, None])

    def _symbol(self, name: str, value: Array) -> Any:
        symbol = sympy.MatrixSymbol(f"{name}{self.suffix and '_' + self.suffix}", *value.shape)
        self.arrays[symbol] = value
        return symbol


def _check_shapes(kind: str, number: int, layer: CellLayer, inputs: int) -> tuple[int, int]:
    """Numbers of units H and of outputs P of a layer, after its shapes have been compared."""
    gates = GATES[kind]
    recurrent = np.shape(layer.recurrent_weights)
    if len(recurrent) != 2 or not recurrent[1] or recurrent[0] % gates:
        raise InputError(
            f"Layer {number} has recurrent weights of shape {recurrent}; an {kind} has ({gates} * H, H)."
        )
    size, outputs = recurrent[0] // gates, recurrent[1]
    if (layer.projection is None and size != outputs) or (layer.projection is not None and kind != "lstm"):
        raise InputError(
            f"Layer {number} has recurrent weights of shape {recurrent}; an {kind} of {outputs} units has "
            f"({gates * outputs}, {outputs}), and only an LSTM may have a projection."
        )
    wanted = {
        "input_weights": (gates * size, inputs),
        "input_bias": (gates * size,),
        "recurrent_bias": (gates * size,),
        "projection": (outputs, size),
    }
    for name, shape in wanted.items():
        value = getattr(layer, name)
        if value is not None and np.shape(value) != shape:
            raise InputError(
                f"Layer {number} of the {kind} has {name.replace('_', ' ')} of shape {np.shape(value)}; "
                f"expected {shape}."
            )
    return size, outputs


def _readout(h: Any, W: Any, c: Any, arrays: dict[Any, Any]) -> Any:
    if W is None:
        if c is not None:
            raise InputError("A readout bias 'c' needs readout weights 'W'.")
        return None
    weights = as_numbers("W", W)
    if weights.ndim != 2 or weights.shape[1] != int(h.shape[0]):
        raise InputError(f"The readout weights have shape {weights.shape}; expected (k, {int(h.shape[0])}).")
    symbol = sympy.MatrixSymbol("W", *weights.shape)
    arrays[symbol] = weights
    if c is None:
        return symbol * h
    bias = sympy.MatrixSymbol("c_readout", len(weights), 1)
    arrays[bias] = np.atleast_1d(as_numbers("c", c))
    return symbol * h + bias
