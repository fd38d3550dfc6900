"""The plugin template installs as a package and is found; broken plugins beside it harm no other."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parent.parent / "examples" / "plugin_template"

BROKEN = {
    "import_error": "import no_such_module_at_all",
    "syntax_error": "class Tool(:",
    "exits": "raise SystemExit(3)",
    "no_class": "",
    "wrong_class": "class Tool: name = 'wrong_class'",
    "abstract": "from ssmsym.exporters.contract import Exporter\nclass Tool(Exporter): name = 'abstract'",
    "raising": (
        "from ssmsym.exporters.contract import Exporter\n"
        "class Tool(Exporter):\n"
        "    name = 'raising'\n"
        "    @property\n"
        "    def url(self): raise RuntimeError('no licence')\n"
        "    def render(self, model): return {}\n"
    ),
    "raising_name": (
        "from ssmsym.exporters.contract import Exporter\n"
        "class Tool(Exporter):\n"
        "    @property\n"
        "    def name(self): raise KeyError('lost')\n"
        "    def render(self, model): return {}\n"
    ),
    "numbers": (
        "from ssmsym.exporters.contract import Exporter\n"
        "class Tool(Exporter):\n"
        "    name, description, url = 'numbers', 3, 'x'\n"
        "    def render(self, model): return {}\n"
    ),
    "raising_tool": (
        "from ssmsym.exporters.contract import Runner\n"
        "class Tool(Runner):\n"
        "    name = description = url = 'raising_tool'\n"
        "    @property\n"
        "    def install_hint(self): raise RuntimeError('no hint')\n"
        "    def find(self): return None\n"
        "    def render(self, model): return {}\n"
        "    def run(self, job): pass\n"
        "    def read(self, job): return []\n"
    ),
    "matlab": (  # the name of an exporter of ssmsym's own
        "from ssmsym.exporters.contract import Exporter\n"
        "class Tool(Exporter):\n"
        "    name = description = url = 'matlab'\n"
        "    def render(self, model): return {}\n"
    ),
}


def python(code_or_arguments, site):
    command = ["-c", code_or_arguments] if isinstance(code_or_arguments, str) else code_or_arguments
    return subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=site,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder of packages with the template, installed by pip without a network."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(
        TEMPLATE, folder / "template", ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    )
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    done = python(
        ["-m", "pip", "install", *options, "--target", str(folder / "site"), str(folder / "template")], folder
    )
    assert done.returncode == 0, done.stderr
    return folder / "site"


def test_template_is_found(site):
    listed = python(["-m", "ssmsym.cli", "tools"], site)
    assert "json_tree: equations as JSON expression trees" in listed.stdout, listed.stderr
    assert "auto07p: " in listed.stdout


def test_template_passes_its_own_tests(site):
    """Among them the contract, with the round trip of the right-hand side."""
    done = python(
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", str(site.parent / "template" / "tests")], site
    )
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


@pytest.fixture(scope="module")
def broken(site):
    """The same folder with one distribution more for each broken plugin."""
    for name, code in BROKEN.items():
        (site / f"plugin_{name}.py").write_text(f"{code}\n")
        info = site / f"broken_{name}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: broken-{name}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[ssmsym.exporters]\n{name} = plugin_{name}:Tool\n")
    return site


def test_broken_plugins_are_named_and_harm_no_other(broken):
    done = python(
        "from ssmsym.exporters.discovery import get_exporter\n"
        "from ssmsym.exporters.running import tools\n"
        "for status in tools(): print(f'{status.name}|{status.problem}')\n"
        "print(get_exporter('json_tree').url, get_exporter('auto07p').name)\n",
        broken,
    )
    *lines, last = done.stdout.splitlines()
    assert last == "https://www.json.org/ auto07p", done.stderr
    problems = dict(line.split("|", 1) for line in lines)
    assert {name for name, problem in problems.items() if problem} == set(BROKEN)
    expected = {
        "import_error": "ModuleNotFoundError: No module named 'no_such_module_at_all'",
        "syntax_error": "SyntaxError",
        "exits": "SystemExit: 3",
        "no_class": "AttributeError",
        "wrong_class": "is no ssmsym.exporters.contract.Exporter",
        "abstract": "TypeError",
        "raising": "RuntimeError: no licence",
        "raising_name": "KeyError: 'lost'",
        "numbers": "that is no text",
        "matlab": "claimed by",
    }
    assert "RuntimeError: no hint" in problems["raising_tool"]
    for name, reason in expected.items():
        assert reason in problems[name]
        assert f"'broken-{name}'" in problems[name]
    assert "'ssmsym'" in problems["matlab"]
