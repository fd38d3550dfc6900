"""A comparison as a table that fits a screen, and as numbers for JSON."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ssmsym.data.comparison import ComparedCoefficient, Comparison

_MOST_ROWS = 10  # of each quantity


def comparison_table(comparison: Comparison) -> str:
    """The verdict, its criteria, and the numbers behind it."""
    c = comparison
    lines = [
        f"Comparison: {c.verdict}",
        f"  criteria: differs if difference - uncertainty > {c.tolerance:g}, agrees if both <= {c.tolerance:g} "
        "(relative to the",
        f"  largest effect over the data), else undetermined; degrees up to {c.degree} and eigenvalues decide, and",
        f"  data that contradict the network; SSM to order {c.analytic_order}",
        f"  {'coefficient':<18}{'fitted':>13}{'analytic':>13}{'difference':>12}{'uncertainty':>13}  verdict",
    ]
    for quantity in ("R", "W"):
        rows = [row for row in c.coefficients if row.quantity == quantity]
        lines += [_line(row, c.degree) for row in rows[:_MOST_ROWS]]
        rest = rows[_MOST_ROWS:]
        if rest:
            counts = {w: sum(r.verdict == w for r in rest) for w in ("agrees", "differs", "undetermined")}
            shown = ", ".join(f"{n} {word}" for word, n in counts.items() if n)
            lines.append(f"  ... {len(rest)} more of {quantity}: {shown}")
    for number in c.eigenvalues:
        lines.append(
            f"  {number.name:<18}{_complex(number.fitted):>13}{_complex(number.analytic):>13}"
            f"{number.difference:>12.1e}{number.uncertainty:>13.1e}  {number.verdict}"
        )
    lines.append(
        f"  {c.law.name:<18}{'':>26}{c.law.difference:>12.1e}{c.law.uncertainty:>13.1e}  {c.law.verdict}"
    )
    lines += [_fixed_point(point) for point in c.fixed_points[:6]]
    lines.append(
        f"  trajectory error (normalised mean): fitted {c.trajectory_error_fitted:.1e}, analytic "
        f"{c.trajectory_error_analytic:.1e}"
    )
    lines.append(
        f"  reduced field differs by {c.field_error:.1e}; {100 * c.inside:.0f} % of the data lie inside the "
        "trust radius"
    )
    more = f" and {len(c.reasons) - 3} more" if len(c.reasons) > 3 else ""
    lines.append(f"  because: {'; '.join(c.reasons[:3])}{more}")
    return "\n".join(lines)


def _line(row: ComparedCoefficient, decisive: int) -> str:
    name = f"|{row.quantity}|" if row.output is None else f"{row.quantity}{row.output + 1}"
    label = f"{name} {','.join(map(str, row.exponents))}"
    mark = "" if row.degree <= decisive else " (not decisive)"
    return (
        f"  {label:<18}{row.fitted:>13.5g}{row.analytic:>13.5g}{row.difference:>12.1e}{row.uncertainty:>13.1e}  "
        f"{row.verdict}{mark}"
    )


def _complex(value: complex) -> str:
    return f"{value.real:.4g}" if value.imag == 0 else f"{value.real:.3g}{value.imag:+.3g}i"


def _fixed_point(point: Any) -> str:
    where = {
        name: "none" if eta is None else np.array2string(eta, precision=4)
        for name, eta in (("fitted", point.fitted), ("analytic", point.analytic))
    }
    apart = "" if point.distance is None else f", lifted distance {point.distance:.1e} of the data's extent"
    return f"  fixed point: fitted {where['fitted']}, analytic {where['analytic']}{apart}"


def comparison_to_dict(comparison: Comparison) -> dict[str, object]:
    """Every attribute by its name; complex numbers as [real, imaginary], inf and nan as null."""
    return {item.name: _plain(getattr(comparison, item.name)) for item in fields(comparison)}


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, complex):
        return [_plain(value.real), _plain(value.imag)]
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value
