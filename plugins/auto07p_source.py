"""The equations file of AUTO-07p, in Fortran or C."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from ssmsym.exporters.code import CodePrinter, Dialect, called
from ssmsym.exporters.identifiers import identifiers, quoted
from ssmsym.exporters.model import ExportModel

_WIDTH = 120  # AUTO's own build refuses lines over 132
_FIRST_FREE = 15  # PAR(10) to PAR(14) are AUTO's own or may be: period, time
_BEFORE = 9
_MANY_TERMS = 500  # from here on powers, too, are computed once: compilers are slow with thousands
_NAME_LENGTH = 10  # AUTO's headers cut names at 13 characters and put "MAX " before some
_RESERVED = (
    "br",
    "pt",
    "ty",
    "lab",
    "par",
    "period",
    "time",
    "max",
    "min",
    "integral",
    "norm",
    "eps",
    "u",
    "t",
)

_MATHEMATICS = {name: name for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan")}
_MATHEMATICS |= {name: name for name in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc")}


def parameter_numbers(count: int) -> tuple[int, ...]:
    """Places in PAR of so many parameters: 1 to 9, then from 15 on."""
    return tuple(i + 1 if i < _BEFORE else i - _BEFORE + _FIRST_FREE for i in range(count))


def names(model: ExportModel) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """AUTO's names of the states and of the parameters."""
    n = len(model.state_names)
    both = identifiers(
        (*model.state_names, *model.parameter_names),
        reserved=_RESERVED,
        length=_NAME_LENGTH,
        case_sensitive=False,
    )
    return both[:n], both[n:]


def equations(model: ExportModel, language: str) -> str:
    """The file with FUNC, STPNT and the empty routines that AUTO asks for."""
    return (_Fortran if language == "fortran" else _C)(model).text()


def _literal(value: float, mark: str) -> str:
    mantissa, _, exponent = f"{value:.17g}".partition("e")
    if mark == "d":
        return f"{mantissa}d{int(exponent or 0)}"
    point = "" if "." in mantissa or exponent else ".0"
    return f"{mantissa}{point}" + (f"e{int(exponent)}" if exponent else "")


FORTRAN = Dialect(
    name="Fortran",
    number=lambda value: _literal(value, "d"),
    integer_power=lambda base, n: base if n == 1 else f"{base}**{n}",
    real_power=lambda base, exponent: f"{base}**{exponent}",
    functions=_MATHEMATICS
    | {"Abs": "abs", "Max": "max", "Min": "min", "atan2": "atan2", "gamma": "gamma", "loggamma": "log_gamma"},
    select=lambda condition, a, b: f"merge({a}, {b}, {condition})",
    relations={o: o for o in ("==", "<", "<=", ">", ">=")}
    | {"!=": "/=", "and": ".and.", "or": ".or.", "not": ".not."},
)

C = Dialect(
    name="C",
    number=lambda value: _literal(value, "e"),
    integer_power=lambda base, n: base if n == 1 else f"power({base}, {n})",
    real_power=lambda base, exponent: f"pow({base}, {exponent})",
    functions=_MATHEMATICS
    | {
        "Abs": "fabs",
        "Max": "fmax",
        "Min": "fmin",
        "atan2": "atan2",
        "gamma": "tgamma",
        "loggamma": "lgamma",
    },
    select=lambda condition, a, b: f"({condition} ? {a} : {b})",
    relations={o: o for o in ("==", "!=", "<", "<=", ">", ">=")} | {"and": "&&", "or": "||", "not": "!"},
)


class _Source(ABC):
    """What both languages share: places of variables, function calls computed once, one statement a term."""

    dialect: Dialect
    comment: str

    def __init__(self, model: ExportModel) -> None:
        self.model = model
        self.numbers = parameter_numbers(len(model.parameters))
        derivatives = [e for row in (*model.jacobian, *model.parameter_jacobian) for e in row]
        sums = [*model.right_sides, *derivatives]
        long = sum(len(e.args) if e.is_Add else 1 for e in sums) > _MANY_TERMS
        self.calls = called(sums, powers=long)
        symbols = {s: self.state(i) for i, s in enumerate(model.states)}
        symbols |= {s: self.parameter(k) for s, k in zip(model.parameters, self.numbers, strict=True)}
        symbols |= {call: self.local(i) for i, call in enumerate(self.calls)}
        self.printer = CodePrinter(self.dialect, symbols)

    @abstractmethod
    def state(self, i: int) -> str:
        """Place of a state, counted from 0."""

    @abstractmethod
    def parameter(self, number: int) -> str:
        """Place of a parameter, by its number in PAR."""

    @abstractmethod
    def local(self, i: int) -> str:
        """Place of a function call's value, counted from 0."""

    @abstractmethod
    def lines(self) -> Iterator[str]:
        """All lines."""

    def text(self) -> str:
        """The file."""
        return "".join(f"{line}\n" for line in self.lines())

    def head(self) -> Iterator[str]:
        """Comments: the title, and which place has which name."""
        states, parameters = names(self.model)
        yield f"{self.comment} {quoted(self.model.title)[1:-1]}"[:_WIDTH]
        places = [self.state(i) for i in range(len(states))] + [self.parameter(k) for k in self.numbers]
        declared = (*self.model.state_names, *self.model.parameter_names)
        for place, name, short in zip(places, declared, (*states, *parameters), strict=True):
            yield f"{self.comment} {place}: {short} = {quoted(name)}"[:_WIDTH]

    def sum(self, target: str, e: Any) -> Iterator[str]:
        """Statements that add up a sum, a term each."""
        for i, (sign, term) in enumerate(self.printer.terms(e)):
            if i:
                yield f"{target} = {target} {sign} {term}"
            else:
                yield f"{target} = {'-' if sign == '-' else ''}{term}"

    def locals(self) -> Iterator[str]:
        """Statements that compute every function call once."""
        for i, call in enumerate(self.calls):
            yield f"{self.local(i)} = {self.printer.definition(call)}"

    def start(self) -> Iterator[str]:
        """Statements that set parameters and states to where the run starts."""
        for number, value in zip(self.numbers, self.model.values, strict=True):
            yield f"{self.parameter(number)} = {self._signed(value)}"
        for i, value in enumerate(self.model.initial_state.tolist()):
            yield f"{self.state(i)} = {self._signed(value)}"

    def _signed(self, value: float) -> str:
        return ("-" if value < 0 else "") + self.dialect.number(abs(value))


class _Fortran(_Source):
    dialect = FORTRAN
    comment = "!"

    def state(self, i: int) -> str:
        return f"U({i + 1})"

    def parameter(self, number: int) -> str:
        return f"PAR({number})"

    def local(self, i: int) -> str:
        return f"V({i + 1})"

    def lines(self) -> Iterator[str]:
        yield from self.head()
        yield from (
            "SUBROUTINE FUNC(NDIM,U,ICP,PAR,IJAC,F,DFDU,DFDP)",
            "  IMPLICIT NONE",
            "  INTEGER, INTENT(IN) :: NDIM, ICP(*), IJAC",
            "  DOUBLE PRECISION, INTENT(IN) :: U(NDIM), PAR(*)",
            "  DOUBLE PRECISION, INTENT(OUT) :: F(NDIM)",
            "  DOUBLE PRECISION, INTENT(INOUT) :: DFDU(NDIM,NDIM), DFDP(NDIM,*)",
        )
        if self.calls:
            yield f"  DOUBLE PRECISION :: V({len(self.calls)})"
        yield from self._wrapped(self.locals())
        for i, side in enumerate(self.model.right_sides):
            yield from self._wrapped(self.sum(f"F({i + 1})", side))
        yield from ("  IF (IJAC == 0) RETURN", "  DFDU(1:NDIM,1:NDIM) = 0d0")
        for i, j, e in nonzero(self.model.jacobian):
            yield from self._wrapped(self.sum(f"DFDU({i + 1},{j + 1})", e))
        yield "  IF (IJAC == 1) RETURN"
        for number in self.numbers:
            yield f"  DFDP(1:NDIM,{number}) = 0d0"
        for i, j, e in nonzero(self.model.parameter_jacobian):
            yield from self._wrapped(self.sum(f"DFDP({i + 1},{self.numbers[j]})", e))
        yield from (
            "END SUBROUTINE FUNC",
            "",
            "SUBROUTINE STPNT(NDIM,U,PAR,T)",
            "  IMPLICIT NONE",
            "  INTEGER, INTENT(IN) :: NDIM",
            "  DOUBLE PRECISION, INTENT(INOUT) :: U(NDIM), PAR(*)",
            "  DOUBLE PRECISION, INTENT(IN) :: T",
        )
        yield from self._wrapped(self.start())
        yield "END SUBROUTINE STPNT"
        for routine in ("BCND", "ICND", "FOPT", "PVLS"):
            yield from ("", f"SUBROUTINE {routine}", f"END SUBROUTINE {routine}")

    def _wrapped(self, statements: Iterable[str]) -> Iterator[str]:
        for statement in statements:
            rest = f"  {statement}"
            while len(rest) > _WIDTH:
                end = rest.rfind(" ", _WIDTH // 2, _WIDTH - 1) + 1 or _WIDTH - 1
                yield f"{rest[:end]}&"
                rest = f"&{rest[end:]}"  # with '&' at both ends even a name may be split
            yield rest


class _C(_Source):
    dialect = C
    comment = "//"

    def state(self, i: int) -> str:
        return f"u[{i}]"

    def parameter(self, number: int) -> str:
        return f"par[{number - 1}]"

    def local(self, i: int) -> str:
        return f"v[{i}]"

    def lines(self) -> Iterator[str]:
        n = len(self.model.states)
        yield from self.head()
        yield from (
            '#include "auto_f2c.h"',
            "",
            "static inline doublereal power(doublereal x, int n) {",
            "  doublereal y = x;",
            "  while (--n > 0) y *= x;",
            "  return y;",
            "}",
            "",
            "int func(integer ndim, const doublereal *u, const integer *icp, const doublereal *par,",
            "         integer ijac, doublereal *f, doublereal *dfdu, doublereal *dfdp) {",
            "  integer i;",
        )
        if self.calls:
            yield f"  doublereal v[{len(self.calls)}];"
        yield from self._wrapped(self.locals())
        for i, side in enumerate(self.model.right_sides):
            yield from self._wrapped(self.sum(f"f[{i}]", side))
        yield from ("  if (ijac == 0) return 0;", f"  for (i = 0; i < {n * n}; i++) dfdu[i] = 0.0;")
        for i, j, e in nonzero(self.model.jacobian):
            yield from self._wrapped(self.sum(f"dfdu[{i + j * n}]", e))
        yield "  if (ijac == 1) return 0;"
        for number in self.numbers:
            yield f"  for (i = 0; i < {n}; i++) dfdp[i + {(number - 1) * n}] = 0.0;"
        for i, j, e in nonzero(self.model.parameter_jacobian):
            yield from self._wrapped(self.sum(f"dfdp[{i + (self.numbers[j] - 1) * n}]", e))
        yield from (
            "  return 0;",
            "}",
            "",
            "int stpnt(integer ndim, doublereal t, doublereal *u, doublereal *par) {",
        )
        yield from self._wrapped(self.start())
        yield from ("  return 0;", "}", *_C_REST)

    def _wrapped(self, statements: Iterable[str]) -> Iterator[str]:
        for statement in statements:
            rest = f"  {statement};"
            while len(rest) > _WIDTH:
                end = rest.rfind(" ", _WIDTH // 2, _WIDTH) + 1 or rest.find(" ", _WIDTH) + 1
                if not end:
                    break
                yield rest[:end].rstrip()
                rest = f"    {rest[end:]}"
            yield rest


_C_REST = """
int pvls(integer ndim, const doublereal *u, doublereal *par) { return 0; }
int bcnd(integer ndim, const doublereal *par, const integer *icp, integer nbc, const doublereal *u0,
         const doublereal *u1, integer ijac, doublereal *fb, doublereal *dbc) { return 0; }
int icnd(integer ndim, const doublereal *par, const integer *icp, integer nint, const doublereal *u,
         const doublereal *uold, const doublereal *udot, const doublereal *upold, integer ijac,
         doublereal *fi, doublereal *dint) { return 0; }
int fopt(integer ndim, const doublereal *u, const integer *icp, const doublereal *par, integer ijac,
         doublereal *fs, doublereal *dfdu, doublereal *dfdp) { return 0; }
""".splitlines()


def nonzero(rows: Iterable[Iterable[Any]]) -> Iterator[tuple[int, int, Any]]:
    """Row, column and expression of every entry that is not zero."""
    for i, row in enumerate(rows):
        for j, e in enumerate(row):
            if e != 0:
                yield i, j, e
