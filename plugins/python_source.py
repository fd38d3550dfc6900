"""Python functions of a model: right-hand side, Jacobian, readout, on arrays."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sympy
from ssmsym_plugins.statements import assignments

from ssmsym.exporters.code import Dialect, called
from ssmsym.exporters.identifiers import identifiers, quoted
from ssmsym.exporters.model import ExportModel

_PLAIN = ("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh")
_INVERSE = ("asin", "acos", "atan", "asinh", "acosh", "atanh")
_SPECIAL = {"erf": "erf", "erfc": "erfc", "gamma": "gamma", "loggamma": "gammaln"}


def dialect(module: str) -> Dialect:
    """Python with functions of a module that has NumPy's names, such as ``np`` or ``jnp``."""
    functions = {name: f"{module}.{name}" for name in _PLAIN}
    functions |= {name: f"{module}.arc{name[1:]}" for name in _INVERSE}
    functions |= {"Abs": f"{module}.abs", "Max": f"{module}.maximum", "Min": f"{module}.minimum"}
    functions |= {"atan2": f"{module}.arctan2"}
    functions |= {name: f"special.{other}" for name, other in _SPECIAL.items()}
    return Dialect(
        name="Python",
        number=repr,
        integer_power=lambda base, n: base if n == 1 else f"{base}**{n}",
        real_power=lambda base, exponent: f"{base}**{exponent}",
        functions=functions,
        select=lambda condition, a, b: f"{module}.where({condition}, {a}, {b})",
        relations={o: o for o in ("==", "!=", "<", "<=", ">", ">=")} | {"and": "&", "or": "|", "not": "~"},
    )


@dataclass(frozen=True, eq=False)
class PythonSource:
    """Texts of one model in Python.

    Attributes
    ----------
    model : ExportModel
    module : str
        Short name of the module of array functions.
    reserved : tuple of str
        Names that the file uses otherwise.
    """

    model: ExportModel
    module: str = "np"
    reserved: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Python's names of the states and of the parameters."""
        n = len(self.model.state_names)
        used = ("state", "parameters", "special", self.module)
        both = identifiers(
            (*self.model.state_names, *self.model.parameter_names),
            reserved=(*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *used, *self.reserved),
            length=40,
        )
        return both[:n], both[n:]

    @property
    def needs_special(self) -> bool:
        """Whether some function is one of SciPy's special ones."""
        return any(type(e).__name__ in _SPECIAL for e in called(self._sides()))

    def _sides(self) -> list[Any]:
        model = self.model
        rows = [*model.jacobian, *model.parameter_jacobian]
        return [*model.right_sides, *model.readouts, *(e for row in rows for e in row)]

    def declarations(self) -> Iterator[str]:
        """Constants with declared names, parameter values and the fixed point."""
        model = self.model
        yield f"STATES = {_tuple(quoted(name) for name in model.state_names)}"
        yield f"PARAMETERS = {_tuple(quoted(name) for name in model.parameter_names)}"
        yield f"VALUES = {_tuple(repr(value) for value in model.values)}"
        yield f"FIXED_POINT = {_tuple(repr(value) for value in model.initial_state.tolist())}"

    def function(
        self,
        name: str,
        head: str,
        targets: Mapping[str, Any],
        ending: Iterable[str],
        places: Mapping[str, str],
    ) -> Iterator[str]:
        """A function that assigns some expressions.

        Parameters
        ----------
        name, head : str
            The name, and the text between ``def`` and the colon after it.
        targets : mapping
            Name of a local variable, with an underscore in front as no state or parameter has, to its expression.
        ending : iterable of str
            Last statements.
        places : mapping
            Python's name of a state or parameter to the text from which it is taken.
        """
        states, parameters = self.names
        symbols = dict(zip((*self.model.states, *self.model.parameters), (*states, *parameters), strict=True))
        used = set().union(*(sympy.sympify(e).free_symbols for e in targets.values()), set())
        yield f"def {name}{head}:"
        for symbol, short in symbols.items():
            if symbol in used:
                yield f"    {short} = {places[short]}"
        for target, text in assignments(dialect(self.module), symbols, list(targets.items()), "_h{}".format):
            yield f"    {target} = {text}"
        for line in ending:
            yield f"    {line}"


def _tuple(parts: Iterable[str]) -> str:
    listed = list(parts)
    return f"({listed[0]},)" if len(listed) == 1 else f"({', '.join(listed)})"
