"""Exact SSM coefficients of small fields, free symbols included, by the same recursion as the float path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from ssmsym.errors import InputError, SmoothnessError, SubspaceError
from ssmsym.fields.field import VectorField
from ssmsym.fields.jets import Jets
from ssmsym.fields.parameters import locate
from ssmsym.fields.values import Binding, SymbolicArithmetic
from ssmsym.manifolds.exact_linear import (
    ExactField,
    characteristic_factors,
    choose,
    exact_array,
    exact_expression,
    exact_number,
    objects,
    real_number,
)
from ssmsym.manifolds.exact_orders import ExactSubspace, exact_subspace, expand_exactly
from ssmsym.series.monomials import MonomialTable, monomial_table
from ssmsym.series.polynomial import Polynomial
from ssmsym.series.ring import ExactRing

Objects = NDArray[Any]


@dataclass(frozen=True, eq=False)
class ExactSSM:
    """An SSM with exact coefficients: SymPy numbers and rational functions of free symbols.

    Attributes
    ----------
    field : VectorField
    state : tuple of SymPy expressions
        The fixed point.
    eigenvalues : tuple of SymPy expressions
        Of the master subspace.
    right, left : SymPy matrices (N, d)
        V and U, U^T V = I. V is in reduced row echelon form: a 1 at its pivot entry, 0 at the others' pivots.
    parametrization, reduced_dynamics : Polynomial
        In the d reduced coordinates and q parameter offsets; coefficients are SymPy expressions.
    parameters : tuple of str
        Names of the parameters that are coordinates.
    order : int
    """

    field: VectorField
    state: tuple[Any, ...]
    eigenvalues: tuple[Any, ...]
    right: Any
    left: Any
    parametrization: Polynomial
    reduced_dynamics: Polynomial
    parameters: tuple[str, ...]
    order: int

    @property
    def symbols(self) -> tuple[Any, ...]:
        """Symbols of the reduced coordinates, ``p`` or ``p1``, ``p2``, ..., then of the parameter offsets."""
        d = int(self.right.shape[1])
        own = [sympy.Symbol("p")] if d == 1 else [sympy.Symbol(f"p{i}") for i in range(1, d + 1)]
        return (*own, *(sympy.Symbol(f"delta_{name}") for name in self.parameters))

    @property
    def equations(self) -> dict[Any, Any]:
        """Each reduced coordinate's symbol to its right-hand side."""
        right_sides = self.reduced_dynamics.to_sympy(self.symbols)
        return dict(zip(self.symbols[: len(right_sides)], right_sides, strict=True))

    @property
    def states(self) -> tuple[Any, ...]:
        """The state as expressions in the reduced coordinates and parameter offsets."""
        return tuple(self.parametrization.to_sympy(self.symbols))

    def latex(self) -> str:
        """Reduced dynamics and parametrization in LaTeX."""
        lines = [
            rf"\dot{{{sympy.latex(symbol)}}} = {sympy.latex(right)}"
            for symbol, right in self.equations.items()
        ]
        lines += [
            rf"x_{{{i}}} = {sympy.latex(expression)}" for i, expression in enumerate(self.states, start=1)
        ]
        return " \\\\ ".join(lines)

    def numeric(
        self, values: Mapping[Any, float] | None = None, *, right: ArrayLike | None = None
    ) -> tuple[Polynomial, Polynomial]:
        """W and R in floats, with numbers in place of the free symbols.

        Parameters
        ----------
        values : mapping, optional
            Free symbol, or its name, to a number.
        right : (N, d) array, optional
            Another basis of the master subspace, such as ``SSM.right``; the coordinates are changed to it.

        Returns
        -------
        parametrization, reduced_dynamics : Polynomial
        """
        given = {str(s): exact_expression(f"'{s}' in 'values'", v) for s, v in (values or {}).items()}
        W = _numbers(self.parametrization, given)
        R = _numbers(self.reduced_dynamics, given)
        if right is None:
            return W, R
        own = np.array([real_number(entry, given) for entry in self.right]).reshape(self.right.shape)
        wanted = np.asarray(right, dtype=float)
        if wanted.shape != own.shape:
            raise InputError(f"'right' has shape {wanted.shape}; expected {own.shape}.")
        change = np.linalg.lstsq(own, wanted, rcond=None)[0]
        d, q = len(change), len(self.parameters)
        full = np.eye(d + q)
        full[:d, :d] = change
        into = Polynomial.identity(d + q).transformed(full)
        changed = R.compose(into).transformed(np.linalg.inv(change))
        return self._cut(W.compose(into)), self._cut(changed)

    def _cut(self, polynomial: Polynomial) -> Polynomial:
        """The terms that the expansion holds; a linear change of coordinates makes no others."""
        own = {tuple(row) for row in self.parametrization.exponents.tolist()}
        keep = np.array([tuple(row) in own for row in polynomial.exponents.tolist()])
        return Polynomial(polynomial.exponents[keep], polynomial.coefficients[keep])

    def __repr__(self) -> str:
        values = ", ".join(str(v) for v in self.eigenvalues)
        equations = "; ".join(f"{s}' = {r}" for s, r in self.equations.items())
        shown = equations if len(equations) < 300 else equations[:297] + "..."
        return f"ExactSSM(order {self.order}, eigenvalues {values}: {shown})"


def _numbers(polynomial: Polynomial, values: Mapping[str, Any]) -> Polynomial:
    flat = [real_number(entry, values) for entry in polynomial.coefficients.ravel()]
    return Polynomial(polynomial.exponents, np.array(flat).reshape(polynomial.coefficients.shape))


def compute_exact_ssm(
    field: VectorField,
    state: Sequence[Any] | None = None,
    *,
    modes: Any,
    order: int = 3,
    parameters: Sequence[str] = (),
    parameter_order: int | None = None,
    values: Mapping[str, Any] | None = None,
) -> ExactSSM:
    """The graph-style SSM of a small flow with exact coefficients.

    Same equations and recursion as :func:`~ssmsym.compute_ssm`; numbers are rationals, algebraic numbers or
    rational functions of free symbols (functions of the fixed point that have no such value, such as
    tanh(1), count as further symbols, and so do radicals such as sqrt(mu)). Symbols stand for real numbers.

    Parameters
    ----------
    field : VectorField
        Its parameters stay symbols, whatever values they have, unless `values` gives exact ones. Arrays of
        floats are taken as the rationals that they are.
    state : sequence of SymPy expressions, optional
        The fixed point, (N,); the origin by default.
    modes : int, or SymPy expression or sequence of expressions
        A Python integer says how many leading modes, if all eigenvalues are numbers. Otherwise the
        eigenvalues of the master subspace as expressions, ``[-1]`` or ``[a - 1 + I*b]``; of a complex pair,
        either one stands for both. Symbols are known by their names.
    order, parameters, parameter_order
        As for :func:`~ssmsym.compute_ssm`.
    values : mapping of str to SymPy number or expression, optional
        Parameter name to its exact value.

    Returns
    -------
    ExactSSM

    Raises
    ------
    InputError
        If the state is no fixed point or an argument does not fit.
    SubspaceError
        If a mode is no eigenvalue, or cannot be separated exactly from others.
    ResonanceError
        If an outer resonance obstructs the expansion. Its `mode` is the position in the spectrum, leading
        first, of the outer eigenvalue, or -1 if that depends on free symbols.

    Examples
    --------
    >>> import sympy
    >>> from ssmsym import from_sympy
    >>> x, y, beta = sympy.symbols("x y beta")
    >>> field = from_sympy({x: -x, y: -beta * y + x**2}, parameters=[beta])
    >>> compute_exact_ssm(field, modes=[-1], order=2).states
    (p, p**2/(beta - 2))
    """
    _check_arguments(field, modes, order, parameters, parameter_order)
    problem = _ExactProblem(field, state, parameters, values or {})
    wanted = modes if isinstance(modes, (int, np.integer)) else problem.eigenvalues(modes)
    jacobian = problem.jacobian()
    factors = characteristic_factors(jacobian, problem.domain)
    chosen, missing = choose(factors, problem.exact_field, wanted)
    if missing:
        problem = _ExactProblem(field, state, parameters, values or {}, adjoined=tuple(missing))
        jacobian = problem.jacobian()
        factors = characteristic_factors(jacobian, problem.domain)
        chosen, missing = choose(factors, problem.exact_field, wanted)
    if missing:
        raise SubspaceError(
            f"'{missing[0]}' cannot be separated exactly from other eigenvalues; use compute_ssm."
        )
    subspace = exact_subspace(jacobian, problem.domain, factors, chosen)
    limit = order if parameter_order is None else parameter_order
    table = monomial_table(subspace.dimension, len(problem.located), order, limit)
    W, R = expand_exactly(problem.jets(table, subspace.dimension), subspace, problem.state_elements, table)
    return _result(problem, subspace, table, W, R, order)


def _check_arguments(
    field: VectorField, modes: Any, order: Any, parameters: Sequence[str], parameter_order: Any
) -> None:
    if field.is_map or field.data:
        raise InputError("Exact coefficients are computed for flows given by equations, without data nodes.")
    for name, value in (("order", order), ("parameter_order", parameter_order)):
        if value is None and name == "parameter_order":
            continue
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise InputError(f"'{name}' must be an integer of at least 1; found {value!r}.")
    if isinstance(modes, bool) or modes is None or (np.ndim(modes) and not len(modes)):
        raise InputError(f"'modes' is a number of modes or a list of eigenvalues; found {modes!r}.")
    if len(set(parameters)) < len(parameters):
        raise InputError(f"'parameters' names one parameter twice: {list(parameters)}.")


def _result(
    problem: _ExactProblem,
    subspace: ExactSubspace,
    table: MonomialTable,
    W: Objects,
    R: Objects,
    order: int,
) -> ExactSSM:
    expressions = problem.expressions
    return ExactSSM(
        field=problem.field,
        state=tuple(expressions(problem.state_elements)),
        eigenvalues=subspace.eigenvalues,
        right=sympy.ImmutableMatrix(expressions(subspace.right)),
        left=sympy.ImmutableMatrix(expressions(subspace.left)),
        parametrization=Polynomial(table.exponents, expressions(W)),
        reduced_dynamics=Polynomial(table.exponents, expressions(R)),
        parameters=tuple(problem.names),
        order=order,
    )


class _ExactProblem:
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
        self.ring = ExactRing(self.domain)
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
        given = {name: exact_expression(f"'{name}' in 'values'", value) for name, value in values.items()}
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
        """Domain elements to SymPy expressions, factored."""
        flat = [sympy.factor(self.domain.to_sympy(e)) for e in np.ravel(elements)]
        return objects(flat).reshape(np.shape(elements))

    def _check_fixed_point(self) -> None:
        values = self._point_values()
        velocity = self.convert(np.concatenate([values[i] for i in self.field.program.outputs]))
        for component, element in enumerate(velocity):
            if element != self.domain.zero:
                rest = sympy.simplify(self.domain.to_sympy(element))
                if rest != 0:
                    shown = f"{float(rest):.3g}" if rest.is_Rational and rest.q > 10**6 else rest
                    raise InputError(
                        f"The given state is no fixed point: component {component} of f is {shown} there. Give the "
                        "fixed point as expressions, or fix parameters by 'values'."
                    )

    def jets(self, table: MonomialTable, first: int) -> Jets:
        """Jets of the right-hand side; parameters are the coordinates from number `first` on."""
        active: dict[str, tuple[Objects, list[int | None]]] = {}
        for offset, (name, entry) in enumerate(self.located):
            values = self._parameter_values[name]
            coordinates = active.get(name, (values, [None] * len(values)))[1]
            coordinates[entry] = first + offset
            active[name] = (values, coordinates)
        roots = self.field.program.outputs
        return Jets(self._binding, roots, table, self.ring, self._blocks, active, self.convert)

    def jacobian(self) -> Objects:
        """Df at the fixed point, (N, N) domain elements: the degree-1 jet along all states."""
        n = self.field.n_states
        table = monomial_table(n, len(self.located), 1, None)
        identity = self.ring.zeros((n + len(self.located), n))
        for i in range(n):
            identity[i, i] = self.domain.one
        part = self.jets(table, n).advance(1, self.field.split(identity))
        return part[:n].T


class _Rational(SymbolicArithmetic):
    """Symbolic arithmetic in which floats are the rationals that they are."""

    def number(self, payload: Any) -> Objects:
        return super().number(exact_number(payload))
