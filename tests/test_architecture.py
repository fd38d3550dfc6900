"""Imports point one way, and light modules stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ssmsym

ROOT = Path(ssmsym.__file__).parent
# a package may import from those above it only
LAYERS = (
    "errors",
    "threads",
    "series",
    "fields",
    "importing",
    "dynamics",
    "manifolds",
    "slow_manifolds",
    "reduced",
    "normal_forms",
    "bifurcation_curves",
    "data",
    "exporters",
    "networks",
    "figures",
    "demo",
    "commands",
    "cli",
)
NUMBA_FILES = {
    "series/kernels.py",
    "dynamics/kernels.py",
    "manifolds/kernels.py",
    "fields/compilation.py",
    "fields/polynomial_kernel.py",
    "fields/piecewise_kernel.py",
}


def modules():
    return [path for path in sorted(ROOT.rglob("*.py")) if path != ROOT / "__init__.py"]


def layer(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path):
    """Modules of ssmsym that a file imports anywhere, imports for type checkers included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("ssmsym"):
            if node.module == "ssmsym":
                yield from (f"ssmsym.{alias.name}" for alias in node.names)
            else:
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("ssmsym"))


def test_every_module_belongs_to_a_layer():
    assert {layer(path) for path in modules()} == set(LAYERS)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_come_from_layers_above(path):
    own = LAYERS.index(layer(path))
    for name in imported(path):
        parts = name.split(".")
        if len(parts) == 1 or parts[1].startswith("__"):
            continue  # the version
        assert LAYERS.index(parts[1]) <= own, f"{path.name} imports {name}"


def module_name(path):
    return ".".join(("ssmsym", *path.relative_to(ROOT).with_suffix("").parts))


def top_level_imports(path):
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("ssmsym."):
            yield node.module


def test_no_module_imports_itself_in_a_circle():
    graph = {module_name(path): set(top_level_imports(path)) for path in modules()}

    def reaches(start, goal, seen):
        return any(
            n == goal or (n not in seen and reaches(n, goal, seen | {n})) for n in graph.get(start, ())
        )

    assert not [name for name in graph if reaches(name, name, frozenset({name}))]


def test_numba_is_imported_in_few_files():
    using = {
        str(path.relative_to(ROOT))
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and node.module == "numba")
        or (isinstance(node, ast.Import) and any(a.name == "numba" for a in node.names))
    }
    assert using <= NUMBA_FILES


def test_import_loads_nothing_heavy():
    code = (
        "import sys, ssmsym; heavy = {'numpy', 'scipy', 'sympy', 'numba', 'matplotlib', 'networkx', 'rich'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_loads_no_numerics():
    code = (
        "import sys; sys.argv = ['ssmsym', '--help']\n"
        "from ssmsym.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('LOADED', sorted({'numpy', 'sympy', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("LOADED []")


def test_files_stay_short():
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules()}
    assert {name: n for name, n in long.items() if n > 400} == {}
