"""The invariance error by order, radius and direction, printed, saved and drawn."""

import json

import numpy as np
import pytest
import sympy
from click.testing import CliRunner
from synthetic import pair, planted_network
from truths import asymptotic_centre_manifold

import ssmsym
from ssmsym.cli import main
from ssmsym.errors import InputError, OutputError

x, y, z = sympy.symbols("x y z")
CUBIC = ssmsym.from_sympy({x: -x, y: -1.5 * y, z: -9 * z + x**3 + 2 * y**4})
DELAY = str(ssmsym.network_path("delay_n100_a"))


def test_errors_are_those_of_the_closed_form():
    """W is flat below degree 3, so order 2 leaves |x^3 + 2 y^4|; order 3 leaves 2 y^4; order 4 nothing."""
    evidence = ssmsym.compute_ssm(CUBIC, np.zeros(3), modes=2, order=4).evidence
    radii, angles = np.array([0.2, 0.5, 1.0]), np.array([0.0, 0.4, np.pi / 2])
    directions = 3.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    table = evidence.error_table(radii, directions)
    assert table.orders.tolist() == [1, 2, 3, 4]
    assert table.errors.shape == (4, 3, 3)
    cubic = radii[:, None] ** 3 * np.cos(angles) ** 3
    quartic = 2 * radii[:, None] ** 4 * np.sin(angles) ** 4
    np.testing.assert_allclose(table.errors[0], cubic + quartic, rtol=1e-12)
    np.testing.assert_allclose(table.errors[1], cubic + quartic, rtol=1e-12)
    np.testing.assert_allclose(table.errors[2], quartic, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(table.errors[3], 0.0, atol=1e-14)
    speed = np.linalg.norm(CUBIC(evidence._ssm.lift(0.5 * directions / 3.0)), axis=1).max()
    assert table.speeds[1] == pytest.approx(speed)
    np.testing.assert_allclose(table.relative_errors[1, 1], (cubic + quartic)[1] / speed)


def test_the_worst_direction_is_named_by_its_modes():
    evidence = ssmsym.compute_ssm(CUBIC, np.zeros(3), modes=2, order=4).evidence
    table = evidence.error_table([0.1, 2.0], np.eye(2))
    assert table.worst_direction(order=2, radius=0.1) == "+1.00 mode 0 (-1.0000)"
    assert table.worst_direction(order=2, radius=2.0) == "+1.00 mode 1 (-1.5000)"  # 2 y^4 > x^3 beyond 1/2
    assert table.worst_direction(order=3, radius=0.1) == "+1.00 mode 1 (-1.5000)"
    with pytest.raises(InputError, match="no order 7"):
        table.worst_direction(order=7)


def test_a_pair_is_named_with_amplitude_and_phase():
    field, state = planted_network(np.block([[pair(-0.06, 0.4), np.zeros((2, 1))], [0.0, 0.0, 0.03]]))
    ssm = ssmsym.compute_ssm(field, state, modes=3, order=2)
    table = ssm.evidence.error_table([0.1], [[0.0, 1.0, 1.0], [0.6, 0.0, -0.8], [1.0, 0.0, 0.0]])
    assert table.names == (
        "1.00 at +45° modes 1, 2 (-0.0600±0.4000i)",
        "+0.60 mode 0 (+0.0300); 0.80 at -90° modes 1, 2 (-0.0600±0.4000i)",
        "+1.00 mode 0 (+0.0300)",
    )


def test_errors_are_weighed_by_the_largest_speed_inside():
    """|x - x^3| has its maximum 2 / sqrt(27) at 1 / sqrt(3) and vanishes at 1."""
    field = ssmsym.from_sympy({x: -x + x**3, y: -9 * y})
    evidence = ssmsym.compute_ssm(field, [0.0, 0.0], modes=1, order=3).evidence
    speeds = evidence.error_table([1.0, 0.1, 1 / np.sqrt(3)]).speeds
    np.testing.assert_allclose(speeds, [2 / np.sqrt(27), 0.099, 2 / np.sqrt(27)], rtol=1e-9)


def test_each_order_has_its_slope_in_each_direction():
    field, state = planted_network(np.diag([-0.05, -0.12]))
    evidence = ssmsym.compute_ssm(field, state, modes=2, order=4).evidence
    table = evidence.error_table([0.2, 0.4])
    slopes = np.log2(table.errors[:, 1] / table.errors[:, 0])
    typical = np.median(slopes, axis=1)
    np.testing.assert_allclose(typical, [2, 3, 4, 5], atol=0.2)


def test_the_printed_table_has_the_numbers():
    evidence = ssmsym.compute_ssm(CUBIC, np.zeros(3), modes=2, order=3).evidence
    table = evidence.error_table([0.5], np.eye(2))
    header, line = str(table).splitlines()
    assert [header.count(f"order {k}") for k in (1, 2, 3)] == [1, 1, 1]
    numbers = [float(word) for word in line.split()[1:4]]
    np.testing.assert_allclose(numbers, table.relative_errors.max(axis=2)[:, 0], rtol=0.06)
    assert "mode 1 (-1.5000)" in line


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (([-1.0],), "'radii'"),
        (([np.nan],), "'radii'"),
        (([],), "'radii'"),
        (([1.0], [[1.0, 0.0, 0.0]]), "'directions'"),
        (([1.0], [[0.0, 0.0]]), "'directions'"),
    ],
)
def test_wrong_radii_and_directions_are_refused(arguments, culprit):
    evidence = ssmsym.compute_ssm(CUBIC, np.zeros(3), modes=2, order=3).evidence
    with pytest.raises(InputError, match=culprit):
        evidence.error_table(*arguments)


# -- saved -----------------------------------------------------------------------------------------------------


def test_model_files_hold_the_evidence(tmp_path):
    field, state = planted_network(np.diag([-0.05, -0.12]))
    ssm = ssmsym.compute_ssm(field, state, modes=2, order=4)
    path = tmp_path / "model.npz"
    ssmsym.save(ssm, path)
    with np.load(path) as file:
        saved = json.loads(str(file["header"]))["evidence"]
    radii = np.array(saved["radii"])
    errors = np.array(saved["invariance_errors_by_order"], dtype=float)
    assert errors.shape == (4, len(radii))
    for order in range(1, 5):  # the order of convergence can be read off the file
        row = errors[order - 1]
        window = np.flatnonzero((row > 1e-11) & (radii < 0.5))[:4]
        slope = np.polyfit(np.log(radii[window]), np.log(row[window]), 1)[0]
        assert slope == pytest.approx(order + 1, abs=0.3)
    assert "mode" in saved["worst_direction"]
    assert saved["smoothness"].startswith("σ = ")
    assert [m["mode"] for m in saved["fractional_members"]]
    assert saved["worst_near_resonance"] is not None
    loaded = ssmsym.load_model(path)
    np.testing.assert_allclose(loaded.evidence.errors, ssm.evidence.errors, rtol=1e-6, atol=1e-14)


# -- printed by the command, and drawn -------------------------------------------------------------------------


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == code, result.output
    return result


def test_reduce_proposes_modes_prints_tables_and_draws(tmp_path):
    model, figure = tmp_path / "model.npz", tmp_path / "evidence.png"
    text = run("reduce", DELAY, "--modes", "auto", "-o", model, "--figure", figure).stdout
    for part in ("1 mode proposed", "relative gap", "radius |p|", "worst direction", "smoothness: "):
        assert part in text
    assert figure.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert ssmsym.load_model(model).dimension == 1
    refused = run("reduce", DELAY, "-o", tmp_path / "other.npz", "--figure", figure, code=1)
    assert "--overwrite" in refused.stderr
    assert not (tmp_path / "other.npz").exists()


def test_reduce_takes_positions_and_refuses_nonsense(tmp_path):
    path = tmp_path / "model.npz"
    sine = ssmsym.network_path("sine_n100_a")
    run("reduce", sine, "--modes", "0,1", "--order", "2", "-o", path)
    assert ssmsym.load_model(path).modes == (0, 1)
    for wrong in ("0", "-1", "x", "0,x", "1.5"):
        result = run("reduce", sine, "--modes", wrong, "-o", tmp_path / "no.npz", code=2)
        assert "--modes takes" in result.stderr


def test_reduce_gives_the_proposal_as_json(tmp_path):
    document = json.loads(
        run("reduce", DELAY, "--modes", "auto", "--json", "-o", tmp_path / "m.npz").stdout,
        parse_constant=pytest.fail,
    )
    proposal = document["proposed_modes"]
    assert proposal["modes"] == 1
    assert [c["modes"] for c in proposal["candidates"]] == [1, 2, 3, 4, 5, 6]
    assert "inner_resonances" in document["evidence"]


def drawn(ssm):
    from ssmsym.figures.canvas import new_figure
    from ssmsym.figures.evidence import draw_errors

    _, (axes,) = new_figure(1, 1)
    draw_errors(axes, ssm.evidence, [1, ssm.order], 1e-2)
    return {text.get_text().rstrip("0123456789.() e-at") for text in axes.get_legend().get_texts()}, axes


def test_figure_marks_both_radii_and_the_orders():
    field = ssmsym.from_sympy({x: -x, y: -60.5 * y + 1 / (1 - x / 2) - 1 - x / 2})
    ssm = ssmsym.compute_ssm(field, [0.0, 0.0], modes=1, order=30)
    labels, axes = drawn(ssm)
    assert labels == {"order", "trust radius", "radius of convergence ≈"}
    (radius,) = (line.get_xdata()[0] for line in axes.lines if "convergence" in str(line.get_label()))
    assert radius == pytest.approx(2.0, rel=0.15)  # the geometric series' radius


def test_no_radius_is_marked_where_it_shrinks_to_zero(tmp_path):
    truth = asymptotic_centre_manifold()
    ssm = ssmsym.compute_ssm(truth.field, [0.0, 0.0], modes=1, order=truth.order)
    assert drawn(ssm)[0] == {"order", "trust radius"}
    ssmsym.plot_evidence(ssm, tmp_path / "a.png")
    with pytest.raises(OutputError):
        ssmsym.plot_evidence(ssm, tmp_path / "a.png")
    with pytest.raises(InputError, match="'orders'"):
        ssmsym.plot_evidence(ssm, tmp_path / "b.png", orders=[99])
