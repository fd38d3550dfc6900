"""A field bound to exact arrays and symbols at a fixed point: its domain, its Jacobian and its jets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from ssmsym.errors import InputError, SmoothnessError
from ssmsym.fields.field import VectorField
from ssmsym.fields.jets import Jets
from ssmsym.fields.parameters import locate
from ssmsym.fields.values import Binding, SymbolicArithmetic
from ssmsym.manifolds.exact_expressions import Expressions
from ssmsym.manifolds.exact_linear import (
    ExactField,
    exact_array,
    exact_expression,
    exact_number,
    objects,
)
from ssmsym.series.monomials import MonomialTable, monomial_table
from ssmsym.series.ring import ExactRing

Objects = NDArray[Any]


class ExactProblem:
    """A field bound to exact arrays and symbols, and the domain that holds all its values at the fixed point."""

    def __init__(
        self,
        field: VectorField,
        state: Sequence[Any] | None,
        parameters: Sequence[str],
        values: Mapping[str, Any],
        adjoined: tuple[Any, ...] = (),
    ) -> None:
        self.field = field
        self._adjoined = adjoined
        self.names = list(parameters)
        self.located = [locate(name, field.values) for name in parameters]
        self._names: dict[str, Any] = {}  # every name to its symbol or its value
        exact = self._exact_parameters(values)
        entries = [0] * field.n_states if state is None else list(np.ravel(np.array(state, dtype=object)))
        if len(entries) != field.n_states:
            raise InputError(f"The state has {len(entries)} entries; this field has {field.n_states}.")
        self._state = [
            self._known(exact_expression(f"Entry {i} of 'state'", entry)) for i, entry in enumerate(entries)
        ]
        self._active = frozenset(name for name, _ in self.located)
        self._parameter_values = exact
        self._binding = Binding(
            field.program,
            {name: exact_array(value) for name, value in field.arrays.items()},
            exact,
            {},
            _Rational(field.program.functions),
            self._active,
        )
        self._blocks = field.split(objects(self._state))
        self.exact_field = self._field()
        self.domain = self.exact_field.domain
        self.ring: ExactRing = ExactRing(self.domain)
        self._expressions = Expressions(self.domain)
        self.state_elements = self.convert(objects(self._state))
        self._check_fixed_point()

    def _point_values(self) -> dict[int, Objects]:
        program = self.field.program
        indices = program.reachable(program.outputs, derivatives=True)
        active = {name: self._parameter_values[name] for name in self._active}
        return self._binding.run(self._blocks, active, indices)

    def _exact_parameters(self, values: Mapping[str, Any]) -> dict[str, Objects]:
        out: dict[str, Objects] = {}
        for name, value in self.field.values.items():
            symbol = self.field.symbols[name]
            entries = (
                [symbol] if value.ndim == 0 else [sympy.Symbol(f"{name}[{i}]") for i in range(len(value))]
            )
            out[name] = objects(entries)
        given = _put_into_each_other(
            {name: exact_expression(f"'{name}' in 'values'", value) for name, value in values.items()}
        )
        located = {name: locate(name, self.field.values) for name in given}
        symbols = {s.name: s for entries in out.values() for s in entries}
        self._names = {name: symbol for name, symbol in symbols.items() if name not in given}
        for name, value in given.items():
            base, entry = located[name]
            out[base][entry] = self._known(value)
        for name, (base, entry) in located.items():
            self._names.setdefault(name, out[base][entry])
        return out

    def _known(self, expression: Any) -> Any:
        """An expression with one symbol per name, and given parameters replaced by their values."""
        for symbol in expression.free_symbols:
            self._names.setdefault(str(symbol), symbol)
        return expression.subs({s: self._names[str(s)] for s in expression.free_symbols}, simultaneous=True)

    def eigenvalues(self, modes: Any) -> list[Any]:
        """The eigenvalues asked for, as expressions in the symbols of this problem."""
        wanted = np.ravel(np.array(modes, dtype=object))
        return [
            self._known(exact_expression(f"Entry {i} of 'modes'", value)) for i, value in enumerate(wanted)
        ]

    def _field(self) -> ExactField:
        found = [e for value in self._point_values().values() for e in np.ravel(value)]
        expressions = [sympy.sympify(e) for e in [*found, *self._state, *self._adjoined]]
        if any(e.has(sympy.zoo, sympy.nan, sympy.oo) for e in expressions):
            raise SmoothnessError("The equations are not finite at the given state.")
        return ExactField(expressions)

    def convert(self, values: Objects) -> Objects:
        """SymPy expressions to domain elements, entry by entry."""
        flat = [self.exact_field(e) for e in np.ravel(values)]
        return objects(flat).reshape(np.shape(values))

    def expressions(self, elements: Objects) -> Objects:
        """Domain elements to SymPy expressions, factored where that is cheap."""
        flat = [self._expressions(e) for e in np.ravel(elements)]
        return objects(flat).reshape(np.shape(elements))

    def _check_fixed_point(self) -> None:
        values = self._point_values()
        velocity = self.convert(np.concatenate([values[i] for i in self.field.program.outputs]))
        if self.field.is_map:
            velocity = velocity - self.state_elements
        for component, element in enumerate(velocity):
            if element != self.domain.zero:
                rest = sympy.simplify(self.domain.to_sympy(element))
                if rest != 0:
                    shown = f"{float(rest):.3g}" if rest.is_Rational and rest.q > 10**6 else rest
                    what = "f(x) - x" if self.field.is_map else "f"
                    raise InputError(
                        f"The given state is no fixed point: component {component} of {what} is {shown} there. "
                        "Give the fixed point as expressions, or fix parameters by 'values'."
                    )

    def jets(self, table: MonomialTable, first: int, ring: ExactRing | None = None) -> Jets:
        """Jets of the right-hand side; parameters are the coordinates from number `first` on."""
        active: dict[str, tuple[Objects, list[int | None]]] = {}
        for offset, (name, entry) in enumerate(self.located):
            values = self._parameter_values[name]
            coordinates = active.get(name, (values, [None] * len(values)))[1]
            coordinates[entry] = first + offset
            active[name] = (values, coordinates)
        roots = self.field.program.outputs
        return Jets(self._binding, roots, table, ring or self.ring, self._blocks, active, self.convert)

    def jacobian(self) -> Objects:
        """Df at the fixed point, (N, N) domain elements: the degree-1 jet along all states."""
        n = self.field.n_states
        table = monomial_table(n, len(self.located), 1, None)
        identity = self.ring.zeros((n + len(self.located), n))
        for i in range(n):
            identity[i, i] = self.domain.one
        part = self.jets(table, n).advance(1, self.field.split(identity))
        return part[:n].T


def _put_into_each_other(given: dict[str, Any]) -> dict[str, Any]:
    """Values that hold names of other given values, with these in their place."""
    done: dict[str, Any] = {}
    waiting = dict(given)
    while waiting:
        ready = [
            name
            for name, value in waiting.items()
            if not any(str(s) in waiting and str(s) != name for s in value.free_symbols)
        ]
        if not ready:
            raise InputError(f"The entries {sorted(waiting)} of 'values' are defined by each other.")
        for name in ready:
            value = waiting.pop(name)
            known = {s: done[str(s)] for s in value.free_symbols if str(s) in done and str(s) != name}
            done[name] = value.subs(known, simultaneous=True)
    return done


class _Rational(SymbolicArithmetic):
    """Symbolic arithmetic in which floats are the rationals that they are."""

    def number(self, payload: Any) -> Objects:
        return super().number(exact_number(payload))
