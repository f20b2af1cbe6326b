"""What stages rely on, for every task in pd_bert.tasks."""

import dataclasses
import functools
import importlib
import json
import pickle
import pkgutil

import numpy as np
import pytest
import tensorflow as tf

import pd_bert.tasks
from pd_bert.data.sources.table import Table
from pd_bert.errors import InputError
from pd_bert.models.bert import Bert
from pd_bert.models.model import Model
from pd_bert.tasks import metrics
from pd_bert.tasks.base import Task
from pd_bert.tasks.classification import Classification
from pd_bert.tasks.masked_lm import MaskedLanguageModel
from pd_bert.tasks.regression import Regression
from pd_bert.tasks.text_task import TextTask, task_over
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
            if cls.__module__.startswith("pd_bert.tasks.") and not (
                cls.__abstractmethods__
            ):
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
    found = task.metrics({name: v.numpy() for name, v in measured.items()})
    assert task.primary_metric in found
    assert all(isinstance(v, float) and np.isfinite(v) for v in found.values())
    assert np.isfinite(task.score(found))


def test_is_a_frozen_value_that_describes_itself(task: Task) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.name = "other"  # type: ignore[misc]
    assert hash(task) == hash(dataclasses.replace(task))
    assert task.describe()["name"] == task.name


@pytest.fixture(params=["Classification", "Regression"])
def text_task(request: pytest.FixtureRequest) -> TextTask:
    return INSTANCES[request.param]


def test_predictions_need_no_labels(text_task: TextTask) -> None:
    labels = ("x", "y", "z") if isinstance(text_task, Classification) else ("score",)
    size = Bert(name="b", num_layers=1, hidden_dim=8, num_heads=1)
    model = Model(size, text_task.heads(labels), len(VOCABULARY))
    given = batch_for(text_task)
    outputs = model({name: tf.constant(given[name]) for name in given})
    measured = text_task.measure(outputs, given)
    predicted = {k: v.numpy() for k, v in text_task.predict(outputs).items()}
    answers = text_task.answers(predicted, labels)
    assert len(answers) == BATCH and all(isinstance(each, str) for each in answers)
    if isinstance(text_task, Classification):
        best = measured["logits"].numpy().argmax(1)
        assert answers == [labels[index] for index in best]
        np.testing.assert_allclose(predicted["probabilities"].sum(1), 1, rtol=1e-5)
    else:
        found = [float(each) for each in answers]
        np.testing.assert_allclose(found, measured["score"], rtol=1e-5)


def test_splits_with_and_without_labels(text_task: TextTask) -> None:
    other = Table(files="other.tsv")
    task = dataclasses.replace(
        text_task, extra=(("dev_2", other),), unlabeled=(("test", other), ("ax", other))
    )
    task.check()
    assert list(task.splits) == ["train", "dev", "dev_2"]
    assert list(task.unlabeled_splits) == ["test", "ax"]
    assert hash(task) != hash(text_task) and pickle.loads(pickle.dumps(task)) == task
    assert "other.tsv" not in str(task.describe())
    again = task_over(json.loads(json.dumps(task.describe())), _SOURCES["dev"])
    assert again.extra == again.unlabeled == ()
    for splits, words in [
        (
            {"test": other, "unlabeled": (("test", other),)},
            "two that are called 'test'",
        ),
        ({"extra": (("dev", other),)}, "two that are called 'dev'"),
        ({"extra": (("a/b", other),)}, "small letters, digits and _"),
    ]:
        with pytest.raises(InputError, match=words):
            dataclasses.replace(text_task, **splits).check()


def test_a_decorated_metric_is_the_metric() -> None:
    @functools.wraps(metrics.f1)
    def decorated(*arguments: np.ndarray) -> float:
        return metrics.f1(*arguments)

    task = dataclasses.replace(INSTANCES["Classification"], measures=(decorated,))
    assert task.primary_metric == "f1" and pickle.loads(pickle.dumps(task)) == task


def test_perfect_answers_score_one() -> None:
    gold = np.array([0, 2, 1, 1])
    logits = np.eye(3)[gold] * 5
    found = INSTANCES["Classification"].metrics({"logits": logits, "label": gold})
    assert found == {"accuracy": 1.0}
    wrong = INSTANCES["Classification"].metrics(
        {"logits": np.roll(logits, 1, axis=1), "label": gold}
    )
    assert wrong == {"accuracy": 0.0}
    scores = {"score": np.array([1.0, 3, 2]), "label": np.array([2.0, 6, 4])}
    found = INSTANCES["Regression"].metrics(scores)
    assert found == pytest.approx({"pearson": 1.0, "spearman": 1.0})
