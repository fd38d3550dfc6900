"""PyDSTool: a Python script with specifications of the variables and a run of PyCont."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterator, Mapping

import numpy as np
from ssmsym_plugins.pydstool_reader import value

from ssmsym.exporters.code import CodePrinter, Dialect
from ssmsym.exporters.contract import Array, Exporter, Installation, RightSideReader
from ssmsym.exporters.identifiers import identifiers, quoted
from ssmsym.exporters.model import ExportModel
from ssmsym.exporters.options import (
    file_stem,
    interval_around,
    positive,
    refuse_map,
    step_lengths,
    varied_parameter,
    whole,
)
from ssmsym.exporters.process import installed_package

_PLAIN = ("exp", "log", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh")
_SPECIAL = {
    "erf": "special_erf",
    "erfc": "special_erfc",
    "gamma": "special_gamma",
    "loggamma": "special_gammaln",
}
_RESERVED = (
    *_PLAIN,
    *_SPECIAL.values(),
    *("t", "e", "pi", "if", "for", "max", "min", "abs", "pow", "heav", "sign", "mod", "sum", "floor", "ceil"),
    *("fmod", "log10", "inf", "nan", "y_", "globalindepvar", "initcond", "getindex", "getbound", "auxvars"),
    *keyword.kwlist,
)

DIALECT = Dialect(
    name="PyDSTool",
    number=repr,
    integer_power=lambda base, n: base if n == 1 else f"{base}**{n}",
    real_power=lambda base, exponent: f"{base}**{exponent}",
    functions={
        **{name: name for name in _PLAIN},
        **_SPECIAL,
        "Abs": "abs",
        "Max": "max",
        "Min": "min",
    },
    select=lambda condition, a, b: f"if({condition}, {a}, {b})",
    relations={o: o for o in ("==", "!=", "<", "<=", ">", ">=", "and", "or", "not")},
)


class Pydstool(Exporter, RightSideReader):
    """A Python script for PyDSTool 0.91, which needs Python 3.9 or older."""

    name = "pydstool"
    description = "PyDSTool: a Python script with variable specifications and a PyCont run"
    url = "https://pydstool.github.io/PyDSTool/"
    verified = (
        "values of the specifications, by a reader of its own; scripts run by hand with PyDSTool 0.91 (Python 3.9, "
        "numpy 1.23)"
    )
    install_hint = "in Python 3.9: pip install numpy==1.23.5 scipy==1.10.1 setuptools PyDSTool==0.91.0."

    def render(
        self,
        model: ExportModel,
        *,
        name: str = "model",
        parameter: str | None = None,
        interval: tuple[float, float] | None = None,
        step: float | None = None,
        max_step: float | None = None,
        points: int = 400,
        tolerance: float = 1e-10,
    ) -> Mapping[str, str]:
        """``NAME.py``.

        Parameters
        ----------
        name : str
            Of the file and the system: letters, digits and underscores.
        parameter, interval
            By default the first, one unit to either side of its value.
        step, max_step : float, optional
            First and longest step in arclength; by default a hundredth and a twentieth of the interval or the trust
            radius.
        points : int
            Most points in each direction.
        tolerance : float
            Of Newton's iteration.

        Raises
        ------
        ExporterError
            If the model is a map, has no parameter or a function that PyDSTool lacks, or an option does not fit.
        """
        refuse_map(model, "PyDSTool")
        varied = varied_parameter(model, parameter)
        low, high = interval_around(model, varied, interval)
        first, longest = step_lengths(model, high - low, step, max_step)
        curve = {
            "MaxNumPoints": whole("points", points, 2, 100000),
            "StepSize": abs(first),
            "MinStepSize": abs(first) * 1e-4,
            "MaxStepSize": longest,
            "FuncTol": positive("tolerance", tolerance),
            "VarTol": tolerance,
            "TestTol": 100 * tolerance,
        }
        lines = [*_lines(model, file_stem(name))]
        short = _names(model)[1][model.parameter_names.index(varied)]
        lines += [f'VARIED = "{short}"', f"INTERVAL = ({low!r}, {high!r})", f"CURVE = {curve!r}", *_TAIL, ""]
        return {f"{name}.py": "\n".join(lines)}

    def find(self) -> Installation | None:
        """The package PyDSTool, which is looked for but not imported."""
        return installed_package("PyDSTool")

    def evaluate(
        self, files: Mapping[str, str], model: ExportModel, states: Array, parameters: Array
    ) -> Array | None:
        """The specifications of the rendered script, read by a small reader."""
        (text,) = files.values()
        found = _literals(text)
        specifications, given = found["SPECIFICATIONS"], found["PARAMETERS"]
        out = np.empty(np.shape(states))
        for k, (state, own) in enumerate(zip(states, parameters, strict=True)):
            numbers = dict(zip((*specifications, *given), (*state.tolist(), *own.tolist()), strict=True))
            out[k] = [value(side, numbers) for side in specifications.values()]
        return out


def _literals(text: str) -> dict[str, dict[str, str]]:
    """The dictionaries that a script assigns."""
    return {
        statement.targets[0].id: ast.literal_eval(statement.value)
        for statement in ast.parse(text).body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Dict)
        and isinstance(statement.targets[0], ast.Name)
    }


def _names(model: ExportModel) -> tuple[tuple[str, ...], tuple[str, ...]]:
    n = len(model.state_names)
    both = identifiers((*model.state_names, *model.parameter_names), reserved=_RESERVED, length=40)
    return both[:n], both[n:]


def _lines(model: ExportModel, name: str) -> Iterator[str]:
    states, parameters = _names(model)
    symbols = dict(zip((*model.states, *model.parameters), (*states, *parameters), strict=True))
    printer = CodePrinter(DIALECT, symbols)
    yield f'"""{quoted(model.title)[1:-1]}."""'
    yield ""
    declared = (*model.state_names, *model.parameter_names)
    for short, given in zip((*states, *parameters), declared, strict=True):
        yield f"# {short} = {quoted(given)}"
    yield f'NAME = "{name}"'
    yield "SPECIFICATIONS = {"
    for short, side in zip(states, model.right_sides, strict=True):
        yield f'    "{short}": "{printer.text(side)}",'
    yield "}"
    values = (f'"{short}": {number!r}' for short, number in zip(parameters, model.values, strict=True))
    yield f"PARAMETERS = {{{', '.join(values)}}}"
    values = (
        f'"{short}": {number!r}' for short, number in zip(states, model.initial_state.tolist(), strict=True)
    )
    yield f"START = {{{', '.join(values)}}}"


_TAIL = '''

def main():
    """Trace the fixed points both ways and print the special points."""
    from PyDSTool import ContClass, Generator, args

    system = Generator.Vode_ODEsystem(
        args(
            name=NAME,
            pars=PARAMETERS,
            varspecs=SPECIFICATIONS,
            ics=START,
            tdomain=[0, 10],
            pdomain={VARIED: list(INTERVAL)},
        )
    )
    curves = ContClass(system)
    curves.newCurve(
        args(
            name="EQ1",
            type="EP-C",
            freepars=[VARIED],
            LocBifPoints=["LP", "H", "BP"],
            StopAtPoints=["B"],
            SaveEigen=True,
            **CURVE
        )
    )
    curves["EQ1"].forward()
    curves["EQ1"].backward()
    for kind in ("LP", "H", "BP"):
        number = 1
        while curves["EQ1"].getSpecialPoint(kind + str(number)) is not None:
            print(kind, dict(curves["EQ1"].getSpecialPoint(kind + str(number))))
            number += 1


if __name__ == "__main__":
    main()'''.splitlines()
