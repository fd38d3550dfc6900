"""Reduced models of trained recurrent neural networks on spectral submanifolds (SSMs).

In ssmsym "SSM" means *spectral submanifold*, the invariant manifold tangent to a few slow or unstable
eigenspaces of a fixed point, not a state-space model.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "ssmsym.series.polynomial": ("Polynomial",),
    "ssmsym.series.piecewise": ("PiecewiseChebyshev",),
    "ssmsym.fields.field": ("VectorField",),
    "ssmsym.fields.symbolic": ("from_sympy", "rate_network"),
    "ssmsym.fields.cells": ("CellLayer", "recurrent_cell"),
    "ssmsym.fields.data_expression": ("DataExpression",),
    "ssmsym.fields.polynomial_field": ("polynomial_field",),
    "ssmsym.importing.import_check": ("ImportCheck", "check_steps"),
    "ssmsym.importing.load": ("load",),
    "ssmsym.importing.proposal": ("Proposal", "propose_mapping"),
    "ssmsym.importing.torch_module": ("from_torch",),
    "ssmsym.fields.compilation": ("CompiledField", "compile_field"),
    "ssmsym.dynamics.fixed_points": (
        "FixedPoint",
        "FixedPoints",
        "find_fixed_points",
        "refine_fixed_point",
    ),
    "ssmsym.dynamics.slow_points": ("SlowPoint", "find_slow_points"),
    "ssmsym.dynamics.diagram": ("BifurcationDiagram", "Branch", "RejectedEvent", "SpecialPoint"),
    "ssmsym.dynamics.simulation": ("Simulation", "simulate"),
    "ssmsym.dynamics.point_file": ("save_fixed_points",),
    "ssmsym.manifolds.ssm": ("SSM", "compute_ssm"),
    "ssmsym.manifolds.exact": ("ExactSSM", "compute_exact_ssm"),
    "ssmsym.manifolds.exact_complex": ("ExactComplexForm",),
    "ssmsym.manifolds.exact_normal_form": (
        "ExactFold",
        "ExactHopf",
        "ExactPitchfork",
        "exact_fold_coefficient",
        "exact_hopf_coefficient",
        "exact_pitchfork_coefficient",
    ),
    "ssmsym.manifolds.evidence": ("Evidence", "ReducedFixedPoint"),
    "ssmsym.manifolds.error_table": ("ErrorTable",),
    "ssmsym.manifolds.pade": ("Pade", "PadeRay", "pade_approximant"),
    "ssmsym.manifolds.resonances": ("Resonance", "ResonanceReport"),
    "ssmsym.figures.bifurcation_curves": ("plot_bifurcation_curves",),
    "ssmsym.figures.evidence": ("plot_evidence",),
    "ssmsym.figures.surface": ("plot_surface",),
    "ssmsym.manifolds.map_and_flow": ("MapAndFlow", "compare_map_and_flow"),
    "ssmsym.manifolds.mode_choice": ("LargestGap", "ModeProposal", "SpectralWindow", "propose_modes"),
    "ssmsym.manifolds.ssm_family": ("SSMFamily", "compute_ssm_family"),
    "ssmsym.slow_manifolds.assembly": ("curve_band",),
    "ssmsym.slow_manifolds.curve": ("SlowManifold",),
    "ssmsym.slow_manifolds.curve_file": ("save_slow_manifold",),
    "ssmsym.slow_manifolds.growing_circles": ("UnstablePart", "UnstableSurface", "unstable_surface"),
    "ssmsym.slow_manifolds.interval": ("SlowManifoldFamily",),
    "ssmsym.slow_manifolds.map_curve": ("MapSlowManifold",),
    "ssmsym.slow_manifolds.slow_manifold": ("slow_manifold",),
    "ssmsym.slow_manifolds.surface": ("SlowSurface",),
    "ssmsym.slow_manifolds.surface_building": ("slow_surface", "surface_band"),
    "ssmsym.slow_manifolds.surface_cycle": ("SurfaceCycle", "surface_cycle"),
    "ssmsym.slow_manifolds.surface_file": ("save_slow_surface",),
    "ssmsym.slow_manifolds.unstable": ("UnstableBranch", "unstable_manifold"),
    "ssmsym.reduced.branches": ("branches", "confirm"),
    "ssmsym.reduced.model": ("ReducedModel", "reduce"),
    "ssmsym.reduced.views": ("ComplexForm", "complex_form", "polar_form"),
    "ssmsym.reduced.curve_model": ("CurveModel",),
    "ssmsym.reduced.model_files": ("load_model", "save"),
    "ssmsym.reduced.model_json": ("model_from_json", "model_to_json"),
    "ssmsym.normal_forms.normal_form": ("NormalForm", "normal_form"),
    "ssmsym.normal_forms.prediction": ("Prediction",),
    "ssmsym.normal_forms.report": ("save_normal_form",),
    "ssmsym.normal_forms.routes": ("Coefficient",),
    "ssmsym.normal_forms.verdict": ("HopfRun", "HopfVerdict"),
    "ssmsym.exporters.contract": ("ExporterError",),
    "ssmsym.exporters.model": ("ExportModel", "export_model"),
    "ssmsym.exporters.writing": ("export",),
    "ssmsym.exporters.running": ("ToolStatus", "continue_in", "tools"),
    "ssmsym.bifurcation_curves.confirmation": ("confirm_in_plane",),
    "ssmsym.bifurcation_curves.input_gains": ("InputGains", "input_gains"),
    "ssmsym.bifurcation_curves.branch_switching": ("switch_branches",),
    "ssmsym.bifurcation_curves.sensitivity": ("EventSensitivity", "WeightDerivative", "event_sensitivity"),
    "ssmsym.dynamics.diagram_comparison": ("ComparedPoint", "DiagramComparison", "compare_diagrams"),
    "ssmsym.bifurcation_curves.tracing": ("trace_bifurcation_curves",),
    "ssmsym.data.trajectories": ("Trajectories", "load_trajectories", "save_trajectories"),
    "ssmsym.data.fit": ("FittedSSM", "fit_ssm"),
    "ssmsym.data.fit_file": ("load_fit", "save_fit"),
    "ssmsym.data.comparison": ("Comparison", "compare"),
    "ssmsym.networks": ("network_path",),
    "ssmsym.errors": (
        "FileFormatError",
        "InputError",
        "MissingExtraError",
        "NotConvergedError",
        "OutputError",
        "ResonanceError",
        "SmoothnessError",
        "SsmsymError",
        "SsmsymWarning",
        "SubspaceError",
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(["__version__", *_HOME_OF])


def __getattr__(name: str) -> Any:
    """Public names are imported from their modules when first used, so that ``import ssmsym`` is quick."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'ssmsym' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
