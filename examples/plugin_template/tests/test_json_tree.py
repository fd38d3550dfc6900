"""The exporter keeps ssmsym's contract."""

import json

import pytest
import sympy
from ssmsym_json_tree import JsonTree

from ssmsym import export, from_sympy
from ssmsym.exporters.contract import ExporterError
from ssmsym.exporters.testing import check_exporter


def test_contract():
    assert all(error <= 1e-12 for error in check_exporter(JsonTree()).values())


def test_document(tmp_path):
    p, mu = sympy.symbols("p mu")
    (path,) = export(from_sympy({p: mu - p**2}, parameters={mu: 0.25}), JsonTree(), tmp_path, state=[0.5])
    document = json.loads(path.read_text())
    assert document["states"] == ["p"]
    assert document["parameters"] == {"mu": 0.25}
    assert document["initial_state"] == [0.5]
    (side,) = document["right_sides"]
    assert side[0] == "add"
    assert "mu" in side


def test_function_without_a_name(tmp_path):
    x = sympy.Symbol("x")
    with pytest.raises(ExporterError, match="no operation for 'gamma'"):
        export(from_sympy({x: sympy.gamma(x) - 1}), JsonTree(), tmp_path, state=[1.0])
