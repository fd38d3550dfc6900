"""Normal-form coefficients of Hopf, fold and pitchfork points as formulas in the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.manifolds.exact import ExactSSM, compute_exact_ssm
from ssmsym.manifolds.exact_complex import ExactComplexForm, PairCoordinates, square_root
from ssmsym.manifolds.exact_linear import characteristic_factors, exact_expression, roots
from ssmsym.manifolds.exact_problem import ExactProblem
from ssmsym.manifolds.exact_size import MAX_TERMS, TermBudget


@dataclass(frozen=True, eq=False)
class ExactHopf:
    """First Lyapunov coefficient of a Hopf point.

    On the centre manifold z' = i omega z + c1 z abs(z)^2 after the removal of all other terms to degree 3,
    where x - x* = q z + conj(q) zbar to first order and abs(q) = 1. Another length of q multiplies c1 by a
    positive number, so only signs compare between conventions.

    Attributes
    ----------
    frequency : SymPy expression
        omega, in 1/time.
    c1 : SymPy expression
        Complex.
    real_part : SymPy expression
        Re c1, what MatCont prints; negative: supercritical.
    lyapunov : SymPy expression
        Re c1 / omega, Kuznetsov's l1.
    form : ExactComplexForm
        The reduced dynamics to degree 3; its z has another length, abs(q)^2 = ``form.norm``.
    ssm : ExactSSM
        The centre manifold.
    """

    frequency: Any
    c1: Any
    real_part: Any
    lyapunov: Any
    form: ExactComplexForm
    ssm: ExactSSM

    def __repr__(self) -> str:
        return f"ExactHopf(omega = {self.frequency}, Re c1 = {self.real_part}, l1 = Re c1 / omega)"

    def latex(self) -> str:
        """Frequency and Re c1 in LaTeX."""
        return rf"\omega = {sympy.latex(self.frequency)} \\ \operatorname{{Re}} c_{{1}} = " + sympy.latex(
            self.real_part
        )


@dataclass(frozen=True, eq=False)
class ExactFold:
    """Quadratic coefficient of a fold point: p' = sum of b_mu delta_mu + a p^2, x - x* = p q, abs(q) = 1.

    Attributes
    ----------
    quadratic : SymPy expression
        a; its sign and those of `unfolding` change with the sign of q, their product does not.
    unfolding : dict of str to SymPy expression
        b_mu for each parameter asked for. Two fixed points exist where the sum of b_mu delta_mu has the sign
        opposite to a.
    direction : tuple of SymPy expressions
        q, (N,).
    ssm : ExactSSM
        The centre manifold; its p has another length.
    """

    quadratic: Any
    unfolding: dict[str, Any]
    direction: tuple[Any, ...]
    ssm: ExactSSM

    def latex(self) -> str:
        """The normal form in LaTeX."""
        return _unfolded(self.unfolding, self.quadratic, 2)


@dataclass(frozen=True, eq=False)
class ExactPitchfork:
    """Cubic coefficient of a pitchfork point: p' = sum of b_mu delta_mu p + c p^3, x - x* = p q, abs(q) = 1.

    Attributes
    ----------
    cubic : SymPy expression
        c; negative: supercritical.
    unfolding : dict of str to SymPy expression
        b_mu, the eigenvalue's rate of change with each parameter asked for, along x*.
    direction : tuple of SymPy expressions
        q, (N,).
    ssm : ExactSSM
        The centre manifold; its p has another length.
    """

    cubic: Any
    unfolding: dict[str, Any]
    direction: tuple[Any, ...]
    ssm: ExactSSM

    def latex(self) -> str:
        """The normal form in LaTeX."""
        return _unfolded({f"{name} p": b for name, b in self.unfolding.items()}, self.cubic, 3)


def _unfolded(unfolding: Mapping[str, Any], coefficient: Any, power: int) -> str:
    terms = [
        rf"\left({sympy.latex(b)}\right) \delta_{{{sympy.latex(sympy.Symbol(name.removesuffix(' p')))}}}"
        + (" p" if name.endswith(" p") else "")
        for name, b in unfolding.items()
        if b != 0
    ]
    return r"\dot{p} = " + " + ".join([*terms, rf"\left({sympy.latex(coefficient)}\right) p^{{{power}}}"])


def exact_hopf_coefficient(
    field: VectorField,
    state: Sequence[Any] | None = None,
    *,
    eigenvalue: Any = None,
    values: Mapping[str, Any] | None = None,
) -> ExactHopf:
    """The first Lyapunov coefficient of a flow at a Hopf point, as a formula in the free symbols.

    With g_ij / (i! j!) the coefficients of z^i zbar^j on the centre manifold,
    c1 = i/(2 omega) (g20 g11 - 2 abs(g11)^2 - abs(g02)^2 / 3) + g21 / 2 and l1 = Re c1 / omega.

    Parameters
    ----------
    field : VectorField
    state : sequence of SymPy expressions, optional
        The fixed point, (N,); the origin by default.
    eigenvalue : SymPy expression, optional
        i omega; not needed if one factor lambda^2 + omega^2 divides the characteristic polynomial.
    values : mapping of str to SymPy number or expression, optional
        Exact parameter values, such as those that make the point a Hopf point.

    Returns
    -------
    ExactHopf
        Convention: abs(q) = 1, see there. Symbols under the root in omega count as positive.

    Raises
    ------
    InputError
        If the field is a map, the state is no fixed point or no pair is imaginary.

    Examples
    --------
    >>> import sympy
    >>> from ssmsym import from_sympy
    >>> x, y, a = sympy.symbols("x y a")
    >>> r = x**2 + y**2
    >>> field = from_sympy({x: -y + a * x * r, y: x + a * y * r}, parameters=[a])
    >>> exact_hopf_coefficient(field).real_part
    2*a

    References
    ----------
    Kuznetsov, Elements of Applied Bifurcation Theory, 3rd ed., equations 3.18 and 3.20.
    """
    _refuse_maps(field)
    modes = [eigenvalue] if eigenvalue is not None else _imaginary_pair(field, state, values)
    ssm = compute_exact_ssm(field, state, modes=modes, order=3, values=values)
    pair = PairCoordinates(ssm)
    if pair.growth != pair.domain.zero:
        raise InputError(
            f"The pair of '{ssm.eigenvalues[0]}' is not imaginary: its real part is {pair.real(pair.growth)}. Give "
            "the parameter values of a Hopf point in 'values'."
        )
    cubic = pair.cubic_coefficient()
    _, norm = pair.eigenvector()
    omega = pair.frequency
    real = pair.real(cubic[0] / norm)
    return ExactHopf(
        frequency=omega,
        c1=pair.expression((cubic[0] / norm, cubic[1] / norm)),
        real_part=real,
        lyapunov=sympy.factor(real / omega),
        form=ssm.complex_form(),
        ssm=ssm,
    )


def exact_fold_coefficient(
    field: VectorField,
    state: Sequence[Any] | None = None,
    *,
    parameters: Sequence[str] = (),
    values: Mapping[str, Any] | None = None,
) -> ExactFold:
    """The quadratic coefficient of a flow at a fold point and its unfolding, as formulas in the free symbols.

    a = <l, B(q, q)> / 2 and b_mu = <l, df/dmu> with A q = 0, A^T l = 0, <l, q> = abs(q) = 1.

    Parameters
    ----------
    field : VectorField
    state : sequence of SymPy expressions, optional
        The fixed point, (N,); the origin by default.
    parameters : sequence of str
        Parameters whose unfolding is wanted.
    values : mapping of str to SymPy number or expression, optional
        Exact parameter values, such as those that make the point a fold.

    Returns
    -------
    ExactFold

    Raises
    ------
    InputError
        If the field is a map, or the state is no fixed point.
    SubspaceError
        If 0 is no simple eigenvalue.

    Examples
    --------
    >>> import sympy
    >>> from ssmsym import from_sympy
    >>> x, a, mu = sympy.symbols("x a mu")
    >>> field = from_sympy({x: mu + a * x**2}, parameters=[a, mu])
    >>> fold = exact_fold_coefficient(field, parameters=["mu"], values={"mu": 0})
    >>> fold.quadratic, fold.unfolding
    (a, {'mu': 1})

    References
    ----------
    Kuznetsov, Elements of Applied Bifurcation Theory, 3rd ed., section 5.4.
    """
    ssm, length = _neutral_mode(field, state, parameters, values, order=2)
    offset = len(parameters)
    return ExactFold(
        quadratic=sympy.factor(_coefficient(ssm, 2) / length),
        unfolding={
            name: sympy.factor(_coefficient(ssm, 0, *(i == j for j in range(offset))) * length)
            for i, name in enumerate(parameters)
        },
        direction=_direction(ssm, length),
        ssm=ssm,
    )


def exact_pitchfork_coefficient(
    field: VectorField,
    state: Sequence[Any] | None = None,
    *,
    parameters: Sequence[str] = (),
    values: Mapping[str, Any] | None = None,
) -> ExactPitchfork:
    """The cubic coefficient of a flow at a pitchfork point and its unfolding, as formulas in the free symbols.

    Parameters
    ----------
    field : VectorField
        With a symmetry that changes the sign of the neutral mode, at least to degree 3.
    state : sequence of SymPy expressions, optional
        The fixed point, (N,); the origin by default.
    parameters : sequence of str
        Parameters whose unfolding is wanted.
    values : mapping of str to SymPy number or expression, optional
        Exact parameter values, such as those that make the point a pitchfork.

    Returns
    -------
    ExactPitchfork

    Raises
    ------
    InputError
        If the field is a map, the state is no fixed point, the quadratic coefficient is not 0 or a parameter
        moves the fixed point along the neutral mode.
    SubspaceError
        If 0 is no simple eigenvalue.

    Examples
    --------
    >>> import sympy
    >>> from ssmsym import from_sympy
    >>> x, w = sympy.symbols("x w")
    >>> field = from_sympy({x: -x + w * sympy.tanh(x)}, parameters=[w])
    >>> pitchfork = exact_pitchfork_coefficient(field, parameters=["w"], values={"w": 1})
    >>> pitchfork.cubic, pitchfork.unfolding
    (-1/3, {'w': 1})

    References
    ----------
    Kuznetsov, Elements of Applied Bifurcation Theory, 3rd ed., sections 5.4 and 7.4.
    """
    ssm, length = _neutral_mode(field, state, parameters, values, order=3)
    units = [tuple(int(i == j) for j in range(len(parameters))) for i in range(len(parameters))]
    if _coefficient(ssm, 2) != 0:
        raise InputError(
            f"The point is no pitchfork: its quadratic coefficient is {_coefficient(ssm, 2)}, not 0; see "
            "exact_fold_coefficient."
        )
    for name, unit in zip(parameters, units, strict=True):
        if _coefficient(ssm, 0, *unit) != 0:
            raise InputError(
                f"'{name}' moves the fixed point along the neutral mode and so breaks the pitchfork; leave it out."
            )
    return ExactPitchfork(
        cubic=sympy.factor(_coefficient(ssm, 3) / length**2),
        unfolding={
            name: sympy.factor(_coefficient(ssm, 1, *unit))
            for name, unit in zip(parameters, units, strict=True)
        },
        direction=_direction(ssm, length),
        ssm=ssm,
    )


def _refuse_maps(field: VectorField) -> None:
    if field.is_map:
        raise InputError("Normal-form coefficients are computed for flows; this field is a map.")


def _imaginary_pair(
    field: VectorField, state: Sequence[Any] | None, values: Mapping[str, Any] | None
) -> list[Any]:
    """Both roots of the one factor lambda^2 + c of the characteristic polynomial, c not known to be negative."""
    problem = ExactProblem(field, state, (), values or {})
    found = []
    for factor, _ in characteristic_factors(problem.jacobian(), problem.domain, TermBudget(MAX_TERMS, 3)):
        if factor.degree() == 2:
            _, middle, last = factor.all_coeffs()
            square = exact_expression("the frequency", last)
            if sympy.simplify(middle) == 0 and not (square.is_number and not square.is_positive):
                found.append(factor)
    if len(found) != 1:
        raise InputError(
            f"{len(found) or 'No'} pairs of eigenvalues are imaginary for every value of the free symbols; give "
            "the parameter values of a Hopf point in 'values', or its 'eigenvalue' i*omega."
        )
    return roots(found[0])


def _neutral_mode(
    field: VectorField,
    state: Sequence[Any] | None,
    parameters: Sequence[str],
    values: Mapping[str, Any] | None,
    order: int,
) -> tuple[ExactSSM, Any]:
    """The centre manifold over a simple eigenvalue 0, and the length of its direction."""
    _refuse_maps(field)
    ssm = compute_exact_ssm(
        field, state, modes=[0], order=order, parameters=parameters, parameter_order=1, values=values
    )
    if ssm.right.shape[1] != 1:
        raise InputError(f"0 is an eigenvalue {ssm.right.shape[1]} times here; a simple one is needed.")
    return ssm, square_root(sympy.factor(sum(v**2 for v in ssm.right)))


def _direction(ssm: ExactSSM, length: Any) -> tuple[Any, ...]:
    return tuple(sympy.factor(v / length) for v in ssm.right)


def _coefficient(ssm: ExactSSM, *powers: int) -> Any:
    """Of p^a and powers of the offsets, 0 where not given."""
    R = ssm.reduced_dynamics
    wanted = [*map(int, powers), *[0] * (R.n_variables - len(powers))]
    rows = np.flatnonzero((R.exponents == wanted).all(axis=1))
    return R.coefficients[rows[0], 0] if len(rows) else sympy.Integer(0)
