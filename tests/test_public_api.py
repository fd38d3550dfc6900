"""The public names, and that each says what it is."""

import dataclasses
import inspect

import pytest

import ssmsym

NAMES = {
    *("CompiledField", "DataExpression", "Evidence", "ExactSSM", "FixedPoint", "FixedPoints"),
    *("Polynomial", "ReducedFixedPoint", "ReducedModel", "SSM", "SlowPoint", "VectorField"),
    *("FileFormatError", "InputError", "MissingExtraError", "NotConvergedError", "OutputError"),
    *("ResonanceError", "SmoothnessError", "SsmsymError", "SsmsymWarning", "SubspaceError"),
    *("compile_field", "compute_exact_ssm", "compute_ssm", "find_fixed_points", "find_slow_points"),
    *("from_sympy", "load", "load_model", "model_from_json", "model_to_json", "network_path"),
    *("polynomial_field", "rate_network", "reduce", "refine_fixed_point", "save", "save_fixed_points"),
    *("BifurcationDiagram", "Branch", "RejectedEvent", "Simulation", "SpecialPoint"),
    *("branches", "confirm", "confirm_in_plane", "simulate"),
    *("EventSensitivity", "WeightDerivative", "event_sensitivity", "InputGains", "input_gains"),
    *("ComparedPoint", "DiagramComparison", "compare_diagrams"),
    *("switch_branches", "trace_bifurcation_curves", "plot_bifurcation_curves"),
    *("MapAndFlow", "compare_map_and_flow"),
    *("LargestGap", "ModeProposal", "SpectralWindow", "propose_modes"),
    *("ErrorTable", "Pade", "PadeRay", "Resonance", "ResonanceReport", "pade_approximant", "plot_evidence"),
    *("SlowManifold", "SlowManifoldFamily", "slow_manifold", "UnstableBranch", "unstable_manifold"),
    *("SlowSurface", "slow_surface", "surface_band", "SurfaceCycle", "surface_cycle", "save_slow_surface"),
    *("UnstablePart", "UnstableSurface", "unstable_surface", "plot_surface"),
    *("save_slow_manifold", "curve_band", "MapSlowManifold", "CurveModel", "PiecewiseChebyshev"),
    *("ComplexForm", "complex_form", "polar_form", "SSMFamily", "compute_ssm_family"),
    *("Comparison", "FittedSSM", "Trajectories"),
    *("ExporterError", "ExportModel", "ToolStatus", "continue_in", "export", "export_model", "tools"),
    *(
        "CellLayer",
        "ImportCheck",
        "Proposal",
        "check_steps",
        "from_torch",
        "propose_mapping",
        "recurrent_cell",
    ),
    *("compare", "fit_ssm", "load_fit", "load_trajectories", "save_fit", "save_trajectories"),
    *("ExactComplexForm", "ExactFold", "ExactHopf", "ExactPitchfork", "exact_fold_coefficient"),
    *("exact_hopf_coefficient", "exact_pitchfork_coefficient"),
    *("NormalForm", "normal_form", "Prediction", "save_normal_form", "Coefficient", "HopfRun", "HopfVerdict"),
    "__version__",
}
FUNCTIONS = sorted(name for name in NAMES if name[0].islower() and name != "reduce")


def test_public_names_are_the_agreed_ones():
    assert set(ssmsym.__all__) == NAMES
    assert all(getattr(ssmsym, name) is not None for name in NAMES)
    assert set(dir(ssmsym)) == NAMES


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'compute_smm'"):
        ssmsym.compute_smm  # noqa: B018


def test_no_public_name_is_a_package():
    packages = {
        "series",
        "fields",
        "importing",
        "dynamics",
        "manifolds",
        "slow_manifolds",
        "reduced",
        "data",
        "exporters",
        "networks",
    }
    assert not packages & NAMES


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions_document_arguments_and_errors(name):
    function = getattr(ssmsym, name)
    text = inspect.getdoc(function)
    assert text
    parameters = inspect.signature(function).parameters
    assert all(p.annotation is not inspect.Parameter.empty for p in parameters.values())
    assert inspect.signature(function).return_annotation is not inspect.Signature.empty
    if len(parameters) > 1:
        assert "Parameters\n" in text
        for parameter in parameters:
            assert parameter in text, parameter


@pytest.mark.parametrize("name", sorted(n for n in NAMES if n[0].isupper() and not n.endswith("Error")))
def test_public_classes_document_their_attributes(name):
    cls = getattr(ssmsym, name)
    text = inspect.getdoc(cls)
    assert text
    if dataclasses.is_dataclass(cls) and name not in ("Polynomial", "CompiledField"):
        for item in dataclasses.fields(cls):
            if not item.name.startswith("_"):
                assert item.name in text, item.name


def test_results_are_immutable():
    field = ssmsym.rate_network([[0.5]])
    point = ssmsym.refine_fixed_point(field, [0.1])
    ssm = ssmsym.compute_ssm(field, point, modes=1, order=3)
    for thing in (field, point, ssm, ssm.parametrization):
        with pytest.raises(dataclasses.FrozenInstanceError):
            thing.time = "discrete"
    for array in (field.arrays["J"], point.state, ssm.parametrization.coefficients):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
