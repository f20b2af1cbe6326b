"""Students in the loop: together as apart, resumed, stopped early, not finite."""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence

import keras
import numpy as np
import pytest
import tensorflow as tf

from pd_bert.data.pipeline import Batches
from pd_bert.data.records import Records
from pd_bert.models.bert import Bert
from pd_bert.models.heads import PooledHead
from pd_bert.models.model import Model
from pd_bert.models.outputs import Wanted
from pd_bert.objectives.base import LossInputs, Objective, Reads
from pd_bert.objectives.labels import Labels
from pd_bert.objectives.soft_labels import SoftLabels
from pd_bert.training.checkpoint import Checkpoints
from pd_bert.training.learner import Learner, Student
from pd_bert.training.loop import Metrics, NotFiniteError, Schedule, Training, train
from pd_bert.training.optimizer import AdamW
from pd_bert.training.teacher import Stored

STEPS, EVERY, BATCH, VOCABULARY = 8, 2, 4, 20
SCHEDULE = Schedule(
    total_steps=STEPS, evaluate_every=EVERY, steps_per_call=3, checkpoint_seconds=1e9
)
ARCHITECTURE = Bert(
    name="b", num_layers=1, hidden_dim=8, num_heads=2, max_sequence_length=16
)


class Losses:
    """An action that keeps the losses by step."""

    def __init__(self) -> None:
        self.values: dict[int, float] = {}

    def steps(self, step: int, losses: np.ndarray) -> None:
        first = step - len(losses)
        self.values |= {first + i: float(loss) for i, loss in enumerate(losses)}

    def evaluated(self, step: int, metrics: Metrics) -> None:
        pass


def student(
    folder: pathlib.Path,
    *,
    seed: int = 0,
    dropout: float = 0.1,
    learning_rate: float = 0.02,
    accumulation: int = 1,
    objectives: Sequence[Objective] = (SoftLabels(temperature=2.0), Labels(weight=0.5)),
    dev: Sequence[float] = (),
) -> Training:
    """A student that keeps its losses; `dev` are what its evaluations give."""
    folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(seed)
    architecture = dataclasses.replace(ARCHITECTURE, dropout=dropout)
    model = Model(architecture, {"label": PooledHead(num_outputs=3)}, VOCABULARY)
    # A large epsilon, or Adam would hide a factor before all gradients.
    optimizer = AdamW(learning_rate=learning_rate, epsilon=0.01)
    learning = Student(model, objectives)
    built = optimizer.build(learning.trained_weights, STEPS)
    training = Training(
        learner=Learner(learning, built, seed=seed, accumulation=accumulation),
        checkpoints=Checkpoints(folder, learning.weights, built, chief=True),
        primary_metric="score",
        actions=(Losses(),),
        where=folder.name,
    )
    if dev:
        training.evaluate = lambda: {"score": dev[training.progress.step // EVERY - 1]}
    return training


def run(
    trainings: Sequence[Training],
    records: Records,
    schedule: Schedule = SCHEDULE,
    *,
    jit: bool = False,
) -> None:
    train(
        trainings,
        Batches(records, batch_size=BATCH, buckets=(6, 16)),
        schedule,
        strategy=tf.distribute.get_strategy(),
        teachers={"teacher": Stored()},
        jit=jit,
    )


def losses(training: Training) -> list[float]:
    (action,) = training.actions
    assert isinstance(action, Losses)
    assert sorted(action.values) == list(action.values)
    return list(action.values.values())


def weights(training: Training) -> list[np.ndarray]:
    return [np.asarray(weight) for weight in training.learner.student.model.weights]


def assert_same_weights(one: Training, other: Training) -> None:
    for mine, its in zip(weights(one), weights(other), strict=True):
        np.testing.assert_allclose(mine, its, rtol=0, atol=1e-6)


def saved_steps(folder: pathlib.Path) -> list[int]:
    return sorted(
        int(path.stem.rpartition("-")[2]) for path in folder.glob("checkpoints/*.index")
    )


# ---- one device, whole batches or parts of them, compiled or not


@pytest.fixture(scope="module")
def plain(records: Records, tmp_path_factory: pytest.TempPathFactory) -> Training:
    training = student(tmp_path_factory.mktemp("plain"), dropout=0.0)
    run([training], records)
    return training


@pytest.mark.parametrize(("accumulation", "jit"), [(2, False), (4, False), (2, True)])
def test_accumulation_and_jit_change_nothing(
    plain: Training,
    records: Records,
    tmp_path: pathlib.Path,
    accumulation: int,
    jit: bool,
) -> None:
    """Not with a stored teacher either, whose logits are cut like the batch."""
    training = student(tmp_path, dropout=0.0, accumulation=accumulation)
    run([training], records, jit=jit)
    assert len(losses(plain)) == STEPS
    assert abs(losses(plain)[0] - losses(plain)[-1]) > 1e-3  # it learns
    np.testing.assert_allclose(losses(training), losses(plain), rtol=0, atol=1e-5)
    for mine, its in zip(weights(training), weights(plain), strict=True):
        np.testing.assert_allclose(mine, its, rtol=0, atol=1e-4)


def test_mixed_bfloat16_keeps_logits_and_losses_in_float32(
    plain: Training, records: Records, tmp_path: pathlib.Path
) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        training = student(tmp_path, dropout=0.0)
        run([training], records)
        batch = next(Batches(records, batch_size=BATCH, buckets=(16,)).epoch())
        outputs = training.learner.student.model(
            {name: tf.constant(value) for name, value in batch.items()},
            wanted=Wanted(pooled=True, heads=("label",)),
        )
    finally:
        keras.config.set_dtype_policy(before)
    assert outputs.pooled.dtype == tf.bfloat16
    assert outputs.logits["label"].dtype == tf.float32
    assert {array.dtype for array in weights(training)} == {np.dtype(np.float32)}
    assert losses(training) != losses(plain)
    np.testing.assert_allclose(losses(training), losses(plain), rtol=0, atol=0.05)


# ---- two students together


def test_early_stopping_of_one_leaves_the_other_to_go_on(
    records: Records, tmp_path: pathlib.Path
) -> None:
    """The first is best at step 2, and stops at 6 after two that are worse."""
    schedule = dataclasses.replace(SCHEDULE, patience=2)
    early, late = (0.5, 0.4, 0.3, 0.9), (0.1, 0.2, 0.3, 0.4)

    def both(name: str) -> tuple[Training, Training]:
        return (
            student(tmp_path / name / "early", seed=1, dev=early),
            student(tmp_path / name / "late", seed=2, learning_rate=0.01, dev=late),
        )

    together, apart = both("together"), both("apart")
    run(together, records, schedule)
    for training in apart:
        run([training], records, schedule)
    for one, other in zip(together, apart, strict=True):
        assert one.progress == other.progress
        np.testing.assert_allclose(losses(one), losses(other), rtol=0, atol=1e-6)
        assert_same_weights(one, other)
    stopped, ended = (training.progress for training in together)
    assert (stopped.step, stopped.best_step, stopped.best_value) == (6, 2, 0.5)
    assert (ended.step, ended.best_step, ended.best_value) == (8, 8, 0.4)
    assert saved_steps(tmp_path / "together" / "early")[-1] == 6
    assert saved_steps(tmp_path / "together" / "late")[-1] == 8


def test_resumed_at_different_steps_both_end_as_undisturbed(
    records: Records, tmp_path: pathlib.Path
) -> None:
    """One checkpoint of each: at step 2 and at step 4 of 8."""
    dev = (0.1, 0.2, 0.3, 0.4)
    undisturbed = [student(tmp_path / f"whole{s}", seed=s, dev=dev) for s in (1, 2)]
    run(undisturbed, records)
    for seed, kept in ((1, 2), (2, 4)):
        cut = student(tmp_path / f"cut{seed}", seed=seed, dev=dev)
        cut.actions = (KilledAfter(kept),)
        with pytest.raises(KilledError):
            run([cut], records)
        assert saved_steps(tmp_path / f"cut{seed}")[-1] == kept
    resumed = [student(tmp_path / f"cut{s}", seed=s, dev=dev) for s in (1, 2)]
    run(resumed, records)
    for one, other, kept in zip(resumed, undisturbed, (2, 4), strict=True):
        assert one.progress == other.progress
        assert len(losses(one)) == STEPS - kept
        np.testing.assert_allclose(losses(one), losses(other)[kept:], rtol=0, atol=1e-6)
        assert_same_weights(one, other)


class KilledError(Exception):
    """In place of a kill."""


@dataclasses.dataclass(frozen=True)
class KilledAfter:
    """An action that ends the run in the first call after `step`."""

    step: int

    def steps(self, step: int, losses: np.ndarray) -> None:
        if step > self.step:
            raise KilledError

    def evaluated(self, step: int, metrics: Metrics) -> None:
        pass


# ---- not finite


@dataclasses.dataclass(frozen=True, kw_only=True)
class BreaksAt(Objective):
    """A loss of 1 that is NaN in batches that hold the example of this id."""

    example: int

    @property
    def reads(self) -> Reads:
        return Reads(student=Wanted(heads=("label",)))

    def losses(self, given: LossInputs) -> tf.Tensor:
        bad = given.batch["example_id"] == self.example
        return tf.where(bad, np.nan, 1.0) + 0 * given.student.logits["label"][:, 0]


def test_a_nan_loss_names_the_student_and_the_step(
    records: Records, tmp_path: pathlib.Path
) -> None:
    batches = Batches(records, batch_size=BATCH, buckets=(6, 16))
    order = [batch["example_id"].tolist() for batch in batches.epoch()]
    example = order[4][0]
    good = student(tmp_path / "good", seed=1, dev=(0.1,) * 4)
    bad = student(
        tmp_path / "bad",
        seed=2,
        objectives=(BreaksAt(example=example),),
        dev=(0.1,) * 4,
    )
    run([good, bad], records)
    assert isinstance(bad.failure, NotFiniteError)
    assert str(bad.failure).startswith("bad: ")
    assert "must stay finite; it was nan at step 4 of 8 " in str(bad.failure)
    assert saved_steps(tmp_path / "bad")[-1] == 4
    again = student(tmp_path / "bad")
    assert again.checkpoints.restore().step == 4
    assert again.checkpoints.finite()
    # The other one ends as it would have alone.
    alone = student(tmp_path / "alone", seed=1, dev=(0.1,) * 4)
    run([alone], records)
    assert good.failure is None and good.progress == alone.progress
    assert_same_weights(good, alone)


def break_a_weight(training: Training) -> Callable[[], Metrics]:
    def evaluate() -> Metrics:
        if training.progress.step == 4:
            weight = training.learner.student.model.weights[0]
            weight.assign(np.full(weight.shape, np.inf))
        return {"score": 0.5 * training.progress.step}

    return evaluate


def test_weights_that_are_not_finite_are_not_saved(
    records: Records, tmp_path: pathlib.Path
) -> None:
    training = student(tmp_path / "broken")
    training.evaluate = break_a_weight(training)
    run([training], records)
    assert str(training.failure) == (
        "broken: all weights must stay finite; some were not after step 4 (a lower "
        "learning rate often helps); the last good checkpoint is kept"
    )
    assert saved_steps(tmp_path / "broken") == [2]
    again = student(tmp_path / "broken", seed=5)
    progress = again.checkpoints.restore()
    assert (progress.step, progress.best_step, progress.best_value) == (2, 2, 1.0)
    again.checkpoints.restore_best(progress.best_step)
    assert again.checkpoints.finite()
