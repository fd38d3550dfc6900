"""Exact SSM coefficients of small fields, free symbols included, by the same recursion as the float path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from ssmsym.errors import InputError, SubspaceError
from ssmsym.fields.field import VectorField
from ssmsym.manifolds.exact_complex import ExactComplexForm, complex_form
from ssmsym.manifolds.exact_linear import (
    characteristic_factors,
    choose,
    exact_expression,
    real_number,
)
from ssmsym.manifolds.exact_orders import expand_exactly
from ssmsym.manifolds.exact_problem import ExactProblem
from ssmsym.manifolds.exact_size import MAX_TERMS, GuardedRing, TermBudget
from ssmsym.manifolds.exact_subspace import ExactSubspace, exact_subspace
from ssmsym.series.monomials import MonomialTable, monomial_table
from ssmsym.series.polynomial import Polynomial

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
        """Each reduced coordinate's symbol to its right-hand side, for a map to its next value."""
        right_sides = self.reduced_dynamics.to_sympy(self.symbols)
        return dict(zip(self.symbols[: len(right_sides)], right_sides, strict=True))

    @property
    def states(self) -> tuple[Any, ...]:
        """The state as expressions in the reduced coordinates and parameter offsets."""
        return tuple(self.parametrization.to_sympy(self.symbols))

    def complex_form(self) -> ExactComplexForm:
        """The reduced dynamics of one complex pair in its complex coordinate z = p1 + i (...).

        Returns
        -------
        ExactComplexForm

        Raises
        ------
        InputError
            If the manifold does not belong to one complex pair.
        """
        return complex_form(self)

    def latex(self) -> str:
        """Reduced dynamics and parametrization in LaTeX."""
        names = {symbol: sympy.latex(symbol) for symbol in self.equations}
        if self.field.is_map:
            names = {symbol: rf"{name} \mapsto " for symbol, name in names.items()}
        else:
            names = {symbol: rf"\dot{{{name}}} = " for symbol, name in names.items()}
        lines = [names[symbol] + sympy.latex(right) for symbol, right in self.equations.items()]
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
        arrow = " ->" if self.field.is_map else "' ="
        equations = "; ".join(f"{s}{arrow} {r}" for s, r in self.equations.items())
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
    max_terms: int = MAX_TERMS,
) -> ExactSSM:
    """The graph-style SSM of a small flow or map with exact coefficients.

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
        Parameter name to its exact value; values may hold other parameters and free symbols.
    max_terms : int
        Terms that all coefficients of one degree may hold together, in numerators and denominators.

    Returns
    -------
    ExactSSM

    Raises
    ------
    InputError
        If the state is no fixed point, an argument does not fit, or a degree would hold more than `max_terms`
        terms; that is estimated from the growth of lower degrees, before the time is spent.
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
    _check_arguments(field, modes, order, parameters, parameter_order, max_terms)
    budget = TermBudget(max_terms, order)
    problem = ExactProblem(field, state, parameters, values or {})
    wanted = modes if isinstance(modes, (int, np.integer)) else problem.eigenvalues(modes)
    jacobian = problem.jacobian()
    factors = characteristic_factors(jacobian, problem.domain, budget)
    chosen, missing = choose(factors, problem.exact_field, wanted, discrete=field.is_map)
    if missing:
        problem = ExactProblem(field, state, parameters, values or {}, adjoined=tuple(missing))
        jacobian = problem.jacobian()
        factors = characteristic_factors(jacobian, problem.domain, budget)
        chosen, missing = choose(factors, problem.exact_field, wanted, discrete=field.is_map)
    if missing:
        raise SubspaceError(
            f"'{missing[0]}' cannot be separated exactly from other eigenvalues; use compute_ssm."
        )
    subspace = exact_subspace(jacobian, problem.domain, factors, chosen, discrete=field.is_map)
    limit = order if parameter_order is None else parameter_order
    table = monomial_table(subspace.dimension, len(problem.located), order, limit)
    jets = problem.jets(table, subspace.dimension, GuardedRing(problem.domain, budget))
    W, R = expand_exactly(jets, subspace, problem.state_elements, table, budget)
    return _result(problem, subspace, table, W, R, order)


def _check_arguments(
    field: VectorField,
    modes: Any,
    order: Any,
    parameters: Sequence[str],
    parameter_order: Any,
    max_terms: Any,
) -> None:
    if field.data:
        raise InputError("Exact coefficients are computed for fields given by equations, without data nodes.")
    for name, value in (("order", order), ("parameter_order", parameter_order), ("max_terms", max_terms)):
        if value is None and name == "parameter_order":
            continue
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise InputError(f"'{name}' must be an integer of at least 1; found {value!r}.")
    if isinstance(modes, bool) or modes is None or (np.ndim(modes) and not len(modes)):
        raise InputError(f"'modes' is a number of modes or a list of eigenvalues; found {modes!r}.")
    if len(set(parameters)) < len(parameters):
        raise InputError(f"'parameters' names one parameter twice: {list(parameters)}.")


def _result(
    problem: ExactProblem,
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
