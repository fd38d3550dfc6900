"""Contract, discovery and writing of exporters, with plugins made up here."""

import importlib.metadata
from pathlib import Path

import numpy as np
import pytest
import sympy

from ssmsym import compute_ssm, from_sympy, reduce
from ssmsym.dynamics.diagram import BifurcationDiagram
from ssmsym.errors import InputError, OutputError
from ssmsym.exporters import discovery
from ssmsym.exporters.contract import (
    Exporter,
    ExporterError,
    Installation,
    RightSideReader,
    Runner,
    Trace,
    TracedEvent,
)
from ssmsym.exporters.discovery import exporter_names, get_exporter
from ssmsym.exporters.identifiers import identifiers, quoted
from ssmsym.exporters.model import export_model
from ssmsym.exporters.running import continue_in, tools
from ssmsym.exporters.testing import check_exporter, sample_models
from ssmsym.exporters.writing import export, options_from_text

P, MU = sympy.symbols("p mu")


class Plain(Exporter):
    """Writes names and equations."""

    name = "plain"
    description = "names and equations"
    url = "https://example.org"
    verified = "syntax only"

    def render(
        self,
        model,
        *,
        digits: int = 3,
        scale: float | None = None,
        interval: tuple[float, float] | None = None,
    ):
        lines = [quoted(n) for n in (*model.state_names, *model.parameter_names)]
        return {"model.txt": "\n".join([*lines, str(digits), ""]), "more/values.txt": f"{model.values}\n"}


class Fold(Runner):
    """A tool that knows the branch p^2 = mu, far beyond what it is asked for."""

    name = "fold"
    description = "traces a parabola"
    url = "https://example.org"
    verified = "run"
    install_hint = "pip install parabola"
    installed = True

    def find(self):
        return Installation(Path("/nowhere"), "1.2") if self.installed else None

    def render(self, model, *, parameter: str = "", interval: tuple[float, float] | None = None):
        return {"model.txt": f"{model.state_names} {model.parameter_names} {parameter} {interval}\n"}

    def run(self, job):
        assert (job.folder / "model.txt").exists()
        (job.folder / "out.txt").write_text("done")

    def read(self, job):
        out = []
        for number, start in enumerate(job.starts):
            for direction in (1, -1):
                p = start.state[0] + direction * np.linspace(0, 4, 401)
                fold = int(np.argmin(np.abs(p)))
                event = [TracedEvent("fold", fold, np.array([0j]))] if abs(p[fold]) < 1e-9 else []
                event += [TracedEvent("hopf", 3, np.empty(0, dtype=complex))]
                out.append(
                    Trace(number, direction, p**2, p[:, None], p > 0, (p < 0).astype(int), tuple(event))
                )
        return out


def parabola(value=0.25):
    return from_sympy({P: MU - P**2}, parameters={MU: value})


class FakeDistribution:
    def __init__(self, name):
        self.name = name


def fake_entry(name, value, distribution="dist"):
    entry = importlib.metadata.EntryPoint(name, value, discovery.GROUP)
    vars(entry)["dist"] = FakeDistribution(distribution)
    return entry


@pytest.fixture
def installed(monkeypatch):
    """Makes a given list of entry points the installed ones."""

    def install(*entries):
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: list(entries))
        exporter_names(refresh=True)

    yield install
    monkeypatch.undo()
    exporter_names(refresh=True)


# -- discovery ------------------------------------------------------------------------------------------------

HERE = "ssmsym_exporters_of_a_test"


@pytest.fixture
def plugin_module(monkeypatch):
    import sys
    import types

    module = types.ModuleType(HERE)
    module.Plain, module.Fold, module.NotOne = Plain, Fold, dict

    class Free(Plain):
        name = "free"

        def render(self, model, **options):
            return {}

    class Failing(Plain):
        name = "failing"

        def __init__(self):
            raise RuntimeError("no licence")

    module.Free, module.Failing = Free, Failing
    monkeypatch.setitem(sys.modules, HERE, module)
    return HERE


def test_broken_plugin_is_named_and_harms_no_other(installed, plugin_module):
    installed(
        fake_entry("plain", f"{plugin_module}:Plain"),
        fake_entry("broken", "no_such_module_at_all:Thing", "brokendist"),
        fake_entry("failing", f"{plugin_module}:Failing"),
        fake_entry("notone", f"{plugin_module}:NotOne"),
        fake_entry("other", f"{plugin_module}:Plain"),
        fake_entry("free", f"{plugin_module}:Free"),
    )
    assert exporter_names() == ("broken", "failing", "free", "notone", "other", "plain")
    assert isinstance(get_exporter("plain"), Plain)
    assert get_exporter("plain") is get_exporter("plain")
    with pytest.raises(ExporterError, match=r"'broken' of 'brokendist'.*ModuleNotFoundError"):
        get_exporter("broken")
    with pytest.raises(ExporterError, match="RuntimeError: no licence"):
        get_exporter("failing")
    with pytest.raises(ExporterError, match="is no ssmsym"):
        get_exporter("notone")
    with pytest.raises(ExporterError, match="calls itself 'plain'"):
        get_exporter("other")
    with pytest.raises(ExporterError, match=r"'\*\*options'.*explicit"):
        get_exporter("free")
    problems = {status.name: status.problem for status in tools()}
    assert problems["plain"] == ""
    assert "ModuleNotFoundError" in problems["broken"]


def test_names_are_listed_without_loading(installed):
    installed(fake_entry("later", "no_such_module_at_all:Thing"))
    assert exporter_names() == ("later",)


def test_two_distributions_with_one_name(installed, plugin_module):
    installed(
        fake_entry("plain", f"{plugin_module}:Plain", "first"),
        fake_entry("plain", f"{plugin_module}:Fold", "second"),
        fake_entry("fold", f"{plugin_module}:Fold"),
    )
    assert isinstance(get_exporter("fold"), Fold)
    with pytest.raises(ExporterError, match=r"claimed by 'first'.* and 'second'"):
        get_exporter("plain")


def test_unknown_name_suggests(installed):
    installed(fake_entry("auto07p", "x:Y"), fake_entry("xppaut", "x:Z"))
    with pytest.raises(
        ExporterError, match=r"'auto-07p'\. Installed: 'auto07p', 'xppaut'\. Did you mean 'auto07p'\?"
    ):
        get_exporter("auto-07p")


# -- writing --------------------------------------------------------------------------------------------------


def test_export_writes_below_the_folder(tmp_path):
    paths = export(parabola(), Plain(), tmp_path / "new" / "folder", digits=5)
    assert [p.relative_to(tmp_path / "new" / "folder").as_posix() for p in paths] == [
        "model.txt",
        "more/values.txt",
    ]
    assert paths[0].read_text() == "'p'\n'mu'\n5\n"


def test_export_refuses_to_overwrite_before_it_writes(tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "values.txt").write_text("mine")
    (tmp_path / "kept.txt").write_text("kept")
    with pytest.raises(OutputError, match=r"values\.txt.*exist"):
        export(parabola(), Plain(), tmp_path)
    assert not (tmp_path / "model.txt").exists()
    assert (tmp_path / "more" / "values.txt").read_text() == "mine"
    export(parabola(), Plain(), tmp_path, overwrite=True)
    assert (tmp_path / "more" / "values.txt").read_text() == "(0.25,)\n"
    assert (tmp_path / "kept.txt").read_text() == "kept"


@pytest.mark.parametrize("name", ["../out.txt", "/tmp/out.txt", "", "a/../../b", "c:x", "a\\b"])
def test_file_names_that_lead_elsewhere(tmp_path, name):
    class Escaping(Plain):
        def render(self, model):
            return {name: "text"}

    with pytest.raises(ExporterError, match="no plain relative name"):
        export(parabola(), Escaping(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_link_out_of_the_folder(tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "more").symlink_to(tmp_path)
    with pytest.raises(OutputError, match="leads out of"):
        export(parabola(), Plain(), tmp_path / "inside")


def test_unknown_option_lists_the_known(tmp_path):
    with pytest.raises(
        ExporterError, match="no option 'digit'; its options are 'digits', 'scale', 'interval'"
    ):
        export(parabola(), Plain(), tmp_path, digit=3)


def test_options_from_text():
    given = ["digits=4", "scale=1e-3", "interval=-1,2"]
    assert options_from_text(Plain(), given) == {"digits": 4, "scale": 1e-3, "interval": (-1.0, 2.0)}
    with pytest.raises(ExporterError, match="'digits' takes a value of type int; found 'x'"):
        options_from_text(Plain(), ["digits=x"])
    with pytest.raises(ExporterError, match="name=value"):
        options_from_text(Plain(), ["digits"])
    with pytest.raises(ExporterError, match="no option"):
        options_from_text(Plain(), ["nothing=1"])


# -- models and names -----------------------------------------------------------------------------------------


def test_identifiers():
    names = ["u[0]", "u_0", "U_0", "if", "lambda", "9x", "", "λ", "a_very_long_name_1", "a_very_long_name_2"]
    found = identifiers(names, reserved=["IF"], length=10, case_sensitive=False)
    assert len({name.lower() for name in found}) == len(names)
    assert all(len(name) <= 10 and name.isidentifier() and name.isascii() for name in found)
    assert found[1] == "u_0"
    assert found[4] == "lambda"
    assert "if" not in found
    assert identifiers(["a", "A"]) == ("a", "A")


def test_model_of_a_polynomial_field_equals_the_field():
    x, y = sympy.symbols("x y")
    m, k = sympy.symbols("m k")
    field = from_sympy({x: m + x - x**3 + k * y, y: -3 * y + x**2}, parameters={m: 0.1, k: 0.5})
    model = reduce(compute_ssm(field.at(m=0.0), [0.0, 0.0], modes=1, order=5, parameters=["m", "k"]))
    written = export_model(model)
    assert written.parameter_names == ("m", "k")
    assert written.values == (0.0, 0.5)
    assert written.trust_radius is None or written.trust_radius > 0
    point = dict(zip((*written.states, *written.parameters), (0.3, 0.02, 0.45), strict=True))
    moved = model.field.at(m=0.02, k=0.45)
    assert float(written.right_sides[0].subs(point)) == pytest.approx(moved([0.3])[0], rel=1e-13)
    slope = float(written.jacobian[0][0].subs(point))
    assert slope == pytest.approx(moved.jacobian([0.3])[0, 0], rel=1e-13)
    step = 1e-6
    ahead, behind = (model.field.at(m=0.02 + s, k=0.45)([0.3])[0] for s in (step, -step))
    assert float(written.parameter_jacobian[0][0].subs(point)) == pytest.approx(
        (ahead - behind) / (2 * step), rel=1e-8
    )
    again = export_model(written.field.at(m=0.02), state=[0.0])
    assert float(again.right_sides[0].subs(point)) == pytest.approx(moved([0.3])[0], rel=1e-13)


def test_model_needs_a_fixed_point():
    with pytest.raises(InputError, match="No fixed point"):
        export_model(parabola(-1.0))
    with pytest.raises(InputError, match="no fixed point"):
        export_model(parabola(-1.0), state=[1.0])
    assert export_model(parabola(), state=[0.4]).initial_state == pytest.approx([0.5], abs=1e-14)
    with pytest.raises(InputError, match="found int"):
        export_model(3)


# -- running --------------------------------------------------------------------------------------------------


def test_branches_are_cut_joined_and_checked():
    diagram = continue_in(Fold(), parabola(), parameter="mu", interval=(-1.0, 1.0))
    assert isinstance(diagram, BifurcationDiagram)
    assert diagram.source == "fold 1.2"
    (branch,) = diagram.branches  # six starts lie on one curve
    assert branch.ends == ("left the interval", "left the interval")
    assert np.all(branch.parameter <= 1 + 1e-6)
    assert np.all(np.diff(branch.states[:, 0]) > 0)
    (fold,) = diagram.special_points
    assert (fold.kind, fold.parameter) == ("fold", pytest.approx(0.0, abs=1e-12))
    assert fold.residual < 1e-12
    assert {e.kind for e in diagram.rejected} == {"hopf"}
    assert "from the imaginary axis" in diagram.rejected[0].reason


def test_reduced_model_ends_at_its_trust_radius():
    from dataclasses import replace

    written = replace(export_model(parabola(), state=[0.5]), trust_radius=0.6)
    diagram = continue_in(Fold(), written, parameter="mu", interval=(-1.0, 1.0))
    (branch,) = diagram.branches
    assert np.abs(branch.states).max() <= 0.6
    assert branch.ends == ("left the trust radius", "left the trust radius")


def test_running_refusals():
    with pytest.raises(ExporterError, match="only writes files"):
        continue_in(Plain(), parabola(), parameter="mu", interval=(0, 1))
    with pytest.raises(ExporterError, match="no option 'steps'"):
        continue_in(Fold(), parabola(), parameter="mu", interval=(0, 1), steps=3)
    with pytest.raises(InputError, match="Did you mean 'mu'"):
        continue_in(Fold(), parabola(), parameter="mus", interval=(0, 1))
    with pytest.raises(InputError, match="lower to a higher"):
        continue_in(Fold(), parabola(), parameter="mu", interval=(1, 0))
    with pytest.raises(InputError, match="outside the interval"):
        continue_in(Fold(), parabola(), parameter="mu", interval=(1, 2), state=[0.5])
    with pytest.raises(InputError, match="No fixed point"):
        continue_in(Fold(), parabola(-1.0), parameter="mu", interval=(-2, -1))
    with pytest.raises(InputError, match="has no parameter"):
        continue_in(Fold(), from_sympy({P: -P}), parameter="mu", interval=(0, 1))


def test_missing_tool_says_how_to_install_it(monkeypatch, installed, plugin_module):
    monkeypatch.setattr(Fold, "installed", False)
    with pytest.raises(ExporterError, match="not installed; pip install parabola"):
        continue_in(Fold(), parabola(), parameter="mu", interval=(0, 1))
    installed(fake_entry("fold", f"{plugin_module}:Fold"))
    (status,) = tools()
    assert (status.installed, status.install_hint, status.version) == (False, "pip install parabola", "")


# -- the contract as a test -----------------------------------------------------------------------------------


def test_contract_holds_for_the_plain_exporter():
    assert check_exporter(Plain()) == dict.fromkeys(sample_models())


def breaking(**changes):
    return type("Breaking", (Plain,), changes)()


def wrong_numbers(self, files, model, states, parameters):
    return np.zeros_like(states)


def writing(self, model):
    Path("trace.txt").write_text("x")
    return {"a": "b"}


class Counting(Plain):
    count = 0

    def render(self, model):
        self.count += 1
        return {"model.txt": str(self.count)}


@pytest.mark.parametrize(
    ("exporter", "message"),
    [
        (breaking(url=""), "class attribute 'url'"),
        (breaking(render=lambda self, model, step: {}), "keyword-only"),
        (breaking(render=lambda self, model, *, step: {}), "keyword-only"),
        (breaking(render=lambda self, model: {}), "at least one file"),
        (breaking(render=lambda self, model: {"a": "λ"}), "not ASCII"),
        (breaking(render=lambda self, model: {"../a": "b"}), "no plain relative name"),
        (breaking(render=lambda self, model: {"a": "b"}), "in this order"),
        (
            breaking(
                render=lambda self, model: {
                    "a": " ".join(sorted((*model.state_names, *model.parameter_names)))
                }
            ),
            "in this order",
        ),
        (breaking(render=writing), "wrote 'trace.txt'"),
        (Counting(), "two different results"),
        (type("Wrong", (Plain, RightSideReader), {"evaluate": wrong_numbers})(), "differs from the model's"),
    ],
)
def test_contract_finds_what_is_wrong(exporter, message):
    with pytest.raises(ExporterError, match=message):
        check_exporter(exporter)
