"""What stages rely on, for every task in pd_bert.tasks."""

import dataclasses
import importlib
import pkgutil

import numpy as np
import pytest
import tensorflow as tf

import pd_bert.tasks
from pd_bert.data.table import Table
from pd_bert.models.bert import Bert
from pd_bert.models.model import Model
from pd_bert.tasks.base import Task
from pd_bert.tasks.classification import Classification
from pd_bert.tasks.masked_lm import MaskedLanguageModel
from pd_bert.tasks.regression import Regression
from pd_bert.text.vocabulary import SPECIAL_TOKENS, Vocabulary

VOCABULARY = Vocabulary(tokens=(*SPECIAL_TOKENS, *"abcdefghij"))
BATCH, LENGTH = 4, 8
_SOURCES = {"train": Table(files="train.tsv"), "dev": Table(files="dev.tsv")}

# A task that is new here needs an instance to test.
INSTANCES = {
    "Classification": Classification(name="c", labels=("x", "y", "z"), **_SOURCES),
    "Regression": Regression(name="r", **_SOURCES),
    "MaskedLanguageModel": MaskedLanguageModel(),
}


def _classes() -> list[str]:
    for module in pkgutil.iter_modules(pd_bert.tasks.__path__):
        importlib.import_module(f"pd_bert.tasks.{module.name}")
    found, classes = [], [Task]
    while classes:
        for cls in classes.pop().__subclasses__():
            classes.append(cls)
            if cls.__module__.startswith("pd_bert.") and not cls.__abstractmethods__:
                found.append(cls.__name__)
    return found


@pytest.fixture(params=_classes())
def task(request: pytest.FixtureRequest) -> Task:
    return INSTANCES[request.param]


def batch_for(task: Task) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    ids = generator.integers(5, len(VOCABULARY), (BATCH, LENGTH)).astype(np.int32)
    ids[:, 0], ids[:, -1] = VOCABULARY.cls_id, VOCABULARY.sep_id
    batch = {
        "token_ids": ids,
        "segment_ids": np.zeros((BATCH, LENGTH), np.int32),
        "padding_mask": np.ones((BATCH, LENGTH), np.int32),
        "example_id": np.arange(BATCH),
        "example_weight": np.ones(BATCH, np.float32),
    }
    for name, feature in task.spec().items():
        if name not in ("token_ids", "segment_start"):
            dtype = np.int32 if feature.dtype == "int64" else np.float32
            batch[name] = np.array([0, 1, 1, 0], dtype)
    return batch


def test_from_batch_to_metrics(task: Task) -> None:
    labels = ("x", "y", "z") if isinstance(task, Classification) else ("score",)
    size = Bert(name="b", num_layers=1, hidden_dim=8, num_heads=1)
    model = Model(size, task.heads(labels), len(VOCABULARY))
    given = batch_for(task)
    options = {"vocabulary": VOCABULARY, "seed": 1, "epoch": 2}
    batch = task.transform(given, **options)
    assert {"token_ids", "segment_start"} <= task.spec().keys()
    again = task.transform(batch_for(task), **options)
    for name in batch:  # a pure function that leaves what it is given
        np.testing.assert_array_equal(batch[name], again[name])
    for name, value in batch_for(task).items():
        np.testing.assert_array_equal(given[name], value)
    tensors = {name: tf.constant(value) for name, value in batch.items()}
    measured = task.measure(model(tensors), tensors)
    assert all(value.shape[0] == BATCH for value in measured.values())
    metrics = task.metrics({name: v.numpy() for name, v in measured.items()})
    assert task.primary_metric in metrics
    assert all(isinstance(v, float) and np.isfinite(v) for v in metrics.values())


def test_is_a_frozen_value_that_describes_itself(task: Task) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.name = "other"  # type: ignore[misc]
    assert hash(task) == hash(dataclasses.replace(task))
    assert task.describe()["name"] == task.name


def test_perfect_answers_score_one() -> None:
    gold = np.array([0, 2, 1, 1])
    logits = np.eye(3)[gold] * 5
    metrics = INSTANCES["Classification"].metrics({"logits": logits, "label": gold})
    assert metrics == {"accuracy": 1.0}
    wrong = INSTANCES["Classification"].metrics(
        {"logits": np.roll(logits, 1, axis=1), "label": gold}
    )
    assert wrong == {"accuracy": 0.0}
    scores = {"score": np.array([1.0, 3, 2]), "label": np.array([2.0, 6, 4])}
    metrics = INSTANCES["Regression"].metrics(scores)
    assert metrics == pytest.approx({"pearson": 1.0, "spearman": 1.0})
