"""New losses, inputs, architectures and schedules: one module and one gin file each."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from pd_bert import api as pd
from pd_bert.values import trust

_HERE = pathlib.Path(__file__).parent


def _weights(run, title: str) -> dict[str, list[np.ndarray]]:
    model = pd.Model.load(run.artifact(title).directory)
    return {name: [np.asarray(w) for w in part] for name, part in model.parts().items()}


def test_a_loss_with_a_projection_is_the_same_stored_and_live(run) -> None:
    made = run("projected_hidden")
    stored, live = made.losses["distill-stored"], made.losses["distill-live"]
    assert len(stored) == 6 and stored[-1] < stored[0]
    np.testing.assert_allclose(stored, live, rtol=1e-5)
    merged = made.losses["distill-merged"]
    assert len(merged) == 6 and merged[-1] < merged[0]
    # The projection is trained, and no part of the saved model.
    names = {"token_embedding", "embeddings", "layer_0", "pooler", "label"}
    assert _weights(made, "distill-stored").keys() == names
    manifest = made.artifact("label-labels").directory / "manifest.json"
    spec = json.loads(manifest.read_text())["spec"]
    assert spec["teacher_hidden_1"]["shape"] == [None, 16]


def test_a_loss_on_attention_between_chosen_layers(run) -> None:
    losses = run("attention_loss").losses["distill-attention"]
    assert len(losses) == 6 and np.isfinite(losses).all() and losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("binding", "says"),
    [
        ("attention_loss.AttentionScores.layers = ((2, 2),)", "numbered 1 to 1"),
        ("attention_loss.AttentionScores.layers = ((1, 3),)", "numbered 1 to 2"),
        ("one/pd.Bert.num_heads = 4", "same number of heads; received 4 and 2"),
    ],
)
def test_layers_and_heads_that_do_not_fit_are_refused(run, binding, says) -> None:
    with pytest.raises(pd.InputError, match=says):
        run("attention_loss", binding)


def test_inputs_mixed_from_a_teacher(run) -> None:
    bindings = ["mixed/pd.Bert.dropout = 0.0"]
    dense = run("mixed_tokens", *bindings)
    size = dense.artifact("finetune-mixed")["vocabulary_size"]
    every = run("mixed_tokens", *bindings, f"mixed_tokens.MixedTokens.k = {size}")
    mixed = dense.losses["finetune-mixed"]
    np.testing.assert_allclose(every.losses["finetune-mixed"], mixed, rtol=1e-5)
    assert not np.allclose(mixed, dense.losses["finetune-plain"], rtol=1e-5)


def test_inputs_of_the_tokens_alone_are_ordinary_training_to_the_bit(run) -> None:
    made = run(
        "mixed_tokens",
        "mixed_tokens.MixedTokens.weight = 1.0",
        "mixed_tokens.MixedTokens.k = 3",
    )
    assert made.losses["finetune-mixed"] == made.losses["finetune-plain"]
    mixed, plain = (_weights(made, f"finetune-{name}") for name in ("mixed", "plain"))
    for name in plain:
        for one, other in zip(mixed[name], plain[name], strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_bilstm_is_distilled_and_served(run) -> None:
    made = run("bilstm")
    losses = made.losses["distill-d"]
    assert len(losses) == 6 and losses[-1] < losses[0]
    evaluation = made.artifact("evaluate-d")
    assert evaluation["parameters"] == 80 * 6 + 2 * 20 * (6 + 5 + 1) + 110 + 22
    assert evaluation["size_bytes"] >= 4 * evaluation["parameters"]
    served = tf.saved_model.load(
        str(made.artifact("export-d").directory / "saved_model")
    )
    texts = ["the film was fine.", "the plot was dull and the music was poor."]
    logits = served.signatures["serving_default"](text=tf.constant(texts))["logits"]
    trust("bilstm")
    from_artifact = pd.load_predictor(made.artifact("distill-d").directory)
    rows = [pd.TextRow(text=t, text_b=None, label=None, where="") for t in texts]
    found = [outputs["logits"] for _, outputs in from_artifact.outputs(rows)]
    np.testing.assert_allclose(logits, found, atol=1e-5)


def test_phases_train_the_parts_that_they_name(run) -> None:
    made = run("two_phases")
    start, top, all_ = (
        _weights(made, title)
        for title in ("pretrain-student", "distill-top", "distill-all")
    )
    for name, before in start.items():
        if name in ("masked_lm", "next_sentence"):
            continue
        for one, other in zip(before, top[name], strict=True):
            assert np.array_equal(one, other) == (name != "pooler"), name
    for name, before in top.items():
        for one, other in zip(before, all_[name], strict=True):
            assert not np.array_equal(one, other), name
    lineage = made.artifact("distill-all")["lineage"]
    assert (
        lineage["initial"]["fingerprint"] == made.artifact("distill-top")["fingerprint"]
    )


def test_a_part_that_does_not_exist_is_refused(run) -> None:
    says = "trainable names parts of the student, .*layer_1, pooler, label; .*'layer_7'"
    with pytest.raises(pd.InputError, match=says):
        run("two_phases", "top/pd.Distill.trainable = ('layer_7',)")
