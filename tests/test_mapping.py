"""Mapping expressions, and the mapping that is proposed for a file with names of its own."""

import numpy as np
import pytest

import ssmsym
from ssmsym import propose_mapping
from ssmsym.errors import InputError
from ssmsym.importing.mapping import apply_mapping, parse_mapping

RNG = np.random.default_rng(0)
N, INPUTS, OUTPUTS = 6, 3, 2
ARRAYS = {
    "w_rec": RNG.standard_normal((N, N)),
    "rnn.w": RNG.standard_normal((N, N)),
    "layers.0.weight": RNG.standard_normal((N, INPUTS)),
    "layers.0.weight.T": np.zeros(2),
    "net/in": RNG.standard_normal((INPUTS, N)),
    "odd name, with comma": np.arange(3.0),
    "mask": (RNG.random((N, N)) < 0.5).astype(float),
    "signs": np.where(np.arange(N) < 4, 1.0, -1.0),
    "text": np.array("tanh"),
    "2": np.array(7.0),
}
w, mask, signs = ARRAYS["w_rec"], ARRAYS["mask"], ARRAYS["signs"]

EXPRESSIONS = {
    "w_rec": w,
    "w_rec.T": w.T,
    "w_rec.T.T": w,
    "-w_rec": -w,
    "w_rec*mask": w * mask,
    "abs(w_rec)*signs": np.abs(w) * signs,
    "relu(w_rec)@diag(signs)": np.maximum(w, 0) @ np.diag(signs),
    "(w_rec + rnn.w)/2.5": (w + ARRAYS["rnn.w"]) / 2.5,
    "w_rec - 2*w_rec@mask.T": w - 2 * w @ mask.T,
    "0.2*(w_rec).T": 0.2 * w.T,
    "layers.0.weight": ARRAYS["layers.0.weight"],
    "net/in.T": ARRAYS["net/in"].T,
    "'odd name, with comma'*3": 3 * np.arange(3.0),
    "[w_rec; mask]": np.vstack([w, mask]),
    "layers.0.weight.T": np.zeros(2),
    "1e-1*signs": 0.1 * signs,
    "'2'": np.array(7.0),
    "2*signs": 2 * signs,
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions_have_the_values_of_numpy(text):
    out, used = apply_mapping({"J": text}, ARRAYS)
    np.testing.assert_array_equal(out["J"], EXPRESSIONS[text])
    assert used <= set(ARRAYS)


BAD = {
    "w_rex": r"'w_rex', which is not in the file; it holds 'w_rec'",
    "w_rec*": "an array is missing",
    "w_rec mask": "'mask' cannot be read",
    "(w_rec": r"'\)' is missing",
    "[w_rec; signs": "'.' is missing",
    "[w_rec; signs]": "joins shapes",
    "w_rec@layers.0.weight.T": "joins shapes",
    "w_rec@net/in": r"'@' joins shapes \(6, 6\) and \(3, 6\)",
    "text": "holds no real numbers",
    "__import__('os').system('true')": "'__import__'",
    "'w_rec": "quotation mark",
    "'no such'": "'no such'",
    "w_rec.__class__": "'w_rec.__class__'",
    "abs": "'abs'",
    "(" * 200 + "w_rec": "nested too deeply",
    "": "an array is missing",
}


@pytest.mark.parametrize("text", BAD)
def test_what_cannot_be_read_is_named(text):
    with pytest.raises(InputError, match=BAD[text]) as caught:
        apply_mapping({"J": text}, ARRAYS)
    assert str(caught.value).endswith(".")


def test_options_are_cut_at_commas_outside_quotes():
    assert parse_mapping(["J=w.T,B='a,b'", "b = bias"]) == {"J": "w.T", "B": "'a,b'", "b": "bias"}
    for wrong in (["J"], ["=w"], ["J="]):
        with pytest.raises(InputError, match="NAME=EXPRESSION"):
            parse_mapping(wrong)
    with pytest.raises(InputError, match="twice"):
        parse_mapping(["J=a", "J=b"])


def own_module(**changes):
    """State dict of a module of one's own, as PyTorch lays it out: weight (out, in)."""
    return {
        "w_in.weight": RNG.standard_normal((N, INPUTS)),
        "w_in.bias": RNG.standard_normal(N),
        "w_rec.weight": RNG.standard_normal((N, N)),
        "fc_out.weight": RNG.standard_normal((OUTPUTS, N)),
        "fc_out.bias": RNG.standard_normal(OUTPUTS),
        "h0": np.zeros(N),
        **changes,
    }


def test_a_module_with_names_of_its_own():
    proposal = propose_mapping(own_module())
    assert proposal.mapping == {
        "J": "w_rec.weight",
        "B": "w_in.weight",
        "b": "w_in.bias",
        "W": "fc_out.weight",
        "c": "fc_out.bias",
    }
    assert proposal.unused == ["h0"]


def test_states_multiplied_from_the_left_are_transposed():
    """Keras and many NumPy codes: x @ kernel, kernel (inputs, N)."""
    arrays = {
        "kernel_in": RNG.standard_normal((INPUTS, N)),
        "recurrent_kernel": RNG.standard_normal((N, N)),
        "bias": RNG.standard_normal(N),
        "readout_kernel": RNG.standard_normal((N, OUTPUTS)),
    }
    proposal = propose_mapping(arrays)
    assert proposal.mapping == {
        "J": "recurrent_kernel.T",
        "B": "kernel_in.T",
        "b": "bias",
        "W": "readout_kernel.T",
    }
    assert any("from the left" in reason for reason in proposal.reasons)


def test_masks_and_signs_become_effective_weights():
    arrays = {
        "W_rec": RNG.standard_normal((N, N)),
        "W_in": RNG.standard_normal((N, INPUTS)),
        "W_out": RNG.standard_normal((OUTPUTS, N)),
        "rec_connectivity": mask,
        "Dale_rec": np.diag(signs),
        "b_rec": np.zeros(N),
        "b_out": np.zeros(OUTPUTS),
    }
    proposal = propose_mapping(arrays)
    assert (proposal.mapping["b"], proposal.mapping["c"]) == ("b_rec", "b_out")
    out, _ = apply_mapping(proposal.mapping, arrays)
    np.testing.assert_array_equal(out["J"], np.abs(arrays["W_rec"]) * mask * signs)


def test_two_biases_are_added_and_rivals_named():
    proposal = propose_mapping(
        own_module(**{"w_rec.bias": np.ones(N), "attention.weight": RNG.standard_normal((N, N))})
    )
    assert proposal.mapping["J"] == "w_rec.weight"
    assert proposal.mapping["b"] == "w_in.bias+w_rec.bias"
    assert any("'attention.weight'" in reason for reason in proposal.reasons)


NOISE = {
    "rec": RNG.standard_normal((N, N)),
    "inp": RNG.standard_normal((N, INPUTS)),
    "out": RNG.standard_normal((OUTPUTS, N)),
    "bias": RNG.standard_normal(N),
}
COMMON_NAMES = {
    "W_xh, W_hh, W_hy": (
        {"W_xh": "inp", "W_hh": "rec", "W_hy": "out", "b_h": "bias"},
        {"J": "W_hh", "B": "W_xh", "W": "W_hy", "b": "b_h"},
    ),
    "Wxh, Whh, Why": (
        {"Wxh": "inp", "Whh": "rec", "Why": "out", "bh": "bias"},
        {"J": "Whh", "B": "Wxh", "W": "Why", "b": "bh"},
    ),
    "prefix state_dict": (
        {
            "model_state_dict.i2h.weight": "inp",
            "model_state_dict.h2h.weight": "rec",
            "model_state_dict.h2h.bias": "bias",
            "model_state_dict.fc.weight": "out",
            "optimizer_state_dict.state.0.exp_avg": "rec",
        },
        {
            "J": "model_state_dict.h2h.weight",
            "B": "model_state_dict.i2h.weight",
            "b": "model_state_dict.h2h.bias",
            "W": "model_state_dict.fc.weight",
        },
    ),
    "a bias named b beside signs": (
        {"w_rec": "rec", "w_in": "inp", "b": "bias", "w_out": "out"},
        {"J": "w_rec", "B": "w_in", "b": "b", "W": "w_out"},
    ),
}


@pytest.mark.parametrize("case", COMMON_NAMES)
def test_common_names_are_understood(case):
    names, wanted = COMMON_NAMES[case]
    assert propose_mapping({name: NOISE[kind] for name, kind in names.items()}).mapping == wanted


def test_keras_names_are_understood():
    arrays = {
        "simple_rnn/kernel:0": NOISE["inp"].T,
        "simple_rnn/recurrent_kernel:0": NOISE["rec"].T,
        "simple_rnn/bias:0": NOISE["bias"],
        "dense/kernel:0": NOISE["out"].T,
        "dense/bias:0": np.zeros(OUTPUTS),
    }
    proposal = propose_mapping(arrays)
    out, _ = apply_mapping(proposal.mapping, arrays)
    for target, kind in {"J": "rec", "B": "inp", "W": "out", "b": "bias"}.items():
        np.testing.assert_array_equal(out[target], NOISE[kind])
    assert out["c"].shape == (OUTPUTS,)


@pytest.mark.parametrize("as_matrix", [False, True])
def test_signs_belong_to_the_sending_units(as_matrix):
    """x @ (diag(signs) @ (|W| * mask)): the columns of J = that transposed have one sign each."""
    arrays = {
        "w_rec": NOISE["rec"],
        "w_in": NOISE["inp"].T,
        "mask": mask,
        "dale": np.diag(signs) if as_matrix else signs,
    }
    out, _ = apply_mapping(propose_mapping(arrays).mapping, arrays)
    np.testing.assert_array_equal(out["J"], (np.diag(signs) @ (np.abs(NOISE["rec"]) * mask)).T)


def test_networks_are_not_mixed():
    own = {"w_rec": w, "w_in": NOISE["inp"], "signs": signs}
    arrays = {f"{group}.{name}": value for group in ("n1", "n2") for name, value in own.items()}
    assert propose_mapping(arrays).mapping == {"J": "abs(n1.w_rec)*n1.signs", "B": "n1.w_in"}


def test_what_is_in_doubt_is_said():
    hidden = {f"fc{k}.weight": NOISE[kind] for k, kind in enumerate(("inp", "rec", "out"), start=1)}
    assert any("no name tells that 'fc2.weight' is recurrent" in r for r in propose_mapping(hidden).reasons)
    normalised = own_module(**{"ln.weight": np.ones(N), "ln.bias": np.ones(N)})
    proposal = propose_mapping(normalised)
    assert proposal.mapping["b"] == "w_in.bias"
    assert any("looks like a normalisation" in reason for reason in proposal.reasons)
    numbered = {"0": NOISE["rec"], "1": NOISE["inp"]}
    out, _ = apply_mapping(propose_mapping(numbered).mapping, numbered)
    np.testing.assert_array_equal(out["J"], NOISE["rec"])


def test_time_constants_of_a_group():
    arrays = {"net.w_rec": w, "net.tau": np.array(100.0), "net.dt": np.array(20.0)}
    mapping = propose_mapping(arrays).mapping
    assert (mapping["tau"], mapping["dt"]) == ("net.tau", "net.dt")


def test_nothing_square_proposes_nothing():
    proposal = propose_mapping({"a": np.zeros((2, 3)), "t": np.array("x")})
    assert proposal.mapping == {}
    assert "no array of it has the shape" in proposal.sentence()


def test_the_proposed_mapping_loads():
    arrays = own_module()
    mapping = propose_mapping(arrays).mapping
    field = ssmsym.from_torch(arrays, mapping=mapping, activation="relu", form="rate", tau=2.0)
    r, u = RNG.random(N), RNG.random(INPUTS)
    drive = arrays["w_rec.weight"] @ r + arrays["w_in.weight"] @ u + arrays["w_in.bias"]
    np.testing.assert_allclose(field.at(u=u)(r), (np.maximum(drive, 0) - r) / 2.0, atol=1e-14)
    np.testing.assert_allclose(
        field.readout(r), arrays["fc_out.weight"] @ r + arrays["fc_out.bias"], atol=1e-14
    )
