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
from pd_bert.data.source import Row, TextRow
from pd_bert.errors import InputError
from pd_bert.models.bert import Bert
from pd_bert.models.model import Model
from pd_bert.sources.table import Table
from pd_bert.tasks import metrics
from pd_bert.tasks.base import Task
from pd_bert.tasks.classification import Classification
from pd_bert.tasks.labeled_task import LabeledTask, numbers, task_over
from pd_bert.tasks.masked_lm import MaskedLanguageModel
from pd_bert.tasks.regression import Regression
from pd_bert.tasks.tagging import Tagging
from pd_bert.text.tokenizer import Tokenizer
from pd_bert.text.vocabulary import SPECIAL_TOKENS, Vocabulary

VOCABULARY = Vocabulary(tokens=(*SPECIAL_TOKENS, *"abcdefghij"))
BATCH, LENGTH = 4, 8
_SOURCES = {"train": Table(files="train.tsv"), "dev": Table(files="dev.tsv")}

# A task that is new here needs an instance to test.
INSTANCES = {
    "Classification": Classification(name="c", labels=("x", "y", "z"), **_SOURCES),
    "Regression": Regression(name="r", **_SOURCES),
    "MaskedLanguageModel": MaskedLanguageModel(),
    "Tagging": Tagging(name="t", **_SOURCES),
}
LABELS = {"Classification": ("x", "y", "z"), "Tagging": ("B-x", "I-x", "O")}


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
            values = np.array([0, 1, 1, 0], dtype)
            shape = [BATCH, LENGTH] if feature.variable else [BATCH]
            batch[name] = np.broadcast_to(values, shape[::-1]).T.copy()
    return batch


def test_from_batch_to_metrics(task: Task) -> None:
    labels = LABELS.get(type(task).__name__, ("score",))
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
    measured = task.measure(model(tensors), tensors, labels)
    assert all(value.shape[0] == BATCH for value in measured.values())
    assert not any(value.dtype == tf.string for value in measured.values())
    arrays = {name: v.numpy() for name, v in measured.items()}
    halves = [
        {n: v[part] for n, v in arrays.items()} for part in (slice(1), slice(1, 9))
    ]
    collected = task.collect(halves)
    for name, array in arrays.items():
        np.testing.assert_array_equal(collected[name], array)
    found = task.metrics(collected, labels)
    assert task.primary_metric in found
    assert all(isinstance(v, float) and np.isfinite(v) for v in found.values())
    assert np.isfinite(task.score(found))


def test_is_a_frozen_value_that_describes_itself(task: Task) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.name = "other"  # type: ignore[misc]
    assert hash(task) == hash(dataclasses.replace(task))
    assert task.describe()["name"] == task.name


@pytest.fixture(params=["Classification", "Regression"])
def labeled_task(request: pytest.FixtureRequest) -> LabeledTask:
    return INSTANCES[request.param]


ROWS = [
    TextRow(text="a b", text_b="c", label="1", where="f:1"),
    TextRow(text="b", text_b="d e", label="0.5", where="f:2"),
]


def test_both_ends(labeled_task: LabeledTask) -> None:
    """Rows become records of its spec, and what the served model pads."""
    task = dataclasses.replace(labeled_task)
    if isinstance(task, Classification):
        task = dataclasses.replace(task, labels=("0.5", "1"))
    labels = task.find_labels()
    tokenizer = Tokenizer(VOCABULARY, sequence_length=LENGTH)
    texts = {
        name: tf.constant([row.texts[name] for row in ROWS]) for name in ROWS[0].texts
    }
    encoded = task.encode(texts, tokenizer)
    cls, sep, a = VOCABULARY.cls_id, VOCABULARY.sep_id, VOCABULARY.tokens.index("a")
    ids = [[cls, a, a + 1, sep, a + 2, sep], [cls, a + 1, sep, a + 3, a + 4, sep]]
    assert encoded["token_ids"].to_list() == ids
    assert encoded["segment_ids"].to_list() == [[0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1]]
    padded = tokenizer.pad(encoded)
    assert padded["padding_mask"].numpy().tolist() == [[1] * 6] * 2
    features = task.label_features(ROWS, encoded, labels)
    assert features.keys() == task.gold_spec.keys()
    assert task.spec() == {**task.encoded_spec, **task.gold_spec}
    gold = task.gold(ROWS, labels)
    expected = [1, 0] if isinstance(task, Classification) else [1.0, 0.5]
    assert gold["label"].tolist() == list(features["label"]) == expected
    with pytest.raises(InputError, match=r"g:7: .* received 'x'"):
        task.gold([TextRow(text="a", label="x", where="g:7")], labels)
    with pytest.raises(InputError, match="reads rows of type TextRow; received Other"):
        task.gold([Other(where="g:8")], labels)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Other(Row):
    """A row of another kind of task."""

    @property
    def texts(self) -> dict[str, str]:
        return {"question": "a", "context": "b"}


def test_the_one_decoder(labeled_task: LabeledTask) -> None:
    """Predictions need no labels, and are what is measured."""
    classifies = isinstance(labeled_task, Classification)
    labels = ("x", "y", "z") if classifies else ("score",)
    size = Bert(name="b", num_layers=1, hidden_dim=8, num_heads=1)
    model = Model(size, labeled_task.heads(labels), len(VOCABULARY))
    given = {name: tf.constant(v) for name, v in batch_for(labeled_task).items()}
    outputs = model(given)
    unlabeled = {n: v for n, v in given.items() if n not in labeled_task.gold_spec}
    decoded = labeled_task.decode(outputs, unlabeled, labels)
    measured = labeled_task.measure(outputs, given, labels)
    arrays = {name: value.numpy() for name, value in decoded.items()}
    for name, value in numbers(decoded).items():
        np.testing.assert_array_equal(measured[name], value)
    rows = [
        labeled_task.present({n: v[index] for n, v in arrays.items()}, labels)
        for index in range(BATCH)
    ]
    assert json.loads(json.dumps(rows)) == rows
    logits = outputs.logits["label"].numpy()
    if classifies:
        best = [labels[index] for index in logits.argmax(1)]
        assert [row["label"] for row in rows] == best
        assert [name.decode() for name in arrays["label"]] == best
        np.testing.assert_allclose(arrays["probabilities"].sum(1), 1, rtol=1e-5)
        for row in rows:
            assert row["probability"] == row["probabilities"][row["label"]]
    else:
        found = [row["score"] for row in rows]
        np.testing.assert_allclose(found, logits[:, 0], rtol=1e-5)


def test_splits_with_and_without_labels(labeled_task: LabeledTask) -> None:
    other = Table(files="other.tsv")
    task = dataclasses.replace(
        labeled_task,
        extra=(("dev_2", other),),
        unlabeled=(("test", other), ("ax", other)),
    )
    task.check()
    assert list(task.splits) == ["train", "dev", "dev_2"]
    assert list(task.unlabeled_splits) == ["test", "ax"]
    assert hash(task) != hash(labeled_task) and pickle.loads(pickle.dumps(task)) == task
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
            dataclasses.replace(labeled_task, **splits).check()


def test_a_decorated_metric_is_the_metric() -> None:
    @functools.wraps(metrics.f1)
    def decorated(*arguments: np.ndarray) -> float:
        return metrics.f1(*arguments)

    task = dataclasses.replace(INSTANCES["Classification"], measures=(decorated,))
    assert task.primary_metric == "f1" and pickle.loads(pickle.dumps(task)) == task


def test_perfect_answers_score_one() -> None:
    gold = np.array([0, 2, 1, 1])
    logits = np.eye(3)[gold] * 5
    task, labels = INSTANCES["Classification"], ("x", "y", "z")
    found = task.metrics({"logits": logits, "label": gold}, labels)
    assert found == {"accuracy": 1.0}
    wrong = task.metrics({"logits": np.roll(logits, 1, axis=1), "label": gold}, labels)
    assert wrong == {"accuracy": 0.0}
    scores = {"score": np.array([1.0, 3, 2]), "label": np.array([2.0, 6, 4])}
    found = INSTANCES["Regression"].metrics(scores, ("score",))
    assert found == pytest.approx({"pearson": 1.0, "spearman": 1.0})
