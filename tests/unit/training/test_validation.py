"""The loss on held-out records against a plain mean over the examples."""

import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from pd_bert.data.example_spec import Feature
from pd_bert.data.pipeline import Batches
from pd_bert.data.records import Records
from pd_bert.models.bert import Bert
from pd_bert.models.heads import PooledHead
from pd_bert.models.model import Model
from pd_bert.objectives.labels import Labels
from pd_bert.objectives.soft_labels import SoftLabels
from pd_bert.training.learner import Student
from pd_bert.training.teacher import Stored
from pd_bert.training.validation import ValidationLoss

FEATURES = {
    "label": Feature(dtype="int64"),
    "label_weight": Feature(dtype="float32"),
    "teacher_logits": Feature(dtype="float32", shape=(3,)),
}


@pytest.fixture
def weighted(examples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The examples with weights, so that a mean of means is another number."""
    return [
        {**each, "label_weight": (0.0, 1.0, 0.25, 3.0)[row % 4]}
        for row, each in enumerate(examples)
    ]


@pytest.fixture
def model() -> Model:
    """With dropout, which validation leaves out."""
    keras.utils.set_random_seed(0)
    size = Bert(
        name="b",
        num_layers=1,
        hidden_dim=8,
        num_heads=2,
        dropout=0.5,
        max_sequence_length=16,
    )
    model = Model(size, {"label": PooledHead(num_outputs=3)}, 20)
    for weight in model.weights:
        noise = np.random.default_rng(1).normal(size=weight.shape)
        weight.assign(np.asarray(weight) + 0.3 * noise)
    return model


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max()
    return shifted - np.log(np.exp(shifted).sum())


def plain_mean(model: Model, examples: list[dict[str, Any]]) -> float:
    """Labels by half and soft labels at temperature 2, one example after another."""
    losses, weights = [], []
    for example in examples:
        length = len(example["token_ids"])
        inputs = {
            "token_ids": tf.constant([example["token_ids"]]),
            "segment_ids": tf.zeros((1, length), tf.int32),
            "padding_mask": tf.ones((1, length), tf.int32),
        }
        logits = model(inputs).logits["label"].numpy()[0].astype(np.float64)
        hard = -log_softmax(logits)[example["label"]]
        teacher = np.exp(log_softmax(example["teacher_logits"] / 2))
        soft = -4 * (teacher * log_softmax(logits / 2)).sum()
        losses.append(0.5 * hard + soft)
        weights.append(example["label_weight"])
    return float(np.average(losses, weights=weights))


@pytest.mark.parametrize("batch_size", [1, 4, 7, 32])
@pytest.mark.parametrize("buckets", [(16,), (5, 6, 16)])
def test_it_is_the_mean_over_all_examples(
    model: Model,
    weighted: list[dict[str, Any]],
    write_records: Callable[..., Records],
    tmp_path: pathlib.Path,
    batch_size: int,
    buckets: tuple[int, ...],
) -> None:
    records = write_records(tmp_path, FEATURES, weighted)
    validation = ValidationLoss(
        Student(model, [Labels(weight=0.5), SoftLabels(temperature=2.0)]),
        Batches(records, batch_size=batch_size, buckets=buckets, shuffle=False),
        {"teacher": Stored()},
        strategy=tf.distribute.get_strategy(),
    )
    wanted = plain_mean(model, weighted)
    found = validation()
    assert list(found) == ["validation_loss"]
    np.testing.assert_allclose(found["validation_loss"], wanted, rtol=1e-5)
    # It follows the weights, and may be asked again.
    assert validation() == found
    model.head_layers["label"][1].bias.assign([1.0, 0.0, -1.0])
    later = plain_mean(model, weighted)
    assert abs(later - wanted) > 1e-3
    np.testing.assert_allclose(validation()["validation_loss"], later, rtol=1e-5)
