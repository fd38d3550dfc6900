"""Fields from SymPy expressions, and rate networks as such expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.series.elementary import ACTIVATIONS
from ssmsym.series.piecewise import DataMap

Array = NDArray[np.float64]


def from_sympy(
    equations: Mapping[Any, Any],
    *,
    arrays: Mapping[Any, Any] | None = None,
    parameters: Mapping[Any, Any] | Sequence[Any] | None = None,
    functions: Mapping[Any, Any] | None = None,
    data: Mapping[str, DataMap] | None = None,
    readout: Any = None,
    time: str = "continuous",
    conditions: Mapping[str, Mapping[str, Any]] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> VectorField:
    """A field from scalar or matrix expressions.

    Parameters
    ----------
    equations : mapping
        State symbol (``Symbol``, or ``MatrixSymbol`` of shape (n, 1)) to its right-hand side, in the order
        of the state. Vectors may use matrix products, sums, entry-by-entry products and powers, and
        functions entry by entry (``x.applyfunc(tanh)``).
    arrays : mapping, optional
        Array symbol to its values, with the symbol's shape; SymPy matrices may hold parameters.
    parameters : mapping or sequence, optional
        Parameter symbol (scalar, or column vector) to its value. A value of None, or a sequence of symbols in
        place of the mapping, leaves parameters without value, for exact coefficients.
    functions : mapping, optional
        Undefined function to the ``Lambda`` that defines it.
    data : mapping of str to Polynomial or PiecewiseChebyshev, optional
        Maps that the equations name in a :class:`~ssmsym.fields.data_expression.DataExpression`.
    readout : expression or sequence of expressions, optional
    time : {"continuous", "discrete"}
    conditions : mapping, optional
        Named parameter settings, each a mapping of parameter name to value.
    metadata : mapping, optional
        Whatever else is to be kept with the field.

    Returns
    -------
    VectorField

    Raises
    ------
    InputError
        If a symbol is unknown, a shape does not fit, a value is missing or not finite.

    Examples
    --------
    >>> import sympy
    >>> x, y = sympy.symbols("x y")
    >>> field = from_sympy({x: -x, y: -3 * y + x**2})
    >>> field([2.0, 1.0])
    array([-2.,  1.])
    """
    if time not in ("continuous", "discrete"):
        raise InputError(f"'time' is 'continuous' or 'discrete'; found '{time}'.")
    if not equations:
        raise InputError("A field needs at least one equation.")
    given = dict(parameters) if isinstance(parameters, Mapping) else dict.fromkeys(parameters or ())
    symbols = {symbol.name: symbol for symbol in (*(arrays or {}), *given)}
    if len(symbols) < len(arrays or {}) + len(given):
        raise InputError("Two of the symbols in 'arrays' and 'parameters' have the same name.")
    blocks = [str(symbol) for symbol in equations]
    clash = next((name for name in blocks if name in symbols or blocks.count(name) > 1), None)
    if clash is not None:
        raise InputError(f"'{clash}' is the name of a state and of something else; rename one of them.")
    readouts = () if readout is None else tuple(readout) if isinstance(readout, (list, tuple)) else (readout,)
    field = VectorField(
        equations={symbol: _expression(e) for symbol, e in equations.items()},
        symbols=symbols,
        arrays={s.name: _array(s, value) for s, value in (arrays or {}).items()},
        values={s.name: _parameter(s, value) for s, value in given.items()},
        functions=functions or {},
        data=data or {},
        readout_equations=tuple(_expression(e) for e in readouts),
        time=time,
        conditions=conditions or {},
        metadata=metadata or {},
    )
    _ = field.program  # a wrong equation is reported here, not at first use
    return field


def _expression(e: Any) -> Any:
    return e.as_immutable() if isinstance(e, sympy.MatrixBase) else sympy.sympify(e)


def _array(symbol: Any, value: Any) -> Any:
    shape = tuple(int(s) for s in symbol.shape)
    if isinstance(value, sympy.MatrixBase):
        if value.shape != shape:
            raise InputError(f"'{symbol}' has shape {shape}; the array given has shape {value.shape}.")
        if value.free_symbols:
            raise InputError(
                f"'{symbol}' is an array and must hold numbers; put a matrix with symbols into the equations."
            )
        return value.as_immutable()
    return finite_array(symbol.name, value, shape)


def finite_array(name: str, value: Any, shape: tuple[int, ...]) -> Array:
    """A float64 copy of the given shape ((n,) fits (n, 1)), checked for numbers that are not finite."""
    array = np.array(as_numbers(name, value))
    if array.shape == shape[:1] and len(shape) == 2 and shape[1] == 1:
        array = array.reshape(shape)
    if array.shape != shape:
        raise InputError(f"'{name}' has shape {array.shape}; expected {shape}.")
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        count = int((~np.isfinite(array)).sum())
        raise InputError(
            f"'{name}' holds {count} number(s) that are not finite, the first at {where}; check the source."
        )
    return array


def as_numbers(name: str, value: Any) -> Array:
    """An array of floats, or an InputError that names the argument."""
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"'{name}' must be an array of numbers; found {type(value).__name__}.") from None


def _parameter(symbol: Any, value: Any) -> Array:
    if isinstance(symbol, sympy.MatrixSymbol):
        if int(symbol.shape[1]) != 1:
            raise InputError(f"The parameter '{symbol}' has shape {symbol.shape}; parameters are columns.")
        n = int(symbol.shape[0])
        return np.full(n, np.nan) if value is None else finite_array(symbol.name, value, (n, 1)).reshape(n)
    if value is None:
        return np.full((), np.nan)
    if isinstance(value, sympy.Basic) and value.is_number:
        value = float(value)
    return finite_array(symbol.name, value, ())


def activation_function(name: str) -> Any:
    """The SymPy function of an activation's name; None for the identity.

    Raises
    ------
    InputError
        If the name is unknown.
    """
    if name not in ACTIVATIONS:
        known = ", ".join(f"'{a}'" for a in ACTIVATIONS)
        raise InputError(f"There is no activation '{name}'; known are {known}.")
    return ACTIVATIONS[name]


def rate_network(
    J: ArrayLike | tuple[ArrayLike, ArrayLike],
    *,
    B: ArrayLike | None = None,
    b: ArrayLike | None = None,
    W: ArrayLike | None = None,
    c: ArrayLike | None = None,
    u: ArrayLike | None = None,
    tau: float | ArrayLike = 1.0,
    gain: float | None = None,
    activation: str = "tanh",
    out_activation: str | None = None,
    form: str = "state",
    conditions: Mapping[str, Mapping[str, Any]] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> VectorField:
    r"""A recurrent rate network as a flow.

    ``form="state"``:  tau x' = -x + J phi(x) + B u + b,   z = W psi(x) + c;
    ``form="rate"``:   tau r' = -r + phi(J r + B u + b),   z = W psi(r) + c.

    Parameters
    ----------
    J : (N, N) array, or pair (m, n) of (N, r) arrays
        Recurrent weights; a pair means J = m n^T and stays factored.
    B : (N, n_in) array, optional
        Input weights; the inputs u are then the parameters ``u[0]``, ``u[1]``, ...
    b : (N,) array, optional
    W, c : (k, N) and (k,) arrays, optional
        Readout.
    u : (n_in,) array, optional
        Values of the inputs, 0 by default.
    tau : float or (N,) array
        Time constant(s); a scalar one is a parameter.
    gain : float, optional
        If given, phi(g x) in place of phi(x), with the parameter ``g``.
    activation, out_activation : str
        Names of phi and psi; psi is phi in state form and the identity in rate form when not given.
    form : {"state", "rate"}
    conditions : mapping, optional
        Named input conditions, each a mapping such as ``{"u": [0.0, 1.0]}``.
    metadata : mapping, optional
        Whatever else is to be kept with the field.

    Returns
    -------
    VectorField

    Raises
    ------
    InputError
        If shapes do not fit, numbers are not finite, or a name is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> field = rate_network(np.array([[0.0, 2.0], [-2.0, 0.0]]), b=[0.1, 0.0])
    >>> field([0.0, 0.0])
    array([0.1, 0. ])
    """
    if form not in ("state", "rate"):
        raise InputError(f"'form' is 'state' or 'rate'; found '{form}'.")
    arrays, recurrent, n = _recurrent(J)
    x = sympy.MatrixSymbol("x" if form == "state" else "r", n, 1)
    parameters: dict[Any, Any] = {}
    gain_symbol = sympy.Symbol("g") if gain is not None else None
    phi = _applied(activation, gain_symbol)
    if gain_symbol is not None:
        parameters[gain_symbol] = gain
    drive = []
    if B is not None:
        inputs = as_numbers("B", B)
        if inputs.ndim != 2 or len(inputs) != n:
            raise InputError(f"'B' has shape {inputs.shape}; expected ({n}, n_in) to fit J.")
        B_symbol = sympy.MatrixSymbol("B", *inputs.shape)
        u_symbol = sympy.MatrixSymbol("u", inputs.shape[1], 1)
        arrays[B_symbol] = inputs
        parameters[u_symbol] = np.zeros(inputs.shape[1]) if u is None else u
        drive.append(B_symbol * u_symbol)
    elif u is not None:
        raise InputError("Inputs 'u' need input weights 'B'.")
    if b is not None:
        b_symbol = sympy.MatrixSymbol("b", n, 1)
        arrays[b_symbol] = finite_array("b", b, (n, 1))
        drive.append(b_symbol)
    tau_array = as_numbers("tau", tau)
    if not (np.isfinite(tau_array).all() and (tau_array > 0).all()):
        raise InputError(f"'tau' must be positive and finite; found {tau_array.tolist()}.")
    if form == "state":
        right = sympy.MatAdd(-x, recurrent(phi(x)), *drive).doit()
    else:
        right = sympy.MatAdd(-x, phi(sympy.MatAdd(recurrent(x), *drive).doit())).doit()
    if tau_array.ndim == 0:
        tau_symbol = sympy.Symbol("tau", positive=True)
        parameters[tau_symbol] = float(tau_array)
        equation = right / tau_symbol
    else:
        rate = sympy.MatrixSymbol("tau_inverse", n, 1)
        arrays[rate] = 1.0 / finite_array("tau", tau, (n, 1))
        equation = sympy.HadamardProduct(rate, right)
    psi = out_activation or (activation if form == "state" else "identity")
    readout = _readout(x, W, c, psi, arrays, n)
    known = {"tau": float(tau_array)} if tau_array.ndim == 0 else {}
    return from_sympy(
        {x: equation},
        arrays=arrays,
        parameters=parameters,
        readout=readout,
        conditions=conditions,
        metadata={**known, "form": form, "activation": activation, **(metadata or {})},
    )


def _recurrent(J: Any) -> tuple[dict[Any, Any], Any, int]:
    """Arrays of the recurrent weights and the map v -> J v as an expression."""
    if isinstance(J, tuple):
        m, n = (as_numbers(name, factor) for name, factor in zip("mn", J, strict=True))
        if m.ndim != 2 or m.shape != n.shape:
            raise InputError(f"The factors m and n of J must both be (N, r); found {m.shape} and {n.shape}.")
        m_symbol, n_symbol = sympy.MatrixSymbol("m", *m.shape), sympy.MatrixSymbol("n", *n.shape)
        return {m_symbol: m, n_symbol: n}, lambda v: m_symbol * n_symbol.T * v, len(m)
    weights = as_numbers("J", J)
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1]:
        raise InputError(f"'J' has shape {weights.shape}; expected (N, N).")
    symbol = sympy.MatrixSymbol("J", *weights.shape)
    return {symbol: weights}, lambda v: symbol * v, len(weights)


def _applied(activation: str, gain: Any) -> Any:
    function = activation_function(activation)

    def phi(v: Any) -> Any:
        scaled = v if gain is None else gain * v
        return scaled if function is None else scaled.applyfunc(function)

    return phi


def _readout(x: Any, W: Any, c: Any, activation: str, arrays: dict[Any, Any], n: int) -> Any:
    if W is None:
        if c is not None:
            raise InputError("A readout bias 'c' needs readout weights 'W'.")
        return None
    weights = as_numbers("W", W)
    if weights.ndim != 2 or weights.shape[1] != n:
        raise InputError(f"'W' has shape {weights.shape}; expected (k, {n}) to fit J.")
    W_symbol = sympy.MatrixSymbol("W", *weights.shape)
    arrays[W_symbol] = weights
    z = W_symbol * _applied(activation, None)(x)
    if c is not None:
        k = len(weights)
        c_symbol = sympy.MatrixSymbol("c", k, 1)
        arrays[c_symbol] = finite_array("c", np.atleast_1d(as_numbers("c", c)), (k, 1))
        z = z + c_symbol
    return z
