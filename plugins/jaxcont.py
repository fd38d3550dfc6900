"""jaxcont: a Python script with the right-hand side in JAX and a run of fixed points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ssmsym_plugins.python_evaluation import evaluated
from ssmsym_plugins.python_source import PythonSource

from ssmsym.exporters.contract import Array, Exporter, Installation, RightSideReader
from ssmsym.exporters.identifiers import quoted
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

_TAKEN = ("right_side", "f", "main", "jax", "jnp", "jaxcont", "others", "value")
_IMPORTS = ("import jax", "import jax.numpy as jnp", 'jax.config.update("jax_enable_x64", True)')
_SPECIAL = "from jax.scipy import special"


class Jaxcont(Exporter, RightSideReader):
    """A Python script for jaxcont: fixed points in one parameter, with folds and Hopf points."""

    name = "jaxcont"
    description = "jaxcont: a Python script with JAX functions that traces fixed points"
    url = "https://pypi.org/project/jaxcont/"
    verified = (
        "values of the functions, with NumPy in the place of JAX; one script run by hand with jaxcont 0.4.0"
    )
    install_hint = "pip install jaxcont (with JAX, about 400 MB)."

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
            Of the file: letters, digits and underscores.
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
            If the model is a map or has no parameter, or an option does not fit.
        """
        refuse_map(model, "jaxcont")
        varied = varied_parameter(model, parameter)
        low, high = interval_around(model, varied, interval)
        first, longest = step_lengths(model, high - low, step, max_step)
        settings = {
            "ds": abs(first),
            "ds_min": abs(first) * 1e-4,
            "ds_max": longest,
            "max_steps": whole("points", points, 2, 100000),
            "newton_tol": positive("tolerance", tolerance),
        }
        lines = [
            *_lines(PythonSource(model, "jnp", _TAKEN)),
            f"VARIED = {model.parameter_names.index(varied)}  # place among the parameters",
            f"INTERVAL = ({low!r}, {high!r})",
            f"SETTINGS = {settings!r}",
            *_TAIL,
            "",
        ]
        return {f"{file_stem(name)}.py": "\n".join(lines)}

    def find(self) -> Installation | None:
        """The package jaxcont, which is looked for but not imported."""
        return installed_package("jaxcont")

    def evaluate(
        self, files: Mapping[str, str], model: ExportModel, states: Array, parameters: Array
    ) -> Array | None:
        """The rendered function with NumPy in the place of JAX, whose functions it calls by the same names."""
        plain = {_IMPORTS[1]: "import numpy as jnp", _SPECIAL: "from scipy import special"}
        plain |= dict.fromkeys((_IMPORTS[0], _IMPORTS[2]), "")
        replaced = {
            name: "\n".join(plain.get(line, line) for line in text.splitlines())
            for name, text in files.items()
        }
        return evaluated(replaced, "right_side", states, parameters)


def _lines(source: PythonSource) -> Iterator[str]:
    yield f'"""{quoted(source.model.title)[1:-1]}."""'
    yield ""
    yield from _IMPORTS[:2]
    if source.needs_special:
        yield _SPECIAL
    yield ""
    yield _IMPORTS[2]
    yield from source.declarations()
    states, parameters = source.names
    places = {short: f"state[{i}]" for i, short in enumerate(states)}
    places |= {short: f"parameters[{i}]" for i, short in enumerate(parameters)}
    targets = {f"_r{i}": e for i, e in enumerate(source.model.right_sides)}
    ending = [f"return jnp.stack([0.0 * state[0] + entry for entry in ({', '.join(targets)},)])"]
    yield from ("", "")
    yield from source.function("right_side", "(state, parameters=VALUES)", targets, ending, places)
    yield from ("", "")


_TAIL = '''

def f(state, value, others):
    """The rates of change at one value of the varied parameter; the others as they are."""
    return right_side(state, [value if i == VARIED else other for i, other in enumerate(others)])


def main():
    """Trace the fixed points to both ends of the interval and print the special points."""
    import jaxcont

    start = VALUES[VARIED]
    problem = jaxcont.bif_problem(f, jnp.array(FIXED_POINT), start, args=VALUES)
    settings = jaxcont.ContinuationPar(**SETTINGS)
    for end in INTERVAL:
        found = jaxcont.continuation(
            problem, p_span=(start, end), settings=settings, events=[jaxcont.Fold(), jaxcont.Hopf()]
        )
        for event in found.events:
            print(event)


if __name__ == "__main__":
    main()'''.splitlines()
