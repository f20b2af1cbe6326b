"""Trains tiny models under one strategy; writes losses and weights.

train_losses.py one_device|mirrored|multi_worker RECORDS OUTPUT
"""

import functools
import json
import pathlib
import sys
import tempfile
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from pd_bert.data.pipeline import Batches
from pd_bert.data.records import Records
from pd_bert.models.bert import Bert
from pd_bert.models.heads import PooledHead
from pd_bert.models.model import Model
from pd_bert.models.outputs import Wanted
from pd_bert.objectives.masked_lm import MaskedLM
from pd_bert.objectives.next_sentence import NextSentence
from pd_bert.objectives.soft_labels import SoftLabels
from pd_bert.tasks.masked_lm import MaskedLanguageModel
from pd_bert.text.vocabulary import Vocabulary
from pd_bert.training import strategies
from pd_bert.training.checkpoint import Checkpoints
from pd_bert.training.feed import Forward
from pd_bert.training.learner import Learner, Student
from pd_bert.training.loop import Schedule, Training, train
from pd_bert.training.optimizer import AdamW
from pd_bert.training.runtime import Runtime, barrier, is_chief
from pd_bert.training.teacher import Stored

STEPS, BATCH = 12, 8
STRATEGIES: dict[str, Callable[[], tf.distribute.Strategy]] = {
    "one_device": strategies.one_device,
    "mirrored": functools.partial(strategies.mirrored, logical_cpus=2),
    "multi_worker": strategies.multi_worker,
}
ARCHITECTURE = Bert(
    name="tiny",
    num_layers=2,
    hidden_dim=16,
    num_heads=2,
    dropout=0.0,
    max_sequence_length=32,
)


class Losses:
    """An action that keeps the losses."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def steps(self, step: int, losses: np.ndarray) -> None:
        self.values += losses.tolist()

    def evaluated(self, step: int, metrics: dict[str, float]) -> None:
        pass


def run(
    folder: pathlib.Path,
    case: str,
    strategy: tf.distribute.Strategy,
    accumulation: int,
    clip_norm: float,
) -> tuple[list[float], dict[str, np.ndarray]]:
    records = Records(folder / case)
    vocabulary = Vocabulary.read(folder / "vocab.txt")
    task = MaskedLanguageModel()
    if case == "mlm":
        heads, objectives = task.heads(()), (MaskedLM(), NextSentence(weight=0.5))
        transform, buckets, teachers = _mask(task, vocabulary), (32,), {}
    else:
        heads = {"label": PooledHead(num_outputs=3)}
        objectives = (SoftLabels(temperature=2.0),)
        transform, buckets = _same, (8, 16, 32)
        teachers = {"teacher": Stored()}
    batches = Batches(records, batch_size=BATCH, buckets=buckets, transform=transform)
    keras.utils.set_random_seed(0)
    # A large epsilon, or Adam would hide a factor before all gradients.
    optimizer = AdamW(learning_rate=0.05, epsilon=0.01, clip_norm=clip_norm)
    with strategy.scope():
        model = Model(ARCHITECTURE, heads, len(vocabulary))
        student = Student(model, objectives)
        keras_optimizer = optimizer.build(student.trained_weights, STEPS)
    learner = Learner(student, keras_optimizer, seed=0, accumulation=accumulation)
    losses = Losses()
    with tempfile.TemporaryDirectory() as scratch:
        checkpoints = Checkpoints(
            pathlib.Path(scratch),
            student.weights,
            keras_optimizer,
            chief=is_chief(strategy),
        )
        train(
            [Training(learner=learner, checkpoints=checkpoints, actions=(losses,))],
            batches,
            Schedule(
                total_steps=STEPS,
                evaluate_every=STEPS,
                steps_per_call=5,
                checkpoint_seconds=1e9,
            ),
            strategy=strategy,
            teachers=teachers,
        )
    arrays = {f"{i:02d}": np.asarray(w) for i, w in enumerate(model.weights)}
    if case == "mlm" or accumulation > 1:
        return losses.values, arrays
    # Every process of a cluster gets all outputs of an evaluation.
    pooled = Wanted(pooled=True)
    forward = Forward(
        lambda batch: {"pooled": model(batch, wanted=pooled).pooled}, strategy
    )
    outputs = list(forward(batches))
    order = np.argsort(np.concatenate([o["example_id"] for o in outputs]))
    arrays["pooled"] = np.concatenate([o["pooled"] for o in outputs])[order]
    return losses.values, arrays


def _mask(task: MaskedLanguageModel, vocabulary: Vocabulary) -> Callable:
    return lambda batch, epoch: task.transform(
        batch, vocabulary=vocabulary, seed=0, epoch=epoch
    )


def _same(batch: dict, epoch: int) -> dict:
    return batch


def main() -> None:
    name, folder, output = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    strategy = Runtime(strategy=STRATEGIES[name]).start()
    losses, weights = {}, {}
    cases = [("mlm", 1, 0.2), ("mlm", 2, 0.2), ("soft", 1, 0.02), ("soft", 2, 0.02)]
    if name == "one_device":
        cases += [("mlm", 1, 1e9), ("soft", 1, 1e9)]  # shows that clipping matters
    for case, accumulation, clip_norm in cases:
        key = f"{case}, accumulation {accumulation}, clip {clip_norm}"
        losses[key], arrays = run(folder, case, strategy, accumulation, clip_norm)
        weights |= {f"{key}/{index}": array for index, array in arrays.items()}
    barrier(strategy)
    print(json.dumps(losses))
    np.savez(output, **weights)


if __name__ == "__main__":
    main()
