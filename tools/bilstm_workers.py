"""The contestants of tools/benchmark_bilstm.py: steps of one BiLSTM classifier.

Each is a word embedding, dropout, an LSTM in each direction, dropout and a dense layer
over the last states, trained by AdamW on random texts without padding. Libraries are
imported where they are used, since no interpreter needs to have them all.
"""

import json
import math
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

_RATE, _LEARNING_RATE, _LABELS = 0.2, 1e-3, 2
_SECONDS = 3.0

Steps = Callable[[int], None]
"""Runs so many steps."""


def _batch(batch: int, length: int, vocabulary: int) -> dict[str, Any]:
    draw = np.random.default_rng(0)
    return {
        "token_ids": draw.integers(5, vocabulary, (batch, length)).astype(np.int32),
        "segment_ids": np.zeros((batch, length), np.int32),
        "padding_mask": np.ones((batch, length), np.int32),
        "label": draw.integers(0, _LABELS, batch).astype(np.int32),
        "example_weight": np.ones(batch, np.float32),
    }


def pd_bert(
    *, embedding: int, units: int, batch: int, length: int, vocabulary: int, jit: bool
) -> Steps:
    """TrainStep over `BiLstm`."""
    import tensorflow as tf

    from pd_bert import api as pd
    from pd_bert.training.learner import Learner, Student
    from pd_bert.training.step import TrainStep

    model = pd.Model(
        pd.BiLstm(name="b", embedding_dim=embedding, units=units, dropout=_RATE),
        {"label": pd.PooledHead(num_outputs=_LABELS, use_dropout=False)},
        vocabulary,
    )
    student = Student(model, (pd.Labels(),))
    optimizer = pd.AdamW(learning_rate=_LEARNING_RATE)
    learner = Learner(student, optimizer.build(model.weights, 1 << 20), seed=0)
    step = TrainStep([learner], strategy=tf.distribute.get_strategy(), jit=jit)
    data = tf.data.Dataset.from_tensors(_batch(batch, length, vocabulary)).repeat()
    if not jit:  # batches of training have any length
        spec = {
            name: tf.TensorSpec([batch, None][: len(each.shape)], each.dtype)
            for name, each in data.element_spec.items()
        }
        one = data
        data = tf.data.Dataset.from_generator(lambda: one, output_signature=spec)
    iterator = iter(data)

    def run(count: int) -> None:
        losses, _ = step(iterator, start=0, count=count, stop=False)
        assert np.isfinite(losses).all()

    return run


def keras_fit(
    *, embedding: int, units: int, batch: int, length: int, vocabulary: int
) -> Steps:
    """`Bidirectional(LSTM)` in `fit`."""
    import keras
    import tensorflow as tf

    model = keras.Sequential(
        [
            keras.layers.Embedding(vocabulary, embedding),
            keras.layers.Dropout(_RATE),
            keras.layers.Bidirectional(keras.layers.LSTM(units)),
            keras.layers.Dropout(_RATE),
            keras.layers.Dense(_LABELS),
        ]
    )
    model.compile(
        keras.optimizers.AdamW(_LEARNING_RATE),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    made = _batch(batch, length, vocabulary)
    example = (made["token_ids"], made["label"])
    data = tf.data.Dataset.from_tensors(example).repeat()

    def run(count: int) -> None:
        model.fit(data, steps_per_epoch=count, verbose=0)

    return run


def torch_lstm(
    *, embedding: int, units: int, batch: int, length: int, vocabulary: int
) -> Steps:
    """`torch.nn.LSTM` in a plain loop."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)

    class Classifier(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = torch.nn.Embedding(vocabulary, embedding)
            self.dropout = torch.nn.Dropout(_RATE)
            self.lstm = torch.nn.LSTM(
                embedding, units, bidirectional=True, batch_first=True
            )
            self.dense = torch.nn.Linear(2 * units, _LABELS)

        def forward(self, ids: Any) -> Any:
            _, (states, _) = self.lstm(self.dropout(self.embedding(ids)))
            return self.dense(self.dropout(torch.cat([states[0], states[1]], -1)))

    model = Classifier()
    optimizer = torch.optim.AdamW(model.parameters(), _LEARNING_RATE)
    made = _batch(batch, length, vocabulary)
    ids = torch.tensor(made["token_ids"]).long()
    labels = torch.tensor(made["label"]).long()

    def run(count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(ids), labels)
            loss.backward()
            optimizer.step()
        assert math.isfinite(float(loss.detach()))

    return run


_CONTESTANTS = {each.__name__: each for each in (pd_bert, keras_fit, torch_lstm)}


def main() -> None:
    """Arguments: a contestant, a folder that is not used, its options as JSON."""
    # What libraries print must not get into the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    options = json.loads(sys.argv[3])
    run = _CONTESTANTS[sys.argv[1]](**options)
    run(2)  # traces
    begin = time.monotonic()
    run(2)
    count = max(2, math.ceil(2 * _SECONDS / (time.monotonic() - begin)))
    print("ready", file=answers)
    for _ in sys.stdin:
        begin = time.monotonic()
        run(count)
        rate = count * options["batch"] / (time.monotonic() - begin)
        print(rate, file=answers)


if __name__ == "__main__":
    main()
