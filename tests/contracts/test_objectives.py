"""What the training step relies on, for every objective in pd_bert.objectives."""

import dataclasses
import importlib
import math
import pkgutil
from collections.abc import Iterator, Mapping

import keras
import numpy as np
import pytest
import tensorflow as tf

import pd_bert.objectives
from pd_bert.errors import InputError
from pd_bert.models.bert import Bert
from pd_bert.models.heads import MaskedLMHead, PooledHead
from pd_bert.models.network import Network
from pd_bert.models.outputs import EMPTY, Outputs, Wanted
from pd_bert.objectives.base import Batch, LossInputs, Objective, Reads
from pd_bert.objectives.distances import (
    cosine_distance,
    kl_divergence,
    mean_squared_error,
)
from pd_bert.objectives.hard_labels import HardLabels
from pd_bert.objectives.labels import Labels
from pd_bert.objectives.logit_regression import LogitRegression, log_odds
from pd_bert.objectives.representation import Representation
from pd_bert.objectives.soft_labels import SoftLabels

BATCH, LENGTH, LABELS, MASKED, VOCABULARY = 6, 5, 3, 4, 11
HEADS = {
    "label": PooledHead(num_outputs=LABELS),
    "next_sentence": PooledHead(num_outputs=2),
    "masked_lm": MaskedLMHead(),
}


def network(layers: int, hidden: int) -> Network:
    size = Bert(name="b", num_layers=layers, hidden_dim=hidden, num_heads=2)
    return Network.of(size, HEADS, VOCABULARY)


STUDENT, TEACHER = network(2, 4), network(4, 8)
WITHOUT_HEADS = dataclasses.replace(STUDENT, heads=())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Everything(Objective):
    """Reads every kind of output, per token, through a layer of its own."""

    @property
    def reads(self) -> Reads:
        return Reads(
            features=("token_weight",),
            student=Wanted(
                hidden=(1, 2),
                first=(2,),
                attention=(2,),
                embeddings=True,
                sequence=True,
                pooled=True,
                heads=("label",),
            ),
            teacher=Wanted(
                hidden=(3,), attention=(4,), embeddings=True, pooled=True, heads=None
            ),
        )

    def build(
        self, student: Network, teacher: Network | None
    ) -> Mapping[str, keras.layers.Layer]:
        assert teacher is not None
        layer = keras.layers.Dense(teacher.architecture.hidden_dim)
        layer.build((None, None, student.architecture.hidden_dim))
        return {"projection": layer}

    def losses(self, given: LossInputs) -> tf.Tensor:
        student = given.student
        teacher = _map(tf.stop_gradient, given.teacher)
        project = given.layers["projection"]
        states = student.hidden[1] + student.hidden[2] + student.sequence
        distance = (
            project(states + student.embeddings)
            + project(student.pooled + student.first[2])[:, None]
            - teacher.hidden[3]
            - teacher.embeddings
            - teacher.pooled[:, None]
        )
        scores = student.attention[2] - teacher.attention[4]
        logits = student.logits["label"] - teacher.logits["label"]
        others = [teacher.logits[name] for name in ("next_sentence", "masked_lm")]
        return (
            tf.reduce_mean(tf.square(distance), -1)
            + tf.reduce_mean(tf.square(scores), (1, 3))
            + tf.reduce_mean(tf.square(logits), -1, keepdims=True)
            + sum(_mean(other)[:, None] for other in others)
        )

    def mask(self, batch: Batch) -> tf.Tensor:
        return batch["token_weight"] * batch["example_weight"][:, None]


def _mean(value: tf.Tensor) -> tf.Tensor:
    """The mean over all axes but the first."""
    return tf.reduce_mean(value, axis=list(range(1, len(value.shape))))


def _objectives() -> list[Objective]:
    for module in pkgutil.iter_modules(pd_bert.objectives.__path__):
        importlib.import_module(f"pd_bert.objectives.{module.name}")
    found, classes = [], [Objective]
    while classes:
        for cls in classes.pop().__subclasses__():
            classes.append(cls)
            if cls.__module__.startswith("pd_bert.") and not cls.__abstractmethods__:
                found.append(cls())
    return [
        *found,
        SoftLabels(temperature=3.0),
        Representation(student_layer=1, teacher_layer=3, distance=mean_squared_error),
        Representation(pooled=True, teacher_layer=3, distance=cosine_distance),
        Representation(pooled=True, student_layer=2),
        Everything(),
    ]


EVERY = _objectives()
every = pytest.mark.parametrize("objective", EVERY, ids=lambda o: type(o).__name__)

# Every batch has them, or those of a language model's transform.
GIVEN = ("example_weight", "padding_mask", "masked_ids", "masked_weights")


def every_feature() -> dict[str, tf.Tensor]:
    generator = np.random.default_rng(0)
    label = generator.integers(0, LABELS, BATCH)
    return {
        "example_weight": tf.constant([1.0, 1, 1, 1, 0, 0]),
        "padding_mask": tf.constant([[1, 1, 1, 1, 0]] * BATCH),
        "label": tf.constant(label, tf.int32),
        "next_sentence_label": tf.constant(generator.integers(0, 2, BATCH), tf.int32),
        "masked_ids": tf.constant(
            generator.integers(0, VOCABULARY, (BATCH, MASKED)), tf.int32
        ),
        "masked_weights": tf.constant([[1.0, 1, 1, 0]] * BATCH),
        "token_weight": tf.constant([[1.0, 1, 1, 1, 0]] * BATCH),
    }


def every_output(of: Network, seed: int) -> Outputs:
    """All that a model of this network may return, at random."""
    generator = np.random.default_rng(seed)

    def random(*shape: int) -> tf.Tensor:
        return tf.constant(generator.normal(size=(BATCH, *shape)), tf.float32)

    hidden_dim = of.architecture.hidden_dim
    layers = range(1, of.architecture.num_layers + 1)
    heads = of.architecture.attention_heads
    return Outputs(
        logits={
            "label": random(LABELS),
            "next_sentence": random(2),
            "masked_lm": random(MASKED, VOCABULARY),
        },
        hidden={layer: random(LENGTH, hidden_dim) for layer in layers},
        first={layer: random(hidden_dim) for layer in layers},
        attention={layer: random(heads, LENGTH, LENGTH) for layer in layers},
        embeddings=random(LENGTH, hidden_dim),
        sequence=random(LENGTH, hidden_dim),
        pooled=random(hidden_dim),
    )


def only(outputs: Outputs, wanted: Wanted | None) -> Outputs:
    """The outputs that are wanted."""
    if wanted is None:
        return EMPTY
    heads = outputs.logits if wanted.heads is None else wanted.heads
    return Outputs(
        logits={name: outputs.logits[name] for name in heads},
        hidden={layer: outputs.hidden[layer] for layer in wanted.hidden},
        first={layer: outputs.first[layer] for layer in wanted.first},
        attention={layer: outputs.attention[layer] for layer in wanted.attention},
        embeddings=outputs.embeddings if wanted.embeddings else None,
        sequence=outputs.sequence if wanted.sequence else None,
        pooled=outputs.pooled if wanted.pooled else None,
    )


def given_to(objective: Objective) -> LossInputs:
    """A batch, with the features and outputs that the objective reads alone."""
    reads, batch = objective.reads, every_feature()
    keras.utils.set_random_seed(0)
    return LossInputs(
        student=only(every_output(STUDENT, 1), reads.student),
        teacher=only(every_output(TEACHER, 2), reads.teacher),
        batch={name: batch[name] for name in (*GIVEN, *reads.features)},
        layers=objective.build(STUDENT, None if reads.teacher is None else TEACHER),
    )


def rows(given: LossInputs, kept: slice) -> LossInputs:
    """The same for some of the examples."""
    return given._replace(
        student=_map(lambda value: value[kept], given.student),
        teacher=_map(lambda value: value[kept], given.teacher),
        batch={name: value[kept] for name, value in given.batch.items()},
    )


def _map(function, outputs: Outputs) -> Outputs:
    return tf.nest.map_structure(
        lambda value: None if value is None else function(value), outputs
    )


def tensors(outputs: Outputs) -> list[tf.Tensor]:
    return [value for value in tf.nest.flatten(outputs) if value is not None]


def with_one_less(outputs: Outputs) -> Iterator[Outputs]:
    """Each lacks one of the outputs."""
    for field in ("logits", "hidden", "first", "attention"):
        found = getattr(outputs, field)
        for key in found:
            less = {k: value for k, value in found.items() if k != key}
            yield outputs._replace(**{field: less})
    for field in ("embeddings", "sequence", "pooled"):
        if getattr(outputs, field) is not None:
            yield outputs._replace(**{field: None})


def test_there_are_some() -> None:
    assert {type(o).__name__ for o in EVERY} >= {
        "MaskedLM",
        "NextSentence",
        "Labels",
        "SoftLabels",
    }


@every
def test_is_a_frozen_keyword_only_value(objective: Objective) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        objective.weight = 2.0  # type: ignore[misc]
    with pytest.raises(TypeError):
        type(objective)(1.0)  # type: ignore[call-arg]
    assert hash(objective) == hash(dataclasses.replace(objective))
    assert objective == dataclasses.replace(objective)


@every
def test_losses_are_finite_and_shaped_like_the_mask(objective: Objective) -> None:
    given = given_to(objective)
    losses = objective.losses(given)
    assert losses.dtype == tf.float32
    assert losses.shape == objective.mask(given.batch).shape
    assert np.isfinite(losses).all()


@every
def test_gradient_flows_to_the_student_alone(objective: Objective) -> None:
    """To each output that it reads, and to the layers of its own."""
    given = given_to(objective)
    student, teacher = tensors(given.student), tensors(given.teacher)
    own = [w.value for each in given.layers.values() for w in each.trainable_weights]
    with tf.GradientTape() as tape:
        tape.watch([*student, *teacher])
        loss = objective.weighted_sum(given)
    to_student, to_teacher, to_own = tape.gradient(loss, (student, teacher, own))
    assert to_student and None not in to_student and None not in to_own
    for gradient in (*to_student, *to_own):
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0
    assert all((gradient.numpy()[4:] == 0).all() for gradient in to_student)  # fillers
    assert all(gradient is None or not np.any(gradient) for gradient in to_teacher)


@every
def test_fillers_do_not_count(objective: Objective) -> None:
    given = given_to(objective)
    wanted = objective.weighted_sum(given).numpy()
    kept = rows(given, slice(4))
    np.testing.assert_allclose(objective.weighted_sum(kept), wanted, rtol=1e-6)
    nan = given._replace(
        student=_map(
            lambda value: tf.concat([value[:4], np.nan * value[4:]], 0), given.student
        )
    )
    np.testing.assert_array_equal(objective.weighted_sum(nan), wanted)
    assert objective.total(given.batch) == objective.total(kept.batch)


@every
def test_reads_names_the_features_that_it_reads(objective: Objective) -> None:
    given = given_to(objective)
    objective.weighted_sum(given)  # which works without the others
    for name in objective.reads.features:
        less = {key: value for key, value in given.batch.items() if key != name}
        with pytest.raises(KeyError, match=name):
            objective.weighted_sum(given._replace(batch=less))


@every
def test_reads_names_the_outputs_that_it_reads(objective: Objective) -> None:
    given = given_to(objective)
    objective.losses(given)  # which works without the others
    lacking = [
        *(given._replace(student=less) for less in with_one_less(given.student)),
        *(given._replace(teacher=less) for less in with_one_less(given.teacher)),
    ]
    assert lacking
    for less in lacking:
        with pytest.raises((KeyError, TypeError, ValueError)):
            objective.losses(less)


@every
def test_needs_a_model_that_has_what_it_reads(objective: Objective) -> None:
    objective.require(STUDENT, TEACHER, "here")
    objective.require(STUDENT, None, "here")  # not known yet
    name, head = type(objective).__name__, objective.head
    if not objective.reads.student.heads:
        objective.require(WITHOUT_HEADS, TEACHER, "here")
        return
    with pytest.raises(InputError) as caught:
        objective.require(WITHOUT_HEADS, TEACHER, "here")
    assert str(caught.value) == (
        f"here: {name}, student: the head {head!r} is read; the model has no head"
    )


def test_needs_a_teacher_that_has_what_it_reads() -> None:
    says = "here: SoftLabels, teacher 'big': the head 'label' is read; .* no head"
    with pytest.raises(InputError, match=says):
        SoftLabels(teacher="big").require(STUDENT, WITHOUT_HEADS, "here")
    says = "here: Everything, teacher 'teacher': layers of b .* 1 to 2; received 3"
    with pytest.raises(InputError, match=says):
        Everything().require(STUDENT, STUDENT, "here")
    Labels().require(STUDENT, WITHOUT_HEADS, "here")  # reads no teacher


@every
def test_weight_scales(objective: Objective) -> None:
    given = given_to(objective)
    double = dataclasses.replace(objective, weight=2.5)
    wanted = 2.5 * objective.weighted_sum(given).numpy()
    np.testing.assert_allclose(double.weighted_sum(given), wanted, rtol=1e-6)
    assert double.total(given.batch) == objective.total(given.batch)


@every
def test_parts_add_up(objective: Objective) -> None:
    given = given_to(objective)
    parts = [rows(given, slice(first, first + 2)) for first in range(0, BATCH, 2)]
    sums = [objective.weighted_sum(part).numpy() for part in parts]
    whole = objective.weighted_sum(given).numpy()
    np.testing.assert_allclose(sum(sums), whole, rtol=1e-5)
    totals = [objective.total(part.batch).numpy() for part in parts]
    assert sum(totals) == objective.total(given.batch)


def test_labels_may_have_weights_of_their_own() -> None:
    batch = {
        "example_weight": tf.constant([1.0, 1.0, 0.0]),
        "label_weight": tf.constant([0.5, 0.0, 1.0]),
        "tag_weight": tf.constant([[1, 0], [1, 1], [1, 1]]),
    }
    np.testing.assert_array_equal(Labels().mask(batch), [0.5, 0, 0])
    np.testing.assert_array_equal(
        Labels(head="tag").mask(batch), [[1, 0], [1, 1], [0, 0]]
    )
    np.testing.assert_array_equal(Labels(head="other").mask(batch), [1, 1, 0])


def test_what_reads_labels_leaves_out_examples_without_them() -> None:
    batch = {
        "example_weight": tf.constant([1.0, 1.0, 0.0]),
        "label_weight": tf.constant([[1, 0], [1, 1], [1, 1]]),
        "labeled": tf.constant([1.0, 0.0, 1.0]),
    }
    np.testing.assert_array_equal(Labels().mask(batch), [[1, 0], [0, 0], [0, 0]])
    np.testing.assert_array_equal(SoftLabels().mask(batch), [[1, 0], [1, 1], [0, 0]])


def test_logit_regression_follows_the_log_odds_of_the_teacher() -> None:
    teacher = np.array([[1.0, -2.0, 0.5], [40.0, 0.0, -40.0]])
    p = np.exp(teacher[0]) / np.exp(teacher[0]).sum()
    target = np.log(p / (1 - p))
    student = np.array([[0.3, 0.2, -1.0], [0.0, 0.0, 0.0]])
    losses = losses_of(LogitRegression(), student.tolist(), teacher=teacher.tolist())
    assert losses[0] == pytest.approx(0.5 * ((student[0] - target) ** 2).sum())
    # p of the second is 1 in float32; log-odds 40, −40 and −80 are still finite.
    assert losses[1] == pytest.approx(0.5 * (40**2 + 40**2 + 80**2), rel=1e-4)
    found = log_odds(tf.constant([[0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(found, np.full((1, 3), np.log(0.5)), rtol=1e-6)
    score = losses_of(LogitRegression(), [[2.0]], teacher=[[5.0]])
    np.testing.assert_allclose(score, [4.5])


def test_hard_labels_are_the_answers_of_the_teacher() -> None:
    logits, teacher = [[1.0, 2.0, 0.0]], [[0.1, 0.0, 0.3]]
    hard = losses_of(HardLabels(), logits, teacher=teacher)
    gold = losses_of(Labels(), logits, label=[2])
    np.testing.assert_array_equal(hard, gold)
    one = {"label": PooledHead(num_outputs=1)}
    regression = dataclasses.replace(STUDENT, heads=tuple(one.items()))
    with pytest.raises(InputError, match="HardLabels: hard labels need a head with"):
        HardLabels().require(regression, TEACHER, "here")


def test_representation_owns_a_projection_where_widths_differ() -> None:
    assert Representation().build(STUDENT, TEACHER).keys() == {"projection"}
    assert Representation().build(TEACHER, TEACHER) == {}
    assert Representation(projected=True).build(TEACHER, TEACHER).keys() == {
        "projection"
    }
    with pytest.raises(InputError, match=r"one width; the student's have 4, .* 8"):
        Representation(projected=False).require(STUDENT, TEACHER, "here")
    with pytest.raises(InputError, match="numbered 1 to 4; received 7"):
        Representation(teacher_layer=7).require(STUDENT, TEACHER, "here")


def test_representation_is_nothing_between_equal_states() -> None:
    states = every_output(TEACHER, 1)
    given = LossInputs(student=states, teacher=states, batch={}, layers={})
    for distance in (kl_divergence, mean_squared_error, cosine_distance):
        for pooled in (False, True):
            losses = Representation(pooled=pooled, distance=distance).losses(given)
            np.testing.assert_allclose(losses, np.zeros(losses.shape), atol=1e-5)
    # By hand: softmax of (0, ln 3) is (¼, ¾), of (0, 0) is (½, ½).
    zero, teacher = tf.zeros((1, 2)), tf.constant([[0.0, np.log(3.0)]], tf.float32)
    expected = 0.25 * np.log(0.5) + 0.75 * np.log(1.5)
    np.testing.assert_allclose(kl_divergence(zero, teacher), [expected], rtol=1e-5)
    np.testing.assert_allclose(
        mean_squared_error(zero, teacher), [np.log(3) ** 2 / 2], rtol=1e-5
    )
    np.testing.assert_allclose(cosine_distance(zero, teacher), [1.0])


def losses_of(
    objective: Objective,
    logits: list,
    *,
    teacher: list | None = None,
    label: list | None = None,
) -> np.ndarray:
    head = objective.head
    given = LossInputs(
        student=Outputs(logits={head: tf.constant(logits, tf.float32)}),
        teacher=EMPTY
        if teacher is None
        else Outputs(logits={head: tf.constant(teacher, tf.float32)}),
        batch={} if label is None else {head: tf.constant(label)},
        layers={},
    )
    return objective.losses(given).numpy()


@pytest.mark.parametrize(
    ("temperature", "wanted"),
    [
        # Student (1/2, 1/2), teacher (4/5, 1/5): −Σ p log q = log 2.
        (1.0, math.log(2)),
        # Teacher softened to (2/3, 1/3); T² = 4.
        (2.0, 4 * math.log(2)),
    ],
)
def test_soft_labels_of_an_even_student(temperature: float, wanted: float) -> None:
    losses = losses_of(
        SoftLabels(temperature=temperature), [[0.0, 0.0]], teacher=[[math.log(4), 0.0]]
    )
    np.testing.assert_allclose(losses, [wanted], rtol=1e-6)


def test_soft_labels_by_hand() -> None:
    """T = 2: teacher (2/3, 1/3), student (3/4, 1/4)."""
    wanted = 2.6155446745  # 4 · (2/3 · 0.2876820724 + 1/3 · 1.3862943611)
    student, teacher = [[2 * math.log(3), 0.0]], [[math.log(4), 0.0]]
    losses = losses_of(SoftLabels(temperature=2.0), student, teacher=teacher)
    np.testing.assert_allclose(losses, [wanted], rtol=1e-6)
    # Of a head of tokens, one loss per token.
    tokens = losses_of(
        SoftLabels(head="tag", temperature=2.0), [student * 2], teacher=[teacher * 2]
    )
    np.testing.assert_allclose(tokens, [[wanted, wanted]], rtol=1e-6)


def test_labels_by_hand() -> None:
    """Probabilities of (3/4, 1/4), of texts and of tokens."""
    even, sure = [0.0, 0.0], [math.log(3), 0.0]
    losses = losses_of(Labels(), [even, sure], label=[1, 0])
    np.testing.assert_allclose(losses, [math.log(2), math.log(4 / 3)], rtol=1e-6)
    tokens = losses_of(Labels(head="tag"), [[even, sure]], label=[[0, 1]])
    np.testing.assert_allclose(tokens, [[math.log(2), math.log(4)]], rtol=1e-6)


def test_labels_of_a_regression_are_scores() -> None:
    losses = losses_of(Labels(), [[1.0], [3.0]], label=[1.5, 1.0])
    np.testing.assert_allclose(losses, [0.25, 4.0])


def test_one_output_is_a_regression() -> None:
    """The squared distance to the label, and to the teacher's score."""
    student, teacher = [[1.0], [3.0]], [[0.0], [1.0]]
    losses = losses_of(Labels(), student, label=[2.0, 6.0])
    np.testing.assert_allclose(losses, [1.0, 9.0])
    losses = losses_of(SoftLabels(), student, teacher=teacher)
    np.testing.assert_allclose(losses, [1.0, 4.0])
