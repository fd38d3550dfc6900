"""Whether a Hopf bifurcation is super- or subcritical, with what shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.simulation import simulate
from ssmsym.errors import InputError, NotConvergedError

if TYPE_CHECKING:
    from ssmsym.normal_forms.normal_form import NormalForm

Array = NDArray[np.float64]

_SHARE = 0.3  # of the range: size of the cycles that are run
_WITHOUT_RANGE = 0.1
_CHANGE = 0.05  # of the logarithm of the amplitude, in a run
_PERIODS = (3, 80)
_SAMPLES = 32  # a period
_CLEAR = 1e-6  # Re c1 against |c1|


@dataclass(frozen=True)
class HopfRun:
    """One short simulation of the field.

    Attributes
    ----------
    parameters : dict of str to float
    start, end : float
        |<p, x - x*>| averaged over the first and the last period.
    predicted : float
        Logarithm of end over start in the normal form to degree 3.
    found : float
        The same of the run; NaN if it left every bound.
    """

    parameters: dict[str, float]
    start: float
    end: float
    predicted: float
    found: float

    @property
    def agrees(self) -> bool:
        """Whether the amplitude moves the way that it should."""
        return bool(np.sign(self.found) == np.sign(self.predicted))


@dataclass(frozen=True, eq=False)
class HopfVerdict:
    """Super- or subcritical, and the evidence.

    Attributes
    ----------
    criticality : {"supercritical", "subcritical", "undecided"}
        Undecided if the routes' signs differ, Re c1 is 0 to rounding, or a run moves the other way.
    reduced, multilinear : float
        Re c1 of both routes, |q| = 1.
    clearness : float
        |Re c1| / |c1|; near 0 the bifurcation is nearly degenerate.
    degenerate_radius : float
        |w| at which the next term Re c2 |w|^4 is as large as Re c1 |w|^2; infinite without one.
    runs : tuple of HopfRun
        On either side of the bifurcation if a parameter unfolds it, else at it.
    """

    criticality: str
    reduced: float
    multilinear: float
    clearness: float
    degenerate_radius: float
    runs: tuple[HopfRun, ...]

    def __str__(self) -> str:
        agreeing = sum(run.agrees for run in self.runs)
        lines = [
            f"{self.criticality}: Re c1 = {self.multilinear:.8g} by multilinear forms, {self.reduced:.8g} by the "
            f"reduced model (|q| = 1); |Re c1| / |c1| = {self.clearness:.2g}; the next term is as large at |w| = "
            f"{self.degenerate_radius:.3g}; {agreeing} of {len(self.runs)} short runs move as predicted"
        ]
        for run in self.runs:
            at = (
                ", ".join(f"{name} = {value:.8g}" for name, value in run.parameters.items())
                or "the point itself"
            )
            lines.append(
                f"  at {at}: amplitude {run.start:.4g} -> {run.end:.4g} (log {run.found:+.3g}, predicted "
                f"{run.predicted:+.3g})"
            )
        return "\n".join(lines)


def hopf_verdict(form: NormalForm) -> HopfVerdict:
    """The verdict on a Hopf point: sign of Re c1 by both routes, distance from degeneracy, and short runs.

    Parameters
    ----------
    form : NormalForm
        Of kind ``"hopf"``.

    Raises
    ------
    InputError
        If the form is of another kind.
    """
    if form.kind != "hopf":
        raise InputError(f"A Hopf verdict is given on Hopf points; this is one of kind '{form.kind}'.")
    cubic = form.coefficients["c1"]
    real, reduced = complex(cubic.value).real, complex(cubic.reduced).real
    clearness = abs(real) / abs(cubic.value) if cubic.value else 0.0
    quintic = complex(form.coefficients["c2"].value).real if "c2" in form.coefficients else 0.0
    runs = _runs(form, real) if clearness > _CLEAR else ()
    decided = clearness > _CLEAR and np.sign(real) == np.sign(reduced) and all(run.agrees for run in runs)
    criticality = ("supercritical" if real < 0 else "subcritical") if decided else "undecided"
    radius = float(np.sqrt(abs(real / quintic))) if quintic else np.inf
    return HopfVerdict(criticality, reduced, real, clearness, radius, runs)


def _runs(form: NormalForm, cubic: float) -> tuple[HopfRun, ...]:
    """Inside and outside the cycle where there is one, and at its size on the other side."""
    radius = _SHARE * form.range if np.isfinite(form.range) else form.believed(_WITHOUT_RANGE)
    slopes = form.unfolding["beta"]
    name = max(slopes, key=lambda n: abs(slopes[n]), default=None)
    if name is None or abs(slopes[name]) * _PERIODS[1] < abs(cubic) * radius**2 * 1e-6:
        return (_run(form, {}, radius, cubic),)
    offset = -cubic * radius**2 / slopes[name]
    with_cycle = {name: form.parameters[name] + offset}
    without = {name: form.parameters[name] - offset}
    return (
        _run(form, with_cycle, 0.8 * radius, cubic),
        _run(form, with_cycle, 1.25 * radius, cubic),
        _run(form, without, radius, cubic),
    )


def _run(form: NormalForm, parameters: dict[str, float], radius: float, cubic: float) -> HopfRun:
    rate = form.unfolding_at(parameters)["beta"] + cubic * radius**2
    period = 2 * np.pi / form.frequencies[0]
    periods = int(np.clip(np.ceil(_CHANGE / abs(rate) / period), *_PERIODS))
    times = period * np.arange(periods * _SAMPLES + 1) / _SAMPLES
    field = form.simulated_field(parameters)
    start = form.simulated_state(radius, parameters)
    rest = form.simulated_state(0.0, parameters)
    predicted = rate * period * (periods - 1)
    try:
        states = simulate(field, start, times, rtol=1e-9, atol=1e-12 * max(radius, 1e-6)).states
    except NotConvergedError:
        return HopfRun(parameters, radius, float("nan"), predicted, float("nan"))
    sizes = np.abs((states - rest) @ form.adjoint.conj())
    first, last = float(sizes[:_SAMPLES].mean()), float(sizes[-_SAMPLES:].mean())
    return HopfRun(parameters, first, last, predicted, float(np.log(last / first)))
