"""What the commands print: text tables, or JSON documents with the same content."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ssmsym.dynamics.fixed_points import FixedPoint, FixedPoints
    from ssmsym.fields.field import VectorField
    from ssmsym.importing.proposal import Proposal
    from ssmsym.manifolds.mode_choice import ModeProposal
    from ssmsym.manifolds.ssm import SSM


_SHOWN_DEGREE = 3  # of the reduced equations; the model file has all terms


def print_json(document: Any) -> None:
    """Print a JSON document on standard output."""
    click.echo(json.dumps(document, indent=1, allow_nan=False))


def assignments(values: Any) -> str:
    """``name = value`` pairs in one line."""
    return ", ".join(f"{name} = {value:g}" for name, value in values.items()) or "none"


def facts(field: VectorField, network: str) -> dict[str, Any]:
    """What ``ssmsym info`` says of a network."""
    from ssmsym.fields import printing

    metadata = field.metadata
    return {
        "file": network,
        "name": metadata.get("name", network),
        "time": field.time,
        "n_states": field.n_states,
        "blocks": dict(zip(field.block_names, field.program.sizes, strict=True)),
        "equations": printing.equation_lines(field.equations, is_map=field.is_map),
        "latex": field.latex(),
        "readout": [printing.text(e) for e in field.readout_equations],
        "n_inputs": len(field.values.get("u", ())),
        "n_outputs": field.n_outputs,
        "parameters": dict(field.parameters),
        "conditions": {
            name: {key: [float(v) for v in value] for key, value in setting.items()}
            for name, setting in field.conditions.items()
        },
        "trained_step": metadata.get("trained_step"),
        "note": _time_note(field),
        "understood": metadata.get("understood", ""),
        "import_check": metadata.get("import_check", _NO_CHECK),
        "other": _summarised([key for key in metadata if key not in _FACTS]),
        "ignored": metadata.get("ignored", ""),
    }


_FACTS = {
    *("name", "tau", "form", "activation", "trained_step", "step", "cell", "layers", "unit_box"),
    *("understood", "import_check", "ignored"),
}


_NO_CHECK = (
    "not made: the file holds no sample trajectories, and no cell that PyTorch (where installed) could step; "
    "from_torch(module, step=...) checks a module of one's own"
)
_SHOWN_OTHERS = 4  # of one group


def _summarised(names: list[str]) -> list[str]:
    """Names, of large groups with a common beginning only the group and how many."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.partition(".")[0], []).append(name)
    out = []
    for head, members in groups.items():
        out += members if len(members) <= _SHOWN_OTHERS else [f"{head}.* ({len(members)} entries)"]
    return out


def _time_note(field: VectorField) -> str:
    """Whether the network was trained as a map and is looked at as an ODE, or the other way round."""
    step, tau = field.metadata.get("trained_step"), field.metadata.get("tau")
    if "cell" in field.metadata and field.is_map:
        return "a map by definition (--as flow loads the ODE of which it is the Euler map)"
    if not step or field.is_map:
        return ""
    relative = f" (dt/tau = {step / tau:g})" if tau else ""
    return (
        f"trained as the Euler map with step dt = {step:g}{relative}; loaded as the ODE, whose fixed points are "
        "the same and whose stability may differ (--as map loads the map)"
    )


def print_facts(field: VectorField, facts: dict[str, Any]) -> None:
    """Print what a network file was understood to hold."""
    blocks = facts["blocks"]
    parts = ", ".join(f"{name} {size}" for name, size in blocks.items())
    sizes = f" ({parts})" if len(blocks) > 1 else ""
    click.echo(f"{facts['name']}: {facts['time']} time, {field.n_states} states{sizes}")
    for line in facts["equations"]:
        click.echo(f"  {line}")
    for line in facts["readout"]:
        click.echo(f"  readout = {line}")
    click.echo(f"inputs: {facts['n_inputs']}, outputs: {facts['n_outputs']}")
    click.echo(f"parameters: {assignments(field.parameters)}")
    if facts["conditions"]:
        click.echo("input conditions (--input):")
        for name, setting in facts["conditions"].items():
            click.echo(f"  {name!r}: " + ", ".join(f"{k} = {v}" for k, v in setting.items()))
    if facts["note"]:
        click.echo(facts["note"])
    if facts["understood"]:
        click.echo(f"read as: {facts['understood']}")
    click.echo(f"import check: {facts['import_check']}")
    if facts["other"]:
        click.echo(f"also in the file: {', '.join(facts['other'])}")
    if facts["ignored"]:
        click.echo(f"ignored: {facts['ignored']}")


def proposal_document(proposal: Proposal, network: str) -> dict[str, Any]:
    """A proposed mapping as a JSON document."""
    return {
        "file": network,
        "proposed_mapping": proposal.mapping,
        "option": proposal.option(),
        "reasons": proposal.reasons,
        "unused": proposal.unused,
    }


def print_proposal(proposal: Proposal, network: str) -> None:
    """Print a proposed mapping, with what speaks for it and what it leaves out."""
    click.echo(
        f"{network} holds no network under known names. From shapes and names, it may be a rate network with"
    )
    for name, text in proposal.mapping.items():
        click.echo(f"  {name} = {text}")
    for reason in proposal.reasons:
        click.echo(f"note: {reason}")
    if proposal.unused:
        click.echo(f"not used: {', '.join(proposal.unused)}")
    click.echo(f"To read it so: {proposal.option()}")
    click.echo("Add --form, --activation, --tau and --dt where they are not state, tanh, 1 and 0 (an ODE).")


def points_document(field: VectorField, points: FixedPoints, output: str | None) -> dict[str, Any]:
    """Fixed points as a JSON document."""
    from ssmsym.dynamics.euler_map import stability_notes

    return {
        "parameters": dict(field.parameters),
        "fixed_points": [_point_document(field, i, point) for i, point in enumerate(points)],
        "starts": points.starts,
        "converged": points.converged,
        "estimated_missing": points.estimated_missing,
        "index_sum": points.index_sum,
        "expected_index_sum": points.expected_index_sum,
        "notes": stability_notes(field, points),
        "output": output,
    }


def _point_document(field: VectorField, number: int, point: FixedPoint) -> dict[str, Any]:
    from ssmsym.dynamics.euler_map import unstable_in_euler_map

    return {
        "number": number,
        "index": point.index,
        "unstable_in_euler_map": unstable_in_euler_map(field, point),
        "stable": point.stable,
        "continuum": point.continuum,
        "residual": point.residual,
        "hits": point.hits,
        "eigenvalues": [[v.real, v.imag] for v in point.eigenvalues.tolist()],
        "readout": field.readout(point.state).tolist() if field.n_outputs else [],
        "state": point.state.tolist(),
    }


def print_points(field: VectorField, points: FixedPoints) -> None:
    """Print fixed points as a table, and how complete the list is."""
    from rich.table import Table

    from ssmsym.dynamics.critical import trained_limit
    from ssmsym.dynamics.euler_map import unstable_in_euler_map
    from ssmsym.dynamics.fixed_points import format_eigenvalue

    unit = " per tau" if points and points[0].per_tau is not None else ""
    name = "multipliers" if field.is_map else f"leading eigenvalues{unit}"
    table = Table(title=f"{len(points)} fixed points", title_justify="left")
    also = ["unstable in the Euler map"] if trained_limit(field) is not None else []
    for column in ("#", "unstable", *also, name, "readout", "residual", "hits"):
        table.add_column(
            column, justify="left" if column in (name, "readout") else "right", no_wrap=column not in also
        )
    for number, point in enumerate(points):
        values = point.eigenvalues if point.per_tau is None else point.per_tau
        readout = field.readout(point.state).tolist() if field.n_outputs else []
        table.add_row(
            str(number),
            f"{point.index} (continuum)" if point.continuum else str(point.index),
            *(str(unstable_in_euler_map(field, point)) for _ in also),
            "  ".join(format_eigenvalue(v) for v in values[:3]),
            " ".join(f"{z:+.4f}" for z in readout[:4]),
            f"{point.residual:.1e}",
            str(point.hits),
        )
    _print_table(table)
    click.echo(f"{points.converged} of {points.starts} starts converged; " + _completeness(points))


def _completeness(points: FixedPoints) -> str:
    missing = f"about {points.estimated_missing:.1f} more expected from the hit counts"
    if points.index_sum_fits is None:
        return missing
    fits = (
        "as it must be" if points.index_sum_fits else f"must be {points.expected_index_sum}: some are missing"
    )
    return f"{missing}; index sum {points.index_sum}, {fits}"


def _print_table(table: Any) -> None:
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=140)
    console.print(table)


def print_model(
    ssm: SSM,
    number: int,
    point: FixedPoint,
    output: str,
    as_json: bool,
    proposal: ModeProposal | None = None,
) -> None:
    """Print an SSM, how its modes were proposed, its equation, its evidence and its resonances."""
    from ssmsym.manifolds.model_file import evidence_summary
    from ssmsym.reduced.model import reduce as reduced_model

    model = reduced_model(ssm)
    if as_json:
        print_json(
            {
                "model": output,
                "fixed_point": _point_document(ssm.field, number, point),
                "equations": {str(s): str(e) for s, e in model.equations.items()},
                "latex": model.latex(),
                "order": ssm.order,
                "evidence": evidence_summary(ssm),
                **({} if proposal is None else {"proposed_modes": _proposal_document(proposal)}),
            }
        )
        return
    click.echo(repr(point))
    if proposal is not None:
        click.echo(str(proposal))
    click.echo(repr(ssm))
    for line in model.text(order=_SHOWN_DEGREE).splitlines():
        click.echo(f"  {line}")
    click.echo(repr(ssm.evidence))
    click.echo("largest invariance error over the speed:")
    click.echo(str(ssm.evidence.error_table()))
    for name in ssm.parameters:
        low, high = ssm.evidence.parameter_range(name)
        click.echo(f"  {name} trusted from {low:.4g} to {high:.4g} (tolerance 1e-2)")
    click.echo(str(ssm.resonances))
    click.echo(f"written to {output}")


def _proposal_document(proposal: ModeProposal) -> dict[str, Any]:
    """Proposed modes as a JSON document; infinite gaps and rates as null."""
    from math import isfinite

    rows = [asdict(candidate) for candidate in proposal.candidates]
    finite = [
        {key: None if isinstance(v, float) and not isfinite(v) else v for key, v in row.items()}
        for row in rows
    ]
    return {"modes": proposal.modes, "reasons": list(proposal.reasons), "candidates": finite}
