"""SBML Level 3: rate rules for the states, assignment rules for the readouts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import numpy as np
from ssmsym_plugins.sbml_math import mathml, value

from ssmsym.exporters.contract import Array, Exporter, RightSideReader
from ssmsym.exporters.identifiers import identifiers
from ssmsym.exporters.model import ExportModel
from ssmsym.exporters.options import file_stem, refuse_map

NAMESPACE = "http://www.sbml.org/sbml/level3/version1/core"


class Sbml(Exporter, RightSideReader):
    """One file in SBML Level 3 Version 1 Core; states and readouts are parameters under rules."""

    name = "sbml"
    description = "SBML Level 3: rate rules and MathML, for simulators of systems biology"
    url = "https://sbml.org"
    verified = "syntax and consistency by libSBML 5.21; values by a reader of its own"

    def render(self, model: ExportModel, *, name: str = "model") -> Mapping[str, str]:
        """``NAME.xml``.

        Parameters
        ----------
        name : str
            Of the file and the model: letters, digits and underscores.

        Raises
        ------
        ExporterError
            If the model is a map or SBML has no counterpart of one of its functions.
        """
        refuse_map(model, "SBML")
        return {f"{file_stem(name)}.xml": "\n".join([*_lines(model, name), ""])}

    def evaluate(
        self, files: Mapping[str, str], model: ExportModel, states: Array, parameters: Array
    ) -> Array | None:
        """The rate rules of the rendered file, read by a small reader of MathML."""
        (text,) = files.values()
        root = ElementTree.fromstring(text)
        rules = {rule.get("variable"): rule[0] for rule in root.iter(f"{{{NAMESPACE}}}rateRule")}
        names = [p.get("id", "") for p in root.iter(f"{{{NAMESPACE}}}parameter")]
        n, q = len(model.states), len(model.parameters)
        out = np.empty(np.shape(states))
        for k, (state, own) in enumerate(zip(states, parameters, strict=True)):
            numbers = dict(zip(names[: n + q], (*state.tolist(), *own.tolist()), strict=True))
            out[k] = [value(rules[name], numbers) for name in names[:n]]
        return out


def _lines(model: ExportModel, name: str) -> Iterator[str]:
    n, q = len(model.states), len(model.parameters)
    readouts = [f"z{i}" for i in range(len(model.readouts))]
    declared = (*model.state_names, *model.parameter_names, *readouts)
    ids = identifiers(declared, reserved=(name, "time"), length=100)
    symbols = dict(zip((*model.states, *model.parameters), ids[: n + q], strict=True))
    numbers = (*model.initial_state.tolist(), *model.values)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<sbml xmlns="{NAMESPACE}" level="3" version="1">'
    yield f'<model id="{name}" name={_attribute(model.title)}>'
    yield "<listOfParameters>"
    for i, (short, given) in enumerate(zip(ids, declared, strict=True)):
        constant = "true" if n <= i < n + q else "false"
        number = f' value="{numbers[i]!r}"' if i < n + q else ""
        yield f'<parameter id="{short}" name={_attribute(given)}{number} constant="{constant}"/>'
    yield "</listOfParameters>"
    yield "<listOfRules>"
    for short, side in zip(ids, model.right_sides, strict=False):
        yield f'<rateRule variable="{short}">{mathml(side, symbols)}</rateRule>'
    for short, readout in zip(ids[n + q :], model.readouts, strict=True):
        yield f'<assignmentRule variable="{short}">{mathml(readout, symbols)}</assignmentRule>'
    yield from ("</listOfRules>", "</model>", "</sbml>")


def _attribute(text: str) -> str:
    """An XML attribute in ASCII; control characters, which XML cannot hold, are left out."""
    printable = "".join(c for c in text if c.isprintable())
    return quoteattr(printable).encode("ascii", "xmlcharrefreplace").decode("ascii")
