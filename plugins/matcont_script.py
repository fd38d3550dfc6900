"""Run scripts for MatCont (flows) and MatContM (maps)."""

from __future__ import annotations

from collections.abc import Iterator

from ssmsym_plugins.continuation_request import Request
from ssmsym_plugins.matlab_code import MatlabWriter, column, file_text, row, signed, text, wrapped

_INTERVALS, _DEGREE = 20, 4  # of the collocation of a cycle
_AMPLITUDE = 1e-3  # of the first cycle, relative to the size of the state


def run_script(writer: MatlabWriter, name: str, wanted: Request, points: int) -> str:
    """A function that continues from the model's fixed point and returns all curves."""
    flow = writer.model.time == "continuous"
    lines = [
        f"function results = run_{name}()",
        f"% Curves of the system '{name}' by {'MatCont 7p2' if flow else 'MatContM 5p4'}, which must be on the path.",
        *writer.head(),
        "global cds",
        f"system = @{name};",
        *wrapped(f"x = {column(writer.model.initial_state.tolist())};"),
        *wrapped(f"p = {column(writer.model.values)};"),
        f"n = {len(writer.model.states)};",
        f"ap = {wanted.parameter + 1};  % {writer.parameter_names[wanted.parameter]}",
        f"interval = [{signed(wanted.interval[0])}, {signed(wanted.interval[1])}];",
        f"radius = {signed(writer.model.trust_radius or float('inf'))};  % of the trusted states",
        f"range = {row(writer.model.trust_range or (float('-inf'), float('inf')))};  % of the first state",
        "results = struct('equilibria', {{}}, 'folds', {{}}, 'hopfs', {{}}, 'cycles', {{}});"
        if flow
        else "results = struct('fixed_points', {{}}, 'folds', {{}}, 'flips', {{}}, 'neimark_sackers', {{}});",
        "",
        *_options(writer, wanted, points),
        "",
        *(_flow(wanted) if flow else _map(wanted)),
        "end",
        "",
        *_TRUSTED,
    ]
    return file_text(lines)


def _options(writer: MatlabWriter, wanted: Request, points: int) -> Iterator[str]:
    step = signed(wanted.step)
    yield "opt = contset;"
    yield "opt = contset(opt, 'Singularities', 1);"
    yield f"opt = contset(opt, '{'Eigenvalues' if writer.model.time == 'continuous' else 'Multipliers'}', 1);"
    yield f"opt = contset(opt, 'MaxNumPoints', {points});"
    yield f"opt = contset(opt, 'MaxStepsize', {step});"
    yield f"opt = contset(opt, 'InitStepsize', {signed(wanted.step / 5)});"
    if writer.model.time == "discrete" and len(writer.model.states) == 1:
        yield "opt = contset(opt, 'IgnoreSingularity', 1);  % one state has no Neimark-Sacker points"
    if writer.model.readouts:
        yield "found = struct('name', {}, 'state', {}, 'label', {});"
        for i in range(len(writer.model.readouts)):
            label = text(f"Z{i + 1}".ljust(4))
            yield f"found({i + 1}) = struct('name', 'readout{i + 1}', 'state', 1, 'label', {label});"
        yield "opt = contset(opt, 'Userfunctions', 1);"
        yield "opt = contset(opt, 'UserfunctionsInfo', found);  % points at which a readout is 0"


def _flow(wanted: Request) -> Iterator[str]:
    yield from _first("init_EP_EP(system, x, p, ap)", "equilibrium", "equilibria")
    yield "  for k = reshape(trusted(s, xc, n, interval, radius, range), 1, [])"
    yield from _at_point()
    yield "    if strcmp(label, 'H') && isfield(s(k).data, 'lyapunov') && ischar(s(k).data.lyapunov)"
    yield "      continue  % a neutral saddle"
    yield "    end"
    if wanted.second is not None:
        yield f"    both = [ap, {wanted.second + 1}];"
        yield from _curve("LP", "init_LP_LP(system, xs, ps, both)", "limitpoint", "folds")
        yield from _curve("H", "init_H_H(system, xs, ps, both)", "hopf", "hopfs")
    yield "    if strcmp(label, 'H')"
    yield f"      size_of_cycle = {signed(_AMPLITUDE)}*max(1, norm(xs));"
    yield f"      [x0, v0] = init_H_LC(system, xs, ps, ap, size_of_cycle, {_INTERVALS}, {_DEGREE});"
    yield "      cycle = contset(opt, 'Multipliers', 1);"
    yield "      cycle = contset(cycle, 'Adapt', 3);"
    yield "      cycle = contset(cycle, 'Backward', 0);"
    yield "      cycle = contset(cycle, 'Userfunctions', 0);"
    yield "      [xl, vl, sl, hl, fl] = cont(@limitcycle, x0, v0, cycle);"
    yield "      results.cycles{end+1} = struct('x', xl, 'v', vl, 's', sl, 'h', hl, 'f', fl);"
    yield "    end"
    yield "  end"
    yield "end"


def _map(wanted: Request) -> Iterator[str]:
    yield from _first("init_FPm_FPm(system, x, p, ap, 1)", "fixedpointmap", "fixed_points")
    if wanted.second is not None:
        yield "  for k = reshape(trusted(s, xc, n, interval, radius, range), 1, [])"
        yield from _at_point()
        yield "    if strcmp(label, 'NS') && ~isfield(s(k).data, 'c')"
        yield "      continue  % a neutral saddle"
        yield "    end"
        yield f"    both = [ap, {wanted.second + 1}];"
        yield from _curve("LP", "init_LPm_LPm(system, xs, ps, both, 1)", "limitpointmap", "folds")
        yield from _curve("PD", "init_PDm_PDm(system, xs, ps, both, 1)", "perioddoublingmap", "flips")
        yield from _curve(
            "NS", "init_NSm_NSm(system, xs, ps, both, 1)", "neimarksackermap", "neimark_sackers"
        )
        yield "  end"
    yield "end"


def _first(start: str, curve: str, result: str) -> Iterator[str]:
    yield "for backward = [0, 1]"
    yield "  opt = contset(opt, 'Backward', backward);"
    yield f"  [x0, v0] = {start};"
    yield f"  [xc, v, s, h, f] = cont(@{curve}, x0, v0, opt);"
    yield f"  results.{result}{{end+1}} = struct('x', xc, 'v', v, 's', s, 'h', h, 'f', f);"


def _at_point() -> Iterator[str]:
    yield "    label = strtrim(s(k).label);"
    yield "    xs = xc(1:n, s(k).index);"
    yield "    ps = p;"
    yield "    ps(ap) = xc(end, s(k).index);"


def _curve(label: str, start: str, curve: str, result: str) -> Iterator[str]:
    yield f"    if strcmp(label, '{label}')"
    yield "      for back = [0, 1]"
    yield "        other = contset(opt, 'Backward', back);"
    yield "        other = contset(other, 'Userfunctions', 0);"
    yield f"        [x0, v0] = {start};"
    yield f"        [xt, vt, st, ht, ft] = cont(@{curve}, x0, v0, other);"
    yield f"        results.{result}{{end+1}} = struct('x', xt, 'v', vt, 's', st, 'h', ht, 'f', ft);"
    yield "      end"
    yield "    end"


_TRUSTED = (
    "function found = trusted(s, x, n, interval, radius, range)",
    "% places of special points in the interval whose states are trusted; MatCont itself has no such bounds",
    "found = [];",
    "for k = 1:numel(s)",
    "  point = x(:, s(k).index);",
    "  inside = point(end) >= interval(1) && point(end) <= interval(2);",
    "  if inside && norm(point(1:n)) <= radius && point(1) >= range(1) && point(1) <= range(2)",
    "    found(end+1) = k;",
    "  end",
    "end",
    "end",
)
