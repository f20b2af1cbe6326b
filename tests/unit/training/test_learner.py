"""A student with its objectives: which weights are trained, kept and saved."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from pd_bert.data.example_spec import Feature
from pd_bert.data.pipeline import Batches
from pd_bert.data.records import Records
from pd_bert.models.bert import Bert
from pd_bert.models.heads import MaskedLMHead, PooledHead
from pd_bert.models.model import Model
from pd_bert.models.network import Network
from pd_bert.models.outputs import EMPTY, EVERY_HEAD, Outputs, SoftTokens, Wanted
from pd_bert.objectives.base import Batch, LossInputs, Objective, Reads
from pd_bert.objectives.labels import Labels
from pd_bert.objectives.soft_labels import SoftLabels
from pd_bert.training.checkpoint import Checkpoints
from pd_bert.training.inputs import BatchInputs, StudentInputs
from pd_bert.training.learner import Learner, Student
from pd_bert.training.optimizer import AdamW
from pd_bert.training.step import TrainStep
from pd_bert.training.teacher import Live, Stored, Teacher

STEPS, BATCH, VOCABULARY = 4, 6, 20
SMALL = Bert(
    name="small",
    num_layers=2,
    hidden_dim=8,
    num_heads=2,
    dropout=0.0,
    max_sequence_length=16,
)
DEEP = dataclasses.replace(SMALL, name="deep", num_layers=3, hidden_dim=12)
LABEL = {"label": PooledHead(num_outputs=3)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hidden(Objective):
    """The distance of projected states of layer 1 to the teacher's of layer 2."""

    @property
    def reads(self) -> Reads:
        return Reads(student=Wanted(hidden=(1,)), teacher=Wanted(hidden=(2,)))

    def build(
        self, student: Network, teacher: Network | None
    ) -> Mapping[str, keras.layers.Layer]:
        assert teacher is not None
        layer = keras.layers.Dense(teacher.architecture.hidden_dim, name="projection")
        layer.build((None, None, student.architecture.hidden_dim))
        return {"projection": layer}

    def losses(self, given: LossInputs) -> tf.Tensor:
        states = given.layers["projection"](given.student.hidden[1])
        distance = states - given.teacher.hidden[2]
        return tf.reduce_mean(tf.square(distance), (1, 2))


def make(architecture: Bert, seed: int, **heads: Any) -> Model:
    keras.utils.set_random_seed(seed)
    model = Model(architecture, heads or LABEL, VOCABULARY)
    generator = np.random.default_rng(seed)
    for weight in model.weights:  # fresh ones are so small that all logits are alike
        noise = generator.normal(size=weight.shape)
        weight.assign(np.asarray(weight) + 0.3 * noise)
    return model


def train(
    student: Student,
    records: Records,
    teachers: Mapping[str, Teacher],
    *,
    accumulation: int = 1,
    optimizer: keras.optimizers.Optimizer | None = None,
) -> list[float]:
    """The losses of the steps of a training."""
    batches = Batches(records, batch_size=BATCH, buckets=(16,), shuffle=False)
    optimizer = optimizer or build_optimizer(student)
    learner = Learner(student, optimizer, seed=0, accumulation=accumulation)
    strategy = tf.distribute.get_strategy()
    step = TrainStep([learner], strategy=strategy, teachers=teachers)
    data = tf.data.Dataset.from_tensor_slices(
        tf.nest.map_structure(lambda *parts: np.stack(parts), *batches.epoch())
    )
    losses, _ = step(iter(data.repeat()), start=0, count=STEPS, stop=False)
    return losses[:, 0].tolist()


def build_optimizer(student: Student) -> keras.optimizers.Optimizer:
    # A large epsilon, or Adam would hide a factor before all gradients.
    settings = AdamW(learning_rate=0.02, epsilon=0.01)
    return settings.build(student.trained_weights, STEPS)


def values(weights: Sequence[keras.Variable]) -> list[np.ndarray]:
    return [np.array(weight) for weight in weights]


def changed(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> list[bool]:
    pairs = zip(before, after, strict=True)
    return [not np.array_equal(one, other) for one, other in pairs]


# ---- trainable parts


def test_all_weights_are_trained_unless_parts_are_named() -> None:
    model = make(SMALL, 0)
    assert Student(model, [Labels()]).trained_weights == model.weights
    student = Student(model, [Labels()], trainable=("label", "layer_1"))
    parts = model.parts()
    assert student.weights == model.weights
    assert {id(w) for w in student.trained_weights} == {
        id(w) for name in ("layer_1", "label") for w in parts[name]
    }
    assert len(student.trained_weights) == len(parts["layer_1"]) + 2


def test_a_tied_embedding_belongs_to_the_encoder() -> None:
    model = make(SMALL, 0, masked_lm=MaskedLMHead())
    (table,) = model.parts()["token_embedding"]
    head = Student(model, [], trainable=("masked_lm",)).trained_weights
    assert head and not any(weight is table for weight in head)
    (only,) = Student(model, [], trainable=("token_embedding",)).trained_weights
    assert only is table


def test_parts_that_are_not_named_stay_as_they_are(records: Records) -> None:
    model = make(SMALL, 0)
    before = {name: values(part) for name, part in model.parts().items()}
    student = Student(model, [Labels()], trainable=("layer_0", "pooler"))
    losses = train(student, records, {})
    after = {name: values(part) for name, part in model.parts().items()}
    for name in before:
        wanted = name in ("layer_0", "pooler")
        assert any(changed(before[name], after[name])) == wanted, name
    assert abs(losses[0] - losses[-1]) > 1e-4


# ---- layers of objectives


@pytest.fixture
def deep() -> Model:
    return make(DEEP, 7)


def with_projection(seed: int, deep: Model, **options: Any) -> Student:
    model = make(SMALL, seed)
    teachers = {"teacher": deep.network}
    return Student(model, [Labels(), Hidden()], teachers=teachers, **options)


def test_layers_of_objectives_are_trained(records: Records, deep: Model) -> None:
    student = with_projection(0, deep)
    kernel, bias = student.objective_weights
    assert kernel.shape == (8, 12) and bias.shape == (12,)
    assert student.wanted == Wanted(hidden=(1,), heads=("label",))
    assert student.layers[0] == {} and list(student.layers[1]) == ["projection"]
    (table,) = student.model.parts()["token_embedding"]
    before = values([table, kernel, bias])
    teachers = {"teacher": Live(deep, Wanted(hidden=(2,)))}
    frozen = values(deep.weights)
    train(student, records, teachers)
    assert all(changed(before, values([table, kernel, bias])))
    assert not any(changed(frozen, values(deep.weights)))


def test_layers_of_objectives_are_trained_beside_frozen_parts(
    records: Records, deep: Model
) -> None:
    student = with_projection(0, deep, trainable=())
    assert student.trained_weights == student.objective_weights
    before = values(student.weights)
    train(student, records, {"teacher": Live(deep, Wanted(hidden=(2,)))})
    found = changed(before, values(student.weights))
    assert found == [False] * (len(before) - 2) + [True, True]


def test_layers_of_objectives_are_kept_by_checkpoints_and_not_saved(
    records: Records, deep: Model, tmp_path: pathlib.Path
) -> None:
    student = with_projection(0, deep)
    optimizer = build_optimizer(student)
    checkpoints = Checkpoints(tmp_path, student.weights, optimizer, chief=True)
    progress = checkpoints.restore()
    teachers = {"teacher": Live(deep, Wanted(hidden=(2,)))}
    train(student, records, teachers, optimizer=optimizer)
    progress.step = STEPS
    checkpoints.save(progress)
    checkpoints.save_best(STEPS)

    again = with_projection(5, deep)
    assert any(changed(values(again.weights), values(student.weights)))
    fresh = build_optimizer(again)
    restored = Checkpoints(tmp_path, again.weights, fresh, chief=True)
    assert restored.restore().step == STEPS
    assert not any(changed(values(again.weights), values(student.weights)))
    assert int(fresh.iterations) == STEPS
    again.objective_weights[0].assign(np.zeros((8, 12)))
    restored.restore_best(STEPS)
    assert not any(changed(values(again.weights), values(student.weights)))

    folder = tmp_path / "model"
    folder.mkdir()
    student.model.save(folder)
    own = {id(weight) for weight in student.objective_weights}
    assert not own & {id(weight) for weight in student.model.weights}
    assert not own & {id(w) for part in student.model.parts().values() for w in part}
    with np.load(folder / "heads.npz") as arrays:
        assert set(arrays) == {"label/0", "label/1"}
    loaded = Model.load(folder)
    assert (
        loaded.parameters
        == student.model.parameters
        == student.model.network.parameters
    )
    assert not any(changed(values(loaded.weights), values(student.model.weights)))


# ---- teachers


@pytest.mark.parametrize("accumulation", [1, 3])
def test_two_live_teachers_are_as_two_stored_ones(
    examples: list[dict[str, Any]],
    write_records: Callable[..., Records],
    tmp_path: pathlib.Path,
    records: Records,
    accumulation: int,
) -> None:
    """Each objective reads the teacher of its name, also from micro-batches."""
    teachers = {"deep": make(DEEP, 7), "wide": make(DEEP, 8)}
    teachers["wide"].head_layers["label"][1].bias.assign([3.0, 0.0, -3.0])
    with_logits = [dict(each) for each in examples]
    for batch in Batches(records, batch_size=18, buckets=(16,), shuffle=False).epoch():
        for name, model in teachers.items():
            logits = model(batch).logits["label"].numpy()
            for example, row in zip(batch["example_id"], logits, strict=True):
                with_logits[example][f"{name}_logits"] = row
    feature = Feature(dtype="float32", shape=(3,))
    features = {
        "label": Feature(dtype="int64"),
        "teacher_logits": feature,
        "deep_logits": feature,
        "wide_logits": feature,
    }
    stored = write_records(tmp_path, features, with_logits)
    objectives = (
        SoftLabels(teacher="deep"),
        SoftLabels(teacher="wide", weight=0.1, temperature=2.0),
        Labels(),
    )
    live = {name: Live(model, EVERY_HEAD) for name, model in teachers.items()}

    def student() -> Student:
        model = make(SMALL, 0)
        model.head_layers["label"][1].bias.assign([2.0, 0.0, -2.0])
        return Student(model, objectives)

    one = train(student(), records, live, accumulation=accumulation)
    other = train(student(), stored, {name: Stored(name) for name in teachers})
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)
    swapped = {"deep": live["wide"], "wide": live["deep"]}
    third = train(student(), records, swapped)
    assert abs(third[0] - one[0]) > 0.1


def test_objectives_get_their_teacher_alone(records: Records) -> None:
    student = Student(make(SMALL, 0), [Labels(), SoftLabels(teacher="two")])
    one, two = (Outputs(logits={"label": tf.zeros((BATCH, 3))}) for _ in range(2))
    batch = next(Batches(records, batch_size=BATCH, buckets=(16,)).epoch())
    labels, soft = student.loss_inputs(
        batch, {"teacher": one, "two": two}, tf.zeros(2, tf.int32), training=False
    )
    assert labels.teacher is EMPTY and soft.teacher is two
    with pytest.raises(KeyError, match="two"):
        student.loss_inputs(batch, {}, tf.zeros(2, tf.int32), training=False)


# ---- the student's inputs


@dataclasses.dataclass(frozen=True, kw_only=True)
class Soft(StudentInputs):
    """Each token is the token itself with this weight, else [UNK]."""

    weight: float

    def __call__(
        self, batch: Batch, teachers: Mapping[str, Outputs], seed: tf.Tensor
    ) -> Batch:
        ids = batch["token_ids"]
        weights = tf.fill((*ids.shape, 2), 1 - self.weight)
        weights = tf.concat([weights[..., :1] * 0 + self.weight, weights[..., 1:]], -1)
        soft = SoftTokens(ids=tf.stack([ids, 0 * ids + 1], -1), weights=weights)
        return {**batch, "token_ids": soft}


def test_the_student_reads_what_its_inputs_make(records: Records, deep: Model) -> None:
    """The teachers, and the objectives, read the batch itself."""
    teachers = {"teacher": Live(deep, EVERY_HEAD)}

    def losses(inputs: StudentInputs) -> list[float]:
        model = make(SMALL, 0)
        return train(Student(model, [SoftLabels()], inputs=inputs), records, teachers)

    plain = losses(BatchInputs())
    np.testing.assert_allclose(losses(Soft(weight=1.0)), plain, rtol=0, atol=1e-5)
    unknown = losses(Soft(weight=0.0))
    assert abs(unknown[0] - plain[0]) > 1e-3
    model = make(SMALL, 0)
    student = Student(model, [Labels()], inputs=Soft(weight=0.0))
    batch = next(Batches(records, batch_size=BATCH, buckets=(16,)).epoch())
    tensors = {name: tf.constant(value) for name, value in batch.items()}
    (given,) = student.loss_inputs(tensors, {}, tf.zeros(2, tf.int32), training=False)
    assert given.batch is tensors
    wanted = model({**tensors, "token_ids": tf.ones((BATCH, 16), tf.int32)})
    np.testing.assert_allclose(
        given.student.logits["label"], wanted.logits["label"], rtol=0, atol=1e-6
    )
