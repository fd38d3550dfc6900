"""BifurcationKit.jl: a module with the equations, and a script of continuations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ssmsym_plugins.continuation_request import Request, continuation_request
from ssmsym_plugins.julia_code import JuliaWriter, file_text, signed, wrapped
from ssmsym_plugins.matlab_code import free_prefix
from ssmsym_plugins.programs import julia_package

from ssmsym.exporters.contract import Exporter, ExporterError, Installation
from ssmsym.exporters.model import ExportModel

_INTERVALS, _DEGREE = 30, 4  # of the collocation of a periodic orbit


class BifurcationKit(Exporter):
    """Scripts in the interface of BifurcationKit 0.4."""

    name = "bifurcationkit"
    description = "BifurcationKit.jl 0.4: equations in Julia and a script of continuations"
    url = "https://github.com/bifurcationkit/BifurcationKit.jl"
    verified = "syntax parsed by tree-sitter-julia, numbers by a reader of the syntax tree; Julia was not run"
    install_hint = 'Julia from julialang.org/downloads; then in it: import Pkg; Pkg.add("BifurcationKit").'

    def render(
        self,
        model: ExportModel,
        *,
        name: str = "model",
        parameter: str | None = None,
        interval: tuple[float, float] | None = None,
        second_parameter: str | None = None,
        second_interval: tuple[float, float] | None = None,
        step: float | None = None,
        points: int = 1000,
    ) -> Mapping[str, str]:
        """``NAME.jl``, the module of the exporter ``julia``, and ``run_NAME.jl``.

        Parameters
        ----------
        name : str
            Letters, digits and underscores.
        parameter : str, optional
            The one to vary, by its declared name; the first by default.
        interval : tuple of float, optional
            Absolute values between which it stays; by default one unit to either side of its value.
        second_parameter : str, optional
            Freed besides for the curves of folds and Hopf points; by default the first other parameter.
        second_interval : tuple of float, optional
            By default one unit to either side of its value.
        step : float, optional
            Largest, in arclength; by default a twentieth of the interval or of the trust radius (without one: of
            the state's size, at least 1), whichever is less.
        points : int
            Most steps of a branch.

        Raises
        ------
        ExporterError
            If the model is a map or has no parameter, or an option does not fit.
        """
        if model.time != "continuous":
            raise ExporterError(
                "This model is a map; BifurcationKit files are written for flows (load it as a flow)."
            )
        if points < 2:
            raise ExporterError(f"'points' is at least 2; found {points}.")
        wanted = continuation_request(
            model,
            parameter=parameter,
            interval=interval,
            second_parameter=second_parameter,
            second_interval=second_interval,
            step=step,
        )
        writer = JuliaWriter(model, name)
        script = file_text(_script(writer, name, wanted, points))
        return {f"{name}.jl": writer.text(), f"run_{name}.jl": script}

    def find(self) -> Installation | None:
        """The package BifurcationKit of an installed Julia."""
        return julia_package("BifurcationKit")


def _script(writer: JuliaWriter, name: str, wanted: Request, points: int) -> Iterator[str]:
    module, first = writer.module, writer.parameter_names[wanted.parameter]
    yield f"# Branches of the model in {name}.jl by BifurcationKit 0.4:"
    yield '# using Pkg; Pkg.add(name = "BifurcationKit", version = "0.4")'
    yield from writer.head()
    yield "using BifurcationKit"
    yield "using LinearAlgebra: norm"
    yield f'include(joinpath(@__DIR__, "{name}.jl"))'
    yield ""
    yield from _record(writer, first)
    yield ""
    yield "problem = BifurcationProblem("
    # functions of two arguments: one of three would be taken for one that works in place
    yield f"    (x, p) -> {module}.right_side(x, p),"
    yield f"    {module}.initial_state,"
    yield f"    {module}.parameter_values,"
    yield f"    (@optic _.{first});"
    yield f"    J = (x, p) -> {module}.jacobian(x, p),"
    yield "    record_from_solution = record,"
    yield ")"
    yield ""
    yield from _options(writer, wanted, points)
    yield ""
    yield "equilibria = continuation("
    yield "    problem, PALC(), options;"
    yield f"    bothside = true, normC = norminf{_finalise(writer)},"
    yield ")"
    if wanted.second is not None:
        yield ""
        yield from _second(writer, wanted)
    yield ""
    yield from _orbits()


def _finalise(writer: JuliaWriter) -> str:
    return ", finalise_solution = trusted" if _conditions(writer.model) else ""


def _conditions(model: ExportModel) -> list[str]:
    """What a point of a branch must fulfil where the model is trusted."""
    out = [f"norm(z.u) <= {signed(model.trust_radius)}"] if model.trust_radius else []
    if model.trust_range:
        low, high = (signed(end) for end in model.trust_range)
        out.append(f"{low} <= z.u[1] <= {high}")
    return out


def _record(writer: JuliaWriter, first: str) -> Iterator[str]:
    model = writer.model
    fields = [f"{name} = state[{i + 1}]" for i, name in enumerate(writer.state_names)]
    yield "function record(state, value; k...)"
    if model.readouts:
        prefix = free_prefix("z", writer.state_names)
        fields += [f"{prefix}{i + 1} = outputs[{i + 1}]" for i in range(len(model.readouts))]
        yield f"    parameters = merge({writer.module}.parameter_values, ({first} = value,))"
        yield f"    outputs = {writer.module}.readout(state, parameters)"
    yield from wrapped(f"    return ({', '.join(fields)}{',' if len(fields) == 1 else ''})")
    yield "end"
    conditions = _conditions(model)
    if conditions:
        yield ""
        yield "# a branch ends where its states are no longer trusted"
        yield f"trusted(z, tau, step, branch; k...) = {' && '.join(conditions)}"


def _options(writer: JuliaWriter, wanted: Request, points: int) -> Iterator[str]:
    low, high = (signed(end) for end in wanted.interval)
    step, first = signed(wanted.step), signed(wanted.step / 5)
    yield "options = ContinuationPar("
    yield f"    p_min = {low}, p_max = {high},"
    yield f"    ds = {first}, dsmax = {step}, dsmin = {signed(1e-4 * wanted.step)}, max_steps = {points},"
    yield f"    nev = {len(writer.model.states)}, detect_bifurcation = 3, n_inversion = 8, max_bisection_steps = 40,"
    yield "    newton_options = NewtonPar(tol = 1e-10),"
    yield ")"


def _second(writer: JuliaWriter, wanted: Request) -> Iterator[str]:
    second = writer.parameter_names[wanted.second or 0]
    low, high = (signed(end) for end in wanted.second_interval)
    yield f"in_two = ContinuationPar(options; p_min = {low}, p_max = {high})"
    for result, kind, extra in (("folds", ":fold", "start_with_eigen = false, "), ("hopfs", ":hopf", "")):
        yield f"{result} = ["
        yield "    continuation("
        yield f"        equilibria, index, (@optic _.{second}), in_two;"
        yield f"        {extra}detect_codim2_bifurcation = 2, bothside = true, normC = norminf,"
        yield f"    ) for (index, point) in enumerate(equilibria.specialpoint) if point.type == {kind}"
        yield "]"


def _orbits() -> Iterator[str]:
    yield "function record_orbit(x, p; k...)"
    yield "    orbit = get_periodic_orbit(p.prob, x, p.p)"
    yield "    return (max = maximum(orbit[1, :]), min = minimum(orbit[1, :]), period = getperiod(p.prob, x, p.p))"
    yield "end"
    yield ""
    yield "cycles = ["
    yield "    continuation("
    yield f"        equilibria, index, options, PeriodicOrbitOCollProblem({_INTERVALS}, {_DEGREE});"
    yield "        record_from_solution = record_orbit, normC = norminf,"
    yield "    ) for (index, point) in enumerate(equilibria.specialpoint) if point.type == :hopf"
    yield "]"
