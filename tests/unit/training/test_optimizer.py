"""AdamW against NumPy; and what happens at a loss that is not finite."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from pd_bert.data.example_spec import TOKENS, Feature
from pd_bert.data.pipeline import Batches
from pd_bert.data.records import Records
from pd_bert.data.shards import write_manifest, write_shards
from pd_bert.errors import InputError
from pd_bert.models.bert import Bert
from pd_bert.models.heads import MaskedLMHead, PooledHead
from pd_bert.models.model import Model
from pd_bert.objectives.labels import Labels
from pd_bert.training.checkpoint import Checkpoints
from pd_bert.training.learner import Learner, Student
from pd_bert.training.loop import Schedule, Training, train
from pd_bert.training.optimizer import AdamW
from pd_bert.training.schedules import LinearDecay

SIZE = Bert(name="b", num_layers=1, hidden_dim=8, num_heads=2, dropout=0.0)
STEPS = 10


def reference(weights, gradients, decayed):
    """Loshchilov & Hutter's AdamW with BERT's schedule, in float64."""
    weights = [w.astype(np.float64) for w in weights]
    m = [np.zeros_like(w) for w in weights]
    v = [np.zeros_like(w) for w in weights]
    for step, grads in enumerate(gradients):
        norm = np.sqrt(sum((g**2).sum() for g in grads))
        grads = [g * min(1, 0.5 / norm) for g in grads]
        # Two steps of warm-up, then to 0 at step 10.
        rate = 0.1 * [0.5, 1.0, 1.0, 7 / 8, 6 / 8, 5 / 8][step]
        for i, g in enumerate(grads):
            m[i] = 0.9 * m[i] + 0.1 * g
            v[i] = 0.999 * v[i] + 0.001 * g**2
            if decayed[i]:
                weights[i] = weights[i] - rate * 0.01 * weights[i]
            # Epsilon as in the faster form of Kingma & Ba (2015), Section 2.
            t = step + 1
            corrected = rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            weights[i] = weights[i] - corrected * m[i] / (np.sqrt(v[i]) + 1e-6)
    return weights


def test_like_numpy():
    generator = np.random.default_rng(0)
    shapes = {"kernel": (3, 4), "bias": (2, 2), "gamma": (4,), "embeddings": (5, 2)}
    decayed = [True, False, False, True]
    start = [generator.normal(size=s).astype(np.float32) for s in shapes.values()]
    variables = [
        keras.Variable(value, name=name)
        for name, value in zip(shapes, start, strict=True)
    ]
    # Some norms are below the bound of 0.5, others above.
    gradients = [
        [generator.normal(size=s) * scale for s in shapes.values()]
        for scale in (1.0, 0.01, 3.0, 0.02, 0.5, 1.0)
    ]
    optimizer = AdamW(
        learning_rate=0.1, schedule=LinearDecay(warmup=0.2), clip_norm=0.5
    ).build(variables, STEPS)
    for grads in gradients:
        optimizer.apply([tf.constant(g, tf.float32) for g in grads], variables)
    for variable, wanted in zip(
        variables, reference(start, gradients, decayed), strict=True
    ):
        np.testing.assert_allclose(variable, wanted, rtol=0, atol=2e-5)


def test_what_is_decayed():
    heads = {"masked_lm": MaskedLMHead(), "label": PooledHead(num_outputs=2)}
    model = Model(SIZE, heads, 20)
    before = [np.asarray(weight) for weight in model.weights]
    for weight in model.weights:
        weight.assign(tf.ones(weight.shape))
    optimizer = AdamW(
        learning_rate=0.5, schedule=LinearDecay(warmup=0.0), weight_decay=0.1
    ).build(model.weights, STEPS)
    optimizer.apply([tf.zeros(w.shape) for w in model.weights], model.weights)
    decayed = {w.path for w in model.weights if np.asarray(w).max() < 1}
    kept = {w.path for w in model.weights} - decayed
    assert len(before) == len(decayed) + len(kept)
    assert all(path.endswith(("kernel", "embeddings")) for path in decayed), decayed
    assert all(path.endswith(("bias", "gamma", "beta", "scale")) for path in kept), kept
    per_head = [w for w in model.weights if w.path in kept and len(w.shape) == 2]
    assert len(per_head) == 3  # of query, key and value


def test_the_rate_falls_to_zero():
    optimizer = AdamW(learning_rate=0.4, schedule=LinearDecay(warmup=0.2)).build(
        [], STEPS
    )
    schedule = optimizer._learning_rate
    rates = [float(schedule(tf.constant(step))) for step in range(STEPS + 1)]
    wanted = [0.2, 0.4, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05, 0.0]
    np.testing.assert_allclose(rates, wanted, atol=1e-6)


@pytest.fixture
def records(tmp_path):
    """20 examples for a regression; the target of one is so large that it overflows."""
    spec = {**TOKENS, "label": Feature(dtype="float32")}

    def encode(chunk):
        for row in range(20):
            label = 3e38 if row == 13 else 0.5
            yield {"token_ids": [2, 5, 3], "segment_start": 3, "label": label}

    folder = tmp_path / "records"
    folder.mkdir()
    write_shards(lambda: [0], encode, spec=spec, directory=folder)
    write_manifest(folder, spec=spec, description={"vocabulary": "v"})
    return Records(folder)


def test_a_loss_that_is_not_finite(records, tmp_path):
    model = Model(SIZE, {"label": PooledHead(num_outputs=1)}, 20)
    optimizer = AdamW(learning_rate=1e-3).build(model.weights, STEPS)
    strategy = tf.distribute.get_strategy()
    checkpoints = Checkpoints(tmp_path, model.weights, optimizer, chief=True)
    training = Training(
        learner=Learner(Student(model, [Labels()]), optimizer, seed=0),
        checkpoints=checkpoints,
        where="here",
    )
    schedule = Schedule(
        total_steps=STEPS, evaluate_every=STEPS, steps_per_call=1, checkpoint_seconds=0
    )
    # Without shuffling, example 13 is in batch 6 of two examples each.
    batches = Batches(records, batch_size=2, shuffle=False)
    train([training], batches, schedule, strategy=strategy)
    assert isinstance(training.failure, InputError)
    assert re.search("^here: .*inf at step 6 of 10", str(training.failure))
    assert "\n" not in str(training.failure)
    # The next run goes on from the checkpoint before.
    fresh = Checkpoints(tmp_path, model.weights, optimizer, chief=True)
    assert fresh.restore().step == 6
    assert all(np.isfinite(np.asarray(weight)).all() for weight in model.weights)
