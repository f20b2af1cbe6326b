"""What a student takes of a pre-trained model, weight by weight."""

import dataclasses

import keras
import numpy as np
import pytest

from pd_bert.errors import InputError
from pd_bert.models.bert import Bert
from pd_bert.models.heads import MaskedLMHead, PooledHead
from pd_bert.models.initialization import (
    Initialization,
    Truncated,
    Whole,
    WordEmbeddings,
)
from pd_bert.models.model import Model
from pd_bert.models.network import Network

VOCABULARY = 23


def bert(layers: int, hidden: int = 8) -> Bert:
    return Bert(
        name="b",
        num_layers=layers,
        hidden_dim=hidden,
        num_heads=2,
        max_sequence_length=16,
    )


def make(layers: int, seed: int, **heads: PooledHead | MaskedLMHead) -> Model:
    keras.utils.set_random_seed(seed)
    model = Model(bert(layers), heads, VOCABULARY)
    for weight in model.weights:  # biases and LayerNorm begin alike in every model
        weight.assign(np.random.default_rng(seed).normal(size=weight.shape))
    return model


def network(architecture: Bert, vocabulary: int = VOCABULARY) -> Network:
    return Network.of(architecture, {}, vocabulary)


def same(one: Model, other: Model) -> set[str]:
    """The names of the parts whose every weight is equal."""
    mine, its = one.encoder.parts(), other.encoder.parts()
    return {
        name
        for name in mine.keys() & its.keys()
        if all(np.array_equal(a, b) for a, b in zip(mine[name], its[name], strict=True))
    }


@pytest.mark.parametrize(
    ("initialization", "layers", "taken"),
    [
        (Whole(), 2, ("token_embedding", "embeddings", "layer_0", "layer_1", "pooler")),
        (Truncated(), 3, ("token_embedding", "embeddings", "layer_0", "layer_1")),
        (Truncated(), 2, ("token_embedding", "embeddings", "layer_0", "layer_1")),
        (WordEmbeddings(), 3, ("token_embedding",)),
    ],
)
def test_takes_those_parts_and_no_other(
    initialization: Initialization, layers: int, taken: tuple[str, ...]
) -> None:
    initial = make(layers, 1)
    student = make(2, 2)
    before = make(2, 2)
    assert initialization.apply(student, initial, "here") == taken
    assert same(student, initial) == set(taken)
    assert same(student, before) == student.encoder.parts().keys() - set(taken)


def test_whole_takes_heads_that_are_equal() -> None:
    initial = make(1, 1, masked_lm=MaskedLMHead(), label=PooledHead(num_outputs=2))
    student = make(1, 2, masked_lm=MaskedLMHead(), label=PooledHead(num_outputs=3))
    before = [np.asarray(weight) for weight in student.head_weights("label")]
    found = Whole().apply(student, initial, "here")
    assert found == (*student.encoder.parts(), "masked_lm")
    for weight, value in zip(student.head_weights("label"), before, strict=True):
        np.testing.assert_array_equal(weight, value)
    mine, its = student.head_layers["masked_lm"], initial.head_layers["masked_lm"]
    for one, other in zip(mine, its, strict=True):
        for a, b in zip(one.trainable_weights, other.trainable_weights, strict=True):
            np.testing.assert_array_equal(a, b)


def test_parts_of_a_model_leave_its_heads() -> None:
    initial = make(2, 1, label=PooledHead(num_outputs=2))
    student = make(1, 2, label=PooledHead(num_outputs=2))
    before = [np.asarray(weight) for weight in student.head_weights("label")]
    found = Truncated().apply(student, initial, "here")
    assert found == ("token_embedding", "embeddings", "layer_0")
    for weight, value in zip(student.head_weights("label"), before, strict=True):
        np.testing.assert_array_equal(weight, value)


@pytest.mark.parametrize(
    ("initialization", "initial", "vocabulary", "says"),
    [
        (Whole(), bert(3), VOCABULARY, "it has layer_2 besides"),
        (Whole(), bert(1), VOCABULARY, "lacks layer_1"),
        (Truncated(), bert(1), VOCABULARY, "lacks layer_1"),
        (Truncated(), bert(2, 16), VOCABULARY, r"\(23, 8\), the initial model's \(23,"),
        (WordEmbeddings(), bert(2), 24, r"token_embedding holds \(23, 8\), .*\(24, 8"),
    ],
)
def test_refuses_what_does_not_fit(
    initialization: Initialization, initial: Bert, vocabulary: int, says: str
) -> None:
    with pytest.raises(InputError, match=f"here: .*{says}"):
        initialization.check(network(bert(2)), network(initial, vocabulary), "here")


def test_layers_must_compute_alike_and_embeddings_need_not() -> None:
    exact = dataclasses.replace(bert(2), exact_gelu=True)
    sizes = (network(bert(2)), network(exact))
    WordEmbeddings().check(*sizes, "here")
    for initialization in (Whole(), Truncated()):
        with pytest.raises(InputError, match=r"here: .*compute as the student does"):
            initialization.check(*sizes, "here")
