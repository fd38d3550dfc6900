"""Names of parameters: ``g`` is a scalar, ``u`` a vector, ``u[0]`` one entry of it.

Values are arrays: of shape () for a scalar, (n,) for a vector.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError

Array = NDArray[np.float64]
_ENTRY = re.compile(r"^(?P<name>[^\[\]]+)\[(?P<entry>\d+)\]$")


def flatten(values: Mapping[str, Array]) -> dict[str, float]:
    """Scalar names with values, in declared order."""
    out: dict[str, float] = {}
    for name, value in values.items():
        if value.ndim == 0:
            out[name] = float(value)
        else:
            out.update({f"{name}[{i}]": float(entry) for i, entry in enumerate(value)})
    return out


def locate(name: str, values: Mapping[str, Array]) -> tuple[str, int]:
    """The parameter symbol and the entry that a scalar name stands for.

    Raises
    ------
    InputError
        If there is no such parameter, or the name stands for a vector.
    """
    match = None if name in values else _ENTRY.match(name)
    base, entry = (match["name"], int(match["entry"])) if match else (name, 0)
    if base not in values or entry >= values[base].size or (match and values[base].ndim == 0):
        raise unknown(name, flatten(values))
    if match is None and values[base].ndim:
        raise InputError(
            f"'{name}' is a vector of {len(values[base])} parameters; name one entry, such as '{name}[0]'."
        )
    return base, entry


def unknown(name: str, known: Iterable[str]) -> InputError:
    """The error for a parameter that does not exist."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    listed = ", ".join(f"'{k}'" for k in known[:12]) + (", ..." if len(known) > 12 else "")
    return InputError(f"There is no parameter '{name}'; this field has {listed or 'none'}.{hint}")


def resolve(
    settings: Mapping[str, Any], values: Mapping[str, Array], conditions: Mapping[str, Mapping[str, Any]]
) -> dict[str, Array]:
    """New arrays for the parameters that the settings mention."""
    changes: dict[str, Array] = {}
    for name, value in settings.items():
        if isinstance(value, str):
            changes.update(_condition(name, value, values, conditions))
            continue
        if name not in values and _ENTRY.match(name):
            base, entry = locate(name, values)
            changed = np.array(changes.get(base, values[base]))
            changed[entry] = _number(name, value)
            changes[base] = changed
            continue
        if name not in values:
            raise unknown(name, list(dict.fromkeys([*values, *flatten(values)])))
        try:
            array = np.array(value, dtype=float)
        except (TypeError, ValueError):
            raise InputError(f"'{name}' takes numbers; found {value!r}.") from None
        if array.size != values[name].size:
            raise InputError(f"'{name}' has {values[name].size} entries; {array.size} were given.")
        array = array.reshape(values[name].shape)
        if not np.isfinite(array).all():
            raise InputError(f"'{name}' was given the value {array.tolist()}, which is not finite.")
        changes[name] = array
    return changes


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"'{name}' takes one number; found {value!r}.") from None
    if not np.isfinite(number):
        raise InputError(f"'{name}' was given the value {number}, which is not finite.")
    return number


def _condition(
    name: str, wanted: str, values: Mapping[str, Array], conditions: Mapping[str, Mapping[str, Any]]
) -> dict[str, Array]:
    if wanted not in conditions:
        listed = ", ".join(f"'{c}'" for c in conditions) or "none"
        raise InputError(f"There is no input condition '{wanted}'; this field has {listed}.")
    setting = {key: value for key, value in conditions[wanted].items() if key == name}
    if not setting:
        raise InputError(f"The input condition '{wanted}' says nothing of '{name}'.")
    return resolve(setting, values, {})
